"""Where the values of a field lie, roughly, so that a page asks for its stretch of them and not for everything.

tantivy has no early end for a search in the order of a field: each page looks at every match. The first hundred of a
million are found fifty times faster among the few hundred whose values lie in a stretch that holds them all. How wide
it has to be is a guess from counts by bin, so it can only cost time when it is wrong: a stretch that holds too few is
asked for again, wider, and at last everything is.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from tantivy import Query, Searcher

from discovery.query.fields import FIELDS, Type

MONTH: Final = 30 * 86_400_000.0
"""Milliseconds of a bin of instants: a fixed width, since one record dated by geologists would stretch any other."""
BINS: Final = 1_000
"""Of a number."""
STALE: Final = 0.1
"""The part by which the documents may become more or fewer until they are counted again."""


@dataclass(frozen=True, slots=True)
class Density:
    """Counts of a field's values in bins of one width; bins that hold nothing are left out."""

    documents: int
    """How many the index had."""
    width: float
    starts: tuple[float, ...] = ()
    """Of the bins, rising."""
    counts: tuple[int, ...] = ()
    least: float = -math.inf
    """The lowest value: the first bin holds nothing below it."""
    most: float = math.inf
    """The highest value: catalogues that grow by the day end amid a bin, and their first page begins there."""

    def fits(self, documents: int) -> bool:
        """Tell whether an index that has so many documents now is still much like the one that was counted."""
        return abs(documents - self.documents) <= STALE * self.documents

    def end(self, value: float | None, wanted: float, *, descending: bool) -> float | None:
        """Return how far from `value` on about so many values lie; None when there are not as many.

        Args:
            value: Where to begin; None is before the first value of the order.
            wanted: How many values.
            descending: Whether the order falls.
        """
        for low, high, count in self._bins(value, descending=descending):
            if count >= wanted:
                part = (high - low) * wanted / count
                return high - part if descending else low + part
            wanted -= count
        return None

    def _bins(self, value: float | None, *, descending: bool) -> Iterator[tuple[float, float, float]]:
        """Yield the bins from a value on with their counts, the first one cut where the value lies in it."""
        if descending:
            last = len(self.starts) if value is None else bisect_right(self.starts, value)
            places = range(last - 1, -1, -1)
        else:
            first = 0 if value is None else max(bisect_left(self.starts, value - self.width), 0)
            places = range(first, len(self.starts))
        for at in places:
            low, high = max(self.starts[at], self.least), min(self.starts[at] + self.width, self.most)
            count = float(self.counts[at])
            if value is not None and low < value < high:
                part = (value - low if descending else high - value) / (high - low)
                low, high = (low, value) if descending else (value, high)
                count *= part
            yield low, high, count


def measure(searcher: Searcher, name: str) -> Density:
    """Return the density of a number's or an instant's values; an empty one where they cannot be counted in bins."""
    documents = int(searcher.num_docs)
    width = MONTH if FIELDS[name].type is Type.INSTANT else _width(searcher, name)
    if not 0 < width < math.inf:
        return Density(documents, 0.0)
    asked = {
        "bins": {"histogram": {"field": name, "interval": width, "min_doc_count": 1}},
        "bounds": {"stats": {"field": name}},
    }
    try:
        found: Mapping[str, Any] = searcher.aggregate(Query.all_query(), asked)
    except ValueError:
        # More bins than tantivy counts; everything is asked for instead.
        return Density(documents, 0.0)
    bins = sorted((float(each["key"]), int(each["doc_count"])) for each in found["bins"]["buckets"])
    if not bins:
        return Density(documents, 0.0)
    starts, counts = tuple(start for start, _ in bins), tuple(count for _, count in bins)
    return Density(documents, width, starts, counts, float(found["bounds"]["min"]), float(found["bounds"]["max"]))


def _width(searcher: Searcher, name: str) -> float:
    found = searcher.aggregate(Query.all_query(), {"bounds": {"stats": {"field": name}}})["bounds"]
    if not found["count"]:
        return 0.0
    return float(found["max"] - found["min"]) / BINS
