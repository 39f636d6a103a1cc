"""The way in and out: who comes by a link, by the operators' token, or by whom they are known elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fastapi import APIRouter, Request
from fastapi.responses import Response
from starlette.concurrency import run_in_threadpool

from discovery.errors import DeniedError, NotFoundError, UnavailableError
from discovery.model.person import READ, Role
from discovery.portal import Portal
from ui import forms, links, text
from ui.contexts import Anchor, SignInContext
from ui.gate import Gate, is_secure
from ui.rendering import Renderer, redirect, sentence
from ui.routing import page_route

START: Final = links.SIGN_IN_START
CALLBACK: Final = f"{links.SIGN_IN}/callback"
"""What the provider knows of us."""
_FRESH: Final = {"Cache-Control": "no-store"}
_COOKIE: Final = "discovery_signin"
LASTS: Final = 10 * 60_000
"""Milliseconds that a browser keeps what it comes back with."""

if TYPE_CHECKING:
    from discovery.people.oidc import Provider


def router(portal: Portal, renderer: Renderer, gate: Gate, provider: Provider | None = None) -> APIRouter:
    """Return the routes by which people come in and go: all beneath `/signin`, and `/signout`."""
    pages = _SignIn(portal, renderer, gate, provider)
    made = APIRouter(route_class=page_route(renderer, gate), include_in_schema=False, redirect_slashes=False)
    made.add_api_route(links.SIGN_IN, pages.ways, methods=["GET", "HEAD"], response_model=None)
    made.add_api_route(links.SIGN_IN, pages.enter, methods=["POST"], response_model=None)
    made.add_api_route(START, pages.depart, methods=["GET"], response_model=None)
    made.add_api_route(CALLBACK, pages.arrive, methods=["GET"], response_model=None)
    made.add_api_route(links.SIGN_OUT, pages.leave, methods=["POST"], response_model=None)
    return made


class _SignIn:
    """One method a route, each from request to answer."""

    def __init__(self, portal: Portal, renderer: Renderer, gate: Gate, provider: Provider | None) -> None:
        self._portal = portal
        self._renderer = renderer
        self._gate = gate
        self._provider = provider

    def ways(self, request: Request) -> Response:
        """Return the page that says how to come in; the code of a link is used by its button, and not by looking."""
        given = request.query_params
        left = links.LEFT in given and self._gate.who(request).role is Role.ANONYMOUS
        return self._page(given.get("code", ""), links.back(given.get(links.NEXT, "/")), left=left)

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

    def depart(self, request: Request) -> Response:
        """Send a browser to the provider; what it keeps until it comes back, nobody else can come back with."""
        back = links.back(request.query_params.get(links.NEXT, "/"))
        try:
            leaving = self._known().depart(back)
        except UnavailableError as error:
            return self._page("", back, sentence(str(error)), status=error.status)
        response = redirect(leaving.url)
        secure = is_secure(request)
        lasts = LASTS // 1000
        response.set_cookie(
            _cookie(request), leaving.proof, max_age=lasts, path="/", secure=secure, httponly=True, samesite="lax"
        )
        response.headers.update(_FRESH)
        return response

    def arrive(self, request: Request) -> Response:
        """Sign in whoever comes back from the provider."""
        try:
            who, back = self._known().arrive(dict(request.query_params), request.cookies.get(_cookie(request), ""))
            session = self._portal.people.welcome(
                who.issuer, who.subject, who.name, email=who.email, role=who.role, least=who.least
            )
        except (DeniedError, UnavailableError) as error:
            response = self._page("", "/", sentence(str(error)), status=error.status)
        else:
            response = redirect(links.back(back))
            self._gate.open(request, response, session)
        response.delete_cookie(_cookie(request), path="/", secure=is_secure(request), httponly=True, samesite="lax")
        response.headers.update(_FRESH)
        return response

    def _known(self) -> Provider:
        if self._provider is None:
            raise NotFoundError("nobody vouches for people here: the setting oidc_issuer is empty")
        return self._provider

    async def leave(self, request: Request) -> Response:
        """Sign a browser out here, and say how to do so where somebody is known, too."""
        form = await forms.fields(request)
        who = await run_in_threadpool(self._gate.allow, request, form, Role.USER, READ)
        elsewhere = self._provider and who.person and who.person.issuer
        response = redirect(f"{links.SIGN_IN}?{links.LEFT}=1" if elsewhere else "/")
        await run_in_threadpool(self._gate.close, request, response)
        response.headers.update(_FRESH)
        return response

    def _page(self, code: str, back: str, message: str = "", *, status: int = 200, left: bool = False) -> Response:
        known = Anchor(self._provider.name, links.departure(back)) if self._provider else None
        farewell = text.web(self._provider.farewell()) if self._provider and left else ""
        context = SignInContext(self._renderer.site(), code, back, message, known, left, farewell)
        response = self._renderer.page("signin.html", context, status=status)
        response.headers.update(_FRESH)
        return response


def _cookie(request: Request) -> str:
    return f"__Host-{_COOKIE}" if is_secure(request) else _COOKIE
