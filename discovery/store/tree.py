"""What a catalogue is browsed by: the sources that have something, their collections, and what records are called.

Whoever browses asks for a few records at a time out of any number, so each question here costs what it answers and not
what there is; `parts` alone looks at the number of each collection of a source.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import bindparam, select

from discovery.store.bulk import parts
from discovery.store.catalogue import LIVE, PRESENT
from discovery.store.connection import Database
from discovery.store.parents import distinct
from discovery.store.schema import records, sources

_SOURCES: Final = distinct("source")
_DATASETS: Final = distinct("dataset")
_HAS: Final = (
    select(records.c.key)
    .where(records.c.kind == bindparam("kind"), records.c.source == bindparam("source"), PRESENT)
    .limit(1)
)
_TITLES: Final = select(sources.c.id, sources.c.title).where(sources.c.id.in_(bindparam("ids", expanding=True)))
_ENTRY: Final = select(records.c.key, records.c.id, records.c.stac_id, records.c.title)
_ENTRIES: Final = _ENTRY.where(records.c.key.in_(bindparam("keys", expanding=True)), LIVE)
_OF_SOURCE: Final = (
    LIVE,
    records.c.kind.in_(bindparam("kinds", expanding=True)),
    records.c.source == bindparam("source"),
    records.c.key >= bindparam("low"),
    records.c.key <= bindparam("high"),
)
# Ordered by the plain number, a database may walk all records in its order to find the few of a source.
_NUMBER: Final = records.c.key + 0
_BETWEEN: Final = _ENTRY.where(*_OF_SOURCE).order_by(_NUMBER).limit(bindparam("most"))
_KEYS: Final = select(records.c.key).where(*_OF_SOURCE).order_by(_NUMBER)
# Asked for the kinds as well, SQLite would go through all records of them instead of these ids.
_STANDING: Final = select(records.c.id, records.c.kind).where(LIVE, records.c.id.in_(bindparam("ids", expanding=True)))
MAX_KEY: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Entry:
    """A record by what leads to it and what people call it."""

    key: int
    id: str
    stac_id: str
    title: str


@dataclass(frozen=True, slots=True)
class Part:
    """Some records of a source: those of a kind whose numbers lie between the first's and the last's."""

    first: Entry
    last: Entry
    count: int


class Tree:
    """A catalogue as it is browsed."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def sources(self, kinds: Sequence[str]) -> list[tuple[str, str]]:
        """Return id and title of each source that has a record of these kinds, in the order of the ids.

        A source counts for which others speak, since looking for one that nobody speaks for could take long. A source
        that was never registered has its id as title.
        """
        with self._database.read() as connection:
            known = connection.execute(_SOURCES).scalars().all()
            found = [
                source
                for source in known
                if any(connection.execute(_HAS, {"kind": kind, "source": source}).first() for kind in kinds)
            ]
            titles = {row.id: row.title for part in parts(found) for row in connection.execute(_TITLES, {"ids": part})}
        return [(each, titles.get(each) or each) for each in sorted(found)]

    def between(self, source: str, kinds: Sequence[str], most: int, low: int = 0, high: int = MAX_KEY) -> list[Entry]:
        """Return the first live records of a source and of some kinds with numbers from `low` to `high`, by number."""
        asked = {"source": source, "kinds": list(kinds), "low": low, "high": high, "most": most}
        with self._database.read() as connection:
            return [Entry(*row) for row in connection.execute(_BETWEEN, asked)]

    def parts(self, source: str, kinds: Sequence[str], size: int) -> list[Part]:
        """Return all live records of a source and of some kinds in parts of at most `size`, the lowest numbers first.

        What comes later has a higher number, so it changes the last part alone.
        """
        asked = {"source": source, "kinds": list(kinds), "low": 0, "high": MAX_KEY}
        with self._database.read() as connection:
            keys = connection.execute(_KEYS, asked).scalars().all()
        ends = [(keys[at], keys[min(at + size, len(keys)) - 1]) for at in range(0, len(keys), size)]
        named = self.entries([key for each in ends for key in each])
        counts = [min(size, len(keys) - at) for at in range(0, len(keys), size)]
        return [
            Part(named[first], named[last], count)
            for (first, last), count in zip(ends, counts, strict=True)
            if first in named and last in named
        ]

    def entries(self, keys: Sequence[int]) -> dict[int, Entry]:
        """Return what the live records with these numbers are called; numbers that are not live are left out."""
        with self._database.read() as connection:
            return {
                row.key: Entry(*row) for part in parts(keys) for row in connection.execute(_ENTRIES, {"keys": part})
            }

    def lost(self, kinds: Sequence[str]) -> list[str]:
        """Return the ids that records name as their parent and that no live record of these kinds has, in order."""
        with self._database.read() as connection:
            named = connection.execute(_DATASETS).scalars().all()
            standing = {
                id
                for part in parts(named)
                for id, kind in connection.execute(_STANDING, {"ids": part})
                if kind in kinds
            }
        return sorted(each for each in named if each not in standing)
