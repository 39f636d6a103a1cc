"""Footprints as the store keeps them: what comes out is what went in, and a ring is certainly a sound one."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from discovery.model.extent import EARTH, SKY, Extent, Geometry
from discovery.query import packed
from discovery.query.footprint import geographies, polygons
from discovery.query.packed import CIRCLE, MOST_WRITTEN, POINT, RING, WRITTEN, pack, unpack

SQUARE: Geometry = {"type": "Polygon", "coordinates": [[[1, 1], [3, 1], [3, 3], [1, 3], [1, 1]]]}
BOW_TIE: Geometry = {"type": "Polygon", "coordinates": [[[0, 0], [2, 2], [2, 0], [0, 2], [0, 0]]]}
HOLED: Geometry = {
    "type": "Polygon",
    "coordinates": [*SQUARE["coordinates"], [[1.5, 1.5], [2, 1.5], [2, 2], [1.5, 1.5]]],
}
MOC: Geometry = {"type": "Moc", "moc": "3/1 5"}


def around(lon: float, lat: float, radius: float) -> Geometry:
    return {"type": "Circle", "center": [lon, lat], "radius": radius}


@pytest.mark.parametrize("frame", [EARTH, SKY, "mars"])
@pytest.mark.parametrize(
    ("geometry", "form"),
    [
        (SQUARE, RING),
        ({"type": "MultiPolygon", "coordinates": [SQUARE["coordinates"]]}, RING),
        ({"type": "Point", "coordinates": [5, -7.25, 300]}, POINT),
        (around(350, 89, 4), CIRCLE),
        (BOW_TIE, WRITTEN),
        (HOLED, WRITTEN),
        (MOC, WRITTEN),
        ({"type": "Point", "coordinates": [5, 90]}, WRITTEN),
        ({"type": "Polygon", "coordinates": [[[170, 80], [100, 90], [0, 80], [170, 80]]]}, WRITTEN),
        ({"type": "Polygon", "coordinates": [[[0, -80], [120, -80], [240, -80], [0, -80]]]}, WRITTEN),
        (around(0, 0, 181), WRITTEN),
        (around(0, 0, math.nan), WRITTEN),
        ({}, WRITTEN),
        (None, None),
    ],
)
def test_plain_shapes_are_numbers_and_all_else_is_as_written(geometry: Any, form: int | None, frame: str) -> None:
    (found,) = pack([Extent(frame, geometry)])
    assert (None if found is None else found.form) == form


def test_a_ring_over_the_antimeridian_is_a_ring_only_where_there_is_none() -> None:
    over: Geometry = {"type": "Polygon", "coordinates": [[[179, 1], [181, 1], [181, 3], [179, 3], [179, 1]]]}
    assert [each and each.form for each in pack([Extent(EARTH, over), Extent(SKY, over)])] == [WRITTEN, RING]


def test_what_comes_out_is_what_went_in() -> None:
    given = [SQUARE, BOW_TIE, around(1, 2, 3.5), {"type": "Point", "coordinates": [0.1, -0.2]}, MOC]
    found = [each for each in pack([Extent(SKY, each) for each in given]) if each is not None]
    shapes = unpack([each.form for each in found], [each.data for each in found])
    rows, geometries = shapes.geometries(np.ones(len(given), dtype=bool))
    assert [geometries[rows.index(row)] for row in range(len(given))] == given
    rows, geometries = shapes.geometries(np.arange(len(given)) == 1)
    assert (rows, geometries) == ([1], [BOW_TIE])


def rings(size: float, corners: int) -> list[Geometry]:
    """Return rings of some degrees: of any corners, of three in a line, and boxes with their corners mixed."""
    drawn = np.random.default_rng(corners)
    found: list[Geometry] = []
    for number in range(120):
        middle = np.array([drawn.uniform(1, 359), drawn.uniform(-80, 80)])
        ring = (middle + size * drawn.normal(size=(corners, 2))).clip([-90, -89.5], [450, 89.5])
        if number % 3 == 1:
            ring[-1] = (ring[0] + ring[1]) / 2
        elif number % 3 == 2 and corners == 4:
            ring = middle + size * np.array([[0, 0], [1, 0], [1, 1], [0, 1]])[drawn.permutation(4)]
        found.append({"type": "Polygon", "coordinates": [[*ring.tolist(), ring[0].tolist()]]})
    return found


@pytest.mark.parametrize("corners", [3, 4, 5])
@pytest.mark.parametrize("size", [20.0, 1.0, 1e-3, 1e-5, 1e-7])
def test_a_ring_that_is_not_looked_at_by_s2_is_one_that_s2_takes(size: float, corners: int) -> None:
    shapes = polygons([each["coordinates"][0] for each in rings(size, corners)])
    shapes = shapes[packed.reaches(*packed.corners(shapes)) < packed.MAX_REACH]
    bulging = packed._bulging(*packed.corners(shapes))
    assert not any(sphere is None for sphere in geographies(shapes[bulging]))
    # So that it is no promise about nothing: fewer than five corners are told, unless their sides are too short.
    assert bulging.any() == (corners < 5 and size > 1e-6)


def test_a_box_stands_in_for_a_footprint_that_is_not_there() -> None:
    box = (10.0, 20.0, 11.0, 21.0)
    found = pack([Extent(EARTH, None, box), Extent(SKY, None, box), Extent(SKY, SQUARE, box), Extent(SKY)])
    assert [each and each.form for each in found] == [RING, RING, RING, None]
    assert found[2] == pack([Extent(SKY, SQUARE)])[0]


def test_a_very_large_footprint_is_not_kept_twice() -> None:
    turn = np.linspace(0, 2 * np.pi, 9000)
    star = np.column_stack((np.cos(turn), np.sin(turn))) * (10 + np.arange(9000) % 2)[:, None]
    shape: Geometry = {
        "type": "MultiPolygon",
        "coordinates": [[[*star.tolist(), star[0].tolist()]], [star[:99].tolist()]],
    }
    assert pack([Extent(EARTH, shape)]) == [None]
    assert MOST_WRITTEN < 9000 * 30


def test_angles_are_exact_for_the_nearest_and_the_farthest() -> None:
    one = packed.vectors(np.array([[0.0, 0.0], [0.0, 0.0], [0.0, 0.0], [0.0, 0.0]]))
    other = packed.vectors(np.array([[1e-9, 0.0], [90.0, 0.0], [180 - 1e-9, 0.0], [180.0, 0.0]]))
    assert packed.apart(one, other) == pytest.approx([1e-9, 90.0, 180 - 1e-9, 180.0], abs=1e-13)
