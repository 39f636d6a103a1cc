"""Who asks: a program shows a token, or a browser its session; forms carry a key that no other site knows.

Every page asks here and nowhere else: `Gate.require` before it shows something, `Gate.allow` before it does something.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final, cast

from fastapi import Request, Response

from discovery.errors import DeniedError
from discovery.model.person import NOBODY, READ, WRITE, Principal, Role
from discovery.people import SESSION_LASTS, People, form_key
from discovery.people.proofs import same

COOKIE: Final = "discovery_session"
SECURE_COOKIE: Final = f"__Host-{COOKIE}"
"""Its name where the portal is reached by TLS: a browser takes it from nobody else of our domain, and from no http."""
KEY: Final = "key"
"""The field of a form that holds its key."""


@dataclass(frozen=True, slots=True)
class Visit:
    """Who reads a page, and which."""

    who: Principal = NOBODY
    path: str = "/"
    """The address of the page below the portal's own, with its question."""


visit: Final[ContextVar[Visit]] = ContextVar("visit", default=Visit())  # noqa: B039 - nothing in it can change
"""The visit that is being answered; what stands around every page is made of it."""


def key_of(who: Principal) -> str:
    """Return what the forms of somebody's session carry in their field `key`; empty for programs and for nobody."""
    return form_key(who.session) if who.session else ""


def is_secure(request: Request) -> bool:
    """Say whether a browser reached us by TLS."""
    return bool(request.scope["scheme"] == "https")


def session_of(request: Request) -> str:
    """Return the secret that a browser's cookie holds, empty for none."""
    return request.cookies.get(SECURE_COOKIE if is_secure(request) else COOKIE, "")


class Gate:
    """Says who asks, and lets through whoever may."""

    def __init__(self, people: People) -> None:
        self._people = people

    def who(self, request: Request) -> Principal:
        """Return who asks; the store is asked once a request."""
        if not hasattr(request.state, "who"):
            request.state.who = self._people.who(request.headers.get("Authorization"), session_of(request))
        return cast("Principal", request.state.who)

    def require(self, request: Request, role: Role, scope: str = READ) -> Principal:
        """Return who wants to see something.

        Raises:
            DeniedError: They may not; the message says what is missing.
        """
        who = self.who(request)
        if who.role is Role.ANONYMOUS and role > Role.ANONYMOUS:
            raise DeniedError(_nobody(request))
        who.require(role, scope)
        return who

    def allow(self, request: Request, form: Mapping[str, str], role: Role = Role.USER, scope: str = WRITE) -> Principal:
        """Return who sends a form: a browser that is signed in and has the form from us, or a program with a token.

        Raises:
            DeniedError: They may not, or the form is none of ours.
        """
        who = self.require(request, role, scope)
        if who.session and not same(form.get(KEY, ""), key_of(who)):
            raise DeniedError("this form is too old, or is none of this portal: load the page again")
        return who

    def open(self, request: Request, response: Response, session: str) -> None:
        """Sign a browser in under a new secret; the session goes to no script, and with no form of another site."""
        before = session_of(request)
        if before:
            self._people.leave(before)
        secure = is_secure(request)
        response.set_cookie(
            SECURE_COOKIE if secure else COOKIE,
            session,
            max_age=SESSION_LASTS // 1000,
            path="/",
            secure=secure,
            httponly=True,
            samesite="lax",
        )

    def close(self, request: Request, response: Response) -> None:
        """Sign a browser out."""
        self._people.leave(session_of(request))
        secure = is_secure(request)
        response.delete_cookie(
            SECURE_COOKIE if secure else COOKIE, path="/", secure=secure, httponly=True, samesite="lax"
        )


def _nobody(request: Request) -> str:
    if "Authorization" in request.headers:
        return "this token is not known here, or is over: make another one"
    if session_of(request):
        return "your sign-in has ended: sign in again, then send this once more"
    return "sign in first"
