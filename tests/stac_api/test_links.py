"""Addresses of the STAC face: right behind any proxy, for any id."""

from __future__ import annotations

import json
from urllib.parse import parse_qs, unquote, urlsplit

import orjson
import pytest
from fastapi import Request
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import Field

from discovery.stac_api.extensions import SearchBody
from discovery.stac_api.links import Link, Links, of_page, to_page
from discovery.stac_api.paging import Trail

LINKS = Links("https://a.org/portal", "https://a.org/portal/stac")
IDS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=30)


def request(method: str = "GET", query: str = "", *, host: str = "a.org", root_path: str = "") -> Request:
    return Request(
        {"type": "http", "method": method, "path": f"{root_path}/stac/search", "query_string": query.encode(),
         "headers": [(b"host", host.encode())], "scheme": "https", "server": ("127.0.0.1", 80), "root_path": root_path}
    )  # fmt: skip


def href(links: list[Link], rel: str) -> str:
    return str(next(each["href"] for each in links if each["rel"] == rel))


def test_addresses_start_where_the_caller_reached_us() -> None:
    assert Links.of(request(host="far.test:8443", root_path="/portal"), "/stac") == Links(
        "https://far.test:8443/portal", "https://far.test:8443/portal/stac"
    )


@settings(max_examples=50)
@given(IDS, IDS)
def test_an_id_of_any_characters_comes_back_from_its_address(collection: str, item: str) -> None:
    path = urlsplit(LINKS.item(collection, item)).path.removeprefix("/portal/stac/collections/")
    first, words, last = path.split("/")
    assert (unquote(first), words, unquote(last)) == (collection, "items", item)


def test_an_item_without_its_collection_is_one_of_its_source() -> None:
    found = LINKS.for_item("rec", "a b/&c", "", "s/1")
    assert href(found, "self") == "https://a.org/portal/stac/catalogs/s%2F1/items/rec"
    assert href(found, "parent") == LINKS.catalog("s/1")
    assert "collection" not in {each["rel"] for each in found}


@settings(max_examples=50)
@given(st.sampled_from(["col", 'a "quoted" / name', "ü"]), IDS, st.sampled_from(["https://a.org", 'x"y']))
def test_links_from_the_template_are_those_of_the_item(collection: str, item: str, site: str) -> None:
    links = Links(site, f"{site}/stac")
    written = orjson.loads(b"[" + links.for_items(collection).of("abcdefgh23456789", item) + b"]")
    assert written == links.for_item("abcdefgh23456789", item, collection, "s")


@pytest.mark.parametrize("found", [LINKS.for_item("rec", "a", "c", "s"), LINKS.for_collection("rec", "c", "s")])
def test_items_and_collections_lead_to_what_opens_them(found: list[Link]) -> None:
    ways = {each["rel"]: (each["href"], each["type"]) for each in found if each["rel"].startswith("discovery:")}
    assert ways == {
        "discovery:open": ("https://a.org/portal/open?id=rec", "text/html"),
        "discovery:notebook": ("https://a.org/portal/open/notebook?id=rec", "application/x-ipynb+json"),
        "discovery:volumes": ("https://a.org/portal/open?id=rec&f=json", "application/json"),
        "discovery:launch": ("https://a.org/portal/launch?id=rec", "text/html"),
    }


def test_a_collection_leads_to_its_items_its_queryables_and_its_page() -> None:
    found = LINKS.for_collection("rec", "c/d", "s")
    assert href(found, "self") == "https://a.org/portal/stac/collections/c%2Fd"
    assert href(found, "items") == href(found, "self") + "/items"
    assert href(found, "http://www.opengis.net/def/rel/ogc/1.0/queryables") == href(found, "self") + "/queryables"
    assert href(found, "alternate") == "https://a.org/portal/records/rec"


def test_links_of_browsing_lead_from_the_landing_page_over_a_source_to_a_collection_and_below() -> None:
    landing = LINKS.for_landing(None, [("s", "A source")])
    assert href(landing, "children") == "https://a.org/portal/stac/children"
    assert [each for each in landing if each["rel"] == "child"] == [
        {"rel": "child", "href": LINKS.catalog("s"), "type": "application/json", "title": "A source"}
    ]
    found = LINKS.for_collection("rec", "c/d", "s")
    assert href(found, "parent") == LINKS.catalog("s") == "https://a.org/portal/stac/catalogs/s"
    assert href(found, "child") == href(found, "self") + "/browse"
    assert href(found, "children") == href(found, "self") + "/children"
    assert LINKS.part("s", 1, 20) == "https://a.org/portal/stac/catalogs/s/parts/1-20"


@pytest.mark.parametrize("docs", ["/api/docs", None])
def test_the_landing_page_names_the_documentation_where_there_is_one(docs: str | None) -> None:
    found = {each["rel"]: each["href"] for each in LINKS.for_landing(docs)}
    assert found.get("service-doc") == (f"https://a.org/portal{docs}" if docs else None)
    assert found["data"] == "https://a.org/portal/stac/collections"


def test_the_next_page_of_a_get_is_the_same_question_with_a_new_mark() -> None:
    asked = request(query="bbox=1,2,3,4&token=old&filter=a%3D%27b%26c%27")
    found = to_page(asked, "next", LINKS.search, "new", "application/geo+json")
    assert parse_qs(urlsplit(found["href"]).query) == {"bbox": ["1,2,3,4"], "filter": ["a='b&c'"], "token": ["new"]}
    assert (found["rel"], found["method"]) == ("next", "GET")


class Body(SearchBody):
    token: str | None = None
    filter_lang: str | None = Field(None, alias="filter-lang")


def test_the_next_page_of_a_post_is_the_whole_body_with_a_new_mark() -> None:
    given = {"limit": 5, "filter-lang": "cql2-json", "intersects": {"type": "Point", "coordinates": [10**30, 0.5]}}
    for token in ({}, {"token": "old"}):
        sent = Body.model_validate({**given, **token})
        found = to_page(request("POST"), "next", LINKS.search, "new", "application/geo+json", sent)
        assert (found["href"], found["method"], found["merge"]) == (LINKS.search, "POST", False)
        assert json.loads(orjson.dumps(found["body"])) == {**given, "token": "new"}


def test_the_last_page_has_no_next_and_every_page_its_own_address() -> None:
    asked = request(query="limit=5&ids=a%20b")
    found = of_page(asked, LINKS, LINKS.search, Trail(), "", "application/geo+json")
    assert [each["rel"] for each in found] == ["self", "root"]
    assert parse_qs(urlsplit(found[0]["href"]).query) == {"limit": ["5"], "ids": ["a b"]}
    further = of_page(asked, LINKS, LINKS.search, Trail(), "t", "x")
    assert [each["rel"] for each in further] == ["self", "root", "next"]


def test_a_later_page_leads_back_to_the_first_without_a_token() -> None:
    asked = request(query="limit=5&token=a")
    found = of_page(asked, LINKS, LINKS.search, Trail("a"), "b", "x")
    assert [each["rel"] for each in found] == ["self", "root", "next", "prev"]
    assert found[2]["href"].endswith("search?limit=5&token=b~a")
    assert found[3]["href"].endswith("search?limit=5")
    sent = Body.model_validate({"limit": 5, "token": "a"})
    posted = of_page(request("POST"), LINKS, LINKS.search, Trail("a"), "", "x", sent)
    assert (posted[-1]["rel"], json.loads(orjson.dumps(posted[-1]["body"]))) == ("prev", {"limit": 5, "token": None})
