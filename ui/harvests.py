"""What operators see of sources, runs, quarantine and jobs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote, urlencode

from discovery.http import redact
from discovery.model.instant import iso
from discovery.model.job import Job
from discovery.model.source import HELD, Quarantined, Run
from discovery.portal import Portal
from discovery.store.ingest import now
from harvesters.standing import Standing, standings
from ui import wording
from ui.contexts import Anchor, Fact, Site
from ui.harvest_contexts import EntryRow, HarvestsContext, JobRow, QuarantineContext, RunRow, SourceContext, SourceRow

HARVESTS: Final = "/admin/harvests"
RUNS: Final = 30
ENTRIES: Final = 50
"""Elements in quarantine on one page."""
SHOWN: Final = 100_000
"""Bytes of an element that a page shows."""
_WORDS: Final[Mapping[str, str]] = {
    "complete": "good",
    "done": "good",
    "running": "busy",
    "waiting": "busy",
    "held": "wait",
    "partial": "wait",
    "failed": "bad",
}


def source_url(id: str, **query: Any) -> str:
    """Return the URL of a source's page."""
    asked = urlencode({name: value for name, value in query.items() if value})
    return f"{HARVESTS}/{quote(id, safe='')}{'?' if asked else ''}{asked}"


def entry_url(id: int) -> str:
    """Return the URL of an element in quarantine."""
    return f"/admin/quarantine/{id}"


def overview(portal: Portal, site: Site, key: str, notice: str = "") -> HarvestsContext:
    """Return every source as it stands, and the work that waits."""
    rows = tuple(map(_source_row, standings(portal.store)))
    attention = tuple(
        Anchor(row.title, row.url, row.problem) for row in rows if row.problem and (row.enabled or row.status == HELD)
    )
    return HarvestsContext(site, key, notice, rows, attention, tuple(map(_job_row, portal.jobs(10))))


def overview_json(portal: Portal) -> dict[str, Any]:
    """Return the same as flat values."""
    return {
        "sources": [
            {
                "id": each.source.id,
                "kind": each.source.kind,
                "url": redact(each.source.url),
                "title": each.source.title,
                "enabled": each.source.enabled,
                "records": each.records,
                "stated": each.stated,
                "quarantined": each.quarantined,
                "last_run": each.last.to_dict() if each.last else None,
                "next": iso(each.next.at) if each.next else None,
            }
            for each in standings(portal.store)
        ],
        "jobs": [job_json(each) for each in portal.jobs(50)],
    }


def one(portal: Portal, id: str, site: Site, key: str, notice: str = "", after: int = 0) -> SourceContext:
    """Return one source with its runs and what of it is in quarantine.

    Raises:
        NotFoundError: There is no such source.
    """
    portal.store.ledger.source(id)
    standing = next(each for each in standings(portal.store) if each.source.id == id)
    row = _source_row(standing)
    runs = tuple(_run_row(each) for each in portal.store.ledger.runs(id, RUNS))
    entries = portal.store.ledger.quarantined(id, ENTRIES + 1, after=after)
    following = source_url(id, after=entries[ENTRIES - 1].id) if len(entries) > ENTRIES else ""
    reasons = tuple(Anchor(code, "", f"{number:,}") for code, number in portal.store.ledger.quarantine_reasons(id))
    jobs = tuple(_job_row(each) for each in portal.jobs(50) if each.source == id)[:5]
    shown = tuple(map(_entry_row, entries[:ENTRIES]))
    return SourceContext(site, key, notice, row, _facts(standing), runs, reasons, shown, following, jobs)


def one_json(portal: Portal, id: str, after: int = 0) -> dict[str, Any]:
    """Return one source, its runs and a page of its quarantine as flat values; raises as `one` does."""
    portal.store.ledger.source(id)
    entries = portal.store.ledger.quarantined(id, ENTRIES + 1, after=after)
    return {
        "source": id,
        "runs": [each.to_dict() for each in portal.store.ledger.runs(id, RUNS)],
        "reasons": dict(portal.store.ledger.quarantine_reasons(id)),
        "quarantine": [{"id": each.id, **each.to_dict()} for each in entries[:ENTRIES]],
        "next": source_url(id, after=entries[ENTRIES - 1].id, f="json") if len(entries) > ENTRIES else None,
    }


def element(portal: Portal, id: int, site: Site, key: str) -> QuarantineContext:
    """Return one element in quarantine with the bytes that its source sent.

    Raises:
        NotFoundError: There is none by that number.
    """
    found = portal.store.ledger.quarantine_entry(id)
    body = found.raw.body
    text = body[:SHOWN].decode("utf-8", "backslashreplace").replace("\0", "\\0")
    return QuarantineContext(
        site, key, _entry_row(found), found.source, source_url(found.source), text, max(0, len(body) - SHOWN)
    )


def _source_row(standing: Standing) -> SourceRow:
    source, last = standing.source, standing.last
    report = last.report if last else None
    status = last.status if last else ""
    rate = report.counts.seen / report.seconds if report and report.seconds else 0.0
    return SourceRow(
        id=source.id,
        title=source.title or source.id,
        url=source_url(source.id),
        kind=source.kind,
        enabled=source.enabled,
        status=status,
        mood=_WORDS.get(status, ""),
        run=last.id if last else 0,
        when=_minute(last.started if last else None),
        records=f"{standing.records:,}",
        there="" if standing.stated is None else f"{standing.stated:,}",
        share=_share(standing.records, standing.stated),
        seen=f"{report.counts.seen:,}" if report else "",
        changed=_changed(last),
        rate=f"{rate:,.0f}/s" if rate else "",
        quarantined=standing.quarantined,
        next=_minute(standing.next.at if standing.next else None),
        problem=_problem(last),
    )


def _problem(run: Run | None) -> str:
    trouble = run.trouble(now()) if run is not None else ""
    return "" if run is None or not trouble else trouble if trouble == run.status else f"{run.status}: {trouble}"


def _share(here: int, there: int | None) -> int | None:
    """Return how many in a hundred of what the source has are here; those it had nothing of count as all."""
    if there is None:
        return None
    return 100 if here >= there else here * 100 // there


def _changed(run: Run | None) -> str:
    if run is None:
        return ""
    counts = run.report.counts
    parts = ((counts.added, "added"), (counts.updated, "updated"), (counts.deleted, "deleted"))
    return ", ".join(f"{number:,} {word}" for number, word in parts if number) or "nothing changed"


def _facts(standing: Standing) -> tuple[Fact, ...]:
    source = standing.source

    def fact(label: str, *texts: str) -> Fact:
        return Fact(label, tuple(Anchor(each) for each in texts))

    known = [fact("Address", redact(source.url)), fact("Kind", source.kind)]
    kinds = sorted(standing.kinds.items())
    known.append(fact("Records", *(wording.plural(n, wording.kind(kind).lower()) for kind, n in kinds)))
    known.append(fact("Schedule", source.settings.get("schedule", "") or "none: harvested when asked for"))
    coming = standing.next
    if coming is not None:
        again = f" (after {wording.plural(coming.failures, 'failure')})" if coming.failures else ""
        known.append(fact("Next run", f"{_minute(coming.at)} UTC{again}"))
    settings = (f"{name}={value}" for name, value in sorted(source.settings.items()) if name != "schedule")
    known.append(fact("Settings", *settings))
    return tuple(each for each in known if each.values)


def _run_row(run: Run) -> RunRow:
    report = run.report
    return RunRow(
        id=run.id,
        status=run.status,
        mood=_WORDS.get(run.status, ""),
        mode=report.mode,
        when=_minute(run.started),
        seconds=f"{report.seconds:,.0f} s",
        seen=f"{report.counts.seen:,}",
        changed=_changed(run),
        quarantined=f"{report.counts.quarantined:,}",
        message=report.message,
        held=run.status == HELD,
        missing=f"{report.missing:,}",
    )


def _entry_row(each: Quarantined) -> EntryRow:
    place = " / ".join(part for part in (each.raw.container, each.raw.source_id or each.raw.position) if part)
    return EntryRow(
        id=each.id,
        url=entry_url(each.id),
        place=place[:300],
        code=each.issue.code,
        message=each.issue.message,
        path=each.issue.path,
        stage=each.stage,
        when=_minute(each.last_seen),
        attempts=each.attempts,
    )


def _job_row(job: Job) -> JobRow:
    about = ", ".join(f"{name} {value}" for name, value in job.arguments.items() if name != "by")
    return JobRow(
        job.id, job.kind, about[:200], job.status, _WORDS.get(job.status, ""), _minute(job.created), job.message
    )


def job_json(job: Job) -> dict[str, Any]:
    """Return work that was asked for as flat values."""
    return {"id": job.id, **job.to_dict()}


def _minute(moment: int | None) -> str:
    return "" if moment is None else iso(moment)[:16].replace("T", " ")
