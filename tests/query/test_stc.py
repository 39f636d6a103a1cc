"""Footprints in the dialects that archives write."""

from __future__ import annotations

import random

import pytest

from discovery.errors import RecordError
from discovery.model.extent import SKY
from discovery.query.footprint import build
from discovery.query.query import Region
from discovery.query.region import cone, decide
from discovery.query.stc import footprint, stc


def holds(text: str, lon: float, lat: float, xtype: str = "") -> bool:
    return decide(cone([lon % 360, lat, 0]), [stc(text, xtype)])[0]


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("Polygon ICRS 10 10 12 10 12 12 10 12", (11, 11), (13, 11)),
        ("POLYGON ICRS 10 10 12 10 12 12 10 12 10 10", (11, 11), (13, 11)),
        ("polygon 10 10 12 10 12 12 10 12", (11, 11), (13, 11)),
        ("POLYGON J2000 10 10 12 10 12 12 10 12", (11, 11), (13, 11)),
        ("Polygon FK5 TOPOCENTER 10 12 12 12 12 10 10 10", (11, 11), (13, 11)),
        ("polygon(10.1 10.1,10.0 10.1,10 10)", (10.03, 10.08), (10.1, 10)),
        ("POLYGON('ICRS', 10, 10, 12, 10, 12, 12)", (11.9, 11), (10, 11)),
        ("POLYGON ICRS 359 -1 1 -1 1 1 359 1", (0, 0), (180, 0)),
        ("POLYGON ICRS -1 -1 1 -1 1 1 -1 1", (0, 0), (180, 0)),
        ("POLYGON GSC1 10 10 12 10 12 12 10 12 POLYGON GSC1 20 10 22 10 22 12 20 12", (21, 11), (15, 11)),
        ("CIRCLE ICRS 10 20 1", (10, 20.9), (10, 21.1)),
        ("Circle 10 20 1", (10, 19.1), (12, 20)),
        ("Union ICRS (Circle 10 20 1 Polygon 30 30 31 30 31 31)", (30.9, 30.5), (20, 20)),
        ("Union ICRS TOPOCENTER ( Polygon 10 10 12 10 12 12 10 12 Not (Circle 11 11 0.1) )", (11.5, 11.5), (13, 11)),
        ("Difference ICRS (Circle 10 20 1 Circle 10 20 0.1)", (10, 20.5), (10, 22)),
        ("Box ICRS 10 0 2 4", (10.9, 1.9), (11.2, 0)),
        ("BOX ICRS 10 89.5 4 4", (190, 89), (190, 80)),
        ("RANGE 350 10 -5 5", (0, 4), (20, 0)),
        ("ELLIPSE ICRS 10 0 2 1 30", (10, 1.9), (10, 2.1)),
        ("Position ICRS 10 20", (10, 20), (10, 21)),
        ("Circle GALACTIC 0 0 1", (266.405, -28.936), (0, 0)),
        ("0/4", (45, 0), (180, 0)),
        ("MOC 3/0-3 7", (45, 6), (45, 60)),
        ("Polygon ICRS 10 10 12 10 12 12 10 12 unit deg", (11, 11), (13, 11)),
        ("Union GALACTIC (Circle 0 0 1 Circle ICRS 10 20 1)", (266.405, -28.936), (0, 0)),
        ("Union GALACTIC (Circle 0 0 1 Circle ICRS 10 20 1)", (10, 20.5), (20, 20)),
        ("AllSky ICRS", (123, -45), None),
        ('{"4": [12, 13], "3": [0]}', (45, 3), (180, 0)),
        ("<(10d , 20d) , 1d>", (10, 20.9), (10, 21.1)),
        ("<(0.17453292519943295 , 0.3490658503988659) , 0.017453292519943295>", (10, 20.9), (10, 21.1)),
        ("{(10d , 10d),(12d , 10d),(12d , 12d),(10d , 12d)}", (11, 11), (13, 11)),
        ("{(0.1 , 0.1),(0.2 , 0.1),(0.2 , 0.2),(0.1 , 0.2)}", (8, 8), (13, 11)),
        ("(10d , 20d)", (10, 20), (10, 21)),
        ("POSITION J2000 266.414807 -29.00877", (266.414807, -29.00877), (0, 0)),
    ],
)
def test_a_dialect_is_read(text: str, inside: tuple[float, float], outside: tuple[float, float] | None) -> None:
    assert holds(text, *inside)
    assert outside is None or not holds(text, *outside)


@pytest.mark.parametrize(
    ("text", "wider"),
    [
        ("Circle ICRS 10 20 1", ""),
        ("Union ICRS (Circle 10 20 1 Circle 12 20 1)", ""),
        ("Union ICRS (Circle 10 20 1 Not (Circle 11 20 0.1))", "what is cut out of it was left in"),
        ("Difference ICRS (Circle 10 20 1 Circle 10 20 0.1)", "what is cut out of it was left in"),
        ("Intersection (Circle 10 20 1 Circle 10 20 0.1)", "what is cut out of it was left in"),
        ("ELLIPSE ICRS 10 0 2 1 30", "the circle around an ellipse stands for it"),
    ],
)
def test_a_footprint_that_covers_more_than_was_said_says_so(text: str, wider: str) -> None:
    assert footprint(text).wider == wider


def test_bare_numbers_are_what_their_xtype_says() -> None:
    assert holds("10 20 1", 10, 20.5, "circle")
    assert holds("10 20 1", 10, 20.5)
    assert holds("10 10 12 10 12 12", 11.5, 11, "polygon")
    assert holds("10 12 10 12", 11, 11, "range")
    assert holds("10 12", 10, 12)


@pytest.mark.parametrize("text", ["", "  ", "NaN"])
def test_no_text_is_no_footprint(text: str) -> None:
    assert stc(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "Polygon ICRS 1 2 3", "Polygon ICRS 1 2 3 4 5", "Circle ICRS 1 2", "Circle ICRS 1 2 -1", "Blob 1 2 3",
        "Circle ICRS 1 91 1", "Polygon ICRS 1 2 nan 4 5 6", "Union (", "Union ()", "99/1", "1/99999",
        "Not (Circle 1 2 3)",
        "(" * 500, "Union (" * 500, "Circle ICRS 1 2 3 )", "RANGE 1 2 5 4", "Circle ICRS 1 2 3 unit rad", "<a>",
        "<(1 , 2)>", "{(1d , 2d)}", "{1d", '{"4": ["x"]}', '{"x": [1]}', '{"4": [1}', "{}", "AllSky 1", "()", "(", "<",
        "{" * 500,
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_one_records_error(text: str) -> None:
    with pytest.raises(RecordError) as caught:
        stc(text)
    assert caught.value.code == "region"


def test_every_dialect_gives_a_region_that_can_be_asked_for() -> None:
    geometry = stc("Union ICRS (Circle 10 20 1 Polygon 30 30 31 30 31 31)")
    assert geometry is not None
    assert decide(Region(geometry, "sky"), [{"type": "Point", "coordinates": [10, 20]}]) == [True]


def test_what_is_not_built_while_it_is_read_can_always_be_built() -> None:
    chance = random.Random(5)
    for number in range(400):
        # Rings that cross themselves, have one place only, run along a line, over a pole or around the sky.
        wide = chance.choice((0, 1e-9, 1, 30, 180))
        lon, lat = chance.uniform(-360, 360), chance.choice((-90, 90, 0, chance.uniform(-89, 89)))
        points = [
            (
                lon + chance.uniform(-wide, wide),
                min(90, max(-90, lat + chance.choice((0, 1)) * chance.uniform(-wide, wide))),
            )
            for _ in range(chance.randint(3, 12))
        ]
        text = "POLYGON " + " ".join(f"{x!r} {y!r}" for x, y in points)
        geometry = stc(text if number % 3 else f"CIRCLE {lon!r} {lat!r} {chance.choice((0, 1e-12, 1, 90, 180))!r}")
        assert geometry is not None
        build(geometry, SKY)
