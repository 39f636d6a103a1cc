"""A real server on loopback that can be as hostile as a test wants, and policies that are short of patience."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from discovery.http import Client, Policy


@dataclass(frozen=True)
class Seen:
    """One request as the server saw it."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Server:
    """Answers by `routes`; counts connections."""

    routes: dict[str, Callable[[Exchange], None]] = field(default_factory=dict)
    seen: list[Seen] = field(default_factory=list)
    connections: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)
    done: threading.Event = field(default_factory=threading.Event)
    port: int = 0

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    def url(self, path: str = "/") -> str:
        return f"http://{self.host}{path}"

    def answer(self, path: str, content: bytes = b"", status: int = 200, headers: dict[str, str] | None = None) -> str:
        """Let a path give one fixed answer, and return its URL."""
        self.routes[path] = lambda exchange: exchange.send(status, content, headers)
        return self.url(path)

    def raw(self, path: str, *parts: bytes, pause: float = 0.0) -> str:
        """Let a path give these bytes, with a pause after each part, and then hang up."""

        def play(exchange: Exchange) -> None:
            for part in parts:
                exchange.wfile.write(part)
                if pause and self.done.wait(pause):
                    break
            exchange.close_connection = True

        self.routes[path] = play
        return self.url(path)


class Exchange(BaseHTTPRequestHandler):
    """One request and its answer."""

    protocol_version = "HTTP/1.1"
    # Head and body are two writes here; without this each answer would wait 40 ms for an acknowledgement.
    disable_nagle_algorithm = True
    home: Server

    def send(self, status: int, content: bytes = b"", headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        if status != 304:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def handle_any(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        home = self.home
        with home.lock:
            home.seen.append(Seen(self.command, self.path, {k.lower(): v for k, v in self.headers.items()}, body))
        route = home.routes.get(self.path.partition("?")[0])
        with suppress(ConnectionError):
            route(self) if route else self.send(404, b"nothing here")

    do_GET = do_POST = do_DELETE = handle_any  # noqa: N815  # the names that http.server looks for

    def hang(self) -> None:
        """Say nothing until the test is over."""
        self.home.done.wait(60)
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def start() -> Iterator[Callable[[], Server]]:
    """Return a function that starts one more server."""
    running: list[tuple[Server, ThreadingHTTPServer, threading.Thread]] = []

    def begin() -> Server:
        home = Server()

        class Listening(ThreadingHTTPServer):
            daemon_threads = True

            def verify_request(self, request: object, client_address: object) -> bool:
                home.connections += 1
                return True

            def handle_error(self, request: object, client_address: object) -> None:
                """A client that hangs up early is what many of these tests are about."""

        http = Listening(("127.0.0.1", 0), type("Bound", (Exchange,), {"home": home}))
        home.port = http.server_address[1]
        thread = threading.Thread(target=lambda: http.serve_forever(poll_interval=0.005), daemon=True)
        thread.start()
        running.append((home, http, thread))
        return home

    yield begin
    for home, http, thread in running:
        home.done.set()
        http.shutdown()
        http.server_close()
        thread.join()


@pytest.fixture
def server(start: Callable[[], Server]) -> Server:
    return start()


@pytest.fixture
def hasty(server: Server) -> Policy:
    """A policy that allows the server and asks again soon; whoever tests its patience says how little there is."""
    return Policy(
        allow_hosts=frozenset({server.host}), connect=10, read=20, total=30, backoff=0.01, backoff_cap=2, grace=10
    )


@pytest.fixture
def client(hasty: Policy) -> Iterator[Client]:
    with Client(hasty) as opened:
        yield opened
