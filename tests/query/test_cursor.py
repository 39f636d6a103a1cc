from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from discovery.errors import BadQueryError, ConfigError
from discovery.query.cursor import MAX_LENGTH, MAX_VALUE_BYTES, Cursor, Value, decode, digest, encode, resume, sort_key
from discovery.query.facets import CellRequest, Place, RangeRequest, RangeSelection
from discovery.query.query import (
    And,
    Comparison,
    FacetRequest,
    Histogram,
    IsNull,
    Like,
    Query,
    Region,
    Selection,
    Sort,
    Time,
)

SECRET = b"a secret of 32 bytes, not longer"
VALUES = st.none() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.text(max_size=300).map(sort_key)
CURSORS = st.builds(
    Cursor,
    scope=st.sampled_from(["resources", "observations"]),
    digest=st.binary(min_size=16, max_size=16),
    sort=st.sampled_from(["", "title", "wavelength_max"]),
    descending=st.booleans(),
    value=VALUES,
    then=st.just(()),
    key=st.integers(0, 2**63 - 1),
    offset=st.integers(0, 10_000),
)


@given(CURSORS)
def test_a_cursor_reads_back_as_written_and_stays_short(cursor: Cursor) -> None:
    text = encode(cursor, SECRET)
    assert len(text) < MAX_LENGTH
    assert decode(text, SECRET) == cursor


SHORT = st.none() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False)


@given(CURSORS, st.lists(SHORT, min_size=1, max_size=3), st.integers(0, 3), VALUES)
def test_the_values_of_four_fields_read_back_and_stay_short(
    cursor: Cursor, others: list[Value], at: int, longest: Value
) -> None:
    """Only titles are text, and no field stands twice in an order."""
    values: list[Value] = [None, *others]
    values[min(at, len(others))] = longest
    several = replace(cursor, value=values[0], then=tuple(values[1:]))
    text = encode(several, SECRET)
    assert len(text) < MAX_LENGTH
    assert decode(text, SECRET) == several


def test_a_cursor_by_one_field_is_written_as_it_was_before_there_were_several() -> None:
    query = Query(sort=Sort("title", descending=True))
    cursor = Cursor("resources", digest(query), "title", True, "abc", key=7)
    before = "tX5xa9EnOZg8zaMStzvbngEBAAAAAAAAAAcAAAAA3L0t8PTSYN0_IyzBHlcc2AlyZXNvdXJjZXMFdGl0bGUAA2FiYw"
    assert encode(cursor, SECRET) == before
    assert resume(replace(query, after=before), SECRET) == cursor


@given(st.text(alphabet=st.characters(min_codepoint=0x20), min_size=0, max_size=400))
def test_a_cut_title_is_short_and_keeps_the_order(title: str) -> None:
    cut = sort_key(title)
    assert len(cut.encode("utf-8", "surrogatepass")) <= MAX_VALUE_BYTES
    assert title.startswith(cut)
    assert sort_key(cut) == cut


@pytest.mark.parametrize("value", ["x" * 200, "é" * 100, "漢" * 66])
def test_a_title_of_200_bytes_is_kept_whole(value: str) -> None:
    assert sort_key(value) == value
    assert sort_key(value + "漢" * 10) == value


@given(CURSORS, st.data())
def test_a_changed_cursor_is_refused(cursor: Cursor, data: st.DataObject) -> None:
    text = encode(cursor, SECRET)
    at = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.sampled_from("ABCxyz019-_")).replace(text[at], "Q" if text[at] != "Q" else "R")
    with pytest.raises(BadQueryError) as caught:
        decode(text[:at] + other + text[at + 1 :], SECRET)
    assert caught.value.parameter == "after"


@given(st.text(max_size=500) | st.text(alphabet="ABCDabcd0123-_=", max_size=500) | st.binary(max_size=300).map(str))
def test_any_other_text_is_refused(text: str) -> None:
    with pytest.raises(BadQueryError):
        decode(text, SECRET)


def test_another_secret_is_refused() -> None:
    text = encode(Cursor("resources", bytes(16)), SECRET)
    with pytest.raises(BadQueryError):
        decode(text, SECRET[::-1])


def test_a_short_secret_is_a_wrong_configuration() -> None:
    with pytest.raises(ConfigError):
        encode(Cursor("resources", bytes(16)), b"short")


# Every field of Query stands in one of the two: a new one fails the test until somebody decides.
OTHER: dict[str, Any] = {
    "scope": "observations",
    "text": "rain",
    "phrases": ("sea ice",),
    "filter": Comparison("=", "kind", "dataset"),
    "region": Region({"type": "Point", "coordinates": [1.0, 2.0]}),
    "time": Time(0, 1),
    "selections": (Selection("kind", ("dataset",)),),
    "ranges": (RangeSelection("size", 1.0),),
    "place": Place("sky", 3, 145),
    "sort": Sort("title"),
    "ids": (),
    "lenient": True,
}
SAME: dict[str, Any] = {
    "facets": (FacetRequest("kind"),),
    "numbers": (RangeRequest("size", bins=3),),
    "histogram": Histogram(),
    "heat": CellRequest("sky", 3),
    "size": 7,
    "after": "abc",
}


def test_the_digest_covers_the_question_and_not_how_it_is_shown() -> None:
    assert {each.name for each in fields(Query)} == {*OTHER, *SAME}
    base = digest(Query())
    for name, value in SAME.items():
        assert digest(replace(Query(), **{name: value})) == base
    others = [digest(replace(Query(), **{name: value})) for name, value in OTHER.items()]
    assert len({base, *others}) == len(OTHER) + 1


@pytest.mark.parametrize(
    ("one", "two"),
    [
        (Query(sort=Sort("title")), Query(sort=Sort("title", descending=True))),
        (Query(sort=Sort("title")), Query(sort=Sort("title", then=(Sort("size"),)))),
        (Query(sort=Sort("title", then=(Sort("size"),))), Query(sort=Sort("title", then=(Sort("size", True),)))),
        (
            Query(region=Region({"type": "Point", "coordinates": [1, 2]})),
            Query(region=Region({"type": "Point", "coordinates": [1, 2]}, "sky")),
        ),
        (
            Query(region=Region({"type": "Point", "coordinates": [1, 2]})),
            Query(region=Region({"type": "Point", "coordinates": [1, 2]}, relation="within")),
        ),
        (Query(filter=Like("kind", "a")), Query(filter=Like("kind", "a", casei=True))),
        (
            Query(selections=(Selection("kind", ("a", "b")),)),
            Query(selections=(Selection("kind", ("a",)), Selection("kind", ("b",)))),
        ),
        (Query(ids=None), Query(ids=())),
        (Query(time=Time(None, 1)), Query(time=Time(1, None))),
    ],
)
def test_a_small_difference_is_another_question(one: Query, two: Query) -> None:
    assert digest(one) != digest(two)


def test_the_order_of_ticked_values_makes_no_other_question() -> None:
    one = Query(selections=(Selection("kind", ("a", "b")), Selection("theme", ("c",))), ids=("x", "y"))
    two = Query(selections=(Selection("theme", ("c",)), Selection("kind", ("b", "a"))), ids=("y", "x"))
    assert digest(one) == digest(two)


def test_a_digest_takes_hostile_text() -> None:
    assert digest(Query(text="\ud800\0")) != digest(Query(text="\ud801\0"))


@pytest.mark.parametrize("value", [None, 3, 2.5, "title"])
def test_a_search_resumes_where_it_was(value: Value) -> None:
    query = Query(text="sea", sort=Sort("title"), filter=And((IsNull("end"), Comparison("<", "start", 0))))
    cursor = Cursor("resources", digest(query), "title", value=value, key=4)
    assert resume(replace(query, after=encode(cursor, SECRET), size=3), SECRET) == cursor
    assert resume(query, SECRET) is None


def test_a_cursor_of_another_question_is_refused_and_says_so() -> None:
    query = Query(text="sea")
    after = encode(Cursor("resources", digest(query), offset=20, generation="g1"), SECRET)
    with pytest.raises(BadQueryError, match="another question") as caught:
        resume(Query(text="lake", after=after), SECRET)
    assert caught.value.parameter == "after"
