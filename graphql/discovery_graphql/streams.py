"""Subscriptions, whatever carries them: how many there may be, how long they last, and what their answers look like."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Final

import strawberry
from starlette.concurrency import run_in_threadpool
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.schema.schema import SubscriptionResult
from strawberry.types.execution import ExecutionResult

from discovery.errors import BadQueryError, DeniedError, DiscoveryError, TooManyError
from discovery.model.person import Role
from discovery_graphql import failures
from discovery_graphql.message import Message
from discovery_graphql.rights import admitted
from discovery_graphql.search import Context

MAX_STREAMS: Final = 64
"""Subscriptions that a process answers at a time; each costs a look at the store every second."""
MAX_EACH: Final = 16
"""Subscriptions of one person, so that nobody takes the places of all."""
MAX_SECONDS: Final = 3_600.0
"""Seconds after which a subscription is completed; whoever still wants to know asks again."""
MAX_WAIT: Final = 10.0
"""Seconds in which an answer has to be taken; who reads more slowly is dropped."""
HEARTBEAT: Final = 15.0
"""Seconds between two signs of life; proxies close what is silent for a minute."""
LISTENERS: Final = Role.USER
"""Who may follow anything at all; what they may follow, each subscription says."""
_AGAIN: Final = 10.0


@dataclass(frozen=True, slots=True)
class Bounds:
    """What subscriptions may take; tests have narrower ones."""

    streams: int = MAX_STREAMS
    each: int = MAX_EACH
    seconds: float = MAX_SECONDS
    wait: float = MAX_WAIT
    heartbeat: float = HEARTBEAT
    every: float = 1.0
    """Seconds between two looks at what is followed."""


BOUNDS: Final = Bounds()


class Streams:
    """The subscriptions that a process answers."""

    def __init__(self, schema: strawberry.Schema, bounds: Bounds) -> None:
        self.bounds = bounds
        self._schema = schema
        self._open = Counter[str]()

    @property
    def open(self) -> int:
        """How many there are."""
        return self._open.total()

    def check(self, context: Context) -> None:
        """Return if somebody may follow something now.

        Raises:
            DeniedError: They may follow nothing, and are not told whether a document is right.
            TooManyError: There are as many subscriptions as there may be.
        """
        who = admitted(context.who, LISTENERS)
        if self.open >= self.bounds.streams:
            raise TooManyError(f"{self.open} subscriptions are open already", retry_after=_AGAIN)
        if self._open[who.id] >= self.bounds.each:
            raise TooManyError(f"{self._open[who.id]} subscriptions of yours are open already", retry_after=_AGAIN)

    async def answers(self, context: Context, asked: Message) -> AsyncGenerator[dict[str, Any], None]:
        """Yield the answers to a subscription, each as the value of its JSON, until it ends or its time is over.

        An answer without `data` is the only one: nothing was ever followed.
        """
        try:
            self.check(context)
        except DiscoveryError as error:
            yield failures.refused(error)
            return
        whose = context.who.id
        self._open[whose] += 1
        try:
            source = await self._schema.subscribe(
                asked.document,
                variable_values=dict(asked.variables),
                context_value=context,
                operation_name=asked.operation_name,
            )
            time = asyncio.get_running_loop().time
            known = time()
            until = known + self.bounds.seconds
            async with aclosing(source):
                # The time is measured around each step: whoever takes the answers does so in a task of its own.
                while (result := await _next(source, until)) is not None:
                    if time() - known > self.bounds.heartbeat:
                        # Nothing is told by a token that was taken away.
                        if await run_in_threadpool(context.portal.people.who, context.shown) != context.who:
                            yield failures.refused(DeniedError("what was shown is not what it was: connect again"))
                            return
                        known = time()
                    yield _shown(result)
        finally:
            self._open[whose] -= 1
            if not self._open[whose]:
                del self._open[whose]


async def _next(source: SubscriptionResult, until: float) -> ExecutionResult | None:
    """Return the next result; None at the end, or when the time is over."""
    try:
        async with asyncio.timeout_at(until):
            return await anext(source, None)
    except TimeoutError:
        return None


def _shown(result: ExecutionResult) -> dict[str, Any]:
    for position, each in enumerate(result.errors or ()):
        if isinstance(each.original_error, InvalidOperationTypeError):
            error = BadQueryError("only subscriptions are answered here; send this by POST", parameter="query")
        elif isinstance(each.original_error, CannotGetOperationTypeError):
            error = BadQueryError(each.original_error.as_http_error_reason(), parameter="operationName")
        else:
            continue
        assert result.errors is not None
        result.errors[position] = failures.as_graphql(error)
    return failures.answer(result)
