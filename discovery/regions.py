"""Regions of a question made into what an engine is asked, the footprints on their borders decided one by one."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np

from discovery.index.base import MAX_KEYS, Cells, Keys, Plan
from discovery.query import cover, sieve
from discovery.query.cover import Asked
from discovery.query.healpix import Flags
from discovery.query.query import And, Comparison, Filter, Not, Or, Region, conjunction, conjuncts
from discovery.store.store import Store

Node = Filter | Cells | Keys
"""What a plan's filter is made of: the nodes of a query, and those that only plans have."""

FindKeys = Callable[[Plan, int], tuple[Sequence[int], Sequence[int]]]
FEW_KEYS: Final = 200
"""Keys that cost an engine as much as the cells that need not be asked for with them."""
FEW: Final = 5_000
"""Footprints that are all decided, those that are sure too, sooner than an engine looks for those on a border."""
TOLD: Final = 1_000
"""Of them, how many may match for an engine to be told no more than who does."""
LITTLE: Final = 300
"""Footprints that are read sooner than their anchors are looked at."""
LIKELY: Final = 1_000
"""Footprints that lie in a region by its size, for it to be tried whether they are few."""
NARROWED: Final = 40
"""How many times as many may lie there when something else narrows them."""
FINER: Final = 10
"""How many times as many cells a region is covered by when its border holds too many footprints."""


class Regions:
    """Puts cells and decided footprints in the place of regions, however deep they are in a filter.

    Args:
        store: Where the footprints on a region's border are read.
        keys: What finds them, with their anchors: `Index.anchored`.
        plan: What is asked beside the filter; only footprints that match its text are decided.
        most: The most footprints of one region that are decided.
        few: The most of them that are all decided, those that are sure too.
        documents: Among how many it is asked.
        fine: Whether finer cells pay among more documents: a server looks up each cell much faster than it answers.
    """

    def __init__(
        self,
        store: Store,
        keys: FindKeys,
        plan: Plan,
        *,
        most: int = MAX_KEYS,
        few: int = FEW,
        documents: int = 0,
        fine: bool = True,
    ) -> None:
        self._store = store
        self._keys = keys
        self._plan = plan
        self._most = most
        self._few = min(few, most)
        self._documents = documents
        self._fine = documents if fine else 0
        self.approximate = False
        """Whether a region had more footprints on its border than are decided, so that cells had to do."""

    def whole(self, node: Node | None) -> Node | None:
        """Return a whole filter as `placed` does, or with all that may match it decided where that is little."""
        parts = list(conjuncts([node]))
        here = [each for each in parts if isinstance(each, Region)]
        rest = [each for each in parts if not isinstance(each, Region)]
        if len(here) != 1 or any(map(has_region, rest)) or here[0].relation not in ("intersects", "within"):
            return self.placed(node)
        matching = self._matching(here[0], rest)
        return self.placed(node) if matching is None else matching

    def _matching(self, region: Region, rest: Sequence[Node]) -> Node | None:
        """Return what matches a region and the rest of a filter, None where more than a few may do.

        An engine is asked for it again with each facet that has a selection, and it looks up some keys sooner than the
        cells of a region. Words are left aside: what is found has to stay true with others in their place.
        """
        expected = cover.share(region) * self._documents
        if not self._few or expected > LIKELY * (NARROWED if rest else 1):
            return None
        near = _and(_touched(region, cover.ask(region)), *rest)
        keys, anchors = self._keys(Plan(scope=self._plan.scope, filter=near), self._few + 1)
        if len(keys) > self._few:
            return None
        yes = self._true(region, keys, anchors)
        if len(yes.keys) <= TOLD:
            return yes
        return _and(near, Not(Keys(frozenset(keys) - yes.keys)))  # type: ignore[arg-type]

    def placed(self, node: Node | None) -> Node | None:
        """Return the filter with every region as cells, less what its border touches without meeting the region."""
        if isinstance(node, And | Or):
            return type(node)(tuple(self.placed(each) for each in node.args))  # type: ignore[misc]
        if isinstance(node, Not):
            return Not(self.placed(node.arg))  # type: ignore[arg-type]
        return self._decided(node) if isinstance(node, Region) else node

    def _decided(self, region: Region) -> Node:
        """Return what a region matches, exactly where its undecided footprints can be decided."""
        asked = cover.ask(region, documents=self._fine)
        keys, anchors = self._undecided(region, asked)
        if len(keys) > self._most:
            asked = cover.ask(region, times=FINER, documents=self._fine)
            keys, anchors = self._undecided(region, asked)
        if len(keys) > self._most:
            self.approximate = True
            return _roughly(region, asked)
        yes = self._true(region, keys, anchors)
        if region.relation == "contains":
            return yes
        touched = _touched(region, asked)
        if region.relation == "disjoint":
            return _and(_here(region), Or((Not(touched), yes)))  # type: ignore[arg-type]
        if region.relation == "within":
            sure = _and(touched, Not(_beyond(asked)))  # type: ignore[arg-type]
            return Or((sure, yes)) if asked.beyond else yes  # type: ignore[arg-type]
        no = Keys(frozenset(keys) - yes.keys)
        # Both are the same. A key costs an engine more than a cell, and what is sure has far fewer cells.
        if keys and len(yes.keys) < len(no.keys) + FEW_KEYS:
            return _and(_here(region), Or((Cells(asked.sure, ()), yes)))  # type: ignore[arg-type]
        return _and(touched, Not(no)) if no.keys else touched  # type: ignore[arg-type]

    def _true(self, region: Region, keys: Sequence[int], anchors: Sequence[int]) -> Keys:
        """Return the keys of footprints that stand in a region's relation to it.

        A footprint holds its anchor, which tells half of all on a border: in the region it meets that, and outside of
        it is not within. Only the others are read.
        """
        places = np.full(len(anchors), -1) if len(anchors) < LITTLE else np.array(anchors, dtype=np.int64)
        touch, inside = cover.anchored(region, places)
        sure: Flags = np.zeros(len(keys), dtype=bool)
        if region.relation == "intersects":
            sure, open_ = inside, ~inside
        elif region.relation == "disjoint":
            open_ = ~inside
        else:
            open_ = touch if region.relation == "within" else ~sure
        known, forms, shapes = self._store.footprints.many(list(itertools.compress(keys, open_.tolist())))
        truths = sieve.decide(region, forms, shapes)
        told = itertools.compress(known, truths.tolist())
        return Keys(frozenset(itertools.chain(itertools.compress(keys, sure.tolist()), told)))

    def _undecided(self, region: Region, asked: Asked) -> tuple[Sequence[int], Sequence[int]]:
        """Return the footprints that may or may not match with their anchors, at most one more than are decided."""
        rest = () if has_region(self._plan.filter) else (self._plan.filter,)
        doubtful = conjunction([_doubtful(region, asked), *rest])  # type: ignore[list-item]
        asking = Plan(scope=self._plan.scope, text=self._plan.text, filter=doubtful)
        return self._keys(asking, self._most + 1)


def _here(region: Region) -> Node:
    return Comparison("=", "frame", region.frame)


def _touched(region: Region, asked: Asked) -> Node:
    return _and(_here(region), Cells(asked.cells, asked.parents))


def _beyond(asked: Asked) -> Node:
    """Return what has a cell that is not wholly in the region."""
    return Cells(asked.beyond, asked.above)


def _doubtful(region: Region, asked: Asked) -> Node:
    """Return what cells alone cannot decide."""
    touched = _touched(region, asked)
    if region.relation == "contains":
        # Whatever holds the region holds each of its points.
        return _and(_here(region), *(Cells((), chain) for chain in asked.marks))
    if region.relation == "within":
        return _and(touched, _beyond(asked)) if asked.beyond else touched
    return _and(touched, Not(Cells(asked.sure, ()))) if asked.sure else touched  # type: ignore[arg-type]


def _roughly(region: Region, asked: Asked) -> Node:
    """Return what cells alone say of a region: all that may match, but for `within` only what surely does."""
    if region.relation == "contains":
        return _doubtful(region, asked)
    touched = _touched(region, asked)
    if region.relation == "disjoint":
        return _and(_here(region), Not(touched))  # type: ignore[arg-type]
    if region.relation != "within":
        return touched
    return _and(touched, Not(_beyond(asked))) if asked.beyond else Or(())  # type: ignore[arg-type]


def _and(*nodes: Any) -> Node:
    return And(nodes)


def has_region(node: Node | None) -> bool:
    """Tell whether there is a region in a filter."""
    if isinstance(node, And | Or):
        return any(has_region(each) for each in node.args)
    return has_region(node.arg) if isinstance(node, Not) else isinstance(node, Region)
