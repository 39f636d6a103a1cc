"""How much of each other footprints and a region hold: the area that both have as a share of the area of either.

Areas are those on the sphere in every frame. On Earth, where edges are straight on the map, the map is laid so that
equal areas are equal; elsewhere edges are great circles. A circle is a polygon of as large an area.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import reduce
from typing import Any, Final

import numpy as np
import shapely
import spherely

from discovery.model.extent import EARTH
from discovery.query import packed
from discovery.query.cover import prepared
from discovery.query.footprint import Cap, Footprint, deep_parts, footprints
from discovery.query.healpix import Floats, Objects
from discovery.query.query import Region

_CORNERS: Final = 360
"""Of the polygon that stands for a circle: where it lies, it is right to a 10,000th of the radius."""
_STEP: Final = 1.0
"""Degrees: an edge on the map is that short where it is bent with it."""
_QUARTERS: Final = ((-180, -90), (-90, 0), (0, 90), (90, -180))
_EIGHTHS: Final = tuple(((west, 0), (east, 0), (west, pole)) for west, east in _QUARTERS for pole in (90, -90))
_WORLD: Final = shapely.box(-180, -1, 180, 1)


def shares(region: Region, forms: Sequence[int], data: Sequence[bytes]) -> Floats:
    """Return for each packed footprint the area that it shares with a region, as a share of the area of both.

    It is 1 where both are the same, and 0 where they share no area: points and lines have none.

    Args:
        region: What is asked for; its relation says nothing here.
        forms: The `Packed.form` of each.
        data: The `Packed.data` of each.

    Raises:
        BadQueryError: The region cannot be read.
    """
    shapes = packed.unpack(forms, data)
    found = np.zeros(shapes.count)
    rows, geometries = shapes.geometries(np.ones(shapes.count, dtype=bool))
    made = [(row, each) for row, each in zip(rows, footprints(geometries, region.frame), strict=True) if each]
    if not made:
        return found
    measure = _on_map if region.frame == EARTH else _on_sphere
    whole, own, both = measure(prepared(region), [each for _, each in made])
    union = whole + own - both
    # Rounding may leave a little more in common than there is.
    share = np.clip(np.divide(both, union, out=np.zeros(len(both)), where=union > 0), 0.0, 1.0)
    found[[row for row, _ in made]] = share
    return found


def _reach(radius: float) -> float:
    """Return how far, in radians, the corners of a circle's polygon are from its middle."""
    half = math.pi / _CORNERS
    if radius < 1.0:
        # The cosine of so small an angle has too few digits, and the ground is flat.
        return math.radians(radius) * math.sqrt(2 * half / math.sin(2 * half))
    return math.acos(max(-1.0, min(1.0, math.tan(half * math.cos(math.radians(radius))) / math.tan(half))))


def _corners(cap: Cap) -> Floats:
    """Return longitudes and latitudes of the corners of a circle's polygon, counter-clockwise."""
    angle = -2 * math.pi * np.arange(_CORNERS) / _CORNERS
    reach = _reach(cap.radius)
    cosine, sine = math.cos(reach), math.sin(reach)
    lat, lon = math.radians(cap.lat), math.radians(cap.lon)
    z = math.sin(lat) * cosine + math.cos(lat) * sine * np.cos(angle)
    y = np.sin(angle) * sine
    x = math.cos(lat) * cosine - math.sin(lat) * sine * np.cos(angle)
    around = np.degrees(lon + np.arctan2(y, x))
    return np.column_stack((around, np.degrees(np.arctan2(z, np.hypot(x, y)))))


# --- the sky and other bodies


def _on_sphere(asked: Footprint, there: Sequence[Footprint]) -> tuple[float, Floats, Floats]:
    """Return the area of a region, of footprints, and of what they have in common."""
    region = _sphere(asked)
    areas = _column([_sphere(each) for each in there])
    whole = 0.0 if region is None else _areas(_column([region]))[0]
    own = _areas(areas)
    both = np.zeros(len(there))
    if whole >= 4 * math.pi - 1e-9:
        return whole, own, own
    rows = np.flatnonzero(own > 0)
    if region is not None and whole > 0 and len(rows):
        some = areas[rows]
        inside = np.asarray(spherely.covered_by(some, region), dtype=bool)
        both[rows[inside]] = own[rows[inside]]
        rows, some = rows[~inside], some[~inside]
        meets = np.asarray(spherely.intersects(some, region), dtype=bool)
        if meets.any():
            both[rows[meets]] = _areas(spherely.intersection(some[meets], region))
    return whole, own, both


def _areas(spheres: Objects) -> Floats:
    found = np.zeros(len(spheres))
    rows = [row for row, each in enumerate(spheres) if each is not None]
    if rows:
        found[rows] = spherely.area(spheres[rows], radius=1.0)
    return found


def _sphere(footprint: Footprint) -> Any:
    """Return the areas of a footprint as one geography, None where it has none."""
    parts = [*(footprint.shards or ((footprint.sphere,) if footprint.sphere is not None else ())), *_discs(footprint)]
    parts = [part for part in parts if spherely.get_dimension(part) == 2]
    return reduce(spherely.union, parts) if parts else None


def _discs(footprint: Footprint) -> Iterator[Any]:
    for cap in footprint.caps:
        if cap.radius >= 180:
            yield from (spherely.create_polygon(eighth) for eighth in _EIGHTHS)
        elif cap.radius > 0:
            corners = _corners(cap)
            corners[:, 0] = (corners[:, 0] + 180) % 360 - 180
            yield spherely.create_polygon(corners.tolist(), oriented=True)


# --- Earth


def _on_map(asked: Footprint, there: Sequence[Footprint]) -> tuple[float, Floats, Floats]:
    """Return the area of a region, of footprints, and of what they have in common, on a map of equal areas."""
    region = _flat([asked])[0]
    areas = _flat(there)
    shapely.prepare(region)
    own = shapely.area(areas)
    both = np.zeros(len(there))
    inside = shapely.covers(region, areas)
    both[inside] = own[inside]
    rows = np.flatnonzero(~inside & (own > 0) & shapely.intersects(region, areas))
    both[rows] = shapely.area(shapely.intersection(areas[rows], region))
    return float(shapely.area(region)), own, both


def _flat(there: Sequence[Footprint]) -> Objects:
    """Return the areas of footprints on the map of equal areas."""
    found: Objects = _column([shapely.Polygon() if each.plane is None else _only_areas(each.plane) for each in there])
    found[:] = shapely.transform(shapely.segmentize(found, _STEP), _equal)
    for row, each in enumerate(there):
        if each.caps:
            found[row] = shapely.union_all([found[row], *map(_disc, each.caps)])
    return found


def _only_areas(shape: Any) -> Any:
    if shape.geom_type in ("Polygon", "MultiPolygon"):
        return shape
    parts = deep_parts(np.array([shape], dtype=np.object_))
    areas = parts[shapely.get_type_id(parts) == 3]
    return shapely.union_all(areas) if len(areas) else shapely.Polygon()


def _equal(lonlat: Floats) -> Floats:
    """Lay positions on a cylinder, where what is as large on the sphere is as large."""
    return np.column_stack((lonlat[:, 0], np.sin(np.radians(lonlat[:, 1]))))


def _disc(cap: Cap) -> Any:
    """Return a circle on the ground as it is on the map of equal areas."""
    if cap.radius > 90:
        rest = Cap((cap.lon + 180) % 360, -cap.lat, 180 - cap.radius)
        return shapely.difference(_WORLD, _disc(rest)) if rest.radius > 0 else _WORLD
    if cap.radius == 0:
        return shapely.Polygon()
    corners = _corners(cap)
    corners[:, 0] = np.degrees(np.unwrap(np.radians(corners[:, 0])))
    corners = _equal(corners)
    for pole in (1.0, -1.0):
        if abs(90.0 * pole - cap.lat) < cap.radius:
            # Around a pole the edge runs through all longitudes, and everything up to the map's edge is inside.
            end = corners[0] + ((corners[-1, 0] - corners[0, 0]) / (1 - 1 / _CORNERS), 0.0)
            last = np.array((end, (end[0], pole), (corners[0, 0], pole)))
            corners = np.concatenate((corners, last))
    shape = shapely.make_valid(shapely.Polygon(corners))
    turns = [
        shapely.transform(shape, lambda xy, turn=turn: xy + np.array((turn, 0.0))) for turn in (-720, -360, 0, 360, 720)
    ]
    return shapely.intersection(shapely.union_all(turns), _WORLD)


def _column(values: Sequence[Any]) -> Objects:
    found = np.empty(len(values), dtype=np.object_)
    found[:] = values
    return found
