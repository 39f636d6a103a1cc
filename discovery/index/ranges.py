"""Ranges of numbers: which are counted, with edges that people would have chosen, and what is told of them."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal, localcontext
from itertools import pairwise
from typing import Final

from discovery.errors import BadQueryError, LimitError, UnknownFieldError
from discovery.query.facets import Range, RangeFacet, RangeRequest, RangeSelection
from discovery.query.fields import NUMBERS

MAX_RANGES: Final = 200
"""Ranges of one number that are counted at once."""
MAX_TICKED: Final = 20
"""Ranges of one number that may be selected."""
LEAST: Final = 1e-300
"""What a histogram by factors takes for zero."""
_DIGITS: Final = 60
"""More than two floats ever differ in."""
_LADDERS: Final = (
    tuple(range(100, 1000, 10)),
    tuple(range(100, 1000, 50)),
    tuple(range(100, 1000, 100)),
    (100, 200, 500),
    (100,),
)
"""Hundredths of a power of ten at which ranges by factors may begin, finest first."""
_DECADES: Final = (1, 2, 3, 5, 10, 20, 50, 100, 200, 700)


def check(request: RangeRequest) -> None:
    """Refuse what cannot be counted.

    Raises:
        UnknownFieldError: The field is no number.
        BadQueryError: Edges that are not finite or do not rise, or both edges and a number of bins.
        LimitError: More than `MAX_RANGES` ranges.
    """
    name = _number(request.name, "numbers")
    if request.edges and request.bins:
        raise BadQueryError(f"{name} is counted by edges or by bins, not by both", parameter="numbers")
    if not 0 <= request.bins <= MAX_RANGES or len(request.edges) > MAX_RANGES + 1:
        asked = request.bins or len(request.edges) - 1
        raise LimitError("range-bins", f"{name}: {asked} ranges are not 0 to {MAX_RANGES}", parameter="numbers")
    if len(request.edges) == 1:
        raise BadQueryError(f"{name}: one edge makes no range; give two or more", parameter="numbers")
    if not all(math.isfinite(edge) for edge in request.edges):
        raise BadQueryError(f"{name}: an edge is not a finite number", parameter="numbers")
    if any(low >= high for low, high in pairwise(request.edges)):
        raise BadQueryError(f"{name}: edges must rise", parameter="numbers")


def check_selected(selected: Sequence[RangeSelection]) -> None:
    """Refuse ranges that cannot be selected.

    Raises:
        UnknownFieldError: A field is no number.
        BadQueryError: An end is not finite, both are open, or the lower one is above the upper one.
        LimitError: More than `MAX_TICKED` ranges of one field.
    """
    for each in selected:
        name = _number(each.name, f"range.{each.name}")
        for end in (each.low, each.high):
            if end is not None and not math.isfinite(end):
                raise BadQueryError(f"range.{name}: {end} is not a finite number", parameter=f"range.{name}")
        if each.low is None and each.high is None:
            raise BadQueryError(f"range.{name} is open at both ends; give at least one", parameter=f"range.{name}")
        if each.low is not None and each.high is not None:
            empty = each.low >= each.high if each.below else each.low > each.high
            if empty:
                told = f"range.{name} ends at {each.high} before it begins at {each.low}"
                raise BadQueryError(told, parameter=f"range.{name}")
        if sum(other.name == each.name for other in selected) > MAX_TICKED:
            told = f"more than {MAX_TICKED} ranges of {name} are selected"
            raise LimitError("range-selections", told, parameter=f"range.{name}")


def _number(name: str, parameter: str) -> str:
    if name not in NUMBERS:
        raise UnknownFieldError(name, NUMBERS, what="number", parameter=parameter[:80])
    return name


def edges(request: RangeRequest, least: float | None, greatest: float | None) -> tuple[float, ...]:
    """Return the edges to count between, none where there is nothing to count.

    Args:
        request: What was asked for.
        least: The least value of the match; by factors, the least of those of at least `LEAST`.
        greatest: The greatest value of the match.
    """
    if request.edges:
        return tuple(edge + 0.0 for edge in request.edges)
    if not request.bins or least is None or greatest is None:
        return ()
    if least == greatest:
        return (least, greatest)
    with localcontext(prec=_DIGITS):
        found = (_factors if request.log else _steps)(Decimal(repr(least)), Decimal(repr(greatest)), request.bins)
        top = sys.float_info.max
        floats = sorted({min(max(float(edge), -top), top) + 0.0 for edge in found})
    return tuple(floats) if request.bins > 1 else (floats[0], floats[-1])


def _steps(low: Decimal, high: Decimal, most: int) -> list[Decimal]:
    """Return multiples of 1, 2, 2.5 or 5 times a power of ten that hold both ends, at most `most` steps."""
    exponent = ((high - low) / most).adjusted()
    while True:
        for tenths in (10, 20, 25, 50):
            step = Decimal(tenths).scaleb(exponent - 1)
            first = int((low / step).to_integral_value(ROUND_FLOOR))
            last = int((high / step).to_integral_value(ROUND_CEILING))
            # Two steps that are wider than everything always hold it.
            if last - first <= max(most, 2):
                return [step * at for at in range(first, last + 1)]
        exponent += 1


def _factors(low: Decimal, high: Decimal, most: int) -> list[Decimal]:
    """Return powers of ten, or round parts of them, that hold both ends, at most `most` steps."""
    first, last = low.adjusted(), high.adjusted() + 1
    for ladder in _LADDERS:
        if len(ladder) > 1 and (last - first - 2) * len(ladder) > most:
            continue
        found = [Decimal(part).scaleb(power - 2) for power in range(first, last + 1) for part in ladder]
        below, above = max(each for each in found if each <= low), min(each for each in found if each >= high)
        kept = [each for each in found if below <= each <= above]
        if len(kept) - 1 <= most:
            return kept
    decades = next(each for each in _DECADES if -(-(last - first) // each) <= max(most, 1))
    return [
        Decimal(1).scaleb(power)
        for power in (*range(first, last, decades), first + decades * -(-(last - first) // decades))
    ]


def facet_of(
    request: RangeRequest,
    between: Sequence[float],
    counts: Sequence[int],
    *,
    below: int = 0,
    above: int = 0,
    present: int = 0,
    missing: int = 0,
    least: float | None = None,
    greatest: float | None = None,
) -> RangeFacet:
    """Return what is told of a number.

    Args:
        request: What was asked for.
        between: The edges that were counted between.
        counts: How many lie in each range, its upper edge left out.
        below: How many lie below the first edge.
        above: How many lie at the last edge or beyond it.
        present: How many have a value.
        missing: How many have none.
        least: The least value.
        greatest: The greatest value.
    """
    found = [Range(low, high, count) for (low, high), count in zip(pairwise(between), counts, strict=True)]
    if found and request.bins:
        # The last edge is at least the greatest value, so whatever is not below it is equal to it.
        last = found.pop()
        found.append(Range(last.low, last.high, last.count + above, closed=True))
        above = 0
    if not between:
        below = present if request.bins else 0
        above = 0
    return RangeFacet(request.name, "", tuple(found), below, above, present, missing, least, greatest, log=request.log)
