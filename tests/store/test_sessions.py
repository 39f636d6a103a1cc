"""Sessions are open until they are closed or over."""

from __future__ import annotations

import pytest

from discovery.store.ingest import now
from discovery.store.store import Store

pytestmark = pytest.mark.stores


def test_a_session_is_its_persons_until_it_is_closed(store: Store) -> None:
    ann = store.people.welcome("https://id.example", "1", "Ann")
    store.sessions.open("d1", ann.id, 60_000)
    held = store.sessions.holder("d1")
    assert held is not None
    assert held[:2] == (ann.id, ann)
    assert held[3] - held[2] == 60_000
    assert store.sessions.holder("d2") is None
    store.sessions.close("d1")
    assert store.sessions.holder("d1") is None


def test_a_session_may_be_of_somebody_who_is_no_person_of_the_store(store: Store) -> None:
    store.sessions.open("d1", "operators", 60_000)
    held = store.sessions.holder("d1")
    assert held is not None
    assert held[:2] == ("operators", None)


def test_what_is_over_counts_for_nothing_is_not_prolonged_and_is_forgotten(store: Store) -> None:
    store.sessions.open("old", "ann", -1)
    assert store.sessions.holder("old") is None
    store.sessions.prolong("old", now() + 60_000)
    assert store.sessions.holder("old") is None
    assert store.sessions.count("ann") == 0
    store.sessions.open("new", "ann", 60_000)
    with store.database.read() as connection:
        assert connection.exec_driver_sql("SELECT digest FROM sessions").scalars().all() == ["new"]


def test_a_session_is_prolonged_and_all_of_somebody_are_ended(store: Store) -> None:
    for digest, person in (("d1", "ann"), ("d2", "ann"), ("d3", "bob")):
        store.sessions.open(digest, person, 60_000)
    end = now() + 120_000
    store.sessions.prolong("d1", end)
    held = store.sessions.holder("d1")
    assert held is not None
    assert held[3] == end
    assert store.sessions.count("ann") == 2
    assert store.sessions.close_all("ann") == 2
    assert [store.sessions.holder(each) is None for each in ("d1", "d2", "d3")] == [True, True, False]
