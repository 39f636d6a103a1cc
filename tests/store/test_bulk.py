"""Many rows at once, with the same outcome on every database."""

from __future__ import annotations

import pytest
from sqlalchemy import event, select

from discovery.store import bulk
from discovery.store.schema import quarantine, raws, records
from discovery.store.store import Store

pytestmark = pytest.mark.stores


def raw(key: int, body: bytes = b"\0\xff", **more: object) -> bulk.Row:
    empty = {"public": None, "links_start": None, "links_end": None, "links": None, "collection": None}
    return {"key": key, "body": body, "media_type": "a 'b' \\ {c} %s \"d\"", "url": "", **empty, **more}


def test_rows_come_back_as_they_were_given(store: Store) -> None:
    rows = [raw(1), raw(2**60, b"", links_start=3, links=b"x", collection=""), raw(3, collection="é中\U0001f30d, {}")]
    with store.database.write() as connection:
        bulk.add(connection, raws, rows)
    with store.database.read() as connection:
        found = [dict(row._mapping) for row in connection.execute(select(raws).order_by(raws.c.key))]
    assert found == [rows[0], rows[2], rows[1]]


def test_columns_without_any_value_are_empty(store: Store) -> None:
    with store.database.write() as connection:
        bulk.add(connection, raws, [raw(1), raw(2)])
    with store.database.read() as connection:
        assert connection.execute(select(raws.c.public, raws.c.links_end)).all() == [(None, None)] * 2


def test_nothing_is_no_statement(store: Store) -> None:
    with store.database.write() as connection:
        bulk.add(connection, raws, [])
        bulk.change(connection, raws, [])
        bulk.put(connection, quarantine, [], place=("source",), once=())
        assert bulk.add_named(connection, records, []) == {}


def test_rows_are_changed_by_their_keys_and_only_where_asked(store: Store) -> None:
    with store.database.write() as connection:
        bulk.add(connection, raws, [raw(n) for n in range(1, 1001)])
        bulk.change(connection, raws, [{"key": n, "body": b"new", "links_end": n} for n in range(1, 1000)])
    with store.database.read() as connection:
        rows = connection.execute(select(raws.c.key, raws.c.body, raws.c.links_end).order_by(raws.c.key)).all()
    assert rows == [*((n, b"new", n) for n in range(1, 1000)), (1000, b"\0\xff", None)]


@pytest.mark.stores(pytest.param("postgresql", marks=pytest.mark.peer))
def test_a_server_is_asked_once_whatever_the_number(store: Store) -> None:
    asked: list[str] = []
    event.listen(store.database.engine, "before_cursor_execute", lambda *given: asked.append(given[2][:12]))
    with store.database.write() as connection:
        bulk.add(connection, raws, [raw(n) for n in range(5000)])
        bulk.change(connection, raws, [{"key": n, "body": b"new"} for n in range(5000)])
    assert asked[1:] == ["INSERT INTO ", "UPDATE raws "], "the first one is the lock"
