"""How far an index is: told as long as it is made, believed as long as somebody may still make it."""

from __future__ import annotations

from typing import NoReturn

import pytest

from discovery.errors import UnavailableError
from discovery.store import rebuilds
from discovery.store.rebuilds import Rebuild
from discovery.store.store import Store

pytestmark = pytest.mark.stores


def test_others_see_how_far_an_index_is_until_it_is_there(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rebuilds, "OFTEN", 0.0)
    other = Store(store.database.url)
    assert other.rebuilds.current() is None
    with store.rebuilds.telling(900) as tell:
        assert other.rebuilds.current() == Rebuild(0, 900, 0.0)
        tell(300)
        seen = other.rebuilds.current()
        assert seen is not None
        assert (seen.done, seen.total) == (300, 900)
        assert seen.left == pytest.approx(2 * seen.seconds)
    assert other.rebuilds.current() is None
    other.close()


def test_little_is_written_however_often_it_is_told(store: Store) -> None:
    with store.rebuilds.telling(900) as tell:
        for done in range(900):
            tell(done)
        seen = store.rebuilds.current()
    assert seen is not None
    assert seen.done < 900
    assert Rebuild(0, 900, 3.0).left is None


def test_a_maker_that_was_killed_is_forgotten_and_one_that_failed_as_well(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(KeyboardInterrupt), store.rebuilds.telling(9):
        raise KeyboardInterrupt
    assert store.rebuilds.current() is None
    with store.rebuilds.telling(9):
        assert store.rebuilds.current() is not None
        monkeypatch.setattr(rebuilds, "FRESH", 0.0)
        assert store.rebuilds.current() is None


def test_an_index_is_made_where_nothing_can_be_told(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def full() -> NoReturn:
        raise UnavailableError("the store cannot be written: disk full")

    monkeypatch.setattr(store.database, "write", full)
    monkeypatch.setattr(rebuilds, "OFTEN", 0.0)
    with store.rebuilds.telling(9) as tell:
        tell(9)
    assert store.rebuilds.current() is None
