"""Documents that say by what is in them of which standard they are: STAC, OGC Records, DCAT, ISO 19115, Dublin Core."""

from __future__ import annotations

import gzip
import io
import re
import zlib
from collections.abc import Iterator, Mapping
from typing import Any, Final

import orjson

from discovery.errors import RecordError
from discovery.model.record import Issue
from discovery.model.source import Mapped, Quarantined, RawRecord
from discovery.model.stac import array
from discovery.model.stac import elements as spans_of
from harvesters import dcat, ogc_collection, ogc_record, rdf_xml, stac_items, xml, xml_page, xml_record
from harvesters.defaults import Defaults
from harvesters.document import BOM, identity, parse_object, require_identity
from harvesters.documents import MAX_DOCUMENT
from harvesters.ogc_api import is_catalogue
from harvesters.ogc_records import to_mapped as record_to_mapped

METADATA: Final = "metadata"
"""The container of documents in XML, whose identifiers are unique wherever they are."""
LINKED_DATA: Final = "application/ld+json"
GEOJSON: Final = "application/geo+json"
_ARRAYS: Final = ("features", "records", "collections")
"""Members that hold many elements of a document."""
_AROUND: Final = frozenset({"SearchResults", "ListRecords", "GetRecordByIdResponse", "MetadataRecords"})
"""Elements of XML that hold many records."""
_RECORDS: Final = re.compile(r"ogcapi-records|/wis/wcmp", re.IGNORECASE)
_TAG: Final = re.compile(rb"\s*<[A-Za-z_?!]")
_WEB_PAGE: Final = re.compile(
    rb"\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html)\b", re.IGNORECASE | re.DOTALL
)

Element = RawRecord | Quarantined


def looks_like_metadata(beginning: bytes) -> bool:
    """Say whether what begins so may be JSON or XML, packed or not, and no page for people."""
    if beginning.startswith(b"\x1f\x8b"):
        return True
    start = beginning.removeprefix(BOM).lstrip()
    return start.startswith((b"{", b"[", b"\xff\xfe", b"\xfe\xff")) or (
        _TAG.match(start) is not None and not _WEB_PAGE.match(start)
    )


def looks_like_web_page(body: bytes) -> bool:
    """Say whether a document is a page for people."""
    return _WEB_PAGE.match(body.removeprefix(BOM)[:4096]) is not None


def unpacked(body: bytes) -> bytes:
    """Return what a packed document holds; any other as it is.

    Raises:
        RecordError: It is damaged (`broken-archive`), or holds more than a document may have (`too-large`).
    """
    if not body.startswith(b"\x1f\x8b"):
        return body
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(body)) as file:
            plain = file.read(MAX_DOCUMENT + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise RecordError("broken-archive", f"the archive is damaged: {error}") from error
    if len(plain) > MAX_DOCUMENT:
        raise RecordError("too-large", f"the archive holds more than {MAX_DOCUMENT} bytes")
    return plain


def elements(body: bytes, url: str, place: str) -> Iterator[Element]:
    """Yield the elements of a document, or why it has none; nothing for a document that only leads to others.

    Args:
        body: The document as it was sent.
        url: Where it came from; empty for a file.
        place: What names it for people.
    """
    try:
        plain = unpacked(body)
        if _TAG.match(plain.removeprefix(BOM)) or plain.startswith((b"\xff\xfe", b"\xfe\xff")):
            yield from _in_xml(plain, url, place)
        else:
            yield from _in_json(plain.removeprefix(BOM), url, place)
    except RecordError as error:
        yield Quarantined(RawRecord("", "", body, url=url, position=place), Issue(error.code, str(error)), "parse")


def parse(raw: RawRecord) -> Any:
    """Return the document of an element: a JSON object, or the root of one in XML.

    Raises:
        RecordError: It is neither.
    """
    return xml_record.parse(raw) if raw.media_type == "application/xml" else parse_object(raw)


def to_mapped(raw: RawRecord, document: Any, defaults: Defaults) -> Mapped:
    """Return the record of an element, by the mapping of its standard.

    Raises:
        RecordError: It cannot become a record; the code says why.
    """
    if not isinstance(document, Mapping):
        return xml_record.to_mapped(raw, document, defaults)
    if raw.media_type == LINKED_DATA:
        source_id = require_identity(raw, document)
        return Mapped(dcat.to_record(document, raw.container, source_id, defaults, base=raw.url), raw)
    if "stac_version" in document:
        return stac_items.to_mapped(raw, document, defaults, raw.container)
    if document.get("type") == "Feature":
        return record_to_mapped(raw, document, defaults)
    source_id = require_identity(raw, document)
    return Mapped(ogc_collection.to_record(document, raw.container, source_id, defaults, base=raw.url), raw)


# JSON


def _in_json(body: bytes, url: str, place: str) -> Iterator[Element]:
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        yield from _in_lines(body, url, place, error)
        return
    if isinstance(document, list):
        spans = list(spans_of(body, body.index(b"["), len(body)))
        for number, ((start, end), each) in enumerate(zip(spans, document, strict=True), 1):
            yield from _one(body[start:end], each, url, f"{place} {number}")
        return
    yield from _one(body, document, url, place)


def _in_lines(body: bytes, url: str, place: str, error: orjson.JSONDecodeError) -> Iterator[Element]:
    """Yield the elements of a document that has one a line; a line that is broken costs only itself."""
    lines = [line for line in body.splitlines() if line.strip()]
    try:
        first = orjson.loads(lines[0])
    except (orjson.JSONDecodeError, IndexError):
        first = None
    if not isinstance(first, dict):
        raise RecordError("broken-json", f"this is not JSON: {error}")
    for number, line in enumerate(lines, 1):
        where = f"{place} {number}"
        try:
            yield from _one(line, orjson.loads(line), url, where)
        except orjson.JSONDecodeError as broken:
            raw = RawRecord("", "", line, url=url, position=where)
            yield Quarantined(raw, Issue("broken-json", f"this is not JSON: {broken}"), "parse")


def _one(body: bytes, document: Any, url: str, place: str) -> Iterator[Element]:
    """Yield what a JSON value is, or what is in it."""
    if not isinstance(document, dict):
        issue = Issue("not-an-object", f"this is a JSON {type(document).__name__}, not an object")
        yield Quarantined(RawRecord("", "", body, url=url, position=place), issue, "parse")
        return
    raw = _recognised(body, document, url, place)
    if raw is not None:
        yield raw
        return
    name = next((each for each in _ARRAYS if isinstance(document.get(each), list)), None)
    if name is not None and "@context" not in document:
        yield from _members(body, document[name], name, url, place)
        return
    if document.get("type") == "Catalog" or is_catalogue(document, ()):
        return
    yield from _linked_data(document, url, place)


def _recognised(body: bytes, document: Mapping[str, Any], url: str, place: str) -> RawRecord | None:
    """Return the element that a document itself is; None where it is none that we know."""
    kind, source_id = document.get("type"), identity(document)
    if kind == "Feature" and "stac_version" in document:
        collection = document.get("collection")
        container = collection if isinstance(collection, str) else ""
        return RawRecord(container, source_id, body, GEOJSON, url, place)
    if kind == "Feature" and _is_record(document):
        return RawRecord(stac_items.RECORDS, source_id, body, GEOJSON, url, place)
    is_collection = kind == "Collection" and "stac_version" in document
    if is_collection or ("extent" in document and "links" in document and not is_catalogue(document, ())):
        return RawRecord(stac_items.COLLECTIONS, source_id, body, "application/json", url, place)
    return None


def _is_record(feature: Mapping[str, Any]) -> bool:
    """Say whether a Feature describes something, and is not itself a piece of data, of which there may be millions."""
    given = feature.get("properties")
    given = given if isinstance(given, Mapping) else {}
    said = feature.get("conformsTo")
    if isinstance(said, list) and any(isinstance(each, str) and _RECORDS.search(each) for each in said):
        return True
    try:
        ogc_record.kind_of(given)
    except RecordError:
        return "time" in feature and "links" in feature and "title" in given
    return True


def _members(body: bytes, given: list[Any], name: str, url: str, place: str) -> Iterator[Element]:
    found = 0
    spans = list(array(body, name))
    for number, ((start, end), each) in enumerate(zip(spans, given, strict=True), 1):
        member = each if isinstance(each, dict) else {}
        raw = _recognised(body[start:end], member, url, f"{place} {number}")
        if raw is not None:
            found += 1
            yield raw
        elif found and not is_catalogue(member, ()):
            yield from _one(body[start:end], each, url, f"{place} {number}")
    if given and not found and not all(is_catalogue(each, ()) for each in given if isinstance(each, dict)):
        raise RecordError("unknown-type", f"none of the {len(given)} {name} describes anything in a way that we know")


def _linked_data(document: Any, url: str, place: str) -> Iterator[Element]:
    found = False
    for number, node in enumerate(dcat.nodes(document), 1):
        found = True
        source_id = dcat.identity(node)
        yield RawRecord(dcat.CONTAINER, source_id, orjson.dumps(node), LINKED_DATA, url, f"{place} {number}")
    if not found:
        raise RecordError("unknown-type", "the document is neither STAC nor OGC Records, nor is there DCAT in it")


# XML


def _in_xml(body: bytes, url: str, place: str) -> Iterator[Element]:
    if looks_like_web_page(body):
        return
    try:
        page = xml_page.cut(body, _AROUND)
    except RecordError as error:
        if error.code != "no-page":
            raise
        root = xml.parse(body)
        if rdf_xml.is_rdf(root):
            yield from _linked_data(rdf_xml.document(root), url, place)
            return
        yield RawRecord(METADATA, xml_record.identity(root), body, "application/xml", url, place)
        return
    for number, each in enumerate(page.elements, 1):
        where = f"{place} {number}"
        try:
            source_id = xml_record.identity(xml.parse(each.body, most_tags=xml_record.MAX_TAGS))
        except RecordError as error:
            raw = RawRecord("", "", each.body, "application/xml", url, where)
            yield Quarantined(raw, Issue(error.code, str(error)), "parse")
            continue
        yield RawRecord(METADATA, source_id, each.body, "application/xml", url, where)
