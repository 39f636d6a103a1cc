"""What a held run asks, and when the answer comes too late."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from discovery import wiring
from discovery.config import Settings
from discovery.errors import ConflictError, NotFoundError
from discovery.model.source import COMPLETE, FAILED, HELD, PARTIAL, Report, Source
from discovery.store.store import Store
from harvesters.approval import approve

pytestmark = pytest.mark.stores

Harvest = Callable[..., Report]
Make = Callable[..., dict[str, Any]]


@pytest.fixture
def held(harvest: Harvest, lines: Callable[..., Source], make_item: Make) -> tuple[Source, Report]:
    """Return a source that has lost 50 of 60 items and one of two spoilt ones, and the run that was held for it."""
    items = [make_item(f"i{n}") for n in range(60)]
    harvest(lines(*items, b"{broken"))
    source = lines(*items[:10])
    return source, harvest(source)


def live(store: Store) -> int:
    return len(list(store.catalogue.export()))


def test_an_approved_run_deletes_what_it_missed_without_asking_the_source(
    store: Store, held: tuple[Source, Report], tmp_path: Path
) -> None:
    _, report = held
    ended = store.ledger.run(report.run).finished
    (tmp_path / "items.ndjson").unlink()
    assert (report.status, report.missing, live(store), len(store.ledger.quarantined())) == (HELD, 50, 60, 1)
    approved = approve(store, report.run, by="ada", lock=wiring.harvest_lock(Settings(tmp_path), "s"))
    assert (approved.status, approved.counts.deleted, live(store)) == (COMPLETE, 50, 10)
    assert store.ledger.quarantined() == []
    run = store.ledger.run(report.run)
    assert (run.report, run.finished) == (approved, ended)
    assert run.report.message == "50 deleted, approved by ada"


def test_a_run_is_approved_once(store: Store, held: tuple[Source, Report]) -> None:
    approve(store, held[1].run, by="ada")
    with pytest.raises(ConflictError, match="is complete; only a held run"):
        approve(store, held[1].run, by="ada")


def test_a_later_run_that_read_something_takes_its_place(
    store: Store, harvest: Harvest, held: tuple[Source, Report]
) -> None:
    source, first = held
    second = harvest(source)
    with pytest.raises(ConflictError, match=f"read since, by run {second.run}"):
        approve(store, first.run, by="ada")
    assert live(store) == 60
    assert approve(store, second.run, by="ada").counts.deleted == 50


def test_a_later_run_that_read_nothing_does_not_matter(
    store: Store, harvest: Harvest, held: tuple[Source, Report], tmp_path: Path
) -> None:
    source, report = held
    (tmp_path / "items.ndjson").unlink()
    assert harvest(source).status == FAILED
    assert approve(store, report.run, by="ada").counts.deleted == 50


def test_a_walk_under_way_comes_first(store: Store, harvest: Harvest, held: tuple[Source, Report]) -> None:
    source, report = held
    assert harvest(source, limit=5).status == PARTIAL
    with pytest.raises(ConflictError, match="read since"):
        approve(store, report.run, by="ada")


def test_nothing_is_approved_while_the_source_is_harvested(
    store: Store, held: tuple[Source, Report], tmp_path: Path
) -> None:
    lock = wiring.harvest_lock(Settings(tmp_path), "s")
    with lock.hold(), pytest.raises(ConflictError, match="is being harvested"):
        approve(store, held[1].run, by="ada", lock=lock)
    with pytest.raises(NotFoundError, match="no run 99"):
        approve(store, 99, by="ada")


def test_what_came_back_by_a_retry_stays(
    store: Store, harvest: Harvest, lines: Callable[..., Source], make_item: Make, client: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    from harvesters import stac_item
    from harvesters.again import retry

    items = [make_item(f"i{n}") for n in range(60)]
    harvest(lines(*items))
    source = lines(*items[:10], make_item("new"))
    store.ledger.add_source(source)
    real = stac_item.to_record
    with monkeypatch.context() as patch:
        patch.setattr(
            stac_item,
            "to_record",
            lambda document, *a, **k: 1 / 0 if document["id"] == "new" else real(document, *a, **k),
        )
        report = harvest(source)
    (entry,) = store.ledger.quarantined()
    retry(store, entry, client=client)
    assert approve(store, report.run, by="ada").counts.deleted == 50
    assert {row["source_id"] for row in store.catalogue.export()} >= {"new"}
