from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from discovery.errors import SourceUnavailableError
from harvesters.geoparquet_reader import GeoParquet

pytestmark = pytest.mark.slow


@pytest.fixture
def file(tmp_path: Path) -> Iterator[GeoParquet]:
    """Return a file of three row groups of four rows, open."""
    pq.write_table(pa.table({"id": [f"i{n}" for n in range(12)]}), tmp_path / "items.parquet", row_group_size=4)
    opened = GeoParquet(tmp_path / "items.parquet", "items.parquet")
    yield opened
    opened.close()


def test_rows_come_through_the_pipe_as_they_are(file: GeoParquet) -> None:
    assert (file.rows, file.groups, file.rows_of(2), file.collections()) == (12, 3, 4, [])
    found = [row for rows in file.read(1, 1, 2) for row in rows]
    assert [(row.number, orjson.loads(row.body)["id"]) for row in found] == [(1, "i5"), (2, "i6"), (3, "i7")]


def test_a_reader_that_dies_costs_a_row_group_and_no_more(tmp_path: Path) -> None:
    # More than a pipe holds, so that the reader has not given everything yet when it dies.
    notes = [str(n) * 300_000 for n in range(4)] * 3
    table = pa.table({"id": [f"i{n}" for n in range(12)], "note": notes})
    pq.write_table(table, tmp_path / "long.parquet", row_group_size=4)
    with closing(GeoParquet(tmp_path / "long.parquet", "long.parquet")) as file:
        _dies_in_the_first_group(file)


def _dies_in_the_first_group(file: GeoParquet) -> None:
    reading = file.read(0, 0, 1)
    next(reading)
    os.kill(file._reader.pid, signal.SIGABRT)
    *_, last = [row for rows in reading for row in rows]
    assert (last.number, last.body) == (-1, b"")
    assert "row group 1 cannot be read" in last.fault
    assert [row.number for rows in file.read(1, 0, 9) for row in rows] == [0, 1, 2, 3]


def test_a_walk_that_ends_early_leaves_nothing_for_the_next(file: GeoParquet) -> None:
    reading = file.read(0, 0, 1)
    next(reading)
    reading.close()
    assert [row.group for rows in file.read(2, 3, 9) for row in rows] == [2]


def test_a_damaged_file_is_an_error_that_says_so(tmp_path: Path) -> None:
    (tmp_path / "items.parquet").write_bytes(b"PAR1 and nothing else PAR1")
    with pytest.raises(SourceUnavailableError, match=r"items\.parquet has a footer of"):
        GeoParquet(tmp_path / "items.parquet", "items.parquet")
