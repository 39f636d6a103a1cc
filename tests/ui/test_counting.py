"""The pages' own parameters say what is counted, and what cannot be says which parameter it was."""

from __future__ import annotations

import pytest

from discovery.errors import BadQueryError
from discovery.query import form
from discovery.query.facets import CellRequest, RangeRequest
from discovery.query.query import Histogram, Query
from ui import counting


def numbers(*given: tuple[str, str], query: Query | None = None) -> dict[str, RangeRequest]:
    return {each.name: each for each in counting.read(given, query or Query(), ("cloud_cover",)).numbers}


def test_the_first_numbers_are_drawn_and_the_others_only_told() -> None:
    found = counting.read([], Query(), ("cloud_cover", "exposure", "size")).numbers
    assert [(each.name, each.bins, each.log) for each in found] == [
        ("cloud_cover", 20, False),
        ("exposure", 20, True),
        ("size", 0, False),
    ]


def test_a_caller_chooses_steps_and_scale() -> None:
    assert numbers(("bins.size", "7"))["size"] == RangeRequest("size", bins=7, log=True)
    assert numbers(("bins.size", "7,linear"))["size"] == RangeRequest("size", bins=7)
    assert numbers(("bins.eo:cloud_cover", "5,log"))["cloud_cover"] == RangeRequest("cloud_cover", bins=5, log=True)
    assert numbers(("edges.size", "0,10, 1e3"))["size"] == RangeRequest("size", edges=(0.0, 10.0, 1000.0))


def test_a_number_that_is_narrowed_is_drawn() -> None:
    assert numbers(query=form.parse([("range.snow_cover", "..10")]))["snow_cover"].bins == counting.BINS


def test_the_interval_is_the_one_that_fits_unless_it_is_chosen() -> None:
    assert counting.read([], Query(), ()).histogram == Histogram("auto", counting.BARS)
    assert counting.read([("interval", "day")], Query(), ()).histogram.interval == "day"


@pytest.mark.parametrize(
    ("asked", "order"),
    [
        ((), 3),
        ((("cell", "sky/5/100"),), 9),
        ((("cell", "sky/12/100"),), 12),
        ((("cell", "earth/5/100"),), 3),
        ((("cone", "10,20,5"),), 7),
        ((("cone", "10,20,0.1"),), 10),
        ((("bbox", "0,0,10,10"),), 3),
    ],
)
def test_cells_fit_the_place_that_is_asked_for(asked: tuple[tuple[str, str], ...], order: int) -> None:
    heat = counting.read([("heat", "sky")], form.parse(asked), ()).heat
    assert heat == CellRequest("sky", order, most=counting.CELLS)


def test_an_order_that_is_chosen_is_not_made_coarser() -> None:
    assert counting.read([("heat", "mars/5")], Query(), ()).heat == CellRequest("mars", 5)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("bins.mission", "5"),
        ("bins.size", "many"),
        ("bins.size", "0"),
        ("bins.size", "٣"),
        ("bins.size", "5,cubic"),
        ("edges.size", "1,nan"),
        ("edges.nothing", "1,2"),
        ("interval", "week"),
        ("heat", "moonbase"),
        ("heat", "sky/two"),
        ("find.size", "x"),
    ],
)
def test_what_cannot_be_read_names_its_parameter(name: str, value: str) -> None:
    with pytest.raises(BadQueryError) as caught:
        counting.read([(name, value)], Query(), ())
    assert caught.value.parameter == name
