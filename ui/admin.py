"""The pages of operators: sources, runs, quarantine and jobs. Nobody else gets further than the way in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final
from urllib.parse import parse_qsl

from fastapi import APIRouter, Request
from fastapi.responses import Response
from starlette.concurrency import run_in_threadpool

from discovery.errors import BadQueryError, DeniedError, DiscoveryError
from discovery.model.job import APPROVE, ARGUMENTS
from discovery.portal import Portal
from ui import harvests
from ui.contexts import EnterContext
from ui.gate import KEY, PATH, Gate
from ui.links import FORMAT
from ui.rendering import Renderer, answer, redirect

ENTER: Final = f"{PATH}/enter"
_FRESH: Final = {"Cache-Control": "no-store"}
_MOST_FIELDS: Final = 20

Handler = Callable[[Request], Awaitable[Response]]


def router(portal: Portal, renderer: Renderer) -> APIRouter:
    """Return the routes of the operators' pages, all of them below `/admin`."""
    pages = _Admin(portal, renderer, Gate(portal.operators))
    made = APIRouter(include_in_schema=False, redirect_slashes=False)
    for path, read in (
        (PATH, pages.start),
        (harvests.HARVESTS, pages.overview),
        (f"{harvests.HARVESTS}/{{id}}", pages.source),
        (f"{PATH}/quarantine/{{id:int}}", pages.element),
        (f"{PATH}/jobs/{{id:int}}", pages.job),
    ):
        made.add_api_route(path, pages.for_operators(read), methods=["GET", "HEAD"], response_model=None)
    made.add_api_route(ENTER, pages.answered(pages.way_in), methods=["GET", "HEAD"], response_model=None)
    for path, act in (
        (ENTER, pages.enter),
        (f"{PATH}/leave", pages.leave),
        (f"{PATH}/jobs", pages.ask),
        (f"{harvests.HARVESTS}/{{id}}/enabled", pages.enable),
    ):
        made.add_api_route(path, pages.answered(act), methods=["POST"], response_model=None)
    return made


class _Admin:
    """One method a route, each from request to answer."""

    def __init__(self, portal: Portal, renderer: Renderer, gate: Gate) -> None:
        self._portal = portal
        self._renderer = renderer
        self._gate = gate

    # Around every route

    def answered(self, handle: Handler) -> Handler:
        """Return a handler whose errors are pages, and whose answers nobody keeps."""

        async def handled(request: Request) -> Response:
            try:
                response = await handle(request)
            except DiscoveryError as error:
                response = self._renderer.error(error, as_json=_wants_json(request))
            response.headers.update(_FRESH)
            return response

        return handled

    def for_operators(self, read: Callable[[Request, str], Response]) -> Handler:
        """Return a handler that only operators get an answer from; a browser is shown the way in."""

        async def handled(request: Request) -> Response:
            who = await run_in_threadpool(self._gate.operator, request)
            if who is not None:
                return await run_in_threadpool(read, request, who.key)
            if _wants_json(request) or "Authorization" in request.headers:
                body = {"error": {"kind": DeniedError.kind, "message": "show the operators' token"}}
                return answer(body, status=401, headers={"WWW-Authenticate": "Bearer"})
            return redirect(ENTER)

        return self.answered(handled)

    # Reading

    def start(self, _request: Request, _key: str) -> Response:
        return redirect(harvests.HARVESTS)

    def overview(self, request: Request, key: str) -> Response:
        if _wants_json(request):
            return answer(harvests.overview_json(self._portal))
        context = harvests.overview(self._portal, self._site(request), key, self._notice(request))
        return self._renderer.page("harvests.html", context)

    def source(self, request: Request, key: str) -> Response:
        id = request.path_params["id"]
        if _wants_json(request):
            return answer(harvests.one_json(self._portal, id))
        after = request.query_params.get("after", "")
        behind = int(after) if after.isdecimal() and len(after) < 16 else 0
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

    # The way in and out

    async def way_in(self, request: Request) -> Response:
        return self._enter_page(request.query_params.get("code", ""), "")

    async def enter(self, request: Request) -> Response:
        form = await _form(request)
        session = await run_in_threadpool(self._gate.enter, form.get("code") or form.get("token", ""))
        if session is None:
            why = "That link was used already or is older than ten minutes." if "code" in form else "That is not it."
            return self._enter_page("", why, status=403)
        response = redirect(harvests.HARVESTS)
        self._gate.open(response, session, secure=request.url.scheme == "https")
        return response

    def _enter_page(self, code: str, message: str, *, status: int = 200) -> Response:
        return self._renderer.page("enter.html", EnterContext(self._renderer.site(), code, message), status=status)

    async def leave(self, request: Request) -> Response:
        form = await _form(request)
        await run_in_threadpool(self._gate.allow, request, form)
        response = redirect(ENTER)
        await run_in_threadpool(self._gate.close, request, response)
        return response

    # Asking for work

    async def ask(self, request: Request) -> Response:
        form = await _form(request)
        who = await run_in_threadpool(self._gate.allow, request, form)
        kind = form.get("kind", "")
        given: dict[str, Any] = {
            name: _value(kind, name, text) for name, text in form.items() if text and name not in ("kind", "back", KEY)
        }
        if kind == APPROVE:
            given["by"] = "an operator's browser" if who.session else "the operators' token"
        job = await run_in_threadpool(self._portal.ask, kind, given)
        if _wants_json(request) or not who.session:
            return answer(harvests.job_json(job), status=202)
        back = form.get("back", "")
        return redirect(harvests.source_url(back, job=job.id) if back else f"{harvests.HARVESTS}?job={job.id}")

    async def enable(self, request: Request) -> Response:
        form = await _form(request)
        await run_in_threadpool(self._gate.allow, request, form)
        if form.get("enabled") not in ("true", "false"):
            raise BadQueryError("enabled must be true or false", parameter="enabled")
        id = request.path_params["id"]
        await run_in_threadpool(self._portal.store.ledger.enable, id, form["enabled"] == "true")
        return redirect(harvests.source_url(id))


def _value(kind: str, name: str, text: str) -> object:
    """Return what a field of a form means; what cannot be is left as it is for whoever refuses it."""
    wanted = ARGUMENTS[kind][name].type if kind in ARGUMENTS and name in ARGUMENTS[kind] else str
    if wanted is int and text.isdecimal() and len(text) < 16:
        return int(text)
    if wanted is bool and text in ("true", "false"):
        return text == "true"
    return text


async def _form(request: Request) -> dict[str, str]:
    body = await request.body()
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="strict")
    except (UnicodeDecodeError, ValueError) as error:
        raise BadQueryError(f"the form cannot be read: {error}") from error
    return dict(pairs)


def _wants_json(request: Request) -> bool:
    return request.query_params.get(FORMAT) == "json"
