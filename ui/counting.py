"""What pages and their JSON count beside a question: the parameters of their own that say so."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from discovery.errors import BadQueryError, UnknownFieldError
from discovery.query import cover, fields, ranges
from discovery.query.facets import INTERVALS, CellRequest, RangeRequest
from discovery.query.fields import FIELDS
from discovery.query.query import Histogram, Query
from discovery.query.region import FRAMES
from ui import links

BARS: Final = 48
"""Steps of the histogram of time that is seen at once."""
BINS: Final = 20
"""Steps of the histogram of a number."""
DRAWN: Final = 2
"""Numbers whose histogram is drawn unasked."""
CELLS: Final = 800
"""Cells of a map that a page draws."""
_WHOLE: Final = 3
"""The order of the cells of a whole sky or ground: 768 of them, 7 degrees wide."""
_FINEST: Final = 10
_BELOW: Final = 4
"""How much finer than a chosen cell the cells within it are."""
_DIGITS: Final = 6


@dataclass(frozen=True, slots=True)
class Counting:
    """What is to be counted beside the question."""

    numbers: tuple[RangeRequest, ...]
    histogram: Histogram
    heat: CellRequest | None
    find: dict[str, str]
    """The texts to look for among the values of facets."""


def read(given: Iterable[tuple[str, str]], query: Query, shown: Iterable[str]) -> Counting:
    """Return what the parameters want to be counted.

    Args:
        given: Every parameter of the request.
        query: The question.
        shown: Numbers that are counted without being asked for; the first two with a histogram.

    Raises:
        UnknownFieldError: A number, facet or frame that there is not.
        BadQueryError: A value that cannot be read.
    """
    requests = {name: histogram(name) if at < DRAWN else RangeRequest(name) for at, name in enumerate(shown)}
    for each in query.ranges:
        requests[each.name] = histogram(each.name)
    interval, heat, find = "auto", None, {}
    for name, value in given:
        if not value.strip():
            continue
        if name.startswith((links.BINS, links.EDGES)):
            request = _number(name, value)
            requests[request.name] = request
        elif name.startswith(links.FIND):
            found = fields.facet(name.removeprefix(links.FIND), parameter=name[:80])
            find[found.name] = value
        elif name == links.INTERVAL:
            interval = _interval(value.strip())
        elif name == links.HEAT:
            heat = _heat(value.strip(), query)
    return Counting(tuple(requests.values()), Histogram(interval, BARS), heat, find)


def _interval(value: str) -> str:
    if value not in INTERVALS:
        told = f"{links.INTERVAL} {value[:80]!r} is not one of {', '.join(INTERVALS)}"
        raise BadQueryError(told, parameter=links.INTERVAL)
    return value


def histogram(name: str) -> RangeRequest:
    """Return the histogram of a number as pages draw it: by factors where it is spread over powers of ten."""
    return RangeRequest(name, bins=BINS, log=FIELDS[name].log)


def _number(name: str, value: str) -> RangeRequest:
    prefix, _, asked = name.partition(".")
    of = fields.number(asked, parameter=name[:80])
    if prefix == "edges":
        return RangeRequest(of.name, edges=ranges.numbers(value, name[:80]))
    text, comma, scale = value.strip().partition(",")
    if not (text.isascii() and text.isdigit() and len(text) <= _DIGITS and int(text) > 0):
        raise BadQueryError(f"{name[:80]}: {text[:20]!r} is not a number of steps", parameter=name[:80])
    if comma and scale not in ("log", "linear"):
        raise BadQueryError(f"{name[:80]}: {scale[:20]!r} is not one of log, linear", parameter=name[:80])
    return RangeRequest(of.name, bins=int(text), log=scale == "log" if comma else of.log)


def _heat(value: str, query: Query) -> CellRequest:
    """Return the cells of a map: `sky` for what fits the region, `sky/5` for an order."""
    frame, slash, order = value.partition("/")
    if frame not in FRAMES:
        raise UnknownFieldError(frame, FRAMES, what="frame", parameter=links.HEAT)
    if not slash:
        return CellRequest(frame, fitting(query, frame), most=CELLS)
    if not (order.isascii() and order.isdigit() and len(order) <= 2):
        told = f"{links.HEAT}: {order[:20]!r} is no order of cells, which are 0 to 12"
        raise BadQueryError(told, parameter=links.HEAT)
    return CellRequest(frame, int(order))


def fitting(query: Query, frame: str, cells: int = CELLS) -> int:
    """Return the order of cells of which about so many fill the place that a question asks for."""
    if query.place is not None and query.place.frame == frame:
        return min(query.place.order + _BELOW, 12)
    if query.region is None or query.region.frame != frame:
        return _WHOLE
    covered = cover.ask(query.region).cells
    part = sum(4.0 ** -((number.bit_length() - 3) // 2) for number in covered) / 12
    order = _WHOLE
    while order < _FINEST and part * 12 * 4 ** (order + 1) <= cells:
        order += 1
    return order
