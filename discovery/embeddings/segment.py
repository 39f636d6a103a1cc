"""What is derived from one file and kept beside it: where and when its rows are, what they are called, their codes."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.ipc

from discovery.embeddings import files, places
from discovery.embeddings.codes import Codes
from discovery.embeddings.space import Segment, Space
from discovery.embeddings.table import Batch, Table
from discovery.embeddings.vectors import Flags, Rows, Vectors, prepared, values
from discovery.errors import ConfigError, UnavailableError

NUMBERS: Final[Mapping[str, type]] = {"lon": np.float64, "lat": np.float64, "start": np.int64, "usable": np.bool_}
CODES: Final = "codes.faiss"
LISTS: Final = "lists.npy"
TEXTS: Final = "texts.arrow"
SIDECAR: Final = "vectors-f16.npy"
MAX_HELD: Final = 64 << 20
"""Bytes of vectors of a file that are kept in memory when it cannot be mapped: a small space is read once."""
_TEXT_SCHEMA: Final = pa.schema([("id", pa.string()), ("product", pa.string())])


class Writer:
    """Writes what is derived from the rows of a file, batch by batch, into a folder that counts for nothing yet.

    Args:
        folder: To be filled.
        rows: How many there will be.
        dimensions: Numbers of a vector, for the sidecar.
        sidecar: Whether to keep the vectors once more, as float16.
    """

    def __init__(self, folder: Path, rows: int, dimensions: int, *, sidecar: bool) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._rows = rows
        self._at = 0
        self._left_out = 0
        self._columns = {name: _new(folder / f"{name}.npy", kind, (rows,)) for name, kind in NUMBERS.items()}
        self._sidecar = _new(folder / SIDECAR, np.float16, (rows, dimensions)) if sidecar else None
        self._sink = pa.OSFile(str(folder / TEXTS), "wb")
        self._texts = pa.ipc.new_file(self._sink, _TEXT_SCHEMA)

    @property
    def left_out(self) -> int:
        """Rows so far that hold no vector."""
        return self._left_out

    def add(self, batch: Batch, vectors: Vectors, usable: Flags) -> None:
        """Write some rows.

        Raises:
            UnavailableError: The file has more rows than it said.
        """
        end = self._at + len(batch)
        if end > self._rows:
            raise UnavailableError("the file grew while it was read: add it again", retry_after=None)
        for name, given in (("lon", batch.lon), ("lat", batch.lat), ("start", batch.start), ("usable", usable)):
            self._columns[name][self._at : end] = given
        if self._sidecar is not None:
            self._sidecar[self._at : end] = vectors
        texts = [pa.array(batch.ids, pa.string()), pa.array(batch.products, pa.string())]
        self._texts.write_batch(pa.record_batch(texts, schema=_TEXT_SCHEMA))
        self._left_out += int((~usable).sum())
        self._at = end

    def close(self) -> None:
        """Have all of it on the disk.

        Raises:
            UnavailableError: The file has fewer rows than it said.
        """
        self._texts.close()
        self._sink.close()
        if self._at != self._rows:
            raise UnavailableError(f"the file ended after {self._at:,} of {self._rows:,} rows", retry_after=None)
        for each in (*self._columns.values(), *([self._sidecar] if self._sidecar is not None else [])):
            if isinstance(each, np.memmap):
                each.flush()


def _new(path: Path, kind: Any, shape: tuple[int, ...]) -> npt.NDArray[Any]:
    if not shape[0]:
        # Nothing can be mapped of a file without rows.
        np.save(path, np.empty(shape, dtype=kind))
        return np.empty(shape, dtype=kind)
    return np.lib.format.open_memmap(path, mode="w+", dtype=kind, shape=shape)


class OpenSegment:
    """A segment that is open for questions.

    Args:
        folder: Of the segment.
        said: What the manifest says of it.
        space: That it belongs to.

    Raises:
        ConfigError: What is derived is missing or damaged.
    """

    def __init__(self, folder: Path, said: Segment, space: Space) -> None:
        self.said = said
        self._space = space
        self._folder = folder
        self._lock = threading.Lock()
        self._table: Table | None = None
        self._held: tuple[Vectors, Flags] | None = None
        try:
            self.columns: Mapping[str, npt.NDArray[Any]] = {name: _mapped(folder / f"{name}.npy") for name in NUMBERS}
            self.lists = _mapped(folder / LISTS) if said.coded else np.empty(0, dtype=np.int32)
            self._sidecar = _mapped(folder / SIDECAR) if said.sidecar else None
            self._texts = pa.ipc.open_file(pa.memory_map(str(folder / TEXTS))).read_all()
        except (OSError, EOFError, ValueError, pa.ArrowException) as error:
            raise ConfigError(f"segment {said.name} of {space.name} cannot be read: {str(error)[:200]}") from error
        wrong = [name for name, each in self.columns.items() if len(each) != said.rows]
        if wrong or self._texts.num_rows != said.rows:
            raise ConfigError(f"segment {said.name} of {space.name} is damaged: it has not {said.rows:,} rows")
        self.codes = Codes.read(folder / CODES) if said.coded else None

    @property
    def rows(self) -> int:
        """How many rows it has."""
        return self.said.rows

    @property
    def usable(self) -> Flags:
        """Which rows hold a vector."""
        return self.columns["usable"]

    @property
    def is_mapped(self) -> bool:
        """Whether a few rows are read in a moment."""
        return self._sidecar is not None or self.table().about.mapped or self._is_small

    @property
    def _is_small(self) -> bool:
        return self.rows * self._space.dimensions * 4 <= MAX_HELD

    def table(self) -> Table:
        """Return the file, open.

        Raises:
            UnavailableError: It is gone, or is not the one any more that was added.
        """
        with self._lock:
            if self._table is None:
                # Another file than the one that was added may be damaged, so that it is not opened at all.
                if places.fingerprint(self.said.address) != self.said.fingerprint:
                    raise UnavailableError(
                        f"{places.name(self.said.address)} has changed: add it again", retry_after=None
                    )
                found = files.opened(self.said.address, self._space.columns)
                if found.about.fingerprint != self.said.fingerprint:
                    found.close()
                    raise UnavailableError(
                        f"{places.name(self.said.address)} has changed: add it again", retry_after=None
                    )
                self._table = found
            return self._table

    def vectors(self, rows: Rows) -> Vectors:
        """Return the vectors of some rows, ready to be compared, in the order asked for.

        Raises:
            UnavailableError: The file is gone, or is not the one any more that was added.
        """
        if self._sidecar is not None:
            # What is kept twice could be found when the file has become another one.
            self.table().check()
            return prepared(self._sidecar[rows].astype(np.float32), self._space.metric)[0]
        if self._is_small and not self.table().about.mapped:
            return self._whole()[0][rows]
        order = np.argsort(rows, kind="stable")
        stored = self.table().gather(rows[order])
        out = np.empty((len(rows), self._space.dimensions), dtype=np.float32)
        out[order] = prepared(values(stored, self._space.quantization), self._space.metric)[0]
        return out

    def batches(self, size: int) -> Iterable[tuple[int, Vectors, Flags]]:
        """Yield all vectors with where they begin and which of them are vectors, ready to be compared."""
        if self._is_small and not self.table().about.mapped:
            yield (0, *self._whole())
            return
        at = 0
        for batch in self.table().batches(size):
            made, usable = prepared(values(batch.vectors, self._space.quantization), self._space.metric)
            yield at, made, usable
            at += len(batch)

    def _whole(self) -> tuple[Vectors, Flags]:
        """Return all vectors of a small file, which are read once and kept.

        Raises:
            UnavailableError: The file is gone, or is not the one any more that was added.
        """
        table = self.table()
        table.check()
        if self._held is None:
            stored = [batch.vectors for batch in table.batches(max(1, self.rows))]
            empty = np.empty((0, self._space.dimensions), dtype=np.float32)
            whole = np.concatenate(stored) if stored else empty
            self._held = prepared(values(whole, self._space.quantization), self._space.metric)
        return self._held

    def named(self, id: str) -> int:
        """Return the first row that the file calls so, -1 for none."""
        return int(pc.index(self._texts.column("id"), id).as_py())

    def first_made_of(self, product: str) -> int:
        """Return the first row that was made of a product and holds a vector, -1 for none."""
        at = int(pc.index(self._texts.column("product"), product).as_py())
        if at < 0 or self.usable[at]:
            return at
        rows = np.flatnonzero(self.made_of([product]) & self.usable)
        return int(rows[0]) if len(rows) else -1

    def texts(self, rows: Sequence[int]) -> list[tuple[str, str]]:
        """Return what the file calls some rows, and what they were made of."""
        part = self._texts.take(pa.array(list(rows), pa.int64()))
        return list(zip(part.column("id").to_pylist(), part.column("product").to_pylist(), strict=True))

    def names(self, rows: Rows) -> pa.Array:
        """Return what the file calls some rows, as one array of texts."""
        found = self._texts.column("id").take(pa.array(rows, pa.int64()))
        return found.combine_chunks() if isinstance(found, pa.ChunkedArray) else found

    def made_of(self, products: Iterable[str]) -> Flags:
        """Return which rows were made of one of these."""
        found = pc.is_in(self._texts.column("product"), value_set=pa.array(list(products), pa.string()))
        return np.asarray(found.to_numpy(), dtype=bool)

    def close(self) -> None:
        """Let go of the files."""
        with self._lock:
            if self._table is not None:
                self._table.close()
                self._table = None
            self._held = None


def _mapped(path: Path) -> npt.NDArray[Any]:
    if path.stat().st_size <= 128 + os.sysconf("SC_PAGESIZE"):
        return np.asarray(np.load(path, allow_pickle=False))
    loaded: npt.NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    return loaded
