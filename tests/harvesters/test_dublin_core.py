from __future__ import annotations

from typing import Any

import pytest

from discovery.model.instant import instant, span
from discovery.model.record import Record, record_id
from harvesters import dublin_core, xml
from harvesters.defaults import Defaults

DEFAULTS = Defaults("s", fallback_domain="earth-observation")


def mapped(inside: str, root: str = "csw:Record") -> Record:
    body = (
        f'<{root} xmlns:csw="http://www.opengis.net/cat/csw/2.0.2" xmlns:dc="http://purl.org/dc/elements/1.1/" '
        'xmlns:dct="http://purl.org/dc/terms/" xmlns:ows="http://www.opengis.net/ows" '
        f'xmlns:oai_dc="http://www.openarchives.org/OAI/2.0/oai_dc/"><dc:identifier>a</dc:identifier>{inside}</{root}>'
    )
    parsed = xml.parse(body.encode())
    assert dublin_core.is_dublin_core(parsed)
    assert dublin_core.identity(parsed) == "a"
    return dublin_core.to_record(parsed, "records", "a", DEFAULTS)


@pytest.mark.parametrize("root", ["csw:Record", "csw:SummaryRecord", "csw:BriefRecord", "oai_dc:dc"])
def test_every_element_has_its_place(root: str) -> None:
    record = mapped(
        "<dc:identifier>https://doi.org/10.5072/X</dc:identifier><dc:title>T</dc:title>"
        "<dct:abstract>About\nit</dct:abstract><dc:type>http://purl.org/dc/dcmitype/Dataset</dc:type>"
        "<dc:subject>Oceans</dc:subject><dc:subject>wind</dc:subject><dc:format>text/csv</dc:format>"
        "<dc:creator>C</dc:creator><dc:publisher>P</dc:publisher><dc:contributor>C</dc:contributor>"
        "<dc:rights>CC-BY-4.0</dc:rights><dc:date>2001-02-03</dc:date><dct:modified>2020</dct:modified>"
        "<dc:language>en</dc:language><dct:isPartOf>b</dct:isPartOf>"
        '<dct:references scheme="OGC:WMS">http://e/ows</dct:references>'
        '<dc:URI protocol="WWW:DOWNLOAD-1.0-http--download" name="File">http://e/x.nc</dc:URI>',
        root,
    )
    assert (record.title, record.description, record.kind, record.doi) == ("T", "About\nit", "dataset", "10.5072/x")
    assert (record.keywords, record.themes, record.formats) == (("Oceans", "wind"), ("oceans",), ("CSV",))
    assert [(each.name, each.roles) for each in record.contacts] == [
        ("C", ("creator", "contributor")),
        ("P", ("publisher",)),
    ]
    assert (record.provider, record.license, record.properties["language"]) == ("P", "CC-BY-4.0", "en")
    assert (record.created, record.metadata_updated) == (instant("2001-02-03"), instant("2020"))
    assert (record.dataset, record.external_ids) == (
        record_id("s", "records", "b"),
        ("https://doi.org/10.5072/X",),
    )
    assert {(each.rel, each.href) for each in record.links} == {
        ("service", "http://e/ows"),
        ("cite-as", "https://doi.org/10.5072/X"),
    }
    assert [(each.href, each.title, each.roles) for each in record.assets] == [("http://e/x.nc", "File", ("data",))]
    assert record.issues == ()


def corners(crs: str, lower: str, upper: str, tag: str = "BoundingBox") -> str:
    return (
        f'<ows:{tag} crs="{crs}"><ows:LowerCorner>{lower}</ows:LowerCorner>'
        f"<ows:UpperCorner>{upper}</ows:UpperCorner></ows:{tag}>"
    )


@pytest.mark.parametrize(
    ("inside", "expected", "codes"),
    [
        (corners("urn:x-ogc:def:crs:EPSG:6.11:4326", "47 -4", "51 1"), (-4, 47, 1, 51), []),
        (corners("urn:ogc:def:crs:OGC:1.3:CRS84", "-4 47", "1 51"), (-4, 47, 1, 51), []),
        (corners("", "-4 47", "1 51", "WGS84BoundingBox"), (-4, 47, 1, 51), []),
        (corners("urn:ogc:def:crs:::WGS 1984", "1 47", "-4 51"), (-4, 47, 1, 51), []),
        (corners("urn:ogc:def:crs:EPSG::3857", "1 2", "3 4"), None, ["unknown-crs"]),
        (corners("", "1", "2 3"), None, ["bad-bbox"]),
        (corners("", "x y", "2 3"), None, ["bad-bbox"]),
        (corners("", "1 99", "2 100"), None, ["bad-bbox"]),
        ("<dc:coverage>North 51, South 47, East 1, West -4</dc:coverage>", (-4, 47, 1, 51), []),
        ("<dct:spatial>northlimit=51; southlimit=47; westlimit=-4; eastlimit=1</dct:spatial>", (-4, 47, 1, 51), []),
        ("<dc:coverage>Europe</dc:coverage>", None, []),
    ],
)
def test_a_box_is_read_in_every_way_of_writing_it(inside: str, expected: Any, codes: list[str]) -> None:
    record = mapped(f"<dc:title>T</dc:title>{inside}")
    assert (record.extent.bbox, [each.code for each in record.issues]) == (expected, codes)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("start=2001; end=2002-05", (instant("2001"), span("2002-05")[1])),
        ("start=2001;", (instant("2001"), None)),
        ("scheme=W3C-DTF; begin=2001; end=2002;", (instant("2001"), span("2002")[1])),
        ("last summer", (None, None)),
    ],
)
def test_a_period_in_a_text_is_a_time(text: str, expected: Any) -> None:
    record = mapped(f"<dct:temporal>{text}</dct:temporal>")
    assert (record.extent.start, record.extent.end) == expected


@pytest.mark.parametrize(
    ("type", "kind", "codes"),
    [
        ("http://purl.org/dc/dcmitype/Service", "service", []),
        ("Text", "document", []),
        ("Still Image", "dataset", []),
        ("nonGeographicDataset", "dataset", []),
        ("Whatever", "dataset", ["unknown-type"]),
    ],
)
def test_the_type_says_the_kind(type: str, kind: str, codes: list[str]) -> None:
    record = mapped(f"<dc:title>T</dc:title><dc:type>{type}</dc:type>")
    assert (record.kind, [each.code for each in record.issues]) == (kind, codes)


def test_a_document_without_a_title_is_called_by_its_identifier() -> None:
    record = mapped("")
    assert (record.title, [each.code for each in record.issues]) == ("a", ["no-title"])
