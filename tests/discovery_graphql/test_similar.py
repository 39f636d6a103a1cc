"""Similar rows by GraphQL, over a real tile of Clay."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from discovery import wiring
from discovery.config import Settings
from discovery.embeddings.asking import Searcher
from discovery.embeddings.building import Wanted
from discovery.embeddings.space import Model
from discovery.indexer import follow
from discovery.model.record import Record
from discovery.model.source import Mapped, RawRecord
from discovery.testing import tiles
from discovery.testing.vectors import nearest
from discovery_graphql import router

CLAY = Path(__file__).resolve().parents[2] / "fixtures" / "embeddings" / "clay_v0_03WVN_20220610.parquet"
TILE = Record("clay", "", "v0", "dataset", "Clay embeddings")
LONE = Record("clay", "", "lone", "observation", "Seen, and no tile of it")


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    portal = wiring.open_portal(Settings(tmp_path_factory.mktemp("home")))
    portal.store.ingest.page("clay", 1, [Mapped(each, RawRecord("", each.source_id, b"{}")) for each in (TILE, LONE)])
    follow(portal.store, portal.index)
    portal.spaces.add("clay", Wanted((str(CLAY),), Model("clay", "0"), record=TILE.id))
    app = FastAPI()
    app.include_router(router(portal))
    with TestClient(app) as found:
        yield found
    portal.spaces.close()
    portal.close()


def ask(client: TestClient, query: str, **variables: Any) -> Any:
    answer = client.post("/graphql", json={"query": query, "variables": variables})
    return answer.json()


ROWS = """query Rows($like: Like, $within: SimilarFilter, $region: RegionInput, $first: Int! = 5) {
  similar(space: "clay", like: $like, within: $within, region: $region, first: $first) {
    hits { row id score lon time product record { id title __typename } places { kind address } nowhere launch open }
    exact recall eligible warnings
  }
}"""


def test_what_is_near_is_found_with_its_record(client: TestClient) -> None:
    vectors = np.stack(pq.read_table(CLAY).column("embeddings").to_numpy())
    found = ask(client, ROWS, like={"rows": [5]})["data"]["similar"]
    assert [each["row"] for each in found["hits"]] == nearest(vectors, vectors[5], 6)[1:]
    assert found["hits"][0]["record"] == {"id": TILE.id, "title": "Clay embeddings", "__typename": "Dataset"}
    # The dataset of this test names no file.
    assert (found["hits"][0]["places"], found["hits"][0]["launch"]) == ([], None)
    assert found["hits"][0]["nowhere"].startswith("Its source names neither")
    assert found["hits"][0]["open"] == f"/open?id={TILE.id}"
    assert found["hits"][0]["time"] == "2022-06-10T00:00:00Z"
    assert (found["exact"], found["recall"], found["eligible"], found["warnings"]) == (True, 1, 417, [])
    by_vector = ask(client, ROWS, like={"vectors": [vectors[5].tolist()]}, first=6)["data"]["similar"]
    assert [each["row"] for each in by_vector["hits"]] == nearest(vectors, vectors[5], 6)


def test_a_region_asks_and_narrows(client: TestClient) -> None:
    box = {"bbox": [-167.2, 65, -166.5, 66.5], "frame": "EARTH"}
    found = ask(client, ROWS, region=box, within={"region": box}, first=100)["data"]["similar"]
    assert found["eligible"] == len(found["hits"]) + 1
    assert all(-167.2 <= each["lon"] <= -166.5 for each in found["hits"])


def test_spaces_are_told_with_how_well_they_are_searched(client: TestClient) -> None:
    asked = "{ embeddingSpaces { name dimensions vectors metric model modelVersion recall { narrowed mode value } } }"
    (told,) = ask(client, asked)["data"]["embeddingSpaces"]
    assert (told["name"], told["dimensions"], told["vectors"], told["model"]) == ("clay", 768, 417, "clay")
    assert {each["value"] for each in told["recall"]} == {1.0}


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({}, "say what to look for"),
        ({"like": {"rows": [417]}}, "no row 417"),
        ({"like": {"vectors": [[1.0]]}}, "has 1 numbers"),
        ({"like": {"rows": [5]}, "first": 0}, "first must be 1 to 100"),
        ({"like": {"rows": [5]}, "first": 101}, "first must be 1 to 100"),
        ({"like": {"rows": [5]}, "within": {"region": {"bbox": [1]}}}, "needs 4 numbers"),
    ],
)
def test_what_cannot_be_asked_is_an_error_that_says_why(client: TestClient, variables: Any, told: str) -> None:
    assert told in ask(client, ROWS, **variables)["errors"][0]["message"]


ALIKE = """query Alike($space: String, $first: Int!, $size: Int! = 6, $within: SimilarFilter) {
  search(scope: OBSERVATIONS, sort: {by: TITLE}, first: $size) {
    nodes { id ... on Observation { similar(space: $space, first: $first, within: $within) {
      space exact eligible hits { row record { id } launch } facets(names: [PROVIDER]) { buckets { value count } }
    } } }
  }
}"""


@pytest.mark.slow
def test_observations_lead_to_what_is_like_them_and_a_space_is_asked_once(
    tiled: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    search = Searcher.search

    def counted(self: Searcher, queries: Any, size: int, **more: Any) -> Any:
        asked.append(len(queries))
        return search(self, queries, size, **more)

    monkeypatch.setattr(Searcher, "search", counted)
    found = tiled(ALIKE, first=3)["data"]["search"]["nodes"]
    assert asked == [6]
    vectors = tiles.vectors()
    assert [each["id"] for each in found] == [each.id for each in tiles.SCENES]
    for number, each in enumerate(found):
        row = number % 3 + (0 if number < 3 else tiles.PLACES)
        hits = each["similar"]["hits"]
        assert [hit["row"] for hit in hits] == [one for one in nearest(vectors, vectors[row], 4) if one != row][:3]
        providers = Counter(
            tiles.SCENES[of].provider for of in {tiles.SCENES.index(tiles.scene(h["row"])) for h in hits}
        )
        told = {one["value"]: one["count"] for one in each["similar"]["facets"][0]["buckets"]}
        assert told == providers


@pytest.mark.slow
def test_an_observation_that_no_row_was_made_of_is_like_nothing(client: TestClient, tiled: Callable[..., Any]) -> None:
    found = ask(client, ALIKE, first=3)["data"]["search"]["nodes"]
    assert found == [{"id": LONE.id, "similar": None}]
    narrow = {"facets": [{"name": "PROVIDER", "values": ["Odd"]}]}
    narrowed = tiled(ALIKE, first=5, size=1, space="tiles", within=narrow)["data"]["search"]["nodes"][0]["similar"]
    odd = {each.id for each in tiles.SCENES if each.provider == "Odd"}
    assert {each["record"]["id"] for each in narrowed["hits"]} <= odd
    assert narrowed["eligible"] == tiles.PLACES
    assert "no space 'none'" in tiled(ALIKE, first=5, space="none")["errors"][0]["message"]


def test_what_a_page_of_observations_asks_for_has_its_price(client: TestClient) -> None:
    told = ask(client, ALIKE, first=100, size=100)["errors"][0]
    assert "the document costs" in told["message"]


@pytest.mark.slow
def test_facets_of_hits_count_records_of_both_scopes_once(tiled: Callable[..., Any]) -> None:
    asked = """query($first: Int!) { similar(space: "tiles", like: {rows: [5]}, first: $first) {
      hits { record { id } places { kind address } launch } facets(names: [KIND, PROVIDER], size: 1) {
        name exact other buckets { value label count } } } }"""
    found = tiled(asked, first=100)["data"]["similar"]
    seen = {each["record"]["id"] for each in found["hits"]}
    kind, provider = found["facets"]
    assert (kind["name"], kind["exact"], kind["other"]) == ("KIND", True, 0)
    assert [(each["value"], each["count"]) for each in kind["buckets"]] == [("observation", len(seen))]
    assert provider["buckets"][0]["count"] + provider["other"] == len(seen)
    assert all(each["places"][0]["kind"] == "VOLUME" and each["launch"] for each in found["hits"])
