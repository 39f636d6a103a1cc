"""Sources, runs, quarantine and jobs, for programs of operators: what the operators' pages show and do."""

from __future__ import annotations

from typing import Annotated, Any, cast

import strawberry
from strawberry import UNSET

from discovery.errors import BadQueryError, LimitError
from discovery.http import redact
from discovery.model import job as jobs
from discovery.model import source as model
from discovery.model.person import HARVEST, Role
from discovery.portal import Portal
from discovery_graphql.described import attribute, resolver
from discovery_graphql.enums import JobStatus, RunStatus, member
from discovery_graphql.rights import admitted
from discovery_graphql.scalars import Instant, Long
from discovery_graphql.search import MAX_PAGE, Info
from harvesters.standing import Standing, standings

Number = Annotated[int, strawberry.argument(description="The number of it.")]
Whose = Annotated[strawberry.ID, strawberry.argument(description="The id of the source.")]
Which = Annotated[strawberry.ID | None, strawberry.argument(description="Only of this source.")]
Many = Annotated[int, strawberry.argument(description="How many, at most 100.")]


@strawberry.type(description="What one run over a source did.")
class HarvestRun:
    """What one run over a source did."""

    id: int = attribute("Its number.")
    source: strawberry.ID = attribute("The id of its source.")
    status: RunStatus = attribute("How it stands.")
    mode: str = attribute("`full`, `changes` or `ids`; empty where nothing was walked.")
    started: Instant = attribute("When it began.")
    finished: Instant | None = attribute("When it ended; null while it runs.")
    seconds: float = attribute("How long it took.")
    seen: Long = attribute("Elements that came.")
    added: Long = attribute("Records that are new.")
    updated: Long = attribute("Records that have changed.")
    unchanged: Long = attribute("Records that came as they were.")
    deleted: Long = attribute("Records that were deleted.")
    quarantined: Long = attribute("Elements that became no record.")
    warnings: Long = attribute("Warnings on records.")
    missing: Long = attribute("Records that a whole walk did not meet; what a held run asks about.")
    stated: Long | None = attribute("Elements that the source says it has.")
    requests: Long = attribute("Requests that were sent.")
    bytes: Long = attribute("Bytes that were read.")
    not_before: Instant | None = attribute("Until when the source has asked to be left alone; null: it has not.")
    message: str = attribute("Why it ended so.")


@strawberry.type(description="An element that became no record.")
class QuarantineEntry:
    """An element that became no record."""

    id: int = attribute("Its number.")
    source: strawberry.ID = attribute("The id of its source.")
    container: str = attribute("What it belongs to at its source.")
    source_id: str = attribute("What its source calls it.")
    position: str = attribute("Where it stood, when it has no id.")
    stage: str = attribute("`fetch`, `parse`, `map` or `store`.")
    code: str = attribute("Why, as a stable code.")
    message: str = attribute("Why, in words.")
    path: str = attribute("Where in the element.")
    first_seen: Instant = attribute("When it came first.")
    last_seen: Instant = attribute("When it came last.")
    attempts: int = attribute("How often it was tried.")


@strawberry.type(description="An endpoint that is harvested.")
class HarvestSource:
    """An endpoint that is harvested."""

    id: strawberry.ID = attribute("Its short name.")
    kind: str = attribute("The protocol.")
    url: str = attribute("Where it is, without secrets.")
    title: str = attribute("What people call it.")
    enabled: bool = attribute("Whether it is harvested.")
    records: Long = attribute("Records that are here.")
    stated: Long | None = attribute(
        "Elements that the source says it has, in its last run or else its last whole walk; null: it does not say."
    )
    quarantined: Long = attribute("Elements that became no record.")
    next: Instant | None = attribute("When it is harvested next; null where it has no schedule.")
    last_run: HarvestRun | None = attribute("Its last run.")


@strawberry.type(description="Work that was asked for; the steward does it.")
class Job:
    """Work that was asked for."""

    id: int = attribute("Its number.")
    kind: str = attribute("What it is: `harvest`, `retry`, `approve`, `remap`.")
    source: strawberry.ID | None = attribute("The source that it is about.")
    status: JobStatus = attribute("How it stands.")
    created: Instant = attribute("When it was asked for.")
    finished: Instant | None = attribute("When it ended.")
    message: str = attribute("What came of it.")
    run: int | None = attribute("The run that it has made or approved.")


@strawberry.type(description="What operators ask.")
class HarvestQueries:
    """What operators ask."""

    @resolver("The endpoints that are harvested. For operators: show a token as `Authorization: Bearer`.")
    def sources(self, info: Info) -> list[HarvestSource]:
        """Return every source."""
        return [shown_source(each) for each in standings(for_operators(info).store)]

    @resolver("Runs, newest first. For operators.")
    def runs(self, info: Info, source: Which = UNSET, first: Many = 20) -> list[HarvestRun]:
        """Return runs."""
        portal = for_operators(info)
        return [shown_run(each) for each in portal.store.ledger.runs(source or None, page_of(first))]

    @resolver("What is in quarantine, oldest first. For operators.")
    def quarantine(
        self,
        info: Info,
        source: Which = UNSET,
        first: Many = 20,
        after: Annotated[int, strawberry.argument(description="Behind the element of this number.")] = 0,
    ) -> list[QuarantineEntry]:
        """Return elements in quarantine."""
        portal = for_operators(info)
        found = portal.store.ledger.quarantined(source or None, page_of(first), after=after)
        return [
            QuarantineEntry(
                id=each.id,
                source=strawberry.ID(each.source),
                container=each.raw.container,
                source_id=each.raw.source_id,
                position=each.raw.position,
                stage=each.stage,
                code=each.issue.code,
                message=each.issue.message,
                path=each.issue.path,
                first_seen=Instant(each.first_seen),
                last_seen=Instant(each.last_seen),
                attempts=each.attempts,
            )
            for each in found
        ]

    @resolver("Work that was asked for. For operators.")
    def job(self, info: Info, id: Number) -> Job:
        """Return a job."""
        return shown_job(for_operators(info).job(id))

    @resolver("Work that was asked for, newest first. For operators.")
    def jobs(self, info: Info, first: Many = 20) -> list[Job]:
        """Return jobs."""
        portal = for_operators(info)
        return [shown_job(each) for each in portal.jobs(page_of(first))]


@strawberry.type
class HarvestMutations:
    """What operators ask to be done."""

    @resolver("Harvest a source. For operators.")
    def harvest(
        self,
        info: Info,
        source: Whose,
        full: Annotated[bool, strawberry.argument(description="Read everything, not only what has changed.")] = False,
    ) -> Job:
        """Ask for a harvest."""
        return _ask(info, jobs.HARVEST, source=str(source), full=full or None)

    @resolver("Try what is in quarantine again: one element, or all of a source. For operators.")
    def retry(
        self,
        info: Info,
        source: Which = UNSET,
        number: Annotated[int | None, strawberry.argument(description="Only this element.")] = UNSET,
    ) -> Job:
        """Ask for another try."""
        return _ask(info, jobs.RETRY, source=source or None, number=number or None)

    @resolver("Delete what a held run found missing. For operators.")
    def approve(self, info: Info, run: Number) -> Job:
        """Ask for what was held back."""
        return _ask(info, jobs.APPROVE, run=run, by=info.context.who.person.name if info.context.who.person else "")

    @resolver("Map what is stored again, without asking any source. For operators.")
    def remap(self, info: Info, source: Which = UNSET) -> Job:
        """Ask for a new mapping."""
        return _ask(info, jobs.REMAP, source=source or None)

    @resolver(
        "Harvest a source on its schedule and when asked for, or leave it alone; its records stay. For operators."
    )
    def enable_source(
        self,
        info: Info,
        source: Whose,
        enabled: Annotated[bool, strawberry.argument(description="Whether it is harvested.")] = True,
    ) -> HarvestSource:
        """Say whether a source is harvested."""
        portal = for_operators(info)
        portal.store.ledger.enable(str(source), enabled)
        portal.people.note(info.context.who, "source.enabled", str(source), "", str(enabled).lower())
        return next(shown_source(each) for each in standings(portal.store) if each.source.id == source)


def for_operators(info: Info) -> Portal:
    """Return the portal to operators who have shown a token for harvests.

    Raises:
        DeniedError: They have not.
    """
    admitted(info.context.who, Role.OPERATOR, HARVEST)
    return info.context.portal


def _ask(info: Info, kind: str, **arguments: Any) -> Job:
    portal = for_operators(info)
    job = portal.ask(kind, arguments)
    told = " ".join(f"{name}={value}" for name, value in job.arguments.items())
    portal.people.note(info.context.who, f"job.{kind}", str(job.id), "", told)
    return shown_job(job)


def page_of(first: int) -> int:
    """Return how many are wanted.

    Raises:
        BadQueryError: Less than none.
        LimitError: More than a page holds.
    """
    if first < 0:
        raise BadQueryError(f"first must be 0 to {MAX_PAGE}, not {first}", parameter="first")
    if first > MAX_PAGE:
        raise LimitError("graphql-page", f"first must be 0 to {MAX_PAGE}, not {first}", parameter="first")
    return first


def shown_source(standing: Standing) -> HarvestSource:
    """Return a source as the schema shows it."""
    return HarvestSource(
        id=strawberry.ID(standing.source.id),
        kind=standing.source.kind,
        url=redact(standing.source.url),
        title=standing.source.title,
        enabled=standing.source.enabled,
        records=Long(standing.records),
        stated=_long(standing.stated),
        quarantined=Long(standing.quarantined),
        next=Instant(standing.next.at) if standing.next else None,
        last_run=shown_run(standing.last) if standing.last else None,
    )


def shown_run(run: model.Run) -> HarvestRun:
    """Return a run as the schema shows it."""
    report, counts = run.report, run.report.counts
    return HarvestRun(
        id=run.id,
        source=strawberry.ID(run.source),
        status=cast("RunStatus", member(RunStatus, run.status)),
        mode=report.mode,
        started=Instant(run.started),
        finished=None if run.finished is None else Instant(run.finished),
        seconds=report.seconds,
        **{name: Long(getattr(counts, name)) for name in model.Counts.__dataclass_fields__},
        missing=Long(report.missing),
        stated=_long(report.stated),
        requests=Long(report.requests),
        bytes=Long(report.bytes),
        not_before=None if report.not_before is None else Instant(report.not_before),
        message=report.message,
    )


def shown_job(job: jobs.Job) -> Job:
    """Return a job as the schema shows it."""
    run = job.result.get("run")
    return Job(
        id=job.id,
        kind=job.kind,
        source=strawberry.ID(job.source) if job.source else None,
        status=cast("JobStatus", member(JobStatus, job.status)),
        created=Instant(job.created),
        finished=None if job.finished is None else Instant(job.finished),
        message=job.message,
        run=run if isinstance(run, int) else None,
    )


def _long(value: int | None) -> Long | None:
    return None if value is None else Long(value)
