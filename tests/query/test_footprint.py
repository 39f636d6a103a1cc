"""Geometries made ready: read, repaired and laid on the right surface, or refused with a reason."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import shapely
import spherely

from discovery.errors import RecordError
from discovery.query.footprint import build, flatten, footprints, is_tangled, planar, polygons, positions
from discovery.query.query import Region
from discovery.query.region import bbox
from discovery.query.relate import decide

BAD_FOOTPRINTS: list[Any] = [
    {"type": "Polygon", "coordinates": [[[0, 0], [2, 2], [2, 0], [0, 2], [0, 0]]]},
    {"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [0, 0]]]},
    {"type": "Polygon", "coordinates": [[[0, 0], [0, 0], [0, 0], [0, 0]]]},
    {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [2, 0], [0, 0]]]},
    {"type": "Polygon", "coordinates": [[[0, 0], [2, 0], [2, 2], [0, 2], [0, 0]], [[0, 0], [1, 5], [5, 1], [0, 0]]]},
    {"type": "LineString", "coordinates": [[0, 0], [0, 0]]},
    {"type": "MultiPoint", "coordinates": [[0, 0, 5], [1, 1]]},
]


@pytest.mark.parametrize("frame", ["earth", "sky"])
@pytest.mark.parametrize("geometry", BAD_FOOTPRINTS)
def test_an_invalid_footprint_is_repaired(geometry: Any, frame: str) -> None:
    region = bbox("-1,-1,3,3", frame=frame)
    assert decide(region, [geometry]) == [True]
    assert decide(bbox("50,50,51,51", frame=frame), [geometry]) == [False]


def square(west: float, south: float, east: float, north: float) -> dict[str, Any]:
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"type": "Polygon", "coordinates": [ring]}


def test_positions_lose_their_heights() -> None:
    assert positions([[1, 2, 3], [4, 5, 6]]).tolist() == [[1, 2], [4, 5]]
    assert positions([[1, 2, 3], [4, 5]]).tolist() == [[1, 2], [4, 5]]


@pytest.mark.parametrize(
    "values",
    [
        [], None, 5, [[1]], [[1, 2, 3, 4, 5]], [1, 2], [["a", "b"]], [[0, 91]], [[541, 0]], [[math.nan, 0]],
        [[0, math.inf]], [{"x": 1}], "12", [[1, 2], [3]],
    ],
)  # fmt: skip
def test_positions_that_are_none_are_refused(values: Any) -> None:
    with pytest.raises(RecordError) as caught:
        positions(values)
    assert caught.value.code == "region"


@pytest.mark.parametrize("frame", ["earth", "sky"])
@pytest.mark.parametrize(
    "geometry",
    [
        {}, {"type": "Blob", "coordinates": []}, {"type": "Polygon"}, {"type": "Polygon", "coordinates": "x"},
        {"type": "Polygon", "coordinates": []}, {"type": "MultiPolygon", "coordinates": []},
        {"type": "GeometryCollection"}, {"type": "GeometryCollection", "geometries": []},
        {"type": "GeometryCollection", "geometries": [5]}, {"type": "Circle", "center": [0, 0]},
        {"type": "Circle", "center": [0, 0], "radius": True}, {"type": "Circle", "center": [0, 0], "radius": math.nan},
        {"type": "Moc"}, {"type": "Moc", "moc": " "}, {"type": "Moc", "moc": "30/1"}, {"type": "Moc", "moc": "0/12"},
        {"type": "Moc", "moc": "1/7-3"}, {"type": "Moc", "moc": "0/"},
    ],
)  # fmt: skip
def test_what_is_no_geometry_is_one_records_error(geometry: Any, frame: str) -> None:
    with pytest.raises(RecordError) as caught:
        build(geometry, frame)
    assert caught.value.code == "region"


def test_collections_within_collections_have_an_end() -> None:
    geometry: dict[str, Any] = {"type": "Point", "coordinates": [1, 2]}
    for _ in range(8):
        geometry = {"type": "GeometryCollection", "geometries": [geometry]}
    assert build(geometry, "earth").anchor == (1.0, 2.0)
    with pytest.raises(RecordError, match="deep"):
        build({"type": "GeometryCollection", "geometries": [geometry]}, "earth")


def test_a_ring_without_area_is_the_line_or_point_that_it_is() -> None:
    assert planar({"type": "Polygon", "coordinates": [[[1, 1], [2, 2], [1, 1]]]}).geom_type == "LineString"
    assert planar({"type": "Polygon", "coordinates": [[[1, 1]]]}).geom_type == "Point"


@pytest.mark.parametrize(
    ("west", "east", "pieces"),
    [(170, 190, [(-180, -170), (170, 180)]), (-190, -170, [(-180, -170), (170, 180)]), (370, 380, [(10, 20)])],
)
def test_what_crosses_the_antimeridian_is_cut_there(
    west: float, east: float, pieces: list[tuple[float, float]]
) -> None:
    flat = flatten(shapely.box(west, 0, east, 10))
    assert flat.is_valid
    areas = [part.bounds for part in shapely.get_parts(flat) if part.area]
    assert sorted((low, high) for low, _, high, _ in areas) == pieces
    assert flat.area == pytest.approx((east - west) * 10)


def test_a_pole_is_one_place() -> None:
    flat = flatten(shapely.box(10, 80, 20, 90))
    assert shapely.intersects(flat, shapely.Point(-123, 90))
    assert not shapely.intersects(flat, shapely.Point(-123, 89.999))


@pytest.mark.parametrize("frame", ["earth", "sky"])
def test_the_anchor_belongs_to_the_footprint(frame: str) -> None:
    circle = {"type": "Circle", "center": [5, 6], "radius": 1}
    for geometry in (*BAD_FOOTPRINTS, square(350, -5, 359, 5), circle):
        anchor = build(geometry, frame).anchor
        assert decide(Region({"type": "Point", "coordinates": [*anchor]}, frame), [geometry]) == [True], geometry


@pytest.mark.parametrize("frame", ["earth", "sky"])
def test_footprints_read_together_are_those_read_one_by_one(frame: str) -> None:
    rng = np.random.default_rng(5)
    many: list[Any] = [
        None,
        {},
        *BAD_FOOTPRINTS,
        square(170, 0, 190, 5),
        square(10, 80, 20, 90),
        square(0, 0, 359.9, 1),
    ]
    many += [square(x, y, x + 3, y + 3) for x, y in rng.uniform(-80, 80, (40, 2)).tolist()]
    many += [{"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, "x"], [0, 0]]]}, square(0, 0, math.nan, 1)]
    for geometry, together in zip(many, footprints(many, frame), strict=True):
        try:
            alone = None if geometry is None else build(geometry, frame)
        except RecordError:
            alone = None
        assert (together is None) == (alone is None)
        if together is not None and alone is not None:
            assert together.plane is not None
            assert together.plane.equals(alone.plane)
            assert (together.sphere is None) == (alone.sphere is None)
            assert alone.sphere is None or spherely.equals(together.sphere, alone.sphere)


def test_one_bad_ring_in_a_batch_costs_only_itself() -> None:
    good, bad = square(0, 0, 1, 1), {"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [0, 91], [0, 0]]]}
    found = footprints([good, bad, good], "earth")
    assert [each is None for each in found] == [False, True, False]


def test_a_ring_that_is_none_does_not_send_all_others_the_slow_way() -> None:
    high = [[0, 0, 9], [1, 0, 9], [1, 1, 9], [0, 0, 9]]
    rings: list[Any] = [square(0, 0, 1, 1)["coordinates"][0], high, [[0, 0], [1, "x"], [1, 1], [0, 0]], [[0]] * 4]
    assert [shape is None for shape in polygons(rings)] == [False, False, True, True]
    assert [shape.bounds for shape in polygons(rings[:2])] == [(0, 0, 1, 1), (0, 0, 1, 1)]


def test_only_footprints_that_need_a_hull_are_tangles() -> None:
    star = [[40 * math.cos(49 * turn / 99 * math.tau), 40 * math.sin(49 * turn / 99 * math.tau)] for turn in range(100)]
    assert is_tangled({"type": "Polygon", "coordinates": [star]})
    for geometry in (*BAD_FOOTPRINTS, square(0, 0, 1, 1), {"type": "Circle", "center": [0, 0], "radius": 1}, {}):
        assert not is_tangled(geometry)
