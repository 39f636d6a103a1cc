"""Parts of a source on a Dask cluster of two real worker processes, which write to one PostgreSQL."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest

from discovery.errors import ConfigError, SourceUnavailableError, UnavailableError
from discovery.http import Client, Policy
from discovery.model.source import COMPLETE, PARTIAL, Report, Source
from discovery.store.connection import sqlite_url
from discovery.store.store import Store
from harvesters import registry
from harvesters.base import Position, RawPage, SourceContext
from harvesters.cluster import DaskCluster, dask
from harvesters.run import harvest
from harvesters.stac_items import StacItems

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


class Parted(StacItems):
    """A file of items in four parts, by the last digit of their numbers, which says who walked each."""

    def partitions(self) -> Sequence[str]:
        return ["0", "1", "2", "3"]

    def partition(self, name: str, position: Position | None) -> Iterator[RawPage]:
        folder = Path(self._context.source.settings["provider"])
        raws = [raw for page in self.pages(None) for raw in page.raws]
        mine = [raw for raw in raws if int(raw.source_id[1:]) % 4 == int(name)]
        begin = int((position or {}).get("n", 0))
        for n in range(begin, len(mine), 5):
            with (folder / f"walked-{name}").open("a") as log:
                log.write(f"{os.getpid()} {n}\n")
            # Else one worker could be through with everything before the other has begun.
            until = time.monotonic() + 60
            while (folder / "together").exists() and len(list(folder.glob("walked-*"))) < 2:
                assert time.monotonic() < until, "a part was walked alone for a minute"
                time.sleep(0.02)
            if name == "2" and n == 10 and (folder / "fail").exists():
                raise SourceUnavailableError("part 2 does not answer", detail="status")
            while n == 10 and (folder / "wait").exists():
                time.sleep(0.02)
            yield RawPage(tuple(mine[n : n + 5]), {"n": n + 5} if n + 5 < len(mine) else None)


def make(source: Source, client: Client) -> Parted:
    """Return the harvester, on whatever machine."""
    settings = registry.read_settings(registry.find(source.kind), source.settings)
    return Parted(SourceContext(source, client, Path(), settings))


@pytest.fixture(scope="module")
def scheduler() -> Iterator[Any]:
    distributed = pytest.importorskip("distributed")
    import cloudpickle

    # Workers cannot import a file of tests, so what they need of this one travels with the task.
    cloudpickle.register_pickle_by_value(sys.modules[__name__])
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster:
        yield cluster


@pytest.fixture
def store(postgresql_url: str) -> Iterator[Store]:
    opened = Store(postgresql_url)
    yield opened
    opened.close()


@pytest.fixture
def go(store: Store, scheduler: Any, tmp_path: Path) -> Callable[..., Report]:
    """Return a function that harvests 80 items on the cluster."""
    body = {"type": "Feature", "stac_version": "1.0.0", "collection": "c", "geometry": None, "links": [], "assets": {}}
    items = [{**body, "id": f"i{n}", "properties": {"datetime": "2020-01-01T00:00:00Z"}} for n in range(80)]
    (tmp_path / "items.ndjson").write_bytes(b"".join(orjson.dumps(each) + b"\n" for each in items))
    url = (tmp_path / "items.ndjson").as_uri()
    source = Source("s", "stac-items", url, settings={"provider": str(tmp_path), "parallel": "2"})

    def walk(**more: Any) -> Report:
        with dask(scheduler.scheduler_address, store.database.url) as cluster, Client(Policy()) as client:
            mine = DaskCluster(cluster._client, make)
            return harvest(store, source, client=client, worker=make(source, client), cluster=mine, **more)

    return walk


def walked(folder: Path) -> dict[str, list[tuple[int, int]]]:
    """Return who walked which page of each part."""
    return {
        path.name.removeprefix("walked-"): [
            (int(line.split()[0]), int(line.split()[1])) for line in path.read_text().splitlines()
        ]
        for path in sorted(folder.glob("walked-*"))
    }


@pytest.mark.peer
def test_workers_walk_the_parts_and_the_walk_ends_as_one(
    store: Store, go: Callable[..., Report], tmp_path: Path
) -> None:
    (tmp_path / "together").touch()
    report = go()
    assert (report.status, report.counts.seen, report.counts.added) == (COMPLETE, 80, 80)
    assert {row["source_id"] for row in store.catalogue.export()} == {f"i{n}" for n in range(80)}
    assert store.ingest.checkpoints("s") == {}
    who = {pid for pages in walked(tmp_path).values() for pid, _ in pages}
    assert len(who) == 2
    assert os.getpid() not in who


@pytest.mark.peer
def test_a_part_that_fails_is_all_that_the_next_run_walks(
    store: Store, go: Callable[..., Report], tmp_path: Path
) -> None:
    (tmp_path / "fail").touch()
    broken = go()
    assert (broken.status, "part 2 does not answer" in broken.message) == (PARTIAL, True)
    (tmp_path / "fail").unlink()
    for path in tmp_path.glob("walked-*"):
        path.unlink()
    rest = go()
    assert (rest.status, broken.counts.seen + rest.counts.seen) == (COMPLETE, 80)
    assert walked(tmp_path)["2"][0][1] == 10
    assert len(list(store.catalogue.export())) == 80


@pytest.mark.peer
def test_a_worker_that_is_killed_costs_nothing(store: Store, go: Callable[..., Report], tmp_path: Path) -> None:
    (tmp_path / "wait").touch()
    report: list[Report] = []
    thread = threading.Thread(target=lambda: report.append(go()))
    thread.start()
    until = time.monotonic() + 60
    while not (found := walked(tmp_path)) or all(page != 10 for pages in found.values() for _, page in pages):
        assert time.monotonic() < until
        time.sleep(0.02)
    os.kill(next(pid for pages in found.values() for pid, page in pages if page == 10), signal.SIGKILL)
    (tmp_path / "wait").unlink()
    thread.join(120)
    assert (report[0].status, len(list(store.catalogue.export()))) == (COMPLETE, 80)


@pytest.mark.peer
def test_a_stopped_run_stops_its_workers(store: Store, go: Callable[..., Report], tmp_path: Path) -> None:
    (tmp_path / "wait").touch()
    stop = threading.Event()
    threading.Timer(2.0, stop.set).start()
    report = go(stop=stop)
    assert (report.status, "stopped" in report.message) == (PARTIAL, True)
    (tmp_path / "wait").unlink()
    # A worker on a busy machine may just have begun; whoever goes on to the end has not been stopped.
    until, before = time.monotonic() + 30, None
    while (found := walked(tmp_path)) != before:
        assert time.monotonic() < until
        before = found
        time.sleep(1.0)
    assert sum(map(len, found.values())) < 80 // 5
    assert go().status == COMPLETE
    assert len(list(store.catalogue.export())) == 80


def test_a_store_of_one_machine_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="postgresql"), dask("tcp://127.0.0.1:1", sqlite_url(tmp_path / "x")):
        pass


def test_a_scheduler_that_is_not_there_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    from discovery import cluster

    monkeypatch.setattr(cluster, "CONNECT", 0.5)
    answer = pytest.raises(UnavailableError, match="no Dask scheduler answers")
    with answer, dask("tcp://127.0.0.1:1", "postgresql://x/y"):
        pass
