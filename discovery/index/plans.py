"""What every engine does alike with a plan: limits, literals, facet order, histogram steps.

An engine asks here instead of deciding again, so that two engines cannot come to answer differently.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from heapq import nsmallest
from typing import Final

from discovery.errors import BadQueryError, LimitError, RecordError, UnknownFieldError
from discovery.index import calendar, cells, ranges
from discovery.index.base import RELEVANCE_WINDOW, Document, Keys, Plan
from discovery.index.like import Pattern, like
from discovery.model.record import SCOPES
from discovery.query.fields import FIELDS, TAIL_PREFIX, Field, Type, facet, field, sort
from discovery.query.healpix import DEEPEST
from discovery.query.query import And, Bucket, Facet, FacetRequest, Like, Not, Or, Scalar
from discovery.query.tokens import fingerprint as analysis
from discovery.query.tokens import fold

_SHORT: Final = 5
"""Trigrams of a word of five letters."""
MAX_PAGE: Final = 10_000
"""Hits in one answer: Elasticsearch's max_result_window again."""
MAX_BUCKETS: Final = 1_000
"""Buckets of one facet: nobody reads more, and both engines count 65,000 in all."""
MAX_FIND: Final = 100
"""Characters of a text that is looked for among the values of a facet."""
MAX_TERM: Final = 8_192
"""Bytes of one keyword: tantivy cuts and Elasticsearch refuses at 64 KiB and 32 KiB."""
COUNTED: Final = 65_000
"""Different values of a field that are counted exactly: both engines refuse more buckets in one request."""
MIN_INSTANT: Final = -(2**63) + 1
MAX_INSTANT: Final = 2**63 - 2
"""One less than 64 bits hold on either side: the outermost numbers stand for an open end."""
FIRST: Final = -(2**63)
LAST: Final = 2**63 - 1
"""The outermost numbers: an open end of time, and where an engine sorts what has no value."""
MAX_CELL: Final = 2**64 - 1
ANCHORS: Final = 12 * 4**DEEPEST
MAX_KEY: Final = 2**63 - 1

_SOUGHT: Final = 5
"""Characters of a text to find that engines look for; with all their accents they fill a regular expression."""

KEY: Final = "_key"
TITLE: Final = "_title"
BODY: Final = "_body"
"""Everything that is searched, the title first."""
PREFIX: Final = "_prefix"
WORDS: Final = "_words"
EXACT: Final = "_exact"
CELLS: Final = "_cells"
PARENTS: Final = "_parents"
TAIL: Final = "_tail"
MONTH: Final = "_month"
ANCHOR: Final = "_anchor"
"""The order 12 cell of a point of the footprint."""
START: Final = "_start"
END: Final = "_end"
LENGTH: Final = "_length"
"""What engines hold of a document beside the fields of the table, behind an underscore that no field begins with."""

_NAMES: Final = {kind: frozenset(each.name for each in FIELDS.values() if each.type is kind) for kind in Type}


def check(plan: Plan) -> None:
    """Refuse a plan that no engine answers.

    Raises:
        BadQueryError: A scope, interval or number that is not one.
        LimitError: More hits, buckets or depth than one answer holds.
        UnknownFieldError: A facet, selection or sort by a field that has none.
    """
    if plan.scope not in SCOPES:
        raise BadQueryError(f"scope {plan.scope!r} is not one of {', '.join(SCOPES)}", parameter="scope")
    if plan.size < 0 or plan.offset < 0:
        raise BadQueryError(f"size {plan.size} and offset {plan.offset} must not be negative", parameter="size")
    if plan.size > MAX_PAGE:
        raise LimitError("index-page", f"size {plan.size} is more than {MAX_PAGE}", parameter="size")
    if plan.sort is None and plan.offset + plan.size > RELEVANCE_WINDOW:
        deepest = f"hits beyond {RELEVANCE_WINDOW} are not ordered by relevance; refine the question or sort by a field"
        raise LimitError("relevance-window", deepest, parameter="after")
    if plan.sort is not None:
        for each in plan.sort.all:
            sort(each.name, parameter="sort")
        if plan.after is not None and len(plan.after.values) != len(plan.sort.all):
            told = f"after has {len(plan.after.values)} values; {len(plan.sort.all)} fields order the question"
            raise BadQueryError(told, parameter="after")
    _check_counted(plan)
    for selection in plan.selections:
        facet(selection.name, parameter=f"facet.{selection.name}")
    ranges.check_selected(plan.ranges)


def named_keys(node: object) -> int:
    """Return how many keys a filter names one by one."""
    if isinstance(node, And | Or):
        return sum(named_keys(each) for each in node.args)
    if isinstance(node, Not):
        return named_keys(node.arg)
    return len(node.keys) if isinstance(node, Keys) else 0


def _check_counted(plan: Plan) -> None:
    if plan.histogram is not None:
        calendar.check(plan.histogram)
    if plan.heat is not None:
        cells.check(plan.heat)
    for number in plan.numbers:
        ranges.check(number)
    for request in plan.facets:
        facet(request.name, parameter="facets")
        if not 0 <= request.size <= MAX_BUCKETS:
            raise LimitError("facet-size", f"facet size {request.size} is not 0 to {MAX_BUCKETS}", parameter="facets")
        if len(request.text) > MAX_FIND or len(request.values) > MAX_BUCKETS:
            told = f"the text to find among the values of {request.name} has {len(request.text)} characters"
            raise LimitError("facet-text", f"{told}; allowed are {MAX_FIND}", parameter=f"find.{request.name}")


def checked(document: Document) -> Document:
    """Return the document if an engine can hold it as it is, so that nothing is cut or dropped in silence.

    Raises:
        RecordError: A name, number or length that would be dropped, cut or refused by an engine.
    """
    if not 0 <= document.key <= MAX_KEY:
        raise RecordError("bad_key", f"key {document.key} is not 0 to {MAX_KEY}")
    _check_names(document.keywords, Type.KEYWORD)
    _check_names(document.numbers, Type.NUMBER)
    _check_names(document.instants, Type.INSTANT)
    for name, number in document.numbers.items():
        if not math.isfinite(number):
            raise RecordError("not_finite", f"{name} is {number}", path=name)
    for name, instant in document.instants.items():
        if not MIN_INSTANT <= instant <= MAX_INSTANT:
            raise RecordError("instant_range", f"{name} is {instant}, beyond 64 bits of milliseconds", path=name)
    for name, terms in (*document.keywords.items(), ("tail", document.tail), ("title", (document.title,))):
        for term in terms:
            if not term.isascii() or len(term) > MAX_TERM:
                _check_term(name, term)
    for cells_of in (document.cells, document.parents):
        # Asked for the least and the greatest alone, Python does not see each of a hundred numbers.
        if cells_of and not (min(cells_of) >= 0 and max(cells_of) <= MAX_CELL):
            raise RecordError("bad_cell", "a cell is not a number of 64 bits", path="cells")
    if document.anchor is not None and not 0 <= document.anchor < ANCHORS:
        raise RecordError("bad_cell", f"anchor {document.anchor} is no cell of order {DEEPEST}", path="anchor")
    return document


def _check_names(names: Iterable[str], kind: Type) -> None:
    if _NAMES[kind].issuperset(names):
        return
    for name in names:
        if name not in FIELDS or FIELDS[name].type is not kind:
            raise RecordError("unknown_field", f"no {kind} field is called {name[:80]!r}", path=name)


def _check_term(name: str, term: str) -> None:
    try:
        size = len(term.encode())
    except UnicodeEncodeError as error:
        raise RecordError("bad_text", f"a value of {name} is not Unicode text: {term[:80]!r}", path=name) from error
    if size > MAX_TERM:
        raise RecordError("too_long", f"a value of {name} has {size} bytes; allowed are {MAX_TERM}", path=name)


def selections(plan: Plan) -> dict[str, tuple[str, ...]]:
    """Return the values ticked by facet, each once; a facet with nothing ticked is left out."""
    ticked: dict[str, dict[str, None]] = {}
    for selection in plan.selections:
        ticked.setdefault(selection.name, {}).update(dict.fromkeys(selection.values))
    return {name: tuple(values) for name, values in ticked.items() if values}


def spans(plan: Plan) -> dict[str, tuple[Span, ...]]:
    """Return the ranges selected by number."""
    found: dict[str, list[Span]] = {}
    for each in plan.ranges:
        of = FIELDS[each.name]
        found.setdefault(each.name, []).append(span(of, each.low, each.high, include_high=not each.below))
    return {name: tuple(each) for name, each in found.items()}


def resolve(name: str) -> Field | str:
    """Return the field that a filter names, or the name within the long tail when it is `properties.NAME`.

    Raises:
        UnknownFieldError: It is neither.
    """
    try:
        return field(name, parameter="filter")
    except UnknownFieldError:
        if name.startswith(TAIL_PREFIX) and len(name) > len(TAIL_PREFIX):
            return name.removeprefix(TAIL_PREFIX)
        raise


def ordered(name: str) -> Field:
    """Return the field of a comparison by order, which the long tail has none of.

    Raises:
        BadQueryError: It is a name of the long tail.
    """
    of = resolve(name)
    if isinstance(of, str):
        raise BadQueryError(f"{name} can only be compared by =, <> and IN", parameter="filter")
    return of


def pattern(node: Like) -> tuple[Field, Pattern]:
    """Return the field that a LIKE matches, and its pattern.

    Raises:
        BadQueryError: The field has no text.
        LimitError: The pattern takes too long to match.
    """
    of = resolve(node.name)
    if isinstance(of, str) or of.type not in {Type.KEYWORD, Type.TEXT}:
        raise BadQueryError(f"{node.name} is not text that LIKE can match", parameter="filter")
    return of, like(node.pattern, casei=node.casei, accenti=node.accenti, folded=of.type is Type.TEXT)


def fingerprint(shape: int) -> str:
    """Return what changes whenever an index made before cannot be asked as it is now.

    Args:
        shape: The version of what the engine itself makes of a document.
    """
    table = " ".join(f"{each.name}:{each.type}" for each in FIELDS.values())
    return sha256(f"{shape} {analysis()} {table}".encode()).hexdigest()[:16]


def text_literal(name: str, value: Scalar, *, folded: bool = False) -> str:
    """Return the literal as a keyword is compared, or folded as the title is.

    Raises:
        BadQueryError: It is not text.
    """
    if not isinstance(value, str):
        raise BadQueryError(f"{name} holds text; {value!r} is not text", parameter="filter")
    return fold(value) if folded else value


def text_order(op: str, literal: str) -> Callable[[str], bool]:
    """Return whether text stands in the relation `op` (one of `< <= > >=`) to a literal, by code points."""
    return {"<": literal.__gt__, "<=": literal.__ge__, ">": literal.__lt__, ">=": literal.__le__}[op]


@dataclass(frozen=True, slots=True)
class Span:
    """Numbers from `low` to `high`; None is open, and `empty` holds none."""

    low: float | int | None = None
    high: float | int | None = None
    include_low: bool = True
    include_high: bool = True
    empty: bool = False


def span(
    of: Field,
    low: Scalar | None,
    high: Scalar | None,
    *,
    include_low: bool = True,
    include_high: bool = True,
) -> Span:
    """Return the numbers between two literals as an engine can ask for them.

    Instants become whole milliseconds within 64 bits with both ends included, so that no engine has to round.

    Raises:
        BadQueryError: A literal is not a number.
    """
    start, end = _number(of, low), _number(of, high)
    if of.type is Type.NUMBER:
        empty = start is not None and end is not None and start > end
        return Span(start, end, include_low, include_high, empty)
    first = MIN_INSTANT if start is None else _whole(start, up=True, beyond=not include_low)
    last = MAX_INSTANT if end is None else _whole(end, up=False, beyond=not include_high)
    first, last = max(first, MIN_INSTANT), min(last, MAX_INSTANT)
    return Span(first, last, empty=first > last)


def compared(of: Field, op: str, value: Scalar) -> Span:
    """Return the numbers that stand in the relation `op` (one of `= < <= > >=`) to a literal."""
    if op == "=":
        return span(of, value, value)
    if op in {"<", "<="}:
        return span(of, None, value, include_high=op == "<=")
    return span(of, value, None, include_low=op == ">=")


def _number(of: Field, value: Scalar | None) -> float | int | None:
    if value is None:
        return None
    if isinstance(value, str | bool) or value != value:
        raise BadQueryError(f"{of.name} holds numbers; {value!r} is not a number", parameter="filter")
    if of.type is Type.INSTANT:
        return value
    try:
        return float(value) + 0.0
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def _whole(value: float, *, up: bool, beyond: bool) -> int:
    """Return the nearest whole number inside a bound, or the one after it when the bound itself is left out."""
    if math.isinf(value):
        return MAX_INSTANT + 1 if value > 0 else MIN_INSTANT - 1
    if beyond and value == int(value):
        return int(value) + (1 if up else -1)
    return math.ceil(value) if up else math.floor(value)


def ranked(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    """Return values by falling count, then by value: the order of buckets everywhere."""
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def facet_of(
    request: FacetRequest,
    counts: Mapping[str, int],
    ticked: Iterable[str],
    ticked_counts: Mapping[str, int],
    occurrences: int,
    *,
    exact: bool = True,
) -> Facet:
    """Return the facet made from an engine's counts.

    Args:
        request: What was asked.
        counts: At least the `request.size` most frequent values, and every value that ties with the last of them.
        ticked: The values selected in this facet, listed even when nothing has them.
        ticked_counts: The counts of those, zeros may be missing.
        occurrences: How many value occurrences there are in all.
        exact: False when the engine knows that a count may be off.
    """
    wanted = tuple(ticked)
    top = dict(ranked({value: count for value, count in counts.items() if count})[: request.size])
    top |= {value: ticked_counts.get(value, 0) for value in wanted}
    tree = FIELDS[request.name].tree
    buckets = tuple(
        Bucket(value, count, selected=value in wanted, path=path(value) if tree else ()) for value, count in ranked(top)
    )
    admitted = admits(request)
    inside = sum(bucket.count for bucket in buckets if admitted(bucket.value))
    return Facet(request.name, "", buckets, max(occurrences - inside, 0), exact)


def beneath(value: str, within: str) -> bool:
    """Tell whether a path lies beneath another; everything lies beneath the empty one."""
    return not within or value.startswith(f"{within}/")


def admits(request: FacetRequest) -> Callable[[str], bool]:
    """Return what tells whether a facet may list a value that nobody has ticked."""
    if not request.text:
        return lambda value: beneath(value, request.within)
    wanted = like(f"%{_escaped(request.text)}%", casei=True, accenti=True)
    start = len(request.within) + bool(request.within)
    named = frozenset(request.values)

    def admitted(value: str) -> bool:
        return beneath(value, request.within) and (value in named or wanted.matches(value[start:]))

    return admitted


def including(request: FacetRequest, special: str) -> str:
    """Return a regular expression for at least the values that `admits` admits by its text, short for any text.

    Args:
        request: A facet with a text to look for.
        special: The characters that mean something in the engine's regular expressions.
    """
    return like(f"%{_escaped(request.text[:_SOUGHT])}%", casei=True, accenti=True).regex(special)


def _escaped(text: str) -> str:
    return "".join(f"\\{character}" if character in "%_\\" else character for character in text)


def path(value: str) -> tuple[str, ...]:
    """Return the ancestors of a path, outermost first, itself included."""
    steps = value.split("/")
    return tuple("/".join(steps[: depth + 1]) for depth in range(len(steps)))


def similar_words(grams: Collection[str], words: Iterable[tuple[str, int]], size: int) -> list[str]:
    """Return the words that share most trigrams, at least a third (two letters swapped spoil half), best first.

    Of a short word, two swapped letters leave but one.

    Args:
        grams: Trigrams of a word with its ends marked by `_`, as `query.text.trigrams` makes them.
        words: Words of titles with how many records have them.
        size: How many at most.
    """
    wanted = tuple(dict.fromkeys(grams))
    found = []
    for word, frequency in words:
        padded = f"_{word}_"
        shared = sum(gram in padded for gram in wanted)
        if shared and (3 * shared >= len(wanted) or len(wanted) <= _SHORT):
            found.append((-shared, abs(len(padded) - len(wanted) - 2), -frequency, word))
    return [word for *_, word in nsmallest(size, found)]
