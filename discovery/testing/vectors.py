"""Vectors for tests of embeddings, and the plainest ways to find the near ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from discovery.embeddings.held import Among, Look
from discovery.errors import ConfigError, UnavailableError


def clustered(rows: int, size: int, seed: int = 7, groups: int = 40) -> npt.NDArray[np.float32]:
    """Return vectors of some groups, as embeddings of scenes are; none of them has length one."""
    rng = np.random.default_rng(seed)
    middles = rng.normal(size=(groups, size)) * np.arange(1, size + 1) ** -0.5
    return (middles[rng.integers(0, groups, rows)] + 0.1 * rng.normal(size=(rows, size))).astype(np.float32)


def nearest(vectors: Any, query: Any, size: int) -> list[int]:
    """Return the rows with the highest cosine, by a loop that shares nothing with what it judges."""
    unit = [each / np.linalg.norm(each) for each in np.asarray(vectors, dtype=np.float64)]
    wanted = np.asarray(query, dtype=np.float64) / np.linalg.norm(query)
    order = sorted(range(len(unit)), key=lambda row: (-float(unit[row] @ wanted), row))
    return order[:size]


class PlainEngine:
    """An engine that holds rows in memory and compares every one, with which others agree.

    Args:
        power: Of the rows that it is to find, how many of a hundred it finds.
    """

    name = "plain"

    def __init__(self, power: int = 100) -> None:
        self.indexes: dict[str, dict[int, npt.NDArray[np.float32]]] = {}
        self.power = power
        self.written = 0
        self.asked: list[Look] = []

    def kind(self, dimensions: int, wanted: str = "") -> str:
        """Return how vectors are held: there are two ways that are the same."""
        if wanted not in ("", "whole", "half"):
            raise ConfigError(f"kind {wanted!r} is not one of whole, half")
        return wanted or "whole"

    def fresh(self, space: str) -> str:
        """Return a name for an index that there is not yet."""
        return f"{space}-{len(self.indexes)}"

    def make(self, index: str, kind: str, dimensions: int, metric: str) -> bool:
        """Make an index where there is none, and return whether there was none."""
        is_new = index not in self.indexes
        self.indexes.setdefault(index, {})
        return is_new

    def write(self, index: str, rows: Any, vectors: Any) -> None:
        """Have rows held, in the place of those of the same numbers."""
        self.written += len(rows)
        self.indexes[index] |= dict(zip(rows.tolist(), vectors, strict=True))

    def delete(self, index: str, rows: Any) -> None:
        """Have rows not held any more."""
        for row in rows.tolist():
            self.indexes[index].pop(row, None)

    def count(self, index: str, start: int, end: int) -> int:
        """Return how many rows are held from `start` to before `end`."""
        return sum(start <= row < end for row in self.indexes[index])

    def nearest(self, index: str, queries: Any, metric: str, look: Look) -> Sequence[tuple[Any, Any]]:
        """Return for each query the nearest rows, in no order."""
        if index not in self.indexes:
            raise UnavailableError(f"{index} is not there any more", retry_after=None)
        self.asked.append(look)
        held = self.indexes[index]
        rows = np.array(sorted(held), dtype=np.int64)
        rows = rows[_are_among(rows, look.among)]
        vectors = np.array([held[row] for row in rows.tolist()], dtype=np.float32).reshape(len(rows), -1)
        out = []
        for query in queries:
            near = vectors @ query if metric == "cosine" else -np.linalg.norm(vectors - query, axis=1)
            order = np.argsort(-near, kind="stable")[: look.size]
            kept = np.sort(order[: max(1, len(order) * self.power // 100)])
            out.append((rows[kept], near[kept].astype(np.float32)))
        return out

    def remove(self, index: str) -> None:
        """Let go of an index."""
        self.indexes.pop(index, None)

    def close(self) -> None:
        """Keep what is in memory."""


def _are_among(rows: npt.NDArray[np.int64], among: Among | None) -> npt.NDArray[np.bool_]:
    if among is None:
        return np.ones(len(rows), dtype=bool)
    inside = np.zeros(len(rows), dtype=bool)
    for start, end in among.spans:
        inside |= (rows >= start) & (rows < end)
    if among.only is not None:
        inside &= np.isin(rows, among.only)
    return inside if among.without is None else inside & ~np.isin(rows, among.without)
