"""Runs and jobs as they go on, taken from the schema itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any, cast

import pytest

from discovery.index.tantivy import TantivyIndex
from discovery.model.person import HARVEST, READ, Person, Principal, Role
from discovery.model.source import COMPLETE, RUNNING, Counts, Report, Source
from discovery.portal import Portal
from discovery.store.store import Store
from discovery_graphql.schema import build
from discovery_graphql.search import Context

RUNS = "subscription ($source: ID, $run: Int) { harvestProgress(source: $source, run: $run) { id status seen } }"
JOB = "subscription { jobProgress(id: 1) { status message } }"
OPERATOR = Principal(Role.OPERATOR, Person("x", "Olga"), frozenset({READ, HARVEST}))
pytestmark = pytest.mark.slow


@pytest.fixture
def portal(tmp_path: Path) -> Iterator[Portal]:
    portal = Portal(Store(f"sqlite:///{tmp_path / 'store.db'}"), TantivyIndex(tmp_path / "index"))
    for name in ("ice", "stars"):
        portal.store.ledger.add_source(Source(name, "stac-api", f"https://{name}.example/stac", name))
    yield portal
    portal.close()


async def follow(portal: Portal, query: str, **variables: Any) -> AsyncGenerator[dict[str, Any], None]:
    context = Context(portal, who=OPERATOR, every=0.01)
    source = await build().subscribe(query, variable_values=variables, context_value=context)
    async with aclosing(source):
        async for result in source:
            assert not result.errors, result.errors
            yield cast("dict[str, Any]", result.data)


def report(portal: Portal, run: int, status: str, seen: int, source: str = "ice") -> None:
    portal.store.ledger.end(Report(source, run, status, Counts(seen=seen)))


def test_a_run_is_told_as_it_stands_and_as_it_gets_on_to_its_end(portal: Portal) -> None:
    async def told() -> list[tuple[str, int]]:
        run = portal.store.ledger.begin("ice").id
        out = []
        async with aclosing(follow(portal, RUNS, run=run)) as answers:
            async for answer in answers:
                each = answer["harvestProgress"]
                out.append((each["status"], each["seen"]))
                report(portal, run, RUNNING if len(out) < 3 else COMPLETE, 10 * len(out))
        return out

    expected = [("RUNNING", 0), ("RUNNING", 10), ("RUNNING", 20), ("COMPLETE", 30)]
    assert asyncio.run(asyncio.wait_for(told(), 20)) == expected


def test_a_run_that_has_ended_is_told_once(portal: Portal) -> None:
    run = portal.store.ledger.begin("ice").id
    report(portal, run, COMPLETE, 5)

    async def told() -> list[Any]:
        return [each async for each in follow(portal, RUNS, run=run)]

    expected = [{"harvestProgress": {"id": run, "status": "COMPLETE", "seen": 5}}]
    assert asyncio.run(asyncio.wait_for(told(), 20)) == expected


def test_without_a_run_what_is_over_is_left_out_and_what_begins_is_told(portal: Portal) -> None:
    over = portal.store.ledger.begin("ice").id
    report(portal, over, COMPLETE, 1)

    async def told() -> list[tuple[int, str]]:
        going, out = portal.store.ledger.begin("stars").id, []
        async with aclosing(follow(portal, RUNS)) as answers:
            async for answer in answers:
                each = answer["harvestProgress"]
                out.append((each["id"], each["status"]))
                if len(out) == 1:
                    portal.store.ledger.begin("ice")
                elif len(out) == 2:
                    report(portal, going, COMPLETE, 2, "stars")
                else:
                    return out
        return out

    assert asyncio.run(asyncio.wait_for(told(), 20)) == [(2, "RUNNING"), (3, "RUNNING"), (2, "COMPLETE")]


def test_a_source_has_its_own_runs_alone(portal: Portal) -> None:
    async def told() -> Any:
        portal.store.ledger.begin("stars")
        portal.store.ledger.begin("ice")
        async with aclosing(follow(portal, RUNS, source="stars")) as answers:
            first = await anext(answers)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(anext(answers), 0.2)
            return first

    assert asyncio.run(told())["harvestProgress"]["id"] == 1


def test_a_job_is_told_to_its_end(portal: Portal) -> None:
    async def told() -> list[str]:
        portal.ask("remap", {})
        out = []
        async with aclosing(follow(portal, JOB)) as answers:
            async for answer in answers:
                out.append(answer["jobProgress"]["status"])
                if len(out) == 1:
                    assert portal.store.jobs.take("me", 60_000, kinds=("remap",)) is not None
                elif len(out) == 2:
                    portal.store.jobs.end(1, "me", ok=True)
        return out

    assert asyncio.run(asyncio.wait_for(told(), 20)) == ["WAITING", "RUNNING", "DONE"]


@pytest.mark.parametrize(
    "query",
    ['subscription { harvestProgress(source: "none") { id } }', "subscription { harvestProgress(run: 9) { id } }", JOB],
)
def test_what_is_not_there_cannot_be_followed(portal: Portal, query: str) -> None:
    async def told() -> Any:
        source = await build().subscribe(query, context_value=Context(portal, who=OPERATOR))
        return [each async for each in source]

    (result,) = asyncio.run(told())
    assert [getattr(each.original_error, "kind", "") for each in result.errors] == ["not_found"]


def test_nobody_else_follows_anything(portal: Portal) -> None:
    async def told() -> Any:
        return [each async for each in await build().subscribe(RUNS, context_value=Context(portal))]

    (result,) = asyncio.run(told())
    assert [getattr(each.original_error, "kind", "") for each in result.errors] == ["denied"]
