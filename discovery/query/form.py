"""The one reader of the parameter names that pages, their JSON and the command line share (DESIGN 5)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from discovery.errors import BadQueryError, LimitError, UnknownFieldError
from discovery.model.record import RESOURCES, SCOPES
from discovery.query import cql2, fields, names, order, place, ranges, region_text, time
from discovery.query.facets import RangeSelection
from discovery.query.query import Query, Selection

FACET: Final = "facet."
"""What the names of facet selections begin with: `facet.mission=astronomy/hubble`."""
DEFAULT_SIZE: Final = Query().size
MAX_SIZE: Final = 100
"""Records on a page, and the most that the command line and `f=json` give at once."""
MAX_PAIRS: Final = 300
"""Parameters of one question; the longest URLs that servers take hold fewer."""
NAMES: Final = (
    *("q", "words", "filter", "bbox", "cone", "polygon", "moc", "near", "frame", "relation"),
    *("cell", "time", "scope", "sort", "size", "after"),
)
"""Every parameter that is no facet or range, in the order in which `pairs` writes them."""
RANGE: Final = ranges.PREFIX
SOME: Final = "some"
ALL: Final = "all"
"""Values of `words`: whether records that have some of the words will do where few have all, or all are wanted."""
REGIONS: Final = region_text.SHAPES


def parse(pairs: Iterable[tuple[str, str]], *, resolver: names.Resolve = names.resolve) -> Query:
    """Return the query that parameters ask for; an empty value is the same as no parameter.

    A facet or a range may be given several times, anything else once. `bbox`, `cone`, `polygon`, `moc`
    and `near` exclude one another.

    Args:
        pairs: Names and values.
        resolver: What knows the names that `near` takes.

    Raises:
        UnknownFieldError: A parameter, facet or sort field is not known; the near ones are in the message.
        BadQueryError: A value cannot be read, or a parameter is given twice.
        LimitError: More records on a page, or more parameters, than one question may ask for.
    """
    given = [(name, value) for name, value in pairs if value.strip()]
    if len(given) > MAX_PAIRS:
        raise LimitError("query-parameters", f"{len(given)} parameters are more than {MAX_PAIRS}")
    single = _single(given)
    text = single.get("filter")
    moment = single.get("time")
    return Query(
        scope=_scope(single.get("scope", RESOURCES)),
        text=single.get("q", "").strip(),
        lenient="q" in single and _words(single.get("words", SOME)) == SOME,
        filter=cql2.parse_text(text, parameter="filter") if text else None,
        region=region_text.read(single, resolver),
        time=time.interval(moment) if moment else None,
        selections=_selections(given),
        ranges=_ranges(given),
        place=place.parse(single["cell"]) if "cell" in single else None,
        sort=order.read(single.get("sort", "").split(","), overlap=True),
        size=_size(single["size"]) if "size" in single else DEFAULT_SIZE,
        after=single.get("after", "").strip(),
    )


def pairs(query: Query) -> list[tuple[str, str]]:
    """Return parameters that `parse` reads as the same question; what is at its default is left out.

    The facets and histogram to count and `ids` are no part of a form and are not written.
    """
    written = {
        "q": query.text.strip(),
        "words": ALL if query.text.strip() and not query.lenient else "",
        "filter": cql2.to_text(query.filter) if query.filter is not None else "",
        **(region_text.written(query.region) if query.region else {}),
        "cell": place.to_text(query.place) if query.place else "",
        "time": time.to_text(query.time) if query.time and query.time != type(query.time)() else "",
        "scope": query.scope if query.scope != RESOURCES else "",
        "sort": ",".join(order.written(query.sort)),
        "size": str(query.size) if query.size != DEFAULT_SIZE else "",
        "after": query.after,
    }
    out = [(name, written[name]) for name in NAMES if written.get(name)]
    ticked = [(f"{FACET}{each.name}", value) for each in query.selections for value in each.values]
    ticked += [(f"{RANGE}{each.name}", ranges.to_text(each)) for each in query.ranges]
    return out[: len(out) - bool(query.after)] + ticked + (out[-1:] if query.after else [])


def _single(given: Iterable[tuple[str, str]]) -> dict[str, str]:
    out: dict[str, str] = {}
    for name, value in given:
        if name.startswith((FACET, RANGE)):
            continue
        if name not in NAMES:
            near = (*NAMES, f"{FACET}NAME", f"{RANGE}NAME")
            raise UnknownFieldError(name, near, what="parameter", parameter=name[:80])
        if name in out:
            raise BadQueryError(f"{name} is given more than once; only facets and ranges may be", parameter=name)
        out[name] = value
    return out


def _selections(given: Iterable[tuple[str, str]]) -> tuple[Selection, ...]:
    ticked: dict[str, dict[str, None]] = {}
    for name, value in given:
        if name.startswith(FACET):
            field = fields.facet(name.removeprefix(FACET), parameter=name[:80])
            ticked.setdefault(field.name, {})[value] = None
    return tuple(Selection(name, tuple(values)) for name, values in ticked.items())


def _ranges(given: Iterable[tuple[str, str]]) -> tuple[RangeSelection, ...]:
    found = (ranges.parse(name.removeprefix(RANGE), value) for name, value in given if name.startswith(RANGE))
    by_name: dict[str, dict[RangeSelection, None]] = {}
    for each in found:
        by_name.setdefault(each.name, {})[each] = None
    return tuple(each for together in by_name.values() for each in together)


def _words(text: str) -> str:
    if text not in (SOME, ALL):
        raise BadQueryError(f"words {text[:80]!r} is not one of {SOME}, {ALL}", parameter="words")
    return text


def _scope(text: str) -> str:
    if text not in SCOPES:
        raise BadQueryError(f"scope {text[:80]!r} is not one of {', '.join(SCOPES)}", parameter="scope")
    return text


def _size(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise BadQueryError(f"size {text[:20]!r} is not a whole number from 0 to {MAX_SIZE}", parameter="size")
    # Longer texts are larger than any limit, and Python refuses to read thousands of digits.
    if len(text) > 9 or int(text) > MAX_SIZE:
        raise LimitError("page-size", f"size {text[:20]} is more than {MAX_SIZE}", parameter="size")
    return int(text)
