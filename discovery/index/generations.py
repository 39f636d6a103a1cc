"""The files of one scope's generations: which one answers, what it has seen, and whether its bytes are whole.

```
<scope>/CURRENT            {"current": "g000002", "previous": "g000001", "last": 2}, replaced by one rename
<scope>/g000002/state.json {"change": 812, "schema": "...", "files": {"a.idx": [size, sha256], ...}}
```
A crash leaves either the old or the new text of both. The change remembered may be lower than what the engine holds,
never higher: writing a change again does no harm, leaving one out does.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import orjson

from discovery.errors import NotFoundError, StaleIndexError, UnavailableError

CURRENT: Final = "CURRENT"
STATE: Final = "state.json"
REINDEX: Final = "run `discovery reindex` to build it again from the store"

_NAME: Final = re.compile(r"g[0-9]{6,}")
_CHUNK: Final = 1 << 20

Signature = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Pointer:
    """Which generation answers; names are never given twice."""

    current: str = ""
    previous: str = ""
    last: int = 0


@dataclass(frozen=True, slots=True)
class State:
    """What a generation remembers of itself."""

    change: int = 0
    schema: str = ""
    files: Mapping[str, tuple[int, str]] = field(default_factory=dict)
    """Size and SHA-256 of every file that was there when the state was written; large ones may wait for theirs."""


class Generations:
    """The generations of one scope in a folder of their own."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def pointer(self) -> Pointer:
        """Return which generation answers; an empty pointer when there is none yet.

        Raises:
            StaleIndexError: The file is damaged.
        """
        file = self.path / CURRENT
        try:
            found = orjson.loads(file.read_bytes())
            pointer = Pointer(str(found["current"]), str(found["previous"]), int(found["last"]))
        except FileNotFoundError:
            return Pointer()
        except (ValueError, KeyError, TypeError) as error:
            raise StaleIndexError(f"{file} is damaged; {REINDEX}") from error
        except OSError as error:
            raise UnavailableError(f"{file} cannot be read: {error.strerror}") from error
        if any(name and not _NAME.fullmatch(name) for name in (pointer.current, pointer.previous)):
            raise StaleIndexError(f"{file} names no generation; {REINDEX}")
        return pointer

    def signature(self) -> Signature | None:
        """Return something that changes whenever another generation answers."""
        return signature(self.path / CURRENT)

    def folder(self, name: str) -> Path:
        """Return where a generation is."""
        return self.path / name

    def begin(self, active: Iterable[str] = ()) -> str:
        """Make the folder of a new generation and return its name; folders that nobody uses are removed.

        Args:
            active: Generations that are being built and stay.
        """
        try:
            pointer = self.pointer()
        except StaleIndexError:
            # A rebuild is the cure for a damaged pointer; every folder may be the one, so none is removed.
            pointer = Pointer(last=max(map(_number, self._folders()), default=0))
        else:
            self.sweep(keep={pointer.current, pointer.previous, *active})
        number = max([pointer.last, *map(_number, self._folders())]) + 1
        name = f"g{number:06d}"
        self.folder(name).mkdir(parents=True)
        return name

    def publish(self, name: str) -> None:
        """Let a generation answer; the one before is kept, older ones are removed."""
        try:
            before = self.pointer()
        except StaleIndexError:
            before = Pointer()
        self._point(Pointer(name, before.current, max(before.last, _number(name))))
        if before.previous:
            self.remove(before.previous)

    def rollback(self) -> str:
        """Let the generation before answer again and return its name.

        Raises:
            NotFoundError: None was kept.
        """
        pointer = self.pointer()
        if not pointer.previous or not self.folder(pointer.previous).is_dir():
            raise NotFoundError(f"no generation before {pointer.current or 'the first'} was kept")
        self._point(Pointer(pointer.previous, "", pointer.last))
        self.remove(pointer.current)
        return pointer.previous

    def sweep(self, keep: Iterable[str]) -> None:
        """Remove generations that a crash has left behind."""
        wanted = set(keep)
        for name in self._folders():
            if name not in wanted:
                self.remove(name)

    def remove(self, name: str) -> None:
        """Remove a generation; files that readers have open stay readable to them."""
        shutil.rmtree(self.folder(name), ignore_errors=True)

    def _point(self, pointer: Pointer) -> None:
        data = {"current": pointer.current, "previous": pointer.previous, "last": pointer.last}
        replace(self.path / CURRENT, orjson.dumps(data))

    def _folders(self) -> list[str]:
        try:
            return [each.name for each in self.path.iterdir() if _NAME.fullmatch(each.name) and each.is_dir()]
        except FileNotFoundError:
            return []


def _number(name: str) -> int:
    return int(name[1:])


def signature(file: Path) -> Signature | None:
    """Return what changes when a file is replaced, None when there is none."""
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def read_state(folder: Path) -> State:
    """Return what a generation remembers; a missing file is the state of a new one.

    Raises:
        StaleIndexError: The file is damaged.
    """
    file = folder / STATE
    try:
        found: Any = orjson.loads(file.read_bytes())
        files = {str(name): (int(size), str(digest)) for name, (size, digest) in found["files"].items()}
        return State(int(found["change"]), str(found["schema"]), files)
    except FileNotFoundError:
        return State()
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise StaleIndexError(f"{file} is damaged; {REINDEX}") from error


def write_state(folder: Path, state: State) -> None:
    """Replace what a generation remembers in one step."""
    replace(folder / STATE, orjson.dumps({"change": state.change, "schema": state.schema, "files": dict(state.files)}))


def replace(file: Path, data: bytes) -> None:
    """Replace a file by one rename, so that a crash or a full disk leaves the old one or the new one.

    Raises:
        UnavailableError: The disk refuses.
    """
    part = file.with_name(f"{file.name}.part")
    try:
        with part.open("wb") as out:
            out.write(data)
            out.flush()
            os.fsync(out.fileno())
        part.replace(file)
        _sync(file.parent)
    except OSError as error:
        raise UnavailableError(f"{file} cannot be written: {error.strerror}") from error


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def manifest(
    folder: Path, known: Mapping[str, tuple[int, str]], names: Iterable[str], *, most: int | None = None
) -> dict[str, tuple[int, str]]:
    """Return size and SHA-256 of files; those already known are not read again.

    Args:
        folder: Where the files are.
        known: The manifest before; an engine never writes other bytes under a name it has used.
        names: Files that are complete. What an engine is still writing has no digest yet.
        most: Bytes of the largest file that is read now; the digest of a larger one stays empty. A merge leaves
            gigabytes, and whoever waits for one edit shall not wait for them to be read.
    """
    found: dict[str, tuple[int, str]] = {}
    for name in names:
        size, expected = known.get(name, (0, ""))
        try:
            if not expected:
                file = folder / name
                size = file.stat().st_size
                expected = digest(file) if most is None or size <= most else ""
        except FileNotFoundError:
            # Merged away while we looked.
            continue
        found[name] = size, expected
    return found


def digest(file: Path) -> str:
    """Return the SHA-256 of a file."""
    found = hashlib.sha256()
    with file.open("rb") as data:
        while chunk := data.read(_CHUNK):
            found.update(chunk)
    return found.hexdigest()


def damaged(folder: Path, state: State) -> list[str]:
    """Return a sentence for every file whose bytes are not those that were written."""
    wrong = []
    for name, (size, expected) in state.files.items():
        file = folder / name
        try:
            if file.stat().st_size != size or (expected and digest(file) != expected):
                wrong.append(f"{file} is damaged; {REINDEX}")
        except FileNotFoundError:
            # Merged away since; whether the engine misses it is for the engine to say.
            continue
        except OSError as error:
            wrong.append(f"{file} cannot be read: {error.strerror}; {REINDEX}")
    return wrong
