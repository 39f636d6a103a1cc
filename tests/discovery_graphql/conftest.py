"""A small catalogue behind a real store and a real engine, asked over HTTP."""

from __future__ import annotations

import socket
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI

from discovery import indexer, wiring
from discovery.config import Settings
from discovery.index.tantivy import TantivyIndex
from discovery.model import instant
from discovery.model.extent import SKY, Extent
from discovery.model.record import Asset, Contact, Link, Record
from discovery.model.source import Mapped, RawRecord
from discovery.portal import Portal
from discovery.store.store import Store
from discovery_graphql import router

with warnings.catch_warnings():
    # starlette's client asks for httpx2, which is not in our lock; it works with httpx.
    warnings.simplefilter("ignore")
    from fastapi.testclient import TestClient

MISSIONS = ("earth-observation/sentinel-2", "astronomy/hubble", "earth-observation/cryosat-2")


def dataset(number: int) -> Record:
    west = -20.0 + number % 30
    return Record(
        source="cat",
        container="products",
        source_id=f"product-{number}",
        kind="dataset",
        title=f"Sea ice thickness {number}",
        description="Thickness of the ice.",
        domain="space-science" if number % 3 == 1 else "earth-observation",
        missions=(MISSIONS[number % 3],),
        instruments=("WFC3",) if number % 3 == 1 else ("MSI",),
        themes=("cryosphere",) if number % 2 else ("ocean",),
        keywords=("ice", "sea"),
        provider="ESA",
        license="CC-BY-4.0",
        extent=Extent(
            bbox=(west, 50.0, west + 1, 51.0),
            start=instant.instant(f"{2010 + number % 10}-03-01"),
            end=instant.instant(f"{2010 + number % 10}-04-01"),
        ),
        assets=(Asset("https://data.example/a.tif", key="data", media_type="image/tiff", size=5_000_000_000),),
        links=(Link("https://data.example/about", rel="about"),),
        contacts=(Contact("Ann Lee <ann@example.org>", "ESA", ("producer",), "mailto:ann@example.org"),),
        created=instant.instant("2019-01-01"),
        updated=instant.instant("2020-01-01") + number,
        numbers={"resolution": float(number)},
        properties={"mount_path": "/media/data/x"},
    )


def observation(number: int) -> Record:
    sky = number % 4 == 3
    extent = Extent(
        frame=SKY if sky else "earth",
        geometry={"type": "Point", "coordinates": [10.0 + number / 10, 51.0]},
        start=instant.instant("2021-03-05T10:30:00Z") + number * 86_400_000,
        end=instant.instant("2021-03-05T10:30:00Z") + number * 86_400_000,
    )
    return Record(
        source="cat",
        container="scenes",
        source_id=f"scene-{number}",
        kind="observation",
        title=f"Scene {number}",
        missions=(MISSIONS[0],),
        dataset=dataset(number % 2).id,
        extent=extent,
        numbers={"cloud_cover": float(number)},
    )


RECORDS = (
    *(dataset(n) for n in range(120)),
    *(observation(n) for n in range(40)),
    Record("cat", "labs", "lab", "datalab", "JupyterLab for ice", properties={"interface": "lab"}),
    Record(
        "cat",
        "volumes",
        "vol",
        "volume",
        "Hubble volume",
        missions=(MISSIONS[1],),
        properties={"mount_path": "/media/data/hubble"},
    ),
    Record("cat", "projects", "proj", "project", "Ice project"),
)


def fill(portal: Portal, records: tuple[Record, ...]) -> None:
    mapped = [Mapped(each, RawRecord(each.container, each.source_id, b"{}")) for each in records]
    portal.store.ingest.page("cat", 1, mapped)
    indexer.follow(portal.store, portal.index)


@pytest.fixture(scope="session")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    """A portal over a real store and engine; tests of this folder only read it."""
    home: Path = tmp_path_factory.mktemp("graphql")
    opened = Portal(Store(f"sqlite:///{home / 'store.sqlite'}"), TantivyIndex(home / "index"))
    fill(opened, RECORDS)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def client(portal: Portal) -> Iterator[TestClient]:
    app = FastAPI()
    app.include_router(router(portal))
    with TestClient(app) as opened:
        yield opened


Ask = Callable[..., dict[str, Any]]
Listening = Callable[[FastAPI], AbstractContextManager[str]]


@contextmanager
def _listening(app: FastAPI) -> Iterator[str]:
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off", timeout_graceful_shutdown=2))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        for _ in range(500):
            if server.started:
                break
            time.sleep(0.01)
        yield f"127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(10)
        listener.close()


@pytest.fixture(scope="session")
def listening() -> Listening:
    """Return `with listening(app) as place`: an application on a port of the system's choice, as `HOST:PORT`."""
    return _listening


@pytest.fixture(scope="session")
def ask(client: TestClient) -> Ask:
    """Return `ask(query, **variables)`: the whole answer."""

    def asked(query: str, **variables: Any) -> dict[str, Any]:
        response = client.post("/graphql", json={"query": query, "variables": variables})
        assert response.status_code == 200, response.text
        answer: dict[str, Any] = response.json()
        return answer

    return asked


@pytest.fixture(scope="session")
def data(ask: Ask) -> Ask:
    """Return `data(query, **variables)`: the data of an answer that has no errors."""

    def asked(query: str, **variables: Any) -> dict[str, Any]:
        answer = ask(query, **variables)
        assert "errors" not in answer, answer["errors"]
        found: dict[str, Any] = answer["data"]
        return found

    return asked


@pytest.fixture(scope="session")
def tiled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Any]]:
    """Return a way to ask a catalogue of scenes whose tiles have embeddings."""
    from discovery.testing import tiles

    folder = tmp_path_factory.mktemp("tiles")
    portal = wiring.open_portal(Settings(folder / "home"))
    tiles.fill(portal, folder)
    app = FastAPI()
    app.include_router(router(portal))
    with TestClient(app) as client:
        yield lambda query, **variables: client.post("/graphql", json={"query": query, "variables": variables}).json()
    portal.spaces.close()
    portal.close()
