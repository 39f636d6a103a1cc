from __future__ import annotations

import json
import math
import time
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from discovery.errors import BadQueryError, LimitError
from discovery.model.instant import instant, span
from discovery.query.cql2 import parse_json, parse_text, to_json
from discovery.query.query import And, Between, Comparison, Filter, In, IsNull, Like, Not, Or, Region, Time


def op(name: str, *args: Any) -> dict[str, Any]:
    return {"op": name, "args": list(args)}


def prop(name: str) -> dict[str, str]:
    return {"property": name}


KIND = op("=", prop("kind"), "a")

# The JSON side of the standard's examples, with names of ours.
VALID: list[tuple[Any, Filter]] = [
    (KIND, Comparison("=", "kind", "a")),
    (op(">=", prop("updated"), {"date": "1970-01-01"}), Comparison(">=", "updated", 0)),
    (op("not", op("isNull", prop("geometry"))), Not(IsNull("frame"))),
    (op("like", prop("platform"), "Smith%"), Like("platform", "Smith%")),
    (op("between", prop("gsd"), 100.0, 150), Between("resolution", 100.0, 150.0)),
    (op("in", prop("kind"), ["a", "b"]), In("kind", ("a", "b"))),
    (op("not", op("in", prop("gsd"), [1, 2])), Not(In("resolution", (1.0, 2.0)))),
    (op("in", op("casei", prop("target")), [op("casei", "Straße")]), Like("target", "Straße", True)),
    (op("=", op("accenti", prop("target")), op("accenti", "é")), Like("target", "é", False, True)),
    (op("like", op("casei", op("accenti", prop("target"))), "é%"), Like("target", "é%", True, True)),
    (
        op("s_intersects", prop("geometry"), {"type": "Point", "coordinates": [36.3, 32.2]}),
        Region({"type": "Point", "coordinates": [36.3, 32.2]}),
    ),
    (
        op(
            "t_during",
            {"interval": [prop("start"), prop("end")]},
            {"interval": ["2017-06-10T07:30:00Z", "2017-06-11T10:30:00Z"]},
        ),
        And(
            (
                Comparison(">", "start", instant("2017-06-10T07:30:00Z")),
                Comparison("<", "end", instant("2017-06-11T10:30:00Z")),
            )
        ),
    ),
    (op("t_intersects", prop("datetime"), {"interval": ["2017", ".."]}), Time(span("2017")[0], None)),
    (op("t_before", prop("updated"), {"timestamp": "1970-01-01T00:00:00Z"}), Comparison("<", "updated", 0)),
    (op("t_after", prop("updated"), {"date": "1970-01-01"}), Comparison(">", "updated", 86_399_999)),
    (
        op("a_contains", prop("keywords"), ["x", "y"]),
        And((Comparison("=", "keyword", "x"), Comparison("=", "keyword", "y"))),
    ),
    (
        op("and", KIND, op("or", KIND, KIND)),
        And((Comparison("=", "kind", "a"), Or((Comparison("=", "kind", "a"),) * 2))),
    ),
    (op("AND", KIND), Comparison("=", "kind", "a")),
    (op("=", "a", prop("kind")), Comparison("=", "kind", "a")),
    (op("=", prop("properties.pool"), True), Comparison("=", "properties.pool", "true")),
    (True, And(())),
    (False, Or(())),
    (json.dumps(KIND), Comparison("=", "kind", "a")),
    (json.dumps(KIND).encode(), Comparison("=", "kind", "a")),
]

INVALID: list[tuple[Any, str]] = [
    (None, "found null"),
    ([], "found a list"),
    (3, "found a number"),
    ({}, "op, a text"),
    ({"op": "and"}, "op, a text"),
    ({"op": 3, "args": []}, "op, a text"),
    ({"op": "and", "args": {}}, "op, a text"),
    (op("and"), "and needs arguments"),
    (op("and", KIND, 3), "at args[1]: expected an object"),
    (op("not", KIND, KIND), "not takes 1 arguments, not 2"),
    (op("=", prop("kind")), "= takes 2 arguments"),
    (op("foo", prop("kind")), "'foo' is not an operator"),
    (op("+", 1, 2), "'+' is not an operator"),
    (op("=", prop("kind"), op("avg", prop("gsd"))), "'avg' is not a function"),
    (op("=", prop("kind"), {}), "one of property, date"),
    (op("=", prop("kind"), None), "found null"),
    (op("=", prop("kind"), object()), "found object"),
    (op("=", prop("gsd"), math.nan), "found a number"),
    (op("=", prop("gsd"), "5"), "resolution is a number"),
    (op("=", {"property": 4}, "5"), "expected a text, found a number"),
    (op("=", prop("kind"), "\ud800"), "surrogate"),
    (op("in", prop("kind"), "a"), "in asks for a list"),
    (op("in", prop("kind"), []), "at least one value"),
    (op("in", prop("kind"), [["a"]]), "expected a value, found a list"),
    (op("in", prop("kind"), [prop("level")]), "expected a value, found property"),
    (op("or", KIND, op("s_within", prop("geometry"), {"bbox": [1, 2, 3]})), "at args[1].args[1]: a box has"),
    (op("s_within", prop("geometry"), {"bbox": 5}), "a bbox is a list"),
    (op("s_within", prop("geometry"), {"type": "Point", "coordinates": [1, 91]}), "latitude 91"),
    (op("t_after", prop("updated"), {"interval": ["2020"]}), "a list of two times"),
    (op("t_after", prop("updated"), {"interval": ["2020", 5]}), "expected a text"),
    (op("t_after", prop("updated"), {"date": "x"}), "is not a date"),
    ("{", "not JSON"),
    ("\ud800", "not JSON"),
    (b"\xff", "not JSON"),
]


@pytest.mark.parametrize(("value", "expected"), VALID)
def test_a_valid_object_is_read(value: Any, expected: Filter) -> None:
    found = parse_json(value)
    assert found == expected
    assert parse_json(to_json(found)) == found
    assert parse_json(json.dumps(to_json(found))) == found


@pytest.mark.parametrize(("value", "message"), INVALID)
def test_an_invalid_object_says_where_and_what(value: Any, message: str) -> None:
    with pytest.raises(BadQueryError) as caught:
        parse_json(value, parameter="query")
    assert message in str(caught.value)
    assert caught.value.parameter == "query"


def test_json_and_text_say_the_same() -> None:
    text = "eo:cloud_cover < 10 AND NOT (kind IN ('a', 'b') OR T_AFTER(datetime, DATE('2020-01-01')))"
    value = op(
        "and",
        op("<", prop("eo:cloud_cover"), 10),
        op(
            "not", op("or", op("in", prop("kind"), ["a", "b"]), op("t_after", prop("datetime"), {"date": "2020-01-01"}))
        ),
    )
    assert parse_json(value) == parse_text(text)


def bomb(kind: str, size: int) -> Any:
    value: Any = {"not": KIND, "and": KIND, "casei": prop("kind"), "list": "a", "rings": [1.0, 2.0]}[kind]
    for _ in range(size):
        value = [value] if kind in ("list", "rings") else op(kind, *([KIND] if kind == "and" else []), value)
    if kind == "casei":
        return op("=", value, "a")
    if kind == "list":
        return op("in", prop("kind"), value)
    return (
        op("s_within", prop("geometry"), {"type": "MultiPolygon", "coordinates": value}) if kind == "rings" else value
    )


def quickest(value: Any) -> float:
    """Return the shortest of three tries, since the collector and neighbours may take some of any one."""
    tries = []
    for _ in range(3):
        began = time.process_time()
        with suppress(BadQueryError):
            parse_json(value)
        tries.append(time.process_time() - began)
    return min(tries)


@pytest.mark.slow
@pytest.mark.parametrize("size", [10, 100, 10_000, 100_000])
@pytest.mark.parametrize("kind", ["not", "and", "casei", "list", "rings"])
def test_a_bomb_answers_at_once(kind: str, size: int) -> None:
    assert quickest(bomb(kind, size)) < 0.05


@pytest.mark.parametrize("size", [10, 100, 10_000, 100_000])
@pytest.mark.parametrize("start", ['{"op":"not","args":[', "[", '{"op":"=","args":[{"property":'])
def test_a_bomb_as_text_answers_at_once(start: str, size: int) -> None:
    with pytest.raises(BadQueryError):
        parse_json(start * size)
    assert quickest(start * size) < 0.05


@pytest.mark.parametrize(
    ("value", "limit"),
    [
        (bomb("not", 32), "filter-depth"),
        (bomb("not", 400), "filter-depth"),
        (op("or", *[KIND] * 201), "filter-predicates"),
        (op("or", *[KIND] * 100_000), "filter-bytes"),
        (op("in", prop("kind"), ["a"] * 100_000), "filter-bytes"),
        (op("=", prop("kind"), "a" * 8_192), "filter-bytes"),
        (op("s_within", prop("geometry"), {"type": "MultiPoint", "coordinates": [[1, 2]] * 5_001}), "filter-positions"),
        ("[" + " " * 300_000 + "]", "filter-json-bytes"),
    ],
)
def test_a_limit_is_named(value: Any, limit: str) -> None:
    with pytest.raises(LimitError) as caught:
        parse_json(value)
    assert caught.value.limit == limit


def test_just_within_the_limits_is_allowed() -> None:
    parse_json(bomb("not", 31))
    parse_json(op("or", *[op("=", prop("kind"), "a")] * 200))
    parse_json(op("s_within", prop("geometry"), {"type": "MultiPoint", "coordinates": [[1, 2]] * 5_000}))


NAMES = st.sampled_from(
    ["and", "or", "not", "=", "<", "like", "in", "between", "isNull", "s_within", "t_after", "a_contains", "casei"]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5) | st.sampled_from(["2020", ".."]),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(
            st.sampled_from(["op", "args", "property", "date", "interval", "bbox", "type"]), inner, max_size=3
        ),
        st.builds(lambda name, args: op(name, *args), NAMES, st.lists(inner, max_size=3)),
        st.builds(prop, st.sampled_from(["kind", "gsd", "datetime", "geometry", "keywords", "properties.x"])),
    ),
    max_leaves=20,
)


@given(JSON)
def test_any_json_is_a_filter_or_a_bad_query(value: Any) -> None:
    try:
        found = parse_json(value)
    except BadQueryError:
        return
    assert parse_json(to_json(found)) == found
