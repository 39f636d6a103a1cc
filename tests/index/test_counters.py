"""A counter asks once, or once more where what it wants depends on the first answer."""

import pytest

from discovery.errors import LimitError
from discovery.index.counters import CalendarCounter, CellCounter, NumberCounter
from discovery.query.facets import CellRequest, HeatMap, RangeRequest
from discovery.query.query import Histogram

STATS = {"stats": {"count": 3, "min": 1.0, "max": 9.0}, "all": {"value": 5.0}}


def test_edges_that_are_given_are_counted_with_the_bounds() -> None:
    counter = NumberCounter(RangeRequest("size", edges=(0.0, 5.0)))
    assert set(counter.asked()) == {"stats", "all", "ranges"}
    counter.read(STATS | {"ranges": {"buckets": [{"from": 0.0, "to": 5.0, "doc_count": 2}]}})
    assert counter.result is not None
    assert (counter.result.ranges[0].count, counter.result.missing) == (2, 2)


def test_round_edges_take_a_second_question() -> None:
    counter = NumberCounter(RangeRequest("size", bins=2))
    assert set(counter.asked()) == {"stats", "all"}
    counter.read(STATS)
    assert counter.asked()["ranges"]["range"]["ranges"] == [
        {"to": 0.0},
        {"from": 0.0, "to": 5.0},
        {"from": 5.0, "to": 10.0},
        {"from": 10.0},
    ]
    counter.read({"ranges": {"buckets": [{"from": 5.0, "to": 10.0, "doc_count": 1}]}})
    assert counter.result is not None
    assert [each.count for each in counter.result.ranges] == [0, 1]


@pytest.mark.parametrize("request_", [RangeRequest("size"), RangeRequest("size", bins=4, log=True)])
def test_nothing_is_asked_again_where_nothing_is_there(request_: RangeRequest) -> None:
    counter = NumberCounter(request_)
    counter.read({})
    assert counter.result is not None
    assert (counter.result.ranges, counter.result.present, counter.result.least) == ((), 0, None)


def test_days_are_asked_for_after_the_months() -> None:
    counter = CalendarCounter(Histogram("auto", 60), {"terms": {}})
    assert set(counter.asked()) == {"months"}
    counter.read({"months": {"buckets": [{"key": 24_000, "doc_count": 3}]}})
    assert set(counter.asked()) == {"days"}
    counter.read({"days": {"buckets": [{"key": 10_957 * 86_400_000.0, "doc_count": 3}]}})
    assert counter.result is not None
    assert (counter.result[0], counter.result[1][0].count) == ("day", 3)


def test_cells_are_counted_coarsely_first() -> None:
    counter = CellCounter(CellRequest("sky", 6))
    assert counter.asked()["frame"]["aggs"]["cells"]["histogram"]["interval"] == 4**7
    counter.read({"frame": {"buckets": [{"cells": {"buckets": [{"key": 4.0**7, "doc_count": 2}]}}]}})
    assert counter.asked()["frame"]["aggs"]["cells"]["histogram"]["interval"] == 4**6
    counter.read({"frame": {"buckets": [{"cells": {"buckets": [{"key": 5 * 4.0**6, "doc_count": 2}]}}]}})
    assert counter.result == HeatMap("sky", 6, ((5, 2),))


def test_more_cells_than_allowed_are_refused() -> None:
    buckets = [{"key": float(cell * 4**7), "doc_count": 100} for cell in range(12 * 4**5)]
    with pytest.raises(LimitError):
        CellCounter(CellRequest("sky", 6)).read({"frame": {"buckets": [{"cells": {"buckets": buckets}}]}})
