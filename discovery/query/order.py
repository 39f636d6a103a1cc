"""Several fields that order records one after another: joined into one `Sort`, read and written as text."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from discovery.errors import BadQueryError, LimitError
from discovery.query import fields
from discovery.query.query import Sort

MAX_FIELDS: Final = 4
"""Fields that order one question: a page mark holds the last record's value of each, and has to fit into a URL."""


def joined(sorts: Iterable[Sort], *, parameter: str = "sort") -> Sort | None:
    """Return one order made of several, the first counting most; None for none.

    A field named again decides nothing any more and is dropped, whichever of its names stands there.

    Raises:
        UnknownFieldError: Records cannot be ordered by one of them.
        BadQueryError: The order by overlap stands beside another.
        LimitError: More than 4 fields.
    """
    found: dict[str, Sort] = {}
    for sort in sorts:
        for each in sort.all:
            name = fields.order(each.name, parameter=parameter)
            found.setdefault(name, Sort(name, each.descending))
    if not found:
        return None
    if len(found) > MAX_FIELDS:
        told = f"{parameter} names {len(found)} fields; records are ordered by at most {MAX_FIELDS}"
        raise LimitError("sort-fields", told, parameter=parameter)
    if fields.OVERLAP in found and len(found) > 1:
        raise BadQueryError(f"{fields.OVERLAP} orders alone, without another field beside it", parameter=parameter)
    first, *then = found.values()
    return Sort(first.name, first.descending, tuple(then))


def read(names: Iterable[str], *, parameter: str = "sort", overlap: bool = False) -> Sort | None:
    """Return the order that names say, each with `-` before it for falling and `+` or nothing for rising order.

    Args:
        names: The names.
        parameter: What errors call them.
        overlap: Whether the order by overlap may be named, which the standards do not know.

    Raises:
        UnknownFieldError, BadQueryError, LimitError: As `joined` says.
    """
    # A plus sign that nobody encoded reaches us as a blank.
    known = fields.order if overlap else _field
    found = []
    for each in filter(None, (name.strip() for name in names)):
        name = known(each[1:] if each[0] in "+-" else each, parameter=parameter)
        found.append(Sort(name, each[0] == "-"))
    return joined(found, parameter=parameter)


def _field(name: str, *, parameter: str) -> str:
    return fields.sort(name, parameter=parameter).name


def written(sort: Sort | None, *, rising: str = "") -> list[str]:
    """Return the names that `read` takes for an order.

    Args:
        sort: The order; None has no names.
        rising: What stands before a field in rising order.
    """
    return [f"{'-' if each.descending else rising}{each.name}" for each in (sort.all if sort else ())]
