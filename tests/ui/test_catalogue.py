"""The whole catalogue as DCAT, paged and streamed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import rdflib
from rdflib import RDF, Namespace, URIRef

from discovery.documents.site import Site
from discovery.model.record import Record
from discovery.portal import Portal
from discovery.store.history import History, Standing
from harvesters import dcat as harvester
from ui import catalogue, sources

if TYPE_CHECKING:
    from fastapi.testclient import TestClient

DCAT = Namespace("http://www.w3.org/ns/dcat#")
HYDRA = Namespace("http://www.w3.org/ns/hydra/core#")
Make = Callable[[Iterable[Record]], "TestClient"]


def dataset(number: int, **said: object) -> Record:
    return Record("open-science", "c", f"r{number}", "dataset", f"Record {number}", **said)  # type: ignore[arg-type]


def walked(client: TestClient, path: str, form: str) -> list[rdflib.Graph]:
    """Return the graphs of all pages, found as a harvester finds them."""
    out: list[rdflib.Graph] = []
    onward: str | None = path
    while onward:
        answer = client.get(onward.removeprefix("http://testserver"))
        assert answer.status_code == 200
        out.append(rdflib.Graph().parse(data=answer.content, format=form))
        found = next(out[-1].objects(None, HYDRA.next), None)
        onward = str(found) if found else None
        assert answer.links.get("next", {}).get("url") == onward
    return out


def names(graph: rdflib.Graph) -> set[str]:
    return {str(each) for each in graph.subjects(RDF.type, DCAT.Dataset)}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:ConjunctiveGraph is deprecated")
def test_pages_and_stream_hold_the_same_records_once(make_client: Make) -> None:
    given = [dataset(each) for each in range(catalogue.SIZE * 2 + 5)]
    client = make_client([*given, dataset(999, properties={"synthetic": "true"})])
    expected = {f"http://testserver/records/{each.id}" for each in given}
    for path, form in (("/catalogue.ttl", "turtle"), ("/catalogue.rdf", "xml"), ("/catalogue.jsonld", "json-ld")):
        pages = walked(client, path, form)
        assert [len(names(each)) for each in pages] == [catalogue.SIZE, catalogue.SIZE, 5]
        assert set().union(*map(names, pages)) == expected
    harvested = list(harvester.nodes(client.get("/catalogue.jsonld").json()))
    assert {harvester.identity(each) for each in harvested} == names(walked(client, "/catalogue.jsonld", "json-ld")[0])
    whole = rdflib.Graph().parse(data=client.get("/catalogue.nt").content, format="nt")
    assert names(whole) == expected
    about = URIRef("http://testserver/catalogue")
    assert {str(each) for each in whole.objects(about, DCAT.dataset)} == expected


def test_what_is_unchanged_is_not_made_again(make_client: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    client = make_client([dataset(1)])
    for form in ("ttl", "rdf", "jsonld", "nt"):
        answer = client.get(f"/catalogue.{form}")
        tags = {"If-None-Match": answer.headers["etag"]}
        assert answer.headers["cache-control"] == "no-cache"
        assert client.get(f"/catalogue.{form}?after=1", headers=tags).status_code == 200 or form == "nt"
        with monkeypatch.context() as patched:
            # Nothing is read for this.
            patched.delattr(History, "standing")
            again = client.get(f"/catalogue.{form}", headers=tags)
            head = client.head("/catalogue.nt")
        assert (again.status_code, again.content) == (304, b"")
        assert (head.status_code, head.content, head.headers["content-type"]) == (200, b"", "application/n-triples")


def test_the_name_of_the_catalogue_leads_to_its_forms(make_client: Make) -> None:
    client = make_client([dataset(1)])
    for accept, kind in (
        ("text/turtle", "text/turtle"),
        ("application/rdf+xml", "application/rdf+xml"),
        ("application/ld+json", "application/ld+json"),
    ):
        answer = client.get("/catalogue", headers={"Accept": accept})
        assert answer.headers["content-type"].startswith(kind)
        assert answer.headers["vary"] == "Accept"
    page = client.get("/catalogue", headers={"Accept": "text/html"})
    assert (page.status_code, page.headers["location"]) == (303, "/search")
    assert client.get("/catalogue", headers={"Accept": "image/png"}).status_code == 406


@pytest.mark.parametrize("query", ["after=-1", "after=x", "after=" + "9" * 30, "scope=all", "after=\u0661"])
def test_a_bad_page_is_refused(make_client: Make, query: str) -> None:
    answer = make_client([]).get(f"/catalogue.jsonld?{query}", headers={"Accept": "application/json"})
    assert answer.status_code == 400
    assert answer.json()["error"]["parameter"] == query.partition("=")[0]


def test_an_empty_catalogue_is_a_catalogue(make_client: Make) -> None:
    graph = rdflib.Graph().parse(data=make_client([]).get("/catalogue.ttl").content, format="turtle")
    assert list(graph.subjects(RDF.type, DCAT.Catalog)) == [URIRef("http://testserver/catalogue")]


def test_the_stream_reads_no_further_than_it_is_read(portal: Portal, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def endless(_history: History, _scope: str, after: int, limit: int) -> list[Standing]:
        asked.append(after)
        return [Standing(after + n, after + n, 0, dataset(after + n)) for n in range(1, limit + 1)]

    monkeypatch.setattr(History, "standing", endless)
    told = catalogue.stream(portal, sources.read(portal), Site("P", "http://testserver"), "resources")
    assert len([next(told) for _ in range(600)]) == 600
    assert asked == [0, 500]


def test_a_record_that_changes_during_the_walk_is_told_once(portal: Portal, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second, third = (Standing(n, n, 0, dataset(n)) for n in (1, 2, 3))
    again = Standing(9, 1, 0, replace(first.record, title="Changed"))
    new = Standing(10, 700_000, 0, dataset(4))
    answers = iter([[first, second], [third, again], [new], []])
    monkeypatch.setattr(History, "standing", lambda *_: next(answers))
    told = "".join(catalogue.stream(portal, sources.read(portal), Site("P", "http://testserver"), "resources"))
    graph = rdflib.Graph().parse(data=told, format="nt")
    assert len(names(graph)) == 4
    assert "Changed" not in told
