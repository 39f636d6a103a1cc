"""Sources, runs and quarantine: what operators see of harvesting."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from sqlalchemy import Row, delete, func, insert, select, update

from discovery.errors import ConflictError, NotFoundError
from discovery.model.record import Issue
from discovery.model.source import FULL, PARTIAL, RUNNING, Quarantined, RawRecord, Report, Run, Source, Walked
from discovery.store import facts
from discovery.store.codec import storable, unpack
from discovery.store.connection import Database
from discovery.store.ingest import now
from discovery.store.schema import quarantine, runs, sources


class Ledger:
    """The bookkeeping of harvests."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # Sources

    def sources(self) -> list[Source]:
        """Return every source, by id."""
        with self._database.read() as connection:
            return [_source(row) for row in connection.execute(select(sources).order_by(sources.c.id))]

    def source(self, id: str) -> Source:
        """Return one source.

        Raises:
            NotFoundError: There is none; the message lists those that are.
        """
        with self._database.read() as connection:
            row = connection.execute(select(sources).where(sources.c.id == id)).first()
        if row is None:
            known = ", ".join(each.id for each in self.sources()) or "none yet"
            raise NotFoundError(f"no source {id[:64]!r}; known: {known}")
        return _source(row)

    def added(self) -> dict[str, int]:
        """Return when each source was added, in UTC milliseconds."""
        with self._database.read() as connection:
            return {row.id: row.created for row in connection.execute(select(sources.c.id, sources.c.created))}

    def enable(self, id: str, enabled: bool) -> Source:
        """Say whether a source is harvested, and return it.

        Raises:
            NotFoundError: There is none; the message lists those that are.
        """
        with self._database.write() as connection:
            connection.execute(update(sources).where(sources.c.id == id).values(enabled=int(enabled)))
        return self.source(id)

    def add_source(self, source: Source, *, replace: bool = False) -> None:
        """Store a source.

        Raises:
            ConflictError: One with its id is there and `replace` is false.
        """
        values = {
            "kind": source.kind,
            "url": storable(source.url),
            "title": storable(source.title),
            "settings": orjson.dumps(dict(source.settings)).decode(),
            "enabled": int(source.enabled),
        }
        with self._database.write() as connection:
            there = connection.execute(select(sources.c.id).where(sources.c.id == source.id)).first()
            if there is None:
                connection.execute(insert(sources).values(id=source.id, created=now(), **values))
            elif replace:
                connection.execute(update(sources).where(sources.c.id == source.id).values(values))
            else:
                raise ConflictError(f"source {source.id!r} is already there; remove it first, or apply a file")

    def remove_source(self, id: str) -> None:
        """Forget a source; its records are the business of `Ingest.remove`."""
        with self._database.write() as connection:
            connection.execute(delete(sources).where(sources.c.id == id))

    # Runs

    def begin(self, source: str) -> Run:
        """Open a run.

        A run that a kill left open is closed as partial; two at a time are kept apart by the lock of the caller.
        """
        started = now()
        with self._database.write() as connection:
            connection.execute(
                update(runs)
                .where(runs.c.source == source, runs.c.status == RUNNING)
                .values(status=PARTIAL, finished=started)
            )
            empty = Report(source, 0, RUNNING)
            key = connection.execute(
                insert(runs).values(source=source, status=RUNNING, started=started, report=_text(empty.to_dict()))
            ).inserted_primary_key
        assert key is not None
        return Run(key[0], source, RUNNING, started, None, Report(source, key[0], RUNNING))

    def end(self, report: Report, walked: Walked | None = None) -> None:
        """Close a run with its report; also called while it goes on, for those who watch.

        Args:
            report: What it did.
            walked: The walk, where this run has brought it to its end.
        """
        values: dict[str, Any] = {
            "status": report.status,
            # A held run that is approved ended when it ended.
            "finished": None if report.status == RUNNING else func.coalesce(runs.c.finished, now()),
            "report": _text(report.to_dict()),
        }
        if walked is not None:
            values |= {"mode": walked.mode, "began": walked.began, "setup": walked.setup}
        with self._database.write() as connection:
            connection.execute(update(runs).where(runs.c.id == report.run).values(values))

    def walked(self, source: str, modes: Sequence[str] = ()) -> Walked | None:
        """Return the last walk over a source that came to its end, of any mode or of one of these."""
        statement = select(runs.c.mode, runs.c.began, runs.c.setup).where(
            runs.c.source == source, runs.c.began.is_not(None)
        )
        if modes:
            statement = statement.where(runs.c.mode.in_(modes))
        with self._database.read() as connection:
            row = connection.execute(statement.order_by(runs.c.id.desc()).limit(1)).first()
        return None if row is None else Walked(row.mode, row.began, row.setup)

    def runs(self, source: str | None = None, limit: int = 50) -> list[Run]:
        """Return runs, newest first."""
        statement = select(runs).order_by(runs.c.id.desc()).limit(limit)
        if source is not None:
            statement = statement.where(runs.c.source == source)
        with self._database.read() as connection:
            return [_run(row) for row in connection.execute(statement)]

    def latest(self, each: int = 16) -> dict[str, list[Run]]:
        """Return the newest runs of every source, newest first; a source that was never harvested has none."""
        newest = func.row_number().over(partition_by=runs.c.source, order_by=runs.c.id.desc()).label("newest")
        numbered = select(runs.c.id, newest).subquery()
        chosen = select(numbered.c.id).where(numbered.c.newest <= each)
        out: dict[str, list[Run]] = {}
        with self._database.read() as connection:
            for row in connection.execute(select(runs).where(runs.c.id.in_(chosen)).order_by(runs.c.id.desc())):
                out.setdefault(row.source, []).append(_run(row))
        return out

    def stated(self) -> dict[str, int]:
        """Return how many elements each source says that it has: by its last run, else by its last whole walk.

        A run over what has changed, and one that failed, asks for no such number; the one from before still stands.
        """
        newest = select(func.max(runs.c.id)).group_by(runs.c.source)
        whole = newest.where(runs.c.mode == FULL, runs.c.began.is_not(None))
        chosen = select(runs).where(runs.c.id.in_(newest) | runs.c.id.in_(whole)).order_by(runs.c.id)
        with self._database.read() as connection:
            found = [_run(row) for row in connection.execute(chosen)]
        return {each.source: each.report.stated for each in found if each.report.stated is not None}

    def run(self, id: int) -> Run:
        """Return one run.

        Raises:
            NotFoundError: There is none.
        """
        with self._database.read() as connection:
            row = connection.execute(select(runs).where(runs.c.id == id)).first()
        if row is None:
            raise NotFoundError(f"no run {id}")
        return _run(row)

    # Quarantine

    def quarantined(self, source: str | None = None, limit: int = 1000, *, after: int = 0) -> list[Quarantined]:
        """Return what is in quarantine, oldest first, behind the element of a number."""
        statement = select(quarantine).where(quarantine.c.id > after).order_by(quarantine.c.id).limit(limit)
        if source is not None:
            statement = statement.where(quarantine.c.source == source)
        with self._database.read() as connection:
            return [_quarantined(row) for row in connection.execute(statement)]

    def quarantined_count(self, source: str | None = None) -> int:
        """Return how many elements are in quarantine."""
        statement = select(func.count()).select_from(quarantine)
        if source is not None:
            statement = statement.where(quarantine.c.source == source)
        with self._database.read() as connection:
            return connection.execute(statement).scalar_one()

    def quarantined_counts(self) -> dict[str, int]:
        """Return how many elements of each source are in quarantine."""
        statement = select(quarantine.c.source, func.count()).group_by(quarantine.c.source)
        with self._database.read() as connection:
            return {row[0]: row[1] for row in connection.execute(statement)}

    def quarantine_reasons(self, source: str | None = None) -> list[tuple[str, int]]:
        """Return why elements of a source, or of all, are in quarantine, the most frequent reasons first."""
        count = func.count()
        statement = select(quarantine.c.code, count).group_by(quarantine.c.code)
        if source is not None:
            statement = statement.where(quarantine.c.source == source)
        with self._database.read() as connection:
            return [(code, n) for code, n in connection.execute(statement.order_by(count.desc(), quarantine.c.code))]

    def quarantine_entry(self, id: int) -> Quarantined:
        """Return one element in quarantine.

        Raises:
            NotFoundError: There is none by that number.
        """
        with self._database.read() as connection:
            row = connection.execute(select(quarantine).where(quarantine.c.id == id)).first()
        if row is None:
            raise NotFoundError(f"nothing in quarantine under {id}")
        return _quarantined(row)

    # Secrets and small facts

    def fact(self, name: str, default: str) -> str:
        """Return a named fact of this store, storing `default` the first time it is asked for."""
        with self._database.read() as connection:
            value = facts.read(connection, name)
        if value is not None:
            return value
        with self._database.write() as connection:
            value = facts.read(connection, name)
            if value is None:
                facts.write(connection, name, default)
                return default
        return value


def _text(value: Mapping[str, Any]) -> str:
    return orjson.dumps(dict(value)).decode()


def _source(row: Row[*tuple[Any, ...]]) -> Source:
    return Source(row.id, row.kind, row.url, row.title, orjson.loads(row.settings), bool(row.enabled))


def _run(row: Row[*tuple[Any, ...]]) -> Run:
    data = orjson.loads(row.report) | {"run": row.id, "status": row.status}
    return Run(row.id, row.source, row.status, row.started, row.finished, Report.from_dict(data))


def _quarantined(row: Row[*tuple[Any, ...]]) -> Quarantined:
    raw = RawRecord(row.container, row.source_id, unpack(row.body), row.media_type, position=row.position)
    return Quarantined(
        raw,
        Issue(row.code, row.message, row.path),
        row.stage,
        row.id,
        row.source,
        row.run,
        row.first_seen,
        row.last_seen,
        row.attempts,
    )
