from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from discovery import wiring
from discovery.config import Settings
from discovery.errors import ConflictError
from discovery.http import Client
from discovery.model.source import COMPLETE, FAILED, HELD, PARTIAL, Report, Source
from discovery.store.store import Store
from harvesters import run

pytestmark = pytest.mark.stores

Harvest = Callable[..., Report]
Make = Callable[..., dict[str, Any]]
Lines = Callable[..., Source]

KILLED = """
import os, sys
from discovery.http import Client, Policy
from discovery.model.source import Source
from discovery.store.store import Store
from harvesters.run import harvest

source = Source("s", "stac-items", f"file:{sys.argv[2]}", settings={"page": "8"})
while sys.stdin.readline():
    child = os.fork()
    if child == 0:
        store = Store(sys.argv[1])
        report = harvest(store, source, client=Client(Policy()))
        os._exit(0 if report.status == "complete" else 1)
    print(child, flush=True)
    # It is waited for only when told so: until then its number cannot become that of another process.
    sys.stdin.readline()
    print(os.waitpid(child, 0)[1], flush=True)
"""


def live(store: Store) -> dict[str, str]:
    return {row["source_id"]: row["title"] for row in store.catalogue.export()}


def test_a_report_counts_what_happened(store: Store, harvest: Harvest, lines: Lines, make_item: Make) -> None:
    first = harvest(lines(*(make_item(f"i{n}") for n in range(25)), b"{broken"))
    assert (first.status, first.counts.seen, first.counts.added, first.counts.quarantined) == (COMPLETE, 26, 25, 1)
    changed = [make_item(f"i{n}", properties={"title": "New"} if n < 3 else {}) for n in range(26)]
    second = harvest(lines(*changed))
    counts = second.counts
    assert (counts.seen, counts.added, counts.updated, counts.unchanged, counts.quarantined) == (26, 1, 3, 22, 0)
    assert second.bytes > 0
    assert store.ledger.run(second.run).report == second


def test_the_same_source_again_changes_nothing(store: Store, harvest: Harvest, lines: Lines, make_item: Make) -> None:
    source = lines(*(make_item(f"i{n}") for n in range(5)))
    harvest(source)
    before = store.catalogue.last_change()
    assert harvest(source).counts.unchanged == 5
    assert store.catalogue.last_change() == before


def test_a_limit_is_partial_and_the_next_run_goes_on(
    store: Store, harvest: Harvest, lines: Lines, make_item: Make
) -> None:
    source = lines(*(make_item(f"i{n}") for n in range(25)))
    limited = harvest(source, limit=12)
    assert (limited.status, limited.counts.seen, len(live(store))) == (PARTIAL, 12, 12)
    rest = harvest(source)
    assert (rest.status, rest.counts.seen, len(live(store))) == (COMPLETE, 13, 25)


def test_a_limit_smaller_than_a_page_gets_to_the_end_as_well(
    store: Store, harvest: Harvest, lines: Lines, make_item: Make
) -> None:
    elements = [b"{broken", *(make_item(f"i{n}") for n in range(12)), *(b'{"type": "Feature"}',) * 5, make_item("last")]
    source = lines(*elements, page=10)
    reports = []
    while not reports or reports[-1].status == PARTIAL:
        reports.append(harvest(source, limit=3))
        assert len(reports) < 20
    assert (reports[-1].status, len(live(store))) == (COMPLETE, 13)
    assert max(each.counts.seen for each in reports) <= 4, "three, and what the source itself cannot give"
    assert sum(each.counts.added for each in reports) == 13
    assert len(store.ledger.quarantined()) == 6
    assert "of 18" not in reports[-1].message


def test_a_page_that_has_changed_behind_a_limit_is_taken_from_its_beginning(
    store: Store, harvest: Harvest, lines: Lines, make_item: Make
) -> None:
    assert harvest(lines(*(make_item(f"i{n}") for n in range(8))), limit=3).counts.added == 3
    changed = lines(make_item("new"), *(make_item(f"i{n}") for n in range(8)))
    assert harvest(changed).counts.added == 6
    assert len(live(store)) == 9


def test_a_dry_run_writes_nothing(store: Store, harvest: Harvest, lines: Lines, make_item: Make) -> None:
    harvest(lines(*(make_item(f"i{n}") for n in range(3))))
    before = (store.catalogue.last_change(), len(store.ledger.runs()), live(store))
    report = harvest(
        lines(make_item("i0"), make_item("i1", properties={"title": "New"}), make_item("new"), b"{"), dry_run=True
    )
    counts = report.counts
    assert (counts.seen, counts.added, counts.updated, counts.unchanged, counts.quarantined) == (4, 1, 1, 1, 1)
    assert (store.catalogue.last_change(), len(store.ledger.runs()), live(store)) == before
    assert report.message == "nothing was written; these would be in quarantine: broken-json (1)"
    assert store.ledger.quarantined() == []
    assert store.ingest.checkpoint("s") is None
    limited = harvest(lines(make_item("i0"), make_item("i1")), dry_run=True, limit=1)
    assert limited.message == "stopped after 1 elements, as asked; nothing was written"


def test_what_two_whole_walks_miss_gets_a_tombstone(
    store: Store, harvest: Harvest, lines: Lines, make_item: Make
) -> None:
    items = [make_item(f"i{n}") for n in range(30)]
    harvest(lines(*items))
    first = harvest(lines(*items[3:]))
    assert (first.status, first.counts.deleted, len(live(store))) == (COMPLETE, 0, 30)
    assert "3 records are missing" in first.message
    second = harvest(lines(*items[3:]))
    assert (second.counts.deleted, len(live(store))) == (3, 27)
    assert harvest(lines(*items)).counts.updated == 3
    assert len(live(store)) == 30


def test_a_limited_walk_deletes_nothing(store: Store, harvest: Harvest, lines: Lines, make_item: Make) -> None:
    harvest(lines(*(make_item(f"i{n}") for n in range(30))))
    for _ in range(3):
        assert harvest(lines(*(make_item(f"i{n}") for n in range(15))), limit=4).status == PARTIAL
    assert len(live(store)) == 30


@pytest.mark.parametrize(
    ("before", "after", "status"),
    [(30, 0, HELD), (300, 150, HELD), (300, 269, HELD), (300, 270, COMPLETE), (30, 10, COMPLETE), (30, 9, HELD)],
)
def test_a_source_that_shrinks_too_much_is_held(
    before: int, after: int, status: str, store: Store, harvest: Harvest, lines: Lines, make_item: Make
) -> None:
    items = [make_item(f"i{n}") for n in range(before)]
    harvest(lines(*items, page=500))
    for _ in range(2):
        assert harvest(lines(*items[:after], page=500)).status == status
    assert len(live(store)) == (after if status == COMPLETE else before)


def test_a_source_that_gives_an_error_in_place_of_its_records_is_held(
    store: Store, harvest: Harvest, lines: Lines, make_item: Make
) -> None:
    harvest(lines(*(make_item(f"i{n}") for n in range(5))))
    fault = lines({"type": "about:blank", "title": "Internal error", "status": 500})
    for _ in range(3):
        report = harvest(fault)
        assert (report.status, report.counts.quarantined, report.counts.deleted) == (HELD, 1, 0)
        assert "nothing that the source gave is a record, where it had 5" in report.message
    assert len(live(store)) == 5
    assert harvest(fault, approve=True).counts.deleted == 5


def test_a_source_that_never_had_a_record_says_so(store: Store, harvest: Harvest, lines: Lines) -> None:
    assert harvest(lines()).message == "the source has nothing"
    assert harvest(lines({"error": "internal"})).message == "nothing that the source gave is a record"


def test_a_held_run_that_is_approved_deletes_at_once(
    store: Store, harvest: Harvest, lines: Lines, make_item: Make
) -> None:
    items = [make_item(f"i{n}") for n in range(60)]
    harvest(lines(*items))
    source = lines(*items[:10])
    assert harvest(source).status == HELD
    report = harvest(source, approve=True)
    assert (report.status, report.counts.deleted, len(live(store))) == (COMPLETE, 50, 10)


def test_an_element_that_cannot_be_recognised_keeps_everything(
    store: Store, harvest: Harvest, lines: Lines, make_item: Make
) -> None:
    items = [make_item(f"i{n}") for n in range(10)]
    harvest(lines(*items))
    spoilt = lines(*items[1:], orjson.dumps(items[0])[:-5])
    for _ in range(3):
        report = harvest(spoilt)
        assert (report.status, report.counts.deleted) == (COMPLETE, 0)
        assert "could not be read" in report.message
    assert len(live(store)) == 10


def test_a_record_that_is_spoilt_at_its_source_is_not_gone(store: Store, client: Client, tmp_path: Path) -> None:
    def records(kind: str) -> Source:
        body = {"type": "Feature", "id": "a", "geometry": None, "properties": {"type": kind, "title": "A"}}
        (tmp_path / "r.ndjson").write_bytes(orjson.dumps(body) + b"\n")
        return Source("s", "records-file", "file:r.ndjson")

    run.harvest(store, records("dataset"), client=client, folder=tmp_path)
    for _ in range(3):
        report = run.harvest(store, records("nonsense"), client=client, folder=tmp_path)
        assert (report.status, report.counts.quarantined, report.counts.deleted) == (COMPLETE, 1, 0)
    assert live(store) == {"a": "A"}
    assert [each.issue.code for each in store.ledger.quarantined()] == ["unknown-type"]
    run.harvest(store, records("dataset"), client=client, folder=tmp_path)
    assert store.ledger.quarantined() == []


def test_an_error_in_our_mapping_costs_one_record(
    store: Store, harvest: Harvest, lines: Lines, make_item: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    from harvesters import stac_item

    real = stac_item.to_record

    def fails(document: Any, *arguments: Any, **more: Any) -> Any:
        if document["id"] == "i1":
            raise ZeroDivisionError("surprise")
        return real(document, *arguments, **more)

    # No document is known to break the mapping, so one has to be made to.
    monkeypatch.setattr(stac_item, "to_record", fails)
    report = harvest(lines(*(make_item(f"i{n}") for n in range(3))))
    assert (report.status, sorted(live(store))) == (COMPLETE, ["i0", "i2"])
    (entry,) = store.ledger.quarantined()
    assert (entry.issue.code, entry.issue.message) == ("mapper", "ZeroDivisionError: surprise")
    assert orjson.loads(entry.raw.body)["id"] == "i1"


def test_a_stopped_run_keeps_what_it_has(store: Store, harvest: Harvest, lines: Lines, make_item: Make) -> None:
    source = lines(*(make_item(f"i{n}") for n in range(50)))
    stop = threading.Event()

    class StopAfterTwo:
        def __init__(self) -> None:
            self.pages = 0

        def begin(self, title: str, total: int | None) -> None: ...

        def advance(self, counts: Any) -> None:
            self.pages += 1
            if self.pages == 2:
                stop.set()

        def end(self, message: str) -> None: ...

    report = harvest(source, stop=stop, progress=StopAfterTwo())
    assert (report.status, report.counts.seen, len(live(store))) == (PARTIAL, 20, 20)
    assert harvest(source).counts.seen == 30


def test_a_second_harvest_of_a_source_is_refused(
    tmp_path: Path, harvest: Harvest, lines: Lines, make_item: Make
) -> None:
    source, lock = lines(make_item("a")), wiring.harvest_lock(Settings(tmp_path), "s")
    with lock.hold(), pytest.raises(ConflictError, match=f"source 's' is being harvested by process {os.getpid()}"):
        harvest(source, lock=lock)
    assert harvest(source, lock=lock).status == COMPLETE


def test_a_source_that_is_down_fails_and_loses_nothing(
    store: Store, harvest: Harvest, lines: Lines, make_item: Make
) -> None:
    harvest(lines(make_item("a")))
    report = harvest(Source("s", "stac-items", "http://127.0.0.1:9/items.ndjson"))
    assert report.status == FAILED
    assert "127.0.0.1:9" in report.message
    assert live(store) == {"a": "a"}


@pytest.mark.slow
def test_thirty_kills_end_with_the_same_catalogue(tmp_path: Path, store: Store, lines: Lines, make_item: Make) -> None:
    """The last state of the source is the catalogue, whenever the process was killed: nothing lost, twice or stale."""

    def publish(version: int) -> dict[str, str]:
        lines(*(make_item(f"i{n}", properties={"title": f"Version {version}"}) for n in range(240)))
        return {f"i{n}": f"Version {version}" for n in range(240)}

    expected, version, kills, chance = publish(0), 2, 0, random.Random(7)
    command = [sys.executable, "-c", KILLED, store.database.url, str(tmp_path / "items.ndjson")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdin is not None
        assert parent.stdout is not None

        def walk(delay: float | None) -> int:
            assert parent.stdin is not None
            assert parent.stdout is not None
            print("go", file=parent.stdin, flush=True)
            child = int(parent.stdout.readline())
            if delay is not None:
                time.sleep(delay)
                os.kill(child, signal.SIGKILL)
            print("wait", file=parent.stdin, flush=True)
            return int(parent.stdout.readline())

        # The first walk waits for the imports, too; the second one says how long a whole one takes.
        assert walk(None) == 0
        expected, started = publish(1), time.monotonic()
        assert walk(None) == 0
        whole = time.monotonic() - started
        expected = publish(2)
        while kills < 30 or version <= 5:
            # Where a walk stood is kept, so a kill at any moment of a whole one meets every part of the rest. Those
            # that are to end, too, are given more time: the machine may be busier than it was for the whole one.
            if walk(chance.random() * (1.3 if kills < 30 else 5) * whole) == signal.SIGKILL:
                kills += 1
            else:
                version += 1
                expected = publish(version)
        assert walk(None) == 0
        parent.stdin.close()
    fresh = Store(store.database.url)
    assert live(fresh) == expected
    assert fresh.check() == []
    assert fresh.ingest.checkpoint("s") is None
    # Every change has a number of its own, and each record is there once.
    changes = [each.change for each in fresh.catalogue.changes("observations", 0, 10_000)]
    assert len(changes) == len(set(changes)) == 240
    fresh.close()
