"""What somebody may be about to type: missions, instruments, targets, places, things on the sky, and titles."""

from __future__ import annotations

import threading
import time
from bisect import bisect_left
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from heapq import nsmallest
from typing import Final

from discovery.index.base import Index, Plan
from discovery.model import terms
from discovery.model.extent import SKY
from discovery.model.record import OBSERVATIONS, RESOURCES
from discovery.planner import answering
from discovery.query import checks, names
from discovery.query.fields import MISSION
from discovery.query.names.table import key, words
from discovery.query.query import FacetRequest
from discovery.query.text import parse
from discovery.query.tokens import fold
from discovery.store.store import Store

FIELDS: Final = (MISSION, "instrument", "target")
"""The facets whose values are suggested, in the order in which they are."""
WHATS: Final = (*FIELDS, "place", "object", "title")
"""What a suggestion can be."""
VALUES: Final = 1_000
"""Values of each facet: the most that an engine gives, the most frequent ones."""
FRESH: Final = 60.0
"""Seconds for which counts may be older than the catalogue: a harvest writes every second."""
TERMS: Final = 3
PLACES: Final = 2
"""How many of eight suggestions are terms or places while there are titles enough."""
TYPED: Final = 200
"""Characters at the end of what was typed that are looked at."""
_SCANNED: Final = 5_000


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Something that begins as somebody types."""

    what: str
    """One of `WHATS`."""
    title: str
    """What people read: a title, a label, or a name with the number that it has in a catalogue."""
    id: str = ""
    """Of a record, for a title."""
    kind: str = ""
    """What a record is, or what a name is of."""
    value: str = ""
    """Of the facet that `what` names, or the name that `near` takes."""
    scope: str = RESOURCES
    """Where there are records of it."""
    count: int = 0
    """How many records have the value; 0 for names and titles, which nobody has counted."""
    frame: str = ""
    """Where a place or object is."""


@dataclass(frozen=True, slots=True)
class _Terms:
    """The values of one scope's facets, found by the beginnings of their words."""

    stamp: tuple[str, int]
    """The generation and the change that they were counted in."""
    made: float
    terms: tuple[tuple[Suggestion, tuple[str, ...], str], ...] = ()
    """Each with its words and its folded label."""
    beginnings: tuple[tuple[str, int], ...] = ()

    @classmethod
    def of(cls, stamp: tuple[str, int], made: float, found: Iterable[Suggestion]) -> _Terms:
        known = []
        for each in found:
            other = terms.names(each.what, each.value) if each.what != "target" else ()
            said = tuple(dict.fromkeys(word for text in (each.title, each.value, *other) for word in words(text)))
            known.append((each, said, key(each.title)))
        beginnings = sorted((word, number) for number, (_, said, _) in enumerate(known) for word in said)
        return cls(stamp, made, tuple(known), tuple(beginnings))

    def matching(self, typed: list[str], size: int) -> list[Suggestion]:
        """Return the values that have a word for each beginning: by facet, then the most frequent."""
        longest = max(typed, key=len)
        low = bisect_left(self.beginnings, (longest, -1))
        numbers: dict[int, None] = {}
        for word, number in self.beginnings[low : low + _SCANNED]:
            if not word.startswith(longest):
                break
            numbers[number] = None
        whole = " ".join(typed)
        fitting = [
            (FIELDS.index(one.what), not label.startswith(whole), -one.count, number)
            for number in numbers
            for one, said, label in (self.terms[number],)
            if all(any(word.startswith(each) for word in said) for each in typed)
        ]
        return [self.terms[number][0] for *_, number in nsmallest(size, fitting)]


class Suggester:
    """Suggests from a store and an engine; threads may share it.

    Args:
        store: Where titles are read.
        index: What finds them, and counts values.
        clock: Seconds that never go back.
    """

    def __init__(self, store: Store, index: Index, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._index = index
        self._clock = clock
        self._lock = threading.Lock()
        self._terms: dict[str, _Terms] = {}

    def suggest(self, text: str, size: int, scope: str = RESOURCES) -> list[Suggestion]:
        """Return what begins as typed: missions, instruments, targets, places and objects, then titles of a scope.

        Raises:
            BadQueryError: Half of a surrogate pair.
            UnavailableError: The engine does not answer.
        """
        checks.check_text(text, "q")
        typed = words(text[-TYPED:])
        if not typed or size < 1:
            return []
        titles = self._titles(text[-TYPED:], size, scope)
        if len("".join(typed)) < 2:
            return titles
        found = self._values(typed, size, scope)
        named = [_named(each) for each in names.beginning(text[-TYPED:], limit=size)]
        # Titles take what the others leave, and the others what titles leave.
        terms_kept = max(round(size * TERMS / 8), size - len(named[: _share(size)]) - len(titles))
        chosen = found[:terms_kept]
        chosen += named[: max(_share(size), size - len(chosen) - len(titles))]
        return [*chosen, *titles][:size]

    def _titles(self, text: str, size: int, scope: str) -> list[Suggestion]:
        typed = parse(text)
        tokens = (*typed.words, *((typed.prefix,) if typed.prefix and typed.prefix not in typed.words else ()))
        if not tokens:
            return []
        with answering(self._store):
            keys = list(self._index.suggest(scope, tuple(fold(each)[:12] for each in tokens), size))
        stored = self._store.catalogue.many(keys)
        records = [stored[key].record for key in keys if key in stored]
        return [Suggestion("title", each.title, id=each.id, kind=each.kind, scope=scope) for each in records]

    def _values(self, typed: list[str], size: int, scope: str) -> list[Suggestion]:
        """Return the values of both scopes, those of the scope asked about first."""
        other = OBSERVATIONS if scope == RESOURCES else RESOURCES
        distinct: dict[tuple[str, str], Suggestion] = {}
        for each in (scope, other):
            for one in self._known(each).matching(typed, size):
                distinct.setdefault((one.what, one.value), one)
        return sorted(distinct.values(), key=lambda one: FIELDS.index(one.what))

    def _known(self, scope: str) -> _Terms:
        """Return the values of a scope; one of those who ask counts them anew, the others take the last ones."""
        known = self._terms.get(scope)
        if known is not None and self._clock() - known.made < FRESH:
            return known
        if not self._lock.acquire(blocking=known is None):
            return known if known is not None else _Terms(("", 0), 0.0)
        try:
            known = self._terms.get(scope)
            if known is not None and self._clock() - known.made < FRESH:
                return known
            self._terms[scope] = self._counted(scope, known)
            return self._terms[scope]
        finally:
            self._lock.release()

    def _counted(self, scope: str, known: _Terms | None) -> _Terms:
        with answering(self._store):
            now = self._index.generation(scope)
            stamp = (now.name, now.change)
            if known is not None and known.stamp == stamp:
                return _Terms(stamp, self._clock(), known.terms, known.beginnings)
            requests = tuple(FacetRequest(name, VALUES) for name in FIELDS)
            facets = self._index.search(Plan(scope=scope, facets=requests, size=0, total=False)).facets
        found = [
            Suggestion(facet.name, _label(facet.name, each.value), value=each.value, scope=scope, count=each.count)
            for facet in facets
            for each in facet.buckets
        ]
        return _Terms.of(stamp, self._clock(), found)


def _label(name: str, value: str) -> str:
    """Return what people read; of a mission that no vocabulary has the end of its path."""
    label = terms.label(name, value)
    return value.rsplit("/", 1)[-1] if label == value and name == MISSION else label


def _share(size: int) -> int:
    return max(1, round(size * PLACES / 8))


def _named(each: names.Named) -> Suggestion:
    what = "object" if each.frame == SKY or each.whole else "place"
    title = f"{each.name} ({each.other})" if each.other else each.name
    return Suggestion(what, title, kind=each.kind, value=each.name, frame=each.frame)
