"""Months and days are those of the calendar, and a histogram chooses steps that a reader can take in."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from discovery.errors import BadQueryError, LimitError
from discovery.index import calendar
from discovery.index.calendar import MAX_BINS, MAX_DAYS, bins, by_day, month_of, month_start
from discovery.model.instant import DAY
from discovery.query.query import Histogram


@given(st.datetimes())
def test_months_are_those_of_the_calendar(moment: datetime) -> None:
    instant = (moment.replace(tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
    assert month_of(instant) == moment.year * 12 + moment.month - 1


@given(st.integers(-3_000_000_000, 3_000_000_000))
def test_a_month_begins_in_itself_and_ends_before_the_next(month: int) -> None:
    assert month_of(month_start(month)) == month
    assert month_of(month_start(month + 1) - 1) == month


def test_bins_are_filled_between_the_first_and_the_last() -> None:
    interval, found = bins(Histogram("month"), {24_000: 2, 24_003: 1, 24_100: 0}, None)
    assert (interval, [each.count for each in found]) == ("month", [2, 0, 0, 1])
    years = bins(Histogram("year"), {24_000: 2, 24_003: 1, 24_025: 4}, None)[1]
    assert [each.count for each in years] == [3, 0, 4]
    assert bins(Histogram("year"), {}, None) == ("year", ())


def test_a_span_too_long_to_fill_keeps_only_what_holds_something() -> None:
    assert [each.count for each in bins(Histogram("month"), {-(10**9): 1, 24_000: 2}, None)[1]] == [1, 2]


def test_days_are_filled_too() -> None:
    interval, found = bins(Histogram("day"), {24_000: 3}, {10_957: 2, 10_959: 1})
    assert interval == "day"
    assert [(each.start, each.count) for each in found] == [(10_957 * DAY, 2), (10_958 * DAY, 0), (10_959 * DAY, 1)]


def test_days_over_more_than_ten_years_are_refused_by_name() -> None:
    months = {24_000: 1, 24_000 + 12 * 11: 1}
    with pytest.raises(LimitError) as caught:
        by_day(Histogram("day"), months)
    assert caught.value.limit == "histogram-days"
    assert by_day(Histogram("day"), {24_000: 1, 24_119: 1})
    with pytest.raises(LimitError):
        by_day(Histogram("day"), {-(3 * 10**9): 1})
    assert (month_start(24_120) - month_start(24_000)) // DAY < MAX_DAYS


@pytest.mark.parametrize(
    ("months", "interval"),
    [
        ({24_000: 1}, "day"),
        ({24_000: 1, 24_040: 1}, "month"),
        ({24_000: 1, 24_100: 1}, "year"),
        ({-(10**9): 3}, "month"),
    ],
)
def test_the_automatic_interval_is_the_finest_that_fits(months: dict[int, int], interval: str) -> None:
    asked = Histogram("auto", 60)
    daily = {month_start(month) // DAY: count for month, count in months.items()} if by_day(asked, months) else None
    assert bins(asked, months, daily)[0] == interval


def test_two_days_in_two_months_are_days_and_not_months() -> None:
    asked = Histogram("auto", 60)
    assert by_day(asked, {24_000: 1, 24_001: 1})
    assert bins(asked, {24_000: 1, 24_001: 1}, {10_987: 1, 10_988: 1})[0] == "day"
    assert bins(asked, {24_000: 1, 24_002: 1}, {10_957: 1, 10_957 + 60: 1})[0] == "month"


@pytest.mark.parametrize("request_", [Histogram("week"), Histogram("auto", 0), Histogram("auto", MAX_BINS + 1)])
def test_what_is_no_histogram_is_refused(request_: Histogram) -> None:
    with pytest.raises(BadQueryError):
        calendar.check(request_)
