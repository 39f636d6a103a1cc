from __future__ import annotations

import math
from typing import Any

import pytest

from discovery.errors import BadQueryError, LimitError
from discovery.query.cql2.limits import Budget
from discovery.query.cql2.predicates import Place
from discovery.query.cql2.shapes import box, geometry, to_wkt

PLACE = Place(path="args[1]")
RING = [[0, 0], [1, 0], [1, 1], [0, 0]]


def read(value: dict[str, Any]) -> Any:
    return geometry(value, PLACE, Budget()).geometry


@pytest.mark.parametrize(
    ("value", "wkt"),
    [
        ({"type": "Point", "coordinates": [1, 2, 3]}, "POINT(1.0 2.0)"),
        ({"type": "MultiPoint", "coordinates": [[1, 2], [3, 4]]}, "MULTIPOINT(1.0 2.0, 3.0 4.0)"),
        ({"type": "LineString", "coordinates": ((1, 2), (3, -0.0))}, "LINESTRING(1.0 2.0, 3.0 0.0)"),
        ({"type": "MultiLineString", "coordinates": [[[1, 2], [3, 4]]]}, "MULTILINESTRING((1.0 2.0, 3.0 4.0))"),
        ({"type": "Polygon", "coordinates": [RING]}, "POLYGON((0.0 0.0, 1.0 0.0, 1.0 1.0, 0.0 0.0))"),
        ({"type": "MultiPolygon", "coordinates": [[RING]]}, "MULTIPOLYGON(((0.0 0.0, 1.0 0.0, 1.0 1.0, 0.0 0.0)))"),
        (
            {"type": "GeometryCollection", "geometries": [{"type": "Point", "coordinates": [1, 2]}]},
            "GEOMETRYCOLLECTION(POINT(1.0 2.0))",
        ),
        ({"type": "Circle", "center": [350, 2], "radius": 3}, "CIRCLE(350.0 2.0, 3.0)"),
        ({"type": "Moc", "moc": "3/1-4 5/20"}, "MOC('3/1-4 5/20')"),
    ],
)
def test_a_geometry_is_read_and_written(value: dict[str, Any], wkt: str) -> None:
    assert to_wkt(read(value)) == wkt


def test_a_box_keeps_its_numbers_for_the_frame_it_is_asked_in() -> None:
    assert box([170, -10, -170, 10], PLACE, Budget()).box == (170.0, -10.0, -170.0, 10.0)


def test_a_box_with_heights_is_the_box_without() -> None:
    assert box([1, 2, -5, 3, 4, 9], PLACE, Budget()) == box([1, 2, 3, 4], PLACE, Budget())


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"type": "Sphere"},
        {"type": ["Point"]},
        {"type": "Point"},
        {"type": "Point", "coordinates": []},
        {"type": "Point", "coordinates": [1, "2"]},
        {"type": "Point", "coordinates": [1, True]},
        {"type": "Point", "coordinates": [1, math.nan]},
        {"type": "Point", "coordinates": [1, 10**400]},
        {"type": "Point", "coordinates": [1, 90.5]},
        {"type": "Point", "coordinates": [361, 0]},
        {"type": "Point", "coordinates": [1, 2, 3, 4, 5]},
        {"type": "LineString", "coordinates": [[1, 2]]},
        {"type": "Polygon", "coordinates": []},
        {"type": "Polygon", "coordinates": RING},
        {"type": "Polygon", "coordinates": [RING[:3]]},
        {"type": "Polygon", "coordinates": [[*RING[:3], [5, 5]]]},
        {"type": "GeometryCollection", "geometries": []},
        {"type": "GeometryCollection", "geometries": [{"type": "GeometryCollection", "geometries": []}]},
        {"type": "GeometryCollection", "geometries": [{"type": {}}]},
        {"type": "Circle", "center": [1, 2], "radius": 181},
        {"type": "Circle", "center": [1, 2]},
        {"type": "Moc", "moc": ""},
        {"type": "Moc", "moc": 5},
    ],
)
def test_a_wrong_geometry_says_where(value: dict[str, Any]) -> None:
    with pytest.raises(BadQueryError, match=r"at args\[1\]: "):
        read(value)


@pytest.mark.parametrize(
    "numbers", [[], [1, 2, 3], [1, 2, 3, None], [1, 5, 3, 4], [1, 2, 3, 91], [-181, 2, 3, 4], ["1", 2, 3, 4]]
)
def test_a_wrong_box_says_where(numbers: list[Any]) -> None:
    with pytest.raises(BadQueryError, match=r"at args\[1\]: "):
        box(numbers, PLACE, Budget())


def test_positions_are_counted_over_the_whole_filter() -> None:
    budget = Budget(positions=5)
    geometry({"type": "Polygon", "coordinates": [RING]}, PLACE, budget)
    with pytest.raises(LimitError) as caught:
        geometry({"type": "Polygon", "coordinates": [RING]}, PLACE, budget)
    assert caught.value.limit == "filter-positions"
