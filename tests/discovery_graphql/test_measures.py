"""Numbers, maps and found values are the portal's own, counted with the page and narrowed by the same names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from discovery.portal import Keyed, Portal
from discovery.query.facets import CellRequest, HeatMap, RangeFacet, RangeRequest
from discovery.query.query import Query
from discovery_graphql import measures
from discovery_graphql.schema import build
from discovery_graphql.search import Context

Ask = Callable[..., dict[str, Any]]
NUMBERS = """query ($names: [NumberName!]!, $bins: Int = 20, $edges: [Float!], $log: Boolean, $ranges: [RangeInput!]) {
  search(scope: OBSERVATIONS, ranges: $ranges) {
    totalCount { value }
    numbers(names: $names, bins: $bins, edges: $edges, log: $log) {
      name label unit log least greatest present missing below above ranges { low high closed count } exact
    }
  }
}"""
MAP = """query ($frame: FrameName!, $order: Int, $most: Int = 800, $cell: CellInput) {
  search(scope: OBSERVATIONS, cell: $cell) {
    totalCount { value }
    heatMap(frame: $frame, order: $order, most: $most) { frame order total cells counts exact }
  }
}"""


def test_numbers_are_those_of_the_portal(portal: Portal, data: Ask) -> None:
    found = data(NUMBERS, names=["CLOUD_COVER"], bins=4)["search"]["numbers"][0]
    (expected,) = portal.search(
        Query(scope="observations", numbers=(RangeRequest("cloud_cover", bins=4),), size=0)
    ).numbers
    assert [each["count"] for each in found["ranges"]] == [each.count for each in expected.ranges]
    assert (found["least"], found["greatest"]) == (expected.least, expected.greatest)
    assert (found["label"], found["unit"], found["log"]) == ("Cloud cover", "%", False)
    assert found["ranges"][-1]["closed"]


def test_edges_and_scales_are_the_caller_s(data: Ask) -> None:
    (found,) = data(NUMBERS, names=["CLOUD_COVER"], edges=[0, 2, 1e9])["search"]["numbers"]
    assert (found["ranges"][0]["count"], found["above"]) == (2, 0)
    (scaled,) = data(NUMBERS, names=["CLOUD_COVER"], bins=3, log=True)["search"]["numbers"]
    assert (scaled["log"], scaled["below"]) == (True, 1)


def test_ranges_narrow_everything_but_their_own_number(data: Ask) -> None:
    ranges = [{"name": "CLOUD_COVER", "low": 1, "high": 3, "below": True}]
    found = data(NUMBERS, names=["CLOUD_COVER", "SIZE"], bins=0, ranges=ranges)["search"]
    assert found["totalCount"]["value"] == 2
    assert [each["present"] + each["missing"] for each in found["numbers"]][1] == 2
    assert found["numbers"][0]["least"] == 0


def test_a_map_is_that_of_the_portal_and_its_cells_narrow(portal: Portal, data: Ask) -> None:
    found = data(MAP, frame="SKY", order=4)["search"]["heatMap"]
    expected = portal.search(Query(scope="observations", heat=CellRequest("sky", 4, 800), size=0)).heat
    assert expected is not None
    assert list(zip(found["cells"], found["counts"], strict=True)) == list(expected.cells)
    assert found["total"] == sum(found["counts"]) > 0
    for cell, count in expected.cells:
        inside = data(MAP, frame="SKY", cell={"frame": "SKY", "order": 4, "cell": cell})["search"]
        assert inside["totalCount"]["value"] == inside["heatMap"]["total"] == count


def test_counts_say_whether_a_region_was_too_crowded(data: Ask) -> None:
    (number,) = data(NUMBERS, names=["CLOUD_COVER"])["search"]["numbers"]
    assert number["exact"] is data(MAP, frame="SKY")["search"]["heatMap"]["exact"] is True
    assert not measures.number_facet(RangeFacet("cloud_cover", "Cloud cover", exact=False)).exact
    assert not measures.heat_map(HeatMap("sky", 3, exact=False)).exact


def test_days_and_the_interval_that_fits_say_what_they_are(data: Ask) -> None:
    asked = """{ search(scope: OBSERVATIONS) {
      a: histogram(interval: DAY) { count interval } b: histogram(interval: AUTO) { interval } } }"""
    found = data(asked)["search"]
    assert {each["interval"] for each in found["a"]} == {"DAY"}
    assert {each["interval"] for each in found["b"]} == {"DAY"}
    assert sum(each["count"] for each in found["a"]) == sum(
        each["count"] for each in data("{ histogram(scope: OBSERVATIONS, interval: YEAR) { count } }")["histogram"]
    )


def test_datasets_of_matching_observations_are_facets_of_the_other_scope(data: Ask) -> None:
    asked = "{ search { otherScope { value } otherFacets(names: [DATASET, SOURCE]) { name buckets { label count } } } }"
    found = data(asked)["search"]
    datasets, sources = found["otherFacets"]
    assert (datasets["name"], sources["name"]) == ("DATASET", "SOURCE")
    assert sum(each["count"] for each in datasets["buckets"]) == found["otherScope"]["value"]
    assert datasets["buckets"][0]["label"].startswith("Sea ice thickness")


def test_values_that_hold_a_text_are_found_by_their_label_too(data: Ask) -> None:
    asked = (
        "query ($text: String) { search { facets(names: [MISSION, THEME], text: $text) { name buckets { value } } } }"
    )
    mission, theme = data(asked, text="cryo")["search"]["facets"]
    assert [each["value"] for each in mission["buckets"]] == ["earth-observation/cryosat-2"]
    assert [each["value"] for each in theme["buckets"]] == ["cryosphere"]


@pytest.mark.parametrize(
    "document",
    [
        "{ search { numbers(names: [SIZE], bins: -1) { name } } }",
        "{ search { numbers(names: [SIZE], bins: 201) { name } } }",
        "{ search { numbers(names: [SIZE], edges: [2, 1]) { name } } }",
        "{ search(ranges: [{name: SIZE}]) { totalCount { value } } }",
        "{ search(ranges: [{name: SIZE, low: 2, high: 1}]) { totalCount { value } } }",
        "{ search(cell: {frame: SKY, order: 3, cell: 768}) { totalCount { value } } }",
        "{ search { heatMap(frame: SKY, order: 13) { total } } }",
        "{ search { heatMap(frame: SKY, most: 11) { total } } }",
    ],
)
def test_what_cannot_be_counted_is_a_mistake_of_the_caller(ask: Ask, document: str) -> None:
    (error,) = ask(document)["errors"]
    assert error["extensions"]["code"] in {"bad_query", "limit"}


def test_everything_is_counted_by_one_question(portal: Portal, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Query] = []
    keys = portal.keys

    def counted(query: Query, *, total: bool = True) -> Keyed:
        asked.append(query)
        return keys(query, total=total)

    monkeypatch.setattr(portal, "keys", counted)
    document = """{ search(first: 3) { nodes { id } facets { name } histogram(interval: AUTO) { count }
      numbers(names: [SIZE, RESOLUTION]) { present } heatMap(frame: EARTH) { total } } }"""
    found = build().execute_sync(document, context_value=Context(portal))
    assert found.errors is None
    assert len(asked) == 1
