"""Pairs of hostile footprints and regions: nothing missed and nothing wrong, wherever on the sphere they lie.

What two shapes are to each other does not change when both are turned: on a sphere around any axis, on Earth around
its own. So every pair is decided where it lies, at poles and antimeridian, and again where nothing of that is near.
What cells say of it is held against that.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from discovery.model.extent import EARTH, SKY, Geometry
from discovery.query import cover, region
from discovery.query.cover import Asked, Cover
from discovery.query.query import Region
from discovery.query.relate import RELATIONS, decide

pytestmark = pytest.mark.slow

FRAMES = (EARTH, SKY, "mars")
PLACES = ((0.0, 0.0), (179.9, 3.0), (-179.9, -60.0), (10.0, 89.9), (250.0, -89.5), (0.05, 45.0), (120.0, 41.81))
Turn = Callable[[Any], Any]


def shape(rng: np.random.Generator, frame: str) -> Geometry:
    """Return a point, circle, box, star, sliver, holed or parted shape near one of few places, or half the sky."""
    lon, lat = PLACES[int(rng.integers(len(PLACES)))]
    size = float(np.exp(rng.uniform(-5, 2.5)))
    lon = float((lon + rng.normal(0, 1 + size / 2) + 180) % 360 - 180)
    lat = float(np.clip(lat + rng.normal(0, 1 + size / 2), -89.99, 89.99))
    kind = int(rng.integers(0, 10))
    if kind == 0:
        return {"type": "Point", "coordinates": [lon, lat]}
    if kind == 1:
        return {"type": "Circle", "center": [lon, lat], "radius": size if rng.random() < 0.9 else size * 12}
    if kind == 2:
        east = (lon + size * 2 + 180) % 360 - 180
        south, north = max(lat - size, -90.0), min(lat + size, 90.0)
        return region.bbox([lon, south, east, north], frame=frame).geometry
    if kind == 3 and rng.random() < 0.2:
        return region.bbox([-180, -90 if rng.random() < 0.5 else lat, 180, 90], frame=frame).geometry
    outer = ring(rng, frame, lon, lat, size, 1e-3 if kind == 4 else 1.0)
    if kind in (5, 6):
        return {"type": "Polygon", "coordinates": [outer, ring(rng, frame, lon, lat, size / 9, 1.0)]}
    if kind == 7:
        other = ring(rng, frame, lon, float(np.clip(lat + 3 * size, -80, 80)), size, 1.0)
        return {"type": "MultiPolygon", "coordinates": [[outer], [other]]}
    if kind == 8:
        return {"type": "LineString", "coordinates": outer[:4]}
    return {"type": "Polygon", "coordinates": [outer]}


def ring(rng: np.random.Generator, frame: str, lon: float, lat: float, size: float, flat: float) -> list[list[float]]:
    """Return a ring around a middle: on the sphere, or straight on the map where that is what Earth has."""
    count = int(rng.integers(3, 12))
    turn = (np.arange(count) + rng.uniform(0, 0.9, count)) * 2 * np.pi / count
    away = np.radians(size) * rng.uniform(0.4, 1, count)
    x, y = away * np.cos(turn), away * np.sin(turn) * flat
    if frame == EARTH:
        found = np.column_stack((lon + np.degrees(x), np.clip(lat + np.degrees(y), -90, 90)))
    else:
        bent, y0 = np.hypot(x, y), np.radians(lat)
        towards = np.arctan2(x, y)
        up = np.arcsin(np.clip(np.sin(y0) * np.cos(bent) + np.cos(y0) * np.sin(bent) * np.cos(towards), -1, 1))
        along = np.arctan2(np.sin(towards) * np.sin(bent) * np.cos(y0), np.cos(bent) - np.sin(y0) * np.sin(up))
        found = np.column_stack(((lon + np.degrees(along) + 180) % 360 - 180, np.degrees(up)))
    rows: list[list[float]] = found.tolist()
    return [*rows, rows[0]]


def turning(rng: np.random.Generator, frame: str) -> Turn:
    """Return what turns positions: around the axis of the Earth, which leaves its map what it is, else around any."""
    if frame == EARTH:
        by = np.array((float(rng.integers(20, 300)), 0.0))  # whole: the world stays 360 degrees wide to the last digit
        return lambda lonlat: np.asarray(lonlat, dtype=float) + by
    axes, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    axes *= np.sign(np.linalg.det(axes))

    def rotate(lonlat: Any) -> Any:
        lon, lat = np.asarray(lonlat, dtype=float).T
        # One place, one way to write it: parts that meet at a pole or at 180 must still do so afterwards.
        lon = np.where(np.abs(lat) == 90, 0.0, np.where(lon == -180, 180.0, lon))
        lon, lat = np.radians((lon, lat))
        x, y, z = axes @ np.array((np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)))
        return np.degrees(np.column_stack((np.arctan2(y, x), np.arctan2(z, np.hypot(x, y)))))

    return rotate


def turned(value: Any, turn: Turn) -> Any:
    """Return a geometry, or lists of positions, turned."""
    if isinstance(value, dict):
        if value["type"] == "Circle":
            return {**value, "center": turn([value["center"]])[0].tolist()}
        if value["type"] == "Point":
            return {**value, "coordinates": turn([value["coordinates"]])[0].tolist()}
        return {**value, "coordinates": turned(value["coordinates"], turn)}
    if isinstance(value[0][0], list):
        return [turned(each, turn) for each in value]
    return turn(value).tolist()


def matches(found: Cover, cells: tuple[int, ...], parents: tuple[int, ...]) -> bool:
    """Tell what an engine does with `Cells(cells, parents)`."""
    own = {*found.cells, *found.anchors}
    return not (own.isdisjoint(cells) and own.isdisjoint(parents) and set(found.parents).isdisjoint(cells))


def told(relation: str, asked: Asked, found: Cover) -> tuple[bool, bool]:
    """Return whether cells say that a footprint may match, and whether it certainly does."""
    touched = matches(found, asked.cells, asked.parents)
    if relation == "contains":
        return all(matches(found, (), chain) for chain in asked.marks), False
    if relation == "within":
        return touched, touched and bool(asked.beyond) and not matches(found, asked.beyond, asked.above)
    sure = bool(asked.sure) and matches(found, asked.sure, ())
    return (touched, touched and sure) if relation == "intersects" else (not sure, not touched)


def compare(frame: str, seed: int, footprints: int, regions: int) -> tuple[int, dict[str, int]]:
    """Return how many pairs stand in a relation, and how many are missed or wrong by what found it."""
    rng = np.random.default_rng(seed)
    shapes = [shape(rng, frame) for _ in range(footprints)]
    covers = cover.covers(shapes, frame)
    assert None not in covers
    true, faults = 0, {"turned": 0, "missed": 0, "wrong": 0}
    for _ in range(regions):
        asked, turn = shape(rng, frame), turning(rng, frame)
        moved, aside = turned(asked, turn), [turned(each, turn) for each in shapes]
        for relation in RELATIONS:
            wanted = Region(asked, frame, relation)
            here = decide(wanted, shapes)
            true += sum(here)
            faults["turned"] += sum(np.array(here) != decide(Region(moved, frame, relation), aside))
            terms = cover.ask(wanted)
            for truth, found in zip(here, covers, strict=True):
                assert found is not None
                may, must = told(relation, terms, found)
                faults["missed"] += truth and not may
                faults["wrong"] += must and not truth
    return true, faults


@pytest.mark.parametrize("frame", FRAMES)
def test_nothing_is_missed_and_nothing_wrong(frame: str) -> None:
    true, faults = compare(frame, 21, 40, 5)
    assert faults == {"turned": 0, "missed": 0, "wrong": 0}
    assert true > 50


@pytest.mark.long
@pytest.mark.parametrize("frame", FRAMES)
def test_nothing_is_missed_and_nothing_wrong_in_twenty_thousand_pairs(frame: str) -> None:
    true, faults = compare(frame, 22, 400, 50)
    assert faults == {"turned": 0, "missed": 0, "wrong": 0}
    assert true > 5_000
