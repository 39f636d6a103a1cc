"""Joining what is asked."""

from __future__ import annotations

from discovery.query.query import And, Comparison, Or, Time, conjunction, conjuncts


def test_a_conjunction_is_as_small_as_it_can_be() -> None:
    one, other = Comparison("=", "kind", "dataset"), Time(0, 1)
    assert conjunction([]) is conjunction([None, None]) is None
    assert conjunction([None, one]) is one
    assert conjunction([one, None, other]) == And((one, other))


def test_the_parts_of_a_conjunction_are_told_however_deep_they_are() -> None:
    one, two, three = (Comparison("=", name, "x") for name in ("mission", "level", "kind"))
    either = Or((one, And((two, three))))
    assert list(conjuncts([And((one, And((two, either)))), None, three])) == [one, two, either, three]
    assert list(conjuncts([None])) == []
