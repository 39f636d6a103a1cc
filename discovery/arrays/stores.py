"""Stores of Zarr's own reader over what may be asked: the web by our client, and folders that nothing leads out of."""

from __future__ import annotations

import asyncio
import os
import re
import stat
import threading
import time
from abc import abstractmethod
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

from zarr.abc.store import ByteRequest, OffsetByteRequest, RangeByteRequest, Store, SuffixByteRequest
from zarr.core.buffer import Buffer, BufferPrototype

from discovery.arrays.reach import Reach, joined
from discovery.errors import NotFoundError, SourceRefusedError, SourceUnavailableError
from discovery.http import Client
from discovery.launch.existence import open_beneath

MAX_BYTES: Final = 32 << 20
"""Bytes that one look may read in all."""
MAX_REQUESTS: Final = 2_000
"""Files and answers that one look may ask for."""
MAX_METADATA: Final = 8 << 20
"""Bytes of one document of metadata; the consolidated ones of Sentinel-2 products have 0.5 MB."""
MAX_ENTRIES: Final = 10_000
"""Entries of one folder that are looked through."""
TOO_LARGE: Final = "too_large"
MAX_REFERENCES: Final = 16 << 20
"""Bytes of a document of references or of an archive's directory, which name every chunk, or of a table of them."""
_METADATA: Final = (".zgroup", ".zarray", ".zattrs", ".zmetadata", "zarr.json")
_PARTIAL: Final = 206
_SIZE: Final = re.compile(r"bytes \d{1,18}-\d{1,18}/(\d{1,18})")
_ABSENT: Final = frozenset({401, 403})
"""What object stores answer for a key that is not there to those who may not list."""


@dataclass(slots=True)
class Budget:
    """What one look has read, and what it may."""

    fetched: int = 0
    """Bytes."""
    requests: int = 0
    refused: str = ""
    """Why the first key was refused, if one was."""
    index: str | None = None
    """The key of what names every chunk, if the store has such a thing."""
    whole: tuple[str, bytes] = ("", b"")
    """The address and the bytes of a file that was sent as a whole to whoever wanted a part."""
    _guard: threading.Lock = field(default_factory=threading.Lock)
    _seen: dict[str, str] = field(default_factory=dict)
    _began: float = field(default_factory=time.monotonic)

    @property
    def left(self) -> int:
        """Bytes that may still be read."""
        return max(0, MAX_BYTES - self.fetched)

    @property
    def seconds(self) -> float:
        """Since it began."""
        return time.monotonic() - self._began

    @property
    def fingerprint(self) -> str:
        """What changes when a document of metadata does that was read up to now."""
        return sha256(repr(sorted(self._seen.items())).encode()).hexdigest()[:32]

    def ask(self) -> None:
        """Count one request.

        Raises:
            SourceUnavailableError: It is one too many.
        """
        with self._guard:
            self.requests += 1
            if self.requests > MAX_REQUESTS or not self.left:
                raise SourceUnavailableError(
                    f"more than {MAX_REQUESTS:,} files or {MAX_BYTES >> 20} MiB would have to be read", detail=TOO_LARGE
                )

    def most(self, key: str) -> int:
        """Return how many bytes of a key may be read."""
        if key == self.index:
            return min(self.left, MAX_REFERENCES)
        return min(self.left, MAX_METADATA) if key.rpartition("/")[2] in _METADATA else self.left

    def read(self, key: str, data: bytes, tag: str = "") -> bytes:
        """Count what was read, and return it."""
        with self._guard:
            self.fetched += len(data)
        if key == self.index or key.rpartition("/")[2] in _METADATA:
            self.note(key, data, tag)
        return data

    def note(self, key: str, data: bytes, tag: str = "") -> None:
        """Take what was read as something that the store is known by."""
        with self._guard:
            self._seen[key] = f"{tag} {sha256(data).hexdigest()}"


class Reading(Store):
    """A store that is read and never written; what it reads is counted."""

    supports_writes = False
    supports_deletes = False
    supports_listing = False

    def __init__(self, budget: Budget) -> None:
        super().__init__(read_only=True)
        self._budget = budget
        self._is_open = True

    def __eq__(self, value: object) -> bool:
        return self is value

    __hash__ = Store.__hash__

    async def get(self, key: str, prototype: BufferPrototype, byte_range: ByteRequest | None = None) -> Buffer | None:
        """Return the bytes of a key, or of a part of it; None where there is none."""
        found = await asyncio.to_thread(self.read, key, byte_range)
        return None if found is None else prototype.buffer.from_bytes(found)

    async def get_partial_values(
        self, prototype: BufferPrototype, key_ranges: Iterable[tuple[str, ByteRequest | None]]
    ) -> list[Buffer | None]:
        """Return several parts, one after the other."""
        return [await self.get(key, prototype, part) for key, part in key_ranges]

    async def exists(self, key: str) -> bool:
        """Say whether there is a key."""
        return await asyncio.to_thread(self.read, key, None) is not None

    async def set(self, key: str, value: Buffer) -> None:
        """Refuse to write."""
        raise NotImplementedError(f"{key} is not written")

    async def delete(self, key: str) -> None:
        """Refuse to delete."""
        raise NotImplementedError(f"{key} is not deleted")

    async def list(self) -> AsyncIterator[str]:
        """Refuse to list all there is."""
        for each in self._all(""):
            yield each

    async def list_prefix(self, prefix: str) -> AsyncIterator[str]:
        """Refuse to list all there is."""
        for each in self._all(prefix):
            yield each

    async def list_dir(self, prefix: str) -> AsyncIterator[str]:
        """Yield the names directly beneath a prefix."""
        for each in await asyncio.to_thread(self.names, prefix):
            yield each

    def _all(self, prefix: str) -> tuple[str, ...]:
        raise NotImplementedError(f"all that begins with {prefix!r} is not listed")

    def read(self, key: str, part: ByteRequest | None) -> bytes | None:
        """Return the bytes of a key, or of a part of it; None where there is none."""
        raise NotImplementedError

    def names(self, prefix: str) -> tuple[str, ...]:
        """Return the names directly beneath a prefix."""
        raise NotImplementedError(f"what lies beneath {prefix} cannot be listed")


class Listed(Reading):
    """A store all of whose keys are known, or all but its chunks'.

    Args:
        keys: Those that are known.
        budget: Counts what is read.
    """

    supports_listing = True

    def __init__(self, keys: Iterable[str], budget: Budget) -> None:
        super().__init__(budget)
        self._folders = _beneath(keys)

    def names(self, prefix: str) -> tuple[str, ...]:
        """Return the names that are known directly beneath a prefix."""
        return tuple(sorted(self._folders.get(prefix.strip("/"), ())))


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a file."""

    data: bytes
    size: int
    """Of the whole file; -1 where its server does not say."""


class Files(Reading):
    """A store whose keys are files, which can be read in part."""

    def read(self, key: str, part: ByteRequest | None) -> bytes | None:
        """Return the bytes of a key, or of a part of it; None where there is none."""
        found = self.piece(key, part)
        return None if found is None else found.data

    @abstractmethod
    def piece(self, key: str, part: ByteRequest | None) -> Piece | None:
        """Return a part of a file, and how large that is; None where there is no such file."""


class WebStore(Files):
    """A store behind an address of the web, which cannot be listed.

    Args:
        url: Of the group or array.
        client: Sees to it that nothing private is asked, redirects included.
        budget: Counts what is read.
    """

    def __init__(self, url: str, client: Client, budget: Budget) -> None:
        super().__init__(budget)
        self._url = url
        self._client = client

    def piece(self, key: str, part: ByteRequest | None) -> Piece | None:
        """Return a part of a file, and how large that is; None where there is no such file."""
        return fetched(joined(self._url, key), key, part, self._client, self._budget)


def fetched(url: str, key: str, part: ByteRequest | None, client: Client, budget: Budget) -> Piece | None:
    """Return what is at an address, or a part of it; None where there is nothing for us.

    Args:
        url: What is asked for.
        key: Which key of a store it is.
        part: Which part of it is wanted.
        client: Sees to it that nothing private is asked, redirects included.
        budget: Counts what is read.
    """
    if part is not None and budget.whole[0] == url:
        return Piece(cut(budget.whole[1], part), len(budget.whole[1]))
    budget.ask()
    headers = {"range": f"bytes={_span(part)}"} if part is not None else {}
    try:
        answer = client.get(url, headers=headers, max_bytes=budget.most(key), attempts=1)
    except NotFoundError:
        return None
    except SourceRefusedError as error:
        if error.answer_status not in _ABSENT:
            raise
        budget.refused = budget.refused or f"it answers {error.answer_status}"
        return None
    tag = answer.headers.get("etag", "") or answer.headers.get("last-modified", "")
    data = budget.read(key, answer.content, tag)
    if answer.status == _PARTIAL:
        said = _SIZE.fullmatch(answer.headers.get("content-range", ""))
        return Piece(data, int(said[1]) if said else -1)
    if part is not None:
        # Who does not know ranges sends the whole file, and would send it again.
        budget.whole = (url, data)
    return Piece(cut(data, part), len(data))


class FolderStore(Files):
    """A store in a folder of this machine; no link leads out of the folder that it has to be in.

    Args:
        root: The folder that it has to be in.
        tail: Its own path there.
        budget: Counts what is read.
    """

    supports_listing = True

    def __init__(self, root: str, tail: str, budget: Budget) -> None:
        super().__init__(budget)
        self._root = os.path.realpath(root)
        self._tail = tail.strip("/")

    def piece(self, key: str, part: ByteRequest | None) -> Piece | None:
        """Return a part of a file, and how large that is; None where there is no such file."""
        self._budget.ask()
        try:
            at = self._opened(key, os.O_RDONLY | os.O_NONBLOCK)
        except (FileNotFoundError, NotADirectoryError):
            return None
        with os.fdopen(at, "rb") as file:
            known = os.fstat(at)
            if not stat.S_ISREG(known.st_mode):
                return None
            start, length = bounds(part, known.st_size)
            if length > self._budget.most(key):
                raise SourceUnavailableError(f"{key[:200]} has {length:,} bytes", detail=TOO_LARGE)
            file.seek(start)
            data = self._budget.read(key, file.read(length), str(known.st_mtime_ns))
            return Piece(data, known.st_size)

    def names(self, prefix: str) -> tuple[str, ...]:
        """Return the names directly beneath a prefix."""
        self._budget.ask()
        try:
            at = self._opened(prefix, os.O_RDONLY | os.O_DIRECTORY)
        except OSError:
            return ()
        try:
            names = []
            with os.scandir(at) as entries:
                for each in entries:
                    names.append(each.name)
                    if len(names) > MAX_ENTRIES:
                        raise SourceUnavailableError(
                            f"a folder has more than {MAX_ENTRIES:,} entries", detail=TOO_LARGE
                        )
        finally:
            os.close(at)
        return tuple(sorted(names))

    def _opened(self, key: str, flags: int) -> int:
        parts = [each for each in f"{self._tail}/{key}".split("/") if each not in ("", ".")]
        if ".." in parts or "\0" in key:
            raise FileNotFoundError(key)
        real = os.path.realpath("/".join((self._root, *parts)), strict=True)
        if real != self._root and not real.startswith(f"{self._root.rstrip('/')}/"):
            raise SourceRefusedError("a link leads out of the volume", detail="outside")
        inside = [each for each in real[len(self._root) :].split("/") if each]
        return open_beneath(self._root, inside, flags)


def opened(reach: Reach, client: Client, budget: Budget) -> Files | None:
    """Return the store that can be reached so; None for a folder that is not here.

    Raises:
        SourceRefusedError: The folder may not be read.
    """
    if reach.url:
        return WebStore(reach.url, client, budget)
    try:
        with os.scandir(reach.root) as entries:
            # The empty folder that something is mounted at when it is.
            if next(entries, None) is None:
                return None
    except PermissionError as error:
        raise SourceRefusedError("the volume may not be read here", detail="unauthorised") from error
    except OSError:
        return None
    return FolderStore(reach.root, reach.tail, budget)


def _span(part: ByteRequest) -> str:
    if isinstance(part, RangeByteRequest):
        return f"{part.start}-{part.end - 1}"
    return f"{part.offset}-" if isinstance(part, OffsetByteRequest) else f"-{part.suffix}"


def bounds(part: ByteRequest | None, size: int) -> tuple[int, int]:
    """Return where a part begins, and how long it is."""
    start, end = 0, size
    if isinstance(part, RangeByteRequest):
        start, end = part.start, min(part.end, size)
    elif isinstance(part, OffsetByteRequest):
        start = part.offset
    elif isinstance(part, SuffixByteRequest):
        start = max(0, size - part.suffix)
    return start, max(0, end - start)


def _beneath(keys: Iterable[str]) -> dict[str, dict[str, None]]:
    """Return the names directly beneath each folder that keys have."""
    found: dict[str, dict[str, None]] = {}
    for key in keys:
        parts = key.split("/")
        for number, name in enumerate(parts):
            found.setdefault("/".join(parts[:number]), {})[name] = None
    return found


def cut(data: bytes, part: ByteRequest | None) -> bytes:
    """Return a part of some bytes."""
    start, length = bounds(part, len(data))
    return data[start : start + length]
