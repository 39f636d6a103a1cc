"""Stores that are made of pieces of other files, named in tables (Kerchunk's references as Parquet).

A folder has the metadata of all arrays in one document, and for each array Parquet files with so many rows each, one
for each chunk, in their order. Such a file is a stranger's: what its footer says is looked at before room is made for
it, and one row group is read.
"""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import orjson

from discovery.arrays import facts, stores
from discovery.arrays.references import Reference, Referring, referred
from discovery.arrays.stores import Budget, Files
from discovery.errors import SourceUnavailableError
from discovery.http import Client

if TYPE_CHECKING:
    import pyarrow

ABOUT: Final = ".zmetadata"
"""The document of such a folder."""
MAX_RECORDS: Final = 1_000_000
"""Rows of a table of references; writers have 10,000 or 100,000."""
MAX_GROUP: Final = 64 << 20
"""Bytes of one row group of such a table before compression, as its footer says."""
_KEPT: Final = 4
"""Row groups that are remembered."""
_COLUMNS: Final = ("path", "offset", "size", "raw")


def is_one(document: bytes) -> bool:
    """Say whether a document of metadata is that of a folder of tables."""
    try:
        given = orjson.loads(document)
    except orjson.JSONDecodeError:
        return False
    return isinstance(given, dict) and "record_size" in given and isinstance(given.get("metadata"), dict)


class TableStore(Referring):
    """A store whose references are in Parquet files, which are read when a chunk is wanted.

    Args:
        document: What the folder says of itself.
        folder: The folder.
        base: Its address; empty where it is on this machine.
        beside: Where the folder lies.
        client: Sees to it that nothing private is asked, redirects included.
        budget: Counts what is read.

    Raises:
        ValueError: The document is damaged.
        SourceUnavailableError: The reader of Parquet is not installed.
    """

    def __init__(
        self, document: bytes, folder: Files, base: str, beside: Files, client: Client, budget: Budget
    ) -> None:
        given = orjson.loads(document)
        about = {key: _bytes(each) for key, each in given["metadata"].items()}
        super().__init__(about, base, beside, client, budget)
        self._records = given["record_size"]
        if type(self._records) is not int or not 0 < self._records <= MAX_RECORDS:
            raise ValueError(f"its tables have {str(self._records)[:20]} rows; allowed are {MAX_RECORDS:,}")
        self._about = about
        self._folder = folder
        self._read: OrderedDict[tuple[str, int, int], Mapping[str, Any]] = OrderedDict()
        # As many as there are bytes that may be read.
        self._tables: dict[tuple[str, int], Any] = {}
        self._guard = threading.Lock()
        _arrow()

    def reference(self, key: str) -> Reference | None:
        """Return what a key stands for; None for a chunk that holds nothing but the fill value."""
        if key in self._about:
            return self._about[key]
        field, _, chunk = key.rpartition("/")
        about = self._about.get(f"{field}/.zarray" if field else ".zarray")
        if about is None or ".." in field.split("/") or not chunk.replace(".", "").isdecimal():
            return None
        number = _number(orjson.loads(about), chunk)
        with self._guard:
            return self._row(field, *divmod(number, self._records))

    def _row(self, field: str, record: int, row: int) -> Reference | None:
        table = self._table(field, record)
        if table is None:
            return None
        for group in range(table.metadata.num_row_groups):
            rows = table.metadata.row_group(group).num_rows
            if row < rows:
                found = self._group(field, record, group, table)
                return _reference(*(found[name][row].as_py() if name in found else None for name in _COLUMNS))
            row -= rows
        return None

    def _table(self, field: str, record: int) -> Any:
        """Return a table that is open for reading; None where there is none."""
        if (field, record) not in self._tables:
            data = self._folder.read(f"{field}/refs.{record}.parq", None)
            self._tables[field, record] = None if data is None else _opened(data)
        return self._tables[field, record]

    def _group(self, field: str, record: int, group: int, table: Any) -> Mapping[str, Any]:
        key = (field, record, group)
        if key not in self._read:
            columns = [each for each in table.schema_arrow.names if each in _COLUMNS]
            read = table.read_row_group(group, columns=columns, use_threads=False)
            self._read[key] = {name: read.column(name) for name in read.column_names}
            while len(self._read) > _KEPT:
                self._read.popitem(last=False)
        return self._read[key]


def _bytes(given: Any) -> bytes:
    return given.encode("utf-8") if isinstance(given, str) else orjson.dumps(given)


def _number(about: Any, chunk: str) -> int:
    """Return which of the chunks of an array one is, in their order.

    Raises:
        ValueError: The array has none of that name.
    """
    lengths = [math.ceil(size / step) for size, step in zip(about["shape"], about["chunks"], strict=True)] or [1]
    places = [int(each) for each in chunk.split(".")]
    if len(places) != len(lengths) or any(not 0 <= at < length for at, length in zip(places, lengths, strict=True)):
        raise ValueError(f"there is no chunk {chunk[:40]}")
    found = 0
    for at, length in zip(places, lengths, strict=True):
        found = found * length + at
    return found


def _arrow() -> None:
    try:
        import pyarrow
    except ModuleNotFoundError as error:
        raise SourceUnavailableError(
            f"its references are in Parquet, and it needs the package {error.name}", detail=facts.NO_READER
        ) from error
    # Others take a gigabyte of addresses before they are asked for anything.
    pyarrow.set_memory_pool(pyarrow.system_memory_pool())


def _opened(data: bytes) -> Any:
    """Return a table whose footer promises nothing that would not fit.

    Raises:
        SourceUnavailableError: It does.
        ValueError: It is damaged, or no table of references.
    """
    import pyarrow
    import pyarrow.parquet

    try:
        found = pyarrow.parquet.ParquetFile(
            pyarrow.BufferReader(data),
            pre_buffer=False,
            thrift_string_size_limit=1 << 20,
            thrift_container_size_limit=100_000,
            schema_depth_limit=8,
            arrow_extensions_enabled=False,
        )
        schema = found.schema_arrow
    except pyarrow.ArrowException as error:
        raise ValueError(f"a table of references cannot be read: {error}") from error
    _check(found.metadata, schema)
    return found


def _check(metadata: Any, schema: pyarrow.Schema) -> None:
    from pyarrow import types

    for name in _COLUMNS:
        kinds = {schema.field(at).type for at in schema.get_all_field_indices(name)}
        known = types.is_integer if name in ("offset", "size") else _is_text
        if len(schema.get_all_field_indices(name)) > 1 or not all(known(each) for each in kinds):
            raise ValueError(f"the column {name} of a table of references is of no kind that it could be")
    rows = 0
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        rows += group.num_rows
        size = max(
            group.total_byte_size, sum(group.column(at).total_uncompressed_size for at in range(group.num_columns))
        )
        if group.num_rows < 0 or rows > MAX_RECORDS or not 0 <= size <= MAX_GROUP:
            raise SourceUnavailableError(
                f"a table of references has {group.num_rows:,} rows of {size:,} bytes in one group",
                detail=stores.TOO_LARGE,
            )


def _is_text(kind: pyarrow.DataType) -> bool:
    from pyarrow import types

    if types.is_dictionary(kind):
        return _is_text(kind.value_type)
    known = (types.is_string, types.is_large_string, types.is_binary, types.is_large_binary, types.is_null)
    return any(each(kind) for each in known)


def _reference(
    path: str | bytes | None, offset: int | None, size: int | None, raw: str | bytes | None
) -> Reference | None:
    """Return what a row stands for; None where it stands for nothing.

    Raises:
        ValueError: It has no offset and length that could be.
    """
    if raw is not None:
        return raw.encode("utf-8") if isinstance(raw, str) else raw
    if not path:
        return None
    url = path if isinstance(path, str) else path.decode("utf-8")
    return referred(url, offset or 0, size or 0) if offset or size else referred(url)
