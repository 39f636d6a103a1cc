"""What is asked of embeddings: examples, which rows may be found, how thoroughly is looked."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Annotated

import strawberry

from discovery.errors import BadQueryError, LimitError
from discovery.query.query import Query as PortalQuery
from discovery.similarity import Examples
from discovery_graphql.described import optional
from discovery_graphql.inputs import (
    FacetSelection,
    RecordFilter,
    RegionInput,
    TimeInput,
    to_filter,
    to_region,
    to_selections,
    to_time,
)

if TYPE_CHECKING:
    from discovery_graphql.search import Info

MAX_SIMILAR = 100
"""Rows that may be asked for at once."""


@strawberry.enum(description="How thoroughly is looked.")
class SimilarMode(Enum):
    """How thoroughly is looked."""

    FAST = strawberry.enum_value("fast", description="Into few lists; most of the nearest are found.")
    BALANCED = strawberry.enum_value("balanced", description="Into more lists, and more rows are compared.")
    EXACT = strawberry.enum_value("exact", description="Every row is compared.")


@strawberry.input(description="Rows that are pointed at: by number, by what their file calls them, or as vectors.")
class Like:
    """Rows that are pointed at."""

    rows: list[int] | None = optional("Numbers of rows, counted from 0 over the files of the space.")
    ids: list[str] | None = optional("What their file calls them.")
    vectors: list[list[float]] | None = optional("Vectors of the space's length.")


@strawberry.input(description="Which rows may be found: by their place and time, and by the records they were made of.")
class SimilarFilter:
    """Which rows may be found."""

    region: RegionInput | None = optional("Where the middle of their footprint is.")
    time: TimeInput | None = optional("When.")
    filter: RecordFilter | None = optional("Conditions on the records.")
    facets: list[FacetSelection] | None = optional("Values of the records.")


Within = Annotated[SimilarFilter | None, strawberry.argument(description="Which rows may be found.")]
Mode = Annotated[SimilarMode, strawberry.argument(description="How thoroughly.")]
First = Annotated[int, strawberry.argument(description="How many, at most 100.")]


def examples(given: Like | None) -> Examples:
    """Return the rows that are pointed at."""
    if not given:
        return Examples()
    rows, ids, vectors = (getattr(given, name) or () for name in ("rows", "ids", "vectors"))
    return Examples(tuple(rows), tuple(ids), tuple(vectors))


def narrowed(info: Info, given: SimilarFilter | None) -> PortalQuery | None:
    """Return which rows may be found, None for all; raises as the inputs in it do."""
    if not given:
        return None
    return PortalQuery(
        filter=to_filter(given.filter or None),
        region=to_region(given.region or None, info.context.portal.resolve),
        time=to_time(given.time or None),
        selections=to_selections(given.facets or None),
    )


def size(first: int) -> int:
    """Return how many rows are asked for.

    Raises:
        BadQueryError: It is not positive.
        LimitError: It is above `MAX_SIMILAR`.
    """
    if first < 1:
        raise BadQueryError(f"first must be 1 to {MAX_SIMILAR}, not {first}", parameter="first")
    if first > MAX_SIMILAR:
        raise LimitError("graphql-similar", f"first must be 1 to {MAX_SIMILAR}, not {first}", parameter="first")
    return first
