from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import orjson
import pytest

from discovery.errors import SourceUnavailableError
from discovery.http import Client
from harvesters.ogc_api import enter, json_link

Answer = tuple[int, bytes, Mapping[str, str]]
LONG = "http://www.opengis.net/def/rel/ogc/1.0/"


@pytest.fixture
def site(served: Callable[..., str]) -> Callable[[Mapping[str, Any]], str]:
    """Return a function that serves documents by their paths."""

    def serve(documents: Mapping[str, Any]) -> str:
        def answer(path: str, headers: Mapping[str, str]) -> Answer:
            return (200, orjson.dumps(documents[path]), {}) if path in documents else (404, b"{}", {})

        return served(answer)

    return serve


@pytest.mark.parametrize("rel", ["data", f"{LONG}data"])
def test_a_landing_page_leads_to_the_collections(
    rel: str, site: Callable[[Mapping[str, Any]], str], client: Client
) -> None:
    url = site(
        {"/api": {"title": " T ", "links": [{"rel": rel, "href": "api/collections?f=json"}], "conformsTo": ["c"]}}
    )
    found = enter(client, f"{url}api")
    assert found.listing is not None
    assert (found.title, found.listing.href, found.conforms_to) == ("T", f"{url}api/collections?f=json", ("c",))
    assert found.address("a b", "c/d") == f"{url}api/collections/a%20b/items/c%2Fd"


def test_a_list_of_collections_or_one_of_them_is_an_entrance_too(
    site: Callable[[Mapping[str, Any]], str], client: Client
) -> None:
    url = site({"/c": {"collections": []}, "/c/x": {"id": "x", "links": [{"rel": "items", "href": "x/items"}]}})
    listing, one = enter(client, f"{url}c"), enter(client, f"{url}c/x")
    assert listing.listing is not None
    assert listing.listing.href == f"{url}c"
    assert (one.listing, one.collection["id"], one.below("x")) == (None, "x", f"{url}c/x")


def test_conformance_that_cannot_be_read_is_no_hindrance(
    site: Callable[[Mapping[str, Any]], str], client: Client
) -> None:
    links = [{"rel": "data", "href": "c"}, {"rel": "conformance", "href": "nowhere"}]
    assert enter(client, site({"/": {"links": links}})).conforms_to == ()


def test_a_service_that_gives_pages_for_people_is_asked_by_a_parameter(
    served: Callable[..., str], client: Client
) -> None:
    def answer(path: str, headers: Mapping[str, str]) -> Answer:
        if "f=json" not in path:
            return 200, b"<!doctype html><html></html>", {"Content-Type": "text/html"}
        return 200, orjson.dumps({"links": [{"rel": "data", "href": "/c?f=json"}], "conformsTo": []}), {}

    found = enter(client, served(answer))
    assert found.listing is not None
    assert found.listing.href.endswith("/c?f=json")


@pytest.mark.parametrize("document", [{}, {"id": "x"}, {"links": "no"}, {"links": [7, {"rel": "data"}]}, []])
def test_what_is_no_such_service_is_named(
    document: Any, site: Callable[[Mapping[str, Any]], str], client: Client
) -> None:
    with pytest.raises(SourceUnavailableError, match=r"not an object|neither the landing page"):
        enter(client, site({"/": document}))


def test_of_several_links_the_one_to_json_is_followed() -> None:
    html = {"rel": "items", "type": "text/html", "href": "h"}
    linked_data = {"rel": "items", "type": "application/ld+json", "href": "l"}
    silent = {"rel": "items", "href": "s"}
    geojson = {"rel": "items", "type": "application/geo+json; charset=utf-8", "href": "g"}
    assert json_link([html, linked_data, silent, geojson], "items") == geojson
    assert json_link([html, linked_data, silent], "items") == silent
    assert json_link([html, 5, {"rel": "items"}], "items") == html
    assert json_link(None, "items") is None
