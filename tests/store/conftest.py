"""The smallest things to put into a store."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from discovery.model.record import Record
from discovery.model.source import Mapped, RawRecord


@pytest.fixture
def mapped() -> Callable[..., Mapped]:
    """Return a function that makes a record of source `s` and container `c` with the raw element it came from."""

    def make(source_id: str, title: str = "Title", *, kind: str = "dataset", **more: Any) -> Mapped:
        record = Record(more.pop("source", "s"), more.pop("container", "c"), source_id, kind, title, **more)
        return Mapped(record, RawRecord(record.container, source_id, f'{{"id": "{source_id}"}}'.encode()))

    return make
