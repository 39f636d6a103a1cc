"""What is counted beside the values of facets: numbers by ranges, and cells of the sky, the ground or a body."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Final

import strawberry
from strawberry import UNSET

from discovery.errors import BadQueryError, LimitError
from discovery.query import facets as model
from discovery.query import place
from discovery.query.fields import FIELDS
from discovery_graphql.described import attribute
from discovery_graphql.enums import FrameName, NumberName
from discovery_graphql.selection import Selected

MAX_NUMBERS: Final = 20
"""Numbers that are counted at once."""
BINS: Final = 20
CELLS: Final = 800
"""Cells of a map unless more are asked for."""


@strawberry.type(description="One range of a number.")
class NumberRange:
    """One range of a number."""

    low: float = attribute("The least that is in it.")
    high: float = attribute("Its upper end.")
    closed: bool = attribute("Whether `high` itself is in it, as in the last step of a histogram.")
    count: int = attribute("How many records lie in it.")


@strawberry.type(description="A number counted over everything that matches, its own `ranges` left aside.")
class NumberFacet:
    """A number counted over everything that matches."""

    name: NumberName = attribute("The field.")
    label: str = attribute("What people read.")
    unit: str = attribute("The unit, empty for none.")
    log: bool = attribute("Whether the ranges grow by factors.")
    least: float | None = attribute("The least value.")
    greatest: float | None = attribute("The greatest value.")
    present: int = attribute("How many have a value.")
    missing: int = attribute("How many have none.")
    below: int = attribute("How many lie below the first range; by factors, what is not above zero.")
    above: int = attribute("How many lie beyond the last range.")
    ranges: list[NumberRange] = attribute("The ranges in rising order, those that hold nothing too.")
    exact: bool = attribute("False where a region was too crowded to decide, as in `totalCount`.")


@strawberry.type(description="How many matches lie in each HEALPix cell of a frame, each counted once by its anchor.")
class HeatMap:
    """How many matches lie in each HEALPix cell of a frame."""

    frame: FrameName = attribute("The frame.")
    order: int = attribute("The order of the cells, 0 to 12.")
    total: int = attribute("How many matches have a place in the frame.")
    cells: list[int] = attribute("The numbers of the cells that hold something, in the nested numbering, rising.")
    counts: list[int] = attribute("How many lie in each, in the order of `cells`.")
    exact: bool = attribute("False where a region was too crowded to decide, as in `totalCount`.")


@strawberry.input(description="A range of a number; those of one field are alternatives. At least one end is given.")
class RangeInput:
    """A range of a number."""

    name: NumberName = attribute("The field.")
    low: float | None = strawberry.field(description="The least that is in it; open when not given.", default=None)
    high: float | None = strawberry.field(description="The greatest that is in it; open when not given.", default=None)
    below: bool = strawberry.field(description="Whether `high` itself is left out.", default=False)


@strawberry.input(description="One HEALPix cell (nested numbering): what has its anchor in it.")
class CellInput:
    """One HEALPix cell."""

    frame: FrameName = attribute("The frame.")
    order: int = attribute("The order, 0 to 12.")
    cell: int = attribute("The number of the cell.")


Names = Annotated[list[NumberName], strawberry.argument(description="The fields, at most 20.")]
Bins = Annotated[
    int, strawberry.argument(description="The most steps of a histogram, at most 200; 0 asks for the bounds alone.")
]
Edges = Annotated[
    list[float] | None,
    strawberry.argument(description="Rising edges to count between instead; each range holds its lower one."),
]
Log = Annotated[
    bool | None, strawberry.argument(description="Steps by factors; when not given, where that suits the field.")
]
Frame = Annotated[FrameName, strawberry.argument(description="The frame.")]
Order = Annotated[
    int | None, strawberry.argument(description="The order of the cells, 0 to 12; 3 or less when not given.")
]
Most = Annotated[
    int | None,
    strawberry.argument(description="Take coarser cells where these would be more, 12 to 12,288; null refuses that."),
]


def number_requests(
    names: Sequence[NumberName], bins: int, edges: Sequence[float] | None, log: bool | None
) -> tuple[model.RangeRequest, ...]:
    """Return what to count for the arguments of a `numbers` field.

    Raises:
        BadQueryError: No number of steps.
        LimitError: More than `MAX_NUMBERS` fields.
    """
    if len(names) > MAX_NUMBERS:
        told = f"{len(names)} numbers; at most {MAX_NUMBERS} are allowed"
        raise LimitError("graphql-numbers", told, parameter="names")
    if bins < 0:
        raise BadQueryError(f"bins must be 0 to 200, not {bins}", parameter="bins")
    found = []
    for name in dict.fromkeys(each.value for each in names):
        if edges:
            found.append(model.RangeRequest(name, edges=tuple(edges)))
        else:
            scaled = FIELDS[name].log if log is None else log
            found.append(model.RangeRequest(name, bins=bins, log=bool(bins) and scaled))
    return tuple(found)


def heat_request(frame: FrameName, order: int | None, most: int | None) -> model.CellRequest:
    """Return what to count for the arguments of a `heatMap` field."""
    return model.CellRequest(frame.value, 3 if order is None else order, most)


def foreseen_numbers(selected: Selected, connection: str) -> tuple[model.RangeRequest, ...]:
    """Return the numbers to count with the page; the rest is asked for when it is reached."""
    found: dict[model.RangeRequest, None] = {}
    for given in selected.arguments(connection, "numbers"):
        names = [NumberName(_value(name)) for name in given.get("names", ())]
        found |= dict.fromkeys(number_requests(names, given.get("bins", BINS), given.get("edges"), given.get("log")))
    return tuple(found)[:MAX_NUMBERS]


def foreseen_heat(selected: Selected, connection: str) -> model.CellRequest | None:
    """Return the map to count with the page."""
    for given in selected.arguments(connection, "heatMap"):
        return heat_request(FrameName(_value(given["frame"])), given.get("order"), given.get("most", CELLS))
    return None


def _value(name: Any) -> Any:
    return getattr(name, "value", name)


def number_facet(found: model.RangeFacet) -> NumberFacet:
    """Return a number as the schema has it."""
    return NumberFacet(
        name=NumberName(found.name),
        label=found.label,
        unit=FIELDS[found.name].unit,
        log=found.log,
        least=found.least,
        greatest=found.greatest,
        present=found.present,
        missing=found.missing,
        below=found.below,
        above=found.above,
        ranges=[
            NumberRange(low=each.low, high=each.high, closed=each.closed, count=each.count) for each in found.ranges
        ],
        exact=found.exact,
    )


def heat_map(found: model.HeatMap) -> HeatMap:
    """Return a map as the schema has it."""
    return HeatMap(
        frame=FrameName(found.frame),
        order=found.order,
        total=found.total,
        cells=[cell for cell, _ in found.cells],
        counts=[count for _, count in found.cells],
        exact=found.exact,
    )


def to_ranges(given: Sequence[RangeInput] | None) -> tuple[model.RangeSelection, ...]:
    """Return the ranges of an input."""
    return tuple(
        model.RangeSelection(each.name.value, each.low, each.high, each.below and each.high is not None)
        for each in given or ()
    )


def to_place(given: CellInput | None) -> model.Place | None:
    """Return the cell of an input.

    Raises:
        BadQueryError: There is none.
    """
    if given is None or given is UNSET:
        return None
    return place.checked(model.Place(given.frame.value, given.order, given.cell))
