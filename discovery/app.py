"""The ASGI application: every face over one portal, and the steward beside them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, PlainTextResponse

import discovery_graphql
import ui
from discovery import __version__, metrics, ogc_api, stac_api
from discovery.access import RequestLog
from discovery.config import Settings
from discovery.errors import DiscoveryError
from discovery.index.base import Generation
from discovery.limiting import Limits
from discovery.portal import Portal
from discovery.proxies import Proxies, networks
from discovery.query import names
from discovery.steward import Steward
from discovery.transfer import Compression, Sharing, Tags, origins
from discovery.wiring import open_portal, provider

MAX_BODY: Final = 2 << 20
"""Bytes of a request's body; the largest polygon that is read has a tenth of it."""
_FRESH = {"Cache-Control": "no-store"}
VENDOR = Path(ui.__file__).parent / "static" / "vendor"


def create_app(settings: Settings, portal: Portal | None = None, *, steward: bool = True) -> FastAPI:
    """Return the application for a home.

    Args:
        settings: Where the store and the index are, and what the portal is called.
        portal: An open portal to serve instead of the one that the settings name.
        steward: Whether this process also indexes and does the jobs that faces leave.
    """
    door = portal or open_portal(settings)
    way_in = provider(settings, door.store)
    keeper = Steward(settings, door) if steward else None

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        work = asyncio.create_task(asyncio.to_thread(keeper.run)) if keeper else None
        # A quarter of a second that nobody has to wait for.
        known = asyncio.create_task(asyncio.to_thread(names.ready))
        try:
            yield
        finally:
            await known
            if keeper and work:
                keeper.stop()
                await work
            if way_in:
                way_in.close()
            if portal is None:
                await asyncio.to_thread(door.close)

    app = FastAPI(
        title=settings.title,
        version=__version__,
        lifespan=lifespan,
        # Its page would be fetched from other hosts; ours is `/api`.
        docs_url=None,
        redoc_url=None,
        max_body_size=MAX_BODY,
    )
    # Where the faces send whoever looks for documentation.
    app.docs_url = "/api"
    health, measured = _health(door), metrics.endpoint(door)
    app.get("/health", tags=["operation"])(health)
    app.get("/metrics", tags=["operation"], response_class=PlainTextResponse)(measured)
    for path, endpoint in (("/health", health), ("/metrics", measured)):
        # Load balancers ask so; FastAPI answers GET alone.
        app.head(path, include_in_schema=False)(endpoint)
    stac_api.attach(app, door, title=settings.title)
    ogc_api.attach(app, door, title=settings.title)
    app.include_router(
        discovery_graphql.router(
            door,
            vendor=VENDOR,
            title=settings.title,
            published=settings.graphql_published,
            origins=origins(settings.cors),
        )
    )
    ui.attach(app, door, title=settings.title, provider=way_in)
    app.add_middleware(Tags)
    app.add_middleware(Compression)
    app.add_middleware(Limits, rate=settings.rate)
    if allowed := origins(settings.cors):
        app.add_middleware(Sharing, origins=allowed)
    app.add_middleware(RequestLog)
    app.add_middleware(Proxies, proxies=networks(settings.proxies), url=settings.url)
    return app


def _health(portal: Portal) -> Callable[[Request], JSONResponse]:
    def health(_request: Request) -> JSONResponse:
        """Say whether store and engine answer, and how far the engine is behind.

        200 while records can be read: `degraded` means that the engine does not answer and searches get 503, which a
        restart of the portal would not mend. 503 when the store does not answer either.
        """
        body: dict[str, Any] = {"status": "ok", "version": __version__, "scopes": {}}
        try:
            last = portal.store.catalogue.last_change()
        except DiscoveryError as error:
            body |= {"status": "down", "problem": str(error)}
            return JSONResponse(body, 503, headers=_FRESH)
        try:
            body["scopes"] = {scope: _level(portal, scope, made, last) for scope, made in portal.status().items()}
        except DiscoveryError as error:
            body |= {"status": "degraded", "problem": str(error)}
        return JSONResponse(body, headers=_FRESH)

    return health


def _level(portal: Portal, scope: str, generation: Generation, last: int) -> dict[str, Any]:
    waiting = portal.store.catalogue.pending(scope, generation.change) if generation.change < last else 0
    return {"generation": generation.name, "documents": generation.documents, "waiting": waiting}
