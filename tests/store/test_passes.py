"""Passes are known until they are used or over."""

from __future__ import annotations

import pytest

from discovery.store.store import Store

pytestmark = pytest.mark.stores


def test_a_pass_is_held_until_it_is_used(store: Store) -> None:
    store.passes.give("link", "d1", 60_000)
    assert store.passes.holds("link", "d1")
    assert not store.passes.holds("session", "d1")
    assert store.passes.use("link", "d1")
    assert not store.passes.use("link", "d1")
    assert not store.passes.holds("link", "d1")


def test_what_is_over_counts_for_nothing_and_is_forgotten(store: Store) -> None:
    store.passes.give("link", "old", -1)
    assert not store.passes.holds("link", "old")
    assert not store.passes.use("link", "old")
    store.passes.give("link", "new", 60_000)
    with store.database.read() as connection:
        assert connection.exec_driver_sql("SELECT digest FROM passes").scalars().all() == ["new"]
