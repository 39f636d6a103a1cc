from __future__ import annotations

import json
import re
import socket
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx
import pytest
from fastapi.testclient import TestClient

from discovery import wiring
from discovery.app import create_app
from discovery.config import Settings
from discovery.demands import DEMANDS
from discovery.indexer import follow
from discovery.model.record import Record
from discovery.model.source import Mapped, RawRecord
from tests.people.provider import CLIENT, SECRET, running

pytestmark = pytest.mark.slow
ALL = "{search{nodes{title}}}"


@pytest.fixture
def client(tmp_path: Path, engine: Mapping[str, str]) -> Iterator[TestClient]:
    """Return a browser for an application over one dataset."""
    settings = Settings(tmp_path, **engine)  # type: ignore[arg-type]
    portal = wiring.open_portal(settings)
    record = Record("archive", "", "one", "dataset", "Sea ice thickness", domain="earth-observation")
    portal.store.ingest.page("archive", 1, [Mapped(record, RawRecord("", "one", b"{}"))])
    follow(portal.store, portal.index)
    with TestClient(create_app(settings, portal), base_url="http://127.0.0.1") as client:
        yield client
    portal.close()


def test_every_face_finds_the_same_record(client: TestClient) -> None:
    page = client.get("/search", params={"q": "ice", "f": "json"}).json()
    question = '{ search(text: "ice") { totalCount { value } nodes { id } } }'
    graph = client.post("/graphql", json={"query": question}).json()["data"]["search"]
    stac = client.get("/stac/collections").json()
    ogc = client.get("/ogc/collections/resources/items", params={"q": "ice"}).json()
    (record,) = page["records"]
    assert page["total"] == {"value": 1, "exact": True}
    assert graph == {"totalCount": {"value": 1}, "nodes": [{"id": record["id"]}]}
    assert [each["id"] for each in stac["collections"]] == ["one"]
    assert [each["id"] for each in ogc["features"]] == [record["id"]]


def test_whatever_is_read_by_get_is_looked_at_by_head(client: TestClient) -> None:
    """What a placeholder stands for is not there; that is told alike."""
    read = [each.path for each in DEMANDS if each.method == "GET" and not each.path.startswith("/signin/")]
    other = {}
    for path in (re.sub(r"{[^}]*}", "nothing", each) for each in read):
        got, head = (client.request(each, path, follow_redirects=False) for each in ("GET", "HEAD"))
        told = [(each.status_code, each.headers.get("content-type")) for each in (got, head)]
        if told[0] != told[1] or head.content:
            other[path] = told
    assert other == {}


def test_every_face_tells_who_has_an_answer_that_it_is_the_same_and_that_it_is_not(
    client: TestClient, tmp_path: Path, engine: Mapping[str, str]
) -> None:
    changing = ("/stac/collections", "/ogc/collections/resources/items", "/search?f=atom", f"/graphql?query={ALL}")
    paths = (*changing, "/stac/queryables", "/openapi.json")
    tags = {path: client.get(path).headers["etag"] for path in paths}
    assert any(tag.endswith('-gzip"') for tag in tags.values())
    for path, tag in tags.items():
        again = client.get(path, headers={"If-None-Match": f'"other", {tag}'})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag), path
    portal = wiring.open_portal(Settings(tmp_path, **engine))  # type: ignore[arg-type]
    record = Record("archive", "", "two", "dataset", "Sea level")
    portal.store.ingest.page("archive", 1, [Mapped(record, RawRecord("", "two", b"{}"))])
    portal.close()
    until = time.monotonic() + 60
    while client.get("/stac/collections").json()["numberMatched"] != 2 and time.monotonic() < until:
        time.sleep(0.05)
    changed = {path for path, tag in tags.items() if client.get(path).headers["etag"] != tag}
    assert changed == set(changing)


def test_health_says_what_waits_to_be_indexed(client: TestClient) -> None:
    health = client.get("/health").json()
    assert health["status"] == "ok"
    assert health["scopes"]["resources"] == {
        "generation": health["scopes"]["resources"]["generation"],
        "documents": 1,
        "waiting": 0,
    }


@pytest.mark.parametrize(
    "path", ["/", "/search?q=ice", "/graphql", "/stac/", "/stac/collections", "/ogc", "/health", "/api"]
)
def test_every_entrance_opens(client: TestClient, path: str) -> None:
    assert client.get(path, headers={"Accept": "text/html,*/*"}).status_code == 200


@pytest.mark.parametrize("path", ["/nothing", "/records/aaaaaaaaaaaaaaaa", "/stac/collections/nothing", "/ogc/nothing"])
def test_what_is_not_there_is_404(client: TestClient, path: str) -> None:
    assert client.get(path).status_code == 404


def test_openapi_describes_pages_and_stac(client: TestClient) -> None:
    paths = json.loads(client.get("/openapi.json").content)["paths"]
    assert "/stac/search" in paths
    assert "/health" in paths


def test_without_an_engine_searches_get_503_at_once_and_records_are_read(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}"
    settings = Settings(tmp_path, index=f"elasticsearch={address}")
    portal = wiring.open_portal(settings)
    record = Record("archive", "", "one", "dataset", "Sea ice thickness")
    portal.store.ingest.page("archive", 1, [Mapped(record, RawRecord("", "one", b"{}"))])
    with TestClient(create_app(settings, portal, steward=False), base_url="http://127.0.0.1") as client:
        for path in ("/search?q=ice", "/search?q=ice&f=json", "/stac/search?limit=1"):
            began = time.monotonic()
            answer = client.get(path)
            assert time.monotonic() - began < 10, "an engine that is only slow is waited for"
            assert answer.status_code == 503, path
            assert int(answer.headers["Retry-After"]) > 0
        graph = client.post("/graphql", json={"query": '{ search(text: "ice") { totalCount { value } } }'})
        assert graph.json()["errors"][0]["extensions"]["code"] == "unavailable"
        assert client.get("/health").json()["status"] == "degraded"
        assert client.get("/stac/collections/one").status_code == 200
        assert client.get(f"/records/{record.id}").status_code == 200
    portal.close()


@pytest.mark.parametrize("path", ["/nothing", "/records/a/b/c", "/stac-", "/static/nothing.css"])
def test_an_address_that_nothing_answers_is_a_page_for_browsers(client: TestClient, path: str) -> None:
    page = client.get(path, headers={"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
    assert page.status_code == 404
    assert page.headers["Content-Type"].startswith("text/html")
    assert client.get(path, headers={"Accept": "application/json"}).status_code == 404
    assert "<h1" not in client.get(path, headers={"Accept": "*/*"}).text


def test_a_face_answers_for_what_it_does_not_have_in_its_own_way(client: TestClient) -> None:
    answer = client.get("/stac/collections/nothing", headers={"Accept": "text/html"})
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize("path", ["/stac/search", "/graphql"])
def test_a_body_beyond_the_limit_is_refused_before_it_is_read(client: TestClient, path: str) -> None:
    sent = 0

    def body() -> Iterator[bytes]:
        nonlocal sent
        while sent < 64 << 20:
            sent += 1 << 16
            yield b" " * (1 << 16)

    answer = client.post(path, content=body(), headers={"Content-Type": "application/json"})
    assert answer.status_code == 413
    assert client.post("/stac/search", json={"limit": 1, "ids": ["x" * 60] * 10_000}).status_code == 200


def test_what_a_named_proxy_says_is_in_every_link_and_what_others_say_in_none(tmp_path: Path) -> None:
    said = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "data.example.org"}
    found = []
    for proxies, url in (("10.0.0.1", ""), ("", ""), ("", "https://portal.example")):
        app = create_app(Settings(tmp_path, proxies=proxies, url=url), steward=False)
        with TestClient(app, base_url="http://inside", client=("10.0.0.1", 1)) as browser:
            found.append(browser.get("/stac/", headers=said).json()["links"][0]["href"])
    assert [each.partition("/stac")[0] for each in found] == [
        "https://data.example.org",
        "http://inside",
        "https://portal.example",
    ]


def test_whoever_asks_for_too_much_is_told_to_wait_by_every_face(tmp_path: Path) -> None:
    app = create_app(Settings(tmp_path, rate=1), steward=False)
    with TestClient(app, client=("192.0.2.1", 1)) as browser:
        answers = [browser.get("/suggest", params={"q": "x"}) for _ in range(12)]
        assert [each.status_code for each in answers] == [200] * 10 + [429] * 2
        told = browser.get("/stac/", headers={"Origin": "https://other.example"})
        assert (told.status_code, told.headers["Access-Control-Allow-Origin"]) == (429, "*")
        assert "X-Request-ID" in told.headers
        assert browser.get("/health").status_code == 200


def test_somebody_signs_in_through_the_whole_application(tmp_path: Path) -> None:
    with running() as somewhere:
        settings = Settings(
            tmp_path,
            url="http://127.0.0.1",
            oidc_issuer=somewhere.url,
            oidc_client_id=CLIENT,
            oidc_client_secret=SECRET,
            oidc_admins="ann@example.org",
        )
        with TestClient(create_app(settings, steward=False), settings.url, follow_redirects=False) as browser:
            away = browser.get("/admin/people").headers["location"]
            assert away == "/signin?next=%2Fadmin%2Fpeople"
            there = browser.get("/signin/start?next=%2Fadmin%2Fpeople").headers["location"]
            came = httpx.get(there).headers["location"]
            assert browser.get(came).headers["location"] == "/admin/people"
            assert "Ann Frost" in browser.get("/admin/people").text
