"""Records as the bytes of STAC documents: what their source sent with our links in it, or made from the record."""

from __future__ import annotations

from collections.abc import Sequence

import orjson

from discovery.exports.spliced import spliced
from discovery.model.record import RESOURCES, Record
from discovery.model.stac import to_stac_collection, to_stac_item
from discovery.portal import Portal
from discovery.stac_api.links import Link, Links
from discovery.stac_api.question import COLLECTION_KINDS
from discovery.store.catalogue import Served, Stored


class Documents:
    """The documents of one request."""

    def __init__(self, portal: Portal, links: Links) -> None:
        self._portal = portal
        self._links = links

    def items(self, keys: Sequence[int]) -> list[bytes]:
        """Return the items with these numbers, in this order; one that was deleted meanwhile is left out."""
        served = self._portal.served(keys)
        wanted = [key for key in keys if key not in served]
        stored = self._portal.stored(wanted) if wanted else {}
        names = self._names({each.record.dataset for each in stored.values()}) if stored else {}
        out = []
        for key in keys:
            if key in served:
                out.append(self.item(served[key]))
            elif key in stored:
                out.append(self._made_item(stored[key], names.get(stored[key].record.dataset, "")))
        return out

    def collection(self, stored: Stored) -> bytes:
        """Return one collection, with links to the volumes that hold it: in a list finding them would take too long."""
        holdings = self._portal.opening_of(stored.record).volumes
        volumes = [self._links.volume(each.volume.id, each.volume.title, each.volume.mount_path) for each in holdings]
        served = self._portal.served([stored.key])
        if stored.key in served:
            return self._sent_collection(served[stored.key], volumes)
        return self._made_collection(stored, volumes)

    def collections(self, keys: Sequence[int]) -> list[bytes]:
        """Return the collections with these numbers, in this order; one that was deleted meanwhile is left out."""
        served = self._portal.served(keys)
        missing = [key for key in keys if key not in served]
        stored = self._portal.stored(missing) if missing else {}
        out = []
        for key in keys:
            if key in served:
                out.append(self._sent_collection(served[key]))
            elif key in stored:
                out.append(self._made_collection(stored[key]))
        return out

    def _names(self, datasets: set[str]) -> dict[str, str]:
        """Return the STAC ids of those datasets that are collections here."""
        keys = self._portal.store.catalogue.keys(each for each in datasets if each)
        stored = self._portal.stored(list(keys.values()))
        return {each.record.id: each.stac_id for each in stored.values() if each.record.kind in COLLECTION_KINDS}

    def address(self, stored: Stored) -> str:
        """Return where the document of a record is: the collection that it is, or the item."""
        record = stored.record
        if record.scope == RESOURCES:
            return self._links.collection(stored.stac_id)
        collection = self._names({record.dataset}).get(record.dataset)
        if collection is None:
            return self._links.loose_item(record.source, record.id)
        return self._links.item(collection, stored.stac_id)

    def item(self, served: Served) -> bytes:
        """Return an item that came as one."""
        collection = served.parent if served.parent_kind in COLLECTION_KINDS else ""
        if served.collection == collection and served.source_id == served.stac_id:
            return self._unnamed(served, collection)
        links = self._links.for_item(served.id, served.stac_id, collection, served.source)
        body = spliced(served, links, "Feature", collection)
        return body if body is not None else self._made_item(self._portal.stored([served.key])[served.key], collection)

    def _unnamed(self, served: Served, collection: str) -> bytes:
        """Return an item that has the same names here as at its source, so that only its links are written."""
        if collection:
            links = self._links.for_items(collection).of(served.id, served.stac_id)
        else:
            links = orjson.dumps(self._links.for_item(served.id, served.stac_id, "", served.source))[1:-1]
        kept = b"," + served.links if served.links else b""
        body = memoryview(served.body)  # Its parts are copied once, and not twice.
        return b"".join((body[: served.start], b"[", links, kept, b"]", body[served.end :]))

    def _made_item(self, stored: Stored, collection: str) -> bytes:
        document = to_stac_item(stored.record, collection)
        links = self._links.for_item(stored.record.id, stored.stac_id, collection, stored.record.source)
        return _finished(document, stored, links)

    def _sent_collection(self, served: Served, volumes: Sequence[Link] = ()) -> bytes:
        links = [*self._links.for_collection(served.id, served.stac_id, served.source), *volumes]
        body = spliced(served, links, "Collection", None)
        return (
            body if body is not None else self._made_collection(self._portal.stored([served.key])[served.key], volumes)
        )

    def _made_collection(self, stored: Stored, volumes: Sequence[Link] = ()) -> bytes:
        document = to_stac_collection(stored.record)
        links = self._links.for_collection(stored.record.id, stored.stac_id, stored.record.source)
        return _finished(document, stored, [*links, *volumes])


def _finished(document: dict[str, object], stored: Stored, links: Sequence[Link]) -> bytes:
    record: Record = stored.record
    document["links"] = [*links, *_own(record)]
    if document["id"] != stored.stac_id:
        document["discovery:original_id"] = document["id"]
        document["id"] = stored.stac_id
    return orjson.dumps(document)


def _own(record: Record) -> list[Link]:
    """Return the links of a record that still hold wherever it is served."""
    out = []
    for each in record.links:
        entry: Link = {"rel": each.rel, "href": each.href}
        entry |= {"type": each.media_type} if each.media_type else {}
        entry |= {"title": each.title} if each.title else {}
        out.append(entry)
    return out
