"""Regions as people write them: right ones are read, every wrong one is named."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from discovery.errors import BadQueryError, LimitError, RecordError
from discovery.query import region
from discovery.query.region import bbox, cone, decide, geojson, polygon, simplify


@pytest.mark.parametrize("text", ["1,2,3", "1,2,3,4,5", "a,b,c,d", "1,2,nan,4", "1,2,inf,4", "1,2,3,91", "1,20,3,10",
                                  "361,0,362,1", ""])  # fmt: skip
def test_a_wrong_box_is_named(text: str) -> None:
    with pytest.raises(BadQueryError) as caught:
        bbox(text)
    assert caught.value.parameter == "bbox"


@pytest.mark.parametrize("text", ["1,2", "1,2,-1", "1,2,181", "1,-91,1", "1,2,nan", "x"])
def test_a_wrong_cone_is_named(text: str) -> None:
    with pytest.raises(BadQueryError) as caught:
        cone(text)
    assert caught.value.parameter == "cone"


@pytest.mark.parametrize(
    "value",
    [
        None, 5, "POINT(1 2)", {"type": "Blob"}, {"type": "Point", "coordinates": [1]}, {"type": "Polygon"},
        {"type": "Point", "coordinates": [1, "2"]}, {"type": "Point", "coordinates": [1, math.inf]},
        {"type": "Polygon", "coordinates": []}, {"type": "Circle", "center": [1, 2], "radius": -1},
        {"type": "Circle", "center": [1, 2]}, {"type": "Moc", "moc": "9/zz"}, {"type": "GeometryCollection"},
        {"type": "Point", "coordinates": [True, 1]}, {"type": "Polygon", "coordinates": [[[[1, 2]]]]},
    ],
)  # fmt: skip
def test_a_wrong_geometry_is_named(value: Any) -> None:
    with pytest.raises(BadQueryError) as caught:
        geojson(value)
    assert caught.value.parameter == "intersects"


def test_limits_and_names_of_a_region() -> None:
    ring = [[x / 1000, 0.0] for x in range(5000)] + [[0, 1], [0, 0]]
    with pytest.raises(LimitError):
        geojson({"type": "Polygon", "coordinates": [ring]})
    with pytest.raises(LimitError):
        polygon(",".join(["1"] * 20_000))
    for wrong in ({"frame": "narnia"}, {"relation": "beside"}):
        with pytest.raises(BadQueryError) as caught:
            bbox("1,2,3,4", **wrong)
        assert caught.value.parameter in wrong


def test_heights_of_a_box_are_dropped() -> None:
    assert bbox([1, 2, -50, 3, 4, 50]).geometry == bbox("1,2,3,4").geometry


def test_a_large_footprint_is_simplified_and_a_huge_one_refused() -> None:
    angle = np.linspace(0, 2 * np.pi, 30_001)
    away = 10 + 0.01 * np.sin(angle * 3000)
    ring = np.column_stack((away * np.cos(angle), away * np.sin(angle))).tolist()
    large = {"type": "Polygon", "coordinates": [ring]}
    simple = simplify(large)
    assert len(simple["coordinates"][0]) <= 10_000
    assert decide(bbox("9.5,-0.1,9.6,0.1"), [simple]) == [True]
    with pytest.raises(RecordError):
        simplify({"type": "LineString", "coordinates": [[0, 0]] * 1_000_001})


def test_three_numbers_are_a_circle_and_four_a_box_as_text_or_list() -> None:
    assert region.numbers("10,20,1", frame="sky") == region.cone("10,20,1", frame="sky")
    assert region.numbers([10, 20, 1], frame="sky") == region.cone("10,20,1", frame="sky")
    assert region.numbers("1,2,3,4") == region.bbox("1,2,3,4")
    with pytest.raises(BadQueryError, match="region needs 4 numbers"):
        region.numbers("1,2")
