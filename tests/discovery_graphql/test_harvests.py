"""Sources, runs, quarantine and jobs by GraphQL: for operators alone."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI

from discovery.index.tantivy import TantivyIndex
from discovery.model.record import Issue, Record
from discovery.model.source import HELD, Mapped, Quarantined, RawRecord, Report, Source
from discovery.portal import Portal
from discovery.store.store import Store
from discovery_graphql import router

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from fastapi.testclient import TestClient

pytestmark = pytest.mark.slow

TOKEN = "0123456789abcdef" * 4
BEARER = {"Authorization": f"Bearer {TOKEN}"}
Ask = Callable[..., dict[str, Any]]
QUESTIONS = (
    "{ sources { id } }",
    "{ runs { id } }",
    "{ quarantine { id } }",
    "{ job(id: 1) { id } }",
    "{ jobs { id } }",
    'mutation { harvest(source: "ice") { id } }',
    "mutation { retry { id } }",
    "mutation { approve(run: 1) { id } }",
    "mutation { remap { id } }",
    'mutation { enableSource(source: "ice", enabled: false) { id } }',
)


@pytest.fixture
def portal(tmp_path: Path) -> Iterator[Portal]:
    portal = Portal(Store(f"sqlite:///{tmp_path / 'store.db'}"), TantivyIndex(tmp_path / "index"), operator_token=TOKEN)
    portal.store.ledger.add_source(Source("ice", "stac-api", "https://user:secret@ice.example/stac", "Ice"))
    run = portal.store.ledger.begin("ice")
    mapped = [Mapped(Record("ice", "", n, "dataset", n), RawRecord("", n, b"{}")) for n in ("a", "b")]
    broken = Quarantined(RawRecord("c", "bad", b"{"), Issue("broken-json", "this is no JSON", "id"))
    counts = portal.store.ingest.page("ice", run.id, mapped, [broken])
    portal.store.ledger.end(
        Report("ice", run.id, HELD, counts, seconds=0.5, missing=7, stated=9, message="much is gone")
    )
    yield portal
    portal.close()


@pytest.fixture
def client(portal: Portal) -> Iterator[TestClient]:
    app = FastAPI()
    app.include_router(router(portal))
    with TestClient(app) as opened:
        yield opened


@pytest.fixture
def ask(client: TestClient) -> Ask:
    def post(query: str, **headers: str) -> dict[str, Any]:
        answer: dict[str, Any] = client.post("/graphql", json={"query": query}, headers=headers or BEARER).json()
        return answer

    return post


@pytest.mark.parametrize("query", QUESTIONS)
@pytest.mark.parametrize("shown", ["Bearer wrong", f"Basic {TOKEN}", "x"])
def test_nobody_else_learns_or_does_anything(ask: Ask, portal: Portal, query: str, shown: str) -> None:
    answer = ask(query, Authorization=shown)
    assert [each["extensions"]["code"] for each in answer["errors"]] == ["denied"]
    assert not answer["data"] or not any(answer["data"].values())
    assert portal.jobs() == []
    assert portal.store.ledger.source("ice").enabled


def test_without_a_header_it_is_the_same(client: TestClient) -> None:
    answer = client.post("/graphql", json={"query": QUESTIONS[0]}).json()
    assert answer["errors"][0]["extensions"]["code"] == "denied"


def test_sources_come_with_how_they_stand(ask: Ask) -> None:
    query = "{ sources { id url records stated quarantined next lastRun { status missing added message } } }"
    assert ask(query)["data"]["sources"] == [
        {
            "id": "ice",
            "url": "https://ice.example/stac",
            "records": 2,
            "stated": 9,
            "quarantined": 1,
            "next": None,
            "lastRun": {"status": "HELD", "missing": 7, "added": 2, "message": "much is gone"},
        }
    ]


def test_runs_and_quarantine_are_listed(ask: Ask) -> None:
    answer = ask('{ runs(source: "ice") { id seen } quarantine(first: 5) { code message sourceId firstSeen } }')["data"]
    assert answer["runs"] == [{"id": 1, "seen": 3}]
    (entry,) = answer["quarantine"]
    assert (entry["code"], entry["sourceId"]) == ("broken-json", "bad")
    assert ask('{ runs(source: "nothing") { id } }')["data"]["runs"] == []
    assert ask("{ runs(first: 101) { id } }")["errors"][0]["extensions"]["code"] == "limit"


def test_what_is_asked_for_waits_for_the_steward(ask: Ask, portal: Portal) -> None:
    job = ask('mutation { harvest(source: "ice", full: true) { id kind source status } }')["data"]["harvest"]
    assert job == {"id": 1, "kind": "harvest", "source": "ice", "status": "WAITING"}
    ask("mutation { retry(number: 1) { id } approve(run: 1) { id } remap { id } }")
    assert [(each.kind, dict(each.arguments)) for each in reversed(portal.jobs())] == [
        ("harvest", {"source": "ice", "full": True}),
        ("retry", {"number": 1}),
        ("approve", {"run": 1, "by": "Operators"}),
        ("remap", {}),
    ]
    assert ask("{ job(id: 1) { status finished run } }")["data"]["job"] == {
        "status": "WAITING",
        "finished": None,
        "run": None,
    }
    assert ask('mutation { harvest(source: "nothing") { id } }')["errors"][0]["extensions"]["code"] == "not_found"


def test_a_source_is_left_alone_and_taken_up_again(ask: Ask, portal: Portal) -> None:
    told = ask('mutation { enableSource(source: "ice", enabled: false) { id enabled records } }')["data"]
    assert told["enableSource"] == {"id": "ice", "enabled": False, "records": 2}
    assert not portal.store.ledger.source("ice").enabled
    assert ask('mutation { enableSource(source: "ice") { enabled } }')["data"]["enableSource"] == {"enabled": True}
    assert ask('mutation { enableSource(source: "no") { id } }')["errors"][0]["extensions"]["code"] == "not_found"


def test_work_is_listed_and_the_log_says_who_asked(ask: Ask, portal: Portal) -> None:
    ask('mutation { harvest(source: "ice") { id } approve(run: 1) { id } enableSource(source: "ice") { id } }')
    assert ask("{ jobs(first: 5) { id kind } }")["data"]["jobs"] == [
        {"id": 2, "kind": "approve"},
        {"id": 1, "kind": "harvest"},
    ]
    assert len(ask("{ jobs(first: 1) { id } }")["data"]["jobs"]) == 1
    noted = [(each.act, each.about, each.after) for each in reversed(portal.store.audit.lines())]
    assert noted == [
        ("job.harvest", "1", "source=ice"),
        ("job.approve", "2", "run=1 by=Operators"),
        ("source.enabled", "ice", "true"),
    ]
