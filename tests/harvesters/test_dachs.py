"""What is promised of harvesting TAP, held to a DaCHS that gives at most 5,000 rows at a time."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from discovery.http import Client
from discovery.model.source import COMPLETE, Report, Source
from discovery.store.store import Store
from harvesters import votable
from harvesters.base import SupportsPartitions
from harvesters.registry import harvester
from harvesters.tap_service import Service
from harvesters.tap_walk import STRATEGIES

pytestmark = [pytest.mark.peer, pytest.mark.slow, pytest.mark.timeout(600)]

Harvest = Callable[..., Report]
ROWS = 50_000
DIFFERENT = "SELECT DISTINCT obs_publisher_did, access_url, obs_id FROM"
MOST_MEMORY = 150 * 1024
"""Kibibytes of memory of its own that a harvest may take, however long it is."""


def here(store: Store) -> set[tuple[str, str]]:
    """Return identifier and obs_id of every row in the store."""
    rows = (orjson.loads(raw.body) for _, _, raw in store.catalogue.raws() if raw.container != "obs_collection")
    return {(row.get("obs_publisher_did", ""), row["obs_id"]) for row in rows}


def there(dachs: Any, table: str = "ivoa.obscore") -> set[tuple[str, str]]:
    """Return the same of every row on the server, as its database has it."""
    return {(did, obs_id) for did, _, obs_id in dachs.sql(f"{DIFFERENT} {table}")}


@pytest.mark.parametrize("form", ["votable", "votable/b2"])
def test_binary_answers_say_what_texts_say(form: str, dachs: Any, client: Client) -> None:
    query = "SELECT * FROM ivoa.ObsCore WHERE obs_publisher_did >= 'ivo' ORDER BY obs_publisher_did"
    asked = {"REQUEST": "doQuery", "LANG": "ADQL", "QUERY": query, "MAXREC": "700"}
    answers = [
        client.post(f"{dachs.url}/sync", data={**asked, "RESPONSEFORMAT": each}).content
        for each in (form, "votable/td")
    ]
    assert b"<BINARY" in answers[0]
    binary, text = (votable.read(each, most=1000) for each in answers)
    assert (binary.status, len(binary.rows)) == (text.status, len(text.rows))
    assert [row["obs_id"] for row in binary.rows] == [row["obs_id"] for row in text.rows]
    for one, other in zip(binary.rows, text.rows, strict=True):
        assert one.keys() == other.keys()
        assert all(one[name] == other[name] or float(one[name]) == float(other[name]) for name in one)


@pytest.fixture
def changing(dachs: Any) -> Iterator[Any]:
    """Return the server with 2,000 rows in the table that changes."""
    dachs.sql("TRUNCATE disco.changing")
    dachs.fill("disco.changing", 2000)
    dachs.sql("UPDATE disco.changing SET lastmodified = '2026-01-01'")
    yield dachs
    dachs.sql("TRUNCATE disco.changing")


def walked(client: Client, url: str, **settings: str) -> dict[tuple[str, str], bytes]:
    source = Source("s", "tap", url, settings=settings)
    found: dict[tuple[str, str], bytes] = {}
    for page in harvester(source, client).pages(None):
        assert page.rejected == ()
        found |= {(raw.container, raw.source_id): raw.body for raw in page.raws}
    return found


def test_every_strategy_gives_the_same_catalogue_and_none_an_answer_too_many(dachs: Any, client: Client) -> None:
    found = {strategy: walked(client, dachs.url, strategy=strategy) for strategy in STRATEGIES}
    # Eight collections are datasets beside the rows.
    assert {strategy: len(each) for strategy, each in found.items()} == dict.fromkeys(STRATEGIES, ROWS + 8)
    assert all(each == found["keyset"] for each in found.values())
    worker = harvester(Source("s", "tap", dachs.url, settings={"parts": "3"}), client)
    assert isinstance(worker, SupportsPartitions)
    pages = [page for name in worker.partitions() for page in worker.partition(name, None)]
    assert {(raw.container, raw.source_id): raw.body for page in pages for raw in page.raws} == found["keyset"]


def test_the_service_is_asked_for_no_more_than_it_gives_and_told_what_it_indexes(dachs: Any, client: Client) -> None:
    probe = harvester(Source("s", "tap", dachs.url, settings={"page": "50000"}), client).probe()
    assert (probe.matched, probe.notes) == (ROWS, ("at most 5000 rows in one answer",))
    columns = Service(client, dachs.url).columns("ivoa.ObsCore")
    assert columns is not None
    assert columns["obs_publisher_did"].indexed
    assert not columns["obs_id"].indexed


def test_jobs_give_what_plain_queries_give_and_none_is_left(changing: Any, client: Client) -> None:
    settings = {"table": "disco.changing", "page": "900"}
    before = changing.sql("SELECT COUNT(*) FROM tap_schema.tapjobs")
    found = walked(client, changing.url, mode="async", **settings)
    assert found == walked(client, changing.url, mode="sync", **settings)
    assert len(found) == 2000 + 8
    assert changing.sql("SELECT COUNT(*) FROM tap_schema.tapjobs") == before


def test_later_runs_ask_for_what_has_changed_and_full_ones_find_what_has_gone(
    changing: Any, store: Store, harvest: Harvest
) -> None:
    source = Source("s", "tap", changing.url, settings={"table": "disco.changing"})
    assert (harvest(source).mode, here(store)) == ("full", there(changing, "disco.changing"))
    changing.sql(
        "UPDATE disco.changing SET obs_title = 'changed', lastmodified = now() at time zone 'UTC' "
        "WHERE obs_id IN (SELECT obs_id FROM disco.changing ORDER BY obs_id LIMIT 7)"
    )
    changing.sql("DELETE FROM disco.changing WHERE obs_id = (SELECT max(obs_id) FROM disco.changing)")
    report = harvest(source)
    assert (report.mode, report.status, report.counts.updated, report.counts.deleted) == ("changes", COMPLETE, 7, 0)
    assert report.counts.seen < 30
    for _ in range(2):
        assert harvest(source, full=True).status == COMPLETE
    live = {row["title"] for row in store.catalogue.export() if row["kind"] == "observation"}
    assert "changed" in live
    assert here(store) == there(changing, "disco.changing")


COMMAND = """
import sys, threading, time
from discovery.http import Client, Policy
from discovery.model.source import Source
from discovery.store.store import Store
from harvesters.run import harvest

most = 0
def watch():
    global most
    while True:
        with open("/proc/self/status") as status:
            said = dict(line.split(":", 1) for line in status)
        most = max(most, int(said["RssAnon"].split()[0]))
        time.sleep(0.05)
threading.Thread(target=watch, daemon=True).start()
class Told:
    def begin(self, title, total):
        print("seen", 0, flush=True)
    def advance(self, counts):
        print("seen", counts.seen, flush=True)
    def end(self, message):
        pass
store = Store(sys.argv[1])
with Client(Policy().with_hosts("127.0.0.1")) as client:
    report = harvest(store, Source("s", "tap", sys.argv[2]), client=client, progress=Told())
print("ended", report.status, most, report.message, flush=True)
"""


def kill_and_finish(store: Store, url: str, kills: int, rows: int) -> tuple[str, int]:
    """Harvest, killed at random points all over the table; return how it ended and the memory it took.

    A run that ends before its kill is none of those that count, and one without a kill comes last.
    """
    chance = random.Random(7)
    command = [sys.executable, "-W", "ignore", "-c", COMMAND, store.database.url, url]
    most, killed = 0, 0
    while True:
        after = chance.randrange(2 * rows // (kills + 1)) if killed < kills else None
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]) as run:
            assert run.stdout is not None
            words: list[str] = []
            for line in run.stdout:
                words = line.split()
                if words[0] == "seen" and after is not None and int(words[1]) >= after:
                    # Anywhere between two pages, too: while one is fetched, mapped or stored.
                    time.sleep(chance.random() * 0.3)
                    run.kill()
                    killed += 1
                    break
        if words[0] == "ended":
            most = max(most, int(words[2]))
            if killed == kills:
                return " ".join((words[1], *words[3:])), most


def killed_harvest_equals(dachs: Any, store: Store, rows: int, kills: int) -> None:
    started = time.monotonic()
    status, memory = kill_and_finish(store, dachs.url, kills, rows)
    took = time.monotonic() - started
    assert status == COMPLETE
    assert here(store) == there(dachs)
    live = [row["source_id"] for row in store.catalogue.export() if row["kind"] == "observation"]
    assert len(live) == len(set(live)) == rows
    assert store.ingest.checkpoint("s") is None
    sys.stderr.write(f"{rows} rows, {kills} kills: {took:.0f} s, {memory / 1024:.0f} MiB\n")
    assert memory < MOST_MEMORY


def test_a_dozen_kills_lose_nothing_and_double_nothing(dachs: Any, store: Store) -> None:
    killed_harvest_equals(dachs, store, ROWS, 12)


@pytest.mark.long
@pytest.mark.timeout(5400)
def test_a_million_rows_come_whole_in_spite_of_fifty_kills(dachs_of: Callable[[int], Any], store: Store) -> None:
    with dachs_of(1_000_000) as dachs:
        killed_harvest_equals(dachs, store, 1_000_000, 50)
