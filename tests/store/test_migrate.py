"""Bringing a store to the newest schema, and refusing one that is newer."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from discovery.errors import ConfigError
from discovery.store import schema
from discovery.store.connection import Database, sqlite_url
from discovery.store.store import Store


@pytest.mark.stores
def test_migrations_make_exactly_the_tables_of_the_schema(store: Store) -> None:
    def compared(_object: object, name: str | None, *_rest: object) -> bool:
        # On a server there are others instead of these, which the schema cannot say.
        return not (
            store.database.on_server and name in {"quarantine_by_place", "records_by_walk", "records_by_source"}
        )

    with store.database.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "include_object": compared})
        assert compare_metadata(context, schema.metadata) == []


@pytest.mark.stores
def test_a_store_says_which_schema_it_has(store: Store) -> None:
    with store.database.read() as connection:
        assert connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalars().all() == [schema.HEAD]


def test_older_code_refuses_a_newer_store_and_leaves_it_alone(tmp_path: Path, empty: Path) -> None:
    path = tmp_path / "catalogue.sqlite"
    path.write_bytes(empty.read_bytes())
    with sqlite3.connect(path) as plain:
        plain.execute("UPDATE alembic_version SET version_num = '9999'")
    plain.close()
    with pytest.raises(ConfigError, match=r"schema 9999, newer than .* upgrade Discovery"):
        Store(sqlite_url(path))
    with sqlite3.connect(path) as plain:
        assert plain.execute("SELECT version_num FROM alembic_version").fetchall() == [("9999",)]
    plain.close()


@pytest.mark.slow
@pytest.mark.stores
def test_processes_may_open_a_new_store_at_once(store_url: str) -> None:
    if store_url.startswith("sqlite:"):
        Path(store_url.removeprefix("sqlite:///")).unlink()
    else:
        database = Database(store_url)
        with database.write() as connection:
            connection.exec_driver_sql("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        database.close()
    program = "import sys; from discovery.store.store import Store; print(Store(sys.argv[1]).catalogue.last_change())"
    running = [
        subprocess.Popen([sys.executable, "-c", program, store_url], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(3)
    ]
    answers = [(each.communicate(), each.returncode) for each in running]
    assert answers == [((b"0\n", b""), 0)] * 3
