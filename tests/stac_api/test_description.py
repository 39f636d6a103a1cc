from __future__ import annotations

from typing import Any

import httpx
import jsonschema_rs
import pytest
from fastapi import FastAPI
from schemathesis.specs.openapi.definitions import OPENAPI_30

from discovery.stac_api.description import document, refusals, responses
from discovery.stac_api.formats import MEDIA_TYPES
from discovery.stac_api.links import GEOJSON, JSON, SCHEMA

COUNTS = "/collections/{collection_id}/aggregate"


@pytest.fixture(scope="module")
def described(client: httpx.Client) -> dict[str, Any]:
    found: dict[str, Any] = client.get("/stac/api").json()
    return found


def operations(described: dict[str, Any]) -> list[dict[str, Any]]:
    return [each for path in described["paths"].values() for each in path.values()]


def test_it_is_a_valid_description_of_the_version_that_conformance_promises(
    described: dict[str, Any], client: httpx.Client
) -> None:
    assert described["openapi"] == "3.0.3"
    assert [error.message for error in jsonschema_rs.validator_for(OPENAPI_30).iter_errors(described)] == []
    landing = client.get("/stac/").json()
    assert "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/oas30" in landing["conformsTo"]
    (link,) = [each for each in landing["links"] if each["rel"] == "service-desc"]
    assert client.get(link["href"]).headers["content-type"] == link["type"]


def test_it_has_this_face_alone_and_says_where_it_is(described: dict[str, Any], client: httpx.Client) -> None:
    assert described["servers"] == [{"url": f"{str(client.base_url).rstrip('/')}/stac"}]
    assert "/search" in described["paths"]
    assert all(client.get(f"/stac{path}").status_code == 200 for path in described["paths"] if "{" not in path)


def test_every_answer_has_a_form_and_every_refusal_is_an_error_of_ours(described: dict[str, Any]) -> None:
    for each in operations(described):
        assert {"4XX", "503"} <= set(each["responses"])
        assert "422" not in each["responses"]
        for status, told in each["responses"].items():
            if status == "200":
                assert told["content"]
            if status.startswith(("4", "5")):
                assert told["content"][JSON]["schema"]["required"] == ["code", "description"]


def test_parameters_are_told_as_they_are_here(described: dict[str, Any]) -> None:
    told = {each["name"]: each for each in described["paths"]["/search"]["get"]["parameters"]}
    assert "1,000" in told["limit"]["description"]
    assert told["limit"]["schema"] == {"type": "integer", "minimum": 0, "exclusiveMinimum": True, "default": 10}
    assert all(each.get("description") for each in told.values())


def test_a_search_is_described_in_every_form_that_it_has() -> None:
    assert set(responses("/search", ["GET"])[200]["content"]) == {GEOJSON, *MEDIA_TYPES.values()}
    assert set(responses("/collections/{id}/queryables", ["GET"])[200]["content"]) == {SCHEMA}
    assert set(responses(COUNTS, ["POST"])) == {200, "4XX", 503}
    assert {301, 304} < set(responses("/collections/{id}", ["GET"]))
    assert 201 in responses("/collections", ["POST"])
    assert set(refusals({409: "taken"})) == {409, "4XX", 503}


def test_whatever_a_schema_of_today_says_is_said_in_older_words() -> None:
    fields = {
        "const": {"const": "a"},
        "none": {"anyOf": [{"type": "integer", "exclusiveMinimum": 0}, {"type": "null"}], "default": None},
        "other": {"anyOf": [{"$ref": "#/components/schemas/Other"}, {"type": "null"}]},
        "examples": {"type": "string", "examples": ["x", "y"]},
    }
    schemas = {"Asked": {"type": "object", "properties": fields}, "Other": {"type": "object"}, "Alien": {}}
    asked = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Asked"}}}}
    whole = {
        "info": {"title": "T", "version": "1"},
        "paths": {"/x/a": {"post": {"requestBody": asked, "responses": {}}}, "/y": {"get": {}}},
        "components": {"schemas": schemas},
    }
    found = document(whole, "/x", "https://a.org/x")
    assert list(found["paths"]) == ["/a"]
    assert found["components"]["schemas"] == {
        "Asked": {
            "type": "object",
            "properties": {
                "const": {"enum": ["a"]},
                "none": {"type": "integer", "minimum": 0, "exclusiveMinimum": True, "nullable": True},
                "other": {"anyOf": [{"$ref": "#/components/schemas/Other"}], "nullable": True},
                "examples": {"type": "string", "example": "x"},
            },
        },
        "Other": {"type": "object"},
    }


def test_the_description_of_the_application_tells_the_same_answers(app: FastAPI) -> None:
    told = app.openapi()["paths"]["/stac/search"]["get"]["responses"]
    assert set(told) == {"200", "304", "4XX", "503"}
