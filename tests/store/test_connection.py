"""Opening a store: addresses that are none, durability, and readers beside a writer."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy.exc import IntegrityError

from discovery.errors import ConfigError, DiscoveryError, UnavailableError
from discovery.store import schema
from discovery.store.connection import Database, is_behind, sqlite_url


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("mysql://host/db", "'mysql' is not known; use sqlite"),
        ("catalogue.sqlite", "is not known; use sqlite"),
        ("", "is not known; use sqlite"),
        ("sqlite:catalogue.sqlite", "sqlite:///FILE"),
        ("sqlite://catalogue.sqlite", "sqlite:///FILE"),
        ("sqlite:///", "sqlite:///FILE"),
        ("sqlite:///:memory:", "sqlite:///FILE"),
    ],
)
def test_an_address_of_no_store_is_refused_by_name(url: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        Database(url)


def test_a_file_that_is_no_store_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "letter.txt"
    path.write_text("Dear Ann, " * 100)
    with pytest.raises(ConfigError, match="cannot be opened"):
        Database(sqlite_url(path))
    assert path.read_text() == "Dear Ann, " * 100


def test_a_folder_that_cannot_be_made_is_the_operators_business(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="cannot be opened"):
        Database(sqlite_url(tmp_path / "file" / "catalogue.sqlite"))


def test_a_password_in_an_address_is_not_repeated() -> None:
    with pytest.raises(UnavailableError) as caught:
        Database("postgresql://ann:hunter2@127.0.0.1:1/catalogue")
    assert "hunter2" not in str(caught.value)


def test_a_store_is_made_where_its_folder_is_missing_and_survives_power_loss(tmp_path: Path) -> None:
    database = Database(sqlite_url(tmp_path / "a" / "b" / "catalogue.sqlite"))
    with database.read() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2, "2 is FULL"
    database.close()


def test_readers_see_one_moment_and_do_not_wait_for_a_writer(tmp_path: Path) -> None:
    database = Database(sqlite_url(tmp_path / "catalogue.sqlite"))
    count = "SELECT count(*) FROM meta"
    with database.read() as reader:
        assert reader.exec_driver_sql(count).scalar() == 0
        with database.write() as writer:
            writer.exec_driver_sql("INSERT INTO meta VALUES ('a', 'b')")
            assert reader.exec_driver_sql(count).scalar() == 0
        assert reader.exec_driver_sql(count).scalar() == 0
    with database.read() as reader:
        assert reader.exec_driver_sql(count).scalar() == 1
    database.close()


def test_a_write_that_fails_leaves_nothing(tmp_path: Path) -> None:
    database = Database(sqlite_url(tmp_path / "catalogue.sqlite"))
    with pytest.raises(IntegrityError), database.write() as writer:
        writer.exec_driver_sql("INSERT INTO meta VALUES ('a', 'b'), ('c', NULL)")
    with database.read() as reader:
        assert reader.exec_driver_sql("SELECT count(*) FROM meta").scalar() == 0
    database.close()


def test_writers_wait_for_each_other(tmp_path: Path) -> None:
    database = Database(sqlite_url(tmp_path / "catalogue.sqlite"))

    def add(name: int) -> None:
        for n in range(10):
            with database.write() as writer:
                writer.exec_driver_sql(f"INSERT INTO meta VALUES ('{name}-{n}', '')")

    threads = [threading.Thread(target=add, args=(name,)) for name in range(6)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    with database.read() as reader:
        assert reader.exec_driver_sql("SELECT count(*) FROM meta").scalar() == 60
    database.close()


def test_a_damaged_file_is_said_to_be_unavailable(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.sqlite"
    database = Database(sqlite_url(path))
    with database.write() as writer:
        for n in range(2000):
            writer.exec_driver_sql(f"INSERT INTO meta VALUES ('{n}', '{'x' * 100}')")
    database.close()
    with sqlite3.connect(path) as plain:
        plain.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    plain.close()
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(size // 2)
        file.write(os.urandom(size // 2))
    database = Database(sqlite_url(path))
    with pytest.raises(UnavailableError, match="the store cannot be read"), database.read() as reader:
        reader.exec_driver_sql("SELECT * FROM meta").all()
    with pytest.raises(DiscoveryError), database.write() as writer:
        writer.exec_driver_sql("UPDATE meta SET value = 'y'")
    database.close()


def test_a_new_file_that_somebody_else_is_just_making_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.sqlite"
    maker = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    maker.execute("BEGIN IMMEDIATE")
    maker.execute("CREATE TABLE making (x)")
    with closing(sqlite3.connect(path)) as other, pytest.raises(sqlite3.OperationalError, match="locked"):
        # SQLite has five seconds for everything else that is locked, and none for this.
        other.execute("PRAGMA journal_mode=WAL")
    done = threading.Timer(0.3, lambda: maker.execute("COMMIT"))
    began = time.monotonic()
    done.start()
    Database(sqlite_url(path)).close()
    done.join()
    maker.close()
    assert time.monotonic() - began > 0.2


@pytest.mark.slow
@pytest.mark.stores
def test_a_store_of_another_schema_is_known_before_it_is_opened(
    store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not is_behind(store_url)
    monkeypatch.setattr(schema, "HEAD", "0011")
    assert is_behind(store_url)


def test_a_store_that_is_not_there_or_cannot_be_read_is_not_behind(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.sqlite"
    assert not is_behind(sqlite_url(path))
    assert not path.exists()
    path.write_bytes(b"something else entirely" * 99)
    assert not is_behind(sqlite_url(path))
