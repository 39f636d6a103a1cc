"""The GraphQL face over HTTP: one path, queries by POST and GET, and a page to try them in a browser."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import strawberry
from fastapi import APIRouter, Request, Response
from graphql import GraphQLError
from starlette.concurrency import run_in_threadpool
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.types.graphql import OperationType

from discovery.documents.site import Site
from discovery.errors import BadQueryError, DeniedError, DiscoveryError, LimitError
from discovery.portal import Portal
from discovery_graphql import explorer, failures, message
from discovery_graphql.message import Message, NotByGetError
from discovery_graphql.operations import Operations
from discovery_graphql.operations import published as folder
from discovery_graphql.schema import build
from discovery_graphql.search import Context

PATH = "/graphql"
Allowed = tuple[OperationType, ...]
READS: Allowed = (OperationType.QUERY,)
WRITES: Allowed = (OperationType.QUERY, OperationType.MUTATION)
"""Of a POST alone: a link must not do anything."""


def router(
    portal: Portal, *, vendor: Path | None = None, title: str = "Discovery", published: bool = False
) -> APIRouter:
    """Return the routes of the GraphQL face, all beneath `/graphql`.

    Args:
        portal: What answers.
        vendor: The folder with GraphiQL's files; without them the page is a plain form.
        title: What the portal is called, in the documents about its records.
        published: Whether only published operations are answered to all but operators.
    """
    face = _Face(portal, vendor, title, only=published)
    routes = APIRouter(tags=["GraphQL"])
    routes.get(PATH, summary="Answer a query, or show a page to try one")(face.get)
    routes.post(PATH, summary="Answer a query")(face.post)
    routes.get(PATH + "/files/{name}", include_in_schema=False)(face.file)
    return routes


class _Face:
    """What the routes share."""

    def __init__(self, portal: Portal, vendor: Path | None, title: str, *, only: bool) -> None:
        self.only = only
        self.title = title
        self.schema = build()
        self.context = Context(portal)
        self.operations = Operations(folder() / "operations")
        self.explorer = explorer.Explorer(self.operations, vendor)

    async def get(self, request: Request) -> Response:
        """Answer a query in the URL; a browser that brings none gets a page."""
        given = request.query_params
        if "query" not in given and "documentId" not in given and "text/html" in request.headers.get("accept", ""):
            return self.explorer.page(plain="plain" in given)
        try:
            return await self.answer(request, message.from_url(given, self.operations), READS)
        except DiscoveryError as error:
            return _refused(request, error)

    async def post(self, request: Request) -> Response:
        """Answer the query of a JSON body."""
        try:
            data = await message.body(request)
            return await self.answer(request, message.from_body(data, self.operations), WRITES)
        except DiscoveryError as error:
            return _refused(request, error)

    def file(self, name: str) -> Response:
        """Return a file of the page."""
        return self.explorer.file(name)

    async def answer(self, request: Request, asked: Message, allowed: Allowed) -> Response:
        """Execute off the event loop, because stores and engines block."""
        kind = message.media_type(request.headers.get("accept", ""))
        shown = request.headers.get("authorization")
        context = replace(self.context, site=Site(self.title, str(request.base_url).rstrip("/")))
        if shown is not None:
            context = replace(context, operator=context.portal.operators.admits(shown))
        if self.only and not context.operator and not self.operations.holds(asked.document):
            raise DeniedError("this portal answers its published operations alone; ask for one by its documentId")
        result = await run_in_threadpool(execute, self.schema, context, asked, allowed)
        # GraphQL over HTTP: an answer without data is 400 in the new media type; the old one keeps 200 for it.
        status = 400 if kind == message.RESPONSE and result.get("data") is None and "errors" in result else 200
        return _response(result, kind, status)


def execute(schema: strawberry.Schema, context: Context, asked: Message, allowed: Allowed) -> dict[str, Any]:
    """Return the answer to a question as the value of its JSON.

    Raises:
        BadQueryError: The document has no such operation, or it is none of those that are allowed.
    """
    try:
        result = schema.execute_sync(
            asked.document,
            variable_values=dict(asked.variables),
            context_value=context,
            operation_name=asked.operation_name,
            allowed_operation_types=allowed,
        )
    except CannotGetOperationTypeError as error:
        raise BadQueryError(error.as_http_error_reason(), parameter="operationName") from None
    except InvalidOperationTypeError:
        if OperationType.MUTATION not in allowed:
            raise NotByGetError("only queries are answered here; send mutations by POST", parameter="query") from None
        raise BadQueryError("only queries and mutations are answered here", parameter="query") from None
    except RecursionError:
        raise LimitError("graphql-depth", "the document is nested too deeply", parameter="query") from None
    out: dict[str, Any] = {}
    if result.errors:
        out["errors"] = [failures.formatted(each) for each in result.errors]
    if result.data is not None or not result.errors or any(each.path for each in result.errors):
        out["data"] = result.data
    if result.extensions:
        out["extensions"] = result.extensions
    return out


def _refused(request: Request, error: DiscoveryError) -> Response:
    errors: Sequence[Mapping[str, Any]] = [failures.formatted(GraphQLError(str(error), original_error=error))]
    kind = message.lenient_media_type(request.headers.get("accept", ""))
    answer = _response({"errors": errors}, kind, error.status)
    answer.headers.update({name: value for name, value in error.headers.items() if name.lower() != "vary"})
    return answer


def _response(content: Mapping[str, Any], kind: str, status: int) -> Response:
    headers = {"vary": "accept", "x-content-type-options": "nosniff"}
    return Response(orjson.dumps(content), status, headers, media_type=f"{kind}; charset=utf-8")
