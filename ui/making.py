"""The pages of what people make: shelves, forms in three tiers, history, sharing, decisions, stars."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import Response
from starlette.concurrency import run_in_threadpool

from discovery.errors import BadQueryError, ConflictError, DeniedError, DocumentError, LimitError, NotFoundError
from discovery.making import KINDS, Kind, files
from discovery.making.life import stars
from discovery.model.creation import DRAFT, Creation
from discovery.model.person import WRITE, Principal, Role
from discovery.model.record import Record
from discovery.portal import Portal
from discovery.query.query import Sort
from discovery.store import marks
from ui import forms, links, made, sheets
from ui.contexts import Anchor
from ui.gate import KEY, Gate, key_of
from ui.rendering import HEADERS, Renderer, answer, redirect
from ui.routing import is_by_program, page_route, wants_json

REVIEWS: Final = "/admin/reviews"
MARKS: Final = "/marks"
_MINE: Final = "Yours"
_ABOUT: Final = {
    "volume": "Folders of data that datalabs mount: nothing has to be downloaded.",
    "datalab": "Environments with the tools of a field, started beside the data.",
    "pipeline": "Workflows that make new data of data.",
}
_TOO_OLD: Final = (
    "This form was too old to be saved. Nothing that you typed is lost: look it over, and save it once more."
)
_TABS: Final = ("", "history", "share")


def router(portal: Portal, renderer: Renderer, gate: Gate) -> APIRouter:
    """Return the routes of what people make: `/volumes`, `/datalabs`, `/pipelines`, `/marks` and `/admin/reviews`."""
    routes = APIRouter(route_class=page_route(renderer, gate), include_in_schema=False, redirect_slashes=False)
    for kind in KINDS.values():
        pages = _Made(portal, renderer, gate, kind)
        home = made.listed(kind)
        for path, read in (
            (home, pages.shelves),
            (f"{home}/new", pages.new),
            (f"{home}/{{id}}", pages.one),
            (f"{home}/{{id}}/edit", pages.edit),
            (f"{home}/{{id}}/export", pages.export),
        ):
            routes.add_api_route(path, read, methods=["GET", "HEAD"], response_model=None)
        for path, act in (
            (f"{home}/new", pages.write),
            (f"{home}/import", pages.take_in),
            (f"{home}/{{id}}/edit", pages.write),
            (f"{home}/{{id}}/steps", pages.step),
            (f"{home}/{{id}}/share", pages.share),
        ):
            routes.add_api_route(path, act, methods=["POST"], response_model=None)
    others = _Marks(portal, renderer, gate)
    routes.add_api_route(REVIEWS, others.reviews, methods=["GET", "HEAD"], response_model=None)
    routes.add_api_route(MARKS, others.mark, methods=["POST"], response_model=None)
    return routes


class _Made:
    """The pages of one kind of thing, one method a route."""

    def __init__(self, portal: Portal, renderer: Renderer, gate: Gate, kind: Kind) -> None:
        self._portal = portal
        self._renderer = renderer
        self._gate = gate
        self._kind = kind

    # Reading

    def shelves(self, request: Request) -> Response:
        """Return everything of a kind: the public ones, one's own, what others share, and what is new."""
        who, kind = self._gate.who(request), self._kind
        sort = request.query_params.get("sort", "") or "title"
        found = made.sorted_by(self._portal, kind, sort, 100)
        newest = [each for each in made.public(self._portal, kind, Sort("updated", descending=True), 6) if each.updated]
        mine, shared = self._portal.making.mine(who, kind.name), self._portal.making.shared(who, kind.name)
        if wants_json(request):
            liked = stars(self._portal.store, [each.id for each in found], who)
            public = [
                {"id": each.id, "title": each.title, "url": links.record(each.id), "stars": liked[each.id][0]}
                for each in found
            ]
            return answer({"public": public, "mine": list(map(_row, mine)), "shared": list(map(_row, shared))})
        several = kind.container
        shelves = [
            made.Shelf("mine", _MINE, made.own(mine), f"You have written no {several} yet.")
            if who.may(kind.writer, WRITE)
            else None,
            made.Shelf("shared", "Shared with you", made.own(shared), "") if shared else None,
            self._mounted(who),
            made.Shelf("new", "New", made.tiles(self._portal, newest), "") if newest else None,
            self._public(found, sort),
        ]
        new = f"{made.listed(kind)}/new" if who.may(kind.writer, WRITE) else ""
        context = made.ShelvesContext(
            self._renderer.site(json=f"{made.listed(kind)}?f=json"),
            several.capitalize(),
            _ABOUT[kind.name],
            tuple(each for each in shelves if each is not None),
            new,
            f"New {kind.label.lower()}",
            self._hint(who),
        )
        return self._renderer.page("shelves.html", context)

    def _public(self, found: Sequence[Record], sort: str) -> made.Shelf:
        """Return the shelf of what everybody sees, with the orders it can be in."""
        kind = self._kind
        here = made.listed(kind)
        return made.Shelf(
            "public",
            "Public",
            made.tiles(self._portal, found),
            f"There are no {kind.container} here yet.",
            links.facet("kind", kind.name) if len(found) >= 100 else "",
            tuple(
                Anchor(label, f"{here}?{urlencode({'sort': each})}#public", "now" if each == sort else "")
                for each, label in made.SORTS.items()
                if len(found) > 1
            ),
        )

    def _mounted(self, who: Principal) -> made.Shelf | None:
        """Return the shelf of "my volumes"."""
        if self._kind.name != "volume" or not who.id:
            return None
        ids = self._portal.store.marks.of(who.id, marks.MOUNT)
        keys = self._portal.store.catalogue.keys(ids)
        stored = self._portal.store.catalogue.many(list(keys.values()))
        found = [stored[keys[id]].record for id in ids if id in keys and keys[id] in stored]
        return made.Shelf("mounts", "Your volumes", made.tiles(self._portal, found), "") if found else None

    def _hint(self, who: Principal) -> str:
        if who.may(self._kind.writer, WRITE):
            return ""
        if who.role is Role.ANONYMOUS:
            return f"Sign in as {'an operator' if self._kind.writer >= Role.OPERATOR else 'a developer'} to add one."
        return f"Writing one needs the role {self._kind.writer.word}; ask whoever looks after this portal."

    def new(self, request: Request) -> Response:
        """Return the empty form."""
        who = self._gate.require(request, self._kind.writer, WRITE)
        return self._form(who, None, {})

    def one(self, request: Request) -> Response:
        """Return what was made, with its history and who may see it."""
        who = self._gate.who(request)
        found = self._get(who, request)
        if wants_json(request):
            reviewer = found.owner == who.id or who.role >= Role.MODERATOR
            shown = found.document if reviewer else self._kind.public(found.document)
            return answer({**_row(found), "document": shown})
        tab = request.query_params.get("tab", "")
        return self._renderer.page("made.html", self._context(who, found, tab if tab in _TABS else ""))

    def edit(self, request: Request) -> Response:
        """Return the form with what was written."""
        who = self._gate.require(request, self._kind.writer, WRITE)
        found = self._get(who, request)
        if not self._portal.making.may_edit(who, found):
            raise DeniedError("this is somebody else's: whoever made it may change it")
        return self._form(who, found, sheets.typed(self._kind.fields, found.document))

    def export(self, request: Request) -> Response:
        """Return what was written as a file."""
        who = self._gate.who(request)
        found = self._get(who, request)
        form = request.query_params.get(links.FORMAT, files.JSON)
        if form not in files.FORMATS:
            raise BadQueryError(f"f {form[:40]!r} is not one of {', '.join(files.FORMATS)}", parameter="f")
        reviewer = found.owner == who.id or who.role >= Role.MODERATOR
        document = found.document if reviewer else self._kind.public(found.document)
        name = "meta-data.yaml" if form == files.YAML else f"{self._kind.name}.{form}"
        headers = {**HEADERS, "Content-Disposition": f'attachment; filename="{name}"'}
        return Response(files.written(document, self._kind, form), headers=headers, media_type=files.FORMATS[form])

    # Writing

    async def write(self, request: Request) -> Response:
        """Keep a draft, and hand it in where that was asked for; what is wrong comes back with what was typed."""
        form = await forms.fields(request)
        try:
            who = await run_in_threadpool(self._gate.allow, request, form, self._kind.writer, WRITE)
        except DeniedError as error:
            if not _is_typed_here(request):
                raise
            return await run_in_threadpool(self._once_more, request, form, error)
        return await run_in_threadpool(self._written, request, who, form)

    def _once_more(self, request: Request, form: Mapping[str, str], error: DeniedError) -> Response:
        """Return what was typed where a sign-in is over or a form too old; nothing of it is kept.

        Pages with forms are stored nowhere, so that a browser which goes back has an empty one.
        """
        who, id = self._gate.who(request), request.path_params.get("id", "")
        if who.role is Role.ANONYMOUS:
            fields = tuple((name, value) for name, value in form.items() if name != KEY)
            way_in = links.way_in(made.listed(self._kind))
            context = made.OnceMoreContext(self._renderer.site(), request.url.path, fields, way_in)
            return self._renderer.page("once_more.html", context, status=error.status)
        if not who.session or not who.may(self._kind.writer, WRITE):
            raise error
        try:
            old = self._get(who, request) if id else None
        except NotFoundError:
            raise error from None
        if old is not None and not self._portal.making.may_edit(who, old):
            raise error
        version = _version(form) if id else 0
        return self._form(who, old, form, (), _TOO_OLD, status=error.status, version=version)

    def _written(self, request: Request, who: Principal, form: Mapping[str, str]) -> Response:
        id = request.path_params.get("id", "")
        old = self._get(who, request) if id else None
        version = _version(form) if id else 0
        given = sheets.document(self._kind.fields, form)
        if old is not None and old.record and self._kind.slug in old.document:
            given[self._kind.slug] = old.document[self._kind.slug]
        try:
            kept = self._portal.making.write(who, self._kind.name, given, id=id, version=version)
        except DocumentError as error:
            return self._form(who, old, form, error.problems, status=400, version=version)
        except (ConflictError, LimitError) as error:
            return self._form(who, old, form, (), str(error), status=error.status, version=version)
        if form.get("then") != "hand_in":
            return redirect(made.page(kept))
        try:
            kept = self._portal.making.hand_in(who, kept.id, kept.version)
        except DocumentError as error:
            return self._form(who, kept, form, error.problems, "It is kept as a draft.", status=400)
        except ConflictError as error:
            return self._form(who, kept, form, (), str(error), status=error.status)
        return redirect(made.page(kept))

    async def take_in(self, request: Request) -> Response:
        """Return the form filled with a file that was pasted; nothing is kept before somebody saves it."""
        form = await forms.fields(request)
        who = await run_in_threadpool(self._gate.allow, request, form, self._kind.writer, WRITE)
        return await run_in_threadpool(self._taken, who, form.get("text", ""))

    def _taken(self, who: Principal, text: str) -> Response:
        try:
            given = files.read_one(text, self._kind)
        except BadQueryError as error:
            return self._form(who, None, {}, (), str(error), status=400)
        values, problems = self._kind.check(given)
        told = [(each.path, each.message) for each in problems]
        return self._form(who, None, sheets.typed(self._kind.fields, values), told, status=400 if told else 200)

    async def step(self, request: Request) -> Response:
        """Take one step of a life."""
        form = await forms.fields(request)
        who = await run_in_threadpool(self._gate.allow, request, form, Role.DEVELOPER, WRITE)
        return await run_in_threadpool(self._stepped, request, who, form)

    def _stepped(self, request: Request, who: Principal, form: Mapping[str, str]) -> Response:
        making, id, version = self._portal.making, request.path_params["id"], _version(form)
        reason = form.get("reason", "")
        ways: Mapping[str, Callable[[], Creation | None]] = {
            "hand_in": lambda: making.hand_in(who, id, version),
            "take_back": lambda: making.take_back(who, id, version),
            "accept": lambda: making.accept(who, id, version, reason),
            "reject": lambda: making.reject(who, id, version, reason),
            "deprecate": lambda: making.deprecate(who, id, version, reason),
            "revive": lambda: making.revive(who, id, version, reason),
            "withdraw": lambda: making.withdraw(who, id, version, reason),
            "delete": lambda: making.delete(who, id, version),
        }
        name = form.get("step", "")
        if name not in ways:
            raise BadQueryError(f"step {name[:40]!r} is not one of {', '.join(ways)}", parameter="step")
        try:
            done = ways[name]()
        except DocumentError as error:
            found = making.get(who, id)
            return self._form(who, found, sheets.typed(self._kind.fields, found.document), error.problems,
                              "This is missing before it can be handed in.", status=400)  # fmt: skip
        except (ConflictError, BadQueryError) as error:
            context = self._context(who, making.get(who, id), "")
            return self._renderer.page("made.html", replace(context, notice=str(error)), status=error.status)
        if done is None:
            return redirect(made.listed(self._kind))
        seen = done.is_visible_to(who) or done.owner == who.id
        return redirect(made.page(done) if seen else REVIEWS)

    async def share(self, request: Request) -> Response:
        """Say who may see it."""
        form = await forms.fields(request)
        who = await run_in_threadpool(self._gate.allow, request, form, self._kind.writer, WRITE)
        return await run_in_threadpool(self._shared, request, who, form)

    def _shared(self, request: Request, who: Principal, form: Mapping[str, str]) -> Response:
        id = request.path_params["id"]
        names = form.get("listed", "").replace(",", "\n").split("\n")
        try:
            done = self._portal.making.share(who, id, _version(form), form.get("visibility", ""), names)
        except (ConflictError, BadQueryError) as error:
            context = self._context(who, self._get(who, request), "share")
            shown = replace(context, notice=str(error), listed=form.get("listed", ""))
            return self._renderer.page("made.html", shown, status=error.status)
        return redirect(f"{made.page(done)}?tab=share")

    # Parts

    def _get(self, who: Principal, request: Request) -> Creation:
        found = self._portal.making.get(who, request.path_params["id"])
        if found.kind != self._kind.name:
            raise NotFoundError(f"there is no {self._kind.name} {found.id}")
        return found

    def _context(self, who: Principal, found: Creation, tab: str) -> made.MadeContext:
        state, mood = made.STATES[found.state]
        edits = self._portal.making.may_edit(who, found)
        here = made.page(found)
        site = self._renderer.site(json=f"{here}?f=json")
        link = f"{here}" if found.visibility == "link" else ""
        return made.MadeContext(
            site=site,
            title=found.name,
            kind=found.kind,
            kind_label=self._kind.label,
            state=state,
            mood=mood,
            action=here,
            key=key_of(who),
            version=found.version,
            tab=tab if edits or tab != "share" else "",
            tabs=self._tabs(found, edits, tab),
            facts=made.facts(self._kind, found, who),
            steps=made.steps(self._portal, who, found),
            history=made.history(self._portal, self._portal.store.creations.history(found.id)),
            record=links.record(found.record) if found.record else "",
            edit=f"{here}/edit" if edits and found.state != "review" else "",
            exports=tuple(Anchor(form.upper(), f"{here}/export?f={form}") for form in files.FORMATS),
            notice=self._decided(found),
            visible=made.sharing(found),
            listed=made.names(found),
            link=link,
            share=edits,
        )

    def _decided(self, found: Creation) -> str:
        """Return what the last decision said, for a draft that came back."""
        if found.state != DRAFT:
            return ""
        last = next(iter(self._portal.store.creations.history(found.id)), None)
        return f"It was sent back: {last.reason}" if last is not None and last.act == "rejected" else ""

    def _tabs(self, found: Creation, edits: bool, tab: str) -> tuple[Anchor, ...]:
        here = made.page(found)
        tabs = [("", "What it says"), ("history", "History"), *([("share", "Who may see it")] if edits else [])]
        return tuple(
            Anchor(label, here if not name else f"{here}?tab={name}", "page" if name == tab else "")
            for name, label in tabs
        )

    def _form(
        self,
        who: Principal,
        old: Creation | None,
        values: Mapping[str, str],
        problems: Any = (),
        message: str = "",
        *,
        status: int = 200,
        version: int = 0,
    ) -> Response:
        kind = self._kind
        published = old is not None and bool(old.record)
        fixed = kind.slug if published else ""
        tiers = sheets.tiers(kind.fields, values, problems, fixed=fixed)
        wrong = tuple(
            (each.id, each.label, each.problem) for tier in tiers for each in tier.inputs if each.problem
        ) + tuple(("", path, said) for path, said in problems if not sheets.has(kind.fields, path))
        label = kind.label.lower()
        context = made.FormContext(
            site=self._renderer.site(),
            title=old.name if old is not None else f"New {label}",
            kind=kind.name,
            kind_label=kind.label,
            action=f"{made.page(old)}/edit" if old is not None else f"{made.listed(kind)}/new",
            key=key_of(who),
            version=version or (old.version if old is not None else 0),
            tiers=tiers,
            problems=wrong,
            message=message,
            can_hand_in=True,
            hand_in="Save and hand in for review" if kind.reviewed else "Save and publish",
            import_action=f"{made.listed(kind)}/import" if old is None else "",
            fixed=(fixed, str(old.document.get(fixed, "")) if old is not None and fixed else ""),
            tabs=(),
            state=made.STATES[old.state][0] if old is not None else "",
            mood=made.STATES[old.state][1] if old is not None else "",
        )
        return self._renderer.page("sheet.html", context, status=status)


class _Marks:
    """Stars, "my volumes", and what waits for a decision."""

    def __init__(self, portal: Portal, renderer: Renderer, gate: Gate) -> None:
        self._portal = portal
        self._renderer = renderer
        self._gate = gate

    def reviews(self, request: Request) -> Response:
        """Return what waits for a decision."""
        who = self._gate.require(request, Role.MODERATOR)
        found = self._portal.making.reviews(who)
        if wants_json(request):
            return answer({"reviews": [_row(each) for each in found]})
        context = made.ReviewsContext(self._renderer.site(json=f"{REVIEWS}?f=json"), made.own(found))
        return self._renderer.page("reviews.html", context)

    async def mark(self, request: Request) -> Response:
        """Set a mark on a record, or take it off, and go back."""
        form = await forms.fields(request)
        who = await run_in_threadpool(self._gate.allow, request, form, Role.USER, WRITE)
        return await run_in_threadpool(self._marked, who, form)

    def _marked(self, who: Principal, form: Mapping[str, str]) -> Response:
        kind, record, on = form.get("kind", ""), form.get("record", ""), form.get("on", "true")
        if on not in ("true", "false"):
            raise BadQueryError("on must be true or false", parameter="on")
        if on == "true":
            found = self._portal.record(record).record
            if kind == marks.MOUNT and found.kind != "volume":
                raise BadQueryError("only volumes are mounted", parameter="record")
            self._portal.store.marks.set(who.id, kind, found.id)
        else:
            self._portal.store.marks.unset(who.id, kind, record)
        return redirect(links.record(record))


def _is_typed_here(request: Request) -> bool:
    """Say whether a form was sent by a browser from a page of ours, and not by a program or another site."""
    origin = request.headers.get("Origin", "")
    if is_by_program(request):
        return False
    return origin in ("", str(request.base_url).rstrip("/"))


def _version(form: Mapping[str, str]) -> int:
    given = form.get("version", "")
    if not given.isdecimal() or len(given) > 9 or not given.isascii():
        raise BadQueryError("version says which version was read", parameter="version")
    return int(given)


def _row(found: Creation) -> dict[str, Any]:
    return {
        "id": found.id,
        "kind": found.kind,
        "name": found.name,
        "state": found.state,
        "version": found.version,
        "record": found.record or None,
        "url": made.page(found),
    }
