"""The engine itself: an `Index` over one Elasticsearch server."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final, TypeVar

from discovery.errors import BadQueryError, DiscoveryError, GoneError, LimitError, UnavailableError
from discovery.index import plans
from discovery.index.base import MAX_KEYS, Answer, Document, Generation, Plan
from discovery.index.elasticsearch.scope import ElasticsearchBuild, Scope
from discovery.index.elasticsearch.search import Search
from discovery.index.elasticsearch.server import TOO_COMPLEX, Access, Server
from discovery.index.plans import ANCHOR, KEY
from discovery.model.record import SCOPES
from discovery.query.text import PREFIX_LENGTH

_ATTEMPTS: Final = 4

_T = TypeVar("_T")


class ElasticsearchIndex:
    """A search engine on a server: searched by any number of processes, written by one at a time.

    Args:
        access: Where the server is and how it knows us.
        prefix: The beginning of the names of our indexes; a portal of its own needs one of its own.
        shards: Of each index; None leaves it to the index template of the server, else one.
    """

    name = "elasticsearch"
    local = False

    def __init__(self, access: Access, *, prefix: str = "discovery", shards: int | None = None) -> None:
        self._server = Server(access)
        self._scopes = {scope: Scope(scope, self._server, prefix, shards) for scope in SCOPES}

    def search(self, plan: Plan) -> Answer:
        """Return what matches, with exact facet counts over the whole match; see `Index.search`."""
        plans.check(plan)
        return self._asked(plan, Search.answer)

    def keys(self, plan: Plan, limit: int = MAX_KEYS) -> Sequence[int]:
        """Return the keys of all matches in no particular order, at most `limit` of them."""
        plans.check(plan)
        return self._asked(plan, lambda search: [key for (key,) in search.any_keys(limit, KEY)])

    def anchored(self, plan: Plan, limit: int = MAX_KEYS) -> tuple[Sequence[int], Sequence[int]]:
        """Return keys as `keys` does, and the anchor of each; -1 where it has none."""
        plans.check(plan)
        rows = self._asked(plan, lambda search: search.any_keys(limit, KEY, ANCHOR))
        return [key for key, _ in rows], [anchor for _, anchor in rows]

    def suggest(self, scope: str, tokens: tuple[str, ...], size: int) -> Sequence[int]:
        """Return keys of documents whose prepared `prefix` text holds every token, shortest titles first."""
        if not tokens or size <= 0:
            return []
        wanted = [token[:PREFIX_LENGTH] for token in tokens]
        return self._asked(Plan(scope), lambda search: search.suggested(wanted, min(size, plans.MAX_PAGE)))

    def terms(self, scope: str, grams: tuple[str, ...], size: int) -> Sequence[str]:
        """Return words of titles that share most of the given trigrams, most shared and most frequent first."""
        return self._asked(Plan(scope), lambda search: search.similar(grams, size))

    def _asked(self, plan: Plan, ask: Callable[[Search], _T]) -> _T:
        """Ask the generation that a plan wants, again where it was replaced while we asked."""
        scope = self._scope(plan.scope)
        patient = False
        for _ in range(_ATTEMPTS):
            reader = scope.reader(plan.generation)
            try:
                return ask(Search(self._server, reader, plan, patient=patient))
            except (GoneError, UnavailableError):
                # An index that is being removed has no shards for a moment before it is gone.
                if not scope.replaced(reader):
                    raise
            except LimitError as error:
                if error.limit != TOO_COMPLEX or patient:
                    raise
                patient = True
        raise UnavailableError(f"generations of {plan.scope} change faster than they can be asked")

    def generation(self, scope: str) -> Generation:
        """Return the generation that answers now."""
        return self._scope(scope).generation()

    def write(self, scope: str, documents: Iterable[Document], deleted: Iterable[int], change: int) -> None:
        """Replace documents by key, remove the deleted keys, and remember `change`; visible when this returns.

        A document that is there from a later change stays as it is.

        Raises:
            RecordError: A document holds what no engine can; nothing was written.
            UnavailableError: The server does not answer, or had no room for long.
        """
        self._scope(scope).write(documents, deleted, change)

    def build(self, scope: str) -> ElasticsearchBuild:
        """Begin a new generation of a scope."""
        return ElasticsearchBuild(self._scope(scope))

    def rollback(self, scope: str) -> Generation:
        """Go back to the generation before the current one; see `Index.rollback`."""
        return self._scope(scope).rollback()

    def check(self) -> Sequence[str]:
        """Return what is wrong with the server or our indexes, one sentence each; empty is good."""
        found: dict[str, None] = {}
        for scope in self._scopes.values():
            try:
                found |= dict.fromkeys(scope.check())
            except DiscoveryError as error:
                found[str(error)] = None
        return list(found)

    def close(self) -> None:
        """Let go of the connections."""
        self._server.close()

    def _scope(self, name: str) -> Scope:
        if name not in self._scopes:
            raise BadQueryError(f"scope {name!r} is not one of {', '.join(SCOPES)}", parameter="scope")
        return self._scopes[name]
