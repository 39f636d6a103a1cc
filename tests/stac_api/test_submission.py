"""What is said of documents that are sent to be kept."""

from __future__ import annotations

import time
from typing import Any

import orjson
import pytest

from discovery.errors import BadQueryError, DocumentError, LimitError
from discovery.model.record import Issue
from discovery.stac_api import submission

COLLECTION: dict[str, Any] = {
    "type": "Collection", "stac_version": "1.1.0", "id": "c", "description": "d", "license": "CC0-1.0",
    "extent": {"spatial": {"bbox": [[0, 0, 1, 1]]}, "temporal": {"interval": [["2020-01-01T00:00:00Z", None]]}},
}  # fmt: skip
ITEM: dict[str, Any] = {
    "type": "Feature", "stac_version": "1.1.0", "id": "i", "geometry": {"type": "Point", "coordinates": [1, 2]},
    "bbox": [1, 2, 1, 2], "properties": {"datetime": "2020-01-01T00:00:00Z"}, "assets": {}, "links": [],
}  # fmt: skip


def item(**changed: Any) -> bytes:
    return orjson.dumps({**ITEM, **changed})


def problems(body: bytes, collection: str = "c", id: str | None = None) -> dict[str, str]:
    with pytest.raises(DocumentError) as caught:
        submission.item(body, collection, id)
    return dict(caught.value.problems)


def test_an_item_keeps_its_bytes_and_gets_the_collection_it_is_sent_to() -> None:
    body = b'{ "type":"Feature",' + item(properties={"datetime": "2020-01-01T00:00:00Z", "x": 1.10})[18:]
    found = submission.item(body, "c")
    assert found.id == "i"
    assert found.body == b'{"collection":"c",' + body[1:]
    assert orjson.loads(found.body) == {**orjson.loads(body), "collection": "c"}


@pytest.mark.parametrize("named", ["c", None])
def test_an_item_may_name_its_collection_or_leave_it_open(named: str | None) -> None:
    found = submission.item(item(collection=named), "c")
    assert orjson.loads(found.body)["collection"] == found.document["collection"] == "c"


def test_a_mark_of_byte_order_is_no_part_of_a_document() -> None:
    assert submission.collection(b"\xef\xbb\xbf" + orjson.dumps(COLLECTION)).body == orjson.dumps(COLLECTION)


@pytest.mark.parametrize(
    ("changed", "path", "told"),
    [
        ({"type": "Collection"}, "type", "must be 'Feature'"),
        ({"stac_version": "0.9.0"}, "stac_version", "1.0 or 1.1"),
        ({"stac_version": None}, "stac_version", "1.0 or 1.1"),
        ({"id": 7}, "id", "text"),
        ({"id": ""}, "id", "text"),
        ({"id": "a/b"}, "id", "no /"),
        ({"id": " a"}, "id", "blanks"),
        ({"id": ".."}, "id", "printable"),
        ({"id": "a\x00b"}, "id", "printable"),
        ({"id": "x" * 251}, "id", "250"),
        ({"collection": "other"}, "collection", "'c'"),
        ({"collection": 7}, "collection", "'c'"),
        ({"assets": None}, "assets", "dictionary"),
        ({"assets": {"a": {}}}, "assets.a.href", "required"),
        ({"links": [{"rel": "x"}]}, "links[0].href", "required"),
        ({"properties": {}}, "properties.datetime", "required"),
        ({"properties": {"datetime": "soon"}}, "properties.datetime", "datetime"),
        ({"geometry": {"type": "Point", "coordinates": ["a", 1]}}, "geometry.coordinates[0]", "number"),
        ({"geometry": {"type": "Dot"}}, "geometry", "tag"),
        ({"bbox": None}, "", "bbox is required"),
        ({"bbox": [1, 2]}, "bbox[2]", "required"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(changed: dict[str, Any], path: str, told: str) -> None:
    found = problems(item(**changed))
    assert told.lower() in found[path].lower(), found


def test_several_faults_are_told_at_once_and_never_a_page_of_them() -> None:
    found = problems(item(stac_version="2", assets={"a": {}}, id=""))
    assert set(found) == {"stac_version", "assets.a.href", "id"}
    assert len(problems(item(assets={str(n): {} for n in range(1_000)}))) == submission.MAX_PROBLEMS


def test_the_id_is_the_one_of_the_address() -> None:
    assert problems(item(), id="j") == {"id": "must be 'j', as in the address, not 'i'"}
    assert submission.item(item(), "c", "i").id == "i"


def test_a_collection_cannot_have_the_name_of_the_list() -> None:
    with pytest.raises(DocumentError, match="'collections' cannot be the id"):
        submission.collection(orjson.dumps({**COLLECTION, "id": "collections"}))


def test_items_come_one_by_one_or_as_a_feature_collection() -> None:
    assert [each.id for each in submission.items(item(), "c")] == ["i"]
    many = b'{"type":"FeatureCollection","features":[' + item() + b" , " + item(id="j") + b"]}"
    found = submission.items(many, "c")
    assert [each.id for each in found] == ["i", "j"]
    assert [orjson.loads(each.body)["id"] for each in found] == ["i", "j"]


@pytest.mark.parametrize("features", [None, [], {}, "x"])
def test_a_feature_collection_has_items(features: object) -> None:
    with pytest.raises(DocumentError, match="features must be a list"):
        submission.items(orjson.dumps({"type": "FeatureCollection", "features": features}), "c")


def test_a_fault_among_many_items_is_told_with_its_number() -> None:
    body = orjson.dumps({"type": "FeatureCollection", "features": [ITEM, {**ITEM, "assets": {"a": {}}}]})
    with pytest.raises(DocumentError, match=r"^features\[1\]\.assets\.a\.href Field required$"):
        submission.items(body, "c")
    with pytest.raises(DocumentError, match=r"^features\[0\] must be an Item$"):
        submission.items(b'{"type":"FeatureCollection","features":[1]}', "c")


def test_there_are_no_more_items_at_once_than_a_thousand() -> None:
    body = orjson.dumps({"type": "FeatureCollection", "features": [{}] * (submission.MAX_ITEMS + 1)})
    with pytest.raises(LimitError, match="1001 items; at most 1000"):
        submission.items(body, "c")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"7",
        b"null",
        b'{"a":NaN}',
        b'{"a":1e999}',
        b'{"a":"\\ud800"}',
        b"\xff",
        b"[" * 5_000,
        b"{" * 99,
    ],
)
def test_what_is_no_json_object_is_refused(body: bytes) -> None:
    with pytest.raises(BadQueryError):
        submission.read(body)


@pytest.mark.parametrize("levels", [submission.MAX_DEPTH + 1, 500, 1_000])
def test_deep_documents_are_refused(levels: int) -> None:
    with pytest.raises(LimitError, match="64 levels"):
        submission.read(b'{"a":' + b"[" * (levels - 1) + b"]" * (levels - 1) + b"}")


@pytest.mark.slow
def test_hostile_documents_are_refused_at_once() -> None:
    began = time.process_time()
    with pytest.raises(DocumentError):
        submission.item(item(geometry={"type": "MultiPoint", "coordinates": [["x"]] * 20_000}), "c")
    with pytest.raises(DocumentError):
        submission.item(item(assets={"x" * 500_000: 1}, links=["y"] * 50_000), "c")
    assert time.process_time() - began < 15


def test_the_message_of_a_hostile_document_stays_short() -> None:
    with pytest.raises(DocumentError) as caught:
        submission.item(item(stac_version="9" * 100_000, collection="c" * 100_000, id="i" * 100_000), "c")
    assert len(str(caught.value)) < 1_000


def test_big_numbers_are_numbers() -> None:
    body = item(properties={"datetime": "2020-01-01T00:00:00Z", "n": 2**63}).replace(b"9223372036854775808", b"1" * 400)
    with pytest.raises(BadQueryError):
        submission.read(body)
    assert submission.read(body.replace(b"1" * 400, b"1" * 40))["properties"]["n"] == pytest.approx(1.11e39, rel=0.01)


@pytest.mark.parametrize(
    ("patch", "merged"),
    [
        ({"a": "z", "c": {"f": None}}, {"a": "z", "c": {"d": "e"}}),
        ({"a": None}, {"c": {"d": "e", "f": "g"}}),
        ({"c": [1]}, {"a": "b", "c": [1]}),
        ({"a": {"x": None, "y": 1}}, {"a": {"y": 1}, "c": {"d": "e", "f": "g"}}),
        ({}, {"a": "b", "c": {"d": "e", "f": "g"}}),
    ],
)
def test_a_merge_patch_is_put_in_as_its_standard_says(patch: dict[str, Any], merged: dict[str, Any]) -> None:
    document = {"a": "b", "c": {"d": "e", "f": "g"}}
    assert submission.merged(document, patch) == merged
    assert document == {"a": "b", "c": {"d": "e", "f": "g"}}


def test_what_could_never_be_found_is_not_kept() -> None:
    submission.refuse_lost((Issue("unknown-word", "x", "license"),))
    with pytest.raises(DocumentError, match=r"^features\[2\]\.bbox has latitudes$"):
        submission.refuse_lost((Issue("bad-bbox", "has latitudes", "bbox"),), "features[2].")


def test_a_member_that_is_there_twice_is_named() -> None:
    assert submission.twice(b'{"a":{"b":1,"b":2},"c":1}') == ""
    assert submission.twice(b'{"a":1,"b":[],"a":2}') == "a"
    assert submission.twice(b'{"a":1,"\\u0061":2}') == "a"


@pytest.mark.parametrize(("body", "is_one"), [(b'{"type":1}', True), (b"{}", False), (b"[]", False), (b"1", False)])
def test_a_document_says_of_what_type_it_is(body: bytes, is_one: bool) -> None:
    assert submission.has_type(body) is is_one
