"""Work that waits, is done by one at a time, and outlives whoever did it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, Final

import orjson
from sqlalchemy import ColumnElement, Connection, Row, delete, func, insert, or_, select, update
from sqlalchemy import text as sql

from discovery.errors import NotFoundError, TooManyError
from discovery.model.job import DONE, FAILED, LONG, RUNNING, WAITING, Job
from discovery.store.codec import storable
from discovery.store.connection import Database
from discovery.store.ingest import now
from discovery.store.schema import jobs

MAX_WAITING: Final = 1000
"""Jobs that may wait: whoever asks for more asks faster than anybody works."""
MAX_ATTEMPTS: Final = 3
"""How often a job is begun: one that kills its worker each time would kill every worker for ever."""
KEPT: Final = 30 * 24 * 3_600_000
"""Milliseconds that a finished job is kept."""
MAX_RESULT: Final = 4 * 1024 * 1024
"""Bytes of a result; a larger one is left out, and the message says so."""
_LOOKED_AT: Final = 200


class Jobs:
    """The jobs of a store. Whoever takes one has it until its lease is over, and may prolong that."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def ask(self, kind: str, arguments: Mapping[str, Any]) -> Job:
        """Leave work for the steward; what waits already under the same name and arguments is not left twice.

        Raises:
            TooManyError: So many jobs wait that this one would wait for very long.
        """
        text = _text(arguments)
        with self._database.write() as connection:
            _alone(connection)
            waiting = connection.execute(
                select(jobs).where(jobs.c.status == WAITING, jobs.c.kind == kind, jobs.c.arguments == text)
            ).first()
            if waiting is not None:
                return _job(waiting)
            count = connection.execute(select(func.count()).where(jobs.c.status == WAITING)).scalar_one()
            if count >= MAX_WAITING:
                raise TooManyError(f"{count} jobs are waiting already", retry_after=60)
            moment = now()
            values = {"kind": kind, "arguments": text, "status": WAITING, "created": moment, "message": ""}
            key = connection.execute(insert(jobs).values(values)).inserted_primary_key
        assert key is not None
        return Job(key[0], kind, dict(arguments), WAITING, created=moment)

    def ask_alone(self, kind: str, source: str) -> Job:
        """Leave work over a source unless such work waits or is being done already; return that then.

        Raises:
            TooManyError: As `ask`.
        """
        open_ones = select(jobs).where(jobs.c.kind == kind, jobs.c.status.in_((WAITING, RUNNING)))
        with self._database.read() as connection:
            for row in connection.execute(open_ones):
                job = _job(row)
                if job.source == source:
                    return job
        return self.ask(kind, {"source": source})

    def take(
        self,
        owner: str,
        lease: int,
        *,
        kinds: Collection[str],
        free: Callable[[Job], bool] = lambda job: True,
    ) -> Job | None:
        """Take the oldest job that waits, or whose owner has died, so that nobody else has it.

        Two long jobs over one source are never taken at a time, whoever takes them; a short one waits for nobody.

        Args:
            owner: A name that no other taker has.
            lease: Milliseconds until somebody else may take it, unless it is kept.
            kinds: Those that may be taken.
            free: Whether a job may be taken now.
        """
        moment = now()
        mine = select(jobs).where(_takeable(moment), jobs.c.kind.in_(list(kinds))).order_by(jobs.c.id)
        # Whoever looks four times a second must not stand in the way of those who write.
        with self._database.read() as connection:
            if connection.execute(mine.limit(1)).first() is None:
                return None
        with self._database.write() as connection:
            _alone(connection)
            _give_up(connection, moment)
            rows = connection.execute(mine.limit(_LOOKED_AT)).all()
            busy = _busy(connection, moment)
            for row in rows:
                job = _job(row)
                if (job.kind not in LONG or job.source not in busy) and free(job):
                    # From now on, and not since before other writers were waited for.
                    until = now() + lease
                    taken = {"status": RUNNING, "owner": owner, "lease": until, "attempts": row.attempts + 1}
                    connection.execute(update(jobs).where(jobs.c.id == row.id).values(taken))
                    return _job(row, status=RUNNING, attempts=row.attempts + 1)
        return None

    def keep(self, id: int, owner: str, lease: int) -> bool:
        """Prolong the lease of a job; false when somebody else has it, so that its work must stop."""
        mine = (jobs.c.id == id) & (jobs.c.owner == owner) & (jobs.c.status == RUNNING)
        with self._database.write() as connection:
            return connection.execute(update(jobs).where(mine).values(lease=now() + lease)).rowcount == 1

    def put_back(self, id: int, owner: str, *, wait: int = 0) -> None:
        """Let a job wait again, for at least so many milliseconds, as if nobody had begun with it."""
        mine = (jobs.c.id == id) & (jobs.c.owner == owner) & (jobs.c.status == RUNNING)
        values = {"status": WAITING, "owner": "", "lease": now() + wait, "attempts": jobs.c.attempts - 1}
        with self._database.write() as connection:
            connection.execute(update(jobs).where(mine).values(values))

    def end(self, id: int, owner: str, *, ok: bool, message: str = "", result: Mapping[str, Any] | None = None) -> None:
        """Say what became of a job; nothing happens when somebody else has it by now."""
        text = _text(result or {})
        if len(text) > MAX_RESULT:
            text, message = "", f"{message}; the result has {len(text)} bytes and was left out".removeprefix("; ")
        values = {
            "status": DONE if ok else FAILED,
            "finished": now(),
            "message": storable(message),
            "result": text,
            "owner": "",
            "lease": None,
        }
        mine = (jobs.c.id == id) & (jobs.c.owner == owner) & (jobs.c.status == RUNNING)
        with self._database.write() as connection:
            connection.execute(update(jobs).where(mine).values(values))

    def job(self, id: int) -> Job:
        """Return one job.

        Raises:
            NotFoundError: There is none, or it is so long ago that it was forgotten.
        """
        with self._database.read() as connection:
            row = connection.execute(select(jobs).where(jobs.c.id == id)).first()
        if row is None:
            raise NotFoundError(f"no job {id}")
        return _job(row)

    def jobs(self, limit: int = 50) -> list[Job]:
        """Return jobs, newest first."""
        with self._database.read() as connection:
            return [_job(row) for row in connection.execute(select(jobs).order_by(jobs.c.id.desc()).limit(limit))]

    def counts(self) -> dict[str, int]:
        """Return how many jobs stand at each status."""
        statement = select(jobs.c.status, func.count()).group_by(jobs.c.status)
        with self._database.read() as connection:
            return {row[0]: row[1] for row in connection.execute(statement)}

    def prune(self) -> int:
        """Forget what was finished long ago, and return how many jobs that were."""
        old = jobs.c.finished < now() - KEPT
        with self._database.write() as connection:
            return connection.execute(delete(jobs).where(old)).rowcount


def _alone(connection: Connection) -> None:
    """Keep every other writer of jobs out until the transaction ends; SQLite has one writer as it is."""
    if connection.dialect.name == "postgresql":
        connection.execute(sql("LOCK TABLE jobs IN SHARE ROW EXCLUSIVE MODE"))


def _takeable(moment: int) -> ColumnElement[bool]:
    """Return the condition of a job that waits and may begin, or whose owner has said nothing for too long."""
    waits = (jobs.c.status == WAITING) & or_(jobs.c.lease.is_(None), jobs.c.lease <= moment)
    orphaned = (jobs.c.status == RUNNING) & or_(jobs.c.lease.is_(None), jobs.c.lease <= moment)
    return or_(waits, orphaned)


def _give_up(connection: Connection, moment: int) -> None:
    dead = (jobs.c.status == RUNNING) & (jobs.c.lease <= moment) & (jobs.c.attempts >= MAX_ATTEMPTS)
    message = f"whoever did this job died, {MAX_ATTEMPTS} times in a row"
    values = {"status": FAILED, "finished": moment, "message": message, "owner": "", "lease": None}
    connection.execute(update(jobs).where(dead).values(values))


def _busy(connection: Connection, moment: int) -> set[str]:
    """Return the sources that somebody does a long job over."""
    running = select(jobs).where(jobs.c.status == RUNNING, jobs.c.lease > moment, jobs.c.kind.in_(LONG))
    return {_job(row).source for row in connection.execute(running)} - {""}


def _text(value: Mapping[str, Any]) -> str:
    return orjson.dumps(dict(value), option=orjson.OPT_SORT_KEYS).decode()


def _job(row: Row[*tuple[Any, ...]], *, status: str = "", attempts: int | None = None) -> Job:
    return Job(
        row.id,
        row.kind,
        orjson.loads(row.arguments),
        status or row.status,
        row.message,
        row.created,
        row.finished,
        orjson.loads(row.result) if row.result else {},
        row.attempts if attempts is None else attempts,
    )
