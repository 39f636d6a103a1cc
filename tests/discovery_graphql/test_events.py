"""Subscriptions as server-sent events, over real connections."""

from __future__ import annotations

import http.client
import json
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import pytest
from fastapi import APIRouter, FastAPI
from fastapi.routing import APIWebSocketRoute

from discovery.index.tantivy import TantivyIndex
from discovery.model.source import COMPLETE, RUNNING, Counts, Report, Source
from discovery.portal import Portal
from discovery.store.store import Store
from discovery_graphql import router
from discovery_graphql.events import EVENTS, wanted
from discovery_graphql.streams import Bounds, Streams

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]

Listening = Callable[[FastAPI], AbstractContextManager[str]]
TOKEN: Final = "0123456789abcdef" * 4
BEARER: Final = {"Authorization": f"Bearer {TOKEN}"}
RUN: Final = "subscription { harvestProgress(run: 1) { status seen } }"


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    home: Path = tmp_path_factory.mktemp("events")
    portal = Portal(Store(f"sqlite:///{home / 'store.db'}"), TantivyIndex(home / "index"), operator_token=TOKEN)
    portal.store.ledger.add_source(Source("ice", "stac-api", "https://ice.example/stac", "Ice"))
    portal.store.ledger.begin("ice")
    yield portal
    portal.close()


@pytest.fixture(scope="module")
def served(portal: Portal, listening: Listening) -> Iterator[tuple[str, APIRouter]]:
    routes = router(portal, bounds=Bounds(streams=2, every=0.02, heartbeat=0.1, wait=0.3))
    app = FastAPI()
    app.include_router(routes)
    with listening(app) as place:
        yield place, routes


@pytest.fixture
def place(portal: Portal, served: tuple[str, APIRouter]) -> str:
    portal.store.ledger.end(Report("ice", 1, RUNNING, Counts(seen=0)))
    return served[0]


def streams(served: tuple[str, APIRouter]) -> Streams:
    """Return what counts the subscriptions of the portal that listens."""
    (route,) = (each for each in served[1].routes if isinstance(each, APIWebSocketRoute))
    found = getattr(route.endpoint, "__self__", None).streams  # type: ignore[union-attr]
    assert isinstance(found, Streams)
    return found


def open_streams(served: tuple[str, APIRouter], wanted: int) -> int:
    """Return how many subscriptions there are, as soon as there are as many as wanted or after a while."""
    until = time.monotonic() + 30
    while streams(served).open != wanted and time.monotonic() < until:
        time.sleep(0.02)
    return streams(served).open


Ask = Callable[..., http.client.HTTPResponse]


@pytest.fixture
def ask(place: str, served: tuple[str, APIRouter]) -> Iterator[Ask]:
    """Return `ask(query, **headers)`; whatever is still open in the end is closed, and takes no place afterwards."""
    with ExitStack() as opened:
        opened.callback(open_streams, served, 0)

        def asked(query: str = RUN, *, get: bool = False, **headers: str) -> http.client.HTTPResponse:
            connection = opened.enter_context(closing(http.client.HTTPConnection(place, timeout=30)))
            # So that the answer alone holds the socket, and closes it.
            sent = {"Accept": EVENTS, "Content-Type": "application/json", "Connection": "close", **BEARER, **headers}
            if get:
                connection.request("GET", "/graphql?" + urlencode({"query": query}), headers=sent)
            else:
                connection.request("POST", "/graphql", json.dumps({"query": query}), sent)
            return opened.enter_context(closing(connection.getresponse()))

        yield asked


def events(answer: http.client.HTTPResponse) -> Iterator[tuple[str, Any]]:
    """Yield events as a browser reads them, and `("", None)` for a sign of life."""
    name, data = "", ""
    for line in answer:
        text = line.decode().rstrip("\r\n")
        if text.startswith(":"):
            yield "", None
        elif text.startswith("event:"):
            name = text.removeprefix("event:").strip()
        elif text.startswith("data:"):
            data = text.removeprefix("data:").strip()
        elif not text and name:
            yield name, json.loads(data) if data else None
            name, data = "", ""


@pytest.mark.parametrize("get", [False, True])
def test_a_run_is_followed_to_its_end(ask: Ask, portal: Portal, get: bool) -> None:
    answer = ask(get=get)
    assert answer.status == 200
    assert answer.headers["content-type"].startswith(EVENTS)
    assert answer.headers["cache-control"] == "no-store"
    seen, finished = [], False
    for name, data in events(answer):
        if name == "next":
            seen.append(data["data"]["harvestProgress"]["seen"])
            status = COMPLETE if len(seen) == 3 else RUNNING
            portal.store.ledger.end(Report("ice", 1, status, Counts(seen=len(seen))))
        finished = name == "complete"
    assert finished
    assert seen == [0, 1, 2, 3]


def test_a_silent_stream_shows_signs_of_life(ask: Ask) -> None:
    found = events(ask())
    kinds = [next(found)[0] for _ in range(12)]
    # Where the first answer takes its time there are signs of life before it, too.
    assert kinds[0] == ""
    assert [each for each in kinds if each] == ["next"]


def test_who_is_gone_and_who_reads_nothing_is_let_go_of(
    ask: Ask, place: str, portal: Portal, served: tuple[str, APIRouter]
) -> None:
    answer = ask()
    assert open_streams(served, 1) == 1
    answer.close()
    assert open_streams(served, 0) == 0
    host, port = place.split(":")
    with socket.socket() as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        deaf.connect((host, int(port)))
        query = urlencode({"query": "subscription { harvestProgress(run: 1) { message } }"})
        lines = (
            f"GET /graphql?{query} HTTP/1.1",
            f"Host: {place}",
            f"Accept: {EVENTS}",
            f"Authorization: Bearer {TOKEN}",
        )
        deaf.sendall("\r\n".join((*lines, "", "")).encode())
        assert open_streams(served, 1) == 1
        began = time.monotonic()
        while streams(served).open:
            time.sleep(0.03)
            text = f"{time.monotonic()} " + "x" * 1_000_000
            portal.store.ledger.end(Report("ice", 1, RUNNING, message=text))
            assert time.monotonic() - began < 20, "it was never dropped"


def test_there_are_so_many_streams_and_no_more(ask: Ask, served: tuple[str, APIRouter]) -> None:
    first, second = ask(), ask()
    assert open_streams(served, 2) == 2
    third = ask()
    assert (third.status, third.headers["retry-after"]) == (429, "10")
    assert json.loads(third.read())["errors"][0]["extensions"]["code"] == "too_many"
    for each in (first, second):
        each.close()
    assert open_streams(served, 0) == 0
    last = ask()
    assert last.status == 200
    last.close()
    assert open_streams(served, 0) == 0


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("subscription { nothing }", "bad_query"),
        ("subscription { jobProgress(id: 99) { id } }", "not_found"),
        ("subscription { " + " ".join(f"a{n}: jobProgress(id: 1) {{ id }}" for n in range(20)) + " }", "limit"),
    ],
)
def test_what_cannot_be_followed_is_told_as_an_event(ask: Ask, query: str, code: str) -> None:
    found = [each for each in events(ask(query)) if each[0]]
    assert [name for name, _ in found] == ["next", "complete"]
    assert {each["extensions"]["code"] for each in found[0][1]["errors"]} == {code}


@pytest.mark.parametrize(
    ("query", "headers", "status", "code"),
    [
        (RUN, {"Authorization": "Bearer wrong"}, 403, "denied"),
        (RUN, {"Accept": "application/json"}, 406, "not_acceptable"),
        (RUN, {"Accept": f"{EVENTS};q=0"}, 406, "not_acceptable"),
        ("{ __typename }", {}, 406, "not_acceptable"),
        ("{", {}, 406, "not_acceptable"),
        ('mutation { harvest(source: "ice") { id } }', {}, 406, "not_acceptable"),
    ],
)
def test_what_is_not_followed_is_refused_by_its_status(
    ask: Ask, portal: Portal, query: str, headers: dict[str, str], status: int, code: str
) -> None:
    answer = ask(query, **headers)
    assert answer.status == status
    assert json.loads(answer.read())["errors"][0]["extensions"]["code"] == code
    assert portal.jobs() == []


def test_clients_that_take_everything_get_answers_of_one_piece_where_there_are_such(ask: Ask) -> None:
    accept = f"application/graphql-response+json, application/json, {EVENTS}, multipart/mixed"
    assert json.loads(ask("{ __typename }", Accept=accept).read())["data"] == {"__typename": "Query"}
    assert ask(RUN, Accept=accept).headers["content-type"].startswith(EVENTS)


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("", False),
        ("*/*", False),
        ("text/*", False),
        (EVENTS, True),
        (f"{EVENTS};q=0", False),
        (f"a/b, {EVENTS}", True),
    ],
)
def test_only_who_names_events_gets_them(accept: str, expected: bool) -> None:
    assert wanted(accept) is expected
