"""Services that list collections and give the elements of each page by page: one walk over all that are so."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final, Protocol
from urllib.parse import urlencode

from discovery.errors import NotFoundError, RecordError, SourceRefusedError, SourceUnavailableError
from discovery.http import Client
from discovery.model.record import Issue
from discovery.model.source import Quarantined, RawRecord
from harvesters import stac_page
from harvesters.ahead import Ahead
from harvesters.base import Position, RawPage
from harvesters.document import identity
from harvesters.stac_page import Ask, Element, Page

JSON: Final = "application/geo+json, application/json;q=0.9, */*;q=0.1"
"""What is asked for by whoever reads pages."""
MOST_EMPTY: Final = 100
"""Pages in a row without an element that are followed; filters behind a cursor make some, a fault makes no end."""
# After these the same page in smaller pieces may come: it was too much for the source, or for us.
_TOO_MUCH_DETAIL: Final = frozenset({"too_large", "ratio", "slow", "timeout", "cut", "encoding", "unexpected_content"})
_TOO_MUCH_STATUS: Final = frozenset({400, 413, 422, 500, 502, 504})


class Service(Protocol):
    """What the walk has to be told of a service; all of it is known without asking for anything."""

    @property
    def listing(self) -> Ask | None:
        """The request for the first page of collections; None where the service has no collections."""
        ...

    @property
    def totals(self) -> bool:
        """Whether the service is to be believed when it says how many elements it has."""
        ...

    def wanted(self, collection: Element) -> bool:
        """Say whether the elements of a collection are to be walked."""
        ...

    def first(self, name: str, collection: Mapping[str, Any], listed: Ask | None) -> Ask:
        """Return the request for the first page of a collection's elements.

        Args:
            name: The collection's id; empty where the service has no collections.
            collection: What the service says of it.
            listed: The page of collections that it stands on, for relative links.

        Raises:
            RecordError: There is no way to them.
        """
        ...

    def listed(self, collection: Element, href: str) -> RawRecord | None:
        """Return the element that a collection itself is; None where it is none."""
        ...

    def element(self, name: str, number: int, element: Element) -> RawRecord:
        """Return an element of a collection, as it stands on a page."""
        ...


class Paged:
    """Walks a service collection by collection, page by page.

    The position of a walk is the page of collections, the collection on it, and the request for its next page of
    elements, so it stays small however large the source is. Addresses are those that the service gives in its links.
    """

    def __init__(self, client: Client, service: Service) -> None:
        self._client = client
        self._service = service

    def pages(self, position: Position | None) -> Iterator[RawPage]:
        """Yield the collections of a page of them, then the elements of each, and so on."""
        walk = _Walk.resume(position) if position else _Walk(self._service.listing)
        ahead = Ahead[Ask, Page](lambda ask: page_of(self._client, ask, "features"))
        while not walk.done:
            if walk.listing is None:
                walk.known, walk.collection = {"": {}}, ""
            elif walk.collection is not None and walk.known is None:
                self._look_up(walk, walk.listing)
            page = self._elements(walk, ahead) if walk.collection is not None else self._collections(walk)
            walk.resumed = False
            self._look_ahead(walk, ahead)
            yield page

    def _collections(self, walk: _Walk) -> RawPage:
        """Return the collections of a page, and go on to the elements of the first."""
        listing = walk.listing
        assert listing is not None
        page = self._look_up(walk, listing)
        rejected: list[Quarantined] = []
        again, back = walk.listings.again(page), walk.listings.back(page)
        found = [
            raw
            for element in (page.elements if not again else ())
            if (raw := self._service.listed(element, listing.href)) is not None
        ]
        walk.expected += len({(raw.source_id, raw.position) for raw in found if raw.source_id not in walk.walked})
        if again or back:
            rejected.append(repeated(listing.href, "the collections come again and again"))
            walk.after = None
        walk.go_on()
        return RawPage(tuple(found), walk.position(), self._matched(walk), tuple(rejected))

    def _look_up(self, walk: _Walk, listing: Ask) -> Page:
        """Read the collections of the page where the walk stands; where its collection has gone, it begins anew."""
        try:
            page = page_of(self._client, listing, "collections")
        except NotFoundError as error:
            raise SourceUnavailableError(f"the collections have gone: {error}", detail="status") from error
        named = {identity(each.document): each for each in page.elements if each.document}
        walk.known = {
            name: each.document or {}
            for name, each in named.items()
            if name and name not in walk.walked and self._service.wanted(each)
        }
        walk.after = page.onward
        if walk.collection not in walk.known:
            walk.collection = None
        return page

    def _elements(self, walk: _Walk, ahead: Ahead[Ask, Page]) -> RawPage:
        """Return a page of a collection's elements, and go on to the next one or to the next collection.

        A collection that cannot be read costs only itself; that it could not be read keeps its records.
        """
        collection = walk.collection or ""
        page, rejected = None, []
        try:
            page = ahead.take(self._next(walk))
        except (NotFoundError, RecordError, SourceRefusedError) as error:
            rejected.append(_rejected(_place(collection, walk), "no-items", f"items cannot be read: {error}"))
        except SourceUnavailableError as error:
            # Next time it may answer. When it did not then either, everything behind it would never be seen.
            if not walk.resumed:
                raise
            rejected.append(_rejected(_place(collection, walk), "no-items", f"items cannot be read: {error}"))
        if page is None:
            walk.go_on()
            return RawPage((), walk.position(), self._matched(walk), tuple(rejected))
        walk.empty = 0 if page.elements else walk.empty + 1
        again, back = walk.pages.again(page), walk.pages.back(page) or walk.empty > MOST_EMPTY
        if again or back:
            what = "this page has come before" if again else "it leads back, or on without end"
            rejected.append(repeated(_place(collection, walk), what))
        raws = (
            () if again else tuple(self._service.element(collection, n, each) for n, each in enumerate(page.elements))
        )
        walk.count(page.matched, len(raws))
        if page.onward is None or again or back:
            walk.go_on()
        else:
            walk.ask = page.onward
        return RawPage(raws, walk.position(), self._matched(walk), tuple(rejected))

    def _next(self, walk: _Walk) -> Ask:
        name = walk.collection or ""
        return walk.ask or self._service.first(name, (walk.known or {}).get(name, {}), walk.listing)

    def _look_ahead(self, walk: _Walk, ahead: Ahead[Ask, Page]) -> None:
        """Ask for the next page of elements while the last one is stored, where it is known already."""
        if walk.done or walk.collection is None or walk.known is None:
            return
        # A collection without a way to its elements is found out when it is its turn.
        with suppress(RecordError):
            ahead.begin(self._next(walk))

    def _matched(self, walk: _Walk) -> int | None:
        return walk.total() if self._service.totals else None


def page_of(client: Client, ask: Ask, array: str) -> Page:
    """Return a page; it is asked for in smaller pieces when it was too much for the source or for us.

    Args:
        client: The way to the network.
        ask: The request.
        array: The member of the answer that holds the elements.

    Raises:
        NotFoundError: There is none.
        SourceUnavailableError: It cannot be had, not even in small pieces.
    """
    while True:
        try:
            return _ask(client, ask, array)
        except SourceUnavailableError as error:
            too_much = error.detail in _TOO_MUCH_DETAIL or error.answer_status in _TOO_MUCH_STATUS
            smaller = ask.smaller() if too_much else None
            if smaller is None:
                raise
            ask = smaller


def _ask(client: Client, ask: Ask, array: str) -> Page:
    try:
        if ask.method == "POST":
            answer = client.post(ask.href, json=ask.body or {}, headers=ask.headers, accept=JSON, idempotent=True)
        else:
            answer = client.get(ask.href, headers=ask.headers, accept=JSON)
        return stac_page.read(answer.content, answer.url, ask, array)
    except RecordError as error:
        raise SourceUnavailableError(str(error), detail="unexpected_content") from error


def with_parameters(url: str, params: Mapping[str, str | int]) -> str:
    """Return a URL with more parameters behind its own, which stay byte by byte as they are."""
    return f"{url}{'&' if '?' in url else '?'}{urlencode(params)}"


def place_of(name: str, where: str, body: bytes) -> str:
    """Return what names an element that has no id in quarantine: where it stands and what it is; else nothing."""
    return "" if name else f"{where} {hashlib.sha256(body).hexdigest()[:8]}"


class Seen:
    """The pages that have come, to find a circle; a kill forgets them, which costs a second round."""

    def __init__(self) -> None:
        self._marks: set[bytes] = set()

    def again(self, page: Page) -> bool:
        """Say whether a page of the same elements has come before; one without elements never has."""
        return bool(page.elements) and self._known(b"page", *(each.body for each in page.elements))

    def back(self, page: Page) -> bool:
        """Say whether the next page is one that an earlier page led to."""
        return page.onward is not None and self._known(b"ask", repr(page.onward.to_json()).encode())

    def _known(self, *parts: bytes) -> bool:
        digest = hashlib.sha256()
        for part in parts:
            digest.update(b"%d:" % len(part))
            digest.update(part)
        mark = digest.digest()[:12]
        known = mark in self._marks
        self._marks.add(mark)
        return known


@dataclass(slots=True)
class _Walk:
    """Where a walk stands, and what it has been told so far."""

    listing: Ask | None
    """The page of collections that is walked; None where the service has no collections."""
    collection: str | None = None
    """The collection on it whose items come next; None before the page itself is stored."""
    ask: Ask | None = None
    """The page of items that comes next; None for the first of the collection."""
    expected: int = 0
    """Elements that there should be, without those of the collection."""
    here: int = 0
    """Elements that came of the collection."""
    least: int | None = None
    """The smallest number of elements that a page of the collection has stated: sources change while they are read."""
    empty: int = 0
    resumed: bool = False
    """Whether nothing has been asked for since the walk was taken up again."""
    done: bool = False
    known: dict[str, Mapping[str, Any]] | None = None
    """The collections of the page; None until it is read."""
    after: Ask | None = None
    """The next page of collections."""
    walked: set[str] = field(default_factory=set)
    """Collections that are done; after a kill one that is listed twice is walked twice, which changes nothing."""
    listings: Seen = field(default_factory=Seen)
    pages: Seen = field(default_factory=Seen)

    @classmethod
    def resume(cls, position: Position) -> _Walk:
        """Return the walk that stood at a position."""
        listing, ask = position.get("listing"), position.get("ask")
        return cls(
            Ask.from_json(listing) if listing else None,
            position.get("collection"),
            Ask.from_json(ask) if ask else None,
            int(position.get("expected", 0)),
            int(position.get("here", 0)),
            position.get("least"),
            int(position.get("empty", 0)),
            resumed=True,
        )

    def position(self) -> Position | None:
        """Return the walk as JSON values; None at its end."""
        if self.done:
            return None
        return {
            "listing": self.listing.to_json() if self.listing else None,
            "collection": self.collection,
            "ask": self.ask.to_json() if self.ask else None,
            "expected": self.expected,
            "here": self.here,
            "least": self.least,
            "empty": self.empty,
        }

    def total(self) -> int:
        """Return how many elements there should be so far."""
        return self.expected + max(self.here, self.least or 0)

    def count(self, matched: int | None, elements: int) -> None:
        """Take note of what came with a page, and of how much the source says that there is."""
        self.here += elements
        if matched is not None:
            self.least = matched if self.least is None else min(self.least, matched)

    def go_on(self) -> None:
        """Go on to the next collection, else to the next page of them, else to the end."""
        self.expected, self.here, self.least, self.empty, self.ask = self.total(), 0, None, 0, None
        if self.collection is not None:
            self.walked.add(self.collection)
            self.pages = Seen()
        names = list(self.known or ())
        behind = names[names.index(self.collection) + 1 :] if self.collection in names else names
        left = [name for name in behind if name not in self.walked]
        if left:
            self.collection = left[0]
        elif self.after is not None:
            self.listing, self.collection, self.known, self.after = self.after, None, None, None
        else:
            self.done = True


def _place(collection: str, walk: _Walk) -> str:
    return f"items of {collection[:200]}" + (f" from {walk.ask.href[:200]}" if walk.ask else "")


def repeated(place: str, message: str) -> Quarantined:
    """Return what stands in quarantine for pages that come in a circle; while it does, nothing is deleted."""
    return _rejected(place, "repeated-page", f"the pages come in a circle: {message}")


def _rejected(place: str, code: str, message: str) -> Quarantined:
    return Quarantined(RawRecord("", "", b"", position=place[:500]), Issue(code, message[:1000]), "fetch")
