from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import orjson
import pytest

from discovery.model.source import COMPLETE, Report, Source
from discovery.store.store import Store

Harvest = Callable[..., Report]
Answer = tuple[int, bytes, Mapping[str, str]]
SPEC = Path(__file__).parents[2] / "fixtures" / "sources" / "ogc-records" / "spec_record.json"

pytestmark = pytest.mark.slow


def links(*pairs: tuple[str, str]) -> list[dict[str, str]]:
    return [{"rel": rel, "href": href} for rel, href in pairs]


def record(id: str, *pairs: tuple[str, str], **properties: Any) -> dict[str, Any]:
    return {"type": "Feature", "id": id, "geometry": None, "properties": properties, "links": links(*pairs)}


DOCUMENTS: dict[str, Any] = {
    "catalog.json": {
        "type": "Collection",
        "id": "root",
        "itemType": "record",
        "links": links(("child", "sea/catalog.json"), ("child", "land/catalog.json"), ("item", "top.json")),
        "records": [record("inside", type="dataset")],
    },
    "top.json": record("top", ("item", "data.csv"), ("child", "nowhere.json"), type="dataset", title="Top"),
    "sea/catalog.json": {
        "type": "Catalog",
        "id": "sea",
        "links": links(("item", "ice.json"), ("records", "more.json")),
    },
    "sea/ice.json": record("ice", ("item", "https://h.org/ice.nc"), ("parent", "catalog.json"), type="service"),
    "sea/more.json": {"type": "FeatureCollection", "features": [record("m1", type="dataset"), record("m2"), 7]},
    "land/catalog.json": {
        "type": "Collection",
        "id": "land",
        "itemType": ["record"],
        "links": links(("items", "all")),
        "recordsArrayName": "holdings",
        "holdings": [record("held", type="dataset")],
        "records": "none",
    },
    "land/all": {"type": "FeatureCollection", "features": [orjson.loads(SPEC.read_bytes())]},
    "data.csv": b"a,b\n1,2\n",
}
FOUND = {
    ("dataset", "records", "top"),
    ("dataset", "records", "inside"),
    ("dataset", "records", "held"),
    ("service", "records", "ice"),
    ("dataset", "records", "m1"),
    ("dataset", "records", "m2"),
    (
        "dataset",
        "records",
        "urn:x-wmo:md:int.wmo.wis::https://geo.woudc.org/def/data/ozone/total-column-ozone/totalozone",
    ),
}


@pytest.fixture(params=["file", "http"])
def source(request: pytest.FixtureRequest, tmp_path: Path, served: Callable[..., str]) -> Source:
    if request.param == "file":
        for name, document in DOCUMENTS.items():
            path = tmp_path / "tree" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(document if isinstance(document, bytes) else orjson.dumps(document))
        return Source("s", "records-static", "file:tree/catalog.json")

    def answer(path: str, headers: Mapping[str, str]) -> Answer:
        document = DOCUMENTS.get(path.removeprefix("/"))
        if document is None:
            return 404, b"", {}
        return 200, document if isinstance(document, bytes) else orjson.dumps(document), {}

    return Source("s", "records-static", f"{served(answer)}catalog.json")


def ids(store: Store) -> set[tuple[str, str, str]]:
    return {(row["kind"], row["container"], row["source_id"]) for row in store.catalogue.export()}


def test_every_record_of_the_tree_comes_and_no_catalogue(source: Source, store: Store, harvest: Harvest) -> None:
    report = harvest(source)
    assert (report.status, report.message) == (COMPLETE, "")
    assert ids(store) == FOUND
    # The 7; what a record leads to was not asked for, since it is no part of the catalogue.
    assert [each.issue.code for each in store.ledger.quarantined()] == ["not-an-object"]
    assert [each.href for each in store.catalogue.find("s", "records", "ice").record.assets] == ["https://h.org/ice.nc"]
    second = harvest(source)
    assert (second.counts.unchanged, second.counts.deleted) == (7, 0)


def test_the_open_science_catalog_is_the_same_as_by_stac_static(
    open_science_catalog: Path, store: Store, harvest: Harvest
) -> None:
    report = harvest(Source("osc", "records-static", f"file:{open_science_catalog}"))
    kinds = Counter(row["kind"] for row in store.catalogue.export())
    assert kinds == {"dataset": 351, "project": 208, "pipeline": 17, "experiment": 9, "observation": 298}
    assert (report.status, report.counts.quarantined) == (COMPLETE, 0)
