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


def test_what_stands_is_walked_oldest_change_first(store: Store) -> None:
    put(store, *(f"r{n}" for n in range(7)))
    put(store, "r2", title="New")
    store.ingest.page("s", 1, [Mapped(Record("s", "", "o", "observation", "T"), RawRecord("", "o", b"{}"))])
    seen: list[str] = []
    after = 0
    while found := store.history.standing(RESOURCES, after, 3):
        assert len(found) <= 3
        assert [each.change for each in found] == sorted(each.change for each in found)
        after = found[-1].change
        seen += [each.record.source_id for each in found]
    assert seen == ["r0", "r1", "r3", "r4", "r5", "r6", "r2"]
    store.ingest.remove("s")
    assert store.history.standing(RESOURCES, 0, 3) == []


def test_parts_hold_every_live_record_once_and_no_empty_ones(store: Store) -> None:
    for number in range(25):
        put(store, f"r{number}")
    for number in range(5):
        put(store, f"r{number}", title="New")
    size = 7
    parts = list(store.history.parts(RESOURCES, size))
    found = {each.number: dict(store.history.addresses(RESOURCES, size, each.number)) for each in parts}
    assert all(0 < len(each) <= size for each in found.values())
    assert sum(map(len, found.values())) == 25
    assert len({id for each in found.values() for id in each}) == 25
    assert [each.newest for each in parts] == [max(held.values()) for held in found.values()]
    # The first records have moved to the last part, and left none behind them.
    assert 0 not in found or len(found[0]) < size


def test_what_does_not_count_is_in_no_part(store: Store) -> None:
    put(store, "a")
    assert list(store.history.parts(RESOURCES, 10, ["s"])) == []
    (part,) = store.history.parts(RESOURCES, 10, ["other"])
    assert list(store.history.addresses(RESOURCES, 10, part.number, ["s"])) == []
    assert list(store.history.addresses(RESOURCES, 10, part.number + 1)) == []
    assert list(store.history.parts(OBSERVATIONS, 10)) == []
