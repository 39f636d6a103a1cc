"""The same decision as `discovery.query.relate` for ten thousand packed footprints at once.

Most footprints are decided by arithmetic on all their corners together. What lies so near to the border of a region
that rounding could matter, and whatever is no plain shape, is left to `relate.decide`: both always agree.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import numpy as np
import orjson
import shapely

from discovery.model.extent import EARTH, Geometry
from discovery.query import packed, relate
from discovery.query.cover import prepared
from discovery.query.footprint import Cap, Footprint, deep_parts
from discovery.query.healpix import Flags, Floats, Numbers, Objects, separation
from discovery.query.packed import Shapes, apart, middles, reaches, vectors
from discovery.query.query import Region
from discovery.query.relate import TOUCH, distances

NO: Final = 0
YES: Final = 1
LATER: Final = 2
_MARGIN: Final = 1e-10
"""Degrees: a hundred times what rounding can change, and a tenth of what counts as touching."""
_COARSE: Final = 1e-12
"""What the cosine of an angle must differ by."""
_LESS: Final = 89.0
"""Degrees: the radius of circles that are surely less than half of a sphere."""
_NEAR: Final = 1e-8
"""The same on a plane that touches the sphere, where lengths grow up to a hundredfold."""
_LOWEST: Final = 0.1
"""Of a corner above the plane through the sphere's middle, to be laid on the touching one."""


def decide(region: Region, forms: Sequence[int], data: Sequence[bytes]) -> Flags:
    """Return for each packed footprint what `relate.decide` says of it.

    Args:
        region: What is asked for.
        forms: The `Packed.form` of each.
        data: The `Packed.data` of each.

    Raises:
        BadQueryError: The region cannot be read or its relation is unknown.
    """
    return _decided(region, packed.unpack(forms, data))


def points(region: Region, lonlat: Floats) -> Flags:
    """Return for each point what `relate.decide` says of it; one that has no place is outside of everything.

    Args:
        region: What is asked for.
        lonlat: Longitude and latitude of each in degrees, in the region's frame.

    Raises:
        BadQueryError: The region cannot be read or its relation is unknown.
    """
    placed_at = np.isfinite(lonlat).all(axis=1)
    # A pole has every longitude, and the antimeridian two.
    inner = placed_at & (np.abs(lonlat[:, 1]) < 90) & (np.abs(lonlat[:, 0]) < 180)
    rows = np.flatnonzero(inner)
    blank = np.empty(0, dtype=np.int64)
    nothing = (blank, np.empty((0, 3)))
    placed = (np.arange(len(rows)), np.ascontiguousarray(lonlat[rows], dtype=np.float64))
    shapes = Shapes(len(rows), placed, nothing, (blank, np.empty((0, 2)), blank), (blank, []))
    found = np.zeros(len(lonlat), dtype=bool)
    found[rows] = _decided(region, shapes)
    edges = np.flatnonzero(placed_at & ~inner)
    if len(edges):
        geometries: list[Geometry] = [{"type": "Point", "coordinates": each} for each in lonlat[edges].tolist()]
        found[edges] = relate.decide(region, geometries)
    return found


def _decided(region: Region, shapes: Shapes) -> Flags:
    asked = prepared(region)
    told = np.full(shapes.count, LATER, dtype=np.int8)
    relation = "intersects" if region.relation == "disjoint" else region.relation
    _points(asked, relation, region, shapes, told)
    _circles(asked, relation, region, shapes, told)
    if len(shapes.rings[0]):
        told[shapes.rings[0]] = _rings(asked, relation, region, shapes)
    if region.relation == "disjoint":
        told = np.where(told == LATER, LATER, 1 - told)
    rows, geometries = shapes.geometries(told == LATER)
    if rows:
        told[rows] = relate.decide(region, geometries)
    return np.asarray(told == YES, dtype=bool)


# --- points and circles


def _points(asked: Footprint, relation: str, region: Region, shapes: Shapes, told: Any) -> None:
    rows, lonlat = shapes.points
    if not len(rows) or relation == "contains":
        return
    if (cap := _only_cap(asked)) is not None:
        away = separation(lonlat[:, 0], lonlat[:, 1], cap.lon, cap.lat)
        told[rows] = _compared(away, cap.radius + TOUCH)
    elif region.frame == EARTH and not asked.caps and relation == "intersects":
        told[rows] = _touched(asked, shapely.points(lonlat))
    elif (plane := _plane_of(region)) is not None:
        uv, above = plane.laid(vectors(lonlat))
        inside = shapely.intersects_xy(plane.shape, uv[:, 0], uv[:, 1])
        near = shapely.dwithin(plane.shape, shapely.points(uv), _NEAR)
        sure = inside & ~shapely.dwithin(plane.border, shapely.points(uv), _NEAR)
        told[rows] = np.where(~above, LATER, np.where(sure, YES, np.where(near, LATER, NO)))


def _circles(asked: Footprint, relation: str, region: Region, shapes: Shapes, told: Any) -> None:
    rows, circles = shapes.circles
    if not len(rows):
        return
    lon, lat, radius = circles.T
    cap = _only_cap(asked)
    if cap is not None:
        away = separation(lon, lat, cap.lon, cap.lat)
        if relation == "intersects":
            told[rows] = _compared(away, cap.radius + radius + TOUCH)
        elif cap.radius < 90:
            larger, smaller = (radius, cap.radius) if relation == "contains" else (cap.radius, radius)
            told[rows] = np.where(radius < 90, _compared(away + smaller, larger + TOUCH), LATER)
    elif not asked.caps and relation == "intersects":
        told[rows] = relate.reach(asked, lon, lat, radius)


def _compared(value: Floats, limit: Floats | float) -> Any:
    """Return whether values are at most a limit, LATER where rounding could decide it."""
    return np.where(np.abs(value - limit) <= _MARGIN, LATER, np.where(value < limit, YES, NO))


def _only_cap(asked: Footprint) -> Cap | None:
    return asked.caps[0] if len(asked.caps) == 1 and asked.plane is None else None


# --- rings


def _rings(asked: Footprint, relation: str, region: Region, shapes: Shapes) -> Any:
    _, lonlat, starts = shapes.rings
    cap = _only_cap(asked)
    if cap is not None:
        if region.frame == EARTH:
            return _flat_by_cap(cap, relation, lonlat, starts)
        return _by_cap(cap, relation, vectors(lonlat), starts)
    if region.frame == EARTH:
        if asked.caps:
            return np.full(len(starts), LATER, dtype=np.int8)
        return _flat(asked, relation, lonlat, starts)
    plane = _plane_of(region)
    if plane is None or relation == "contains":
        return np.full(len(starts), LATER, dtype=np.int8)
    return _on_plane(plane, relation, vectors(lonlat), starts)


def _by_cap(cap: Cap, relation: str, xyz: Floats, starts: Numbers) -> Any:
    """Compare rings on a sphere with a circle: by their corners, then by their edges, then by who holds the middle."""
    centre = vectors(np.array([[cap.lon, cap.lat]]))[0]
    told = np.full(len(starts), LATER, dtype=np.int8)
    if relation == "intersects":
        # Cosines alone are enough for nearly all that have a corner inside; they say little about tiny circles.
        told[np.maximum.reduceat(xyz @ centre, starts) > math.cos(math.radians(cap.radius)) + _COARSE] = YES
        rest = np.flatnonzero(told == LATER)
        if len(rest):
            told[rest] = _near_cap(cap.radius + TOUCH, centre, *_some(xyz, starts, rest))
        return told
    away = apart(xyz, centre)
    if relation == "within":
        # In a circle of less than half of the sphere everything is that has its corners there.
        return _compared(np.maximum.reduceat(away, starts), cap.radius + TOUCH) if cap.radius < _LESS else told
    nearest = np.minimum.reduceat(away, starts)
    told[(nearest < cap.radius - 2 * TOUCH) & (cap.radius < _LESS)] = NO
    rest = np.flatnonzero(told == LATER)
    if len(rest) and cap.radius < _LESS:
        least, holds, clear = _edges_and_middle(*_some(xyz, starts, rest), centre, nearest[rest])
        near = np.abs(least - cap.radius) <= 2 * TOUCH
        found = np.where(near, LATER, np.where(holds & (least > cap.radius), YES, NO))
        told[rest] = np.where(clear, found, LATER)
    return told


def _near_cap(reach: float, centre: Floats, xyz: Floats, starts: Numbers) -> Any:
    """Compare rings without a corner well inside a circle with it: by their edges, and by who holds the middle."""
    told = np.full(len(starts), LATER, dtype=np.int8)
    # No part of a ring is farther from its middle than its corners.
    told[apart(middles(xyz, starts), centre) - reaches(xyz, starts) > reach + _MARGIN] = NO
    rest = np.flatnonzero(told == LATER)
    if len(rest):
        xyz, starts = _some(xyz, starts, rest)
        nearest = np.minimum.reduceat(apart(xyz, centre), starts)
        least, holds, clear = _edges_and_middle(xyz, starts, centre, nearest)
        told[rest] = np.where(clear, np.where(holds, YES, _compared(least, reach)), LATER)
    return told


def _edges_and_middle(xyz: Floats, starts: Numbers, centre: Floats, nearest: Floats) -> tuple[Floats, Flags, Flags]:
    """Return how far the edges of rings are from a place, which hold it, and whether that is certain."""
    a, b = xyz, _after(xyz, starts)
    normal = np.cross(a, b)
    length = np.linalg.norm(normal, axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        off = np.degrees(np.arcsin(np.clip(np.abs(normal @ centre) / length, 0, 1)))
    beside = (np.cross(normal, a) @ centre > 0) & (np.cross(b, normal) @ centre > 0) & (length > 1e-14)
    least = np.minimum(np.minimum.reduceat(np.where(beside, off, 360.0), starts), nearest)
    # A ray on the plane that touches the sphere at the place crosses a ring around it an odd number of times.
    x = np.cross((0.0, 0.0, 1.0) if abs(centre[2]) < 0.9 else (1.0, 0.0, 0.0), centre)
    x /= np.linalg.norm(x)
    y = np.cross(centre, x)
    u1, v1, u2, v2 = a @ x, a @ y, b @ x, b @ y
    crossed = ((v1 > 0) != (v2 > 0)) & ((u1 * v2 - u2 * v1) * np.where(v2 > 0, 1.0, -1.0) > 0)
    # A ring that reaches over the horizon does not hold the place: it is less than 80 degrees wide.
    above = np.minimum.reduceat(a @ centre, starts) > 0
    holds = (np.add.reduceat(crossed.astype(np.int64), starts) % 2 == 1) & above
    return least, holds, least > _MARGIN


def _after(values: Floats, starts: Numbers) -> Floats:
    """Return for each corner of rings the one that follows it."""
    index = np.arange(1, len(values) + 1)
    index[np.append(starts[1:], len(values)) - 1] = starts
    return np.asarray(values[index])


def _some(values: Floats, starts: Numbers, rows: Numbers) -> tuple[Floats, Numbers]:
    """Return the corners of some rings, and where those of each begin."""
    if len(rows) == len(starts):
        return values, starts
    sizes = np.diff(np.append(starts, len(values)))[rows]
    first = np.cumsum(sizes) - sizes
    at = np.arange(int(sizes.sum())) + np.repeat(starts[rows] - first, sizes)
    return values[at], first


@dataclass(frozen=True, slots=True)
class _Plane:
    """A region of less than half of a sphere on the plane that touches it, where great circles are straight."""

    axes: Floats
    middle: Floats
    reach: float
    shape: Any
    border: Any

    def laid(self, xyz: Floats) -> tuple[Floats, Flags]:
        """Return the place of each unit vector, and whether it has one."""
        uvw = xyz @ self.axes.T
        above = uvw[:, 2] > _LOWEST
        return uvw[:, :2] / np.where(above, uvw[:, 2], 1.0)[:, None], above


def _plane_of(region: Region) -> _Plane | None:
    asked = prepared(region)
    if asked.caps or asked.sphere is None:
        return None
    return _laid(orjson.dumps(region.geometry, default=dict), region.frame)


@lru_cache(maxsize=64)
def _laid(text: bytes, frame: str) -> _Plane | None:
    return _lay(prepared(Region(orjson.loads(text), frame)))


def _lay(asked: Footprint) -> _Plane | None:
    parts = deep_parts(np.array([asked.plane], dtype=np.object_))
    if (shapely.get_type_id(parts) != 3).any():
        return None
    xyz = vectors(shapely.get_coordinates(parts))
    middle = xyz.mean(axis=0)
    length = float(np.linalg.norm(middle))
    if length < 0.1:
        return None
    z = middle / length
    x = np.cross(z, (0.0, 0.0, 1.0) if abs(z[2]) < 0.9 else (1.0, 0.0, 0.0))
    x /= np.linalg.norm(x)
    axes = np.array([x, np.cross(z, x), z])
    if (xyz @ z).min() < 2 * _LOWEST:
        return None

    def lay(lonlat: Floats) -> Floats:
        uvw = vectors(lonlat) @ axes.T
        return np.asarray(uvw[:, :2] / uvw[:, 2:], dtype=np.float64)

    flat = shapely.transform(parts, lay)
    if not shapely.is_valid(flat).all():
        return None
    shape = flat[0] if len(flat) == 1 else shapely.union_all(flat)
    border = shapely.boundary(shape)
    shapely.prepare(shape)
    shapely.prepare(border)
    return _Plane(axes, z, float(apart(xyz, z).max()), shape, border)


def _on_plane(plane: _Plane, relation: str, xyz: Floats, starts: Numbers) -> Any:
    uv, above = plane.laid(xyz)
    whole = np.logical_and.reduceat(above, starts)
    told = np.full(len(starts), LATER, dtype=np.int8)
    away = apart(middles(xyz, starts), plane.middle) - reaches(xyz, starts)
    told[away > plane.reach + 1e-6] = NO
    sizes = np.diff(np.append(starts, len(xyz)))
    owner = np.repeat(np.arange(len(starts)), sizes)
    if relation == "intersects":
        asked = np.flatnonzero((told == LATER)[owner] & above)
        corners = asked[shapely.intersects_xy(plane.shape, uv[asked, 0], uv[asked, 1])]
        told[owner[corners]] = YES
    rows = np.flatnonzero((told == LATER) & whole)
    made = _polygons(uv, starts, rows)
    if relation == "within":
        inside = shapely.contains_properly(plane.shape, made)
        near = shapely.dwithin(plane.border, made, _NEAR)
        meets = shapely.intersects(plane.shape, made)
        crosses = meets & ~inside & ~_covered_nearly(plane, made)
        told[rows] = np.where(inside & ~near, YES, np.where(crosses | ~(meets | near), NO, LATER))
        return told
    meets = shapely.intersects(plane.shape, made)
    told[rows] = np.where(meets, YES, LATER)
    rows, made = rows[~meets], made[~meets]
    told[rows] = np.where(shapely.dwithin(plane.shape, made, _NEAR), LATER, NO)
    return told


def _covered_nearly(plane: _Plane, shapes: Objects) -> Flags:
    """Return which polygons have every corner in the region or very near to it."""
    xy, owner = shapely.get_coordinates(shapes, return_index=True)
    if not len(xy):
        return np.zeros(0, dtype=bool)
    near = shapely.dwithin(plane.shape, shapely.points(xy), _NEAR)
    return np.asarray(np.logical_and.reduceat(near, np.searchsorted(owner, np.arange(len(shapes)))), dtype=bool)


def _polygons(xy: Floats, starts: Numbers, rows: Numbers) -> Objects:
    if not len(rows):
        return np.empty(0, dtype=np.object_)
    corners, first = _some(xy, starts, rows)
    owner = np.repeat(np.arange(len(rows)), np.diff(np.append(first, len(corners))))
    return np.asarray(shapely.polygons(shapely.linearrings(corners, indices=owner)), dtype=np.object_)


# --- Earth: plain shapes on a plain map


def _flat(asked: Footprint, relation: str, lonlat: Floats, starts: Numbers) -> Any:
    """Compare rings on the map with a region without circles; the predicates are those of `relate`."""
    every = np.arange(len(starts))
    if relation != "intersects":
        made = _polygons(lonlat, starts, every)
        found = shapely.covers(asked.plane, made) if relation == "within" else shapely.covers(made, asked.plane)
        return np.where(found, YES, NO)
    told = np.full(len(starts), NO, dtype=np.int8)
    west, south = np.minimum.reduceat(lonlat, starts).T
    east, north = np.maximum.reduceat(lonlat, starts).T
    for part in asked.parts or (asked.plane,):
        w, s, e, n = shapely.bounds(part)
        rows = np.flatnonzero((told == NO) & (west <= e) & (east >= w) & (south <= n) & (north >= s))
        corner = lonlat[starts[rows]]
        held = shapely.intersects_xy(part, corner[:, 0], corner[:, 1])
        told[rows[held]] = YES
        rows = rows[~held]
        told[rows[shapely.intersects(part, _polygons(lonlat, starts, rows))]] = YES
    return told


def _touched(asked: Footprint, points: Objects) -> Any:
    found = np.zeros(len(points), dtype=bool)
    for part in asked.parts or (asked.plane,):
        found |= shapely.intersects(part, points)
    return np.where(found, YES, NO)


def _flat_by_cap(cap: Cap, relation: str, lonlat: Floats, starts: Numbers) -> Any:
    told = np.full(len(starts), LATER, dtype=np.int8)
    if relation != "intersects":
        return told
    reach = cap.radius + TOUCH
    away = separation(lonlat[:, 0], lonlat[:, 1], cap.lon, cap.lat)
    told[np.minimum.reduceat(away, starts) < reach - _MARGIN] = YES
    # Nothing on the map is shorter than on the ground.
    span = np.maximum.reduceat(lonlat, starts) - np.minimum.reduceat(lonlat, starts)
    told[away[starts] - np.hypot(*span.T) > reach + _MARGIN] = NO
    rows = np.flatnonzero(told == LATER)
    if len(rows):
        made = _polygons(lonlat, starts, rows)
        told[rows] = np.where(distances(made, cap.lon, cap.lat, cap.radius) <= reach, YES, NO)
    return told
