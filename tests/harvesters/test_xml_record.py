"""Every sample document becomes a record, or is named with its reason."""

from __future__ import annotations

import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from discovery.errors import RecordError
from discovery.model.record import Record
from discovery.model.source import RawRecord
from harvesters import xml_page, xml_record
from harvesters.defaults import Defaults
from harvesters.iso_tree import name

SAMPLES = Path(__file__).parents[2] / "fixtures" / "sources" / "iso" / "samples.tar.gz"
DEFAULTS = Defaults("s", fallback_domain="earth-observation")
AROUND = frozenset({"SearchResults", "ListRecords", "GetRecordByIdResponse"})
# Kind, beginning of the title, box, whether it has a time, links, files, contacts, and issues of each sample.
# fmt: off
TABLE: dict[str, list[tuple[str, str, tuple[float, ...] | None, bool, int, int, int, tuple[str, ...]]]] = {
    "iso19139/3e9a8c05.xml": [
        ("service", "test Title", (19.37, 34.8, 29.61, 41.75), True, 1, 0, 1, ()),
    ],
    "iso19139/T_aerfo_RAS_1991_GR800P001800000012.xml": [
        ("dataset", "Aerial Photos", (20.0, 38.0, 24.0, 40.0), True, 1, 0, 1, ()),
    ],
    "iso19139/T_ortho_RAS_1998_284404.xml": [
        ("dataset", "Ortho", (21.48, 39.76, 21.53, 39.79), True, 1, 0, 1, ()),
    ],
    "iso19139/T_pmoed_DTM_1996_276395.xml": [
        ("dataset", "DTM", (19.0, 34.0, 30.0, 42.0), True, 1, 0, 1, ()),
    ],
    "iso19139/auscope-iso19139-geoprovinces.xml": [
        ("dataset", "ProvinceFullExtent", (106.57, -49.86, 171.88, -3.63), False, 2, 0, 1, ()),
    ],
    "iso19139/iso_19115-2_Sentinel-2-scene.xml": [
        ("dataset", "S2B_MSIL2A_20200902T0905", (22.24, 36.95, 22.32, 37.22), True, 0, 36, 0, ()),
    ],
    "iso19139/owslib_17bd184a-7e7d-4f81-95a5-041449a7212b_iso.xml": [
        ("dataset", "Air temperature", (-9.5, 36.96, -6.19, 42.15), False, 1, 0, 2, ()),
    ],
    "iso19139/owslib_9250AA67-F3AC-6C12-0CB9-0662231AA181_iso.xml": [
        ("dataset", "ALLSPECIES", None, False, 0, 0, 1, ()),
    ],
    "iso19139/owslib_iso19139_srv.xml": [
        ("service", "ALKIS®-vereinfacht ohne ", (8.95, 47.25, 13.91, 50.56), False, 5, 1, 1, ()),
    ],
    "iso19139/owslib_iso_keywords_anchor.xml": [
        ("dataset", "CE0911 Climate Change Su", (-15.15, 49.8, -8.25, 54.63), True, 3, 0, 1, ()),
    ],
    "iso19139/owslib_iso_mi.xml": [
        ("dataset", "title in English", (-141.0, 42.0, -52.0, 84.0), True, 0, 0, 1, ()),
    ],
    "iso19139/pycsw_swapped-bbox-axes.xml": [
        ("dataset", "Aerial Photos", (20.0, 24.0, 38.0, 40.0), True, 1, 0, 2, ()),
    ],
    "iso19115-3/owslib_arcgis-sample.xml": [
        ("service", "Overview > Item Descript", (-180.0, -90.0, 180.0, 90.0), True, 2, 0, 5, ()),
    ],
    "iso19115-3/owslib_auscope-3d-model.xml": [
        ("dataset", "3D geological model of t", (143.0, -39.4, 144.0, -38.4), False, 4, 0, 7, ()),
    ],
    "iso19115-3/owslib_metawal.wallonie.be-catchments.xml": [
        ("dataset", "Protection des captages ", (2.75, 49.45, 6.5, 50.85), False, 6, 2, 3, ()),
    ],
    "iso19115-3/owslib_metawal.wallonie.be-srv.xml": [
        ("service", "INSPIRE - Santé et sécur", (2.75, 49.45, 6.51, 50.85), False, 2, 1, 3, ()),
    ],
    "csw/Record_19887a8a-f6b0-4a63-ae56-7fba0e17801f.xml": [
        ("dataset", "Lorem ipsum", None, False, 0, 0, 0, ()),
    ],
    "csw/Record_1ef30a8b-876d-4828-9246-c37ab4510bbd.xml": [
        ("service", "urn:uuid:1ef30a8b-876d-4", (13.75, 60.04, 17.92, 68.41), False, 0, 0, 0, ("no-title",)),
    ],
    "csw/Record_66ae76b7-54ba-489b-a582-0f0633d96493.xml": [
        ("document", "Maecenas enim", None, False, 0, 0, 0, ()),
    ],
    "csw/Record_6a3de50b-fa66-4b58-a0e6-ca146fdd18d4.xml": [
        ("service", "Ut facilisis justo ut la", None, False, 0, 0, 0, ()),
    ],
    "csw/Record_784e2afd-a9fd-44a6-9a92-a3848371c8ec.xml": [
        ("document", "Aliquam fermentum purus ", None, False, 0, 0, 0, ()),
    ],
    "csw/Record_829babb0-b2f1-49e1-8cd5-7b489fe71a1e.xml": [
        ("dataset", "Vestibulum massa purus", None, False, 0, 0, 0, ()),
    ],
    "csw/Record_88247b56-4cbc-4df9-9860-db3f8042e357.xml": [
        ("dataset", "urn:uuid:88247b56-4cbc-4", None, False, 0, 0, 0, ("no-title",)),
    ],
    "csw/Record_94bc9c83-97f6-4b40-9eb8-a8e8787a5c63.xml": [
        ("dataset", "Mauris sed neque", (-4.1, 47.59, 0.89, 51.22), False, 0, 0, 0, ()),
    ],
    "csw/Record_9a669547-b69b-469f-a11f-2d875366bbdc.xml": [
        ("dataset", "Ñunç elementum", (-6.17, 44.79, -2.23, 51.13), False, 0, 0, 0, ()),
    ],
    "csw/Record_a06af396-3105-442d-8b40-22b57a90d2f2.xml": [
        ("dataset", "Lorem ipsum dolor sit am", None, False, 0, 0, 0, ()),
    ],
    "csw/Record_ab42a8c4-95e8-4630-bf79-33e59241605a.xml": [
        ("service", "urn:uuid:ab42a8c4-95e8-4", None, False, 0, 0, 0, ("no-title",)),
    ],
    "csw/Record_e9330592-0932-474b-be34-c3a3bb67c7db.xml": [
        ("document", "Fuscé vitae ligulä", None, False, 0, 0, 0, ()),
    ],
    "csw/owslib_csw_dov_getrecordbyid.xml": [
        ("dataset", "Grondwatermeetnetten", (2.55, 50.7, 5.9, 51.49), True, 8, 2, 2, ()),
    ],
    "csw/owslib_csw_geobretagne_mdmetadata.xml": [
        ("dataset", "Cadastre 2018 en Bretagn", (-5.24, 46.76, -1.19, 49.3), False, 2, 0, 2, ()),
    ],
    "csw/owslib_inspire-getrecords-response.xml": [
        ("service", "SUVIM station network WM", None, False, 2, 1, 2, ()),
        ("service", "CSW Suchdienst der ZAMG", (9.53, 46.41, 17.17, 49.02), False, 1, 0, 1, ()),
    ],
    "csw/pycsw_iso19115-3_GetRecords.xml": [
        ("dataset", "3D geological model of t", (143.0, -39.4, 144.0, -38.4), False, 4, 0, 7, ()),
        ("dataset", "ProvinceFullExtent", (106.57, -49.86, 171.88, -3.63), False, 2, 0, 1, ()),
        ("dataset", "Protection des captages ", (2.75, 49.45, 6.5, 50.85), False, 6, 2, 3, ()),
        ("service", "INSPIRE - Santé et sécur", (2.75, 49.45, 6.51, 50.85), False, 2, 1, 3, ()),
    ],
    "csw/pycsw_oaipmh_ListRecords_iso19139.xml": [
        ("dataset", "Lorem ipsum", None, False, 0, 0, 0, ()),
        ("service", "urn:uuid:1ef30a8b-876d-4", (13.75, 60.04, 17.92, 68.41), False, 0, 0, 0, ("no-title",)),
        ("document", "Maecenas enim", None, False, 0, 0, 0, ()),
        ("service", "Ut facilisis justo ut la", None, False, 0, 0, 0, ()),
        ("document", "Aliquam fermentum purus ", None, False, 0, 0, 0, ()),
        ("dataset", "Vestibulum massa purus", None, False, 0, 0, 0, ()),
        ("dataset", "urn:uuid:88247b56-4cbc-4", None, False, 0, 0, 0, ("no-title",)),
        ("dataset", "Mauris sed neque", (-4.1, 47.59, 0.89, 51.22), False, 0, 0, 0, ()),
        ("dataset", "Ñunç elementum", (-6.17, 44.79, -2.23, 51.13), False, 0, 0, 0, ()),
        ("dataset", "Lorem ipsum dolor sit am", None, False, 0, 0, 0, ()),
    ],
}
# fmt: on
REASONS = {
    "dif-fgdc/9250AA67-F3AC-6C12-0CB9-0662231AA181_dif.xml": "unknown-standard",
    "dif-fgdc/9250AA67-F3AC-6C12-0CB9-0662231AA181_fgdc.xml": "unknown-standard",
}


@pytest.fixture(scope="module")
def samples() -> Mapping[str, bytes]:
    with tarfile.open(SAMPLES) as archive:
        found = {member.name: archive.extractfile(member) for member in archive if member.isfile()}
        return {path: file.read() for path, file in found.items() if file is not None}


def elements(body: bytes) -> list[Any]:
    """Return the roots of the metadata documents in a sample, which may be the answer of a service."""
    root = xml_record.parse(RawRecord("records", "", body))
    if name(root) not in ("GetRecordsResponse", "GetRecordByIdResponse", "OAI-PMH"):
        return [root]
    cut = [xml_record.parse(RawRecord("records", "", each.body)) for each in xml_page.cut(body, AROUND).elements]
    held = [next(each.iter("{*}metadata")) if name(each) == "record" else each for each in cut]
    return [each[0] if name(each) == "metadata" else each for each in held if name(each) != "resumptionToken"]


def mapped(root: Any) -> Record:
    raw = RawRecord("records", xml_record.identity(root), b"")
    return xml_record.to_mapped(raw, root, DEFAULTS).record


@pytest.mark.parametrize(("path", "number"), [(path, n) for path, rows in TABLE.items() for n in range(len(rows))])
def test_a_sample_is_what_the_table_says(samples: Mapping[str, bytes], path: str, number: int) -> None:
    kind, title, box, timed, links, files, contacts, issues = TABLE[path][number]
    record = mapped(elements(samples[path])[number])
    found = record.extent.bbox and tuple(round(side, 2) for side in record.extent.bbox)
    assert (record.kind, record.title[:24], found, record.extent.timed) == (kind, title, box, timed)
    assert (len(record.links), len(record.assets), len(record.contacts)) == (links, files, contacts)
    assert tuple(issue.code for issue in record.issues) == issues
    assert record.domain == "earth-observation"


@pytest.mark.parametrize("path", sorted(REASONS))
def test_a_sample_of_another_standard_is_named_with_its_reason(samples: Mapping[str, bytes], path: str) -> None:
    with pytest.raises(RecordError) as caught:
        mapped(elements(samples[path])[0])
    assert caught.value.code == REASONS[path]


def test_every_sample_is_in_the_table_or_has_its_reason(samples: Mapping[str, bytes]) -> None:
    named = {path: len(rows) for path, rows in TABLE.items()} | dict.fromkeys(REASONS, 1)
    assert named == {path: len(elements(body)) for path, body in samples.items()}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"<Record xmlns='http://www.opengis.net/cat/csw/2.0.2'/>", "missing-id"),
        (b"<MD_Metadata xmlns='http://www.isotc211.org/2005/gmd'/>", "missing-id"),
        (b"<Record><identifier>%s</identifier></Record>" % (b"x" * 70_000), "bad-id"),
        (b"<html><body/></html>", "unknown-standard"),
        (b"<!DOCTYPE Record []><Record/>", "dtd"),
        (b"<Record>", "broken-xml"),
        (b"<Record>" + b"<a/>" * 400_000 + b"</Record>", "too-large"),
    ],
)
def test_what_is_no_record_has_a_code(body: bytes, code: str) -> None:
    raw = RawRecord("records", "", body)
    with pytest.raises(RecordError) as caught:
        xml_record.to_mapped(raw, xml_record.parse(raw), DEFAULTS)
    assert caught.value.code == code
    if code in ("missing-id", "bad-id"):
        assert xml_record.identity(xml_record.parse(raw)) == ""
