"""Which words somebody may have meant."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from discovery.query.typos import distance, similar

VOCABULARY = (
    "precipitation",
    "temperature",
    "sentinel",
    "hubble",
    "moisture",
    "mars",
    "mare",
    "sea",
    "ocean",
    "cryosat",
)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("precipitaton", "precipitation"),
        ("temprature", "temperature"),
        ("hubbel", "hubble"),
        ("Ocaen", "ocean"),
        ("cyrosat", "cryosat"),
    ],
)
def test_a_slip_finds_the_word(typed: str, meant: str) -> None:
    assert similar(typed, VOCABULARY)[0] == meant


def test_short_words_digits_and_the_word_itself_have_no_slips() -> None:
    assert similar("see", VOCABULARY) == []
    assert similar("hubble", VOCABULARY) == []
    assert similar("sentinel2", ["sentinel3"]) == []


def test_the_nearest_come_first_and_no_more_than_asked() -> None:
    assert similar("marz", VOCABULARY) == ["mare", "mars"]
    assert similar("marz", VOCABULARY, limit=1) == ["mare"]


def _plain(left: str, right: str) -> int:
    """Return the same distance from the textbook's full table."""
    table = {(row, -1): row + 1 for row in range(-1, len(left))} | {
        (-1, column): column + 1 for column in range(-1, len(right))
    }
    for row, a in enumerate(left):
        for column, b in enumerate(right):
            table[row, column] = min(
                table[row - 1, column] + 1, table[row, column - 1] + 1, table[row - 1, column - 1] + (a != b)
            )
            if row and column and a == right[column - 1] and left[row - 1] == b:
                table[row, column] = min(table[row, column], table[row - 2, column - 2] + 1)
    return table[len(left) - 1, len(right) - 1]


@given(st.text("abc", max_size=9), st.text("abc", max_size=9), st.integers(1, 3))
def test_distance_agrees_with_the_textbook(left: str, right: str, most: int) -> None:
    assert distance(left, right, most) == min(_plain(left, right), most + 1)
