"""The sitemap, robots.txt and the OpenSearch description."""

from __future__ import annotations

from urllib.robotparser import RobotFileParser

from lxml import etree

from discovery.documents.site import Site
from discovery.store.history import Part
from ui import sitemap

SITE = Site("A portal with a very long name & more", "https://portal.example")
NAMES = {"s": "http://www.sitemaps.org/schemas/sitemap/0.9", "o": "http://a9.com/-/spec/opensearch/1.1/"}


def test_the_index_names_its_parts_and_a_part_its_records() -> None:
    root = etree.fromstring(sitemap.index(SITE, [Part(0, 0), Part(7, 86_400_000)]).encode())
    assert root.xpath("s:sitemap/s:loc/text()", namespaces=NAMES) == [
        "https://portal.example/sitemap/0.xml",
        "https://portal.example/sitemap/7.xml",
    ]
    assert root.xpath("s:sitemap/s:lastmod/text()", namespaces=NAMES)[1] == "1970-01-02T00:00:00Z"
    whole = etree.fromstring("".join(sitemap.part(SITE, [("abc", 0), ("a&b", 5)])).encode())
    assert whole.xpath("s:url/s:loc/text()", namespaces=NAMES) == [
        "https://portal.example/records/abc",
        "https://portal.example/records/a%26b",
    ]


def test_a_part_of_the_largest_size_is_smaller_than_the_protocol_allows() -> None:
    size = sum(map(len, sitemap.part(SITE, (("a" * 16, 1) for _ in range(sitemap.SIZE)))))
    assert size < 50 * 1024 * 1024


def test_crawlers_may_read_records_and_not_every_combination_of_filters() -> None:
    told = sitemap.robots(SITE)
    robots = RobotFileParser()
    robots.parse(told.splitlines())
    assert robots.site_maps() == ["https://portal.example/sitemap.xml"]
    # As RFC 9309 matches them; the parser of the standard library forgets the question marks.
    closed = tuple(line.removeprefix("Disallow: ") for line in told.splitlines() if line.startswith("Disallow: "))
    for path in ("/", "/search", "/records/abc", "/records/abc?f=ttl", "/catalogue.jsonld", "/opensearch.xml"):
        assert not path.startswith(closed), path
    for path in ("/search?q=x", "/admin", "/open?id=x", "/open/notebook?id=x", "/suggest?q=x"):
        assert path.startswith(closed), path
        assert not robots.can_fetch("Googlebot", f"https://portal.example{path}"), path


def test_the_description_keeps_to_the_limits_of_opensearch() -> None:
    root = etree.fromstring(sitemap.opensearch(SITE))
    assert root.findtext("o:ShortName", namespaces=NAMES) == "A portal with a "
    assert len(root.findtext("o:Description", namespaces=NAMES) or "") <= 1024
    found = {each.get("type"): each.get("template") for each in root.findall("o:Url", NAMES) if not each.get("rel")}
    assert found == {
        "text/html": "https://portal.example/search?q={searchTerms}",
        "application/atom+xml": "https://portal.example/search?q={searchTerms}&f=atom",
        "application/json": "https://portal.example/search?q={searchTerms}&f=json",
    }
