"""The access log: an id and a line for each request."""

from __future__ import annotations

import logging
import re
import secrets
import time
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from discovery.log import request

HEADER: Final = "X-Request-ID"
_KNOWN_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
_log = logging.getLogger(__name__)


class RequestLog:
    """ASGI middleware: gives each request an id, returns it as `X-Request-ID`, and logs a line when it is answered.

    An id that a proxy in front has given is kept when it is 1 to 64 letters, digits, `.`, `_` or `-`. Neither queries
    nor addresses of people are logged: what somebody looks for is theirs.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request; everything that is no HTTP request passes as it is."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        given = Headers(scope=scope).get(HEADER, "")
        id = given if _KNOWN_ID.fullmatch(given) else secrets.token_hex(8)
        token = request.set(id)
        began, status, size = time.perf_counter(), 500, 0

        async def answer(message: Message) -> None:
            nonlocal status, size
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[HEADER] = id
            elif message["type"] == "http.response.body":
                size += len(message.get("body", b""))
            await send(message)

        try:
            await self.app(scope, receive, answer)
        finally:
            if _log.isEnabledFor(logging.INFO):
                facts = {"method": scope["method"], "path": scope["path"][:500], "status": status, "bytes": size}
                facts["ms"] = round((time.perf_counter() - began) * 1000, 1)
                _log.info("%(method)s %(path)r %(status)s %(bytes)s bytes %(ms)s ms", facts, extra={"facts": facts})
            request.reset(token)
