"""Measure the STAC API as its clients do: over HTTP, one worker, items harvested from a file; prints a Markdown table.

bench_stac.py [--items 100000] [--requests 200] [--seconds 8] [--home DIR]

No two requests of a row are alike but those for everything, so that no cache of answers could help. CPU is what the
server worked for a request: it says more than the clock where others use the machine too.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import platform
import random
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson
from bench_portal import anonymous, connect

COLLECTIONS = 20
SOURCE = "bench-stac"
SINCE = datetime(2016, 1, 1, tzinfo=UTC)
DAYS = 3653
BANDS = ("blue", "green", "red", "nir", "swir16", "classification", "visual", "thumbnail")
WORDS = (  # noqa: SIM905  # a word a line would fill the page
    "ocean colour coast forest fire snow glacier urban heat crop soil moisture flood river delta desert dune volcano "
    "cloud aerosol harvest wetland mangrove coral reef lake algae drought landslide permafrost tundra savanna biomass"
).split()
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Case:
    """A kind of request, and what the clock may show for it."""

    name: str
    make: Callable[[random.Random], tuple[str, str, bytes | None]]
    """Returns method, path below the STAC API, and body."""
    at_most: float | None = None
    """Milliseconds that half of the requests may take."""
    at_least: float | None = None
    """Requests a second that eight clients together must get."""


def collection(k: int) -> dict[str, Any]:
    """Return the k-th collection."""
    r = random.Random(f"collection {k}")
    return {
        "type": "Collection",
        "stac_version": "1.0.0",
        "id": f"scenes-{k:02d}",
        "title": f"Synthetic scenes {k:02d} {' '.join(r.sample(WORDS, 3))}",
        "description": f"Synthetic optical scenes. {' '.join(r.choices(WORDS, k=30))}",
        "keywords": r.sample(WORDS, 5),
        "license": "CC-BY-4.0",
        "extent": {
            "spatial": {"bbox": [[-180.0, -90.0, 180.0, 90.0]]},
            "temporal": {"interval": [["2016-01-01T00:00:00Z", "2026-01-01T00:00:00Z"]]},
        },
        "links": [],
    }


def item(i: int) -> dict[str, Any]:
    """Return the i-th item, like those of Sentinel-2: a slightly turned square, 8 assets, 14 properties, 3.5 kB."""
    r = random.Random(f"item {i}")
    instant = SINCE + timedelta(seconds=r.randrange(DAYS * 86_400), milliseconds=r.randrange(1000))
    west, south, turn = r.uniform(-179, 178), r.uniform(-72, 72), r.uniform(0.01, 0.06)
    corners = [(0.0, 0.0), (1.0, turn), (1 - turn, 1 + turn), (-turn, 1.0), (0.0, 0.0)]
    ring = [[round(west + x, 6), round(south + y, 6)] for x, y in corners]
    id, parent = f"S2{r.choice('AB')}_{instant:%Y%m%dT%H%M%S}_{i:07d}", f"scenes-{i % COLLECTIONS:02d}"
    place = f"https://data.example.org/{parent}/{instant:%Y/%m/%d}/{id}"
    return {
        "type": "Feature",
        "stac_version": "1.0.0",
        "stac_extensions": [
            "https://stac-extensions.github.io/eo/v1.1.0/schema.json",
            "https://stac-extensions.github.io/view/v1.0.0/schema.json",
        ],
        "id": id,
        "collection": parent,
        "geometry": {"type": "Polygon", "coordinates": [ring]},
        "bbox": [min(x for x, _ in ring), min(y for _, y in ring), max(x for x, _ in ring), max(y for _, y in ring)],
        "properties": properties(r, instant),
        "links": [{"rel": "license", "href": "https://data.example.org/license", "type": "text/html"}],
        "assets": {name: asset(r, f"{place}/{name}.tif", name) for name in BANDS},
    }


def properties(r: random.Random, instant: datetime) -> dict[str, Any]:
    """Return what an item says of itself."""
    return {
        "datetime": instant.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "created": "2026-06-01T00:00:00Z",
        "updated": "2026-06-01T00:00:00Z",
        "title": f"Scene {' '.join(r.sample(WORDS, 3))}",
        "description": " ".join(r.choices(WORDS, k=12)),
        "platform": f"sentinel-2{r.choice('ab')}",
        "constellation": "sentinel-2",
        "instruments": ["msi"],
        "gsd": 10,
        "eo:cloud_cover": round(100 * r.random() ** 1.5, 3),
        "eo:snow_cover": round(30 * r.random() ** 4, 3),
        "view:sun_azimuth": round(r.uniform(20, 340), 3),
        "view:sun_elevation": round(r.uniform(5, 85), 3),
        "s2:processing_baseline": r.choice(("05.00", "05.09", "05.10", "05.11")),
    }


def asset(r: random.Random, href: str, name: str) -> dict[str, Any]:
    """Return one file of an item."""
    return {
        "href": href,
        "type": "image/tiff; application=geotiff; profile=cloud-optimized",
        "title": f"{name} band",
        "roles": ["thumbnail" if name == "thumbnail" else "data"],
        "gsd": r.choice((10, 20)),
        "proj:shape": [10980, 10980],
        "file:size": r.randrange(10**6, 2 * 10**8),
    }


def post(body: dict[str, Any]) -> tuple[str, str, bytes]:
    """Return a search as a request."""
    return "POST", "/search", orjson.dumps(body)


def window(r: random.Random, days: int) -> str:
    """Return a stretch of time somewhere in the catalogue's."""
    start = SINCE + timedelta(hours=r.randrange(24 * (DAYS - days)))
    return f"{start:%Y-%m-%dT%H:%M:%SZ}/{start + timedelta(days=days):%Y-%m-%dT%H:%M:%SZ}"


def box(r: random.Random) -> list[float]:
    """Return a box of ten degrees."""
    west, south = round(r.uniform(-175, 164), 3), round(r.uniform(-60, 50), 3)
    return [west, south, west + 10, south + 10]


def filtered(r: random.Random, limit: int) -> tuple[str, str, bytes]:
    """Return a search by two numbers and a time, in an order of its own."""
    cloud = {"op": "<=", "args": [{"property": "eo:cloud_cover"}, round(r.uniform(10, 60), 3)]}
    sun = {"op": ">=", "args": [{"property": "view:sun_elevation"}, 10]}
    return post(
        {
            "limit": limit,
            "filter": {"op": "and", "args": [cloud, sun]},
            "filter-lang": "cql2-json",
            "datetime": window(r, 180),
            "sortby": [{"field": "properties.eo:cloud_cover", "direction": "asc"}],
        }
    )


def cases(count: int) -> list[Case]:
    """Return every kind of request to a catalogue of so many items."""

    def one(r: random.Random) -> tuple[str, str, None]:
        found = item(r.randrange(count))
        return "GET", f"/collections/{found['collection']}/items/{found['id']}", None

    def chosen(r: random.Random, limit: int) -> tuple[str, str, bytes]:
        return post({"limit": limit, "collections": [parent(r)], "datetime": window(r, 360)})

    def parent(r: random.Random) -> str:
        return f"scenes-{r.randrange(COLLECTIONS):02d}"

    return [
        Case("item by id", one, at_most=1),
        Case("search, limit=10", lambda _: post({"limit": 10}), at_most=2, at_least=800),
        Case("search, limit=100", lambda _: post({"limit": 100}), at_most=5),
        Case("search a collection and a year, limit=10", lambda r: chosen(r, 10), at_most=2, at_least=800),
        Case("search a collection and a year, limit=100", lambda r: chosen(r, 100), at_most=5),
        Case("search by CQL2, half a year, sorted by cloud, limit=10", lambda r: filtered(r, 10)),
        Case("search by CQL2, half a year, sorted by cloud, limit=100", lambda r: filtered(r, 100)),
        Case("search by words, limit=10", lambda r: post({"limit": 10, "q": [" ".join(r.sample(WORDS, 2))]})),
        Case("search a box of 10 degrees, limit=10", lambda r: post({"limit": 10, "bbox": box(r)})),
        Case("items of a collection, limit=100", lambda r: ("GET", f"/collections/{parent(r)}/items?limit=100", None)),
        Case("collections", lambda _: ("GET", "/collections", None)),
    ]


class Asker:
    """One client with a connection that it keeps, of an API at `http://HOST:PORT/PATH`."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.path = parts.path.rstrip("/")
        self.connection = http.client.HTTPConnection(parts.netloc, timeout=120)

    def __call__(self, method: str, path: str, body: bytes | None) -> bytes:
        """Return the answer, which must be a good one."""
        self.connection.request(method, self.path + path, body, {"Content-Type": "application/json"} if body else {})
        answer = self.connection.getresponse()
        found = answer.read()
        if answer.status not in {http.client.OK, http.client.CREATED}:
            raise SystemExit(f"{method} {path} {(body or b'')[:300]!r}: {answer.status} {found[:300]!r}")
        return found


@dataclass(frozen=True, slots=True)
class Figures:
    """How long requests took in milliseconds, and what else there is to say of them."""

    p50: float
    p99: float
    rate: float
    """Requests a second, of all clients."""
    size: float = 0.0
    """Bytes of an answer."""


def worked(process: int) -> float:
    """Return the seconds that a process has worked."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def alone(case: Case, url: str, count: int) -> Figures:
    """Return how long one client waits for each of its requests."""
    r, ask, took, size = random.Random(case.name), Asker(url), [], 0
    for _ in range(20):
        ask(*case.make(r))
    for _ in range(count):
        asked = case.make(r)
        began = time.perf_counter()
        found = ask(*asked)
        took.append((time.perf_counter() - began) * 1000)
        size += len(found)
    took.sort()
    return Figures(
        statistics.median(took), took[min(count - 1, int(count * 0.99))], 1000 * count / sum(took), size / count
    )


def together(case: Case, url: str, seconds: float) -> Figures:
    """Return how many requests eight clients get answered."""
    took: list[list[float]] = [[] for _ in range(8)]
    until = time.perf_counter() + seconds

    def work(n: int) -> None:
        r, ask = random.Random(f"{case.name} {n}"), Asker(url)
        while time.perf_counter() < until:
            asked = case.make(r)
            began = time.perf_counter()
            ask(*asked)
            took[n].append((time.perf_counter() - began) * 1000)

    began = time.perf_counter()
    threads = [threading.Thread(target=work, args=(n,)) for n in range(len(took))]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    found = sorted(each for some in took for each in some)
    rate = len(found) / (time.perf_counter() - began)
    return Figures(statistics.median(found), found[int(len(found) * 0.99)], rate)


def row(name: str, found: Figures, cpu: float, mark: str) -> None:
    """Print a line of the table."""
    print(f"| {name} | {found.p50:.2f} | {found.p99:.2f} | {cpu:.2f} | {found.size / 1024:.1f} | {mark} |", flush=True)


def measure(case: Case, url: str, server: int, asked: argparse.Namespace) -> None:
    """Print what one client gets and, where that is promised, what eight get."""
    before = worked(server)
    found = alone(case, url, asked.requests)
    cpu = (worked(server) - before) * 1000 / (asked.requests + 20)
    mark = "" if case.at_most is None else f"{case.at_most:g} ms{' **over**' if found.p50 > case.at_most else ''}"
    row(case.name, found, cpu, mark)
    if case.at_least:
        before = worked(server)
        found = together(case, url, asked.seconds)
        cpu = (worked(server) - before) * 1000 / (found.rate * asked.seconds)
        mark = f"{case.at_least:g}/s{' **under**' if found.rate < case.at_least else ''}"
        row(f"{case.name}, 8 clients: {found.rate:,.0f}/s", found, cpu, mark)


def write(folder: Path, count: int) -> list[Path]:
    """Write collections and items into two files, one a line, and return where they are."""
    files = [folder / "collections.ndjson", folder / "items.ndjson"]
    with files[0].open("wb") as file:
        file.writelines(orjson.dumps(collection(k)) + b"\n" for k in range(COLLECTIONS))
    with files[1].open("wb") as file:
        file.writelines(orjson.dumps(item(i)) + b"\n" for i in range(count))
    return files


def load(home: Path, files: list[Path], count: int) -> None:
    """Harvest the items of a file with the product's own command."""
    url = files[1].as_uri()
    discovery(home, "source", "add", SOURCE, "--kind", "stac-items", "--url", url,
              "--set", f"collections={files[0].name}")  # fmt: skip
    began = time.perf_counter()
    report = json.loads(discovery(home, "harvest", SOURCE, "--json"))
    seconds = time.perf_counter() - began
    if (report["added"], report["quarantined"]) != (count + COLLECTIONS, 0):
        raise SystemExit(f"the harvest went wrong: {report}")
    print(
        f"{count:,} items harvested, stored and indexed in {seconds:.0f} s: {count / seconds:,.0f} items/s", flush=True
    )


def discovery(home: Path, *words: str) -> str:
    """Run a command of the portal and return what it prints."""
    command = [sys.executable, "-m", "discovery", "--home", str(home), *words]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


@contextmanager
def serving(home: Path, *words: str) -> Iterator[tuple[str, int]]:
    """Serve a home in one process; give the address of its STAC API and its number."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    command = [sys.executable, "-m", "discovery", "--home", str(home), *words, "serve", "--port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as server:
        try:
            connect(port).close()
            yield f"http://127.0.0.1:{port}/stac", server.pid
        finally:
            server.terminate()
            server.wait(20)


def main() -> None:
    """Load the items, ask for them, print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=100_000)
    parser.add_argument("--requests", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--home", type=Path, help="keep the catalogue here and use it again")
    asked = parser.parse_args()
    home = (asked.home or Path(tempfile.mkdtemp(prefix="discovery-stac-"))).resolve()
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}; "
          f"load average at the start {os.getloadavg()[0]:.2f}")  # fmt: skip
    try:
        if SOURCE not in discovery(home, "source", "list"):
            with tempfile.TemporaryDirectory(prefix="discovery-items-") as folder:
                load(home, write(Path(folder), asked.items), asked.items)
        with serving(home) as (url, server):
            print("\n| what | p50, ms | p99, ms | server CPU, ms | kB | mark |\n| --- | --- | --- | --- | --- | --- |")
            for case in cases(asked.items):
                measure(case, url, server, asked)
            print(f"\nserver's memory beyond mapped files {anonymous(server):.0f} MiB")
    finally:
        if asked.home is None:
            shutil.rmtree(home, ignore_errors=True)
    print(f"load average at the end {os.getloadavg()[0]:.2f}")


if __name__ == "__main__":
    main()
