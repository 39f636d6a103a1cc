"""The routes of pages: who asks is known before, errors become pages, and nobody keeps what is somebody's."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final
from urllib.parse import quote

from fastapi import Request
from fastapi.responses import Response
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool

from discovery.errors import DeniedError, DiscoveryError
from discovery.model.person import NOBODY, Principal, Role
from ui.gate import Gate, Visit, session_of, visit
from ui.links import FORMAT, way_in
from ui.rendering import Renderer, answer, redirect

_PERSONAL: Final = "private, no-store"


def wants_json(request: Request, _path: str = "") -> bool:
    """Say whether a page is asked for as JSON."""
    return request.query_params.get(FORMAT) == "json"


def is_by_program(request: Request) -> bool:
    """Say whether a program asks: one that shows a token, or wants JSON."""
    return "Authorization" in request.headers or wants_json(request)


def page_route(
    renderer: Renderer,
    gate: Gate,
    *,
    for_programs: Callable[[Request, str], bool] = wants_json,
    negotiated: tuple[str, ...] = (),
) -> type[APIRoute]:
    """Return the class of the routes of pages, for `APIRouter(route_class=...)`.

    While one is answered, `gate.visit` says who asks, so that `Renderer.site` says it on the page. A `DeniedError` of
    a page that nobody we know asks for leads to the way in and back.

    Args:
        renderer: What turns errors into pages.
        gate: What says who asks.
        for_programs: Says of a request and the path of its route whether its errors are JSON.
        negotiated: What the paths begin with whose answers hang on `Accept`, errors too.
    """

    class PageRoute(APIRoute):
        """A route whose errors are answered as a page."""

        def get_route_handler(self) -> Callable[[Request], Awaitable[Response]]:  # type: ignore[override]
            handler = super().get_route_handler()

            async def handle(request: Request) -> Response:
                who = NOBODY
                mark = visit.set(Visit(who, here(request)))
                try:
                    if "Authorization" in request.headers or session_of(request):
                        who = await run_in_threadpool(gate.who, request)
                        visit.set(Visit(who, here(request)))
                    response = await handler(request)
                except DiscoveryError as error:
                    response = _failed(renderer, request, error, who, as_json=for_programs(request, self.path))
                    if self.path.startswith(negotiated) and "Vary" not in response.headers:
                        response.headers.add_vary_header("Accept")
                finally:
                    visit.reset(mark)
                return guarded(response, who)

            return handle

    return PageRoute


def here(request: Request) -> str:
    """Return the address of a page below the portal's own."""
    path, query = quote(request.scope["path"], safe="/:@!$&'()*+,;=~"), request.url.query
    return f"{path}?{query}" if query else path


def guarded(response: Response, who: Principal) -> Response:
    """Return a page with what caches are told: what shows somebody is theirs alone, and no page is another's."""
    if who.session:
        response.headers["Cache-Control"] = _PERSONAL
    if response.headers.get("Content-Type", "").startswith("text/html"):
        response.headers.add_vary_header("Cookie")
    return response


def _failed(renderer: Renderer, request: Request, error: DiscoveryError, who: Principal, *, as_json: bool) -> Response:
    if isinstance(error, DeniedError) and who.role is Role.ANONYMOUS:
        if as_json or "Authorization" in request.headers:
            body = {"error": {"kind": error.kind, "message": str(error)}}
            return answer(body, status=401, headers={"WWW-Authenticate": "Bearer", "Cache-Control": "no-store"})
        if request.method in ("GET", "HEAD"):
            return redirect(way_in(here(request)))
    return renderer.error(error, as_json=as_json)
