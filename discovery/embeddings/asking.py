"""Finding the nearest rows of a space: what may be found is known first, and nothing is left out afterwards.

A region chosen on the ground chooses what it looks like too, so rows that a filter leaves are often in lists far from
the query. Whoever looks into the nearest lists only, or filters what was found, misses most of them. So few rows are
compared one by one, and for more the nearest of those lists are looked through that hold rows which may be found: many,
and as many more as it takes to see a good part of these rows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from discovery.embeddings.codes import Coder, helped
from discovery.embeddings.deriving import BATCH
from discovery.embeddings.segment import OpenSegment
from discovery.embeddings.space import Space
from discovery.embeddings.vectors import MAX_SIZE, Flags, Rows, Vectors, best, scores
from discovery.errors import BadQueryError, UnavailableError

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
    warnings: tuple[str, ...] = ()
    """What could not be looked at."""


class Searcher:
    """Finds the nearest rows in the segments of a space.

    Args:
        space: That is asked.
        segments: Its live ones, open.
        coder: What its codes mean; None where it has none.
    """

    def __init__(self, space: Space, segments: Sequence[OpenSegment], coder: Coder | None) -> None:
        self.space = space
        self.segments = tuple(segments)
        self._coder = coder

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
        parts = [_Part(self, each, allowed) for each in self.segments]
        eligible = sum(each.count for each in parts)
        merged = _Merged(len(queries), size)
        probed = rescored = 0
        is_exact = True
        warnings = []
        for part in parts:
            if not part.count:
                continue
            try:
                if self._coder is None or part.segment.codes is None or mode == EXACT or part.is_small(mode):
                    part.compare(queries, merged)
                else:
                    seen, again = part.look(self._coder, queries, size, mode, merged)
                    probed, rescored, is_exact = probed + seen, rescored + again, False
            except UnavailableError as error:
                warnings.append(str(error))
        if warnings and len(warnings) == sum(each.count > 0 for each in parts):
            raise UnavailableError("; ".join(warnings[:3]), retry_after=None)
        return Answer(
            found=merged.best(),
            mode=mode,
            exact=is_exact,
            eligible=eligible,
            probed=probed,
            rescored=rescored,
            warnings=tuple(warnings),
        )


class _Merged:
    """The best of all segments so far."""

    def __init__(self, queries: int, size: int) -> None:
        self._size = size
        self._rows: list[Rows] = [np.empty(0, dtype=np.int64)] * queries
        self._scores: list[npt.NDArray[np.float32]] = [np.empty(0, dtype=np.float32)] * queries

    def add(self, query: int, rows: Rows, found: npt.NDArray[np.float32]) -> None:
        self._rows[query], self._scores[query] = best(
            np.concatenate([self._rows[query], rows]), np.concatenate([self._scores[query], found]), self._size
        )

    def best(self) -> tuple[Found, ...]:
        return tuple(Found(rows, found) for rows, found in zip(self._rows, self._scores, strict=True))


class _Part:
    """One segment, narrowed to the rows that may be found."""

    def __init__(self, searcher: Searcher, segment: OpenSegment, allowed: Allowed | None) -> None:
        self.segment = segment
        self._metric = searcher.space.metric
        self._start = segment.said.start
        narrowed = allowed(segment) if allowed is not None else None
        self._narrowed = narrowed is not None
        if narrowed is not None:
            self._mask: Flags | None = narrowed & segment.usable
        else:
            self._mask = np.asarray(segment.usable) if segment.said.left_out else None
        self.count = int(np.count_nonzero(self._mask)) if self._mask is not None else segment.rows

    def is_small(self, mode: str) -> bool:
        """Say whether comparing all rows one by one is no slower than looking for them."""
        return self.count <= (_FEW if mode == BALANCED else _FEW // 4) and self.segment.is_mapped

    def compare(self, queries: Vectors, merged: _Merged) -> None:
        """Compare every row that may be found with the vectors themselves."""
        if self._mask is not None and self.count <= BATCH * 4 and self.segment.is_mapped:
            rows = np.flatnonzero(self._mask)
            self._compared(queries, rows, self.segment.vectors(rows), merged)
            return
        for at, vectors, usable in self.segment.batches(BATCH):
            here = usable if self._mask is None else usable & self._mask[at : at + len(vectors)]
            self._compared(queries, np.flatnonzero(here) + at, vectors[here], merged)

    def _compared(self, queries: Vectors, rows: Rows, vectors: Vectors, merged: _Merged) -> None:
        for number, query in enumerate(queries):
            merged.add(number, rows + self._start, scores(query, vectors, self._metric))

    def look(self, coder: Coder, queries: Vectors, size: int, mode: str, merged: _Merged) -> tuple[int, int]:
        """Look for rows by their codes, and compare the likely ones; return how many lists and rows that were."""
        assert self.segment.codes is not None
        turned = coder.turned(queries)
        per, least = _AGAIN[mode]
        times = _TWICE[mode] if self._narrowed else 1
        again = min(max(per * size, least) * times, max(_MOST_AGAIN, size), self.segment.rows)
        away, lists = self._promising(coder, turned, mode) if self._narrowed else coder.nearest(turned, _PROBES[mode])
        likely = self.segment.codes.search(turned, lists, away, again, self._mask)
        rescored = 0
        rows, inverse = np.unique(likely, return_inverse=True)
        inverse = inverse.reshape(likely.shape)
        vectors = self.segment.vectors(rows[rows >= 0])
        first = int(np.searchsorted(rows, 0))
        for number, query in enumerate(queries):
            mine = inverse[number][likely[number] >= 0] - first
            rescored = max(rescored, len(mine))
            own = rows[first:][mine]
            merged.add(number, own + self._start, scores(query, vectors[mine], self._metric))
        return lists.shape[1], rescored

    def _promising(
        self, coder: Coder, turned: Vectors, mode: str
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
        """Return for each query the lists to look through for rows that a filter leaves, as `Coder.nearest` does."""
        assert self._mask is not None
        away, lists = coder.nearest(turned, coder.lists)
        # Taking by numbers is several times as fast as indexing by flags.
        counts = np.bincount(np.take(self.segment.lists, np.flatnonzero(self._mask)), minlength=coder.lists)
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
