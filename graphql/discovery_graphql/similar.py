"""What is similar by embeddings: spaces, and the rows of one that are most like an example."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Annotated, Any, Protocol

import strawberry
from strawberry import UNSET

from discovery.embeddings.space import Space
from discovery.errors import UnavailableError
from discovery.hits import Hit, Hits, records
from discovery.model import record as model
from discovery.similarity import Examples, Question
from discovery_graphql.described import attribute, resolver
from discovery_graphql.inputs import RegionInput, to_region
from discovery_graphql.likeness import First, Like, Mode, SimilarFilter, SimilarMode, Within, examples, narrowed, size
from discovery_graphql.places import FilePlace, places
from discovery_graphql.record import Record
from discovery_graphql.records import load
from discovery_graphql.scalars import Instant
from discovery_graphql.search import Facet, Info, Names, Size, facet, facet_requests

Shown = dict[str, Record]
"""Records by their ids, as the schema shows them."""


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


@strawberry.interface(description="A row of a space of embeddings, with the record that it was made of.")
class EmbeddingRow:
    """A row of a space."""

    row: int = attribute("Its number.")
    id: str | None = attribute("What its file calls it.")
    lon: float | None = attribute("Degrees of the middle of its footprint.")
    lat: float | None = attribute("Degrees of the middle of its footprint.")
    time: Instant | None = attribute("When.")
    product: str | None = attribute("What it was made of, as its file says.")
    record: Record | None = attribute("The record of that, else the one that the space belongs to.")
    places: list[FilePlace] = attribute("Where that can be opened: its first four places, the nearest first.")
    nowhere: str | None = attribute("Why it can be opened nowhere; null where it can.")
    launch: str | None = attribute("The path of the page that launches it; null where nothing of it can be opened.")
    open: str | None = attribute("The path of the page with the ways to open it.")


@strawberry.type(description="A row of a space that was found.")
class SimilarHit(EmbeddingRow):
    """A row of a space that was found."""

    score: float = attribute("How near it is, larger is nearer: the cosine, or the distance with its sign turned.")


class Linked(Protocol):
    """Hits with the records that they lead to."""

    records: tuple[str, ...]


def facets_of_hits(self: Linked, info: Info, names: Names = UNSET, size: Size = 12) -> list[Facet]:
    """Return the facets of the records that hits lead to."""
    found = info.context.portal.facets_among(self.records, facet_requests(names, size, None))
    return [facet(each) for each in found]


def counted() -> Any:
    """Return the field of the facets of hits, anew for each type of answer: a field belongs to one type."""
    told = "Counted values over the records of the hits, each record once."
    return strawberry.field(resolver=facets_of_hits, description=told)


@strawberry.type(description="The rows that are most like what was asked for, nearest first.")
class Similar:
    """The rows that are most like what was asked for."""

    space: str = attribute("Which space was asked.")
    hits: list[SimilarHit] = attribute("Nearest first.")
    exact: bool = attribute("Whether every row that may be found was compared with the vectors themselves.")
    recall: float = attribute("How many of the truly nearest are found in this mode with such filters; 1 where exact.")
    eligible: int = attribute("Rows that may be found.")
    warnings: list[str] = attribute("What could not be looked at.")
    records: strawberry.Private[tuple[str, ...]]
    """The ids of the records of the hits."""

    facets: list[Facet] = counted()


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
        within: Within = UNSET,
        mode: Mode = SimilarMode.BALANCED,
        first: First = 10,
    ) -> Similar:
        """Return similar rows."""
        portal = info.context.portal
        question = Question(
            like=examples(like),
            unlike=examples(unlike),
            region=to_region(region or None, portal.resolve),
            within=narrowed(info, within),
            size=size(first),
            mode=str(mode.value),
        )
        found = portal.similar(space, question)
        return _similar(found, shown(info, found.hits))


def like_records(
    info: Info,
    asked: Sequence[model.Record],
    space: str | None,
    within: SimilarFilter | None,
    mode: SimilarMode,
    first: int,
) -> dict[str, Similar]:
    """Return by the ids of some records what is like each; those that no row was made of are left out.

    A space is asked once for all of them.

    Args:
        info: Whose portal is asked.
        asked: At most 64 of them.
        space: Which one; None is for each the first, by name, that has a row of it.
        within: Which rows may be found.
        mode: How thoroughly.
        first: How many rows for each.

    Raises:
        NotFoundError: There is no such space.
        BadQueryError, LimitError: As `Portal.similar_batch`.
        UnavailableError: No space with rows of them can be read.
    """
    portal = info.context.portal
    if space is not None:
        portal.spaces.get(space)
    rows: dict[str, dict[str, int]] = {}
    for each in asked:
        for lead in portal.leads(each):
            if lead.row is not None and space in (None, lead.space):
                rows.setdefault(lead.space, {})[each.id] = lead.row
    shared = Question(within=narrowed(info, within), size=size(first), mode=str(mode.value))
    found: dict[str, Hits] = {}
    problem: UnavailableError | None = None
    for name in sorted(rows):
        of = {id: row for id, row in rows[name].items() if id not in found}
        questions = [replace(shared, like=Examples((row,))) for row in of.values()]
        try:
            found |= zip(of, portal.similar_batch(name, questions), strict=True) if of else ()
        except UnavailableError as error:
            # What the files of one space cannot answer another one may.
            problem = error
    if problem is not None and not found:
        raise problem
    known = shown(info, [hit for each in found.values() for hit in each.hits])
    return {id: _similar(each, known) for id, each in found.items()}


def shown(info: Info, hits: Iterable[Hit]) -> Shown:
    """Return the records that rows lead to, as the schema shows them to whoever asks."""
    ids = records(tuple(hits))
    return {stored.record.id: record for stored, record in load(info.context.portal, ids, info.context.who)}


def described(hit: Hit, known: Shown) -> dict[str, Any]:
    """Return what an `EmbeddingRow` says of a row, by the names of its members."""
    return {
        "row": hit.row,
        "id": hit.id or None,
        "lon": hit.lon,
        "lat": hit.lat,
        "time": None if hit.start is None else Instant(hit.start),
        "product": hit.product or None,
        "record": known.get(hit.record.id) if hit.record is not None else None,
        "places": places(hit.places),
        "nowhere": hit.nowhere or None,
        "launch": hit.launch or None,
        "open": hit.open or None,
    }


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
            for each in space.measured
        ],
    )


def _similar(found: Hits, known: Shown) -> Similar:
    return Similar(
        space=found.space,
        hits=[SimilarHit(score=each.score, **described(each, known)) for each in found.hits],
        exact=found.exact,
        recall=found.recall,
        eligible=found.eligible,
        warnings=list(found.warnings),
        records=records(found.hits),
    )
