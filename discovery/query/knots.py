"""Geometries that cross themselves, kept from costing more than they are worth.

To repair a polygon, or to merge a collection, every crossing has to be found and every piece between crossings put
into its place. A ring of 100 positions can cross itself 4,000 times and one of 5,000 twelve million times, which fits
into a URL and would keep us busy for minutes. So crossings are counted first, and counting ends at the limit.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from discovery.errors import RecordError
from discovery.query.healpix import Floats, Numbers, Objects

MAX_CROSSINGS: Final = 1_000
"""Crossings in one geometry that is repaired: about 15 ms."""
_MAX_PAIRS: Final = 60_000
"""Pairs of edges near enough to be compared; a ring of 5,000 positions that is no tangle has 5,000 to 55,000."""
_MAX_PARTS: Final = (2_000, 100)
"""Areas that are merged: of a footprint, and of a region that is asked for; each takes about 0.3 ms."""
_STEP: Final = 40_000  # pairs that are looked up at once where every edge is near every other
TANGLED: Final = "tangled"
"""The code of the error for too many crossings."""


def check(shapes: Sequence[BaseGeometry], *, strict: bool = False) -> None:
    """Make sure that planar geometries can be repaired or merged in a short time.

    Args:
        shapes: What is repaired, or merged with each other.
        strict: Whether somebody waits for the answer.

    Raises:
        RecordError: They cross themselves and each other more than 1,000 times, or are too many; its code is `tangled`.
    """
    every = _deep(np.array(shapes, dtype=np.object_))
    if len(every) > _MAX_PARTS[strict]:
        raise RecordError(TANGLED, f"{len(every):,} parts that have to be merged; at most {_MAX_PARTS[strict]:,} are")
    starts, ends = _edges(every)
    if len(starts) < 3:
        return
    lines = shapely.linestrings(np.stack((starts, ends), axis=1))
    tree = shapely.STRtree(lines)
    first, step = 0, max(1, _STEP // len(lines))
    pairs = crossings = 0
    while first < len(lines):
        one, other = tree.query(lines[first : first + step])
        one = one + first
        first += step
        if len(one) < _STEP // 2:
            step *= 2
        later = other > one
        one, other = one[later], other[later]
        pairs += len(one)
        crossings += _crossings(starts, ends, one, other)
        # What is merely large has as many near pairs as edges, whatever it looks like.
        if crossings > MAX_CROSSINGS or pairs > _MAX_PAIRS + 4 * len(lines):
            raise RecordError(TANGLED, f"it crosses itself more than {MAX_CROSSINGS:,} times, or nearly so")


def _deep(shapes: Objects) -> Objects:
    while (shapely.get_type_id(shapes) > 3).any():
        shapes = shapely.get_parts(shapes)
    found: Objects = shapes[shapely.get_type_id(shapes) > 0]
    return found


def _edges(shapes: Objects) -> tuple[Floats, Floats]:
    """Return where the edges of lines and areas start and end, those without length left out."""
    kinds = shapely.get_type_id(shapes)
    lines = np.concatenate((shapes[(kinds == 1) | (kinds == 2)], shapely.get_rings(shapes[kinds == 3])))
    xy, owner = shapely.get_coordinates(lines, return_index=True)
    edge = (owner[1:] == owner[:-1]) & (xy[1:] != xy[:-1]).any(axis=1)
    return xy[:-1][edge], xy[1:][edge]


def _crossings(starts: Floats, ends: Floats, one: Numbers, other: Numbers) -> int:
    """Return how many pairs of edges cross each other in their middle."""
    a, b, c, d = starts[one], ends[one], starts[other], ends[other]
    parted = _side(a, b, c) * _side(a, b, d) < 0
    return int((parted & (_side(c, d, a) * _side(c, d, b) < 0)).sum())


def _side(start: Floats, end: Floats, point: Floats) -> Any:
    along, to = end - start, point - start
    return along[:, 0] * to[:, 1] - along[:, 1] * to[:, 0]
