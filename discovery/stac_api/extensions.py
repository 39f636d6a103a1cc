"""What requests may hold, and the extensions that stac-fastapi does not have as we need them."""

# FastAPI reads the annotations of attrs' classes where they are made, so they must not be texts here.

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Final, cast

import attr
from fastapi import APIRouter, FastAPI, Query
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator
from stac_fastapi.api.models import CollectionUri, EmptyRequest, create_request_model
from stac_fastapi.api.routes import create_async_endpoint
from stac_fastapi.extensions.collection_search.request import BaseCollectionSearchGetRequest
from stac_fastapi.types.extension import ApiExtension
from stac_fastapi.types.search import APIRequest, BaseSearchGetRequest, BaseSearchPostRequest, Limit

AGGREGATION: Final = "https://api.stacspec.org/v0.3.0/aggregation"
COLLECTION_AGGREGATION: Final = "discovery:conformance/collection-aggregation"
"""Counts over collections, which no standard has."""
_WHAT: Final = "What to count, with commas between; /aggregations lists what there is."
_FORM: Final = "geojson, ndjson, geojsonseq or geoparquet; without it, what Accept asks for."
_APART: Final = "Whether what the filter asks of a field is left aside where that field is counted."


class SearchBody(BaseSearchPostRequest):
    """What a search is sent as; places are read by the portal, so that both methods take the same ones."""

    # Wider than what they replace, which mypy does not like.
    bbox: list[float] | None = None  # type: ignore[assignment]
    intersects: dict[str, Any] | None = None  # type: ignore[assignment]

    @model_validator(mode="before")
    @classmethod
    def _is_object(cls, value: object) -> object:
        """Refuse what is no object before stac_pydantic looks for members in it."""
        if not isinstance(value, Mapping):
            raise ValueError("a search is sent as a JSON object")  # pydantic makes a 400 of it
        return value

    @field_validator("collections", "ids", mode="before")
    @classmethod
    def _named(cls, value: object) -> object:
        """Take names as a query string has them too: stac-api-validator and hurried people send them so."""
        return value.split(",") if isinstance(value, str) else value


class _Counted(BaseModel):
    # Parameters of single aggregations have names of their own, such as healpix_frequency_order.
    model_config = ConfigDict(extra="allow")
    aggregations: list[str] | None = Field(None, description=_WHAT)
    disjunctive: bool = Field(False, description=_APART)


class AggregateBody(SearchBody, _Counted):
    """What counts over items are sent as."""


class _CollectionsBody(BaseModel):
    bbox: list[float] | None = None
    datetime: str | None = None


class CollectionsAggregateBody(_CollectionsBody, _Counted):
    """What counts over collections are sent as."""


class CollectionsBody(_CollectionsBody):
    """What a search among collections is sent as."""

    limit: Limit | None = 10


def _listed(value: Annotated[str | None, Query(description=_WHAT)] = None) -> list[str] | None:
    return value.split(",") if value else None


@attr.s
class _CountedUri(APIRequest):
    aggregations: list[str] | None = attr.ib(default=None, converter=_listed)
    disjunctive: Annotated[bool, Query(description=_APART)] = attr.ib(default=False)


@attr.s
class AggregateUri(BaseSearchGetRequest, _CountedUri):
    """What counts over items are asked for by."""


@attr.s
class CollectionsAggregateUri(BaseCollectionSearchGetRequest, _CountedUri):
    """What counts over collections are asked for by."""


@attr.s
class FormatUri(APIRequest):
    """The form of an answer."""

    f: Annotated[str | None, Query(description=_FORM)] = attr.ib(default=None)


@attr.s
class FormatExtension(ApiExtension):
    """Answers as lines of JSON or as a table."""

    GET: type[APIRequest] = FormatUri
    POST = None
    conformance_classes: list[str] = attr.ib(factory=list)

    def register(self, app: FastAPI) -> None:
        """Add nothing: it is a parameter of routes that there are."""


@attr.s(kw_only=True)
class AggregationExtension(ApiExtension):
    """Counts over items, and over collections.

    Those over collections lie beside `/collections` and not below it: `aggregate` may be the id of a collection.
    """

    client: Any = attr.ib()
    """Has `aggregate`, `aggregations`, `aggregate_collections` and `collection_aggregations`."""
    narrowing: Sequence[ApiExtension] = attr.ib()
    """The extensions whose parameters narrow what is counted."""
    queryables: Callable[..., Any] = attr.ib()
    """Answers what filters over collections may name: stac-fastapi has this for items alone."""
    router: APIRouter = attr.ib()
    conformance_classes: list[str] = attr.ib(
        factory=lambda: [AGGREGATION, f"{AGGREGATION}#filter", f"{AGGREGATION}#query", COLLECTION_AGGREGATION]
    )

    def register(self, app: FastAPI) -> None:
        """Add the routes."""
        self.router.prefix = app.state.router_prefix
        uri = self._model("AggregateGet", AggregateUri, "GET")
        body = self._model("AggregatePost", AggregateBody, "POST")
        for where, names in (("", EmptyRequest), ("/collections/{collection_id}", CollectionUri)):
            of = "Collection " if where else ""
            self._route(f"{of}Aggregations", f"{where}/aggregations", self.client.aggregations, names)
            self._route(f"{of}Aggregate", f"{where}/aggregate", self.client.aggregate, uri)
            self._route(f"{of}Aggregate", f"{where}/aggregate", self.client.aggregate, body, "POST")
        uri = self._model("CollectionsAggregateGet", CollectionsAggregateUri, "GET")
        body = self._model("CollectionsAggregatePost", CollectionsAggregateBody, "POST")
        counts = self.client.aggregate_collections
        described = self.client.collection_aggregations
        self._route("Aggregations of Collections", "/collections-aggregations", described, EmptyRequest)
        self._route("Queryables of Collections", "/collections-queryables", self.queryables, EmptyRequest)
        self._route("Aggregate Collections", "/collections-aggregate", counts, uri)
        self._route("Aggregate Collections", "/collections-aggregate", counts, body, "POST")

    def _route(self, name: str, path: str, answer: Callable[..., Any], model: Any, method: str = "GET") -> None:
        self.router.add_api_route(
            path, create_async_endpoint(answer, model), name=name, methods=[method], response_model=None
        )

    def _model(self, name: str, base: type[Any], method: str) -> type[Any]:
        extensions = cast(list[ApiExtension], list(self.narrowing))
        return create_request_model(name, base_model=base, extensions=extensions, request_type=method)
