"""Mapping what is stored once more: the records by a better mapping, or what is in quarantine."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from discovery.errors import ConfigError, NotFoundError, RecordError
from discovery.http import Client
from discovery.model.checks import PORTAL
from discovery.model.source import COMPLETE, Counts, Mapped, Quarantined, Report
from discovery.store.store import Store
from harvesters.base import Harvester
from harvesters.mapping import map_one
from harvesters.progress import Progress
from harvesters.registry import harvester as make_harvester

_PART: Final = 500
"""Elements that are handled at a time."""


def remap(
    store: Store,
    source_id: str | None = None,
    *,
    client: Client,
    folder: Path = Path(),
    progress: Progress | None = None,
    stop: threading.Event | None = None,
) -> Counts:
    """Map the stored raw elements of one source, or of all, again without asking any source.

    What cannot be mapped any more stays as it is and is counted as quarantined. Stopped, it keeps what it has done.
    """
    counts = Counts()
    workers: dict[str, Harvester | None] = {}
    known = {each.id: each for each in store.ledger.sources()}
    batch: list[Mapped] = []
    if progress is not None:
        lives = store.catalogue.counts()
        chosen = [source_id] if source_id is not None else list(lives)
        progress.begin("remap", sum(sum(lives.get(each, {}).values()) for each in chosen))
    for source, id, raw in store.catalogue.raws(source_id):
        if source == PORTAL:
            # What was made here is mapped when it is published; there is no harvester that could do it again.
            continue
        if source not in workers:
            workers[source] = make_harvester(known[source], client, folder) if source in known else None
        worker = workers[source]
        outcome = map_one(worker, raw) if worker is not None else None
        if isinstance(outcome, Mapped) and outcome.record.id == id:
            batch.append(outcome)
        else:
            counts += Counts(seen=1, quarantined=1)
        if stop is not None and stop.is_set():
            break
        if len(batch) >= _PART:
            counts += store.ingest.remap(batch)
            batch = []
            if progress is not None:
                progress.advance(counts)
    counts += store.ingest.remap(batch)
    if progress is not None:
        progress.end(f"{counts.updated} changed, {counts.unchanged} unchanged")
    return counts


@dataclass(frozen=True, slots=True)
class Released:
    """What came of mapping the elements in quarantine again."""

    released: int
    left: int


def release(
    store: Store,
    source: str | None = None,
    *,
    client: Client,
    folder: Path = Path(),
    stop: threading.Event | None = None,
) -> Released:
    """Map what is in quarantine again, of one source or of all, and let go what has become a record.

    Raises:
        NotFoundError: The source is not known.
    """
    if source is not None:
        store.ledger.source(source)
    workers: dict[str, Harvester | None] = {}
    count = after = 0
    while entries := store.ledger.quarantined(source, _PART, after=after):
        for entry in entries:
            if stop is not None and stop.is_set():
                break
            after = entry.id
            if entry.source not in workers:
                workers[entry.source] = _worker(store, entry.source, client, folder)
            worker = workers[entry.source]
            if worker is not None and _retried(store, worker, entry) is None:
                count += 1
        else:
            continue
        break
    return Released(count, store.ledger.quarantined_count(source))


def retry(store: Store, entry: Quarantined, *, client: Client, folder: Path = Path()) -> Report:
    """Map one quarantined element again from its stored bytes, and let it go when it has become a record.

    Raises:
        RecordError: It still cannot become a record; it stays where it is.
        NotFoundError: Its source is gone.
    """
    worker = make_harvester(store.ledger.source(entry.source), client, folder)
    still = _retried(store, worker, entry)
    if still is not None:
        raise RecordError(still.issue.code, still.issue.message, path=still.issue.path)
    return Report(entry.source, entry.run, COMPLETE, Counts(seen=1))


def _worker(store: Store, source: str, client: Client, folder: Path) -> Harvester | None:
    """Return the harvester of a source; None where it has gone or cannot be read any more."""
    try:
        return make_harvester(store.ledger.source(source), client, folder)
    except (NotFoundError, ConfigError):
        return None


def _retried(store: Store, worker: Harvester, entry: Quarantined) -> Quarantined | None:
    """Map an element again and store it; return it with its reason where it still cannot become a record."""
    outcome = map_one(worker, entry.raw)
    if isinstance(outcome, Quarantined):
        return outcome
    under_way = store.ingest.checkpoint(entry.source)
    walk = under_way.walk if under_way is not None else entry.run
    store.ingest.page(entry.source, walk, [outcome])
    return None
