from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, quote, urlsplit

import pytest

from ui import links

if TYPE_CHECKING:
    from fastapi.testclient import TestClient

# Ways to write an address of another host so that it may look like one of ours, and such as lead round in a circle.
ELSEWHERE: Final = (
    "https://evil.example",
    "http://evil.example/",
    "HTTPS://EVIL.EXAMPLE",
    "https:evil.example",
    "https:/evil.example",
    "https:///evil.example",
    "https:\\\\evil.example",
    "//evil.example",
    "///evil.example",
    "////evil.example",
    "/////evil.example/x",
    "//evil.example/%2e%2e",
    "//evil.example@portal.example/",
    "//portal.example@evil.example/",
    "//[::1]/",
    "//2130706433/",
    "/\\evil.example",
    "\\/evil.example",
    "\\\\evil.example",
    "\\evil.example",
    "/\\/evil.example",
    "/\\\\evil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    "/\r/evil.example",
    "\t//evil.example",
    "\n//evil.example",
    " //evil.example",
    "\x00//evil.example",
    "\x01https://evil.example",
    "/\x0b/evil.example",
    "/\x0c/evil.example",
    "/\x00/evil.example",
    "/ /evil.example",
    "/\u3000/evil.example",
    "/\u00a0/evil.example",
    "/\u2028/evil.example",
    "/\u2044evil.example",
    "/\uff0fevil.example",
    "\uff0f\uff0fevil.example",
    "/\uff3cevil.example",
    "\u2215\u2215evil.example",
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "java\tscript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "vbscript:x",
    "blob:https://evil.example/x",
    "file:///etc/passwd",
    "evil.example",
    "evil.example/path",
    "@evil.example",
    ":80/evil",
    "?next=//evil.example",
    "#//evil.example",
    "./evil",
    "../evil",
    "/.//evil.example",
    "/..//evil.example",
    "/x/../..//evil.example",
    "/x//evil.example/..",
    "/search\r\nLocation: https://evil.example",
    "/search?q=a\r\nSet-Cookie: x=1",
    '/search?"><script>alert(1)</script>',
    "/\ud800/evil.example",
    "/signin?next=//evil.example",
    "/signout",
    "/" + "a" * 5_000,
    "",
)
OURS: Final = (
    "/",
    "/me",
    "/search?q=ice&facet.mission=earth-observation%2Fcryosat-2",
    "/search?q=a+b&filter=url%20%3D%20'https://x.example/'",
    "/records/aaaaaaaaaaaaaaaa",
    "/selection?id=a&id=b",
    "/launches/",
    "/open?url=https%3A%2F%2Fx.example%2F..%2Fy",
)
PAIRS = (("q", "sea ice"), ("facet.kind", "dataset"), ("after", "abc"))


def test_ticking_adds_the_value_and_goes_to_the_first_page() -> None:
    url = links.toggle(PAIRS, "kind", "project")
    assert url == "/search?q=sea+ice&facet.kind=dataset&facet.kind=project"


def test_ticking_twice_is_as_before() -> None:
    assert links.toggle((("facet.kind", "dataset"),), "kind", "dataset") == "/search"


@pytest.mark.parametrize("ticked", ["astronomy", "astronomy/hubble/wfc3"])
def test_in_a_tree_a_value_takes_the_place_of_what_is_above_and_beneath_it(ticked: str) -> None:
    url = links.toggle((("facet.mission", ticked),), "mission", "astronomy/hubble")
    assert url == "/search?facet.mission=astronomy%2Fhubble"


def test_in_a_tree_neighbours_stay() -> None:
    url = links.toggle((("facet.mission", "astronomy/gaia"),), "mission", "astronomy/hubble")
    assert url.count("facet.mission") == 2


def test_a_region_goes_with_its_frame() -> None:
    assert links.without((("bbox", "0,0,1,1"), ("frame", "mars")), ("bbox", "0,0,1,1")) == "/search"


def test_clearing_keeps_scope_and_order() -> None:
    pairs = (*PAIRS, ("scope", "observations"), ("sort", "title"))
    assert links.clear(pairs) == "/search?scope=observations&sort=title"


def test_another_scope_has_its_own_order() -> None:
    assert links.scope((("q", "x"), ("sort", "title")), "observations") == "/search?q=x&scope=observations"


def test_a_facet_in_full_stays_on_its_page_and_can_be_cut_again() -> None:
    full = links.expanded(PAIRS, (), "kind")
    assert full == "/search?q=sea+ice&facet.kind=dataset&after=abc&more=kind#facet-kind"
    assert "more" not in links.expanded(PAIRS, ("kind",), "kind")


@pytest.mark.parametrize("value", ["a&b=c#d?e", "<script>", "ünï\ud800", "a/b c"])
def test_no_value_leaves_its_parameter(value: str) -> None:
    url = links.facet("kind", value)
    assert url.count("&") == url.count("#") == url.count("<") == 0
    assert url.count("?") == 1


def test_json_is_the_same_url_with_f() -> None:
    assert links.as_json("/search") == "/search?f=json"
    assert links.as_json("/search?q=a") == "/search?q=a&f=json"


def test_the_question_has_no_empty_parameter_and_none_of_the_pages_own() -> None:
    assert links.asked([("q", " "), ("f", "json"), ("more", "kind"), ("time", "2020")]) == (("time", "2020"),)


@pytest.mark.parametrize("number", range(len(ELSEWHERE)))
def test_nobody_is_led_to_another_host_after_signing_in(number: int) -> None:
    assert links.back(ELSEWHERE[number]) == "/"


@pytest.mark.parametrize("address", OURS)
def test_whoever_has_signed_in_comes_back_to_the_page(address: str) -> None:
    assert links.back(address) == address
    asked = dict(parse_qsl(urlsplit(links.way_in(address)).query))
    assert asked.get("next", "/") == address


@pytest.mark.slow
def test_no_form_of_signing_in_leads_to_another_host(client: TestClient) -> None:
    for address in ELSEWHERE:
        sent = address.encode("utf-8", "surrogatepass")
        shown = client.get(f"/signin?next={quote(sent, safe='')}").text
        assert 'name="next" value="/"' in shown


@pytest.mark.parametrize(
    ("address", "name", "left"),
    [
        ("/search?q=ice&bbox=1,2&size=5", "bbox", "/search?q=ice&size=5"),
        ("/search?bbox=1,2", "bbox", "/search"),
        ("/search?a=1&a=2&b=", "a", "/search?b="),
        ("/search?q=ice", "bbox", ""),
        ("/search", "bbox", ""),
    ],
)
def test_a_page_can_be_asked_for_without_what_it_could_not_read(address: str, name: str, left: str) -> None:
    assert links.relieved(address, name) == left


def test_a_question_that_cannot_be_read_leads_to_the_rest_of_it(client: TestClient) -> None:
    page = client.get("/search?q=ice&bbox=1,2&scope=observations")
    assert page.status_code == 400
    assert '<a href="/search?q=ice&amp;scope=observations">Ask without bbox</a>' in page.text
    other = client.get("/search?q=ice&%3Cb%3E=1")
    assert "Ask without &lt;b&gt;" in other.text
    assert client.get("/search?q=ice").status_code == 200
    assert "Ask without" not in client.get("/embeddings/none").text
