"""Engines follow the store, and only one process writes them."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from discovery.config import Settings
from discovery.errors import ConfigError, UnavailableError
from discovery.index.base import Document
from discovery.indexer import differences, few_collections, follow, learn, rebuild, settle
from discovery.lock import Lock
from discovery.model.record import OBSERVATIONS, RESOURCES, Record
from discovery.model.source import Mapped, RawRecord
from discovery.portal import Portal
from discovery.query.query import Query
from discovery.store import rebuilds
from discovery.wiring import index_lock, open_portal, open_store


@pytest.fixture
def portal(tmp_path: Path) -> Iterator[Portal]:
    opened = open_portal(Settings(tmp_path))
    yield opened
    opened.close()


@pytest.fixture
def lock(tmp_path: Path) -> Lock:
    return index_lock(Settings(tmp_path))


def write(portal: Portal, *names: str, title: str = "Title") -> None:
    records = [Record("s", "c", name, "dataset", title) for name in names]
    portal.store.ingest.page("s", 1, [Mapped(each, RawRecord("c", each.source_id, b"{}")) for each in records])


def found(portal: Portal, text: str = "") -> list[str]:
    return sorted(each.record.source_id for each in portal.search(Query(text=text, size=500)).records)


def test_following_takes_each_change_once(portal: Portal) -> None:
    write(portal, "a", "b")
    assert follow(portal.store, portal.index) == 2
    assert follow(portal.store, portal.index) == 0
    write(portal, "a", title="Crab")
    assert follow(portal.store, portal.index) == 1
    assert found(portal, "crab") == ["a"]
    portal.store.ingest.remove("s")
    assert follow(portal.store, portal.index) == 2
    assert portal.status()[RESOURCES].documents == 0


def test_following_ends_while_somebody_goes_on_writing(portal: Portal, monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[int] = []
    plain = portal.index.write

    def written(scope: str, documents: Iterable[Document], deleted: Iterable[int], change: int) -> None:
        plain(scope, documents, deleted, change)
        taken.append(change)
        write(portal, f"while {change}")

    write(portal, "a", "b")
    monkeypatch.setattr(portal.index, "write", written)
    assert follow(portal.store, portal.index) == 2
    # What came meanwhile is for the next time: one commit each would cost more than all of them together.
    assert taken == [2]
    assert follow(portal.store, portal.index) == 1
    assert found(portal) == ["a", "b", "while 2"]


@pytest.fixture
def learning(tmp_path: Path) -> Iterator[Portal]:
    np.savez(tmp_path / "w.npz", words=np.array(["rain", "ice"]), vectors=np.eye(2, dtype=np.float32))
    opened = open_portal(Settings(tmp_path, semantic_weights="w.npz"))
    yield opened
    opened.close()


def near(portal: Portal, word: str) -> list[str]:
    assert portal.meanings is not None
    stored = portal.store.catalogue.many(portal.meanings.nearest([word], 9))
    return sorted(each.record.source_id for each in stored.values())


def test_vectors_follow_the_store_and_take_each_change_once(learning: Portal) -> None:
    assert learn(learning.store, learning.meanings) == 0
    write(learning, "a", "b", title="Rain")
    assert learn(learning.store, learning.meanings) == 2
    assert learn(learning.store, learning.meanings) == 0
    write(learning, "a", title="Ice")
    assert learn(learning.store, learning.meanings) == 1
    assert (near(learning, "rain"), near(learning, "ice")) == (["b"], ["a"])
    learning.store.ingest.remove("s")
    assert learn(learning.store, learning.meanings) == 0
    assert (near(learning, "rain"), near(learning, "ice")) == ([], [])
    assert learn(learning.store, None) == 0


def test_vectors_are_made_anew_when_told_or_when_the_store_is_an_older_one(learning: Portal) -> None:
    assert learning.meanings is not None
    write(learning, "a", "b", title="Rain")
    assert learn(learning.store, learning.meanings) == 2
    assert learn(learning.store, learning.meanings, anew=True) == 2
    learning.meanings.write([(77, "rain")], [], 1_000_000)
    assert learn(learning.store, learning.meanings) == 2
    assert near(learning, "rain") == ["a", "b"]


def test_vectors_that_another_process_writes_or_nobody_can_are_left_alone(learning: Portal, tmp_path: Path) -> None:
    assert learning.meanings is not None
    write(learning, "a", title="Rain")
    with learning.meanings.lock.hold():
        assert learn(learning.store, learning.meanings) == 0
    (tmp_path / "meaning" / "resources.part").mkdir()
    assert learn(learning.store, learning.meanings) == 0
    (tmp_path / "meaning" / "resources.part").rmdir()
    assert learn(learning.store, learning.meanings) == 1


def test_a_record_that_changes_its_scope_is_found_in_the_new_one_alone(portal: Portal) -> None:
    write(portal, "a", "b")
    follow(portal.store, portal.index)
    moved = Record("s", "c", "a", "observation", "Title")
    portal.store.ingest.page("s", 2, [Mapped(moved, RawRecord("c", "a", b"{}"))])
    assert follow(portal.store, portal.index) == 2
    assert found(portal) == ["b"]
    assert [each.record.source_id for each in portal.search(Query(scope=OBSERVATIONS)).records] == ["a"]
    assert differences(portal.store, portal.index) == []
    assert {scope: made.documents for scope, made in rebuild(portal.store, portal.index).items()} == {
        RESOURCES: 1,
        OBSERVATIONS: 1,
    }


def test_a_rebuild_misses_nothing_that_is_written_meanwhile(portal: Portal) -> None:
    write(portal, *(f"r{n}" for n in range(50)))
    written: list[str] = []

    def meanwhile(scope: str, done: int, total: int) -> None:
        written.append(f"new{len(written)}")
        write(portal, written[-1])
        write(portal, "r0", title=f"Crab {len(written)}")

    before = portal.status()[RESOURCES].name
    rebuild(portal.store, portal.index, progress=meanwhile)
    assert written
    assert found(portal) == sorted([*(f"r{n}" for n in range(50)), *written])
    assert found(portal, "crab") == ["r0"]
    assert portal.status()[RESOURCES].name != before
    assert differences(portal.store, portal.index) == []


def test_others_can_see_how_far_a_rebuild_is(portal: Portal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rebuilds, "OFTEN", 0.0)
    write(portal, "a", "b")
    portal.store.ingest.page("s", 3, [Mapped(Record("s", "c", "o", "observation", "O"), RawRecord("c", "o", b"{}"))])
    seen: list[tuple[int, int]] = []

    def look(*_: object) -> None:
        under_way = portal.store.rebuilds.current()
        assert under_way is not None
        seen.append((under_way.done, under_way.total))

    rebuild(portal.store, portal.index, progress=look)
    assert seen == [(2, 3), (3, 3)]
    assert portal.store.rebuilds.current() is None


def test_settling_indexes_itself_where_nobody_else_does(portal: Portal, lock: Lock) -> None:
    write(portal, "a")
    assert settle(portal.store, portal.index, lock) == 1
    assert found(portal) == ["a"]


def test_settling_waits_for_the_holder_to_catch_up(portal: Portal, lock: Lock) -> None:
    write(portal, "a")
    holds = threading.Event()

    def hold() -> None:
        with lock.hold():
            holds.set()
            threading.Event().wait(0.15)
            follow(portal.store, portal.index)
            threading.Event().wait(0.3)

    holder = threading.Thread(target=hold)
    holder.start()
    assert holds.wait(60)
    assert settle(portal.store, portal.index, lock, wait=60) == 0
    assert found(portal) == ["a"]
    holder.join()


def test_settling_gives_up_on_a_holder_that_does_nothing(portal: Portal, lock: Lock) -> None:
    write(portal, "a")
    with lock.hold(), pytest.raises(UnavailableError, match=r"1 changes wait to be indexed, and index\.lock is held"):
        settle(portal.store, portal.index, lock, wait=0.1)


def test_differences_are_told_until_they_are_gone(portal: Portal) -> None:
    assert differences(portal.store, portal.index) == []
    write(portal, "a")
    assert ["resources: 1 changes" in each for each in differences(portal.store, portal.index)] == [True]
    follow(portal.store, portal.index)
    portal.index.write(
        RESOURCES, [], list(portal.store.catalogue.keys([portal.search(Query()).records[0].record.id]).values()), 1
    )
    assert ["run discovery reindex" in each for each in differences(portal.store, portal.index)] == [True]
    rebuild(portal.store, portal.index)
    assert differences(portal.store, portal.index) == []


def test_an_index_that_is_ahead_of_its_store_is_not_believed(portal: Portal, tmp_path: Path) -> None:
    write(portal, "a", "b")
    follow(portal.store, portal.index)
    younger = open_store(Settings(tmp_path / "younger"))
    with pytest.raises(ConfigError, match=r"change 2 and the store holds 0.*discovery reindex"):
        follow(younger, portal.index)
    assert differences(younger, portal.index)[0].endswith("run discovery reindex")
    assert found(portal) == ["a", "b"]
    rebuild(younger, portal.index)
    assert follow(younger, portal.index) == 0
    assert portal.status()[RESOURCES].documents == 0
    younger.close()


def test_the_collector_is_as_before_after_many_records() -> None:
    before = gc.get_threshold()
    with few_collections():
        assert gc.get_threshold()[0] > before[0]
    assert gc.get_threshold() == before
    with suppress(ValueError), few_collections():
        raise ValueError
    assert gc.get_threshold() == before


def test_the_collector_is_as_before_when_threads_end_in_another_order() -> None:
    before = gc.get_threshold()
    first, second = few_collections(), few_collections()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert gc.get_threshold()[0] > before[0]
    second.__exit__(None, None, None)
    assert gc.get_threshold() == before


def test_batches_are_written_one_after_the_other_while_the_next_is_prepared(
    portal: Portal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("discovery.indexer.BATCH", 10)
    monkeypatch.setattr("discovery.indexer.MOST", 20)
    write(portal, *(f"r{n}" for n in range(95)))
    plain, changes, at_once = portal.index.write, [], 0

    def watched(scope: str, documents: Iterable[Document], deleted: Iterable[int], change: int) -> None:
        nonlocal at_once
        at_once += 1
        assert at_once == 1
        plain(scope, documents, deleted, change)
        changes.append(change)
        at_once -= 1

    monkeypatch.setattr(portal.index, "write", watched)
    assert follow(portal.store, portal.index) == 95
    assert changes == [10, 30, 50, 70, 90, 95]
    assert portal.status()[RESOURCES].documents == 95
    assert differences(portal.store, portal.index) == []


@pytest.mark.parametrize("broken", [1, 2, 6])
def test_behind_a_batch_that_cannot_be_written_none_is(
    portal: Portal, monkeypatch: pytest.MonkeyPatch, broken: int
) -> None:
    monkeypatch.setattr("discovery.indexer.BATCH", 10)
    monkeypatch.setattr("discovery.indexer.MOST", 20)
    write(portal, *(f"r{n}" for n in range(95)))
    plain, calls = portal.index.write, 0

    def failing(scope: str, documents: Iterable[Document], deleted: Iterable[int], change: int) -> None:
        nonlocal calls
        calls += 1
        if calls == broken:
            raise UnavailableError("no space left on the disk")
        plain(scope, documents, deleted, change)

    with monkeypatch.context() as patched:
        patched.setattr(portal.index, "write", failing)
        with pytest.raises(UnavailableError, match="no space"):
            follow(portal.store, portal.index)
    assert calls == broken
    assert portal.status()[RESOURCES].change == [0, 10, 30, 50, 70, 90][broken - 1]
    assert not [each for each in threading.enumerate() if each.name.startswith("index")]
    follow(portal.store, portal.index)
    assert portal.status()[RESOURCES].documents == 95
