from __future__ import annotations

import asyncio
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from types import SimpleNamespace
from typing import Any

import pytest
import strawberry
from graphql import GraphQLInterfaceType, GraphQLObjectType, is_composite_type, is_leaf_type
from graphql import get_named_type as named
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from discovery.portal import Portal
from discovery_graphql.executor import PlainExecutor
from discovery_graphql.schema import build
from discovery_graphql.search import Context

CORE = build()
CORE.execution_context_class = StrawberryGraphQLCoreExecutionContext


def leaves(kind: GraphQLObjectType | GraphQLInterfaceType, deep: int = 1) -> Iterator[str]:
    """Yield every field of a type that needs no argument, and what lies beneath it."""
    for name, field in kind.fields.items():
        inner = named(field.type)
        if any(arg.default_value is None for arg in field.args.values() if str(arg.type).endswith("!")):
            continue
        if is_leaf_type(inner):
            yield name
        elif deep and is_composite_type(inner) and isinstance(inner, GraphQLObjectType):
            found = " ".join(leaves(inner, deep - 1))
            # What is inside data costs too much for a page of them.
            if found and name not in {"arrays", "observations", "dataset", "volumes", "datalabs"}:
                yield f"{name} {{ __typename {found} }}"


@pytest.mark.parametrize("scope", ["RESOURCES", "OBSERVATIONS"])
def test_answers_are_those_of_graphql_core_for_every_field(portal: Portal, scope: str) -> None:
    record = CORE._schema.type_map["Record"]
    assert isinstance(record, GraphQLInterfaceType)
    fields = " ".join(leaves(record))
    # Its own fields first and last, so that an order that is not the selection's would show.
    query = (
        f"{{ search(scope: {scope}, first: 20) {{ nodes {{ label: title __typename {fields} "
        "... on Dataset { observationCount } last: id } totalCount { value exact } pageInfo { hasNextPage } } }"
    )
    plain, core = (each.execute_sync(query, context_value=Context(portal)) for each in (build(), CORE))
    assert core.errors is None
    assert plain.errors is None
    assert plain.data == core.data
    assert repr(plain.data) == repr(core.data)


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


@strawberry.enum
class Shade(Enum):
    DARK = "dark"
    LIGHT = "light"


@strawberry.type
class Thing:
    text: str = "x"
    maybe: str | None = "y"
    number: int = 1
    real: float = 0.5
    truth: bool = True
    shade: Shade | None = Shade.DARK
    id: strawberry.ID = strawberry.ID("1")
    texts: list[str] = strawberry.field(default_factory=lambda: ["a"])
    gaps: list[str | None] | None = None

    @strawberry.field
    def sure(self) -> str:
        return f"{self.text}!"

    @strawberry.field
    async def slow(self) -> str:
        return "slow"


@strawberry.type
class Query:
    thing: Thing | None


@dataclass
class Root:
    thing: Any


PLAIN = strawberry.Schema(Query, execution_context_class=PlainExecutor)
PROPER = strawberry.Schema(Query)


def both(thing: Any, query: str) -> tuple[Any, Any]:
    out = []
    for schema in (PLAIN, PROPER):
        result = schema.execute_sync(query, root_value=Root(thing))
        out.append((repr(result.data), [each.formatted for each in result.errors or ()]))
    return out[0], out[1]


ALL = "{ thing { text maybe number real truth shade id texts gaps sure __typename } }"


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"maybe": None, "shade": None},
        {"text": None},
        {"text": 3},
        {"text": ["a"]},
        {"maybe": b"x"},
        {"maybe": ValueError("wrong")},
        {"number": 2**31},
        {"number": True},
        {"number": "12"},
        {"number": 1.5},
        {"real": math.nan},
        {"real": 3},
        {"real": "x"},
        {"truth": 1},
        {"shade": Colour.RED},
        {"shade": "dark"},
        {"id": 5},
        {"texts": None},
        {"texts": []},
        {"texts": ("a", "b")},
        {"texts": ["a", None]},
        {"texts": ["a", 4]},
        {"texts": "abc"},
        {"gaps": ["a", None]},
        {"gaps": [object()]},
    ],
    ids=lambda each: re.sub(r" object at 0x\w+", "", str(each)),
)
def test_what_is_not_as_its_type_says_is_told_as_graphql_core_tells_it(changed: dict[str, Any]) -> None:
    thing = Thing()
    for name, value in changed.items():
        setattr(thing, name, value)
    plain, proper = both(thing, ALL)
    assert plain == proper


def test_an_attribute_that_is_not_there_is_told_as_graphql_core_tells_it() -> None:
    plain, proper = both(SimpleNamespace(text="x", sure="x"), "{ thing { text number } }")
    assert plain == proper
    assert plain[1]


@pytest.mark.parametrize(
    "query",
    [
        "{ thing { a: text b: text text sure c: sure } }",
        "{ thing { ...f sure text } } fragment f on Thing { truth id }",
        "{ thing { text @skip(if: true) id @include(if: false) number } }",
    ],
)
def test_names_order_and_directives_are_kept(query: str) -> None:
    plain, proper = both(Thing(), query)
    assert plain == proper


def test_what_has_to_be_waited_for_is_waited_for() -> None:
    result = asyncio.run(PLAIN.execute("{ thing { text slow number } }", root_value=Root(Thing())))
    assert repr(result.data) == repr({"thing": {"text": "x", "slow": "slow", "number": 1}})
