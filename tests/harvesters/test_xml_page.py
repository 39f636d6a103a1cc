from __future__ import annotations

import tracemalloc

import pytest

from discovery.errors import RecordError
from harvesters import xml, xml_page

NAMES = frozenset({"SearchResults"})
HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?><!-- <c:SearchResults> --><c:Answer xmlns:c="urn:c" xmlns:d="urn:d">'
    '<c:SearchStatus timestamp="2020"/><c:SearchResults xmlns="urn:e" n="2" note="a &gt; b >">'
)
TAIL = "</c:SearchResults></c:Answer>"


def cut(inside: str | bytes, head: str = HEAD, tail: str = TAIL) -> xml_page.Page:
    body = inside if isinstance(inside, bytes) else inside.encode()
    return xml_page.cut(head.encode() + body + tail.encode(), NAMES)


def test_children_are_the_bytes_that_were_sent() -> None:
    first = '<d:R xmlns:d="urn:d" xmlns="urn:x" a = \'1\'><d:R/>  &#65;<!-- kept --></d:R>'
    page = cut(f"\n {first}\n<d:R\n>x</d:R ><S/>")
    assert page.elements[0].body == first.encode()
    assert [each.name for each in page.elements] == ["R", "R", "S"]
    assert page.elements[1].body == b'<d:R xmlns="urn:e" xmlns:d="urn:d"\n>x</d:R >'
    assert page.elements[2].body == b'<S xmlns="urn:e"/>'


def test_the_page_says_what_is_around_its_children() -> None:
    page = cut("")
    assert (page.head, page.attributes["n"], page.attributes["note"]) == ("Answer", "2", "a > b >")
    assert page.before["SearchStatus"]["timestamp"] == "2020"
    assert xml_page.cut(b'<SearchResults n="0"/>', NAMES).elements == ()
    assert xml_page.cut(b'<A><SearchResults n="0"/></A>', NAMES).attributes["n"] == "0"


@pytest.mark.parametrize(
    "inside",
    [
        "<R><R><R/></R><R a='/>'>x</R></R>",
        "<R><![CDATA[</R><R>]]></R>",
        "<R><!-- </R> --></R>",
        "<R><?p </R>?></R>",
        "<R><Rx/><R-y/><R.z/></R>",
    ],
)
def test_what_looks_like_an_end_and_is_none_does_not_end_an_element(inside: str) -> None:
    page = cut(f"{inside}<S/>")
    assert [each.name for each in page.elements] == ["R", "S"]
    assert xml.parse(page.elements[0].body).tag.endswith("R")


def test_a_child_that_is_no_xml_costs_only_itself() -> None:
    page = cut(b"<R>\xff</R><R>a & b</R><R><x></R><R>good</R>")
    assert len(page.elements) == 4
    for each in page.elements[:3]:
        with pytest.raises(RecordError):
            xml.parse(each.body)
    assert xml.parse(page.elements[3].body).text == "good"


@pytest.mark.parametrize("kept", [0.5, 0.7, 0.9, 0.97, 0.99])
def test_a_page_that_is_cut_off_is_no_page(kept: float) -> None:
    body = HEAD.encode() + b"<R><x>1</x></R>" * 100
    whole = body + TAIL.encode()
    with pytest.raises(RecordError) as caught:
        xml_page.cut(whole[: int(len(body) * kept)], NAMES)
    assert caught.value.code == "broken-xml"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "no-page"),
        (b"<html><body>Maintenance</body></html>", "no-page"),
        (b'{"SearchResults": []}', "no-page"),
        (b"<!-- <SearchResults/> --><A/>", "no-page"),
        (b"<!DOCTYPE A [<!ENTITY x 'y'>]><A><SearchResults/></A>", "dtd"),
        (b"<A><SearchResults>text</SearchResults></A>", "broken-xml"),
        (b"<A><SearchResults><R></SearchResults></A>", "broken-xml"),
        (b"<A b=c><SearchResults/></A>", "broken-xml"),
        pytest.param(
            b"<SearchResults>" + (b"<R>" + b"<a/>" * 99_999 + b"</R>") * 11 + b"</SearchResults>",
            "too-large",
            marks=pytest.mark.slow,
        ),
        (b"<SearchResults>" + b"<R/>" * 100_001 + b"</SearchResults>", "too-large"),
    ],
)
def test_what_is_no_page_says_so(body: bytes, code: str) -> None:
    with pytest.raises(RecordError) as caught:
        xml_page.cut(body, NAMES)
    assert caught.value.code == code


def test_a_page_in_another_encoding_is_cut_in_utf_8() -> None:
    body = '<?xml version="1.0" encoding="iso-8859-1"?><SearchResults><R>Météo</R></SearchResults>'
    page = xml_page.cut(body.encode("iso-8859-1"), NAMES)
    assert xml.parse(page.elements[0].body).text == "Météo"
    assert page.elements[0].body == "<R>Météo</R>".encode()


def test_cutting_takes_no_more_than_some_copies_of_the_page() -> None:
    body = HEAD.encode() + (b"<R><!-- x -->" + b"<a>1</a>" * 1000 + b"</R>") * 200 + TAIL.encode()
    tracemalloc.start()
    try:
        assert len(xml_page.cut(body, NAMES).elements) == 200
        assert tracemalloc.get_traced_memory()[1] < 5 * len(body)
    finally:
        tracemalloc.stop()
