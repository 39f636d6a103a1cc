"""What a file of embeddings looks like to us, whatever its format."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt

from discovery.embeddings.space import Model, Quantization
from discovery.embeddings.vectors import Rows

NO_TIME: Final = np.iinfo(np.int64).min
"""The instant of a row that has none."""
MAX_ID: Final = 256
"""Characters of a row's name that are kept."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Some rows of a file, one after another; every array has as many entries as there are rows."""

    vectors: npt.NDArray[Any]
    """Rows x dimensions, as stored."""
    ids: list[str]
    """What the file calls each; empty texts where it does not."""
    products: list[str]
    """What each row was made of, as the file says: the id of a product or an address; empty texts where it does not."""
    lon: npt.NDArray[np.float64]
    """Degrees of the middle of each row's footprint; NaN where it has none."""
    lat: npt.NDArray[np.float64]
    start: npt.NDArray[np.int64]
    """UTC milliseconds; `NO_TIME` where there is none."""

    def __len__(self) -> int:
        return len(self.vectors)


@dataclass(frozen=True, slots=True)
class About:
    """What a file says of itself."""

    rows: int
    dimensions: int
    fingerprint: str
    """By which a change of it is noticed."""
    mapped: bool
    """Whether single rows can be read without reading those around them."""
    model: Model = field(default_factory=Model)
    quantization: Quantization = field(default_factory=Quantization)
    columns: Mapping[str, str] = field(default_factory=dict)
    """Which of its columns hold what: `vector`, `id`, `product`, `lon`, `lat`, `time`, `geometry`."""
    warnings: tuple[str, ...] = ()


class Table(Protocol):
    """A file of embeddings that is open for reading."""

    address: str
    about: About

    def batches(self, size: int, start: int = 0) -> Iterator[Batch]:
        """Yield all rows from `start` on, in order, about `size` at a time."""
        ...

    def gather(self, rows: Rows) -> npt.NDArray[Any]:
        """Return the stored vectors of some rows, in the order asked for.

        Raises:
            UnavailableError: The file is gone, or is not the one any more that it was.
        """
        ...

    def check(self) -> None:
        """Return if the file is what it was.

        Raises:
            UnavailableError: It is not, or is gone.
        """
        ...

    def close(self) -> None:
        """Let go of the file."""
        ...
