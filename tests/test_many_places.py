"""One record from many places, as every face shows it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from discovery import wiring
from discovery.app import create_app
from discovery.config import Settings
from discovery.indexer import follow
from discovery.model.extent import Extent
from discovery.model.record import Record
from discovery.model.source import Mapped, RawRecord, Source
from discovery.portal import Portal

pytestmark = pytest.mark.slow

ICE = Record("esa", "", "ice", "dataset", "Sea ice thickness", doi="10.5270/esa-1")
MIRROR = Record("mirror", "data", "mirrored-ice", "dataset", "Thickness of sea ice", doi="doi:10.5270/ESA-1")
SCENES = [
    Record(
        source,
        "scenes",
        "scene-1",
        "observation",
        "Scene",
        dataset=dataset.id,
        extent=Extent(bbox=(0, 0, 1, 1), start=5, end=5),
    )
    for source, dataset in (("esa", ICE), ("mirror", MIRROR))
]


@pytest.fixture
def portal(tmp_path: Path) -> Iterator[Portal]:
    """Return a portal over two sources that have one dataset and one observation in common."""
    opened = wiring.open_portal(Settings(tmp_path))
    for number, id in enumerate(("esa", "mirror")):
        source = Source(id, "csw", f"https://{id}.example/", id.title(), {"priority": str(200 - number)})
        opened.store.ledger.add_source(source)
    for each in (ICE, MIRROR, *SCENES):
        raw = RawRecord(each.container, each.source_id, b"{}", url=f"https://{each.source}.example/{each.source_id}")
        opened.store.ingest.page(each.source, opened.store.ledger.begin(each.source).id, [Mapped(each, raw)])
    follow(opened.store, opened.index)
    yield opened
    opened.close()


@pytest.fixture
def client(portal: Portal, tmp_path: Path) -> Iterator[TestClient]:
    """Return a browser that has seen both, and in whose portal they have been found to be one since."""
    app = create_app(Settings(tmp_path), portal)
    with TestClient(app, base_url="http://127.0.0.1", follow_redirects=False) as client:
        assert client.get("/search", params={"q": "ice", "f": "json"}).json()["total"]["value"] == 2
        assert portal.store.duplicates.find().merged == 2
        follow(portal.store, portal.index)
        yield client


def test_a_search_finds_it_once(client: TestClient) -> None:
    found = client.get("/search", params={"q": "ice", "f": "json"}).json()
    assert [each["id"] for each in found["records"]] == [ICE.id]


def test_its_page_names_the_other_place_and_leads_there(client: TestClient) -> None:
    page = client.get(f"/records/{ICE.id}").text
    assert "Also at" in page
    assert 'href="https://mirror.example/mirrored-ice"' in page
    assert "as mirrored-ice, last seen" in page
    assert "same DOI" in page


def test_a_record_in_one_place_has_no_such_part(client: TestClient, portal: Portal) -> None:
    alone = Record("esa", "", "alone", "dataset", "Alone")
    portal.store.ingest.page("esa", 1, [Mapped(alone, RawRecord("", "alone", b"{}"))])
    assert "Also at" not in client.get(f"/records/{alone.id}").text
    assert "also_at" not in client.get(f"/records/{alone.id}", params={"f": "json"}).json()


def test_the_other_one_leads_to_it(client: TestClient) -> None:
    answer = client.get(f"/records/{MIRROR.id}")
    assert (answer.status_code, answer.headers["location"]) == (301, f"/records/{ICE.id}")


def test_its_json_names_the_other_place(client: TestClient) -> None:
    (place,) = client.get(f"/records/{ICE.id}", params={"f": "json"}).json()["also_at"]
    assert (place["id"], place["source"], place["source_title"]) == (MIRROR.id, "mirror", "Mirror")
    assert place["why"] == "doi"


def test_graphql_names_the_other_place(client: TestClient) -> None:
    question = "{ record(id: %s) { id alsoAt { id source sourceTitle sourceId url seen why } } }"
    for id in (ICE.id, MIRROR.id):
        found = client.post("/graphql", json={"query": question % f'"{id}"'}).json()["data"]["record"]
        (place,) = found["alsoAt"]
        assert found["id"] == ICE.id
        assert place.pop("seen").startswith("20")
        assert place == {
            "id": MIRROR.id,
            "source": "mirror",
            "sourceTitle": "Mirror",
            "sourceId": "mirrored-ice",
            "url": "https://mirror.example/mirrored-ice",
            "why": "doi",
        }


def test_stac_has_the_collection_once_and_leads_to_it(client: TestClient) -> None:
    listed = client.get("/stac/collections").json()["collections"]
    assert [each["id"] for each in listed] == ["ice"]
    moved = client.get("/stac/collections/mirrored-ice")
    assert moved.status_code == 301
    assert moved.headers["location"].endswith("/stac/collections/ice")
    assert client.get("/stac/search").json()["numberMatched"] == 1


def test_stac_leads_from_the_items_of_a_merged_collection_to_those_of_the_other(
    client: TestClient, portal: Portal
) -> None:
    extent = Extent(bbox=(0, 0, 1, 1), start=9, end=9)
    more = Record("mirror", "scenes", "scene-2", "observation", "Scene 2", dataset=MIRROR.id, extent=extent)
    portal.store.ingest.page("mirror", 1, [Mapped(more, RawRecord("scenes", "scene-2", b"{}"))])
    portal.store.duplicates.find()
    assert portal.store.parents.repair() == 2
    follow(portal.store, portal.index)
    items = client.get("/stac/collections/ice/items").json()["features"]
    assert sorted((each["id"], each["collection"]) for each in items) == [("scene-1", "ice"), ("scene-2", "ice")]
    moved = client.get("/stac/collections/mirrored-ice/items/scene-2")
    assert moved.status_code == 301
    assert moved.headers["location"].endswith("/stac/collections/ice/items/scene-2")
    assert client.get("/stac/collections/ice/items/scene-2").status_code == 200
    assert client.get("/stac/collections/mirrored-ice/items/nothing").status_code == 404
    page = client.get(f"/records/{ICE.id}").text
    assert "2 observations in this dataset" in page
