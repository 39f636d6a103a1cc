"""Deleting what a held run found missing, once somebody has said that it is really gone."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace

from discovery.errors import ConflictError
from discovery.lock import Lock
from discovery.model.source import COMPLETE, FAILED, FULL, HELD, Counts, Report, Run
from discovery.store.store import Store


def approve(store: Store, run: int, *, by: str, lock: Lock | None = None) -> Report:
    """Delete what a held run found missing, without asking the source again, and return its report as it is now.

    Args:
        store: Where the records are.
        run: The number of the run.
        by: Who says so, as it will be read beside the run.
        lock: The right to harvest the run's source, held meanwhile.

    Raises:
        NotFoundError: There is no such run.
        ConflictError: It is not held, or the source has been read since, which may have shown that less is gone.
    """
    with lock.hold() if lock is not None else nullcontext():
        found = store.ledger.run(run)
        refusal = _refusal(store, found)
        if refusal:
            raise ConflictError(refusal)
        gone = store.ingest.finish(
            found.source, found.report.walk, sweep=True, now_gone=True, release=found.report.mode == FULL
        )
        counts = found.report.counts + Counts(deleted=gone)
        report = replace(
            found.report, status=COMPLETE, counts=counts, message=f"{gone} deleted, approved by {by[:100]}"
        )
        store.ledger.end(report)
    return report


def _refusal(store: Store, run: Run) -> str:
    """Return why a run cannot be approved; empty when it can."""
    if run.status != HELD:
        return f"run {run.id} is {run.status}; only a held run waits for approval"
    if not run.report.walk:
        return f"run {run.id} is of an older version, which kept no note of what it missed; harvest again"
    later = [each for each in store.ledger.runs(run.source) if each.id > run.id]
    read = [each.id for each in later if each.status != FAILED or each.report.counts.seen]
    if read:
        return f"{run.source} has been read since, by run {read[0]}; look at that one, or harvest again"
    if store.ingest.checkpoint(run.source) is not None:
        return f"a walk over {run.source} is under way; let it come to its end"
    return ""
