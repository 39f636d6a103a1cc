"""Text of strangers made fit for documents that programs read."""

from __future__ import annotations

import re
from typing import Final

MAX_LINE: Final = 1_000
"""Characters of a title, name or keyword in a document."""
MAX_TEXT: Final = 100_000
"""Characters of a description in a document."""
_UNFIT: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
# They turn the direction of whatever follows, in the file of somebody who reads it without knowing.
_TURNING: Final = re.compile("[\u202a-\u202e\u2066-\u2069]")
_SPACE: Final = re.compile(r"\s+")


def text(given: str, limit: int = MAX_TEXT) -> str:
    """Return a text of several lines that XML, RDF and JSON can all hold.

    Control characters go, half of a surrogate pair becomes U+FFFD, line ends become LF.
    """
    kept = given[:limit].replace("\r\n", "\n").replace("\r", "\n")
    return _UNFIT.sub(_replaced, kept).strip()


def line(given: str, limit: int = MAX_LINE) -> str:
    """Return a text on one line, without the marks that turn the direction of what follows it."""
    found = _SPACE.sub(" ", _TURNING.sub("", text(given[: limit * 4]))).strip()
    return found if len(found) <= limit else f"{found[: limit - 1]}…"


def _replaced(found: re.Match[str]) -> str:
    return "\ufffd" if found[0] >= "\ud800" else " "
