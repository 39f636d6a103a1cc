"""The page for programs: every way to ask the catalogue, each with an address that answers now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from ui.contexts import Anchor, Site

PATH: Final = "/api"
_QUERIES: Final = {
    "How much there is about ice, by theme": '{ search(text: "ice") { totalCount { value } '
    "facets(names: [THEME]) { buckets { label count } } } }",
    "Observations by year": "{ histogram(scope: OBSERVATIONS, interval: YEAR) { start count } }",
    "What M31 is": '{ resolve(text: "M31") { name kind frame } }',
}
"""Questions of GraphQL, by what they ask."""


@dataclass(frozen=True, slots=True)
class Api:
    """One way to ask."""

    name: str
    about: str
    links: tuple[Anchor, ...]
    """Where it begins, and what describes it."""
    examples: tuple[Anchor, ...]
    """Addresses that answer now, by what they ask."""
    command: str
    """A line for a terminal."""


@dataclass(frozen=True, slots=True)
class ApisContext:
    """The page for programs."""

    site: Site
    apis: tuple[Api, ...]


def apis_page(site: Site, base: str) -> ApisContext:
    """Return what the page shows.

    Args:
        site: What stands around it.
        base: The address by which the portal was reached, without a slash at its end.
    """
    ways = (_stac, _ogc, _graphql, _search, _embeddings, _documents)
    return ApisContext(site, tuple(each(base) for each in ways))


def _stac(base: str) -> Api:
    return Api(
        "STAC API",
        "Datasets as collections and observations as items, for pystac-client, QGIS and STAC Browser.",
        (Anchor("Landing page", "/stac/"), Anchor("Queryables", "/stac/queryables"), Anchor("OpenAPI", "/stac/api")),
        (
            Anchor("Collections about ice", "/stac/collections?q=ice"),
            Anchor("Newest items in a box", "/stac/search?bbox=5,40,15,48&limit=5"),
            Anchor("Items without clouds", "/stac/search?filter-lang=cql2-text&filter=eo:cloud_cover<5&limit=5"),
        ),
        f"curl '{base}/stac/search?limit=1'",
    )


def _ogc(base: str) -> Api:
    return Api(
        "OGC API Records",
        "The same catalogue as records of OGC API - Records, for OWSLib, pygeoapi and QGIS MetaSearch.",
        (
            Anchor("Landing page", "/ogc"),
            Anchor("Conformance", "/ogc/conformance"),
            Anchor("OpenAPI", "/ogc/api"),
        ),
        (
            Anchor("Datasets about ozone", "/ogc/collections/resources/items?q=ozone"),
            Anchor("Observations of 2020", "/ogc/collections/observations/items?datetime=2020-01-01/2020-12-31"),
        ),
        f"curl '{base}/ogc/collections/resources/items?q=ozone&limit=1'",
    )


def _graphql(base: str) -> Api:
    return Api(
        "GraphQL",
        "Hits, facets, histograms and maps of one question in one request, and only what you ask for.",
        (Anchor("Explorer with examples", "/graphql"), Anchor("Schema", "/graphql/schema.graphql")),
        tuple(Anchor(text, "/graphql?" + urlencode({"query": query})) for text, query in _QUERIES.items()),
        f"curl '{base}/graphql' -H 'Content-Type: application/json' "
        '-d \'{"query": "{ search(text: \\"ice\\") { totalCount { value } nodes { id title } } }"}\'',
    )


def _search(base: str) -> Api:
    return Api(
        "Pages as JSON and Atom",
        "Every page of the portal is there as JSON by f=json, and every search as a feed by f=atom.",
        (Anchor("OpenAPI", "/openapi.json"), Anchor("Search description", "/opensearch.xml")),
        (
            Anchor("A search with its facets", "/search?q=sea+ice&f=json"),
            Anchor("The same as a feed", "/search?q=sea+ice&f=atom"),
            Anchor("What is suggested", "/suggest?q=sen"),
        ),
        f"curl '{base}/search?q=sea+ice&f=json'",
    )


def _embeddings(base: str) -> Api:
    return Api(
        "Embeddings",
        "What is like a row, a vector or a region, in spaces that are searched where their files are.",
        (Anchor("Spaces", "/embeddings"),),
        (Anchor("Spaces as JSON", "/embeddings?f=json"),),
        f"curl '{base}/embeddings?f=json'",
    )


def _documents(base: str) -> Api:
    return Api(
        "Metadata documents",
        "DCAT, schema.org and citations of a record by Accept or f=, and of the whole catalogue in pages.",
        (
            Anchor("Catalogue, JSON-LD", "/catalogue.jsonld"),
            Anchor("Catalogue, Turtle", "/catalogue.ttl"),
            Anchor("OpenAPI", "/openapi.json"),
        ),
        (Anchor("Changes as a feed", "/changes.atom"), Anchor("Sitemap", "/sitemap.xml")),
        f"curl -H 'Accept: text/turtle' '{base}/catalogue'",
    )
