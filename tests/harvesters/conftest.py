"""A client and sources of a test's own; the real catalogues of the demo's pack unpacked once."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import orjson
import pytest

from discovery.demo.pack import extract
from discovery.demo.votable import Field, answer, failure
from discovery.http import Client, Policy
from discovery.model.record import Record
from discovery.model.source import RawRecord, Report, Source
from discovery.store.store import Store
from harvesters import run
from harvesters.registry import harvester

ROOT = Path(__file__).parents[2]
PACK = ROOT / "fixtures" / "demo"


@pytest.fixture
def client() -> Iterator[Client]:
    policy = Policy(attempts=2, backoff=0.01, backoff_cap=0.05).with_hosts("127.0.0.1")
    with Client(policy) as opened:
        yield opened


@pytest.fixture(scope="session")
def open_science_catalog(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the root document of the whole Open Science Catalog."""
    folder = tmp_path_factory.mktemp("osc")
    extract(PACK / "open-science-catalog" / "open-science-catalog.tar.gz", folder)
    return folder / "catalog.json"


@pytest.fixture
def harvest(store: Store, client: Client, tmp_path: Path) -> Callable[..., Report]:
    """Return a function that harvests a source into the store, with the loop's own arguments as they are given."""

    def go(source: Source, **more: Any) -> Report:
        return run.harvest(store, source, client=client, folder=tmp_path, **more)

    return go


@pytest.fixture
def mapping(client: Client) -> Callable[..., Record]:
    """Return a function that maps one document, by a harvester of a kind, without any source."""

    def go(document: dict[str, Any] | bytes, kind: str = "stac-items", container: str = "c", **settings: str) -> Record:
        url = "file:items.ndjson" if kind in ("stac-items", "records-file") else "http://127.0.0.1/"
        worker = harvester(Source("s", kind, url, settings=settings), client)
        body = document if isinstance(document, bytes) else orjson.dumps(document)
        source_id = orjson.loads(body).get("id", "") if not isinstance(document, bytes) else "x"
        raw = RawRecord(container, source_id, body)
        return worker.map(raw, worker.parse(raw)).record

    return go


def item(id: str, **more: Any) -> dict[str, Any]:
    """Return a small Item that no mapping has anything to say against."""
    properties = {"datetime": "2020-01-01T00:00:00Z", **more.pop("properties", {})}
    return {
        "type": "Feature",
        "stac_version": "1.0.0",
        "id": id,
        "collection": "c",
        "geometry": {"type": "Point", "coordinates": [1, 2]},
        "bbox": [1, 2, 1, 2],
        "properties": properties,
        "links": [],
        "assets": {},
        **more,
    }


@pytest.fixture
def make_item() -> Callable[..., dict[str, Any]]:
    return item


@pytest.fixture
def lines(tmp_path: Path) -> Callable[..., Source]:
    """Return a function that writes elements one a line and gives the source that they are."""

    def write(*elements: dict[str, Any] | bytes, page: int = 10, **settings: str) -> Source:
        bodies = [each if isinstance(each, bytes) else orjson.dumps(each) for each in elements]
        (tmp_path / "items.ndjson").write_bytes(b"".join(body + b"\n" for body in bodies))
        return Source("s", "stac-items", "file:items.ndjson", settings={"page": str(page), **settings})

    return write


@contextmanager
def _serving(answer: Callable[[str, Mapping[str, str]], tuple[int, bytes, Mapping[str, str]]]) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        disable_nagle_algorithm = True  # Else each answer in two parts waits 40 ms for a late ACK.
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            status, body, headers = answer(self.path, self.headers)  # type: ignore[arg-type]
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            for at in range(0, len(body), 1 if "X-Drip" in headers else max(1, len(body))):
                self.wfile.write(body[at : at + 1] if "X-Drip" in headers else body)
                time.sleep(float(headers.get("X-Drip", 0)))

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            pass  # who is killed in the middle of an answer hangs up

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def served() -> Iterator[Callable[..., str]]:
    """Return a function that serves what `answer(path, headers) -> (status, body, headers)` says, and gives the URL.

    A header X-Drip says how many seconds pass between one byte and the next.
    """
    with ExitStack() as stack:
        yield lambda answer: stack.enter_context(_serving(answer))


class TapServer:
    """A TAP service over rows in SQLite, which reads more of ADQL than a harvester asks; a test may break it.

    `wrong` sees every query with its MAXREC and may answer instead: status, headers and body, or None.
    """

    def __init__(self, rows: list[dict[str, Any]], columns: dict[str, str], limit: int) -> None:
        self.columns = columns
        self.limit = limit
        self.indexed = {"obs_publisher_did"}
        self.advertised: int | None = None
        self.capabilities = b""
        self.wrong: Callable[[str, int], tuple[int, dict[str, str], bytes] | None] = lambda query, most: None
        self.asked: list[str] = []
        """Every query, synchronous or not."""
        self.requests: list[str] = []
        self.jobs: dict[str, dict[str, str]] = {}
        self.version = "1.1"
        self.looks = 2
        """How often a job is looked at before it has ended."""
        self.url = ""
        self._lock = threading.Lock()
        self._database = sqlite3.connect(":memory:", check_same_thread=False)
        self._database.create_function("FLOOR", 1, lambda value: None if value is None else float(value // 1))
        self._database.execute("ATTACH ':memory:' AS ivoa")
        self._database.execute("ATTACH ':memory:' AS TAP_SCHEMA")
        names = ", ".join(f"{name} {'TEXT' if kind == 'char' else 'REAL'}" for name, kind in columns.items())
        self._database.execute(f"CREATE TABLE ivoa.ObsCore ({names})")
        self.put(rows)

    def put(self, rows: list[dict[str, Any]]) -> None:
        """Have these rows, and no others."""
        marks = ", ".join("?" * len(self.columns))
        with self._lock:
            self._database.execute("DELETE FROM ivoa.ObsCore")
            self._database.executemany(
                f"INSERT INTO ivoa.ObsCore VALUES ({marks})", ([row.get(name) for name in self.columns] for row in rows)
            )

    def answer(self, query: str, most: int) -> bytes:
        """Return the VOTable that answers a query, as DaCHS does: errors with status 200, OVERFLOW after OK."""
        with self._lock:
            self._database.execute("DROP TABLE IF EXISTS TAP_SCHEMA.columns")
            self._database.execute("CREATE TABLE TAP_SCHEMA.columns (table_name, column_name, datatype, indexed)")
            said = [("ivoa.ObsCore", name, kind, int(name in self.indexed)) for name, kind in self.columns.items()]
            self._database.executemany("INSERT INTO TAP_SCHEMA.columns VALUES (?, ?, ?, ?)", said)
            try:
                cursor = self._database.execute(query)
            except sqlite3.Error as error:
                return failure(str(error))
            found = cursor.fetchmany(most + 1)
        fields = [Field(each[0], self.columns.get(each[0], "char")) for each in cursor.description]
        fields = [replace(each, arraysize="*" if each.datatype == "char" else None) for each in fields]
        rows = [["" if cell is None else str(cell) for cell in row] for row in found[:most]]
        return answer(fields, rows, overflow=len(found) > most)

    def document(self, id: str) -> bytes:
        """Return what is said of a job."""
        job = self.jobs[id]
        results = f'<result id="result" xmlns:x="http://www.w3.org/1999/xlink" x:href="{self.url}/async/{id}/got"/>'
        return (
            f'<job xmlns="http://www.ivoa.net/xml/UWS/v1.0" version="{self.version}"><jobId>{id}</jobId>'
            f"<phase>{job['phase']}</phase><results>{results if job['phase'] == 'COMPLETED' else ''}</results></job>"
        ).encode()


class TapHandler(BaseHTTPRequestHandler):
    disable_nagle_algorithm = True  # Else each answer in two parts waits 40 ms for a late ACK.
    protocol_version = "HTTP/1.1"
    tap: TapServer

    def do_GET(self) -> None:
        path = self.path.partition("?")[0].removeprefix("/tap")
        self.tap.requests.append(f"GET {self.path.removeprefix('/tap')}")
        if path == "/capabilities":
            limit = self.tap.advertised
            said = f"<c><outputLimit><hard unit='row'>{limit}</hard></outputLimit></c>" if limit else "<c/>"
            return self.send(200, {}, self.tap.capabilities or said.encode())
        id = path.split("/")[2] if path.startswith("/async/") else ""
        if id not in self.tap.jobs:
            return self.send(404, {}, b"")
        job = self.tap.jobs[id]
        if path.endswith("/got"):
            return self.reply(job["QUERY"], int(job["MAXREC"]))
        if path.endswith("/error"):
            return self.send(200, {}, failure("the job has run out of luck"))
        if job["phase"] == "EXECUTING":
            job["looks"] = str(int(job["looks"]) - 1)
            if int(job["looks"]) <= 0:
                job["phase"] = job["ends"]
        return self.send(200, {}, self.tap.document(id))

    def do_POST(self) -> None:
        size = int(self.headers["Content-Length"])
        asked = {name: found[0] for name, found in parse_qs(self.rfile.read(size).decode()).items()}
        path = self.path.removeprefix("/tap")
        self.tap.requests.append(f"POST {path}")
        if path == "/sync":
            return self.reply(asked["QUERY"], int(asked["MAXREC"]), sync=True)
        if path == "/async":
            id = f"j{len(self.tap.requests)}"
            self.tap.jobs[id] = {**asked, "phase": "PENDING", "looks": str(self.tap.looks), "ends": "COMPLETED"}
        elif (id := path.split("/")[-2]) in self.tap.jobs:
            self.tap.jobs[id]["phase"] = "EXECUTING"
        else:
            return self.send(404, {}, b"")
        return self.send(303, {"Location": f"{self.tap.url}/async/{id}"}, b"")

    def do_DELETE(self) -> None:
        self.tap.requests.append(f"DELETE {self.path.removeprefix('/tap')}")
        known = self.tap.jobs.pop(self.path.split("/")[3], None)
        self.send(200 if known else 404, {}, b"")

    def reply(self, query: str, most: int, *, sync: bool = False) -> None:
        self.tap.asked.append(query)
        instead = self.tap.wrong(query, most) if sync else None
        found = instead or (200, {}, self.tap.answer(query, min(most, self.tap.limit)))
        self.send(*found)

    def send(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        given = {"Content-Type": "application/x-votable+xml", "Content-Length": str(len(body)), **headers}
        for name, value in given.items():
            self.send_header(name, value)
        if int(given["Content-Length"]) != len(body):
            self.close_connection = True
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        pass


OBSCORE = {
    "obs_publisher_did": "char",
    "obs_id": "char",
    "obs_collection": "char",
    "access_url": "char",
    "t_min": "double",
    "lastmodified": "char",
}


@pytest.fixture
def tap_server() -> Iterator[Callable[..., TapServer]]:
    """Return a function that starts a TAP service over rows, which ends with the test."""
    running: list[tuple[ThreadingHTTPServer, threading.Thread]] = []

    def start(rows: list[dict[str, Any]], columns: dict[str, str] = OBSCORE, limit: int = 5) -> TapServer:
        tap = TapServer(rows, columns, limit)

        class Handler(TapHandler):
            pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request: Any, client_address: Any) -> None:
                pass  # who has read enough hangs up

        Handler.tap = tap
        server = Server(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        running.append((server, thread))
        tap.url = f"http://127.0.0.1:{server.server_port}/tap"
        return tap

    yield start
    for server, thread in running:
        server.shutdown()
        thread.join()
        server.server_close()
