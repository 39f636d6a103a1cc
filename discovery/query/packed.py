"""Footprints as the store keeps them beside its records: small, and read by the ten thousand as arrays.

A question about a region looks at every footprint on its border. Reading whole records for that took most of the
time that such a question took. Nearly all footprints are points, circles and plain rings: these are numbers here. All
else is kept as it was written, and what is large is not kept twice.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
import orjson
import shapely

from discovery.model.extent import EARTH, Extent, Geometry
from discovery.query.cover import box_geometry, single
from discovery.query.footprint import geographies, one_ringed, polygons
from discovery.query.healpix import Flags, Floats, Numbers, Objects

POINT: Final = 1
CIRCLE: Final = 2
RING: Final = 3
WRITTEN: Final = 4
"""Forms: the numbers of a point, a circle or a ring, and any other geometry as JSON."""
MOST_WRITTEN: Final = 200_000
"""Bytes of JSON that are kept; a larger footprint is read from its record."""
MAX_REACH: Final = 40.0
"""Degrees from the middle of a ring on a sphere to its farthest corner: well within half of the sphere."""
_TURN: Final = 1e-6
"""The sine of a turn that is one for sure ..."""
_INEXACT: Final = 1e-14
"""... where the sides are long enough for it: a hundred times what volumes of unit vectors are inexact by."""


class Packed(NamedTuple):
    """A footprint as it is kept: what it is, and its numbers or its text."""

    form: int
    data: bytes


def pack(extents: Sequence[Extent]) -> list[Packed | None]:
    """Return the footprints of records, None where there is none, it cannot be read or is very large.

    A `RING` is certainly valid on its surface: it does not cross itself, and touches neither a pole nor, on Earth, the
    antimeridian. So it can be compared by its numbers alone.
    """
    found: list[Packed | None] = [None] * len(extents)
    for frame in {extent.frame for extent in extents}:
        rows = [row for row, extent in enumerate(extents) if extent.frame == frame]
        shapes = [single(geometry_of(extents[row])) for row in rows]
        rings = _rings(shapes, frame)
        for row, shape, ring in zip(rows, shapes, rings, strict=True):
            found[row] = Packed(RING, ring) if ring is not None else _plain(shape, frame)
    return found


def geometry_of(extent: Extent) -> Geometry | None:
    """Return the footprint of a record: its geometry, else its box."""
    if extent.geometry is not None or extent.bbox is None:
        return extent.geometry
    return box_geometry(*extent.bbox, frame=extent.frame)


def _plain(shape: Geometry | None, frame: str) -> Packed | None:
    if not isinstance(shape, Mapping):
        return None
    numbers = _numbers(shape)
    if numbers is not None:
        lon, lat, *radius = numbers
        inner = abs(lat) < 90 and (abs(lon) < 180 if frame == EARTH else abs(lon) <= 540)
        if inner and not radius:
            return Packed(POINT, struct.pack("<2d", lon, lat))
        if radius and abs(lat) <= 90 and abs(lon) <= 540 and 0 <= radius[0] <= 180:
            return Packed(CIRCLE, struct.pack("<3d", lon, lat, radius[0]))
    try:
        text = orjson.dumps(shape, default=dict)
    except TypeError:
        return None
    return Packed(WRITTEN, text) if len(text) <= MOST_WRITTEN else None


def _numbers(shape: Mapping[str, Any]) -> list[float] | None:
    """Return the numbers of a point or a circle, None for all else."""
    kind = shape.get("type")
    given = shape.get("coordinates") if kind == "Point" else shape.get("center") if kind == "Circle" else None
    if not isinstance(given, list | tuple) or len(given) < 2:
        return None
    numbers = [*given[:2], *([shape.get("radius")] if kind == "Circle" else [])]
    return [float(each) for each in numbers] if all(type(each) in (int, float) for each in numbers) else None


def _rings(shapes: Sequence[Geometry | None], frame: str) -> list[bytes | None]:
    """Return the numbers of those geometries that are one valid ring, without the position that closes it."""
    found: list[bytes | None] = [None] * len(shapes)
    rows, _ = one_ringed(shapes)
    if not rows:
        return found
    made = polygons([shapes[row]["coordinates"][0] for row in rows])  # type: ignore[index]
    made[~shapely.is_missing(made)] = shapely.remove_repeated_points(made[~shapely.is_missing(made)])
    sound = np.flatnonzero(_sound(made, frame))
    lonlat, owner = shapely.get_coordinates(made[sound], return_index=True)
    written = lonlat.astype("<f8").tobytes()
    ends = np.searchsorted(owner, np.arange(len(sound)), side="right").tolist()
    for at, start, end in zip(sound.tolist(), [0, *ends], ends, strict=False):
        found[rows[at]] = written[16 * start : 16 * (end - 1)]
    return found


def _sound(shapes: Objects, frame: str) -> Flags:
    """Return which polygons are valid on their surface, and away from its seams."""
    west, south, east, north = shapely.bounds(shapes).T
    fine = (np.abs(south) < 90) & (np.abs(north) < 90) & (shapely.area(shapes) > 0)
    if frame == EARTH:
        return np.asarray(fine & (west > -180) & (east < 180) & shapely.is_valid(shapes), dtype=bool)
    fine &= (east - west < 180) & (east - west > 1e-9)
    rows = np.flatnonzero(fine)
    if len(rows):
        xyz, starts = corners(shapes[rows])
        near = reaches(xyz, starts) < MAX_REACH
        fine[rows] = near
        # Making a sphere's polygon of a ring takes as long as all else here.
        rows = rows[near & ~_bulging(xyz, starts)]
        fine[rows] = [sphere is not None for sphere in geographies(shapes[rows])]
    return np.asarray(fine, dtype=bool)


def _bulging(xyz: Floats, starts: Numbers) -> Flags:
    """Return which closed rings have three or four corners and turn to the same side at each, clearly.

    Seen from the middle of less than half of the sphere, sides are straight lines and turns stay what they are. With
    turns of less than half a circle to one side, so few corners go round only once: such a ring never crosses itself.
    """
    sizes = np.diff(np.append(starts, len(xyz))) - 1
    found = np.zeros(len(starts), dtype=bool)
    for count in (3, 4):
        rows = np.flatnonzero(sizes == count)
        one = xyz[starts[rows, None] + np.arange(count)]
        two, three = np.roll(one, -1, axis=1), np.roll(one, -2, axis=1)
        turns = np.einsum("rci,rci->rc", np.cross(one, two), three)
        sides = np.linalg.norm(two - one, axis=2)
        least = np.maximum(_TURN * sides * np.roll(sides, -1, axis=1), _INEXACT)
        found[rows] = np.all(turns > least, axis=1) | np.all(turns < -least, axis=1)
    return found


def corners(shapes: Objects) -> tuple[Floats, Numbers]:
    """Return the corners of polygons as unit vectors, and where those of each begin."""
    lonlat, owner = shapely.get_coordinates(shapes, return_index=True)
    return vectors(lonlat), np.searchsorted(owner, np.arange(len(shapes)))


def vectors(lonlat: Floats) -> Floats:
    """Return positions in degrees as unit vectors."""
    lon, lat = np.radians(lonlat).T
    return np.column_stack((np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)))


def middles(xyz: Floats, starts: Numbers) -> Floats:
    """Return the mean direction of the corners of each ring."""
    z = np.add.reduceat(xyz, starts)
    return np.asarray(z / np.maximum(np.linalg.norm(z, axis=1, keepdims=True), 1e-12), dtype=np.float64)


def reaches(xyz: Floats, starts: Numbers) -> Floats:
    """Return how many degrees the farthest corner of each ring is from its middle."""
    sizes = np.diff(np.append(starts, len(xyz)))
    return np.asarray(np.maximum.reduceat(apart(xyz, np.repeat(middles(xyz, starts), sizes, axis=0)), starts))


def apart(one: Floats, other: Floats) -> Floats:
    """Return the angles between unit vectors in degrees, exact for near and for nearly opposite ones."""
    near = 2 * np.arcsin(np.clip(np.linalg.norm(one - other, axis=-1) / 2, 0, 1))
    far = np.pi - 2 * np.arcsin(np.clip(np.linalg.norm(one + other, axis=-1) / 2, 0, 1))
    return np.asarray(np.degrees(np.where(near < np.pi / 2, near, far)), dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Shapes:
    """Many footprints of one frame, sorted by what they are; `rows` say which of the packed ones each was."""

    count: int
    points: tuple[Numbers, Floats]
    """Rows, and longitude and latitude."""
    circles: tuple[Numbers, Floats]
    """Rows, and longitude, latitude and radius."""
    rings: tuple[Numbers, Floats, Numbers]
    """Rows, positions of all rings one after another, and where each begins."""
    written: tuple[Numbers, list[bytes]]
    """Rows, and JSON."""

    def ring(self, at: int) -> Floats:
        """Return the positions of a ring by its place among the rings."""
        _, lonlat, starts = self.rings
        return lonlat[starts[at] : starts[at + 1] if at + 1 < len(starts) else len(lonlat)]

    def geometries(self, wanted: Flags) -> tuple[list[int], list[Geometry]]:
        """Return the footprints of the wanted rows as geometries, with their rows."""
        rows: list[int] = []
        found: list[Geometry] = []
        for at in np.flatnonzero(wanted[self.points[0]]).tolist():
            rows.append(int(self.points[0][at]))
            found.append({"type": "Point", "coordinates": self.points[1][at].tolist()})
        for at in np.flatnonzero(wanted[self.circles[0]]).tolist():
            lon, lat, radius = self.circles[1][at].tolist()
            rows.append(int(self.circles[0][at]))
            found.append({"type": "Circle", "center": [lon, lat], "radius": radius})
        for at in np.flatnonzero(wanted[self.rings[0]]).tolist():
            ring = self.ring(at).tolist()
            rows.append(int(self.rings[0][at]))
            found.append({"type": "Polygon", "coordinates": [[*ring, ring[0]]]})
        for at in np.flatnonzero(wanted[self.written[0]]).tolist():
            rows.append(int(self.written[0][at]))
            found.append(orjson.loads(self.written[1][at]))
        return rows, found


def unpack(forms: Sequence[int], data: Sequence[bytes]) -> Shapes:
    """Return packed footprints sorted by what they are."""
    form = np.array(forms, dtype=np.int64)
    rows = {each: np.flatnonzero(form == each) for each in (POINT, CIRCLE, RING, WRITTEN)}
    parts = {each: [data[row] for row in rows[each].tolist()] for each in rows}
    sizes = np.fromiter(map(len, parts[RING]), dtype=np.int64, count=len(parts[RING])) // 16
    return Shapes(
        len(form),
        (rows[POINT], _table(parts[POINT], 2)),
        (rows[CIRCLE], _table(parts[CIRCLE], 3)),
        (rows[RING], _table(parts[RING], 2), np.cumsum(sizes) - sizes),
        (rows[WRITTEN], parts[WRITTEN]),
    )


def _table(parts: list[bytes], width: int) -> Floats:
    return np.frombuffer(b"".join(parts), dtype="<f8").reshape(-1, width).astype(np.float64, copy=False)
