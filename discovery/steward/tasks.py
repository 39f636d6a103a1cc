"""What each kind of job does."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from discovery import wiring
from discovery.config import Settings
from discovery.errors import ConfigError, NotFoundError
from discovery.http import Gates, Policy
from discovery.model.job import APPROVE, HARVEST, PREVIEW, REMAP, RETRY, Job
from discovery.model.source import COMPLETE, FAILED, Counts
from discovery.portal import Portal


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a job."""

    ok: bool
    message: str
    result: Mapping[str, Any] = field(default_factory=dict)


class Tasks:
    """Does jobs over one portal; whatever talks to sources shares the places of each host."""

    def __init__(self, settings: Settings, portal: Portal) -> None:
        self._settings = settings
        self._portal = portal
        self._gates = Gates(Policy().per_host)
        self._tasks: Mapping[str, Callable[[Job, threading.Event], Outcome]] = {
            HARVEST: self._harvest,
            RETRY: self._retry,
            APPROVE: self._approve,
            REMAP: self._remap,
            PREVIEW: self._preview,
        }

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of jobs that can be done."""
        return tuple(self._tasks)

    def host(self, job: Job) -> str:
        """Return the host that a job will talk to; empty where it talks to none, or its source has gone."""
        try:
            return urlsplit(self._portal.store.ledger.source(job.source).url).hostname or "" if job.source else ""
        except NotFoundError:
            return ""

    def do(self, job: Job, stop: threading.Event) -> Outcome:
        """Do a job, until its end or until told to stop.

        Raises:
            DiscoveryError: It cannot be done; the message says why.
            ConflictError: Somebody else is at its source.
        """
        outcome = self._tasks[job.kind](job, stop)
        # What it brought may be what another source has already, or the parent of what another has brought; what is
        # left undone now the next job does.
        self._portal.store.duplicates.find(stop=stop)
        self._portal.store.parents.repair(stop=stop)
        return outcome

    def _harvest(self, job: Job, stop: threading.Event) -> Outcome:
        from harvesters.run import harvest

        source = self._portal.store.ledger.source(job.source)
        if not source.enabled:
            raise ConfigError(f"source {source.id!r} is not enabled; see discovery source enable {source.id}")
        with wiring.client(self._settings, source, stop=stop, gates=self._gates) as client:
            report = harvest(
                self._portal.store,
                source,
                client=client,
                limit=job.arguments.get("limit"),
                full=bool(job.arguments.get("full")),
                stop=stop,
                lock=wiring.harvest_lock(self._settings, source.id),
            )
        stopped = stop.is_set() and report.status != COMPLETE
        said = ": ".join(each for each in (report.status, report.message) if each)
        return Outcome(report.status != FAILED and not stopped, said, report.to_dict())

    def _retry(self, job: Job, stop: threading.Event) -> Outcome:
        from harvesters.again import release, retry

        with wiring.client(self._settings, stop=stop, gates=self._gates) as client:
            if "number" in job.arguments:
                entry = self._portal.store.ledger.quarantine_entry(job.arguments["number"])
                retry(self._portal.store, entry, client=client)
                return Outcome(True, "it became a record", {"released": 1})
            done = release(self._portal.store, job.source or None, client=client, stop=stop)
        row = {"released": done.released, "left": done.left}
        return Outcome(not stop.is_set(), f"{done.released} became records, {done.left} stay", row)

    def _approve(self, job: Job, stop: threading.Event) -> Outcome:
        from harvesters.approval import approve

        run = self._portal.store.ledger.run(job.arguments["run"])
        lock = wiring.harvest_lock(self._settings, run.source)
        report = approve(self._portal.store, run.id, by=job.arguments["by"], lock=lock)
        return Outcome(True, report.message, report.to_dict())

    def _remap(self, job: Job, stop: threading.Event) -> Outcome:
        from harvesters.again import remap

        with wiring.client(self._settings, stop=stop, gates=self._gates) as client:
            counts = remap(self._portal.store, job.source or None, client=client, stop=stop)
        row = {name: getattr(counts, name) for name in Counts.__dataclass_fields__}
        return Outcome(not stop.is_set(), f"{counts.seen} mapped again, {counts.updated} changed", row)

    def _preview(self, job: Job, stop: threading.Event) -> Outcome:
        from harvesters.preview import preview_record, preview_source

        source = self._portal.store.ledger.source(job.source) if job.source else None
        with wiring.client(self._settings, source, stop=stop, gates=self._gates) as client:
            if source is None:
                found = [preview_record(self._portal.store, job.arguments["record"], client=client)]
            else:
                found = list(preview_source(source, job.arguments.get("first", 1), client=client))
        return Outcome(True, f"{len(found)} looked at", {"elements": [each.to_dict() for each in found]})
