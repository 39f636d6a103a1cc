"""Times as people and programs ask for them: one date, or two with a slash between, either of them open."""

from __future__ import annotations

from typing import Final

from discovery.errors import BadQueryError
from discovery.model import instant
from discovery.query.query import Time

OPEN: Final = ".."
"""An end that is not there (ISO 8601-2); an empty one means the same."""


def interval(text: str, *, parameter: str = "time") -> Time:
    """Return the time that `text` asks for: `2020`, `2020-05`, `2020-05-01T12:00:00Z`, `A/B`, `../B`, `A/..`, `A/`.

    A year, month or day is whole: from its first millisecond to its last, also as the end of `A/B`.

    Raises:
        BadQueryError: The text is no time, both ends are open, or the end lies before the start.
    """
    first, slash, last = text.partition("/")
    if not slash:
        return Time(*span(text, parameter=parameter))
    start = None if _is_open(first) else span(first, parameter=parameter)[0]
    end = None if _is_open(last) else span(last, parameter=parameter)[1]
    if start is None and end is None:
        raise BadQueryError(f"{text[:80]!r} is open at both ends; give at least one", parameter=parameter)
    if start is not None and end is not None and start > end:
        raise BadQueryError(f"{text[:80]!r} ends before it starts", parameter=parameter)
    return Time(start, end)


def to_text(time: Time) -> str:
    """Return the text that `interval` reads as the same time; what is open is `..`."""
    if time.start == time.end and time.start is not None:
        return instant.iso(time.start)
    return "/".join(OPEN if each is None else instant.iso(each) for each in (time.start, time.end))


def span(text: str, *, parameter: str = "time") -> tuple[int, int]:
    """Return the first and last UTC millisecond of a date or time, as `discovery.model.instant.span` does.

    Raises:
        BadQueryError: The text is no date or time; the message says what was wrong.
    """
    try:
        return instant.span(text)
    except ValueError as error:
        raise BadQueryError(str(error), parameter=parameter) from None


def _is_open(text: str) -> bool:
    return text.strip() in ("", OPEN)
