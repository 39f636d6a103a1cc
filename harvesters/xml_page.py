"""One page of records in XML, cut into its records byte by byte as they were sent."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final
from xml.sax.saxutils import quoteattr

from lxml import etree

from discovery.errors import RecordError
from harvesters import xml

MAX_ELEMENTS: Final = 100_000
"""Elements of one page; whoever sends more was asked for far fewer."""
_MAX_NAME: Final = 1000
"""Characters of the name of a tag."""
_NAME: Final = rb"(?:[\w.-]+:)?[\w.-]+"
_INSIDE: Final = rb"(?:[^<>\"']++|\"[^\"<]*+\"|'[^'<]*+')*+"
"""What stands between the name of a tag and its end: attributes, whose values may hold a `>`."""
_START: Final = re.compile(rb"<(" + _NAME + rb")((?=[\s/>])" + _INSIDE + rb")>")
_HIDDEN: Final = re.compile(rb"<!--.*?-->|<!\[CDATA\[.*?\]\]>|<\?.*?\?>", re.DOTALL)
_BLANK: Final = re.compile(rb"\s*+")
_PREFIX: Final = re.compile(r"[A-Za-z_][\w.-]*")


@dataclass(frozen=True, slots=True)
class Element:
    """One element of a page, as a document of its own."""

    name: str
    """Without its prefix."""
    body: bytes
    """As it was sent, in UTF-8, with the namespaces that were declared around it."""


@dataclass(frozen=True, slots=True)
class Page:
    """What an element in an answer holds."""

    elements: tuple[Element, ...]
    attributes: Mapping[str, str]
    """Of the element around them, by names without namespaces."""
    head: str
    """The name of the answer's root."""
    before: Mapping[str, Mapping[str, str]]
    """Attributes of everything that came before the first child, by names; the text of each is under the name ''."""


def cut(body: bytes, names: frozenset[str]) -> Page:
    """Return the children of the first element of one of some names.

    A child that is no XML costs only itself, for nothing but the tags of the children is looked at.

    Args:
        body: The answer.
        names: What the element around the records may be called, without a prefix.

    Raises:
        RecordError: There is no such element (`no-page`), or the answer ends before it does (`broken-xml`), or brings
            a DTD (`dtd`).
    """
    if len(body) > xml.MAX_BYTES:
        raise RecordError("too-large", f"the answer has {len(body)} bytes; allowed are {xml.MAX_BYTES}")
    body = xml.to_utf8(body)
    if (tags := body.count(b"<")) > xml.MAX_TAGS:
        raise RecordError("too-large", f"the answer has {tags} tags; allowed are {xml.MAX_TAGS}")
    # Blanks in place of whatever may look like a tag and is none; every other byte stays where it is.
    plain = _HIDDEN.sub(lambda hidden: b" " * len(hidden[0]), body) if b"<!" in body or b"<?" in body else body
    opening = _opening(names).search(plain)
    if opening is None:
        raise RecordError("no-page", f"the answer has no {' or '.join(sorted(names))} in it")
    begun = _begun(body[: opening.end()])
    last = begun[-1]
    before = {_local(each.tag): _attributes(each) for each in begun}
    elements: tuple[Element, ...] = ()
    if not opening[0].endswith(b"/>"):
        elements = _children(body, plain, opening.end(), {name or "": uri for name, uri in last.nsmap.items()})
    return Page(elements, _attributes(last), _local(begun[0].tag), before)


def _children(body: bytes, plain: bytes, at: int, namespaces: Mapping[str, str]) -> tuple[Element, ...]:
    out: list[Element] = []
    around = _Around(namespaces)
    while True:
        blank = _BLANK.match(plain, at)
        at = blank.end() if blank else at
        if plain.startswith(b"</", at):
            return tuple(out)
        start = _START.match(plain, at)
        if start is None or len(start[1]) > _MAX_NAME:
            raise RecordError("broken-xml", f"the answer ends before its end, or is no XML behind {len(out)} elements")
        if len(out) >= MAX_ELEMENTS:
            raise RecordError("too-large", f"the answer has more than {MAX_ELEMENTS} elements")
        end = start.end() if start[2].endswith(b"/") else _end(plain, start[1], start.end(), len(out))
        name = start[1].rpartition(b":")[2].decode("utf-8", "replace")
        out.append(Element(name, around.alone(body[at:end], start[1], start[2])))
        at = end


def _end(plain: bytes, name: bytes, at: int, number: int) -> int:
    """Return where the element ends whose first tag ends at a place; elements of its name may stand in it."""
    first = plain.find(b"</" + name, at)
    if first >= 0 and plain.find(b"<" + name, at, first) < 0 and (tag := _tags(name).match(plain, first)):
        # As almost always: found without a look at each tag in between.
        return tag.end()
    depth = 1
    for tag in _tags(name).finditer(plain, at):
        if tag[1]:
            depth -= 1
            if not depth:
                return tag.end()
        elif not tag[0].endswith(b"/>"):
            depth += 1
    raise RecordError("broken-xml", f"the answer ends before its end, behind {number} whole elements")


class _Around:
    """The namespaces that are declared around the elements of a page."""

    def __init__(self, namespaces: Mapping[str, str]) -> None:
        # Prefix with its colon, the name of the attribute that declares it, and that attribute.
        self._spaces = [
            (f"{prefix}:".encode() if prefix else b"", declared.encode(), f" {declared}={quoteattr(uri)}".encode())
            for prefix, uri in sorted(namespaces.items())
            for declared in (f"xmlns:{prefix}" if prefix else "xmlns",)
        ]
        self._missing: dict[bytes, list[tuple[bytes, bytes]]] = {}

    def alone(self, body: bytes, name: bytes, inside: bytes) -> bytes:
        """Return an element with the namespaces that it uses and that were declared around it.

        Args:
            body: The element.
            name: Its name, with its prefix.
            inside: What stands in its first tag behind the name.
        """
        missing = self._missing.get(inside)
        if missing is None:
            # The records of a page begin alike.
            missing = self._missing[inside] = [
                (prefix, attribute) for prefix, declared, attribute in self._spaces if not _declares(inside, declared)
            ]
        used = b"".join([attribute for prefix, attribute in missing if prefix in body])
        at = 1 + len(name)
        return body[:at] + used + body[at:] if used else body


def _declares(inside: bytes, attribute: bytes) -> bool:
    return re.search(rb"(?<![\w:.-])" + re.escape(attribute) + rb"\s*=", inside) is not None


def _begun(head: bytes) -> list[Any]:
    """Return the elements that begin in the beginning of an answer, in their order."""
    parser = etree.XMLPullParser(
        events=("start",),
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        parser.feed(head)
        begun: list[Any] = [element for _, element in parser.read_events()]
    except etree.XMLSyntaxError as error:
        raise RecordError("broken-xml", f"this is not XML: {error.msg}") from error
    if not begun:
        raise RecordError("broken-xml", "this is not XML: it has no beginning")
    return begun


def _attributes(element: Any) -> dict[str, str]:
    found = {_local(name): str(value) for name, value in element.attrib.items()}
    return {**found, "": (element.text or "").strip()}


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]


@lru_cache(maxsize=64)
def _opening(names: frozenset[str]) -> re.Pattern[bytes]:
    chosen = b"|".join(re.escape(each.encode()) for each in sorted(names))
    return re.compile(rb"<(?:[\w.-]+:)?(?:" + chosen + rb")(?=[\s/>])" + _INSIDE + rb">")


@lru_cache(maxsize=256)
def _tags(name: bytes) -> re.Pattern[bytes]:
    return re.compile(rb"<(/?)" + re.escape(name) + rb"(?=[\s/>])" + _INSIDE + rb">")
