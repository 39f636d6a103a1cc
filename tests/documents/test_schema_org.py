from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest
import rdflib

from discovery.documents import schema_org
from discovery.documents.site import Site
from discovery.model.extent import SKY, Extent
from discovery.model.record import KINDS, Record

Read = Callable[[Mapping[str, Any]], rdflib.Graph]
Valid = Callable[[rdflib.Graph, str], None]


def test_every_record_has_what_google_and_esip_ask_for(
    samples: list[Record], site: Site, read_schema_org: Read, valid: Valid
) -> None:
    others = [schema_org.Format("https://portal.example/x?f=ttl", "text/turtle", "DCAT")]
    everything = rdflib.Graph()
    for each in samples:
        everything += read_schema_org(schema_org.document(each, site, formats=others, seen=0))
    valid(everything, "schema")


def test_the_full_dataset_says_all_of_it(full: Record, site: Site) -> None:
    found = schema_org.document(full, site)
    assert found["@type"] == "Dataset"
    assert found["@id"] == found["url"] == site.record(full.id)
    assert found["license"] == "https://creativecommons.org/licenses/by/4.0/"
    assert found["identifier"][0]["value"] == "doi:10.5281/zenodo.1234567"
    assert found["sameAs"] == "https://doi.org/10.5281/zenodo.1234567"
    assert found["isPartOf"] == {"@id": site.record(full.dataset)}
    assert [(each["@type"], each["name"]) for each in found["creator"]] == [
        ("Person", "Łukasz Öberg"),
        ("Person", "Frost, Ada"),
    ] or [each["name"] for each in found["creator"]] == ["Frost, Ada", "Łukasz Öberg"]
    assert found["publisher"]["name"] == "Ice Institute"
    assert found["includedInDataCatalog"]["url"] == "https://portal.example/"
    assert found["variableMeasured"] == {"@type": "PropertyValue", "name": "sea_ice_thickness"}
    assert found["measurementTechnique"] == "SIRAL"
    assert found["temporalCoverage"] == "2010-07-01T00:00:00Z/2020-12-31T00:00:00Z"
    assert [each["box"] for each in found["spatialCoverage"]["geo"]] == ["60 170 89 180", "60 -180 89 -150"]
    assert [each["contentUrl"] for each in found["distribution"]] == [
        "https://ice.example/data.nc",
        "s3://bucket/data.zarr",
        "https://ice.example/b.tif",
    ]
    assert found["distribution"][0]["contentSize"] == "1234567890 B"
    assert found["image"] == "https://ice.example/t.png"
    assert found["isAccessibleForFree"] is True
    assert found["creditText"] == "Thanks to the Ice Institute"


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_of_a_type_of_its_own(kind: str, site: Site) -> None:
    found = schema_org.document(Record("s", "", "x", kind, "T"), site)
    assert found["@type"] == schema_org.TYPES[kind]
    assert ("includedInDataCatalog" in found) == (kind in ("dataset", "observation"))


def test_a_short_description_is_made_long_enough_and_a_long_one_cut(full: Record, site: Site) -> None:
    short = schema_org.document(replace(full, description="Ice."), site)["description"]
    assert short.startswith("Ice. A dataset by SIRAL, cryosat-2 called Sea ice thickness")
    assert len(schema_org.document(replace(full, description="x" * 9_000), site)["description"]) == 5_000
    assert schema_org.document(full, site, description="Plain " * 20)["description"].startswith("Plain Plain")


def test_the_sky_is_a_place_in_words(site: Site) -> None:
    extent = Extent(frame=SKY, bbox=(1, 2, 3, 4))
    place = schema_org.document(Record("s", "", "x", "dataset", "T", extent=extent), site)["spatialCoverage"]
    assert place["name"].startswith("Sky (ICRS)")
    assert "geo" not in place


def test_no_address_leads_anywhere_but_the_web_and_no_secret_is_told(hostile: Record, full: Record, site: Site) -> None:
    def addresses(value: Any, name: str = "") -> list[str]:
        if isinstance(value, dict):
            return [found for key, each in value.items() for found in addresses(each, key)]
        if isinstance(value, list):
            return [found for each in value for found in addresses(each, name)]
        return [value] if name in ("url", "@id", "license", "sameAs", "contentUrl", "image", "codeRepository") else []

    for record in (hostile, replace(hostile, kind="pipeline"), full):
        document = schema_org.document(record, site)
        assert not [each for each in addresses(document) if not re.match(r"(https?|s3)://", each)]
        told = json.dumps(document)
        assert "secret" not in told
        assert "abcdef" not in told
        assert "@ice.example" not in told


class Scripts(HTMLParser):
    """The elements of a page, and what stands in its scripts."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.data = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.data += data


def test_nothing_ends_the_script_that_holds_it(hostile: Record, site: Site) -> None:
    document = schema_org.document(hostile, site)
    told = schema_org.embedded(document)
    assert not re.search("[<>&\u2028\u2029]", told)
    found = Scripts(f'<p><script type="application/ld+json">{told}</script></p>')
    assert found.tags == ["p", "script"]
    assert json.loads(found.data) == document
