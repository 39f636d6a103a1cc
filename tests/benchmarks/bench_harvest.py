"""Measure the harvest of a STAC API end to end: HTTP, mapping, store and index; prints a Markdown table.

bench_harvest.py [--items 20000] [--page 500] [--fail-under RATE]

The API answers with pages that were made before, from a process of its own, so that what is measured is ours. Items are
those of bench_stac.py (3 kB, eight assets). The command indexes after the harvest; beside a running portal its steward
indexes meanwhile, in another process. CPU is what a stage works for an item: it says more than the clock where others
use the machine too.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import platform
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import orjson
from bench_stac import COLLECTIONS, TICKS, collection, item

from discovery import wiring
from discovery.config import Settings
from discovery.http import Client, Policy
from discovery.indexer import follow
from discovery.model.source import COMPLETE, Source
from harvesters.run import harvest


class Handler(BaseHTTPRequestHandler):
    """Gives what was made for a path."""

    disable_nagle_algorithm = True  # Else each answer in two parts waits 40 ms for a late ACK.
    protocol_version = "HTTP/1.1"
    answers: dict[str, bytes]

    def do_GET(self) -> None:
        body = self.answers[self.path]
        self.send_response(200)
        self.send_header("Content-Type", "application/geo+json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        pass


def serve(listening: socket.socket, answers: dict[str, bytes]) -> None:
    """Answer until the process is ended."""
    server = ThreadingHTTPServer(listening.getsockname(), Handler, bind_and_activate=False)
    server.socket.close()
    server.socket = listening
    Handler.answers = answers
    server.serve_forever()


def answers(items: int, page: int) -> dict[str, bytes]:
    """Return every answer of the API by its path."""
    names = [collection(k) for k in range(COLLECTIONS)]
    found: dict[str, list[bytes]] = {each["id"]: [] for each in names}
    for i in range(items):
        made = item(i)
        found[made["collection"]].append(orjson.dumps(made))
    out = {
        "/": orjson.dumps(
            {
                "stac_version": "1.0.0",
                "id": "bench",
                "type": "Catalog",
                "links": [{"rel": "data", "href": "/collections"}],
            }
        ),
        "/collections": orjson.dumps({"collections": names, "links": []}),
    }
    for name, bodies in found.items():
        path = f"/collections/{name}/items?limit={page}"
        for start in range(0, max(1, len(bodies)), page):
            more = start + page < len(bodies)
            onward = f"/collections/{name}/items?limit={page}&token={start + page}"
            links = orjson.dumps([{"rel": "next", "href": onward}] if more else [])
            out[path] = (
                b'{"type":"FeatureCollection","features":[%s],"numberMatched":%d,"links":%s}'
                % (b",".join(bodies[start : start + page]), len(bodies), links)
            )  # fmt: skip
            path = onward
    return out


@contextmanager
def api(items: int, page: int) -> Iterator[str]:
    """Serve the items; give the address of the landing page."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listening:
        process = multiprocessing.get_context("fork").Process(
            target=serve, args=(listening, answers(items, page)), daemon=True
        )
        process.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}/"
        finally:
            process.terminate()
            process.join(10)


def row(what: str, seconds: float, cpu: float, items: int) -> None:
    """Print a row of the table."""
    print(f"| {what} | {seconds:.2f} | {items / seconds:,.0f} | {cpu / items * 1e6:,.0f} |", flush=True)


def fetch(home: Path, source: Source, items: int) -> tuple[float, float]:
    """Harvest into the store; return the seconds on the clock and of CPU."""
    with closing(wiring.open_store(Settings(home))) as store, Client(Policy().with_hosts("127.0.0.1")) as client:
        began, worked = time.perf_counter(), time.process_time()
        report = harvest(store, source, client=client)
        if (report.status, report.counts.added) != (COMPLETE, items + COLLECTIONS):
            raise SystemExit(f"the harvest went wrong: {report}")
        return time.perf_counter() - began, time.process_time() - worked


def one_after_the_other(home: Path, source: Source, items: int) -> None:
    """Measure the command: it harvests and then indexes."""
    seconds, cpu = fetch(home, source, items)
    row("HTTP, mapping, store", seconds, cpu, items)
    with closing(wiring.open_portal(Settings(home))) as portal:
        began, worked = time.perf_counter(), time.process_time()
        follow(portal.store, portal.index)
        indexed, indexing = time.perf_counter() - began, time.process_time() - worked
    row("index", indexed, indexing, items)
    row("end to end, one after the other", seconds + indexed, cpu + indexing, items)


def meanwhile(home: Path, source: Source, items: int) -> float:
    """Measure beside a steward, until everything can be found; return the items a second."""
    with closing(wiring.open_portal(Settings(home))):
        pass  # makes the empty store and index
    command = [sys.executable, "-m", "discovery", "--home", str(home), "steward"]
    with (
        subprocess.Popen(command, stdout=subprocess.DEVNULL) as steward,
        closing(wiring.open_portal(Settings(home))) as portal,
    ):
        try:
            time.sleep(5)  # it begins
            before = worked(steward.pid)
            began = time.perf_counter()
            _, cpu = fetch(home, source, items)
            while portal.store.catalogue.pending("observations", portal.index.generation("observations").change):
                time.sleep(0.05)
            seconds = time.perf_counter() - began
            row("end to end, beside a steward", seconds, cpu + worked(steward.pid) - before, items)
        finally:
            steward.terminate()
            steward.wait(20)
    return items / seconds


def worked(process: int) -> float:
    """Return the seconds of CPU of another process."""
    fields = Path(f"/proc/{process}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def main() -> None:
    """Harvest twice and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=20_000)
    parser.add_argument("--page", type=int, default=500)
    parser.add_argument("--fail-under", type=float, default=0.0, help="items a second, beside a steward")
    asked = parser.parse_args()
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}; "
          f"load average at the start {os.getloadavg()[0]:.2f}")  # fmt: skip
    folder = Path(tempfile.mkdtemp(prefix="discovery-harvest-"))
    try:
        with api(asked.items, asked.page) as url:
            source = Source("bench", "stac-api", url, settings={"page": str(asked.page)})
            print("\n| what | seconds | items/s | CPU, us an item |\n| --- | --- | --- | --- |")
            one_after_the_other(folder / "one", source, asked.items)
            rate = meanwhile(folder / "two", source, asked.items)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"load average at the end {os.getloadavg()[0]:.2f}")
    if rate < asked.fail_under:
        raise SystemExit(f"{rate:,.0f} items/s; wanted {asked.fail_under:,.0f}")


if __name__ == "__main__":
    main()
