"""Operators: those who look after the portal. They prove it by a token, or by a link that opens once."""

from __future__ import annotations

import hmac
import secrets
from hashlib import sha256
from typing import Final, Protocol

from discovery.errors import ConfigError

LINK_LASTS: Final = 10 * 60_000
"""Milliseconds in which a link can be opened: it is printed in a terminal and clicked there."""
SESSION_LASTS: Final = 12 * 3_600_000
"""Milliseconds that a browser stays signed in: a day of work."""
TOKEN_LENGTH: Final = 32
"""Characters that a token has at least; one made by `openssl rand -hex 32` has 64."""
_LINK: Final = "link"
_SESSION: Final = "session"


class Passes(Protocol):
    """Where passes are remembered, by the digests of what is shown."""

    def give(self, kind: str, digest: str, lasts: int) -> None:
        """Remember a pass for so many milliseconds."""
        ...

    def holds(self, kind: str, digest: str) -> bool:
        """Say whether a pass is known and not over."""
        ...

    def use(self, kind: str, digest: str) -> bool:
        """Take a pass out; say whether it was one."""
        ...


class Operators:
    """Says who is an operator. Where a request comes from proves nothing: anybody on the machine reaches loopback.

    Args:
        passes: Where links and sessions are remembered.
        token: What programs of operators show; empty lets none in.

    Raises:
        ConfigError: The token is so short that it could be guessed.
    """

    def __init__(self, passes: Passes, token: str = "") -> None:
        if token and len(token) < TOKEN_LENGTH:
            raise ConfigError(
                f"operator_token has {len(token)} characters; at least {TOKEN_LENGTH} are needed: openssl rand -hex 32"
            )
        self._passes = passes
        self._token = _digest(token) if token else ""

    def accepts(self, token: str) -> bool:
        """Say whether this is the token of operators."""
        return bool(self._token) and hmac.compare_digest(_digest(token), self._token)

    def admits(self, authorization: str) -> bool:
        """Say whether the header `Authorization` of a request shows the token: `Bearer TOKEN`."""
        scheme, _, token = authorization.partition(" ")
        return scheme.lower() == "bearer" and self.accepts(token.strip())

    def invite(self) -> str:
        """Return the code of a link that makes whoever opens it first an operator; it lasts ten minutes."""
        code = secrets.token_urlsafe(32)
        self._passes.give(_LINK, _digest(code), LINK_LASTS)
        return code

    def enter(self, proof: str) -> str | None:
        """Return the secret of a new session for the code of a link or the token; None when it is neither."""
        if not (self.accepts(proof) or self._passes.use(_LINK, _digest(proof))):
            return None
        session = secrets.token_urlsafe(32)
        self._passes.give(_SESSION, _digest(session), SESSION_LASTS)
        return session

    def knows(self, session: str) -> bool:
        """Say whether a session is open."""
        return bool(session) and self._passes.holds(_SESSION, _digest(session))

    def leave(self, session: str) -> None:
        """End a session."""
        self._passes.use(_SESSION, _digest(session))


def form_key(session: str) -> str:
    """Return what the forms of a session carry, so that no other site can send one in its name."""
    return sha256(f"form {session}".encode()).hexdigest()


def _digest(secret: str) -> str:
    return sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
