"""Who has signed in here, by what their provider calls them."""

from __future__ import annotations

import secrets
from base64 import b32encode
from dataclasses import replace
from typing import Any, Final

from sqlalchemy import Connection, insert, or_, select, update

from discovery.errors import NotFoundError
from discovery.model.person import Person, Role
from discovery.store.codec import storable
from discovery.store.connection import Database
from discovery.store.ingest import now
from discovery.store.schema import people

MAX_NAME: Final = 200
"""Characters of a name that are kept, and of an address; providers are asked for nothing else."""
MAX_EMAIL: Final = 320
PAGE: Final = 200


class Persons:
    """The people of a store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def welcome(
        self, issuer: str, subject: str, name: str, *, email: str = "", role: Role = Role.USER, least: bool = False
    ) -> Person:
        """Return the person whom a provider vouches for, as it calls them now; one who is new is made.

        Args:
            issuer: Who vouches; empty is this portal itself.
            subject: What the issuer calls the person, for ever and for nobody else.
            name: What pages say.
            email: Empty for none.
            role: What a new person may.
            least: Whether one who is known already is given this role too, unless they have a higher one.
        """
        values = {"name": storable(name)[:MAX_NAME], "email": storable(email)[:MAX_EMAIL], "seen": now()}
        here = (people.c.issuer == issuer) & (people.c.subject == subject)
        with self._database.write() as connection:
            if connection.execute(select(people.c.id).where(here)).first() is None:
                _insert(
                    connection, {"issuer": issuer, "subject": subject, "role": int(role), "id": _new_id(), **values}
                )
            connection.execute(update(people).where(here).values(values))
            if least:
                connection.execute(update(people).where(here, people.c.role < role).values(role=int(role)))
            return to_person(connection.execute(select(people).where(here)).one())

    def get(self, id: str) -> Person:
        """Return a person.

        Raises:
            NotFoundError: There is none by that id.
        """
        with self._database.read() as connection:
            return _one(connection, id)

    def all(self, limit: int = PAGE, *, text: str = "") -> list[Person]:
        """Return people, those first who were here last.

        Args:
            limit: How many at most.
            text: What their name, address, id or the provider's word for them has in it; empty is everybody.
        """
        asked = select(people).order_by(people.c.seen.desc(), people.c.id).limit(limit)
        if text:
            wanted = storable(text)[:MAX_NAME]
            columns = (people.c.name, people.c.email, people.c.id, people.c.subject)
            asked = asked.where(or_(*(each.icontains(wanted, autoescape=True) for each in columns)))
        with self._database.read() as connection:
            return [to_person(row) for row in connection.execute(asked)]

    def set_role(self, id: str, role: Role) -> tuple[Person, Person]:
        """Give somebody a role; return them as they were and as they are.

        Raises:
            NotFoundError: There is nobody by that id.
        """
        with self._database.write() as connection:
            before = _one(connection, id)
            connection.execute(update(people).where(people.c.id == id).values(role=int(role)))
        return before, replace(before, role=role)

    def disable(self, id: str, moment: int | None) -> tuple[Person, Person]:
        """Let somebody in no more since a moment, or again by None; return them as they were and as they are.

        Raises:
            NotFoundError: There is nobody by that id.
        """
        with self._database.write() as connection:
            before = _one(connection, id)
            connection.execute(update(people).where(people.c.id == id).values(disabled=moment))
        return before, replace(before, disabled=moment)


def to_person(row: Any) -> Person:
    """Return the person of a row that has every column of the table."""
    return Person(
        id=row.id,
        name=row.name,
        email=row.email,
        role=Role(row.role),
        issuer=row.issuer,
        subject=row.subject,
        created=row.created,
        seen=row.seen,
        disabled=row.disabled,
    )


def _one(connection: Connection, id: str) -> Person:
    row = connection.execute(select(people).where(people.c.id == storable(id))).first()
    if row is None:
        raise NotFoundError(f"there is no person {id[:80]!r}")
    return to_person(row)


def _insert(connection: Connection, values: dict[str, object]) -> None:
    values = {**values, "created": values["seen"], "disabled": None}
    if connection.dialect.name == "postgresql":
        # The same person may come for the first time by two browsers at once.
        from sqlalchemy.dialects.postgresql import insert as upsert

        connection.execute(upsert(people).values(values).on_conflict_do_nothing())
    else:
        connection.execute(insert(people).values(values))


def _new_id() -> str:
    return b32encode(secrets.token_bytes(10)).decode("ascii").lower()
