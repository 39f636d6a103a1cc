"""Codes of one bit a dimension, by which near vectors are found without reading them (RaBitQ in inverted lists, faiss).

A code says where a vector is, seen from the middle of its list: near-duplicates keep apart, which neighbouring tiles
are. What codes find is always compared again with the vectors themselves.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import faiss
import numpy as np
import numpy.typing as npt

from discovery.embeddings.vectors import Flags, Rows, Vectors
from discovery.errors import ConfigError

FEWEST: Final = 20_000
"""Rows below which vectors are compared one by one: that takes milliseconds."""
MAX_LISTS: Final = 8192
_SEED: Final = 7
_HELPED: Final = 16
"""Queries from which on several cores look for them."""
_PER_LIST: Final = 64
"""Vectors a list is made of, on average."""


def lists_for(rows: int) -> int:
    """Return in how many lists that many rows are kept: about half of the root of their number, a power of two."""
    if rows < FEWEST:
        return 0
    return int(min(MAX_LISTS, max(64, 2 ** round(np.log2(np.sqrt(rows) / 2)))))


def sample_for(lists: int) -> int:
    """Return how many vectors the lists are made from."""
    return lists * _PER_LIST


class Coder:
    """Turns vectors so that no axis is special, knows the middles of the lists, and makes codes.

    Args:
        index: A trained `IndexPreTransform` without rows.
    """

    def __init__(self, index: Any) -> None:
        self._index = index
        self._turn = faiss.downcast_VectorTransform(index.chain.at(0))
        self._lists: Any = faiss.downcast_index(index.index)

    @property
    def lists(self) -> int:
        """How many lists there are."""
        return int(self._lists.nlist)

    @classmethod
    def train(cls, vectors: Vectors, lists: int) -> Coder:
        """Return what was learnt from some vectors; the same vectors give the same."""
        size = vectors.shape[1]
        turn = faiss.RandomRotationMatrix(size, size)
        turn.init(_SEED)
        inverted = faiss.IndexIVFRaBitQFastScan(faiss.IndexFlatL2(size), size, lists, faiss.METRIC_L2)
        inverted.cp.seed = _SEED
        inverted.cp.min_points_per_centroid = 1
        made = faiss.IndexPreTransform(turn, inverted)
        made.train(vectors)
        return cls(made)

    @classmethod
    def read(cls, path: Path) -> Coder:
        """Return what was learnt before.

        Raises:
            ConfigError: The file is missing or damaged.
        """
        return cls(_read(path, 0))

    def write(self, path: Path) -> None:
        """Keep what was learnt."""
        _write(self._index, path)

    def turned(self, vectors: Vectors) -> Vectors:
        """Return vectors as codes see them."""
        found: Vectors = self._turn.apply(vectors)
        return found

    def nearest(self, turned: Vectors, count: int) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
        """Return the squares of the distances to the nearest lists, and which those are, nearest first."""
        away, lists = self._lists.quantizer.search(turned, min(count, self.lists))
        return away, lists

    def residual(self, vectors: Vectors) -> float:
        """Return the mean distance of some vectors to the middles of their lists."""
        away, _ = self.nearest(self.turned(vectors), 1)
        return float(np.sqrt(np.maximum(away, 0)).mean()) if len(away) else 0.0

    def empty(self) -> Codes:
        """Return codes without rows, to be filled."""
        made = faiss.clone_index(self._lists)
        return Codes(made)


class Codes:
    """The codes of a segment's rows."""

    def __init__(self, index: Any) -> None:
        self._index = index

    @classmethod
    def read(cls, path: Path) -> Codes:
        """Return the codes of a file, mapped: what is not asked for is not read.

        Raises:
            ConfigError: The file is missing or damaged.
        """
        return cls(_read(path, faiss.IO_FLAG_MMAP_IFC))

    def write(self, path: Path) -> None:
        """Keep the codes."""
        _write(self._index, path)

    def add(self, turned: Vectors) -> None:
        """Add rows, numbered on from those that are there."""
        self._index.add(turned)

    def members(self) -> Iterator[Rows]:
        """Yield the numbers of the rows in each list."""
        held = self._index.invlists
        for number in range(self._index.nlist):
            size = held.list_size(number)
            yield faiss.rev_swig_ptr(held.get_ids(number), size).copy() if size else np.empty(0, dtype=np.int64)

    def search(
        self,
        turned: Vectors,
        lists: npt.NDArray[np.int64],
        away: npt.NDArray[np.float32],
        size: int,
        allowed: Flags | None = None,
    ) -> Rows:
        """Return for each query the rows that seem nearest; -1 where there are no more.

        Args:
            turned: Queries as codes see them.
            lists: For each query, the lists to look through; -1 is none.
            away: The squares of their distances, as `Coder.nearest` says.
            size: How many rows.
            allowed: For each row whether it may be found; None is all.
        """
        count = len(turned)
        found, scores = np.empty((count, size), dtype=np.int64), np.empty((count, size), dtype=np.float32)
        given: Any = faiss.SearchParametersIVF()
        given.nprobe = lists.shape[1]
        if allowed is not None:
            bits = np.packbits(allowed, bitorder="little")
            given.sel = faiss.IDSelectorBitmap(len(allowed), faiss.swig_ptr(bits))
        turned, lists = np.ascontiguousarray(turned), np.ascontiguousarray(lists)
        away = np.ascontiguousarray(away, dtype=np.float32)
        pointers = [faiss.swig_ptr(each) for each in (lists, away, scores, found)]
        # The wrapper of Python takes no parameters here; it would have checked what is sure by now.
        self._index.search_preassigned_c(count, faiss.swig_ptr(turned), size, *pointers, False, given)
        return found


def helped(queries: int) -> None:
    """Have this thread search with a helper on each core for many queries, alone for few: helpers only cost then."""
    faiss.omp_set_num_threads(os.cpu_count() or 1 if queries >= _HELPED else 1)


def _read(path: Path, flags: int) -> Any:
    try:
        return faiss.read_index(str(path), flags)
    except (RuntimeError, MemoryError) as error:
        raise ConfigError(f"{path.parent.name}/{path.name} cannot be read: add the space anew") from error


def _write(index: Any, path: Path) -> None:
    part = path.with_suffix(".part")
    try:
        faiss.write_index(index, str(part))
        with part.open("rb+") as made:
            os.fsync(made.fileno())
        part.replace(path)
    except (RuntimeError, OSError) as error:
        part.unlink(missing_ok=True)
        raise ConfigError(f"{path.name} cannot be written: {str(error)[:200]}") from error
