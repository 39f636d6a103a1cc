"""Numbers in the column of filters: a histogram of links, and two fields for whoever knows the range."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from discovery.query import ranges
from discovery.query.facets import Range, RangeFacet, RangeSelection
from discovery.query.fields import FIELDS
from discovery.query.query import Query
from ui import counting, drawing, links, wording
from ui.contexts import NumberBox
from ui.drawing import Bar
from ui.links import Pairs

_STEPS: Final = f"{counting.BINS}"


def boxes(pairs: Pairs, query: Query, found: Iterable[RangeFacet]) -> Iterator[NumberBox]:
    """Yield a box for each number that some result has, or that is narrowed."""
    chosen = {each.name: each for each in query.ranges}
    for facet in found:
        if not facet.present and facet.name not in chosen:
            continue
        bars = tuple(_bars(facet))
        ends = (_said(facet.name, facet.least), _said(facet.name, facet.greatest))
        selected = chosen.get(facet.name)
        prefix = f"{ranges.PREFIX}{facet.name}"
        about = "" if facet.exact else "about "
        yield NumberBox(
            name=facet.name,
            label=facet.label,
            unit=FIELDS[facet.name].unit,
            bars=bars,
            urls=tuple(links.replaced(pairs, prefix, each.asks) for each in bars),
            ends=ends,
            known=f"{about}{wording.plural(facet.present, 'result has', 'results have')} a value",
            low="" if selected is None or selected.low is None else ranges.number(selected.low),
            high="" if selected is None or selected.high is None else ranges.number(selected.high),
            hidden=tuple(each for each in pairs if each[0] not in (prefix, "after")),
            show="" if bars else f"{links.replaced(pairs, f'{links.BINS}{facet.name}', _STEPS)}#number-{facet.name}",
            open=bool(bars),
        )


def _bars(facet: RangeFacet) -> Iterator[Bar]:
    counted = [(at, each) for at, each in enumerate(facet.ranges) if each.count]
    tallest = max((each.count for _, each in counted), default=0)
    for at, each in counted:
        yield drawing.bar(
            at, len(facet.ranges), each.count, tallest, _between(facet.name, each), _asks(facet.name, each)
        )


def _asks(name: str, each: Range) -> str:
    """Return the parameter's value that asks for what a range has counted."""
    return ranges.to_text(RangeSelection(name, each.low, each.high, below=not each.closed))


def _between(name: str, each: Range) -> str:
    if each.low == each.high:
        return _said(name, each.low)
    return f"{_said(name, each.low)} to {_said(name, each.high)}"


def said(selected: RangeSelection) -> str:
    """Return a range that was asked for as people say it."""
    name = selected.name
    if selected.low is None:
        return f"{'below' if selected.below else 'up to'} {_said(name, selected.high)}"
    if selected.high is None:
        return f"from {_said(name, selected.low)}"
    if selected.low == selected.high:
        return _said(name, selected.low)
    return f"{_said(name, selected.low)} to {'below ' if selected.below else ''}{_said(name, selected.high)}"


def _said(name: str, value: float | None) -> str:
    return "" if value is None else wording.number(value, FIELDS[name].unit) or f"{value:g}"


def as_json(facet: RangeFacet) -> dict[str, Any]:
    """Return what is known of a number as the JSON of the pages has it."""
    return {
        "name": facet.name,
        "label": facet.label,
        "unit": FIELDS[facet.name].unit,
        "log": facet.log,
        "least": facet.least,
        "greatest": facet.greatest,
        "present": facet.present,
        "missing": facet.missing,
        "below": facet.below,
        "above": facet.above,
        "exact": facet.exact,
        "ranges": [
            {"low": each.low, "high": each.high, "closed": each.closed, "count": each.count,
             "range": _asks(facet.name, each)}
            for each in facet.ranges
        ],
    }  # fmt: skip
