"""The schema: the questions that can be asked, each of which becomes one query of the portal."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any, cast

import strawberry
from graphql import GraphQLError
from strawberry import UNSET
from strawberry.extensions import MaxTokensLimiter
from strawberry.schema.config import StrawberryConfig

from discovery.errors import BadQueryError, LimitError, MovedError
from discovery.query import form
from discovery.query.query import Histogram
from discovery.query.query import Query as PortalQuery
from discovery_graphql import inputs
from discovery_graphql.contrasts import ContrastQueries
from discovery_graphql.described import resolver
from discovery_graphql.doing import DoingMutations
from discovery_graphql.enums import Scope, Words, member
from discovery_graphql.executor import PlainExecutor
from discovery_graphql.harvests import HarvestMutations, HarvestQueries
from discovery_graphql.inputs import FacetSelection, RecordFilter, RegionInput, SortInput, TimeInput
from discovery_graphql.kinds import TYPES
from discovery_graphql.launches import LaunchQueries, LaunchSubscriptions
from discovery_graphql.limits import Limits
from discovery_graphql.locating import LocatingQueries
from discovery_graphql.made import MadeQueries
from discovery_graphql.measures import CellInput, RangeInput, to_place, to_ranges
from discovery_graphql.naming import NameQueries
from discovery_graphql.progress import HarvestSubscriptions
from discovery_graphql.record import Node, Record
from discovery_graphql.records import load, show
from discovery_graphql.remembering import Remembered, Remembering
from discovery_graphql.scalars import SCALARS
from discovery_graphql.search import MAX_PAGE, YEAR, Bin, Info, SearchConnection, Step, connection, steps
from discovery_graphql.similar import SimilarQueries

MAX_TOKENS = 1_000
"""Tokens of a document: graphql-core needs 24 s for 2 MB of them."""
MAX_MOVES = 8
"""Merges that `record` follows; a longer chain can only be a circle."""

_RESOURCES = cast("Scope", member(Scope, "resources"))
_SOME = cast("Words", member(Words, form.SOME))

Text = Annotated[str | None, strawberry.argument(description="Words; in any form, and by what they stand for.")]
Wanted = Annotated[
    Words, strawberry.argument(description="Whether all of the words must occur, spelt as they are; see `understood`.")
]
Conditions = Annotated[RecordFilter | None, strawberry.argument(description="Conditions on fields.")]
Ticked = Annotated[list[FacetSelection] | None, strawberry.argument(description="Values ticked in facets.")]
Place = Annotated[RegionInput | None, strawberry.argument(description="The place.")]
When = Annotated[TimeInput | None, strawberry.argument(description="The time.")]
Ranges = Annotated[list[RangeInput] | None, strawberry.argument(description="Ranges of numbers.")]
Cell = Annotated[CellInput | None, strawberry.argument(description="A cell of a heat map.")]
Index = Annotated[Scope, strawberry.argument(description="Which index answers.")]
Order = Annotated[
    SortInput | None, strawberry.argument(description="The order; best first with `text`, else newest first.")
]
First = Annotated[int, strawberry.argument(description="Records of a page, at most 100.")]
After = Annotated[str | None, strawberry.argument(description="The `endCursor` of the page before.")]


@strawberry.type(description="What can be done: by POST alone, with a token. The steward does what is for operators.")
class Mutation(DoingMutations, HarvestMutations):
    """What can be done."""


@strawberry.type(description="What can be followed as it goes on, over a websocket or as server-sent events.")
class Subscription(HarvestSubscriptions, LaunchSubscriptions):
    """What can be followed as it goes on."""


@strawberry.type(description="What can be asked of the catalogue.")
class Query(NameQueries, SimilarQueries, ContrastQueries, LocatingQueries, MadeQueries, LaunchQueries, HarvestQueries):
    """What can be asked of the catalogue."""

    @resolver("Records that match, with facets and totals over all of them.")
    def search(
        self,
        info: Info,
        text: Text = UNSET,
        words: Wanted = _SOME,
        filter: Conditions = UNSET,
        facets: Ticked = UNSET,
        region: Place = UNSET,
        time: When = UNSET,
        ranges: Ranges = UNSET,
        cell: Cell = UNSET,
        scope: Index = _RESOURCES,
        sort: Order = UNSET,
        first: First = 20,
        after: After = UNSET,
    ) -> SearchConnection:
        """Return a page of records."""
        query = _asked(info, text, words, filter, facets, region, time, scope, ranges, cell)
        query = replace(query, sort=inputs.to_sort(sort), size=first, after=after or "")
        return connection(info, query)

    @resolver("How many matching records start in each year, month or day.")
    def histogram(
        self,
        info: Info,
        interval: Step = YEAR,
        text: Text = UNSET,
        words: Wanted = _SOME,
        filter: Conditions = UNSET,
        facets: Ticked = UNSET,
        region: Place = UNSET,
        time: When = UNSET,
        ranges: Ranges = UNSET,
        cell: Cell = UNSET,
        scope: Index = _RESOURCES,
    ) -> list[Bin]:
        """Return a histogram."""
        query = _asked(info, text, words, filter, facets, region, time, scope, ranges, cell)
        return steps(info.context.portal, query, Histogram(interval.value))

    @resolver("The record with an id, or the one it was merged into; an error says why there is none.")
    def record(
        self, info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="The id.")]
    ) -> Record | None:
        """Return a record."""
        return _followed(info, id)

    @resolver("What has an id: a record, or the one it was merged into; an error says why there is none.")
    def node(self, info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="The id.")]) -> Node | None:
        """Return what has an id."""
        return _followed(info, id)

    @resolver("The records with these ids, in their order; null where there is none.")
    def records(
        self,
        info: Info,
        ids: Annotated[list[strawberry.ID], strawberry.argument(description="The ids, at most 100.")],
    ) -> list[Record | None]:
        """Return records."""
        if len(ids) > MAX_PAGE:
            raise LimitError("graphql-page", f"{len(ids)} ids; at most {MAX_PAGE} are allowed", parameter="ids")
        found = {
            str(shown.id): shown for _, shown in load(info.context.portal, list(dict.fromkeys(ids)), info.context.who)
        }
        return [found.get(id) for id in ids]


def _followed(info: Info, id: str) -> Record:
    portal = info.context.portal
    for _ in range(MAX_MOVES):
        try:
            return show(portal, [portal.record(id)], info.context.who)[0]
        except MovedError as moved:
            id = moved.id
    raise BadQueryError(f"record {id} was merged in a circle", parameter="id")


def _asked(
    info: Info,
    text: str | None,
    words: Words,
    filter: RecordFilter | None,
    facets: list[FacetSelection] | None,
    region: RegionInput | None,
    time: TimeInput | None,
    scope: Scope,
    ranges: list[RangeInput] | None,
    cell: CellInput | None,
) -> PortalQuery:
    """Return the question that every field over matching records takes."""
    return PortalQuery(
        scope=scope.value,
        text=text or "",
        lenient=words.value == form.SOME,
        filter=inputs.to_filter(filter),
        region=inputs.to_region(region, info.context.portal.resolve),
        time=inputs.to_time(time),
        selections=inputs.to_selections(facets),
        ranges=to_ranges(ranges),
        place=to_place(cell),
    )


class _Schema(strawberry.Schema):
    """The schema without strawberry's log line for every mistake of a caller; `failures` logs what is ours."""

    def process_errors(self, errors: list[GraphQLError], execution_context: Any = None) -> None:
        """Log nothing here."""


def build() -> strawberry.Schema:
    """Return the schema with its limits."""
    remembered = Remembered()
    return _Schema(
        query=Query,
        mutation=Mutation,
        subscription=Subscription,
        types=list(TYPES.values()),
        execution_context_class=PlainExecutor,
        extensions=[
            lambda: MaxTokensLimiter(max_token_count=MAX_TOKENS),
            lambda: Remembering(remembered),
            Limits,
        ],
        config=StrawberryConfig(scalar_map=SCALARS, relay_max_results=MAX_PAGE),
    )
