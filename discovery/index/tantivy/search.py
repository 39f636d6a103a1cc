"""One question to one commit: hits in exact order, and exact counts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any, Final

import tantivy
from tantivy import DocAddress, FieldType, Order, Query, Searcher

from discovery.errors import (
    BadQueryError,
)
from discovery.index import plans
from discovery.index.base import Answer, Hit, Plan, Position
from discovery.index.generations import State
from discovery.index.plans import ANCHOR, KEY, LENGTH
from discovery.index.tantivy import density
from discovery.index.tantivy.beside import Beside
from discovery.index.tantivy.counting import Countable, Tally, asked_both, read_both
from discovery.index.tantivy.density import Density
from discovery.index.tantivy.questions import Prepared, Questions, but, either_of, every
from discovery.index.tantivy.schema import HEADS, LAST_HEAD, heads
from discovery.query.facets import RangeRequest
from discovery.query.fields import FIELDS, Type
from discovery.query.query import FacetRequest, Sort, Total

SMALL: Final = 20_000
"""Documents of which all are looked at sooner than some are chosen."""
LARGE: Final = 100_000
"""Documents of which hits and counts are looked for at the same time; among fewer a second thread costs more."""
KEPT: Final = 1_000
"""Answers about everything that are remembered; callers choose what they find and where they cut."""
FEW_KEYS: Final = 100
"""Keys in a filter that cost next to nothing each time that they are looked up."""
STRETCH_COST: Final = 60
"""How much longer tantivy takes for a match in a stretch of values than for one among all, twice."""

_Value = float | int | str | None
_Row = tuple[tuple[_Value, ...], int]
"""What a document is ordered by: its values, one a field, and its key."""


@dataclass(frozen=True, slots=True)
class Reader:
    """One commit of one generation, open for searching."""

    name: str
    index: tantivy.Index
    searcher: Searcher
    state: State
    seen: tuple[int, ...] | None
    """What the files looked like, to notice the next commit."""
    cache: dict[Countable, Any] = field(default_factory=dict)
    """Facets and the like of everything; gone with the commit."""
    densities: dict[str, Density] = field(default_factory=dict)
    """By field; kept over commits, since a density is only a guess."""

    def density(self, name: str) -> Density:
        """Return roughly where the values of a number or an instant lie."""
        found = self.densities.get(name)
        if found is None or not found.fits(int(self.searcher.num_docs)):
            found = self.densities[name] = density.measure(self.searcher, name)
        return found


class Search:
    """One question to one commit."""

    def __init__(self, reader: Reader, plan: Plan, beside: Beside | None = None) -> None:
        self.reader = reader
        self.searcher = reader.searcher
        self.plan = plan
        self.beside = beside
        self.ask = Questions(reader.index.schema, reader.searcher)
        self.prepared = Prepared.of(plan, self.ask)
        self.query = self.prepared.query()
        self.ranked = self.prepared.ranked() if plan.text else self.query
        self.counted_hits: int | None = None
        """How many match, once that was counted."""

    def answer(self) -> Answer:
        """Return everything that the plan asks for."""
        plan = self.plan
        # Without a page there is nothing to be looked for beside the counts, and they say how many match.
        paged = bool(plan.size or plan.offset or plan.after is not None)
        large = int(self.searcher.num_docs) >= LARGE and counts(plan)
        counting = self.beside.begin(self.counted) if self.beside and large and paged else self.counted
        hits = self.hits() if paged else []
        found = counting()
        more = len(hits) > plan.size if paged else self.count() > 0
        counted = plan.total or self.counted_hits is not None
        total = Total(self.count()) if counted else Total(len(hits), exact=False)
        interval, bins = found[plan.histogram] if plan.histogram else ("", ())
        return Answer(
            tuple(hits[: plan.size]),
            total,
            self.reader.name,
            tuple(found[each] for each in plan.facets),
            bins,
            interval,
            tuple(found[each] for each in plan.numbers),
            found[plan.heat] if plan.heat else None,
            more,
        )

    def hits(self) -> list[Hit]:
        """Return the page and one hit more where there is one."""
        plan = self.plan
        if plan.sort is not None:
            return self.sorted_by(plan.sort, plan.size + 1, plan.after)
        if self.prepared.text is None:
            return [Hit(key) for key in self.by_key(self.query, plan.offset + plan.size + 1)[plan.offset :]]
        return self.best(plan.offset, plan.size + 1)

    def count(self) -> int:
        """Return how many match."""
        if self.counted_hits is None:
            if self.prepared.everything():
                self.counted_hits = int(self.searcher.num_docs)
            else:
                found: Any = self.searcher.search(self.query, 1, count=True)
                self.counted_hits = int(found.count)
        return self.counted_hits

    def found(
        self, query: Query, limit: int, order_by: str | None = None, order: Order = Order.Asc
    ) -> list[tuple[Any, DocAddress]]:
        """Return the first hits; the first search for all that matches counts it on the way."""
        whole = query is self.query or query is self.ranked
        count = whole and self.plan.total and self.counted_hits is None
        # The stub of tantivy-py leaves the count out.
        found: Any = self.searcher.search(query, limit, count=count, order_by_field=order_by, order=order)
        if count:
            self.counted_hits = int(found.count)
        hits: list[tuple[Any, DocAddress]] = found.hits
        return hits

    def keys(self, addresses: list[DocAddress]) -> list[int]:
        """Return the keys of documents by their places."""
        found = self.searcher.fast_field_values(KEY, addresses)
        return [int(key) for key in found if key is not None]

    def any_keys(self, limit: int, *, anchors: bool = False) -> tuple[list[int], list[int]]:
        """Return keys of matches in no order, and their anchors where those are wanted, -1 for none."""
        query = Query.const_score_query(self.query, 1.0)
        hits = self.searcher.search(query, max(limit, 1), count=False).hits[: max(limit, 0)]
        addresses = [address for _, address in hits]
        found: list[Any] = self.searcher.fast_field_values(ANCHOR, addresses) if anchors else []
        return self.keys(addresses), [-1 if anchor is None else anchor for anchor in found]

    def by_key(self, query: Query, limit: int, after: int | None = None) -> list[int]:
        """Return the lowest keys of what matches, above `after`."""
        if limit <= 0:
            return []
        if after is not None:
            span = plans.Span(max(after, 0), None, include_low=after < 0)
            query = every([query, self.ask.range(KEY, FieldType.Integer, span)])
        return [int(key) for key, _ in self.found(query, limit, KEY)]

    def best(self, offset: int, limit: int) -> list[Hit]:
        """Return hits by score, then key. tantivy breaks ties by place, so the last tie is always read to its end."""
        wanted = offset + limit
        # Some more than wanted costs little, and asking again for the end of a tie costs everything once more.
        depth = wanted + max(wanted, 40)
        while True:
            found = self.found(self.ranked, depth, order=Order.Desc)
            if len(found) < depth or found[-1][0] < found[wanted - 1][0] or depth > 8 * plans.MAX_PAGE:
                break
            depth *= 4
        if offset >= len(found):
            return []
        # Only what ties with a hit of this page needs a key.
        first, last = found[offset][0], found[min(wanted, len(found)) - 1][0]
        before = sum(score > first for score, _ in found)
        near = [(score, address) for score, address in found[before:] if score >= last]
        keys = self.keys([address for _, address in near])
        order = sorted((-score, key) for (score, _), key in zip(near, keys, strict=True))
        return [Hit(key, -score) for score, key in order[offset - before :][:limit]]

    def sorted_by(self, sort: Sort, limit: int, after: Position | None = None) -> list[Hit]:
        """Return hits by the values of the fields, then key, those without a value last among what is equal so far."""
        rows = self.rows(self.query, sort.all, limit, None if after is None else (after.values, after.key))
        return [Hit(key, value=first, then=tuple(then)) for (first, *then), key in rows]

    def rows(self, query: Query, orders: Sequence[Sort], limit: int, after: _Row | None = None) -> list[_Row]:
        """Return the first rows of what a query finds, behind a row; tantivy orders by one field at a time."""
        if not orders:
            return [((), key) for key in self.by_key(query, limit, None if after is None else after[1])]
        name, rest = orders[0].name, orders[1:]
        without = but(query, Query.exists_query(name))
        found: list[_Row] = []
        value: _Value = None
        if after is not None:
            (last, *others), key = after
            if last is None:
                return _under(None, self.rows(without, rest, limit, (tuple(others), key)))
            value = self.value(name, last)
            same = every([query, self.equal(name, value)])
            found = _under(value, self.rows(same, rest, limit, (tuple(others), key)))
        if len(found) < limit:
            found += self.ordered(query, orders, limit - len(found), last=value)
        if after is not None and len(found) < limit:
            found += _under(None, self.rows(without, rest, limit - len(found)))
        return found

    def ordered(self, query: Query, orders: Sequence[Sort], limit: int, *, last: _Value) -> list[_Row]:
        """Return the first rows of an order that come after the value `last` of its first field."""
        name, descending = orders[0].name, orders[0].descending
        whole = query is self.query
        query = query if last is None else every([query, self.beyond(name, last, descending)])
        order = Order.Desc if descending else Order.Asc
        depth = limit + 1
        near = None if isinstance(last, str) or not whole else self.near(name, depth, last, descending=descending)
        while True:
            found = near or self.found(query, depth, name, order)
            # Titles up to `last` may still be among what `query` finds.
            rest = [hit for hit in found if not isinstance(last, str) or _follows(hit[0], last, descending)]
            if len(rest) > limit or len(found) < depth:
                break
            depth *= 4
        # A page that ends amid equal values holds some that tantivy has chosen by place: ask for the lowest of them.
        split = len(rest) > limit and rest[limit][0] == rest[limit - 1][0]
        page = [hit for hit in rest[:limit] if not split or hit[0] != rest[limit][0]]
        rows = self.told_apart(page, orders)
        if split:
            tie = rest[limit][0]
            tied = but(query, Query.exists_query(name)) if tie is None else every([query, self.equal(name, tie)])
            rows += _under(tie, self.rows(tied, orders[1:], limit - len(rows)))
        return rows

    def told_apart(self, hits: Sequence[tuple[Any, DocAddress]], orders: Sequence[Sort]) -> list[_Row]:
        """Return the rows of hits that are in the order of the first field, in the order of all of them."""
        addresses = [address for _, address in hits]
        keys = self.keys(addresses)
        columns = [[value for value, _ in hits], *(self.column(each.name, addresses, keys) for each in orders[1:])]
        rows = sorted(zip(zip(*columns, strict=True), keys, strict=True), key=itemgetter(1))
        # Sorts are stable, also turned round: what counts least goes first.
        for number, order in reversed(list(enumerate(orders))):
            known: list[Any] = [row for row in rows if row[0][number] is not None]
            known.sort(key=lambda row: row[0][number], reverse=order.descending)
            rows = known + [row for row in rows if row[0][number] is None]
        return rows

    def column(self, name: str, addresses: list[DocAddress], keys: list[int]) -> list[_Value]:
        """Return the values that documents have in a field."""
        if FIELDS[name].type is not Type.TEXT:
            values: list[Any] = self.searcher.fast_field_values(name, addresses)
            return values
        if not keys:
            return []
        # tantivy tells numbers by place; texts it tells of what it orders.
        found = self.searcher.search(self.ask.keys(keys), len(keys), count=False, order_by_field=name).hits
        titles = dict(zip(self.keys([address for _, address in found]), (text for text, _ in found), strict=True))
        return [titles.get(key) for key in keys]

    def near(
        self, name: str, depth: int, last: float | int | None, *, descending: bool
    ) -> list[tuple[Any, DocAddress]] | None:
        """Return the first `depth` matches of an order from a stretch of values; None when everything must be asked."""
        documents, of = int(self.searcher.num_docs), FIELDS.get(name)
        if documents < SMALL or of is None or of.type not in {Type.INSTANT, Type.NUMBER}:
            return None
        if plans.named_keys(self.plan.filter) > FEW_KEYS:
            # Looking up the keys costs more than ordering what they match, so it is done once.
            return None
        matches = self.count()
        if matches * matches < STRETCH_COST * depth * documents:
            return None
        order = Order.Desc if descending else Order.Asc
        for width in (2, 16):
            wanted = width * depth * documents / matches
            end = self.reader.density(name).end(last, wanted, descending=descending)
            if end is None:
                return None
            if descending:
                span = plans.span(of, end, last, include_high=last is None)
            else:
                span = plans.span(of, last, end, include_low=last is None)
            stretch = every([self.query, self.ask.stretch(of, span)])
            hits: list[tuple[Any, DocAddress]] = self.searcher.search(
                stretch, depth, count=False, order_by_field=name, order=order
            ).hits
            if len(hits) == depth:
                return hits
        return None

    def value(self, name: str, value: float | int | str | None) -> float | int | str:
        """Return the value of a cursor as the field compares it."""
        of = FIELDS.get(name)
        try:
            if of is None or of.type is Type.INSTANT:
                return int(value)  # type: ignore[arg-type]  # refused below when it is no number
            if of.type is Type.NUMBER:
                return float(value)  # type: ignore[arg-type]  # the same
        except (TypeError, ValueError, OverflowError) as error:
            raise BadQueryError(f"{value!r} is no value of {name}", parameter="after") from error
        return str(value)

    def equal(self, name: str, value: float | int | str) -> Query:
        """Return the documents that have exactly this value."""
        if isinstance(value, str):
            return self.ask.terms(name, [value])
        if name in FIELDS:
            return self.ask.stretch(FIELDS[name], plans.Span(value, value))
        return self.ask.range(name, _number_type(name), plans.Span(value, value))

    def beyond(self, name: str, value: float | int | str, descending: bool) -> Query:
        """Return what comes after a value; titles with the same 32 bytes are in it on either side."""
        if isinstance(value, str):
            return but(self.beyond_heads(heads(value), descending), self.equal(name, value))
        span = plans.Span(None, value, include_high=False) if descending else plans.Span(value, None, include_low=False)
        return self.ask.range(name, _number_type(name), span)

    def beyond_heads(self, heads: Sequence[int], descending: bool) -> Query:
        """Return the documents whose first 32 title bytes come after others, or are the same."""
        query: Query | None = None
        for name, head in reversed(list(zip(HEADS, heads, strict=True))):
            inclusive = query is None
            span = (
                plans.Span(0, head, include_high=inclusive)
                if descending
                else plans.Span(head, LAST_HEAD, include_low=inclusive)
            )
            further = self.ask.range(name, FieldType.Unsigned, span)
            if query is not None:
                same = self.ask.range(name, FieldType.Unsigned, plans.Span(head, head))
                further = either_of([further, every([same, query])])
            query = further
        assert query is not None
        return query

    def counted(self) -> dict[Countable, Any]:
        """Return what is counted: one aggregation, and one more for each facet or number with a selection."""
        plan = self.plan
        ticked = plans.selections(plan)
        apart = {*ticked, *plans.spans(plan)}
        named: list[FacetRequest | RangeRequest] = [*dict.fromkeys(plan.facets), *dict.fromkeys(plan.numbers)]
        groups: dict[str, list[Countable]] = {}
        for request in named:
            groups.setdefault(request.name if request.name in apart else "", []).append(request)
        for whole in (plan.histogram, plan.heat):
            if whole is not None:
                groups.setdefault("", []).append(whole)
        tallies = {
            name: Tally(group, ticked.get(name, ()), counted=not name and self.counted_hits is None)
            for name, group in groups.items()
        }
        found: dict[Countable, Any] = {}
        carrier = next((name for name, values in ticked.items() if name in tallies and len(values) == 1), "")
        if carrier and "" in tallies:
            pair = tallies[carrier], tallies[""]
            read_both(*pair, self.searcher.aggregate(self.prepared.query(without=carrier), asked_both(carrier, *pair)))
        for name, tally in tallies.items():
            kept = self.reader.cache if self.prepared.everything(name) and not ticked.get(name) else {}
            tally.answers.update({each: kept[each] for each in tally.requests if each in kept})
            while tally.pending:
                tally.read(self.searcher.aggregate(self.prepared.query(without=name), tally.asked()))
            if len(kept) < KEPT:
                kept.update(tally.answers)
            found |= tally.answers
        if self.counted_hits is None and "" in tallies:
            self.counted_hits = tallies[""].matches
        return found


def counts(plan: Plan) -> bool:
    """Tell whether a plan wants more than hits and their number."""
    return bool(plan.facets or plan.numbers or plan.histogram or plan.heat)


def _number_type(name: str) -> FieldType:
    if name == LENGTH:
        return FieldType.Unsigned
    return FieldType.Float if FIELDS[name].type is Type.NUMBER else FieldType.Integer


def _follows(value: Any, last: str, descending: bool) -> bool:
    return value is not None and (value < last if descending else value > last)


def _under(value: _Value, rows: Iterable[_Row]) -> list[_Row]:
    """Return the rows of what has one value in a field before theirs."""
    return [((value, *values), key) for values, key in rows]
