"""A portal over a real store and engine with records of every kind, and its pages as an application."""

from __future__ import annotations

import socket
import threading
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import uvicorn
from fastapi import FastAPI

import ui
from discovery.embeddings.building import Wanted
from discovery.embeddings.spaces import Spaces
from discovery.index.tantivy import TantivyIndex
from discovery.indexer import follow
from discovery.model import instant
from discovery.model.extent import SKY, Extent
from discovery.model.record import Contact, Issue, Record
from discovery.model.source import Mapped, RawRecord, Source
from discovery.portal import Portal
from discovery.store.store import Store

with warnings.catch_warnings():
    # starlette's client asks for httpx2, which is not in our lock; it works with httpx.
    warnings.simplefilter("ignore")
    from fastapi.testclient import TestClient

CLAY = Path(__file__).resolve().parents[2] / "fixtures" / "embeddings" / "clay_v0_03WVN_20220610.parquet"
OPEN = "open-science"
LABS = "labs"


@pytest.fixture(scope="session")
def parent(full: Record) -> Record:
    """Return the dataset of the observations; all of it may be told but the address of a person."""
    return replace(
        full,
        id="",
        source=OPEN,
        dataset="",
        assets=full.assets[:2],
        contacts=(Contact("Ada Frost", "Ice Institute", ("principalInvestigator",), "mailto:ada@ice.example"),),
        external_ids=(),
        description="# Ice\n\nThickness of **Arctic** sea ice, [see the site](https://ice.example/about).\n\n- daily",
        properties={"osc:status": "completed", "project": "CryoTop"},
        issues=(Issue("no-license-link", "the licence has no link", "links"),),
    )


def observation(number: int, dataset: str) -> Record:
    moment = instant.instant(f"{2011 + number % 8}-0{1 + number % 9}-15")
    return Record(
        source=OPEN,
        container="cryosat-ice",
        source_id=f"granule-{number:03d}",
        kind="observation",
        title=f"Ice granule {number:03d}",
        domain="earth-observation",
        missions=("earth-observation/cryosat-2",),
        dataset=dataset,
        extent=Extent(bbox=(10.0 + number, 70.0, 10.5 + number, 70.5), start=moment, end=moment + instant.DAY),
        numbers={"cloud_cover": float(number)},
    )


def dataset(number: int) -> Record:
    astronomy = number % 2 == 0
    missions = ("astronomy/hubble", "astronomy/gaia", "earth-observation/sentinel-2", "earth-observation/cryosat-2")
    mission = missions[number % 4 // 2 + (0 if astronomy else 2)]
    return Record(
        source=OPEN,
        container="products",
        source_id=f"product-{number:02d}",
        kind="dataset",
        title=f"{'Deep field' if astronomy else 'Land cover'} survey {number:02d}",
        description="Images and catalogues of a survey, with quality flags and a user guide.",
        domain="space-science" if astronomy else "earth-observation",
        missions=(mission,),
        instruments=(f"Instrument {number % 11}",),
        keywords=(f"word{number}",),
        provider=("ESA", "NASA", "JAXA")[number % 3],
        license=("CC-BY-4.0", "CC0-1.0")[number % 2],
        formats=(("image/fits", "image/tiff; application=geotiff")[number % 2],),
        extent=Extent(
            frame=SKY if astronomy else "earth",
            bbox=(10.0 + number, 20.0, 10.4 + number, 20.4),
            start=instant.instant(f"{1990 + number}-01-01"),
            end=instant.instant(f"{1995 + number}-12-31"),
        ),
        updated=instant.instant("2020-01-01") + number * instant.DAY,
    )


def lab(number: int) -> Record:
    return Record(
        source=LABS,
        container="",
        source_id=f"lab-{number}",
        kind=("datalab", "volume")[number % 2],
        title=f"JupyterLab for mission {number}",
        description="Example entry.",
        domain="navigation" if number % 3 else "space-science",
        provider="ESA Datalabs (example)",
        properties={"example": "true", "mount_path": "/media/data/x", "capability": "Analysis Tool"},
    )


def records(parent: Record) -> list[Record]:
    granules = (observation(number, parent.id) for number in range(12))
    return [parent, *map(dataset, range(30)), *map(lab, range(5)), *granules]


def fill(portal: Portal, given: Sequence[Record]) -> None:
    """Store records through the way of harvests, and index them."""
    for source in dict.fromkeys(each.source for each in given):
        mine = [each for each in given if each.source == source]
        run = portal.store.ledger.begin(source).id
        mapped = [Mapped(each, RawRecord(each.container, each.source_id, b"{}")) for each in mine]
        portal.store.ingest.page(source, run, mapped)
    follow(portal.store, portal.index)


def open_portal(home: Path) -> Portal:
    spaces = home / "embeddings"
    portal = Portal(
        Store(f"sqlite:///{home / 'store.db'}"), TantivyIndex(home / "index"), spaces=lambda: Spaces(spaces)
    )
    thanks = {"attribution": "Thanks to the Ice Institute"}
    portal.store.ledger.add_source(Source(OPEN, "stac-static", "https://open.example/", "Open Science", thanks))
    portal.store.ledger.add_source(
        Source(LABS, "records-file", "https://labs.example/", "Datalabs", {"example": "true"})
    )
    return portal


@pytest.fixture(scope="session")
def portal(tmp_path_factory: pytest.TempPathFactory, parent: Record) -> Iterator[Portal]:
    made = open_portal(tmp_path_factory.mktemp("ui"))
    fill(made, records(parent))
    yield made
    made.close()


def app_of(portal: Portal) -> FastAPI:
    app = FastAPI(openapi_url=None)
    app.state.portal = portal
    ui.attach(app, portal, title="Test portal")
    return app


@pytest.fixture(scope="session")
def client(portal: Portal) -> Iterator[TestClient]:
    with TestClient(app_of(portal), follow_redirects=False) as opened:
        yield opened


@pytest.fixture
def visitor(portal: Portal) -> Iterator[TestClient]:
    """Return a browser of this test alone, which has no cookies of others."""
    with TestClient(app_of(portal), follow_redirects=False) as opened:
        yield opened


@pytest.fixture
def make_client(tmp_path: Path) -> Iterator[Callable[[Iterable[Record]], TestClient]]:
    """Return `make(records)`: a client of a portal that holds these records alone."""
    opened: list[Portal] = []

    def make(given: Iterable[Record]) -> TestClient:
        portal = open_portal(tmp_path)
        opened.append(portal)
        fill(portal, list(given))
        return TestClient(app_of(portal), follow_redirects=False)

    yield make
    for portal in opened:
        portal.close()


@dataclass(frozen=True, slots=True)
class Served:
    """A running server."""

    url: str
    portal: Portal


@pytest.fixture(scope="session")
def server(portal: Portal) -> Iterator[Served]:
    """Serve the pages on a loopback port that the system chooses, with a space of real embeddings."""
    portal.spaces.add("clay", Wanted((str(CLAY),)))
    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(app_of(portal), log_level="warning", lifespan="off")
    running = uvicorn.Server(config)
    thread = threading.Thread(target=running.run, args=([listening],), daemon=True)
    thread.start()
    deadline = time.monotonic() + 20
    while not running.started and time.monotonic() < deadline:
        time.sleep(0.02)
    yield Served(f"http://127.0.0.1:{listening.getsockname()[1]}", portal)
    running.should_exit = True
    thread.join(10)
    listening.close()
