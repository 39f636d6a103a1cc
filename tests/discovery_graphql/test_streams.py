from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from discovery.errors import DeniedError, TooManyError
from discovery.index.tantivy import TantivyIndex
from discovery.model.person import HARVEST, READ, Person, Principal, Role
from discovery.model.source import RUNNING, Counts, Report, Source
from discovery.portal import Portal
from discovery.store.store import Store
from discovery_graphql.message import Message
from discovery_graphql.schema import build
from discovery_graphql.search import Context
from discovery_graphql.streams import Bounds, Streams

RUN = Message("subscription { harvestProgress(run: 1) { id } }", {})
OPERATOR = Principal(Role.OPERATOR, Person("x", "Olga"), frozenset({READ, HARVEST}))
pytestmark = pytest.mark.slow


@pytest.fixture
def context(tmp_path: Path) -> Iterator[Context]:
    portal = Portal(Store(f"sqlite:///{tmp_path / 'store.db'}"), TantivyIndex(tmp_path / "index"))
    portal.store.ledger.add_source(Source("ice", "stac-api", "https://ice.example/stac", "Ice"))
    portal.store.ledger.begin("ice")
    yield Context(portal, who=OPERATOR, every=0.01)
    portal.close()


def test_a_stream_is_counted_while_it_is_open_whatever_ends_it(context: Context) -> None:
    streams = Streams(build(), Bounds())

    async def seen() -> list[int]:
        counts = []
        async with aclosing(streams.answers(context, RUN)) as answers:
            await anext(answers)
            counts.append(streams.open)
        counts.append(streams.open)
        # Its time is over.
        streams.bounds = Bounds(seconds=1.0)
        assert len([each async for each in streams.answers(context, RUN)]) == 1
        counts.append(streams.open)
        streams.bounds = Bounds()
        # Whoever waits for the next answer is gone.
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(taken(), 0.05)
        return [*counts, streams.open]

    async def taken() -> list[Any]:
        async with aclosing(streams.answers(context, RUN)) as answers:
            return [each async for each in answers]

    assert asyncio.run(seen()) == [1, 0, 0, 0]


def test_whoever_may_not_learns_nothing_of_the_document(context: Context) -> None:
    streams = Streams(build(), Bounds(streams=0))
    nobody = Context(context.portal)
    with pytest.raises(DeniedError):
        streams.check(nobody)
    with pytest.raises(TooManyError, match="of yours"):
        Streams(build(), Bounds(each=0)).check(context)
    with pytest.raises(TooManyError):
        streams.check(context)

    async def told(who: Context, document: str) -> Any:
        return [each async for each in streams.answers(who, Message(document, {}))]

    for document in (RUN.document, "subscription { nothing }", "{"):
        (answer,) = asyncio.run(told(nobody, document))
        assert "data" not in answer
        assert [each["extensions"]["code"] for each in answer["errors"]] == ["denied"]
    (answer,) = asyncio.run(told(context, RUN.document))
    assert answer["errors"][0]["extensions"] == {"code": "too_many", "retryAfter": 10.0}


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (Message("{ __typename }", {}), "only subscriptions"),
        (Message(RUN.document, {}, "B"), "B"),
    ],
)
def test_what_is_no_subscription_is_told_so(context: Context, asked: Message, words: str) -> None:
    async def told() -> Any:
        return [each async for each in Streams(build(), Bounds()).answers(context, asked)]

    (answer,) = asyncio.run(told())
    assert "data" not in answer
    assert words in answer["errors"][0]["message"]
    assert answer["errors"][0]["extensions"]["code"] == "bad_query"


def test_nothing_is_told_by_a_token_that_was_taken_away(context: Context) -> None:
    people = context.portal.people
    session = people.enter(people.invite())
    assert session is not None
    local = people.who(None, session)
    token, known = people.make_token(local, "watcher", (READ, HARVEST), 1)
    shown = f"Bearer {token}"
    context = replace(context, who=people.who(shown), shown=shown)
    streams = Streams(build(), Bounds(heartbeat=0.0))

    async def told() -> list[Any]:
        out = []
        async with aclosing(streams.answers(context, RUN)) as answers:
            async for answer in answers:
                out.append(answer)
                if len(out) == 2:
                    people.revoke(local, local.id, known.id)
                context.portal.store.ledger.end(Report("ice", 1, RUNNING, Counts(seen=len(out))))
        return out

    found = asyncio.run(asyncio.wait_for(told(), 20))
    assert ["data" in each for each in found] == [True, True, False]
    assert found[-1]["errors"][0]["extensions"]["code"] == "denied"
    assert streams.open == 0
