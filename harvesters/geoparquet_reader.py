"""Reading GeoParquet in a process of its own: a damaged file can end a reader of Parquet, and must not end us."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson

from discovery.confinement import SILENT, Confined, Ended, Limits
from discovery.errors import ConfigError, SourceUnavailableError

SILENCE: Final = 120.0
"""Seconds without a word after which the reader is given up."""
MAX_MEMORY: Final = 3 * 1024**3
"""Bytes of memory that the reader may have beside what it needs itself, whatever a file asks it for."""
PART: Final = 64 * 1024**2
"""Bytes of rows that the reader tells of at once, or one row that has more."""
LIMITS: Final = Limits(memory=MAX_MEMORY, answer=2 * PART, silence=SILENCE, imports=("pyarrow.parquet",))
"""What the reader may take; how long it takes in all, the file says."""


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
        self._path = path
        self._name = name
        self._reader, self._said = self._started()
        self._busy = False

    def close(self) -> None:
        """End the process."""
        self._reader.close()

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
        if self._busy or not self._reader.running:
            self.close()
            self._reader, self._said = self._started()
        self._busy = True
        at = row
        try:
            self._reader.ask(orjson.dumps([group, row, size, ids]))
            while frame := self._reader.hear():
                rows = _rows(frame, group)
                at = rows[-1].number + 1 or at
                yield rows
            self._busy = False
        except SourceUnavailableError as error:
            yield [Row(group, -1, b"", f"row group {group + 1} cannot be read from about row {at + 1} on: {error}")]

    def _started(self) -> tuple[Confined, dict[str, Any]]:
        reader = self._reader = Confined("harvesters.geoparquet:work", LIMITS, _failed)
        try:
            reader.ask(orjson.dumps([str(self._path), self._name]))
            said: dict[str, Any] = orjson.loads(reader.hear())
        except SourceUnavailableError as error:
            why = f"{self._name} cannot be read as Parquet: {error}"
            raise SourceUnavailableError(why, detail=error.detail) from error
        except BaseException:
            self.close()
            raise
        if "fingerprint" in said:
            return reader, said
        self.close()
        if "missing" in said:
            raise ConfigError(said["missing"])
        raise SourceUnavailableError(said["error"], detail=said["detail"])


def _failed(ended: Ended) -> SourceUnavailableError:
    """Return in words what became of the process."""
    if ended.why == SILENT:
        why = f"nothing came for {SILENCE:g} seconds"
    elif ended.signal:
        why = f"its reader ended by {ended.signal}, so the file is damaged"
    else:
        why = f"its reader ended with {ended.status or ended.why}"
    return SourceUnavailableError(why, detail="unexpected_content")


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
