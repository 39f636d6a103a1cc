from __future__ import annotations

from typing import Any

import pytest

from discovery.ogc_api.links import Links
from discovery.ogc_api.page import HEADERS, page

LINKS = Links("https://a.org", "https://a.org/ogc")


def html(document: dict[str, Any], title: str = "T", search: str = "") -> str:
    return page(LINKS, title, document, search=search).decode()


def test_markup_of_strangers_is_text() -> None:
    text = html({"<b>": "<script>alert(1)</script>", "a": ['"><img src=x>']}, title="<i>")
    for each in ("<script", "<img", "<i>", "<b>"):
        assert each not in text
    assert "&lt;script&gt;" in text


@pytest.mark.parametrize(
    "href", ["javascript:alert(1)", "data:text/html,x", " https://a.org", "JAVASCRIPT:x", "//a.org"]
)
def test_only_addresses_of_the_web_and_of_stores_can_be_followed(href: str) -> None:
    text = html({"links": [{"href": href, "rel": "x"}], "other": href})
    assert "<dd><a" not in text.partition("<main>")[2]
    assert f'href="{href}' not in text


def test_links_and_addresses_are_anchors_with_all_that_is_said_of_them() -> None:
    text = html({"links": [{"href": "https://b.org/?a=1&b=2", "rel": "next", "type": "x/y"}], "at": "s3://b/c"})
    assert '<a href="https://b.org/?a=1&amp;b=2">https://b.org/?a=1&amp;b=2</a> rel next; type x/y' in text
    assert '<a href="s3://b/c">s3://b/c</a>' in text


def test_a_browser_is_told_of_our_own_links_alone() -> None:
    told = [("next", "https://a.org/ogc/x?a=1&b=2"), ("preconnect", "https://a.org/ogc/y"), ("next", "https://b.org/")]
    text = html({"links": [{"href": href, "rel": rel, "type": "x/y"} for rel, href in told]})
    assert text.count("<link ") == 2
    assert '<link rel="next" type="x/y" href="https://a.org/ogc/x?a=1&amp;b=2">' in text


def test_numbers_nothing_and_deep_things_are_written_out() -> None:
    deep: Any = "bottom"
    for _ in range(100):
        deep = [deep]
    text = html({"a": None, "b": [1, [2.5]], "c": True, "d": deep, "e": {}})
    assert "<code>null</code>" in text
    assert "<code>[1,[2.5]]</code>" in text
    assert "<code>true</code>" in text


def test_half_a_character_costs_nobody_the_page() -> None:
    assert "?" in html({"a": "\ud800"})


def test_a_form_is_there_where_something_can_be_looked_for() -> None:
    assert "<form" not in html({})
    assert '<form action="https://a.org/ogc/items">' in html({}, search="https://a.org/ogc/items")


def test_nothing_of_other_hosts_is_loaded() -> None:
    assert "default-src 'none'" in HEADERS["Content-Security-Policy"]
    assert "unsafe" not in HEADERS["Content-Security-Policy"]
