from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harvesters import places
from harvesters.document import Notes

RING = [[0, 0], [1, 0], [1, 1], [0, 0]]


def codes(notes: Notes) -> list[str]:
    return [each.code for each in notes.issues]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ([1, 2, 3, 4], (1.0, 2.0, 3.0, 4.0)),
        ([1, 2, 0, 3, 4, 9], (1.0, 2.0, 3.0, 4.0)),
        ([170, -10, -170, 10], (170.0, -10.0, -170.0, 10.0)),
        ([190, 0, 200, 1], (-170.0, 0.0, -160.0, 1.0)),
        ([0, -90, 360, 90], (-180.0, -90.0, 180.0, 90.0)),
        ([-180, -90, 180, 90], (-180.0, -90.0, 180.0, 90.0)),
    ],
)
def test_a_box_is_west_south_east_north(value: Any, expected: places.Box) -> None:
    notes = Notes()
    assert (places.bbox(value, notes), codes(notes)) == (expected, [])


@pytest.mark.parametrize(
    "value",
    ["1,2,3,4", [1, 2, 3], [1, 2, 3, "4"], [1, 2, 3, True], [0, 5, 1, 4], [0, 0, 1, 91], [0, 0, 999, 1], {"a": 1}],
)
def test_what_is_no_box_is_an_issue(value: Any) -> None:
    notes = Notes()
    assert (places.bbox(value, notes), codes(notes)) == (None, ["bad-bbox"])


@pytest.mark.parametrize(
    "value",
    [
        {"type": "Point", "coordinates": [1.0, 2.0]},
        {"type": "MultiPoint", "coordinates": [[1.0, 2.0]]},
        {"type": "MultiPolygon", "coordinates": [[RING]]},
        {"type": "GeometryCollection", "geometries": [{"type": "Point", "coordinates": [1.0, 2.0]}]},
    ],
)
def test_geometries_that_are_right_stay_as_they_are(value: Any) -> None:
    notes = Notes()
    assert (places.geometry(value, notes), codes(notes)) == (value, [])


def test_a_third_number_of_a_position_is_left_out_and_an_open_ring_closed() -> None:
    notes = Notes()
    found = places.geometry({"type": "Polygon", "coordinates": [[[0, 0, 5], [1, 0, 5], [1, 1, 5]]]}, notes)
    assert found == {"type": "Polygon", "coordinates": [RING]}
    assert codes(notes) == ["open-ring"]


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("POINT(0 0)", "bad-geometry"),
        ({"type": "Circle", "coordinates": [0, 0]}, "bad-geometry"),
        ({"type": "Point", "coordinates": [0, 91]}, "bad-geometry"),
        ({"type": "Point", "coordinates": [0]}, "bad-geometry"),
        ({"type": "Point", "coordinates": [True, 0]}, "bad-geometry"),
        ({"type": "Polygon", "coordinates": [[[0, 0], [1, 1]]]}, "bad-geometry"),
        ({"type": "Polygon", "coordinates": [0, 1]}, "bad-geometry"),
        ({"type": "GeometryCollection", "geometries": 1}, "bad-geometry"),
        ({"type": ["Point"], "coordinates": [0, 0]}, "bad-geometry"),
        ({"type": "Point", "coordinates": None}, "empty-geometry"),
        ({"type": "MultiPolygon", "coordinates": [[]]}, "empty-geometry"),
    ],
)
def test_a_geometry_that_cannot_be_used_is_an_issue(value: Any, code: str) -> None:
    notes = Notes()
    assert (places.geometry(value, notes), codes(notes)) == (None, [code])


def test_collections_in_collections_end_somewhere() -> None:
    value: dict[str, Any] = {"type": "Point", "coordinates": [0, 0]}
    for _ in range(50):
        value = {"type": "GeometryCollection", "geometries": [value]}
    notes = Notes()
    assert (places.geometry(value, notes), codes(notes)) == (None, ["bad-geometry"])


@pytest.mark.slow
def test_a_footprint_of_too_many_corners_is_left_out() -> None:
    notes = Notes()
    points = [[n / 1000, 0] for n in range(places.MAX_POSITIONS + 1)]
    assert places.geometry({"type": "LineString", "coordinates": points[1:]}, notes) is not None
    assert places.geometry({"type": "LineString", "coordinates": points}, notes) is None
    assert codes(notes) == ["bad-geometry"]


def test_a_tangle_is_kept_and_said() -> None:
    star = [[40 * math.cos(49 * turn / 99 * math.tau), 40 * math.sin(49 * turn / 99 * math.tau)] for turn in range(99)]
    circle = [[40 * math.cos(turn / 99 * math.tau), 40 * math.sin(turn / 99 * math.tau)] for turn in range(99)]
    for ring, said in ((star, ["tangled-geometry"]), (circle, [])):
        notes = Notes()
        value = {"type": "Polygon", "coordinates": [[*ring, ring[0]]]}
        assert places.geometry(value, notes) == value
        assert codes(notes) == said


_NUMBER = st.one_of(
    st.sampled_from([0, 1, 90, -90, 91, 180, -180, 181, 360, 361, 1e300, float("nan"), float("inf"), True, None, "1"]),
    st.floats(-400, 400),
)


@given(st.lists(_NUMBER, min_size=3, max_size=6))
def test_the_short_way_to_a_box_leads_to_the_same(value: list[Any]) -> None:
    short, long = Notes(), Notes()
    found = places.bbox(value, short)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(places, "_plain_box", lambda value: None)
        assert places.bbox(value, long) == found
    assert long.issues == short.issues


@given(st.lists(st.lists(_NUMBER, max_size=3), max_size=6), st.booleans())
def test_the_short_way_to_a_polygon_leads_to_the_same(points: list[Any], closed: bool) -> None:
    ring = [*points, points[0]] if closed and points else points
    value = {"type": "Polygon", "coordinates": [ring]}
    short, long = Notes(), Notes()
    found = places.geometry(value, short)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(places, "_plain_polygon", lambda value: None)
        assert places.geometry(value, long) == found
    assert long.issues == short.issues
