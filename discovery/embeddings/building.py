"""Adding files to a space: read once, piece by piece, resumed after a kill, and not believed before it is measured."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from discovery import cluster
from discovery.embeddings import files, space
from discovery.embeddings.codes import FEWEST, Coder, lists_for, sample_for
from discovery.embeddings.deriving import BATCH, Failed, Progress, Task, apart, derive
from discovery.embeddings.space import Model, Quantization, Segment, Space
from discovery.embeddings.table import Table
from discovery.embeddings.vectors import Vectors, prepared, values
from discovery.errors import ConfigError, ConflictError, NotFoundError, UnavailableError
from discovery.lock import Lock

GREW: Final = 4
"""Times that a space may grow before its lists are made anew."""
DRIFTED: Final = 0.15
"""How much farther from the middles of the lists new rows may be before that is said."""
_UNFIT: Final = re.compile(r"[^a-z0-9]+")

Measure = Callable[[Path, Space], Space]
"""Given a folder and the space that would be published from it; returns the space with its recall, or raises."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody says of a space whose files are added."""

    addresses: tuple[str, ...]
    model: Model = field(default_factory=Model)
    metric: str = space.COSINE
    quantization: Quantization = field(default_factory=Quantization)
    record: str = ""
    columns: Mapping[str, str] | None = None
    sidecar: bool = False
    retrain: bool = False
    dask: str = ""
    """The address of a Dask scheduler whose workers read a file each; empty to read one after another here."""


def add(folder: Path, wanted: Wanted, progress: Progress | None = None, measure: Measure | None = None) -> Space:
    """Add files to a space, or make it, and return it; files that it has already, unchanged, are not read again.

    What was done before a kill is not done again: a file is a segment, and each one counts when it is whole. A file
    that has changed gets new rows, and those that it had are not found any more.

    Args:
        folder: Of the space; its name is the space's.
        wanted: The files, and what is known of them.
        progress: Is told how far it is.
        measure: Says how well rows are found before anybody else sees the space, or refuses it.

    Raises:
        ConfigError: A file cannot be read, or has vectors of another space.
        ConflictError: Somebody else is adding to the space.
        UnavailableError: A file is not there, or changes while it is read.
    """
    space.checked_name(folder.name)
    folder.mkdir(parents=True, exist_ok=True)
    with Lock(folder / "build.lock", f"somebody is adding to {folder.name}").hold():
        return _Build(folder, wanted, progress or _silent, measure).run()


def _silent(_what: str, _done: int, _of: int) -> None:
    return


@dataclass(frozen=True, slots=True)
class _Step:
    """One file that is to become a segment, and what it takes the place of."""

    task: Task
    said: Segment | None
    """The segment that the file has; None for a new file."""
    unchanged: bool
    """Whether the file is as it was, so that only its codes are new."""


class _Build:
    def __init__(self, folder: Path, wanted: Wanted, progress: Progress, measure: Measure | None) -> None:
        self._folder = folder
        self._wanted = wanted
        self._progress = progress
        self._measure = measure
        self._before = ""

    def run(self) -> Space:
        old = space.read(self._folder) if (self._folder / space.MANIFEST).exists() else None
        self._before = old.coder if old else ""
        columns = dict(self._wanted.columns or (old.columns if old else {}))
        given = [each if "://" in each else str(Path(each).resolve()) for each in self._wanted.addresses]
        tables = {each: files.opened(each, columns) for each in given}
        try:
            made = self._begun(self._described(list(tables.values()), old, columns))
            if self._needs_lists(tables, made):
                # Rows of all files have their codes by the same lists.
                for each in made.segments:
                    if not each.gone and each.address not in tables:
                        tables[each.address] = files.opened(each.address, columns)
                made = self._with_lists(list(tables.values()), made)
            planned = self._planned(list(tables.values()), made)
        finally:
            for table in tables.values():
                table.close()
        made = self._derived(planned, made)
        if old is not None and made.segments == old.segments and made.record == old.record:
            return old
        if self._measure is not None:
            made = self._measure(self._folder, made)
        made = space.publish(self._folder, made)
        self._swept(made)
        return made

    def _begun(self, made: Space) -> Space:
        """Return the space as far as it had come when it was last left, if nothing was published since."""
        try:
            found = space.read(self._folder, space.BUILDING)
        except (NotFoundError, ConfigError):
            return made
        is_next = found.generation == made.generation and not list(space.same(found, made))
        return found if is_next and found.columns == made.columns else made

    def _described(self, tables: Sequence[Table], old: Space | None, columns: Mapping[str, str]) -> Space:
        """Return the space, once it is sure that all files hold vectors of it."""
        known = next((each.about for each in tables if each.about.rows), None)
        if known is None and old is None:
            raise ConfigError("there are no rows in what was given")
        size = old.dimensions if old else known.dimensions if known else 0
        for table in tables:
            if table.about.rows and table.about.dimensions != size:
                raise ConfigError(
                    f"{table.address} is another space: its vectors have {table.about.dimensions} numbers, not {size}"
                )
        model = self._wanted.model
        if model == Model() and known is not None:
            model = known.model
        new = Space(
            self._folder.name,
            size,
            self._wanted.metric,
            model,
            self._wanted.quantization,
            self._wanted.record,
            columns,
        )
        if old is None:
            return new
        if self._wanted.model == Model():
            new = replace(new, model=old.model)
        if differs := list(space.same(new, old)):
            raise ConflictError(f"these are no vectors of {old.name}: {'; '.join(differs)}")
        return replace(old, record=self._wanted.record or old.record)

    def _needs_lists(self, tables: Mapping[str, Table], made: Space) -> bool:
        """Say whether lists must be made: there are none, or the space has outgrown them."""
        held = {each.address: each.rows for each in made.segments if not each.gone}
        total = sum((held | {address: each.about.rows for address, each in tables.items()}).values())
        if total < FEWEST:
            return False
        if not made.coder or not (self._folder / made.coder).exists():
            return True
        return total > max(made.trained, FEWEST) * GREW or (self._wanted.retrain and made.coder == self._before)

    def _with_lists(self, tables: Sequence[Table], made: Space) -> Space:
        total = sum(each.about.rows for each in tables)
        lists = lists_for(total)
        sample = self._sample(tables, made, sample_for(lists))
        self._progress("making lists", 0, lists)
        coder = Coder.train(sample, lists)
        name = f"lists-{made.generation + 1:06d}.faiss"
        coder.write(self._folder / name)
        self._progress("making lists", lists, lists)
        made = replace(made, coder=name, lists=lists, trained=total, residual=coder.residual(sample[:5000]))
        space.write(self._folder, made, space.BUILDING)
        return made

    def _sample(self, tables: Sequence[Table], made: Space, size: int) -> Vectors:
        """Return some vectors from everywhere in the files: whole batches that are spread evenly."""
        rng = np.random.default_rng(7)
        total = sum(each.about.rows for each in tables)
        parts = []
        for table in tables:
            share = max(1, round(size * table.about.rows / total)) if table.about.rows else 0
            if not share:
                continue
            if table.about.mapped:
                rows = np.sort(rng.choice(table.about.rows, min(share, table.about.rows), replace=False))
                stored = table.gather(rows)
            else:
                stored = _spread(table, share)
            vectors, usable = prepared(values(stored, made.quantization), made.metric)
            parts.append(vectors[usable])
        return np.concatenate(parts)

    def _planned(self, tables: Sequence[Table], made: Space) -> list[_Step]:
        """Return what is to be derived, in the order in which it will count."""
        steps = []
        rows, count = made.rows, len(made.segments)
        for table in tables:
            said = next((each for each in made.segments if each.address == table.address and not each.gone), None)
            unchanged = said is not None and said.fingerprint == table.about.fingerprint
            if said is not None and unchanged and said.coder == made.coder:
                continue
            # A file with other codes keeps the numbers of its rows; one with other rows gets new ones.
            start = said.start if said is not None and unchanged else rows
            stem = _UNFIT.sub("-", Path(table.address).stem.lower())[:40]
            name = f"{made.generation + 1:06d}-{count:04d}-{stem}"
            new = Segment(name, table.address, table.about.fingerprint, start, table.about.rows, coder=made.coder)
            # Whoever still fills a folder for a build that was given up fills another one.
            part = self._folder / "segments" / f"{name}-{os.urandom(4).hex()}.part"
            task = Task(
                new,
                part,
                made.dimensions,
                made.metric,
                made.quantization,
                dict(made.columns),
                self._wanted.sidecar,
                self._folder.absolute() / made.coder if made.coder else None,
            )
            steps.append(_Step(task, said, unchanged))
            if not unchanged:
                rows, count = rows + table.about.rows, count + 1
        return steps

    def _derived(self, steps: Sequence[_Step], made: Space) -> Space:
        """Return the space with what was derived; each file counts as soon as it and those before it are whole."""
        try:
            with ExitStack() as stack:
                found = self._segments([each.task for each in steps], stack)
                for step, segment in zip(steps, found, strict=True):
                    made = self._placed(step, segment, made)
        finally:
            for each in steps:
                shutil.rmtree(each.task.part, ignore_errors=True)
        return made

    def _segments(self, tasks: Sequence[Task], stack: ExitStack) -> Iterator[Segment]:
        """Yield what becomes of tasks, in their order."""
        if not self._wanted.dask or not tasks:
            return (derive(each, self._progress) for each in tasks)
        client = stack.enter_context(cluster.connected(self._wanted.dask))
        # What fills a folder is no pure function.
        futures = [client.submit(apart, replace(each, part=each.part.absolute()), pure=False) for each in tasks]
        return (self._awaited(task, future) for task, future in zip(tasks, futures, strict=True))

    def _awaited(self, task: Task, future: Any) -> Segment:
        address, rows = task.said.address, task.said.rows
        self._progress(Path(address).name, 0, rows)
        error = future.exception()
        if error is not None:
            # Dask has given it to other workers first: whoever reads this file ends, or none is left.
            raise ConfigError(f"no worker could read {address}: {type(error).__name__}: {str(error)[:200]}")
        found: Segment | Failed = future.result()
        if isinstance(found, Failed):
            raise found.error()
        if not task.part.is_dir():
            raise ConfigError(
                f"a worker wrote what it derived from {address} where we do not see it: share {task.part.parent}"
            )
        self._progress(Path(address).name, rows, rows)
        return found

    def _placed(self, step: _Step, found: Segment, made: Space) -> Space:
        whole = self._folder / "segments" / found.name
        try:
            shutil.rmtree(whole, ignore_errors=True)
            step.task.part.replace(whole)
        except OSError as error:
            told = f"the segment of {found.address} cannot be written: {error.strerror}"
            raise UnavailableError(told, retry_after=None) from error
        if step.unchanged:
            segments = tuple(found if each is step.said else each for each in made.segments)
        else:
            gone = (replace(each, gone="replaced") if each is step.said else each for each in made.segments)
            segments = (*gone, found)
        # How well rows are found was measured without these.
        made = replace(made, segments=segments, recall=())
        space.write(self._folder, made, space.BUILDING)
        return made

    def _swept(self, made: Space) -> None:
        """Remove what the manifest does not speak of any more; who has it open keeps it until then."""
        for each in self._folder.glob("lists-*.faiss"):
            if each.name != made.coder:
                each.unlink(missing_ok=True)
        kept = {each.name for each in made.segments if not each.gone}
        for each in (self._folder / "segments").glob("*"):
            if each.name not in kept:
                shutil.rmtree(each, ignore_errors=True)


def _spread(table: Table, share: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """Return about `share` stored vectors of a file that is read from its beginning to its end."""
    step = max(1, table.about.rows // share)
    parts = [batch.vectors[::step] if step < len(batch) else batch.vectors[:1] for batch in table.batches(BATCH)]
    return np.concatenate(parts)
