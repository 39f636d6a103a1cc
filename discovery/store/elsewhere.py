"""The other places of a record: the sources of its group, and when each of them last had it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Row, bindparam, select

from discovery.http.redaction import is_signed, redact
from discovery.model.sameness import reason
from discovery.store.bulk import parts
from discovery.store.connection import Database
from discovery.store.schema import matches, raws, records, runs, sources


@dataclass(frozen=True, slots=True)
class Place:
    """One source's record of a thing that several sources have."""

    id: str
    source: str
    source_title: str
    container: str
    source_id: str
    title: str
    url: str
    """Where its document was read, without secrets; empty where that is no address of the web."""
    seen: int
    """When its source last had it, in UTC milliseconds."""
    why: str = ""
    """By what it was found to be the same: `doi`, `identifier` or `title`."""

    def to_dict(self) -> dict[str, Any]:
        """Return it as flat JSON values; the instant stays a number, as those of records do."""
        return {
            "id": self.id,
            "source": self.source,
            "source_title": self.source_title,
            "container": self.container,
            "source_id": self.source_id,
            "title": self.title,
            "url": self.url,
            "seen": self.seen,
            "why": self.why,
        }


@dataclass(frozen=True, slots=True)
class Group:
    """A thing that several sources have: the record that speaks for it, and the others."""

    master: Place
    others: tuple[Place, ...]


_PLACE: Final = (
    select(
        records.c.key,
        records.c.id,
        records.c.merged,
        records.c.source,
        records.c.container,
        records.c.source_id,
        records.c.title,
        records.c.harvested,
        raws.c.url,
        runs.c.started,
        sources.c.title.label("source_title"),
    )
    .outerjoin(raws, raws.c.key == records.c.key)
    .outerjoin(runs, runs.c.id == records.c.walk)
    .outerjoin(sources, sources.c.id == records.c.source)
    .where(records.c.deleted.is_(None))
)
_OTHERS: Final = _PLACE.where(records.c.merged.in_(bindparam("ids", expanding=True))).order_by(
    records.c.merged, records.c.source, records.c.id
)
_MASTERS: Final = _PLACE.where(records.c.id.in_(bindparam("ids", expanding=True)))
_KEYS: Final = (
    select(matches.c.key, matches.c.digest)
    .join(records, records.c.key == matches.c.key)
    .where(records.c.merged.in_(bindparam("ids", expanding=True)) | records.c.id.in_(bindparam("ids", expanding=True)))
)
_NAMES: Final = (
    select(records.c.merged)
    .where(records.c.merged.is_not(None), records.c.merged > bindparam("after"))
    .distinct()
    .order_by(records.c.merged)
    .limit(bindparam("most"))
)


class Elsewhere:
    """The groups of a store, as they are read."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, ids: Sequence[str]) -> dict[str, tuple[Place, ...]]:
        """Return the other places of records that speak for others; those that are in one place alone are left out."""
        with self._database.read() as connection:
            rows = [row for part in parts(ids, width=2) for row in connection.execute(_OTHERS, {"ids": part})]
            reasons = _reasons(connection, sorted({row.merged for row in rows}))
        found: dict[str, list[Place]] = {}
        for row in rows:
            found.setdefault(row.merged, []).append(_place(row, reasons))
        return {id: tuple(places) for id, places in found.items()}

    def groups(self, limit: int = 100, after: str = "") -> list[Group]:
        """Return things that several sources have, by the id of the record that speaks, behind one of these ids."""
        with self._database.read() as connection:
            ids = list(connection.execute(_NAMES, {"after": after, "most": limit}).scalars())
            rows = [row for part in parts(ids) for row in connection.execute(_MASTERS, {"ids": part})]
        others = self.of(ids)
        masters = {row.id: _place(row, {}) for row in rows}
        return [Group(masters[id], others[id]) for id in ids if id in masters and id in others]


def _reasons(connection: Connection, masters: Sequence[str]) -> dict[int, str]:
    """Return for each record of these groups the strongest key that it shares with another one of its group."""
    own: dict[int, list[bytes]] = {}
    shared: dict[bytes, int] = {}
    for part in parts(masters, width=2):
        for key, digest in connection.execute(_KEYS, {"ids": part}):
            own.setdefault(key, []).append(digest)
            shared[digest] = shared.get(digest, 0) + 1
    return {
        key: reason(min(having))
        for key, digests in own.items()
        if (having := [digest for digest in digests if shared[digest] > 1])
    }


def _place(row: Row[*tuple[Any, ...]], reasons: Mapping[int, str]) -> Place:
    url = row.url or ""
    return Place(
        row.id,
        row.source,
        row.source_title or row.source,
        row.container,
        row.source_id,
        row.title,
        redact(url) if url.startswith(("https://", "http://")) and not is_signed(url) else "",
        max(row.harvested, row.started or 0),
        reasons.get(row.key, ""),
    )
