"""The other places of a record, as the store tells them."""

from __future__ import annotations

import pytest

from discovery.model.record import Record, record_id
from discovery.model.source import Mapped, RawRecord, Source
from discovery.store.ingest import now
from discovery.store.store import Store

pytestmark = pytest.mark.stores
DOI = "10.5270/esa-1"


def put(store: Store, source: str, url: str, **more: str) -> str:
    """Store a record as a run of today has it, and return its id."""
    run = store.ledger.begin(source).id
    record = Record(source, "c", "1", "dataset", f"As {source} has it", **more)  # type: ignore[arg-type]
    store.ingest.page(source, run, [Mapped(record, RawRecord("c", "1", b"{}", url=url))])
    return record.id


@pytest.fixture
def master(store: Store) -> str:
    """Return the id of a record that speaks for two others."""
    for id in ("a", "b"):
        store.ledger.add_source(
            Source(id, "csw", f"https://{id}.example/", f"Archive {id.upper()}", {"priority": "200"})
        )
    found = put(store, "a", "https://a.example/1", doi=DOI)
    put(store, "b", "https://me:secret@b.example/1", doi=DOI)
    put(store, "removed", "file:///tmp/1", doi=f"doi:{DOI}")
    store.duplicates.find()
    return found


def test_each_place_says_whose_it_is_and_why(store: Store, master: str) -> None:
    before = now()
    first, second = store.elsewhere.of([master, "nobody"])[master]
    assert (first.id, first.source, first.source_title) == (record_id("b", "c", "1"), "b", "Archive B")
    assert (first.container, first.source_id, first.title, first.why) == ("c", "1", "As b has it", "doi")
    assert before - 60_000 < first.seen <= before
    assert (second.source, second.source_title) == ("removed", "removed")


def test_an_address_has_no_secrets_and_is_one_of_the_web(store: Store, master: str) -> None:
    first, second = store.elsewhere.of([master])[master]
    assert first.url.endswith("@b.example/1") or first.url == "https://b.example/1"
    assert "secret" not in first.url
    assert second.url == ""


def test_a_place_was_seen_when_its_last_walk_began(store: Store, master: str) -> None:
    later = store.ledger.begin("b")
    store.ingest.here("b", later.id, [("c", "1")])
    assert store.elsewhere.of([master])[master][0].seen >= later.started


def test_a_record_in_one_place_has_no_other(store: Store) -> None:
    assert store.elsewhere.of([put(store, "a", "")]) == {}
    assert store.elsewhere.of([]) == {}


def test_groups_are_listed_page_by_page(store: Store, master: str) -> None:
    other = [Record(each, "c", "2", "dataset", "Another", doi="10.5270/esa-2") for each in ("a", "b")]
    for each in other:
        store.ingest.page(each.source, 1, [Mapped(each, RawRecord("c", "2", b"{}"))])
    store.duplicates.find()
    first, second = store.elsewhere.groups(1), store.elsewhere.groups(10)
    assert [each.master.id for each in second] == sorted([master, other[0].id])
    assert first == second[:1]
    assert store.elsewhere.groups(10, after=first[0].master.id) == second[1:]
    assert {len(each.others) for each in second} == {1, 2}
