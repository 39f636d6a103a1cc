"""What the OGC face adds to the portal's part: `python tests/benchmarks/bench_ogc.py [RECORDS]`."""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from fastapi import FastAPI

from discovery import wiring
from discovery.config import Settings
from discovery.indexer import follow
from discovery.model.extent import Extent
from discovery.model.record import Asset, Link, Record
from discovery.model.source import Mapped, RawRecord, Source
from discovery.ogc_api import attach, facets, question
from discovery.portal import Portal

ROUNDS = 300
DAY = 86_400_000


def record(number: int) -> Record:
    west, south = number % 340 - 170.0, number % 160 - 80.0
    return Record(
        "bench", "c", f"dataset-{number}", "dataset", f"Sea ice product {number} of region {number % 100}",
        description="Thickness of sea ice by radar altimetry, in monthly grids. " * 8, domain="earth-observation",
        missions=("earth-observation/cryosat-2",), instruments=("SIRAL",), themes=("cryosphere",),
        keywords=("sea ice", "radar", f"region {number % 100}"), provider="AWI", license="CC-BY-4.0",
        formats=("NetCDF",), extent=Extent("earth", None, (west, south, west + 5, south + 5), number * DAY, None),
        assets=tuple(Asset(f"https://a.test/{number}/{n}.nc", f"f{n}", media_type="application/x-netcdf",
                           roles=("data",), size=n) for n in range(5)),
        links=(Link(f"https://a.test/{number}", "about", "About"),), updated=number * DAY,
    )  # fmt: skip


def portal_of(folder: Path, count: int) -> Portal:
    door = wiring.open_portal(Settings(folder))
    door.store.ledger.add_source(Source("bench", "ogc-records", "https://bench.test/"))
    run = door.store.ledger.begin("bench").id
    for start in range(0, count, 1000):
        found = [record(number) for number in range(start, min(start + 1000, count))]
        door.store.ingest.page("bench", run, [Mapped(each, RawRecord("c", each.source_id, b"{}")) for each in found])
    follow(door.store, door.index)
    return door


def median(act: Callable[[], object]) -> float:
    taken = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        act()
        taken.append(time.perf_counter() - began)
    return statistics.median(taken) * 1000


def asking(app: FastAPI, path: str) -> Callable[[], object]:
    """Return what asks the application itself, without a socket."""
    plain, _, query = path.partition("?")
    scope = {"type": "http", "method": "GET", "path": plain, "raw_path": plain.encode(), "root_path": "",
             "query_string": query.encode(), "headers": [(b"host", b"a.org")], "scheme": "http",
             "server": ("a.org", 80), "http_version": "1.1"}  # fmt: skip

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def once() -> int:
        size = 0

        async def send(message: object) -> None:
            nonlocal size
            size += len(message.get("body", b""))  # type: ignore[attr-defined]

        await app(dict(scope), receive, send)  # type: ignore[arg-type]
        return size

    loop = asyncio.new_event_loop()
    return lambda: loop.run_until_complete(once())


def main(count: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        door = portal_of(Path(folder), count)
        app = FastAPI()
        attach(app, door, title="Bench")
        print(f"{count} records; medians of {ROUNDS} in ms: whole answer, of which the engine and the plan, kB")
        for path in ("limit=10&facets=", "limit=10", "limit=100&facets=", "limit=10&q=sea+ice&facets=",
                     "limit=10&bbox=0,0,20,20&facets=", "limit=10&facets=&offset=1000"):  # fmt: skip
            asked = question.records(
                "resources", [tuple(each.split("=")) for each in path.replace("+", " ").split("&")]
            )
            query = facets.asked(asked.query, asked.facets)
            ask = asking(app, f"/ogc/collections/resources/items?{path}")
            whole, engine = median(ask), median(lambda query=query: door.keys(query))  # type: ignore[misc]
            print(f"{path:36} {whole:6.2f} {engine:6.2f} {int(str(ask())) / 1000:6.1f}")
        id = record(1).id
        one = asking(app, f"/ogc/collections/resources/items/{id}")
        print(
            f"{'one record':36} {median(one):6.2f} {median(lambda: door.record(id)):6.2f} {int(str(one())) / 1000:6.1f}"
        )
        door.close()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20_000)
