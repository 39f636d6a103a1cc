"""Vectors like those of scenes of the Earth, made block by block from a seed: 10,000,000 of them need no memory.

200 biomes of 20 kinds of scene each, of very unequal sizes; a kind varies in 16 directions of its own. Spectra fall as
those of real embeddings do, all vectors lean to one side, and all are turned and made of length one. A biome lies in a
strip of the globe of its own, so that a region chooses what its rows look like. With `hard`, the scenes of a kind are
near-duplicates.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

SEED: Final = 7
BLOCK: Final = 20_000
_PART: Final = 250
_BIOMES, _KINDS, _INNER = 200, 20, 16
Matrix = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Scenes:
    """A table of embeddings that is made while it is read."""

    rows: int
    size: int = 768
    hard: bool = False

    def blocks(self) -> Iterator[tuple[Matrix, npt.NDArray[np.float64], npt.NDArray[np.float64]]]:
        """Yield vectors with the longitude and latitude of each, in order."""
        for at in range(0, self.rows, BLOCK):
            yield self.block(at // BLOCK, min(BLOCK, self.rows - at))

    def block(self, number: int, count: int) -> tuple[Matrix, npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Return one block; the same number gives the same."""
        rng = np.random.default_rng((SEED, number))
        kinds, shares, spread, inner = self._kinds
        kind = rng.choice(len(kinds), count, p=shares)
        within = 0.15 if self.hard else 1.0
        how = rng.standard_normal((count, _INNER), dtype=np.float32)
        # Of all rows at once the directions of their kinds would be a gigabyte.
        parts = (slice(at, at + _PART) for at in range(0, count, _PART))
        vary = np.concatenate([np.einsum("ni,nid->nd", how[part], inner[kind[part]]) for part in parts])
        made = kinds[kind] + within * vary
        made += within * 0.1 * spread * rng.standard_normal((count, self.size), dtype=np.float32)
        made += within * (0.05 / np.sqrt(self.size)) * rng.standard_normal((count, self.size), dtype=np.float32)
        made = (made @ self._turn).astype(np.float32)
        made /= np.linalg.norm(made, axis=1, keepdims=True)
        edges = np.concatenate([[0], np.cumsum(shares.reshape(_BIOMES, _KINDS).sum(axis=1))])
        biome = kind // _KINDS
        lon = -180 + 360 * (edges[biome] + rng.random(count) * (edges[biome + 1] - edges[biome]))
        return made, np.clip(lon, -180, 179.999999), rng.uniform(-60, 60, count)

    @cached_property
    def _kinds(self) -> tuple[Matrix, npt.NDArray[np.float64], Matrix, Matrix]:
        rng = np.random.default_rng(SEED)
        spread = (np.arange(1, self.size + 1) ** -0.6).astype(np.float32)
        spread /= np.linalg.norm(spread)
        biomes = np.sqrt(0.5) * spread * rng.standard_normal((_BIOMES, 1, self.size))
        kinds = biomes + np.sqrt(0.3) * spread * rng.standard_normal((_BIOMES, _KINDS, self.size))
        lean = rng.standard_normal(self.size)
        kinds = kinds.reshape(-1, self.size) + lean / np.linalg.norm(lean)
        shares = np.arange(1, len(kinds) + 1) ** -0.8
        shares = rng.permutation(shares / shares.sum())
        inner = np.sqrt(0.2 / _INNER) * spread * rng.standard_normal((len(kinds), _INNER, self.size))
        return kinds.astype(np.float32), shares, spread, inner.astype(np.float32)

    @cached_property
    def _turn(self) -> npt.NDArray[np.float64]:
        turn, _ = np.linalg.qr(np.random.default_rng(SEED + 1).standard_normal((self.size, self.size)))
        return turn.astype(np.float32)  # type: ignore[no-any-return]

    def queries(self, count: int) -> Matrix:
        """Return vectors that are no rows."""
        return self.block(1_000_000, BLOCK)[0][:count]


@dataclass(frozen=True)
class Stored:
    """How the numbers of a table are stored."""

    kind: str
    """`float32`, `float16` or `int8`."""
    scale: float = 1.0
    """What a stored number is multiplied with to be the value again."""

    @property
    def bytes(self) -> int:
        """Bytes of a number."""
        return np.dtype(self.kind).itemsize

    def packed(self, vectors: Matrix) -> npt.NDArray[Any]:
        """Return vectors as they are stored."""
        if self.kind == "int8":
            return np.clip(np.rint(vectors / np.float32(self.scale)), -127, 127).astype(np.int8)
        return vectors.astype(self.kind)


FLOAT32: Final = Stored("float32")
FLOAT16: Final = Stored("float16")
INT8: Final = Stored("int8", 1 / 400)
"""Of vectors of length one with hundreds of numbers hardly any number is above 0.32."""


def to_arrow(scenes: Scenes, path: Path, stored: Stored = FLOAT32) -> Path:
    """Write vectors with places as an Arrow file, which is mapped, in the columns of Major TOM; one block at a time."""
    kind = pa.list_(pa.from_numpy_dtype(np.dtype(stored.kind)), scenes.size)
    schema = pa.schema(
        [("id", pa.string()), ("embedding", kind), ("centre_lon", pa.float64()), ("centre_lat", pa.float64())]
    )
    at = 0
    with pa.ipc.new_file(str(path), schema) as out:
        for vectors, lon, lat in scenes.blocks():
            ids = pa.array([f"scene-{each}" for each in range(at, at + len(vectors))])
            column = pa.FixedSizeListArray.from_arrays(pa.array(stored.packed(vectors).ravel()), scenes.size)
            out.write_batch(pa.record_batch([ids, column, pa.array(lon), pa.array(lat)], schema=schema))
            at += len(vectors)
    return path
