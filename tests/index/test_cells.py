"""A heat map is as fine as was asked for and never larger than it may be."""

import pytest

from discovery.errors import BadQueryError, LimitError
from discovery.index import cells
from discovery.index.cells import COARSE, MAX_CELLS, heat_map, order
from discovery.query.facets import CellRequest


def test_coarse_orders_need_no_second_look() -> None:
    assert [order(CellRequest("sky", each), {1: 10**9}) for each in (0, 3, COARSE)] == [0, 3, COARSE]


def test_finer_cells_are_counted_where_few_can_hold_anything() -> None:
    assert order(CellRequest("sky", 12), {1: 5, 7: 3}) == 12
    assert order(CellRequest("sky", COARSE + 1), {1: 10**9}) == COARSE + 1


def test_too_many_cells_are_refused_by_name_or_become_coarser() -> None:
    full = dict.fromkeys(range(12 * 4**COARSE), 1_000)
    with pytest.raises(LimitError) as caught:
        order(CellRequest("sky", COARSE + 1), full)
    assert caught.value.limit == "heat-cells"
    assert order(CellRequest("sky", 12, most=MAX_CELLS), full) == COARSE
    assert order(CellRequest("sky", 12, most=64), {1: 10**9}) == COARSE + 3


def test_cells_are_put_together_until_they_are_few_enough() -> None:
    found = heat_map(CellRequest("sky", 2, most=12), 2, dict.fromkeys(range(192), 2))
    assert (found.order, len(found.cells), found.total) == (0, 12, 384)
    assert heat_map(CellRequest("sky", 1), 1, {47: 1, 3: 2}).cells == ((3, 2), (47, 1))


@pytest.mark.parametrize(
    "request_",
    [
        CellRequest("moonbase", 3),
        CellRequest("sky", -1),
        CellRequest("sky", 13),
        CellRequest("sky", 3, most=11),
        CellRequest("sky", 3, most=MAX_CELLS + 1),
    ],
    ids=repr,
)
def test_what_is_no_map_is_refused(request_: CellRequest) -> None:
    with pytest.raises(BadQueryError):
        cells.check(request_)
