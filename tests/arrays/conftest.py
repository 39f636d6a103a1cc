"""Stores of every kind, and servers of their files on loopback."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.arrays.given import Served, cube, handler


@pytest.fixture(scope="session")
def cubes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the same cube as `v2.zarr`, `v3.zarr`, `sharded.zarr` and `plain.zarr`."""
    folder = tmp_path_factory.mktemp("cubes")
    cube(folder / "v2.zarr", 2)
    cube(folder / "v3.zarr")
    cube(folder / "sharded.zarr", sharded=True)
    cube(folder / "plain.zarr", consolidated=False)
    return folder


@pytest.fixture
def serve() -> Iterator[Callable[[Path], Served]]:
    """Return `serve(folder)`: a server of its files."""
    running: list[tuple[http.server.ThreadingHTTPServer, Served]] = []

    def started(folder: Path) -> Served:
        served = Served("")
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler(folder, served))
        server.daemon_threads = True
        served.url = f"http://127.0.0.1:{server.server_port}"
        running.append((server, served))
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        return served

    yield started
    for server, served in running:
        served.delay.set()
        server.shutdown()
        server.server_close()
