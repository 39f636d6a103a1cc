"""Which rows an engine may find is said exactly, and as shortly as may be."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from discovery.embeddings import held
from discovery.embeddings.held import Among, among
from discovery.embeddings.vectors import Flags


def meant(found: Among) -> set[int]:
    """Return the rows that are said, one by one."""
    rows = {row for start, end in found.spans for row in range(start, end)}
    if found.only is not None:
        assert set(found.only.tolist()) <= rows
        rows &= set(found.only.tolist())
    return rows - set([] if found.without is None else found.without.tolist())


PARTS = st.lists(
    st.tuples(st.integers(0, 5), st.one_of(st.integers(1, 40), st.lists(st.booleans(), min_size=1, max_size=40))),
    min_size=1,
    max_size=4,
)


@given(PARTS, st.integers(1, 6))
def test_what_is_said_is_what_may_be_found(given: list[tuple[int, int | list[bool]]], spans: int) -> None:
    parts: list[tuple[int, int, Flags | None]] = []
    wanted: set[int] = set()
    at = 0
    for gap, each in given:
        at += gap
        mask = None if isinstance(each, int) else np.array(each)
        rows = each if isinstance(each, int) else len(each)
        parts.append((at, rows, mask))
        wanted |= set(range(at, at + rows)) if mask is None else {at + int(row) for row in np.flatnonzero(mask)}
        at += rows
    before = held._MAX_SPANS
    held._MAX_SPANS = spans  # type: ignore[misc]
    try:
        assert meant(among(parts)) == wanted
    finally:
        held._MAX_SPANS = before  # type: ignore[misc]


def test_a_region_of_sorted_rows_is_a_span() -> None:
    mask = np.zeros(1000, dtype=bool)
    mask[300:700] = True
    assert among([(0, 1000, mask)]) == Among(((300, 700),))
    assert among([(0, 1000, None), (1000, 500, None), (1700, 300, None)]) == Among(((0, 1500), (1700, 2000)))


def test_of_scattered_rows_the_fewer_are_named() -> None:
    mask = np.random.default_rng(3).random(10_000) < 0.1
    few, many = among([(50, 10_000, mask)]), among([(50, 10_000, ~mask)])
    assert few.without is None
    assert few.named == many.named == mask.sum()
    assert many.only is None
    assert np.array_equal(few.only, many.without)  # type: ignore[arg-type]
