"""What a catalogue is browsed by, as the store tells it."""

from __future__ import annotations

import pytest

from discovery.model.record import Record, record_id
from discovery.model.source import Mapped, RawRecord, Source
from discovery.store.store import Store
from discovery.store.tree import Entry

pytestmark = pytest.mark.stores
KINDS = ("dataset", "project")


def put(store: Store, *records: Record) -> None:
    """Store records as runs of their sources have them."""
    for source in dict.fromkeys(each.source for each in records):
        mapped = [
            Mapped(each, RawRecord(each.container, each.source_id, b"{}")) for each in records if each.source == source
        ]
        store.ingest.page(source, store.ledger.begin(source).id, mapped)


def dataset(source: str, id: str, kind: str = "dataset", **more: str) -> Record:
    return Record(source, "c", id, kind, f"Set {id}", **more)  # type: ignore[arg-type]


@pytest.fixture
def full(store: Store) -> Store:
    """Return a store with three sources; one of them has nothing but a datalab."""
    store.ledger.add_source(Source("a", "tap", "https://a.example/", "Archive A"))
    put(store, *(dataset("a", f"s{n}") for n in range(7)), dataset("b", "p", "project"), dataset("c", "l", "datalab"))
    return store


def test_sources_are_those_with_records_of_the_kinds(full: Store) -> None:
    assert full.tree.sources(KINDS) == [("a", "Archive A"), ("b", "b")]
    assert full.tree.sources(("datalab",)) == [("c", "c")]
    assert full.tree.sources(("observation",)) == []


def test_a_source_whose_records_were_all_deleted_has_nothing(full: Store) -> None:
    put(full, dataset("gone", "x"))
    assert ("gone", "gone") in full.tree.sources(KINDS)
    full.ingest.edit("gone", expected={}, gone=[record_id("gone", "c", "x")])
    assert ("gone", "gone") not in full.tree.sources(KINDS)


def test_records_of_a_source_come_in_the_order_of_their_numbers(full: Store) -> None:
    found = full.tree.between("a", KINDS, 100)
    assert [each.title for each in found] == [f"Set s{n}" for n in range(7)]
    assert found[0] == Entry(found[0].key, record_id("a", "c", "s0"), "s0", "Set s0")
    assert full.tree.between("a", KINDS, 2) == found[:2]
    assert full.tree.between("a", KINDS, 100, found[2].key, found[4].key) == found[2:5]
    assert full.tree.between("c", KINDS, 100) == full.tree.between("nobody", KINDS, 100) == []


def test_parts_hold_every_record_once_and_the_last_is_what_is_left(full: Store) -> None:
    found = full.tree.between("a", KINDS, 100)
    parts = full.tree.parts("a", KINDS, 3)
    assert [(each.first, each.last, each.count) for each in parts] == [
        (found[0], found[2], 3),
        (found[3], found[5], 3),
        (found[6], found[6], 1),
    ]
    put(full, dataset("a", "later"))
    assert full.tree.parts("a", KINDS, 3)[:2] == parts[:2]
    assert full.tree.parts("nobody", KINDS, 3) == []


def test_entries_are_of_what_is_here(full: Store) -> None:
    found = full.tree.between("a", KINDS, 100)
    keys = [each.key for each in found]
    assert full.tree.entries([*keys, 10**9]) == {each.key: each for each in found}
    full.ingest.edit("a", expected={}, gone=[found[0].id])
    assert keys[0] not in full.tree.entries(keys)
    assert full.tree.between("a", KINDS, 100) == found[1:]


def test_parents_are_lost_that_are_no_collection_of_the_catalogue(full: Store) -> None:
    here, lab = record_id("a", "c", "s0"), record_id("c", "c", "l")
    put(
        full,
        *(dataset("a", f"o{n}", "observation", dataset=each) for n, each in enumerate([here, lab, "far", "", here])),
    )
    assert full.tree.lost(KINDS) == sorted(["far", lab])
    full.ingest.edit("a", expected={}, gone=[here])
    assert full.tree.lost(KINDS) == sorted(["far", here, lab])
