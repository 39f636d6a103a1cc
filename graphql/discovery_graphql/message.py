"""GraphQL over HTTP: what a request asks, read within limits, and in which media type it wants its answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson
from fastapi import Request

from discovery.errors import BadQueryError, LimitError, NotAcceptableError, UnsupportedMediaTypeError
from discovery.negotiation import ranges, wish
from discovery_graphql.operations import Operations

MAX_BYTES: Final = 100 * 1024
"""Bytes of a request, counted before anything is parsed."""
MAX_NESTING: Final = 40
"""Levels of objects and lists in the variables; filters are far below, and so is Python's own limit."""
MAX_OBJECTS: Final = 500
"""Objects in the variables: a filter of 200 predicates needs 400, and reading one costs 0.1 ms."""
JSON: Final = "application/json"
RESPONSE: Final = "application/graphql-response+json"
_CHARSETS: Final = ("", "utf-8", "utf8")
_MAX_PARAMETERS: Final = 20


@dataclass(frozen=True, slots=True)
class Message:
    """One question as it came over HTTP."""

    document: str
    variables: Mapping[str, Any]
    operation_name: str | None = None


class NotByGetError(BadQueryError):
    """A link must not do anything: what is no query comes by POST."""

    kind = "not_by_get"
    status = 405

    @property
    def headers(self) -> dict[str, str]:
        """What an answer by HTTP says beside its status: how to ask."""
        return {"Allow": "POST"}


class TooLargeError(LimitError):
    """The body is larger than it may be."""

    status = 413


async def body(request: Request) -> bytes:
    """Return the body, read no further than the limit.

    Raises:
        UnsupportedMediaTypeError: It is not `application/json`. This also keeps forms of other sites out.
        TooLargeError: It is larger than `MAX_BYTES`.
    """
    told = request.headers.get("content-type", "")
    kind, _, parameters = told.partition(";")
    if kind.strip().lower() != JSON:
        raise UnsupportedMediaTypeError(kind.strip(), (JSON,))
    charset = _parameter(parameters, "charset")
    if charset not in _CHARSETS:
        raise UnsupportedMediaTypeError(charset, ("utf-8",), what="charset")
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared[:20]) > MAX_BYTES:
        raise _too_large()
    data = bytearray()
    async for chunk in request.stream():
        data += chunk
        if len(data) > MAX_BYTES:
            raise _too_large()
    return bytes(data)


def from_body(data: bytes, operations: Operations) -> Message:
    """Return the question of a POST.

    Raises:
        BadQueryError: It is not JSON, not one object, or a member has the wrong type.
    """
    given = _json(data, "body")
    if isinstance(given, list):
        raise BadQueryError("several operations in one request are not answered; send one at a time")
    if not isinstance(given, dict):
        raise BadQueryError("the body must be a JSON object with `query` or `documentId`")
    return _message(given, operations)


def from_url(parameters: Mapping[str, str], operations: Operations) -> Message:
    """Return the question of a GET; raises as `from_body` does."""
    if sum(map(len, parameters.values())) > MAX_BYTES:
        raise _too_large()
    given: dict[str, Any] = {name: value for name, value in parameters.items() if value}
    if "variables" in given:
        given["variables"] = _json(given["variables"].encode("utf-8", "replace"), "variables")
    return _message(given, operations)


def media_type(accept: str) -> str:
    """Return the media type for the answer: the one that is liked best, and plain JSON where nothing is said.

    Raises:
        NotAcceptableError: Neither of the two is among what is accepted.
    """
    if not accept.strip():
        return JSON
    # What is no number between 0 and 1 is taken as if it were not there, as most servers do.
    found = [each for each in ranges(accept, unread=1.0) if each.parameters.get("charset", "") in _CHARSETS]
    plain, _ = wish(found, JSON)
    # GraphQL over HTTP: what is liked no better than the old media type by a wildcard alone gets the old one.
    new = max((each.weight for each in found if each.name == RESPONSE), default=0.0)
    if max(plain, new) <= 0:
        raise NotAcceptableError(accept, {"response": RESPONSE, "json": JSON}, parameter="")
    return RESPONSE if new >= plain else JSON


def lenient_media_type(accept: str) -> str:
    """Return the media type for an error: as `media_type`, and plain JSON where nothing fits."""
    try:
        return media_type(accept)
    except NotAcceptableError:
        return JSON


def _parameter(parameters: str, name: str) -> str:
    """Return the value of a media type's parameter, empty where it is not given."""
    for each in parameters.split(";")[:_MAX_PARAMETERS]:
        key, _, value = each.partition("=")
        if key.strip().lower() == name:
            return value.strip().strip('"').lower()
    return ""


def _message(given: Mapping[str, Any], operations: Operations) -> Message:
    document, id = _text(given, "query"), _text(given, "documentId")
    if (document is None) == (id is None):
        raise BadQueryError("give either `query` or `documentId`", parameter="query")
    if id is not None:
        document = operations.text(id)
    variables = given.get("variables")
    if variables is not None and not isinstance(variables, dict):
        raise BadQueryError("`variables` must be an object", parameter="variables")
    _small(variables)
    assert document is not None
    return Message(document, variables or {}, _text(given, "operationName"))


def _text(given: Mapping[str, Any], name: str) -> str | None:
    value = given.get(name)
    if value is not None and not isinstance(value, str):
        raise BadQueryError(f"`{name}` must be a string", parameter=name)
    return value or None


def _json(data: bytes, what: str) -> Any:
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise BadQueryError(f"the {what} is no JSON: {error}", parameter=what) from None


def _small(variables: Any) -> None:
    """Refuse variables of more levels or objects than any question needs, before they are coerced one by one."""
    level, objects = [variables], 0
    for _ in range(MAX_NESTING):
        objects += sum(isinstance(each, dict) for each in level)
        if objects > MAX_OBJECTS:
            message = f"the variables have more than {MAX_OBJECTS} objects"
            raise LimitError("graphql-objects", message, parameter="variables")
        level = [
            inner
            for each in level
            if isinstance(each, dict | list)
            for inner in (each.values() if isinstance(each, dict) else each)
        ]
        if not level:
            return
    raise LimitError("graphql-nesting", f"the variables have more than {MAX_NESTING} levels", parameter="variables")


def _too_large() -> TooLargeError:
    return TooLargeError("graphql-bytes", f"the request has more than {MAX_BYTES} bytes")
