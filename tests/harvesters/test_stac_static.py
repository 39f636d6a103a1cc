from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import orjson
import pytest

from discovery.http import Client, Kept, Policy
from discovery.model.record import Record, record_id, to_dict
from discovery.model.source import COMPLETE, FAILED, RawRecord, Report, Source
from discovery.store.store import Store
from harvesters import run
from harvesters.base import Position
from harvesters.registry import harvester

Harvest = Callable[..., Report]
PUBLISHED = "https://esa-earthcode.github.io/open-science-catalog-metadata"

pytestmark = pytest.mark.slow


def tree(folder: Path, documents: dict[str, Any]) -> Source:
    for name, document in documents.items():
        path = folder / "tree" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(document if isinstance(document, bytes) else orjson.dumps(document))
    return Source("s", "stac-static", "file:tree/catalog.json")


def catalog(*links: tuple[str, str]) -> dict[str, Any]:
    found = [{"rel": rel, "href": href} for rel, href in links]
    return {"type": "Catalog", "id": "root", "stac_version": "1.0.0", "description": "d", "links": found}


def collection(id: str, *links: tuple[str, str], **more: Any) -> dict[str, Any]:
    extent = {"spatial": {"bbox": [[1, 2, 3, 4]]}, "temporal": {"interval": [["2020-01-01T00:00:00Z", None]]}}
    document = {**catalog(*links), "type": "Collection", "id": id, "license": "MIT", "extent": extent}
    return {**document, **more}


def ids(store: Store) -> set[tuple[str, str, str]]:
    return {(row["kind"], row["container"], row["source_id"]) for row in store.catalogue.export()}


@pytest.fixture(scope="module")
def whole(open_science_catalog: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Report, list[Record]]:
    """The whole Open Science Catalog in a store, harvested once for all tests of this module."""
    from discovery.http import Policy
    from discovery.store.connection import sqlite_url
    from harvesters.run import harvest

    store = Store(sqlite_url(tmp_path_factory.mktemp("osc-store") / "s.sqlite"))
    source = Source("osc", "stac-static", f"file:{open_science_catalog}", settings={"published": PUBLISHED})
    with Client(Policy()) as client:
        report = harvest(store, source, client=client)
    records = [store.catalogue.get(row["id"]).record for row in store.catalogue.export()]
    store.close()
    return report, records


def test_the_open_science_catalog_gives_585_resources_and_298_items(whole: tuple[Report, list[Record]]) -> None:
    report, records = whole
    kinds = Counter(each.kind for each in records)
    assert kinds == {"dataset": 351, "project": 208, "pipeline": 17, "experiment": 9, "observation": 298}
    assert report.status == COMPLETE
    assert (report.counts.seen, report.counts.added, report.counts.quarantined) == (883, 883, 0)
    assert len({each.source_id for each in records if each.kind != "observation"}) == 575


def test_every_item_of_the_open_science_catalog_knows_its_dataset(whole: tuple[Report, list[Record]]) -> None:
    _, records = whole
    datasets = {each.id for each in records if each.kind == "dataset"}
    assert {each.dataset for each in records if each.kind == "observation"} <= datasets


def test_every_product_knows_its_project_by_id_and_title(whole: tuple[Report, list[Record]]) -> None:
    _, records = whole
    projects = {each.id: each.title for each in records if each.kind == "project"}
    products = [each for each in records if each.kind == "dataset"]
    assert sum(each.dataset in projects for each in products) == 351


def test_no_secret_of_a_link_reaches_a_record(whole: tuple[Report, list[Record]]) -> None:
    report, records = whole
    issues = Counter(issue.code for each in records for issue in each.issues)
    assert issues["secret-in-link"] == 23
    assert report.counts.warnings == sum(issues.values())
    assert not [
        link.href
        for each in records
        for link in each.links
        if "@" in link.href.partition("?")[0].partition("//")[2].partition("/")[0]
    ]


def test_a_product_has_every_field_that_its_document_offers(whole: tuple[Report, list[Record]]) -> None:
    _, records = whole
    found = next(each for each in records if each.source_id == "biomass-s3-africa-albiom")
    plain = to_dict(found)
    plain.pop("description")
    assert plain == {
        "source": "osc",
        "container": "products",
        "source_id": "biomass-s3-africa-albiom",
        "id": record_id("osc", "products", "biomass-s3-africa-albiom"),
        "kind": "dataset",
        "title": "Prototype biomass product using Sentinel-3 altimetry_Africa_S3",
        "domain": "earth-observation",
        "missions": ["earth-observation/sentinel-3"],
        "themes": ["land"],
        "keywords": ["Vegetation", "Biomass", "Biosphere"],
        "variables": ["Biomass"],
        "license": "proprietary",
        "dataset": record_id("osc", "projects", "albiom-altimetry-for-biomass"),
        "extent": {
            "frame": "earth",
            "bbox": [-17.8563289572, -34.4708447326, 52.1929288951, 36.9355756202],
            "start": 1483228800000,
            "end": 1514764799000,
        },
        "links": [
            {
                "href": "https://www.spiedigitallibrary.org/conference-proceedings-of-spie/11861/2600230/Biomass-Estimation-by-Means-of-Sentinel-3-Data--A/10.1117/12.2600230.full",
                "rel": "via",
                "title": "Documentation",
            },
            *(
                {"href": f"{PUBLISHED}/{path}", "rel": rel, "title": title, "media_type": "application/json"}
                for path, rel, title in (
                    ("projects/albiom-altimetry-for-biomass/collection.json", "project", "ALBIOM"),
                    ("themes/land/catalog.json", "theme", "Land"),
                    ("variables/biomass/catalog.json", "variable", "Biomass"),
                    ("eo-missions/sentinel-3/catalog.json", "mission", "Sentinel-3"),
                )
            ),
        ],
        "created": 1640908800000,
        "updated": 1726173126211,
        "access": "open",
        "properties": {
            "osc:project": "albiom-altimetry-for-biomass",
            "osc:region": "Africa",
            "osc:status": "ongoing",
            "project": "ALBIOM",
        },
    }


def test_an_item_that_names_a_wrong_collection_stays_where_its_link_says(whole: tuple[Report, list[Record]]) -> None:
    _, records = whole
    found = [each for each in records if each.source_id == "subglacial-lakes-boundries-timeseries-data"]
    claimed = [each for each in records if [issue for issue in each.issues if issue.code == "other-collection"]]
    assert len(claimed) == 1
    assert claimed[0].container == "subglacial-lakes-boundries"
    assert len(found) <= 1


def test_a_walk_may_be_resumed_at_every_page(open_science_catalog: Path, client: Client) -> None:
    source = Source("osc", "stac-static", f"file:{open_science_catalog}")
    straight = [raw for page in harvester(source, client).pages(None) for raw in page.raws]
    pieces: list[RawRecord] = []
    position: Position | None = None
    while True:
        # A new harvester for every page, as after a kill.
        page = next(harvester(source, client).pages(position))
        pieces += page.raws
        if page.position is None:
            break
        position = orjson.loads(orjson.dumps(dict(page.position)))
    assert pieces == straight


def test_circles_and_repeated_links_are_walked_once(tmp_path: Path, store: Store, harvest: Harvest) -> None:
    source = tree(
        tmp_path,
        {
            "catalog.json": catalog(("child", "./a/collection.json"), ("child", "a/collection.json"), ("self", "x")),
            "a/collection.json": collection(
                "a", ("child", "../catalog.json"), ("item", "i.json"), ("item", "./i.json")
            ),
            "a/i.json": {"type": "Feature", "stac_version": "1.0.0", "id": "i", "collection": "a", "properties": {}},
        },
    )
    report = harvest(source)
    assert report.counts.seen == 2
    assert ids(store) == {("dataset", "collections", "a"), ("observation", "a", "i")}


def test_a_link_out_of_the_folder_is_refused(tmp_path: Path, store: Store, harvest: Harvest) -> None:
    (tmp_path / "secret.json").write_bytes(orjson.dumps(collection("secret")))
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "link.json").symlink_to(tmp_path / "secret.json")
    links = [("child", href) for href in ("../secret.json", "%2e%2e/secret.json", "link.json", "file:/etc/passwd")]
    report = harvest(tree(tmp_path, {"catalog.json": catalog(*links)}))
    assert ids(store) == set()
    assert {each.issue.code for each in store.ledger.quarantined()} == {"refused"}
    assert report.status == COMPLETE


def test_links_to_other_hosts_are_left_alone(tmp_path: Path, client: Client, harvest: Harvest) -> None:
    report = harvest(tree(tmp_path, {"catalog.json": catalog(("child", "http://127.0.0.1:9/catalog.json"))}))
    assert (report.status, report.requests) == (COMPLETE, 0)


def test_a_dangling_child_and_a_broken_one_are_shown_and_stop_nothing(
    tmp_path: Path, store: Store, harvest: Harvest
) -> None:
    links = [("child", f"{name}/collection.json") for name in ("gone", "broken", "cut", "whole")]
    source = tree(
        tmp_path,
        {
            "catalog.json": catalog(*links),
            "broken/collection.json": b"<html>maintenance</html>",
            "cut/collection.json": orjson.dumps(collection("cut"))[:-20],
            "whole/collection.json": collection("whole"),
        },
    )
    report = harvest(source)
    assert ids(store) == {("dataset", "collections", "whole")}
    found = {each.raw.position: each.issue.code for each in store.ledger.quarantined()}
    assert found == {
        "gone/collection.json": "missing-document",
        "broken/collection.json": "broken-json",
        "cut/collection.json": "broken-json",
    }
    assert report.counts.quarantined == 3
    tree(tmp_path, {f"{name}/collection.json": collection(name) for name in ("gone", "broken", "cut")})
    assert harvest(source).counts.quarantined == 0
    assert store.ledger.quarantined() == []


def test_a_document_that_nothing_links_to_is_found_in_a_folder(tmp_path: Path, store: Store, harvest: Harvest) -> None:
    documents = {"catalog.json": catalog(), "lost/collection.json": collection("lost"), "package.json": {"name": "x"}}
    source = tree(tmp_path, documents)
    harvest(source)
    assert ids(store) == {("dataset", "collections", "lost")}
    skipping = Source("other", "stac-static", source.url, settings={"unlinked": "skip"})
    assert harvest(skipping).counts.seen == 0


def test_a_root_that_is_missing_fails_the_run(tmp_path: Path, harvest: Harvest) -> None:
    (tmp_path / "tree").mkdir()
    report = harvest(Source("s", "stac-static", "file:tree/catalog.json"))
    assert report.status == FAILED
    assert "no such file" in report.message


def test_a_catalogue_that_is_as_it_was_is_not_sent_again(
    served: Callable[..., str], tmp_path: Path, store: Store
) -> None:
    documents = {"/catalog.json": catalog(*(("child", f"{n}/collection.json") for n in range(4)))}
    documents |= {f"/{n}/collection.json": collection(f"c{n}") for n in range(4)}
    sent: list[int] = []

    def answer(path: str, headers: Mapping[str, str]) -> tuple[int, bytes, Mapping[str, str]]:
        body = orjson.dumps(documents[path])
        etag = f'"{len(body)}"'
        sent.append(304 if headers.get("If-None-Match") == etag else 200)
        return sent[-1], b"" if sent[-1] == 304 else body, {"ETag": etag}

    source = Source("s", "stac-static", f"{served(answer)}catalog.json")

    def go() -> Report:
        with Client(Policy().allowing(source.url), kept=Kept(tmp_path / "s.sqlite")) as client:
            return run.harvest(store, source, client=client)

    assert go().counts.added == 4
    report = go()
    assert (report.status, report.counts.unchanged, report.bytes) == (COMPLETE, 4, 0)
    assert sent == [200] * 5 + [304] * 5
    documents["/2/collection.json"] = collection("c2", title="Another one")
    assert go().counts.updated == 1
    assert sent[10:] == [304, 304, 304, 200, 304]
