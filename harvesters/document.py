"""Reading JSON that strangers wrote: every value is checked, and what cannot be used becomes an issue."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import orjson

from discovery.errors import RecordError
from discovery.model.instant import instant, span
from discovery.model.record import Issue
from discovery.model.source import RawRecord

BOM: Final = b"\xef\xbb\xbf"
MAX_ID: Final = 2048
"""Characters of an id; it stands in URLs, and a longer one is a mistake."""
MAX_TITLE: Final = 1000
MAX_DESCRIPTION: Final = 200_000
MAX_VALUES: Final = 500
"""Values of one list, such as keywords; more of them describe nothing."""
MAX_VALUE: Final = 1000
MAX_NAME: Final = 100
"""Characters of the name of a property."""
MAX_TAIL: Final = 200
MAX_ISSUES: Final = 50
MAX_HELD: Final = 65_536
"""Bytes of an element that is kept parsed until its page is stored: as values it is several times as large."""

# What no text needs and what breaks terminals, XML and some databases: controls and lone halves of surrogate pairs.
_UNWANTED: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_ZONED_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(Z|[+-][0-9]{2}:[0-9]{2})")


class Notes:
    """The issues found while one document is read."""

    def __init__(self) -> None:
        self._issues: dict[tuple[str, str], Issue] = {}

    def add(self, code: str, message: str, path: str = "") -> None:
        """Remember an issue; the same one on the same path once."""
        if len(self._issues) < MAX_ISSUES:
            self._issues.setdefault((code, path), Issue(code, clean(message)[:500], path[:200]))

    @property
    def issues(self) -> tuple[Issue, ...]:
        """The issues in the order in which they were found."""
        return tuple(self._issues.values())


def parse_object(raw: RawRecord) -> dict[str, Any]:
    """Return the JSON object of an element.

    Raises:
        RecordError: It is not JSON (`broken-json`), or not an object (`not-an-object`).
    """
    if raw.document is not None:
        return raw.document
    try:
        document = orjson.loads(raw.body.removeprefix(BOM))
    except orjson.JSONDecodeError as error:
        raise RecordError("broken-json", f"this is not JSON: {error}") from error
    if not isinstance(document, dict):
        raise RecordError("not-an-object", f"this is a JSON {type(document).__name__}, not an object")
    return document


def kept(body: bytes, document: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return a document that whoever maps its element need not read again; None for a large one, to bound memory.

    Args:
        body: The element, without what stands before and behind it.
        document: What it says; None where that is no object.
    """
    return document if len(body) <= MAX_HELD and type(document) is dict else None


def nameable(text: str) -> bool:
    """Say whether an id or the name of a container can be written down everywhere: in URLs, in XML, in a database."""
    return len(text) <= MAX_ID and not _UNWANTED.search(text)


def identity(document: Mapping[str, Any]) -> str:
    """Return the id of a document, as sent; empty when it has none that can be used."""
    value = document.get("id")
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    return value if isinstance(value, str) and nameable(value) else ""


def require_identity(raw: RawRecord, document: Mapping[str, Any]) -> str:
    """Return the id under which an element was cut out.

    Raises:
        RecordError: It has none (`missing-id`), or one that nothing can be named by (`bad-id`).
    """
    if raw.source_id:
        return raw.source_id
    value = document.get("id")
    if value is None or value == "":
        raise RecordError("missing-id", "the element has no id", path="id")
    shown = repr(value)[:80]
    raise RecordError("bad-id", f"the id {shown} is not a text of 1 to {MAX_ID} printable characters", path="id")


def clean(text: str) -> str:
    """Return a text without control characters and broken pairs, and without blanks around it."""
    # What can be printed has neither; that is known at once, and most texts are of that kind.
    if text.isprintable():
        return text.strip()
    return _UNWANTED.sub(" ", text).strip()


def text(value: Any, notes: Notes, path: str, limit: int = MAX_VALUE) -> str:
    """Return a text; numbers are written out, anything else is an issue and empty."""
    if type(value) is str and len(value) <= limit and value.isprintable():
        return value.strip()
    if value is None:
        return ""
    if not isinstance(value, str):
        if isinstance(value, bool | int | float):
            return str(value).lower() if isinstance(value, bool) else str(value)
        notes.add("wrong-type", f"{path} is a {type(value).__name__}, not a text", path)
        return ""
    out = clean(value)
    if len(out) > limit:
        notes.add("too-long", f"{path} has {len(out)} characters; {limit} are kept", path)
        return out[:limit]
    return out


def texts(value: Any, notes: Notes, path: str) -> tuple[str, ...]:
    """Return a list of different texts in their order; a single text counts as a list of one."""
    if value is None:
        return ()
    if type(value) is list and len(value) == 1 and type(value[0]) is str:
        # As most lists are: of roles, instruments, platforms.
        found = text(value[0], notes, path)
        return (found,) if found else ()
    values = value if isinstance(value, list) else [value]
    if len(values) > MAX_VALUES:
        notes.add("too-many", f"{path} has {len(values)} values; {MAX_VALUES} are kept", path)
    return tuple(dict.fromkeys([found for each in values[:MAX_VALUES] if (found := text(each, notes, path))]))


def number(value: Any, notes: Notes, path: str) -> float | None:
    """Return a finite number; one that is written as text is taken with an issue."""
    if type(value) is float and math.isfinite(value):
        return value
    if value is None or isinstance(value, bool):
        return None
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            notes.add("not-a-number", f"{path} is {value[:80]!r}, not a number", path)
            return None
        notes.add("number-as-text", f"{path} is a number written as text", path)
    if not isinstance(value, int | float) or not math.isfinite(value):
        notes.add("not-a-number", f"{path} is not a finite number", path)
        return None
    return float(value)


def moment(value: Any, notes: Notes, path: str, *, end: bool = False) -> int | None:
    """Return UTC milliseconds of a date or time; `end` takes the last one of a day, month or year."""
    if value is None or value in ("", ".."):
        return None
    if not isinstance(value, str):
        notes.add("bad-date", f"{path} is a {type(value).__name__}, not a date", path)
        return None
    if len(value) > 10 and _ZONED_DAY.fullmatch(value):
        # XML's dates may have a zone; a day that began some hours earlier somewhere is still that day.
        value = value[:10]
    try:
        return span(value)[1] if end else instant(value)
    except ValueError as error:
        notes.add("bad-date", f"{path}: {error}", path)
        return None


def items(value: Any, notes: Notes, path: str) -> Iterator[Mapping[str, Any]]:
    """Yield the objects of a list; what is none is an issue."""
    if value is None:
        return
    if not isinstance(value, list):
        notes.add("wrong-type", f"{path} is a {type(value).__name__}, not a list", path)
        return
    for index, each in enumerate(value):
        if isinstance(each, Mapping):
            yield each
        else:
            notes.add("wrong-type", f"{path} holds a {type(each).__name__}, not an object", f"{path}[{index}]")


def tail(properties: Iterable[tuple[str, Any]], notes: Notes) -> dict[str, str | tuple[str, ...]]:
    """Return the scalar values among properties as flat texts: what no field of a record is for."""
    out: dict[str, str | tuple[str, ...]] = {}
    for name, value in properties:
        # What can be printed has nothing unwanted.
        if not name or len(name) > MAX_NAME or (not name.isprintable() and _UNWANTED.search(name)):
            continue
        flat = _flat(value)
        if not flat:
            continue
        if len(out) == MAX_TAIL:
            notes.add(
                "too-many", f"there are more than {MAX_TAIL} further properties; the rest is left out", "properties"
            )
            break
        out[name] = flat
    return out


def _flat(value: Any) -> str | tuple[str, ...]:
    if type(value) is str:
        return clean(value)[:MAX_VALUE]
    if isinstance(value, bool | int | float):
        return str(value).lower() if isinstance(value, bool) else str(value)
    if isinstance(value, list) and value and all(isinstance(each, str | bool | int | float) for each in value):
        flat = (_flat(each) for each in value[:50])
        return tuple(each for each in flat if isinstance(each, str) and each)
    return ""
