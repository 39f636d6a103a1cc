"""Items as a STAC GeoParquet table: what stac-geoparquet 1.0 lays down, and geopandas, rustac and our harvester read.

A table has one type a column, which documents of many sources do not keep to. So all items are looked at before the
first is written: what is a number in one and a text in another becomes JSON in a text, and what no item has is no
column. They wait in a file meanwhile, so that those that are written are those that were looked at.
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from tempfile import SpooledTemporaryFile
from typing import TYPE_CHECKING, Any, Final, Protocol

import orjson
import shapely

from discovery.errors import BadQueryError, LimitError
from discovery.exports.limits import CHUNK, late

if TYPE_CHECKING:
    import pyarrow

MAX_COLUMNS: Final = 5_000
"""Columns of a table with everything that is nested in them; readers of Parquet look at each for each group of rows."""
MAX_BYTES: Final = 2 << 30
"""Bytes of the items of a table, which wait on disk for the last of them."""
_IN_MEMORY: Final = 8 << 20
_MEMBERS: Final = ("type", "stac_version", "stac_extensions", "id", "geometry", "bbox", "links", "assets", "collection")
_ALWAYS: Final = ("type", "stac_version", "id")
_TIMES: Final = frozenset(
    {"datetime", "start_datetime", "end_datetime", "created", "updated", "expires", "published", "unpublished"}
)
_CORNERS: Final = {4: ("xmin", "ymin", "xmax", "ymax"), 6: ("xmin", "ymin", "zmin", "xmax", "ymax", "zmax")}
_INT64: Final = range(-(2**63), 2**63)
_DEEP: Final = 24
VERSION: Final = "1.0.0"


class Rows(Protocol):
    """Items by their numbers in the store."""

    def chunks(self) -> Iterator[tuple[int, ...]]:
        """Yield the numbers of as many items as are made at once."""
        ...


class Spool(Protocol):
    """A file for the items that wait."""

    def write(self, data: bytes, /) -> int:
        """Append."""
        ...

    def seek(self, place: int, /) -> int:
        """Go to a place."""
        ...

    def readline(self) -> bytes:
        """Read to the end of a line."""
        ...

    def close(self) -> None:
        """Throw it away."""
        ...


class Shape:
    """The type of a column, as the values that were seen have it."""

    __slots__ = ("inner", "kind", "members")

    def __init__(self) -> None:
        self.kind = ""
        """Empty while nothing but null was seen."""
        self.inner: Shape | None = None
        self.members: dict[str, Shape] = {}

    def see(self, value: Any, depth: int = 0) -> None:
        """Widen the type so that it holds a value."""
        if value is None or self.kind == "json":
            return
        kind = _kind(value) if depth < _DEEP else "json"
        if self.kind and kind != self.kind:
            kind = "float" if {kind, self.kind} == {"int", "float"} else "json"
        self.kind = kind
        if kind == "list":
            self.inner = self.inner or Shape()
            for each in value:
                self.inner.see(each, depth + 1)
        elif kind == "struct":
            for name, each in value.items():
                self.members.setdefault(name, Shape()).see(each, depth + 1)

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to write: no value, or objects without members, for which Parquet has no type."""
        if self.kind == "struct":
            return all(each.is_empty for each in self.members.values())
        return not self.kind

    @property
    def size(self) -> int:
        """How many columns it takes."""
        return 1 + sum(each.size for each in self.members.values()) + (self.inner.size if self.inner else 0)

    def type(self) -> pyarrow.DataType:
        """Return the type of Arrow."""
        import pyarrow

        if self.kind == "struct":
            kept = {name: each for name, each in self.members.items() if not each.is_empty}
            return pyarrow.struct([pyarrow.field(name, each.type()) for name, each in kept.items()])
        if self.kind == "list":
            assert self.inner is not None
            return pyarrow.list_(pyarrow.string() if self.inner.is_empty else self.inner.type())
        simple = {"bool": pyarrow.bool_(), "int": pyarrow.int64(), "float": pyarrow.float64()}
        return simple.get(self.kind, pyarrow.string())

    def fit(self, value: Any) -> Any:
        """Return a value as the column holds it."""
        if value is None or self.is_empty:
            return None
        if self.kind == "json":
            return orjson.dumps(value).decode()
        if self.kind == "struct":
            return {name: self.members[name].fit(each) for name, each in value.items()}
        if self.kind == "list":
            assert self.inner is not None
            return [self.inner.fit(each) for each in value]
        return float(value) if self.kind == "float" else value


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int):
        return "int" if value in _INT64 else "json"
    if isinstance(value, float):
        return "float"
    if isinstance(value, str):
        return "text"
    return "list" if isinstance(value, list) else "struct"


class Table:
    """The columns that a list of items needs."""

    def __init__(self) -> None:
        self._members = {name: Shape() for name in _MEMBERS if name not in ("geometry", "bbox")}
        self._properties: dict[str, Shape] = {}
        self.corners = _CORNERS[4]
        """What boxes are made of."""
        self._timed = set(_TIMES)

    def see(self, item: Mapping[str, Any]) -> None:
        """Make room for an item.

        Raises:
            LimitError: More than 5,000 columns are needed.
        """
        for name, shape in self._members.items():
            shape.see(item.get(name))
        if isinstance(box := item.get("bbox"), list) and len(box) == 6:
            self.corners = _CORNERS[6]
        before = len(self._properties)
        for name, value in _columns(item).items():
            self._properties.setdefault(name, Shape()).see(value)
            if name in self._timed and value is not None and _instant(value) is None:
                self._timed.discard(name)
        if len(self._properties) > before or len(self._members["assets"].members) > 100:
            self._check()

    def _check(self) -> None:
        size = sum(each.size for each in (*self._members.values(), *self._properties.values()))
        if size > MAX_COLUMNS:
            told = f"these items need more than {MAX_COLUMNS:,} columns: narrow the search to one collection or take"
            raise LimitError("stac-columns", f"{told} f=ndjson", parameter="f")

    def schema(self) -> pyarrow.Schema:
        """Return the columns, with what says where the geometry is."""
        import pyarrow

        members = {name: each for name, each in self._members.items() if not each.is_empty or name in _ALWAYS}
        found = [pyarrow.field(name, each.type()) for name, each in members.items()]
        found.append(pyarrow.field("geometry", pyarrow.binary()))
        found.append(pyarrow.field("bbox", pyarrow.struct([(each, pyarrow.float64()) for each in self.corners])))
        instant = pyarrow.timestamp("us", tz="UTC")
        for name, shape in self._written():
            found.append(pyarrow.field(name, instant if name in self._timed else shape.type()))
        return pyarrow.schema(found)

    def _written(self) -> list[tuple[str, Shape]]:
        # Readers ask for datetime by its name, though all are null.
        kept = {name: each for name, each in self._properties.items() if not each.is_empty or name == "datetime"}
        return list(({"datetime": Shape()} | kept).items())

    def batch(self, items: Sequence[Mapping[str, Any]], schema: pyarrow.Schema) -> pyarrow.RecordBatch:
        """Return items as rows."""
        import pyarrow

        columns: dict[str, list[Any]] = {}
        for name, shape in self._members.items():
            columns[name] = [shape.fit(each.get(name)) for each in items]
        # What is no geometry is no reason to keep the rest back.
        shapes = shapely.from_geojson([_geometry(each.get("geometry")) for each in items], on_invalid="ignore")
        columns["geometry"] = shapely.to_wkb(shapes).tolist()
        columns["bbox"] = [self._box(each.get("bbox")) for each in items]
        properties = [_columns(each) for each in items]
        for name, shape in self._written():
            fit: Callable[[Any], Any] = _instant if name in self._timed else shape.fit
            columns[name] = [fit(each.get(name)) for each in properties]
        return pyarrow.RecordBatch.from_arrays(
            [pyarrow.array(columns[each.name], each.type) for each in schema], schema=schema
        )

    def _box(self, box: Any) -> dict[str, float] | None:
        if (
            not isinstance(box, list)
            or len(box) not in _CORNERS
            or not all(isinstance(each, int | float) for each in box)
        ):
            return None
        return dict(zip(_CORNERS[len(box)], map(float, box), strict=True))


def _columns(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return the properties of an item, and its other members, as columns; the standard has one room for both."""
    properties = item.get("properties")
    found = dict(properties) if isinstance(properties, dict) else {}
    # A property that is called as a member is must not stand in its column.
    found = {f"properties.{name}" if name in _MEMBERS else name: value for name, value in found.items()}
    beside = {name: value for name, value in item.items() if name not in _MEMBERS and name != "properties"}
    return {**beside, **found}


def _instant(value: Any) -> datetime | None:
    """Return a time with microseconds in UTC, None for what is none that Arrow holds."""
    if not isinstance(value, str):
        return None
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        return None
    return found.astimezone(UTC) if found.tzinfo is not None and 2 < found.year < 9998 else None


def _geometry(value: Any) -> bytes | None:
    return None if value is None else orjson.dumps(value)


Collections = Callable[[Sequence[str]], Sequence[bytes]]
_MAX_COLLECTIONS: Final = 50
"""Collections that a table carries; with more of them it carries none."""


def parquet(
    found: Rows, bodies: Callable[[Sequence[int]], Sequence[bytes]], collections: Collections
) -> Iterator[bytes]:
    """Return the table of some items in pieces, a group of rows in each; all of them have been looked at by then.

    Args:
        found: Which items.
        bodies: Returns the documents of some of them.
        collections: Returns the documents of the collections with these ids that are here.

    Raises:
        BadQueryError: pyarrow is not installed.
        LimitError: They need too many columns, have too many bytes, or take too long to read.
    """
    if not _has_arrow():
        told = "no GeoParquet is made here, for the portal runs without discovery-portal[geoparquet]: take f=ndjson"
        raise BadQueryError(told, parameter="f")
    waiting = SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115  # closed when the last piece has been made
    try:
        table, named = _looked_at(found, bodies, waiting)
    except BaseException:
        waiting.close()
        raise
    return _pieces(table, waiting, collections(named) if len(named) <= _MAX_COLLECTIONS else [])


def _looked_at(
    found: Rows, bodies: Callable[[Sequence[int]], Sequence[bytes]], waiting: Spool
) -> tuple[Table, list[str]]:
    """Return the columns that items need and the collections that they name; the items themselves are put aside."""
    began = time.monotonic()
    table, size = Table(), 0
    named: dict[str, None] = {}
    for keys in found.chunks():
        late(began)
        for body in bodies(keys):
            item = orjson.loads(body)
            table.see(item)
            size += waiting.write(orjson.dumps(item) + b"\n")
            if isinstance(item.get("collection"), str) and len(named) <= _MAX_COLLECTIONS:
                named[item["collection"]] = None
        if size > MAX_BYTES:
            told = f"these items have more than {MAX_BYTES >> 30} GiB: narrow the search or take f=ndjson"
            raise LimitError("stac-bytes", told, parameter="f")
    return table, list(named)


def _has_arrow() -> bool:
    try:
        import pyarrow.parquet  # noqa: F401
    except ImportError:
        return False
    return True


def _pieces(table: Table, waiting: Spool, collections: Sequence[bytes]) -> Iterator[bytes]:
    import pyarrow.parquet

    schema = table.schema().with_metadata(_metadata(table, collections))
    out = io.BytesIO()
    try:
        waiting.seek(0)
        with pyarrow.parquet.ParquetWriter(_Forward(out), schema, compression="zstd") as writer:
            while items := _next(waiting):
                writer.write_batch(table.batch(items, schema), row_group_size=CHUNK)
                yield out.getvalue()
                out.seek(0)
                out.truncate()
        yield out.getvalue()
    finally:
        waiting.close()


class _Forward(io.RawIOBase):
    """A file that is only ever written at its end, whose beginning is taken away meanwhile."""

    def __init__(self, out: io.BytesIO) -> None:
        self._out = out
        self._place = 0

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._place

    def write(self, data: Any) -> int:
        self._place += self._out.write(data)
        return len(data)


def _next(waiting: Spool) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while len(found) < CHUNK and (line := waiting.readline()):
        found.append(orjson.loads(line))
    return found


def _metadata(table: Table, collections: Sequence[bytes]) -> dict[bytes, bytes]:
    covering = {name: ["bbox", name] for name in table.corners}
    geometry = {"encoding": "WKB", "geometry_types": [], "covering": {"bbox": covering}}
    geo = {"version": "1.1.0", "primary_column": "geometry", "columns": {"geometry": geometry}}
    carried = {(document := orjson.loads(each))["id"]: document for each in collections}
    stac = {"version": VERSION, **({"collections": carried} if carried else {})}
    return {b"geo": orjson.dumps(geo), b"stac-geoparquet": orjson.dumps(stac)}
