"""Entity tags of answers, and what a request says about them (RFC 9110, 13.1): read once for every face."""

from __future__ import annotations

import hashlib
import re
from typing import Final

from starlette.requests import Request

from discovery import __version__

MAX_CHARACTERS: Final = 4_000
"""Characters of a list of tags that are read."""
_TAG: Final = re.compile(r'(W/)?("[\x21\x23-\x7e\x80-\xff]*")')


def tag(*parts: object) -> str:
    """Return a tag that changes when one of these does, or the program."""
    told = "\0".join(map(str, (__version__, *parts)))
    return f'"{hashlib.sha256(told.encode("utf-8", "replace")).hexdigest()[:24]}"'


def tag_of(body: bytes) -> str:
    """Return the tag of what is sent."""
    return f'"{hashlib.sha256(body).hexdigest()[:24]}"'


def has(request: Request, etag: str) -> bool:
    """Say whether the reader has what a tag stands for, weakly compared as `If-None-Match` is."""
    told = ", ".join(request.headers.getlist("If-None-Match"))
    return told.strip() == "*" or etag.removeprefix("W/") in (each for _, each in _named(told))


def holds(request: Request, etag: str) -> bool:
    """Say whether what has this tag may be changed: `If-Match` names it, strongly compared, or is not there."""
    given = request.headers.getlist("If-Match")
    told = ", ".join(given)
    return not given or told.strip() == "*" or ("", etag) in _named(told)


def _named(told: str) -> list[tuple[str, str]]:
    """Return the tags of a list, each behind `W/` where it is weak."""
    return _TAG.findall(told[:MAX_CHARACTERS])
