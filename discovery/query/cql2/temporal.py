"""The temporal functions of CQL2, as comparisons with the start and end of records.

`datetime` is the interval of a record; an end that it does not have is open, as it is for `Time`, while a record with
neither end matches nothing. A DATE is the whole day: it starts with its first millisecond and ends with its last, and
equals any instant within it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from discovery.query.cql2.predicates import Interval, Literal, Operand, Place, Property, resolve, span_of
from discovery.query.fields import DATETIME, Type
from discovery.query.query import And, Between, Comparison, Filter, IsNull, Not, Or, Time
from discovery.query.time import OPEN

_Span = tuple[int, int] | None

# What has to hold for t1 FUNCTION t2: a side of t1, how it compares, and the side of t2. After the Allen relations of
# OWL-Time, which the standard cites; the functions come in pairs that are the same with t1 and t2 exchanged.
_RULES: Final = {
    "t_after": (("start", ">", "end"),),
    "t_before": (("end", "<", "start"),),
    "t_contains": (("start", "<", "start"), ("end", ">", "end")),
    "t_during": (("start", ">", "start"), ("end", "<", "end")),
    "t_equals": (("start", "=", "start"), ("end", "=", "end")),
    "t_finishedby": (("start", "<", "start"), ("end", "=", "end")),
    "t_finishes": (("start", ">", "start"), ("end", "=", "end")),
    "t_intersects": (("start", "<=", "end"), ("end", ">=", "start")),
    "t_meets": (("end", "=", "start"),),
    "t_metby": (("start", "=", "end"),),
    "t_overlappedby": (("start", ">", "start"), ("start", "<", "end"), ("end", ">", "end")),
    "t_overlaps": (("start", "<", "start"), ("end", ">", "start"), ("end", "<", "end")),
    "t_startedby": (("start", "=", "start"), ("end", ">", "end")),
    "t_starts": (("start", "=", "start"), ("end", "<", "end")),
}
_PAIRS: Final = (
    ("t_after", "t_before"),
    ("t_contains", "t_during"),
    ("t_finishedby", "t_finishes"),
    ("t_meets", "t_metby"),
    ("t_overlappedby", "t_overlaps"),
    ("t_startedby", "t_starts"),
)
_EXCHANGED: Final = dict(_PAIRS) | {second: first for first, second in _PAIRS}
FUNCTIONS: Final = frozenset({*_RULES, "t_disjoint"})
"""Every temporal function, in lower case."""
_WHOLE: Final = frozenset({DATETIME, f"properties.{DATETIME}"})


@dataclass(frozen=True, slots=True)
class _Fields:
    """The fields that hold the start and the end of what a property stands for; the same one twice for an instant."""

    start: str
    end: str

    @property
    def instant(self) -> bool:
        return self.start == self.end

    @property
    def unknown(self) -> Filter:
        """The record has no such time at all."""
        if self.instant:
            return IsNull(self.start)
        return And((IsNull(self.start), IsNull(self.end)))


def temporal(function: str, left: Operand, right: Operand, place: Place) -> Filter:
    """Return `function(left, right)`, where one side is a property or an interval of two, the other a time."""
    name = function.lower()
    if name not in FUNCTIONS:
        known = ", ".join(sorted(FUNCTIONS)).upper()
        raise place.error(f"{function[:20]} is not a temporal function; there are {known}")
    fields, other = _fields(left), right
    if fields is None:
        fields, other = _fields(right), left
        name = _EXCHANGED.get(name, name)
    if fields is None or _fields(other) is not None:
        raise place.error(f"{function.upper()} compares a property such as datetime with a time that is written out")
    start, end = _bounds(other, place)
    if name == "t_disjoint":
        return _either(_holds("t_before", fields, start, end), _holds("t_after", fields, start, end))
    if name == "t_intersects" and (fields.start, fields.end) == ("start", "end"):
        return Time(start and start[0], end and end[1])
    return _holds(name, fields, start, end)


def _fields(operand: Operand) -> _Fields | None:
    if isinstance(operand, Property):
        if operand.name in _WHOLE:
            return _Fields("start", "end")
        name = _instant_field(operand)
        return _Fields(name, name)
    if isinstance(operand, Interval):
        ends = operand.start, operand.end
        if isinstance(ends[0], Property) and isinstance(ends[1], Property):
            return _Fields(_instant_field(ends[0]), _instant_field(ends[1]))
        if isinstance(ends[0], Property) or isinstance(ends[1], Property):
            raise operand.place.error("an interval is of two properties or of two times, not of one each")
    return None


def _instant_field(operand: Property) -> str:
    name, field = resolve(operand)
    if field is None or field.type is not Type.INSTANT:
        raise operand.place.error(f"{name} is not a time, so it has no place in a temporal function")
    return name


def _bounds(operand: Operand, place: Place) -> tuple[_Span, _Span]:
    if isinstance(operand, Literal):
        span = span_of(DATETIME, operand)
        return span, span
    if not isinstance(operand, Interval):
        raise place.error(f"expected a time, found {operand.kind}")
    start, end = (_bound(each) for each in (operand.start, operand.end))
    if start is not None and end is not None and start[0] > end[1]:
        raise operand.place.error("the interval ends before it starts")
    return start, end


def _bound(operand: Property | Literal) -> _Span:
    if isinstance(operand, Literal) and operand.value != OPEN:
        return span_of(DATETIME, operand)
    return None


def _holds(name: str, fields: _Fields, start: _Span, end: _Span) -> Filter:
    parts: list[Filter] = []
    for side, op, of in _RULES[name]:
        column = _Column(fields.start if side == "start" else fields.end, side == "start", not fields.instant)
        part = _compared(op, column, start if of == "start" else end, past=of == "start")
        if part == _NEVER:
            return _NEVER
        if part != _ALWAYS and part not in parts:
            parts.append(part)
    if not any(isinstance(each, Comparison | Between | Not) for each in parts):
        # Nothing so far keeps a record without any time out.
        parts.append(Not(fields.unknown))
    return parts[0] if len(parts) == 1 else And(tuple(parts))


_ALWAYS: Final = And(())
_NEVER: Final = Or(())


@dataclass(frozen=True, slots=True)
class _Column:
    """A field in the place of a start or an end; `open` when a record without it has no bound there."""

    name: str
    first: bool
    open: bool


def _compared(op: str, column: _Column, span: _Span, *, past: bool) -> Filter:
    """Compare a column with the start (`past`) or the end of what was asked; None is endless."""
    if span is None:
        return _endless(op, column, past=past)
    low, high = span
    if op == "=":
        return Comparison("=", column.name, low) if low == high else Between(column.name, low, high)
    found = Comparison(op, column.name, low if past else high)
    # A missing start lies before everything, a missing end after everything.
    beyond = op.startswith("<") if column.first else op.startswith(">")
    return Or((found, IsNull(column.name))) if column.open and beyond else found


def _endless(op: str, column: _Column, *, past: bool) -> Filter:
    reaches = column.open and column.first == past
    if op == "=":
        return IsNull(column.name) if reaches else _NEVER
    if op.endswith("="):
        return _ALWAYS
    if op.startswith("<") == past:
        # Nothing lies before the endless past or after the endless future.
        return _NEVER
    return Not(IsNull(column.name)) if reaches or not column.open else _ALWAYS


def _either(first: Filter, second: Filter) -> Filter:
    parts = [each for each in (first, second) if each != _NEVER]
    return parts[0] if len(parts) == 1 else Or(tuple(parts))
