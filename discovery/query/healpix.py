"""HEALPix cells as plain numbers, and two outlines of a cell that never lose a point of it.

A nested cell of order `o` with index `p` is the number `4 * 4**o + p` (NUNIQ). Its parent is `n >> 2`, its children
are `4 * n` to `4 * n + 3`, and the twelve cells of order 0 are 4 to 15.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import cdshealpix.cdshealpix as _cds
import numpy as np
import numpy.typing as npt
import shapely

Numbers: TypeAlias = npt.NDArray[np.int64]
Floats: TypeAlias = npt.NDArray[np.float64]
Flags: TypeAlias = npt.NDArray[np.bool_]
Objects: TypeAlias = npt.NDArray[np.object_]

DEEPEST = 12
"""Order of the smallest cells that are used: about 52 arc seconds, or 1.6 km on the ground."""
BASE: Numbers = np.arange(4, 16, dtype=np.int64)
BASE.flags.writeable = False

# The farthest point of a cell from its centre was one of its corners in every cell measured (all of orders 0 to 5,
# 17,000 to 28,000 of each order from 6 to 12, 32 points around each); the rest is for rounding.
_BULGE = 1.002
_TINY = 1e-9
_PAD = 1e-7  # degrees around a box that holds a cell
# The block of a cell and its neighbours reaches at least this many degrees / 2**order beyond the cell (measured 40.1
# in orders 1 to 6).
REACH = 35.0


def orders(numbers: Numbers) -> npt.NDArray[np.uint8]:
    """Return the order of each cell."""
    return ((np.floor(np.log2(numbers)).astype(np.int64) - 2) >> 1).astype(np.uint8)


def _split(numbers: Numbers) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint64]]:
    depth = orders(numbers)
    return depth, (numbers - (np.int64(4) << (2 * depth.astype(np.int64)))).astype(np.uint64)


def cells_at(lon: Floats, lat: Floats, order: int | npt.NDArray[np.int64]) -> Numbers:
    """Return the cell of `order` that each point (degrees) lies in."""
    if len(lon) <= _FEW:
        return _found(lon, lat, np.broadcast_to(np.asarray(order, dtype=np.int64), lon.shape))
    depth = np.broadcast_to(np.asarray(order, dtype=np.uint8), lon.shape).copy()
    pixels = np.empty(lon.shape, dtype=np.uint64)
    spare = np.empty((2, *lon.shape))
    _cds.lonlat_to_healpix(depth, np.radians(lon % 360.0), np.radians(lat), pixels, spare[0], spare[1], np.uint16(1))
    return (np.int64(4) << (2 * depth.astype(np.int64))) + pixels.astype(np.int64)


def _found(lon: Floats, lat: Floats, order: Numbers) -> Numbers:
    """Return cells as `cells_at` does; a point on the edge of two may be in either."""
    side = np.int64(1) << order
    z, turn = np.sin(np.radians(lat)), (lon / 90.0) % 4.0
    # Between the caps: how many cells up to the right and up to the left.
    down, up = (np.floor(side * (0.5 + turn + sign * 0.75 * z)).astype(np.int64) for sign in (-1, 1))
    one, other = down >> order, up >> order
    face = np.where(one == other, (one & 3) | 4, np.where(one < other, one & 3, (other & 3) + 8))
    x, y = up & (side - 1), side - (down & (side - 1)) - 1
    # In a cap: how far from its pole, and how that is shared between both edges of its quarter.
    cap = np.abs(z) > 2.0 / 3.0
    quarter = np.minimum(turn.astype(np.int64), 3)
    away = side * np.abs(np.cos(np.radians(lat))) / np.sqrt((1.0 + np.abs(z)) / 3.0)
    low = np.minimum((turn - quarter) * away, side - 1).astype(np.int64)
    high = np.minimum((1.0 - (turn - quarter)) * away, side - 1).astype(np.int64)
    north = z > 0
    face = np.where(cap, np.where(north, quarter, quarter + 8), face)
    x = np.where(cap, np.where(north, side - high - 1, low), x)
    y = np.where(cap, np.where(north, side - low - 1, high), y)
    return (np.int64(4) << (2 * order)) + (face << (2 * order)) + _spread(x) + (_spread(y) << 1)


def _spread(bits: Numbers) -> Numbers:
    """Return a number's bits with a zero before each: what `_every_other` puts together again."""
    bits = (bits | (bits << 16)) & 0x0000FFFF0000FFFF
    for shift, mask in ((8, 0x00FF00FF00FF00FF), (4, 0x0F0F0F0F0F0F0F0F), (2, 0x3333333333333333)):
        bits = (bits | (bits << shift)) & mask
    return (bits | (bits << 1)) & 0x5555555555555555


def blocks(numbers: Numbers) -> Numbers:
    """Return an (n, 9) array with each cell and its neighbours; where a neighbour is lacking, the cell itself."""
    if len(numbers) <= _FEW_BLOCKS:
        return _found_around(numbers)
    depth, pixels = _split(numbers)
    found = np.empty((len(numbers), 9), dtype=np.int64)
    for order in np.unique(depth):
        rows = depth == order
        part = np.empty((int(rows.sum()), 9), dtype=np.int64)
        _cds.neighbours(int(order), pixels[rows], part, np.uint16(1))
        found[rows] = np.where(part < 0, pixels[rows].astype(np.int64)[:, None], part)
    return found + (np.int64(4) << (2 * depth.astype(np.int64)))[:, None]


def _found_around(numbers: Numbers) -> Numbers:
    """Return cells as `blocks` does: each neighbour has a corner of the cell, so it lies all around one of them."""
    z, across, turn = (part[:, :, None] for part in _placed(numbers, *_CORNERS))
    angle, size = turn * (np.pi / 4), 1e-3 / 2.0 ** orders(numbers)[:, None, None]
    x, y = np.cos(angle), np.sin(angle)
    # On the plane that touches the sphere at a corner: so far to the north and so far to the east.
    up, aside = size * np.sin(_TURNED), size * np.cos(_TURNED)
    ring = across * x - up * z * x - aside * y, across * y - up * z * y + aside * x, z + up * across
    lon, lat = np.degrees(np.arctan2(ring[1], ring[0])), np.degrees(np.arctan2(ring[2], np.hypot(*ring[:2])))
    order = np.broadcast_to(orders(numbers).astype(np.int64)[:, None, None], lon.shape)
    near = _found(lon.ravel() % 360.0, lat.ravel(), order.ravel()).reshape(len(numbers), -1)
    found = np.repeat(numbers[:, None], 9, axis=1)
    for row, cells in enumerate(near):
        others = np.unique(cells[cells != numbers[row]])
        found[row, 1 : len(others) + 1] = others
    return found


_FEW_BLOCKS = 8
"""Cells whose neighbours are looked for here, for the same reason as with `_FEW`."""
_FEW = 3_000
"""Cells that are located here; the library begins a thread for each call, which takes longer than they do."""
_ROWS: Floats = np.repeat((2.0, 3.0, 4.0), 4)
_TURNS: Floats = np.array((1, 3, 5, 7, 0, 2, 4, 6, 1, 3, 5, 7), dtype=np.float64)
_CORNERS = (np.array((0.0, 1.0, 1.0, 0.0)), np.array((0.0, 0.0, 1.0, 1.0)))
_TURNED: Floats = np.arange(0.1, 6.3, 2 * np.pi / 16)
_SPREAD = ((1, 0x3333333333333333), (2, 0x0F0F0F0F0F0F0F0F), (4, 0x00FF00FF00FF00FF), (8, 0x0000FFFF0000FFFF))


def _every_other(bits: Numbers) -> Numbers:
    """Return the number that every other bit makes, beginning with the lowest: at most 32 of them."""
    bits = bits & 0x5555555555555555
    for shift, mask in _SPREAD:
        bits = (bits | (bits >> shift)) & mask
    return (bits | (bits >> 16)) & 0xFFFFFFFF


def _unpacked(numbers: Numbers) -> tuple[Numbers, Numbers, Numbers, Floats]:
    """Return each cell's base cell, its steps to the east and to the west within it, and a step's length there."""
    depth = orders(numbers).astype(np.int64)
    pixel = numbers - (np.int64(4) << (2 * depth))
    face = pixel >> (2 * depth)
    within = pixel & ((np.int64(1) << (2 * depth)) - 1)
    return face, _every_other(within), _every_other(within >> 1), 1.0 / (np.int64(1) << depth)


def _placed(numbers: Numbers, x: Floats, y: Floats) -> tuple[Floats, Floats, Floats]:
    """Return places within cells as height and distance from the axis, and as an angle in quarters of a half turn.

    `x` runs from the south corner to the east one, `y` to the west one.
    """
    face, east, west, size = _unpacked(numbers)
    # A side is a power of two, so multiplying by its inverse is as exact as dividing by it.
    u, v = (east[:, None] + x) * size[:, None], (west[:, None] + y) * size[:, None]
    row = _ROWS[face][:, None] - u - v
    cap = np.minimum(row, 4.0 - row)  # of a polar cap's base cell: 0 at the pole, 1 where the cap ends
    near = np.clip(cap, 0.0, 1.0)
    high = near * near / 3.0
    polar = near < 1.0
    z = np.where(polar, np.where(row < 2, 1.0 - high, high - 1.0), (2.0 - row) * (2.0 / 3.0))
    across = np.where(polar, np.sqrt(high * (2.0 - high)), np.sqrt(1.0 - z * z))
    with np.errstate(divide="ignore", invalid="ignore"):
        turn = np.where(near < 1e-15, _TURNS[face][:, None], _TURNS[face][:, None] + (u - v) / near)
    return np.asarray(z), np.asarray(across), np.asarray(turn)


@dataclass(frozen=True, slots=True)
class Spots:
    """Where cells are, for as many of them at once as there are."""

    size: Floats
    """One over the number of cells along the edge of a base cell."""
    row: Floats
    """How far each centre is from the north pole, in edges of base cells: 0 to 4."""
    aside: Floats
    """How far east of the middle of its base cell, in the same."""
    turn: Floats
    """The middle of the base cell as an angle, in quarters of a half turn."""

    @classmethod
    def of(cls, numbers: Numbers) -> Spots:
        """Return the places of cells."""
        face, east, west, size = _unpacked(numbers)
        return cls(size, _ROWS[face] - (east + west + 1) * size, (east - west) * size, _TURNS[face])

    def some(self, rows: Flags | Numbers) -> Spots:
        """Return some of them."""
        return Spots(self.size[rows], self.row[rows], self.aside[rows], self.turn[rows])

    @classmethod
    def together(cls, parts: Sequence[Spots]) -> Spots:
        """Return those of several as one."""
        found = (np.concatenate([getattr(part, each) for part in parts]) for each in ("size", "row", "aside", "turn"))
        return cls(*found)

    def children(self) -> Spots:
        """Return the four children of each, as `4 * numbers + (0, 1, 2, 3)` are."""
        half = self.size[:, None] / 2
        row, aside = self.row[:, None] + half * _SOUTH, self.aside[:, None] + half * _EAST
        return Spots(np.repeat(self.size / 2, 4), row.ravel(), aside.ravel(), np.repeat(self.turn, 4))

    def middles(self) -> tuple[Floats, Floats, Floats]:
        """Return x, y and z of unit vectors to the cells' centres."""
        z, across = self.placed(0.0)
        angle = (self.turn + self.aside / self.near(0.0)) * (np.pi / 4)
        return across * np.cos(angle), across * np.sin(angle), z

    def reaches(self) -> Floats:
        """Return the radius in degrees of a circle around each cell's centre that holds all of the cell."""
        z, across = self.placed(0.0)
        here = self.near(0.0)
        # East and west corner are as far from the pole as the centre.
        chord = (across * (np.pi / 4) * self.size / here) ** 2
        for sign in (-1.0, 1.0):
            far_z, far_across = self.placed(sign)
            near = np.maximum(self.near(sign), 1e-15)
            bend = ((np.pi / 4) * self.aside * (1.0 / near - 1.0 / here)) ** 2
            # Where two points differ by an angle around the axis, the sine of its half is at most that, and at most 1.
            there = (far_z - z) ** 2 + (far_across - across) ** 2 + across * far_across * np.minimum(bend, 4.0)
            chord = np.maximum(chord, there)
        return np.asarray(np.degrees(2 * np.arcsin(np.minimum(np.sqrt(chord) / 2, 1.0))) * _BULGE + _TINY)

    def near(self, steps: float) -> Floats:
        """Return how far from its pole each place is so many cells to the south; 1 where the polar cap ends."""
        row = self.row + steps * self.size
        return np.asarray(np.minimum(np.maximum(np.minimum(row, 4.0 - row), 0.0), 1.0))

    def placed(self, steps: float) -> tuple[Floats, Floats]:
        """Return height and distance from the axis of the place so many cells to the south of each centre."""
        row = self.row + steps * self.size
        near = self.near(steps)
        high = np.where(near < 1.0, near * near / 3.0, 1.0 - np.abs(2.0 - row) * (2.0 / 3.0))
        return np.asarray(np.copysign(1.0 - high, 2.0 - row)), np.asarray(np.sqrt(high * (2.0 - high)))


_SOUTH: Floats = np.array((1.0, 0.0, 0.0, -1.0))
_EAST: Floats = np.array((0.0, 1.0, -1.0, 0.0))


def _located(numbers: Numbers, x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Return places within cells in degrees; see `_placed`."""
    z, across, turn = _placed(numbers, x, y)
    return (turn * 45.0) % 360.0, np.asarray(np.degrees(np.arctan2(z, across)))


def _around_edge(step: int) -> tuple[Floats, Floats]:
    along, back, none, whole = np.arange(step) / step, 1 - np.arange(step) / step, np.zeros(step), np.ones(step)
    return np.concatenate((along, whole, back, none)), np.concatenate((none, along, whole, back))


def centres(numbers: Numbers) -> tuple[Floats, Floats]:
    """Return longitude (0 to 360) and latitude of the cells' centres in degrees."""
    if len(numbers) <= _FEW:
        half = np.array([0.5])
        lon, lat = _located(numbers, half, half)
        return lon[:, 0], lat[:, 0]
    depth, pixels = _split(numbers)
    lon, lat = np.empty(len(numbers)), np.empty(len(numbers))
    _cds.healpix_to_lonlat(depth, pixels, 0.5, 0.5, lon, lat, np.uint16(1))
    return np.degrees(lon), np.degrees(lat)


def edges(numbers: Numbers, step: int) -> tuple[Floats, Floats]:
    """Return `4 * step` points on each cell's edge in degrees, as two (n, 4 * step) arrays, beginning at the south."""
    if len(numbers) <= _FEW:
        return _located(numbers, *_around_edge(step))
    depth, pixels = _split(numbers)
    lon, lat = np.zeros((len(numbers), 4 * step)), np.zeros((len(numbers), 4 * step))
    _cds.vertices(depth, pixels, step, lon, lat, np.uint16(1))
    return np.degrees(lon), np.degrees(lat)


def separation(lon: Floats, lat: Floats, lon2: Floats | float, lat2: Floats | float) -> Floats:
    """Return great-circle distances in degrees, accurate for near points too."""
    a, b = np.radians(lat), np.radians(lat2)
    d = np.radians(np.subtract(lon2, lon))
    h = np.sin((b - a) / 2) ** 2 + np.cos(a) * np.cos(b) * np.sin(d / 2) ** 2
    return np.asarray(np.degrees(2 * np.arcsin(np.sqrt(np.clip(h, 0.0, 1.0)))), dtype=np.float64)


def rings(numbers: Numbers, step: int) -> tuple[Floats, Floats]:
    """Return the cells' edges with longitudes unwrapped around each centre and poles given the edge's longitude."""
    clon, _ = centres(numbers)
    clon = (clon + 180.0) % 360.0 - 180.0
    lon, lat = edges(numbers, step)
    return clon[:, None] + ((lon - clon[:, None] + 180.0) % 360.0 - 180.0), lat


def bounds(numbers: Numbers) -> tuple[Floats, Floats, Floats, Floats]:
    """Return west, south, east and north of boxes that hold all of each cell, longitudes as `rings` has them.

    Along every edge of a cell longitude and latitude are monotone, so its corners tell.
    """
    spot = Spots.of(numbers)
    here = spot.near(0.0)
    middle, half = spot.turn + spot.aside / here, spot.size / here
    west, east = middle - half, middle + half
    lats = []
    for sign in (-1.0, 1.0):
        near = spot.near(sign)
        # A pole has every longitude.
        corner = np.where(near > _TINY, spot.turn + spot.aside / np.maximum(near, _TINY), middle)
        west, east = np.minimum(west, corner), np.maximum(east, corner)
        lats.append(np.degrees(np.arctan2(*spot.placed(sign))))
    turn = (middle * 45.0 + 180.0) % 360.0 - 180.0 - middle * 45.0
    north, south = lats
    return (
        west * 45.0 + turn - _PAD,
        np.maximum(south - _PAD, -90.0),
        east * 45.0 + turn + _PAD,
        np.minimum(north + _PAD, 90.0),
    )


def outlines(numbers: Numbers) -> Objects:
    """Return polygons in lon/lat that hold all of each cell, a little larger than it.

    Longitudes are unwrapped, so those of a cell on the antimeridian go beyond 180 or -180.
    """
    if len(numbers) and int(numbers.min()) >= 4 << 2 * DEEPEST:
        # So small that nobody asks how well they are followed.
        return np.asarray(shapely.box(*bounds(numbers)), dtype=np.object_)
    lon, lat = rings(numbers, 2)
    clon, clat = (a[:, None] for a in centres(numbers))
    clon = (clon + 180.0) % 360.0 - 180.0
    depth = orders(numbers)
    # In the coarse orders and near a pole edges are too curved for three points; a lon/lat box holds those cells
    # exactly, since along every edge both coordinates are monotone.
    boxed = (depth <= 2) | (90.0 - np.abs(clat[:, 0]) < 8 * 58.7 / 2.0**depth)
    x, y = lon.copy(), lat.copy()
    for corner, middle, other in ((0, 1, 2), (2, 3, 4), (4, 5, 6), (6, 7, 0)):
        for out, val in ((x, lon), (y, lat)):
            # An edge is nearly a parabola: its control point, moved out by a fifth more, with both ends holds it.
            chord = (val[:, corner] + val[:, other]) / 2
            out[:, middle] = chord + 2.4 * (val[:, middle] - chord)
    x, y = clon + (x - clon) * 1.02, clat + (y - clat) * 1.02
    found = shapely.convex_hull(shapely.multipoints(shapely.points(x, y)))
    if boxed.any():
        found[boxed] = shapely.box(*bounds(numbers[boxed]))
    return np.asarray(found, dtype=np.object_)


def ancestors(numbers: Numbers) -> Numbers:
    """Return every ancestor of the cells, up to order 0, each once."""
    found = []
    while len(numbers := np.unique(numbers[numbers >= 16] >> 2)):
        found.append(numbers)
    return np.unique(np.concatenate(found)) if found else np.empty(0, dtype=np.int64)
