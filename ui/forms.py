"""Forms as browsers send them: names and values, within limits."""

from __future__ import annotations

from typing import Final
from urllib.parse import parse_qsl

from fastapi import Request

from discovery.errors import BadQueryError

MAX_FIELDS: Final = 200
"""Fields of a form: a page of results has a hundred boxes to tick."""


async def pairs(request: Request) -> list[tuple[str, str]]:
    """Return the fields of a form in their order, empty ones too.

    Raises:
        BadQueryError: The body is no form, or has more fields than any form of ours.
    """
    body = await request.body()
    try:
        return parsed(body.decode())
    except UnicodeDecodeError as error:
        raise BadQueryError(f"the form cannot be read: {error}") from error


def parsed(text: str) -> list[tuple[str, str]]:
    """Return the fields of a text that is written as forms and addresses write them; raises as `pairs` does."""
    try:
        return parse_qsl(text, keep_blank_values=True, max_num_fields=MAX_FIELDS, errors="strict")
    except (UnicodeDecodeError, ValueError) as error:
        raise BadQueryError(f"the form cannot be read: {error}") from error


async def fields(request: Request) -> dict[str, str]:
    """Return the fields of a form that has none twice; of one that is there twice the last one counts."""
    return dict(await pairs(request))
