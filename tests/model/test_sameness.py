"""What makes two records the same thing, by itself."""

from __future__ import annotations

from itertools import permutations

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from discovery.model import sameness
from discovery.model.extent import SKY, Extent
from discovery.model.record import Record
from discovery.model.sameness import Member

DOI = bytes((1,))
TITLE = bytes((3,))


@pytest.mark.parametrize(
    ("text", "doi"),
    [
        ("10.5270/ESA-qa4lep3", "10.5270/esa-qa4lep3"),
        ("doi: 10.5270/esa-1", "10.5270/esa-1"),
        ("DOI:10.5270/esa-1", "10.5270/esa-1"),
        ("http://dx.doi.org/10.5270/esa-1.", "10.5270/esa-1"),
        ("https://doi.org/10.5270/esa-1", "10.5270/esa-1"),
        ("10.5270", ""),
        ("see 10.5270/esa-1", ""),
        ("10.5270/" + "x" * 5000, ""),
        ("", ""),
    ],
)
def test_a_doi_is_one_however_it_is_written(text: str, doi: str) -> None:
    assert sameness.doi(text) == doi


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("ivo://ESAVO/HST?Some-Id", "ivo:esavo/hst?Some-Id".replace("ivo:", "ivo://")),
        ("urn:x-wmo:md:int.eumetsat::ABC", "urn:x-wmo:md:int.eumetsat::abc"),
        ("https://Example.org/A/B/", "web:example.org/A/B"),
        ("0A1B2C3D-0000-4000-8000-000000000001", "uuid:0a1b2c3d-0000-4000-8000-000000000001"),
        ("http://localhost/1", ""),
        ("item-1", ""),
        ("a:b", ""),
        ("javascript:alert(1)", ""),
        ("x" * 5000, ""),
    ],
)
def test_an_identifier_counts_where_it_is_the_same_for_everybody(text: str, name: str) -> None:
    assert sameness.identifier(text) == name


@given(st.text(max_size=100), st.lists(st.text(max_size=40), max_size=4))
def test_no_text_is_too_odd_for_a_key(title: str, ids: list[str]) -> None:
    record = Record(
        "s", "c", title.encode(errors="ignore").decode(), "dataset", "x", external_ids=tuple(ids), doi=title
    )
    try:
        stored = orjson.loads(record.to_json())
    except TypeError:
        return  # Half a character cannot be stored at all.
    assert all(len(each) == 16 for each in sameness.keys(stored))


@pytest.mark.parametrize(
    "extent",
    [
        Extent(geometry={"type": "Point", "coordinates": [1, 2]}, start=1),
        Extent(SKY, {"type": "Circle", "center": [1, 2], "radius": 0.5}, None, 1),
        Extent(bbox=(0, 0, 1, 1), end=1),
        Extent(
            geometry={
                "type": "GeometryCollection",
                "geometries": [{"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 0]]]}],
            },
            start=1,
        ),
    ],
)
def test_a_title_counts_with_any_place_and_time(extent: Extent) -> None:
    record = Record("s", "c", "1", "dataset", "A title of its own", extent=extent)
    found = sameness.keys(orjson.loads(record.to_json()))
    assert [sameness.reason(each) for each in found] == ["title"]
    assert all(found.values())


@pytest.mark.parametrize(
    ("other", "same"),
    [
        ([0, 0, 10, 10], True),
        ([0.05, 0, 10, 9.95], True),
        ([0, 0, 10, 10.2], False),
        ([0, 0, 0, 0], False),
    ],
)
def test_places_are_near_within_a_hundredth_of_their_size(other: list[float], same: bool) -> None:
    one = orjson.dumps([0, 0, 10, 10]).decode()
    assert sameness.near(one, orjson.dumps(other).decode()) is same
    assert sameness.near(orjson.dumps(other).decode(), one) is same


def test_a_place_is_never_near_to_none() -> None:
    assert not sameness.near("[0,0,1,1]", "")


def test_groups_do_not_depend_on_the_order_of_records() -> None:
    """The title would make one of b and either c; only one of a source fits, and which does not depend on luck."""
    members = [
        Member("1", "a", {DOI: ""}),
        Member("2", "b", {DOI: "", TITLE: ""}),
        Member("3", "c", {TITLE: ""}),
        Member("4", "a", {TITLE: ""}),
    ]
    rank = {"a": 0, "b": 1, "c": 2}
    found = [sameness.grouped(each, {DOI, TITLE}, rank) for each in permutations(members)]
    assert all(each == found[0] for each in found)
    assert found[0] == {"2": "1", "3": "1"}


def test_two_that_somebody_has_parted_are_of_no_group_together() -> None:
    members = [Member(str(n), f"s{n}", {DOI: ""}) for n in range(3)]
    assert sameness.grouped(members, {DOI}, {}, {("0", "1")}) == {"2": "0"}


def test_more_than_hang_together_by_reason_are_no_group() -> None:
    members = [Member(f"{n:03}", f"s{n}", {DOI: ""}) for n in range(sameness.MOST + 1)]
    assert sameness.grouped(members, {DOI}, {}) == {}
    assert len(sameness.grouped(members[1:], {DOI}, {})) == sameness.MOST - 1
