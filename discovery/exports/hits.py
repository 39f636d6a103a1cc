"""Rows of embeddings that were found, as a file: CSV that a spreadsheet may open, or lines of JSON."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import orjson

from discovery.errors import UnknownFieldError
from discovery.exports import csv_table
from discovery.hits import Hit

CSV: Final = "csv"
NDJSON: Final = "ndjson"
MEDIA_TYPES: Final[Mapping[str, str]] = MappingProxyType({CSV: csv_table.MEDIA_TYPE, NDJSON: "application/x-ndjson"})
LABELS: Final[Mapping[str, str]] = MappingProxyType(
    {CSV: "CSV, for spreadsheets", NDJSON: "Lines of JSON, with everything"}
)
COLUMNS: Final = (
    *("row", "id", "score", "lon", "lat", "time", "product"),
    *("record", "title", "kind", "place", "volume", "launch", "open"),
)
"""Of the CSV; `place` is the nearest one."""


def written(hits: Sequence[Hit], form: str, site: str = "") -> bytes:
    """Return hits as a file, in their order.

    Args:
        hits: What was found.
        form: `csv` or `ndjson`.
        site: The address of the portal, which paths of its pages begin with then.

    Raises:
        UnknownFieldError: There is no such form.
    """
    if form not in MEDIA_TYPES:
        raise UnknownFieldError(form, ["json", *MEDIA_TYPES], what="format", parameter="f")
    rows = [_whole(each, site) for each in hits]
    if form == NDJSON:
        return b"".join(orjson.dumps(each, option=orjson.OPT_APPEND_NEWLINE) for each in rows)
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    writer.writerows([csv_table.safe(each) for each in _cells(row)] for row in rows)
    return out.getvalue().encode("utf-8", "replace")


def _whole(hit: Hit, site: str) -> dict[str, Any]:
    given = hit.to_dict()
    return given | {name: f"{site}{given[name]}" for name in ("launch", "open") if given[name]}


def _cells(row: Mapping[str, Any]) -> list[Any]:
    record = row["record"] or {}
    place = row["places"][0] if row["places"] else {}
    named = {
        **row,
        "record": record.get("id"),
        "title": record.get("title"),
        "kind": record.get("kind"),
        "place": place.get("address"),
        "volume": place.get("volume"),
    }
    return [named[name] for name in COLUMNS]
