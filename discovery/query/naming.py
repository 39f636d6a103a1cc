"""Filters by any name of a term: `instruments = 'msi'` means what is stored as `MSI`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from discovery.model import terms
from discovery.model.terms import Term
from discovery.query.query import And, Comparison, Filter, In, Not, Or, Scalar

FIELDS: Final[Mapping[str, Callable[[str], Term | None]]] = MappingProxyType(
    {
        "mission": terms.mission,
        "instrument": terms.instrument,
        "platform": terms.platform,
        "theme": terms.theme,
    }
)
"""The fields whose values are terms, with what finds them by their names."""


def named(node: Filter) -> Filter:
    """Return the filter with the term beside each value that is one of its names.

    The value itself stays: what was mapped before a name was known is stored as it was sent.
    """
    if isinstance(node, And | Or):
        return type(node)(tuple(named(each) for each in node.args))
    if isinstance(node, Not):
        return Not(named(node.arg))
    if isinstance(node, Comparison) and node.op == "=" and node.name in FIELDS:
        known = _known(node.name, (node.value,))
        return In(node.name, known) if len(known) > 1 else node
    if isinstance(node, In) and node.name in FIELDS:
        return In(node.name, _known(node.name, node.values))
    return node


def _known(name: str, values: tuple[Scalar, ...]) -> tuple[Scalar, ...]:
    found: dict[Scalar, None] = dict.fromkeys(values)
    for value in values:
        if isinstance(value, str) and (term := FIELDS[name](value)) is not None:
            found[term.value] = None
    return tuple(found)
