from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from discovery.errors import BadQueryError
from discovery.index.like import like as pattern
from discovery.query.cql2.predicates import Literal, Place, Property, comparison, escape_pattern, resolve, within
from discovery.query.fields import FIELDS
from discovery.query.query import In, Scalar

PLACE = Place(position=3)


@given(st.text(alphabet="ab%_\\'漢", max_size=20), st.text(alphabet="ab%_\\'漢", max_size=20))
def test_an_escaped_text_matches_itself_alone(text: str, other: str) -> None:
    found = pattern(escape_pattern(text))
    assert found.matches(text)
    assert found.matches(other) == (text == other)


@pytest.mark.parametrize("name", list(FIELDS))
def test_our_names_mean_themselves(name: str) -> None:
    assert resolve(Property(name, PLACE)) == (name, FIELDS[name])


def test_a_name_of_the_long_tail_keeps_its_prefix() -> None:
    assert resolve(Property("properties.sar:polarizations", PLACE)) == ("properties.sar:polarizations", None)


@pytest.mark.parametrize(
    ("value", "text"), [(True, "true"), (False, "false"), (28, "28"), (2.5, "2.5"), (28.0, "28.0"), ("x", "x")]
)
def test_the_long_tail_compares_as_json_is_written(value: Scalar, text: str) -> None:
    target = Property("properties.x", PLACE)
    assert within(target, [Literal(value, PLACE)], PLACE) == In("properties.x", (text,))


@pytest.mark.parametrize(
    "value", [10**5000, -(10**400), float("inf"), float("nan")], ids=["long", "negative", "inf", "nan"]
)
@pytest.mark.parametrize("name", ["properties.x", "gsd", "kind", "datetime"])
def test_a_number_beyond_all_use_is_refused_everywhere(name: str, value: Scalar) -> None:
    with pytest.raises(BadQueryError) as caught:
        comparison("=", Property(name, PLACE), Literal(value, PLACE))
    assert len(str(caught.value)) < 200
