"""A small real portal behind the STAC face: samples of the demo, rows on the sky, and ids that need care."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import httpx
import pytest
import uvicorn
from fastapi import FastAPI

from discovery.demo.pack import extract
from discovery.http import Client, Policy
from discovery.index.tantivy import TantivyIndex
from discovery.indexer import follow
from discovery.model.extent import Extent
from discovery.model.record import Asset, Link, Record, record_id
from discovery.model.source import Mapped, RawRecord, Source
from discovery.portal import Portal
from discovery.stac_api import attach
from discovery.store.store import Store
from harvesters.run import harvest

DEMO = Path(__file__).parents[2] / "fixtures" / "demo"
PLATES = record_id("vo", "tables", "ivo://vo.test/plates")


def sky_records() -> list[Record]:
    """Return a dataset and two observations on the sky, named by URIs as in the Virtual Observatory."""
    circle = {"type": "Circle", "center": [83.6, 22.0], "radius": 0.5}
    plates = Record(
        "vo", "tables", "ivo://vo.test/plates", "dataset", "Plates", description="Old plates", license="CC0-1.0"
    )
    first = Record(
        "vo", "plates", "ivo://vo.test/plates?1/a b", "observation", "Plate 1", dataset=plates.id,
        extent=Extent("sky", circle, None, -2_000_000_000_000, -1_999_999_000_000),
        assets=(Asset("https://vo.test/1.fits", media_type="application/fits", size=10),),
        links=(Link("https://vo.test/about", "about", "About"),),
    )  # fmt: skip
    second = Record("vo", "plates", "p2", "observation", "Plate 2", dataset=plates.id)
    datalab = Record("vo", "labs", "lab", "datalab", "A datalab")
    volume = Record(
        "vo", "volumes", "s2", "volume", "Sentinel-2 disk", missions=("earth-observation/sentinel-2",),
        properties={"mount_path": "/media/data/s2"},
    )  # fmt: skip
    orphan = Record("vo", "lost", "orphan", "observation", "Orphan", dataset="nothere")
    return [plates, first, second, datalab, volume, orphan]


def load(store: Store, folder: Path) -> None:
    """Harvest the demo's Sentinel-2 file twice, as two sources that use the same ids, and store the sky."""
    extract(DEMO / "earth-search" / "earth-search-sentinel-2-100.tar.gz", folder)
    # The sample's collection is not called what its items call it.
    collection = folder / "collection.json"
    collection.write_text(collection.read_text().replace('"sentinel-s2-l2a-cogs-test"', '"sentinel-s2-l2a-cogs"'))
    for name in ("earth", "mirror"):
        source = Source(
            name, "stac-items", (folder / "sentinel-s2-l2a-cogs_0_100.json").as_uri(),
            settings={"collections": collection.as_uri()},
        )  # fmt: skip
        store.ledger.add_source(source)
        with Client(Policy()) as client:
            report = harvest(store, source, client=client)
        assert (report.status, report.counts.quarantined) == ("complete", 0)
    mapped = [Mapped(each, RawRecord(each.container, each.source_id, b"{}")) for each in sky_records()]
    store.ledger.add_source(Source("vo", "tap", "https://vo.test/tap"))
    store.ingest.page("vo", store.ledger.begin("vo").id, mapped)


@pytest.fixture(scope="session")
def loading() -> Callable[[Store, Path], None]:
    """Return what puts the samples into a store; `load` itself."""
    return load


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    """Return the portal over the samples; tests only read it."""
    folder = tmp_path_factory.mktemp("stac")
    store = Store(f"sqlite:///{folder / 'store.db'}")
    index = TantivyIndex(folder / "index")
    load(store, folder)
    follow(store, index)
    door = Portal(store, index)
    yield door
    door.close()


@pytest.fixture(scope="module")
def app(portal: Portal) -> FastAPI:
    """Return an application with the STAC face alone."""
    app = FastAPI(title="Test")
    attach(app, portal, title="Test portal")
    return app


@contextmanager
def _serving(app: FastAPI, root_path: str = "") -> Iterator[httpx.Client]:
    server = uvicorn.Server(uvicorn.Config(app, ws="none", root_path=root_path, lifespan="off", log_level="warning"))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            # The socket already listens: the first request waits until the server has begun.
            with httpx.Client(base_url=f"http://127.0.0.1:{listening.getsockname()[1]}", timeout=30) as client:
                yield client
        finally:
            server.should_exit = True
            thread.join(10)


@pytest.fixture(scope="session")
def serving() -> Callable[..., AbstractContextManager[httpx.Client]]:
    """Return what serves an application on a port of the system's choice and asks it."""
    return _serving


@pytest.fixture(scope="module")
def client(app: FastAPI) -> Iterator[httpx.Client]:
    """Return a client of the application, which really listens."""
    with _serving(app) as found:
        yield found
