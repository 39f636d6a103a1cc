"""What is asked of the catalogue, and what comes back, without a word of any engine.

Filter nodes are named after the operators of CQL2 (OGC 21-065r2); CQL2 text and JSON, GraphQL inputs, OGC parameters
and form fields are all parsed into them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from discovery.model.extent import EARTH, Geometry
from discovery.model.record import RESOURCES
from discovery.query.facets import CellRequest, Place, RangeRequest, RangeSelection

Scalar = str | float | int | bool
"""A literal in a filter; instants are UTC milliseconds, already parsed against the field's type."""


@dataclass(frozen=True, slots=True)
class And:
    """Every one of `args` is true; no args is true."""

    args: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """At least one of `args` is true; no args is false."""

    args: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """`arg` is not true."""

    arg: Filter


@dataclass(frozen=True, slots=True)
class Comparison:
    """`name op value` with op one of `= <> < <= > >=`; true when any value of a multi-valued field compares so.

    `<>` is `Not(=)`, and like every comparison it is false for a record that has no value (CQL2's null rule).
    """

    op: str
    name: str
    value: Scalar


@dataclass(frozen=True, slots=True)
class Between:
    """`name` is at least `low` and at most `high`."""

    name: str
    low: Scalar
    high: Scalar


@dataclass(frozen=True, slots=True)
class In:
    """`name` is one of `values`."""

    name: str
    values: tuple[Scalar, ...]


@dataclass(frozen=True, slots=True)
class Like:
    """`name` matches `pattern`, where `%` stands for any run of characters, `_` for one, and a backslash escapes."""

    name: str
    pattern: str
    casei: bool = False
    """Capitals and small letters are the same (CASEI)."""
    accenti: bool = False
    """Letters with and without accents are the same (ACCENTI)."""


@dataclass(frozen=True, slots=True)
class IsNull:
    """The record has no value for `name`."""

    name: str


@dataclass(frozen=True, slots=True)
class Region:
    """A place asked for: one geometry in one frame; a record matches when its footprint touches it."""

    geometry: Geometry
    """A GeoJSON geometry, a `Circle` or a `Moc` (see `discovery.model.extent.Geometry`), already validated."""
    frame: str = EARTH
    relation: str = "intersects"


@dataclass(frozen=True, slots=True)
class Time:
    """A time asked for, in UTC milliseconds, ends included; None is open. A record matches when it overlaps."""

    start: int | None = None
    end: int | None = None


Filter = And | Or | Not | Comparison | Between | In | Like | IsNull | Region | Time


@dataclass(frozen=True, slots=True)
class FacetRequest:
    """A facet to count: the `size` most frequent values, or those beneath `within` of a tree."""

    name: str
    size: int = 12
    within: str = ""
    text: str = ""
    """Only values that hold this text, whatever its capitals and accents; in a tree what comes after `within`."""
    values: tuple[str, ...] = ()
    """With `text`: these values too, whose labels hold it."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Values ticked in one facet: OR among them, AND with everything else, and not counted against themselves."""

    name: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Histogram:
    """A calendar histogram to count: how many matches start in each `year`, `month` or `day`.

    `auto` is the finest of these with at most `most` steps from the first match to the last, else years.
    """

    interval: str = "year"
    most: int = 60


@dataclass(frozen=True, slots=True)
class Sort:
    """An order: the field's value, then those of `then`, then the record's number.

    Records without a value come last among those that are equal so far, either way.
    """

    name: str
    descending: bool = False
    then: tuple[Sort, ...] = ()
    """What orders records with equal values, the first counting most; none of these has a `then` of its own."""

    @property
    def all(self) -> tuple[Sort, ...]:
        """Every order, one after another, each without `then`."""
        if not self.then:
            return (self,)
        return (Sort(self.name, self.descending), *(one for each in self.then for one in each.all))


@dataclass(frozen=True, slots=True)
class Query:
    """A question to the portal; every face makes one and nothing else reaches an engine."""

    scope: str = RESOURCES
    text: str = ""
    phrases: tuple[str, ...] = ()
    """At least one of these, its words side by side in one field; none is no condition."""
    filter: Filter | None = None
    region: Region | None = None
    time: Time | None = None
    selections: tuple[Selection, ...] = ()
    ranges: tuple[RangeSelection, ...] = ()
    place: Place | None = None
    """Only what lies in this cell."""
    facets: tuple[FacetRequest, ...] = ()
    numbers: tuple[RangeRequest, ...] = ()
    histogram: Histogram | None = None
    heat: CellRequest | None = None
    sort: Sort | None = None
    """None is best first when there is text, else newest first."""
    size: int = 20
    after: str = ""
    """The `next` of an earlier page: opaque, signed."""
    ids: tuple[str, ...] | None = None
    """Only these records; an empty tuple is nothing at all."""
    lenient: bool = False
    """Whether misspelt words are mended, and words left out, where hardly anything has all of the words."""


@dataclass(frozen=True, slots=True)
class Understood:
    """What was looked for instead of the words that somebody typed, because hardly anything has all of those."""

    text: str
    """As it was typed."""
    corrected: str = ""
    """What was looked for with its misspelt words mended; empty where nothing was mended."""
    unknown: tuple[str, ...] = ()
    """Words that no record has, and that were left out."""
    least: int = 0
    """How many of the `words` a record needs to be listed; 0 is all of them."""
    words: int = 0
    """How many words and terms were looked for, those between quotation marks left aside: they are never left out."""
    complete: int = 0
    """How many records have all of them; these are listed first."""
    suggestion: str = ""
    """What may have been meant where a word is rare and one like it is common; it was not looked for."""
    near: int = 0
    """How many records are listed that have too few of the words, but words near in meaning."""

    @property
    def meant(self) -> str:
        """What was looked for."""
        return self.corrected or self.text


@dataclass(frozen=True, slots=True)
class Total:
    """How many match; `exact` is false only for the stated exceptions."""

    value: int
    exact: bool = True


@dataclass(frozen=True, slots=True)
class Bucket:
    """One value of a facet with the number of records that have it."""

    value: str
    count: int
    label: str = ""
    selected: bool = False
    path: tuple[str, ...] = ()
    """The ancestors of a value in a tree, outermost first, itself included; empty for a flat facet."""


@dataclass(frozen=True, slots=True)
class Facet:
    """The counted values of a field over the whole match, its own selection left aside."""

    name: str
    label: str
    buckets: tuple[Bucket, ...]
    other: int = 0
    """How many value occurrences fell outside `buckets`."""
    exact: bool = True


@dataclass(frozen=True, slots=True)
class Bin:
    """One step of a histogram; empty steps between the first and the last are there with count 0."""

    start: int
    """UTC milliseconds of the beginning of the year, month or day."""
    count: int


def conjunction(parts: Iterable[Filter | None]) -> Filter | None:
    """Return the parts joined by AND, None for no parts, and a single part as it is."""
    found = tuple(part for part in parts if part is not None)
    if not found:
        return None
    return found[0] if len(found) == 1 else And(found)


def conjuncts(parts: Iterable[Any]) -> Iterator[Any]:
    """Yield what must be true for all parts to be, each AND among them taken apart; None stands for no part."""
    for part in parts:
        if isinstance(part, And):
            yield from conjuncts(part.args)
        elif part is not None:
            yield part
