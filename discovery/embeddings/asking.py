"""Finding the nearest rows of a space: what may be found is known first, and nothing is left out afterwards.

A region chosen on the ground chooses what it looks like too, so rows that a filter leaves are often in lists far from
the query. Whoever looks into the nearest lists only, or filters what was found, misses most of them. So few rows are
compared one by one, and for more the nearest of those lists are looked through that hold rows which may be found: many,
and as many more as it takes to see a good part of these rows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from discovery.embeddings.codes import Coder, helped
from discovery.embeddings.deriving import BATCH
from discovery.embeddings.held import MAX_NAMED, Engine, Look, among
from discovery.embeddings.segment import OpenSegment
from discovery.embeddings.space import Space
from discovery.embeddings.vectors import MAX_SIZE, Flags, Rows, Vectors, best, scores
from discovery.errors import BadQueryError, UnavailableError

if TYPE_CHECKING:
    from discovery.embeddings.gpu import Scanner

FAST: Final = "fast"
BALANCED: Final = "balanced"
EXACT: Final = "exact"
MODES: Final = (FAST, BALANCED, EXACT)
MAX_QUERIES: Final = 256
_FEW: Final = 2_000
"""Rows that are compared one by one, where they can be read in a moment."""
_PROBES: Final = {FAST: 24, BALANCED: 64}
"""Nearest lists that are looked through when every row may be found."""
_NARROWED: Final = {FAST: (128, 0.3, 20_000), BALANCED: (128, 0.4, 30_000)}
"""When only some may: how many lists that hold some of them at least, and until which part of them was seen, which need
not be more than so many."""
_AGAIN: Final = {FAST: (10, 100), BALANCED: (20, 400)}
"""How many rows for each wanted one, and at least, are compared again with the vectors themselves."""
_TWICE: Final = {FAST: 2, BALANCED: 1}
"""How many times as many where only some may be found: they are farther away, where codes tell less."""
_MOST_AGAIN: Final = 4_000
_SURE: Final = 0.5
"""Until which part of the rows that are compared again, in the order of their codes, the nearest may stand. Hundreds of
rows that look alike are told apart badly by codes, all the more from afar, where a filter leaves none that are near: if
one of the nearest stands behind, others are missing, and more are compared again."""
_MORE: Final = 4
"""How many times as many, then."""
_AT_ONCE: Final = 16_384
"""Rows that are in memory at a time where more are compared again."""
_FARTHER: Final = 5
"""How many times as many rows are compared one by one before an engine is asked for them."""
_EFFORT: Final = {FAST: 1, BALANCED: 2}
"""How many times as many rows an engine keeps in view while it looks; of few that may be found, it looks at all."""
_LOOKED_AT: Final = 10_000

_WORTH: Final = 50_000
"""Rows from which on it is worth the way to a GPU to compare them there."""

Allowed = Callable[[OpenSegment], Flags | None]
"""For each row of a segment whether it may be found; None is all of them."""


@dataclass(frozen=True, slots=True)
class Found:
    """The nearest rows for one query, nearest first."""

    rows: Rows
    scores: npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Answer:
    """What was found for each query, and how."""

    found: tuple[Found, ...]
    mode: str
    exact: bool
    """Whether every row that may be found was compared with the vectors themselves."""
    eligible: int
    """Rows that may be found."""
    probed: int = 0
    """Lists that were looked through, over all segments, for one query."""
    rescored: int = 0
    """Rows compared with the vectors themselves, for one query at most."""
    engine: str = ""
    """What looked for rows in the place of our own codes; empty where nothing did."""
    warnings: tuple[str, ...] = ()
    """What could not be looked at."""


class Searcher:
    """Finds the nearest rows in the segments of a space.

    Args:
        space: That is asked.
        segments: Its live ones, open.
        coder: What its codes mean; None where it has none.
        engine: That holds its rows once more; None leaves all to our own codes.
        scanner: Returns what compares every row on a GPU, None where there is none.
    """

    def __init__(
        self,
        space: Space,
        segments: Sequence[OpenSegment],
        coder: Coder | None,
        engine: Engine | None = None,
        scanner: Callable[[], Scanner | None] = lambda: None,
    ) -> None:
        self.space = space
        self.segments = tuple(segments)
        self._coder = coder
        self._engine = engine if space.held is not None else None
        self._scanner = scanner

    @property
    def own(self) -> Searcher:
        """What finds rows by our own codes alone."""
        return Searcher(self.space, self.segments, self._coder, scanner=self._scanner)

    def search(self, queries: Vectors, size: int, *, mode: str = BALANCED, allowed: Allowed | None = None) -> Answer:
        """Return the nearest rows for each query; ties go by their numbers.

        Args:
            queries: Rows of vectors, ready to be compared.
            size: How many rows each, at most 1,000.
            mode: `fast`, `balanced` or `exact`.
            allowed: Which rows may be found.

        Raises:
            BadQueryError: Too many are wanted, or there is no such mode.
            UnavailableError: No file of the space can be read.
        """
        if mode not in MODES:
            raise BadQueryError(f"mode {mode[:40]!r} is not one of {', '.join(MODES)}", parameter="mode")
        if not 1 <= size <= MAX_SIZE:
            raise BadQueryError(f"size is {size}; 1 to {MAX_SIZE} rows are found at a time", parameter="size")
        if len(queries) > MAX_QUERIES:
            raise BadQueryError(f"{len(queries)} queries; at most {MAX_QUERIES} at a time", parameter="vectors")
        helped(len(queries))
        every = [_Part(self, each, allowed) for each in self.segments]
        eligible = sum(each.count for each in every)
        parts = [each for each in every if each.count]
        groups = self._groups(parts, mode)
        elsewhere = {id(each) for group in groups for each in group.parts}
        merged = _Merged(len(queries), size)
        probed = rescored = failed = 0
        is_exact, engine = True, ""
        warnings = []
        for part in parts:
            if id(part) in elsewhere:
                continue
            try:
                if self._coder is None or part.segment.codes is None or mode == EXACT or part.is_small(mode):
                    part.compare(queries, merged, self._scanner)
                else:
                    seen, again = part.look(self._coder, queries, size, mode, merged)
                    probed, rescored, is_exact = probed + seen, rescored + again, False
            except UnavailableError as error:
                warnings.append(str(error))
                failed += 1
        for group in groups:
            try:
                likely = group.look(queries, size, mode, merged)
                if likely is not None:
                    rescored, is_exact, engine = rescored + likely, False, group.engine.name
            except UnavailableError as error:
                warnings.append(str(error))
                failed += len(group.parts)
        if failed and failed == len(parts):
            raise UnavailableError("; ".join(warnings[:3]), retry_after=None)
        return Answer(
            found=merged.best(),
            mode=mode,
            exact=is_exact,
            eligible=eligible,
            probed=probed,
            rescored=rescored,
            engine=engine,
            warnings=tuple(warnings),
        )

    def _groups(self, parts: Sequence[_Part], mode: str) -> list[_Group]:
        """Return the parts that the engine looks through: those whose likely rows we compare again, and the others."""
        held = self.space.held
        if self._engine is None or held is None or mode == EXACT:
            return []
        mapped: dict[bool, list[_Part]] = {True: [], False: []}
        for part in parts:
            if part.segment.said.start not in held.starts:
                continue
            try:
                # What the engine holds could be found when the file has become another one.
                part.segment.table().check()
                mapped[part.segment.is_mapped].append(part)
            except UnavailableError:
                continue  # It is told where its rows are compared.
        if sum(each.count for each in mapped[True]) <= _few(mode) * _FARTHER:
            mapped[True] = []
        return [_Group(self.space, self._engine, of, is_mapped=which) for which, of in mapped.items() if of]


class _Merged:
    """The best of all segments so far."""

    def __init__(self, queries: int, size: int) -> None:
        self.size = size
        self._rows: list[Rows] = [np.empty(0, dtype=np.int64)] * queries
        self._scores: list[npt.NDArray[np.float32]] = [np.empty(0, dtype=np.float32)] * queries

    def add(self, query: int, rows: Rows, found: npt.NDArray[np.float32]) -> None:
        self._rows[query], self._scores[query] = best(
            np.concatenate([self._rows[query], rows]), np.concatenate([self._scores[query], found]), self.size
        )

    def replace(self, query: int, rows: Rows, found: npt.NDArray[np.float32]) -> None:
        """Add rows some of which were added before."""
        others = ~np.isin(self._rows[query], rows)
        self._rows[query], self._scores[query] = self._rows[query][others], self._scores[query][others]
        self.add(query, rows, found)

    def best(self) -> tuple[Found, ...]:
        return tuple(Found(rows, found) for rows, found in zip(self._rows, self._scores, strict=True))


class _Part:
    """One segment, narrowed to the rows that may be found."""

    def __init__(self, searcher: Searcher, segment: OpenSegment, allowed: Allowed | None) -> None:
        self.segment = segment
        self._metric = searcher.space.metric
        self._start = segment.said.start
        narrowed = allowed(segment) if allowed is not None else None
        self.narrowed = narrowed is not None
        if narrowed is not None:
            self.mask: Flags | None = narrowed & segment.usable
        else:
            self.mask = np.asarray(segment.usable) if segment.said.left_out else None
        self.count = int(np.count_nonzero(self.mask)) if self.mask is not None else segment.rows

    def is_small(self, mode: str) -> bool:
        """Say whether comparing all rows one by one is no slower than looking for them."""
        return self.count <= _few(mode) and self.segment.is_mapped

    def compare(self, queries: Vectors, merged: _Merged, scanner: Callable[[], Scanner | None] = lambda: None) -> None:
        """Compare every row that may be found with the vectors themselves."""
        if self.count >= _WORTH and self.segment.table().about.mapped and self._scanned(queries, merged, scanner()):
            return
        if self.mask is not None and self.count <= BATCH * 4 and self.segment.is_mapped:
            rows = np.flatnonzero(self.mask)
            self._compared(queries, rows, self.segment.vectors(rows), merged)
            return
        for at, vectors, usable in self.segment.batches(BATCH):
            here = usable if self.mask is None else usable & self.mask[at : at + len(vectors)]
            self._compared(queries, np.flatnonzero(here) + at, vectors[here], merged)

    def _scanned(self, queries: Vectors, merged: _Merged, scanner: Scanner | None) -> bool:
        """Compare rows on a device, and those that may be nearest here; say whether that was done."""
        if scanner is None:
            return False
        likely = scanner.likely(self.segment, queries, merged.size, self._metric, self.mask)
        for at, rows in enumerate(likely or ()):
            # One by one: all of them together may be more rows than should be in memory.
            merged.add(at, rows + self._start, scores(queries[at], self.segment.vectors(rows), self._metric))
        return likely is not None

    def _compared(self, queries: Vectors, rows: Rows, vectors: Vectors, merged: _Merged) -> None:
        for number, query in enumerate(queries):
            merged.add(number, rows + self._start, scores(query, vectors, self._metric))

    def look(self, coder: Coder, queries: Vectors, size: int, mode: str, merged: _Merged) -> tuple[int, int]:
        """Look for rows by their codes, and compare the likely ones; return how many lists and rows that were."""
        assert self.segment.codes is not None
        turned = coder.turned(queries)
        times = _TWICE[mode] if self.narrowed else 1
        again = min(_again(mode, size, times), self.segment.rows)
        away, lists = self._promising(coder, turned, mode) if self.narrowed else coder.nearest(turned, _PROBES[mode])
        likely = self._likely(turned, lists, away, again)
        most, unsure = self.again(queries, likely, merged)
        while self.narrowed and len(unsure) and again < min(_MOST_AGAIN, self.count):
            again = min(_MORE * again, _MOST_AGAIN, self.count)
            step, left = max(1, _AT_ONCE // again), []
            for at in range(0, len(unsure), step):
                these = unsure[at : at + step]
                likely = self._likely(turned[these], lists[these], away[these], again)
                most, still = self.again(queries[these], likely, merged, these)
                left.append(these[still])
            unsure = np.concatenate(left)
        return lists.shape[1], most

    def _likely(
        self, turned: Vectors, lists: npt.NDArray[np.int64], away: npt.NDArray[np.float32], again: int
    ) -> list[Rows]:
        """Return for each query the rows that are nearest by what their codes say, nearest first."""
        assert self.segment.codes is not None
        return [each[each >= 0] for each in self.segment.codes.search(turned, lists, away, again, self.mask)]

    def _promising(
        self, coder: Coder, turned: Vectors, mode: str
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
        """Return for each query the lists to look through for rows that a filter leaves, as `Coder.nearest` does."""
        assert self.mask is not None
        away, lists = coder.nearest(turned, coder.lists)
        # Taking by numbers is several times as fast as indexing by flags.
        counts = np.bincount(np.take(self.segment.lists, np.flatnonzero(self.mask)), minlength=coder.lists)
        least, part, enough = _NARROWED[mode]
        held = counts[lists]
        seen = np.cumsum(held, axis=1) - held
        is_near = np.cumsum(held > 0, axis=1) <= max(least, coder.lists // 8)
        chosen = (held > 0) & (is_near | (seen < min(enough, part * self.count)))
        # Queries of a batch may look through fewer lists than others do: -1 is none.
        places = np.cumsum(chosen, axis=1) - 1
        query, at = np.nonzero(chosen)
        to = (query, places[query, at])
        shape = (len(turned), int(places.max()) + 1)
        near, these = np.zeros(shape, dtype=np.float32), np.full(shape, -1, dtype=np.int64)
        near[to], these[to] = away[query, at], lists[query, at]
        return near, these

    def again(
        self, queries: Vectors, likely: Sequence[Rows], merged: _Merged, numbers: Rows | None = None
    ) -> tuple[int, Rows]:
        """Compare likely rows of each query with the vectors themselves.

        Args:
            queries: Of which the rows are.
            likely: The rows of each, those first that are nearest by what is known of them.
            merged: Is given what is found.
            numbers: Which queries these are, where rows of theirs were compared before; None for all of them.

        Returns:
            How many rows those are for one query at most, and for which queries others may be nearer.
        """
        rows = np.unique(np.concatenate(likely))
        unsure: list[int] = []
        vectors = self.segment.vectors(rows) if len(rows) else np.empty((0, queries.shape[1]), dtype=np.float32)
        for at, (query, mine) in enumerate(zip(queries, likely, strict=True)):
            found = scores(query, vectors[np.searchsorted(rows, mine)], self._metric)
            if numbers is None:
                merged.add(at, mine + self._start, found)
            else:
                merged.replace(int(numbers[at]), mine + self._start, found)
            if merged.size < len(mine):
                last = int(np.argpartition(-found, merged.size - 1)[: merged.size].max())
                unsure += [at] if last >= _SURE * len(mine) else []
        return max(map(len, likely), default=0), np.array(unsure, dtype=np.int64)


class _Group:
    """Segments that an engine holds, and looks through at once.

    Args:
        space: That they are of.
        engine: That holds them.
        parts: Them.
        is_mapped: Whether we compare likely rows again; else the engine does.
    """

    def __init__(self, space: Space, engine: Engine, parts: Sequence[_Part], *, is_mapped: bool) -> None:
        assert space.held is not None
        self.engine = engine
        self.parts = sorted(parts, key=lambda each: each.segment.said.start)
        self._metric = space.metric
        self._index = space.held.index
        self._is_mapped = is_mapped
        self._starts = np.array([each.segment.said.start for each in self.parts])
        whole = set(space.held.starts) == set(self._starts.tolist())
        self._is_whole = whole and not any(each.narrowed for each in self.parts)

    def look(self, queries: Vectors, size: int, mode: str, merged: _Merged) -> int | None:
        """Look for rows, and compare the likely ones; return how many those were, None where all were compared."""
        # Rows that hold no vector are not held either, so only a filter narrows.
        narrowed = among(
            [(each.segment.said.start, each.segment.rows, each.mask if each.narrowed else None) for each in self.parts]
        )
        if narrowed.named > MAX_NAMED:
            for each in self.parts:
                each.compare(queries, merged)
            return None
        is_narrowed, count = any(each.narrowed for each in self.parts), sum(each.count for each in self.parts)
        again = min(_again(mode, size, _TWICE[mode] if is_narrowed else 1), count)
        effort = count if is_narrowed and count <= _LOOKED_AT else again * _EFFORT[mode]
        here = self._is_mapped
        look = Look(again if here else size, effort, 0 if here else again, narrowed)
        answers = None
        if self._is_whole:
            # A filter that leaves all costs time. Only while rows are being added, others than ours could be found.
            answers = self.engine.nearest(self._index, queries, self._metric, replace(look, among=None))
            if not all(self._may_be(rows) for rows, _ in answers):
                answers = None
        if answers is None:
            answers = self.engine.nearest(self._index, queries, self._metric, look)
            if not all(self._may_be(rows) for rows, _ in answers):
                raise UnavailableError(f"{self.engine.name} found rows of {self._index} that were not asked for")
        if not here:
            for number, (rows, near) in enumerate(answers):
                merged.add(number, rows, near)
            return again
        whose = [np.searchsorted(self._starts, rows, side="right") - 1 for rows, _ in answers]
        return sum(
            part.again(
                queries,
                [rows[of == at] - self._starts[at] for (rows, _), of in zip(answers, whose, strict=True)],
                merged,
            )[0]
            for at, part in enumerate(self.parts)
        )

    def _may_be(self, rows: Rows) -> bool:
        """Say whether all of these rows may be found."""
        of = np.searchsorted(self._starts, rows, side="right") - 1
        if (of < 0).any():
            return False
        for at in np.unique(of):
            part, inner = self.parts[at], rows[of == at] - self._starts[at]
            if (inner >= part.segment.rows).any() or (part.mask is not None and not part.mask[inner].all()):
                return False
        return True


def _few(mode: str) -> int:
    """Return how many rows are compared one by one where they can be read in a moment."""
    return _FEW if mode == BALANCED else _FEW // 4


def _again(mode: str, size: int, times: int = 1) -> int:
    """Return how many rows are compared again with the vectors themselves."""
    per, least = _AGAIN[mode]
    return min(max(per * size, least) * times, max(_MOST_AGAIN, size))
