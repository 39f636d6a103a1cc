"""Cells of many small polygons and circles at once, for covering a catalogue in minutes.

A polygon that reaches less than 17 degrees is laid on the plane that touches the sphere at its middle, where great
circles are straight lines. There a cell's circle is compared with it by GEOS in a microsecond, and neither the
antimeridian nor 0/360 nor a pole is anything special. What does not fit here is left to the careful way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import shapely

from discovery.model.extent import EARTH, Geometry
from discovery.query import healpix
from discovery.query.footprint import one_ringed, polygons
from discovery.query.healpix import DEEPEST, Flags, Floats, Numbers, Objects, Spots

_REACH = 17.0  # degrees from the middle; the blocks of cells that the search starts with reach a little farther
_WIDEST = 63.3  # no cell's corner is farther from its centre than this many degrees / 2**order (measured 63.1)
_CELL_SHARE = 84.0  # makes a cell's side a third to two thirds of the radius of the circle around a footprint
_BENT = 0.1  # of a polygon's radius: how far its edges may lie from what they are taken for
_MOST_ADDED = 50_000  # positions in all, so that none has to be bent thousands of times
_MOST_SIDES = 40  # of a polygon whose every side is compared with a place; among more GEOS finds the near ones faster
_LOW = (1 << 32) - 1


@dataclass(frozen=True, slots=True)
class Cells:
    """The cells of polygons and one point of each."""

    rows: list[int]
    """Which of the geometries they are."""
    owner: Numbers
    """For each cell the place in `rows`, rising."""
    cells: Numbers
    lonlat: Floats
    """The first position of each."""


@dataclass(frozen=True, slots=True)
class _Discs:
    """Polygons on their planes, with the circles around them."""

    flat: Objects
    radius: Floats
    """In degrees, of the circle that holds all vertices."""
    axes: Floats
    """Rows of x, y and z of each plane."""


def distinct(keys: Numbers) -> Numbers:
    """Return sorted numbers, each once; faster for millions of them than numpy's own."""
    return once(np.sort(keys))


def once(keys: Numbers) -> Numbers:
    """Return numbers that are sorted already, each once."""
    first = np.concatenate((np.ones(min(len(keys), 1), dtype=bool), keys[1:] != keys[:-1]))
    return np.asarray(keys[first], dtype=np.int64)


def small_cells(geometries: Sequence[Geometry | None], frame: str, max_cells: int) -> Cells | None:
    """Return cells of about half the size of each polygon that touch it, for those that are small and simple."""
    rows, _ = one_ringed(geometries)
    shapes = polygons([cast(Mapping[str, Any], geometries[row])["coordinates"][0] for row in rows])
    kept = np.flatnonzero(_usable(shapes, frame)) if rows else np.empty(0, dtype=np.int64)
    if not len(kept):
        return None
    shapes = shapes[kept]
    lonlat = _firsts(shapes)
    discs = _discs(shapes)
    margin = np.zeros(len(shapes))
    if frame == EARTH:
        shapes = _bent(shapes, discs.radius)
        discs, margin = _discs(shapes), _bending(shapes)
    # Crossings on the plane are crossings on the sphere, which a repair may turn inside out.
    fine = shapely.is_valid(discs.flat) & (discs.radius + margin < _REACH) & (margin < 2 * _BENT * _least(discs.radius))
    chosen = np.flatnonzero(fine)
    if not len(chosen):
        return None
    discs = _Discs(discs.flat[chosen], discs.radius[chosen], discs.axes[chosen])
    owner, cells = _touching(discs, margin[chosen], max_cells)
    return Cells([rows[i] for i in kept[chosen].tolist()], owner, cells, lonlat[chosen])


def circle_cells(geometries: Sequence[Geometry | None], max_cells: int) -> Cells | None:
    """Return cells of about half the size of each circle that touch it, for those that are small."""
    found = {row: circle for row, each in enumerate(geometries) if (circle := _circle(each)) is not None}
    if not found:
        return None
    lon, lat, radius = np.array(list(found.values()), dtype=np.float64).T
    middles = _vectors(lon, lat).T
    owner, cells, spots = _around(middles, radius)
    chord = np.linalg.norm(np.stack(spots.middles()) - middles[:, owner], axis=0)
    touch = np.degrees(2 * np.arcsin(np.minimum(chord / 2, 1.0))) <= radius[owner] + spots.reaches()
    owner, cells = _few(owner[touch], cells[touch], len(lon), max_cells)
    return Cells(list(found), owner, cells, np.column_stack((lon, lat)))


def _circle(geometry: Geometry | None) -> tuple[float, float, float] | None:
    """Return longitude, latitude and radius of a plain small circle, None for all else."""
    if not (type(geometry) is dict or isinstance(geometry, Mapping)) or geometry.get("type") != "Circle":
        return None
    center, radius = geometry.get("center"), geometry.get("radius")
    if not isinstance(center, list | tuple) or len(center) != 2:
        return None
    numbers = (*center, radius)
    if not all(type(each) in (int, float) for each in numbers):
        return None
    lon, lat, radius = map(float, numbers)
    return (lon, lat, radius) if abs(lon) <= 540 and abs(lat) <= 90 and 0 < radius < _REACH else None


def _usable(shapes: Objects, frame: str) -> Flags:
    """Return which polygons mean the same on a plane: none at a pole, and no box around the whole sky."""
    west, south, east, north = shapely.bounds(shapes).T
    fine = ~shapely.is_missing(shapes) & (np.abs(south) < 90) & (np.abs(north) < 90) & (shapely.area(shapes) > 0)
    fine &= east - west < 359.9
    return np.asarray(fine & shapely.is_valid(shapes) if frame == EARTH else fine, dtype=bool)


def _firsts(shapes: Objects) -> Floats:
    lonlat, owner = shapely.get_coordinates(shapes, return_index=True)
    return np.asarray(lonlat[np.searchsorted(owner, np.arange(len(shapes)))], dtype=np.float64)


def _least(radius: Floats) -> Floats:
    return np.maximum(radius, 0.02)


def _vectors(lon: Floats, lat: Floats) -> Floats:
    x, y = np.radians(lon), np.radians(lat)
    return np.column_stack((np.cos(y) * np.cos(x), np.cos(y) * np.sin(x), np.sin(y)))


def _discs(shapes: Objects) -> _Discs:
    """Lay each polygon on the plane that touches the sphere in the middle of its vertices."""
    lonlat, owner = shapely.get_coordinates(shapes, return_index=True)
    starts = np.searchsorted(owner, np.arange(len(shapes)))
    xyz = _vectors(lonlat[:, 0], lonlat[:, 1])
    z = np.add.reduceat(xyz, starts)
    z /= np.maximum(np.linalg.norm(z, axis=1, keepdims=True), 1e-12)
    aside = np.where(np.abs(z[:, 2:]) < 0.9, (0.0, 0.0, 1.0), (1.0, 0.0, 0.0))
    x = np.cross(z, aside)
    x /= np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12)
    axes = np.stack((x, np.cross(z, x), z), axis=1)
    chord = np.linalg.norm(xyz - z[owner], axis=1)
    away = np.degrees(2 * np.arcsin(np.minimum(chord / 2, 1.0)))
    radius = np.maximum.reduceat(away, starts)
    # What reaches too far is left out later and must only not divide by zero here.
    flat = _laid(xyz, axes[owner])
    flat[radius[owner] >= 80] = 0.0
    made = shapely.polygons(shapely.linearrings(flat, indices=owner))
    return _Discs(made, radius, axes)


def _laid(xyz: Floats, axes: Floats) -> Floats:
    """Return the place of each point on its plane, in radians near the middle."""
    uvw = np.einsum("ij,ikj->ik", xyz, axes)
    found: Floats = uvw[:, :2] / np.maximum(uvw[:, 2:], 1e-3)
    return found


def _edges(shapes: Objects) -> tuple[Floats, Numbers]:
    lonlat, owner = shapely.get_coordinates(shapes, return_index=True)
    same = owner[1:] == owner[:-1]
    return np.radians(np.abs(np.diff(lonlat, axis=0)))[same], owner[1:][same]


def _bending(shapes: Objects) -> Floats:
    """Return how far in degrees the edges, straight in lon/lat, may lie from the great circles between their ends.

    A curve with constant rates W of longitude and H of latitude is accelerated on the sphere by at most
    W**2 / 2 + 2 * W * H, and strays by an eighth of that; the fifth on top pays for the higher terms.
    """
    edges, owner = _edges(shapes)
    width, height = edges.T
    strays = np.degrees(1.2 * (width**2 / 2 + 2 * width * height) / 8)
    return np.asarray(np.maximum.reduceat(strays, np.searchsorted(owner, np.arange(len(shapes)))), dtype=np.float64)


def _bent(shapes: Objects, radius: Floats) -> Objects:
    """Return polygons of lon/lat with positions added where an edge strays too far from its great circle."""
    rows = np.flatnonzero((_bending(shapes) > _BENT * _least(radius)) & (radius < _REACH))
    if not len(rows):
        return shapes
    # An edge of length L strays by less than 0.2 * L**2.
    longest = np.degrees(0.7 * np.sqrt(np.radians(_least(radius[rows]))))
    few = np.cumsum(shapely.length(shapes[rows]) / longest) < _MOST_ADDED
    found = shapes.copy()
    found[rows[few]] = shapely.segmentize(shapes[rows[few]], longest[few])
    return found


def _touching(discs: _Discs, margin: Floats, max_cells: int) -> tuple[Numbers, Numbers]:
    """Return (owner, cell) pairs of the cells that touch each polygon or its margin."""
    reach = discs.radius + margin
    owner, cells, spots = _around(discs.axes[:, 2].T, reach)
    wide = spots.reaches()
    xyz, axes = spots.middles(), discs.axes.transpose(1, 2, 0).reshape(9, -1)
    u, v, w = (sum(axes[at + i][owner] * xyz[i] for i in range(3)) for at in (0, 3, 6))
    away = np.degrees(np.arctan2(np.hypot(u, v), w))
    near = np.flatnonzero(away <= reach[owner] + wide)
    owner, away, wide, w = owner[near], away[near], wide[near], w[near]
    # A length on the plane is at most 1 / cos**2 times that on the sphere, of the farther end from the middle.
    shrink = np.cos(np.radians(np.maximum(away, reach[owner]))) ** 2
    places = np.stack((u[near], v[near])) / np.maximum(w, 1e-3)
    touch = _reached(discs.flat, owner, places, np.radians(wide + margin[owner]) / shrink + 1e-12)
    return _few(owner[touch], cells[near[touch]], len(discs.flat), max_cells)


def _reached(shapes: Objects, owner: Numbers, places: Floats, reach: Floats) -> Flags:
    """Return which places lie in the polygon that each belongs to, or at most so far from it.

    Args:
        shapes: Polygons of one ring around the origin, each on a plane of its own.
        owner: The polygon of each place, rising.
        places: Where it is on that plane, as two rows.
        reach: How far from it the polygon may be.
    """
    sides = _Sides.of(shapes)
    few = np.flatnonzero(sides.count <= _MOST_SIDES)
    inner = np.full(len(shapes), -1.0)
    least, holds = sides.away(few, np.zeros((2, len(few))))
    # A circle around the origin that lies in the polygon holds most of what is in it.
    inner[few] = np.where(holds, np.sqrt(least), -1.0)
    found = np.hypot(*places) <= inner[owner] + reach
    rest = np.flatnonzero(~found)
    many = sides.count[owner[rest]] > _MOST_SIDES
    rows = rest[many]
    found[rows] = shapely.dwithin(shapes[owner[rows]], shapely.points(places[:, rows].T), reach[rows])
    rows = rest[~many]
    least, holds = sides.away(owner[rows], places[:, rows])
    found[rows] = holds | (least <= reach[rows] ** 2)
    return np.asarray(found, dtype=bool)


@dataclass(frozen=True, slots=True)
class _Sides:
    """The sides of rings one after another: where each begins, how far it goes, and how those two depend."""

    first: Numbers
    count: Numbers
    begins: Floats
    goes: Floats
    slope: Floats
    scale: Floats
    """One over the square of its length."""

    @classmethod
    def of(cls, shapes: Objects) -> _Sides:
        """Return the sides of polygons of one ring."""
        xy, ring = shapely.get_coordinates(shapes, return_index=True)
        first = np.searchsorted(ring, np.arange(len(shapes)))
        goes = np.diff(xy, axis=0, append=xy[-1:]).T
        with np.errstate(divide="ignore", invalid="ignore"):
            slope = goes[0] / goes[1]
        scale = 1.0 / np.maximum((goes**2).sum(axis=0), 1e-300)
        return cls(first, np.diff(np.append(first, len(xy))) - 1, np.ascontiguousarray(xy.T), goes, slope, scale)

    def away(self, owner: Numbers, places: Floats) -> tuple[Floats, Flags]:
        """Return the squares of how far places are from the sides of their rings, and which lie within these."""
        least, holds = np.full(len(owner), np.inf), np.zeros(len(owner), dtype=bool)
        count, rows = self.count[owner], np.arange(len(owner))
        for number in range(int(count.max(initial=0))):
            more = count[rows] > number
            if not more.all():
                rows = rows[more]
            at = self.first[owner[rows]] + number
            x, y = self.goes[0][at], self.goes[1][at]
            u, v = places[0][rows] - self.begins[0][at], places[1][rows] - self.begins[1][at]
            along = np.minimum(np.maximum((u * x + v * y) * self.scale[at], 0.0), 1.0)
            least[rows] = np.minimum(least[rows], (u - along * x) ** 2 + (v - along * y) ** 2)
            with np.errstate(invalid="ignore"):
                holds[rows] ^= ((v >= 0) != (v >= y)) & (u < v * self.slope[at])
        return least, holds


def _few(owner: Numbers, cells: Numbers, count: int, most: int) -> tuple[Numbers, Numbers]:
    """Return the cells of each owner, sorted, with parents in place of them where there are more than `most`."""
    keys = distinct((owner << 32) | cells)
    while (many := np.bincount(keys >> 32, minlength=count) > most).any():
        over = many[keys >> 32]
        keys = once(np.where(over, ((keys >> 32) << 32) | ((keys & _LOW) >> 2), keys))
    return keys >> 32, keys & _LOW


def _around(middles: Floats, reach: Floats) -> tuple[Numbers, Numbers, Spots]:
    """Return (owner, cell) pairs of the cells of a fitting order that may touch each circle, and where the cells are.

    Args:
        middles: Unit vectors to the circles' middles, as three rows.
        reach: Their radius in degrees.
    """
    with np.errstate(divide="ignore"):
        target = np.clip(np.ceil(np.log2(_CELL_SHARE / reach)), 0, DEEPEST).astype(np.int64)
        first = np.clip(np.floor(np.log2(healpix.REACH / reach)), 0, target).astype(np.int64)
    x, y, z = middles
    at = healpix.cells_at(np.degrees(np.arctan2(y, x)), np.degrees(np.arctan2(z, np.hypot(x, y))), first)
    keys = distinct(((np.arange(len(reach), dtype=np.int64)[:, None] << 32) | healpix.blocks(at)).ravel())
    owner, cells, found = keys >> 32, keys & _LOW, []
    spots = Spots.of(cells)
    for order in range(int((target - first).max(initial=0)) + 1):
        a, b, c = spots.middles()
        # All cells of a circle are of one order here, so that one angle is the farthest for them all.
        far = np.radians(np.minimum(reach + _WIDEST / 2.0 ** (first + order), 180.0))
        near = np.flatnonzero(a * x[owner] + b * y[owner] + c * z[owner] >= (np.cos(far) - 1e-15)[owner])
        done = (target <= first + order)[owner[near]]
        rows, deeper = near[done], near[~done]
        found.append((owner[rows], cells[rows], spots.some(rows)))
        owner, cells = np.repeat(owner[deeper], 4), (4 * cells[deeper, None] + np.arange(4)).ravel()
        spots = spots.some(deeper).children()
    owners, numbers, places = zip(*found, strict=True)
    owner = np.concatenate(owners)
    rows = np.argsort(owner, kind="stable")
    return owner[rows], np.concatenate(numbers)[rows], Spots.together(places).some(rows)
