"""How many records of each source can be opened, and why the others cannot: a page for everybody."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from discovery.launch.locating import REASONS, Count
from discovery.locations import Counted
from discovery.model.instant import iso
from ui import links
from ui.contexts import Anchor, Site
from ui.sources import Sources

PATH: Final = "/locations"


@dataclass(frozen=True, slots=True)
class LocatedRow:
    """One source, or all of them together."""

    title: str
    url: str
    """Its records."""
    records: str
    located: str
    part: float
    """The part of its records that has a place, from 0 to 1."""
    percent: str
    reasons: tuple[Anchor, ...]
    """Why the others have none, the most frequent first, each with its number."""


@dataclass(frozen=True, slots=True)
class LocatedContext:
    """The page."""

    site: Site
    rows: tuple[LocatedRow, ...]
    total: LocatedRow | None
    """None while the first count goes on."""
    moment: str
    """When it was counted."""
    reasons: tuple[Anchor, ...]
    """What each reason means: its name, and the sentence as a note."""


def page(counted: Counted | None, site: Site, sources: Sources) -> LocatedContext:
    """Return what the page shows."""
    if counted is None:
        return LocatedContext(site, (), None, "", ())
    report = counted.report
    rows = tuple(
        _row(sources.title(id), links.facet("source", id), each)
        for id, each in sorted(report.by_source.items(), key=lambda each: (-each[1].records, each[0]))
    )
    met = [each for each in REASONS.values() if report.total.reasons[each.code]]
    meanings = tuple(Anchor(each.code, "", f"{each.sentence} {each.instead}") for each in met)
    total = _row("All sources", links.search(), report.total)
    return LocatedContext(site, rows, total, iso(counted.moment)[:19].replace("T", " "), meanings)


def page_json(counted: Counted | None) -> dict[str, Any]:
    """Return the same as JSON values; `report` is null while the first count goes on."""
    if counted is None:
        return {"report": None, "counted": None}
    return {"report": counted.report.to_dict(), "counted": iso(counted.moment)}


def _row(title: str, url: str, count: Count) -> LocatedRow:
    part = count.located / count.records if count.records else 0.0
    reasons = tuple(Anchor(code, "", f"{number:,}") for code, number in count.reasons.most_common())
    return LocatedRow(
        title[:200], url, f"{count.records:,}", f"{count.located:,}", round(part, 4), f"{part:.0%}", reasons
    )
