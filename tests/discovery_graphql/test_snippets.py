from __future__ import annotations

import ast
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

import ui
from discovery import indexer, stac_api
from discovery.exports import code
from discovery.index.tantivy import TantivyIndex
from discovery.model import instant
from discovery.model.extent import Extent
from discovery.model.record import Record
from discovery.model.source import Mapped, RawRecord, Source
from discovery.portal import Portal
from discovery.query import region
from discovery.query.facets import RangeSelection
from discovery.query.query import And, Between, Comparison, In, IsNull, Like, Not, Or, Query, Selection, Sort, Time
from discovery.store.store import Store
from discovery_graphql import router, snippets

HERE = "http://testserver"
SCENES = {"scope": "OBSERVATIONS", "first": 50}
MEAN = "'; rm -rf / #\" $(id) `id` \\ \n </script> \u202e {{ice}} %s \U0001f600"
QUESTIONS: list[dict[str, Any]] = [
    {},
    {"text": "ice"},
    {"text": "ice", "words": "ALL", "facets": [{"name": "MISSION", "values": ["astronomy/hubble"]}]},
    {"filter": {"or": [{"theme": {"eq": "ocean"}}, {"not": {"kind": {"eq": "dataset"}}}]}, "first": 7},
    {"time": {"start": "2012", "end": "2014-06"}, "sort": {"by": "TITLE", "descending": True}},
    {**SCENES, "region": {"bbox": [9, 50, 12, 52]}},
    {**SCENES, "region": {"cone": {"lon": 11, "lat": 51, "radius": 0.5}}},
    {**SCENES, "ranges": [{"name": "CLOUD_COVER", "low": 3, "high": 30, "below": True}]},
    {**SCENES, "filter": {"cloudCover": {"lte": 10}, "start": {"gte": "2021-03"}}},
    {"text": MEAN},
    {"facets": [{"name": "THEME", "values": [MEAN, "ocean"]}]},
    {"filter": {"provider": {"in": [MEAN, "ESA"]}}},
]
ASK = """query ($text: String, $words: Words = SOME, $filter: RecordFilter, $facets: [FacetSelection!],
  $region: RegionInput, $time: TimeInput, $ranges: [RangeInput!], $scope: Scope = RESOURCES, $sort: SortInput,
  $first: Int = 20) {
  search(text: $text, words: $words, filter: $filter, facets: $facets, region: $region, time: $time, ranges: $ranges,
    scope: $scope, sort: $sort, first: $first) {
    totalCount { value } nodes { id sourceId } snippets { tool language code note } } }"""


@pytest.fixture(scope="module")
def app(portal: Portal) -> Iterator[TestClient]:
    """Every face that a snippet asks."""
    made = FastAPI()
    stac_api.attach(made, portal, title="Discovery")
    made.include_router(router(portal))
    ui.attach(made, portal, title="Discovery")
    with TestClient(made) as client:
        yield client


def run(client: TestClient, code: str) -> Any:
    """Do what curl would with these words of a shell."""
    words = shlex.split(code)
    assert words[:2] == ["curl", "-s"]
    url, *options = words[2:]
    assert url.startswith(HERE + "/")
    if not options:
        return client.get(url).json()
    assert (options[0], options[2]) == ("-H", "--data-binary")
    name, _, value = options[1].partition(": ")
    return client.post(url, content=options[3].encode(), headers={name: value}).json()


def asked(client: TestClient, variables: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    answer = client.post("/graphql", json={"query": ASK, "variables": variables}).json()
    assert "errors" not in answer, answer
    found = answer["data"]["search"]
    return found, {each["tool"]: each for each in found["snippets"]}


@pytest.mark.parametrize("variables", QUESTIONS, ids=[str(number) for number in range(len(QUESTIONS))])
def test_every_way_in_finds_the_same(app: TestClient, variables: dict[str, Any]) -> None:
    found, codes = asked(app, variables)
    total, ids = found["totalCount"]["value"], [each["id"] for each in found["nodes"]]
    again = run(app, codes["GRAPHQL"]["code"])["data"]["search"]
    assert (again["totalCount"]["value"], [each["id"] for each in again["nodes"]]) == (total, ids)
    page = run(app, codes["JSON"]["code"])
    assert page["total"]["value"] == total
    stac = run(app, codes["STAC"]["code"])
    if codes["STAC"]["note"] is None:
        assert stac["numberMatched"] == total
        assert {each["id"] for each in stac["features"]} == {each["sourceId"] for each in found["nodes"]}
    else:
        assert "numberMatched" in stac, stac


@pytest.mark.parametrize("variables", QUESTIONS, ids=[str(number) for number in range(len(QUESTIONS))])
def test_python_that_is_shown_holds_nothing_but_literals(app: TestClient, variables: dict[str, Any]) -> None:
    _, codes = asked(app, variables)
    code = codes["PYSTAC"]["code"]
    assert code.isascii()
    tree = ast.parse(code)
    call = tree.body[2]
    assert isinstance(call, ast.Assign)
    assert isinstance(call.value, ast.Call)
    given = {str(each.arg): ast.literal_eval(each.value) for each in call.value.keywords}
    sent = run(app, codes["STAC"]["code"])
    assert len(tree.body) == 4
    if variables.get("scope") == "OBSERVATIONS":
        body = {name.replace("_", "-"): value for name, value in given.items() if name != "max_items"}
        same = app.post("/stac/search", json={**body, "limit": given["max_items"]}).json()
        assert same["numberMatched"] == sent["numberMatched"]


CONDITIONS = [
    Comparison("=", "theme", MEAN),
    Comparison(">=", "cloud_cover", 3.5),
    Comparison("<=", "start", instant.instant("2020-01-01") - 1),
    Between("created", instant.instant("2020-01-01"), instant.instant("2021-01-01") - 1),
    In("provider", ("a", MEAN)),
    Like("title", "a%\\_b"),
    Not(IsNull("doi")),
    Or((Comparison("=", "properties.x y", "1"), And((IsNull("level"), Like("title", "%"))))),
]


@pytest.mark.parametrize("node", CONDITIONS, ids=[str(number) for number in range(len(CONDITIONS))])
def test_a_filter_goes_through_the_schema_and_back(portal: Portal, client: TestClient, node: Any) -> None:
    query = "query ($f: RecordFilter) { search(filter: $f) { totalCount { value } } }"
    answer = client.post("/graphql", json={"query": query, "variables": {"f": code.to_input(node)}}).json()
    assert answer["data"]["search"]["totalCount"]["value"] == portal.search(Query(filter=node)).total.value


def test_every_field_of_an_order_is_said_in_every_way_in(portal: Portal) -> None:
    several = Sort("start", descending=True, then=(Sort("title"),))
    asked = Query(scope="observations", sort=several)
    codes = {each.tool.value: each.code for each in snippets.snippets(portal, asked, HERE)}
    assert "sort=-start%2Ctitle" in codes["json"]
    assert '"then":[{"by":"TITLE","descending":false}]' in codes["graphql"].replace(" ", "")
    assert '{"field":"title","direction":"asc"}' in codes["stac"].replace(" ", "")
    collections = {each.tool.value: each.code for each in snippets.snippets(portal, Query(sort=several), HERE)}
    assert "sortby=-start%2C%2Btitle" in collections["stac"]


def test_what_a_way_in_has_no_word_for_is_left_out(portal: Portal) -> None:
    strict = snippets.snippets(portal, Query(filter=Comparison("<", "cloud_cover", 3.0)), HERE)
    assert [each.tool.value for each in strict] == ["json", "stac", "pystac"]


def test_an_archive_is_asked_by_place_and_time(portal: Portal) -> None:
    asked = Query(
        scope="observations",
        region=region.cone([10, -20, 0.5]),
        time=Time(instant.instant("2020-01-01"), None),
        selections=(Selection("mission", ("x",)),),
        ranges=(RangeSelection("cloud_cover", 1.0),),
        sort=Sort("start"),
    )
    assert list(code._adql(asked)) == [
        "1 = CONTAINS(POINT('ICRS', s_ra, s_dec), CIRCLE('ICRS', 10.0, -20.0, 0.5))",
        "t_max >= 58849.0",
    ]


def test_an_archive_that_was_taken_away_or_holds_a_secret_is_not_named(tmp_path: Path) -> None:
    opened = Portal(Store(f"sqlite:///{tmp_path / 'store.sqlite'}"), TantivyIndex(tmp_path / "index"))
    record = Record("cat", "obs", "one", "observation", "One", extent=Extent(start=0, end=1))
    opened.store.ingest.page("cat", 1, [Mapped(record, RawRecord("obs", "one", b"{}"))])
    indexer.follow(opened.store, opened.index)
    asked = Query(scope="observations", time=Time(0, 1))

    def named() -> list[str]:
        return [each.code for each in snippets.snippets(opened, asked, HERE) if each.tool.value == "pyvo"]

    assert named() == []
    for url, shown in (("https://me:secret@tap.example/tap", False), ("https://tap.example/tap", True)):
        opened.store.ledger.add_source(Source("cat", "tap", url), replace=True)
        assert len(named()) == shown
    compile(named()[0], "snippet", "exec")
    assert "https://tap.example/tap" in named()[0]
    opened.close()
