"""The engine itself: an `Index` over one folder."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from discovery.errors import (
    BadQueryError,
)
from discovery.index import plans
from discovery.index.base import MAX_KEYS, Answer, Document, Generation, Plan
from discovery.index.plans import LENGTH, PREFIX, WORDS
from discovery.index.tantivy.beside import Beside
from discovery.index.tantivy.folder import BUILD_HEAP, WRITER_HEAP, Scope, TantivyBuild
from discovery.index.tantivy.questions import every
from discovery.index.tantivy.schema import guarded
from discovery.index.tantivy.search import Search
from discovery.model.record import SCOPES
from discovery.query.query import Sort
from discovery.query.text import PREFIX_LENGTH


class TantivyIndex:
    """A search engine in a folder; safe to search from many threads and processes, written by one process at a time."""

    name = "tantivy"
    local = True

    def __init__(self, path: Path, *, heap: int = WRITER_HEAP) -> None:
        self._scopes = {scope: Scope(scope, path, heap) for scope in SCOPES}
        self._beside = Beside()

    def search(self, plan: Plan) -> Answer:
        """Return what matches, with exact facet counts over the whole match; see `Index.search`."""
        plans.check(plan)
        reader = self._scope(plan.scope).reader(plan.generation)
        with guarded("searching"):
            return Search(reader, plan, self._beside).answer()

    def keys(self, plan: Plan, limit: int = MAX_KEYS) -> Sequence[int]:
        """Return the keys of all matches in no particular order, at most `limit` of them."""
        plans.check(plan)
        reader = self._scope(plan.scope).reader(plan.generation)
        with guarded("searching"):
            return Search(reader, plan).any_keys(limit)[0]

    def anchored(self, plan: Plan, limit: int = MAX_KEYS) -> tuple[Sequence[int], Sequence[int]]:
        """Return keys as `keys` does, and the anchor of each; -1 where it has none."""
        plans.check(plan)
        reader = self._scope(plan.scope).reader(plan.generation)
        with guarded("searching"):
            return Search(reader, plan).any_keys(limit, anchors=True)

    def suggest(self, scope: str, tokens: tuple[str, ...], size: int) -> Sequence[int]:
        """Return keys of documents whose prepared `prefix` text holds every token, shortest titles first."""
        if not tokens or size <= 0:
            return []
        found = Search(self._scope(scope).reader(), Plan(scope))
        with guarded("suggesting"):
            found.query = every([found.ask.terms(PREFIX, [token[:PREFIX_LENGTH]]) for token in tokens])
            return [hit.key for hit in found.sorted_by(Sort(LENGTH), size)]

    def terms(self, scope: str, grams: tuple[str, ...], size: int) -> Sequence[str]:
        """Return words of titles that share most of the given trigrams, most shared and most frequent first."""
        searcher = self._scope(scope).reader().searcher
        wanted = set(grams)
        with guarded("looking up words"):
            return plans.similar_words(wanted, searcher.terms_with_prefix(WORDS, ""), size)

    def generation(self, scope: str) -> Generation:
        """Return the generation that answers now."""
        return self._scope(scope).generation()

    def write(self, scope: str, documents: Iterable[Document], deleted: Iterable[int], change: int) -> None:
        """Replace documents by key, remove the deleted keys, and remember `change`; visible when this returns.

        Raises:
            ConflictError: Another process is writing.
            RecordError: A document holds what no engine can; nothing was written.
        """
        self._scope(scope).write(documents, deleted, change)

    def build(self, scope: str) -> TantivyBuild:
        """Begin a new generation of a scope."""
        return TantivyBuild(self._scope(scope), BUILD_HEAP)

    def rollback(self, scope: str) -> Generation:
        """Go back to the generation before the current one; see `Index.rollback`."""
        return self._scope(scope).rollback()

    def check(self) -> Sequence[str]:
        """Return what is wrong with the files, one sentence each; empty is good."""
        return [sentence for scope in self._scopes.values() for sentence in scope.check()]

    def close(self) -> None:
        """Let merges end and let go of the files."""
        self._beside.close()
        for scope in self._scopes.values():
            scope.close()

    def _scope(self, name: str) -> Scope:
        if name not in self._scopes:
            raise BadQueryError(f"scope {name!r} is not one of {', '.join(SCOPES)}", parameter="scope")
        return self._scopes[name]
