"""Edges are numbers that people would have chosen, and they always hold every value."""

import math
import sys
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from discovery.errors import BadQueryError, DiscoveryError, LimitError, UnknownFieldError
from discovery.index import ranges
from discovery.query.facets import Range, RangeRequest, RangeSelection

floats = st.floats(allow_nan=False, allow_infinity=False).map(lambda number: number + 0.0)
positive = st.floats(ranges.LEAST, sys.float_info.max)


def edges(least: float, greatest: float, bins: int = 10, *, log: bool = False) -> tuple[float, ...]:
    return ranges.edges(RangeRequest("size", bins=bins, log=log), least, greatest)


@pytest.mark.parametrize(
    ("least", "greatest", "bins", "expected"),
    [
        (0.0, 100.0, 10, tuple(map(float, range(0, 101, 10)))),
        (0.3, 0.9, 6, (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)),
        (0.0, 100.0, 4, (0.0, 25.0, 50.0, 75.0, 100.0)),
        (3.0, 97.0, 5, (0.0, 20.0, 40.0, 60.0, 80.0, 100.0)),
        (-1.0, 1.0, 4, (-1.0, -0.5, 0.0, 0.5, 1.0)),
        (1000.0, 1001.0, 2, (1000.0, 1000.5, 1001.0)),
        (7.0, 7.0, 10, (7.0, 7.0)),
        (2.0, 9.0, 1, (0.0, 10.0)),
    ],
)
def test_steps_are_round(least: float, greatest: float, bins: int, expected: tuple[float, ...]) -> None:
    assert edges(least, greatest, bins) == expected


@pytest.mark.parametrize(
    ("least", "greatest", "bins", "expected"),
    [
        (1.0, 1000.0, 3, (1.0, 10.0, 100.0, 1000.0)),
        (3.0, 400.0, 9, (2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0)),
        (4e-7, 7e-7, 12, (4e-7, 4.5e-7, 5e-7, 5.5e-7, 6e-7, 6.5e-7, 7e-7)),
        (1e-12, 1e12, 5, (1e-12, 1e-7, 1e-2, 1e3, 1e8, 1e13)),
    ],
)
def test_factors_are_round(least: float, greatest: float, bins: int, expected: tuple[float, ...]) -> None:
    assert edges(least, greatest, bins, log=True) == expected


@given(floats, floats, st.integers(1, 200))
def test_steps_hold_everything_and_are_few(one: float, other: float, bins: int) -> None:
    found = edges(min(one, other), max(one, other), bins)
    assert found[0] <= min(one, other)
    assert found[-1] >= max(one, other)
    assert all(map(math.isfinite, found))
    assert len(found) - 1 <= max(bins, 1)
    assert all(low < high for low, high in pairwise(found)) or one == other


@given(positive, positive, st.integers(1, 200))
def test_factors_hold_everything_and_are_few(one: float, other: float, bins: int) -> None:
    found = edges(min(one, other), max(one, other), bins, log=True)
    assert 0 < found[0] <= min(one, other)
    assert found[-1] >= max(one, other)
    assert all(map(math.isfinite, found))
    assert len(found) - 1 <= max(bins, 1)
    assert all(low < high for low, high in pairwise(found)) or one == other


def test_the_last_step_of_a_histogram_holds_its_end() -> None:
    asked = RangeRequest("cloud_cover", bins=2)
    found = ranges.facet_of(asked, (0.0, 50.0, 100.0), [3, 1], above=2, present=6)
    assert found.ranges == (Range(0.0, 50.0, 3), Range(50.0, 100.0, 3, closed=True))
    assert found.above == 0


def test_ranges_that_were_asked_for_leave_their_ends_out() -> None:
    asked = RangeRequest("cloud_cover", edges=(0.0, 50.0))
    found = ranges.facet_of(asked, (0.0, 50.0), [3], below=1, above=2, present=6)
    assert (found.ranges, found.below, found.above) == ((Range(0.0, 50.0, 3),), 1, 2)


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        (RangeRequest("keyword"), UnknownFieldError),
        (RangeRequest("start"), UnknownFieldError),
        (RangeRequest("size", edges=(1.0,)), BadQueryError),
        (RangeRequest("size", edges=(2.0, 1.0)), BadQueryError),
        (RangeRequest("size", edges=(1.0, 1.0)), BadQueryError),
        (RangeRequest("size", edges=(math.nan, 1.0)), BadQueryError),
        (RangeRequest("size", edges=(0.0, math.inf)), BadQueryError),
        (RangeRequest("size", edges=(0.0, 1.0), bins=3), BadQueryError),
        (RangeRequest("size", bins=-1), LimitError),
        (RangeRequest("size", bins=ranges.MAX_RANGES + 1), LimitError),
        (RangeRequest("size", edges=tuple(map(float, range(ranges.MAX_RANGES + 2)))), LimitError),
    ],
    ids=repr,
)
def test_what_cannot_be_counted_is_refused(asked: RangeRequest, error: type[DiscoveryError]) -> None:
    with pytest.raises(error):
        ranges.check(asked)


@pytest.mark.parametrize(
    "selected",
    [
        RangeSelection("keyword", 1.0),
        RangeSelection("size"),
        RangeSelection("size", math.nan),
        RangeSelection("size", None, math.inf),
        RangeSelection("size", 2.0, 1.0),
        RangeSelection("size", 2.0, 2.0, below=True),
    ],
    ids=repr,
)
def test_a_range_that_cannot_be_is_refused_by_its_name(selected: RangeSelection) -> None:
    with pytest.raises(BadQueryError) as caught:
        ranges.check_selected([selected])
    assert selected.name in str(caught.value)
    ranges.check_selected([RangeSelection("size", 2.0, 2.0)])


def test_too_many_ranges_of_one_number_are_refused() -> None:
    with pytest.raises(LimitError) as caught:
        ranges.check_selected([RangeSelection("size", float(each)) for each in range(ranges.MAX_TICKED + 1)])
    assert caught.value.limit == "range-selections"
