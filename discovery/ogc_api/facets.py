"""Facets as the draft of OGC API - Records - Part 2 has them: what may be counted, what is asked for and answered."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from discovery.errors import BadQueryError, LimitError, UnknownFieldError
from discovery.index.plans import MAX_BUCKETS
from discovery.index.ranges import MAX_RANGES
from discovery.model.instant import DAY, date, days, iso
from discovery.model.record import OBSERVATIONS, RESOURCES
from discovery.portal import Keyed
from discovery.query import fields
from discovery.query.facets import RangeRequest
from discovery.query.fields import DATETIME, Field, Type
from discovery.query.query import FacetRequest, Histogram, Query

TERM: Final = "term"
HISTOGRAM: Final = "histogram"
DEFAULT_BUCKETS: Final = 10
MAX_FACETS: Final = 20
"""The most facets that one request may ask for."""
VALUE, COUNT = "value", "count"
_ORDERS: Final = ("value_asc", "value_desc", "count_asc", "count_desc")
_ASKED: Final = re.compile(r"([^:]+)(?::([0-9]{0,9})(?::([a-z_]*))?)?")
_SHOWN: Final[Mapping[str, tuple[str, ...]]] = {
    RESOURCES: ("type", "domain", "mission", "themes", "formats", "license"),
    OBSERVATIONS: ("mission", "instrument", "product_type", "level", "formats", "license"),
}
"""What is counted on a first page that does not say what to count."""


def public(each: Field) -> str:
    """Return the name of a field in OGC API - Records: the standard's where it has one."""
    return each.ogc or _STANDARD.get(each.name, each.name)


_STANDARD: Final[Mapping[str, str]] = {"theme": "themes", "keyword": "keywords"}
"""Names that STAC shares with it."""


@dataclass(frozen=True, slots=True)
class Request:
    """One facet to count."""

    name: str
    """As it is asked for, and answered."""
    field: str
    """Of the field table; `datetime` for the time."""
    type: str
    size: int = DEFAULT_BUCKETS
    order: str = ""
    """One of the draft's four; empty is as it is advertised."""


def definitions() -> dict[str, dict[str, Any]]:
    """Return what may be counted, by name."""
    found: dict[str, dict[str, Any]] = {}
    for each in fields.FIELDS.values():
        name = public(each)
        if each.facet:
            found[name] = {"type": TERM, "property": name, "sortedBy": COUNT, "minOccurs": 1}
        elif each.type is Type.NUMBER:
            found[name] = {"type": HISTOGRAM, "property": name, "sortedBy": VALUE, "bucketType": "fixedBucketCount"}
    found[DATETIME] = {"type": HISTOGRAM, "property": DATETIME, "sortedBy": VALUE, "bucketType": "fixedInterval"}
    return found


def requests(scope: str, text: str | None) -> tuple[Request, ...]:
    """Return what the parameter `facets` asks for; None is the facets that are counted unasked, empty is none.

    Raises:
        BadQueryError: It is not `name:count:order`, with commas between several.
        UnknownFieldError: What it names cannot be counted.
        LimitError: More than 20 facets, or more buckets than are counted.
    """
    names = _SHOWN[scope] if text is None else [each.strip() for each in text.split(",") if each.strip()]
    if len(names) > MAX_FACETS:
        raise LimitError("ogc-facets", f"{len(names)} facets are more than {MAX_FACETS}", parameter="facets")
    found = {each.name: each for each in map(_request, names)}
    return tuple(found.values())


def _request(text: str) -> Request:
    asked = _ASKED.fullmatch(text)
    if asked is None or (asked[3] and asked[3] not in _ORDERS):
        told = f"facets: {text[:80]!r} is not name, name:buckets or name:buckets:order with {', '.join(_ORDERS)}"
        raise BadQueryError(told, parameter="facets")
    name, order = asked[1].strip(), asked[3] or ""
    size = int(asked[2]) if asked[2] else DEFAULT_BUCKETS
    if size > MAX_BUCKETS:
        raise LimitError("facet-size", f"{size} buckets of {name[:40]} are more than {MAX_BUCKETS}", parameter="facets")
    if name == DATETIME:
        return Request(name, DATETIME, HISTOGRAM, size, order)
    try:
        known = fields.field(name)
    except UnknownFieldError:
        known = None
    if known is None or not (known.facet or known.type is Type.NUMBER):
        raise UnknownFieldError(name, definitions(), what="facet", parameter="facets")
    return Request(name, known.name, TERM if known.facet else HISTOGRAM, size, order)


def asked(query: Query, requested: Iterable[Request]) -> Query:
    """Return a query with what is to be counted."""
    terms, numbers, histogram = [], [], None
    for each in requested:
        if each.field == DATETIME:
            histogram = Histogram("auto", max(each.size, 1))
        elif each.type == TERM:
            # Other orders than by falling count need everything that there is.
            terms.append(FacetRequest(each.field, each.size if each.order in ("", "count_desc") else MAX_BUCKETS))
        else:
            log = fields.FIELDS[each.field].log
            numbers.append(RangeRequest(each.field, bins=min(each.size, MAX_RANGES), log=log))
    return replace(query, facets=tuple(terms), numbers=tuple(numbers), histogram=histogram)


def answered(requested: Iterable[Request], found: Keyed) -> dict[str, Any]:
    """Return the member `facets` of an answer, in the draft's shape."""
    terms = {each.name: each for each in found.facets}
    numbers = {each.name: each for each in found.numbers}
    out: dict[str, Any] = {}
    for each in requested:
        if each.field == DATETIME:
            buckets, missing = _calendar(found), False
        elif each.type == TERM:
            facet = terms[each.field]
            buckets = [{"value": bucket.value, "count": bucket.count} for bucket in facet.buckets]
            missing = facet.other > 0
        else:
            number = numbers[each.field]
            buckets = [{"min": step.low, "max": step.high, "count": step.count} for step in number.ranges]
            missing = number.below + number.above > 0
        kept = _ordered(buckets, each.order)[: each.size]
        more = missing or len(kept) < len(buckets)
        out[each.name] = {"type": each.type, "property": each.name, "buckets": kept, "more": more}
        if found.approximate:
            out[each.name]["discovery:exact"] = False
    return out


def _calendar(found: Keyed) -> list[dict[str, Any]]:
    return [
        {"min": _day(each.start), "max": _day(_end(each.start, found.interval)), "count": each.count}
        for each in found.bins
    ]


def _end(start: int, interval: str) -> int:
    """Return where a step of a calendar ends."""
    year, month, _ = date(start // DAY)
    if interval == "day":
        return start + DAY
    if interval == "month":
        return days(year + month // 12, month % 12 + 1, 1) * DAY
    return days(year + 1, 1, 1) * DAY


def _day(instant: int) -> str:
    return iso(instant).partition("T")[0]


def _ordered(buckets: list[dict[str, Any]], order: str) -> list[dict[str, Any]]:
    if not order or not buckets:
        return buckets
    name, _, direction = order.partition("_")
    by_value = "value" if "value" in buckets[0] else "min"
    return sorted(buckets, key=lambda each: each[by_value if name == VALUE else COUNT], reverse=direction == "desc")
