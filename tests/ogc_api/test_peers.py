"""Others read the catalogue: OWSLib for real, other clients by requests as they build them, and our own harvester."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from discovery.http import Client, Policy
from discovery.model.record import RESOURCES, SCOPES, Record, record_id
from discovery.model.source import COMPLETE, Source
from discovery.ogc_api import api
from discovery.ogc_api.question import CRS84
from discovery.store.store import Store
from harvesters.run import harvest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
OWSLIB = ROOT / ".cache" / "peers" / "pycsw"
"""The environment of pycsw, which brings OWSLib."""


@pytest.mark.peer
def test_owslib_reads_the_catalogue(site: str, peer: Callable[[bool, str], None]) -> None:
    peer((OWSLIB / ".installed").is_file(), "OWSLib is not here; tests/peers/pycsw/prepare.sh brings it")
    command = [str(OWSLIB / "bin" / "python"), "-W", "ignore", str(Path(__file__).parent / "owslib_client.py"),
               f"{site}/ogc"]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["records"] == list(SCOPES)
    assert "http://www.opengis.net/spec/ogcapi-records-1/1.0/conf/searchable-catalog" in found["conforms"]
    assert found["openapi"].startswith("3.0")
    assert (found["title"], found["matched"]) == ("Resources", 9)
    assert {"type", "geometry", "externalIds"} <= set(found["queryables"])
    assert len({id for page in found["pages"] for id in page}) == 6
    assert (found["words"], found["box"], found["filtered"]) == (1, 2, 1)
    assert found["record"]


# What clients send, as their sources build it; `{id}` is a record.
SENT: dict[str, tuple[str, dict[str, str]]] = {
    "QGIS MetaSearch, connection": ("/ogc/", {"User-Agent": "OWSLib 0.35.0", "Accept": "*/*"}),
    "QGIS MetaSearch, search": (
        "/ogc/collections/resources/items?limit=10&offset=0&q=ice&bbox=-180%2C-90%2C180%2C90",
        {"User-Agent": "QGIS/34400", "Accept": "*/*"},
    ),
    "QGIS MetaSearch, next": ("/ogc/collections/resources/items?limit=5&offset=5", {"Accept": "*/*"}),
    "QGIS OAPIF, landing": ("/ogc/", {"Accept": "application/json"}),
    "QGIS OAPIF, collection": ("/ogc/collections/resources", {"Accept": "application/json"}),
    "QGIS OAPIF, items": (
        f"/ogc/collections/resources/items?limit=1000&bbox=-10,40,20,60&bbox-crs={CRS84}",
        {"Accept": "application/geo+json, application/json;q=0.9"},
    ),
    "pygeoapi, items": ("/ogc/collections/resources/items?f=json&limit=10&offset=0&sortby=-updated", {}),
    "pygeoapi, item": ("/ogc/collections/resources/items/{id}?f=json", {}),
    "pygeoapi, landing": ("/ogc?f=json", {}),
    "pygeoapi, collections": ("/ogc/collections?f=json", {}),
    "pygeoapi, queryables": ("/ogc/collections/resources/queryables?f=json", {}),
    "pygeoapi, openapi": ("/ogc/api?f=json", {}),
    "pycsw, facets": ("/ogc/collections/resources/items?facets=type,keywords&limit=0", {}),
    "pycsw, filter": (
        "/ogc/collections/resources/items?filter=title%20LIKE%20%27%25ice%25%27&filter-lang=cql2-text",
        {},
    ),
    "EODAG, OARSearch": (
        "/ogc/collections/resources/items?limit=20&datetime=2010-01-01T00:00:00Z/2020-01-01T00:00:00Z&bbox=0,40,20,60",
        {"User-Agent": "eodag/4.10.0", "Accept": "application/geo+json"},
    ),
    "GeoNetwork, harvester": ("/ogc/collections/resources/items?limit=100&f=geojson", {}),
    "STAC Browser": ("/ogc/collections", {"Accept": "application/json, text/plain, */*", "Origin": "https://b.test"}),
    "GDAL OAPIF, landing": ("/ogc/", {"Accept": "application/json"}),
    "GDAL OAPIF, items": (
        "/ogc/collections/resources/items?limit=10",
        {"Accept": "application/geo+json, application/json"},
    ),
    "a browser": ("/ogc/", {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"}),
    "curl": ("/ogc/collections/resources/items?q=sea%20ice,crab", {"User-Agent": "curl/8.5.0", "Accept": "*/*"}),
}


@pytest.mark.parametrize("name", list(SENT))
def test_requests_of_other_clients_are_answered(site: str, full: Record, name: str) -> None:
    path, headers = SENT[name]
    with httpx.Client(base_url=site, timeout=30) as client:
        answer = client.get(path.replace("{id}", full.id), headers=headers)
    assert answer.status_code == 200, answer.text
    if name == "a browser":
        assert answer.headers["content-type"].startswith("text/html")
    else:
        assert answer.json()["links" if "queryables" not in path and "/api" not in path else next(iter(answer.json()))]


def harvested(store: Store, **said: Any) -> dict[str, Record]:
    """Return what our own harvester makes of the catalogue, by the ids that the other portal has."""
    source = Source("copy", **said)
    store.ledger.add_source(source)
    with Client(Policy().allowing(source.url)) as client:
        report = harvest(store, source, client=client)
    assert (report.status, report.counts.quarantined) == (COMPLETE, 0)
    keys = list(store.catalogue.keys(row["id"] for row in store.catalogue.export()).values())
    return {each.record.source_id: each.record for each in store.catalogue.many(keys).values()}


def wanted(record: Record) -> Record:
    """Return a record under the names that another portal has for it."""
    dataset = record_id("copy", RESOURCES, record.dataset) if record.dataset else ""
    return replace(record, source="copy", container=record.scope, source_id=record.id, id="", dataset=dataset)


@pytest.mark.parametrize("most", [1000, 4])
def test_a_catalogue_is_crawled_file_by_file(
    site: str, store: Store, catalogue: list[Record], monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setattr(api, "CRAWLED", most)
    found = harvested(store, kind="records-static", url=f"{site}/ogc/crawl/resources")
    assert set(found) == {each.id for each in catalogue if each.scope == RESOURCES}
    titles = {each.id: each.title for each in catalogue}
    assert all(each.title == titles[id] for id, each in found.items())


def test_our_own_harvester_brings_the_same_records(site: str, store: Store, catalogue: list[Record]) -> None:
    found = harvested(store, kind="ogc-records", url=f"{site}/ogc")
    assert set(found) == {each.id for each in catalogue}
    for each in catalogue:
        # What says of no domain is taken for one of the Earth by every harvester of OGC.
        mine = replace(found[each.id], domain=each.domain, issues=())
        assert mine == wanted(each)
