"""CQL2 JSON read into filter nodes, and written."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Final

import orjson

from discovery.errors import BadQueryError
from discovery.model import instant
from discovery.query.cql2 import shapes
from discovery.query.cql2.limits import (
    MAX_BYTES,
    MAX_DEPTH,
    MAX_JSON_BYTES,
    Budget,
    checked,
    too_deep,
    too_long,
    too_long_json,
)
from discovery.query.cql2.predicates import (
    FLIPPED,
    PARAMETER,
    Array,
    Interval,
    Literal,
    Operand,
    Place,
    Property,
    array,
    between,
    comparison,
    is_null,
    like,
    spatial,
    within,
)
from discovery.query.cql2.temporal import temporal
from discovery.query.cql2.writer import FUNCTIONS, footprint, is_instant
from discovery.query.fields import DATETIME
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
    Time,
)
from discovery.query.time import OPEN

_COST: Final = 8
"""Bytes that a number or a bracket counts for, about what it is written with."""


def parse_json(value: object, *, parameter: str | None = PARAMETER) -> Filter:
    """Return the filter that a CQL2 JSON object says, with our names and with literals of each field's type.

    Args:
        value: The object as a JSON reader gives it, or JSON text, which is read here.
        parameter: What errors call the input.

    Raises:
        BadQueryError: The object is wrong; the message gives the path, such as `args[1].op`.
        UnknownFieldError: A name is not in the field table.
        LimitError: It has more than 8 KiB (geometries aside), 32 levels, 200 predicates or 5,000 positions.
    """
    if isinstance(value, str | bytes):
        value = _loaded(value, parameter)
    return checked(_Reader(parameter).boolean(value, "", 1), parameter)


def _loaded(text: str | bytes, parameter: str | None) -> object:
    if len(text) > MAX_JSON_BYTES:
        raise too_long_json(parameter)
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        if "recursion" in str(error).lower():
            raise too_deep(parameter) from None
        raise BadQueryError(f"not JSON: {error.msg}", parameter=parameter, position=error.pos) from None
    except UnicodeEncodeError:
        raise BadQueryError("not JSON: half a surrogate pair is no character", parameter=parameter) from None


class _Reader:
    """One walk over the object, which spends from a budget so that a huge one ends early."""

    def __init__(self, parameter: str | None) -> None:
        self.parameter = parameter
        self.bytes = MAX_BYTES
        self.budget = Budget()

    def place(self, path: str) -> Place:
        return Place(self.parameter, path=path.lstrip("."))

    def spend(self, count: int) -> None:
        self.bytes -= count
        if self.bytes < 0:
            raise too_long(self.parameter)

    # Boolean expressions

    def boolean(self, value: object, path: str, depth: int) -> Filter:
        if depth > MAX_DEPTH:
            raise too_deep(self.parameter)
        self.spend(_COST)
        if isinstance(value, bool):
            return And(()) if value else Or(())
        op, args = self.operation(value, path)
        if op in ("and", "or"):
            parts = tuple(self.boolean(each, f"{path}.args[{i}]", depth + 1) for i, each in enumerate(args))
            if not parts:
                raise self.place(path).error(f"{op} needs arguments")
            if len(parts) == 1:
                return parts[0]
            return And(parts) if op == "and" else Or(parts)
        if op == "not":
            self.arity(op, args, 1, path)
            return Not(self.boolean(args[0], f"{path}.args[0]", depth + 1))
        return self.predicate(op, args, path)

    def operation(self, value: object, path: str) -> tuple[str, list[Any]]:
        """Return the operator in lower case, and its arguments."""
        if not isinstance(value, Mapping):
            raise self.place(path).error(f"expected an object with op and args, found {_shown(value)}")
        op, args = value.get("op"), value.get("args")
        if not isinstance(op, str) or not isinstance(args, list | tuple):
            raise self.place(path).error("expected an object with op, a text, and args, a list")
        self.spend(len(op))
        return op.lower(), list(args)

    def arity(self, op: str, args: list[Any], count: int, path: str) -> None:
        if len(args) != count:
            raise self.place(path).error(f"{op[:20]} takes {count} arguments, not {len(args)}")

    def predicate(self, op: str, args: list[Any], path: str) -> Filter:
        place = self.place(path)
        if op == "isnull":
            self.arity("isNull", args, 1, path)
            return is_null(self.operand(args[0], f"{path}.args[0]"), place)
        if op == "between":
            return between(*self.operands(op, args, 3, path))
        if op == "in":
            target, items = self.operands(op, args, 2, path)
            if not isinstance(items, Array):
                raise items.place.error(f"in asks for a list, not {items.kind}")
            return within(target, items.items, place)
        if op == "like":
            return like(*self.operands(op, args, 2, path))
        if op in FLIPPED:
            return comparison(op, *self.operands(op, args, 2, path))
        build = {"s_": spatial, "t_": temporal, "a_": array}.get(op[:2])
        if build is None:
            raise place.error(f"{op[:40]!r} is not an operator that is answered here")
        left, right = self.operands(op, args, 2, path)
        return build(op, left, right, place)

    # Operands

    def operands(self, op: str, args: list[Any], count: int, path: str) -> list[Operand]:
        self.arity(op, args, count, path)
        return [self.operand(each, f"{path}.args[{i}]") for i, each in enumerate(args)]

    def operand(self, value: object, path: str) -> Operand:
        if isinstance(value, list | tuple):
            self.spend(_COST)
            items = tuple(self.literal(each, f"{path}[{i}]") for i, each in enumerate(value))
            return Array(items, self.place(path))
        if not isinstance(value, Mapping):
            return self.scalar(value, path)
        self.spend(_COST)
        for name, read in self.readers():
            if name in value:
                return read(value[name], path)
        if "type" in value:
            return shapes.geometry(value, self.place(path), self.budget)
        if "op" in value:
            return self.folded(value, path)
        known = "property, date, timestamp, interval, bbox, type, op"
        raise self.place(path).error(f"expected a value or an object with one of {known}")

    def readers(self) -> tuple[tuple[str, Callable[[object, str], Operand]], ...]:
        return (
            ("property", self.property),
            ("date", self.temporal),
            ("timestamp", self.temporal),
            ("interval", self.interval),
            ("bbox", self.box),
        )

    def literal(self, value: object, path: str) -> Literal:
        # A list in a list would be a level that nobody counts, so it is refused before it is read.
        found = None if isinstance(value, list | tuple) else self.operand(value, path)
        if not isinstance(found, Literal):
            raise self.place(path).error(f"expected a value, found {'a list' if found is None else found.kind}")
        return found

    def scalar(self, value: object, path: str) -> Literal:
        if isinstance(value, str):
            return Literal(self.text(value, path), self.place(path))
        self.spend(_COST)
        if isinstance(value, bool | int) or (isinstance(value, float) and math.isfinite(value)):
            return Literal(value, self.place(path))
        raise self.place(path).error(f"expected a value, found {_shown(value)}")

    def text(self, value: object, path: str) -> str:
        if not isinstance(value, str):
            raise self.place(path).error(f"expected a text, found {_shown(value)}")
        if len(value) > MAX_BYTES:
            raise too_long(self.parameter)
        try:
            self.spend(_COST + len(value.encode("utf-8")))
        except UnicodeEncodeError:
            raise self.place(path).error("half a surrogate pair is no character") from None
        return value

    def property(self, value: object, path: str) -> Property:
        return Property(self.text(value, path), self.place(path))

    def temporal(self, value: object, path: str) -> Literal:
        return Literal(self.text(value, path), self.place(path), temporal=True)

    def interval(self, value: object, path: str) -> Interval:
        if not isinstance(value, list | tuple) or len(value) != 2:
            raise self.place(path).error("an interval is a list of two times")
        start, end = (self.end_of_interval(each, f"{path}.interval[{i}]") for i, each in enumerate(value))
        return Interval(start, end, self.place(path))

    def end_of_interval(self, value: object, path: str) -> Property | Literal:
        if isinstance(value, Mapping) and "property" in value:
            return self.property(value["property"], path)
        if isinstance(value, Mapping) and ("date" in value or "timestamp" in value):
            return self.temporal(value.get("date", value.get("timestamp")), path)
        return self.temporal(value, path)

    def box(self, value: object, path: str) -> Operand:
        if not isinstance(value, list | tuple):
            raise self.place(path).error("a bbox is a list of 4 or 6 numbers")
        return shapes.box(value, self.place(path), self.budget)

    def folded(self, value: Mapping[str, Any], path: str) -> Property | Literal:
        """Read casei and accenti around a name or a text, however many there are."""
        words = set()
        inner: object = value
        place = self.place(path)
        while isinstance(inner, Mapping) and "op" in inner:
            op, args = self.operation(inner, path)
            self.spend(_COST)
            if op not in ("casei", "accenti"):
                raise place.error(f"{op[:40]!r} is not a function that is answered here")
            self.arity(op, args, 1, path)
            words.add(op)
            path += ".args[0]"
            inner = args[0]
        casei, accenti = "casei" in words, "accenti" in words
        if isinstance(inner, Mapping) and "property" in inner:
            return Property(self.text(inner["property"], path), place, casei, accenti)
        return Literal(self.text(inner, path), place, False, casei, accenti)


def _shown(value: object) -> str:
    if value is None or isinstance(value, bool):
        return "null" if value is None else str(value).lower()
    for kinds, words in _WORDS:
        if isinstance(value, kinds):
            return words
    return type(value).__name__


_WORDS: Final[tuple[tuple[type | tuple[type, ...], str], ...]] = (
    (str, "a text"),
    (Mapping, "an object"),
    ((list, tuple), "a list"),
    ((int, float), "a number"),
)


def to_json(node: Filter) -> Any:
    """Return the filter as CQL2 JSON values; `parse_json` reads them back as the same filter.

    An AND or OR of one part is written as that part, of no part as true or false.
    """
    match node:
        case And(args) | Or(args):
            if len(args) == 1:
                return to_json(args[0])
            if not args:
                return isinstance(node, And)
            return _op("and" if isinstance(node, And) else "or", *(to_json(each) for each in args))
        case Not(arg):
            return _op("not", to_json(arg))
        case Region():
            return _op(FUNCTIONS[node.relation], _property(footprint(node.frame)), dict(node.geometry))
        case Time(start, end):
            ends = [OPEN if each is None else instant.iso(each) for each in (start, end)]
            return _op("t_intersects", _property(DATETIME), {"interval": ends})
        case _:
            return _predicate(node)


def _predicate(node: Comparison | Between | In | Like | IsNull) -> dict[str, Any]:
    name = _property(node.name)
    match node:
        case Comparison(op, _, value):
            return _op(op, name, _value(node.name, value))
        case Between(_, low, high):
            return _op("between", name, _value(node.name, low), _value(node.name, high))
        case In(_, values):
            return _op("in", name, [_value(node.name, each) for each in values])
        case Like(_, pattern, casei, accenti):
            return _op("like", _folded(name, casei, accenti), _folded(pattern, casei, accenti))
        case IsNull():
            return _op("isNull", name)


def _op(op: str, *args: Any) -> dict[str, Any]:
    return {"op": op, "args": list(args)}


def _property(name: str) -> dict[str, Any]:
    return {"property": name}


def _folded(value: Any, casei: bool, accenti: bool) -> Any:
    value = _op("accenti", value) if accenti else value
    return _op("casei", value) if casei else value


def _value(name: str, value: Scalar) -> Any:
    return {"timestamp": instant.iso(int(value))} if is_instant(name) else value
