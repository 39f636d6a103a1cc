"""A write is found soon, and an end is an end."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest

from discovery.config import Settings
from discovery.errors import UnavailableError
from discovery.index import generations
from discovery.index.tantivy.schema import fingerprint
from discovery.indexer import differences, follow
from discovery.model.record import Record
from discovery.model.source import Mapped, RawRecord
from discovery.query.query import Query
from discovery.steward import follower
from discovery.steward.follower import Follower
from discovery.wiring import index_lock, open_portal

WAIT = 60.0
"""Seconds that something may take on a machine that is busy with other things."""


@pytest.mark.slow
@pytest.mark.parametrize("stumbles", [False, True])
def test_a_write_is_found_after_the_next_look_and_the_end_is_clean(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stumbles: bool
) -> None:
    assert follower.IDLE < 0.5, "a harvest beside `serve` is found within a second"
    monkeypatch.setattr(follower, "RETRY", 0.5)
    settings = Settings(tmp_path)
    portal = open_portal(settings)
    path = index_lock(settings).path
    if stumbles:
        path.mkdir()  # not a file that could be locked: an error of the machine and none of ours
    stop = threading.Event()
    thread = threading.Thread(target=Follower(settings, portal, stop).run)
    thread.start()
    time.sleep(0.1)
    if stumbles:
        path.rmdir()
    record = Record("s", "c", "a", "dataset", "Crab")
    portal.store.ingest.page("s", 1, [Mapped(record, RawRecord("c", "a", b"{}"))])
    until = time.monotonic() + WAIT
    while not portal.search(Query(text="crab")).records and time.monotonic() < until:
        time.sleep(0.02)
    assert [each.record for each in portal.search(Query(text="crab")).records] == [record]
    stop.set()
    thread.join(WAIT)
    assert not thread.is_alive()
    with index_lock(settings).hold():
        portal.close()


def test_others_get_the_lock_beside_an_idle_follower(tmp_path: Path) -> None:
    settings = Settings(tmp_path)
    portal = open_portal(settings)
    stop = threading.Event()
    thread = threading.Thread(target=Follower(settings, portal, stop).run)
    thread.start()
    try:
        time.sleep(0.3)
        for _ in range(5):
            with index_lock(settings).hold(wait=WAIT):
                time.sleep(0.01)
    finally:
        stop.set()
        thread.join()
        portal.close()


@pytest.mark.parametrize("harm", ["older version", "lost file"])
def test_an_index_that_cannot_be_used_is_built_again(tmp_path: Path, harm: str) -> None:
    settings = Settings(tmp_path)
    portal = open_portal(settings)
    record = Record("s", "c", "a", "dataset", "Crab")
    portal.store.ingest.page("s", 1, [Mapped(record, RawRecord("c", "a", b"{}"))])
    follow(portal.store, portal.index)
    folder = tmp_path / "index" / "resources" / portal.status()["resources"].name
    portal.close()
    if harm == "older version":
        state = folder / generations.STATE
        state.write_text(state.read_text().replace(fingerprint(), "0" * len(fingerprint())))
    else:
        (folder / "meta.json").write_text("{")
    portal = open_portal(settings)
    with pytest.raises(UnavailableError, match="has to be built again"):
        portal.search(Query(text="crab"))
    stop = threading.Event()
    thread = threading.Thread(target=Follower(settings, portal, stop).run)
    thread.start()
    found: list[Record] = []
    until = time.monotonic() + WAIT
    while not found and time.monotonic() < until:
        time.sleep(0.05)
        with suppress(UnavailableError):
            found = [each.record for each in portal.search(Query(text="crab")).records]
    stop.set()
    thread.join(WAIT)
    assert found == [record]
    assert differences(portal.store, portal.index) == []
    portal.close()
