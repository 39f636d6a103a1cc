"""Keeping engines level with the store: they follow its change numbers, and generations are made from it alone."""

from __future__ import annotations

import gc
import logging
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import Final, Self

from discovery.errors import ConfigError, ConflictError, UnavailableError
from discovery.index.base import Generation, Index
from discovery.index.document import documents
from discovery.lock import Lock
from discovery.meaning.meanings import Meanings, described
from discovery.model.record import RESOURCES, SCOPES, Record
from discovery.store.catalogue import Change
from discovery.store.store import Store

_log = logging.getLogger(__name__)

BATCH: Final = 2000
"""Changes taken at once: large enough that a commit's cost is spread, small enough to be seen within a second."""
MOST: Final = 2 * BATCH
"""Changes taken at once while many more wait: each commit makes a segment that has to be merged with others."""

Progress = Callable[[str, int, int], None]
"""Called with the scope, how many are done and how many there are."""


class _Collector:
    """The collector of circles, which is the whole process's: threads that want it to look seldom share the wish."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._wishes = 0
        self._before = gc.get_threshold()

    def seldom(self) -> None:
        with self._lock:
            if not self._wishes:
                self._before = gc.get_threshold()
                gc.set_threshold(50_000, 20, 20)
            self._wishes += 1

    def as_before(self) -> None:
        with self._lock:
            self._wishes -= 1
            if not self._wishes:
                gc.set_threshold(*self._before)


_COLLECTOR: Final = _Collector()


@contextmanager
def few_collections() -> Iterator[None]:
    """Let the collector of circles look seldom while many records pass; it is as before when the last thread is done.

    Records and documents hold no circles, yet a page of them is walked again and again: a quarter of the whole work.
    """
    _COLLECTOR.seldom()
    try:
        yield
    finally:
        _COLLECTOR.as_before()


class _Behind:
    """Does one thing after the other in another thread, one behind whoever prepares them.

    Engines write outside of Python's lock, so that a batch is written while the next one is read and prepared.
    """

    def __init__(self) -> None:
        self._pool: ThreadPoolExecutor | None = None
        self._last: Future[None] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                self._wait()
        finally:
            if self._pool is not None:
                # Whatever happened, nothing is being written any more when the lock is given back.
                self._pool.shutdown()

    def do(self, work: Callable[[], None], *, soon: bool) -> None:
        """Do a thing after all before it; what one of those raised is raised here instead.

        Args:
            work: The thing.
            soon: Whether to return only when it is done, as where nothing follows that could be prepared meanwhile.
        """
        self._wait()
        if soon:
            work()
            return
        if self._pool is None:
            self._pool = ThreadPoolExecutor(1, thread_name_prefix="index")
        self._last = self._pool.submit(work)

    def _wait(self) -> None:
        last, self._last = self._last, None
        if last is not None:
            last.result()


def follow(store: Store, index: Index, *, progress: Progress | None = None) -> int:
    """Bring an engine level with the store as it is now and return how many changes it took; the caller holds the lock.

    Raises:
        ConfigError: The engine has seen changes that the store has not: it is not the engine of this store.
    """
    taken = 0
    for scope in SCOPES:
        after = index.generation(scope).change
        if after and after > (last := store.catalogue.last_change()):
            # Not mended here: another store's engine, reached by a wrong address, must not be overwritten by itself.
            raise ConfigError(
                f"the index of {scope} has seen change {after} and the store holds {last}: it is of another store, "
                f"or an older copy of this one was put back; if it is to follow this store, run discovery reindex"
            )
        waiting = store.catalogue.pending(scope, after) if progress else 0
        done, size = 0, BATCH
        with _Behind() as behind:
            while changes := store.catalogue.changes(scope, after, size):
                with few_collections():
                    live = documents([(each.record, each.key) for each in changes if each.record is not None])
                    gone = [each.key for each in changes if each.record is None]
                    after = changes[-1].change
                    more = len(changes) == size
                    behind.do(partial(index.write, scope, live, gone, after), soon=not more)
                done += len(changes)
                size = min(2 * size, MOST)
                if progress:
                    progress(scope, done, max(done, waiting))
                if not more:
                    # What came since then is for the next time: a commit costs as much as some hundred records.
                    break
        taken += done
    return taken


def rebuild(store: Store, index: Index, *, progress: Progress | None = None) -> dict[str, Generation]:
    """Make a new generation of both scopes from the store and publish it; the caller holds the lock."""
    made: dict[str, Generation] = {}
    # A record that changes meanwhile moves behind `target`, so none is added twice; following brings it afterwards.
    target = store.catalogue.last_change()
    totals = {scope: store.catalogue.live(scope) for scope in SCOPES}
    before = 0
    # Whoever asks meanwhile and finds no index that can be read is told how far this one is.
    with store.rebuilds.telling(sum(totals.values())) as tell:
        for scope, total in totals.items():
            build = index.build(scope)
            after = done = 0
            try:
                while changes := store.catalogue.changes(scope, after, BATCH, until=target):
                    live = documents([(each.record, each.key) for each in changes if each.record is not None])
                    build.add(live)
                    after = changes[-1].change
                    done += len(live)
                    tell(before + done)
                    if progress:
                        progress(scope, done, total)
            except BaseException:
                build.discard()
                raise
            made[scope] = build.publish(target)
            before += done
    follow(store, index)
    return made


def settle(store: Store, index: Index, lock: Lock, *, wait: float = 60.0, progress: Progress | None = None) -> int:
    """Return when everything in the store can be found: index it, or wait for whoever holds the lock to do so.

    Raises:
        UnavailableError: The holder of the lock has not caught up after `wait` seconds without a step forward.
    """
    deadline = time.monotonic() + wait
    behind = -1
    while True:
        try:
            with lock.hold():
                return follow(store, index, progress=progress)
        except ConflictError as error:
            left = sum(store.catalogue.pending(scope, index.generation(scope).change) for scope in SCOPES)
            if left == 0:
                return 0
            if left != behind:
                behind, deadline = left, time.monotonic() + wait
            elif time.monotonic() > deadline:
                raise UnavailableError(f"{left} changes wait to be indexed, and {error}") from error
            time.sleep(0.1)


def learn(store: Store, meanings: Meanings | None, *, anew: bool = False) -> int:
    """Bring the vectors of resources level with the store, and return how many were made.

    Nothing else waits for it: while another process does the same, or it cannot be written, words are enough.

    Args:
        store: Where the resources are.
        meanings: What the vectors are kept by; None is a portal without.
        anew: Whether to make them all, whatever is there.
    """
    if meanings is None or not meanings.fingerprint:
        return 0
    try:
        after, last = meanings.change, store.catalogue.last_change()
        if not last or (0 < after <= last and not anew and not store.catalogue.pending(RESOURCES, after)):
            return 0
        with meanings.lock.hold(wait=30.0 if anew else 0.0):
            return _learn(store, meanings, 0 if anew or after > last else meanings.change, last)
    except ConflictError:
        return 0
    except UnavailableError as error:
        _log.warning("words are not compared by their meaning: %s", error)
        return 0


def _learn(store: Store, meanings: Meanings, after: int, last: int) -> int:
    if not after:
        rows = ((each.key, _described(each.record)) for each in _all(store, last) if each.record is not None)
        return meanings.build(rows, last)
    made = 0
    while changes := store.catalogue.changes(RESOURCES, after, MOST):
        after = changes[-1].change
        live = [(each.key, _described(each.record)) for each in changes if each.record is not None]
        made += meanings.write(live, [each.key for each in changes if each.record is None], after)
    return made


def _all(store: Store, target: int) -> Iterator[Change]:
    after = 0
    while changes := store.catalogue.changes(RESOURCES, after, BATCH, until=target):
        yield from changes
        after = changes[-1].change


def _described(record: Record) -> str:
    return described(record.title, record.keywords, record.description)


def differences(store: Store, index: Index) -> list[str]:
    """Return where engine and store disagree, one sentence each; empty is good."""
    found: list[str] = []
    for scope in SCOPES:
        generation = index.generation(scope)
        if generation.change > store.catalogue.last_change():
            found.append(f"{scope}: the index has seen changes that the store has not; run discovery reindex")
            continue
        waiting = store.catalogue.pending(scope, generation.change)
        live = store.catalogue.live(scope)
        if waiting:
            found.append(f"{scope}: {waiting} changes wait to be indexed; discovery serve or any harvest indexes them")
        elif generation.documents != live:
            found.append(
                f"{scope}: the store has {live} records and the index {generation.documents}; run discovery reindex"
            )
    return found
