"""The records that hang together by keys that they share, found from those that changed and no further than needed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Connection, bindparam, delete, select

from discovery.model.sameness import MOST, names_one
from discovery.store import bulk
from discovery.store.bulk import parts
from discovery.store.schema import matches, records

CROWD: Final = 0
"""Stands instead of a record beside a digest that too many have."""
_PRESENT: Final = records.c.deleted.is_(None)
_RELATIVE: Final = select(records.c.key, records.c.id, records.c.source, records.c.merged).where(_PRESENT)
_BY_KEY: Final = _RELATIVE.where(records.c.key.in_(bindparam("keys", expanding=True)))
_BY_ID: Final = _RELATIVE.where(records.c.id.in_(bindparam("ids", expanding=True)))
_GROUP: Final = _RELATIVE.where((records.c.merged == bindparam("master")) | (records.c.id == bindparam("master")))
_DIGESTS: Final = select(matches.c.key, matches.c.digest, matches.c.place).where(
    matches.c.key.in_(bindparam("keys", expanding=True))
)
_CROWDED: Final = select(matches.c.digest).where(
    matches.c.digest.in_(bindparam("digests", expanding=True)), matches.c.key == CROWD
)
_HOLDERS: Final = (
    select(matches.c.digest, matches.c.key, records.c.source)
    .join(records, records.c.key == matches.c.key)
    .where(matches.c.digest.in_(bindparam("digests", expanding=True)))
)
_HAVING: Final = select(matches.c.key).where(
    matches.c.digest.in_(bindparam("digests", expanding=True)), matches.c.key != CROWD
)


@dataclass(slots=True)
class Relative:
    """A record that its source still has, whether or not another one speaks for it."""

    key: int
    id: str
    source: str
    merged: str | None
    keys: dict[bytes, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Family:
    """All records that hang together, and the keys by which they may; none where they are too many."""

    members: tuple[Relative, ...]
    telling: frozenset[bytes]


def relatives(connection: Connection, ids: Collection[str]) -> list[Relative]:
    """Return the records with these ids, without their keys."""
    rows = (row for part in parts(sorted(ids)) for row in connection.execute(_BY_ID, {"ids": part}))
    return [Relative(*row) for row in rows]


def keys(connection: Connection, ids: Collection[str]) -> dict[str, int]:
    """Return the keys of those of these records that are there."""
    return {each.id: each.key for each in relatives(connection, ids)}


def group(connection: Connection, master: str) -> list[Relative]:
    """Return a record with all that it speaks for."""
    return [Relative(*row) for row in connection.execute(_GROUP, {"master": master})]


def others(connection: Connection, id: str) -> list[Relative]:
    """Return the other records of the group of a record; none for one that is in one place alone."""
    found = relatives(connection, [id])
    return [each for each in group(connection, found[0].merged or id) if each.id != id] if found else []


def touching(connection: Connection, touched: Collection[bytes], mine: Collection[int]) -> set[int]:
    """Return the records that may be of other groups since these keys have been given or taken.

    Args:
        connection: In a transaction that writes: what has become a crowd is marked.
        touched: The keys, as they now stand in the store.
        mine: The records that were given them; one that shares them with nobody is left out.
    """
    crowds, former, shared = [], [], []
    for digest, first, second, over, more in _standing(connection, touched):
        marked = first == CROWD
        crowded = (more if marked else over) is not None
        if crowded and marked:
            continue
        if crowded:
            crowds.append(digest)
        elif marked:
            former.append(digest)
        if first is not None and (second is not None or first not in mine):
            shared.append(digest)
    bulk.add(connection, matches, [{"digest": each, "key": CROWD, "place": ""} for each in sorted(crowds)])
    for part in parts(former):
        connection.execute(delete(matches).where(matches.c.digest.in_(part), matches.c.key == CROWD))
    return {key for part in parts(shared) for key in connection.execute(_HAVING, {"digests": part}).scalars().all()}


def _standing(connection: Connection, digests: Collection[bytes]) -> Iterator[Sequence[Any]]:
    """Yield of each key how many have it, as far as it matters, without counting crowds.

    That is the first record, the second, and the ones behind `MOST`, with and without the mark of a crowd.
    """
    nth = "(SELECT key FROM matches WHERE digest = wanted.digest ORDER BY key LIMIT 1 OFFSET {})"
    asked = ", ".join(nth.format(offset) for offset in (0, 1, MOST, MOST + 1))
    for part in parts(sorted(digests)):
        if connection.dialect.name == "sqlite":
            values = ", ".join(["(?)"] * len(part))
            statement = f"WITH wanted (digest) AS (VALUES {values}) SELECT digest, {asked} FROM wanted"  # noqa: S608 - ours
            yield from connection.exec_driver_sql(statement, tuple(part)).all()
        else:
            statement = f"SELECT digest, {asked} FROM unnest(%(wanted)s::bytea[]) AS wanted (digest)"  # noqa: S608 - ours
            yield from connection.exec_driver_sql(statement, {"wanted": list(part)}).all()


def families(connection: Connection, seeds: Collection[int], touched: Collection[bytes]) -> list[Family]:
    """Return everything that hangs together with these records.

    What hung together before the keys were touched was decided then, all of it or, being too many, none. So each such
    piece is walked until it is known to be too many, and the touched keys join the pieces.

    Args:
        connection: Where to look.
        seeds: Where to begin: all records that have one of the touched keys, and any others.
        touched: The keys that have just been given or taken.
    """
    people: dict[int, Relative] = {}
    telling: dict[bytes, list[int]] = {}
    asked: set[bytes] = set()
    pieces = _Sets()
    frontier = set(seeds)
    while frontier:
        arrived = _people(connection, frontier)
        people |= arrived
        fresh = {digest for each in arrived.values() for digest in each.keys} - asked
        asked |= fresh
        found = _telling(connection, fresh)
        telling |= found
        walked = [holders for digest, holders in found.items() if digest not in touched]
        for holders in walked:
            pieces.join(holders)
        frontier = {
            key
            for holders in walked
            if pieces.size(holders[0]) <= MOST
            for key in holders
            if key not in people and key not in frontier
        }
    return _divided(people, telling)


def _divided(people: dict[int, Relative], telling: dict[bytes, list[int]]) -> list[Family]:
    whole = _Sets()
    for holders in telling.values():
        whole.join(holders)
    families: dict[int, list[Relative]] = {}
    digests: dict[int, set[bytes]] = {}
    for key, each in people.items():
        families.setdefault(whole.root(key), []).append(each)
    for digest, holders in telling.items():
        digests.setdefault(whole.root(holders[0]), set()).add(digest)
    return [
        Family(tuple(members), frozenset(digests.get(root, ()) if whole.size(root) <= MOST else ()))
        for root, members in families.items()
    ]


def _people(connection: Connection, wanted: Collection[int]) -> dict[int, Relative]:
    """Return the records of these keys that are there, with their digests."""
    found: dict[int, Relative] = {}
    for part in parts(sorted(wanted)):
        found |= {row.key: Relative(*row) for row in connection.execute(_BY_KEY, {"keys": part}).all()}
        for key, digest, place in connection.execute(_DIGESTS, {"keys": part}).all():
            if key in found:
                found[key].keys[digest] = place
    return found


def _telling(connection: Connection, digests: Iterable[bytes]) -> dict[bytes, list[int]]:
    """Return those keys that several records have, of one source at most one, with these records."""
    found: dict[bytes, list[tuple[int, str]]] = {}
    for part in parts(sorted(digests)):
        crowds = set(connection.execute(_CROWDED, {"digests": part}).scalars())
        rest = [digest for digest in part if digest not in crowds]
        for digest, key, source in connection.execute(_HOLDERS, {"digests": rest}).all() if rest else ():
            found.setdefault(digest, []).append((key, source))
    return {
        digest: sorted(key for key, _ in holders)
        for digest, holders in found.items()
        if len(holders) > 1 and names_one(source for _, source in holders)
    }


class _Sets:
    """Disjoint sets of keys."""

    def __init__(self) -> None:
        self._above: dict[int, int] = {}
        self._sizes: dict[int, int] = {}

    def root(self, key: int) -> int:
        """Return the key that stands for the set of a key."""
        path = []
        while (above := self._above.get(key, key)) != key:
            path.append(key)
            key = above
        for each in path:
            self._above[each] = key
        return key

    def join(self, keys: Sequence[int]) -> None:
        """Make one set of those of these keys."""
        first = self.root(keys[0])
        for each in keys[1:]:
            other = self.root(each)
            if other != first:
                self._sizes[first] = self.size(first) + self.size(other)
                self._above[other] = first

    def size(self, key: int) -> int:
        """Return how many keys the set of a key has."""
        return self._sizes.get(self.root(key), 1)
