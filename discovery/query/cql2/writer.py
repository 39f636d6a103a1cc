"""Filter nodes written as CQL2 text that reads back as the same nodes."""

from __future__ import annotations

import re
from typing import Final

from discovery.model import instant
from discovery.model.extent import EARTH
from discovery.query import fields
from discovery.query.cql2 import shapes
from discovery.query.cql2.predicates import GEOMETRY, RELATIONS
from discovery.query.cql2.text_form import RESERVED
from discovery.query.fields import DATETIME, Type
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

FUNCTIONS: Final = {relation: function for function, relation in RELATIONS.items()}
"""The spatial function that asks for a relation."""
_BARE: Final = re.compile(r"(?:[^\W\d]|:)[\w.:]*")
_TROUBLED: Final = re.compile(r"\\(?='|$)")


def to_text(node: Filter) -> str:
    """Return the filter as CQL2 text; `parse_text` reads it back as the same filter.

    An AND or OR of one part is written as that part, of no part as TRUE or FALSE.
    """
    match node:
        case And(args):
            return _joined(" AND ", args, "TRUE")
        case Or(args):
            return _joined(" OR ", args, "FALSE")
        case Not(arg):
            inner = to_text(arg)
            return f"NOT ({inner})" if _compound(arg) else f"NOT {inner}"
        case Region():
            wkt = shapes.to_wkt(node.geometry)
            return f"{FUNCTIONS[node.relation].upper()}({_name(footprint(node.frame))}, {wkt})"
        case Time(start, end):
            ends = ", ".join(_quoted(OPEN if each is None else instant.iso(each)) for each in (start, end))
            return f"T_INTERSECTS({DATETIME}, INTERVAL({ends}))"
        case _:
            return _predicate(node)


def _predicate(node: Comparison | Between | In | Like | IsNull) -> str:
    name = _name(node.name)
    match node:
        case Comparison(op, _, value):
            return f"{name} {op} {_value(node.name, value)}"
        case Between(_, low, high):
            return f"{name} BETWEEN {_value(node.name, low)} AND {_value(node.name, high)}"
        case In(_, values):
            return f"{name} IN ({', '.join(_value(node.name, each) for each in values)})"
        case Like(_, pattern, casei, accenti):
            return f"{_folded(name, casei, accenti)} LIKE {_folded(_quoted(pattern), casei, accenti)}"
        case IsNull():
            return f"{name} IS NULL"


def footprint(frame: str) -> str:
    """Return the name of the geometry property that stands for footprints in a frame."""
    return GEOMETRY if frame == EARTH else f"{GEOMETRY}.{frame}"


def is_instant(name: str) -> bool:
    """Return whether the values of a name are instants; names of the long tail never are."""
    field = fields.FIELDS.get(name)
    return field is not None and field.type is Type.INSTANT


def _compound(node: Filter) -> bool:
    """Tell whether the text of a node needs parentheses inside another."""
    while isinstance(node, And | Or) and len(node.args) == 1:
        node = node.args[0]
    return isinstance(node, And | Or) and len(node.args) > 1


def _joined(operator: str, args: tuple[Filter, ...], empty: str) -> str:
    if not args:
        return empty
    if len(args) == 1:
        return to_text(args[0])
    return operator.join(f"({to_text(each)})" if _compound(each) else to_text(each) for each in args)


def _folded(text: str, casei: bool, accenti: bool) -> str:
    text = f"ACCENTI({text})" if accenti else text
    return f"CASEI({text})" if casei else text


def _value(name: str, value: Scalar) -> str:
    if is_instant(name):
        return f"TIMESTAMP({_quoted(instant.iso(int(value)))})"
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    return _quoted(value) if isinstance(value, str) else repr(value)


def _quoted(text: str) -> str:
    # A backslash before a quote is itself an escape in CQL2, so such texts need SQL's way with code points.
    doubled = text.replace("'", "''")
    if _TROUBLED.search(text):
        return "U&'" + doubled.replace("\\", "\\005C") + "'"
    return f"'{doubled}'"


def _name(name: str) -> str:
    if _BARE.fullmatch(name) and name.upper() not in RESERVED:
        return name
    return '"' + name.replace('"', '""') + '"'
