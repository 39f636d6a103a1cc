"""Instants as integers: UTC milliseconds since 1970, for any year, read from and written as ISO 8601 text.

Python's datetime ends at the years 1 and 9999, but catalogues hold eclipses of -1200 and star maps of +12000. Days are
counted in the proleptic Gregorian calendar with a year 0 (ISO 8601, RFC 3339), without leap seconds (POSIX time).
A text that is no instant raises ValueError: the model does not know whether a query or a record is to blame.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final

SECOND: Final = 1_000
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR

MAX_YEAR: Final = 290_000_000
"""Years beyond this, either way, do not fit into the 64-bit milliseconds that every engine and database has."""

_LONGEST: Final = 80
_CYCLE: Final = 400
_DAYS_A_CYCLE: Final = 146_097
# Days from 0000-03-01 to 1970-01-01: counting from March puts the leap day at the end of a year.
_EPOCH: Final = 719_468
_MONTH_DAYS: Final = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)

_USUAL: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{3}(?:[0-9]{3})?)?Z")
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_EPOCH_ORDINAL: Final = datetime(1970, 1, 1, tzinfo=UTC).toordinal()
_ZERO: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)
_TEXT: Final = re.compile(
    r"(?P<year>[+-]?[0-9]{4,9})(?:-(?P<month>[0-9]{2})(?:-(?P<day>[0-9]{2})"
    r"(?:[Tt ](?P<hour>[0-9]{2}):(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2})(?:[.,](?P<fraction>[0-9]+))?)?"
    r"(?P<offset>[Zz]|[+-][0-9]{2}(?::?[0-9]{2})?)?)?)?)?"
)


def days(year: int, month: int, day: int) -> int:
    """Return the number of days from 1970-01-01 to a date of the proleptic Gregorian calendar."""
    year, march = (year, month - 3) if month > 2 else (year - 1, month + 9)
    cycle, of_cycle = divmod(year, _CYCLE)
    of_year = (153 * march + 2) // 5 + day - 1
    return cycle * _DAYS_A_CYCLE + of_cycle * 365 + of_cycle // 4 - of_cycle // 100 + of_year - _EPOCH


def date(number: int) -> tuple[int, int, int]:
    """Return the year, month and day that are `number` days after 1970-01-01; the inverse of `days`."""
    cycle, rest = divmod(number + _EPOCH, _DAYS_A_CYCLE)
    of_cycle = (rest - rest // 1_460 + rest // 36_524 - rest // 146_096) // 365
    of_year = rest - (365 * of_cycle + of_cycle // 4 - of_cycle // 100)
    march = (5 * of_year + 2) // 153
    month = march + 3 if march < 10 else march - 9
    return cycle * _CYCLE + of_cycle + (month <= 2), month, of_year - (153 * march + 2) // 5 + 1


def month_days(year: int, month: int) -> int:
    """Return how many days a month has."""
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    return 29 if month == 2 and leap else _MONTH_DAYS[month - 1]


def span(text: str) -> tuple[int, int]:
    """Return the first and the last millisecond of an instant, day, month or year written as ISO 8601.

    `2020-05` is all of May; a time of day is one instant, so both are the same. A time without an offset is UTC, as
    archives write it. More than three decimals are cut; 23:59:60 is the first millisecond of the next day.

    Raises:
        ValueError: The text is no date, or names a month, day or hour that does not exist.
    """
    if _USUAL.fullmatch(text):
        # What nearly every source sends, read by the standard library; what it does not take may still be a date.
        try:
            moment = (datetime.fromisoformat(text) - _ZERO) // _MILLISECOND
        except ValueError:
            pass
        else:
            return moment, moment
    elif _DAY.fullmatch(text):
        try:
            start = (datetime.fromisoformat(text).toordinal() - _EPOCH_ORDINAL) * DAY
        except ValueError:
            pass
        else:
            return start, start + DAY - 1
    text = text.strip() if len(text) <= _LONGEST else text
    match = _TEXT.fullmatch(text) if len(text) <= _LONGEST else None
    if match is None or _unsigned_long_year(match["year"]):
        raise ValueError(f"{text[:_LONGEST]!r} is not a date or time such as 2020, 2020-05-01 or 2020-05-01T12:00:00Z")
    year = int(match["year"])
    if abs(year) > MAX_YEAR:
        raise ValueError(f"year {year} is not between -{MAX_YEAR} and {MAX_YEAR}")
    if match["month"] is None:
        return days(year, 1, 1) * DAY, days(year + 1, 1, 1) * DAY - 1
    month = _within(text, "month", match["month"], 1, 12)
    length = month_days(year, month)
    if match["day"] is None:
        first = days(year, month, 1)
        return first * DAY, (first + length) * DAY - 1
    start = days(year, month, _within(text, "day", match["day"], 1, length)) * DAY
    if match["hour"] is None:
        return start, start + DAY - 1
    moment = start + _time_of_day(text, match)
    return moment, moment


def instant(text: str) -> int:
    """Return the UTC milliseconds of an ISO 8601 text; of a day, month or year its first.

    Raises:
        ValueError: As `span`.
    """
    return span(text)[0]


def iso(milliseconds: int) -> str:
    """Return an instant as RFC 3339 text in UTC, with a fraction only where there is one.

    Years outside 0000 to 9999 are written expanded, with a sign and at least six digits (`-004712`), as ISO 8601 and
    ECMAScript do; `instant` reads them back.
    """
    number, rest = divmod(milliseconds, DAY)
    year, month, day = date(number)
    hour, rest = divmod(rest, HOUR)
    minute, rest = divmod(rest, MINUTE)
    second, fraction = divmod(rest, SECOND)
    years = f"{year:04d}" if 0 <= year <= 9_999 else f"{year:+07d}"
    decimals = f".{fraction:03d}" if fraction else ""
    return f"{years}-{month:02d}-{day:02d}T{hour:02d}:{minute:02d}:{second:02d}{decimals}Z"


def _unsigned_long_year(year: str) -> bool:
    """Eight bare digits are rather 20200501 than the year twenty million, so long years need their sign."""
    return len(year) > 4 and year[0] not in "+-"


def _within(text: str, what: str, digits: str, low: int, high: int) -> int:
    value = int(digits)
    if not low <= value <= high:
        raise ValueError(f"{text!r} has {what} {digits}; allowed is {low:02d} to {high:02d}")
    return value


def _time_of_day(text: str, match: re.Match[str]) -> int:
    hour = _within(text, "hour", match["hour"], 0, 23)
    minute = _within(text, "minute", match["minute"], 0, 59)
    second = _within(text, "second", match["second"] or "00", 0, 60)
    fraction = int((match["fraction"] or "")[:3].ljust(3, "0"))
    offset = _offset(text, match["offset"] or "Z")
    if second == 60:
        # A leap second is the last of a UTC day; POSIX time has no number of its own for it.
        if (hour * HOUR + minute * MINUTE - offset) % DAY != DAY - MINUTE:
            raise ValueError(f"{text!r} has second 60, which only the last minute of a UTC day may have")
        fraction = 0
    return hour * HOUR + minute * MINUTE + second * SECOND + fraction - offset


def _offset(text: str, offset: str) -> int:
    if offset in "Zz":
        return 0
    hours = _within(text, "offset hour", offset[1:3], 0, 23)
    minutes = _within(text, "offset minute", offset[3:].lstrip(":") or "00", 0, 59)
    return (-1 if offset[0] == "-" else 1) * (hours * HOUR + minutes * MINUTE)
