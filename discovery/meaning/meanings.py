"""A vector for each resource, derived from the store and kept in one file: which resources are near to some words.

The file holds nothing that cannot be made again. Where it is missing or damaged nothing is near to anything, and
whoever follows the store makes it anew.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from discovery.errors import ConfigError, UnavailableError
from discovery.lock import Lock
from discovery.meaning.weights import DAMAGED, Floats, Weights, load

_log = logging.getLogger(__name__)

FILE: Final = "resources.npz"
MAX_RESOURCES: Final = 100_000
"""Resources that have vectors; each is compared with every question."""
MAX_NUMBERS: Final = 400
"""Words and pieces that are read of a resource: title, keywords and the beginning of a description."""
LIKENESS: Final = 0.3
"""Cosine from which a resource is near to words."""
_FORMAT: Final = 1
_SETTLED: Final = 100
"""How many resources more than twice those that were counted have words counted anew."""
_MISSING: Final = "there are no vectors of the resources yet; a running portal makes them, or `discovery reindex`"

Text = tuple[int, str]
"""The number of a resource, and what it says of itself."""


@dataclass(frozen=True, slots=True)
class _Held:
    """What the file holds."""

    keys: npt.NDArray[np.int64]
    vectors: npt.NDArray[np.float16]
    rarity: Floats
    """How much each word of the weights counts: the rarer among the resources that were counted, the more."""
    counted: int
    """How many resources that were."""
    change: int
    """The last change of the store that was seen."""
    fingerprint: str
    """Of the weights."""


class Meanings:
    """Finds resources by what words mean.

    Args:
        folder: Where the file is, and the lock of whoever writes it.
        weights: The table of words that the operator supplies.
    """

    def __init__(self, folder: Path, weights: Path) -> None:
        self.lock = Lock(folder / "meaning.lock", "the vectors of resources are being written")
        self._path = folder / FILE
        self._place = weights
        self._weights: Weights | ConfigError | None = None
        self._seen: tuple[tuple[int, int, int], _Held | str, Floats] | None = None

    @property
    def fingerprint(self) -> str:
        """What tells these weights from others; empty where they cannot be used."""
        weights = self._table()
        return weights.fingerprint if weights else ""

    @property
    def change(self) -> int:
        """The last change of the store that the vectors have seen, 0 where all of them have to be made."""
        held = self._held()[0]
        if isinstance(held, str) or len(held.keys) > 2 * held.counted + _SETTLED:
            return 0
        return held.change

    def nearest(self, words: Sequence[str], size: int) -> tuple[int, ...]:
        """Return the numbers of the resources that are nearest in meaning to some words, the nearest first.

        None where fewer than half of the words are known, or nothing is near enough.
        """
        weights = self._table()
        held, vectors = self._held()
        if weights is None or isinstance(held, str):
            return ()
        known = [numbers for word in words if (numbers := list(_flat(weights.words(word))))]
        if not known or 2 * len(known) < len(words):
            return ()
        asked = _mean(weights, held.rarity, np.asarray([each for one in known for each in one], dtype=np.int64))
        likeness = np.round(vectors @ asked, 4)
        near = np.flatnonzero(likeness >= LIKENESS)
        order = np.lexsort((held.keys[near], -likeness[near]))[:size]
        return tuple(held.keys[near][order].tolist())

    def build(self, resources: Iterable[Text], change: int) -> int:
        """Make the vectors of all resources, and return of how many.

        Args:
            resources: All that there are.
            change: The last change of the store that they have seen.

        Raises:
            UnavailableError: The file cannot be written.
        """
        weights = self._table()
        if weights is None:
            return 0
        read = [(key, _numbers(weights, text)) for key, text in islice(resources, MAX_RESOURCES)]
        holding = np.zeros(weights.size, dtype=np.int64)
        for _, numbers in read:
            holding[np.unique(numbers)] += 1
        rarity = np.log((len(read) + 1.0) / (holding + 1.0)).astype(np.float32) + np.float32(0.1)
        vectors = [_mean(weights, rarity, numbers) for _, numbers in read]
        keys = np.asarray([key for key, _ in read], dtype=np.int64)
        made = _Held(keys, _table(vectors, weights), rarity, len(read), change, weights.fingerprint)
        self._write(made)
        return len(read)

    def write(self, resources: Sequence[Text], gone: Iterable[int], change: int) -> int:
        """Make the vectors of resources that have changed, forget others, and return how many were made.

        Args:
            resources: Those that have changed or are new.
            gone: The numbers of those that are no more.
            change: The last change of the store that these have seen.

        Raises:
            UnavailableError: The file cannot be written.
        """
        weights, held = self._table(), self._held()[0]
        if weights is None or isinstance(held, str):
            return 0
        fresh = [key for key, _ in resources]
        keep = ~np.isin(held.keys, np.asarray([*fresh, *gone], dtype=np.int64))
        vectors = [_mean(weights, held.rarity, _numbers(weights, text)) for _, text in resources]
        keys = np.concatenate([held.keys[keep], np.asarray(fresh, dtype=np.int64)])[:MAX_RESOURCES]
        rows = np.concatenate([held.vectors[keep], _table(vectors, weights)])[:MAX_RESOURCES]
        self._write(_Held(keys, rows, held.rarity, held.counted, change, held.fingerprint))
        return len(vectors)

    def check(self) -> list[str]:
        """Return what keeps words from being compared by their meaning, one sentence each; empty is good."""
        if self._table() is None:
            return [str(self._weights)]
        held = self._held()[0]
        return [held] if isinstance(held, str) else []

    def _table(self) -> Weights | None:
        """Return the weights, None where they cannot be used, which is said once; they are read but once, too."""
        if self._weights is None:
            try:
                self._weights = load(self._place)
            except ConfigError as error:
                _log.warning("words are not compared by their meaning: %s", error)
                self._weights = error
        return self._weights if isinstance(self._weights, Weights) else None

    def _held(self) -> tuple[_Held | str, Floats]:
        """Return what the file holds now, or what is wrong with it, and its vectors as they are compared."""
        try:
            about = self._path.stat()
        except OSError:
            return _MISSING, np.empty((0, 0), dtype=np.float32)
        stamp = (about.st_mtime_ns, about.st_ino, about.st_size)
        seen = self._seen
        if seen is None or seen[0] != stamp:
            held = self._read()
            vectors = np.empty((0, 0), dtype=np.float32) if isinstance(held, str) else held.vectors.astype(np.float32)
            self._seen = seen = (stamp, held, vectors)
        return seen[1], seen[2]

    def _read(self) -> _Held | str:
        weights = self._table()
        try:
            # Opened here: numpy leaves open what turns out to be no archive.
            with self._path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
                said = json.loads(str(file["said"]))
                keys, vectors, rarity = (file[name] for name in ("keys", "vectors", "rarity"))
            counted, change = int(said["counted"]), int(said["change"])
            held = _Held(keys, vectors, rarity, counted, change, str(said["fingerprint"]))
            whole = said["format"] == _FORMAT and _whole(held)
        except DAMAGED as error:
            _log.warning("the vectors of resources cannot be read, and are made again: %s", str(error)[:200])
            return f"the vectors of the resources are damaged ({str(error)[:80]}); {_again()}"
        if not whole:
            return f"the vectors of the resources are damaged; {_again()}"
        if weights is not None and (
            held.fingerprint != weights.fingerprint
            or len(held.rarity) != weights.size
            or held.vectors.shape[1] != weights.dimensions
        ):
            return f"the vectors of the resources are of other weights; {_again()}"
        return held

    def _write(self, made: _Held) -> None:
        """Put the file in the place of the one before, whole or not at all."""
        said = {"format": _FORMAT, "counted": made.counted, "change": made.change, "fingerprint": made.fingerprint}
        part = self._path.with_suffix(".part")
        arrays: dict[str, Any] = {"keys": made.keys, "vectors": made.vectors, "rarity": made.rarity}
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with part.open("wb") as out:
                np.savez(out, said=np.asarray(json.dumps(said)), **arrays)
                out.flush()
                os.fsync(out.fileno())
            part.replace(self._path)
        except OSError as error:
            with suppress(OSError):
                part.unlink()
            raise UnavailableError(f"the vectors of resources cannot be written: {error.strerror}") from error


def described(title: str, keywords: Iterable[str], description: str) -> str:
    """Return what a resource says of itself, that which says most first."""
    return " ; ".join((title, *keywords, description))


def _again() -> str:
    return "a running portal makes them again, or `discovery reindex`"


def _whole(held: _Held) -> bool:
    parts: tuple[npt.NDArray[Any], ...] = (held.keys, held.vectors, held.rarity)
    kinds = [(part.ndim, part.dtype.str) for part in parts] == [(1, "<i8"), (2, "<f2"), (1, "<f4")]
    return kinds and len(held.keys) == len(held.vectors) and bool(np.isfinite(held.vectors).all())


def _flat(numbers: Iterable[list[int]]) -> Iterable[int]:
    return (each for word in numbers for each in word)


def _numbers(weights: Weights, text: str) -> npt.NDArray[np.int64]:
    return np.fromiter(islice(_flat(weights.words(text)), MAX_NUMBERS), dtype=np.int64)


def _mean(weights: Weights, rarity: Floats, numbers: npt.NDArray[np.int64]) -> Floats:
    """Return the vector of some words: what the rare ones mean more than what all mean, of length 1 or 0."""
    if not len(numbers):
        return np.zeros(weights.dimensions, dtype=np.float32)
    whole = rarity[numbers] @ weights.vectors(numbers)
    length = float(np.linalg.norm(whole))
    return np.asarray(whole / length if 0 < length < np.inf else np.zeros_like(whole), dtype=np.float32)


def _table(vectors: Sequence[Floats], weights: Weights) -> npt.NDArray[np.float16]:
    rows = np.asarray(vectors, dtype=np.float16)
    return rows if len(vectors) else np.empty((0, weights.dimensions), dtype=np.float16)
