"""Reading VOTables that strangers send: fields, rows as text, and the status that counts, which is the last one."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from lxml import etree

from discovery.errors import RecordError, SourceUnavailableError
from harvesters import votable_rows

OK: Final = "OK"
OVERFLOW: Final = "OVERFLOW"
ERROR: Final = "ERROR"
_BINARY: Final = frozenset({"BINARY", "BINARY2", "FITS", "PARQUET"})
_INTEGERS: Final = frozenset({"unsignedByte", "short", "int", "long"})
_TOLD: Final = ("VOTABLE", "TABLE", "FIELD", "VALUES", "INFO", "TR", "TABLEDATA", *sorted(_BINARY))
"""The elements that the parser tells of; cells are not among them, since there are millions and a row has its own."""
MAX_CELL: Final = 4 * 1024 * 1024
"""Characters of one cell; the longest footprints have some hundred thousand."""
_MAX_FIELDS: Final = 2000
_MAX_TAGS: Final = 1_000_000
"""Tags outside of the rows that were let go; each takes some hundred bytes of memory, however short it is."""
_PIECE: Final = 65_536
_ROWS: Final = b"<TABLEDATA>"
"""What rows begin behind."""
_NUMERALS: Final = frozenset("0123456789+-.")


@dataclass(frozen=True, slots=True)
class Column:
    """One FIELD: what its name, unit and empty value are."""

    name: str
    datatype: str = "char"
    unit: str = ""
    xtype: str = ""
    null: str = ""
    text: bool = True

    def value(self, cell: str) -> str:
        """Return a cell as it was sent; empty for NULL, which VOTable writes in three ways."""
        stripped = cell.strip()
        if not self.text and (stripped == self.null or stripped.lower() == "nan"):
            return ""
        return cell


@dataclass(slots=True)
class Table:
    """One answer: its columns, the rows that came, and what the service says of them."""

    columns: list[Column] = field(default_factory=list)
    rows: list[dict[str, str]] = field(default_factory=list)
    packed: list[Any] = field(default_factory=list)
    """What the caller has made of the rows, where it makes something of them; `rows` is empty then."""
    status: str = ""
    """Of the last QUERY_STATUS; services say OK before a table that they then cut short."""
    message: str = ""
    full: bool = False
    """Whether there were more rows than the caller takes; the rest was not read."""

    def units(self) -> Mapping[str, str]:
        """Return the units by the names of the columns, in lower case."""
        return {each.name: each.unit for each in self.columns if each.unit}

    def xtypes(self) -> Mapping[str, str]:
        """Return the extended types by the names of the columns, in lower case."""
        return {each.name: each.xtype for each in self.columns if each.xtype}


class Readable(Protocol):
    """What a table is read from while it comes."""

    def read(self, size: int, /) -> bytes:
        """Return at most so many bytes; none at the end."""
        ...


def read(body: bytes | Readable, *, most: int, pack: Callable[[dict[str, str]], Any] | None = None) -> Table:
    """Return the first table of a VOTable; names of columns are in lower case, empty cells are left out of a row.

    Rows are read as they come, so what is in memory is the texts of the rows and never the document. What the service
    says of their number (`nrows`) is not looked at. Only when this returns has the status been read.

    Args:
        body: The whole answer, or where it is read from; what that raises is raised.
        most: How many rows are taken; a server that sends more does not keep to what was asked.
        pack: Called with each row, when what it returns is smaller than the row and is all that is wanted.

    Raises:
        RecordError: It is not a VOTable, or it ends before its end (`broken-votable`); rows of it cannot be trusted.
    """
    source = _Source(io.BytesIO(body) if isinstance(body, bytes) else body)
    reader = _Reader(most, source, pack)
    try:
        for event, element in _events(source):
            if reader.take(event, element):
                break
    except _EnoughError:
        pass
    except etree.XMLSyntaxError as error:
        raise RecordError("broken-votable", f"the VOTable is broken: {error.msg}") from error
    if reader.binary:
        return _binary(source.whole(), reader.table, most, pack)
    if not reader.begun:
        raise RecordError("broken-votable", "the answer is XML, but no VOTable")
    return reader.table


def failure(content: bytes) -> str:
    """Return what an answer that is an error says, in a VOTable or in plain text; empty when it says nothing."""
    try:
        return read(content, most=1).message
    except RecordError:
        text = content[:500].decode("utf-8", "replace").strip()
        return "" if text.startswith("<") else text


def _events(source: Readable) -> Iterator[tuple[str, Any]]:
    # No entity is resolved and nothing is loaded; libxml2's own limits on depth and size stay on.
    return iter(
        etree.iterparse(
            source,
            events=("start", "end"),
            tag=tuple(f"{{*}}{name}" for name in _TOLD),
            resolve_entities=False,
            no_network=True,
            load_dtd=False,
        )
    )


class _EnoughError(Exception):
    """There are more rows than the caller takes."""


class _Source:
    """What the parser reads: an answer without its regular rows, which are cut out ahead of it.

    The bytes are kept until it is known that nobody will want to read them again.
    """

    def __init__(self, source: Readable) -> None:
        self._source = source
        self._kept: list[bytes] | None = []
        self._held = b""
        """What has come and the parser has not had yet."""
        self._looks = True
        """Whether it is looked for where the rows begin."""
        self._stopped = False
        """Whether the parser has had everything up to there, and nothing behind it."""
        self._take: Callable[[list[list[str]]], None] | None = None
        self.tags = 0
        """How many there were, less those of the rows that were let go."""

    def read(self, size: int, /) -> bytes:
        """Return what comes next."""
        self._stopped = False
        if self._looks:
            data = self._up_to_rows(size)
        elif self._take is not None:
            data = self._behind_rows(self._take)
        elif self._held:
            data = self._held
            self._held = b""
        else:
            data = self._more(size)
        self.tags += data.count(b"<")
        if self.tags > _MAX_TAGS:
            raise RecordError("broken-votable", f"the VOTable has more than {_MAX_TAGS} tags beside its rows")
        return data

    def rows_begin(self, take: Callable[[list[list[str]]], None] | None) -> None:
        """Keep nothing any more: what comes is text, which is read only once.

        Args:
            take: Called with the cells of regular rows instead of having them read by the parser; None for no rows.
        """
        head = b"".join(self._kept or ())
        self._kept = None
        if self._stopped and votable_rows.in_utf8(head):
            self._take = take

    def whole(self) -> bytes:
        """Return everything from the first byte on, bounded by whatever bounds the source."""
        kept, self._kept = self._kept or [], None
        while data := self._source.read(_PIECE):
            kept.append(data)
        return b"".join(kept)

    def _more(self, size: int) -> bytes:
        data = self._source.read(size)
        if self._kept is not None:
            self._kept.append(data)
        return data

    def _up_to_rows(self, size: int) -> bytes:
        """Return what comes next, but nothing that is behind the beginning of rows."""
        while True:
            more = self._more(size)
            data = self._held + more
            self._held = b""
            if (at := data.find(_ROWS)) >= 0:
                self._looks, self._stopped = False, True
                self._held = data[at + len(_ROWS) :]
                return data[: at + len(_ROWS)]
            # The tag may come in two pieces.
            cut = data.rfind(b"<", max(0, len(data) - len(_ROWS) + 1)) if more else -1
            if cut < 0:
                return data
            self._held = data[cut:]
            if cut:
                return data[:cut]

    def _behind_rows(self, take: Callable[[list[list[str]]], None]) -> bytes:
        """Return what is behind the regular rows, or the rows themselves from where one of them is in doubt."""
        self._take = None
        data, self._held = self._held, b""
        while True:
            if (end := data.rfind(votable_rows.END)) >= 0:
                end += len(votable_rows.END)
                rows = votable_rows.cut(data[:end], MAX_CELL)
                if rows is None:
                    return data
                take(rows)
                data = data[end:]
            if len(data) > votable_rows.LONGEST or data.lstrip().startswith(b"</"):
                return data
            # By large pieces, so that one which comes byte by byte is not looked through again for each of them.
            pieces = [data]
            size = 0
            while size < _PIECE and (more := self._more(_PIECE)):
                pieces.append(more)
                size += len(more)
            if not size:
                return data
            data = b"".join(pieces)


class _Reader:
    """Takes the parser's events one by one and forgets rows as they are read."""

    def __init__(self, most: int, source: _Source, pack: Callable[[dict[str, str]], Any] | None) -> None:
        self.table = Table()
        self._pack = pack
        self.begun = False
        self.binary = False
        self._most = most
        self._source = source
        self._tables = 0
        self._null = ""

    def take(self, event: str, element: Any) -> bool:
        """Take an event; say whether nothing more is wanted."""
        name = element.tag.rpartition("}")[2]
        if event == "start":
            # A row begins as often as it ends, and only its end has cells.
            if name != "TR":
                self._start(name, element)
            return self.binary and name in _BINARY and bool(self.table.columns)
        if name == "TR":
            return self._tables == 1 and self._row(element)
        if name == "VALUES":
            self._null = element.get("null") or self._null
        elif name == "FIELD" and self._tables == 1:
            self._field(element)
        elif name == "INFO" and element.get("name") == "QUERY_STATUS":
            self.table.status = (element.get("value") or "").upper()
            self.table.message = " ".join((element.text or "").split())[:1000]
        return False

    def _start(self, name: str, element: Any) -> None:
        if not self.begun:
            if element.getroottree().docinfo.doctype:
                raise RecordError("broken-votable", "the answer brings a DTD, which no VOTable needs")
            self.begun = True
            root = element.getroottree().getroot()
            if root is not element or name != "VOTABLE":
                raise RecordError("broken-votable", f"the answer is <{_local(root)[:40]}>, not a VOTable")
        elif name == "TABLE":
            self._tables += 1
        elif name in _BINARY and self._tables == 1:
            self.binary = True
        elif name == "TABLEDATA":
            names = [each.name for each in self.table.columns]
            # Where a name comes twice it matters in which order cells are looked at.
            plain = self._tables == 1 and len(set(names)) == len(names)
            self._source.rows_begin(self._rows if plain else None)

    def _field(self, element: Any) -> None:
        datatype = element.get("datatype") or "char"
        if len(self.table.columns) >= _MAX_FIELDS:
            raise RecordError("broken-votable", f"the table has more than {_MAX_FIELDS} columns")
        self.table.columns.append(
            Column(
                (element.get("name") or element.get("ID") or "").lower(),
                datatype,
                (element.get("unit") or "").strip(),
                (element.get("xtype") or "").strip(),
                self._null,
                datatype in ("char", "unicodeChar") or element.get("arraysize") is not None,
            )
        )
        self._null = ""

    def _rows(self, found: list[list[str]]) -> None:
        """Take the cells of rows that were cut out of the answer.

        Raises:
            _EnoughError: There are more than the caller takes.
        """
        names = [each.name for each in self.table.columns]
        numbers = [each for each in self.table.columns if not each.text]
        for cells in found:
            if self._is_full():
                raise _EnoughError
            row = {name: cell for name, cell in zip(names, cells, strict=False) if cell}
            for column in numbers:
                cell = row.get(column.name)
                if cell and (column.null or cell[0] not in _NUMERALS) and (cell == "NaN" or not column.value(cell)):
                    del row[column.name]
            self._keep(row)

    def _is_full(self) -> bool:
        """Say whether no further row is taken, and that there was one."""
        table = self.table
        table.full = len(table.rows) + len(table.packed) >= self._most
        return table.full

    def _keep(self, row: dict[str, str]) -> None:
        if self._pack is None:
            self.table.rows.append(row)
        else:
            self.table.packed.append(self._pack(row))

    def _row(self, element: Any) -> bool:
        if self._is_full():
            return True
        row: dict[str, str] = {}
        for column, cell in zip(self.table.columns, element, strict=False):
            text = cell.text
            if not text:
                continue
            # What begins as a number is no NaN; most cells of numbers are such, and there are millions.
            if not column.text and (column.null or text[0] not in _NUMERALS) and not (text := column.value(text)):
                continue
            if len(text) > MAX_CELL:
                raise RecordError("broken-votable", f"a cell of {column.name} is longer than {MAX_CELL} characters")
            row[column.name] = text
        self._keep(row)
        self._source.tags -= 2 * len(element) + 2
        # Rows that are read are let go, with what stands before them, so that a page takes the memory of its texts.
        element.clear()
        while element.getprevious() is not None:
            del element.getparent()[0]
        return False


def _local(element: Any) -> str:
    return str(element.tag).rpartition("}")[2]


def _binary(body: bytes, read: Table, most: int, pack: Callable[[dict[str, str]], Any] | None) -> Table:
    """Return a table that came in one of the binary forms, which services send although text was asked for."""
    from astropy.io.votable import parse  # a second to import, for the few services that need it

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            document = parse(io.BytesIO(body), verify="ignore")
            found = document.get_first_table()
        except Exception as error:  # astropy raises whatever its parts do on damaged bytes
            raise RecordError(
                "broken-votable", f"the binary table is broken: {type(error).__name__}: {error}"
            ) from error
        statuses = [info for each in document.resources for info in each.infos if info.name == "QUERY_STATUS"]
        if statuses:
            read.status, read.message = str(statuses[-1].value).upper(), str(statuses[-1].content or "")[:1000]
        rows = (_binary_row(read.columns, values) for values in found.array[:most])
        if pack is None:
            read.rows = list(rows)
        else:
            read.packed = [pack(row) for row in rows]
        read.full = len(found.array) > most
    return read


def _binary_row(columns: list[Column], values: Any) -> dict[str, str]:
    import numpy as np

    row: dict[str, str] = {}
    # Cell by cell: a masked row as a whole cannot give its texts where one of them has no fixed length.
    for column, value, mask in zip(columns, np.ma.getdata(values), np.ma.getmaskarray(values), strict=False):
        if value is None or np.all(mask):
            continue
        if isinstance(value, bytes):
            text = value.decode("utf-8", "replace")
        elif isinstance(value, np.ndarray):
            # Not `tolist`, by which 0.1 in four bytes would become 0.10000000149: text is sent with the digits it has.
            text = " ".join(str(each) for each in value.ravel())
        else:
            text = str(value)
        if text := column.value(text):
            row[column.name] = text
    return row


def unavailable(table: Table, what: str) -> SourceUnavailableError:
    """Return the error for an answer whose status is ERROR."""
    return SourceUnavailableError(f"{what}: the service says: {table.message or 'ERROR, and not why'}", detail="query")
