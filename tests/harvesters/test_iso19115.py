from __future__ import annotations

import runpy
import tarfile
import time
from pathlib import Path
from typing import Any

import pytest

from discovery.model.instant import instant
from discovery.model.record import Contact, Record, record_id
from harvesters import iso19115, xml
from harvesters.defaults import Defaults

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "fixtures" / "sources" / "iso" / "samples.tar.gz"
MADE = runpy.run_path(str(ROOT / "tests" / "peers" / "pycsw" / "records.py"))
DEFAULTS = Defaults("s", fallback_domain="earth-observation")
SPACES = (
    'xmlns:gco="http://www.isotc211.org/2005/gco" xmlns:gmx="http://www.isotc211.org/2005/gmx" '
    'xmlns:xlink="http://www.w3.org/1999/xlink" xmlns:srv="http://www.isotc211.org/2005/srv"'
)


def mapped(body: bytes, defaults: Defaults = DEFAULTS) -> Record:
    root = xml.parse(body)
    return iso19115.to_record(root, "records", iso19115.identity(root) or "x", defaults)


def sample(path: str) -> Record:
    with tarfile.open(SAMPLES) as archive:
        file = archive.extractfile(path)
        assert file is not None
        return mapped(file.read())


def document(identification: str = "", top: str = "", kind: str = "MD_DataIdentification") -> bytes:
    inside = f"<identificationInfo><{kind}>{identification}</{kind}></identificationInfo>"
    return (
        f'<MD_Metadata xmlns="http://www.isotc211.org/2005/gmd" {SPACES}>'
        f"<fileIdentifier>{text('a')}</fileIdentifier>{top}{inside}</MD_Metadata>"
    ).encode()


def text(value: str) -> str:
    return f"<gco:CharacterString>{value}</gco:CharacterString>"


def code(name: str, value: str) -> str:
    return f'<{name} codeListValue="{value}"/>'


def citation(inside: str) -> str:
    return f"<citation><CI_Citation><title>{text('T')}</title>{inside}</CI_Citation></citation>"


def date(value: str, kind: str) -> str:
    return (
        f"<date><CI_Date><date><gco:Date>{value}</gco:Date></date>"
        f"<dateType>{code('CI_DateTypeCode', kind)}</dateType></CI_Date></date>"
    )


def test_a_record_has_everything_that_its_document_says() -> None:
    record = mapped(MADE["iso"](5).encode())
    assert record.source_id == MADE["identifier"](5)
    assert record.metadata_updated == int(MADE["modified"](5).timestamp() * 1000)
    assert (record.kind, record.provider, record.license, record.doi) == (
        "dataset",
        "Institute 5",
        "CC-BY-4.0",
        "10.5072/peer.5",
    )
    assert record.title.endswith(" 5")
    assert record.description.startswith(record.title)
    assert record.contacts == (Contact("Institute 5", "Institute 5", ("pointOfContact",)),)
    assert [(each.href, each.media_type, each.roles) for each in record.assets] == [
        ("https://example.org/data/5.nc", "application/x-netcdf", ("data",))
    ]
    assert [(each.rel, each.media_type) for each in record.links] == [("service", "OGC:WMS")]
    assert record.formats == ("NetCDF",)
    assert record.properties["thesaurus"] == "Words of the peer"
    assert len(record.keywords) == 2
    assert record.extent.bbox is not None
    assert record.extent.timed
    assert record.issues == ()


def test_mail_addresses_stay_where_they_are() -> None:
    assert b"@" not in mapped(MADE["iso"](5).encode()).to_json()


def test_acquisition_and_content_of_a_scene_are_facets_and_numbers() -> None:
    record = sample("iso19139/iso_19115-2_Sentinel-2-scene.xml")
    assert (record.missions, record.instruments) == (("earth-observation/sentinel-2",), ())
    assert record.numbers["cloud_cover"] == pytest.approx(0.082857)
    landsat = sample("iso19139/owslib_iso_mi.xml")
    assert (landsat.missions, landsat.instruments) == (("earth-observation/landsat/landsat-8",), ("OLI_TIRS",))
    assert (landsat.level, landsat.numbers["cloud_cover"]) == ("1.0", 72.0)


def test_a_document_in_other_languages_keeps_them() -> None:
    record = sample("iso19139/owslib_iso_mi.xml")
    assert (record.title, record.properties["title_fr"], record.properties["abstract_fr"]) == (
        "title in English",
        "title in French",
        "abstract in French",
    )


def test_the_address_of_an_anchor_names_a_licence() -> None:
    assert sample("iso19139/owslib_iso_keywords_anchor.xml").license == "CC-BY-4.0"
    assert sample("iso19115-3/owslib_auscope-3d-model.xml").license == "CC-BY-4.0"


def test_people_of_19115_3_know_their_organisation() -> None:
    contacts = {each.name: each for each in sample("iso19115-3/owslib_auscope-3d-model.xml").contacts}
    assert contacts["Anthony Hurst"].organization == "Earth Resources Victoria"
    assert contacts["AuScope"].roles == ("funder",)


def test_dates_of_the_data_and_of_the_metadata_are_two_things() -> None:
    given = citation(
        date("2001-02-03", "creation") + date("1999-01-01", "publication") + date("2004", "revision")
        + date("2005", "revision")
    )  # fmt: skip
    record = mapped(document(given, "<dateStamp><gco:Date>2020-01-01</gco:Date></dateStamp>"))
    assert (record.created, record.updated, record.metadata_updated) == tuple(
        instant(each) for each in ("2001-02-03", "2005", "2020-01-01")
    )


@pytest.mark.parametrize(
    ("scope", "kind", "codes"),
    [
        ("dataset", "dataset", []),
        ("series", "dataset", []),
        ("nonGeographicDataset", "dataset", []),
        ("service", "service", []),
        ("document", "document", []),
        ("software", "pipeline", []),
        ("http://purl.org/dc/dcmitype/Image", "dataset", []),
        ("fieldwork", "dataset", ["unknown-scope"]),
    ],
)
def test_the_scope_says_the_kind(scope: str, kind: str, codes: list[str]) -> None:
    top = f"<hierarchyLevel>{code('MD_ScopeCode', scope)}</hierarchyLevel>"
    record = mapped(document(citation(""), top))
    assert (record.kind, [each.code for each in record.issues]) == (kind, codes)


def test_a_service_is_one_without_a_scope_and_its_operations_are_links_to_it() -> None:
    inside = (
        f"{citation('')}<srv:serviceType><gco:LocalName>OGC:WFS</gco:LocalName></srv:serviceType>"
        "<srv:containsOperations><srv:SV_OperationMetadata><srv:connectPoint><CI_OnlineResource>"
        "<linkage><URL>http://e/ows</URL></linkage></CI_OnlineResource></srv:connectPoint>"
        "</srv:SV_OperationMetadata></srv:containsOperations>"
    )
    record = mapped(document(inside, kind="SV_ServiceIdentification"))
    assert (record.kind, record.properties["service_type"]) == ("service", "OGC:WFS")
    assert [(each.rel, each.media_type, each.href) for each in record.links] == [("service", "OGC:WFS", "http://e/ows")]


def test_a_parent_is_the_dataset_of_a_record() -> None:
    parent = f"<parentIdentifier>{text('b')}</parentIdentifier>"
    assert mapped(document(citation(""), parent)).dataset == record_id("s", "records", "b")
    itself = f"<parentIdentifier>{text('a')}</parentIdentifier>"
    assert mapped(document(citation(""), itself)).dataset == ""
    larger = (
        "<aggregationInfo><MD_AggregateInformation><aggregateDataSetIdentifier><MD_Identifier>"
        f"<code>{text('c')}</code></MD_Identifier></aggregateDataSetIdentifier><associationType>"
        f"{code('DS_AssociationTypeCode', 'largerWorkCitation')}</associationType>"
        "</MD_AggregateInformation></aggregationInfo>"
    )
    assert mapped(document(citation("") + larger)).dataset == record_id("s", "records", "c")


@pytest.mark.parametrize(
    ("inside", "license", "access"),
    [
        ("<useLimitation>{}</useLimitation>", "CC-BY-4.0", "open"),
        ("<otherConstraints>{}</otherConstraints>", "CC-BY-4.0", "open"),
        ("<accessConstraints><C codeListValue='restricted'/></accessConstraints>", "", "restricted"),
        ("<accessConstraints><C codeListValue='otherRestrictions'/></accessConstraints>", "", "open"),
    ],
)
def test_constraints_say_the_licence_and_who_may_see_it(inside: str, license: str, access: str) -> None:
    words = text("Free under https://creativecommons.org/licenses/by/4.0/ for all")
    given = (
        f"<resourceConstraints><MD_LegalConstraints>{inside.format(words)}</MD_LegalConstraints></resourceConstraints>"
    )
    record = mapped(document(citation("") + given))
    assert (record.license, record.access) == (license, access)


def test_resolution_scale_and_size_are_numbers_and_words() -> None:
    given = (
        '<spatialResolution><MD_Resolution><distance><gco:Distance uom="km">0.5</gco:Distance></distance>'
        '</MD_Resolution></spatialResolution><spatialResolution><MD_Resolution><distance><gco:Distance uom="#m">'
        "20</gco:Distance></distance></MD_Resolution></spatialResolution><spatialResolution><MD_Resolution>"
        "<equivalentScale><MD_RepresentativeFraction><denominator><gco:Integer>5000</gco:Integer></denominator>"
        "</MD_RepresentativeFraction></equivalentScale></MD_Resolution></spatialResolution>"
    )
    top = (
        "<distributionInfo><MD_Distribution><transferOptions><MD_DigitalTransferOptions><transferSize>"
        "<gco:Real>1.5</gco:Real></transferSize></MD_DigitalTransferOptions></transferOptions></MD_Distribution>"
        "</distributionInfo>"
    )
    record = mapped(document(citation("") + given, top))
    assert record.numbers == {"resolution": 20.0, "size": 1_500_000.0}
    assert record.properties["scale"] == "1:5000"


def test_pictures_are_overviews() -> None:
    given = (
        f"<graphicOverview><MD_BrowseGraphic><fileName>{text('http://e/x.png')}</fileName>"
        "</MD_BrowseGraphic></graphicOverview>"
    )
    record = mapped(document(citation("") + given))
    assert [(each.href, each.roles) for each in record.assets] == [("http://e/x.png", ("overview",))]


def test_an_operator_s_words_fill_what_a_document_lacks() -> None:
    defaults = Defaults("s", "", "Somebody", "Sentinel-2", (("example", "true"),), "earth-observation")
    record = mapped(document(citation("")), defaults)
    assert (record.provider, record.missions) == ("Somebody", ("earth-observation/sentinel-2",))
    assert (record.domain, record.properties["example"]) == ("earth-observation", "true")


@pytest.mark.parametrize(
    ("body", "codes"),
    [
        (b"<MD_Metadata/>", {"no-identification", "no-title"}),
        (document(), {"no-title"}),
        (document(citation(date("0000-00-00", "creation"))), {"bad-date"}),
        (document(citation(date("soon", "creation"))), {"bad-date"}),
        (document(f"<abstract>{text('x' * 300_000)}</abstract>" + citation("")), {"too-long"}),
    ],
)
def test_what_is_odd_is_noted_and_stops_nothing(body: bytes, codes: set[str]) -> None:
    record = mapped(body)
    assert {each.code for each in record.issues} == codes
    assert Record.from_json(record.to_json()) == record


def test_a_profile_is_read_by_the_names_of_the_standard() -> None:
    swiss = document(citation("")).replace(b"MD_Metadata", b"CHE_MD_Metadata").replace(b"MD_Data", b"CHE_MD_Data")
    assert (mapped(swiss).title, mapped(swiss).source_id, iso19115.is_iso(xml.parse(swiss))) == ("T", "a", True)


def test_properties_that_refer_to_something_else_stop_nothing() -> None:
    names = [
        "citation", "abstract", "descriptiveKeywords", "extent", "pointOfContact", "resourceConstraints",
        "graphicOverview", "spatialResolution", "topicCategory", "aggregationInfo", "language",
    ]  # fmt: skip
    for inside in ("", "<x/>", "words", "<x><y/></x>", text("x")):
        given = "".join(f"<{name} xlink:href='#1'>{inside}</{name}>" for name in names)
        top = "".join(
            f"<{name}>{inside}</{name}>"
            for name in ("hierarchyLevel", "contact", "dateStamp", "distributionInfo", "dataQualityInfo",
                         "contentInfo", "referenceSystemInfo", "parentIdentifier", "acquisitionInformation")
        )  # fmt: skip
        assert mapped(document(given, top)).id


def test_mapping_is_quick() -> None:
    """The figure that counts is that of `make bench-harvest`; here a part of it must be reached on any machine."""
    bodies = [MADE["iso"](number).encode() for number in range(200)]
    mapped(bodies[0])
    took = []
    for _ in range(3):
        began = time.process_time()
        found: list[Any] = [mapped(body) for body in bodies]
        assert len(found) == 200
        took.append(time.process_time() - began)
    assert 200 / min(took) > 200
