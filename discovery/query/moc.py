"""MOCs: cells of the sky as text, read strictly, and as ranges, cells and polygons."""

from __future__ import annotations

import re
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import shapely

from discovery.errors import RecordError
from discovery.query import healpix

Ranges: TypeAlias = npt.NDArray[np.uint64]
"""Rows of first and one-past-last cell of order 29."""
_MOST_CELLS = 2_000  # beyond it a MOC is widened to coarser cells before it is compared exactly
_WORD = re.compile(r"(?:(\d{1,2})/)?(?:(\d{1,19})(?:-(\d{1,19}))?)?")


def read(text: Any) -> Ranges:
    """Return the order 29 ranges of an ASCII MOC.

    Raises:
        RecordError: It is no MOC, or an empty one.
    """
    if not isinstance(text, str) or not text.strip():
        raise RecordError("region", f"a MOC must be text such as '4/12-15 5/', not {text!r:.40}")
    order = -1
    found: list[tuple[int, int]] = []
    for word in re.findall(r"[^\s,]+", text):  # commas are of MOC 1.0
        match = _WORD.fullmatch(word)
        if match is None:
            raise RecordError("region", f"cannot read the MOC {text[:40]!r} at {word[:20]!r}")
        order = int(match[1]) if match[1] else order
        last = match[3] or match[2]
        if not 0 <= order <= 29 or (last and not int(match[2]) <= int(last) < 12 * 4**order):
            message = f"the MOC {text[:40]!r} names a cell that does not exist: {word[:20]!r} of order {order}"
            raise RecordError("region", message)
        if last:
            shift = 2 * (29 - order)
            found.append((int(match[2]) << shift, (int(last) + 1) << shift))
    if not found:
        raise RecordError("region", "the MOC is empty")
    return merged(np.array(found, dtype=np.uint64))


def merged(ranges: Ranges) -> Ranges:
    """Return ranges in order, those that touch or overlap as one."""
    ranges = ranges[np.argsort(ranges[:, 0])]
    last = np.maximum.accumulate(ranges[:, 1])
    begins = np.concatenate(([True], ranges[1:, 0] > last[:-1]))
    ends = np.concatenate((begins[1:], [True]))
    return np.column_stack((ranges[begins, 0], last[ends]))


def cells_of(ranges: Ranges, most: int) -> healpix.Numbers:
    """Return the cells of order 12 or coarser that cover the ranges, coarser still while there are more than `most`."""
    for order in range(healpix.DEEPEST, -1, -1):
        shift = np.uint64(2 * (29 - order))
        first = (ranges[:, 0] >> shift).astype(np.int64)
        last = ((ranges[:, 1] - np.uint64(1)) >> shift).astype(np.int64) + 1
        widened = merged(np.column_stack((first, last)).astype(np.uint64)).astype(np.int64)
        cells = _maximal(widened, order, most)
        if cells is not None:
            return cells
    return healpix.BASE


def _maximal(ranges: npt.NDArray[np.int64], order: int, most: int) -> healpix.Numbers | None:
    found: list[int] = []
    for first, last in ranges.tolist():
        while first < last:
            up = 0
            while up < order and not first % 4 ** (up + 1) and first + 4 ** (up + 1) <= last:
                up += 1
            found.append((4 << 2 * (order - up)) + (first >> 2 * up))
            first += 4**up  # noqa: PLW2901
            if len(found) > most:
                return None
    return np.array(found, dtype=np.int64)


def polygons(ranges: Ranges) -> list[shapely.Polygon]:
    """Return cells that cover the ranges as polygons; more than 2,000 are widened to coarser ones."""
    cells = cells_of(ranges, _MOST_CELLS)
    step = 4
    # A coarse cell's edges are curved; eight times finer cells follow them.
    while len(cells) <= _MOST_CELLS // 4 and healpix.orders(cells).min() < 3:
        coarse = healpix.orders(cells) < 3
        cells = np.concatenate((cells[~coarse], (4 * cells[coarse][:, None] + np.arange(4)).ravel()))
    lon, lat = healpix.rings(cells, step)
    return [shapely.Polygon(np.column_stack(ring)) for ring in zip(lon, lat, strict=True)]
