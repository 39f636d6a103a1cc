"""Numbers, calendars and cells in the aggregations that both engines understand, in at most two rounds.

What the second round asks for depends on the first: round edges on the least and the greatest value, days on how many
months there are. A counter says what it wants to know next and takes the answer until it has its result.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any, Final, TypeAlias

from discovery.index import calendar, cells, ranges
from discovery.index.plans import ANCHOR, KEY
from discovery.model.instant import DAY
from discovery.query.facets import CellRequest, HeatMap, RangeFacet, RangeRequest
from discovery.query.healpix import DEEPEST
from discovery.query.query import Bin, Histogram

Asked: TypeAlias = dict[str, Any]
Measured: TypeAlias = RangeRequest | Histogram | CellRequest
Calendar: TypeAlias = tuple[str, tuple[Bin, ...]]
"""The interval, and the steps."""

_EMPTY: Final[Mapping[str, Any]] = {}


class NumberCounter:
    """Counts one number."""

    def __init__(self, request: RangeRequest) -> None:
        self.request = request
        self.result: RangeFacet | None = None
        self._edges = ranges.edges(request, None, None)
        self._told: dict[str, Any] | None = None

    def asked(self) -> Asked:
        """Return what is to be counted next, by name."""
        name = self.request.name
        wanted: Asked = {}
        if self._told is None:
            stats = {"stats": {"field": name}}
            wanted = {"stats": stats, "all": {"value_count": {"field": KEY}}}
            if self.request.log and self.request.bins:
                above = {"field": name, "ranges": [{"from": ranges.LEAST}]}
                wanted["positive"] = {"range": above, "aggs": {"stats": stats}}
        if self._edges:
            wanted["ranges"] = {"range": {"field": name, "ranges": _ranges(self._edges)}}
        return wanted

    def read(self, found: Mapping[str, Any]) -> None:
        """Take the answer to what was asked."""
        if self._told is None:
            self._told = self._bounds(found)
            if not self._edges:
                self._edges = ranges.edges(self.request, self._told.pop("first"), self._told["greatest"])
                if self._edges:
                    return
        buckets = found.get("ranges", _EMPTY).get("buckets", ())
        counts = {(each.get("from"), each.get("to")): int(each["doc_count"]) for each in buckets}
        self.result = ranges.facet_of(
            self.request,
            self._edges,
            [counts.get(pair, 0) for pair in pairwise(self._edges)],
            below=counts.get((None, self._edges[0]), 0) if self._edges else 0,
            above=counts.get((self._edges[-1], None), 0) if self._edges else 0,
            **{name: value for name, value in self._told.items() if name != "first"},
        )

    def _bounds(self, found: Mapping[str, Any]) -> dict[str, Any]:
        stats = found.get("stats", _EMPTY)
        present = int(stats.get("count", 0))
        least, greatest = (stats.get(end) if present else None for end in ("min", "max"))
        first = least
        if self.request.log and self.request.bins:
            above = [each for each in found.get("positive", _EMPTY).get("buckets", ()) if each.get("from") is not None]
            first = above[0]["stats"]["min"] if above and above[0]["doc_count"] else None
        everything = int(found.get("all", _EMPTY).get("value", 0))
        return {
            "first": first,
            "least": least,
            "greatest": greatest,
            "present": present,
            "missing": everything - present,
        }


class CalendarCounter:
    """Counts when matches start.

    Args:
        request: What is asked for.
        months: The engine's own count of all months.
    """

    def __init__(self, request: Histogram, months: Asked) -> None:
        self.request = request
        self.result: Calendar | None = None
        self._asked = months
        self._months: dict[int, int] | None = None

    def asked(self) -> Asked:
        """Return what is to be counted next, by name."""
        if self._months is None:
            return {"months": self._asked}
        return {"days": {"histogram": {"field": "start", "interval": DAY, "min_doc_count": 1}}}

    def read(self, found: Mapping[str, Any]) -> None:
        """Take the answer to what was asked.

        Raises:
            LimitError: Days were asked for and there are too many.
        """
        daily = None
        if self._months is None:
            self._months = _counts(found.get("months", _EMPTY))
            if calendar.by_day(self.request, self._months):
                return
        else:
            daily = _counts(found.get("days", _EMPTY), DAY)
        self.result = calendar.bins(self.request, self._months, daily)


class CellCounter:
    """Counts the cells of a heat map."""

    def __init__(self, request: CellRequest) -> None:
        self.request = request
        self.result: HeatMap | None = None
        self._order = min(max(request.order, 0), cells.COARSE)

    def asked(self) -> Asked:
        """Return what is to be counted next, by name."""
        counted = {"field": ANCHOR, "interval": 4 ** (DEEPEST - self._order), "min_doc_count": 1}
        here = {"field": "frame", "size": 1, "include": [self.request.frame]}
        return {"frame": {"terms": here, "aggs": {"cells": {"histogram": counted}}}}

    def read(self, found: Mapping[str, Any]) -> None:
        """Take the answer to what was asked.

        Raises:
            LimitError: There may be too many cells.
        """
        frames = found.get("frame", _EMPTY).get("buckets", ())
        counts = _counts(frames[0]["cells"], 4 ** (DEEPEST - self._order)) if frames else {}
        order = cells.order(self.request, counts) if self._order == cells.COARSE else self._order
        if order > self._order:
            self._order = order
            return
        self.result = cells.heat_map(self.request, self._order, counts)


Counter: TypeAlias = NumberCounter | CalendarCounter | CellCounter


def counter(request: Measured, months: Asked) -> Counter:
    """Return what counts a request; `months` is the engine's own count of all months."""
    if isinstance(request, RangeRequest):
        return NumberCounter(request)
    return CellCounter(request) if isinstance(request, CellRequest) else CalendarCounter(request, months)


def _ranges(edges: tuple[float, ...]) -> list[dict[str, float]]:
    between = [{"from": low, "to": high} for low, high in pairwise(edges)]
    return [{"to": edges[0]}, *between, {"from": edges[-1]}]


def _counts(found: Mapping[str, Any], width: int = 1) -> dict[int, int]:
    return {int(each["key"]) // width: int(each["doc_count"]) for each in found.get("buckets", ())}
