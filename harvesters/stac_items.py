"""Files of STAC Items and Collections or of OGC Records, as one FeatureCollection or one document a line."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, Final
from urllib.parse import urlsplit

import orjson

from discovery.errors import RunError, SourceUnavailableError
from discovery.model.record import Issue, record_id
from discovery.model.source import Mapped, Quarantined, RawRecord, make_mapped, make_raw
from discovery.model.stac import elements, members, splice
from harvesters import ogc_record, stac, stac_collection, stac_item
from harvesters.base import Position, Probe, RawPage, SourceContext, ids_of
from harvesters.defaults import Defaults
from harvesters.document import BOM, identity, kept, parse_object, require_identity
from harvesters.documents import MAX_DOCUMENT, Documents, Readable

COLLECTIONS: Final = "collections"
"""The container of collections; their ids are unique in a STAC API, which such files are taken from."""
RECORDS: Final = "records"
MAX_LINE: Final = 16 * 1024 * 1024
"""Bytes of one element."""
_LINES: Final = re.compile(r"\.(ndjson|jsonl|ndgeojson|geojsonl|geojsons|nljson)(\.gz)?$")
_ARRAYS: Final = ("features", "collections", "records")
_ARRAY: Final = re.compile(rb'"(?:features|collections|records)"\s*:\s*\[')
_START: Final = 65_536


class _ElementFile:
    """Walks one file, or two: that of the collections and then that of the items."""

    def __init__(self, context: SourceContext, *files: Documents) -> None:
        self._context = context
        self._files = files
        self._size = context.number("page")

    @property
    def bytes_read(self) -> int:
        """How many bytes of local files have been read."""
        return sum(file.bytes_read for file in self._files)

    def probe(self) -> Probe:
        """Check that the files are there."""
        for documents in self._files:
            with documents.stream(documents.first) as file:
                file.read(1)
        return Probe()

    def pages(self, position: Position | None) -> Iterator[RawPage]:
        """Yield the elements in their order, some hundred at a time, in bounded memory where there is one a line."""
        place = dict(position) if position else {"file": 0}
        for number in range(int(place["file"]), len(self._files)):
            documents, last = self._files[number], number == len(self._files) - 1
            pages = self._lines(documents, place) if _is_lines(documents) else self._whole(documents, place)
            ended = False
            for raws, rejected, onward in pages:
                ended = onward is None
                following = (
                    None if ended and last else {"file": number + 1} if ended else {"file": number, **(onward or {})}
                )
                yield RawPage(tuple(raws), following, rejected=tuple(rejected))
            if not ended and last:
                yield RawPage((), None)
            place = {}

    def ids(self) -> Iterator[tuple[str, str]]:
        """Return container and id of every element."""
        return ids_of(self.pages(None))

    @property
    def cheap_ids(self) -> bool:
        """A file is read whole or not at all."""
        return False

    def changes(self, since: int, position: Position | None) -> Iterator[RawPage] | None:
        """Return nothing where no file has changed since; where one has, it is not known which of its elements did."""
        changed = self.changed()
        return iter((RawPage((), None),)) if changed is not None and changed < since else None

    def changed(self) -> int | None:
        """Return when one of the files changed last, in UTC milliseconds; None where that is not known."""
        moments = [file.changed(file.first) for file in self._files]
        return None if None in moments else max(each for each in moments if each is not None)

    def parse(self, raw: RawRecord) -> dict[str, Any]:
        """Return the JSON object of an element."""
        return parse_object(raw)

    def container(self, document: Mapping[str, Any]) -> str:
        """Return what makes the id of an element unique."""
        raise NotImplementedError

    def _lines(self, documents: Documents, place: Mapping[str, Any]) -> Iterator[_Step]:
        address = "" if documents.local else documents.first
        line, at = int(place.get("line", 0)), int(place.get("byte", 0))
        raws: list[RawRecord] = []
        rejected: list[Quarantined] = []
        with documents.stream(documents.first, skip=at) as file:
            while body := file.readline(MAX_LINE):
                line += 1
                at += len(body)
                where = f"line {line}"
                if len(body) == MAX_LINE and not body.endswith(b"\n"):
                    at += _rest_of_line(file)
                    rejected.append(_rejected(body, where, "too-large", f"the line is longer than {MAX_LINE} bytes"))
                elif body.strip():
                    self._element(body.strip(), address, where, raws, rejected)
                if len(raws) + len(rejected) >= self._size:
                    yield raws, rejected, {"line": line, "byte": at}
                    raws, rejected = [], []
        yield raws, rejected, None

    def _whole(self, documents: Documents, place: Mapping[str, Any]) -> Iterator[_Step]:
        url = documents.first
        address = "" if documents.local else url
        with documents.stream(url) as file:
            body = file.read(MAX_DOCUMENT + 1)
        if len(body) > MAX_DOCUMENT:
            raise SourceUnavailableError(
                f"{url} is larger than {MAX_DOCUMENT} bytes; give one document a line instead", detail="too_large"
            )
        spans, cut = _cut(body, url)
        first = int(place.get("element", 0))
        while True:
            raws: list[RawRecord] = []
            rejected: list[Quarantined] = []
            for number in range(first, min(first + self._size, len(spans))):
                start, end = spans[number]
                self._element(body[start:end], address, f"element {number + 1}", raws, rejected)
            first += self._size
            more = first < len(spans)
            yield raws, rejected, {"element": first} if more or cut else None
            if not more:
                break
        if cut:
            raise RunError(f"{url} ends after {len(spans)} whole elements, in the middle of the next one")

    def _element(
        self, body: bytes, address: str, where: str, raws: list[RawRecord], rejected: list[Quarantined]
    ) -> None:
        try:
            document = orjson.loads(body.removeprefix(BOM))
        except orjson.JSONDecodeError as error:
            rejected.append(_rejected(body, where, "broken-json", f"this is not JSON: {error}"))
            return
        if not isinstance(document, dict):
            what = f"this is a JSON {type(document).__name__}, not an object"
            rejected.append(_rejected(body, where, "not-an-object", what))
            return
        media_type = "application/geo+json" if document.get("type") == "Feature" else "application/json"
        raws.append(
            make_raw(
                self.container(document), identity(document), body, media_type, address, where, kept(body, document)
            )
        )


_Step = tuple[list[RawRecord], list[Quarantined], dict[str, int] | None]


class StacItems(_ElementFile):
    """STAC Items and Collections in a file."""

    def __init__(self, context: SourceContext) -> None:
        url, collections = context.source.url, context.text("collections")
        urls = [beside(url, collections), url] if collections else [url]
        super().__init__(context, *(Documents(context.client, context.folder, each) for each in urls))
        self._defaults = Defaults.of(context, "earth-observation")
        self._collection = context.text("collection")

    def container(self, document: Mapping[str, Any]) -> str:
        """Return the collection of an item; collections have a container of their own."""
        if document.get("type") == "Collection":
            return COLLECTIONS
        collection = document.get("collection")
        return collection if isinstance(collection, str) else ""

    def map(self, raw: RawRecord, document: Mapping[str, Any]) -> Mapped:
        """Return the record of an Item or a Collection."""
        return to_mapped(raw, document, self._defaults, self._collection or raw.container)


def beside(url: str, collections: str) -> str:
    """Return where the file of the collections is: its own address, or a path beside the file of the Items."""
    if urlsplit(collections).scheme:
        return collections
    # A file URL need not have a slash.
    return url[: max(url.rfind("/"), url.find(":")) + 1] + collections


def to_mapped(raw: RawRecord, document: Mapping[str, Any], defaults: Defaults, collection: str) -> Mapped:
    """Return the record of an Item or a Collection whose collections have a container of their own.

    Args:
        raw: The element as sent.
        document: What it says.
        defaults: What the operator said of the source.
        collection: The id of the collection that an item belongs to.

    Raises:
        RecordError: It has no id that can be used.
    """
    source_id = require_identity(raw, document)
    base = stac.self_url(document) or raw.url
    if document.get("type") == "Collection":
        record = stac_collection.to_record(document, raw.container, source_id, defaults, base=base)
    else:
        dataset = _dataset(defaults.source, collection) if collection else ""
        record = stac_item.to_record(document, raw.container, source_id, defaults, dataset=dataset, base=base)
    return make_mapped(record, raw, splice(raw.body, document, base))


@lru_cache(maxsize=256)
def _dataset(source: str, collection: str) -> str:
    return record_id(source, COLLECTIONS, collection)


class RecordsFile(_ElementFile):
    """OGC API Records in a file: datasets, services, volumes, datalabs, documents."""

    def __init__(self, context: SourceContext) -> None:
        super().__init__(context, Documents(context.client, context.folder, context.source.url))
        self._defaults = Defaults.of(context)

    def container(self, document: Mapping[str, Any]) -> str:
        """Return the one container of all records, since a records API knows no other."""
        return RECORDS

    def map(self, raw: RawRecord, document: Mapping[str, Any]) -> Mapped:
        """Return the record of a Feature."""
        source_id = require_identity(raw, document)
        base = stac.self_url(document) or raw.url
        return Mapped(ogc_record.to_record(document, raw.container, source_id, self._defaults, base=base), raw)


def _is_lines(documents: Documents) -> bool:
    """Say whether a file has one document a line: by its name, else because its first line is one."""
    if _LINES.search(documents.first.lower()):
        return True
    with documents.stream(documents.first) as file:
        first = file.readline(_START)
    if not first.endswith(b"\n"):
        return False
    try:
        value = orjson.loads(first.removeprefix(BOM))
    except orjson.JSONDecodeError:
        return False
    return isinstance(value, dict) and not any(name in value for name in _ARRAYS)


def _cut(body: bytes, url: str) -> tuple[list[tuple[int, int]], bool]:
    """Return where the elements of a document stand, and whether it ends before its end.

    A document that is broken in one place is cut all the same: what is whole in it is taken, the rest is shown.
    """
    try:
        document = orjson.loads(body.removeprefix(BOM))
    except orjson.JSONDecodeError as error:
        found = _ARRAY.search(body)
        if found is None:
            raise SourceUnavailableError(f"{url} is not JSON: {error}", detail="unexpected_content") from error
        spans = list(elements(body, found.end() - 1, len(body)))
        behind = body[spans[-1][1] if spans else found.end() :].lstrip()
        return spans, not behind.startswith(b"]")
    if isinstance(document, list):
        return list(elements(body, body.index(b"["), len(body))), False
    if isinstance(document, dict):
        for name, start, end in members(body):
            if name in _ARRAYS and isinstance(document[name], list):
                return list(elements(body, start, end)), False
        if document.get("type") in ("Feature", "Collection"):
            return [(body.index(b"{"), len(body.rstrip()))], False
    raise SourceUnavailableError(
        f"{url} is JSON, but no FeatureCollection, list or single element", detail="unexpected_content"
    )


def _rest_of_line(file: Readable) -> int:
    """Read to the end of a line that is too long, and return how many bytes that were."""
    count = 0
    while data := file.readline(MAX_LINE):
        count += len(data)
        if data.endswith(b"\n"):
            break
    return count


def _rejected(body: bytes, where: str, code: str, message: str) -> Quarantined:
    return Quarantined(RawRecord("", "", body, position=where), Issue(code, message), "parse")
