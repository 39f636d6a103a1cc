"""Many rows at once: on a server in one statement whatever their number, on SQLite as it likes them best.

A statement a row would make every row wait for the network, and the server read the same words again and again. Here a
column travels as one array, and the server makes rows of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from operator import itemgetter
from typing import Any, Final, TypeVar

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Integer,
    LargeBinary,
    Table,
    Text,
    text,
)

Row = Mapping[str, Any]
_T = TypeVar("_T")
DIGEST: Final = "discovery_digest"
"""The function of the server that stands for texts too long for its indexes."""
_LAST_KEY: Final = "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = ?"
"""The greatest key that a table of SQLite ever had: keys are never given twice, whatever was deleted."""
_BATCH: Final = 900
"""Values a statement; SQLite's oldest limit on parameters is 999."""


def add(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Insert rows that have the same columns, in their order."""
    if not rows:
        return
    names = tuple(rows[0])
    if connection.dialect.name == "sqlite":
        # Past SQLAlchemy, which makes a dictionary of each row again, in half of the time that the insertion takes.
        values = f"VALUES ({', '.join('?' * len(names))})"
        connection.exec_driver_sql(
            f"INSERT INTO {table.name} ({_listed(names)}) {values}",
            list(map(itemgetter(*names), rows)),
        )
    else:
        connection.exec_driver_sql(_insertion(table, names), _arrays(names, rows))


def add_named(connection: Connection, table: Table, rows: Sequence[Row]) -> dict[str, int]:
    """Insert rows that have an `id`, and return the `key` that each was given; the caller holds the write lock."""
    if not rows:
        return {}
    names = tuple(rows[0])
    if connection.dialect.name != "sqlite":
        statement = f"{_insertion(table, names)} RETURNING id, key"
        return {row.id: row.key for row in connection.exec_driver_sql(statement, _arrays(names, rows))}
    # Nobody else writes meanwhile, so the next keys are known: reading them back took as long as the insertion.
    last: int = connection.exec_driver_sql(_LAST_KEY, (table.name,)).scalar_one()
    values = f"VALUES ({', '.join('?' * (len(names) + 1))})"
    connection.exec_driver_sql(
        f'INSERT INTO {table.name} ("key", {_listed(names)}) {values}',
        [(key, *row) for key, row in enumerate(map(itemgetter(*names), rows), last + 1)],
    )
    return {row["id"]: key for key, row in enumerate(rows, last + 1)}


def put(
    connection: Connection, table: Table, rows: Sequence[Row], *, place: Sequence[str], once: Sequence[str]
) -> None:
    """Insert rows, or write them over those at the same place.

    Args:
        connection: Where to.
        table: One with a unique constraint over `place` and a column `attempts`, which counts up.
        rows: Rows with the same columns, no two of them at one place.
        place: The columns that say which row it is.
        once: The columns that keep what they were first given.
    """
    if not rows:
        return
    names = tuple(rows[0])
    on_sqlite = connection.dialect.name == "sqlite"
    new = ", ".join(f"{name} = excluded.{name}" for name in names if name not in {*place, *once, "attempts"})
    where = place if on_sqlite else [place[0], *(f"{DIGEST}({name})" for name in place[1:])]
    again = (
        f"ON CONFLICT ({', '.join(where)}) DO UPDATE SET attempts = {table.name}.attempts + excluded.attempts, {new}"
    )
    if on_sqlite:
        values = ", ".join(f":{name}" for name in names)
        statement = f"INSERT INTO {table.name} ({_listed(names)}) VALUES ({values}) {again}"  # noqa: S608 - ours
        connection.execute(text(statement), list(rows))
    else:
        connection.exec_driver_sql(f"{_insertion(table, names)} {again}", _arrays(names, rows))


def parts(values: Sequence[_T], *, width: int = 1) -> Iterator[Sequence[_T]]:
    """Yield the values in slices small enough for one statement, where each takes `width` parameters."""
    size = _BATCH // width
    for start in range(0, len(values), size):
        yield values[start : start + size]


def change(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Write the columns of each row into the row of its `key`, which is one of the columns."""
    if not rows:
        return
    names = tuple(rows[0])
    if connection.dialect.name == "sqlite":
        # Past SQLAlchemy, which takes longer to put the statement together than SQLite to change a row.
        columns = [name for name in names if name != "key"]
        new = ", ".join(f'"{name}" = ?' for name in columns)
        connection.exec_driver_sql(
            f'UPDATE {table.name} SET {new} WHERE "key" = ?',  # noqa: S608 - names of ours
            list(map(itemgetter(*columns, "key"), rows)),
        )
    else:
        connection.exec_driver_sql(_update(table, names), _arrays(names, rows))


def _arrays(names: Sequence[str], rows: Sequence[Row]) -> dict[str, list[Any]]:
    return {name: [row[name] for row in rows] for name in names}


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


@cache
def _insertion(table: Table, names: tuple[str, ...]) -> str:
    return f"INSERT INTO {table.name} ({_listed(names)}) SELECT * FROM {_rows(table, names)}"  # noqa: S608 - names of ours


@cache
def _update(table: Table, names: tuple[str, ...]) -> str:
    new = ", ".join(f"{name} = new.{name}" for name in names if name != "key")
    return f"UPDATE {table.name} SET {new} FROM {_rows(table, names)} WHERE {table.name}.key = new.key"  # noqa: S608


def _rows(table: Table, names: Sequence[str]) -> str:
    arrays = ", ".join(f"%({name})b::{_type(table.c[name])}[]" for name in names)
    return f"unnest({arrays}) AS new ({_listed(names)})"


def _type(column: Column[Any]) -> str:
    kinds = {Text: "text", BigInteger: "bigint", Integer: "integer", LargeBinary: "bytea"}
    return kinds[type(column.type)]
