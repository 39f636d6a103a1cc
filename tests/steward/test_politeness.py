"""What a source sees of us: few connections, our name and whom to write to, and pauses when it asks for them."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import orjson
import pytest

from discovery import wiring
from discovery.config import Settings
from discovery.model.source import COMPLETE, Source
from discovery.steward import worker as module
from discovery.steward.worker import Worker

WAIT = 60.0


class Counting:
    """A small STAC API that counts its open connections, and is too busy for one request now and then."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.connections: list[socket.socket] = []
        self.most = self.requests = 0
        self.agents: set[str] = set()
        self.busy_every = 9
        self.resting_until = 0.0
        self.impatient: list[str] = []
        self.url = ""

    def answer(self, path: str) -> tuple[int, bytes, dict[str, str]]:
        with self.lock:
            self.requests += 1
            if time.monotonic() < self.resting_until:
                self.impatient.append(path)
            elif self.requests % self.busy_every == 0:
                # Who has been told meanwhile may have a request on its way: the pause begins a little later for it.
                self.resting_until = time.monotonic() + 1.0
                return 429, b"{}", {"Retry-After": "1"}
        query = path.partition("?")[2]
        start = int(query.partition("token=")[2] or 0)
        if path.startswith("/collections/c/items"):
            features = [_item(n) for n in range(start, start + 10)]
            links = [{"rel": "next", "href": f"{self.url}collections/c/items?token={start + 10}"}] if start < 90 else []
            return 200, orjson.dumps({"type": "FeatureCollection", "features": features, "links": links}), {}
        if path.startswith("/collections"):
            found = {"type": "Collection", "stac_version": "1.0.0", "id": "c", "links": []}
            return 200, orjson.dumps({"collections": [found], "links": []}), {}
        links = [{"rel": "data", "href": f"{self.url}collections"}]
        return 200, orjson.dumps({"type": "Catalog", "id": "x", "stac_version": "1.0.0", "links": links}), {}


def _item(n: int) -> dict[str, Any]:
    properties = {"datetime": "2020-01-01T00:00:00Z"}
    base = {"type": "Feature", "stac_version": "1.0.0", "id": f"i{n}", "collection": "c", "geometry": None}
    return {**base, "properties": properties, "links": [], "assets": {}}


def is_open(connection: socket.socket) -> bool:
    """Say whether the other side has not hung up."""
    try:
        return connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) != b""
    except BlockingIOError:
        return True
    except OSError:
        return False


@pytest.fixture
def counting() -> Iterator[Counting]:
    state = Counting()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def setup(self) -> None:
            with state.lock:
                # Those that have been hung up do not count, even if nobody here has noticed yet.
                state.connections = [each for each in (*state.connections, self.request) if is_open(each)]
                state.most = max(state.most, len(state.connections))
            super().setup()

        def do_GET(self) -> None:
            with state.lock:
                state.agents.add(self.headers["User-Agent"])
            status, body, headers = state.answer(self.path)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    state.url = f"http://127.0.0.1:{server.server_port}/"
    yield state
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.slow
def test_five_sources_of_one_host_see_two_connections_pauses_and_a_name(
    counting: Counting, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOOK", 0.02)
    settings = Settings(tmp_path, contact="ops@example.org", harvests=5)
    portal = wiring.open_portal(settings)
    for n in range(5):
        portal.store.ledger.add_source(Source(f"s{n}", "stac-api", counting.url, settings={"page": "10"}))
    stop = threading.Event()
    thread = threading.Thread(target=Worker(settings, portal, stop).run)
    thread.start()
    jobs = [portal.ask("harvest", {"source": f"s{n}"}) for n in range(5)]
    assert _until(lambda: all(portal.job(each.id).ended for each in jobs))
    stop.set()
    thread.join(WAIT)
    assert [each.status for each in portal.store.ledger.runs()] == [COMPLETE] * 5
    assert [each.report.counts.added for each in portal.store.ledger.runs()] == [101] * 5
    portal.close()
    assert counting.most <= 2
    # One request may have been on its way when the pause began; nobody asks after that.
    assert len(counting.impatient) <= counting.requests // counting.busy_every
    (agent,) = counting.agents
    assert "ops@example.org" in agent
    assert "IVOA-copy" in agent


def _until(what: Callable[[], bool]) -> bool:
    until = time.monotonic() + WAIT
    while not what() and time.monotonic() < until:
        time.sleep(0.05)
    return what()
