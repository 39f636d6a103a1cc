"""Subscriptions over HTTP: server-sent events, as GraphQL over SSE has them for one connection a subscription."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any, Final

import orjson
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from discovery.negotiation import ranges
from discovery_graphql.streams import Bounds

EVENTS: Final = "text/event-stream"
_HEADERS: Final = {
    "cache-control": "no-store",
    # nginx would keep the events back until its buffer is full.
    "x-accel-buffering": "no",
    "x-content-type-options": "nosniff",
    "vary": "accept",
}
Answers = AsyncGenerator[dict[str, Any], None]


def wanted(accept: str) -> bool:
    """Say whether a request takes server-sent events; only who names them can read them."""
    return any(each.name == EVENTS and each.weight > 0 for each in ranges(accept, unread=1.0))


class EventStream(Response):
    """Sends answers as they come, and lets go of all when they end or whoever listens has gone or is too slow.

    Args:
        answers: What to send; closed whatever happens.
        bounds: How long an answer may take to be taken, and how long a silence may be.
    """

    media_type = EVENTS

    def __init__(self, answers: Answers, bounds: Bounds) -> None:
        super().__init__(headers=_HEADERS)
        del self.headers["content-length"]
        self._answers = answers
        self._bounds = bounds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        del scope
        async with aclosing(self._answers):
            told = asyncio.create_task(self._tell(send))
            gone = asyncio.create_task(_gone(receive))
            try:
                await asyncio.wait({told, gone}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in (told, gone):
                    task.cancel()
                await asyncio.wait({told, gone})
        if not told.cancelled() and (error := told.exception()) is not None and not isinstance(error, TimeoutError):
            raise error

    async def _tell(self, send: Send) -> None:
        await self._send(send, {"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        # Proxies and browsers believe in a connection when its first bytes have come.
        await self._say(send, b":\n\n")
        following = asyncio.ensure_future(anext(self._answers, None))
        try:
            while True:
                await asyncio.wait({following}, timeout=self._bounds.heartbeat)
                if not following.done():
                    await self._say(send, b":\n\n")
                    continue
                answer = following.result()
                if answer is None:
                    break
                await self._say(send, b"event: next\ndata: " + orjson.dumps(answer) + b"\n\n")
                following = asyncio.ensure_future(anext(self._answers, None))
        finally:
            following.cancel()
            await asyncio.wait({following})
        # Browsers pass over an event without data.
        await self._say(send, b"event: complete\ndata:\n\n")
        await self._send(send, {"type": "http.response.body", "body": b"", "more_body": False})

    async def _say(self, send: Send, text: bytes) -> None:
        await self._send(send, {"type": "http.response.body", "body": text, "more_body": True})

    async def _send(self, send: Send, event: dict[str, Any]) -> None:
        async with asyncio.timeout(self._bounds.wait):
            await send(event)


async def _gone(receive: Receive) -> None:
    """Return when whoever asked has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass
