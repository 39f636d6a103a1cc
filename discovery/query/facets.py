"""What may be counted beside the values of a facet: ranges of numbers and cells of the sky or the ground."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

INTERVALS: Final = ("year", "month", "day", "auto")
"""The steps of a calendar histogram; `auto` is the finest of them that fits."""


@dataclass(frozen=True, slots=True)
class RangeSelection:
    """A range of a number that is ticked: OR among those of one field, AND with everything else.

    Like the values of a facet it is left aside where its own field is counted.
    """

    name: str
    low: float | None = None
    """The least that is in it; None is open."""
    high: float | None = None
    """The greatest that is in it; None is open."""
    below: bool = False
    """`high` itself is left out."""


@dataclass(frozen=True, slots=True)
class RangeRequest:
    """A number to count by ranges: those between `edges`, or about `bins` of them over all that is there.

    Without either only its least and greatest value and how many have none are asked for.
    """

    name: str
    edges: tuple[float, ...] = ()
    """Rising; each range holds its lower edge and not its upper one."""
    bins: int = 0
    """The most ranges of a histogram whose edges are round numbers."""
    log: bool = False
    """Whether they grow by factors; what is not above zero is then counted as `below`."""


@dataclass(frozen=True, slots=True)
class Range:
    """One step of a histogram or one range that was asked for."""

    low: float
    high: float
    count: int
    closed: bool = False
    """Whether `high` itself is in it, as in the last step of a histogram."""


@dataclass(frozen=True, slots=True)
class RangeFacet:
    """A number counted over the whole match, its own selection left aside."""

    name: str
    label: str
    ranges: tuple[Range, ...] = ()
    below: int = 0
    """How many lie below the first range."""
    above: int = 0
    """How many lie beyond the last range."""
    present: int = 0
    """How many have a value."""
    missing: int = 0
    """How many have no value."""
    least: float | None = None
    greatest: float | None = None
    log: bool = False
    exact: bool = True
    """False where a region was too crowded to decide, so that what is counted is only nearly what was asked."""


@dataclass(frozen=True, slots=True)
class Place:
    """One HEALPix cell (nested numbering) of a frame, as a place to look at.

    A record lies in the one cell of each order in which the anchor of its footprint lies, a point of the footprint.
    """

    frame: str
    order: int
    cell: int


@dataclass(frozen=True, slots=True)
class CellRequest:
    """How many matches lie in each HEALPix cell of a frame, every one of them counted once, by its anchor."""

    frame: str
    order: int
    """The order of the cells, 0 to 12."""
    most: int | None = None
    """Take coarser cells where these would be more; None refuses that."""


@dataclass(frozen=True, slots=True)
class HeatMap:
    """The cells of a frame that are not empty, by rising number, with how many matches lie in each."""

    frame: str
    order: int
    cells: tuple[tuple[int, int], ...] = ()
    """Number in the nested numbering of the order, and count."""
    exact: bool = True
    """As in `RangeFacet`."""

    @property
    def total(self) -> int:
        """How many matches have a place in the frame."""
        return sum(count for _, count in self.cells)
