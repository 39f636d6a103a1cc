"""Stores of every kind, and servers of their files on loopback."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.arrays.given import Served, cube, serving


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
    with ExitStack() as running:
        yield lambda folder: running.enter_context(serving(folder))
