from __future__ import annotations

import pytest

from discovery.errors import BadQueryError, NotAcceptableError
from discovery.ogc_api.accept import MAX_RANGES, chosen
from discovery.ogc_api.links import CATALOG, GEOJSON, HTML, JSON, OPENAPI

OFFERED = (GEOJSON, JSON, HTML)


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        ("", GEOJSON),
        ("*/*", GEOJSON),
        ("application/json", JSON),
        ("application/*", GEOJSON),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", HTML),
        ("application/geo+json;q=0.2, application/json;q=0.9", JSON),
        ("APPLICATION/JSON ; Q=1.0", JSON),
        ("text/*;q=0.5, application/*;q=0.1", HTML),
        ("*/*, application/geo+json;q=0, application/json;q=0", HTML),
        (",;,", GEOJSON),
    ],
)
def test_the_form_is_what_the_header_wants_most(accept: str, form: str) -> None:
    assert chosen(None, accept, OFFERED) == form


@pytest.mark.parametrize(
    "accept",
    [
        "application/xml",
        "application/json;q=0",
        "application/json;q=many",
        "application/json;q=nan, text/html;q=-1",
        ",".join(["a/b"] * MAX_RANGES) + ",text/html",
    ],
)
def test_a_header_that_allows_nothing_is_told_what_there_is(accept: str) -> None:
    with pytest.raises(NotAcceptableError, match=r"application/geo\+json \(f=geojson\), .*text/html \(f=html\)"):
        chosen(None, accept, OFFERED)


def test_a_type_with_parameters_is_found_without_them() -> None:
    assert chosen(None, "application/vnd.oai.openapi+json", (OPENAPI, JSON)) == OPENAPI
    assert chosen(None, OPENAPI, (OPENAPI, JSON)) == OPENAPI


def test_f_is_stronger_than_the_header() -> None:
    assert chosen("html", "application/json", OFFERED) == HTML
    assert chosen("geojson", "text/html", OFFERED) == GEOJSON
    assert chosen("json", "text/html", (CATALOG, JSON, HTML)) == JSON
    assert chosen("", "application/json", OFFERED) == JSON


@pytest.mark.parametrize("form", ["xml", "HTML", "geojson", "x" * 1000])
def test_an_unknown_form_is_refused_with_those_that_there_are(form: str) -> None:
    with pytest.raises(BadQueryError, match="json, html") as caught:
        chosen(form, "", (CATALOG, JSON, HTML))
    assert caught.value.parameter == "f"
