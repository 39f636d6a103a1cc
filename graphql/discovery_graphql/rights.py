"""Who may do what here: people show a token, never the cookie of a browser, so no other site asks in their name."""

from __future__ import annotations

from discovery.errors import DeniedError
from discovery.model.person import READ, Principal, Role


def admitted(who: Principal, role: Role, scope: str = READ) -> Principal:
    """Return who asks, where that is enough.

    Raises:
        DeniedError: It is not; the message says what is missing and how it is shown.
    """
    if who.role is Role.ANONYMOUS and role > Role.ANONYMOUS:
        raise DeniedError(f"this is for people of the role {role.word}: show a token as `Authorization: Bearer TOKEN`")
    who.require(role, scope)
    return who
