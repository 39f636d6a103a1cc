"""The pages of spaces, and the same for programs, over a real tile of Clay."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from fastapi.testclient import TestClient

from discovery import wiring
from discovery.app import create_app
from discovery.config import Settings
from discovery.embeddings.building import Wanted
from discovery.embeddings.space import Model
from discovery.indexer import follow
from discovery.model.record import Asset, Record
from discovery.model.source import Mapped, RawRecord
from discovery.testing.vectors import nearest

pytestmark = pytest.mark.slow
CLAY = Path(__file__).resolve().parents[2] / "fixtures" / "embeddings" / "clay_v0_03WVN_20220610.parquet"
SCENES = "https://data.example/<clay>.tif"
TILE = Record("clay", "", "v0", "dataset", "Clay <embeddings>", assets=(Asset(SCENES, media_type="image/tiff"),))
OTHER = Record("clay", "", "other", "dataset", "Other")


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    settings = Settings(tmp_path_factory.mktemp("home"))
    portal = wiring.open_portal(settings)
    portal.store.ingest.page("clay", 1, [Mapped(each, RawRecord("", each.source_id, b"{}")) for each in (TILE, OTHER)])
    follow(portal.store, portal.index)
    portal.spaces.add("clay", Wanted((str(CLAY),), Model("clay", "0"), record=TILE.id))
    with TestClient(create_app(settings, portal, steward=False), base_url="http://127.0.0.1") as found:
        yield found
    portal.spaces.close()
    portal.close()


@pytest.fixture(scope="module")
def vectors() -> Any:
    return np.stack(pq.read_table(CLAY).column("embeddings").to_numpy())


def ask(client: TestClient, body: Any, space: str = "clay") -> Any:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return client.post(f"/embeddings/{space}/similar", content=content)


def test_programs_find_what_a_loop_finds(client: TestClient, vectors: Any) -> None:
    found = ask(client, {"like": {"rows": [5]}, "size": 10})
    assert found.status_code == 200
    told = found.json()
    assert [each["row"] for each in told["hits"]] == nearest(vectors, vectors[5], 11)[1:]
    assert (told["exact"], told["recall"], told["mode"]) == (True, 1.0, "balanced")
    assert told["hits"][0]["record"] == {"id": TILE.id, "title": "Clay <embeddings>", "kind": "dataset"}
    assert [each["address"] for each in told["hits"][0]["places"]] == [SCENES]
    assert told["hits"][0]["launch"] == f"/launch?id={TILE.id}"
    assert client.get(told["hits"][0]["open"]).status_code == 200
    by_vector = ask(client, {"like": {"vectors": [vectors[5].tolist()]}, "size": 11}).json()
    assert [each["row"] for each in by_vector["hits"]] == nearest(vectors, vectors[5], 11)


def test_a_region_asks_and_a_region_narrows(client: TestClient) -> None:
    box = "-167.2,65,-166.5,66.5"
    for place in (box, [-167.2, 65, -166.5, 66.5], {"type": "Polygon", "coordinates": [
        [[-167.2, 65], [-166.5, 65], [-166.5, 66.5], [-167.2, 66.5], [-167.2, 65]]]}):  # fmt: skip
        found = ask(client, {"region": place, "within": {"bbox": box}, "size": 300}).json()
        assert found["eligible"] == len(found["hits"]) + 1
        assert all(-167.2 <= each["lon"] <= -166.5 for each in found["hits"])
    early = ask(client, {"like": {"rows": [5]}, "within": {"time": "../2022-01-01"}}).json()
    assert (early["hits"], early["eligible"]) == ([], 0)


def test_several_questions_share_what_narrows_them(client: TestClient) -> None:
    queries: list[dict[str, Any]] = [{"like": {"rows": [5]}}, {"like": {"rows": [9]}, "with_examples": True}]
    shared: dict[str, Any] = {"within": {"bbox": "-167.2,65,-166.5,66.5"}, "size": 3, "mode": "exact"}
    found = ask(client, {"queries": queries, **shared}).json()["answers"]
    alone = [ask(client, {**each, **shared}).json()["hits"] for each in queries]
    assert [each["hits"] for each in found] == alone
    assert [each["mode"] for each in found] == ["exact", "exact"]


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"{", "no JSON"),
        (b"[]", "no object"),
        (b"", "say what to look for"),
        ({"like": {"rows": [5]}, "odd": 1}, "unknown member of body 'odd'"),
        ({"like": {"row": [5]}}, "rows"),
        ({"like": {"rows": "5"}}, "lists"),
        ({"like": {"rows": [True]}}, "lists"),
        ({"like": {"rows": [5]}, "size": "ten"}, "whole number"),
        ({"like": {"rows": [5]}, "size": 1001}, "1 to 1000"),
        ({"like": {"rows": [5]}, "mode": "odd"}, "mode 'odd'"),
        ({"like": {"vectors": [[1, 2]]}}, "has 2 numbers"),
        ({"like": {"vectors": [[None] * 768]}}, "not finite"),
        ({"like": {"vectors": ["text"]}}, "vectors"),
        ({"like": {"vectors": [[0] * 768]}}, "points nowhere"),
        ({"like": {"rows": [5]}, "within": {"bbox": 5}}, "object of texts"),
        ({"like": {"rows": [5]}, "within": {"q": "x"}}, "unknown member of within"),
        ({"like": {"rows": [5]}, "within": {"bbox": "1,2"}}, "bbox"),
        ({"region": {"type": "Odd"}}, "region"),
        ({"region": "1"}, "region"),
        ({"queries": {}}, "queries is no list"),
        ({"queries": []}, "say what to look for"),
        ({"queries": [5]}, "queries is no object"),
        ({"queries": [{"like": {"rows": [5]}, "size": 3}]}, "unknown member of queries 'size'"),
        ({"queries": [{"like": {"rows": [5]}}], "like": {"rows": [5]}}, "like belongs into queries"),
        ({"queries": [{"like": {"rows": [5]}}] * 65}, "at most 64"),
    ],
)
def test_what_cannot_be_asked_is_a_400_that_says_why(client: TestClient, body: Any, told: str) -> None:
    found = ask(client, body)
    assert found.status_code == 400
    assert told in found.json()["error"]["message"]


def test_what_is_not_there_is_a_404(client: TestClient) -> None:
    assert ask(client, {"like": {"rows": [417]}}).status_code == 404
    assert ask(client, {"like": {"rows": [5]}}, space="none").status_code == 404
    assert ask(client, {"like": {"rows": [5]}}, space="..%2f..").status_code == 404
    assert ask(client, b" " * (5 << 20)).status_code in (400, 413)


def test_the_list_names_spaces_and_no_file(client: TestClient) -> None:
    page = client.get("/embeddings")
    assert page.status_code == 200
    assert "417 vectors of clay 0" in page.text
    assert "Clay &lt;embeddings&gt;" in page.text
    told = client.get("/embeddings", params={"f": "json"}).json()["spaces"][0]
    assert (told["name"], told["vectors"], told["record"]) == ("clay", 417, TILE.id)
    assert "parquet" not in page.text + json.dumps(told)
    assert client.get("/embeddings/clay", params={"f": "json"}).json() == told


def test_the_page_of_a_space_shows_hits_their_places_and_ways_on(client: TestClient, vectors: Any) -> None:
    empty = client.get("/embeddings/clay")
    assert "Nothing was asked yet" in empty.text
    page = client.get("/embeddings/clay", params={"row": "5", "bbox": ""})
    assert page.status_code == 200
    first = nearest(vectors, vectors[5], 2)[1]
    assert f"/embeddings/clay?row={first}" in page.text
    assert f"/records/{TILE.id}" in page.text
    assert page.text.count('<circle class="dot"') == 12
    assert "https://data.example/&lt;clay&gt;.tif" in page.text
    assert f"/launch?id={TILE.id}" in page.text
    same = client.get("/embeddings/clay", params={"row": "5", "f": "json"}).json()
    assert same["hits"][0]["row"] == first


def test_hits_are_opened_in_a_notebook_and_taken_along_as_files(client: TestClient, vectors: Any) -> None:
    page = client.get("/embeddings/clay", params={"row": "5", "bbox": "-168,64,-166,67"})
    told = client.get("/embeddings/clay", params={"row": "5", "f": "json"}).json()
    assert told["notebook"] == f"/selection/notebook?id={TILE.id}"
    assert f'href="{told["notebook"]}"' in page.text
    notebook = client.get(told["notebook"])
    assert notebook.status_code == 200
    assert SCENES in json.dumps(notebook.json())
    assert client.get(told["selection"]).status_code == 200
    assert "row=5&amp;bbox=-168%2C64%2C-166%2C67&amp;f=csv" in page.text
    given = {"row": "5", "size": "30"}
    table = client.get("/embeddings/clay", params={**given, "f": "csv"})
    assert table.headers["content-type"].startswith("text/csv")
    assert table.headers["content-disposition"] == 'attachment; filename="clay.csv"'
    rows = [int(each["row"]) for each in csv.DictReader(io.StringIO(table.text))]
    assert rows == nearest(vectors, vectors[5], 31)[1:]
    lines = client.get("/embeddings/clay", params={**given, "f": "ndjson"})
    assert [json.loads(each)["row"] for each in lines.text.splitlines()] == rows
    assert json.loads(lines.text.splitlines()[0])["launch"] == f"http://127.0.0.1/launch?id={TILE.id}"
    for params in ({"f": "csv"}, {**given, "f": "xml"}):
        assert client.get("/embeddings/clay", params=params).status_code == 400
    none = client.get("/embeddings/clay", params={"row": "5", "time": "../2000-01-01"})
    assert "Open them in a notebook" not in none.text
    assert "f=csv" not in none.text


def test_the_page_of_a_record_leads_to_what_is_like_it(client: TestClient) -> None:
    page = client.get(f"/records/{TILE.id}", headers={"Accept": "text/html"})
    assert '<a class="button second" href="/embeddings/clay">Find similar</a>' in page.text
    other = client.get(f"/records/{OTHER.id}", headers={"Accept": "text/html"})
    assert other.status_code == 200
    assert "Find similar" not in other.text


def test_wrong_parameters_of_the_page_are_pages_that_say_why(client: TestClient) -> None:
    for params, status in (({"row": "x"}, 400), ({"odd": "1"}, 400), ({"row": "999"}, 404), ({"here": "1,2"}, 400)):
        page = client.get("/embeddings/clay", params=params)
        assert page.status_code == status
        assert "<main" in page.text
    assert client.get("/embeddings/none").status_code == 404


def test_what_differs_most_is_found(client: TestClient, vectors: Any) -> None:
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    middle = unit.mean(axis=0)
    away = 1 - unit @ (middle / np.linalg.norm(middle))
    found = client.post("/embeddings/clay/outliers", content=b'{"size": 5}').json()
    assert [each["row"] for each in found["hits"]] == np.argsort(-away, kind="stable")[:5].tolist()
    assert found["hits"][0]["record"]["id"] == TILE.id
    # The tile was seen once.
    body = {"earlier": "../2022-01-01", "later": "2022-06-01/..", "by": "place", "within": {"bbox": "-168,64,-166,66"}}
    changed = client.post("/embeddings/clay/change", json=body)
    assert (changed.status_code, changed.json()["changes"], changed.json()["compared"]) == (200, [], 0)


@pytest.mark.parametrize(
    ("path", "body", "status", "told"),
    [
        ("clay/change", {"of": "all"}, 400, "unknown member of body 'of'"),
        ("clay/change", {"by": 5}, 400, "by is no text"),
        ("clay/change", {"by": "odd"}, 400, "is not one of place, id"),
        ("clay/change", {"earlier": "never"}, 400, "earlier"),
        ("clay/outliers", {"of": "list"}, 400, "has no lists"),
        ("clay/outliers", {"size": 5000}, 400, "1 to 1000"),
        ("clay/outliers", [], 400, "no object"),
        ("none/outliers", {}, 404, "no space"),
    ],
)
def test_what_cannot_be_asked_of_differences_says_why(
    client: TestClient, path: str, body: Any, status: int, told: str
) -> None:
    found = client.post(f"/embeddings/{path}", json=body)
    assert found.status_code == status
    assert told in json.dumps(found.json()["error"])


def test_where_nothing_can_have_changed_that_is_said_and_not_offered(client: TestClient) -> None:
    for path in ("", "/outliers"):
        page = client.get(f"/embeddings/clay{path}").text
        assert 'href="/embeddings/clay/change"' not in page
    assert "What changed cannot be asked: all its rows are of 2022-06-10" in client.get("/embeddings/clay").text
    for params in ({}, {"by": "place"}):
        page = client.get("/embeddings/clay/change", params=params).text
        assert "Nothing can have changed here: all its rows are of 2022-06-10" in page
        assert "discovery embeddings add clay" in page
        assert 'class="similar"' not in page


def test_the_record_of_all_hits_is_said_once(client: TestClient) -> None:
    page = client.get("/embeddings/clay", params={"row": "5"}).text
    assert page.count(f'href="/launch?id={TILE.id}"') == 1
    assert "All of them are of <a" in page
    assert len(re.findall(r"<h3>Row \d+</h3>", page)) == 12
    assert " in its file" not in page
