"""The spaces of a home: a folder each, opened when they are asked and again when they have changed."""

from __future__ import annotations

import contextlib
import shutil
import threading
from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial
from pathlib import Path

from discovery.embeddings import audit, building, gpu, holding, space
from discovery.embeddings.asking import Searcher
from discovery.embeddings.building import Wanted
from discovery.embeddings.codes import Coder
from discovery.embeddings.deriving import Progress
from discovery.embeddings.held import Engine
from discovery.embeddings.segment import OpenSegment
from discovery.embeddings.space import MANIFEST, Recall, Space
from discovery.errors import ConfigError, NotFoundError
from discovery.lock import Lock


class Spaces:
    """The spaces in a folder; safe to use from many threads.

    Args:
        folder: With a folder for each space; it need not be there.
        engine: Returns an engine for many machines by its name, or raises; None knows none.
        device: Where every row is compared, as `gpu.scanner` takes it.
    """

    def __init__(self, folder: Path, engine: Callable[[str], Engine] | None = None, device: str = gpu.NONE) -> None:
        self.folder = folder
        self._engine = engine
        # What it takes is imported when somebody has every row of a large space compared.
        self._scanner = cache(partial(gpu.scanner, device))
        self._engines: dict[str, Engine] = {}
        self._lock = threading.Lock()
        self._open: dict[str, Searcher] = {}
        self._told: dict[str, tuple[tuple[int, ...], Space]] = {}

    def names(self) -> list[str]:
        """Return the names of the spaces that there are."""
        return sorted(each.parent.name for each in self.folder.glob(f"*/{MANIFEST}"))

    def get(self, name: str) -> Space:
        """Return a space as its manifest says; one that is as it was is not read again.

        Raises:
            NotFoundError: There is none by that name.
        """
        folder = self._place(name)
        try:
            stat = (folder / MANIFEST).stat()
        except OSError:
            return space.read(folder)
        # A manifest is always another file than the one before.
        stamp = (stat.st_ino, stat.st_mtime_ns, stat.st_size)
        held = self._told.get(name)
        if held is not None and held[0] == stamp:
            return held[1]
        found = space.read(folder)
        self._told[name] = (stamp, found)
        return found

    def searcher(self, name: str) -> Searcher:
        """Return what finds rows in a space as it is now.

        Raises:
            NotFoundError: There is none by that name.
            ConfigError: What is derived is damaged, or an engine that holds its rows is not known here.
        """
        found = self.get(name)
        with self._lock:
            held = self._open.get(name)
            if held is not None and held.space.generation == found.generation:
                return held
            engine = self._named(found.held.engine) if found.held is not None else None
            made = opened(self._place(name), found, engine, self._scanner)
            self._open[name] = made
        # The one before is let go of when the last question to it is answered.
        return made

    def add(self, name: str, wanted: Wanted, progress: Progress | None = None) -> Space:
        """Add files to a space, or make it; raises as `building.add` does, and when too little is found."""
        folder = self.folder / space.checked_name(name)
        return building.add(folder, wanted, progress, audit.measured(opened))

    def audit(self, name: str, queries: int = audit.QUERIES) -> Space:
        """Measure how well rows of a space are found, by our codes and by an engine that holds them; keep that."""
        folder = self._place(name)
        with Lock(folder / "build.lock", f"somebody is adding to {name}").hold():
            searcher, found = self.searcher(name), self.get(name)
            made = replace(found, recall=audit.audit(searcher.own, queries))
            if found.held is not None:
                made = replace(made, held=replace(found.held, recall=audit.audit(searcher, queries)))
            return space.publish(folder, made)

    def hold(self, name: str, engine: str, kind: str = "", progress: Progress | None = None) -> Space:
        """Have an engine hold the rows of a space and find them; raises as `holding.hold` does.

        Rows that it holds are not sent again: what was added since follows.
        """
        by = self._named(engine)

        def measure(folder: Path, made: Space) -> tuple[Recall, ...]:
            kind = made.held.kind if made.held is not None else ""
            searcher = opened(folder, made, by)
            try:
                return audit.enough(audit.audit(searcher), f"{made.name} is not found by {engine} as {kind}")
            finally:
                for each in searcher.segments:
                    each.close()

        return holding.hold(self._place(name), by, kind, progress, measure)

    def release(self, name: str) -> Space:
        """Have no engine hold rows of a space any more; raises as `holding.release` does."""
        folder = self._place(name)
        held = self.get(name).held or holding.begun(folder)
        return holding.release(folder, self._named(held.engine)) if held is not None else self.get(name)

    def remove(self, name: str) -> None:
        """Remove what is derived of a space, here and at an engine; the files that hold its vectors stay.

        What an engine holds that is not known here any more, or of a manifest that cannot be read, stays there.

        Raises:
            NotFoundError: There is none by that name.
            UnavailableError: The engine that holds its rows does not answer.
        """
        folder = self._place(name)
        with contextlib.suppress(ConfigError):
            self.release(name)
        with Lock(folder / "build.lock", f"somebody is adding to {name}").hold():
            (folder / MANIFEST).unlink(missing_ok=True)
            shutil.rmtree(folder, ignore_errors=True)
        with self._lock:
            self._open.pop(name, None)
            self._told.pop(name, None)

    def close(self) -> None:
        """Let go of all files, and of engines."""
        with self._lock:
            for held in self._open.values():
                for part in held.segments:
                    part.close()
            self._open.clear()
            for each in self._engines.values():
                each.close()
            self._engines.clear()

    def _named(self, engine: str) -> Engine:
        """Return an engine by its name.

        Raises:
            ConfigError: It is not known here.
        """
        if engine not in self._engines:
            if self._engine is None:
                raise ConfigError(f"no engine {engine[:40]!r} is known here")
            self._engines[engine] = self._engine(engine)
        return self._engines[engine]

    def _place(self, name: str) -> Path:
        try:
            folder = self.folder / space.checked_name(name)
        except ConfigError as error:
            raise NotFoundError(f"no space {name[:80]!r}") from error
        if not (folder / MANIFEST).is_file():
            known = ", ".join(self.names()[:20]) or "none yet"
            raise NotFoundError(f"no space {name!r}; there is {known}")
        return folder


def opened(
    folder: Path,
    found: Space,
    engine: Engine | None = None,
    scanner: Callable[[], gpu.Scanner | None] = lambda: None,
) -> Searcher:
    """Return what finds rows in a space; without an engine by our own codes alone."""
    coder = Coder.read(folder / found.coder) if found.coder else None
    live = [each for each in found.segments if not each.gone]
    return Searcher(
        found, [OpenSegment(folder / "segments" / each.name, each, found) for each in live], coder, engine, scanner
    )
