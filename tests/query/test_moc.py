"""MOCs against mocpy, and the wrong ones that it would take."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from mocpy import MOC

from discovery.errors import RecordError
from discovery.query import healpix, moc


@pytest.mark.parametrize("text", ["0/4", "3/0-3 7", "12/5 100-103 9000000", "1/0 2/16,17-19", "29/12345678901234567"])
def test_ranges_are_those_of_mocpy(text: str) -> None:
    expected = MOC.from_string(text.replace(",", " "), format="ascii").to_depth29_ranges
    assert moc.read(text).tolist() == expected.tolist()


@pytest.mark.parametrize(
    "text",
    [None, 5, "", " ", "30/1", "0/12", "1/7-3", "0/", "x", "3/1-", "1/1/1", "-1/5", "0/4 9999999999999999999999"],
)
def test_what_is_no_moc_is_one_records_error(text: object) -> None:
    with pytest.raises(RecordError) as caught:
        moc.read(text)
    assert caught.value.code == "region"


def test_ranges_that_touch_become_one() -> None:
    ranges = np.array([[5, 7], [0, 2], [2, 3], [6, 6], [9, 12], [10, 11]], dtype=np.uint64)
    assert moc.merged(ranges).tolist() == [[0, 3], [5, 7], [9, 12]]


def test_cells_hold_every_range_and_keep_their_number() -> None:
    ranges = moc.read("12/5 100-103 9000000")
    exact = moc.cells_of(ranges, 100).tolist()
    assert exact == [(4 << 24) + 5, (4 << 22) + 25, (4 << 24) + 9_000_000]
    few = moc.cells_of(ranges, 2).tolist()
    assert len(few) <= 2
    assert all(any(cell >> 2 * up in few for up in range(13)) for cell in exact)
    assert moc.cells_of(moc.read("0/0-11"), 1).tolist() == healpix.BASE.tolist()


def test_polygons_hold_the_middle_of_every_cell() -> None:
    shapes = moc.polygons(moc.read("4/700 5/40 6/9000-9003"))
    numbers = np.array([(4 << 8) + 700, (4 << 10) + 40, *((4 << 12) + cell for cell in range(9000, 9004))])
    lon, lat = healpix.centres(numbers)
    whole = shapely.union_all(shapes)
    assert shapely.intersects(whole, shapely.points((lon + 180) % 360 - 180, lat)).all()
    assert len(moc.polygons(moc.read("0/4"))) > 50  # its curved edges are followed


def test_ranges_are_those_that_mocpy_reads() -> None:
    from mocpy import MOC

    rng = np.random.default_rng(8)
    for _ in range(40):
        order = int(rng.integers(1, 12))
        cells = np.unique(rng.integers(0, 12 * 4**order, 50))
        text = f"{order}/{' '.join(map(str, cells))} 14/"
        theirs = np.asarray(MOC.from_string(text, format="ascii").to_depth29_ranges, dtype=np.uint64)
        assert np.array_equal(moc.read(text), theirs)


def test_cells_within_others_are_no_mistake() -> None:
    assert np.array_equal(moc.read("3/1 5/20,21"), moc.read("3/1"))
