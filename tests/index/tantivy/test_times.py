from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from discovery.index.plans import FIRST, LAST
from discovery.index.tantivy import times
from discovery.index.tantivy.times import ENDLESS, MANY

HOUR = 3_600_000
YEAR = 31_557_600_000
NEAR = 1 << 26
INSTANTS = st.one_of(
    st.integers(-60 * YEAR, 60 * YEAR),
    st.integers(-3 * NEAR, 3 * NEAR),
    st.builds(lambda cell, off: (cell << 29) + off, st.integers(-9, 9), st.integers(-1, 1)),
    st.sampled_from((FIRST, LAST, FIRST + 1, LAST - 1, 0)),
)
STRETCHES = st.tuples(INSTANTS, INSTANTS)


@given(STRETCHES, STRETCHES.map(sorted))
def test_what_is_sure_overlaps_and_what_overlaps_is_sure_or_on_the_border(
    record: tuple[int, int], asked: list[int]
) -> None:
    found = times.stretch(*asked)
    if found is None:
        return
    has = set(times.cells(*record))
    # A record that ends before it begins is compared end by end, as the engines do.
    overlaps = record[0] <= asked[1] and record[1] >= asked[0]
    if has & set(found.sure):
        assert overlaps
    if overlaps:
        assert has & {*found.sure, *found.border}


def test_a_stretch_is_few_cells_at_any_length_of_a_mission() -> None:
    for length in (HOUR, 24 * HOUR, YEAR / 2, YEAR, 5 * YEAR, 40 * YEAR, 400 * YEAR):
        found = times.stretch(NEAR // 3, NEAR // 3 + int(length))
        assert found is not None
        assert len(found.sure) + len(found.border) <= 80


def test_a_document_has_a_few_cells_of_the_size_of_its_time() -> None:
    assert len(times.cells(5, 5)) == 8
    assert len(times.cells(-1, 0)) <= 16
    assert len(times.cells(0, YEAR)) < len(times.cells(0, HOUR))


@pytest.mark.parametrize("record", [(FIRST, 0), (0, LAST), (FIRST, LAST), (0, 2_000 * YEAR), (10, 5)])
def test_what_is_endless_or_turned_round_is_always_decided(record: tuple[int, int]) -> None:
    assert times.cells(*record) == [ENDLESS]
    found = times.stretch(0, YEAR)
    assert found is not None
    assert ENDLESS in found.border


@pytest.mark.parametrize("asked", [(FIRST, LAST), (0, LAST), (FIRST, 0), (0, (MANY + 2) << 44), (1, 0)])
def test_a_stretch_that_is_too_long_or_turned_round_has_no_cells(asked: tuple[int, int]) -> None:
    assert times.stretch(*asked) is None
