from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from discovery.model.extent import SKY, Extent
from discovery.model.instant import DAY, days
from discovery.query.query import Bin
from discovery.query.time import interval
from ui import drawing


def years(counts: dict[int, int]) -> list[Bin]:
    return [Bin(days(year, 1, 1) * DAY, count) for year, count in sorted(counts.items())]


@given(st.dictionaries(st.integers(-200_000, 200_000), st.integers(0, 10**9), max_size=60))
def test_every_match_stands_in_one_bar_that_fits(counts: dict[int, int]) -> None:
    bars = drawing.bars(years(counts))
    assert sum(each.count for each in bars) == sum(counts.values())
    assert len(bars) <= drawing.BARS
    for each in bars:
        assert 0 <= each.x <= each.x + each.width <= drawing.WIDTH + 0.01
        assert 0 <= each.y <= each.y + each.height <= drawing.HEIGHT + 0.01


@given(st.dictionaries(st.integers(-5_000, 5_000), st.integers(1, 9), min_size=1, max_size=30))
def test_each_bar_asks_for_its_own_years(counts: dict[int, int]) -> None:
    for bar in drawing.bars(years(counts)):
        asked = interval(bar.asks)
        inside = [n for year, n in counts.items() if (asked.start or 0) <= days(year, 1, 1) * DAY <= (asked.end or 0)]
        assert sum(inside) == bar.count


def test_no_matches_draw_nothing() -> None:
    assert drawing.bars(()) == ()


def test_a_box_lies_where_it_is_on_earth() -> None:
    drawn = drawing.place(Extent(bbox=(-10.0, 35.0, 30.0, 60.0)))
    assert drawn is not None
    assert drawn.boxes == (drawing.Box(170.0, 30.0, 40.0, 25.0),)
    assert drawn.ring is None
    assert drawn.label == "10.00° W, 35.00° N to 30.00° E, 60.00° N"


def test_a_box_over_the_antimeridian_is_drawn_at_both_edges() -> None:
    drawn = drawing.place(Extent(bbox=(170.0, -10.0, -170.0, 10.0)))
    assert drawn is not None
    assert drawn.boxes == (drawing.Box(350.0, 80.0, 10.0, 20.0), drawing.Box(0.0, 80.0, 10.0, 20.0))


def test_right_ascension_grows_to_the_left() -> None:
    drawn = drawing.place(Extent(frame=SKY, bbox=(10.0, 20.0, 20.0, 30.0)))
    assert drawn is not None
    assert drawn.boxes == (drawing.Box(160.0, 60.0, 10.0, 10.0),)


def test_what_is_too_small_to_see_gets_a_ring() -> None:
    drawn = drawing.place(Extent(frame=SKY, geometry={"type": "Circle", "center": [190.0, -5.0], "radius": 0.01}))
    assert drawn is not None
    assert drawn.ring == pytest.approx((350.0, 95.0))
    assert drawn.label.startswith("RA 189.990° to 190.010°")


def test_the_whole_globe_is_said_in_words() -> None:
    drawn = drawing.place(Extent(bbox=(-180.0, -90.0, 180.0, 90.0)))
    assert drawn is not None
    assert drawn.label == "The whole globe"


@pytest.mark.parametrize(
    "extent", [Extent(), Extent(geometry={"type": "Polygon"}), Extent(bbox=(0.0, 95.0, 1.0, 99.0))]
)
def test_an_extent_without_a_place_has_no_map(extent: Extent) -> None:
    assert drawing.place(extent) is None


def test_a_polygon_over_the_antimeridian_is_small() -> None:
    ring = [[178.0, -18.0], [-178.0, -18.0], [-178.0, -16.0], [178.0, -16.0], [178.0, -18.0]]
    drawn = drawing.place(Extent(geometry={"type": "Polygon", "coordinates": [ring]}))
    assert drawn is not None
    assert sum(each.width for each in drawn.boxes) == pytest.approx(4)


@given(
    st.floats(-180, 360), st.floats(-90, 90), st.floats(0, 359), st.floats(0, 180), st.sampled_from(["earth", "sky"])
)
def test_every_box_lies_on_the_map(west: float, south: float, wide: float, high: float, frame: str) -> None:
    drawn = drawing.place(Extent(frame=frame, bbox=(west, south, west + wide, min(south + high, 90.0))))
    assert drawn is not None
    for each in drawn.boxes:
        assert -0.01 <= each.x <= each.x + each.width <= 360.01
        assert -0.01 <= each.y <= each.y + each.height <= 180.01
