"""Documents of one source as they last came, so that a server need only say that they are still the same.

A file beside the store, and no part of it: whoever deletes it costs the next walk the documents and nothing else.
"""

from __future__ import annotations

import hashlib
import sqlite3
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Final, TypeVar

import orjson
import zstandard

from discovery.http.answer import Response, conditions

MOST_KEPT: Final = 1024**3
"""Bytes of documents that are kept of one source, compressed; further ones are read each time."""
_SETTLED: Final = timedelta(seconds=60)
"""How long a document must have been as it is: `Last-Modified` knows seconds, and clocks are not exact."""
_LARGEST: Final = 256 * 1024 * 1024
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Document:
    """A document that came before, and what to ask with whether it is still so."""

    conditions: Mapping[str, str]
    content: bytes


class Kept:
    """The documents of one source; threads may share it. A file that is damaged or cannot be written keeps nothing.

    Args:
        path: The file; it is made with the first document that can be kept.
        most: How many bytes it may hold.
    """

    def __init__(self, path: Path, *, most: int = MOST_KEPT) -> None:
        self._path = path
        self._most = most
        self._lock = threading.Lock()
        self._database: sqlite3.Connection | None = None
        self._size = 0

    def find(self, url: str) -> Document | None:
        """Return the document of an address as it last came; None where it was not kept."""
        if self._database is None and not self._path.exists():
            return None
        row = self._guarded(lambda database: database.execute(_FIND, (_digest(url),)).fetchone())
        if row is None:
            return None
        try:
            content = zstandard.ZstdDecompressor().decompress(row[1], max_output_size=_LARGEST)
            return Document(orjson.loads(row[0]), content)
        except (zstandard.ZstdError, orjson.JSONDecodeError, TypeError):
            return None

    def keep(self, url: str, answer: Response) -> None:
        """Keep a document, where its server has said by what it can be asked for again."""
        said = _validators(answer)
        if not said:
            return
        body = zstandard.ZstdCompressor(write_checksum=True).compress(answer.content)

        def write(database: sqlite3.Connection) -> None:
            if self._size + len(body) <= self._most:
                database.execute(_WRITE, (_digest(url), orjson.dumps(said).decode(), body))
                self._size += len(body)

        self._guarded(write)

    def forget(self) -> None:
        """Delete the file with what belongs to it."""
        for ending in ("", "-wal", "-shm"):
            with suppress(OSError):
                self._path.with_name(self._path.name + ending).unlink(missing_ok=True)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            if self._database is not None:
                self._database.close()
                self._database = None

    def _guarded(self, work: Callable[[sqlite3.Connection], _T]) -> _T | None:
        with self._lock:
            try:
                if self._database is None:
                    self._database, self._size = _opened(self._path)
                return work(self._database)
            except (sqlite3.Error, OSError):
                # It is worth no error: what is not kept is read. A damaged file would stay damaged.
                if self._database is not None:
                    self._database.close()
                    self._database = None
                self.forget()
                return None


_FIND: Final = "SELECT conditions, body FROM documents WHERE url = ?"
_WRITE: Final = "INSERT OR REPLACE INTO documents (url, conditions, body) VALUES (?, ?, ?)"


def _opened(path: Path) -> tuple[sqlite3.Connection, int]:
    path.parent.mkdir(parents=True, exist_ok=True)
    # Each statement by itself; nothing is lost with the last ones after a loss of power but the time to read them.
    database = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=10)
    try:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("PRAGMA synchronous=OFF")
        database.execute(
            "CREATE TABLE IF NOT EXISTS documents (url BLOB PRIMARY KEY, conditions TEXT NOT NULL, body BLOB NOT NULL)"
        )
        size = database.execute("SELECT coalesce(sum(length(body)), 0) FROM documents").fetchone()[0]
    except BaseException:
        database.close()
        raise
    return database, int(size)


def _digest(url: str) -> bytes:
    # Addresses may have secrets in them, which are written nowhere.
    return hashlib.sha256(url.encode("utf-8", "surrogatepass")).digest()


def _validators(answer: Response) -> dict[str, str]:
    """Return what to ask with; a date counts only where the document was already some time as it is."""
    etag, changed = answer.headers.get("etag"), answer.headers.get("last-modified")
    if changed is not None and not etag and not _is_settled(changed, answer.headers.get("date", "")):
        changed = None
    return conditions(etag=etag, last_modified=changed)


def _is_settled(changed: str, date: str) -> bool:
    then = _moment(changed)
    return then is not None and (_moment(date) or datetime.now(UTC)) - then >= _SETTLED


def _moment(text: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
