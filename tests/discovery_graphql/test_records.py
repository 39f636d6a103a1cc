from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from discovery.index.tantivy import TantivyIndex
from discovery.model.record import KINDS, OBSERVATIONS, Record
from discovery.portal import Keyed, Portal
from discovery.query.query import Query
from discovery_graphql.records import TYPES, load, show

Ask = Callable[..., dict[str, Any]]


def id_of(container: str, source_id: str, kind: str = "dataset") -> str:
    return Record("cat", container, source_id, kind, "x").id


def test_every_kind_has_its_type() -> None:
    assert set(TYPES) == set(KINDS)


def test_a_dataset_shows_what_its_record_holds(data: Ask) -> None:
    found = data(
        """query ($id: ID!) { record(id: $id) {
            __typename kind title page domain missions access provider updated sourceId
            extent { frame bbox start end geometry }
            assets { href mediaType size } links { rel } numbers { name label value unit }
            properties { name values } contacts { name organization roles url }
            ... on Dataset { observationCount }
        } }""",
        id=id_of("products", "product-0"),
    )["record"]
    assert found == {
        "__typename": "Dataset",
        "kind": "DATASET",
        "title": "Sea ice thickness 0",
        "page": "/records/" + id_of("products", "product-0"),
        "domain": "EARTH_OBSERVATION",
        "missions": ["earth-observation/sentinel-2"],
        "access": "OPEN",
        "provider": "ESA",
        "updated": "2020-01-01T00:00:00Z",
        "sourceId": "product-0",
        "extent": {
            "frame": "earth",
            "bbox": [-20.0, 50.0, -19.0, 51.0],
            "start": "2010-03-01T00:00:00Z",
            "end": "2010-04-01T00:00:00Z",
            "geometry": None,
        },
        "assets": [{"href": "https://data.example/a.tif", "mediaType": "image/tiff", "size": 5_000_000_000}],
        "links": [{"rel": "about"}],
        "numbers": [{"name": "resolution", "label": "Ground resolution", "value": 0.0, "unit": "m"}],
        "properties": [{"name": "mount_path", "values": ["/media/data/x"]}],
        "contacts": [{"name": "Ann Lee", "organization": "ESA", "roles": ["producer"], "url": None}],
        "observationCount": 20,
    }


def test_an_observation_leads_to_its_dataset(data: Ask) -> None:
    nodes = data("""{ search(scope: OBSERVATIONS, first: 40) { nodes {
        parentId ... on Observation { extent { geometry } dataset { id observationCount } } } } }""")["search"]["nodes"]
    assert len(nodes) == 40
    assert all(each["dataset"] == {"id": each["parentId"], "observationCount": 20} for each in nodes)
    assert nodes[0]["extent"]["geometry"]["type"] == "Point"


def test_no_answer_holds_an_address_of_mail(data: Ask) -> None:
    answer = data("{ search(first: 100) { nodes { contacts { name organization url } } } }")
    assert "Ann Lee" in str(answer)
    assert "@" not in str(answer)


def test_what_stands_around_a_page_is_read_once(portal: Portal) -> None:
    asked: list[Query] = []

    class Watched(Portal):
        def keys(self, query: Query, *, total: bool = True) -> Keyed:
            asked.append(query)
            return super().keys(query, total=total)

    ids = [id_of("products", f"product-{n}") for n in range(10)]
    assert isinstance(portal.index, TantivyIndex)
    shown = [each for _, each in load(Watched(portal.store, portal.index), ids)]
    counts = [each.around.observations(str(each.id)) for each in shown]
    assert counts == [20, 20] + [0] * 8
    assert [each.scope for each in asked] == [OBSERVATIONS]


def test_a_record_says_how_it_is_opened(data: Ask) -> None:
    id = id_of("products", "product-1")
    found = data(
        """query ($id: ID!) { record(id: $id) { open notebook
            volumes { id title mountPath volumes { id } } datalabs { id title interface } } }""",
        id=id,
    )["record"]
    assert (found["open"], found["notebook"]) == (f"/open?id={id}", f"/open/notebook?id={id}")
    assert found["volumes"] == [
        {
            "id": id_of("volumes", "vol", "volume"),
            "title": "Hubble volume",
            "mountPath": "/media/data/hubble",
            "volumes": [],
        }
    ]
    assert found["datalabs"] == [
        {"id": id_of("labs", "lab", "datalab"), "title": "JupyterLab for ice", "interface": "lab"}
    ]


def test_ways_to_open_a_page_are_read_once(portal: Portal, monkeypatch: pytest.MonkeyPatch) -> None:
    stored = [stored for stored, _ in load(portal, [id_of("products", f"product-{n}") for n in range(60)])]
    shown = show(portal, stored)
    asked: list[int] = []
    real = portal.stored
    monkeypatch.setattr(portal, "stored", lambda keys: asked.append(len(keys)) or real(keys))
    labs = [each.around.datalabs(each.held, 5) for each in shown]
    assert all(len(each) == 1 for each in labs)
    assert asked == [1]


def test_no_more_ways_are_shown_than_asked_for(data: Ask, ask: Ask) -> None:
    query = "query ($id: ID!, $n: Int!) { record(id: $id) { volumes(first: $n) { id } datalabs(first: $n) { id } } }"
    id = id_of("products", "product-1")
    assert data(query, id=id, n=0)["record"] == {"volumes": [], "datalabs": []}
    assert "must not be negative" in ask(query, id=id, n=-1)["errors"][0]["message"]
