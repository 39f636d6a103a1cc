"""What the page of a selection says of sizes, volumes and datalabs."""

from __future__ import annotations

from dataclasses import replace

from discovery.launch.matching import Holding, Match
from discovery.launch.opening import Opening
from discovery.model.datalab import Datalab
from discovery.model.record import Asset, Record
from discovery.model.volume import Volume
from ui import selection as page


def record(name: str, *sizes: int | None, **numbers: float) -> Record:
    assets = tuple(Asset(f"https://a.example/{n}", size=size) for n, size in enumerate(sizes))
    return Record("s", "c", name, "dataset", name, assets=assets, numbers=numbers)


def opening(name: str, volumes: str = "", datalabs: str = "") -> Opening:
    held = tuple(Holding(Volume(each, each.upper()), "path") for each in volumes)
    return Opening(record(name), (), held, tuple(Match(Datalab(each, each.upper()), "format") for each in datalabs))


def test_sizes_are_added_and_what_does_not_say_is_counted() -> None:
    assert page._size([record("a", 1000, 500), record("b", None, size=2000.0)]) == "3.5 kB"
    assert page._size([record("a", 1000), record("b")]) == "1.0 kB in 1 of 2; the others do not say"
    assert page._size([record("b")]) == ""


def test_volumes_say_how_much_they_hold() -> None:
    found = page._volumes([opening("1", "ab"), opening("2", "b")])
    assert [(each.text, each.note) for each in found] == [("B", "holds all of it"), ("A", "holds 1 of 2")]


def test_a_volume_of_the_same_mission_is_not_said_to_hold_anything() -> None:
    near = replace(opening("1"), volumes=(Holding(Volume("m", "M"), "mission"),))
    assert [(each.text, each.note) for each in page._volumes([near, near, opening("2", "a")])] == [
        ("A", "holds 1 of 3"),
        ("M", "holds data of the same mission"),
    ]
    assert page._volumes([near])[0].note == "holds data of the same mission"


def test_datalabs_that_open_everything_come_alone() -> None:
    found, whole = page._datalabs([opening("1", datalabs="xy"), opening("2", datalabs="y")])
    assert ([each.text for each in found], whole) == (["Y"], True)
    found, whole = page._datalabs([opening("1", datalabs="x"), opening("2", datalabs="y")])
    assert ([(each.text, each.note) for each in found], whole) == (
        [("X", "opens 1 of 2"), ("Y", "opens 1 of 2")],
        False,
    )
    assert page._datalabs([]) == ((), False)
