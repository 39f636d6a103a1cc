from __future__ import annotations

import math
import operator
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from discovery.model.instant import iso
from discovery.query.cql2 import parse_json, parse_text, to_json, to_text
from discovery.query.cql2.temporal import FUNCTIONS
from discovery.query.query import And, Between, Comparison, Filter, IsNull, Not, Or, Time

Ends = tuple[float, float]
OPERATORS: dict[str, Callable[[float, float], bool]] = {
    "=": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
# The definitions of OWL-Time over (start, end), written once more and apart from the code under test.
DEFINITIONS: dict[str, Callable[[Ends, Ends], bool]] = {
    "t_after": lambda a, b: a[0] > b[1],
    "t_before": lambda a, b: a[1] < b[0],
    "t_contains": lambda a, b: a[0] < b[0] and a[1] > b[1],
    "t_disjoint": lambda a, b: a[1] < b[0] or a[0] > b[1],
    "t_during": lambda a, b: a[0] > b[0] and a[1] < b[1],
    "t_equals": lambda a, b: a == b,
    "t_finishedby": lambda a, b: a[0] < b[0] and a[1] == b[1],
    "t_finishes": lambda a, b: a[0] > b[0] and a[1] == b[1],
    "t_intersects": lambda a, b: a[0] <= b[1] and a[1] >= b[0],
    "t_meets": lambda a, b: a[1] == b[0],
    "t_metby": lambda a, b: a[0] == b[1],
    "t_overlappedby": lambda a, b: b[0] < a[0] < b[1] and a[1] > b[1],
    "t_overlaps": lambda a, b: a[0] < b[0] < a[1] and a[1] < b[1],
    "t_startedby": lambda a, b: a[0] == b[0] and a[1] > b[1],
    "t_starts": lambda a, b: a[0] == b[0] and a[1] < b[1],
}


def holds(node: Filter, record: dict[str, int | None]) -> bool:
    match node:
        case And(args):
            return all(holds(each, record) for each in args)
        case Or(args):
            return any(holds(each, record) for each in args)
        case Not(arg):
            return not holds(arg, record)
        case IsNull(name):
            return record[name] is None
        case Comparison(op, name, bound):
            found = record[name]
            return found is not None and OPERATORS[op](found, float(bound))
        case Between(name, low, high):
            found = record[name]
            return found is not None and float(low) <= found <= float(high)
        case Time(start, end):
            ends = closed(record["start"], record["end"])
            return (
                ends is not None
                and ends[0] <= (math.inf if end is None else end)
                and ends[1] >= (-math.inf if start is None else start)
            )
        case _:
            raise AssertionError(node)


def closed(start: int | None, end: int | None) -> Ends | None:
    if start is None and end is None:
        return None
    return (-math.inf if start is None else start, math.inf if end is None else end)


SMALL = st.none() | st.integers(0, 6)
PAIRS = st.tuples(SMALL, SMALL).filter(lambda ends: ends[0] is None or ends[1] is None or ends[0] <= ends[1])


def written(ends: tuple[int | None, int | None]) -> str:
    return "INTERVAL(" + ", ".join("'..'" if each is None else f"'{iso(each)}'" for each in ends) + ")"


@given(st.sampled_from(sorted(FUNCTIONS)), PAIRS, PAIRS, st.booleans())
def test_a_function_of_datetime_is_its_definition(
    function: str, record: tuple[int | None, int | None], asked: tuple[int | None, int | None], swapped: bool
) -> None:
    sides = ["datetime", written(asked)]
    found = parse_text(f"{function}({', '.join(reversed(sides) if swapped else sides)})")
    ours = closed(*record)
    theirs = (-math.inf if asked[0] is None else asked[0], math.inf if asked[1] is None else asked[1])
    expected = ours is not None and DEFINITIONS[function](*((theirs, ours) if swapped else (ours, theirs)))
    assert holds(found, {"start": record[0], "end": record[1]}) == expected
    assert parse_text(to_text(found)) == found
    assert parse_json(to_json(found)) == found


@given(st.sampled_from(sorted(FUNCTIONS)), SMALL, PAIRS)
def test_a_function_of_an_instant_is_its_definition(
    function: str, value: int | None, asked: tuple[int | None, int | None]
) -> None:
    found = parse_text(f"{function}(updated, {written(asked)})")
    theirs = (-math.inf if asked[0] is None else asked[0], math.inf if asked[1] is None else asked[1])
    expected = value is not None and DEFINITIONS[function]((value, value), theirs)
    assert holds(found, {"updated": value}) == expected


@given(st.sampled_from(sorted(FUNCTIONS)), PAIRS)
def test_two_properties_are_an_interval_too(function: str, asked: tuple[int | None, int | None]) -> None:
    text = f"{function}({{}}, {written(asked)})"
    assert parse_text(text.format("INTERVAL(start_datetime, end_datetime)")) == parse_text(text.format("datetime"))


@pytest.mark.parametrize("function", ["T_METBY", "t_metBy", "t_metby"])
def test_the_case_of_a_function_does_not_matter(function: str) -> None:
    text = f"{function}(datetime, INTERVAL('..', '1970-01-01T00:00:00Z'))"
    assert parse_text(text) == Comparison("=", "start", 0)
