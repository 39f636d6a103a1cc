"""What somebody picked, on the web: the selection of an address, those that people keep, and the comparison."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import Response, StreamingResponse
from starlette.concurrency import run_in_threadpool

from discovery import notebooks, selection
from discovery.documents.site import Site
from discovery.errors import BadQueryError, LimitError
from discovery.exports import writing
from discovery.launch import folder, notebook
from discovery.launch.folder import Named
from discovery.model.person import READ, WRITE, Principal, Role
from discovery.portal import Portal
from discovery.selection import Selection
from discovery.selections import PATH, Kept, Selections
from ui import compare, forms, links, sources
from ui.gate import Gate
from ui.rendering import HEADERS, Renderer, answer, redirect
from ui.routing import is_by_program, page_route, wants_json
from ui.selection import MANIFEST, NOTEBOOK, selection_json, selection_page, selections_page

LOST: Final = "Discovery-Lost"
"""The header that names records of a file that are gone."""
_CHOICES: Final = ("file", "volume", "datalab")


def router(portal: Portal, renderer: Renderer, gate: Gate) -> APIRouter:
    """Return the routes `/selection`, `/selections` and `/compare`."""
    pages = _Selections(portal, renderer, gate)
    made = APIRouter(route_class=page_route(renderer, gate), include_in_schema=False, redirect_slashes=False)
    for path, read in (
        (selection.PATH, pages.picked),
        (f"{selection.PATH}{NOTEBOOK}", pages.notebook),
        (compare.PATH, pages.compare),
        (PATH, pages.mine),
        (f"{PATH}/{{id}}", pages.kept),
        (f"{PATH}/{{id}}{NOTEBOOK}", pages.kept_notebook),
        (f"{PATH}/{{id}}{MANIFEST}", pages.kept_manifest),
    ):
        made.add_api_route(path, read, methods=["GET", "HEAD"], response_model=None)
    for path, act in ((PATH, pages.keep), (f"{PATH}/{{id}}", pages.change)):
        made.add_api_route(path, act, methods=["POST"], response_model=None)
    return made


class _Selections:
    """One method a route, each from request to answer."""

    def __init__(self, portal: Portal, renderer: Renderer, gate: Gate) -> None:
        self._portal = portal
        self._renderer = renderer
        self._gate = gate
        self._selections = Selections(portal.store, portal.people)

    def picked(self, request: Request) -> Response:
        """Return the selection of an address: its page, its JSON, or its records as a file."""
        given = [each for each in request.query_params.multi_items() if each[0] != links.FORMAT]
        picked = Selection.parse(given, resolver=self._portal.resolve)
        return self._shown(request, picked, None)

    def notebook(self, request: Request) -> Response:
        """Return the notebook of the selection of an address."""
        given = [each for each in request.query_params.multi_items() if each[0] not in _CHOICES]
        return self._notebook(request, Selection.parse(given, resolver=self._portal.resolve), None)

    def kept(self, request: Request, id: str) -> Response:
        """Return a kept selection, to those who may see it."""
        found = self._selections.get(self._gate.who(request), id)
        return self._shown(request, found.selection, found)

    def kept_notebook(self, request: Request, id: str) -> Response:
        """Return the notebook of a kept selection, to those who may see it."""
        found = self._selections.get(self._gate.who(request), id)
        return self._notebook(request, found.selection, found)

    def kept_manifest(self, request: Request, id: str) -> Response:
        """Return the files of a kept selection with all their places, to those who may see it."""
        found = self._selections.get(self._gate.who(request), id)
        site = str(request.base_url).rstrip("/")
        response = answer(
            notebooks.manifest_of(self._portal, found.selection, Named(id, found.name, f"{site}{found.path}"))
        )
        response.headers["Content-Disposition"] = f'attachment; filename="{folder.MANIFEST}"'
        return _private(response)

    def mine(self, request: Request) -> Response:
        """Return what somebody keeps, and what others share with them."""
        who = self._gate.require(request, Role.USER, READ)
        mine, shared = self._selections.mine(who), self._selections.shared(who)
        if wants_json(request):
            rows = [_told(each) for each in (*mine, *shared)]
            return _private(answer({"selections": rows}))
        site = self._renderer.site(json=links.as_json(PATH))
        return _private(self._renderer.page("selections.html", selections_page(site, mine, shared)))

    def compare(self, request: Request) -> Response:
        """Return up to four records beside each other."""
        given = request.query_params
        picked = Selection.of_ids(given.getlist("id"))
        if len(picked.ids) > compare.MOST:
            told = f"{len(picked.ids)} records are picked, and {compare.MOST} can stand beside each other"
            raise LimitError("compared", f"{told}: untick some", parameter="id")
        only = given.get(compare.ONLY, "")
        if only not in ("", compare.DIFFERENT):
            raise BadQueryError(f"{compare.ONLY} {only[:40]!r} is not {compare.DIFFERENT}", parameter=compare.ONLY)
        chosen = selection.choose(self._portal, picked)
        records = [each.record for each in selection.records(self._portal, chosen)]
        site = self._renderer.site(json=links.as_json(compare.address(picked.ids, only=bool(only))))
        known = sources.read(self._portal)
        context = compare.compare_page(records, chosen.lost, site, known, only=bool(only))
        if wants_json(request):
            return answer(compare.compare_json(context))
        return self._renderer.page("compare.html", context)

    async def keep(self, request: Request) -> Response:
        """Keep a selection under a name; whose sign-in is over comes back to the same selection."""
        fields = await forms.fields(request)
        who = await run_in_threadpool(self._gate.who, request)
        if who.role is Role.ANONYMOUS and not is_by_program(request):
            picked = await run_in_threadpool(self._sent, fields)
            return redirect(links.way_in(picked.address()))
        who = await run_in_threadpool(self._gate.allow, request, fields, Role.USER, WRITE)
        picked = await run_in_threadpool(self._sent, fields)
        made = await run_in_threadpool(self._selections.keep, who, fields.get("name", ""), picked)
        return self._done(request, made, status=201)

    async def change(self, request: Request, id: str) -> Response:
        """Rename, share, fill, thin or forget a kept selection."""
        fields = await forms.fields(request)
        who = await run_in_threadpool(self._gate.allow, request, fields, Role.USER, WRITE)
        made = await run_in_threadpool(self._changed, who, id, fields)
        if made is None:
            return answer({"deleted": id}) if wants_json(request) else redirect(PATH)
        return self._done(request, made)

    def _changed(self, who: Principal, id: str, fields: dict[str, str]) -> Kept | None:
        act, version = fields.get("act", ""), _version(fields.get("version", ""))
        if act == "rename":
            return self._selections.rename(who, id, version, fields.get("name", ""))
        if act == "add":
            return self._selections.add(who, id, version, self._sent(fields))
        if act == "remove":
            return self._selections.remove(who, id, version, fields.get("id", ""))
        if act == "share":
            listed = fields.get("listed", "").splitlines()
            return self._selections.share(who, id, version, fields.get("visibility", ""), listed)
        if act == "delete":
            self._selections.delete(who, id, version)
            return None
        raise BadQueryError(f"act {act[:40]!r} is not one of add, delete, remove, rename, share", parameter="act")

    def _sent(self, fields: dict[str, str]) -> Selection:
        """Return the selection that a form carries as the parameters of its address."""
        return Selection.parse(forms.parsed(fields.get("query", "")), resolver=self._portal.resolve)

    def _shown(self, request: Request, picked: Selection, kept: Kept | None) -> Response:
        wanted = request.query_params.get(links.FORMAT, "")
        named = Site(self._renderer.title, str(request.base_url).rstrip("/"))
        if wanted and wanted != "json":
            return self._file(request, picked, writing.form(wanted), named, kept)
        if wanted == "json":
            response = answer(selection_json(self._portal, picked, named, kept))
            return _private(response) if kept else response
        who = self._gate.who(request)
        mine = self._selections.mine(who) if who.may(Role.USER, READ) and who.may(Role.USER, WRITE) else []
        here = kept.path if kept else picked.address()
        site = self._renderer.site(json=links.as_json(here))
        known = sources.read(self._portal)
        mine = [each for each in mine if kept is None or each.id != kept.id]
        context = selection_page(self._portal, picked, site, named, who, known, kept=kept, mine=mine)
        response = self._renderer.page("selection.html", context)
        return _private(response) if kept else response

    def _file(
        self, request: Request, picked: Selection, form: writing.Format, named: Site, kept: Kept | None
    ) -> Response:
        chosen = selection.choose(self._portal, picked)
        headers = {**HEADERS, "Content-Disposition": f'attachment; filename="{writing.file_name(form)}"'}
        if chosen.lost:
            headers[LOST] = ", ".join(
                f"{each.id} {each.why}{f' {each.into}' if each.into else ''}" for each in chosen.lost
            )
        if request.method == "HEAD":
            response = Response(headers=headers, media_type=writing.MEDIA_TYPES[form])
        else:
            made = writing.export(self._portal, chosen, form, named)
            response = StreamingResponse(_begun(made.pieces), headers=headers, media_type=made.media_type)
        return _private(response) if kept else response

    def _notebook(self, request: Request, picked: Selection, kept: Kept | None) -> Response:
        named = Site(self._renderer.title, str(request.base_url).rstrip("/"))
        given = request.query_params
        choice = notebook.Choice(*(given.get(name, "") for name in _CHOICES))
        made = notebooks.for_selection(
            self._portal,
            picked,
            named,
            title=kept.name if kept else "",
            page=f"{named.url}{kept.path}" if kept else "",
            choice=choice,
        )
        headers = {**HEADERS, "Content-Disposition": f'attachment; filename="{made.name}"'}
        response = Response(made.content, headers=headers, media_type=notebook.MEDIA_TYPE)
        return _private(response) if kept else response

    def _done(self, request: Request, made: Kept, *, status: int = 200) -> Response:
        if is_by_program(request):
            return _private(answer(_told(made), status=status))
        return redirect(made.path)


def _begun(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Return pieces of which the first is made already, so that what fails there is answered with its status."""
    return chain([next(pieces, b"")], pieces)


def _told(kept: Kept) -> dict[str, object]:
    made = kept.creation
    return {
        "id": made.id,
        "name": made.name,
        "version": made.version,
        "visibility": made.visibility,
        "listed": list(made.listed),
        "url": kept.path,
        **kept.selection.to_document(),
    }


def _version(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise BadQueryError(f"version {text[:20]!r} is not the number of a version", parameter="version")
    return int(text)


def _private(response: Response) -> Response:
    response.headers["Cache-Control"] = "private, no-store"
    return response
