"""Covers of footprints and of regions asked for, as terms: which records may match, and which surely do.

A record matches a region when a cell of its cover equals, holds or lies in a cell of the region's cover; nothing
that intersects is missed. It surely matches when its anchor, a point of its footprint, lies in a cell that is wholly
inside the region. The anchor's cell and all ancestors are terms too, marked by a high bit so that they can live in
the same field as the cover's cells, and engines need to know nothing about them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import Any

import numpy as np
import orjson
import shapely
import spherely

from discovery.errors import BadQueryError, LimitError, RecordError
from discovery.model.extent import EARTH, Geometry
from discovery.query import healpix
from discovery.query.footprint import Cap, Footprint, box_pieces, build, deep_parts, footprints
from discovery.query.footprint import prepared as prepare
from discovery.query.healpix import BASE, DEEPEST, Flags, Floats, Numbers, Objects
from discovery.query.knots import TANGLED
from discovery.query.query import Region
from discovery.query.small import circle_cells, distinct, once, small_cells

ANCHOR = 1 << 40
"""Marks the number of a cell that holds a record's anchor, apart from the cells of its cover."""
_RECORD_CELLS = 32  # a record's cover is refined while it has no more: a cell is then about half the footprint
_QUERY_CELLS = (60, 12.0, 400)  # least, more for each degree of a region's radius, most: each cell costs the engine
_DENSE_CELLS = (0.047, 2_400)  # the same for the root of how many documents there are: each on a border costs more
_FEW_CELLS = 60
_AHEAD = 2  # a cell a quarter as wide as a region: some fifteen hold it, and hardly four make a larger one inside it
_WINDING = 5_000.0  # degrees of edges; finer cells would each be near hundreds of them and hold none of the inside


@dataclass(frozen=True, slots=True)
class Cover:
    """A record's footprint as terms, a superset of the footprint.

    `Document.cells` is `cells + anchors`, `Document.parents` is `parents`.
    """

    cells: tuple[int, ...]
    parents: tuple[int, ...]
    """Every ancestor of `cells`."""
    anchors: tuple[int, ...] = ()
    """The order 12 cell of one point of the footprint and its ancestors, each marked by `ANCHOR`."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A region as terms.

    Candidates are the documents that match `Cells(cells, parents)`; no other document intersects the region or lies in
    it. Which of them are sure depends on the relation, and the rest is undecided and needs `sieve.decide`:

    - `intersects`: what matches `Cells(sure, ())`. For `disjoint` these are out, and what is no candidate but has a
      footprint in the frame is in.
    - `within`: candidates that do not match `Cells(beyond, above)`, where `beyond` is not empty; else none.
    - `contains`: none; candidates are what matches `Cells((), chain)` for each of the `marks`.
    """

    cells: tuple[int, ...]
    parents: tuple[int, ...]
    sure: tuple[int, ...]
    """Cells wholly inside the region, each marked by `ANCHOR`; for `intersects` and `disjoint`."""
    beyond: tuple[int, ...] = ()
    """For `within`: cells that together hold all that is not in those wholly inside."""
    above: tuple[int, ...] = ()
    """Every ancestor of `beyond`."""
    marks: tuple[tuple[int, ...], ...] = ()
    """For `contains`: of some points of the region the smallest cell and all its ancestors."""


def cover(geometry: Geometry, *, frame: str = EARTH, max_cells: int = 64) -> Cover:
    """Return the cover of a record's footprint: at most `max_cells` cells (never fewer than 12) of orders 0 to 12.

    Raises:
        RecordError: The geometry cannot be read.
    """
    return _cover(build(geometry, frame), max_cells)


def bbox_cover(bbox: Sequence[float], *, frame: str = EARTH, max_cells: int = 64) -> Cover:
    """Return the cover of a box west, south, east, north; west > east crosses the antimeridian.

    Raises:
        RecordError: A number is out of range.
    """
    if len(bbox) != 4:
        raise RecordError("region", f"a box has 4 numbers, not {len(bbox)}")
    return cover(box_geometry(*bbox, frame=frame), frame=frame, max_cells=max_cells)


def box_geometry(west: float, south: float, east: float, north: float, *, frame: str = EARTH) -> Geometry:
    """Return a lon/lat box as a polygon; its parallels are followed by short great circles where edges are such.

    A box runs eastwards from its west, so west > east crosses the antimeridian, also where one of them is written from
    0 to 360 and the other one from -180 to 180.
    """
    if west > east:
        west, east = (value - 360.0 if value > 180 else value for value in (west, east))
        east += 360.0 if west > east else 0.0
    if west == east or south == north:
        return {"type": "LineString", "coordinates": [[west, south], [east, north]]}
    if frame == EARTH:
        ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
        return {"type": "Polygon", "coordinates": [ring]}
    if east - west >= 360 and south <= -90 and north >= 90:
        return {"type": "Circle", "center": [0.0, 0.0], "radius": 180.0}
    pieces = [[shapely.get_coordinates(piece).tolist()] for piece in box_pieces(west, south, east, north)]
    return {"type": "MultiPolygon", "coordinates": pieces}


def ask(region: Region, *, times: int = 1, documents: int = 0) -> Asked:
    """Return the terms of a region that is asked for; see `Asked` for what they promise.

    Args:
        region: What is asked for.
        times: How many times as many cells as usual, where too much is undecided.
        documents: Among how many it is asked, where that is known: among more of them finer cells pay.

    Raises:
        BadQueryError: The geometry cannot be read.
    """
    footprint = prepared(region)
    most = (_FEW_CELLS if _is_winding(footprint) else _most(footprint, documents)) * times
    inside, border = refine(footprint, most, ahead=_AHEAD)
    cells = np.concatenate((inside, border))
    sure = inside if region.relation in ("intersects", "disjoint") else inside[:0]
    found = Asked(_tuple(cells), _tuple(healpix.ancestors(cells)), _tuple(sure | ANCHOR))
    if region.relation == "within" and len(inside):
        beyond = _complement(inside)
        return replace(found, beyond=_tuple(beyond), above=_tuple(healpix.ancestors(beyond)))
    return replace(found, marks=_marks(footprint)) if region.relation == "contains" else found


def anchored(region: Region, anchors: Numbers) -> tuple[Flags, Flags]:
    """Return which anchors may lie in a region, and which surely do.

    Args:
        region: What is asked for.
        anchors: Cells of order 12 without their order, as `Document.anchor`; -1 may lie anywhere.

    Raises:
        BadQueryError: The geometry cannot be read.
    """
    footprint = prepared(region)
    touch, inside = np.ones(len(anchors), dtype=bool), np.zeros(len(anchors), dtype=bool)
    rows = np.flatnonzero(anchors >= 0)
    if not len(rows):
        return touch, inside
    cells = anchors[rows] + (4 << 2 * DEEPEST)
    touch[rows], inside[rows] = _test(footprint, cells, None if footprint.sphere is None else _boundary(footprint))
    return touch, inside


def _complement(cells: Numbers) -> Numbers:
    """Return the fewest cells that hold all that some others, none of which lies in another, do not."""
    above = healpix.ancestors(cells)
    around = np.concatenate((BASE, (4 * above[:, None] + np.arange(4)).ravel()))
    return np.setdiff1d(around, np.concatenate((above, cells)))


def _marks(footprint: Footprint) -> tuple[tuple[int, ...], ...]:
    """Return cells and their ancestors of some points of a region, far from each other."""
    points = [footprint.anchor]
    if footprint.plane is not None:
        lonlat = shapely.get_coordinates(footprint.plane)
        for _ in range(3):
            away = np.min([healpix.separation(lonlat[:, 0], lonlat[:, 1], *point) for point in points], axis=0)
            points.append((float(lonlat[away.argmax(), 0]), float(lonlat[away.argmax(), 1])))
    for cap in footprint.caps[:4]:
        points.append((cap.lon, cap.lat))
        points += [(cap.lon, lat) for lat in (cap.lat - cap.radius, cap.lat + cap.radius) if abs(lat) <= 90]
    return tuple(dict.fromkeys(tuple(cell & ~ANCHOR for cell in _anchors(point)) for point in points))


def _most(footprint: Footprint, documents: int) -> int:
    least, more, most = _QUERY_CELLS
    if documents:
        more, most = _DENSE_CELLS[0] * math.sqrt(documents), _DENSE_CELLS[1]
    disc = _disc(footprint)
    return _QUERY_CELLS[2] if disc is None else min(int(least + more * disc[2]), most)


def share(region: Region) -> float:
    """Return roughly how much of its sphere a region takes, from 0 to 1; 1 too where that takes long to tell.

    Raises:
        BadQueryError: The geometry cannot be read.
    """
    footprint = prepared(region)
    if footprint.ranges is not None:
        return 1.0
    if footprint.sphere is None and footprint.plane is not None and not footprint.caps:
        west, south, east, north = np.radians(shapely.bounds(footprint.plane)).tolist()
        return float((east - west) * (math.sin(north) - math.sin(south)) / (4 * math.pi))
    disc = _disc(footprint)
    return 1.0 if disc is None else (1 - math.cos(math.radians(disc[2]))) / 2


def _disc(footprint: Footprint) -> tuple[float, float, float] | None:
    """Return longitude, latitude and radius of a circle that holds a footprint; None where that is no small one."""
    if footprint.ranges is not None or len(footprint.caps) > 1:
        return None
    if footprint.caps:
        cap = footprint.caps[0]
        return (cap.lon, cap.lat, cap.radius) if footprint.plane is None else None
    if footprint.sphere is None:
        west, south, east, north = shapely.bounds(footprint.plane).tolist()
        # Nothing on the map is shorter than on the ground.
        return (west + east) / 2, (south + north) / 2, math.hypot(east - west, north - south) / 2
    lon, lat = shapely.get_coordinates(footprint.plane).T
    x, y = np.radians(lon), np.radians(lat)
    middle = np.array((np.cos(y) * np.cos(x), np.cos(y) * np.sin(x), np.sin(y))).mean(axis=1)
    clon, clat = (
        math.degrees(math.atan2(middle[1], middle[0])),
        math.degrees(math.atan2(middle[2], math.hypot(*middle[:2]))),
    )
    reach = float(healpix.separation(lon, lat, clon, clat).max())
    # In a circle smaller than half of the sphere an edge lies wherever its ends do.
    return (clon, clat, reach) if reach < 60 else None


def _first(footprint: Footprint) -> Numbers:
    """Return cells that hold all of a footprint, few and about as large as it is."""
    disc = _disc(footprint)
    if disc is None or disc[2] > healpix.REACH / 2:
        return BASE
    lon, lat, radius = disc
    # Compared before it is divided: a radius may be so small that nothing holds its inverse.
    order = DEEPEST if radius * 2**DEEPEST <= healpix.REACH else int(math.log2(healpix.REACH / radius))
    return np.unique(healpix.blocks(healpix.cells_at(np.array([lon]), np.array([lat]), order)))


def _is_winding(footprint: Footprint) -> bool:
    return footprint.plane is not None and float(shapely.length(footprint.plane)) > _WINDING


def prepared(region: Region, parameter: str = "region") -> Footprint:
    """Return the footprint of a region that is asked for; the last ones are kept.

    Raises:
        BadQueryError: The geometry cannot be read.
        LimitError: It crosses itself more than 1,000 times, or has too many parts that do.
    """
    try:
        return _prepared(orjson.dumps(region.geometry, default=dict), region.frame)
    except RecordError as error:
        if error.code == TANGLED:
            raise LimitError("region-crossings", f"{parameter}: {error}", parameter=parameter) from error
        raise BadQueryError(f"{parameter}: {error}", parameter=parameter) from error
    except TypeError as error:
        raise BadQueryError(f"{parameter} is no geometry: {error}", parameter=parameter) from error


@lru_cache(maxsize=64)
def _prepared(text: bytes, frame: str) -> Footprint:
    return prepare(build(orjson.loads(text), frame, strict=True))


def _tuple(numbers: Numbers) -> tuple[int, ...]:
    return tuple(numbers.tolist())


def _cover(footprint: Footprint, max_cells: int) -> Cover:
    most = max(min(_RECORD_CELLS, max_cells), len(BASE))
    plane = footprint.plane
    if not footprint.caps and footprint.ranges is None and plane is not None and plane.geom_type in _DOTS:
        cells = _dots(shapely.get_coordinates(plane), max(max_cells, len(BASE)))
    else:
        cells = np.concatenate(refine(footprint, most))
    return Cover(_tuple(cells), _tuple(healpix.ancestors(cells)), _anchors(footprint.anchor))


_DOTS = ("Point", "MultiPoint")


def _dots(lonlat: Floats, most: int) -> Numbers:
    cells = np.unique(healpix.cells_at(lonlat[:, 0], lonlat[:, 1], DEEPEST))
    while len(cells) > most:
        cells = np.unique(cells >> 2)
    return cells


def _anchors(point: tuple[float, float]) -> tuple[int, ...]:
    cell = int(healpix.cells_at(np.array([point[0]]), np.array([point[1]]), DEEPEST)[0])
    return _chain(cell)


def _chain(cell: int) -> tuple[int, ...]:
    return tuple(ANCHOR | (cell >> 2 * up) for up in range(DEEPEST + 1))


def refine(footprint: Footprint, most: int, *, ahead: int = 0) -> tuple[Numbers, Numbers]:
    """Return the cells wholly inside a footprint and those on its border, as fine as `most` in all allows.

    Args:
        footprint: What is covered.
        most: How many cells there may be.
        ahead: How many orders finer than a small footprint the first cells are; so many orders need not be looked at.
    """
    boundary = None if footprint.sphere is None else _boundary(footprint)
    first = _first(footprint)
    for _ in range(ahead if first is not BASE else 0):
        if int(first[0]) < 4 << (2 * DEEPEST):
            first = (4 * first[:, None] + np.arange(4)).ravel()
    touch, within = _test(footprint, first, boundary)
    inside, border = first[within], first[touch & ~within]
    while len(border) and int(border[0]) < 4 << (2 * DEEPEST):
        children = (4 * border[:, None] + np.arange(4)).ravel()
        touch, within = _test(footprint, children, boundary)
        if not touch.any() or len(inside) + int(touch.sum()) > most:
            break
        inside, border = np.concatenate((inside, children[within])), children[touch & ~within]
    return inside, border


def _test(footprint: Footprint, cells: Numbers, boundary: Any) -> tuple[Flags, Flags]:
    """Return which cells may touch the footprint (none is missed) and which are certainly inside it."""
    touch, inside = np.zeros(len(cells), dtype=bool), np.zeros(len(cells), dtype=bool)
    if footprint.ranges is not None:
        t, i = _range_test(footprint.ranges, cells)
        touch, inside = touch | t, inside | i
    if footprint.sphere is None and footprint.plane is not None:
        t, i = _flat_test(footprint.plane, footprint.parts, cells)
        touch, inside = touch | t, inside | i
    if footprint.sphere is None and not footprint.caps:
        return touch, inside
    spots = healpix.Spots.of(cells)
    (x, y, z), radius = spots.middles(), spots.reaches()
    if footprint.sphere is not None:
        lon, lat = np.degrees(np.arctan2(y, x)), np.degrees(np.arctan2(z, np.hypot(x, y)))
        t, i = sphere_test(footprint.sphere, boundary, lon, lat, radius)
        touch, inside = touch | t, inside | i
    for cap in footprint.caps:
        away = _away(x, y, z, cap)
        touch |= away <= cap.radius + radius
        inside |= (away + radius <= cap.radius) | (cap.radius >= 180)
    return touch, inside


def _away(x: Floats, y: Floats, z: Floats, cap: Cap) -> Floats:
    """Return how many degrees unit vectors are from the middle of a circle."""
    lon, lat = math.radians(cap.lon), math.radians(cap.lat)
    a, b, c = math.cos(lat) * math.cos(lon), math.cos(lat) * math.sin(lon), math.sin(lat)
    across = np.sqrt((y * c - z * b) ** 2 + (z * a - x * c) ** 2 + (x * b - y * a) ** 2)
    return np.asarray(np.degrees(np.arctan2(across, x * a + y * b + z * c)), dtype=np.float64)


def _flat_test(plane: Any, parts: Sequence[Any], cells: Numbers) -> tuple[Flags, Flags]:
    if plane.geom_type == "Polygon" and len(plane.exterior.coords) == 5 and shapely.box(*plane.bounds).equals(plane):
        return box_test(plane.bounds, cells)
    return plane_test(parts or (plane,), cells)


def _range_test(ranges: Any, cells: Numbers) -> tuple[Flags, Flags]:
    depth = healpix.orders(cells).astype(np.int64)
    shift = 2 * (29 - depth)
    pixel = cells - (np.int64(4) << (2 * depth))
    first, last = (pixel << shift).astype(np.uint64), ((pixel + 1) << shift).astype(np.uint64)
    row = np.searchsorted(ranges[:, 1], first, side="right")
    there = row < len(ranges)
    row = np.minimum(row, len(ranges) - 1)
    touch = there & (ranges[row, 0] < last)
    return touch, touch & (ranges[row, 0] <= first) & (ranges[row, 1] >= last)


def _boundary(footprint: Footprint) -> Any:
    """Return the edges of the areas of a spherical footprint as one geography, None when it has no area."""
    if footprint.plane is None:
        return None
    parts = deep_parts(np.array([footprint.plane], dtype=np.object_))
    areas = parts[shapely.get_type_id(parts) == 3]
    if not len(areas):
        return None
    rings = shapely.to_wkb(_lines(areas))
    return spherely.create_collection(list(spherely.from_wkb(rings)))


def _lines(areas: Objects) -> Any:
    coordinates, owner = shapely.get_coordinates(shapely.get_rings(areas), return_index=True)
    return shapely.linestrings(coordinates, indices=owner)


def sphere_test(sphere: Any, boundary: Any, lon: Floats, lat: Floats, radius: Floats) -> tuple[Flags, Flags]:
    """Return which circles touch a geography (or one each) and which lie in it; `boundary` None finds none inside."""
    points = spherely.points((lon + 180.0) % 360.0 - 180.0, lat)
    away = np.degrees(spherely.distance(sphere, points, radius=1.0))
    touch, inside = np.asarray(away <= radius + 1e-9), np.zeros(len(lon), dtype=bool)
    middle = np.flatnonzero(away == 0) if boundary is not None else ()
    if len(middle):
        inside[middle] = np.degrees(spherely.distance(boundary, points[middle], radius=1.0)) > radius[middle] + 1e-9
    return touch, inside


def plane_test(parts: Sequence[Any], cells: Numbers) -> tuple[Flags, Flags]:
    """Return which cells touch planar geometries of -180..180, one of which may be areas, and which lie in them."""
    outlines = healpix.outlines(cells)
    touch = _any(shapely.intersects, parts, outlines)
    inside = _any(shapely.covers, parts, outlines, touch)
    west, _, east, _ = shapely.bounds(outlines).T
    for rows, turn in ((np.flatnonzero(east > 180), -360.0), (np.flatnonzero(west < -180), 360.0)):
        if len(rows):
            here = shapely.intersection(outlines[rows], _WORLD)
            there = shapely.intersection(
                shapely.transform(outlines[rows], lambda xy, t=turn: xy + np.array((t, 0.0))), _WORLD
            )
            touch[rows] |= _any(shapely.intersects, parts, there)
            inside[rows] = _any(shapely.covers, parts, here, touch[rows]) & _any(
                shapely.covers, parts, there, touch[rows]
            )
    return touch, inside


def box_test(box: tuple[float, float, float, float], cells: Numbers) -> tuple[Flags, Flags]:
    """Return which cells may touch a box within -180..180, and which lie in it, as `plane_test` does.

    A cell reaches as far in each direction as the box around it, so only at a corner some more of them may touch.
    """
    west, south, east, north = box
    w, s, e, n = healpix.bounds(cells)
    touch = np.zeros(len(cells), dtype=bool)
    for turn in (-360.0, 0.0, 360.0):
        touch |= (w + turn <= east) & (e + turn >= west)
    # What reaches over the antimeridian lies in no box but one around the world.
    inside = ((w >= west) & (e <= east)) | (east - west >= 360)
    return touch & (s <= north) & (n >= south), inside & (s >= south) & (n <= north)


def _any(relation: Callable[..., Any], parts: Sequence[Any], outlines: Objects, among: Flags | None = None) -> Flags:
    """Return which outlines one of the parts stands in a relation to; only `among` these, where it is given."""
    found = np.zeros(len(outlines), dtype=bool)
    rows = np.arange(len(outlines)) if among is None else np.flatnonzero(among)
    for part in parts:
        found[rows] |= relation(part, outlines[rows])
    return found


_WORLD = shapely.box(-180, -90, 180, 90)


def covers(geometries: Sequence[Geometry | None], frame: str = EARTH, *, max_cells: int = 64) -> list[Cover | None]:
    """Return the cover of each geometry, None where there is none or it cannot be read; faster than one by one."""
    found: list[Cover | None] = [None] * len(geometries)
    for start in range(0, len(geometries), _CHUNK):
        chunk = range(start, min(start + _CHUNK, len(geometries)))
        points = _points(geometries, chunk)
        rows = list(points)
        cells = _cells_of([points[i] for i in rows]) if rows else np.empty(0, dtype=np.int64)
        for i, item in zip(rows, _packed(np.arange(len(rows)), cells, cells), strict=True):
            found[i] = item
        rest = [i for i in chunk if i not in points]
        for together in (partial(small_cells, frame=frame), circle_cells):
            small = together([single(geometries[i]) for i in rest], max_cells=max_cells)
            if small is None:
                continue
            rows = [rest[row] for row in small.rows]
            anchors = healpix.cells_at(small.lonlat[:, 0], small.lonlat[:, 1], DEEPEST)
            for i, item in zip(rows, _packed(small.owner, small.cells, anchors), strict=True):
                found[i] = item
            rest = [i for i in rest if found[i] is None]
        for i, footprint in zip(rest, footprints([geometries[i] for i in rest], frame), strict=True):
            if footprint is not None:
                found[i] = _cover(footprint, max_cells)
    return found


_CHUNK = 2_000


def single(geometry: Geometry | None) -> Geometry | None:
    """Return the polygon of a collection of one, as boxes on the sky are; anything else as it is."""
    # Nearly all are plain dictionaries, which is told ten times as fast.
    if (type(geometry) is dict or isinstance(geometry, Mapping)) and geometry.get("type") == "MultiPolygon":
        parts = geometry.get("coordinates")
        if isinstance(parts, list | tuple) and len(parts) == 1:
            return {"type": "Polygon", "coordinates": parts[0]}
    return geometry


def _points(geometries: Sequence[Geometry | None], rows: range) -> dict[int, tuple[float, float]]:
    """Return the places of those geometries that are plain points, by row."""
    found: dict[int, tuple[float, float]] = {}
    for i in rows:
        geometry = geometries[i]
        if (type(geometry) is dict or isinstance(geometry, Mapping)) and geometry.get("type") == "Point":
            place = geometry.get("coordinates")
            if isinstance(place, list | tuple) and len(place) >= 2:
                lon, lat = place[0], place[1]
                if type(lon) in (int, float) and type(lat) in (int, float) and -540 <= lon <= 540 and -90 <= lat <= 90:
                    found[i] = (float(lon), float(lat))
    return found


def _cells_of(points: Sequence[tuple[float, float]]) -> Numbers:
    array = np.array(points, dtype=np.float64)
    return healpix.cells_at(array[:, 0], array[:, 1], DEEPEST)


def _packed(owner: Numbers, cells: Numbers, anchors: Numbers) -> list[Cover]:
    """Return covers from (owner, cell) pairs sorted by owner, and each owner's anchor cell."""
    count = len(anchors)
    chains = map(tuple, ((anchors[:, None] >> (2 * np.arange(DEEPEST + 1))) | ANCHOR).tolist())
    levels, keys = [], (owner << 32) | cells
    # A pair is one number: cells stay below 2**28.
    while len(keys := once((((keys >> 32) << 32) | ((keys & _LOW) >> 2))[(keys & _LOW) >= 16])):
        levels.append(keys)
    parents = distinct(np.concatenate(levels)) if levels else np.empty(0, dtype=np.int64)
    every, above = _tuple(cells), _tuple(parents & _LOW)
    ends = np.searchsorted(owner, np.arange(count + 1)).tolist()
    parent_ends = np.searchsorted(parents >> 32, np.arange(count + 1)).tolist()
    return [
        Cover(every[ends[i] : ends[i + 1]], above[parent_ends[i] : parent_ends[i + 1]], chain)
        for i, chain in enumerate(chains)
    ]


_LOW = (1 << 32) - 1
