"""What admins see of people and of what was done: roles, who may come in, and the audit log."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Request
from fastapi.responses import Response
from starlette.concurrency import run_in_threadpool

from discovery.errors import BadQueryError
from discovery.model.instant import iso
from discovery.model.person import ADMIN, Deed, Person, Principal, Role
from discovery.portal import Portal
from discovery.store.audit import KEPT
from ui import forms, links
from ui.gate import Gate, key_of
from ui.people_contexts import AuditContext, Choice, DeedRow, PeopleContext, PersonRow
from ui.rendering import Renderer, answer, redirect
from ui.routing import page_route, wants_json

SHOWN: Final = 200
LINES: Final = 100
ROLES: Final = tuple(each for each in Role if each is not Role.ANONYMOUS)
_FRESH: Final = {"Cache-Control": "private, no-store"}
_DIGITS: Final = 16


def router(portal: Portal, renderer: Renderer, gate: Gate) -> APIRouter:
    """Return the routes of the admins' pages: `/admin/people` and `/admin/audit`."""
    pages = _Persons(portal, renderer, gate)
    made = APIRouter(route_class=page_route(renderer, gate), include_in_schema=False, redirect_slashes=False)
    for path, read in ((links.PEOPLE, pages.people), (links.AUDIT, pages.audit)):
        made.add_api_route(path, pages.for_admins(read), methods=["GET", "HEAD"], response_model=None)
    for path, act in (
        (f"{links.PEOPLE}/{{id}}/role", pages.give_role),
        (f"{links.PEOPLE}/{{id}}/disabled", pages.disable),
    ):
        made.add_api_route(path, act, methods=["POST"], response_model=None)
    return made


class _Persons:
    """One method a route, each from request to answer."""

    def __init__(self, portal: Portal, renderer: Renderer, gate: Gate) -> None:
        self._people = portal.people
        self._renderer = renderer
        self._gate = gate

    def for_admins(self, read: Callable[[Request, Principal], Response]) -> Callable[[Request], Response]:
        """Return a handler that only admins get an answer from."""

        def handled(request: Request) -> Response:
            response = read(request, self._gate.require(request, Role.ADMIN, ADMIN))
            response.headers.update(_FRESH)
            return response

        return handled

    def people(self, request: Request, who: Principal) -> Response:
        """Return the people, those first who were here last."""
        asked = request.query_params.get("q", "")[:200]
        found = self._people.persons(SHOWN, text=asked)
        if wants_json(request):
            return answer({"people": [_person_json(each) for each in found]})
        rows = tuple(_person_row(each, who) for each in found)
        site = self._renderer.site(json=f"{links.PEOPLE}?{urlencode({'q': asked, links.FORMAT: 'json'})}")
        return self._renderer.page("people.html", PeopleContext(site, key_of(who), asked, rows, len(found) == SHOWN))

    def audit(self, request: Request, who: Principal) -> Response:
        """Return lines of the audit log, newest first."""
        given = {name: request.query_params.get(name, "")[:200] for name in ("act", "about", "by")}
        after = request.query_params.get("before", "")
        before = int(after) if after.isdecimal() and len(after) < _DIGITS else None
        found = self._people.deeds(who, LINES + 1, before=before, **given)
        kept = {name: value for name, value in given.items() if value}
        behind = found[LINES - 1].id if len(found) > LINES else None
        following = f"{links.AUDIT}?{urlencode({**kept, 'before': behind})}" if behind is not None else ""
        if wants_json(request):
            return answer({"lines": [_deed_json(each) for each in found[:LINES]], "before": behind})
        rows = tuple(map(_deed_row, found[:LINES]))
        context = AuditContext(self._renderer.site(), rows, following, KEPT // 86_400_000, **given)
        return self._renderer.page("audit.html", context)

    async def give_role(self, request: Request) -> Response:
        """Give somebody a role."""
        who, form = await self._form(request)
        role = next((each for each in ROLES if each.word == form.get("role")), None)
        if role is None:
            allowed = ", ".join(each.word for each in ROLES)
            raise BadQueryError(f"role {form.get('role', '')[:40]!r} is not one of {allowed}", parameter="role")
        person = await run_in_threadpool(self._people.give_role, who, request.path_params["id"], role)
        return self._done(request, who, person)

    async def disable(self, request: Request) -> Response:
        """Keep somebody out, or let them in again."""
        who, form = await self._form(request)
        if form.get("disabled") not in ("true", "false"):
            raise BadQueryError("disabled must be true or false", parameter="disabled")
        on = form["disabled"] == "true"
        person = await run_in_threadpool(lambda: self._people.disable(who, request.path_params["id"], on=on))
        return self._done(request, who, person)

    async def _form(self, request: Request) -> tuple[Principal, dict[str, str]]:
        form = await forms.fields(request)
        return await run_in_threadpool(self._gate.allow, request, form, Role.ADMIN, ADMIN), form

    @staticmethod
    def _done(request: Request, who: Principal, person: Person) -> Response:
        if wants_json(request) or not who.session:
            return answer(_person_json(person))
        return redirect(f"{links.PEOPLE}#{quote(person.id, safe='')}")


def _person_row(person: Person, who: Principal) -> PersonRow:
    place = f"{links.PEOPLE}/{quote(person.id, safe='')}"
    return PersonRow(
        id=person.id,
        name=person.name,
        email=person.email,
        known=f"{person.subject} of {person.issuer}" if person.issuer else "the person at the machine",
        seen=iso(person.seen)[:16].replace("T", " "),
        roles=tuple(Choice(each.word, each.word, each is person.role) for each in ROLES),
        give=f"{place}/role",
        disable=f"{place}/disabled",
        disabled=person.disabled is not None,
        own=person.id == who.id,
        deeds=f"{links.AUDIT}?{urlencode({'about': person.id})}",
    )


def _person_json(person: Person) -> dict[str, Any]:
    return {
        "id": person.id,
        "name": person.name,
        "email": person.email,
        "role": person.role.word,
        "issuer": person.issuer,
        "subject": person.subject,
        "created": iso(person.created),
        "seen": iso(person.seen),
        "disabled": None if person.disabled is None else iso(person.disabled),
    }


def _deed_row(deed: Deed) -> DeedRow:
    when = iso(deed.moment)[:19].replace("T", " ")
    return DeedRow(when, deed.name, deed.person, deed.act, deed.about, deed.before, deed.after, deed.request)


def _deed_json(deed: Deed) -> dict[str, Any]:
    return {
        "moment": iso(deed.moment),
        "person": deed.person,
        "name": deed.name,
        "act": deed.act,
        "about": deed.about,
        "before": deed.before,
        "after": deed.after,
        "request": deed.request,
    }
