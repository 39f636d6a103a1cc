"""Writing records: a page of a harvest with its cursor and its change numbers is one transaction."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from typing import Any, Final, NamedTuple

import orjson
from sqlalchemy import ColumnElement, Connection, bindparam, delete, func, insert, select, tuple_, update

from discovery.errors import ConflictError
from discovery.model.extent import Extent
from discovery.model.record import Record, record_id, scope_of
from discovery.model.source import Checkpoint, Counts, Mapped, Quarantined, RawRecord
from discovery.store import bulk, footprints
from discovery.store.bulk import parts
from discovery.store.catalogue import PRESENT
from discovery.store.codec import pack, storable
from discovery.store.connection import Database
from discovery.store.schema import cursors, meta, quarantine, raws, records, runs

_MAPPED: Final = 16
"""Bytes of a fingerprint that speak of the mapped record; those behind them speak of the bytes as sent."""
MAX_QUARANTINED_BODY: Final = 1024 * 1024
"""Bytes kept of an element in quarantine; the rest of a larger one is only noise for whoever reads it."""
_LONGEST: Final = 1000
"""Bytes of a STAC id; PostgreSQL has no room for more than 2,700 in an entry of an index."""
# Statements are built once: building one takes longer than running it.
_ANY_HELD: Final = select(quarantine.c.id).where(quarantine.c.source == bindparam("source")).limit(1)
_HELD: Final = select(quarantine.c.id, quarantine.c.container, quarantine.c.source_id).where(
    quarantine.c.source == bindparam("source"), quarantine.c.source_id.in_(bindparam("ids", expanding=True))
)
# Past SQLAlchemy, which writes a statement with a place for each value anew each time: a page asks for hundreds.
_KNOWN_TO_SQLITE: Final = (
    "SELECT r.id, r.key, r.hash, r.deleted IS NULL, r.scope, r.walk "
    "FROM json_each(?) AS asked CROSS JOIN records AS r ON r.id = asked.value"
)
_TAKEN_IN_SQLITE: Final = (
    "SELECT r.stac_id FROM json_each(?) AS asked "
    "CROSS JOIN records AS r ON r.stac_space = ? AND r.stac_id = asked.value"
)


def now() -> int:
    """Return this moment in UTC milliseconds."""
    return time.time_ns() // 1_000_000


class Ingest:
    """The records of a store, as they are written."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def page(
        self,
        source: str,
        run: int,
        mapped: Sequence[Mapped],
        quarantined: Sequence[Quarantined] = (),
        *,
        checkpoint: Checkpoint | None = None,
        partition: str = "",
        gone: Sequence[str] = (),
    ) -> Counts:
        """Store one page of a walk, all of it or none; records in `gone` get a tombstone with it.

        Doing the same page again changes nothing, so a run that was killed may repeat its last page. When an id occurs
        twice on the page the last one wins, as it would over two pages.
        """
        walk = checkpoint.walk if checkpoint else run
        latest = self._arrived(mapped)
        with self._database.write() as connection:
            counts = _upsert(connection, walk, latest)
            _release(connection, source, [each.mapped.raw for each in latest.values()])
            _hold(connection, source, run, quarantined)
            _spare(connection, source, walk, quarantined)
            deleted = _live(connection, source, gone)
            if deleted:
                _bury(connection, deleted)
            if checkpoint is not None:
                _remember(connection, source, partition, checkpoint)
        warnings = sum(len(each.mapped.record.issues) for each in latest.values())
        seen = len(mapped) + len(quarantined)
        return counts + Counts(seen, deleted=len(deleted), quarantined=len(quarantined), warnings=warnings)

    def foresee(self, mapped: Sequence[Mapped]) -> Counts:
        """Return what storing these would add, change and leave as it is, and store nothing."""
        latest = {each.record.id: _Arrived(each) for each in mapped}
        with self._database.read() as connection:
            known = _known(connection, list(latest))
        same = sum(
            each.live and latest[id].fingerprint[:_MAPPED] == each.digest[:_MAPPED] for id, each in known.items()
        )
        return Counts(added=len(latest) - len(known), updated=len(known) - same, unchanged=same)

    def checkpoint(self, source: str, partition: str = "") -> Checkpoint | None:
        """Return where the walk over a partition stands; None when none is under way."""
        statement = select(cursors.c.walk, cursors.c.position).where(
            cursors.c.source == source, cursors.c.partition == partition
        )
        with self._database.read() as connection:
            row = connection.execute(statement).first()
        return None if row is None else Checkpoint(row.walk, orjson.loads(row.position))

    def checkpoints(self, source: str) -> dict[str, Checkpoint]:
        """Return where the walk over each partition of a source stands; empty when none is under way."""
        statement = select(cursors.c.partition, cursors.c.walk, cursors.c.position).where(cursors.c.source == source)
        with self._database.read() as connection:
            return {
                row.partition: Checkpoint(row.walk, orjson.loads(row.position)) for row in connection.execute(statement)
            }

    def here(self, source: str, walk: int, ids: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
        """Say that a walk has seen these elements, as container and id, and return those that are not known.

        What is in quarantine is known.
        """
        named = {record_id(source, container, source_id): (container, source_id) for container, source_id in ids}
        seen = update(records).where(records.c.id.in_(bindparam("ids", expanding=True)), PRESENT)
        known = select(records.c.id).where(records.c.id.in_(bindparam("ids", expanding=True)), PRESENT)
        held = select(quarantine.c.container, quarantine.c.source_id).where(
            quarantine.c.source == source, quarantine.c.source_id.in_(bindparam("ids", expanding=True))
        )
        with self._database.write() as connection:
            for part in parts(list(named)):
                connection.execute(seen.values(walk=walk, missing=0), {"ids": part})
                for id in connection.execute(known, {"ids": part}).scalars():
                    del named[id]
            for part in parts(sorted({source_id for _, source_id in named.values()})):
                for container, source_id in connection.execute(held, {"ids": part}):
                    named.pop(record_id(source, container, source_id), None)
        return list(named.values())

    def missing(self, source: str, walk: int) -> tuple[int, int]:
        """Return how many live records of a source a walk did not see, and how many live ones it has in all."""
        lives = select(func.count()).where(records.c.source == source, PRESENT)
        with self._database.read() as connection:
            unseen = connection.execute(lives.where(records.c.walk < walk)).scalar_one()
            return unseen, connection.execute(lives).scalar_one()

    def finish(self, source: str, walk: int, *, sweep: bool, now_gone: bool = False, release: bool = True) -> int:
        """End a complete walk: forget its cursors and, when `sweep`, take one step towards deleting what it missed.

        A record that two complete walks in a row have missed gets a tombstone; `now_gone` does both steps at once.
        What is in quarantine since before a walk that is swept has not come again, so it is let go unless the walk
        met only ids (`release`).

        Returns:
            The number of tombstones made.
        """
        with self._database.write() as connection:
            connection.execute(delete(cursors).where(cursors.c.source == source))
            if not sweep:
                return 0
            if release:
                connection.execute(delete(quarantine).where(quarantine.c.source == source, quarantine.c.run < walk))
            unseen = (records.c.source == source) & (records.c.walk < walk) & PRESENT
            gone = unseen if now_gone else unseen & (records.c.missing >= 1)
            deleted = _bury_all(connection, gone)
            connection.execute(update(records).where(unseen).values(missing=records.c.missing + 1))
        return deleted

    def remove(self, source: str) -> int:
        """Give every live record of a source a tombstone; forget its cursors, its quarantine and how far it was read.

        A source of its name that comes later is read whole: what has changed since an earlier walk is not all of it.
        """
        with self._database.write() as connection:
            connection.execute(update(runs).where(runs.c.source == source).values(mode=None, began=None, setup=None))
            deleted = _bury_all(connection, (records.c.source == source) & PRESENT)
            connection.execute(delete(cursors).where(cursors.c.source == source))
            connection.execute(delete(quarantine).where(quarantine.c.source == source))
        return deleted

    def remap(self, mapped: Sequence[Mapped]) -> Counts:
        """Store records that were mapped again from their raw bytes; unchanged ones keep their change number."""
        latest = self._arrived(mapped)
        with self._database.write() as connection:
            return _upsert(connection, None, latest) + Counts(seen=len(mapped))

    def edit(
        self,
        source: str,
        mapped: Sequence[Mapped] = (),
        *,
        expected: Mapping[str, int | None],
        gone: Sequence[str] = (),
        emptied: str | None = None,
    ) -> Counts:
        """Store records that somebody wrote by hand and give others a tombstone, all of it or none.

        Args:
            source: Whose records they are; nothing of other sources is changed.
            mapped: What is written.
            expected: For each record that matters, written or not: the change number that the writer knows it by, None
                for one that must not be there and whose STAC id must be free.
            gone: The ids of records that go.
            emptied: A container; all that is in it goes.

        Raises:
            ConflictError: A record is not as it was expected, or has a name that is taken; the message says which.
        """
        latest = self._arrived(mapped)
        with self._database.write() as connection:
            # Whoever else writes waits from here on, so that what is found now holds until the end.
            take_changes(connection, 0)
            _meet(connection, expected, [each.mapped.record for each in latest.values()])
            counts = _upsert(connection, None, latest)
            _bury(connection, buried := _live(connection, source, gone))
            count = len(buried)
            if emptied is not None:
                inside = (records.c.source == source) & (records.c.container == storable(emptied)) & PRESENT
                count += _bury_all(connection, inside)
        return counts + Counts(seen=len(mapped), deleted=count)

    def within(
        self, connection: Connection, source: str, mapped: Sequence[Mapped] = (), *, gone: Sequence[str] = ()
    ) -> Counts:
        """Store records and give others a tombstone as a part of what the caller writes, all of it or none."""
        counts = _upsert(connection, None, self._arrived(mapped))
        _bury(connection, buried := _live(connection, source, gone))
        return counts + Counts(seen=len(mapped), deleted=len(buried))

    def _arrived(self, mapped: Sequence[Mapped]) -> dict[str, _Arrived]:
        """Return the last record of each id, ready to be stored."""
        latest = {each.record.id: _Arrived(each) for each in mapped}
        if self._database.on_server:
            # Others on other machines wait while we write, so what can be made before is made before.
            with self._database.read() as connection:
                known = _known(connection, list(latest))
            for id, each in latest.items():
                if id not in known or known[id].digest != each.fingerprint:
                    each.pack()
        return latest


class _Arrived:
    """A record that is about to be stored, and its stored form."""

    __slots__ = ("_packed", "fingerprint", "mapped")

    def __init__(self, mapped: Mapped) -> None:
        self.mapped = mapped
        self.fingerprint = _fingerprint(mapped)
        self._packed: tuple[bytes, dict[str, Any]] | None = None

    def pack(self) -> tuple[bytes, dict[str, Any]]:
        """Return the stored body and the columns of what was sent; they are made once, and not where nobody asks."""
        if self._packed is None:
            self._packed = (pack(self.mapped.body or self.mapped.record.to_json()), _raw_columns(self.mapped))
        return self._packed


def _upsert(connection: Connection, walk: int | None, latest: Mapping[str, _Arrived]) -> Counts:
    known = _known(connection, list(latest))
    fresh = [each for id, each in latest.items() if id not in known]
    changed: list[tuple[int, _Arrived]] = []
    moved: list[tuple[_Known, _Arrived]] = []
    same: list[int] = []
    reworded: list[tuple[int, _Arrived]] = []
    for id, stored in known.items():
        each = latest[id]
        if stored.scope != scope_of(each.mapped.record.kind):
            moved.append((stored, each))
        elif stored.live and each.fingerprint[:_MAPPED] == stored.digest[:_MAPPED]:
            same.append(stored.key)
            if each.fingerprint != stored.digest:
                reworded.append((stored.key, each))
        else:
            changed.append((stored.key, each))
    change = take_changes(connection, len(fresh) + len(changed) + 2 * len(moved))
    moment = now()
    _add(connection, fresh, walk or 0, change, moment)
    _change(connection, changed, walk, change + len(fresh), moment)
    _move(connection, moved, walk, change + len(fresh) + len(changed), moment)
    _reword(connection, reworded)
    if walk is not None:
        seen = update(records).where(records.c.key.in_(bindparam("keys", expanding=True)))
        for part in parts(same):
            connection.execute(seen.values(walk=walk, missing=0), {"keys": part})
    return Counts(added=len(fresh), updated=len(changed) + len(moved), unchanged=len(same))


def _meet(connection: Connection, expected: Mapping[str, int | None], written: Sequence[Record]) -> None:
    """Raise ConflictError where records are not as is expected, or new ones cannot have the ids that they came with."""
    columns = (records.c.id, records.c.change, records.c.deleted, records.c.merged, records.c.source_id)
    found = select(*columns).where(records.c.id.in_(bindparam("ids", expanding=True)))
    known = {row.id: row for part in parts(list(expected)) for row in connection.execute(found, {"ids": part})}
    for id, change in expected.items():
        row = known.get(id)
        if change is None and row is not None and row.deleted is None:
            raise ConflictError(f"{row.source_id[:200]!r} is here already")
        if change is not None and (row is None or (row.deleted, row.merged, row.change) != (None, None, change)):
            raise ConflictError(f"record {id} was changed meanwhile: read it again, then write it")
    names = {(_space(each), _fitting(each.source_id)): each.source_id for each in written if each.id not in known}
    if taken := sorted(names[place] for place in _taken(connection, sorted(names))):
        raise ConflictError(f"{taken[0][:200]!r} is, or was, the id of something else here: take another one")


def _fingerprint(each: Mapped) -> bytes:
    """Return what tells a change: of the record first, then of the bytes it came from and how they are served."""
    splice = each.splice
    parts = (each.raw.body, splice.links, splice.public or b"") if splice else (each.raw.body,)
    meaning = hashlib.sha256(each.body).digest()[:_MAPPED] if each.body and not each.record.issues else None
    return (meaning or each.record.fingerprint()) + hashlib.sha256(b"\0".join(parts)).digest()[:8]


class _Known(NamedTuple):
    """What is stored under an id, as far as it decides what becomes of a record."""

    key: int
    digest: bytes
    live: bool
    scope: str
    walk: int


def _known(connection: Connection, ids: Sequence[str]) -> dict[str, _Known]:
    if connection.dialect.name == "sqlite":
        found = connection.exec_driver_sql(_KNOWN_TO_SQLITE, (orjson.dumps(ids).decode(),)).cursor.fetchall()
        return {id: _Known(key, digest, bool(live), scope, walk) for id, key, digest, live, scope, walk in found}
    columns = records.c
    statement = select(
        columns.id, columns.key, columns.hash, columns.deleted.is_(None).label("live"), columns.scope, columns.walk
    ).where(columns.id.in_(bindparam("ids", expanding=True)))
    return {
        row.id: _Known(row.key, row.hash, bool(row.live), row.scope, row.walk)
        for part in parts(ids)
        for row in connection.execute(statement, {"ids": part})
    }


def take_changes(connection: Connection, count: int) -> int:
    """Return the first of `count` new change numbers; the write lock is held, so they become visible in order."""
    value = connection.execute(select(meta.c.value).where(meta.c.name == "change").with_for_update()).scalar()
    if value is None:
        connection.execute(insert(meta).values(name="change", value=str(count)))
        return 1
    if count:
        connection.execute(update(meta).where(meta.c.name == "change").values(value=str(int(value) + count)))
    return int(value) + 1


def _columns(each: _Arrived, change: int, moment: int) -> dict[str, Any]:
    record = each.mapped.record
    return {
        "kind": record.kind,
        "scope": scope_of(record.kind),
        "dataset": storable(record.dataset),
        "title": storable(record.title),
        "updated": record.updated if record.updated is not None else record.metadata_updated,
        "harvested": moment,
        "change": change,
        "hash": each.fingerprint,
        "body": each.pack()[0],
    }


def _raw_columns(each: Mapped) -> dict[str, Any]:
    splice = each.splice
    return {
        "body": pack(each.raw.body),
        "media_type": storable(each.raw.media_type),
        "url": storable(each.raw.url),
        "public": pack(splice.public) if splice and splice.public is not None else None,
        "links_start": splice.start if splice else None,
        "links_end": splice.end if splice else None,
        "links": pack(splice.links) if splice and splice.links else None,
        "collection": storable(splice.collection) if splice and splice.collection is not None else None,
    }


def _add(connection: Connection, fresh: Sequence[_Arrived], walk: int, change: int, moment: int) -> None:
    if not fresh:
        return
    names = stac_names(connection, [each.mapped.record for each in fresh])
    rows = [
        {
            "id": record.id,
            "source": storable(record.source),
            "container": storable(record.container),
            "source_id": storable(record.source_id),
            "stac_space": names[record.id][0],
            "stac_id": names[record.id][1],
            "walk": walk,
            "missing": 0,
            **_columns(each, change + n, moment),
        }
        for n, each in enumerate(fresh)
        for record in (each.mapped.record,)
    ]
    keys = bulk.add_named(connection, records, rows)
    bulk.add(connection, raws, [{"key": keys[each.mapped.record.id], **each.pack()[1]} for each in fresh])
    places = [(keys[each.mapped.record.id], each.mapped.record.extent) for each in fresh]
    footprints.add(connection, places)


def _change(
    connection: Connection,
    changed: Sequence[tuple[int, _Arrived]],
    walk: int | None,
    change: int,
    moment: int,
) -> None:
    if not changed:
        return
    rows = [
        {"key": key, "missing": 0, "deleted": None, "declared": None, **_columns(each, change + n, moment)}
        for n, (key, each) in enumerate(changed)
    ]
    if walk is not None:
        for row in rows:
            row["walk"] = walk
    bulk.change(connection, records, rows)
    _replace_raws(connection, changed)
    footprints.replace(connection, [(key, each.mapped.record.extent) for key, each in changed])


def _move(
    connection: Connection, moved: Sequence[tuple[_Known, _Arrived]], walk: int | None, change: int, moment: int
) -> None:
    """Store records whose kind is now one of the other scope: there they are new, here they leave a tombstone.

    An engine follows the changes of one scope, so whoever only wrote the new scope into the row would leave it in the
    old index for ever. The tombstone has the key and an id that no record has; the id of the record goes on.
    """
    for n, (stored, each) in enumerate(moved):
        left = {"id": f"{each.mapped.record.id}-{stored.key}", "change": change + 2 * n, "deleted": moment}
        connection.execute(update(records).where(records.c.key == stored.key).values(left))
        connection.execute(delete(raws).where(raws.c.key == stored.key))
        footprints.replace(connection, [(stored.key, Extent())])
        _add(connection, [each], stored.walk if walk is None else walk, change + 2 * n + 1, moment)


def _reword(connection: Connection, reworded: Sequence[tuple[int, _Arrived]]) -> None:
    """Keep the newest bytes of records that mean the same as before; nothing that is searched has changed."""
    bulk.change(connection, records, [{"key": key, "hash": each.fingerprint} for key, each in reworded])
    _replace_raws(connection, reworded)


def _replace_raws(connection: Connection, changed: Sequence[tuple[int, _Arrived]]) -> None:
    bulk.change(connection, raws, [{"key": key, **each.pack()[1]} for key, each in changed])


def stac_names(connection: Connection, fresh: Sequence[Record]) -> dict[str, tuple[str, str]]:
    """Return (space, STAC id) for new records: the id as sent while nobody has it, else one that says whose it is.

    The name is given once, at the first ingest, so that links to it hold; it changes only where an observation goes
    to another dataset.
    """
    wanted = {record.id: (_space(record), _fitting(record.source_id)) for record in fresh}
    used = _taken(connection, sorted(set(wanted.values())))
    out: dict[str, tuple[str, str]] = {}
    for record in fresh:
        place = wanted[record.id]
        longer = _longer_names(record)
        # Only the ids as sent were asked for at once; the longer ones are rare enough to be asked one by one.
        while place in used:
            place = (place[0], _fitting(next(longer)))
            used |= _taken(connection, [place])
        used.add(place)
        out[record.id] = place
    return out


def _space(record: Record) -> str:
    return storable(record.dataset) if record.kind == "observation" else ""


def _taken(connection: Connection, places: Sequence[tuple[str, str]]) -> set[tuple[str, str]]:
    """Return those of the pairs of space and STAC id that somebody has."""
    if connection.dialect.name == "sqlite":
        spaces: dict[str, list[str]] = {}
        for space, name in places:
            spaces.setdefault(space, []).append(name)
        asked = ((space, (orjson.dumps(names).decode(), space)) for space, names in spaces.items())
        return {
            (space, name)
            for space, values in asked
            for (name,) in connection.exec_driver_sql(_TAKEN_IN_SQLITE, values).cursor.fetchall()
        }
    pairs = tuple_(records.c.stac_space, records.c.stac_id)
    statement = select(records.c.stac_space, records.c.stac_id).where(pairs.in_(bindparam("places", expanding=True)))
    return {
        (space, name)
        for part in parts(places, width=2)
        for space, name in connection.execute(statement, {"places": list(part)})
    }


def _fitting(name: str) -> str:
    """Return a name as every database can index it: of a very long one the beginning, and a digest of the whole."""
    name = storable(name)
    if len(name) <= _LONGEST // 4 or len(encoded := name.encode()) <= _LONGEST:
        return name
    return f"{name[: _LONGEST // 8]}~{hashlib.sha256(encoded).hexdigest()[:32]}"


def _longer_names(record: Record) -> Iterator[str]:
    """Yield names that say whose a record is; numbered ones follow, since a source may send the first as an id."""
    whole = f"{record.source}.{record.container}.{record.source_id}"
    yield whole
    yield from (f"{whole}.{number}" for number in count(2))


def _live(connection: Connection, source: str, ids: Sequence[str]) -> list[int]:
    """Return the keys of a source's live records among some ids."""
    # Asked for the source as well, SQLite would go through all that it has instead of these ids.
    found = select(records.c.key, records.c.source).where(PRESENT, records.c.id.in_(bindparam("ids", expanding=True)))
    rows = (row for part in parts(list(ids)) for row in connection.execute(found, {"ids": part}))
    return [row.key for row in rows if row.source == source]


def _bury_all(connection: Connection, gone: ColumnElement[bool]) -> int:
    """Give whatever is gone a tombstone, in one statement however much it is, and return how many they are."""
    number = connection.execute(select(func.count()).where(gone)).scalar_one()
    change = take_changes(connection, number)
    if number:
        rank = func.row_number().over(order_by=records.c.key) - 1
        ranked = select(records.c.key, rank.label("rank")).where(gone).subquery()
        tombstone = update(records).where(records.c.key == ranked.c.key)
        connection.execute(tombstone.values(change=change + ranked.c.rank, deleted=now()))
    return number


def _bury(connection: Connection, keys: Sequence[int]) -> None:
    change = take_changes(connection, len(keys))
    if not keys:
        return
    moment = now()
    rows = [{"key": key, "change": change + n, "deleted": moment} for n, key in enumerate(keys)]
    for part in parts(rows):
        bulk.change(connection, records, part)


def _remember(connection: Connection, source: str, partition: str, checkpoint: Checkpoint) -> None:
    values = {
        "walk": checkpoint.walk,
        "position": orjson.dumps(dict(checkpoint.position)).decode(),
        "updated": now(),
    }
    here = (cursors.c.source == source) & (cursors.c.partition == partition)
    if connection.execute(update(cursors).where(here).values(values)).rowcount == 0:
        connection.execute(insert(cursors).values(source=source, partition=partition, **values))


def _hold(connection: Connection, source: str, run: int, quarantined: Sequence[Quarantined]) -> None:
    """Keep elements with their reasons, one a place: the last of several, and how many there were."""
    moment = now()
    rows: dict[tuple[str, ...], dict[str, Any]] = {}
    for each in quarantined:
        raw, issue = each.raw, each.issue
        place = (storable(raw.container), storable(raw.source_id), storable(raw.position))
        before = rows.pop(place, None)
        rows[place] = {
            "source": storable(source),
            "container": place[0],
            "source_id": place[1],
            "position": place[2],
            "run": run,
            "stage": each.stage,
            "code": storable(issue.code),
            "message": storable(issue.message),
            "path": storable(issue.path),
            "body": pack(raw.body[:MAX_QUARANTINED_BODY]),
            "media_type": storable(raw.media_type),
            "first_seen": moment,
            "last_seen": moment,
            "attempts": 1 + (before["attempts"] if before else 0),
        }
    place_columns = ("source", "container", "source_id", "position")
    bulk.put(connection, quarantine, list(rows.values()), place=place_columns, once=("first_seen",))


def _spare(connection: Connection, source: str, walk: int, quarantined: Sequence[Quarantined]) -> None:
    """Count records as seen whose new version is in quarantine: they are spoilt at the source, not gone."""
    ids = [record_id(source, each.raw.container, each.raw.source_id) for each in quarantined if each.raw.source_id]
    seen = update(records).where(records.c.id.in_(bindparam("ids", expanding=True)), PRESENT)
    for part in parts(ids):
        connection.execute(seen.values(walk=walk, missing=0), {"ids": part})


def _release(connection: Connection, source: str, arrived: Sequence[RawRecord]) -> None:
    """Let go of quarantined elements whose record has now arrived whole."""
    if connection.execute(_ANY_HELD, {"source": source}).first() is None:
        return
    places = {(storable(each.container), storable(each.source_id)) for each in arrived if each.source_id}
    free = [
        id
        for part in parts(sorted({source_id for _, source_id in places}))
        for id, container, source_id in connection.execute(_HELD, {"source": source, "ids": part})
        if (container, source_id) in places
    ]
    for some in parts(free):
        connection.execute(delete(quarantine).where(quarantine.c.id.in_(some)))
