"""Documents for programs as the OpenAPI description has them; pages for people are not described there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from fastapi import APIRouter
from fastapi.responses import Response

from ui import negotiation
from ui.negotiation import Format

TAG: Final = "documents"
_ERRORS: Final = {400: "A parameter cannot be as it is.", 406: "There is no form of it that `Accept` allows."}


def add(
    router: APIRouter,
    path: str,
    endpoint: Callable[..., Any],
    summary: str,
    media_types: Sequence[str],
    *,
    parameters: Sequence[dict[str, Any]] = (),
    errors: dict[int, str] | None = None,
) -> None:
    """Add the route of a document, described.

    Args:
        router: Takes it.
        path: Where it is.
        endpoint: What answers.
        summary: What it is, in a few words.
        media_types: The forms that it is sent in.
        parameters: What may stand behind `?`, as OpenAPI writes it.
        errors: What else may be answered, by status.
    """
    responses: dict[int | str, dict[str, Any]] = {
        200: {"description": summary, "content": {each: {} for each in dict.fromkeys(media_types)}},
        304: {"description": "The reader has it: `If-None-Match` names its `ETag`."},
        **{status: {"description": told} for status, told in (errors or {}).items()},
    }
    router.add_api_route(
        path,
        endpoint,
        methods=["GET"],
        summary=summary,
        tags=[TAG],
        response_model=None,
        response_class=Response,
        responses=responses,
        openapi_extra={"parameters": list(parameters)} if parameters else None,
    )
    router.add_api_route(path, endpoint, methods=["HEAD"], response_model=None, include_in_schema=False)


def negotiated(
    router: APIRouter,
    path: str,
    endpoint: Callable[..., Any],
    summary: str,
    forms: Sequence[Format],
    *,
    parameters: Sequence[dict[str, Any]] = (),
    errors: dict[int, str] | None = None,
) -> None:
    """Add the route of a document whose form `f` or `Accept` chooses; as `add`."""
    chosen = query(
        negotiation.PARAMETER, "The form; without it, what `Accept` asks for.", [each.name for each in forms]
    )
    media_types = [each.media_type for each in forms]
    more = {**_ERRORS, **(errors or {})}
    add(router, path, endpoint, summary, media_types, parameters=[chosen, *parameters], errors=more)


def query(name: str, description: str, allowed: Sequence[str] = ()) -> dict[str, Any]:
    """Return a parameter of a query string as OpenAPI writes it; `allowed` are its only values, if there are such."""
    schema: dict[str, Any] = {"type": "string", "enum": list(allowed)} if allowed else {"type": "string"}
    return {"name": name, "in": "query", "required": False, "description": description, "schema": schema}
