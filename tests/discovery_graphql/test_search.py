from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from discovery.portal import Keyed, Portal
from discovery.query.query import Comparison, Query, Selection
from discovery_graphql.enums import FacetName
from discovery_graphql.schema import build
from discovery_graphql.search import MAIN_FACETS, Context

Ask = Callable[..., dict[str, Any]]
FACETS = """query ($facets: [FacetSelection!], $filter: RecordFilter, $names: [FacetName!]) {
  search(facets: $facets, filter: $filter) {
    facets(names: $names) { name label exact other buckets { value label count selected path } }
  }
}"""


def shown(portal: Portal, query: Query, names: tuple[str, ...]) -> list[dict[str, Any]]:
    return [
        {
            "name": FacetName(facet.name).name,
            "label": facet.label,
            "exact": facet.exact,
            "other": facet.other,
            "buckets": [
                {
                    "value": each.value,
                    "label": each.label,
                    "count": each.count,
                    "selected": each.selected,
                    "path": list(each.path),
                }
                for each in facet.buckets
            ],
        }
        for facet in portal.facets(query, names)
    ]


@pytest.mark.parametrize(
    ("variables", "query"),
    [
        ({}, Query()),
        (
            {"facets": [{"name": "DOMAIN", "values": ["space-science"]}]},
            Query(selections=(Selection("domain", ("space-science",)),)),
        ),
        (
            {"facets": [{"name": "MISSION", "values": ["astronomy"]}, {"name": "THEME", "values": ["none-such"]}]},
            Query(selections=(Selection("mission", ("astronomy",)), Selection("theme", ("none-such",)))),
        ),
        ({"filter": {"theme": {"eq": "ocean"}}}, Query(filter=Comparison("=", "theme", "ocean"))),
    ],
)
def test_facets_are_those_of_the_portal(portal: Portal, data: Ask, variables: Any, query: Query) -> None:
    assert data(FACETS, **variables)["search"]["facets"] == shown(portal, query, MAIN_FACETS)


def test_facets_of_two_sizes_are_both_right(data: Ask) -> None:
    found = data("""{ search {
        few: facets(names: [DOMAIN], size: 1) { other buckets { value count } }
        many: facets(names: [DOMAIN]) { other buckets { value count } }
    } }""")["search"]
    assert found["few"] == [{"other": 40, "buckets": [{"value": "earth-observation", "count": 80}]}]
    assert [each["count"] for each in found["many"][0]["buckets"]] == [80, 40]


def test_a_facet_within_a_branch_lists_only_that_branch(data: Ask) -> None:
    facet = data('{ search { facets(names: [MISSION], within: "astronomy") { buckets { value } } } }')["search"][
        "facets"
    ]
    assert facet == [{"buckets": [{"value": "astronomy/hubble"}]}]


def test_pages_follow_each_other_to_the_end(data: Ask) -> None:
    query = """query ($after: String) { search(first: 50, after: $after) {
        nodes { id } pageInfo { endCursor hasNextPage } totalCount { value exact } } }"""
    ids: list[str] = []
    after = None
    while True:
        page = data(query, after=after)["search"]
        assert page["totalCount"] == {"value": 123, "exact": True}
        ids += [each["id"] for each in page["nodes"]]
        after = page["pageInfo"]["endCursor"]
        assert page["pageInfo"]["hasNextPage"] is (after is not None)
        if after is None:
            break
    assert len(ids) == len(set(ids)) == 123


def test_several_fields_order_one_page_after_another(data: Ask) -> None:
    query = """query ($after: String) {
      search(sort: {by: CREATED, then: [{by: START, descending: true}, {by: TITLE}]}, first: 7, after: $after) {
        nodes { created extent { start } title } pageInfo { hasNextPage endCursor } } }"""
    seen, after = [], None
    while True:
        page = data(query, after=after)["search"]
        seen += page["nodes"]
        if not page["pageInfo"]["hasNextPage"]:
            break
        after = page["pageInfo"]["endCursor"]
    assert len(seen) == data("{ search { totalCount { value } } }")["search"]["totalCount"]["value"] > 30

    def place(node: dict[str, Any]) -> tuple[Any, ...]:
        start = node["extent"]["start"]
        year = -int(start[:4]) if start else 0
        return node["created"] is None, node["created"], start is None, year, node["title"].casefold()

    assert seen == sorted(seen, key=place)


def test_edges_carry_the_score_of_words(data: Ask) -> None:
    edges = data('{ search(text: "hubble") { edges { score node { title } } } }')["search"]["edges"]
    assert edges[0]["node"]["title"] == "Hubble volume"
    assert edges[0]["score"] > 0


def test_the_other_scope_is_counted_beside(data: Ask) -> None:
    assert data("{ search { otherScope { value } } }")["search"]["otherScope"]["value"] == 40


def test_histograms_agree_inside_and_outside_of_a_page(data: Ask) -> None:
    found = data("""{
        search(filter: { theme: { eq: "ocean" } }) { histogram { start count } m: histogram(interval: MONTH) { count } }
        histogram(filter: { theme: { eq: "ocean" } }) { start count }
    }""")
    assert found["search"]["histogram"] == found["histogram"]
    assert sum(each["count"] for each in found["histogram"]) == 60
    assert sum(each["count"] for each in found["search"]["m"]) == 60


class Watched(Portal):
    """A portal that remembers what it was asked."""

    asked: list[tuple[Query, bool]]

    def keys(self, query: Query, *, total: bool = True) -> Keyed:
        self.asked.append((query, total))
        return super().keys(query, total=total)


@pytest.fixture
def watched(portal: Portal) -> Watched:
    found = Watched(portal.store, portal.index)
    found.asked = []
    return found


def run(watched: Watched, query: str, **variables: Any) -> tuple[Query, bool]:
    result = build().execute_sync(query, variable_values=variables, context_value=Context(watched))
    assert not result.errors
    assert len(watched.asked) == 1
    return watched.asked[0]


def test_what_nobody_asked_for_is_not_computed(watched: Watched) -> None:
    query, total = run(watched, "{ search { nodes { id } } }")
    assert (query.size, query.facets, query.histogram, total) == (20, (), None, False)


def test_a_count_alone_reads_no_records(watched: Watched) -> None:
    query, total = run(watched, "{ search { totalCount { value } } }")
    assert (query.size, total) == (0, True)


def test_a_page_with_everything_is_one_question(watched: Watched) -> None:
    query, total = run(
        watched,
        """query ($no: Boolean = false) { search { ...page histogram @skip(if: $no) { count } } }
        fragment page on SearchConnection { nodes { id } totalCount { value } facets(names: [KIND]) { other } }""",
    )
    assert total
    assert [each.name for each in query.facets] == ["kind"]
    assert query.histogram is not None


def test_what_is_skipped_is_not_computed(watched: Watched) -> None:
    query, _ = run(
        watched,
        """query ($yes: Boolean!) { search { nodes { id } facets @skip(if: $yes) { other }
        histogram @include(if: false) { count } } }""",
        yes=True,
    )
    assert (query.facets, query.histogram) == ((), None)


@pytest.mark.parametrize(
    ("arguments", "code"), [("first: -1", "bad_query"), ("first: 101", "limit"), ('after: "zzz"', "bad_query")]
)
def test_a_page_that_cannot_be_is_refused(ask: Ask, arguments: str, code: str) -> None:
    errors = ask(f"{{ search({arguments}) {{ pageInfo {{ hasNextPage }} }} }}")["errors"]
    assert [each["extensions"]["code"] for each in errors] == [code]


@pytest.mark.parametrize(("size", "code"), [(0, "bad_query"), (101, "limit")])
def test_a_facet_size_that_cannot_be_is_refused(ask: Ask, size: int, code: str) -> None:
    errors = ask(f"{{ search {{ facets(size: {size}) {{ other }} }} }}")["errors"]
    assert errors[0]["extensions"]["code"] == code


def test_mended_words_are_told_and_marked(data: Ask) -> None:
    asked = """query ($words: Words) {
        search(text: "ocaen", words: $words, first: 1) {
            totalCount { value } understood { text corrected unknown least words complete }
            edges { highlight { title } }
        }
    }"""
    found = data(asked, words="SOME")["search"]
    assert found["understood"]["corrected"] == "ocean"
    assert found["totalCount"]["value"] > 0
    strict = data(asked, words="ALL")["search"]
    assert (strict["understood"], strict["totalCount"]["value"], strict["edges"]) == (None, 0, [])


def test_whether_few_records_match_is_known_without_being_asked_for_the_total(data: Ask) -> None:
    alone = data('{ search(text: "ocean", first: 0) { understood { least } pageInfo { hasNextPage } } }')["search"]
    assert alone["understood"] is None
