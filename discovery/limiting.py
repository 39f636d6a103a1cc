"""How often somebody may ask: a bucket for each address and each token, which empties and fills again."""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from hashlib import sha256
from ipaddress import IPv6Address, ip_address
from typing import Final

from starlette.datastructures import Headers
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from discovery.errors import TooManyError

BURST: Final = 10
"""Seconds' worth of requests that may come at once: a page brings a dozen files, a client begins with many pages."""
SIGN_IN_RATE: Final = 0.2
SIGN_IN_BURST: Final = 30
"""Tries to sign in at once, by one address; then one in five seconds. A class behind one address still gets in."""
MOST: Final = 20_000
"""Buckets that are kept, a few hundred bytes each; those that were used least lately are forgotten."""
SIGN_IN: Final = "/signin"
FREE: Final = ("/static/", "/health")
"""What costs next to nothing, and what those ask who look after the portal."""


class Buckets:
    """Buckets by name, all of one size.

    Args:
        rate: How many go in a second.
        burst: How many there is room for.
        clock: Seconds that only grow.
    """

    def __init__(self, rate: float, burst: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._burst = burst
        self._clock = clock
        self._lock = threading.Lock()
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, name: str) -> float:
        """Take one out; return 0, or the seconds after which there is one where the bucket is empty."""
        moment = self._clock()
        with self._lock:
            left, before = self._left.pop(name, (self._burst, moment))
            left = min(self._burst, left + (moment - before) * self._rate)
            enough = left >= 1
            self._left[name] = (left - 1 if enough else left, moment)
            if len(self._left) > MOST:
                self._left.popitem(last=False)
        return 0.0 if enough else (1 - left) / self._rate

    def __len__(self) -> int:
        return len(self._left)


class Limits:
    """ASGI middleware: answers 429 with `Retry-After` to whoever asks more than the rate for long.

    By the address that asks, always, and by the token that is shown, too: neither many tokens nor many addresses help.
    Those on this machine are limited by nothing but when they sign in. Each process counts for itself.

    Args:
        app: What answers.
        rate: Requests a second; 0 limits nothing but sign-in.
        clock: Seconds that only grow.
    """

    def __init__(self, app: ASGIApp, rate: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.app = app
        self._all = Buckets(rate, rate * BURST, clock) if rate > 0 else None
        self._entering = Buckets(SIGN_IN_RATE, SIGN_IN_BURST, clock)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] not in ("http", "websocket") or not (wait := self._wait(scope)):
            await self.app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1013, "reason": "too many requests"})
        else:
            await _refused(scope, wait)(scope, receive, send)

    def _wait(self, scope: Scope) -> float:
        path, address = scope["path"], (scope.get("client") or ("", 0))[0]
        if path.startswith(SIGN_IN) and (scope.get("method") == "POST" or path != SIGN_IN):
            return self._entering.take(_group(address))
        if self._all is None or path.startswith(FREE) or _is_here(address):
            return 0.0
        shown = Headers(scope=scope).get("Authorization", "")
        wait = self._all.take(_group(address))
        if shown and not wait:
            wait = self._all.take(sha256(shown.encode("utf-8", "replace")).hexdigest())
        return wait


def _refused(scope: Scope, wait: float) -> Response:
    error = TooManyError("too many requests: wait a moment", retry_after=math.ceil(wait))
    headers = {**error.headers, "Cache-Control": "no-store"}
    if "text/html" in Headers(scope=scope).get("Accept", ""):
        return PlainTextResponse("Too many requests: wait a moment, then load the page again.", 429, headers)
    return JSONResponse({"error": {"kind": error.kind, "message": str(error)}}, 429, headers)


def _group(address: str) -> str:
    """Return the name of an address's bucket; whoever has one IPv6 address has 2^64 of them."""
    try:
        found = ip_address(address)
    except ValueError:
        return address
    if isinstance(found, IPv6Address):
        return str(found.ipv4_mapped or IPv6Address(int(found) >> 64 << 64))
    return address


def _is_here(address: str) -> bool:
    """Say whether whoever asks is on this machine; who has no address came by a socket in its files."""
    try:
        found = ip_address(address)
    except ValueError:
        return True
    return found.is_loopback
