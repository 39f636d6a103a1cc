from __future__ import annotations

import resource
import shutil
import sqlite3
import stat
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import LargeBinary, Text, insert

from discovery.errors import ConfigError, ConflictError, UnavailableError
from discovery.model.record import Issue, Record
from discovery.model.source import Checkpoint, Mapped, Quarantined, RawRecord, Source
from discovery.store import backup
from discovery.store.connection import sqlite_url
from discovery.store.schema import metadata
from discovery.store.store import Store

RESTORING = """
import os, signal, sys, threading, time
from pathlib import Path
from discovery.store import backup
from discovery.store.store import Store
store = Store(sys.argv[1])
print("ready", flush=True)
threading.Timer(float(sys.argv[3]), os.kill, (os.getpid(), signal.SIGKILL)).start()
while True:
    backup.restore(Path(sys.argv[2]), store.database)
"""


pytestmark = pytest.mark.stores


def write(store: Store, *names: str) -> None:
    records = [Record("s", "c", name, "dataset", f"Title {name}") for name in names]
    store.ingest.page("s", 1, [Mapped(each, RawRecord("c", each.source_id, b"{}" * 50)) for each in records])


def names(store: Store) -> set[str]:
    return {row["source_id"] for row in store.catalogue.export()}


def test_a_copy_holds_every_record_with_its_numbers(store: Store, tmp_path: Path) -> None:
    write(store, *(f"r{n}" for n in range(100)))
    store.secret()
    path = tmp_path / "copies" / "a.sqlite"
    assert backup.write(store.database, path) == path.stat().st_size > 0
    copy = Store(sqlite_url(path))
    assert list(copy.catalogue.export()) == list(store.catalogue.export())
    assert copy.catalogue.last_change() == store.catalogue.last_change()
    assert copy.secret() == store.secret()
    copy.close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_copy_is_one_moment_of_a_store_that_is_written(store: Store, tmp_path: Path) -> None:
    done = threading.Event()

    def go_on() -> None:
        number = 0
        while not done.is_set():
            write(store, f"a{number}", f"b{number}")
            number += 1

    writer = threading.Thread(target=go_on)
    writer.start()
    try:
        for number in range(5):
            backup.write(store.database, tmp_path / f"{number}.sqlite")
    finally:
        done.set()
        writer.join()
    for number in range(5):
        copy = Store(sqlite_url(tmp_path / f"{number}.sqlite"))
        found = names(copy)
        assert {each[1:] for each in found if each[0] == "a"} == {each[1:] for each in found if each[0] == "b"}
        copy.close()


def test_restoring_brings_back_that_moment(store: Store, tmp_path: Path) -> None:
    write(store, "a", "b")
    backup.write(store.database, tmp_path / "a.sqlite")
    write(store, "c")
    store.ingest.remove("s")
    backup.restore(tmp_path / "a.sqlite", store.database)
    again = Store(store.database.url)
    assert names(again) == {"a", "b"}
    write(again, "d")
    assert names(again) == {"a", "b", "d"}
    assert again.check() == []
    again.close()


@pytest.mark.peer
def test_a_copy_brings_a_catalogue_from_either_store_to_the_other(
    store: Store, tmp_path: Path, postgresql_url: str, empty: Path
) -> None:
    """Each table has rows, some of them with values that are easily lost, and numbers go on where they were."""
    write(store, *(f"r{n}" for n in range(2500)))
    odd = Quarantined(RawRecord("c", "x" * 5000, bytes(range(256)), position="p"), Issue("map", "é\U0001f30d"))
    store.ingest.page("s", 1, [], [odd], checkpoint=Checkpoint(1, {"next": None}))
    store.ledger.add_source(Source("s", "stac-items", "file:x", settings={"page": "5"}))
    store.ledger.end(store.ledger.begin("s").report)
    store.jobs.ask("harvest", {"source": "s"})
    store.secret()
    people(store)
    backup.write(store.database, tmp_path / "one.sqlite")
    if store.database.on_server:
        (tmp_path / "there").mkdir()
        shutil.copyfile(empty, tmp_path / "there" / "catalogue.sqlite")
        there = Store(sqlite_url(tmp_path / "there" / "catalogue.sqlite"))
    else:
        there = Store(postgresql_url)
    write(there, "lost")
    backup.restore(tmp_path / "one.sqlite", there.database)
    backup.write(there.database, tmp_path / "two.sqlite")
    assert dump(tmp_path / "one.sqlite") == dump(tmp_path / "two.sqlite")
    before = there.catalogue.last_change()
    write(there, "new")
    assert there.catalogue.find("s", "c", "new").key == there.catalogue.find("s", "c", "r2499").key + 1
    assert there.catalogue.last_change() == before + 1
    assert there.check() == []
    there.close()


def people(store: Store) -> None:
    """Put a row into each table of people and of what they make."""
    with store.database.write() as connection:
        for name in ("people", "sessions", "tokens", "audit", "creations", "happened", "marks", "launches"):
            table = metadata.tables[name]
            values = {each.name: b"\0\xff" if isinstance(each.type, LargeBinary) else 7 for each in table.columns}
            values |= {each.name: "é\U0001f30d" for each in table.columns if isinstance(each.type, Text)}
            connection.execute(insert(table).values(values))


def dump(path: Path) -> dict[str, list[tuple[object, ...]]]:
    """Return every row of every table of a copy."""
    with closing(sqlite3.connect(path)) as copy:
        tables = [name for (name,) in copy.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {name: sorted(copy.execute(f"SELECT * FROM {name}"), key=repr) for name in tables}


def test_a_name_that_is_taken_is_kept_unless_it_may_go(store: Store, tmp_path: Path) -> None:
    (tmp_path / "a").write_text("precious")
    with pytest.raises(ConflictError, match="--replace"):
        backup.write(store.database, tmp_path / "a")
    assert (tmp_path / "a").read_text() == "precious"
    backup.write(store.database, tmp_path / "a", replace=True)
    assert not list(tmp_path.glob("*.part"))


@pytest.mark.parametrize("content", [b"", b"SQLite format 3\0" + b"\0" * 5000, b"something else" * 500])
def test_a_file_that_is_no_copy_changes_nothing(store: Store, tmp_path: Path, content: bytes) -> None:
    write(store, "a")
    (tmp_path / "b").write_bytes(content)
    with pytest.raises(ConfigError, match="is no"):
        backup.restore(tmp_path / "b", store.database)
    assert names(store) == {"a"}


def test_another_programs_database_changes_nothing(store: Store, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "other")) as other:
        other.execute("CREATE TABLE records (id)")
        other.commit()
    with pytest.raises(ConfigError, match="tables are missing"):
        backup.restore(tmp_path / "other", store.database)


def test_a_damaged_copy_changes_nothing(store: Store, tmp_path: Path) -> None:
    write(store, *(f"r{n}" for n in range(500)))
    path = tmp_path / "a.sqlite"
    backup.write(store.database, path)
    content = bytearray(path.read_bytes())
    content[len(content) // 3 : len(content) // 3 + 5000] = bytes(5000)
    path.write_bytes(content)
    with pytest.raises(ConfigError, match="is no"):
        backup.restore(path, store.database)
    assert len(names(store)) == 500


def test_a_full_disk_leaves_no_half_copy(store: Store, tmp_path: Path) -> None:
    write(store, *(f"r{n}" for n in range(500)))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limits[1]))
    try:
        with pytest.raises(UnavailableError, match="cannot be written"):
            backup.write(store.database, tmp_path / "a.sqlite")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert {each.name.removesuffix("-wal").removesuffix("-shm") for each in tmp_path.iterdir()} <= {"catalogue.sqlite"}


@pytest.mark.slow
@pytest.mark.parametrize("moment", [0.0, 0.01, 0.02, 0.05])
def test_a_kill_leaves_the_old_store_or_the_new_one(store: Store, tmp_path: Path, moment: float) -> None:
    old = {f"r{n}" for n in range(2000)}
    write(store, *old)
    backup.write(store.database, tmp_path / "a.sqlite")
    write(store, "new")
    command = [sys.executable, "-c", RESTORING, store.database.url, str(tmp_path / "a.sqlite"), str(moment)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        process.wait()
    again = Store(store.database.url)
    assert again.check() == []
    assert names(again) in (old, old | {"new"})
    again.close()
