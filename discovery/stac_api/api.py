"""The STAC API as routes of the application, made with stac-fastapi."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from typing import Any, cast

import orjson
from fastapi import APIRouter, FastAPI, HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from stac_fastapi.api.app import StacApi
from stac_fastapi.api.models import (
    ItemCollectionUri,
    create_get_request_model,
    create_post_request_model,
    create_request_model,
)
from stac_fastapi.extensions.collection_search import CollectionSearchExtension
from stac_fastapi.extensions.fields import FieldsConformanceClasses, FieldsExtension
from stac_fastapi.extensions.filter import FilterConformanceClasses, FilterExtension
from stac_fastapi.extensions.free_text import FreeTextConformanceClasses, FreeTextExtension
from stac_fastapi.extensions.pagination import TokenPaginationExtension
from stac_fastapi.extensions.query import QueryConformanceClasses, QueryExtension
from stac_fastapi.extensions.sort import SortConformanceClasses, SortExtension
from stac_fastapi.types.config import ApiSettings
from stac_fastapi.types.search import BaseSearchPostRequest
from starlette.types import Receive, Scope, Send

from discovery import __version__
from discovery.errors import DiscoveryError, UnsupportedMediaTypeError
from discovery.portal import Portal
from discovery.stac_api import description
from discovery.stac_api.browsing import BrowsingExtension
from discovery.stac_api.catalogs import Bounds, Known
from discovery.stac_api.client import PortalClient
from discovery.stac_api.extensions import AggregationExtension, CollectionsBody, FormatExtension, SearchBody
from discovery.stac_api.links import JSON
from discovery.stac_api.queryables import Queryables, Sortables, Values
from discovery.stac_api.routing import ExactRoute
from discovery.stac_api.transactions import Transactions
from discovery.stac_api.writing import TransactionExtension

DESCRIPTION = "Datasets and observations of many missions and archives, harvested into one catalogue."
_CQL2 = (
    FilterConformanceClasses.FILTER,
    FilterConformanceClasses.BASIC_CQL2,
    FilterConformanceClasses.CQL2_TEXT,
    FilterConformanceClasses.CQL2_JSON,
    FilterConformanceClasses.ADVANCED_COMPARISON_OPERATORS,
    FilterConformanceClasses.BASIC_SPATIAL_FUNCTIONS,
    FilterConformanceClasses.TEMPORAL_FUNCTIONS,
)
_SORTS = tuple(f"https://api.stacspec.org/v1.0.0/{each}#sort" for each in ("item-search", "ogcapi-features"))
"""What version 1.1.0 of sorting adds to; pystac-client looks for no other."""
_FILTERS = (FilterConformanceClasses.SEARCH, FilterConformanceClasses.ITEMS, FilterConformanceClasses.COLLECTIONS)


Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class StacRoute(ExactRoute):
    """A route whose errors are `{code, description}`, as OGC API asks; other faces keep their own form.

    The routes that are asked most answer by a handler of their own, `direct`: what FastAPI does between a request and
    an endpoint takes longer than the answer itself. It still describes them.
    """

    direct: Handler | None = None

    def get_route_handler(self) -> Handler:
        """Return the handler with our errors around it."""
        return _answered(super().get_route_handler())

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request whose path is this route's."""
        if self.direct is None or scope["method"] not in (self.methods or ()):
            await super().handle(scope, receive, send)
            return
        response = await _answered(self.direct)(Request(scope, receive))
        await response(scope, receive, send)


def _answered(handle: Handler) -> Handler:
    async def handled(request: Request) -> Response:
        try:
            _read(request)
            return await handle(request)
        except DiscoveryError as error:
            return _failed(error.status, error.kind, str(error), error.headers)
        except (RequestValidationError, ValidationError) as error:
            return _failed(400, "bad_query", "; ".join(_sentence(each) for each in error.errors()))
        except HTTPException as error:
            return _failed(error.status_code, "bad_query", str(error.detail))

    return handled


def _read(request: Request) -> None:
    """Refuse a search in a body that is said to be no JSON; one that says nothing is taken as JSON.

    Raises:
        UnsupportedMediaTypeError: It is something else.
    """
    if request.method == "POST":
        told = request.headers.get("Content-Type", JSON).partition(";")[0].strip().lower()
        if told != JSON and not told.endswith("+json"):
            raise UnsupportedMediaTypeError(told, (JSON,), header="Accept-Post")


def _failed(status: int, code: str, description: str, headers: dict[str, str] | None = None) -> Response:
    body = orjson.dumps({"code": code, "description": description})
    return Response(body, status, headers, "application/json")


def _sentence(error: Mapping[str, Any]) -> str:
    where = ".".join(str(each) for each in error["loc"] if each not in ("query", "body"))
    return f"{where}: {error['msg']}" if where else str(error["msg"])


class _Api(StacApi):
    """stac-fastapi's routes in the order and with the paths that ids with slashes need."""

    def register_core(self) -> None:
        # Ids of the Virtual Observatory are URIs. A path parameter that takes slashes takes everything behind it too,
        # so the longer paths come first.
        self.register_landing_page()
        self.register_conformance_classes()
        self.register_post_search()
        self.register_get_search()
        self.register_get_collections()
        self.register_get_item()
        self.register_get_item_collection()
        self.register_get_collection()

    def register_post_search(self) -> None:
        super().register_post_search()
        model = cast(type[BaseSearchPostRequest], self.search_post_request_model)

        async def search(request: Request) -> Response:
            return await self._portal_client().prompt_search(model.model_validate_json(await request.body()), request)

        self._last_route().direct = search

    def register_get_item(self) -> None:
        super().register_get_item()

        async def item(request: Request) -> Response:
            return await self._portal_client().prompt_item(**request.path_params, request=request)

        self._last_route().direct = item

    def _portal_client(self) -> PortalClient:
        return cast(PortalClient, self.client)

    def _last_route(self) -> StacRoute:
        return cast(StacRoute, self.router.routes[-1])


class _SlashRouter(APIRouter):
    """A router whose ids may hold slashes, and that says what is really answered."""

    def add_api_route(self, path: str, *args: Any, **kwargs: Any) -> None:
        # What writes has said so itself, and answers nothing with 200.
        if kwargs.get("include_in_schema", True) and 200 in (kwargs.get("responses") or (200,)):
            told = description.responses(path.removeprefix(self.prefix), kwargs["methods"])
            kwargs |= {"responses": told, "response_class": Response}
        for name in ("collection_id", "item_id"):
            path = path.replace(f"{{{name}}}", f"{{{name}:path}}")
        super().add_api_route(path, *args, **kwargs)


def attach(app: FastAPI, portal: Portal, *, title: str, prefix: str = "/stac", bounds: Bounds | None = None) -> None:
    """Put the STAC API under a prefix of the application; nothing else of the application changes.

    stac-fastapi would give its middlewares, error handlers and settings to the whole application. It builds on one
    of its own instead, and only the routes are taken over.
    """
    known = Known(portal)
    client = PortalClient(portal=portal, known=known, prefix=prefix)
    queryables = Queryables(values=Values(portal), collection=client.collection_id, prefix=prefix)
    filters = FilterExtension(
        client=queryables,
        conformance_classes=[*_CQL2, *(each.value for each in _FILTERS)],
        router=_SlashRouter(route_class=StacRoute, tags=["STAC"]),
    )
    sorts = SortExtension(
        client=Sortables(collection=client.collection_id, prefix=prefix),
        conformance_classes=[*(each.value for each in SortConformanceClasses), *_SORTS],
        router=_SlashRouter(route_class=StacRoute, tags=["STAC"]),
    )
    words = FreeTextExtension(conformance_classes=[each.value for each in FreeTextConformanceClasses][:3])
    operators = QueryExtension(conformance_classes=[each.value for each in QueryConformanceClasses])
    members = FieldsExtension(conformance_classes=[each.value for each in FieldsConformanceClasses])
    extensions = [filters, sorts, words, operators, members, TokenPaginationExtension()]
    counts = AggregationExtension(
        client=client,
        narrowing=[filters, words, operators],
        queryables=queryables.of_collections,
        router=_SlashRouter(route_class=StacRoute, tags=["STAC"]),
    )
    of_collections = CollectionSearchExtension.from_extensions(extensions)
    written = TransactionExtension(
        writes=Transactions(portal, prefix),
        search=client.post_all_collections,
        searched=create_request_model("CollectionsPost", CollectionsBody, extensions=extensions, request_type="POST"),
        router=_SlashRouter(route_class=StacRoute, tags=["STAC"]),
    )
    browsed = BrowsingExtension(
        client=client,
        known=known,
        bounds=bounds or Bounds(),
        router=_SlashRouter(route_class=StacRoute, tags=["STAC"]),
    )
    router = _SlashRouter(prefix=prefix, route_class=StacRoute, tags=["STAC"])
    router.add_api_route("/api", client.description_of_service, methods=["GET"], include_in_schema=False)
    scratch = FastAPI(openapi_url="/api", docs_url=None, redoc_url=None)
    _Api(
        settings=ApiSettings(
            _env_file=None,  # type: ignore[call-arg]  # pydantic-settings takes it, its types do not say so
            stac_fastapi_title=title,
            stac_fastapi_description=DESCRIPTION,
            stac_fastapi_version=__version__,
            stac_fastapi_landing_id="discovery",
            enable_response_models=False,
            enable_direct_response=False,
        ),
        client=client,
        extensions=[*extensions, of_collections, counts, written, browsed],
        search_get_request_model=create_get_request_model([*extensions, FormatExtension()]),
        search_post_request_model=create_post_request_model(extensions, SearchBody),
        items_get_request_model=create_get_request_model(
            [*extensions, FormatExtension()], base_model=ItemCollectionUri
        ),
        collections_get_request_model=of_collections.GET,
        app=scratch,
        router=router,
        middlewares=[],
    )
    # `register` of the extensions has filled their routers, on the other application, with the prefix. A router that
    # is included is searched twice for each request, so the routes themselves are taken over.
    for each in (filters.router, sorts.router, counts.router, written.router, browsed.router, router):
        app.router.routes.extend(each.routes)
