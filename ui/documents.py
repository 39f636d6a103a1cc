"""The documents of records and of the catalogue as answers: what programs read, cite, harvest and index."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import chain
from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import Response, StreamingResponse

from discovery import conditions
from discovery.documents import citation, dcat, rdf, schema_org
from discovery.documents.schema_org import Format as Other
from discovery.documents.site import RECORDS, Site
from discovery.errors import BadQueryError, MovedError, NotFoundError
from discovery.exports.plain import record_json
from discovery.model.record import RESOURCES, SCOPES, Record
from discovery.portal import Portal
from discovery.query import form
from discovery.store.catalogue import Stored
from ui import caching, catalogue, described, feed, links, negotiation, signposts, sitemap, sources, text
from ui.contexts import Alternate, Anchor, Published
from ui.negotiation import Format
from ui.rendering import HEADERS, Renderer, redirect

_DAY: Final = "public, max-age=86400"
_DIGITS: Final = 18
_DCAT: Final = (negotiation.JSONLD, negotiation.TURTLE, negotiation.RDFXML, negotiation.NTRIPLES)
"""The forms of DCAT-AP."""


class Documents:
    """One method a document, each from request to answer."""

    def __init__(self, portal: Portal, renderer: Renderer) -> None:
        self._portal = portal
        self._renderer = renderer

    def routes(self, router: APIRouter, record: Callable[..., Response], changes: Callable[..., Response]) -> None:
        """Add the addresses of the documents, described for programs.

        Args:
            router: Takes them.
            record: Answers for one record, in any form.
            changes: Answers with the feed of what is new.
        """
        gone = {301: "It was merged into another record.", 404: "There is none of this id.", 410: "It was deleted."}
        described.negotiated(router, f"{RECORDS}{{id}}", record, "A record", negotiation.RECORD, errors=gone)
        narrowed = (
            described.query("scope", "Which records; `resources` without it.", SCOPES),
            described.query("after", "Where the page begins, from the `Link` of the one before."),
        )
        whole = _DCAT
        about = "The whole catalogue as DCAT-AP: pages of JSON-LD, Turtle or RDF/XML, N-Triples in one piece"
        forms = (negotiation.HTML, *whole)
        described.negotiated(router, catalogue.PATH, self.catalogue, about, forms, parameters=narrowed)
        for each in whole:
            told, path = f"The same as {each.media_type}", f"{catalogue.PATH}.{each.name}"
            described.add(router, path, self.catalogue, told, [each.media_type], parameters=narrowed)
        described.add(router, feed.PATH, changes, "What is new, as Atom", [feed.MEDIA_TYPE])
        described.add(router, sitemap.INDEX, self.sitemap_index, "The index of the sitemap", [sitemap.MEDIA_TYPE])
        missing = {404: "There is no part of this number."}
        part = "/sitemap/{number}.xml"
        described.add(router, part, self.sitemap_part, "A part of the sitemap", [sitemap.MEDIA_TYPE], errors=missing)
        described.add(router, sitemap.ROBOTS, self.robots, "What crawlers may read", ["text/plain"])
        search = "How to search here, for browsers and feed readers"
        described.add(router, sitemap.OPENSEARCH, self.opensearch, search, [sitemap.OPENSEARCH_TYPE])

    def site(self, request: Request) -> Site:
        """Return the portal as the reader of a request knows it; a host that is none is not believed by starlette."""
        return Site(self._renderer.title, str(request.base_url).rstrip("/"))

    # One record

    def record(self, request: Request, id: str, format: Format) -> Response:
        """Return a form of a record that is no page; a record that has moved is shown the way to in the same form."""
        try:
            found = self._portal.record(id)
        except MovedError as moved:
            asked = request.query_params.get(negotiation.PARAMETER)
            query = f"?{negotiation.PARAMETER}={format.name}" if asked else ""
            answer = redirect(f"{links.record(moved.id)}{query}", status=301)
            answer.headers.update(negotiation.VARY)
            return answer
        site = self.site(request)
        headers = {**negotiation.VARY, "Link": signposts.describes(found.record, site)}
        media_type = format.media_type
        if format in negotiation.CITATIONS:
            headers["Content-Disposition"] = f'inline; filename="discovery-{found.record.id}.{format.ending}"'
            # JSON is UTF-8 whatever is said; of these nobody would know.
            media_type += "" if format is negotiation.CSL else "; charset=utf-8"
        return caching.answer(request, self._body(found, format, site), media_type, headers=headers)

    def _body(self, found: Stored, format: Format, site: Site) -> bytes | str:
        given = found.record
        if format in _DCAT:
            nodes = dcat.record(dcat.Entry(given, found.harvested), site)
            if format is negotiation.JSONLD:
                return rdf.jsonld(nodes)
            written = {negotiation.TURTLE: rdf.turtle, negotiation.RDFXML: rdf.rdfxml}
            return "".join(written[format](nodes) if format in written else rdf.ntriples(nodes, given.id))
        if format is negotiation.SCHEMA:
            return schema_org.embedded(_schema_org(found, site))
        if format is negotiation.LINKSET:
            return signposts.linkset(list(signposts.signposts(given, site)), site.record(given.id))
        if format is negotiation.JSON:
            told = record_json(given, self._portal.also_at(given.id))
            return json.dumps(told, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
        cited = citation.cite(given, site)
        if format is negotiation.CSL:
            return citation.csl(cited)
        cites = {negotiation.BIBTEX: citation.bibtex, negotiation.RIS: citation.ris}
        return cites[format](cited) if format in cites else f"{citation.text(cited)}\n"

    def published(self, request: Request, found: Stored, known: sources.Sources) -> Published:
        """Return what the page of a record says of its documents."""
        site, id = self.site(request), found.record.id
        cited = citation.cite(found.record, site)
        return Published(
            data=text.data(_schema_org(found, site)),
            citation=citation.text(cited),
            cites=tuple(Anchor(each.label, _path(id, each)) for each in negotiation.CITATIONS),
            metadata=tuple(Anchor(each.label, _path(id, each)) for each in negotiation.METADATA),
            alternates=tuple(
                Alternate(each.media_type, each.label, _path(id, each))
                for each in (*negotiation.METADATA, *negotiation.CITATIONS)
            ),
            canonical=links.record(id),
            indexed=not known.marker(found.record),
        )

    def signed(self, request: Request, given: Record, page: Response) -> Response:
        """Return a record's page with the signposts in its headers, or 304 for a reader who has this very page."""
        posts = list(signposts.signposts(given, self.site(request)))
        page.headers["Link"] = signposts.header(posts)
        page.headers.update(negotiation.VARY)
        page.headers["ETag"] = conditions.tag_of(bytes(page.body))
        page.headers["Cache-Control"] = caching.REVALIDATED
        if not conditions.has(request, page.headers["ETag"]):
            return page
        # What a page shows hangs on who asks; without a body nobody else could say so any more.
        about = ("content-length", "content-type", "vary")
        kept = {name: value for name, value in page.headers.items() if name not in about}
        return Response(status_code=304, headers={**kept, "Vary": "Accept, Cookie"})

    # The whole catalogue

    def catalogue(self, request: Request) -> Response:
        """Return a page of the catalogue as JSON-LD, Turtle or RDF/XML, or all of it as N-Triples."""
        forms = (negotiation.HTML, *_DCAT)
        ending = request.url.path.removeprefix(catalogue.PATH).lstrip(".")
        format = next((each for each in forms if each.name == ending), None) or negotiation.choose(request, forms)
        scope, after = _scope(request), _number(request, "after")
        if format is negotiation.HTML:
            answer = redirect(links.search([("scope", scope)] if scope != RESOURCES else []))
            answer.headers.update(negotiation.VARY)
            return answer
        site, known = self.site(request), sources.read(self._portal)
        newest = self._portal.store.catalogue.last_change()
        etag = conditions.tag(format.name, scope, after, site, newest, sorted(known.by_id.items()))
        if format is negotiation.NTRIPLES:
            return _streamed(request, catalogue.stream(self._portal, known, site, scope), format.media_type, etag)
        headers = dict(negotiation.VARY)
        if conditions.has(request, etag):
            return caching.answer(request, b"", format.media_type, etag=etag, headers=headers)
        found = catalogue.window(self._portal, known, scope, after)
        if found.next:
            headers["Link"] = f'<{site.url}{catalogue.address(format, scope, found.next)}>; rel="next"'
        body = catalogue.page(site, format, scope, after, found)
        return caching.answer(request, body, format.media_type, etag=etag, headers=headers)

    # Search engines

    def sitemap_index(self, request: Request) -> Response:
        """Return the index of the sitemap of everything but observations, which their datasets lead to."""
        site, without = self.site(request), self._unreal()
        parts = self._portal.store.history.parts(RESOURCES, sitemap.SIZE, without)
        return caching.answer(request, sitemap.index(site, parts), sitemap.MEDIA_TYPE)

    def sitemap_part(self, request: Request, number: str) -> Response:
        """Return a part of the sitemap.

        Raises:
            NotFoundError: There is none of this number.
        """
        site, without = self.site(request), self._unreal()
        if not number.isdecimal() or len(number) > 10:
            raise NotFoundError(f"there is no part {number[:20]!r} of the sitemap")
        etag = conditions.tag(number, site, self._portal.store.catalogue.last_change(), without)
        found = self._portal.store.history.addresses(RESOURCES, sitemap.SIZE, int(number), without)
        first = next(found, None)
        if first is None:
            raise NotFoundError(f"there is no part {number} of the sitemap")
        return _streamed(request, sitemap.part(site, chain([first], found)), sitemap.MEDIA_TYPE, etag)

    def robots(self, request: Request) -> Response:
        """Return what crawlers may read."""
        return caching.answer(request, sitemap.robots(self.site(request)), "text/plain", keep=_DAY)

    def opensearch(self, request: Request) -> Response:
        """Return how to search here, for browsers and feed readers."""
        return caching.answer(request, sitemap.opensearch(self.site(request)), sitemap.OPENSEARCH_TYPE, keep=_DAY)

    def search(self, request: Request, given: Iterable[tuple[str, str]]) -> Response:
        """Return what a search finds as a feed, for readers who want to hear of more."""
        pairs = links.question(links.asked(given))
        query = form.parse(pairs, resolver=self._portal.resolve)
        made, site = self._portal.status()[query.scope], self.site(request)
        etag = conditions.tag(pairs, site, made.name, made.change, self._portal.store.catalogue.last_change())
        if conditions.has(request, etag):
            return caching.answer(request, b"", feed.MEDIA_TYPE, etag=etag)
        found = self._portal.search(replace(query, facets=(), histogram=None))
        body = feed.search_feed(site.title, site.url, pairs, found)
        return caching.answer(request, body, feed.MEDIA_TYPE, etag=etag)

    def _unreal(self) -> list[str]:
        """Return the sources whose records describe nothing real: no search engine is sent to them."""
        known = sources.read(self._portal).by_id.values()
        return sorted(e.id for e in known if "true" in (e.settings.get("synthetic"), e.settings.get("example")))


def _schema_org(found: Stored, site: Site) -> dict[str, object]:
    given = found.record
    forms = (*negotiation.METADATA, *negotiation.CITATIONS)
    others = [Other(signposts.form(site, given.id, e), e.media_type, e.label) for e in forms if e.name != "schema"]
    plain = text.plain(given.description, schema_org.MAX_DESCRIPTION * 2)
    return schema_org.document(given, site, description=plain, formats=others, seen=found.harvested)


def _path(id: str, format: Format) -> str:
    return f"{links.record(id)}?{negotiation.PARAMETER}={format.name}"


def _streamed(request: Request, body: Iterator[str], media_type: str, etag: str) -> Response:
    """Return what is made while it is sent; nothing is made for a reader who has it or wants the headers alone."""
    headers = {**HEADERS, "ETag": f"W/{etag}", "Cache-Control": caching.REVALIDATED, **negotiation.VARY}
    if conditions.has(request, etag):
        return Response(status_code=304, headers=headers)
    if request.method == "HEAD":
        body = iter(())  # How long it would be is not known.
    return StreamingResponse(body, headers=headers, media_type=media_type)


def _scope(request: Request) -> str:
    scope = request.query_params.get("scope", RESOURCES)
    if scope not in SCOPES:
        raise BadQueryError(f"scope {scope[:80]!r} is not one of {', '.join(SCOPES)}", parameter="scope")
    return scope


def _number(request: Request, name: str) -> int:
    given = request.query_params.get(name, "0")
    if not (given.isascii() and given.isdecimal() and len(given) < _DIGITS):
        raise BadQueryError(f"{name} is not the number of a change", parameter=name)
    return int(given)
