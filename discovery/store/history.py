"""What happened to the catalogue, newest first, for those who follow it."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select

from discovery.model.record import Record
from discovery.store.codec import unpack
from discovery.store.connection import Database
from discovery.store.schema import records


@dataclass(frozen=True, slots=True)
class Happening:
    """The last thing that happened to one record."""

    change: int
    id: str
    when: int
    """UTC milliseconds."""
    record: Record | None
    """The record as it is; None once it is gone."""
    merged: str = ""
    """The id of the record that stands for it now, where there is one."""


class History:
    """The changes of a store from its newest back."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def newest(self, scope: str, limit: int, before: int | None = None) -> list[Happening]:
        """Return what happened last in a scope, each record once.

        Args:
            scope: Which records.
            limit: How many.
            before: Only what happened before the change of this number.
        """
        statement = (
            select(
                records.c.change,
                records.c.id,
                records.c.harvested,
                records.c.deleted,
                records.c.merged,
                records.c.body,
            )
            .where(records.c.scope == scope)
            .order_by(records.c.change.desc())
            .limit(limit)
        )
        if before is not None:
            statement = statement.where(records.c.change < before)
        with self._database.read() as connection:
            rows = connection.execute(statement).all()
        return [
            Happening(
                row.change,
                row.id,
                row.deleted if row.deleted is not None else row.harvested,
                Record.from_json(unpack(row.body)) if row.deleted is None and row.merged is None else None,
                row.merged or "",
            )
            for row in rows
        ]
