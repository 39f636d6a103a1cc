"""What never reaches an engine, wherever in a query it stands."""

from __future__ import annotations

import pytest

from discovery.errors import BadQueryError, LimitError
from discovery.query.checks import MAX_PATTERN, MAX_WILDCARDS, check, check_pattern, check_text
from discovery.query.query import (
    And,
    Between,
    Comparison,
    FacetRequest,
    Filter,
    Histogram,
    In,
    IsNull,
    Like,
    Not,
    Or,
    Query,
    Region,
    Selection,
    Sort,
    Time,
)

LONE = "a\ud800b"
FILTERS: list[Filter] = [
    Comparison("=", "kind", LONE),
    Comparison("=", LONE, "x"),
    Between("title", "a", LONE),
    Between("title", LONE, "b"),
    In("kind", ("x", LONE)),
    Like("title", f"%{LONE}"),
    IsNull(LONE),
    Not(Comparison("=", "kind", LONE)),
    Or((Time(0, 1), And((Not(Or((IsNull("kind"), Comparison("<", "kind", "\udfff")))),)))),
]
QUERIES = [
    (Query(scope=LONE), "scope"),
    (Query(text=LONE), "q"),
    (Query(after=LONE), "after"),
    (Query(sort=Sort(LONE)), "sort"),
    (Query(histogram=Histogram(LONE)), "histogram"),
    (Query(selections=(Selection("kind", ("x", LONE)),)), "facet"),
    (Query(selections=(Selection(LONE, ()),)), "facet"),
    (Query(facets=(FacetRequest(LONE),)), "facets"),
    (Query(facets=(FacetRequest("mission", within=LONE),)), "facets"),
    *((Query(filter=node), "filter") for node in FILTERS),
]


@pytest.mark.parametrize("number", range(len(QUERIES)))
def test_half_a_surrogate_pair_is_refused_wherever_it_stands(number: int) -> None:
    query, parameter = QUERIES[number]
    with pytest.raises(BadQueryError, match="surrogate") as caught:
        check(query)
    assert caught.value.parameter == parameter
    str(caught.value).encode()


def test_everything_else_passes() -> None:
    point = {"type": "Point", "coordinates": [1, 2]}
    plain = (Comparison("=", "resolution", 3.5), Between("start", 0, 1), In("kind", ("x", True)))
    node = And((*plain, Region(point), Time(), Not(IsNull("kind")), Like("title", "%_%")))
    check(Query(text="\U0001f30d \0 \ufffd ä", filter=node))
    check(Query(ids=(LONE,)))
    check_text(5, "filter")


@pytest.mark.slow
def test_a_filter_may_be_deeper_than_a_stack() -> None:
    node: Filter = Comparison("=", "kind", LONE)
    for _ in range(50_000):
        node = Not(node)
    with pytest.raises(BadQueryError, match="surrogate"):
        check(Query(filter=node))
    # Python would take its own stack to let go of it.
    while isinstance(node, Not):
        node = node.arg


def test_wildcards_and_length_of_a_pattern_have_their_limits() -> None:
    for pattern in ("%a" * MAX_WILDCARDS, "_" * MAX_WILDCARDS, "\\%" * 100 + "%", "x" * MAX_PATTERN, "\\\\%" * 16, ""):
        check_pattern(pattern)
    for pattern in ("%a" * (MAX_WILDCARDS + 1), "_%" * 9, "\\\\%" * 17, "\\\n%" * 17):
        with pytest.raises(LimitError) as caught:
            check_pattern(pattern)
        assert caught.value.limit == "filter-wildcards"
    with pytest.raises(LimitError) as caught:
        check(Query(filter=Not(Like("title", "x" * (MAX_PATTERN + 1)))))
    assert (caught.value.limit, caught.value.parameter) == ("filter-pattern", "filter")
