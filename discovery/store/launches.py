"""The launches of people, each written down before anything is started, so that none is ever lost."""

from __future__ import annotations

import secrets
from base64 import b32encode
from typing import Any, Final

import orjson
from sqlalchemy import Row, Select, delete, func, insert, select, text, update
from sqlalchemy.exc import IntegrityError

from discovery.errors import ConflictError, LimitError, NotFoundError
from discovery.model.launch import OPEN, Asked, Launch, State
from discovery.store.codec import pack, storable, unpack
from discovery.store.connection import Database
from discovery.store.ingest import now
from discovery.store.schema import launches

KEPT: Final = 90 * 86_400_000
"""Milliseconds that a launch is kept after its end: long enough to start it again, and no statistics of people."""
MAX_MESSAGE: Final = 4_000
MAX_LIST: Final = 200


def new_id() -> str:
    """Return an id for a launch that nobody guesses."""
    return b32encode(secrets.token_bytes(16)).decode().rstrip("=").lower()


class Launches:
    """The launches of a store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, launch: Launch, most: int) -> tuple[Launch, bool]:
        """Keep a launch; return it as it is kept, and whether it is new: the same id of the same person is the same.

        Args:
            launch: What to keep; its moments are made here.
            most: How many launches of one person may be open at one target.

        Raises:
            ConflictError: Somebody else has a launch with this id.
            LimitError: The person has as many open there as may be.
        """
        there = self._there(launch)
        if there is not None:
            return there, False
        moment = now()
        values = {
            "id": launch.id,
            "person": launch.person,
            "target": launch.target,
            "zone": launch.zone,
            "datalab": launch.datalab,
            "asked": pack(orjson.dumps(launch.asked.to_dict())),
            "status": launch.status,
            "server": launch.server,
            "url": launch.url,
            "message": storable(launch.message)[:MAX_MESSAGE],
            "created": moment,
            "updated": moment,
        }
        try:
            with self._database.write() as connection:
                if connection.dialect.name == "postgresql":
                    # Two at once must not both be the last that may be; SQLite has one writer as it is.
                    connection.execute(text("LOCK TABLE launches IN SHARE ROW EXCLUSIVE MODE"))
                if connection.execute(_count(launch.person, launch.zone, launch.target)).scalar_one() >= most:
                    told = f"you have {most} running there already, which is as many as may be: stop one first"
                    raise LimitError("launches", told)
                old = (launches.c.ended.is_not(None)) & (launches.c.ended < moment - KEPT)
                connection.execute(delete(launches).where(old))
                connection.execute(insert(launches).values(values))
        except (IntegrityError, LimitError):
            # The other click of two was a moment quicker.
            there = self._there(launch)
            if there is None:
                raise
            return there, False
        return self.launch(launch.id), True

    def _there(self, launch: Launch) -> Launch | None:
        try:
            there = self.launch(launch.id)
        except NotFoundError:
            return None
        if there.person != launch.person:
            raise ConflictError("this launch is somebody else's: load the page again")
        return there

    def launch(self, id: str) -> Launch:
        """Return one launch.

        Raises:
            NotFoundError: There is none, or it ended so long ago that it was forgotten.
        """
        with self._database.read() as connection:
            row = connection.execute(select(launches).where(launches.c.id == storable(id))).first()
        if row is None:
            raise NotFoundError(f"no launch {id[:40]}")
        return _launch(row)

    def of(self, person: str, *, is_open: bool = False, limit: int = 50) -> list[Launch]:
        """Return somebody's launches, newest first.

        Args:
            person: The id of whoever asked for them.
            is_open: Whether those that have ended are left out.
            limit: How many at most.
        """
        asked = select(launches).where(launches.c.person == person).order_by(launches.c.created.desc(), launches.c.id)
        if is_open:
            asked = asked.where(launches.c.status.in_(OPEN))
        with self._database.read() as connection:
            return [_launch(row) for row in connection.execute(asked.limit(min(limit, MAX_LIST)))]

    def all(self, *, is_open: bool = False, limit: int = 50) -> list[Launch]:
        """Return everybody's launches, newest first, for whoever looks after the portal."""
        asked = select(launches).order_by(launches.c.created.desc(), launches.c.id).limit(min(limit, MAX_LIST))
        if is_open:
            asked = asked.where(launches.c.status.in_(OPEN))
        with self._database.read() as connection:
            return [_launch(row) for row in connection.execute(asked)]

    def move(self, launch: Launch, state: State) -> Launch:
        """Write what became of a launch and return it so; nothing happens where somebody else has moved it."""
        moment = now()
        ended = None if state.status in OPEN else moment
        values: dict[str, Any] = {
            "status": state.status,
            "message": storable(state.message)[:MAX_MESSAGE],
            "updated": moment,
            "ended": ended,
        }
        if state.url:
            values["url"] = state.url
        if state.server:
            values["server"] = state.server
        same = (launches.c.id == launch.id) & (launches.c.status == launch.status)
        with self._database.write() as connection:
            connection.execute(update(launches).where(same).values(values))
        return self.launch(launch.id)


def _count(person: str, zone: str, target: str) -> Select[int]:
    mine = (launches.c.person == person) & (launches.c.zone == zone) & (launches.c.target == target)
    return select(func.count()).where(mine, launches.c.status.in_(OPEN))


def _launch(row: Row[*tuple[Any, ...]]) -> Launch:
    return Launch(
        id=row.id,
        person=row.person,
        target=row.target,
        zone=row.zone,
        datalab=row.datalab,
        asked=Asked.from_dict(orjson.loads(unpack(row.asked))),
        status=row.status,
        server=row.server,
        url=row.url,
        message=row.message,
        created=row.created,
        updated=row.updated,
        ended=row.ended,
    )
