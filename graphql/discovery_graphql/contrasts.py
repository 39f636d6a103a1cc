"""What differs in a space of embeddings: places that have changed, and rows that are unlike the others."""

from __future__ import annotations

from enum import Enum
from typing import Annotated

import strawberry
from strawberry import UNSET

from discovery.hits import records
from discovery.similarity import Contrast
from discovery_graphql.described import attribute, resolver
from discovery_graphql.inputs import TimeInput, to_time
from discovery_graphql.likeness import First, Within, narrowed, size
from discovery_graphql.search import Facet, Info
from discovery_graphql.similar import EmbeddingRow, counted, described, shown


@strawberry.enum(description="What tells a place.")
class ChangeBy(Enum):
    """What tells a place."""

    PLACE = strawberry.enum_value("place", description="Longitude and latitude to four decimals, about ten metres.")
    ID = strawberry.enum_value("id", description="What the file calls a row.")


@strawberry.enum(description="Of what the middle is that rows are far from.")
class OutlierOf(Enum):
    """Of what the middle is."""

    ALL = strawberry.enum_value("all", description="All rows that may be found.")
    LIST = strawberry.enum_value("list", description="The rows of the same list, which large spaces have.")


@strawberry.type(description="A row of a pair.")
class ChangedRow(EmbeddingRow):
    """A row of a pair."""


@strawberry.type(description="A place at two times.")
class EmbeddingChange:
    """A place at two times."""

    change: float = attribute("How much it differs: 1 - cosine, or the distance; larger is more.")
    earlier: ChangedRow = attribute("The first of its earlier rows.")
    later: ChangedRow = attribute("The last of its later rows.")


@strawberry.type(description="The places of a space that differ most between two times, those first.")
class EmbeddingChanges:
    """The places that differ most between two times."""

    space: str = attribute("Which space was asked.")
    changes: list[EmbeddingChange] = attribute("Those that differ most first.")
    compared: int = attribute("Pairs that there are.")


@strawberry.type(description="A row that is far from the middle.")
class Outlier(EmbeddingRow):
    """A row that is far from the middle."""

    away: float = attribute("How far: 1 - cosine with the middle, or the distance to it.")


@strawberry.type(description="The rows of a space that are farthest from the middle, the farthest first.")
class EmbeddingOutliers:
    """The rows that are farthest from the middle."""

    space: str = attribute("Which space was asked.")
    hits: list[Outlier] = attribute("The farthest first.")
    compared: int = attribute("Rows that may be found.")
    records: strawberry.Private[tuple[str, ...]]
    """The ids of the records of the hits."""

    facets: list[Facet] = counted()


Space = Annotated[str, strawberry.argument(description="Which space.")]


@strawberry.type
class ContrastQueries:
    """What can be asked of embeddings about what differs."""

    @resolver("The places of a space of embeddings that differ most between two times.")
    def embedding_changes(
        self,
        info: Info,
        space: Space,
        earlier: Annotated[
            TimeInput | None,
            strawberry.argument(description="When the earlier rows are; else the first of each place."),
        ] = UNSET,
        later: Annotated[
            TimeInput | None, strawberry.argument(description="When the later rows are; else the last of each place.")
        ] = UNSET,
        by: Annotated[ChangeBy, strawberry.argument(description="What tells a place.")] = ChangeBy.PLACE,
        within: Within = UNSET,
        first: First = 10,
    ) -> EmbeddingChanges:
        """Return places that have changed."""
        asked = Contrast(
            within=narrowed(info, within),
            size=size(first),
            by=str(by.value),
            earlier=to_time(earlier or None, "earlier"),
            later=to_time(later or None, "later"),
        )
        found = info.context.portal.change(space, asked)
        known = shown(info, (hit for each in found.changes for hit in (each.earlier, each.later)))
        pairs = [
            EmbeddingChange(
                change=each.change,
                earlier=ChangedRow(**described(each.earlier, known)),
                later=ChangedRow(**described(each.later, known)),
            )
            for each in found.changes
        ]
        return EmbeddingChanges(space=found.space, changes=pairs, compared=found.compared)

    @resolver("The rows of a space of embeddings that are farthest from the middle.")
    def embedding_outliers(
        self,
        info: Info,
        space: Space,
        of: Annotated[OutlierOf, strawberry.argument(description="Of what the middle is.")] = OutlierOf.ALL,
        within: Within = UNSET,
        first: First = 10,
    ) -> EmbeddingOutliers:
        """Return rows that are unlike the others."""
        asked = Contrast(within=narrowed(info, within), size=size(first), of=str(of.value))
        found = info.context.portal.outliers(space, asked)
        known = shown(info, found.hits)
        return EmbeddingOutliers(
            space=found.space,
            hits=[Outlier(away=each.score, **described(each, known)) for each in found.hits],
            compared=found.compared,
            records=records(found.hits),
        )
