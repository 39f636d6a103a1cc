"""The way in and out: who comes by a link, by the operators' token, or by whom they are known elsewhere."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import Response
from starlette.concurrency import run_in_threadpool

from discovery.model.person import READ, Role
from discovery.portal import Portal
from ui import forms, links
from ui.contexts import SignInContext
from ui.gate import Gate
from ui.rendering import Renderer, redirect
from ui.routing import page_route

_FRESH: Final = {"Cache-Control": "no-store"}


def router(portal: Portal, renderer: Renderer, gate: Gate) -> APIRouter:
    """Return the routes by which people come in and go: `/signin` and `/signout`."""
    pages = _SignIn(portal, renderer, gate)
    made = APIRouter(route_class=page_route(renderer, gate), include_in_schema=False, redirect_slashes=False)
    made.add_api_route(links.SIGN_IN, pages.ways, methods=["GET", "HEAD"], response_model=None)
    made.add_api_route(links.SIGN_IN, pages.enter, methods=["POST"], response_model=None)
    made.add_api_route(links.SIGN_OUT, pages.leave, methods=["POST"], response_model=None)
    return made


class _SignIn:
    """One method a route, each from request to answer."""

    def __init__(self, portal: Portal, renderer: Renderer, gate: Gate) -> None:
        self._portal = portal
        self._renderer = renderer
        self._gate = gate

    def ways(self, request: Request) -> Response:
        """Return the page that says how to come in; the code of a link is used by its button, and not by looking."""
        given = request.query_params
        return self._page(given.get("code", ""), links.back(given.get(links.NEXT, "/")))

    async def enter(self, request: Request) -> Response:
        """Sign in whoever shows the code of a link or the operators' token."""
        form = await forms.fields(request)
        session = await run_in_threadpool(self._portal.people.enter, form.get("code") or form.get("token", ""))
        back = links.back(form.get(links.NEXT, "/"))
        if session is None:
            why = "That link was used already or is older than ten minutes." if "code" in form else "That is not it."
            return self._page("", back, why, status=403)
        response = redirect(back)
        await run_in_threadpool(self._gate.open, request, response, session)
        response.headers.update(_FRESH)
        return response

    async def leave(self, request: Request) -> Response:
        """Sign a browser out."""
        form = await forms.fields(request)
        await run_in_threadpool(self._gate.allow, request, form, Role.USER, READ)
        response = redirect("/")
        await run_in_threadpool(self._gate.close, request, response)
        response.headers.update(_FRESH)
        return response

    def _page(self, code: str, back: str, message: str = "", *, status: int = 200) -> Response:
        context = SignInContext(self._renderer.site(), code, back, message)
        response = self._renderer.page("signin.html", context, status=status)
        response.headers.update(_FRESH)
        return response
