"""Covers of footprints and of regions asked for, as terms: which records may match, and which surely do.

A record matches a region when a cell of its cover equals, holds or lies in a cell of the region's cover; nothing
that intersects is missed. It surely matches when its anchor, a point of its footprint, lies in a cell that is wholly
inside the region. The anchor's cell and all ancestors are terms too, marked by a high bit so that they can live in
the same field as the cover's cells, and engines need to know nothing about them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import orjson
import shapely
import spherely

from discovery.errors import BadQueryError, RecordError
from discovery.model.extent import EARTH, Geometry
from discovery.query import healpix
from discovery.query.footprint import Footprint, box_pieces, build, footprints
from discovery.query.healpix import BASE, DEEPEST, Flags, Floats, Numbers, Objects
from discovery.query.query import Region

ANCHOR = 1 << 40
"""Marks the number of a cell that holds a record's anchor, apart from the cells of its cover."""
_RECORD_CELLS = 32  # a record's cover is refined while it has no more: a cell is then about half the footprint
_QUERY_CELLS = 400


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

    Candidates are the documents that match `Cells(cells, parents)`; no other document intersects the region. Of
    these, the documents that match `Cells(sure, ())` certainly intersect it; the rest is undecided and needs
    `decide`. `sure` is empty for `within` and `contains`, whose candidates are all undecided. For `disjoint` the
    match is the complement: documents with a footprint in the frame that are no candidates, and the undecided ones
    for which `decide` says so; the sure ones are out.
    """

    cells: tuple[int, ...]
    parents: tuple[int, ...]
    sure: tuple[int, ...]
    """Cells wholly inside the region, each marked by `ANCHOR`."""


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
    """Return a lon/lat box as a polygon; its parallels are followed by short great circles where edges are such."""
    if west > east:
        east += 360.0
    if west == east or south == north:
        return {"type": "LineString", "coordinates": [[west, south], [east, north]]}
    if frame == EARTH:
        ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
        return {"type": "Polygon", "coordinates": [ring]}
    if east - west >= 360 and south <= -90 and north >= 90:
        return {"type": "Circle", "center": [0.0, 0.0], "radius": 180.0}
    pieces = [[shapely.get_coordinates(piece).tolist()] for piece in box_pieces(west, south, east, north)]
    return {"type": "MultiPolygon", "coordinates": pieces}


def ask(region: Region) -> Asked:
    """Return the terms of a region that is asked for; see `Asked` for what they promise.

    Raises:
        BadQueryError: The geometry cannot be read.
    """
    footprint = prepared(region)
    inside, border = refine(footprint, region.frame, _QUERY_CELLS)
    cells = np.concatenate((inside, border))
    sure = inside if region.relation in ("intersects", "disjoint") else inside[:0]
    return Asked(_tuple(cells), _tuple(healpix.ancestors(cells)), _tuple(sure | ANCHOR))


def prepared(region: Region) -> Footprint:
    """Return the footprint of a region that is asked for; the last ones are kept.

    Raises:
        BadQueryError: The geometry cannot be read.
    """
    try:
        return _prepared(orjson.dumps(region.geometry, default=dict), region.frame)
    except (RecordError, TypeError) as error:
        raise BadQueryError(f"cannot use the region: {error}", parameter="region") from error


@lru_cache(maxsize=64)
def _prepared(text: bytes, frame: str) -> Footprint:
    footprint = build(orjson.loads(text), frame)
    if footprint.plane is not None:
        shapely.prepare(footprint.plane)
    return footprint


def _tuple(numbers: Numbers) -> tuple[int, ...]:
    return tuple(numbers.tolist())


def _cover(footprint: Footprint, max_cells: int) -> Cover:
    frame = EARTH if footprint.sphere is None else "sphere"
    most = max(min(_RECORD_CELLS, max_cells), len(BASE))
    plane = footprint.plane
    if not footprint.caps and footprint.ranges is None and plane is not None and plane.geom_type in _DOTS:
        cells = _dots(shapely.get_coordinates(plane), max(max_cells, len(BASE)))
    else:
        cells = np.concatenate(refine(footprint, frame, most))
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


def refine(footprint: Footprint, frame: str, most: int) -> tuple[Numbers, Numbers]:
    """Return the cells wholly inside a footprint and those on its border, as fine as `most` in all allows."""
    boundary = None if footprint.sphere is None else _boundary(footprint)
    touch, within = _test(footprint, frame, BASE, boundary)
    inside, border = BASE[within], BASE[touch & ~within]
    while len(border) and int(border[0]) < 4 << (2 * DEEPEST):
        children = (4 * border[:, None] + np.arange(4)).ravel()
        touch, within = _test(footprint, frame, children, boundary)
        if not touch.any() or len(inside) + int(touch.sum()) > most:
            break
        inside, border = np.concatenate((inside, children[within])), children[touch & ~within]
    return inside, border


def _test(footprint: Footprint, frame: str, cells: Numbers, boundary: Any) -> tuple[Flags, Flags]:
    """Return which cells may touch the footprint (none is missed) and which are certainly inside it."""
    touch, inside = np.zeros(len(cells), dtype=bool), np.zeros(len(cells), dtype=bool)
    lon, lat, radius = healpix.caps(cells)
    if footprint.ranges is not None:
        t, i = _range_test(footprint.ranges, cells)
        touch, inside = touch | t, inside | i
    if footprint.sphere is not None:
        t, i = sphere_test(footprint.sphere, boundary, lon, lat, radius)
        touch, inside = touch | t, inside | i
    elif footprint.plane is not None:
        t, i = plane_test(footprint.plane, cells)
        touch, inside = touch | t, inside | i
    for cap in footprint.caps:
        away = healpix.separation(lon, lat, cap.lon, cap.lat)
        touch |= away <= cap.radius + radius
        inside |= (away + radius <= cap.radius) | (cap.radius >= 180)
    return touch, inside


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
    parts = _deep_parts(np.array([footprint.plane], dtype=np.object_))
    areas = parts[shapely.get_type_id(parts) == 3]
    if not len(areas):
        return None
    rings = shapely.to_wkb(_lines(areas))
    return spherely.create_collection(list(spherely.from_wkb(rings)))


def _lines(areas: Objects) -> Any:
    coordinates, owner = shapely.get_coordinates(shapely.get_rings(areas), return_index=True)
    return shapely.linestrings(coordinates, indices=owner)


def _deep_parts(shapes: Objects) -> Objects:
    while (shapely.get_type_id(shapes) > 3).any():
        shapes = shapely.get_parts(shapes)
    return shapes


def sphere_test(sphere: Any, boundary: Any, lon: Floats, lat: Floats, radius: Floats) -> tuple[Flags, Flags]:
    """Return which circles touch a geography (or one each) and which lie in it; `boundary` None finds none inside."""
    points = spherely.points((lon + 180.0) % 360.0 - 180.0, lat)
    away = np.degrees(spherely.distance(sphere, points, radius=1.0))
    touch = np.asarray(away <= radius + 1e-9)
    if boundary is None:
        return touch, np.zeros(len(lon), dtype=bool)
    deep = np.degrees(spherely.distance(boundary, points, radius=1.0)) > radius + 1e-9
    return touch, np.asarray((away == 0) & deep)


def plane_test(shape: Any, cells: Numbers) -> tuple[Flags, Flags]:
    """Return which cells touch a planar geometry of -180..180 (or one each) and which lie in it."""
    outlines = healpix.outlines(cells)
    touch, inside = shapely.intersects(shape, outlines), shapely.covers(shape, outlines)
    west, _, east, _ = shapely.bounds(outlines).T
    for rows, turn in ((np.flatnonzero(east > 180), -360.0), (np.flatnonzero(west < -180), 360.0)):
        if len(rows):
            shapes = shape[rows] if isinstance(shape, np.ndarray) else shape
            here = shapely.intersection(outlines[rows], _WORLD)
            there = shapely.intersection(
                shapely.transform(outlines[rows], lambda xy, t=turn: xy + np.array((t, 0.0))), _WORLD
            )
            touch[rows] |= shapely.intersects(shapes, there)
            inside[rows] = shapely.covers(shapes, here) & shapely.covers(shapes, there)
    return touch, inside


_WORLD = shapely.box(-180, -90, 180, 90)


def covers(geometries: Sequence[Geometry | None], frame: str = EARTH, *, max_cells: int = 64) -> list[Cover | None]:
    """Return the cover of each geometry, None where there is none or it cannot be read; faster than one by one."""
    found: list[Cover | None] = [None if f is None else _cover(f, max_cells) for f in footprints(geometries, frame)]
    return found
