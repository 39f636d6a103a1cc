"""The numbers that monitoring reads, as Prometheus' own parser reads them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families

from discovery import wiring
from discovery.app import create_app
from discovery.config import Settings
from discovery.errors import UnavailableError
from discovery.indexer import follow
from discovery.model.record import Issue, Record
from discovery.model.source import COMPLETE, Mapped, Quarantined, RawRecord, Report, Source
from discovery.portal import Portal

pytestmark = pytest.mark.slow

SOURCE = 'ice"\n\\'
TOKEN = "0123456789abcdef" * 4
BEARER = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture
def portal(tmp_path: Path) -> Iterator[Portal]:
    portal = wiring.open_portal(Settings(tmp_path, operator_token=TOKEN))
    portal.store.ledger.add_source(Source(SOURCE, "stac-api", "https://ice.example"))
    run = portal.store.ledger.begin(SOURCE)
    mapped = [Mapped(Record(run.source, "", n, "dataset", n), RawRecord("", n, b"{}")) for n in ("a", "b")]
    counts = portal.store.ingest.page(
        run.source, run.id, mapped, [Quarantined(RawRecord("", "c", b""), Issue("x", "y"))]
    )
    portal.store.ledger.end(Report(run.source, run.id, COMPLETE, counts, seconds=2.0, stated=9))
    portal.ask("harvest", {"source": run.source})
    yield portal
    portal.close()


def numbers(portal: Portal) -> dict[tuple[str, ...], float]:
    with TestClient(create_app(Settings(Path()), portal, steward=False)) as client:
        text = client.get("/metrics", headers=BEARER).text
    return {
        (sample.name, *(sample.labels[each] for each in sorted(sample.labels))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_the_numbers_are_those_of_the_catalogue(portal: Portal) -> None:
    source = SOURCE
    found = numbers(portal)
    assert found["discovery_records", "dataset", source] == 2
    assert found["discovery_quarantined", source] == 1
    assert found["discovery_last_run", source, COMPLETE] == 1
    assert found["discovery_last_run_elements", source, "added"] == 2
    assert found["discovery_stated_elements", source] == 9
    assert found["discovery_jobs", "waiting"] == 1
    assert found["discovery_index_waiting", "resources"] == 2
    follow(portal.store, portal.index)
    found = numbers(portal)
    assert found["discovery_index_waiting", "resources"] == 0
    assert found["discovery_index_documents", "resources"] == 2


def test_a_source_that_was_removed_or_rests_alarms_nobody(portal: Portal) -> None:
    portal.store.ledger.enable(SOURCE, False)
    found = numbers(portal)
    assert (found["discovery_source_enabled", SOURCE], found["discovery_stated_elements", SOURCE]) == (0, 9)
    portal.store.ingest.remove(SOURCE)
    portal.store.ledger.remove_source(SOURCE)
    assert [name for name, *labels in numbers(portal) if SOURCE in labels] == []


def test_numbers_come_while_the_engine_is_away(portal: Portal, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(_scope: str) -> None:
        raise UnavailableError("no node answers")

    monkeypatch.setattr(portal.index, "generation", away)
    found = numbers(portal)
    assert found["discovery_index_up",] == 0
    assert found["discovery_records", "dataset", SOURCE] == 2


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer x"}, {"Authorization": f"Basic {TOKEN}"}])
def test_only_the_operators_token_opens_them(portal: Portal, headers: dict[str, str]) -> None:
    with TestClient(create_app(Settings(Path()), portal, steward=False)) as client:
        answer = client.get("/metrics", headers=headers)
    assert answer.status_code == 401
    assert "discovery_" not in answer.text
