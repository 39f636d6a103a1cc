"""What people and programs show to prove who they are: secrets that nobody guesses, and what is kept of them."""

from __future__ import annotations

import hmac
import secrets
from hashlib import sha256
from typing import Final

TOKEN_PREFIX: Final = "dsc_"  # noqa: S105 - by which scanners of others find a token that was published
TOKEN_LENGTH: Final = 32
"""Characters that the operators' token has at least; one made by `openssl rand -hex 32` has 64."""
LONGEST: Final = 500
"""Characters of a proof that are looked at; ours have 47 at most."""
_BYTES: Final = 32


def secret() -> str:
    """Return a new secret of 256 bits."""
    return secrets.token_urlsafe(_BYTES)


def digest(shown: str) -> str:
    """Return what is kept of a secret: whoever reads it can show nothing."""
    return sha256(shown.encode("utf-8", "surrogatepass")).hexdigest()


def same(one: str, other: str) -> bool:
    """Say whether two texts are the same, in a time that tells nothing of where they differ."""
    return hmac.compare_digest(one.encode("utf-8", "surrogatepass"), other.encode("utf-8", "surrogatepass"))


def form_key(session: str) -> str:
    """Return what the forms of a session carry, so that no other site can send one in its name."""
    return digest(f"form {session}")


def bearer(authorization: str) -> str:
    """Return what a header `Authorization: Bearer ...` shows; empty for every other header."""
    scheme, _, shown = authorization.partition(" ")
    found = shown.strip()
    return found if scheme.lower() == "bearer" and len(found) <= LONGEST else ""
