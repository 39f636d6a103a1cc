"""Arithmetic on vectors: from stored numbers to values, and how near two of them are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from discovery.embeddings.space import COSINE, PLAIN, SIGNED_SQUARE, Quantization, Space
from discovery.errors import BadQueryError

Vectors = npt.NDArray[np.float32]
"""Rows of float32."""
Flags = npt.NDArray[np.bool_]
Rows = npt.NDArray[np.int64]
MAX_SIZE: Final = 1_000
"""Rows that one answer has at most."""
_LEAST: Final = 1e-12
_MIDPOINT: Final = 127.5
_NODATA: Final = -128


def values(stored: npt.NDArray[Any], quantization: Quantization) -> Vectors:
    """Return the values of stored numbers.

    AlphaEarth's are `sign(v) (v / 127.5)^2`, with -128 for no data (Google's readme of the annual embeddings).
    """
    if quantization.method == PLAIN:
        asis: Vectors = np.asarray(stored, dtype=np.float32)
        return asis
    plain = np.asarray(stored, dtype=np.float32)
    if quantization.method == SIGNED_SQUARE:
        out: Vectors = np.sign(plain) * np.square(plain / np.float32(_MIDPOINT))
        out[np.asarray(stored) == _NODATA] = np.nan
        return out
    scaled: Vectors = plain * np.float32(quantization.scale) + np.float32(quantization.offset)
    return scaled


def prepared(vectors: Vectors, metric: str) -> tuple[Vectors, Flags]:
    """Return vectors ready to be compared, and which of them are vectors at all.

    Those that are zero or not finite become zero and count as none.
    """
    usable: Flags = np.asarray(np.isfinite(vectors).all(axis=1))
    if not usable.all():
        vectors = np.where(usable[:, None], vectors, np.float32(0.0))
    if metric == COSINE:
        norms = np.sqrt(np.einsum("ij,ij->i", vectors, vectors, dtype=np.float64))
        usable &= norms > _LEAST
        vectors = vectors / np.where(norms > _LEAST, norms, 1.0).astype(np.float32)[:, None]
    return np.ascontiguousarray(vectors, dtype=np.float32), usable


def scores(query: Vectors, vectors: Vectors, metric: str) -> npt.NDArray[np.float32]:
    """Return how near each vector is to a query, larger is nearer: the cosine, or the distance with its sign turned.

    Args:
        query: One vector, prepared.
        vectors: Prepared ones.
        metric: Of their space.
    """
    if metric == COSINE:
        found: npt.NDArray[np.float32] = vectors @ query
        return found
    away = vectors - query
    apart: npt.NDArray[np.float32] = -np.sqrt(np.einsum("ij,ij->i", away, away))
    return apart


def asked(space: Space, given: Sequence[Any] | npt.NDArray[Any], parameter: str = "vector") -> Vectors:
    """Return a vector that somebody sent, ready to be compared with those of a space.

    Raises:
        BadQueryError: It has another length, is zero, or holds what is no finite number.
    """
    try:
        made = np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise BadQueryError(f"{parameter} holds something that is no number", parameter=parameter) from error
    if made.shape != (space.dimensions,):
        told = " x ".join(map(str, made.shape)) or "no"
        raise BadQueryError(
            f"{parameter} has {told} numbers; vectors of {space.name} have {space.dimensions}", parameter=parameter
        )
    if not np.isfinite(made).all() or np.abs(made).max() > np.finfo(np.float32).max:
        raise BadQueryError(f"{parameter} holds a number that is not finite", parameter=parameter)
    if space.metric == COSINE:
        norm = float(np.linalg.norm(made))
        if norm <= _LEAST:
            raise BadQueryError(f"{parameter} is zero: it points nowhere", parameter=parameter)
        made = made / norm
    return made.astype(np.float32)


def best(rows: Rows, found: npt.NDArray[np.float32], size: int) -> tuple[Rows, npt.NDArray[np.float32]]:
    """Return the rows with the highest scores, best first, those of one score by their numbers."""
    if len(rows) > size:
        # All that tie with the last one stay until they are in order.
        least = np.partition(found, len(found) - size)[len(found) - size]
        kept = found >= least
        rows, found = rows[kept], found[kept]
    order = np.lexsort((rows, -found))[:size]
    return rows[order], found[order]
