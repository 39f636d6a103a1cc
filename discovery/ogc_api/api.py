"""The OGC API as routes of the application: requests in, negotiated answers out, errors as problem details."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any, Final

import orjson
from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from discovery import __version__
from discovery.errors import BadQueryError, DiscoveryError, GoneError, LimitError, MovedError, NotFoundError
from discovery.exports.listed import listed
from discovery.model.record import OBSERVATIONS, RESOURCES, SCOPES
from discovery.ogc_api import documents, facets, openapi, page, question
from discovery.ogc_api.accept import chosen
from discovery.ogc_api.documents import MEDIA_TYPES, TITLES
from discovery.ogc_api.links import (
    CATALOG,
    CATALOG_PROFILE,
    GEOJSON,
    HTML,
    JSON,
    PROBLEM,
    RECORD_PROFILE,
    Link,
    Links,
    alternates,
    link,
    profile,
    with_pairs,
)
from discovery.ogc_api.question import MAX_OFFSET, Asked
from discovery.ogc_api.records import Records
from discovery.portal import Keyed, Portal
from discovery.query.query import Query, Sort

CRAWLED: Final = 1000
"""Links to records in each file of a catalogue that is crawled."""
_ALWAYS: Final = ("f", "profile")
"""Parameters that every document takes."""
_PROFILES: Final = {"record": RECORD_PROFILE, "records": RECORD_PROFILE} | dict.fromkeys(
    ("catalogue", "catalogues", "crawl"), CATALOG_PROFILE
)
_SORT: Final = {RESOURCES: Sort("updated", descending=True), OBSERVATIONS: Sort("start", descending=True)}

Endpoint = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Answer:
    """A document that was made, before it has the form that was asked for."""

    name: str
    """What kind of document it is, one of `documents.MEDIA_TYPES`."""
    title: str
    body: bytes | Mapping[str, Any]
    search: str = ""
    """Where words can be looked for on its page."""


def attach(app: FastAPI, portal: Portal, *, title: str, prefix: str = "/ogc") -> None:
    """Put the OGC API under a prefix of the application; nothing else of the application changes.

    Args:
        app: Takes every path below the prefix.
        portal: What is asked.
        title: What the portal is called.
        prefix: Where it is.
    """
    face = _Face(portal, title, prefix, app.docs_url)
    below = f"{prefix}/collections/{{catalogId}}"
    known, asked = face.prompt, face.asking
    for path, endpoint in (
        (prefix, known(face.landing)),
        (f"{prefix}/", known(face.landing)),
        (f"{prefix}/conformance", known(face.conformance)),
        (f"{prefix}/api", known(face.api)),
        (f"{prefix}/collections", asked(face.catalogues)),
        (below, asked(face.catalogue)),
        (f"{below}/queryables", known(face.queryables)),
        (f"{below}/sortables", known(face.sortables)),
        (f"{below}/facets", known(face.facets)),
        (f"{below}/items", face.records),
        (f"{below}/items/{{recordId}}", asked(face.record)),
        (f"{prefix}/crawl/{{catalogId}}", asked(face.crawl)),
        (f"{prefix}/crawl/{{catalogId}}/{{after}}", asked(face.crawl)),
        (f"{prefix}/{{rest:path}}", known(face.nothing)),
    ):
        app.router.routes.append(Route(path, endpoint, methods=["GET"]))


Make = Callable[[Request, Links], Answer]


class _Face:
    """One method a document, each from request to answer."""

    def __init__(self, portal: Portal, title: str, prefix: str, docs: str | None) -> None:
        self._portal = portal
        self._title = title
        self._prefix = prefix
        self._docs = docs

    def prompt(self, make: Make) -> Endpoint:
        """Return the endpoint of a document that is made without asking anybody."""

        async def endpoint(request: Request) -> Response:
            return self._plain(request, make)

        return endpoint

    def asking(self, make: Make) -> Endpoint:
        """Return the endpoint of a document that is asked for, in a thread where that may take a while."""

        async def endpoint(request: Request) -> Response:
            if self._portal.local:
                return self._plain(request, make)
            return await run_in_threadpool(self._plain, request, make)

        return endpoint

    def _plain(self, request: Request, make: Make) -> Response:
        return self._answered(request, lambda links: make(request, _checked(request, links)))

    async def records(self, request: Request) -> Response:
        """Return the records of a catalogue that a request asks for."""
        scope = request.path_params["catalogId"]
        try:
            asked = question.records(_known(scope), request.query_params.multi_items())
        except DiscoveryError as error:
            return _failed(error)
        if self._portal.local and asked.small:
            return self._answered(request, lambda links: self._records(request, links, asked))
        return await run_in_threadpool(
            lambda: self._answered(request, lambda links: self._records(request, links, asked))
        )

    def _answered(self, request: Request, make: Callable[[Links], Answer]) -> Response:
        links = Links.of(request, self._prefix)
        try:
            return _formed(request, links, make(links))
        except MovedError as moved:
            scope = self._portal.record(moved.id).record.scope
            return Response(status_code=301, headers={"Location": links.record(scope, moved.id)})
        except DiscoveryError as error:
            return _failed(error)

    def landing(self, _request: Request, links: Links) -> Answer:
        return Answer("landing", self._title, documents.landing(links, self._title, self._docs))

    def conformance(self, _request: Request, links: Links) -> Answer:
        return Answer("conformance", "Conformance", documents.conformance(links))

    def api(self, _request: Request, links: Links) -> Answer:
        return Answer("api", "API", openapi.document(self._title, __version__, links.base))

    def catalogues(self, _request: Request, links: Links) -> Answer:
        return Answer("catalogues", "Catalogues", documents.catalogues(links, self._sources()))

    def catalogue(self, request: Request, links: Links) -> Answer:
        name = _known(request.path_params["catalogId"])
        return Answer("catalogue", TITLES[name], documents.catalogue(links, name, self._sources()), links.items(name))

    def queryables(self, request: Request, links: Links) -> Answer:
        return self._schema(request, links, documents.queryables, "queryables")

    def sortables(self, request: Request, links: Links) -> Answer:
        return self._schema(request, links, documents.sortables, "sortables")

    def facets(self, request: Request, links: Links) -> Answer:
        return self._schema(request, links, documents.facet_definitions, "facets")

    def _schema(
        self, request: Request, links: Links, make: Callable[[Links, str], dict[str, Any]], kind: str
    ) -> Answer:
        name = _known(request.path_params["catalogId"])
        return Answer(kind, f"{TITLES[name]}: {kind}", make(links, name))

    def record(self, request: Request, links: Links) -> Answer:
        name, id = _known(request.path_params["catalogId"]), request.path_params["recordId"]
        record = self._portal.record(id).record
        if record.scope != name:
            raise NotFoundError(f"record {id} is not one of the {name}, but of the {record.scope}")
        return Answer("record", record.title or id, Records(self._portal, links).alone(name, record))

    def crawl(self, request: Request, links: Links) -> Answer:
        """Return a file of a catalogue; the next one begins where this one ends, however the catalogue changes."""
        name, after = _known(request.path_params["catalogId"]), request.path_params.get("after", "")
        try:
            found = self._portal.keys(Query(scope=name, sort=_SORT[name], size=CRAWLED, after=after), total=False)
        except BadQueryError as error:
            raise NotFoundError(f"there is no such file: {error}") from None
        stored = self._portal.stored(found.keys)
        items = [(stored[key].record.id, stored[key].record.title) for key in found.keys if key in stored]
        return Answer("crawl", TITLES[name], documents.crawled(links, name, after, items, found.next))

    def nothing(self, request: Request, _links: Links) -> Answer:
        raise NotFoundError(f"there is nothing at {request.url.path[:200]}")

    def _sources(self) -> list[str]:
        return [each.id for each in self._portal.store.ledger.sources()]

    def _records(self, request: Request, links: Links, asked: Asked) -> Answer:
        query = facets.asked(asked.query, asked.facets)
        found = self._portal.keys(replace(query, size=query.size + asked.skipped))
        bodies = Records(self._portal, links).page(query.scope, found.keys[asked.skipped :])
        tail: dict[str, Any] = {"links": _around(request, links, asked, found)}
        if found.total.exact:
            tail["numberMatched"] = found.total.value
        tail["numberReturned"] = len(bodies)
        if asked.facets:
            tail["facets"] = facets.answered(asked.facets, found)
        body = listed(b'{"type":"FeatureCollection","features":[', bodies, tail)
        return Answer("records", TITLES[query.scope], body, links.items(query.scope))


def _known(name: str) -> str:
    if name not in SCOPES:
        raise NotFoundError(f"no catalogue {name[:80]!r}; there are {' and '.join(SCOPES)}")
    return name


def _checked(request: Request, links: Links) -> Links:
    """Return the addresses, after a look at the parameters of a document that takes none of its own."""
    for name, _ in request.query_params.multi_items():
        if name not in _ALWAYS:
            told = f"unknown parameter {name[:80]!r}; this document takes {' and '.join(_ALWAYS)}"
            raise BadQueryError(told, parameter=name[:80])
    return links


def _around(request: Request, links: Links, asked: Asked, found: Keyed) -> list[Link]:
    """Return the links of a page of records: where it is, how it goes on, and what it looks like in other forms."""
    scope = asked.query.scope
    here = links.items(scope)
    mine = with_pairs(here, request.query_params.multi_items())
    plain = with_pairs(here, [each for each in request.query_params.multi_items() if each[0] != "f"])
    around = [
        link("self", mine, GEOJSON),
        *alternates(plain, (JSON, HTML)),
        link("collection", links.collection(scope), CATALOG),
        link("first", with_pairs(here, asked.pairs), GEOJSON),
        profile(RECORD_PROFILE),
        profile(CATALOG_PROFILE),
    ]
    if found.next:
        offset = asked.offset + asked.query.size
        known = not asked.query.after or asked.offset
        place = [("offset", str(offset))] if known and offset <= MAX_OFFSET else []
        around.append(link("next", with_pairs(here, [*asked.pairs, *place, ("after", found.next)]), GEOJSON))
    if asked.offset:
        before = asked.offset - asked.query.size
        place = [("offset", str(before))] if before > 0 else []
        around.append(link("prev", with_pairs(here, [*asked.pairs, *place]), GEOJSON))
    return around


def _formed(request: Request, links: Links, answer: Answer) -> Response:
    """Return a document in the form that was asked for, by `f` or else by `Accept`."""
    offered = (*MEDIA_TYPES[answer.name], HTML)
    form = chosen(request.query_params.get("f"), request.headers.get("Accept", ""), offered)
    headers = {"Vary": "Accept"}
    if answer.name in _PROFILES:
        headers["Link"] = f'<{_PROFILES[answer.name]}>; rel="profile"'
    body = answer.body
    if form == HTML:
        document = orjson.loads(body) if isinstance(body, bytes) else body
        made = page.page(links, answer.title, document, search=answer.search)
        return Response(made, headers={**headers, **page.HEADERS}, media_type=HTML)
    return Response(body if isinstance(body, bytes) else orjson.dumps(body), headers=headers, media_type=form)


def _failed(error: DiscoveryError) -> Response:
    told = {}
    if isinstance(error, BadQueryError):
        told = {"parameter": _PUBLIC.get(error.parameter or "", error.parameter)} if error.parameter else {}
    if isinstance(error, LimitError):
        told["limit"] = error.limit
    status = 404 if isinstance(error, NotFoundError) and not isinstance(error, GoneError) else error.status
    return _problem(status, error.kind, str(error), error.headers, told)


_PUBLIC: Final = {"sort": "sortby", "size": "limit", "text": "q"}
"""Parameters as this face calls them, by what the portal calls them."""


def _problem(
    status: int, code: str, told: str, headers: Mapping[str, str], more: Mapping[str, Any] | None = None
) -> Response:
    """Return an error as RFC 9457 has it, with the members of OGC API beside them."""
    body = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": told,
        "code": code,
        "description": told,
        **(more or {}),
    }
    return Response(orjson.dumps(body), status, dict(headers), PROBLEM)
