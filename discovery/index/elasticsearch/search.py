"""One question to one generation: a request for hits, total and counts, and one more for what depends on those."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from discovery.errors import BadQueryError, UnavailableError
from discovery.index import plans
from discovery.index.base import Answer, Hit, Plan
from discovery.index.counters import Counter, Measured, counter
from discovery.index.elasticsearch.mapping import MAX_REGEX
from discovery.index.elasticsearch.questions import (
    EVERYTHING,
    LUCENE_SPECIAL,
    Prepared,
    Query,
    Questions,
    every,
    selections,
    shallow,
    terms,
)
from discovery.index.elasticsearch.scope import Reader
from discovery.index.elasticsearch.server import Server
from discovery.index.plans import FIRST, KEY, LAST, LENGTH, MONTH, PREFIX, WORDS
from discovery.query.facets import RangeRequest
from discovery.query.fields import FIELDS, Type
from discovery.query.query import Facet, FacetRequest, Sort, Total

_PATH: Final = "timed_out,hits.total.value,hits.hits.sort,aggregations"
_WALK: Final = 10_000
"""Values of a field in one page of a walk through all of them."""
_MISSING: Final = {
    (Type.TEXT, False): None,
    (Type.TEXT, True): None,
    (Type.NUMBER, False): "Infinity",
    (Type.NUMBER, True): "-Infinity",
    (Type.INSTANT, False): LAST,
    (Type.INSTANT, True): FIRST,
}
"""What Elasticsearch sorts by where there is no value, by type and direction; nothing that is stored is equal to it."""


class Search:
    """One question to one generation."""

    def __init__(self, server: Server, reader: Reader, plan: Plan, *, patient: bool = False) -> None:
        self.server = server
        self.reader = reader
        self.plan = plan
        self.prepared = Prepared.of(plan, Questions(self.values, patient=patient))
        self.ticked = selections(plan)
        counted = {*(request.name for request in plan.facets), *(request.name for request in plan.numbers)}
        self.apart = [name for name in self.prepared.selections if name in counted]
        """What is counted without its own selection: these narrow the hits after everything is counted."""
        wholes = [each for each in (plan.histogram, plan.heat) if each is not None]
        months = self.terms(MONTH, plans.COUNTED)
        self.counters: dict[Measured, Counter] = {each: counter(each, months) for each in (*plan.numbers, *wholes)}

    # ---- what is asked

    def query(self, *, whole: bool = False) -> Query:
        """Return what is searched; without `whole`, the selections of facets that are counted are left aside."""
        prepared = self.prepared
        filters = [] if prepared.filter is None else [prepared.filter]
        filters += [query for name, query in prepared.selections.items() if whole or name not in self.apart]
        if prepared.text is None:
            return shallow(every(filters))
        if self.plan.sort is not None:
            return shallow(every([prepared.text, *filters]))
        scored: Query = {"bool": {"must": [prepared.text], "filter": filters}} if filters else prepared.text
        return shallow(scored)

    def everything(self) -> bool:
        """Tell whether nothing is asked for at all."""
        return self.prepared.text is None and self.prepared.filter is None and not self.prepared.selections

    def order(self) -> list[Query]:
        """Return the order of hits, ties by rising key."""
        by_key: Query = {KEY: "asc"}
        sort = self.plan.sort
        if sort is not None:
            directions = [(each.name, "desc" if each.descending else "asc") for each in sort.all]
            return [*({name: {"order": way, "missing": "_last"}} for name, way in directions), by_key]
        return [by_key] if self.prepared.text is None else [{"_score": "desc"}, by_key]

    def asked(self, query: Query, **body: Any) -> Mapping[str, Any]:
        """Send a request that answers in full or fails."""
        if not self.reader.index:
            return {}
        common: dict[str, Any] = {"source": False, "stored_fields": "_none_", "filter_path": _PATH}
        common["allow_partial_search_results"] = False
        with self.server.guarded("searching"):
            found: Any = self.server.client.search(index=self.reader.index, query=query, **common, **body).body
        if found.get("timed_out"):
            raise UnavailableError(f"{self.server.name} gave up while searching")
        answer: Mapping[str, Any] = found
        return answer

    # ---- hits

    def answer(self) -> Answer:
        """Return everything that the plan asks for."""
        plan = self.plan
        aggregations = self.aggregations()
        body = self.hits_wanted()
        if aggregations and body["size"] and self.everything():
            # Apart, for Elasticsearch remembers what has no hits until something is written.
            counted = self.asked(EVERYTHING, size=0, aggregations=aggregations, track_total_hits=False)
            found = self.asked(EVERYTHING, **body)
        else:
            found = self.asked(self.query(), **body, **({"aggregations": aggregations} if aggregations else {}))
            counted = found
        hits = self.read(found)
        matched = int(found.get("hits", {}).get("total", {}).get("value", 0))
        total = Total(matched) if plan.total else Total(len(hits), exact=False)
        more = len(hits) > plan.size if body["size"] > plan.size else matched > plan.offset + plan.size
        flat = _flat(counted.get("aggregations", {}))
        facets = tuple(self.facet(request, flat, f"{number}") for number, request in enumerate(plan.facets))
        self.measure(flat)
        interval, bins = self.measured(plan.histogram) or ("", ())
        numbers = tuple(self.measured(each) for each in plan.numbers)
        heat = self.measured(plan.heat)
        return Answer(tuple(hits[: plan.size]), total, self.reader.name, facets, bins, interval, numbers, heat, more)

    def hits_wanted(self) -> dict[str, Any]:
        """Return the part of the request that is about hits."""
        plan = self.plan
        body: dict[str, Any] = {"size": plan.size + 1, "sort": self.order(), "track_total_hits": plan.total}
        if plan.sort is None:
            # The total tells whether there is more; the window would not take one hit beyond it.
            body |= {"size": plan.size, "track_total_hits": True, "from_": plan.offset}
            if self.prepared.text is not None:
                # Copies of an index score a little differently: all pages of a question come from the same one.
                asked = repr((plan.text, plan.filter, plan.selections)).encode("utf-8", "replace")
                body["preference"] = f"q{zlib.crc32(asked)}"
        if plan.sort is not None and plan.after is not None:
            pairs = zip(plan.sort.all, plan.after.values, strict=True)
            body["search_after"] = [*(_placed(order, value) for order, value in pairs), plan.after.key]
        if self.apart:
            body["post_filter"] = shallow(every(self.prepared.selections[name] for name in self.apart))
        return body

    def read(self, found: Mapping[str, Any]) -> list[Hit]:
        """Return hits from what they are sorted by."""
        rows = [hit["sort"] for hit in found.get("hits", {}).get("hits", ())]
        sort = self.plan.sort
        if sort is not None:
            missing = [_MISSING[FIELDS[each.name].type, each.descending] for each in sort.all]
            return [_hit(row, missing) for row in rows]
        if self.prepared.text is None:
            return [Hit(key) for (key,) in rows]
        return [Hit(key, score) for score, key in rows]

    def any_keys(self, limit: int, *names: str) -> list[list[int]]:
        """Return whole numbers of matches, the key first, at most `limit`, page by page so that no page is large."""
        found: list[list[int]] = []
        order = [{name: {"order": "asc", "missing": -1}} for name in names]
        query = self.query(whole=True)
        after: dict[str, Any] = {}
        while len(found) < limit:
            size = min(limit - len(found), plans.MAX_PAGE)
            # In the order of keys, in which a record that is written meanwhile stays where it is.
            page = self.asked({"bool": {"filter": [query]}}, size=size, sort=order, track_total_hits=False, **after)
            rows = [hit["sort"] for hit in page.get("hits", {}).get("hits", ())]
            found += rows
            if len(rows) < size:
                break
            after = {"search_after": rows[-1]}
        return found

    def suggested(self, tokens: Sequence[str], size: int) -> list[int]:
        """Return keys of documents whose prepared beginnings hold every token, shortest titles first."""
        query = every(terms(PREFIX, [token]) for token in tokens)
        found = self.asked(query, size=size, sort=[{LENGTH: "asc"}, {KEY: "asc"}], track_total_hits=False)
        return [hit["sort"][1] for hit in found.get("hits", {}).get("hits", ())]

    # ---- counts

    def aggregations(self) -> dict[str, Any]:
        """Return what is counted: what has a selection without it, the rest with all of them."""
        groups: dict[str, dict[str, Any]] = {}
        for number, request in enumerate(self.plan.facets):
            mine = groups.setdefault(request.name if request.name in self.apart else "", {})
            size = plans.COUNTED if request.text else request.size
            mine[f"{number}"] = self.terms(request.name, size, include=_include(request))
            if request.values:
                mine[f"{number}~"] = self.terms(request.name, len(request.values), include=list(request.values))
            if request.name in self.apart:
                ticked = list(self.ticked[request.name])
                mine[f"{number}+"] = self.terms(request.name, len(ticked), include=ticked)
        for name, group in self.pending().items():
            groups.setdefault(name, {}).update(group)
        return self.grouped(groups)

    def pending(self) -> dict[str, dict[str, Any]]:
        """Return what counters still want to know, by the selection that is left aside."""
        groups: dict[str, dict[str, Any]] = {}
        for number, (request, by) in enumerate(self.counters.items()):
            if by.result is None:
                own = request.name if isinstance(request, RangeRequest) and request.name in self.apart else ""
                mine = groups.setdefault(own, {})
                mine |= {f"={number}:{name}": wanted for name, wanted in by.asked().items()}
        return groups

    def grouped(self, groups: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
        """Return groups of counts, each over what is selected elsewhere."""
        if not self.apart:
            return groups.get("", {})
        return {f"of {name}": {"filter": self.others(name), "aggregations": group} for name, group in groups.items()}

    def measure(self, flat: Mapping[str, Any]) -> None:
        """Let the counters take their answers, and ask once more for what depends on those."""
        self.tell(flat)
        rest = self.grouped(self.pending())
        if rest:
            found = self.asked(self.query(), size=0, aggregations=rest, track_total_hits=False)
            self.tell(_flat(found.get("aggregations", {})))

    def tell(self, flat: Mapping[str, Any]) -> None:
        """Give each counter that is not ready what it has asked for."""
        for number, by in enumerate(self.counters.values()):
            if by.result is None:
                by.read({name: flat[f"={number}:{name}"] for name in by.asked() if f"={number}:{name}" in flat})

    def measured(self, request: Measured | None) -> Any:
        """Return what a counter has found; None where nothing was asked for."""
        return None if request is None else self.counters[request].result

    def others(self, name: str) -> Query:
        """Return the selections of every counted facet but this one."""
        return shallow(every(self.prepared.selections[other] for other in self.apart if other != name))

    def terms(self, name: str, size: int, *, include: str | list[str] | None = None) -> dict[str, Any]:
        """Return a count of values, the most frequent first, then by value."""
        found: dict[str, Any] = {"field": name, "size": max(size, 1)}
        if self.reader.shards > 1:
            # Each shard says all it has: with its first few alone the sums would come out wrong.
            found["shard_size"] = plans.COUNTED
        return {"terms": found if include is None else {**found, "include": include}}

    def facet(self, request: FacetRequest, found: Mapping[str, Any], name: str) -> Facet:
        """Return one facet from its counts."""
        counts = found.get(name, {})
        buckets = _buckets(counts) | _buckets(found.get(f"{name}~", {}))
        others = int(counts.get("sum_other_doc_count", 0))
        exact = not counts.get("doc_count_error_upper_bound", 0)
        if request.text:
            # What was looked for may be more than what is wanted, and all of it was counted.
            admitted, exact, others = plans.admits(request), exact and not others, 0
            buckets = {value: count for value, count in buckets.items() if admitted(value)}
        occurrences = sum(buckets.values()) + others
        ticked = _buckets(found.get(f"{name}+", {}))
        return plans.facet_of(request, buckets, self.ticked.get(request.name, ()), ticked, occurrences, exact=exact)

    # ---- values of a field

    def similar(self, grams: Sequence[str], size: int) -> list[str]:
        """Return words of titles that share most of some trigrams."""
        include = _sharing(grams)
        if not include:
            return []
        asked = {"words": self.terms(WORDS, plans.COUNTED, include=include)}
        found = self.asked(EVERYTHING, size=0, aggregations=asked, track_total_hits=False)
        words = _buckets(found.get("aggregations", {}).get("words", {}))
        return plans.similar_words(grams, words.items(), size)

    def values(self, name: str, prefix: str, wanted: Callable[[str], bool]) -> list[str]:
        """Return the values of a field that begin with a text and fulfil a condition."""
        return [value for value in self._walked(name, prefix) if value.startswith(prefix) and wanted(value)]

    def _walked(self, name: str, prefix: str) -> Iterator[str]:
        query = {"prefix": {name: prefix}} if prefix else EVERYTHING
        page: dict[str, Any] = {"sources": [{"value": {"terms": {"field": name}}}], "size": _WALK}
        while True:
            asked = {"values": {"composite": page}}
            found = self.asked(query, size=0, aggregations=asked, track_total_hits=False)
            part = found.get("aggregations", {}).get("values", {})
            yield from (bucket["key"]["value"] for bucket in part.get("buckets", ()))
            if "after_key" not in part:
                return
            page = {**page, "after": part["after_key"]}


def _placed(order: Sort, value: float | int | str | None) -> Any:
    """Return a value as Elasticsearch orders it."""
    kind = FIELDS[order.name].type
    if value is None:
        return _MISSING[kind, order.descending]
    try:
        if kind is Type.INSTANT:
            return min(max(int(value), FIRST), LAST)
        if kind is Type.NUMBER:
            return float(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise BadQueryError(f"{value!r} is no value of {order.name}", parameter="after") from error
    return str(value)


def _hit(row: Sequence[Any], missing: Sequence[Any]) -> Hit:
    """Return a hit from the values that it is sorted by, its key last."""
    *found, key = row
    first, *then = (None if value == none else value for value, none in zip(found, missing, strict=True))
    return Hit(key, value=first, then=tuple(then))


def _buckets(counts: Mapping[str, Any]) -> dict[Any, int]:
    return {bucket["key"]: int(bucket["doc_count"]) for bucket in counts.get("buckets", ())}


def _escaped(text: str) -> str:
    return re.sub(f"[{re.escape(LUCENE_SPECIAL)}]", r"\\\g<0>", text)


def _flat(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return counts by name, whatever selection they leave aside."""
    flat: dict[str, Any] = {}
    for name, part in found.items():
        flat |= part if name.startswith("of ") else {name: part}
    return flat


def _include(request: FacetRequest) -> str | None:
    """Return a regular expression for the values that a facet may list, None for all."""
    if request.text:
        return plans.including(request, LUCENE_SPECIAL)
    if not request.within:
        return None
    pattern = f"{_escaped(request.within)}/(.|\n)*"
    if len(pattern) > MAX_REGEX:
        raise BadQueryError(
            f"a path of {len(request.within)} characters is too long to count beneath", parameter="facets"
        )
    return pattern


def _sharing(grams: Sequence[str]) -> str:
    """Return a regular expression for words that have one of some trigrams, `_` at both ends of a word."""
    inside: list[str] = []
    ends: list[str] = []
    for gram in dict.fromkeys(grams):
        bare = _escaped(gram.strip("_"))
        if not bare:
            continue
        if gram.startswith("_") or gram.endswith("_"):
            ends.append(f"{'' if gram.startswith('_') else '.*'}{bare}{'' if gram.endswith('_') else '.*'}")
        else:
            inside.append(bare)
        if sum(map(len, (*inside, *ends))) + len(inside) + len(ends) > MAX_REGEX - 100:
            break
    return "|".join([*ends, *([f".*({'|'.join(inside)}).*"] if inside else ())])
