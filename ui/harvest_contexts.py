"""What the operators' pages of harvests are made of: one frozen class a page, and the rows on them."""

from __future__ import annotations

from dataclasses import dataclass

from ui.contexts import Anchor, Fact, Site


@dataclass(frozen=True, slots=True)
class SourceRow:
    """A source as operators see it in the list."""

    id: str
    title: str
    url: str
    kind: str
    enabled: bool
    status: str
    """How its last run ended, empty where there was none."""
    mood: str
    """`good`, `busy`, `wait` or `bad`, which the stylesheet knows."""
    run: int
    when: str
    records: str
    there: str
    """How many elements the source says it has, empty where it does not say."""
    share: int | None
    """How many in a hundred of them are here."""
    seen: str
    changed: str
    rate: str
    quarantined: int
    next: str
    problem: str
    """What an operator should look at, empty for nothing."""


@dataclass(frozen=True, slots=True)
class RunRow:
    """One run over a source."""

    id: int
    status: str
    mood: str
    mode: str
    when: str
    seconds: str
    seen: str
    changed: str
    quarantined: str
    message: str
    held: bool
    """Whether somebody has to say that it is right."""
    missing: str


@dataclass(frozen=True, slots=True)
class EntryRow:
    """One element in quarantine."""

    id: int
    url: str
    place: str
    code: str
    message: str
    path: str
    stage: str
    when: str
    attempts: int


@dataclass(frozen=True, slots=True)
class JobRow:
    """Work that was asked for."""

    id: int
    kind: str
    about: str
    status: str
    mood: str
    when: str
    message: str


@dataclass(frozen=True, slots=True)
class HarvestsContext:
    """Every source as it stands."""

    site: Site
    key: str
    """What forms carry."""
    notice: str
    rows: tuple[SourceRow, ...]
    attention: tuple[Anchor, ...]
    """Sources that somebody should look at."""
    jobs: tuple[JobRow, ...]


@dataclass(frozen=True, slots=True)
class SourceContext:
    """One source with its runs and its quarantine."""

    site: Site
    key: str
    notice: str
    row: SourceRow
    facts: tuple[Fact, ...]
    runs: tuple[RunRow, ...]
    reasons: tuple[Anchor, ...]
    entries: tuple[EntryRow, ...]
    next: str
    """URL of the elements behind these, empty at the end."""
    jobs: tuple[JobRow, ...]


@dataclass(frozen=True, slots=True)
class QuarantineContext:
    """One element in quarantine with what its source sent."""

    site: Site
    key: str
    entry: EntryRow
    source: str
    source_url: str
    body: str
    left: int
    """Bytes that are not shown."""
