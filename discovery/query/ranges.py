"""Ranges of numbers as they are written: `10..20` with both ends, `10..<20` without the upper one, `10..`, `..20`."""

from __future__ import annotations

import math
import re
from typing import Final

from discovery.errors import BadQueryError
from discovery.query import fields
from discovery.query.facets import RangeSelection

PREFIX: Final = "range."
"""What the names of range selections begin with: `range.cloud_cover=0..10`."""
_NUMBER: Final = r"[+-]?(?:\d{1,400}(?:\.\d{1,400})?|\.\d{1,400})(?:[eE][+-]?\d{1,4})?"
_RANGE: Final = re.compile(rf"\s*({_NUMBER})?\s*\.\.(<?)\s*({_NUMBER})?\s*", re.ASCII)


def parse(name: str, text: str) -> RangeSelection:
    """Return the range of a number that `text` asks for; a number alone is that value.

    Raises:
        UnknownFieldError: The field is no number.
        BadQueryError: The text is no range, open at both ends, or ends before it begins.
    """
    parameter = f"{PREFIX}{name}"[:80]
    of = fields.number(name, parameter=parameter)
    found = _RANGE.fullmatch(text) or _RANGE.fullmatch(f"{text}..{text}")
    if found is None:
        told = f"{parameter}: {text[:80]!r} is no range; write 10..20, 10..<20 (without 20 itself), 10.. or ..20"
        raise BadQueryError(told, parameter=parameter)
    low, high = (None if end is None else _finite(end, parameter) for end in (found[1], found[3]))
    below = bool(found[2])
    if low is None and high is None:
        raise BadQueryError(f"{parameter}: {text[:80]!r} is open at both ends; give at least one", parameter=parameter)
    if low is not None and high is not None and (low > high or (below and low == high)):
        raise BadQueryError(f"{parameter}: {text[:80]!r} ends before it begins", parameter=parameter)
    return RangeSelection(of.name, low, high, below and high is not None)


def to_text(selected: RangeSelection) -> str:
    """Return the text that `parse` reads as the same range."""
    low, high = ("" if end is None else number(end) for end in (selected.low, selected.high))
    return f"{low}..{'<' if selected.below else ''}{high}"


def number(value: float) -> str:
    """Return the shortest text that reads back as the number."""
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(value)


def numbers(text: str, parameter: str) -> tuple[float, ...]:
    """Return the numbers of a list with commas.

    Raises:
        BadQueryError: One is no finite number.
    """
    found = []
    for part in text.split(","):
        if not re.fullmatch(_NUMBER, part.strip(), re.ASCII):
            raise BadQueryError(f"{parameter}: {part[:40]!r} is not a number", parameter=parameter)
        found.append(_finite(part, parameter))
    return tuple(found)


def _finite(text: str, parameter: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise BadQueryError(f"{parameter}: {text[:40]!r} is more than a number can hold", parameter=parameter)
    return value + 0.0
