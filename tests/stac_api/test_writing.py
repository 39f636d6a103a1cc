"""The routes that write, and the search among collections that shares an address with one of them."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from discovery.app import MAX_BODY
from discovery.portal import Portal
from discovery.stac_api import attach

pytestmark = pytest.mark.slow

CLASSES = {
    "https://api.stacspec.org/v1.0.0/ogcapi-features/extensions/transaction",
    "https://api.stacspec.org/v1.0.0/collections/extensions/transaction",
}


def searched(client: httpx.Client, **body: Any) -> Any:
    answer = client.post("/stac/collections", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def names(document: Any) -> list[str]:
    return [each["id"] for each in document["collections"]]


def test_collections_are_searched_by_post_as_by_get(client: httpx.Client) -> None:
    assert names(searched(client)) == names(client.get("/stac/collections").json())
    assert names(searched(client, q=["plates"])) == ["ivo://vo.test/plates"]
    narrowed = {"filter": {"op": "=", "args": [{"property": "id"}, "ivo://vo.test/plates"]}, "filter-lang": "cql2-json"}
    assert names(searched(client, **narrowed)) == ["ivo://vo.test/plates"]
    assert "ivo://vo.test/plates" not in names(searched(client, bbox=[-180, -90, 180, 90]))
    assert set(searched(client, limit=1, fields={"include": ["title"]})["collections"][0]) <= {
        *("id", "type", "stac_version", "title"),
    }
    down, up = (searched(client, sortby=[{"field": "title", "direction": each}]) for each in ("desc", "asc"))
    titles = [[each["title"] for each in found["collections"]] for found in (down, up)]
    assert titles[0] == sorted(titles[0], reverse=True) != titles[1] == sorted(titles[1])


def test_pages_of_such_a_search_are_bodies_to_send(client: httpx.Client) -> None:
    body: dict[str, Any] = {"limit": 1, "datetime": "1800-01-01T00:00:00Z/.."}
    seen, page = [], searched(client, **body)
    while onward := [each for each in page["links"] if each["rel"] == "next"]:
        seen += names(page)
        assert (onward[0]["method"], onward[0]["merge"]) == ("POST", False)
        page = searched(client, **onward[0]["body"])
    assert len(seen) + len(names(page)) == page["numberMatched"]


@pytest.mark.parametrize(
    "body", ["", "{", "[]", '{"bbox":[1]}', '{"bbox":"x"}', '{"limit":"many"}', '{"q":7}', '{"datetime":"soon"}']
)
def test_such_a_search_is_refused_with_a_reason(client: httpx.Client, body: str) -> None:
    answer = client.post("/stac/collections", content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, set(answer.json())) == (400, {"code", "description"})


def test_what_says_that_it_is_of_a_type_is_a_document_and_no_search(client: httpx.Client) -> None:
    assert client.post("/stac/collections", json={"type": "Collection"}).status_code == 401
    assert client.post("/stac/collections", json={"type": None}).status_code == 401


def test_the_face_says_that_it_writes_and_how(client: httpx.Client) -> None:
    assert set(client.get("/stac/conformance").json()["conformsTo"]) >= CLASSES
    described = client.get("/stac/api").json()
    below = "/collections/{collection_id}"
    methods = {path: set(described["paths"][path]) for path in ("/collections", below, f"{below}/items")}
    assert methods == {
        "/collections": {"get", "post"},
        below: {"get", "put", "patch", "delete"},
        f"{below}/items": {"get", "post"},
    }
    one = described["paths"][f"{below}/items/{{item_id}}"]
    assert set(one) == {"get", "put", "patch", "delete"}
    assert set(one["patch"]["requestBody"]["content"]) == {"application/merge-patch+json", "application/json"}
    assert one["put"]["security"] == [{"HTTPBearer": []}]
    assert {"204", "400", "401", "403", "404", "409", "412", "413", "415"} <= set(one["put"]["responses"])


def test_who_may_not_write_is_told_so_whatever_is_sent(portal: Portal) -> None:
    app = FastAPI(max_body_size=MAX_BODY)
    attach(app, portal, title="Test")
    with TestClient(app) as client:
        assert client.put("/stac/collections/c", content=b" " * MAX_BODY).status_code == 401


def test_a_body_is_read_no_further_than_two_mebibytes(portal: Portal) -> None:
    app = FastAPI(max_body_size=MAX_BODY)
    attach(app, portal, title="Test")
    with TestClient(app) as client:
        for path in ("/stac/collections", "/stac/search"):
            answer = client.post(path, content=b'{"type":"' + b"x" * MAX_BODY + b'"}')
            assert answer.status_code == 413, path
