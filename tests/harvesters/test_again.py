"""Mapping stored elements once more."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from discovery.errors import NotFoundError, RecordError
from discovery.http import Client
from discovery.model.record import Record
from discovery.model.source import Mapped, RawRecord, Report, Source
from discovery.store.store import Store
from harvesters.again import Released, release, remap, retry

pytestmark = pytest.mark.stores

Harvest = Callable[..., Report]
Make = Callable[..., dict[str, Any]]
Lines = Callable[..., Source]


def live(store: Store) -> dict[str, str]:
    return {row["source_id"]: row["title"] for row in store.catalogue.export()}


def test_remap_makes_the_same_records_from_what_was_sent(
    store: Store, client: Client, harvest: Harvest, lines: Lines, make_item: Make, tmp_path: Path
) -> None:
    source = lines(*(make_item(f"i{n}") for n in range(5)))
    store.ledger.add_source(source)
    harvest(source)
    (tmp_path / "items.ndjson").unlink()
    counts = remap(store, client=client, folder=tmp_path)
    assert (counts.seen, counts.unchanged, counts.quarantined) == (5, 5, 0)
    store.ledger.add_source(Source(source.id, source.kind, source.url, settings={"provider": "P"}), replace=True)
    assert remap(store, "s", client=client, folder=tmp_path).updated == 5


def test_remap_leaves_what_was_made_here_alone(store: Store, client: Client, tmp_path: Path) -> None:
    raw = RawRecord("volumes", "q1", b"{}")
    store.ingest.remap([Mapped(Record("portal", "volumes", "q1", "volume", "Q1"), raw)])
    counts = remap(store, client=client, folder=tmp_path)
    assert (counts.seen, counts.quarantined, live(store)) == (0, 0, {"q1": "Q1"})


def test_retry_lets_an_element_go_when_it_has_become_a_record(
    store: Store, client: Client, harvest: Harvest, lines: Lines, make_item: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    from harvesters import stac_item

    source = lines(make_item("a"))
    store.ledger.add_source(source)
    with monkeypatch.context() as patch:
        patch.setattr(stac_item, "to_record", lambda *a, **k: 1 / 0)
        harvest(source)
    (entry,) = store.ledger.quarantined()
    retry(store, entry, client=client)
    assert (live(store), store.ledger.quarantined()) == ({"a": "a"}, [])


def test_retry_says_why_an_element_still_is_no_record(
    store: Store, client: Client, harvest: Harvest, lines: Lines
) -> None:
    source = lines(b"{broken")
    store.ledger.add_source(source)
    harvest(source)
    (entry,) = store.ledger.quarantined()
    with pytest.raises(RecordError, match="not JSON"):
        retry(store, entry, client=client)
    assert len(store.ledger.quarantined()) == 1


def test_everything_in_quarantine_is_tried_once_and_what_maps_is_let_go(
    store: Store, client: Client, harvest: Harvest, lines: Lines, make_item: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    from harvesters import again, stac_item

    monkeypatch.setattr(again, "_PART", 3)
    source = lines(*(make_item(f"i{n}") for n in range(10)), b"{broken", b"{broken too")
    store.ledger.add_source(source)
    with monkeypatch.context() as patch:
        patch.setattr(stac_item, "to_record", lambda *a, **k: 1 / 0)
        harvest(source)
    stopped = threading.Event()
    stopped.set()
    assert release(store, client=client, stop=stopped) == Released(0, 12)
    assert release(store, "s", client=client) == Released(10, 2)
    assert len(live(store)) == 10
    assert release(store, client=client) == Released(0, 2)
    with pytest.raises(NotFoundError, match="known: s"):
        release(store, "t", client=client)


def test_what_came_from_a_source_that_is_gone_stays(
    store: Store, client: Client, harvest: Harvest, lines: Lines
) -> None:
    harvest(lines(b"{broken"))
    assert release(store, client=client) == Released(0, 1)


def test_remap_can_be_stopped(store: Store, client: Client, harvest: Harvest, lines: Lines, make_item: Make) -> None:
    source = lines(make_item("a"), make_item("b"))
    store.ledger.add_source(source)
    harvest(source)
    stopped = threading.Event()
    stopped.set()
    assert remap(store, client=client, stop=stopped).seen <= 1
