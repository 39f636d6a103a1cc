"""How answers travel: compressed where that pays, not twice to who has them, and readable by pages of other hosts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from http import HTTPStatus
from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from discovery import conditions
from discovery.errors import ConfigError
from ui.gate import COOKIE

LEAST: Final = 1_000
"""Bytes below which compressing costs more than it saves."""
LEVEL: Final = 4
"""Of zlib: beyond it a page of items takes twice the time for a twentieth less."""
STATIC: Final = "/static/"
_PACKED: Final = ("image/png", "image/jpeg", "image/webp", "font/woff2", "application/vnd.apache.parquet")
"""What is compressed already; SVG is not."""
_AS_IT_IS: Final = "identity"
_ENDING: Final = "-gzip"
_REFUSED: Final = re.compile(rb"(?:^|,)\s*gzip\s*;\s*q=0(?:\.0*)?\s*(?:,|$)")
"""A weight of nothing, which starlette overlooks."""
READ: Final = (
    "/stac",
    "/ogc",
    "/graphql",
    "/catalogue",
    "/records",
    "/search",
    "/suggest",
    "/changes.atom",
    "/sitemap",
    "/open",
    "/api",
    "/embeddings",
    "/locations",
    "/datalabs",
    "/volumes",
    "/pipelines",
)
"""The beginnings of the paths that programs of others read."""


class Compression:
    """ASGI middleware: compresses long answers for whoever accepts gzip, but not the pages of somebody signed in.

    Those hold what only they may know, such as the key of their forms. Beside text that others chose, as in a link to a
    search, the length of the two compressed together would tell it.

    A strong entity tag stands for bytes, so that of a compressed answer has an ending of its own; what answers knows
    nothing of it and is asked about the tag that it gave.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._compressed = GZipMiddleware(_packed_stays(app), minimum_size=LEAST, compresslevel=LEVEL)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http" or (not scope["path"].startswith(STATIC) and _is_signed_in(scope)):
            await self.app(scope, receive, send)
            return
        known = b", ".join(value for name, value in scope["headers"] if name == b"if-none-match")
        asked = {**scope, "headers": [each for each in map(_told, scope["headers"]) if each is not None]}

        async def tagged(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                if headers.get("Content-Encoding") == _AS_IT_IS:
                    del headers["Content-Encoding"]
                tag = headers.get("ETag", "")
                ending = f'{tag[:-1]}{_ENDING}"'
                unchanged = message["status"] == HTTPStatus.NOT_MODIFIED
                if unchanged:
                    headers.add_vary_header("Accept-Encoding")
                seen = ending.encode("latin-1") in known if unchanged else headers.get("Content-Encoding") == "gzip"
                if tag.startswith('"') and seen:
                    headers["ETag"] = ending
            await send(message)

        await self._compressed(asked, receive, tagged)


def _packed_stays(app: ASGIApp) -> ASGIApp:
    """Let what is compressed already have a coding, which starlette then leaves alone."""

    async def answered(scope: Scope, receive: Receive, send: Send) -> None:
        async def coded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                if headers.get("Content-Type", "").startswith(_PACKED):
                    headers.setdefault("Content-Encoding", _AS_IT_IS)
            await send(message)

        await app(scope, receive, coded)

    return answered


def _told(header: tuple[bytes, bytes]) -> tuple[bytes, bytes] | None:
    """Return a header as what answers is told it: tags without our ending, and nothing of a coding that is refused."""
    name, value = header
    if name in (b"if-none-match", b"if-match"):
        return name, value.replace(f'{_ENDING}"'.encode("ascii"), b'"')
    if name == b"accept-encoding" and _REFUSED.search(value.lower()):
        return None
    return header


class Tags:
    """ASGI middleware: what anybody may read has a tag, and is not sent again to a reader who has it (304).

    An answer that says itself how long it may be kept, or that is made while it is sent, goes as it is. So does what
    somebody signed in is shown.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] == "http" and scope["method"] in ("GET", "HEAD") and scope["path"].startswith(READ):
            private = _is_signed_in(scope) or any(name == b"authorization" for name, _ in scope["headers"])
            if not private:
                await self.app(scope, receive, _Tagged(Request(scope), send).send)
                return
        await self.app(scope, receive, send)


class _Tagged:
    """One answer: its head waits until it is known whether its body is there in one piece."""

    def __init__(self, request: Request, send: Send) -> None:
        self._request = request
        self._send = send
        self._start: Message | None = None

    async def send(self, message: Message) -> None:
        """Pass on a message of the answer."""
        if message["type"] == "http.response.start":
            self._start = message
            return
        if self._start is not None:
            start, self._start = self._start, None
            whole = message["type"] == "http.response.body" and not message.get("more_body", False)
            if whole and start["status"] == HTTPStatus.OK and self._is_known(start, message.get("body", b"")):
                message = {**message, "body": b""}
            await self._send(start)
        await self._send(message)

    def _is_known(self, start: Message, body: bytes) -> bool:
        """Put the tag of the body into the head, and say whether the reader has it."""
        headers = MutableHeaders(scope=start)
        if "ETag" in headers or "Cache-Control" in headers:
            return False
        headers["ETag"] = conditions.tag_of(body)
        headers["Cache-Control"] = "no-cache"
        if not conditions.has(self._request, headers["ETag"]):
            return False
        start["status"] = int(HTTPStatus.NOT_MODIFIED)
        for name in ("Content-Length", "Content-Type"):
            del headers[name]
        return True


class Sharing:
    """ASGI middleware: lets scripts of pages of other hosts read the APIs, never with anybody's cookies (CORS).

    Args:
        app: What answers.
        origins: Who may, as `https://HOST`; `*` is everybody.

    Raises:
        ConfigError: An origin is no `http(s)://HOST[:PORT]`.
    """

    def __init__(self, app: ASGIApp, origins: Sequence[str]) -> None:
        for each in origins:
            host = each.removeprefix("https://").removeprefix("http://")
            if each != "*" and (host == each or not host or "/" in host or "*" in host):
                raise ConfigError(f"cors names {each[:80]!r}, which is neither * nor an address like https://HOST:PORT")
        self.app = app
        self._shared = CORSMiddleware(
            app,
            allow_origins=list(origins),
            allow_methods=["GET", "HEAD", "POST"],
            allow_headers=["Accept", "Authorization", "Content-Type", "If-None-Match"],
            expose_headers=[
                *("ETag", "Link", "Location", "OGC-NumberMatched", "OGC-NumberReturned", "Retry-After", "X-Request-ID")
            ],
            max_age=86_400,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        read = scope["type"] == "http" and scope["path"].startswith(READ)
        await (self._shared if read else self.app)(scope, receive, send)


def _is_signed_in(scope: Scope) -> bool:
    """Say whether a browser shows what may be a session; whether it is one is for others to find out."""
    return any(name == b"cookie" and COOKIE.encode("ascii") in value for name, value in scope["headers"])


def origins(text: str) -> tuple[str, ...]:
    """Return the origins of the setting `cors`, which are separated by commas."""
    return tuple(each.strip() for each in text.split(",") if each.strip())
