from __future__ import annotations

import pytest

from discovery.query import cover, form, names
from discovery.query.query import Query


def one(text: str) -> names.Named:
    return names.resolve(text)[0]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("M31", "near Andromeda Galaxy (M31), cone of 3.2°"),
        ("Crab", "near Crab Nebula (M1), cone of 8.4 arcmin"),
        ("Italy", "in Italy"),
        ("Mediterranean", "in the Mediterranean Sea"),
        ("UK", "in the United Kingdom"),
        ("Mount Etna", "near Mount Etna"),
        ("Hudson Bay", "in Hudson Bay"),
        ("Mars", "on Mars"),
        ("Moon", "on the Moon"),
        ("Wien", "near Vienna"),
    ],
)
def test_a_place_is_called_as_people_say_it(text: str, place: str) -> None:
    assert one(text).place == place


def test_a_thing_on_the_sky_is_a_cone_as_large_as_the_thing() -> None:
    region = one("M31").region
    assert region.frame == "sky"
    assert region.geometry == {"type": "Circle", "center": [10.6847, 41.2687], "radius": 3.2}


def test_a_country_on_both_sides_of_the_antimeridian_is_one_box_across_it() -> None:
    west, _, east, _ = one("Fiji").boxes[0]
    assert west > 170
    assert east < -170
    assert one("Fiji").region.geometry["type"] == "MultiPolygon"


def test_parts_of_a_country_far_away_have_boxes_of_their_own() -> None:
    france = one("France")
    assert france.boxes[0] == (-5.14, 41.36, 9.56, 51.09)
    assert any(west < -50 for west, *_ in france.boxes)
    assert len(one("Italy").boxes) == 1


def test_a_planet_or_moon_is_the_whole_of_its_frame_and_never_a_cone_on_the_sky() -> None:
    for name, frame in (("Mars", "mars"), ("Titan", "titan"), ("Moon", "moon"), ("Io", "io"), ("Europa", "europa")):
        assert one(name).frame == frame
        assert one(name).whole


@pytest.mark.parametrize("text", ["France", "Fiji", "Mars", "M31", "Antarctica", "Pacific Ocean", "Arctic", "Russia"])
def test_a_region_of_a_name_can_be_searched_in_and_written_as_parameters(text: str) -> None:
    region = one(text).region
    assert len(cover.ask(region).cells) > 0
    written = form.pairs(Query(region=region))
    read = form.parse(written)
    assert form.pairs(read) == written
