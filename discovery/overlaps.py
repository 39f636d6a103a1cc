"""Records in the order of how much of a region and of them is the same; no engine knows areas, so the store says."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from discovery.errors import LimitError
from discovery.index.base import Answer, Hit, Index, Plan
from discovery.query import overlap
from discovery.query.query import Region, Total
from discovery.store.store import Store

WINDOW: Final = 10_000
"""Records that may match where they are ordered by overlap: each one's area is measured for every page."""


def answer(store: Store, index: Index, region: Region, plan: Plan) -> Answer:
    """Return what a plan that is sorted by overlap asks for.

    Args:
        store: Where the footprints are.
        index: What finds them.
        region: Whose area is compared.
        plan: What is asked; engines do not know its order.

    Raises:
        LimitError: More than 10,000 records match.
        UnavailableError: The engine does not answer.
    """
    nothing: dict[str, Any] = {"facets": (), "numbers": (), "histogram": None, "heat": None}
    whole = replace(plan, sort=None, after=None, offset=0, size=0)
    keys = index.keys(replace(whole, **nothing), WINDOW + 1)
    if len(keys) > WINDOW:
        message = f"more than {WINDOW:,} records match, too many to be ordered by overlap; narrow the question"
        raise LimitError("overlap-window", message, parameter="sort")
    hits = _ordered(store, region, keys, plan)
    page = tuple(hits[: plan.size])
    if whole == replace(whole, **nothing):
        found = Answer((), Total(len(keys)), plan.generation or index.generation(plan.scope).name)
    else:
        found = index.search(whole)
    return replace(found, hits=page, more=len(hits) > len(page))


def _ordered(store: Store, region: Region, keys: Any, plan: Plan) -> list[Hit]:
    """Return the hits behind the last one of the page before, with their shares."""
    known, forms, shapes = store.footprints.many(keys)
    shares = dict.fromkeys(map(int, keys), 0.0)
    shares |= zip(known, overlap.shares(region, forms, shapes).tolist(), strict=True)
    sign = -1.0 if plan.sort is not None and plan.sort.descending else 1.0
    places = sorted((sign * share, key) for key, share in shares.items())
    if plan.after is not None:
        last = (sign * float(plan.after.value or 0.0), plan.after.key)
        places = [place for place in places if place > last]
    return [Hit(key, value=sign * share) for share, key in places]
