"""STAC APIs: collections, and the items of each by links to the next page or by a search."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

from discovery.errors import ConfigError, NotFoundError, RecordError, SourceUnavailableError
from discovery.model.source import Mapped, RawRecord, make_raw
from harvesters import stac_slices
from harvesters.base import Position, Probe, RawPage, SourceContext, ids_of
from harvesters.defaults import Defaults
from harvesters.document import identity, kept, nameable, parse_object
from harvesters.paged import JSON, Paged, page_of, place_of, with_parameters
from harvesters.stac_items import COLLECTIONS, to_mapped
from harvesters.stac_page import Ask, Element, link, resolved


class StacApi:
    """Walks an API collection by collection, page by page; collections are elements as items are."""

    def __init__(self, context: SourceContext) -> None:
        if urlsplit(context.source.url).scheme not in ("http", "https"):
            raise ConfigError(f"stac-api: url {context.source.url[:80]!r} is not an http: or https: address")
        self._context = context
        self._defaults = Defaults.of(context, "earth-observation")

    @property
    def bytes_read(self) -> int:
        """No local file is read."""
        return 0

    def probe(self) -> Probe:
        """Return the title of the service, and how many items it has where its search says so.

        Raises:
            SourceUnavailableError: The landing page is not one of a STAC API.
        """
        api = _open(self._context)
        matched = None
        if api.search and not api.chosen:
            try:
                ask = Ask(with_parameters(api.search, {"limit": 1}))
                matched = page_of(self._context.client, ask, "features").matched
            except (SourceUnavailableError, NotFoundError):
                matched = None
        return Probe(api.title, matched, api.notes)

    def pages(self, position: Position | None) -> Iterator[RawPage]:
        """Yield the collections of a page of them, then the items of each, and so on."""
        return Paged(self._context.client, _open(self._context)).pages(position)

    def partitions(self) -> Sequence[str]:
        """Return the collections, and slices of time, where a search has so many Items that slices are worth it."""
        api = _open(self._context)
        if not (api.search and api.by_search):
            return []

        def count(stretch: str) -> int | None:
            try:
                return page_of(self._context.client, api.find(sorted(api.chosen), 1, stretch), "features").matched
            except (SourceUnavailableError, NotFoundError):
                return None  # It is then walked whole, or says why it cannot be walked.

        names = stac_slices.divide(count, self._context.number("slice"), time.time_ns() // 1_000_000)
        return [COLLECTIONS, *names] if names and api.collections else names

    def partition(self, name: str, position: Position | None) -> Iterator[RawPage]:
        """Yield the collections, or the Items of a slice, page by page."""
        api, client = _open(self._context), self._context.client
        if name == COLLECTIONS:
            return Paged(client, _Listing(api)).pages(position)
        stretch = name if name != stac_slices.REST else ""
        ask = api.find(sorted(api.chosen), api.size, stretch)

        def element(number: int, element: Element) -> RawRecord:
            return api.element("", number, element)

        return stac_slices.Part(client, ask, element, name, totals=api.totals).pages(position)

    def ids(self) -> Iterator[tuple[str, str]]:
        """Return container and id of every element."""
        return ids_of(self.pages(None))

    def parse(self, raw: RawRecord) -> dict[str, Any]:
        """Return the JSON object of an element."""
        return parse_object(raw)

    def map(self, raw: RawRecord, document: Mapping[str, Any]) -> Mapped:
        """Return the record of an Item or a Collection."""
        return to_mapped(raw, document, self._defaults, raw.container)


@dataclass(frozen=True, slots=True)
class _Api:
    """What the landing page says of the way in, and what the operator said of it."""

    title: str
    collections: str
    """Where the collections are; empty for a service that has only a search."""
    search: str
    post: bool
    """Whether the search takes POST."""
    notes: tuple[str, ...]
    by_search: bool
    """Whether the items of a collection come by a search for it."""
    size: int
    chosen: frozenset[str]
    totals: bool

    @property
    def listing(self) -> Ask | None:
        """The request for the first page of collections."""
        return Ask(self.collections) if self.collections else None

    def wanted(self, collection: Element) -> bool:
        """Say whether a collection is among those that the operator has chosen."""
        return not self.chosen or identity(collection.document or {}) in self.chosen

    def first(self, name: str, collection: Mapping[str, Any], listed: Ask | None) -> Ask:
        """Return the request for the first page of a collection's items."""
        if not name or (self.search and self.by_search):
            return self.find([name] if name else [], self.size)
        items = link(collection.get("links"), "items")
        assert listed is not None
        href = resolved(items["href"], listed.href) if items else f"{self._below(name)}/items"
        return Ask(with_parameters(href, {"limit": self.size}))

    def find(self, names: Sequence[str], size: int, stretch: str = "") -> Ask:
        """Return the request for the first page of a search: in some collections, for a stretch of time."""
        when: dict[str, str | int] = {"datetime": stretch} if stretch else {}
        if self.post:
            return Ask(self.search, "POST", {**({"collections": list(names)} if names else {}), **when, "limit": size})
        where: dict[str, str | int] = {"collections": ",".join(names)} if names else {}
        return Ask(with_parameters(self.search, {**where, **when, "limit": size}))

    def listed(self, collection: Element, href: str) -> RawRecord | None:
        """Return a wanted collection as an element; one without an id will be shown in quarantine by its place."""
        if not self.wanted(collection):
            return None
        name = identity(collection.document or {})
        place = place_of(name, href, collection.body)
        return RawRecord(COLLECTIONS, name, collection.body, "application/json", href, place)

    def element(self, name: str, number: int, element: Element) -> RawRecord:
        """Return an item as an element."""
        document = element.document or {}
        source_id = identity(document)
        container = name
        if not name or self.by_search:
            # A search says by nothing else what an item belongs to; a service may have ignored what was asked.
            said = document.get("collection")
            container = said if isinstance(said, str) and said else name
        url = ""
        if self.collections and nameable(container):
            url = f"{self._below(container)}/items/{quote(source_id, safe='')}"
        place = place_of(source_id, container[:200], element.body)
        return make_raw(
            container,
            source_id,
            element.body,
            "application/geo+json",
            url,
            f"{place} {number}" if place else "",
            kept(element.body, element.document),
        )

    def _below(self, collection: str) -> str:
        return f"{self.collections.partition('?')[0].rstrip('/')}/{quote(collection, safe='')}"


@dataclass(frozen=True, slots=True)
class _Listing:
    """The collections alone, without their Items."""

    api: _Api

    @property
    def listing(self) -> Ask | None:
        """The request for the first page of collections."""
        return self.api.listing

    @property
    def totals(self) -> bool:
        """Whether the service is to be believed."""
        return self.api.totals

    def wanted(self, collection: Element) -> bool:
        """No Items are wanted."""
        return False

    def first(self, name: str, collection: Mapping[str, Any], listed: Ask | None) -> Ask:
        """Return how the Items of a collection would be asked for."""
        return self.api.first(name, collection, listed)

    def listed(self, collection: Element, href: str) -> RawRecord | None:
        """Return a wanted collection as an element."""
        return self.api.listed(collection, href)

    def element(self, name: str, number: int, element: Element) -> RawRecord:
        """Return an Item as an element."""
        return self.api.element(name, number, element)


def _open(context: SourceContext) -> _Api:
    """Return what the landing page says.

    Raises:
        SourceUnavailableError: It is not that of a STAC API.
    """
    url = context.source.url
    answer = context.client.get(url, accept=JSON)
    try:
        landing = parse_object(RawRecord("", "", answer.content))
        data, post = link(landing.get("links"), "data"), link(landing.get("links"), "search", "POST")
        asked = context.text("method")
        post = None if asked == "GET" else post
        search = (link(landing.get("links"), "search", "GET") if asked != "POST" else None) or post
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
    return _Api(
        title if isinstance(title, str) else "",
        collections,
        found,
        post is not None,
        _notes(landing),
        context.text("walk") == "search",
        context.number("page"),
        frozenset(name for name in context.text("collections").split(",") if name),
        context.text("totals") == "check",
    )


def _notes(landing: Mapping[str, Any]) -> tuple[str, ...]:
    said = landing.get("conformsTo")
    classes = [each for each in said if isinstance(each, str)] if isinstance(said, list) else []
    version = str(landing.get("stac_version", ""))[:20]
    out = [] if version.startswith(("1.0", "1.1")) else [f"stac_version is {version!r}; 1.0 and 1.1 are known"]
    if not any(each.startswith("https://api.stacspec.org/v1") for each in classes):
        out.append("the service does not say that it conforms to STAC API 1")
    return tuple(out)
