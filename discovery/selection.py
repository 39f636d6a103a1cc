"""What somebody picked: up to a hundred records by their ids, or everything that a question finds.

The second kind is kept as the question, never as a list, so that it says tomorrow what matches then. Both kinds are
written as an address, which is all that an anonymous selection is, and as the document of a stored one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import urlencode

from discovery.errors import BadQueryError, GoneError, LimitError, MovedError, NotFoundError
from discovery.portal import Keyed, Portal
from discovery.query import form, names
from discovery.query.query import Query, Sort, Total
from discovery.store.catalogue import Stored

MAX_IDS: Final = 100
"""Records that can be picked one by one; more are picked by a question."""
MAX_ROWS: Final = 1_000_000
"""The most records of a question that one export has."""
PATH: Final = "/selection"
ID: Final = "id"
ALL: Final = "all"
"""The parameter that says that the others are a question of which everything is meant."""
UNKNOWN: Final = "unknown"
DELETED: Final = "deleted"
MERGED: Final = "merged"
_ID_LENGTH: Final = 64
_CHUNK: Final = 500
"""Records that are in memory at once."""
_WALK: Final = 5_000
"""Keys that an engine is asked for at once."""
_FOLLOWED: Final = 8

Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Selection:
    """The records that somebody picked: these ids, or all that a query finds."""

    ids: tuple[str, ...] = ()
    """In the order in which they were picked, each once."""
    query: Query | None = None
    """None where it is a list of ids."""

    @classmethod
    def of_ids(cls, ids: Iterable[str]) -> Selection:
        """Return a selection of single records.

        Raises:
            LimitError: There are more than a hundred.
            BadQueryError: One of them can be no id.
        """
        kept = tuple(dict.fromkeys(each.strip() for each in ids if each.strip()))
        for each in kept:
            if len(each) > _ID_LENGTH or not each.isascii() or not each.isalnum():
                raise BadQueryError(f"{each[:80]!r} is no id of a record", parameter=ID)
        if len(kept) > MAX_IDS:
            told = f"{len(kept)} records are picked one by one, and a selection has {MAX_IDS} at most"
            raise LimitError("selection-ids", f"{told}: pick all that a search finds instead", parameter=ID)
        return cls(ids=kept)

    @classmethod
    def of_query(cls, query: Query) -> Selection:
        """Return a selection of everything that a query finds, whatever page of it was shown."""
        counted: dict[str, Any] = {"facets": (), "numbers": (), "histogram": None, "heat": None}
        return cls(query=replace(query, size=form.DEFAULT_SIZE, after="", **counted))

    @classmethod
    def parse(cls, pairs: Iterable[tuple[str, str]], *, resolver: names.Resolve = names.resolve) -> Selection:
        """Return the selection of an address: `id` once for each record, or `all=1` with a question.

        Args:
            pairs: Parameters and their values.
            resolver: What knows the names that `near` takes.

        Raises:
            BadQueryError: Both kinds at once, or a question that cannot be read.
            LimitError: More than a hundred ids.
        """
        given = [(name, value) for name, value in pairs if value.strip()]
        ids = [value for name, value in given if name == ID]
        rest = [each for each in given if each[0] not in (ID, ALL)]
        wants_all = [value for name, value in given if name == ALL]
        if not wants_all:
            if rest:
                told = f"{rest[0][0][:40]} belongs to a question: say {ALL}=1 to pick everything that it finds"
                raise BadQueryError(told, parameter=rest[0][0][:40])
            return cls.of_ids(ids)
        if any(each != "1" for each in wants_all):
            raise BadQueryError(f"{ALL} {wants_all[0][:20]!r} is not 1", parameter=ALL)
        if ids:
            raise BadQueryError(f"a selection is a list of ids or all of a question: leave out {ID} or {ALL}")
        return cls.of_query(form.parse(rest, resolver=resolver))

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Selection:
        """Read back what `to_document` wrote.

        Raises:
            BadQueryError: It is no document of a selection.
        """
        pairs, ids = document.get("query"), document.get("ids", [])
        if pairs is not None:
            if not isinstance(pairs, list) or not all(_is_pair(each) for each in pairs):
                raise BadQueryError("query is a list of [name, value]", parameter="query")
            return cls.of_query(form.parse([(name, value) for name, value in pairs]))
        if not isinstance(ids, list) or not all(isinstance(each, str) for each in ids):
            raise BadQueryError("ids is a list of texts", parameter="ids")
        return cls.of_ids(ids)

    def to_document(self) -> dict[str, Any]:
        """Return the selection as JSON values."""
        if self.query is None:
            return {"ids": list(self.ids)}
        return {"query": [list(each) for each in form.pairs(self.query)]}

    def pairs(self) -> Pairs:
        """Return the parameters that `parse` reads as the same selection."""
        if self.query is None:
            return tuple((ID, each) for each in self.ids)
        return ((ALL, "1"), *form.pairs(self.query))

    def address(self, path: str = PATH, **more: str) -> str:
        """Return its address beneath the site, with more parameters where a page takes them."""
        pairs = [*self.pairs(), *more.items()]
        return f"{path}?{urlencode(pairs, errors='replace')}" if pairs else path

    @property
    def is_empty(self) -> bool:
        """Whether nothing was picked."""
        return self.query is None and not self.ids

    def without(self, id: str) -> Selection:
        """Return the selection less one record; a question stays as it is."""
        return self if self.query is not None else Selection(tuple(each for each in self.ids if each != id))

    def joined(self, other: Selection) -> Selection:
        """Return what is in one or in the other.

        Raises:
            BadQueryError: One of them is a question, which nothing can be added to.
            LimitError: They have more than a hundred records.
        """
        if self.query is not None or other.query is not None:
            raise BadQueryError("records can be added to a list of records, not to all that a search finds")
        return Selection.of_ids((*self.ids, *other.ids))


@dataclass(frozen=True, slots=True)
class Lost:
    """A record that was picked and is not there under its id."""

    id: str
    why: str
    """`unknown`, `deleted` or `merged`."""
    into: str = ""
    """The id of the record that it was merged into, which takes its place."""

    def __str__(self) -> str:
        if self.why == MERGED:
            return f"{self.id} was merged into {self.into}, which takes its place"
        return f"{self.id} was deleted at its source" if self.why == DELETED else f"{self.id} is not known here"


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which records a selection has now; found before anything of them is read."""

    selection: Selection
    total: Total
    keys: tuple[int, ...]
    """The numbers of the first of them, of all where `next` is empty."""
    lost: tuple[Lost, ...] = ()
    next: str = ""
    asked: Query | None = None
    """What is asked for those behind the first."""

    @property
    def is_whole(self) -> bool:
        """Whether `keys` are all of them."""
        return not self.next


def choose(portal: Portal, selection: Selection, most: int = MAX_ROWS) -> Chosen:
    """Return which records a selection has now.

    Args:
        portal: Where they are.
        selection: What was picked.
        most: How many there may be.

    Raises:
        LimitError: There are more.
        UnavailableError: The engine does not answer, and it is a question.
    """
    if selection.query is None:
        return _by_ids(portal, selection)
    asked = replace(selection.query, size=_WALK)
    found = portal.keys(asked)
    if found.total.value > most:
        told = f"{found.total.value:,} records match, and {most:,} are taken at most: narrow the search"
        raise LimitError("selection-rows", told)
    if found.next and _is_windowed(asked):
        # Pages by relevance end, and are gone with their generation; by a field every record is reached.
        asked = replace(asked, sort=Sort("updated", descending=True))
        found = portal.keys(asked)
    return Chosen(selection, found.total, found.keys, next=found.next, asked=asked)


def first(portal: Portal, selection: Selection, most: int) -> Chosen:
    """Return the first records of a selection, as many as are wanted, with the number of all; raises as `choose`."""
    if selection.query is None:
        found = _by_ids(portal, selection)
        return replace(found, keys=found.keys[:most])
    asked = replace(selection.query, size=most)
    page: Keyed = portal.keys(asked)
    return Chosen(selection, page.total, page.keys, next=page.next, asked=asked)


def chunks(portal: Portal, chosen: Chosen) -> Iterator[tuple[int, ...]]:
    """Yield the numbers of everything chosen, some hundred at a time; the engine is asked as they are taken."""
    keys, onward = chosen.keys, chosen.next
    while True:
        for start in range(0, len(keys), _CHUNK):
            yield keys[start : start + _CHUNK]
        if not onward or chosen.asked is None:
            return
        found = portal.keys(replace(chosen.asked, after=onward), total=False)
        keys, onward = found.keys, found.next


def records(portal: Portal, chosen: Chosen) -> Iterator[Stored]:
    """Yield everything chosen in its order; what was deleted meanwhile is left out."""
    for keys in chunks(portal, chosen):
        yield from stored(portal, keys)


def stored(portal: Portal, keys: Sequence[int]) -> Iterator[Stored]:
    """Yield the live records with these numbers, in this order."""
    found = portal.stored(keys)
    return (found[key] for key in keys if key in found)


def _by_ids(portal: Portal, selection: Selection) -> Chosen:
    live = portal.store.catalogue.keys(selection.ids)
    keys: dict[int, None] = {}
    lost: list[Lost] = []
    for id in selection.ids:
        key, why = (live[id], None) if id in live else _sought(portal, id)
        if why is not None:
            lost.append(why)
        if key is not None:
            keys[key] = None
    return Chosen(selection, Total(len(keys)), tuple(keys), tuple(lost))


def _sought(portal: Portal, id: str) -> tuple[int | None, Lost | None]:
    """Return what became of a record that is not live: where it went, and why."""
    at = id
    for _ in range(_FOLLOWED):
        try:
            found = portal.record(at)
        except MovedError as moved:
            at = moved.id
        except GoneError:
            return None, Lost(id, DELETED)
        except NotFoundError:
            return None, Lost(id, UNKNOWN)
        else:
            return found.key, Lost(id, MERGED, at) if at != id else None
    return None, Lost(id, UNKNOWN)


def _is_windowed(query: Query) -> bool:
    return query.sort is None and bool(query.text.strip() or query.phrases)


def _is_pair(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(isinstance(each, str) for each in value)
