"""A store in a folder of its own, and the smallest things to put into it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from discovery.model.record import Record
from discovery.model.source import Mapped, RawRecord
from discovery.store.connection import sqlite_url
from discovery.store.store import Store


@pytest.fixture(scope="session")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store without records: copying its file is much quicker than migrating a new one for every test."""
    path = tmp_path_factory.mktemp("store") / "empty.sqlite"
    Store(sqlite_url(path)).close()
    return path


@pytest.fixture
def store(tmp_path: Path, empty: Path) -> Iterator[Store]:
    shutil.copyfile(empty, tmp_path / "catalogue.sqlite")
    opened = Store(sqlite_url(tmp_path / "catalogue.sqlite"))
    yield opened
    opened.close()


@pytest.fixture
def mapped() -> Callable[..., Mapped]:
    """Return a function that makes a record of source `s` and container `c` with the raw element it came from."""

    def make(source_id: str, title: str = "Title", *, kind: str = "dataset", **more: Any) -> Mapped:
        record = Record(more.pop("source", "s"), more.pop("container", "c"), source_id, kind, title, **more)
        return Mapped(record, RawRecord(record.container, source_id, f'{{"id": "{source_id}"}}'.encode()))

    return make
