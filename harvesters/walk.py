"""What a pass over a source is to read: everything, or only what has changed since the last one."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import orjson

from discovery.model.source import CHANGES, FULL, IDS, UNSURE, RawRecord, Source, Walked
from discovery.store.ledger import Ledger
from harvesters import registry
from harvesters.base import Harvester, Position, RawPage, SupportsChanges

OVERLAP: Final = 24 * 3_600_000
"""Milliseconds that a walk over changes begins before the last walk: a source's dates and clock are not exact."""
_DAY: Final = 24 * 3_600_000
# What an operator may change without anything at the source being another for it.
_ASIDE: Final = frozenset({"allow_hosts", "full_every", "parallel", "schedule"})


@dataclass(frozen=True, slots=True)
class Walk:
    """One pass over a source from beginning to end, which may take several runs."""

    mode: str = FULL
    since: int = 0
    """From when on changes are asked for, in UTC milliseconds; 0 in a full walk."""
    began: int = 0
    setup: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the walk as it stands in its checkpoint."""
        return {"mode": self.mode, "since": self.since, "began": self.began, "setup": self.setup}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Walk:
        """Read back what `to_json` wrote; a checkpoint of before there were modes is of a full walk."""
        return cls(data.get("mode", FULL), data.get("since", 0), data.get("began", 0), data.get("setup", ""))


@dataclass(slots=True)
class Part:
    """Where the walk over one part of a source stands; most walks have a single one, without a name."""

    name: str = ""
    at: Position | None = None
    done: bool = False
    seen: int = 0
    """Elements that came, in all runs of the walk."""
    unreadable: int = 0
    """Those that may be known records which could not be recognised."""
    rejected: int = 0
    matched: int | None = None
    """How many the source says that there are."""
    clock: int | None = None
    """The earliest time that the source has said it was."""
    cut: tuple[int, str] | None = None
    """How many elements of the page at hand a limit let be taken, and a digest of which they were."""

    def to_json(self) -> dict[str, Any]:
        """Return the part as it stands in its checkpoint."""
        return {name: getattr(self, name) for name in _KEPT}

    @classmethod
    def from_json(cls, name: str, data: Mapping[str, Any]) -> Part:
        """Read back what `to_json` wrote."""
        cut = data.get("cut")
        kept = {each: data[each] for each in _KEPT if each in data}
        return cls(name, **kept | {"cut": (int(cut[0]), str(cut[1])) if cut else None})

    def taken_of(self, page: RawPage) -> int:
        """Return how many elements of a page an earlier run has taken, where they are still the same."""
        count, known = self.cut or (0, "")
        return count if count <= len(page.raws) and known == digest_of(page.raws[:count]) else 0

    def within(self, page: RawPage, count: int, rejected: int, unreadable: int) -> Part:
        """Return the part as it stands once the first elements of a page have been stored, and a limit is reached."""
        return replace(
            self,
            unreadable=self.unreadable + unreadable,
            rejected=self.rejected + rejected,
            cut=(count, digest_of(page.raws[:count])),
        )

    def after(self, page: RawPage, rejected: int, unreadable: int) -> Part:
        """Return the part as it stands once a page has been stored."""
        clocks = [each for each in (self.clock, page.clock) if each is not None]
        return Part(
            self.name,
            page.position,
            page.position is None,
            self.seen + len(page.raws) + len(page.rejected),
            self.unreadable + unreadable,
            self.rejected + rejected,
            page.matched if page.matched is not None else self.matched,
            min(clocks, default=None),
        )


_KEPT: Final = ("at", "done", "seen", "unreadable", "rejected", "matched", "clock", "cut")


def digest_of(raws: Sequence[RawRecord]) -> str:
    """Return what tells whether these are the same elements, in the same order."""
    told = "".join(f"{each.container}\0{each.source_id}\0{each.position}\n" for each in raws)
    return hashlib.sha256(told.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def plan(ledger: Ledger, source: Source, harvester: Harvester, moment: int, *, full: bool = False) -> Walk:
    """Return what the next walk over a source should read.

    Args:
        ledger: What is known of earlier walks.
        source: What to walk.
        harvester: Whether it can tell what has changed.
        moment: Now, in UTC milliseconds.
        full: Read everything whatever is known.
    """
    setup = digest(source)
    everything = Walk(FULL, 0, moment, setup)
    if full or not isinstance(harvester, SupportsChanges):
        return everything
    last, whole = ledger.walked(source.id), ledger.walked(source.id, (FULL, IDS))
    if last is None or whole is None or not _to_be_built_upon(last, setup, moment):
        return everything
    days = registry.read_settings(registry.find(source.kind), source.settings)["full_every"]
    due = moment - whole.began >= int(days) * _DAY
    if due and not harvester.cheap_ids:
        return everything
    return Walk(IDS if due else CHANGES, max(0, last.began - OVERLAP), moment, setup)


def _to_be_built_upon(last: Walked, setup: str, moment: int) -> bool:
    """Say whether changes since a walk make the whole: not over another address, nor by a clock that was wrong."""
    return last.setup == setup and last.mode != UNSURE and last.began <= moment


def digest(source: Source) -> str:
    """Return what tells whether a source is still read the same way."""
    settings = {name: value for name, value in source.settings.items() if name not in _ASIDE}
    text = orjson.dumps([source.kind, source.url, settings], option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(text).hexdigest()[:16]
