from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest

from discovery.model.extent import Extent
from discovery.model.record import Asset, Contact, Issue, Link, Record

if TYPE_CHECKING:
    from fastapi.testclient import TestClient

PAYLOADS = (
    "<script>alert('xss')</script>",
    "\"><img src=x onerror=alert('xss')>",
    "'><svg/onload=alert('xss')>",
    "javascript:alert('xss')",
    "{{ 7907*7919 }}${7907*7919}<%= 7907*7919 %>",
    "<a href=\"javascript:alert('xss')\">xss</a>",
    "\u202e<b>\u0000</b>\ud800",
)


class Markup(HTMLParser):
    """Every element of a page with its attributes, as a browser would read them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))


OWN_FORMS = ("/launch", "/selection#keep", "/compare", "/selection#export")


def assert_harmless(html: str) -> None:
    """Check that a page runs nothing, loads nothing from elsewhere and leads to the web alone."""
    for tag, attributes in Markup(html).elements:
        assert tag not in ("iframe", "object", "embed", "img", "style", "base", "foreignobject")
        assert not [name for name in attributes if name.startswith("on") or name in ("style", "srcdoc")]
        # A button may send its form to another page of ours, whatever the record says.
        assert attributes.get("formaction", "/launch") in OWN_FORMS
        if tag == "script" and attributes == {"type": "application/ld+json"}:
            continue  # Data, which no browser runs; tests/ui/test_documents.py reads it as one.
        if tag in ("script", "image", "link"):
            local = attributes.get("src") or attributes["href"]
            assert local.startswith("/")
            assert not local.startswith("//")
        elif "href" in attributes:
            assert re.match(r"https?://|mailto:|/(?!/)|#", attributes["href"]), attributes["href"]


def hostile(payload: str) -> Record:
    """Return a record that has the payload in every field that holds text."""
    safe = payload.encode("utf-8", "replace").decode().replace("\u0000", "")
    many = (safe, f"{safe} again")
    return Record(
        source="open-science",
        container=safe,
        source_id=safe,
        kind="dataset",
        title=f"Hostile {safe}",
        description=f"Hostile {safe}\n\n[link]({safe})",
        domain=safe,
        missions=(safe,),
        instruments=many,
        themes=many,
        keywords=many,
        variables=many,
        targets=many,
        provider=safe,
        license=safe,
        level=safe,
        product_type=safe,
        formats=many,
        extent=Extent(frame=safe, bbox=(0.0, 0.0, 1.0, 1.0)),
        assets=(Asset(safe, safe, safe, safe, many, alternates=many),),
        links=(Link(safe, safe, safe, safe), Link("https://a.example/", safe, safe), Link("x", "r", "t", "", safe)),
        contacts=(Contact(safe, safe, many, safe),),
        doi=safe,
        external_ids=many,
        access=safe,
        properties={safe: many, "platform": safe, "project": safe},
        issues=(Issue(safe, safe, safe),),
    )


@pytest.mark.parametrize("payload", PAYLOADS)
def test_nothing_of_a_hostile_record_becomes_markup(
    make_client: Callable[[Iterable[Record]], TestClient], payload: str
) -> None:
    record = hostile(payload)
    plain = replace(record, source_id="plain", id="", title="plain", provider="other", access="open")
    client = make_client([record, Record("open-science", "c", "1", "dataset", "Peer", provider="Peer"), plain])
    for url in ("/", "/search", "/search?q=hostile", "/search?more=keyword&more=mission", f"/records/{record.id}"):
        response = client.get(url)
        assert response.status_code == 200
        assert_harmless(response.text)
        assert "62615533" not in response.text


@pytest.mark.parametrize("payload", PAYLOADS)
def test_hostile_words_in_the_url_stay_words(client: TestClient, payload: str) -> None:
    for name in ("q", "facet.provider", "facet.mission", "time", "bbox", "filter", "sort", "nothing"):
        safe = payload.encode("utf-8", "replace").decode()
        response = client.get("/search", params={name: safe})
        assert response.status_code in (200, 400)
        assert_harmless(response.text)


@pytest.mark.slow
def test_a_link_stands_on_the_page_once(make_client: Callable[[Iterable[Record]], TestClient]) -> None:
    given = (Link("https://a.example/site", "about", "Site"), Link("https://a.example/paper", "cite-as", "Paper"))
    record = Record("open-science", "c", "1", "dataset", "Linked", links=(*given, *given))
    elements = Markup(make_client([record]).get(f"/records/{record.id}").text).elements
    leading = [each["href"] for tag, each in elements if tag == "a" and each["href"].startswith("https://a.example/")]
    assert sorted(leading) == ["https://a.example/paper", "https://a.example/site"]


@pytest.mark.slow
def test_a_record_with_thousands_of_parts_stays_one_page(
    make_client: Callable[[Iterable[Record]], TestClient],
) -> None:
    many = Record(
        "open-science", "c", "1", "dataset", "Many",
        assets=tuple(Asset(f"https://a.example/{n}", size=n) for n in range(3000)),
        links=tuple(Link(f"https://a.example/{n}", "related", f"Link {n}") for n in range(3000)),
        keywords=tuple(f"k{n}" for n in range(3000)),
        properties={f"p{n}": "x" * 2000 for n in range(200)},
        contacts=tuple(Contact(f"Person {n}") for n in range(500)),
        description="word " * 40_000,
    )  # fmt: skip
    response = make_client([many]).get(f"/records/{many.id}")
    assert "2,900 more are in the" in response.text
    assert len(response.content) < 300_000
