"""OGC API Features, Coverages and EDR: each collection of a service is one dataset; what is in them stays there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from discovery.errors import ConfigError, NotFoundError, SourceUnavailableError
from discovery.model.source import Mapped, RawRecord
from harvesters import ogc_collection, stac
from harvesters.base import Position, Probe, RawPage, SourceContext, ids_of
from harvesters.defaults import Defaults
from harvesters.document import identity, parse_object, require_identity
from harvesters.ogc_api import Entrance, enter, is_catalogue
from harvesters.ogc_records import collections
from harvesters.paged import Seen, page_of, place_of, repeated
from harvesters.stac_items import COLLECTIONS
from harvesters.stac_page import Ask, Element


class OgcCollections:
    """Walks the list of collections of a service; catalogues of records are left to the kind that reads them."""

    def __init__(self, context: SourceContext) -> None:
        if urlsplit(context.source.url).scheme not in ("http", "https"):
            raise ConfigError(f"ogc-collections: url {context.source.url[:80]!r} is not an http: or https: address")
        self._context = context
        self._defaults = Defaults.of(context, "earth-observation")
        self._chosen = frozenset(name for name in context.text("collections").split(",") if name)

    @property
    def bytes_read(self) -> int:
        """No local file is read."""
        return 0

    def probe(self) -> Probe:
        """Return the title of the service and how many collections it has.

        Raises:
            SourceUnavailableError: It is no service with collections.
        """
        entrance = self._enter()
        if entrance.listing is None:
            return Probe(entrance.title, 1)
        found = [each for each, _ in collections(self._context.client, entrance.listing)]
        left = [identity(each.document or {}) for each in found if is_catalogue(each.document or {}, ())]
        notes = tuple(
            f"{name[:80]} is a catalogue of records: harvest it by a source of kind ogc-records" for name in left
        )
        return Probe(entrance.title, sum(self._is_taken(each) for each in found), notes)

    def pages(self, position: Position | None) -> Iterator[RawPage]:
        """Yield the collections, page by page."""
        entrance = self._enter()
        if entrance.listing is None:
            yield RawPage((_raw(entrance, Element(entrance.body, entrance.collection)),), None)
            return
        ask: Ask | None = Ask.from_json(position) if position else entrance.listing
        seen = Seen()
        while ask is not None:
            try:
                page = page_of(self._context.client, ask, "collections")
            except NotFoundError as error:
                raise SourceUnavailableError(f"the collections have gone: {error}", detail="status") from error
            again, back = seen.again(page), seen.back(page)
            raws = () if again else tuple(_raw(entrance, each) for each in page.elements if self._is_taken(each))
            rejected = (repeated(ask.href, "the collections come again and again"),) if again or back else ()
            ask = None if again or back else page.onward
            yield RawPage(raws, ask.to_json() if ask is not None else None, rejected=rejected)

    def ids(self) -> Iterator[tuple[str, str]]:
        """Return container and id of every collection."""
        return ids_of(self.pages(None))

    def parse(self, raw: RawRecord) -> dict[str, Any]:
        """Return the JSON object of a collection."""
        return parse_object(raw)

    def map(self, raw: RawRecord, document: Mapping[str, Any]) -> Mapped:
        """Return the dataset that a collection is."""
        source_id = require_identity(raw, document)
        base = stac.self_url(document) or raw.url
        record = ogc_collection.to_record(document, raw.container, source_id, self._defaults, base=base)
        return Mapped(record, raw)

    def _enter(self) -> Entrance:
        url = self._context.source.url
        entrance = enter(self._context.client, url)
        if entrance.collection and is_catalogue(entrance.collection, ()):
            raise SourceUnavailableError(
                f"{url[:300]} is a catalogue of records: a source of kind ogc-records reads it",
                detail="unexpected_content",
            )
        return entrance

    def _is_taken(self, collection: Element) -> bool:
        """Say whether a collection is one of data, and one of those that the operator has chosen."""
        document = collection.document or {}
        return not is_catalogue(document, ()) and (not self._chosen or identity(document) in self._chosen)


def _raw(entrance: Entrance, collection: Element) -> RawRecord:
    name = identity(collection.document or {})
    url = entrance.below(name) if name else entrance.url
    return RawRecord(COLLECTIONS, name, collection.body, "application/json", url, place_of(name, url, collection.body))
