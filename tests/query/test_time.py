from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from discovery.errors import BadQueryError
from discovery.model.instant import instant, span
from discovery.query.query import Time
from discovery.query.time import interval, to_text

ENDS = st.none() | st.integers(-(10**17), 10**17)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2020", Time(*span("2020"))),
        ("2020-05", Time(*span("2020-05"))),
        ("2020-05-01", Time(*span("2020-05-01"))),
        ("2020-05-01T12:00:00Z", Time(instant("2020-05-01T12:00:00Z"), instant("2020-05-01T12:00:00Z"))),
        ("2019/2020", Time(span("2019")[0], span("2020")[1])),
        ("2020-02/2020-02", Time(*span("2020-02"))),
        ("../2020", Time(None, span("2020")[1])),
        ("/2020", Time(None, span("2020")[1])),
        ("2020/..", Time(span("2020")[0], None)),
        ("2020/", Time(span("2020")[0], None)),
        ("-004712-01-01/+012000", Time(instant("-004712-01-01"), span("+12000")[1])),
        (
            "2020-01-01T00:00:00+02:00/2020-01-01T00:00:00Z",
            Time(instant("2019-12-31T22:00:00Z"), instant("2020-01-01")),
        ),
    ],
)
def test_a_time_is_read(text: str, expected: Time) -> None:
    assert interval(text) == expected


@pytest.mark.parametrize(
    "text", ["", "/", "..", "../..", "../", "a/b", "2020/2019", "2020/2021/2022", "2020-02-30", "..2020"]
)
def test_nonsense_names_the_parameter(text: str) -> None:
    with pytest.raises(BadQueryError) as caught:
        interval(text, parameter="datetime")
    assert caught.value.parameter == "datetime"


@given(ENDS, ENDS)
def test_a_time_reads_back_as_written(start: int | None, end: int | None) -> None:
    if start is not None and end is not None and start > end:
        start, end = end, start
    if start is None and end is None:
        return
    assert interval(to_text(Time(start, end))) == Time(start, end)


@given(st.text(alphabet="0123456789-/.TZ:+", max_size=60) | st.text(max_size=60))
def test_any_text_is_a_time_or_a_bad_query(text: str) -> None:
    try:
        found = interval(text)
    except BadQueryError:
        return
    assert found.start is None or found.end is None or found.start <= found.end
