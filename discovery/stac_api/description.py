"""The STAC face as OpenAPI 3.0: what its routes answer, and their description without those of other faces.

stac-fastapi describes answers that it would give and FastAPI refusals that nobody gets, both as OpenAPI 3.1. What is
answered here is said at each route; readers of OGC API - Features are promised OpenAPI 3.0.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from discovery.stac_api.formats import MEDIA_TYPES
from discovery.stac_api.links import GEOJSON, JSON, SCHEMA
from discovery.stac_api.question import MAX_PAGE

Json = dict[str, Any]
Responses = dict[int | str, Json]

_STRING: Final[Json] = {"type": "string"}
_COUNT: Final[Json] = {"type": "integer", "minimum": 0}
_LINKS: Final[Json] = {
    "type": "array",
    "items": {"type": "object", "required": ["href", "rel"], "properties": dict.fromkeys(("href", "rel"), _STRING)},
}


def _object(title: str, *required: str, **properties: Json) -> Json:
    return {"type": "object", "title": title, "required": list(required), "properties": properties}


def _const(value: str) -> Json:
    return {"type": "string", "enum": [value]}


_ERROR: Final = _object("Error", "code", "description", code=_STRING, description=_STRING)
_ITEM: Final = _object("Item", "type", "id", type=_const("Feature"), id=_STRING, links=_LINKS)
_COLLECTION: Final = _object("Collection", "type", "id", type=_const("Collection"), id=_STRING, links=_LINKS)
_PAGE: Final[Json] = {"links": _LINKS, "numberReturned": _COUNT, "numberMatched": _COUNT}
_ITEMS: Final = _object(
    "Items",
    *("type", "features", *_PAGE),
    type=_const("FeatureCollection"),
    features={"type": "array", "items": _ITEM},
    **_PAGE,
)
_COLLECTIONS: Final = _object(
    "Collections", "collections", *_PAGE, collections={"type": "array", "items": _COLLECTION}, **_PAGE
)
_COUNTS: Final = _object(
    "Aggregations",
    *("type", "aggregations", "links"),
    type=_const("AggregationCollection"),
    aggregations={
        "type": "array",
        "items": _object("Aggregation", "name", "data_type", name=_STRING, data_type=_STRING),
    },
    links=_LINKS,
)
_CLASSES: Final[Json] = {"type": "array", "items": _STRING}
_LANDING: Final = _object(
    "Catalog",
    *("type", "id", "description", "stac_version", "conformsTo", "links"),
    type=_const("Catalog"),
    conformsTo=_CLASSES,
    links=_LINKS,
)
_NAMES: Final = _object("Names", "$schema", "$id", "type", "properties", properties={"type": "object"})
_CATALOG: Final = _object(
    "Catalog",
    *("type", "id", "title", "description", "stac_version", "links"),
    type=_const("Catalog"),
    id=_STRING,
    description=_STRING,
    stac_version=_STRING,
    links=_LINKS,
)
_BELOW: Final = _object(
    "Children", "children", *_PAGE, children={"type": "array", "items": {"oneOf": [_CATALOG, _COLLECTION]}}, **_PAGE
)
_BROWSED: Final = {JSON: {"schema": _CATALOG}}
_FORMS: Final = {GEOJSON: {"schema": _ITEMS}} | {each: {} for each in MEDIA_TYPES.values()}
_ANSWERS: Final[Mapping[str, tuple[str, Json]]] = {
    "/": ("The landing page.", {JSON: {"schema": _LANDING}}),
    "/conformance": (
        "The conformance classes.",
        {JSON: {"schema": _object("Classes", "conformsTo", conformsTo=_CLASSES)}},
    ),
    "/collections": ("Collections, a page of them.", {JSON: {"schema": _COLLECTIONS}}),
    "/collections/{}": ("A collection.", {JSON: {"schema": _COLLECTION}}),
    "/collections/{}/items": ("Items of a collection.", _FORMS),
    "/collections/{}/items/{}": ("An item.", {GEOJSON: {"schema": _ITEM}}),
    "/search": ("Items that match.", _FORMS),
    "/catalogs/{}": ("A source.", _BROWSED),
    "/catalogs/{}/parts/{}-{}": ("Some collections of a source.", _BROWSED),
    "/catalogs/{}/items/{}": ("An item whose collection is not in the catalogue.", {GEOJSON: {"schema": _ITEM}}),
    **{
        f"{path}/browse{time}": ("Items, or catalogs of some of them.", _BROWSED)
        for path in ("/catalogs/{}", "/collections/{}")
        for time in ("", "/{}")
    },
}
"""What is read, by paths in which ids have no names."""
_ENDINGS: Final[tuple[tuple[str, tuple[str, Json]], ...]] = (
    ("queryables", ("What filters may name, as a JSON schema.", {SCHEMA: {"schema": _NAMES}})),
    ("sortables", ("What sortby may name, as a JSON schema.", {SCHEMA: {"schema": _NAMES}})),
    ("aggregations", ("What may be counted.", {JSON: {"schema": _COUNTS}})),
    ("children", ("What is behind the links `child`.", {JSON: {"schema": _BELOW}})),
    ("aggregate", ("Counts.", {JSON: {"schema": _COUNTS}})),
)
_MOVING: Final = ("/collections/{}/browse", "/collections/{}/children")
"""Beginnings of what a collection leads to: one that was merged into another says where that is."""
_PARAMETERS: Final = {
    "limit": f"How many on a page; {MAX_PAGE:,} at most, and more are cut to that.",
    "filter": "A filter in CQL2: text, or JSON with `filter-lang=cql2-json`.",
    "filter-crs": "The reference system of places in the filter: CRS84 alone.",
    "token": "Where a page begins: it stands in links of the relations next and prev.",
}
"""What stac-fastapi says of its parameters otherwise than it is here, or not at all."""
_NOTHING: Final = "Endpoint."
"""What stac-fastapi says of every route."""


def refusals(statuses: Mapping[int | str, str] | None = None) -> Responses:
    """Return what is answered where nothing is; other statuses than those given are described as a kind."""
    told: dict[int | str, str] = {"4XX": "What is wrong with what was asked.", 503: "Try again.", **(statuses or {})}
    return {each: {"description": said, "content": {JSON: {"schema": _ERROR}}} for each, said in told.items()}


def responses(path: str, methods: Iterable[str]) -> Responses:
    """Return what a route answers, for its description.

    Args:
        path: Without the prefix of the face; what stands in braces may be called anything.
        methods: The methods that it takes; what POST answers here is what GET does.
    """
    plain = re.sub(r"{[^}]*}", "{}", path)
    ending = next((told for name, told in _ENDINGS if plain.endswith(name)), None)
    description, content = ending or _ANSWERS[plain]
    found: Responses = {200: {"description": description, "content": content}}
    if "GET" in methods:
        found[304] = {"description": "The reader has it: `If-None-Match` names its `ETag`."}
    if plain == "/collections" and "POST" in methods:
        found[201] = {"description": "The collection that was kept.", "content": {JSON: {"schema": _COLLECTION}}}
    if path.endswith("}") or plain.startswith(_MOVING):
        found[301] = {"description": "It is the same as another one by now, which `Location` names."}
    return found | refusals()


def document(whole: Json, prefix: str, base: str) -> Json:
    """Return the description of the STAC face as OpenAPI 3.0.

    Args:
        whole: The description of the whole application, as OpenAPI 3.1.
        prefix: Where the face is in the application.
        base: Where the face is on the web.
    """
    below = prefix + "/"
    paths = {
        path.removeprefix(prefix): {method: _operation(each) for method, each in operations.items()}
        for path, operations in whole["paths"].items()
        if path.startswith(below)
    }
    components: Json = {name: _older(each) for name, each in whole["components"].items() if name == "securitySchemes"}
    known = whole["components"].get("schemas", {})
    needed = _needed(paths, known)
    components["schemas"] = {name: _older(each) for name, each in known.items() if name in needed}
    return {
        "openapi": "3.0.3",
        "info": whole["info"],
        "servers": [{"url": base}],
        "paths": paths,
        "components": components,
    }


def _operation(operation: Json) -> Json:
    found: Json = _older(operation, names=True)
    if found.get("description") == _NOTHING:
        del found["description"]
    for each in found.get("parameters", ()):
        for name in ("nullable", "title", "description"):
            each["schema"].pop(name, None)
        # Those of stac-fastapi begin with one that has no value.
        each.pop("examples", None)
        if told := _PARAMETERS.get(each["name"]):
            each["description"] = told
    return found


def _needed(value: Any, known: Mapping[str, Any]) -> set[str]:
    """Return the names of the schemas that a description refers to, and those that they do."""
    found: set[str] = set()
    waiting = list(_references(value))
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += _references(known[name])
    return found


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        if isinstance(ref := value.get("$ref"), str):
            yield ref.rpartition("/")[2]
        for each in value.values():
            yield from _references(each)
    elif isinstance(value, list):
        for each in value:
            yield from _references(each)


def _older(value: Any, *, names: bool = False) -> Any:
    """Return a part of a description in the words of OpenAPI 3.0; `names` says that its members have names of ours."""
    if isinstance(value, list):
        return [_older(each) for each in value]
    if not isinstance(value, dict):
        return value
    found = {name: _older(each, names=name in _NAMED and not names) for name, each in value.items()}
    return found if names else _schema(found)


_NAMED: Final = frozenset({"properties", "responses", "content", "patternProperties"})
"""Members whose own members have any names."""


def _schema(found: Json) -> Json:
    """Return a schema with the words of JSON Schema 2020-12 that OpenAPI 3.0 does not have replaced."""
    if "const" in found:
        found["enum"] = [found.pop("const")]
    if isinstance(least := found.get("exclusiveMinimum"), int | float) and not isinstance(least, bool):
        found |= {"minimum": least, "exclusiveMinimum": True}
    if isinstance(found.get("examples"), list):
        found["example"] = found.pop("examples")[0]
    either = found.get("anyOf")
    if isinstance(either, list) and {"type": "null"} in either:
        left = [each for each in either if each != {"type": "null"}]
        rest = {name: each for name, each in found.items() if name != "anyOf"}
        found = {**left[0], **rest} if len(left) == 1 and "$ref" not in left[0] else {"anyOf": left, **rest}
        found["nullable"] = True
        if found.get("default", ...) is None:
            del found["default"]
    return found
