"""Requests of a STAC API as queries of the portal, checked where stac-fastapi does not check."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import orjson
from pydantic import BaseModel

from discovery.errors import BadQueryError, LimitError, UnknownFieldError
from discovery.index.like import like
from discovery.model import stac
from discovery.model.record import OBSERVATIONS, RESOURCES
from discovery.portal import Portal
from discovery.query import checks, cql2, fields, order, ranges, region
from discovery.query.fields import Type
from discovery.query.query import (
    And,
    Between,
    Comparison,
    Filter,
    In,
    IsNull,
    Like,
    Not,
    Or,
    Query,
    Region,
    Time,
    conjunction,
)
from discovery.query.time import interval
from discovery.stac_api.chosen import Chosen
from discovery.stac_api.paging import Trail

COLLECTION_KINDS: Final = stac.COLLECTION_KINDS
MAX_PAGE: Final = 1000
"""The most documents a page; a larger `limit` is cut to it, as the standard allows. Items may have 30 kB each."""
SMALL_PAGE: Final = 100
"""The most documents that are still put together without a thread of their own."""
MAX_NAMES: Final = 10_000
"""The most ids or collections a request may name."""
_ALL: Final = 10_000_000
NOTHING: Final = Or(())
ARE_COLLECTIONS: Final = In("kind", COLLECTION_KINDS)
_WORD: Final = re.compile(r"\w[\w./:-]*")


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request of either method asks for."""

    collections: Sequence[str] | None = None
    ids: Sequence[str] | None = None
    bbox: Sequence[float] | None = None
    intersects: str | Mapping[str, Any] | None = None
    datetime: str | None = None
    limit: int | None = None
    unlimited: bool = False
    """Whether nobody gave a limit: an answer that is no page then has everything."""
    token: str | None = None
    filter: str | Mapping[str, Any] | None = None
    filter_lang: str | None = None
    filter_crs: str | None = None
    sortby: Sequence[str] | None = None
    """Names with a `+` or `-` before them."""
    q: Sequence[str] | None = None
    query: str | Mapping[str, Any] | None = None
    """Operators and values by property, as an object or as its JSON."""
    chosen: Chosen | None = None
    """Which members of the documents are wanted; None is all of them, as they are."""
    sent: BaseModel | None = None
    """The body of a POST, of which links to other pages are made."""

    @property
    def small(self) -> bool:
        """Whether it is for no more than a page in an order that the engine keeps, which takes about a millisecond."""
        narrowed = (self.ids, self.bbox, self.intersects, self.datetime, self.filter, self.query, self.sortby, self.q)
        return not any(narrowed) and self.chosen is None and (self.limit or 10) <= SMALL_PAGE


def items(portal: Portal, asked: Asked) -> Query:
    """Return the query for observations that an item search asks for.

    Raises:
        BadQueryError: A parameter cannot be as it is, or two of them cannot stand together.
    """
    narrowed: list[Filter | None] = [_filter(portal, asked), _operators(portal, asked.query)]
    if asked.collections:
        narrowed.append(_datasets(portal, _names(asked.collections, "collections")))
    query = _query(asked, OBSERVATIONS, conjunction(narrowed))
    if not asked.ids:
        return query
    found = portal.store.catalogue.by_stac_item(_names(asked.ids, "ids"))
    return replace(query, ids=tuple(each.record.id for each in portal.stored(found).values()))


def collections(portal: Portal, asked: Asked) -> Query:
    """Return the query for the resources that a list of collections asks for; raises as `items` does."""
    query = resources(portal, asked)
    return replace(query, filter=conjunction([ARE_COLLECTIONS, query.filter]))


def resources(portal: Portal, asked: Asked) -> Query:
    """Return the query for what of the resources, collections or not, a request asks for; raises as `items` does."""
    return _query(asked, RESOURCES, conjunction([_filter(portal, asked), _operators(portal, asked.query)]))


def _query(asked: Asked, scope: str, narrowed: Filter | None) -> Query:
    text, phrases = _words(asked.q)
    return Query(
        scope=scope,
        text=text,
        phrases=phrases,
        filter=narrowed,
        region=_region(asked),
        time=interval(asked.datetime, parameter="datetime") if asked.datetime else None,
        sort=order.read(asked.sortby or (), parameter="sortby"),
        size=min(asked.limit or 10, MAX_PAGE),
        after=Trail.parse(asked.token).here,
    )


def _names(names: Sequence[str], parameter: str) -> list[str]:
    if len(names) > MAX_NAMES:
        message = f"{parameter} names {len(names)}; at most {MAX_NAMES} are read"
        raise LimitError("stac-names", message, parameter=parameter)
    return list(dict.fromkeys(names))


def _words(terms: Sequence[str] | None) -> tuple[str, tuple[str, ...]]:
    """Return the words and the phrases of `q`: at least one of its terms, the words of a term side by side.

    A single word is looked for as everywhere else, with its synonyms and among identifiers.
    """
    given = tuple(dict.fromkeys(each.strip() for each in terms or () if each.strip()))
    if len(given) == 1 and _WORD.fullmatch(given[0]):
        return given[0], ()
    return "", given


def _region(asked: Asked) -> Region | None:
    if asked.bbox is not None and asked.intersects:
        raise BadQueryError("bbox and intersects cannot stand together; give one of them", parameter="bbox")
    if asked.bbox is not None:
        box = list(asked.bbox)
        if len(box) == 6 and box[2] > box[5]:
            raise BadQueryError(f"bbox: the lower height {box[2]:g} is above {box[5]:g}", parameter="bbox")
        return region.bbox(box)
    if not asked.intersects:
        return None
    geometry: Any = asked.intersects
    if isinstance(geometry, str):
        try:
            geometry = orjson.loads(geometry)
        except orjson.JSONDecodeError as error:
            raise BadQueryError(f"intersects is no JSON: {error}", parameter="intersects") from None
    return region.geojson(geometry)


def _filter(portal: Portal, asked: Asked) -> Filter | None:
    if not asked.filter:
        return None
    if asked.filter_crs and not asked.filter_crs.endswith("/CRS84"):
        raise BadQueryError(f"filter-crs {asked.filter_crs[:80]!r} is not known; use CRS84", parameter="filter-crs")
    if isinstance(asked.filter, str) and asked.filter_lang != "cql2-json":
        parsed = cql2.parse_text(asked.filter)
    elif isinstance(asked.filter, str):
        parsed = cql2.parse_json(asked.filter)
    else:
        parsed = cql2.parse_json(_final(asked.filter))
    return _named(parsed, portal)


def _final(filter: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return CQL2 JSON as the standard has it in the end: drafts had the ends of `between` in a list of their own."""
    waiting: list[Any] = [filter]
    while waiting:
        node = waiting.pop()
        args = node.get("args") if isinstance(node, dict) else None
        if not isinstance(args, list):
            continue
        if node.get("op") == "between" and len(args) == 2 and isinstance(args[1], list):
            node["args"] = [args[0], *args[1]]
        waiting += args
    return filter


def _operators(portal: Portal, given: str | Mapping[str, Any] | None) -> Filter | None:
    """Return the filter that the query extension's `{property: {operator: value}}` says, read as CQL2 JSON."""
    if not given:
        return None
    if isinstance(given, str):
        try:
            given = orjson.loads(given)
        except orjson.JSONDecodeError as error:
            raise BadQueryError(f"query is no JSON: {error}", parameter="query") from None
    if not isinstance(given, Mapping) or not all(isinstance(each, Mapping) for each in given.values()):
        raise BadQueryError('query is no object such as {"eo:cloud_cover": {"lt": 10}}', parameter="query")
    args = [_compared(name, op, value) for name, ops in given.items() for op, value in ops.items()]
    if not args:
        return None
    return _named(cql2.parse_json({"op": "and", "args": args} if len(args) > 1 else args[0], parameter="query"), portal)


def _compared(name: str, operator: str, value: object) -> dict[str, Any]:
    """Return one comparison of the query extension as CQL2 JSON."""
    named = {"property": name}
    value = [_number(name, each) for each in value] if isinstance(value, list) else _number(name, value)
    if operator in _COMPARISONS:
        return {"op": _COMPARISONS[operator], "args": [named, value]}
    if operator == "in":
        return {"op": "in", "args": [named, value]}
    if operator not in _PATTERNS:
        raise UnknownFieldError(operator, (*_COMPARISONS, "in", *_PATTERNS), what="operator", parameter="query")
    if not isinstance(value, str):
        raise BadQueryError(f"query: {operator} of {name[:80]!r} takes a text", parameter="query")
    # The extension does not say, and names of platforms are written in many ways.
    pattern = _PATTERNS[operator].format(value.translate(_ESCAPED))
    return {"op": "like", "args": [{"op": "casei", "args": [each]} for each in (named, pattern)]}


def _number(name: str, value: object) -> object:
    """Return the number that stands in a text, where the field holds numbers: old clients send texts."""
    if not isinstance(value, str) or fields.field(name, parameter="query").type is not Type.NUMBER:
        return value
    found = ranges.numbers(value, f"query: {name[:80]}")
    return found[0] if len(found) == 1 else value


_COMPARISONS: Final = {"eq": "=", "neq": "<>", "lt": "<", "lte": "<=", "gt": ">", "gte": ">="}
_PATTERNS: Final = {"startsWith": "{}%", "endsWith": "%{}", "contains": "%{}%"}
_ESCAPED: Final = str.maketrans({each: f"\\{each}" for each in "%_\\"})


def _named(node: Filter, portal: Portal) -> Filter:
    """Return the filter with STAC's `id` and `collection`, which are not what the portal calls so, put in its words."""
    if isinstance(node, And | Or):
        return type(node)(tuple(_named(each, portal) for each in node.args))
    if isinstance(node, Not):
        return Not(_named(node.arg, portal))
    if isinstance(node, Region | Time) or node.name not in _RENAMED:
        return node
    name, find = _RENAMED[node.name]
    if isinstance(node, IsNull):
        return IsNull(name)
    if isinstance(node, In):
        return find(portal, [str(value) for value in node.values])
    if isinstance(node, Comparison) and node.op in ("=", "<>"):
        found = find(portal, [str(node.value)])
        return found if node.op == "=" else And((Not(found), Not(IsNull(name))))
    if name == "source_id" and isinstance(node, Comparison | Between | Like):
        return replace(node, name=name)
    return _ordered(portal, node) if isinstance(node, Comparison | Between) else _alike(portal, node)


def _alike(portal: Portal, node: Like) -> Filter:
    """Return what is true for the observations of the collections whose ids match a pattern.

    Raises:
        LimitError: There are more than 10,000 collections, or the pattern takes too long to match.
    """
    checks.check_pattern(node.pattern)
    wanted = like(node.pattern, casei=node.casei, accenti=node.accenti)
    found = [each for each in portal.store.catalogue.between("", limit=_ALL) if each.kind in COLLECTION_KINDS]
    ids = sorted(each.id for each in found if wanted.matches(each.stac_id))
    if len(ids) > MAX_NAMES:
        raise LimitError("stac-names", f"{len(ids)} collections match {node.pattern[:80]!r}", parameter="filter")
    return In("dataset", tuple(ids)) if ids else NOTHING


def _ordered(portal: Portal, node: Comparison | Between) -> Filter:
    """Return what is true for the observations of the collections whose ids come before or after another text.

    Raises:
        LimitError: More than 10,000 collections do.
    """
    low, high, without = "", None, ""
    if isinstance(node, Between):
        low, high = str(node.low), str(node.high)
    else:
        value = str(node.value)
        low, high = (value, None) if ">" in node.op else ("", value)
        without = value if "=" not in node.op else ""
    found = portal.store.catalogue.between("", low, high, MAX_NAMES + 1)
    if len(found) > MAX_NAMES:
        told = f"more than {MAX_NAMES} collections come before or after {str(node)[:80]!r}"
        raise LimitError("stac-names", told, parameter="filter")
    ids = sorted(each.id for each in found if each.kind in COLLECTION_KINDS and each.stac_id != without)
    return In("dataset", tuple(ids)) if ids else NOTHING


def _datasets(portal: Portal, names: Sequence[str]) -> Filter:
    """Return what is true for the observations of these collections."""
    found = portal.store.catalogue.named("", list(names))
    ids = sorted(each.id for each in found if each.kind in COLLECTION_KINDS)
    return In("dataset", tuple(ids)) if ids else NOTHING


def _records(portal: Portal, names: Sequence[str]) -> Filter:
    """Return what is true for the items and collections of these ids."""
    catalogue = portal.store.catalogue
    keys = [*catalogue.by_stac_item(names), *catalogue.by_stac_id("", list(names)).values()]
    ids = sorted(each.record.id for each in portal.stored(keys).values())
    return In("id", tuple(ids)) if ids else NOTHING


_RENAMED: Final[Mapping[str, tuple[str, Callable[[Portal, Sequence[str]], Filter]]]] = {
    "id": ("source_id", _records),
    "source_id": ("source_id", _records),
    "collection": ("dataset", _datasets),
    "dataset": ("dataset", _datasets),
}
