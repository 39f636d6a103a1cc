"""STAC documents: where their links stand, what is fit to be shown, and records that become documents."""

from __future__ import annotations

from typing import Any

import orjson
import pystac
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from discovery.model.extent import Extent
from discovery.model.record import Asset, Record
from discovery.model.stac import (
    absolute,
    array,
    elements,
    kept_links,
    members,
    positions,
    redact_document,
    redact_text,
    redacted,
    splice,
    to_stac_collection,
    to_stac_item,
)

# Half a character and an endless number are no JSON.
TEXT = st.text(st.characters(codec="utf-8"), max_size=12)
LEAVES = st.none() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False) | TEXT
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4), max_leaves=12
)
SQUARE = {"type": "Polygon", "coordinates": [[[0, 0], [2, 0], [2, 1], [0, 1], [0, 0]]]}
JAN = 1_577_836_800_000
ITEM = b'{"type":"Feature","stac_version":"1.0.0","id":"a","collection":"c","links":[]}'


def written(value: Any, indented: bool) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2 if indented else 0)


@settings(max_examples=60)
@given(st.dictionaries(TEXT, VALUES, max_size=5), st.booleans())
def test_every_member_is_found_where_it_stands(document: dict[str, Any], indented: bool) -> None:
    body = written(document, indented)
    assert {name: orjson.loads(body[start:end]) for name, start, end in members(body)} == document


@settings(max_examples=60)
@given(st.lists(VALUES, max_size=5), st.booleans())
def test_every_element_is_found_where_it_stands(values: list[Any], indented: bool) -> None:
    body = written(values, indented)
    assert [orjson.loads(body[start:end]) for start, end in elements(body, 0, len(body))] == values


@settings(max_examples=60)
@given(st.lists(VALUES, min_size=1, max_size=5), st.data())
def test_elements_before_a_cut_are_whole(values: list[Any], data: st.DataObject) -> None:
    body = orjson.dumps([{"v": each} for each in values])
    cut = body[: data.draw(st.integers(1, len(body) - 1))]
    found = [orjson.loads(cut[start:end]) for start, end in elements(cut, 0, len(cut))]
    assert found == [{"v": each} for each in values][: len(found)]
    assert len(found) == sum(end <= len(cut) for _, end in elements(body, 0, len(body)))


@settings(max_examples=60)
@given(st.dictionaries(TEXT, VALUES, max_size=3), st.lists(VALUES, max_size=4), st.booleans())
def test_the_elements_of_an_array_are_found_in_one_go(
    document: dict[str, Any], values: list[Any], indented: bool
) -> None:
    body = written({**document, "features": values, "last": document}, indented)
    assert [orjson.loads(body[start:end]) for start, end in array(body, "features")] == values


def test_of_two_arrays_of_one_name_the_last_is_found() -> None:
    body = b'{"f":[1],"f":[2, 3],"g":[4]}'
    assert [body[start:end] for start, end in array(body, "f")] == [b"2", b"3"]
    assert list(array(body, "h")) == list(array(b"{}", "f")) == []


@pytest.mark.parametrize("depth", [1, 9, 10, 11, 12, 500])
def test_values_of_any_depth_are_found_whole(depth: int) -> None:
    deep = b'[{"a": "]"},' * depth + b"0" + b"]" * depth
    body = b'{"first": ' + deep + b', "second": ' + deep + b"}"
    assert [body[start:end] for _, start, end in members(body)] == [deep, deep]


def test_a_name_that_occurs_twice_is_yielded_twice() -> None:
    assert [name for name, _, _ in members(b'{"a":1,"a":2}')] == ["a", "a"]


@pytest.mark.parametrize(
    ("body", "around"),
    [
        (b'{"id":"a","links":[{"rel":"self","href":"x"}],"z":1}', b'{"id":"a","links":,"z":1}'),
        (b'{"id":"a", "links" : [] }', b'{"id":"a", "links" :  }'),
        (b'{"links":1,"id":"a","links":[]}', b'{"links":1,"id":"a","links":}'),
        (b'{"id":"a","z":{"links":[1]}}', b'{"links":,"id":"a","z":{"links":[1]}}'),
        (b'{"t":"links","id":"a"}', b'{"links":,"t":"links","id":"a"}'),
        (b'{"t":"links","l\\u0069nks":[]}', b'{"t":"links","l\\u0069nks":}'),
        (b'{"z":{"links":[1]},"l\\u0069nks":[2]}', b'{"z":{"links":[1]},"l\\u0069nks":}'),
        (b"{}", b'{"links":}'),
        (b"  { } ", b'  {"links": } '),
    ],
)
def test_the_place_of_the_links_is_that_of_the_outermost_last_member(body: bytes, around: bytes) -> None:
    found = splice(body, orjson.loads(body))
    shown = body if found.public is None else found.public
    assert shown[: found.start] + shown[found.end :] == around


def test_secrets_are_hidden_and_the_rest_stays_byte_by_byte() -> None:
    body = b'{"links":[],"n":1.50,"href":"https://ann:pw@a.org/x","s":"https://b.org/y?X-Amz-Signature=abc&k=1"}'
    found = splice(body, orjson.loads(body))
    assert found.public is not None
    assert b"pw" not in found.public
    assert b"abc" not in found.public
    assert found.public.startswith(b'{"links":[],"n":1.50,"href":"https://')
    assert splice(b'{"links":[],"mail":"a@b.org"}', {"links": []}).public is None


def test_a_secret_is_found_behind_escapes_too() -> None:
    assert b"pw" not in (redact_document(b'{"a":"https:\\/\\/ann:pw\\u0040a.org\\/x"}') or b"pw")
    assert redact_document(b'{"a":"no secret \\" @ here"}') is None


def test_texts_and_all_that_holds_them_are_redacted() -> None:
    assert redact_text("see https://ann:pw@a.org/x and more") == redact_text("see https://a.org/x and more")
    assert redacted({"a": ["https://ann:pw@a.org/x", 1]}) == {"a": ["https://a.org/x", 1]}
    assert redact_text("mail me at ann@a.org") == "mail me at ann@a.org"
    assert "pw" not in redact_text("ann:pw@ftp.a.org/x")


def test_links_that_say_where_a_document_is_served_give_way_to_ours() -> None:
    links = [
        *({"rel": rel, "href": "https://a.org/x"} for rel in ("self", "root", "parent", "Collection", "items", "next")),
        {"rel": "license", "href": "https://a.org/license"},
        {"rel": "about", "href": "more.html"},
        {"rel": "via", "href": "https://a.org/z?X-Amz-Signature=1"},
        {"rel": "via"},
        "no link",
    ]
    kept = orjson.loads(b"[" + kept_links(links, "https://b.org/c/item.json") + b"]")
    assert [(each["rel"], each["href"]) for each in kept] == [
        ("license", "https://a.org/license"),
        ("about", "https://b.org/c/more.html"),
    ]
    assert kept_links(links[7:8], "") == b""
    assert kept_links("nonsense", "https://b.org") == b""


@pytest.mark.parametrize(
    ("href", "base", "expected"),
    [
        ("https://a.org/x", "", "https://a.org/x"),
        ("../x", "https://a.org/b/c", "https://a.org/x"),
        ("../x", "", ""),
        ("../x", "file:///b/c", ""),
        ("www.a.org/x", "https://b.org/", "https://www.a.org/x"),
        ("https://[broken", "https://b.org/", ""),
    ],
)
def test_a_relative_link_needs_a_public_place_to_start_from(href: str, base: str, expected: str) -> None:
    assert absolute(href, base) == expected


@pytest.mark.parametrize(
    ("body", "collection"),
    [
        (ITEM, "c"),
        (ITEM.replace(b'"collection":"c",', b""), ""),
        (ITEM.replace(b'"c"', b"null"), None),
        (ITEM.replace(b'"c"', b'""'), None),
        (ITEM.replace(b'"c"', b'"a\\u0000b"'), None),
        (ITEM.replace(b'"id":"a"', b'"id":7'), None),
        (ITEM.replace(b"Feature", b"Collection"), None),
        (ITEM.replace(b'"stac_version":"1.0.0",', b""), None),
    ],
)
def test_only_a_plain_item_says_its_collection_in_advance(body: bytes, collection: str | None) -> None:
    assert splice(body, orjson.loads(body)).collection == collection


def record(kind: str = "observation", **more: Any) -> Record:
    return Record("s", "c", "r1", kind, "A title", **more)


def valid_item(given: Record, collection: str = "") -> dict[str, Any]:
    made = to_stac_item(given, collection)
    links = [{"rel": "collection", "href": "https://a.org/c"}] if collection else []
    pystac.Item.from_dict({**made, "links": links}).validate()
    return made


@pytest.mark.parametrize(
    "extent",
    [
        Extent("earth", SQUARE, None, JAN, JAN),
        Extent("earth", None, (170.0, -5.0, -170.0, 5.0), JAN, JAN + 1000),
        Extent("earth", {"type": "Circle", "center": [0, 0], "radius": 1}, (-1.0, -1.0, 1.0, 1.0), None, JAN),
        Extent("earth", SQUARE, None, None, None),
        Extent("sky", {"type": "Circle", "center": [83, 22], "radius": 1}, (82.0, 21.0, 84.0, 23.0), JAN, None),
        Extent("earth", None, None, -900_000_000_000_000, 900_000_000_000_000),
    ],
)
def test_any_extent_becomes_a_valid_item(extent: Extent) -> None:
    valid_item(record(extent=extent))


def test_an_instant_is_a_datetime_and_an_interval_both_of_its_ends() -> None:
    instant = valid_item(record(extent=Extent("earth", SQUARE, None, JAN, JAN)))["properties"]
    assert instant["datetime"] == "2020-01-01T00:00:00Z"
    assert "start_datetime" not in instant
    open_end = valid_item(record(extent=Extent("earth", SQUARE, None, JAN, None)))["properties"]
    assert (open_end["datetime"], open_end["start_datetime"]) == (None, "2020-01-01T00:00:00Z")


def test_a_footprint_on_the_sky_is_not_drawn_on_the_earth() -> None:
    circle = {"type": "Circle", "center": [83.6, 22.0], "radius": 0.5}
    made = valid_item(record(extent=Extent("sky", circle, None, JAN, JAN)))
    assert made["geometry"] is None
    assert "bbox" not in made
    assert (made["properties"]["discovery:frame"], made["properties"]["discovery:footprint"]) == ("sky", circle)


def test_a_box_over_the_antimeridian_is_two_polygons_and_stays_one_box() -> None:
    made = valid_item(record(extent=Extent("earth", None, (170.0, -5.0, -170.0, 5.0), JAN, JAN)))
    assert made["geometry"]["type"] == "MultiPolygon"
    assert made["bbox"] == [170.0, -5.0, -170.0, 5.0]


def test_properties_and_assets_have_the_names_of_stac() -> None:
    assets = (Asset("https://a.org/1", "data", "D", "image/tiff", ("data",), 7), Asset("https://a.org/2", "data"))
    given = record(
        extent=Extent("earth", SQUARE, None, JAN, JAN), numbers={"cloud_cover": 3.5, "wavelength_min": 1e-7},
        assets=assets, instruments=("msi",), provider="ESA", license="CC-BY-4.0",
    )  # fmt: skip
    made = valid_item(given, "col")
    assert made["collection"] == "col"
    assert made["properties"]["eo:cloud_cover"] == 3.5
    assert made["properties"]["discovery:wavelength_min"] == 1e-7
    assert made["properties"]["providers"] == [{"name": "ESA"}]
    assert list(made["assets"]) == ["data", "data-2"]
    assert made["assets"]["data"]["file:size"] == 7


@pytest.mark.parametrize(
    "given",
    [
        record("dataset"),
        record("dataset", description="Words", license="CC0-1.0", keywords=("a", "a", "b"), provider="ESA"),
        record("project", extent=Extent("earth", SQUARE, None, JAN, None)),
        record("dataset", extent=Extent("sky", {"type": "Circle", "center": [1, 1], "radius": 1}, None, None, JAN)),
    ],
)
def test_any_resource_becomes_a_valid_collection(given: Record) -> None:
    made = to_stac_collection(given)
    pystac.Collection.from_dict(made).validate()
    assert (made["description"], made["license"]) == (given.description or "A title", given.license or "other")
    assert made.get("keywords") == (["a", "b"] if given.keywords else None)
    box = [0, 0, 2, 1] if given.extent.frame == "earth" and given.extent.geometry else [-180, -90, 180, 90]
    assert made["extent"]["spatial"]["bbox"] == [box]


def test_positions_are_those_of_every_part_in_order() -> None:
    collection = {"type": "GeometryCollection", "geometries": [{"type": "Point", "coordinates": [1, 2, 3]}, SQUARE]}
    assert sorted(positions(collection)) == [(0, 0), (0, 0), (0, 1), (1, 2), (2, 0), (2, 1)]
