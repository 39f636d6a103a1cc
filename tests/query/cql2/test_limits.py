from __future__ import annotations

import pytest

from discovery.errors import LimitError
from discovery.query.cql2.limits import MAX_DEPTH, MAX_PREDICATES, checked
from discovery.query.query import And, Comparison, Filter, Not

LEAF = Comparison("=", "kind", "dataset")


def nested(depth: int) -> Filter:
    node: Filter = LEAF
    for _ in range(depth - 1):
        node = Not(node)
    return node


def test_a_tree_within_the_limits_comes_back() -> None:
    assert checked(nested(MAX_DEPTH), None) == nested(MAX_DEPTH)
    assert checked(And((LEAF,) * MAX_PREDICATES), None) == And((LEAF,) * MAX_PREDICATES)


@pytest.mark.parametrize(
    ("node", "limit"),
    [(nested(MAX_DEPTH + 1), "filter-depth"), (And((LEAF,) * (MAX_PREDICATES + 1)), "filter-predicates")],
)
def test_a_larger_tree_names_its_limit(node: Filter, limit: str) -> None:
    with pytest.raises(LimitError) as caught:
        checked(node, "filter")
    assert (caught.value.limit, caught.value.parameter) == (limit, "filter")


def test_a_tree_deeper_than_the_stack_is_no_recursion_error() -> None:
    with pytest.raises(LimitError):
        checked(nested(100_000), None)
