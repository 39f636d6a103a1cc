"""Resources that are near in meaning among those that have the words, on our side of every engine.

It is for searches that may leave words out, and only where hardly any resource has all of them. Those that have are
never moved; behind them, the others that match and those that are near in meaning are put together by the
reciprocals of their ranks. What is counted is the union of both, by the engine itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from discovery.errors import GoneError
from discovery.index.base import Answer, Hit, Index, Keys, Plan
from discovery.meaning.meanings import Meanings
from discovery.model.record import RESOURCES
from discovery.planner import answering
from discovery.query.query import Query, Understood, conjunction
from discovery.query.text import TextQuery
from discovery.store.store import Store
from discovery.understanding import FEW

WINDOW: Final = 100
"""Matches by words, best first, that take part; what comes after them stays in its order."""
NEAR: Final = 20
"""Resources that are near in meaning, at most."""
MATCHES: Final = 10_000
"""Matches by words, filters left aside, beyond which nothing is added: they would all have to be named to count."""
_JOIN: Final = "~"
"""Between a generation and a mark; names of generations have none."""
_RANK: Final = 60
"""What is added to a rank before its reciprocal is taken, as is usual."""


@dataclass(frozen=True, slots=True)
class _Lists:
    """What is put together."""

    exact: tuple[Hit, ...]
    """What has all of the words, in its order."""
    others: tuple[Hit, ...]
    """What matches without having all, in its order."""
    near: tuple[int, ...]
    """What is near in meaning, in its order; of matches only those that are in `others`."""


class Fusion:
    """Puts what is near in meaning beside what has the words.

    Args:
        store: What the index is made from.
        index: What finds words.
        meanings: What finds meanings.
    """

    def __init__(self, store: Store, index: Index, meanings: Meanings) -> None:
        self._store = store
        self._index = index
        self._meanings = meanings

    @property
    def mark(self) -> str:
        """What a cursor carries whose page was put together with these weights; empty where they cannot be used."""
        return self._meanings.fingerprint[:8]

    def answer(
        self, query: Query, plan: Plan, found: Answer, understood: Understood | None
    ) -> tuple[Answer, Understood] | None:
        """Return the page with what is near in meaning, and what it means; None where the words alone answer.

        Args:
            query: The question.
            plan: What the engine was asked for, words left out and mended as `understood` says.
            found: What it answered.
            understood: What was looked for instead of the words; None for these.
        """
        text = plan.text
        complete = understood.complete if understood else found.total.value
        if text is None or plan.sort is not None or not _wanted(query, text) or complete >= FEW:
            return None
        near = self._meanings.nearest(text.words, NEAR)
        if not near:
            return None
        with answering(self._store):
            return self._answer(query, replace(plan, generation=found.generation), text, understood, near, complete)

    def _answer(
        self,
        query: Query,
        plan: Plan,
        text: TextQuery,
        understood: Understood | None,
        near: tuple[int, ...],
        complete: int,
    ) -> tuple[Answer, Understood] | None:
        everything = Plan(plan.scope, generation=plan.generation)
        matching = frozenset(self._index.keys(replace(everything, text=text), MATCHES + 1))
        if len(matching) > MATCHES:
            return None
        # What was not wanted is not wanted by another name.
        allowed = TextQuery(excluded=text.excluded) if text.excluded else None
        alive = self._index.keys(replace(everything, text=allowed, filter=Keys(frozenset(near))), NEAR)
        strange = frozenset(alive) - matching
        shown = frozenset(self._index.keys(_union(_bare(plan), strange), NEAR)) if strange else frozenset()
        top = self._index.search(replace(_bare(plan), size=WINDOW, offset=0)).hits
        exact, others = top[:complete], top[complete:]
        mixed = {hit.key for hit in others} | shown
        lists = _Lists(exact, others, tuple(key for key in near if key in mixed))
        if not lists.near:
            return None
        counted = self._index.search(_union(plan, matching | strange))
        hits = self._page(plan, fused(lists), len(top))
        more = plan.offset + len(hits) < counted.total.value
        told = understood or Understood(
            query.text.strip(), words=sum(not each.quoted for each in text.groups), complete=complete
        )
        return replace(counted, hits=hits, more=more), replace(told, near=len(shown))

    def _page(self, plan: Plan, first: Sequence[Hit], taken: int) -> tuple[Hit, ...]:
        """Return the hits of a page: of those put together, then of the words alone."""
        page = tuple(first[plan.offset : plan.offset + plan.size])
        if len(page) == plan.size or taken < WINDOW:
            return page
        at = taken + max(0, plan.offset - len(first))
        rest = self._index.search(replace(_bare(plan), size=plan.size - len(page), offset=at)).hits
        return (*page, *(replace(hit, score=1.0 / (_RANK + at + rank)) for rank, hit in enumerate(rest, 1)))


def fused(lists: _Lists) -> tuple[Hit, ...]:
    """Return what has all of the words in its order, then the others by the sum of the reciprocals of their ranks."""
    scores: dict[int, float] = {}
    for keys in ([hit.key for hit in lists.others], lists.near):
        for rank, key in enumerate(keys, 1):
            scores[key] = scores.get(key, 0.0) + 1.0 / (_RANK + rank)
    # Sorted once and stable: of equals, what has some of the words comes first.
    ordered = sorted(scores, key=lambda key: -scores[key])
    return (*lists.exact, *(Hit(key, scores[key]) for key in ordered))


def _wanted(query: Query, text: TextQuery) -> bool:
    """Tell whether somebody asks for resources by words, and not for one by its name or for words as they stand."""
    named = text.exact is not None and not text.exact.isalpha()
    exact = named or query.phrases or any(group.quoted for group in text.groups)
    return query.lenient and query.scope == RESOURCES and bool(text.groups) and not exact


def _bare(plan: Plan) -> Plan:
    """Return a plan that counts nothing."""
    nothing: dict[str, Any] = {"facets": (), "numbers": (), "histogram": None, "heat": None}
    return replace(plan, total=False, **nothing)


def _union(plan: Plan, keys: frozenset[int]) -> Plan:
    """Return a plan that counts what is asked for over these records, instead of those that have the words."""
    kept = conjunction([plan.filter, Keys(keys)])  # type: ignore[list-item]
    return replace(plan, text=None, filter=kept, size=0, offset=0)


def parted(generation: str) -> tuple[str, str]:
    """Return the generation that a cursor names, and the mark of the weights that its page was put together with."""
    plain, _, woven = generation.partition(_JOIN)
    return plain, woven


def joined(generation: str, woven: str) -> str:
    """Return what a cursor says of a page that was put together with weights of a mark; empty is without."""
    return f"{generation}{_JOIN}{woven}" if woven else generation


def check(asked: str, now: str) -> None:
    """Return if a page goes on from one that was put together in the same way, or from one that was not.

    Args:
        asked: The mark of the page before, empty for none.
        now: That of this page.

    Raises:
        GoneError: The order of the page before cannot be made any more.
    """
    if asked and asked != now:
        raise GoneError("after is of an order by meaning that has changed; begin again without it")
