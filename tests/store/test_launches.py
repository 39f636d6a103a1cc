"""Launches as they are kept: once however often they are asked for, and no more than may be."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from discovery.errors import ConflictError, LimitError, NotFoundError
from discovery.model.launch import ASKED, FAILED, READY, STARTING, STOPPED, Asked, Launch, State
from discovery.store.launches import new_id
from discovery.store.store import Store

ASKED_FOR = Asked(("a" * 16, "b" * 16), ("c" * 16,), "Deep \0 field", "deep-field.ipynb", "", "small", "data")


def launch(person: str = "ada", **more: str) -> Launch:
    return Launch(new_id(), person, "hub", "cloud", asked=ASKED_FOR, **more)  # type: ignore[arg-type]


@pytest.mark.stores
def test_a_launch_comes_back_as_it_was_kept(store: Store) -> None:
    kept, is_new = store.launches.add(launch(), 3)
    assert is_new
    assert kept.status == ASKED
    assert kept.created == kept.updated > 0
    assert kept.asked == ASKED_FOR
    assert store.launches.launch(kept.id) == kept


@pytest.mark.stores
def test_a_double_click_is_one_launch(store: Store) -> None:
    wanted = launch()
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: store.launches.add(wanted, 1), range(8)))
    assert sum(is_new for _, is_new in answers) == 1
    assert len({kept.id for kept, _ in answers}) == 1
    assert len(store.launches.of("ada")) == 1


@pytest.mark.stores
def test_nobody_has_more_open_than_may_be(store: Store) -> None:
    def try_one(_: int) -> bool:
        try:
            return store.launches.add(launch(), 3)[1]
        except LimitError:
            return False

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(try_one, range(6))) == 3
    store.launches.add(launch("eve"), 3)
    store.launches.add(replace(launch(), zone="other"), 3)
    store.launches.move(store.launches.of("ada", is_open=True)[-1], State(STOPPED))
    assert try_one(0)
    with pytest.raises(LimitError, match="stop one first"):
        store.launches.add(launch(), 3)


def test_an_id_of_somebody_else_is_no_way_in(store: Store) -> None:
    mine, _ = store.launches.add(launch(), 3)
    with pytest.raises(ConflictError, match="somebody else"):
        store.launches.add(replace(mine, person="eve"), 3)


def test_a_launch_moves_from_where_it_was_seen_and_from_nowhere_else(store: Store) -> None:
    first, _ = store.launches.add(launch(), 3)
    started = store.launches.move(first, State(STARTING, "the hub is starting it", "https://hub.example/x", "ada/x"))
    assert (started.status, started.url, started.server) == (STARTING, "https://hub.example/x", "ada/x")
    # Somebody who looked before that does not bring it back.
    assert store.launches.move(first, State(FAILED, "late")).status == STARTING
    ready = store.launches.move(started, State(READY))
    assert (ready.url, ready.ended, ready.is_open) == ("https://hub.example/x", None, True)
    ended = store.launches.move(ready, State(STOPPED))
    assert ended.ended is not None
    assert not ended.is_open


def test_lists_are_of_one_person_newest_first_and_may_be_of_what_is_open(store: Store) -> None:
    kept = [store.launches.add(launch(), 9)[0] for _ in range(3)]
    store.launches.add(launch("eve"), 9)
    store.launches.move(kept[0], State(STOPPED))
    assert {each.id for each in store.launches.of("ada")} == {each.id for each in kept}
    assert {each.id for each in store.launches.of("ada", is_open=True)} == {each.id for each in kept[1:]}
    assert len(store.launches.all()) == 4
    assert len(store.launches.all(is_open=True, limit=2)) == 2
    with pytest.raises(NotFoundError):
        store.launches.launch("nothing")
