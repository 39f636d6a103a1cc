"""One cell of the sky or the ground as it is written and drawn: `sky/3/145` is cell 145 of order 3."""

from __future__ import annotations

import re
from typing import Final

import numpy as np

from discovery.errors import BadQueryError
from discovery.query import healpix
from discovery.query.facets import Place
from discovery.query.healpix import DEEPEST, Floats
from discovery.query.region import FRAMES

PARAMETER: Final = "cell"
_CELL: Final = re.compile(r"([a-z]{1,20})/(\d{1,2})/(\d{1,10})", re.ASCII)


def parse(text: str) -> Place:
    """Return the cell that `text` names: frame, order 0 to 12 and number in the nested numbering.

    Raises:
        BadQueryError: There is no such cell.
    """
    found = _CELL.fullmatch(text.strip())
    if found is None:
        told = f"{PARAMETER}: {text[:80]!r} is no cell; write frame/order/number, such as sky/3/145"
        raise BadQueryError(told, parameter=PARAMETER)
    return checked(Place(found[1], int(found[2]), int(found[3])))


def to_text(place: Place) -> str:
    """Return the text that `parse` reads as the same cell."""
    return f"{place.frame}/{place.order}/{place.cell}"


def checked(place: Place) -> Place:
    """Return the cell if there is one.

    Raises:
        BadQueryError: The frame, the order or the number is none.
    """
    if place.frame not in FRAMES:
        told = f"{PARAMETER}: frame {place.frame[:40]!r} is not one of {', '.join(FRAMES)}"
        raise BadQueryError(told, parameter=PARAMETER)
    if not 0 <= place.order <= DEEPEST:
        raise BadQueryError(f"{PARAMETER}: order {place.order} is not 0 to {DEEPEST}", parameter=PARAMETER)
    if not 0 <= place.cell < 12 * 4**place.order:
        told = f"{PARAMETER}: order {place.order} has cells 0 to {12 * 4**place.order - 1}, not {place.cell}"
        raise BadQueryError(told, parameter=PARAMETER)
    return place


def number(place: Place) -> int:
    """Return the cell's number with its order in it, as terms and `discovery.query.healpix` have it."""
    return (4 << 2 * place.order) + place.cell


def centre(place: Place) -> tuple[float, float]:
    """Return longitude (0 to 360) and latitude of the cell's centre in degrees."""
    lon, lat = healpix.centres(np.array([number(place)], dtype=np.int64))
    return float(lon[0]), float(lat[0])


def outlines(order: int, cells: list[int], step: int) -> tuple[Floats, Floats]:
    """Return `4 * step` points on the edge of each cell, longitudes unwrapped around its centre."""
    return healpix.rings((4 << 2 * order) + np.array(cells, dtype=np.int64), step)
