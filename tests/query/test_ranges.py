"""A range is written as it is read, and what is no range says how one is written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from discovery.errors import BadQueryError, UnknownFieldError
from discovery.query.facets import RangeSelection
from discovery.query.ranges import number, numbers, parse, to_text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10..20", RangeSelection("size", 10.0, 20.0)),
        ("10..<20", RangeSelection("size", 10.0, 20.0, below=True)),
        (" 1.5e-7 .. 2.5E-7 ", RangeSelection("size", 1.5e-7, 2.5e-7)),
        ("10..", RangeSelection("size", 10.0)),
        ("10..<", RangeSelection("size", 10.0)),
        ("..-.5", RangeSelection("size", None, -0.5)),
        ("..<0", RangeSelection("size", None, 0.0, below=True)),
        ("5", RangeSelection("size", 5.0, 5.0)),
        ("-0..0", RangeSelection("size", 0.0, 0.0)),
    ],
)
def test_a_range_is_read(text: str, expected: RangeSelection) -> None:
    assert parse("size", text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "..",
        "..<",
        "a..b",
        "1,2",
        "nan..1",
        "inf..",
        "1..1e999",
        "2..1",
        "1..<1",
        "1_0..2",
        "٣..٤",
        "1..2..3",
        "0x1..",
    ],
)
def test_what_is_no_range_is_refused_by_its_parameter(text: str) -> None:
    with pytest.raises(BadQueryError) as caught:
        parse("size", text)
    assert caught.value.parameter == "range.size"


def test_only_numbers_have_ranges() -> None:
    assert parse("eo:cloud_cover", "1..2").name == "cloud_cover"
    with pytest.raises(UnknownFieldError, match="cloud_cover"):
        parse("cloud_covr", "1..2")


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_is_written_as_it_is_read(value: float) -> None:
    assert float(number(value)) == value
    assert parse("size", to_text(RangeSelection("size", value + 0.0))) == RangeSelection("size", value + 0.0)


def test_a_list_of_numbers_names_the_one_that_is_none() -> None:
    assert numbers("0, 1.5,2e3", "edges.size") == (0.0, 1.5, 2000.0)
    with pytest.raises(BadQueryError, match="'two'"):
        numbers("1,two", "edges.size")
