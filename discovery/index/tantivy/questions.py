"""Filters and text in tantivy's queries."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import tantivy
from tantivy import FieldType, Occur, Query, Searcher

from discovery.errors import (
    BadQueryError,
)
from discovery.index import plans
from discovery.index.base import Cells, Keys, Plan
from discovery.index.plans import BODY, CELLS, END, EXACT, FIRST, KEY, LAST, PARENTS, START, TAIL, TITLE
from discovery.index.tantivy import times
from discovery.index.tantivy.schema import RUST_SPECIAL, TIMES
from discovery.query.fields import FIELDS, Field, Type
from discovery.query.query import (
    And,
    Between,
    Comparison,
    Filter,
    In,
    IsNull,
    Like,
    Not,
    Or,
    Scalar,
    Time,
    conjuncts,
)
from discovery.query.text import EXACT_WEIGHT, SYNONYM_WEIGHT, TITLE_WEIGHT, WHOLE_WEIGHT, Group, TextQuery, divided

_Node = Filter | Cells | Keys
_FEW_KEYS: Final = 4_000
"""Keys that are looked up one by one sooner than as a set: 700 of them in a fifth of the time, 5,000 in as much."""
_GROUP: Final = 128
"""Keys that are looked up together: documents side by side, whose lists are read and done with one after another."""
_FEW_CELLS: Final = 350
"""Terms that are looked up one by one sooner than a set of them walks the dictionary of each segment."""


def every(queries: Iterable[Query]) -> Query:
    """Return what all of the queries match; everything for none."""
    must = [(Occur.Must, query) for query in queries]
    if not must:
        return Query.all_query()
    return must[0][1] if len(must) == 1 else Query.boolean_query(must)


def either_of(queries: Iterable[Query]) -> Query:
    """Return what one of the queries matches; nothing for none."""
    should = [(Occur.Should, query) for query in queries]
    if not should:
        return Query.empty_query()
    return should[0][1] if len(should) == 1 else Query.boolean_query(should)


def but(query: Query, *excluded: Query) -> Query:
    """Return what a query matches without what the excluded ones match."""
    return Query.boolean_query([(Occur.Must, query), *((Occur.MustNot, each) for each in excluded)])


class Questions:
    """Filters and text in tantivy's terms, over one schema; `searcher` is where patterns that are too large look."""

    def __init__(self, schema: tantivy.Schema, searcher: Searcher) -> None:
        self.schema = schema
        self.searcher = searcher

    def terms(self, name: str, values: Sequence[str | int]) -> Query:
        """Return the documents with one of these terms."""
        if not values:
            return Query.empty_query()
        if len(values) == 1:
            return Query.term_query(self.schema, name, values[0], "basic")
        return Query.term_set_query(self.schema, name, list(values))

    def cells(self, own: Sequence[int], above: Sequence[int]) -> Query:
        """Return the documents that have one of some cells, or one of some cells above theirs."""
        if len(own) + len(above) > _FEW_CELLS:
            return either_of([self.terms(CELLS, own), self.terms(PARENTS, above)])
        each = [Query.term_query(self.schema, CELLS, cell, "basic") for cell in own]
        return either_of([*each, *(Query.term_query(self.schema, PARENTS, cell, "basic") for cell in above)])

    def keys(self, keys: Sequence[int]) -> Query:
        """Return the documents with one of these keys."""
        if len(keys) > _FEW_KEYS:
            return self.terms(KEY, keys)
        each = [Query.term_query(self.schema, KEY, key, "basic") for key in sorted(keys)]
        return either_of([either_of(each[at : at + _GROUP]) for at in range(0, len(each), _GROUP)])

    def range(self, name: str, kind: FieldType, span: plans.Span) -> Query:
        """Return the documents whose number lies in a span."""
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
        """Return the documents whose value of a field of the table lies in a span."""
        return self.range(of.name, FieldType.Float if of.type is Type.NUMBER else FieldType.Integer, span)

    def ranges(self, of: Field, spans: Iterable[plans.Span]) -> Query:
        """Return the documents whose value lies in one of the spans."""
        return either_of([self.numbers(of, span) for span in spans])

    def stretch(self, of: Field, span: plans.Span) -> Query:
        """Return what `numbers` does, found by its terms: faster by far where a span holds few of all values."""
        if span.empty:
            return Query.empty_query()
        return Query.range_query(
            self.schema,
            of.name,
            FieldType.Float if of.type is Type.NUMBER else FieldType.Integer,
            span.low,
            span.high,
            include_lower=span.include_low,
            include_upper=span.include_high,
            use_inverted_index=True,
        )

    def filter(self, node: _Node) -> Query:
        """Return what a node matches; every node of `Plan.filter` has its line here."""
        match node:
            case And(args):
                return self.all_of(args)
            case Or(args):
                return either_of([self.filter(arg) for arg in args])
            case Not(arg):
                return but(Query.all_query(), self.filter(arg))
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
                return self.cells(tuple(dict.fromkeys((*cells, *parents))), tuple(dict.fromkeys(cells)))
            case Keys(keys):
                return self.keys([key for key in keys if 0 <= key <= plans.MAX_KEY])
            case _:
                raise BadQueryError(f"an engine cannot answer {type(node).__name__}", parameter="filter")

    def all_of(self, nodes: Iterable[_Node]) -> Query:
        """Return what all nodes match; what one of them leaves out is left out of the rest, not of everything."""
        parts = list(conjuncts(nodes))
        few = any(map(_finds_few, parts))
        excluded = [self.filter(part.arg) for part in parts if isinstance(part, Not)]
        wanted = [
            (Occur.Must, self.time(part.start, part.end, few=few) if isinstance(part, Time) else self.filter(part))
            for part in parts
            if not isinstance(part, Not)
        ]
        if not excluded:
            return every([query for _, query in wanted])
        # Each query is copied whole into the one around it, so all of them are put together at once.
        wanted = wanted or [(Occur.Must, Query.all_query())]
        return Query.boolean_query([*wanted, *((Occur.MustNot, query) for query in excluded)])

    def comparison(self, op: str, name: str, value: Scalar) -> Query:
        """Return what `name op value` matches."""
        if op == "<>":
            return but(self.present(name), self.one_of(name, (value,)))
        if op not in {"=", "<", "<=", ">", ">="}:
            raise BadQueryError(f"operator {op!r} is not one of = <> < <= > >=", parameter="filter")
        if op == "=":
            return self.one_of(name, (value,))
        of = plans.ordered(name)
        if of.type in {Type.KEYWORD, Type.TEXT}:
            literal = plans.text_literal(name, value, folded=of.type is Type.TEXT)
            return self.words(of.name, "", plans.text_order(op, literal))
        return self.numbers(of, plans.compared(of, op, value))

    def between(self, name: str, low: Scalar, high: Scalar) -> Query:
        """Return what one and the same value between two others matches."""
        of = plans.ordered(name)
        if of.type in {Type.KEYWORD, Type.TEXT}:
            first, last = (plans.text_literal(name, each, folded=of.type is Type.TEXT) for each in (low, high))
            return self.words(of.name, "", lambda term: first <= term <= last)
        return self.numbers(of, plans.span(of, low, high))

    def one_of(self, name: str, values: Sequence[Scalar]) -> Query:
        """Return what equals one of the values."""
        of = plans.resolve(name)
        if isinstance(of, str):
            return self.terms(TAIL, [f"{of}={plans.text_literal(name, value)}" for value in dict.fromkeys(values)])
        if of.type in {Type.KEYWORD, Type.TEXT}:
            folded = of.type is Type.TEXT
            return self.terms(of.name, list(dict.fromkeys(plans.text_literal(name, v, folded=folded) for v in values)))
        return either_of([self.numbers(of, plans.compared(of, "=", value)) for value in dict.fromkeys(values)])

    def like(self, node: Like) -> Query:
        """Return what a pattern matches."""
        of, found = plans.pattern(node)
        if found.runs == ((), ()):
            return Query.exists_query(of.name)
        try:
            return Query.regex_query(self.schema, of.name, found.regex(RUST_SPECIAL))
        except ValueError:
            # tantivy refuses automata of more than 1,000 states; walking the terms has no such limit.
            return self.words(of.name, found.prefix, found.matches)

    def words(self, name: str, prefix: str, wanted: Callable[[str], bool]) -> Query:
        """Match the terms of a field that fulfil a condition, by walking its dictionary."""
        return self.terms(name, [term for term, _ in self.searcher.terms_with_prefix(name, prefix) if wanted(term)])

    def present(self, name: str) -> Query:
        """Return the documents that have a value."""
        of = plans.resolve(name)
        if isinstance(of, str):
            start = f"{of}="
            return self.words(TAIL, start, lambda term: term.startswith(start))
        return Query.exists_query(of.name)

    def absent(self, name: str) -> Query:
        """Return the documents without a value."""
        return but(Query.all_query(), self.present(name))

    def time(self, start: int | None, end: int | None, *, few: bool = False) -> Query:
        """Return the documents whose time overlaps one that is asked for.

        Args:
            start: Its beginning, None for none.
            end: Its end, None for none.
            few: Whether it is asked of a few documents only, whose times are compared sooner than cells are looked up.
        """
        # Open ends are stored as the outermost numbers, and nothing else is, so a time beyond all meets them alone.
        first = None if start is None else min(max(start, FIRST), LAST)
        last = None if end is None else min(max(end, FIRST), LAST)
        parts = []
        if last is not None:
            parts.append(self.range(START, FieldType.Integer, plans.Span(None, last)))
        if first is not None:
            parts.append(self.range(END, FieldType.Integer, plans.Span(first, None)))
        stretch = None if few or first is None or last is None else times.stretch(first, last)
        if stretch is None:
            return every(parts or [Query.exists_query(START)])
        sure = [Query.term_query(self.schema, TIMES, cell, "basic") for cell in stretch.sure]
        border = either_of([Query.term_query(self.schema, TIMES, cell, "basic") for cell in stretch.border])
        return either_of([*sure, every([border, *parts])])

    def text(self, query: TextQuery, *, scored: bool) -> Query:
        """Return what a text matches; an identifier pasted whole matches whatever the words say."""
        needed, enough = divided(query)
        wanted = [self.group(group, scored=scored) for group in needed]
        if enough:
            some = [(Occur.Should, self.group(group, scored=scored)) for group in enough]
            wanted.append(Query.boolean_query(some, minimum_number_should_match=query.least))
        excluded = [self.group(group, scored=False) for group in query.excluded]
        found = every(wanted)
        if enough and scored:
            whole = every([self.group(group, scored=False) for group in query.groups])
            found = _better(found, Query.const_score_query(whole, WHOLE_WEIGHT))
        if excluded:
            found = but(found, *excluded)
        if query.exact is None:
            return found
        if not wanted and not excluded:
            # Without words everything matches, and the identifier only decides who comes first.
            found = Query.const_score_query(found, 0.0)
        whole = Query.term_query(self.schema, EXACT, query.exact, "basic")
        return either_of([found, Query.const_score_query(whole, EXACT_WEIGHT)])

    def group(self, group: Group, *, scored: bool) -> Query:
        """Return what one of the alternatives matches, synonyms scored less."""
        alternatives = [self.alternative(each, group.phrase, scored=scored) for each in group.alternatives]
        if len(alternatives) == 1:
            return alternatives[0]
        if not scored:
            return either_of(alternatives)
        first, *others = alternatives
        return Query.disjunction_max_query([first, *(Query.boost_query(each, SYNONYM_WEIGHT) for each in others)])

    def alternative(self, tokens: tuple[str, ...], phrase: bool, *, scored: bool) -> Query:
        """Return what has the tokens side by side in one field, or each anywhere."""
        if phrase and len(tokens) > 1:
            body = Query.phrase_query(self.schema, BODY, list(tokens))
            return self.titled(body, Query.phrase_query(self.schema, TITLE, list(tokens))) if scored else body
        return every([self.token(token, scored=scored) for token in tokens])

    def token(self, token: str, *, scored: bool) -> Query:
        """Return what has the token anywhere."""
        body = Query.term_query(self.schema, BODY, token, "freq")
        return self.titled(body, Query.term_query(self.schema, TITLE, token, "freq")) if scored else body

    @staticmethod
    def titled(body: Query, title: Query) -> Query:
        """Return what is found in the body, which holds the title, scored by its place in the title too."""
        return _better(body, Query.boost_query(title, TITLE_WEIGHT - 1))


def _finds_few(node: _Node) -> bool:
    """Tell whether a node is answered from short lists of documents."""
    match node:
        case Cells() | Keys():
            return True
        case Or(args):
            return all(map(_finds_few, args))
        case And(args):
            return any(map(_finds_few, args))
        case _:
            return False


def _better(found: Query, bonus: Query) -> Query:
    """Return what is found, scored higher where something else is true as well."""
    return Query.boolean_query([(Occur.Must, found), (Occur.Should, bonus)])


@dataclass(frozen=True, slots=True)
class Prepared:
    """A plan in tantivy's queries."""

    scored: Query | None
    """The text as it is ranked."""
    text: Query | None
    """The text as it is matched and counted, for which tantivy has much less to read."""
    filter: Query | None
    selections: Mapping[str, Query]

    @classmethod
    def of(cls, plan: Plan, ask: Questions) -> Prepared:
        """Return a plan's parts as queries."""
        return cls(
            ask.text(plan.text, scored=True) if plan.text else None,
            ask.text(plan.text, scored=False) if plan.text else None,
            None if plan.filter is None else ask.filter(plan.filter),
            {name: ask.terms(name, values) for name, values in plans.selections(plan).items()}
            | {
                name: either_of([ask.numbers(FIELDS[name], span) for span in spans])
                for name, spans in plans.spans(plan).items()
            },
        )

    def query(self, without: str = "") -> Query:
        """Return everything that is asked, one facet's own selection left aside, scored by nothing."""
        return every([*self._parts(without), *([] if self.text is None else [self.text])])

    def ranked(self) -> Query:
        """Return everything that is asked; only the text is scored."""
        quiet = [Query.const_score_query(part, 0.0) for part in self._parts()]
        return every([*([] if self.scored is None else [self.scored]), *quiet])

    def _parts(self, without: str = "") -> list[Query]:
        parts = [query for name, query in self.selections.items() if name != without]
        return parts if self.filter is None else [*parts, self.filter]

    def everything(self, without: str = "") -> bool:
        """Tell whether nothing is asked for at all."""
        return self.text is None and self.filter is None and not self.selections.keys() - {without}
