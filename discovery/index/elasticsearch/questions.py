"""Filters and text in Elasticsearch's queries, as plain dictionaries."""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from discovery.errors import BadQueryError
from discovery.index import plans
from discovery.index.base import Cells, Keys, Plan
from discovery.index.elasticsearch.mapping import MAX_REGEX, tail_key
from discovery.index.like import Pattern
from discovery.index.plans import BODY, CELLS, END, EXACT, FIRST, KEY, LAST, PARENTS, START, TAIL, TITLE
from discovery.query.fields import Type
from discovery.query.query import And, Between, Comparison, Filter, In, IsNull, Like, Not, Or, Scalar, Time
from discovery.query.text import EXACT_WEIGHT, SYNONYM_WEIGHT, TITLE_WEIGHT, WHOLE_WEIGHT, Group, TextQuery, divided

Query = dict[str, Any]

LUCENE_SPECIAL: Final = r'\.+*?()|[]{}^$#&-~@<>"'
EVERYTHING: Final[Query] = {"match_all": {}}
NOTHING: Final[Query] = {"match_none": {}}
MAX_TERMS: Final = 65_536
"""Values in one `terms`: index.max_terms_count of a new server."""
_DEEPEST: Final = 20
"""Levels of one query before the rest is wrapped; Elasticsearch reads 30 (indices.query.bool.max_nested_depth)."""

_Node = Filter | Cells | Keys
Walk = Callable[[str, str, Callable[[str], bool]], list[str]]
"""Returns the values of a field that begin with a text and fulfil a condition."""


def every(queries: Iterable[Query]) -> Query:
    """Return what all of the queries match, unscored; everything for none."""
    found = [query for query in queries if query != EVERYTHING]
    if not found:
        return EVERYTHING
    return found[0] if len(found) == 1 else {"bool": {"filter": found}}


def either_of(queries: Iterable[Query]) -> Query:
    """Return what one of the queries matches; nothing for none."""
    found = [query for query in queries if query != NOTHING]
    if not found:
        return NOTHING
    return found[0] if len(found) == 1 else {"bool": {"should": found, "minimum_should_match": 1}}


def but(query: Query, *excluded: Query) -> Query:
    """Return what a query matches, scored as it is, without what the excluded ones match."""
    return {"bool": {"must": [query], "must_not": list(excluded)}}


def opposite(query: Query) -> Query:
    """Return what a query does not match."""
    return {"bool": {"must_not": [query]}}


def terms(name: str, values: Iterable[str | int | float]) -> Query:
    """Return the documents with one of these terms, however many there are."""
    wanted = list(dict.fromkeys(values))
    if len(wanted) == 1:
        return {"term": {name: wanted[0]}}
    parts = (wanted[at : at + MAX_TERMS] for at in range(0, len(wanted), MAX_TERMS))
    return either_of({"terms": {name: part}} for part in parts)


def exists(name: str) -> Query:
    """Return the documents that have a value."""
    return {"exists": {"field": name}}


def span(name: str, wanted: plans.Span) -> Query:
    """Return the documents whose number lies in a span."""
    low, high = (_finite(wanted.low), _finite(wanted.high))
    if wanted.empty or wanted.low == math.inf or wanted.high == -math.inf:
        return NOTHING
    bounds: Query = {}
    if low is not None:
        bounds["gte" if wanted.include_low else "gt"] = low
    if high is not None:
        bounds["lte" if wanted.include_high else "lt"] = high
    return {"range": {name: bounds}} if bounds else exists(name)


def _finite(bound: float | int | None) -> float | int | None:
    """Return a bound, or None when nothing that is stored lies beyond it: numbers here are finite."""
    return None if bound is None or (isinstance(bound, float) and math.isinf(bound)) else bound


def literal(name: str, value: Scalar, *, folded: bool = False) -> str:
    """Return a literal as text is compared.

    Raises:
        BadQueryError: It is no text, or text that JSON cannot hold.
    """
    text = plans.text_literal(name, value, folded=folded)
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise BadQueryError(f"a value of {name} is not Unicode text: {text[:80]!r}", parameter="filter") from error
    return text


def simpler(node: Any, *, negated: bool = False) -> Any:
    """Return a filter with the same meaning in which NOT stands before leaves only and no AND is right below an AND.

    What is left is as deep as AND and OR take turns.
    """
    match node:
        case Not(arg):
            return simpler(arg, negated=not negated)
        case And(args) | Or(args):
            kind = (And if negated else Or) if isinstance(node, Or) else (Or if negated else And)
            parts: list[Any] = []
            for arg in args:
                part = simpler(arg, negated=negated)
                parts += part.args if isinstance(part, kind) else [part]
            return parts[0] if len(parts) == 1 else kind(tuple(parts))
        case _:
            return Not(node) if negated else node


def shallow(query: Query) -> Query:
    """Return a query that means the same and is nowhere nested deeper than Elasticsearch reads."""
    found: Query = _shallow(query)[0]
    return found


def _shallow(node: Any) -> tuple[Any, int]:
    if isinstance(node, list):
        parts = [_shallow(each) for each in node]
        return [part for part, _ in parts], max((depth for _, depth in parts), default=0)
    if not isinstance(node, dict):
        return node, 0
    inner = {name: _shallow(each) for name, each in node.items()}
    depth = max((depth for _, depth in inner.values()), default=0)
    found = {name: each for name, (each, _) in inner.items()}
    if found.keys() & {"bool", "dis_max", "constant_score"}:
        depth += 1
        if depth >= _DEEPEST:
            return {"wrapper": {"query": base64.b64encode(orjson.dumps(found)).decode()}}, 1
    return found, depth


class Questions:
    """Filters and text in Elasticsearch's terms.

    Args:
        walk: Looks through the values of a field, for patterns that Elasticsearch does not take.
        patient: Whether to look through values for every pattern.
    """

    def __init__(self, walk: Walk, *, patient: bool = False) -> None:
        self.walk = walk
        self.patient = patient

    def filter(self, node: _Node) -> Query:
        """Return what a node matches."""
        return self.node(simpler(node))

    def node(self, node: _Node) -> Query:
        """Return what a node matches; every node of `Plan.filter` has its line here."""
        match node:
            case And(args):
                return every(self.node(arg) for arg in args)
            case Or(args):
                return either_of(self.node(arg) for arg in args)
            case Not(arg):
                return opposite(self.node(arg))
            case Comparison(op, name, value):
                return self.comparison(op, name, value)
            case Between(name, low, high):
                return self.between(name, low, high)
            case In(name, values):
                return self.one_of(name, values)
            case Like():
                return self.like(node)
            case IsNull(name):
                return opposite(self.present(name))
            case Time(start, end):
                return self.time(start, end)
            case Cells(cells, parents):
                here = terms(CELLS, map(str, (*cells, *parents)))
                return either_of([here, terms(PARENTS, map(str, cells))])
            case Keys(keys):
                return terms(KEY, (key for key in keys if 0 <= key <= plans.MAX_KEY))
            case _:
                raise BadQueryError(f"an engine cannot answer {type(node).__name__}", parameter="filter")

    def comparison(self, op: str, name: str, value: Scalar) -> Query:
        """Return what `name op value` matches."""
        if op == "<>":
            return every([self.present(name), opposite(self.one_of(name, (value,)))])
        bounds = {"<": "lt", "<=": "lte", ">": "gt", ">=": "gte"}
        if op == "=":
            return self.one_of(name, (value,))
        if op not in bounds:
            raise BadQueryError(f"operator {op!r} is not one of = <> < <= > >=", parameter="filter")
        of = plans.ordered(name)
        if of.type in {Type.KEYWORD, Type.TEXT}:
            return {"range": {of.name: {bounds[op]: literal(name, value, folded=of.type is Type.TEXT)}}}
        return span(of.name, plans.compared(of, op, value))

    def between(self, name: str, low: Scalar, high: Scalar) -> Query:
        """Return what one and the same value between two others matches."""
        of = plans.ordered(name)
        if of.type in {Type.KEYWORD, Type.TEXT}:
            first, last = (literal(name, each, folded=of.type is Type.TEXT) for each in (low, high))
            return {"range": {of.name: {"gte": first, "lte": last}}} if first <= last else NOTHING
        return span(of.name, plans.span(of, low, high))

    def one_of(self, name: str, values: Sequence[Scalar]) -> Query:
        """Return what equals one of the values."""
        of = plans.resolve(name)
        if isinstance(of, str):
            return either_of(_pair(f"{of}={literal(name, value)}") for value in dict.fromkeys(values))
        if of.type in {Type.KEYWORD, Type.TEXT}:
            return terms(of.name, [literal(name, value, folded=of.type is Type.TEXT) for value in values])
        spans = [plans.compared(of, "=", value) for value in values]
        found = [None if each.empty else _finite(each.low) for each in spans]
        return terms(of.name, [each for each in found if each is not None])

    def like(self, node: Like) -> Query:
        """Return what a pattern matches."""
        of, found = plans.pattern(node)
        if found.runs == ((), ()):
            return exists(of.name)
        regex = found.regex(LUCENE_SPECIAL)
        if self.patient or len(regex) > MAX_REGEX or not _encodes(regex):
            return terms(of.name, self.walk(of.name, _prefix(found), found.matches))
        # Without flags, so that only what `regex` writes means anything.
        return {"regexp": {of.name: {"value": regex, "flags": "NONE"}}} if regex else NOTHING

    def present(self, name: str) -> Query:
        """Return the documents that have a value."""
        of = plans.resolve(name)
        return _pair(f"{of}=", begins=True) if isinstance(of, str) else exists(of.name)

    def time(self, start: int | None, end: int | None) -> Query:
        """Return the documents whose time overlaps one that is asked for."""
        # Open ends are stored as the outermost numbers, and nothing else is, so a time beyond all meets them alone.
        parts = []
        if end is not None:
            parts.append(span(START, plans.Span(None, min(max(end, FIRST), LAST))))
        if start is not None:
            parts.append(span(END, plans.Span(min(max(start, FIRST), LAST), None)))
        return every(parts or [exists(START)])

    def text(self, query: TextQuery) -> Query:
        """Return what a text matches, scored; an identifier pasted whole matches whatever the words say."""
        needed, enough = divided(query)
        wanted = [self.group(group) for group in needed]
        if enough:
            some = [self.group(group) for group in enough]
            wanted.append({"bool": {"should": some, "minimum_should_match": query.least}})
        excluded = [self.group(group) for group in query.excluded]
        parts: Query = {}
        if wanted:
            parts["must"] = wanted
        if excluded:
            parts["must_not"] = excluded
        if enough:
            whole = every(self.group(group) for group in query.groups)
            parts["should"] = [{"constant_score": {"filter": whole, "boost": WHOLE_WEIGHT}}]
        found: Query = {"bool": parts}
        if query.exact is None:
            return found
        if not parts:
            # Without words everything matches, and the identifier only decides who comes first.
            found = {"constant_score": {"filter": EVERYTHING, "boost": 0.0}}
        pasted = {"constant_score": {"filter": {"term": {EXACT: query.exact}}, "boost": EXACT_WEIGHT}}
        return either_of([found, pasted])

    def group(self, group: Group) -> Query:
        """Return what one of the alternatives matches, synonyms scored less."""
        first, *others = [self.alternative(each, group.phrase) for each in group.alternatives]
        if not others:
            return first
        weaker = [{"bool": {"must": [each], "boost": SYNONYM_WEIGHT}} for each in others]
        return {"dis_max": {"queries": [first, *weaker]}}

    def alternative(self, tokens: tuple[str, ...], phrase: bool) -> Query:
        """Return what has the tokens side by side in one field, or each anywhere."""
        if phrase and len(tokens) > 1:
            side_by_side = " ".join(tokens)
            title = {"match_phrase": {TITLE: {"query": side_by_side, "boost": TITLE_WEIGHT}}}
            return either_of([title, {"match_phrase": {BODY: side_by_side}}])
        found = [self.token(token) for token in tokens]
        return found[0] if len(found) == 1 else {"bool": {"must": found}}

    @staticmethod
    def token(token: str) -> Query:
        """Return what has the token in the title or the body."""
        return either_of([{"term": {TITLE: {"value": token, "boost": TITLE_WEIGHT}}}, {"term": {BODY: token}}])


def _pair(pair: str, *, begins: bool = False) -> Query:
    """Return the documents whose long tail has a pair, or one that begins so."""
    name, _, value = pair.partition("=")
    return {"prefix" if begins else "term": {f"{TAIL}.{tail_key(name)}": value}}


def _encodes(text: str) -> bool:
    return text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text)


def _prefix(pattern: Pattern) -> str:
    return pattern.prefix if _encodes(pattern.prefix) else ""


def selections(plan: Plan) -> Mapping[str, tuple[str, ...]]:
    """Return the values ticked by facet.

    Raises:
        BadQueryError: One is not Unicode text.
    """
    return {name: tuple(literal(name, value) for value in values) for name, values in plans.selections(plan).items()}


@dataclass(frozen=True, slots=True)
class Prepared:
    """A plan in Elasticsearch's queries."""

    text: Query | None
    filter: Query | None
    selections: Mapping[str, Query]

    @classmethod
    def of(cls, plan: Plan, ask: Questions) -> Prepared:
        """Return a plan's parts as queries."""
        return cls(
            ask.text(plan.text) if plan.text else None,
            None if plan.filter is None else ask.filter(plan.filter),
            {name: terms(name, values) for name, values in selections(plan).items()}
            | {name: either_of(span(name, each) for each in spans) for name, spans in plans.spans(plan).items()},
        )
