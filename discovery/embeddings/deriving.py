"""What is derived from one file, read from its beginning to its end: the same here and by a worker of a cluster."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np

from discovery import errors
from discovery.embeddings import files, places
from discovery.embeddings.codes import Coder
from discovery.embeddings.segment import CODES, LISTS, Writer
from discovery.embeddings.space import Quantization, Segment
from discovery.embeddings.table import Table
from discovery.embeddings.vectors import prepared, values
from discovery.errors import ConfigError, DiscoveryError, UnavailableError

BATCH: Final = 16_384
"""Rows that are in memory at a time."""
Progress = Callable[[str, int, int], None]
"""Told what is being done, how many rows of it are done, and of how many."""


@dataclass(frozen=True, slots=True)
class Task:
    """One file that is to become a segment."""

    said: Segment
    """What is known of it before."""
    part: Path
    """The folder that is filled; it counts for nothing yet."""
    dimensions: int
    metric: str
    quantization: Quantization
    columns: Mapping[str, str]
    sidecar: bool
    lists: Path | None
    """What its codes mean; None where there are none."""


@dataclass(frozen=True, slots=True)
class Failed:
    """Why a file could not be read, in words that travel."""

    kind: str
    message: str

    @classmethod
    def of(cls, error: DiscoveryError) -> Failed:
        """Return what an error says."""
        return cls(error.kind, str(error))

    def error(self) -> DiscoveryError:
        """Return the error that was raised elsewhere."""
        known = [each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, DiscoveryError)]
        found = next((each for each in known if each.kind == self.kind), ConfigError)
        try:
            return found(self.message)
        except TypeError:
            return ConfigError(self.message)


def derive(task: Task, progress: Progress) -> Segment:
    """Fill the folder of a task, and return what is known of the file then.

    Raises:
        ConfigError: The file cannot be read.
        UnavailableError: It is not there, changes while it is read, or nothing can be written.
    """
    address = task.said.address
    table = files.opened(address, task.columns)
    try:
        if table.about.fingerprint != task.said.fingerprint:
            raise _changed(address)
        sidecar = task.sidecar and not table.about.mapped
        try:
            made = _written(task, table, progress, sidecar=sidecar)
        except OSError as error:
            told = f"the segment of {address} cannot be written: {error.strerror}"
            raise UnavailableError(told, retry_after=None) from error
    finally:
        table.close()
    if places.fingerprint(address) != task.said.fingerprint:
        raise _changed(address)
    return made


def apart(task: Task) -> Segment | Failed:
    """Do what `derive` does as a worker of a cluster, where nobody listens."""
    try:
        return derive(task, lambda *_: None)
    except DiscoveryError as error:
        return Failed.of(error)


def _changed(address: str) -> UnavailableError:
    return UnavailableError(f"{address} changed while it was read: add it again", retry_after=None)


def _written(task: Task, table: Table, progress: Progress, *, sidecar: bool) -> Segment:
    writer = Writer(task.part, task.said.rows, task.dimensions, sidecar=sidecar)
    coder = Coder.read(task.lists) if task.lists else None
    codes = coder.empty() if coder else None
    away, seen, done = 0.0, 0, 0
    for batch in table.batches(BATCH):
        vectors, usable = prepared(values(batch.vectors, task.quantization), task.metric)
        writer.add(batch, vectors, usable)
        if coder is not None and codes is not None:
            codes.add(coder.turned(vectors))
            some = vectors[usable][:: max(1, len(vectors) // 256)]
            away, seen = away + coder.residual(some) * len(some), seen + len(some)
        done += len(batch)
        progress(Path(table.address).name, done, task.said.rows)
    writer.close()
    if codes is not None:
        lists = np.zeros(task.said.rows, dtype=np.int32)
        for number, rows in enumerate(codes.members()):
            lists[rows] = number
        np.save(task.part / LISTS, lists)
        codes.write(task.part / CODES)
    return replace(
        task.said,
        left_out=writer.left_out,
        sidecar=sidecar,
        residual=away / seen if seen else 0.0,
    )
