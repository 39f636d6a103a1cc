"""Records as CSV (RFC 4180) that a spreadsheet may open without running anything in it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from discovery.documents.site import Site
from discovery.exports.columns import COLUMNS, Cell
from discovery.model.record import Record

MEDIA_TYPE: Final = "text/csv"
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # noqa: RUF001  # spreadsheets read them too


def lines(chunks: Iterable[Sequence[Record]], site: Site) -> Iterator[bytes]:
    """Yield a table of records: the names of the columns, then a line each.

    A text that a spreadsheet would take for a formula gets an apostrophe before it, which spreadsheets do not show.
    """
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow([each.name for each in COLUMNS])
    for records in chunks:
        writer.writerows([safe(each.value(record, site)) for each in COLUMNS] for record in records)
        yield _taken(out)
    yield _taken(out)


def safe(cell: Cell) -> Cell:
    """Return what a cell may hold; numbers of ours are no formulas."""
    if isinstance(cell, str) and cell.lstrip(" ").startswith(_FORMULA):
        return f"'{cell}"
    return cell


def _taken(out: io.StringIO) -> bytes:
    written = out.getvalue().encode("utf-8", "replace")
    out.seek(0)
    out.truncate()
    return written
