"""TAP services with an ObsCore table, read by synchronous queries page by page in the order of the identifier."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Any, Final

import orjson
from lxml import etree

from discovery.errors import (
    ConfigError,
    NotFoundError,
    RecordError,
    RunError,
    SourceRefusedError,
    SourceUnavailableError,
)
from discovery.model.record import Issue
from discovery.model.source import Mapped, Quarantined, RawRecord
from harvesters import obscore, votable
from harvesters.base import Position, Probe, RawPage, SourceContext
from harvesters.defaults import Defaults
from harvesters.document import MAX_ID

FORMAT: Final = "application/x-votable+xml;serialization=tabledata"
DID: Final = "obs_publisher_did"
_TABLE: Final = re.compile(
    r'(?:[A-Za-z_][A-Za-z0-9_]*|"[^"\n]{1,100}")(?:\.(?:[A-Za-z_][A-Za-z0-9_]*|"[^"\n]{1,100}")){0,2}'
)
_MOST_OF_ONE: Final = 65_536
"""Rows of one identifier that are asked for at a time; no observation has as many files."""
_MOST_COLLECTIONS: Final = 10_000
_SMALLEST: Final = 1
_UNITS: Final = "@units"
_XTYPES: Final = "@xtypes"
_DATASET: Final = "@dataset"


class Tap:
    """Walks an ObsCore table by a keyset on obs_publisher_did.

    A page is `did >= last ORDER BY did` with MAXREC and without TOP, since only MAXREC makes a service say OVERFLOW.
    The rows of the last identifier of a cut page are left to the next one, so that all rows of an identifier are
    always seen together, wherever a page ends. Only the service compares identifiers: its order is not Python's.

    The first row of an identifier (by access_url) is known by the identifier itself, so that people find it; further
    rows have a hash of what tells them apart behind it. That depends on the rows alone, never on the paging.
    """

    def __init__(self, context: SourceContext) -> None:
        self._context = context
        self._client = context.client
        self._url = context.source.url.rstrip("/").removesuffix("/sync")
        self._table = context.text("table")
        if not _TABLE.fullmatch(self._table):
            raise ConfigError(f"tap: setting table is {self._table[:80]!r}; allowed: a name such as ivoa.ObsCore")
        self._defaults = Defaults.of(context, "space-science")
        self._size = context.number("page")

    @property
    def bytes_read(self) -> int:
        """No local file is read."""
        return 0

    def probe(self) -> Probe:
        """Return how many rows the table has and the limits that the service states.

        Raises:
            SourceUnavailableError: The table is not there, or has no obs_publisher_did.
        """
        notes = [*self._limits(), *self._check_columns()]
        return Probe(matched=self._count(), notes=tuple(notes))

    def pages(self, position: Position | None) -> Iterator[RawPage]:
        """Yield the rows in the order of their identifiers, and last those that have none."""
        walk = _Walk(position or {}, self._size)
        if position is None:
            self._check_columns()
            walk.matched = self._count()
        while not walk.nameless:
            yield self._page(walk)
        yield self._without_id(walk)

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
        """Return the observation of a row, or the dataset of a collection."""
        if _DATASET in document:
            return Mapped(obscore.to_dataset(raw.source_id, self._table, self._defaults), raw)
        if not raw.source_id or len(raw.source_id) > MAX_ID:
            raise RecordError("bad-id", f"the identifier is not a text of 1 to {MAX_ID} characters", path=DID)
        row = {name: str(value) for name, value in document.items() if not name.startswith("@")}
        units, xtypes = document.get(_UNITS, {}), document.get(_XTYPES, {})
        return Mapped(obscore.to_record(row, units, xtypes, raw.container, raw.source_id, self._defaults), raw)

    # One page

    def _page(self, walk: _Walk) -> RawPage:
        """Return the next page by identifier; the page gets smaller when the service cannot give so much at once."""
        asked = walk.size
        while True:
            try:
                return self._advance(walk, self._query(self._keyset(walk), asked), asked)
            except RecordError as error:
                if asked > _SMALLEST:
                    asked = max(_SMALLEST, asked // 4)
                    continue
                return self._skip(walk, error)
            except SourceUnavailableError as error:
                if error.detail != "query" or asked <= 10:
                    raise
                asked //= 4

    def _keyset(self, walk: _Walk) -> str:
        where = f"{DID} IS NOT NULL"
        if walk.last is not None:
            where = f"{DID} {'>' if walk.beyond else '>='} '{_quoted(walk.last)}'"
        return f"{where} ORDER BY {DID}"

    def _advance(self, walk: _Walk, table: votable.Table, asked: int) -> RawPage:
        rows = [row for row in table.rows if row.get(DID)]
        # A service may cut at MAXREC and say OK; asking once more costs less than losing the rest.
        more = table.status == votable.OVERFLOW or table.full or len(table.rows) >= asked
        rejected: list[Quarantined] = []
        if more:
            if not rows:
                raise RunError(f"{self._url} says that there are more rows and sends none")
            last = rows[-1][DID]
            kept = [row for row in rows if row[DID] != last]
            if kept:
                rows, walk.last, walk.beyond = kept, last, False
            elif walk.size <= asked < _MOST_OF_ONE and len(table.rows) >= asked:
                walk.size = min(asked * 4, _MOST_OF_ONE)
                return RawPage((), walk.position(), self._matched(walk))
            else:
                if self._count(f" WHERE {DID} = '{_quoted(last)}'") != len(rows):
                    message = f"more rows have the identifier {last[:200]!r} than the service gives at once"
                    rejected.append(_rejected(last, "too-many-rows", message))
                walk.last, walk.beyond = last, True
            # Grow back after a page that had to be small.
            walk.size = self._size
        else:
            walk.nameless = True
        raws = self._raws(walk, rows, table)
        return RawPage(raws, walk.position(), self._matched(walk), tuple(rejected))

    def _skip(self, walk: _Walk, error: RecordError) -> RawPage:
        """Step over one row that the service cannot write down: ask for its identifier alone, and go on behind it.

        Raises:
            RunError: Not even that can be read, so there is nothing to go on from.
        """
        try:
            table = self._query(self._keyset(walk), 2, columns=DID)
        except RecordError as worse:
            raise RunError(f"{self._url}: no answer can be read, not even one row: {worse}") from worse
        found = [row[DID] for row in table.rows if row.get(DID)]
        if not found:
            walk.nameless = True
            return RawPage((), walk.position(), self._matched(walk))
        walk.last, walk.beyond = found[0], True
        message = f"the row of {found[0][:200]!r} cannot be read: {error}"
        return RawPage((), walk.position(), self._matched(walk), (_rejected(found[0], error.code, message),))

    def _without_id(self, walk: _Walk) -> RawPage:
        """Return the rows that have no identifier, which are known by a hash of what they say."""
        try:
            # Nothing tells one from the next, so they come in one answer or not at all, however small a page is.
            table = self._query(f"{DID} IS NULL", max(self._size, _MOST_OF_ONE))
        except RecordError as error:
            raise RunError(f"{self._url}: the rows without an identifier cannot be read: {error}") from error
        rejected: list[Quarantined] = []
        if table.status == votable.OVERFLOW or table.full:
            message = f"more than {len(table.rows)} rows have no identifier; the rest cannot be asked for"
            rejected.append(_rejected("rows without identifier", "too-many-rows", message))
        return RawPage(self._raws(walk, table.rows, table), None, self._matched(walk), tuple(rejected))

    def _raws(self, walk: _Walk, rows: list[dict[str, str]], table: votable.Table) -> tuple[RawRecord, ...]:
        said = _said(table)
        out: list[RawRecord] = []
        for did, group in groupby(rows, key=lambda row: row.get(DID, "")):
            members = list(group)
            named = _named(did, members)
            walk.repeated += len(members) - len(named)
            for source_id, row in named:
                collection = row.get("obs_collection", "")
                if collection and collection not in walk.collections and len(walk.collections) < _MOST_COLLECTIONS:
                    walk.collections[collection] = None
                    body = orjson.dumps({_DATASET: collection})
                    out.append(RawRecord(obscore.COLLECTIONS, collection, body, url=self._url))
                out.append(RawRecord(self._table, source_id, orjson.dumps({**row, **said}), url=self._url))
        return tuple(out)

    def _matched(self, walk: _Walk) -> int | None:
        """Return how many elements there should be: the rows without exact repetitions, and the collections so far."""
        return None if walk.matched is None else walk.matched - walk.repeated + len(walk.collections)

    # Asking

    def _query(self, where: str, maxrec: int, *, columns: str = "*") -> votable.Table:
        return self._ask(f"SELECT {columns} FROM {self._table} WHERE {where}", maxrec)  # noqa: S608  # ADQL, quoted

    def _ask(self, query: str, maxrec: int) -> votable.Table:
        """Return the answer to a query.

        Raises:
            RecordError: It cannot be read.
            SourceUnavailableError: There is none, or it is an error; detail `query` then.
        """
        data = {
            "REQUEST": "doQuery",
            "LANG": "ADQL",
            "QUERY": query,
            "MAXREC": str(maxrec),
            "RESPONSEFORMAT": FORMAT,
        }
        try:
            answer = self._client.post(
                f"{self._url}/sync", data=data, accept="application/x-votable+xml, */*;q=0.1", idempotent=True
            )
        except SourceUnavailableError as error:
            said = votable.failure(error.content) if error.content else ""
            if said and isinstance(error, SourceRefusedError) and error.detail == "status":
                raise SourceUnavailableError(
                    f"{self._url}: the service says: {said}", detail="query", answer_status=error.answer_status
                ) from error
            raise
        # DaCHS gives a row more than MAXREC when it overflows; far more is a server that does not listen.
        table = votable.read(answer.content, most=maxrec * 2 + 10)
        if table.status == votable.ERROR:
            raise votable.unavailable(table, self._url)
        return table

    def _count(self, where: str = "") -> int | None:
        """Return how many rows the table has, or those of a condition; None where the service cannot count them."""
        try:
            rows = self._ask(f"SELECT COUNT(*) AS n FROM {self._table}{where}", 1).rows  # noqa: S608  # ADQL, checked name
            return int(float(next(iter(rows[0].values()))))
        except (RecordError, ValueError, IndexError, StopIteration):
            return None
        except SourceUnavailableError as error:
            if error.detail == "query":
                return None
            raise

    def _check_columns(self) -> list[str]:
        """Return notes on the table's columns as TAP_SCHEMA lists them.

        Raises:
            SourceUnavailableError: TAP_SCHEMA knows the table, and it has no identifier.
        """
        name = _quoted(self._table.replace('"', "").lower())
        try:
            table = self._ask(f"SELECT column_name FROM TAP_SCHEMA.columns WHERE LOWER(table_name) = '{name}'", 5000)  # noqa: S608
        except RecordError:
            return ["TAP_SCHEMA cannot be read"]
        except SourceUnavailableError as error:
            if error.detail == "query":
                return ["TAP_SCHEMA cannot be asked"]
            raise
        names = {row.get("column_name", "").strip().strip('"').lower() for row in table.rows}
        if not names:
            return [f"TAP_SCHEMA does not list {self._table}"]
        if DID not in names:
            raise SourceUnavailableError(f"{self._table} has no {DID}, so it is no ObsCore table", detail="query")
        return []

    def _limits(self) -> list[str]:
        """Return what the service says about the rows of one answer; many say nothing."""
        try:
            body = self._client.get(f"{self._url}/capabilities", accept="text/xml, */*;q=0.1").content
            parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
            root = etree.fromstring(body, parser)
        except (NotFoundError, SourceUnavailableError, etree.XMLSyntaxError):
            return ["the service does not describe itself at /capabilities"]
        limits = root.findall(".//outputLimit/hard")
        return [f"at most {limits[0].text} rows in one answer"] if limits and limits[0].text else []


class _Walk:
    """Where a walk over the table stands."""

    def __init__(self, position: Position, size: int) -> None:
        self.last: str | None = position.get("last")
        self.beyond = bool(position.get("beyond"))
        self.nameless = bool(position.get("nameless"))
        """Whether only the rows without an identifier are left."""
        self.size = int(position.get("size", size))
        self.matched: int | None = position.get("matched")
        self.repeated = int(position.get("repeated", 0))
        self.collections: dict[str, None] = dict.fromkeys(position.get("collections", ()))

    def position(self) -> Position:
        """Return the walk as JSON values."""
        return {
            "last": self.last,
            "beyond": self.beyond,
            "nameless": self.nameless,
            "size": self.size,
            "matched": self.matched,
            "repeated": self.repeated,
            "collections": list(self.collections),
        }


def _named(did: str, rows: list[dict[str, str]]) -> list[tuple[str, dict[str, str]]]:
    """Return the different rows of one identifier with what names each."""
    different = {orjson.dumps(row, option=orjson.OPT_SORT_KEYS): row for row in rows}
    ordered = sorted(
        different.items(), key=lambda each: (each[1].get("access_url", ""), each[1].get("obs_id", ""), each[0])
    )
    out: dict[str, dict[str, str]] = {}
    for whole, row in ordered:
        apart = f"{row.get('access_url', '')}\n{row.get('obs_id', '')}".encode()
        name = f"{did}#{_hash(apart)}" if did else f"row-{_hash(whole)}{_hash(whole[::-1])}"
        if did and not out:
            name = did
        elif name in out:
            name = f"{name}-{_hash(whole)}"
        out[name] = row
    return list(out.items())


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:8]


def _said(table: votable.Table) -> dict[str, Mapping[str, str]]:
    """Return what must be kept beside a row to read it again: units and types that are not ObsCore's own."""
    units = {
        name: unit for name, unit in table.units().items() if obscore.UNITS.get(name, unit).lower() != unit.lower()
    }
    xtypes = {name: xtype for name, xtype in table.xtypes().items() if name == "s_region" and ":" not in xtype}
    return {name: said for name, said in ((_UNITS, units), (_XTYPES, xtypes)) if said}


def _quoted(text: str) -> str:
    return text.replace("'", "''")


def _rejected(place: str, code: str, message: str) -> Quarantined:
    return Quarantined(
        RawRecord("", "", b"", "application/x-votable+xml", position=place[:500]), Issue(code, message), "fetch"
    )
