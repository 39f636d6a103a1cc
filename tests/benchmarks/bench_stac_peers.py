"""Ask our STAC API, on both engines, what SFEOS and pgstac are asked, over the same items; prints a Markdown table.

bench_stac_peers.py [--items 100000] [--requests 200] [--seconds 8] [--without NAME] [--calm LOAD]

Requests are those of bench_stac.py, over HTTP with one worker each; one server is asked at a time, when all are filled.
SFEOS and our portal share one Elasticsearch node with 4 GiB of heap, pgstac has PostgreSQL with 2 GiB of shared
buffers, and all count what they find exactly. What a peer cannot answer is left empty: SFEOS has no places on a node
without `geo_shape`, pgstac no words.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import orjson
import peers
from bench_stac import Asker, Case, Figures, alone, cases, discovery, load, serving, together, write

TANTIVY, OURS, SFEOS, PGSTAC = "ours on tantivy", "ours on Elasticsearch", "SFEOS", "pgstac"
CANNOT = {
    SFEOS: {"search a box of 10 degrees, limit=10"},
    PGSTAC: {"search by words, limit=10"},
}
BATCH = 1000


def fill_sfeos(url: str, files: list[Path]) -> float:
    """Load collections and items as SFEOS's own loader does; return the seconds of its own work."""
    ask, seconds = Asker(url), 0.0
    for line in files[0].read_bytes().splitlines():
        ask("POST", "/collections", line)
    waiting: dict[str, dict[str, object]] = {}

    def send(name: str) -> float:
        body = orjson.dumps({"items": waiting.pop(name), "method": "insert"})
        began = time.perf_counter()
        ask("POST", f"/collections/{name}/bulk_items", body)
        return time.perf_counter() - began

    with files[1].open("rb") as lines:
        for line in lines:
            item = orjson.loads(line)
            name = item["collection"]
            waiting.setdefault(name, {})[item["id"]] = item
            if len(waiting[name]) == BATCH:
                seconds += send(name)
    return seconds + sum(map(send, list(waiting)))


@contextmanager
def sfeos(elasticsearch: str, files: list[Path], count: int) -> Iterator[str]:
    """Serve the items by SFEOS."""
    with peers.sfeos(elasticsearch, "sfeos") as url:
        seconds = fill_sfeos(url, files)
        urllib.request.urlopen(f"{elasticsearch}/sfeos_items_*/_refresh", data=b"", timeout=120).close()
        print(f"{SFEOS}: {count:,} items over HTTP in {seconds:.0f} s: {count / seconds:,.0f} items/s", flush=True)
        yield url


def measured(url: str, name: str, asked: argparse.Namespace) -> dict[str, Figures]:
    """Return the figures of each case that a server can answer."""
    found: dict[str, Figures] = {}
    for case in cases(asked.items):
        if case.name in CANNOT.get(name, ()):
            continue
        found[case.name] = alone(case, url, asked.requests)
        if case.at_least:
            found[eight(case)] = together(case, url, asked.seconds)
    return found


def eight(case: Case) -> str:
    """Return what the line about eight clients is called."""
    return f"{case.name}, 8 clients"


def table(figures: dict[str, dict[str, Figures]], count: int) -> None:
    """Print what was measured, ours first."""
    names = list(figures)
    ratios = (f"{SFEOS} / ours", f"{PGSTAC} / ours", f"{SFEOS} / ours on its node")
    print(f"\n| p50 / p99, ms | {' | '.join((*names, *ratios))} |")
    print("| --- |" + " --- |" * (len(names) + 3))
    for case in cases(count):
        for line in (case.name, eight(case)) if case.at_least else (case.name,):
            cells = [_cell(figures[name].get(line), rate=line != case.name) for name in names]
            ahead = [_ahead(figures, TANTIVY, SFEOS, line), _ahead(figures, TANTIVY, PGSTAC, line)]
            ahead.append(_ahead(figures, OURS, SFEOS, line))
            print(f"| {line} | {' | '.join(cells)} | {' | '.join(ahead)} |")


def _cell(found: Figures | None, *, rate: bool) -> str:
    if found is None:
        return ""
    return f"{found.rate:,.0f}/s ({found.p50:.1f} / {found.p99:.0f})" if rate else f"{found.p50:.2f} / {found.p99:.1f}"


def _ahead(figures: dict[str, dict[str, Figures]], ours: str, theirs: str, line: str) -> str:
    one, other = (figures.get(name, {}).get(line) for name in (ours, theirs))
    if one is None or other is None:
        return ""
    if line.endswith("8 clients"):
        return f"{one.rate / other.rate:.1f}"
    return f"{other.p50 / one.p50:.1f}"


def main() -> None:
    """Load everybody, ask everybody, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=100_000)
    parser.add_argument("--requests", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--without", action="append", choices=(OURS, SFEOS, PGSTAC), default=[], help="leave one out")
    parser.add_argument("--calm", type=float, help="ask nothing before the load average is below this")
    asked = parser.parse_args()
    peers.prepare("elasticsearch", "postgresql", "pgstac", "sfeos")
    work = Path(tempfile.mkdtemp(prefix="discovery-peers-"))
    print(f"load average at the start {os.getloadavg()[0]:.2f}; {os.cpu_count()} cores", flush=True)
    try:
        with ExitStack() as running:
            urls = dict(filled(work, asked, running))
            peers.wait(asked.calm)
            table({name: measured(url, name, asked) for name, url in urls.items()}, asked.items)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    print(f"\nload average at the end {os.getloadavg()[0]:.2f}")


def filled(work: Path, asked: argparse.Namespace, running: ExitStack) -> Iterator[tuple[str, str]]:
    """Fill one server after the other, and yield the name and the address of each, which go on running."""
    files, home = write(work, asked.items), work / "home"
    load(home, files, asked.items)
    yield TANTIVY, running.enter_context(serving(home))[0]
    if {OURS, SFEOS} - set(asked.without):
        node = running.enter_context(peers.elasticsearch(work / "elasticsearch"))
    if OURS not in asked.without:
        engine = ("--index", f"elasticsearch={node}")
        discovery(home, *engine, "reindex")
        yield OURS, running.enter_context(serving(home, *engine))[0]
    if SFEOS not in asked.without:
        yield SFEOS, running.enter_context(sfeos(node, files, asked.items))
    if PGSTAC not in asked.without:
        try:
            url, seconds = running.enter_context(peers.pgstac(work / "pgstac", files))
        except subprocess.CalledProcessError as error:
            raise SystemExit(f"{PGSTAC} could not be started: {error}") from error
        rate = asked.items / seconds
        print(f"{PGSTAC}: {asked.items:,} items by its own loader in {seconds:.0f} s: {rate:,.0f} items/s", flush=True)
        yield PGSTAC, url


if __name__ == "__main__":
    main()
