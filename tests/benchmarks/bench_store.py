"""Measure the store alone, on SQLite and on PostgreSQL: pages of STAC items in, the same again, all deleted.

bench_store.py [--items 20000] [--page 500] [--only sqlite|postgresql]

PostgreSQL is the one of the tests, without fsync; SQLite writes as it always does. Items are those of bench_stac.py,
mapped before the clock starts: what is measured is the store, with what it packs and hashes.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson
from bench_stac import item

from discovery.http import Client, Policy
from discovery.indexer import few_collections
from discovery.model.record import OBSERVATIONS
from discovery.model.source import Checkpoint, Mapped, RawRecord, Source
from discovery.store.connection import sqlite_url
from discovery.store.store import Store
from harvesters.mapping import map_one
from harvesters.registry import harvester

KEEPER = Path(__file__).parents[1] / "peers" / "postgresql" / "keep.py"


@contextmanager
def server(folder: Path) -> Iterator[str]:
    """Run a PostgreSQL server and give the address of a database in it."""
    import psycopg

    with (folder / "users").open("a") as users:
        fcntl.flock(users, fcntl.LOCK_SH)
        subprocess.run([sys.executable, KEEPER, folder], check=True)
        while not (folder / "address").exists():
            if (folder / "failed").exists():
                sys.exit((folder / "failed").read_text())
            time.sleep(0.1)
        address = (folder / "address").read_text()
        with psycopg.connect(address, autocommit=True) as connection:
            connection.execute("CREATE DATABASE bench")
        yield address.rsplit("/", 1)[0] + "/bench"


def pages(first: int, count: int, size: int) -> Iterator[list[Mapped]]:
    """Yield pages of mapped items; the same numbers give the same items."""
    with Client(Policy()) as client:
        worker = harvester(Source("s", "stac-items", "file:items.ndjson"), client)
        for start in range(first, first + count, size):
            page: list[Mapped] = []
            for n in range(start, min(start + size, first + count)):
                document = item(n)
                mapped = map_one(worker, RawRecord(document["collection"], document["id"], orjson.dumps(document)))
                assert isinstance(mapped, Mapped)
                page.append(mapped)
            yield page


def walk(store: Store, number: int, items: int, size: int) -> tuple[float, float]:
    """Store all pages of a walk; return the seconds that it took, and the processor's."""
    clock = work = 0.0
    for n, page in enumerate(pages(0, items, size)):
        started, worked = time.perf_counter(), time.process_time()
        store.ingest.page("s", number, page, checkpoint=Checkpoint(number, {"at": n}))
        clock += time.perf_counter() - started
        work += time.process_time() - worked
    return clock, work


def measure(name: str, url: str, items: int, size: int) -> None:
    """Print the rows of one store."""
    store = Store(url)
    with few_collections():
        for what, number in (("new", 1), ("unchanged", 2)):
            clock, work = walk(store, number, items, size)
            print(
                f"| {name} | {what} | {items / clock:,.0f}/s | {clock:.2f} s | {1e6 * work / items:.0f} us |",
                flush=True,
            )
        started, after, seen = time.perf_counter(), 0, 0
        while changes := store.catalogue.changes(OBSERVATIONS, after, 2000):
            after, seen = changes[-1].change, seen + len(changes)
        clock = time.perf_counter() - started
        print(f"| {name} | followed | {seen / clock:,.0f}/s | {clock:.2f} s | |", flush=True)
        started = time.perf_counter()
        gone = store.ingest.remove("s")
        clock = time.perf_counter() - started
        print(f"| {name} | deleted | {gone / clock:,.0f}/s | {clock:.2f} s | |", flush=True)
    store.close()


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=20_000)
    parser.add_argument("--page", type=int, default=500)
    parser.add_argument("--only", choices=("sqlite", "postgresql"))
    given = parser.parse_args()
    print(f"{given.items} items, pages of {given.page}, load {os.getloadavg()[0]:.1f}\n")
    print("| store | | rate | time | CPU of ours an item |\n| --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as name:
        if given.only != "postgresql":
            measure("SQLite", sqlite_url(Path(name) / "catalogue.sqlite"), given.items, given.page)
        if given.only == "sqlite":
            return
        if subprocess.run([sys.executable, KEEPER, "--here"], check=False).returncode:
            print("\nPostgreSQL is not here; tests/peers/postgresql/prepare.sh installs it")
        else:
            with server(Path(name)) as url:
                measure("PostgreSQL", url, given.items, given.page)


if __name__ == "__main__":
    main()
