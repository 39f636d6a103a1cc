"""Facets and months in tantivy's aggregations, exact to the last bucket."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from discovery.index import plans
from discovery.index.plans import MONTH
from discovery.index.tantivy.schema import RUST_SPECIAL
from discovery.query.query import Facet, FacetRequest, Histogram

_INSIDE: Final = "inside"
_NOTHING: Final[Mapping[str, Any]] = {"buckets": (), "sum_other_doc_count": 0, "doc_count_error_upper_bound": 0}


class Tally:
    """Facets and months that are counted over the same matches, with what is known of them so far.

    Args:
        requests: What is asked for.
        ticked: The values selected in these facets, which are counted whatever comes first.
    """

    def __init__(self, requests: Sequence[FacetRequest | Histogram], ticked: Sequence[str] = ()) -> None:
        self.requests = requests
        self.ticked = ticked
        self.answers: dict[FacetRequest | Histogram, Any] = {}
        """Facets, and the months as counts by number."""
        self.sizes = {each: 4 * each.size + 16 for each in requests if isinstance(each, FacetRequest)}

    @property
    def pending(self) -> list[FacetRequest | Histogram]:
        """Return what has no answer yet."""
        return [each for each in self.requests if each not in self.answers]

    def asked(self) -> dict[str, Any]:
        """Return the aggregation that answers what is pending, or nearly."""
        asked: dict[str, Any] = {}
        for number, each in enumerate(self.pending):
            if isinstance(each, Histogram):
                asked[f"{number}"] = _terms(MONTH, plans.COUNTED)
                continue
            asked[f"{number}"] = _terms(each.name, self.sizes[each], within=each.within)
            if self.ticked:
                asked[f"{number}+"] = _terms(each.name, len(self.ticked), include=list(self.ticked))
        return asked

    def read(self, counts: Mapping[str, Any]) -> None:
        """Take what tantivy answered; a facet stays pending where a tie would decide by chance who is listed."""
        for number, each in enumerate(self.pending):
            found = counts.get(f"{number}", _NOTHING)
            buckets = {bucket["key"]: int(bucket["doc_count"]) for bucket in found["buckets"]}
            if isinstance(each, Histogram):
                self.answers[each] = {int(month): count for month, count in buckets.items()}
            elif len(buckets) >= self.sizes[each] < plans.COUNTED and _tied(buckets, each.size):
                # What ties with the last bucket may go on unseen, and the value decides among equals.
                self.sizes[each] = min(8 * self.sizes[each], plans.COUNTED)
            else:
                chosen = counts.get(f"{number}+", _NOTHING)["buckets"]
                selected = {bucket["key"]: int(bucket["doc_count"]) for bucket in chosen}
                self.answers[each] = _facet(each, buckets, self.ticked, selected, found)


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
    return plans.facet_of(request, counts, ticked, selected, sum(counts.values()) + others, exact=exact)


def _terms(name: str, size: int, *, within: str = "", include: list[str] | None = None) -> dict[str, Any]:
    # Without segment_size each segment counts ten times `size` values and the sums come out wrong.
    terms: dict[str, Any] = {"field": name, "size": max(size, 1), "segment_size": plans.COUNTED}
    if include is not None:
        terms["include"] = include
    elif within:
        escaped = "".join(f"\\{character}" if character in RUST_SPECIAL else character for character in within)
        terms["include"] = f"{escaped}/(.|\n)*"
    return {"terms": terms}


def _tied(counts: Mapping[str, int], size: int) -> bool:
    """Tell whether the last bucket of a facet and the last one counted are equally frequent."""
    falling = sorted(counts.values(), reverse=True)
    return size > 0 and falling[min(size, len(falling)) - 1] == falling[-1]
