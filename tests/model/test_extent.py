"""Extents: what is known of a place and a time."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest

from discovery.model.extent import EARTH, Extent


@pytest.mark.parametrize(
    ("extent", "timed"),
    [(Extent(), False), (Extent(start=0), True), (Extent(end=0), True), (Extent(start=-1, end=1), True)],
)
def test_one_end_is_enough_to_be_timed(extent: Extent, timed: bool) -> None:
    assert extent.timed is timed


def test_an_extent_is_on_earth_unless_it_says_otherwise_and_never_changes() -> None:
    extent = Extent()
    assert extent.frame == EARTH
    with pytest.raises(FrozenInstanceError):
        extent.frame = "sky"  # type: ignore[misc]
