"""What was written through the STAC API, as a source."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from discovery.errors import RunError
from discovery.http import Client
from discovery.model.record import record_id
from discovery.model.source import FAILED, Mapped, RawRecord, Source
from discovery.store.store import Store
from harvesters.again import remap
from harvesters.mapping import map_one
from harvesters.registry import harvester
from harvesters.run import harvest
from harvesters.stac_items import COLLECTIONS
from harvesters.stac_written import KIND

SOURCE = Source("written", KIND, "http://127.0.0.1/stac/")
ITEM: dict[str, object] = {
    "type": "Feature", "stac_version": "1.1.0", "id": "i", "collection": "c", "geometry": None,
    "properties": {"datetime": "2020-01-01T00:00:00Z", "title": "An item"}, "assets": {}, "links": [],
}  # fmt: skip


def item() -> RawRecord:
    return RawRecord("c", "i", orjson.dumps(ITEM))


def test_an_item_belongs_to_the_collection_that_it_was_written_into(client: Client, tmp_path: Path) -> None:
    made = map_one(harvester(SOURCE, client, tmp_path), item())
    assert isinstance(made, Mapped)
    assert (made.record.kind, made.record.title) == ("observation", "An item")
    assert made.record.dataset == record_id("written", COLLECTIONS, "c")


def test_harvesting_it_fails_and_deletes_nothing(store: Store, client: Client, tmp_path: Path) -> None:
    store.ledger.add_source(SOURCE)
    made = map_one(harvester(SOURCE, client, tmp_path), item())
    assert isinstance(made, Mapped)
    store.ingest.edit("written", [made], expected={made.record.id: None})
    for _ in range(3):
        report = harvest(store, SOURCE, client=client, full=True)
        assert report.status == FAILED
        assert "nowhere to harvest it from" in report.message
    assert store.catalogue.get(made.record.id).record.title == "An item"
    with pytest.raises(RunError):
        harvester(SOURCE, client, tmp_path).ids()


def test_it_is_mapped_again_as_others_are(store: Store, client: Client, tmp_path: Path) -> None:
    store.ledger.add_source(SOURCE)
    made = map_one(harvester(SOURCE, client, tmp_path), item())
    assert isinstance(made, Mapped)
    store.ingest.edit("written", [made], expected={made.record.id: None})
    counts = remap(store, "written", client=client)
    assert (counts.seen, counts.unchanged, counts.quarantined) == (1, 1, 0)
