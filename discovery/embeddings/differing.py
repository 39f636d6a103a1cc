"""What differs most: rows of one place at two times, and rows that are far from all others."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from discovery.embeddings.asking import Allowed, Searcher
from discovery.embeddings.deriving import BATCH
from discovery.embeddings.segment import OpenSegment
from discovery.embeddings.space import COSINE
from discovery.embeddings.table import NO_TIME
from discovery.embeddings.vectors import MAX_SIZE, Flags, Rows, Vectors, best
from discovery.errors import BadQueryError, LimitError

MAX_JOINED: Final = 2_000_000
"""Rows among which those of one place are looked for."""
MAX_COMPARED: Final = 200_000
"""Rows that are compared one by one to find what differs most; of a file that cannot be mapped, all that it has."""
PLACE: Final = "place"
ID: Final = "id"
BY: Final = (PLACE, ID)
ALL: Final = "all"
LIST: Final = "list"
OF: Final = (ALL, LIST)
_PER_DEGREE: Final = 10_000
"""Places that are the same to four decimals, about ten metres, are one."""
_ROUND: Final = 360 * _PER_DEGREE


@dataclass(frozen=True, slots=True)
class Pairs:
    """Rows of one place at two times, those that differ most first."""

    earlier: Rows
    later: Rows
    changes: npt.NDArray[np.float32]
    """1 - cosine, or the distance."""
    compared: int
    """Pairs that there are."""


@dataclass(frozen=True, slots=True)
class Far:
    """Rows that are far from the middle, the farthest first."""

    rows: Rows
    away: npt.NDArray[np.float32]
    """1 - cosine with the middle, or the distance to it."""
    compared: int


def change(
    searcher: Searcher,
    size: int,
    *,
    by: str = PLACE,
    allowed: Allowed | None = None,
    earlier: Callable[[OpenSegment], Flags] | None = None,
    later: Callable[[OpenSegment], Flags] | None = None,
) -> Pairs:
    """Return the pairs of rows of one place at two times that differ most; ties go by the earlier row.

    Of the earlier rows of a place the first is taken, and of the later ones the last.

    Args:
        searcher: Of the space.
        size: How many pairs, at most 1,000.
        by: What tells a place: `place`, longitude and latitude to four decimals, or `id`, what the file calls the row.
        allowed: Which rows count at all.
        earlier: Which rows are the earlier ones; None is all of them.
        later: Which rows are the later ones; None is all of them.

    Raises:
        BadQueryError: The size or `by` cannot be.
        LimitError: There are too many rows; narrow the question.
        UnavailableError: A file cannot be read.
    """
    _check(size, by, BY, "by")
    parts = [(each, _eligible(each, allowed, timed=True)) for each in searcher.segments]
    count = sum(len(rows) for _, rows in parts)
    if count > MAX_JOINED:
        raise LimitError("similar-joined", f"{count:,} rows are in there; at most {MAX_JOINED:,}", parameter="within")
    keys = _places(parts) if by == PLACE else _names(parts)
    rows = _joined([here + each.said.start for each, here in parts])
    start = _joined([np.asarray(each.columns["start"])[here] for each, here in parts])
    # By place, then by time, then by number: the first of a place is its earliest.
    order = np.lexsort((rows, start, keys))
    order = order[keys[order] >= 0]
    chosen = [
        np.concatenate([np.empty(0, dtype=bool), *(of(each)[here] for each, here in parts)])[order] if of else None
        for of in (earlier, later)
    ]
    one, other = (order if mask is None else order[mask] for mask in chosen)
    places, first = np.unique(keys[one], return_index=True)
    others, last = np.unique(keys[other][::-1], return_index=True)
    _, here, there = np.intersect1d(places, others, assume_unique=True, return_indices=True)
    one, other = one[first[here]], other[::-1][last[there]]
    kept = start[one] < start[other]
    before, after = rows[one[kept]], rows[other[kept]]
    _bounded(searcher, 2 * len(before), np.concatenate([before, after]))
    changes = np.empty(len(before), dtype=np.float32)
    for at in range(0, len(before), BATCH):
        part = slice(at, at + BATCH)
        changes[part] = _apart(searcher, gathered(searcher, before[part]), gathered(searcher, after[part]))
    ranked = np.lexsort((before, -changes))[:size]
    return Pairs(before[ranked], after[ranked], changes[ranked], len(before))


def times(searcher: Searcher) -> tuple[int, int] | None:
    """Return the first and the last time of the rows of a space in UTC milliseconds, None where no row has one.

    Without two times nothing can have changed.
    """
    first, last = np.iinfo(np.int64).max, NO_TIME
    for each in searcher.segments:
        start = np.asarray(each.columns["start"])
        timed = np.asarray(each.usable) & (start != NO_TIME)
        first = min(first, int(start.min(where=timed, initial=first)))
        last = max(last, int(start.max(where=timed, initial=last)))
    return (int(first), int(last)) if first <= last else None


def outliers(searcher: Searcher, size: int, *, of: str = ALL, allowed: Allowed | None = None) -> Far:
    """Return the rows that are farthest from the middle; ties go by their numbers.

    Args:
        searcher: Of the space.
        size: How many rows, at most 1,000.
        of: Of what the middle is: `all` rows that may be found, or those of the same `list`.
        allowed: Which rows may be found.

    Raises:
        BadQueryError: The size or `of` cannot be; or there are no lists, as in small spaces.
        LimitError: There are too many rows; narrow the question.
        UnavailableError: A file cannot be read.
    """
    _check(size, of, OF, "of")
    if of == LIST and not any(each.said.coded for each in searcher.segments):
        raise BadQueryError(f"{searcher.space.name} is so small that it has no lists: use of = all", parameter="of")
    parts = [(each, _eligible(each, allowed)) for each in searcher.segments]
    rows = _joined([here + each.said.start for each, here in parts])
    _bounded(searcher, len(rows), rows)
    if not len(rows):
        return Far(rows, np.empty(0, dtype=np.float32), 0)
    groups = np.zeros(len(rows), dtype=np.int64)
    if of == LIST:
        lists = [
            np.asarray(each.lists)[here] if each.said.coded else np.full(len(here), -1, dtype=np.int64)
            for each, here in parts
        ]
        groups = np.unique(_joined(lists), return_inverse=True)[1].reshape(-1)
    middles = np.zeros((int(groups.max()) + 1, searcher.space.dimensions), dtype=np.float64)
    for at, vectors in _batches(searcher, rows):
        np.add.at(middles, groups[at : at + len(vectors)], vectors)
    middles /= np.bincount(groups)[:, None]
    if searcher.space.metric == COSINE:
        norms = np.linalg.norm(middles, axis=1, keepdims=True)
        middles /= np.where(norms > 0, norms, 1.0)
    centres, away = middles.astype(np.float32), np.empty(len(rows), dtype=np.float32)
    for at, vectors in _batches(searcher, rows):
        part = slice(at, at + len(vectors))
        away[part] = _apart(searcher, vectors, centres[groups[part]])
    return Far(*best(rows, away, size), len(rows))


def gathered(searcher: Searcher, rows: Rows) -> Vectors:
    """Return the vectors of rows, whatever segments they are in, in the order asked for."""
    out = np.empty((len(rows), searcher.space.dimensions), dtype=np.float32)
    for each in searcher.segments:
        mine = np.flatnonzero((rows >= each.said.start) & (rows < each.said.start + each.rows))
        if len(mine):
            out[mine] = each.vectors(rows[mine] - each.said.start)
    return out


def _check(size: int, given: str, known: tuple[str, ...], parameter: str) -> None:
    if given not in known:
        raise BadQueryError(f"{parameter} {given[:40]!r} is not one of {', '.join(known)}", parameter=parameter)
    if not 1 <= size <= MAX_SIZE:
        raise BadQueryError(f"size is {size}; 1 to {MAX_SIZE} are found at a time", parameter="size")


def _bounded(searcher: Searcher, count: int, rows: Rows) -> None:
    """Refuse what would take too long: each row is read, and of some files all rows to read one.

    Raises:
        LimitError: It is too much.
    """
    if count > MAX_COMPARED:
        told = f"{count:,} rows would be compared; at most {MAX_COMPARED:,}: narrow the place or the time"
        raise LimitError("similar-compared", told, parameter="within")
    for each in searcher.segments:
        here = (rows >= each.said.start) & (rows < each.said.start + each.rows)
        if here.any() and each.rows > MAX_COMPARED and not each.is_mapped:
            told = f"{each.rows:,} rows of a file that cannot be mapped would be read: add the space with --sidecar"
            raise LimitError("similar-compared", told, parameter="within")


def _batches(searcher: Searcher, rows: Rows) -> Iterator[tuple[int, Vectors]]:
    for at in range(0, len(rows), BATCH):
        yield at, gathered(searcher, rows[at : at + BATCH])


def _apart(searcher: Searcher, ones: Vectors, others: Vectors) -> npt.NDArray[np.float32]:
    if searcher.space.metric == COSINE:
        cosine: npt.NDArray[np.float32] = np.float32(1.0) - np.einsum("ij,ij->i", ones, others)
        return cosine
    away = ones - others
    apart: npt.NDArray[np.float32] = np.sqrt(np.einsum("ij,ij->i", away, away))
    return apart


def _eligible(segment: OpenSegment, allowed: Allowed | None, *, timed: bool = False) -> Rows:
    mask = np.asarray(segment.usable)
    narrowed = allowed(segment) if allowed is not None else None
    if narrowed is not None:
        mask = mask & narrowed
    if timed:
        mask = mask & (np.asarray(segment.columns["start"]) != NO_TIME)
    return np.flatnonzero(mask)


def _joined(parts: list[npt.NDArray[np.int64]]) -> npt.NDArray[np.int64]:
    return np.concatenate([np.empty(0, dtype=np.int64), *parts])


def _places(parts: list[tuple[OpenSegment, Rows]]) -> npt.NDArray[np.int64]:
    """Return a number for the place of each row, -1 where it has none."""
    out = []
    for segment, rows in parts:
        lon, lat = (np.asarray(segment.columns[name])[rows] for name in ("lon", "lat"))
        known = np.isfinite(lon) & np.isfinite(lat)
        across = np.rint(np.where(known, lon, 0.0) * _PER_DEGREE).astype(np.int64) % _ROUND
        up = np.rint(np.where(known, lat, 0.0) * _PER_DEGREE).astype(np.int64) + 90 * _PER_DEGREE
        out.append(np.where(known, up * _ROUND + across, -1))
    return _joined(out)


def _names(parts: list[tuple[OpenSegment, Rows]]) -> npt.NDArray[np.int64]:
    """Return a number for the name of each row, -1 where it has none."""
    named = pa.concat_arrays([pa.array([], pa.string()), *(segment.names(rows) for segment, rows in parts)])
    codes = named.dictionary_encode()
    numbers = np.asarray(codes.indices.fill_null(-1).to_numpy(zero_copy_only=False), dtype=np.int64)
    empty = codes.dictionary.index("").as_py() if len(codes.dictionary) else -1
    return np.where(numbers == empty, -1, numbers)
