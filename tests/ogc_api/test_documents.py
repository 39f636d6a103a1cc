from __future__ import annotations

import pytest
from jsonschema import Draft201909Validator, Draft202012Validator

from discovery.model.record import SCOPES
from discovery.ogc_api import documents
from discovery.ogc_api.links import Links

LINKS = Links("https://a.org", "https://a.org/ogc")


@pytest.mark.parametrize("name", SCOPES)
def test_queryables_and_sortables_are_json_schemas(name: str) -> None:
    Draft202012Validator.check_schema(documents.queryables(LINKS, name))
    Draft201909Validator.check_schema(documents.sortables(LINKS, name))


def test_the_kinds_of_each_catalogue_are_told() -> None:
    kinds = [documents.queryables(LINKS, name)["properties"]["type"]["enum"] for name in SCOPES]
    assert "observation" not in kinds[0]
    assert kinds[1] == ["observation"]


def test_sources_are_schemes_of_identifiers() -> None:
    schemes = documents.catalogue(LINKS, "resources", ["esa", "a b"])["schemes"]
    assert [each["scheme-id"] for each in schemes] == ["doi", "esa", "a b"]
    assert schemes[2]["namespace"] == "https://a.org/search?facet.source=a+b"


def test_a_file_of_a_catalogue_leads_on_only_where_there_is_more() -> None:
    last = documents.crawled(LINKS, "resources", "", [("x", "X")], "")
    assert "next" not in {each["rel"] for each in last["links"]}
    first = documents.crawled(LINKS, "resources", "m", [("x", "X")], "n")
    assert {each["href"] for each in first["links"] if each["rel"] == "next"} == {"https://a.org/ogc/crawl/resources/n"}
    assert first["links"][0]["href"] == "https://a.org/ogc/crawl/resources/m"


def test_no_class_is_declared_twice() -> None:
    assert len(set(documents.CONFORMS_TO)) == len(documents.CONFORMS_TO)
