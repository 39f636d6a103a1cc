"""Which of several forms of a document to send: by the parameter `f`, else by `Accept` (RFC 9110, 12.5.1)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from discovery.errors import BadQueryError
from discovery.ogc_api.links import GEOJSON, HTML, JSON
from discovery.ogc_api.question import FORMATS

MAX_RANGES: Final = 50
"""Media ranges of an Accept header that are looked at."""
_FORMS: Final = {"json": JSON, "geojson": GEOJSON, "html": HTML}


def chosen(form: str | None, accept: str, offered: Sequence[str]) -> str | None:
    """Return the form to send, None where `Accept` allows none.

    Args:
        form: The value of `f`; it is stronger than `Accept`.
        accept: The header; empty allows everything.
        offered: What there is, the usual one first.

    Raises:
        BadQueryError: `f` is no form, or none of this document.
    """
    if form:
        found = _FORMS.get(form, "")
        if found not in offered:
            allowed = ", ".join(name for name in FORMATS if _FORMS[name] in offered)
            raise BadQueryError(f"f {form[:40]!r} is not one of {allowed}", parameter="f")
        return found
    ranges = list(_ranges(accept)) or [("*/*", 1.0)]
    best, weight = None, 0.0
    for each in offered:
        wanted = _weight(each.partition(";")[0], ranges)
        if wanted > weight:
            best, weight = each, wanted
    return best


def _ranges(accept: str) -> Iterator[tuple[str, float]]:
    for part in accept.split(",")[:MAX_RANGES]:
        name, *parameters = (each.strip().lower() for each in part.split(";"))
        if name:
            yield name, next((_quality(each[2:]) for each in parameters if each.startswith("q=")), 1.0)


def _quality(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        return 0.0
    return value if 0 <= value <= 1 else 0.0


def _weight(offered: str, ranges: Sequence[tuple[str, float]]) -> float:
    """Return how much a form is wanted: what the range says that fits it most closely."""
    for name in (offered, f"{offered.partition('/')[0]}/*", "*/*"):
        found = [weight for each, weight in ranges if each == name]
        if found:
            return max(found)
    return 0.0
