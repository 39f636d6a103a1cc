"""What programs read, as the OpenAPI description has it; pages that are for people alone are not described there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from fastapi import APIRouter
from fastapi.responses import Response

from discovery.model.record import SCOPES
from discovery.query import fields
from discovery.query.form import ALL, FACET, NAMES, RANGE, SOME
from ui import negotiation
from ui.negotiation import Format

TAG: Final = "documents"
_ASKED: Final = {
    "q": "Words to look for; empty is everything.",
    "words": "all: only records that have all words, spelt as they are.",
    "filter": "A CQL2 text filter.",
    "bbox": "west,south,east,north in degrees.",
    "cone": "lon,lat,radius in degrees.",
    "polygon": "lon,lat,lon,lat,... in degrees; several parted by semicolons; or GeoJSON.",
    "moc": "A MOC: 3/1-4 5/200, or as JSON.",
    "near": "The name of a place or of a thing on the sky: Italy, M31.",
    "frame": "earth, sky or a body; galactic and ecliptic are coordinates of the sky.",
    "relation": "How footprints lie to the region: intersects, within, contains or disjoint.",
    "cell": "FRAME/ORDER/NUMBER of a HEALPix cell, such as sky/3/145.",
    "time": "A/B, with .. for an open end.",
    "scope": "resources or observations.",
    "sort": "Fields with commas, the first counting most, or overlap beside a region; - for falling.",
    "size": "Records on a page.",
    "after": "The `next` of the page before.",
}
"""What the parameters of a search mean, in the words of `docs/reference/parameters.md`."""
_ALLOWED: Final = {"words": (SOME, ALL), "scope": SCOPES}
_REFUSED: Final = {
    400: "Something cannot be asked as it is.",
    404: "There is none of this name.",
    503: "It cannot be asked just now.",
}
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
    tag: str = TAG,
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
        tag: What the document is one of.
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
        tags=[tag],
        response_model=None,
        response_class=Response,
        responses=responses,
        openapi_extra={"parameters": list(parameters)} if parameters else None,
    )
    router.add_api_route(path, endpoint, methods=["HEAD"], response_model=None, include_in_schema=False)


def asked(
    router: APIRouter, path: str, endpoint: Callable[..., Any], summary: str, body: dict[str, Any], tag: str
) -> None:
    """Add the route of a question in a body of JSON, described.

    Args:
        router: Takes it.
        path: Where it is.
        endpoint: What answers, with JSON.
        summary: What is asked, in a few words.
        body: What may be asked, as JSON Schema has it.
        tag: What the question is one of.
    """
    responses: dict[int | str, dict[str, Any]] = {
        200: {"description": summary, "content": {"application/json": {"schema": {"type": "object"}}}},
        **{status: {"description": told} for status, told in _REFUSED.items()},
    }
    router.add_api_route(
        path,
        endpoint,
        methods=["POST"],
        summary=summary,
        tags=[tag],
        response_model=None,
        response_class=Response,
        responses=responses,
        openapi_extra={"requestBody": {"required": True, "content": {"application/json": {"schema": body}}}},
    )


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


def searched() -> list[dict[str, Any]]:
    """Return the parameters of a search as OpenAPI writes them; facets and ranges may be given several times."""
    known = fields.FIELDS
    return [
        *(query(name, _ASKED[name], _ALLOWED.get(name, ())) for name in NAMES),
        *(_repeated(f"{FACET}{name}", f"{known[name].label}: one of these values.") for name in fields.FACETS),
        *(_repeated(f"{RANGE}{name}", f"{known[name].label}: a range, as 0..10 or 0..<10.") for name in fields.NUMBERS),
    ]


def _repeated(name: str, description: str) -> dict[str, Any]:
    found = query(name, description)
    return {**found, "schema": {"type": "array", "items": found["schema"]}, "style": "form", "explode": True}
