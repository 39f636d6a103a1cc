from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from discovery.index.tantivy import TantivyIndex
from discovery.indexer import follow
from discovery.model.record import OBSERVATIONS, Record
from discovery.model.source import Mapped, RawRecord, Source
from discovery.portal import Portal
from discovery.query.fields import SORTS
from discovery.stac_api.queryables import MAX_VALUES, Values
from discovery.store.store import Store

S2 = "sentinel-s2-l2a-cogs"
QUERYABLES = "http://www.opengis.net/def/rel/ogc/1.0/queryables"
SORTABLES = "http://www.opengis.net/def/rel/ogc/1.0/sortables"


def links(document: Any) -> dict[str, str]:
    return {each["rel"]: each["href"] for each in document["links"]}


@pytest.mark.slow
def test_values_are_listed_with_how_many_items_have_them(client: httpx.Client) -> None:
    known = client.get("/stac/queryables").json()["properties"]
    assert known["collection"]["discovery:counts"][S2] == 100
    assert set(known["platform"]["enum"]) == set(known["platform"]["discovery:counts"])
    assert sum(known["platform"]["discovery:counts"].values()) == 200
    cloud = known["eo:cloud_cover"]
    for end in ("minimum", "maximum"):
        found = client.get("/stac/search", params={"filter": f"eo:cloud_cover = {cloud[end]!r}"}).json()
        assert found["numberMatched"] > 0
    beyond = f"eo:cloud_cover < {cloud['minimum']!r} OR eo:cloud_cover > {cloud['maximum']!r}"
    assert client.get("/stac/search", params={"filter": beyond}).json()["numberMatched"] == 0


@pytest.mark.slow
def test_a_collection_has_the_queryables_of_its_items(client: httpx.Client) -> None:
    here = client.get(f"/stac/collections/{S2}/queryables").json()
    assert here["properties"]["collection"]["enum"] == [S2]
    assert sum(here["properties"]["platform"]["discovery:counts"].values()) == 100
    assert "eo:snow_cover" not in here["properties"]
    assert here["additionalProperties"] is True


@pytest.mark.slow
def test_collections_have_queryables_of_their_own(client: httpx.Client) -> None:
    listed = client.get("/stac/collections").json()
    known = client.get(links(listed)[QUERYABLES]).json()["properties"]
    assert known["source"]["discovery:counts"] == {"earth": 1, "mirror": 1, "vo": 1}
    assert client.get("/stac/collections", params={"filter": "source = 'vo'"}).json()["numberMatched"] == 1


@pytest.mark.slow
def test_everything_sortable_sorts(client: httpx.Client) -> None:
    landing, listed = client.get("/stac/").json(), client.get("/stac/collections").json()
    collection = client.get(f"/stac/collections/{S2}").json()
    for document, path in ((landing, "search"), (listed, "collections"), (collection, f"collections/{S2}/items")):
        schema = client.get(links(document)[SORTABLES]).json()
        assert len(schema["properties"]) == len(SORTS) + 1
        for name in schema["properties"]:
            answer = client.get(f"/stac/{path}", params={"sortby": f"-{name}", "limit": 1})
            assert answer.status_code == 200, name
    assert client.get("/stac/collections/nope/sortables").status_code == 404


def test_values_are_counted_again_when_something_has_changed_and_only_then(tmp_path: Path) -> None:
    store, index = Store(f"sqlite:///{tmp_path / 'store.db'}"), TantivyIndex(tmp_path / "index")
    store.ledger.add_source(Source("s", "tap", "https://s.test/tap"))
    portal = Portal(store, index)
    values = Values(portal)

    def add(*numbers: int) -> None:
        records = [
            Record("s", "c", str(n), "observation", f"R{n}", properties={"platform": (f"p{n}",)}) for n in numbers
        ]
        run = store.ledger.begin("s")
        store.ingest.page("s", run.id, [Mapped(each, RawRecord("c", each.source_id, b"{}")) for each in records])
        store.ledger.finish(run.id, "complete") if hasattr(store.ledger, "finish") else None
        follow(store, index)

    follow(store, index)
    assert "enum" not in values.of(OBSERVATIONS)["platform"]
    add(1, 2)
    found = values.of(OBSERVATIONS)
    assert found["platform"]["enum"] == ["p1", "p2"]
    assert values.of(OBSERVATIONS) is found
    add(*range(3, MAX_VALUES + 2))
    found = values.of(OBSERVATIONS)["platform"]
    assert "enum" not in found
    assert len(found["examples"]) == MAX_VALUES
    portal.close()
