"""Similar by their embeddings: what is near in a space, linked to the records and narrowed by any question.

Which rows may be found is known before any vector is looked at: by the places and times of the rows themselves, and by
the records that they were made of.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from discovery.embeddings.table import NO_TIME
from discovery.embeddings.vectors import MAX_SIZE, asked, scores
from discovery.errors import BadQueryError, ConfigError, GoneError, LimitError, MovedError, NotFoundError
from discovery.hits import Change, Changes, Hit, Hits, Outliers, records
from discovery.launch.locating import Located
from discovery.model.record import OBSERVATIONS, Record, record_id
from discovery.planner import Planner, answering
from discovery.query import sieve
from discovery.query.query import And as Both
from discovery.query.query import Comparison, Filter, Query, Region, Time
from discovery.store.store import Store

if TYPE_CHECKING:
    from discovery.embeddings.asking import Answer, Searcher
    from discovery.embeddings.segment import OpenSegment
    from discovery.embeddings.space import Recall, Space
    from discovery.embeddings.spaces import Spaces
    from discovery.embeddings.vectors import Flags, Rows, Vectors
    from discovery.index.base import Index

MAX_EXAMPLES: Final = 200
"""Rows, ids and vectors that one question gives as examples."""
MAX_BATCH: Final = 64
"""Questions to a space that are answered at once."""
MAX_ROWS: Final = 10_000
"""Rows that the answers to several questions have together."""
MAX_REGION: Final = 20_000
"""Rows of a region whose middle one is looked for."""
MAX_LINKED: Final = 100_000
"""Records that a question may leave for their rows to be looked through."""
MAX_LOCATED: Final = 50
"""Records of an answer that are told with where they are; the others are asked for at their own pages."""
MAX_SPACES: Final = 50
"""Spaces that are looked at for rows that were made of a record, in the order of their names."""
_LOOKED_THROUGH: Final = 5_000_000
"""Rows of a space that are looked through for a record of it; of a space that says nothing of it, far fewer."""
_STRANGERS: Final = 100_000
_ID: Final = 16
"""Characters of a record's id; a product of that length may be one."""
_REMEMBERED: Final = 4_096
"""Records of which is remembered what rows were made of them."""
_PROBE: Final = 5
"""Examples of each kind from which on what tells them apart is learnt, instead of taking their middle."""
_OTHERS: Final = 1_000
_RIDGE: Final = 1e-2


@dataclass(frozen=True, slots=True)
class Examples:
    """Rows that somebody points at: by their numbers, by what their file calls them, or as vectors."""

    rows: tuple[int, ...] = ()
    ids: tuple[str, ...] = ()
    vectors: tuple[Sequence[float], ...] = ()

    def __len__(self) -> int:
        return len(self.rows) + len(self.ids) + len(self.vectors)

    def singly(self) -> tuple[Examples, ...]:
        """Return each of them by itself: rows, then ids, then vectors."""
        return (
            *(Examples(rows=(each,)) for each in self.rows),
            *(Examples(ids=(each,)) for each in self.ids),
            *(Examples(vectors=(each,)) for each in self.vectors),
        )


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of a space."""

    like: Examples = field(default_factory=Examples)
    unlike: Examples = field(default_factory=Examples)
    region: Region | None = None
    """Instead of examples: like the middle one of the rows in here."""
    within: Query | None = None
    """Only rows in its region and time, made of records that match the rest of it."""
    size: int = 10
    mode: str = "balanced"
    with_examples: bool = False
    """Whether the examples themselves may be found."""


@dataclass(frozen=True, slots=True)
class Contrast:
    """What is asked of a space about what differs in it."""

    within: Query | None = None
    """Only rows in its region and time, made of records that match the rest of it."""
    size: int = 10
    by: str = "place"
    """For changes: what tells a place, `place` for longitude and latitude to four decimals, `id` for the row's name."""
    earlier: Time | None = None
    """For changes: when the earlier rows are; None is the first of each place."""
    later: Time | None = None
    """For changes: when the later rows are; None is the last of each place."""
    of: str = "all"
    """For outliers: far from the middle of `all` rows that may be found, or of those of the same `list`."""


@dataclass(frozen=True, slots=True)
class Lead:
    """A space in which one can look for what is like a record."""

    space: str
    row: int | None = None
    """The row that was made of the record; None where the whole space belongs to it."""


class Similarity:
    """Questions to the spaces of a catalogue.

    Args:
        store: Where records are.
        index: What finds those that match a question.
        planner: Turns questions into plans.
        spaces: Where vectors are found.
        locate: Says where a record is; None where nobody does.
    """

    def __init__(
        self,
        store: Store,
        index: Index,
        planner: Planner,
        spaces: Spaces,
        locate: Callable[[Record], Located] | None = None,
    ) -> None:
        self._store = store
        self._index = index
        self._planner = planner
        self._locate = locate
        self._leads: OrderedDict[tuple[str, int, str], int] = OrderedDict()
        self._times: dict[str, tuple[int, tuple[int, int] | None]] = {}
        self._guard = threading.Lock()
        self.spaces = spaces

    def similar(self, name: str, question: Question) -> Hits:
        """Return the rows of a space that are most like what is asked for.

        Raises:
            NotFoundError: There is no such space, or no row by that number or id.
            BadQueryError: A vector of another length, zero or not finite; too many or no examples; an unknown mode.
            UnavailableError: No file of the space can be read, or the engine does not answer.
        """
        return self.batch(name, (question,))[0]

    def batch(self, name: str, questions: Sequence[Question]) -> tuple[Hits, ...]:
        """Return what `similar` does for each of some questions, which are looked for together.

        Args:
            name: Of the space.
            questions: At most 64, of one `within`, `size` and `mode`.

        Raises:
            LimitError: There are too many of them, or of their examples, regions or rows together.
            BadQueryError: They differ in what they share; else as `similar`.
        """
        began = time.perf_counter()
        first = _shared(questions)
        searcher = self.spaces.searcher(name)
        looked = [self._looked_for(searcher, each) for each in questions]
        left_out = [[] if each.with_examples else rows for each, (_, rows) in zip(questions, looked, strict=True)]
        # Those that are left out may be among the best, so as many more are asked for.
        size = max(first.size, min(first.size + max(map(len, left_out)), MAX_SIZE))
        allowed = self._allowed(searcher.space, first.within)
        queries = np.stack([query for query, _ in looked])
        answer = searcher.search(queries, size, mode=first.mode, allowed=allowed)
        chosen = []
        for found, out in zip(answer.found, left_out, strict=True):
            kept = ~np.isin(found.rows, out)
            chosen.append((found.rows[kept][: first.size], found.scores[kept][: first.size]))
        hits = iter(
            self._hits(
                searcher,
                np.concatenate([rows for rows, _ in chosen]),
                np.concatenate([near for _, near in chosen]).tolist(),
            )
        )
        recall, elapsed = _recall(searcher.space, answer), (time.perf_counter() - began) * 1000
        return tuple(
            Hits(
                space=name,
                hits=tuple(islice(hits, len(rows))),
                mode=answer.mode,
                exact=answer.exact,
                recall=recall,
                eligible=answer.eligible,
                probed=answer.probed,
                rescored=answer.rescored,
                elapsed_ms=elapsed,
                warnings=answer.warnings,
            )
            for rows, _ in chosen
        )

    def leads(self, record: Record) -> tuple[Lead, ...]:
        """Return the spaces that belong to a record, or have a row that was made of it; what cannot be read has none.

        It is quick enough for every page of a record: manifests are read when they change, rows are remembered.
        """
        found: list[Lead] = []
        for name in self.spaces.names()[:MAX_SPACES]:
            try:
                space = self.spaces.get(name)
                parent = self._parent(space)
                if record.id in (space.record, parent.id if parent else ""):
                    found.append(Lead(name))
                elif (row := self._row_of(space, parent, record)) >= 0:
                    found.append(Lead(name, row))
            except (NotFoundError, ConfigError):
                continue  # It was removed this moment, or is damaged, which the space's own page tells.
        return tuple(found)

    def _row_of(self, space: Space, parent: Record | None, record: Record) -> int:
        """Return the first row of a space that was made of a record, -1 for none."""
        key = (space.name, space.generation, record.id)
        with self._guard:
            if key in self._leads:
                self._leads.move_to_end(key)
                return self._leads[key]
        containers = (parent.source_id, parent.container) if parent is not None else ()
        is_related = parent is not None and parent.source == record.source and record.container in containers
        row = -1
        if space.rows <= (_LOOKED_THROUGH if is_related else _STRANGERS):
            names = (record.id, record.source_id) if is_related else (record.id,)
            segments = self.spaces.searcher(space.name).segments
            rows = ((each, each.first_made_of(name)) for name in names for each in segments)
            row = next((each.said.start + at for each, at in rows if at >= 0), -1)
        with self._guard:
            self._leads[key] = row
            while len(self._leads) > _REMEMBERED:
                self._leads.popitem(last=False)
        return row

    def times(self, name: str) -> tuple[int, int] | None:
        """Return the first and the last time of the rows of a space in UTC milliseconds, None where no row has one.

        They are looked for once for each state of a space.

        Raises:
            NotFoundError: There is no such space.
            ConfigError: What is derived is damaged.
        """
        from discovery.embeddings import differing

        generation, held = self.spaces.get(name).generation, self._times.get(name)
        if held is None or held[0] != generation:
            held = self._times[name] = (generation, differing.times(self.spaces.searcher(name)))
        return held[1]

    def change(self, name: str, contrast: Contrast) -> Changes:
        """Return the places of a space that differ most between two times.

        Raises:
            NotFoundError: There is no such space.
            BadQueryError, LimitError, UnavailableError: As `differing.change` says.
        """
        from discovery.embeddings import differing

        began = time.perf_counter()
        searcher = self.spaces.searcher(name)
        found = differing.change(
            searcher,
            contrast.size,
            by=contrast.by,
            allowed=self._allowed(searcher.space, contrast.within),
            earlier=_at(contrast.earlier),
            later=_at(contrast.later),
        )
        hits = self._hits(searcher, np.concatenate([found.earlier, found.later]), [0.0] * 2 * len(found.changes))
        pairs = zip(found.changes.tolist(), hits, hits[len(found.changes) :], strict=False)
        changes = tuple(Change(each, earlier, later) for each, earlier, later in pairs)
        return Changes(name, changes, contrast.by, found.compared, (time.perf_counter() - began) * 1000)

    def outliers(self, name: str, contrast: Contrast) -> Outliers:
        """Return the rows of a space that are farthest from the middle of all, or of their list.

        Raises:
            NotFoundError: There is no such space.
            BadQueryError, LimitError, UnavailableError: As `differing.outliers` says.
        """
        from discovery.embeddings import differing

        began = time.perf_counter()
        searcher = self.spaces.searcher(name)
        allowed = self._allowed(searcher.space, contrast.within)
        found = differing.outliers(searcher, contrast.size, of=contrast.of, allowed=allowed)
        hits = self._hits(searcher, found.rows, found.away.tolist())
        return Outliers(name, hits, contrast.of, found.compared, (time.perf_counter() - began) * 1000)

    # What to look for

    def _looked_for(self, searcher: Searcher, question: Question) -> tuple[Vectors, list[int]]:
        """Return the vector that a question looks for, and the rows that it names."""
        likes, given = self._vectors(searcher, question.like, "like")
        unlikes, denied = self._vectors(searcher, question.unlike, "unlike")
        if question.region is not None:
            likes, row = self._middle(searcher, question.region)
            given = [row]
        if not len(likes):
            raise BadQueryError("say what to look for: a row, an id, a vector or a region", parameter="like")
        return _query(searcher, likes, unlikes), [*given, *denied]

    def _vectors(self, searcher: Searcher, examples: Examples, parameter: str) -> tuple[Vectors, list[int]]:
        """Return the vectors of examples, and the numbers of those that are rows."""
        if len(examples) > MAX_EXAMPLES:
            raise LimitError(
                "similar-examples", f"{len(examples)} examples; at most {MAX_EXAMPLES}", parameter=parameter
            )
        rows = [*examples.rows, *(_named(searcher, each) for each in examples.ids)]
        made = [_vector(searcher, row) for row in rows]
        made += [asked(searcher.space, each, f"{parameter}.vectors") for each in examples.vectors]
        size = searcher.space.dimensions
        return (np.stack(made) if made else np.empty((0, size), dtype=np.float32)), rows

    def _middle(self, searcher: Searcher, region: Region) -> tuple[Vectors, int]:
        """Return the vector of the row that is nearest to the middle of all in a region, and its number."""
        rows: list[tuple[OpenSegment, Rows]] = []
        for segment in searcher.segments:
            here = np.flatnonzero(_inside(segment, region) & segment.usable)
            if len(here):
                rows.append((segment, here))
        count = sum(len(each) for _, each in rows)
        if not count:
            raise NotFoundError(f"no row of {searcher.space.name} is in this region")
        if count > MAX_REGION:
            raise LimitError(
                "similar-region", f"{count:,} rows are in this region; at most {MAX_REGION:,}", parameter="region"
            )
        vectors = np.concatenate([segment.vectors(here) for segment, here in rows])
        numbers = np.concatenate([here + segment.said.start for segment, here in rows])
        best = int(np.argmax(scores(vectors.mean(axis=0), vectors, searcher.space.metric)))
        return vectors[[best]], int(numbers[best])

    # What may be found

    def _allowed(self, space: Space, within: Query | None) -> Any:
        if within is None:
            return None
        products = self._products(space, within)

        def allowed(segment: OpenSegment) -> Flags | None:
            masks = []
            if within.region is not None:
                masks.append(_inside(segment, within.region))
            if within.time is not None:
                masks.append(_during(segment, within.time))
            if products is not None:
                masks.append(segment.made_of(products) if products else np.zeros(segment.rows, dtype=bool))
            return np.logical_and.reduce(masks) if masks else None

        return allowed

    def _products(self, space: Space, within: Query) -> list[str] | None:
        """Return what matching records are called at their source; None where every row may be found."""
        rest = replace(within, region=None, time=None, sort=None, size=0, after="", scope=OBSERVATIONS, facets=())
        if rest == Query(scope=OBSERVATIONS, size=0, lenient=rest.lenient):
            return None
        if not space.record:
            raise BadQueryError(
                f"{space.name} belongs to no record: only region and time narrow it", parameter="filter"
            )
        narrowed: Filter = Comparison("=", "dataset", space.record)
        plan = self._planner.plan(replace(rest, filter=Both((narrowed, rest.filter)) if rest.filter else narrowed))
        with answering(self._store):
            keys = self._index.keys(plan, MAX_LINKED + 1)
        if len(keys) > MAX_LINKED:
            raise LimitError(
                "similar-linked", f"more than {MAX_LINKED:,} records match: narrow the question", parameter="filter"
            )
        return self._store.catalogue.source_ids(keys)

    # What was found

    def _hits(self, searcher: Searcher, rows: Rows, numbers: list[float]) -> tuple[Hit, ...]:
        texts = _texts(searcher, rows)
        out: list[Hit] = []
        for row, score in zip(rows.tolist(), numbers, strict=True):
            segment = _segment(searcher, row)
            at = row - segment.said.start
            id, product = texts[row]
            lon, lat = (float(segment.columns[name][at]) for name in ("lon", "lat"))
            start = int(segment.columns["start"][at])
            out.append(
                Hit(
                    row,
                    id,
                    float(score),
                    None if np.isnan(lon) else lon,
                    None if np.isnan(lat) else lat,
                    None if start == NO_TIME else start,
                    product,
                )
            )
        return self._linked(searcher.space, out)

    def _linked(self, space: Space, hits: list[Hit]) -> tuple[Hit, ...]:
        """Return hits with the records that they were made of."""
        parent = self._parent(space)
        wanted: dict[str, tuple[str, ...]] = {}
        for product in {each.product for each in hits if each.product}:
            ids = [product] if len(product) == _ID else []
            if parent is not None:
                ids += [record_id(parent.source, each, product) for each in (parent.source_id, parent.container)]
            wanted[product] = tuple(ids)
        keys = self._store.catalogue.keys(id for ids in wanted.values() for id in ids)
        stored = self._store.catalogue.many(list(keys.values()))
        found = {id: stored[key].record for id, key in keys.items() if key in stored}
        return self._located(
            [
                replace(each, record=next((found[id] for id in wanted.get(each.product, ()) if id in found), parent))
                for each in hits
            ]
        )

    def _located(self, hits: list[Hit]) -> tuple[Hit, ...]:
        """Return hits with where their records are: each record is looked up once, and of many the first."""
        if self._locate is None:
            return tuple(hits)
        first = set(records(hits)[:MAX_LOCATED])
        known: dict[str, Located] = {}
        for each in hits:
            if each.record is not None and each.record.id in first and each.record.id not in known:
                known[each.record.id] = self._locate(each.record)
        return tuple(replace(each, located=known.get(each.record.id)) if each.record else each for each in hits)

    def _parent(self, space: Space) -> Record | None:
        if not space.record:
            return None
        try:
            return self._store.catalogue.get(space.record).record
        except MovedError as moved:
            return self._store.catalogue.get(moved.id).record
        except (NotFoundError, GoneError):
            return None


def _shared(questions: Sequence[Question]) -> Question:
    """Return the first of some questions, which says what all of them share.

    Raises:
        LimitError, BadQueryError: As `Similarity.batch` says.
    """
    if not questions:
        raise BadQueryError("queries is empty: say what to look for", parameter="queries")
    if len(questions) > MAX_BATCH:
        raise LimitError("similar-batch", f"{len(questions)} queries; at most {MAX_BATCH}", parameter="queries")
    first = questions[0]
    if any((each.within, each.size, each.mode) != (first.within, first.size, first.mode) for each in questions):
        raise BadQueryError("queries share one within, size and mode", parameter="queries")
    if len(questions) == 1:
        return first
    examples = sum(len(each.like) + len(each.unlike) for each in questions)
    if examples > MAX_EXAMPLES:
        told = f"{examples} examples in all queries; at most {MAX_EXAMPLES}"
        raise LimitError("similar-examples", told, parameter="queries")
    if sum(each.region is not None for each in questions) > 1:
        raise BadQueryError("one query at a time asks by a region", parameter="queries")
    if first.size * len(questions) > MAX_ROWS:
        told = f"{len(questions)} queries for {first.size} rows each; at most {MAX_ROWS:,} rows at a time"
        raise LimitError("similar-rows", told, parameter="size")
    return first


def _segment(searcher: Searcher, row: int) -> OpenSegment:
    """Return the segment that a row is in.

    Raises:
        NotFoundError: There is none, or its file is gone.
    """
    for each in searcher.segments:
        if each.said.start <= row < each.said.start + each.rows:
            return each
    raise NotFoundError(f"no row {row} in {searcher.space.name}; its rows are 0 to {searcher.space.rows - 1}")


def _texts(searcher: Searcher, rows: Rows) -> dict[int, tuple[str, str]]:
    """Return what the files call rows, and what those were made of; each segment is asked once."""
    found: dict[int, tuple[str, str]] = {}
    for each in searcher.segments:
        here = np.unique(rows[(rows >= each.said.start) & (rows < each.said.start + each.rows)])
        found |= zip(here.tolist(), each.texts((here - each.said.start).tolist()), strict=True) if len(here) else ()
    return found


def _named(searcher: Searcher, id: str) -> int:
    for each in searcher.segments:
        at = each.named(id)
        if at >= 0:
            return each.said.start + at
    raise NotFoundError(f"no row of {searcher.space.name} is called {id[:100]!r}")


def _vector(searcher: Searcher, row: int) -> Any:
    segment = _segment(searcher, row)
    at = row - segment.said.start
    if not segment.usable[at]:
        raise BadQueryError(f"row {row} holds no vector: it is zero or not finite", parameter="row")
    return segment.vectors(np.array([at]))[0]


def _inside(segment: OpenSegment, region: Region) -> Flags:
    lonlat = np.stack([np.asarray(segment.columns["lon"]), np.asarray(segment.columns["lat"])], axis=1)
    return sieve.points(region, lonlat)


def _during(segment: OpenSegment, when: Time) -> Flags:
    start = np.asarray(segment.columns["start"])
    mask: Flags = start != NO_TIME
    if when.start is not None:
        mask = mask & (start >= when.start)
    if when.end is not None:
        mask = mask & (start <= when.end)
    return mask


def _at(when: Time | None) -> Callable[[OpenSegment], Flags] | None:
    return None if when is None else partial(_during, when=when)


def _query(searcher: Searcher, likes: Vectors, unlikes: Vectors) -> Vectors:
    """Return the vector to look for: the middle of the examples less half of that of the others (Rocchio, 1971).

    Of at least five of each kind it is learnt what tells them apart, from rows of the space too (ridge regression).
    """
    if len(likes) >= _PROBE and len(unlikes) >= _PROBE:
        made = _probe(searcher, likes, unlikes)
    else:
        made = likes.mean(axis=0)
        if len(unlikes):
            made = made - 0.5 * unlikes.mean(axis=0)
    if searcher.space.metric == "cosine":
        norm = float(np.linalg.norm(made))
        if norm < 1e-9:
            raise BadQueryError("the examples cancel each other out: nothing is left to look for", parameter="like")
        made = made / norm
    return np.ascontiguousarray(made, dtype=np.float32)


def _probe(searcher: Searcher, likes: Vectors, unlikes: Vectors) -> Vectors:
    rng = np.random.default_rng(5)
    others = []
    for segment in searcher.segments:
        share = round(_OTHERS * segment.rows / max(1, searcher.space.rows))
        if share and segment.is_mapped:
            others.append(segment.vectors(np.sort(rng.choice(segment.rows, min(share, segment.rows), replace=False))))
    rows = np.concatenate([likes, unlikes, *others]).astype(np.float64)
    wanted = np.concatenate([np.ones(len(likes)), -np.ones(len(rows) - len(likes))])
    # As many examples of the one kind as of the other, however many rows stand for the rest.
    weight = np.where(wanted > 0, 0.5 / len(likes), 0.5 / (len(rows) - len(likes)))
    middle = weight @ rows
    centred = rows - middle
    inner = (centred * weight[:, None]).T @ centred
    inner[np.diag_indices_from(inner)] += _RIDGE * np.trace(inner) / len(inner) + 1e-9
    found = np.linalg.solve(inner, (centred * weight[:, None]).T @ (wanted - weight @ wanted))
    return found.astype(np.float32)


def _recall(space: Space, answer: Answer) -> float:
    """Return the lowest recall that was measured in this mode with filters that leave about as much."""
    if answer.exact:
        return 1.0
    share = answer.eligible / max(1, space.live)
    kinds = ("none",) if share >= 1 else ("random-10%", "region-10%") if share > 0.05 else ("random-1%", "region-1%")
    measured = space.recall
    if space.held is not None and answer.engine:
        # Rows that were added since are found by our own codes.
        measured = (*space.held.recall, *(space.recall if answer.probed else ()))
    found: list[Recall] = [each for each in measured if each.mode == answer.mode and each.kind in kinds]
    return min((each.value for each in found), default=0.0)
