"""The parts of an ISO metadata document by their names alone, whichever edition's namespaces they are in.

ISO 19139, 19115-2, 19115-3 and national profiles name the same things alike and put them into dozens of namespaces. In
all of them an object's children are properties, and a property's child is its value: another object, or a text.
Children are asked for by `[:]`: lxml needs five times as long to make an iterator as to make a short list.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

Group = Mapping[str, list[Any]]
"""The properties of an object by their names."""

_HREF: Final = "{http://www.w3.org/1999/xlink}href"
_MOST_NAMES: Final = 10_000
_LONGEST_NAME: Final = 300
_NONE: Final[list[Any]] = []


class _Names(dict[str, str]):
    """Names without their namespaces; a document has few, and a hostile one must not fill the memory."""

    def __missing__(self, tag: str) -> str:
        name = tag.rpartition("}")[2]
        if len(self) < _MOST_NAMES and len(tag) < _LONGEST_NAME:
            self[tag] = name
        return name


_NAMES: Final = _Names()


def name(element: Any) -> str:
    """Return an element's name without its namespace."""
    return _NAMES[element.tag]


def group(element: Any) -> dict[str, list[Any]]:
    """Return the children of an object by their names; nothing for None."""
    out: dict[str, list[Any]] = {}
    if element is None:
        return out
    names = _NAMES
    for child in element[:]:
        key = names[child.tag]
        if key in out:
            out[key].append(child)
        else:
            out[key] = [child]
    return out


def objects(found: Group, key: str) -> list[Any]:
    """Return the objects that the properties of a name hold."""
    return [each[0] for each in found[key] if len(each)] if key in found else _NONE


def held(found: Group, key: str) -> Any:
    """Return the first object that the properties of a name hold; None where there is none."""
    if key in found:
        for each in found[key]:
            if len(each):
                return each[0]
    return None


def inside(found: Group, *keys: str) -> Group:
    """Return the properties of the first object that is reached by the names of one property after the other."""
    for key in keys:
        if key not in found or (element := held(found, key)) is None:
            return {}
        found = group(element)
    return found


def value(element: Any) -> str:
    """Return the text of a property: of its string, anchor, date, number or code, whatever language has one."""
    if not len(element):
        return (element.text or "").strip()
    own: str | None = element[0].text
    if own and (own := own.strip()):
        return own
    for child in element[:]:
        if (text := child.text) and (text := text.strip()):
            return str(text)
        if code := child.get("codeListValue"):
            return str(code).strip()
        if len(child):
            # A string that is there in other languages only: PT_FreeText/textGroup/LocalisedCharacterString.
            for each in child.iter("{*}LocalisedCharacterString"):
                if text := (each.text or "").strip():
                    return str(text)
    return ""


def line(element: Any) -> str:
    """Return the text of a property in one line."""
    text = value(element)
    # What is printable has no other blanks than spaces.
    return text if text.isprintable() and "  " not in text else " ".join(text.split())


def first(found: Group, key: str) -> str:
    """Return the first text of the properties of a name."""
    if key in found:
        for each in found[key]:
            if text := line(each):
                return text
    return ""


def values(found: Group, key: str) -> list[str]:
    """Return the texts of the properties of a name."""
    return [text for each in found[key] if (text := line(each))] if key in found else []


def code(found: Group, key: str) -> str:
    """Return the first code of the properties of a name: the value in its list, else its text; a URI's last part."""
    if key in found:
        for each in found[key]:
            if word := _code(each):
                return word
    return ""


def codes(found: Group, key: str) -> list[str]:
    """Return the codes of the properties of a name."""
    return [word for each in found[key] if (word := _code(each))] if key in found else []


def _code(element: Any) -> str:
    for child in element[:]:
        if word := (child.get("codeListValue") or child.text or "").strip():
            uri = "/" in word or "#" in word
            return str(word.rstrip("/").replace("#", "/").rpartition("/")[2] if uri else word)
    return ""


def href(element: Any) -> str:
    """Return what a property's anchor, or the property itself, refers to."""
    for each in element[:]:
        if len(each.attrib) and (found := each.get(_HREF)):
            return str(found).strip()
    return str(element.get(_HREF) or "").strip()


def translations(element: Any) -> dict[str, str]:
    """Return the texts of a property in its other languages, by the ids of their locales in lower case."""
    out: dict[str, str] = {}
    for each in element.iter("{*}LocalisedCharacterString"):
        locale = (each.get("locale") or "").lstrip("#").lower()
        if locale and (text := " ".join((each.text or "").split())):
            out.setdefault(locale, text)
    return out
