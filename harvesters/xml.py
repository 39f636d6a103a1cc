"""Reading XML that strangers wrote: no DTD, no network, no entity, and bounds on size, elements and depth."""

from __future__ import annotations

import codecs
import re
import threading
from collections.abc import Collection, Iterator
from typing import Any, Final, Protocol

from lxml import etree

from discovery.errors import RecordError

MAX_BYTES: Final = 64 * 1024 * 1024
"""Bytes of one document that is read at once; as many as one answer may have."""
MAX_TAGS: Final = 1_000_000
"""Tags of one document that is read at once: an element takes some hundred bytes of memory, however short it is."""
MAX_DEPTH: Final = 256
"""Levels of elements, which libxml2 itself keeps to."""

_ENCODINGS: Final = re.compile(
    r"utf-?8|utf-?16(le|be)?|us-ascii|iso-?8859-\d{1,2}|latin-?1|windows-125\d|cp125\d", re.IGNORECASE
)
_DECLARATION: Final = re.compile(rb"<\?xml\b[^>]{0,200}?\?>")
_ENCODING: Final = re.compile(rb"encoding\s*=\s*[\"']([^\"'<>]{1,40})[\"']")
# What may stand before a DTD: blanks, comments and instructions.
_PROLOG: Final = re.compile(rb"(?:\s+|<\?.*?\?>|<!--.*?-->)*", re.DOTALL)


class Readable(Protocol):
    """What a long document is read from."""

    def read(self, size: int, /) -> bytes:
        """Return at most so many bytes; none at the end."""
        ...


def parse(body: bytes, *, most_tags: int = MAX_TAGS) -> Any:
    """Return the root element of a document, without its comments and instructions.

    Args:
        body: The whole document, in UTF-8 or as its declaration says.
        most_tags: How many opening and closing tags it may have.

    Raises:
        RecordError: It is not well-formed or too deep (`broken-xml`), larger than what is read at once (`too-large`),
            or it brings a DTD (`dtd`), in which entities and addresses can be hidden and which no record needs.
    """
    if len(body) > MAX_BYTES:
        raise RecordError("too-large", f"the document has {len(body)} bytes; allowed are {MAX_BYTES}")
    # What begins with its root, as a record cut out of a page does, has no place for a declaration or a DTD.
    bare = body[:1] == b"<" and body[1:2].isalpha()
    # Counted before anything is built: 64 MiB of `<a/>` would take gigabytes.
    if len(body) > most_tags and (tags := body.count(b"<")) > most_tags:
        raise RecordError("too-large", f"the document has {tags} tags; allowed are {most_tags}")
    if not bare:
        _refuse_dtd(body)
    try:
        root: Any = etree.fromstring(body, _parser())
    except (etree.XMLSyntaxError, LookupError, ValueError) as error:
        raise RecordError("broken-xml", f"this is not XML: {_reason(error)}") from error
    if not bare and root.getroottree().docinfo.doctype:
        raise RecordError("dtd", "the document brings a DTD, which no record needs")
    return root


def _parser() -> etree.XMLParser:
    """Return this thread's parser: making one takes a fifth of the time that a short record takes."""
    if not hasattr(_LOCAL, "parser"):
        _LOCAL.parser = etree.XMLParser(remove_comments=True, remove_pis=True, **_SAFE)
    parser: etree.XMLParser = _LOCAL.parser
    return parser


def stream(file: Readable, events: Collection[str] = ("end",), tag: str | None = None) -> Iterator[tuple[str, Any]]:
    """Yield the parser's events of a document too long to be read at once; who takes an element should clear it.

    Raises:
        RecordError: It is not well-formed or cut off (`broken-xml`), or it brings a DTD (`dtd`); what came before
            cannot be taken back.
    """
    checked = False
    try:
        for event, element in etree.iterparse(file, events=tuple(events), tag=tag, remove_comments=True, **_SAFE):
            if not checked and element.getroottree().docinfo.doctype:
                raise RecordError("dtd", "the document brings a DTD, which no record needs")
            checked = True
            yield event, element
    except (etree.XMLSyntaxError, LookupError) as error:
        raise RecordError("broken-xml", f"this is not XML: {_reason(error)}") from error


def to_utf8(body: bytes) -> bytes:
    """Return a document in UTF-8 and without its declaration, so that pieces can be cut out of it.

    A document that is UTF-8 already stays byte by byte as it is, even where its characters are broken: only the piece
    with the broken ones is lost then.

    Raises:
        RecordError: Its encoding is not one that is known, or it is not written in it (`broken-xml`), or there is a
            DTD (`dtd`).
    """
    _refuse_dtd(body)
    declared = encoding(body)
    if codecs.lookup(declared).name != "utf-8":
        try:
            body = body.decode(declared).lstrip("\ufeff").encode()
        except UnicodeError as error:
            raise RecordError("broken-xml", f"this is not XML: {error}") from error
    body = body.removeprefix(codecs.BOM_UTF8)
    found = _DECLARATION.match(body)
    return body[found.end() :] if found else body


def encoding(body: bytes) -> str:
    """Return the name of the encoding that a document begins to be written in, of the few that are read.

    Raises:
        RecordError: It is another one (`broken-xml`); some hide tags from every check, as UTF-7 does.
    """
    if body.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if body.startswith((b"<\0", b"\0<")):
        return "utf-16-le" if body.startswith(b"<") else "utf-16-be"
    head = _DECLARATION.match(body.removeprefix(codecs.BOM_UTF8))
    found = _ENCODING.search(head[0]) if head else None
    name = found[1].decode("ascii", "replace") if found else "utf-8"
    if not _ENCODINGS.fullmatch(name) or "16" in name.lower().partition("8859")[0]:
        raise RecordError("broken-xml", f"the document says that it is written in {name!r}, which is not read")
    return name


def _refuse_dtd(body: bytes) -> None:
    """Refuse a DTD before a parser sees it: what it declares is used in attributes in spite of every setting."""
    encoding(body)
    # Text in two bytes a character looks like one byte each without its zeros, as far as markup is concerned.
    head = body[:65_536].replace(b"\0", b"").lstrip(codecs.BOM_UTF8 + codecs.BOM_UTF16)
    found = _PROLOG.match(head)
    assert found is not None
    if head[found.end() : found.end() + 9].upper() == b"<!DOCTYPE":
        raise RecordError("dtd", "the document brings a DTD, which no record needs")


def _reason(error: Exception) -> str:
    return str(getattr(error, "msg", None) or error)[:300]


_LOCAL: Final = threading.local()
_SAFE: Final[dict[str, Any]] = {
    "resolve_entities": False,
    "no_network": True,
    "load_dtd": False,
    "dtd_validation": False,
    "huge_tree": False,
}
