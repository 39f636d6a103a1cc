"""A small catalogue with one of everything that a record can have, behind the whole application."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import httpx
import pytest
import uvicorn
from fastapi import FastAPI
from fastapi.testclient import TestClient

from discovery import wiring
from discovery.app import create_app
from discovery.config import Settings
from discovery.indexer import follow
from discovery.model.extent import Extent
from discovery.model.instant import span
from discovery.model.record import Asset, Contact, Link, Record
from discovery.model.source import Mapped, RawRecord, Source
from discovery.portal import Portal

BOX = (5.0, 50.0, 10.0, 55.0)
SQUARE = {"type": "Polygon", "coordinates": [[[5.0, 50.0], [10.0, 50.0], [10.0, 55.0], [5.0, 55.0], [5.0, 50.0]]]}
FULL = Record(
    "esa", "projects", "sea-ice", "dataset", "Sea ice thickness of the Arctic",
    description="Thickness of <b>sea ice</b> by radar, with climate change in view.",
    domain="earth-observation", missions=("earth-observation/cryosat-2",), instruments=("SIRAL",),
    themes=("cryosphere",), keywords=("sea ice", "radar"), variables=("Thickness",), provider="AWI",
    license="CC-BY-4.0", level="L3", product_type="grid", formats=("NetCDF",),
    extent=Extent("earth", SQUARE, BOX, span("2010-01-01")[0], span("2020-12-31")[1]),
    assets=(
        Asset("https://esa.test/ice.nc", "data", "Grid", "application/x-netcdf", ("data",), 1234,
              ("s3://bucket/ice.nc",)),
        Asset("https://esa.test/ice.png", "thumbnail", "", "image/png", ("thumbnail",)),
    ),
    links=(Link("https://esa.test/about", "about", "About sea ice", "text/html"),),
    contacts=(Contact("Ada Frost", "AWI", ("principalInvestigator",), "https://awi.test/ada"),),
    doi="10.5270/esa-ice", external_ids=("urn:esa:ice", "ICE-1"),
    created=span("2021-01-01T00:00:00Z")[0], updated=span("2022-06-01T12:00:00Z")[0],
    metadata_updated=span("2023-01-01T00:00:00Z")[0], access="registered",
    numbers={"cloud_cover": 12.5, "exposure": 30.0, "size": 99.0},
    properties={"project": "CryoTEMPO", "osc:status": "ongoing", "type": "series", "bands": ("a", "b")},
)  # fmt: skip
"""A record with something in every field."""


def records() -> list[Record]:
    """Return the records of the catalogue, those that others name first."""
    circle = {"type": "Circle", "center": [83.6, 22.0], "radius": 0.5}
    crab = Record(
        "vo", "tables", "ivo://vo.test/crab", "dataset", "Plates of the Crab", domain="space-science",
        missions=("astronomy/hubble",), license="proprietary", formats=("FITS",), doi="10.9999/crab",
        extent=Extent("sky", circle, None, None, None), updated=span("2020-01-01")[0],
        links=(Link("https://vo.test/licence", "license", "Terms"),),
    )  # fmt: skip
    resources = [
        FULL,
        crab,
        Record("esa", "projects", "boxed", "dataset", "Ocean colour", extent=Extent("earth", None, BOX, None, None)),
        Record("esa", "projects", "turned", "dataset", "Change of climate", license="house rules",
               extent=Extent("earth", {"type": "Circle", "center": [100.0, 10.0], "radius": 1.0}, None, None, None)),
        Record("esa", "projects", "eclipse", "dataset", "An eclipse of long ago",
               extent=Extent("earth", None, (170.0, -10.0, -170.0, 10.0), span("-001200-05-01T00:00:00Z")[0], None)),
        Record("esa", "workflows", "flow", "pipeline", "Drift of floes", properties={"title": "Other"}),
        Record("esa", "volumes", "cryo", "volume", "CryoSat volume", missions=("earth-observation/cryosat-2",),
               instruments=("SIRAL",), properties={"mount_path": "/media/data/cryosat"}),
        Record("esa", "datalabs", "lab", "datalab", "Ice lab", missions=("earth-observation/cryosat-2",),
               properties={"interface": "lab"}, links=(Link("https://labs.test/start", "launch"),)),
        Record("esa", "documents", "bare", "document", ""),
    ]  # fmt: skip
    observations = [
        Record(
            "esa", "scenes", f"scene-{number:02}", "observation", f"Scene {number}", domain="earth-observation",
            dataset=FULL.id, missions=("earth-observation/cryosat-2",), numbers={"cloud_cover": float(number)},
            extent=Extent("earth", {"type": "Point", "coordinates": [number * 5.0 - 60, 10.0]}, None,
                          *span(f"20{10 + number % 12}-03-{number + 1:02}T10:00:00Z")),
        )
        for number in range(25)
    ]  # fmt: skip
    return [*resources, *observations]


@pytest.fixture(scope="session")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    """Return the portal over the catalogue; tests only read it."""
    door = wiring.open_portal(Settings(tmp_path_factory.mktemp("ogc")))
    for name in ("esa", "vo"):
        door.store.ledger.add_source(Source(name, "ogc-records", f"https://{name}.test/"))
        mapped = [Mapped(each, RawRecord(each.container, each.source_id, b"{}")) for each in records()
                  if each.source == name]  # fmt: skip
        door.store.ingest.page(name, door.store.ledger.begin(name).id, mapped)
    follow(door.store, door.index)
    yield door
    door.close()


@pytest.fixture(scope="session")
def app(portal: Portal, tmp_path_factory: pytest.TempPathFactory) -> FastAPI:
    """Return the whole application."""
    return create_app(Settings(tmp_path_factory.mktemp("home"), title="Test portal"), portal, steward=False)


@pytest.fixture(scope="session")
def client(app: FastAPI) -> TestClient:
    """Return a client of the application."""
    return TestClient(app, base_url="http://127.0.0.1", follow_redirects=False)


@pytest.fixture(scope="session")
def get(client: TestClient) -> Callable[..., Any]:
    """Return what asks for a document below `/ogc` and wants it to be there."""

    def ask(path: str = "", **params: Any) -> Any:
        answer = client.get(path if path.startswith("http") else f"/ogc{path}", params=params or None)
        assert answer.status_code == 200, answer.text
        return answer.json()

    return ask


@pytest.fixture(scope="session")
def full() -> Record:
    """Return the record that has something in every field."""
    return FULL


@pytest.fixture(scope="session")
def catalogue() -> list[Record]:
    """Return all records."""
    return records()


@contextmanager
def _serving(app: FastAPI, root_path: str = "") -> Iterator[str]:
    server = uvicorn.Server(uvicorn.Config(app, ws="none", root_path=root_path, lifespan="off", log_level="warning"))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(10)


@pytest.fixture(scope="session")
def serving() -> Callable[..., AbstractContextManager[str]]:
    """Return what serves an application on a port of the system's choice, by its address."""
    return _serving


@pytest.fixture(scope="session")
def site(app: FastAPI) -> Iterator[str]:
    """Return the address of the application, which really listens."""
    with _serving(app) as address, httpx.Client(base_url=address, timeout=30) as client:
        assert client.get("/ogc/conformance").status_code == 200
        yield address
