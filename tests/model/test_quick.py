"""What makes values of frozen classes quickly makes the same values."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Mapping
from dataclasses import FrozenInstanceError, dataclass, field, fields, replace

import pytest

from discovery.model.extent import Extent
from discovery.model.quick import quick
from discovery.model.record import Asset, Contact, Link, Record, make_asset, make_contact, make_extent, make_link
from discovery.model.record import make_record as make


@dataclass(frozen=True, slots=True)
class Pair:
    """A value with everything that a field may have."""

    one: int
    other: str = "x"
    more: Mapping[str, int] = field(default_factory=dict)
    aside: tuple[int, ...] = field(default=(), compare=False)


def test_it_is_the_same_value() -> None:
    found = make("s", "c", "1", "dataset", "T", keywords=("a",), extent=make_extent(start=5))
    assert found == Record("s", "c", "1", "dataset", "T", keywords=("a",), extent=Extent(start=5))
    assert type(found) is Record
    assert type(found.extent) is Extent
    assert repr(found) == repr(Record("s", "c", "1", "dataset", "T", keywords=("a",), extent=Extent(start=5)))
    asset = make_asset("https://a.example/x", title="X")
    assert (asset, hash(asset)) == (
        Asset("https://a.example/x", title="X"),
        hash(Asset("https://a.example/x", title="X")),
    )
    assert make_link("https://a.example", "about") == Link("https://a.example", "about")
    assert make_contact("N", roles=("owner",)) == Contact("N", roles=("owner",))


def test_it_is_as_frozen() -> None:
    found = quick(Pair)(1)
    with pytest.raises(FrozenInstanceError):
        found.one = 2  # type: ignore[misc]
    with pytest.raises((AttributeError, TypeError)):
        found.unknown = 2  # type: ignore[attr-defined]


def test_its_defaults_are_its_own() -> None:
    made = quick(Pair)
    one, other = made(1), made(2, other="y")
    assert (one.other, other.other, one.aside) == ("x", "y", ())
    assert one.more == {}
    assert one.more is not other.more
    assert made(1, aside=(1,)) == made(1, aside=(2,)), "what is not compared is not compared here either"


def test_it_is_checked_as_well() -> None:
    with pytest.raises(ValueError, match="'planet' is not one of"):
        make("s", "c", "1", "planet", "T")
    assert make("s", "c", "1", "dataset", "T").id == Record("s", "c", "1", "dataset", "T").id


@pytest.mark.parametrize("given", [{}, {"one": 1, "two": 2}])
def test_wrong_arguments_are_refused(given: dict[str, int]) -> None:
    with pytest.raises(TypeError):
        quick(Pair)(**given)


def test_it_can_be_copied_changed_and_sent() -> None:
    found = quick(Pair)(1, more={"a": 1})
    assert replace(found, one=2) == Pair(2, more={"a": 1})
    assert copy.deepcopy(found) == found
    assert pickle.loads(pickle.dumps(found)) == found  # our own


@pytest.mark.parametrize(
    ("cls", "made"), [(Record, make), (Asset, make_asset), (Link, make_link), (Extent, make_extent)]
)
def test_no_field_is_forgotten(cls: type, made: type) -> None:
    assert [each.name for each in fields(cls)] == [each.name for each in fields(made)]
