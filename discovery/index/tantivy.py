"""The embedded engine: tantivy in a folder, one process writes and any number read.

What tantivy 0.27 does to the unwary, and where it is met (each has its test in tests/index/test_tantivy.py):
a writer killed at the wrong moment leaves files that stop every later commit (`_Scope._writer`); a `with` block around
a writer commits even when it fails (never used); facet counts are approximate unless `segment_size` says otherwise
(`_terms`); query text can name any field (`parse_query` is never called); dates end in 2262 (integers are used).
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import orjson
import tantivy
from tantivy import DocAddress, FieldType, Occur, Order, Query, Searcher

from discovery.errors import (
    BadQueryError,
    ConfigError,
    ConflictError,
    DiscoveryError,
    GoneError,
    RecordError,
    UnavailableError,
)
from discovery.index import generations, plans
from discovery.index.base import MAX_KEYS, Answer, Cells, Document, Generation, Hit, Keys, Plan, Position
from discovery.index.generations import REINDEX, Generations, State
from discovery.index.like import like
from discovery.model.record import SCOPES
from discovery.query.fields import FIELDS, Field, Type
from discovery.query.query import (
    And,
    Between,
    Comparison,
    Facet,
    FacetRequest,
    Filter,
    Histogram,
    In,
    IsNull,
    Like,
    Not,
    Or,
    Scalar,
    Time,
    Total,
)
from discovery.query.text import EXACT_WEIGHT, PREFIX_LENGTH, SYNONYM_WEIGHT, TITLE_WEIGHT, Group, TextQuery
from discovery.query.tokens import VERSION

WRITER_HEAP: Final = 64_000_000
"""Bytes of memory that new documents fill before they become a segment."""
BUILD_HEAP: Final = 200_000_000
LOOK_AGAIN: Final = 0.05
"""Seconds for which a reader trusts what it saw of the files."""

_KEY: Final = "_key"
_TITLE: Final = "_title"
_BODY: Final = "_body"
_PREFIX: Final = "_prefix"
_WORDS: Final = "_words"
_EXACT: Final = "_exact"
_CELLS: Final = "_cells"
_PARENTS: Final = "_parents"
_TAIL: Final = "_tail"
_MONTH: Final = "_month"
_START: Final = "_start"
_END: Final = "_end"
_LENGTH: Final = "_length"
_HEADS: Final = ("_head0", "_head1", "_head2", "_head3")
"""The first 32 bytes of the title as numbers: tantivy orders by text but has no ranges of it."""
_ANALYZER: Final = "prepared"
_RUST_SPECIAL: Final = r"\.+*?()|[]{}^$#&-~"
_FIRST: Final = -(2**63)
_LAST: Final = 2**63 - 1
_LAST_HEAD: Final = 2**64 - 1

_Node = Filter | Cells | Keys


def _schema() -> tantivy.Schema:
    builder = tantivy.SchemaBuilder()
    for each in FIELDS.values():
        if each.type is Type.NUMBER:
            builder.add_float_field(each.name, indexed=True, fast=True)
        elif each.type is Type.INSTANT:
            builder.add_integer_field(each.name, indexed=True, fast=True)
        else:
            builder.add_text_field(each.name, fast=True, tokenizer_name="raw", index_option="basic")
    for name in (_TITLE, _BODY):
        builder.add_text_field(name, tokenizer_name=_ANALYZER, index_option="position")
    for name in (_PREFIX, _WORDS):
        builder.add_text_field(name, tokenizer_name=_ANALYZER, index_option="basic")
    for name in (_EXACT, _TAIL):
        builder.add_text_field(name, tokenizer_name="raw", index_option="basic")
    for name in (_CELLS, _PARENTS):
        builder.add_unsigned_field(name, indexed=True)
    for name in (_MONTH, _START, _END):
        builder.add_integer_field(name, indexed=False, fast=True)
    for name in (*_HEADS, _LENGTH):
        builder.add_unsigned_field(name, indexed=False, fast=True)
    # Not unsigned: deleting by such a term finds nothing and says nothing.
    builder.add_integer_field(_KEY, indexed=True, fast=True)
    return builder.build()


def _fingerprint() -> str:
    """Return what changes whenever an index made before cannot be asked as it is now."""
    shape = [f"{each.name}:{each.type}" for each in FIELDS.values()]
    return sha256(f"1 {VERSION} {' '.join(shape)}".encode()).hexdigest()[:16]


def _open(schema: tantivy.Schema, folder: Path | None) -> tantivy.Index:
    index = tantivy.Index(schema, None if folder is None else str(folder))
    index.config_reader(reload_policy="manual")
    analyzer = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.whitespace()).build()
    index.register_tokenizer(_ANALYZER, analyzer)
    return index


@contextlib.contextmanager
def _guarded(doing: str) -> Iterator[None]:
    """Turn what tantivy raises, panics included, into an error of ours."""
    try:
        yield
    except DiscoveryError:
        raise
    except (ValueError, OSError, RuntimeError, SystemError) as error:
        if "LockBusy" in str(error) or "lock" in str(error).lower():
            raise ConflictError(f"another process is writing the index ({doing})") from error
        raise UnavailableError(f"the index failed while {doing}: {str(error)[:300]}; see `discovery check`") from error
    except BaseException as error:
        # Panics of Rust derive from BaseException so that nobody catches them by accident; this is on purpose.
        if type(error).__name__ != "PanicException":
            raise
        raise UnavailableError(f"the index failed while {doing}: {str(error)[:300]}; see `discovery check`") from error


def _heads(title: str) -> list[int]:
    data = title.encode("utf-8", "surrogatepass")[:32].ljust(32, b"\0")
    return [int.from_bytes(data[at : at + 8], "big") for at in range(0, 32, 8)]


def _row(document: Document) -> str:
    """Return the document as tantivy reads it.

    Raises:
        RecordError: tantivy would cut, drop or refuse something of it.
    """
    plans.checked(document)
    row: dict[str, Any] = {_KEY: document.key, **document.instants}
    row |= {name: [value] for name, value in document.numbers.items()}
    row |= {name: list(dict.fromkeys(filter(None, values))) for name, values in document.keywords.items()}
    row |= {_CELLS: document.cells, _PARENTS: document.parents, _TAIL: document.tail, _LENGTH: len(document.title)}
    if document.title:
        row["title"] = document.title
        row |= zip(_HEADS, _heads(document.title), strict=True)
    start, end = document.instants.get("start"), document.instants.get("end")
    if start is not None or end is not None:
        row |= {_START: _FIRST if start is None else start, _END: _LAST if end is None else end}
    if document.month is not None:
        row[_MONTH] = document.month
    if document.text is not None:
        text = document.text
        row |= {_TITLE: text.title, _BODY: text.body, _PREFIX: text.prefix}
        row |= {_WORDS: " ".join(plans.words_of(text.grams)), _EXACT: list(dict.fromkeys(text.exact))}
    try:
        return orjson.dumps(row).decode()
    except (TypeError, ValueError) as error:
        raise RecordError("bad_text", f"the document of key {document.key} is not Unicode text: {error}") from error


def _all(queries: Iterable[Query]) -> Query:
    must = [(Occur.Must, query) for query in queries]
    if not must:
        return Query.all_query()
    return must[0][1] if len(must) == 1 else Query.boolean_query(must)


def _any(queries: Iterable[Query]) -> Query:
    should = [(Occur.Should, query) for query in queries]
    if not should:
        return Query.empty_query()
    return should[0][1] if len(should) == 1 else Query.boolean_query(should)


def _but(query: Query, *excluded: Query) -> Query:
    return Query.boolean_query([(Occur.Must, query), *((Occur.MustNot, each) for each in excluded)])


@dataclass(frozen=True, slots=True)
class _Reader:
    """One commit of one generation, open for searching."""

    name: str
    index: tantivy.Index
    searcher: Searcher
    state: State
    seen: tuple[int, ...] | None
    """What the files looked like, to notice the next commit."""
    cache: dict[FacetRequest | Histogram, Any] = field(default_factory=dict)
    """Facets of everything; gone with the commit."""


class _Questions:
    """Filters and text in tantivy's terms, over one schema; `searcher` is where patterns that are too large look."""

    def __init__(self, schema: tantivy.Schema, searcher: Searcher) -> None:
        self.schema = schema
        self.searcher = searcher

    def terms(self, name: str, values: Sequence[str | int]) -> Query:
        if not values:
            return Query.empty_query()
        if len(values) == 1:
            return Query.term_query(self.schema, name, values[0], "basic")
        return Query.term_set_query(self.schema, name, list(values))

    def range(self, name: str, kind: FieldType, span: plans.Span) -> Query:
        if span.empty:
            return Query.empty_query()
        if span.low is None and span.high is None:
            return Query.exists_query(name)
        return Query.range_query(
            self.schema,
            name,
            kind,
            span.low,
            span.high,
            include_lower=span.include_low,
            include_upper=span.include_high,
        )

    def numbers(self, of: Field, span: plans.Span) -> Query:
        return self.range(of.name, FieldType.Float if of.type is Type.NUMBER else FieldType.Integer, span)

    def filter(self, node: _Node) -> Query:
        match node:
            case And(args):
                return _all([self.filter(arg) for arg in args])
            case Or(args):
                return _any([self.filter(arg) for arg in args])
            case Not(arg):
                return _but(Query.all_query(), self.filter(arg))
            case Comparison(op, name, value):
                return self.comparison(op, name, value)
            case Between(name, low, high):
                return self.between(name, low, high)
            case In(name, values):
                return self.one_of(name, values)
            case Like():
                return self.like(node)
            case IsNull(name):
                return self.absent(name)
            case Time(start, end):
                return self.time(start, end)
            case Cells(cells, parents):
                either = self.terms(_CELLS, list(dict.fromkeys((*cells, *parents))))
                return _any([either, self.terms(_PARENTS, list(dict.fromkeys(cells)))])
            case Keys(keys):
                return self.terms(_KEY, [key for key in keys if 0 <= key <= plans.MAX_KEY])
            case _:
                raise BadQueryError(f"an engine cannot answer {type(node).__name__}", parameter="filter")

    def comparison(self, op: str, name: str, value: Scalar) -> Query:
        if op == "<>":
            return _but(self.present(name), self.one_of(name, (value,)))
        if op not in {"=", "<", "<=", ">", ">="}:
            raise BadQueryError(f"operator {op!r} is not one of = <> < <= > >=", parameter="filter")
        if op == "=":
            return self.one_of(name, (value,))
        of = plans.resolve(name)
        if isinstance(of, str):
            raise BadQueryError(f"{name} can only be compared by =, <> and IN", parameter="filter")
        if of.type in {Type.KEYWORD, Type.TEXT}:
            literal = plans.text_literal(name, value, folded=of.type is Type.TEXT)
            return self.words(of.name, "", plans.text_order(op, literal))
        return self.numbers(of, plans.compared(of, op, value))

    def between(self, name: str, low: Scalar, high: Scalar) -> Query:
        of = plans.resolve(name)
        if isinstance(of, str):
            raise BadQueryError(f"{name} can only be compared by =, <> and IN", parameter="filter")
        if of.type in {Type.KEYWORD, Type.TEXT}:
            first, last = (plans.text_literal(name, each, folded=of.type is Type.TEXT) for each in (low, high))
            return self.words(of.name, "", lambda term: first <= term <= last)
        return self.numbers(of, plans.span(of, low, high))

    def one_of(self, name: str, values: Sequence[Scalar]) -> Query:
        of = plans.resolve(name)
        if isinstance(of, str):
            return self.terms(_TAIL, [f"{of}={plans.text_literal(name, value)}" for value in dict.fromkeys(values)])
        if of.type in {Type.KEYWORD, Type.TEXT}:
            folded = of.type is Type.TEXT
            return self.terms(of.name, list(dict.fromkeys(plans.text_literal(name, v, folded=folded) for v in values)))
        return _any([self.numbers(of, plans.compared(of, "=", value)) for value in dict.fromkeys(values)])

    def like(self, node: Like) -> Query:
        of = plans.resolve(node.name)
        if isinstance(of, str) or of.type not in {Type.KEYWORD, Type.TEXT}:
            raise BadQueryError(f"{node.name} is not text that LIKE can match", parameter="filter")
        found = like(node.pattern, casei=node.casei, accenti=node.accenti, folded=of.type is Type.TEXT)
        if found.runs == ((), ()):
            return Query.exists_query(of.name)
        try:
            return Query.regex_query(self.schema, of.name, found.regex(_RUST_SPECIAL))
        except ValueError:
            # tantivy refuses automata of more than 1,000 states; walking the terms has no such limit.
            return self.words(of.name, found.prefix, found.matches)

    def words(self, name: str, prefix: str, wanted: Callable[[str], bool]) -> Query:
        """Match the terms of a field that fulfil a condition, by walking its dictionary."""
        return self.terms(name, [term for term, _ in self.searcher.terms_with_prefix(name, prefix) if wanted(term)])

    def present(self, name: str) -> Query:
        of = plans.resolve(name)
        if isinstance(of, str):
            start = f"{of}="
            return self.words(_TAIL, start, lambda term: term.startswith(start))
        return Query.exists_query(of.name)

    def absent(self, name: str) -> Query:
        return _but(Query.all_query(), self.present(name))

    def time(self, start: int | None, end: int | None) -> Query:
        # Open ends are stored as the outermost numbers, and nothing else is, so a time beyond all meets them alone.
        parts = []
        if end is not None:
            last = min(max(end, _FIRST), _LAST)
            parts.append(self.range(_START, FieldType.Integer, plans.Span(None, last)))
        if start is not None:
            first = min(max(start, _FIRST), _LAST)
            parts.append(self.range(_END, FieldType.Integer, plans.Span(first, None)))
        return _all(parts or [Query.exists_query(_START)])

    def text(self, query: TextQuery) -> Query:
        wanted = [self.group(group) for group in query.groups]
        excluded = [self.group(group) for group in query.excluded]
        found = _all(wanted)
        if excluded:
            found = _but(found, *excluded)
        if query.exact is None:
            return found
        if not wanted and not excluded:
            # Without words everything matches, and the identifier only decides who comes first.
            found = Query.const_score_query(found, 0.0)
        whole = Query.term_query(self.schema, _EXACT, query.exact, "basic")
        return _any([found, Query.const_score_query(whole, EXACT_WEIGHT)])

    def group(self, group: Group) -> Query:
        alternatives = [self.alternative(each, group.phrase) for each in group.alternatives]
        if len(alternatives) == 1:
            return alternatives[0]
        first, *others = alternatives
        return Query.disjunction_max_query([first, *(Query.boost_query(each, SYNONYM_WEIGHT) for each in others)])

    def alternative(self, tokens: tuple[str, ...], phrase: bool) -> Query:
        if phrase and len(tokens) > 1:
            title = Query.phrase_query(self.schema, _TITLE, list(tokens))
            body = Query.phrase_query(self.schema, _BODY, list(tokens))
            return _any([Query.boost_query(title, TITLE_WEIGHT), body])
        return _all([self.token(token) for token in tokens])

    def token(self, token: str) -> Query:
        title = Query.term_query(self.schema, _TITLE, token, "freq")
        return _any([Query.boost_query(title, TITLE_WEIGHT), Query.term_query(self.schema, _BODY, token, "freq")])


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A plan in tantivy's queries."""

    text: Query | None
    filter: Query | None
    selections: Mapping[str, Query]

    @classmethod
    def of(cls, plan: Plan, ask: _Questions) -> _Prepared:
        return cls(
            ask.text(plan.text) if plan.text else None,
            None if plan.filter is None else ask.filter(plan.filter),
            {name: ask.terms(name, values) for name, values in plans.selections(plan).items()},
        )

    def query(self, without: str = "") -> Query:
        """Return everything that is asked, one facet's own selection left aside; only the text is scored."""
        parts = [query for name, query in self.selections.items() if name != without]
        if self.filter is not None:
            parts.append(self.filter)
        if self.text is None:
            return _all(parts)
        return _all([self.text, *(Query.const_score_query(part, 0.0) for part in parts)])

    def everything(self, without: str = "") -> bool:
        """Tell whether nothing is asked for at all."""
        return self.text is None and self.filter is None and not self.selections.keys() - {without}


class _Search:
    """One question to one commit."""

    def __init__(self, reader: _Reader, plan: Plan) -> None:
        self.reader = reader
        self.searcher = reader.searcher
        self.plan = plan
        self.ask = _Questions(reader.index.schema, reader.searcher)
        self.prepared = _Prepared.of(plan, self.ask)
        self.query = self.prepared.query()
        self.counted_hits: int | None = None
        """How many match, once a search for hits has counted them on its way."""

    def answer(self) -> Answer:
        plan = self.plan
        if plan.sort is not None:
            hits = self.sorted_by(plan.sort.name, plan.size + 1, after=plan.after, descending=plan.sort.descending)
        elif self.prepared.text is None:
            keys = self.by_key(self.query, plan.offset + plan.size + 1)[plan.offset :]
            hits = [Hit(key) for key in keys]
        else:
            hits = self.best(plan.offset, plan.size + 1)
        facets, bins = self.counted()
        total = Total(self.count()) if plan.total else Total(len(hits), exact=False)
        more = len(hits) > plan.size
        return Answer(tuple(hits[: plan.size]), total, self.reader.name, facets, plans.bins(bins, self.interval), more)

    @property
    def interval(self) -> str:
        return self.plan.histogram.interval if self.plan.histogram else "year"

    def count(self) -> int:
        if self.counted_hits is not None:
            return self.counted_hits
        if self.prepared.everything():
            return int(self.searcher.num_docs)
        found: Any = self.searcher.search(self.query, 1, count=True)
        return int(found.count)

    def found(
        self, query: Query, limit: int, order_by: str | None = None, order: Order = Order.Asc
    ) -> list[tuple[Any, DocAddress]]:
        """Return the first hits; the first search for all that matches counts it on the way."""
        count = query is self.query and self.plan.total and self.counted_hits is None
        # The stub of tantivy-py leaves the count out.
        found: Any = self.searcher.search(query, limit, count=count, order_by_field=order_by, order=order)
        if count:
            self.counted_hits = int(found.count)
        hits: list[tuple[Any, DocAddress]] = found.hits
        return hits

    def keys(self, addresses: list[DocAddress]) -> list[int]:
        found = self.searcher.fast_field_values(_KEY, addresses)
        return [int(key) for key in found if key is not None]

    def any_keys(self, limit: int) -> list[int]:
        query = Query.const_score_query(self.query, 1.0)
        hits = self.searcher.search(query, max(limit, 1), count=False).hits[: max(limit, 0)]
        return self.keys([address for _, address in hits])

    def by_key(self, query: Query, limit: int, after: int | None = None) -> list[int]:
        """Return the lowest keys of what matches, above `after`."""
        if limit <= 0:
            return []
        if after is not None:
            span = plans.Span(max(after, 0), None, include_low=after < 0)
            query = _all([query, self.ask.range(_KEY, FieldType.Integer, span)])
        return [int(key) for key, _ in self.found(query, limit, _KEY)]

    def best(self, offset: int, limit: int) -> list[Hit]:
        """Return hits by score, then key. tantivy breaks ties by place, so the last tie is always read to its end."""
        wanted = offset + limit
        depth = wanted + 1
        while True:
            found = self.found(self.query, depth, order=Order.Desc)
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

    def sorted_by(self, name: str, limit: int, *, after: Position | None = None, descending: bool = False) -> list[Hit]:
        """Return hits by the value of a field, then key, those without a value last."""
        without = _but(self.query, Query.exists_query(name))
        if after is not None and after.value is None:
            return [Hit(key) for key in self.by_key(without, limit, after.key)]
        found: list[Hit] = []
        query = self.query
        value: float | int | str | None = None
        if after is not None and after.value is not None:
            value = self.value(name, after.value)
            same = _all([self.query, self.equal(name, value)])
            found = [Hit(key, value=value) for key in self.by_key(same, limit, after.key)]
            query = _all([self.query, self.beyond(name, value, descending)])
        if len(found) < limit:
            found += self.ordered(query, name, limit - len(found), descending=descending, last=value)
        if after is not None and len(found) < limit:
            found += [Hit(key) for key in self.by_key(without, limit - len(found))]
        return found

    def ordered(
        self, query: Query, name: str, limit: int, *, descending: bool, last: float | int | str | None
    ) -> list[Hit]:
        """Return the first hits of an order. Titles up to `last` may still be among what `query` finds."""
        order = Order.Desc if descending else Order.Asc
        depth = limit + 1
        while True:
            found = self.found(query, depth, name, order)
            rest = [hit for hit in found if not isinstance(last, str) or _follows(hit[0], last, descending)]
            if len(rest) > limit or len(found) < depth:
                break
            depth *= 4
        # A page that ends amid equal values holds some that tantivy has chosen by place: ask for the lowest keys.
        split = len(rest) > limit and rest[limit][0] == rest[limit - 1][0]
        page = [hit for hit in rest[:limit] if not split or hit[0] != rest[limit][0]]
        keys = self.keys([address for _, address in page])
        hits = _by_value([Hit(key, value=value) for (value, _), key in zip(page, keys, strict=True)])
        if split:
            tie = rest[limit][0]
            tied = _but(query, Query.exists_query(name)) if tie is None else _all([query, self.equal(name, tie)])
            hits += [Hit(key, value=tie) for key in self.by_key(tied, limit - len(hits))]
        return hits

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
        if isinstance(value, str):
            return self.ask.terms(name, [value])
        return self.ask.range(name, _number_type(name), plans.Span(value, value))

    def beyond(self, name: str, value: float | int | str, descending: bool) -> Query:
        """Return what comes after a value; titles with the same 32 bytes are in it on either side."""
        if isinstance(value, str):
            return _but(self.beyond_heads(_heads(value), descending), self.equal(name, value))
        span = plans.Span(None, value, include_high=False) if descending else plans.Span(value, None, include_low=False)
        return self.ask.range(name, _number_type(name), span)

    def beyond_heads(self, heads: Sequence[int], descending: bool) -> Query:
        query: Query | None = None
        for name, head in reversed(list(zip(_HEADS, heads, strict=True))):
            inclusive = query is None
            span = (
                plans.Span(0, head, include_high=inclusive)
                if descending
                else plans.Span(head, _LAST_HEAD, include_low=inclusive)
            )
            further = self.ask.range(name, FieldType.Unsigned, span)
            if query is not None:
                same = self.ask.range(name, FieldType.Unsigned, plans.Span(head, head))
                further = _any([further, _all([same, query])])
            query = further
        assert query is not None
        return query

    def counted(self) -> tuple[tuple[Facet, ...], dict[int, int]]:
        """Return the facets and the counts by month: one aggregation, and one more for each facet with a selection."""
        requests = dict.fromkeys(self.plan.facets)
        ticked = plans.selections(self.plan)
        found: dict[FacetRequest | Histogram, Any] = {}
        groups: dict[str, list[FacetRequest | Histogram]] = {}
        for request in requests:
            groups.setdefault(request.name if request.name in ticked else "", []).append(request)
        if self.plan.histogram is not None:
            groups.setdefault("", []).append(Histogram("month"))
        for name, group in groups.items():
            cached = self.prepared.everything(name)
            wanted = [each for each in group if not cached or ticked.get(name) or each not in self.reader.cache]
            answers = self.aggregated(self.prepared.query(without=name), wanted, ticked.get(name, ()))
            if cached and not ticked.get(name):
                self.reader.cache.update(answers)
                answers = {each: self.reader.cache[each] for each in group}
            found |= answers
        months = found.get(Histogram("month"), {}) if self.plan.histogram is not None else {}
        return tuple(found[request] for request in self.plan.facets), months

    def aggregated(
        self, query: Query, wanted: Sequence[FacetRequest | Histogram], ticked: Sequence[str]
    ) -> dict[FacetRequest | Histogram, Any]:
        answers: dict[FacetRequest | Histogram, Any] = {}
        sizes = {each: 2 * each.size + 10 for each in wanted if isinstance(each, FacetRequest)}
        while len(answers) < len(wanted):
            pending = [each for each in wanted if each not in answers]
            asked: dict[str, Any] = {}
            for number, each in enumerate(pending):
                if isinstance(each, Histogram):
                    asked[f"{number}"] = _terms(_MONTH, plans.COUNTED)
                    continue
                asked[f"{number}"] = _terms(each.name, sizes[each], within=each.within)
                if ticked:
                    asked[f"{number}+"] = _terms(each.name, len(ticked), include=list(ticked))
            counts = self.searcher.aggregate(query, asked)
            for number, each in enumerate(pending):
                found = counts[f"{number}"]
                buckets = {bucket["key"]: int(bucket["doc_count"]) for bucket in found["buckets"]}
                if isinstance(each, Histogram):
                    answers[each] = {int(month): count for month, count in buckets.items()}
                elif len(buckets) >= sizes[each] and _tied(buckets, each.size) and sizes[each] < plans.COUNTED:
                    # What ties with the last bucket may go on unseen, and the value decides among equals.
                    sizes[each] = min(8 * sizes[each], plans.COUNTED)
                else:
                    chosen = counts[f"{number}+"]["buckets"] if ticked else ()
                    selected = {bucket["key"]: int(bucket["doc_count"]) for bucket in chosen}
                    answers[each] = _facet(each, buckets, ticked, selected, found)
        return answers


def _facet(
    request: FacetRequest,
    counts: dict[str, int],
    ticked: Sequence[str],
    selected: dict[str, int],
    found: dict[str, Any],
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
        escaped = "".join(f"\\{character}" if character in _RUST_SPECIAL else character for character in within)
        terms["include"] = f"{escaped}/(.|\n)*"
    return {"terms": terms}


def _tied(counts: Mapping[str, int], size: int) -> bool:
    """Tell whether the last bucket of a facet and the last one counted are equally frequent."""
    falling = sorted(counts.values(), reverse=True)
    return size > 0 and falling[min(size, len(falling)) - 1] == falling[-1]


def _number_type(name: str) -> FieldType:
    if name == _LENGTH:
        return FieldType.Unsigned
    return FieldType.Float if FIELDS[name].type is Type.NUMBER else FieldType.Integer


def _follows(value: Any, last: str, descending: bool) -> bool:
    return value is not None and (value < last if descending else value > last)


def _by_value(hits: list[Hit]) -> list[Hit]:
    """Return hits that are in the order of their values with rising keys among equals."""
    ordered: list[Hit] = []
    run: list[Hit] = []
    for hit in hits:
        if run and run[-1].value != hit.value:
            ordered += sorted(run, key=lambda each: each.key)
            run = []
        run.append(hit)
    return ordered + sorted(run, key=lambda each: each.key)


class _Scope:
    """One scope's generations with what is open of them: readers, and the writer once something is written."""

    def __init__(self, name: str, path: Path, heap: int) -> None:
        self.name = name
        self.files = Generations(path / name)
        self.heap = heap
        self.schema = _schema()
        self.fingerprint = _fingerprint()
        self.lock = threading.RLock()
        self.building: set[str] = set()
        self.looked = float("-inf")
        self.pointed: tuple[generations.Signature | None, generations.Pointer] | None = None
        self.readers: dict[str, _Reader] = {}
        self.writing: tuple[str, tantivy.IndexWriter] | None = None

    # ---- reading

    def reader(self, name: str = "") -> _Reader:
        """Return the generation asked for as it is now; an empty one in memory where nothing was ever written.

        Raises:
            ConfigError: It is damaged or of another version.
            GoneError: It is not here any more.
        """
        now = time.monotonic()
        pointed = self.pointed
        if pointed is not None and now - self.looked < LOOK_AGAIN:
            found = self.readers.get(name or pointed[1].current)
            if found is not None:
                return found
        with self.lock:
            self.looked = now
            pointer = self.pointer()
            wanted = name or pointer.current
            if wanted not in {pointer.current, pointer.previous}:
                raise GoneError(f"generation {wanted[:40]} of {self.name} was replaced by {pointer.current or 'none'}")
            for old in self.readers.keys() - {pointer.current, pointer.previous}:
                del self.readers[old]
            return self.opened(wanted)

    def pointer(self) -> generations.Pointer:
        seen = self.files.signature()
        if self.pointed is None or self.pointed[0] != seen:
            self.pointed = seen, self.files.pointer()
        return self.pointed[1]

    def opened(self, name: str) -> _Reader:
        """Return a generation as it is now; the lock is held."""
        old = self.readers.get(name)
        if not name:
            if old is None:
                index = _open(self.schema, None)
                index.reload()
                old = self.readers[""] = _Reader("", index, index.searcher(), State(), None)
            return old
        folder = self.files.folder(name)
        seen = generations.signature(folder / "meta.json")
        state_seen = generations.signature(folder / generations.STATE)
        both = None if seen is None or state_seen is None else (*seen, *state_seen)
        if old is not None and both is not None and old.seen == both:
            return old
        # The state is read first: it may then be older than what is searched, never newer.
        state = self.state(folder)
        index = self.index(folder) if old is None else old.index
        with _guarded(f"opening {folder}"):
            index.reload()
            reader = _Reader(name, index, index.searcher(), state, both)
        self.readers[name] = reader
        return reader

    def state(self, folder: Path) -> State:
        state = generations.read_state(folder)
        if state.schema != self.fingerprint:
            raise ConfigError(f"{folder} was made by another version; {REINDEX}")
        return state

    def index(self, folder: Path) -> tantivy.Index:
        try:
            if not tantivy.Index.exists(str(folder)):
                raise ConfigError(f"{folder} is no index; {REINDEX}")
            if not tantivy.Index.is_compatible(str(folder)):
                raise ConfigError(f"{folder} is of another version of tantivy; {REINDEX}")
            return _open(self.schema, folder)
        except (ValueError, OSError) as error:
            raise ConfigError(f"{folder} cannot be opened ({str(error)[:200]}); {REINDEX}") from error

    # ---- writing

    def write(self, documents: Iterable[Document], deleted: Iterable[int], change: int) -> None:
        rows = {document.key: _row(document) for document in documents}
        gone = [key for key in dict.fromkeys(deleted) if 0 <= key <= plans.MAX_KEY]
        with self.lock:
            name = self.pointer().current or self.first()
            self.state(self.files.folder(name))
            if rows or gone:
                self.commit(name, rows, gone)
            self.remember(name, change)

    def first(self) -> str:
        """Publish an empty generation."""
        build = _Build(self, self.heap)
        return build.publish(0).name

    def commit(self, name: str, rows: Mapping[int, str], gone: Iterable[int]) -> None:
        with _guarded("writing"):
            writer = self.writer(name)
            try:
                for key, row in rows.items():
                    writer.delete_documents_by_term(_KEY, key)
                    writer.add_json(row)
                for key in gone:
                    writer.delete_documents_by_term(_KEY, key)
                writer.commit()
            except BaseException:
                # A writer that failed once (full disk) is not to be trusted; a new one cleans up behind it.
                self.writing = None
                with contextlib.suppress(ValueError, OSError):
                    writer.rollback()
                raise

    def writer(self, name: str) -> tantivy.IndexWriter:
        if self.writing is None or self.writing[0] != name:
            self.release()
            folder = self.files.folder(name)
            index = self.opened(name).index
            writer = index.writer(self.heap, 1)
            # Files of a commit that a kill has cut short bear the names that the same commit wants again.
            writer.garbage_collect_files()
            for left in folder.glob(".tmp*"):
                left.unlink(missing_ok=True)
            self.writing = name, writer
        return self.writing[1]

    def remember(self, name: str, change: int) -> None:
        folder = self.files.folder(name)
        known = generations.read_state(folder).files
        files = generations.manifest(folder, known, _files(folder))
        generations.write_state(folder, State(change, self.fingerprint, files))
        self.looked = float("-inf")
        self.opened(name)

    def release(self) -> None:
        """Let merges end and give the writer's lock back."""
        if self.writing is None:
            return
        (name, writer), self.writing = self.writing, None
        with _guarded("merging"):
            writer.wait_merging_threads()
        folder = self.files.folder(name)
        if folder.is_dir() and name in self.readers:
            self.remember(name, generations.read_state(folder).change)

    def publish(self, name: str) -> None:
        with self.lock:
            self.release()
            self.files.publish(name)
            self.looked = float("-inf")

    def rollback(self) -> Generation:
        with self.lock:
            self.release()
            self.files.rollback()
            self.looked = float("-inf")
            return self.generation()

    def generation(self) -> Generation:
        reader = self.reader()
        return Generation(reader.name, reader.state.change, int(reader.searcher.num_docs))

    def check(self) -> list[str]:
        try:
            pointer = self.files.pointer()
            if not pointer.current:
                return []
            folder = self.files.folder(pointer.current)
            wrong = generations.damaged(folder, self.state(folder))
            wrong += [f"{folder / name} is missing; {REINDEX}" for name in _missing(folder)]
            if not wrong:
                self.reader()
        except DiscoveryError as error:
            return [str(error)]
        return wrong

    def close(self) -> None:
        with self.lock:
            self.release()
            self.readers.clear()
            self.pointed = None


class _Build:
    """A generation being made in a folder beside the one that answers."""

    def __init__(self, scope: _Scope, heap: int) -> None:
        self.scope = scope
        with scope.lock:
            self.name = scope.files.begin(scope.building)
            scope.building.add(self.name)
        self.folder = scope.files.folder(self.name)
        with _guarded("starting a build"):
            self.index = _open(scope.schema, self.folder)
            threads = min(4, os.cpu_count() or 1) if heap >= BUILD_HEAP else 1
            self.writer: tantivy.IndexWriter | None = self.index.writer(heap, threads)

    def add(self, documents: Iterable[Document]) -> None:
        """Put documents in; keys are new to this generation."""
        writer = self._open()
        for document in documents:
            row = _row(document)
            with _guarded("building"):
                writer.add_json(row)

    def publish(self, change: int) -> Generation:
        """Make this the generation that answers, in one step; the one before is kept for `rollback`."""
        writer = self._open()
        with _guarded("building"):
            writer.commit()
            writer.wait_merging_threads()
        self.writer = None
        files = generations.manifest(self.folder, {}, _files(self.folder))
        generations.write_state(self.folder, State(change, self.scope.fingerprint, files))
        self.scope.publish(self.name)
        self.scope.building.discard(self.name)
        return self.scope.generation()

    def discard(self) -> None:
        """Throw the unfinished generation away."""
        if self.name not in self.scope.building:
            return
        self.writer = None
        self.scope.building.discard(self.name)
        self.scope.files.remove(self.name)

    def _open(self) -> tantivy.IndexWriter:
        if self.writer is None:
            raise ConflictError(f"generation {self.name} is already published or discarded")
        return self.writer


def _files(folder: Path) -> list[str]:
    """Return the files of the segments that are committed; merges may be writing others at this moment.

    Raises:
        ConfigError: The list is damaged.
    """
    try:
        names = []
        for segment in orjson.loads((folder / "meta.json").read_bytes())["segments"]:
            stem = segment["segment_id"].replace("-", "")
            names += [f"{stem}.{ending}" for ending in ("store", "fast", "term", "idx", "pos", "fieldnorm")]
            if segment["deletes"]:
                names.append(f"{stem}.{segment['deletes']['opstamp']}.del")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigError(f"{folder / 'meta.json'} is damaged; {REINDEX}") from error
    return names


def _missing(folder: Path) -> list[str]:
    """Return committed files that are not there, looking twice: a merge may replace some between two looks."""
    return [name for name in _files(folder) if not (folder / name).is_file() and name in _files(folder)]


class TantivyIndex:
    """A search engine in a folder; safe to search from many threads and processes, written by one process at a time."""

    name = "tantivy"

    def __init__(self, path: Path, *, heap: int = WRITER_HEAP) -> None:
        self._scopes = {scope: _Scope(scope, path, heap) for scope in SCOPES}

    def search(self, plan: Plan) -> Answer:
        """Return what matches, with exact facet counts over the whole match; see `Index.search`."""
        plans.check(plan)
        reader = self._scope(plan.scope).reader(plan.generation)
        with _guarded("searching"):
            return _Search(reader, plan).answer()

    def keys(self, plan: Plan, limit: int = MAX_KEYS) -> Sequence[int]:
        """Return the keys of all matches in no particular order, at most `limit` of them."""
        plans.check(plan)
        reader = self._scope(plan.scope).reader(plan.generation)
        with _guarded("searching"):
            return _Search(reader, plan).any_keys(limit)

    def suggest(self, scope: str, tokens: tuple[str, ...], size: int) -> Sequence[int]:
        """Return keys of documents whose prepared `prefix` text holds every token, shortest titles first."""
        if not tokens or size <= 0:
            return []
        found = _Search(self._scope(scope).reader(), Plan(scope))
        with _guarded("suggesting"):
            found.query = _all([found.ask.terms(_PREFIX, [token[:PREFIX_LENGTH]]) for token in tokens])
            return [hit.key for hit in found.sorted_by(_LENGTH, size)]

    def terms(self, scope: str, grams: tuple[str, ...], size: int) -> Sequence[str]:
        """Return words of titles that share most of the given trigrams, most shared and most frequent first."""
        searcher = self._scope(scope).reader().searcher
        wanted = set(grams)
        with _guarded("looking up words"):
            return plans.similar_words(wanted, searcher.terms_with_prefix(_WORDS, ""), size)

    def generation(self, scope: str) -> Generation:
        """Return the generation that answers now."""
        return self._scope(scope).generation()

    def write(self, scope: str, documents: Iterable[Document], deleted: Iterable[int], change: int) -> None:
        """Replace documents by key, remove the deleted keys, and remember `change`; visible when this returns.

        Raises:
            ConflictError: Another process is writing.
            RecordError: A document holds what no engine can; nothing was written.
        """
        self._scope(scope).write(documents, deleted, change)

    def build(self, scope: str) -> _Build:
        """Begin a new generation of a scope."""
        return _Build(self._scope(scope), BUILD_HEAP)

    def rollback(self, scope: str) -> Generation:
        """Go back to the generation before the current one; see `Index.rollback`."""
        return self._scope(scope).rollback()

    def check(self) -> Sequence[str]:
        """Return what is wrong with the files, one sentence each; empty is good."""
        return [sentence for scope in self._scopes.values() for sentence in scope.check()]

    def close(self) -> None:
        """Let merges end and let go of the files."""
        for scope in self._scopes.values():
            scope.close()

    def _scope(self, name: str) -> _Scope:
        if name not in self._scopes:
            raise BadQueryError(f"scope {name!r} is not one of {', '.join(SCOPES)}", parameter="scope")
        return self._scopes[name]
