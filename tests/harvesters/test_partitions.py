"""A walk in parts: each goes on where it stood, and together they are one walk."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from discovery.errors import SourceUnavailableError
from discovery.http import Client
from discovery.model.source import COMPLETE, FAILED, HELD, PARTIAL, Report, Source
from discovery.store.store import Store
from harvesters import registry
from harvesters.base import Position, RawPage, SourceContext
from harvesters.run import harvest
from harvesters.stac_items import StacItems

pytestmark = pytest.mark.stores

Make = Callable[..., dict[str, Any]]
Lines = Callable[..., Source]
Go = Callable[..., Report]

KILLED = """
import os, sys
from pathlib import Path
sys.path.insert(0, sys.argv[3])
from discovery.http import Client, Policy
from discovery.model.source import Source
from discovery.store.store import Store
from harvesters import registry
from harvesters.base import SourceContext
from harvesters.run import harvest
from test_partitions import Parted

source = Source("s", "stac-items", f"file:{sys.argv[2]}", settings={"page": "8", "parallel": "3"})
while sys.stdin.readline():
    child = os.fork()
    if child == 0:
        store, client = Store(sys.argv[1]), Client(Policy())
        kind = registry.find(source.kind)
        worker = Parted(SourceContext(source, client, Path(), registry.read_settings(kind, source.settings)))
        report = harvest(store, source, client=client, worker=worker)
        os._exit(0 if report.status == "complete" else 1)
    print(child, flush=True)
    sys.stdin.readline()
    print(os.waitpid(child, 0)[1], flush=True)
"""


class Parted(StacItems):
    """A file of items in as many parts as are wanted, each by the last digit of the items' numbers."""

    wanted = 4
    size = 3

    def __init__(self, context: SourceContext) -> None:
        super().__init__(context)
        self.walked: list[str] = []
        self.fails: dict[str, int] = {}
        self.each: Callable[[str], None] = lambda name: None
        self.matched: dict[str, int] = {}

    def partitions(self) -> Sequence[str]:
        return [f"{n}/{self.wanted}" for n in range(self.wanted)]

    def partition(self, name: str, position: Position | None) -> Iterator[RawPage]:
        self.walked.append(name)
        part, of = (int(each) for each in name.split("/"))
        raws = [raw for page in self.pages(None) for raw in page.raws]
        mine = [raw for raw in raws if int(raw.source_id[1:]) % of == part]
        begin = int((position or {}).get("n", 0))
        for n in range(begin, max(len(mine), 1), self.size):
            if n >= self.fails.get(name, 1 << 30):
                raise SourceUnavailableError(f"part {name} does not answer", detail="status")
            self.each(name)
            end = n + self.size
            following = {"n": end} if end < len(mine) else None
            yield RawPage(tuple(mine[n:end]), following, self.matched.get(name))


@pytest.fixture
def go(store: Store, client: Client, tmp_path: Path) -> Go:
    """Return a function that walks a source by a harvester that knows parts, which it keeps as `go.worker`."""

    def walk(source: Source, *, asked: Any = lambda worker: None, **more: Any) -> Report:
        settings = registry.read_settings(registry.find(source.kind), source.settings)
        worker = Parted(SourceContext(source, client, tmp_path, settings))
        asked(worker)
        walk.worker = worker  # type: ignore[attr-defined]
        return harvest(store, source, client=client, folder=tmp_path, worker=worker, **more)

    return walk


def live(store: Store) -> set[str]:
    return {row["source_id"] for row in store.catalogue.export()}


def items(make_item: Make, count: int) -> list[dict[str, Any]]:
    return [make_item(f"i{n}") for n in range(count)]


def test_parts_are_walked_at_the_same_time_and_together_are_everything(
    store: Store, go: Go, lines: Lines, make_item: Make
) -> None:
    # Four threads meet at every page of theirs, which fewer could not do.
    meeting = threading.Barrier(4, timeout=20)
    source = lines(*items(make_item, 40), parallel="4")
    report = go(source, asked=lambda worker: setattr(worker, "each", lambda name: meeting.wait()))
    assert (report.status, report.counts.seen, report.counts.added) == (COMPLETE, 40, 40)
    assert live(store) == {f"i{n}" for n in range(40)}
    assert store.ingest.checkpoints("s") == {}


def test_no_more_parts_than_wanted_are_walked_at_a_time(go: Go, lines: Lines, make_item: Make) -> None:
    # Two threads meet at each of their five pages, twice over; a third would be counted while they wait.
    meeting, lock, now, most = threading.Barrier(2, timeout=20), threading.Lock(), 0, 0

    def each(name: str) -> None:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        meeting.wait()
        with lock:
            now -= 1

    report = go(lines(*items(make_item, 60), parallel="2"), asked=lambda worker: setattr(worker, "each", each))
    assert (report.status, most) == (COMPLETE, 2)


def test_a_part_that_fails_costs_only_itself_and_the_next_run_walks_it_alone(
    store: Store, go: Go, lines: Lines, make_item: Make
) -> None:
    source = lines(*items(make_item, 40), parallel="4")
    broken = go(source, asked=lambda worker: worker.fails.update({"2/4": 6}))
    assert (broken.status, broken.counts.seen) == (PARTIAL, 36)
    assert "part 2/4 does not answer" in broken.message
    rest = go(source)
    assert go.worker.walked == ["2/4"]  # type: ignore[attr-defined]
    assert (rest.status, rest.counts.seen, rest.walk) == (COMPLETE, 4, broken.walk)
    assert len(live(store)) == 40


def test_a_walk_keeps_to_the_parts_that_it_began_with(store: Store, go: Go, lines: Lines, make_item: Make) -> None:
    source = lines(*items(make_item, 40), parallel="4")
    go(source, asked=lambda worker: worker.fails.update({"1/4": 3, "3/4": 0}))
    go(source, asked=lambda worker: setattr(worker, "wanted", 7))
    assert sorted(go.worker.walked) == ["1/4", "3/4"]  # type: ignore[attr-defined]
    assert len(live(store)) == 40


def test_nothing_is_deleted_before_every_part_has_come_to_its_end(
    store: Store, go: Go, lines: Lines, make_item: Make
) -> None:
    go(lines(*items(make_item, 40)))
    fewer = lines(*items(make_item, 36), parallel="4")
    for _ in range(3):
        go(fewer, asked=lambda worker: worker.fails.update({"0/4": 6}))
    assert len(live(store)) == 40
    assert go(fewer).status == COMPLETE
    assert go(fewer).counts.deleted == 4
    assert live(store) == {f"i{n}" for n in range(36)}


@pytest.mark.parametrize(("said", "status"), [(10, COMPLETE), (11, HELD)])
def test_what_the_parts_say_they_have_is_added_up(
    said: int, status: str, go: Go, lines: Lines, make_item: Make
) -> None:
    source = lines(*items(make_item, 40))
    more = {"0/4": 10, "1/4": said, "2/4": 10, "3/4": 10}
    assert go(source, asked=lambda worker: worker.matched.update(more)).status == status


def test_a_limit_and_a_dry_run_are_kept_exactly(store: Store, go: Go, lines: Lines, make_item: Make) -> None:
    source = lines(*items(make_item, 40), parallel="4")
    dry = go(source, dry_run=True)
    assert (dry.counts.added, live(store), store.ingest.checkpoints("s")) == (40, set(), {})
    limited = go(source, limit=14)
    assert (limited.status, limited.counts.seen, len(live(store))) == (PARTIAL, 14, 14)
    assert (go(source).status, len(live(store))) == (COMPLETE, 40)


def test_a_stopped_walk_goes_on_in_every_part(store: Store, go: Go, lines: Lines, make_item: Make) -> None:
    source, stop, count = lines(*items(make_item, 80), parallel="4"), threading.Event(), 0

    def each(name: str) -> None:
        nonlocal count
        count += 1
        if count == 10:
            stop.set()

    stopped = go(source, stop=stop, asked=lambda worker: setattr(worker, "each", each))
    assert (stopped.status, "stopped" in stopped.message) == (PARTIAL, True)
    assert 0 < stopped.counts.seen < 80
    rest = go(source)
    assert (rest.status, rest.counts.seen) == (COMPLETE, 80 - stopped.counts.seen)


def test_a_source_that_is_too_small_or_names_parts_twice_is_no_harm(
    store: Store, go: Go, lines: Lines, make_item: Make
) -> None:
    source = lines(*items(make_item, 10))
    assert go(source, asked=lambda worker: setattr(worker, "wanted", 1)).status == COMPLETE
    assert go.worker.walked == []  # type: ignore[attr-defined]
    twice = go(source, asked=lambda worker: setattr(worker, "partitions", lambda: ["0/1", "0/1"]))
    assert (twice.status, "have one name" in twice.message) == (FAILED, True)
    assert len(live(store)) == 10


def test_another_address_begins_with_parts_of_its_own(store: Store, go: Go, lines: Lines, make_item: Make) -> None:
    source = lines(*items(make_item, 40))
    go(source, asked=lambda worker: worker.fails.update({"2/4": 0}))
    moved = replace(source, settings={**source.settings, "provider": "P"})
    assert go(moved).counts.seen == 40


@pytest.mark.slow
def test_kills_at_any_moment_end_with_the_same_catalogue(
    tmp_path: Path, store: Store, lines: Lines, make_item: Make
) -> None:
    def publish(version: int) -> dict[str, str]:
        lines(*(make_item(f"i{n}", properties={"title": f"Version {version}"}) for n in range(200)))
        return {f"i{n}": f"Version {version}" for n in range(200)}

    expected, version, kills, chance = publish(0), 1, 0, random.Random(11)
    here = str(Path(__file__).parent)
    command = [sys.executable, "-c", KILLED, store.database.url, str(tmp_path / "items.ndjson"), here]
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

        assert walk(None) == 0
        expected, started = publish(1), time.monotonic()
        assert walk(None) == 0
        whole = time.monotonic() - started
        expected = publish(2)
        while kills < 20:
            if walk(chance.random() * whole) == signal.SIGKILL:
                kills += 1
            else:
                version += 1
                expected = publish(version + 10)
        assert walk(None) == 0
        parent.stdin.close()
    rows = {row["source_id"]: row["title"] for row in store.catalogue.export()}
    assert rows == expected
    assert store.ingest.checkpoints("s") == {}
    assert orjson.dumps(store.check()) == b"[]"
