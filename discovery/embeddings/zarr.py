"""Embeddings in Zarr: an array of rows x dimensions, in a group with what describes the rows or alone."""

from __future__ import annotations

import itertools
import lzma
import math
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import numpy as np
import numpy.typing as npt
import xarray
import zarr
from zarr.abc.store import Store
from zarr.errors import BaseZarrError

from discovery.embeddings import packing, places
from discovery.embeddings.arrow import ROLES
from discovery.embeddings.space import MAX_DIMENSIONS
from discovery.embeddings.table import MAX_ID, NO_TIME, About, Batch
from discovery.embeddings.vectors import Rows
from discovery.errors import ConfigError, UnavailableError

MAX_CHUNK: Final = 1 << 30
"""Bytes of a chunk, as the metadata says: all of one is read at a time."""
MAX_ROWS: Final = 1 << 40
_DAMAGED: Final = (
    BaseZarrError,
    LookupError,
    ValueError,
    TypeError,
    OSError,
    EOFError,
    AttributeError,
    ArithmeticError,
    RuntimeError,
    MemoryError,
    SystemError,
    zlib.error,
    lzma.LZMAError,
)
"""What readers and codecs raise for metadata and chunks that lie; of sizes below zero blosc makes a SystemError."""
MAX_DESCRIBED: Final = 1 << 28
"""Rows that arrays beside the vectors describe: they are read as a whole."""
MAX_CHUNKS: Final = 10_000_000
"""Chunks of an array whose files are mapped one by one."""
MAX_BLANK: Final = 1_000_000
"""Rows that an array may have beyond `SPARSE` times those whose files are there: all others are the fill value."""
SPARSE: Final = 1_000
_MISSING: Final = 2**64 - 1
"""The place of a chunk that a shard does not have."""


class ZarrTable:
    """A Zarr array of embeddings, with one-dimensional arrays beside it that describe its rows.

    Args:
        address: Of a group or an array.
        columns: Which arrays hold what, where their names do not say; see `arrow.ROLES`.

    Raises:
        ConfigError: No array of it can be the vectors, or its metadata are damaged.
        UnavailableError: It is not there.
    """

    def __init__(self, address: str, columns: Mapping[str, str] | None = None) -> None:
        self.address = address
        fingerprint = places.fingerprint(address)
        self._stamp = places.stamp(address)
        try:
            opened = zarr.open(store=_store(address), mode="r")
            self._array, self._beside = _found(opened, columns or {}, address)
            _inhabited(self._array, address)
            # Pieces may be said to have no length, which nobody notices who does not divide by it.
            self._mapped = (
                _Mapped.of(Path(address) / self._array.path, self._array) if not places.is_remote(address) else None
            )
        except _DAMAGED as error:
            raise ConfigError(f"{address} cannot be read as Zarr: {str(error)[:200]}") from error
        self._described = _described(address, self._beside, self._array.shape[0]) if self._beside else {}
        self.about = About(
            rows=self._array.shape[0],
            dimensions=self._array.shape[1],
            fingerprint=fingerprint,
            mapped=self._mapped is not None,
            columns={"vector": self._array.basename or "", **self._beside},
        )

    def batches(self, size: int, start: int = 0) -> Iterator[Batch]:
        """Yield all rows from `start` on, in order, about `size` at a time."""
        self.check()
        chunk = (self._array.shards or self._array.chunks)[0]
        step = max(chunk, size // chunk * chunk)
        at = start
        while at < self.about.rows:
            end = min(self.about.rows, at // step * step + step)
            for low in range(at, end, size):
                yield self._batch(low, min(end, low + size))
            at = end

    def gather(self, rows: Rows) -> npt.NDArray[Any]:
        """Return the stored vectors of some rows, in the order asked for.

        Raises:
            UnavailableError: The array is gone, or is not the one any more that it was.
        """
        self.check()
        if self._mapped is not None:
            return self._mapped.gather(rows)
        return self._read(lambda: self._array.oindex[rows, :])

    def check(self) -> None:
        """Return if the array is what it was.

        Raises:
            UnavailableError: It is not, or is gone.
        """
        places.same(self.address, self._stamp)

    def close(self) -> None:
        """Let go of the files."""
        self._mapped = None

    def _batch(self, low: int, high: int) -> Batch:
        count = high - low
        lon, lat = (self._described.get(each, np.full(0, np.nan))[low:high] for each in ("lon", "lat"))
        wrong = np.ones(count, dtype=bool) if not len(lon) or not len(lat) else ~(np.abs(lat) <= 90) | ~np.isfinite(lon)
        blank = np.full(count, np.nan)
        start = self._described.get("time")
        return Batch(
            vectors=self._read(lambda: self._array[low:high]),
            ids=self._texts("id", low, high),
            products=self._texts("product", low, high),
            lon=np.where(wrong, np.nan, (lon + 180.0) % 360.0 - 180.0) if len(lon) else blank,
            lat=np.where(wrong, np.nan, lat) if len(lat) else blank,
            start=start[low:high] if start is not None else np.full(count, NO_TIME, dtype=np.int64),
        )

    def _texts(self, role: str, low: int, high: int) -> list[str]:
        found = self._described.get(role)
        return [""] * (high - low) if found is None else [str(each)[:MAX_ID] for each in found[low:high].tolist()]

    def _read(self, read: Any) -> npt.NDArray[Any]:
        try:
            return np.asarray(read())
        except _DAMAGED as error:
            told = f"{places.name(self.address)} cannot be read: {type(error).__name__}"
            raise UnavailableError(told, retry_after=None) from error


class _Mapped:
    """The rows of uncompressed chunks where they lie in their files (Zarr v3 core 1.0, sharding codec 1.0)."""

    def __init__(self, parts: list[npt.NDArray[Any] | None], chunk: int, array: zarr.Array[Any]) -> None:
        self._parts = parts
        self._chunk = chunk
        self._dtype = array.dtype
        self._width = array.shape[1]
        self._fill = array.fill_value

    @classmethod
    def of(cls, folder: Path, array: zarr.Array[Any]) -> _Mapped | None:
        """Return the rows of an array as they lie on the disk, None where they are packed or out of order."""
        about = array.metadata
        if about.zarr_format != 3 or getattr(about.chunk_key_encoding, "name", "") != "default":
            return None
        codecs = [each.to_dict() for each in about.codecs]
        inner = codecs
        if len(codecs) == 1 and codecs[0]["name"] == "sharding_indexed":
            given: Any = codecs[0]["configuration"]
            inner = list(given["codecs"])
            if given.get("index_location", "end") != "end":
                return None
        if len(inner) != 1 or inner[0]["name"] != "bytes" or not _is_little(inner[0], array.dtype):
            return None
        if array.chunks[1] != array.shape[1] or (array.shards and array.shards[1] != array.shape[1]):
            return None
        separator = getattr(about.chunk_key_encoding, "separator", "/")
        outer = (array.shards or array.chunks)[0]
        if math.ceil(array.shape[0] / array.chunks[0]) > MAX_CHUNKS:
            return None
        parts: list[npt.NDArray[Any] | None] = []
        for number in range(math.ceil(array.shape[0] / outer)):
            path = folder / f"c{separator}{number}{separator}0"
            found = _shard(path, array, outer) if array.shards else _chunk(path, array)
            if found is None:
                return None
            parts += found
        return cls(parts, array.chunks[0], array)

    def gather(self, rows: Rows) -> npt.NDArray[Any]:
        out = np.full((len(rows), self._width), self._fill, dtype=self._dtype)
        chunks = rows // self._chunk
        for number in np.unique(chunks).tolist():
            part = self._parts[number]
            if part is not None:
                here = np.flatnonzero(chunks == number)
                out[here] = part[rows[here] - number * self._chunk]
        return out


def _chunk(path: Path, array: zarr.Array[Any]) -> list[npt.NDArray[Any] | None] | None:
    shape = (array.chunks[0], array.chunks[1])
    if not path.exists():
        return [None]
    if path.stat().st_size != math.prod(shape) * array.dtype.itemsize:
        return None
    return [np.memmap(path, dtype=array.dtype, mode="r", shape=shape)]


def _shard(path: Path, array: zarr.Array[Any], outer: int) -> list[npt.NDArray[Any] | None] | None:
    """Return the chunks of a shard; its index of offsets and lengths stands at the end, before a checksum."""
    count = outer // array.chunks[0]
    if not path.exists():
        return [None] * count
    length = array.chunks[0] * array.chunks[1] * array.dtype.itemsize
    size = path.stat().st_size
    end = size - 4
    if end < count * 16:
        return None
    raw = np.memmap(path, dtype=np.uint8, mode="r")
    index = np.frombuffer(raw[end - count * 16 : end].tobytes(), dtype="<u8").reshape(count, 2)
    parts: list[npt.NDArray[Any] | None] = []
    for offset, held in index.tolist():
        if offset == _MISSING and held == _MISSING:
            parts.append(None)
        elif held != length or offset + held > end:
            return None
        else:
            parts.append(raw[offset : offset + held].view(array.dtype).reshape(array.chunks[0], array.chunks[1]))
    return parts


def _is_little(codec: Mapping[str, Any], dtype: np.dtype[Any]) -> bool:
    return dtype.itemsize == 1 or codec.get("configuration", {}).get("endian", "little") == "little"


def _store(address: str) -> Store | str:
    if not places.is_remote(address):
        if not Path(address).is_dir():
            raise UnavailableError(f"{address} is not there", retry_after=None)
        if not any((Path(address) / name).is_file() for name in places.ZARR):
            raise ConfigError(f"{address} is no Zarr group or array: it has none of {', '.join(places.ZARR)}")
        return address
    return zarr.storage.ObjectStore(places.remote(f"{address.rstrip('/')}/").store, read_only=True)


def _found(opened: Any, said: Mapping[str, str], address: str) -> tuple[zarr.Array[Any], dict[str, str]]:
    """Return the array of vectors and the arrays that describe its rows, by what they hold."""
    if isinstance(opened, zarr.Array):
        return _checked(opened, address), {}
    try:
        arrays = dict(opened.arrays())
    except _DAMAGED as error:
        raise ConfigError(f"{address} cannot be read as Zarr: {str(error)[:200]}") from error
    for role, name in said.items():
        if role not in ROLES or name not in arrays:
            raise ConfigError(f"{address} has no array {name!r} for {role}; it has {', '.join(sorted(arrays)[:40])}")
    flat = [name for name, each in arrays.items() if each.ndim == 2]
    names = [said["vector"]] if "vector" in said else [each for each in ROLES["vector"] if each in flat]
    if not names and len(flat) == 1:
        names = flat
    if not names:
        raise ConfigError(
            f"which array of {address} holds the vectors? --column vector=NAME; it has {', '.join(sorted(arrays)[:40])}"
        )
    vectors = _checked(arrays[names[0]], address)
    beside = {
        role: name
        for role, known in ROLES.items()
        for name in ([said[role]] if role in said else known)
        if role not in ("vector", "geometry") and name in arrays and arrays[name].shape == vectors.shape[:1]
    }
    first: dict[str, str] = {}
    for role in beside:
        names = [said[role]] if role in said else [each for each in ROLES[role] if each in arrays]
        first[role] = names[0]
    return vectors, first


def _checked(array: zarr.Array[Any], address: str) -> zarr.Array[Any]:
    """Return an array if it can be the vectors, before anything of the size that it claims is made."""
    where = f"{address}/{array.path}".rstrip("/")
    if array.ndim != 2:
        raise ConfigError(f"{where} has {array.ndim} dimensions; vectors are rows x dimensions")
    if array.dtype.kind not in "fiu":
        raise ConfigError(f"{where} holds {array.dtype}, and no numbers")
    if not 0 < array.shape[1] <= MAX_DIMENSIONS or not 0 <= array.shape[0] < MAX_ROWS:
        raise ConfigError(f"{where} is {array.shape[0]} x {array.shape[1]}; vectors have 1 to {MAX_DIMENSIONS} numbers")
    if codec := packing.unknown(array):
        raise ConfigError(f"{where} is packed by {codec[:80]!r}; allowed: {', '.join(sorted(packing.KNOWN))}")
    held = math.prod(array.shards or array.chunks) * array.dtype.itemsize
    if held > MAX_CHUNK and math.prod(array.chunks) * array.dtype.itemsize > MAX_CHUNK:
        raise ConfigError(f"{where} has chunks of {held:,} bytes; at most {MAX_CHUNK:,} are read")
    return array


def _inhabited(array: zarr.Array[Any], address: str) -> None:
    """Return if files are there for the rows that an array claims, or for one in a thousand of very many.

    Where there is no file all rows are the fill value: two numbers in the metadata would be read for days. The web
    does not say which files there are, and is believed.
    """
    if urlsplit(address).scheme in ("http", "https"):
        return
    rows, size = array.shape[0], (array.shards or array.chunks)
    across = math.ceil(array.shape[1] / size[1])
    least = math.ceil((rows - MAX_BLANK) / (SPARSE * size[0])) * across
    if least <= 0:
        return
    where = f"{address}/{array.path}".rstrip("/")
    # A piece is called by its numbers, in every version of the format.
    pieces = (each for each in places.names(where) if each[-1:].isdigit())
    there = sum(1 for _ in itertools.islice(pieces, least))
    if there < least:
        raise ConfigError(
            f"{where} claims {rows:,} rows, and files are there for {there // across * size[0]:,} of them; "
            f"at most {SPARSE:,} times as many may be empty, and {MAX_BLANK:,} beside"
        )


def _described(address: str, beside: Mapping[str, str], rows: int) -> dict[str, npt.NDArray[Any]]:
    """Return what describes the rows, with times as UTC milliseconds, as xarray reads them."""
    if rows > MAX_DESCRIBED:
        raise ConfigError(f"{address} has {rows:,} rows; at most {MAX_DESCRIBED:,} are described by arrays beside them")
    try:
        with xarray.open_zarr(_store(address), consolidated=False, chunks=None, decode_timedelta=False) as data:
            found = {role: np.asarray(data[name].values) for role, name in beside.items()}
    except _DAMAGED as error:
        raise ConfigError(f"{address} cannot be read as Zarr: {str(error)[:200]}") from error
    out: dict[str, npt.NDArray[Any]] = {}
    for role, each in found.items():
        if len(each) != rows:
            continue
        if role == "time":
            out[role] = _millis(each)
        elif role in ("lon", "lat"):
            out[role] = each.astype(np.float64)
        else:
            out[role] = each
    return out


def _millis(given: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    if given.dtype.kind != "M":
        return np.full(len(given), NO_TIME, dtype=np.int64)
    # Not-a-time is the least integer in every unit, and stays it.
    return given.astype("datetime64[ms]").astype(np.int64)
