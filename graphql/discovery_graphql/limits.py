"""How large a document may be: depth, aliases and cost, measured before anything else looks at it.

The cost of an object is 1, of a list as many objects as it can hold, so `first` multiplies down the tree; facets,
histograms and introspection have a price of their own. Every fragment is measured once, however often it is spread, so
measuring is linear in the document where expanding it would double with every level.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLField,
    GraphQLNamedType,
    GraphQLSchema,
    IntValueNode,
    ListValueNode,
    NullValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    Undefined,
    VariableNode,
    get_named_type,
    is_composite_type,
    is_list_type,
    is_non_null_type,
)
from strawberry.extensions import SchemaExtension

from discovery.errors import LimitError

MAX_DEPTH: Final = 10
"""Fields inside each other."""
MAX_ALIASES: Final = 15
"""Aliases, fragments expanded: the same field again and again is how a small document asks for much."""
MAX_COST: Final = 5_000
"""Objects and their like that one answer may hold."""

_SEARCH: Final = 10
_FACET: Final = 5
_HISTOGRAM: Final = 25
_MAP: Final = 100
_SCHEMA: Final = 200
_CHANGE: Final = 100
_LAUNCH: Final = 1_000
_LIST: Final = 10
"""What a list without `first` is taken to hold."""
_PRICES: Final = {
    ("Query", "search"): _SEARCH,
    ("Query", "histogram"): _HISTOGRAM,
    ("Query", "suggest"): _FACET,
    ("Query", "resolve"): _FACET,
    ("Query", "locate"): 20 * _FACET,
    ("Query", "similar"): _MAP,
    ("Query", "embeddingSpaces"): _LIST,
    ("Query", "embeddingChanges"): _MAP,
    ("Query", "embeddingOutliers"): _MAP,
    ("Observation", "similar"): _MAP,
    ("Query", "sources"): _LIST,
    ("Query", "selection"): _SEARCH,
    ("Query", "launch"): _CHANGE,
    ("Selection", "totalCount"): _SEARCH,
    ("Selection", "records"): _SEARCH,
    ("Selection", "lost"): _SEARCH,
    ("Mutation", "star"): _CHANGE,
    ("Mutation", "mount"): _CHANGE,
    ("Mutation", "addToVolume"): _CHANGE,
    ("Mutation", "submitDatalab"): _CHANGE,
    ("Mutation", "moderate"): _CHANGE,
    ("Mutation", "launchDatalab"): _LAUNCH,
    ("Mutation", "stopLaunch"): _LAUNCH,
    ("Dataset", "observations"): _SEARCH,
    ("SearchConnection", "histogram"): _HISTOGRAM,
    ("SearchConnection", "otherScope"): _FACET,
    ("SearchConnection", "snippets"): _FACET,
    ("SearchConnection", "heatMap"): _MAP,
}
_COUNTED: Final = frozenset(
    {
        *(("SearchConnection", name) for name in ("facets", "otherFacets")),
        *((name, "facets") for name in ("Similar", "EmbeddingOutliers")),
    }
)
_OPENINGS: Final = {
    "volumes": _FACET,
    "datalabs": _FACET,
    "heldBy": _FACET,
    "openedBy": _FACET,
    "locations": _FACET,
    "arrays": _LAUNCH,
    "asStac": 1,
    "jsonLd": 1,
    "citation": 1,
}
"""The price, on every type of record, of finding where its files are, of reading them, and of writing its documents."""
_DIGITS: Final = 12
_CONNECTED: Final = frozenset({"nodes", "edges", "hits", "changes"})
_PAGES: Final = frozenset({"SearchConnection", "Similar", "EmbeddingChanges", "EmbeddingOutliers"})
"""Types of which `first` says how many members their lists have."""


@dataclass(frozen=True, slots=True)
class Measure:
    """How large a part of a document is."""

    depth: int = 0
    aliases: int = 0
    cost: int = 0

    def beside(self, other: Measure) -> Measure:
        """Return the size of two parts next to each other."""
        return Measure(max(self.depth, other.depth), self.aliases + other.aliases, self.cost + other.cost)


class _Meter:
    """Measures one operation of a document."""

    def __init__(self, schema: GraphQLSchema, document: DocumentNode, variables: Mapping[str, Any]) -> None:
        self.schema = schema
        self.variables = variables
        self.fragments = {
            each.name.value: each for each in document.definitions if isinstance(each, FragmentDefinitionNode)
        }
        self.known: dict[tuple[str, int], Measure] = {}
        self.open: set[str] = set()

    def selections(self, node: SelectionSetNode | None, parent: GraphQLNamedType | None, page: int) -> Measure:
        """Measure what is selected on an object; `page` is how many records its connection holds."""
        found = Measure()
        for each in node.selections if node else ():
            if isinstance(each, FieldNode):
                found = found.beside(self.field(each, parent, page))
            elif isinstance(each, FragmentSpreadNode):
                found = found.beside(self.spread(each.name.value, page))
            else:
                on = each.type_condition  # type: ignore[attr-defined]
                inner = self.schema.get_type(on.name.value) if on else parent
                found = found.beside(self.selections(each.selection_set, inner, page))  # type: ignore[attr-defined]
        return found

    def spread(self, name: str, page: int) -> Measure:
        """Measure a fragment; one that is unknown or spreads itself is left to validation."""
        fragment = self.fragments.get(name)
        if fragment is None or name in self.open:
            return Measure()
        if (name, page) not in self.known:
            self.open.add(name)
            on = self.schema.get_type(fragment.type_condition.name.value)
            self.known[name, page] = self.selections(fragment.selection_set, on, page)
            self.open.discard(name)
        return self.known[name, page]

    def field(self, node: FieldNode, parent: GraphQLNamedType | None, page: int) -> Measure:
        """Measure a field with everything beneath it."""
        name = node.name.value
        aliases = 1 if node.alias and node.alias.value != name else 0
        if name.startswith("__"):
            # What lies beneath __schema is limited by graphql-core's own rule.
            return Measure(1, aliases, 0 if name == "__typename" else _SCHEMA)
        fields: Mapping[str, GraphQLField] = getattr(parent, "fields", {})
        definition = fields.get(name)
        if definition is None or parent is None:
            inner = self.selections(node.selection_set, None, 0)
            return Measure(inner.depth + 1, aliases + inner.aliases, inner.cost)
        size = self.size(node, definition, page)
        inner_type = get_named_type(definition.type)
        inner = self.selections(node.selection_set, inner_type, size if inner_type.name in _PAGES else 0)
        times = 1 if inner_type.name in _PAGES else size
        price = _PRICES.get((parent.name, name), _OPENINGS.get(name, 0))
        if (parent.name, name) == ("SearchConnection", "numbers"):
            bins = self.number(node, definition, "bins", 20)
            steps = max(bins, self.length(node, definition, "edges", 0))
            price = (_FACET + steps) * self.length(node, definition, "names", 1)
            return Measure(inner.depth + 1, aliases + inner.aliases, price + inner.cost)
        if (parent.name, name) in _COUNTED:
            times = self.length(node, definition, "names", 6)
            buckets = self.number(node, definition, "size", 12)
            price = (_FACET + buckets) * times
            return Measure(inner.depth + 1, aliases + inner.aliases, price + inner.cost)
        own = times if is_composite_type(inner_type) else 0
        return Measure(inner.depth + 1, aliases + inner.aliases, price + own + times * inner.cost)

    def size(self, node: FieldNode, definition: GraphQLField, page: int) -> int:
        """Return how many objects a field can give."""
        if "first" in definition.args:
            return self.number(node, definition, "first", _LIST)
        if "ids" in definition.args:
            return self.length(node, definition, "ids", _LIST)
        kind = definition.type.of_type if is_non_null_type(definition.type) else definition.type
        if not is_list_type(kind):
            return 1
        return page if page and node.name.value in _CONNECTED else _LIST

    def value(self, node: FieldNode, name: str) -> Any:
        """Return the node of an argument, or what its variable holds; Undefined when it is not given."""
        for each in node.arguments or ():
            if each.name.value == name:
                if isinstance(each.value, VariableNode):
                    return self.variables.get(each.value.name.value, Undefined)
                return each.value
        return Undefined

    def number(self, node: FieldNode, definition: GraphQLField, name: str, default: int) -> int:
        """Return the number that an argument holds, at least 0."""
        value = self.value(node, name)
        if isinstance(value, IntValueNode):
            # More digits than any limit has; Python refuses to read thousands of them.
            return max(int(value.value[:_DIGITS]), 0)
        if isinstance(value, int):
            return max(value, 0)
        stated = definition.args[name].default_value
        return stated if isinstance(stated, int) else default

    def length(self, node: FieldNode, definition: GraphQLField, name: str, default: int) -> int:
        """Return how many members an argument's list has."""
        value = self.value(node, name)
        if isinstance(value, ListValueNode):
            return len(value.values)
        if isinstance(value, list):
            return len(value)
        return default if value is Undefined or value is None or isinstance(value, NullValueNode) else 1


def measure(
    schema: GraphQLSchema, document: DocumentNode, variables: Mapping[str, Any], operation_name: str | None = None
) -> Measure:
    """Return the size of the operation that would run; an empty one when that cannot be told."""
    operations = [each for each in document.definitions if isinstance(each, OperationDefinitionNode)]
    named = [each for each in operations if operation_name is None or (each.name and each.name.value == operation_name)]
    if not named:
        return Measure()
    operation = named[0]
    values = {
        each.variable.name.value: each.default_value
        for each in operation.variable_definitions or ()
        if each.default_value is not None
    }
    meter = _Meter(schema, document, {**values, **variables})
    return meter.selections(operation.selection_set, schema.get_root_type(operation.operation), 0)


def excess(size: Measure) -> LimitError | None:
    """Return the error for what is too large, None when everything is within its limit."""
    if size.depth > MAX_DEPTH:
        return LimitError("graphql-depth", f"the document is {size.depth} fields deep; {MAX_DEPTH} are allowed")
    if size.aliases > MAX_ALIASES:
        return LimitError(
            "graphql-aliases", f"the document has {_said(size.aliases)} aliases; {MAX_ALIASES} are allowed"
        )
    if size.cost > MAX_COST:
        message = f"the document costs {_said(size.cost)}; {MAX_COST} is allowed; ask for a smaller `first`"
        return LimitError("graphql-cost", message)
    return None


def _said(number: int) -> str:
    return str(number) if number < 10**9 else "more than 1000000000"


class Limits(SchemaExtension):
    """Refuses a document that is too large before it is validated, and says what one costs."""

    def on_validate(self) -> Iterator[None]:
        """Measure, then let validation run unless a limit was passed."""
        context = self.execution_context
        assert context.graphql_document is not None
        self._size = measure(
            context.schema._schema,  # noqa: SLF001 - strawberry's only way to it
            context.graphql_document,
            context.variables or {},
            context.operation_name,
        )
        error = excess(self._size)
        if error is not None:
            context.pre_execution_errors = [GraphQLError(str(error), original_error=error)]
        yield

    def get_results(self) -> dict[str, Any]:
        """Return the cost, for `extensions` of the answer."""
        size = getattr(self, "_size", None)
        return {} if size is None else {"cost": {"requested": min(size.cost, 10**9), "max": MAX_COST}}
