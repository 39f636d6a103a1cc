"""What the pages about people are made of."""

from __future__ import annotations

from dataclasses import dataclass

from ui.contexts import Anchor, Site


@dataclass(frozen=True, slots=True)
class Choice:
    """One thing that can be chosen."""

    value: str
    text: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class TokenRow:
    """A token of somebody, without its secret."""

    name: str
    scopes: str
    created: str
    expires: str
    used: str
    """When it was last shown; empty for never."""
    revoke: str
    """Where the form goes that takes it away."""


@dataclass(frozen=True, slots=True)
class MeContext:
    """Somebody's own page."""

    site: Site
    key: str
    name: str
    role: str
    email: str
    id: str
    issuer: str
    """Who vouches for them; empty for the person at the machine."""
    sessions: int
    shown: str
    """A token that was made just now, which is shown this once; empty otherwise."""
    tokens: tuple[TokenRow, ...]
    scopes: tuple[Choice, ...]
    """What a token can be made for."""
    days: int
    """How long a token lasts unless something else is asked for."""
    most_days: int
    may_make: bool
    """Whether tokens can be made: those who share the operators' token have none of their own."""
    ways: tuple[Anchor, ...]
    stars: tuple[Anchor, ...]
    volumes: tuple[Anchor, ...]


@dataclass(frozen=True, slots=True)
class PersonRow:
    """Somebody, as admins see them."""

    id: str
    name: str
    email: str
    known: str
    """By whom, and under which name."""
    seen: str
    roles: tuple[Choice, ...]
    give: str
    """Where the form goes that gives a role."""
    disable: str
    """Where the form goes that keeps them out, or lets them in."""
    disabled: bool
    own: bool
    """Whether it is the reader."""
    deeds: str
    """URL of what was done to them."""


@dataclass(frozen=True, slots=True)
class PeopleContext:
    """The people of the portal."""

    site: Site
    key: str
    q: str
    rows: tuple[PersonRow, ...]
    cut: bool
    """Whether there may be more, which a search finds."""


@dataclass(frozen=True, slots=True)
class DeedRow:
    """One line of the audit log."""

    when: str
    name: str
    person: str
    act: str
    about: str
    before: str
    after: str
    request: str


@dataclass(frozen=True, slots=True)
class AuditContext:
    """The audit log."""

    site: Site
    rows: tuple[DeedRow, ...]
    next: str
    """URL of the lines before these, empty at the end."""
    days: int
    """How long a line is kept."""
    act: str
    about: str
    by: str
