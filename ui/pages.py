"""The pages of the portal and the same data as JSON by `f=json`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import Response

from discovery import conditions, notebooks, understanding
from discovery.documents.site import Site
from discovery.errors import BadQueryError, MovedError, UnavailableError, UnknownFieldError
from discovery.exports.plain import record_json
from discovery.launch import notebook
from discovery.model.record import OBSERVATIONS, RESOURCES, SCOPES, Record, record_id
from discovery.portal import Page, Portal, View
from discovery.query import form, marking
from discovery.query.facets import HeatMap
from discovery.query.query import Facet, Total
from discovery.query.text import parse
from ui import (
    apis,
    arrays,
    caching,
    described,
    feed,
    home,
    launches,
    launching,
    links,
    listing,
    located,
    made,
    naming,
    negotiation,
    numbers,
    opening,
    record,
    sources,
    text,
)
from ui.documents import Documents
from ui.gate import Gate, visit
from ui.rendering import HEADERS, Renderer, answer, redirect
from ui.routing import page_route, wants_json

SUGGESTIONS = 8
_DIGITS = 18
_DOCUMENTS = ("/records/", "/catalogue", "/sitemap")
"""What the paths begin with whose answers hang on `Accept`."""

_REFUSED: Final = {400: "A parameter cannot be as it is.", 410: "The page began in an index that has gone."}
_FORMS: Final = ("html", "json", "atom")
"""What `f` calls the forms of a search."""


def router(portal: Portal, renderer: Renderer, gate: Gate) -> APIRouter:
    """Return the routes of the pages: `/`, `/search`, `/records/{id}`, `/records`, `/open`, `/suggest` and `/api`.

    Errors of these routes become pages, or JSON by `f=json`; the handlers of the application stay as they are.

    Args:
        portal: What is asked.
        renderer: What turns contexts into pages.
        gate: What says who asks.
    """
    routes = _Pages(portal, renderer)
    route = page_route(renderer, gate, for_programs=_is_for_programs, negotiated=_DOCUMENTS)
    made = APIRouter(route_class=route, redirect_slashes=False)
    for path, endpoint in (
        ("/", routes.home),
        ("/records", routes.find),
        (links.OPEN, routes.open),
        (links.NOTEBOOK, routes.notebook),
        (located.PATH, routes.located),
        (apis.PATH, routes.apis),
    ):
        made.add_api_route(path, endpoint, methods=["GET", "HEAD"], response_model=None, include_in_schema=False)
    form_of_it = described.query(links.FORMAT, "`json` or `atom` instead of a page.", _FORMS)
    forms = [each.media_type for each in (negotiation.HTML, negotiation.JSON)]
    described.add(
        made,
        "/search",
        routes.search,
        "Records that match, with their facets",
        [*forms, feed.MEDIA_TYPE],
        parameters=[form_of_it, *described.searched()],
        errors=_REFUSED,
    )
    begun = [described.query("q", "What was typed so far.")]
    described.add(made, "/suggest", routes.suggest, "What begins as typed", forms[1:], parameters=begun)
    routes.documents.routes(made, routes.record, routes.changes)
    return made


class _Pages:
    """One method a route, each from request to answer."""

    def __init__(self, portal: Portal, renderer: Renderer) -> None:
        self._portal = portal
        self._renderer = renderer
        self.documents = Documents(portal, renderer)

    def home(self, _request: Request) -> Response:
        running = launching.running(self._portal.launching.of(visit.get().who, running=True))
        context = home.home_page(self._portal, self._renderer.site(), sources.read(self._portal), running)
        return self._renderer.page("home.html", context)

    def search(self, request: Request) -> Response:
        given = request.query_params.multi_items()
        canonical = _canonical(given)
        if canonical:
            return redirect(canonical)
        wanted = request.query_params.get(links.FORMAT) or _FORMS[0]
        if wanted not in _FORMS:
            raise UnknownFieldError(wanted, _FORMS, what="format", parameter=links.FORMAT)
        if wanted == "atom":
            return self.documents.search(request, given)
        asked = listing.request(given, self._portal.resolve)
        page = self._portal.search(asked.query, elsewhere=True, beside=listing.beside(asked.query))
        known = sources.read(self._portal)
        if wants_json(request):
            places = naming.places(self._portal, asked.query)
            return answer(_page_json(asked, page, known) | {"places": naming.places_json(places, asked.pairs)})
        here = links.search(asked.pairs)
        first = links.search(each for each in links.question(asked.pairs) if each[0] != "after")
        site = self._renderer.site(q=asked.query.text, json=links.as_json(here), feed=links.as_atom(first))
        return self._renderer.page("search.html", listing.search_page(self._portal, asked, page, site, known))

    def record(self, request: Request, id: str) -> Response:
        form_of_it = negotiation.choose(request, negotiation.RECORD)
        if form_of_it is not negotiation.HTML:
            return self.documents.record(request, id, form_of_it)
        try:
            view = self._portal.view(id)
        except UnavailableError:
            # The record itself comes from the store; only the numbers beside it need the engine.
            view = View(self._portal.record(id), also_at=self._portal.also_at(id))
        site = self._renderer.site(json=links.as_json(links.record(id)))
        known = sources.read(self._portal)
        found = self._portal.opening_of(view.record)
        reason = None if found.is_openable else self._portal.locations.of(view.record).reason
        ways = opening.ways(found, reason, runs=self._portal.launching.zones.run)
        published = self.documents.published(request, view.stored, known)
        around = made.around(self._portal, view.record, visit.get().who, way_in=links.way_in(links.record(id)))
        context = replace(
            record.record_page(view, site, known),
            ways=ways,
            published=published,
            made=around,
            similar=record.similar(self._portal.leads(view.record)),
            inside=arrays.inside(self._portal, view.record),
        )
        return self.documents.signed(request, view.record, self._renderer.page("record.html", context))

    def located(self, request: Request) -> Response:
        """Return how many records of each source can be opened, or why not."""
        counted = self._portal.locations.counted()
        if wants_json(request):
            return answer(located.page_json(counted))
        site = self._renderer.site(json=links.as_json(located.PATH))
        return self._renderer.page("located.html", located.page(counted, site, sources.read(self._portal)))

    def find(self, request: Request) -> Response:
        found = self._portal.record(_by_source(request))
        url = links.record(found.record.id)
        return redirect(links.as_json(url) if wants_json(request) else url)

    def open(self, request: Request) -> Response:
        """Return the ways to open a record; one that is named as its source names it is sent to its own address."""
        if (found_by_name := launches.pointed(self._portal, self._renderer, request)) is not None:
            return found_by_name
        id = request.query_params.get("id", "")
        url = links.opening(id)
        try:
            if not id:
                url = links.opening(self._portal.record(_by_source(request)).record.id)
                return redirect(links.as_json(url) if wants_json(request) else url)
            found = self._portal.opening(id)
        except MovedError as moved:
            url = links.opening(moved.id)
            return redirect(links.as_json(url) if wants_json(request) else url, status=301)
        if wants_json(request):
            return answer(opening.open_json(found))
        site = self._renderer.site(json=links.as_json(url))
        base = str(request.base_url).rstrip("/")
        return self._renderer.page("open.html", opening.open_page(found, site, sources.read(self._portal), base))

    def notebook(self, request: Request) -> Response:
        """Return the notebook as a file to download."""
        given = request.query_params
        chosen = notebook.Choice(*(given.get(name, "") for name in ("file", "volume", "datalab")))
        try:
            found = self._portal.opening(given.get("id") or _by_source(request))
        except MovedError as moved:
            kept = {name: given[name] for name in ("file", "volume", "datalab") if name in given}
            return redirect(links.notebook(moved.id, **kept), status=301)
        site = Site(self._renderer.title, str(request.base_url).rstrip("/"))
        made = notebooks.for_records(self._portal, [found], site, choice=chosen)
        headers = {**HEADERS, "Content-Disposition": f'attachment; filename="{made.name}"'}
        return Response(made.content, headers=headers, media_type=notebook.MEDIA_TYPE)

    def changes(self, request: Request) -> Response:
        """Return the feed of what has changed, newest first."""
        scope = request.query_params.get("scope", RESOURCES)
        if scope not in SCOPES:
            raise BadQueryError(f"scope {scope[:80]!r} is not one of {', '.join(SCOPES)}", parameter="scope")
        given = request.query_params.get("before")
        if given is not None and not (given.isdecimal() and len(given) < _DIGITS):
            raise BadQueryError("before is not the number of a change", parameter="before")
        before = None if given is None else int(given)
        happenings = self._portal.store.history.newest(scope, feed.SIZE, before)
        tag = f'"{happenings[0].change if happenings else 0}"'
        if conditions.has(request, tag):
            return caching.answer(request, b"", feed.MEDIA_TYPE, etag=tag)
        site = str(request.base_url).rstrip("/")
        body = feed.feed(self._renderer.title, site, scope, happenings, before)
        return caching.answer(request, body, feed.MEDIA_TYPE, etag=tag)

    def apis(self, request: Request) -> Response:
        """Return the page for programs."""
        base = str(request.base_url).rstrip("/")
        return self._renderer.page("apis.html", apis.apis_page(self._renderer.site(), base))

    def suggest(self, request: Request) -> Response:
        found = self._portal.suggest(request.query_params.get("q", ""), SUGGESTIONS)
        return answer({"suggestions": [naming.suggestion(each) for each in found]})


def _by_source(request: Request) -> str:
    """Return the id of the record that a request names by the source's own id.

    Raises:
        BadQueryError: It does not.
    """
    source, container, source_id = (request.query_params.get(name) for name in ("source", "container", "source_id"))
    if source is None or source_id is None:
        raise BadQueryError(
            "source and source_id name a record, with its container where it has one",
            parameter="source" if source is None else "source_id",
        )
    return record_id(source, container or "", source_id)


def _is_for_programs(request: Request, path: str) -> bool:
    """Say whether a program reads the errors of a route; those of documents are in the form that was asked for."""
    if path == "/suggest" or wants_json(request) or request.query_params.get(links.FORMAT) == "atom":
        return True
    return path.startswith(_DOCUMENTS) and not negotiation.wants_page(request)


def _canonical(given: list[tuple[str, str]]) -> str:
    """Return the URL that a form without scripts should have asked for, empty where it has.

    A form sends its empty fields too, and the ends of a time or a range apart.
    """
    ends = {name.partition(".")[2] for name, _ in given if name.startswith((links.LOW, links.HIGH))}
    apart = {"from", "to", *(f"{side}{name}" for name in ends for side in (links.LOW, links.HIGH))}
    if all(value.strip() and name not in apart for name, value in given):
        return ""
    single = dict(given)
    start, end = single.get("from", "").strip(), single.get("to", "").strip()
    kept = [(name, value) for name, value in given if value.strip() and name not in apart]
    for name in sorted(ends):
        low, high = (single.get(f"{side}{name}", "").strip() for side in (links.LOW, links.HIGH))
        kept = [each for each in kept if each[0] != f"{form.RANGE}{name}"]
        if low or high:
            kept.append((f"{form.RANGE}{name}", f"{low}..{high}"))
    if start or end:
        kept = [each for each in kept if each[0] != "time"]
        kept.append(("time", start if start == end else f"{start or '..'}/{end or '..'}"))
    return links.search(kept)


def _page_json(asked: listing.Request, page: Page, known: sources.Sources) -> dict[str, Any]:
    here = asked.query.scope == OBSERVATIONS
    observations = page.total if here else page.elsewhere
    return {
        "total": _total(page.total),
        "records": [
            {
                **record_json(each.record),
                "url": links.record(each.record.id),
                "score": each.score,
                **_highlight(asked, page, each.record),
            }
            for each in page.records
        ],
        "facets": [_facet(each) for each in listing.boxes(page.facets, known)],
        "numbers": [numbers.as_json(each) for each in page.numbers],
        "interval": page.interval,
        "histogram": [{"start": each.start, "count": each.count} for each in page.bins],
        "approximate": page.approximate,
        "heat": _heat(page.heat) if page.heat else None,
        "next": links.as_json(links.page(asked.pairs, page.next)) if page.next else None,
        "understood": understanding.to_dict(page.understood) if page.understood else None,
        "observations": _total(observations) if observations else None,
        "observed": {each.name: _facet(each) for each in listing.boxes(page.beside, known)} if page.beside else None,
    }


def _heat(heat: HeatMap) -> dict[str, Any]:
    return {
        "frame": heat.frame,
        "order": heat.order,
        "total": heat.total,
        "exact": heat.exact,
        "cells": [{"cell": f"{heat.frame}/{heat.order}/{number}", "count": count} for number, count in heat.cells],
    }


def _highlight(asked: listing.Request, page: Page, found: Record) -> dict[str, Any]:
    """Return a record's title and description with the words of the question marked, where that was asked for."""
    if not asked.highlight:
        return {}
    words = parse(page.understood.meant if page.understood else asked.query.text)
    about = marking.marked(text.plain(found.description), words, marking.EXCERPT)
    return {"highlight": {"title": marking.marked(found.title, words), "description": about}}


def _total(total: Total) -> dict[str, Any]:
    return {"value": total.value, "exact": total.exact}


def _facet(facet: Facet) -> dict[str, Any]:
    return {
        "name": facet.name,
        "label": facet.label,
        "exact": facet.exact,
        "other": facet.other,
        "buckets": [
            {"value": each.value, "label": each.label, "count": each.count, "selected": each.selected,
             "path": list(each.path)}
            for each in facet.buckets
        ],
    }  # fmt: skip
