"""One scope of the index on the disk: its readers, its writer, and generations being built."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import orjson
import tantivy

from discovery.errors import (
    ConflictError,
    DiscoveryError,
    GoneError,
    StaleIndexError,
    UnavailableError,
)
from discovery.index import generations, plans
from discovery.index.base import Document, Generation
from discovery.index.generations import REINDEX, Generations, State
from discovery.index.plans import KEY
from discovery.index.tantivy.schema import add, fingerprint, guarded, open_index, schema, stored
from discovery.index.tantivy.search import Reader

WRITER_HEAP: Final = 64_000_000
"""Bytes of memory that new documents fill before they become a segment."""
BUILD_HEAP: Final = 200_000_000
READ_AT_ONCE: Final = 8_000_000
"""Bytes of a file that are read again while somebody waits for a write: about 10 ms."""
_ATTEMPTS: Final = 5
LOOK_AGAIN: Final = 0.05
"""Seconds for which a reader trusts what it saw of the files."""


class Scope:
    """One scope's generations with what is open of them: readers, and the writer once something is written."""

    def __init__(self, name: str, path: Path, heap: int) -> None:
        self.name = name
        self.files = Generations(path / name)
        self.heap = heap
        self.schema = schema()
        self.fingerprint = fingerprint()
        # Two locks, so that nobody who asks waits for a commit or a merge.
        self.write_lock = threading.RLock()
        self.read_lock = threading.RLock()
        self.building: set[str] = set()
        self.looked = float("-inf")
        self.pointed: tuple[generations.Signature | None, generations.Pointer] | None = None
        self.readers: dict[str, Reader] = {}
        self.writing: tuple[str, tantivy.IndexWriter] | None = None
        # The greatest key that the writer's commits hold; a record that came later cannot be among them.
        self.highest = -1

    # ---- reading

    def reader(self, name: str = "") -> Reader:
        """Return the generation asked for as it is now; an empty one in memory where nothing was ever written.

        Raises:
            StaleIndexError: It is damaged or of another version.
            GoneError: It is not here any more.
        """
        now = time.monotonic()
        pointed = self.pointed
        if pointed is not None and now - self.looked < LOOK_AGAIN:
            found = self.readers.get(name or pointed[1].current)
            if found is not None:
                return found
        for _ in range(_ATTEMPTS):
            with self.read_lock:
                self.looked = now
                pointer = self.pointer()
                try:
                    return self.pointed_at(name, pointer)
                except (StaleIndexError, UnavailableError):
                    # Another process may have published and removed it since the pointer was read.
                    if self.files.signature() == self.pointed_signature():
                        raise
        raise UnavailableError(f"generations of {self.name} change faster than they can be opened")

    def pointed_at(self, name: str, pointer: generations.Pointer) -> Reader:
        """Return the generation asked for if the pointer still knows it."""
        wanted = name or pointer.current
        if wanted not in {pointer.current, pointer.previous}:
            raise GoneError(f"generation {wanted[:40]} of {self.name} was replaced by {pointer.current or 'none'}")
        for old in self.readers.keys() - {pointer.current, pointer.previous}:
            del self.readers[old]
        return self.opened(wanted)

    def pointed_signature(self) -> generations.Signature | None:
        """Return what the pointer's file looked like when it was last read."""
        return None if self.pointed is None else self.pointed[0]

    def pointer(self) -> generations.Pointer:
        """Return which generation answers, read again only when the file has changed."""
        with self.read_lock:
            seen = self.files.signature()
            if self.pointed is None or self.pointed[0] != seen:
                self.pointed = seen, self.files.pointer()
            return self.pointed[1]

    def opened(self, name: str) -> Reader:
        """Return a generation as it is now."""
        with self.read_lock:
            old = self.readers.get(name)
            if not name:
                if old is None:
                    index = open_index(self.schema, None)
                    index.reload()
                    old = self.readers[""] = Reader("", index, index.searcher(), State(), None)
                return old
            folder = self.files.folder(name)
            seen = generations.signature(folder / "meta.json")
            state_seen = generations.signature(folder / generations.STATE)
            both = None if seen is None or state_seen is None else (*seen, *state_seen)
            if old is not None and both is not None and old.seen == both:
                return old
            # The state is read first: it may then be older than what is searched, never newer.
            state = self.state(folder)
            index = self.index(folder) if old is None else old.index
            with guarded(f"opening {folder}"):
                index.reload()
                densities = {} if old is None else old.densities
                reader = Reader(name, index, index.searcher(), state, both, densities=densities)
            self.readers[name] = reader
            return reader

    def state(self, folder: Path) -> State:
        """Return what a generation remembers.

        Raises:
            StaleIndexError: It was made by a version that indexes otherwise.
        """
        state = generations.read_state(folder)
        if state.schema != self.fingerprint:
            raise StaleIndexError(f"{folder} was made by another version; {REINDEX}")
        return state

    def index(self, folder: Path) -> tantivy.Index:
        """Return the index in a folder.

        Raises:
            StaleIndexError: It is none, damaged, or of another version of tantivy.
        """
        try:
            if not tantivy.Index.exists(str(folder)):
                raise StaleIndexError(f"{folder} is no index; {REINDEX}")
            if not tantivy.Index.is_compatible(str(folder)):
                raise StaleIndexError(f"{folder} is of another version of tantivy; {REINDEX}")
            return open_index(self.schema, folder)
        except (ValueError, OSError) as error:
            raise StaleIndexError(f"{folder} cannot be opened ({str(error)[:200]}); {REINDEX}") from error

    # ---- writing

    def write(self, documents: Iterable[Document], deleted: Iterable[int], change: int) -> None:
        """Replace and delete documents of the generation that answers, and remember the change."""
        rows = {document.key: stored(document) for document in documents}
        gone = [key for key in dict.fromkeys(deleted) if 0 <= key <= plans.MAX_KEY]
        with self.write_lock:
            name = self.pointer().current or self.first()
            self.state(self.files.folder(name))
            if rows or gone:
                self.commit(name, rows, gone)
            self.remember(name, change, most=READ_AT_ONCE)

    def first(self) -> str:
        """Publish an empty generation."""
        build = TantivyBuild(self, self.heap)
        return build.publish(0).name

    def commit(self, name: str, rows: Mapping[int, str | tantivy.Document], gone: Iterable[int]) -> None:
        """Write rows and deletions in one commit."""
        with guarded("writing"):
            writer = self.writer(name)
            try:
                for key, row in rows.items():
                    # Each deletion is looked for in every segment; of what is new there is nothing to be deleted.
                    if key <= self.highest:
                        writer.delete_documents_by_term(KEY, key)
                    add(writer, row)
                for key in gone:
                    writer.delete_documents_by_term(KEY, key)
                writer.commit()
                self.highest = max(self.highest, *rows) if rows else self.highest
            except BaseException:
                # A writer that failed once (full disk) is not to be trusted; a new one cleans up behind it.
                self.writing = None
                with contextlib.suppress(ValueError, OSError):
                    writer.rollback()
                raise

    def writer(self, name: str) -> tantivy.IndexWriter:
        """Return the writer of a generation, opened when it is first needed and kept."""
        if self.writing is None or self.writing[0] != name:
            self.release()
            folder = self.files.folder(name)
            index = self.opened(name).index
            writer = index.writer(self.heap, 1)
            # Files of a commit that a kill has cut short bear the names that the same commit wants again.
            writer.garbage_collect_files()
            for left in folder.glob(".tmp*"):
                left.unlink(missing_ok=True)
            # Not remembered in a file: a commit that a kill came after may hold more than any file says. From here on
            # nobody else writes.
            index.reload()
            self.highest = _highest(index.searcher())
            self.writing = name, writer
        return self.writing[1]

    def remember(self, name: str, change: int, *, most: int | None = None) -> None:
        """Write down the change and the digests of new files of at most so many bytes, after their commit."""
        folder = self.files.folder(name)
        known = generations.read_state(folder).files
        files = generations.manifest(folder, known, committed(folder), most=most)
        generations.write_state(folder, State(change, self.fingerprint, files))
        self.looked = float("-inf")
        self.opened(name)

    def release(self) -> None:
        """Let merges end and give the writer's lock back."""
        if self.writing is None:
            return
        (name, writer), self.writing = self.writing, None
        with guarded("merging"):
            writer.wait_merging_threads()
        folder = self.files.folder(name)
        if folder.is_dir() and name in self.readers:
            self.remember(name, generations.read_state(folder).change)

    def publish(self, name: str) -> None:
        """Let a finished build answer."""
        with self.write_lock:
            self.release()
            self.files.publish(name)
            self.looked = float("-inf")

    def rollback(self) -> Generation:
        """Let the generation before answer again."""
        with self.write_lock:
            self.release()
            self.files.rollback()
            self.looked = float("-inf")
            return self.generation()

    def generation(self) -> Generation:
        """Return the generation that answers now."""
        reader = self.reader()
        return Generation(reader.name, reader.state.change, int(reader.searcher.num_docs))

    def check(self) -> list[str]:
        """Return what is wrong with the generation that answers."""
        try:
            pointer = self.files.pointer()
            if not pointer.current:
                return []
            folder = self.files.folder(pointer.current)
            wrong = generations.damaged(folder, self.state(folder))
            wrong += [f"{folder / name} is missing; {REINDEX}" for name in _missing(folder)]
            if not wrong:
                self.reader()
        except DiscoveryError as error:
            return [str(error)]
        return wrong

    def close(self) -> None:
        """Let merges end and forget what is open."""
        with self.write_lock, self.read_lock:
            self.release()
            self.readers.clear()
            self.pointed = None


class TantivyBuild:
    """A generation being made in a folder beside the one that answers."""

    def __init__(self, scope: Scope, heap: int) -> None:
        self.scope = scope
        with scope.write_lock:
            self.name = scope.files.begin(scope.building)
            scope.building.add(self.name)
        self.folder = scope.files.folder(self.name)
        with guarded("starting a build"):
            self.index = open_index(scope.schema, self.folder)
            threads = min(4, os.cpu_count() or 1) if heap >= BUILD_HEAP else 1
            self.writer: tantivy.IndexWriter | None = self.index.writer(heap, threads)

    def add(self, documents: Iterable[Document]) -> None:
        """Put documents in; keys are new to this generation."""
        writer = self._opened()
        for document in documents:
            row = stored(document)
            with guarded("building"):
                add(writer, row)

    def publish(self, change: int) -> Generation:
        """Make this the generation that answers, in one step; the one before is kept for `rollback`."""
        writer = self._opened()
        with guarded("building"):
            writer.commit()
            writer.wait_merging_threads()
        self.writer = None
        files = generations.manifest(self.folder, {}, committed(self.folder))
        generations.write_state(self.folder, State(change, self.scope.fingerprint, files))
        self.scope.publish(self.name)
        self.scope.building.discard(self.name)
        return self.scope.generation()

    def discard(self) -> None:
        """Throw the unfinished generation away."""
        if self.name not in self.scope.building:
            return
        self.writer = None
        self.scope.building.discard(self.name)
        self.scope.files.remove(self.name)

    def _opened(self) -> tantivy.IndexWriter:
        if self.writer is None:
            raise ConflictError(f"generation {self.name} is already published or discarded")
        return self.writer


def _highest(searcher: tantivy.Searcher) -> int:
    """Return the greatest key of a commit, -1 where it holds nothing."""
    if not searcher.num_docs:
        return -1
    found: Any = searcher.search(
        tantivy.Query.all_query(), 1, count=False, order_by_field=KEY, order=tantivy.Order.Desc
    )
    return int(found.hits[0][0])


def committed(folder: Path) -> list[str]:
    """Return the files of the segments that are committed; merges may be writing others at this moment.

    Raises:
        StaleIndexError: The list is damaged.
    """
    try:
        names = []
        for segment in orjson.loads((folder / "meta.json").read_bytes())["segments"]:
            stem = segment["segment_id"].replace("-", "")
            names += [f"{stem}.{ending}" for ending in ("store", "fast", "term", "idx", "pos", "fieldnorm")]
            if segment["deletes"]:
                names.append(f"{stem}.{segment['deletes']['opstamp']}.del")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise StaleIndexError(f"{folder / 'meta.json'} is damaged; {REINDEX}") from error
    return names


def _missing(folder: Path) -> list[str]:
    """Return committed files that are not there, looking twice: a merge may replace some between two looks."""
    return [name for name in committed(folder) if not (folder / name).is_file() and name in committed(folder)]
