"""What the schema takes, and how it becomes the query that every face makes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import strawberry
from strawberry import UNSET

from discovery.errors import BadQueryError, LimitError
from discovery.query import fields, names, order
from discovery.query import region as regions
from discovery.query import time as times
from discovery.query.cql2.limits import checked
from discovery.query.fields import TAIL_PREFIX, Type
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
    Region,
    Selection,
    Sort,
    Time,
    conjunction,
)
from discovery_graphql.described import attribute, optional
from discovery_graphql.enums import FacetName, FrameName, RelationName, SortName
from discovery_graphql.scalars import AskedInstant, GeoJSON


@strawberry.input(description="Conditions on a field of exact text; all that are given must hold.")
class KeywordFilter:
    """Conditions on a field of exact text."""

    eq: str | None = optional("One of the record's values is this one.")
    in_: list[str] | None = optional("One of the record's values is among these.", name="in")
    like: str | None = optional("A value fits this pattern: `%` is any run of characters, `_` is one, `\\` escapes.")
    is_null: bool | None = optional("Whether the record has no value.")


@strawberry.input(description="Conditions on a number; all that are given must hold.")
class NumberFilter:
    """Conditions on a number."""

    eq: float | None = optional("The number is this one.")
    in_: list[float] | None = optional("The number is among these.", name="in")
    gte: float | None = optional("The number is at least this.")
    lte: float | None = optional("The number is at most this.")
    is_null: bool | None = optional("Whether the record has no value.")


@strawberry.input(description="Conditions on an instant; all that are given must hold.")
class InstantFilter:
    """Conditions on an instant."""

    eq: AskedInstant | None = optional("The instant lies within this year, month, day or is this instant.")
    gte: AskedInstant | None = optional("The instant is not before the beginning of this.")
    lte: AskedInstant | None = optional("The instant is not behind the end of this.")
    is_null: bool | None = optional("Whether the record has no value.")


@strawberry.input(description="Conditions on a text; words are asked for by `text`, not here.")
class TextFilter:
    """Conditions on a text."""

    like: str | None = optional("The text fits this pattern: `%` is any run of characters, `_` is one, `\\` escapes.")
    is_null: bool | None = optional("Whether the record has no text.")


@strawberry.input(description="A condition on a property from the long tail, by its name.")
class PropertyFilter:
    """A condition on a property from the long tail."""

    name: str = attribute("The name of the property.")
    eq: str | None = optional("One of its values is this one.")
    in_: list[str] | None = optional("One of its values is among these.", name="in")


MAX_TICKED: Final = 100
"""Ticked values of a facet; each comes back with its count, so they are as many as buckets may be."""

_INPUTS: Final = {
    Type.KEYWORD: KeywordFilter,
    Type.NUMBER: NumberFilter,
    Type.INSTANT: InstantFilter,
    Type.TEXT: TextFilter,
}

if TYPE_CHECKING:

    class RecordFilter:
        """Conditions on records: one attribute a field of the field table, `and_`, `or_`, `not_`, `property`."""

        and_: list[RecordFilter] | None
        or_: list[RecordFilter] | None
        not_: RecordFilter | None
        property: list[PropertyFilter] | None
else:

    def _record_filter() -> type:
        """Return the filter input with one member for each row of the field table."""
        members: dict[str, Any] = {
            "and_": optional("All of these hold.", name="and"),
            "or_": optional("At least one of these holds; none for an empty list.", name="or"),
            "not_": optional("This does not hold.", name="not"),
        }
        notes: dict[str, Any] = {
            "and_": "list[RecordFilter] | None",
            "or_": "list[RecordFilter] | None",
            "not_": "RecordFilter | None",
        }
        for each in fields.FIELDS.values():
            unit = f" in {each.unit}" if each.unit else ""
            members[each.name] = optional(f"{each.label}{unit}.")
            notes[each.name] = f"{_INPUTS[each.type].__name__} | None"
        members["property"] = optional("Properties from the long tail.")
        notes["property"] = "list[PropertyFilter] | None"
        made = type("RecordFilter", (), {"__annotations__": notes, "__module__": __name__, **members})
        return strawberry.input(made, description="Conditions on records; all that are given must hold.")

    RecordFilter = _record_filter()


@strawberry.input(
    description="Values ticked in one facet: any of them will do, and they do not narrow their own facet."
)
class FacetSelection:
    """Values ticked in one facet."""

    name: FacetName = attribute("The facet.")
    values: list[str] = attribute("The values that are ticked; none is no selection.")


@strawberry.input(description="A circle.")
class ConeInput:
    """A circle."""

    lon: float = attribute("Right ascension or longitude of the centre in degrees.")
    lat: float = attribute("Declination or latitude of the centre in degrees.")
    radius: float = attribute("The radius in degrees, 0 to 180.")


@strawberry.input(description="A place: exactly one of `bbox`, `cone`, `polygon`, `geometry`, `moc` and `name`.")
class RegionInput:
    """A place."""

    bbox: list[float] | None = optional("West, south, east, north in degrees; west > east crosses the antimeridian.")
    cone: ConeInput | None = optional("A circle; on the sky unless a frame is given.")
    polygon: list[float] | None = optional("A flat list lon, lat, lon, lat, ...; on the sky unless a frame is given.")
    geometry: GeoJSON | None = optional("A GeoJSON geometry.")
    moc: str | None = optional("A MOC: `3/1-4 5/200`, or as JSON; on the sky unless a frame is given.")
    name: str | None = optional("The name of a place or of a thing on the sky: `Italy`, `M31`.")
    frame: FrameName | None = optional(
        "The frame; when not given, the Earth for `bbox` and `geometry`, the sky for `cone` and `polygon`."
    )
    relation: RelationName | None = optional("How footprints must lie to the region; INTERSECTS when not given.")


@strawberry.input(description="A time; records whose interval overlaps it match. At least one end must be given.")
class TimeInput:
    """A time."""

    start: AskedInstant | None = optional("The beginning; open when not given.")
    end: AskedInstant | None = optional("The end, included; open when not given.")


@strawberry.input(description="An order; records without a value come last either way.")
class SortInput:
    """An order."""

    by: SortName = attribute("The field.")
    descending: bool = strawberry.field(description="Largest or latest first.", default=False)
    then: list[SortInput] | None = optional(
        "What orders records that are equal so far, the first counting most; at most four fields in all."
    )


def to_filter(given: RecordFilter | None) -> Filter | None:
    """Return the filter node of an input, None when it has no condition.

    Raises:
        BadQueryError: A condition is null, or a value cannot be read.
        LimitError: More levels or predicates than `discovery.query.cql2.limits` allows.
    """
    found = _record(given) if given else None
    return None if found is None else checked(found, "filter")


def _record(given: RecordFilter) -> Filter | None:
    parts: list[Filter] = []
    for name, each in fields.FIELDS.items():
        condition = getattr(given, name)
        if condition is not UNSET and condition is not None:
            parts.extend(_CONDITIONS[each.type](name, condition))
    for asked in _list(given.property):
        parts.extend(_plain(TAIL_PREFIX + asked.name, asked))
    parts.extend(each for each in map(_record, _list(given.and_)) if each is not None)
    if given.or_ is not UNSET and given.or_ is not None:
        # An alternative without a condition holds for every record, as an empty filter does.
        parts.append(Or(tuple(_record(each) or And(()) for each in given.or_)))
    if given.not_ is not UNSET and given.not_ is not None:
        parts.append(Not(_record(given.not_) or And(())))
    return conjunction(parts)


def _list(value: Any) -> Sequence[Any]:
    return () if value is UNSET or value is None else value


def _given(condition: Any, *names: str) -> Iterator[tuple[str, Any]]:
    """Yield the members of a condition that were given; a null is a mistake, since nothing equals it."""
    for name in names:
        value = getattr(condition, name)
        if value is None:
            operator = name.rstrip("_").replace("is_null", "isNull")
            raise BadQueryError(f"{operator} is null; ask for a missing value by isNull: true", parameter="filter")
        if value is not UNSET:
            yield name, value


def _plain(name: str, condition: KeywordFilter | PropertyFilter) -> Iterator[Filter]:
    for operator, value in _given(condition, "eq", "in_"):
        yield Comparison("=", name, value) if operator == "eq" else In(name, tuple(value))


def _null(name: str, condition: Any) -> Iterator[Filter]:
    for _, value in _given(condition, "is_null"):
        yield IsNull(name) if value else Not(IsNull(name))


def _keyword(name: str, condition: KeywordFilter) -> Iterator[Filter]:
    yield from _plain(name, condition)
    for _, value in _given(condition, "like"):
        yield Like(name, value)
    yield from _null(name, condition)


def _number(name: str, condition: NumberFilter) -> Iterator[Filter]:
    for operator, value in _given(condition, "eq", "in_", "gte", "lte"):
        if operator == "in_":
            yield In(name, tuple(value))
        else:
            yield Comparison({"eq": "=", "gte": ">=", "lte": "<="}[operator], name, value)
    yield from _null(name, condition)


def _moment(name: str, condition: InstantFilter) -> Iterator[Filter]:
    for operator, value in _given(condition, "eq", "gte", "lte"):
        start, end = times.span(value, parameter="filter")
        if operator == "eq":
            yield Between(name, start, end)
        else:
            yield Comparison(">=", name, start) if operator == "gte" else Comparison("<=", name, end)
    yield from _null(name, condition)


def _text(name: str, condition: TextFilter) -> Iterator[Filter]:
    for _, value in _given(condition, "like"):
        yield Like(name, value)
    yield from _null(name, condition)


_CONDITIONS: Final[dict[Type, Callable[[str, Any], Iterator[Filter]]]] = {
    Type.KEYWORD: _keyword,
    Type.NUMBER: _number,
    Type.INSTANT: _moment,
    Type.TEXT: _text,
}


def to_region(given: RegionInput | None, resolver: names.Resolve = names.resolve) -> Region | None:
    """Return the region of an input.

    Args:
        given: The input.
        resolver: What knows names.

    Raises:
        BadQueryError: Not exactly one shape, one that cannot be, or a name that is not known.
    """
    if not given:
        return None
    shapes = {
        name: value
        for name in ("bbox", "cone", "polygon", "geometry", "moc", "name")
        if (value := getattr(given, name)) is not UNSET and value is not None
    }
    if len(shapes) != 1:
        told = ", ".join(shapes) or "none"
        raise BadQueryError(
            f"region needs exactly one of bbox, cone, polygon, geometry, moc, name; not {told}", parameter="region"
        )
    options: dict[str, Any] = {"parameter": "region"}
    if given.frame:
        options["frame"] = given.frame.value
    if given.relation:
        options["relation"] = given.relation.value
    ((name, value),) = shapes.items()
    if name == "name":
        found = names.near(value, frame=options.get("frame", ""), parameter="region", resolver=resolver)
        return replace(found, relation=options.get("relation", found.relation))
    if name == "cone":
        return regions.cone([value.lon, value.lat, value.radius], **options)
    if name in ("geometry", "moc"):
        return (regions.geojson if name == "geometry" else regions.moc)(value, **options)
    return regions.bbox(value, **options) if name == "bbox" else regions.polygon(value, **options)


def to_time(given: TimeInput | None, parameter: str = "time") -> Time | None:
    """Return the time of an input.

    Args:
        given: The input.
        parameter: What errors call it.

    Raises:
        BadQueryError: Both ends are open, or the end lies before the start.
    """
    if not given:
        return None
    return times.interval(f"{given.start or '..'}/{given.end or '..'}", parameter=parameter)


def to_sort(given: SortInput | None) -> Sort | None:
    """Return the order of an input.

    Raises:
        BadQueryError: The order by overlap stands beside another.
        LimitError: More than four fields.
    """
    return order.joined(map(_sort, [given] if given else []))


def _sort(given: SortInput) -> Sort:
    return Sort(given.by.value, given.descending, tuple(map(_sort, given.then or ())))


def to_selections(given: Sequence[FacetSelection] | None) -> tuple[Selection, ...]:
    """Return what is ticked; the values of a facet that is named twice are put together.

    Raises:
        LimitError: More than `MAX_TICKED` values in one facet.
    """
    ticked: dict[str, dict[str, None]] = {}
    for each in given or ():
        ticked.setdefault(each.name.value, {}).update(dict.fromkeys(each.values))
        if len(ticked[each.name.value]) > MAX_TICKED:
            message = f"more than {MAX_TICKED} values of {each.name.value} are ticked; use filter for long lists"
            raise LimitError("graphql-selections", message, parameter="facets")
    return tuple(Selection(name, tuple(values)) for name, values in ticked.items() if values)
