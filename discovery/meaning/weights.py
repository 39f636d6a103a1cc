"""Vectors of words as somebody else trained them: a table that is mapped into memory and never changed.

Two forms are read, with numpy alone: a folder with `model.safetensors` and `tokenizer.json`, as Model2Vec publishes
it, and an `.npz` with `words` and `vectors`. Whatever the file says of itself is checked before anything is mapped.
"""

from __future__ import annotations

import hashlib
import json
import math
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from discovery.errors import ConfigError
from discovery.query.tokens import fold, lexicon, spans

Floats = npt.NDArray[np.float32]

MAX_WORDS: Final = 2_000_000
"""Rows of a table of words."""
MAX_DIMENSIONS: Final = 2048
"""Numbers of each row."""
_HEADER: Final = 16 * 1024 * 1024
"""Bytes of the header of safetensors, and less than those of any that describes a table."""
_DTYPES: Final = {"F32": "<f4", "F16": "<f2", "F64": "<f8", "I64": "<i8", "I32": "<i4"}
_PIECES: Final = 100
"""Letters of a word that is taken to pieces; longer ones are no words."""
DAMAGED: Final = (
    OSError,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    EOFError,
    OverflowError,
    MemoryError,
    SyntaxError,
    zipfile.BadZipFile,
)
"""What numpy and zipfile raise for a file of arrays that is damaged."""


class Weights:
    """A table of word vectors.

    Args:
        words: The row of each word, and of each beginning or continuation of one.
        rows: The vectors.
        fingerprint: What tells this table from any other.
        continuation: What stands before a piece that goes on a word; empty where words are whole or unknown.
        scale: How much each row counts, by the table's own account.
        mapping: The row of `rows` that each number of `words` means, where several words share one.
    """

    def __init__(
        self,
        words: Mapping[str, int],
        rows: npt.NDArray[Any],
        fingerprint: str,
        *,
        continuation: str = "",
        scale: npt.NDArray[Any] | None = None,
        mapping: npt.NDArray[Any] | None = None,
    ) -> None:
        count = len(rows) if mapping is None else len(mapping)
        if not words or min(words.values()) < 0 or max(words.values()) >= count:
            raise ConfigError(f"the words are not those of the {count} rows")
        if mapping is not None and (mapping.size == 0 or mapping.min() < 0 or mapping.max() >= len(rows)):
            raise ConfigError("the mapping names rows that are not there")
        if scale is not None and len(scale) != count:
            raise ConfigError(f"there are {len(scale)} weights for {count} rows")
        self._words = words
        self._rows = rows
        self._continuation = continuation
        self._scale = scale
        self._mapping = mapping
        self.fingerprint = fingerprint
        self.size = count
        """How many numbers of words there are."""
        self.dimensions = int(rows.shape[1])

    def words(self, text: str) -> Iterator[list[int]]:
        """Yield the numbers of each word of a text, none for an unknown one; words like "of" are left out."""
        stop = lexicon().stop
        for word, _, _ in spans(fold(text)):
            if word not in stop:
                yield self._numbers(word)

    def vectors(self, numbers: npt.NDArray[np.int64]) -> Floats:
        """Return the vectors of words by their numbers; one that is not finite says nothing."""
        rows = numbers if self._mapping is None else self._mapping[numbers]
        with np.errstate(over="ignore", invalid="ignore"):
            found = np.array(self._rows[rows], dtype=np.float32)
            if self._scale is not None:
                found *= np.asarray(self._scale[numbers], dtype=np.float32)[:, None]
        found[~np.isfinite(found).all(axis=1)] = 0.0
        return found

    def _numbers(self, word: str) -> list[int]:
        whole = self._words.get(word)
        if whole is not None:
            return [whole]
        return self._pieces(word) if self._continuation and len(word) <= _PIECES else []

    def _pieces(self, word: str) -> list[int]:
        """Return the longest pieces of a word, one after the other; nothing where some of it is no piece at all."""
        found: list[int] = []
        at = 0
        while at < len(word):
            before = self._continuation if at else ""
            ends = range(len(word), at, -1)
            end = next((end for end in ends if before + word[at:end] in self._words), 0)
            if not end:
                return []
            found.append(self._words[before + word[at:end]])
            at = end
        return found


def load(path: Path) -> Weights:
    """Return the table in a file or folder.

    Raises:
        ConfigError: It is not there, or is no table of the two forms.
    """
    try:
        return _folder(path) if path.is_dir() else _archive(path)
    except ConfigError as error:
        raise ConfigError(f"the weights in {path.name} cannot be used: {error}") from error
    except FileNotFoundError as error:
        raise ConfigError(
            f"the weights in {path.name} cannot be used: {Path(error.filename).name} is missing"
        ) from error
    except (*DAMAGED, RecursionError) as error:
        raise ConfigError(f"the weights in {path.name} cannot be used: {str(error)[:200]}") from error


def _archive(path: Path) -> Weights:
    if path.suffix != ".npz":
        raise ConfigError("allowed: a folder with model.safetensors and tokenizer.json, or an .npz")
    # Opened here: numpy leaves open what turns out to be no archive.
    with path.open("rb") as raw, np.load(raw, allow_pickle=False) as held:
        words, rows = held["words"], held["vectors"]
    if words.ndim != 1 or words.dtype.kind != "U" or len(words) != len(rows):
        raise ConfigError("`words` is no list of as many words as `vectors` has rows")
    _checked(rows)
    numbers: dict[str, int] = {}
    for row, word in enumerate(words.tolist()):
        # The first of several spellings: such tables begin with the most frequent words.
        numbers.setdefault(fold(word), row)
    return Weights(numbers, rows, _fingerprint([path]))


def _folder(path: Path) -> Weights:
    model, tokenizer = path / "model.safetensors", path / "tokenizer.json"
    found = _safetensors(model)
    tables = [each for each in found.values() if each.ndim == 2]
    if len(tables) != 1:
        raise ConfigError(f"model.safetensors has {len(tables)} tables; allowed is one")
    _checked(tables[0])
    words, continuation = _vocabulary(tokenizer)
    return Weights(
        words,
        tables[0],
        _fingerprint([model, tokenizer]),
        continuation=continuation,
        scale=_row(found, "weights", "f"),
        mapping=_row(found, "mapping", "i"),
    )


def _row(found: Mapping[str, npt.NDArray[Any]], name: str, kind: str) -> npt.NDArray[Any] | None:
    row = found.get(name)
    if row is not None and (row.ndim != 1 or row.dtype.kind != kind):
        raise ConfigError(f"{name} is no list of numbers of the right type")
    return row


def _checked(rows: npt.NDArray[Any]) -> None:
    if rows.ndim != 2 or rows.dtype.kind != "f":
        raise ConfigError("the vectors are no table of floating point numbers")
    if not 0 < len(rows) <= MAX_WORDS or not 0 < rows.shape[1] <= MAX_DIMENSIONS:
        allowed = f"allowed are {MAX_WORDS:,} of {MAX_DIMENSIONS:,}"
        raise ConfigError(f"the table has {len(rows)} rows of {rows.shape[1]} numbers; {allowed}")


def _vocabulary(path: Path) -> tuple[dict[str, int], str]:
    """Return the number of each word, and what stands before pieces that go on one."""
    model = json.loads(path.read_bytes())["model"]
    kind = model.get("type")
    if kind not in ("WordPiece", "WordLevel"):
        raise ConfigError(f"tokenizer.json is of type {str(kind)[:40]!r}; allowed are WordPiece and WordLevel")
    words = {str(word): int(number) for word, number in model["vocab"].items()}
    return words, str(model.get("continuing_subword_prefix") or "##") if kind == "WordPiece" else ""


def _safetensors(path: Path) -> dict[str, npt.NDArray[Any]]:
    """Return what a file of safetensors holds, mapped; what it says of places and sizes is held to the file."""
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if not 2 <= length <= min(_HEADER, size - 8):
            raise ConfigError("model.safetensors is cut off, or none")
        header = json.loads(file.read(length))
    found: dict[str, npt.NDArray[Any]] = {}
    for name, told in header.items():
        if name == "__metadata__" or told["dtype"] not in _DTYPES:
            continue
        dtype, shape = np.dtype(_DTYPES[told["dtype"]]), tuple(int(each) for each in told["shape"])
        begin, end = (int(each) for each in told["data_offsets"])
        fits = 0 <= begin < end <= size - 8 - length and all(each > 0 for each in shape)
        if not shape or not fits or math.prod(shape) * dtype.itemsize != end - begin:
            raise ConfigError(f"{name[:40]!r} in model.safetensors is not where it is said to be")
        found[name] = np.memmap(path, dtype, "r", 8 + length + begin, shape)
    return found


def _fingerprint(paths: Iterable[Path]) -> str:
    """Return what is different for files with different contents."""
    whole = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            whole.update(hashlib.file_digest(file, "sha256").digest())
    return whole.hexdigest()[:16]
