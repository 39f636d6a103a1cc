"""Asking a TAP service: synchronous queries, jobs where those are refused, and what the service says of itself."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from discovery.errors import NotFoundError, RecordError, SourceRefusedError, SourceUnavailableError
from discovery.http import Client
from harvesters import votable, xml
from harvesters.tap_job import Job, Jobs

FORMAT: Final = "application/x-votable+xml;serialization=tabledata"
ACCEPT: Final = "application/x-votable+xml, */*;q=0.1"
_CUT: Final = 3
"""How often an answer is asked for that breaks off in the middle."""
_MOST_COLUMNS: Final = 2_000
_LATER: Final = frozenset({429, 503})
"""Whoever says so wants to be asked later, and not in another way."""
_TOO_MUCH: Final = frozenset({405, 408, 413, 501, 504})
_SLOW: Final = re.compile(r"time[ -]?out|timed out|too long|time limit|asynchronous|async", re.IGNORECASE)
"""What services say when a query needs longer than they give a synchronous one."""
_NUMERIC: Final = frozenset({"short", "int", "long", "float", "double", "integer", "bigint", "smallint", "real"})

_Read = Callable[[votable.Readable], votable.Table]
"""Reads the table of an answer while it comes."""


@dataclass(frozen=True, slots=True)
class ColumnInfo:
    """What TAP_SCHEMA says of one column."""

    name: str
    datatype: str = ""
    indexed: bool = False

    @property
    def numeric(self) -> bool:
        """Whether it holds numbers."""
        return self.datatype.lower() in _NUMERIC


@dataclass(frozen=True, slots=True)
class Limits:
    """What the service says it gives at most in one answer; many say nothing."""

    rows: int | None = None
    note: str = ""


class Service:
    """One TAP service, asked one query after the other.

    Args:
        client: The way to it.
        url: What /sync, /async and /capabilities stand below.
        mode: `sync` or `async`, or `auto`: a job once a synchronous query was refused or took too long.
    """

    def __init__(self, client: Client, url: str, mode: str = "auto") -> None:
        self.url = url.rstrip("/").removesuffix("/sync")
        self._client = client
        self._mode = mode
        self._jobs: Jobs | None = Jobs(client, self.url) if mode != "sync" else None
        self._by_job = mode == "async"

    def ask(self, query: str, maxrec: int, pack: Callable[[dict[str, str]], Any] | None = None) -> votable.Table:
        """Return the answer to a query, after its last status was read.

        Args:
            query: In ADQL.
            maxrec: How many rows are wanted at most; a service may give one more.
            pack: What is kept of each row instead of the row.

        Raises:
            RecordError: It cannot be read.
            SourceUnavailableError: There is none, or it is an error; detail `query` then.
        """
        data = {"REQUEST": "doQuery", "LANG": "ADQL", "QUERY": query, "MAXREC": str(maxrec), "RESPONSEFORMAT": FORMAT}
        # DaCHS gives a row more than MAXREC when it overflows; far more is a server that does not listen.
        read = partial(votable.read, most=maxrec * 2 + 10, pack=pack)
        if self._by_job and self._jobs is not None:
            return self._good(self._job(self._jobs, data, read))
        try:
            return self._good(self._sync(data, read))
        except (SourceUnavailableError, NotFoundError) as error:
            if self._jobs is None or not _may_do_as_job(error):
                raise
            return self._instead(self._jobs, data, read, error)

    def _instead(
        self, jobs: Jobs, data: Mapping[str, str], read: _Read, error: SourceUnavailableError | NotFoundError
    ) -> votable.Table:
        """Do by a job what was refused; every later query is a job at once when that helps."""
        try:
            table = self._good(self._job(jobs, data, read))
        except (NotFoundError, SourceRefusedError):
            self._jobs = None
            raise error from None
        self._by_job = True
        return table

    def _good(self, table: votable.Table) -> votable.Table:
        if table.status == votable.ERROR:
            raise votable.unavailable(table, self.url)
        return table

    def _sync(self, data: Mapping[str, str], read: _Read) -> votable.Table:
        for attempt in range(1, _CUT + 1):
            try:
                with self._client.stream(
                    f"{self.url}/sync", method="POST", data=data, accept=ACCEPT, idempotent=True
                ) as body:
                    return read(body)
            except SourceUnavailableError as error:
                if error.detail == "cut" and attempt < _CUT:
                    continue
                raise self._said(error) from error
        raise AssertionError("the last attempt returns or raises")

    def _job(self, jobs: Jobs, data: Mapping[str, str], read: _Read) -> votable.Table:
        job: Job
        with jobs.run(data) as job, self._client.stream(job.result, accept=ACCEPT) as body:
            return read(body)

    def _said(self, error: SourceUnavailableError) -> SourceUnavailableError:
        """Return an error with what the service says in it, where it says something."""
        said = votable.failure(error.content) if error.content else ""
        if said and isinstance(error, SourceRefusedError) and error.detail == "status":
            message = f"{self.url}: the service says: {said}"
            return SourceUnavailableError(message, detail="query", answer_status=error.answer_status)
        return error

    def count(self, table: str, where: str = "") -> int | None:
        """Return how many rows a table has, or those of a condition; None where the service cannot count them."""
        found = self.try_ask(f"SELECT COUNT(*) AS n FROM {table}{f' WHERE {where}' if where else ''}", 1)  # noqa: S608  # ADQL, checked
        try:
            return int(float(next(iter(found.rows[0].values())))) if found and found.rows else None
        except (ValueError, StopIteration, OverflowError):
            return None

    def try_ask(self, query: str, maxrec: int) -> votable.Table | None:
        """Return the answer to a query; None where the service does not understand it.

        Raises:
            SourceUnavailableError: It does not answer at all.
        """
        try:
            return self.ask(query, maxrec)
        except RecordError:
            return None
        except SourceUnavailableError as error:
            if error.detail == "query":
                return None
            raise

    def columns(self, table: str) -> dict[str, ColumnInfo] | None:
        """Return the columns of a table by their names in lower case, as TAP_SCHEMA lists them; None if it cannot."""
        name = table.replace('"', "").lower().replace("'", "''")
        where = f"WHERE LOWER(table_name) = '{name}'"
        # `indexed` came with TAP 1.0 and is missing all the same in places.
        answer = self.try_ask(f"SELECT column_name, datatype, indexed FROM TAP_SCHEMA.columns {where}", _MOST_COLUMNS)  # noqa: S608
        if answer is None:
            answer = self.try_ask(f"SELECT column_name FROM TAP_SCHEMA.columns {where}", _MOST_COLUMNS)  # noqa: S608
        if answer is None:
            return None
        found = (
            ColumnInfo(
                row.get("column_name", "").strip().strip('"').lower(),
                row.get("datatype", "").strip(),
                row.get("indexed", "").strip() in ("1", "true", "True"),
            )
            for row in answer.rows
        )
        return {each.name: each for each in found if each.name}

    def limits(self) -> Limits:
        """Return what /capabilities says."""
        try:
            body = self._client.get(f"{self.url}/capabilities", accept="text/xml, */*;q=0.1").content
            root = xml.parse(body)
        except (NotFoundError, SourceUnavailableError, RecordError):
            return Limits(note="the service does not describe itself at /capabilities")
        # Some limit the bytes of an answer, which says nothing about rows.
        stated = (each for each in root.iterfind(".//{*}outputLimit/{*}hard") if each.get("unit", "row") == "row")
        text = next((each.text for each in stated if each.text), "").strip()
        if not (text.isascii() and text.isdigit() and int(text[:18]) > 0):
            return Limits()
        return Limits(int(text[:18]), f"at most {text[:18]} rows in one answer")


def _may_do_as_job(error: SourceUnavailableError | NotFoundError) -> bool:
    """Say whether a job may succeed where a synchronous query has not."""
    if isinstance(error, NotFoundError):
        return True
    if error.answer_status in _LATER:
        return False
    if error.detail in ("timeout", "slow") or error.answer_status in _TOO_MUCH:
        return True
    return error.detail == "query" and _SLOW.search(str(error)) is not None
