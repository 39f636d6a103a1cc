"""Rows of a space that an engine for many machines holds once more and looks through, in the place of our codes.

Which rows may be found is decided here, from the columns beside the files, and handed over before the engine looks at
anything: as spans of row numbers, or as the numbers themselves, those that may be found or those that may not,
whichever are fewer. So an engine needs to know nothing of places, times and records, and what it finds is what we
would have found.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

from discovery.embeddings.vectors import Flags, Rows, Vectors

OWN: Final = "own"
"""The engine that every space has: our codes."""
MAX_NAMED: Final = 2_000_000
"""Row numbers that are handed over with one request; of more, rows are compared here."""
_MAX_SPANS: Final = 256

Scores = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Among:
    """The rows that an engine may find, said as shortly as may be."""

    spans: tuple[tuple[int, int], ...]
    """The first row and the one after the last; all rows that may be found are in one of them."""
    only: Rows | None = None
    """Of those, only these; None is all."""
    without: Rows | None = None
    """Of those, none of these."""

    @property
    def named(self) -> int:
        """How many rows are named by their numbers."""
        return sum(len(each) for each in (self.only, self.without) if each is not None)


@dataclass(frozen=True, slots=True)
class Look:
    """What an engine is asked to look for."""

    size: int
    """Rows for each query."""
    effort: int
    """Rows that it keeps in view while it looks."""
    again: int
    """Rows that it compares again with the vectors themselves; 0 is none: we do."""
    among: Among | None = None
    """Which rows may be found; None is all that it holds."""


class Engine(Protocol):
    """What holds rows of spaces, as one index for each, and finds the near ones."""

    name: str

    def kind(self, dimensions: int, wanted: str = "") -> str:
        """Return how vectors of that size are held: as is wanted, or as is best.

        Raises:
            ConfigError: It cannot hold such vectors, or not so.
        """
        ...

    def fresh(self, space: str) -> str:
        """Return a name for an index that there is not yet."""
        ...

    def make(self, index: str, kind: str, dimensions: int, metric: str) -> bool:
        """Make an index where there is none, and return whether there was none."""
        ...

    def write(self, index: str, rows: Rows, vectors: Vectors) -> None:
        """Have rows held, in the place of those of the same numbers; they are safe when this returns."""
        ...

    def delete(self, index: str, rows: Rows) -> None:
        """Have rows not held any more."""
        ...

    def count(self, index: str, start: int, end: int) -> int:
        """Let all that was written be found, and return how many rows are held from `start` to before `end`."""
        ...

    def nearest(self, index: str, queries: Vectors, metric: str, look: Look) -> Sequence[tuple[Rows, Scores]]:
        """Return for each query the rows that seem nearest, in any order, and how near they are.

        Raises:
            UnavailableError: It does not answer, or does not hold the rows any more.
        """
        ...

    def remove(self, index: str) -> None:
        """Let go of an index; of one that is not there, nothing happens."""
        ...

    def close(self) -> None:
        """Let go of what it is asked by."""
        ...


def among(parts: Sequence[tuple[int, int, Flags | None]]) -> Among:
    """Return which rows may be found, from the first row of each part, its number of rows and which of them may be."""
    whole = _joined([(start, start + rows) for start, rows, _ in parts if rows])
    if all(mask is None for _, _, mask in parts):
        return Among(whole)
    flags = [np.ones(rows, dtype=bool) if mask is None else mask for _, rows, mask in parts]
    eligible = np.concatenate([np.flatnonzero(mask) + start for mask, (start, _, _) in zip(flags, parts, strict=True)])
    if not len(eligible):
        return Among(())
    ends = np.flatnonzero(np.diff(eligible) != 1)
    if len(ends) < _MAX_SPANS:
        first, last = np.concatenate([[0], ends + 1]), np.concatenate([ends, [len(eligible) - 1]])
        pairs = zip(eligible[first].tolist(), (eligible[last] + 1).tolist(), strict=True)
        return Among(tuple(pairs))
    total = sum(map(len, flags))
    if 2 * len(eligible) <= total:
        return Among(whole, only=eligible)
    rest = [np.flatnonzero(~mask) + start for mask, (start, _, _) in zip(flags, parts, strict=True)]
    return Among(whole, without=np.concatenate(rest))


def _joined(spans: Sequence[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """Return spans in their order, those that touch as one."""
    out: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if out and out[-1][1] == start:
            out[-1] = (out[-1][0], end)
        else:
            out.append((start, end))
    return tuple(out)
