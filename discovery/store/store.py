"""The record of truth: what was harvested, from where, and what became of it."""

from __future__ import annotations

import secrets

from sqlalchemy import text

from discovery.errors import UnavailableError
from discovery.store.catalogue import Catalogue
from discovery.store.connection import Database
from discovery.store.ingest import Ingest
from discovery.store.jobs import Jobs
from discovery.store.ledger import Ledger


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

    @property
    def local(self) -> bool:
        """Whether it is a file of this machine, which answers at once or never."""
        return self.database.url.startswith("sqlite:")

    def secret(self) -> bytes:
        """Return the key that signs cursors: made once, kept in the store, the same in every process."""
        return bytes.fromhex(self.ledger.fact("secret", secrets.token_hex(32)))

    def check(self) -> list[str]:
        """Return what is wrong with the store's files, one sentence each; empty is good."""
        if not self.database.url.startswith("sqlite:"):
            return []
        try:
            with self.database.read() as connection:
                answers = connection.execute(text("PRAGMA integrity_check")).scalars().all()
        except UnavailableError as error:
            return [f"store: {error}"]
        return [f"store: {answer}" for answer in answers if answer != "ok"]

    def close(self) -> None:
        """Close every connection."""
        self.database.close()
