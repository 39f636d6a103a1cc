from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from jsonschema import Draft202012Validator

from discovery.ogc_api.openapi import document
from discovery.ogc_api.question import PARAMETERS, records
from discovery.query.fields import FIELDS

API = document("T", "1", "https://a.org/ogc")
ITEMS = API["paths"]["/collections/{catalogId}/items"]["get"]


def refs(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from ([value["$ref"]] if isinstance(value.get("$ref"), str) else [])
        for each in value.values():
            yield from refs(each)
    elif isinstance(value, list):
        for each in value:
            yield from refs(each)


def test_every_reference_leads_somewhere() -> None:
    for ref in refs(API):
        assert ref.rpartition("/")[2] in API["components"]["schemas"], ref


def test_every_schema_is_one() -> None:
    for name, schema in API["components"]["schemas"].items():
        Draft202012Validator.check_schema(schema)
        assert schema["type"] == "object", name


def test_operations_have_names_of_their_own() -> None:
    names = [each["get"]["operationId"] for each in API["paths"].values()]
    assert len(set(names)) == len(names)


def test_every_parameter_that_is_described_is_read_and_the_other_way_round() -> None:
    named = [each["name"] for each in ITEMS["parameters"] if each["in"] == "query"]
    assert len(set(named)) == len(named)
    for name in named:
        records("resources", [(name, "")])
    assert set(PARAMETERS) <= set(named)
    # All fields but the title, which cannot be equal, and two that have parameters of the standard.
    assert len(named) == len(PARAMETERS) + len(FIELDS) - 3


def test_every_path_is_a_route_of_the_application(app: FastAPI) -> None:
    paths = {re.sub(r"{(\w+):\w+}", r"{\1}", getattr(each, "path", "")) for each in app.router.routes}
    for path in API["paths"]:
        assert f"/ogc{path}" in paths, path


@pytest.mark.parametrize("status", ["400", "404", "406", "410", "503"])
def test_failures_are_described(status: str) -> None:
    for each in API["paths"].values():
        assert status in each["get"]["responses"]


def test_the_reference_names_every_address_and_parameter() -> None:
    text = (Path(__file__).parents[2] / "docs" / "reference" / "ogc-records.md").read_text()
    told = {re.sub(r"{\w+}", "{}", each) for each in re.findall(r"`(/ogc/[^`]*)`", text)}
    assert {re.sub(r"{\w+}", "{}", f"/ogc{path}") for path in API["paths"]} == told
    assert [name for name in PARAMETERS if name != "after" and f"`{name}`" not in text] == []
