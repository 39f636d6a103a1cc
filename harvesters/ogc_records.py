"""OGC API Records: catalogues that answer searches, walked by the links to the next page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import urlsplit

from discovery.errors import ConfigError, NotFoundError, RecordError, SourceRefusedError, SourceUnavailableError
from discovery.http import Client
from discovery.model.instant import iso
from discovery.model.source import Mapped, RawRecord
from harvesters import ogc_record, stac
from harvesters.base import Position, Probe, RawPage, SourceContext, ids_of
from harvesters.defaults import Defaults
from harvesters.document import identity, parse_object, require_identity
from harvesters.ogc_api import Entrance, enter, is_catalogue, json_link
from harvesters.paged import Paged, page_of, place_of, with_parameters
from harvesters.stac_page import Ask, Element, resolved

_LONG_AGO: Final = 0
_NEVER: Final = 253_402_214_400_000
"""The end of 9999: no record was updated after that, as all were after 1970."""


class OgcRecords:
    """Walks the catalogues of a service, or the one that the source's URL is of.

    A catalogue is a collection whose `itemType` is `record`. Servers that say so seldom conform to the letter, so they
    are told by what they have and not by the classes that they declare.
    """

    def __init__(self, context: SourceContext) -> None:
        if urlsplit(context.source.url).scheme not in ("http", "https"):
            raise ConfigError(f"ogc-records: url {context.source.url[:80]!r} is not an http: or https: address")
        self._context = context
        self._defaults = Defaults.of(context, "earth-observation")

    @property
    def bytes_read(self) -> int:
        """No local file is read."""
        return 0

    @property
    def cheap_ids(self) -> bool:
        """No: the standard has no way to ask for ids alone."""
        return False

    def probe(self) -> Probe:
        """Return the title of the service, and how many records it has where it says so.

        Raises:
            SourceUnavailableError: It is no service of records.
        """
        service = self._service()
        catalogues = list(service.catalogues(self._context.client))
        totals = [service.matched(self._context.client, each) for each in catalogues]
        matched = sum(each for each in totals if each is not None) if None not in totals else None
        title = service.entrance.title or (catalogues[0].title if len(catalogues) == 1 else "")
        return Probe(title, matched, tuple(f"catalogue {each.name}" for each in catalogues))

    def pages(self, position: Position | None) -> Iterator[RawPage]:
        """Yield the records of each catalogue, page by page."""
        service = self._service()
        if position is None:
            # Else a service that has lost its catalogues would look like one whose catalogues are empty.
            next(service.catalogues(self._context.client))
        yield from Paged(self._context.client, service).pages(position)

    def changes(self, since: int, position: Position | None) -> Iterator[RawPage] | None:
        """Yield what was updated since an instant; None where a catalogue has no filter for it that can be trusted."""
        service = self._service()
        found = list(service.catalogues(self._context.client))
        forms = [service.filter_form(self._context.client, each) for each in found]
        if not found or None in forms or len(set(forms)) != 1:
            return None
        form = forms[0] or ""
        filtered = replace(service, filter=form.format(iso(since)), totals=False)
        return Paged(self._context.client, filtered).pages(position)

    def ids(self) -> Iterator[tuple[str, str]]:
        """Return container and id of every element."""
        return ids_of(self.pages(None))

    def parse(self, raw: RawRecord) -> dict[str, Any]:
        """Return the JSON object of an element."""
        return parse_object(raw)

    def map(self, raw: RawRecord, document: Mapping[str, Any]) -> Mapped:
        """Return the record of a Feature; nothing but its id is needed for it to be one."""
        return to_mapped(raw, document, self._defaults)

    def _service(self) -> _Service:
        context = self._context
        return _Service(
            enter(context.client, context.source.url),
            frozenset(name for name in context.text("collections").split(",") if name),
            context.number("page"),
            context.text("totals") == "check",
        )


def to_mapped(raw: RawRecord, document: Mapping[str, Any], defaults: Defaults) -> Mapped:
    """Return the record of a Feature of OGC API Records; one without a type is taken for a dataset, with a warning.

    Raises:
        RecordError: It has no id that can be used, or its properties are none.
    """
    source_id = require_identity(raw, document)
    base = stac.self_url(document) or raw.url
    given = document if isinstance(document.get("properties"), Mapping) else {**document, "properties": {}}
    record = ogc_record.to_record(given, raw.container, source_id, defaults, base=base, otherwise="dataset")
    return Mapped(record, raw)


@dataclass(frozen=True, slots=True)
class _Catalogue:
    """A collection of records, and where they are."""

    name: str
    title: str
    items: Ask


@dataclass(frozen=True, slots=True)
class _Service:
    """What is walked, and how."""

    entrance: Entrance
    chosen: frozenset[str]
    size: int
    totals: bool
    filter: str = ""

    @property
    def listing(self) -> Ask | None:
        """The request for the first page of collections; None where the source is one of them."""
        return self.entrance.listing

    def wanted(self, collection: Element) -> bool:
        """Say whether a collection is a catalogue, and one of those that the operator has chosen."""
        document = collection.document or {}
        if self.chosen:
            return identity(document) in self.chosen
        return is_catalogue(document, self.entrance.conforms_to)

    def first(self, name: str, collection: Mapping[str, Any], listed: Ask | None) -> Ask:
        """Return the request for the first page of a catalogue."""
        return self._items(collection if name else self.entrance.collection, listed, {"limit": self.size})

    def listed(self, collection: Element, href: str) -> None:
        """Return nothing: a catalogue is what is walked, and no record."""
        return

    def element(self, name: str, number: int, element: Element) -> RawRecord:
        """Return a record as an element."""
        container = name or identity(self.entrance.collection)
        source_id = identity(element.document or {})
        place = place_of(source_id, container[:200], element.body)
        url = self.entrance.address(container, source_id) if source_id else ""
        return RawRecord(
            container, source_id, element.body, "application/geo+json", url, f"{place} {number}" if place else ""
        )

    def catalogues(self, client: Client) -> Iterator[_Catalogue]:
        """Yield every catalogue.

        Raises:
            SourceUnavailableError: There is none, or the collections cannot be read.
        """
        if self.listing is None:
            document = self.entrance.collection
            yield _Catalogue(identity(document), _title(document), self._items(document, None, {}))
            return
        found, others = 0, []
        for element, ask in collections(client, self.listing):
            document = element.document or {}
            if not self.wanted(element):
                others.append(identity(document)[:80])
                continue
            found += 1
            yield _Catalogue(identity(document), _title(document), self._items(document, ask, {}))
        if not found:
            raise SourceUnavailableError(
                f"{self.entrance.url[:300]} has no catalogue of records: none of its {len(others)} collections has the "
                f"itemType record ({', '.join(others[:5])}); a source of kind ogc-collections makes a dataset of each",
                detail="unexpected_content",
            )

    def matched(self, client: Client, catalogue: _Catalogue, **query: str) -> int | None:
        """Return how many records a catalogue says it has; None where it does not say so, or refuses the query."""
        ask = Ask(with_parameters(catalogue.items.href, {"limit": 1, **query}))
        try:
            return page_of(client, ask, "features").matched
        except (SourceUnavailableError, SourceRefusedError, NotFoundError):
            return None

    def filter_form(self, client: Client, catalogue: _Catalogue) -> str | None:
        """Return a filter on the time of update that the server obeys, with a gap for the time; None for none.

        Many servers ignore what they do not know and give everything, and a record that does not say when it was
        updated would never be seen again. So it counts only when it lets all records pass, and none.
        """
        known = self.matched(client, catalogue)
        if not known:
            return None
        for form in ("updated >= TIMESTAMP('{}')", "updated >= '{}'"):
            every, none = (
                self.matched(client, catalogue, **{"filter-lang": "cql2-text", "filter": form.format(iso(moment))})
                for moment in (_LONG_AGO, _NEVER)
            )
            if (every, none) == (known, 0):
                return form
        return None

    def _items(self, collection: Mapping[str, Any], listed: Ask | None, query: Mapping[str, str | int]) -> Ask:
        name = identity(collection)
        found = json_link(collection.get("links"), "items")
        start = listed.href if listed is not None else self.entrance.url
        if found is not None:
            href = resolved(found["href"], start)
        elif self.entrance.listing is not None:
            href = f"{self.entrance.below(name)}/items"
        else:
            raise RecordError("bad-link", f"{start[:300]} has no link to its items")
        if self.filter:
            query = {**query, "filter-lang": "cql2-text", "filter": self.filter}
        return Ask(with_parameters(href, query) if query else href)


def collections(client: Client, listing: Ask) -> Iterator[tuple[Element, Ask]]:
    """Yield every collection of a service with the page that it stands on, until a page comes again.

    Raises:
        SourceUnavailableError: They cannot be read.
    """
    ask: Ask | None = listing
    seen: set[str] = set()
    while ask is not None and repr(ask.to_json()) not in seen:
        seen.add(repr(ask.to_json()))
        try:
            page = page_of(client, ask, "collections")
        except NotFoundError as error:
            raise SourceUnavailableError(f"the collections have gone: {error}", detail="status") from error
        for element in page.elements:
            if element.document and identity(element.document):
                yield element, ask
        ask = page.onward


def _title(collection: Mapping[str, Any]) -> str:
    title = collection.get("title")
    return title if isinstance(title, str) else ""
