"""The one loop that every harvest runs in: it owns resuming, quarantine, deletion, counting and the report."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Final

from discovery.errors import (
    NotFoundError,
    RunError,
    SourceUnavailableError,
    UnavailableError,
)
from discovery.http import Client
from discovery.indexer import few_collections
from discovery.lock import Lock
from discovery.model.instant import iso
from discovery.model.record import record_id
from discovery.model.source import (
    CHANGES,
    COMPLETE,
    FAILED,
    FULL,
    HELD,
    IDS,
    PARTIAL,
    RUNNING,
    UNSURE,
    Checkpoint,
    Counts,
    Report,
    Source,
    Walked,
)
from discovery.store.ingest import now
from discovery.store.store import Store
from harvesters.base import Harvester, RawPage, SupportsChanges, SupportsPartitions
from harvesters.document import clean, nameable
from harvesters.parting import Cluster, Done, Task
from harvesters.progress import Progress
from harvesters.registry import find, read_settings
from harvesters.registry import harvester as make_harvester
from harvesters.taking import StoppedError, Taker
from harvesters.walk import Part, Walk, digest, plan

_LOG = logging.getLogger(__name__)

MOST_VANISHED: Final = 20
"""Records that may vanish from a source in one walk without anybody asking, however small it is ..."""
SHARE_VANISHED: Final = 0.1
"""... and the share of it that may; more than both looks like a fault of the source, and the run is held."""
_WATCHED: Final = 2.0
"""Seconds between two interim reports, for whoever watches a run."""
_IDS: Final = 2000
"""Ids that are compared with the store at a time."""
_UNSURE: Final = 100_000
"""Unknown ids that are remembered until the changes have told of them; where there are more a full walk comes next."""


def harvest(
    store: Store,
    source: Source,
    *,
    client: Client,
    folder: Path = Path(),
    limit: int | None = None,
    dry_run: bool = False,
    approve: bool = False,
    full: bool = False,
    progress: Progress | None = None,
    stop: threading.Event | None = None,
    lock: Lock | None = None,
    worker: Harvester | None = None,
    cluster: Cluster | None = None,
) -> Report:
    """Walk a source once, from where an interrupted walk stood, and return what came of it.

    A source that fails is no error of this function: the report says so. A page is stored whole or not at all, so the
    process may be killed at any moment and the next run ends with the same catalogue. Where the harvester can tell
    what has changed only that is read, until a full walk is due again.

    Args:
        store: Where the records go.
        source: What to walk.
        client: The way to the network; its `stop` event should be the same as the one given here.
        folder: What a relative `file:` URL starts from.
        limit: Stop after so many elements; the run is then partial and the next one goes on.
        dry_run: Read and map everything, write nothing at all.
        approve: Delete what has vanished even if it is so much that the run would be held.
        full: Read everything, also where what has changed would be enough.
        progress: Told how it goes.
        stop: Ends the run after the current element, with everything before it kept.
        lock: Held meanwhile, so that a second run over the same source is kept away.
        worker: The harvester of the source, instead of a new one of its kind.
        cluster: Walks the parts of a source that can be parted, instead of threads of this process.

    Raises:
        ConfigError: The source's kind or settings are wrong.
        ConflictError: Another process is harvesting the source.
    """
    worker = worker or make_harvester(source, client, folder)
    with lock.hold() if lock is not None else nullcontext(), few_collections():
        run = _Run(
            store,
            source,
            worker,
            client,
            limit=limit,
            dry=dry_run,
            approve=approve,
            full=full,
            progress=progress,
            stop=stop,
            cluster=cluster,
        )
        return run.go()


class _Run:
    """One execution: what it has counted so far and where its walk stands."""

    def __init__(
        self,
        store: Store,
        source: Source,
        harvester: Harvester,
        client: Client,
        *,
        limit: int | None,
        dry: bool,
        approve: bool,
        full: bool,
        progress: Progress | None,
        stop: threading.Event | None,
        cluster: Cluster | None,
    ) -> None:
        self._store = store
        self._source = source
        self._harvester = harvester
        self._client = client
        self._limit = limit
        self._dry = dry
        self._approve = approve
        # What has vanished is only known when everything has been read.
        self._whole = full or approve
        self._progress = progress
        self._stop = stop
        # A limit is kept by one who counts, and a dry run stores nothing that others could go on from.
        self._cluster = None if dry or limit is not None else cluster
        self._contact = client.policy.contact
        self._elsewhere = (0, 0)
        self._before = client.counters
        self._started = self._told = time.monotonic()
        self._counts = Counts()
        self._refused = Counter[str]()
        self._parts = [Part()]
        self._counting = threading.Lock()
        self._halt, self._interrupted = threading.Event(), threading.Event()
        # A dry run leaves nothing behind, not even the fact that it was.
        self._id = 0 if dry else store.ledger.begin(source.id).id
        self._number = self._id
        self._walk = Walk()
        self._walked: Walked | None = None
        self._missing = 0
        self._may_go: int | None = None
        self._unknown: list[tuple[str, str]] = []
        self._rest_until = 0

    def go(self) -> Report:
        """Walk, and close the run whatever happens."""
        status, message = FAILED, ""
        try:
            status, message = self._outcome()
            if self._dry:
                message = "; ".join(each for each in (message, *self._foreseen()) if each)
        finally:
            # Also after an error that nobody foresaw: a run is never left open.
            rest = self._client.rest_until or self._rest_until or None
            if rest is not None:
                message = f"{message}; the source wants to be left alone until {iso(rest)}".removeprefix("; ")
            report = replace(self._report(status, clean(message)), not_before=rest)
            self._close(report)
        return report

    def _foreseen(self) -> Iterator[str]:
        """Yield what a run that writes nothing has to say, since nobody can look at it afterwards."""
        yield "nothing was written"
        if self._refused:
            reasons = ", ".join(f"{code} ({count})" for code, count in self._refused.most_common())
            yield f"these would be in quarantine: {reasons}"

    def _outcome(self) -> tuple[str, str]:
        """Return how the walk ended and why; retry is the client's business, skip and stop are decided here."""
        try:
            return self._pages()
        except (StoppedError, KeyboardInterrupt):
            return PARTIAL, "stopped; the next run goes on from here"
        except (SourceUnavailableError, NotFoundError) as error:
            return self._broken_off(), str(error)
        except RunError as error:
            if self._stop is not None and self._stop.is_set():
                return PARTIAL, "stopped; the next run goes on from here"
            return self._broken_off(), str(error)
        except UnavailableError as error:
            # The store: a full disk, or somebody who holds it. What was stored before is whole.
            return self._broken_off(), str(error)
        except Exception as error:  # noqa: BLE001  # the run is closed with a report whatever went wrong
            _LOG.exception("harvest of %s ended by an error of ours", self._source.id)
            return self._broken_off(), f"an error of ours, {type(error).__name__}: {error}"

    def _broken_off(self) -> str:
        return PARTIAL if self._counts.seen or self._seen else FAILED

    @property
    def _seen(self) -> int:
        return sum(each.seen for each in self._parts)

    @property
    def _unreadable(self) -> int:
        return sum(each.unreadable for each in self._parts)

    @property
    def _rejected(self) -> int:
        return sum(each.rejected for each in self._parts)

    @property
    def _matched(self) -> int | None:
        """How many elements the source says that it has; None where it does not say so of every part."""
        said = [each.matched for each in self._parts]
        return None if None in said else sum(each for each in said if each is not None)

    def _pages(self) -> tuple[str, str]:
        self._resume()
        if self._progress is not None:
            probe = self._harvester.probe()
            total = probe.matched if self._walk.mode == FULL else None
            self._progress.begin(self._source.title or self._source.id, total)
        changes = self._changes()
        seen_ids = self._compare() if self._walk.mode == IDS else 0
        if self._walk_parts(changes):
            return PARTIAL, f"stopped after {self._limit} elements, as asked"
        if self._dry:
            return COMPLETE, ""
        return self._finish_changes() if self._walk.mode == CHANGES else self._finish(seen_ids)

    def _resume(self) -> None:
        """Find out which walk it is that goes on, and where; else begin one."""
        standing = {} if self._dry else self._store.ingest.checkpoints(self._source.id)
        checkpoint = standing.get("")
        walk = Walk.from_json(checkpoint.position) if checkpoint is not None else None
        if checkpoint is None or walk is None or not self._goes_on(walk):
            if standing:
                self._forget()
            began = now() if self._dry else self._store.ledger.run(self._id).started
            self._walk = plan(self._store.ledger, self._source, self._harvester, began, full=self._whole)
            self._divide()
            return
        self._number, self._walk = checkpoint.walk, walk
        names = checkpoint.position.get("parts")
        if names is None:
            self._parts = [Part.from_json("", checkpoint.position)]
        else:
            self._parts = [Part.from_json(each, standing[each].position if each in standing else {}) for each in names]

    def _divide(self) -> None:
        """Part a full walk that begins, where that can be done, and remember how."""
        if self._walk.mode != FULL or not isinstance(self._harvester, SupportsPartitions):
            return
        names = list(self._harvester.partitions())
        if len(names) < 2:
            return
        if "" in names or len(set(names)) < len(names):
            raise RunError("two parts of the source have one name, or one has none")
        self._parts = [Part(each) for each in names]
        if not self._dry:
            where = Checkpoint(self._number, {"parts": names, **self._walk.to_json()})
            self._store.ingest.page(self._source.id, self._id, [], checkpoint=where)

    def _goes_on(self, walk: Walk) -> bool:
        """Say whether an interrupted walk is still the one to take: over the same address, and full where asked so."""
        same = walk.setup in ("", digest(self._source))
        return same and (walk.mode == FULL or not self._whole)

    def _changes(self) -> Iterator[RawPage] | None:
        """Return what has changed where that is walked; a source that cannot tell it is walked whole from now on."""
        if self._walk.mode == FULL or self._parts[0].done:
            return None
        if isinstance(self._harvester, SupportsChanges):
            pages = self._harvester.changes(self._walk.since, self._parts[0].at)
            if pages is not None:
                return pages
        if self._parts[0].at is not None:
            self._forget()
        self._number, self._parts = self._id, [Part()]
        self._walk = replace(self._walk, mode=FULL, since=0)
        self._divide()
        return None

    def _walk_parts(self, changes: Iterator[RawPage] | None) -> bool:
        """Walk every part that is not done, several at a time; say whether the limit has ended that."""
        left = [number for number, part in enumerate(self._parts) if not part.done]
        threads = 1 if self._limit is not None or self._dry else min(self._parallel(), len(left))
        if self._cluster is not None and left and self._parts[0].name:
            self._walk_on(self._cluster, left)
            return False
        if threads <= 1:
            return any(self._walk_part(number, changes) for number in left)
        with ThreadPoolExecutor(threads, thread_name_prefix=f"part of {self._source.id}") as pool:
            begun = [pool.submit(self._walk_part, number, None) for number in left]
            try:
                errors = [error for each in begun if (error := each.exception()) is not None]
            except BaseException:  # Ctrl-C comes here, where the main thread waits.
                self._interrupted.set()
                raise
        if errors:
            # What ended the others is the first that was no wish to end.
            raise next((each for each in errors if not isinstance(each, StoppedError)), errors[0])
        return False

    def _walk_on(self, cluster: Cluster, left: list[int]) -> None:
        """Let a cluster walk the parts that are not done."""
        place = {self._parts[number].name: number for number in left}
        tasks = [
            Task(self._store.database.url, self._source, self._contact, self._walk, self._number, self._id, name)
            for name in place
        ]

        def done(outcome: Done) -> None:
            number = place[outcome.part.name]
            self._parts[number] = outcome.part
            self._counts += outcome.counts
            self._elsewhere = (self._elsewhere[0] + outcome.requests, self._elsewhere[1] + outcome.bytes)
            self._rest_until = max(self._rest_until, outcome.rest_until or 0)
            self._tell()

        failed = cluster.walk(tasks, self._parallel(), done, self._stopped)
        if self._stopped():
            raise StoppedError
        if failed:
            raise RunError(failed)

    def _parallel(self) -> int:
        settings = read_settings(find(self._source.kind), self._source.settings)
        return int(settings["parallel"])

    def _walk_part(self, number: int, changes: Iterator[RawPage] | None) -> bool:
        """Walk one part to its end; say whether the limit has cut it short."""
        if self._halt.is_set() or self._interrupted.is_set():
            raise StoppedError
        try:
            return self._walk_pages(number, changes if changes is not None else self._pages_of(self._parts[number]))
        except BaseException:
            # The others finish what they have begun; no further one begins.
            self._halt.set()
            raise

    def _pages_of(self, part: Part) -> Iterator[RawPage]:
        if part.name:
            assert isinstance(self._harvester, SupportsPartitions)
            return self._harvester.partition(part.name, part.at)
        return self._harvester.pages(part.at)

    def _walk_pages(self, number: int, pages: Iterator[RawPage]) -> bool:
        steps = 0
        for page in pages:
            before = self._parts[number].at
            if self._take(number, page):
                return True
            if page.position is not None and page.position == before:
                self._forget()
                raise RunError("the source gives the same page again and again; nothing was deleted")
            steps += 1
            if self._limit is not None and self._counts.seen >= self._limit and not self._ended():
                return True
        _LOG.debug("walk %s over %s %s ended after %s pages", self._number, self._source.id, number, steps)
        return False

    def _ended(self) -> bool:
        return all(each.done for each in self._parts)

    def _compare(self) -> int:
        """Tell the store which elements the source still has, by their ids alone, and return how many.

        It comes before the changes: what is new in between then is among these. Killed and begun again it starts anew.
        """
        ids = (each for each in self._harvester.ids() if nameable(each[0]) and nameable(each[1]))
        count = 0
        while part := list(islice(ids, _IDS)):
            if self._stop is not None and self._stop.is_set():
                raise StoppedError
            count += len(part)
            if not self._dry:
                unknown = self._store.ingest.here(self._source.id, self._number, part)
                self._unknown += unknown[: _UNSURE + 1 - len(self._unknown)]
        return count

    def _take(self, number: int, page: RawPage) -> bool:
        """Map and store one page of a part; say whether the limit has cut it, so that it has to be read again."""
        room = None if self._limit is None else max(0, self._limit - self._counts.seen)
        part = self._parts[number]
        cut = room is not None and len(page.raws) - part.taken_of(page) > room
        gone = () if cut else self._believed(page.gone)
        after, counts = self._taker.take(part, page, room, gone)
        with self._counting:
            self._parts[number] = after
            self._counts += counts
            self._tell()
        return cut

    @property
    def _taker(self) -> Taker:
        """Who takes the pages of the walk as it is now."""
        return Taker(
            self._store,
            self._harvester,
            self._source.id,
            self._id,
            self._number,
            self._walk,
            self._stopped,
            self._refused if self._dry else None,
        )

    def _stopped(self) -> bool:
        return self._interrupted.is_set() or (self._stop is not None and self._stop.is_set())

    def _believed(self, gone: Sequence[tuple[str, str]]) -> Sequence[str]:
        """Return the ids of the records that may be deleted because the source says so; a full walk sees to the rest.

        A source that takes back more in one run than may vanish without anybody asking looks broken here, too.
        """
        if not gone or self._walk.mode != CHANGES:
            return ()
        if self._may_go is None:
            live = self._store.ingest.missing(self._source.id, self._number)[1]
            self._may_go = int(max(MOST_VANISHED, SHARE_VANISHED * live))
        ids = [record_id(self._source.id, container, id) for container, id in gone]
        believed = ids[: self._may_go]
        self._may_go -= len(believed)
        return believed

    def _finish_changes(self) -> tuple[str, str]:
        """End a walk over what has changed, which says nothing about what is gone."""
        unseen, live = self._store.ingest.missing(self._source.id, self._number)
        different = min(self._seen, live - unseen + self._rejected)
        self._store.ingest.finish(self._source.id, self._number, sweep=False)
        if self._matched is not None and different < self._matched:
            # The next walk begins where this one did, so nothing is lost for good.
            return PARTIAL, f"the source says that {self._matched} elements have changed and gave {different}"
        self._remember(CHANGES)
        return COMPLETE, f"{self._unreadable} elements could not be read" if self._unreadable else ""

    def _remember(self, mode: str) -> None:
        """Let later walks over changes begin here, unless this was one and a change could not be read."""
        if mode == FULL or not self._unreadable:
            clocks = [each.clock for each in self._parts if each.clock is not None]
            self._walked = Walked(mode, min([self._walk.began, *clocks]), self._walk.setup)

    def _finish(self, ids: int) -> tuple[str, str]:
        """End a walk that met everything, itself or its id: decide whether what it did not see may be deleted."""
        by_ids = self._walk.mode == IDS
        seen = ids if by_ids else self._seen
        unseen, live = self._store.ingest.missing(self._source.id, self._number)
        self._missing = unseen
        reason = self._suspicion(seen, unseen, live)
        if reason and not self._approve:
            # It is no walk to build upon: the next one reads everything again, and may find the source mended.
            self._store.ingest.finish(self._source.id, self._number, sweep=False)
            return HELD, f"{reason}; nothing was deleted"
        mode, note = self._walk.mode, ""
        if by_ids and self._unknown:
            unknown = len(self._store.ingest.here(self._source.id, self._number, self._unknown))
            if unknown:
                mode, note = UNSURE, f"{unknown} elements are not among its changes; the next walk is a full one"
        self._remember(mode)
        if self._unreadable and unseen and not self._approve and not by_ids:
            self._store.ingest.finish(self._source.id, self._number, sweep=False)
            return COMPLETE, f"nothing was deleted, since {self._unreadable} elements could not be read"
        gone = self._store.ingest.finish(
            self._source.id, self._number, sweep=True, now_gone=self._approve, release=not by_ids
        )
        self._counts += Counts(deleted=gone)
        waiting = unseen - gone
        said = f"{waiting} records are missing; the next walk over everything deletes those that it misses, too"
        empty = "nothing that the source gave is a record" if seen else "the source has nothing"
        told = (said if waiting else "", note, "" if live else empty)
        return COMPLETE, "; ".join(each for each in told if each)

    def _suspicion(self, seen: int, unseen: int, live: int) -> str:
        """Return why the source should not be believed when it says that records are gone; empty when it should."""
        if seen == 0 and live:
            return f"the source has nothing, where it had {live} records"
        if seen == self._rejected and unseen and self._walk.mode == FULL:
            # A fault that is told as a document, with status 200, is no source that has become empty.
            return f"nothing that the source gave is a record, where it had {live}"
        # What came twice was seen twice, and must not stand for what never came.
        different = min(seen, live - unseen + self._rejected)
        if self._matched is not None and different < self._matched and self._walk.mode == FULL:
            return f"the source says that it has {self._matched} elements and gave {different}"
        if unseen > max(MOST_VANISHED, SHARE_VANISHED * live):
            return f"{unseen} of {live} records have vanished, which somebody has to approve"
        return ""

    def _forget(self) -> None:
        if not self._dry:
            self._store.ingest.finish(self._source.id, self._number, sweep=False)

    def _tell(self) -> None:
        if self._progress is not None:
            self._progress.advance(self._counts)
        moment = time.monotonic()
        if not self._dry and moment - self._told >= _WATCHED:
            self._told = moment
            self._store.ledger.end(self._report(RUNNING, ""))

    def _report(self, status: str, message: str) -> Report:
        used = self._client.counters.since(self._before)
        return Report(
            self._source.id,
            self._id,
            status,
            self._counts,
            used.requests + self._elsewhere[0],
            used.bytes + self._harvester.bytes_read + self._elsewhere[1],
            round(time.monotonic() - self._started, 3),
            message,
            self._walk.mode,
            self._number,
            self._missing,
            self._matched if self._walk.mode == FULL else None,
        )

    def _close(self, report: Report) -> None:
        if not self._dry:
            try:
                self._store.ledger.end(report, self._walked)
            except UnavailableError:
                # The disk is as full as it was; the next run closes this one.
                _LOG.warning("the end of run %s could not be written", self._id)
        if self._progress is not None:
            self._progress.end(
                f"{report.status}, {self._counts.seen} seen" + (f": {report.message}" if report.message else "")
            )
