from __future__ import annotations

from urllib.parse import parse_qsl, unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from discovery.ogc_api.links import HTML, JSON, Links, alternates, link, with_format, with_pairs

LINKS = Links("https://a.org/portal", "https://a.org/portal/ogc")
TEXT = st.text(st.characters(codec="utf-8"), min_size=1, max_size=30)


def test_addresses_start_where_the_caller_reached_us() -> None:
    scope = {"type": "http", "method": "GET", "path": "/portal/ogc/", "query_string": b"", "scheme": "https",
             "headers": [(b"host", b"far.test:8443")], "server": ("127.0.0.1", 80), "root_path": "/portal"}  # fmt: skip
    assert Links.of(Request(scope), "/ogc") == Links("https://far.test:8443/portal", "https://far.test:8443/portal/ogc")


@given(TEXT, TEXT)
def test_an_id_of_any_characters_comes_back_from_its_address(name: str, id: str) -> None:
    path = urlsplit(LINKS.record(name, id)).path.removeprefix("/portal/ogc/collections/")
    first, items, last = path.split("/")
    assert (unquote(first), items, unquote(last)) == (name, "items", id)
    assert unquote(urlsplit(LINKS.crawl(name, id)).path).endswith(f"/crawl/{name}/{id}")


@given(st.lists(st.tuples(TEXT, TEXT), max_size=4))
def test_parameters_of_any_characters_come_back_from_their_address(pairs: list[tuple[str, str]]) -> None:
    assert parse_qsl(urlsplit(with_pairs("https://a.org/", pairs)).query) == pairs


def test_half_a_character_in_a_parameter_breaks_no_link() -> None:
    assert with_pairs("https://a.org/", [("q", "\ud800")]) == "https://a.org/?q=%3F"


def test_the_form_is_put_to_what_is_asked_already() -> None:
    assert with_format("https://a.org/", "html") == "https://a.org/?f=html"
    assert with_format("https://a.org/?q=a", "html") == "https://a.org/?q=a&f=html"
    assert [each["href"] for each in alternates("https://a.org/", (JSON, HTML))] == [
        "https://a.org/?f=json",
        "https://a.org/?f=html",
    ]


def test_a_record_leads_to_its_page_and_to_its_notebook() -> None:
    found = {each["rel"]: each["href"] for each in LINKS.of_record_alone("resources", "abc")}
    assert found["discovery:page"] == "https://a.org/portal/records/abc"
    assert found["discovery:open"] == "https://a.org/portal/open?id=abc"
    assert found["discovery:notebook"] == "https://a.org/portal/open/notebook?id=abc"


@pytest.mark.parametrize("docs", [None, "/api/docs"])
def test_the_landing_page_leads_to_documentation_where_there_is_any(docs: str | None) -> None:
    found = [each["href"] for each in LINKS.of_landing(docs)]
    assert ("https://a.org/portal/api/docs" in found) is (docs is not None)


def test_a_title_is_left_out_where_there_is_none() -> None:
    assert link("self", "https://a.org/", JSON) == {"rel": "self", "href": "https://a.org/", "type": JSON}
    assert link("self", "https://a.org/", JSON, "A")["title"] == "A"
