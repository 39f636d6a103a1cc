"""Measure the harvest of STAC end to end, and beside it what others make of the same items; prints Markdown tables.

bench_harvest.py [--items 20000] [--page 500] [--fail-under RATE]

Items are those of bench_stac.py (3 kB, eight assets). They come from a file; from an API which answers with pages that
were made before, from a process of its own, so that what is measured is ours; and, where it is installed, from pgstac,
a STAC server that we did not write, after its own loader has loaded them. The command indexes after the harvest; beside
a running portal its steward indexes meanwhile, in another process. CPU is what a stage works for an item: it says more
than the clock where others use the machine too.
"""

from __future__ import annotations

import argparse
import http.client
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
import peers
from bench_stac import COLLECTIONS, collection, item, worked, write

from discovery import wiring
from discovery.config import Settings
from discovery.http import Client, Policy
from discovery.indexer import few_collections, follow
from discovery.model.source import COMPLETE, Mapped, Source
from harvesters.mapping import map_one
from harvesters.registry import harvester
from harvesters.run import harvest

HEAD = "| what | seconds | items/s | CPU, us an item |\n| --- | --- | --- | --- |"


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
    row("reading, mapping, store", seconds, cpu, items)
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


def stages(home: Path, source: Source, items: int) -> None:
    """Measure what each stage of a harvest works, one after the other in one thread."""
    taken = {"read pages": 0.0, "parse and map": 0.0, "store": 0.0}
    began = time.perf_counter()
    with (
        few_collections(),
        closing(wiring.open_store(Settings(home))) as store,
        Client(Policy().with_hosts("127.0.0.1")) as client,
    ):
        worker = harvester(source, client)
        run = store.ledger.begin(source.id).id
        pages = worker.pages(None)
        while True:
            at = time.process_time()
            page = next(pages, None)
            taken["read pages"] += time.process_time() - at
            if page is None:
                break
            at = time.process_time()
            mapped = [each for raw in page.raws if isinstance(each := map_one(worker, raw), Mapped)]
            taken["parse and map"] += time.process_time() - at
            at = time.process_time()
            store.ingest.page(source.id, run, mapped)
            taken["store"] += time.process_time() - at
    for name, cpu in taken.items():
        print(f"| - {name} | | | {cpu / items * 1e6:,.0f} |", flush=True)
    row("- together, in one thread", time.perf_counter() - began, sum(taken.values()), items)


def file_of(folder: Path, items: int) -> Source:
    """Write the items into a file, one a line, and return it as a source."""
    folder.mkdir()
    write(folder, items)
    return Source(
        "bench-file", "stac-items", f"file://{folder}/items.ndjson", settings={"collections": "collections.ndjson"}
    )


def bare_loop(url: str, size: int) -> tuple[int, float, float]:
    """Read every item by the links to the next page; return how many came, the seconds, and those of CPU."""
    began, worked_ = time.perf_counter(), time.process_time()
    host = url.split("/")[2]
    count = 0
    with closing(http.client.HTTPConnection(host)) as connection:

        def get(path: str) -> dict[str, object]:
            connection.request("GET", path.removeprefix(f"http://{host}"))
            answer: dict[str, object] = orjson.loads(connection.getresponse().read())
            return answer

        for k in range(COLLECTIONS):
            path = f"/collections/scenes-{k:02d}/items?limit={size}"
            while path:
                page = get(path)
                features, links = page["features"], page["links"]
                assert isinstance(features, list)
                assert isinstance(links, list)
                count += len(features)
                path = next((str(each["href"]) for each in links if each["rel"] == "next"), "")
    return count, time.perf_counter() - began, time.process_time() - worked_


def beside_a_peer(folder: Path, files: list[Path], items: int, size: int) -> None:
    """Measure pgstac's loader, a bare client of it, and our harvest of it."""
    print(f"\nBeside pgstac, the same items, load average {os.getloadavg()[0]:.2f}\n\n{HEAD}")
    with peers.pgstac(folder, files) as (url, loaded):
        print(f"| pgstac's own loader, from a file | {loaded:.2f} | {items / loaded:,.0f} | - |", flush=True)
        rates = []
        for _ in range(2):
            count, seconds, cpu = bare_loop(url, size)
            if count != items:
                raise SystemExit(f"a bare client got {count} items of {items}")
            rates.append(items / seconds)
            row("a bare client of pgstac, nothing stored", seconds, cpu, items)
        source = Source("bench-peer", "stac-api", url, settings={"page": str(size)})
        seconds, cpu = fetch(folder / "ours", source, items)
        row("our harvest of pgstac into the store", seconds, cpu, items)
        print(f"\nof what the better of the bare clients got: {items / seconds / max(rates):.0%}")


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
        print(f"\nFrom a file\n\n{HEAD}")
        file = file_of(folder / "file", asked.items)
        one_after_the_other(folder / "one", file, asked.items)
        stages(folder / "stages", file, asked.items)
        with api(asked.items, asked.page) as url:
            source = Source("bench", "stac-api", url, settings={"page": str(asked.page)})
            print(f"\nFrom a fast API\n\n{HEAD}")
            one_after_the_other(folder / "two", source, asked.items)
            rate = meanwhile(folder / "three", source, asked.items)
        if (peers.HOMES / "pgstac" / ".installed").is_file():
            files = [folder / "file" / "collections.ndjson", folder / "file" / "items.ndjson"]
            beside_a_peer(folder / "peer", files, asked.items, asked.page)
        else:
            print("\npgstac is not here; tests/peers/pgstac/prepare.sh builds it")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"load average at the end {os.getloadavg()[0]:.2f}")
    if rate < asked.fail_under:
        raise SystemExit(f"{rate:,.0f} items/s; wanted {asked.fail_under:,.0f}")


if __name__ == "__main__":
    main()
