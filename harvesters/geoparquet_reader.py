"""Reading GeoParquet in a process of its own: a damaged file can end a reader of Parquet, and must not end us."""

from __future__ import annotations

import os
import select
import signal
import struct
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson

from discovery.errors import ConfigError, SourceUnavailableError

SILENCE: Final = 120.0
"""Seconds without a word after which the reader is given up."""
MAX_MEMORY: Final = 4 * 1024**3
"""Bytes of memory that the reader may have, whatever a file asks it for."""
_LENGTH: Final = struct.Struct(">Q")


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a file."""

    group: int
    number: int
    """Where it stands in its row group; -1 for all that follows in the group, which cannot be read."""
    body: bytes
    """The Item as JSON, its names in order, so that the same row always gives the same bytes."""
    fault: str = ""
    """Why the row is no Item; empty where it is one."""


class GeoParquet:
    """A GeoParquet file that is open for reading, by a process which may end without taking us along.

    Args:
        path: Where it is.
        name: What it is called in errors.

    Raises:
        ConfigError: pyarrow is not installed.
        SourceUnavailableError: It is no Parquet file, is damaged, or its footer asks for more than we give.
    """

    def __init__(self, path: Path, name: str) -> None:
        self._command = [sys.executable, "-I", "-m", "harvesters.geoparquet", str(path), name]
        self._name = name
        self._process, self._said = self._started()
        self._busy = False

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.communicate()

    @property
    def rows(self) -> int:
        """How many rows the file says it has."""
        return sum(self._said["rows"])

    @property
    def groups(self) -> int:
        """How many row groups there are."""
        return len(self._said["rows"])

    @property
    def fingerprint(self) -> str:
        """What tells one content of the file from another without reading it whole."""
        return str(self._said["fingerprint"])

    def rows_of(self, group: int) -> int:
        """Return how many rows a row group says it has."""
        return int(self._said["rows"][group])

    def collections(self) -> list[Mapping[str, Any]]:
        """Return the Collections that the file carries."""
        found: list[Mapping[str, Any]] = self._said["collections"]
        return found

    def read(self, group: int, row: int, size: int, *, ids: bool = False) -> Iterator[list[Row]]:
        """Yield the rows of a row group in batches, from a row on; one that cannot be read is said to be at fault.

        Args:
            group: The number of the row group.
            row: The first row wanted.
            size: How many rows a batch has.
            ids: Read nothing but the ids of Items and of their collections.
        """
        if self._busy or self._process.poll() is not None:
            self.close()
            self._process, self._said = self._started()
        self._busy = True
        at = row
        try:
            self._ask([group, row, size, ids])
            while frame := self._frame():
                rows = _rows(frame, group)
                at = rows[-1].number + 1 or at
                yield rows
            self._busy = False
        except (EOFError, OSError) as error:
            why = f"row group {group + 1} cannot be read from about row {at + 1} on: {self._end(error)}"
            yield [Row(group, -1, b"", why)]

    def _started(self) -> tuple[subprocess.Popen[bytes], dict[str, Any]]:
        process = self._process = subprocess.Popen(
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0
        )
        try:
            said: dict[str, Any] = orjson.loads(self._frame())
        except (EOFError, OSError) as error:
            why = f"{self._name} cannot be read as Parquet: {self._end(error)}"
            raise SourceUnavailableError(why, detail="unexpected_content") from error
        except BaseException:
            self.close()
            raise
        if "fingerprint" in said:
            return process, said
        self.close()
        if "missing" in said:
            raise ConfigError(said["missing"])
        raise SourceUnavailableError(said["error"], detail=said["detail"])

    def _ask(self, question: list[Any]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(orjson.dumps(question) + b"\n")

    def _frame(self) -> bytes:
        """Return what the process says next.

        Raises:
            EOFError: It has ended, or says nothing any more.
        """
        (length,) = _LENGTH.unpack(self._exactly(_LENGTH.size))
        return self._exactly(length)

    def _exactly(self, size: int) -> bytes:
        assert self._process.stdout is not None
        pipe = self._process.stdout.fileno()
        out = bytearray()
        while len(out) < size:
            if not select.select([pipe], [], [], SILENCE)[0]:
                raise EOFError(f"nothing came for {SILENCE:g} seconds")
            data = os.read(pipe, min(1 << 20, size - len(out)))
            if not data:
                raise EOFError
            out += data
        return bytes(out)

    def _end(self, error: BaseException) -> str:
        """End the process, and return in words what became of it."""
        if str(error):
            self.close()
            return str(error)
        self._process.communicate()
        code = self._process.returncode
        if code < 0:
            return f"its reader ended by {signal.Signals(-code).name}, so the file is damaged"
        return f"its reader ended with {code}"


def _rows(frame: bytes, group: int) -> list[Row]:
    head, _, bodies = frame.partition(b"\n")
    out: list[Row] = []
    at = 0
    for number, size, fault in orjson.loads(head):
        out.append(Row(group, number, bodies[at : at + size], fault))
        at += size
    return out


def framed(rows: list[Row]) -> bytes:
    """Return rows as they go through the pipe."""
    head = orjson.dumps([(each.number, len(each.body), each.fault) for each in rows])
    return b"\n".join((head, b"".join(each.body for each in rows)))


def told(frame: bytes) -> bytes:
    """Return a frame with its length before it; an empty one says that no more rows follow."""
    return _LENGTH.pack(len(frame)) + frame
