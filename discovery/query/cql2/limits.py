"""How large a filter may be, whatever form it comes in; each limit has its row in docs/reference/limits.md."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from discovery.errors import LimitError
from discovery.query.query import And, Filter, Not, Or

MAX_DEPTH: Final = 32
"""Levels of AND, OR, NOT, parentheses and functions inside each other; far below Python's own limit on any stack."""
MAX_BYTES: Final = 8 * 1024
"""Bytes of UTF-8 in a filter; in JSON without its geometries."""
MAX_PREDICATES: Final = 200
"""Comparisons, patterns, regions and times in a filter."""
MAX_POSITIONS: Final = 5_000
"""Positions in all geometries of a JSON filter; text reaches its 8 KiB first."""
MAX_REGIONS: Final = 10
"""Geometries of a filter; a box on the sky takes up to 20 ms to make ready, and each is covered and compared."""
MAX_JSON_BYTES: Final = 256 * 1024
"""Bytes of a JSON filter that comes as text, geometries included."""


@dataclass(slots=True)
class Budget:
    """What the geometries of one filter may still spend; unlike everything else here it changes while one is read."""

    regions: int = MAX_REGIONS
    positions: int = MAX_POSITIONS


def too_deep(parameter: str | None) -> LimitError:
    """Return the error for a filter with more than `MAX_DEPTH` levels."""
    return LimitError("filter-depth", f"the filter has more than {MAX_DEPTH} levels", parameter=parameter)


def too_long(parameter: str | None) -> LimitError:
    """Return the error for a filter of more than `MAX_BYTES`."""
    return LimitError("filter-bytes", f"the filter has more than {MAX_BYTES} bytes", parameter=parameter)


def too_long_json(parameter: str | None) -> LimitError:
    """Return the error for a JSON text of more than `MAX_JSON_BYTES`."""
    return LimitError("filter-json-bytes", f"the filter has more than {MAX_JSON_BYTES} bytes", parameter=parameter)


def too_many_positions(parameter: str | None) -> LimitError:
    """Return the error for geometries of more than `MAX_POSITIONS` positions."""
    message = f"the geometries of the filter have more than {MAX_POSITIONS} positions"
    return LimitError("filter-positions", message, parameter=parameter)


def too_many_regions(parameter: str | None) -> LimitError:
    """Return the error for more than `MAX_REGIONS` geometries."""
    return LimitError("filter-regions", f"the filter has more than {MAX_REGIONS} geometries", parameter=parameter)


def checked(node: Filter, parameter: str | None) -> Filter:
    """Return the filter if its depth and number of predicates are allowed.

    The tree is what counts, not the form it came in, so that what one form can say the other can say too.
    """
    predicates = 0
    stack: list[tuple[Filter, int]] = [(node, 1)]
    while stack:
        each, depth = stack.pop()
        if depth > MAX_DEPTH:
            raise too_deep(parameter)
        if isinstance(each, And | Or):
            stack.extend((arg, depth + 1) for arg in each.args)
        elif isinstance(each, Not):
            stack.append((each.arg, depth + 1))
        else:
            predicates += 1
    if predicates > MAX_PREDICATES:
        message = f"the filter has {predicates} predicates; {MAX_PREDICATES} are allowed"
        raise LimitError("filter-predicates", message, parameter=parameter)
    return node
