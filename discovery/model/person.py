"""People and what they may do: roles that grow, scopes that narrow a token, and who is asking."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from discovery.errors import DeniedError

READ: Final = "read"
WRITE: Final = "write"
LAUNCH: Final = "launch"
HARVEST: Final = "harvest"
ADMIN: Final = "admin"
TOKEN_SCOPES: Final = (READ, WRITE, LAUNCH, HARVEST, ADMIN)
"""What a token can be made for: to see what is its person's, to change it, to start datalabs, to look after sources, to
look after people. A token never does more than its person may."""


class Role(IntEnum):
    """What somebody may do; each role may all that the ones before it may."""

    ANONYMOUS = 0
    """Search, export, download notebooks."""
    USER = 1
    """Launch, keep selections and stars."""
    DEVELOPER = 2
    """Write datalabs and hand them in."""
    MODERATOR = 3
    """Decide on what was handed in."""
    OPERATOR = 4
    """Look after sources, harvests, volumes and zones."""
    ADMIN = 5
    """Give roles."""

    @property
    def word(self) -> str:
        """How it is written in settings, tables and pages."""
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who has signed in here."""

    id: str
    """Ours: 16 characters that no other person has or will have."""
    name: str
    email: str = ""
    """As the provider says it, only when the provider has verified it."""
    role: Role = Role.USER
    issuer: str = ""
    """Who says so; empty for the person at the machine, who came by the one-time link."""
    subject: str = ""
    created: int = 0
    seen: int = 0
    disabled: int | None = None
    """Since when nobody gets in as this person."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks: somebody who signed in, a program with a token, or nobody we know."""

    role: Role = Role.ANONYMOUS
    person: Person | None = None
    """None for nobody we know, and for nobody else: what is somebody's has an owner with an id."""
    scopes: frozenset[str] = frozenset({READ})
    """What the proof that was shown is good for; a session in a browser is good for everything its role may."""
    session: str = ""
    """The secret of the browser's session, from which the key of its forms is made; empty for programs."""

    @property
    def id(self) -> str:
        """The person's id; empty for nobody."""
        return self.person.id if self.person else ""

    def may(self, role: Role, scope: str = READ) -> bool:
        """Say whether this is enough for what needs a role, and a token of a scope."""
        return self.role >= role and scope in self.scopes

    def require(self, role: Role, scope: str = READ) -> None:
        """Return if this is enough.

        Raises:
            DeniedError: It is not; the message says what is missing.
        """
        if self.role < role:
            missing = "sign in first" if self.role is Role.ANONYMOUS else f"this needs the role {role.word}"
            raise DeniedError(missing)
        if scope not in self.scopes:
            raise DeniedError(f"this token is not good for {scope}: make one that is")


NOBODY: Final = Principal()
"""Whoever has shown nothing."""


@dataclass(frozen=True, slots=True)
class Token:
    """What lets a program in as its person; the secret itself is kept by whoever made it, and by nobody else."""

    id: str
    """Names it in lists; it opens nothing."""
    person: str
    name: str
    """What its person calls it."""
    scopes: tuple[str, ...]
    created: int
    expires: int
    used: int | None = None
    """When it was last shown, to the minute."""


@dataclass(frozen=True, slots=True)
class Deed:
    """One line of the audit log: who did what to what."""

    moment: int
    person: str
    """The id of whoever did it; empty for the command line."""
    name: str
    """What they were called then."""
    act: str
    """A word such as `person.role`."""
    about: str
    """The id of what it was done to."""
    before: str = ""
    after: str = ""
    request: str = ""
    """The id of the request, as the access log has it."""
    id: int = 0
