from __future__ import annotations

from typing import Any

import httpx
import orjson
import pystac
import pytest

from discovery.errors import LimitError
from discovery.stac_api.chosen import Chosen

S2 = "sentinel-s2-l2a-cogs"
ITEM: dict[str, Any] = {
    "type": "Feature", "stac_version": "1.0.0", "id": "a", "geometry": None, "links": [],
    "more": {"x": {"y": 1, "z": 2}},
    "properties": {"datetime": None, "start_datetime": "2020-01-01T00:00:00Z", "eo:cloud_cover": 3, "a.b": 4},
    "assets": {"B1": {"href": "x", "roles": ["data"]}, "B2": {"href": "y"}},
}  # fmt: skip

NAMES = {"type": "Feature", "stac_version": "1.0.0", "id": "a"}


def cut(*names: str) -> Any:
    return orjson.loads(Chosen.parse(names).items([orjson.dumps(ITEM)])[0])


def test_with_nothing_named_it_is_still_an_item() -> None:
    kept = cut()
    assert set(kept) == set(ITEM) - {"more"}
    assert set(kept["properties"]) == {"datetime", "start_datetime"}


def test_what_is_named_is_all_there_is_but_for_the_names() -> None:
    assert cut("properties.eo:cloud_cover") == {**NAMES, "properties": {"eo:cloud_cover": 3}}
    assert cut("+eo:cloud_cover")["properties"] == {"eo:cloud_cover": 3}
    assert cut("properties.a.b")["properties"] == {"a.b": 4}
    assert cut("properties")["properties"] == ITEM["properties"]
    assert cut("properties", "properties.datetime")["properties"] == ITEM["properties"]
    assert cut("more.x.y")["more"] == {"x": {"y": 1}}
    assert cut("nosuch", "more.x.nosuch") == {**NAMES, "more": {"x": {}}}


def test_what_is_not_wanted_is_not_there_and_all_else_is() -> None:
    assert set(cut("-geometry", "-assets", "-links")) == set(ITEM) - {"geometry", "assets", "links"}
    assert cut("-assets.B1.href")["assets"] == {"B1": {"roles": ["data"]}, "B2": {"href": "y"}}


def test_what_is_wanted_is_there_though_it_lies_in_what_is_not() -> None:
    assert set(cut("properties", "-properties.datetime")["properties"]) == set(ITEM["properties"]) - {"datetime"}
    assert cut("properties.eo:cloud_cover", "-properties")["properties"] == {"eo:cloud_cover": 3}
    assert "geometry" in cut("geometry", "-geometry")


def test_a_thousand_members_are_enough() -> None:
    with pytest.raises(LimitError) as caught:
        Chosen.parse(map(str, range(1001)))
    assert caught.value.limit == "stac-fields"


def test_a_path_as_deep_as_a_body_is_read() -> None:
    cut("x." * 100_000, "-" + "x." * 100_000)


@pytest.mark.slow
def test_searches_and_lists_take_fields_by_both_methods(client: httpx.Client) -> None:
    asked = {"collections": S2, "fields": "properties.eo:cloud_cover,-assets"}
    found = client.get("/stac/search", params=asked).json()["features"]
    body = {"collections": [S2], "fields": {"include": ["properties.eo:cloud_cover"], "exclude": ["assets"]}}
    assert client.post("/stac/search", json=body).json()["features"] == found
    assert client.get(f"/stac/collections/{S2}/items", params={"fields": asked["fields"]}).json()["features"] == found
    assert set(found[0]) == {"id", "type", "stac_version", "collection", "properties"}
    assert set(found[0]["properties"]) == {"eo:cloud_cover"}
    for least in (
        client.post("/stac/search", json={"fields": {}, "collections": [S2]}),
        client.get("/stac/search", params={"fields": "", "collections": S2}),
    ):
        for each in least.json()["features"]:
            assert set(each["properties"]) == {"datetime"}
            pystac.Item.from_dict({**each, "stac_extensions": []}).validate()
    less = client.post("/stac/search", json={"fields": {"include": [], "exclude": ["geometry"]}, "collections": [S2]})
    assert set(less.json()["features"][0]["properties"]) == {"datetime"}
    assert client.post("/stac/search", json={"fields": None}).status_code == 400


@pytest.mark.slow
def test_collections_take_fields(client: httpx.Client) -> None:
    for each in client.get("/stac/collections", params={"fields": "-title,-links"}).json()["collections"]:
        assert {"links", "title"} & set(each) == set()
        assert {"extent", "license"} < set(each)
    for each in client.get("/stac/collections", params={"fields": "title"}).json()["collections"]:
        assert set(each) == {"id", "type", "stac_version", "title"}
