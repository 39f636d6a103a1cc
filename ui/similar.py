"""Similar by embeddings: the spaces, a page that finds in one, and the same for programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import Response
from starlette.concurrency import run_in_threadpool

from discovery.embeddings.space import Space
from discovery.errors import BadQueryError, ConfigError, MovedError, NotFoundError, UnavailableError
from discovery.hits import Hit, Hits
from discovery.model.extent import EARTH
from discovery.portal import Portal
from discovery.similarity import Question
from ui import asking, described, links, rows, text, wording
from ui.contexts import Anchor, Site
from ui.gate import Gate
from ui.rendering import Renderer, answer
from ui.routing import page_route, wants_json

PATH: Final = links.SPACES
NARROWING: Final = {"bbox": "Box", "cone": "Circle", "near": "Near", "time": "Time", "filter": "Records' filter"}
"""The fields that narrow rows, with what people read."""
_HINTS: Final = {
    "bbox": "west,south,east,north",
    "cone": "lon,lat,radius in degrees",
    "near": "name of a place",
    "time": "2022-01-01/2022-12-31",
    "filter": "cloud_cover < 20",
    "earlier": "2020-01-01/2020-12-31",
    "later": "2024-01-01/..",
}
"""How each is written."""
TAG: Final = "embeddings"
"""What the OpenAPI description calls all of this."""
_PARAMETERS: Final = {
    "row": "A row to look for others like it, counted from 0; several count together.",
    "id": "The same by its name in the files.",
    "unlike": "A row that the hits shall be unlike.",
    "here": "west,south,east,north: the row in the middle is the example.",
    "size": "How many hits.",
    "mode": "fast, balanced or exact.",
    **{name: f"{label}: {_HINTS[name]}." for name, label in NARROWING.items()},
}
Field = tuple[str, str, str, str]
"""Name, label, value and hint of a field of a form."""
_ASKED: Final = {"row": "like row", "id": "like", "here": "like what is in", "unlike": "unlike row", "mode": ""}
"""What else is asked, with what people read before it."""


@dataclass(frozen=True, slots=True)
class SpaceRow:
    """A space in the list."""

    name: str
    url: str
    vectors: str
    model: str
    record: Anchor | None
    recall: str


@dataclass(frozen=True, slots=True)
class SpacesContext:
    """The page of all spaces."""

    site: Site
    spaces: tuple[SpaceRow, ...]


@dataclass(frozen=True, slots=True)
class SpaceContext:
    """The page of one space, with what was found if something was asked."""

    site: Site
    space: SpaceRow
    numbers: int
    example: str
    """A row to begin with."""
    row: str
    id: str
    unlike: str
    here: str
    question: str
    """What was asked, in words."""
    still: str
    """Why nothing can have changed; empty where something can."""
    narrowing: tuple[Field, ...]
    mode: str
    modes: tuple[tuple[str, str], ...]
    asked: bool
    hits: tuple[rows.HitCard, ...]
    shared: rows.HitCard | None
    """One of them with the record that all of them have; None where they have several."""
    map: rows.Spots | None
    told: str
    warnings: tuple[str, ...]
    curl: str
    ways: rows.Ways
    """What can be done with all of them."""


def router(portal: Portal, renderer: Renderer, gate: Gate) -> APIRouter:
    """Return the routes `/embeddings`, `/embeddings/{space}`, and those that programs send questions to."""
    pages = _Similar(portal, renderer)
    made = APIRouter(
        route_class=page_route(renderer, gate, for_programs=_is_for_programs),
        redirect_slashes=False,
    )
    forms, chosen = ("text/html", "application/json"), described.query(links.FORMAT, "`json` instead of a page.")
    missing = {404: "There is no such space."}
    described.add(made, PATH, pages.spaces, "The spaces of embeddings", forms, parameters=[chosen], tag=TAG)
    here = f"{PATH}/{{space}}"
    asked = [described.query(name, told) for name, told in _PARAMETERS.items()]
    told = "A space of embeddings, and what is like something in it"
    described.add(made, here, pages.space, told, forms, parameters=[*asked, chosen], errors=missing, tag=TAG)
    described.asked(made, f"{here}/similar", pages.similar, "What is like something", asking.QUESTION, TAG)
    return made


def _is_for_programs(request: Request, path: str) -> bool:
    return path.endswith("/similar") or wants_json(request)


class _Similar:
    def __init__(self, portal: Portal, renderer: Renderer) -> None:
        self._portal = portal
        self._renderer = renderer

    def spaces(self, request: Request) -> Response:
        found = [self._portal.spaces.get(name) for name in self._portal.spaces.names()]
        if wants_json(request):
            return answer({"spaces": [about(each) for each in found]})
        site = self._renderer.site(json=links.as_json(PATH))
        return self._renderer.page(
            "spaces.html", SpacesContext(site, tuple(row_of(self._portal, each) for each in found))
        )

    def space(self, request: Request, space: str) -> Response:
        given = [(name, value.strip()) for name, value in request.query_params.multi_items() if value.strip()]
        question = asking.read(given, self._portal)
        found = self._portal.similar(space, question) if question else None
        about_it = self._portal.spaces.get(space)
        if wants_json(request):
            return answer(_json(found) if found else about(about_it))
        form_of_it = dict(given).get(links.FORMAT, "")
        if form_of_it and found is None:
            raise BadQueryError("say what to look for: a row, an id or a place", parameter=links.FORMAT)
        if form_of_it and found is not None:
            return rows.file(found.hits, form_of_it, request, space)
        here = f"{PATH}/{space}" + (f"?{urlencode(given)}" if given else "")
        site = self._renderer.site(json=links.as_json(here))
        context = self._page(about_it, given, found, site, str(request.base_url).rstrip("/"))
        return self._renderer.page("space.html", context)

    async def similar(self, request: Request, space: str) -> Response:
        """Answer a question in the body as JSON, or several."""
        # A large body takes a while to read: that is done beside the loop.
        return answer(await run_in_threadpool(self._similar, space, await asking.body_of(request)))

    def _similar(self, space: str, body: bytes) -> dict[str, Any]:
        asked = asking.from_body(body, self._portal)
        if isinstance(asked, Question):
            return _json(self._portal.similar(space, asked))
        return {"answers": [_json(each) for each in self._portal.similar_batch(space, asked)]}

    def _page(
        self, space: Space, pairs: list[tuple[str, str]], found: Hits | None, site: Site, base: str
    ) -> SpaceContext:
        given = dict(pairs)
        row = given.get("row", "")
        hits: tuple[Hit, ...] = found.hits if found else ()
        cards, shared = rows.gathered([rows.card(space.name, each, f"Score {each.score:.4f}") for each in hits])
        return SpaceContext(
            site=site,
            space=row_of(self._portal, space),
            numbers=space.dimensions,
            example=f"{PATH}/{space.name}?row=0",
            row=row,
            id=given.get("id", ""),
            unlike=given.get("unlike", ""),
            here=given.get("here", ""),
            question=said(pairs, _ASKED),
            still=still(self._portal, space.name),
            narrowing=tuple(field(name, label, given) for name, label in NARROWING.items()),
            mode=given.get("mode", "balanced"),
            modes=tuple((each, each.capitalize()) for each in asking.MODES),
            asked=found is not None,
            hits=cards,
            shared=shared,
            map=rows.spots(hits, given.get("frame", EARTH)),
            told=_told(found) if found else "",
            warnings=found.warnings if found else (),
            curl=f"curl '{base}{PATH}/{space.name}/similar' -d '{{\"like\": {{\"rows\": [{row or 0}]}}}}'",
            ways=rows.ways(hits, f"{PATH}/{space.name}", pairs),
        )


def row_of(portal: Portal, space: Space) -> SpaceRow:
    """Return a space as lists and pages name it, with the record that it belongs to."""
    parent = None
    if space.record:
        try:
            record = portal.record(space.record).record
            parent = Anchor(record.title, links.record(record.id))
        except MovedError as moved:
            parent = Anchor("another record", links.record(moved.id))
        except NotFoundError:
            parent = None
    least = min((each.value for each in space.measured if each.mode == "balanced"), default=None)
    return SpaceRow(
        space.name,
        f"{PATH}/{space.name}",
        f"{space.live:,}",
        " ".join(filter(None, (space.model.name, space.model.version))),
        parent,
        "" if least is None else f"{least:.3f}",
    )


def field(name: str, label: str, given: Mapping[str, str]) -> Field:
    """Return a field of a form with what was asked in it, and how that is written."""
    return (name, label, given.get(name, ""), _HINTS[name])


def said(pairs: Sequence[tuple[str, str]], known: Mapping[str, str]) -> str:
    """Return what was asked in words, for whoever does not see the form.

    Args:
        pairs: The parameters.
        known: What is said before each that is special to the page.
    """
    labels = {**known, **{name: label.lower() for name, label in NARROWING.items()}}
    found = [f"{labels[name]} {text.shown(value, 60)}".strip() for name, value in pairs if name in labels]
    return ", ".join(found)


def still(portal: Portal, name: str) -> str:
    """Return why nothing can have changed in a space: its rows are of one time, or of none. Empty where it can."""
    try:
        ends = portal.times(name)
    except (ConfigError, UnavailableError):
        # Whoever asks for its rows is told what is wrong with it.
        return ""
    if ends is None:
        return "none of its rows has a time"
    return f"all its rows are of {wording.day(ends[0])}" if ends[0] == ends[1] else ""


def about(space: Space) -> dict[str, Any]:
    """Return what programs are told of a space; where its files are is the operator's."""
    return {
        "name": space.name,
        "url": f"{PATH}/{space.name}",
        "vectors": space.live,
        "dimensions": space.dimensions,
        "metric": space.metric,
        "model": {"name": space.model.name, "version": space.model.version, "preprocessing": space.model.preprocessing},
        "record": space.record or None,
        "recall": [
            {"narrowed": each.kind, "mode": each.mode, "k": each.k, "value": each.value, "queries": each.queries}
            for each in space.measured
        ],
    }


def _json(found: Hits) -> dict[str, Any]:
    return rows.leading(found.to_dict(), found.hits)


def _told(found: Hits) -> str:
    how = "every row compared" if found.exact else f"recall {found.recall:.3f} as measured"
    return f"{found.eligible:,} rows looked at in {found.elapsed_ms:.0f} ms, {how}"
