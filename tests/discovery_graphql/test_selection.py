from __future__ import annotations

import time
from typing import Any

import pytest
import strawberry

from discovery_graphql.selection import Selected

SEEN: list[Selected] = []


@strawberry.type
class Inner:
    plain: int = 1

    @strawberry.field
    def counted(self, size: int = 3) -> int:
        return size


@strawberry.type
class Query:
    @strawberry.field
    def inner(self, info: strawberry.Info[Any, Any]) -> Inner:
        SEEN.append(Selected(info))
        return Inner()


SCHEMA = strawberry.Schema(query=Query)


def look(query: str, **variables: Any) -> Selected:
    result = SCHEMA.execute_sync(query, variable_values=variables)
    assert not result.errors
    return SEEN.pop()


def test_fields_are_seen_through_fragments() -> None:
    found = look("{ inner { ...a ... on Inner { plain } } } fragment a on Inner { counted }")
    assert "plain" in found
    assert "counted" in found
    assert "other" not in found


def test_an_alias_does_not_hide_the_field() -> None:
    assert "counted" in look("{ inner { x: counted } }")


def test_arguments_of_every_occurrence_are_read() -> None:
    found = look("query ($n: Int!) { inner { a: counted(size: 5) b: counted(size: $n) c: counted } }", n=7)
    assert found.arguments("Inner", "counted") == [{"size": 5}, {"size": 7}, {}]


def test_what_is_skipped_is_not_seen() -> None:
    found = look(
        "query ($no: Boolean!) { inner { plain counted @include(if: $no) ...a @skip(if: true) } }"
        " fragment a on Inner { counted }",
        no=False,
    )
    assert "plain" in found
    assert "counted" not in found


@pytest.mark.slow
def test_doubling_fragments_are_walked_once() -> None:
    steps = " ".join(f"fragment f{n} on Inner {{ ...f{n + 1} ...f{n + 1} }}" for n in range(60))
    began = time.process_time()
    assert "plain" in look("{ inner { ...f0 } } " + steps + " fragment f60 on Inner { plain }")
    assert time.process_time() - began < 10
