"""The aggregation extension: what may be counted, what a request asks for, and the portal's counts as its answer.

Every count is exact and over the whole match. What the portal counts in one question is asked in one; only the least
and the greatest time take one more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Final

from discovery.errors import BadQueryError, LimitError, UnknownFieldError
from discovery.index.plans import MAX_BUCKETS
from discovery.index.ranges import MAX_RANGES
from discovery.model.extent import EARTH
from discovery.model.instant import iso
from discovery.portal import Keyed, Portal
from discovery.query import fields, place, ranges
from discovery.query.facets import INTERVALS, CellRequest, Place, RangeFacet, RangeRequest, RangeSelection
from discovery.query.fields import Field, Type
from discovery.query.query import (
    And,
    Between,
    Comparison,
    Facet,
    FacetRequest,
    Filter,
    Histogram,
    In,
    Query,
    Selection,
    Sort,
    conjunction,
)
from discovery.stac_api.question import COLLECTION_KINDS

TOTAL: Final = "total_count"
FIRST: Final = "datetime_min"
LAST: Final = "datetime_max"
TIMES: Final = "datetime_frequency"
CELLS: Final = "healpix_frequency"
COLLECTIONS: Final = "collection_frequency"
SUFFIX: Final = "_frequency"
MAX_AGGREGATIONS: Final = 50
"""The most aggregations that one request may ask for; there are fewer."""
_VALUES: Final = 100
_BINS: Final = 20
_ORDER: Final = 4
_PARAMETERS: Final = {
    "interval": f"the steps: {', '.join(INTERVALS)} (the finest that fits, without it)",
    "order": f"the order of the cells, 0 to 12 ({_ORDER} without it)",
    "frame": f"where the cells lie ({EARTH} without it)",
    "size": "how many buckets at most",
    "edges": "the edges of the ranges, rising, instead of round ones",
}


@dataclass(frozen=True, slots=True)
class Aggregation:
    """One thing to count, by the name that it is asked for and answered under."""

    name: str
    field: Field | None = None
    """None for the five that are no field of the table."""


@dataclass(frozen=True, slots=True)
class Counting:
    """What a request wants counted."""

    wanted: tuple[Aggregation, ...]
    options: Mapping[str, Any]
    """Values by `NAME_OPTION`, as `healpix_frequency_order`."""
    disjunctive: bool = False
    """Whether what is asked of a field is left aside where that field is counted."""


def definitions() -> list[dict[str, Any]]:
    """Return what may be counted, in the order of the field table."""
    return [_definition(each) for each in _all()]


def _all() -> Iterator[Aggregation]:
    for name in (TOTAL, FIRST, LAST, TIMES, CELLS):
        yield Aggregation(name)
    for each in fields.FIELDS.values():
        # The STAC name is taken: collection_frequency counts by what is a collection here.
        if (each.facet and each.name != "collection") or each.type is Type.NUMBER:
            yield Aggregation(COLLECTIONS if each.name == "dataset" else f"{each.name}{SUFFIX}", each)


def _definition(each: Aggregation) -> dict[str, Any]:
    found: dict[str, Any] = {"name": each.name, "data_type": _type(each)}
    if each.field is not None:
        found |= {"title": each.field.label} | ({"unit": each.field.unit} if each.field.unit else {})
    options = {f"{each.name}_{option}": _PARAMETERS[option] for option in _options(each)}
    return found | ({"parameters": options} if options else {})


def _type(each: Aggregation) -> str:
    if each.field is not None:
        return "numeric" if each.field.type is Type.NUMBER else "string"
    return {TOTAL: "integer", CELLS: "string"}.get(each.name, "datetime")


def _options(each: Aggregation) -> tuple[str, ...]:
    if each.field is not None:
        return ("size", "edges") if each.field.type is Type.NUMBER else ("size",)
    return {TIMES: ("interval",), CELLS: ("order", "frame")}.get(each.name, ())


def counting(names: Sequence[str] | None, given: Mapping[str, Any]) -> Counting:
    """Return what is to be counted.

    Args:
        names: The parameter `aggregations`; none is nothing at all, as the extension says.
        given: The other parameters of the request; those of the face itself are passed over.

    Raises:
        UnknownFieldError: There is no such aggregation, or it has no such parameter; the near ones are in the message.
        LimitError: More than 50 aggregations.
    """
    asked = list(dict.fromkeys(each.strip() for each in names or () if each.strip()))
    if len(asked) > MAX_AGGREGATIONS:
        told = f"aggregations names {len(asked)}; at most {MAX_AGGREGATIONS} are counted"
        raise LimitError("stac-aggregations", told, parameter="aggregations")
    wanted = tuple(_named(each) for each in asked)
    known = [f"{each.name}_{option}" for each in wanted for option in _options(each)]
    options = {name: value for name, value in given.items() if f"{SUFFIX}_" in name}
    for name in options:
        if name not in known:
            raise UnknownFieldError(name, known, what="parameter of the aggregations asked for", parameter=name[:80])
    return Counting(wanted, options, _flag(given.get("disjunctive")))


def _named(name: str) -> Aggregation:
    """Return an aggregation by our name for its field, or by STAC's: `eo:cloud_cover_frequency`."""
    known = {each.name: each for each in _all()}
    if name in known:
        return known[name]
    if name.endswith(SUFFIX):
        try:
            field = fields.field(name.removesuffix(SUFFIX))
        except UnknownFieldError:
            field = None
        found = [each for each in known.values() if each.field is not None and each.field is field]
        if found:
            return Aggregation(name, found[0].field)
    raise UnknownFieldError(name, known, what="aggregation", parameter="aggregations")


def _flag(value: Any) -> bool:
    if value is None or isinstance(value, bool):
        return bool(value)
    if str(value).lower() not in ("true", "false"):
        raise BadQueryError(f"disjunctive is true or false, not {str(value)[:40]!r}", parameter="disjunctive")
    return str(value).lower() == "true"


def asked(query: Query, what: Counting, within: Filter | None = None) -> Query:
    """Return the question that counts all of it but the least time.

    Args:
        query: What must match.
        what: What is to be counted.
        within: What must hold too and is never left aside: the collection of the address, the kinds of collections.
    """
    facets, numbers = [], []
    for each in what.wanted:
        if each.field is None:
            continue
        if each.field.type is Type.NUMBER:
            numbers.append(_range_request(each.name, each.field, what.options))
        else:
            size = _whole(what.options, f"{each.name}_size", _VALUES, MAX_BUCKETS, "facet-size")
            facets.append(FacetRequest(each.field.name, size))
    names = {each.name for each in what.wanted}
    counted = replace(
        query,
        facets=tuple(_once(facets, lambda each: each.name)),
        numbers=tuple(_once(numbers, lambda each: each.name)),
        histogram=Histogram(_interval(what.options)) if TIMES in names else None,
        heat=_cell_request(what.options) if CELLS in names else None,
        size=int(LAST in names),
        sort=Sort("start", descending=True),
        after="",
    )
    counted = _lifted(counted) if what.disjunctive else counted
    return replace(counted, filter=conjunction([within, counted.filter]))


def _once(requests: list[Any], name: Callable[[Any], str]) -> list[Any]:
    """Return the requests if no field is counted twice."""
    names = [name(each) for each in requests]
    if doubled := [each for each in names if names.count(each) > 1]:
        raise BadQueryError(f"{doubled[0]} is counted twice, under two names", parameter="aggregations")
    return requests


def _range_request(name: str, field: Field, options: Mapping[str, Any]) -> RangeRequest:
    parameter = f"{name}_edges"
    edges = options.get(parameter)
    if edges is None:
        bins = _whole(options, f"{name}_size", _BINS, MAX_RANGES, "range-bins")
        return RangeRequest(field.name, bins=bins, log=field.log)
    if isinstance(edges, list):
        edges = ",".join(str(each) for each in edges)
    found = ranges.numbers(str(edges), parameter)
    if len(found) < 2 or any(low >= high for low, high in pairwise(found)):
        raise BadQueryError(f"{parameter}: two numbers or more, each above the one before it", parameter=parameter)
    return RangeRequest(field.name, edges=found)


def _whole(options: Mapping[str, Any], name: str, default: int, most: int, limit: str) -> int:
    value = str(options.get(name, default)).strip()
    if not (value.isascii() and value.isdigit()) or not value.strip("0"):
        raise BadQueryError(f"{name} {value[:40]!r} is not a whole number from 1 to {most}", parameter=name)
    if len(value) > 9 or int(value) > most:
        raise LimitError(limit, f"{name} {value[:20]} is more than {most}", parameter=name)
    return int(value)


def _interval(options: Mapping[str, Any]) -> str:
    name = f"{TIMES}_interval"
    value = str(options.get(name, "auto"))
    if value not in INTERVALS:
        raise UnknownFieldError(value, INTERVALS, what="interval", parameter=name)
    return value


def _cell_request(options: Mapping[str, Any]) -> CellRequest:
    order = str(options.get(f"{CELLS}_order", _ORDER)).strip()
    if not (order.isascii() and order.isdigit() and len(order) < 3):
        raise BadQueryError(f"{CELLS}_order {order[:40]!r} is not 0 to 12", parameter=f"{CELLS}_order")
    frame = str(options.get(f"{CELLS}_frame", EARTH))
    checked = place.checked(Place(frame, int(order), 0))
    return CellRequest(checked.frame, checked.order)


def _lifted(query: Query) -> Query:
    """Return the same question with what its filter asks of one field as a selection of that field.

    Selections are left aside where their own field is counted. Only what stands by itself beside the rest can be
    lifted: what is inside an OR or a NOT says something about several things at once.
    """
    parts = query.filter.args if isinstance(query.filter, And) else (query.filter,) if query.filter else ()
    flat = [inner for each in parts for inner in (each.args if isinstance(each, And) else (each,))]
    names = [getattr(each, "name", "") for each in flat]
    kept: list[Filter] = []
    selections: list[Selection] = []
    numbers: list[RangeSelection] = []
    for each, name in zip(flat, names, strict=True):
        lifted = _selection(each) if names.count(name) == 1 else None
        if isinstance(lifted, Selection):
            selections.append(lifted)
        elif isinstance(lifted, RangeSelection):
            numbers.append(lifted)
        else:
            kept.append(each)
    return replace(
        query,
        filter=conjunction(kept),
        selections=(*query.selections, *selections),
        ranges=(*query.ranges, *numbers),
    )


def _selection(node: Filter) -> Selection | RangeSelection | None:
    match node:
        case Comparison("=", name, str() as value) if name in fields.FACETS:
            return Selection(name, (value,))
        case In(name, values) if name in fields.FACETS and all(isinstance(each, str) for each in values):
            return Selection(name, tuple(str(each) for each in values))
        case Comparison("<" | "<=" as op, name, float() | int() as value) if name in fields.NUMBERS:
            return RangeSelection(name, None, float(value), below=op == "<")
        case Comparison(">=", name, float() | int() as value) if name in fields.NUMBERS:
            return RangeSelection(name, float(value), None)
        case Between(name, float() | int() as low, float() | int() as high) if name in fields.NUMBERS and low <= high:
            return RangeSelection(name, float(low), float(high))
        case _:
            return None


def answered(portal: Portal, query: Query, what: Counting, within: Filter | None = None) -> list[dict[str, Any]]:
    """Return the aggregations of what matches a query, in the order in which they were asked for; as `asked`."""
    question = asked(query, what, within)
    if not what.wanted:
        return []
    found = portal.keys(question)
    facets = {each.name: each for each in found.facets}
    numbers = {each.name: each for each in found.numbers}
    out = []
    for each in what.wanted:
        answer = {"name": each.name, "data_type": _type(each)}
        if each.field is None:
            answer |= _single(portal, question, found, each.name)
        elif each.field.type is Type.NUMBER:
            answer |= _ranged(numbers[each.field.name]) | _said(numbers[each.field.name].exact)
        else:
            answer |= _counted(portal, facets[each.field.name])
        out.append(answer)
    return out


def _single(portal: Portal, query: Query, found: Keyed, name: str) -> dict[str, Any]:
    if name == TOTAL:
        return {"value": found.total.value} | _said(found.total.exact)
    if name == LAST:
        return {"value": _time(portal, found)}
    if name == FIRST:
        nothing: dict[str, Any] = {"facets": (), "numbers": (), "histogram": None, "heat": None}
        return {"value": _time(portal, portal.keys(replace(query, size=1, sort=Sort("start"), **nothing), total=False))}
    if name == TIMES:
        buckets = [{"key": iso(each.start), "data_type": "datetime", "frequency": each.count} for each in found.bins]
        dated = sum(each.count for each in found.bins)
        kind = {"data_type": f"interval_{found.interval}"} if found.interval else {}
        return {
            **kind,
            "buckets": buckets,
            "overflow": max(0, found.total.value - dated),
            **_said(not found.approximate),
        }
    heat = found.heat
    cells = heat.cells if heat is not None else ()
    order = heat.order if heat is not None else 0
    frame = heat.frame if heat is not None else EARTH
    return {
        "buckets": [
            {"key": place.to_text(Place(frame, order, cell)), "data_type": "string", "frequency": count}
            for cell, count in cells
        ],
        "overflow": max(0, found.total.value - sum(count for _, count in cells)),
    } | _said(heat is None or heat.exact)


def _time(portal: Portal, found: Keyed) -> str | None:
    stored = portal.stored(found.keys[:1]) if found.keys else {}
    starts = [each.record.extent.start for each in stored.values()]
    return iso(starts[0]) if starts and starts[0] is not None else None


def _counted(portal: Portal, facet: Facet) -> dict[str, Any]:
    called = names(portal, facet) if facet.name == "dataset" else {each.value: each.value for each in facet.buckets}
    buckets = []
    for each in facet.buckets:
        if each.value in called:
            bucket = {"key": called[each.value], "data_type": "string", "frequency": each.count}
            bucket |= {"title": each.label} if each.label and each.label != bucket["key"] else {}
            buckets.append(bucket | ({"discovery:selected": True} if each.selected else {}))
    elsewhere = sum(each.count for each in facet.buckets if each.value not in called)
    return {"buckets": buckets, "overflow": facet.other + elsewhere} | _said(facet.exact)


def names(portal: Portal, facet: Facet) -> dict[str, str]:
    """Return the STAC ids of those values of the facet `dataset` that are collections here."""
    stored = portal.stored(list(portal.store.catalogue.keys(each.value for each in facet.buckets).values()))
    return {each.record.id: each.stac_id for each in stored.values() if each.record.kind in COLLECTION_KINDS}


def _ranged(found: RangeFacet) -> dict[str, Any]:
    """Return the ranges of a number; each holds its lower edge and, but for the last of a histogram, not its upper."""
    buckets = [
        {
            "key": f"{ranges.number(each.low)}-{ranges.number(each.high)}",
            "data_type": "numeric",
            "frequency": each.count,
            "from": each.low,
            "to": each.high,
        }
        | ({"discovery:closed": True} if each.closed else {})
        for each in found.ranges
    ]
    beyond = {"discovery:below": found.below, "discovery:above": found.above, "discovery:missing": found.missing}
    ends = {"discovery:minimum": found.least, "discovery:maximum": found.greatest}
    return {"buckets": buckets, "overflow": found.below + found.above, **beyond, **ends}


def _said(exact: bool) -> dict[str, Any]:
    """Return what says that counts are only nearly right, which those of huge borders of regions can be."""
    return {} if exact else {"discovery:exact": False}
