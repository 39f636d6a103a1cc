from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson
import pytest

from discovery.errors import SourceUnavailableError
from discovery.http import Client
from discovery.model.source import RawRecord
from harvesters.base import Position
from harvesters.document import identity
from harvesters.paged import Paged, page_of, place_of, with_parameters
from harvesters.stac_page import Ask, Element

Served = Callable[..., str]
ELEMENTS = {"a": ["1", "2", "3"], "b": [], "c": ["1", "2"], "left out": ["1"]}


class Everything:
    """The plainest service: collections are no elements, and their elements stand at /NAME."""

    totals = True

    def __init__(self, url: str) -> None:
        self.listing = Ask(f"{url}collections")

    def wanted(self, collection: Element) -> bool:
        return identity(collection.document or {}) != "left out"

    def first(self, name: str, collection: Mapping[str, Any], listed: Ask | None) -> Ask:
        assert listed is not None
        return Ask(listed.href.replace("/collections", f"/items/{name}?limit=40"))

    def listed(self, collection: Element, href: str) -> RawRecord | None:
        return None

    def element(self, name: str, number: int, element: Element) -> RawRecord:
        return RawRecord(name, identity(element.document or {}), element.body)


def answer(path: str, headers: Mapping[str, str]) -> tuple[int, bytes, Mapping[str, str]]:
    url = urlsplit(path)
    if url.path == "/collections":
        return 200, orjson.dumps({"collections": [{"id": each} for each in ELEMENTS]}), {}
    name, at = url.path.removeprefix("/items/"), int(parse_qs(url.query).get("at", ["0"])[0])
    links = [{"rel": "next", "href": f"?at={at + 1}"}] if at + 1 < len(ELEMENTS[name]) else []
    found = [{"id": each} for each in ELEMENTS[name][at : at + 1]]
    return 200, orjson.dumps({"features": found, "links": links, "numberMatched": len(ELEMENTS[name])}), {}


def test_a_walk_goes_through_the_wanted_collections_and_may_be_resumed_at_every_page(
    served: Served, client: Client
) -> None:
    walk = Paged(client, Everything(served(answer)))
    pages = list(walk.pages(None))
    found = [(raw.container, raw.source_id) for page in pages for raw in page.raws]
    assert found == [(name, id) for name in ("a", "b", "c") for id in ELEMENTS[name]]
    assert (pages[-1].matched, pages[-1].position) == (5, None)
    pieces: list[tuple[str, str]] = []
    position: Position | None = None
    while True:
        page = next(walk.pages(position))
        pieces += [(raw.container, raw.source_id) for raw in page.raws]
        position = page.position
        if position is None:
            break
        assert len(orjson.dumps(position)) < 400
    assert pieces == found


def test_a_page_that_is_too_much_is_asked_for_in_quarters(served: Served, client: Client) -> None:
    asked: list[str] = []

    def too_much(path: str, headers: Mapping[str, str]) -> tuple[int, bytes, Mapping[str, str]]:
        asked.append(path)
        return (500, b"", {}) if "limit=10" not in path else (200, b'{"features": []}', {})

    url = served(too_much)
    assert page_of(client, Ask(f"{url}x?limit=160"), "features").elements == ()
    assert list(dict.fromkeys(asked)) == ["/x?limit=160", "/x?limit=40", "/x?limit=10"]
    with pytest.raises(SourceUnavailableError):
        page_of(client, Ask(f"{url}x"), "features")


def test_parameters_are_put_behind_those_that_are_there() -> None:
    assert with_parameters("http://x/a", {"limit": 5}) == "http://x/a?limit=5"
    assert with_parameters("http://x/a?f=json%20", {"q": "a b"}) == "http://x/a?f=json%20&q=a+b"


def test_only_an_element_without_an_id_is_named_by_its_place() -> None:
    assert place_of("x", "there", b"1") == ""
    assert place_of("", "there", b"1").startswith("there ")
    assert place_of("", "there", b"1") != place_of("", "there", b"2")
