"""Web pages over the portal: complete without JavaScript, nothing from other hosts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import FastAPI, Request, Response
from fastapi.exception_handlers import http_exception_handler
from starlette.exceptions import HTTPException

from discovery.errors import NotFoundError
from discovery.portal import Portal
from ui import admin, arrays, contrasts, launches, making, me, people, persons, selections, similar
from ui.gate import Gate
from ui.pages import router
from ui.rendering import STATIC, Renderer, Static

if TYPE_CHECKING:
    from discovery.people.oidc import Provider

__all__ = ["attach", "router"]


def attach(app: FastAPI, portal: Portal, *, title: str, provider: Provider | None = None) -> None:
    """Add the pages and their static files to an application.

    Errors of the pages' own routes are answered as pages, and so is an address that nothing answers when a browser asks
    for it; every other route keeps the application's handlers.

    Args:
        app: Takes `/`, `/search`, `/records`, `/open`, `/launch`, `/launches`, `/suggest`, `/signin`, `/signout`,
            `/me`, `/volumes`, `/datalabs`, `/pipelines`, `/marks`, `/admin` and `/static`.
        portal: What is asked.
        title: What the portal is called on its pages.
        provider: Who vouches for people that sign in; None is nobody.
    """
    renderer = Renderer(title)
    gate = Gate(portal.people)
    app.include_router(router(portal, renderer, gate))
    app.include_router(people.router(portal, renderer, gate, provider))
    app.include_router(launches.router(portal, renderer, gate))
    app.include_router(selections.router(portal, renderer, gate))
    app.include_router(similar.router(portal, renderer, gate))
    app.include_router(arrays.router(portal, renderer, gate))
    app.include_router(contrasts.router(portal, renderer, gate))
    app.include_router(me.router(portal, renderer, gate))
    app.include_router(persons.router(portal, renderer, gate))
    app.include_router(admin.router(portal, renderer, gate))
    app.include_router(making.router(portal, renderer, gate))
    app.mount("/static", Static(directory=STATIC), name="static")

    @app.exception_handler(404)
    async def nothing_there(request: Request, error: Exception) -> Response:
        # What a route has answered itself is that face's own matter.
        if "route" not in request.scope and "text/html" in request.headers.get("Accept", ""):
            return renderer.error(NotFoundError(f"there is no page {request.url.path[:200]}"), as_json=False)
        assert isinstance(error, HTTPException)
        return await http_exception_handler(request, error)
