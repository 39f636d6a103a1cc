"""Writing records: a page of a harvest with its cursor and its change numbers is one transaction."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from typing import Any, Final, NamedTuple

import orjson
from sqlalchemy import Connection, bindparam, delete, func, insert, literal, select, update

from discovery.model.record import Record, record_id, scope_of
from discovery.model.source import Checkpoint, Counts, Mapped, Quarantined
from discovery.store.catalogue import LIVE, parts
from discovery.store.codec import pack
from discovery.store.connection import Database
from discovery.store.schema import cursors, meta, quarantine, raws, records

_MAPPED: Final = 16
"""Bytes of a fingerprint that speak of the mapped record; those behind them speak of the bytes as sent."""
MAX_QUARANTINED_BODY: Final = 1024 * 1024
"""Bytes kept of an element in quarantine; the rest of a larger one is only noise for whoever reads it."""


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
    ) -> Counts:
        """Store one page of a walk, all of it or none.

        Doing the same page again changes nothing, so a run that was killed may repeat its last page. When an id occurs
        twice on the page the last one wins, as it would over two pages.
        """
        walk = checkpoint.walk if checkpoint else run
        latest = {each.record.id: each for each in mapped}
        with self._database.write() as connection:
            counts = _upsert(connection, source, walk, latest)
            _release(connection, source, list(latest.values()))
            for each in quarantined:
                _hold(connection, source, run, each)
            _spare(connection, source, walk, quarantined)
            if checkpoint is not None:
                _remember(connection, source, partition, checkpoint)
        warnings = sum(len(each.record.issues) for each in latest.values())
        return counts + Counts(seen=len(mapped) + len(quarantined), quarantined=len(quarantined), warnings=warnings)

    def checkpoint(self, source: str, partition: str = "") -> Checkpoint | None:
        """Return where the walk over a partition stands; None when none is under way."""
        statement = select(cursors.c.walk, cursors.c.position).where(
            cursors.c.source == source, cursors.c.partition == partition
        )
        with self._database.read() as connection:
            row = connection.execute(statement).first()
        return None if row is None else Checkpoint(row.walk, orjson.loads(row.position))

    def here(self, source: str, walk: int, ids: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
        """Say that a walk has seen these elements, as container and id, and return those that are not known.

        What is in quarantine is known.
        """
        named = {record_id(source, container, source_id): (container, source_id) for container, source_id in ids}
        seen = update(records).where(records.c.id.in_(bindparam("ids", expanding=True)), LIVE)
        known = select(records.c.id).where(records.c.id.in_(bindparam("ids", expanding=True)), LIVE)
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
        lives = select(func.count()).where(records.c.source == source, LIVE)
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
            unseen = (records.c.source == source) & (records.c.walk < walk) & LIVE
            gone = unseen if now_gone else unseen & (records.c.missing >= 1)
            keys = list(connection.execute(select(records.c.key).where(gone)).scalars())
            _bury(connection, keys)
            connection.execute(update(records).where(unseen).values(missing=records.c.missing + 1))
        return len(keys)

    def remove(self, source: str) -> int:
        """Give every live record of a source a tombstone, and forget its cursors and quarantine."""
        with self._database.write() as connection:
            keys = list(connection.execute(select(records.c.key).where(records.c.source == source, LIVE)).scalars())
            _bury(connection, keys)
            connection.execute(delete(cursors).where(cursors.c.source == source))
            connection.execute(delete(quarantine).where(quarantine.c.source == source))
        return len(keys)

    def remap(self, mapped: Sequence[Mapped]) -> Counts:
        """Store records that were mapped again from their raw bytes; unchanged ones keep their change number."""
        latest = {each.record.id: each for each in mapped}
        with self._database.write() as connection:
            return _upsert(connection, "", None, latest) + Counts(seen=len(mapped))


def _upsert(connection: Connection, source: str, walk: int | None, latest: Mapping[str, Mapped]) -> Counts:
    known = _known(connection, list(latest))
    fresh = [each for id, each in latest.items() if id not in known]
    changed: list[tuple[int, Mapped, bytes]] = []
    moved: list[tuple[_Known, Mapped]] = []
    same: list[int] = []
    reworded: list[tuple[int, Mapped, bytes]] = []
    for id, stored in known.items():
        each = latest[id]
        fingerprint = _fingerprint(each)
        if stored.scope != scope_of(each.record.kind):
            moved.append((stored, each))
        elif stored.live and fingerprint[:_MAPPED] == stored.digest[:_MAPPED]:
            same.append(stored.key)
            if fingerprint != stored.digest:
                reworded.append((stored.key, each, fingerprint))
        else:
            changed.append((stored.key, each, fingerprint))
    change = _take_changes(connection, len(fresh) + len(changed) + 2 * len(moved))
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
    columns = records.c
    statement = select(
        columns.id, columns.key, columns.hash, columns.deleted.is_(None).label("live"), columns.scope, columns.walk
    ).where(columns.id.in_(bindparam("ids", expanding=True)))
    return {
        row.id: _Known(row.key, row.hash, bool(row.live), row.scope, row.walk)
        for part in parts(ids)
        for row in connection.execute(statement, {"ids": part})
    }


def _take_changes(connection: Connection, count: int) -> int:
    """Return the first of `count` new change numbers; the write lock is held, so they become visible in order."""
    value = connection.execute(select(meta.c.value).where(meta.c.name == "change").with_for_update()).scalar()
    if value is None:
        connection.execute(insert(meta).values(name="change", value=str(count)))
        return 1
    if count:
        connection.execute(update(meta).where(meta.c.name == "change").values(value=str(int(value) + count)))
    return int(value) + 1


def _columns(each: Mapped, fingerprint: bytes, change: int, moment: int) -> dict[str, Any]:
    record = each.record
    return {
        "kind": record.kind,
        "scope": scope_of(record.kind),
        "dataset": record.dataset,
        "title": record.title,
        "updated": record.updated if record.updated is not None else record.metadata_updated,
        "harvested": moment,
        "change": change,
        "hash": fingerprint,
        "body": pack(each.body or record.to_json()),
    }


def _raw_columns(each: Mapped) -> dict[str, Any]:
    splice = each.splice
    return {
        "body": pack(each.raw.body),
        "media_type": each.raw.media_type,
        "url": each.raw.url,
        "public": pack(splice.public) if splice and splice.public is not None else None,
        "links_start": splice.start if splice else None,
        "links_end": splice.end if splice else None,
        "links": pack(splice.links) if splice and splice.links else None,
        "collection": splice.collection if splice else None,
    }


def _add(connection: Connection, fresh: Sequence[Mapped], walk: int, change: int, moment: int) -> None:
    if not fresh:
        return
    names = _stac_names(connection, [each.record for each in fresh])
    rows = [
        {
            "id": each.record.id,
            "source": each.record.source,
            "container": each.record.container,
            "source_id": each.record.source_id,
            "stac_space": names[each.record.id][0],
            "stac_id": names[each.record.id][1],
            "walk": walk,
            "missing": 0,
            **_columns(each, _fingerprint(each), change + n, moment),
        }
        for n, each in enumerate(fresh)
    ]
    connection.execute(insert(records), rows)
    keys = _known(connection, [each.record.id for each in fresh])
    connection.execute(insert(raws), [{"key": keys[each.record.id].key, **_raw_columns(each)} for each in fresh])


def _change(
    connection: Connection,
    changed: Sequence[tuple[int, Mapped, bytes]],
    walk: int | None,
    change: int,
    moment: int,
) -> None:
    if not changed:
        return
    rows = [
        {"at": key, "missing": 0, "deleted": None, **_columns(each, fingerprint, change + n, moment)}
        for n, (key, each, fingerprint) in enumerate(changed)
    ]
    if walk is not None:
        for row in rows:
            row["walk"] = walk
    names = [name for name in rows[0] if name != "at"]
    connection.execute(
        update(records).where(records.c.key == bindparam("at")).values({name: bindparam(name) for name in names}), rows
    )
    _replace_raws(connection, changed)


def _move(
    connection: Connection, moved: Sequence[tuple[_Known, Mapped]], walk: int | None, change: int, moment: int
) -> None:
    """Store records whose kind is now one of the other scope: there they are new, here they leave a tombstone.

    An engine follows the changes of one scope, so whoever only wrote the new scope into the row would leave it in the
    old index for ever. The tombstone has the key and an id that no record has; the id of the record goes on.
    """
    for n, (stored, each) in enumerate(moved):
        left = {"id": f"{each.record.id}-{stored.key}", "change": change + 2 * n, "deleted": moment}
        connection.execute(update(records).where(records.c.key == stored.key).values(left))
        connection.execute(delete(raws).where(raws.c.key == stored.key))
        _add(connection, [each], stored.walk if walk is None else walk, change + 2 * n + 1, moment)


def _reword(connection: Connection, reworded: Sequence[tuple[int, Mapped, bytes]]) -> None:
    """Keep the newest bytes of records that mean the same as before; nothing that is searched has changed."""
    if reworded:
        rows = [{"at": key, "hash": fingerprint} for key, _, fingerprint in reworded]
        connection.execute(update(records).where(records.c.key == bindparam("at")).values(hash=bindparam("hash")), rows)
        _replace_raws(connection, reworded)


def _replace_raws(connection: Connection, changed: Sequence[tuple[int, Mapped, bytes]]) -> None:
    bodies = [{"at": key, **_raw_columns(each)} for key, each, _ in changed]
    names = [name for name in bodies[0] if name != "at"]
    connection.execute(
        update(raws).where(raws.c.key == bindparam("at")).values({name: bindparam(name) for name in names}), bodies
    )


def _stac_names(connection: Connection, fresh: Sequence[Record]) -> dict[str, tuple[str, str]]:
    """Return (space, STAC id) for new records: the id as sent while nobody has it, else one that says whose it is.

    The name is given once, at the first ingest, and never changes, so that links to it hold.
    """
    out: dict[str, tuple[str, str]] = {}
    spaces: dict[str, list[Record]] = {}
    for record in fresh:
        spaces.setdefault(record.dataset if record.kind == "observation" else "", []).append(record)
    taken = select(records.c.stac_id).where(
        records.c.stac_space == bindparam("space"), records.c.stac_id.in_(bindparam("ids", expanding=True))
    )
    for space, members in spaces.items():
        used = {
            name
            for part in parts(sorted({each.source_id for each in members}))
            for name in connection.execute(taken, {"space": space, "ids": part}).scalars()
        }
        for record in members:
            name = record.source_id
            longer = _longer_names(record)
            # Only the ids as sent were asked for at once; the longer ones are rare enough to be asked one by one.
            while name in used:
                name = next(longer)
                if connection.execute(taken, {"space": space, "ids": [name]}).first() is not None:
                    used.add(name)
            used.add(name)
            out[record.id] = (space, name)
    return out


def _longer_names(record: Record) -> Iterator[str]:
    """Yield names that say whose a record is; numbered ones follow, since a source may send the first as an id."""
    whole = f"{record.source}.{record.container}.{record.source_id}"
    yield whole
    yield from (f"{whole}.{number}" for number in count(2))


def _bury(connection: Connection, keys: Sequence[int]) -> None:
    change = _take_changes(connection, len(keys))
    if not keys:
        return
    moment = now()
    rows = [{"at": key, "change": change + n, "deleted": moment} for n, key in enumerate(keys)]
    connection.execute(
        update(records)
        .where(records.c.key == bindparam("at"))
        .values(change=bindparam("change"), deleted=bindparam("deleted")),
        rows,
    )


def _remember(connection: Connection, source: str, partition: str, checkpoint: Checkpoint) -> None:
    values = {
        "walk": checkpoint.walk,
        "position": orjson.dumps(dict(checkpoint.position)).decode(),
        "updated": now(),
    }
    here = (cursors.c.source == source) & (cursors.c.partition == partition)
    if connection.execute(update(cursors).where(here).values(values)).rowcount == 0:
        connection.execute(insert(cursors).values(source=source, partition=partition, **values))


def _hold(connection: Connection, source: str, run: int, each: Quarantined) -> None:
    raw = each.raw
    here = (
        (quarantine.c.source == source)
        & (quarantine.c.container == raw.container)
        & (quarantine.c.source_id == raw.source_id)
        & (quarantine.c.position == raw.position)
    )
    moment = now()
    values = {
        "run": run,
        "stage": each.stage,
        "code": each.issue.code,
        "message": each.issue.message,
        "path": each.issue.path,
        "body": pack(raw.body[:MAX_QUARANTINED_BODY]),
        "media_type": raw.media_type,
        "last_seen": moment,
    }
    again = update(quarantine).where(here).values(attempts=quarantine.c.attempts + literal(1), **values)
    if connection.execute(again).rowcount == 0:
        place = {"source": source, "container": raw.container, "source_id": raw.source_id, "position": raw.position}
        connection.execute(insert(quarantine).values(first_seen=moment, attempts=1, **place, **values))


def _spare(connection: Connection, source: str, walk: int, quarantined: Sequence[Quarantined]) -> None:
    """Count records as seen whose new version is in quarantine: they are spoilt at the source, not gone."""
    ids = [record_id(source, each.raw.container, each.raw.source_id) for each in quarantined if each.raw.source_id]
    seen = update(records).where(records.c.id.in_(bindparam("ids", expanding=True)), LIVE)
    for part in parts(ids):
        connection.execute(seen.values(walk=walk, missing=0), {"ids": part})


def _release(connection: Connection, source: str, mapped: Sequence[Mapped]) -> None:
    """Let go of quarantined elements whose record has now arrived whole."""
    if connection.execute(select(quarantine.c.id).where(quarantine.c.source == source).limit(1)).first() is None:
        return
    statement = delete(quarantine).where(
        quarantine.c.source == source,
        quarantine.c.container == bindparam("in_container"),
        quarantine.c.source_id == bindparam("with_id"),
    )
    places = [
        {"in_container": each.raw.container, "with_id": each.raw.source_id} for each in mapped if each.raw.source_id
    ]
    if places:
        connection.execute(statement, places)
