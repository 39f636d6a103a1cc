"""Embeddings in Parquet and Arrow files, in the shapes that Major TOM, Clay, Earth Index and Planet publish."""

from __future__ import annotations

import contextlib
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.ipc
import pyarrow.parquet as pq
import shapely
import shapely.errors

from discovery.embeddings import places
from discovery.embeddings.space import MAX_DIMENSIONS, Model
from discovery.embeddings.table import MAX_ID, NO_TIME, About, Batch
from discovery.embeddings.vectors import Rows
from discovery.errors import BadQueryError, ConfigError
from discovery.model import instant

MAX_GROUP: Final = 4 << 30
"""Bytes of a row group, as its file says: a reader takes all of one at a time."""
MAX_DECODED: Final = 256 << 20
"""Bytes of row groups that are kept decoded."""
MAX_FOOTER: Final = 64 << 20
MAX_ROWS: Final = 1 << 28
"""Rows of a row group, as its file says."""
ROLES: Final[Mapping[str, tuple[str, ...]]] = {
    "vector": ("embedding", "embeddings", "emb", "vector", "vectors"),
    "id": ("unique_id", "id", "chip_id", "grid_cell", "index"),
    "product": ("record", "item_id", "product_id", "source_id", "source_url", "product"),
    "lon": ("centre_lon", "center_lon", "centroid_lon", "lon", "longitude"),
    "lat": ("centre_lat", "center_lat", "centroid_lat", "lat", "latitude"),
    "time": ("timestamp", "datetime", "date", "time", "acquired"),
    "geometry": ("geometry", "geom"),
}
"""What columns are called that hold what is needed; the first that is there is taken."""
_LISTS: Final = (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list)


class _Parquet:
    mapped = False

    def __init__(self, address: str) -> None:
        limits: dict[str, Any] = {"thrift_string_size_limit": MAX_FOOTER, "thrift_container_size_limit": 10_000_000}
        self._source: Any = places.Reader(address) if places.is_remote(address) else address
        self._file = pq.ParquetFile(self._source, **limits)
        self.schema = self._file.schema_arrow
        about = self._file.metadata
        groups = [about.row_group(number) for number in range(about.num_row_groups)]
        for number, each in enumerate(groups):
            _allowed(f"row group {number} of {address}", each.num_rows, each.total_byte_size)
        self.sizes = [each.num_rows for each in groups]

    def group(self, number: int, columns: list[str]) -> pa.Table:
        return self._file.read_row_group(number, columns=columns, use_threads=False)

    def close(self) -> None:
        self._file.close()
        if not isinstance(self._source, str):
            self._source.close()


class _Arrow:
    """Uncompressed, a mapped Arrow file is read by the row without a copy."""

    def __init__(self, address: str) -> None:
        if places.is_remote(address):
            raise ConfigError(f"{address} is an Arrow file of another machine: bring it here, or make it Parquet")
        self._map = pa.memory_map(address)
        self._file = pa.ipc.open_file(self._map)
        self.schema = self._file.schema
        whole = self._map.read_buffer()
        inside = range(whole.address, whole.address + whole.size + 1)
        self.mapped = True
        self.sizes: list[int] = []
        self._batches: list[Any] = []
        for number in range(self._file.num_record_batches):
            batch = self._file.get_batch(number)
            _allowed(f"batch {number} of {address}", len(batch), 0)
            self.sizes.append(len(batch))
            self.mapped = self.mapped and _lies(batch, inside)
            # Of a compressed file one batch at a time is unpacked.
            self._batches = [*self._batches, batch] if self.mapped else []

    def group(self, number: int, columns: list[str]) -> pa.Table:
        batch = self._batches[number] if self.mapped else self._file.get_batch(number)
        chosen = batch.select(columns)
        # Whatever a file says of offsets and lengths is believed from here on.
        chosen.validate(full=True)
        return pa.Table.from_batches([chosen])

    def close(self) -> None:
        self._batches = []
        self._map.close()


def _allowed(what: str, rows: int, size: int) -> None:
    """Return if so much may be read at a time, before there is room for it.

    Raises:
        ConfigError: It may not.
    """
    if not 0 <= rows <= MAX_ROWS:
        raise ConfigError(f"{what} has {rows:,} rows; at most {MAX_ROWS:,} are read at a time")
    if not 0 <= size <= MAX_GROUP:
        raise ConfigError(f"{what} has {size:,} bytes; at most 4 GiB")


def _lies(batch: Any, inside: range) -> bool:
    """Say whether all of a batch lies where a file is mapped."""
    return all(
        buffer.address in inside and buffer.address + buffer.size in inside
        for column in batch.columns
        for buffer in column.buffers()
        if buffer is not None and buffer.size
    )


class ArrowTable:
    """A Parquet or Arrow file of embeddings.

    Args:
        address: Of the file.
        columns: Which columns hold what, where their names do not say; see `ROLES`.

    Raises:
        ConfigError: It is none, or no column of it can be the vectors.
        UnavailableError: It is not there.
    """

    def __init__(self, address: str, columns: Mapping[str, str] | None = None) -> None:
        self.address = address
        fingerprint = places.fingerprint(address)
        self._stamp = places.stamp(address)
        is_arrow = Path(address).suffix in (".arrow", ".feather", ".ipc")
        with _named(address):
            self._file: _Arrow | _Parquet = _Arrow(address) if is_arrow else _Parquet(address)
            schema = self._file.schema
            self._columns = _roles(schema, columns or {}, address)
            self._starts = np.concatenate([[0], np.cumsum(self._file.sizes)]).astype(np.int64)
            self._decoded: OrderedDict[int, npt.NDArray[Any]] = OrderedDict()
            warnings = []
            if "geometry" in self._columns and (odd := _odd_crs(schema, self._columns["geometry"])):
                warnings.append(f"the geometries are in {odd}, not in longitude and latitude: they are left out")
                del self._columns["geometry"]
            self.about = About(
                rows=int(self._starts[-1]),
                dimensions=self._dimensions(),
                fingerprint=fingerprint,
                mapped=self._file.mapped,
                model=_model(schema),
                columns=dict(self._columns),
                warnings=tuple(warnings),
            )

    def batches(self, size: int, start: int = 0) -> Iterator[Batch]:
        """Yield all rows from `start` on, in order, about `size` at a time."""
        self.check()
        wanted = sorted(set(self._columns.values()))
        first = int(np.searchsorted(self._starts, start, side="right")) - 1
        for number in range(first, len(self._file.sizes)):
            with _named(self.address):
                table = self._file.group(number, wanted)
            for at in range(max(0, start - int(self._starts[number])), len(table), size):
                with _named(self.address):
                    batch = self._batch(table.slice(at, size))
                yield batch

    def gather(self, rows: Rows) -> npt.NDArray[Any]:
        """Return the stored vectors of some rows, in the order asked for.

        Raises:
            UnavailableError: The file is gone, or is not the one any more that it was.
        """
        self.check()
        groups = np.searchsorted(self._starts, rows, side="right") - 1
        out: npt.NDArray[Any] | None = None
        for number in np.unique(groups).tolist():
            here = np.flatnonzero(groups == number)
            part = self._vectors_of(number)[rows[here] - self._starts[number]]
            if out is None:
                out = np.empty((len(rows), self.about.dimensions), dtype=part.dtype)
            out[here] = part
        return np.empty((0, self.about.dimensions), dtype=np.float32) if out is None else out

    def check(self) -> None:
        """Return if the file is what it was.

        Raises:
            UnavailableError: It is not, or is gone.
        """
        places.same(self.address, self._stamp)

    def close(self) -> None:
        """Let go of the file."""
        self._decoded.clear()
        self._file.close()

    def _dimensions(self) -> int:
        kind = self._file.schema.field(self._columns["vector"]).type
        if pa.types.is_fixed_size_list(kind):
            found = kind.list_size
        else:
            found = 0
            for number, rows in enumerate(self._file.sizes):
                if rows:
                    lengths = pc.list_value_length(self._file.group(number, [self._columns["vector"]]).column(0))
                    found = int(pc.max(lengths).as_py() or 0)
                    break
        if self._starts[-1] and not 0 < found <= MAX_DIMENSIONS:
            raise ConfigError(f"vectors of {self.address} have {found} numbers; 1 to {MAX_DIMENSIONS} can be searched")
        return int(found)

    def _vectors_of(self, number: int) -> npt.NDArray[Any]:
        found = self._decoded.get(number)
        if found is not None:
            self._decoded.move_to_end(number)
            return found
        with _named(self.address):
            column = self._file.group(number, [self._columns["vector"]]).column(0)
            found = _matrix(column, self.about.dimensions)
        self._decoded[number] = found
        # What is mapped costs no memory of ours.
        while not self._file.mapped and sum(each.nbytes for each in self._decoded.values()) > MAX_DECODED:
            if len(self._decoded) == 1:
                break
            self._decoded.popitem(last=False)
        return found

    def _batch(self, table: pa.Table) -> Batch:
        lon, lat = self._middles(table)
        return Batch(
            vectors=_matrix(table.column(self._columns["vector"]), self.about.dimensions),
            ids=self._texts(table, "id"),
            products=self._texts(table, "product"),
            lon=lon,
            lat=lat,
            start=_instants(table.column(self._columns["time"])) if "time" in self._columns else _none(len(table)),
        )

    def _texts(self, table: pa.Table, role: str) -> list[str]:
        if role not in self._columns:
            return [""] * len(table)
        column = table.column(self._columns[role])
        given = column.cast(pa.string()) if not pa.types.is_string(column.type) else column
        return ["" if each is None else each[:MAX_ID] for each in given.to_pylist()]

    def _middles(self, table: pa.Table) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        if "lon" in self._columns and "lat" in self._columns:
            lon, lat = (_floats(table.column(self._columns[each])) for each in ("lon", "lat"))
        elif "geometry" in self._columns:
            shapes = shapely.from_wkb(table.column(self._columns["geometry"]).to_pylist(), on_invalid="ignore")
            bounds = shapely.bounds(shapes)
            # One that is wider than half of the globe goes over the antimeridian.
            wide = bounds[:, 2] - bounds[:, 0] > 180
            middle = shapely.centroid(shapes)
            lon, lat = shapely.get_x(middle), shapely.get_y(middle)
            lon[wide] = (bounds[wide, 0] + 360 + bounds[wide, 2]) / 2
        else:
            return np.full(len(table), np.nan), np.full(len(table), np.nan)
        lon = (lon + 180.0) % 360.0 - 180.0
        wrong = ~(np.abs(lat) <= 90) | ~np.isfinite(lon)
        return np.where(wrong, np.nan, lon), np.where(wrong, np.nan, lat)


_DAMAGED: Final = (
    pa.ArrowException,
    OSError,
    MemoryError,
    ValueError,
    OverflowError,
    SystemError,
    shapely.errors.ShapelyError,
)
"""What is raised for a file that lies; Python itself calls some lengths a fault of the system."""


@contextlib.contextmanager
def _named(address: str) -> Iterator[None]:
    """Turn what Arrow says of a damaged file into an error that names it."""
    try:
        yield
    except _DAMAGED as error:
        told = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        raise ConfigError(f"{address} cannot be read: {told}") from error


def _roles(schema: pa.Schema, said: Mapping[str, str], address: str) -> dict[str, str]:
    for role, column in said.items():
        if role not in ROLES:
            raise ConfigError(f"{role!r} is not one of {', '.join(ROLES)}")
        if schema.get_field_index(column) < 0:
            raise ConfigError(f"{address} has no column {column!r}; it has {', '.join(schema.names[:40])}")
    found = {
        role: next((each for each in names if schema.get_field_index(each) >= 0), "") for role, names in ROLES.items()
    } | dict(said)
    # A column without a name is nobody's: damaged files have such.
    named = [each for each in schema if each.name]
    lists = [
        each.name for each in named if any(test(each.type) for test in _LISTS) and _is_number(each.type.value_type)
    ]
    if found["vector"] not in lists:
        if "vector" in said or len(lists) != 1:
            told = ", ".join(lists) or "no column of lists of numbers"
            raise ConfigError(f"which column of {address} holds the vectors? --column vector=NAME; it has {told}")
        found["vector"] = lists[0]
    return {role: column for role, column in found.items() if column}


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_floating(kind) or pa.types.is_integer(kind))


def _matrix(column: pa.ChunkedArray, dimensions: int) -> npt.NDArray[Any]:
    """Return a column of lists as rows x dimensions; a list that is missing or of another length becomes NaN."""
    parts = [_part(chunk, dimensions) for chunk in column.chunks if len(chunk)]
    if len(parts) == 1:
        return parts[0]
    return np.concatenate(parts) if parts else np.empty((0, dimensions), dtype=np.float32)


def _part(chunk: Any, dimensions: int) -> npt.NDArray[Any]:
    lengths = pc.fill_null(pc.list_value_length(chunk), -1).to_numpy(zero_copy_only=False)
    flat = chunk.flatten()
    if (lengths == dimensions).all() and not flat.null_count:
        whole: npt.NDArray[Any] = flat.to_numpy(zero_copy_only=False).reshape(-1, dimensions)
        return whole
    out = np.full((len(chunk), dimensions), np.nan, dtype=np.float32)
    held = np.maximum(lengths, 0)
    if pa.types.is_fixed_size_list(chunk.type):
        held = np.where(lengths < 0, 0, dimensions)
    starts = np.cumsum(held) - held
    numbers = flat.cast(pa.float32()).to_numpy(zero_copy_only=False)
    for row in np.flatnonzero(lengths == dimensions).tolist():
        out[row] = numbers[starts[row] : starts[row] + dimensions]
    return out


def _floats(column: pa.ChunkedArray) -> npt.NDArray[np.float64]:
    return np.array(column.cast(pa.float64()).to_numpy(), dtype=np.float64)


def _none(count: int) -> npt.NDArray[np.int64]:
    return np.full(count, NO_TIME, dtype=np.int64)


def _instants(column: pa.ChunkedArray) -> npt.NDArray[np.int64]:
    kind = column.type
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        millis = column.cast(pa.timestamp("ms", getattr(kind, "tz", None)), safe=False).cast(pa.int64())
        return np.array(millis.fill_null(NO_TIME).to_numpy(), dtype=np.int64)
    if pa.types.is_dictionary(kind):
        return _instants(column.cast(kind.value_type))
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_integer(kind):
        known: dict[str, int] = {}
        return np.fromiter((_instant(str(each), known) for each in column.to_pylist()), np.int64, len(column))
    return _none(len(column))


def _instant(text: str, known: dict[str, int]) -> int:
    if text not in known:
        try:
            known[text] = instant.span(text)[0]
        except (BadQueryError, ValueError):
            known[text] = NO_TIME
    return known[text]


def _odd_crs(schema: pa.Schema, column: str) -> str:
    """Return the name of the reference system of geometries where it is not longitude and latitude."""
    about = _footer(schema, b"geo").get("columns", {}).get(column, {})
    crs = about.get("crs") if isinstance(about, dict) else None
    if not isinstance(crs, dict) or crs.get("type") in ("GeographicCRS", "GeodeticCRS", None):
        return ""
    return str(crs.get("name", "another system"))[:100]


def _model(schema: pa.Schema) -> Model:
    """Return the model that an Earth Index footer names."""
    model = _footer(schema, b"emb").get("model", {})
    if not isinstance(model, dict):
        return Model()
    return Model(str(model.get("id", ""))[:100], str(model.get("version", ""))[:100])


def _footer(schema: pa.Schema, name: bytes) -> dict[str, Any]:
    try:
        found = orjson.loads((schema.metadata or {}).get(name, b"{}"))
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}
