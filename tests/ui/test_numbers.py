"""Numbers are drawn as bars that lead to what they have counted."""

from __future__ import annotations

from dataclasses import replace

import pytest

from discovery.query.facets import Range, RangeFacet, RangeSelection
from discovery.query.query import Query
from ui import numbers

CLOUDS = RangeFacet(
    "cloud_cover",
    "Cloud cover",
    (Range(0.0, 50.0, 3), Range(50.0, 75.0, 0), Range(75.0, 100.0, 1, closed=True)),
    present=4,
    missing=1,
    least=2.5,
    greatest=100.0,
)


def test_each_bar_asks_for_what_it_counts() -> None:
    (box,) = numbers.boxes((("q", "sea"),), Query(), [CLOUDS])
    assert [(each.label, each.count, each.asks) for each in box.bars] == [
        ("0% to 50%", 3, "0..<50"),
        ("75% to 100%", 1, "75..100"),
    ]
    assert box.urls[0] == "/search?q=sea&range.cloud_cover=0..%3C50"
    assert (box.ends, box.known, box.open) == (("2.5%", "100%"), "4 results have a value", True)


def test_counts_that_are_only_nearly_right_are_said_so() -> None:
    (box,) = numbers.boxes((), Query(), [replace(CLOUDS, exact=False)])
    assert box.known == "about 4 results have a value"
    assert [numbers.as_json(each)["exact"] for each in (CLOUDS, replace(CLOUDS, exact=False))] == [True, False]


def test_a_number_that_nothing_has_is_not_shown_unless_it_is_narrowed() -> None:
    nothing = RangeFacet("size", "Size", missing=3)
    assert list(numbers.boxes((), Query(), [nothing])) == []
    asked = Query(ranges=(RangeSelection("size", 5.0, 7.0),))
    (box,) = numbers.boxes((("range.size", "5..7"),), asked, [nothing])
    assert (box.low, box.high, box.hidden, box.ends) == ("5", "7", (), ("", ""))


def test_a_number_without_steps_offers_to_draw_them() -> None:
    (box,) = numbers.boxes((), Query(), [RangeFacet("size", "Size", present=1, least=1e6, greatest=2e9)])
    assert box.show == "/search?bins.size=20#number-size"
    assert (box.ends, box.open) == (("1.0 MB", "2.0 GB"), False)


@pytest.mark.parametrize(
    ("selected", "words"),
    [
        (RangeSelection("cloud_cover", 0.0, 10.0), "0% to 10%"),
        (RangeSelection("cloud_cover", 0.0, 10.0, below=True), "0% to below 10%"),
        (RangeSelection("exposure", 100.0), "from 100 s"),
        (RangeSelection("exposure", None, 5.0), "up to 5 s"),
        (RangeSelection("exposure", None, 5.0, below=True), "below 5 s"),
        (RangeSelection("resolution", 10.0, 10.0), "10 m"),
        (RangeSelection("size", -5.0), "from -5"),
    ],
)
def test_a_range_is_said_as_people_say_it(selected: RangeSelection, words: str) -> None:
    assert numbers.said(selected) == words


def test_json_says_how_each_step_is_asked_for() -> None:
    found = numbers.as_json(CLOUDS)
    assert found["ranges"][0] == {"low": 0.0, "high": 50.0, "closed": False, "count": 3, "range": "0..<50"}
    assert (found["least"], found["missing"], found["unit"]) == (2.5, 1, "%")
