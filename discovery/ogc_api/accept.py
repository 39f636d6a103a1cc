"""Which of several forms of a document to send: by the parameter `f`, else by `Accept` (RFC 9110, 12.5.1)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from discovery.errors import BadQueryError, NotAcceptableError
from discovery.negotiation import ANYTHING, ranges, wish
from discovery.ogc_api.links import GEOJSON, HTML, JSON
from discovery.ogc_api.question import FORMATS

MAX_RANGES: Final = 50
"""Media ranges of an Accept header that are looked at."""
_FORMS: Final = {"json": JSON, "geojson": GEOJSON, "html": HTML}


def chosen(form: str | None, accept: str, offered: Sequence[str]) -> str:
    """Return the form to send.

    Args:
        form: The value of `f`; it is stronger than `Accept`.
        accept: The header; empty allows everything.
        offered: What there is, the usual one first.

    Raises:
        BadQueryError: `f` is no form, or none of this document.
        NotAcceptableError: `Accept` allows none of them.
    """
    if form:
        named = _FORMS.get(form, "")
        if named not in offered:
            allowed = ", ".join(name for name in FORMATS if _FORMS[name] in offered)
            raise BadQueryError(f"f {form[:40]!r} is not one of {allowed}", parameter="f")
        return named
    found = ranges(accept, unread=0.0, most=MAX_RANGES) or ranges(ANYTHING, unread=0.0)
    best, weight = "", 0.0
    for each in offered:
        wanted, _ = wish(found, each.partition(";")[0])
        if wanted > weight:
            best, weight = each, wanted
    if not best:
        names = {each: name for name, each in _FORMS.items()}
        raise NotAcceptableError(accept, {names.get(each, "json"): each for each in offered})
    return best
