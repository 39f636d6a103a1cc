"""Reading records: by number, by id, by change, and as the bytes that faces serve."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson
from sqlalchemy import Row, Select, bindparam, func, select, text
from sqlalchemy.dialects import sqlite

from discovery.errors import GoneError, MovedError, NotFoundError
from discovery.model.quick import quick
from discovery.model.record import Record, record_id
from discovery.model.source import RawRecord
from discovery.store.bulk import parts
from discovery.store.codec import unpack
from discovery.store.connection import Database
from discovery.store.schema import meta, raws, records

MAX_CHANGE: Final = 2**63 - 1
_ISSUES: Final = b'"issues":'
_EXPORTED: Final = ("id", "source", "container", "source_id", "dataset", "kind", "title", "updated")

_SURROGATE: Final = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Stored:
    """A live record with what the store knows about it."""

    key: int
    record: Record
    harvested: int
    change: int
    stac_id: str
    stac_space: str


@dataclass(frozen=True, slots=True)
class Change:
    """One step of the store's history; `record` is None for a record that was deleted or merged away."""

    change: int
    key: int
    record: Record | None


_make_change: Final = quick(Change)


@dataclass(frozen=True, slots=True)
class Served:
    """A document as faces send it: `body` with fresh links put in place of `[start:end]`, before the kept `links`."""

    key: int
    id: str
    stac_id: str
    stac_space: str
    dataset: str
    body: bytes
    start: int
    end: int
    links: bytes
    media_type: str
    source_id: str = ""
    """What the source calls the document."""
    collection: str | None = None
    """What the document names as its collection; None means that its names must be looked for."""
    parent: str = ""
    """The STAC id of its dataset, empty where that is not here."""
    parent_kind: str = ""
    source: str = ""
    """Whose document it is."""


_make_served: Final = quick(Served)


@dataclass(frozen=True, slots=True)
class Named:
    """A live record by the names that STAC has for it."""

    key: int
    id: str
    kind: str
    stac_id: str


PRESENT: Final = records.c.deleted.is_(None)
"""What a source has, whether or not another record speaks for it."""
LIVE: Final = PRESENT & records.c.merged.is_(None)
"""What faces show."""
_STORED: Final = select(
    records.c.key, records.c.body, records.c.harvested, records.c.change, records.c.stac_id, records.c.stac_space
)
_BY_KEYS: Final = _STORED.where(records.c.key.in_(bindparam("keys", expanding=True)), LIVE)
# Statements are built once: building one takes longer than running it.
_GET: Final = _STORED.add_columns(records.c.deleted, records.c.merged).where(records.c.id == bindparam("id"))
_KEYS: Final = select(records.c.id, records.c.key).where(records.c.id.in_(bindparam("ids", expanding=True)), LIVE)
_SOURCE_IDS: Final = select(records.c.source_id).where(records.c.key.in_(bindparam("keys", expanding=True)), LIVE)
_NAMED: Final = select(records.c.key, records.c.id, records.c.kind, records.c.stac_id).where(
    records.c.stac_space == bindparam("space"), records.c.stac_id.in_(bindparam("ids", expanding=True)), LIVE
)
_BY_NAME: Final = select(records.c.id).where(
    records.c.stac_space == bindparam("space"),
    records.c.stac_id == bindparam("stac_id"),
    records.c.scope == bindparam("scope"),
)
_PARENTS: Final = (
    select(records.c.dataset).where(records.c.dataset.in_(bindparam("ids", expanding=True)), LIVE).distinct()
)
_PARENT: Final = records.alias("parent")
# Built once: who follows the store asks these several times for each edit, and building costs more than asking.
_CHANGES: Final = (
    select(records.c.change, records.c.key, records.c.body, records.c.deleted, records.c.merged)
    .where(
        records.c.scope == bindparam("scope"),
        records.c.change > bindparam("after"),
        records.c.change <= bindparam("until"),
    )
    .order_by(records.c.change)
    .limit(bindparam("most"))
)
_LAST_CHANGE: Final = select(meta.c.value).where(meta.c.name == "change")
_ANY_SERVED: Final = (
    select(
        records.c.key,
        records.c.id,
        records.c.stac_id,
        records.c.stac_space,
        records.c.dataset,
        raws.c.body,
        raws.c.public,
        raws.c.links_start,
        raws.c.links_end,
        raws.c.links,
        raws.c.media_type,
        records.c.source_id,
        raws.c.collection,
        _PARENT.c.stac_id.label("parent"),
        _PARENT.c.kind.label("parent_kind"),
        records.c.source,
    )
    .join(raws, raws.c.key == records.c.key)
    .outerjoin(
        _PARENT,
        (_PARENT.c.id == records.c.dataset) & _PARENT.c.deleted.is_(None) & _PARENT.c.merged.is_(None),
    )
    .where(LIVE, raws.c.links_start.is_not(None))
)
_NUMBERED: Final = (
    select(records.c.key, records.c.body).where(records.c.key > bindparam("after")).order_by(records.c.key)
)
_SERVED: Final = _ANY_SERVED.where(records.c.key.in_(bindparam("keys", expanding=True)))
# Past SQLAlchemy, which takes as long for the rows of a page as SQLite does.
_SERVED_IN_SQLITE: Final = str(
    _ANY_SERVED.where(text("records.key IN (SELECT value FROM json_each(?))")).compile(dialect=sqlite.dialect())
)
_SERVED_ITEM: Final = _ANY_SERVED.where(
    _PARENT.c.stac_space == "",
    _PARENT.c.stac_id == bindparam("collection"),
    records.c.stac_space == _PARENT.c.id,
    records.c.stac_id == bindparam("item"),
)


class Catalogue:
    """The records of a store, as they are read."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, id: str) -> Stored:
        """Return the live record with an id.

        Raises:
            NotFoundError: No record ever had it.
            GoneError: It was deleted.
            MovedError: It was merged into another one.
        """
        with self._database.read() as connection:
            row = connection.execute(_GET, {"id": _asked(id)}).first()
        if row is None:
            raise NotFoundError(f"no record {id[:64]!r}")
        if row.deleted is not None:
            raise GoneError(f"record {id} was deleted at its source")
        if row.merged is not None:
            raise MovedError(row.merged)
        return _stored(row)

    def find(self, source: str, container: str, source_id: str) -> Stored:
        """Return the live record that a source knows by its own id; raises as `get` does."""
        return self.get(record_id(source, container, source_id))

    def many(self, keys: Sequence[int]) -> dict[int, Stored]:
        """Return the live records with these keys; keys that are not live are left out."""
        with self._database.read() as connection:
            return {
                row[0]: _stored(row) for part in parts(keys) for row in connection.execute(_BY_KEYS, {"keys": part})
            }

    def source_ids(self, keys: Sequence[int]) -> list[str]:
        """Return what their sources call the live records with these keys, in no order."""
        with self._database.read() as connection:
            return [row.source_id for part in parts(keys) for row in connection.execute(_SOURCE_IDS, {"keys": part})]

    def keys(self, ids: Iterable[str]) -> dict[str, int]:
        """Return the key of each id that is live."""
        with self._database.read() as connection:
            return {
                row.id: row.key
                for part in parts(list(map(_asked, ids)))
                for row in connection.execute(_KEYS, {"ids": part})
            }

    def by_stac_id(self, space: str, stac_ids: Sequence[str]) -> dict[str, int]:
        """Return the keys of live records by their STAC ids; `space` is empty for collections, else a dataset's id."""
        return {each.stac_id: each.key for each in self.named(space, stac_ids)}

    def named(self, space: str, stac_ids: Sequence[str]) -> list[Named]:
        """Return the live records with these STAC ids; `space` is empty for collections, else a dataset's id."""
        with self._database.read() as connection:
            return [
                Named(row.key, row.id, row.kind, row.stac_id)
                for part in parts(list(map(_asked, stac_ids)))
                for row in connection.execute(_NAMED, {"space": _asked(space), "ids": part})
            ]

    def between(self, space: str, low: str = "", high: str | None = None, limit: int = 10_000) -> list[Named]:
        """Return the live records whose STAC ids are at least `low` and at most `high`, in their order; as `named`.

        Ids are compared as Python compares texts, whatever the order of the database.
        """
        statement = select(records.c.key, records.c.id, records.c.kind, records.c.stac_id).where(
            records.c.stac_space == _asked(space), LIVE
        )
        with self._database.read() as connection:
            found = (Named(row.key, row.id, row.kind, row.stac_id) for row in connection.execute(statement))
            kept = (each for each in found if low <= each.stac_id and (high is None or each.stac_id <= high))
            return sorted(kept, key=lambda each: each.stac_id)[:limit]

    def by_stac_item(self, stac_ids: Sequence[str]) -> list[int]:
        """Return the keys of live observations with these STAC ids in any collection."""
        statement = select(records.c.key).where(
            records.c.scope == "observations", records.c.stac_id.in_(bindparam("ids", expanding=True)), LIVE
        )
        with self._database.read() as connection:
            names = list(map(_asked, stac_ids))
            return [row.key for part in parts(names) for row in connection.execute(statement, {"ids": part})]

    def by_stac_name(self, scope: str, space: str, stac_id: str) -> str | None:
        """Return the id of the record that has a STAC id, or had it until it was deleted or merged; None if none."""
        names = {"space": _asked(space), "stac_id": _asked(stac_id), "scope": scope}
        with self._database.read() as connection:
            return connection.execute(_BY_NAME, names).scalar_one_or_none()

    def served(self, keys: Sequence[int]) -> dict[int, Served]:
        """Return the documents that came as STAC, ready for links; other records are left out."""
        with self._database.read() as connection:
            if connection.dialect.name == "sqlite":
                asked = (orjson.dumps(list(keys)).decode(),)
                rows = connection.exec_driver_sql(_SERVED_IN_SQLITE, asked).cursor.fetchall()
            else:
                rows = [row for part in parts(keys) for row in connection.execute(_SERVED, {"keys": part})]
        return {row[0]: _served(row) for row in rows}

    def served_item(self, collection: str, item: str) -> Served | None:
        """Return a live document by the STAC ids of its dataset and itself; None when it did not come as STAC."""
        with self._database.read() as connection:
            row = connection.execute(_SERVED_ITEM, {"collection": _asked(collection), "item": _asked(item)}).first()
        return None if row is None else _served(row)

    def raw(self, id: str) -> RawRecord:
        """Return what the source sent, for operators.

        Raises:
            NotFoundError: Nothing is stored under the id.
        """
        statement = (
            select(records.c.container, records.c.source_id, raws.c.body, raws.c.media_type, raws.c.url)
            .join(raws, raws.c.key == records.c.key)
            .where(records.c.id == _asked(id))
        )
        with self._database.read() as connection:
            row = connection.execute(statement).first()
        if row is None:
            raise NotFoundError(f"no record {id[:64]!r}")
        return RawRecord(row.container, row.source_id, unpack(row.body), row.media_type, row.url)

    def changes(self, scope: str, after: int, limit: int = 1000, *, until: int = MAX_CHANGE) -> list[Change]:
        """Return what happened in a scope after a change number, oldest first; each record once, in its last state."""
        asked = {"scope": scope, "after": after, "until": until, "most": limit}
        with self._database.read() as connection:
            rows = connection.execute(_CHANGES, asked).all()
        return [
            _make_change(change, key, Record.from_json(unpack(body)) if deleted is None and merged is None else None)
            for change, key, body, deleted, merged in rows
        ]

    def last_change(self) -> int:
        """Return the newest change number of the store."""
        with self._database.read() as connection:
            value = connection.execute(_LAST_CHANGE).scalar()
        return int(value or 0)

    def pending(self, scope: str, after: int) -> int:
        """Return how many records of a scope have changed after a change number."""
        statement = select(func.count()).where(records.c.scope == scope, records.c.change > after)
        with self._database.read() as connection:
            return connection.execute(statement).scalar_one()

    def export(self, scope: str | None = None) -> Iterator[Mapping[str, Any]]:
        """Yield one flat row for each live record in order of their numbers, in bounded memory."""
        columns = records.c
        statement = (
            select(
                columns.key,
                columns.id,
                columns.source,
                columns.container,
                columns.source_id,
                columns.dataset,
                columns.kind,
                columns.title,
                columns.updated,
            )
            .where(LIVE, columns.key > bindparam("after"))
            .order_by(columns.key)
            .limit(1000)
        )
        if scope is not None:
            statement = statement.where(columns.scope == scope)
        for rows in self._portions(statement):
            for row in rows:
                yield dict(zip(_EXPORTED, row[1:], strict=True))

    def walk(self, portion: int = 500) -> Iterator[list[Record]]:
        """Yield the live records in order of their numbers, some at a time, in bounded memory."""
        statement = _NUMBERED.where(LIVE).limit(portion)
        for rows in self._portions(statement):
            yield [Record.from_json(unpack(row.body)) for row in rows]

    def warned(self, source: str | None = None, portion: int = 500) -> Iterator[Record]:
        """Yield the records, of a source or all, that have warnings, in order of their numbers; every body is read."""
        statement = _NUMBERED.where(PRESENT).limit(portion)
        if source is not None:
            statement = statement.where(records.c.source == source)
        for rows in self._portions(statement):
            bodies = (unpack(row.body) for row in rows)
            # Most have none, and need not be read whole to say so.
            found = (Record.from_json(body) for body in bodies if _ISSUES in body)
            yield from (each for each in found if each.issues)

    def _portions(self, statement: Select[Any]) -> Iterator[Sequence[Row[Any]]]:
        """Yield what a statement finds behind each number, portion by portion; nothing is held open in between.

        Args:
            statement: With a limit, the number as its first column and order, and the parameter `after`.
        """
        after = 0
        while True:
            with self._database.read() as connection:
                rows = connection.execute(statement, {"after": after}).all()
            if not rows:
                return
            yield rows
            after = rows[-1].key

    def parents(self, ids: Collection[str]) -> set[str]:
        """Return those of some ids that a live record names as its parent."""
        with self._database.read() as connection:
            return {
                row.dataset
                for part in parts(list(map(_asked, ids)))
                for row in connection.execute(_PARENTS, {"ids": part})
            }

    def raws(self, source: str | None = None) -> Iterator[tuple[str, str, RawRecord]]:
        """Yield `(source, id, raw)` of every record that its source still has, in order of their numbers."""
        statement = (
            select(
                records.c.key,
                records.c.id,
                records.c.source,
                records.c.container,
                records.c.source_id,
                raws.c.body,
                raws.c.media_type,
                raws.c.url,
            )
            .join(raws, raws.c.key == records.c.key)
            .where(PRESENT, records.c.key > bindparam("after"))
            .order_by(records.c.key)
            .limit(500)
        )
        if source is not None:
            # Written so that no index serves it: SQLite would sort all that the source has for each of these portions.
            statement = statement.where((records.c.source + "") == source)
        after = 0
        while True:
            with self._database.read() as connection:
                rows = connection.execute(statement, {"after": after}).all()
            for row in rows:
                raw = RawRecord(row.container, row.source_id, unpack(row.body), row.media_type, row.url)
                yield row.source, row.id, raw
            if not rows:
                return
            after = rows[-1].key

    def counts(self) -> dict[str, dict[str, int]]:
        """Return how many records each source has here, by kind, whether or not others speak for them."""
        statement = (
            select(records.c.source, records.c.kind, func.count().label("n"))
            .where(PRESENT)
            .group_by(records.c.kind, records.c.source)
        )
        out: dict[str, dict[str, int]] = {}
        with self._database.read() as connection:
            for row in connection.execute(statement):
                out.setdefault(row.source, {})[row.kind] = row.n
        return out

    def live(self, scope: str) -> int:
        """Return how many live records a scope has."""
        statement = select(func.count()).where(records.c.scope == scope, LIVE)
        with self._database.read() as connection:
            return connection.execute(statement).scalar_one()


def _asked(name: str) -> str:
    """Return a name as a database can be asked for it; what no record can be called is asked for as nothing at all.

    JSON can hold half a character, which no database takes, and PostgreSQL takes no NUL either.
    """
    return "" if "\0" in name or (not name.isascii() and _SURROGATE.search(name)) else name


def _stored(row: Row[*tuple[Any, ...]]) -> Stored:
    # By place: names are looked up anew for each row, and a page has a hundred.
    key, body, harvested, change, stac_id, stac_space = row[:6]
    return Stored(key, Record.from_json(unpack(body)), harvested, change, stac_id, stac_space)


def _served(row: Row[*tuple[Any, ...]] | tuple[Any, ...]) -> Served:
    # By place, as the columns of _ANY_SERVED stand.
    key, id, stac_id, space, dataset, body, public, start, end, links, media_type, source_id, named, *parent = row
    return _make_served(
        key,
        id,
        stac_id,
        space,
        dataset,
        unpack(body if public is None else public),
        start,
        end,
        b"" if links is None else unpack(links),
        media_type,
        source_id,
        named,
        parent[0] or "",
        parent[1] or "",
        parent[2],
    )
