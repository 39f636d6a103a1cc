"""Opening a file of embeddings by what it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from tokenize import TokenError
from typing import Any, Final
from urllib.parse import urlsplit

import numpy as np
import numpy.typing as npt

from discovery.embeddings import places
from discovery.embeddings.arrow import ArrowTable
from discovery.embeddings.space import MAX_DIMENSIONS
from discovery.embeddings.table import NO_TIME, About, Batch, Table
from discovery.embeddings.vectors import Rows
from discovery.embeddings.zarr import ZarrTable
from discovery.errors import ConfigError, UnavailableError

PARQUET: Final = (".parquet", ".pq", ".gpq", ".geoparquet")
ARROW: Final = (".arrow", ".feather", ".ipc")
_DAMAGED: Final = (OSError, ValueError, EOFError, TypeError, OverflowError, MemoryError, SyntaxError, TokenError)
"""What numpy raises for a header that lies."""


class NpyTable:
    """A numpy file of rows x dimensions, and nothing that describes the rows."""

    def __init__(self, address: str, _columns: Mapping[str, str] | None = None) -> None:
        self.address = address
        fingerprint = places.fingerprint(address)
        self._stamp = places.stamp(address)
        try:
            # Not `np.load`, which takes archives and pickles of objects for what their first bytes say, too.
            self._array: npt.NDArray[Any] = np.lib.format.open_memmap(address, mode="r")
        except _DAMAGED as error:
            raise ConfigError(f"{address} cannot be read: {str(error)[:200]}") from error
        if (
            self._array.ndim != 2
            or self._array.dtype.kind not in "fiu"
            or not 0 < self._array.shape[1] <= MAX_DIMENSIONS
        ):
            raise ConfigError(f"{address} holds no rows of 1 to {MAX_DIMENSIONS} numbers")
        self.about = About(self._array.shape[0], self._array.shape[1], fingerprint, mapped=True)

    def batches(self, size: int, start: int = 0) -> Iterator[Batch]:
        """Yield all rows from `start` on, in order, about `size` at a time."""
        self.check()
        for at in range(start, len(self._array), size):
            part = self._array[at : at + size]
            blank = np.full(len(part), np.nan)
            texts = [""] * len(part)
            yield Batch(part, texts, texts, blank, blank, np.full(len(part), NO_TIME, dtype=np.int64))

    def gather(self, rows: Rows) -> npt.NDArray[Any]:
        """Return the stored vectors of some rows, in the order asked for.

        Raises:
            UnavailableError: The file is gone, or is not the one any more that it was.
        """
        self.check()
        return np.asarray(self._array[rows])

    def check(self) -> None:
        """Return if the file is what it was.

        Raises:
            UnavailableError: It is not, or is gone.
        """
        places.same(self.address, self._stamp)

    def close(self) -> None:
        """Let go of the file."""
        self._array = np.empty((0, 1), dtype=np.float32)


def opened(address: str, columns: Mapping[str, str] | None = None) -> Table:
    """Return a file of embeddings, open for reading.

    Args:
        address: A path, or an address of http, https, s3, gs or az.
        columns: Which columns hold what, where their names do not say.

    Raises:
        ConfigError: It is no file that we know, is damaged, or has no vectors.
        UnavailableError: It is not there.
    """
    path = urlsplit(address).path if places.is_remote(address) else address
    suffix = Path(path.rstrip("/")).suffix.lower()
    if not places.is_remote(address) and not Path(address).exists():
        raise UnavailableError(f"{address} is not there", retry_after=None)
    kinds: dict[str, Callable[[str, Mapping[str, str] | None], Table]] = {
        **dict.fromkeys((*PARQUET, *ARROW), ArrowTable),
        ".npy": NpyTable,
        ".zarr": ZarrTable,
    }
    made = kinds.get(suffix)
    if made is None and not places.is_remote(address) and (Path(address) / "zarr.json").is_file():
        made = ZarrTable
    if made is None:
        raise ConfigError(f"{address} is none of Parquet ({', '.join(PARQUET)}), Arrow, Zarr (.zarr) and npy")
    return made(address, columns)
