"""From a question to what an engine is asked: names checked, words parsed, regions decided exactly."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Final

from discovery.errors import BadQueryError, LimitError, StaleIndexError, UnavailableError
from discovery.index.base import MAX_KEYS, Cells, Index, Keys, Plan
from discovery.model.extent import Geometry
from discovery.model.record import OBSERVATIONS, RESOURCES, SCOPES, Record
from discovery.query import cover, fields, naming, place, relate
from discovery.query.facets import Place
from discovery.query.query import And, Comparison, Filter, Not, Or, Query, Region, Sort, conjunction
from discovery.query.text import TextQuery, any_of, parse
from discovery.store.store import Store

Node = Filter | Cells | Keys
"""What a plan's filter is made of: the nodes of a query, and those that only plans have."""

_log = logging.getLogger(__name__)

DEFAULT_SORT: Final = {RESOURCES: Sort("updated", descending=True), OBSERVATIONS: Sort("start", descending=True)}
"""The order without words to rank by: newest first, by what a scope's records nearly always have."""


class Planner:
    """Makes plans out of questions.

    Args:
        store: Where the footprints on a region's border are read.
        index: What finds them.
    """

    def __init__(self, store: Store, index: Index) -> None:
        self._store = store
        self._index = index

    def plan(self, query: Query, *, total: bool = True, text: TextQuery | None = None) -> Plan:
        """Return the plan of a question: names checked, text parsed, regions covered and their borders decided.

        Args:
            query: The question.
            total: Whether it matters how many match.
            text: Instead of what the question's own text means.

        Raises:
            BadQueryError: A name or value that cannot be.
            LimitError: A region's border is touched by more footprints than can be decided.
            UnavailableError: The engine does not answer.
        """
        if query.scope not in SCOPES:
            raise BadQueryError(f"scope {query.scope[:80]!r} is not one of {', '.join(SCOPES)}", parameter="scope")
        text = _words(query, text)
        sort = query.sort
        if sort is not None:
            sort = replace(sort, name=fields.sort(sort.name, parameter="sort").name)
        elif not text:
            sort = DEFAULT_SORT[query.scope]
        narrowed: list[Any] = [query.filter, query.time, _in_cell(query.place)]
        if query.phrases and any_of(query.phrases) is None:
            narrowed.append(Or(()))  # There is no word in any of them, so nothing holds one.
        if query.ids is not None:
            narrowed.append(Keys(frozenset(self._store.catalogue.keys(query.ids).values())))
        plain = conjunction(narrowed)
        plain = naming.named(plain) if plain is not None else None
        plan = Plan(
            scope=query.scope,
            text=text,
            filter=plain,
            selections=query.selections,
            ranges=tuple(replace(each, name=_number(each.name, f"range.{each.name}")) for each in query.ranges),
            facets=query.facets,
            numbers=tuple(replace(each, name=_number(each.name, "numbers")) for each in query.numbers),
            histogram=query.histogram,
            heat=query.heat,
            sort=sort,
            size=query.size,
            total=total,
        )
        return replace(plan, filter=self._placed(conjunction([plain, query.region]), plan))

    def _placed(self, node: Node | None, plan: Plan) -> Node | None:
        """Return the filter with every region as cells, less what its border touches without meeting the region."""
        if isinstance(node, And | Or):
            return type(node)(tuple(self._placed(each, plan) for each in node.args))  # type: ignore[misc]
        if isinstance(node, Not):
            return Not(self._placed(node.arg, plan))  # type: ignore[arg-type]
        if not isinstance(node, Region):
            return node
        return self._decided(node, plan)

    def _decided(self, region: Region, plan: Plan) -> Node:
        asked = cover.ask(region)
        here = Comparison("=", "frame", region.frame)
        touched: Node = And((here, Cells(asked.cells, asked.parents)))  # type: ignore[arg-type]
        rest = () if _has_region(plan.filter) else (plan.filter,)
        doubtful = conjunction([touched, Not(Cells(asked.sure, ())) if asked.sure else None, *rest])  # type: ignore[arg-type, list-item]
        with answering():
            keys = self._index.keys(Plan(scope=plan.scope, text=plan.text, filter=doubtful), MAX_KEYS + 1)
        if len(keys) > MAX_KEYS:
            raise LimitError(
                "region-undecided", f"more than {MAX_KEYS} footprints touch the border of the region", parameter="bbox"
            )
        stored = self._store.catalogue.many(list(keys))
        known = [key for key in keys if key in stored]
        truths = relate.decide(region, [_footprint(stored[key].record) for key in known])
        yes = Keys(frozenset(key for key, truth in zip(known, truths, strict=True) if truth))
        no = Keys(frozenset(keys) - yes.keys)
        if region.relation == "disjoint":
            return And((here, Or((Not(touched), yes))))  # type: ignore[arg-type]
        return And((touched, Not(no))) if no.keys else touched  # type: ignore[arg-type]


def _footprint(record: Record) -> Geometry | None:
    extent = record.extent
    if extent.geometry is not None or extent.bbox is None:
        return extent.geometry
    return cover.box_geometry(*extent.bbox, frame=extent.frame)


def _words(query: Query, text: TextQuery | None) -> TextQuery | None:
    """Return what words ask for, one of the phrases among them; None where there are no words."""
    if text is None and query.text.strip():
        text = parse(query.text)
    phrases = any_of(query.phrases)
    if phrases is None:
        return text
    return replace(text or TextQuery(), groups=(*(text.groups if text else ()), phrases))


def _number(name: str, parameter: str) -> str:
    return fields.number(name, parameter=parameter[:80]).name


def _in_cell(asked: Place | None) -> Node | None:
    """Return what has its anchor in a cell: the same records that a heat map counts there."""
    if asked is None:
        return None
    number = place.number(place.checked(asked)) | cover.ANCHOR
    return And((Comparison("=", "frame", asked.frame), Cells((number,), ())))  # type: ignore[arg-type]


def _has_region(node: Node | None) -> bool:
    if isinstance(node, And | Or):
        return any(_has_region(each) for each in node.args)
    return _has_region(node.arg) if isinstance(node, Not) else isinstance(node, Region)


@contextmanager
def answering() -> Iterator[None]:
    """Tell whoever asks that the engine is away, and whoever looks after it what it said: that may name its machine."""
    try:
        yield
    except StaleIndexError as error:
        _log.warning("a search was refused: %s", error)
        raise UnavailableError(
            "the search index has to be built again: a running portal does so, or `discovery reindex`"
        ) from error
    except UnavailableError as error:
        _log.warning("a search was refused: %s", error)
        raise UnavailableError(
            "the search engine does not answer now; please try again a little later", retry_after=error.retry_after
        ) from error
