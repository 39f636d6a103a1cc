"""The whole store: its secret, its health, and who may use it at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from discovery.model.record import Record
from discovery.model.source import Mapped, RawRecord
from discovery.store.connection import sqlite_url
from discovery.store.store import Store

pytestmark = pytest.mark.stores


def test_a_secret_is_made_once_and_the_same_everywhere(store: Store) -> None:
    secret = store.secret()
    other = Store(store.database.url)
    assert len(secret) == 32
    assert store.secret() == other.secret() == secret
    other.close()


def test_two_stores_have_two_secrets(tmp_path: Path, store: Store) -> None:
    other = Store(sqlite_url(tmp_path / "other.sqlite"))
    assert other.secret() != store.secret()
    other.close()


def test_a_sound_store_has_nothing_to_complain_of(store: Store) -> None:
    assert store.check() == []


@pytest.mark.stores("sqlite")
def test_damage_is_told_in_sentences(store: Store, tmp_path: Path) -> None:
    records = [Record("s", "c", str(n), "dataset", f"Title {n} " + "x" * 300) for n in range(2000)]
    store.ingest.page("s", 1, [Mapped(each, RawRecord("c", each.source_id, b"{}")) for each in records])
    store.close()
    path = tmp_path / "catalogue.sqlite"
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(size // 2)
        file.write(b"\xa5" * (size // 4))
    damaged = Store(sqlite_url(path))
    found = damaged.check()
    assert found
    assert all(each.startswith("store: ") for each in found)
    damaged.close()


@pytest.mark.stores(pytest.param("postgresql", marks=pytest.mark.peer))
def test_what_does_not_agree_on_a_server_is_told_in_sentences(store: Store) -> None:
    records = [Record("s", "c", str(n), "dataset", f"Title {n}") for n in range(3)]
    store.ingest.page("s", 1, [Mapped(each, RawRecord("c", each.source_id, b"{}")) for each in records])
    with store.database.write() as connection:
        connection.exec_driver_sql("DELETE FROM raws WHERE key = (SELECT min(key) FROM raws)")
        connection.exec_driver_sql("UPDATE meta SET value = '1' WHERE name = 'change'")
    assert store.check() == [
        "store: 1 records have nothing of what was sent; harvest their sources again",
        "store: change number 3 is in use and the last one given is 1; restore a backup",
    ]


def test_what_was_stored_is_there_after_opening_again(store: Store) -> None:
    record = Record("s", "c", "a", "dataset", "T")
    store.ingest.page("s", 1, [Mapped(record, RawRecord("c", "a", b"{}"))])
    store.close()
    again = Store(store.database.url)
    assert again.catalogue.get(record.id).record == record
    again.close()
