"""The exact decision: whether footprints intersect, lie in, hold or avoid a region."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import shapely
import spherely

from discovery.errors import BadQueryError
from discovery.model.extent import Geometry
from discovery.query.cover import prepared
from discovery.query.footprint import Cap, Footprint, footprints
from discovery.query.healpix import Flags, Floats, Objects, separation
from discovery.query.query import Region

RELATIONS = ("intersects", "within", "contains", "disjoint")
"""What `Region.relation` may be: how the record's footprint lies to the region."""
# Two geometries of the sphere that touch within this many degrees (4 micro arc seconds) do touch.
_TOUCH = 1e-9


def decide(region: Region, geometries: Sequence[Geometry | None]) -> list[bool]:
    """Return for each footprint whether it stands in the region's relation to it, ends and edges included.

    A record without a footprint, or with one that cannot be read, is in no relation. An invalid footprint, such as a
    bow-tie, is first made valid.

    Raises:
        BadQueryError: The region cannot be read or its relation is unknown.
    """
    if region.relation not in RELATIONS:
        allowed = ", ".join(RELATIONS)
        raise BadQueryError(f"unknown relation {region.relation[:40]!r}; allowed: {allowed}", parameter="relation")
    asked = prepared(region)
    found = footprints(geometries, region.frame)
    there = [f for f in found if f is not None]
    rows = np.flatnonzero([f is not None for f in found])
    answer = np.zeros(len(geometries), dtype=bool)
    if there:
        if region.relation == "within":
            answer[rows] = [_within(f, asked) for f in there] if _odd(asked, there) else _shapes_within(asked, there)
        elif region.relation == "contains":
            answer[rows] = [_within(asked, f) for f in there]
        else:
            answer[rows] = _intersect(asked, there) == (region.relation == "intersects")
    return [bool(value) for value in answer]


def _odd(asked: Footprint, there: Sequence[Footprint]) -> bool:
    return bool(asked.caps) or any(f.caps for f in there)


def _shapes_within(asked: Footprint, there: Sequence[Footprint]) -> Flags:
    if asked.sphere is not None:
        return np.asarray(spherely.covered_by(_column(there, "sphere"), asked.sphere), dtype=bool)
    return np.asarray(shapely.covers(asked.plane, _column(there, "plane")), dtype=bool)


def _column(there: Sequence[Footprint], name: str) -> Objects:
    found = np.empty(len(there), dtype=np.object_)
    found[:] = [getattr(f, name) for f in there]
    return found


def _intersect(asked: Footprint, there: Sequence[Footprint]) -> Flags:
    """Return which footprints share a point with the region."""
    answer = np.zeros(len(there), dtype=bool)
    rows = [i for i, f in enumerate(there) if f.plane is not None]
    if rows:
        solid = [there[i] for i in rows]
        if asked.sphere is not None:
            answer[rows] |= _touching(_column(solid, "sphere"), asked.sphere)
        elif asked.plane is not None:
            for part in asked.parts or (asked.plane,):
                answer[rows] |= shapely.intersects(part, _column(solid, "plane"))
        for cap in asked.caps:
            answer[rows] |= _reached(solid, cap)
    for row, cap in ((row, cap) for row, f in enumerate(there) for cap in f.caps):
        if not answer[row]:
            answer[row] = _cap_meets(cap, asked)
    return answer


def _touching(spheres: Objects, asked: Any) -> Flags:
    """Return which geographies meet another; to `spherely.intersects` half of a polygon's edge is outside of it."""
    found = np.asarray(spherely.intersects(spheres, asked), dtype=bool)
    apart = np.flatnonzero(~found)
    if len(apart):
        found[apart] = np.degrees(spherely.distance(spheres[apart], asked, radius=1.0)) <= _TOUCH
    return found


def _cap_meets(cap: Cap, other: Footprint) -> bool:
    if any(_apart(cap, c) <= cap.radius + c.radius + _TOUCH for c in other.caps):
        return True
    return other.plane is not None and bool(_reached([other], cap)[0])


def _apart(a: Cap, b: Cap) -> float:
    return float(separation(np.array([a.lon]), np.array([a.lat]), b.lon, b.lat)[0])


def _reached(there: Sequence[Footprint], cap: Cap) -> Flags:
    """Return which footprints' shapes lie within the circle's radius of its centre."""
    if there[0].sphere is not None:
        centre = spherely.create_point((cap.lon + 180) % 360 - 180, cap.lat)
        away = np.degrees(spherely.distance(_column(there, "sphere"), centre, radius=1.0))
        return np.asarray(away <= cap.radius + _TOUCH)
    return distances(_column(there, "plane"), cap.lon, cap.lat, cap.radius) <= cap.radius + _TOUCH


# --- containment


def _within(inner: Footprint, outer: Footprint) -> bool:
    """Whether all of `inner` is in `outer`; each part must be in the shape, or in one circle, of `outer`."""
    if inner.plane is not None and not _shape_within(inner, outer):
        return False
    return all(_cap_within(cap, outer) for cap in inner.caps)


def _shape_within(inner: Footprint, outer: Footprint) -> bool:
    if outer.sphere is not None and spherely.covered_by(inner.sphere, outer.sphere):
        return True
    if outer.sphere is None and outer.plane is not None and shapely.covers(outer.plane, inner.plane):
        return True
    return any(_out_of_rest(inner, cap) for cap in outer.caps)


def _out_of_rest(inner: Footprint, cap: Cap) -> bool:
    """Whether a shape keeps clear of the circle around the antipode, which is all that `cap` leaves out."""
    rest = Cap((cap.lon + 180.0) % 360.0, -cap.lat, 180.0 - cap.radius)
    if inner.sphere is not None:
        centre = spherely.create_point((rest.lon + 180) % 360 - 180, rest.lat)
        return bool(np.degrees(spherely.distance(inner.sphere, centre, radius=1.0)) >= rest.radius - _TOUCH)
    return bool(distances(_column([inner], "plane"), rest.lon, rest.lat, 180.0)[0] >= rest.radius - _TOUCH)


def _cap_within(cap: Cap, outer: Footprint) -> bool:
    if any(_apart(cap, c) + cap.radius <= c.radius + _TOUCH or c.radius >= 180 for c in outer.caps):
        return True
    if outer.plane is None:
        return False
    # The circle's edge as 720 points: a circle is in a shape when they are, its centre is, and no hole is in it.
    angle = np.radians(np.arange(720) / 2.0)
    lat0, lon0, r = np.radians((cap.lat, cap.lon, cap.radius))
    lat = np.arcsin(np.clip(np.sin(lat0) * np.cos(r) + np.cos(lat0) * np.sin(r) * np.cos(angle), -1, 1))
    lon = lon0 + np.arctan2(np.sin(angle) * np.sin(r) * np.cos(lat0), np.cos(r) - np.sin(lat0) * np.sin(lat))
    x = np.append((np.degrees(lon) + 180) % 360 - 180, (cap.lon + 180) % 360 - 180)
    y = np.append(np.degrees(lat), cap.lat)
    if outer.sphere is not None:
        inside = spherely.intersects(outer.sphere, spherely.points(x, y))
    else:
        inside = shapely.intersects(outer.plane, shapely.points(x, y))
    return bool(np.all(inside)) and not _hole_in(cap, outer)


def _hole_in(cap: Cap, outer: Footprint) -> bool:
    vertices = shapely.get_coordinates(shapely.get_rings(_areas(outer.plane)))
    if outer.sphere is None:  # seams at 180 and the poles are no edges
        vertices = vertices[(np.abs(vertices[:, 0]) < 180) & (np.abs(vertices[:, 1]) < 90)]
    return bool((separation(vertices[:, 0], vertices[:, 1], cap.lon, cap.lat) < cap.radius - _TOUCH).any())


def _areas(shape: Any) -> Objects:
    parts = _parts(np.array([shape], dtype=np.object_))[0]
    areas: Objects = parts[shapely.get_type_id(parts) == 3]
    return areas


# --- great-circle distance to what has straight edges in longitude and latitude


def _parts(shapes: Objects) -> tuple[Objects, Any]:
    owner = np.arange(len(shapes))
    while (shapely.get_type_id(shapes) > 3).any():
        shapes, index = shapely.get_parts(shapes, return_index=True)
        owner = owner[index]
    return shapes, owner


def distances(shapes: Objects, lon: float, lat: float, enough: float) -> Floats:
    """Return each planar geometry's great-circle distance in degrees from a point, 0 inside.

    Args:
        shapes: Planar geometries within -180..180.
        lon: Of the point.
        lat: Of the point.
        enough: A distance that is certainly greater than this need not be exact.
    """
    found = np.full(len(shapes), 360.0)
    found[shapely.intersects(shapes, shapely.Point((lon + 180) % 360 - 180, lat))] = 0.0
    a, b, owner = _segments(shapes)
    ends = np.minimum(separation(a[:, 0], a[:, 1], lon, lat), separation(b[:, 0], b[:, 1], lon, lat))
    np.minimum.at(found, owner, ends)
    # An edge comes nearer than its ends by at most half its length.
    length = np.hypot(*(b - a).T)
    open_ = (length > 0) & (ends - length / 2 < np.minimum(found[owner], enough + 1e-6)) & (found[owner] > 0)
    if open_.any():
        np.minimum.at(found, owner[open_], _nearest(a[open_], b[open_], lon, lat))
    return found


def _segments(shapes: Objects) -> tuple[Floats, Floats, Any]:
    """Return starts, ends and owners of all edges, none longer than 2 degrees; a point is an edge of length 0."""
    parts, owner = _parts(shapes)
    kinds = shapely.get_type_id(parts)
    rings, index = shapely.get_rings(parts[kinds == 3], return_index=True)
    lines = np.concatenate((parts[kinds != 3], rings))
    owner = np.concatenate((owner[kinds != 3], owner[kinds == 3][index]))
    lines = shapely.segmentize(lines, 2.0)
    xy, row = shapely.get_coordinates(lines, return_index=True)
    same = row[1:] == row[:-1]
    dots = np.isin(row, np.flatnonzero(shapely.get_type_id(lines) == 0))
    starts = np.concatenate((xy[:-1][same], xy[dots]))
    return starts, np.concatenate((xy[1:][same], xy[dots])), owner[np.concatenate((row[1:][same], row[dots]))]


def _nearest(a: Floats, b: Floats, lon: float, lat: float) -> Floats:
    """Return the least distance of a point from edges of at most 2 degrees, by golden section after a first sieve."""

    def away(t: Floats) -> Floats:
        return separation(a[:, 0] + t * (b[:, 0] - a[:, 0]), a[:, 1] + t * (b[:, 1] - a[:, 1]), lon, lat)

    grid = np.linspace(0.0, 1.0, 9)
    best = np.argmin([away(np.full(len(a), t)) for t in grid], axis=0)
    low, high = grid[np.maximum(best - 1, 0)], grid[np.minimum(best + 1, 8)]
    shrink = (np.sqrt(5.0) - 1) / 2
    for _ in range(40):
        left, right = high - shrink * (high - low), low + shrink * (high - low)
        nearer = away(left) < away(right)
        high, low = np.where(nearer, right, high), np.where(nearer, low, left)
    return away((low + high) / 2)
