"""What both forms of CQL2 have in common: operands, and the predicates made of them, checked against the field table.

The readers of text and JSON turn their input into the operands here and call one function for each kind of predicate,
so that the two forms mean the same.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from discovery.errors import BadQueryError, LimitError, UnknownFieldError
from discovery.model import instant
from discovery.model.extent import Geometry
from discovery.query import fields
from discovery.query.cql2.limits import Budget
from discovery.query.fields import TAIL_PREFIX, Field, Type
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
    Scalar,
)

PARAMETER: Final = "filter"
FLIPPED: Final = {"=": "=", "<>": "<>", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
"""Every comparison operator, and what it becomes when its sides change places."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where in the input something stands: a character of text or a path of JSON."""

    parameter: str | None = PARAMETER
    position: int | None = None
    path: str = ""

    def error(self, message: str) -> BadQueryError:
        """Return the error that says what is wrong here."""
        if self.position is not None:
            message = f"at character {self.position + 1}: {message}"
        elif self.path:
            message = f"at {self.path}: {message}"
        return BadQueryError(message, parameter=self.parameter, position=self.position)


@dataclass(frozen=True, slots=True)
class Property:
    """A property name, perhaps inside CASEI or ACCENTI."""

    name: str
    place: Place
    casei: bool = False
    accenti: bool = False

    kind = "property"


@dataclass(frozen=True, slots=True)
class Literal:
    """A text, number or boolean, or (with `temporal`) the text of a DATE or TIMESTAMP."""

    value: Scalar
    place: Place
    temporal: bool = False
    casei: bool = False
    accenti: bool = False

    kind = "value"


@dataclass(frozen=True, slots=True)
class Interval:
    """A pair of instants, of which each is a property, a literal, or `Literal("..")` for open."""

    start: Property | Literal
    end: Property | Literal
    place: Place

    kind = "interval"


@dataclass(frozen=True, slots=True)
class Shape:
    """A geometry in no frame yet, with its structure checked; or the four numbers of a box."""

    geometry: Geometry
    place: Place
    budget: Budget
    box: tuple[float, float, float, float] | None = None

    kind = "geometry"


@dataclass(frozen=True, slots=True)
class Array:
    """A list of literals."""

    items: tuple[Literal, ...]
    place: Place

    kind = "array"


Operand = Property | Literal | Interval | Shape | Array


def resolve(operand: Property) -> tuple[str, Field | None]:
    """Return the name that nodes use and its field; a name of the long tail has no field and keeps its prefix.

    Raises:
        UnknownFieldError: The table has no such name and it does not begin with `properties.`.
    """
    try:
        field = fields.field(operand.name, parameter=operand.place.parameter)
    except UnknownFieldError as error:
        if operand.name.startswith(TAIL_PREFIX) and len(operand.name) > len(TAIL_PREFIX):
            return operand.name, None
        error.position = operand.place.position
        raise
    return field.name, field


def comparison(op: str, left: Operand, right: Operand) -> Filter:
    """Return `left op right`, where one side is a property and the other a value."""
    if isinstance(left, Literal) and isinstance(right, Property):
        op, left, right = FLIPPED[op], right, left
    target, literal = _property_and(left, right)
    name, field = resolve(target)
    if target.casei or target.accenti or literal.casei or literal.accenti:
        return _folded_comparison(op, target, literal)
    if field is None:
        if op not in ("=", "<>"):
            raise target.place.error(f"{name} is in no table, so it takes =, <>, IN and IS NULL, not {op}")
        return Comparison(op, name, _tail_value(literal))
    if field.type is Type.INSTANT:
        return _instant_comparison(op, name, literal)
    if field.type is Type.TEXT:
        raise target.place.error(f"{name} is text for words; it takes LIKE and IS NULL, not {op}")
    return Comparison(op, name, value_of(field, literal))


def between(target: Operand, low: Operand, high: Operand) -> Filter:
    """Return `target BETWEEN low AND high`, both ends included."""
    prop, first = _property_and(target, low)
    _, last = _property_and(target, high)
    name, field = resolve(prop)
    _refuse_folding(prop, "BETWEEN")
    if field is None or field.type is Type.TEXT:
        raise prop.place.error(f"{name} has no order, so it does not take BETWEEN")
    if field.type is Type.INSTANT:
        return Between(name, span_of(name, first)[0], span_of(name, last)[1])
    return Between(name, value_of(field, first), value_of(field, last))


def within(target: Operand, items: Sequence[Operand], place: Place) -> Filter:
    """Return `target IN (items)`."""
    if not isinstance(target, Property):
        raise place.error(f"IN asks for a property on its left, not {target.kind}")
    literals = [_property_and(target, item)[1] for item in items]
    if not literals:
        raise place.error("IN needs at least one value")
    name, field = resolve(target)
    folded = target.casei or target.accenti or any(each.casei or each.accenti for each in literals)
    if folded or (field is not None and field.type is Type.INSTANT):
        return _any([comparison("=", target, each) for each in literals])
    if field is None:
        return In(name, tuple(_tail_value(each) for each in literals))
    if field.type is Type.TEXT:
        raise target.place.error(f"{name} is text for words; it takes LIKE and IS NULL, not IN")
    return In(name, tuple(value_of(field, each) for each in literals))


def like(target: Operand, pattern: Operand) -> Filter:
    """Return `target LIKE pattern`."""
    prop, literal = _property_and(target, pattern)
    name, field = resolve(prop)
    if field is None or field.type not in (Type.KEYWORD, Type.TEXT):
        what = "in no table" if field is None else f"a field of type {field.type}"
        raise prop.place.error(f"{name} is {what}, so it does not take LIKE")
    if not isinstance(literal.value, str) or literal.temporal:
        raise literal.place.error(f"LIKE asks for text, not {literal.value!r}")
    return Like(name, literal.value, _casei(prop, literal), _accenti(prop, literal))


def is_null(target: Operand, place: Place) -> Filter:
    """Return `target IS NULL`."""
    if not isinstance(target, Property):
        raise place.error(f"IS NULL asks for a property on its left, not {target.kind}")
    if target.name == GEOMETRY:
        # Only a record with a footprint has a frame.
        return IsNull("frame")
    return IsNull(resolve(target)[0])


def spatial(function: str, left: Operand, right: Operand, place: Place) -> Filter:
    """Return a region for `S_INTERSECTS` and its neighbours, where one side is `geometry` and the other a geometry."""
    relation = RELATIONS.get(function.lower())
    if relation is None:
        raise place.error(f"{function[:20]} is not answered here; there are {', '.join(RELATIONS).upper()}")
    if isinstance(left, Shape) and isinstance(right, Property):
        left, right = right, left
        relation = _CONVERSE.get(relation, relation)
    if not (isinstance(left, Property) and isinstance(right, Shape)):
        raise place.error(f"{function.upper()} asks for geometry and a geometry, not {left.kind} and {right.kind}")
    return _region(right, _frame(left), relation)


def _region(shape: Shape, frame: str, relation: str) -> Region:
    # The geometry libraries behind it are slow to load, and most filters need none of them.
    from discovery.query import region

    try:
        if shape.box is not None:
            return region.bbox(shape.box, frame=frame, relation=relation)
        return region.geojson(shape.geometry, frame=frame, relation=relation, parameter="geometry")
    except LimitError:
        raise
    except BadQueryError as error:
        raise shape.place.error(str(error)) from None


RELATIONS: Final = {
    "s_intersects": "intersects",
    "s_within": "within",
    "s_contains": "contains",
    "s_disjoint": "disjoint",
}
"""The spatial functions that are answered, and the relation of the record's footprint to the region."""
GEOMETRY: Final = "geometry"
"""The name of a footprint on the Earth; `geometry.sky` is one on the sky, and so on for other frames."""
_CONVERSE: Final = {"within": "contains", "contains": "within"}
_FOOTPRINTS: Final = {"geometry": "earth", "properties.geometry": "earth", "footprint": "earth", "s_region": "sky"}


def is_footprint(name: str) -> bool:
    """Return whether a property name stands for the footprint of records."""
    return name in _FOOTPRINTS or name.startswith(f"{GEOMETRY}.")


def _frame(target: Property) -> str:
    frame = _FOOTPRINTS.get(target.name)
    if frame is None and target.name.startswith(f"{GEOMETRY}."):
        frame = target.name.removeprefix(f"{GEOMETRY}.")
    if not frame:
        known = f"{', '.join(_FOOTPRINTS)}, {GEOMETRY}.sky"
        raise target.place.error(f"{target.name[:80]!r} is no geometry; there are {known}")
    return frame


def array(function: str, left: Operand, right: Operand, place: Place) -> Filter:
    """Return `A_CONTAINS` (every item) or `A_OVERLAPS` (at least one) of a property and a list of values."""
    op = function.lower()
    if op == "a_containedby" and isinstance(left, Array):
        op, left, right = "a_contains", right, left
    if op == "a_overlaps" and isinstance(left, Array):
        left, right = right, left
    if op not in ("a_contains", "a_overlaps") or isinstance(left, Array):
        raise place.error(f"{function[:20]} is not answered here; there are A_CONTAINS and A_OVERLAPS of a property")
    if not isinstance(right, Array) or not right.items:
        raise place.error(f"{function.upper()} asks for a property and a list of values")
    if op == "a_overlaps":
        return within(left, right.items, place)
    parts = tuple(comparison("=", left, item) for item in right.items)
    return parts[0] if len(parts) == 1 else And(parts)


_LARGEST: Final = 10**30
_TYPE_WORDS: Final = {Type.NUMBER: "a number", Type.KEYWORD: "text", Type.INSTANT: "a time", Type.TEXT: "text"}


def value_of(field: Field, literal: Literal) -> Scalar:
    """Return the literal as a value of the field.

    Raises:
        BadQueryError: The literal is of another type; the message names field and value.
    """
    value = literal.value
    if field.type is Type.NUMBER and not literal.temporal and isinstance(value, int | float):
        number = _float(value)
        if not isinstance(value, bool) and math.isfinite(number):
            return number
    if field.type is Type.KEYWORD and not literal.temporal and isinstance(value, str):
        return value
    raise literal.place.error(f"{field.name} is {_TYPE_WORDS[field.type]}, {_shown(value)} is not")


def span_of(name: str, literal: Literal) -> tuple[int, int]:
    """Return the first and last millisecond of a date or time given as text, DATE or TIMESTAMP."""
    if not isinstance(literal.value, str):
        raise literal.place.error(
            f"{name} is a time, {_shown(literal.value)} is not; write TIMESTAMP('...') or DATE('...')"
        )
    try:
        return instant.span(literal.value)
    except ValueError as error:
        raise literal.place.error(f"{name}: {error}") from None


def _property_and(left: Operand, right: Operand) -> tuple[Property, Literal]:
    if isinstance(left, Property) and isinstance(right, Literal):
        return left, right
    if isinstance(left, Property) and isinstance(right, Property):
        raise right.place.error(
            f"expected a value, found the property {right.name[:80]!r}; text stands in single quotes"
        )
    if not isinstance(left, Property):
        raise left.place.error(f"expected a property to compare, found {left.kind}")
    raise right.place.error(f"expected a value, found {right.kind}")


def _instant_comparison(op: str, name: str, literal: Literal) -> Filter:
    first, last = span_of(name, literal)
    if first == last:
        return Comparison(op, name, first)
    outside = Or((Comparison("<", name, first), Comparison(">", name, last)))
    whole: dict[str, Callable[[], Filter]] = {
        "=": lambda: Between(name, first, last),
        "<>": lambda: outside,
        "<": lambda: Comparison("<", name, first),
        "<=": lambda: Comparison("<=", name, last),
        ">": lambda: Comparison(">", name, last),
        ">=": lambda: Comparison(">=", name, first),
    }
    return whole[op]()


def _folded_comparison(op: str, target: Property, literal: Literal) -> Filter:
    if op not in ("=", "<>"):
        raise target.place.error(f"CASEI and ACCENTI compare with =, <>, LIKE and IN, not {op}")
    if not isinstance(literal.value, str) or literal.temporal:
        raise literal.place.error(f"CASEI and ACCENTI ask for text, not {_shown(literal.value)}")
    exact = Literal(escape_pattern(literal.value), literal.place, False, literal.casei, literal.accenti)
    found = like(target, exact)
    if op == "=":
        return found
    return And((Not(found), Not(IsNull(resolve(target)[0]))))


def escape_pattern(text: str) -> str:
    """Return the LIKE pattern that matches exactly this text."""
    return re.sub(r"([%_\\])", r"\\\1", text)


def _casei(target: Property, literal: Literal) -> bool:
    return target.casei or literal.casei


def _accenti(target: Property, literal: Literal) -> bool:
    return target.accenti or literal.accenti


def _refuse_folding(target: Property, what: str) -> None:
    if target.casei or target.accenti:
        raise target.place.error(f"CASEI and ACCENTI compare with =, <>, LIKE and IN, not {what}")


def _any(parts: Sequence[Filter]) -> Filter:
    return parts[0] if len(parts) == 1 else Or(tuple(parts))


def _tail_value(literal: Literal) -> str:
    # The long tail holds text; a number or boolean is compared as JSON would write it.
    value = literal.value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    if not abs(value) < _LARGEST:
        raise literal.place.error(f"{_shown(value)} is not a number of the long tail")
    return repr(value)


def _float(value: float) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _shown(value: Scalar) -> str:
    # Python refuses to write whole numbers of thousands of digits.
    large = isinstance(value, int) and abs(value) >= _LARGEST
    text = "a number of more than 30 digits" if large else repr(value)
    return text if len(text) <= 80 else f"{text[:80]}..."
