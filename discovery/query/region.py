"""Regions as people write them, checked, and the door to covering and comparing them.

Longitudes on Earth may be -180 to 360, elsewhere 0 to 360 or -180 to 180; whatever is wrong is a `BadQueryError` that
names the parameter.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import orjson
import shapely

from discovery.errors import BadQueryError, LimitError, RecordError
from discovery.model.extent import EARTH, SKY, Geometry
from discovery.query import moc as mocs
from discovery.query.cover import ANCHOR, Asked, Cover, ask, bbox_cover, box_geometry, cover, covers, prepared
from discovery.query.footprint import MAX_VERTICES, bad, planar
from discovery.query.query import Region
from discovery.query.relate import RELATIONS, decide
from discovery.query.stc import moc_of_json, stc
from discovery.query.systems import SYSTEMS, turned

__all__ = [
    "ANCHOR", "ASKED", "FRAMES", "MAX_QUERY_VERTICES", "RELATIONS", "Asked", "Cover", "ask", "bbox", "bbox_cover",
    "cone", "cover", "covers", "decide", "geojson", "moc", "numbers", "polygon", "related", "simplify", "stc",
]  # fmt: skip

_BODIES = (
    *("mercury", "venus", "moon", "mars", "ceres", "vesta", "jupiter", "io", "europa", "ganymede", "callisto"),
    *("saturn", "titan", "enceladus", "uranus", "neptune", "pluto", "sun", "comet", "asteroid"),
)
FRAMES = (EARTH, SKY, *_BODIES)
"""Every frame that a footprint can be in."""
ASKED = (*FRAMES, *SYSTEMS)
"""What a region can be given in: a frame, or coordinates of the sky that are turned to ICRS."""
MAX_QUERY_VERTICES = 5_000
"""The most vertices of a region that is asked for."""
MAX_QUERY_TEXT = 500_000
"""The most characters of a region that comes as text; 5,000 vertices written out in full are fewer."""
MAX_QUERY_MOC = 100_000
"""The most characters of a MOC that is asked for."""
_SIMPLE = 10_000
_POSITIONS = {"Point": 0, "MultiPoint": 1, "LineString": 1, "MultiLineString": 2, "Polygon": 2, "MultiPolygon": 3}


def bbox(value: str | Sequence[Any], *, frame: str = EARTH, relation: str = "intersects",
         parameter: str = "bbox") -> Region:  # fmt: skip
    """Return the region of a box: west, south, east, north, or six numbers with heights, which are dropped.

    West > east crosses the antimeridian.

    Raises:
        BadQueryError: Not 4 or 6 finite numbers, out of range, or south > north.
    """
    numbers = _numbers(value, parameter)
    if len(numbers) == 6:
        numbers = [numbers[0], numbers[1], numbers[3], numbers[4]]
    if len(numbers) != 4:
        raise BadQueryError(f"{parameter} needs 4 numbers (or 6 with heights), not {len(numbers)}", parameter=parameter)
    west, south, east, north = numbers
    _position(west, south, parameter)
    _position(east, north, parameter)
    if south > north:
        raise BadQueryError(f"{parameter}: south {south:g} is north of {north:g}", parameter=parameter)
    inside = SKY if _frame(frame) in SYSTEMS else frame
    return _made(box_geometry(west, south, east, north, frame=inside), frame, relation, parameter)


def cone(value: str | Sequence[Any], *, frame: str = SKY, relation: str = "intersects",
         parameter: str = "cone") -> Region:  # fmt: skip
    """Return the region of a circle: right ascension (or longitude), declination and radius in degrees.

    Raises:
        BadQueryError: Not 3 finite numbers, out of range, or a radius outside 0 to 180.
    """
    numbers = _numbers(value, parameter)
    if len(numbers) != 3:
        raise BadQueryError(f"{parameter} needs 3 numbers: ra,dec,radius; not {len(numbers)}", parameter=parameter)
    lon, lat, radius = numbers
    _position(lon, lat, parameter)
    if not 0 <= radius <= 180:
        raise BadQueryError(f"{parameter}: the radius must be 0 to 180 degrees, not {radius:g}", parameter=parameter)
    circle = {"type": "Circle", "center": [lon, lat], "radius": radius}
    return _made(circle, frame, relation, parameter)


def numbers(value: str | Sequence[Any], *, frame: str = EARTH, relation: str = "intersects",
            parameter: str = "region") -> Region:  # fmt: skip
    """Return the region of three numbers, a circle as `cone` takes it, or of four or six, a box as `bbox` does.

    Raises:
        BadQueryError: As `cone` and `bbox`.
    """
    count = value.count(",") + 1 if isinstance(value, str) else len(value)
    return (cone if count == 3 else bbox)(value, frame=frame, relation=relation, parameter=parameter)


def polygon(value: str | Sequence[Any], *, frame: str = SKY, relation: str = "intersects",
            parameter: str = "polygon") -> Region:  # fmt: skip
    """Return the region of a polygon as a flat list, lon,lat,lon,lat, ..., of at least three points.

    In text several polygons are parted by semicolons, and GeoJSON may stand in place of the list.

    Raises:
        BadQueryError: An odd list, too few points, numbers out of range.
        LimitError: More than 5,000 points.
    """
    options = {"frame": frame, "relation": relation, "parameter": parameter}
    if isinstance(value, str) and value.lstrip().startswith("{"):
        return geojson(_json(value, parameter), **options)
    lists = value.split(";") if isinstance(value, str) else [value]
    if len(value) > MAX_QUERY_TEXT or len(lists) > MAX_QUERY_VERTICES:
        raise LimitError("region-vertices", f"{parameter} has more than {MAX_QUERY_VERTICES:,} vertices",
                         parameter=parameter)  # fmt: skip
    rings = [[_ring(each, parameter)] for each in lists]
    if len(rings) == 1:
        return geojson({"type": "Polygon", "coordinates": rings[0]}, **options)
    return geojson({"type": "MultiPolygon", "coordinates": rings}, **options)


def _ring(value: str | Sequence[Any], parameter: str) -> list[list[float]]:
    numbers = _numbers(value, parameter)
    if len(numbers) % 2 or len(numbers) < 6:
        raise BadQueryError(f"{parameter} needs pairs of at least 3 points, not {len(numbers)} numbers",
                            parameter=parameter)  # fmt: skip
    ring = [list(pair) for pair in zip(numbers[::2], numbers[1::2], strict=True)]
    return ring if ring[0] == ring[-1] else [*ring, ring[0]]


def _json(text: str, parameter: str) -> Any:
    if len(text) > MAX_QUERY_TEXT:
        raise LimitError("region-vertices", f"{parameter} has more than {MAX_QUERY_TEXT:,} characters",
                         parameter=parameter)  # fmt: skip
    try:
        return orjson.loads(text)
    except ValueError as error:
        raise BadQueryError(f"{parameter}: cannot read the JSON: {str(error)[:80]}", parameter=parameter) from error


def geojson(value: Any, *, frame: str = EARTH, relation: str = "intersects", parameter: str = "intersects") -> Region:
    """Return the region of a GeoJSON geometry or Feature, or of our own `Circle` and `Moc`.

    Raises:
        BadQueryError: It is none, or has a number that is not finite or out of range.
        LimitError: It has more than 5,000 vertices, or crosses itself more than 1,000 times.
    """
    geometry = value
    if isinstance(geometry, Mapping) and geometry.get("type") == "Feature":
        geometry = geometry.get("geometry")
    if not isinstance(geometry, Mapping):
        raise BadQueryError(f"{parameter} must be a GeoJSON geometry, not {str(value)[:60]!r}", parameter=parameter)
    for count, (lon, lat) in enumerate(_walk(geometry, parameter, 0), 1):
        _position(lon, lat, parameter)
        if count > MAX_QUERY_VERTICES:
            message = f"{parameter} has more than {MAX_QUERY_VERTICES:,} vertices"
            raise LimitError("region-vertices", message, parameter=parameter)
    region = _made(geometry, frame, relation, parameter)
    prepared(region, parameter)
    return region


def moc(value: Any, *, frame: str = SKY, relation: str = "intersects", parameter: str = "moc") -> Region:
    """Return the region of a MOC: ASCII such as `3/1-4 5/20`, or JSON such as `{"3": [1, 2]}`, read or as text.

    Raises:
        BadQueryError: It cannot be read, or names cells that do not exist.
        LimitError: It has more than 100,000 characters.
    """
    text = value if isinstance(value, str) else str(orjson.dumps(value), "utf-8") if isinstance(value, Mapping) else ""
    if len(text) > MAX_QUERY_MOC:
        message = f"{parameter}: a MOC of more than {MAX_QUERY_MOC:,} characters"
        raise LimitError("region-moc", message, parameter=parameter)
    try:
        written = moc_of_json(text) if text.lstrip().startswith("{") else text
    except RecordError as error:
        raise BadQueryError(f"{parameter}: {error}", parameter=parameter) from error
    return geojson({"type": "Moc", "moc": written.strip()}, frame=frame, relation=relation, parameter=parameter)


def related(region: Region, relation: str) -> Region:
    """Return the same region asked for by another relation.

    Raises:
        BadQueryError: The relation is not known.
    """
    return replace(region, relation=_relation(relation))


def _made(geometry: Geometry, frame: str, relation: str, parameter: str) -> Region:
    """Return the region of a geometry that was checked, on the sky in ICRS."""
    if _frame(frame) not in SYSTEMS:
        return Region(geometry, frame, _relation(relation))
    return Region(turned(geometry, frame, parameter), SKY, _relation(relation))


def _walk(geometry: Any, parameter: str, depth: int) -> Iterator[tuple[Any, Any]]:
    """Yield every position of a geometry, without going deeper than its type can be."""
    kind = geometry.get("type") if isinstance(geometry, Mapping) else None
    if kind == "GeometryCollection" and depth < 8 and isinstance(geometry.get("geometries"), list | tuple):
        for member in geometry["geometries"]:
            yield from _walk(member, parameter, depth + 1)
    elif kind == "Circle":
        yield from _leaves(geometry.get("center"), 0, parameter)
    elif kind in _POSITIONS:
        yield from _leaves(geometry.get("coordinates"), _POSITIONS[kind], parameter)
    elif kind == "Moc":
        if len(str(geometry.get("moc"))) > MAX_QUERY_MOC:
            message = f"{parameter}: a MOC of more than {MAX_QUERY_MOC:,} characters"
            raise LimitError("region-moc", message, parameter=parameter)
    else:
        allowed = ", ".join((*_POSITIONS, "GeometryCollection", "Circle", "Moc"))
        raise BadQueryError(f"{parameter}: unknown geometry type {str(kind)[:40]!r}; allowed: {allowed}",
                            parameter=parameter)  # fmt: skip


def _leaves(value: Any, depth: int, parameter: str) -> Iterator[tuple[Any, Any]]:
    if not isinstance(value, list | tuple):
        raise BadQueryError(f"{parameter}: expected a list of numbers, not {str(value)[:40]!r}", parameter=parameter)
    if depth:
        for member in value:
            yield from _leaves(member, depth - 1, parameter)
    elif len(value) < 2:
        raise BadQueryError(f"{parameter}: a position needs two numbers, not {str(value)[:40]}", parameter=parameter)
    else:
        yield value[0], value[1]


def _numbers(value: str | Sequence[Any], parameter: str) -> list[float]:
    parts: Any = re.split(r"[,\s]+", value.strip()) if isinstance(value, str) else value
    if not isinstance(parts, Sequence) or len(parts) > 2 * MAX_QUERY_VERTICES + 2:
        raise LimitError("region-vertices", f"{parameter} is no list of numbers, or too long", parameter=parameter)
    return [_number(part, parameter) for part in parts]


def _number(value: Any, parameter: str) -> float:
    try:
        if isinstance(value, bool):
            raise ValueError("a flag")
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        raise BadQueryError(f"{parameter}: {str(value)[:40]!r} is no number", parameter=parameter) from None
    if not math.isfinite(number):
        raise BadQueryError(f"{parameter}: {str(value)[:40]} is not finite", parameter=parameter)
    return number


def _position(lon: Any, lat: Any, parameter: str) -> None:
    for value, low, high, name in ((lon, -180, 360, "longitude"), (lat, -90, 90, "latitude")):
        if isinstance(value, str) or not low <= _number(value, parameter) <= high:
            raise BadQueryError(f"{parameter}: {name} must be {low} to {high}, not {str(value)[:40]}",
                                parameter=parameter)  # fmt: skip


def _frame(frame: str) -> str:
    if frame not in ASKED:
        raise BadQueryError(f"unknown frame {str(frame)[:40]!r}; allowed: {', '.join(ASKED)}", parameter="frame")
    return frame


def _relation(relation: str) -> str:
    if relation not in RELATIONS:
        raise BadQueryError(f"unknown relation {str(relation)[:40]!r}; allowed: {', '.join(RELATIONS)}",
                            parameter="relation")  # fmt: skip
    return relation


def simplify(geometry: Geometry) -> Geometry:
    """Return a footprint with at most about 10,000 vertices: a smaller one as it is, a larger one simplified.

    Raises:
        RecordError: It cannot be read, or has more than 1,000,000 vertices.
    """
    if geometry.get("type") == "Moc":
        mocs.read(geometry.get("moc"))
        return geometry
    if geometry.get("type") in ("Circle", "GeometryCollection"):
        if geometry["type"] == "GeometryCollection" and isinstance(geometry.get("geometries"), list | tuple):
            return {**geometry, "geometries": [simplify(member) for member in geometry["geometries"]]}
        return geometry
    shape = planar(geometry)
    count = int(shapely.get_num_coordinates(shape))
    if count <= _SIMPLE:
        return geometry
    if count > MAX_VERTICES:
        raise bad(f"{count:,} vertices; at most {MAX_VERTICES:,} are read")
    west, south, east, north = shape.bounds
    tolerance = max(east - west, north - south) / 20_000
    for _ in range(12):
        simpler = shapely.simplify(shape, tolerance, preserve_topology=True)
        if int(shapely.get_num_coordinates(simpler)) <= _SIMPLE:
            break
        tolerance *= 2
    else:
        simpler = shape.convex_hull  # tens of thousands of parts: their hull holds them all
    found: Geometry = shapely.geometry.mapping(simpler)
    return found
