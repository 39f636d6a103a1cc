"""Requests for records as queries of the portal; what cannot be is a 400 that names the parameter."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from discovery.errors import BadQueryError, LimitError, UnknownFieldError
from discovery.model.ogc import DOI
from discovery.model.record import KINDS
from discovery.ogc_api import facets
from discovery.query import cql2, fields, order, region
from discovery.query.fields import Type
from discovery.query.query import (
    And,
    Between,
    Comparison,
    Filter,
    In,
    IsNull,
    Not,
    Or,
    Query,
    Region,
    Sort,
    Time,
    conjunction,
)
from discovery.query.time import interval, span

DEFAULT_LIMIT: Final = 10
MAX_LIMIT: Final = 1000
"""The most records a page; a larger `limit` is cut to it, as the standard allows. Records may have 30 kB each."""
SMALL_PAGE: Final = 100
"""The most records that are still put together without a thread of their own."""
MAX_OFFSET: Final = 10_000
"""How far `offset` and `limit` together reach; links of the relation `next` lead on from there."""
MAX_NAMES: Final = 1_000
"""The most values in a list, such as `ids` or `externalIds`."""
RELEVANCE: Final = "relevance"
"""The sortable that no record has: how well it answers `q`."""
CRS84: Final = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
CRS84H: Final = "http://www.opengis.net/def/crs/OGC/0/CRS84h"
_CRS: Final = frozenset({CRS84, CRS84H, "CRS84", "[OGC:CRS84]", "OGC:CRS84"})
_LANGUAGES: Final = ("cql2-text", "cql2-json")
FORMATS: Final = ("json", "geojson", "html")
"""What `f` may be."""
PARAMETERS: Final = (
    *("bbox", "bbox-crs", "datetime", "limit", "offset", "q", "type", "ids", "externalIds", "profile", "crs"),
    *("filter", "filter-lang", "filter-crs", "sortby", "facets", "after", "f"),
)
"""Every parameter of a search that is no queryable."""
NOTHING: Final = Or(())
_CONTROL: Final = re.compile("[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request for records asks for."""

    query: Query
    offset: int = 0
    """How many come before; with `after` in the query it only says where that is."""
    facets: tuple[facets.Request, ...] = ()
    pairs: tuple[tuple[str, str], ...] = field(default=(), compare=False)
    """The parameters as they came, without where to begin."""

    @property
    def small(self) -> bool:
        """Whether it is for no more than a page in an order that the engine keeps, which takes about a millisecond."""
        query = self.query
        narrowed = (query.filter, query.region, query.time, query.phrases, query.sort, query.ids, self.facets)
        return not any(narrowed) and query.size <= SMALL_PAGE and not self.skipped

    @property
    def skipped(self) -> int:
        """How many records have to be passed over, which a page mark makes unnecessary."""
        return 0 if self.query.after else self.offset


def records(scope: str, given: Iterable[tuple[str, str]]) -> Asked:
    """Return the query for the records of a catalogue that a request asks for.

    Raises:
        BadQueryError: A parameter is not known, given twice, or cannot be as it is.
    """
    pairs = tuple(given)
    single = _single(pairs)
    after = single.get("after", "").strip()
    offset = _whole(single, "offset", 0, MAX_OFFSET)
    size = min(_whole(single, "limit", DEFAULT_LIMIT), MAX_LIMIT)
    if not after and offset + size > MAX_OFFSET:
        message = f"offset and limit reach {offset + size}; follow the links of the relation next beyond {MAX_OFFSET}"
        raise LimitError("ogc-offset", message, parameter="offset")
    _crs(single, "bbox-crs")
    _crs(single, "filter-crs")
    _crs(single, "crs")
    phrases = _phrases(single)
    parts = [
        _in("kind", _kinds(single)),
        _external_ids(single),
        _filter(single),
        *(_equal(name, value) for name, value in single.items() if name not in PARAMETERS),
    ]
    moment = single.get("datetime", "").strip()
    query = Query(
        scope=scope,
        phrases=phrases,
        filter=conjunction(parts),
        region=_region(single),
        time=_time(moment) if moment else None,
        sort=_sort(single, ranked=bool(phrases)),
        size=size,
        after=after,
        ids=tuple(_list(single["ids"], "ids")) if "ids" in single else None,
    )
    first = not after and not offset
    counted = facets.requests(scope, single.get("facets") if "facets" in single or first else "")
    return Asked(query, offset, counted, tuple(each for each in pairs if each[0] not in ("after", "offset")))


def _single(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    out: dict[str, str] = {}
    for name, value in pairs:
        if name not in PARAMETERS and not _is_queryable(name):
            raise UnknownFieldError(name, (*PARAMETERS, *queryables()), what="parameter", parameter=name[:80])
        if name in out:
            raise BadQueryError(f"{name[:80]} is given more than once; put commas between values", parameter=name[:80])
        if (found := _CONTROL.search(value)) and (name != "q" or found[0] not in "\t\r\n"):
            raise BadQueryError(f"{name[:80]} has a control character in it", parameter=name[:80])
        out[name] = value
    return out


def queryables() -> tuple[str, ...]:
    """Return the names that a filter may use, as this face has them."""
    return tuple(map(facets.public, fields.FIELDS.values()))


def _is_queryable(name: str) -> bool:
    try:
        fields.field(name)
    except UnknownFieldError:
        return False
    return True


def _whole(single: Mapping[str, str], name: str, default: int, most: int | None = None) -> int:
    text = single.get(name, "").strip()
    if not text:
        return default
    allowed = f"a whole number from 0{f' to {most}' if most else ' on'}"
    if not (text.isascii() and text.isdigit()):
        raise BadQueryError(f"{name} {text[:20]!r} is not {allowed}", parameter=name)
    # Python refuses to read thousands of digits, and nothing is larger than nine of them.
    value = int(text) if len(text) <= 9 else 10**9
    if most is not None and value > most:
        message = f"{name} {text[:20]} is not {allowed}; follow the links of the relation next instead"
        raise LimitError("ogc-offset", message, parameter=name)
    return value


def _list(text: str, parameter: str) -> list[str]:
    """Return the values of a list with commas; empty ones are none."""
    found = [each.strip() for each in text.split(",") if each.strip()]
    if len(found) > MAX_NAMES:
        message = f"{parameter} has {len(found)} values; at most {MAX_NAMES} are read"
        raise LimitError("ogc-names", message, parameter=parameter)
    return list(dict.fromkeys(found))


def _crs(single: Mapping[str, str], parameter: str) -> None:
    name = single.get(parameter, "").strip()
    if name and name not in _CRS:
        raise BadQueryError(f"{parameter} {name[:80]!r} is not known; use {CRS84}", parameter=parameter)


def _phrases(single: Mapping[str, str]) -> tuple[str, ...]:
    """Return the terms of `q`: commas are OR, and the words of one term stand side by side (the standard's 7.4)."""
    return tuple(dict.fromkeys(each.strip() for each in single.get("q", "").split(",") if each.strip()))


def _kinds(single: Mapping[str, str]) -> list[str] | None:
    """Return the kinds that `type` names; another type is one that no record has."""
    asked = _list(single["type"], "type") if single.get("type", "").strip() else None
    return None if asked is None else [each for each in asked if each in KINDS]


def _in(name: str, values: list[str] | None) -> Filter | None:
    if values is None:
        return None
    return In(name, tuple(values)) if values else NOTHING


def _external_ids(single: Mapping[str, str]) -> Filter | None:
    """Return what is true for records with one of these identifiers: `value`, `scheme:value` or `scheme:`.

    Values may have colons themselves, so a text is taken for each of these.
    """
    if "externalIds" not in single:
        return None
    asked = _list(single["externalIds"], "externalIds")
    found: list[Filter] = []
    for each in asked:
        scheme, colon, value = each.partition(":")
        found += [Comparison("=", name, each) for name in ("source_id", "external_id")]
        found.append(Comparison("=", "doi", each.lower()))
        if colon and scheme == DOI:
            found.append(Comparison("=", "doi", value.strip().lower()) if value.strip() else Not(IsNull("doi")))
        elif colon:
            of_source = Comparison("=", "source", scheme)
            found.append(And((of_source, Comparison("=", "source_id", value))) if value else of_source)
    return Or(tuple(found)) if found else NOTHING


def _filter(single: Mapping[str, str]) -> Filter | None:
    text = single.get("filter", "").strip()
    language = single.get("filter-lang", "").strip() or ("cql2-json" if text.startswith("{") else "cql2-text")
    if language not in _LANGUAGES:
        allowed = " or ".join(_LANGUAGES)
        raise BadQueryError(f"filter-lang {language[:40]!r} is not {allowed}", parameter="filter-lang")
    if not text:
        return None
    return cql2.parse_json(text) if language == "cql2-json" else cql2.parse_text(text)


def _equal(name: str, value: str) -> Filter | None:
    """Return the equality that a parameter named as a queryable asks for; without a value it asks for nothing."""
    known = fields.field(name)
    if not value.strip():
        return None
    return _EQUAL[known.type](known.name, value.strip(), name[:80])


def _equal_number(name: str, value: str, parameter: str) -> Filter:
    try:
        number = float(value)
    except ValueError:
        raise BadQueryError(f"{parameter} {value[:40]!r} is not a number", parameter=parameter) from None
    if number - number != 0:  # neither infinite nor no number
        raise BadQueryError(f"{parameter} {value[:40]!r} is not a finite number", parameter=parameter)
    return Comparison("=", name, number)


def _equal_instant(name: str, value: str, parameter: str) -> Filter:
    start, end = span(value, parameter=parameter)
    return Between(name, start, end)


def _equal_text(name: str, value: str, parameter: str) -> Filter:
    raise BadQueryError(f"{name} cannot be compared as a whole; look for its words by q", parameter=parameter)


_EQUAL: Final[Mapping[Type, Callable[[str, str, str], Filter]]] = {
    Type.KEYWORD: lambda name, value, _: Comparison("=", name, value),
    Type.NUMBER: _equal_number,
    Type.INSTANT: _equal_instant,
    Type.TEXT: _equal_text,
}


def _region(single: Mapping[str, str]) -> Region | None:
    text = single.get("bbox", "").strip()
    if not text:
        return None
    found = region.bbox(text)
    numbers = text.split(",")
    if len(numbers) == 6 and float(numbers[2]) > float(numbers[5]):
        told = f"bbox: the lower height {numbers[2]} is above {numbers[5]}"
        raise BadQueryError(told, parameter="bbox")
    return found


def _time(text: str) -> Time:
    return interval(text, parameter="datetime")


def _sort(single: Mapping[str, str], *, ranked: bool) -> Sort | None:
    given = _list(single.get("sortby", ""), "sortby")
    # A plus sign that nobody encoded reached us as a blank, and was stripped.
    if RELEVANCE not in (each.lstrip("+-") for each in given):
        return order.read(given, parameter="sortby")
    if not ranked or given != [f"-{RELEVANCE}"]:
        told = "records are sorted by falling relevance to the words of q alone: q=...&sortby=-relevance"
        raise BadQueryError(told, parameter="sortby")
    return None
