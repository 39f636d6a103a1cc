"""Who holds a record and who can open it: volumes by path or mission, datalabs by mission, format and interface."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files as resources
from typing import Final

from discovery.launch.formats import families, family
from discovery.launch.resolver import File
from discovery.model.datalab import Datalab
from discovery.model.record import Record
from discovery.model.volume import Volume

PATH: Final = "path"
HOLDS: Final = "holds"
MISSION: Final = "mission"
DATASET: Final = "dataset"
WORKS: Final = "works"
FORMAT: Final = "format"
NOTEBOOK: Final = "notebook"
_WITHOUT_DATA: Final = frozenset({"datalab", "volume", "service", "document"})
"""Kinds of record that no datalab is offered for."""


@dataclass(frozen=True, slots=True)
class Holding:
    """A volume with the reason why it is named beside a record."""

    volume: Volume
    reason: str
    """`path`: a file of the record lies in it; `holds`: it says that it holds the record or its dataset; `mission`: it
    holds data of the record's mission and instrument; `works`: the record is a datalab that works on it."""


@dataclass(frozen=True, slots=True)
class Match:
    """A datalab with the reason why it is offered for a record."""

    datalab: Datalab
    reason: str
    """`dataset`: made for the record or its dataset; `mission`: made for its mission; `format`: opens its files;
    `notebook`: runs any notebook."""


def holdings(record: Record, files: Sequence[File], volumes: Sequence[Volume]) -> tuple[Holding, ...]:
    """Return the volumes of a record: those that its files lie in, those that name it, and those of its mission.

    A datalab has those that it names itself. A volume of a whole branch of missions, such as `astronomy`, says too
    little of any one of them to be named.
    """
    if record.kind == "datalab":
        named = Datalab.from_record(record).volumes
        return tuple(Holding(each, WORKS) for each in volumes if each.id in named or (each.slug and each.slug in named))
    if record.kind == "volume":
        return ()
    by_id = {each.id: each for each in volumes}
    paths = dict.fromkeys(place.volume for file in files for place in file.places if place.volume in by_id)
    rest = sorted((each for each in volumes if each.id not in paths), key=lambda each: (each.title, each.id))
    naming = [each for each in rest if _names(each.datasets, record)]
    mission = [
        each
        for each in rest
        if each not in naming and _depth(each.missions, record) > 1 and _shares(each.instruments, record.instruments)
    ]
    return (
        *(Holding(by_id[id], PATH) for id in paths),
        *(Holding(each, HOLDS) for each in naming),
        *(Holding(each, MISSION) for each in mission),
    )


def matches(record: Record, files: Sequence[File], datalabs: Sequence[Datalab]) -> tuple[Match, ...]:
    """Return the datalabs that can open a record, the most special first.

    One that was made for a mission, and does not name the record, is offered for that mission alone.
    """
    if record.kind in _WITHOUT_DATA:
        return ()
    wanted = {file.family for file in files} or {family(each).name for each in record.formats}
    found: list[tuple[tuple[int, int, str, str], Match]] = []
    for each in datalabs:
        depth = _depth(each.missions, record)
        opened = bool(_opens(each) & wanted)
        made_for_it = _names(each.datasets, record)
        if each.missions and not depth and not made_for_it:
            continue
        if made_for_it:
            reason, rank = DATASET, -1
        elif depth and (opened or each.runs_notebooks):
            reason, rank = MISSION, 0
        elif opened:
            reason, rank = FORMAT, 2
        elif each.runs_notebooks:
            # A plain environment opens anything; one of the record's own domain has the better company.
            reason, rank = NOTEBOOK, 1 if each.domain == record.domain else 3
        else:
            continue
        found.append(((rank, -depth, each.title, each.id), Match(each, reason)))
    return tuple(match for _, match in sorted(found, key=lambda each: each[0]))


def _names(datasets: Sequence[str], record: Record) -> bool:
    """Say whether a record or its dataset is among those that something names."""
    return record.id in datasets or (bool(record.dataset) and record.dataset in datasets)


def _depth(missions: Iterable[str], record: Record) -> int:
    """Return how many steps of a mission's path are shared with the record; 0 where it belongs to none of them."""
    return max(
        (
            mission.count("/") + 1
            for mission in missions
            for own in record.missions
            if own == mission or own.startswith(f"{mission}/")
        ),
        default=0,
    )


def _shares(one: Iterable[str], other: Iterable[str]) -> bool:
    """Say whether two sets of instruments have one in common; not to name any is to have them all."""
    first, second = {each.casefold() for each in one}, {each.casefold() for each in other}
    return not first or not second or bool(first & second)


def _opens(datalab: Datalab) -> set[str]:
    """Return the families of formats that a datalab opens for sure."""
    if datalab.formats:
        said = {each.casefold() for each in datalab.formats}
        by_label = {name for name, each in families().items() if {name, each.label.casefold()} & said}
        return by_label | {name for each in datalab.formats if (name := family(each).name) != "other"}
    return {opened for name, opens in _tools().items() if name in datalab.names for opened in opens}


@cache
def _tools() -> Mapping[str, tuple[str, ...]]:
    text = resources("discovery.launch").joinpath("data/tools.toml").read_text(encoding="utf-8")
    return {name: tuple(each["opens"]) for each in tomllib.loads(text)["tool"] for name in each["names"]}
