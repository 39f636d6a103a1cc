"""The documents about the catalogues: what the service is, what it conforms to, and what may be asked of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final
from urllib.parse import urlencode

from discovery.model.ogc import DOI, DOI_NAMESPACE, EXTENSION, RECORD_CORE
from discovery.model.record import KINDS, OBSERVATIONS, RESOURCES, SCOPES
from discovery.ogc_api import facets
from discovery.ogc_api.links import (
    CATALOG,
    CATALOG_PROFILE,
    FACETS,
    GEOJSON,
    HTML,
    JSON,
    OPENAPI,
    SCHEMA,
    Link,
    Links,
    alternates,
    link,
    profile,
)
from discovery.ogc_api.question import CRS84, RELEVANCE
from discovery.planner import DEFAULT_SORT
from discovery.query import fields
from discovery.query.fields import DATETIME, Field, Type

DESCRIPTION: Final = "Datasets and observations of many missions and archives, harvested into one catalogue."
_RECORDS: Final = "http://www.opengis.net/spec/ogcapi-records-1/1.0/conf/"
_FACETS: Final = "http://www.opengis.net/spec/ogcapi-records-2/1.0/conf/"
_FEATURES: Final = "http://www.opengis.net/spec/ogcapi-features-"
_CQL2: Final = "http://www.opengis.net/spec/cql2/1.0/conf/"
CRAWLABLE: Final = f"{_RECORDS}crawlable-catalog"
CONFORMS_TO: Final = (
    "http://www.opengis.net/spec/ogcapi-common-1/1.0/conf/core",
    "http://www.opengis.net/spec/ogcapi-common-2/1.0/conf/collections",
    *(f"{_FEATURES}1/1.0/conf/{name}" for name in ("core", "geojson", "json", "html", "oas30")),
    *(f"{_FEATURES}3/1.0/conf/{name}" for name in ("queryables", "queryables-query-parameters")),
    *(f"{_FEATURES}3/1.0/conf/{name}" for name in ("filter", "features-filter")),
    *(f"{_CQL2}{name}" for name in ("cql2-text", "cql2-json", "basic-cql2", "advanced-comparison-operators")),
    *(f"{_CQL2}{name}" for name in ("case-insensitive-comparison", "accent-insensitive-comparison")),
    *(f"{_CQL2}{name}" for name in ("basic-spatial-functions", "temporal-functions")),
    RECORD_CORE,
    *(f"{_RECORDS}{name}" for name in ("record-collection", "record-core-query-parameters", "record-api")),
    *(f"{_RECORDS}{name}" for name in ("sorting", "filtering", "query-param-profile")),
    *(f"{_RECORDS}{name}" for name in ("json", "html", "oas30", "autodiscovery")),
    *(f"{_RECORDS}searchable-catalog{name}" for name in ("", "-sorting", "-filtering")),
    f"{_RECORDS}local-resources-catalog",
    CRAWLABLE,
    *(f"{_FACETS}{name}" for name in ("simple", "advanced")),
)
TITLES: Final[Mapping[str, str]] = {RESOURCES: "Resources", OBSERVATIONS: "Observations"}
_ABOUT: Final[Mapping[str, str]] = {
    RESOURCES: "Everything but observations: datasets, projects, volumes, datalabs, pipelines, services, documents.",
    OBSERVATIONS: "Observations, scenes and granules; each names its dataset where that is known.",
}
_TYPES: Final[Mapping[Type, Mapping[str, str]]] = {
    Type.KEYWORD: {"type": "string"},
    Type.TEXT: {"type": "string"},
    Type.NUMBER: {"type": "number"},
    Type.INSTANT: {"type": "string", "format": "date-time"},
}
_ENUMS: Final[Mapping[str, Mapping[str, tuple[str, ...]]]] = {
    RESOURCES: {"kind": tuple(each for each in KINDS if each != "observation")},
    OBSERVATIONS: {"kind": ("observation",)},
}


def landing(links: Links, title: str, docs: str | None) -> dict[str, Any]:
    """Return the landing page."""
    return {
        "title": title,
        "description": DESCRIPTION,
        "conformsTo": list(CONFORMS_TO),
        "links": links.of_landing(docs),
    }


def conformance(links: Links) -> dict[str, Any]:
    """Return the conformance classes."""
    here = links.conformance
    return {"conformsTo": list(CONFORMS_TO), "links": [link("self", here, JSON), *alternates(here, (HTML,))]}


def catalogues(links: Links, sources: Iterable[str]) -> dict[str, Any]:
    """Return the list of catalogues, which is a catalogue of its own: that of the service's local resources."""
    here, known = links.collections, list(sources)
    children = [link("child", links.collection(name), CATALOG, TITLES[name]) for name in SCOPES]
    return {
        "id": "collections",
        "type": "Collection",
        "title": "Catalogues",
        "description": "The catalogues of this service.",
        "itemType": "catalog",
        "recordsArrayName": "collections",
        "links": [
            link("self", here, CATALOG),
            *alternates(here, (JSON, HTML)),
            link("root", links.root, JSON),
            *children,
            profile(CATALOG_PROFILE),
        ],
        "collections": [catalogue(links, name, known) for name in SCOPES],
        "numberMatched": len(SCOPES),
        "numberReturned": len(SCOPES),
    }


def catalogue(links: Links, name: str, sources: Iterable[str]) -> dict[str, Any]:
    """Return what a catalogue is; `sources` are the names of the sources whose identifiers are found in it."""
    order = DEFAULT_SORT[name]
    template = links.record(name, "RECORD").replace("RECORD", "{recordId}")
    return {
        "id": name,
        "type": "Collection",
        "itemType": "record",
        "title": TITLES[name],
        "description": _ABOUT[name],
        "language": {"code": "en"},
        "conformsTo": [RECORD_CORE, EXTENSION],
        "extent": {
            "spatial": {"bbox": [[-180.0, -90.0, 180.0, 90.0]], "crs": CRS84},
            "temporal": {"interval": [[None, None]]},
        },
        "crs": [CRS84],
        "defaultSortOrder": [{"field": order.name, "direction": "desc" if order.descending else "asc"}],
        "schemes": [
            {"scheme-id": DOI, "namespace": DOI_NAMESPACE},
            *(
                {"scheme-id": each, "namespace": f"{links.site}/search?{urlencode({'facet.source': each})}"}
                for each in sources
            ),
        ],
        "linkTemplates": [
            {
                "rel": "item",
                "type": GEOJSON,
                "uriTemplate": template,
                "variables": {"recordId": {"type": "string", "description": "The id of a record."}},
            }
        ],
        "links": links.of_catalogue(name),
    }


def queryables(links: Links, name: str) -> dict[str, Any]:
    """Return what filters may name, and parameters with an equality."""
    known = {facets.public(each): _queryable(each, name) for each in fields.FIELDS.values()}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"{links.collection(name)}/queryables",
        "type": "object",
        "title": f"Queryables of {TITLES[name].lower()}",
        "properties": {
            **known,
            DATETIME: {"title": "Time", "type": "string", "format": "date-time", "facet": True},
            "geometry": {"title": "Footprint", "format": "geometry-any", "x-ogc-role": "primary-geometry"},
        },
        "additionalProperties": False,
    }


def _queryable(each: Field, name: str) -> dict[str, Any]:
    found: dict[str, Any] = {"title": each.label, **_TYPES[each.type]}
    if each.unit:
        found["x-ogc-unit"] = each.unit
    if values := _ENUMS[name].get(each.name):
        found["enum"] = list(values)
    if each.facet or each.type is Type.NUMBER:
        found["facet"] = True
    return found


def sortables(links: Links, name: str) -> dict[str, Any]:
    """Return what records may be sorted by."""
    known = {
        facets.public(each): {"title": each.label, **_TYPES[each.type]} for each in fields.FIELDS.values() if each.sort
    }
    relevance = {"title": "Relevance", "type": "number", "description": "How well a record answers q; falling only."}
    return {
        # The only version that both lists of the standard's requirement have.
        "$schema": "https://json-schema.org/draft/2019-09/schema",
        "$id": f"{links.collection(name)}/sortables",
        "type": "object",
        "title": f"Sortables of {TITLES[name].lower()}",
        "properties": {**known, RELEVANCE: relevance},
        "additionalProperties": False,
    }


def facet_definitions(links: Links, name: str) -> dict[str, Any]:
    """Return what may be counted."""
    here = f"{links.collection(name)}/facets"
    return {
        "id": name,
        "title": f"Facets of {TITLES[name].lower()}",
        "facets": facets.definitions(),
        "defaultBucketCount": facets.DEFAULT_BUCKETS,
        "links": [
            link("self", here, FACETS),
            *alternates(here, (JSON, HTML)),
            link("collection", links.collection(name), CATALOG),
        ],
    }


def crawled(links: Links, name: str, after: str, items: Iterable[tuple[str, str]], onward: str) -> dict[str, Any]:
    """Return one file of a catalogue that is read without a question: a link to each of some records.

    Args:
        links: The addresses.
        name: The catalogue.
        after: What this file begins behind; empty for the first.
        items: Ids and titles.
        onward: What the next one begins behind; empty at the end.
    """
    here = links.crawl(name, after)
    around: list[Link] = [
        link("self", here, CATALOG),
        *alternates(here, (JSON, HTML)),
        link("root", links.root, JSON),
        link("first", links.crawl(name), CATALOG),
        link("alternate", links.collection(name), CATALOG, "The same to be searched"),
        profile(CATALOG_PROFILE),
    ]
    if onward:
        around.append(link("next", links.crawl(name, onward), CATALOG))
    return {
        "id": f"{name}-crawl",
        "type": "Collection",
        "itemType": "record",
        "title": TITLES[name],
        "description": _ABOUT[name],
        "conformsTo": [CRAWLABLE, RECORD_CORE, EXTENSION],
        "links": [*around, *(link("item", links.record(name, id), GEOJSON, title) for id, title in items)],
    }


MEDIA_TYPES: Final[Mapping[str, tuple[str, ...]]] = {
    "landing": (JSON,),
    "conformance": (JSON,),
    "api": (OPENAPI, JSON),
    "catalogues": (CATALOG, JSON),
    "catalogue": (CATALOG, JSON),
    "crawl": (CATALOG, JSON),
    "queryables": (SCHEMA, JSON),
    "sortables": (SCHEMA, JSON),
    "facets": (FACETS, SCHEMA, JSON),
    "records": (GEOJSON, JSON),
    "record": (GEOJSON, JSON),
}
"""The forms of each document beside HTML, the usual one first."""
