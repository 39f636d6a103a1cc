"""Exact answers: which footprints meet, lie in, hold or avoid a region."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import shapely

from discovery.errors import BadQueryError
from discovery.model.extent import Geometry
from discovery.query import healpix
from discovery.query.cover import ask
from discovery.query.query import Region
from discovery.query.region import bbox, cone, geojson
from discovery.query.relate import RELATIONS, decide, distances

WORLD = bbox("-180,-90,180,90")


def disc(lon: float, lat: float, radius: float) -> Geometry:
    return {"type": "Circle", "center": [lon, lat], "radius": radius}


def square(west: float, south: float, east: float, north: float, *holes: Any) -> Geometry:
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"type": "Polygon", "coordinates": [ring, *holes]}


def test_a_circle_on_earth_reaches_as_far_as_the_great_circle_says() -> None:
    rng = np.random.default_rng(4)
    for _ in range(60):
        lat, size = float(rng.uniform(-88, 88)), float(rng.uniform(0.1, 20))
        west, south = float(rng.uniform(-179, 140)), float(rng.uniform(-89, 60))
        width, height = float(rng.uniform(0.5, 39)), float(rng.uniform(0.5, 29))
        t = np.linspace(0, 1, 4001)
        xs = np.concatenate((west + width * t, west + width * t, 0 * t + west, 0 * t + west + width))
        ys = np.concatenate((0 * t + south, 0 * t + south + height, south + height * t, south + height * t))
        away = float(healpix.separation(xs, ys, 0.0, lat).min())
        if west <= 0 <= west + width and south <= lat <= south + height:
            away = 0.0
        if abs(away - size) < 0.001:
            continue
        region = cone([0, lat, size], frame="earth")
        box = bbox([west, south, west + width, south + height]).geometry
        assert decide(region, [box]) == [away <= size]


@pytest.mark.parametrize("frame", ["earth", "sky", "mars"])
def test_within_and_contains_are_each_other_turned_round(frame: str) -> None:
    small, large = bbox("14,14,16,16", frame=frame), bbox("10,10,20,20", frame=frame)
    for inner, outer in (
        (small.geometry, large.geometry),
        (disc(15, 15, 2), large.geometry),
        (small.geometry, disc(15, 15, 2)),
    ):
        assert decide(Region(outer, frame, "within"), [inner]) == [True]
        assert decide(Region(inner, frame, "contains"), [outer]) == [True]
        assert decide(Region(inner, frame, "within"), [outer]) == [False]
        assert ask(Region(outer, frame, "within")).sure == ()


@pytest.mark.parametrize("geometry", [None, {}, {"type": "Polygon"}, {"type": "Point", "coordinates": [0, math.nan]}])
def test_an_unreadable_footprint_is_in_no_relation(geometry: Any) -> None:
    for relation in ("intersects", "within", "contains", "disjoint"):
        assert decide(Region(WORLD.geometry, "earth", relation), [geometry]) == [False]


def test_an_unknown_relation_is_refused() -> None:
    with pytest.raises(BadQueryError, match="beside") as caught:
        decide(Region(WORLD.geometry, "earth", "beside"), [square(0, 0, 1, 1)])
    assert caught.value.parameter == "relation"


@pytest.mark.parametrize("frame", ["earth", "sky"])
@pytest.mark.parametrize(
    ("inner", "outer", "truth"),
    [
        (disc(15, 15, 1), disc(15, 15, 1), True),
        (disc(15, 15, 1), disc(15, 16, 2), True),
        (disc(15, 15, 1), disc(15, 16.01, 2), False),
        (disc(15, 15, 1), disc(195, -15, 180), True),
        (disc(15, 15, 1), square(14, 13.9, 16.1, 16.1), False),
        (disc(15, 15, 1), square(13.9, 13.9, 16.1, 16.1), True),
        (disc(15, 15, 1), square(10, 10, 20, 20, [[15, 15], [15.1, 15], [15, 15.1], [15, 15]]), False),
        (disc(15, 15, 1), square(10, 10, 20, 20, [[17, 17], [17.1, 17], [17, 17.1], [17, 17]]), True),
        (square(14, 14, 16, 16), disc(15, 15, 1.39), False),
        (square(14, 14, 16, 16), disc(15, 15, 1.4), True),
        (square(14, 14, 16, 16), disc(195, -15, 178), False),
        (square(14, 14, 16, 16), disc(15, 15, 180), True),
        (disc(15, 15, 1), {"type": "Point", "coordinates": [15, 15]}, False),
        ({"type": "Point", "coordinates": [14, 15]}, square(14, 14, 16, 16), True),
        ({"type": "LineString", "coordinates": [[14.5, 15], [15, 15.5]]}, square(14, 14, 16, 16), True),
        ({"type": "LineString", "coordinates": [[14.5, 15], [17, 15.5]]}, square(14, 14, 16, 16), False),
    ],
)
def test_one_lies_in_the_other_with_its_edge_or_not_at_all(
    inner: Geometry, outer: Geometry, truth: bool, frame: str
) -> None:
    assert decide(Region(outer, frame, "within"), [inner]) == [truth]
    assert decide(Region(inner, frame, "contains"), [outer]) == [truth]


@pytest.mark.parametrize("frame", ["earth", "sky", "mars"])
def test_what_only_touches_an_edge_or_a_corner_meets_it(frame: str) -> None:
    region = Region(square(0, 0, 1, 1), frame)
    line = {"type": "LineString", "coordinates": [[1, 1], [3, 3]]}
    points = [{"type": "Point", "coordinates": [x, y]} for x, y in ((0, 0), (1, 0), (1, 1), (0, 1), (0, 0.5))]
    neighbours = [square(1, 1, 2, 2), square(1, 0, 2, 1), square(-1, -1, 0, 0)]
    assert all(decide(region, [line, *points, *neighbours]))
    assert not any(decide(region, [square(1.001, 0, 2, 1), {"type": "Point", "coordinates": [1.001, 1]}]))


@pytest.mark.parametrize("frame", ["earth", "sky", "mars"])
def test_one_question_is_answered_for_many_as_for_each(frame: str) -> None:
    rng = np.random.default_rng(6)
    many: list[Geometry | None] = [
        None,
        {"type": "Point", "coordinates": [12, 12]},
        square(0, 0, 30, 30),
        disc(14, 14, 30),
    ]
    for _ in range(8):
        lon, lat, size = float(rng.uniform(0, 30)), float(rng.uniform(0, 30)), float(rng.uniform(0.1, 9))
        many += [disc(lon, lat, size), square(lon, lat, lon + size, lat + size)]
    for asked in (square(8, 8, 20, 20), disc(14, 14, 8)):
        for relation in RELATIONS:
            region = Region(asked, frame, relation)
            answers = decide(region, many)
            assert answers == [decide(region, [each])[0] for each in many]
            assert any(answers)
            assert not all(answers)


def test_what_lies_within_meets_and_is_not_apart() -> None:
    rng = np.random.default_rng(7)
    many = [square(x, y, x + 2, y + 2) for x, y in rng.uniform(0, 30, (60, 2)).tolist()]
    region = geojson(square(8, 8, 20, 20))
    answers = {relation: decide(Region(region.geometry, "earth", relation), many) for relation in RELATIONS}
    for within, meets, apart in zip(answers["within"], answers["intersects"], answers["disjoint"], strict=True):
        assert meets is not apart
        assert meets or not within


def test_distances_are_those_of_points_along_the_edges() -> None:
    rng = np.random.default_rng(8)
    t = np.linspace(0, 1, 5_001)[:, None]
    for _ in range(15):
        a, b = rng.uniform((-170, -85), (170, 85), (2, 2))
        lon, lat = float(rng.uniform(-180, 180)), float(rng.uniform(-90, 90))
        along = a + t * (b - a)
        nearest = float(healpix.separation(along[:, 0], along[:, 1], lon, lat).min())
        found = float(distances(np.array([shapely.LineString([a, b])], dtype=np.object_), lon, lat, 180.0)[0])
        assert nearest - 0.02 < found <= nearest + 1e-9
