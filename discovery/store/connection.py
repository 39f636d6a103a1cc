"""Opening the store: one engine a process, migrated to the newest schema, durable by default."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.exc import DatabaseError, DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.pool import QueuePool

from discovery.errors import ConfigError, UnavailableError
from discovery.store import postgresql, schema

_PATIENCE: Final = 60
"""Seconds that a writer waits for another one."""


class Database:
    """The connections of one store; reads and writes are separate, so that a reader never waits for a writer.

    Raises:
        ConfigError: The address is not one of a store, or a newer version of Discovery wrote it.
        UnavailableError: The server of the store does not answer.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.on_server = _is_server(url)
        self.engine = _engine(url)
        # Without this a server shows each statement a moment of its own; SQLite knows nothing else.
        moment = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True} if self.on_server else {}
        self._reader = self.engine.execution_options(**moment)
        try:
            self._prepare()
        except DBAPIError as error:
            self.engine.dispose()
            raise self._cannot_be_opened(error) from error
        except ConfigError:
            self.engine.dispose()
            raise

    @property
    def address(self) -> str:
        """The address without what is secret in it."""
        return postgresql.shown(self.url) if self.on_server else self.url

    def _cannot_be_opened(self, error: DBAPIError) -> ConfigError | UnavailableError:
        message = f"the store at {self.address} cannot be opened: {postgresql.reason(error.orig)}"
        away = self.on_server and postgresql.is_outside(error) and not postgresql.is_refused(error)
        return UnavailableError(message) if away else ConfigError(message)

    def _prepare(self) -> None:
        with self._reader.connect() as connection:
            found = _version(connection)
        if found != schema.HEAD:
            from discovery.store import migrate  # Alembic takes 0.2 s to import and is needed once a version.

            migrate.upgrade(self.engine, found)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Give a connection whose reads all see the same moment.

        Raises:
            UnavailableError: The files of the store are damaged, or its server does not answer.
        """
        try:
            with self._reader.connect() as connection:
                yield connection
        except (DatabaseError, PoolTimeoutError) as error:
            if not self._is_outside(error):
                raise
            raise UnavailableError(f"the store cannot be read: {_reason(error)}") from error

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Give a connection whose writes happen together or not at all.

        Raises:
            UnavailableError: The disk is full, or another writer held on for longer than a minute.
        """
        try:
            with self.engine.connect().execution_options(writes=True) as connection, connection.begin():
                yield connection
        except (DatabaseError, PoolTimeoutError) as error:
            if not self._is_outside(error):
                raise
            raise UnavailableError(f"the store cannot be written: {_reason(error)}") from error

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()

    def _is_outside(self, error: DatabaseError | PoolTimeoutError) -> bool:
        """Tell a full disk, a lock, a server that has gone or a damaged file from mistakes of our own."""
        if isinstance(error, PoolTimeoutError):
            return True
        if self.on_server:
            return postgresql.is_outside(error)
        # For SQLite a damaged file is a bare DatabaseError.
        return isinstance(error, OperationalError) or type(error) is DatabaseError


def is_behind(url: str) -> bool:
    """Say whether a store is there and will be brought to another schema when it is opened: that may take minutes.

    One that cannot be read is told of by whoever opens it.
    """
    if not _is_server(url) and not Path(url.removeprefix("sqlite:///")).is_file():
        return False
    engine = _engine(url)
    try:
        with engine.connect() as connection:
            return _version(connection) not in (None, schema.HEAD)
    except DBAPIError:
        return False
    finally:
        engine.dispose()


def sqlite_url(path: Path) -> str:
    """Return the address of a SQLite store in a file."""
    return f"sqlite:///{path}"


def _reason(error: DatabaseError | PoolTimeoutError) -> str:
    if isinstance(error, PoolTimeoutError):
        return "every connection to it is in use"
    return postgresql.reason(error.orig)


def _version(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def _is_server(url: str) -> bool:
    return not url.startswith("sqlite:")


def _engine(url: str) -> Engine:
    return _server(url) if _is_server(url) else _sqlite(url)


def _sqlite(url: str) -> Engine:
    path = url.removeprefix("sqlite:///")
    if path in {"", ":memory:", url}:
        # Every connection would have a memory of its own.
        raise ConfigError(f"store {url[:200]!r} names no file; use sqlite:///FILE")
    try:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"the store at {path} cannot be opened: {error.strerror}") from error
    engine = create_engine(url, poolclass=QueuePool, pool_size=16, max_overflow=32)

    @event.listens_for(engine, "connect")
    def connect(connection: sqlite3.Connection, _record: object) -> None:
        # The driver's own transaction handling would begin late and commit early; SQLAlchemy's events below do it.
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout={1000 * _PATIENCE}")
        _keep_log(cursor)
        for pragma in (
            # WAL with FULL keeps an acknowledged page through power loss, not only through a killed process.
            "synchronous=FULL",
            # Pages of the log that are copied into the file at a time, 16 MiB: a harvest writes the same pages of its
            # indexes again and again, and each copy of one costs as much as the first.
            "wal_autocheckpoint=4000",
            "foreign_keys=ON",
            # Pages are read from the mapped file, which all connections share; a cache is one connection's own, and a
            # server has dozens of them.
            "cache_size=-8192",
            "mmap_size=2147418112",
            "temp_store=MEMORY",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # A deferred transaction that reads first and writes later may fail at once with SQLITE_BUSY; take the lock now.
        writes = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _keep_log(cursor: sqlite3.Cursor) -> None:
    """Have the file written by a log beside it, waiting for whoever else is just doing so.

    Of all that needs a lock this alone is refused at once: two that made the same new file met here.
    """
    until = time.monotonic() + _PATIENCE
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
            time.sleep(0.01)
        else:
            return


def _server(url: str) -> Engine:
    if not postgresql.is_address(url):
        raise ConfigError(
            f"store {url.split(':', maxsplit=1)[0]!r} is not known; use sqlite:///FILE or postgresql://..."
        )
    return postgresql.open_engine(url)
