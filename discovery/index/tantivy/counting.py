"""Facets, numbers, months and cells in tantivy's aggregations, exact to the last bucket."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias

from discovery.index import plans
from discovery.index.counters import Counter, Measured, counter
from discovery.index.plans import MONTH
from discovery.index.tantivy.schema import RUST_SPECIAL
from discovery.query.query import Facet, FacetRequest

_INSIDE: Final = "inside"
_MATCHES: Final = "matches"
_NOTHING: Final[Mapping[str, Any]] = {"buckets": (), "sum_other_doc_count": 0, "doc_count_error_upper_bound": 0}


Countable: TypeAlias = FacetRequest | Measured


class Tally:
    """What is counted over the same matches, with what is known of it so far.

    Args:
        requests: What is asked for.
        ticked: The values selected in these facets, which are counted whatever comes first.
        counted: Whether it is told how many match, too.
    """

    def __init__(self, requests: Sequence[Countable], ticked: Sequence[str] = (), *, counted: bool = False) -> None:
        self.requests = requests
        self.ticked = ticked
        self.counted = counted
        self.matches: int | None = None
        """How many match, where that is told and something had to be asked."""
        self.answers: dict[Countable, Any] = {}
        self.counters: dict[Countable, Counter] = {
            each: counter(each, _terms(MONTH, plans.COUNTED)) for each in requests if not isinstance(each, FacetRequest)
        }
        self.sizes = {
            each: plans.COUNTED if each.text else 4 * each.size + 16
            for each in requests
            if isinstance(each, FacetRequest)
        }

    @property
    def pending(self) -> list[Countable]:
        """Return what has no answer yet."""
        return [each for each in self.requests if each not in self.answers]

    def asked(self) -> dict[str, Any]:
        """Return the aggregation that answers what is pending, or nearly."""
        # Every document has one key.
        asked: dict[str, Any] = {_MATCHES: {"value_count": {"field": plans.KEY}}} if self.counted else {}
        for number, each in enumerate(self.pending):
            if not isinstance(each, FacetRequest):
                asked |= {f"{number}:{name}": wanted for name, wanted in self.counters[each].asked().items()}
                continue
            asked[f"{number}"] = _terms(each.name, self.sizes[each], include=_include(each))
            if each.values:
                asked[f"{number}~"] = _terms(each.name, len(each.values), include=list(each.values))
            if self.ticked:
                asked[f"{number}+"] = _terms(each.name, len(self.ticked), include=list(self.ticked))
        return asked

    def read(self, counts: Mapping[str, Any]) -> None:
        """Take what tantivy answered; a facet stays pending where a tie would decide by chance who is listed."""
        if self.counted:
            self.matches = int(counts[_MATCHES]["value"]) if _MATCHES in counts else 0
        for number, each in enumerate(self.pending):
            if not isinstance(each, FacetRequest):
                self._measure(each, number, counts)
                continue
            found = counts.get(f"{number}", _NOTHING)
            named = counts.get(f"{number}~", _NOTHING)["buckets"]
            buckets = {bucket["key"]: int(bucket["doc_count"]) for bucket in (*found["buckets"], *named)}
            if len(buckets) >= self.sizes[each] < plans.COUNTED and _tied(buckets, each.size):
                # What ties with the last bucket may go on unseen, and the value decides among equals.
                self.sizes[each] = min(8 * self.sizes[each], plans.COUNTED)
            else:
                chosen = counts.get(f"{number}+", _NOTHING)["buckets"]
                selected = {bucket["key"]: int(bucket["doc_count"]) for bucket in chosen}
                self.answers[each] = _facet(each, buckets, self.ticked, selected, found)

    def _measure(self, each: Measured, number: int, counts: Mapping[str, Any]) -> None:
        """Let a counter take its answers; it stays pending where it wants to know more."""
        by = self.counters[each]
        by.read({name: counts[f"{number}:{name}"] for name in by.asked() if f"{number}:{name}" in counts})
        if by.result is not None:
            self.answers[each] = by.result


def asked_both(name: str, own: Tally, others: Tally) -> dict[str, Any]:
    """Return one aggregation for a facet without its selection of one value and for all others with it.

    What has the value is just one bucket of the facet, so the others are counted within it, and the words, which cost
    most, are looked for once instead of twice.
    """
    inside = _terms(name, 1, include=list(own.ticked))
    return {**own.asked(), _INSIDE: {**inside, "aggs": others.asked()}}


def read_both(own: Tally, others: Tally, counts: Mapping[str, Any]) -> None:
    """Take what tantivy answered to `asked_both`."""
    own.read(counts)
    inside = counts[_INSIDE]["buckets"]
    others.read(inside[0] if inside else {})


def _facet(
    request: FacetRequest,
    counts: dict[str, int],
    ticked: Sequence[str],
    selected: dict[str, int],
    found: Mapping[str, Any],
) -> Facet:
    others = int(found["sum_other_doc_count"] or 0)
    exact = not found["doc_count_error_upper_bound"]
    if request.text:
        # What was looked for may be more than what is wanted, and all of it was counted.
        admitted, exact, others = plans.admits(request), exact and not others, 0
        counts = {value: count for value, count in counts.items() if admitted(value)}
    return plans.facet_of(request, counts, ticked, selected, sum(counts.values()) + others, exact=exact)


def _terms(name: str, size: int, *, include: str | list[str] | None = None) -> dict[str, Any]:
    # Without segment_size each segment counts ten times `size` values and the sums come out wrong.
    terms: dict[str, Any] = {"field": name, "size": max(size, 1), "segment_size": plans.COUNTED}
    return {"terms": terms if include is None else {**terms, "include": include}}


def _include(request: FacetRequest) -> str | None:
    """Return a regular expression for the values that a facet may list, None for all."""
    if request.text:
        return plans.including(request, RUST_SPECIAL)
    if not request.within:
        return None
    escaped = "".join(f"\\{character}" if character in RUST_SPECIAL else character for character in request.within)
    return f"{escaped}/(.|\n)*"


def _tied(counts: Mapping[str, int], size: int) -> bool:
    """Tell whether the last bucket of a facet and the last one counted are equally frequent."""
    falling = sorted(counts.values(), reverse=True)
    return size > 0 and falling[min(size, len(falling)) - 1] == falling[-1]
