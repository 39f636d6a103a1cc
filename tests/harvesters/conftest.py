"""A client and sources of a test's own; the real catalogues of the demo's pack unpacked once."""

from __future__ import annotations

import tarfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import orjson
import pytest

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
    with tarfile.open(PACK / "open-science-catalog" / "open-science-catalog.tar.gz") as archive:
        archive.extractall(folder, filter="data")
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
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def served() -> Iterator[Callable[..., str]]:
    """Return a function that serves what `answer(path, headers) -> (status, body, headers)` says, and gives the URL."""
    with ExitStack() as stack:
        yield lambda answer: stack.enter_context(_serving(answer))
