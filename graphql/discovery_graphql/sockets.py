"""Subscriptions over a websocket, by the protocol `graphql-transport-ws`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import aclosing, suppress
from typing import Any, Final

import orjson
from starlette.websockets import WebSocket, WebSocketDisconnect

from discovery.errors import DiscoveryError, LimitError
from discovery_graphql import failures, message
from discovery_graphql.operations import Operations
from discovery_graphql.search import Context
from discovery_graphql.streams import LISTENERS, Streams

PROTOCOL: Final = "graphql-transport-ws"
MAX_SOCKETS: Final = 64
"""Websockets that a process holds open; each holds some tens of KiB."""
MAX_OPERATIONS: Final = 8
"""Subscriptions that one websocket carries at a time."""
_MAX_ID: Final = 200
_INIT: Final = 5.0
"""Seconds in which `connection_init` has to come: whoever has not said who it is holds a place."""
_MAX_REASON: Final = 120
"""Bytes of a reason for closing; the protocol has room for 123."""

# Codes of the protocol, then of websockets themselves. Clients of the protocol come again after the last two.
BAD: Final = 4400
UNAUTHORIZED: Final = 4401
FORBIDDEN: Final = 4403
UNKNOWN_PROTOCOL: Final = 4406
LATE: Final = 4408
TAKEN: Final = 4409
TWICE: Final = 4429
SLOW: Final = 1008
OVER: Final = 1001

Admit = Callable[[str], Awaitable[Context]]
"""Gives what resolvers are given for whoever shows a header `Authorization`."""


class _EndError(Exception):
    """The websocket is to be closed."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code


class Socket:
    """One websocket with what it follows; made where it is served.

    Args:
        websocket: The connection, not accepted yet.
        open: Who answers subscriptions.
        operations: What may be asked for by its id.
        admit: Says what a header opens.
    """

    def __init__(self, websocket: WebSocket, open: Streams, operations: Operations, admit: Admit) -> None:
        self._websocket = websocket
        self._streams = open
        self._bounds = open.bounds
        self._operations = operations
        self._admit = admit
        self._context: Context | None = None
        self._tasks: dict[str, asyncio.Task[None]] = {}
        """What is followed, by the ids that are taken."""
        self._running: set[asyncio.Task[None]] = set()
        """The same, with what has given its id back and still says its last word."""
        self._heard = 0.0
        self._failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def serve(self) -> None:
        """Answer until either side ends it; whatever was followed is let go of then."""
        offered = PROTOCOL in self._websocket.scope.get("subprotocols", ())
        await self._websocket.accept(subprotocol=PROTOCOL if offered else None)
        try:
            if not offered:
                raise _EndError(UNKNOWN_PROTOCOL, f"ask for the subprotocol {PROTOCOL}")
            await self._talk()
        except _EndError as end:
            # Whoever does not read does not read this either.
            with suppress(TimeoutError, WebSocketDisconnect, RuntimeError):
                async with asyncio.timeout(self._bounds.wait):
                    await self._websocket.close(end.code, str(end).encode()[:_MAX_REASON].decode("utf-8", "ignore"))
        except WebSocketDisconnect:
            pass

    async def _talk(self) -> None:
        """Read and write at once; the first of them that ends, ends all.

        Raises:
            _EndError, WebSocketDisconnect: How it ended.
        """
        talking = [asyncio.create_task(each) for each in (self._read(), self._beat())]
        try:
            done, _ = await asyncio.wait([*talking, self._failed], return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._failed.cancel()
            every = [*talking, *self._running]
            for task in every:
                task.cancel()
            await asyncio.wait(every)
        for each in done:
            each.result()

    async def _beat(self) -> None:
        """Ping; a peer that answers nothing has gone, and one that has been here very long comes again."""
        time = asyncio.get_running_loop().time
        self._heard = began = time()
        while time() - began < self._bounds.seconds:
            await asyncio.sleep(self._bounds.heartbeat)
            if time() - self._heard > 2 * self._bounds.heartbeat + self._bounds.wait:
                raise _EndError(SLOW, "nothing has come for too long")
            await self._send({"type": "ping"})
        raise _EndError(OVER, "connections end after a while; connect again")

    async def _read(self) -> None:
        try:
            async with asyncio.timeout(min(_INIT, self._bounds.seconds)):
                await self._begin()
        except TimeoutError:
            raise _EndError(LATE, "connection_init did not come in time") from None
        while True:
            await self._heed(await self._receive())

    async def _begin(self) -> None:
        """Wait until whoever connects has said who it is."""
        while self._context is None:
            given = await self._receive()
            kind = given.get("type")
            if kind == "connection_init":
                self._context = await self._admit(_authorization(given.get("payload")))
                if not self._context.who.may(LISTENERS):
                    raise _EndError(FORBIDDEN, "show a token: {Authorization: 'Bearer TOKEN'} as payload")
            elif kind == "ping":
                await self._send({"type": "pong"})
            elif kind in ("subscribe", "complete"):
                raise _EndError(UNAUTHORIZED, "send connection_init first")
            elif kind != "pong":
                raise _unknown(kind)
        await self._send({"type": "connection_ack"})

    async def _heed(self, given: Mapping[str, Any]) -> None:
        kind, id = given.get("type"), given.get("id")
        if kind == "ping":
            await self._send({"type": "pong"})
        elif kind == "connection_init":
            raise _EndError(TWICE, "connection_init came twice")
        elif kind in ("subscribe", "complete"):
            if not isinstance(id, str) or not 0 < len(id) <= _MAX_ID:
                raise _EndError(BAD, f"an id is 1 to {_MAX_ID} characters")
            if kind == "complete":
                # Whoever ends what has just ended is not wrong.
                if id in self._tasks:
                    self._tasks.pop(id).cancel()
            elif id in self._tasks:
                raise _EndError(TAKEN, f"subscriber for {id} already exists")
            else:
                await self._subscribe(id, given.get("payload"))
        elif kind != "pong":
            raise _unknown(kind)

    async def _subscribe(self, id: str, payload: Any) -> None:
        if len(self._tasks) >= MAX_OPERATIONS:
            text = f"{len(self._tasks)} subscriptions on this connection; {MAX_OPERATIONS} are allowed"
            await self._refuse(id, LimitError("graphql-subscriptions", text))
            return
        task = asyncio.create_task(self._follow(id, payload))
        self._tasks[id] = task
        self._running.add(task)
        task.add_done_callback(lambda done: self._done(id, done))

    def _done(self, id: str, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._free(id, task)
        if not task.cancelled() and (error := task.exception()) is not None and not self._failed.done():
            # What cannot be told to one of them is the end of the connection.
            self._failed.set_exception(error)

    async def _follow(self, id: str, payload: Any) -> None:
        assert self._context is not None
        try:
            asked = message.from_body(orjson.dumps(payload), self._operations)
        except DiscoveryError as error:
            self._free(id, asyncio.current_task())
            await self._refuse(id, error)
            return
        last: dict[str, Any] = {"id": id, "type": "complete"}
        async with aclosing(self._streams.answers(self._context, asked)) as answers:
            async for answer in answers:
                if "data" not in answer:
                    last = {"id": id, "type": "error", "payload": answer["errors"]}
                    break
                await self._send({"id": id, "type": "next", "payload": answer})
        self._free(id, asyncio.current_task())
        await self._send(last)

    def _free(self, id: str, task: asyncio.Task[None] | None) -> None:
        """Give an id back before the last message of it is sent: whoever reads that may take it again at once."""
        if self._tasks.get(id) is task:
            del self._tasks[id]

    async def _refuse(self, id: str, error: DiscoveryError) -> None:
        await self._send({"id": id, "type": "error", "payload": failures.refused(error)["errors"]})

    async def _receive(self) -> Mapping[str, Any]:
        event = await self._websocket.receive()
        if event["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(event.get("code", 1006))
        self._heard = asyncio.get_running_loop().time()
        text = event.get("text")
        if text is None:
            raise _EndError(BAD, "messages are text")
        if len(text) > message.MAX_BYTES:
            raise _EndError(BAD, f"a message has at most {message.MAX_BYTES} characters")
        try:
            given = orjson.loads(text)
        except orjson.JSONDecodeError as error:
            raise _EndError(BAD, f"the message is no JSON: {error}") from None
        if not isinstance(given, dict):
            raise _EndError(BAD, "a message is an object")
        return given

    async def _send(self, given: Mapping[str, Any]) -> None:
        try:
            async with asyncio.timeout(self._bounds.wait):
                await self._websocket.send_text(orjson.dumps(given).decode())
        except TimeoutError:
            raise _EndError(SLOW, "answers are not read fast enough") from None


def _unknown(kind: Any) -> _EndError:
    return _EndError(BAD, f"{str(kind)[:40]!r} is no message of {PROTOCOL}")


def _authorization(payload: Any) -> str:
    """Return what the first message shows; the header's name is written in any case, as in HTTP."""
    if not isinstance(payload, dict):
        return ""
    return next(
        (value for name, value in payload.items() if name.lower() == "authorization" and isinstance(value, str)), ""
    )
