"""The tables fit both databases that we promise."""

from __future__ import annotations

import pytest
from sqlalchemy import Dialect, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.schema import CreateTable

from discovery.store.schema import metadata

TABLES = metadata.sorted_tables
SQLITE: Dialect = sqlite.dialect()
POSTGRESQL: Dialect = postgresql.dialect()  # type: ignore[no-untyped-call]


@pytest.mark.parametrize("table", TABLES, ids=lambda each: each.name)
def test_every_table_can_be_made_on_sqlite_and_postgresql(table: Table) -> None:
    for dialect in (SQLITE, POSTGRESQL):
        assert f"CREATE TABLE {table.name}" in str(CreateTable(table).compile(dialect=dialect))


@pytest.mark.parametrize("name", ["runs", "records", "quarantine", "jobs"])
def test_numbers_are_never_given_twice(name: str) -> None:
    """Without AUTOINCREMENT SQLite gives the number of a deleted row to the next one; cursors and indexes hold them."""
    made = str(CreateTable(metadata.tables[name]).compile(dialect=SQLITE))
    assert "INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT" in made
    assert "BIGSERIAL" in str(CreateTable(metadata.tables[name]).compile(dialect=POSTGRESQL))


@pytest.mark.parametrize("table", TABLES, ids=lambda each: each.name)
def test_instants_have_room_for_any_year(table: Table) -> None:
    """A 32-bit column would hold milliseconds for 24 days only."""
    instants = {"created", "started", "finished", "updated", "harvested", "deleted", "first_seen", "last_seen"}
    narrow = [each.name for each in table.columns if each.name in instants and str(each.type) != "BIGINT"]
    assert narrow == []
