"""Copies of a store: whole ones, taken while others write, and put back in one step.

A copy is a SQLite store in a file, whatever the store itself is: so one brings a catalogue from either to the other.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from contextlib import closing, suppress
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Table, delete, select

from discovery.errors import ConfigError, ConflictError, UnavailableError
from discovery.store import bulk
from discovery.store.codec import storable
from discovery.store.connection import Database, sqlite_url
from discovery.store.schema import metadata

_ROWS: Final = 1000
"""Rows that are carried at once between a server and a file."""


def write(database: Database, path: Path, *, replace: bool = False) -> int:
    """Write a copy of the store as it is now to a file, and return its size in bytes.

    The copy is one moment of the store, whoever writes meanwhile; it is checked before it gets its name, so a file of
    that name is a whole one. It is an ordinary SQLite file.

    Raises:
        ConflictError: The file is there already, and is not to be replaced.
        UnavailableError: The disk is full or refuses, or the server of the store does not answer.
    """
    if path.exists() and not replace:
        raise ConflictError(f"{path} is there already; name another file or say --replace")
    part = path.with_name(f"{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.unlink(missing_ok=True)
        if database.on_server:
            _carry_out(database, part)
        else:
            with closing(sqlite3.connect(f"{_file(database).resolve().as_uri()}?mode=ro", uri=True)) as connection:
                connection.execute("PRAGMA busy_timeout=60000")
                connection.execute("VACUUM INTO ?", (str(part),))
        _checked(part)
        part.chmod(0o600)  # Nobody else on the machine may read what the store holds.
        _synced(part)
        part.replace(path)
        _synced(path.parent)
        return path.stat().st_size
    except (OSError, sqlite3.Error) as error:
        raise UnavailableError(f"the backup {path} cannot be written: {error}") from error
    finally:
        for left in (part, path.with_name(f"{part.name}-wal"), path.with_name(f"{part.name}-shm")):
            with suppress(OSError):
                left.unlink(missing_ok=True)


def restore(path: Path, database: Database) -> None:
    """Make the store what a copy holds, in one transaction: a kill leaves the old store or the new one.

    The schema of the copy may be older; opening the store again migrates it. The index has to be built again.

    Raises:
        ConfigError: The file is no copy of a store.
        UnavailableError: The disk is full, another process holds the store, or its server does not answer.
    """
    if not path.is_file():
        raise ConfigError(f"there is no backup {path}")
    _checked(path)
    if database.on_server:
        _carry_in(path, database)
        return
    target = _file(database)
    database.close()  # Its connections would hold the old pages.
    try:
        with (
            closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as saved,
            closing(sqlite3.connect(target)) as live,
        ):
            live.execute("PRAGMA busy_timeout=60000")
            live.execute("PRAGMA synchronous=FULL")
            saved.backup(live)
    except sqlite3.Error as error:
        raise UnavailableError(f"the store cannot be restored: {error}") from error


def _carry_out(database: Database, path: Path) -> None:
    """Write what a server holds at one moment into a new file."""
    try:
        Database(sqlite_url(path)).close()
    except ConfigError as error:
        raise UnavailableError(f"the backup {path.stem} cannot be written: {error.__cause__}") from error
    with closing(sqlite3.connect(path, isolation_level=None)) as file, database.read() as connection:
        # The file counts for nothing until it is whole, and is then one file.
        file.execute("PRAGMA journal_mode=OFF")
        file.execute("PRAGMA synchronous=OFF")
        file.execute("BEGIN")
        for table in metadata.sorted_tables:
            places = ", ".join("?" * len(table.columns))
            into = f"INSERT INTO {table.name} ({_columns(table)}) VALUES ({places})"  # noqa: S608 - names of ours
            rows = connection.execute(select(table), execution_options={"yield_per": _ROWS})
            for part in rows.partitions():
                file.executemany(into, [tuple(row) for row in part])
            if table.kwargs.get("sqlite_autoincrement"):
                given = f"SELECT last_value * is_called::int FROM {_sequence(table)}"  # noqa: S608 - names of ours
                last = connection.exec_driver_sql(given).scalar_one()
                file.execute("DELETE FROM sqlite_sequence WHERE name = ?", (table.name,))
                file.execute("INSERT INTO sqlite_sequence VALUES (?, ?)", (table.name, last))
        file.execute("COMMIT")


def _carry_in(path: Path, database: Database) -> None:
    """Make a server hold what a file does, in one transaction; who reads meanwhile sees what was there before."""
    with tempfile.TemporaryDirectory() as folder:
        own = Path(folder) / "copy.sqlite"
        try:
            shutil.copyfile(path, own)
        except OSError as error:
            raise UnavailableError(f"the backup {path} cannot be read: {error}") from error
        Database(sqlite_url(own)).close()  # It may be of an older version.
        with closing(sqlite3.connect(own)) as file, database.write() as connection:
            for table in reversed(metadata.sorted_tables):
                connection.execute(delete(table))
            for table in metadata.sorted_tables:
                _fill(connection, table, file)


def _fill(connection: Connection, table: Table, file: sqlite3.Connection) -> None:
    names = [column.name for column in table.columns]
    rows = file.execute(f"SELECT {_columns(table)} FROM {table.name}")  # noqa: S608 - names of ours
    while part := rows.fetchmany(_ROWS):
        values = [[storable(value) if isinstance(value, str) else value for value in row] for row in part]
        bulk.add(connection, table, [dict(zip(names, row, strict=True)) for row in values])
    if table.kwargs.get("sqlite_autoincrement"):
        given = file.execute("SELECT seq FROM sqlite_sequence WHERE name = ?", (table.name,)).fetchone()
        last = given[0] if given else 0
        connection.exec_driver_sql("SELECT setval(%s, %s, %s)", (_sequence(table), max(last, 1), last > 0))


def _columns(table: Table) -> str:
    return ", ".join(f'"{column.name}"' for column in table.columns)


def _sequence(table: Table) -> str:
    """Return what gives out the numbers of a table on a server."""
    (column,) = table.primary_key.columns
    return f"{table.name}_{column.name}_seq"


def _file(database: Database) -> Path:
    return Path(database.url.removeprefix("sqlite:///"))


def _checked(path: Path) -> None:
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro&immutable=1", uri=True)) as connection:
            whole = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
            ours = connection.execute(
                "SELECT count(*) FROM sqlite_master WHERE name IN ('alembic_version', 'records', 'meta')"
            ).fetchone()[0]
    except sqlite3.Error as error:
        raise ConfigError(f"{path} is no backup of a store: {error}") from error
    if whole != "ok" or ours != 3:
        raise ConfigError(f"{path} is no whole backup of a store: {whole if whole != 'ok' else 'tables are missing'}")


def _synced(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
