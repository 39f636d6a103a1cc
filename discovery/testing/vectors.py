"""Vectors for tests of embeddings, and the plainest way to find the near ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt


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
