from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import orjson
import pytest

from discovery.errors import ConfigError
from discovery.http import Client
from discovery.model.source import COMPLETE, FAILED, HELD, RawRecord, Report, Source
from discovery.store.store import Store
from harvesters.base import Position
from harvesters.registry import harvester

Harvest = Callable[..., Report]
Answer = tuple[int, bytes, Mapping[str, str]]

pytestmark = pytest.mark.slow


class Service:
    """A list of collections in pages of two, whose answers a test may change."""

    def __init__(self) -> None:
        self.collections: list[Any] = [{"id": f"c{n}", "title": f"Title {n}", "links": []} for n in range(5)]
        self.collections.append({"id": "catalogue", "itemType": "record", "links": []})
        self.circle = False
        self.asked: list[str] = []

    def __call__(self, path: str, headers: Mapping[str, str]) -> Answer:
        self.asked.append(path)
        if path == "/":
            return 200, orjson.dumps({"title": "T", "links": [{"rel": "data", "href": "collections"}]}), {}
        if path.startswith("/collections/"):
            name = path.removeprefix("/collections/")
            found = [each for each in self.collections if each["id"] == name]
            links = [{"rel": "items", "href": f"{path}/items"}]
            return 200, orjson.dumps({**found[0], "links": links}), {}
        at = int(path.partition("at=")[2] or 0)
        more = at + 2 < len(self.collections)
        links = [{"rel": "next", "href": f"?at={at + 2 if more else 0}"}] if more or self.circle else []
        return 200, orjson.dumps({"collections": self.collections[at : at + 2], "links": links}), {}


@pytest.fixture
def service() -> Service:
    return Service()


@pytest.fixture
def source(service: Service, served: Callable[..., str]) -> Source:
    return Source("s", "ogc-collections", served(service))


def live(store: Store) -> set[str]:
    return {str(row["source_id"]) for row in store.catalogue.export()}


def test_each_collection_is_a_dataset_and_catalogues_are_left_to_their_kind(
    service: Service, source: Source, store: Store, harvest: Harvest, client: Client
) -> None:
    report = harvest(source)
    assert (report.status, report.message, report.counts.quarantined) == (COMPLETE, "", 0)
    assert live(store) == {f"c{n}" for n in range(5)}
    found = store.catalogue.find("s", "collections", "c3").record
    assert (found.kind, found.title, found.domain) == ("dataset", "Title 3", "earth-observation")
    # Nothing is asked of what is in them.
    assert not any("items" in each for each in service.asked)
    probe = harvester(source, client).probe()
    assert (probe.title, probe.matched, len(probe.notes)) == ("T", 5, 1)


def test_one_collection_and_chosen_ones_are_the_same_datasets(source: Source, store: Store, harvest: Harvest) -> None:
    assert harvest(Source("s", source.kind, source.url, settings={"collections": "c1,c4"})).counts.added == 2
    assert harvest(Source("s", source.kind, f"{source.url}collections/c1")).counts.added == 0
    assert store.catalogue.find("s", "collections", "c1").record.links[0].href.endswith("/collections/c1/items")


def test_a_walk_may_be_resumed_at_every_page(source: Source, client: Client) -> None:
    straight = [raw for page in harvester(source, client).pages(None) for raw in page.raws]
    pieces: list[RawRecord] = []
    position: Position | None = None
    while True:
        page = next(harvester(source, client).pages(position))
        pieces += page.raws
        position = page.position
        if position is None:
            break
    assert pieces == straight
    assert list(harvester(source, client).ids()) == [(raw.container, raw.source_id) for raw in straight]


def test_a_circle_ends_and_deletes_nothing(service: Service, source: Source, store: Store, harvest: Harvest) -> None:
    harvest(source)
    service.circle, service.asked = True, []
    service.collections.pop(0)
    for _ in range(2):
        assert harvest(source).counts.deleted == 0
    assert live(store) == {f"c{n}" for n in range(5)}
    assert {each.issue.code for each in store.ledger.quarantined()} == {"repeated-page"}
    assert len(service.asked) < 20


def test_a_service_that_has_lost_everything_deletes_nothing(
    service: Service, source: Source, store: Store, harvest: Harvest
) -> None:
    harvest(source)
    service.collections = []
    assert harvest(source).status == HELD
    assert len(live(store)) == 5


def test_odd_collections_stop_nothing(service: Service, source: Source, store: Store, harvest: Harvest) -> None:
    service.collections[1:1] = [7, None, {"title": "no id"}, {"id": "x\0"}, {"id": "odd", "links": 5, "extent": []}]
    report = harvest(source)
    assert report.status == COMPLETE
    assert live(store) == {f"c{n}" for n in range(5)} | {"odd"}
    assert report.counts.quarantined == 4


def test_a_catalogue_and_a_file_are_of_another_kind(source: Source, harvest: Harvest, client: Client) -> None:
    report = harvest(Source("s", source.kind, f"{source.url}collections/catalogue"))
    assert (report.status, "ogc-records" in report.message) == (FAILED, True)
    with pytest.raises(ConfigError, match="not an http: or https: address"):
        harvester(Source("s", "ogc-collections", "file:x.json"), client)


@pytest.mark.peer
def test_pygeoapi_gives_its_features_and_its_coverage(pygeoapi: str, store: Store, harvest: Harvest) -> None:
    report = harvest(Source("s", "ogc-collections", pygeoapi))
    assert (report.status, report.counts.added, report.counts.quarantined) == (COMPLETE, 2, 0)
    stations = store.catalogue.find("s", "collections", "stations").record
    raster = store.catalogue.find("s", "collections", "raster").record
    for found in (stations, raster):
        assert (found.extent.bbox, found.extent.start, found.issues) == ((-20, 30, 40, 70), 1_320_969_600_000, ())
        assert {"service", "canonical"} <= {each.rel for each in found.links}
    assert stations.formats == ("GeoJSON",)
    assert [each.href for each in stations.assets] == [f"{pygeoapi}/collections/stations/items?f=json"]
    assert "GeoTIFF" in raster.formats
    assert all("/coverage?" in each.href for each in raster.assets)
