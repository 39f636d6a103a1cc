"""Links lead to what they name, whatever its id; every path takes HEAD and says what else it takes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from discovery.index.tantivy import TantivyIndex
from discovery.indexer import follow
from discovery.model.extent import Extent
from discovery.model.record import Record
from discovery.model.source import Mapped, RawRecord
from discovery.portal import Portal
from discovery.stac_api import attach, routing
from discovery.store.store import Store

pytestmark = pytest.mark.slow
IDS = (
    *("plain", "a/b", "a/items/b", "items", "x/items", "/lead", "trail/", "a//b", "a/../b", "..", "."),
    *("100%", "%2F", "a%2Fb", "q?x=1", "h#frag", "a+b", "a b", "a;b", "a&b=c", "a\\b", "a'b\"c<d>", "new\nline"),
    *("queryables", "x/queryables", "aggregate", "ü/ñ", "日本", "🙂", "ivo://vo.test/plates?1/a b"),
)
COLLECTIONS = ("plain", "a/b", "a/items/b", "items", "x/queryables", "..")


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    home: Path = tmp_path_factory.mktemp("routing")
    portal = Portal(Store(f"sqlite:///{home / 'store.db'}"), TantivyIndex(home / "index"))
    datasets = [Record("vo", "tables", id, "dataset", f"Dataset {id}") for id in IDS]
    items = [
        Record("vo", each.source_id, id, "observation", f"Item {id}", dataset=each.id, extent=Extent(start=0, end=1))
        for each in datasets
        if each.source_id in COLLECTIONS
        for id in IDS
    ]
    for page in (datasets, items):
        portal.store.ingest.page(
            "vo", 1, [Mapped(each, RawRecord(each.container, each.source_id, b"{}")) for each in page]
        )
    follow(portal.store, portal.index)
    app = FastAPI()
    attach(app, portal, title="Test")
    with TestClient(app) as client:
        yield client
    portal.close()


def links(document: dict[str, Any]) -> dict[str, str]:
    return {each["rel"].rpartition("/")[2]: each["href"] for each in document["links"]}


def test_links_of_collections_lead_to_them_whatever_they_are_called(client: TestClient) -> None:
    found = client.get("/stac/collections", params={"limit": 100}).json()["collections"]
    assert {each["id"] for each in found} == set(IDS)
    for each in found:
        leads = links(each)
        assert client.get(leads["self"]).json()["id"] == each["id"]
        assert client.get(leads["items"]).json()["numberMatched"] == len(IDS) * (each["id"] in COLLECTIONS)
        for rel in ("queryables", "sortables", "aggregate", "aggregations"):
            assert client.get(leads[rel]).status_code == 200, leads[rel]


@pytest.mark.parametrize("collection", COLLECTIONS)
def test_links_of_items_lead_to_them_whatever_they_are_called(client: TestClient, collection: str) -> None:
    body = {"collections": [collection], "limit": 100}
    found = client.post("/stac/search", json=body).json()["features"]
    assert {each["id"] for each in found} == set(IDS)
    for each in found:
        item = client.get(links(each)["self"]).json()
        assert (item["id"], item["collection"]) == (each["id"], collection)
        assert client.get(links(each)["collection"]).json()["id"] == collection


def test_a_path_that_a_proxy_has_decoded_is_read_as_far_as_it_goes(client: TestClient) -> None:
    found = client.get("/stac/collections/a/b/items/ivo://vo.test/plates%3F1/a%20b").json()
    assert (found["collection"], found["id"]) == ("a/b", "ivo://vo.test/plates?1/a b")
    assert client.get("/stac/collections/a/b").json()["id"] == "a/b"
    assert client.get("/stac/collections/a/b/queryables").status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        *("/stac/", "/stac/api", "/stac/conformance", "/stac/search", "/stac/search?f=geoparquet", "/stac/queryables"),
        *("/stac/collections", "/stac/collections/a%2Fb", "/stac/collections/plain/items/a%2Fitems%2Fb"),
        *("/stac/collections/plain/items?limit=2", "/stac/aggregate?aggregations=total_count", "/stac/nothing"),
        *("/stac/collections/nothing", "/stac/search?limit=0", "/stac/collections-queryables"),
    ],
)
def test_every_path_takes_head_and_says_what_get_would(client: TestClient, path: str) -> None:
    got, head = client.get(path), client.head(path)
    assert (head.status_code, head.content) == (got.status_code, b"")
    assert head.headers["content-type"] == got.headers["content-type"]
    for name in ("content-length", "etag", "vary", "link", "ogc-numbermatched", "content-disposition"):
        assert head.headers.get(name) == got.headers.get(name), name


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("/stac/search", "GET, HEAD, OPTIONS, POST"),
        ("/stac/collections", "GET, HEAD, OPTIONS, POST"),
        ("/stac/collections/a%2Fb", "DELETE, GET, HEAD, OPTIONS, PATCH, PUT"),
        ("/stac/collections/a%2Fb/items", "GET, HEAD, OPTIONS, POST"),
        ("/stac/collections/a%2Fb/items/plain", "DELETE, GET, HEAD, OPTIONS, PATCH, PUT"),
        ("/stac/conformance", "GET, HEAD, OPTIONS"),
    ],
)
def test_a_method_that_is_not_taken_is_told_with_those_that_are(client: TestClient, path: str, methods: str) -> None:
    refused = client.request("TRACE", path)
    assert (refused.status_code, refused.headers["allow"]) == (405, methods)
    assert refused.json() == {"code": "method_not_allowed", "description": f"TRACE is not taken here, but {methods}"}
    asked = client.options(path)
    assert (asked.status_code, asked.headers["allow"], asked.content) == (204, methods, b"")


def test_the_methods_of_a_path_are_those_of_all_its_routes(client: TestClient) -> None:
    path = "/stac/collections/nothing"
    scope = {"type": "http", "method": "GET", "path": path, "raw_path": path.encode(), "app": client.app}
    assert routing.allowed(scope) == ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "PUT"]
