"""A page of a search as a connection, and the look-ahead that keeps what nobody asked for from being computed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, Final, cast

import strawberry
from strawberry import UNSET

from discovery.documents.site import Site
from discovery.errors import BadQueryError, LimitError
from discovery.model.person import NOBODY, Principal
from discovery.portal import Keyed, Portal, across
from discovery.query import marking
from discovery.query import query as model
from discovery.query.text import TextQuery, parse
from discovery.store.catalogue import Stored
from discovery_graphql import measures, snippets
from discovery_graphql.described import attribute, resolver
from discovery_graphql.enums import FacetName, Interval, member
from discovery_graphql.record import Record
from discovery_graphql.records import show
from discovery_graphql.scalars import Instant
from discovery_graphql.selection import Selected

MAX_PAGE: Final = 100
"""Records a page; more is an export, and that is a stream and not GraphQL."""
MAX_BUCKETS: Final = 100
"""Values of a facet; a longer list is what `within` and `text` are for."""
MAIN_FACETS: Final = ("kind", "capability", "domain", "mission", "instrument", "theme")
"""The facets that ESA's portal shows, in its order."""
CONNECTION: Final = "SearchConnection"
YEAR: Final = cast("Interval", member(Interval, "year"))


_SITE: Final = Site("Discovery", "")


@dataclass(frozen=True, slots=True)
class Context:
    """What resolvers are given with every request."""

    portal: Portal
    who: Principal = NOBODY
    """Who asks, by the token that was shown."""
    shown: str = ""
    """The header `Authorization`, for what takes long enough that a token may be taken away meanwhile."""
    site: Site = _SITE
    """The portal as whoever asks knows it, for the addresses in documents."""
    every: float = 1.0
    """Seconds between two looks at what is followed."""

    def connections(self, info: Info, queries: Sequence[model.Query]) -> list[SearchConnection]:
        """Return a page for each of several questions of one selection; their records are read together."""
        return connections(info, queries)


Info = strawberry.Info[Context, None]


@strawberry.type(description="How many match.")
class Total:
    """How many match."""

    value: int = attribute("The number.")
    exact: bool = attribute("Whether the number is exact; false only for the stated exceptions.")


@strawberry.type(description="Where a page ends.")
class PageInfo:
    """Where a page ends."""

    end_cursor: str | None = attribute("Give it as `after` for the next page; null at the end.")
    has_next_page: bool = attribute("Whether there is a next page.")


@strawberry.type(description="Texts as HTML: the words of the question stand within `mark`, all else is escaped.")
class Highlight:
    """Texts with the words of the question marked."""

    title: str = attribute("The title.")
    description: str = attribute("The part of the description where the words stand first, 300 characters at most.")


@strawberry.type(description="What was looked for instead of the words that were typed: few records have all of those.")
class Understood:
    """What was looked for instead of the words that were typed."""

    text: str = attribute("The words as they were typed.")
    corrected: str | None = attribute("The words with their spelling mended; null where it was not.")
    unknown: list[str] = attribute("Words that no record has, and that were left out.")
    least: int = attribute("How many of the words each record of the answer has.")
    words: int = attribute("How many words there are, quoted ones left aside: those are never left out.")
    complete: int = attribute("How many records have all of them; these come first.")
    suggestion: str | None = attribute(
        "What may have been meant where a word is rare and one like it is common; it was not looked for."
    )
    near: int = attribute("How many records are listed that have too few of the words, but words near in meaning.")


@strawberry.type(description="A record of a page with how well it fits.")
class SearchEdge:
    """A record of a page with how well it fits."""

    node: Record = attribute("The record.")
    score: float = attribute("How well it fits the words; 0 when the order is by a field.")
    words: strawberry.Private[TextQuery]

    @resolver("Its title and the part of its description where the words of the question stand, with these marked.")
    def highlight(self) -> Highlight:
        """Return what a list shows of the record."""
        about = marking.marked(self.node.description or "", self.words, marking.EXCERPT)
        return Highlight(title=marking.marked(self.node.title, self.words), description=about)


@strawberry.type(description="One value of a facet.")
class Bucket:
    """One value of a facet."""

    value: str = attribute("The value, as facet selections and filters take it.")
    label: str = attribute("What people read.")
    count: int = attribute("How many records have it, this facet's own selection left aside.")
    selected: bool = attribute("Whether it is ticked.")
    path: list[str] = attribute("The ancestors of a value in a tree, outermost first, itself included; else empty.")


@strawberry.type(description="The counted values of a field over everything that matches.")
class Facet:
    """The counted values of a field over everything that matches."""

    name: FacetName = attribute("The field.")
    label: str = attribute("What people read.")
    exact: bool = attribute("Whether the counts are exact.")
    other: int = attribute("How many value occurrences fell outside the buckets.")
    buckets: list[Bucket] = attribute("The most frequent values, and every ticked one.")


@strawberry.type(description="One step of a histogram; empty steps between the first and the last are there.")
class Bin:
    """One step of a histogram."""

    start: Instant = attribute("The beginning of the year, month or day.")
    count: int = attribute("How many matches start in it.")
    interval: Interval = attribute("What the step is.")


Names = Annotated[
    list[FacetName] | None, strawberry.argument(description="The facets; the six main ones when not given.")
]
Size = Annotated[int, strawberry.argument(description="How many values of each, at most 100.")]
Within = Annotated[
    str | None, strawberry.argument(description="Only values beneath this one; for facets that are trees.")
]
Find = Annotated[
    str | None,
    strawberry.argument(description="Only values that hold this text, or whose label does; at most 100 characters."),
]
Step = Annotated[Interval, strawberry.argument(description="The step.")]


@strawberry.type(name=CONNECTION, description="A page of records, and what was counted over everything that matches.")
class SearchConnection:
    """A page of records, and what was counted over everything that matches."""

    nodes: list[Record] = attribute("The records of this page.")
    edges: list[SearchEdge] = attribute("The records of this page with their scores.")
    page_info: PageInfo = attribute("Where this page ends.")
    total_count: Total = attribute("How many records match.")
    other_scope: Total | None = attribute("How many records of the other scope match the same question.")
    understood: Understood | None = attribute(
        "What was looked for instead of the words, with `words: SOME`; null where it was those."
    )
    query: strawberry.Private[model.Query]
    counted: strawberry.Private[dict[Any, Any]]
    """What the page's own question has counted, by what was asked."""

    @resolver("Counted values of fields; each facet ignores its own selection.")
    def facets(
        self, info: Info, names: Names = UNSET, size: Size = 12, within: Within = UNSET, text: Find = UNSET
    ) -> list[Facet]:
        """Return the facets, from the page's own question where they were foreseen."""
        wanted = facet_requests(names, size, within, text)
        missing = tuple(each for each in wanted if each not in self.counted)
        if missing:
            found = info.context.portal.keys(counting(self.query, facets=missing), total=False)
            self.counted.update(zip(missing, found.facets, strict=True))
        return [facet(self.counted[each]) for each in wanted]

    @resolver("Counted values over the other scope; DATASET over observations says which datasets hold them.")
    def other_facets(
        self, info: Info, names: Names = UNSET, size: Size = 12, within: Within = UNSET, text: Find = UNSET
    ) -> list[Facet]:
        """Return facets of the records of the other scope that match the same question."""
        wanted = across(self.query, facet_requests(names, size, within, text))
        return [facet(each) for each in info.context.portal.keys(wanted, total=False).facets]

    @resolver("Counted ranges of numbers; each number ignores its own ranges.")
    def numbers(
        self,
        info: Info,
        names: measures.Names,
        bins: measures.Bins = measures.BINS,
        edges: measures.Edges = UNSET,
        log: measures.Log = UNSET,
    ) -> list[measures.NumberFacet]:
        """Return the numbers, from the page's own question where they were foreseen."""
        wanted = measures.number_requests(names, bins, edges or None, None if log is UNSET else log)
        missing = tuple(each for each in wanted if each not in self.counted)
        if missing:
            found = info.context.portal.keys(counting(self.query, numbers=missing), total=False)
            self.counted.update(zip(missing, found.numbers, strict=True))
        return [measures.number_facet(self.counted[each]) for each in wanted]

    @resolver("How many matches lie in each cell of a frame.")
    def heat_map(
        self,
        info: Info,
        frame: measures.Frame,
        order: measures.Order = UNSET,
        most: measures.Most = measures.CELLS,
    ) -> measures.HeatMap:
        """Return the map, from the page's own question where it was foreseen."""
        wanted = measures.heat_request(frame, None if order is UNSET else order, most)
        if wanted not in self.counted:
            found = info.context.portal.keys(counting(self.query, heat=wanted), total=False)
            self.counted[wanted] = found.heat
        return measures.heat_map(self.counted[wanted])

    @resolver("The same question as code for other ways in; those that cannot ask it are left out.")
    def snippets(self, info: Info) -> list[snippets.Snippet]:
        """Return the question as code."""
        return snippets.snippets(info.context.portal, self.query, info.context.site.url)

    @resolver("How many matches start in each step.")
    def histogram(self, info: Info, interval: Step = YEAR) -> list[Bin]:
        """Return the histogram, from the page's own question where it was foreseen."""
        wanted = model.Histogram(interval.value)
        if wanted not in self.counted:
            self.counted[wanted] = steps(info.context.portal, self.query, wanted)
        return self.counted[wanted]  # type: ignore[no-any-return]


def counting(query: model.Query, **counted: Any) -> model.Query:
    """Return a question that counts this and nothing else, and finds no records."""
    nothing: dict[str, Any] = {"facets": (), "numbers": (), "histogram": None, "heat": None}
    return replace(query, size=0, after="", **(nothing | counted))


def steps(portal: Portal, query: model.Query, histogram: model.Histogram) -> list[Bin]:
    """Return the steps of a histogram."""
    return _steps(portal.keys(counting(query, histogram=histogram), total=False))


def _steps(found: Keyed) -> list[Bin]:
    return [
        Bin(start=Instant(each.start), count=each.count, interval=cast("Interval", member(Interval, found.interval)))
        for each in found.bins
    ]


def facet_requests(
    names: Sequence[FacetName] | None, size: int, within: str | None, text: str | None = None
) -> tuple[model.FacetRequest, ...]:
    """Return what to count for the arguments of a `facets` field.

    Raises:
        BadQueryError: The size is not positive.
        LimitError: The size is above `MAX_BUCKETS`.
    """
    if size < 1:
        raise BadQueryError(f"size must be 1 to {MAX_BUCKETS}, not {size}", parameter="size")
    if size > MAX_BUCKETS:
        raise LimitError("graphql-buckets", f"size must be 1 to {MAX_BUCKETS}, not {size}", parameter="size")
    asked = MAIN_FACETS if not isinstance(names, list) else tuple(dict.fromkeys(each.value for each in names))
    return tuple(model.FacetRequest(name, size, within or "", text or "") for name in asked)


def connection(info: Info, query: model.Query) -> SearchConnection:
    """Return the page that answers a query; raises as `connections` does."""
    return connections(info, [query])[0]


def connections(info: Info, queries: Sequence[model.Query]) -> list[SearchConnection]:
    """Return the pages that answer queries, asking the engine once for each and only for what was selected.

    Raises:
        BadQueryError, LimitError: As `Portal.search`, and for a page of less than 0 or more than 100 records.
    """
    portal, selected = info.context.portal, Selected(info)
    asked = [_asked(each, selected) for each in queries]
    found = [portal.keys(each, total="totalCount" in selected) for each in asked]
    stored: Mapping[int, Stored] = {}
    if "nodes" in selected or "edges" in selected:
        stored = portal.stored(list(dict.fromkeys(key for each in found for key in each.keys)))
    shown = dict(zip(stored, show(portal, list(stored.values()), info.context.who), strict=True))
    return [_connection(portal, selected, *each, shown) for each in zip(queries, asked, found, strict=True)]


def _asked(query: model.Query, selected: Selected) -> model.Query:
    if query.size < 0:
        raise BadQueryError(f"first must be 0 to {MAX_PAGE}, not {query.size}", parameter="first")
    if query.size > MAX_PAGE:
        raise LimitError("graphql-page", f"first must be 0 to {MAX_PAGE}, not {query.size}", parameter="first")
    paged = any(name in selected for name in ("nodes", "edges", "pageInfo"))
    return replace(
        query,
        size=query.size if paged else 0,
        facets=_foreseen(selected),
        numbers=measures.foreseen_numbers(selected, CONNECTION),
        histogram=_histogram(selected),
        heat=measures.foreseen_heat(selected, CONNECTION),
    )


def _connection(
    portal: Portal,
    selected: Selected,
    query: model.Query,
    asked: model.Query,
    found: Keyed,
    shown: Mapping[int, Record],
) -> SearchConnection:
    meant = found.understood.meant if found.understood else query.text
    other = _elsewhere(portal, replace(query, text=meant, lenient=False)) if "otherScope" in selected else None
    words = parse(meant)
    # What was deleted since the engine last looked is left out.
    edges = [
        SearchEdge(node=shown[key], score=score, words=words)
        for key, score in zip(found.keys, found.scores, strict=True)
        if key in shown
    ]
    return SearchConnection(
        nodes=[each.node for each in edges],
        edges=edges,
        page_info=PageInfo(end_cursor=found.next or None, has_next_page=bool(found.next)),
        total_count=Total(value=found.total.value, exact=found.total.exact),
        other_scope=other,
        understood=_understood(found.understood) if found.understood else None,
        query=query,
        counted=_counted(asked, found),
    )


def _counted(asked: model.Query, found: Keyed) -> dict[Any, Any]:
    """Return what a question has counted, by what was asked."""
    counted: dict[Any, Any] = dict(zip(asked.facets, found.facets, strict=True))
    counted |= zip(asked.numbers, found.numbers, strict=True)
    if asked.histogram is not None:
        counted[asked.histogram] = _steps(found)
    if asked.heat is not None:
        counted[asked.heat] = found.heat
    return counted


def _understood(found: model.Understood) -> Understood:
    return Understood(
        text=found.text,
        corrected=found.corrected or None,
        unknown=list(found.unknown),
        least=found.least or found.words,
        words=found.words,
        complete=found.complete,
        suggestion=found.suggestion or None,
        near=found.near,
    )


def _elsewhere(portal: Portal, query: model.Query) -> Total:
    total = portal.keys(across(query)).total
    return Total(value=total.value, exact=total.exact)


def _foreseen(selected: Selected) -> tuple[model.FacetRequest, ...]:
    """Return the facets to count with the page: one request a name, the rest is asked for when it is reached."""
    requests: dict[str, model.FacetRequest] = {}
    for arguments in selected.arguments(CONNECTION, "facets"):
        names = arguments.get("names")
        for each in facet_requests(
            None if names is None else [FacetName(getattr(name, "value", name)) for name in names],
            arguments.get("size", 12),
            arguments.get("within"),
            arguments.get("text"),
        ):
            requests.setdefault(each.name, each)
    return tuple(requests.values())


def _histogram(selected: Selected) -> model.Histogram | None:
    for arguments in selected.arguments(CONNECTION, "histogram"):
        interval = arguments.get("interval", "year")
        return model.Histogram(getattr(interval, "value", interval))
    return None


def facet(found: model.Facet) -> Facet:
    """Return a facet as the schema shows it."""
    return Facet(
        name=FacetName(found.name),
        label=found.label,
        exact=found.exact,
        other=found.other,
        buckets=[
            Bucket(value=b.value, label=b.label, count=b.count, selected=b.selected, path=list(b.path))
            for b in found.buckets
        ],
    )
