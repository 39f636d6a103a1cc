"""STAC documents as their sources sent them, with links of ours in them, and the names that they have here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from discovery.model.stac import members
from discovery.store.catalogue import Served

ORIGINAL_ID = b'"discovery:original_id":'
ORIGINAL_COLLECTION = b'"discovery:original_collection":'


def spliced(served: Served, links: Sequence[Mapping[str, Any]], kind: str, collection: str | None) -> bytes | None:
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
