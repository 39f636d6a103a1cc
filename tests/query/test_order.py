from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from discovery.errors import BadQueryError, LimitError, UnknownFieldError
from discovery.query import fields, order
from discovery.query.query import Sort

ORDERS = st.lists(
    st.builds(Sort, st.sampled_from(fields.SORTS), st.booleans()),
    min_size=1,
    max_size=order.MAX_FIELDS,
    unique_by=lambda each: each.name,
)


@given(ORDERS, st.sampled_from(["", "+", " "]))
def test_an_order_is_read_as_it_was_written(sorts: list[Sort], rising: str) -> None:
    joined = order.joined(sorts)
    assert joined is not None
    assert list(joined.all) == sorts
    assert order.read(order.written(joined, rising=rising)) == joined


def test_no_name_is_no_order() -> None:
    assert order.read([]) is order.read(["", " "]) is order.joined([]) is None
    assert order.written(None) == []


@pytest.mark.parametrize(
    ("names", "sort"),
    [
        (["-start"], Sort("start", descending=True)),
        (["datetime", "-eo:cloud_cover"], Sort("start", then=(Sort("cloud_cover", descending=True),))),
        (["+start", "-properties.datetime", "title", "title"], Sort("start", then=(Sort("title"),))),
        ([" -title ", "", "size"], Sort("title", descending=True, then=(Sort("size"),))),
        (["-overlap"], Sort("overlap", descending=True)),
    ],
)
def test_a_field_named_again_decides_nothing(names: list[str], sort: Sort) -> None:
    assert order.read(names, overlap=True) == sort


def test_orders_within_orders_are_one_after_another() -> None:
    nested = Sort("start", True, (Sort("size", then=(Sort("title"), Sort("end"))), Sort("created")))
    with pytest.raises(LimitError, match="names 5 fields; records are ordered by at most 4") as caught:
        order.joined([nested], parameter="sortby")
    assert (caught.value.limit, caught.value.parameter) == ("sort-fields", "sortby")
    assert [each.name for each in nested.all] == ["start", "size", "title", "end", "created"]


@pytest.mark.parametrize("names", [["overlap", "title"], ["title", "-overlap"]])
def test_the_order_by_overlap_stands_alone(names: list[str]) -> None:
    with pytest.raises(BadQueryError, match="overlap orders alone"):
        order.read(names, overlap=True)


def test_the_order_by_overlap_is_none_of_the_standards() -> None:
    with pytest.raises(UnknownFieldError, match="unknown sort field 'overlap'") as caught:
        order.read(["-overlap"], parameter="sortby")
    assert "overlap" not in caught.value.near


@pytest.mark.parametrize("name", ["colour", "+-start", "--start", "start-", "start;title"])
def test_an_order_by_what_is_no_field_lists_near_ones(name: str) -> None:
    with pytest.raises(UnknownFieldError, match="sort field") as caught:
        order.read(["title", name], parameter="sortby")
    assert caught.value.parameter == "sortby"
