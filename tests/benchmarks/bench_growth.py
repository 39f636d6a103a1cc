"""Ask the same of a catalogue while it grows; prints a table, and draws it.

bench_growth.py [--to 1000000] [--queries 200] [--home DIR] [--plot FILE.svg]

The catalogue grows by three times at a step, by the loop that follows harvests, and is asked at each, when the engine
has merged what it wants to merge. What is drawn is the CPU that a question takes, in all threads: unlike the clock it
is nearly the same on a machine that others use too. A home that has records is asked as it is, and then grows on.
"""

from __future__ import annotations

import argparse
import itertools
import math
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import generator
from bench_portal import FACETS, anonymous, box, question, words

from discovery import wiring
from discovery.config import Settings
from discovery.indexer import follow
from discovery.model.record import OBSERVATIONS
from discovery.portal import Portal
from discovery.query.query import Query, Sort

FIRST = 10_000
PAGE = 1_000
QUIET = 0.02
"""Of each second that whoever does nothing may work."""


def main() -> None:
    """Grow, ask, print, draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--to", type=int, default=1_000_000)
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--home", type=Path, help="make the catalogue here, or grow on, and keep it")
    parser.add_argument("--plot", type=Path, help="draw the table as SVG")
    asked = parser.parse_args()
    home = (asked.home or Path(tempfile.mkdtemp(prefix="discovery-growth-"))).resolve()
    print(f"load average at the start {os.getloadavg()[0]:.2f}; {os.cpu_count()} cores\n")
    portal = wiring.open_portal(Settings(home, log="error"))
    table: dict[int, dict[str, float]] = {}
    try:
        follow(portal.store, portal.index)
        have = portal.store.catalogue.live(OBSERVATIONS)
        for count in sorted(each for each in {*steps(asked.to), have} if each and each >= have):
            rate = grow(portal, have, count) if count > have else math.nan
            rest()
            table[count] = {"records/s": rate, **measured(portal, asked.queries)}
            line(count, table[count], is_first=len(table) == 1)
            have = count
    finally:
        portal.close()
        if asked.home is None:
            shutil.rmtree(home, ignore_errors=True)
    if asked.plot is not None:
        draw(table, asked.plot)
    print(f"\nload average at the end {os.getloadavg()[0]:.2f}")


def steps(most: int) -> Iterator[int]:
    """Yield how many records there are at each step: 10,000, 30,000, 100,000, ... and the last one."""
    growing = (FIRST * times * 10**power for power in itertools.count() for times in (1, 3))
    yield from itertools.takewhile(lambda count: count < most, growing)
    yield most


def grow(portal: Portal, have: int, count: int) -> float:
    """Add observations as a harvest does, and return how many a second were stored and can be found."""
    run = portal.store.ledger.begin("bench")
    began = time.perf_counter()
    for at in range(have, count, PAGE):
        made = [generator.mapped(generator.observation(i)) for i in range(at, min(at + PAGE, count))]
        portal.store.ingest.page("bench", run.id, made)
        if at // PAGE % 50 == 49:
            follow(portal.store, portal.index)
    follow(portal.store, portal.index)
    return (count - have) / (time.perf_counter() - began)


def rest() -> None:
    """Wait until the threads that merge segments have nothing left to do."""
    worked = math.inf
    while worked > QUIET:
        before = time.process_time()
        time.sleep(1.0)
        worked = time.process_time() - before


def measured(portal: Portal, count: int) -> dict[str, float]:
    """Return milliseconds of CPU at the median, and MiB of memory that is no mapped file."""
    newest = Query(scope=OBSERVATIONS, sort=Sort("start", descending=True), size=100)
    asked: Mapping[str, Callable[[int], Query]] = {
        "2 words, filters, 8 facets": lambda i: question(i, OBSERVATIONS),
        "2 words, 8 facets": lambda i: words(i, OBSERVATIONS),
        "box of 20 degrees": lambda i: Query(scope=OBSERVATIONS, region=box(i)),
        "newest 100 of a domain": lambda i: replace(newest, selections=question(i, OBSERVATIONS).selections),
        "first 20, 8 facets": lambda _: Query(scope=OBSERVATIONS, facets=FACETS),
    }
    found = {name: cpu(portal, make, count) for name, make in asked.items()}
    return found | {"memory, MiB": anonymous(os.getpid())}


def cpu(portal: Portal, make: Callable[[int], Query], count: int) -> float:
    """Return the milliseconds that this process works for a question, at the median."""
    worked = []
    for i in range(count + 5):
        began = time.process_time()
        portal.search(make(i))
        worked.append((time.process_time() - began) * 1000)
    return statistics.median(worked[5:])


def line(count: int, row: Mapping[str, float], *, is_first: bool) -> None:
    """Print a row of the table, below its head when it is the first."""
    if is_first:
        print("| records | " + " | ".join(row) + " |\n" + "| --- " * (len(row) + 1) + "|")
    cells = ["" if math.isnan(each) else f"{each:,.0f}" if each >= 100 else f"{each:.2f}" for each in row.values()]
    print(f"| {count:,} | " + " | ".join(cells) + " |", flush=True)


def draw(table: Mapping[int, Mapping[str, float]], path: Path) -> None:
    """Draw time and memory over the number of records, both axes by powers of ten."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams |= {"svg.hashsalt": "growth", "font.size": 9, "svg.fonttype": "none"}
    from matplotlib import pyplot as plt

    counts = list(table)
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    names = [each for each in table[counts[0]] if each not in ("records/s", "memory, MiB")]
    for name, marker in zip(names, "os^Dv", strict=True):
        left.loglog(counts, [table[each][name] for each in counts], marker=marker, label=name)
    left.set(xlabel="records", ylabel="CPU of a question at the median, ms")
    left.legend(fontsize=8, frameon=False)
    right.semilogx(counts, [table[each]["memory, MiB"] for each in counts], marker="o")
    right.set(xlabel="records", ylabel="memory that is no mapped file, MiB")
    right.set_ylim(bottom=0)
    for axes in (left, right):
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Date": None})


if __name__ == "__main__":
    main()
