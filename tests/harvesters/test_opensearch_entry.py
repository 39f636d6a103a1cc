from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from discovery.errors import RecordError
from discovery.model.record import Record
from harvesters import opensearch_entry, xml, xml_page
from harvesters.defaults import Defaults

FIXTURES = Path(__file__).parents[2] / "fixtures" / "sources" / "opensearch-eo"
SPACES = (
    'xmlns="http://www.w3.org/2005/Atom" xmlns:dc="http://purl.org/dc/elements/1.1/" '
    'xmlns:georss="http://www.georss.org/georss" xmlns:gml="http://www.opengis.net/gml"'
)
ENVELOPE = (
    "<gml:Envelope><gml:lowerCorner>10 20</gml:lowerCorner><gml:upperCorner>30 40</gml:upperCorner></gml:Envelope>"
)


def entry(inside: str) -> Record:
    element = xml.parse(f"<entry {SPACES}>{inside}</entry>".encode())
    return opensearch_entry.from_atom(element, "x", Defaults("s"), base="https://h.org/feed")


def feature(properties: Any, **more: Any) -> Record:
    document = {"type": "Feature", "id": "x", "geometry": None, "properties": properties, **more}
    return opensearch_entry.from_geojson(document, "x", Defaults("s"), base="https://h.org/feed")


@pytest.mark.parametrize("name", ["pycsw_query-cloudcover-lt.xml", "pycsw_query-time-extent.xml"])
def test_every_entry_of_the_samples_is_a_dataset(name: str) -> None:
    page = xml_page.cut((FIXTURES / name).read_bytes(), frozenset({"feed"}))
    found = [each for each in page.elements if each.name == "entry"]
    assert found
    for each in found:
        element = xml.parse(each.body)
        source_id = opensearch_entry.identity(element)
        record = opensearch_entry.from_atom(element, source_id, Defaults("s"))
        assert (record.kind, record.source_id) == ("dataset", source_id)
        assert record.title
        assert record.extent.bbox is not None or record.extent.geometry is not None
        # pycsw's tests have a placeholder for the time.
        assert {issue.code for issue in record.issues} == {"bad-date"}


def test_an_entry_says_what_was_observed_among_its_categories() -> None:
    page = xml_page.cut((FIXTURES / "pycsw_query-cloudcover-lt.xml").read_bytes(), frozenset({"feed"}))
    (element,) = (xml.parse(each.body) for each in page.elements if each.name == "entry")
    record = opensearch_entry.from_atom(element, "x", Defaults("s"))
    assert (record.product_type, record.level) == ("S2MSI2A", "Level-2A")
    assert record.keywords[:2] == ("Orthoimagery", "Land cover")
    assert not any(word.startswith("eo:") for word in record.keywords)
    # The first has its type and relation exchanged.
    assert record.assets[0].href.endswith(".SAFE/")
    assert (record.assets[0].media_type, record.assets[1].media_type) == ("", "image/jp2")


def test_an_entry_has_every_field_that_it_offers() -> None:
    record = entry(
        "<title>Ice &lt;b&gt;cover&lt;/b&gt;</title><id>urn:x</id><dc:identifier>x</dc:identifier>"
        "<summary>About</summary><published>2020-01-01T00:00:00Z</published><updated>2021-01-01T00:00:00Z</updated>"
        "<dc:date>2010-01-01/2011-12-31</dc:date><dc:publisher>ESA</dc:publisher><author><name>A</name></author>"
        "<rights>Free</rights><category term='eo:platform:Sentinel-1'/><category term='sea ice'/>"
        "<link href='data.nc' rel='enclosure' type='application/x-netcdf'/><link href='page.html'/>"
        "<link rel='search' type='application/opensearchdescription+xml' href='osdd?id=x'/><link rel='self' href='y'/>"
    )
    assert (record.title, record.description, record.provider) == ("Ice  cover", "About", "ESA")
    assert (record.created, record.metadata_updated) == (1_577_836_800_000, 1_609_459_200_000)
    assert (record.extent.start, record.extent.end) == (1_262_304_000_000, 1_325_375_999_999)
    assert (record.keywords, record.formats, record.properties) == (("sea ice",), ("NetCDF",), {"rights": "Free"})
    assert record.missions
    assert [(each.rel, each.href) for each in record.links] == [
        ("enclosure", "https://h.org/data.nc"),
        ("alternate", "https://h.org/page.html"),
        ("search", "https://h.org/osdd?id=x"),
    ]
    assert record.issues == ()


@pytest.mark.parametrize(
    ("place", "box", "geometry"),
    [
        ("<georss:box>10 20 30 40</georss:box>", (20.0, 10.0, 40.0, 30.0), None),
        ("<georss:point>10 20</georss:point>", None, {"type": "Point", "coordinates": [20.0, 10.0]}),
        (
            "<georss:polygon>0 0 0 2 2 2 0 0</georss:polygon>",
            None,
            {"type": "Polygon", "coordinates": [[[0, 0], [2, 0], [2, 2], [0, 0]]]},
        ),
        (
            "<georss:where><gml:Polygon><gml:posList>0 0 0 2 2 2 0 0</gml:posList></gml:Polygon></georss:where>",
            None,
            {"type": "Polygon", "coordinates": [[[0, 0], [2, 0], [2, 2], [0, 0]]]},
        ),
        (
            f"<georss:where>{ENVELOPE}</georss:where>",
            (20.0, 10.0, 40.0, 30.0),
            None,
        ),
        ("<georss:where/>", None, None),
    ],
)
def test_where_an_entry_is(place: str, box: Any, geometry: Any) -> None:
    found = entry(place)
    assert (found.extent.bbox, found.extent.geometry, found.issues) == (box, geometry, ())


@pytest.mark.parametrize(
    "inside",
    [
        "<georss:box>a b c d</georss:box>",
        "<georss:box>95 0 99 1</georss:box>",
        "<dc:date>soon</dc:date>",
        "<dc:date>2021-01-01/2020-01-01</dc:date>",
        "<link rel='enclosure'/>",
    ],
)
def test_what_cannot_be_read_is_a_warning(inside: str) -> None:
    assert len(entry(inside).issues) == 1


def test_a_feature_has_every_field_that_it_offers() -> None:
    record = feature(
        {
            "identifier": "x",
            "title": "Ice",
            "abstract": "About",
            "keyword": ["sea ice"],
            "date": "2010-01-01/2011-12-31",
            "updated": "2021-01-01T00:00:00Z",
            "publisher": "ESA",
            "productType": "GRD",
            "acquisitionInformation": [
                {"platform": {"platformShortName": "Sentinel-1"}, "instrument": {"instrumentShortName": "SAR"}}
            ],
            "links": {
                "data": [{"href": "data.nc", "type": "application/x-netcdf"}],
                "search": [{"href": "osdd?id=x", "type": "application/opensearchdescription+xml"}],
            },
        },
        geometry={"type": "Point", "coordinates": [1, 2]},
    )
    assert (record.kind, record.title, record.description, record.provider) == ("dataset", "Ice", "About", "ESA")
    assert (record.extent.start, record.extent.end) == (1_262_304_000_000, 1_325_375_999_999)
    assert (record.product_type, record.keywords, record.formats) == ("GRD", ("sea ice",), ("NetCDF",))
    assert [each.href for each in record.assets] == ["https://h.org/data.nc"]
    assert ("search", "https://h.org/osdd?id=x") in [(each.rel, each.href) for each in record.links]
    assert record.missions
    assert record.instruments
    assert record.issues == ()


@pytest.mark.parametrize(
    "properties",
    [
        {"date": 5, "links": {"data": [5, {}]}, "acquisitionInformation": "x"},
        {"date": "/", "links": [5], "acquisitionInformation": [{"platform": "Envisat", "instrument": 7}]},
        {"links": {"data": "x"}, "title": [], "keyword": {}},
    ],
)
def test_odd_features_stop_nothing(properties: dict[str, Any]) -> None:
    assert feature(properties).kind == "dataset"


def test_a_feature_without_properties_is_none() -> None:
    with pytest.raises(RecordError, match="not an object"):
        feature(None)


@pytest.mark.parametrize(
    ("element", "name"),
    [
        ({"id": "a", "properties": {"identifier": "b"}}, "b"),
        ({"id": "a", "properties": None}, "a"),
        ({"id": 5}, ""),
        ({"properties": {"identifier": "x\0"}}, ""),
        (xml.parse(f"<entry {SPACES}><id>a</id><dc:identifier>b</dc:identifier></entry>".encode()), "b"),
        (xml.parse(f"<entry {SPACES}><id> a </id></entry>".encode()), "a"),
        (xml.parse(f"<entry {SPACES}/>".encode()), ""),
    ],
    ids=["identifier", "id", "number", "control", "dc", "atom", "none"],
)
def test_an_identifier_comes_before_an_id(element: Any, name: str) -> None:
    assert opensearch_entry.identity(element) == name
