"""Proofs that open something for a while, kept by their digests alone."""

from __future__ import annotations

from sqlalchemy import ColumnElement, delete, insert, select

from discovery.store.connection import Database
from discovery.store.ingest import now
from discovery.store.schema import passes


class Passes:
    """The passes of a store. Whoever holds one shows a secret; the store knows its digest."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def give(self, kind: str, digest: str, lasts: int) -> None:
        """Remember a pass for so many milliseconds, and forget those that are over."""
        moment = now()
        with self._database.write() as connection:
            connection.execute(delete(passes).where(passes.c.expires <= moment))
            connection.execute(insert(passes).values(digest=digest, kind=kind, expires=moment + lasts))

    def holds(self, kind: str, digest: str) -> bool:
        """Say whether a pass is known and not over."""
        with self._database.read() as connection:
            return connection.execute(select(passes.c.digest).where(*_valid(kind, digest))).first() is not None

    def use(self, kind: str, digest: str) -> bool:
        """Take a pass out, so that nobody can show it again; say whether it was one."""
        with self._database.write() as connection:
            return connection.execute(delete(passes).where(*_valid(kind, digest))).rowcount == 1


def _valid(kind: str, digest: str) -> tuple[ColumnElement[bool], ...]:
    return passes.c.kind == kind, passes.c.digest == digest, passes.c.expires > now()
