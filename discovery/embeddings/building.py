"""Adding files to a space: read once, piece by piece, resumed after a kill, and not believed before it is measured."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import numpy as np

from discovery.embeddings import files, space
from discovery.embeddings.codes import FEWEST, Coder, lists_for, sample_for
from discovery.embeddings.segment import CODES, LISTS, Writer
from discovery.embeddings.space import Model, Quantization, Segment, Space
from discovery.embeddings.table import Table
from discovery.embeddings.vectors import Vectors, prepared, values
from discovery.errors import ConfigError, ConflictError, NotFoundError, UnavailableError
from discovery.lock import Lock

BATCH: Final = 16_384
"""Rows that are in memory at a time."""
GREW: Final = 4
"""Times that a space may grow before its lists are made anew."""
DRIFTED: Final = 0.15
"""How much farther from the middles of the lists new rows may be before that is said."""
_UNFIT: Final = re.compile(r"[^a-z0-9]+")

Progress = Callable[[str, int, int], None]
"""Told what is being done, how many rows of it are done, and of how many."""
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
            coder = Coder.read(self._folder / made.coder) if made.coder else None
            for table in tables.values():
                made = self._added(table, made, coder)
        finally:
            for table in tables.values():
                table.close()
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

    def _added(self, table: Table, made: Space, coder: Coder | None) -> Space:
        said = next((each for each in made.segments if each.address == table.address and not each.gone), None)
        unchanged = said is not None and said.fingerprint == table.about.fingerprint
        if said is not None and unchanged and said.coder == made.coder:
            return made
        # A file with other codes keeps the numbers of its rows; one with other rows gets new ones.
        start = said.start if said is not None and unchanged else made.rows
        stem = _UNFIT.sub("-", Path(table.address).stem.lower())[:40]
        name = f"{made.generation + 1:06d}-{len(made.segments):04d}-{stem}"
        new = Segment(name, table.address, table.about.fingerprint, start, table.about.rows, coder=made.coder)
        whole = self._folder / "segments" / name
        part = whole.with_suffix(".part")
        shutil.rmtree(part, ignore_errors=True)
        try:
            found = self._derived(table, made, coder, part, new)
            shutil.rmtree(whole, ignore_errors=True)
            part.replace(whole)
        except OSError as error:
            shutil.rmtree(part, ignore_errors=True)
            told = f"the segment of {table.address} cannot be written: {error.strerror}"
            raise UnavailableError(told, retry_after=None) from error
        if unchanged:
            segments = tuple(found if each is said else each for each in made.segments)
        else:
            segments = (*(replace(each, gone="replaced") if each is said else each for each in made.segments), found)
        # How well rows are found was measured without these.
        made = replace(made, segments=segments, recall=())
        space.write(self._folder, made, space.BUILDING)
        return made

    def _derived(self, table: Table, made: Space, coder: Coder | None, folder: Path, said: Segment) -> Segment:
        sidecar = self._wanted.sidecar and not table.about.mapped
        writer = Writer(folder, said.rows, made.dimensions, sidecar=sidecar)
        codes = coder.empty() if coder else None
        away, seen, done = 0.0, 0, 0
        for batch in table.batches(BATCH):
            vectors, usable = prepared(values(batch.vectors, made.quantization), made.metric)
            writer.add(batch, vectors, usable)
            if coder is not None and codes is not None:
                codes.add(coder.turned(vectors))
                some = vectors[usable][:: max(1, len(vectors) // 256)]
                away, seen = away + coder.residual(some) * len(some), seen + len(some)
            done += len(batch)
            self._progress(Path(table.address).name, done, said.rows)
        writer.close()
        if codes is not None:
            lists = np.zeros(said.rows, dtype=np.int32)
            for number, rows in enumerate(codes.members()):
                lists[rows] = number
            np.save(folder / LISTS, lists)
            codes.write(folder / CODES)
        if files.opened(table.address, made.columns).about.fingerprint != said.fingerprint:
            raise UnavailableError(f"{table.address} changed while it was read: add it again", retry_after=None)
        return replace(
            said,
            left_out=writer.left_out,
            sidecar=sidecar,
            residual=away / seen if seen else 0.0,
        )

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
