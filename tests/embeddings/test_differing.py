"""What differs most is what a loop over all rows finds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from discovery.embeddings import differing
from discovery.embeddings.asking import Searcher
from discovery.embeddings.building import Wanted
from discovery.embeddings.segment import OpenSegment
from discovery.embeddings.spaces import Spaces
from discovery.embeddings.vectors import Flags
from discovery.errors import BadQueryError, LimitError
from discovery.testing.vectors import clustered

DAY = 86_400_000
YEARS = 3
PLACES = 40
VECTORS = clustered(PLACES * YEARS, 16)
UNIT = VECTORS / np.linalg.norm(VECTORS, axis=1, keepdims=True)


def written(folder: Path, year: int) -> str:
    """Write a file of one year: 40 places, of which the first two have no position and no name."""
    turn = np.arange(PLACES)
    lon = np.where(turn < 2, np.nan, turn * 9.0 - 180.0 + year * 0.00001)
    # The one at the edge is on either side of it.
    lon[39] = 180.0 if year else -180.0
    lat = np.where(turn < 2, np.nan, turn / 2.0)
    table = pa.table(
        {
            "unique_id": [None if each < 2 else f"cell-{each}" for each in turn],
            "embedding": pa.FixedSizeListArray.from_arrays(
                pa.array(VECTORS[year * PLACES : (year + 1) * PLACES].ravel()), 16
            ),
            "timestamp": pa.array(np.full(PLACES, year * 365 * DAY), pa.timestamp("ms")),
            "centre_lat": pa.array(lat, from_pandas=True),
            "centre_lon": pa.array(lon, from_pandas=True),
        }
    )
    path = folder / f"{year}.parquet"
    pq.write_table(table, path)
    return str(path)


@pytest.fixture(scope="module")
def spaces(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Spaces]:
    folder = tmp_path_factory.mktemp("differing")
    made = Spaces(folder / "embeddings")
    files = tuple(written(folder, year) for year in range(YEARS))
    made.add("years", Wanted(files))
    made.add("far", Wanted(files, metric="l2"))
    yield made
    made.close()


@pytest.fixture
def years(spaces: Spaces) -> Searcher:
    return spaces.searcher("years")


def of_year(*wanted: int) -> Callable[[OpenSegment], Flags]:
    def chosen(segment: OpenSegment) -> Flags:
        return np.isin(np.asarray(segment.columns["start"]) // (365 * DAY), wanted)

    return chosen


def looped(one: int, other: int) -> list[tuple[int, int]]:
    """Return the pairs of two years, those that differ most first, by a loop."""
    pairs = [(1 - float(UNIT[one * PLACES + n] @ UNIT[other * PLACES + n]), n) for n in range(2, PLACES)]
    return [(one * PLACES + n, other * PLACES + n) for _, n in sorted(pairs, key=lambda each: (-each[0], each[1]))]


@pytest.mark.parametrize("by", ["place", "id"])
def test_the_first_and_the_last_row_of_each_place_are_compared(years: Searcher, by: str) -> None:
    found = differing.change(years, 1_000, by=by)
    assert list(zip(found.earlier.tolist(), found.later.tolist(), strict=True)) == looped(0, 2)
    assert found.compared == PLACES - 2
    first = UNIT[found.earlier[0]] @ UNIT[found.later[0]]
    assert found.changes[0] == pytest.approx(1 - first, abs=1e-5)


def test_two_times_can_be_named_and_rows_left_out(years: Searcher) -> None:
    found = differing.change(years, 5, earlier=of_year(1), later=of_year(2))
    assert list(zip(found.earlier.tolist(), found.later.tolist(), strict=True)) == looped(1, 2)[:5]
    # Nothing is later than itself, and what was earlier is no change.
    assert differing.change(years, 5, earlier=of_year(1), later=of_year(1)).compared == 0
    assert differing.change(years, 5, earlier=of_year(2), later=of_year(0)).compared == 0
    two = differing.change(years, 5, allowed=of_year(0, 1))
    assert list(zip(two.earlier.tolist(), two.later.tolist(), strict=True)) == looped(0, 1)[:5]
    assert differing.change(years, 5, allowed=lambda segment: np.zeros(segment.rows, dtype=bool)).compared == 0


def test_the_rows_farthest_from_the_middle_are_found(years: Searcher) -> None:
    middle = UNIT.mean(axis=0)
    away = 1 - UNIT @ (middle / np.linalg.norm(middle))
    found = differing.outliers(years, 7)
    assert found.rows.tolist() == np.argsort(-away, kind="stable")[:7].tolist()
    assert found.away == pytest.approx(np.sort(away)[::-1][:7], abs=1e-5)
    assert found.compared == len(VECTORS)
    some = differing.outliers(years, 200, allowed=of_year(1))
    assert sorted(some.rows.tolist()) == list(range(PLACES, 2 * PLACES))
    assert differing.outliers(years, 5, allowed=lambda each: np.zeros(each.rows, dtype=bool)).rows.tolist() == []


def test_distances_count_where_they_are_the_metric(spaces: Spaces) -> None:
    far = spaces.searcher("far")
    away = np.linalg.norm(VECTORS - VECTORS.mean(axis=0), axis=1)
    assert differing.outliers(far, 5).rows.tolist() == np.argsort(-away, kind="stable")[:5].tolist()
    changes = differing.change(far, 1)
    moved = np.linalg.norm(VECTORS[2:PLACES] - VECTORS[2 * PLACES + 2 :], axis=1)
    assert changes.changes[0] == pytest.approx(moved.max(), rel=1e-5)


@pytest.mark.slow
def test_rows_far_from_the_middle_of_their_list_are_found(tmp_path: Path, major_tom: Callable[..., Path]) -> None:
    vectors = clustered(21_000, 8)
    spaces = Spaces(tmp_path / "embeddings")
    spaces.add("large", Wanted((str(major_tom(vectors)),)))
    searcher = spaces.searcher("large")
    lists = np.asarray(searcher.segments[0].lists)
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    away = np.empty(len(unit))
    for number in np.unique(lists):
        members = np.flatnonzero(lists == number)
        middle = unit[members].mean(axis=0)
        away[members] = 1 - unit[members] @ (middle / np.linalg.norm(middle))
    found = differing.outliers(searcher, 10, of="list")
    assert found.away == pytest.approx(np.sort(away)[::-1][:10], abs=1e-5)
    assert away[found.rows] == pytest.approx(found.away, abs=1e-5)
    spaces.close()


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"size": 0}, "size is 0; 1 to 1000"),
        ({"size": 1001}, "size is 1001"),
        ({"size": 5, "by": "odd"}, "by 'odd' is not one of place, id"),
        ({"size": 5, "of": "odd"}, "of 'odd' is not one of all, list"),
        ({"size": 5, "of": "list"}, "has no lists"),
    ],
)
def test_what_cannot_be_asked_is_named(years: Searcher, given: dict[str, Any], told: str) -> None:
    asked = differing.outliers if "of" in given else differing.change
    with pytest.raises(BadQueryError, match=told):
        asked(years, **given)


def test_what_would_take_too_long_is_refused(years: Searcher, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(differing, "MAX_COMPARED", 70)
    with pytest.raises(LimitError, match="120 rows would be compared; at most 70"):
        differing.outliers(years, 5)
    with pytest.raises(LimitError, match="76 rows would be compared"):
        differing.change(years, 5)
    monkeypatch.setattr(differing, "MAX_JOINED", 100)
    with pytest.raises(LimitError, match="120 rows are in there; at most 100"):
        differing.change(years, 5)
    monkeypatch.setattr(differing, "MAX_COMPARED", 30)
    monkeypatch.setattr(OpenSegment, "is_mapped", False)
    with pytest.raises(LimitError, match="--sidecar"):
        differing.outliers(years, 5, allowed=lambda each: np.arange(each.rows) < 10)
