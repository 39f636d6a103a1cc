"""One record from many places: which records of different sources are the same thing, kept right as records change.

It follows the change numbers as an index does, so a pass costs what has changed. What it leaves is a function of the
records, the order of the sources and what operators have said, never of the order in which things came. Each step is
one transaction, with the place that it has reached: a kill repeats a step at most.
"""

from __future__ import annotations

import threading
import time
from bisect import bisect_right
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import orjson
from sqlalchemy import Connection, bindparam, delete, insert, select, update

from discovery.errors import BadQueryError, NotFoundError
from discovery.model import sameness
from discovery.model.record import SCOPES
from discovery.store import bulk, facts, kin
from discovery.store.bulk import parts
from discovery.store.codec import unpack
from discovery.store.connection import Database
from discovery.store.ingest import now, take_changes
from discovery.store.schema import apart, matches, records, sources

PRIORITY: Final = "priority"
"""The setting of a source that says how soon it speaks for others; the larger, the sooner."""
USUAL: Final = 100
"""The priority of a source that does not say."""
STEP: Final = 1000
"""Changes that are looked at in one transaction: others who write wait for it."""
_FACT: Final = "duplicates"
_CHANGED: Final = (
    select(records.c.key, records.c.id, records.c.change, records.c.body, records.c.deleted, records.c.merged)
    .where(records.c.scope == bindparam("scope"), records.c.change > bindparam("after"))
    .order_by(records.c.change)
    .limit(bindparam("most"))
)
_KEYS: Final = select(matches.c.key, matches.c.digest, matches.c.place).where(
    matches.c.key.in_(bindparam("keys", expanding=True))
)
_MASTERED: Final = (
    select(records.c.key)
    .where(records.c.merged.is_not(None), records.c.key > bindparam("after"))
    .order_by(records.c.key)
    .limit(bindparam("most"))
)
_ANY_APART: Final = select(apart.c.one).limit(1)
_APART: Final = select(apart.c.one, apart.c.other).where(
    apart.c.one.in_(bindparam("ids", expanding=True)) | apart.c.other.in_(bindparam("ids", expanding=True))
)


@dataclass(frozen=True, slots=True)
class Found:
    """What a pass did."""

    looked: int = 0
    """Changes that it looked at."""
    merged: int = 0
    """Records that another one speaks for since then, or another than before."""
    parted: int = 0
    """Records that stand for themselves again."""
    seconds: float = 0.0
    examples: tuple[tuple[str, str], ...] = ()
    """Some of the merged ones, each with its master."""

    def __add__(self, other: Found) -> Found:
        return Found(
            self.looked + other.looked,
            self.merged + other.merged,
            self.parted + other.parted,
            self.seconds + other.seconds,
            (self.examples + other.examples)[:_EXAMPLES],
        )


_EXAMPLES: Final = 20


class _DryRunError(Exception):
    """Takes back what was written."""


@dataclass(slots=True)
class _State:
    """How far the passes have come; kept in the store beside what they did."""

    rules: int = 0
    ranking: list[str] = field(default_factory=list)
    ranked: int | None = None
    """The last record of a group that was put under another order of the sources; None when all are."""
    seen: dict[str, int] = field(default_factory=dict)
    """The last change of each scope."""
    own: list[tuple[int, int]] = field(default_factory=list)
    """Changes further on that a pass has made itself, from and to: they need no look."""


class Duplicates:
    """The records that are one thing: finding them, showing them, and taking an operator's word that they are not."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, *, dry_run: bool = False, stop: threading.Event | None = None) -> Found:
        """Bring the groups level with the records, and return what was done; stopped, it goes on there next time.

        Args:
            dry_run: Write nothing; others who write wait meanwhile.
            stop: Ends the pass after a step.
        """
        began, found = time.perf_counter(), Found()
        if dry_run:
            try:
                with self._database.write() as connection:
                    while (step := self._step(connection)) is not None:
                        found += step
                    raise _DryRunError
            except _DryRunError:
                return replace(found, seconds=time.perf_counter() - began)
        while stop is None or not stop.is_set():
            with self._database.write() as connection:
                step = self._step(connection)
            if step is None:
                break
            found += step
        return replace(found, seconds=time.perf_counter() - began)

    def waiting(self) -> bool:
        """Say whether a pass would find anything to look at."""
        with self._database.read() as connection:
            state, ranking = _read(connection), _ranking(connection)
            if state.rules != sameness.RULES or state.ranked is not None or _reordered(state.ranking, ranking):
                return True
            return any(connection.execute(_CHANGED, _after(state, scope, 1)).first() is not None for scope in SCOPES)

    def split(self, id: str, other: str = "", *, by: str = "") -> int:
        """Remember that a record is not the same as another one, or as any of its group, and part them.

        Returns:
            The pairs that are apart now and were not before.

        Raises:
            NotFoundError: One of the records is not there.
            BadQueryError: The record is of no group and no other one is named, or both are the same.
        """
        with self._database.write() as connection:
            one = _present(connection, id)
            others = [_present(connection, other)] if other else kin.others(connection, id)
            if not others:
                raise BadQueryError(f"record {id} is in one place alone; name the other record", parameter="id")
            pairs = {(min(id, each.id), max(id, each.id)) for each in others}
            if (id, id) in pairs:
                raise BadQueryError(f"record {id} cannot be split from itself", parameter="other")
            known = _apart(connection, [id])
            rows = [{"one": a, "other": b, "said": now(), "by": by[:100]} for a, b in sorted(pairs - known)]
            if rows:
                connection.execute(insert(apart), rows)
            self._settle(connection, {one.key, *(each.key for each in others)}, set())
        return len(rows)

    def join(self, id: str, other: str = "") -> int:
        """Take back what `split` was told of a record, or of two, and return how many pairs that were."""
        with self._database.write() as connection:
            known = {pair for pair in _apart(connection, [id]) if not other or other in pair}
            for one, another in known:
                connection.execute(delete(apart).where(apart.c.one == one, apart.c.other == another))
            there = kin.keys(connection, {each for pair in known for each in pair})
            self._settle(connection, set(there.values()), set())
        return len(known)

    def _step(self, connection: Connection) -> Found | None:
        """Look at some of what has changed; None when everything has been seen."""
        state, ranking = _read(connection), _ranking(connection)
        before = orjson.dumps(state)
        if state.rules != sameness.RULES:
            # What the records have under other rules is found out by looking at all of them again.
            state.rules, state.seen = sameness.RULES, {}
        if state.ranking != ranking:
            if _reordered(state.ranking, ranking):
                state.ranked = 0
            state.ranking = ranking
        found: Found | None = None
        if state.ranked is not None:
            keys = list(connection.execute(_MASTERED, {"after": state.ranked, "most": STEP}).scalars())
            state.ranked = keys[-1] if keys else None
            found = self._settle(connection, set(keys), set())
        for scope in SCOPES if found is None else ():
            changed = connection.execute(_CHANGED, _after(state, scope, STEP)).all()
            if changed:
                first = take_changes(connection, 0)
                found = self._look(connection, _others(changed, state.own))
                if (end := take_changes(connection, 0)) > first:
                    state.own.append((first, end))
                state.seen[scope] = changed[-1].change
                break
            state.seen[scope] = max(state.seen.get(scope, 0), take_changes(connection, 0) - 1)
        passed = min(state.seen.get(scope, 0) for scope in SCOPES)
        state.own = [each for each in state.own if each[1] - 1 > passed]
        if orjson.dumps(state) != before:
            _write(connection, state)
        return found

    def _look(self, connection: Connection, changed: Sequence[Any]) -> Found:
        """Renew the keys of changed records, and the groups that they touch."""
        old: dict[int, dict[bytes, str]] = {row.key: {} for row in changed}
        for part in parts(list(old)):
            for key, digest, place in connection.execute(_KEYS, {"keys": part}).all():
                old[key][digest] = place
        new = {row.key: {} if row.deleted is not None else _keys_of(row.body) for row in changed}
        other = {key for key in new if new[key] != old[key]}
        touched = {digest for key in other for digest in (*old[key], *new[key])}
        for part in parts([key for key in other if old[key]]):
            connection.execute(delete(matches).where(matches.c.key.in_(part)))
        rows = [
            {"digest": digest, "key": key, "place": place}
            for key in sorted(other)
            for digest, place in new[key].items()
        ]
        bulk.add(connection, matches, rows)
        gone = [row.key for row in changed if row.deleted is not None and row.merged is not None]
        for part in parts(gone):
            # A deleted record is nowhere else any more; whoever follows the changes knows already that it has gone.
            connection.execute(update(records).where(records.c.key.in_(part)).values(merged=None))
        seeds = kin.touching(connection, touched, other)
        seeds |= {row.key for row in changed if row.key in other and row.merged is not None and row.deleted is None}
        return self._settle(connection, seeds, touched) + Found(looked=len(changed))

    def _settle(self, connection: Connection, seeds: Collection[int], touched: Collection[bytes]) -> Found:
        """Decide anew about everything that hangs together with these records."""
        if not seeds:
            return Found()
        rank = {id: place for place, id in enumerate(_ranking(connection))}
        rows: list[dict[str, Any]] = []
        families = kin.families(connection, seeds, touched)
        pairs = _apart(connection, [each.id for family in families if family.telling for each in family.members])
        for family in families:
            masters: Mapping[str, str] = {}
            if family.telling:
                members = [sameness.Member(each.id, each.source, each.keys) for each in family.members]
                masters = sameness.grouped(members, family.telling, rank, pairs)
            rows += [
                {"key": each.key, "merged": masters.get(each.id), "id": each.id}
                for each in family.members
                if each.merged != masters.get(each.id)
            ]
        change = take_changes(connection, len(rows)) if rows else 0
        written = [{"key": row["key"], "merged": row["merged"], "change": change + n} for n, row in enumerate(rows)]
        for part in parts(written):
            bulk.change(connection, records, part)
        merged = [(row["id"], row["merged"]) for row in rows if row["merged"] is not None]
        return Found(0, len(merged), len(rows) - len(merged), 0.0, tuple(merged[:_EXAMPLES]))


def _keys_of(body: bytes) -> dict[bytes, str]:
    return sameness.keys(orjson.loads(unpack(body)))


def _after(state: _State, scope: str, most: int) -> dict[str, Any]:
    return {"scope": scope, "after": state.seen.get(scope, 0), "most": most}


def _others(changed: Sequence[Any], own: Sequence[tuple[int, int]]) -> list[Any]:
    """Return the changes that no pass has made itself."""
    firsts = [first for first, _ in own]
    return [row for row in changed if not (at := bisect_right(firsts, row.change)) or own[at - 1][1] <= row.change]


def _read(connection: Connection) -> _State:
    value = facts.read(connection, _FACT)
    return _State(**orjson.loads(value)) if value is not None else _State()


def _write(connection: Connection, state: _State) -> None:
    facts.write(connection, _FACT, orjson.dumps(state).decode())


def _ranking(connection: Connection) -> list[str]:
    """Return the sources in the order in which they speak for others: by priority, then the oldest first."""
    rows = connection.execute(select(sources.c.id, sources.c.settings, sources.c.created)).all()
    return [row.id for row in sorted(rows, key=lambda row: (-_priority(row.settings), row.created, row.id))]


def _priority(settings: str) -> int:
    given = str(orjson.loads(settings).get(PRIORITY, ""))
    return int(given) if given.isdecimal() else USUAL


def _reordered(before: Sequence[str], after: Sequence[str]) -> bool:
    """Say whether sources that were known have changed places, so that groups may have other masters."""
    return [each for each in before if each in after] != [each for each in after if each in before]


def _apart(connection: Connection, ids: Sequence[str]) -> set[tuple[str, str]]:
    """Return the pairs that somebody has parted, with at least one of these ids."""
    if connection.execute(_ANY_APART).first() is None:
        return set()
    return {
        (one, other) for part in parts(ids, width=2) for one, other in connection.execute(_APART, {"ids": list(part)})
    }


def _present(connection: Connection, id: str) -> kin.Relative:
    found = kin.relatives(connection, [id])
    if not found:
        raise NotFoundError(f"no record {id[:64]!r} that its source still has")
    return found[0]
