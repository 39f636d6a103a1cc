"""PostgreSQL as the server of a store: its addresses, its connections, its errors, and locks between machines.

One writer at a time, as SQLite has it: a writer takes an advisory lock first, so change numbers become visible in their
order and every rule that holds on SQLite holds here. Readers never wait; each sees one moment.
"""

from __future__ import annotations

import os
import re
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Connection, Engine, LargeBinary, create_engine, event
from sqlalchemy.exc import DBAPIError

from discovery.errors import ConfigError, ConflictError, UnavailableError
from discovery.lock import Lock
from discovery.store.bulk import DIGEST
from discovery.store.schema import metadata

if TYPE_CHECKING:
    import psycopg

SCHEMES: Final = ("postgresql:", "postgres:", "postgresql+psycopg:")
_FORM: Final = "postgresql://USER:PASSWORD@HOST:PORT/DATABASE"
_DEFAULTS: Final[dict[str, Any]] = {
    "connect_timeout": "10",
    # A server that has gone without a word is noticed within a minute, not after the two hours of most systems.
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    "tcp_user_timeout": "60000",
}
_SESSION: Final = (
    # As SQLite's busy_timeout.
    "SET lock_timeout = '60s'; "
    # A reader asks for a page or a count; writers have a limit of their own (see _BEGIN).
    "SET statement_timeout = '300s'; "
    # A writer whose machine has gone would keep every other one waiting.
    "SET idle_in_transaction_session_timeout = '300s'; "
    "SET tcp_keepalives_idle = 30; SET tcp_keepalives_interval = 10; SET tcp_keepalives_count = 3; "
    # Instants are numbers here, and words are compared by us.
    "SET client_min_messages = warning"
)
_LOCKS: Final = 0x44495343
"""The first half of the number of the writers' lock, so that it is nobody else's in a shared database."""
# What deletes or migrates millions of rows takes its time; who waits for the lock does not wait for ever.
_BEGIN: Final = (
    f"SELECT set_config('statement_timeout', '0', true), pg_advisory_xact_lock({_LOCKS}, hashtext(current_schema()))"
)
_TRY: Final = "SELECT pg_try_advisory_lock(hashtextextended(current_schema() || '/' || %s, 0))"
_RELEASE: Final = "SELECT pg_advisory_unlock(hashtextextended(current_schema() || '/' || %s, 0))"
_HOLDER: Final = (
    "SELECT application_name FROM pg_locks JOIN pg_stat_activity USING (pid) "
    "WHERE locktype = 'advisory' AND granted AND objsubid = 1 AND pg_locks.database = pg_stat_activity.datid "
    "AND (classid::bigint << 32) | objid::bigint = hashtextextended(current_schema() || '/' || %s, 0)"
)
_OUTSIDE: Final = re.compile("08|25|28|40|53|54|55|57|58|XX|42501")
"""Classes of errors that are not ours: the connection, a standby, the disk, a limit, a lock, an operator, damage."""

_REFUSALS: Final = (
    "authentication failed",
    "does not exist",
    "pg_hba.conf",
    "permission denied",
    "no password supplied",
)
"""What a connection that was refused says; the driver has no number for it."""


def is_address(url: str) -> bool:
    """Say whether an address is one of a PostgreSQL server."""
    return url.startswith(SCHEMES)


def shown(url: str) -> str:
    """Return an address without what is secret in it."""
    try:
        parts = _parts(url)
    except ConfigError:
        return "postgresql://..."
    user = f"{parts['user']}@" if "user" in parts else ""
    host = str(parts.get("host", parts.get("hostaddr", "")))
    port = f":{parts['port']}" if str(parts.get("port", "")).isdigit() else ""
    return f"postgresql://{user}{'' if host.startswith('/') else host}{port}/{parts.get('dbname', '')}"


def open_engine(url: str) -> Engine:
    """Return the connections to a server; none is made yet.

    Raises:
        ConfigError: The address cannot be read, or the driver is not installed.
    """
    parts = _parts(url)
    engine = create_engine(
        "postgresql+psycopg://",
        connect_args=parts,
        # A server has room for a hundred connections by default, and a portal has several processes.
        pool_size=8,
        max_overflow=16,
        pool_pre_ping=True,
        pool_recycle=1800,
    )

    @event.listens_for(engine, "connect")
    def connect(connection: psycopg.Connection[Any], _record: object) -> None:
        encoding = connection.info.parameter_status("server_encoding")
        if encoding != "UTF8":
            raise ConfigError(f"the database at {shown(url)} keeps {encoding}; make one with ENCODING 'UTF8'")
        with connection.cursor() as cursor:
            cursor.execute(_SESSION)
        connection.commit()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        if connection.get_execution_options().get("writes", False):
            connection.exec_driver_sql(_BEGIN)

    return engine


def fit(connection: Connection) -> None:
    """Make the tables fit the server; done after each migration, so that none of them has to think of it."""
    _compare_by_characters(connection)
    _leave_packed(connection)
    _digest_places(connection)
    _leave_room(connection)


def _compare_by_characters(connection: Connection) -> None:
    """Let every text compare and sort by its characters, as on SQLite, whatever the database's language."""
    columns = connection.exec_driver_sql(
        "SELECT quote_ident(table_name), string_agg("
        "format('ALTER COLUMN %%I TYPE text COLLATE \"C\"', column_name), ', ' ORDER BY ordinal_position) "
        "FROM information_schema.columns WHERE table_schema = current_schema() AND data_type = 'text' "
        "AND collation_name IS DISTINCT FROM 'C' AND table_name = ANY(%(tables)s) GROUP BY table_name",
        {"tables": list(metadata.tables)},
    ).all()
    for table, changes in columns:
        connection.exec_driver_sql(f"ALTER TABLE {table} {changes}")


def _leave_packed(connection: Connection) -> None:
    """Tell the server that bodies are packed already, so that it does not try to."""
    for table in metadata.tables.values():
        for column in table.columns:
            if isinstance(column.type, LargeBinary):
                connection.exec_driver_sql(f"ALTER TABLE {table.name} ALTER COLUMN {column.name} SET STORAGE EXTERNAL")


def _digest_places(connection: Connection) -> None:
    """Let elements with names of any length into quarantine: an entry of an index has room for 2,700 bytes."""
    connection.exec_driver_sql(
        f"CREATE OR REPLACE FUNCTION {DIGEST}(text) RETURNS bytea LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE "
        "RETURN pg_catalog.sha256(pg_catalog.convert_to($1, 'UTF8'))"
    )
    connection.exec_driver_sql("ALTER TABLE quarantine DROP CONSTRAINT IF EXISTS quarantine_by_place")
    places = ", ".join(f"{DIGEST}({name})" for name in ("container", "source_id", "position"))
    connection.exec_driver_sql(
        f"CREATE UNIQUE INDEX IF NOT EXISTS quarantine_by_place ON quarantine (source, {places})"
    )


def _leave_room(connection: Connection) -> None:
    """Let a walk mark what it has seen at half of the price: the new row stands beside the old one.

    That is so where no column of an index changes and the page has room, which is soon free again.
    """
    connection.exec_driver_sql("ALTER TABLE records SET (fillfactor = 50)")
    connection.exec_driver_sql("DROP INDEX IF EXISTS records_by_walk")
    connection.exec_driver_sql("CREATE INDEX IF NOT EXISTS records_by_source ON records (source)")


def is_outside(error: DBAPIError) -> bool:
    """Tell what has befallen the server, the way to it or its disk from mistakes of our own."""
    state = getattr(error.orig, "sqlstate", None)
    if state is None:  # The server has said nothing: the connection was not made, or broke.
        return error.connection_invalidated or type(error.orig).__name__ in {"OperationalError", "ConnectionTimeout"}
    return _OUTSIDE.match(state) is not None


def is_refused(error: DBAPIError) -> bool:
    """Say whether the server is there and will not have us: a password, a database or a right is wrong."""
    return any(each in str(error.orig) for each in _REFUSALS)


def reason(error: BaseException | None) -> str:
    """Return what the driver says on one line."""
    return " ".join(str(error).split())


def _parts(url: str) -> dict[str, Any]:
    """Return the parameters of a connection; the server's own library reads the address, so its forms are all known."""
    try:
        from psycopg import Error
        from psycopg.conninfo import conninfo_to_dict
    except ImportError as error:
        missing = f"a store on PostgreSQL needs the package {error.name}; install discovery-portal[postgres]"
        raise ConfigError(missing) from error
    try:
        given = conninfo_to_dict(f"postgresql:{url.split(':', 1)[1]}")
    except (Error, ValueError):
        # Not what the library says of it, which repeats parts of the address, a password among them.
        raise ConfigError(f"the address of the store cannot be read; use {_FORM}") from None
    if not all(each.isdigit() or not each for each in str(given.get("port") or "").split(",")):
        raise ConfigError(f"the address of the store has a port that is no number; use {_FORM}")
    given = {name: value for name, value in given.items() if value is not None}
    if "\0" in url or (not given.get("dbname") and "service" not in given):
        raise ConfigError(f"the address of the store names no database; use {_FORM}")
    return _DEFAULTS | {"application_name": _own_name()} | given | {"client_encoding": "UTF8"}


def _own_name() -> str:
    return f"discovery, process {os.getpid()} on {socket.gethostname()}"[:63]


class ServerLock(Lock):
    """A lock that one process has at a time, on whatever machine: the file of this one, and a lock of the server.

    The server frees it when its holder dies, or a minute and a half after the holder's machine has gone. When the
    server itself is started anew, the lock is free while its holder may still believe to have it: what is done under
    it must be right then too, only not done twice for nothing.

    Args:
        path: The file that keeps the processes of this machine apart.
        taken: What is so while somebody has it, as the error begins.
        url: The address of the server.
        name: What the lock is for, the same on every machine.
    """

    _connection: psycopg.Connection[Any] | None = None

    def __init__(self, path: Path, taken: str, *, url: str, name: str) -> None:
        super().__init__(path, taken)
        self._parts = _parts(url)
        self._name = name

    @contextmanager
    def hold(self, *, wait: float = 0.0) -> Iterator[None]:
        """Hold the lock alone while the block runs.

        Raises:
            ConflictError: Somebody else has it, and still had after `wait` seconds; the message says who.
            UnavailableError: The server does not answer, or the file cannot be made.
        """
        deadline = time.monotonic() + wait
        with super().hold(wait=wait):
            self._take(deadline)
            try:
                yield
            finally:
                self._give_back()

    def __del__(self) -> None:
        # Whoever asks for a lock once does not think of what it keeps for the next time.
        self.close()

    def close(self) -> None:
        """Close the connection that is kept for the next time."""
        kept, self._connection = self._connection, None
        if kept is not None:
            with suppress(Exception):
                kept.close()

    def _take(self, deadline: float) -> None:
        import psycopg

        try:
            while not self._asked(_TRY):
                if time.monotonic() >= deadline:
                    holder = self._asked(_HOLDER) or "another process"
                    raise ConflictError(f"{self.taken} by {str(holder).removeprefix('discovery, ')}")
                time.sleep(0.2)
        except psycopg.Error as error:
            self.close()
            raise UnavailableError(f"the lock {self._name} cannot be had: {reason(error)}") from error

    def _give_back(self) -> None:
        import psycopg

        try:
            self._asked(_RELEASE)
        except psycopg.Error:
            self.close()  # With its connection the lock has gone.

    def _asked(self, statement: str) -> Any:
        import psycopg

        if self._connection is None or self._connection.closed:
            self._connection = psycopg.connect(**self._parts, autocommit=True)
            self._connection.execute(_SESSION)
        row = self._connection.execute(statement, [self._name]).fetchone()
        return None if row is None else row[0]
