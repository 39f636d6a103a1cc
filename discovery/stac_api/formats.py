"""Forms of a list of items besides a page of GeoJSON: lines of JSON and tables, of everything that matches.

Which items are in an answer is settled before its first byte, so that whatever has to be refused is refused with a
status. From there on it is made some hundred items at a time, as fast as it is read.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from fastapi import Request

from discovery.errors import LimitError, UnknownFieldError
from discovery.exports.limits import CHUNK, late
from discovery.negotiation import ANYTHING, ranges
from discovery.portal import Portal
from discovery.query.query import Query

MAX_ROWS: Final = 100_000
"""The most items in an answer of lines or a table; a larger answer is what `discovery export` is for."""
PARAMETER: Final = "f"
_WALK: Final = 5_000
"""Keys that an engine is asked for at once."""


class Format(StrEnum):
    """The forms, by the names that `f` has for them."""

    GEOJSON = "geojson"
    NDJSON = "ndjson"
    SEQUENCE = "geojsonseq"
    PARQUET = "geoparquet"


MEDIA_TYPES: Final = {
    Format.NDJSON: "application/x-ndjson",
    Format.SEQUENCE: "application/geo+json-seq",
    Format.PARQUET: "application/vnd.apache.parquet",
}
_NAMES: Final = {each.value: each for each in Format} | {"json": Format.GEOJSON, "parquet": Format.PARQUET}
_TYPES: Final = {media_type: each for each, media_type in MEDIA_TYPES.items()} | {
    "application/ndjson": Format.NDJSON,
    "application/geo+json": Format.GEOJSON,
    "application/json": Format.GEOJSON,
    "application/*": Format.GEOJSON,
    ANYTHING: Format.GEOJSON,
}


def wanted(request: Request) -> Format:
    """Return the form that a request wants: `f` decides, else `Accept`, else GeoJSON.

    Raises:
        UnknownFieldError: `f` is none of the forms.
    """
    name = request.query_params.get(PARAMETER) if request.url.query else None
    if name:
        if name not in _NAMES:
            raise UnknownFieldError(name, _NAMES, what="format", parameter=PARAMETER)
        return _NAMES[name]
    accept = request.headers.get("accept", ANYTHING)
    return Format.GEOJSON if accept == ANYTHING else _accepted(accept)


def _accepted(accept: str) -> Format:
    known = [each for each in ranges(accept, unread=0.0, characters=1000) if each.name in _TYPES and each.weight > 0]
    # Of those that are wanted as much the first that was said.
    return _TYPES[max(known, key=lambda each: each.weight).name] if known else Format.GEOJSON


@dataclass(frozen=True, slots=True)
class Rows:
    """The items of an answer by their numbers in the store, in their order."""

    keys: tuple[int, ...]
    matched: int
    exact: bool
    next: str
    """Where the portal says that what is left out begins; empty where nothing is."""

    def chunks(self) -> Iterator[tuple[int, ...]]:
        """Yield the numbers of as many items as are made at once."""
        for start in range(0, len(self.keys), CHUNK):
            yield self.keys[start : start + CHUNK]


def rows(portal: Portal, query: Query, limit: int | None) -> Rows:
    """Return which items an answer has.

    Args:
        portal: Where they are.
        query: What they match.
        limit: How many of them are wanted; None is all of them.

    Raises:
        LimitError: More than 100,000 match and all of them are wanted, or finding them takes more than a minute.
    """
    began = time.monotonic()
    keys: list[int] = []
    found = portal.keys(replace(query, size=min(limit or _WALK, _WALK)))
    if limit is None and found.total.value > MAX_ROWS:
        told = (
            f"{found.total.value} items match, and an answer of this form has {MAX_ROWS:,} at most: narrow the search"
        )
        raise LimitError("stac-rows", f"{told} or give limit", parameter="limit")
    matched = found.total
    keys += found.keys
    while found.next and (limit is None or len(keys) < limit):
        late(began)
        size = _WALK if limit is None else min(_WALK, limit - len(keys))
        found = portal.keys(replace(query, size=size, after=found.next), total=False)
        keys += found.keys
        if len(keys) > MAX_ROWS:
            raise LimitError("stac-rows", f"more than {MAX_ROWS:,} items match by now: narrow the search")
    return Rows(tuple(keys), matched.value, matched.exact, found.next)


def lines(found: Rows, bodies: Callable[[Sequence[int]], Sequence[bytes]], form: Format) -> Iterator[bytes]:
    """Yield items one a line: as they are for NDJSON, behind the separator of RFC 8142 for a GeoJSON sequence."""
    before, after = (b"\x1e", b"\n") if form is Format.SEQUENCE else (b"", b"\n")
    for keys in found.chunks():
        yield b"".join(b"%b%b%b" % (before, _one_line(body), after) for body in bodies(keys))


def _one_line(body: bytes) -> bytes:
    """Return JSON without line breaks; those in its strings are escaped, so that all others are blanks."""
    return body.replace(b"\r", b" ").replace(b"\n", b" ") if b"\n" in body or b"\r" in body else body
