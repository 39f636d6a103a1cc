"""The exact decision: whether footprints intersect, lie in, hold or avoid a region."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
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
TOUCH = 1e-9
"""Degrees (4 micro arc seconds) within which two geometries of the sphere do touch."""


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
        found = np.asarray(spherely.covered_by(_column(there, "sphere"), asked.sphere), dtype=bool)
        for row in np.flatnonzero(~found).tolist() if asked.shards else ():
            found[row] = _over_shards(there[row].sphere, asked)
        return found
    return np.asarray(shapely.covers(asked.plane, _column(there, "plane")), dtype=bool)


def _column(there: Sequence[Footprint], name: str) -> Objects:
    return _objects([getattr(f, name) for f in there])


def _objects(values: Sequence[Any]) -> Objects:
    found = np.empty(len(values), dtype=np.object_)
    found[:] = values
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
    found = [(row, cap) for row, f in enumerate(there) for cap in f.caps if not answer[row]]
    if found and not asked.caps:
        lon, lat, radius = np.array([(cap.lon, cap.lat, cap.radius) for _, cap in found]).T
        np.logical_or.at(answer, [row for row, _ in found], reach(asked, lon, lat, radius))
        return answer
    for row, cap in found:
        if not answer[row]:
            answer[row] = _cap_meets(cap, asked)
    return answer


def reach(asked: Footprint, lon: Floats, lat: Floats, radius: Floats) -> Flags:
    """Return which circles (degrees) meet a region that has none itself."""
    if asked.sphere is not None:
        points = spherely.points((lon + 180) % 360 - 180, lat)
        away = np.degrees(spherely.distance(asked.sphere, points, radius=1.0))
        return np.asarray(away <= radius + TOUCH, dtype=bool)
    return _aways(asked.plane, lon, lat, radius) <= radius + TOUCH


def _touching(spheres: Objects, asked: Any) -> Flags:
    """Return which geographies meet another; to `spherely.intersects` half of a polygon's edge is outside of it."""
    found = np.asarray(spherely.intersects(spheres, asked), dtype=bool)
    apart = np.flatnonzero(~found)
    if len(apart):
        found[apart] = np.degrees(spherely.distance(spheres[apart], asked, radius=1.0)) <= TOUCH
    return found


def _cap_meets(cap: Cap, other: Footprint) -> bool:
    if any(_apart(cap, c) <= cap.radius + c.radius + TOUCH for c in other.caps):
        return True
    return other.plane is not None and bool(_reached([other], cap)[0])


def _apart(a: Cap, b: Cap) -> float:
    return float(separation(np.array([a.lon]), np.array([a.lat]), b.lon, b.lat)[0])


def _reached(there: Sequence[Footprint], cap: Cap) -> Flags:
    """Return which footprints' shapes lie within the circle's radius of its centre."""
    if there[0].sphere is not None:
        centre = spherely.create_point((cap.lon + 180) % 360 - 180, cap.lat)
        away = np.degrees(spherely.distance(_column(there, "sphere"), centre, radius=1.0))
        return np.asarray(away <= cap.radius + TOUCH)
    return distances(_column(there, "plane"), cap.lon, cap.lat, cap.radius) <= cap.radius + TOUCH


# --- containment


def _within(inner: Footprint, outer: Footprint) -> bool:
    """Whether all of `inner` is in `outer`; each part must be in the shape, or in one circle, of `outer`."""
    if inner.plane is not None and not _shape_within(inner, outer):
        return False
    return all(_cap_within(cap, outer) for cap in inner.caps)


def _shape_within(inner: Footprint, outer: Footprint) -> bool:
    if outer.sphere is not None and (
        spherely.covered_by(inner.sphere, outer.sphere) or _over_shards(inner.sphere, outer)
    ):
        return True
    if outer.sphere is None and outer.plane is not None and shapely.covers(outer.plane, inner.plane):
        return True
    return any(_out_of_rest(inner, cap) for cap in outer.caps)


def _over_shards(inner: Any, outer: Footprint) -> bool:
    """Whether a geography lies in several parts of another together."""
    near = _near_shards(outer, inner, 0.0)
    return len(near) > 1 and bool(spherely.covered_by(inner, reduce(spherely.union, near)))


def _near_shards(outer: Footprint, place: Any, within: float) -> list[Any]:
    """Return the parts of a footprint that lie within some degrees of a place."""
    if not outer.shards:
        return []
    away = np.degrees(spherely.distance(_objects(outer.shards), place, radius=1.0))
    return [shard for shard, near in zip(outer.shards, away <= within + TOUCH, strict=True) if near]


def _out_of_rest(inner: Footprint, cap: Cap) -> bool:
    """Whether a shape keeps clear of the circle around the antipode, which is all that `cap` leaves out."""
    rest = Cap((cap.lon + 180.0) % 360.0, -cap.lat, 180.0 - cap.radius)
    if inner.sphere is not None:
        centre = spherely.create_point((rest.lon + 180) % 360 - 180, rest.lat)
        return bool(np.degrees(spherely.distance(inner.sphere, centre, radius=1.0)) >= rest.radius - TOUCH)
    return bool(distances(_column([inner], "plane"), rest.lon, rest.lat, 180.0)[0] >= rest.radius - TOUCH)


def _cap_within(cap: Cap, outer: Footprint) -> bool:
    if any(_apart(cap, c) + cap.radius <= c.radius + TOUCH or c.radius >= 180 for c in outer.caps):
        return True
    if outer.plane is None:
        return False
    if outer.sphere is not None:
        centre = spherely.create_point((cap.lon + 180) % 360 - 180, cap.lat)
        near = _near_shards(outer, centre, cap.radius)
        area = reduce(spherely.union, near) if near else outer.sphere
        if cap.radius == 0 or not spherely.intersects(area, centre) or spherely.get_dimension(area) < 2:
            return cap.radius == 0 and bool(_touching(_objects([area]), centre)[0])
        edge = np.degrees(spherely.distance(spherely.boundary(area), centre, radius=1.0))
        return bool(edge >= cap.radius - TOUCH)
    return _cap_within_plane(cap, outer)


def _cap_within_plane(cap: Cap, outer: Footprint) -> bool:
    """Whether a circle on Earth is in areas: its middle and edge are, and no edge of theirs runs through it."""
    angle = np.radians(np.arange(720) / 2.0)
    lat0, lon0, r = np.radians((cap.lat, cap.lon, cap.radius))
    lat = np.arcsin(np.clip(np.sin(lat0) * np.cos(r) + np.cos(lat0) * np.sin(r) * np.cos(angle), -1, 1))
    lon = lon0 + np.arctan2(np.sin(angle) * np.sin(r) * np.cos(lat0), np.cos(r) - np.sin(lat0) * np.sin(lat))
    x = np.append((np.degrees(lon) + 180) % 360 - 180, (cap.lon + 180) % 360 - 180)
    y = np.append(np.degrees(lat), cap.lat)
    # Points count up to the last digits, as they do for two circles.
    near = shapely.dwithin(outer.plane, shapely.points(x, y), 1e-12)
    if not near.all() or cap.radius == 0:
        return bool(near.all())
    a, b, _ = _segments(_areas(outer.plane))
    # Seams at 180 and the poles are no edges: whether the other side is there too, the points have told.
    seam = ((np.abs(a[:, 0]) == 180) & (a[:, 0] == b[:, 0])) | ((np.abs(a[:, 1]) == 90) & (a[:, 1] == b[:, 1]))
    lon0, lat0, enough = np.array([[cap.lon], [cap.lat], [cap.radius]])
    return bool(_from_edges(a[~seam], b[~seam], lon0, lat0, enough)[0] >= cap.radius - TOUCH)


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


def _aways(shape: Any, lon: Floats, lat: Floats, enough: Floats) -> Floats:
    """Return the great-circle distance of each place from one planar geometry, as `distances` does for one place."""
    found = np.full(len(lon), 360.0)
    found[shapely.intersects(shape, shapely.points((lon + 180) % 360 - 180, lat))] = 0.0
    a, b, _ = _segments(np.array([shape], dtype=np.object_))
    out = np.flatnonzero(found > 0)
    found[out] = _from_edges(a, b, lon[out], lat[out], enough[out])
    return found


def _from_edges(a: Floats, b: Floats, lon: Floats, lat: Floats, enough: Floats) -> Floats:
    """Return how far places are from the nearest of some edges of at most 2 degrees."""
    found = np.full(len(lon), 360.0)
    length = np.hypot(*(b - a).T)
    step = max(1, _PAIRS // max(len(a), 1))
    for rows in (np.arange(at, min(at + step, len(lon))) for at in range(0, len(lon) if len(a) else 0, step)):
        x, y = lon[rows, None], lat[rows, None]
        ends = np.minimum(separation(a[:, 0], a[:, 1], x, y), separation(b[:, 0], b[:, 1], x, y))
        found[rows] = ends.min(axis=1)
        near = (length > 0) & (ends - length / 2 < np.minimum(found[rows], enough[rows] + 1e-6)[:, None])
        place, edge = np.nonzero(near)
        if len(place):
            np.minimum.at(found, rows[place], _nearest(a[edge], b[edge], lon[rows[place]], lat[rows[place]]))
    return found


_PAIRS = 500_000  # of places and edges that are looked at together


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


def _nearest(a: Floats, b: Floats, lon: Floats | float, lat: Floats | float) -> Floats:
    """Return the least distance of a point, or of one each, from edges of at most 2 degrees, by golden section."""

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
