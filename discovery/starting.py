"""What a portal answers while its store is brought to a newer schema: that it is on its way, and when to come again."""

from __future__ import annotations

import html
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

AGAIN: Final = 15
"""Seconds after which whoever asked is to come again."""
_BODY: Final = 1 << 16
"""Bytes of a request that are read before it is answered: who is cut off while sending does not hear the answer."""


@contextmanager
def answering(listening: socket.socket) -> Iterator[None]:
    """Answer every request on a socket with 503 while the block runs; the socket stays open behind it."""
    server = _Server(listening)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), name="starting")
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, listening: socket.socket) -> None:
        super().__init__(listening.getsockname(), _Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = listening
        self.began = time.monotonic()

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of somebody who went away."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = 10.0

    def do_GET(self) -> None:
        """Say what is being done, in the form that was asked for."""
        if self.headers.get("Content-Length", "0") != "0":
            self.rfile.read1(_BODY)
        seconds = time.monotonic() - self.server.began
        told = (
            f"the catalogue is being brought to the form of a new version, for {seconds:,.0f} seconds so far; "
            f"a million records take minutes: please come again"
        )
        is_page = "text/html" in self.headers.get("Accept", "")
        body = (_page(told) if is_page else _words(self.path, told)).encode()
        self.send_response_only(503)
        self.send_header("Content-Type", "text/html; charset=utf-8" if is_page else "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Retry-After", str(AGAIN))
        self.send_header("Cache-Control", "no-store")
        self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do_GET  # noqa: N815

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: the log says once what is being done."""


def _words(path: str, told: str) -> str:
    if path.partition("?")[0] == "/health":
        return json.dumps({"status": "down", "problem": told})
    return json.dumps({"error": {"kind": "unavailable", "message": told}})


def _page(told: str) -> str:
    said = html.escape(f"{told[:1].upper()}{told[1:]}.")
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><meta http-equiv="refresh" content="{AGAIN}">'
        f"<title>Not just now</title><h1>Not just now</h1><p>{said} This page asks again by itself.</p></html>"
    )
