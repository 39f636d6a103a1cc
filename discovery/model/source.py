"""Where records come from: sources, runs over them, what was sent, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from discovery.model.instant import instant, iso
from discovery.model.quick import quick
from discovery.model.record import Issue, Record

RUNNING: Final = "running"
"""Under way; where nothing was heard of it for ten minutes it was probably killed, and the next goes on from there."""
COMPLETE: Final = "complete"
"""The walk reached its end."""
PARTIAL: Final = "partial"
"""The walk did not reach its end: interrupted, limited, or the source failed; the next run resumes."""
HELD: Final = "held"
"""Complete, but so much has vanished that somebody must approve before anything is deleted."""
FAILED: Final = "failed"
"""Nothing came at all; the next run tries again."""
SILENT: Final = 600
"""Seconds without a word after which a run that is under way looks as if it had been killed."""

FULL: Final = "full"
"""A walk over everything; what it does not meet is missing."""
CHANGES: Final = "changes"
"""A walk over what has changed since the last one; it says nothing about what is missing."""
IDS: Final = "ids"
"""A walk over what has changed, and over the bare ids of everything, which say what is missing."""
UNSURE: Final = "unsure"
"""How a walk by ids is remembered that met elements which nothing had said were new: a full walk comes next."""


@dataclass(frozen=True, slots=True)
class Source:
    """An endpoint we were told about, and how to read it."""

    id: str
    kind: str
    """The harvester's name: `stac-static`, `stac-items`, `records-file`, `tap`, ..."""
    url: str
    title: str = ""
    settings: Mapping[str, str] = field(default_factory=dict)
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class RawRecord:
    """One element exactly as the source sent it."""

    container: str
    """What makes the source's own id unique: STAC collection, TAP table, section of a static catalogue."""
    source_id: str
    body: bytes
    media_type: str = "application/json"
    url: str = ""
    position: str = ""
    """Where in the source's answer it stood, for an element that has no id."""
    document: dict[str, Any] | None = field(default=None, repr=False, compare=False)
    """What the body says, from whoever has read it already; nobody changes it. None where nobody has."""


@dataclass(frozen=True, slots=True)
class Splice:
    """How a face serves a raw JSON document: these bytes, with `[start:end]` replaced by fresh links.

    `public` is None where the raw bytes may be shown as they are (no secrets in them).
    """

    start: int
    end: int
    links: bytes
    """The source's own links that stay, as the inside of a JSON array."""
    public: bytes | None = None
    collection: str | None = None
    """What a STAC Item names as its collection, empty for nothing; None means that its names must be looked for."""


@dataclass(frozen=True, slots=True)
class Mapped:
    """A record with the raw element it was mapped from."""

    record: Record
    raw: RawRecord
    splice: Splice | None = None
    body: bytes = b""
    """The record as JSON, from whoever has written it already; empty where nobody has."""


make_raw: Final = quick(RawRecord)
make_splice: Final = quick(Splice)
make_mapped: Final = quick(Mapped)
"""What whoever reads and maps elements by the hundred thousand makes them by."""


@dataclass(frozen=True, slots=True)
class Quarantined:
    """An element that could not become a record, kept whole with the reason."""

    raw: RawRecord
    issue: Issue
    stage: str = "map"
    """`fetch`, `parse`, `map` or `store`."""
    id: int = 0
    source: str = ""
    run: int = 0
    first_seen: int = 0
    last_seen: int = 0
    attempts: int = 1

    def to_dict(self) -> dict[str, Any]:
        """Return what is said of the element as flat JSON values, without its number and what was sent."""
        return {
            "source": self.source,
            "container": self.raw.container,
            "source_id": self.raw.source_id,
            "position": self.raw.position,
            "stage": self.stage,
            "code": self.issue.code,
            "message": self.issue.message,
            "path": self.issue.path,
            "first_seen": iso(self.first_seen),
            "last_seen": iso(self.last_seen),
            "attempts": self.attempts,
        }


@dataclass(frozen=True, slots=True)
class Counts:
    """What a page or a run did to the catalogue."""

    seen: int = 0
    added: int = 0
    updated: int = 0
    unchanged: int = 0
    deleted: int = 0
    quarantined: int = 0
    warnings: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.seen + other.seen,
            self.added + other.added,
            self.updated + other.updated,
            self.unchanged + other.unchanged,
            self.deleted + other.deleted,
            self.quarantined + other.quarantined,
            self.warnings + other.warnings,
        )


@dataclass(frozen=True, slots=True)
class Report:
    """What one run did, as the command line prints it and the store keeps it."""

    source: str
    run: int
    status: str
    counts: Counts = Counts()
    requests: int = 0
    bytes: int = 0
    seconds: float = 0.0
    message: str = ""
    mode: str = ""
    """`full`, `changes` or `ids`; empty where nothing was walked."""
    walk: int = 0
    """The run in which the walk began that this one brought further."""
    missing: int = 0
    """The records that a whole walk did not meet; what a held run asks about."""
    stated: int | None = None
    """How many elements a source said that it has, where a whole walk was told so."""
    not_before: int | None = None
    """Until when the source has asked to be left alone, in UTC milliseconds; None where it has not."""

    def to_dict(self) -> dict[str, Any]:
        """Return the report as flat JSON values, in the order in which people read it."""
        counts = {name: getattr(self.counts, name) for name in Counts.__dataclass_fields__}
        rate = self.counts.seen / self.seconds if self.seconds else 0.0
        return {
            "source": self.source,
            "run": self.run,
            "status": self.status,
            "mode": self.mode,
            **counts,
            "missing": self.missing,
            "stated": self.stated,
            "walk": self.walk,
            "requests": self.requests,
            "bytes": self.bytes,
            "seconds": round(self.seconds, 3),
            "records_per_second": round(rate, 1),
            "not_before": None if self.not_before is None else iso(self.not_before),
            "message": self.message,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Report:
        """Read back what `to_dict` wrote."""
        counts = Counts(**{name: data.get(name, 0) for name in Counts.__dataclass_fields__})
        plain = {name: data[name] for name in ("source", "run", "status", "requests", "bytes", "seconds", "message")}
        later = {"mode": data.get("mode", ""), "walk": data.get("walk", 0), "missing": data.get("missing", 0)}
        later["stated"] = data.get("stated")
        later["not_before"] = instant(data["not_before"]) if data.get("not_before") else None
        return cls(counts=counts, **plain, **later)


@dataclass(frozen=True, slots=True)
class Run:
    """One execution of a harvester over a source."""

    id: int
    source: str
    status: str
    started: int
    finished: int | None
    report: Report

    def trouble(self, moment: int) -> str:
        """Return what somebody should know who looks after it; empty where it ended well or is being done.

        A run tells how far it is every few seconds, but cannot tell that it was killed.

        Args:
            moment: Now, in UTC milliseconds.
        """
        if self.status in (PARTIAL, HELD, FAILED):
            return self.report.message or self.status
        silent = (moment - self.started) / 1000 - self.report.seconds
        if self.status != RUNNING or silent < SILENT:
            return ""
        return (
            f"nothing was heard of it for {silent / 60:.0f} minutes; if it was killed, the next run goes on from there"
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the report with when the run began and ended, as flat JSON values."""
        finished = iso(self.finished) if self.finished is not None else None
        return {**self.report.to_dict(), "started": iso(self.started), "finished": finished}

    def ended(self, report: Report, finished: int) -> Run:
        """Return the run as it stands after its end."""
        return replace(self, status=report.status, finished=finished, report=report)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Where a walk over one partition of a source stands.

    A walk is one pass from beginning to end; it may take several runs, and its number is the first run's.
    """

    walk: int
    position: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Walked:
    """A walk that came to its end, as the next one has to know it."""

    mode: str
    began: int
    """When it began, in UTC milliseconds by our clock, or by the source's where that was behind."""
    setup: str
    """What the source was then: a digest of its kind, address and settings."""
