"""What every engine does alike with a plan."""

from __future__ import annotations

import pytest

from discovery.errors import BadQueryError
from discovery.index import plans
from discovery.index.base import Plan
from discovery.query.fields import FIELDS
from discovery.query.query import FacetRequest, Selection
from discovery.query.text import trigrams


def test_buckets_fall_by_count_and_rise_by_value_with_the_ticked_ones_kept() -> None:
    counts = {"b": 2, "a": 2, "c": 5, "d": 1}
    facet = plans.facet_of(FacetRequest("keyword", 2), counts, ("d", "none"), {"d": 1}, 10)
    assert [(each.value, each.count, each.selected) for each in facet.buckets] == [
        ("c", 5, False),
        ("a", 2, False),
        ("d", 1, True),
        ("none", 0, True),
    ]
    assert facet.other == 2


def test_a_ticked_value_outside_the_branch_is_no_part_of_what_is_counted_there() -> None:
    facet = plans.facet_of(FacetRequest("mission", 5, within="a"), {"a/b": 2}, ("c",), {"c": 9}, 2)
    assert ([each.value for each in facet.buckets], facet.other) == (["c", "a/b"], 0)


def test_selections_of_one_facet_are_joined() -> None:
    plan = Plan("resources", selections=(Selection("a", ("1", "2")), Selection("b", ()), Selection("a", ("2", "3"))))
    assert plans.selections(plan) == {"a": ("1", "2", "3")}


@pytest.mark.parametrize(
    ("op", "value", "low", "high"),
    [
        ("=", 5, 5, 5),
        ("<", 5, plans.MIN_INSTANT, 4),
        ("<", 4.5, plans.MIN_INSTANT, 4),
        ("<=", -4.5, plans.MIN_INSTANT, -5),
        (">", 5, 6, plans.MAX_INSTANT),
        (">", 4.5, 5, plans.MAX_INSTANT),
        (">=", 4.5, 5, plans.MAX_INSTANT),
        (">", 2**53 + 1, 2**53 + 2, plans.MAX_INSTANT),
    ],
)
def test_instants_are_compared_as_whole_milliseconds(op: str, value: float, low: int, high: int) -> None:
    span = plans.compared(FIELDS["start"], op, value)
    assert (span.low, span.high, span.empty) == (low, high, False)


@pytest.mark.parametrize(("op", "value"), [("=", 4.5), (">", 2**70), ("<", -(2**70)), (">=", float("inf"))])
def test_nothing_lies_beyond_the_ends_of_time(op: str, value: float) -> None:
    assert plans.compared(FIELDS["start"], op, value).empty


@pytest.mark.parametrize("value", ["5", True, float("nan")])
def test_what_is_no_number_is_refused(value: str | float) -> None:
    with pytest.raises(BadQueryError, match="holds numbers"):
        plans.compared(FIELDS["size"], "=", value)


def test_similar_words_share_most_trigrams_and_frequent_ones_come_first() -> None:
    words = [("galaxy", 3), ("galaxies", 9), ("galactic", 1), ("deep", 50)]
    assert plans.similar_words(trigrams("galaxi"), words, 2) == ["galaxies", "galaxy"]
    assert plans.similar_words((), words, 5) == []


def test_names_are_resolved_by_the_table_first_and_by_the_tail_after() -> None:
    assert plans.resolve("eo:cloud_cover") is FIELDS["cloud_cover"]
    assert plans.resolve("properties.eo:cloud_cover") is FIELDS["cloud_cover"]
    assert plans.resolve("properties.orbit") == "orbit"
