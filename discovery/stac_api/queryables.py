"""What filters and orders may name, as JSON schemas with the values that there are and how many have each."""

# stac-fastapi passes a Response through untouched, though its base classes are typed with dicts only.
# mypy: disable-error-code="override"

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from threading import Lock
from typing import Any, Final

import attr
import orjson
from fastapi import Request, Response
from stac_fastapi.extensions.filter.client import BaseFiltersClient
from stac_fastapi.extensions.sort.client import BaseSortablesClient

from discovery.model.record import OBSERVATIONS, RESOURCES
from discovery.portal import Keyed, Portal
from discovery.query import fields
from discovery.query.facets import RangeFacet, RangeRequest
from discovery.query.fields import Field, Type
from discovery.query.query import Comparison, Facet, FacetRequest, Query
from discovery.stac_api import aggregations
from discovery.stac_api.links import SCHEMA, Links
from discovery.stac_api.question import ARE_COLLECTIONS

MAX_VALUES: Final = 50
"""The most values of a queryable that are listed; where there are more, these are examples."""
MAX_KEPT: Final = 256
"""The most collections whose queryables are remembered."""
_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_SCHEMAS: Final[Mapping[Type, Mapping[str, str]]] = {
    Type.KEYWORD: {"type": "string"},
    Type.TEXT: {"type": "string"},
    Type.NUMBER: {"type": "number"},
    Type.INSTANT: {"type": "string", "format": "date-time"},
}
_HIDDEN: Final = ("id", "dataset", "collection")
"""Fields whose names mean something else in STAC."""
_TIME: Final = {"title": "Time", "type": "string", "format": "date-time"}


class Values:
    """What the fields hold, counted again only when the index has changed."""

    def __init__(self, portal: Portal) -> None:
        self._portal = portal
        self._kept: OrderedDict[tuple[str, str], tuple[object, dict[str, Any]]] = OrderedDict()
        self._lock = Lock()

    def of(self, scope: str, dataset: str = "") -> dict[str, Any]:
        """Return the queryables of items, or of collections; of one collection those alone that its items have."""
        generation = self._portal.status()[scope]
        seen = (generation.name, generation.change)
        with self._lock:
            kept = self._kept.get((scope, dataset))
            if kept is not None and kept[0] == seen:
                self._kept.move_to_end((scope, dataset))
                return kept[1]
        found = self._counted(scope, dataset)
        with self._lock:
            self._kept[(scope, dataset)] = (seen, found)
            while len(self._kept) > MAX_KEPT:
                self._kept.popitem(last=False)
        return found

    def _counted(self, scope: str, dataset: str) -> dict[str, Any]:
        narrowed = ARE_COLLECTIONS if scope == RESOURCES else None
        found = self._portal.keys(
            Query(
                scope=scope,
                filter=Comparison("=", "dataset", dataset) if dataset else narrowed,
                facets=tuple(FacetRequest(name, MAX_VALUES) for name in fields.FACETS),
                numbers=tuple(RangeRequest(name) for name in fields.NUMBERS),
                size=0,
            )
        )
        facets = {each.name: each for each in found.facets}
        numbers = {each.name: each for each in found.numbers}
        known: dict[str, Any] = {}
        for field in fields.FIELDS.values():
            if field.name in _HIDDEN:
                continue
            facet, number = facets.get(field.name), numbers.get(field.name)
            if dataset and _is_empty(found, facet, number):
                continue
            known[field.stac or field.name] = _schema(field, facet, number)
        known["collection"] = {"title": "Collection", "type": "string", **self._collections(facets["dataset"])}
        known["datetime"] = _TIME
        known["geometry"] = {"title": "Footprint", "$ref": "https://geojson.org/schema/Geometry.json"}
        return known

    def _collections(self, facet: Facet) -> dict[str, Any]:
        called = aggregations.names(self._portal, facet)
        counts = {called[each.value]: each.count for each in facet.buckets if each.value in called}
        return _listed(counts, complete=facet.other == 0 and facet.exact)


def _is_empty(found: Keyed, facet: Facet | None, number: RangeFacet | None) -> bool:
    if facet is not None:
        return not facet.buckets
    return number is not None and number.present == 0 and found.total.exact


def _schema(field: Field, facet: Facet | None, number: RangeFacet | None) -> dict[str, Any]:
    schema: dict[str, Any] = {"title": field.label, **_SCHEMAS[field.type]}
    if facet is not None:
        counts = {each.value: each.count for each in facet.buckets}
        # Of a tree only some levels may be here.
        schema |= _listed(counts, complete=facet.other == 0 and facet.exact and not field.tree)
    if number is not None:
        schema |= {"x-ogc-unit": field.unit} if field.unit else {}
        schema |= {"minimum": number.least} if number.least is not None else {}
        schema |= {"maximum": number.greatest} if number.greatest is not None else {}
    return schema


def _listed(counts: Mapping[str, int], *, complete: bool) -> dict[str, Any]:
    """Return values as a schema: `enum` says that there are no others, `examples` that there are."""
    if not counts:
        return {}
    return {"enum" if complete else "examples": list(counts), "discovery:counts": dict(counts)}


@attr.s(auto_attribs=True, kw_only=True)
class Queryables(BaseFiltersClient):
    """What filters may name."""

    values: Values
    collection: Callable[[str], str]
    """Returns the id of the record of a live collection, else raises."""
    prefix: str

    def get_queryables(self, collection_id: str | None = None, *, request: Request, **_: Any) -> Response:
        """Return what filters over items may name, of one collection or all."""
        links = Links.of(request, self.prefix)
        if collection_id is None:
            return _schema_of(f"{links.base}/queryables", "Queryables", self.values.of(OBSERVATIONS))
        known = self.values.of(OBSERVATIONS, self.collection(collection_id))
        return _schema_of(f"{links.collection(collection_id)}/queryables", "Queryables", known, more=True)

    def of_collections(self, *, request: Request, **_: Any) -> Response:
        """Return what filters over collections may name."""
        here = f"{Links.of(request, self.prefix).base}/collections-queryables"
        return _schema_of(here, "Queryables", self.values.of(RESOURCES))


@attr.s(auto_attribs=True, kw_only=True)
class Sortables(BaseSortablesClient):
    """What items and collections can be ordered by: the same fields everywhere."""

    collection: Callable[[str], str]
    """Returns the id of the record of a live collection, else raises."""
    prefix: str

    def get_sortables(self, *, request: Request, **_: Any) -> Response:
        """Return what a search can be ordered by."""
        return self._answer(Links.of(request, self.prefix).base + "/sortables")

    def get_collection_sortables(self, collection_id: str, *, request: Request, **_: Any) -> Response:
        """Return what the items of a collection can be ordered by."""
        self.collection(collection_id)
        return self._answer(Links.of(request, self.prefix).collection(collection_id) + "/sortables")

    def get_collections_sortables(self, *, request: Request, **_: Any) -> Response:
        """Return what collections can be ordered by."""
        return self._answer(Links.of(request, self.prefix).base + "/collections-sortables")

    def _answer(self, here: str) -> Response:
        found = [fields.FIELDS[name] for name in fields.SORTS]
        known = {each.stac or each.name: {"title": each.label, **_SCHEMAS[each.type]} for each in found}
        return _schema_of(here, "Sortables", {**known, "datetime": _TIME})


def _schema_of(here: str, title: str, known: Mapping[str, Any], *, more: bool = False) -> Response:
    body = {
        "$schema": _DIALECT,
        "$id": here,
        "type": "object",
        "title": title,
        "properties": known,
        "additionalProperties": more,
    }
    return Response(orjson.dumps(body), media_type=SCHEMA)
