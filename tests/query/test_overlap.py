"""Shares of area: against closed forms, against each other turned round, and in every corner of a frame."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from discovery.model.extent import EARTH, SKY, Extent
from discovery.query import overlap, packed, region
from discovery.query.query import Region


def share(asked: Region, *shapes: Any) -> list[float]:
    """Return the shares of footprints in the region's frame."""
    kept = packed.pack([Extent(asked.frame, shape) for shape in shapes])
    assert None not in kept
    found = overlap.shares(asked, [each.form for each in kept if each], [each.data for each in kept if each])
    return [float(each) for each in found]


def circle(lon: float, lat: float, radius: float) -> dict[str, Any]:
    return {"type": "Circle", "center": [lon, lat], "radius": radius}


def square(west: float, south: float, east: float, north: float) -> dict[str, Any]:
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"type": "Polygon", "coordinates": [ring]}


def cap(radius: float) -> float:
    return 4 * math.pi * math.sin(math.radians(radius) / 2) ** 2


@pytest.mark.parametrize("frame", [SKY, EARTH, "mars"])
@pytest.mark.parametrize("place", [(10, 0), (179.5, 40), (-180, -60), (50, 89.9), (0, -90)])
@pytest.mark.parametrize("radius", [0.001, 0.9, 25.0, 100.0, 180.0])
def test_circles_in_each_other_share_what_their_areas_say(
    frame: str, place: tuple[float, float], radius: float
) -> None:
    asked = region.cone([*place, radius], frame=frame)
    same, smaller = share(asked, circle(*place, radius), circle(*place, radius / 2))
    assert same == pytest.approx(1)
    assert smaller == pytest.approx(cap(radius / 2) / cap(radius), rel=2e-3)


def test_an_eighth_of_the_sphere_shares_as_much_with_the_whole_everywhere() -> None:
    eighth = {"type": "Polygon", "coordinates": [[[0, 0], [90, 0], [0, 90], [0, 0]]]}
    assert share(region.cone([7, 8, 180]), eighth) == pytest.approx([1 / 8])
    assert share(region.bbox([-180, -90, 180, 90]), square(0, 0, 90, 90)) == pytest.approx([1 / 8])
    assert share(region.bbox([-180, 0, 180, 90], frame=SKY), circle(0, 90, 180)) == pytest.approx([1 / 2], rel=1e-3)


def test_boxes_on_earth_count_by_what_they_are_on_the_ground() -> None:
    asked = region.bbox([170, 0, -170, 60])
    half, other, far = share(asked, square(170, 0, 180, 60), square(-180, 30, -170, 60), square(0, 0, 9, 9))
    lower = math.sin(math.radians(30)) / math.sin(math.radians(60))
    assert half == pytest.approx(1 / 2)
    assert other == pytest.approx((1 - lower) / 2)
    assert far == 0


def test_what_has_no_area_shares_none() -> None:
    point, line = {"type": "Point", "coordinates": [1, 1]}, {"type": "LineString", "coordinates": [[0, 0], [2, 2]]}
    for frame in (SKY, EARTH):
        assert share(region.cone([1, 1, 2], frame=frame), point, line, circle(1, 1, 0)) == [0, 0, 0]
        assert share(region.geojson(point, frame=frame), point, circle(1, 1, 2)) == [0, 0]


@pytest.mark.parametrize("frame", [SKY, EARTH])
def test_who_is_asked_about_whom_does_not_matter(frame: str) -> None:
    rng = np.random.default_rng(4)
    shapes = []
    for number in range(12):
        lon, lat, size = (float(each) for each in (rng.uniform(-10, 10), rng.uniform(40, 60), rng.uniform(4, 12)))
        shapes.append(circle(lon, lat, size) if number % 3 == 0 else square(lon, lat, lon + size, lat + size / 2))
    table = np.array([share(region.geojson(shape, frame=frame), *shapes) for shape in shapes])
    assert np.allclose(table, table.T, atol=1e-6)
    assert np.allclose(np.diag(table), 1)
    assert ((table > 0.01) & (table < 0.99)).sum() > 30


def test_a_moc_and_parts_that_lie_on_each_other_count_once() -> None:
    asked = region.geojson({"type": "Moc", "moc": "0/4"}, frame=SKY)
    assert share(asked, circle(0, 0, 180)) == pytest.approx([1 / 12], rel=1e-3)
    twice = {"type": "MultiPolygon", "coordinates": [square(0, 0, 9, 9)["coordinates"]] * 2}
    assert share(region.geojson(square(0, 0, 9, 9), frame=SKY), twice) == pytest.approx([1])
