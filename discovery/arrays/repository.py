"""Stores that are kept in repositories (Icechunk), read by its own library and by our own way to files and servers.

The library asks servers by itself. So it is told that everything lies in buckets of an object store on this machine,
which is a server of this process: it gives what may be given from the folder or address of the repository, and asks for
pieces of other files as for any other address. Where a repository says that such files are is not believed: only
buckets are asked for, and by us.
"""

from __future__ import annotations

import http.server
import re
import secrets
import threading
from collections.abc import AsyncIterator
from typing import Any, Final
from urllib.parse import unquote

from zarr.abc.store import ByteRequest, OffsetByteRequest, RangeByteRequest, Store, SuffixByteRequest
from zarr.core.buffer import Buffer, BufferPrototype

from discovery.arrays import facts
from discovery.arrays.stores import Budget, Files, Piece, Reading, bounds, fetched
from discovery.errors import DiscoveryError, SourceRefusedError, SourceUnavailableError
from discovery.http import Client
from discovery.launch.existence import bucket_url
from discovery.launch.resolver import STORE, Place

EXTRA: Final = "it is an Icechunk repository: install discovery-portal[icechunk]"
_BRANCH: Final = "main"
_HEAD: Final = f"refs/branch.{_BRANCH}/ref.json"
"""What every repository of the first version of the format has, and what changes with it."""
_SECOND: Final = "repo"
"""What every repository of the second version has."""
_MAGIC: Final = "ICE🧊CHUNK".encode()
_BUCKET: Final = "s3://"
_PATH: Final = re.compile(r"/([0-9a-f]{32})/([A-Za-z0-9][A-Za-z0-9._-]{1,62})/(.+)", re.DOTALL)
_RANGE: Final = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")
_MAX_WORDS: Final = 300
_ELSEWHERE: Final = "virtual chunk"
"""What the library says when a piece lies where it was not told to look."""


def is_one(files: Files, budget: Budget) -> bool:
    """Say whether a folder or an address is that of a repository."""
    head = files.read(_HEAD, None)
    if head is not None:
        budget.note(_HEAD, head)
        return True
    return files.read(_SECOND, RangeByteRequest(0, len(_MAGIC))) == _MAGIC


class RepositoryStore(Reading):
    """A store as the newest snapshot of the branch `main` of a repository has it.

    Args:
        files: The repository.
        client: Sees to it that nothing private is asked, redirects included.
        budget: Counts what is read.

    Raises:
        SourceUnavailableError: The reader of repositories is not installed, or a server does not answer.
        ValueError: It is damaged.
    """

    supports_listing = True

    def __init__(self, files: Files, client: Client, budget: Budget) -> None:
        super().__init__(budget)
        self._door = _Door(files, client, budget)
        try:
            self._inner = self._opened()
        except BaseException as error:
            self._door.close()
            if isinstance(error, DiscoveryError) or not isinstance(error, Exception):
                raise
            raise self._door.told(error) from error

    def _opened(self) -> Store:
        try:
            import icechunk
        except ModuleNotFoundError as error:
            raise SourceUnavailableError(EXTRA, detail=facts.NO_READER) from error
        where: dict[str, Any] = {"region": "us-east-1", "endpoint_url": self._door.url, "allow_http": True}
        where |= {"anonymous": True, "force_path_style": True}
        storage = icechunk.s3_storage(bucket=self._door.bucket, prefix=None, **where)
        config = icechunk.RepositoryConfig.default()
        config.clear_virtual_chunk_containers()
        given = icechunk.Repository.fetch_config(storage)
        allowed: dict[str, Any] = {}
        for each in (given.virtual_chunk_containers or {}) if given is not None else {}:
            if each.startswith(_BUCKET):
                place = icechunk.s3_store(s3_compatible=True, **where)
                config.set_virtual_chunk_container(icechunk.VirtualChunkContainer(each, place))
                allowed[each] = icechunk.s3_anonymous_credentials()
        found = icechunk.Repository.open(storage, config, icechunk.containers_credentials(allowed))
        # A store whose snapshot is damaged says of every key that there is none.
        next(iter(found.ancestry(branch=_BRANCH)))
        store: Store = found.readonly_session(_BRANCH).store
        return store

    def check(self) -> None:
        """Return if all that was asked for could be read; others take what could not be for what is not there."""
        self._door.check()

    def close(self) -> None:
        """Let go of the way to the files."""
        self._door.close()
        super().close()

    async def get(self, key: str, prototype: BufferPrototype, byte_range: ByteRequest | None = None) -> Buffer | None:
        """Return the bytes of a key, or of a part of it; None where there is none."""
        try:
            return await self._inner.get(key, prototype, byte_range)
        except Exception as error:
            raise self._door.told(error) from error

    async def exists(self, key: str) -> bool:
        """Say whether there is a key."""
        try:
            return await self._inner.exists(key)
        except Exception as error:
            raise self._door.told(error) from error

    async def list_dir(self, prefix: str) -> AsyncIterator[str]:
        """Yield the names directly beneath a prefix."""
        try:
            async for each in self._inner.list_dir(prefix):
                yield each
        except Exception as error:
            raise self._door.told(error) from error


class _Door:
    """A server of this process, which gives the library what it may have."""

    def __init__(self, files: Files, client: Client, budget: Budget) -> None:
        self._files = files
        self._client = client
        self._budget = budget
        # Whoever else is on this machine does not know it, and no piece is said to be in the repository's own bucket.
        self._token = secrets.token_hex(16)
        self.bucket = f"own-{secrets.token_hex(8)}"
        self._why: Exception | None = None
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/{self._token}/"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        """Give nothing any more."""
        self._server.shutdown()
        self._server.server_close()

    def piece(self, path: str, part: ByteRequest | None) -> Piece | None:
        """Return what lies at a path, or a part of it; None where there is nothing, or nothing may be given."""
        found = _PATH.fullmatch(path)
        if found is None or not secrets.compare_digest(found[1], self._token):
            return None
        try:
            return self._own(found[3], part) if found[2] == self.bucket else self._other(found[2], found[3], part)
        except Exception as error:  # it is raised where somebody waits for what was asked for
            self._why = error
            raise

    def told(self, error: Exception) -> Exception:
        """Return why something could not be read, in our words."""
        if self._why is None:
            said = " ".join(str(error).split())[:_MAX_WORDS]
            elsewhere = SourceRefusedError("its pieces lie where nobody is asked for them", detail="address")
            self._why = elsewhere if _ELSEWHERE in said else ValueError(said)
        return self._why

    def check(self) -> None:
        """Raise why something could not be read, if that happened."""
        if self._why is not None:
            raise self._why

    def _own(self, key: str, part: ByteRequest | None) -> Piece | None:
        return self._files.piece(key, part)

    def _other(self, bucket: str, key: str, part: ByteRequest | None) -> Piece | None:
        url = bucket_url(Place(STORE, f"{_BUCKET}{bucket}/{key}"))
        if not url:
            raise SourceRefusedError("its pieces lie where nobody is asked for them", detail="address")
        return fetched(url, key, part, self._client, self._budget)


def _handler(door: _Door) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            """Say nothing."""

        def do_HEAD(self) -> None:
            """Say whether there is something, and how large it is."""
            self._answer(RangeByteRequest(0, 1), whole=True)

        def do_GET(self) -> None:
            """Give something, or a part of it."""
            self._answer(_part(self.headers.get("range", "")))

        def _answer(self, part: ByteRequest | None, *, whole: bool = False) -> None:
            try:
                found = door.piece(unquote(self.path.partition("?")[0]), part)
            except Exception:  # noqa: BLE001 - the door remembers it
                self._refuse(403, "AccessDenied")
                return
            if found is None:
                self._refuse(404, "NoSuchKey")
                return
            size = max(found.size, len(found.data))
            self.send_response(206 if part is not None and not whole else 200)
            if part is not None and not whole:
                start, _ = bounds(part, size)
                self.send_header("Content-Range", f"bytes {start}-{start + len(found.data) - 1}/{size}")
            self.send_header("ETag", '"0"')
            self.send_header("Last-Modified", "Thu, 01 Jan 1970 00:00:00 GMT")
            self.send_header("Content-Length", str(size if whole else len(found.data)))
            self.end_headers()
            if not whole:
                self.wfile.write(found.data)

        def _refuse(self, status: int, error: str) -> None:
            body = f"<Error><Code>{error}</Code></Error>".encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/xml")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

    return Handler


def _part(given: str) -> ByteRequest | None:
    """Return which part a request asks for; None for all of it."""
    found = _RANGE.fullmatch(given)
    if found is None or not (found[1] or found[2]):
        return None
    if not found[1]:
        return SuffixByteRequest(int(found[2]))
    return RangeByteRequest(int(found[1]), int(found[2]) + 1) if found[2] else OffsetByteRequest(int(found[1]))
