"""Values of a facet by what people call them: the text is in their label or title and not in the value itself."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from discovery.index.base import Index, Plan
from discovery.index.plans import MAX_BUCKETS
from discovery.model import terms
from discovery.model.record import RESOURCES
from discovery.planner import answering
from discovery.query import checks
from discovery.query.query import FacetRequest, Like
from discovery.query.tokens import fold
from discovery.store.store import Store

_ESCAPED: Final = str.maketrans({each: f"\\{each}" for each in "%_\\"})


def named(request: FacetRequest, store: Store, index: Index) -> FacetRequest:
    """Return the request with the values whose labels hold its text, 1,000 at most; one without a text as it is.

    Raises:
        LimitError: The text is too long to be looked for among titles.
        UnavailableError: The engine does not answer.
    """
    # Values are stored composed.
    asked = unicodedata.normalize("NFC", request.text.strip())
    if not asked:
        return replace(request, text="")
    found = dict.fromkeys((*request.values, *_named(request.name, fold(asked), store, index)))
    return replace(request, text=asked, values=tuple(found)[:MAX_BUCKETS])


def _named(name: str, text: str, store: Store, index: Index) -> Iterable[str]:
    if name == "dataset":
        return _titled(text, store, index)
    if name == "source":
        return [each.id for each in store.ledger.sources() if text in fold(each.title)]
    return _called(name, text) if name in terms.kinds() else ()


def _called(name: str, text: str) -> list[str]:
    return [value for value in terms.values(name) if text in fold(terms.label(name, value))]


def _titled(text: str, store: Store, index: Index) -> list[str]:
    """Return the ids of the resources whose titles hold a text."""
    pattern = f"%{text.translate(_ESCAPED)}%"
    checks.check_pattern(pattern)
    with answering(store):
        keys = index.keys(Plan(scope=RESOURCES, filter=Like("title", pattern)), MAX_BUCKETS)
    return [each.record.id for each in store.catalogue.many(list(keys)).values()]
