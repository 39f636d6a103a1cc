"""The one HTTP client of Discovery: safe towards hostile sources, polite towards all."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Self, TypeVar
from urllib.parse import unquote_plus, urlencode

import httpx
import orjson

from discovery.errors import ConfigError, NotFoundError, RunError, SourceRefusedError, SourceUnavailableError
from discovery.http.address import Resolver, Target, check, system_resolver
from discovery.http.answer import (
    RETRIED_DETAIL,
    RETRIED_STATUS,
    Response,
    decode_json,
    fault,
    looks_like_html,
    refusal,
    refuses_html,
)
from discovery.http.body import Allowance, Body, Caps
from discovery.http.kept import Kept
from discovery.http.pace import Gates, backoff, retry_after
from discovery.http.policy import Policy
from discovery.http.redaction import redact
from discovery.http.transport import PinnedTransport, Watch

T = TypeVar("T")
Value = str | int | float | bool
Params = Mapping[str, Value | Iterable[Value]]

_HEADER_NAME = re.compile(r"[a-z0-9!#$%&'*+.^_`|~-]+")
_HEADER_VALUE = re.compile(r"[ -~]*")
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
# All that another host may learn of what was meant for the first.
LONGEST_REST = 31 * 24 * 3600.0
"""Seconds for which a host is left alone at most because it says so; who wants more has made a mistake."""
_HARMLESS = frozenset({"accept", "accept-language", "content-type", "prefer", "if-none-match", "if-modified-since"})
# What a caller cannot set: each of them would undo a protection.
_OURS = frozenset({"host", "accept-encoding", "connection", "content-length", "transfer-encoding", "upgrade", "te"})
# As much of an error's body as is kept: a TAP or OGC service says there what is wrong.
_EXCERPT = 65_536


@dataclass(frozen=True, slots=True)
class Counters:
    """What a client has done so far."""

    requests: int = 0
    bytes: int = 0
    """Bytes of bodies as they came over the wire."""
    retries: int = 0
    waited: float = 0.0
    """Seconds of pauses: between attempts and for a place at a busy host."""

    def since(self, before: Counters) -> Counters:
        """Return what was done after an earlier reading."""
        return Counters(
            self.requests - before.requests,
            self.bytes - before.bytes,
            self.retries - before.retries,
            self.waited - before.waited,
        )


@dataclass(frozen=True, slots=True)
class _Call:
    method: str
    target: Target
    headers: dict[str, str]
    content: bytes | None
    accept: str | None
    idempotent: bool
    caps: Caps
    attempts: int


@dataclass(slots=True)
class _Trip:
    """What one call has used so far, over all its attempts."""

    requests: int = 0
    asked: float = 0.0
    """The seconds of pause that the last answer asked for."""


class Client:
    """Fetches from sources: only from public or named hosts, a few requests at a time, within the limits of the policy.

    Threads may share it; clients that are given the same `gates` ask a host together no more often than one alone. It
    follows redirects, waits and retries by itself. A `stop` event ends every wait and read with RunError; `log` is
    called with one flat mapping a request, in which URLs are without secrets.
    """

    def __init__(
        self,
        policy: Policy,
        *,
        transport: httpx.BaseTransport | None = None,
        resolver: Resolver = system_resolver,
        stop: threading.Event | None = None,
        log: Callable[[Mapping[str, object]], None] | None = None,
        gates: Gates | None = None,
        kept: Kept | None = None,
    ) -> None:
        self.policy = policy
        self.kept = kept
        """Where `document` keeps what it reads."""
        self._watch = Watch(stop)
        self._transport = transport or PinnedTransport(policy, resolver, self._watch)
        self._stop = stop
        self._log = log
        self._lock = threading.Lock()
        self._gates = gates or Gates(policy.per_host)
        self._counters = Counters()
        self._rest_until = 0
        self._left_alone: dict[str, float] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def rest_until(self) -> int | None:
        """Until when a host wants not to be asked, in UTC milliseconds, where that is longer than we wait for it."""
        return self._rest_until or None

    def close(self) -> None:
        """Close every connection."""
        self._transport.close()
        if self.kept is not None:
            self.kept.close()

    @property
    def counters(self) -> Counters:
        """What has been done so far, by all threads."""
        with self._lock:
            return self._counters

    def get(
        self,
        url: str,
        *,
        params: Params | None = None,
        headers: Mapping[str, str] | None = None,
        accept: str | None = None,
        max_bytes: int | None = None,
        total: float | None = None,
        attempts: int | None = None,
    ) -> Response:
        """Return the whole answer to a GET, after redirects and retries.

        Args:
            url: http or https; its own parameters stay as they are.
            params: Added to those of the URL; one of the same name replaces it.
            headers: `response.conditions` of the last time make this a conditional request, whose answer may be a 304.
            accept: The media types wanted; a web page is then an error unless it names html.
            max_bytes: Instead of the policy's limit.
            total: Instead of the policy's limit.
            attempts: Instead of the policy's limit.

        Raises:
            NotFoundError: The source answers 404, or 410 as GoneError.
            SourceRefusedError: The source refuses (any other 4xx), or the URL leads where we do not go.
            SourceUnavailableError: No usable answer after all attempts.
            RunError: The stop event was set.
        """
        call = self._call("GET", url, params, headers, accept, None, True, max_bytes, total, attempts)
        return self._attempt(call, _whole)

    def document(self, url: str, *, accept: str | None = None, max_bytes: int | None = None) -> bytes:
        """Return what a GET answers; where it was kept the server need only say that it is still the same. As `get`."""
        known = self.kept.find(url) if self.kept is not None else None
        headers = known.conditions if known is not None else None
        answer = self.get(url, headers=headers, accept=accept, max_bytes=max_bytes)
        if known is not None and answer.not_modified:
            return known.content
        if self.kept is not None:
            self.kept.keep(url, answer)
        return answer.content

    def post(
        self,
        url: str,
        *,
        data: Params | None = None,
        json: object = None,
        content: bytes | None = None,
        params: Params | None = None,
        headers: Mapping[str, str] | None = None,
        accept: str | None = None,
        idempotent: bool = False,
        max_bytes: int | None = None,
        total: float | None = None,
        attempts: int | None = None,
    ) -> Response:
        """Return the whole answer to a POST of a form (`data`), of JSON, or of bytes (their content-type in `headers`).

        It is retried only when `idempotent` says that sending it twice does no harm, as a search does not. After 301,
        302 and 303 the answer is fetched by GET, as a job of TAP expects. Otherwise as `get`.
        """
        body, kind = _encoded(data, json, content)
        merged = ({"content-type": kind} if kind else {}) | _lower(headers)
        call = self._call("POST", url, params, merged, accept, body, idempotent, max_bytes, total, attempts)
        return self._attempt(call, _whole)

    def delete(self, url: str, *, json: object = None, headers: Mapping[str, str] | None = None) -> Response:
        """Delete what the URL names, such as a finished job of TAP, and return the answer. Otherwise as `get`."""
        body, kind = _encoded(None, json, None)
        merged = ({"content-type": kind} if kind else {}) | _lower(headers)
        call = self._call("DELETE", url, None, merged, None, body, True, None, None, None)
        return self._attempt(call, _whole)

    def stream(
        self,
        url: str,
        *,
        method: str = "GET",
        data: Params | None = None,
        json: object = None,
        params: Params | None = None,
        headers: Mapping[str, str] | None = None,
        accept: str | None = None,
        idempotent: bool | None = None,
        max_bytes: int | None = None,
        total: float | None = None,
        attempts: int | None = None,
    ) -> Body:
        """Return the body as a file to read from while it comes; use it in a `with`.

        Retries happen only until the first byte: what was read cannot be taken back. It holds one of the host's places
        until it is closed. `total` counts the time spent waiting for the source, not the caller's work between reads.
        """
        body, kind = _encoded(data, json, None)
        merged = ({"content-type": kind} if kind else {}) | _lower(headers)
        again = method == "GET" if idempotent is None else idempotent
        call = self._call(method, url, params, merged, accept, body, again, max_bytes, total, attempts)
        return self._attempt(call, lambda opened: opened)

    def json(
        self,
        url: str,
        *,
        params: Params | None = None,
        headers: Mapping[str, str] | None = None,
        accept: str = "application/json, application/geo+json;q=0.9, */*;q=0.1",
        max_bytes: int | None = None,
    ) -> tuple[bytes, object]:
        """Return the bytes of a JSON document and its value; who needs the headers uses `get` and `decode_json`.

        Raises:
            SourceUnavailableError: The answer is not JSON; otherwise as `get`.
        """
        response = self.get(url, params=params, headers=headers, accept=accept, max_bytes=max_bytes)
        return response.content, decode_json(response)

    def _call(
        self,
        method: str,
        url: str,
        params: Params | None,
        headers: Mapping[str, str] | None,
        accept: str | None,
        content: bytes | None,
        idempotent: bool,
        max_bytes: int | None,
        total: float | None,
        attempts: int | None,
    ) -> _Call:
        policy = self.policy
        target = check(url, policy)
        if params:
            target = check(_with_params(target.url, params), policy)
        given = _lower(headers)
        for name, value in given.items():
            if name in _OURS or not _HEADER_NAME.fullmatch(name):
                raise ConfigError(f"header {name!r} cannot be set for a source")
            if not _HEADER_VALUE.fullmatch(value):  # the value may be a secret
                raise ConfigError(f"header {name!r} has a value of other than printable ASCII characters")
        fixed = {"user-agent": policy.user_agent, "accept": accept or "*/*", "accept-encoding": "gzip"}
        caps = Caps(
            max_bytes=policy.max_bytes if max_bytes is None else max_bytes,
            max_ratio=policy.max_ratio,
            ratio_floor=policy.ratio_floor,
            total=policy.total if total is None else total,
            min_rate=policy.min_rate,
            grace=policy.grace,
        )
        tries = policy.attempts if attempts is None else attempts
        return _Call(method, target, fixed | given, content, accept, idempotent, caps, tries)

    def _attempt(self, call: _Call, finish: Callable[[Body], T]) -> T:
        """Open the answer and finish it, again after a pause while that may help."""
        trip = _Trip()
        for attempt in range(1, call.attempts + 1):
            try:
                return self._finished(self._open(call, trip, attempt), call, finish)
            except SourceUnavailableError as error:
                pause = self._pause(call, trip, error, attempt)
                if pause is None:
                    raise
            self._wait(pause)
            self._count(retries=1)
        raise ConfigError(f"attempts is {call.attempts}; allowed: 1 or more")

    def _finished(self, body: Body, call: _Call, finish: Callable[[Body], T]) -> T:
        try:
            if refuses_html(call.accept) and looks_like_html(body.peek()):
                error = body.failed("unexpected_content", f"asked for {call.accept} and got a web page")
                error.content = body.peek()
                raise error
            return finish(body)
        except BaseException:
            body.close()
            raise

    def _pause(self, call: _Call, trip: _Trip, error: SourceUnavailableError, attempt: int) -> float | None:
        """Return how long to wait before the next attempt, or None when there must not be one."""
        again = error.detail in RETRIED_DETAIL or error.answer_status in RETRIED_STATUS
        if not again or not call.idempotent or attempt >= call.attempts:
            return None
        own = backoff(attempt, self.policy.backoff, self.policy.backoff_cap)
        # Asking sooner than it wishes is impolite, waiting an hour here is useless: the next run will see.
        return None if trip.asked > self.policy.backoff_cap else max(own, trip.asked)

    def _open(self, call: _Call, trip: _Trip, attempt: int) -> Body:
        """Send the request, follow redirects, and return the body of a good answer."""
        allowance = Allowance(call.caps.total, self._watch)
        trip.asked = 0.0
        method, target, headers, content = call.method, call.target, call.headers, call.content
        for _hop in range(self.policy.redirects + 1):
            body = self._send(method, target, headers, content, call.caps, allowance, trip, attempt)
            if body.status in _REDIRECTS and (location := body.headers.get("location")):
                _excerpt(body)
                onward = self._onward(target, location)
                if body.status not in (307, 308) and method != "GET":
                    method, content = "GET", None
                    headers = {name: value for name, value in headers.items() if name != "content-type"}
                if not _same_owner(target, onward):
                    headers = {
                        n: v for n, v in headers.items() if n in _HARMLESS or n in ("user-agent", "accept-encoding")
                    }
                target = onward
                continue
            if 200 <= body.status < 300 or (
                body.status == 304 and headers.keys() & {"if-none-match", "if-modified-since"}
            ):
                return body
            raise self._refusal(body, target, trip)
        raise SourceRefusedError(
            f"{redact(str(call.target.url))}: leads on more than {self.policy.redirects} times", detail="redirects"
        )

    def _onward(self, source: Target, location: str) -> Target:
        """Return where a redirect leads, checked as every other URL."""
        try:
            if "\\" in location:
                raise ValueError("a backslash, which some take for a slash")
            onward = check(source.url.join(location), self.policy)
        except (httpx.InvalidURL, ValueError) as error:
            shown = redact(location)[:200]
            raise SourceRefusedError(
                f"{redact(str(source.url))} leads to {shown!r}, not a URL", detail="address"
            ) from error
        downgrade = source.url.scheme == "https" and onward.url.scheme == "http"
        if downgrade and not (onward.allowed and onward.host == source.host):
            raise SourceRefusedError(f"{redact(str(source.url))} leads from https to http", detail="redirects")
        return onward

    def _send(
        self,
        method: str,
        target: Target,
        headers: dict[str, str],
        content: bytes | None,
        caps: Caps,
        allowance: Allowance,
        trip: _Trip,
        attempt: int,
    ) -> Body:
        """Send one request from one of the host's places, which the returned body holds until it is closed."""
        self._respect(target)
        gate = self._gates.of(target.host)
        self._count(waited=gate.enter(self.policy.slot_wait, self._watch))
        trip.requests += 1
        self._count(requests=1)
        started = time.monotonic()
        try:
            with allowance.running():
                response = self._transport.handle_request(self._request(method, target, headers, content))
        except httpx.TransportError as error:
            gate.leave()
            problem = fault(error, f"{method} {redact(str(target.url))}", allowance.over, 0)
            self._tell(method, target, attempt, started, error=problem.detail)
            raise problem from error
        except BaseException:
            gate.leave()
            raise
        self._tell(method, target, attempt, started, status=response.status_code)
        return Body(
            response,
            url=str(target.url),
            caps=caps,
            allowance=allowance,
            requests=trip.requests,
            received=lambda size: self._count(size=size),
            release=gate.leave,
        )

    def _request(self, method: str, target: Target, headers: dict[str, str], content: bytes | None) -> httpx.Request:
        policy = self.policy
        timeout = {"connect": policy.connect, "read": policy.read, "write": policy.read, "pool": policy.connect}
        return httpx.Request(method, target.url, headers=headers, content=content, extensions={"timeout": timeout})

    def _refusal(self, body: Body, target: Target, trip: _Trip) -> NotFoundError | SourceUnavailableError:
        wait = retry_after(body.headers)
        if body.status in RETRIED_STATUS and wait is not None:
            trip.asked = wait
            if wait > self.policy.backoff_cap:
                until = time.time_ns() // 1_000_000 + int(1000 * min(wait, LONGEST_REST))
                with self._lock:
                    self._rest_until = max(self._rest_until, until)
                    self._left_alone[target.host] = time.monotonic() + min(wait, LONGEST_REST)
            # Our other threads leave the host alone for as long.
            self._gates.of(target.host).rest(min(wait, self.policy.backoff_cap))
        return refusal(body.url, body.status, _excerpt(body), wait)

    def _respect(self, target: Target) -> None:
        """Raise where the host has said that it wants to be left alone for longer than we wait."""
        with self._lock:
            until = self._left_alone.get(target.host, 0.0)
        left = until - time.monotonic()
        if left > 0:
            # Whoever can do without the first answer would ask for the next, sooner than the host wishes.
            message = f"{redact(str(target.url))}: the host has said that it wants to be left alone"
            raise SourceUnavailableError(message, detail="rate_limited", retry_after=left)

    def _wait(self, seconds: float) -> None:
        started = time.monotonic()
        if self._stop is None:
            time.sleep(seconds)
        elif self._stop.wait(seconds):
            raise RunError("stopped while waiting for a source")
        self._count(waited=time.monotonic() - started)

    def _count(self, *, requests: int = 0, size: int = 0, retries: int = 0, waited: float = 0.0) -> None:
        with self._lock:
            now = self._counters
            self._counters = Counters(
                now.requests + requests, now.bytes + size, now.retries + retries, now.waited + waited
            )

    def _tell(self, method: str, target: Target, attempt: int, started: float, **more: object) -> None:
        if self._log is not None:
            seconds = round(time.monotonic() - started, 3)
            self._log(
                {"method": method, "url": redact(str(target.url)), "attempt": attempt, "seconds": seconds, **more}
            )


def _whole(body: Body) -> Response:
    with body:
        content = b"".join(body.chunks())
        return Response(body.status, body.url, body.headers, content, body.requests, body.bytes_read)


def _excerpt(body: Body) -> bytes:
    """Return the beginning of a body that matters little, and close it."""
    with body:
        try:
            parts, size = [], 0
            for chunk in body.chunks():
                parts.append(chunk)
                size += len(chunk)
                if size >= _EXCERPT:
                    break
            return b"".join(parts)[:_EXCERPT]
        except SourceUnavailableError:
            return b""


def _same_owner(one: Target, other: Target) -> bool:
    """Say whether credentials for one may go to the other: the same origin, or the same host by https now."""
    upgraded = one.origin == ("http", one.host, 80) and other.origin == ("https", one.host, 443)
    return one.origin == other.origin or upgraded


def _lower(headers: Mapping[str, str] | None) -> dict[str, str]:
    return {name.lower(): value for name, value in (headers or {}).items()}


def _encoded(data: Params | None, json: object, content: bytes | None) -> tuple[bytes | None, str]:
    if data is not None:
        return urlencode(_plain(data), doseq=True).encode(), "application/x-www-form-urlencoded"
    if json is not None:
        return orjson.dumps(json), "application/json"
    return content, ""


def _plain(params: Params) -> dict[str, str | list[str]]:
    return {
        name: _text(value) if isinstance(value, (str, int, float)) else [_text(item) for item in value]
        for name, value in params.items()
    }


def _text(value: Value) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _with_params(url: httpx.URL, params: Params) -> httpx.URL:
    """Add parameters and leave those of the URL byte by byte as they are, for a signature may cover them."""
    kept = [
        part
        for part in url.query.decode("ascii", "replace").split("&")
        if part and unquote_plus(part.partition("=")[0]) not in params
    ]
    return url.copy_with(query="&".join([*kept, urlencode(_plain(params), doseq=True)]).encode())
