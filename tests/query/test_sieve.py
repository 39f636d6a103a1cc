"""Ten thousand footprints decided by numbers: always as one by one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from discovery.errors import LimitError
from discovery.model.extent import EARTH, SKY, Extent, Geometry
from discovery.query import packed, region, sieve
from discovery.query.query import Region
from discovery.query.relate import RELATIONS, decide

pytestmark = pytest.mark.slow

FRAMES = (EARTH, SKY, "mars")


def ring(rng: np.random.Generator, lon: float, lat: float, size: float, count: int) -> Geometry:
    """Return a ring of corners around a middle, drawn on the sphere; longitudes are -180 to 180."""
    turn = (np.arange(count) + rng.uniform(0, 0.9, count)) * 2 * np.pi / count
    away, y0 = np.radians(size) * rng.uniform(0.3, 1, count), np.radians(lat)
    y = np.arcsin(np.clip(np.sin(y0) * np.cos(away) + np.cos(y0) * np.sin(away) * np.cos(turn), -1, 1))
    x = np.arctan2(np.sin(turn) * np.sin(away) * np.cos(y0), np.cos(away) - np.sin(y0) * np.sin(y))
    around = np.column_stack(((lon + np.degrees(x) + 180) % 360 - 180, np.degrees(y))).tolist()
    return {"type": "Polygon", "coordinates": [[*around, around[0]]]}


def box(west: float, south: float, east: float, north: float, frame: str) -> Geometry:
    return region.bbox([west, south, east, north], frame=frame).geometry


def anything(rng: np.random.Generator, frame: str) -> Geometry:
    """Return a footprint of any kind near one of a few places, so that many meet."""
    lon, lat = float(rng.choice([0, 179.5, -120, 33])), float(rng.choice([0, 89.5, -89, 45, 12]))
    lon = float((lon + rng.normal(0, 3) + 180) % 360 - 180)
    lat = float(np.clip(lat + rng.normal(0, 3), -90, 90))
    size = float(np.exp(rng.uniform(-4, 3)))
    kind = int(rng.integers(0, 7))
    if kind == 0:
        return {"type": "Point", "coordinates": [lon, lat]}
    if kind == 1:
        return {"type": "Circle", "center": [lon, lat], "radius": size}
    if kind == 2:
        north = min(lat + size, 90.0)
        return box(lon, max(lat - size, -90.0), (lon + size + 180) % 360 - 180, max(north, lat - size), frame)
    if kind == 3:  # slivers and bow-ties
        x, y = np.clip(rng.normal(0, size / 10, 4), -40, 40), np.clip(rng.normal(0, size / 10, 4), -40, 40)
        points = [[float((lon + a) % 360), float(np.clip(lat + b, -90, 90))] for a, b in zip(x, y, strict=True)]
        return {"type": "Polygon", "coordinates": [[*points, points[0]]]}
    if kind == 4 and frame != EARTH:
        outer, inner = ring(rng, lon, lat, size, 8), ring(rng, lon, lat, size / 5, 5)
        return {"type": "Polygon", "coordinates": [outer["coordinates"][0], inner["coordinates"][0]]}
    return ring(rng, lon, lat, size, int(rng.integers(3, 20)))


def differences(frame: str, seed: int, footprints: int, regions: int) -> tuple[int, int]:
    """Return on how many pairs both ways of deciding differ, and how many stand in a relation."""
    rng = np.random.default_rng(seed)
    shapes = [anything(rng, frame) for _ in range(footprints)]
    kept = [each for each in packed.pack([Extent(frame, shape) for shape in shapes]) if each is not None]
    assert len(kept) == footprints
    forms, data = [each.form for each in kept], [each.data for each in kept]
    wrong = true = 0
    for _ in range(regions):
        asked = anything(rng, frame)
        for relation in RELATIONS:
            wanted = Region(asked, frame, relation)
            try:
                slow = np.array(decide(wanted, shapes))
            except LimitError:
                continue  # It is wider than half of the sky, or a line back and forth over a pole.
            wrong += int((sieve.decide(wanted, forms, data) != slow).sum())
            true += int(slow.sum())
    return wrong, true


@pytest.mark.parametrize("frame", FRAMES)
def test_numbers_decide_as_one_by_one(frame: str) -> None:
    wrong, true = differences(frame, 5, 60, 8)
    assert wrong == 0
    assert true > 60


@pytest.mark.long
@pytest.mark.parametrize("frame", FRAMES)
def test_numbers_decide_twenty_thousand_pairs_and_many_more_as_one_by_one(frame: str) -> None:
    wrong, true = differences(frame, 6, 500, 200)
    assert wrong == 0
    assert true > 10_000


def ask(wanted: Region, *shapes: Geometry) -> list[bool]:
    found = [each for each in packed.pack([Extent(wanted.frame, shape) for shape in shapes]) if each is not None]
    return [bool(each) for each in sieve.decide(wanted, [each.form for each in found], [each.data for each in found])]


@pytest.mark.parametrize("relation", RELATIONS)
def test_what_touches_to_the_last_digit_is_left_to_the_careful_way(relation: str) -> None:
    circle: Callable[..., Geometry] = lambda lon, radius: {"type": "Circle", "center": [lon, 0], "radius": radius}  # noqa: E731
    corner: Geometry = {"type": "Polygon", "coordinates": [[[1, 0], [2, 1], [2, -1], [1, 0]]]}
    point: Geometry = {"type": "Point", "coordinates": [1, 0]}
    same: Geometry = {"type": "Polygon", "coordinates": [[[1, 0], [2, -1], [2, 1], [1, 0]]]}
    for asked in (circle(0, 1), corner, circle(0, 1 + 1e-12), circle(0, 1 - 1e-9)):
        for frame in FRAMES:
            wanted, shapes = Region(asked, frame, relation), (circle(2, 1), corner, point, same)
            assert ask(wanted, *shapes) == decide(wanted, shapes)


def test_a_ring_that_holds_a_small_cone_is_found_without_a_corner_in_it() -> None:
    large = ring(np.random.default_rng(1), 100, 80, 12, 9)
    small = region.cone([100, 80, 0.01])
    assert ask(small, large) == [True]
    assert ask(Region(small.geometry, SKY, "contains"), large) == [True]
    assert ask(Region(small.geometry, SKY, "within"), large) == [False]
    assert ask(region.cone([280, -80, 0.01]), large) == [False]


def test_boxes_over_the_equator_hold_what_lies_on_it() -> None:
    wide = region.bbox([10, -20, 100, 20], frame=SKY, relation="within")
    inside: Any = {"type": "Polygon", "coordinates": [[[50, -5], [75, -5], [75, 5], [50, 5], [50, -5]]]}
    assert ask(wide, inside) == [True]
    assert decide(wide, [inside]) == [True]


@pytest.mark.parametrize("frame", FRAMES)
def test_bare_points_are_decided_as_footprints_are(frame: str) -> None:
    rng = np.random.default_rng(9)
    lonlat = np.stack([rng.uniform(-180, 180, 200), np.degrees(np.arcsin(rng.uniform(-1, 1, 200)))], axis=1)
    lonlat[:3] = [[180, 10], [-180, 0], [77, -90]]
    shapes: list[Geometry] = [{"type": "Point", "coordinates": each} for each in lonlat.tolist()]
    decided = 0
    for relation in RELATIONS:
        for _ in range(6):
            wanted = Region(anything(rng, frame), frame, relation)
            try:
                truth = decide(wanted, shapes)
            except LimitError:
                continue  # It is wider than half of the sky.
            assert sieve.points(wanted, lonlat).tolist() == truth
            decided += 1
    assert decided > 10
    lonlat[3] = np.nan
    assert not sieve.points(Region(anything(rng, frame), frame, "disjoint"), lonlat)[3]
