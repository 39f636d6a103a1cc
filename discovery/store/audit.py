"""Who did what: lines that are written once, never changed, and end by age alone."""

from __future__ import annotations

from typing import Final

from sqlalchemy import delete, insert, select

from discovery.model.person import Deed
from discovery.store.codec import storable
from discovery.store.connection import Database
from discovery.store.ingest import now
from discovery.store.schema import audit

KEPT: Final = 400 * 86_400_000
"""Milliseconds that a line is kept: a year to look back on, and a month to notice that it is over."""
MAX_TEXT: Final = 2_000
"""Characters of what was before and of what came after."""
_SHORT: Final = 200


class Audit:
    """The audit log of a store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def note(self, deed: Deed) -> None:
        """Write a line, and forget those that are too old; its id and, without one, its moment are made here."""
        moment = now()
        short = {name: storable(getattr(deed, name))[:_SHORT] for name in ("person", "name", "act", "about", "request")}
        long = {name: storable(getattr(deed, name))[:MAX_TEXT] for name in ("before", "after")}
        with self._database.write() as connection:
            connection.execute(delete(audit).where(audit.c.moment < moment - KEPT))
            connection.execute(insert(audit).values(moment=deed.moment or moment, **short, **long))

    def lines(
        self, limit: int = 100, *, before: int | None = None, person: str = "", act: str = "", about: str = ""
    ) -> list[Deed]:
        """Return lines, newest first.

        Args:
            limit: How many at most.
            before: The id of a line; those that were written before it.
            person: The id of whoever did it; empty for all.
            act: What was done, or the beginning of it up to a dot.
            about: The id of what it was done to.
        """
        asked = select(audit).order_by(audit.c.id.desc()).limit(limit)
        if before is not None:
            asked = asked.where(audit.c.id < before)
        if person:
            asked = asked.where(audit.c.person == storable(person))
        if act:
            asked = asked.where(
                (audit.c.act == storable(act)) | audit.c.act.startswith(f"{storable(act)}.", autoescape=True)
            )
        if about:
            asked = asked.where(audit.c.about == storable(about))
        with self._database.read() as connection:
            return [
                Deed(
                    moment=row.moment,
                    person=row.person,
                    name=row.name,
                    act=row.act,
                    about=row.about,
                    before=row.before,
                    after=row.after,
                    request=row.request,
                    id=row.id,
                )
                for row in connection.execute(asked)
            ]
