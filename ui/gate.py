"""Who asks: an operator shows the token, or a browser its session; forms carry a key that no other site knows."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from fastapi import Request, Response

from discovery.errors import DeniedError
from discovery.people.operators import SESSION_LASTS, Operators, form_key

COOKIE: Final = "discovery_operator"
PATH: Final = "/admin"
KEY: Final = "key"
"""The field of a form that holds its key."""


@dataclass(frozen=True, slots=True)
class Operator:
    """Somebody who may look after the portal."""

    session: str
    """The secret of the browser's session; empty for a program that shows the token."""

    @property
    def key(self) -> str:
        """What the forms of this session carry."""
        return form_key(self.session) if self.session else ""


class Gate:
    """Lets operators through, and nobody else."""

    def __init__(self, operators: Operators) -> None:
        self._operators = operators

    def operator(self, request: Request) -> Operator | None:
        """Return who asks, if it is an operator."""
        shown = request.headers.get("Authorization")
        if shown is not None:
            return Operator("") if self._operators.admits(shown) else None
        session = request.cookies.get(COOKIE, "")
        return Operator(session) if self._operators.knows(session) else None

    def allow(self, request: Request, form: Mapping[str, str]) -> Operator:
        """Return who sends a form.

        Raises:
            DeniedError: It is no operator, or the form is none of ours.
        """
        who = self.operator(request)
        if who is None:
            raise DeniedError("this needs an operator: run `discovery operator link`, or show the operators' token")
        if who.session and not hmac.compare_digest(form.get(KEY, "").encode(), who.key.encode()):
            raise DeniedError("this form is too old, or is none of this portal: load the page again")
        return who

    def open(self, response: Response, session: str, *, secure: bool) -> None:
        """Sign a browser in; the session goes to no other site and to no script."""
        response.set_cookie(
            COOKIE, session, max_age=SESSION_LASTS // 1000, path=PATH, secure=secure, httponly=True, samesite="strict"
        )

    def close(self, request: Request, response: Response) -> None:
        """Sign a browser out."""
        self._operators.leave(request.cookies.get(COOKIE, ""))
        response.delete_cookie(COOKIE, path=PATH)

    def enter(self, proof: str) -> str | None:
        """Return a new session for the code of a link or the token; None when it is neither."""
        return self._operators.enter(proof)
