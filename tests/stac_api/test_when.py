"""Stretches of time and letters of ids: written in one way, and cut so that every item is in one part."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from discovery.errors import NotFoundError
from discovery.model.instant import DAY, MAX_YEAR, days, instant
from discovery.model.record import record_id
from discovery.query.query import And, Between, IsNull, Like
from discovery.stac_api.when import LETTERS, Step, When

INSTANTS = st.integers(days(-9_999, 1, 1) * DAY, days(12_000, 1, 1) * DAY)


@pytest.mark.parametrize(
    ("text", "title", "around"),
    [
        ("2020", "2020", ""),
        ("2020-05", "May 2020", "2020"),
        ("2020-05-17", "17 May 2020", "2020-05"),
        ("2020-05-17~a2", "17 May 2020, identifiers a2…", "2020-05-17~a"),
        ("2020-05-17~a2_0-12", "17 May 2020, identifiers a2…, numbers 0 to 12", "2020-05-17~a2"),
        ("2020-05-17_7-7", "17 May 2020, numbers 7 to 7", "2020-05-17"),
        ("1500..1999", "1500 to 1999", ""),
        ("-000043", "-43", ""),
        ("+012000-02", "February 12000", "+012000"),
        ("0000", "0", ""),
        ("undated", "Without a time", ""),
        ("undated~z", "Without a time, identifiers z…", "undated"),
        ("~7", "All items, identifiers 7…", ""),
    ],
)
def test_a_time_is_read_written_and_called_as_people_do(text: str, title: str, around: str) -> None:
    found = When.parse(text)
    assert (found.text, found.title, found.around.text) == (text, title, around)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "~",
            "2020~",
            "2020~A",
            "2020~1",
            "~" + "a" * 17,
            "2020-13",
            "2020-00",
            "2020-5",
            "2020-02-30",
            "2020-05-17T24",
        ),
        *("99999", "+99999", "-0000", "20200501", "2020-05-17T12:00:00Z", "2020 ", " 2020", "2020\n", "_", "2020_"),
        *("2020_1", "2020_1-", "2020_-1", "2020_01-2", "2020_1-2_3-4", "2020_1-2~a", "2020_1-99999999999999999999"),
        *("..", "2020..", "..2020", "2021..2020", "2020-05..2021", "2020..2021..2022", "all", "٢٠٢٠", "9" * 10_000),
        *(f"+{MAX_YEAR + 1}", "+200000000-01-01", "undated~~a", "undated-05", "2020/05", "%2F", "\0", "\ud800"),
    ],
)
def test_what_is_no_time_or_written_otherwise_is_not_found(text: str) -> None:
    with pytest.raises(NotFoundError, match="no catalog"):
        When.parse(text)


@settings(max_examples=200)
@given(INSTANTS, st.sampled_from([Step.YEAR, Step.MONTH, Step.DAY]))
def test_every_instant_is_in_one_stretch_of_each_length(moment: int, step: Step) -> None:
    when = next(each for each in stretches(moment) if each.step is step)
    assert when.low <= moment <= when.high
    assert When.parse(when.text) == when
    assert when.filter == Between("start", when.low, when.high)
    after = next(each for each in stretches(when.high + 1) if each.step is step)
    assert after.low == when.high + 1


def stretches(moment: int) -> list[When]:
    """Return the day, month and year that hold an instant, each read out of what lies in it."""
    day = When.of(Step.DAY, moment - moment % DAY)
    return [day, day.around, day.around.around]


def test_each_length_is_cut_into_the_next_and_days_only_by_ids_and_numbers() -> None:
    cuts = [When().finer, *(When.parse(each).finer for each in ("1500..1999", "2020", "2020-05"))]
    assert cuts == [Step.YEAR, Step.YEAR, Step.MONTH, Step.DAY]
    assert [When.parse(each).finer for each in ("2020-05-17", "undated", "~a", "2020~a", "2020_1-2")] == [None] * 5
    assert When.parse("2020~a").between(1, 20).text == "2020~a_1-20"


def test_where_days_cannot_be_told_apart_months_are_cut_by_ids() -> None:
    assert When.parse("+037000-01").finer is Step.DAY
    far = When.parse("+038000-01")
    assert far.finer is None
    with pytest.raises(NotFoundError):
        When.parse("+038000-01-01")
    assert When.parse("-030000-12-31").around.text == "-030000-12"


@settings(max_examples=100)
@given(st.text(max_size=20))
def test_the_id_of_a_record_begins_with_one_of_the_letters(source_id: str) -> None:
    id = record_id("s", "c", source_id)
    when, found = When(undated=True), []
    for _ in range(16):
        found = [each for each in when.spelt() if id.startswith(each.letters)]
        assert len(found) == 1
        when = found[0]
    assert when.letters == id
    assert len(set(LETTERS)) == 32


def test_filters_are_of_the_start_and_of_the_id() -> None:
    assert When().filter is None
    assert When.parse("undated").filter == IsNull("start")
    assert When.parse("~ab").filter == Like("id", "ab%")
    low, high = instant("2020-05-01T00:00:00Z"), instant("2020-06-01T00:00:00Z") - 1
    assert When.parse("2020-05~a").filter == And((Between("start", low, high), Like("id", "a%")))


def test_years_hold_what_lies_in_them() -> None:
    years = When.parse("1500..1599")
    assert When.years(When.parse("1500"), When.parse("1599")) == years
    assert years.holds(When.parse("1543"))
    assert not years.holds(When.parse("1600"))
    assert not years.holds(When.parse("undated"))
