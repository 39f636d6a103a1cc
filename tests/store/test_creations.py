"""What people make is kept with its versions and its history, and nobody writes over another."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Connection, text

from discovery.errors import BadQueryError, ConflictError, LimitError, NotFoundError
from discovery.model.creation import DATALAB, DRAFT, LISTED, PUBLISHED, REVIEW, SELECTION, VOLUME, Creation
from discovery.store import creations as module
from discovery.store.store import Store

pytestmark = pytest.mark.stores

DOCUMENT = {"name": "jl-euclid", "zones": ["sci"], "text": "é\U0001f600" * 200}


def made(store: Store, name: str = "Mine", *, owner: str = "ada", kind: str = DATALAB, **more: Any) -> Creation:
    return store.creations.add(kind, owner, name, DOCUMENT, **more)


def test_what_is_made_is_read_back_as_it_was(store: Store) -> None:
    thing = made(store, visibility=LISTED, listed=("bob", "eve@example.org"))
    assert store.creations.get(thing.id) == thing
    assert (thing.document, thing.version, thing.state, len(thing.id)) == (DOCUMENT, 1, DRAFT, 26)
    assert thing.created == thing.updated > 0


def test_ids_are_not_to_be_guessed(store: Store) -> None:
    assert len({made(store).id[:6] for _ in range(30)}) == 30


def test_what_nobody_made_is_not_found(store: Store) -> None:
    for id in ("", "a" * 26, "a" * 5000, "\0", "' OR 1=1 --", "\ud800"):
        with pytest.raises(NotFoundError, match="nothing was made here"):
            store.creations.get(id)


def test_the_lists_of_a_person_and_of_a_state_hold_what_is_theirs(store: Store) -> None:
    lab, volume = made(store), made(store, "Vol", kind=VOLUME, state=REVIEW)
    made(store, owner="bob")
    assert {each.id for each in store.creations.of("ada")} == {lab.id, volume.id}
    assert [each.id for each in store.creations.of("ada", VOLUME)] == [volume.id]
    assert [each.id for each in store.creations.in_state(VOLUME, REVIEW)] == [volume.id]
    assert store.creations.in_state(DATALAB, REVIEW) == []


def test_what_is_shared_by_name_is_found_by_it_in_any_case(store: Store) -> None:
    thing = made(store, visibility=LISTED, listed=("Eve@Example.org",))
    made(store, listed=("eve@example.org",))
    assert [each.id for each in store.creations.listed_for(["x1", "eve@example.ORG"])] == [thing.id]
    assert store.creations.listed_for(["", "mallory@example.org"]) == []
    assert store.creations.listed_for(["eve@example.org"], VOLUME) == []


def test_a_save_grows_the_version_and_is_in_the_history(store: Store) -> None:
    first = made(store)
    second = store.creations.save(replace(first, name="New", document={"a": 1}), person="ada")
    third = store.creations.save(replace(second, state=REVIEW), person="ada", act="handed in", reason="please")
    assert store.creations.get(first.id) == third
    assert (third.version, third.name, third.document, third.created) == (3, "New", {"a": 1}, first.created)
    told = [(e.number, e.person, e.act, e.state, e.reason, e.document) for e in store.creations.history(first.id)]
    assert told == [
        (3, "ada", "handed in", REVIEW, "please", {"a": 1}),
        (2, "ada", "changed", DRAFT, "", {"a": 1}),
        (1, "ada", "made", DRAFT, "", DOCUMENT),
    ]


def test_who_read_an_older_version_writes_nothing(store: Store) -> None:
    first = made(store)
    store.creations.save(replace(first, name="Hers"), person="ada")
    with pytest.raises(ConflictError, match="since version 1 was read; it is at version 2"):
        store.creations.save(replace(first, name="His"), person="bob")
    with pytest.raises(ConflictError):
        store.creations.delete(first.id, 1)
    assert store.creations.get(first.id).name == "Hers"
    assert len(store.creations.history(first.id)) == 2


def test_of_many_who_save_at_once_one_does(store: Store) -> None:
    first, start = made(store), threading.Barrier(6)

    def save(n: int) -> bool:
        start.wait()
        try:
            store.creations.save(replace(first, name=f"n{n}"), person="ada")
        except ConflictError:
            return False
        return True

    with ThreadPoolExecutor(6) as threads:
        assert sum(threads.map(save, range(6))) == 1
    assert store.creations.get(first.id).version == 2


def test_one_thing_stands_for_a_record(store: Store) -> None:
    first = store.creations.add(DATALAB, "ada", "Hers", {"a": 1}, record="r1")
    with pytest.raises(ConflictError, match="the short name is that of 'Hers'"):
        store.creations.add(DATALAB, "bob", "His", {"a": 2}, record="r1")
    second = store.creations.add(DATALAB, "bob", "His", {"a": 2})
    with pytest.raises(ConflictError, match="the short name is that of 'Hers'"):
        store.creations.save(replace(second, record="r1"), person="bob")
    assert store.creations.get(second.id) == second
    assert store.creations.save(replace(first, name="Still hers"), person="ada").record == "r1"


def test_what_is_added_once_is_there_once_until_it_is_changed_or_old(store: Store) -> None:
    first, is_new = store.creations.add_once(DATALAB, "ada", "Lab", {"a": 1, "b": [2]}, 0)
    assert is_new
    assert store.creations.add_once(DATALAB, "ada", "Lab", {"b": [2], "a": 1}, 0) == (first, False)
    others = (("ada", {"a": 2}, 0), ("bob", {"a": 1, "b": [2]}, 0), ("ada", {"a": 1, "b": [2]}, first.updated + 60_000))
    for owner, document, since in others:
        assert store.creations.add_once(DATALAB, owner, "Lab", document, since)[1]
    assert len(store.creations.of("ada")) == 3


def test_the_owner_and_kind_of_a_thing_stay(store: Store) -> None:
    first = made(store)
    store.creations.save(replace(first, owner="mallory", kind=SELECTION), person="mallory")
    kept = store.creations.get(first.id)
    assert (kept.owner, kept.kind) == ("ada", DATALAB)


def test_what_is_deleted_leaves_nothing(store: Store) -> None:
    first = made(store)
    store.creations.delete(first.id, 1)
    assert store.creations.history(first.id) == []
    for again in (lambda: store.creations.delete(first.id, 1), lambda: store.creations.save(first, person="ada")):
        with pytest.raises(NotFoundError):
            again()


def test_a_thing_is_found_by_the_record_that_stands_for_it(store: Store) -> None:
    first = made(store)
    store.creations.save(replace(first, record="abcdefgh12345678", state=PUBLISHED), person="ada")
    found = store.creations.by_record("abcdefgh12345678")
    assert found is not None
    assert found.id == first.id
    assert store.creations.by_record("") is None
    assert store.creations.by_record("other") is None


def test_hostile_text_is_kept_as_far_as_databases_can(store: Store) -> None:
    thing = made(store, "a\0b\ud800'); DROP TABLE creations;--")
    assert store.creations.get(thing.id).name == "a\ufffdb\ufffd'); DROP TABLE creations;--"


@pytest.mark.parametrize("document", [{"a": float, "b": 1}, {1: 2}, {"a": {1, 2}}, {"a": "\ud800"}])
def test_what_is_not_json_is_refused(store: Store, document: dict[Any, Any]) -> None:
    with pytest.raises(BadQueryError, match="cannot be kept as JSON"):
        store.creations.add(DATALAB, "ada", "x", document)
    assert store.creations.of("ada") == []


def test_words_that_are_not_known_are_refused(store: Store) -> None:
    with pytest.raises(BadQueryError, match="kind 'sword' is not one of datalab, volume, pipeline, selection"):
        made(store, kind="sword")
    with pytest.raises(BadQueryError, match="visibility 'all' is not one of"):
        made(store, visibility="all")
    with pytest.raises(BadQueryError, match="state 'new' is not one of"):
        made(store, state="new")


def test_what_is_too_large_is_refused_with_the_limit(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(LimitError, match="limit creation-bytes"):
        store.creations.add(DATALAB, "ada", "x", {"a": "b" * module.MAX_BYTES})
    with pytest.raises(LimitError, match="limit creation-name"):
        made(store, "n" * (module.MAX_NAME + 1))
    with pytest.raises(LimitError, match="limit creation-people"):
        made(store, listed=("x",) * (module.MAX_LISTED + 1))
    monkeypatch.setattr(module, "MAX_OWNED", 2)
    made(store), made(store)
    with pytest.raises(LimitError, match="limit creations"):
        made(store)
    made(store, kind=VOLUME)


def test_many_small_changes_are_thinned_and_decisions_stay(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KEPT_CHANGES", 2)
    thing = made(store)
    thing = store.creations.save(thing, person="ada", act="handed in")
    for _ in range(5):
        thing = store.creations.save(thing, person="ada")
    assert [(e.number, e.act) for e in store.creations.history(thing.id)] == [
        (7, "changed"),
        (6, "changed"),
        (2, "handed in"),
        (1, "made"),
    ]


def test_what_is_written_beside_a_save_is_written_with_it_or_not_at_all(store: Store) -> None:
    def beside(connection: Connection) -> None:
        connection.execute(text("INSERT INTO meta (name, value) VALUES ('beside', 'x')"))

    def broken(connection: Connection) -> None:
        beside(connection)
        raise ConflictError("taken")

    first = made(store)
    with pytest.raises(ConflictError, match="taken"):
        store.creations.save(replace(first, name="New"), person="ada", also=broken)
    with pytest.raises(ConflictError, match="taken"):
        made(store, also=broken)
    assert store.creations.of("ada") == [first]
    store.creations.save(first, person="ada", also=beside)
    with store.database.read() as connection:
        assert connection.execute(text("SELECT count(*) FROM meta WHERE name = 'beside'")).scalar() == 1
