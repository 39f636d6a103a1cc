"""Connections that go only to checked addresses and end in time."""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import httpcore
import httpx

from discovery.errors import RunError, SourceRefusedError
from discovery.http.address import Resolver, checked_addresses
from discovery.http.policy import Policy

# Names behind a content network have dozens of addresses; when four do not answer the fifth will not either.
_MAX_ADDRESSES = 4
# How often a read looks up from the socket to see whether it should stop.
_GLANCE = 0.2
_KEEPALIVE = 15.0
# Sockets take no endless time limit as a number.
_LONGEST = 3600.0

_SocketOptions = Iterable[tuple[int, int, int] | tuple[int, int, bytes | bytearray] | tuple[int, int, None, int]]


class Watch(threading.local):
    """The moment at which the network work of this thread must end, and the event that ends it at once.

    httpcore's own time limits are per read, so that a server which sends a byte a second is never late. Every read of
    ours asks here instead.
    """

    deadline = float("inf")

    def __init__(self, stop: threading.Event | None) -> None:
        self.stop = stop

    def left(self) -> float:
        """Return the seconds until the deadline."""
        return self.deadline - time.monotonic()

    def check(self) -> None:
        """Raise RunError if the run has been stopped."""
        if self.stop is not None and self.stop.is_set():
            raise RunError("stopped while waiting for a source")


class PinnedTransport(httpx.BaseTransport):
    """Sends requests over connections whose address was checked in the moment of connecting.

    The name goes on into the Host header, SNI and the certificate check; only the connection itself is made to the
    address, so that a name which answers differently the second time gains nothing. Proxies of the environment are not
    used.
    """

    def __init__(self, policy: Policy, resolver: Resolver, watch: Watch) -> None:
        self._policy = policy
        self._backend = _PinnedBackend(policy, resolver, watch)
        self._lock = threading.Lock()
        self._pools: dict[str, httpcore.ConnectionPool] = {}

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request to where it says and return the answer with its body unread and still compressed."""
        url = httpcore.URL(
            scheme=request.url.raw_scheme,
            host=request.url.raw_host,
            port=request.url.port,
            target=request.url.raw_path,
        )
        assert isinstance(request.stream, httpx.SyncByteStream)
        with _httpx_errors():
            answer = self._pool(request.url.scheme).handle_request(
                httpcore.Request(
                    method=request.method,
                    url=url,
                    headers=request.headers.raw,
                    content=request.stream,
                    extensions=request.extensions,
                )
            )
        assert isinstance(answer.stream, Iterable)
        return httpx.Response(answer.status, headers=answer.headers, stream=_Stream(answer.stream))

    def close(self) -> None:
        """Close every connection."""
        with self._lock:
            for pool in self._pools.values():
                pool.close()

    def _pool(self, scheme: str) -> httpcore.ConnectionPool:
        """Return the connections of a scheme; reading certificates takes 20 ms that a plain source need not wait."""
        with self._lock:
            if scheme not in self._pools:
                self._pools[scheme] = httpcore.ConnectionPool(
                    ssl_context=_ssl_context(self._policy) if scheme == "https" else None,
                    # The gates of the client hold the number of connections down, host by host.
                    max_connections=None,
                    max_keepalive_connections=20,
                    keepalive_expiry=_KEEPALIVE,
                    network_backend=self._backend,
                )
            return self._pools[scheme]


class _Stream(httpx.SyncByteStream):
    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = chunks

    def __iter__(self) -> Iterator[bytes]:
        with _httpx_errors():
            yield from self._chunks

    def close(self) -> None:
        if hasattr(self._chunks, "close"):
            self._chunks.close()


class _PinnedBackend(httpcore.NetworkBackend):
    def __init__(self, policy: Policy, resolver: Resolver, watch: Watch) -> None:
        self._policy = policy
        self._resolver = resolver
        self._watch = watch
        self._sockets = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: _SocketOptions | None = None,
    ) -> httpcore.NetworkStream:
        limit = self._policy.connect if timeout is None else timeout
        # A second look at the port: nothing gets here by a way that forgot to check the URL.
        if port not in self._policy.ports and not self._policy.allows(host, port):
            raise SourceRefusedError(f"{host} has the port {port}, which is not allowed", detail="address")
        try:
            addresses = checked_addresses(host, port, self._policy, self._resolver, min(limit, self._watch.left()))
        except OSError as error:
            raise httpcore.ConnectError(f"cannot look up {host}: {error}") from error
        return self._connect(addresses[:_MAX_ADDRESSES], port, limit, local_address, socket_options)

    def _connect(
        self,
        addresses: list[str],
        port: int,
        limit: float,
        local_address: str | None,
        socket_options: _SocketOptions | None,
    ) -> httpcore.NetworkStream:
        failure: Exception = httpcore.ConnectTimeout("no time left to connect")
        for address in addresses:
            self._watch.check()
            if (left := min(limit, self._watch.left())) <= 0:
                break
            try:
                stream = self._sockets.connect_tcp(address, port, left, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
            else:
                return _WatchedStream(stream, self._watch)
        raise failure

    def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: _SocketOptions | None = None
    ) -> httpcore.NetworkStream:
        raise SourceRefusedError("sockets of this machine are not a source", detail="address")


class _WatchedStream(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream, watch: Watch) -> None:
        self._stream = stream
        self._watch = watch

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        end = time.monotonic() + min(self._watch.left(), float("inf") if timeout is None else timeout)
        while True:
            self._watch.check()
            left = end - time.monotonic()
            if left <= 0:
                raise httpcore.ReadTimeout("nothing came in time")
            try:
                return self._stream.read(max_bytes, min(left, _LONGEST if self._watch.stop is None else _GLANCE))
            except httpcore.ReadTimeout:
                continue

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._watch.check()
        self._stream.write(buffer, self._within(timeout))

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        stream = self._stream.start_tls(ssl_context, server_hostname, self._within(timeout))
        return _WatchedStream(stream, self._watch)

    def close(self) -> None:
        self._stream.close()

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)

    def _within(self, timeout: float | None) -> float:
        # Never 0: a socket would take that for "do not wait at all" and fail with another error.
        return max(0.001, min(self._watch.left(), _LONGEST if timeout is None else timeout))


def _ssl_context(policy: Policy) -> ssl.SSLContext:
    context = httpx.create_ssl_context(trust_env=False)
    if policy.ca_file is not None:
        context.load_verify_locations(cafile=policy.ca_file)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


_ERRORS: dict[type[Exception], type[httpx.TransportError]] = {
    httpcore.ConnectTimeout: httpx.ConnectTimeout,
    httpcore.ReadTimeout: httpx.ReadTimeout,
    httpcore.WriteTimeout: httpx.WriteTimeout,
    httpcore.PoolTimeout: httpx.PoolTimeout,
    httpcore.ConnectError: httpx.ConnectError,
    httpcore.ReadError: httpx.ReadError,
    httpcore.WriteError: httpx.WriteError,
    httpcore.LocalProtocolError: httpx.LocalProtocolError,
    httpcore.RemoteProtocolError: httpx.RemoteProtocolError,
}


@contextmanager
def _httpx_errors() -> Iterator[None]:
    """Speak httpx's errors, so that the client treats our transport and one given to it alike."""
    try:
        yield
    except tuple(_ERRORS) as error:
        raise _ERRORS[type(error)](str(error)) from error
    except (httpcore.ConnectionNotAvailable, httpcore.UnsupportedProtocol, httpcore.ProtocolError) as error:
        raise httpx.LocalProtocolError(str(error)) from error
