"""Heat maps: which cells are counted, and how they become larger ones where they would be too many."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from discovery.errors import BadQueryError, LimitError
from discovery.query.facets import CellRequest, HeatMap
from discovery.query.healpix import DEEPEST
from discovery.query.region import FRAMES

COARSE: Final = 5
"""The order that is always counted; finer ones only after it has said how many cells there would be."""
MAX_CELLS: Final = 12 * 4**COARSE
"""Cells of a heat map that are not empty."""


def check(request: CellRequest) -> None:
    """Refuse what cannot be counted.

    Raises:
        BadQueryError: A frame or an order that there is not.
        LimitError: More than `MAX_CELLS` cells.
    """
    if request.frame not in FRAMES:
        told = f"frame {request.frame[:80]!r} is not one of {', '.join(FRAMES)}"
        raise BadQueryError(told, parameter="heat")
    if not 0 <= request.order <= DEEPEST:
        raise BadQueryError(f"order {request.order} of cells is not 0 to {DEEPEST}", parameter="heat")
    if request.most is not None and not 12 <= request.most <= MAX_CELLS:
        raise LimitError("heat-cells", f"{request.most} cells are not 12 to {MAX_CELLS}", parameter="heat")


def order(request: CellRequest, coarse: Mapping[int, int]) -> int:
    """Return the order to count beyond `COARSE`, from the counts of that; `COARSE` or less where those are enough.

    Raises:
        LimitError: There may be more than `MAX_CELLS` cells and no coarser ones are wanted.
    """
    most = MAX_CELLS if request.most is None else request.most
    for wanted in range(request.order, COARSE, -1):
        if sum(min(count, 4 ** (wanted - COARSE)) for count in coarse.values()) <= most:
            return wanted
        if request.most is None:
            told = f"there may be more than {MAX_CELLS} cells of order {wanted}; take a lower one or a smaller region"
            raise LimitError("heat-cells", told, parameter="heat")
    return min(request.order, COARSE)


def heat_map(request: CellRequest, order: int, counts: Mapping[int, int]) -> HeatMap:
    """Return the map of cells of one order, as much coarser as `most` wants it."""
    wanted = min(order, request.order)
    found = _merged(counts, order - wanted)
    while request.most is not None and len(found) > request.most and wanted > 0:
        found, wanted = _merged(found, 1), wanted - 1
    return HeatMap(request.frame, wanted, tuple(sorted(found.items())))


def _merged(counts: Mapping[int, int], levels: int) -> dict[int, int]:
    merged: dict[int, int] = {}
    for cell, count in counts.items():
        merged[cell >> 2 * levels] = merged.get(cell >> 2 * levels, 0) + count
    return merged
