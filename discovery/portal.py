"""The one door that every face uses: questions in, records out, and no word of engines on either side."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from discovery import finding, fusion, overlaps
from discovery.arrays.arrays import Arrays
from discovery.errors import ConfigError, MovedError, NotFoundError, UnavailableError
from discovery.hits import Changes, Hits, Outliers
from discovery.http import Policy
from discovery.index.base import Answer, Generation, Index, Plan, Position
from discovery.launch.opening import Around, Opening, opening
from discovery.launch.resolver import Resolver
from discovery.launch.rules import Rule, shipped
from discovery.launch.zones import Zones
from discovery.launching import Launching
from discovery.locations import Locations
from discovery.making import Making
from discovery.model import terms
from discovery.model.job import Job, checked
from discovery.model.record import OBSERVATIONS, RESOURCES, SCOPES, Record
from discovery.model.source import Source
from discovery.people import People
from discovery.planner import Planner, answering
from discovery.query import checks, cursor, fields, names
from discovery.query.facets import HeatMap, RangeFacet
from discovery.query.names import Named, Spotted
from discovery.query.names.sesame import Sesame
from discovery.query.query import (
    Bin,
    Bucket,
    Comparison,
    Facet,
    FacetRequest,
    Histogram,
    In,
    Query,
    Total,
    Understood,
)
from discovery.similarity import Contrast, Lead, Question, Similarity
from discovery.store.catalogue import Served, Stored
from discovery.store.elsewhere import Place
from discovery.store.store import Store
from discovery.suggester import Suggester, Suggestion
from discovery.understanding import Understanding

if TYPE_CHECKING:
    from discovery.embeddings.spaces import Spaces
    from discovery.meaning.meanings import Meanings

MAX_OPENERS: Final = 2_000
"""Volumes and datalabs that are looked at for each record; the portals that we know have dozens."""
_AMONG: Final = 1_000
"""Values that are counted to be put together from both scopes."""
_UNSEEN: Final = -1


@dataclass(frozen=True, slots=True)
class Found:
    """One record of a page."""

    stored: Stored
    score: float = 0.0

    @property
    def record(self) -> Record:
        """The record itself."""
        return self.stored.record


@dataclass(frozen=True, slots=True)
class Page:
    """What the portal answers to a query."""

    query: Query
    records: tuple[Found, ...]
    total: Total
    facets: tuple[Facet, ...] = ()
    numbers: tuple[RangeFacet, ...] = ()
    bins: tuple[Bin, ...] = ()
    interval: str = ""
    """What the bins are: `year`, `month` or `day`."""
    heat: HeatMap | None = None
    approximate: bool = False
    """Whether the region was too crowded to decide exactly, so that every count here is only nearly right."""
    next: str = ""
    """Give it as `after` for the page behind this one; empty at the end."""
    elsewhere: Total | None = None
    """How many records of the other scope match, where that was asked for."""
    beside: tuple[Facet, ...] = ()
    """Facets over the records of the other scope that match, where those were asked for."""
    understood: Understood | None = None
    """What was looked for instead of the words typed; None where it was those."""
    generation: str = ""
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Keyed:
    """What matched, as numbers of the store, for faces that serve stored bytes."""

    keys: tuple[int, ...]
    total: Total
    next: str
    generation: str
    facets: tuple[Facet, ...] = ()
    numbers: tuple[RangeFacet, ...] = ()
    bins: tuple[Bin, ...] = ()
    interval: str = ""
    heat: HeatMap | None = None
    approximate: bool = False
    """As in `Page`."""
    scores: tuple[float, ...] = ()
    understood: Understood | None = None


@dataclass(frozen=True, slots=True)
class View:
    """A record with what stands around it."""

    stored: Stored
    parent: Stored | None = None
    children: Total = field(default_factory=lambda: Total(0))
    """How many observations it has."""
    members: Total = field(default_factory=lambda: Total(0))
    """How many resources name it as their parent."""
    also_at: tuple[Place, ...] = ()
    """The other sources that have the same thing."""

    @property
    def record(self) -> Record:
        """The record itself."""
        return self.stored.record


def _together(facets: Sequence[Facet], size: int) -> Facet:
    """Return what was counted over records that have nothing in common as one."""
    buckets: dict[str, Bucket] = {}
    for each in (bucket for facet in facets for bucket in facet.buckets):
        before = buckets.get(each.value)
        buckets[each.value] = replace(each, count=each.count + before.count) if before else each
    ranked = sorted(buckets.values(), key=lambda each: (-each.count, each.value))
    other = sum(facet.other for facet in facets) + sum(each.count for each in ranked[size:])
    exact = all(facet.exact for facet in facets) and not any(facet.other for facet in facets)
    return replace(facets[0], buckets=tuple(ranked[:size]), other=other, exact=exact)


def across(query: Query, facets: Sequence[FacetRequest] = ()) -> Query:
    """Return the same question to the other scope, to be counted only, with these facets."""
    there = OBSERVATIONS if query.scope == RESOURCES else RESOURCES
    counted: dict[str, Any] = {"facets": tuple(facets), "numbers": (), "histogram": None, "heat": None}
    return replace(query, scope=there, size=0, sort=None, after="", **counted)


class Portal:
    """The catalogue as faces see it: one store, one search engine behind it.

    Args:
        store: Where the records are.
        index: What finds them.
        rules: How places of files are made out of records; None is what is shipped.
        operator_token: What programs of operators show; empty lets none in.
        sesame: What is asked for names of the sky that our own tables do not have; None asks nobody.
        zones: Where there is something to launch at; None is everybody's own computer.
        site: The portal's own address, for links in notebooks; empty takes that which a browser asked for.
        spaces: Opens the spaces of embeddings; None is a portal without.
        has_spaces: Says whether there is one, before what opens them is imported.
        policy: What may be asked of the web for the records of a source; by default public hosts alone.
        mounts: Where folders of volumes are on this machine, by the paths that the catalogue has for them.
        meanings: What finds resources by the meaning of words; None goes by the words alone.
    """

    def __init__(
        self,
        store: Store,
        index: Index,
        rules: Sequence[Rule] | None = None,
        *,
        operator_token: str = "",
        sesame: Sesame | None = None,
        zones: Zones | None = None,
        site: str = "",
        spaces: Callable[[], Spaces] | None = None,
        has_spaces: Callable[[], bool] = lambda: True,
        policy: Callable[[Source | None], Policy] = lambda _source: Policy(),
        mounts: Mapping[str, str] | None = None,
        meanings: Meanings | None = None,
    ) -> None:
        self.store = store
        self.index = index
        self._planner = Planner(store, index)
        self._suggester = Suggester(store, index)
        self._sesame = sesame
        self._understanding = Understanding(store, self._planner, index)
        self.meanings = meanings
        self._fusion = fusion.Fusion(store, index, meanings) if meanings is not None else None
        self.people = People(store, operator_token)
        self.making = Making(store, self.people)
        self._rules = shipped() if rules is None else rules
        self.launching = Launching(store, zones or Zones(), self.opening, self.people, site=site)
        self._secret = store.secret()
        self._around: tuple[int, Around] | None = None
        self._make_spaces = spaces
        self._has_spaces = has_spaces
        self._similarity: Similarity | None = None
        self._resolving: tuple[Around, Resolver] | None = None
        self.locations = Locations(store, index, self._resolver)
        self.arrays = Arrays(self._resolver, lambda source: policy(self._source(source)), mounts)

    @property
    def local(self) -> bool:
        """Whether store and engine are files of this machine, so that a small question needs no thread."""
        return self.store.local and self.index.local

    def search(self, query: Query, *, elsewhere: bool = False, beside: Sequence[FacetRequest] = ()) -> Page:
        """Return a page of the records that match, best first when there are words, else newest first.

        Facets count the whole match, not this page. An unknown field raises before any engine is asked.

        Args:
            query: What to match; an empty query matches everything.
            elsewhere: Whether to count the other scope too.
            beside: Facets of the other scope: `dataset` there says which datasets hold matching observations.

        Raises:
            BadQueryError: A name, value or cursor that cannot be; the message says which.
            GoneError: `after` is by relevance and its generation has been replaced.
            UnavailableError: The engine does not answer.
        """
        began = time.perf_counter()
        found = self.keys(query)
        stored = self.store.catalogue.many(found.keys)
        scores = dict(zip(found.keys, found.scores, strict=True))
        records = tuple(Found(stored[key], scores[key]) for key in found.keys if key in stored)
        mended = found.understood.corrected if found.understood else ""
        there = across(replace(query, text=mended or query.text, lenient=False), beside)
        other = self.keys(there) if elsewhere or beside else None
        return Page(
            query=query,
            records=records,
            total=found.total,
            facets=found.facets,
            numbers=found.numbers,
            bins=found.bins,
            interval=found.interval,
            heat=found.heat,
            approximate=found.approximate,
            next=found.next,
            elsewhere=other.total if other else None,
            beside=other.facets if other else (),
            understood=found.understood,
            generation=found.generation,
            seconds=time.perf_counter() - began,
        )

    def keys(self, query: Query, *, total: bool = True) -> Keyed:
        """Return what `search` would, as store numbers instead of records."""
        checks.check(query)
        mark = cursor.resume(query, self._secret)
        if any(each.text for each in query.facets):
            query = replace(query, facets=tuple(finding.named(each, self.store, self.index) for each in query.facets))
        # Whether few records have all of the words is told by how many have.
        plan = self._planner.plan(query, total=total or (query.lenient and bool(query.text.strip())))
        generation, woven = fusion.parted(mark.generation) if mark is not None else ("", "")
        if mark is not None and plan.sort is None:
            plan = replace(plan, offset=mark.offset, generation=generation)
        elif mark is not None:
            plan = replace(plan, after=Position(mark.value, mark.key, mark.then))
        answer = self._answer(query, plan)
        understood: Understood | None = None
        if query.lenient and (wider := self._understanding.wider(query, plan, answer.total.value)):
            plan, understood = wider
            answer = self._answer(query, plan)
        mixed = self._fusion.answer(query, plan, answer, understood) if self._fusion and (woven or not mark) else None
        if mixed:
            answer, understood = mixed
        now = self._fusion.mark if self._fusion and mixed else ""
        fusion.check(woven, now)
        return Keyed(
            keys=tuple(hit.key for hit in answer.hits),
            total=replace(answer.total, exact=answer.total.exact and not plan.approximate),
            next=self._next(query, plan, answer, now),
            generation=answer.generation,
            facets=tuple(self._labelled(facet, nearly=plan.approximate) for facet in answer.facets),
            numbers=tuple(
                replace(each, label=fields.FIELDS[each.name].label, exact=not plan.approximate)
                for each in answer.numbers
            ),
            bins=answer.bins,
            interval=answer.interval,
            heat=replace(answer.heat, exact=not plan.approximate) if answer.heat else None,
            approximate=plan.approximate,
            scores=tuple(hit.score for hit in answer.hits),
            understood=understood,
        )

    def _answer(self, query: Query, plan: Plan) -> Answer:
        with answering(self.store):
            if query.region is not None and plan.sort is not None and plan.sort.name == fields.OVERLAP:
                return overlaps.answer(self.store, self.index, query.region, plan)
            return self.index.search(plan)

    def _next(self, query: Query, plan: Plan, answer: Answer, woven: str) -> str:
        if not answer.more or not answer.hits:
            return ""
        last = answer.hits[-1]
        base = cursor.Cursor(scope=query.scope, digest=cursor.digest(query))
        if plan.sort is None:
            generation = fusion.joined(answer.generation, woven)
            mark = replace(base, generation=generation, offset=plan.offset + len(answer.hits))
        else:
            order = plan.sort
            values: dict[str, Any] = {"value": last.value, "then": last.then, "key": last.key}
            mark = replace(base, sort=order.name, descending=order.descending, **values)
        return cursor.encode(mark, self._secret)

    def _labelled(self, facet: Facet, *, nearly: bool = False) -> Facet:
        known = fields.FIELDS[facet.name]
        titles = self._titles(facet) if facet.name == "dataset" else {}
        buckets = tuple(
            Bucket(
                bucket.value,
                bucket.count,
                titles.get(bucket.value) or terms.label(facet.name, bucket.value),
                bucket.selected,
                terms.ancestors(bucket.value) if known.tree else (),
            )
            for bucket in facet.buckets
        )
        return Facet(facet.name, known.label, buckets, facet.other, facet.exact and not nearly)

    def _titles(self, facet: Facet) -> Mapping[str, str]:
        keys = self.store.catalogue.keys(bucket.value for bucket in facet.buckets)
        stored = self.store.catalogue.many(list(keys.values()))
        return {id: stored[key].record.title for id, key in keys.items() if key in stored}

    def record(self, id: str) -> Stored:
        """Return the live record with an id, from the store, whether or not an engine answers.

        Raises:
            NotFoundError, GoneError, MovedError: As `Catalogue.get` says.
        """
        return self.store.catalogue.get(id)

    def view(self, id: str) -> View:
        """Return a record with its parent and the number of records beneath it; raises as `record` does."""
        stored = self.record(id)
        parent: Stored | None = None
        if stored.record.dataset:
            try:
                parent = self._followed(stored.record.dataset)
            except NotFoundError:
                parent = None  # A dataset that was never harvested is no reason to hide its observation.
        beneath = [
            self.keys(Query(scope=scope, filter=Comparison("=", "dataset", id), size=0)).total for scope in SCOPES
        ]
        return View(stored, parent, children=beneath[1], members=beneath[0], also_at=self.also_at(id))

    def also_at(self, id: str) -> tuple[Place, ...]:
        """Return where else the thing is that a record speaks for; empty for one that is in one place alone."""
        return self.store.elsewhere.of([id]).get(id, ())

    def opening(self, id: str) -> Opening:
        """Return the ways to open a record: its files with their places, volumes, datalabs; raises as `record` does."""
        return self.opening_of(self.record(id).record)

    def opening_of(self, record: Record) -> Opening:
        """Return the ways to open a record that is at hand.

        While the engine does not answer, the volumes and datalabs are those that were known before.
        """
        return opening(record, self._rules, self._openers(), self._resolver())

    def _source(self, id: str) -> Source | None:
        try:
            return self.store.ledger.source(id)
        except NotFoundError:
            return None

    def _resolver(self) -> Resolver:
        """Return what makes places, made anew when the volumes have changed."""
        around = self._openers()
        if self._resolving is None or self._resolving[0] is not around:
            self._resolving = (around, Resolver(self._rules, around.volumes))
        return self._resolving[1]

    def _openers(self) -> Around:
        """Return the catalogue's volumes and datalabs, found anew when something has changed."""
        change = self.store.catalogue.last_change()
        if self._around is not None and self._around[0] == change:
            return self._around[1]
        plan = Plan(scope=RESOURCES, filter=In("kind", ("datalab", "volume")))
        try:
            with answering(self.store):
                seen = self.index.generation(RESOURCES).change
                keys = sorted(self.index.keys(plan, MAX_OPENERS))
        except UnavailableError:
            return self._around[1] if self._around else Around()
        stored = self.store.catalogue.many(keys)
        found = Around.of([stored[key].record for key in keys if key in stored])
        # An engine that is still behind is asked again next time.
        behind = seen < change and self.store.catalogue.pending(RESOURCES, seen) > 0
        self._around = (_UNSEEN if behind else change, found)
        return found

    def _followed(self, id: str) -> Stored:
        try:
            return self.record(id)
        except MovedError as moved:
            return self.record(moved.id)

    def histogram(self, query: Query, interval: str = "year") -> tuple[Bin, ...]:
        """Return how many matches start in each year, month or day, or in the finest of these that fits (`auto`)."""
        alone: dict[str, Any] = {"facets": (), "numbers": (), "heat": None}
        return self.keys(replace(query, size=0, histogram=Histogram(interval), **alone)).bins

    def facets(self, query: Query, names: Sequence[str], size: int = 12) -> tuple[Facet, ...]:
        """Return the counted values of these fields over everything that matches."""
        asked = tuple(FacetRequest(fields.facet(name, parameter="facets").name, size) for name in names)
        return self.keys(replace(query, size=0, facets=asked, numbers=(), histogram=None, heat=None)).facets

    def facets_among(self, ids: Sequence[str], requests: Sequence[FacetRequest]) -> tuple[Facet, ...]:
        """Return the counted values of fields over some records, each counted once, whatever scope it is of."""
        asked = tuple(replace(each, size=max(each.size, _AMONG)) for each in requests)
        queries = [Query(scope=scope, ids=tuple(ids), size=0, facets=asked) for scope in SCOPES]
        counted = zip(*(self.keys(each, total=False).facets for each in queries), strict=True)
        return tuple(_together(each, of.size) for of, each in zip(requests, counted, strict=True))

    def suggest(self, text: str, size: int = 8, scope: str = RESOURCES) -> list[Suggestion]:
        """Return what begins as somebody types: missions, instruments, targets, places, objects, then titles."""
        return self._suggester.suggest(text, size, scope)

    def resolve(self, text: str) -> tuple[Named, ...]:
        """Return what a whole text names: places, things on the sky, bodies; best first, empty for no name.

        A name service is asked where the operator has named one and our own tables do not know the name.
        """
        found = names.resolve(text)
        if not found and self._sesame is not None:
            asked = self._sesame.resolve(text)
            found = (asked,) if asked is not None else ()
        return found

    def places(self, query: Query) -> tuple[Spotted, ...]:
        """Return the places and things on the sky that the words of a query name, for a search there to be offered.

        The words stay words: nothing is narrowed by this. A query that has a place already is left alone, and nobody
        else is asked about what people search for.
        """
        if not query.text or query.region is not None or query.place is not None:
            return ()
        return names.spotted(query.text)

    @property
    def spaces(self) -> Spaces:
        """The spaces of embeddings.

        Raises:
            UnavailableError: The packages that find near vectors are not installed.
        """
        return self._similar().spaces

    def similar(self, space: str, question: Question) -> Hits:
        """Return the rows of a space that are most like what is asked for; raises as `Similarity.similar` does."""
        return self._similar().similar(space, question)

    def similar_batch(self, space: str, questions: Sequence[Question]) -> tuple[Hits, ...]:
        """Return what `similar` does for each of some questions; raises as `Similarity.batch` does."""
        return self._similar().batch(space, questions)

    def times(self, space: str) -> tuple[int, int] | None:
        """Return the first and the last time of the rows of a space; raises as `Similarity.times` does."""
        return self._similar().times(space)

    def change(self, space: str, contrast: Contrast) -> Changes:
        """Return the places of a space that differ most between two times; raises as `Similarity.change` does."""
        return self._similar().change(space, contrast)

    def outliers(self, space: str, contrast: Contrast) -> Outliers:
        """Return the rows of a space that are farthest from the middle; raises as `Similarity.outliers` does."""
        return self._similar().outliers(space, contrast)

    def leads(self, record: Record) -> tuple[Lead, ...]:
        """Return the spaces of embeddings in which one can look for what is like a record; none without the packages.

        Nothing is imported or opened for it in a portal that has no space.
        """
        if self._make_spaces is None or not self._has_spaces():
            return ()
        try:
            return self._similar().leads(record)
        except (ConfigError, UnavailableError):
            return ()

    def _similar(self) -> Similarity:
        if self._similarity is None:
            if self._make_spaces is None:
                raise UnavailableError("this portal was opened without spaces of embeddings", retry_after=None)
            try:
                spaces = self._make_spaces()
            except ConfigError as error:
                # Whoever asks can do nothing about what is not installed here.
                raise UnavailableError(str(error), retry_after=None) from error
            self._similarity = Similarity(self.store, self.index, self._planner, spaces, self.locations.of)
        return self._similarity

    def served(self, keys: Sequence[int]) -> dict[int, Served]:
        """Return documents that came as STAC, as bytes to put links into."""
        return self.store.catalogue.served(keys)

    def stored(self, keys: Sequence[int]) -> dict[int, Stored]:
        """Return live records by their store numbers."""
        return self.store.catalogue.many(keys)

    def export(self, scope: str | None = None) -> Iterator[Mapping[str, Any]]:
        """Yield a flat row for each live record, straight from the store."""
        return self.store.catalogue.export(scope)

    def status(self) -> Mapping[str, Generation]:
        """Return which generation answers for each scope."""
        with answering(self.store):
            return {scope: self.index.generation(scope) for scope in SCOPES}

    # Work that others do

    def ask(self, kind: str, arguments: Mapping[str, Any]) -> Job:
        """Leave work for the steward, and return it with its number; what waits already is not left twice.

        Args:
            kind: One of `discovery.model.job.ARGUMENTS`.
            arguments: What it is told; None is as if it were not there.

        Raises:
            BadQueryError: There is no such work, or it is told wrong things.
            NotFoundError: The source, run, record or element that it is about is not there.
            TooManyError: Too much work is waiting already.
        """
        given = checked(kind, arguments)
        if "source" in given:
            self.store.ledger.source(given["source"])
        if "run" in given:
            self.store.ledger.run(given["run"])
        if "number" in given:
            self.store.ledger.quarantine_entry(given["number"])
        if "record" in given:
            self.record(given["record"])
        return self.store.jobs.ask(kind, given)

    def job(self, id: int) -> Job:
        """Return work that was asked for, as it stands.

        Raises:
            NotFoundError: There is none by that number, or it is so long ago that it was forgotten.
        """
        return self.store.jobs.job(id)

    def jobs(self, limit: int = 50) -> list[Job]:
        """Return work that was asked for, newest first."""
        return self.store.jobs.jobs(limit)

    def close(self) -> None:
        """Let go of files and connections."""
        if self._sesame is not None:
            self._sesame.close()
        if self._similarity is not None:
            self._similarity.spaces.close()
        self.launching.close()
        self.locations.close()
        self.arrays.close()
        self.index.close()
        self.store.close()
