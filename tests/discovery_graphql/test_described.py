from __future__ import annotations

import strawberry

from discovery_graphql.described import attribute, optional, resolver


@strawberry.input
class Asked:
    name: str | None = optional("A name.", name="called")


@strawberry.type
class Query:
    plain: int = attribute("A number.")

    @resolver("An echo.")
    def echo(self, asked: Asked) -> str:
        return "left out" if asked.name is strawberry.UNSET else str(asked.name)


SCHEMA = strawberry.Schema(query=Query)


def test_descriptions_and_names_reach_the_schema() -> None:
    text = SCHEMA.as_str()
    for expected in ('"""A name."""\n  called: String', '"""A number."""\n  plain: Int!', '"""An echo."""\n  echo('):
        assert expected in text


def test_left_out_and_null_stay_apart() -> None:
    result = SCHEMA.execute_sync("{ a: echo(asked: {}) b: echo(asked: { called: null }) }", root_value=Query(plain=1))
    assert result.data == {"a": "left out", "b": "None"}
