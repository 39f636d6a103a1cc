"""What happened to the catalogue, newest first, for those who follow it."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Final

from sqlalchemy import ColumnElement, select

from discovery.model.record import Record
from discovery.store.catalogue import LIVE
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


@dataclass(frozen=True, slots=True)
class Standing:
    """A live record with its place in the history."""

    change: int
    key: int
    when: int
    """When it last changed here, in UTC milliseconds."""
    record: Record


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the history that something that is found today belongs to."""

    number: int
    newest: int
    """When the last change in it was made that still holds, in UTC milliseconds."""


_READ: Final = 2_000
"""Addresses that are read at once."""


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

    def standing(self, scope: str, after: int, limit: int) -> list[Standing]:
        """Return the live records of a scope that changed last after a change, the oldest first.

        A record that changes while somebody walks comes once more; none is missed but those that are deleted meanwhile.
        """
        columns = records.c
        statement = (
            select(columns.change, columns.key, columns.harvested, columns.body)
            .where(columns.scope == scope, LIVE, columns.change > after)
            .order_by(columns.change)
            .limit(limit)
        )
        with self._database.read() as connection:
            rows = connection.execute(statement).all()
        return [Standing(row.change, row.key, row.harvested, Record.from_json(unpack(row.body))) for row in rows]

    def parts(self, scope: str, size: int, without: Collection[str] = ()) -> Iterator[Part]:
        """Yield the parts of so many changes that a live record of a scope stands in, in their order.

        A part that has been left behind only ever loses records, so who has read it needs only the later ones.

        Args:
            scope: Which records.
            size: Changes of a part, and so the most records that it holds.
            without: Sources whose records do not count.
        """
        change, chosen = records.c.change, _chosen(scope, without)
        first = select(change).where(*chosen).order_by(change).limit(1)
        last = select(change, records.c.harvested).where(*chosen).order_by(change.desc()).limit(1)
        at = 0
        while True:
            with self._database.read() as connection:
                found = connection.execute(first.where(change >= at)).scalar()
                if found is None:
                    return
                number = found // size
                at = (number + 1) * size
                newest = connection.execute(last.where(change < at)).first()
            if newest is not None:  # It may have changed in between, and is in a later part then.
                yield Part(number, newest.harvested)

    def addresses(self, scope: str, size: int, number: int, without: Collection[str] = ()) -> Iterator[tuple[str, int]]:
        """Yield `(id, when it last changed)` of the live records of a part, in bounded memory."""
        change = records.c.change
        statement = select(change, records.c.id, records.c.harvested).where(*_chosen(scope, without)).order_by(change)
        at, end = number * size, (number + 1) * size
        while True:
            with self._database.read() as connection:
                rows = connection.execute(statement.where(change >= at, change < end).limit(_READ)).all()
            for row in rows:
                yield row.id, row.harvested
            if len(rows) < _READ:
                return
            at = rows[-1].change + 1


def _chosen(scope: str, without: Collection[str]) -> tuple[ColumnElement[bool], ...]:
    chosen = (records.c.scope == scope, LIVE)
    return (*chosen, records.c.source.not_in(sorted(without))) if without else chosen
