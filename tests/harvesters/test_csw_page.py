from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from discovery.errors import SourceUnavailableError
from discovery.model.instant import instant
from harvesters import csw_page, xml
from harvesters.csw_page import Ask, Dialect

OLD = Dialect("http://e/csw?map=x", "2.0.2", csw_page.GMD, "gmd:MD_Metadata", "apiso:Identifier")


def test_a_get_asks_by_parameters_behind_those_of_the_address() -> None:
    asked = parse_qs(urlsplit(Ask(OLD, 101, 50).url).query)
    assert {name: found[0] for name, found in asked.items()} == {
        "map": "x",
        "service": "CSW",
        "version": "2.0.2",
        "request": "GetRecords",
        "typeNames": "gmd:MD_Metadata",
        "outputSchema": csw_page.GMD,
        "elementSetName": "full",
        "resultType": "results",
        "startPosition": "101",
        "maxRecords": "50",
        "sortBy": "apiso:Identifier:A",
    }
    since = OLD.asking_since("dct:modified", "2020-01-02", record=True)
    assert (since.type, since.sort) == ("csw:Record", "dc:identifier")
    assert parse_qs(urlsplit(Ask(since, 1, 1).url).query)["constraint"] == ["dct:modified >= '2020-01-02'"]


@pytest.mark.parametrize(
    ("version", "names"),
    [("2.0.2", ("PropertyName", "csw/2.0.2", "ogc")), ("3.0.0", ("ValueReference", "csw/3.0", "fes/2.0"))],
)
def test_a_post_asks_by_a_document(version: str, names: tuple[str, str, str]) -> None:
    dialect = Dialect("http://e/", version, csw_page.MDB_1, 'a"<b', "dc:identifier", True)
    ask = Ask(dialect.asking_since("apiso:Modified", "2020-01-02", record=False), 7, 9)
    assert ask.url == "http://e/"
    root = xml.parse(ask.body())
    assert (root.get("startPosition"), root.get("maxRecords"), root.get("version")) == ("7", "9", version)
    assert names[1] in root.tag
    assert root.nsmap["mdb"] == csw_page.MDB_1
    query = root.find("{*}Query")
    assert (query.get("typeNames"), query.findtext("{*}ElementSetName")) == ('a"<b', "full")
    assert [each.text for each in root.iter(f"{{*}}{names[0]}")] == ["apiso:Modified", "dc:identifier"]
    assert next(root.iter("{*}Literal")).text == "2020-01-02"
    assert names[2] in next(root.iter("{*}Filter")).tag


def test_a_dialect_is_kept_in_the_position_of_a_walk() -> None:
    assert Dialect.from_json(OLD.to_json()) == OLD


def answer(attributes: str, inside: str = "<R/>") -> bytes:
    return (
        '<c:GetRecordsResponse xmlns:c="urn:c"><c:SearchStatus timestamp="2020-01-02T03:04:05Z"/>'
        f"<c:SearchResults {attributes}>{inside}</c:SearchResults></c:GetRecordsResponse>"
    ).encode()


@pytest.mark.parametrize(
    ("attributes", "matched", "following"),
    [
        ('numberOfRecordsMatched="5" nextRecord="3"', 5, 3),
        ('numberOfRecordsMatched=" 5 " nextRecord="0"', 5, 0),
        ("", None, None),
        ('numberOfRecordsMatched="-5" nextRecord="x"', None, None),
        (f'numberOfRecordsMatched="{"9" * 400}" nextRecord="1.5"', 1 << 53, None),
    ],
)
def test_a_page_says_how_many_there_are_and_what_comes_next(attributes: str, matched: Any, following: Any) -> None:
    page = csw_page.read(answer(attributes), "http://e/")
    assert (page.matched, page.following, len(page.elements)) == (matched, following, 1)
    assert page.clock == instant("2020-01-02T03:04:05Z")


@pytest.mark.parametrize(
    ("body", "detail", "said"),
    [
        (b"<ExceptionReport><Exception exceptionCode='C'><ExceptionText>w</ExceptionText></Exception></ExceptionReport>", "query", "C; w"),  # noqa: E501
        (b"<ServiceExceptionReport><ServiceException>why</ServiceException></ServiceExceptionReport>", "query", "why"),
        (b"<ExceptionReport/>", "query", "no reason"),
        (answer("", "<ExceptionReport><ExceptionText>inside</ExceptionText></ExceptionReport>"), "query", "inside"),
        (answer("")[:-45], "cut", "ends before its end"),
        (b"<html/>", "unexpected_content", "SearchResults"),
        (b"<!DOCTYPE a []><a/>", "unexpected_content", "DTD"),
    ],
)  # fmt: skip
def test_what_is_no_page_says_what_it_is(body: bytes, detail: str, said: str) -> None:
    with pytest.raises(SourceUnavailableError, match=said) as caught:
        csw_page.read(body, "http://user:secret@e/")
    assert caught.value.detail == detail
    assert "secret" not in str(caught.value)


def test_a_schema_is_asked_for_by_the_types_that_may_give_it() -> None:
    assert csw_page.types(csw_page.GMD, "2.0.2") == ("gmd:MD_Metadata", "csw:Record")
    assert csw_page.types(csw_page.RECORD_3, "3.0.0") == ("csw30:Record", "csw:Record")
