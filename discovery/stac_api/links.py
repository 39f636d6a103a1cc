"""Where the documents of the STAC face are, and the links between them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final
from urllib.parse import urlencode

import orjson
from fastapi import Request
from pydantic import BaseModel

from discovery.ogc_paths import Paths, segment
from discovery.stac_api.paging import Trail

JSON: Final = "application/json"
GEOJSON: Final = "application/geo+json"
HTML: Final = "text/html"
SCHEMA: Final = "application/schema+json"
OPENAPI: Final = "application/vnd.oai.openapi+json;version=3.0"
QUERYABLES: Final = "http://www.opengis.net/def/rel/ogc/1.0/queryables"
NOTEBOOK: Final = "application/x-ipynb+json"
OWN: Final = "discovery:"
"""Begins relations of our own, as it begins the names of members that no standard names."""
SORTABLES: Final = "http://www.opengis.net/def/rel/ogc/1.0/sortables"

Link = dict[str, Any]


BY_TIME: Final = "Items by time"
"""What the catalog of a collection's items is called."""
_ID: Final = "~5e1f-the-id~"
_RECORD: Final = "~5e1f-the-record~"
"""What stands for the id of an item and that of its record in a template: quoting leaves it as it is."""


@dataclass(frozen=True, slots=True)
class ItemLinks:
    """The links of every item of one collection, as the inside of a JSON array in parts."""

    head: bytes
    """Before the id of the item."""
    rest: tuple[bytes, ...]
    """Behind it, cut where the id of the record stands."""

    def of(self, record: str, id: str) -> bytes:
        """Return the links of an item; quoted ids have no character that JSON would escape."""
        return self.head + segment(id).encode() + record.encode().join(self.rest)


@dataclass(frozen=True, slots=True)
class Links(Paths):
    """The addresses of the STAC face, and the links that its documents have."""

    @property
    def search(self) -> str:
        """Item search."""
        return f"{self.base}/search"

    def aggregate(self, collection: str | None = None) -> str:
        """Return the address of counts over items, of one collection or all."""
        return f"{self.base if collection is None else self.collection(collection)}/aggregate"

    def aggregations(self, collection: str | None = None) -> str:
        """Return the address of the list of what may be counted, over the items of one collection or all."""
        return f"{self.base if collection is None else self.collection(collection)}/aggregations"

    def item(self, collection: str, id: str) -> str:
        """Return the address of an item of a collection."""
        return f"{self.items(collection)}/{segment(id)}"

    def loose_item(self, source: str, record: str) -> str:
        """Return the address of an item whose collection is not in the catalogue, by its source and its record.

        What such items are called is only unique in the collection that they name.
        """
        return f"{self.catalog(source)}/items/{record}"

    @property
    def children(self) -> str:
        """The list of what the landing page links to as `child`."""
        return f"{self.base}/children"

    def catalog(self, source: str) -> str:
        """Return the address of the catalog of a source."""
        return f"{self.base}/catalogs/{segment(source)}"

    def part(self, source: str, low: int, high: int) -> str:
        """Return the address of some collections of a source, by the numbers of the first and the last."""
        return f"{self.catalog(source)}/parts/{low}-{high}"

    def page(self, record: str) -> str:
        """Return the address of a record's page for people."""
        return f"{self.site}/records/{record}"

    def opening(self, record: str) -> str:
        """Return the address of the page with the ways to open a record."""
        return f"{self.site}/open?id={record}"

    def for_item(self, record: str, id: str, collection: str, source: str) -> list[Link]:
        """Return the links of an item; `collection` is empty where the catalogue does not have it."""
        parent = self.collection(collection) if collection else self.catalog(source)
        here = self.item(collection, id) if collection else self.loose_item(source, record)
        found = [link("self", here, GEOJSON), link("root", self.root), link("parent", parent)]
        if collection:
            found.append(link("collection", parent))
        return [*found, link("alternate", self.page(record), HTML), *self.ways(record)]

    def ways(self, record: str) -> list[Link]:
        """Return the links to what opens a record: the choices, a notebook, what holds it as JSON, a launch."""
        here, notebook = self.opening(record), f"{self.site}/open/notebook?id={record}"
        return [
            {**link(f"{OWN}open", here, HTML), "title": "Ways to open it"},
            {**link(f"{OWN}notebook", notebook, NOTEBOOK), "title": "Open in a notebook"},
            {**link(f"{OWN}volumes", f"{here}&f=json"), "title": "Files, volumes and datalabs"},
            {**link(f"{OWN}launch", f"{self.site}/launch?id={record}", HTML), "title": "Launch it"},
        ]

    @lru_cache(maxsize=1024)  # noqa: B019  # frozen, and a few addresses at most
    def for_items(self, collection: str) -> ItemLinks:
        """Return the links of all items of a collection, which are the same but for the names in them."""
        head, rest = orjson.dumps(self.for_item(_RECORD, _ID, collection, ""))[1:-1].split(_ID.encode(), 1)
        return ItemLinks(head, tuple(rest.split(_RECORD.encode())))

    def volume(self, record: str, title: str, mount_path: str) -> Link:
        """Return the link to a volume that holds something; its path is where notebooks of the portal see it."""
        found = {**link(f"{OWN}volume", self.page(record), HTML), "title": title}
        return found | ({"discovery:mount_path": mount_path} if mount_path else {})

    def for_collection(self, record: str, id: str, source: str) -> list[Link]:
        """Return the links of a collection."""
        here = self.collection(id)
        return [
            link("self", here),
            link("root", self.root),
            link("parent", self.catalog(source)),
            link("items", self.items(id), GEOJSON),
            {**link("child", f"{here}/browse"), "title": BY_TIME},
            link("children", f"{here}/children"),
            link(QUERYABLES, f"{here}/queryables", SCHEMA),
            link(SORTABLES, f"{here}/sortables", SCHEMA),
            link("aggregate", f"{here}/aggregate"),
            link("aggregations", f"{here}/aggregations"),
            link("alternate", self.page(record), HTML),
            *self.ways(record),
        ]

    def beside_collections(self) -> list[Link]:
        """Return the links of the list of collections to what can be asked of it."""
        beside = f"{self.base}/collections-"
        return [
            link(QUERYABLES, f"{beside}queryables", SCHEMA),
            link(SORTABLES, f"{beside}sortables", SCHEMA),
            link("aggregate", f"{beside}aggregate"),
            link("aggregations", f"{beside}aggregations"),
        ]

    def for_landing(self, docs: str | None, sources: Iterable[tuple[str, str]] = ()) -> list[Link]:
        """Return the links of the landing page.

        Args:
            docs: The path of the application's documentation.
            sources: Id and title of each source that has something.
        """
        found = [
            link("self", self.root),
            link("root", self.root),
            link("conformance", self.conformance),
            link("data", self.collections),
            {**link("search", self.search, GEOJSON), "method": "GET"},
            {**link("search", self.search, GEOJSON), "method": "POST"},
            link(QUERYABLES, f"{self.base}/queryables", SCHEMA),
            link(SORTABLES, f"{self.base}/sortables", SCHEMA),
            {**link("aggregate", f"{self.base}/aggregate"), "method": "GET"},
            {**link("aggregate", f"{self.base}/aggregate"), "method": "POST"},
            link("aggregations", f"{self.base}/aggregations"),
            link("service-desc", self.api, OPENAPI),
            link("alternate", f"{self.site}/", HTML),
            link("children", self.children),
            *({**link("child", self.catalog(id)), "title": title} for id, title in sources),
        ]
        return [*found, link("service-doc", self.site + docs, HTML)] if docs else found


def link(rel: str, href: str, media_type: str = JSON) -> Link:
    """Return a link as STAC writes it."""
    return {"rel": rel, "href": href, "type": media_type}


def to_page(request: Request, rel: str, here: str, token: str, media_type: str, sent: BaseModel | None = None) -> Link:
    """Return the link to another page, made from the request that this one answers; no token is the first page.

    The body of a POST stands there whole, with the token in it: not every client merges what a link holds into what
    it has sent. Others merge always, so that there is a token for the first page too, which is null.
    """
    if sent is not None:
        body = sent.model_copy(update={"token": token or None}).model_dump_json(by_alias=True, exclude_unset=True)
        # As it was sent: its numbers may be longer than those that orjson writes.
        whole = orjson.Fragment(body.encode())
        return {**link(rel, here, media_type), "method": "POST", "merge": False, "body": whole}
    kept = [(name, value) for name, value in request.query_params.multi_items() if name != "token"]
    pairs = [*kept, ("token", token)] if token else kept
    return {**link(rel, f"{here}?{urlencode(pairs)}" if pairs else here, media_type), "method": "GET"}


def of_page(
    request: Request, links: Links, here: str, trail: Trail, mark: str, media_type: str, sent: BaseModel | None = None
) -> list[Link]:
    """Return the links of a list: where it is, where it belongs, how it goes on and how it came here.

    Args:
        request: What the list answers.
        links: The addresses of the request.
        here: Where the list is, without a query string.
        trail: The pages up to this one.
        mark: Where the portal says that the next page begins; empty at the end.
        media_type: Of the list.
        sent: The body by which it was asked for.
    """
    query: Mapping[str, str] = request.query_params if request.method != "POST" else {}
    self_href = f"{here}?{urlencode(list(request.query_params.multi_items()))}" if query else here
    found = [link("self", self_href, media_type), link("root", links.root)]
    if mark:
        found.append(to_page(request, "next", here, trail.onward(mark), media_type, sent))
    if (back := trail.back) is not None:
        found.append(to_page(request, "prev", here, back, media_type, sent))
    return found
