from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from discovery_graphql.scalars import SCALARS, GeoJSON, Instant, Long

Ask = Callable[..., dict[str, Any]]


def test_instants_of_any_year_are_text() -> None:
    serialize = SCALARS[Instant].serialize
    assert serialize is not None
    assert serialize(0) == "1970-01-01T00:00:00Z"
    assert serialize(-210_863_520_000_000).startswith("-004")


@pytest.mark.parametrize("value", [True, 1.5, "1", 2**63])
def test_a_long_is_a_whole_number_of_64_bits(value: object) -> None:
    serialize = SCALARS[Long].serialize
    assert serialize is not None
    assert serialize(2**63 - 1) == 2**63 - 1
    with pytest.raises(ValueError, match="whole number"):
        serialize(value)


def test_a_geometry_is_an_object() -> None:
    parse = SCALARS[GeoJSON].parse_value
    assert parse is not None
    with pytest.raises(ValueError, match="must be an object"):
        parse([1, 2])


@pytest.mark.parametrize("value", ["20x", "2021-13", "", "2021-02-30"])
def test_a_date_that_is_none_is_refused_where_it_stands(ask: Ask, value: str) -> None:
    (literal,) = ask(f'{{ search(filter: {{ start: {{ gte: "{value}" }} }}) {{ pageInfo {{ endCursor }} }} }}')[
        "errors"
    ]
    assert literal["locations"] == [{"line": 1, "column": 34}]
    query = "query ($d: DateOrInstant) { search(filter: { start: { gte: $d } }) { pageInfo { endCursor } } }"
    (variable,) = ask(query, d=value)["errors"]
    for error in (literal, variable):
        assert error["extensions"]["code"] == "bad_query"
        assert value in error["message"]
