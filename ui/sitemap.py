"""The sitemap of the records' pages, robots.txt and the OpenSearch description: how search engines find their way."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final
from xml.sax.saxutils import escape

from lxml import etree
from lxml.builder import ElementMaker

from discovery.documents import words
from discovery.documents.site import Site
from discovery.model.instant import iso
from discovery.store.history import Part
from ui import feed, links

INDEX: Final = "/sitemap.xml"
ROBOTS: Final = "/robots.txt"
OPENSEARCH: Final = "/opensearch.xml"
MEDIA_TYPE: Final = "application/xml"
OPENSEARCH_TYPE: Final = "application/opensearchdescription+xml"
SIZE: Final = 50_000
"""Addresses that the protocol allows in one file."""
_HEAD: Final = '<?xml version="1.0" encoding="UTF-8"?>\n'
_SITEMAPS: Final = "http://www.sitemaps.org/schemas/sitemap/0.9"
_OPENSEARCH: Final = "http://a9.com/-/spec/opensearch/1.1/"
_E: Final = ElementMaker(namespace=_OPENSEARCH, nsmap={None: _OPENSEARCH})
_CLOSED: Final = ("/search?", "/open?", "/open/", "/suggest", "/admin", "/signin", "/me", "/graphql", "/metrics")
"""What leads crawlers nowhere: every combination of every filter, and what only people and programs ask."""


def address(number: int) -> str:
    """Return the path of a part of the sitemap."""
    return f"/sitemap/{number}.xml"


def index(site: Site, parts: Iterable[Part]) -> str:
    """Return the sitemap's index."""
    entries = "".join(_entry("sitemap", site.url + address(each.number), each.newest) for each in parts)
    return f'{_HEAD}<sitemapindex xmlns="{_SITEMAPS}">\n{entries}</sitemapindex>\n'


def part(site: Site, found: Iterable[tuple[str, int]]) -> Iterator[str]:
    """Yield a part of the sitemap of these records and the instants of their last change."""
    yield f'{_HEAD}<urlset xmlns="{_SITEMAPS}">\n'
    for id, when in found:
        yield _entry("url", site.record(id), when)
    yield "</urlset>\n"


def _entry(name: str, where: str, when: int) -> str:
    return f"<{name}><loc>{escape(where)}</loc><lastmod>{iso(when)}</lastmod></{name}>\n"


def robots(site: Site) -> str:
    """Return robots.txt: records may be read, the endless combinations of filters are left alone."""
    closed = "".join(f"Disallow: {each}\n" for each in _CLOSED)
    return f"User-agent: *\n{closed}\nSitemap: {site.url}{INDEX}\n"


def opensearch(site: Site) -> bytes:
    """Return the description by which browsers and feed readers learn to search here."""
    title = words.line(site.title)
    found = f"{site.url}{links.SEARCH}?q={{searchTerms}}"
    root = _E.OpenSearchDescription(
        # The standard's limits; what is longer makes browsers refuse the whole description.
        _E.ShortName(title[:16]),
        _E.Description(words.line(site.summary, 1_024)),
        _E.LongName(title[:48]),
        _E.Url(type="text/html", method="get", template=found),
        _E.Url(type=feed.MEDIA_TYPE, method="get", template=f"{found}&{links.FORMAT}=atom"),
        _E.Url(type="application/json", method="get", template=f"{found}&{links.FORMAT}=json"),
        _E.Url(type=OPENSEARCH_TYPE, rel="self", template=site.url + OPENSEARCH),
        _E.Image(f"{site.url}/static/icon.svg", type="image/svg+xml", width="16", height="16"),
        _E.InputEncoding("UTF-8"),
        _E.OutputEncoding("UTF-8"),
    )
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8")
