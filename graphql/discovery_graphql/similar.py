"""What is similar by embeddings: spaces, and the rows of one that are most like an example."""

from __future__ import annotations

from enum import Enum
from typing import Annotated, Any

import strawberry
from strawberry import UNSET

from discovery.embeddings.space import Space
from discovery.errors import BadQueryError, LimitError
from discovery.hits import Hit, Hits
from discovery.query.query import Query as PortalQuery
from discovery.similarity import Examples, Question
from discovery_graphql.described import attribute, optional, resolver
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
from discovery_graphql.places import FilePlace, places
from discovery_graphql.records import Record, load
from discovery_graphql.scalars import Instant
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


@strawberry.type(description="How many of the truly nearest rows are found, as it was measured.")
class MeasuredRecall:
    """How many of the nearest rows are found."""

    narrowed: str = attribute("What narrowed the rows: `none`, `random-1%`, `random-10%`, `region-1%`, `region-10%`.")
    mode: SimilarMode = attribute("How thoroughly was looked.")
    value: float = attribute("Of the nearest ten, 1 is all.")
    queries: int = attribute("How many rows were looked for.")


@strawberry.type(description="Vectors of one model, version, size and metric; those of two spaces are never compared.")
class EmbeddingSpace:
    """Vectors that can be compared."""

    name: str = attribute("What it is called.")
    dimensions: int = attribute("Numbers of a vector.")
    vectors: int = attribute("How many there are.")
    metric: str = attribute("How they are compared: `cosine` or `l2`.")
    model: str | None = attribute("What made them.")
    model_version: str | None = attribute("Which version of it.")
    recall: list[MeasuredRecall] = attribute("How well rows are found.")


@strawberry.type(description="A row of a space.")
class SimilarHit:
    """A row of a space."""

    row: int = attribute("Its number.")
    id: str | None = attribute("What its file calls it.")
    score: float = attribute("How near it is, larger is nearer: the cosine, or the distance with its sign turned.")
    lon: float | None = attribute("Degrees of the middle of its footprint.")
    lat: float | None = attribute("Degrees of the middle of its footprint.")
    time: Instant | None = attribute("When.")
    product: str | None = attribute("What it was made of, as its file says.")
    record: Record | None = attribute("The record of that, else the one that the space belongs to.")
    places: list[FilePlace] = attribute("Where that can be opened: its first four places, the nearest first.")
    nowhere: str | None = attribute("Why it can be opened nowhere; null where it can.")
    launch: str | None = attribute("The path of the page that launches it; null where nothing of it can be opened.")
    open: str | None = attribute("The path of the page with the ways to open it.")


@strawberry.type(description="The rows that are most like what was asked for, nearest first.")
class Similar:
    """The rows that are most like what was asked for."""

    hits: list[SimilarHit] = attribute("Nearest first.")
    exact: bool = attribute("Whether every row that may be found was compared with the vectors themselves.")
    recall: float = attribute("How many of the truly nearest are found in this mode with such filters; 1 where exact.")
    eligible: int = attribute("Rows that may be found.")
    warnings: list[str] = attribute("What could not be looked at.")


@strawberry.type
class SimilarQueries:
    """What can be asked of embeddings."""

    @resolver("The spaces of embeddings that there are.")
    def embedding_spaces(self, info: Info) -> list[EmbeddingSpace]:
        """Return the spaces."""
        spaces = info.context.portal.spaces
        return [_space(spaces.get(name)) for name in spaces.names()]

    @resolver("The rows of a space of embeddings that are most like examples, or like what is in a region.")
    def similar(
        self,
        info: Info,
        space: Annotated[str, strawberry.argument(description="Which space.")],
        like: Annotated[Like | None, strawberry.argument(description="What to look for.")] = UNSET,
        unlike: Annotated[Like | None, strawberry.argument(description="What it is not like.")] = UNSET,
        region: Annotated[
            RegionInput | None, strawberry.argument(description="Instead of `like`: what is in the middle of here.")
        ] = UNSET,
        within: Annotated[SimilarFilter | None, strawberry.argument(description="Which rows may be found.")] = UNSET,
        mode: Annotated[SimilarMode, strawberry.argument(description="How thoroughly.")] = SimilarMode.BALANCED,
        first: Annotated[int, strawberry.argument(description="How many, at most 100.")] = 10,
    ) -> Similar:
        """Return similar rows."""
        if first < 1:
            raise BadQueryError(f"first must be 1 to {MAX_SIMILAR}, not {first}", parameter="first")
        if first > MAX_SIMILAR:
            raise LimitError("graphql-similar", f"first must be 1 to {MAX_SIMILAR}, not {first}", parameter="first")
        portal = info.context.portal
        question = Question(
            like=_examples(like),
            unlike=_examples(unlike),
            region=to_region(region or None, portal.resolve),
            within=_within(info, within),
            size=first,
            mode=str(mode.value),
        )
        return _similar(info, portal.similar(space, question))


def _examples(given: Any) -> Examples:
    if not given:
        return Examples()
    rows, ids, vectors = (getattr(given, name) or () for name in ("rows", "ids", "vectors"))
    return Examples(tuple(rows), tuple(ids), tuple(vectors))


def _within(info: Info, given: Any) -> PortalQuery | None:
    if not given:
        return None
    return PortalQuery(
        filter=to_filter(given.filter or None),
        region=to_region(given.region or None, info.context.portal.resolve),
        time=to_time(given.time or None),
        selections=to_selections(given.facets or None),
    )


def _space(space: Space) -> EmbeddingSpace:
    return EmbeddingSpace(
        name=space.name,
        dimensions=space.dimensions,
        vectors=space.live,
        metric=space.metric,
        model=space.model.name or None,
        model_version=space.model.version or None,
        recall=[
            MeasuredRecall(narrowed=each.kind, mode=SimilarMode(each.mode), value=each.value, queries=each.queries)
            for each in space.recall
        ],
    )


def _similar(info: Info, found: Hits) -> Similar:
    ids = list(dict.fromkeys(each.record.id for each in found.hits if each.record is not None))
    shown = {stored.record.id: record for stored, record in load(info.context.portal, ids, info.context.who)}
    return Similar(
        hits=[_hit(each, shown) for each in found.hits],
        exact=found.exact,
        recall=found.recall,
        eligible=found.eligible,
        warnings=list(found.warnings),
    )


def _hit(hit: Hit, shown: dict[str, Record]) -> SimilarHit:
    return SimilarHit(
        row=hit.row,
        id=hit.id or None,
        score=hit.score,
        lon=hit.lon,
        lat=hit.lat,
        time=None if hit.start is None else Instant(hit.start),
        product=hit.product or None,
        record=shown.get(hit.record.id) if hit.record is not None else None,
        places=places(hit.places),
        nowhere=hit.nowhere or None,
        launch=hit.launch or None,
        open=hit.open or None,
    )
