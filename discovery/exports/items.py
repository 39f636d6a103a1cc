"""Records of any kind as STAC items: as their source sent them, or made from the record."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final
from urllib.parse import quote

import orjson

from discovery.documents.site import Site
from discovery.exports.spliced import spliced
from discovery.model.stac import COLLECTION_KINDS, to_stac_item
from discovery.portal import Portal
from discovery.store.catalogue import Served, Stored

MEDIA_TYPE: Final = "application/geo+json"
STAC: Final = "/stac"
"""Where the STAC face is, beneath the site."""
_FEATURE: Final = "Feature"


class Items:
    """The items of a portal, with addresses that lead back to it."""

    def __init__(self, portal: Portal, site: Site) -> None:
        self._portal = portal
        self._site = site

    def bodies(self, keys: Sequence[int]) -> list[bytes]:
        """Return the items with these numbers, in this order; one that was deleted meanwhile is left out."""
        served = self._portal.served(keys)
        stored = self._portal.stored([key for key in keys if not self._is_item(served.get(key))])
        names = self._names({each.record.dataset for each in stored.values()})
        out = []
        for key in keys:
            sent = served.get(key)
            body = self._sent(sent) if sent is not None and key not in stored else None
            if body is not None:
                out.append(body)
            elif key in stored:
                out.append(self._made(stored[key], names.get(stored[key].record.dataset, "")))
            elif (again := self._portal.stored([key])).get(key) is not None:
                out.append(self._made(again[key], ""))
        return out

    def _is_item(self, served: Served | None) -> bool:
        # What came as a collection is no item; its dataset is the project that it is part of.
        return served is not None and bool(served.stac_space)

    def _names(self, datasets: set[str]) -> dict[str, str]:
        """Return the STAC ids of those datasets that are collections here."""
        keys = self._portal.store.catalogue.keys(each for each in datasets if each)
        found = self._portal.stored(list(keys.values()))
        return {each.record.id: each.stac_id for each in found.values() if each.record.kind in COLLECTION_KINDS}

    def _sent(self, served: Served) -> bytes | None:
        collection = served.parent if served.parent_kind in COLLECTION_KINDS else ""
        return spliced(served, self._links(served.id, served.stac_id, collection), _FEATURE, collection)

    def _made(self, stored: Stored, collection: str) -> bytes:
        # Only an observation is in a collection; that a dataset is part of a project STAC says otherwise.
        name = collection if stored.record.kind == "observation" else ""
        document = to_stac_item(stored.record, name)
        document["links"] = self._links(stored.record.id, stored.stac_id, name)
        if document["id"] != stored.stac_id:
            document["discovery:original_id"] = document["id"]
            document["id"] = stored.stac_id
        return orjson.dumps(document)

    def _links(self, record: str, id: str, collection: str) -> list[dict[str, Any]]:
        out = [{"rel": "alternate", "href": self._site.record(record), "type": "text/html"}]
        if collection:
            # The standard wants a link beside the name of a collection.
            parent = f"{self._site.url}{STAC}/collections/{quote(collection, safe='', errors='replace')}"
            here = f"{parent}/items/{quote(id, safe='', errors='replace')}"
            out += [
                {"rel": "self", "href": here, "type": MEDIA_TYPE},
                {"rel": "collection", "href": parent, "type": "application/json"},
            ]
        return out


def collection(chunks: Iterable[Sequence[bytes]], about: str, said: Sequence[str] = ()) -> Iterator[bytes]:
    """Yield items as one ItemCollection.

    Args:
        chunks: The items, some hundred at a time.
        about: The address that they are from.
        said: What a reader should know, such as records that are gone.
    """
    yield b'{"type":"FeatureCollection","features":['
    number = 0
    for bodies in chunks:
        if bodies:
            yield (b"," if number else b"") + b",".join(bodies)
            number += len(bodies)
    tail: dict[str, Any] = {"links": [{"rel": "self", "href": about}], "numberReturned": number}
    tail |= {"discovery:said": list(said)} if said else {}
    yield b"]," + orjson.dumps(tail)[1:]
