"""What stac-fastapi asks of a backend, answered by the portal in bytes that nothing writes again."""

# stac-fastapi passes a Response through untouched, though its base classes are typed with dicts only.
# mypy: disable-error-code="override"

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Final

import attr
import orjson
from fastapi import Request, Response
from fastapi.responses import StreamingResponse
from stac_fastapi.types.core import BaseCoreClient
from stac_fastapi.types.search import BaseSearchPostRequest
from starlette.concurrency import run_in_threadpool

from discovery import conditions
from discovery.errors import BadQueryError, MovedError, NotFoundError
from discovery.exports import geoparquet
from discovery.exports.listed import listed
from discovery.model.record import OBSERVATIONS, RESOURCES
from discovery.portal import Keyed, Portal
from discovery.query.query import Comparison, Query, conjunction
from discovery.stac_api import aggregations, description, formats, question
from discovery.stac_api.aggregations import Counting
from discovery.stac_api.catalogs import Known
from discovery.stac_api.chosen import Chosen
from discovery.stac_api.documents import Documents
from discovery.stac_api.formats import Format
from discovery.stac_api.links import GEOJSON, JSON, OPENAPI, Links, link, of_page, to_page
from discovery.stac_api.paging import Trail
from discovery.stac_api.question import Asked
from discovery.store.catalogue import Stored

_VARIES: Final = {"Vary": "Accept"}


@attr.s(auto_attribs=True, kw_only=True)
class PortalClient(BaseCoreClient):
    """The portal as a backend: what stac-fastapi calls is synchronous, and runs in its pool of threads."""

    portal: Portal
    known: Known
    prefix: str
    landing_id: str = "discovery"

    def landing_page(self, *, request: Request, **_: Any) -> Response:
        """Return the landing page."""
        body = {
            "type": "Catalog",
            "id": self.landing_id,
            "title": self.title,
            "description": self.description,
            "stac_version": self.stac_version,
            "conformsTo": self.conformance_classes(),
            "links": Links.of(request, self.prefix).for_landing(request.app.docs_url, self.known.sources()),
        }
        return _json(body)

    def conformance(self, **_: Any) -> Response:
        """Return the conformance classes."""
        return _json({"conformsTo": self.conformance_classes()})

    def description_of_service(self, request: Request) -> Response:
        """Return the OpenAPI description of this face."""
        links = Links.of(request, self.prefix)
        return Response(
            orjson.dumps(description.document(request.app.openapi(), self.prefix, links.base)), media_type=OPENAPI
        )

    async def prompt_search(self, body: BaseSearchPostRequest, request: Request) -> Response:
        """Return what `post_search` does, without a thread where that takes longer than the search."""
        asked = _asked(body)
        if self.portal.local and asked.small and formats.wanted(request) is Format.GEOJSON:
            return self._search(request, asked)
        return await run_in_threadpool(self._search, request, asked)

    async def prompt_item(self, item_id: str, collection_id: str, request: Request) -> Response:
        """Return what `get_item` does, without a thread where that takes longer than the look-up."""
        if self.portal.store.local:
            return self.get_item(item_id, collection_id, request=request)
        return await run_in_threadpool(self.get_item, item_id, collection_id, request=request)

    def post_search(self, search_request: Any, *, request: Request, **_: Any) -> Response:
        """Return the items that a body asks for."""
        return self._search(request, _asked(search_request))

    def get_search(self, *, request: Request, **given: Any) -> Response:
        """Return the items that a query string asks for."""
        return self._search(request, _given(request, given))

    def item_collection(self, collection_id: str, *, request: Request, **given: Any) -> Response:
        """Return the items of a collection."""
        id = self.collection_id(collection_id)
        asked = _given(request, given)
        query = question.items(self.portal, asked)
        links = Links.of(request, self.prefix)
        narrowed = conjunction([Comparison("=", "dataset", id), query.filter])
        return self._items(request, asked, replace(query, filter=narrowed), links, links.items(collection_id))

    def collection_id(self, stac_id: str) -> str:
        """Return the id of the record of a live collection, without reading it; raises as `collection` does."""
        named = self.portal.store.catalogue.named("", [stac_id])
        found = [each.id for each in named if each.kind in question.COLLECTION_KINDS]
        return found[0] if found else self.collection(stac_id).record.id

    def aggregations(self, *, request: Request, **_: Any) -> Response:
        """Return what may be counted over items, of one collection where the address names one."""
        links = Links.of(request, self.prefix)
        name = request.path_params.get("collection_id")
        if name is not None:
            self.collection_id(name)
        return _counted(links.aggregations(name), links, aggregations.definitions())

    def collection_aggregations(self, *, request: Request, **_: Any) -> Response:
        """Return what may be counted over collections."""
        links = Links.of(request, self.prefix)
        return _counted(f"{links.base}/collections-aggregations", links, aggregations.definitions())

    def aggregate(self, body: Any = None, *, request: Request, **given: Any) -> Response:
        """Return counts over the items that a query string or a body asks for."""
        links = Links.of(request, self.prefix)
        # stac-fastapi hands the collection of the address to nobody.
        name = request.path_params.get("collection_id")
        within = None if name is None else Comparison("=", "dataset", self.collection_id(name))
        asked, what = _counting(body, request, given)
        answer = aggregations.answered(self.portal, question.items(self.portal, asked), what, within)
        return _counted(_here(request, links.aggregate(name)), links, answer)

    def aggregate_collections(self, body: Any = None, *, request: Request, **given: Any) -> Response:
        """Return counts over the collections that a query string or a body asks for."""
        links = Links.of(request, self.prefix)
        asked, what = _counting(body, request, given)
        query = question.resources(self.portal, asked)
        answer = aggregations.answered(self.portal, query, what, question.ARE_COLLECTIONS)
        return _counted(_here(request, f"{links.base}/collections-aggregate"), links, answer)

    def get_item(self, item_id: str, collection_id: str, *, request: Request, **_: Any) -> Response:
        """Return an item of a collection."""
        links = Links.of(request, self.prefix)
        served = self.portal.store.catalogue.served_item(collection_id, item_id)
        if served is not None and served.parent_kind in question.COLLECTION_KINDS:
            return tagged(request, Documents(self.portal, links).item(served), GEOJSON)
        dataset = self._named(RESOURCES, "", collection_id)
        try:
            key = self.portal.record(self._item(dataset, item_id)).key
        except MovedError as error:
            return moved(self.portal, links, error.id)
        return tagged(request, Documents(self.portal, links).items([key])[0], GEOJSON)

    def _item(self, dataset: str, item_id: str) -> str:
        """Return the id of an item of a collection, or of the one that the collection was merged into.

        Raises:
            NotFoundError: There is none.
            MovedError: It is in the other collection.
        """
        try:
            return self._named(OBSERVATIONS, dataset, item_id)
        except NotFoundError:
            try:
                self.portal.record(dataset)
            except MovedError as moved:
                # Its items went with the collection.
                raise MovedError(self._named(OBSERVATIONS, moved.id, item_id)) from None
            raise

    def all_collections(self, *, request: Request, **given: Any) -> Response:
        """Return the collections that match."""
        return self._collections(request, _given(request, given))

    def post_all_collections(self, search_request: Any, *, request: Request, **_: Any) -> Response:
        """Return the collections that a body asks for."""
        return self._collections(request, _asked(search_request))

    def _collections(self, request: Request, asked: Asked) -> Response:
        found = self.portal.keys(question.collections(self.portal, asked))
        links = Links.of(request, self.prefix)
        bodies = Documents(self.portal, links).collections(found.keys)
        if asked.chosen is not None:
            bodies = asked.chosen.collections(bodies)
        around = of_page(request, links, links.collections, Trail.parse(asked.token), found.next, JSON, asked.sent)
        around += links.beside_collections()
        return Response(_listed(b'{"collections":[', bodies, found, around), media_type=JSON)

    def get_collection(self, collection_id: str, *, request: Request, **_: Any) -> Response:
        """Return a collection."""
        links = Links.of(request, self.prefix)
        try:
            stored = self.collection(collection_id)
        except MovedError as error:
            return moved(self.portal, links, error.id)
        return tagged(request, Documents(self.portal, links).collection(stored), JSON)

    def _search(self, request: Request, asked: Asked) -> Response:
        links = Links.of(request, self.prefix)
        return self._items(request, asked, question.items(self.portal, asked), links, links.search)

    def _items(self, request: Request, asked: Asked, query: Query, links: Links, here: str) -> Response:
        form = formats.wanted(request)
        if form is not Format.GEOJSON:
            return self._whole(request, asked, query, links, here, form)
        found = self.portal.keys(query)
        bodies = self._bodies(links, asked, found.keys)
        around = of_page(request, links, here, Trail.parse(asked.token), found.next, GEOJSON, asked.sent)
        body = _listed(b'{"type":"FeatureCollection","features":[', bodies, found, around)
        return Response(body, media_type=GEOJSON, headers=_VARIES)

    def _bodies(self, links: Links, asked: Asked, keys: Sequence[int]) -> list[bytes]:
        bodies = Documents(self.portal, links).items(keys)
        return bodies if asked.chosen is None else asked.chosen.items(bodies)

    def _whole(self, request: Request, asked: Asked, query: Query, links: Links, here: str, form: Format) -> Response:
        """Return everything that matches, in a form that is made while it is read."""
        found = formats.rows(self.portal, query, None if asked.unlimited else asked.limit)

        def bodies(keys: Sequence[int]) -> list[bytes]:
            return self._bodies(links, asked, keys)

        def collections(ids: Sequence[str]) -> list[bytes]:
            named = self.portal.store.catalogue.named("", ids)
            keys = [each.key for each in named if each.kind in question.COLLECTION_KINDS]
            return Documents(self.portal, links).collections(keys)

        headers = {**_VARIES, "OGC-NumberReturned": str(len(found.keys))}
        if found.exact:
            headers["OGC-NumberMatched"] = str(found.matched)
        if found.next and request.method != "POST":
            onward = Trail.parse(asked.token).onward(found.next)
            headers["Link"] = f'<{to_page(request, "next", here, onward, "")["href"]}>; rel="next"'
        if form is Format.PARQUET:
            headers["Content-Disposition"] = 'attachment; filename="items.parquet"'
        pieces: Iterator[bytes] = iter(())
        if request.method == "HEAD":
            pass  # Nothing is made of which nothing is sent, and nobody knows how long it would be.
        elif form is Format.PARQUET:
            pieces = geoparquet.parquet(found, bodies, collections)
        else:
            pieces = formats.lines(found, bodies, form)
        return StreamingResponse(pieces, media_type=formats.MEDIA_TYPES[form], headers=headers)

    def collection(self, stac_id: str) -> Stored:
        """Return a live collection.

        Raises:
            NotFoundError, GoneError, MovedError: It never was one, was deleted, or merged into another one.
        """
        stored = self.portal.record(self._named(RESOURCES, "", stac_id))
        if stored.record.kind not in question.COLLECTION_KINDS:
            raise NotFoundError(f"no collection {stac_id[:200]!r}")
        return stored

    def _named(self, scope: str, space: str, stac_id: str) -> str:
        """Return the id of the record that has or had a STAC id.

        Raises:
            NotFoundError: None ever had it.
        """
        # PostgreSQL has no text with a NUL in it, and would not say so kindly.
        id = None if "\0" in stac_id else self.portal.store.catalogue.by_stac_name(scope, space, stac_id)
        if id is None:
            what = "item" if scope == OBSERVATIONS else "collection"
            raise NotFoundError(f"no {what} {stac_id[:200]!r}")
        return id


def _asked(body: Any) -> Asked:
    """Return what a body asks for; not every kind of body has every member."""
    known = type(body).model_fields  # whatever else a body of counts holds has not been looked at
    given = {name: getattr(body, name) for name in _MEMBERS if name in known}
    order = body.sortby or () if "sortby" in known else ()
    sortby = [("-" if each.direction == "desc" else "+") + each.field for each in order]
    # An empty object asks for less than none does.
    chosen = None
    if "fields" in known and "fields" in body.model_fields_set:
        if body.fields is None:
            raise BadQueryError("fields is no object; leave it out for whole documents", parameter="fields")
        least = "include" in body.fields.model_fields_set
        chosen = Chosen.of(body.fields.include, body.fields.exclude, least=least)
    return Asked(
        **given,
        unlimited="limit" not in body.model_fields_set,
        filter=body.filter_expr,
        filter_lang="cql2-json",
        sortby=sortby,
        chosen=chosen,
        sent=body,
    )


def _given(request: Request, given: dict[str, Any]) -> Asked:
    """Return what a query string asks for."""
    given.pop("f", None)
    names = given.pop("fields", None)
    chosen = Chosen.parse(names or ()) if "fields" in request.query_params else None
    unlimited = "limit" not in request.query_params
    return Asked(filter=given.pop("filter_expr", None), chosen=chosen, unlimited=unlimited, **given)


_MEMBERS: Final = ("collections", "ids", "bbox", "intersects", "datetime", "limit", "token", "filter_crs", "q", "query")


def _counting(body: Any, request: Request, given: dict[str, Any]) -> tuple[Asked, Counting]:
    """Return what a request of either method asks for, and what it wants counted."""
    if body is not None:
        options = body.model_extra or {}
        return _asked(body), aggregations.counting(body.aggregations, options)
    names = given.pop("aggregations", None)
    given.pop("disjunctive", None)
    return _given(request, given), aggregations.counting(names, dict(request.query_params))


def _here(request: Request, address: str) -> str:
    """Return the address of an answer with the query string that asked for it."""
    return f"{address}?{request.url.query}" if request.method != "POST" and request.url.query else address


def _counted(here: str, links: Links, answer: list[dict[str, Any]]) -> Response:
    around = [link("self", here), link("root", links.root)]
    return _json({"type": "AggregationCollection", "aggregations": answer, "links": around})


def tagged(request: Request, body: bytes, media_type: str) -> Response:
    """Return a document with its tag, or 304 for a reader who has it; whoever changes it names the tag."""
    headers = {"ETag": conditions.tag_of(body), "Cache-Control": "no-cache"}
    if conditions.has(request, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    return Response(body, headers=headers, media_type=media_type)


def _json(body: object) -> Response:
    return Response(orjson.dumps(body), media_type=JSON)


def _listed(head: bytes, bodies: Sequence[bytes], found: Keyed, links: object) -> bytes:
    tail: dict[str, object] = {"links": links, "numberReturned": len(bodies), "numberMatched": found.total.value}
    if not found.total.exact:
        tail["discovery:numberMatchedExact"] = False
    return listed(head, bodies, tail)


def moved(portal: Portal, links: Links, id: str) -> Response:
    """Return the way to the record that another one was merged into."""
    where = Documents(portal, links).address(portal.record(id))
    return Response(status_code=301, headers={"Location": where})
