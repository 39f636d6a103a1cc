"""Documents in the OpenAPI description."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from discovery.portal import Portal
from discovery.query import fields, form
from ui import attach, described, negotiation, similar

ASKED = tuple(f"/embeddings/{{space}}/{each}" for each in ("similar", "change", "outliers"))


@pytest.fixture
def paths(portal: Portal) -> dict[str, Any]:
    app = FastAPI(title="Test")
    attach(app, portal, title="Test")
    found: dict[str, Any] = app.openapi()["paths"]
    return found


def test_what_programs_read_is_described_and_pages_for_people_are_not(paths: dict[str, Any]) -> None:
    assert set(paths) == {
        *("/search", "/suggest"),
        *("/records/{id}/arrays", "/records/{id}/arrays/quicklook"),
        *("/records/{id}", "/catalogue", "/catalogue.jsonld", "/catalogue.ttl", "/catalogue.rdf", "/catalogue.nt"),
        *("/changes.atom", "/sitemap.xml", "/sitemap/{number}.xml", "/robots.txt", "/opensearch.xml"),
        *("/embeddings", "/embeddings/{space}", *ASKED),
    }
    for path, each in paths.items():
        assert set(each) == ({"post"} if path in ASKED else {"get"})
        found = {tag for told in each.values() for tag in told["tags"]}
        assert found == {similar.TAG if path.startswith("/embeddings") else described.TAG}


def test_questions_are_described_by_what_is_read(portal: Portal, paths: dict[str, Any]) -> None:
    """The smallest body of each member is not refused for its form, and what is not described is."""
    small = {"string": "x", "integer": 1, "boolean": True, "array": [], "object": {}}
    said: dict[str, Any] = {
        "by": "place",
        "earlier": "2020",
        "later": "2021",
        "of": "all",
        "mode": "fast",
        "region": [1, 2, 3, 4],
    }
    said |= {"queries": [{}]}
    app = FastAPI()
    attach(app, portal, title="Test")
    with TestClient(app) as client:
        for path in ASKED:
            schema = paths[path]["post"]["requestBody"]["content"]["application/json"]["schema"]
            assert {"within", "size"} < set(schema["properties"])
            assert schema["additionalProperties"] is False
            for name, told in schema["properties"].items():
                value = said[name] if name in said else small[told["type"]]
                answer = client.post(path.format(space="none"), json={name: value})
                assert answer.status_code == 404, (name, answer.text)
            answer = client.post(path.format(space="none"), json={"colour": 1})
            assert (answer.status_code, answer.json()["error"]["parameter"]) == (400, "colour")


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
            if "{" in path or path in ("/catalogue", *ASKED):
                continue
            answer = client.get(path)
            kind = answer.headers["content-type"].partition(";")[0]
            assert answer.status_code == 200, path
            assert kind in {each.partition(";")[0] for each in paths[path]["get"]["responses"]["200"]["content"]}, path
            assert client.head(path).status_code == 200, path


def test_every_parameter_of_a_search_is_described_as_the_reference_has_it(paths: dict[str, Any]) -> None:
    told = {each["name"]: each for each in paths["/search"]["get"]["parameters"]}
    names = {f"{form.FACET}{each}" for each in fields.FACETS} | {f"{form.RANGE}{each}" for each in fields.NUMBERS}
    assert set(told) == {"f", *form.NAMES, *names}
    reference = (Path(__file__).parents[2] / "docs" / "reference" / "parameters.md").read_text(encoding="utf-8")
    for name in form.NAMES:
        assert f"| `{name}` | {told[name]['description']} |" in reference


def test_a_described_search_is_one_that_is_answered(portal: Portal, paths: dict[str, Any]) -> None:
    app = FastAPI()
    attach(app, portal, title="Test")
    given = {"f": "json", "frame": "earth", "bbox": "1,2,3,4", "size": "1", "sort": "title", "time": "2020"}
    alone = {"cone", "polygon", "moc", "near", "after", "cell", "filter", "relation"}
    with TestClient(app) as client:
        for each in paths["/search"]["get"]["parameters"]:
            name = each["name"]
            if name in alone:
                continue
            value = each["schema"].get("enum", ["1"])[-1] if name not in given else given[name]
            asked = {"f": "json", **({"bbox": "1,2,3,4"} if name == "frame" else {}), name: value}
            answer = client.get("/search", params=asked)
            assert answer.status_code == 200, (name, answer.text)
