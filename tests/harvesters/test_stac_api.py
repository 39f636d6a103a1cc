from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import orjson
import pytest
import uvicorn
from fastapi import FastAPI

from discovery.errors import ConfigError, SourceUnavailableError
from discovery.http import Client, Policy
from discovery.index.tantivy import TantivyIndex
from discovery.indexer import follow
from discovery.model.record import record_id
from discovery.model.source import COMPLETE, FAILED, HELD, PARTIAL, RawRecord, Report, Source
from discovery.portal import Portal
from discovery.stac_api import attach
from discovery.store.connection import sqlite_url
from discovery.store.store import Store
from harvesters import paged
from harvesters.base import Position
from harvesters.registry import harvester

Harvest = Callable[..., Report]
Make = Callable[..., dict[str, Any]]
Answer = tuple[int, bytes]
Wrong = Callable[[str, str, Mapping[str, Any]], Answer | None]
FIXTURES = Path(__file__).parents[2] / "fixtures" / "sources" / "stac-items"

pytestmark = pytest.mark.slow


class Api:
    """A small STAC API over lists of documents, whose answers a test may spoil.

    Args:
        items: The items by the names of their collections.
        paging: How the next page is linked: `get`, `post`, `merge` (POST, to be merged), or `header`.
        most: The most items of one page, whatever is asked for.
    """

    def __init__(self, items: dict[str, list[dict[str, Any]]], paging: str = "get", most: int = 4) -> None:
        self.items = items
        self.paging = paging
        self.most = most
        self.collections = [{"type": "Collection", "stac_version": "1.1.0", "id": name, "links": []} for name in items]
        self.collections_page = 2
        self.totals = True
        self.wrong: Wrong = lambda path, query, body: None
        self.asked: list[str] = []
        self.url = ""

    def answer(self, path: str, query: str, body: Mapping[str, Any], headers: Mapping[str, str]) -> Answer:
        self.asked.append(f"{path}?{query}" if query else path)
        spoilt = self.wrong(path, query, body)
        return spoilt if spoilt is not None else self.right(path, query, body, headers)

    def right(self, path: str, query: str, body: Mapping[str, Any], headers: Mapping[str, str]) -> Answer:
        asked: dict[str, Any] = {**{name: found[0] for name, found in parse_qs(query).items()}, **body}
        start = int(headers.get("Search-After") or asked.get("token") or 0)
        if path == "/":
            return self._json({"type": "Catalog", "id": "x", "stac_version": "1.0.0", "title": "T", **self._landing()})
        if path == "/collections":
            names = self.collections[start : start + self.collections_page]
            more = start + self.collections_page < len(self.collections)
            links = [{"rel": "next", "href": f"?token={start + self.collections_page}"}] if more else []
            return self._json({"collections": names, "links": links})
        if path == "/search":
            wanted = asked.get("collections") or list(self.items)
            wanted = wanted.split(",") if isinstance(wanted, str) else wanted
            return self._page([each for name in wanted for each in self.items.get(name, [])], path, asked, start)
        name = path.removeprefix("/collections/").removesuffix("/items")
        if name not in self.items:
            return 404, b'{"code": "NotFound"}'
        return self._page(self.items[name], path, asked, start)

    def _landing(self) -> dict[str, Any]:
        links = [
            {"rel": "data", "href": "./collections"},
            {"rel": "search", "href": "/search", "method": "GET"},
            {"rel": "search", "href": "/search", "method": "POST"},
        ]
        return {"conformsTo": ["https://api.stacspec.org/v1.0.0/core"], "links": links}

    def _page(self, found: list[dict[str, Any]], path: str, asked: Mapping[str, Any], start: int) -> Answer:
        size = min(int(asked.get("limit", 10)), self.most)
        page = found[start : start + size]
        links: list[dict[str, Any]] = [{"rel": "self", "href": "x"}]
        if start + size < len(found):
            links.append({"rel": "next", **self._next(path, asked, start + size)})
        totals = {"numberMatched": len(found)} if self.totals else {}
        return self._json({"type": "FeatureCollection", "features": page, "links": links, **totals})

    def _next(self, path: str, asked: Mapping[str, Any], token: int) -> dict[str, Any]:
        wanted = asked.get("collections") or []
        query = {
            "limit": asked.get("limit", 10),
            "collections": wanted if isinstance(wanted, str) else ",".join(wanted),
        }
        if self.paging == "header":
            return {"href": f"{path}?{urlencode(query)}", "headers": {"Search-After": str(token)}}
        if self.paging == "get" or path != "/search":
            return {"href": f"{path}?{urlencode({**query, 'token': token})}"}
        if self.paging == "merge":
            return {"href": path, "method": "POST", "body": {"token": token}, "merge": True}
        return {"href": path, "method": "POST", "body": {**asked, "token": token}}

    def _json(self, value: Any) -> Answer:
        return 200, orjson.dumps(value)


@contextmanager
def serving(api: Api) -> Iterator[Source]:
    class Handler(BaseHTTPRequestHandler):
        disable_nagle_algorithm = True  # Else each answer in two parts waits 40 ms for a late ACK.
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._send({})

        def do_POST(self) -> None:
            self._send(orjson.loads(self.rfile.read(int(self.headers["Content-Length"]))))

        def _send(self, given: Mapping[str, Any]) -> None:
            url = urlsplit(self.path)
            status, body = api.answer(url.path, url.query, given, self.headers)  # type: ignore[arg-type]
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            pass  # who is killed in the middle of an answer hangs up

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    api.url = f"http://127.0.0.1:{server.server_port}/"
    try:
        yield Source("s", "stac-api", api.url)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def made(make_item: Make) -> dict[str, list[dict[str, Any]]]:
    """Return three collections of items, one of which is empty."""
    return {
        "a": [make_item(f"a{n}", collection="a") for n in range(11)],
        "b c/d": [make_item(f"b{n}", collection="b c/d", stac_version="1.1.0") for n in range(8)],
        "empty": [],
        "e": [make_item(f"a{n}", collection="e") for n in range(3)],
    }


@pytest.fixture
def api(made: dict[str, list[dict[str, Any]]]) -> Api:
    # One name needs quoting in a path, which this server undoes by having both.
    quoted = Api(made)
    quoted.items = {**made, "b%20c%2Fd": made["b c/d"]}
    return quoted


def live(store: Store) -> set[tuple[str, str]]:
    return {(row["container"], row["source_id"]) for row in store.catalogue.export()}


def whole(items: dict[str, list[dict[str, Any]]]) -> set[tuple[str, str]]:
    collections = {("collections", name) for name in items}
    return collections | {(name, each["id"]) for name, members in items.items() for each in members}


def with_settings(source: Source, **settings: str) -> Source:
    return Source(source.id, source.kind, source.url, settings=settings)


# What is harvested


@pytest.mark.parametrize(("method", "first"), [("auto", "/search"), ("POST", "/search"), ("GET", "/search?limit")])
def test_a_search_is_asked_as_the_operator_says(
    api: Api, made: dict[str, list[dict[str, Any]]], store: Store, harvest: Harvest, method: str, first: str
) -> None:
    with serving(api) as source:
        harvest(with_settings(source, walk="search", method=method))
    assert live(store) == whole(made)
    searches = [each for each in api.asked if each.startswith("/search")]
    # A link onward may have parameters whatever the first request was.
    assert searches[0].partition("=")[0] == first


@pytest.mark.parametrize("walk", ["items", "search"])
@pytest.mark.parametrize("paging", ["get", "post", "merge", "header"])
def test_every_collection_and_item_comes_by_every_way(
    walk: str, paging: str, api: Api, made: dict[str, list[dict[str, Any]]], store: Store, harvest: Harvest
) -> None:
    api.paging = paging
    with serving(api) as source:
        report = harvest(with_settings(source, walk=walk))
    assert (report.status, report.message, report.counts.quarantined) == (COMPLETE, "", 0)
    assert live(store) == whole(made)
    assert report.counts.seen == len(whole(made))


def test_items_know_their_dataset_and_the_bytes_that_were_sent(
    api: Api, made: dict[str, list[dict[str, Any]]], store: Store, harvest: Harvest
) -> None:
    with serving(api) as source:
        harvest(source)
    found = store.catalogue.find("s", "e", "a1").record
    assert (found.kind, found.dataset) == ("observation", record_id("s", "collections", "e"))
    assert store.catalogue.get(found.dataset).record.kind == "dataset"
    assert orjson.loads(store.catalogue.raw(found.id).body) == made["e"][1]


def test_relative_links_start_from_where_a_document_is(store: Store, harvest: Harvest, make_item: Make) -> None:
    item = make_item(
        "x y", collection="a", links=[{"rel": "about", "href": "../about"}], assets={"d": {"href": "d.tif"}}
    )
    own = make_item("own", collection="a", assets={"d": {"href": "d.tif"}})
    own["links"] = [{"rel": "self", "href": "https://public.example.org/items/own.json"}]
    api = Api({"a": [item, own]})
    with serving(api) as source:
        harvest(source)
    first, second = store.catalogue.find("s", "a", "x y").record, store.catalogue.find("s", "a", "own").record
    assert first.assets[0].href == f"{api.url}collections/a/items/d.tif"
    assert first.links[0].href == f"{api.url}collections/a/about"
    assert second.assets[0].href == "https://public.example.org/items/d.tif"


def test_only_the_chosen_collections_are_taken(
    api: Api, made: dict[str, list[dict[str, Any]]], store: Store, harvest: Harvest
) -> None:
    with serving(api) as source:
        assert harvest(with_settings(source, collections="a,e")).status == COMPLETE
    assert live(store) == whole({name: made[name] for name in ("a", "e")})
    assert not any("/collections/b" in each for each in api.asked)


def test_a_service_that_has_only_a_search_is_walked_by_it(
    api: Api, made: dict[str, list[dict[str, Any]]], store: Store, harvest: Harvest
) -> None:
    api.items = made
    landing = {"stac_version": "1.0.0", "links": [{"rel": "search", "href": "search"}]}
    api.wrong = lambda path, query, body: (200, orjson.dumps(landing)) if path == "/" else None
    with serving(api) as source:
        report = harvest(source)
    assert report.status == COMPLETE
    assert live(store) == {each for each in whole(made) if each[0] != "collections"}


def test_a_walk_may_be_resumed_at_every_page(api: Api, client: Client) -> None:
    with serving(api) as source:
        straight = [raw for page in harvester(source, client).pages(None) for raw in page.raws]
        pieces: list[RawRecord] = []
        position: Position | None = None
        while True:
            page = next(harvester(source, client).pages(position))
            pieces += page.raws
            if page.position is None:
                break
            position = orjson.loads(orjson.dumps(page.position))
        assert pieces == straight
        assert list(harvester(source, client).ids()) == [(raw.container, raw.source_id) for raw in straight]


def test_a_second_harvest_changes_nothing(api: Api, store: Store, harvest: Harvest) -> None:
    with serving(api) as source:
        first = harvest(source)
        before = store.catalogue.last_change()
        second = harvest(source)
    assert (second.counts.unchanged, second.counts.seen) == (first.counts.added, first.counts.seen)
    assert store.catalogue.last_change() == before


def test_the_probe_says_what_it_is_and_how_many_items_it_has(api: Api, client: Client) -> None:
    api.items = {name: members for name, members in api.items.items() if "%" not in name}
    with serving(api) as source:
        probe = harvester(source, client).probe()
    assert (probe.title, probe.matched, probe.notes) == ("T", 22, ())


# What goes wrong


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"type": "Catalog", "stac_version": "1.0.0", "links": [{"rel": "child", "href": "x"}]}', "stac-static"),
        (b"[]", "not an object"),
        (b"<html>maintenance</html>", "web page"),
        (b"{", "not JSON"),
        (b'{"links": [{"rel": "data", "href": "http://[x"}]}', "leads nowhere"),
    ],
)
def test_what_is_no_landing_page_fails_the_run(
    body: bytes, said: str, api: Api, store: Store, harvest: Harvest
) -> None:
    with serving(api) as source:
        harvest(source)
        before = live(store)
        api.wrong = lambda path, query, asked: (200, body) if path == "/" else None
        report = harvest(source)
    assert (report.status, live(store)) == (FAILED, before)
    assert said in report.message


def test_a_file_is_no_api(client: Client) -> None:
    with pytest.raises(ConfigError, match="not an http: or https: address"):
        harvester(Source("s", "stac-api", "file:catalog.json"), client)


def test_a_page_that_fails_once_is_asked_for_again(api: Api, store: Store, harvest: Harvest) -> None:
    failed: set[str] = set()

    def wrong(path: str, query: str, body: Mapping[str, Any]) -> Answer | None:
        if f"{path}?{query}" in failed:
            return None
        failed.add(f"{path}?{query}")
        return 503, b""

    api.wrong = wrong
    with serving(api) as source:
        report = harvest(source)
    assert (report.status, len(live(store))) == (COMPLETE, 26)


def test_a_collection_that_never_answers_costs_only_itself_and_deletes_nothing(
    api: Api, made: dict[str, list[dict[str, Any]]], store: Store, harvest: Harvest
) -> None:
    with serving(api) as source:
        harvest(source)
        api.wrong = lambda path, query, body: (500, b"") if path == "/collections/a/items" else None
        api.items["e"] = made["e"][:1]
        first = harvest(source)
        assert first.status == PARTIAL
        for _ in range(2):
            # The run that goes on finds it broken again and leaves it; one from the beginning stops there again.
            while (report := harvest(source)).status == PARTIAL:
                pass
            assert report.status == COMPLETE
            assert "could not be read" in report.message
    assert live(store) == whole(made)
    assert [each.issue.code for each in store.ledger.quarantined()] == ["no-items"]


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_a_collection_that_is_refused_is_left_and_deletes_nothing(
    status: int, api: Api, made: dict[str, list[dict[str, Any]]], store: Store, harvest: Harvest
) -> None:
    with serving(api) as source:
        harvest(source)
        api.wrong = lambda path, query, body: (status, b"") if path == "/collections/a/items" else None
        for _ in range(2):
            report = harvest(source)
            assert (report.status, report.counts.deleted) == (COMPLETE, 0)
    assert live(store) == whole(made)


def test_a_source_that_says_it_has_more_than_it_gives_is_held(api: Api, store: Store, harvest: Harvest) -> None:
    with serving(api) as source:
        harvest(source)
        before = live(store)
        cut = orjson.loads(api.right("/collections/a/items", "limit=4", {}, {})[1])
        cut["links"] = []
        api.wrong = lambda path, query, body: (200, orjson.dumps(cut)) if path == "/collections/a/items" else None
        for _ in range(2):
            report = harvest(source)
            assert report.status == HELD
            assert "has 26 elements and gave 19" in report.message
    assert live(store) == before


def test_a_page_in_place_of_another_is_found_out(api: Api, store: Store, harvest: Harvest) -> None:
    """Eleven elements come as the source says, but some of them twice and others never."""
    with serving(api) as source:
        harvest(source)
        before = live(store)

        def wrong(path: str, query: str, body: Mapping[str, Any]) -> Answer | None:
            if path != "/collections/a/items" or "token=4" not in query:
                return None
            page = orjson.loads(api.right(path, query, {}, {})[1])
            page["features"] = (
                orjson.loads(api.right(path, "limit=4", {}, {})[1])["features"][1:] + page["features"][3:]
            )
            return 200, orjson.dumps(page)

        api.wrong = wrong
        for _ in range(2):
            report = harvest(source)
            assert report.status == HELD
            assert report.counts.seen == 26
    assert live(store) == before


def test_totals_that_are_known_to_lie_may_be_ignored(api: Api, store: Store, harvest: Harvest) -> None:
    def wrong(path: str, query: str, body: Mapping[str, Any]) -> Answer | None:
        status, answer = api.right(path, query, body, {})
        return status, answer.replace(b'"numberMatched":', b'"numberMatched":9')

    api.wrong = wrong
    with serving(api) as source:
        assert harvest(source).status == HELD
        assert harvest(with_settings(source, totals="ignore")).status == COMPLETE


@pytest.mark.parametrize("totals", [True, False])
@pytest.mark.parametrize("lead", ["self", "first", "circle", "tokens", "empty"])
def test_pages_that_lead_in_a_circle_end_and_delete_nothing(
    lead: str,
    totals: bool,
    api: Api,
    made: dict[str, list[dict[str, Any]]],
    store: Store,
    harvest: Harvest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(paged, "MOST_EMPTY", 5)
    with serving(api) as source:
        harvest(source)
        api.totals, api.asked = totals, []
        number = iter(range(10_000_000))

        def wrong(path: str, query: str, body: Mapping[str, Any]) -> Answer | None:
            if path != "/collections/a/items":
                return None
            page = orjson.loads(api.right(path, "limit=4" if lead in ("tokens", "empty") else query, {}, {})[1])
            target = {
                "self": f"?{query}",
                "first": "?limit=4",
                "circle": "?limit=4&token=4"
                if "token=8" in query
                else f"?limit=4&token={8 if 'token' in query else 4}",
                "tokens": f"?limit=4&token=0&x={next(number)}",
                "empty": f"?limit=4&token=0&x={next(number)}",
            }[lead]
            page["links"] = [{"rel": "next", "href": target}]
            page["features"] = [] if lead == "empty" else page["features"]
            return 200, orjson.dumps(page)

        api.wrong = wrong
        for _ in range(2):
            report = harvest(source)
            assert report.status in (COMPLETE, HELD)
            assert report.counts.deleted == 0
    assert live(store) == whole(made)
    assert {each.issue.code for each in store.ledger.quarantined()} == {"repeated-page"}
    assert len(api.asked) < 60


def test_collections_that_come_in_a_circle_end(
    api: Api, made: dict[str, list[dict[str, Any]]], store: Store, harvest: Harvest
) -> None:
    def wrong(path: str, query: str, body: Mapping[str, Any]) -> Answer | None:
        if path != "/collections":
            return None
        page = orjson.loads(api.right(path, query, {}, {})[1])
        page["links"] = page["links"] or [{"rel": "next", "href": "/collections?token=0"}]
        return 200, orjson.dumps(page)

    api.wrong = wrong
    with serving(api) as source:
        report = harvest(source)
    assert (report.status, live(store)) == (COMPLETE, whole(made))
    assert sum("/items" in each for each in api.asked) == 3 + 2 + 1 + 1


@pytest.mark.parametrize("kept", [0.1, 0.5, 0.9, 0.999])
def test_a_page_that_is_cut_off_is_never_the_last_one(
    kept: float, api: Api, made: dict[str, list[dict[str, Any]]], store: Store, harvest: Harvest
) -> None:
    with serving(api) as source:
        harvest(source)

        def wrong(path: str, query: str, body: Mapping[str, Any]) -> Answer | None:
            answer = api.right(path, query, body, {})[1]
            return (200, answer[: int(len(answer) * kept)]) if path == "/collections/a/items" else None

        api.wrong = wrong
        for _ in range(3):
            report = harvest(source)
            assert report.counts.deleted == 0
    assert live(store) == whole(made)


def test_a_broken_item_costs_only_itself(
    api: Api, made: dict[str, list[dict[str, Any]]], store: Store, harvest: Harvest
) -> None:
    def wrong(path: str, query: str, body: Mapping[str, Any]) -> Answer | None:
        status, answer = api.right(path, query, body, {})
        return status, answer.replace(b'"id":"a5"', b'"id":"a5","x":NaN')

    api.wrong = wrong
    with serving(api) as source:
        report = harvest(source)
    assert (report.status, live(store)) == (COMPLETE, whole(made) - {("a", "a5")})
    (entry,) = store.ledger.quarantined()
    assert (entry.issue.code, b"NaN" in entry.raw.body) == ("broken-json", True)


@pytest.mark.parametrize("collection", [{"type": "Collection"}, {"id": "x\0"}, {"id": 5}, 7, None, [], {"links": 5}])
def test_odd_collections_stop_nothing(
    collection: Any, api: Api, made: dict[str, list[dict[str, Any]]], store: Store, harvest: Harvest
) -> None:
    api.collections.insert(1, collection)
    with serving(api) as source:
        report = harvest(source)
    assert report.status == COMPLETE
    assert live(store) >= whole(made)


def test_pages_that_are_too_large_are_asked_for_in_pieces(
    made: dict[str, list[dict[str, Any]]], store: Store, make_item: Make, tmp_path: Path
) -> None:
    from harvesters import run

    many = {"a": [make_item(f"i{n}", collection="a", assets={"x": {"href": "x" * 900}}) for n in range(60)]}
    api = Api(many, most=1000)
    policy = Policy(attempts=1, max_bytes=20_000).with_hosts("127.0.0.1")
    with serving(api) as source, Client(policy) as client:
        report = run.harvest(store, source, client=client)
    assert (report.status, live(store)) == (COMPLETE, whole(many))
    assert "/collections/a/items?limit=10" in api.asked


def test_a_limit_that_is_refused_is_asked_for_in_smaller_ones(
    api: Api, made: dict[str, list[dict[str, Any]]], store: Store, harvest: Harvest
) -> None:
    def wrong(path: str, query: str, body: Mapping[str, Any]) -> Answer | None:
        limit = int(parse_qs(query).get("limit", ["1"])[0])
        return (400, b'{"code": "limit"}') if limit > 100 else None

    api.wrong = wrong
    with serving(api) as source:
        assert harvest(source).status == COMPLETE
    assert live(store) == whole(made)


def test_a_collection_that_has_gone_while_a_run_was_away_is_no_hindrance(
    api: Api, made: dict[str, list[dict[str, Any]]], store: Store, harvest: Harvest
) -> None:
    with serving(api) as source:
        assert harvest(source, limit=6).status == PARTIAL
        api.collections = [each for each in api.collections if each["id"] != "a"]
        del api.items["a"]
        while harvest(source).status == PARTIAL:
            pass
    assert {each for each in whole(made) if each[0] not in ("a", "collections")} <= live(store)


def test_items_of_another_collection_are_found_under_their_own(store: Store, harvest: Harvest, make_item: Make) -> None:
    """A search that ignores which collection was asked for must not give its items to each of them."""
    items = {"a": [make_item("x", collection="a")], "b": [make_item("y", collection="b")]}
    api = Api(items)

    def wrong(path: str, query: str, body: Mapping[str, Any]) -> Answer | None:
        return api.right(path, "", {"limit": 10}, {}) if path == "/search" else None

    api.wrong = wrong
    with serving(api) as source:
        harvest(with_settings(source, walk="search", totals="ignore"))
    assert live(store) == whole(items)


def test_a_service_that_is_gone_says_so(client: Client) -> None:
    with pytest.raises(SourceUnavailableError):
        harvester(Source("s", "stac-api", "http://127.0.0.1:9/"), client).probe()


# Other servers


@contextmanager
def portal_serving(folder: Path, client: Client) -> Iterator[tuple[str, Portal]]:
    """Serve real items by the STAC face of a portal of ours."""
    from harvesters import run

    store = Store(sqlite_url(folder / "theirs.sqlite"))
    sources = [
        Source("es", "stac-items", f"file:{FIXTURES / 'earth-search' / 'items.json'}"),
        Source("pc", "stac-items", f"file:{FIXTURES / 'planetary-computer' / 'items.ndjson'}"),
    ]
    for source, settings in zip(
        sources,
        (
            {"collections": "collection.json", "collection": "sentinel-s2-l2a-cogs-test"},
            {"collections": "collection.json"},
        ),
        strict=True,
    ):
        run.harvest(store, Source(source.id, source.kind, source.url, settings=settings), client=client)
    index = TantivyIndex(folder / "theirs")
    follow(store, index)
    app = FastAPI(title="Theirs")
    attach(app, Portal(store, index), title="Theirs")
    server = uvicorn.Server(uvicorn.Config(app, ws="none", lifespan="off", log_level="warning"))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}/stac", Portal(store, index)
        finally:
            server.should_exit = True
            thread.join(10)
            store.close()


@pytest.mark.parametrize("walk", ["items", "search"])
def test_our_own_service_gives_all_that_it_has(
    walk: str, store: Store, harvest: Harvest, client: Client, tmp_path: Path
) -> None:
    with portal_serving(tmp_path, client) as (url, theirs):
        report = harvest(Source("s", "stac-api", url, settings={"walk": walk, "page": "7"}))
        assert (report.status, report.message, report.counts.quarantined) == (COMPLETE, "", 0)
        rows = list(theirs.store.catalogue.export())
        assert len(live(store)) == len(rows)
        for row in rows:
            sent = theirs.store.catalogue.get(row["id"]).record
            container = (
                "collections" if sent.kind == "dataset" else theirs.store.catalogue.get(sent.dataset).record.source_id
            )
            got = store.catalogue.find("s", container, sent.source_id).record
            assert (got.title, got.extent, got.numbers, got.missions) == (
                sent.title,
                sent.extent,
                sent.numbers,
                sent.missions,
            )
            assert [each.href for each in got.assets] == [each.href for each in sent.assets]


# Kills

KILLED = """
import os, sys
from discovery.http import Client, Policy
from discovery.model import terms
from discovery.model.source import Source
from discovery.store.store import Store
from harvesters.run import harvest

source = Source("s", "stac-api", sys.argv[2], settings={"page": "6"})
policy = Policy(attempts=1).with_hosts("127.0.0.1")
for find in (terms.mission, terms.instrument, terms.theme, terms.license):
    find("read the vocabulary once and not in each child")
while sys.stdin.readline():
    child = os.fork()
    if child == 0:
        store = Store(sys.argv[1])
        report = harvest(store, source, client=Client(policy))
        os._exit(0 if report.status == "complete" else 1)
    print(child, flush=True)
    # It is waited for only when told so: until then its number cannot become that of another process.
    sys.stdin.readline()
    print(os.waitpid(child, 0)[1], flush=True)
"""


@pytest.mark.timeout(600)
def test_a_hundred_kills_lose_nothing_double_nothing_and_leave_nothing_stale(
    tmp_path: Path, store: Store, make_item: Make
) -> None:
    def publish(version: int) -> dict[str, list[dict[str, Any]]]:
        # Each version changes every title, takes a few items away and brings others.
        return {
            name: [
                make_item(f"i{n}", collection=name, properties={"title": f"{name} {n}, version {version}"})
                for n in range(version % 3, 30 + version % 3)
            ]
            for name in ("a", "b")
        }

    api = Api(publish(0), most=6)
    chance, version, kills = random.Random(11), 0, 0
    command = [sys.executable, "-c", KILLED, store.database.url]
    with (
        serving(api),
        subprocess.Popen([*command, api.url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as parent,
    ):
        assert parent.stdin is not None
        assert parent.stdout is not None

        def walk(delay: float | None) -> int:
            assert parent.stdin is not None
            assert parent.stdout is not None
            print("go", file=parent.stdin, flush=True)
            child = int(parent.stdout.readline())
            if delay is not None:
                time.sleep(delay)
                os.kill(child, signal.SIGKILL)
            print("wait", file=parent.stdin, flush=True)
            return int(parent.stdout.readline())

        # The first walk waits for the imports, too; the second one says how long a whole one takes.
        assert walk(None) == 0
        api.items, started = publish(1), time.monotonic()
        assert walk(None) == 0
        duration = time.monotonic() - started
        while kills < 100 or version <= 10:
            # Those that are to end, too, are given more time: the machine may be busier than it was for the whole one.
            if walk(chance.random() * (1 if kills < 100 else 5) * duration) == signal.SIGKILL:
                kills += 1
            else:
                version += 1
                api.items = publish(version)
        for _ in range(3):
            # What is left of the walk, and two whole ones: deletion takes two steps.
            assert walk(None) == 0
        parent.stdin.close()
    fresh = Store(sqlite_url(tmp_path / "catalogue.sqlite"))
    titles = {
        (row["container"], row["source_id"]): row["title"]
        for row in fresh.catalogue.export()
        if row["kind"] == "observation"
    }
    expected = {(name, each["id"]): each["properties"]["title"] for name, found in api.items.items() for each in found}
    assert titles == expected
    assert fresh.check() == []
    assert fresh.ingest.checkpoint("s") is None
    changes = [each.key for each in fresh.catalogue.changes("observations", 0, 10_000) if each.record is not None]
    assert len(changes) == len(set(changes)) == 60
    fresh.close()


def _without_next(body: bytes) -> bytes:
    page = orjson.loads(body)
    page["links"] = [each for each in page["links"] if each["rel"] != "next"]
    return orjson.dumps(page)


@pytest.mark.parametrize("totals", [True, False], ids=["totals", "no totals"])
@pytest.mark.parametrize(
    ("fault", "kept"),
    [
        ("nothing", 300),
        ("half", 300),
        ("a tenth and one", 300),
        ("a tenth", 270),
        ("next link cut", 300),
        ("page of HTML", 300),
        ("body cut", 300),
        ("error", 300),
        ("total lies", 300),
    ],
)
def test_a_source_that_shrinks_or_breaks_loses_nothing_that_somebody_should_have_approved(
    fault: str, kept: int, totals: bool, store: Store, harvest: Harvest, make_item: Make
) -> None:
    """The table of notes/reliability R3, each case met by three runs in a row."""
    items = [make_item(f"i{n}") for n in range(300)]
    api = Api({"c": items}, most=50)
    api.totals = totals
    left = {"nothing": 0, "half": 150, "a tenth and one": 269, "a tenth": 270}.get(fault, 300)

    def wrong(path: str, query: str, body: Mapping[str, Any]) -> Answer | None:
        if not path.endswith("/items"):
            return None
        status, right = api.right(path, query, body, {})
        if fault == "total lies":
            return status, right.replace(b'"numberMatched":300', b'"numberMatched":400')
        if "token=200" not in query:
            return None
        return {
            "next link cut": (200, _without_next(right)),
            "page of HTML": (200, b"<!doctype html><title>Back soon</title>"),
            "body cut": (200, right[: len(right) // 2]),
            "error": (500, b"{}"),
        }.get(fault)

    with serving(api) as source:
        assert harvest(source).counts.added == 301
        api.items["c"] = items[:left]
        api.wrong = wrong
        reports = [harvest(source) for _ in range(3)]
    assert len([each for each in live(store) if each[0] == "c"]) == kept
    if kept == 300 and not (fault == "total lies" and not totals):
        assert all(each.status != COMPLETE or "could not be read" in each.message for each in reports)
        assert all(each.message for each in reports)
