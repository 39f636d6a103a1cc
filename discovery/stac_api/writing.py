"""The routes by which Collections and Items are written, and the one by which collections are searched by POST.

A Collection and a search among collections come to the same address by the same method: what says that it is of a type
is a Collection.
"""

# FastAPI reads the annotations of endpoints where they are made, so they must not be texts here.

from collections.abc import Callable
from typing import Any, Final, cast

import attr
from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.security import HTTPBearer
from stac_fastapi.api.routes import create_async_endpoint
from stac_fastapi.extensions.transaction import TransactionConformanceClasses
from stac_fastapi.types.extension import ApiExtension
from starlette.concurrency import run_in_threadpool

from discovery.stac_api import submission
from discovery.stac_api.description import refusals
from discovery.stac_api.links import GEOJSON, JSON
from discovery.stac_api.transactions import MERGE_PATCH, Transactions

Write = Callable[..., Response]
_TOKEN: Final = HTTPBearer(auto_error=False, description="A token that may look after sources.")
_COLLECTION: Final = {
    "type": "object",
    "title": "STAC Collection",
    "required": ["type", "stac_version", "id", "description", "license", "extent"],
    "properties": {"type": {"const": "Collection"}, "id": {"type": "string"}, "stac_version": {"type": "string"}},
}
_ITEM: Final = {
    "type": "object",
    "title": "STAC Item",
    "required": ["type", "stac_version", "id", "geometry", "properties", "assets"],
    "properties": {"type": {"const": "Feature"}, "id": {"type": "string"}, "stac_version": {"type": "string"}},
}
_ITEMS: Final = {
    "type": "object",
    "title": "STAC Items",
    "required": ["type", "features"],
    "properties": {"type": {"const": "FeatureCollection"}, "features": {"type": "array", "items": _ITEM}},
}
_PATCH: Final = {"type": "object", "title": "JSON Merge Patch"}
_REFUSED: Final[dict[int | str, str]] = {
    400: "Not valid STAC: the description says what is wrong, and where.",
    401: "No token, or one that is not known.",
    403: "A token that may not do this, or something that was harvested.",
    404: "Nothing of that id.",
    409: "The id is taken, or somebody else changed it meanwhile.",
    412: "It is not any more what If-Match names.",
    413: "More than 2 MiB.",
    415: "A body of another type.",
}


@attr.s(kw_only=True)
class TransactionExtension(ApiExtension):
    """Routes that write; what they write and who may is the business of `Transactions`."""

    writes: Transactions = attr.ib()
    search: Callable[..., Response] = attr.ib()
    """Answers a search among collections."""
    searched: Any = attr.ib()
    """What such a search is sent as: a model of pydantic."""
    router: APIRouter = attr.ib()
    conformance_classes: list[str] = attr.ib(factory=lambda: [each.value for each in TransactionConformanceClasses])

    def register(self, app: FastAPI) -> None:
        """Add the routes."""
        self.router.prefix = app.state.router_prefix
        writes, item = self.writes, "/collections/{collection_id}/items/{item_id}"
        # A path parameter takes slashes, so the longer paths come first.
        self._item("Replace Item", "PUT", item, writes.replace_item, {JSON: _ITEM, GEOJSON: _ITEM})
        self._item("Patch Item", "PATCH", item, writes.patch_item, {MERGE_PATCH: _PATCH, JSON: _PATCH})
        self._item("Delete Item", "DELETE", item, writes.delete_item, {})
        either = {"oneOf": [_ITEM, _ITEMS]}
        below, one = "/collections/{collection_id}/items", "/collections/{collection_id}"
        self._collection("Create Items", "POST", below, writes.create_items, {JSON: either, GEOJSON: either})
        self._collection("Replace Collection", "PUT", one, writes.replace_collection, {JSON: _COLLECTION})
        patched = {MERGE_PATCH: _PATCH, JSON: _PATCH}
        self._collection("Patch Collection", "PATCH", one, writes.patch_collection, patched)
        self._collection("Delete Collection", "DELETE", one, writes.delete_collection, {})
        self.router.add_api_route(
            "/collections",
            create_async_endpoint(self.search, self.searched),
            name="Search Collections",
            methods=["POST"],
            description="Collections that match; a Collection in place of a search is kept, which needs a token.",
            response_model=None,
        )
        # What FastAPI describes is the search alone: a body is one of two things, and only this looks which one.
        cast(Any, self.router.routes[-1]).direct = self._collections

    async def _collections(self, request: Request) -> Response:
        body = await request.body()
        if not submission.has_type(body):
            asked = self.searched.model_validate_json(body)
            return await run_in_threadpool(self.search, asked, request=request)
        who = await run_in_threadpool(self.writes.writer, request)
        return await run_in_threadpool(self.writes.create_collection, request, who, body)

    def _collection(self, name: str, method: str, path: str, write: Write, bodies: dict[str, Any]) -> None:
        async def endpoint(request: Request, collection_id: str) -> Response:
            return await self._written(request, write, collection_id)

        self._add(name, method, path, endpoint, bodies)

    def _item(self, name: str, method: str, path: str, write: Write, bodies: dict[str, Any]) -> None:
        async def endpoint(request: Request, collection_id: str, item_id: str) -> Response:
            return await self._written(request, write, collection_id, item_id)

        self._add(name, method, path, endpoint, bodies)

    async def _written(self, request: Request, write: Write, *names: str) -> Response:
        # Who asks is known before what is sent is read: nobody has us read what they may not write.
        who = await run_in_threadpool(self.writes.writer, request)
        body = () if request.method == "DELETE" else (await request.body(),)
        return await run_in_threadpool(write, request, who, *names, *body)

    def _add(self, name: str, method: str, path: str, endpoint: Callable[..., Any], bodies: dict[str, Any]) -> None:
        content = {media_type: {"schema": schema} for media_type, schema in bodies.items()}
        self.router.add_api_route(
            path,
            endpoint,
            name=name,
            methods=[method],
            status_code=201 if method == "POST" else 204,
            response_class=Response,
            response_model=None,
            responses=refusals(_REFUSED),
            openapi_extra={"requestBody": {"content": content, "required": True}} if content else None,
            dependencies=[Depends(_TOKEN)],
        )
