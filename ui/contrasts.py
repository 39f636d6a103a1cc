"""What differs in a space of embeddings: pages of what has changed and what is unusual, and the same for programs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar
from urllib.parse import urlencode

import orjson
from fastapi import APIRouter, Request
from fastapi.responses import Response
from starlette.concurrency import run_in_threadpool

from discovery.embeddings.space import Space
from discovery.errors import BadQueryError
from discovery.hits import Change, Changes, Hit, Outliers
from discovery.model.extent import EARTH
from discovery.portal import Portal
from discovery.similarity import Contrast
from ui import asking, described, links, rows
from ui.contexts import Anchor, Site
from ui.gate import Gate
from ui.rendering import Renderer, answer
from ui.routing import page_route, wants_json
from ui.similar import NARROWING, PATH, TAG, Field, SpaceRow, field, row_of, said, still

_CHANGE: Final = f"{PATH}/{{space}}/change"
_OUTLIERS: Final = f"{PATH}/{{space}}/outliers"
_Found = TypeVar("_Found", Changes, Outliers)


@dataclass(frozen=True, slots=True)
class Pair:
    """A place at two times, as its card says."""

    title: str
    change: str
    earlier: rows.HitCard
    later: rows.HitCard


@dataclass(frozen=True, slots=True)
class Around:
    """What stands around an answer: the space, and what was asked of it."""

    site: Site
    space: SpaceRow
    still: str
    """Why nothing can have changed; empty where something can."""
    numbers: int
    url: str
    pairs: Sequence[tuple[str, str]]
    base: str

    @property
    def narrowing(self) -> tuple[Field, ...]:
        """The fields that narrow rows."""
        return tuple(self.field(name, label) for name, label in NARROWING.items())

    def field(self, name: str, label: str) -> Field:
        """Return a field of the form with what was asked in it."""
        return field(name, label, dict(self.pairs))

    def curl(self, own: dict[str, str]) -> str:
        """Return how a program asks the same."""
        within = {name: value for name, value in self.pairs if name in NARROWING or name.startswith("facet.")}
        body = {**own, **({"within": within} if within else {})}
        data = orjson.dumps(body).decode().replace("'", "'\\''")
        return f"curl '{self.base}{self.url}' -d '{data}'"


@dataclass(frozen=True, slots=True)
class ContrastContext:
    """The page of what differs in a space."""

    site: Site
    around: Around
    ways: rows.Ways
    heading: str
    button: str
    times: tuple[Field, ...]
    choice: str
    """The name of the field that says how is compared."""
    choosing: str
    choices: tuple[tuple[str, str], ...]
    chosen: str
    example: Anchor
    """What to begin with."""
    asked: bool
    question: str
    """What was asked, in words."""
    found: str
    told: str
    pairs: tuple[Pair, ...]
    hits: tuple[rows.HitCard, ...]
    shared: rows.HitCard | None
    """One of them with the record that all of them have; None where they have several."""
    empty: str
    """What is said where nothing was found."""
    map: rows.Spots | None
    curl: str


def router(portal: Portal, renderer: Renderer, gate: Gate) -> APIRouter:
    """Return the routes `/embeddings/{space}/change` and `/embeddings/{space}/outliers`, for people and programs."""
    pages = _Contrasts(portal, renderer)
    made = APIRouter(
        route_class=page_route(renderer, gate, for_programs=_is_for_programs),
        redirect_slashes=False,
    )
    for path, page, posted, told, special in (
        (_CHANGE, pages.change, pages.change_asked, "What differs most between two times", asking.CHANGE),
        (_OUTLIERS, pages.outliers, pages.outliers_asked, "What is farthest from the middle", asking.OUTLIERS),
    ):
        made.add_api_route(path, page, methods=["GET", "HEAD"], response_model=None, include_in_schema=False)
        described.asked(made, path, posted, told, asking.CONTRASTS[special], TAG)
    return made


def _is_for_programs(request: Request, _path: str) -> bool:
    return request.method == "POST" or wants_json(request)


class _Contrasts:
    def __init__(self, portal: Portal, renderer: Renderer) -> None:
        self._portal = portal
        self._renderer = renderer

    def change(self, request: Request, space: str) -> Response:
        pairs = _given(request)
        asked = asking.read_contrast(pairs, self._portal, asking.CHANGE)
        about = self._portal.spaces.get(space)
        found = self._portal.change(space, asked) if asked else None
        if wants_json(request):
            return answer(_changes(_answered(found)))
        if links.FORMAT in dict(pairs):
            raise BadQueryError("changes are given as a page and as json", parameter=links.FORMAT)
        frame = dict(pairs).get("frame", EARTH)
        context = _changed(self._around(request, about, pairs, "change"), asked, found, frame)
        return self._renderer.page("contrast.html", context)

    def outliers(self, request: Request, space: str) -> Response:
        pairs = _given(request)
        asked = asking.read_contrast(pairs, self._portal, asking.OUTLIERS)
        about = self._portal.spaces.get(space)
        found = self._portal.outliers(space, asked) if asked else None
        if wants_json(request):
            return answer(_outliers(_answered(found)))
        if form := dict(pairs).get(links.FORMAT, ""):
            return rows.file(_answered(found).hits, form, request, f"{space}-outliers")
        frame = dict(pairs).get("frame", EARTH)
        context = _unusual(self._around(request, about, pairs, "outliers"), asked, found, frame)
        return self._renderer.page("contrast.html", context)

    async def change_asked(self, request: Request, space: str) -> Response:
        """Answer which places differ most between two times, as JSON."""
        body = await asking.body_of(request)

        def found() -> dict[str, Any]:
            return _changes(self._portal.change(space, asking.contrast(body, self._portal, asking.CHANGE)))

        return answer(await run_in_threadpool(found))

    async def outliers_asked(self, request: Request, space: str) -> Response:
        """Answer which rows are farthest from the middle, as JSON."""
        body = await asking.body_of(request)

        def found() -> dict[str, Any]:
            return _outliers(self._portal.outliers(space, asking.contrast(body, self._portal, asking.OUTLIERS)))

        return answer(await run_in_threadpool(found))

    def _around(self, request: Request, space: Space, pairs: list[tuple[str, str]], what: str) -> Around:
        url = f"{PATH}/{space.name}/{what}"
        here = f"{url}?{urlencode(pairs)}" if pairs else url
        site = self._renderer.site(json=links.as_json(here) if pairs else "")
        base = str(request.base_url).rstrip("/")
        row = row_of(self._portal, space)
        return Around(site, row, still(self._portal, space.name), space.dimensions, url, pairs, base)


def _given(request: Request) -> list[tuple[str, str]]:
    return [(name, value.strip()) for name, value in request.query_params.multi_items() if value.strip()]


def _answered(found: _Found | None) -> _Found:
    """Return an answer that there is.

    Raises:
        BadQueryError: Nothing was asked.
    """
    if found is None:
        raise BadQueryError("nothing is asked: give at least one parameter", parameter=links.FORMAT)
    return found


def _changes(found: Changes) -> dict[str, Any]:
    return rows.leading(found.to_dict(), _both(found))


def _outliers(found: Outliers) -> dict[str, Any]:
    return rows.leading(found.to_dict(), found.hits)


def _both(found: Changes | None) -> list[Hit]:
    return [hit for each in (found.changes if found else ()) for hit in (each.earlier, each.later)]


def _changed(around: Around, asked: Contrast | None, found: Changes | None, frame: str) -> ContrastContext:
    own = {name: value for name, value in around.pairs if name in asking.CHANGE}
    by = asked.by if asked else "place"
    return ContrastContext(
        site=around.site,
        around=around,
        ways=rows.ways(_both(found), around.url, around.pairs, files=False),
        heading="What changed",
        button="Find what changed",
        times=(around.field("earlier", "Earlier"), around.field("later", "Later")),
        choice="by",
        choosing="A place is",
        choices=(("place", "Where it is"), ("id", "What its file calls it")),
        chosen=by,
        example=Anchor("see what changed most between the first and the last time", f"{around.url}?by=place"),
        asked=found is not None,
        question=_question(around, f"a place is {'what its file calls it' if by == 'id' else 'where it is'}"),
        found=f"{len(found.changes) if found else 0} most changed",
        told=f"{found.compared:,} places compared in {found.elapsed_ms:.0f} ms" if found else "",
        pairs=tuple(_pair(around.space.name, each) for each in found.changes) if found else (),
        hits=(),
        shared=None,
        empty="No place is there at two times. Widen the place or the times, or ask by the other kind of place.",
        map=rows.spots([each.later for each in found.changes], frame) if found else None,
        curl=around.curl(own or {"by": "place"}),
    )


def _unusual(around: Around, asked: Contrast | None, found: Outliers | None, frame: str) -> ContrastContext:
    hits = found.hits if found else ()
    cards, shared = rows.gathered([rows.card(around.space.name, each, f"Away {each.score:.4f}") for each in hits])
    own = {name: value for name, value in around.pairs if name in asking.OUTLIERS}
    of = asked.of if asked else "all"
    return ContrastContext(
        site=around.site,
        around=around,
        ways=rows.ways(hits, around.url, around.pairs),
        heading="What is unusual",
        button="Find what is unusual",
        times=(),
        choice="of",
        choosing="Far from the middle of",
        choices=(("all", "All rows"), ("list", "Rows that are alike")),
        chosen=of,
        example=Anchor("see what is least like all others", f"{around.url}?of=all"),
        asked=found is not None,
        question=_question(around, f"far from the middle of {'rows that are alike' if of == 'list' else 'all rows'}"),
        found=f"{len(hits)} most unusual",
        told=f"{found.compared:,} rows compared in {found.elapsed_ms:.0f} ms" if found else "",
        pairs=(),
        hits=cards,
        shared=shared,
        empty="No row is in there. Widen the place or the time.",
        map=rows.spots(hits, frame),
        curl=around.curl(own or {"of": "all"}),
    )


def _question(around: Around, choice: str) -> str:
    """Return what was asked in words, for whoever does not see the form."""
    return ", ".join(filter(None, (choice, said(around.pairs, {"earlier": "earlier", "later": "later"}))))


def _pair(space: str, each: Change) -> Pair:
    names = dict.fromkeys(rows.title(hit) for hit in (each.earlier, each.later))
    earlier, later = (rows.card(space, hit, "") for hit in (each.earlier, each.later))
    return Pair(" → ".join(names), f"{each.change:.4f}", earlier, later)
