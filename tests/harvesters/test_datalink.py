"""Documents of links that archives really sent, and what is wrong with some of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from discovery.errors import NotFoundError, SourceUnavailableError
from discovery.http import Client
from discovery.model.record import Asset, Record
from harvesters import datalink
from harvesters.datalink import Link, Links, Reader, addresses, first_data, parse

SAMPLES = Path(__file__).parents[2] / "fixtures" / "sources" / "vo"
MEDIA = "application/x-votable+xml;content=datalink"
HEAD = """<VOTABLE version="1.4"><RESOURCE type="results"><INFO name="standardID" value="ivo://ivoa.net/std/DataLink#links-1.1"/>
<INFO name="QUERY_STATUS" value="{status}">{said}</INFO><TABLE>{fields}<DATA><TABLEDATA>"""
NAMES = (
    *("ID", "access_url", "service_def", "error_message", "semantics", "description", "content_type", "content_length"),
    *("content_qualifier", "local_semantics", "link_auth", "link_authorized"),
)


def document(*rows: Mapping[str, str], names: tuple[str, ...] = NAMES, status: str = "OK", said: str = "") -> bytes:
    fields = "".join(f'<FIELD name="{name}" datatype="char" arraysize="*"/>' for name in names)
    cells = "".join("<TR>" + "".join(f"<TD>{row.get(name, '')}</TD>" for name in names) + "</TR>" for row in rows)
    head = HEAD.format(status=status, said=said, fields=fields)
    return f"{head}{cells}</TABLEDATA></DATA></TABLE></RESOURCE></VOTABLE>".encode()


def only(**row: str) -> tuple[Link, tuple[str, ...]]:
    found = parse(document({"ID": "i", "semantics": "#this", **row}), "http://a.example/links")
    return found.links[0], found.notes


def record(*assets: Asset) -> Record:
    return Record("s", "c", "1", "observation", "t", assets=assets)


@pytest.mark.parametrize(
    ("name", "semantics"),
    [
        ("pyvo/datalink.xml", ["#progenitor", "#proc", "#this", "#preview"]),
        ("pyvo/proc.xml", ["#proc", "#this", "#preview-image", "#preview", "urn:example:rdf/dlext#oracle"]),
        ("pyvo/cutout1.xml", ["#this", "#cutout", "#cutout", "#this", "#cutout", "#cutout"]),
        ("astroquery/alma-datalink.xml", None),
        ("astroquery/alma-datalink-recurse-this.xml", None),
    ],
)
def test_documents_that_archives_sent_are_read_whole(name: str, semantics: list[str] | None) -> None:
    found = parse((SAMPLES / name).read_bytes(), "http://a.example/links")
    assert found.links
    assert found.notes == ()
    assert all(sum(map(bool, (link.url, link.service, link.error))) == 1 for link in found.links)
    assert semantics is None or [link.semantics for link in found.links] == semantics


def test_a_document_of_alma_leads_to_further_ones() -> None:
    found = parse((SAMPLES / "astroquery" / "alma-datalink.xml").read_bytes(), "http://a.example/links")
    assert [link.meaning for link in found.of("#documentation")] == ["documentation"] * len(found.of("#documentation"))
    assert any(link.is_links for link in found.links)
    assert found.links[0].size == 3523
    assert found.links[0].readable is True


def test_a_row_of_dl_1_1_keeps_what_it_says() -> None:
    link, notes = only(
        access_url="https://a.example/f.fits", description="the file", content_type="application/fits",
        content_length="18616320", content_qualifier="#image", local_semantics="#sci", link_authorized="false",
    )  # fmt: skip
    assert link == Link(
        "i", "#this", "https://a.example/f.fits", "", "", "the file", "application/fits", 18616320, "#sci", "#image",
        False, False,
    )  # fmt: skip
    assert (link.meaning, notes) == ("the data themselves", ())


@pytest.mark.parametrize(
    ("sent", "term"),
    [
        ("#preview", "#preview"),
        ("http://www.ivoa.net/rdf/datalink/core#preview", "#preview"),
        ("https://www.ivoa.net/rdf/datalink/core#preview", "#preview"),
        ("http://other.example/terms#preview", "http://other.example/terms#preview"),
        ("", ""),
    ],
)
def test_terms_of_the_vocabulary_are_short_and_others_whole(sent: str, term: str) -> None:
    link, _ = only(access_url="https://a.example/", semantics=sent)
    assert link.semantics == term


@pytest.mark.parametrize("term", ["#this", "#preview", "#thumbnail", "#auxiliary", "#calibration", "#progenitor",
                                  "#derivation", "#cutout", "#proc"])  # fmt: skip
def test_the_terms_that_people_need_have_words(term: str) -> None:
    assert only(access_url="https://a.example/", semantics=term)[0].meaning != term


@pytest.mark.parametrize(
    ("row", "url", "note"),
    [
        (
            {"access_url": "https://a.example/f", "error_message": "NotFoundFault: no"},
            "https://a.example/f",
            "exactly one",
        ),
        ({}, "", "exactly one"),
        ({"access_url": "javascript:alert(1)"}, "", "not followed"),
        ({"access_url": "file:///etc/passwd"}, "", "not followed"),
        ({"access_url": "https://me:secret@a.example/f"}, "", "left out"),
        ({"access_url": "https://a.example/f", "content_length": "-5"}, "https://a.example/f", ""),
        ({"access_url": "https://a.example/f", "content_length": "many"}, "https://a.example/f", ""),
    ],
)
def test_odd_rows_are_said_and_never_followed_blindly(row: dict[str, str], url: str, note: str) -> None:
    link, notes = only(**row)
    assert (link.url, link.size) == (url, None)
    assert (note in notes[0]) if note else notes == ()


def test_an_address_that_is_signed_says_so() -> None:
    link, notes = only(access_url="https://s3.example/f?X-Amz-Signature=abc&amp;X-Amz-Expires=60")
    assert (link.signed, notes) == (True, ())
    assert only(access_url="https://a.example/f")[0].signed is False


def test_a_fault_of_one_id_is_kept_with_its_words() -> None:
    link, notes = only(error_message="AuthenticationFault: who are you?")
    assert (link.error, notes) == ("AuthenticationFault: who are you?", ())


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"<html><body>Sorry</body></html>", "no DataLink document: the answer is XML"),
        (b"nothing", "no DataLink document"),
        (document(status="ERROR", said="UsageFault: no ID"), "UsageFault: no ID"),
        (document(names=("ID", "url")), "has no access_url, semantics"),
        (b'<!DOCTYPE a [<!ENTITY b "c">]><VOTABLE/>', "DTD"),
        (document({"ID": "i", "access_url": "https://a.example/"})[:-60], "no DataLink document"),
    ],
)
def test_what_is_no_links_document_is_an_error_with_its_address(body: bytes, said: str) -> None:
    with pytest.raises(SourceUnavailableError) as caught:
        parse(body, "http://a.example/links")
    assert "http://a.example/links" in str(caught.value)
    assert said in str(caught.value)


def test_a_document_without_end_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datalink, "MOST_LINKS", 3)
    found = parse(
        document(*({"ID": str(n), "access_url": "https://a.example/"} for n in range(9))), "http://a.example/"
    )
    assert len(found.links) == 3
    assert "more than 3 links" in found.notes[0]


# Reading


@pytest.fixture
def counted(served: Callable[..., str]) -> tuple[str, list[str]]:
    """Return the address of a service of links and the paths that it was asked for."""
    asked: list[str] = []

    def answer(path: str, _: Mapping[str, str]) -> tuple[int, bytes, dict[str, str]]:
        asked.append(path)
        if path == "/gone":
            return 404, b"", {}
        if path == "/inside":
            return 302, b"", {"Location": "http://169.254.169.254/latest"}
        return 200, document({"ID": path, "access_url": "https://a.example/f", "semantics": "#this"}), {}

    return served(answer), asked


def test_a_document_is_asked_for_once_in_a_while(client: Client, counted: tuple[str, list[str]]) -> None:
    url, asked = counted
    now = [0.0]
    reader = Reader(client, kept_for=60, clock=lambda: now[0])
    first = reader.read(f"{url}a")
    assert reader.read(f"{url}a") is first
    assert asked == ["/a"]
    now[0] = 61
    assert reader.read(f"{url}a") == first
    assert asked == ["/a", "/a"]


def test_only_so_many_documents_are_kept(
    client: Client, counted: tuple[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(datalink, "_MOST_KEPT", 2)
    url, asked = counted
    reader = Reader(client)
    for name in ("a", "b", "c", "b", "a"):
        reader.read(f"{url}{name}")
    assert asked == ["/a", "/b", "/c", "/a"]


def test_what_fails_is_asked_for_again(client: Client, counted: tuple[str, list[str]]) -> None:
    url, asked = counted
    reader = Reader(client)
    for _ in range(2):
        with pytest.raises(NotFoundError):
            reader.read(f"{url}gone")
    assert asked == ["/gone", "/gone"]


def test_no_document_leads_into_a_private_network(client: Client, counted: tuple[str, list[str]]) -> None:
    with pytest.raises(SourceUnavailableError, match=r"169\.254\.169\.254"):
        Reader(client).read(f"{counted[0]}inside")


def test_the_documents_of_a_record_are_its_assets_of_that_kind(client: Client, counted: tuple[str, list[str]]) -> None:
    url, asked = counted
    mine = record(
        Asset(f"{url}a", media_type=MEDIA.replace(";", "; ")), Asset(f"{url}b", roles=("datalink",)),
        Asset(f"{url}f.fits", roles=("data",)), Asset("file:///etc/passwd", media_type=MEDIA),
    )  # fmt: skip
    assert addresses(mine) == (f"{url}a", f"{url}b")
    found = Reader(client).of(mine)
    assert asked == ["/a", "/b"]
    assert first_data(found) == found[0].links[0]
    assert first_data([Links(url)]) is None
