"""What is counted are plain values that can be compared and kept."""

from discovery.query.facets import CellRequest, HeatMap, RangeRequest


def test_a_map_knows_how_many_it_holds() -> None:
    assert HeatMap("sky", 1, ((3, 2), (47, 1))).total == 3
    assert HeatMap("sky", 1).total == 0


def test_requests_are_keys_of_what_was_counted() -> None:
    assert len({RangeRequest("size", bins=3), RangeRequest("size", bins=3), CellRequest("sky", 3)}) == 2
