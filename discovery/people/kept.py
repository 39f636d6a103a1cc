"""What is remembered of people, wherever that is: a store has all of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from discovery.model.person import Deed, Person, Role, Token


class Passes(Protocol):
    """Where proofs that open something once are remembered, by the digests of what is shown."""

    def give(self, kind: str, digest: str, lasts: int) -> None:
        """Remember a pass for so many milliseconds."""
        ...

    def use(self, kind: str, digest: str) -> bool:
        """Take a pass out; say whether it was one."""
        ...


class Persons(Protocol):
    """Where people are."""

    def welcome(
        self, issuer: str, subject: str, name: str, *, email: str = "", role: Role = Role.USER, least: bool = False
    ) -> Person:
        """Return the person whom an issuer vouches for; one who is new is made with a role."""
        ...

    def get(self, id: str) -> Person:
        """Return a person, or raise NotFoundError."""
        ...

    def all(self, limit: int = ..., *, text: str = "") -> list[Person]:
        """Return people, those first who were here last."""
        ...

    def set_role(self, id: str, role: Role) -> tuple[Person, Person]:
        """Give a role; return the person before and after."""
        ...

    def disable(self, id: str, moment: int | None) -> tuple[Person, Person]:
        """Let in no more since a moment, or again by None; return the person before and after."""
        ...


class Sessions(Protocol):
    """Where the sessions of browsers are."""

    def open(self, digest: str, person: str, lasts: int) -> None:
        """Remember a session for so many milliseconds."""
        ...

    def holder(self, digest: str) -> tuple[str, Person | None, int, int] | None:
        """Return whose an open session is, that person, its beginning and its end."""
        ...

    def prolong(self, digest: str, expires: int) -> None:
        """Move the end of a session."""
        ...

    def count(self, person: str) -> int:
        """Return how many sessions somebody has open."""
        ...

    def close(self, digest: str) -> None:
        """End a session."""
        ...

    def close_all(self, person: str) -> int:
        """End every session of somebody; return how many there were."""
        ...


class Tokens(Protocol):
    """Where the tokens of programs are."""

    def add(self, digest: str, token: Token) -> None:
        """Remember a token."""
        ...

    def holder(self, digest: str) -> tuple[Token, Person] | None:
        """Return a token that is not over, and whose it is."""
        ...

    def of(self, person: str) -> list[Token]:
        """Return the tokens of somebody, newest first."""
        ...

    def used(self, id: str, moment: int) -> None:
        """Remember when a token was last shown."""
        ...

    def revoke(self, person: str, id: str) -> bool:
        """Take a token of somebody away; say whether there was one."""
        ...


class Audit(Protocol):
    """Where it is written who did what."""

    def note(self, deed: Deed) -> None:
        """Write a line."""
        ...

    def lines(
        self, limit: int = 100, *, before: int | None = None, person: str = "", act: str = "", about: str = ""
    ) -> Sequence[Deed]:
        """Return lines, newest first."""
        ...


class Kept(Protocol):
    """All of it."""

    @property
    def passes(self) -> Passes:
        """Proofs that open something once."""
        ...

    @property
    def people(self) -> Persons:
        """The people."""
        ...

    @property
    def sessions(self) -> Sessions:
        """Their browsers."""
        ...

    @property
    def tokens(self) -> Tokens:
        """Their programs."""
        ...

    @property
    def audit(self) -> Audit:
        """What was done."""
        ...
