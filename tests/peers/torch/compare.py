"""Compare what a device of torch finds with what numpy finds: `compare.py DEVICE` tells the cases, and those wrong.

It imports nothing of ours but what runs on the device, so that any Python with torch and numpy will do.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[3]))

import numpy as np

from discovery.embeddings import gpu

SIZES = (1, 10, 300)


class Rows:
    """Vectors in memory, read as those of a segment are."""

    def __init__(self, vectors: Any, usable: Any) -> None:
        self.all = vectors
        self.usable = usable
        self.rows = len(vectors)
        self.said = SimpleNamespace(address="memory")

    def batches(self, size: int) -> Iterator[tuple[int, Any, Any]]:
        """Yield vectors, some at a time."""
        for at in range(0, self.rows, size):
            yield at, self.all[at : at + size], self.usable[at : at + size]


def kinds() -> Iterator[tuple[str, str, Any]]:
    """Yield vectors that are easy and hard to tell apart, with their metric."""
    rng = np.random.default_rng(7)
    middles = rng.normal(size=(40, 96)) * np.arange(1, 97) ** -0.5
    near = middles[rng.integers(0, 40, 6000)]
    for name, spread in (("groups", 0.1), ("near-duplicates", 1e-4)):
        yield name, "cosine", near + spread * rng.normal(size=near.shape)
    same = near + 0.1 * rng.normal(size=near.shape)
    same[3000:] = same[:3000]
    yield "each twice", "cosine", same
    yield "small", "l2", 1e-3 * (near + 0.1 * rng.normal(size=near.shape))
    yield "large", "l2", 1e6 * (near + 0.1 * rng.normal(size=near.shape))


def nearest(query: Any, rows: Any, vectors: Any, metric: str, size: int) -> list[int]:
    """Return the nearest of some rows, each compared by itself; ties go by their numbers."""
    these, wanted = vectors[rows].astype(np.float64), query.astype(np.float64)
    if metric == "cosine":
        scores = np.einsum("ij,j->i", these, wanted)
    else:
        scores = -np.einsum("ij,ij->i", these - wanted, these - wanted)
    return [int(rows[each]) for each in np.lexsort((rows, -scores))[:size]]


def main() -> None:
    """Ask for the nearest in every way, and tell where another row is found."""
    wrong, cases, likely = [], 0, 0
    for name, metric, given in kinds():
        vectors = given.astype(np.float32)
        usable = np.ones(len(vectors), dtype=bool)
        usable[[5, 70]] = False
        vectors[~usable] = 0
        if metric == "cosine":
            vectors[usable] /= np.linalg.norm(vectors[usable], axis=1, keepdims=True)
        few = np.zeros(len(vectors), dtype=bool)
        few[np.random.default_rng(3).choice(len(vectors), 400, replace=False)] = True
        for room in (1 << 30, 0):
            scanner = gpu.Scanner(sys.argv[1], room)
            segment = Rows(vectors, usable)
            for mask in (usable, usable & few):
                for size in SIZES:
                    queries = vectors[[7, 2999]] if metric == "l2" else np.roll(vectors[[7, 2999]], 1, axis=0)
                    found = scanner.likely(segment, queries, size, metric, mask)  # type: ignore[arg-type]
                    cases += 1
                    if found is None:
                        wrong.append(f"{name}, {room}, {size}: nothing")
                        continue
                    for query, rows in zip(queries, found, strict=True):
                        likely = max(likely, len(rows))
                        truth = nearest(query, np.flatnonzero(mask), vectors, metric, size)
                        if nearest(query, rows, vectors, metric, size) != truth or not mask[rows].all():
                            wrong.append(f"{name}, {metric}, {room}, {size}")
    sys.stdout.write(json.dumps({"cases": cases, "wrong": wrong, "likely": likely}) + "\n")


if __name__ == "__main__":
    main()
