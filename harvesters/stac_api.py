"""STAC APIs: collections, and the items of each by links to the next page or by a search."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote, urlencode, urlsplit

from discovery.errors import ConfigError, NotFoundError, RecordError, SourceRefusedError, SourceUnavailableError
from discovery.model.record import Issue
from discovery.model.source import Mapped, Quarantined, RawRecord
from harvesters import stac_page
from harvesters.ahead import Ahead
from harvesters.base import Position, Probe, RawPage, SourceContext
from harvesters.defaults import Defaults
from harvesters.document import identity, nameable, parse_object
from harvesters.stac_items import COLLECTIONS, to_mapped
from harvesters.stac_page import Ask, Page, link, resolved

_JSON: Final = "application/geo+json, application/json;q=0.9, */*;q=0.1"
_MOST_EMPTY: Final = 100
"""Pages in a row without an element that are followed; filters behind a cursor make some, a fault makes no end."""
# After these the same page in smaller pieces may come: it was too much for the source, or for us.
_TOO_MUCH_DETAIL: Final = frozenset({"too_large", "ratio", "slow", "timeout", "cut", "encoding", "unexpected_content"})
_TOO_MUCH_STATUS: Final = frozenset({400, 413, 422, 500, 502, 504})


@dataclass(frozen=True, slots=True)
class _Api:
    """What the landing page says of the way in."""

    title: str
    collections: str
    """Where the collections are; empty for a service that has only a search."""
    search: str
    post: bool
    """Whether the search takes POST."""
    notes: tuple[str, ...]


class StacApi:
    """Walks an API collection by collection, page by page.

    The position of a walk is the page of collections, the collection on it, and the request for its next page of
    items, so it stays small however large the source is. Addresses are those that the service gives in its links.
    """

    def __init__(self, context: SourceContext) -> None:
        if urlsplit(context.source.url).scheme not in ("http", "https"):
            raise ConfigError(f"stac-api: url {context.source.url[:80]!r} is not an http: or https: address")
        self._context = context
        self._defaults = Defaults.of(context, "earth-observation")
        self._size = context.number("page")
        self._chosen = frozenset(name for name in context.text("collections").split(",") if name)

    @property
    def bytes_read(self) -> int:
        """No local file is read."""
        return 0

    def probe(self) -> Probe:
        """Return the title of the service, and how many items it has where its search says so.

        Raises:
            SourceUnavailableError: The landing page is not one of a STAC API.
        """
        api = self._open()
        matched = None
        if api.search and not self._chosen:
            try:
                matched = self._page(Ask(_with(api.search, {"limit": 1})), "features").matched
            except (SourceUnavailableError, NotFoundError):
                matched = None
        return Probe(api.title, matched, api.notes)

    def pages(self, position: Position | None) -> Iterator[RawPage]:
        """Yield the collections of a page of them, then the items of each, and so on."""
        api = self._open()
        walk = _Walk.resume(position) if position else _Walk(Ask(api.collections) if api.collections else None)
        ahead = Ahead[Ask, Page](lambda ask: self._page(ask, "features"))
        while not walk.done:
            if walk.listing is None:
                walk.known, walk.collection = {"": {}}, ""
            elif walk.collection is not None and walk.known is None:
                self._look_up(walk, walk.listing)
            page = self._items(api, walk, ahead) if walk.collection is not None else self._collections(walk)
            walk.resumed = False
            self._look_ahead(api, walk, ahead)
            yield page

    def ids(self) -> Iterator[tuple[str, str]]:
        """Yield container and id of every element."""
        for page in self.pages(None):
            for raw in page.raws:
                yield raw.container, raw.source_id

    def parse(self, raw: RawRecord) -> dict[str, Any]:
        """Return the JSON object of an element."""
        return parse_object(raw)

    def map(self, raw: RawRecord, document: Mapping[str, Any]) -> Mapped:
        """Return the record of an Item or a Collection."""
        return to_mapped(raw, document, self._defaults, raw.container)

    # The way in

    def _open(self) -> _Api:
        """Return what the landing page says.

        Raises:
            SourceUnavailableError: It is not that of a STAC API.
        """
        url = self._context.source.url
        answer = self._context.client.get(url, accept=_JSON)
        try:
            landing = parse_object(RawRecord("", "", answer.content))
            data, post = link(landing.get("links"), "data"), link(landing.get("links"), "search", "POST")
            search = link(landing.get("links"), "search", "GET") or post
            collections = resolved(data["href"], answer.url) if data else ""
            found = resolved(search["href"], answer.url) if search else ""
        except RecordError as error:
            raise SourceUnavailableError(f"{url[:300]}: {error}", detail="unexpected_content") from error
        if not collections and not found:
            raise SourceUnavailableError(
                f"{url[:300]} links neither to collections (rel data) nor to a search, so it is no STAC API; "
                "a catalogue of linked documents is a source of kind stac-static",
                detail="unexpected_content",
            )
        title = landing.get("title")
        return _Api(title if isinstance(title, str) else "", collections, found, post is not None, _notes(landing))

    def _first(self, api: _Api, collection: str, walk: _Walk) -> Ask:
        """Return the request for the first page of a collection's items."""
        if not collection or (api.search and self._context.text("walk") == "search"):
            if api.post:
                wanted = {"collections": [collection]} if collection else {}
                return Ask(api.search, "POST", {**wanted, "limit": self._size})
            return Ask(_with(api.search, {**({"collections": collection} if collection else {}), "limit": self._size}))
        items = link((walk.known or {}).get(collection, {}).get("links"), "items")
        assert walk.listing is not None
        href = resolved(items["href"], walk.listing.href) if items else f"{_below(api, collection)}/items"
        return Ask(_with(href, {"limit": self._size}))

    # The walk

    def _collections(self, walk: _Walk) -> RawPage:
        """Return the collections of a page, and go on to the items of the first."""
        listing = walk.listing
        assert listing is not None
        page = self._look_up(walk, listing)
        raws: list[RawRecord] = []
        rejected: list[Quarantined] = []
        again, back = walk.listings.again(page), walk.listings.back(page)
        for element in page.elements if not again else ():
            name = identity(element.document or {})
            if not self._chosen or name in self._chosen:
                # What has no id will be shown in quarantine, where its place is all that names it.
                place = "" if name else f"{listing.href} {hashlib.sha256(element.body).hexdigest()[:8]}"
                raws.append(RawRecord(COLLECTIONS, name, element.body, "application/json", listing.href, place))
        walk.expected += len({(raw.source_id, raw.position) for raw in raws if raw.source_id not in walk.walked})
        if again or back:
            rejected.append(_rejected(listing.href, "repeated-page", "the collections come again and again"))
            walk.after = None
        walk.go_on()
        return RawPage(tuple(raws), walk.position(), self._matched(walk), tuple(rejected))

    def _look_up(self, walk: _Walk, listing: Ask) -> Page:
        """Read the collections of the page where the walk stands; where its collection has gone, it begins anew."""
        try:
            page = self._page(listing, "collections")
        except NotFoundError as error:
            raise SourceUnavailableError(f"the collections have gone: {error}", detail="status") from error
        named = {identity(each.document): each.document for each in page.elements if each.document}
        walk.known = {
            name: document
            for name, document in named.items()
            if name and name not in walk.walked and (not self._chosen or name in self._chosen)
        }
        walk.after = page.onward
        if walk.collection not in walk.known:
            walk.collection = None
        return page

    def _items(self, api: _Api, walk: _Walk, ahead: Ahead[Ask, Page]) -> RawPage:
        """Return a page of a collection's items, and go on to the next one or to the next collection.

        A collection that cannot be read costs only itself; that it could not be read keeps its records.
        """
        collection = walk.collection or ""
        page, rejected = None, []
        try:
            ask = walk.ask or self._first(api, collection, walk)
            page = ahead.take(ask)
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
        again, back = walk.pages.again(page), walk.pages.back(page) or walk.empty > _MOST_EMPTY
        if again or back:
            what = "this page has come before" if again else "it leads back, or on without end"
            rejected.append(_rejected(_place(collection, walk), "repeated-page", what))
        raws = () if again else tuple(self._raw(api, collection, n, each) for n, each in enumerate(page.elements))
        walk.count(page.matched, len(raws))
        if page.onward is None or again or back:
            walk.go_on()
        else:
            walk.ask = page.onward
        return RawPage(raws, walk.position(), self._matched(walk), tuple(rejected))

    def _look_ahead(self, api: _Api, walk: _Walk, ahead: Ahead[Ask, Page]) -> None:
        """Ask for the next page of items while the last one is stored, where it is known already."""
        if walk.done or walk.collection is None or walk.known is None:
            return
        # A collection without a way to its items is found out when it is its turn.
        with suppress(RecordError):
            ahead.begin(walk.ask or self._first(api, walk.collection, walk))

    def _raw(self, api: _Api, collection: str, number: int, element: stac_page.Element) -> RawRecord:
        document = element.document or {}
        name = identity(document)
        container = collection
        if not collection or self._context.text("walk") == "search":
            # A search says by nothing else what an item belongs to; a service may have ignored what was asked.
            said = document.get("collection")
            container = said if isinstance(said, str) and said else collection
        url = (
            f"{_below(api, container)}/items/{quote(name, safe='')}" if api.collections and nameable(container) else ""
        )
        place = "" if name else f"{container[:200]} {hashlib.sha256(element.body).hexdigest()[:8]} {number}"
        return RawRecord(container, name, element.body, "application/geo+json", url, place)

    def _matched(self, walk: _Walk) -> int | None:
        return walk.total() if self._context.text("totals") == "check" else None

    # Asking

    def _page(self, ask: Ask, array: str) -> Page:
        """Return a page; it is asked for in smaller pieces when it was too much for the source or for us.

        Raises:
            NotFoundError: There is none.
            SourceUnavailableError: It cannot be had, not even in small pieces.
        """
        while True:
            try:
                return self._ask(ask, array)
            except SourceUnavailableError as error:
                too_much = error.detail in _TOO_MUCH_DETAIL or error.answer_status in _TOO_MUCH_STATUS
                smaller = ask.smaller() if too_much else None
                if smaller is None:
                    raise
                ask = smaller

    def _ask(self, ask: Ask, array: str) -> Page:
        client = self._context.client
        try:
            if ask.method == "POST":
                answer = client.post(ask.href, json=ask.body or {}, headers=ask.headers, accept=_JSON, idempotent=True)
            else:
                answer = client.get(ask.href, headers=ask.headers, accept=_JSON)
            return stac_page.read(answer.content, answer.url, ask, array)
        except RecordError as error:
            raise SourceUnavailableError(str(error), detail="unexpected_content") from error


class _Seen:
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
    listings: _Seen = field(default_factory=_Seen)
    pages: _Seen = field(default_factory=_Seen)

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
            self.pages = _Seen()
        names = list(self.known or ())
        behind = names[names.index(self.collection) + 1 :] if self.collection in names else names
        left = [name for name in behind if name not in self.walked]
        if left:
            self.collection = left[0]
        elif self.after is not None:
            self.listing, self.collection, self.known, self.after = self.after, None, None, None
        else:
            self.done = True


def _with(url: str, params: Mapping[str, str | int]) -> str:
    """Return a URL with more parameters behind its own, which stay byte by byte as they are."""
    return f"{url}{'&' if '?' in url else '?'}{urlencode(params)}"


def _below(api: _Api, collection: str) -> str:
    return f"{api.collections.partition('?')[0].rstrip('/')}/{quote(collection, safe='')}"


def _place(collection: str, walk: _Walk) -> str:
    return f"items of {collection[:200]}" + (f" from {walk.ask.href[:200]}" if walk.ask else "")


def _notes(landing: Mapping[str, Any]) -> tuple[str, ...]:
    said = landing.get("conformsTo")
    classes = [each for each in said if isinstance(each, str)] if isinstance(said, list) else []
    version = str(landing.get("stac_version", ""))[:20]
    out = [] if version.startswith(("1.0", "1.1")) else [f"stac_version is {version!r}; 1.0 and 1.1 are known"]
    if not any(each.startswith("https://api.stacspec.org/v1") for each in classes):
        out.append("the service does not say that it conforms to STAC API 1")
    return tuple(out)


def _rejected(place: str, code: str, message: str) -> Quarantined:
    return Quarantined(RawRecord("", "", b"", position=place[:500]), Issue(code, message[:1000]), "fetch")
