"""The record of truth: what was harvested, from where, and what became of it."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

from sqlalchemy import Connection, func, select, text

from discovery.errors import UnavailableError
from discovery.store.audit import Audit
from discovery.store.catalogue import LIVE, Catalogue
from discovery.store.connection import Database
from discovery.store.creations import Creations
from discovery.store.duplicates import Duplicates
from discovery.store.elsewhere import Elsewhere
from discovery.store.footprints import Footprints
from discovery.store.history import History
from discovery.store.ingest import Ingest
from discovery.store.jobs import Jobs
from discovery.store.launches import Launches
from discovery.store.ledger import Ledger
from discovery.store.marks import Marks
from discovery.store.parents import Parents
from discovery.store.passes import Passes
from discovery.store.people import Persons
from discovery.store.rebuilds import Rebuilds
from discovery.store.schema import meta, raws, records
from discovery.store.sessions import Sessions
from discovery.store.tokens import Tokens
from discovery.store.tree import Tree


class Store:
    """One store, opened by its address; safe to use from many threads.

    Args:
        url: `sqlite:///FILE` or `postgresql://...`.

    Raises:
        ConfigError: The address is wrong, or a newer version of Discovery wrote the store.
    """

    def __init__(self, url: str) -> None:
        self.database = Database(url)
        self.catalogue = Catalogue(self.database)
        self.ingest = Ingest(self.database)
        self.ledger = Ledger(self.database)
        self.jobs = Jobs(self.database)
        self.duplicates = Duplicates(self.database)
        self.elsewhere = Elsewhere(self.database)
        self.parents = Parents(self.database)
        self.passes = Passes(self.database)
        self.people = Persons(self.database)
        self.sessions = Sessions(self.database)
        self.tokens = Tokens(self.database)
        self.audit = Audit(self.database)
        self.history = History(self.database)
        self.footprints = Footprints(self.database)
        self.creations = Creations(self.database)
        self.marks = Marks(self.database)
        self.launches = Launches(self.database)
        self.rebuilds = Rebuilds(self.database)
        self.tree = Tree(self.database)

    @property
    def local(self) -> bool:
        """Whether it is a file of this machine, which answers at once or never."""
        return not self.database.on_server

    def secret(self) -> bytes:
        """Return the key that signs cursors: made once, kept in the store, the same in every process."""
        return bytes.fromhex(self.ledger.fact("secret", secrets.token_hex(32)))

    def check(self) -> list[str]:
        """Return what is wrong with the store, one sentence each; empty is good.

        The files of a server are the server's business; of what is in them, what has to agree does.
        """
        try:
            with self.database.read() as connection:
                if self.database.on_server:
                    return [f"store: {each}" for each in _disagreements(connection)]
                answers = connection.execute(text("PRAGMA integrity_check")).scalars().all()
        except UnavailableError as error:
            return [f"store: {error}"]
        return [f"store: {answer}" for answer in answers if answer != "ok"]

    def close(self) -> None:
        """Close every connection."""
        self.database.close()


def _disagreements(connection: Connection) -> Iterator[str]:
    bare = select(func.count()).select_from(records.outerjoin(raws, raws.c.key == records.c.key))
    if found := connection.execute(bare.where(LIVE, raws.c.key.is_(None))).scalar_one():
        yield f"{found} records have nothing of what was sent; harvest their sources again"
    given = connection.execute(select(meta.c.value).where(meta.c.name == "change")).scalar()
    used = connection.execute(select(func.max(records.c.change))).scalar()
    if (used or 0) > int(given or 0):
        yield f"change number {used} is in use and the last one given is {given or 0}; restore a backup"
