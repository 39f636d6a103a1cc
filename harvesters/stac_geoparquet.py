"""STAC GeoParquet: a table of Items in one file, read row group by row group."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import orjson

from discovery.model.record import Issue
from discovery.model.source import Mapped, Quarantined, RawRecord
from harvesters.base import Position, Probe, RawPage, SourceContext
from harvesters.defaults import Defaults
from harvesters.document import identity, parse_object
from harvesters.documents import Documents
from harvesters.geoparquet_reader import GeoParquet, Row
from harvesters.stac_items import COLLECTIONS, StacItems, beside, to_mapped

_BATCH = 5000
"""Rows of which nothing but the id is read."""


class StacGeoparquet:
    """Walks a file from row to row; the raw element of a row is the Item as JSON, names in order.

    A file from the network is copied to this machine first: what stands where in it is said at its end. Where it is
    neither newer nor elsewhere than when it was walked last, nothing of it is read.
    """

    cheap_ids = False
    """A file that has changed is read whole, which finds what has gone as well."""

    def __init__(self, context: SourceContext) -> None:
        self._context = context
        self._documents = Documents(context.client, context.folder, context.source.url)
        self._defaults = Defaults.of(context, "earth-observation")
        self._collection = context.text("collection")
        self._size = context.number("page")
        self._collections = self._file_of_collections()

    @property
    def bytes_read(self) -> int:
        """How many bytes of local files have been read."""
        return self._documents.bytes_read + (self._collections.bytes_read if self._collections else 0)

    def probe(self) -> Probe:
        """Return how many Items the file has, where it is on this machine; one that is not would have to be copied."""
        if self._collections is not None:
            self._collections.probe()
        if not self._documents.local:
            return Probe()
        with self._opened() as file:
            return Probe(matched=file.rows)

    def pages(self, position: Position | None) -> Iterator[RawPage]:
        """Yield the Collections, then the rows of each row group, a page of them at a time."""
        place = dict(position) if position else {}
        if self._collections is not None and "group" not in place:
            yield from self._listed(self._collections, place.get("collections"))
            place = {}
        with self._opened() as file:
            same = place.get("fingerprint") == file.fingerprint
            # Another file now: where the walk stood in the old one says nothing about this one.
            group, row = (int(place["group"]), int(place["row"])) if same else (0, 0)
            if not same:
                yield self._page(file, self._carried(file), [], 0, 0)
            while group < file.groups:
                for rows in file.read(group, row, self._size):
                    row = rows[-1].number + 1
                    ended = rows[-1].number < 0 or row >= file.rows_of(group)
                    raws = [self._element(each) for each in rows if not each.fault]
                    rejected = [_rejected(each) for each in rows if each.fault]
                    yield self._page(file, raws, rejected, group + ended, 0 if ended else row)
                    if ended:
                        break
                else:
                    # It has fewer rows than it said.
                    yield self._page(file, [], [], group + 1, 0)
                group, row = group + 1, 0

    def changes(self, since: int, position: Position | None) -> Iterator[RawPage] | None:
        """Return no page with anything in it where the file is as it was; None where it has to be read again."""
        changed = self._documents.changed(self._documents.first)
        others = self._collections.changed() if self._collections is not None else 0
        if changed is None or others is None or max(changed, others) >= since:
            return None
        return iter([RawPage((), None)])

    def ids(self) -> Iterator[tuple[str, str]]:
        """Yield container and id of every element, of whose columns only these two are read."""
        if self._collections is not None:
            yield from self._collections.ids()
        with self._opened() as file:
            for raw in self._carried(file):
                yield raw.container, raw.source_id
            for group in range(file.groups):
                for rows in file.read(group, 0, _BATCH, ids=True):
                    for raw in (self._element(each) for each in rows if not each.fault):
                        yield raw.container, raw.source_id

    def parse(self, raw: RawRecord) -> dict[str, Any]:
        """Return the JSON object of an element."""
        return parse_object(raw)

    def map(self, raw: RawRecord, document: Mapping[str, Any]) -> Mapped:
        """Return the record of an Item or a Collection."""
        return to_mapped(raw, document, self._defaults, self._collection or raw.container)

    @contextmanager
    def _opened(self) -> Iterator[GeoParquet]:
        url = self._documents.first
        with self._documents.whole(url) as path:
            file = GeoParquet(path, self._context.source.url)
            try:
                yield file
            finally:
                file.close()

    def _file_of_collections(self) -> StacItems | None:
        named = self._context.text("collections")
        if not named:
            return None
        url = beside(self._context.source.url, named)
        settings = {**self._context.settings, "collections": ""}
        return StacItems(replace(self._context, source=replace(self._context.source, url=url), settings=settings))

    def _listed(self, collections: StacItems, position: Position | None) -> Iterator[RawPage]:
        """Yield the Collections of the file beside; the walk never ends with them."""
        for page in collections.pages(position):
            onward = {"group": 0, "row": 0} if page.position is None else {"collections": page.position}
            yield replace(page, position=onward)

    def _carried(self, file: GeoParquet) -> list[RawRecord]:
        """Return the Collections that the file itself carries, where no other file of them was named."""
        if self._collections is not None:
            return []
        return [
            RawRecord(
                COLLECTIONS,
                identity(each),
                orjson.dumps(each, option=orjson.OPT_SORT_KEYS),
                "application/json",
                self._address(),
                f"collection {number}",
            )
            for number, each in enumerate(file.collections(), 1)
        ]

    def _element(self, row: Row) -> RawRecord:
        document = orjson.loads(row.body)
        container = document.get("collection")
        return RawRecord(
            container if isinstance(container, str) else "",
            identity(document),
            row.body,
            "application/geo+json",
            self._address(),
            _place(row),
        )

    def _address(self) -> str:
        return "" if self._documents.local else self._documents.first

    def _page(
        self, file: GeoParquet, raws: list[RawRecord], rejected: list[Quarantined], group: int, row: int
    ) -> RawPage:
        onward = {"fingerprint": file.fingerprint, "group": group, "row": row} if group < file.groups else None
        return RawPage(tuple(raws), onward, rejected=tuple(rejected))


def _place(row: Row) -> str:
    return f"row group {row.group + 1}" + (f" row {row.number + 1}" if row.number >= 0 else "")


def _rejected(row: Row) -> Quarantined:
    # Of a row group nobody knows what was in it; a row that cannot be read may be one that is known, too.
    return Quarantined(RawRecord("", "", row.body, position=_place(row)), Issue("broken-row", row.fault), "fetch")
