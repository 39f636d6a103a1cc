"""How far the index is that is made again from this store: whoever makes it tells, whoever waits for it asks."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Final

import orjson

from discovery.errors import UnavailableError
from discovery.store import facts
from discovery.store.connection import Database
from discovery.store.ingest import now

FRESH: Final = 300.0
"""Seconds for which what was told is believed: whoever was killed tells nothing more."""
OFTEN: Final = 1.0
"""Seconds between two times that something is told."""
_FACT: Final = "rebuild"


@dataclass(frozen=True, slots=True)
class Rebuild:
    """An index on its way."""

    done: int
    """Records that are in it."""
    total: int
    seconds: float
    """That were needed for those."""

    @property
    def left(self) -> float | None:
        """Seconds that the others will take, if they are like those; None while nobody knows."""
        return self.seconds * max(0, self.total - self.done) / self.done if self.done else None


class Rebuilds:
    """What a store knows of an index that is made again, by this process or another."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @contextmanager
    def telling(self, total: int) -> Iterator[Callable[[int], None]]:
        """Give what is to be called with how many records are done; afterwards nothing is on its way any more.

        That it cannot be written down stops nobody who makes an index.
        """
        began = told = time.monotonic()

        def tell(done: int) -> None:
            nonlocal told
            if time.monotonic() - told >= OFTEN:
                self._write(Rebuild(done, total, time.monotonic() - began))
                told = time.monotonic()

        self._write(Rebuild(0, total, 0.0))
        try:
            yield tell
        finally:
            with suppress(UnavailableError), self._database.write() as connection:
                facts.forget(connection, _FACT)

    def current(self) -> Rebuild | None:
        """Return how far the index is, None where none is being made."""
        with self._database.read() as connection:
            value = facts.read(connection, _FACT)
        if value is None:
            return None
        done, total, seconds, at = orjson.loads(value)
        return Rebuild(done, total, seconds) if abs(now() - at) < FRESH * 1000 else None

    def _write(self, how: Rebuild) -> None:
        value = orjson.dumps([how.done, how.total, how.seconds, now()]).decode()
        with suppress(UnavailableError), self._database.write() as connection:
            facts.write(connection, _FACT, value)
