"""Selections that people keep: their owner's, and those whom they are shared with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from discovery.errors import BadQueryError, ConflictError, DeniedError, LimitError, NotFoundError
from discovery.launching import MAX_RECORDS, Wish
from discovery.model.creation import LINK, LISTED, PRIVATE
from discovery.model.person import NOBODY, READ, TOKEN_SCOPES, Person, Principal, Role
from discovery.model.record import Record
from discovery.people import People
from discovery.portal import Portal
from discovery.query.query import Query
from discovery.selection import Selection
from discovery.selections import Selections, filled
from discovery.store.store import Store

PICKED = Selection.of_ids(["a", "b"])


def person(name: str, role: Role = Role.USER) -> Principal:
    return Principal(role, Person(name, name, f"{name}@x.example"), frozenset(TOKEN_SCOPES), "session")


ANNA, BEN, ADMIN = person("anna"), person("ben"), person("admin", Role.ADMIN)


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Selections]:
    store = Store(f"sqlite:///{tmp_path / 'store.db'}")
    yield Selections(store, People(store))
    store.close()


def test_a_selection_is_kept_for_its_owner_alone(kept: Selections) -> None:
    made = kept.keep(ANNA, "  Sea \n ice ", PICKED)
    assert (made.name, made.selection, made.creation.visibility) == ("Sea ice", PICKED, PRIVATE)
    assert kept.get(ANNA, made.id) == made
    assert kept.mine(ANNA) == [made]
    assert kept.mine(BEN) == []
    for other in (BEN, ADMIN, NOBODY):
        with pytest.raises(NotFoundError):
            kept.get(other, made.id)


def test_a_question_is_kept_as_one(kept: Selections) -> None:
    asked = Selection.of_query(Query(text="ice", lenient=True))
    assert kept.get(ANNA, kept.keep(ANNA, "Ice", asked).id).selection == asked
    with pytest.raises(BadQueryError, match="not to all that a search finds"):
        kept.add(ANNA, kept.mine(ANNA)[0].id, 1, PICKED)


def test_records_are_added_and_taken_out_by_version(kept: Selections) -> None:
    made = kept.keep(ANNA, "Ice", PICKED)
    more = kept.add(ANNA, made.id, 1, Selection.of_ids(["c", "a"]))
    assert more.selection.ids == ("a", "b", "c")
    less = kept.remove(ANNA, made.id, 2, "b")
    assert less.selection.ids == ("a", "c")
    with pytest.raises(ConflictError):
        kept.rename(ANNA, made.id, 1, "Other")
    assert kept.rename(ANNA, made.id, 3, "Other").name == "Other"
    kept.delete(ANNA, made.id, 4)
    with pytest.raises(NotFoundError):
        kept.get(ANNA, made.id)


def test_what_is_shared_is_seen_and_not_changed_by_others(kept: Selections) -> None:
    made = kept.keep(ANNA, "Ice", PICKED)
    kept.share(ANNA, made.id, 1, LISTED, ["BEN@x.example"])
    assert kept.get(BEN, made.id).name == "Ice"
    assert [each.id for each in kept.shared(BEN)] == [made.id]
    assert kept.shared(ANNA) == kept.shared(NOBODY) == []
    with pytest.raises(NotFoundError):
        kept.get(NOBODY, made.id)
    kept.share(ANNA, made.id, 2, LINK)
    assert kept.get(NOBODY, made.id).name == "Ice"
    for act in (
        lambda: kept.rename(BEN, made.id, 3, "Mine"),
        lambda: kept.add(BEN, made.id, 3, PICKED),
        lambda: kept.remove(BEN, made.id, 3, "a"),
        lambda: kept.share(BEN, made.id, 3, PRIVATE),
        lambda: kept.delete(BEN, made.id, 3),
    ):
        with pytest.raises(NotFoundError, match="somebody else's"):
            act()
    assert kept.get(ANNA, made.id).creation.version == 3


def test_nobody_keeps_anything_and_a_token_to_read_changes_nothing(kept: Selections) -> None:
    with pytest.raises(DeniedError):
        kept.keep(NOBODY, "Ice", PICKED)
    with pytest.raises(DeniedError):
        kept.mine(NOBODY)
    with pytest.raises(DeniedError, match="not good for write"):
        kept.keep(replace(ANNA, scopes=frozenset({READ})), "Ice", PICKED)


@pytest.mark.parametrize("name", ["", " \n ", "\x00", "a\u202eb"])
def test_a_name_is_something_to_read(kept: Selections, name: str) -> None:
    with pytest.raises(BadQueryError, match="give the selection a name"):
        kept.keep(ANNA, name, PICKED)


def test_what_cannot_be_is_refused(kept: Selections) -> None:
    with pytest.raises(BadQueryError, match="nothing is picked"):
        kept.keep(ANNA, "Ice", Selection())
    with pytest.raises(LimitError):
        kept.keep(ANNA, "x" * 201, PICKED)
    made = kept.keep(ANNA, "Ice", PICKED)
    for visibility, listed in (("everybody", []), (LISTED, []), (LISTED, ["two words"])):
        with pytest.raises(BadQueryError):
            kept.share(ANNA, made.id, 1, visibility, listed)


def test_what_was_done_is_written_down(kept: Selections) -> None:
    made = kept.keep(ANNA, "Ice", PICKED)
    kept.share(ANNA, made.id, 1, LINK)
    kept.delete(ANNA, made.id, 2)
    acts = [each.act for each in kept._people.deeds(ADMIN)]
    assert acts[:3] == ["selection.deleted", "selection.shared", "selection.made"]


def test_a_wish_for_a_kept_selection_is_filled_with_what_is_in_it_now(portal: Portal, put: Callable[..., None]) -> None:
    records = [Record("s", "c", f"r{n}", "dataset", f"Survey {n}") for n in range(3)]
    put(*records)
    kept = Selections(portal.store, portal.people)
    listed = kept.keep(ANNA, "Two", Selection.of_ids([records[2].id, records[0].id, "z" * 16]))
    asked = kept.keep(ANNA, "All surveys", Selection.of_query(Query(text="survey")))
    assert filled(portal, ANNA, Wish((), selection=listed.id)).records == (records[2].id, records[0].id)
    assert set(filled(portal, ANNA, Wish((), selection=asked.id)).records) == {each.id for each in records}
    for untouched in (Wish(()), Wish((records[1].id,), selection=listed.id), Wish(("x",), selection="nothing")):
        assert filled(portal, ANNA, untouched) is untouched
    for who, id in ((BEN, listed.id), (NOBODY, asked.id), (ANNA, "nothing")):
        with pytest.raises(NotFoundError):
            filled(portal, who, Wish((), selection=id))
    put(*(Record("s", "c", f"more{n}", "dataset", f"Survey more {n}") for n in range(MAX_RECORDS)))
    with pytest.raises(LimitError, match="103 records are in All surveys, and a launch opens 100"):
        filled(portal, ANNA, Wish((), selection=asked.id))
