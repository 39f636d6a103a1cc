"""Joining what is asked."""

from __future__ import annotations

from discovery.query.query import And, Comparison, Time, conjunction


def test_a_conjunction_is_as_small_as_it_can_be() -> None:
    one, other = Comparison("=", "kind", "dataset"), Time(0, 1)
    assert conjunction([]) is conjunction([None, None]) is None
    assert conjunction([None, one]) is one
    assert conjunction([one, None, other]) == And((one, other))
