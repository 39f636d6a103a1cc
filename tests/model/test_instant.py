from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from discovery.model.instant import DAY, MAX_YEAR, date, days, instant, iso, month_days, span

ANY_INSTANT = st.integers(days(-MAX_YEAR, 1, 1) * DAY, days(MAX_YEAR, 12, 31) * DAY)


def ms(year: int, month: int, day: int, hour: int = 0, minute: int = 0) -> int:
    return round(
        (datetime(year, month, day, hour, minute, tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC))
        / timedelta(milliseconds=1)
    )


@given(ANY_INSTANT)
def test_every_instant_reads_back_as_written(value: int) -> None:
    assert instant(iso(value)) == value
    assert span(iso(value)) == (value, value)


@given(st.datetimes(timezones=st.just(UTC)))
def test_dates_agree_with_datetime_where_it_reaches(value: datetime) -> None:
    number = (value - datetime(1970, 1, 1, tzinfo=UTC)).days
    assert days(value.year, value.month, value.day) == number
    assert date(number) == (value.year, value.month, value.day)
    assert instant(value.isoformat()) == number * DAY + (
        value - value.replace(hour=0, minute=0, second=0, microsecond=0)
    ) // timedelta(milliseconds=1)


@given(st.integers(-(10**10), 10**10))
def test_days_and_dates_are_inverse_and_follow_each_other(number: int) -> None:
    year, month, day = date(number)
    assert days(year, month, day) == number
    following = date(number + 1)
    assert following == (year, month, day + 1) or (following[2] == 1 and day == month_days(year, month))


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2020", ms(2020, 1, 1), ms(2021, 1, 1) - 1),
        ("2020-02", ms(2020, 2, 1), ms(2020, 3, 1) - 1),
        ("2021-02", ms(2021, 2, 1), ms(2021, 3, 1) - 1),
        ("2020-12", ms(2020, 12, 1), ms(2021, 1, 1) - 1),
        ("2020-05-01", ms(2020, 5, 1), ms(2020, 5, 2) - 1),
        (" 2020-05-01 ", ms(2020, 5, 1), ms(2020, 5, 2) - 1),
        ("0000", -62_167_219_200_000, -62_135_596_800_001),
    ],
)
def test_a_partial_date_is_all_of_it(text: str, first: int, last: int) -> None:
    assert span(text) == (first, last)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2020-05-01T12:00:00Z", ms(2020, 5, 1, 12)),
        ("2020-05-01t12:00:00z", ms(2020, 5, 1, 12)),
        ("2020-05-01 12:00:00", ms(2020, 5, 1, 12)),
        ("2020-05-01T12:00", ms(2020, 5, 1, 12)),
        ("2020-05-01T12:00:00+02:00", ms(2020, 5, 1, 10)),
        ("2020-05-01T12:00:00-0530", ms(2020, 5, 1, 17, 30)),
        ("2020-05-01T00:30:00+01", ms(2020, 4, 30, 23, 30)),
        ("2020-05-01T12:00:00.5Z", ms(2020, 5, 1, 12) + 500),
        ("2020-05-01T12:00:00.1239999999Z", ms(2020, 5, 1, 12) + 123),
        ("2016-12-31T23:59:60Z", ms(2017, 1, 1)),
        ("2017-01-01T00:59:60+01:00", ms(2017, 1, 1)),
        ("1969-12-31T23:59:59.999Z", -1),
        # The first day of the Julian period, by its proleptic Gregorian date.
        ("-004713-11-24T12:00:00Z", -210_866_760_000_000),
        ("-4713-11-24T12:00:00Z", -210_866_760_000_000),
        ("+12000-01-01", days(12000, 1, 1) * DAY),
    ],
)
def test_an_instant_is_utc_milliseconds(text: str, expected: int) -> None:
    assert instant(text) == expected


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "1970-01-01T00:00:00Z"),
        (-1, "1969-12-31T23:59:59.999Z"),
        (253_402_300_800_000, "+010000-01-01T00:00:00Z"),
        (-62_167_219_200_001, "-000001-12-31T23:59:59.999Z"),
    ],
)
def test_far_years_are_written_with_a_sign(value: int, text: str) -> None:
    assert iso(value) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "20200501",
        "20",
        "2020-13",
        "2020-00-01",
        "2021-02-29",
        "1900-02-29",
        "2020-04-31",
        "2020-05-01T24:00:00Z",
        "2020-05-01T12:60:00Z",
        "2020-05-01T12:00:61Z",
        "2020-05-01T12:00:60Z",
        "2020-05-01T12:00:00+24:00",
        "2020-05-01T12:00:00+01:75",
        "2020-05-01T12",
        "2020-05-01TZ",
        "2020-5-1",
        "12000-01-01",
        "+999999999-01-01",
        "\uff12\uff10\uff12\uff10",
        "2020-05-01" * 1000,
        "2020-05-01T12:00:00." + "9" * 1000,
    ],
)
def test_nonsense_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"year|month|day|hour|minute|second|not a date"):
        span(text)


@given(st.text(max_size=40))
def test_any_text_is_an_instant_or_a_value_error(text: str) -> None:
    try:
        first, last = span(text)
    except ValueError:
        return
    assert first <= last
