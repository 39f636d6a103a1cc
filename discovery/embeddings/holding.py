"""Having an engine for many machines hold the rows of a space: streamed, resumed after a kill, measured before used.

A row's number is never given again, so what is sent twice is there once, and rows of a file that was replaced are
others than those of the file that replaced it. Until a segment is there as a whole and rows are found well enough, our
own codes find its rows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Final

import numpy as np
import orjson

from discovery.embeddings import files, space
from discovery.embeddings.deriving import BATCH, Progress
from discovery.embeddings.held import Engine
from discovery.embeddings.segment import OpenSegment
from discovery.embeddings.space import Held, Recall, Segment, Space
from discovery.embeddings.vectors import prepared, values
from discovery.errors import ConfigError, UnavailableError
from discovery.lock import Lock

SENT: Final = 4_096
"""Rows that are sent at a time."""
_JOURNAL: Final = "holding.json"
"""What was sent so far: where to go on after a kill."""

Measure = Callable[[Path, Space], tuple[Recall, ...]]
"""Given a folder and the space that would be published; returns how well the engine finds rows, or raises."""


@dataclass(slots=True)
class _Journal:
    """An index that is being filled, and how many rows of each segment it has, by the segment's first row."""

    engine: str
    index: str
    kind: str
    done: dict[int, int] = field(default_factory=dict)

    @classmethod
    def read(cls, folder: Path) -> _Journal | None:
        try:
            told = orjson.loads((folder / _JOURNAL).read_bytes())
            done = {int(start): int(rows) for start, rows in told["done"].items()}
            return cls(str(told["engine"]), str(told["index"]), str(told["kind"]), done)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None  # Cut off in the middle: all is sent again, and is there once.

    def write(self, folder: Path) -> None:
        path = folder / _JOURNAL
        part = path.with_suffix(".part")
        try:
            part.write_bytes(orjson.dumps(asdict(self), option=orjson.OPT_NON_STR_KEYS))
            part.replace(path)
        except OSError as error:
            raise ConfigError(f"{path.name} of {folder.name} cannot be written: {error.strerror}") from error


def hold(
    folder: Path, engine: Engine, kind: str = "", progress: Progress | None = None, measure: Measure | None = None
) -> Space:
    """Have an engine hold all rows of a space, and find them from then on; return the space.

    Rows that it holds already are not sent again, those of files that are gone are removed from it.

    Args:
        folder: Of the space.
        engine: That is to hold them.
        kind: How; empty is as it does, or as is best.
        progress: Is told how far it is.
        measure: Says how well rows are found before anybody else sees them, or refuses.

    Raises:
        ConfigError: The engine cannot hold such vectors; or rows are not found well enough.
        ConflictError: Somebody is adding to the space.
        UnavailableError: A file or the engine cannot be reached, or a file has changed.
    """
    with Lock(folder / "build.lock", f"somebody is adding to {folder.name}").hold():
        return _Push(folder, engine, kind, progress or (lambda *_: None), measure).run()


def release(folder: Path, engine: Engine) -> Space:
    """Have no engine hold rows of a space any more, and return the space; its own codes find them.

    Raises:
        ConflictError: Somebody is adding to the space.
        UnavailableError: The engine cannot be reached.
    """
    with Lock(folder / "build.lock", f"somebody is adding to {folder.name}").hold():
        found = space.read(folder)
        journal = _Journal.read(folder)
        indexes = {each.index for each in (found.held, journal) if each is not None}
        made = found if found.held is None else space.publish(folder, replace(found, held=None))
        for each in sorted(indexes):
            engine.remove(each)
        (folder / _JOURNAL).unlink(missing_ok=True)
        return made


def begun(folder: Path) -> Held | None:
    """Return what somebody has begun to have held, None where nothing was begun or all is done."""
    found = _Journal.read(folder)
    return None if found is None else Held(found.engine, found.kind, found.index)


class _Push:
    def __init__(self, folder: Path, engine: Engine, kind: str, progress: Progress, measure: Measure | None) -> None:
        self._folder = folder
        self._engine = engine
        self._progress = progress
        self._measure = measure
        self._space = space.read(folder)
        held = self._space.held
        if (other := held or begun(folder)) is not None and other.engine != engine.name:
            raise ConfigError(f"{self._space.name} is held by {other.engine}: let go of that first")
        wanted = kind or (held.kind if held is not None else "")
        self._kind = engine.kind(self._space.dimensions, wanted)

    def run(self) -> Space:
        made, held, journal = self._space, self._space.held, self._begun()
        live = [each for each in made.segments if not each.gone and each.rows]
        whole = sum(each.rows - each.left_out for each in live)
        if any(journal.done.get(each.start, 0) < each.rows for each in live) or self._found(journal) != whole:
            for each in live:
                self._send(each, journal)
            if self._found(journal) != whole:
                # Of files that were replaced since their rows were sent.
                for each in made.segments:
                    if each.gone:
                        self._remove(each, journal)
        new = Held(self._engine.name, journal.kind, journal.index, tuple(each.start for each in live))
        if held is not None and replace(held, recall=()) == new and held.recall:
            (self._folder / _JOURNAL).unlink(missing_ok=True)
            return made
        if self._measure is not None:
            new = replace(new, recall=self._measure(self._folder, replace(made, held=new)))
        published = space.publish(self._folder, replace(made, held=new))
        (self._folder / _JOURNAL).unlink(missing_ok=True)
        if held is not None and held.index != new.index:
            self._engine.remove(held.index)
        return published

    def _begun(self) -> _Journal:
        """Return the index to be filled, and how far it is."""
        held, found = self._space.held, _Journal.read(self._folder)
        if found is not None and found.kind != self._kind:
            if held is None or held.index != found.index:
                self._engine.remove(found.index)
            found = None
        if found is None and held is not None and held.kind == self._kind:
            whole = {each.start: each.rows for each in self._space.segments if each.start in held.starts}
            found = _Journal(held.engine, held.index, held.kind, whole)
        if found is None:
            found = _Journal(self._engine.name, self._engine.fresh(self._space.name), self._kind)
        # Its name is known before it is there: a kill leaves nothing on the server that nobody knows of.
        found.write(self._folder)
        if self._engine.make(found.index, found.kind, self._space.dimensions, self._space.metric):
            found.done.clear()
            found.write(self._folder)
        return found

    def _send(self, said: Segment, journal: _Journal) -> None:
        """Have all rows of a segment held."""
        done = journal.done.get(said.start, 0)
        if done >= said.rows and self._counted(said, journal):
            return
        segment = OpenSegment(self._folder / "segments" / said.name, said, self._space)
        try:
            self._streamed(segment, journal, journal.done.get(said.start, 0))
        finally:
            segment.close()
        if not self._counted(said, journal):
            raise UnavailableError(f"{self._engine.name} does not hold all rows of {said.address}: try again")

    def _streamed(self, segment: OpenSegment, journal: _Journal, done: int) -> None:
        said = segment.said
        for batch in segment.table().batches(min(SENT, BATCH), done):
            vectors, usable = prepared(values(batch.vectors, self._space.quantization), self._space.metric)
            rows = np.flatnonzero(usable)
            self._engine.write(journal.index, rows + (said.start + done), vectors[rows])
            done += len(batch)
            journal.done[said.start] = done
            journal.write(self._folder)
            self._progress(f"{self._engine.name}: {Path(said.address).name}", done, said.rows)
        if files.opened(said.address, self._space.columns).about.fingerprint != said.fingerprint:
            journal.done[said.start] = 0
            journal.write(self._folder)
            raise UnavailableError(f"{said.address} has changed: add it again", retry_after=None)

    def _found(self, journal: _Journal) -> int:
        return self._engine.count(journal.index, 0, self._space.rows)

    def _counted(self, said: Segment, journal: _Journal) -> bool:
        """Say whether all rows of a segment are held; if not, all are to be sent again."""
        found = self._engine.count(journal.index, said.start, said.start + said.rows)
        if found == said.rows - said.left_out:
            return True
        journal.done[said.start] = 0
        journal.write(self._folder)
        return False

    def _remove(self, said: Segment, journal: _Journal) -> None:
        """Have no row of a segment held any more."""
        for at in range(said.start, said.start + said.rows, 10 * SENT):
            self._engine.delete(journal.index, np.arange(at, min(at + 10 * SENT, said.start + said.rows)))
        if self._engine.count(journal.index, said.start, said.start + said.rows):
            raise UnavailableError(f"{self._engine.name} still holds rows of {said.address}: try again")
        journal.done.pop(said.start, None)
