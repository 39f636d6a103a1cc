"""Sources, runs and quarantine."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from discovery.errors import ConflictError, NotFoundError
from discovery.model.record import Issue
from discovery.model.source import (
    CHANGES,
    COMPLETE,
    FAILED,
    FULL,
    PARTIAL,
    RUNNING,
    Counts,
    Quarantined,
    RawRecord,
    Report,
    Source,
    Walked,
)
from discovery.store.store import Store

pytestmark = pytest.mark.stores

SOURCE = Source("esa", "stac-static", "https://x.org/catalog.json", "ESA", {"depth": "3"}, enabled=False)


def test_a_source_is_kept_whatever_its_texts_hold(store: Store) -> None:
    store.ledger.add_source(Source("a", "stac-items", "file:a\0b", "A \0 and \ud800", settings={"note": "\0"}))
    assert store.ledger.source("a") == Source("a", "stac-items", "file:a\ufffdb", "A \ufffd and \ufffd", {"note": "\0"})


def test_sources_come_back_as_they_were_added_by_id(store: Store) -> None:
    other = Source("aaa", "tap", "https://x.org/tap")
    store.ledger.add_source(SOURCE)
    store.ledger.add_source(other)
    assert store.ledger.sources() == [other, SOURCE]
    assert store.ledger.source("esa") == SOURCE
    store.ledger.remove_source("esa")
    assert store.ledger.sources() == [other]


def test_a_source_is_not_replaced_by_accident(store: Store) -> None:
    store.ledger.add_source(SOURCE)
    changed = Source("esa", "tap", "https://x.org/tap")
    with pytest.raises(ConflictError, match="'esa' is already there"):
        store.ledger.add_source(changed)
    assert store.ledger.source("esa") == SOURCE
    store.ledger.add_source(changed, replace=True)
    assert store.ledger.source("esa") == changed


def test_an_unknown_source_names_the_known_ones(store: Store) -> None:
    with pytest.raises(NotFoundError, match="'esb'; known: none yet"):
        store.ledger.source("esb")
    store.ledger.add_source(SOURCE)
    with pytest.raises(NotFoundError, match="'esb'; known: esa"):
        store.ledger.source("esb")


def test_a_run_is_kept_with_its_report(store: Store) -> None:
    run = store.ledger.begin("esa")
    assert (run.status, run.finished, store.ledger.run(run.id)) == (RUNNING, None, run)
    store.ledger.end(Report("esa", run.id, RUNNING, Counts(seen=5)))
    assert store.ledger.run(run.id).finished is None
    report = Report("esa", run.id, COMPLETE, Counts(seen=9, added=9), requests=3, bytes=70, seconds=1.5, message="ok")
    store.ledger.end(report)
    ended = store.ledger.run(run.id)
    assert (ended.status, ended.report) == (COMPLETE, report)
    assert ended.finished is not None
    assert ended.finished >= ended.started


def test_a_run_that_a_kill_left_open_is_closed_as_partial(store: Store) -> None:
    killed, other = store.ledger.begin("esa"), store.ledger.begin("eso")
    store.ledger.end(Report("esa", killed.id, RUNNING, Counts(seen=5)))
    second = store.ledger.begin("esa")
    left = store.ledger.run(killed.id)
    assert (left.status, left.report.status, left.report.counts.seen) == (PARTIAL, PARTIAL, 5)
    assert left.finished is not None
    assert store.ledger.run(other.id).status == RUNNING
    assert [each.id for each in store.ledger.runs("esa")] == [second.id, killed.id]
    assert len(store.ledger.runs(limit=2)) == 2


def test_what_a_source_says_that_it_has_outlives_runs_that_do_not_ask(store: Store) -> None:
    def ran(source: str, status: str, stated: int | None, walked: Walked | None = None) -> None:
        store.ledger.end(Report(source, store.ledger.begin(source).id, status, stated=stated), walked)

    assert store.ledger.stated() == {}
    ran("esa", COMPLETE, 8, Walked(FULL, 1, "a"))
    ran("esa", COMPLETE, 9, Walked(FULL, 2, "a"))
    ran("eso", COMPLETE, None, Walked(FULL, 1, "a"))
    for _ in range(20):
        ran("esa", COMPLETE, None, Walked(CHANGES, 3, "a"))
    assert store.ledger.stated() == {"esa": 9}
    ran("esa", FAILED, None)
    assert store.ledger.stated() == {"esa": 9}
    ran("esa", PARTIAL, 11)
    assert store.ledger.stated() == {"esa": 11}
    ran("esa", COMPLETE, None, Walked(FULL, 4, "a"))
    assert store.ledger.stated() == {}


def test_an_unknown_run_is_not_found(store: Store) -> None:
    with pytest.raises(NotFoundError, match="no run 7"):
        store.ledger.run(7)


def test_what_is_held_can_be_looked_at(store: Store) -> None:
    element = Quarantined(RawRecord("c", "x", b"<bad>", "text/xml", position="4"), Issue("map", "why", "/a"), "parse")
    store.ingest.page("esa", 3, [], [element])
    (entry,) = store.ledger.quarantined("esa")
    assert (entry.raw, entry.issue, entry.stage, entry.run) == (element.raw, element.issue, "parse", 3)
    assert store.ledger.quarantine_entry(entry.id) == entry
    assert store.ledger.quarantined("eso") == []
    with pytest.raises(NotFoundError, match="under 99"):
        store.ledger.quarantine_entry(99)


def test_a_fact_is_the_first_one_stored_for_everybody(store: Store) -> None:
    start = threading.Barrier(6)

    def ask() -> str:
        start.wait()
        return store.ledger.fact("secret", os.urandom(4).hex())

    with ThreadPoolExecutor(6) as threads:
        answers = {future.result() for future in [threads.submit(ask) for _ in range(6)]}
    assert len(answers) == 1
    assert store.ledger.fact("secret", "late") in answers
