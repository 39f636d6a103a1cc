"""Errors as callers see them: their own mistakes with a stable code, ours masked and logged."""

from __future__ import annotations

import logging
from typing import Any, Final
from uuid import uuid4

from graphql import GraphQLError, GraphQLSyntaxError
from strawberry.types.execution import ExecutionResult

from discovery.errors import (
    BadQueryError,
    DiscoveryError,
    LimitError,
    TooManyError,
    UnavailableError,
    UnknownFieldError,
)

_log: Final = logging.getLogger(__name__)


def answer(result: ExecutionResult) -> dict[str, Any]:
    """Return a result as the value of its JSON; it has no `data` when nothing was executed."""
    out: dict[str, Any] = {}
    if result.errors:
        out["errors"] = [formatted(each) for each in result.errors]
    if result.data is not None or not result.errors or any(each.path for each in result.errors):
        out["data"] = result.data
    if result.extensions:
        out["extensions"] = result.extensions
    return out


def as_graphql(error: DiscoveryError) -> GraphQLError:
    """Return one of our errors as GraphQL carries it."""
    return GraphQLError(str(error), original_error=error)


def refused(error: DiscoveryError) -> dict[str, Any]:
    """Return the answer that says why nothing was executed."""
    return {"errors": [formatted(as_graphql(error))]}


def formatted(error: GraphQLError) -> dict[str, Any]:
    """Return an error for the answer, with `extensions.code`: the `kind` of our errors, or `internal`."""
    message, extensions = _explained(error)
    out: dict[str, Any] = {"message": message, "extensions": extensions}
    if error.locations:
        out["locations"] = [{"line": each.line, "column": each.column} for each in error.locations]
    if error.path:
        out["path"] = list(error.path)
    return out


def _explained(error: GraphQLError) -> tuple[str, dict[str, Any]]:
    cause: BaseException | None = error.original_error
    while isinstance(cause, GraphQLError):
        cause = cause.original_error
    if isinstance(cause, UnavailableError):
        return "the catalogue does not answer right now", {"code": cause.kind, "retryAfter": cause.retry_after}
    if isinstance(cause, DiscoveryError) and cause.status < 500:
        return str(cause), {"code": cause.kind, **_details(cause)}
    if isinstance(cause, RecursionError):
        return "the document is nested too deeply", {"code": LimitError.kind, "limit": "graphql-depth"}
    if cause is None:
        # graphql-core's own words about the document or its variables. The parser says so when it gave up.
        if isinstance(error, GraphQLSyntaxError) and "aborted" in error.message:
            limit = "graphql-tokens" if "tokens" in error.message else "graphql-depth"
            return error.message, {"code": LimitError.kind, "limit": limit}
        return error.message, {"code": BadQueryError.kind}
    if isinstance(cause, ValueError) and not error.path:
        # A scalar could not read a literal or a variable; nothing has been executed.
        return error.message, {"code": BadQueryError.kind}
    reference = uuid4().hex[:12]
    _log.error("GraphQL answer failed (reference %s)", reference, exc_info=cause)
    return "Unexpected error.", {"code": DiscoveryError.kind, "reference": reference}


def _details(error: DiscoveryError) -> dict[str, Any]:
    out: dict[str, Any] = {}
    if isinstance(error, BadQueryError) and error.parameter:
        out["parameter"] = error.parameter
    if isinstance(error, UnknownFieldError) and error.near:
        out["near"] = list(error.near)
    if isinstance(error, LimitError):
        out["limit"] = error.limit
    if isinstance(error, TooManyError) and error.retry_after is not None:
        out["retryAfter"] = error.retry_after
    return out
