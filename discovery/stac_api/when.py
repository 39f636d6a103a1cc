"""Which of some items a catalog holds, as its address says it: those that begin in a year, a month or a day.

`2020`, `2020-05` and `2020-05-17` are what ISO 8601 writes (years outside 0000 to 9999 with a sign and six digits),
`1500..1999` is some years, and `undated` what has no time. Letters behind a tilde are those that the ids of the records
begin with, and `_12-99` says between which numbers of the store these lie. Each of these is cut into parts that have no
item in common and together have all of them, so that every item is in one part alone; and no two records have one
number, so that there is a last cut.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Final

from discovery.errors import NotFoundError
from discovery.model.instant import iso, span
from discovery.query.query import Between, Filter, IsNull, Like, conjunction

LETTERS: Final = "234567abcdefghijklmnopqrstuvwxyz"
"""What ids of records are made of."""
UNDATED: Final = "undated"
_MOST: Final = 16
_APART: Final = ".."
_BEFORE: Final = "~"
_NUMBERS: Final = re.compile(r"(?P<rest>.*)_(?P<low>0|[1-9][0-9]{0,18})-(?P<high>0|[1-9][0-9]{0,18})", re.DOTALL)
_FAR: Final = 2**50
"""Milliseconds from 1970 beyond which engines cannot tell days apart."""
_LONGEST: Final = 100
_TIME: Final = re.compile(r"[+-]?[0-9]{4,9}(-[0-9]{2}(-[0-9]{2})?)?")
_MONTHS: Final = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


class Step(IntEnum):
    """How long a stretch of time is; each is cut into those of the next."""

    ALL = 0
    YEARS = 1
    YEAR = 2
    MONTH = 3
    DAY = 4


@dataclass(frozen=True, slots=True)
class When:
    """Items that begin in a stretch of time, or those without a time; of these perhaps only some by id or number."""

    step: Step = Step.ALL
    low: int = 0
    """The first millisecond, and below the last one, in UTC."""
    high: int = 0
    undated: bool = False
    letters: str = ""
    numbers: tuple[int, int] | None = None
    """The least and the greatest number; None for all of them."""

    @classmethod
    def parse(cls, text: str) -> When:
        """Return what an address says; there is one way to write each.

        Raises:
            NotFoundError: It is no such text, a month or a day that does not exist, or written in another way.
        """
        within = _NUMBERS.fullmatch(text) if len(text) <= _LONGEST else None
        time, tilde, letters = (within["rest"] if within else text).partition(_BEFORE)
        numbers = (int(within["low"]), int(within["high"])) if within else None
        found = None
        if len(text) <= _LONGEST and len(letters) <= _MOST and bool(tilde) == bool(letters) and set(letters) <= _KNOWN:
            with suppress(ValueError):
                found = replace(_time(time), letters=letters, numbers=numbers)
        if found is None or found.text != text:
            raise NotFoundError(f"no catalog {text[:80]!r}: these are called 2020, 2020-05, 2020-05-17")
        return found

    @classmethod
    def of(cls, step: Step, start: int) -> When:
        """Return the year, month or day that begins at an instant."""
        return cls(step, start, _end(step, start))

    @classmethod
    def years(cls, first: When, last: When) -> When:
        """Return the years from one to another."""
        return cls(Step.YEARS, first.low, last.high)

    @property
    def text(self) -> str:
        """What its address says; empty for all items."""
        numbers = "_{}-{}".format(*self.numbers) if self.numbers else ""
        return self._time + (f"{_BEFORE}{self.letters}" if self.letters else "") + numbers

    @property
    def _time(self) -> str:
        if self.undated:
            return UNDATED
        if self.step is Step.YEARS:
            return f"{iso(self.low)[:-16]}{_APART}{iso(self.high - self.high % 1000)[:-16]}"
        return "" if self.step is Step.ALL else iso(self.low)[: -_CUT[self.step]]

    @property
    def filter(self) -> Filter | None:
        """What is true of these items and, but for their numbers, of no others; None for all items."""
        time: Filter | None = None
        if self.undated:
            time = IsNull("start")
        elif self.step is not Step.ALL:
            time = Between("start", self.low, self.high)
        return conjunction([time, Like("id", f"{self.letters}%") if self.letters else None])

    @property
    def finer(self) -> Step | None:
        """What its time is cut into; None where it can only be cut by ids and numbers."""
        if self.undated or self.letters or self.numbers or self.step is Step.DAY:
            return None
        if self.step is Step.MONTH and not (self.low > -_FAR and self.high + 1 < _FAR):
            return None
        return Step.YEAR if self.step is Step.ALL else Step(self.step + 1)

    def spelt(self) -> list[When]:
        """Return the same items by one letter more of their ids."""
        return [replace(self, letters=self.letters + each) for each in LETTERS]

    def between(self, low: int, high: int) -> When:
        """Return those of the same items that have numbers from `low` to `high`."""
        return replace(self, numbers=(low, high))

    @property
    def around(self) -> When:
        """What this was cut out of; of a year and of years all items, though ranges of years may lie between."""
        if self.numbers:
            return replace(self, numbers=None)
        if self.letters:
            return replace(self, letters=self.letters[:-1])
        if self.undated or self.step <= Step.YEAR:
            return When()
        outer = Step(self.step - 1)
        return When.of(outer, span(iso(self.low)[: -_CUT[outer]])[0])

    def holds(self, other: When) -> bool:
        """Tell whether another stretch of time lies in this one."""
        return not self.undated and not other.undated and self.low <= other.low and other.high <= self.high

    @property
    def title(self) -> str:
        """What people call it: `17 May 2020`."""
        letters = f", identifiers {self.letters}…" if self.letters else ""
        return self._called + letters + (", numbers {} to {}".format(*self.numbers) if self.numbers else "")

    @property
    def _called(self) -> str:
        if self.undated:
            return "Without a time"
        if self.step is Step.ALL:
            return "All items"
        year = _year(self.low)
        if self.step is Step.YEARS:
            return f"{year} to {_year(self.high)}"
        if self.step is Step.YEAR:
            return year
        month, day = (int(iso(self.low)[at : at + 2]) for at in (-15, -12))
        return f"{_MONTHS[month - 1]} {year}" if self.step is Step.MONTH else f"{day} {_MONTHS[month - 1]} {year}"


_KNOWN: Final = frozenset(LETTERS)
_CUT: Final = {Step.YEAR: 16, Step.MONTH: 13, Step.DAY: 10}
"""Characters of an instant, counted from its end, that say more than a stretch of time does."""


def _year(instant: int) -> str:
    return str(int(iso(instant - instant % 1000)[:-16]))


def _end(step: Step, start: int) -> int:
    return span(iso(start)[: -_CUT[step]])[1]


def _time(text: str) -> When:
    """Return a stretch of time; raises ValueError for what is none."""
    if text in ("", UNDATED):
        return When(undated=bool(text))
    first, apart, last = text.partition(_APART)
    if apart:
        low, high = _time(first), _time(last)
        if low.step is not Step.YEAR or high.step is not Step.YEAR or low.low > high.low:
            raise ValueError(text)
        return When.years(low, high)
    found = _TIME.fullmatch(text)
    if found is None:
        raise ValueError(text)
    step = Step(Step.YEAR + sum(part is not None for part in found.groups()))
    when = When.of(step, span(text)[0])
    if step is Step.DAY and _time(text[: text.index("-", 1) + 3]).finer is None:
        raise ValueError(text)
    return when
