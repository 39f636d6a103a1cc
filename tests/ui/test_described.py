"""Documents in the OpenAPI description."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from discovery.portal import Portal
from ui import attach, described, negotiation


@pytest.fixture
def paths(portal: Portal) -> dict[str, Any]:
    app = FastAPI(title="Test")
    attach(app, portal, title="Test")
    found: dict[str, Any] = app.openapi()["paths"]
    return found


def test_documents_are_described_and_pages_are_not(paths: dict[str, Any]) -> None:
    assert set(paths) == {
        *("/records/{id}/arrays", "/records/{id}/arrays/quicklook"),
        *("/records/{id}", "/catalogue", "/catalogue.jsonld", "/catalogue.ttl", "/catalogue.rdf", "/catalogue.nt"),
        *("/changes.atom", "/sitemap.xml", "/sitemap/{number}.xml", "/robots.txt", "/opensearch.xml"),
    }
    assert {method for each in paths.values() for method in each} == {"get"}
    assert {tag for each in paths.values() for tag in each["get"]["tags"]} == {described.TAG}


def test_a_record_is_described_in_every_form(paths: dict[str, Any]) -> None:
    one = paths["/records/{id}"]["get"]
    assert set(one["responses"]["200"]["content"]) == {each.media_type for each in negotiation.RECORD}
    assert {"301", "304", "400", "404", "406", "410"} <= set(one["responses"])
    named = {each["name"]: each for each in one["parameters"]}
    assert named["id"]["in"] == "path"
    assert named["f"]["schema"]["enum"] == [each.name for each in negotiation.RECORD]


def test_what_is_described_is_answered_by_get_and_head(portal: Portal, paths: dict[str, Any]) -> None:
    app = FastAPI()
    attach(app, portal, title="Test")
    with TestClient(app) as client:
        for path in paths:
            if "{" in path or path == "/catalogue":
                continue
            answer = client.get(path)
            kind = answer.headers["content-type"].partition(";")[0]
            assert answer.status_code == 200, path
            assert kind in {each.partition(";")[0] for each in paths[path]["get"]["responses"]["200"]["content"]}, path
            assert client.head(path).status_code == 200, path
