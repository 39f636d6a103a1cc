"""Measure building and asking a catalogue, through `portal.search` and over HTTP; prints a table in Markdown.

bench_portal.py [--resources 25000] [--observations 100000] [--queries 200] [--home DIR]
"""

from __future__ import annotations

import argparse
import http.client
import os
import random
import resource as limits
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote, urlencode

import generator

from discovery import wiring
from discovery.config import Settings
from discovery.indexer import follow, rebuild
from discovery.model.record import OBSERVATIONS, RESOURCES
from discovery.portal import Portal
from discovery.query import region
from discovery.query.query import Comparison, FacetRequest, Query, Selection, Sort, Time

FACETS = tuple(
    FacetRequest(name)
    for name in (
        "kind",
        "domain",
        "mission",
        "instrument",
        "theme",
        "variable",
        "keyword",
        "provider",
        "license",
        "format",
    )
)


def main() -> None:
    """Build the catalogue, ask it, print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--resources", type=int, default=25_000)
    parser.add_argument("--observations", type=int, default=100_000)
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--home", type=Path, help="keep the catalogue here and use it again")
    asked = parser.parse_args()
    home = asked.home or Path(tempfile.mkdtemp(prefix="discovery-bench-"))
    print(f"load average at the start {os.getloadavg()[0]:.2f}; {os.cpu_count()} cores\n")
    print("| what | median | p99 | n |\n| --- | --- | --- | --- |")
    try:
        settings = Settings(home.resolve(), log="error")
        portal = wiring.open_portal(settings)
        if not portal.store.catalogue.live(RESOURCES):
            build(portal, asked.resources, asked.observations)
        ask(portal, asked.queries)
        edit(portal, min(asked.queries, 50))
        portal.close()
        over_http(settings, asked.queries)
    finally:
        if asked.home is None:
            shutil.rmtree(home, ignore_errors=True)
    print(f"\nload average at the end {os.getloadavg()[0]:.2f}")


def build(portal: Portal, resources: int, observations: int) -> None:
    """Fill the store page by page, then make the index from it."""
    count = resources + observations
    generated = time.perf_counter()
    made = list(generator.pages(resources, observations))
    generated = time.perf_counter() - generated
    began = time.perf_counter()
    run = portal.store.ledger.begin("bench")
    for page in made:
        portal.store.ingest.page("bench", run.id, page)
    stored = time.perf_counter() - began
    began = time.perf_counter()
    rebuild(portal.store, portal.index)
    indexed = time.perf_counter() - began
    row("store, records/s", f"{count / stored:,.0f}", "", count)
    row("index from the store, records/s", f"{count / indexed:,.0f}", "", count)


def row(name: str, median: str, p99: str, count: int) -> None:
    """Print one row of the table."""
    print(f"| {name} | {median} | {p99} | {count:,} |", flush=True)


def timed(name: str, count: int, act: Callable[[int], object]) -> None:
    """Time `act` so many times and print the median and the 99th percentile in milliseconds."""
    for i in range(5):
        act(-1 - i)
    took = []
    for i in range(count):
        began = time.perf_counter()
        act(i)
        took.append((time.perf_counter() - began) * 1000)
    took.sort()
    row(
        f"{name}, ms", f"{statistics.median(took):.2f}", f"{took[min(len(took) - 1, int(len(took) * 0.99))]:.2f}", count
    )


def question(i: int, scope: str) -> Query:
    """Return a search like a person's: two words, a filter, a selection and ten facets; no two are the same."""
    r = random.Random(f"question {i}")
    year = 631_152_000_000 + r.randrange(30) * 31_557_600_000
    return Query(
        scope=scope,
        text=" ".join(r.sample(generator.COMMON, 2)),
        filter=Comparison("=", "level", r.choice(("L1", "L2"))),
        time=Time(year, year + r.randrange(2, 8) * 31_557_600_000),
        selections=(Selection("domain", (r.choice(tuple(generator.MISSIONS)),)),),
        facets=FACETS,
    )


def ask(portal: Portal, count: int) -> None:
    """Time questions through the portal."""
    ids = [row["id"] for row, _ in zip(portal.export(), range(1000), strict=False)]
    for scope in (RESOURCES, OBSERVATIONS):
        timed(
            f"{scope}: 2 words, filters, 10 facets, page of 20", count, lambda i, s=scope: portal.search(question(i, s))
        )
        timed(
            f"{scope}: the same without facets",
            count,
            lambda i, s=scope: portal.search(replace(question(i, s), facets=())),
        )
        everything = Query(scope=scope, facets=FACETS)
        timed(f"{scope}: everything with 10 facets, cached", count, lambda _, q=everything: portal.search(q))
        timed(f"{scope}: box, 20 degrees", count, lambda i, s=scope: portal.search(Query(scope=s, region=box(i))))
    cursor = ""

    def page(_: int) -> None:
        nonlocal cursor
        cursor = portal.search(Query(scope=OBSERVATIONS, sort=Sort("start"), size=100, after=cursor)).next

    timed("cursor page of 100 by time, one after the other", count, page)
    timed("record by id", count, lambda i: portal.record(ids[i % len(ids)]))
    timed("suggest", count, lambda i: portal.suggest(generator.COMMON[i % len(generator.COMMON)][:4]))


def box(i: int) -> region.Region:
    """Return a box of 20 degrees somewhere."""
    r = random.Random(f"box {i}")
    west, south = r.uniform(-180, 160), r.uniform(-80, 60)
    return region.bbox([west, south, west + 20, south + 20])


def edit(portal: Portal, count: int) -> None:
    """Time one changed record until a search can find it."""
    run = portal.store.ledger.begin("bench")

    def change(i: int) -> None:
        record = replace(generator.resource(abs(i)), title=f"Edited {i} {time.perf_counter_ns()}")
        portal.store.ingest.page("bench", run.id, [generator.mapped(record)])
        follow(portal.store, portal.index)

    timed("one edit, stored and visible", count, change)
    peak = limits.getrusage(limits.RUSAGE_SELF).ru_maxrss // 1024
    row("peak memory of this process, MiB", str(peak), "", 1)


def over_http(settings: Settings, count: int) -> None:
    """Time pages and the APIs of a portal that runs as its own process, over one kept connection."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "discovery", "--home", str(settings.home), "serve", "--port", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        connection = connect(port)
        words = generator.COMMON

        def get(path: str) -> None:
            connection.request("GET", path)
            answer = connection.getresponse()
            body = answer.read()
            if answer.status != 200:
                raise SystemExit(f"{path}: {answer.status} {body[:300]!r}")

        def pair(i: int) -> str:
            r = random.Random(f"pair {i}")
            return " ".join(r.sample(words, 2))

        timed("GET /search, page with 10 facets", count, lambda i: get("/search?" + urlencode({"q": pair(i)})))
        timed("GET /search?f=json", count, lambda i: get("/search?f=json&" + urlencode({"q": pair(i)})))
        timed("GET /stac/search, limit=10", count, lambda i: get(f"/stac/search?limit=10&bbox={quote(corner(i))}"))
        resident = Path(f"/proc/{server.pid}/statm").read_text().split()
        row("server's private memory, MiB", str((int(resident[1]) - int(resident[2])) * 4096 // 2**20), "", 1)
    finally:
        server.terminate()
        server.wait(20)


def corner(i: int) -> str:
    """Return a box of 10 degrees as text."""
    r = random.Random(f"corner {i}")
    west, south = r.randrange(-180, 170), r.randrange(-80, 70)
    return f"{west},{south},{west + 10},{south + 10}"


def connect(port: int) -> http.client.HTTPConnection:
    """Return a connection to the server as soon as it answers."""
    for _ in range(300):
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
            connection.request("GET", "/health")
            connection.getresponse().read()
        except OSError:
            time.sleep(0.1)
        else:
            return connection
    raise SystemExit("the server did not start")


if __name__ == "__main__":
    main()
