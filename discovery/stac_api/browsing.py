"""The routes by which everything is reached by links, and the lists of what a document leads to (`children`).

STAC API - Browseable (v1.0.0-rc.3) wants every item to be reached by links `child` and `item` from the landing page,
STAC API - Children (v1.0.0-rc.2) a list of what is behind the links `child` of a document, wherever it has some.
"""

# FastAPI reads the annotations of endpoints where they are made, so they must not be texts here.

from collections.abc import Callable, Sequence
from typing import Annotated, Any, Final

import attr
from fastapi import APIRouter, FastAPI, Path, Query, Request, Response
from stac_fastapi.types.extension import ApiExtension

from discovery.errors import MovedError, NotFoundError
from discovery.exports.listed import listed
from discovery.model.record import OBSERVATIONS
from discovery.stac_api.catalogs import Bounds, Catalog, Catalogs, Child, Known, page
from discovery.stac_api.client import PortalClient, moved, tagged
from discovery.stac_api.documents import Documents
from discovery.stac_api.links import GEOJSON, JSON, Links, link
from discovery.stac_api.when import When
from discovery.store.tree import MAX_KEY

BROWSEABLE: Final = "https://api.stacspec.org/v1.0.0-rc.3/browseable"
CHILDREN: Final = "https://api.stacspec.org/v1.0.0-rc.2/children"
MAX_TOKEN: Final = 10**9
"""A page that begins behind so many children is none of ours."""

Source = Annotated[str, Path(description="A source: the landing page links to the catalog of each.")]
Collection = Annotated[str, Path(description="A collection.")]
Item = Annotated[str, Path(description="A record: an item whose collection is not in the catalogue.")]
Time = Annotated[
    str,
    Path(
        description="2020, 2020-05, 2020-05-17, 1500..1999 or undated, perhaps with letters and numbers behind it: "
        "catalogs link to those that there are."
    ),
]
Low = Annotated[int, Path(ge=0, le=MAX_KEY, description="The number of the first collection.")]
High = Annotated[int, Path(ge=0, le=MAX_KEY, description="The number of the last collection.")]
Limit = Annotated[int, Query(ge=1, description="How many on a page; 100 at most, and more are cut to that.")]
Token = Annotated[int, Query(ge=0, le=MAX_TOKEN, description="Where a page begins: it stands in the link next.")]
Answer = Callable[..., Response]


@attr.s(kw_only=True)
class BrowsingExtension(ApiExtension):
    """Catalogs of the sources, of parts of them, and of items by time; and what each of these leads to."""

    client: PortalClient = attr.ib()
    known: Known = attr.ib()
    bounds: Bounds = attr.ib(factory=Bounds)
    router: APIRouter = attr.ib()
    conformance_classes: list[str] = attr.ib(factory=lambda: [BROWSEABLE, CHILDREN])

    def register(self, app: FastAPI) -> None:
        """Add the routes."""
        self.router.prefix = app.state.router_prefix
        collection, source = "/collections/{collection_id}", "/catalogs/{source}"
        # What is read as a time comes last.
        for path, catalog, children in (
            (f"{collection}/browse", self.of_collection, self.children_of_items),
            (f"{collection}/browse/{{when}}", self.of_collection_at, self.children_of_collection_at),
            (f"{source}/browse", self.of_loose, self.children_of_loose),
            (f"{source}/browse/{{when}}", self.of_source_at, self.children_of_source_at),
            (f"{source}/parts/{{low}}-{{high}}", self.part, self.children_of_part),
            (source, self.source, self.children_of_source),
        ):
            self._route(f"{path}/children", children)
            self._route(path, catalog)
        self._route(f"{collection}/children", self.children_of_collection)
        self._route(f"{source}/items/{{record}}", self.item)
        self._route("/children", self.children)

    def _route(self, path: str, answer: Answer) -> None:
        name = answer.__name__.replace("_", " ").capitalize()
        self.router.add_api_route(path, answer, name=name, methods=["GET"], response_model=None)

    def source(self, request: Request, source: Source) -> Response:
        """Return the catalog of a source: its collections, or parts of them, and its items without a collection."""
        return self._catalog(request, self._catalogs(request).source(source))

    def part(self, request: Request, source: Source, low: Low, high: High) -> Response:
        """Return some of the collections of a source that has many."""
        return self._catalog(request, self._catalogs(request).part(source, low, high))

    def of_collection(self, request: Request, collection_id: Collection) -> Response:
        """Return the catalog of the items of a collection."""
        return self._browsed(request, collection_id, When())

    def of_collection_at(self, request: Request, collection_id: Collection, when: Time) -> Response:
        """Return a catalog of items of a collection by their time."""
        return self._browsed(request, collection_id, When.parse(when))

    def of_loose(self, request: Request, source: Source) -> Response:
        """Return the catalog of the items of a source whose collections are not here."""
        return self._catalog(request, self._loose(request, source, When()))

    def of_source_at(self, request: Request, source: Source, when: Time) -> Response:
        """Return a catalog of such items by their time."""
        return self._catalog(request, self._loose(request, source, When.parse(when)))

    def item(self, request: Request, source: Source, record: Item) -> Response:
        """Return an item whose collection is not in the catalogue."""
        links = Links.of(request, self.client.prefix)
        documents = Documents(self.client.portal, links)
        try:
            stored = self.client.portal.record(record)
        except MovedError as error:
            return moved(self.client.portal, links, error.id)
        if stored.record.scope != OBSERVATIONS or stored.record.source != source:
            raise NotFoundError(f"no item {record[:80]!r} of source {source[:80]!r}")
        where = documents.address(stored)
        if where != links.loose_item(source, record):
            return Response(status_code=301, headers={"Location": where})  # Its collection has come.
        return tagged(request, documents.items([stored.key])[0], GEOJSON)

    def children(self, request: Request, limit: Limit = 100, token: Token = 0) -> Response:
        """Return the catalogs of the sources."""
        catalogs, links = self._catalogs(request), Links.of(request, self.client.prefix)
        return self._children(request, catalogs.sources(), links.children, links.root, limit, token)

    def children_of_source(self, request: Request, source: Source, limit: Limit = 100, token: Token = 0) -> Response:
        """Return what the catalog of a source leads to."""
        return self._below(request, self._catalogs(request).source(source), limit, token)

    def children_of_part(
        self, request: Request, source: Source, low: Low, high: High, limit: Limit = 100, token: Token = 0
    ) -> Response:
        """Return some of the collections of a source that has many."""
        return self._below(request, self._catalogs(request).part(source, low, high), limit, token)

    def children_of_loose(self, request: Request, source: Source, limit: Limit = 100, token: Token = 0) -> Response:
        """Return what the catalog of a source's items without a collection leads to."""
        return self._below(request, self._loose(request, source, When()), limit, token)

    def children_of_source_at(
        self, request: Request, source: Source, when: Time, limit: Limit = 100, token: Token = 0
    ) -> Response:
        """Return what such a catalog of items by their time leads to."""
        return self._below(request, self._loose(request, source, When.parse(when)), limit, token)

    def children_of_collection(
        self, request: Request, collection_id: Collection, limit: Limit = 100, token: Token = 0
    ) -> Response:
        """Return what a collection leads to: the catalog of its items."""
        links = Links.of(request, self.client.prefix)
        try:
            stored = self.client.collection(collection_id)
        except MovedError as error:
            return moved(self.client.portal, links, error.id)
        catalogs, here = self._catalogs(request), links.collection(stored.stac_id)
        children = catalogs.under(catalogs.collection(stored))
        return self._children(request, children, f"{here}/children", here, limit, token)

    def children_of_items(
        self, request: Request, collection_id: Collection, limit: Limit = 100, token: Token = 0
    ) -> Response:
        """Return what the catalog of the items of a collection leads to."""
        return self._browsed(request, collection_id, When(), (limit, token))

    def children_of_collection_at(
        self, request: Request, collection_id: Collection, when: Time, limit: Limit = 100, token: Token = 0
    ) -> Response:
        """Return what a catalog of items by their time leads to."""
        return self._browsed(request, collection_id, When.parse(when), (limit, token))

    def _catalogs(self, request: Request) -> Catalogs:
        links = Links.of(request, self.client.prefix)
        return Catalogs(self.client.portal, self.known, links, self.bounds)

    def _browsed(
        self, request: Request, collection_id: str, when: When, children: tuple[int, int] | None = None
    ) -> Response:
        """Return a catalog of items of a collection, or a page of what it leads to."""
        catalogs = self._catalogs(request)
        try:
            shelf = catalogs.collection(self.client.collection(collection_id))
        except MovedError as error:
            return moved(self.client.portal, Links.of(request, self.client.prefix), error.id)
        found = catalogs.browse(shelf, when)
        return self._catalog(request, found) if children is None else self._below(request, found, *children)

    def _loose(self, request: Request, source: str, when: When) -> Catalog:
        catalogs = self._catalogs(request)
        found = catalogs.browse(catalogs.loose(source), when)
        if not found.children and not found.items:
            raise NotFoundError(f"every item of source {source[:80]!r} is in a collection")
        return found

    def _catalog(self, request: Request, found: Catalog) -> Response:
        return tagged(request, found.document(Links.of(request, self.client.prefix).root), JSON)

    def _below(self, request: Request, found: Catalog, limit: int, token: int) -> Response:
        return self._children(request, found.children, f"{found.href}/children", found.href, limit, token)

    def _children(
        self, request: Request, children: Sequence[Child], here: str, parent: str, limit: int, token: int
    ) -> Response:
        bodies, following = page(children, token, limit, self.bounds)
        asked = request.url.query
        around = [
            link("self", f"{here}?{asked}" if asked else here),
            link("root", Links.of(request, self.client.prefix).root),
            link("parent", parent),
        ]
        if following:
            more = f"&limit={limit}" if "limit" in request.query_params else ""
            around.append(link("next", f"{here}?token={following}{more}"))
        tail: dict[str, Any] = {"links": around, "numberReturned": len(bodies), "numberMatched": len(children)}
        return tagged(request, listed(b'{"children":[', bodies, tail), JSON)
