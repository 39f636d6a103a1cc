"""The spaces of a home: a folder each, opened when they are asked and again when they have changed."""

from __future__ import annotations

import shutil
import threading
from dataclasses import replace
from pathlib import Path

from discovery.embeddings import audit, building, space
from discovery.embeddings.asking import Searcher
from discovery.embeddings.building import Wanted
from discovery.embeddings.codes import Coder
from discovery.embeddings.deriving import Progress
from discovery.embeddings.segment import OpenSegment
from discovery.embeddings.space import MANIFEST, Space
from discovery.errors import ConfigError, NotFoundError
from discovery.lock import Lock


class Spaces:
    """The spaces in a folder; safe to use from many threads.

    Args:
        folder: With a folder for each space; it need not be there.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
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
            ConfigError: What is derived is damaged.
        """
        found = self.get(name)
        with self._lock:
            held = self._open.get(name)
            if held is not None and held.space.generation == found.generation:
                return held
            made = opened(self._place(name), found)
            self._open[name] = made
        # The one before is let go of when the last question to it is answered.
        return made

    def add(self, name: str, wanted: Wanted, progress: Progress | None = None) -> Space:
        """Add files to a space, or make it; raises as `building.add` does, and when too little is found."""
        folder = self.folder / space.checked_name(name)
        return building.add(folder, wanted, progress, audit.measured(opened))

    def audit(self, name: str, queries: int = audit.QUERIES) -> Space:
        """Measure how well rows of a space are found, and keep that."""
        folder = self._place(name)
        with Lock(folder / "build.lock", f"somebody is adding to {name}").hold():
            found = audit.audit(self.searcher(name), queries)
            return space.publish(folder, replace(self.get(name), recall=found))

    def remove(self, name: str) -> None:
        """Remove what is derived of a space; the files that hold its vectors stay."""
        folder = self._place(name)
        with Lock(folder / "build.lock", f"somebody is adding to {name}").hold():
            (folder / MANIFEST).unlink(missing_ok=True)
            shutil.rmtree(folder, ignore_errors=True)
        with self._lock:
            self._open.pop(name, None)
            self._told.pop(name, None)

    def close(self) -> None:
        """Let go of all files."""
        with self._lock:
            for each in self._open.values():
                for part in each.segments:
                    part.close()
            self._open.clear()

    def _place(self, name: str) -> Path:
        try:
            folder = self.folder / space.checked_name(name)
        except ConfigError as error:
            raise NotFoundError(f"no space {name[:80]!r}") from error
        if not (folder / MANIFEST).is_file():
            known = ", ".join(self.names()[:20]) or "none yet"
            raise NotFoundError(f"no space {name!r}; there is {known}")
        return folder


def opened(folder: Path, found: Space) -> Searcher:
    """Return what finds rows in a space."""
    coder = Coder.read(folder / found.coder) if found.coder else None
    live = [each for each in found.segments if not each.gone]
    return Searcher(found, [OpenSegment(folder / "segments" / each.name, each, found) for each in live], coder)
