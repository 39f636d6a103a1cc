"""The header `Accept` as every face reads it."""

from __future__ import annotations

import pytest

from discovery.negotiation import MAX_CHARACTERS, MAX_RANGES, Range, ranges, wish


def test_ranges_stand_in_their_order_with_weights_and_parameters() -> None:
    assert ranges('Text/HTML, application/ld+json ; Profile="https://Schema.org/" ; Q=0.5,*/*;q=0', unread=1.0) == [
        Range("text/html", 1.0, {}),
        Range("application/ld+json", 0.5, {"profile": "https://schema.org/", "q": "0.5"}),
        Range("*/*", 0.0, {"q": "0"}),
    ]


@pytest.mark.parametrize("accept", ["", " ", ",", ",;,", ";q=1"])
def test_a_header_that_names_nothing_has_no_ranges(accept: str) -> None:
    assert ranges(accept, unread=1.0) == []


@pytest.mark.parametrize("weight", ["many", "nan", "inf", "-1", "1.1", "", "1e999", "0x1"])
def test_a_weight_that_is_none_is_what_the_face_says(weight: str) -> None:
    assert [each.weight for each in ranges(f"a/b;q={weight}", unread=0.0)] == [0.0]
    assert [each.weight for each in ranges(f"a/b;q={weight}", unread=1.0)] == [1.0]


def test_the_first_of_two_weights_of_a_range_counts() -> None:
    assert ranges("a/b;q=0.3;q=0.9", unread=1.0)[0].weight == 0.3


def test_what_stands_behind_the_bounds_is_not_read() -> None:
    assert len(ranges(",".join(["a/b"] * 900), unread=1.0)) == MAX_RANGES
    assert [each.name for each in ranges(" " * (MAX_CHARACTERS - 3) + "a/b,c/d", unread=1.0)] == ["a/b"]
    assert len(ranges("a/b" + ";x" * 1_900, unread=1.0)[0].parameters) == 1
    assert len(ranges("a/b" + "".join(f";x{n}=1" for n in range(100)), unread=1.0)[0].parameters) == 20


def test_the_range_that_fits_most_closely_decides() -> None:
    found = ranges("*/*;q=0.9, text/*;q=0.5, text/html;q=0.1, text/html;q=0.2", unread=0.0)
    assert wish(found, "text/html") == (0.2, 2)
    assert wish(found, "text/plain") == (0.5, 1)
    assert wish(found, "image/png") == (0.9, 0)
    assert wish(found[1:], "image/png") == (0.0, 0)
