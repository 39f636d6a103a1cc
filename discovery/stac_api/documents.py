"""Records as the bytes of STAC documents: what their source sent with our links in it, or made from the record."""

from __future__ import annotations

from collections.abc import Sequence

import orjson

from discovery.model.record import Record
from discovery.model.stac import members, to_stac_collection, to_stac_item
from discovery.portal import Portal
from discovery.stac_api.links import Link, Links
from discovery.stac_api.question import COLLECTION_KINDS
from discovery.store.catalogue import Served, Stored

ORIGINAL_ID = b'"discovery:original_id":'
ORIGINAL_COLLECTION = b'"discovery:original_collection":'


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

    def item(self, served: Served) -> bytes:
        """Return an item that came as one."""
        collection = served.parent if served.parent_kind in COLLECTION_KINDS else ""
        if served.collection == collection and served.source_id == served.stac_id:
            return self._unnamed(served, collection)
        links = self._links.for_item(served.id, served.stac_id, collection)
        body = spliced(served, links, "Feature", collection)
        return body if body is not None else self._made_item(self._portal.stored([served.key])[served.key], collection)

    def _unnamed(self, served: Served, collection: str) -> bytes:
        """Return an item that has the same names here as at its source, so that only its links are written."""
        links = self._links.for_items(collection).of(served.id, served.stac_id)
        kept = b"," + served.links if served.links else b""
        return b"".join((served.body[: served.start], b"[", links, kept, b"]", served.body[served.end :]))

    def _made_item(self, stored: Stored, collection: str) -> bytes:
        document = to_stac_item(stored.record, collection)
        links = self._links.for_item(stored.record.id, stored.stac_id, collection)
        return _finished(document, stored, links)

    def _sent_collection(self, served: Served, volumes: Sequence[Link] = ()) -> bytes:
        links = [*self._links.for_collection(served.id, served.stac_id), *volumes]
        body = spliced(served, links, "Collection", None)
        return (
            body if body is not None else self._made_collection(self._portal.stored([served.key])[served.key], volumes)
        )

    def _made_collection(self, stored: Stored, volumes: Sequence[Link] = ()) -> bytes:
        document = to_stac_collection(stored.record)
        links = self._links.for_collection(stored.record.id, stored.stac_id)
        return _finished(document, stored, [*links, *volumes])


def spliced(served: Served, links: Sequence[Link], kind: str, collection: str | None) -> bytes | None:
    """Return a document as sent, with our links, and with the names that it has here where those are others.

    Args:
        served: The bytes, and where the links stand in them.
        links: What to put first; the source's own links that still hold come after them.
        kind: What `type` must be.
        collection: The name to be found in the member `collection`, empty for none; None leaves it alone.

    Returns:
        None when the bytes are no STAC document of that type.
    """
    body = served.body
    document = orjson.loads(body)
    if document.get("type") != kind or "stac_version" not in document or "id" not in document:
        return None
    renamed = document["id"] != served.stac_id
    moved = collection is not None and document.get("collection") != (collection or None)
    # Looking for the places takes several times as long as reading the document.
    places = {name: (start, end) for name, start, end in members(body)} if renamed or moved else {}
    fresh = orjson.dumps(links)
    edits = [(served.start, served.end, fresh[:-1] + b"," + served.links + b"]" if served.links else fresh)]
    if renamed:
        start, end = places["id"]
        edits.append((start, end, orjson.dumps(served.stac_id) + b"," + ORIGINAL_ID + body[start:end]))
    if moved and collection is not None:
        edits.append(_collection(body, places.get("collection"), collection))
    out, at = [], 0
    for start, end, text in sorted(edits):
        out += [body[at:start], text]
        at = end
    return b"".join([*out, body[at:]])


def _collection(body: bytes, place: tuple[int, int] | None, name: str) -> tuple[int, int, bytes]:
    """Return the edit that makes an item name its collection of this catalogue, or none where it has none here."""
    if place is None:
        at = body.index(b"{") + 1
        return at, at, b'"collection":' + orjson.dumps(name) + b","
    start, end = place
    was = ORIGINAL_COLLECTION + body[start:end]
    if name:
        return start, end, orjson.dumps(name) + b"," + was
    # The schema wants a link to the collection beside its name, and here is none to link to: the member is renamed.
    opening = body.rindex(b'"', 0, body.rindex(b'"', 0, start))
    return opening, end, was


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
