"""How sources stand, from a real store."""

from __future__ import annotations

from discovery.model.record import Issue, Record
from discovery.model.source import COMPLETE, Mapped, Quarantined, RawRecord, Report, Source
from discovery.store.store import Store
from harvesters.standing import standings


def test_each_source_stands_with_its_own_numbers(store: Store) -> None:
    store.ledger.add_source(Source("b", "stac-api", "https://b.example"))
    store.ledger.add_source(Source("a", "stac-api", "https://a.example", settings={"schedule": "@daily"}))
    run = store.ledger.begin("a")
    kinds = {"one": "dataset", "two": "observation", "three": "observation"}
    mapped = [Mapped(Record("a", "", id, kind, id), RawRecord("", id, b"{}")) for id, kind in kinds.items()]
    counts = store.ingest.page("a", run.id, mapped, [Quarantined(RawRecord("", "bad", b""), Issue("x", "y"))])
    store.ledger.end(Report("a", run.id, COMPLETE, counts, stated=9))
    first, second = standings(store)
    assert (first.source.id, first.records, first.kinds) == ("a", 3, {"dataset": 1, "observation": 2})
    assert (first.quarantined, first.stated, first.next is not None) == (1, 9, True)
    assert (second.source.id, second.records, second.quarantined, second.stated) == ("b", 0, 0, None)
    assert (second.last, second.next) == (None, None)
