"""Where files of embeddings are: folders of this machine, the web, and object stores."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import obstore
from obstore.exceptions import BaseError
from obstore.store import ObjectStore, from_url

from discovery.errors import ConfigError, UnavailableError
from discovery.http.redaction import has_credentials, is_signed

_REMOTE: Final = ("http", "https", "s3", "gs", "az")
_TAIL: Final = 1 << 16
"""Bytes at the end of a file that its fingerprint is made of: a Parquet file has its footer there."""
_MANY: Final = 100_000
ZARR: Final = ("zarr.json", ".zmetadata", ".zgroup", ".zarray")
"""Files that one of which every Zarr group or array has."""


@dataclass(frozen=True, slots=True)
class Remote:
    """A file or folder of another machine."""

    store: ObjectStore
    path: str
    """Within the store; empty for all of it."""


def is_remote(address: str) -> bool:
    """Say whether an address is one of another machine."""
    return urlsplit(address).scheme in _REMOTE


def remote(address: str) -> Remote:
    """Return the way to a file or folder of another machine; nothing is asked yet.

    Object stores are asked without credentials unless the environment has some, as their own tools do.

    Raises:
        ConfigError: The address holds secrets, or is none.
    """
    if has_credentials(address) or is_signed(address):
        raise ConfigError("the address holds a secret: it would be kept; use the store's own credentials instead")
    parts = urlsplit(address)
    base, path = f"{parts.scheme}://{parts.netloc}", parts.path.strip("/")
    try:
        if parts.scheme == "s3":
            return Remote(from_url(base, skip_signature=not _has_keys()), path)
        return Remote(from_url(base, client_options={"allow_http": parts.scheme == "http"}), path)
    except (BaseError, ValueError) as error:
        raise ConfigError(f"{address[:200]} is no address that can be read: {error}") from error


class Reader(io.RawIOBase):
    """A file of another machine, read piece by piece as it is needed.

    Args:
        address: Of the file.

    Raises:
        UnavailableError: It is not there, or its machine does not answer.
    """

    def __init__(self, address: str) -> None:
        super().__init__()
        self._there = remote(address)
        self._at = 0
        self._size = int(_head(self._there, address)["size"])

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def seekable(self) -> bool:
        """Say that one can begin anywhere."""
        return True

    def tell(self) -> int:
        """Return where the next piece begins."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Begin the next piece elsewhere."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def readinto(self, buffer: Any) -> int:
        """Read a piece into a buffer.

        Raises:
            OSError: Its machine does not answer any more.
        """
        length = min(len(buffer), self._size - self._at)
        if length <= 0:
            return 0
        try:
            piece = obstore.get_range(self._there.store, self._there.path, start=self._at, length=length)
        except BaseError as error:
            raise OSError(f"{type(error).__name__} at byte {self._at}") from error
        buffer[:length] = memoryview(piece)
        self._at += length
        return length


def fingerprint(address: str) -> str:
    """Return what changes when a file does: its size with its time or tag, and the digest of its end.

    Raises:
        UnavailableError: It is not there.
    """
    if is_remote(address):
        # Of what is many files, the one that describes the others.
        is_folder = urlsplit(address).path.rstrip("/").endswith(".zarr")
        head = _head(remote(f"{address.rstrip('/')}/{ZARR[0]}" if is_folder else address), address)
        return f"{head['size']}-{head.get('e_tag') or head['last_modified'].isoformat()}"
    path = Path(address)
    try:
        if path.is_dir():
            return _folder(path)
        stat = path.stat()
        with path.open("rb") as file:
            file.seek(max(0, stat.st_size - _TAIL))
            tail = file.read(_TAIL)
    except OSError as error:
        raise UnavailableError(f"{name(address)} cannot be read: {error.strerror}", retry_after=None) from error
    return f"{stat.st_size}-{stat.st_mtime_ns}-{sha256(tail).hexdigest()[:16]}"


def stamp(address: str) -> tuple[int, ...]:
    """Return what tells cheaply that a file of this machine is as it was; empty for one of another machine.

    Raises:
        UnavailableError: It is not there.
    """
    if is_remote(address):
        return ()
    try:
        path = Path(address)
        stat = path.stat()
        if path.is_dir():
            # A chunk that is written anew leaves the folder's own time alone; the metadata is told at least.
            inner = next((each.stat() for name in ZARR if (each := path / name).is_file()), stat)
            return (stat.st_mtime_ns, stat.st_ino, inner.st_mtime_ns, inner.st_size)
    except OSError as error:
        raise UnavailableError(f"{name(address)} cannot be read: {error.strerror}", retry_after=None) from error
    return (stat.st_mtime_ns, stat.st_ino, stat.st_size)


def name(address: str) -> str:
    """Return what people who may not know where a file is are told of it."""
    return urlsplit(address).path.rstrip("/").rpartition("/")[2][:200]


def names(address: str) -> Iterator[str]:
    """Yield the names of the files in a folder and in those below, one by one, in any order.

    Raises:
        UnavailableError: Nobody says which there are.
    """
    if not is_remote(address):
        yield from (each for _, _, found in os.walk(address) for each in found)
        return
    there = remote(address)
    try:
        for some in obstore.list(there.store, there.path):
            yield from (each["path"].rpartition("/")[2] for each in some)
    except (BaseError, OSError) as error:
        raise UnavailableError(f"{name(address)} cannot be listed: {type(error).__name__}") from error


def same(address: str, before: tuple[int, ...]) -> None:
    """Return if a file is what it was when its stamp was taken.

    Raises:
        UnavailableError: It is not, or is gone.
    """
    if stamp(address) != before:
        raise UnavailableError(f"{name(address)} has changed: add it again", retry_after=None)


def _head(there: Remote, address: str) -> Any:
    try:
        return obstore.head(there.store, there.path)
    except (BaseError, OSError) as error:
        raise UnavailableError(f"{name(address)} cannot be read: {type(error).__name__}") from error


def _folder(path: Path) -> str:
    digest, count = sha256(), 0
    for each in _files(path):
        count += 1
        if count > _MANY:
            raise ConfigError(f"{path} holds more than {_MANY:,} files: use shards")
        stat = each.stat()
        digest.update(f"{each.relative_to(path)} {stat.st_size} {stat.st_mtime_ns}\n".encode())
    return f"{count}-{digest.hexdigest()[:24]}"


def _files(path: Path) -> Iterator[Path]:
    yield from sorted(each for each in path.rglob("*") if each.is_file())


def _has_keys() -> bool:
    return bool(os.environ.get("AWS_ACCESS_KEY_ID") or os.environ.get("AWS_PROFILE"))
