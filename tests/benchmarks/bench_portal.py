"""Measure building and asking a catalogue, through `portal.search` and over HTTP; prints a table in Markdown.

bench_portal.py [--resources 25000] [--observations 100000] [--queries 1000] [--home DIR] [--only WORD]

`--only graphql --resources 2000 --observations 0` is over in half a minute.

CPU is the time that this process really worked, in all its threads: on a machine that others use too, it says more
than the clock.
"""

from __future__ import annotations

import argparse
import http.client
import itertools
import json
import os
import random
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from urllib.parse import quote, urlencode

import bare
import generator

from discovery import wiring
from discovery.config import Settings
from discovery.indexer import follow, rebuild
from discovery.model.record import OBSERVATIONS, RESOURCES
from discovery.planner import Planner
from discovery.portal import Portal
from discovery.query import cursor, region
from discovery.query.query import Comparison, FacetRequest, Query, Region, Selection, Sort, Time
from discovery.query.text import parse

FACETS = tuple(
    map(FacetRequest, ("kind", "domain", "mission", "instrument", "keyword", "level", "product_type", "format"))
)
TWENTY = (
    "id kind title description page domain missions instruments themes keywords "
    "provider license level productType access doi created updated source sourceId"
)
EDIT_EVERY = 20
"""Questions between two writes that nobody waits for."""


@dataclass(frozen=True, slots=True)
class Mark:
    """What a figure has to reach: milliseconds at the median and at the 99th percentile."""

    p50: float
    p99: float | None = None

    def __str__(self) -> str:
        return f"{self.p50:g}" + ("" if self.p99 is None else f" / {self.p99:g}")


def main() -> None:
    """Build the catalogue, ask it, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--resources", type=int, default=25_000)
    parser.add_argument("--observations", type=int, default=100_000)
    parser.add_argument("--queries", type=int, default=1000)
    parser.add_argument("--home", type=Path, help="keep the catalogue here and use it again")
    parser.add_argument("--only", choices=("ask", "edit", "http", "graphql"), help="leave the other parts out")
    asked = parser.parse_args()
    home = asked.home or Path(tempfile.mkdtemp(prefix="discovery-bench-"))
    print(f"load average at the start {os.getloadavg()[0]:.2f}; {os.cpu_count()} cores\n")
    print("| what | p50 | p99 | CPU p50 | n | mark |\n| --- | --- | --- | --- | --- | --- |")
    try:
        settings = Settings(home.resolve(), log="error")
        portal = wiring.open_portal(settings)
        if not portal.store.catalogue.live(RESOURCES):
            build(portal, asked.resources, asked.observations)
        sizes(portal, settings.home)
        if asked.only in {None, "ask"}:
            ask(portal, asked.queries)
            beside(portal, settings.home, asked.queries)
        if asked.only in {None, "edit"}:
            edits(portal, min(asked.queries, 200))
        row("memory of this process, beyond mapped files, MiB", f"{anonymous(os.getpid()):.0f}")
        portal.close()
        if asked.only in {None, "http", "graphql"}:
            over_http(settings, min(asked.queries, 500), alone=asked.only == "graphql")
    finally:
        if asked.home is None:
            shutil.rmtree(home, ignore_errors=True)
    print(f"\nload average at the end {os.getloadavg()[0]:.2f}")


def build(portal: Portal, resources: int, observations: int) -> None:
    """Fill the store page by page, then make the index from it."""
    count = resources + observations
    stored = 0.0
    run = portal.store.ledger.begin("bench")
    for page in generator.pages(resources, observations):
        began = time.perf_counter()
        portal.store.ingest.page("bench", run.id, page)
        stored += time.perf_counter() - began
    row("store, records/s", f"{count / stored:,.0f}", count=count)
    began = time.perf_counter()
    rebuild(portal.store, portal.index)
    row("index from the store, records/s", f"{count / (time.perf_counter() - began):,.0f}", count=count)


def sizes(portal: Portal, home: Path) -> None:
    """Print what a record takes on the disk, in the generation that answers and in the store."""
    status = portal.status()
    count = sum(each.documents for each in status.values())
    index = [file for scope, each in status.items() for file in (home / "index" / scope / each.name).iterdir()]
    for name, files, mark in (("index", index, "1300"), ("store", list(home.glob("catalogue.sqlite*")), "")):
        size = sum(file.stat().st_size for file in files)
        row(f"{name}, bytes a record", f"{size / count:,.0f}", count=count, mark=mark)


def row(name: str, p50: str, p99: str = "", cpu: str = "", count: int = 1, mark: str = "") -> None:
    """Print one row of the table."""
    print(f"| {name} | {p50} | {p99} | {cpu} | {count:,} | {mark} |", flush=True)


def timed(
    name: str,
    count: int,
    act: Callable[[int], object],
    *,
    mark: Mark | None = None,
    between: Callable[[], object] | None = None,
) -> None:
    """Time `act` so many times and print the median and the 99th percentile in milliseconds."""
    for i in range(5):
        act(-1 - i)
    took, worked = [], []
    for i in range(count):
        if between is not None and i % EDIT_EVERY == 0:
            between()
        cpu, began = time.process_time(), time.perf_counter()
        act(i)
        took.append((time.perf_counter() - began) * 1000)
        worked.append((time.process_time() - cpu) * 1000)
    took.sort()
    p50, p99 = statistics.median(took), took[min(len(took) - 1, int(len(took) * 0.99))]
    over = mark is not None and (p50 > mark.p50 or (mark.p99 is not None and p99 > mark.p99))
    said = "" if mark is None else f"{mark}{' **over**' if over else ''}"
    row(f"{name}, ms", f"{p50:.2f}", f"{p99:.2f}", f"{statistics.median(worked):.2f}", count, said)


def question(i: int, scope: str) -> Query:
    """Return a search like a person's: two words, filters, a selection and eight facets; no two are the same."""
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


def words(i: int, scope: str) -> Query:
    """Return a search by two words alone, which finds a hundred times as much as `question`."""
    r = random.Random(f"words {i}")
    return Query(scope=scope, text=" ".join(r.sample(generator.COMMON, 2)), facets=FACETS)


def ask(portal: Portal, count: int) -> None:
    """Time questions through the portal, with writes between them."""
    ids = [found["id"] for found in itertools.islice(portal.export(), 10_000)]
    writes = changes(portal)
    for scope in (RESOURCES, OBSERVATIONS):
        ask_scope(portal, scope, count, partial(writes, scope))
    cursors(portal, count)
    timed("record by id", count, lambda i: portal.record(ids[i * 7919 % len(ids)]), mark=Mark(1))
    timed("suggest", count, lambda i: portal.suggest(generator.COMMON[i % len(generator.COMMON)][:4]))


def ask_scope(portal: Portal, scope: str, count: int, edit: Callable[[], object]) -> None:
    """Time questions to one scope."""

    def full(i: int) -> None:
        portal.search(question(i, scope))

    def short(i: int) -> None:
        portal.search(replace(question(i, scope), facets=()))

    def broad(i: int) -> None:
        portal.search(words(i, scope))

    def near(i: int) -> None:
        portal.search(Query(scope=scope, region=box(i)))

    everything = Query(scope=scope, facets=FACETS)

    def all_of_it(_: int) -> None:
        portal.search(everything)

    timed(f"{scope}: 2 words, filters, 8 facets, page of 20", count, full, mark=Mark(15, 40), between=edit)
    timed(f"{scope}: the same without facets", count, short, between=edit)
    timed(f"{scope}: 2 words, 8 facets, page of 20", count, broad, between=edit)
    timed(f"{scope}: everything, 8 facets, cached", count, all_of_it, mark=Mark(5))
    cold(portal, everything, edit, 20)
    timed(f"{scope}: box, 20 degrees", count // 2, near)


def cold(portal: Portal, everything: Query, edit: Callable[[], object], count: int) -> None:
    """Time the first question for everything after each write: nothing is kept of what was counted before."""
    took = []
    for _ in range(count):
        edit()
        began = time.perf_counter()
        portal.search(everything)
        took.append((time.perf_counter() - began) * 1000)
    p50 = statistics.median(took)
    said = "160 **over**" if p50 > 160 else "160"
    name = f"{everything.scope}: everything, 8 facets, first after a write, ms"
    row(name, f"{p50:.2f}", f"{max(took):.2f}", count=count, mark=said)


def cursors(portal: Portal, count: int) -> None:
    """Time pages by time: one after the other from the top, then at any depth, for everything and for a selection."""
    secret = portal.store.secret()
    chosen = (Selection("domain", ("earth-observation",)),)
    for name, selections in (("everything", ()), ("one domain", chosen)):
        query = Query(scope=OBSERVATIONS, selections=selections, sort=Sort("start", descending=True), size=100)
        after = ""

        def following(_: int, query: Query = query) -> None:
            nonlocal after
            after = portal.search(replace(query, after=after)).next

        def anywhere(i: int, query: Query = query) -> None:
            at = random.Random(f"depth {i}").randrange(631_152_000_000, 1_767_225_600_000)
            mark = cursor.Cursor(query.scope, cursor.digest(query), "start", descending=True, value=at, key=0)
            portal.search(replace(query, after=cursor.encode(mark, secret)))

        timed(f"cursor page of 100 by time, {name}, one after the other", count, following, mark=Mark(8))
        timed(f"cursor page of 100 by time, {name}, at any depth", count, anywhere, mark=Mark(8))


def box(i: int) -> Region:
    """Return a box of 20 degrees somewhere."""
    r = random.Random(f"box {i}")
    west, south = r.uniform(-180, 160), r.uniform(-80, 60)
    return region.bbox([west, south, west + 20, south + 20])


def beside(portal: Portal, home: Path, count: int) -> None:
    """Time the engine alone with the same questions: no store, no records, no labels."""
    engine = bare.Engine(home / "index" / OBSERVATIONS)
    timed(
        "bare tantivy: 2 words, filters, 8 facets, page of 20", count, lambda i: engine.ask(question(i, OBSERVATIONS))
    )
    timed("bare tantivy: 2 words, 8 facets, page of 20", count, lambda i: engine.ask(words(i, OBSERVATIONS)))
    timed("bare tantivy: everything, 8 facets", 20, lambda _: engine.ask(Query(scope=OBSERVATIONS, facets=FACETS)))
    timed("bare tantivy: page of 100 by time, at any depth", min(count, 200), engine.page)
    for i in range(0, min(count, 100), 10):
        for make in (question, words):
            asked = make(i, OBSERVATIONS)
            found, expected = engine.ask(asked), portal.search(asked).total.value
            # The portal finds synonyms too.
            if found != expected and all(len(group.alternatives) == 1 for group in parse(asked.text).groups):
                raise SystemExit(f"the bare engine counts {found} where the portal counts {expected}")


def changes(portal: Portal) -> Callable[[str], None]:
    """Return what changes one record of a scope, in the store and in the index."""
    run = portal.store.ledger.begin("bench")
    numbers: Iterator[int] = itertools.count()

    def change(scope: str) -> None:
        n = next(numbers)
        made = generator.resource(n % 1000) if scope == RESOURCES else generator.observation(n % 1000)
        record = replace(made, title=f"Edited {n} {time.perf_counter_ns()}")
        portal.store.ingest.page("bench", run.id, [generator.mapped(record)])
        follow(portal.store, portal.index)

    return change


def edits(portal: Portal, count: int) -> None:
    """Time one changed record until a search can find it."""
    change = changes(portal)
    for scope in (RESOURCES, OBSERVATIONS):

        def edit(_: int, scope: str = scope) -> None:
            change(scope)

        timed(f"{scope}: one edit, stored and visible", count, edit, mark=Mark(30))


def anonymous(process: int) -> float:
    """Return the MiB that a process has for itself: what is not a mapped file."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("RssAnon:")) / 1024


def over_http(settings: Settings, count: int, *, alone: bool) -> None:
    """Time pages and the APIs of a portal that runs as its own process, over one kept connection; or GraphQL alone."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "discovery", "--home", str(settings.home), "serve", "--port", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        connection = connect(port)

        def get(path: str) -> None:
            connection.request("GET", path)
            answer = connection.getresponse()
            body = answer.read()
            if answer.status != 200:
                raise SystemExit(f"{path}: {answer.status} {body[:300]!r}")

        def pair(i: int) -> str:
            r = random.Random(f"pair {i}")
            return urlencode({"q": " ".join(r.sample(generator.COMMON, 2))})

        for scope in () if alone else (RESOURCES, OBSERVATIONS):

            def page(i: int, scope: str = scope) -> None:
                get(f"/search?{pair(i)}&scope={scope}")

            def data(i: int, scope: str = scope) -> None:
                get(f"/search?f=json&{pair(i)}&scope={scope}")

            timed(f"GET /search, {scope}, page with its facets", count, page, mark=Mark(60))
            timed(f"GET /search?f=json, {scope}", count, data)
        graphql(server.pid, connection, min(count, 200))
        beyond(settings, connection, min(count, 200))
        if alone:
            return
        timed("GET /stac/search, limit=10", count, lambda i: get(f"/stac/search?limit=10&bbox={quote(corner(i))}"))
        row("server's memory beyond mapped files, MiB", f"{anonymous(server.pid):.0f}", mark="400")
    finally:
        server.terminate()
        server.wait(20)


def graphql(server: int, connection: http.client.HTTPConnection, count: int) -> None:
    """Time a page of 100 records with 20 fields, and beside it what the server works for the records alone."""
    for name, fields in (("20 fields", TWENTY), ("their ids", "id")):
        post = partial(posted, connection, fields)
        worked = cpu(server)
        timed(f"POST /graphql, 100 records, {name}", count, post)
        # Five more are asked before it is timed.
        row("the same, CPU of the server for each, ms", f"{(cpu(server) - worked) * 1000 / (count + 5):.2f}")


def posted(connection: http.client.HTTPConnection, fields: str, i: int) -> float:
    """Ask by GraphQL for 100 records with these fields; return the milliseconds until the whole answer was there."""
    query = f"query ($text: String) {{ search(text: $text, first: 100, words: ALL) {{ nodes {{ {fields} }} }} }}"
    body = json.dumps({"query": query, "variables": {"text": generator.COMMON[i % 7]}})
    began = time.perf_counter()
    connection.request("POST", "/graphql", body, {"content-type": "application/json"})
    answer = connection.getresponse()
    data = answer.read()
    took = (time.perf_counter() - began) * 1000
    if answer.status != 200 or len(json.loads(data)["data"]["search"]["nodes"]) != 100:
        raise SystemExit(f"POST /graphql: {answer.status} {data[:300]!r}")
    return took


def beyond(settings: Settings, connection: http.client.HTTPConnection, count: int) -> None:
    """Time what GraphQL over HTTP adds to the engine's part of the same question, asked here a moment later."""
    portal = wiring.open_portal(settings)
    planner, added, searched = Planner(portal.store, portal.index), [], []
    for i in range(-5, count):
        whole = posted(connection, TWENTY, i)
        plan = planner.plan(Query(text=generator.COMMON[i % 7], size=100), total=False)
        began = time.perf_counter()
        found = portal.index.search(plan)
        searched.append((time.perf_counter() - began) * 1000)
        added.append(whole - searched[-1])
        if len(found.hits) != 100:
            raise SystemExit(f"the engine finds {len(found.hits)} of 100 records")
    portal.close()
    for name, took, mark in (("the engine's part", searched[5:], ""), ("GraphQL over HTTP beyond it", added[5:], "15")):
        p50, p99 = statistics.median(took), sorted(took)[int(len(took) * 0.99)]
        said = f"{mark} **over**" if mark and p50 > float(mark) else mark
        row(f"100 records, 20 fields: {name}, ms", f"{p50:.2f}", f"{p99:.2f}", count=len(took), mark=said)


def cpu(process: int) -> float:
    """Return the seconds that a process has worked, in all its threads."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


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
