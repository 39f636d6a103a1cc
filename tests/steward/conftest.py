"""A server that answers only when it is told to, and counts who waits."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest


class Slow:
    """Holds every request until `go` is set, then refuses it."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.lock = threading.Lock()
        self.open = 0
        self.most = 0
        self.url = ""


@contextmanager
def _serving(host: str) -> Iterator[Slow]:
    state = Slow()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            with state.lock:
                state.open += 1
                state.most = max(state.most, state.open)
            state.go.wait(60)
            with state.lock:
                state.open -= 1
            self.send_error(404)

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            pass  # who is killed hangs up

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    state.url = f"http://{host}:{server.server_port}/"
    try:
        yield state
    finally:
        state.go.set()
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def slow() -> Iterator[Callable[[str], Slow]]:
    """Return a function that starts such a server under a name of this machine."""
    with ExitStack() as stack:
        yield lambda host: stack.enter_context(_serving(host))
