"""What can be followed as it goes on: runs of harvests, and jobs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from typing import Annotated, Final

import strawberry
from starlette.concurrency import run_in_threadpool
from strawberry import UNSET

from discovery.model import source as model
from discovery.portal import Portal
from discovery_graphql.described import subscription
from discovery_graphql.harvests import HarvestRun, Job, Number, Which, for_operators, shown_job, shown_run
from discovery_graphql.search import Info

LOOKED_AT: Final = 100
"""Of the newest runs, how many are looked at for changes; there is one for each source that is harvested."""

Only = Annotated[
    int | None, strawberry.argument(description="Only this run; what is told ends with how that has ended.")
]


@strawberry.type
class HarvestSubscriptions:
    """What operators follow."""

    @subscription("Runs that are under way or begin, as they stand and then each time they get on. For operators.")
    async def harvest_progress(
        self, info: Info, source: Which = UNSET, run: Only = UNSET
    ) -> AsyncGenerator[HarvestRun, None]:
        """Yield runs; whoever takes them slowly gets the latest state of each and not every one between."""
        portal = for_operators(info)
        told: dict[int, model.Run] | None = None
        while True:
            found = await run_in_threadpool(_runs, portal, source or None, run or None)
            for each in reversed(found):
                if each.status == model.RUNNING or run if told is None else told.get(each.id) != each:
                    yield shown_run(each)
            if run and found[0].status != model.RUNNING:
                return
            told = {each.id: each for each in found}
            await asyncio.sleep(info.context.every)

    @subscription("Work that was asked for, as it stands and then each time it gets on, to its end. For operators.")
    async def job_progress(self, info: Info, id: Number) -> AsyncGenerator[Job, None]:
        """Yield a job until it has ended."""
        portal, told = for_operators(info), None
        while True:
            found = await run_in_threadpool(portal.job, id)
            if found != told:
                yield shown_job(found)
            if found.ended:
                return
            told = found
            await asyncio.sleep(info.context.every)


def _runs(portal: Portal, source: str | None, run: int | None) -> Sequence[model.Run]:
    """Return the runs to look at, newest first.

    Raises:
        NotFoundError: There is no such source or run.
    """
    if source:
        portal.store.ledger.source(source)
    return [portal.store.ledger.run(run)] if run else portal.store.ledger.runs(source, LOOKED_AT)
