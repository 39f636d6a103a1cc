"""Jobs are done once, by schedule or because somebody asked, and none is lost with whoever did it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest

from discovery import wiring
from discovery.config import Settings
from discovery.model.job import DONE, FAILED, RUNNING, WAITING, Job
from discovery.model.source import COMPLETE, Source
from discovery.portal import Portal
from discovery.steward import worker as module
from discovery.steward.worker import Worker
from discovery.store.ingest import now

pytestmark = [pytest.mark.stores, pytest.mark.slow]

WAIT = 60.0

KILLED = """
import sys, threading
from pathlib import Path
from discovery.config import Settings
from discovery.steward.worker import Worker
from discovery.wiring import open_portal

settings = Settings(Path(sys.argv[1]), store=sys.argv[2])
Worker(settings, open_portal(settings), threading.Event()).run()
"""


@pytest.fixture
def settings(tmp_path: Path, store_url: str) -> Settings:
    return Settings(tmp_path / "home", store=store_url)


@pytest.fixture
def portal(settings: Settings) -> Iterator[Portal]:
    opened = wiring.open_portal(settings)
    yield opened
    opened.close()


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for a look in a test."""
    monkeypatch.setattr(module, "LOOK", 0.02)


@pytest.fixture
def working(settings: Settings, portal: Portal) -> Callable[..., Any]:
    """Return what has a worker at work while its block runs."""

    @contextmanager
    def work(**more: Any) -> Iterator[threading.Event]:
        stop = threading.Event()
        found = settings.with_overrides(**more)
        thread = threading.Thread(target=Worker(found, portal, stop).run)
        thread.start()
        try:
            yield stop
        finally:
            stop.set()
            thread.join(WAIT)
            assert not thread.is_alive()

    return work


def items(path: Path, count: int) -> str:
    body = {"type": "Feature", "geometry": None, "properties": {"type": "dataset", "title": "T"}}
    path.write_bytes(b"".join(orjson.dumps({**body, "id": f"i{n}"}) + b"\n" for n in range(count)))
    return path.as_uri()


def add(portal: Portal, url: str, id: str = "s", *, enabled: bool = True, **settings: str) -> None:
    portal.store.ledger.add_source(Source(id, "records-file", url, settings=settings, enabled=enabled))


def ended(portal: Portal, job: Job) -> Job:
    until = time.monotonic() + WAIT
    while not (found := portal.job(job.id)).ended and time.monotonic() < until:
        time.sleep(0.02)
    return found


def until_true(what: Callable[[], bool]) -> bool:
    until = time.monotonic() + WAIT
    while not what() and time.monotonic() < until:
        time.sleep(0.02)
    return what()


def live(portal: Portal) -> int:
    return len(list(portal.store.catalogue.export()))


def test_what_is_asked_for_is_done_and_its_result_is_kept(
    portal: Portal, working: Callable[..., Any], tmp_path: Path
) -> None:
    path = tmp_path / "records.ndjson"
    add(portal, items(path, 60))
    with working():
        first = ended(portal, portal.ask("harvest", {"source": "s"}))
        assert (first.status, first.message, first.result["added"]) == (DONE, "complete", 60)
        path.write_bytes(b"{broken")
        items(path, 0)
        held = ended(portal, portal.ask("harvest", {"source": "s"}))
        assert (held.status, held.result["status"]) == (DONE, "held")
        approved = ended(portal, portal.ask("approve", {"run": held.result["run"], "by": "ada"}))
        assert (approved.status, approved.message) == (DONE, "60 deleted, approved by ada")
        again = ended(portal, portal.ask("approve", {"run": held.result["run"], "by": "ada"}))
        assert (again.status, "only a held run" in again.message) == (FAILED, True)
        remapped = ended(portal, portal.ask("remap", {}))
        assert (remapped.status, remapped.result["seen"]) == (DONE, 0)
    assert live(portal) == 0


def test_what_cannot_be_done_says_why(portal: Portal, working: Callable[..., Any], tmp_path: Path) -> None:
    add(portal, "file:///nowhere", "gone")
    add(portal, "file:///nowhere", "off", enabled=False)
    with working():
        gone = ended(portal, portal.ask("harvest", {"source": "gone"}))
        off = ended(portal, portal.ask("harvest", {"source": "off"}))
        assert (gone.status, gone.result["status"]) == (FAILED, "failed")
        assert (off.status, off.message) == (FAILED, "source 'off' is not enabled; see discovery source enable off")


def test_an_element_of_quarantine_is_tried_again_alone(
    portal: Portal, working: Callable[..., Any], tmp_path: Path
) -> None:
    path = tmp_path / "records.ndjson"
    path.write_bytes(b"{broken\n")
    add(portal, path.as_uri())
    with working():
        ended(portal, portal.ask("harvest", {"source": "s"}))
        (entry,) = portal.store.ledger.quarantined()
        job = ended(portal, portal.ask("retry", {"number": entry.id}))
        assert (job.status, "not JSON" in job.message) == (FAILED, True)
        assert ended(portal, portal.ask("retry", {})).result == {"released": 0, "left": 1}


def test_a_mapping_is_previewed_for_whoever_asks(portal: Portal, working: Callable[..., Any], tmp_path: Path) -> None:
    add(portal, items(tmp_path / "records.ndjson", 3))
    with working():
        first = ended(portal, portal.ask("preview", {"source": "s", "first": 2}))
        assert (first.status, first.message, live(portal)) == (DONE, "2 looked at", 0)
        ended(portal, portal.ask("harvest", {"source": "s"}))
        id = first.result["elements"][0]["record"]
        again = ended(portal, portal.ask("preview", {"record": id}))
    assert again.result["elements"][0]["fields"] == first.result["elements"][0]["fields"] != []


def test_a_source_that_a_command_harvests_is_waited_for(
    settings: Settings, portal: Portal, working: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_LOCKED", 50)
    add(portal, items(tmp_path / "records.ndjson", 3))
    with working():
        with wiring.harvest_lock(settings, "s").hold():
            job = portal.ask("harvest", {"source": "s"})
            time.sleep(0.5)
            assert portal.job(job.id).status in (WAITING, RUNNING)
        assert ended(portal, job).status == DONE


def test_a_due_source_is_harvested_once_however_often_it_was_missed(
    portal: Portal, working: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sqlalchemy import update

    from discovery.store.schema import sources

    monkeypatch.setattr(module, "_AGENDA", 0.05)
    url = items(tmp_path / "records.ndjson", 3)
    add(portal, url, "late", schedule="0 0 1 * *")
    add(portal, url, "early", schedule="0 0 1 * *")
    add(portal, url, "never")
    add(portal, url, "off", enabled=False, schedule="0 0 1 * *")
    with portal.store.database.write() as connection:
        long_ago = update(sources).where(sources.c.id != "early").values(created=now() - 400 * 24 * 3_600_000)
        connection.execute(long_ago)
    with working():
        # Not only begun: what is under way when the worker is told to end is no whole run.
        assert until_true(lambda: [each.status for each in portal.store.ledger.runs("late")] == [COMPLETE])
        time.sleep(0.5)
    assert {each.source: each.status for each in portal.store.ledger.runs()} == {"late": COMPLETE}
    assert len(portal.jobs()) == 1


def test_without_harvests_jobs_that_take_long_are_left_to_others(
    portal: Portal, working: Callable[..., Any], tmp_path: Path
) -> None:
    add(portal, items(tmp_path / "records.ndjson", 3), schedule="* * * * *")
    with working(harvests=0):
        harvest = portal.ask("harvest", {"source": "s"})
        assert ended(portal, portal.ask("retry", {})).status == DONE
        assert portal.job(harvest.id).status == WAITING


def test_two_sources_of_one_host_are_never_harvested_at_once_and_those_of_two_are(
    portal: Portal, working: Callable[..., Any], slow: Callable[[str], Any]
) -> None:
    one, other = slow("127.0.0.1"), slow("localhost")
    for n, server in enumerate((one, one, one, other)):
        portal.store.ledger.add_source(Source(f"s{n}", "stac-api", server.url))
    with working():
        jobs = [portal.ask("harvest", {"source": f"s{n}"}) for n in range(4)]
        assert until_true(lambda: bool(one.open and other.open))
        time.sleep(0.3)
        assert [portal.job(each.id).status for each in jobs] == [RUNNING, WAITING, WAITING, RUNNING]
        one.go.set()
        other.go.set()
        assert all(ended(portal, each).ended for each in jobs)
    assert (one.most, other.most) == (1, 1)


def test_an_end_puts_back_what_is_not_done_and_the_next_worker_does_it(
    portal: Portal, working: Callable[..., Any], slow: Callable[[str], Any]
) -> None:
    server = slow("127.0.0.1")
    portal.store.ledger.add_source(Source("s", "stac-api", server.url))
    with working():
        job = portal.ask("harvest", {"source": "s"})
        assert until_true(lambda: server.open > 0)
    left = portal.job(job.id)
    assert (left.status, left.attempts) == (WAITING, 0)
    server.go.set()
    with working():
        assert ended(portal, job).ended


@pytest.mark.slow
def test_a_job_outlives_a_worker_that_is_killed(
    settings: Settings, portal: Portal, working: Callable[..., Any], slow: Callable[[str], Any]
) -> None:
    server = slow("127.0.0.1")
    portal.store.ledger.add_source(Source("s", "stac-api", server.url))
    job = portal.ask("harvest", {"source": "s"})
    with subprocess.Popen([sys.executable, "-c", KILLED, str(settings.home), settings.store]) as process:
        assert until_true(lambda: server.open > 0)
        os.kill(process.pid, signal.SIGKILL)
    assert portal.job(job.id).status == RUNNING
    _run_out(portal)
    server.go.set()
    with working():
        done = ended(portal, job)
    assert (done.status, done.attempts, done.result["source"]) == (FAILED, 2, "s")
    assert [each.status for each in portal.store.ledger.runs()] == ["failed", "partial"]


def _run_out(portal: Portal) -> None:
    """Let the leases of all jobs be over, as they are a minute after a kill."""
    from sqlalchemy import update

    from discovery.store.schema import jobs

    with portal.store.database.write() as connection:
        connection.execute(update(jobs).values(lease=now() - 1))


def test_what_another_source_has_already_is_found_at_the_end_of_a_harvest(
    portal: Portal, working: Callable[..., Any], tmp_path: Path
) -> None:
    body = {"type": "Feature", "id": "10.5270/esa-1", "geometry": None}
    path = tmp_path / "records.ndjson"
    path.write_bytes(orjson.dumps({**body, "properties": {"type": "dataset", "title": "Ice"}}) + b"\n")
    add(portal, path.as_uri(), "s")
    add(portal, path.as_uri(), "t")
    with working():
        for source in ("s", "t"):
            assert ended(portal, portal.ask("harvest", {"source": source})).status == DONE
    (group,) = portal.store.elsewhere.groups()
    assert (group.master.source, [each.source for each in group.others]) == ("s", ["t"])
