"""What people mark: records that they like, and volumes that are among theirs."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

from sqlalchemy import delete, func, insert, select

from discovery.errors import BadQueryError, LimitError
from discovery.store.bulk import parts
from discovery.store.connection import Database
from discovery.store.ingest import now
from discovery.store.schema import marks, records

STAR: Final = "star"
MOUNT: Final = "mount"
KINDS: Final = (STAR, MOUNT)
MAX_MARKS: Final = 1_000
"""Records that one person may mark in one way."""
_ID: Final = 64


class Marks:
    """The marks of a store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def set(self, person: str, kind: str, record: str) -> None:
        """Mark a record; one that is marked already stays so.

        Raises:
            LimitError: The person has marked as many as one may.
        """
        _check(person, kind, record)
        mine = (marks.c.person == person) & (marks.c.kind == kind)
        values = {"person": person, "kind": kind, "record": record, "moment": now()}
        with self._database.write() as connection:
            if connection.execute(select(marks.c.moment).where(mine, marks.c.record == record)).first() is not None:
                return
            if connection.execute(select(func.count()).where(mine)).scalar_one() >= MAX_MARKS:
                raise LimitError("marks", f"{MAX_MARKS} records have the mark {kind} already; take some of them off")
            if connection.dialect.name == "postgresql":
                # A second click may come at the same moment by another process.
                from sqlalchemy.dialects.postgresql import insert as upsert

                connection.execute(upsert(marks).values(values).on_conflict_do_nothing())
            else:
                connection.execute(insert(marks).values(values))

    def unset(self, person: str, kind: str, record: str) -> None:
        """Take a mark off; one that is not there stays so."""
        _check(person, kind, record)
        mine = (marks.c.person == person) & (marks.c.kind == kind) & (marks.c.record == record)
        with self._database.write() as connection:
            connection.execute(delete(marks).where(mine))

    def of(self, person: str, kind: str) -> list[str]:
        """Return the ids of the records that somebody has marked, newest first; what has gone since is among them."""
        asked = select(marks.c.record).where(marks.c.person == person, marks.c.kind == kind)
        with self._database.read() as connection:
            newest = asked.order_by(marks.c.moment.desc(), marks.c.record).limit(MAX_MARKS)
            return list(connection.execute(newest).scalars())

    def set_by(self, person: str, kind: str, records: Collection[str]) -> frozenset[str]:
        """Return those of many records that somebody has marked."""
        asked = select(marks.c.record).where(marks.c.person == person, marks.c.kind == kind)
        with self._database.read() as connection:
            return frozenset(
                id
                for part in parts(list(dict.fromkeys(records)))
                for id in connection.execute(asked.where(marks.c.record.in_(part))).scalars()
            )

    def counts(self, kind: str, records: Collection[str]) -> dict[str, int]:
        """Return how many people have marked each of many records; those that nobody has are left out."""
        asked = select(marks.c.record, func.count()).where(marks.c.kind == kind).group_by(marks.c.record)
        with self._database.read() as connection:
            return {
                row[0]: row[1]
                for part in parts(list(dict.fromkeys(records)))
                for row in connection.execute(asked.where(marks.c.record.in_(part)))
            }

    def most(self, kind: str, limit: int = 100, *, among: str = "") -> Sequence[tuple[str, int]]:
        """Return the records that most people have marked and how many have, the most first.

        Args:
            kind: The mark.
            limit: At most so many.
            among: Only records of this kind that are here; empty takes all that were marked, also what has gone since.
        """
        many = func.count().label("many")
        asked = select(marks.c.record, many).where(marks.c.kind == kind).group_by(marks.c.record)
        if among:
            here = (records.c.kind == among) & records.c.deleted.is_(None) & records.c.merged.is_(None)
            asked = asked.join(records, records.c.id == marks.c.record).where(here)
        with self._database.read() as connection:
            rows = connection.execute(asked.order_by(many.desc(), marks.c.record).limit(limit)).all()
        return [(row[0], row[1]) for row in rows]


def _check(person: str, kind: str, record: str) -> None:
    if kind not in KINDS:
        raise BadQueryError(f"mark {kind[:40]!r} is not one of {', '.join(KINDS)}", parameter="kind")
    if not person:
        raise BadQueryError("a mark is somebody's")
    if not record.isalnum() or not record.isascii() or len(record) > _ID:
        raise BadQueryError(f"{record[:80]!r} is no id of a record", parameter="record")
