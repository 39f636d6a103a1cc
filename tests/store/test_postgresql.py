"""PostgreSQL as the store's server: its addresses, what befalls it, its one writer, and locks between machines."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import DBAPIError

from discovery.errors import ConfigError, ConflictError, DiscoveryError, UnavailableError
from discovery.model.source import Mapped, Source
from discovery.store import postgresql
from discovery.store.connection import Database
from discovery.store.postgresql import ServerLock
from discovery.store.store import Store

Make = Callable[..., Mapped]
SERVER = pytest.mark.stores(pytest.param("postgresql", marks=pytest.mark.peer))

HOLDER = """
import sys
from pathlib import Path
from discovery.store.postgresql import ServerLock
with ServerLock(Path(sys.argv[1]), "it is taken", url=sys.argv[2], name="n").hold():
    print("held", flush=True)
    sys.stdin.readline()
"""


@pytest.mark.parametrize(
    ("url", "seen"),
    [
        ("postgresql://ann:secret@db.example:6543/catalogue", "postgresql://ann@db.example:6543/catalogue"),
        ("postgres://db.example/catalogue?password=secret&sslmode=require", "postgresql://db.example/catalogue"),
        ("postgresql+psycopg://ann:s%40cret@[::1]/catalogue", "postgresql://ann@::1/catalogue"),
        ("postgresql:///catalogue?host=/run/postgresql", "postgresql:///catalogue"),
        ("postgresql://ann@one,two/catalogue?target_session_attrs=read-write", "postgresql://ann@one,two/catalogue"),
        ("postgresql://ann:secret@host:port/catalogue", "postgresql://..."),
    ],
)
def test_an_address_is_shown_without_what_is_secret(url: str, seen: str) -> None:
    assert postgresql.shown(url) == seen


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("postgresql://ann:hunter2@host/catalogue?colour=hunter2", "cannot be read"),
        ("postgresql://ann:hunter2@[::1/catalogue", "cannot be read"),
        ("postgresql://ann:hunter2%zz@host/catalogue", "cannot be read"),
        ("postgresql://ann@host:hunter2/catalogue", "has a port that is no number"),
        ("postgresql://ann:hunter2@host", "names no database"),
        ("postgresql+psycopg2://ann:hunter2@host/catalogue", "is not known; use sqlite"),
    ],
)
def test_an_address_that_cannot_be_used_is_refused_without_being_repeated(url: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says) as caught:
        Database(url)
    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_server_that_is_away_may_come_back() -> None:
    with pytest.raises(
        UnavailableError, match=r"postgresql://ann@127\.0\.0\.1:1/catalogue cannot be opened: .*refused"
    ):
        Database("postgresql://ann:hunter2@127.0.0.1:1/catalogue")


@pytest.mark.peer
def test_a_database_that_is_not_there_is_the_operators_business(postgresql: str) -> None:
    with pytest.raises(ConfigError, match='database "nowhere" does not exist'):
        Database(f"{postgresql}/nowhere")


@SERVER
def test_a_database_that_cannot_hold_every_text_is_refused(store: Store) -> None:
    name = store.database.url.rsplit("/", 1)[1]
    with store.database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql(
            f"CREATE DATABASE {name}_latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0 LOCALE_PROVIDER libc"
        )
        try:
            with pytest.raises(ConfigError, match="keeps LATIN1; make one with ENCODING 'UTF8'"):
                Database(f"{store.database.url}_latin")
        finally:
            connection.exec_driver_sql(f"DROP DATABASE {name}_latin WITH (FORCE)")


@SERVER
@pytest.mark.parametrize("state", ["53100", "57014", "55P03", "25006", "40001", "XX001", "57P01", "42501"])
def test_what_befalls_the_server_is_no_error_of_ours(store: Store, state: str) -> None:
    raised = f"DO $$ BEGIN RAISE EXCEPTION 'it was so' USING ERRCODE = '{state}'; END $$"
    with pytest.raises(UnavailableError, match="the store cannot be written: it was so"), store.database.write() as to:
        to.exec_driver_sql(raised)
    with pytest.raises(UnavailableError, match="the store cannot be read: it was so"), store.database.read() as from_:
        from_.exec_driver_sql(raised)


@SERVER
def test_a_mistake_of_ours_is_no_fault_of_the_server(store: Store) -> None:
    with pytest.raises(DBAPIError), store.database.read() as connection:
        connection.exec_driver_sql("SELECT nonsense")


@SERVER
def test_a_reader_cannot_write(store: Store) -> None:
    with pytest.raises(UnavailableError, match="read-only transaction"), store.database.read() as connection:
        connection.exec_driver_sql("INSERT INTO meta VALUES ('a', 'b')")


@SERVER
def test_a_writer_that_waits_too_long_says_so(store: Store, mapped: Make) -> None:
    with store.database.read() as connection:
        # The pool gives this connection to the next one who asks.
        connection.exec_driver_sql("SET lock_timeout = '20ms'")
        connection.commit()
    other = Store(store.database.url)
    with other.database.write(), pytest.raises(UnavailableError, match="lock timeout"):
        store.ingest.page("s", 1, [mapped("a")])
    other.close()
    assert store.ingest.page("s", 1, [mapped("a")]).added == 1


@SERVER
def test_connections_that_the_server_has_ended_are_made_anew(store: Store, mapped: Make) -> None:
    other = Store(store.database.url)
    with other.database.write() as connection:
        connection.exec_driver_sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    other.close()
    assert store.catalogue.last_change() == 0
    assert store.ingest.page("s", 1, [mapped("a")]).added == 1


@SERVER
def test_a_store_goes_on_when_its_server_is_back(store: Store, postgresql: str, mapped: Make) -> None:
    import psycopg

    store.ingest.page("s", 1, [mapped("a")])
    name = store.database.url.rsplit("/", 1)[1]
    with psycopg.connect(f"{postgresql}/postgres", autocommit=True) as outside:
        outside.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false".encode())
        outside.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
        with pytest.raises(UnavailableError, match=r"the store cannot be read: .*not currently accepting"):
            store.catalogue.last_change()
        with pytest.raises(UnavailableError, match="the store cannot be written"):
            store.ledger.begin("s")
        outside.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true".encode())
    assert store.catalogue.last_change() == 1
    assert store.ingest.page("s", 1, [mapped("b")]).added == 1


@SERVER
def test_a_writer_whose_connection_breaks_leaves_nothing(store: Store) -> None:
    with pytest.raises(UnavailableError), store.database.write() as connection:
        connection.exec_driver_sql("INSERT INTO meta VALUES ('a', 'b'); SELECT pg_terminate_backend(pg_backend_pid())")
    assert store.ledger.fact("a", "nothing") == "nothing"


@SERVER
def test_lists_are_ordered_as_on_sqlite(store: Store) -> None:
    """The server of these tests orders words by a language, as most do."""
    with store.database.read() as connection:
        found = connection.exec_driver_sql("SELECT * FROM (VALUES ('B'), ('a')) AS v(w) ORDER BY w").scalars().all()
        assert found == ["a", "B"]
    names = ["z", "a", "B", "_", "a-b", "a.b", "A", "é"]
    for name in names:
        store.ledger.add_source(Source(name, "stac-items", "file:x"))
    assert [each.id for each in store.ledger.sources()] == sorted(names)


@SERVER
def test_every_text_is_compared_by_its_characters(store: Store) -> None:
    with store.database.read() as connection:
        found = connection.exec_driver_sql(
            "SELECT table_name, column_name FROM information_schema.columns WHERE data_type = 'text' "
            "AND table_schema = current_schema() AND collation_name IS DISTINCT FROM 'C'"
        ).all()
    assert found == []


@SERVER
def test_a_walk_that_finds_nothing_new_touches_no_index(store: Store, mapped: Make) -> None:
    page = [mapped(f"r{n}") for n in range(200)]
    for walk in (1, 2, 3):
        store.ingest.page("s", walk, page)
    with store.database.write() as connection:
        connection.exec_driver_sql("SELECT pg_stat_force_next_flush()")
    with store.database.read() as connection:
        statement = "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = 'records'"
        updated, beside = connection.exec_driver_sql(statement).one()
    assert updated == 400
    assert beside > 350


@SERVER
def test_numbers_grow_in_the_order_in_which_they_can_be_seen(store: Store, mapped: Make) -> None:
    """A reader that follows `change > n` beside eight writers of four processes' connections misses none."""
    others = [Store(store.database.url) for _ in range(4)]
    writers = [
        threading.Thread(
            target=lambda w=w: [
                others[w % 4].ingest.page("s", 1, [mapped(f"{w}-{n}-{k}") for k in range(3)]) for n in range(10)
            ]
        )
        for w in range(8)
    ]
    for each in writers:
        each.start()
    seen: list[int] = []
    while any(each.is_alive() for each in writers) or len(seen) < store.catalogue.last_change():
        seen += [each.change for each in store.catalogue.changes("resources", seen[-1] if seen else 0)]
    for each in writers:
        each.join()
    for other in others:
        other.close()
    assert seen == list(range(1, 241))


@SERVER
def test_a_lock_is_held_by_one_on_whatever_machine(store_url: str, tmp_path: Path) -> None:
    one = ServerLock(tmp_path / "one", "it is taken", url=store_url, name="n")
    two = ServerLock(tmp_path / "two", "it is taken", url=store_url, name="n")
    other = ServerLock(tmp_path / "three", "it is taken", url=store_url, name="m")
    says = f"it is taken by process {os.getpid()} on "
    with one.hold(), other.hold(), pytest.raises(ConflictError, match=says), two.hold():
        pass
    with two.hold():
        pass
    for each in (one, two, other):
        each.close()


@SERVER
@pytest.mark.slow
def test_a_lock_is_free_when_its_holder_was_killed(store_url: str, tmp_path: Path) -> None:
    command: list[Any] = [sys.executable, "-c", HOLDER, tmp_path / "one", store_url]
    lock = ServerLock(tmp_path / "two", "it is taken", url=store_url, name="n")
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(ConflictError, match=f"process {holder.pid} on"), lock.hold():
            pass
        holder.send_signal(signal.SIGKILL)
    with lock.hold(wait=10):
        pass
    lock.close()


@SERVER
def test_a_lock_that_was_lost_with_its_connection_can_be_had_again(store: Store, tmp_path: Path) -> None:
    lock = ServerLock(tmp_path / "one", "it is taken", url=store.database.url, name="n")
    with lock.hold(), store.database.write() as connection:
        connection.exec_driver_sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    with lock.hold():
        pass
    lock.close()


def test_a_lock_without_its_server_cannot_be_had(tmp_path: Path) -> None:
    lock = ServerLock(tmp_path / "one", "it is taken", url="postgresql://ann:hunter2@127.0.0.1:1/c", name="n")
    with pytest.raises(UnavailableError, match="the lock n cannot be had") as caught, lock.hold():
        pass
    assert "hunter2" not in str(caught.value)
    assert isinstance(caught.value, DiscoveryError)
