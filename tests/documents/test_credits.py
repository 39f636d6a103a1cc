from __future__ import annotations

from dataclasses import replace

import pytest
from rdflib import XSD, Literal

from discovery.documents import credits
from discovery.model import instant
from discovery.model.record import Contact, Link, Record


def record(*contacts: Contact, **said: object) -> Record:
    return Record("s", "", "x", "dataset", "T", contacts=contacts, **said)  # type: ignore[arg-type]


def test_addresses_of_people_are_never_published(full: Record) -> None:
    found = credits.agents(full)
    assert not [each for each in found if "@" in f"{each.name}{each.url}{each.organization}"]
    assert [each.name for each in found] == ["Frost, Ada", "Łukasz Öberg", "Ice Institute"]


def test_a_person_has_a_family_name_and_an_orcid(full: Record) -> None:
    ada, lukasz, institute = credits.agents(full)
    assert (ada.person, ada.parts, ada.orcid) == (True, ("Frost", "Ada"), "https://orcid.org/0000-0002-1825-0097")
    assert (lukasz.parts, lukasz.organization) == (("Öberg", "Łukasz"), "Ice Institute")
    assert (institute.person, institute.orcid, institute.url) == (False, "", "https://ice.example/")


def test_authors_come_before_producers_and_producers_before_nobody() -> None:
    author, maker = Contact("A", "", ("author",)), Contact("ESA", "ESA", ("producer", "licensor"))
    assert [each.name for each in credits.creators(record(maker, author))] == ["A"]
    assert [each.name for each in credits.creators(record(maker))] == ["ESA"]
    assert credits.creators(record(Contact("X", "", ("consortium_member",)))) == ()


def test_the_provider_is_the_publisher_with_what_is_known_of_it(full: Record) -> None:
    found = credits.publisher(full)
    assert found is not None
    assert (found.name, found.url) == ("Ice Institute", "https://ice.example/")
    host = credits.publisher(record(Contact("Host", "Host", ("host",))))
    assert host is not None
    assert host.name == "Host"
    assert credits.publisher(record()) is None


@pytest.mark.parametrize(
    ("license", "url"),
    [
        ("CC-BY-4.0", "https://creativecommons.org/licenses/by/4.0/"),
        ("CC-BY-NC-SA-3.0-IGO", "https://creativecommons.org/licenses/by-nc-sa/3.0/igo/"),
        ("CC0-1.0", "https://creativecommons.org/publicdomain/zero/1.0/"),
        ("MIT", "https://spdx.org/licenses/MIT"),
        ("https://x.example/terms", "https://x.example/terms"),
        ("proprietary", ""),
        ("javascript:alert(1)", ""),
        ("", ""),
    ],
)
def test_a_licence_is_an_address_where_one_is_known(license: str, url: str) -> None:
    assert credits.licence_url(record(license=license)) == url
    linked = record(license=license, links=(Link("https://x.example/licence", "license"),))
    assert credits.licence_url(linked) == (url or "https://x.example/licence")


def test_other_identifiers_lose_their_secrets(full: Record) -> None:
    assert credits.identifiers(full) == ("ESA-ICE-1", "https://x.example/d?token=REDACTED")
    assert credits.identifiers(replace(full, external_ids=(f"doi:{full.doi}",))) == ()


def test_where_the_source_speaks_of_it_is_its_doi_else_its_page() -> None:
    assert credits.landing(record(doi="10.1234/x")) == "https://doi.org/10.1234/x"
    json = Link("https://x.example/item.json", "canonical", "", "application/geo+json")
    assert credits.landing(record(links=(json, Link("https://x.example/p", "about")))) == "https://x.example/p"
    assert credits.landing(record(links=(json,))) == ""


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("2020-05-01T12:00:00.5Z", "2020-05-01T12:00:00.500Z"),
        ("-004712-01-01", "-4712-01-01T00:00:00Z"),
        ("-000001-01-01", "-0001-01-01T00:00:00Z"),
        ("+012000-01-01", "12000-01-01T00:00:00Z"),
    ],
)
def test_any_year_is_written_as_xml_schema_has_it(given: str, expected: str) -> None:
    assert credits.xsd_date_time(instant.instant(given)) == expected


def test_usual_instants_are_well_formed_to_others() -> None:
    assert Literal(credits.xsd_date_time(0), datatype=XSD.dateTime).ill_typed is False


def test_what_came_out_is_cited_by_that_year_and_by_another_date_only_without() -> None:
    out, later = instant.instant("2021-10-21"), instant.instant("2023-01-01")
    assert credits.published(record(properties={"published": "2021-10-21T00:00:00Z"})) == out
    assert credits.published(record(properties={"published": ("2020", "2021")})) is None
    for name in ("created", "updated", "metadata_updated"):
        assert credits.published(record(properties={"published": "2021-10-21"}, **{name: later})) == out
        assert credits.published(record(properties={"published": "yes"}, **{name: later})) == later


def test_a_record_without_a_title_is_called_by_its_source_id() -> None:
    assert credits.title(Record("s", "", "x-1", "dataset", " \0 ")) == "x-1"
    nameless = Record("s", "", "\0", "dataset", "")
    assert credits.title(nameless) == nameless.id
