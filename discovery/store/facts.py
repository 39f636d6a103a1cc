"""Small facts that a store keeps of itself, each a text by its name."""

from __future__ import annotations

from sqlalchemy import Connection, delete, insert, select, update

from discovery.store.schema import meta


def read(connection: Connection, name: str) -> str | None:
    """Return a fact, None where there is none of that name."""
    value = connection.execute(select(meta.c.value).where(meta.c.name == name)).scalar()
    return None if value is None else str(value)


def write(connection: Connection, name: str, value: str) -> None:
    """Keep a fact in the place of what had its name."""
    if connection.execute(update(meta).where(meta.c.name == name).values(value=value)).rowcount == 0:
        connection.execute(insert(meta).values(name=name, value=value))


def forget(connection: Connection, name: str) -> None:
    """Keep a fact no more; one that is not there is forgotten already."""
    connection.execute(delete(meta).where(meta.c.name == name))
