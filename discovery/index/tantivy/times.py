"""Cells of time, by which a stretch of time is found without looking at every document's beginning and end.

Time is cut as the sphere is: into cells of 2**26 ms (18.6 hours), 8 of which make one of the next order, up to 557
years. A document has the one or two cells of the finest order that hold all of its time, and all above those. A stretch
of time is made of the largest cells that lie in it: what has one of them is sure. What has a cell of its own on the
border of the stretch is decided by its beginning and end.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

_SHIFTS: Final = tuple(range(26, 45, 3))
_STEP: Final = 3
_ORDER: Final = 40
_ZERO: Final = 1 << 39
"""Makes every cell's number positive: of the finest order there are 2**38."""
OWN: Final = 1 << 60
"""Marks a cell of the finest order that holds a document's time, apart from what lies above it."""
ENDLESS: Final = OWN | (len(_SHIFTS) << _ORDER)
"""What has no beginning, no end, or lasts for more than a thousand years."""
MANY: Final = 300
"""Cells of one stretch that are looked up sooner than every beginning and end is compared."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch of time in cells."""

    sure: tuple[int, ...]
    """What has one of these lies in it, at least in part."""
    border: tuple[int, ...]
    """What has one of these, and none of the others, may."""


def cells(start: int, end: int) -> list[int]:
    """Return the cells of a document's time and those above them; both ends in milliseconds and part of it."""
    # What ends before it begins is left to be decided.
    order = next((k for k, shift in enumerate(_SHIFTS) if 0 <= (end >> shift) - (start >> shift) <= 1), None)
    if order is None or end < start:
        return [ENDLESS]
    found = [OWN | each for each in _both(order, start, end)]
    for above in range(order, len(_SHIFTS)):
        found += _both(above, start, end)
    return found


def stretch(start: int, end: int) -> Stretch | None:
    """Return the cells of a stretch of time; None for one that is too long for them, or ends before it begins."""
    if end < start:
        return None
    unit = _SHIFTS[0]
    low, high, sure = -(-start >> unit), (end + 1) >> unit, list[int]()
    for order in range(len(_SHIFTS)):
        above_low, above_high = -(-low >> _STEP), high >> _STEP
        last = order == len(_SHIFTS) - 1 or above_low >= above_high
        edges = [(low, high)] if last else [(low, above_low << _STEP), (above_high << _STEP, high)]
        if sum(stop - first for first, stop in edges if stop > first) > MANY:
            return None
        sure += [_number(order, index) for first, stop in edges for index in range(first, stop)]
        if last:
            break
        low, high = above_low, above_high
    border = [OWN | each for order in range(len(_SHIFTS)) for each in _both(order, start, end)]
    return Stretch(tuple(sure), (*border, ENDLESS))


def _both(order: int, start: int, end: int) -> list[int]:
    """Return the cells of two instants, once where they are the same."""
    shift = _SHIFTS[order]
    return [_number(order, index) for index in dict.fromkeys((start >> shift, end >> shift))]


def _number(order: int, index: int) -> int:
    return (order << _ORDER) + _ZERO + index
