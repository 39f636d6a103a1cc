"""The body of an answer: decompressed within bounds, counted, and cut when it passes a limit."""

from __future__ import annotations

import io
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx

from discovery.errors import SourceUnavailableError
from discovery.http.answer import fault, media_type
from discovery.http.redaction import redact
from discovery.http.transport import Watch

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

# The most that one step of decompression may hand out, and so the most that a bomb gets ahead of the count.
_PIECE = 65_536
_GZIP = 16 + zlib.MAX_WBITS


@dataclass(frozen=True, slots=True)
class Caps:
    """The limits of one body, taken from the policy or from the call."""

    max_bytes: int
    max_ratio: int
    ratio_floor: int
    total: float
    min_rate: float
    grace: float


class Allowance:
    """The time that one attempt may spend on the network; it stands still while the caller works."""

    def __init__(self, total: float, watch: Watch) -> None:
        self._watch = watch
        self._total = total
        self._before = 0.0
        self._since: float | None = None

    @contextmanager
    def running(self) -> Iterator[None]:
        """Let the time run, and hold this thread's reads to what is left of it."""
        self._since = time.monotonic()
        self._watch.deadline = self._since + self._total - self._before
        try:
            yield
        finally:
            self._watch.deadline = float("inf")
            self._before, self._since = self.spent, None

    @property
    def spent(self) -> float:
        """The seconds so far."""
        return self._before + (0.0 if self._since is None else time.monotonic() - self._since)

    @property
    def over(self) -> bool:
        """Whether all of it is spent."""
        return self.spent >= self._total


class Body(io.RawIOBase):
    """A body on its way in, decompressed: a file to read from, or `chunks()`; close it, or use it in a `with`.

    lxml, pyarrow and `io.BufferedReader` (for lines) read it directly. Every read can raise SourceUnavailableError, and
    then what was read before is the beginning of something that never ended.
    """

    def __init__(
        self,
        response: httpx.Response,
        *,
        url: str,
        caps: Caps,
        allowance: Allowance,
        requests: int,
        received: Callable[[int], None],
        release: Callable[[], None],
    ) -> None:
        super().__init__()
        self.status = response.status_code
        self.url = url
        self.headers: dict[str, str] = {name: response.headers[name] for name in response.headers}
        self.requests = requests
        self.bytes_read = 0
        """Bytes of the body so far, as they came over the wire."""
        self._response = response
        self._caps = caps
        self._allowance = allowance
        self._received = received
        self._release = release
        self._started = allowance.spent
        self._decoded = 0
        self._left = memoryview(b"")
        self._released = False
        self._error: BaseException | None = None
        self._pieces = self._read_pieces()

    @property
    def media_type(self) -> str:
        """The type and subtype in lower case, without parameters; empty when none was sent."""
        return media_type(self.headers)

    def chunks(self) -> Iterator[bytes]:
        """Yield the rest of the body as it comes, a piece at a time."""
        while self._fill():
            data, self._left = bytes(self._left), memoryview(b"")
            yield data

    def peek(self) -> bytes:
        """Return what comes next without taking it; empty only at the end."""
        self._fill()
        return bytes(self._left[:1024])

    def readable(self) -> bool:
        """Say that this file is for reading."""
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Fill the buffer as far as one piece goes and return how far; 0 only at the end."""
        self._fill()
        target = memoryview(buffer).cast("B")
        size = min(len(target), len(self._left))
        target[:size] = self._left[:size]
        self._left = self._left[size:]
        return size

    def close(self) -> None:
        """Let the connection go; what was not read is not read any more."""
        if not self.closed and not self._released:
            self._released = True
            try:
                self._response.close()
            finally:
                self._release()
        super().close()

    def failed(self, detail: str, why: str) -> SourceUnavailableError:
        """Return the error that says why this body cannot be used."""
        return SourceUnavailableError(f"{redact(self.url)}: {why}", detail=detail, answer_status=self.status)

    def _fill(self) -> bool:
        """Have something at hand unless the body has ended, and say whether there is."""
        if self.closed:
            raise ValueError("the body is closed")
        if self._error is not None:
            # A body that broke off must never look as if it had ended.
            raise self._error
        if not self._left:
            try:
                with self._allowance.running():
                    self._left = memoryview(next(self._pieces, b""))
            except BaseException as error:
                self._error = error
                raise
        return len(self._left) > 0

    def _read_pieces(self) -> Iterator[bytes]:
        decode = self._decoder()
        self._check_length()
        try:
            for raw in self._response.stream:  # type: ignore[union-attr]  # always the synchronous one
                self._count(len(raw))
                for piece in decode.feed(raw):
                    self._decoded += len(piece)
                    self._check_size()
                    yield piece
        except httpx.TransportError as error:
            raise fault(
                error, f"{redact(self.url)}: the answer broke off", self._allowance.over, self.bytes_read
            ) from error
        except zlib.error as error:
            raise self.failed("encoding", f"the compressed answer is damaged: {error}") from error
        if self.bytes_read and not decode.complete:
            raise self.failed("cut", f"the compressed answer ends too early, after {self.bytes_read} bytes")

    def _decoder(self) -> _Plain | _Gunzip:
        encodings = [name.strip().lower() for name in self.headers.get("content-encoding", "").split(",")]
        encodings = [name for name in encodings if name not in ("", "identity")]
        if not encodings:
            return _Plain()
        if encodings in (["gzip"], ["x-gzip"]):
            return _Gunzip()
        raise self.failed("encoding", f"is encoded as {', '.join(encodings)[:80]!r}; allowed: gzip, once")

    def _check_length(self) -> None:
        length = self.headers.get("content-length", "")
        if length.isascii() and length.isdigit() and int(length[:20]) > self._caps.max_bytes:
            raise self.failed("too_large", f"announces {length[:20]} bytes, more than {self._caps.max_bytes}")

    def _count(self, size: int) -> None:
        self.bytes_read += size
        self._received(size)
        if self.bytes_read > self._caps.max_bytes:
            raise self.failed("too_large", f"is larger than {self._caps.max_bytes} bytes")
        spent = self._allowance.spent - self._started
        if spent > self._caps.grace and self.bytes_read < spent * self._caps.min_rate:
            raise self.failed("slow", f"came slower than {self._caps.min_rate:g} bytes a second")

    def _check_size(self) -> None:
        caps = self._caps
        if self._decoded > caps.max_bytes:
            raise self.failed("too_large", f"is larger than {caps.max_bytes} bytes when decompressed")
        if self._decoded > caps.ratio_floor and self._decoded > caps.max_ratio * self.bytes_read:
            raise self.failed("ratio", f"is compressed more than {caps.max_ratio} to 1")


class _Plain:
    complete = True

    def feed(self, raw: bytes) -> Iterator[bytes]:
        if raw:
            yield raw


class _Gunzip:
    """Decompresses gzip, also of several members, and never hands out more than a piece at a time."""

    def __init__(self) -> None:
        self._stream = zlib.decompressobj(_GZIP)

    @property
    def complete(self) -> bool:
        return self._stream.eof

    def feed(self, raw: bytes) -> Iterator[bytes]:
        data = raw
        while data:
            if self._stream.eof:
                if not (data := data.lstrip(b"\0")):  # some writers pad to a block
                    return
                self._stream = zlib.decompressobj(_GZIP)
            piece = self._stream.decompress(data, _PIECE)
            data = self._stream.unused_data if self._stream.eof else self._stream.unconsumed_tail
            if piece:
                yield piece
