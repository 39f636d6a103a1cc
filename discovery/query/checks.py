"""What no engine should ever be asked, refused at one place before any is: the border of every `Query`.

Faces build queries in their own ways; all of them pass here on their way through the portal.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from discovery.errors import BadQueryError, LimitError
from discovery.query.fields import OVERLAP
from discovery.query.query import And, Between, Comparison, Filter, In, IsNull, Like, Not, Or, Query

MAX_PATTERN: Final = 256
"""Characters of a LIKE pattern."""
MAX_WILDCARDS: Final = 16
"""`%` and `_` in a LIKE pattern: 16 take an engine up to 0.2 s, 400 took it minutes."""
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_WILDCARD: Final = re.compile(r"\\.|([%_])", re.DOTALL)


def check(query: Query) -> None:
    """Refuse text that is no text and patterns that take too long; names and values are the engine's to judge.

    Ids are left alone: one that cannot be is one that is not found.

    Raises:
        BadQueryError: Half of a surrogate pair stands in a text.
        BadQueryError: An order by overlap, and no region.
        LimitError: A pattern has more than 256 characters, or more than 16 wildcards.
    """
    for text, parameter in _texts(query):
        check_text(text, parameter)
    if query.sort is not None and query.region is None and any(each.name == OVERLAP for each in query.sort.all):
        message = "sort by overlap needs a region to compare footprints with, such as bbox or cone"
        raise BadQueryError(message, parameter="sort")
    for node in _nodes(query.filter):
        if isinstance(node, Like):
            check_pattern(node.pattern)


def check_text(text: object, parameter: str) -> None:
    """Refuse text with half of a surrogate pair, which cannot be written as UTF-8; what is no text passes.

    Raises:
        BadQueryError: There is one.
    """
    if isinstance(text, str) and not text.isascii() and (found := _SURROGATE.search(text)):
        message = f"{parameter}: half a surrogate pair ({found[0]!a}) is no character"
        raise BadQueryError(message, parameter=parameter, position=found.start())


def check_pattern(pattern: str) -> None:
    """Refuse a LIKE pattern that takes too long to match.

    Raises:
        LimitError: More than 256 characters, or more than 16 wildcards.
    """
    if len(pattern) > MAX_PATTERN:
        message = f"a LIKE pattern has {len(pattern):,} characters; allowed are {MAX_PATTERN}"
        raise LimitError("filter-pattern", message, parameter="filter")
    wildcards = sum(found[1] is not None for found in _WILDCARD.finditer(pattern))
    if wildcards > MAX_WILDCARDS:
        message = f"a LIKE pattern has {wildcards} wildcards (% and _); allowed are {MAX_WILDCARDS}"
        raise LimitError("filter-wildcards", message, parameter="filter")


def _texts(query: Query) -> Iterator[tuple[object, str]]:
    """Yield every text of a query with the parameter that it came by."""
    yield query.scope, "scope"
    for text in (query.text, *query.phrases):
        yield text, "q"
    yield query.after, "after"
    if query.sort is not None:
        for sort in query.sort.all:
            yield sort.name, "sort"
    if query.histogram is not None:
        yield query.histogram.interval, "histogram"
    for selection in query.selections:
        for text in (selection.name, *selection.values):
            yield text, "facet"
    for request in query.facets:
        yield request.name, "facets"
        yield request.within, "facets"
        yield request.text, "facets"
    for node in _nodes(query.filter):
        for literal in _literals(node):
            yield literal, "filter"


def _nodes(root: Filter | None) -> Iterator[Filter]:
    """Yield the leaves of a filter, however deep it is."""
    stack = [] if root is None else [root]
    while stack:
        node = stack.pop()
        if isinstance(node, And | Or):
            stack += node.args
        elif isinstance(node, Not):
            stack.append(node.arg)
        else:
            yield node


def _literals(node: Filter) -> tuple[object, ...]:
    """Return the name and the values of a leaf."""
    match node:
        case Comparison(_, name, value):
            return name, value
        case Between(name, low, high):
            return name, low, high
        case In(name, values):
            return name, *values
        case Like(name, pattern):
            return name, pattern
        case IsNull(name):
            return (name,)
        case _:
            return ()
