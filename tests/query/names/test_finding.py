from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from discovery.errors import BadQueryError, UnknownFieldError
from discovery.query import names
from discovery.query.names.finding import MAX_NAME

HOSTILE = [
    "",
    " ",
    "\x00",
    "M31\x00",
    "\r\nM31",
    "M" * 10_000,
    "M31 " * 2_500,
    "\u202eM31",
    "\u05d0\u05d1" * 50,
    ".*",
    "(a+)+$",
    "[[[[",
    "\\",
    "' OR 1=1 --",
    "<script>alert(1)</script>",
    "%00%0d%0a",
    "\ud800",
    "😀" * 40,
    "a\u0301" * 3_000,
    "\ufdfa" * 100,
]


@pytest.mark.parametrize(
    "text", ["M31", "m 31", "m31", "Messier 31", "NGC 224", "NGC224", "ngc0224", "Andromeda", "Andromeda Galaxy"]
)
def test_one_galaxy_is_found_by_each_of_its_names(text: str) -> None:
    assert names.resolve(text)[0].name == "Andromeda Galaxy"


@pytest.mark.parametrize(
    ("text", "name", "kind"),
    [
        ("Crab Nebula", "Crab Nebula", "supernova remnant"),
        ("LMC", "Large Magellanic Cloud", "galaxy"),
        ("Sgr A*", "Sgr A*", "black hole"),
        ("Vega", "Vega", "star"),
        ("alpha Orionis", "Betelgeuse", "star"),
        ("\u03b1 Ori", "Betelgeuse", "star"),
        ("Abell 1656", "Coma Cluster", "galaxy cluster"),
        ("Orion", "Orion constellation", "constellation"),
        ("italia", "Italy", "country"),
        ("ITALIEN", "Italy", "country"),
        ("Côte d'Ivoire", "Ivory Coast", "country"),
        ("cote d\u2019ivoire", "Ivory Coast", "country"),
        ("Schweiz", "Switzerland", "country"),
        ("日本", "Japan", "country"),
        ("Méditerranée", "Mediterranean Sea", "sea"),
        ("Sahel", "Sahel", "region"),
        ("Alpen", "Alps", "mountains"),
        ("Amazon", "Amazon", "region"),
        ("Lake Victoria", "Lake Victoria", "lake"),
        ("München", "Munich", "city"),
        ("munchen", "Munich", "city"),
        ("Africa", "Africa", "continent"),
        ("Mars", "Mars", "planet"),
    ],
)
def test_names_resolve_as_people_write_them(text: str, name: str, kind: str) -> None:
    found = names.resolve(text)[0]
    assert (found.name, found.kind) == (name, kind)


def test_a_name_comes_before_what_is_also_called_so() -> None:
    europa = names.resolve("Europa")
    assert [(each.name, each.matched) for each in europa[:2]] == [("Europa", "name"), ("Europe", "alias")]


def test_of_two_things_with_a_name_the_frame_tells_which_is_meant() -> None:
    assert names.near("Phoenix").frame == "earth"
    assert names.near("Phoenix", frame="sky").frame == "sky"
    with pytest.raises(BadQueryError, match="in the frame mars is known as 'Phoenix'"):
        names.near("Phoenix", frame="mars")
    with pytest.raises(UnknownFieldError, match="frame"):
        names.near("Phoenix", frame="skye")


def test_an_unknown_name_is_refused_with_near_spellings() -> None:
    with pytest.raises(
        BadQueryError, match="near: no place or object is known as 'Itly'; did you mean Italy"
    ) as caught:
        names.near("Itly")
    assert caught.value.parameter == "near"
    with pytest.raises(BadQueryError, match="give bbox, cone or polygon instead"):
        names.near("qqqqzzzz")


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_names_are_no_names_and_cost_nothing(text: str) -> None:
    names.resolve("M31")  # The table is read when somebody asks for the first time.
    began = time.process_time()
    assert names.spotted(text) == names.spotted(text)
    names.beginning(text)
    names.resolve(text)
    if not names.resolve(text) or not text.isprintable():
        with pytest.raises(BadQueryError) as caught:
            names.near(text)
        assert str(caught.value).isprintable()
        assert len(str(caught.value)) < 1_000
    assert time.process_time() - began < 1.5


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=300))
def test_any_text_has_an_answer_and_the_same_one_again(text: str) -> None:
    assert names.resolve(text) == names.resolve(text)
    for each in names.spotted(text):
        assert names.near(each.named.name, frame=each.named.frame) == each.named.region
        # What is left are pieces of what was typed, in their order.
        left = iter(text.split())
        assert all(chunk in left for chunk in each.rest.split())
    assert len(names.beginning(text, limit=3)) <= 3


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("M31", [("Andromeda Galaxy", "")]),
        ("sentinel-2 italy", [("Italy", "sentinel-2")]),
        ("M31 x-ray", [("Andromeda Galaxy", "x-ray")]),
        ("sea surface temperature Gulf of Mexico", [("Gulf of Mexico", "sea surface temperature")]),
        ("soil moisture Sahel Niger", [("Sahel", "soil moisture Niger"), ("Niger", "soil moisture Sahel")]),
        ("crab pulsar chandra", [("Crab Pulsar", "chandra")]),
        ("snow in the Alps", [("Alps", "snow")]),
        ("ocean currents around South Africa", [("South Africa", "ocean currents")]),
        ("in the Alps", [("Alps", "")]),
        ("Italy, floods", [("Italy", "floods")]),
    ],
)
def test_names_inside_of_a_question_are_spotted_and_taken_out(text: str, expected: list[tuple[str, str]]) -> None:
    assert [(each.named.name, each.rest) for each in names.spotted(text)] == expected


@pytest.mark.parametrize(
    "text",
    [
        "10 m 31 band", "Sentinel-2 B4", '"sea of japan" ice', "ice -italy", "ocean colour", "nice data", "sun glint",
        "HDF file", "island height", "male female ratio", "orion spacecraft", "level 2",
    ],
)  # fmt: skip
def test_words_that_are_something_else_too_are_left_alone(text: str) -> None:
    assert names.spotted(text) == ()


def test_a_name_that_is_a_word_too_counts_when_nothing_else_is_typed() -> None:
    assert [each.named.name for each in names.spotted("HDF")] == ["Hubble Deep Field"]
    assert [each.named.name for each in names.spotted("Orion")] == ["Orion constellation"]


def test_at_most_three_names_are_offered() -> None:
    assert len(names.spotted("italy france spain germany austria")) == 3


def test_looking_up_takes_less_than_a_millisecond() -> None:
    names.resolve("M31")
    began = time.process_time()
    for _ in range(200):
        names.resolve("M31")
        names.spotted("sea surface temperature gulf of mexico")
    # A tenth of that is usual.
    assert (time.process_time() - began) / 400 < 0.001


def test_a_beginning_needs_two_letters_and_knows_places_and_objects() -> None:
    assert names.beginning("m") == ()
    assert names.beginning("ita")[0].name == "Italy"
    assert names.beginning("andromeda g")[0].name == "Andromeda Galaxy"
    assert names.beginning("x" * (MAX_NAME + 1)) == ()


def test_near_spellings_are_names() -> None:
    assert names.suggested("mediteranean sea")[0] == "Mediterranean Sea"
    assert names.suggested("it") == ()
