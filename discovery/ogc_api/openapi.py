"""The service as OpenAPI 3.0: every operation, parameter and form of answer, and nothing else (17-069r4, clause 9)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from discovery.model.record import KINDS, SCOPES
from discovery.ogc_api import facets
from discovery.ogc_api.documents import DESCRIPTION, MEDIA_TYPES
from discovery.ogc_api.links import HTML, PROBLEM
from discovery.ogc_api.question import CRS84, DEFAULT_LIMIT, FORMATS, MAX_LIMIT, MAX_OFFSET, PARAMETERS
from discovery.query import fields
from discovery.query.fields import Type
from discovery.query.order import MAX_FIELDS

Json = dict[str, Any]

_STRING: Final = {"type": "string"}
_ARRAY: Final = {"type": "array", "items": _STRING}
_FACET: Final = r"[A-Za-z_]+(:[0-9]*(:(value_asc|value_desc|count_asc|count_desc)?)?)?"
_BOX: Final = {"type": "array", "oneOf": [{"minItems": n, "maxItems": n} for n in (4, 6)], "items": {"type": "number"}}
_CRS: Final = {"type": "string", "format": "uri", "default": CRS84}
_EXCEPTION: Final = {
    "type": "object",
    "required": ["code", "title", "status"],
    "properties": {
        "code": {"type": "string", "description": "What kind of error it is; the kinds are in the documentation."},
        "description": {"type": "string", "description": "What is wrong and what is allowed."},
        "title": _STRING,
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "The same as the description, as RFC 9457 calls it."},
        "parameter": {"type": "string", "description": "The parameter that is to blame."},
    },
}
_LINK: Final = {
    "type": "object",
    "required": ["href", "rel"],
    "properties": dict.fromkeys(("href", "rel", "type", "title", "hreflang"), _STRING),
}
_LINKS: Final = {"type": "array", "items": {"$ref": "#/components/schemas/link"}}
_COUNT: Final = {"type": "integer", "minimum": 0}
_TIME: Final = {
    "type": "object",
    "nullable": True,
    "properties": {
        "date": _STRING,
        "timestamp": _STRING,
        "interval": {"type": "array", "minItems": 2, "maxItems": 2, "items": _STRING},
    },
}
_RECORD: Final = {
    "type": "object",
    "required": ["id", "type", "geometry", "properties", "links"],
    "properties": {
        "id": {"type": "string", "minLength": 1},
        "type": {"type": "string", "enum": ["Feature"]},
        "conformsTo": _ARRAY,
        "time": _TIME,
        "geometry": {"type": "object", "nullable": True},
        "properties": {
            "type": "object",
            "properties": {
                "type": {"type": "string", "enum": list(KINDS)},
                "title": _STRING,
                "description": _STRING,
                "keywords": _ARRAY,
                "created": {"type": "string", "format": "date-time"},
                "updated": {"type": "string", "format": "date-time"},
            },
        },
        "links": _LINKS,
    },
}
_RECORDS: Final = {
    "type": "object",
    "required": ["type", "features", "links", "numberReturned"],
    "properties": {
        "type": {"type": "string", "enum": ["FeatureCollection"]},
        "features": {"type": "array", "items": {"$ref": "#/components/schemas/record"}},
        "links": _LINKS,
        "numberMatched": _COUNT,
        "numberReturned": _COUNT,
        "facets": {"type": "object", "additionalProperties": {"$ref": "#/components/schemas/facet"}},
    },
}
_BUCKET: Final = {
    "type": "object",
    "required": ["count"],
    "properties": {"value": _STRING, "min": {}, "max": {}, "count": _COUNT},
}
_SCHEMAS: Final[Mapping[str, Json]] = {
    "exception": _EXCEPTION,
    "link": _LINK,
    "record": _RECORD,
    "records": _RECORDS,
    "facet": {
        "type": "object",
        "required": ["type", "property", "buckets"],
        "properties": {
            "type": {"type": "string", "enum": ["term", "histogram", "filter"]},
            "property": _STRING,
            "buckets": {"type": "array", "items": _BUCKET},
            "more": {"type": "boolean"},
        },
    },
    "landing": {
        "type": "object",
        "required": ["links"],
        "properties": {"title": _STRING, "description": _STRING, "conformsTo": _ARRAY, "links": _LINKS},
    },
    "conformance": {"type": "object", "required": ["conformsTo"], "properties": {"conformsTo": _ARRAY}},
    "catalogue": {
        "type": "object",
        "required": ["id", "type", "links"],
        "properties": {
            "id": _STRING,
            "type": {"type": "string", "enum": ["Collection"]},
            "itemType": {"type": "string", "enum": ["record", "catalog"]},
            "title": _STRING,
            "description": _STRING,
            "links": _LINKS,
        },
    },
    "schema": {"type": "object", "required": ["$schema", "$id", "type", "properties"]},
    "facets": {
        "type": "object",
        "required": ["id", "facets"],
        "properties": {"id": _STRING, "facets": {"type": "object"}, "defaultBucketCount": _COUNT},
    },
}


def _parameter(name: str, schema: Json, about: str, *, place: str = "query", listed: bool = False) -> Json:
    found: Json = {"name": name, "in": place, "required": place == "path", "description": about, "schema": schema}
    return found | ({"style": "form", "explode": False} if listed else {})


_PARAMETERS: Final = {
    each["name"]: each
    for each in (
        _parameter("bbox", _BOX, "West, south, east, north in degrees, or six numbers with heights.", listed=True),
        _parameter("bbox-crs", _CRS, "What bbox is in: CRS84 alone."),
        _parameter("datetime", _STRING, "A date or time, or two with a slash; .. or nothing for an open end."),
        _parameter("limit", {"type": "integer", "minimum": 0, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT},
                   "Records on a page; 0 for numbers and facets alone. More than the maximum is the maximum."),
        _parameter("offset", {"type": "integer", "minimum": 0, "maximum": MAX_OFFSET, "default": 0},
                   "Records to pass over; beyond the maximum follow the links next."),
        _parameter("q", _ARRAY, "Terms of which one is enough; the words of a term stand side by side.", listed=True),
        _parameter("type", {"type": "array", "items": {"type": "string", "maxLength": 64}},
                   f"Kinds of records: {', '.join(KINDS)}.", listed=True),
        _parameter("ids", _ARRAY, "Ids of records; an empty list is nothing.", listed=True),
        _parameter("externalIds", {"type": "array", "items": {"type": "string", "pattern": "([^:]+:)?[^:]+"}},
                   "Identifiers that others have given: value, scheme:value or scheme: alone.", listed=True),
        _parameter("profile", _ARRAY, "Profiles of the answer; records and catalogues have one each.", listed=True),
        _parameter("crs", _CRS, "What the answer is in: CRS84 alone."),
        _parameter("filter", _STRING, "A filter in CQL2 over the queryables."),
        _parameter("filter-lang", {"type": "string", "enum": ["cql2-text", "cql2-json"]},
                   "What the filter is written in; without it a filter that begins with { is JSON."),
        _parameter("filter-crs", _CRS, "What geometries of the filter are in: CRS84 alone."),
        _parameter("sortby", {"type": "array", "minItems": 1, "maxItems": MAX_FIELDS,
                              "items": {"type": "string", "pattern": "[+|-]?[A-Za-z_].*"}},
                   "Sortables, the first counting most, with - in front for falling order.", listed=True),
        _parameter("facets", {"type": "array", "items": {"type": "string", "pattern": _FACET}},
                   f"What to count: name:buckets:order, at most {facets.MAX_FACETS}; empty for nothing.", listed=True),
        _parameter("after", _STRING, "Where a page begins, from the link next of the one before."),
        _parameter("f", {"type": "string", "enum": list(FORMATS)}, "The form of the answer, instead of Accept."),
    )
}  # fmt: skip
assert tuple(_PARAMETERS) == PARAMETERS
_PATHS: Final[Mapping[str, tuple[str, str, str]]] = {
    "/": ("landing", "landing", "The landing page"),
    "/conformance": ("conformance", "conformance", "What the service conforms to"),
    "/api": ("api", "landing", "This description"),
    "/collections": ("catalogues", "catalogue", "The catalogues"),
    "/collections/{catalogId}": ("catalogue", "catalogue", "One catalogue"),
    "/collections/{catalogId}/queryables": ("queryables", "schema", "What filters may name"),
    "/collections/{catalogId}/sortables": ("sortables", "schema", "What records may be sorted by"),
    "/collections/{catalogId}/facets": ("facets", "facets", "What may be counted"),
    "/collections/{catalogId}/items": ("records", "records", "Records of a catalogue"),
    "/collections/{catalogId}/items/{recordId}": ("record", "record", "One record"),
    "/crawl/{catalogId}": ("crawl", "catalogue", "A catalogue as files with a link to each record: the first"),
    "/crawl/{catalogId}/{after}": ("crawl", "catalogue", "A catalogue as files with a link to each record: the next"),
}
"""Path, document, schema and summary of every operation."""


def document(title: str, version: str, server: str) -> Json:
    """Return the description of the service.

    Args:
        title: What the portal is called.
        version: Of the software.
        server: The address of the face.
    """
    return {
        "openapi": "3.0.3",
        "info": {"title": f"{title}: OGC API - Records", "version": version, "description": DESCRIPTION},
        "servers": [{"url": server}],
        "tags": [{"name": "OGC API - Records"}],
        "paths": {path: {"get": _operation(path, *said)} for path, said in _PATHS.items()},
        "components": {"schemas": dict(_SCHEMAS)},
    }


def _operation(path: str, name: str, schema: str, summary: str) -> Json:
    return {
        "operationId": f"{name}{'Next' if path.endswith('{after}') else ''}",
        "summary": summary,
        "tags": ["OGC API - Records"],
        "parameters": [*_of_path(path), *_of_query(name)],
        "responses": {
            "200": _answer(name, schema),
            **({"301": {"description": "It was merged into another record."}} if name == "record" else {}),
            **{status: _failure(said) for status, said in _FAILURES.items()},
        },
    }


_FAILURES: Final = {
    "400": "A parameter is not known, or cannot be as it is.",
    "404": "Nothing is there by that name.",
    "406": "The answer has none of the forms that were asked for.",
    "410": "It was deleted, or the page mark is too old.",
    "503": "The search engine does not answer now.",
}


def _of_path(path: str) -> list[Json]:
    known = {
        "catalogId": _parameter("catalogId", {"type": "string", "enum": list(SCOPES)}, "A catalogue.", place="path"),
        "recordId": _parameter("recordId", _STRING, "The id of a record.", place="path"),
        "after": _parameter("after", _STRING, "Where the file begins, from the link next.", place="path"),
    }
    return [each for name, each in known.items() if f"{{{name}}}" in path]


def _of_query(name: str) -> Iterable[Json]:
    if name != "records":
        forms = [each for each in FORMATS if each != "geojson" or name == "record"]
        return [{**_PARAMETERS["f"], "schema": {"type": "string", "enum": forms}}, _PARAMETERS["profile"]]
    return [*_PARAMETERS.values(), *_equalities()]


def _equalities() -> Iterable[Json]:
    for each in fields.FIELDS.values():
        name = facets.public(each)
        if each.type is not Type.TEXT and name not in _PARAMETERS:
            schema = {"type": "number"} if each.type is Type.NUMBER else _STRING
            yield _parameter(name, schema, f"{each.label}: records with this value.")


def _answer(name: str, schema: str) -> Json:
    ref = {"schema": {"$ref": f"#/components/schemas/{schema}"}} if name != "api" else {"schema": {"type": "object"}}
    forms = dict.fromkeys(MEDIA_TYPES[name], ref)
    return {"description": "What was asked for.", "content": {**forms, HTML: {"schema": _STRING}}}


def _failure(said: str) -> Json:
    return {"description": said, "content": {PROBLEM: {"schema": {"$ref": "#/components/schemas/exception"}}}}
