"""Ask a catalogue from several processes while another one writes to it, and walk all of it meanwhile; prints a table.

bench_load.py --home DIR [--readers 4] [--minutes 10] [--rate 1000] [--pace 10] [--walkers 1]

DIR is a catalogue that bench_portal.py has built (`--home DIR`). Readers ask as fast as they are answered, each a
process with a portal of its own, so the machine is never idle, or at a pace: then a question counts from the moment
that it was due, however late it could be asked. One question in three has facets. The writer changes and adds records
at a rate and indexes them. Beside them a process walks every id in the order of time, again and again; none that was
there before may be missed, and none may come twice.
"""

from __future__ import annotations

import argparse
import itertools
import multiprocessing
import os
import random
import statistics
import time
from collections import Counter
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import generator
from bench_portal import question

from discovery import wiring
from discovery.config import Settings
from discovery.indexer import follow
from discovery.model.record import OBSERVATIONS
from discovery.query.query import Query, Sort

PAGE = 1000
Told = dict[str, Any]


def read(home: Path, number: int, pace: float, until: float, out: Any) -> None:
    """Ask until the time is over; tell how long each question took and what went wrong."""
    took, errors = [], Counter[str]()
    with closing(wiring.open_portal(Settings(home, log="error"))) as portal:
        ids = [found["id"] for found in itertools.islice(portal.export(OBSERVATIONS), 10_000)]
        # Readers do not all ask at once.
        first = time.perf_counter() + (random.Random(number).random() / pace if pace else 0.0)
        for i in itertools.count():
            if time.time() > until:
                break
            r = random.Random(f"reader {number} {i}")
            asked = question(r.randrange(10**9), OBSERVATIONS)
            began = first + i / pace if pace else time.perf_counter()
            time.sleep(max(0.0, began - time.perf_counter()))
            try:
                if i % 3 == 0:
                    portal.search(asked)
                elif i % 3 == 1:
                    portal.search(replace(asked, facets=()))
                else:
                    portal.record(r.choice(ids))
            except Exception as error:  # noqa: BLE001 - counted and told at the end
                errors[f"{type(error).__name__}: {error}"[:200]] += 1
            took.append((i % 3, (time.perf_counter() - began) * 1000))
    out.put({"kind": "reader", "took": took, "errors": errors})


def write(home: Path, rate: int, until: float, out: Any) -> None:
    """Change and add records at a rate, in portions of a quarter of a second; tell how many there were."""
    done, errors, late = 0, Counter[str](), 0.0
    size = max(1, rate // 4)
    with closing(wiring.open_portal(Settings(home, log="error"))) as portal:
        run = portal.store.ledger.begin("bench")
        stamp = time.time_ns()
        began = time.time()
        for portion in itertools.count():
            late = max(late, time.time() - began - portion / 4)
            time.sleep(max(0.0, began + portion / 4 - time.time()))
            if time.time() > until:
                break
            page = []
            for i in range(portion * size, (portion + 1) * size):
                old = generator.observation(i % 100_000)
                fresh = (
                    replace(old, source_id=f"added-{stamp}-{i}")
                    if i % 2
                    else replace(old, title=f"{old.title} {stamp}")
                )
                page.append(generator.mapped(fresh))
            try:
                portal.store.ingest.page("bench", run.id, page)
                follow(portal.store, portal.index)
            except Exception as error:  # noqa: BLE001 - counted and told at the end
                errors[f"{type(error).__name__}: {error}"[:200]] += 1
            done += len(page)
    out.put({"kind": "writer", "done": done, "errors": errors, "late": late})


def walk(home: Path, until: float, out: Any) -> None:
    """Walk everything until the time is over, at least once; tell what was missed and what came twice."""
    errors, walks, missed, twice, seconds = Counter[str](), 0, 0, 0, []
    with closing(wiring.open_portal(Settings(home, log="error"))) as portal:
        before = set(portal.store.catalogue.keys([row["id"] for row in portal.export(OBSERVATIONS)]).values())
        query = Query(scope=OBSERVATIONS, sort=Sort("start", descending=True), size=PAGE)
        while not walks or time.time() < until:
            seen, after, began = Counter[int](), "", time.perf_counter()
            while True:
                found = portal.keys(replace(query, after=after), total=False)
                seen.update(found.keys)
                after = found.next
                if not after:
                    break
            seconds.append(time.perf_counter() - began)
            walks += 1
            missed += len(before - seen.keys())
            twice += sum(1 for count in seen.values() if count > 1)
    out.put({"kind": "walker", "walks": walks, "missed": missed, "twice": twice, "errors": errors, "seconds": seconds,
             "ids": len(before)})  # fmt: skip


def main() -> None:
    """Start everybody, wait for all of them, print what they tell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--readers", type=int, default=4)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--rate", type=int, default=1000, help="records written a second")
    parser.add_argument("--pace", type=float, default=0.0, help="questions a second of each reader")
    parser.add_argument("--walkers", type=int, default=1)
    asked = parser.parse_args()
    home = asked.home.resolve()
    context = multiprocessing.get_context("spawn")
    out: Any = context.Queue()
    until = time.time() + 60 * asked.minutes
    everybody = [context.Process(target=read, args=(home, n, asked.pace, until, out)) for n in range(asked.readers)]
    everybody.append(context.Process(target=write, args=(home, asked.rate, until, out)))
    everybody += [context.Process(target=walk, args=(home, until, out)) for _ in range(asked.walkers)]
    print(f"load average at the start {os.getloadavg()[0]:.2f}; {os.cpu_count()} cores")
    for each in everybody:
        each.start()
    told: list[Told] = [out.get() for _ in everybody]
    for each in everybody:
        each.join()
    report(told, asked)


def report(told: list[Told], asked: argparse.Namespace) -> None:
    """Print the tables, and every error."""
    readers = [each for each in told if each["kind"] == "reader"]
    print("\n| what | p50, ms | p99, ms | worst, ms | n |\n| --- | --- | --- | --- | --- |")
    names = ("2 words, filters, 8 facets, page of 20", "the same without facets", "record by id")
    for kind, name in enumerate(names):
        took = sorted(ms for each in readers for which, ms in each["took"] if which == kind)
        p50, p99 = statistics.median(took), took[int(len(took) * 0.99)]
        print(f"| {name} | {p50:.1f} | {p99:.1f} | {took[-1]:.0f} | {len(took):,} |")
    for each in told:
        if each["kind"] == "writer":
            print(f"\n{each['done']:,} records written, {each['done'] / asked.minutes / 60:,.0f} a second, "
                  f"at most {each['late']:.1f} s behind")  # fmt: skip
        if each["kind"] == "walker":
            print(f"{each['walks']} walks over {each['ids']:,} ids, {statistics.median(each['seconds']):.0f} s each: "
                  f"{each['missed']} missed, {each['twice']} twice")  # fmt: skip
    errors = sum((each["errors"] for each in told), Counter[str]())
    print(f"{sum(errors.values())} errors")
    for message, count in errors.most_common(10):
        print(f"- {count} times {message}")
    print(f"load average at the end {os.getloadavg()[0]:.2f}")


if __name__ == "__main__":
    main()
