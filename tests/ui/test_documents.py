"""The documents of a record as a reader asks for them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any, cast

import pytest
import rdflib
from fastapi import FastAPI
from lxml import etree

from discovery.model.record import Record
from discovery.store.schema import records
from ui import negotiation

if TYPE_CHECKING:
    from fastapi.testclient import TestClient

Make = Callable[[Iterable[Record]], "TestClient"]
ATOM = {"a": "http://www.w3.org/2005/Atom", "o": "http://a9.com/-/spec/opensearch/1.1/"}
ATTACK = "</script><script>alert(1)</script>\u202e & \"'"


class Data(HTMLParser):
    """The head of a page: its links, its scripts and what stands in them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.links: list[dict[str, str | None]] = []
        self.metas: list[dict[str, str | None]] = []
        self.scripts = 0
        self.text = ""
        self._inside = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = dict(attrs)
        if tag == "link":
            self.links.append(said)
        elif tag == "meta":
            self.metas.append(said)
        elif tag == "script" and "src" not in said:
            assert said == {"type": "application/ld+json"}
            self.scripts += 1
            self._inside = True

    def handle_endtag(self, tag: str) -> None:
        self._inside = False

    def handle_data(self, data: str) -> None:
        self.text += data if self._inside else ""


@pytest.fixture
def path(client: TestClient) -> str:
    """Return the path of a record that says a lot."""
    url: str = client.get("/search?q=cryosat&facet.kind=dataset&f=json").json()["records"][0]["url"]
    return url


@pytest.mark.filterwarnings("ignore:ConjunctiveGraph is deprecated")
@pytest.mark.parametrize("format", negotiation.RECORD, ids=lambda each: each.name)
def test_a_record_has_each_of_its_forms_by_parameter_and_by_accept(
    client: TestClient, path: str, format: negotiation.Format
) -> None:
    by_name = client.get(f"{path}?f={format.name}")
    by_type = client.get(path, headers={"Accept": format.types[0]})
    for answer in (by_name, by_type):
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith(format.media_type)
        assert answer.headers["vary"].split(", ")[0] == "Accept"
    assert format is negotiation.HTML or by_name.content == by_type.content
    readers: dict[str, Callable[[str], Any]] = {
        "ttl": lambda text: rdflib.Graph().parse(data=text, format="turtle"),
        "rdf": lambda text: rdflib.Graph().parse(data=text, format="xml"),
        "nt": lambda text: rdflib.Graph().parse(data=text, format="nt"),
        "jsonld": lambda text: rdflib.Graph().parse(data=text, format="json-ld"),
    }
    if format.media_type.endswith("json"):
        json.loads(by_name.text)
    if format.name in readers:
        assert len(readers[format.name](by_name.text)) > 30
    if format in negotiation.CITATIONS:
        assert f'.{format.ending}"' in by_name.headers["content-disposition"]


@pytest.mark.parametrize("name", ["json", "ttl", "rdf", "jsonld", "schema", "bib", "linkset"])
def test_a_form_that_the_reader_has_is_not_sent_again(client: TestClient, path: str, name: str) -> None:
    answer = client.get(f"{path}?f={name}")
    assert answer.headers["cache-control"] == "no-cache"
    assert f'{path}>; rel="describes"' in answer.headers["link"]
    again = client.get(f"{path}?f={name}", headers={"If-None-Match": f'"x", W/{answer.headers["etag"]}'})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["vary"] == "Accept"
    assert client.head(f"{path}?f={name}").headers["etag"] == answer.headers["etag"]


def test_a_page_holds_its_data_its_citation_and_links_to_every_form(client: TestClient, path: str) -> None:
    page = client.get(path)
    found = Data(page.text)
    data = json.loads(found.text)
    assert (data["@type"], data["url"]) == ("Dataset", f"http://testserver{path}")
    assert data["description"].startswith("Ice Thickness of Arctic sea ice")
    assert {"rel": "canonical", "href": path} in found.links
    offered = {each["href"] for each in found.links if each["rel"] == "alternate"}
    wanted = {f"{path}?f={each.name}" for each in (*negotiation.METADATA, *negotiation.CITATIONS)}
    assert wanted <= offered
    for url in wanted:
        assert page.text.count(f'href="{url}"') >= 2
    assert "Frost, Ada (2021): Sea ice thickness from CryoSat. Ice Institute. Dataset. https://doi.org/" in page.text
    assert re.match(r'<https://doi.org/10.5281/zenodo.1234567>; rel="cite-as"', page.headers["link"])
    assert any(each["rel"] == "search" for each in found.links)
    assert not [each for each in found.metas if each.get("name") == "robots"]


def test_no_title_breaks_out_of_the_page(make_client: Make) -> None:
    record = Record("open-science", "c", "1", "dataset", ATTACK, description=ATTACK)
    client = make_client([record])
    found = Data(client.get(f"/records/{record.id}").text)
    assert found.scripts == 1
    assert json.loads(found.text)["name"].startswith("</script><script>alert(1)</script>")


def test_what_describes_nothing_real_is_kept_from_search_engines(make_client: Make) -> None:
    lab = Record("labs", "", "lab", "datalab", "Example lab")
    real = Record("open-science", "", "x", "dataset", "Real")
    client = make_client([lab, real])
    metas = Data(client.get(f"/records/{lab.id}").text).metas
    assert {"name": "robots", "content": "noindex"} in metas
    (part,) = re.findall(r"<loc>http://testserver([^<]+)</loc>", client.get("/sitemap.xml").text)
    listed = client.get(part).text
    assert real.id in listed
    assert lab.id not in listed
    assert lab.id not in client.get("/catalogue.nt").text


def test_a_sitemap_has_no_parts_that_are_not_there(make_client: Make) -> None:
    client = make_client([])
    assert "<sitemap>" not in client.get("/sitemap.xml").text
    for number in ("0", "7", "x", "9" * 50, "-1"):
        assert client.get(f"/sitemap/{number}.xml").status_code == 404


def test_a_sitemap_that_the_reader_has_is_not_sent_again(client: TestClient) -> None:
    answer = client.get("/sitemap/0.xml")
    assert answer.headers["content-type"].startswith("application/xml")
    assert client.get("/sitemap/0.xml", headers={"If-None-Match": answer.headers["etag"]}).status_code == 304
    assert client.head("/sitemap/0.xml").content == b""
    assert client.get("/robots.txt").headers["cache-control"] == "public, max-age=86400"
    assert client.get("/opensearch.xml").headers["content-type"] == "application/opensearchdescription+xml"


def test_a_page_is_not_sent_twice_to_whoever_has_it(client: TestClient, path: str) -> None:
    page = client.get(path, headers={"Accept": "text/html"})
    assert page.headers["cache-control"] == "no-cache"
    again = client.get(path, headers={"Accept": "text/html", "If-None-Match": page.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    for name in ("etag", "vary", "link", "cache-control", "content-security-policy"):
        assert again.headers[name] == page.headers[name], name
    other = client.get(f"{path}?f=json", headers={"If-None-Match": page.headers["etag"]})
    assert other.status_code == 200
    assert client.head(path).headers["etag"] == page.headers["etag"]


def test_an_error_has_the_form_that_was_asked_for(client: TestClient, path: str) -> None:
    refused = client.get(path, headers={"Accept": "image/png"})
    assert (refused.status_code, refused.headers["Vary"]) == (406, "Accept")
    assert refused.json()["error"]["formats"]["ttl"] == "text/turtle"
    assert client.get(f"{path}?f=pdf").status_code == 400
    assert client.get("/records/nothing", headers={"Accept": "text/turtle"}).json()["error"]["kind"] == "not_found"
    page = client.get("/records/nothing", headers={"Accept": "text/html"})
    assert "<h1" in page.text
    assert page.headers["vary"] == "Accept, Cookie"


@pytest.mark.parametrize("host", ["a> <b", 'x"y', "user:secret@portal.example", "a b", "<script>x"])
def test_a_host_that_is_none_gets_into_no_document(client: TestClient, path: str, host: str) -> None:
    for url in (path, f"{path}?f=nt", "/catalogue.nt", "/sitemap.xml", "/robots.txt", "/opensearch.xml"):
        answer = client.get(url, headers={"Host": host})
        assert host not in answer.text, url
        assert host not in str(answer.headers), url


def test_a_merged_record_leads_to_the_other_in_the_same_form(make_client: Make) -> None:
    old, new = (Record("open-science", "c", name, "dataset", name) for name in ("old", "new"))
    client = make_client([old, new])
    engine = cast(FastAPI, client.app).state.portal.store.database.engine
    with engine.begin() as connection:
        connection.execute(records.update().where(records.c.id == old.id).values(merged=new.id))
    by_name = client.get(f"/records/{old.id}?f=ttl")
    assert (by_name.status_code, by_name.headers["location"]) == (301, f"/records/{new.id}?f=ttl")
    by_type = client.get(f"/records/{old.id}", headers={"Accept": "text/turtle"})
    assert (by_type.headers["location"], by_type.headers["vary"]) == (f"/records/{new.id}", "Accept")


def test_a_search_is_a_feed_of_what_it_finds(client: TestClient) -> None:
    answer = client.get("/search?q=survey&f=atom&size=5")
    assert answer.headers["content-type"].startswith("application/atom+xml")
    root = etree.fromstring(answer.content)
    found = client.get("/search?q=survey&size=5&f=json").json()
    assert root.xpath("a:entry/a:id/text()", namespaces=ATOM) == [
        f"http://testserver{each['url']}" for each in found["records"]
    ]
    assert root.findtext("o:totalResults", namespaces=ATOM) == str(found["total"]["value"])
    onward = root.xpath("a:link[@rel='next']/@href", namespaces=ATOM)
    assert client.get(onward[0].removeprefix("http://testserver")).status_code == 200
    again = client.get("/search?q=survey&f=atom&size=5", headers={"If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304
    assert client.get("/search?q=survey&facet.nothing=1&f=atom").json()["error"]["kind"] == "unknown_field"


def test_a_search_leads_to_its_feed(client: TestClient) -> None:
    page = client.get("/search?q=survey&facet.provider=ESA&bins.resolution=5")
    (found,) = [each["href"] for each in Data(page.text).links if each.get("title") == "This search"]
    assert found == "/search?q=survey&facet.provider=ESA&f=atom"
    assert page.text.count("This search as a feed") == 1
    total = client.get("/search?q=survey&facet.provider=ESA&f=json").json()["total"]["value"]
    root = etree.fromstring(client.get(found).content)
    assert root.findtext("o:totalResults", namespaces=ATOM) == str(total)


def test_a_feed_knows_the_names_of_places(client: TestClient) -> None:
    answer = client.get("/search?near=M31&f=atom")
    assert answer.status_code == 200
    total = client.get("/search?near=M31&f=json").json()["total"]["value"]
    assert etree.fromstring(answer.content).findtext("o:totalResults", namespaces=ATOM) == str(total)


def test_a_feed_of_nothing_is_a_feed(make_client: Make) -> None:
    root = etree.fromstring(make_client([]).get("/search?f=atom").content)
    assert root.findtext("a:title", namespaces=ATOM) == "Test portal: all resources"
    assert root.findall("a:entry", ATOM) == []
