"""The feed of changes, as feed readers see it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from lxml import etree

from discovery.model.record import Record
from discovery.store.history import Happening
from ui.feed import ATOM, MEDIA_TYPE, SIZE, TOMBSTONE, feed

if TYPE_CHECKING:
    from fastapi.testclient import TestClient

NAMES = {"a": ATOM, "t": TOMBSTONE}


def dataset(n: int) -> Record:
    return Record("open-science", "", f"r{n}", "dataset", f"Record {n}", description="Words\n of it")


def test_a_feed_is_paged_back_to_the_first_change(make_client: Callable[[Iterable[Record]], TestClient]) -> None:
    client = make_client(map(dataset, range(SIZE + 5)))
    seen: list[str] = []
    path: str | None = "/changes.atom"
    while path:
        answer = client.get(path)
        assert answer.headers["content-type"].startswith(MEDIA_TYPE)
        root = etree.fromstring(answer.content)
        seen += root.xpath("a:entry/a:id/text()", namespaces=NAMES)
        onward = root.xpath("a:link[@rel='next']/@href", namespaces=NAMES)
        path = onward[0].removeprefix("http://testserver") if onward else None
    assert len(seen) == len(set(seen)) == SIZE + 5
    assert seen[0].startswith("http://testserver/records/")
    assert client.get(seen[0].removeprefix("http://testserver")).status_code == 200


def test_an_unchanged_feed_is_not_sent_again(make_client: Callable[[Iterable[Record]], TestClient]) -> None:
    client = make_client([dataset(1)])
    answer = client.get("/changes.atom")
    again = client.get("/changes.atom", headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert client.get("/changes.atom?scope=observations").status_code == 200
    assert client.get("/changes.atom?scope=nothing").status_code == 400
    assert client.get("/changes.atom?before=x").status_code == 400
    assert 'href="/changes.atom"' in client.get("/").text


def test_text_that_xml_cannot_hold_is_replaced_and_markup_is_text() -> None:
    record = Record("s", "", "x", "dataset", "a\0\ud800<b>&", missions=("m\x01",))
    happenings = [Happening(7, "i", 0, record), Happening(6, "gone", 5, None), Happening(5, "old", 5, None, "new")]
    root = etree.fromstring(feed("P\x02", "https://p.example", "resources", happenings))
    assert root.xpath("string(a:entry/a:title)", namespaces=NAMES) == "a\ufffd\ufffd<b>&"
    assert root.xpath("t:deleted-entry/@ref", namespaces=NAMES) == [
        "https://p.example/records/gone",
        "https://p.example/records/old",
    ]
    assert root.xpath("t:deleted-entry/a:link/@href", namespaces=NAMES) == ["https://p.example/records/new"]
    for child in ("title", "id", "updated", "author"):
        assert root.find(f"{{{ATOM}}}{child}") is not None
    assert len(etree.fromstring(feed("P", "https://p.example", "resources", []))) == 6


def test_a_feed_is_as_new_as_the_newest_that_it_tells() -> None:
    happenings = [Happening(7, "merged", 5_000, None, "new"), Happening(6, "i", 9_000, dataset(1))]
    root = etree.fromstring(feed("P", "https://p.example", "resources", happenings))
    assert root.findtext(f"{{{ATOM}}}updated") == "1970-01-01T00:00:09Z"
