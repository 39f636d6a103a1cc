"""Names over GraphQL: what they mean, and searching there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Ask = Callable[..., Any]


def test_a_name_resolves_to_its_regions_best_first(data: Ask) -> None:
    found = data('{ resolve(text: "Andromeda") { name kind frame other matched geometry } }')["resolve"]
    assert found[0] == {
        "name": "Andromeda Galaxy",
        "kind": "galaxy",
        "frame": "SKY",
        "other": "M31",
        "matched": "alias",
        "geometry": {"type": "Circle", "center": [10.6847, 41.2687], "radius": 3.2},
    }
    assert [each["kind"] for each in found] == ["galaxy", "constellation"]


def test_a_country_resolves_to_boxes(data: Ask) -> None:
    (italy,) = data('{ resolve(text: "italia") { name frame geometry } }')["resolve"]
    assert (italy["name"], italy["frame"], italy["geometry"]["type"]) == ("Italy", "EARTH", "Polygon")
    (france,) = data('{ resolve(text: "France", first: 1) { geometry } }')["resolve"]
    assert france["geometry"]["type"] == "MultiPolygon"


@pytest.mark.parametrize("text", ["", "qqzzy", "a" * 10_000, "\u202e", ".*"])
def test_what_is_no_name_resolves_to_nothing(data: Ask, text: str) -> None:
    assert data("query ($text: String!) { resolve(text: $text) { name } }", text=text)["resolve"] == []


@pytest.mark.parametrize(("first", "code"), [(-1, "bad_query"), (51, "limit")])
def test_a_number_of_meanings_that_cannot_be_is_refused(ask: Ask, first: int, code: str) -> None:
    answer = ask(f'{{ resolve(text: "M31", first: {first}) {{ name }} }}')
    assert answer["errors"][0]["extensions"]["code"] == code


def test_a_search_takes_the_name_of_a_region(data: Ask, ask: Ask) -> None:
    named = '{ search(region: {name: "Arctic"}) { totalCount { value } } }'
    boxed = "{ search(region: {bbox: [-180, 66, 180, 90]}) { totalCount { value } } }"
    assert data(named) == data(boxed)
    inside = '{ search(region: {name: "Arctic", relation: WITHIN}) { totalCount { value } } }'
    assert data(inside)["search"]["totalCount"]["value"] <= data(named)["search"]["totalCount"]["value"]
    (error,) = ask('{ search(region: {name: "Arctik"}) { totalCount { value } } }')["errors"]
    assert error["extensions"]["code"] == "bad_query"
    assert "did you mean Arctic" in error["message"]
    (error,) = ask('{ search(region: {name: "Italy", bbox: [0, 0, 1, 1]}) { totalCount { value } } }')["errors"]
    assert "exactly one" in error["message"]


def test_values_and_titles_are_suggested_with_what_they_are(data: Ask) -> None:
    found = data('{ suggest(prefix: "cryo") { what title value scope count id } }')["suggest"]
    assert all(each["what"] in ("MISSION", "INSTRUMENT", "TARGET", "PLACE", "OBJECT", "TITLE") for each in found)
    assert all((each["id"] is not None) == (each["what"] == "TITLE") for each in found)
