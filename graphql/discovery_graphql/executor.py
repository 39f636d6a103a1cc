"""Execution that reads plain attributes as they are.

A page of 100 records with 20 fields is 2,000 values, nearly all of them texts that are already there. graphql-core
makes a path, an info and ten calls of each; here what is a plain attribute of a plain type is taken as it is.
Everything else, and every value that is not what its type says, goes the way of graphql-core, so errors are the same.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, TypeAlias
from weakref import WeakKeyDictionary

from graphql import (
    GraphQLBoolean,
    GraphQLEnumType,
    GraphQLFloat,
    GraphQLID,
    GraphQLInt,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLString,
    Undefined,
)
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext
from strawberry.schema.schema_converter import CustomGraphQLEnumType, GraphQLCoreConverter

_LATER: Final = object()
"""Stands for a value that graphql-core has to look at."""
_MOST: Final = 2**31

Reader: TypeAlias = Callable[[Any], Any]
_readers: Final[WeakKeyDictionary[GraphQLObjectType, Mapping[str, Reader]]] = WeakKeyDictionary()


class PlainExecutor(StrawberryGraphQLCoreExecutionContext):
    """Executes an operation; the objects of an answer are read attribute by attribute where that is all there is."""

    def execute_fields(
        self,
        parent_type: GraphQLObjectType,
        source_value: Any,
        path: Any,
        grouped_field_set: Any,
        position_context: Any,
    ) -> Any:
        """Return the values of what was selected on an object, in the order of the selection."""
        if self.middleware_manager is not None and self.middleware_manager.middlewares:
            return super().execute_fields(parent_type, source_value, path, grouped_field_set, position_context)
        readers = _of(parent_type)
        results: dict[str, Any] = {}
        later = {}
        for name, details in grouped_field_set.items():
            reader = readers.get(details[0].node.name.value)
            value = _LATER if reader is None else reader(source_value)
            if value is _LATER:
                later[name] = details
            results[name] = value
        if not later:
            return results
        rest = super().execute_fields(parent_type, source_value, path, later, position_context)
        return _joined(results, rest) if isinstance(rest, dict) else _awaited(results, rest)


async def _awaited(results: dict[str, Any], rest: Awaitable[dict[str, Any]]) -> dict[str, Any]:
    return _joined(results, await rest)


def _joined(results: dict[str, Any], rest: Mapping[str, Any]) -> dict[str, Any]:
    results.update(rest)
    return {name: value for name, value in results.items() if value is not _LATER}


def _of(kind: GraphQLObjectType) -> Mapping[str, Reader]:
    """Return what reads the plain attributes of a type, by the names of the fields."""
    known = _readers.get(kind)
    if known is None:
        known = {"__typename": lambda _: kind.name}
        for name, field in kind.fields.items():
            definition = field.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF)
            if definition is None or field.args or not getattr(field.resolve, "_is_default", False):
                continue
            reader = _reader(definition.python_name, field.type)
            if reader is not None:
                known[name] = reader
        _readers[kind] = known
    return known


def _reader(attribute: str, kind: Any) -> Reader | None:
    empty = _LATER if isinstance(kind, GraphQLNonNull) else None
    inner = kind.of_type if isinstance(kind, GraphQLNonNull) else kind
    if isinstance(inner, GraphQLList):
        each = inner.of_type
        taken = _taken(each.of_type) if isinstance(each, GraphQLNonNull) else None
        return None if taken is None else _list_reader(attribute, taken, empty)
    taken = _taken(inner)
    if taken is None:
        return None

    def read(source: Any) -> Any:
        value = getattr(source, attribute, _LATER)
        return empty if value is None else taken(value)

    return read


def _list_reader(attribute: str, taken: Reader, empty: Any) -> Reader:
    def read(source: Any) -> Any:
        value = getattr(source, attribute, _LATER)
        if type(value) is not list:
            return empty if value is None else _LATER
        found = [taken(each) for each in value]
        return _LATER if _LATER in found else found

    return read


def _taken(kind: Any) -> Reader | None:
    """Return what takes a value of a leaf type, None for a type that has fields; what does not fit it is left."""
    if isinstance(kind, CustomGraphQLEnumType):
        members: Any = kind.wrapped_cls
        names = {each: kind.coerce_output_value(each) for each in members}
        return lambda value: names.get(value, _LATER) if isinstance(value, members) else _LATER
    if kind in _EXACT:
        return _EXACT[kind]
    if not isinstance(kind, GraphQLScalarType | GraphQLEnumType):
        return None

    def coerced(value: Any) -> Any:
        try:
            found = _LATER if value is _LATER else kind.coerce_output_value(value)
        except Exception:  # noqa: BLE001 - graphql-core meets it again and says where
            return _LATER
        return _LATER if found is None or found is Undefined else found

    return coerced


def _text(value: Any) -> Any:
    return value if type(value) is str else _LATER


def _whole(value: Any) -> Any:
    return value if type(value) is int and -_MOST <= value < _MOST else _LATER


def _number(value: Any) -> Any:
    return value if type(value) is float and math.isfinite(value) else _LATER


def _truth(value: Any) -> Any:
    return value if type(value) is bool else _LATER


_EXACT: Final[Mapping[Any, Reader]] = {
    GraphQLString: _text,
    GraphQLID: _text,
    GraphQLInt: _whole,
    GraphQLFloat: _number,
    GraphQLBoolean: _truth,
}
