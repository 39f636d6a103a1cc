from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from discovery.errors import RecordError
from discovery.model.record import Record, record_id, to_dict
from discovery.model.source import COMPLETE, Report, Source
from discovery.store.store import Store

Mapping = Callable[..., Record]
EXAMPLES = Path(__file__).parents[2] / "fixtures" / "demo" / "examples" / "records.ndjson"


def feature(type: Any = "dataset", **more: Any) -> dict[str, Any]:
    properties = {"type": type, "title": "T", **more.pop("properties", {})}
    return {"type": "Feature", "id": "r1", "geometry": None, "properties": properties, "links": [], **more}


@pytest.mark.parametrize(
    ("sent", "kind"),
    [
        ("dataset", "dataset"),
        ("Workflow", "pipeline"),
        ("experiment", "experiment"),
        ("http://www.opengis.net/def/type#service", "service"),
        ("volume", "volume"),
        ("datalab", "datalab"),
        ("document", "document"),
    ],
)
def test_the_type_says_the_kind(mapping: Mapping, sent: str, kind: str) -> None:
    assert mapping(feature(sent), "records-file").kind == kind


@pytest.mark.parametrize(("sent", "code"), [("nonsense", "unknown-type"), (None, "missing-type"), (7, "missing-type")])
def test_a_type_that_says_nothing_is_no_record(mapping: Mapping, sent: Any, code: str) -> None:
    with pytest.raises(RecordError) as caught:
        mapping(feature(sent), "records-file")
    assert caught.value.code == code


def test_a_record_fills_every_field_that_it_offers(mapping: Mapping) -> None:
    document = feature(
        "workflow",
        time={"interval": ["2020-01-01T00:00:00Z", ".."]},
        properties={
            "description": "D",
            "domain": "Space Science",
            "mission": "Hubble Space Telescope",
            "instrument": "NICMOS",
            "themes": [{"concepts": [{"id": "ocean"}, {"id": "own"}], "scheme": "x"}],
            "formats": [{"name": "netcdf"}, {"mediaType": "image/tiff"}],
            "license": "MIT",
            "contacts": [
                {
                    "name": "A",
                    "organization": "B",
                    "emails": [{"value": "a@b.org"}],
                    "links": [{"href": "https://b.org"}],
                }
            ],
            "externalIds": [{"scheme": "x", "value": "e1"}],
            "osc:project": "p1",
            "application:container": True,
            "category": "Information Data",
            "collection": "RINEX",
            "access": "registered",
        },
        links=[
            {"rel": "enclosure", "href": "https://h.org/d.nc", "type": "application/x-netcdf", "title": "Data"},
            {"rel": "cite-as", "href": "https://doi.org/10.5281/Zenodo.1"},
        ],
    )
    plain = to_dict(mapping(document, "records-file"))
    plain.pop("id")
    assert plain == {
        "source": "s",
        "container": "c",
        "source_id": "r1",
        "kind": "pipeline",
        "title": "T",
        "description": "D",
        "domain": "space-science",
        "missions": ["astronomy/hubble"],
        "instruments": ["NICMOS"],
        "themes": ["oceans", "own"],
        "license": "MIT",
        "formats": ["NetCDF", "GeoTIFF"],
        "dataset": record_id("s", "projects", "p1"),
        "extent": {"frame": "earth", "start": 1577836800000},
        "assets": [
            {
                "href": "https://h.org/d.nc",
                "key": "link-1",
                "title": "Data",
                "media_type": "application/x-netcdf",
                "roles": ["data"],
            }
        ],
        "links": [
            {"href": "https://h.org/d.nc", "rel": "enclosure", "title": "Data", "media_type": "application/x-netcdf"},
            {"href": "https://doi.org/10.5281/Zenodo.1", "rel": "cite-as"},
        ],
        "contacts": [{"name": "A", "organization": "B", "url": "https://b.org"}],
        "doi": "10.5281/zenodo.1",
        "external_ids": ["e1"],
        "access": "registered",
        "properties": {
            "application:container": "true",
            "category": "Information Data",
            "collection": "RINEX",
            "osc:project": "p1",
        },
    }


def test_the_examples_of_the_demo_are_all_records(store: Store, harvest: Callable[..., Report]) -> None:
    report = harvest(Source("x", "records-file", f"file:{EXAMPLES}", settings={"example": "true"}))
    assert (report.status, report.counts.quarantined) == (COMPLETE, 0)
    records = [store.catalogue.get(row["id"]).record for row in store.catalogue.export()]
    assert {each.kind for each in records} == {"dataset"}
    assert {each.properties["example"] for each in records} == {"true"}
    assert {each.domain for each in records} == {"navigation"}
    assert all(each.properties.get("category") for each in records)


def test_links_to_items_are_what_a_record_describes_and_services_are_no_files(mapping: Callable[..., Record]) -> None:
    links = [
        {"rel": "item", "href": "https://h.org/wms", "type": "OGC:WMS"},
        {"rel": "item", "href": "https://h.org/data.csv", "type": "text/csv"},
        {"rel": "collection", "href": "https://h.org/collections/x"},
    ]
    found = mapping({"id": "x", "properties": {"type": "dataset"}, "links": links}, "records-file")
    assert [each.href for each in found.assets] == ["https://h.org/data.csv"]
    assert [each.href for each in found.links] == ["https://h.org/wms", "https://h.org/data.csv"]
