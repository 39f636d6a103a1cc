"""While the engine is away, records are read from the store, searches are refused at once, and nothing is lost."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from select import select
from urllib.parse import urlsplit

import pytest
from fastapi.testclient import TestClient

from discovery import wiring
from discovery.app import create_app
from discovery.config import Settings
from discovery.index import generations
from discovery.index.elasticsearch import server
from discovery.indexer import follow
from discovery.model.record import Record
from discovery.model.source import Mapped, RawRecord

pytestmark = pytest.mark.slow

RECORD = Record("archive", "", "one", "dataset", "Sea ice thickness", domain="earth-observation")


class Busy(BaseHTTPRequestHandler):
    """A server that has no time."""

    disable_nagle_algorithm = True  # Else each answer in two parts waits 40 ms for a late ACK.

    def do_POST(self) -> None:
        self.send_response(429)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_HEAD = do_PUT = do_POST  # noqa: N815

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture(params=["closed", "hung", "busy"])
def away(request: pytest.FixtureRequest) -> Iterator[str]:
    """Return the address of an engine that does not do its work: nobody listens, nobody answers, no time."""
    if request.param == "busy":
        server = ThreadingHTTPServer(("127.0.0.1", 0), Busy)
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()
        server.server_close()
        return
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        if request.param == "closed":
            listening.close()
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
def client(tmp_path: Path, away: str) -> Iterator[TestClient]:
    settings = Settings(tmp_path, index=f"elasticsearch={away}")
    with closing(wiring.open_store(settings)) as store:
        store.ingest.page("archive", 1, [Mapped(RECORD, RawRecord("", "one", b"{}"))])
    with TestClient(create_app(settings), base_url="http://127.0.0.1") as client:
        yield client


class Wall:
    """A way to a server that can be shut and opened, as when the server were down."""

    def __init__(self, address: str) -> None:
        self.upstream = (str(urlsplit(address).hostname), int(urlsplit(address).port or 0))
        # Held while the way is shut, too: nobody else is to be found there.
        self.held = socket.socket()
        self.held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.held.bind(("127.0.0.1", 0))
        self.port = int(self.held.getsockname()[1])
        self.url = f"http://127.0.0.1:{self.port}"
        self.open()

    def open(self) -> None:
        self.stop = threading.Event()
        self.listening = socket.create_server(("127.0.0.1", self.port))
        self.listening.settimeout(0.05)
        self.threads = [threading.Thread(target=self._accept)]
        self.threads[0].start()

    def shut(self) -> None:
        self.stop.set()
        for thread in self.threads:
            thread.join()

    def _accept(self) -> None:
        with self.listening:
            while not self.stop.is_set():
                with suppress(TimeoutError):
                    thread = threading.Thread(target=self._pass, args=(self.listening.accept()[0],))
                    self.threads.append(thread)
                    thread.start()

    def _pass(self, near: socket.socket) -> None:
        with near, socket.create_connection(self.upstream) as far:
            other = {near: far, far: near}
            while not self.stop.is_set():
                for each in select([near, far], [], [], 0.05)[0]:
                    content = each.recv(65536)
                    if not content:
                        return
                    other[each].sendall(content)


def at_once(act: Callable[[], object]) -> None:
    """Act, and see that nobody has waited for the engine as long as for one that is only slow."""
    assert server.PROBE < 2
    began = time.monotonic()
    act()
    assert time.monotonic() - began < server.PATIENCE - server.PROBE


@pytest.mark.parametrize("path", ["/search?q=ice", "/search?q=ice&f=json", "/stac/search?q=ice", "/suggest?q=ice"])
def test_a_search_is_refused_at_once(client: TestClient, path: str) -> None:
    def ask() -> None:
        response = client.get(path)
        assert response.status_code == 503
        assert int(response.headers["Retry-After"]) >= 1

    at_once(ask)


def test_a_graphql_search_says_that_it_is_unavailable(client: TestClient) -> None:
    def ask() -> None:
        answer = client.post("/graphql", json={"query": '{ search(text: "ice") { totalCount { value } } }'}).json()
        assert answer["errors"][0]["extensions"]["code"] == "unavailable"

    at_once(ask)


def test_records_are_read_by_their_ids(client: TestClient) -> None:
    page = client.get(f"/records/{RECORD.id}")
    assert (page.status_code, "Sea ice thickness" in page.text) == (200, True)
    assert client.get(f"/records/{RECORD.id}?f=json").json()["title"] == "Sea ice thickness"
    question = f'{{ record(id: "{RECORD.id}") {{ title }} }}'
    assert client.post("/graphql", json={"query": question}).json()["data"]["record"]["title"] == "Sea ice thickness"
    assert client.get("/stac/collections/one").json()["title"] == "Sea ice thickness"


def test_health_says_that_searches_do_not_work_and_the_portal_does(client: TestClient) -> None:
    response = client.get("/health")
    assert response.status_code == 200
    assert response.json()["status"] == "degraded"
    assert response.json()["problem"]


def test_a_reader_is_told_to_come_back_and_nothing_of_our_machines(client: TestClient, away: str) -> None:
    machine = away.removeprefix("http://")
    for path in ("/", "/search?q=ice", "/search?q=ice&f=json", "/stac/search?q=ice", "/health", "/suggest?q=ice"):
        told = client.get(path).text
        assert "try again a little later" in told
        assert machine not in told
    answer = client.post("/graphql", json={"query": '{ search(text: "ice") { totalCount { value } } }'}).text
    assert machine not in answer


@pytest.mark.peer
def test_changes_of_an_outage_are_found_when_the_engine_is_back(
    tmp_path: Path, elasticsearch: str, elasticsearch_prefix: str
) -> None:
    """A wall of our own stands between: the server is shared with other tests and must not be stopped itself."""
    wall = Wall(elasticsearch)
    settings = Settings(tmp_path, index=f"elasticsearch={wall.url}", index_prefix=elasticsearch_prefix)
    with TestClient(create_app(settings), base_url="http://127.0.0.1") as client:
        until(lambda: client.get("/health").json()["status"] == "ok")
        wall.shut()
        with closing(wiring.open_store(settings)) as store:
            for number in range(50):
                record = Record("archive", "", f"r{number}", "dataset", "Ice")
                store.ingest.page("archive", 1, [Mapped(record, RawRecord("", record.source_id, b"{}"))])
        # What is known of generations is believed for a moment, so the first answer may still be of an empty index.
        until(lambda: client.get("/search?q=ice&f=json").status_code == 503)
        wall.open()
        until(lambda: client.get("/search?q=ice&f=json").json().get("total") == {"value": 50, "exact": True})
    wall.shut()
    wall.held.close()


def until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not true():
        assert time.monotonic() < end
        time.sleep(0.1)


@pytest.mark.peer
def test_without_its_store_the_portal_says_so_and_goes_on_when_it_is_back(
    tmp_path: Path, postgresql: str, postgresql_url: str
) -> None:
    import psycopg

    settings = Settings(tmp_path, store=postgresql_url)
    name = postgresql_url.rsplit("/", 1)[1]
    with closing(wiring.open_portal(settings)) as portal:
        portal.store.ingest.page("archive", 1, [Mapped(RECORD, RawRecord("", "one", b"{}"))])
        follow(portal.store, portal.index)
        client = TestClient(create_app(settings, portal, steward=False), base_url="http://127.0.0.1")
        with psycopg.connect(f"{postgresql}/postgres", autocommit=True) as server:
            server.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false".encode())
            server.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
            try:
                health = client.get("/health")
                assert (health.status_code, health.json()["status"]) == (503, "down")
                for path in (f"/records/{RECORD.id}", "/search?q=ice&f=json", "/stac/collections"):
                    refused = client.get(path)
                    assert (refused.status_code, refused.headers["Retry-After"].isdigit()) == (503, True), path
            finally:
                server.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true".encode())
        assert client.get("/health").json()["status"] == "ok"
        assert client.get("/search?q=ice&f=json").json()["total"]["value"] == 1


def test_every_face_says_how_far_an_index_is_that_is_built_again(tmp_path: Path) -> None:
    settings = Settings(tmp_path)
    with closing(wiring.open_portal(settings)) as portal:
        portal.store.ingest.page("archive", 1, [Mapped(RECORD, RawRecord("", "one", b"{}"))])
        follow(portal.store, portal.index)
        (tmp_path / "index" / "resources" / generations.CURRENT).write_text("{")
    told = "the search index is being built again, 0 of 900 records are in it; please come again then"
    with (
        closing(wiring.open_portal(settings)) as portal,
        TestClient(create_app(settings, portal, steward=False), base_url="http://127.0.0.1") as client,
        portal.store.rebuilds.telling(900),
    ):
        page = client.get("/search", params={"q": "ice"}, headers={"Accept": "text/html"})
        assert told[1:] in page.text
        stac = client.get("/stac/collections")
        ogc = client.get("/ogc/collections/resources/items")
        assert [told in each.text for each in (stac, ogc)] == [True, True]
        assert {(each.status_code, each.headers["retry-after"]) for each in (page, stac, ogc)} == {(503, "5")}
        graph = client.post("/graphql", json={"query": "{ search { totalCount { value } } }"}).json()
        assert graph["errors"][0]["extensions"] == {"code": "unavailable", "retryAfter": 5.0}
        health = client.get("/health").json()
        assert (health["status"], health["problem"]) == ("degraded", told)
