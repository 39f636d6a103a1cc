"""Taking jobs and doing them, several at a time, and asking for those that a schedule asks for."""

from __future__ import annotations

import logging
import os
import secrets
import socket
import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Final

from discovery.config import Settings
from discovery.errors import ConflictError, DiscoveryError, NotFoundError
from discovery.model.job import HARVEST, LONG, Job
from discovery.portal import Portal
from discovery.steward.tasks import Outcome, Tasks
from discovery.store.ingest import now

_log = logging.getLogger(__name__)

LOOK: Final = 0.5
"""Seconds between two looks for jobs: about as long as somebody who has pressed a button does not mind."""
LEASE: Final = 60_000
"""Milliseconds after which a job whose worker has died is taken by another one."""
_KEEP: Final = LEASE / 4000
"""Seconds between two signs of life."""
_AGENDA: Final = 5.0
"""Seconds between two looks at the schedules."""
_PRUNE: Final = 3600.0
_LOCKED: Final = 10_000
"""Milliseconds that a job waits when somebody else, such as a command, is at its source."""
_RETRY: Final = 2.0


@dataclass(slots=True)
class _Doing:
    """One job in the hands of a thread."""

    job: Job
    host: str
    stop: threading.Event = field(default_factory=threading.Event)
    thread: threading.Thread | None = None


class Worker:
    """Does jobs until it is told to stop: long ones beside each other and on different hosts, short ones at once."""

    def __init__(self, settings: Settings, portal: Portal, stop: threading.Event) -> None:
        self._portal = portal
        self._jobs = portal.store.jobs
        self._stop = stop
        self._tasks = Tasks(settings, portal)
        self._owner = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        short = frozenset(self._tasks.kinds) - LONG
        self._harvests = settings.harvests
        self._lanes: tuple[tuple[Collection[str], int], ...] = ((LONG, settings.harvests), (short, 2))
        self._lock = threading.Lock()
        self._doing: dict[int, _Doing] = {}
        self._due: dict[Callable[[], None], tuple[float, float]] = {
            self._keep: (_KEEP, 0.0),
            self._schedule: (_AGENDA, 0.0),
            self._prune: (_PRUNE, 0.0),
        }

    def run(self) -> None:
        """Work until told to stop; an error is logged and the next look is made a little later."""
        try:
            while not self._stop.is_set():
                try:
                    self._look()
                    self._stop.wait(LOOK)
                except DiscoveryError as error:
                    _log.warning("jobs wait: %s", error)
                    self._stop.wait(_RETRY)
                except Exception:  # noqa: BLE001  # the thread must outlive every mistake
                    _log.exception("looking for jobs failed; the next try is in %s s", _RETRY)
                    self._stop.wait(_RETRY)
        finally:
            self._end()

    def _look(self) -> None:
        moment = time.monotonic()
        for act, (pause, last) in self._due.items():
            if moment - last >= pause or not last:
                self._due[act] = (pause, moment)
                act()
        for kinds, most in self._lanes:
            while not self._stop.is_set() and self._count(kinds) < most and self._begin(kinds):
                pass

    def _count(self, kinds: Collection[str]) -> int:
        with self._lock:
            return sum(each.job.kind in kinds for each in self._doing.values())

    def _begin(self, kinds: Collection[str]) -> bool:
        """Take the next job and let a thread do it; false when there is none."""
        job = self._jobs.take(self._owner, LEASE, kinds=kinds, free=self._free)
        if job is None:
            return False
        doing = _Doing(job, self._tasks.host(job))
        doing.thread = threading.Thread(target=self._do, args=(doing,), name=f"job {job.id}")
        with self._lock:
            self._doing[job.id] = doing
        doing.thread.start()
        return True

    def _free(self, job: Job) -> bool:
        """Say whether a job may begin: two harvests of one host would share the places of one, and be no faster."""
        with self._lock:
            hosts = {each.host for each in self._doing.values() if each.job.kind == HARVEST} - {""}
        return not hosts or job.kind != HARVEST or self._tasks.host(job) not in hosts

    def _do(self, doing: _Doing) -> None:
        job = doing.job
        try:
            outcome = self._outcome(doing)
            if self._stop.is_set() and not outcome.ok:
                self._jobs.put_back(job.id, self._owner)
            else:
                self._jobs.end(job.id, self._owner, ok=outcome.ok, message=outcome.message, result=outcome.result)
        except ConflictError as error:
            _log.info("job %s waits: %s", job.id, error)
            self._jobs.put_back(job.id, self._owner, wait=_LOCKED)
        except Exception:  # noqa: BLE001  # whatever it was, the lease runs out and the job is taken again
            _log.exception("the end of job %s (%s) could not be written", job.id, job.kind)
        finally:
            with self._lock:
                del self._doing[job.id]

    def _outcome(self, doing: _Doing) -> Outcome:
        job = doing.job
        try:
            return self._tasks.do(job, doing.stop)
        except ConflictError as error:
            if job.kind in LONG:
                raise
            return Outcome(False, str(error))
        except DiscoveryError as error:
            return Outcome(False, str(error))
        except Exception as error:  # noqa: BLE001  # a mistake of ours costs one job
            _log.exception("job %s (%s) ended by an error of ours", job.id, job.kind)
            return Outcome(False, f"an error of ours, {type(error).__name__}: {error}"[:1000])

    def _keep(self) -> None:
        with self._lock:
            held = list(self._doing.values())
        for doing in held:
            if not self._jobs.keep(doing.job.id, self._owner, LEASE):
                # Somebody took us for dead; the harvest lock keeps us apart, and theirs is the job now.
                doing.stop.set()

    def _schedule(self) -> None:
        from harvesters.schedule import agenda

        if not self._harvests:
            return
        moment = now()
        for entry in agenda(self._portal.store.ledger):
            if entry.next is not None and entry.next.at <= moment:
                try:
                    self._portal.store.jobs.ask_alone(HARVEST, entry.source.id)
                except NotFoundError:
                    continue

    def _prune(self) -> None:
        self._jobs.prune()

    def _end(self) -> None:
        """Stop what is being done and wait for it; harvests have stored all that they have read."""
        with self._lock:
            held = list(self._doing.values())
        for doing in held:
            doing.stop.set()
        for doing in held:
            if doing.thread is not None:
                doing.thread.join()
