"""Marks are each person's own, counted over all, and bounded."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from discovery.errors import BadQueryError, LimitError
from discovery.model.record import Record
from discovery.model.source import Mapped, RawRecord
from discovery.store import marks as module
from discovery.store.marks import MOUNT, STAR
from discovery.store.store import Store

pytestmark = pytest.mark.stores


def test_marks_are_set_once_and_taken_off(store: Store) -> None:
    for _ in range(2):
        store.marks.set("ada", STAR, "r1")
    store.marks.set("ada", STAR, "r2")
    store.marks.set("ada", MOUNT, "r3")
    assert sorted(store.marks.of("ada", STAR)) == ["r1", "r2"]
    for _ in range(2):
        store.marks.unset("ada", STAR, "r1")
    assert store.marks.of("ada", STAR) == ["r2"]
    assert store.marks.of("ada", MOUNT) == ["r3"]
    assert store.marks.of("bob", STAR) == []


def test_counts_are_over_all_people_and_of_one_kind(store: Store) -> None:
    for person in ("ada", "bob", "eve"):
        store.marks.set(person, STAR, "r1")
    store.marks.set("ada", STAR, "r2")
    store.marks.set("ada", MOUNT, "r2")
    many = ["r1", "r2", "r1", *(f"x{n}" for n in range(2500))]
    assert store.marks.counts(STAR, many) == {"r1": 3, "r2": 1}
    assert store.marks.counts(STAR, []) == {}
    assert store.marks.set_by("ada", STAR, many) == {"r1", "r2"}
    assert store.marks.set_by("bob", STAR, many) == {"r1"}
    assert store.marks.most(STAR) == [("r1", 3), ("r2", 1)]
    assert store.marks.most(STAR, 1) == [("r1", 3)]


def test_the_most_liked_of_a_kind_are_those_that_are_here(store: Store) -> None:
    labs = [Record("s", "c", f"lab{n}", "datalab", f"Lab {n}") for n in range(3)]
    other = Record("s", "c", "data", "dataset", "Data")
    sent = [Mapped(each, RawRecord("c", each.source_id, b"{}")) for each in (*labs, other)]
    store.ingest.page("s", 1, sent)
    for person, id in (("ada", labs[1].id), ("bob", labs[1].id), ("ada", labs[0].id), ("ada", other.id), ("ada", "z")):
        store.marks.set(person, STAR, id)
    assert store.marks.most(STAR, among="datalab") == [(labs[1].id, 2), (labs[0].id, 1)]
    assert store.marks.most(STAR, 1, among="datalab") == [(labs[1].id, 2)]


def test_a_double_click_is_one_mark(store: Store) -> None:
    start = threading.Barrier(6)

    def click(_: int) -> None:
        start.wait()
        store.marks.set("ada", STAR, "r1")

    with ThreadPoolExecutor(6) as threads:
        list(threads.map(click, range(6)))
    assert store.marks.counts(STAR, ["r1"]) == {"r1": 1}


def test_marks_are_bounded(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_MARKS", 2)
    store.marks.set("ada", STAR, "r1")
    store.marks.set("ada", STAR, "r2")
    store.marks.set("ada", STAR, "r1")
    store.marks.set("ada", MOUNT, "r3")
    with pytest.raises(LimitError, match="limit marks"):
        store.marks.set("ada", STAR, "r3")


@pytest.mark.parametrize(
    ("person", "kind", "record"),
    [("ada", "like", "r1"), ("", STAR, "r1"), ("ada", STAR, ""), ("ada", STAR, "a" * 65), ("ada", STAR, "a\0"),
     ("ada", STAR, "../x"), ("ada", STAR, "é")],
)  # fmt: skip
def test_what_is_no_mark_is_refused(store: Store, person: str, kind: str, record: str) -> None:
    with pytest.raises(BadQueryError):
        store.marks.set(person, kind, record)
