"""What hangs together by keys, found without looking at what does not."""

from __future__ import annotations

import pytest
from sqlalchemy import insert, select

from discovery.model.record import Record
from discovery.model.sameness import MOST
from discovery.model.source import Mapped, RawRecord
from discovery.store import kin
from discovery.store.schema import matches, records
from discovery.store.store import Store

pytestmark = pytest.mark.stores


def hold(store: Store, source: str, *digests: str) -> int:
    """Store a record that has these digests, and return its key."""
    record = Record(source, "c", "1", "dataset", "Title")
    store.ingest.page(source, 1, [Mapped(record, RawRecord("c", "1", b"{}"))])
    key = store.catalogue.keys([record.id])[record.id]
    with store.database.write() as connection:
        rows = [{"digest": each.encode(), "key": key, "place": ""} for each in digests]
        connection.execute(insert(matches), rows)
    return key


def families(store: Store, seeds: set[int], *touched: str) -> list[tuple[set[int], set[bytes]]]:
    with store.database.read() as connection:
        found = kin.families(connection, seeds, {each.encode() for each in touched})
    return [({each.key for each in family.members}, set(family.telling)) for family in found]


def test_a_family_is_found_from_any_of_its_members(store: Store) -> None:
    one, two, three = hold(store, "a", "x"), hold(store, "b", "x", "y"), hold(store, "c", "y")
    alone = hold(store, "d", "z")
    for each in (one, two, three):
        assert families(store, {each}) == [({one, two, three}, {b"x", b"y"})]
    assert families(store, {alone}) == [({alone}, set())]


def test_a_key_of_two_records_of_one_source_leads_nowhere(store: Store) -> None:
    one, two = hold(store, "a", "x"), hold(store, "b", "x")
    other = Record("b", "c", "2", "dataset", "Title")
    store.ingest.page("b", 1, [Mapped(other, RawRecord("c", "2", b"{}"))])
    with store.database.write() as connection:
        connection.execute(
            insert(matches).values(digest=b"x", key=store.catalogue.keys([other.id])[other.id], place="")
        )
    assert families(store, {one, two}) == [({one}, set()), ({two}, set())]


@pytest.mark.slow
def test_a_long_chain_is_not_walked_to_its_end(store: Store) -> None:
    chain = [hold(store, f"s{n:03}", f"k{n:03}", f"k{n + 1:03}") for n in range(2 * MOST + 40)]
    middle = len(chain) // 2
    [(members, telling)] = families(store, {chain[middle]})
    assert MOST // 2 < len(members) <= MOST + 2
    assert telling == set()


def test_a_crowd_is_marked_and_unmarked_and_gives_nobody_while_it_is_one(store: Store) -> None:
    every = [hold(store, f"s{n:03}", "x") for n in range(MOST + 1)]

    def marked() -> bool:
        with store.database.read() as connection:
            return connection.execute(select(matches.c.key).where(matches.c.key == kin.CROWD)).first() is not None

    with store.database.write() as connection:
        assert kin.touching(connection, {b"x"}, {every[-1]}) == set(every)
    assert marked()
    with store.database.write() as connection:
        assert kin.touching(connection, {b"x"}, {every[-1]}) == set()
        connection.execute(matches.delete().where(matches.c.key == every[0]))
        assert kin.touching(connection, {b"x"}, set()) == set(every[1:])
    assert not marked()


def test_a_key_that_nobody_else_has_touches_nobody(store: Store) -> None:
    one = hold(store, "a", "x")
    with store.database.write() as connection:
        assert kin.touching(connection, {b"x", b"nobody"}, {one}) == set()
        assert kin.touching(connection, {b"x"}, set()) == {one}


def test_a_group_is_its_master_with_whom_it_speaks_for(store: Store) -> None:
    one, two = hold(store, "a", "x"), hold(store, "b", "x")
    with store.database.write() as connection:
        master = connection.execute(select(records.c.id).where(records.c.key == one)).scalar_one()
        connection.execute(records.update().where(records.c.key == two).values(merged=master))
        assert {each.key for each in kin.group(connection, master)} == {one, two}
        assert [each.key for each in kin.others(connection, master)] == [two]
        assert kin.keys(connection, [master, "nobody"]) == {master: one}
