"""Ask the portal on tantivy, the portal on Elasticsearch and Elasticsearch alone the same; prints a Markdown table.

bench_search.py [--resources 25000] [--observations 1000000] [--queries 1000] [--home DIR] [--calm LOAD]

Every question of a row is another one and every twentieth comes after a write, which nobody waits for; nothing but the
facets of everything is kept, until the next write. The portal reads records, labels facets and signs cursors;
Elasticsearch alone sends what it holds of the same records. The three must count the same, or the run ends.
"""

from __future__ import annotations

import argparse
import itertools
import os
import random
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import bare_elastic
import generator
import peers
from bench_portal import EDIT_EVERY, FACETS, box, build, question

from discovery import wiring
from discovery.config import Settings
from discovery.indexer import follow, rebuild
from discovery.model.record import OBSERVATIONS, RESOURCES, Record
from discovery.portal import Portal
from discovery.query import cursor
from discovery.query.query import Comparison, Histogram, Query, Selection, Sort, Time
from discovery.query.text import parse
from discovery.store.store import Store

TANTIVY, OURS, BARE = "portal on tantivy", "portal on Elasticsearch", "Elasticsearch alone"
WARM = 100
"""Questions before anything is timed: Java's compiler needs them."""
Act = Callable[[int], object]


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: what each engine does for question `i`."""

    name: str
    acts: Mapping[str, Act]
    count: int
    edits: bool = True
    """Whether every twentieth question comes after a write."""


def common(i: int) -> Query:
    """Return a search by one frequent word in one domain."""
    r = random.Random(f"common {i}")
    return Query(
        scope=OBSERVATIONS,
        text=r.choice(generator.COMMON),
        filter=Comparison("=", "level", r.choice(("L1", "L2"))),
        selections=(Selection("domain", (r.choice(("earth-observation", "space-science")),)),),
        facets=FACETS,
    )


def place(i: int) -> Query:
    """Return a search in a box and a time, with two facets ticked."""
    r = random.Random(f"place {i}")
    year = 631_152_000_000 + r.randrange(26) * 31_557_600_000
    return Query(
        scope=OBSERVATIONS,
        region=box(i),
        time=Time(year, year + 5 * 31_557_600_000),
        selections=(Selection("level", ("L1",)), Selection("product_type", ("image", "cube"))),
        facets=FACETS,
    )


def rows(portals: Mapping[str, Portal], bare: bare_elastic.Engine, count: int) -> Iterator[Row]:
    """Yield every line of the table."""

    def asked(name: str, make: Callable[[int], Query], number: int = count) -> Row:
        acts: dict[str, Act] = {key: lambda i, portal=portal: portal.search(make(i)) for key, portal in portals.items()}
        return Row(name, acts | {BARE: lambda i: bare.ask(make(i))}, number)

    def scene(i: int) -> Query:
        return question(i, OBSERVATIONS)

    yield asked("2 words, filters, 8 facets, page of 20", scene)
    yield asked("1 frequent word, filters, 8 facets, page of 20", common, count // 2)
    yield asked("2 words, filters, page of 20", lambda i: replace(scene(i), facets=()))
    yield asked("box of 20 degrees, 5 years, 8 facets, 2 ticked", place, count // 2)
    yield asked("everything, 8 facets, page of 20", lambda _: Query(scope=OBSERVATIONS, facets=FACETS), count // 5)
    yield months("months of everything", portals, bare, lambda _: Query(scope=OBSERVATIONS), count // 5)
    yield months("months of 2 words and filters", portals, bare, lambda i: replace(scene(i), facets=()), count // 2)
    ids = [found["id"] for found in itertools.islice(portals[TANTIVY].export(OBSERVATIONS), 10_000)]
    yield Row(
        "record by id",
        {key: lambda i, portal=portal: portal.record(ids[i * 7919 % len(ids)]) for key, portal in portals.items()}
        | {BARE: lambda i: bare.get(ids[i * 7919 % len(ids)])},
        count,
    )
    yield from pages(portals, bare, count // 2)


def months(
    name: str, portals: Mapping[str, Portal], bare: bare_elastic.Engine, make: Callable[[int], Query], count: int
) -> Row:
    """Return a line about a histogram of months."""

    def ours(portal: Portal) -> Act:
        return lambda i: portal.keys(replace(make(i), size=0, histogram=Histogram("month")))

    return Row(
        name, {key: ours(portal) for key, portal in portals.items()} | {BARE: lambda i: bare.histogram(make(i))}, count
    )


def pages(portals: Mapping[str, Portal], bare: bare_elastic.Engine, count: int) -> Iterator[Row]:
    """Yield the lines about pages of 100 in the order of time."""
    query = Query(scope=OBSERVATIONS, sort=Sort("start", descending=True), size=100)

    def onward(portal: Portal) -> Act:
        after = [""]

        def go(_: int) -> None:
            after[0] = portal.search(replace(query, after=after[0])).next

        return go

    def deep(portal: Portal) -> Act:
        secret = portal.store.secret()

        def go(i: int) -> None:
            mark = cursor.Cursor(
                query.scope, cursor.digest(query), "start", descending=True, value=bare.at(i)[0], key=0
            )
            portal.search(replace(query, after=cursor.encode(mark, secret)))

        return go

    after: list[Any] = [None]

    def bare_onward(_: int) -> None:
        after[0] = bare.page(after[0], query)

    yield Row("page of 100 by time, one after the other",
              {key: onward(portal) for key, portal in portals.items()} | {BARE: bare_onward}, count)  # fmt: skip
    yield Row("page of 100 by time, at any depth",
              {key: deep(portal) for key, portal in portals.items()} | {BARE: lambda i: bare.page(bare.at(i), query)},
              count)  # fmt: skip


class Edits:
    """Changes one record in the store, in both indexes and in Elasticsearch alone."""

    def __init__(self, portals: Mapping[str, Portal], bare: bare_elastic.Engine) -> None:
        self._portals = portals
        self._bare = bare
        self._run = portals[TANTIVY].store.ledger.begin("bench")
        self._numbers = itertools.count()
        self._changed: Record = generator.observation(0)

    def store(self, _: int = 0) -> None:
        """Change the record in the store, which both portals share."""
        n = next(self._numbers)
        self._changed = replace(generator.observation(n % 1000), title=f"Edited {n} {time.perf_counter_ns()}")
        self._portals[TANTIVY].store.ingest.page("bench", self._run.id, [generator.mapped(self._changed)])

    def everywhere(self) -> None:
        """Change the record and let every engine know."""
        self.store()
        for portal in self._portals.values():
            follow(portal.store, portal.index)
        self._bare.change(self._changed)

    def row(self, count: int) -> Row:
        """Return the line about one change until it can be found."""

        def ours(portal: Portal) -> Act:
            def go(_: int) -> None:
                self.store()
                follow(portal.store, portal.index)

            return go

        def alone(_: int) -> None:
            self._bare.change(replace(self._changed, title=f"Edited {time.perf_counter_ns()}"))

        acts: dict[str, Act] = {key: ours(portal) for key, portal in self._portals.items()}
        return Row("one change until it is found", acts | {BARE: alone}, count, edits=False)


def measure(row: Row, edit: Callable[[], None]) -> None:
    """Time a line, engine by engine, and print it."""
    told = []
    for name in (TANTIVY, OURS, BARE):
        act = row.acts[name]
        for i in range(WARM if name != TANTIVY else 10):
            act(-1 - i)
        took = []
        for i in range(row.count):
            if row.edits and i % EDIT_EVERY == 0:
                edit()
            began = time.perf_counter()
            act(i)
            took.append((time.perf_counter() - began) * 1000)
        took.sort()
        told.append((statistics.median(took), took[min(len(took) - 1, int(len(took) * 0.99))]))
    ahead = told[2][0] / told[0][0]
    cells = " | ".join(f"{p50:.2f} / {p99:.1f}" for p50, p99 in told)
    said = f"{ahead:.1f} times" if ahead >= 1 else f"**behind: {ahead:.2f}**"
    print(f"| {row.name} | {cells} | {said} | {row.count:,} |", flush=True)


def agree(portals: Mapping[str, Portal], bare: bare_elastic.Engine, count: int) -> None:
    """Compare what the three count.

    Raises:
        SystemExit: They do not agree, where no synonyms make the portal find more.
    """
    same = 0
    for i in range(count):
        for make in (lambda n: question(n, OBSERVATIONS), common, place):
            asked = make(i)
            if any(len(group.alternatives) > 1 for group in parse(asked.text).groups):
                continue
            found = {name: portal.search(asked).total.value for name, portal in portals.items()}
            found[BARE] = bare.ask(asked)
            if len(set(found.values())) > 1:
                raise SystemExit(f"they do not count the same: {found} for {asked}")
            same += 1
    print(f"\n{same} questions were counted alike by all three")


def main() -> None:
    """Build the three, ask them, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--resources", type=int, default=25_000)
    parser.add_argument("--observations", type=int, default=1_000_000)
    parser.add_argument("--queries", type=int, default=1000)
    parser.add_argument("--home", type=Path, help="keep the catalogue here and use it again")
    parser.add_argument("--calm", type=float, help="ask nothing before the load average is below this")
    asked = parser.parse_args()
    home = (asked.home or Path(tempfile.mkdtemp(prefix="discovery-search-"))).resolve()
    work = Path(tempfile.mkdtemp(prefix="discovery-peers-"))
    peers.prepare("elasticsearch")
    print(f"load average at the start {os.getloadavg()[0]:.2f}; {os.cpu_count()} cores")
    try:
        with peers.elasticsearch(work / "elasticsearch") as url:
            compare(Settings(home, log="error"), url, asked)
    finally:
        shutil.rmtree(work, ignore_errors=True)
        if asked.home is None:
            shutil.rmtree(home, ignore_errors=True)
    print(f"load average at the end {os.getloadavg()[0]:.2f}")


def observations(store: Store) -> Iterator[Record]:
    """Yield the observations that are there, as changed by runs before."""
    after = 0
    while changes := store.catalogue.changes(OBSERVATIONS, after, 2000):
        yield from (each.record for each in changes if each.record is not None)
        after = changes[-1].change


def compare(settings: Settings, url: str, asked: argparse.Namespace) -> None:
    """Fill what is empty, then measure line by line."""
    there = replace(settings, index=f"elasticsearch={url}", index_prefix="bench")
    portals = {TANTIVY: wiring.open_portal(settings), OURS: wiring.open_portal(there)}
    bare = bare_elastic.Engine(url)
    if not portals[TANTIVY].store.catalogue.live(RESOURCES):
        build(portals[TANTIVY], asked.resources, asked.observations)
    began = time.perf_counter()
    rebuild(portals[OURS].store, portals[OURS].index)
    ours = time.perf_counter() - began
    began = time.perf_counter()
    count = bare.fill(observations(portals[TANTIVY].store))
    print(f"{asked.observations + asked.resources:,} records into {OURS} in {ours:.0f} s, "
          f"{count:,} into {BARE} in {time.perf_counter() - began:.0f} s", flush=True)  # fmt: skip
    peers.wait(asked.calm)
    edits = Edits(portals, bare)
    follow(portals[TANTIVY].store, portals[TANTIVY].index)
    agree(portals, bare, 20)
    print(f"\n| p50 / p99, ms | {TANTIVY} | {OURS} | {BARE} | ahead of it | n |\n| --- | --- | --- | --- | --- | --- |")
    for row in (*rows(portals, bare, asked.queries), edits.row(min(asked.queries, 100))):
        measure(row, edits.everywhere)
    for portal in portals.values():
        portal.close()


if __name__ == "__main__":
    main()
