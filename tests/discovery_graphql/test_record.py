from __future__ import annotations

from collections.abc import Callable
from typing import Any

from discovery.model.record import Record

Ask = Callable[..., dict[str, Any]]


def id_of(container: str, source_id: str, kind: str = "dataset") -> str:
    return Record("cat", container, source_id, kind, "x").id


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


def test_no_answer_holds_an_address_of_mail(data: Ask) -> None:
    answer = data("{ search(first: 100) { nodes { contacts { name organization url } } } }")
    assert "Ann Lee" in str(answer)
    assert "@" not in str(answer)


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


def test_no_more_ways_are_shown_than_asked_for(data: Ask, ask: Ask) -> None:
    query = "query ($id: ID!, $n: Int!) { record(id: $id) { volumes(first: $n) { id } datalabs(first: $n) { id } } }"
    id = id_of("products", "product-1")
    assert data(query, id=id, n=0)["record"] == {"volumes": [], "datalabs": []}
    assert "must not be negative" in ask(query, id=id, n=-1)["errors"][0]["message"]
