"""Static STAC catalogues: trees of linked JSON documents, with the OGC Records that some keep in the same tree."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import orjson

from discovery.errors import NotFoundError, SourceRefusedError, SourceUnavailableError
from discovery.model.record import Issue, Record, record_id
from discovery.model.source import Mapped, Quarantined, RawRecord
from discovery.model.stac import array, splice
from harvesters import ogc_record, stac, stac_collection, stac_item
from harvesters.base import Position, Probe, RawPage, SourceContext, ids_of
from harvesters.defaults import Defaults
from harvesters.document import BOM, identity, parse_object, require_identity
from harvesters.documents import Documents
from harvesters.trail import Trail

PAGE: Final = 100
"""Documents of one page."""
COLLECTIONS: Final = "collections"
"""The container of collections that stand directly below the root."""
RECORDS: Final = "records"
_REMEMBERED: Final = 10_000
"""Collections whose ids are kept at hand."""


class StacStatic:
    """Walks a catalogue breadth first, in the order of the links, each document once.

    Catalogs are the way and no records: in an Open Science Catalog they are variables, missions and themes, whose
    titles come with the links of what they describe. The container of a resource is the section it stands in, the
    first folder below the root, since ids are unique only there; that of an item is its collection.
    """

    down = frozenset({"child", "item"})
    """Relations of links that are followed."""

    def __init__(self, context: SourceContext) -> None:
        self._context = context
        self._documents = Documents(context.client, context.folder, context.source.url)
        self._defaults = Defaults.of(context, "earth-observation")
        self._collection_ids: dict[str, str] = {}

    @property
    def bytes_read(self) -> int:
        """How many bytes of local files have been read."""
        return self._documents.bytes_read

    def probe(self) -> Probe:
        """Return the title of the root and, for files, how many documents there may be."""
        root = _document(self._documents.read(self._documents.first))
        if root is None:
            raise SourceUnavailableError(
                f"{self._context.source.url} is not a JSON object", detail="unexpected_content"
            )
        count = sum(1 for _ in self._documents.beside("*.json")) if self._documents.local else None
        title = root.get("title")
        return Probe(title if isinstance(title, str) else "", count)

    def pages(self, position: Position | None) -> Iterator[RawPage]:
        """Yield the elements found in up to a hundred documents at a time."""
        walk = Trail.resume(position) if position else Trail([self._documents.first])
        while walk.at < len(walk.known) or self._add_unlinked(walk):
            # A larger catalogue has a longer position, so it is written less often.
            size = max(PAGE, len(walk.known) // 100)
            raws: list[RawRecord] = []
            rejected: list[Quarantined] = []
            while size and walk.at < len(walk.known):
                self._visit(walk, raws, rejected)
                size -= 1
            more = walk.at < len(walk.known) or self._add_unlinked(walk)
            yield RawPage(tuple(raws), walk.position() if more else None, rejected=tuple(rejected))

    def ids(self) -> Iterator[tuple[str, str]]:
        """Return container and id of every element; a static catalogue has no shorter way than to read it all."""
        return ids_of(self.pages(None))

    def parse(self, raw: RawRecord) -> dict[str, Any]:
        """Return the JSON object of a document."""
        return parse_object(raw)

    def map(self, raw: RawRecord, document: Mapping[str, Any]) -> Mapped:
        """Return the record of an Item, a Collection or an OGC Record."""
        source_id = require_identity(raw, document)
        base = self._base(raw.url, document)
        if document.get("type") == "Collection":
            record = stac_collection.to_record(document, raw.container, source_id, self._defaults, base=base)
        elif "stac_version" in document:
            section = self._section(raw.url, COLLECTIONS)
            dataset = record_id(self._defaults.source, section, raw.container) if raw.container else ""
            record = stac_item.to_record(document, raw.container, source_id, self._defaults, dataset=dataset, base=base)
        else:
            return Mapped(self.to_record(document, raw.container, source_id, base), raw)
        return Mapped(record, raw, splice(raw.body, document, base))

    def to_record(self, document: Mapping[str, Any], container: str, source_id: str, base: str) -> Record:
        """Return the record of an OGC Record."""
        return ogc_record.to_record(document, container, source_id, self._defaults, base=base)

    def is_way(self, document: Mapping[str, Any]) -> bool:
        """Say whether a document only leads to others."""
        return document.get("type") == "Catalog"

    def _visit(self, walk: Trail, raws: list[RawRecord], rejected: list[Quarantined]) -> None:
        """Read the next document: note where it leads, and take it when it is one that can be a record."""
        url = walk.known[walk.at]
        unlinked = walk.unlinked
        walk.at += 1
        try:
            body = self._documents.read(url)
        except NotFoundError as error:
            self._cannot_read(url, "missing-document", error, rejected)
            return
        except SourceRefusedError as error:
            self._cannot_read(url, "refused", error, rejected)
            return
        document = _document(body)
        place = self._place(url)
        if document is None:
            if not unlinked:
                raw = RawRecord("", "", body, url=url, position=place)
                issue = Issue("broken-json", "this is not a JSON object")
                rejected.append(Quarantined(raw, issue, "parse"))
            return
        if document.get("type") == "Collection":
            self._remember(url, document)
        walk.add(self._onward(url, document))
        kind = document.get("type")
        if many := self.array_of(document):
            # Not among what nothing links to: such a file beside a catalogue holds data more often than records.
            raws += self._members(url, body, document, many) if not unlinked else ()
        elif self.is_way(document):
            return
        elif kind in ("Collection", "Feature") and (not unlinked or identity(document)):
            media_type = "application/geo+json" if kind == "Feature" else "application/json"
            raws.append(RawRecord(self._container(url, document), identity(document), body, media_type, url, place))
        elif not unlinked:
            raw = RawRecord("", identity(document), body, url=url, position=place)
            issue = Issue("unknown-type", f"type {str(kind)[:80]!r} is not Catalog, Collection or Feature", "type")
            rejected.append(Quarantined(raw, issue, "parse"))

    def array_of(self, document: Mapping[str, Any]) -> str:
        """Return the name of the member that holds many elements; empty where a document holds none in itself."""
        is_collection = document.get("type") == "FeatureCollection" and isinstance(document.get("features"), list)
        return "features" if is_collection else ""

    def _members(self, url: str, body: bytes, document: Mapping[str, Any], name: str) -> Iterator[RawRecord]:
        """Yield the elements of a document that holds many, byte by byte as they stand there."""
        spans = array(body.removeprefix(BOM), name)
        for number, ((start, end), each) in enumerate(zip(spans, document[name], strict=True), 1):
            feature = each if isinstance(each, dict) else {}
            place = f"{self._place(url)} {number}"
            container = self._container(url, feature)
            element = body.removeprefix(BOM)[start:end]
            yield RawRecord(container, identity(feature), element, "application/geo+json", url, place)

    def _cannot_read(self, url: str, code: str, error: Exception, rejected: list[Quarantined]) -> None:
        if url == self._documents.first:
            raise error
        raw = RawRecord("", "", b"", url=url, position=self._place(url))
        rejected.append(Quarantined(raw, Issue(code, str(error)), "fetch"))

    def _onward(self, url: str, document: Mapping[str, Any]) -> Iterator[str]:
        """Yield where the links of a document lead further down."""
        links = document.get("links")
        for link in links if isinstance(links, list) else ():
            if not isinstance(link, dict) or link.get("rel") not in self.down or not isinstance(link.get("href"), str):
                continue
            try:
                target = self._documents.resolve(url, link["href"])
            except ValueError:
                continue
            if self._inside(target) or self._context.text("follow") == "external":
                yield target

    def _inside(self, url: str) -> bool:
        if self._documents.local:
            return url.startswith("file:")
        return url.split("/", 3)[:3] == self._documents.first.split("/", 3)[:3]

    def _add_unlinked(self, walk: Trail) -> bool:
        """Add the documents of the folder that no link led to, once; say whether there is more to walk then.

        People forget to link what they publish; leaving a document out because of that would lose it.
        """
        if walk.unlinked or not self._documents.local or self._context.text("unlinked") != "include":
            return False
        walk.unlinked = True
        before = len(walk.known)
        walk.add(self._documents.beside("*.json"))
        return len(walk.known) > before

    def _container(self, url: str, document: Mapping[str, Any]) -> str:
        if document.get("type") == "Collection":
            return self._section(url, COLLECTIONS)
        if "stac_version" in document:
            claimed = document.get("collection")
            return self._collection_of(url, document) or (claimed if isinstance(claimed, str) else "")
        return self._section(url, RECORDS)

    def _collection_of(self, url: str, item: Mapping[str, Any]) -> str:
        """Return the id of the collection that an item links to; empty when the link leads to none.

        In a tree the link is where the item is, while its `collection` may name another one by mistake, where an item
        of the same id exists.
        """
        links = item.get("links")
        hrefs = [
            link["href"]
            for link in (links if isinstance(links, list) else ())
            if isinstance(link, dict) and link.get("rel") == "collection" and isinstance(link.get("href"), str)
        ]
        if not hrefs:
            return ""
        try:
            target = self._documents.resolve(url, hrefs[0])
        except ValueError:
            return ""
        if target not in self._collection_ids and self._inside(target):
            try:
                self._remember(target, _document(self._documents.read(target)) or {})
            except (NotFoundError, SourceRefusedError):
                self._remember(target, {})
        return self._collection_ids.get(target, "")

    def _remember(self, url: str, document: Mapping[str, Any]) -> None:
        # Items follow their collection, so forgetting the oldest ones costs little.
        if len(self._collection_ids) >= _REMEMBERED:
            del self._collection_ids[next(iter(self._collection_ids))]
        self._collection_ids[url] = identity(document) if document.get("type") == "Collection" else ""

    def _section(self, url: str, otherwise: str) -> str:
        """Return the first folder below the root when there are two or more, as in `products/NAME/collection.json`."""
        parts = self._documents.relative(url).split("/")
        return parts[0] if len(parts) > 2 else otherwise

    def _place(self, url: str) -> str:
        return self._documents.relative(url) or url

    def _base(self, url: str, document: Mapping[str, Any]) -> str:
        """Return the public URL of a document: its own, where the catalogue is published, or what it says itself."""
        if not url.startswith("file:"):
            return url
        if published := self._context.text("published"):
            return published.rstrip("/") + "/" + self._documents.relative(url)
        return stac.self_url(document)


def _document(body: bytes) -> dict[str, Any] | None:
    try:
        value = orjson.loads(body.removeprefix(BOM))
    except orjson.JSONDecodeError:
        return None
    return value if isinstance(value, dict) else None
