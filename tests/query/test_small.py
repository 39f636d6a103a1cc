"""Cells of many small polygons at once, against points drawn inside of them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import shapely

from discovery.query import healpix
from discovery.query.cover import cover
from discovery.query.healpix import DEEPEST, Floats
from discovery.query.small import _reached, circle_cells, distinct, once, small_cells

SIZES = (0.002, 0.05, 1.0, 6.0, 12.0)
# Near nothing, the antimeridian, both 0/360 and the equator, and both poles.
MIDDLES = ((40.0, 30.0), (180.0, -20.0), (-180.0, 60.0), (0.0, 0.0), (70.0, 88.5), (10.0, -84.0))


def triangles(rng: np.random.Generator, size: float) -> list[Floats]:
    """Three corners around each place; longitudes go on beyond 180, as GeoJSON without a cut has them."""
    found = []
    for lon, lat in MIDDLES:
        turns = np.radians(rng.uniform(0, 360)) + np.array([0.0, 2.0, 4.2])
        y = np.clip(lat + size * np.cos(turns), -89.9, 89.9)
        found.append(np.column_stack((lon + size * np.sin(turns) / max(math.cos(math.radians(lat)), 0.05), y)))
    return found


def polygon(corners: Floats) -> dict[str, Any]:
    ring = corners.tolist()
    return {"type": "Polygon", "coordinates": [[*ring, ring[0]]]}


def inside(rng: np.random.Generator, corners: Floats, frame: str) -> Floats:
    """Points of a triangle: straight in lon/lat on Earth, on the sphere elsewhere."""
    share = rng.dirichlet([0.5, 0.5, 0.5], 300)
    if frame == "earth":
        return np.asarray(share @ corners, dtype=np.float64)
    lon, lat = np.radians(corners).T
    x, y, z = (share @ np.column_stack((np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)))).T
    lon, lat = np.arctan2(y, x), np.arctan2(z, np.hypot(x, y))
    return np.asarray(np.degrees(np.column_stack((lon, lat))), dtype=np.float64)


@pytest.mark.parametrize("frame", ["earth", "sky"])
@pytest.mark.parametrize("size", SIZES)
def test_every_point_of_a_polygon_lies_in_a_cell_of_it(size: float, frame: str) -> None:
    rng = np.random.default_rng(9)
    shapes = [each for _ in range(8) for each in triangles(rng, size)]
    found = small_cells([polygon(each) for each in shapes], frame, 64)
    assert found is not None
    assert len(found.rows) > (len(shapes) / 2 if size < 10 else 0)
    for place, row in enumerate(found.rows):
        mine = found.cells[found.owner == place]
        assert 1 <= len(mine) <= 64
        points = inside(rng, shapes[row], frame)
        deep = healpix.cells_at(points[:, 0], points[:, 1], DEEPEST)
        held = np.zeros(len(deep), dtype=bool)
        for up in range(DEEPEST + 1):
            held |= np.isin(deep >> 2 * up, mine)
        assert held.all(), (row, shapes[row])


@pytest.mark.parametrize("frame", ["earth", "sky"])
def test_covers_made_together_are_as_tight_as_those_made_with_care(frame: str) -> None:
    rng = np.random.default_rng(10)
    shapes = [polygon(each) for size in SIZES[:4] for each in triangles(rng, size)[:4]]
    found = small_cells(shapes, frame, 64)
    assert found is not None

    def area(cells: Any) -> float:
        return float((4.0 ** -healpix.orders(np.asarray(cells)).astype(float)).sum())

    for place, row in enumerate(found.rows):
        careful = cover(shapes[row], frame=frame, max_cells=64)
        assert area(found.cells[found.owner == place]) < 4 * area(careful.cells)


def test_no_cover_has_more_cells_than_allowed() -> None:
    rng = np.random.default_rng(11)
    found = small_cells([polygon(each) for each in triangles(rng, 3.0)], "sky", 12)
    assert found is not None
    assert np.bincount(found.owner).max() <= 12


def test_every_point_of_a_circle_lies_in_a_cell_of_it() -> None:
    rng = np.random.default_rng(12)
    shapes = [
        {"type": "Circle", "center": [float(rng.uniform(-180, 360)), float(lat)], "radius": float(radius)}
        for radius in (1e-5, 0.01, 0.3, 2.0, 16.9)
        for lat in (*np.degrees(np.arcsin(rng.uniform(-1, 1, 20))), 90.0, -90.0, 89.9)
    ]
    found = circle_cells(shapes, 64)
    assert found is not None
    assert found.rows == list(range(len(shapes)))
    for place, shape in enumerate(shapes):
        mine = found.cells[found.owner == place]
        assert 1 <= len(mine) <= 64
        points = around(rng, shape)
        deep = healpix.cells_at(points[:, 0], points[:, 1], DEEPEST)
        held = np.zeros(len(deep), dtype=bool)
        for up in range(DEEPEST + 1):
            held |= np.isin(deep >> 2 * up, mine)
        assert held.all(), shape


def around(rng: np.random.Generator, circle: dict[str, Any]) -> Floats:
    """Points of a circle, those on its edge among them."""
    (lon, lat), turn = np.radians(circle["center"]), rng.uniform(0, 2 * np.pi, 300)
    away = np.radians(circle["radius"]) * np.where(rng.random(300) < 0.3, 1.0, rng.random(300))
    up = np.arcsin(np.clip(np.sin(lat) * np.cos(away) + np.cos(lat) * np.sin(away) * np.cos(turn), -1, 1))
    aside = np.arctan2(np.sin(turn) * np.sin(away) * np.cos(lat), np.cos(away) - np.sin(lat) * np.sin(up))
    return np.asarray(np.degrees(np.column_stack((lon + aside, up))), dtype=np.float64)


@pytest.mark.parametrize(
    "circle",
    [
        None, {"type": "Point", "coordinates": [0, 0]}, {"type": "Circle"},
        {"type": "Circle", "center": 1, "radius": 1},
        {"type": "Circle", "center": [0], "radius": 1}, {"type": "Circle", "center": [0, 91], "radius": 1},
        {"type": "Circle", "center": [0, 0], "radius": 0}, {"type": "Circle", "center": [0, 0], "radius": 20},
        {"type": "Circle", "center": [0, 0], "radius": float("nan")}, {"type": "Circle", "center": [0, 0]},
        {"type": "Circle", "center": [True, 0], "radius": 1}, {"type": "Circle", "center": ["0", 0], "radius": 1},
    ],
)  # fmt: skip
def test_circles_that_need_care_are_left(circle: Any) -> None:
    assert circle_cells([circle], 64) is None


SQUARE = [[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]]


@pytest.mark.parametrize(
    "geometry",
    [
        None, {}, {"type": "Point", "coordinates": [0, 0]}, {"type": "Polygon", "coordinates": [SQUARE, SQUARE]},
        {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, "x"], [0, 0]]]},
        {"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [1, 0], [0, 1], [0, 0]]]},
        {"type": "Polygon", "coordinates": [[[0, 89], [120, 89], [0, 90], [0, 89]]]},
        {"type": "Polygon", "coordinates": [[[-180, 88], [180, 88], [180, 89], [-180, 89], [-180, 88]]]},
        {"type": "Polygon", "coordinates": [[[-179, 0], [179, 0], [179, 1], [-179, 1], [-179, 0]]]},
        {"type": "Polygon", "coordinates": [[[0, -40], [60, -40], [60, 40], [0, 40], [0, -40]]]},
        {"type": "Polygon", "coordinates": [[[0, 0], [0, 0], [0, 0], [0, 0]]]},
        {"type": "MultiPolygon", "coordinates": [[SQUARE]]},
    ],
)  # fmt: skip
def test_what_needs_care_is_left_and_hinders_nothing(geometry: Any) -> None:
    good = {"type": "Polygon", "coordinates": [SQUARE]}
    assert small_cells([geometry], "earth", 64) is None
    found = small_cells([geometry, good], "earth", 64)
    assert found is not None
    assert found.rows == [1]
    assert found.lonlat.tolist() == [[0, 0]]


def test_places_in_a_polygon_or_near_it_are_those_that_geos_finds() -> None:
    rng = np.random.default_rng(13)
    shapes, owner = [], np.repeat(np.arange(40), 60)
    for number in range(40):
        corners = 3 + number % 9 if number % 10 else 60
        turns = np.sort(rng.uniform(0, 2 * np.pi, corners))
        away = rng.uniform(0.1, 1, corners)
        shapes.append(shapely.Polygon(np.column_stack((away * np.cos(turns), away * np.sin(turns)))))
    places, reach = rng.uniform(-1.3, 1.3, (len(owner), 2)), rng.uniform(0, 0.3, len(owner))
    made = np.array(shapes, dtype=np.object_)
    wanted = shapely.dwithin(made[owner], shapely.points(places), reach)
    assert 0.1 < wanted.mean() < 0.9
    assert (_reached(made, owner, places.T, reach) == wanted).all()


def test_numbers_are_sorted_and_each_once() -> None:
    assert distinct(np.array([3, 1, 3, 2, 1])).tolist() == [1, 2, 3]
    assert distinct(np.empty(0, dtype=np.int64)).tolist() == []
    assert once(np.array([1, 1, 2, 4, 4])).tolist() == [1, 2, 4]
