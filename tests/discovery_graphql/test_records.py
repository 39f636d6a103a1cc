from __future__ import annotations

import pytest

from discovery.index.tantivy import TantivyIndex
from discovery.model.record import OBSERVATIONS, Record
from discovery.portal import Keyed, Portal
from discovery.query.query import Query
from discovery_graphql.records import load, show


def id_of(source_id: str) -> str:
    return Record("cat", "products", source_id, "dataset", "x").id


def test_what_stands_around_a_page_is_read_once(portal: Portal) -> None:
    asked: list[Query] = []

    class Watched(Portal):
        def keys(self, query: Query, *, total: bool = True) -> Keyed:
            asked.append(query)
            return super().keys(query, total=total)

    ids = [id_of(f"product-{n}") for n in range(10)]
    assert isinstance(portal.index, TantivyIndex)
    shown = [each for _, each in load(Watched(portal.store, portal.index), ids)]
    counts = [each.around.observations(str(each.id)) for each in shown]
    assert counts == [20, 20] + [0] * 8
    assert [each.scope for each in asked] == [OBSERVATIONS]


def test_ways_to_open_a_page_are_read_once(portal: Portal, monkeypatch: pytest.MonkeyPatch) -> None:
    stored = [stored for stored, _ in load(portal, [id_of(f"product-{n}") for n in range(60)])]
    shown = show(portal, stored)
    asked: list[int] = []
    real = portal.stored
    monkeypatch.setattr(portal, "stored", lambda keys: asked.append(len(keys)) or real(keys))
    labs = [each.around.datalabs(each.held, 5) for each in shown]
    assert all(len(each) == 1 for each in labs)
    assert asked == [1]
