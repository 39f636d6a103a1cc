"""What somebody who is signed in sees of themselves: who they are here, their tokens, and the way to what is theirs."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import quote

from fastapi import APIRouter, Request
from fastapi.responses import Response
from starlette.concurrency import run_in_threadpool

from discovery.model.instant import iso
from discovery.model.person import ADMIN, HARVEST, LAUNCH, READ, TOKEN_SCOPES, WRITE, Principal, Role, Token
from discovery.people import OPERATORS
from discovery.people.people import TOKEN_DAYS
from discovery.portal import Portal
from discovery.selections import PATH as SELECTIONS
from discovery.store.marks import MOUNT, STAR
from ui import forms, links
from ui.contexts import Anchor
from ui.gate import Gate, key_of
from ui.people_contexts import Choice, MeContext, TokenRow
from ui.rendering import Renderer, answer, redirect
from ui.routing import page_route, wants_json

TOKENS: Final = f"{links.ME}/tokens"
SESSIONS: Final = f"{links.ME}/sessions"
SHOWN: Final = 50
"""Marked records of a kind on the page."""
_DAYS: Final = 90
_DIGITS: Final = 5
_FRESH: Final = {"Cache-Control": "private, no-store"}
_SCOPES: Final = {
    READ: ("see what is yours", Role.USER),
    WRITE: ("change what is yours", Role.USER),
    LAUNCH: ("start datalabs", Role.USER),
    HARVEST: ("look after sources", Role.OPERATOR),
    ADMIN: ("look after people", Role.ADMIN),
}


def router(portal: Portal, renderer: Renderer, gate: Gate) -> APIRouter:
    """Return the routes of somebody's own page, all of them beneath `/me`."""
    pages = _Me(portal, renderer, gate)
    made = APIRouter(route_class=page_route(renderer, gate), include_in_schema=False, redirect_slashes=False)
    made.add_api_route(links.ME, pages.me, methods=["GET", "HEAD"], response_model=None)
    for path, act in (
        (TOKENS, pages.make),
        (f"{TOKENS}/{{id}}/revoke", pages.revoke),
        (f"{SESSIONS}/end", pages.end),
    ):
        made.add_api_route(path, act, methods=["POST"], response_model=None)
    return made


class _Me:
    """One method a route, each from request to answer."""

    def __init__(self, portal: Portal, renderer: Renderer, gate: Gate) -> None:
        self._portal = portal
        self._people = portal.people
        self._renderer = renderer
        self._gate = gate

    def me(self, request: Request) -> Response:
        """Return the page, or who a token is for."""
        who = self._gate.require(request, Role.USER, READ)
        if wants_json(request) or not who.session:
            return answer(self._json(who), headers=_FRESH)
        return self._page(who)

    async def make(self, request: Request) -> Response:
        """Make a token, and show it this once: it goes in no address, where a browser would keep it."""
        given = await forms.pairs(request)
        form = dict(given)
        who = await run_in_threadpool(self._gate.allow, request, form, Role.USER, WRITE)
        days = form.get("days", "")
        lasts = int(days) if days.isdecimal() and len(days) < _DIGITS else 0
        scopes = [value for name, value in given if name == "scope"]
        shown, token = await run_in_threadpool(self._people.make_token, who, form.get("name", ""), scopes, lasts)
        if wants_json(request):
            return answer({"token": shown, **_token_json(token)}, status=201, headers=_FRESH)
        return await run_in_threadpool(self._page, who, shown)

    async def revoke(self, request: Request) -> Response:
        """Take a token away."""
        who = await self._sender(request)
        await run_in_threadpool(self._people.revoke, who, who.id, request.path_params["id"])
        return redirect(f"{links.ME}#tokens")

    async def end(self, request: Request) -> Response:
        """End every session of whoever asks, this one too."""
        who = await self._sender(request)
        await run_in_threadpool(self._people.leave_everywhere, who)
        response = redirect(links.SIGN_IN)
        await run_in_threadpool(self._gate.close, request, response)
        return response

    async def _sender(self, request: Request) -> Principal:
        form = await forms.fields(request)
        return await run_in_threadpool(self._gate.allow, request, form, Role.USER, WRITE)

    def _page(self, who: Principal, shown: str = "") -> Response:
        assert who.person is not None
        person = who.person
        context = MeContext(
            site=self._renderer.site(),
            key=key_of(who),
            name=person.name,
            role=person.role.word,
            email=person.email,
            id=person.id,
            issuer=person.issuer,
            sessions=self._people.sessions(person.id),
            shown=shown,
            tokens=tuple(map(_token_row, self._people.tokens(person.id))),
            scopes=tuple(
                Choice(name, label, name == READ) for name, (label, role) in _SCOPES.items() if who.role >= role
            ),
            days=_DAYS,
            most_days=TOKEN_DAYS,
            may_make=person is not OPERATORS,
            ways=_ways(who),
            stars=self._marked(who, STAR),
            volumes=self._marked(who, MOUNT),
        )
        response = self._renderer.page("me.html", context)
        response.headers.update(_FRESH)
        return response

    def _marked(self, who: Principal, kind: str) -> tuple[Anchor, ...]:
        ids = self._portal.store.marks.of(who.id, kind)[:SHOWN]
        keys = self._portal.store.catalogue.keys(ids)
        stored = self._portal.stored(list(keys.values()))
        return tuple(
            Anchor(stored[keys[id]].record.title, links.record(id)) for id in ids if id in keys and keys[id] in stored
        )

    def _json(self, who: Principal) -> dict[str, Any]:
        assert who.person is not None
        return {
            "id": who.id,
            "name": who.person.name,
            "email": who.person.email,
            "role": who.role.word,
            "scopes": [each for each in TOKEN_SCOPES if each in who.scopes],
            "sessions": self._people.sessions(who.id),
            "tokens": [_token_json(each) for each in self._people.tokens(who.id)],
        }


def _ways(who: Principal) -> tuple[Anchor, ...]:
    """Return the ways to what is somebody's, and to what they look after."""
    found = [
        Anchor("Launches", links.LAUNCHES),
        Anchor("Data volumes", SELECTIONS),
        Anchor("Volumes", "/volumes"),
        Anchor("Datalabs", "/datalabs"),
    ]
    if who.may(Role.MODERATOR):
        found.append(Anchor("Reviews", "/admin/reviews"))
    if who.may(Role.OPERATOR, HARVEST):
        found.append(Anchor("Harvests", "/admin/harvests"))
    if who.may(Role.ADMIN, ADMIN):
        found += [Anchor("People", links.PEOPLE), Anchor("Audit log", links.AUDIT)]
    return tuple(found)


def _token_row(token: Token) -> TokenRow:
    return TokenRow(
        name=token.name,
        scopes=", ".join(token.scopes),
        created=iso(token.created)[:10],
        expires=iso(token.expires)[:10],
        used="" if token.used is None else iso(token.used)[:16].replace("T", " "),
        revoke=f"{TOKENS}/{quote(token.id, safe='')}/revoke",
    )


def _token_json(token: Token) -> dict[str, Any]:
    return {
        "id": token.id,
        "name": token.name,
        "scopes": list(token.scopes),
        "created": iso(token.created),
        "expires": iso(token.expires),
        "used": None if token.used is None else iso(token.used),
    }
