"""The GraphQL face over HTTP: one path, queries by POST and GET, and a page to try them in a browser."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import orjson
import strawberry
from fastapi import APIRouter, Request, Response, WebSocket
from fastapi.responses import FileResponse
from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection
from strawberry.http.websocket_origin import is_same_origin
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.types.graphql import OperationType

from discovery.documents.site import Site
from discovery.errors import (
    BadQueryError,
    DeniedError,
    DiscoveryError,
    LimitError,
    NotAcceptableError,
    TooManyError,
)
from discovery.model.person import NOBODY, Role
from discovery.portal import Portal
from discovery_graphql import events, explorer, failures, message, sockets
from discovery_graphql.message import Message, NotByGetError
from discovery_graphql.operations import Operations
from discovery_graphql.operations import published as folder
from discovery_graphql.schema import build
from discovery_graphql.search import Context
from discovery_graphql.streams import BOUNDS, Bounds, Streams

PATH = "/graphql"
Allowed = tuple[OperationType, ...]
READS: Allowed = (OperationType.QUERY,)
WRITES: Allowed = (OperationType.QUERY, OperationType.MUTATION)
"""Of a POST alone: a link must not do anything."""


def router(
    portal: Portal,
    *,
    vendor: Path | None = None,
    title: str = "Discovery",
    published: bool = False,
    origins: Sequence[str] = (),
    bounds: Bounds = BOUNDS,
) -> APIRouter:
    """Return the routes of the GraphQL face, all beneath `/graphql`.

    Args:
        portal: What answers.
        vendor: The folder with GraphiQL's files; without them the page is a plain form.
        title: What the portal is called, in the documents about its records.
        published: Whether only published operations are answered to all but operators.
        origins: Whose pages may open a websocket besides our own; `*` is everybody's.
        bounds: What subscriptions may take.
    """
    face = _Face(portal, vendor, title, origins, bounds, only=published)
    routes = APIRouter(tags=["GraphQL"])
    routes.get(PATH, summary="Answer a query, or show a page to try one")(face.get)
    routes.head(PATH, include_in_schema=False)(face.head)
    routes.post(PATH, summary="Answer a query")(face.post)
    routes.websocket(PATH)(face.connect)
    routes.get(PATH + "/schema.graphql", summary="The schema as SDL", response_class=FileResponse)(face.sdl)
    routes.head(PATH + "/schema.graphql", include_in_schema=False)(face.sdl)
    routes.api_route(PATH + "/files/{name}", methods=["GET", "HEAD"], include_in_schema=False)(face.file)
    return routes


class _Face:
    """What the routes share."""

    def __init__(
        self, portal: Portal, vendor: Path | None, title: str, origins: Sequence[str], bounds: Bounds, *, only: bool
    ) -> None:
        self.only = only
        self.title = title
        self.origins = frozenset(origins)
        self.schema = build()
        self.streams = Streams(self.schema, bounds)
        self.sockets = 0
        self.context = Context(portal, every=bounds.every)
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

    async def head(self, request: Request) -> Response:
        """Return what `get` does, whose body a server leaves out; nothing is followed for it."""
        answer = await self.get(request)
        return Response(media_type=answer.media_type) if isinstance(answer, events.EventStream) else answer

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

    def sdl(self) -> FileResponse:
        """Return the published schema, which is the one that answers."""
        return FileResponse(folder() / "schema.graphql", media_type="text/plain; charset=utf-8")

    async def answer(self, request: Request, asked: Message, allowed: Allowed) -> Response:
        """Execute off the event loop, because stores and engines block."""
        kind = wanted(request.headers.get("accept", ""))
        context = await self.context_of(request, request.headers.get("authorization", ""))
        if self.only and not context.who.may(Role.OPERATOR) and not self.operations.holds(asked.document):
            raise DeniedError("this portal answers its published operations alone; ask for one by its documentId")
        try:
            # Of whoever takes nothing but events it is only asked whether there is something to follow.
            allowed = allowed if kind.plain else ()
            result = await run_in_threadpool(execute, self.schema, context, asked, allowed)
        except InvalidOperationTypeError as error:
            return self._other(error.operation_type, context, asked, kind)
        if kind.refused:
            raise kind.refused
        # GraphQL over HTTP: an answer without data is 400 in the new media type; the old one keeps 200 for it.
        status = 400 if kind.plain == message.RESPONSE and result.get("data") is None and "errors" in result else 200
        return _response(result, kind.plain, status)

    def _other(self, type_: OperationType, context: Context, asked: Message, kind: Wanted) -> Response:
        """Return what follows a subscription; anything else was asked for in a way that does not suit it."""
        if type_ is OperationType.SUBSCRIPTION:
            if not kind.events:
                raise SubscribedError(
                    "subscriptions are answered over a websocket, or as events: Accept: text/event-stream"
                )
            self.streams.check(context)
            return events.EventStream(self.streams.answers(context, asked), self.streams.bounds)
        if kind.refused:
            raise kind.refused
        raise NotByGetError("only queries are answered here; send mutations by POST", parameter="query")

    async def context_of(self, asking: HTTPConnection, shown: str) -> Context:
        """Return what resolvers are given for whoever asks, by the header `Authorization` that was shown."""
        url = str(asking.base_url).rstrip("/")
        # A websocket's address is that of a page but for its scheme: ws and wss are http and https.
        site = Site(self.title, f"http{url.removeprefix('ws')}" if url.startswith("ws") else url)
        # A token is looked up in the store, which may wait for others.
        who = await run_in_threadpool(self.context.portal.people.who, shown) if shown else NOBODY
        return replace(self.context, site=site, who=who, shown=shown)

    async def connect(self, websocket: WebSocket) -> None:
        """Answer subscriptions over a websocket."""
        origin = websocket.headers.get("origin")
        refused: DiscoveryError | None = None
        if origin is not None and not self._trusts(origin, websocket.headers.get("host")):
            refused = DeniedError(f"pages of {origin[:80]!r} may not connect here; the setting cors names who may")
        elif self.sockets >= sockets.MAX_SOCKETS:
            refused = TooManyError(f"{self.sockets} websockets are open already", retry_after=10)
        if refused is not None:
            await websocket.send_denial_response(_failed(refused, message.JSON))
            return

        async def admit(shown: str) -> Context:
            return await self.context_of(websocket, shown or websocket.headers.get("authorization", ""))

        self.sockets += 1
        try:
            await sockets.Socket(websocket, self.streams, self.operations, admit).serve()
        finally:
            self.sockets -= 1

    def _trusts(self, origin: str, host: str | None) -> bool:
        """Say whether a page may connect: a browser asks nobody before it opens a websocket to another host."""
        return "*" in self.origins or origin in self.origins or is_same_origin(origin, host)


class SubscribedError(BadQueryError):
    """A subscription has no answer of one piece."""

    kind = "not_acceptable"
    status = 406


@dataclass(frozen=True, slots=True)
class Wanted:
    """How somebody wants an answer."""

    plain: str
    """The media type of an answer of one piece; empty where only events are taken."""
    events: bool
    """Whether events are taken."""
    refused: NotAcceptableError | None = None
    """Why there is no answer of one piece."""


def wanted(accept: str) -> Wanted:
    """Return how an answer is wanted.

    Raises:
        NotAcceptableError: In no way that there is.
    """
    follows = events.wanted(accept)
    try:
        return Wanted(message.media_type(accept), follows)
    except NotAcceptableError as error:
        if not follows:
            raise
        return Wanted("", events=True, refused=error)


def execute(schema: strawberry.Schema, context: Context, asked: Message, allowed: Allowed) -> dict[str, Any]:
    """Return the answer to a question as the value of its JSON.

    Raises:
        BadQueryError: The document has no such operation.
        InvalidOperationTypeError: It is none of those that are allowed.
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
    except RecursionError:
        raise LimitError("graphql-depth", "the document is nested too deeply", parameter="query") from None
    return failures.answer(result)


def _refused(request: Request, error: DiscoveryError) -> Response:
    return _failed(error, message.lenient_media_type(request.headers.get("accept", "")))


def _failed(error: DiscoveryError, kind: str) -> Response:
    answer = _response(failures.refused(error), kind, error.status)
    answer.headers.update({name: value for name, value in error.headers.items() if name.lower() != "vary"})
    return answer


def _response(content: Mapping[str, Any], kind: str, status: int) -> Response:
    headers = {"vary": "accept", "x-content-type-options": "nosniff"}
    return Response(orjson.dumps(content), status, headers, media_type=f"{kind}; charset=utf-8")
