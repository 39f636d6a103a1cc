from __future__ import annotations

import pytest

from discovery.model.extent import Extent
from discovery.model.instant import instant
from discovery.query.query import Total
from discovery.query.time import interval
from ui import wording


@pytest.mark.parametrize(
    ("number", "expected"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (1_234_567, "1.2 MB"), (999_960, "1.0 MB"), (2e15, "2.0 PB")],
)
def test_sizes_have_a_decimal_prefix(number: float, expected: str) -> None:
    assert wording.size(number) == expected


def test_an_unknown_size_is_not_said() -> None:
    assert wording.size(None) == wording.size(-1) == ""


@pytest.mark.parametrize(
    ("amount", "unit", "expected"),
    [
        *((12.5, "%", "12.5%"), (5000, "m", "5000 m"), (5e-7, "m", "500 nm"), (2.2e-6, "m", "2.2 µm")),
        *((1e-13, "m", "0.1 pm"), (3, "byte", "3 B"), (0, "m", "0 m")),
    ],
)
def test_numbers_are_said_with_their_unit(amount: float, unit: str, expected: str) -> None:
    assert wording.number(amount, unit) == expected


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        ("2010-01-01", "2011-12-31", "2010-01-01 to 2011-12-31"),
        ("2010-01-01", None, "2010-01-01 to now"),
        (None, "2011-12-31", "until 2011-12-31"),
        ("2010-01-01", "2010-01-01", "2010-01-01"),
        (None, None, ""),
    ],
)
def test_a_period_may_be_open(start: str | None, end: str | None, expected: str) -> None:
    extent = Extent(start=instant(start) if start else None, end=instant(end) if end else None)
    assert wording.period(extent) == expected


def test_an_inexact_number_says_so() -> None:
    assert wording.count(Total(1234)) == "1,234"
    assert wording.count(Total(1234, exact=False)) == "about 1,234"


def test_whole_years_stand_in_the_form_as_years() -> None:
    assert wording.years(interval("2015/2018")) == ("2015", "2018")
    assert wording.years(interval("2015-06/..")) == ("2015-06-01", "")
    assert wording.years(None) == ("", "")


@pytest.mark.parametrize("text", ["2015/2018", "2015-06-01/..", "../2016"])
def test_the_ends_in_the_form_ask_for_the_same_time(text: str) -> None:
    start, end = wording.years(interval(text))
    assert interval(f"{start or '..'}/{end or '..'}") == interval(text)


def test_a_time_is_said_in_words() -> None:
    assert wording.span(interval("2015/..")) == "from 2015-01-01"
    assert wording.span(interval("../2015")) == "until 2015-12-31"


def test_kinds_have_names_of_their_own() -> None:
    assert wording.value("kind", "volume") == "Data volume"
    assert wording.value("theme", "x", "Label") == "Label"
    assert wording.value("theme", "x") == "x"
    assert wording.plural(1, "source") == "1 source"
    assert wording.plural(2, "source") == "2 sources"


def test_a_moment_is_said_to_the_second() -> None:
    assert wording.day(instant("2020-01-02T03:04:05.6Z")) == "2020-01-02 03:04:05"
    assert wording.day(instant("2020-01-02")) == "2020-01-02"
    assert wording.day(None) == ""
