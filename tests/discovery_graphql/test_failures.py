from __future__ import annotations

import logging

import pytest
from graphql import GraphQLError, GraphQLSyntaxError, Source

from discovery.errors import (
    BadQueryError,
    ConfigError,
    DeniedError,
    GoneError,
    LimitError,
    NotFoundError,
    TooManyError,
    UnavailableError,
    UnknownFieldError,
)
from discovery_graphql.failures import formatted


def shown(cause: Exception) -> dict[str, object]:
    return formatted(GraphQLError("outer", original_error=cause, path=["search"]))


@pytest.mark.parametrize(
    ("cause", "extensions"),
    [
        (BadQueryError("no", parameter="sort"), {"code": "bad_query", "parameter": "sort"}),
        (UnknownFieldError("mision", ["mission"]), {"code": "unknown_field", "near": ["mission"]}),
        (LimitError("row", "too much"), {"code": "limit", "limit": "row"}),
        (NotFoundError("none"), {"code": "not_found"}),
        (GoneError("gone"), {"code": "gone"}),
        (DeniedError("no"), {"code": "denied"}),
        (TooManyError("slow", retry_after=3), {"code": "too_many", "retryAfter": 3}),
    ],
)
def test_a_mistake_of_the_caller_is_told_with_its_kind(cause: Exception, extensions: dict[str, object]) -> None:
    assert shown(cause) == {"message": str(cause), "extensions": extensions, "path": ["search"]}


def test_an_engine_that_is_away_is_told_without_its_name() -> None:
    found = shown(UnavailableError("postgres at 10.0.0.1 refused", retry_after=2))
    assert found["extensions"] == {"code": "unavailable", "retryAfter": 2}
    assert "postgres" not in str(found)


@pytest.mark.parametrize("cause", [ConfigError("/etc/secret"), KeyError("secret"), ValueError("secret")])
def test_our_own_failures_are_masked_and_logged(cause: Exception, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        found = shown(cause)
    assert found["message"] == "Unexpected error."
    assert "secret" not in str(found)
    assert "secret" in caplog.text


def test_too_deep_is_a_limit_however_it_was_noticed() -> None:
    by_parser = GraphQLSyntaxError(Source("{"), 0, "Document is nested too deeply. Parsing aborted.")
    by_python = GraphQLError("outer", original_error=RecursionError())
    for error in (by_parser, by_python):
        assert formatted(error)["extensions"] == {"code": "limit", "limit": "graphql-depth"}
