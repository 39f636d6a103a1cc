"""The oracle: an index of plain lists and sets that says what every engine must answer.

It reads the contract literally and shares no shortcut with an engine: each search looks at each document. It also
serves as the index of tests that are not about engines.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from operator import itemgetter
from typing import Any

from discovery.errors import BadQueryError, ConflictError, GoneError, NotFoundError
from discovery.index import calendar, cells, plans, ranges
from discovery.index.base import MAX_KEYS, Answer, Cells, Document, Generation, Hit, Keys, Plan
from discovery.index.like import like
from discovery.model.instant import DAY
from discovery.model.record import SCOPES
from discovery.query.facets import CellRequest, HeatMap, RangeFacet, RangeRequest, RangeSelection
from discovery.query.fields import Type
from discovery.query.healpix import DEEPEST
from discovery.query.query import (
    And,
    Between,
    Bin,
    Comparison,
    Facet,
    FacetRequest,
    In,
    IsNull,
    Like,
    Not,
    Or,
    Region,
    Scalar,
    Sort,
    Time,
    Total,
)
from discovery.query.text import matches, score
from discovery.query.tokens import fold


def values(document: Document, name: str) -> tuple[Any, ...]:
    """Return a document's values of a field of the table, or of the long tail for `properties.NAME`."""
    of = plans.resolve(name)
    if isinstance(of, str):
        return tuple(each.removeprefix(f"{of}=") for each in document.tail if each.startswith(f"{of}="))
    if of.type is Type.TEXT:
        return (document.title,) if document.title else ()
    if of.type is Type.KEYWORD:
        return tuple(dict.fromkeys(filter(None, document.keywords.get(of.name, ()))))
    held: Mapping[str, float] = document.numbers if of.type is Type.NUMBER else document.instants
    return (held[of.name],) if of.name in held else ()


def holds(node: Any, document: Document) -> bool:
    """Tell whether a document fulfils a filter, by the words of `discovery.query.query`."""
    match node:
        case And(args):
            return all(holds(arg, document) for arg in args)
        case Or(args):
            return any(holds(arg, document) for arg in args)
        case Not(arg):
            return not holds(arg, document)
        case IsNull(name):
            return not values(document, name)
        case Time(start, end):
            return _overlaps(document, start, end)
        case Cells(cells, parents):
            own, above = set(document.cells), set(document.parents)
            return bool(own & set(cells) or own & set(parents) or above & set(cells))
        case Keys(keys):
            return document.key in keys
        case Like(name, pattern):
            folded = _typed(name) is Type.TEXT
            wanted = like(pattern, casei=node.casei, accenti=node.accenti, folded=folded)
            return any(wanted.matches(value) for value in values(document, name))
        case _:
            return _compares(node, document)


def _overlaps(document: Document, start: int | None, end: int | None) -> bool:
    first, last = document.instants.get("start"), document.instants.get("end")
    if first is None and last is None:
        return False
    begins = first is None or end is None or first <= end
    return begins and (last is None or start is None or last >= start)


def _compares(node: Any, document: Document) -> bool:
    if isinstance(node, Region):
        raise BadQueryError("an engine cannot answer Region", parameter="filter")
    found = values(document, node.name)
    match node:
        case Comparison("<>", name, value):
            return bool(found) and _literal(name, value) not in found
        case Comparison(op, name, value):
            wanted = _literal(name, value)
            return any(_relation(op, each, wanted) for each in found)
        case In(name, wanted_values):
            return any(_literal(name, value) in found for value in wanted_values)
        case Between(name, low, high):
            return any(_literal(name, low) <= each <= _literal(name, high) for each in found)
    raise BadQueryError(f"an engine cannot answer {type(node).__name__}")


def _relation(op: str, left: Any, right: Any) -> bool:
    return bool(
        {"=": left == right, "<": left < right, "<=": left <= right, ">": left > right, ">=": left >= right}[op]
    )


def _typed(name: str) -> Type | None:
    of = plans.resolve(name)
    return None if isinstance(of, str) else of.type


def _literal(name: str, value: Scalar) -> Any:
    kind = _typed(name)
    if kind in {Type.NUMBER, Type.INSTANT}:
        if isinstance(value, str | bool) or value != value:
            raise BadQueryError(f"{name} holds numbers; {value!r} is not a number")
        return value
    if not isinstance(value, str):
        raise BadQueryError(f"{name} holds text; {value!r} is not text")
    return fold(value) if kind is Type.TEXT else value


@dataclass(frozen=True, slots=True)
class _Kept:
    """One generation: everything it holds, by key."""

    name: str
    change: int = 0
    documents: Mapping[int, Document] = field(default_factory=dict)


@dataclass(slots=True)
class _Scope:
    """The generation that answers, the one before, and how many there have been."""

    current: _Kept = field(default_factory=lambda: _Kept(""))
    previous: _Kept | None = None
    count: int = 0


class OracleIndex:
    """An `Index` in memory whose answers can be checked by reading it."""

    name = "oracle"
    local = True

    def __init__(self) -> None:
        self._scopes = {scope: _Scope() for scope in SCOPES}

    def search(self, plan: Plan) -> Answer:
        """Return what matches; see `Index.search`."""
        plans.check(plan)
        kept = self._generation(plan)
        found = [document for document in kept.documents.values() if _matches(plan, document)]
        hits = _ordered(plan, found)
        page = hits[: plan.size]
        facets = tuple(_facet(request, plan, kept.documents.values()) for request in plan.facets)
        interval, bins = _bins(plan, found)
        return Answer(
            tuple(page),
            Total(len(found)),
            kept.name,
            facets,
            bins,
            interval,
            tuple(_number(request, plan, kept.documents.values()) for request in plan.numbers),
            None if plan.heat is None else _heat(plan.heat, found),
            more=len(hits) > plan.size,
        )

    def keys(self, plan: Plan, limit: int = MAX_KEYS) -> Sequence[int]:
        """Return the keys of all matches, at most `limit` of them."""
        documents = self._generation(plan).documents.values()
        return [document.key for document in documents if _matches(plan, document)][:limit]

    def anchored(self, plan: Plan, limit: int = MAX_KEYS) -> tuple[Sequence[int], Sequence[int]]:
        """Return the keys of all matches, at most `limit` of them, and their anchors."""
        keys = self.keys(plan, limit)
        documents = {document.key: document for document in self._generation(plan).documents.values()}
        anchors = [documents[key].anchor for key in keys]
        return keys, [-1 if anchor is None else anchor for anchor in anchors]

    def suggest(self, scope: str, tokens: tuple[str, ...], size: int) -> Sequence[int]:
        """Return keys of documents whose prepared `prefix` text holds every token, shortest titles first."""
        found = [
            document
            for document in self._scope(scope).current.documents.values()
            if tokens and document.text and set(tokens) <= set(document.text.prefix.split())
        ]
        found.sort(key=lambda document: (len(document.title), document.key))
        return [document.key for document in found[:size]]

    def terms(self, scope: str, grams: tuple[str, ...], size: int) -> Sequence[str]:
        """Return words of titles that share most of the given trigrams."""
        words: Counter[str] = Counter()
        for document in self._scope(scope).current.documents.values():
            words.update(set(document.text.words) if document.text else ())
        return plans.similar_words(grams, words.items(), size)

    def generation(self, scope: str) -> Generation:
        """Return the generation that answers now."""
        kept = self._scope(scope).current
        return Generation(kept.name, kept.change, len(kept.documents))

    def write(self, scope: str, documents: Iterable[Document], deleted: Iterable[int], change: int) -> None:
        """Replace documents by key, remove the deleted keys, and remember `change`."""
        state = self._scope(scope)
        new = {document.key: plans.checked(document) for document in documents}
        gone = set(deleted)
        if not state.current.name:
            self.build(scope).publish(0)
        merged = {**state.current.documents, **new}
        kept = {key: document for key, document in merged.items() if key not in gone}
        state.current = replace(state.current, change=change, documents=kept)

    def build(self, scope: str) -> _Build:
        """Begin a new generation of a scope."""
        return _Build(self, scope)

    def publish(self, scope: str, documents: Mapping[int, Document], change: int) -> Generation:
        """Let these documents answer from now on."""
        state = self._scope(scope)
        state.count += 1
        state.previous = state.current if state.current.name else None
        state.current = _Kept(f"g{state.count:06d}", change, dict(documents))
        return self.generation(scope)

    def rollback(self, scope: str) -> Generation:
        """Go back to the generation before the current one; see `Index.rollback`."""
        state = self._scope(scope)
        if state.previous is None:
            raise NotFoundError(f"no generation before {state.current.name or 'the first'} was kept")
        state.current, state.previous = state.previous, None
        return self.generation(scope)

    def check(self) -> Sequence[str]:
        """Return nothing: there are no files that could be damaged."""
        return []

    def close(self) -> None:
        """Keep everything: what a test closes it may open again by going on."""

    def _scope(self, name: str) -> _Scope:
        if name not in self._scopes:
            raise BadQueryError(f"scope {name!r} is not one of {', '.join(SCOPES)}", parameter="scope")
        return self._scopes[name]

    def _generation(self, plan: Plan) -> _Kept:
        state = self._scope(plan.scope)
        for kept in (state.current, state.previous):
            if kept is not None and plan.generation in {"", kept.name}:
                return kept
        raise GoneError(f"generation {plan.generation[:40]} of {plan.scope} was replaced")


class _Build:
    """A generation being made."""

    def __init__(self, index: OracleIndex, scope: str) -> None:
        self._index = index
        self._scope = scope
        self._documents: dict[int, Document] | None = {}

    def add(self, documents: Iterable[Document]) -> None:
        """Put documents in; keys are new to this generation."""
        self._open().update((document.key, plans.checked(document)) for document in documents)

    def publish(self, change: int) -> Generation:
        """Make this the generation that answers."""
        documents = self._open()
        self._documents = None
        return self._index.publish(self._scope, documents, change)

    def discard(self) -> None:
        """Throw the unfinished generation away."""
        self._documents = None

    def _open(self) -> dict[int, Document]:
        if self._documents is None:
            raise ConflictError("the generation is already published or discarded")
        return self._documents


def _matches(plan: Plan, document: Document, without: str = "") -> bool:
    if plan.text and not matches(plan.text, *_texts(document)):
        return False
    if plan.filter is not None and not holds(plan.filter, document):
        return False
    ticked = ((name, wanted) for name, wanted in plans.selections(plan).items() if name != without)
    if not all(set(wanted) & set(values(document, name)) for name, wanted in ticked):
        return False
    ranged = {each.name for each in plan.ranges} - {without}
    return all(any(_within(each, document) for each in plan.ranges if each.name == name) for name in ranged)


def _within(selected: RangeSelection, document: Document) -> bool:
    value = document.numbers.get(selected.name)
    if value is None or (selected.low is not None and value < selected.low):
        return False
    return selected.high is None or (value < selected.high if selected.below else value <= selected.high)


def _texts(document: Document) -> tuple[list[str], list[str], tuple[str, ...]]:
    text = document.text
    return (text.title.split(), text.body.split(), text.exact) if text else ([], [], ())


def _ordered(plan: Plan, found: Iterable[Document]) -> list[Hit]:
    if plan.sort is None:
        scores = [Hit(each.key, score(plan.text, *_texts(each)) if plan.text else 0.0) for each in found]
        return sorted(scores, key=lambda hit: (-hit.score, hit.key))[plan.offset :]
    hits = in_order(plan.sort, found)
    if plan.after is None:
        return hits
    # Whatever stood at the position may be gone by now, so it takes part and everything up to it is cut.
    mark = Hit(plan.after.key, value=plan.after.value, then=plan.after.then)
    among = _sorted(plan.sort, [*(hit for hit in hits if _place(hit) != _place(mark)), mark])
    return among[among.index(mark) + 1 :]


def in_order(sort: Sort, found: Iterable[Document]) -> list[Hit]:
    """Return hits by the fields' values, ties by rising key, those without a value last among what ties so far."""
    orders = (sort, *sort.then)
    rows = ((each.key, [next(iter(values(each, order.name)), None) for order in orders]) for each in found)
    return _sorted(sort, [Hit(key, value=first, then=tuple(others)) for key, (first, *others) in rows])


def _place(hit: Hit) -> tuple[Any, ...]:
    return hit.value, hit.then, hit.key


def _sorted(sort: Sort, hits: Sequence[Hit]) -> list[Hit]:
    found: list[Any] = sorted(hits, key=lambda hit: hit.key)
    # Sorts are stable, also turned round: what counts least goes first, and what is equal keeps its order.
    for number, order in reversed(list(enumerate((sort, *sort.then)))):
        valued = [(hit.then[number - 1] if number else hit.value, hit) for hit in found]
        known = sorted((each for each in valued if each[0] is not None), key=itemgetter(0), reverse=order.descending)
        found = [hit for _, hit in known] + [hit for value, hit in valued if value is None]
    return found


def _facet(request: FacetRequest, plan: Plan, documents: Iterable[Document]) -> Facet:
    counted = [document for document in documents if _matches(plan, document, without=request.name)]
    counts = Counter(value for document in counted for value in values(document, request.name))
    ticked = plans.selections(plan).get(request.name, ())
    inside = {value: count for value, count in counts.items() if _listed(value, request)}
    top = dict(sorted(inside.items(), key=lambda item: (-item[1], item[0]))[: request.size])
    top |= {value: counts[value] for value in ticked}
    plain = replace(request, size=len(top))
    others = sum(inside.values())
    return plans.facet_of(plain, top, ticked, counts, others)


def _listed(value: str, request: FacetRequest) -> bool:
    """Tell whether a facet may list a value, by the words of `FacetRequest`."""
    if request.within and not value.startswith(f"{request.within}/"):
        return False
    rest = value[len(request.within) + 1 :] if request.within else value
    sought = "".join(f"\\{each}" for each in request.text)
    return value in request.values or like(f"%{sought}%", casei=True, accenti=True).matches(rest)


def _bins(plan: Plan, found: Iterable[Document]) -> tuple[str, tuple[Bin, ...]]:
    if plan.histogram is None:
        return "", ()
    starts = [each.instants["start"] for each in found if each.month is not None]
    months = Counter(calendar.month_of(start) for start in starts)
    daily = Counter(start // DAY for start in starts) if calendar.by_day(plan.histogram, months) else None
    return calendar.bins(plan.histogram, months, daily)


def _number(request: RangeRequest, plan: Plan, documents: Iterable[Document]) -> RangeFacet:
    counted = [document for document in documents if _matches(plan, document, without=request.name)]
    found = sorted(each.numbers[request.name] for each in counted if request.name in each.numbers)
    positive = [each for each in found if each >= ranges.LEAST] if request.log and request.bins else found
    edges = ranges.edges(request, positive[0] if positive else None, found[-1] if found else None)
    return ranges.facet_of(
        request,
        edges,
        [sum(low <= each < high for each in found) for low, high in pairwise(edges)],
        below=sum(each < edges[0] for each in found) if edges else 0,
        above=sum(each >= edges[-1] for each in found) if edges else 0,
        present=len(found),
        missing=len(counted) - len(found),
        least=found[0] if found else None,
        greatest=found[-1] if found else None,
    )


def _heat(request: CellRequest, found: Iterable[Document]) -> HeatMap:
    here = [each.anchor for each in found if each.anchor is not None and request.frame in values(each, "frame")]
    order = cells.order(request, Counter(anchor >> 2 * (DEEPEST - cells.COARSE) for anchor in here))
    return cells.heat_map(request, order, Counter(anchor >> 2 * (DEEPEST - order) for anchor in here))
