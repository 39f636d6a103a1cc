"""Footprints as sources send them in GeoJSON: checked, repaired where that is safe, else an issue and left out."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from harvesters.document import Notes

MAX_POSITIONS: Final = 100_000
"""Corners of one footprint; a finer one says no more about where to look, and the box is used instead."""
_MANY: Final = 40  # positions; fewer cannot cross each other a thousand times

Box = tuple[float, float, float, float]
_DEPTH: Final = {
    "Point": 0,
    "MultiPoint": 1,
    "LineString": 1,
    "MultiLineString": 2,
    "Polygon": 2,
    "MultiPolygon": 3,
}


_NUMBERS: Final = frozenset({int, float})


class _BadGeometryError(Exception):
    """Why a geometry cannot be used."""


def bbox(value: Any, notes: Notes, path: str = "bbox") -> Box | None:
    """Return west, south, east and north of a box of four or six numbers; west may be above east (RFC 7946, 5.2)."""
    if value is None:
        return None
    plain = _plain_box(value)
    if plain is not None:
        return plain
    if not isinstance(value, Sequence) or isinstance(value, str) or len(value) not in (4, 6):
        count = len(value) if isinstance(value, Sequence) and not isinstance(value, str) else 0
        notes.add("bad-bbox", f"{path} has {count} numbers; allowed are 4 and 6", path)
        return None
    if not all(_is_number(each) for each in value):
        notes.add("bad-bbox", f"{path} holds something that is not a finite number", path)
        return None
    west, south, *_, east, north = (float(each) for each in (value if len(value) == 4 else (*value[:2], *value[3:5])))
    if not (-90 <= south <= north <= 90):
        notes.add("bad-bbox", f"{path} has latitudes {south:g} to {north:g}; allowed are -90 to 90, south first", path)
        return None
    if not (-360 <= west <= 360 and -360 <= east <= 360):
        notes.add("bad-bbox", f"{path} has longitudes {west:g} to {east:g}; allowed are -180 to 180", path)
        return None
    if east - west >= 360:
        return -180.0, south, 180.0, north
    return _longitude(west), south, _longitude(east), north


def _plain_box(value: Any) -> Box | None:
    """Return a box of four numbers in their usual bounds, as most are; None where one has to look more closely."""
    if type(value) is not list or len(value) != 4:
        return None
    west, south, east, north = value
    if not (type(west) in _NUMBERS and type(south) in _NUMBERS and type(east) in _NUMBERS and type(north) in _NUMBERS):
        return None
    # What is no finite number is in no bounds either.
    if not (-90 <= south <= north <= 90 and -180 <= west <= 180 and -180 <= east <= 180 and east - west < 360):
        return None
    return float(west), float(south), float(east), float(north)


def geometry(value: Any, notes: Notes, path: str = "geometry") -> Mapping[str, Any] | None:
    """Return a GeoJSON geometry whose positions are numbers on the Earth and whose rings are closed."""
    if value is None:
        return None
    if not isinstance(value, Mapping):
        notes.add("bad-geometry", f"{path} is a {type(value).__name__}, not an object", path)
        return None
    plain = _plain_polygon(value)
    if plain is not None:
        return plain
    reader = _Reader()
    try:
        out = reader.geometry(value)
    except _BadGeometryError as error:
        notes.add("bad-geometry", f"{path}: {error}", path)
        return None
    if reader.closed:
        notes.add("open-ring", f"{path}: a ring did not end where it began; it was closed", path)
    if out is None:
        notes.add("empty-geometry", f"{path} is empty", path)
    elif reader.count > _MANY and _is_tangled(out):
        notes.add("tangled-geometry", f"{path} crosses itself over and over; searches take the hull around it", path)
    return out


def _plain_polygon(value: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return a polygon of one short ring that is as it should be, as most are; None for everything else."""
    rings = value.get("coordinates")
    if value.get("type") != "Polygon" or type(rings) is not list or len(rings) != 1:
        return None
    (points,) = rings
    if type(points) is not list or not 4 <= len(points) <= _MANY or points[0] != points[-1]:
        return None
    ring = []
    for point in points:
        if type(point) is not list or len(point) < 2:
            return None
        longitude, latitude = point[0], point[1]
        if type(longitude) not in _NUMBERS or type(latitude) not in _NUMBERS:
            return None
        if not (-360 <= longitude <= 360 and -90 <= latitude <= 90):
            return None
        ring.append([float(longitude), float(latitude)])
    return {"type": "Polygon", "coordinates": [ring]} if ring[0] == ring[-1] else None


def _is_tangled(value: Mapping[str, Any]) -> bool:
    # The geometry libraries behind it are slow to load, and most footprints are too small to need them.
    from discovery.query.footprint import is_tangled

    return is_tangled(value)


class _Reader:
    def __init__(self) -> None:
        self.count = 0
        self.closed = False

    def geometry(self, value: Mapping[str, Any], level: int = 0) -> Mapping[str, Any] | None:
        kind = value.get("type")
        if kind == "GeometryCollection" and level < 4:
            members = value.get("geometries")
            if not isinstance(members, list) or not all(isinstance(each, Mapping) for each in members):
                raise _BadGeometryError("a GeometryCollection without geometries")
            parts = [part for each in members if (part := self.geometry(each, level + 1)) is not None]
            return {"type": kind, "geometries": parts} if parts else None
        if not isinstance(kind, str) or kind not in _DEPTH:
            raise _BadGeometryError(f"type {str(kind)[:40]!r} is not one of {', '.join(_DEPTH)}, GeometryCollection")
        coordinates = value.get("coordinates")
        if coordinates in (None, []):
            return None
        out = self.nested(coordinates, _DEPTH[kind], rings="Polygon" in kind)
        return {"type": kind, "coordinates": out} if out else None

    def nested(self, value: Any, depth: int, *, rings: bool) -> list[Any]:
        if depth == 0:
            return self.position(value)
        if not isinstance(value, list):
            raise _BadGeometryError("coordinates are not nested as their type wants it")
        out = [self.nested(each, depth - 1, rings=rings) for each in value]
        out = [each for each in out if each]
        if depth == 1 and rings and out:
            return self.ring(out)
        return out

    def position(self, value: Any) -> list[float]:
        self.count += 1
        if self.count > MAX_POSITIONS:
            raise _BadGeometryError(f"more than {MAX_POSITIONS} positions")
        if not isinstance(value, list) or len(value) < 2 or not (_is_number(value[0]) and _is_number(value[1])):
            raise _BadGeometryError("a position is not two finite numbers")
        longitude, latitude = float(value[0]), float(value[1])
        if not (-90 <= latitude <= 90 and -360 <= longitude <= 360):
            raise _BadGeometryError(f"position {longitude:g}, {latitude:g} is not on the Earth")
        return [longitude, latitude]

    def ring(self, points: list[list[float]]) -> list[list[float]]:
        if points[0] != points[-1]:
            self.closed = True
            points = [*points, points[0]]
        if len(points) < 4:
            raise _BadGeometryError("a ring has fewer than three corners")
        return points


def _is_number(value: Any) -> bool:
    # A bool is an int to Python, and no number to JSON.
    return type(value) in _NUMBERS and math.isfinite(value)


def _longitude(value: float) -> float:
    return value if -180 <= value <= 180 else (value + 180) % 360 - 180
