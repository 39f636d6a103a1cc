"""Where the documents of the OGC face are, and the links between them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, urlencode

from discovery.model.record import SCOPES
from discovery.ogc_paths import Paths

JSON: Final = "application/json"
GEOJSON: Final = "application/geo+json"
CATALOG: Final = "application/ogc-catalog+json"
SCHEMA: Final = "application/schema+json"
FACETS: Final = "application/facets+json"
OPENAPI: Final = "application/vnd.oai.openapi+json;version=3.0"
HTML: Final = "text/html"
PROBLEM: Final = "application/problem+json"

RELATION: Final = "http://www.opengis.net/def/rel/ogc/1.0/"
"""Begins the relations of OGC that IANA has not registered."""
PROFILE: Final = "http://www.opengis.net/def/profile/OGC/0/"
"""Begins the profiles of OGC."""
RECORD_PROFILE: Final = f"{PROFILE}ogc-record"
CATALOG_PROFILE: Final = f"{PROFILE}ogc-catalog"
OWN: Final = "discovery:"
"""Begins relations of our own, as it begins the names of properties that no standard names."""

Link = dict[str, Any]
Pairs = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Links(Paths):
    """The addresses of the OGC face, and the links that its documents have; its collections are catalogues."""

    def record(self, name: str, id: str) -> str:
        """Return the address of a record."""
        return f"{self.items(name)}/{quote(id, safe='')}"

    def crawl(self, name: str, after: str = "") -> str:
        """Return the address of a catalogue as a series of files; `after` is what the one before leads on with."""
        first = f"{self.base}/crawl/{quote(name, safe='')}"
        return f"{first}/{quote(after, safe='')}" if after else first

    def of_record(self, name: str, id: str) -> list[Link]:
        """Return the links that a record has wherever it stands: itself, its catalogue, and the ways to open it."""
        here = self.record(name, id)
        return [
            link("self", here, GEOJSON),
            link("collection", self.collection(name), CATALOG),
            link(f"{OWN}page", f"{self.site}/records/{quote(id, safe='')}", HTML),
            link(f"{OWN}open", f"{self.site}/open?{urlencode({'id': id})}", HTML, "Open in a notebook"),
        ]

    def of_record_alone(self, name: str, id: str) -> list[Link]:
        """Return the links of a record that is a document of its own."""
        here = self.record(name, id)
        notebook = f"{self.site}/open/notebook?{urlencode({'id': id})}"
        return [
            *self.of_record(name, id),
            *alternates(here, (JSON, HTML)),
            link("root", self.root, JSON),
            profile(RECORD_PROFILE),
            link(f"{OWN}notebook", notebook, "application/x-ipynb+json", "Notebook that opens it"),
        ]

    def of_catalogue(self, name: str) -> list[Link]:
        """Return the links of a catalogue."""
        here = self.collection(name)
        other = [each for each in SCOPES if each != name]
        return [
            link("self", here, CATALOG),
            *alternates(here, (JSON, HTML)),
            link("root", self.root, JSON),
            link("parent", self.collections, CATALOG),
            link("items", self.items(name), GEOJSON, "Records as GeoJSON"),
            link("items", with_format(self.items(name), "html"), HTML, "Records as HTML"),
            link(f"{RELATION}queryables", f"{here}/queryables", SCHEMA, "What a filter may name"),
            link(f"{RELATION}sortables", f"{here}/sortables", SCHEMA, "What records may be sorted by"),
            link(f"{RELATION}facets", f"{here}/facets", FACETS, "What may be counted"),
            link("alternate", self.crawl(name), CATALOG, "The same as files that link to each record"),
            *(link("related", self.collection(each), CATALOG) for each in other),
            profile(CATALOG_PROFILE),
        ]

    def of_landing(self, docs: str | None) -> list[Link]:
        """Return the links of the landing page; `docs` is the path of the application's documentation."""
        found = [
            link("self", self.root, JSON),
            link("alternate", with_format(self.root, "html"), HTML),
            link("service-desc", self.api, OPENAPI, "OpenAPI 3.0"),
            link("service-doc", with_format(self.api, "html"), HTML, "The same to read"),
            link("conformance", self.conformance, JSON),
            link(f"{RELATION}conformance", self.conformance, JSON),
            link("data", self.collections, CATALOG),
            link(f"{RELATION}data", self.collections, CATALOG),
            *(link("search", self.items(each), GEOJSON, f"Search {each}") for each in SCOPES),
            link(f"{RELATION}ogc-catalog", self.collections, CATALOG, "The catalogues of this service"),
            *(link(f"{RELATION}ogc-catalog", self.items(each), GEOJSON, f"The {each}") for each in SCOPES),
        ]
        return [*found, link("service-doc", self.site + docs, HTML, "All faces of the portal")] if docs else found


def link(rel: str, href: str, media_type: str, title: str = "") -> Link:
    """Return a link as OGC API writes it."""
    found = {"rel": rel, "href": href, "type": media_type}
    return {**found, "title": title} if title else found


def profile(uri: str) -> Link:
    """Return the link that says what a document is besides its media type."""
    return {"rel": "profile", "href": uri}


def alternates(here: str, types: Iterable[str]) -> list[Link]:
    """Return the links to a document in other forms."""
    return [link("alternate", with_format(here, "html" if each == HTML else "json"), each) for each in types]


def with_format(address: str, name: str) -> str:
    """Return the address of a document in a certain form."""
    return f"{address}{'&' if '?' in address else '?'}f={name}"


def with_pairs(address: str, pairs: Pairs) -> str:
    """Return an address with parameters."""
    return f"{address}?{urlencode(list(pairs), errors='replace')}" if pairs else address
