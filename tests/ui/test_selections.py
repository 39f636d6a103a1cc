"""Selections on the web: their pages, their files, and those that people keep."""

from __future__ import annotations

import csv
import io
import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from fastapi import FastAPI

import discovery_graphql
import ui
from discovery import launching, stac_api
from discovery.model.person import READ, WRITE
from discovery.model.record import Record
from discovery.portal import Portal
from discovery.query.query import Query

if TYPE_CHECKING:
    from fastapi.testclient import TestClient

pytestmark = pytest.mark.slow


@pytest.fixture
def ids(portal: Portal) -> list[str]:
    return [each.record.id for each in portal.search(Query(text="survey", size=5)).records]


def sign_in(client: TestClient, portal: Portal) -> None:
    assert client.post("/signin", data={"code": portal.people.invite()}).status_code == 303


def key_of(page: str) -> str:
    found = re.search(r'name="key" value="([0-9a-f]{64})"', page)
    assert found is not None
    return found[1]


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_results_can_be_ticked_and_all_of_them_picked(client: TestClient) -> None:
    page = client.get("/search?q=survey&size=5").text
    boxes = re.findall(r'<input type="checkbox" name="id" value="([a-z2-7]{16})" data-tick>', page)
    assert len(boxes) == 5
    assert '<form action="/selection" method="get">' in page
    for place in ("/launch", "/selection#keep", "/compare", "/selection#export"):
        assert f'formaction="{place}"' in page
    assert 'href="/selection?all=1&amp;q=survey" rel="nofollow">All 30 that match</a>' in page
    assert 'class="picking"' not in client.get("/search?q=survey&time=1800").text


def test_the_page_of_a_selection_says_what_can_be_done(client: TestClient, ids: list[str]) -> None:
    page = client.get("/selection", params={"id": ids[:3]}).text
    assert "<strong>3</strong> records" in page
    assert page.count('class="remove"') == 3
    assert f"/selection?id={ids[1]}&amp;id={ids[2]}" in page
    assert f"/selection?id={ids[0]}&amp;id={ids[1]}&amp;id={ids[2]}&amp;f=votable" in page
    assert f'href="/compare?id={ids[0]}&amp;id={ids[1]}&amp;id={ids[2]}"' in page
    assert "Sign in to keep it" in page


def test_all_of_a_question_is_its_address(client: TestClient) -> None:
    page = client.get("/selection?all=1&q=survey&facet.provider=ESA").text
    assert "<strong>10</strong> resources" in page
    assert 'href="/search?q=survey&amp;facet.provider=ESA"' in page
    assert 'class="remove"' not in page
    told = client.get("/selection?all=1&q=survey&facet.provider=ESA&f=json").json()
    assert told["total"] == {"value": 10, "exact": True}
    assert told["query"] == [["q", "survey"], ["facet.provider", "ESA"]]


def test_all_that_match_is_offered_for_launch_up_to_a_number(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = client.get("/selection?all=1&q=survey").text
    assert re.search(r'<a class="button" href="/launch\?id=[^"]*" rel="nofollow">Open in a notebook</a>', page)
    assert page.partition('href="/launch?')[2].partition('"')[0].count("id=") == 30
    monkeypatch.setattr(launching, "MAX_RECORDS", 29)
    more = client.get("/selection?all=1&q=survey").text
    assert 'href="/launch?' not in more
    assert "A launch opens 100 records, and there are more: narrow the search, or download the notebook" in more


def test_an_empty_selection_says_how_to_fill_it(client: TestClient) -> None:
    assert "Nothing is picked yet" in client.get("/selection").text


def test_what_is_gone_is_named(client: TestClient, ids: list[str]) -> None:
    answer = client.get("/selection", params={"id": [ids[0], "neverheardof"]})
    assert "neverheardof is not known here" in answer.text
    file = client.get("/selection", params={"id": [ids[0], "neverheardof"], "f": "csv"})
    assert file.headers["discovery-lost"] == "neverheardof unknown"
    assert len(rows(file.text)) == 1


@pytest.mark.parametrize(
    ("query", "status", "says"),
    [
        ("f=cvs", 400, "did you mean csv"),
        ("id=../x", 400, "is no id of a record"),
        ("q=survey", 400, "say all=1"),
        ("&".join(f"id={number:016d}" for number in range(101)), 400, "selection-ids"),
        ("all=1&nonsense=1", 400, "nknown parameter"),
    ],
)
def test_what_is_no_selection_is_refused_kindly(client: TestClient, query: str, status: int, says: str) -> None:
    answer = client.get(f"/selection?{query}")
    assert (answer.status_code, says in answer.text) == (status, True)


def test_files_have_names_and_types(client: TestClient, ids: list[str]) -> None:
    for form, media_type in (("csv", "text/csv; charset=utf-8"), ("votable", "application/x-votable+xml"),
                             ("stac", "application/geo+json"), ("ndjson", "application/x-ndjson"),
                             ("geoparquet", "application/vnd.apache.parquet")):  # fmt: skip
        for method in ("GET", "HEAD"):
            answer = client.request(method, "/selection", params={"id": ids[:2], "f": form})
            assert (answer.status_code, answer.headers["content-type"]) == (200, media_type)
            assert answer.headers["content-disposition"].startswith('attachment; filename="selection.')
            assert bool(answer.content) is (method == "GET")


def test_a_file_of_a_question_has_all_of_it(client: TestClient) -> None:
    found = rows(client.get("/selection?all=1&q=survey&f=csv").text)
    assert len(found) == 30
    assert all(each["page"] == f"http://testserver/records/{each['id']}" for each in found)


def test_the_notebook_of_several_is_a_file(client: TestClient, ids: list[str]) -> None:
    answer = client.get("/selection/notebook", params={"id": ids[:2]})
    assert answer.headers["content-type"] == "application/x-ipynb+json"
    assert answer.headers["content-disposition"] == 'attachment; filename="2-records-selection.ipynb"'
    book = json.loads(answer.content)
    assert "".join(book["cells"][1]["source"]).count('"kind": "dataset"') == 2


def test_a_selection_is_kept_shared_changed_and_forgotten(
    visitor: TestClient, client: TestClient, portal: Portal, ids: list[str]
) -> None:
    sign_in(visitor, portal)
    page = visitor.get("/selection", params={"id": ids[:2]}).text
    key = key_of(page)
    query = re.search(r'name="query" value="([^"]+)"', page)
    assert query is not None
    sent = {"key": key, "query": query[1].replace("&amp;", "&"), "name": "My <b>ice</b>"}
    made = visitor.post("/selections", data=sent)
    assert made.status_code == 303
    path = made.headers["location"]
    kept = visitor.get(path)
    assert "<h1>My &lt;b&gt;ice&lt;/b&gt;</h1>" in kept.text
    assert kept.headers["cache-control"] == "private, no-store"
    client.cookies.clear()
    assert client.get(path).status_code == 404
    assert client.get(path, params={"f": "csv"}).status_code == 404
    assert client.get(f"{path}/notebook").status_code == 404
    assert client.get(f"{path}/manifest").status_code == 404
    listed = visitor.get(f"{path}/manifest")
    assert listed.headers["content-disposition"] == 'attachment; filename="manifest.json"'
    assert (listed.json()["name"], listed.json()["records"]) == ("My <b>ice</b>", 2)
    assert f'href="{path}/manifest"' in kept.text
    assert "import fsspec" in kept.text

    added = visitor.post(path, data={"key": key, "act": "add", "version": "1", "query": f"id={ids[2]}"})
    assert added.status_code == 303
    assert len(rows(visitor.get(path, params={"f": "csv"}).text)) == 3
    visitor.post(path, data={"key": key, "act": "remove", "version": "2", "id": ids[0]})
    late = visitor.post(path, data={"key": key, "act": "rename", "version": "2", "name": "Late"})
    assert late.status_code == 409
    visitor.post(path, data={"key": key, "act": "share", "version": "3", "visibility": "link"})
    assert client.get(path).status_code == 200
    assert 'name="act" value="delete"' not in client.get(path).text
    assert "Add to My &lt;b&gt;ice" in visitor.get("/selection", params={"id": ids[4]}).text
    assert "My &lt;b&gt;ice" in visitor.get("/selections").text
    gone = visitor.post(path, data={"key": key, "act": "delete", "version": "4"})
    assert gone.headers["location"] == "/selections"
    assert visitor.get(path).status_code == 404


def test_nothing_is_changed_without_the_key_of_the_form(visitor: TestClient, portal: Portal, ids: list[str]) -> None:
    assert visitor.get("/selections").headers["location"].startswith("/signin")
    over = visitor.post("/selections", data={"query": f"id={ids[0]}", "name": "x"})
    assert (over.status_code, over.headers["location"]) == (303, f"/signin?next=%2Fselection%3Fid%3D{ids[0]}")
    assert visitor.post("/selections?f=json", data={"query": f"id={ids[0]}", "name": "x"}).status_code == 401
    sign_in(visitor, portal)
    before = visitor.get("/selections?f=json").json()
    for sent in ({}, {"key": "0" * 64}):
        answer = visitor.post("/selections", data={**sent, "query": f"id={ids[0]}", "name": "x"})
        assert answer.status_code == 403
    assert visitor.get("/selections?f=json").json() == before


def test_a_program_keeps_a_selection_by_its_token(visitor: TestClient, portal: Portal, ids: list[str]) -> None:
    who = portal.people.who(None, portal.people.welcome("https://id.example", "prog", "Prog"))
    secret, _ = portal.people.make_token(who, "t", [READ, WRITE], 1)
    sent = {"query": f"id={ids[0]}", "name": "By program"}
    made = visitor.post("/selections", data=sent, headers={"Authorization": f"Bearer {secret}"})
    assert (made.status_code, made.json()["name"], made.json()["ids"]) == (201, "By program", ids[:1])
    reading, _ = portal.people.make_token(who, "t", [READ], 1)
    refused = visitor.post("/selections", data=sent, headers={"Authorization": f"Bearer {reading}"})
    assert refused.status_code == 403


@pytest.fixture(scope="module")
def whole(portal: Portal) -> Iterator[str]:
    """Serve every face that code asks, on a loopback port that the system chooses."""
    import socket
    import threading
    import time

    import uvicorn

    app = FastAPI(openapi_url=None)
    stac_api.attach(app, portal, title="Test portal")
    app.include_router(discovery_graphql.router(portal))
    ui.attach(app, portal, title="Test portal")
    listening = socket.create_server(("127.0.0.1", 0))
    running = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off"))
    thread = threading.Thread(target=running.run, args=([listening],), daemon=True)
    thread.start()
    deadline = time.monotonic() + 20
    while not running.started and time.monotonic() < deadline:
        time.sleep(0.02)
    yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    running.should_exit = True
    thread.join(10)
    listening.close()


def code_of(page: str) -> dict[str, str]:
    from html import unescape

    found = re.findall(r"<summary>([^<]+)</summary>\s*<pre[^>]*><code>(.*?)</code></pre>", page, re.DOTALL)
    return {title: unescape(code) for title, code in found}


@pytest.mark.parametrize("what", ["ids", "resources", "observations"])
def test_code_of_a_selection_runs_and_finds_the_same(whole: str, what: str, portal: Portal, tmp_path: Path) -> None:
    import httpx

    scope = "observations" if what == "observations" else "resources"
    asked = Query(scope=scope, text="" if scope == "observations" else "survey", size=3)
    found: list[Record] = [each.record for each in portal.search(asked).records]
    queries = {
        "ids": "&".join(f"id={each.id}" for each in found),
        "resources": "all=1&q=survey",
        "observations": "all=1&scope=observations",
    }
    shown = httpx.get(f"{whole}/selection?{queries[what]}").text
    number = {"ids": 3, "resources": 30, "observations": 12}[what]
    codes = code_of(shown)
    assert {"Python, without packages", "Python with astropy", "CSV by curl", "GraphQL by curl"} <= set(codes)
    for title, code in codes.items():
        command: list[str]
        command = [sys.executable, "-W", "ignore", "-c", code] if title.startswith("Python") else shlex.split(code)
        ran = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False, cwd=tmp_path)
        assert ran.returncode == 0, (title, ran.stderr)
        if title == "Python, without packages":
            assert len(ran.stdout.splitlines()) == number
        elif title == "CSV by curl":
            assert len(rows((tmp_path / "selection.csv").read_text())) == number
        elif title == "GraphQL by curl":
            data: dict[str, Any] = json.loads(ran.stdout)["data"]
            same = [each["id"] for each in data["records"]] if what == "ids" else data["search"]["totalCount"]["value"]
            assert same == ([each.id for each in found] if what == "ids" else number)
        else:
            assert ran.stdout, title


@pytest.mark.parametrize("way", ["/open/notebook?id={0}", "/selection/notebook?id={0}&id={1}"], ids=["one", "some"])
def test_a_notebook_finds_its_records_again_by_the_portal_and_by_stac(whole: str, way: str, portal: Portal) -> None:
    import httpx

    found = [each.record for each in portal.search(Query(scope="observations", size=2)).records]
    ids = [each.id for each in found][: way.count("{")]
    made = httpx.get(whole + way.format(*ids)).json()
    cells = ["".join(each["source"]) for each in made["cells"] if each["cell_type"] == "code"]
    names: dict[str, Any] = {}
    for each in cells:
        if "DATA = " in each or "def ask_" in each:
            exec(each, names)
    assert sorted(each["id"] for each in names["ask_portal"]()) == sorted(ids)
    items = [each.to_dict() for each in names["ask_stac"]()]
    assert sorted(each["properties"]["title"] for each in items) == sorted(each.title for each in found[: len(ids)])


def test_the_permanent_link_is_the_page_itself(client: TestClient, ids: list[str]) -> None:
    page = client.get("/selection", params={"id": ids[:2]}).text
    found = re.search(r'id="permanent" readonly value="([^"]+)"', page)
    assert found is not None
    url = urlsplit(found[1].replace("&amp;", "&"))
    assert parse_qsl(url.query) == [("id", ids[0]), ("id", ids[1])]
