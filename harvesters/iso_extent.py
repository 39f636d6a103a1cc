"""Where and when, as ISO metadata says it: boxes, polygons and points in GML, and periods with open ends."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from discovery.model.extent import EARTH, Extent
from discovery.model.record import make_extent
from harvesters import iso_tree as tree
from harvesters import places
from harvesters.document import Notes, moment
from harvesters.places import Box

_PARTS: Final = ("{*}EX_GeographicBoundingBox", "{*}EX_BoundingPolygon", "{*}EX_TemporalExtent")
_SIDES: Final = (
    ("westBoundLongitude", "westBoundingLongitude"),
    ("southBoundLatitude", "southBoundingLatitude"),
    ("eastBoundLongitude", "eastBoundingLongitude"),
    ("northBoundLatitude", "northBoundingLatitude"),
)
_SHAPES: Final = ("{*}Polygon", "{*}PolygonPatch", "{*}LineString", "{*}LinearRing", "{*}Point")
_EVER: Final = frozenset({"now", "after", "unknown", "before"})
_NONE: Final = frozenset({"", "unknown", "n/a", "na", "none", "null", "..", "now", "present", "ongoing"})
_MARGIN: Final = 1.0
"""Degrees by which a polygon may leave its record's box and still be believed."""
_MOST: Final = 500
"""Boxes, shapes or periods of one record; more of them say no more."""


@dataclass(slots=True)
class _Found:
    """What has been read of one record's extents."""

    boxes: list[Box] = field(default_factory=list)
    shapes: list[Any] = field(default_factory=list)
    starts: list[int | None] = field(default_factory=list)
    ends: list[int | None] = field(default_factory=list)


def extent(identification: Any, notes: Notes) -> Extent:
    """Return the extent of what an identification describes: all its boxes and polygons, from first to last moment.

    Args:
        identification: The element whose extents are read; None where the document has none.
        notes: Where what cannot be used is noted.
    """
    found = _Found()
    for part in identification.iter(*_PARTS) if identification is not None else ():
        kind = tree.name(part)
        if kind == "EX_GeographicBoundingBox":
            if len(found.boxes) < _MOST and (box := _box(part, notes)):
                found.boxes.append(box)
        elif kind == "EX_BoundingPolygon":
            found.shapes += [each for each in part.iter(*_SHAPES) if len(found.shapes) < _MOST]
        elif len(found.starts) < _MOST:
            _period(part, found, notes)
    boxes = list(dict.fromkeys(found.boxes))
    whole = _around(boxes)
    geometry = _geometry(found.shapes, whole, notes) or (_together(boxes) if len(boxes) > 1 else None)
    start, end = _times(found, notes)
    return make_extent(EARTH, geometry, whole, start, end)


# Boxes


def _box(part: Any, notes: Notes) -> Box | None:
    sides = {key: tree.value(each[0]) for key, each in tree.group(part).items()}
    if sides.get("extentTypeCode", "").lower() in ("false", "0"):
        return None  # It says where the data are not.
    west, south, east, north = (_number(sides.get(own) or sides.get(other) or "") for own, other in _SIDES)
    if west is None or south is None or east is None or north is None:
        if any(sides.get(key) for keys in _SIDES for key in keys):
            notes.add("bad-bbox", "a side of the bounding box is no number", "extent.bbox")
        return None
    if -180 <= west <= east <= 180 and -90 <= south <= north <= 90:
        return west, south, east, north
    if max(abs(south), abs(north)) > 90 >= max(abs(west), abs(east)):
        notes.add("swapped-bbox", "the box had longitudes as latitudes; they were exchanged", "extent.bbox")
        west, south, east, north = south, west, north, east
    if south > north:
        notes.add("swapped-bbox", "the box had its south above its north; they were exchanged", "extent.bbox")
        south, north = north, south
    return places.bbox([west, south, east, north], notes, "extent.bbox")


def _number(text: str) -> float | None:
    try:
        # Half of Europe writes a comma.
        out = float(text.replace(",", ".") if "," in text else text)
    except ValueError:
        return None
    return out if math.isfinite(out) else None


def _around(boxes: list[Box]) -> Box | None:
    """Return the box around some boxes; where one of them crosses the antimeridian it goes round the Earth."""
    if len(boxes) < 2:
        return boxes[0] if boxes else None
    south, north = min(each[1] for each in boxes), max(each[3] for each in boxes)
    if any(each[0] > each[2] for each in boxes):
        return -180.0, south, 180.0, north
    return min(each[0] for each in boxes), south, max(each[2] for each in boxes), north


def _together(boxes: list[Box]) -> Mapping[str, Any]:
    """Return some boxes as one geometry; one that crosses the antimeridian becomes two."""
    parts: list[Box] = []
    for west, south, east, north in boxes:
        if west > east:
            parts += [(west, south, 180.0, north), (-180.0, south, east, north)]
        else:
            parts.append((west, south, east, north))
    return {"type": "MultiPolygon", "coordinates": [[_corners(each)] for each in parts]}


def _corners(box: Box) -> list[list[float]]:
    west, south, east, north = box
    return [[west, south], [east, south], [east, north], [west, north], [west, south]]


# Polygons and points in GML


def _geometry(shapes: list[Any], box: Box | None, notes: Notes) -> Mapping[str, Any] | None:
    drawn = [drawing for shape in shapes if (drawing := _shape(shape, box, notes)) is not None]
    kinds = {each["type"] for each in drawn}
    if not drawn:
        return None
    if len(drawn) == 1:
        return places.geometry(drawn[0], notes, "extent.polygon")
    if len(kinds) == 1:
        joined = {"type": f"Multi{kinds.pop()}", "coordinates": [each["coordinates"] for each in drawn]}
        # A multi line is none of the shapes that are looked for, and nothing else is joined so.
        return places.geometry(joined, notes, "extent.polygon")
    return places.geometry({"type": "GeometryCollection", "geometries": drawn}, notes, "extent.polygon")


def _shape(shape: Any, box: Box | None, notes: Notes) -> dict[str, Any] | None:
    kind = tree.name(shape)
    if kind == "LinearRing" and _is_ring_of_polygon(shape):
        return None
    lines = [_positions(each) for each in (_rings(shape) if kind in ("Polygon", "PolygonPatch") else [shape])]
    lines = [each for each in lines if each]
    if not lines:
        return None
    placed = _placed(lines, _latitude_first(shape), box)
    if placed is None:
        notes.add("bad-geometry", "a polygon is not on the Earth, or not in the record's box", "extent.polygon")
        return None
    if kind == "Point":
        return {"type": "Point", "coordinates": placed[0][0]}
    closed = len(placed[0]) > 3 and placed[0][0] == placed[0][-1]
    if kind == "LineString" and not closed:
        return {"type": "LineString", "coordinates": placed[0]}
    return {"type": "Polygon", "coordinates": placed}


def _is_ring_of_polygon(ring: Any) -> bool:
    above = ring.getparent()
    return above is not None and tree.name(above) in ("exterior", "interior", "outerBoundaryIs", "innerBoundaryIs")


def _rings(polygon: Any) -> Iterator[Any]:
    yield from polygon.iter("{*}LinearRing")


def _positions(line: Any) -> list[list[float]]:
    """Return the pairs of numbers of a line: of `posList`, of `pos` by `pos`, or of GML 2's `coordinates`."""
    numbers: list[float] = []
    size = 2
    for each in line.iter("{*}posList", "{*}pos", "{*}coordinates"):
        text = each.text or ""
        if tree.name(each) == "coordinates":
            points = [point.split(",") for point in text.split()]
            size = len(points[0]) if points else 2
            words = [word for point in points for word in point]
        else:
            words = text.split()
            size = 3 if each.get("srsDimension") == "3" or (tree.name(each) == "pos" and len(words) == 3) else 2
        for word in words:
            number = _number(word)
            if number is None:
                return []
            numbers.append(number)
    if len(numbers) % size:
        return []
    return [numbers[at : at + 2] for at in range(0, len(numbers), size)]


def _latitude_first(shape: Any) -> bool:
    """Say whether a shape has its latitudes first, as EPSG:4326 has where it is named by a URN or URI."""
    current = shape
    for _ in range(6):
        if current is None:
            break
        if name := current.get("srsName"):
            return "4326" in name and ("urn:" in name or "/def/crs/epsg" in name.lower())
        current = current.getparent()
    return False


def _placed(lines: list[list[list[float]]], swapped: bool, box: Box | None) -> list[list[list[float]]] | None:
    """Return lines as longitudes and latitudes, in whichever order they are on the Earth and in their box."""
    for swap in (swapped, not swapped):
        turned = [[[y, x] if swap else [x, y] for x, y in line] for line in lines]
        if all(_on_earth(point) and _within(point, box) for line in turned for point in line):
            return turned
    return None


def _on_earth(point: list[float]) -> bool:
    return -360 <= point[0] <= 360 and -90 <= point[1] <= 90


def _within(point: list[float], box: Box | None) -> bool:
    if box is None:
        return True
    west, south, east, north = box
    if not south - _MARGIN <= point[1] <= north + _MARGIN:
        return False
    return west > east or west - _MARGIN <= point[0] <= east + _MARGIN


# Time


def _period(part: Any, found: _Found, notes: Notes) -> None:
    for each in _moments(part):
        ends = tree.group(each)
        if tree.name(each) == "TimePeriod":
            start, end = _position(ends, "begin", notes, end=False), _position(ends, "end", notes, end=True)
        else:
            start = _read(ends, "timePosition", notes, end=False)
            end = _read(ends, "timePosition", notes, end=True)
        if start is not None or end is not None:
            found.starts.append(start)
            found.ends.append(end)
        return


def _moments(part: Any) -> Iterable[Any]:
    """Return the periods and instants inside of an extent; nearly always it is one, and stands where it should."""
    if len(part) == 1 and len(part[0]) == 1 and tree.name(part[0][0]) in ("TimePeriod", "TimeInstant"):
        return (part[0][0],)
    found: Iterable[Any] = part.iter("{*}TimePeriod", "{*}TimeInstant")
    return found


def _position(ends: tree.Group, side: str, notes: Notes, *, end: bool) -> int | None:
    """Return one end of a period, which stands there itself or inside an instant."""
    if f"{side}Position" in ends:
        return _read(ends, f"{side}Position", notes, end=end)
    return _read(tree.inside(ends, side), "timePosition", notes, end=end)


def _read(found: tree.Group, key: str, notes: Notes, *, end: bool) -> int | None:
    for each in found.get(key, ()):
        # `now` and `unknown` leave an end open; `before` and `after` stand with a date that is as good as any.
        text = (each.text or "").strip()
        if text.lower() not in _NONE:
            return moment(text, notes, "extent.time", end=end)
        if (each.get("indeterminatePosition") or text).lower() in _EVER:
            return None
    return None


def _times(found: _Found, notes: Notes) -> tuple[int | None, int | None]:
    """Return from when to when, over all periods; an end that is open anywhere is open."""
    if not found.starts:
        return None, None
    start = min((each for each in found.starts if each is not None), default=None)
    end = None if None in found.ends else max((each for each in found.ends if each is not None), default=None)
    if start is not None and end is not None and start > end:
        notes.add("bad-interval", "the time ends before it starts; the ends were exchanged", "extent.time")
        start, end = end, start
    return start, end
