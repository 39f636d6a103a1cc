"""Copies of a SQLite store: whole ones, taken while others write, and put back in one step."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

from discovery.errors import ConfigError, ConflictError, UnavailableError
from discovery.store.connection import Database


def write(database: Database, path: Path, *, replace: bool = False) -> int:
    """Write a copy of the store as it is now to a file, and return its size in bytes.

    The copy is one moment of the store, whoever writes meanwhile; it is checked before it gets its name, so a file of
    that name is a whole one. It is an ordinary SQLite file.

    Raises:
        ConflictError: The file is there already, and is not to be replaced.
        ConfigError: The store is no SQLite store.
        UnavailableError: The disk is full or refuses.
    """
    source = _file(database)
    if path.exists() and not replace:
        raise ConflictError(f"{path} is there already; name another file or say --replace")
    part = path.with_name(f"{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.unlink(missing_ok=True)
        with closing(sqlite3.connect(f"{source.resolve().as_uri()}?mode=ro", uri=True)) as connection:
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
        with suppress(OSError):
            part.unlink(missing_ok=True)


def restore(path: Path, database: Database) -> None:
    """Make the store what a copy holds, in one transaction: a kill leaves the old store or the new one.

    The schema of the copy may be older; opening the store again migrates it. The index has to be built again.

    Raises:
        ConfigError: The file is no copy of a store, or the store is no SQLite store.
        UnavailableError: The disk is full, or another process holds the store.
    """
    target = _file(database)
    if not path.is_file():
        raise ConfigError(f"there is no backup {path}")
    _checked(path)
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


def _file(database: Database) -> Path:
    if not database.url.startswith("sqlite:///"):
        raise ConfigError("the store is kept by a server; save it with the server's own tools, such as pg_dump")
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
