"""From a question to what an engine is asked: names checked, words parsed, regions decided exactly."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Final

from discovery.errors import BadQueryError, StaleIndexError, UnavailableError
from discovery.index.base import MAX_KEYS, Cells, Index, Keys, Plan
from discovery.model.record import OBSERVATIONS, RESOURCES, SCOPES
from discovery.query import cover, fields, naming, order, place
from discovery.query.facets import Place
from discovery.query.query import And, Comparison, Or, Query, Sort, conjunction
from discovery.query.text import TextQuery, any_of, parse
from discovery.regions import FEW, Node, Regions, has_region
from discovery.store.rebuilds import Rebuild
from discovery.store.store import Store

_log = logging.getLogger(__name__)

DEFAULT_SORT: Final = {RESOURCES: Sort("updated", descending=True), OBSERVATIONS: Sort("start", descending=True)}
"""The order without words to rank by: newest first, by what a scope's records nearly always have."""
COUNT_AGAIN: Final = 60.0
"""Seconds after which a server is asked again how many documents it has."""
SOONEST: Final = 5.0
"""Seconds after which whoever waits for an index is to come again at the soonest."""
LATEST: Final = 600.0


class Planner:
    """Makes plans out of questions.

    Args:
        store: Where the footprints on a region's border are read.
        index: What finds them.
        most: The most footprints on a region's border that are decided.
        few: The most footprints in and on a small region that are all decided.
    """

    def __init__(self, store: Store, index: Index, *, most: int = MAX_KEYS, few: int = FEW) -> None:
        self._store = store
        self._index = index
        self._most = most
        self._few = few
        self._counted: dict[str, tuple[int, float]] = {}

    def plan(self, query: Query, *, total: bool = True, text: TextQuery | None = None) -> Plan:
        """Return the plan of a question: names checked, text parsed, regions covered and their borders decided.

        Args:
            query: The question.
            total: Whether it matters how many match.
            text: Instead of what the question's own text means.

        Raises:
            BadQueryError: A name or value that cannot be.
            UnavailableError: The engine does not answer.
        """
        if query.scope not in SCOPES:
            raise BadQueryError(f"scope {query.scope[:80]!r} is not one of {', '.join(SCOPES)}", parameter="scope")
        text = _words(query, text)
        sort = query.sort
        if sort is not None:
            sort = order.joined([sort])
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
        asked = conjunction([plain, query.region])
        if not has_region(asked):
            return replace(plan, filter=asked)
        documents, local = self._documents(query.scope), self._index.local
        regions = Regions(
            self._store, self._keys, plan, most=self._most, few=self._few, documents=documents, fine=local
        )
        placed = regions.whole(asked)
        return replace(plan, filter=placed, approximate=regions.approximate)

    def _documents(self, scope: str) -> int:
        """Return about how many documents there are; a server is asked from time to time only."""
        known, until = self._counted.get(scope, (0, 0.0))
        if not self._index.local and time.monotonic() < until:
            return known
        with answering(self._store):
            known = self._index.generation(scope).documents
        self._counted[scope] = known, time.monotonic() + COUNT_AGAIN
        return known

    def _keys(self, plan: Plan, limit: int) -> tuple[Sequence[int], Sequence[int]]:
        with answering(self._store):
            return self._index.anchored(plan, limit)


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


@contextmanager
def answering(store: Store) -> Iterator[None]:
    """Tell whoever asks that the engine is away, and whoever looks after it what it said: that may name its machine."""
    try:
        yield
    except StaleIndexError as error:
        _log.warning("a search was refused: %s", error)
        raise _stale(store.rebuilds.current()) from error
    except UnavailableError as error:
        _log.warning("a search was refused: %s", error)
        raise UnavailableError(
            "the search engine does not answer now; please try again a little later", retry_after=error.retry_after
        ) from error


def _stale(under_way: Rebuild | None) -> UnavailableError:
    """Return what is told of an index that cannot be read: how far the next one is, and when to come again."""
    if under_way is None:
        return UnavailableError(
            "the search index has to be built again: a running portal does so, or `discovery reindex`"
        )
    left = under_way.left
    when = ""
    if left is not None:
        minutes = math.ceil(left / 60)
        when = f", the others will be in {'a minute' if minutes <= 1 else f'about {minutes:,} minutes'}"
    return UnavailableError(
        f"the search index is being built again, {under_way.done:,} of {under_way.total:,} records are in it{when}; "
        "please come again then",
        retry_after=min(max(SOONEST, left or 0.0), LATEST),
    )
