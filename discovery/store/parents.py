"""The dataset of an observation whose source names one that is not here under that name.

Its parent may have come with another source, be called otherwise there, or have been found to be the same as another
one. What stands for a parent is decided once for all that name it, so a pass costs the number of parents, and then
what has to be written. What it leaves is a function of the records: when the parent comes after all, or what stood for
it goes, those that name it are written again.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson
from sqlalchemy import Connection, TextClause, bindparam, func, select, text

from discovery.model import sameness
from discovery.model.record import Record, to_dict
from discovery.model.terms import fold
from discovery.store import bulk
from discovery.store.bulk import parts
from discovery.store.catalogue import LIVE, PRESENT
from discovery.store.codec import pack, unpack
from discovery.store.connection import Database
from discovery.store.ingest import stac_names, take_changes
from discovery.store.schema import matches, records

STEP: Final = 1000
"""Records that are written in one transaction: others who write wait for it."""
_DISTINCT: Final = (
    "WITH RECURSIVE known (value) AS (SELECT MIN({0}) FROM records WHERE {0} > '' UNION ALL "
    "SELECT (SELECT MIN({0}) FROM records WHERE {0} > known.value) FROM known WHERE known.value IS NOT NULL) "
    "SELECT value FROM known WHERE value IS NOT NULL"
)


def distinct(column: str) -> TextClause:
    """Return the statement for the different texts in a column of the records, without the empty one.

    It goes from value to value along an index that begins with the column, however many records have each.
    """
    return text(_DISTINCT.format(column))


_NAMED: Final = distinct("dataset")
_DECLARED: Final = distinct("declared")
_STANDING: Final = select(records.c.id, records.c.merged).where(
    PRESENT, records.c.id.in_(bindparam("ids", expanding=True))
)
_SAMPLE: Final = (
    select(records.c.source, records.c.container, records.c.body)
    .where(PRESENT, records.c.scope == "observations")
    .order_by(records.c.key)
    .limit(1)
)
_DATASETS: Final = select(
    records.c.id, records.c.source, records.c.source_id, records.c.title, records.c.stac_id
).where(LIVE, records.c.scope == "resources", records.c.kind == "dataset")
_ROWS: Final = (
    select(records.c.key, records.c.scope, records.c.body, records.c.stac_space, records.c.stac_id)
    .where(PRESENT)
    .limit(STEP)
)


@dataclass(frozen=True, slots=True)
class _Dataset:
    """A dataset by all that it is called."""

    id: str
    source: str
    source_id: str
    title: str
    stac_id: str


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A parent that is not here, by what one of those that name it says of it."""

    source: str
    names: tuple[str, ...]


class Parents:
    """What stands for the parents that records name."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def repair(self, *, stop: threading.Event | None = None) -> int:
        """Bring records to the parents that stand for theirs, and return how many have another one since then.

        The rules, in their order: what the parent was merged into; a dataset that has the named DOI or identifier; one
        of the same source that its source calls so; the collection of that name in STAC; the only dataset that any
        source calls so; the only one of that title.
        """
        with self._database.read() as connection:
            named = list(connection.execute(_NAMED).scalars())
            declared = list(connection.execute(_DECLARED).scalars())
            standing = _standing(connection, {*named, *declared})
            away = [id for id in dict.fromkeys((*named, *declared)) if standing.get(id) != id]
            resolved = {id: standing[id] for id in away if id in standing}
            resolved |= _found(connection, [id for id in away if id not in standing])
        moved = 0
        for id in dict.fromkeys((*away, *declared)):
            for step in self._moves(id, resolved.get(id, id)):
                moved += step
                if stop is not None and stop.is_set():
                    return moved
        return moved

    def orphans(self) -> dict[str, int]:
        """Return how many records of each source name a parent that is not here, and nothing stands for it."""
        counts: dict[str, int] = {}
        with self._database.read() as connection:
            named = list(connection.execute(_NAMED).scalars())
            standing = _standing(connection, named)
            missing = [id for id in named if id not in standing]
            for part in parts(missing):
                statement = (
                    select(records.c.source, func.count()).where(LIVE, records.c.dataset.in_(part)).group_by("source")
                )
                for source, count in connection.execute(statement):
                    counts[source] = counts.get(source, 0) + count
        return counts

    def _moves(self, parent: str, target: str) -> Iterator[int]:
        """Write the records that name a parent so that they have what stands for it, step by step."""
        column = records.c
        conditions = [(column.declared == parent) & (column.dataset < target)]
        conditions.append((column.declared == parent) & (column.dataset > target))
        if target != parent:
            conditions.append((column.dataset == parent) & column.declared.is_(None))
        for condition in conditions:
            while True:
                with self._database.write() as connection:
                    # Nothing is its own parent.
                    rows = connection.execute(_ROWS.where(condition, column.id != target)).all()
                    _move(connection, rows, parent, target)
                if rows:
                    yield len(rows)
                if len(rows) < STEP:
                    break


def _standing(connection: Connection, ids: Collection[str]) -> dict[str, str]:
    """Return for each of these records that is there the one that faces show: itself, or the one that speaks for it."""
    return {
        id: merged or id for part in parts(sorted(ids)) for id, merged in connection.execute(_STANDING, {"ids": part})
    }


def _found(connection: Connection, missing: Sequence[str]) -> dict[str, str]:
    """Return the datasets that stand for parents which are not there, as far as one can be told."""
    wanted = {id: each for id in missing if (each := _wanted(connection, id)) is not None}
    if not wanted:
        return {}
    datasets = [_Dataset(*row) for row in connection.execute(_DATASETS)]
    named = _identified(connection, {name for each in wanted.values() for name in each.names})
    rules = _Rules(datasets, named)
    found = {id: rules.find(each) for id, each in wanted.items()}
    return {id: dataset for id, dataset in found.items() if dataset}


def _wanted(connection: Connection, parent: str) -> _Wanted | None:
    row = connection.execute(_SAMPLE.where(records.c.dataset == parent, records.c.declared.is_(None))).first()
    row = row or connection.execute(_SAMPLE.where(records.c.declared == parent)).first()
    if row is None:
        return None
    properties = orjson.loads(unpack(row.body)).get("properties", {})
    said = [properties.get(name) for name in ("parent", "collection")]
    names = dict.fromkeys((*(each for each in said if isinstance(each, str)), row.container))
    return _Wanted(row.source, tuple(each for each in names if each))


def _identified(connection: Connection, names: Collection[str]) -> dict[str, str]:
    """Return the only dataset that each DOI or other identifier among these names is of."""
    digests = {digest: name for name in names for digest in sameness.names("dataset", name)}
    held: dict[str, set[str]] = {}
    statement = (
        select(matches.c.digest, records.c.id)
        .join(records, records.c.key == matches.c.key)
        .where(LIVE, matches.c.digest.in_(bindparam("digests", expanding=True)))
    )
    for part in parts(sorted(digests)):
        for digest, id in connection.execute(statement, {"digests": part}):
            held.setdefault(digests[digest], set()).add(id)
    return {name: min(ids) for name, ids in held.items() if len(ids) == 1}


class _Rules:
    """The rules by which a dataset stands for a parent that is not there; where several would, none does."""

    def __init__(self, datasets: Sequence[_Dataset], identified: Mapping[str, str]) -> None:
        self._identified = identified
        self._own = _only(((each.source, each.source_id), each.id) for each in datasets)
        self._stac = {each.stac_id: each.id for each in datasets}
        self._called = _only((fold(each.source_id), each.id) for each in datasets)
        self._titled = _only((fold(each.title), each.id) for each in datasets)

    def find(self, wanted: _Wanted) -> str:
        """Return the dataset that a parent is, by the first rule that tells; empty where none does."""
        for name in wanted.names:
            folded = fold(name[:1000])
            found = (
                self._identified.get(name)
                or self._own.get((wanted.source, name))
                or self._stac.get(name)
                or (folded and (self._called.get(folded) or self._titled.get(folded)))
            )
            if found:
                return found
        return ""


def _only(pairs: Iterator[tuple[Any, str]]) -> dict[Any, str]:
    """Return what each name stands for, without those that stand for several."""
    found: dict[Any, set[str]] = {}
    for name, id in pairs:
        found.setdefault(name, set()).add(id)
    return {name: min(ids) for name, ids in found.items() if len(ids) == 1}


def _move(connection: Connection, rows: Sequence[Any], parent: str, target: str) -> None:
    """Give records another parent, with the bytes, the names in STAC and the change numbers that follow from it."""
    changed: list[dict[str, Any]] = []
    entering: list[Record] = []
    for row in rows:
        plain = to_dict(Record.from_json(unpack(row.body))) | {"dataset": target}
        record = Record.from_json(orjson.dumps(plain))
        changed.append(
            {
                "key": row.key,
                "dataset": target,
                "declared": None if target == parent else parent,
                "body": pack(record.to_json()),
                "stac_space": row.stac_space,
                "stac_id": row.stac_id,
            }
        )
        if row.scope == "observations" and row.stac_space != target:
            entering.append(record)
            changed[-1]["id"] = record.id
    names = stac_names(connection, entering)
    change = take_changes(connection, len(changed)) if changed else 0
    for number, each in enumerate(changed):
        each["change"] = change + number
        if id := each.pop("id", ""):
            each["stac_space"], each["stac_id"] = names[id]
    for part in parts(changed):
        bulk.change(connection, records, part)
