"""What happened last is told first."""

from __future__ import annotations

import pytest

from discovery.model.record import OBSERVATIONS, RESOURCES, Record
from discovery.model.source import Mapped, RawRecord
from discovery.store.store import Store

pytestmark = pytest.mark.stores


def put(store: Store, *names: str, title: str = "T") -> None:
    mapped = [Mapped(Record("s", "", name, "dataset", title), RawRecord("", name, b"{}")) for name in names]
    store.ingest.page("s", 1, mapped)


def test_the_newest_change_of_each_record_is_told_once(store: Store) -> None:
    put(store, "a", "b", "c")
    put(store, "a", title="New")
    found = store.history.newest(RESOURCES, 10)
    assert [each.record.source_id for each in found if each.record] == ["a", "c", "b"]
    assert found[0].record is not None
    assert found[0].record.title == "New"
    assert [each.change for each in found] == sorted((each.change for each in found), reverse=True)
    assert store.history.newest(OBSERVATIONS, 10) == []


def test_pages_go_back_in_time(store: Store) -> None:
    put(store, *(f"r{n}" for n in range(7)))
    first = store.history.newest(RESOURCES, 3)
    second = store.history.newest(RESOURCES, 3, first[-1].change)
    third = store.history.newest(RESOURCES, 3, second[-1].change)
    assert [len(first), len(second), len(third)] == [3, 3, 1]
    assert len({each.id for each in (*first, *second, *third)}) == 7


def test_what_is_gone_is_told_without_its_record(store: Store) -> None:
    put(store, "a")
    store.ingest.remove("s")
    (gone,) = store.history.newest(RESOURCES, 10)
    assert gone.record is None
    assert gone.when > 0
