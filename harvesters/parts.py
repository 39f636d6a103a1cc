"""The parts of a document as it was sent, and the document without one of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any, Final

import orjson
from lxml import etree

from discovery.errors import RecordError
from harvesters import xml

_DEEPEST: Final = 64
"""Levels that are looked into; what is below counts as one part, as does a list of numbers or of words."""


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a document that can be taken out of it."""

    path: str
    """Where it stands: names with dots and numbers between, or the tags of XML with their prefixes."""
    several: bool
    """Whether it is a list, whose members are of one kind."""
    parts: Callable[[], list[Part]]
    out: Callable[[], AbstractContextManager[None]]
    """Takes it out while a block runs."""
    text: str = ""
    """What it says, where it is one value and nothing below it."""


@dataclass(frozen=True, slots=True)
class Document:
    """A document that can be written down without some of its parts."""

    parts: list[Part]
    write: Callable[[], bytes]


def document(body: bytes, media_type: str) -> Document:
    """Return a document by its parts.

    Raises:
        RecordError: It is neither JSON nor XML that can be read.
    """
    if "xml" in media_type or body.lstrip()[:1] == b"<":
        return _of_xml(xml.parse(body))
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise RecordError("broken-json", f"this is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise RecordError("not-an-object", "this is JSON, but not an object")
    try:
        orjson.dumps(value)
    except TypeError as error:  # It reads four times as deep as it writes.
        raise RecordError("broken-json", f"this cannot be written again: {error}") from error
    return Document(_members(value, "", 0), lambda: orjson.dumps(value))


# JSON


def _members(value: Any, path: str, depth: int) -> list[Part]:
    if depth >= _DEEPEST:
        return []
    if isinstance(value, dict):
        return [_entry(value, name, f"{path}.{name}" if path else str(name), depth) for name in value]
    if isinstance(value, list) and any(isinstance(each, dict) for each in value):
        return [_item(value, n, f"{path}[{n}]", depth) for n in range(len(value))]
    return []


def _entry(owner: dict[str, Any], name: str, path: str, depth: int) -> Part:
    @contextmanager
    def out() -> Iterator[None]:
        held = dict(owner)
        del owner[name]
        try:
            yield
        finally:
            # All of it anew, so that names keep their order.
            owner.clear()
            owner.update(held)

    value = owner[name]
    text = str(value) if isinstance(value, (str, int, float)) else ""
    return Part(path, isinstance(value, list), lambda: _members(value, path, depth + 1), out, text)


def _item(owner: list[Any], number: int, path: str, depth: int) -> Part:
    @contextmanager
    def out() -> Iterator[None]:
        value = owner.pop(number)
        try:
            yield
        finally:
            owner.insert(number, value)

    return Part(path, False, lambda: _members(owner[number], path, depth + 1), out)


# XML


def _of_xml(root: Any) -> Document:
    return Document(_below(root, ""), lambda: bytes(etree.tostring(root)))


def _below(element: Any, path: str) -> list[Part]:
    place = f"{path}/" if path else ""
    same: dict[str, int] = {}
    for each in element:
        same[_tag(each)] = same.get(_tag(each), 0) + 1
    count: dict[str, int] = {}
    out = [_attribute(element, name, f"{place}@{etree.QName(name).localname}") for name in element.attrib]
    for each in element:
        name = _tag(each)
        count[name] = count.get(name, 0) + 1
        out.append(_element(element, each, f"{place}{name}" + (f"[{count[name]}]" if same[name] > 1 else "")))
    return out


def _tag(element: Any) -> str:
    local = str(etree.QName(element).localname)
    return f"{element.prefix}:{local}" if element.prefix else local


def _element(owner: Any, element: Any, path: str) -> Part:
    @contextmanager
    def out() -> Iterator[None]:
        place = owner.index(element)
        owner.remove(element)
        try:
            yield
        finally:
            owner.insert(place, element)

    several = len({_tag(each) for each in element}) == 1 < len(element)
    text = (element.text or "").strip() if len(element) == 0 else ""
    return Part(path, several, lambda: _below(element, path), out, text)


def _attribute(element: Any, name: str, path: str) -> Part:
    @contextmanager
    def out() -> Iterator[None]:
        value = element.attrib.pop(name)
        try:
            yield
        finally:
            element.set(name, value)

    return Part(path, False, list, out, str(element.attrib[name]).strip())
