"""Measure the harvest of OGC API Records beside a bare client loop; prints a Markdown table.

bench_records.py [--records 20000] [--page 500] [--fail-under RATE]

The bare loop follows the links to the next page, reads the JSON and keeps nothing: no harvest can be faster. One server
answers with pages that were made before, from a process of its own, so that what is measured is ours; the other is a
pygeoapi with a thousand records, if it is here (tests/peers/pygeoapi/prepare.sh). Records are those of real catalogues
(2.7 kB). CPU is what this process works for a record: it says more than the clock where others use the machine too.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import orjson
from bench_harvest import serve

from discovery import wiring
from discovery.config import Settings
from discovery.http import Client, Policy
from discovery.model.source import COMPLETE, Source
from harvesters.run import harvest

ROOT = Path(__file__).parents[2]
PEER = ROOT / "tests" / "peers" / "pygeoapi"


def records(count: int, folder: Path) -> list[bytes]:
    """Return records made out of the fixtures, as JSON."""
    file = folder / "records.ndjson"
    subprocess.run([sys.executable, PEER / "records.py", file, str(count)], check=True)
    return file.read_bytes().splitlines()


def answers(made: list[bytes], page: int) -> dict[str, bytes]:
    """Return every answer of the service by its path."""
    catalogue = {"id": "bench", "itemType": "record", "links": []}
    out = {
        "/": orjson.dumps({"title": "bench", "links": [{"rel": "data", "href": "/collections"}]}),
        "/collections": orjson.dumps({"collections": [catalogue], "links": []}),
    }
    path = f"/collections/bench/items?limit={page}"
    for start in range(0, max(1, len(made)), page):
        onward = f"/collections/bench/items?limit={page}&offset={start + page}"
        links = orjson.dumps([{"rel": "next", "href": onward}] if start + page < len(made) else [])
        out[path] = (
            b'{"type":"FeatureCollection","features":[%s],"numberMatched":%d,"links":%s}'
            % (b",".join(made[start : start + page]), len(made), links)
        )  # fmt: skip
        path = onward
    return out


@contextmanager
def fast(made: list[bytes], page: int) -> Iterator[str]:
    """Serve pages that were made before; give the address of the landing page."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listening:
        process = multiprocessing.get_context("fork").Process(
            target=serve, args=(listening, answers(made, page)), daemon=True
        )
        process.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}/"
        finally:
            process.terminate()
            process.join(10)


@contextmanager
def peer(folder: Path) -> Iterator[str]:
    """Serve a thousand records by pygeoapi; give its address, or nothing where it is not here."""
    home = ROOT / ".cache" / "peers" / "pygeoapi"
    if not (home / ".installed").is_file():
        yield ""
        return
    records(1000, folder)
    command = [home / "bin" / "python", PEER / "serve.py", folder, folder / "records.ndjson"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        assert server.stdout is not None
        try:
            yield server.stdout.readline().strip()
        finally:
            server.terminate()


Measured = tuple[int, float, float]
"""How many records came, in how many seconds on the clock and of CPU."""


def bare(first: str) -> Measured:
    """Follow the links to the next page and read the JSON."""
    began, worked, found, url = time.perf_counter(), time.process_time(), 0, first
    while url:
        with urllib.request.urlopen(url, timeout=60) as answer:
            page: dict[str, Any] = orjson.loads(answer.read())
        found += len(page["features"])
        links = [each["href"] for each in page["links"] if each.get("rel") == "next"]
        url = urljoin(first, links[0]) if links and page["features"] else ""
    return found, time.perf_counter() - began, time.process_time() - worked


def ours(home: Path, url: str, page: int) -> Measured:
    """Harvest into a new store."""
    source = Source("bench", "ogc-records", url, settings={"page": str(page)})
    with closing(wiring.open_store(Settings(home))) as store, Client(Policy().with_hosts("127.0.0.1")) as client:
        began, worked = time.perf_counter(), time.process_time()
        report = harvest(store, source, client=client)
        seconds, cpu = time.perf_counter() - began, time.process_time() - worked
    if report.status != COMPLETE:
        raise SystemExit(f"the harvest went wrong: {report}")
    return report.counts.added, seconds, cpu


def measure(folder: Path, count: int, page: int) -> float:
    """Print the table; return our records a second from the fast server."""
    print("\n| OGC API Records | records | seconds | records/s | CPU, us a record |\n| --- | --- | --- | --- | --- |")
    made = records(count, folder)
    with fast(made, page) as url:
        row("fast server, bare loop", *bare(f"{url}collections/bench/items?limit={page}"))
        rate = row("fast server, ours into the store", *ours(folder / "fast", url, page))
    with peer(folder) as url:
        if not url:
            print("| pygeoapi is not here: tests/peers/pygeoapi/prepare.sh builds it | | | | |")
            return rate
        items = f"{url}/collections/catalogue/items?f=json&limit={page}"
        bare(items)  # it warms up
        row("pygeoapi, bare loop", *bare(items))
        row("pygeoapi, ours into the store", *ours(folder / "peer", url, page))
    return rate


def row(what: str, count: int, seconds: float, cpu: float) -> float:
    """Print a row of the table; return the records a second."""
    print(f"| {what} | {count:,} | {seconds:.2f} | {count / seconds:,.0f} | {cpu / count * 1e6:,.0f} |", flush=True)
    return count / seconds


def main() -> None:
    """Measure, and fail where it is too slow."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=20_000)
    parser.add_argument("--page", type=int, default=500)
    parser.add_argument("--fail-under", type=float, default=0.0, help="records a second from the fast server")
    asked = parser.parse_args()
    print(f"load average at the start {os.getloadavg()[0]:.2f}")
    folder = Path(tempfile.mkdtemp(prefix="discovery-records-"))
    try:
        rate = measure(folder, asked.records, asked.page)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"load average at the end {os.getloadavg()[0]:.2f}")
    if rate < asked.fail_under:
        raise SystemExit(f"{rate:,.0f} records/s; wanted {asked.fail_under:,.0f}")


if __name__ == "__main__":
    main()
