from __future__ import annotations

import tracemalloc
from typing import Any

import pytest
from graphql import parse

from discovery_graphql import schema as schemas
from discovery_graphql.remembering import MAX_CHARACTERS, MAX_DOCUMENTS, Remembered

DOCUMENT = parse("{ a }")


def test_the_longest_unasked_is_forgotten_first() -> None:
    kept = Remembered(documents=2)
    for text in ("a", "b"):
        kept.put(text, DOCUMENT)
    assert kept.get("a") is DOCUMENT
    kept.put("c", DOCUMENT)
    assert [kept.get(text) is not None for text in ("a", "b", "c")] == [True, False, True]


def test_long_documents_take_the_room_of_many_and_very_long_ones_none() -> None:
    kept = Remembered(documents=100, characters=800)
    for number in range(20):
        kept.put(f"{number:<100}", DOCUMENT)
    assert len(kept) == 8
    kept.put("x" * 101, DOCUMENT)
    assert kept.get("x" * 101) is None
    # Put again, it takes no more room than it did.
    for _ in range(20):
        kept.put(f"{19:<100}", DOCUMENT)
    assert len(kept) == 8


@pytest.mark.slow
def test_hostile_documents_do_not_fill_the_memory() -> None:
    kept = Remembered()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for number in range(90):
            text = "{" + "a " * 498 + "} #" + str(number)
            kept.put(text, parse(text))
        taken = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert len(kept) <= MAX_DOCUMENTS
    assert taken < 400 * MAX_CHARACTERS


class Counted:
    """What was parsed and validated, counted on the way."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        import strawberry.schema.schema as core

        self.done: list[str] = []
        for name in ("parse", "validate_document"):
            monkeypatch.setattr(core, name, self._counting(name, getattr(core, name)))

    def _counting(self, name: str, real: Any) -> Any:
        def counted(*args: Any, **more: Any) -> Any:
            self.done.append(name)
            return real(*args, **more)

        return counted


def test_what_was_right_is_neither_parsed_nor_validated_again(monkeypatch: pytest.MonkeyPatch) -> None:
    counted, schema = Counted(monkeypatch), schemas.build()
    query = "query ($yes: Boolean!) { __typename @include(if: $yes) }"
    for yes in (True, False, True):
        answer = schema.execute_sync(query, variable_values={"yes": yes})
        assert answer.data == ({"__typename": "Query"} if yes else {})
    assert counted.done == ["parse", "validate_document"]


@pytest.mark.parametrize("query", ["{", "{ nothing }", "{ __typename" + " @skip(if: true)" * 400 + "}"])
def test_what_was_wrong_is_wrong_each_time(query: str) -> None:
    schema = schemas.build()
    first, second = (schema.execute_sync(query) for _ in range(2))
    assert first.errors
    assert [each.formatted for each in first.errors] == [each.formatted for each in second.errors or ()]
    assert first.data is second.data is None


def test_limits_that_hang_on_variables_hold_for_what_is_remembered() -> None:
    schema = schemas.build()
    query = 'query ($n: Int!) { histogram { count } records(ids: ["a"]) { links(first: $n) { href } } }'
    for most, refused in ((1, False), (10**9, True), (1, False)):
        errors = schema.execute_sync(query, variable_values={"n": most}).errors or ()
        assert any("costs" in each.message for each in errors) is refused
