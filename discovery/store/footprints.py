"""Where records are, apart from all else that is known of them: regions ask for thousands of footprints at once."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any, Final

import orjson
from sqlalchemy import Connection, bindparam, column, delete, func, select, table
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import BigInteger

from discovery.errors import DiscoveryError
from discovery.model.extent import Extent
from discovery.model.record import Record
from discovery.query.packed import WRITTEN, geometry_of, pack
from discovery.store import bulk
from discovery.store.codec import unpack
from discovery.store.connection import Database
from discovery.store.schema import footprints, records

_PAGE: Final = 2_000
_OF_SQLITE: Final = (
    "SELECT f.key, f.form, f.shape FROM json_each(?) AS asked CROSS JOIN footprints AS f ON f.key = asked.value"
)
_OF_SERVER: Final = select(footprints.c.key, footprints.c.form, footprints.c.shape).where(
    footprints.c.key == func.any(bindparam("keys", type_=ARRAY(BigInteger)))
)
_BODIES: Final = select(records.c.key, records.c.body).where(
    records.c.key.in_(bindparam("keys", expanding=True)), records.c.deleted.is_(None)
)

_log = logging.getLogger(__name__)


class Footprints:
    """The footprints of a store's records."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def many(self, keys: Sequence[int]) -> tuple[Sequence[int], Sequence[int], Sequence[bytes]]:
        """Return keys, forms and data of footprints; keys of what has none, or is not there, are left out."""
        if not keys:
            return (), (), ()
        found: Sequence[Any]
        with self._database.read() as connection:
            if self._database.on_server:
                found = connection.execute(_OF_SERVER, {"keys": list(keys)}).all()
            else:
                # Past SQLAlchemy, which spends more on each row than SQLite does on finding it.
                asked = connection.exec_driver_sql(_OF_SQLITE, (orjson.dumps(list(keys)).decode(),))
                found = asked.cursor.fetchall()
            if len(found) < len(keys):
                found = [*found, *_unkept(connection, sorted(set(keys) - {row[0] for row in found}))]
        if not found:
            return (), (), ()
        here, forms, data = zip(*found, strict=True)
        return here, forms, data


def _unkept(connection: Connection, keys: Sequence[int]) -> list[tuple[int, int, bytes]]:
    """Return footprints that are too large to be kept twice, from their records."""
    found = []
    for part in bulk.parts(keys):
        for key, body in connection.execute(_BODIES, {"keys": part}):
            extent = _extent(body)
            geometry = geometry_of(extent) if extent is not None else None
            if geometry is not None:
                found.append((key, WRITTEN, orjson.dumps(geometry, default=dict)))
    return found


def add(connection: Connection, extents: Sequence[tuple[int, Extent]]) -> None:
    """Write the footprints of records that had none."""
    packed = pack([extent for _, extent in extents])
    rows = [
        {"key": key, "form": each.form, "shape": each.data}
        for (key, _), each in zip(extents, packed, strict=True)
        if each is not None
    ]
    bulk.add(connection, footprints, rows)


def replace(connection: Connection, extents: Sequence[tuple[int, Extent]]) -> None:
    """Write the footprints of records over those that they had."""
    gone = delete(footprints).where(footprints.c.key.in_(bindparam("keys", expanding=True)))
    for part in bulk.parts([key for key, _ in extents]):
        connection.execute(gone, {"keys": part})
    add(connection, extents)


def fill(connection: Connection) -> None:
    """Write the footprints of every record that is there: once, when a store is older than they are."""
    after = done = 0
    # By its own words: the schema of the moment may be an older one.
    names = table("records", column("key"), column("body"), column("deleted"))
    page = (
        select(names.c.key, names.c.body)
        .where(names.c.key > bindparam("after"), names.c.deleted.is_(None))
        .order_by(names.c.key)
        .limit(_PAGE)
    )
    while found := connection.execute(page, {"after": after}).all():
        add(connection, [(key, extent) for key, body in found if (extent := _extent(body))])
        after, done = found[-1].key, done + len(found)
        if done % 100_000 < _PAGE and done >= 100_000:
            _log.info("the store is brought to its new form: footprints of %d records are written", done)


def _extent(body: bytes) -> Extent | None:
    try:
        return Record.from_json(unpack(body)).extent
    except (DiscoveryError, ValueError, TypeError, KeyError):
        return None  # A damaged body is told of by `discovery check`, and is no reason not to open the store.
