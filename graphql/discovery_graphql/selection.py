"""Looking ahead: which fields of an object were asked for, and with what arguments.

Strawberry's `selected_fields` expands every fragment wherever it is spread, which doubling fragments turn into minutes;
here each fragment is walked once for an object, as execution itself does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import strawberry
from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLIncludeDirective,
    GraphQLSchema,
    GraphQLSkipDirective,
    InlineFragmentNode,
    SelectionSetNode,
    Undefined,
    value_from_ast,
)


class Selected:
    """The fields that were asked for on one object."""

    def __init__(self, info: strawberry.Info[Any, Any]) -> None:
        raw = info._raw_info  # noqa: SLF001 - the only way to the document's nodes
        self._schema: GraphQLSchema = raw.schema
        self._fragments: Mapping[str, FragmentDefinitionNode] = raw.fragments
        self._variables: dict[str, Any] = raw.variable_values  # type: ignore[assignment]
        self._fields: dict[str, list[FieldNode]] = {}
        seen: set[str] = set()
        for node in raw.field_nodes:
            for field in self._walk(node.selection_set, seen):
                self._fields.setdefault(field.name.value, []).append(field)

    def __contains__(self, name: str) -> bool:
        return name in self._fields

    def arguments(self, parent: str, name: str) -> list[dict[str, Any]]:
        """Return the coerced arguments of each time that a field of the type `parent` was asked for."""
        definition = self._schema.type_map[parent].fields[name]  # type: ignore[attr-defined]
        out = []
        for node in self._fields.get(name, ()):
            given = {each.name.value: each.value for each in node.arguments or ()}
            values: dict[str, Any] = {}
            for key, argument in definition.args.items():
                value = value_from_ast(given[key], argument.type, self._variables) if key in given else Undefined
                if value is not Undefined:
                    values[key] = value
            out.append(values)
        return out

    def _walk(self, selections: SelectionSetNode | None, seen: set[str]) -> Iterator[FieldNode]:
        for node in selections.selections if selections else ():
            if not self._wanted(node):
                continue
            if isinstance(node, FieldNode):
                yield node
            elif isinstance(node, InlineFragmentNode):
                yield from self._walk(node.selection_set, seen)
            elif isinstance(node, FragmentSpreadNode) and node.name.value not in seen:
                seen.add(node.name.value)
                yield from self._walk(self._fragments[node.name.value].selection_set, seen)

    def _wanted(self, node: Any) -> bool:
        for directive in node.directives or ():
            for known, unwanted in ((GraphQLSkipDirective, True), (GraphQLIncludeDirective, False)):
                if directive.name.value == known.name:
                    condition = value_from_ast(directive.arguments[0].value, known.args["if"].type, self._variables)
                    if condition is unwanted:
                        return False
        return True
