"""TAP services: one table of a service as records, whatever its standard, and the ObsCore table that most have."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlsplit

import orjson

from discovery.errors import ConfigError, RecordError, SourceUnavailableError
from discovery.model.source import Mapped, RawRecord, make_mapped
from harvesters import epntap, obscore, table_map, table_rows
from harvesters.base import Position, Probe, RawPage, SourceContext
from harvesters.defaults import Defaults
from harvesters.document import MAX_ID
from harvesters.tap_cuts import too_much
from harvesters.tap_service import ColumnInfo, Service
from harvesters.tap_table import GROUP, UNITS, XTYPES, Standard
from harvesters.tap_walk import COLLECTION, FIRST, KEYSET, WINDOW, Walk, Walker

_TABLE: Final = re.compile(
    r'(?:[A-Za-z_][A-Za-z0-9_]*|"[^"\n]{1,100}")(?:\.(?:[A-Za-z_][A-Za-z0-9_]*|"[^"\n]{1,100}")){0,2}'
)
_COLUMN: Final = re.compile(r'[A-Za-z_][A-Za-z0-9_]*|"[^"\n]{1,100}"')
OBSCORE: Final = "ivoa.ObsCore"
AUTO: Final = "auto"
_TEXT: Final = {str}
NONE: Final = "none"


class TapTable:
    """Walks one table of a TAP service, by the columns that its standard names.

    How it is walked depends on what the service says of the table, unless the operator has said: by identifier where
    that is indexed or nothing is known, else along the standard's column of numbers where that one is indexed. What a
    service refuses at the very beginning is tried another way.
    """

    def __init__(self, context: SourceContext, standard: Standard, table: str = "") -> None:
        source = context.source
        if urlsplit(source.url).scheme not in ("http", "https"):
            raise ConfigError(f"{source.kind}: url {source.url[:80]!r} is not an http: or https: address")
        self._standard = standard
        self._service = Service(context.client, context.source.url, context.text("mode"))
        self._table = table or context.text("table")
        if not _TABLE.fullmatch(self._table):
            raise ConfigError(f"tap: setting table is {self._table[:80]!r}; allowed: a name such as ivoa.ObsCore")
        self._relation = standard.rows_of(self._table)
        self._modified = context.text("modified")
        if not _COLUMN.fullmatch(self._modified):
            message = "allowed: auto, none, or the name of a column"
            raise ConfigError(f"tap: setting modified is {self._modified[:80]!r}; {message}")
        self._strategy = context.text("strategy")
        self._defaults = Defaults.of(context, "space-science")
        self._size = context.number("page")
        self._parts = context.number("parts")

    @property
    def bytes_read(self) -> int:
        """No local file is read."""
        return 0

    @property
    def cheap_ids(self) -> bool:
        """Telling rows of one identifier apart takes all of their columns."""
        return False

    def probe(self) -> Probe:
        """Return how many rows the table has, the limits that the service states, and how it will be walked.

        Raises:
            SourceUnavailableError: The table is not there, or has no identifier.
        """
        limits = self._service.limits()
        columns, notes = self._columns()
        if limits.note:
            notes.insert(0, limits.note)
        if (strategy := self._strategies(columns)[0]) != KEYSET:
            notes.append(f"walked by {strategy}")
        if column := self._changed_by(columns):
            notes.append(f"{column} says what has changed")
        return Probe(matched=self._service.count(self._relation), notes=tuple(notes))

    def pages(self, position: Position | None) -> Iterator[RawPage]:
        """Yield the rows in the order that the strategy gives, and last those that have no identifier."""
        size = self._answer()
        if position is not None:
            walk = Walk.from_position(position, size)
            yield from self._walker(size).pages(walk)
            return
        columns, _ = self._columns()
        matched = self._service.count(self._relation)
        strategies = self._strategies(columns)
        for number, strategy in enumerate(strategies, 1):
            pages = self._walker(size).pages(Walk(strategy, size=min(size, FIRST), matched=matched))
            try:
                first = next(pages)
            except SourceUnavailableError as error:
                if number < len(strategies) and too_much(error):
                    continue
                raise
            yield first
            yield from pages
            return

    def partitions(self) -> Sequence[str]:
        """Return stretches of the times and what is in none, where the operator wants parts and they can be had."""
        if self._parts < 2:
            return []
        columns, _ = self._columns()
        window = columns.get(self._standard.window)
        if window is None or not window.numeric or self._strategy not in (AUTO, WINDOW):
            return []
        try:
            return self._walker(self._answer()).parts(self._parts)
        except SourceUnavailableError as error:
            if too_much(error):
                return []
            raise

    def partition(self, name: str, position: Position | None) -> Iterator[RawPage]:
        """Yield the rows of one part."""
        return self._walker(self._answer()).part(name, position)

    def changes(self, since: int, position: Position | None) -> Iterator[RawPage] | None:
        """Return the rows that have changed since an instant, where a column says so; else None."""
        columns, _ = self._columns()
        column = self._changed_by(columns)
        if not column:
            return None
        moment = datetime.fromtimestamp(since / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S")
        size = self._answer()
        walk = Walk.from_position(position or {}, size)
        return self._walker(size, f"{column} >= '{moment}'").pages(walk)

    def ids(self) -> Iterator[tuple[str, str]]:
        """Yield container and id of every row and collection."""
        for page in self.pages(None):
            for raw in page.raws:
                yield raw.container, raw.source_id

    def parse(self, raw: RawRecord) -> dict[str, Any]:
        """Return the row of a stored element."""
        try:
            row = orjson.loads(raw.body)
        except orjson.JSONDecodeError as error:
            raise RecordError("broken-json", f"the stored row is not JSON: {error}") from error
        if not isinstance(row, dict):
            raise RecordError("not-an-object", "the stored row is not an object")
        return row

    def map(self, raw: RawRecord, document: Mapping[str, Any]) -> Mapped:
        """Return the record of a row, or that of the group that rows belong to."""
        standard = self._standard
        if GROUP in document and standard.to_group is not None:
            return Mapped(standard.to_group(raw.source_id, self._table, self._defaults), raw)
        if not raw.source_id or len(raw.source_id) > MAX_ID:
            raise RecordError("bad-id", f"the identifier is not a text of 1 to {MAX_ID} characters", path=standard.key)
        row: Mapping[str, str] = document
        if set(map(type, document.values())) != _TEXT:
            row = {name: str(value) for name, value in document.items() if not name.startswith("@")}
        units, xtypes = document.get(UNITS, {}), document.get(XTYPES, {})
        return make_mapped(standard.to_record(row, units, xtypes, raw.container, raw.source_id, self._defaults), raw)

    def _walker(self, size: int, condition: str = "") -> Walker:
        # Whoever asks only for what has changed must still see all rows of an identifier to name them.
        siblings = bool(condition) and self._repeats()
        return Walker(self._service, self._standard, self._table, size, condition=condition, siblings=siblings)

    def _answer(self) -> int:
        """Return how many rows are asked for at a time: never more than the service says it gives."""
        limit = self._service.limits().rows
        return self._size if limit is None else min(self._size, limit)

    def _repeats(self) -> bool:
        """Say whether rows may share an identifier."""
        key = self._standard.key
        found = self._service.try_ask(f"SELECT COUNT({key}) AS n, COUNT(DISTINCT {key}) AS d FROM {self._relation}", 1)  # noqa: S608
        return found is None or not found.rows or found.rows[0].get("n") != found.rows[0].get("d")

    def _columns(self) -> tuple[dict[str, ColumnInfo], list[str]]:
        """Return the columns of the table as TAP_SCHEMA lists them, none where it does not, and why.

        Raises:
            SourceUnavailableError: TAP_SCHEMA knows the table, and it has no identifier.
        """
        if self._standard.relation:
            return {}, [f"the rows are those of a query over {self._table}"]
        columns = self._service.columns(self._table)
        if columns is None:
            return {}, ["TAP_SCHEMA cannot be asked"]
        if not columns:
            return {}, [f"TAP_SCHEMA does not list {self._table}"]
        if self._standard.key not in columns:
            message = f"{self._table} has no {self._standard.key}, so it is no {self._standard.name} table"
            raise SourceUnavailableError(message, detail="query")
        return columns, []

    def _strategies(self, columns: Mapping[str, ColumnInfo]) -> list[str]:
        """Return the ways to walk the table, the best first; only one where the operator has chosen."""
        if self._strategy != AUTO:
            return [self._strategy]
        window, key = columns.get(self._standard.window), columns.get(self._standard.key)
        found = [KEYSET]
        if window is not None and window.numeric:
            found.insert(int(key is None or key.indexed or not window.indexed), WINDOW)
        if self._standard.group in columns:
            found.append(COLLECTION)
        return found

    def _changed_by(self, columns: Mapping[str, ColumnInfo]) -> str:
        """Return the column that says when a row was changed; empty where there is none that can be asked."""
        if self._modified == NONE:
            return ""
        if self._modified != AUTO:
            return self._modified
        # Numbers may be of any calendar, so only instants that are written as such are compared.
        known = (columns.get(name) for name in self._standard.modified)
        return next((each.name for each in known if each is not None and not each.numeric), "")


class Tap(TapTable):
    """Walks an ObsCore table, or the table of an archive's own that a map is for."""

    def __init__(self, context: SourceContext) -> None:
        if name := context.text("map"):
            table = table_map.load(name, context.folder)
            own = context.text("table")
            super().__init__(context, table_rows.standard(table), table.table if own == OBSCORE else own)
        else:
            super().__init__(context, obscore.STANDARD)


class EpnTap(TapTable):
    """Walks an EPN-TAP table."""

    def __init__(self, context: SourceContext) -> None:
        super().__init__(context, epntap.STANDARD)
