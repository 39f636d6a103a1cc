"""What one portal writes another one reads: the same record, but for the names that the other portal has for it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from discovery.model.extent import Extent
from discovery.model.instant import span
from discovery.model.ogc import EXTENSION, to_ogc_record
from discovery.model.record import RESOURCES, Asset, Contact, Link, Record, record_id
from harvesters import ogc_own
from harvesters.defaults import Defaults
from harvesters.ogc_record import to_record

BOX = (5.0, 50.0, 10.0, 55.0)
SQUARE = {"type": "Polygon", "coordinates": [[[5.0, 50.0], [10.0, 50.0], [10.0, 55.0], [5.0, 55.0], [5.0, 50.0]]]}
CIRCLE = {"type": "Circle", "center": [83.6, 22.0], "radius": 0.5}
FULL = Record(
    "esa", "projects", "sea-ice", "dataset", "Sea ice", description="Thickness", domain="earth-observation",
    missions=("a/mission/nobody/knows",), instruments=("SIRAL",), themes=("cryosphere",), keywords=("ice", "radar"),
    variables=("Thickness",), targets=("Arctic",), provider="AWI", license="house rules", level="L3",
    product_type="grid", formats=("NetCDF",), dataset="aaaaaaaaaaaaaaaa",
    extent=Extent("earth", SQUARE, BOX, span("2010-01-01")[0], span("2020-12-31")[1]),
    assets=(Asset("https://a.test/1.nc", "data", "One", "application/x-netcdf", ("data",), 7, ("s3://b/1.nc",)),
            Asset("https://a.test/1.nc", "again")),
    links=(Link("https://a.test/about", "about", "About", "text/html"),),
    contacts=(Contact("Ada Frost", "AWI", ("pi",), "https://awi.test/ada"),), doi="10.5270/esa-ice",
    external_ids=("urn:esa:ice",), created=span("2021-01-01")[0], updated=span("2022-06-01T12:00:00Z")[0],
    metadata_updated=span("2023-01-01")[0], access="registered",
    numbers={"cloud_cover": 12.5, "exposure": 30.0, "size": 99.0},
    properties={"project": "P", "osc:status": "ongoing", "type": "series", "bands": ("a", "b"), "exposure": "30"},
)  # fmt: skip
LINKED = Link("https://a.test/1.nc", "enclosure", "One", "application/x-netcdf")


def read(record: Record, **around: Any) -> Record:
    """Return what another portal makes of a record."""
    document = orjson.loads(orjson.dumps({**to_ogc_record(record), **around}))
    return to_record(document, RESOURCES, document["id"], Defaults("copy"), otherwise="dataset")


def wanted(record: Record) -> Record:
    """Return a record under the names that the other portal has for it."""
    dataset = record_id("copy", RESOURCES, record.dataset) if record.dataset else ""
    return replace(record, source="copy", container=RESOURCES, source_id=record.id, id="", dataset=dataset)


CASES = {
    "full": FULL,
    "bare": Record("s", "c", "1", "document", ""),
    "box": replace(FULL, id="", extent=Extent(bbox=BOX)),
    "across": replace(FULL, id="", extent=Extent(bbox=(170.0, -10.0, -170.0, 10.0))),
    "circle": replace(FULL, id="", extent=Extent("earth", CIRCLE, BOX)),
    "sky": replace(FULL, id="", extent=Extent("sky", CIRCLE, BOX, None, span("1990-04-24T00:00:00Z")[0])),
    "moc": replace(FULL, id="", extent=Extent("sky", {"type": "Moc", "moc": "3/1-5"})),
    "mars": replace(FULL, id="", extent=Extent("mars", SQUARE)),
    "long ago": replace(FULL, id="", extent=Extent(start=span("-001200-05-01")[0], end=span("2000-01-01")[1])),
    "linked": replace(
        FULL, id="", links=(LINKED,), assets=(Asset(LINKED.href, "link-1", "One", LINKED.media_type, ("data",)),)
    ),
    "spdx": replace(FULL, id="", license="MIT", links=(Link("https://a.test/l", "license"),)),
    "other licence": replace(FULL, id="", links=(Link("https://a.test/l", "license"),)),
} | {kind: Record("s", "c", "1", kind, "T") for kind in ("observation", "volume", "datalab", "pipeline", "service")}


@pytest.mark.parametrize("name", list(CASES))
def test_a_record_comes_back_as_it_went(name: str) -> None:
    found = read(CASES[name])
    assert found == wanted(CASES[name])
    assert found.issues == ()


TEXT = st.text(st.characters(codec="utf-8", exclude_categories=("C",)), max_size=20).map(str.strip)
TEXTS = st.lists(TEXT.filter(bool), max_size=3, unique=True).map(tuple)


@pytest.mark.slow
@given(
    st.builds(
        Record, st.just("s"), TEXT, TEXT, st.sampled_from(("dataset", "volume", "observation")), TEXT,
        description=TEXT, keywords=TEXTS, variables=TEXTS, targets=TEXTS, provider=TEXT, level=TEXT, license=TEXT,
        external_ids=TEXTS, missions=TEXTS, instruments=TEXTS,
        properties=st.dictionaries(TEXT.filter(bool), TEXT.filter(bool) | TEXTS.filter(bool), max_size=4),
    )
)  # fmt: skip
def test_any_texts_come_back(record: Record) -> None:
    found, asked = read(record), wanted(record)
    # A licence by another of its names is the licence; links are what makes a DOI.
    assert replace(found, license="", themes=()) == replace(asked, license="", themes=())


def test_links_to_where_a_record_is_served_are_not_taken_for_its_own() -> None:
    here = "https://other.test/ogc/collections/resources/items/x"
    served = [
        {"rel": "self", "href": here},
        {"rel": "alternate", "href": f"{here}?f=html", "type": "text/html"},
        {"rel": "alternate", "href": "https://elsewhere.test/", "type": "text/html"},
        {"rel": "profile", "href": "http://www.opengis.net/def/profile/OGC/0/ogc-record"},
        {"rel": "collection", "href": "https://other.test/ogc/collections/resources"},
        {"rel": "discovery:page", "href": "https://other.test/records/x"},
        {"rel": "discovery:volume", "href": "https://other.test/ogc/collections/resources/items/y"},
    ]
    found = read(Record("s", "c", "1", "dataset", "T"), links=served)
    assert [each.href for each in found.links] == ["https://elsewhere.test/"]


def test_links_of_strangers_stay_as_they_are() -> None:
    links = [{"rel": "alternate", "href": "https://a.test/x?f=html"}, {"rel": "self", "href": "https://a.test/x"}]
    assert ogc_own.sent_links({"links": links}) is links
    assert ogc_own.sent_links({}) is None
    assert not ogc_own.is_own({"conformsTo": "urn:x"})


@pytest.mark.parametrize(
    "properties",
    [
        {"discovery:frame": "../etc", "discovery:footprint": 3},
        {"discovery:frame": "sky", "discovery:footprint": {"type": "Circle", "center": ["x", 0], "radius": 1}},
        {"discovery:frame": "sky", "discovery:footprint": {"type": "Circle", "center": [0, 0], "radius": "1e999"}},
        {"discovery:frame": "sky", "discovery:footprint": {"type": "Moc", "moc": 7}, "discovery:bbox": [1]},
        {"discovery:interval": ["yesterday", 5], "discovery:dataset": {}, "discovery:numbers": []},
        {"discovery:size": "much", "discovery:properties": [1], "externalIds": {"a": 1}},
        {"discovery:targets": {"a": 1}, "discovery:missions": 5, "discovery:license": []},
    ],
)
def test_wrong_values_under_our_names_are_left_out(properties: dict[str, Any]) -> None:
    document = {
        "id": "x", "type": "Feature", "conformsTo": [EXTENSION], "geometry": None,
        "properties": {"type": "dataset", "title": "T", **properties},
        "links": [{"rel": "enclosure", "href": 5, "discovery:key": []}, "no link"],
    }  # fmt: skip
    record = to_record(document, RESOURCES, "x", Defaults("copy"), otherwise="dataset")
    assert (record.title, record.assets) == ("T", ())
    assert record.extent.geometry is None
