"""Subscriptions over real websockets, to a real server."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest
from fastapi import APIRouter, FastAPI
from fastapi.routing import APIWebSocketRoute
from websockets.client import ClientProtocol
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol
from websockets.uri import parse_uri

from discovery.index.tantivy import TantivyIndex
from discovery.model.source import COMPLETE, RUNNING, Counts, Report, Source
from discovery.portal import Portal
from discovery.store.store import Store
from discovery_graphql import router, sockets
from discovery_graphql.streams import Bounds

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]

Listening = Callable[[FastAPI], AbstractContextManager[str]]
TOKEN: Final = "0123456789abcdef" * 4
BEARER: Final = {"Authorization": f"Bearer {TOKEN}"}
PROTOCOL: Final = Subprotocol("graphql-transport-ws")
QUICK: Final = Bounds(streams=12, every=0.02)
WAIT: Final = 30.0
"""Seconds that something may take on a machine that is busy with other things."""
RUN: Final = "subscription { harvestProgress(run: 1) { id status seen message } }"
ANY: Final = "subscription { harvestProgress { id } }"


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    home: Path = tmp_path_factory.mktemp("sockets")
    portal = Portal(Store(f"sqlite:///{home / 'store.db'}"), TantivyIndex(home / "index"), operator_token=TOKEN)
    portal.store.ledger.add_source(Source("ice", "stac-api", "https://ice.example/stac", "Ice"))
    portal.store.ledger.begin("ice")
    yield portal
    portal.close()


class Served:
    """A portal that listens, and what it counts."""

    def __init__(self, portal: Portal, place: str, routes: APIRouter) -> None:
        self.portal = portal
        self.place = place
        (route,) = (each for each in routes.routes if isinstance(each, APIWebSocketRoute))
        self.face: Any = getattr(route.endpoint, "__self__", None)

    def connect(self, **more: Any) -> ClientConnection:
        return connected(self.place, **more)

    def ready(self, **more: Any) -> ClientConnection:
        """Return a connection that was let in."""
        talk = self.connect(**more)
        say(talk, {"type": "connection_init", "payload": BEARER})
        assert hear(talk) == {"type": "connection_ack"}
        return talk

    def left(self) -> tuple[int, int]:
        """Return how many websockets and subscriptions there are, as soon as there are none or after a while."""
        until = time.monotonic() + WAIT
        while (self.face.sockets, self.face.streams.open) != (0, 0) and time.monotonic() < until:
            time.sleep(0.02)
        return self.face.sockets, self.face.streams.open


@pytest.fixture
def serve(portal: Portal, listening: Listening) -> Iterator[Callable[..., Served]]:
    """Return `serve(**bounds)`: the portal behind a real server with these bounds."""
    open_ones = []

    def started(origins: tuple[str, ...] = (), **bounds: Any) -> Served:
        app = FastAPI()
        routes = router(portal, bounds=replace(QUICK, **bounds), origins=origins)
        app.include_router(routes)
        context = listening(app)
        served = Served(portal, context.__enter__(), routes)
        open_ones.append(context)
        return served

    portal.store.ledger.end(Report("ice", 1, RUNNING, Counts(seen=0)))
    yield started
    for each in open_ones:
        each.__exit__(None, None, None)


def connected(place: str, **more: Any) -> ClientConnection:
    return connect(f"ws://{place}/graphql", legacy=True, **({"subprotocols": [PROTOCOL]} | more))


def say(talk: ClientConnection, message: Any) -> None:
    talk.send(message if isinstance(message, str | bytes) else json.dumps(message))


def hear(talk: ClientConnection) -> Any:
    return json.loads(talk.recv(timeout=WAIT))


def subscribe(talk: ClientConnection, id: str, query: str, **more: Any) -> None:
    say(talk, {"id": id, "type": "subscribe", "payload": {"query": query, **more}})


def closed(talk: ClientConnection) -> tuple[int, str]:
    """Return with which code and reason the other side ends it."""
    return until_closed(talk)[1:]


def until_closed(talk: ClientConnection) -> tuple[list[Any], int, str]:
    """Return what the other side says until it ends it, answering its pings never; then its code and reason."""
    heard = []
    while True:
        try:
            heard.append(hear(talk))
        except ConnectionClosed as end:
            return (heard, end.rcvd.code, end.rcvd.reason) if end.rcvd else (heard, 1006, "")


def test_a_run_is_followed_to_its_end(serve: Callable[..., Served]) -> None:
    served = serve()
    ledger = served.portal.store.ledger
    with served.ready() as talk:
        subscribe(talk, "a", RUN)
        seen = [hear(talk)]
        for count in (10, 20):
            ledger.end(Report("ice", 1, RUNNING, Counts(seen=count)))
            seen.append(hear(talk))
        ledger.end(Report("ice", 1, COMPLETE, Counts(seen=30)))
        seen.append(hear(talk))
        assert hear(talk) == {"id": "a", "type": "complete"}
        assert [each["payload"]["data"]["harvestProgress"]["seen"] for each in seen] == [0, 10, 20, 30]
        assert {(each["id"], each["type"]) for each in seen} == {("a", "next")}
        # Its id is free again.
        subscribe(talk, "a", RUN)
        assert hear(talk)["payload"]["data"]["harvestProgress"]["status"] == "COMPLETE"
    assert served.left() == (0, 0)


def test_variables_names_and_published_documents_are_read_as_over_http(serve: Callable[..., Served]) -> None:
    document = (
        "subscription A { jobProgress(id: 1) { id } } subscription B($n: Int!) { harvestProgress(run: $n) { id } }"
    )
    with serve().ready() as talk:
        subscribe(talk, "1", document, variables={"n": 1}, operationName="B")
        assert hear(talk)["payload"]["data"] == {"harvestProgress": {"id": 1}}


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("subscription {", "bad_query"),
        ("subscription { nothing }", "bad_query"),
        ("{ __typename }", "bad_query"),
        ('mutation { harvest(source: "ice") { id } }', "bad_query"),
        ("subscription { jobProgress(id: 99) { id } }", "not_found"),
        ("subscription { harvestProgress { " + "id " * 2_000 + "} }", "limit"),
        ("subscription { " + " ".join(f"a{n}: jobProgress(id: 1) {{ id }}" for n in range(20)) + " }", "limit"),
        ("", "bad_query"),
        (3, "bad_query"),
    ],
)
def test_what_cannot_be_followed_is_refused_and_the_rest_goes_on(
    serve: Callable[..., Served], query: Any, code: str
) -> None:
    served = serve()
    with served.ready() as talk:
        subscribe(talk, "wrong", query)
        answer = hear(talk)
        assert (answer["id"], answer["type"]) == ("wrong", "error")
        assert {each["extensions"]["code"] for each in answer["payload"]} == {code}
        subscribe(talk, "right", RUN)
        assert hear(talk)["id"] == "right"
        assert served.portal.jobs() == []
    assert served.left() == (0, 0)


@pytest.mark.parametrize("payload", [None, {}, {"Authorization": "Bearer wrong"}, {"authorization": TOKEN}, [], "x", 3])
def test_whoever_shows_no_token_is_sent_away(serve: Callable[..., Served], payload: Any) -> None:
    served = serve()
    talk = served.connect()
    say(talk, {"type": "connection_init", "payload": payload})
    assert closed(talk)[0] == sockets.FORBIDDEN
    assert served.left() == (0, 0)


def test_a_token_may_stand_in_the_handshake(serve: Callable[..., Served]) -> None:
    with serve().connect(additional_headers=BEARER) as talk:
        say(talk, {"type": "connection_init"})
        assert hear(talk) == {"type": "connection_ack"}


def test_pings_are_answered_before_and_after_the_beginning(serve: Callable[..., Served]) -> None:
    with serve().connect() as talk:
        say(talk, {"type": "ping"})
        assert hear(talk) == {"type": "pong"}
        say(talk, {"type": "connection_init", "payload": BEARER})
        assert hear(talk) == {"type": "connection_ack"}
        say(talk, {"type": "ping", "payload": {"n": 1}})
        say(talk, {"type": "pong"})
        assert hear(talk) == {"type": "pong"}


WRONG: Final[dict[str, tuple[tuple[Any, ...], int]]] = {
    "nothing first": (({"id": "a", "type": "subscribe", "payload": {"query": RUN}},), sockets.UNAUTHORIZED),
    "twice": (({"type": "connection_init", "payload": BEARER},) * 2, sockets.TWICE),
    "the same id": (
        (
            {"type": "connection_init", "payload": BEARER},
            *({"id": "a", "type": "subscribe", "payload": {"query": ANY}},) * 2,
        ),
        sockets.TAKEN,
    ),
    "no id": (({"type": "connection_init", "payload": BEARER}, {"type": "subscribe"}), sockets.BAD),
    "a number for an id": (
        ({"type": "connection_init", "payload": BEARER}, {"id": 1, "type": "complete"}),
        sockets.BAD,
    ),
    "a long id": (({"type": "connection_init", "payload": BEARER}, {"id": "x" * 300, "type": "complete"}), sockets.BAD),
    "an old protocol": (({"type": "start"},), sockets.BAD),
    "no type": (({},), sockets.BAD),
    "a list": (([],), sockets.BAD),
    "no JSON": (("{",), sockets.BAD),
    "deep JSON": (("[" * 50_000,), sockets.BAD),
    "bytes": ((b"{}",), sockets.BAD),
    "too long": (("x" * 110_000,), sockets.BAD),
}


@pytest.mark.parametrize(("messages", "code"), WRONG.values(), ids=WRONG.keys())
def test_what_breaks_the_protocol_ends_the_connection(
    serve: Callable[..., Served], messages: tuple[Any, ...], code: int
) -> None:
    served = serve()
    talk = served.connect()
    for each in messages:
        say(talk, each)
    assert closed(talk)[0] == code
    assert served.left() == (0, 0)


@pytest.mark.parametrize(("query", "last"), [(RUN, "complete"), ("subscription { nothing }", "error"), ("", "error")])
def test_an_id_may_be_taken_again_as_soon_as_its_last_message_is_read(portal: Portal, query: str, last: str) -> None:
    app = FastAPI()
    app.include_router(router(portal, bounds=QUICK))
    portal.store.ledger.end(Report("ice", 1, COMPLETE, Counts(seen=1)))
    heard: list[dict[str, Any]] = []

    async def talk() -> None:
        said: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

        def say(**message: Any) -> None:
            said.put_nowait({"type": "websocket.receive", "text": json.dumps(message)})

        async def send(event: MutableMapping[str, Any]) -> None:
            message = json.loads(event["text"]) if event["type"] == "websocket.send" else dict(event)
            heard.append(message)
            if message["type"] == last:
                again = sum(each["type"] == last for each in heard) < 2
                if again:
                    say(id="1", type="subscribe", payload={"query": query})
                else:
                    said.put_nowait({"type": "websocket.disconnect", "code": 1000})
                # The message is out, and the server's own call has not come back yet: a full buffer of the system.
                await asyncio.sleep(0.1)

        scope = {"type": "websocket", "path": "/graphql", "raw_path": b"/graphql", "query_string": b"", "root_path": "",
                 "headers": [(b"host", b"127.0.0.1")], "subprotocols": [PROTOCOL], "scheme": "ws",
                 "server": ("127.0.0.1", 80), "client": ("127.0.0.1", 1)}  # fmt: skip
        said.put_nowait({"type": "websocket.connect"})
        say(type="connection_init", payload=BEARER)
        say(id="1", type="subscribe", payload={"query": query})
        async with asyncio.timeout(WAIT):
            await app(scope, said.get, send)

    asyncio.run(talk())
    assert [each["type"] for each in heard].count(last) == 2, heard
    assert "websocket.close" not in {each["type"] for each in heard}


def test_another_protocol_is_not_spoken(serve: Callable[..., Served]) -> None:
    served = serve()
    assert closed(served.connect(subprotocols=None))[0] == sockets.UNKNOWN_PROTOCOL


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:1", "file://", "http://[::1"])
def test_pages_of_others_do_not_connect(serve: Callable[..., Served], origin: str) -> None:
    served = serve()
    with pytest.raises(InvalidStatus) as refused:
        served.connect(origin=origin)
    assert refused.value.response.status_code == 403
    assert json.loads(refused.value.response.body)["errors"][0]["extensions"]["code"] == "denied"
    assert served.left() == (0, 0)


def test_our_own_pages_and_those_that_may_read_connect(serve: Callable[..., Served]) -> None:
    served = serve(origins=("https://friend.example",))
    for origin in (f"http://{served.place}", "https://friend.example"):
        served.ready(origin=origin).close()
    served = serve(origins=("*",))
    served.ready(origin="https://anybody.example").close()


def test_whoever_says_nothing_is_sent_away(serve: Callable[..., Served]) -> None:
    served = serve(seconds=0.2)
    assert closed(served.connect())[0] == sockets.LATE
    assert served.left() == (0, 0)


def test_a_connection_carries_so_many_subscriptions_and_no_more(serve: Callable[..., Served]) -> None:
    with serve().ready() as talk:
        for number in range(sockets.MAX_OPERATIONS + 1):
            subscribe(talk, str(number), RUN)
        answers = [hear(talk) for _ in range(sockets.MAX_OPERATIONS + 1)]
        (refused,) = (each for each in answers if each["type"] == "error")
        assert refused["payload"][0]["extensions"] == {"code": "limit", "limit": "graphql-subscriptions"}
        # One that is ended makes room for another.
        say(talk, {"id": "0", "type": "complete"})
        subscribe(talk, "again", RUN)
        assert hear(talk)["type"] == "next"


def test_a_process_answers_so_many_subscriptions_and_no_more(serve: Callable[..., Served]) -> None:
    served = serve(streams=3)
    with served.ready() as one, served.ready() as other:
        for number in range(2):
            subscribe(one, str(number), RUN)
            assert hear(one)["type"] == "next"
        subscribe(other, "a", RUN)
        assert hear(other)["type"] == "next"
        subscribe(other, "b", RUN)
        refused = hear(other)
        assert refused["payload"][0]["extensions"] == {"code": "too_many", "retryAfter": 10.0}
        assert served.face.streams.open == 3
    assert served.left() == (0, 0)


def test_a_process_holds_so_many_connections_and_no_more(
    serve: Callable[..., Served], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sockets, "MAX_SOCKETS", 2)
    served = serve()
    with served.ready(), served.ready(), pytest.raises(InvalidStatus) as refused:
        served.connect()
    assert refused.value.response.status_code == 429
    assert refused.value.response.headers["retry-after"] == "10"
    assert served.left() == (0, 0)
    served.ready().close()


def test_a_closed_tab_frees_everything(serve: Callable[..., Served]) -> None:
    served = serve()
    before = threading.active_count()
    for _ in range(10):
        talk = served.ready()
        for number in range(3):
            subscribe(talk, str(number), RUN)
            assert hear(talk)["type"] == "next"
        assert served.face.streams.open == 3
        # No word of goodbye: the machine has gone.
        talk.socket.shutdown(socket.SHUT_RDWR)
        assert served.left() == (0, 0)
    # Fewer than those who came and went, or what they followed, would have left behind.
    assert threading.active_count() < before + 10


def deaf(place: str, query: str) -> socket.socket:
    """Return a connection that follows something and never reads again."""
    host, port = place.split(":")
    taken = socket.socket()
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    taken.connect((host, int(port)))
    protocol = ClientProtocol(parse_uri(f"ws://{place}/graphql"), subprotocols=[PROTOCOL])
    protocol.send_request(protocol.connect())
    taken.sendall(b"".join(protocol.data_to_send()))
    protocol.receive_data(taken.recv(4_096))
    assert protocol.handshake_exc is None
    protocol.send_text(json.dumps({"type": "connection_init", "payload": BEARER}).encode())
    taken.sendall(b"".join(protocol.data_to_send()))
    assert b"connection_ack" in taken.recv(4_096)
    protocol.send_text(json.dumps({"id": "a", "type": "subscribe", "payload": {"query": query}}).encode())
    taken.sendall(b"".join(protocol.data_to_send()))
    return taken


def test_a_slow_reader_is_dropped(serve: Callable[..., Served]) -> None:
    served = serve(wait=0.3)
    ledger = served.portal.store.ledger
    with deaf(served.place, RUN):
        began, number = time.monotonic(), 0
        while served.face.sockets:
            number += 1
            ledger.end(Report("ice", 1, RUNNING, Counts(seen=number), message=f"{number} " + "x" * 1_000_000))
            time.sleep(0.03)
            assert time.monotonic() - began < WAIT, "it was never dropped"
        assert served.left() == (0, 0)
    ledger.end(Report("ice", 1, RUNNING, Counts(seen=0)))


def test_a_connection_shows_signs_of_life_and_wants_some(serve: Callable[..., Served]) -> None:
    served = serve(heartbeat=0.1, wait=2.0)
    with served.ready() as talk:
        for _ in range(5):
            assert hear(talk) == {"type": "ping"}
            say(talk, {"type": "pong"})
        # From now on it says nothing.
        code, reason = closed(talk)
    assert (code, reason) == (sockets.SLOW, "nothing has come for too long")
    assert served.left() == (0, 0)


def test_subscriptions_and_connections_end_after_their_time(serve: Callable[..., Served]) -> None:
    # A connection ends at the first sign of life after its time: the subscription's own, which begins later, is before.
    served = serve(seconds=1.0, heartbeat=3.0)
    talk = served.ready()
    subscribe(talk, "a", RUN)
    assert hear(talk)["type"] == "next"
    found, code, _ = until_closed(talk)
    assert {"id": "a", "type": "complete"} in found
    assert code == sockets.OVER
    assert served.left() == (0, 0)


def test_a_server_that_ends_ends_its_connections(portal: Portal, listening: Listening) -> None:
    app = FastAPI()
    app.include_router(router(portal, bounds=QUICK))
    began = 0.0
    with listening(app) as place:
        talk = connected(place)
        say(talk, {"type": "connection_init", "payload": BEARER})
        assert hear(talk) == {"type": "connection_ack"}
        subscribe(talk, "a", ANY)
        began = time.monotonic()
    assert time.monotonic() - began < WAIT
    assert closed(talk)[0] == 1012
