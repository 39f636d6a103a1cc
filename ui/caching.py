"""Answers that need not be sent again: entity tags, and 304 where the reader has it already (RFC 9110, 13.1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from fastapi import Request, Response

from discovery.conditions import has, tag_of
from ui.rendering import HEADERS

REVALIDATED: Final = "no-cache"
"""It may be kept, and is asked for again each time: a catalogue changes at any moment, and 304 is cheap."""


def answer(
    request: Request,
    body: bytes | str,
    media_type: str,
    *,
    etag: str = "",
    keep: str = REVALIDATED,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Return an answer with its tag, or 304 where the reader has it.

    Args:
        request: What was asked.
        body: What is sent.
        media_type: What that is.
        etag: Its tag; by default that of its bytes.
        keep: How long others may keep it.
        headers: What else is said.
    """
    data = body.encode("utf-8", "replace") if isinstance(body, str) else body
    found = etag or tag_of(data)
    said = {**HEADERS, "ETag": found, "Cache-Control": keep, **(headers or {})}
    if has(request, found):
        return Response(status_code=304, headers=said)
    return Response(data, headers=said, media_type=media_type)
