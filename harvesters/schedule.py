"""When a source is harvested next: its schedule in UTC, apart from the others, and less often while it fails."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Final

from cronsim import CronSim, CronSimError

from discovery.errors import ConfigError
from discovery.model.source import COMPLETE, HELD, RUNNING, Run, Source
from discovery.store.ledger import Ledger

NAMES: Final[Mapping[str, str]] = MappingProxyType(
    {"@hourly": "0 * * * *", "@daily": "0 0 * * *", "@weekly": "0 0 * * 0", "@monthly": "0 0 1 * *"}
)
"""What may be said instead of five fields."""
MOST_APART: Final = timedelta(hours=1)
"""How far from midnight the sources that are harvested `@daily` may be moved, so that not all begin at once."""
FIRST_RETRY: Final = timedelta(minutes=5)
"""How soon a source is tried again after it has failed once; twice as long after each further time ..."""
LAST_RETRY: Final = timedelta(days=1)
"""... and never longer than this."""


@dataclass(frozen=True, slots=True)
class Next:
    """When a source is harvested next, and why then."""

    at: int
    """UTC milliseconds."""
    failures: int = 0
    """How many runs in a row did not come to their end; more than 0 says that this is another try."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One source as it stands."""

    source: Source
    last: Run | None
    next: Next | None


def agenda(ledger: Ledger) -> list[Entry]:
    """Return every source with its last run and when the next one is due, by id."""
    latest, added = ledger.latest(), ledger.added()
    out = []
    for source in ledger.sources():
        runs = latest.get(source.id, [])
        try:
            coming = upcoming(source, runs, added.get(source.id, 0))
        except ConfigError:  # written by an older version, or by hand
            coming = None
        out.append(Entry(source, runs[0] if runs else None, coming))
    return out


def checked(text: str) -> str:
    """Return a schedule if it is one.

    Raises:
        ConfigError: It is not five fields or one of the names; the message says what is wrong.
    """
    _cron(text, datetime(2000, 1, 1, tzinfo=UTC))
    return text


def upcoming(source: Source, runs: Sequence[Run], since: int) -> Next | None:
    """Return when a source is to be harvested next; None where it is not enabled or has no schedule.

    An instant that has passed says that it is due now, once, however many times were missed. It is never before the
    instant until which the source has asked to be left alone.

    Args:
        source: The source with its `schedule`.
        runs: Its runs, newest first; a dozen are enough.
        since: What counts as its last run while it has none, in UTC milliseconds.
    """
    text = source.settings.get("schedule", "")
    if not text or not source.enabled:
        return None
    found = _planned(source.id, text, runs, since)
    rest = runs[0].report.not_before if runs else None
    return found if rest is None else replace(found, at=max(found.at, rest))


def _planned(source: str, text: str, runs: Sequence[Run], since: int) -> Next:
    """Return when a source is harvested next by its schedule and its failures alone."""
    failures = _failures(runs)
    if failures:
        pause = min(FIRST_RETRY * 2.0 ** min(failures - 1, 20), LAST_RETRY)
        ended = runs[0].finished or runs[0].started
        return Next(ended + int(pause.total_seconds() * 1000), failures)
    last = datetime.fromtimestamp((runs[0].started if runs else since) / 1000, UTC)
    apart = _apart(source, text)
    # Between a time of the schedule and the moment a little later at which it is kept, that time still lies ahead.
    found = next(_cron(text, last - apart)) + apart
    return Next(int(found.timestamp() * 1000))


def _cron(text: str, begin: datetime) -> CronSim:
    fields = NAMES.get(text.strip().lower(), text)
    if fields.startswith("@") or len(fields) > 200 or len(fields.split()) != 5:
        raise ConfigError(f"schedule {text[:80]!r} is neither five fields, as in cron, nor {', '.join(NAMES)}")
    try:
        cron = CronSim(fields, begin)
        next(CronSim(fields, begin))
    except (CronSimError, StopIteration) as error:
        what = str(error) or "it never comes"
        raise ConfigError(f"schedule {text[:80]!r}: {what}") from error
    return cron


def _failures(runs: Sequence[Run]) -> int:
    """Return how many of the newest runs did not come to their end."""
    count = 0
    for run in runs:
        if run.status in (COMPLETE, HELD):
            break
        count += run.status != RUNNING
    return count


def _apart(source: str, text: str) -> timedelta:
    """Return how much later than its schedule a source is harvested: always the same for it, another for others.

    Who writes five fields means the minute, and is kept waiting for less than one.
    """
    share = int.from_bytes(hashlib.sha256(source.encode()).digest()[:4], "big") / (1 << 32)
    if text.strip().lower() not in NAMES:
        return timedelta(seconds=int(share * 60))
    times = _cron(text, datetime(2000, 1, 1, tzinfo=UTC))
    first = next(times)
    return timedelta(seconds=int(share * min((next(times) - first) / 10, MOST_APART).total_seconds()))
