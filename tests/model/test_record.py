"""Records: their identity, their JSON, and what counts as a change."""

from __future__ import annotations

import re
from dataclasses import fields, replace
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from discovery.model.extent import Extent
from discovery.model.record import (
    KINDS,
    OBSERVATIONS,
    RESOURCES,
    Asset,
    Contact,
    Issue,
    Link,
    Record,
    record_id,
    scope_of,
    to_dict,
)

ANY_TEXT = st.text(max_size=20)
TEXT = st.text(alphabet=st.characters(codec="utf-8"), max_size=20)
FULL = Record(
    "esa",
    "hst",
    "j8u501010",
    "observation",
    "Crab nebula",
    description="A <b>bold</b> nebula",
    domain="space-science",
    missions=("astronomy/hubble",),
    instruments=("ACS",),
    themes=("stars",),
    keywords=("supernova", "remnant"),
    variables=("flux",),
    targets=("M1",),
    provider="ESA",
    license="CC-BY-4.0",
    level="2",
    product_type="image",
    formats=("application/fits",),
    dataset="aaaaaaaaaaaaaaaa",
    extent=Extent("sky", {"type": "Circle", "center": [83.6, 22.0], "radius": 0.1}, (83.5, 21.9, 83.7, 22.1), -5, 7),
    assets=(Asset("https://x.org/a", "a", "A", "image/fits", ("data",), 12, ("s3://b/a",)),),
    links=(Link("https://x.org/b", "cite-as", "B", "text/html", "bbbbbbbbbbbbbbbb"),),
    contacts=(Contact("Ann", "ESA", ("author",), "https://x.org/ann"),),
    doi="10.5270/esa-1",
    external_ids=("ivo://esa/hst",),
    created=-62_135_596_800_001,
    updated=2,
    metadata_updated=3,
    access="registered",
    numbers={"cloud_cover": 0.0},
    properties={"platform": "HST", "filters": ("F606W", "F814W")},
    issues=(Issue("odd", "an odd thing", "/a"),),
)


def test_an_id_is_16_characters_of_small_base32() -> None:
    assert re.fullmatch("[a-z2-7]{16}", record_id("esa", "hst", "j8u501010"))


def test_an_id_never_changes_between_versions() -> None:
    assert record_id("esa", "hst", "j8u501010") == "bmnoanhaj4777le2"


@given(st.lists(ANY_TEXT, min_size=3, max_size=3), st.lists(ANY_TEXT, min_size=3, max_size=3))
def test_different_triples_have_different_ids(one: list[str], other: list[str]) -> None:
    assert (record_id(*one) == record_id(*other)) is (one == other)


@given(ANY_TEXT, st.data())
def test_the_same_characters_cut_elsewhere_are_another_record(text: str, data: st.DataObject) -> None:
    def cut() -> tuple[str, str, str]:
        first, second = sorted(data.draw(st.tuples(*[st.integers(0, len(text))] * 2)))
        return text[:first], text[first:second], text[second:]

    one, other = cut(), cut()
    assert (record_id(*one) == record_id(*other)) is (one == other)


def test_the_example_leaves_no_field_out() -> None:
    assert set(to_dict(FULL)) == {each.name for each in fields(Record)}


def test_a_full_record_reads_back_from_its_json() -> None:
    assert Record.from_json(FULL.to_json()) == FULL


@given(
    st.builds(
        Record,
        source=TEXT,
        container=TEXT,
        source_id=TEXT,
        kind=st.sampled_from(KINDS),
        title=TEXT,
        description=TEXT,
        keywords=st.lists(TEXT, max_size=3).map(tuple),
        updated=st.none() | st.integers(-(2**63), 2**63 - 1),
        numbers=st.dictionaries(TEXT, st.floats(allow_nan=False, allow_infinity=False), max_size=3),
        properties=st.dictionaries(TEXT, TEXT | st.lists(TEXT, max_size=3).map(tuple), max_size=3),
    )
)
def test_any_record_reads_back_with_the_same_fingerprint(record: Record) -> None:
    again = Record.from_json(record.to_json())
    assert again == record
    assert again.fingerprint() == record.fingerprint()


def test_empty_fields_take_no_room() -> None:
    plain = to_dict(Record("s", "c", "1", "dataset", "T"))
    assert set(plain) == {"id", "source", "container", "source_id", "kind", "title", "access", "extent"}


def test_texts_that_a_source_left_empty_read_back_too() -> None:
    record = Record(
        "s",
        "",
        "",
        "dataset",
        "",
        assets=(Asset(""),),
        links=(Link(""),),
        contacts=(Contact(""),),
        issues=(Issue("", ""),),
    )
    assert Record.from_json(record.to_json()) == record


def test_names_of_a_newer_version_are_passed_over() -> None:
    data = orjson.loads(FULL.to_json()) | {"mood": "blue"}
    data["extent"]["depth"] = 4
    data["assets"][0]["colour"] = "red"
    assert Record.from_json(orjson.dumps(data)) == FULL


@pytest.mark.parametrize("name", sorted({each.name for each in fields(Record)} - {"issues"}))
def test_a_change_of_any_field_changes_the_fingerprint(name: str) -> None:
    value = getattr(FULL, name)
    other: Any = {
        "kind": "dataset",
        "extent": Extent("sky", start=-6),
        "access": "open",
    }.get(name) or (value + "x" if isinstance(value, str) else value + 1 if isinstance(value, int) else type(value)())
    assert replace(FULL, **{name: other}).fingerprint() != FULL.fingerprint()


def test_issues_and_the_order_of_names_do_not_count_as_change() -> None:
    swapped = dict(reversed(list(FULL.properties.items())))
    assert replace(FULL, issues=(), properties=swapped).fingerprint() == FULL.fingerprint()


def test_a_kind_of_our_list_is_demanded_by_name() -> None:
    with pytest.raises(ValueError, match=r"'galaxy' is not one of dataset, observation"):
        Record("s", "c", "1", "galaxy", "T")


@pytest.mark.parametrize("kind", KINDS)
def test_only_observations_are_in_the_scope_of_observations(kind: str) -> None:
    assert scope_of(kind) == (OBSERVATIONS if kind == "observation" else RESOURCES)
    assert Record("s", "c", "1", kind, "T").scope == scope_of(kind)
