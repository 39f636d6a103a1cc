"""People: who asks, by the token or the session that is shown; how they come in, and how they are kept out.

Where a request comes from proves nothing: anybody on the machine reaches loopback.
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable, Iterable
from typing import Final

from discovery import log
from discovery.errors import BadQueryError, ConfigError, ConflictError, DeniedError, NotFoundError, UnavailableError
from discovery.http import redact
from discovery.model.person import ADMIN as ADMIN_SCOPE
from discovery.model.person import (
    HARVEST,
    NOBODY,
    READ,
    TOKEN_SCOPES,
    WRITE,
    Deed,
    Person,
    Principal,
    Role,
    Token,
)
from discovery.people.kept import Kept
from discovery.people.proofs import LONGEST, TOKEN_LENGTH, TOKEN_PREFIX, bearer, digest, same, secret

LINK_LASTS: Final = 10 * 60_000
"""Milliseconds in which a link can be opened: it is printed in a terminal and clicked there."""
SESSION_LASTS: Final = 12 * 3_600_000
"""Milliseconds that a browser stays signed in at most: a day of work."""
SESSION_IDLE: Final = 4 * 3_600_000
"""Milliseconds that a browser stays signed in of which nothing is heard."""
TOKEN_DAYS: Final = 365
"""Days that a token lasts at most."""
MAX_TOKEN_NAME: Final = 80
OPERATORS: Final = Person("operators", "Operators", role=Role.OPERATOR)
"""Whoever shows the operators' token: somebody with an id, so that what is made has an owner, and no row anywhere."""
CONSOLE: Final = Principal(
    Role.ADMIN, Person("", "the command line", role=Role.ADMIN), scopes=frozenset({READ, WRITE, HARVEST, ADMIN_SCOPE})
)
"""Whoever runs a command where the store is may do everything with it anyway."""
_OPERATORS_MAY: Final = frozenset({READ, WRITE, HARVEST})
_EVERYTHING: Final = frozenset(TOKEN_SCOPES)
_LOCAL: Final = "local"
_LINK: Final = "link"
_STAMPED: Final = 60_000
"""Milliseconds between two notes of when a token was used: each is a write."""
_PROLONGED: Final = 5 * 60_000
_DAY: Final = 86_400_000
_URL: Final = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]{1,20}://[^\s\"'<>]+")
_OURS: Final = re.compile(rf"{TOKEN_PREFIX}[\w-]+")


def now() -> int:
    """Return this moment in UTC milliseconds."""
    return time.time_ns() // 1_000_000


class People:
    """Says who asks, and looks after those who may.

    Args:
        kept: Where people, sessions, tokens and the audit log are.
        token: What programs of operators show; empty lets none in.
        clock: Says what time it is, in milliseconds.

    Raises:
        ConfigError: The operators' token is so short that it could be guessed.
    """

    def __init__(self, kept: Kept, token: str = "", *, clock: Callable[[], int] = now) -> None:
        if token and len(token) < TOKEN_LENGTH:
            raise ConfigError(
                f"operator_token has {len(token)} characters; at least {TOKEN_LENGTH} are needed: openssl rand -hex 32"
            )
        self._kept = kept
        self._token = digest(token) if token else ""
        self._clock = clock

    # Who asks

    def who(self, authorization: str | None, session: str = "") -> Principal:
        """Return who asks; nobody where what is shown is wrong, over, or of somebody who is let in no more.

        Args:
            authorization: The header of that name; where there is one the session counts for nothing, so that what a
                wrong token may not do, a browser's session does not do for it.
            session: The secret that a browser's cookie holds.
        """
        if authorization is not None:
            return self._program(bearer(authorization))
        return self._browser(session) if 0 < len(session) <= LONGEST else NOBODY

    def accepts(self, token: str) -> bool:
        """Say whether this is the token of operators."""
        return bool(self._token) and same(digest(token), self._token)

    def _program(self, shown: str) -> Principal:
        if not shown:
            return NOBODY
        if self.accepts(shown):
            return Principal(OPERATORS.role, OPERATORS, _OPERATORS_MAY)
        if not shown.startswith(TOKEN_PREFIX):
            return NOBODY
        found = self._kept.tokens.holder(digest(shown))
        if found is None or found[1].disabled is not None:
            return NOBODY
        token, person = found
        moment = self._clock()
        if token.used is None or moment - token.used >= _STAMPED:
            self._quietly(lambda: self._kept.tokens.used(token.id, moment))
        return Principal(person.role, person, frozenset(token.scopes))

    def _browser(self, session: str) -> Principal:
        found = self._kept.sessions.holder(digest(session))
        if found is None:
            return NOBODY
        whose, person, began, ends = found
        if person is None and self._token and same(whose, self._operators()):
            person = OPERATORS
        if person is None or person.disabled is not None:
            return NOBODY
        later = min(self._clock() + SESSION_IDLE, began + SESSION_LASTS)
        if later - ends >= _PROLONGED:
            self._quietly(lambda: self._kept.sessions.prolong(digest(session), later))
        return Principal(person.role, person, _OPERATORS_MAY if person is OPERATORS else _EVERYTHING, session)

    @staticmethod
    def _quietly(note: Callable[[], None]) -> None:
        """Note when something was used; a full disk is no reason to keep people out who only look."""
        try:
            note()
        except UnavailableError:
            return

    # The ways in and out

    def invite(self) -> str:
        """Return the code of a link that makes whoever opens it first the person at this machine, an admin.

        It lasts ten minutes.
        """
        code = secret()
        self._kept.passes.give(_LINK, digest(code), LINK_LASTS)
        return code

    def enter(self, proof: str) -> str | None:
        """Return the secret of a new session for the code of a link or the operators' token; None for neither.

        Raises:
            DeniedError: The person at this machine was disabled.
        """
        if self.accepts(proof):
            self.note(Principal(OPERATORS.role, OPERATORS), "signin", OPERATORS.id)
            return self._open(self._operators())
        if not self._kept.passes.use(_LINK, digest(proof)):
            return None
        return self.welcome("", _LOCAL, "Local", role=Role.ADMIN, least=True)

    def welcome(
        self, issuer: str, subject: str, name: str, *, email: str = "", role: Role = Role.USER, least: bool = False
    ) -> str:
        """Return the secret of a new session for somebody whom an issuer vouches for.

        Args:
            issuer: Who vouches.
            subject: What the issuer calls the person, for ever and for nobody else.
            name: What pages say.
            email: One that the issuer has verified; empty for none.
            role: What a new person may.
            least: Whether one who is known already is given this role too, unless they have a higher one.

        Raises:
            DeniedError: The person was disabled.
        """
        person = self._kept.people.welcome(issuer, subject, name, email=email, role=role, least=least)
        if person.disabled is not None:
            raise DeniedError("you may not come in here any more; ask whoever looks after this portal")
        self.note(Principal(person.role, person), "signin", person.id)
        return self._open(person.id)

    def leave(self, session: str) -> None:
        """End a session."""
        self._kept.sessions.close(digest(session))

    def leave_everywhere(self, who: Principal) -> int:
        """End every session of whoever asks; return how many there were."""
        who.require(Role.USER, WRITE)
        ended = self._kept.sessions.close_all(self._whose(who.id))
        self.note(who, "signout.everywhere", who.id, after=str(ended))
        return ended

    def sessions(self, id: str) -> int:
        """Return how many browsers somebody is signed in with."""
        return self._kept.sessions.count(self._whose(id))

    def _open(self, person: str) -> str:
        session = secret()
        self._kept.sessions.open(digest(session), person, min(SESSION_IDLE, SESSION_LASTS))
        return session

    def _operators(self) -> str:
        """Return whose the sessions are that the token has opened; another token ends them."""
        return f"{OPERATORS.id} {self._token[:16]}"

    def _whose(self, id: str) -> str:
        return self._operators() if id == OPERATORS.id else id

    # Tokens

    def make_token(self, who: Principal, name: str, scopes: Iterable[str], days: int) -> tuple[str, Token]:
        """Return a new token, which is shown this once, and what is known of it.

        Raises:
            DeniedError: A token asks, or nobody whom we know: tokens make no tokens, so that each ends when it says.
            BadQueryError: The name, the scopes or the days are none.
            LimitError: The person has as many as one may have.
        """
        if not who.session:
            raise DeniedError("only a browser that is signed in makes tokens")
        if who.person is OPERATORS or who.person is None:
            raise DeniedError("tokens are somebody's: sign in as yourself")
        who.require(Role.USER, WRITE)
        return self.issue(who, who.person, name, scopes, days)

    def issue(self, who: Principal, person: Person, name: str, scopes: Iterable[str], days: int) -> tuple[str, Token]:
        """Return a new token for a person, as `make_token` does; the command line may do that for everybody."""
        name = " ".join(name.split())
        if not 0 < len(name) <= MAX_TOKEN_NAME:
            raise BadQueryError(f"the name of a token has 1 to {MAX_TOKEN_NAME} characters", parameter="name")
        wanted = set(scopes)
        if wrong := wanted.difference(TOKEN_SCOPES):
            raise BadQueryError(f"scope {min(wrong)[:40]!r} is not one of {', '.join(TOKEN_SCOPES)}", parameter="scope")
        if not wanted:
            raise BadQueryError(f"a token has one scope at least of {', '.join(TOKEN_SCOPES)}", parameter="scope")
        if not 0 < days <= TOKEN_DAYS:
            raise BadQueryError(f"a token lasts 1 to {TOKEN_DAYS} days, not {days}", parameter="days")
        shown, moment = TOKEN_PREFIX + secret(), self._clock()
        kept = tuple(each for each in TOKEN_SCOPES if each in wanted)
        token = Token(secrets.token_hex(8), person.id, name, kept, moment, moment + days * _DAY)
        self._kept.tokens.add(digest(shown), token)
        self.note(who, "token.create", token.id, after=f"{name}: {' '.join(kept)}, {days} days, of {person.id}")
        return shown, token

    def tokens(self, id: str) -> list[Token]:
        """Return the tokens of somebody, newest first."""
        return self._kept.tokens.of(id)

    def revoke(self, who: Principal, person: str, id: str) -> None:
        """Take a token away, one's own or, for admins, anybody's.

        Raises:
            DeniedError: Whoever asks may not.
            NotFoundError: The person has no such token.
        """
        if person == who.id:
            who.require(Role.USER, WRITE)
        else:
            who.require(Role.ADMIN, ADMIN_SCOPE)
        if not self._kept.tokens.revoke(person, id):
            raise NotFoundError(f"there is no token {id[:80]!r}")
        self.note(who, "token.revoke", id)

    # Looking after people

    def person(self, id: str) -> Person:
        """Return a person.

        Raises:
            NotFoundError: There is none by that id.
        """
        return self._kept.people.get(id)

    def persons(self, limit: int = 200, *, text: str = "") -> list[Person]:
        """Return people, those first who were here last; `text` stands in their name, address or id."""
        return self._kept.people.all(limit, text=text)

    def give_role(self, who: Principal, id: str, role: Role) -> Person:
        """Give somebody a role.

        Raises:
            DeniedError: Whoever asks is no admin.
            ConflictError: It is one's own: the last admin would be gone by one click.
            BadQueryError: Nobody who has signed in is anonymous.
            NotFoundError: There is nobody by that id.
        """
        self._over(who, id)
        if role is Role.ANONYMOUS:
            raise BadQueryError("whoever has signed in is not anonymous; disable them instead", parameter="role")
        before, after = self._kept.people.set_role(id, role)
        self.note(who, "person.role", id, before.role.word, after.role.word)
        return after

    def disable(self, who: Principal, id: str, *, on: bool = True) -> Person:
        """Keep somebody out, and end their sessions, or let them in again; raises as `give_role` does."""
        self._over(who, id)
        before, after = self._kept.people.disable(id, self._clock() if on else None)
        ended = self._kept.sessions.close_all(id) if on else 0
        said = f"disabled; {ended} sessions ended" if on else "let in"
        self.note(
            who, "person.disable" if on else "person.enable", id, "let in" if before.disabled is None else "", said
        )
        return after

    @staticmethod
    def _over(who: Principal, id: str) -> None:
        who.require(Role.ADMIN, ADMIN_SCOPE)
        if who.id and who.id == id:
            raise ConflictError("somebody else has to change this about you: there would be no way back")

    # What was done

    def note(self, who: Principal, act: str, about: str, before: str = "", after: str = "") -> None:
        """Write into the audit log what somebody has done.

        Args:
            who: Who did it.
            act: What, as a word such as `person.role`.
            about: The id of what it was done to.
            before: What was so before, in words; secrets in addresses are taken out.
            after: What is so now.
        """
        name = who.person.name if who.person else ""
        deed = Deed(0, who.id, name, act, about, _told(before), _told(after), log.request.get())
        self._kept.audit.note(deed)

    def deeds(
        self,
        who: Principal,
        limit: int = 100,
        *,
        before: int | None = None,
        act: str = "",
        about: str = "",
        by: str = "",
    ) -> list[Deed]:
        """Return lines of the audit log, newest first.

        Raises:
            DeniedError: Whoever asks is no admin.
        """
        who.require(Role.ADMIN, ADMIN_SCOPE)
        return list(self._kept.audit.lines(limit, before=before, person=by, act=act, about=about))


def _told(text: str) -> str:
    return _OURS.sub(f"{TOKEN_PREFIX}...", _URL.sub(lambda found: redact(found[0]), text))
