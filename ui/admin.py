"""The pages of operators: sources, runs, quarantine and jobs. Nobody else gets further than the way in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import Response
from starlette.concurrency import run_in_threadpool

from discovery.errors import BadQueryError, DiscoveryError
from discovery.model.job import APPROVE, ARGUMENTS
from discovery.model.person import HARVEST, Principal, Role
from discovery.portal import Portal
from ui import forms, harvests
from ui.gate import KEY, Gate, key_of
from ui.links import FORMAT
from ui.rendering import Renderer, answer, redirect
from ui.routing import is_by_program, page_route, wants_json

PATH: Final = "/admin"
_FRESH: Final = {"Cache-Control": "no-store"}


def router(portal: Portal, renderer: Renderer, gate: Gate) -> APIRouter:
    """Return the routes of the operators' pages, all of them below `/admin`."""
    pages = _Admin(portal, renderer, gate)
    route = page_route(renderer, gate, for_programs=lambda request, _path: is_by_program(request))
    made = APIRouter(route_class=route, include_in_schema=False, redirect_slashes=False)
    for path, read in (
        (PATH, pages.start),
        (harvests.HARVESTS, pages.overview),
        (f"{harvests.HARVESTS}/{{id}}", pages.source),
        (f"{PATH}/quarantine/{{id:int}}", pages.element),
        (f"{PATH}/jobs/{{id:int}}", pages.job),
    ):
        made.add_api_route(path, pages.for_operators(read), methods=["GET", "HEAD"], response_model=None)
    for path, act in (
        (f"{PATH}/jobs", pages.ask),
        (f"{harvests.HARVESTS}/{{id}}/enabled", pages.enable),
    ):
        made.add_api_route(path, act, methods=["POST"], response_model=None)
    return made


class _Admin:
    """One method a route, each from request to answer."""

    def __init__(self, portal: Portal, renderer: Renderer, gate: Gate) -> None:
        self._portal = portal
        self._renderer = renderer
        self._gate = gate

    def for_operators(self, read: Callable[[Request, str], Response]) -> Callable[[Request], Response]:
        """Return a handler that only operators get an answer from."""

        def handled(request: Request) -> Response:
            who = self._gate.require(request, Role.OPERATOR, HARVEST)
            response = read(request, key_of(who))
            response.headers.update(_FRESH)
            return response

        return handled

    async def _form(self, request: Request) -> tuple[Principal, dict[str, str]]:
        """Return who sends a form, and the form."""
        form = await forms.fields(request)
        return await run_in_threadpool(self._gate.allow, request, form, Role.OPERATOR, HARVEST), form

    # Reading

    def start(self, _request: Request, _key: str) -> Response:
        return redirect(harvests.HARVESTS)

    def overview(self, request: Request, key: str) -> Response:
        if wants_json(request):
            return answer(harvests.overview_json(self._portal))
        context = harvests.overview(self._portal, self._site(request), key, self._notice(request))
        return self._renderer.page("harvests.html", context)

    def source(self, request: Request, key: str) -> Response:
        id = request.path_params["id"]
        after = request.query_params.get("after", "")
        behind = int(after) if after.isdecimal() and len(after) < 16 else 0
        if wants_json(request):
            return answer(harvests.one_json(self._portal, id, behind))
        context = harvests.one(self._portal, id, self._site(request), key, self._notice(request), behind)
        return self._renderer.page("source.html", context)

    def element(self, request: Request, key: str) -> Response:
        context = harvests.element(self._portal, request.path_params["id"], self._renderer.site(), key)
        return self._renderer.page("quarantine.html", context)

    def job(self, request: Request, _key: str) -> Response:
        return answer(harvests.job_json(self._portal.job(request.path_params["id"])))

    def _site(self, request: Request) -> Any:
        return self._renderer.site(json=f"{request.url.path}?{FORMAT}=json")

    def _notice(self, request: Request) -> str:
        asked = request.query_params.get("job", "")
        if not asked.isdecimal() or len(asked) > 15:
            return ""
        try:
            job = self._portal.job(int(asked))
        except DiscoveryError:
            return ""
        said = f": {job.message}" if job.message else ""
        return f"Job {job.id}, {job.kind}, is {job.status}{said}"

    # Asking for work

    async def ask(self, request: Request) -> Response:
        who, form = await self._form(request)
        kind = form.get("kind", "")
        given: dict[str, Any] = {
            name: _value(kind, name, text) for name, text in form.items() if text and name not in ("kind", "back", KEY)
        }
        if kind == APPROVE:
            given["by"] = who.person.name if who.person else ""
        job = await run_in_threadpool(self._portal.ask, kind, given)
        told = " ".join(f"{name}={value}" for name, value in given.items())
        await run_in_threadpool(self._portal.people.note, who, f"job.{kind}", str(job.id), "", told)
        if wants_json(request) or not who.session:
            return answer(harvests.job_json(job), status=202)
        back = form.get("back", "")
        return redirect(harvests.source_url(back, job=job.id) if back else f"{harvests.HARVESTS}?job={job.id}")

    async def enable(self, request: Request) -> Response:
        who, form = await self._form(request)
        if form.get("enabled") not in ("true", "false"):
            raise BadQueryError("enabled must be true or false", parameter="enabled")
        id = request.path_params["id"]
        await run_in_threadpool(self._portal.store.ledger.enable, id, form["enabled"] == "true")
        await run_in_threadpool(self._portal.people.note, who, "source.enabled", id, "", form["enabled"])
        return redirect(harvests.source_url(id))


def _value(kind: str, name: str, text: str) -> object:
    """Return what a field of a form means; what cannot be is left as it is for whoever refuses it."""
    wanted = ARGUMENTS[kind][name].type if kind in ARGUMENTS and name in ARGUMENTS[kind] else str
    if wanted is int and text.isdecimal() and len(text) < 16:
        return int(text)
    if wanted is bool and text in ("true", "false"):
        return text == "true"
    return text
