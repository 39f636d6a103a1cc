from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import orjson
import pytest

from discovery.errors import RecordError
from discovery.model.source import Quarantined, RawRecord
from harvesters import standards
from harvesters.defaults import Defaults

FIXTURES = Path(__file__).parents[2] / "fixtures" / "sources"
DUBLIN_CORE = (
    b'<csw:Record xmlns:csw="http://www.opengis.net/cat/csw/2.0.2" xmlns:dc="http://purl.org/dc/elements/1.1/">'
    b"<dc:identifier>dc-1</dc:identifier><dc:title>T</dc:title></csw:Record>"
)
RESULTS = b'<r:X xmlns:r="r"><r:SearchResults>%s<r:Other/></r:SearchResults></r:X>' % DUBLIN_CORE
RDF = (
    b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:dcat="http://www.w3.org/ns/dcat#">'
    b"%s</rdf:RDF>"
)


def feature(id: str, **more: Any) -> dict[str, Any]:
    given = {"type": "Feature", "id": id, "geometry": None, "properties": {"type": "dataset", "title": "T"}}
    return {**given, **more}


def found(document: Any) -> list[tuple[str, str] | str]:
    """Return container and id of each element that becomes a record, and the code of each that does not."""
    body = document if isinstance(document, bytes) else orjson.dumps(document)
    out: list[tuple[str, str] | str] = []
    for each in standards.elements(body, "https://h.org/x", "x"):
        if isinstance(each, Quarantined):
            out.append(each.issue.code)
            continue
        try:
            record = standards.to_mapped(each, standards.parse(each), Defaults("s")).record
        except RecordError as error:
            out.append(error.code)
        else:
            assert (record.container, record.source_id) == (each.container, each.source_id)
            out.append((record.container, record.source_id))
    return out


ITEM = feature("i", stac_version="1.0.0", collection="c", properties={"datetime": "2020-01-01T00:00:00Z"})
COLLECTION = {"type": "Collection", "stac_version": "1.0.0", "id": "c", "links": []}
POINT = feature("p", properties={"height": 5})


CASES: list[tuple[Any, list[tuple[str, str] | str]]] = [
    (feature("r"), [("records", "r")]),
    (
        feature("r", properties={}, conformsTo=["http://www.opengis.net/spec/ogcapi-records-1/1.0/req/record-core"]),
        [("records", "r")],
    ),
    (feature("r", properties={"title": "T"}, time=None, links=[]), [("records", "r")]),
    (feature("r", properties={"type": "who knows", "title": "T"}), ["unknown-type"]),
    (feature("", properties={"type": "dataset"}), ["missing-id"]),
    (ITEM, [("c", "i")]),
    (COLLECTION, [("collections", "c")]),
    ({"type": "Catalog", "id": "x", "stac_version": "1.0.0", "links": []}, []),
    ({"type": "Collection", "id": "x", "itemType": "record", "links": []}, []),
    ({"id": "x", "itemType": "record", "links": [], "records": [feature("r")]}, [("records", "r")]),
    ({"id": "f", "itemType": "feature", "extent": {}, "links": []}, [("collections", "f")]),
    ({"collections": [COLLECTION, {"id": "x", "itemType": "record", "links": []}]}, [("collections", "c")]),
    ({"collections": [{"id": "x", "itemType": "record", "links": []}]}, []),
    (
        {"type": "FeatureCollection", "features": [feature("a"), ITEM, POINT]},
        [("records", "a"), ("c", "i"), "unknown-type"],
    ),
    # A file of data, of which there may be millions, is one thing that is left out.
    ({"type": "FeatureCollection", "features": [POINT] * 9}, ["unknown-type"]),
    ({"type": "FeatureCollection", "features": []}, []),
    ([feature("a"), 5, ITEM], [("records", "a"), "not-an-object", ("c", "i")]),
    ({"@type": "dcat:Dataset", "@id": "urn:d", "dct:title": "T"}, [("datasets", "urn:d")]),
    ({"@type": "dcat:Dataset", "dct:title": "T"}, ["missing-id"]),
    ({"name": "package.json"}, ["unknown-type"]),
    (5, ["not-an-object"]),
    (b"{", ["broken-json"]),
    (b"\xef\xbb\xbf" + orjson.dumps(feature("r")), [("records", "r")]),
    (b'{"id": "a"', ["broken-json"]),
    (
        b"\n".join([orjson.dumps(feature("a")), b"", b"{", orjson.dumps(ITEM)]),
        [("records", "a"), "broken-json", ("c", "i")],
    ),
    (gzip.compress(orjson.dumps(feature("r"))), [("records", "r")]),
    (gzip.compress(bytes(range(256)))[:30], ["broken-archive"]),
    (DUBLIN_CORE, [("metadata", "dc-1")]),
    (RESULTS, [("metadata", "dc-1"), "unknown-standard"]),
    (DUBLIN_CORE.decode().encode("utf-16"), [("metadata", "dc-1")]),
    (b"<a><b></a>", ["broken-xml"]),
    (b'<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>', ["dtd"]),
    (b"<unknown/>", ["unknown-standard"]),
    (RDF % b'<dcat:Dataset rdf:about="urn:d"/>', [("datasets", "urn:d")]),
    (RDF % b'<rdf:Description rdf:about="urn:d"/>', ["unknown-type"]),
    (b"<?xml version='1.0'?><!DOCTYPE html><html/>", []),
]


@pytest.mark.parametrize(("document", "expected"), CASES, ids=map(str, range(len(CASES))))
def test_what_a_document_is_stands_in_it(document: Any, expected: list[tuple[str, str] | str]) -> None:
    assert found(document) == expected


@pytest.mark.parametrize(
    ("path", "count"),
    [
        ("ogc-records/pycsw.json", 18),
        ("ogc-records/spec_record.json", 1),
        ("ogc-records/spec_catalog.json", 0),
        ("ogc-records/wcmp2/wcmp2-passing.json", 1),
        ("stac-items/earth-search/items.json", 2),
        ("stac-items/planetary-computer/items.ndjson", 3),
        ("stac-items/planetary-computer/collection.json", 1),
        ("dcat/dcat-us.json", 3),
        ("dcat/dcat-ap.jsonld", 2),
    ],
)
def test_the_samples_are_told(path: str, count: int) -> None:
    taken = found((FIXTURES / path).read_bytes())
    assert len(taken) == count
    assert all(isinstance(each, tuple) for each in taken)


# Documents among the samples that describe nothing, each with what becomes of it and why.
NO_RECORDS = {
    "spec_landingPage.json": ["unknown-type"],  # the way into a service
    "spec_conformance.json": ["unknown-type"],  # what a service conforms to
    "spec_collections.json": [],  # a list of catalogues, each of which leads to a service
    "spec_catalog.json": [],  # a catalogue
    "spec_queryables.json": ["unknown-type"],  # a JSON Schema
    "spec_sortables.json": ["unknown-type"],  # the same
    "spec_templated-link-inline.json": ["unknown-type"],  # a part of a record
    "spec_templated-link-ref.json": ["unknown-type"],  # the same
    "spec_variables.json": ["unknown-type"],  # what fills the gaps of a link
}


@pytest.mark.parametrize("name", NO_RECORDS)
def test_samples_that_are_no_records_are_named_with_their_reason(name: str) -> None:
    assert found((FIXTURES / "ogc-records" / name).read_bytes()) == NO_RECORDS[name]


def test_every_sample_of_records_is_in_one_of_the_tables() -> None:
    whole = {"pycsw.json", "pygeoapi.json", "spec_record.json"}
    names = {path.name for path in (FIXTURES / "ogc-records").glob("*.json")}
    assert names == whole | NO_RECORDS.keys()
    # The one that is no JSON is not even looked at; the others are in test_ogc_records.py.
    (other,) = (path for path in (FIXTURES / "ogc-records" / "wcmp2").iterdir() if path.suffix != ".json")
    assert not standards.looks_like_metadata(other.read_bytes())


@pytest.mark.parametrize(
    ("beginning", "maybe"),
    [
        (b'  {"a"', True),
        (b"\xef\xbb\xbf[", True),
        (b"<?xml version", True),
        (b"<gmd:MD", True),
        (b"\x1f\x8b\x08", True),
        (b"\xff\xfe<\0", True),
        (b"<!doctype HTML>", False),
        (b"\n<html>", False),
        (b"<?xml version='1.0'?>\n<!-- x --><html>", False),
        (b"\x89PNG", False),
        (b"a,b", False),
        (b"< 5", False),
        (b"", False),
    ],
)
def test_what_may_be_metadata_is_told_by_its_beginning(beginning: bytes, maybe: bool) -> None:
    assert standards.looks_like_metadata(beginning) is maybe


def test_an_archive_that_unpacks_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(standards, "MAX_DOCUMENT", 1000)
    assert found(gzip.compress(b" " * 100_000)) == ["too-large"]


def test_each_element_stands_alone_and_knows_its_place() -> None:
    raws = [
        each
        for each in standards.elements(orjson.dumps([feature("a"), feature("b")]), "https://h.org/x", "x")
        if isinstance(each, RawRecord)
    ]
    assert [orjson.loads(each.body)["id"] for each in raws] == ["a", "b"]
    assert [each.position for each in raws] == ["x 1", "x 2"]
