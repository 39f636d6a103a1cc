"""The sessions of browsers, by the digests of their secrets."""

from __future__ import annotations

from sqlalchemy import delete, func, insert, select, update

from discovery.model.person import Person
from discovery.store.connection import Database
from discovery.store.ingest import now
from discovery.store.people import to_person
from discovery.store.schema import people, sessions


class Sessions:
    """The sessions of a store. Each is somebody's, or of whoever is named by a word that is no person's id."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def open(self, digest: str, person: str, lasts: int) -> None:
        """Remember a session for so many milliseconds, and forget those that are over."""
        moment = now()
        values = {"digest": digest, "person": person, "created": moment, "expires": moment + lasts}
        with self._database.write() as connection:
            connection.execute(delete(sessions).where(sessions.c.expires <= moment))
            connection.execute(insert(sessions).values(values))

    def holder(self, digest: str) -> tuple[str, Person | None, int, int] | None:
        """Return whose a session is, that person if it is one, when it began and when it is over; None for no session.

        Nothing is said of whether its person may come in.
        """
        here = sessions.outerjoin(people, people.c.id == sessions.c.person)
        asked = select(sessions.c.person.label("whose"), sessions.c.created.label("began"), sessions.c.expires, people)
        with self._database.read() as connection:
            row = connection.execute(
                asked.select_from(here).where(sessions.c.digest == digest, sessions.c.expires > now())
            ).first()
        if row is None:
            return None
        return row.whose, None if row.id is None else to_person(row), row.began, row.expires

    def prolong(self, digest: str, expires: int) -> None:
        """Move the end of a session that is open."""
        with self._database.write() as connection:
            alive = (sessions.c.digest == digest) & (sessions.c.expires > now())
            connection.execute(update(sessions).where(alive).values(expires=expires))

    def count(self, person: str) -> int:
        """Return how many sessions somebody has open."""
        with self._database.read() as connection:
            mine = (sessions.c.person == person) & (sessions.c.expires > now())
            return connection.execute(select(func.count()).select_from(sessions).where(mine)).scalar_one()

    def close(self, digest: str) -> None:
        """End a session; one that is over stays so."""
        with self._database.write() as connection:
            connection.execute(delete(sessions).where(sessions.c.digest == digest))

    def close_all(self, person: str) -> int:
        """End every session of somebody; return how many there were."""
        with self._database.write() as connection:
            return connection.execute(delete(sessions).where(sessions.c.person == person)).rowcount
