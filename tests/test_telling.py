"""What notebooks say of their records: how they are cited, and how they are found again."""

from __future__ import annotations

import pytest

from discovery import telling
from discovery.documents.site import Site
from discovery.model.record import Record, record_id
from discovery.model.source import Mapped, RawRecord, Source
from discovery.store.store import Store

SITE = Site("", "https://portal.example")
SCENES = Record("stac", "collections", "scenes", "dataset", "Scenes")
A, B = (
    Record("stac", "scenes", name, "observation", f"Scene {name}", dataset=SCENES.id, provider="ESA") for name in "ab"
)


def row(table: str, **more: str) -> Record:
    return Record("vo", table, "two", "observation", "Row", external_ids=("ivo://x?2",), **more)  # type: ignore[arg-type]


@pytest.fixture
def filled(store: Store) -> Store:
    store.ledger.add_source(Source("stac", "stac-api", "https://stac.example/", "STAC"))
    store.ledger.add_source(Source("vo", "tap", "https://tap.example/tap", "VO"))
    run = store.ledger.begin("stac").id
    store.ingest.page("stac", run, [Mapped(e, RawRecord(e.container, e.source_id, b"{}")) for e in (SCENES, A, B)])
    return store


def test_several_records_have_a_page_by_their_ids_and_one_has_its_own(filled: Store) -> None:
    both = telling.told(filled, [B, A], SITE)
    assert both.page == f"{SITE.url}/selection?id={B.id}&id={A.id}"
    assert both.again == f"{both.page}&f=ndjson"
    assert both.stac == {"url": f"{SITE.url}/stac", "search": {"collections": ["scenes"], "ids": ["b", "a"]}}
    assert both.citations[A.id].startswith("ESA (n.d.): Scene a")
    assert telling.told(filled, [A], SITE).page == ""
    assert telling.told(filled, [A], SITE, page="https://x.example/", said=["gone"]).said == ("gone",)


def test_what_the_store_does_not_know_is_cited_and_asked_of_nobody(filled: Store) -> None:
    lost = Record("stac", "scenes", "lost", "observation", "Lost", dataset=record_id("stac", "collections", "scenes"))
    told = telling.told(filled, [A, lost], SITE)
    assert told.stac is None
    assert set(told.citations) == {A.id, lost.id}


@pytest.mark.parametrize("table", ["ivoa.ObsCore; DROP TABLE x", "a b", "ivoa.spectra", ""])
def test_what_is_no_table_of_observations_is_not_asked(filled: Store, table: str) -> None:
    assert telling.told(filled, [row(table)], SITE).tap is None
    known = telling.told(filled, [row("ivoa.ObsCore")], SITE).tap
    assert known == {"url": "https://tap.example/tap", "table": "ivoa.ObsCore", "ids": ["ivo://x?2"]}
