"""STAC Items in a GeoParquet file: its footer checked before anything else is read, its rows as JSON Items.

`work` is done in the process behind geoparquet_reader: it is given a path and a name, says what the file is, and then
answers each question `[group, row, size, ids]` with rows, a part of them at a time, and nothing at the end.
"""

from __future__ import annotations

import base64
import hashlib
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy
import orjson
import shapely

from discovery.confinement import Questions, Say
from discovery.errors import ConfigError, SourceUnavailableError
from harvesters.geoparquet_reader import PART, Row, framed

if TYPE_CHECKING:
    import pyarrow
    import pyarrow.parquet

MAX_FOOTER: Final = 64 * 1024 * 1024
"""Bytes of a footer, which is read whole; one of ten thousand row groups of a hundred columns has less."""
MAX_COLUMNS: Final = 20_000
"""Columns with everything nested in them: a hundred assets of a hundred members each."""
MAX_GROUP_ROWS: Final = 10_000_000
MAX_GROUP_BYTES: Final = 8 * 1024**3
"""Bytes of one row group before compression, as its footer says; it is never in memory as a whole."""
MAX_VALUES_A_ROW: Final = 100_000
"""Values that a row of one column may have on average, such as the numbers of a list."""
MAX_ROW: Final = 16 * 1024 * 1024
"""Bytes of one Item."""
_MAX_DEPTH: Final = 32
_BUFFER: Final = 1 << 20
_MAGIC: Final = b"PAR1"
# Beyond this a geometry may hold so many in each other that whoever reads it runs out of stack.
_DEEP: Final = 16_384
_MULTI: Final = frozenset({4, 5, 6, 7})
# STAC GeoParquet puts properties beside the members of the Item, so that these tell which is which.
_MEMBERS: Final = frozenset(
    {"type", "stac_version", "stac_extensions", "id", "geometry", "bbox", "links", "assets", "collection"}
)
# Members that some write as JSON in a text.
_WRITTEN: Final = frozenset({"links", "properties", "stac_extensions"})
_BOX: Final = ("xmin", "ymin", "zmin", "xmax", "ymax", "zmax")


class File:
    """A GeoParquet file that is open for reading.

    Args:
        path: Where it is.
        name: What it is called in errors.

    Raises:
        ConfigError: pyarrow is not installed.
        SourceUnavailableError: It is no Parquet file, is damaged, or its footer asks for more than we give.
    """

    def __init__(self, path: Path, name: str) -> None:
        self.name = name
        _arrow()
        import pyarrow.parquet

        size, length = _footer(path, name)
        try:
            # Not mapped into memory: a file that is cut off while it is read would end the process.
            self._input = pyarrow.OSFile(str(path))
            self._file = pyarrow.parquet.ParquetFile(
                self._input,
                buffer_size=_BUFFER,
                pre_buffer=False,
                thrift_string_size_limit=MAX_FOOTER,
                thrift_container_size_limit=1_000_000,
                schema_depth_limit=_MAX_DEPTH * 3,
                page_checksum_verification=True,
                arrow_extensions_enabled=False,
            )
            self._schema = self._file.schema_arrow
        except (pyarrow.ArrowException, OSError, ValueError, MemoryError) as error:
            raise _damaged(name, error) from error
        self._metadata = self._file.metadata
        self._check(size)
        self.fingerprint = _digest(path, size, length)
        """What tells one content of the file from another without reading it whole."""

    def rows(self) -> list[int]:
        """Return how many rows each row group says it has."""
        return [int(self._metadata.row_group(number).num_rows) for number in range(self._metadata.num_row_groups)]

    def collections(self) -> list[Mapping[str, Any]]:
        """Return the Collections that the file carries, by either of the two names that writers use."""
        given = self._metadata.metadata or {}
        out: list[Mapping[str, Any]] = []
        for key, inner in ((b"stac-geoparquet", "collections"), (b"stac:collection", "")):
            try:
                value = orjson.loads(given.get(key, b"null"))
            except orjson.JSONDecodeError:
                continue
            found = value.get(inner) if inner and isinstance(value, dict) else value
            values = (
                found.values() if isinstance(found, dict) and inner else found if isinstance(found, list) else [found]
            )
            out += [each for each in values if isinstance(each, dict) and each.get("type") == "Collection"]
        return out

    def read(self, group: int, row: int, size: int, *, ids: bool = False) -> Iterator[list[Row]]:
        """Yield the rows of a row group in batches, from a row on; one that cannot be read is said to be at fault.

        Args:
            group: The number of the row group.
            row: The first row wanted.
            size: How many rows a batch has.
            ids: Read nothing but the ids of Items and of their collections.
        """
        import pyarrow

        columns = [each for each in self._schema.names if each in ("id", "collection")] if ids else None
        at = 0
        try:
            for batch in self._file.iter_batches(size, row_groups=[group], columns=columns, use_threads=False):
                skip = min(max(0, row - at), batch.num_rows)
                if skip < batch.num_rows:
                    yield list(_rows(batch.slice(skip), group, at + skip))
                at += batch.num_rows
        except (pyarrow.ArrowException, OSError, ValueError, MemoryError, OverflowError) as error:
            yield [
                Row(
                    group,
                    -1,
                    b"",
                    f"row group {group + 1} cannot be read from row {max(at, row) + 1} on: {_said(error)}",
                )
            ]

    def _check(self, size: int) -> None:
        """Refuse a file whose footer promises what would not fit.

        Raises:
            SourceUnavailableError: It does, or it has no column of ids.
        """
        metadata = self._metadata
        if metadata.num_columns > MAX_COLUMNS:
            raise _refused(self.name, f"has {metadata.num_columns} columns; allowed are {MAX_COLUMNS}")
        if "id" not in self._schema.names:
            raise _refused(
                self.name, f"has no column id, so its rows are no STAC Items; it has {_list(self._schema.names)}"
            )
        for number in range(metadata.num_row_groups):
            group = metadata.row_group(number)
            what = f"row group {number + 1}"
            if not 0 <= group.num_rows <= MAX_GROUP_ROWS:
                raise _refused(self.name, f"{what} has {group.num_rows} rows; allowed are {MAX_GROUP_ROWS}")
            if not 0 <= group.total_byte_size <= MAX_GROUP_BYTES:
                raise _refused(self.name, f"{what} has {group.total_byte_size} bytes; allowed are {MAX_GROUP_BYTES}")
            for index in range(group.num_columns):
                column = group.column(index)
                start = column.dictionary_page_offset or column.data_page_offset
                if column.total_compressed_size < 0 or not 0 <= start <= size - column.total_compressed_size:
                    raise _refused(self.name, f"{what}, column {column.path_in_schema[:80]}: it lies outside the file")
                if not 0 <= column.total_uncompressed_size <= MAX_GROUP_BYTES:
                    raise _refused(self.name, f"{what}, column {column.path_in_schema[:80]}: it is too large")
                if not 0 <= column.num_values <= MAX_VALUES_A_ROW * max(1, group.num_rows):
                    raise _refused(self.name, f"{what}, column {column.path_in_schema[:80]}: too many values a row")


def _arrow() -> None:
    try:
        import pyarrow  # noqa: F401
    except ImportError as error:
        raise ConfigError(
            "GeoParquet files are read by pyarrow, which is not here; install discovery-portal[geoparquet]"
        ) from error


def _footer(path: Path, name: str) -> tuple[int, int]:
    """Return the size of a file and of its footer.

    Raises:
        SourceUnavailableError: It is no Parquet file, or its footer is larger than we read.
    """
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            head = file.seek(0) or file.read(4)
            file.seek(max(0, size - 8))
            tail = file.read(8)
    except OSError as error:
        raise SourceUnavailableError(f"{name} cannot be read: {error.strerror or error}", detail="file") from error
    if size < 12 or head != _MAGIC or tail[4:] != _MAGIC:
        raise _refused(name, "is no Parquet file, or is cut off")
    (length,) = struct.unpack("<I", tail[:4])
    if length > MAX_FOOTER or length > size - 12:
        raise _refused(name, f"has a footer of {length} bytes; allowed are {min(MAX_FOOTER, size - 12)}")
    return size, length


def _digest(path: Path, size: int, length: int) -> str:
    with path.open("rb") as file:
        file.seek(size - 8 - length)
        # Offsets, counts and the least and greatest values of every column: another content has another footer.
        return hashlib.sha256(b"%d:" % size + file.read(length)).hexdigest()[:32]


def _rows(batch: pyarrow.RecordBatch, group: int, first: int) -> Iterator[Row]:
    """Yield the rows of a batch; where something in it cannot be read, all but the row that it is in."""
    import pyarrow

    try:
        bodies = _items(batch)
    except (pyarrow.ArrowException, ValueError, TypeError, OverflowError, shapely.errors.ShapelyError) as error:
        if batch.num_rows == 1:
            yield Row(group, first, b"", _said(error))
            return
        half = batch.num_rows // 2
        yield from _rows(batch.slice(0, half), group, first)
        yield from _rows(batch.slice(half), group, first + half)
        return
    for number, body in enumerate(bodies, first):
        fault = f"the row is longer than {MAX_ROW} bytes as JSON" if len(body) > MAX_ROW else ""
        yield Row(group, number, body[: MAX_ROW if not fault else 1000], fault)


def _items(batch: pyarrow.RecordBatch) -> list[bytes]:
    """Return the rows of a batch as JSON."""
    members: list[tuple[str, list[Any]]] = []
    properties: list[tuple[str, list[Any]]] = []
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        reader = _READERS.get(name, _parsed if name in _WRITTEN else _values)
        (members if name in _MEMBERS or name == "properties" else properties).append((name, reader(column)))
    out: list[bytes] = []
    for number in range(batch.num_rows):
        item: dict[str, Any] = {name: each for name, values in members if (each := values[number]) is not None}
        inner = item.get("properties")
        given = {name: each for name, values in properties if (each := values[number]) is not None}
        item["properties"] = {**inner, **given} if isinstance(inner, dict) else given
        # A table has no rows without a column, while an Item without these has no room to say that it has none.
        item["properties"].setdefault("datetime", None)
        item.setdefault("type", "Feature")
        for name, empty in (("geometry", None), ("links", []), ("assets", {})):
            item.setdefault(name, empty)
        out.append(orjson.dumps(item, option=orjson.OPT_SORT_KEYS))
    return out


def _values(array: pyarrow.Array, depth: int = 0) -> list[Any]:
    """Return the values of a column as JSON has them; members of a structure that are null are left out."""
    import pyarrow
    from pyarrow import types

    kind = array.type
    if depth > _MAX_DEPTH:
        raise ValueError(f"a column is nested more than {_MAX_DEPTH} times")
    if isinstance(kind, pyarrow.BaseExtensionType):
        return _values(array.storage, depth)
    if types.is_dictionary(kind):
        return _values(array.dictionary_decode(), depth)
    if types.is_struct(kind):
        return _structures(array, depth)
    if types.is_map(kind):
        return [dict(pairs) if pairs is not None else None for pairs in _lists(array, depth)]
    if types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        return _lists(array, depth)
    if types.is_timestamp(kind):
        return _times(array)
    if types.is_binary(kind) or types.is_large_binary(kind) or types.is_fixed_size_binary(kind):
        return [None if each is None else base64.b64encode(each).decode() for each in array.to_pylist()]
    if types.is_decimal(kind) or types.is_duration(kind) or types.is_interval(kind):
        return [None if each is None else str(each) for each in array.to_pylist()]
    found: list[Any] = array.to_pylist()
    return found


def _structures(array: pyarrow.StructArray, depth: int) -> list[Any]:
    names = [each.name for each in array.type]
    columns = [_values(array.field(index), depth + 1) for index in range(len(names))]
    rows = zip(*columns, strict=True) if columns else iter([()] * len(array))
    found = [{name: each for name, each in zip(names, row, strict=True) if each is not None} for row in rows]
    if not array.null_count:
        return found
    return [each if valid else None for each, valid in zip(found, array.is_valid().to_pylist(), strict=True)]


def _lists(array: Any, depth: int) -> list[Any]:
    """Return the lists of a column; a map is a list of pairs."""
    from pyarrow import types

    if types.is_fixed_size_list(array.type):
        # What stands below a null of such a list is there all the same.
        width = array.type.list_size
        inside = _values(array.values.slice(array.offset * width, len(array) * width), depth + 1)
        offsets = [number * width for number in range(len(array) + 1)]
    else:
        offsets = array.offsets.to_pylist()
        start, end = offsets[0], offsets[-1]
        if types.is_map(array.type):
            keys, values = (_values(each.slice(start, end - start), depth + 1) for each in (array.keys, array.items))
            inside = [(str(key), value) for key, value in zip(keys, values, strict=True)]
        else:
            inside = _values(array.values.slice(start, end - start), depth + 1)
        offsets = [each - start for each in offsets]
    valid = array.is_valid().to_pylist() if array.null_count else None
    return [inside[offsets[n] : offsets[n + 1]] if valid is None or valid[n] else None for n in range(len(offsets) - 1)]


def _times(array: pyarrow.Array) -> list[str | None]:
    """Return instants as RFC 3339 has them; in a column without a zone they are those of UTC."""
    import pyarrow

    numbers = array.cast(pyarrow.int64()).fill_null(0).to_numpy(zero_copy_only=False)
    texts = numpy.datetime_as_string(numbers.view(f"M8[{array.type.unit}]")).tolist()
    valid = array.is_valid().to_pylist() if array.null_count else None
    return [
        (each.rstrip("0").rstrip(".") if "." in each else each) + "Z" if valid is None or valid[n] else None
        for n, each in enumerate(texts)
    ]


def _parsed(array: pyarrow.Array) -> list[Any]:
    """Return the values of a column, and where they are JSON written as text, what it says."""
    return [
        orjson.loads(each) if isinstance(each, str) and each.lstrip()[:1] in ("{", "[") else each
        for each in _values(array)
    ]


def _assets(array: pyarrow.Array) -> list[Any]:
    """Return the assets of Items; a table has room for each in every row, and those of others stay empty."""
    return [
        {name: asset for name, asset in each.items() if asset} if isinstance(each, dict) else each
        for each in _parsed(array)
    ]


def _boxes(array: pyarrow.Array) -> list[Any]:
    """Return boxes as lists of four or six numbers, from the structure that GeoParquet has them in."""
    found = _parsed(array)
    return [[each[name] for name in _BOX if name in each] if isinstance(each, dict) else each for each in found]


def _geometries(array: pyarrow.Array) -> list[Any]:
    """Return geometries as GeoJSON, from well-known binary.

    Raises:
        ValueError: One of them is none.
    """
    import pyarrow
    from pyarrow import types

    while isinstance(array.type, pyarrow.BaseExtensionType):
        array = array.storage
    if not (types.is_binary(array.type) or types.is_large_binary(array.type)):
        # Somebody's GeoJSON; whoever maps it says what is wrong with anything else.
        return _parsed(array)
    found = array.to_pylist()
    for each in found:
        if each is not None and len(each) > _DEEP and _is_multiple(each):
            _refuse_deep(each)
    shapes = shapely.from_wkb(found)
    empty = shapely.is_empty(shapes).tolist()
    return [
        None if text is None else _EMPTY if empty[n] else orjson.Fragment(text)
        for n, text in enumerate(shapely.to_geojson(shapes).tolist())
    ]


_EMPTY: Final = {"type": "GeometryCollection", "geometries": []}
_READERS: Final = {"geometry": _geometries, "bbox": _boxes, "assets": _assets}


def _is_multiple(body: bytes) -> bool:
    (kind,) = struct.unpack_from("<I" if body[:1] == b"\x01" else ">I", body, 1)
    return (kind & 0xFFFF) % 1000 in _MULTI


def _refuse_deep(body: bytes) -> None:
    """Walk the headers of the geometries within a geometry.

    Raises:
        ValueError: They are nested deeper than any real one, or are cut off.
    """
    at, waiting = 0, [1]
    try:
        while waiting:
            waiting[-1] -= 1
            if waiting[-1] < 0:
                waiting.pop()
                continue
            order = "<" if body[at] == 1 else ">"
            (code,) = struct.unpack_from(f"{order}I", body, at + 1)
            at += 9 if code & 0x20000000 else 5
            kind = (code & 0xFFFF) % 1000
            width = 8 * (2 + (bool(code & 0x80000000) or (code & 0xFFFF) // 1000 in (1, 3))
                         + (bool(code & 0x40000000) or (code & 0xFFFF) // 1000 in (2, 3)))  # fmt: skip
            if kind == 1:
                at += width
                continue
            (count,) = struct.unpack_from(f"{order}I", body, at)
            at += 4
            if kind == 2:
                at += width * count
            elif kind == 3:
                for _ in range(count):
                    (points,) = struct.unpack_from(f"{order}I", body, at)
                    at += 4 + width * points
            elif kind in _MULTI and len(waiting) < _MAX_DEPTH:
                waiting.append(count)
            else:
                raise ValueError("the geometry is nested too deep, or of an unknown type")
    except (struct.error, IndexError) as error:
        raise ValueError("the geometry is cut off") from error


def _list(names: list[str]) -> str:
    return ", ".join(each[:40] for each in names[:10]) or "none"


def _said(error: BaseException) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"


def _damaged(name: str, error: BaseException) -> SourceUnavailableError:
    return SourceUnavailableError(f"{name} cannot be read as Parquet: {_said(error)}", detail="unexpected_content")


def _refused(name: str, message: str) -> SourceUnavailableError:
    return SourceUnavailableError(f"{name[:300]} {message}", detail="unexpected_content")


def _parts(rows: list[Row]) -> Iterator[list[Row]]:
    """Yield rows so many at a time that whoever is told of them has room for them."""
    first = size = 0
    for number, each in enumerate(rows):
        if size and size + len(each.body) > PART:
            yield rows[first:number]
            first, size = number, 0
        size += len(each.body)
    yield rows[first:]


def work(asked: Questions, say: Say) -> None:
    """Answer questions about a file until nobody asks any more.

    Args:
        asked: The path and the name of the file, then which rows are wanted.
        say: Is given what the file is, or why it cannot be read, as JSON; then rows.
    """
    path, name = orjson.loads(next(asked))
    try:
        _arrow()
        import pyarrow

        pyarrow.set_memory_pool(pyarrow.system_memory_pool())
        file = File(Path(path), name)
    except ConfigError as error:
        say(orjson.dumps({"missing": str(error)}))
        return
    except SourceUnavailableError as error:
        say(orjson.dumps({"error": str(error), "detail": error.detail}))
        return
    say(orjson.dumps({"fingerprint": file.fingerprint, "rows": file.rows(), "collections": file.collections()}))
    for question in asked:
        group, row, size, ids = orjson.loads(question)
        for rows in file.read(group, row, size, ids=ids):
            for part in _parts(rows):
                say(framed(part))
        say(b"")
