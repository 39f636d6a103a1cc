"""The contract between the portal and a search engine.

An engine holds two indexes, one a scope. Each has numbered generations of which one answers; a generation remembers
the last change of the store that it has seen, so that any number of engines follow one store and nothing is written
twice. Engines see prepared documents and plans only: text already analysed, regions already covered by cells.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from discovery.query.facets import CellRequest, HeatMap, RangeFacet, RangeRequest, RangeSelection
from discovery.query.query import Bin, Facet, FacetRequest, Filter, Histogram, Selection, Sort, Total
from discovery.query.text import PreparedText, TextQuery

RELEVANCE_WINDOW = 10_000
"""How deep a page by relevance may start: Elasticsearch's max_result_window, kept by every engine."""
MAX_KEYS = 50_000
"""The most keys that `Index.keys` returns at once: footprints on a region's border, each of which is decided."""


@dataclass(frozen=True, slots=True)
class Document:
    """A record as an engine stores it; built by `discovery.index.document`."""

    key: int
    """The store's number of the record: unique, stable, never reused."""
    keywords: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    numbers: Mapping[str, float] = field(default_factory=dict)
    instants: Mapping[str, int] = field(default_factory=dict)
    title: str = ""
    """Folded, for order by title."""
    month: int | None = None
    """Of the start: year * 12 + month - 1."""
    text: PreparedText | None = None
    cells: tuple[int, ...] = ()
    """The footprint's cover in its frame, as `discovery.query.region` numbers cells."""
    parents: tuple[int, ...] = ()
    """Every ancestor of those cells."""
    tail: tuple[str, ...] = ()
    """The long tail as `name=value`."""
    anchor: int | None = None
    """The order 12 cell, nested numbering, of a point of the footprint, by which it is counted on a map."""


@dataclass(frozen=True, slots=True)
class Cells:
    """A region as terms, a filter node that only plans contain.

    A document matches when one of its `cells` is in `cells` or in `parents`, or one of its `parents` is in `cells`.
    """

    cells: tuple[int, ...]
    parents: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Keys:
    """The documents with these keys, a filter node that only plans contain."""

    keys: frozenset[int]


@dataclass(frozen=True, slots=True)
class Position:
    """The last hit of a sorted page: its value (None when it had none), its key, and its values in the fields after."""

    value: float | int | str | None
    key: int
    then: tuple[float | int | str | None, ...] = ()
    """As many as `Plan.sort` has in `then`."""

    @property
    def values(self) -> tuple[float | int | str | None, ...]:
        """The values in every field of the order."""
        return (self.value, *self.then)


@dataclass(frozen=True, slots=True)
class Plan:
    """A question made ready for an engine by the portal: names checked, text parsed, regions covered."""

    scope: str
    text: TextQuery | None = None
    filter: Filter | Cells | Keys | None = None
    """CQL2 nodes over our field names, without `Region`; `And`, `Or` and `Not` may hold `Cells` and `Keys`."""
    selections: tuple[Selection, ...] = ()
    ranges: tuple[RangeSelection, ...] = ()
    facets: tuple[FacetRequest, ...] = ()
    numbers: tuple[RangeRequest, ...] = ()
    histogram: Histogram | None = None
    heat: CellRequest | None = None
    sort: Sort | None = None
    """None is by relevance."""
    size: int = 20
    after: Position | None = None
    """With `sort`: only what comes after this."""
    offset: int = 0
    """By relevance: skip as many."""
    generation: str = ""
    """Answer from this generation or raise GoneError; empty is the one that is current."""
    approximate: bool = False
    """Whether the filter is only nearly what was asked, which the portal says with every count; nothing to engines."""
    total: bool = True
    """False when nobody asked how many match; an engine may then leave `total` inexact."""


@dataclass(frozen=True, slots=True)
class Hit:
    """One match: the record's key, its score, and its values in the sort fields (None when it has none)."""

    key: int
    score: float = 0.0
    value: float | int | str | None = None
    then: tuple[float | int | str | None, ...] = ()
    """In the fields that order what is equal in the first."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What an engine found."""

    hits: tuple[Hit, ...]
    total: Total
    generation: str
    facets: tuple[Facet, ...] = ()
    """In the order asked for; labels are left empty, the portal fills them."""
    bins: tuple[Bin, ...] = ()
    interval: str = ""
    """What the bins are: `year`, `month` or `day`; empty where none were asked for."""
    numbers: tuple[RangeFacet, ...] = ()
    """In the order asked for, without labels as `facets`."""
    heat: HeatMap | None = None
    more: bool = False
    """Whether anything comes after the last hit."""


@dataclass(frozen=True, slots=True)
class Generation:
    """The state of one scope's index: its name and the last change of the store it has seen."""

    name: str
    change: int
    documents: int = 0


class Build(Protocol):
    """A generation being made beside the one that answers."""

    def add(self, documents: Iterable[Document]) -> None:
        """Put documents in; keys are new to this generation."""
        ...

    def publish(self, change: int) -> Generation:
        """Make this the generation that answers, in one step; the one before is kept for `rollback`."""
        ...

    def discard(self) -> None:
        """Throw the unfinished generation away."""
        ...


class Index(Protocol):
    """A search engine. Searching is safe from many threads; writing is for one process at a time (the indexer's)."""

    name: str
    local: bool
    """Whether it answers out of files of this machine, so that nothing is gained by waiting for it in a thread."""

    def search(self, plan: Plan) -> Answer:
        """Return what matches, with exact facet counts over the whole match.

        A facet is counted with the text, the filter and every selection but its own; a value selected in it is
        listed even when its count is 0. Buckets are ordered by falling count, then by value. Ranges of a number are
        counted without the ranges selected of it in the same way; histogram and heat map with everything.
        Sorted by a field, ties are ordered by the next field, at last by rising key; records without a value come
        last among those that tie so far.

        Raises:
            GoneError: `plan.generation` is not here any more.
            UnavailableError: The engine does not answer.
        """
        ...

    def keys(self, plan: Plan, limit: int = MAX_KEYS) -> Sequence[int]:
        """Return the keys of all matches in no particular order, at most `limit` of them."""
        ...

    def anchored(self, plan: Plan, limit: int = MAX_KEYS) -> tuple[Sequence[int], Sequence[int]]:
        """Return keys as `keys` does, and the `Document.anchor` of each; -1 where it has none."""
        ...

    def suggest(self, scope: str, tokens: tuple[str, ...], size: int) -> Sequence[int]:
        """Return keys of documents whose prepared `prefix` text holds every token, shortest titles first."""
        ...

    def terms(self, scope: str, grams: tuple[str, ...], size: int) -> Sequence[str]:
        """Return words of titles that share most of the given trigrams, for the typo fallback."""
        ...

    def generation(self, scope: str) -> Generation:
        """Return the generation that answers now."""
        ...

    def write(self, scope: str, documents: Iterable[Document], deleted: Iterable[int], change: int) -> None:
        """Replace documents by key, remove the deleted keys, and remember `change`; visible when this returns."""
        ...

    def build(self, scope: str) -> Build:
        """Begin a new generation of a scope."""
        ...

    def rollback(self, scope: str) -> Generation:
        """Go back to the generation before the current one.

        Raises:
            NotFoundError: None was kept.
        """
        ...

    def check(self) -> Sequence[str]:
        """Return what is wrong with the files or the server, one sentence each; empty is good."""
        ...

    def close(self) -> None:
        """Let go of files and connections."""
        ...
