"""The catalogs by which everything is reached by links: the sources, their collections, and items by time.

The landing page leads to the catalog of each source, that to its collections, and each collection to its items: those
of a year, a month, a day, until a catalog has few enough to link to them. Items whose collection is not in the
catalogue are reached from their source in the same way. An item is of one collection, or of one source and none, and
`When` cuts those into parts without an item in common: so every item is linked to from one catalog.

How deep that gets: landing page, source, part of a source, collection, its items, some years, year, month, day. What is
still too much has its numbers put in order and is cut at every thousandth, or where it is too much for that goes by the
letters that ids begin with: each has a thirty-second, since ids are as good as drawn by lot. Of ten million items of
one day that takes two letters and one cut, which makes twelve catalogs from the first to the last.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from threading import Lock
from typing import Final, Generic, TypeVar

import orjson

from discovery.errors import NotFoundError
from discovery.model.record import OBSERVATIONS
from discovery.model.stac import STAC_VERSION
from discovery.portal import Keyed, Portal
from discovery.query.query import Comparison, Filter, Histogram, In, IsNull, Or, Query, Sort, conjunction
from discovery.stac_api.documents import Documents
from discovery.stac_api.links import BY_TIME, GEOJSON, Link, Links, link
from discovery.stac_api.question import COLLECTION_KINDS
from discovery.stac_api.when import Step, When
from discovery.store.catalogue import Stored
from discovery.store.tree import Entry, Part

_T = TypeVar("_T")
REACHED: Final = (*COLLECTION_KINDS, "observation")
"""The kinds of records that are reached by links."""
_TOGETHER: Final = 10_000
"""Ids that one node of a filter names."""
_YEARS: Final = 5_400
"""Years beyond which an engine may not have counted all their months, of which it counts 65,000."""
_INTERVALS: Final = {Step.YEAR: "year", Step.MONTH: "month", Step.DAY: "day"}
_SURE: Final = 2_048
"""Ids of which none of the 32 letters is left out: they are drawn by lot, and the odds are 10**27 to one."""
_WALK: Final = 10_000
"""Numbers that an engine is asked for at once."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How long an answer may get."""

    links: int = 1_000
    """Links of one catalog to collections, or to items; some 250 bytes each."""
    numbered: int = 20_000
    """Items whose numbers are put in order to be cut; more are told apart by letters of their ids first."""
    page: int = 100
    """Catalogs and collections on a page of `children`."""
    body: int = 4 << 20
    """Bytes after which a page of `children` ends, though there are fewer."""


@dataclass(frozen=True, slots=True)
class Child:
    """What a catalog links to as `child`."""

    href: str
    title: str
    write: Callable[[], bytes]
    """Returns the document that is there, empty where it has gone meanwhile."""

    @property
    def link(self) -> Link:
        """The link to it."""
        return {**link("child", self.href), "title": self.title}


@dataclass(frozen=True, slots=True)
class Catalog:
    """A STAC Catalog, with what it leads to; what its children hold is not looked for."""

    id: str
    href: str
    parent: str
    title: str
    description: str
    children: tuple[Child, ...] = ()
    items: tuple[Link, ...] = ()

    def document(self, root: str) -> bytes:
        """Return it as JSON."""
        around = [link("self", self.href), link("root", root), link("parent", self.parent)]
        if self.children:
            around.append(link("children", f"{self.href}/children"))
        return orjson.dumps(
            {
                "type": "Catalog",
                "stac_version": STAC_VERSION,
                "id": self.id,
                "title": self.title,
                "description": self.description,
                "links": [*around, *(each.link for each in self.children), *self.items],
            }
        )


@dataclass(frozen=True, slots=True)
class Shelf:
    """Items that are browsed by time: those of a collection, or those of a source without one."""

    id: str
    owner: str
    """What the collection or the source is called."""
    title: str
    """What the catalog of all of them is called, and with `href` where it is."""
    href: str
    parent: str
    filter: Filter
    item: Callable[[Entry], str]
    """Returns the address of one of them."""

    def at(self, when: When) -> str:
        """Return the address of the catalog of some of them."""
        return f"{self.href}/{when.text.replace('+', '%2B')}" if when.text else self.href


class Latest(Generic[_T]):
    """Something that is found out of the whole store, again only when a record has changed.

    Args:
        portal: Whose store it is.
        find: Finds it.
        again: Seconds after which the store is asked whether something has changed.
    """

    def __init__(self, portal: Portal, find: Callable[[], tuple[_T, ...]], again: float) -> None:
        self._portal = portal
        self._find = find
        self._again = again
        self._lock = Lock()
        self._change, self._until = -1, 0.0
        self._found: tuple[_T, ...] = ()

    def get(self) -> tuple[_T, ...]:
        """Return it as it is, or was some moments ago."""
        with self._lock:
            now = time.monotonic()
            if self._change < 0 or now >= self._until:
                change = self._portal.store.catalogue.last_change()
                if change != self._change:
                    self._found = self._find()
                self._change, self._until = change, now + self._again
            return self._found


class Known:
    """What the store knows of all sources at once.

    Args:
        portal: Whose store it is.
        again: Seconds after which the store is asked whether something has changed; every landing page wants to know.
    """

    def __init__(self, portal: Portal, *, again: float = 1.0) -> None:
        self._tree = portal.store.tree
        self._sources = Latest(portal, self._named, again)
        self._lost = Latest(portal, lambda: tuple(self._tree.lost(COLLECTION_KINDS)), again)

    def sources(self) -> tuple[tuple[str, str], ...]:
        """Return id and title of each source that has a collection or an item, in the order of the titles."""
        return self._sources.get()

    def lost(self) -> tuple[str, ...]:
        """Return the ids that records name as their parent and that no collection has."""
        return self._lost.get()

    def _named(self) -> tuple[tuple[str, str], ...]:
        found = self._tree.sources(REACHED)
        return tuple(sorted(found, key=lambda each: (each[1].casefold(), each[0])))


class Catalogs:
    """The catalogs of one request.

    Args:
        portal: What they are made of.
        known: The sources.
        links: The addresses of the request.
        bounds: How long they may get.
    """

    def __init__(self, portal: Portal, known: Known, links: Links, bounds: Bounds) -> None:
        self._portal = portal
        self._known = known
        self._links = links
        self._bounds = bounds

    def sources(self) -> tuple[Child, ...]:
        """Return what the landing page leads to."""
        return tuple(
            Child(self._links.catalog(id), title, partial(self._written, partial(self.source, id)))
            for id, title in self._known.sources()
        )

    def source(self, id: str) -> Catalog:
        """Return the catalog of a source: its collections, or parts of them, and its items without a collection.

        Up to as many collections as the square of a catalog's links are at most two catalogs away.

        Raises:
            NotFoundError: No source of that id has anything.
            UnavailableError: The engine does not answer.
        """
        title = self._title(id)
        tree, most = self._portal.store.tree, self._bounds.links
        found = tree.between(id, COLLECTION_KINDS, most + 1)
        if len(found) <= most:
            count, children = len(found), [self._collection(each) for each in _by_title(found)]
        else:
            parts = tree.parts(id, COLLECTION_KINDS, most)
            count, children = sum(each.count for each in parts), [self._part(id, each) for each in parts]
        loose = self._count(self._loose(id))
        told = f"{_many(count, 'collection')} from {title}"
        if loose:
            shelf = self.loose(id)
            write = partial(self._written, partial(self.browse, shelf, When()))
            children.append(Child(shelf.href, f"{shelf.title}, {_many(loose, 'item')}", write))
            told += f", and {_many(loose, 'item')} without a collection"
        here = self._links.catalog(id)
        return Catalog(id, here, self._links.root, title, f"{told}.", tuple(children))

    def part(self, id: str, low: int, high: int) -> Catalog:
        """Return the collections of a source whose records have numbers from `low` to `high`.

        Raises:
            NotFoundError: There are none, or more than are in a part.
        """
        title, most = self._title(id), self._bounds.links
        found = self._portal.store.tree.between(id, COLLECTION_KINDS, most + 1, low, high)
        if not 0 < len(found) <= most:
            raise NotFoundError(f"no part {low}-{high} of source {id[:80]!r}; its catalog lists those that there are")
        part = Part(found[0], found[-1], len(found))
        return Catalog(
            f"{id}:{low}-{high}",
            self._links.part(id, low, high),
            self._links.catalog(id),
            _between(part),
            f"{_many(len(found), 'collection')} from {title}.",
            tuple(self._collection(each) for each in _by_title(found)),
        )

    def collection(self, stored: Stored) -> Shelf:
        """Return the items of a collection."""
        here = self._links.collection(stored.stac_id)
        return Shelf(
            stored.stac_id,
            stored.record.title or stored.stac_id,
            BY_TIME,
            f"{here}/browse",
            here,
            Comparison("=", "dataset", stored.record.id),
            lambda each: self._links.item(stored.stac_id, each.stac_id),
        )

    def loose(self, id: str) -> Shelf:
        """Return the items of a source whose collection is not in the catalogue.

        Raises:
            NotFoundError: No source of that id has anything.
        """
        title, here = self._title(id), self._links.catalog(id)
        return Shelf(
            id,
            title,
            "Items without a collection",
            f"{here}/browse",
            here,
            self._loose(id),
            lambda each: self._links.loose_item(id, each.id),
        )

    def under(self, shelf: Shelf) -> tuple[Child, ...]:
        """Return what a collection leads to: the catalog of its items."""
        return (Child(shelf.href, shelf.title, partial(self._written, partial(self.browse, shelf, When()))),)

    def browse(self, shelf: Shelf, when: When) -> Catalog:
        """Return a catalog of items: links to them where they are few enough, else to those of shorter times.

        Items are in time by their start, so that each is in one place. Of all items there is always a catalog.

        Raises:
            NotFoundError: There are none at that time.
            UnavailableError: The engine does not answer.
        """
        if when.numbers is not None:
            return self._numbered(shelf, when, *when.numbers)
        finer = when.finer
        found = self._counted(shelf, when, _INTERVALS[finer] if finer is not None else None)
        total = found.total.value
        if not total and when != When():
            raise NotFoundError(f"no item of {shelf.id[:80]!r} at {when.text}")
        if total <= self._bounds.links:
            return self._catalog(shelf, when, total, items=self._items(shelf, self._keys(shelf, when)))
        return self._catalog(shelf, when, total, self._cut(shelf, when, found))

    def _numbered(self, shelf: Shelf, when: When, low: int, high: int) -> Catalog:
        """Return some items by their numbers."""
        keys = [each for each in self._keys(shelf, when) if low <= each <= high]
        if not keys:
            raise NotFoundError(f"no item of {shelf.id[:80]!r} at {when.text}")
        if len(keys) <= self._bounds.links:
            return self._catalog(shelf, when, len(keys), items=self._items(shelf, keys))
        return self._catalog(shelf, when, len(keys), self._slices(replace(when, numbers=None), keys))

    def _catalog(
        self,
        shelf: Shelf,
        when: When,
        total: int,
        cuts: Iterable[tuple[When, int | None]] = (),
        items: Iterable[Link] = (),
    ) -> Catalog:
        counted = _many(total, "item")
        whole = when == When()
        return Catalog(
            f"{shelf.id}:{when.text or 'items'}",
            shelf.at(when),
            self._around(shelf, when),
            shelf.title if whole else f"{when.title}, {counted}",
            f"{counted} of {shelf.owner}." if whole else f"{counted} of {shelf.owner}: {when.title}.",
            tuple(self._stretch(shelf, *each) for each in cuts),
            tuple(items),
        )

    def _stretch(self, shelf: Shelf, when: When, count: int | None) -> Child:
        """Return some of a shelf as a child; how many they are may not be known."""
        write = partial(self._written, partial(self.browse, shelf, when))
        return Child(shelf.at(when), when.title if count is None else f"{when.title}, {_many(count, 'item')}", write)

    def _cut(self, shelf: Shelf, when: When, found: Keyed) -> Iterator[tuple[When, int | None]]:
        """Yield what some items are cut into, each with how many it has, which is never none."""
        total, finer, bins = found.total.value, when.finer, _bins(found)
        if finer is None or len(bins) > _YEARS:
            yield from self._apart(shelf, when, total)
            return
        yield from self._years(bins) if finer is Step.YEAR else ((When.of(finer, start), n) for start, n in bins)
        if when == When() and (rest := total - sum(count for _, count in bins)) > 0:
            yield When(undated=True), rest  # What is in none of the years.

    def _apart(self, shelf: Shelf, when: When, total: int) -> Iterator[tuple[When, int | None]]:
        """Yield parts of what time does not tell apart: by number, or of very much by a letter of the ids."""
        if total <= self._bounds.numbered:
            yield from self._slices(when, sorted(self._keys(shelf, when)))
        elif total > _SURE:
            yield from ((each, None) for each in when.spelt())
        else:
            counted = ((each, self._count(shelf.filter, each.filter)) for each in when.spelt())
            yield from (each for each in counted if each[1])

    def _slices(self, when: When, keys: Sequence[int]) -> Iterator[tuple[When, int]]:
        ordered, most = sorted(keys), self._bounds.links
        for at in range(0, len(ordered), most):
            some = ordered[at : at + most]
            yield when.between(some[0], some[-1]), len(some)

    def _years(self, bins: Sequence[tuple[int, int]]) -> list[tuple[When, int]]:
        """Return years, or ranges of as many of them as a catalog has links where they are more."""
        most = self._bounds.links
        years = [(When.of(Step.YEAR, start), count) for start, count in bins]
        if len(years) <= most:
            return years
        grouped = [years[at : at + most] for at in range(0, len(years), most)]
        return [(When.years(each[0][0], each[-1][0]), sum(count for _, count in each)) for each in grouped]

    def _around(self, shelf: Shelf, when: When) -> str:
        """Return the address of the catalog that links to this one."""
        if when == When():
            return shelf.parent
        outer = when.around
        if when.step is Step.YEAR and not when.letters and not when.numbers:
            # Ranges of years lie between only where there are many, which nothing but all the years tells.
            ranges = self._years(_bins(self._counted(shelf, outer, "year")))
            outer = next((each for each, _ in ranges if each.step is Step.YEARS and each.holds(when)), outer)
        return shelf.at(outer)

    def _keys(self, shelf: Shelf, when: When) -> list[int]:
        """Return the numbers of the items of a time, whichever of them are asked for, the earliest first.

        Where they are more than are ever put in order, the first ones.
        """
        narrowed = conjunction([shelf.filter, when.filter])
        asked = Query(scope=OBSERVATIONS, filter=narrowed, size=_WALK, sort=Sort("start"))
        most = max(self._bounds.numbered, self._bounds.links)
        keys: list[int] = []
        following: str | None = ""
        while following is not None and len(keys) < most:
            found = self._portal.keys(replace(asked, after=following), total=False)
            keys += found.keys
            following = found.next or None
        return keys

    def _items(self, shelf: Shelf, keys: Sequence[int]) -> Iterator[Link]:
        """Yield the links to items, in the order of their numbers here."""
        called = self._portal.store.tree.entries(keys)
        for entry in (called[key] for key in keys if key in called):
            found = link("item", shelf.item(entry), GEOJSON)
            yield {**found, "title": entry.title} if entry.title else found

    def _counted(self, shelf: Shelf, when: When, interval: str | None) -> Keyed:
        narrowed = conjunction([shelf.filter, when.filter])
        asked = Query(scope=OBSERVATIONS, filter=narrowed, size=0)
        return self._portal.keys(replace(asked, histogram=Histogram(interval)) if interval else asked)

    def _count(self, *filters: Filter | None) -> int:
        return self._portal.keys(Query(scope=OBSERVATIONS, filter=conjunction(filters), size=0)).total.value

    def _loose(self, id: str) -> Filter:
        """Return what is true for the items of a source that are in no collection of the catalogue."""
        lost = self._known.lost()
        named = [In("dataset", lost[at : at + _TOGETHER]) for at in range(0, len(lost), _TOGETHER)]
        found = conjunction([Comparison("=", "source", id), Or((IsNull("dataset"), *named))])
        assert found is not None  # it has parts
        return found

    def _part(self, id: str, part: Part) -> Child:
        low, high = part.first.key, part.last.key
        write = partial(self._written, partial(self.part, id, low, high))
        return Child(self._links.part(id, low, high), _between(part), write)

    def _collection(self, entry: Entry) -> Child:
        def write() -> bytes:
            return next(iter(Documents(self._portal, self._links).collections([entry.key])), b"")

        return Child(self._links.collection(entry.stac_id), entry.title or entry.stac_id, write)

    def _title(self, id: str) -> str:
        for known, title in self._known.sources():
            if known == id:
                return title
        raise NotFoundError(f"no source {id[:80]!r} has anything here")

    def _written(self, make: Callable[[], Catalog]) -> bytes:
        try:
            return make().document(self._links.root)
        except NotFoundError:
            return b""  # It has gone since it was counted.


def page(children: Sequence[Child], start: int, limit: int, bounds: Bounds) -> tuple[list[bytes], int]:
    """Return the documents of some children and where the next page begins; 0 where there is none."""
    bodies: list[bytes] = []
    size, at = 0, start
    for each in children[start : start + min(limit, bounds.page)]:
        body = each.write()
        at += 1
        if body:
            bodies.append(body)
            size += len(body)
        if size > bounds.body:
            break
    return bodies, at if at < len(children) else 0


def _bins(found: Keyed) -> list[tuple[int, int]]:
    """Return the steps of a histogram that are not empty: where each begins, and its count."""
    return [(each.start, each.count) for each in found.bins if each.count]


def _by_title(entries: Sequence[Entry]) -> list[Entry]:
    return sorted(entries, key=lambda each: ((each.title or each.stac_id).casefold(), each.key))


def _between(part: Part) -> str:
    first, last = (each.title or each.stac_id for each in (part.first, part.last))
    return f"{_many(part.count, 'collection')}: {first} to {last}"


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"
