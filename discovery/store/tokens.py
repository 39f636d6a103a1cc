"""The tokens of programs, by the digests of their secrets."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import delete, func, insert, select, update

from discovery.errors import LimitError
from discovery.model.person import Person, Token
from discovery.store.codec import storable
from discovery.store.connection import Database
from discovery.store.ingest import now
from discovery.store.people import to_person
from discovery.store.schema import people, tokens

MAX_TOKENS: Final = 100
"""Tokens that one person may have."""


class Tokens:
    """The tokens of a store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, digest: str, token: Token) -> None:
        """Remember a token; those of its person that are over are forgotten.

        Raises:
            LimitError: The person has as many as one may have.
        """
        mine = tokens.c.person == token.person
        values = {
            "digest": digest,
            "id": token.id,
            "person": token.person,
            "name": storable(token.name),
            "scopes": " ".join(token.scopes),
            "created": token.created,
            "expires": token.expires,
            "used": token.used,
        }
        with self._database.write() as connection:
            connection.execute(delete(tokens).where(mine, tokens.c.expires <= now()))
            if connection.execute(select(func.count()).select_from(tokens).where(mine)).scalar_one() >= MAX_TOKENS:
                raise LimitError("tokens", f"there are {MAX_TOKENS} tokens already; revoke some that are not used")
            connection.execute(insert(tokens).values(values))

    def holder(self, digest: str) -> tuple[Token, Person] | None:
        """Return a token that is not over, and whose it is; None for no token.

        Nothing is said of whether its person may come in.
        """
        asked = select(*(each.label(f"token_{each.name}") for each in tokens.c), people)
        here = tokens.join(people, people.c.id == tokens.c.person)
        with self._database.read() as connection:
            row = connection.execute(
                asked.select_from(here).where(tokens.c.digest == digest, tokens.c.expires > now())
            ).first()
        return None if row is None else (_token(row, "token_"), to_person(row))

    def of(self, person: str) -> list[Token]:
        """Return the tokens of somebody, newest first, with those that are over and not forgotten yet."""
        newest = select(tokens).where(tokens.c.person == person).order_by(tokens.c.created.desc(), tokens.c.id)
        with self._database.read() as connection:
            return [_token(row) for row in connection.execute(newest)]

    def used(self, id: str, moment: int) -> None:
        """Remember when a token was last shown."""
        with self._database.write() as connection:
            connection.execute(update(tokens).where(tokens.c.id == id).values(used=moment))

    def revoke(self, person: str, id: str) -> bool:
        """Take a token of somebody away; say whether there was one."""
        with self._database.write() as connection:
            mine = (tokens.c.person == person) & (tokens.c.id == storable(id))
            return connection.execute(delete(tokens).where(mine)).rowcount == 1

    def revoke_all(self, person: str) -> int:
        """Take every token of somebody away; return how many there were."""
        with self._database.write() as connection:
            return connection.execute(delete(tokens).where(tokens.c.person == person)).rowcount


def _token(row: Any, prefix: str = "") -> Token:
    values = {name: getattr(row, prefix + name) for name in ("id", "person", "name", "created", "expires", "used")}
    return Token(scopes=tuple(getattr(row, f"{prefix}scopes").split()), **values)
