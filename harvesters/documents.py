"""Reading documents of a source from files below one folder or over HTTP, by one set of rules."""

from __future__ import annotations

import gzip
import io
import os
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from pathlib import Path, PurePosixPath
from typing import Final, Protocol
from urllib.parse import quote, unquote, urljoin, urlsplit

from discovery.errors import ConfigError, NotFoundError, SourceRefusedError, SourceUnavailableError
from discovery.http import Client

MAX_DOCUMENT: Final = 64 * 1024 * 1024
"""Bytes of one document; a larger one is no metadata of one thing."""
MAX_COPY: Final = 64 * 1024**3
"""Bytes of a file that is copied to this machine to be read."""
_JSON: Final = "application/geo+json, application/json;q=0.9, */*;q=0.1"


class Readable(Protocol):
    """What is read piece by piece or line by line."""

    def read(self, size: int, /) -> bytes:
        """Return at most so many bytes; none at the end."""
        ...

    def readline(self, size: int, /) -> bytes:
        """Return a line with its end, or the first bytes of one that is longer."""
        ...


class Documents:
    """The documents around a source's URL: `file:` (a path below the folder of the first one) or `http(s):`.

    Args:
        client: For http and https.
        folder: What a relative `file:` path starts from.
        url: The first document; its folder is the root, and no `file:` document outside the root is ever read.

    Raises:
        ConfigError: The URL has another scheme.
    """

    def __init__(self, client: Client, folder: Path, url: str) -> None:
        self.bytes_read = 0
        self._client = client
        parts = urlsplit(url)
        if parts.scheme == "file":
            if parts.netloc not in ("", "localhost"):
                raise ConfigError(f"{url!r} names the host {parts.netloc!r}; a file URL is file:/path or file:path")
            path = folder / unquote(parts.path)
            self._root: Path | None = path.parent
            self.base, self.first = "file:", f"file:{quote(path.name)}"
        elif parts.scheme in ("http", "https"):
            self._root = None
            self.base, self.first = urljoin(url, "."), url
        else:
            raise ConfigError(f"{url[:200]!r} has the scheme {parts.scheme!r}; allowed: file, http, https")

    @property
    def local(self) -> bool:
        """Whether the documents are files."""
        return self._root is not None

    def relative(self, url: str) -> str:
        """Return a document's path below the root; empty when it lies elsewhere."""
        return url.removeprefix(self.base) if url.startswith(self.base) else ""

    def resolve(self, base: str, href: str) -> str:
        """Return where a link in a document leads, without its fragment.

        Links of a file are paths below the root and keep their form `file:a/b.json`. A path that climbs out of the root
        stays recognisable (`file:../x`) and is refused when it is read.
        """
        href = href.strip()
        if not base.startswith("file:") or urlsplit(href).scheme or href.startswith("//"):
            return urljoin(base, href).partition("#")[0]
        path = unquote(urlsplit(href).path)
        joined = os.path.normpath(PurePosixPath(unquote(base.removeprefix("file:"))).parent / path)
        return f"file:{quote(joined)}"

    def read(self, url: str) -> bytes:
        """Return the bytes of a document.

        Raises:
            NotFoundError: There is none.
            SourceRefusedError: A file outside the root, or a server that refuses.
            SourceUnavailableError: It cannot be read now, or is larger than a document may be.
        """
        if not url.startswith("file:"):
            return self._client.document(url, accept=_JSON, max_bytes=MAX_DOCUMENT)
        path = self._path(url)
        with _file_errors(url), path.open("rb") as file:
            data = file.read(MAX_DOCUMENT + 1)
        if len(data) > MAX_DOCUMENT:
            raise SourceUnavailableError(f"{url} is larger than {MAX_DOCUMENT} bytes", detail="too_large")
        self.bytes_read += len(data)
        return data

    @contextmanager
    def stream(self, url: str, *, skip: int = 0) -> Iterator[Readable]:
        """Open a document for reading piece by piece; `.gz` is unpacked and `skip` bytes left out."""
        if url.startswith("file:"):
            path = self._path(url)
            with _file_errors(url), path.open("rb") as file, _unpacked(file, url) as plain:
                _skip(plain, skip)
                yield _Counted(plain, self)
            return
        with (
            self._client.stream(url, accept="*/*", max_bytes=1 << 40, total=24 * 3600.0) as body,
            io.BufferedReader(body, 1 << 16) as buffered,
            _file_errors(url),
            _unpacked(buffered, url) as plain,
        ):
            _skip(plain, skip)
            yield plain

    @contextmanager
    def whole(self, url: str) -> Iterator[Path]:
        """Give the path of a document that is read from everywhere; one from the network is a copy for that while."""
        if url.startswith("file:"):
            path = self._path(url)
            with _file_errors(url):
                self.bytes_read += path.stat().st_size
            yield path
            return
        with tempfile.NamedTemporaryFile(prefix="discovery-") as copy:
            with self.stream(url) as file, _file_errors(url):
                size = 0
                while data := file.read(1 << 20):
                    size += len(data)
                    if size > MAX_COPY:
                        raise SourceUnavailableError(f"{url} is larger than {MAX_COPY} bytes", detail="too_large")
                    copy.write(data)
                copy.flush()
            yield Path(copy.name)

    def changed(self, url: str) -> int | None:
        """Return when a document changed last, in UTC milliseconds; None where that is not known."""
        if url.startswith("file:"):
            with _file_errors(url):
                found = self._path(url).stat()
            # A file that is put in the place of another may be older, which its name is not.
            return int(max(found.st_mtime, found.st_ctime) * 1000)
        with self._client.stream(url, accept="*/*") as body:
            said = body.headers.get("last-modified", "")
        try:
            return int(parsedate_to_datetime(said).timestamp() * 1000)
        except (TypeError, ValueError, OverflowError):
            return None

    def beside(self, pattern: str) -> Iterator[str]:
        """Yield the files below the root that fit a pattern, by name; nothing where the source is not a folder."""
        if self._root is None:
            return
        for folder, folders, files in os.walk(self._root):
            folders.sort()
            for name in sorted(files):
                path = Path(folder, name)
                if path.match(pattern):
                    yield f"file:{quote(path.relative_to(self._root).as_posix())}"

    def _path(self, url: str) -> Path:
        assert self._root is not None
        name = unquote(url.removeprefix("file:"))
        if "\0" in name:
            raise SourceRefusedError(f"{url[:200]!r} is not the name of a file", detail="address")
        root = self._root.resolve()
        path = (root / name).resolve()
        if not path.is_relative_to(root):
            raise SourceRefusedError(f"{url[:200]} lies outside the source's folder", detail="address")
        if not path.is_file():
            raise NotFoundError(f"{url[:200]}: the source has no such file")
        return path


class _Counted:
    """A file whose bytes are counted where the source's are."""

    def __init__(self, file: Readable, documents: Documents) -> None:
        self._file = file
        self._documents = documents

    def readline(self, size: int, /) -> bytes:
        line = self._file.readline(size)
        self._documents.bytes_read += len(line)
        return line

    def read(self, size: int, /) -> bytes:
        data = self._file.read(size)
        self._documents.bytes_read += len(data)
        return data


@contextmanager
def _unpacked(file: io.BufferedIOBase, url: str) -> Iterator[Readable]:
    if not urlsplit(url).path.endswith(".gz"):
        yield file
        return
    with gzip.GzipFile(fileobj=file) as plain:
        yield plain


def _skip(file: Readable, count: int) -> None:
    while count > 0 and (data := file.read(min(count, 1 << 20))):
        count -= len(data)


@contextmanager
def _file_errors(url: str) -> Iterator[None]:
    try:
        yield
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise SourceUnavailableError(f"{url[:200]} is a damaged archive: {error}", detail="encoding") from error
    except OSError as error:
        raise SourceUnavailableError(f"{url[:200]} cannot be read: {error.strerror or error}", detail="file") from error
