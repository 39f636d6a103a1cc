"""Launching from a browser: the confirmation, the launches themselves, and the links of archives that lead there.

Nothing is started by following a link: a start is a POST with the key of a form of ours, or with a token.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final
from urllib.parse import urlsplit

from fastapi import APIRouter, Request
from fastapi.responses import Response
from starlette.concurrency import run_in_threadpool

from discovery import pointers, selections
from discovery.errors import (
    ConflictError,
    DeniedError,
    DiscoveryError,
    LimitError,
    UnavailableError,
    UnknownFieldError,
)
from discovery.launch import notebook
from discovery.launch.notebook import Notebook
from discovery.launching import Launching, Wish
from discovery.model.launch import Launch
from discovery.model.person import LAUNCH, READ, Principal, Role
from discovery.portal import Portal
from discovery.store.launches import new_id
from ui import forms, launching, links
from ui.gate import Gate
from ui.rendering import CSP, HEADERS, Renderer, answer, redirect
from ui.routing import is_by_program, page_route, wants_json

_FRESH: Final = {"Cache-Control": "private, no-store"}


def router(portal: Portal, renderer: Renderer, gate: Gate) -> APIRouter:
    """Return the routes `/launch` and `/launches`."""
    pages = _Launches(portal, renderer, gate)
    made = APIRouter(route_class=page_route(renderer, gate), include_in_schema=False, redirect_slashes=False)
    for path, read in (
        (links.LAUNCH, pages.confirm),
        (f"{links.LAUNCH}/notebook", pages.notebook_of),
        (links.LAUNCHES, pages.mine),
        (f"{links.LAUNCHES}/notebook", pages.notebook),
        (f"{links.LAUNCHES}/folder", pages.folder),
        (f"{links.LAUNCHES}/{{id}}", pages.launch),
        (f"{links.LAUNCHES}/{{id}}/notebook", pages.own_notebook),
    ):
        made.add_api_route(path, read, methods=["GET", "HEAD"], response_model=None)
    for path, act in (
        (links.LAUNCHES, pages.start),
        (f"{links.LAUNCHES}/{{id}}/open", pages.open),
        (f"{links.LAUNCHES}/{{id}}/stop", pages.stop),
    ):
        made.add_api_route(path, act, methods=["POST"], response_model=None)
    return made


class _Launches:
    """One method a route, each from request to answer."""

    def __init__(self, portal: Portal, renderer: Renderer, gate: Gate) -> None:
        self._portal = portal
        self._renderer = renderer
        self._gate = gate

    @property
    def _launching(self) -> Launching:
        return self._portal.launching

    def confirm(self, request: Request) -> Response:
        """Return the page that says what would be launched."""
        who = self._gate.who(request)
        return self._confirmation(request, who, self._wished(who, request.query_params.multi_items()))

    def _confirmation(
        self, request: Request, who: Principal, wish: Wish, error: DiscoveryError | None = None
    ) -> Response:
        """Return the page, with what cannot be had said on it and everything else as it was chosen."""
        plainer = (wish, replace(wish, datalab=""), replace(wish, volumes=None), Wish(wish.records, file=wish.file))
        for each in plainer:
            try:
                chosen = self._launching.choices(each, _site(request), who)
            except (DeniedError, UnknownFieldError) as refused:
                error = error or refused
            else:
                break
        else:
            assert error is not None
            raise error
        running = self._launching.of(who, running=True)
        context = launching.confirm(chosen, self._renderer.site(), who, running, str(error or ""))
        status = 200 if error is None else error.status
        return _fresh(self._renderer.page("launch.html", context, status=status))

    def notebook_of(self, request: Request) -> Response:
        """Return the notebook of what would be launched, to anybody."""
        who = self._gate.who(request)
        wish = self._wished(who, request.query_params.multi_items())
        chosen = self._launching.choices(wish, _site(request), who)
        return _file(chosen.notebook)

    async def start(self, request: Request) -> Response:
        """Launch what was confirmed; whose sign-in is over comes back to the same confirmation."""
        pairs = await forms.pairs(request)
        fields = dict(pairs)
        who = await run_in_threadpool(self._gate.who, request)
        if _is_gone(request, who):
            return redirect(links.way_in(links.launch(_choices(pairs))))
        try:
            who = await run_in_threadpool(self._gate.allow, request, fields, Role.USER, LAUNCH)
            wish = await run_in_threadpool(self._wished, who, pairs)
            # A program that does not say which launch it means wants a new one.
            id = fields.get(launching.ONCE) or ("" if who.session else new_id())
            found = await run_in_threadpool(self._launching.launch, who, id, wish, _site(request))
        except (DeniedError, LimitError, UnknownFieldError) as error:
            if wants_json(request) or not who.session:
                raise
            return await run_in_threadpool(self._again, request, who, pairs, error)
        if wants_json(request) or not who.session:
            return _fresh(answer(launching.launch_json(found), status=202 if found.is_open else 200))
        return redirect(links.launched(found.id))

    def _again(self, request: Request, who: Principal, pairs: list[tuple[str, str]], error: DiscoveryError) -> Response:
        """Return the confirmation of what was refused, with the reason; where there is nothing to confirm, raise it."""
        try:
            return self._confirmation(request, who, self._wished(who, _choices(pairs)), error)
        except DiscoveryError:
            raise error from None

    def mine(self, request: Request) -> Response:
        """Return somebody's launches, those that are open as they are now."""
        who = self._gate.require(request, Role.USER, READ)
        found = [self._launching.follow(who, each.id) if each.is_open else each for each in self._launching.of(who)]
        if wants_json(request):
            return _fresh(answer({"launches": [launching.launch_json(each) for each in found]}))
        site = self._renderer.site(json=links.as_json(links.LAUNCHES))
        return _fresh(self._renderer.page("launches.html", launching.launches(found, self._launching, site, who)))

    def launch(self, request: Request, id: str) -> Response:
        """Return a launch as it is now."""
        who = self._gate.require(request, Role.USER, READ)
        found = self._launching.follow(who, id)
        if wants_json(request):
            return _fresh(answer(launching.launch_json(found)))
        return self._launched(who, found)

    def _launched(self, who: Principal, found: Launch, status: int = 200) -> Response:
        site = self._renderer.site(json=links.as_json(links.launched(found.id)))
        context = launching.launched(found, self._launching, site, who)
        response = self._renderer.page("launched.html", context, status=status)
        response.headers["Content-Security-Policy"] = self._policy(found)
        return _fresh(response)

    async def open(self, request: Request, id: str) -> Response:
        """Lead to the running server: to the hub of the launch, and nowhere else."""

        def led(who: Principal) -> Response:
            url = self._launching.address(who, id)
            if wants_json(request) or not who.session:
                return answer({"url": url})
            response = redirect(url)
            # The token in the address is nobody else's.
            response.headers["Referrer-Policy"] = "no-referrer"
            return response

        return await self._act(request, id, led)

    async def stop(self, request: Request, id: str) -> Response:
        """Stop a launch."""

        def stopped(who: Principal) -> Response:
            found = self._launching.stop(who, id)
            if wants_json(request) or not who.session:
                return answer(launching.launch_json(found))
            return redirect(links.launched(found.id))

        return await self._act(request, id, stopped)

    async def _act(self, request: Request, id: str, act: Callable[[Principal], Response]) -> Response:
        """Return what came of an act; what cannot be done now is told on the launch's own page."""
        form = await forms.fields(request)
        who = await run_in_threadpool(self._gate.who, request)
        if _is_gone(request, who):
            return redirect(links.way_in(links.launched(id)))
        who = await run_in_threadpool(self._gate.allow, request, form, Role.USER, LAUNCH)
        try:
            return _fresh(await run_in_threadpool(act, who))
        except (ConflictError, UnavailableError) as error:
            if wants_json(request) or not who.session:
                raise
            found = await run_in_threadpool(self._launching.seen, who, id)
            told = replace(found, message=str(error))
            return await run_in_threadpool(self._launched, who, told, error.status)

    def notebook(self, request: Request) -> Response:
        """Return the notebook of a launch to the hub, which shows its pass, once."""
        return _file(self._launching.notebook(_pass(request), _site(request)))

    def folder(self, request: Request) -> Response:
        """Return what is in the folder of a launch's selection to the hub, which shows its pass, once."""
        return _fresh(answer(self._launching.folder(_pass(request), _site(request))))

    def own_notebook(self, request: Request, id: str) -> Response:
        """Return the notebook of one's own launch as a file."""
        who = self._gate.require(request, Role.USER, READ)
        return _file(self._launching.notebook_of(who, id, _site(request)))

    def _wished(self, who: Principal, pairs: list[tuple[str, str]]) -> Wish:
        return selections.filled(self._portal, who, launching.wish(pairs))

    def _policy(self, found: Launch) -> str:
        """Return the policy of a page whose form leads to the hub: browsers look where a form is redirected to."""
        here = self._launching.place(found)
        parts = urlsplit(here[1].url) if here else None
        if parts is None or not parts.netloc:
            return CSP
        return CSP.replace("form-action 'self'", f"form-action 'self' {parts.scheme}://{parts.netloc}")


def pointed(portal: Portal, renderer: Renderer, request: Request) -> Response | None:
    """Return the answer to an archive's link to `/open`; None for one that names a record by its id.

    Raises:
        BadQueryError: It points by several ways, or by what cannot be.
    """
    said = pointers.given(request.query_params.multi_items())
    if said is None:
        return None
    how, value = said
    found = pointers.pointed(portal, how, value)
    if len(found) == 1:
        url = links.opening(found[0].id)
        return redirect(links.as_json(url) if wants_json(request) else url)
    if wants_json(request):
        body = {"records": [{"id": each.id, "title": each.title, "open": links.opening(each.id)} for each in found]}
        return answer(body, status=200 if found else 404)
    context = launching.pointed(renderer.site(), how, value, found)
    return renderer.page("pointed.html", context, status=300 if found else 404)


def _choices(pairs: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return what a form has chosen, without what made it good for one launch."""
    return [each for each in pairs if each[0] not in (launching.ONCE, "key")]


def _is_gone(request: Request, who: Principal) -> bool:
    """Say whether a browser sends a form whose sign-in is over."""
    return who.role is Role.ANONYMOUS and not is_by_program(request)


def _pass(request: Request) -> str:
    scheme, _, shown = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not shown.strip():
        raise DeniedError("what belongs to a launch is given for its pass")
    return shown.strip()


def _site(request: Request) -> str:
    return str(request.base_url).rstrip("/")


def _fresh(response: Response) -> Response:
    response.headers.update(_FRESH)
    return response


def _file(made: Notebook) -> Response:
    headers = {**HEADERS, **_FRESH, "Content-Disposition": f'attachment; filename="{made.name}"'}
    return Response(made.content, headers=headers, media_type=notebook.MEDIA_TYPE)
