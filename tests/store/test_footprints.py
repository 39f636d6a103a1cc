"""Footprints beside the records: written with them, read by the thousand, filled in for older stores."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import numpy as np
import orjson
import pytest

from discovery.model.extent import EARTH, SKY, Extent, Geometry
from discovery.model.source import Mapped
from discovery.query.packed import CIRCLE, RING, WRITTEN
from discovery.store import footprints
from discovery.store.connection import sqlite_url
from discovery.store.store import Store

Make = Callable[..., Mapped]
CIRCLES: Geometry = {"type": "Circle", "center": [1.0, 2.0], "radius": 3.0}
SQUARE: Geometry = {"type": "Polygon", "coordinates": [[[1, 1], [3, 1], [3, 3], [1, 3], [1, 1]]]}
STAR: Geometry = {
    "type": "MultiPolygon",
    "coordinates": [[[[float(x), float(y)] for x, y in np.random.default_rng(2).uniform(0, 80, (9000, 2))]]],
}


def forms(store: Store, keys: list[int]) -> dict[int, int]:
    here, found, _ = store.footprints.many(keys)
    return dict(zip(here, found, strict=True))


@pytest.mark.stores
def test_footprints_come_and_go_with_their_records(store: Store, mapped: Make) -> None:
    run = store.ledger.begin("s").id
    page = [mapped("a", extent=Extent(SKY, CIRCLES)), mapped("b", extent=Extent(EARTH, SQUARE)), mapped("c")]
    store.ingest.page("s", run, page)
    keys = store.catalogue.keys([each.record.id for each in page])
    a, b, c = (keys[each.record.id] for each in page)
    assert forms(store, [a, b, c, 999]) == {a: CIRCLE, b: RING}
    store.ingest.page("s", run, [mapped("a", "New", extent=Extent(SKY, SQUARE)), mapped("b", "New"), mapped("c")])
    assert forms(store, [a, b, c]) == {a: RING}
    assert store.footprints.many([]) == ((), (), ())


@pytest.mark.stores
def test_a_record_that_moves_to_the_other_scope_takes_its_footprint_along(store: Store, mapped: Make) -> None:
    run = store.ledger.begin("s").id
    store.ingest.page("s", run, [mapped("a", extent=Extent(SKY, CIRCLES))])
    (before,) = store.catalogue.keys([mapped("a").record.id]).values()
    store.ingest.page("s", run, [mapped("a", kind="observation", extent=Extent(SKY, CIRCLES))])
    (after,) = store.catalogue.keys([mapped("a").record.id]).values()
    assert forms(store, [before, after]) == {after: CIRCLE}


@pytest.mark.stores
def test_a_footprint_too_large_to_be_kept_twice_is_read_from_its_record(store: Store, mapped: Make) -> None:
    store.ingest.page("s", store.ledger.begin("s").id, [mapped("a", extent=Extent(EARTH, STAR))])
    (key,) = store.catalogue.keys([mapped("a").record.id]).values()
    assert forms(store, [key]) == {key: WRITTEN}
    (data,) = store.footprints.many([key])[2]
    assert orjson.loads(data) == STAR


@pytest.mark.stores
def test_ten_thousand_are_read_at_once(store: Store, mapped: Make) -> None:
    page = [mapped(f"{n}", extent=Extent(SKY, CIRCLES)) for n in range(2_500)]
    store.ingest.page("s", store.ledger.begin("s").id, page)
    keys = list(store.catalogue.keys([each.record.id for each in page]).values())
    assert forms(store, keys) == dict.fromkeys(keys, CIRCLE)


def test_an_older_store_is_filled_when_it_is_opened(tmp_path: Path, mapped: Make) -> None:
    path = tmp_path / "catalogue.sqlite"
    store = Store(sqlite_url(path))
    page = [mapped("a", extent=Extent(SKY, CIRCLES)), mapped("b"), mapped("c", extent=Extent(EARTH, SQUARE))]
    store.ingest.page("s", store.ledger.begin("s").id, page)
    keys = list(store.catalogue.keys([each.record.id for each in page]).values())
    kept = forms(store, keys)
    store.close()
    with sqlite3.connect(path) as plain:
        plain.execute("UPDATE records SET body = x'07' WHERE source_id = 'b'")  # damage is no reason to stay closed
        plain.execute("DROP TABLE footprints")
        for later in ("people", "sessions", "tokens", "audit", "creations", "happened", "marks", "launches"):
            plain.execute(f"DROP TABLE {later}")
        plain.execute("UPDATE alembic_version SET version_num = '0007'")
    plain.close()
    store = Store(sqlite_url(path))
    assert forms(store, [keys[0], keys[2]]) == kept
    store.close()


@pytest.mark.stores
def test_a_page_of_bodies_at_a_time_is_enough(store: Store, mapped: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(footprints, "_PAGE", 2)
    page = [mapped(f"{n}", extent=Extent(SKY, CIRCLES)) for n in range(5)]
    store.ingest.page("s", store.ledger.begin("s").id, page)
    keys = list(store.catalogue.keys([each.record.id for each in page]).values())
    with store.database.write() as connection:
        connection.exec_driver_sql("DELETE FROM footprints")
        footprints.fill(connection)
    assert forms(store, keys) == dict.fromkeys(keys, CIRCLE)
