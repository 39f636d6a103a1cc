"""Calendar histograms: months are counted first, days only where they are few enough."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from discovery.errors import BadQueryError, LimitError
from discovery.model.instant import DAY, date, days
from discovery.query.facets import INTERVALS
from discovery.query.query import Bin, Histogram

YEAR, MONTH, DAILY, AUTO = INTERVALS
MAX_BINS: Final = 12_000
"""Steps of a histogram that are filled with zeros: a thousand years of months. One record dated by geologists would
otherwise ask for billions."""
MAX_DAYS: Final = 3_700
"""Days of a histogram by day, from the month of the first match to the month of the last: ten years."""
_EXACT: Final = 2**50
"""Milliseconds either side of 1970 in which engines, which divide as floats, still tell the days apart."""


def check(request: Histogram) -> None:
    """Refuse an interval or a number of steps that cannot be.

    Raises:
        BadQueryError: It cannot.
    """
    if request.interval not in INTERVALS:
        told = f"interval {request.interval[:80]!r} is not one of {', '.join(INTERVALS)}"
        raise BadQueryError(told, parameter="histogram")
    if not 1 <= request.most <= MAX_BINS:
        raise BadQueryError(f"a histogram has 1 to {MAX_BINS} steps, not {request.most}", parameter="histogram")


def by_day(request: Histogram, months: Mapping[int, int]) -> bool:
    """Tell whether days have to be counted, from the counts by month.

    Raises:
        LimitError: Days were asked for and there are too many of them.
    """
    found = [month for month, count in months.items() if count]
    if not found or request.interval not in (DAILY, AUTO):
        return False
    # Compared as months first: the days of a geologist's year do not fit into any number.
    first, last = min(found), max(found)
    width = 31 * (last - first + 1)
    if request.interval == AUTO:
        return last - first <= request.most // 28 + 1 and width <= MAX_DAYS + 62 and _tells_days(first, last)
    if width > MAX_DAYS + 366 or (month_start(last + 1) - month_start(first)) // DAY > MAX_DAYS:
        told = f"the matches span more than {MAX_DAYS} days; narrow the time or take month or year"
        raise LimitError("histogram-days", told, parameter="histogram")
    if not _tells_days(first, last):
        raise LimitError("histogram-days", "days so far from now cannot be told apart", parameter="histogram")
    return True


def _tells_days(first: int, last: int) -> bool:
    return month_start(first) > -_EXACT and month_start(last + 1) < _EXACT


def bins(request: Histogram, months: Mapping[int, int], daily: Mapping[int, int] | None) -> tuple[str, tuple[Bin, ...]]:
    """Return the interval and the steps of a calendar histogram, gaps filled with zeros.

    A span of more than `MAX_BINS` steps is not filled: the steps that hold something are returned alone.

    Args:
        request: What was asked for.
        months: Counts by month, as `month_of` numbers them.
        daily: Counts by day since 1970, where `by_day` said so.
    """
    if daily is not None and (request.interval == DAILY or _span(daily) <= request.most):
        return DAILY, _filled(daily, DAY)
    if request.interval == DAILY:
        return DAILY, ()
    interval = request.interval
    if interval == AUTO:
        interval = MONTH if _span(months) <= request.most else YEAR
    width = 12 if interval == YEAR else 1
    counts: dict[int, int] = {}
    for month, count in months.items():
        if count:
            counts[month // width] = counts.get(month // width, 0) + count
    return interval, tuple(Bin(month_start(step * width), counts.get(step, 0)) for step in _steps(counts))


def _filled(counts: Mapping[int, int], width: int) -> tuple[Bin, ...]:
    return tuple(Bin(step * width, counts.get(step, 0)) for step in _steps(counts))


def _steps(counts: Mapping[int, int]) -> Iterable[int]:
    if not counts:
        return ()
    first, last = min(counts), max(counts)
    return range(first, last + 1) if last - first < MAX_BINS else sorted(counts)


def _span(counts: Mapping[int, int]) -> int:
    found = [step for step, count in counts.items() if count]
    return max(found) - min(found) + 1 if found else 0


def month_of(instant: int) -> int:
    """Return the month of UTC milliseconds as `year * 12 + month - 1`, in the proleptic Gregorian calendar."""
    year, month, _ = date(instant // DAY)
    return year * 12 + month - 1


def month_start(month: int) -> int:
    """Return the first millisecond of a month numbered by `month_of`."""
    year, index = divmod(month, 12)
    return days(year, index + 1, 1) * DAY
