"""A selection as a file: in which forms there is one, and its bytes as they are read.

What has to be refused is refused before the first byte. From there on records are read some hundred at a time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import orjson

from discovery import selection
from discovery.documents.site import Site
from discovery.errors import UnknownFieldError
from discovery.exports import csv_table, geoparquet, items, votable
from discovery.exports.items import Items
from discovery.exports.plain import record_json
from discovery.model.record import Record
from discovery.portal import Portal
from discovery.selection import Chosen


class Format(StrEnum):
    """The forms, by the names that `f` and `--format` have for them."""

    CSV = "csv"
    VOTABLE = "votable"
    GEOPARQUET = "geoparquet"
    STAC = "stac"
    NDJSON = "ndjson"


MEDIA_TYPES: Final = {
    Format.CSV: csv_table.MEDIA_TYPE,
    Format.VOTABLE: votable.MEDIA_TYPE,
    Format.GEOPARQUET: "application/vnd.apache.parquet",
    Format.STAC: items.MEDIA_TYPE,
    Format.NDJSON: "application/x-ndjson",
}
LABELS: Final = {
    Format.CSV: "CSV, for spreadsheets",
    Format.VOTABLE: "VOTable, for TOPCAT and astropy",
    Format.GEOPARQUET: "GeoParquet, for geopandas and DuckDB",
    Format.STAC: "STAC items, for QGIS and pystac",
    Format.NDJSON: "Lines of JSON, with everything",
}
_ENDS: Final = {Format.VOTABLE: "vot", Format.GEOPARQUET: "parquet", Format.STAC: "geojson"}


@dataclass(frozen=True, slots=True)
class Export:
    """A file that is made while it is read."""

    name: str
    media_type: str
    pieces: Iterator[bytes]


@dataclass(frozen=True, slots=True)
class _Rows:
    portal: Portal
    chosen: Chosen

    def chunks(self) -> Iterator[tuple[int, ...]]:
        return selection.chunks(self.portal, self.chosen)


def form(name: str) -> Format:
    """Return the form of a name.

    Raises:
        UnknownFieldError: There is none; the message lists the near ones.
    """
    try:
        return Format(name)
    except ValueError:
        raise UnknownFieldError(name, list(Format), what="format", parameter="f") from None


def export(portal: Portal, chosen: Chosen, form: Format, site: Site, *, name: str = "selection") -> Export:
    """Return a selection as a file.

    Args:
        portal: Where its records are.
        chosen: Which ones, as `selection.choose` found them.
        form: What the file is.
        site: The portal as files name it.
        name: What the file is called, without its end.

    Raises:
        BadQueryError: GeoParquet is wanted where pyarrow is not installed.
        LimitError: GeoParquet is wanted of more than a table holds.
    """
    about = f"{site.url}{chosen.selection.address()}"
    said = [str(each) for each in chosen.lost]
    match form:
        case Format.CSV:
            pieces = csv_table.lines(_records(portal, chosen), site)
        case Format.VOTABLE:
            pieces = votable.document(_records(portal, chosen), site, about=about, said=said)
        case Format.NDJSON:
            pieces = _lines(portal, chosen)
        case Format.STAC:
            bodies = Items(portal, site).bodies
            pieces = items.collection((bodies(keys) for keys in selection.chunks(portal, chosen)), about, said)
        case _:
            pieces = geoparquet.parquet(_Rows(portal, chosen), Items(portal, site).bodies, lambda _ids: [])
    return Export(file_name(form, name), MEDIA_TYPES[form], pieces)


def file_name(form: Format, name: str = "selection") -> str:
    """Return what a file of a form is called."""
    return f"{name}.{_ENDS.get(form, form.value)}"


def _records(portal: Portal, chosen: Chosen) -> Iterator[Sequence[Record]]:
    for keys in selection.chunks(portal, chosen):
        yield [each.record for each in selection.stored(portal, keys)]


def _lines(portal: Portal, chosen: Chosen) -> Iterator[bytes]:
    for records in _records(portal, chosen):
        yield b"".join(orjson.dumps(record_json(each), option=orjson.OPT_APPEND_NEWLINE) for each in records)
