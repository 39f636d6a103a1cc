"""Similar by embeddings: the spaces, a page that finds in one, and the same for programs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final
from urllib.parse import urlencode

import orjson
from fastapi import APIRouter, Request
from fastapi.responses import Response
from starlette.concurrency import run_in_threadpool

from discovery.embeddings.space import Space
from discovery.errors import BadQueryError, LimitError, NotFoundError, UnknownFieldError
from discovery.exports import hits as exported
from discovery.hits import Hit, Hits, records
from discovery.launch.resolver import Place
from discovery.portal import Portal
from discovery.query import form, region, region_text, time
from discovery.query.query import Query, Region
from discovery.selection import MAX_IDS, Selection
from discovery.selection import PATH as SELECTION
from discovery.similarity import MAX_BATCH, Contrast, Examples, Question
from ui import links, text, wording
from ui.contexts import Anchor, Site
from ui.gate import Gate
from ui.rendering import HEADERS, Renderer, answer
from ui.routing import page_route, wants_json
from ui.selection import NOTEBOOK

PATH: Final = links.SPACES
SIZE: Final = 12
MAX_BODY: Final = 4 << 20
"""Bytes of a question; a vector of 8,192 numbers has about 160,000, and 64 of 2,048 about 2,600,000."""
_PLACES: Final = 2
"""Places of a record that a card shows."""
_LIKE: Final = ("rows", "ids", "vectors")
_QUERY: Final = ("like", "unlike", "region", "with_examples")
_SHARED: Final = ("within", "size", "mode")
_CHANGE: Final = ("within", "size", "by", "earlier", "later")
_FAR: Final = ("within", "size", "of")
_BODY: Final = ("queries", *_QUERY, *_SHARED)
_ASKED: Final = ("row", "id", "unlike", "here", "size", "mode", "f")
_NARROWING: Final = (*region_text.SHAPES, "frame", "relation", "time", "filter")


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
class HitCard:
    """A row that was found, as its card says."""

    row: int
    title: str
    score: str
    record: Anchor | None
    facts: tuple[str, ...]
    similar: str
    """URL of what is like it."""
    places: tuple[Anchor, ...] = ()
    """Where its record is; without a URL where it is a path."""
    nowhere: str = ""
    launch: str = ""
    open: str = ""
    x: float | None = None
    y: float | None = None


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
    narrowing: tuple[tuple[str, str, str], ...]
    """Name, label and value of each field that narrows."""
    mode: str
    modes: tuple[tuple[str, str], ...]
    asked: bool
    hits: tuple[HitCard, ...]
    told: str
    warnings: tuple[str, ...]
    earth: bool
    curl: str
    selection: str
    """URL of the records of the hits, to be kept, compared, exported; empty without one."""
    notebook: str
    """URL of the notebook that opens them."""
    exports: tuple[Anchor, ...]


def router(portal: Portal, renderer: Renderer, gate: Gate) -> APIRouter:
    """Return the routes `/embeddings`, `/embeddings/{space}`, and those that programs send questions to."""
    pages = _Similar(portal, renderer)
    made = APIRouter(
        route_class=page_route(renderer, gate, for_programs=_is_for_programs),
        include_in_schema=False,
        redirect_slashes=False,
    )
    made.add_api_route(PATH, pages.spaces, methods=["GET", "HEAD"], response_model=None)
    made.add_api_route(f"{PATH}/{{space}}", pages.space, methods=["GET", "HEAD"], response_model=None)
    made.add_api_route(f"{PATH}/{{space}}/similar", pages.similar, methods=["POST"], response_model=None)
    made.add_api_route(f"{PATH}/{{space}}/change", pages.change, methods=["POST"], response_model=None)
    made.add_api_route(f"{PATH}/{{space}}/outliers", pages.outliers, methods=["POST"], response_model=None)
    return made


def _is_for_programs(request: Request, path: str) -> bool:
    return path.endswith(("/similar", "/change", "/outliers")) or wants_json(request)


class _Similar:
    def __init__(self, portal: Portal, renderer: Renderer) -> None:
        self._portal = portal
        self._renderer = renderer

    def spaces(self, request: Request) -> Response:
        found = [self._portal.spaces.get(name) for name in self._portal.spaces.names()]
        if wants_json(request):
            return answer({"spaces": [about(each) for each in found]})
        site = self._renderer.site(json=links.as_json(PATH))
        return self._renderer.page("spaces.html", SpacesContext(site, tuple(map(self._row, found))))

    def space(self, request: Request, space: str) -> Response:
        given = [(name, value.strip()) for name, value in request.query_params.multi_items() if value.strip()]
        question = read(given, self._portal)
        found = self._portal.similar(space, question) if question else None
        about_it = self._portal.spaces.get(space)
        if wants_json(request):
            return answer(_json(found) if found else about(about_it))
        form_of_it = dict(given).get(links.FORMAT, "")
        if form_of_it:
            return self._file(request, space, found, form_of_it)
        here = f"{PATH}/{space}" + (f"?{urlencode(given)}" if given else "")
        site = self._renderer.site(json=links.as_json(here))
        context = self._page(about_it, given, found, site, str(request.base_url).rstrip("/"))
        return self._renderer.page("space.html", context)

    def _file(self, request: Request, space: str, found: Hits | None, form_of_it: str) -> Response:
        body = exported.written(found.hits if found else (), form_of_it, str(request.base_url).rstrip("/"))
        if found is None:
            raise BadQueryError("say what to look for: a row, an id or a place", parameter=links.FORMAT)
        headers = {**HEADERS, "Content-Disposition": f'attachment; filename="{space}.{form_of_it}"'}
        return Response(body, media_type=exported.MEDIA_TYPES[form_of_it], headers=headers)

    async def similar(self, request: Request, space: str) -> Response:
        """Answer a question in the body as JSON, or several."""
        return await self._answered(request, partial(self._similar, space))

    async def change(self, request: Request, space: str) -> Response:
        """Answer which places differ most between two times."""
        return await self._answered(
            request, lambda body: self._portal.change(space, contrast(body, self._portal, _CHANGE)).to_dict()
        )

    async def outliers(self, request: Request, space: str) -> Response:
        """Answer which rows are farthest from the middle."""
        return await self._answered(
            request, lambda body: self._portal.outliers(space, contrast(body, self._portal, _FAR)).to_dict()
        )

    def _similar(self, space: str, body: bytes) -> dict[str, Any]:
        asked = from_body(body, self._portal)
        if isinstance(asked, Question):
            return _json(self._portal.similar(space, asked))
        return {"answers": [_json(each) for each in self._portal.similar_batch(space, asked)]}

    async def _answered(self, request: Request, of: Callable[[bytes], dict[str, Any]]) -> Response:
        """Return what is made of a body, beside the loop: a large one takes a while to read."""
        return answer(await run_in_threadpool(of, await _body(request)))

    def _row(self, space: Space) -> SpaceRow:
        parent = None
        if space.record:
            try:
                record = self._portal.record(space.record).record
                parent = Anchor(record.title, links.record(record.id))
            except NotFoundError:
                parent = None
        least = min((each.value for each in space.recall if each.mode == "balanced"), default=None)
        return SpaceRow(
            space.name,
            f"{PATH}/{space.name}",
            f"{space.live:,}",
            " ".join(filter(None, (space.model.name, space.model.version))),
            parent,
            "" if least is None else f"{least:.3f}",
        )

    def _page(
        self, space: Space, pairs: list[tuple[str, str]], found: Hits | None, site: Site, base: str
    ) -> SpaceContext:
        given = dict(pairs)
        row = given.get("row", "")
        picked = _picked(found) if found else Selection()
        labels = {"bbox": "Box", "cone": "Circle", "near": "Near", "time": "Time", "filter": "Records' filter"}
        return SpaceContext(
            site=site,
            space=self._row(space),
            numbers=space.dimensions,
            example=f"{PATH}/{space.name}?row=0",
            row=row,
            id=given.get("id", ""),
            unlike=given.get("unlike", ""),
            here=given.get("here", ""),
            narrowing=tuple((name, label, given.get(name, "")) for name, label in labels.items()),
            mode=given.get("mode", "balanced"),
            modes=(("fast", "Fast"), ("balanced", "Balanced"), ("exact", "Exact")),
            asked=found is not None,
            hits=tuple(_card(space, each) for each in found.hits) if found else (),
            told=_told(found) if found else "",
            warnings=found.warnings if found else (),
            earth=given.get("frame", "earth") == "earth",
            curl=f"curl '{base}{PATH}/{space.name}/similar' -d '{{\"like\": {{\"rows\": [{row or 0}]}}}}'",
            selection="" if picked.is_empty else picked.address(),
            notebook="" if picked.is_empty else picked.address(f"{SELECTION}{NOTEBOOK}"),
            exports=tuple(
                Anchor(label, f"{PATH}/{space.name}?{urlencode([*pairs, (links.FORMAT, name)])}", name)
                for name, label in exported.LABELS.items()
            )
            if found and found.hits
            else (),
        )


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
            for each in space.recall
        ],
    }


def read(given: Iterable[tuple[str, str]], portal: Portal) -> Question | None:
    """Return the question of parameters, None where nothing is asked for.

    Raises:
        UnknownFieldError: A parameter is not known.
        BadQueryError: A value cannot be read.
    """
    pairs = list(given)
    for name, _ in pairs:
        if name not in (*_ASKED, *_NARROWING) and not name.startswith(form.FACET):
            raise UnknownFieldError(name, (*_ASKED, *_NARROWING), what="parameter", parameter=name)
    rows = tuple(_number(value, "row") for name, value in pairs if name == "row")
    ids = tuple(value for name, value in pairs if name == "id")
    single = dict(pairs)
    if not rows and not ids and "here" not in single:
        return None
    return Question(
        like=Examples(rows, ids),
        unlike=Examples(tuple(_number(value, "unlike") for name, value in pairs if name == "unlike")),
        region=region.numbers(single["here"], frame=single.get("frame", "earth")) if "here" in single else None,
        within=_within([each for each in pairs if each[0] not in _ASKED], portal),
        size=_number(single["size"], "size") if "size" in single else SIZE,
        mode=single.get("mode", "balanced"),
    )


async def _body(request: Request) -> bytes:
    """Return the body of a request, of which no more than is allowed is held.

    Raises:
        LimitError: It is larger.
    """
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            raise LimitError("similar-body", f"the body has more than {MAX_BODY:,} bytes")
    return bytes(body)


def from_body(body: bytes, portal: Portal) -> Question | tuple[Question, ...]:
    """Return the question of a JSON body, or the several in its `queries`.

    `like` and `unlike` hold `rows`, `ids` and `vectors`; `region` is a box, a circle or GeoJSON; `within` takes the
    parameters of the pages: `bbox`, `cone`, `polygon`, `near`, `frame`, `time`, `filter`, `facet.NAME`.

    Raises:
        UnknownFieldError: A member is not known.
        BadQueryError: The body is no JSON, or a value cannot be read.
    """
    data = _object(body, _BODY)
    queries = data.get("queries")
    if queries is None:
        return _question(data, _shared(data, portal), data)
    if not isinstance(queries, list):
        raise BadQueryError("queries is no list", parameter="queries")
    for name in _QUERY:
        if name in data:
            raise BadQueryError(f"{name} belongs into queries where there are several", parameter=name)
    if len(queries) > MAX_BATCH:
        raise LimitError("similar-batch", f"{len(queries)} queries; at most {MAX_BATCH}", parameter="queries")
    for each in queries:
        _known(each, _QUERY, "queries")
    shared = _shared(data, portal)
    return tuple(_question(each, shared, data) for each in queries)


def contrast(body: bytes, portal: Portal, names: tuple[str, ...]) -> Contrast:
    """Return what a JSON body asks about what differs; `earlier` and `later` are times as pages have them.

    Raises:
        UnknownFieldError: A member is not one of the names.
        BadQueryError: The body is no JSON, or a value cannot be read.
    """
    data = _object(body, names)
    shared = _shared(data, portal)
    given = {name: data[name] for name in ("by", "of", "earlier", "later") if data.get(name) is not None}
    for name, value in given.items():
        if not isinstance(value, str):
            raise BadQueryError(f"{name} is no text", parameter=name)
    asked: dict[str, Any] = dict(given)
    for name in ("earlier", "later"):
        if name in given:
            asked[name] = time.interval(given[name], parameter=name)
    return Contrast(within=shared.within, size=shared.size, **asked)


def _object(body: bytes, names: tuple[str, ...]) -> dict[str, Any]:
    try:
        data = orjson.loads(body or b"{}")
    except orjson.JSONDecodeError as error:
        raise BadQueryError(f"the body is no JSON: {error}", parameter="body") from error
    _known(data, names, "body")
    found: dict[str, Any] = data
    return found


def _shared(data: Mapping[str, Any], portal: Portal, size: int = 10) -> Question:
    """Return a question that looks for nothing yet: which rows, how many and how."""
    within = data.get("within") or {}
    _strings(within, "within")
    size, mode = data.get("size", size), data.get("mode", "balanced")
    if type(size) is not int or not isinstance(mode, str):
        raise BadQueryError("size is a whole number and mode a text", parameter="size")
    return Question(within=_within(list(within.items()), portal), size=size, mode=mode)


def _question(asked: Mapping[str, Any], shared: Question, data: Mapping[str, Any]) -> Question:
    place = asked.get("region")
    frame = (data.get("within") or {}).get("frame", "earth")
    return replace(
        shared,
        like=_examples(asked.get("like") or {}, "like"),
        unlike=_examples(asked.get("unlike") or {}, "unlike"),
        region=None if place is None else _place(place, frame),
        with_examples=asked.get("with_examples") is True,
    )


def _examples(data: Any, where: str) -> Examples:
    _known(data, _LIKE, where)
    rows, ids, vectors = (data.get(name) or [] for name in _LIKE)
    lists = all(isinstance(each, list) for each in (rows, ids, vectors))
    if not lists or not all(type(each) is int for each in rows) or not all(isinstance(each, str) for each in ids):
        raise BadQueryError(f"{where} holds lists: rows of numbers, ids of texts, vectors", parameter=where)
    return Examples(tuple(rows), tuple(ids), tuple(vectors))


def _known(data: Any, names: tuple[str, ...], where: str) -> None:
    if not isinstance(data, dict):
        raise BadQueryError(f"{where} is no object", parameter=where)
    for name in data:
        if name not in names:
            raise UnknownFieldError(name, names, what=f"member of {where}", parameter=name)


def _strings(data: Any, where: str) -> None:
    if not isinstance(data, dict) or not all(isinstance(each, str) for each in data.values()):
        raise BadQueryError(f"{where} is an object of texts, as parameters of pages are", parameter=where)
    for name in data:
        if name not in _NARROWING and not name.startswith(form.FACET):
            raise UnknownFieldError(name, _NARROWING, what=f"member of {where}", parameter=name)


def _within(pairs: list[tuple[str, str]], portal: Portal) -> Query | None:
    return form.parse(pairs, resolver=portal.resolve) if pairs else None


def _place(asked: Any, frame: str) -> Region:
    if isinstance(asked, str | list):
        return region.numbers(asked, frame=frame)
    return region.geojson(asked, frame=frame, parameter="region")


def _number(value: str, parameter: str) -> int:
    if not value.isascii() or not value.isdecimal() or len(value) > 15:
        raise BadQueryError(f"{parameter} = {value[:40]!r} is no whole number", parameter=parameter)
    return int(value)


def _card(space: Space, hit: Hit) -> HitCard:
    title = hit.id or f"Row {hit.row}"
    facts = []
    if hit.start is not None:
        facts.append(wording.day(hit.start))
    if hit.lon is not None and hit.lat is not None:
        facts.append(f"{hit.lon:.3f}, {hit.lat:.3f}")
    if hit.product:
        facts.append(text.shown(hit.product, 120))
    return HitCard(
        row=hit.row,
        title=text.shown(title, 120),
        score=f"{hit.score:.4f}",
        record=Anchor(hit.record.title or hit.record.source_id, links.record(hit.record.id)) if hit.record else None,
        facts=tuple(facts),
        similar=links.space(space.name, hit.row),
        places=tuple(map(_at, hit.places[:_PLACES])),
        nowhere=hit.nowhere,
        launch=hit.launch,
        open=hit.open,
        x=None if hit.lon is None else round(hit.lon + 180, 2),
        y=None if hit.lat is None else round(90 - hit.lat, 2),
    )


def _at(place: Place) -> Anchor:
    """Return a place as people read it: a path leads to its volume."""
    url = links.record(place.volume) if place.volume else text.web(place.address)
    return Anchor(text.shown(place.address, 120), url, place.kind)


def _picked(found: Hits) -> Selection:
    """Return the records of hits as a selection, which has a notebook; of many the first hundred."""
    return Selection.of_ids(records(found.hits)[:MAX_IDS])


def _json(found: Hits) -> dict[str, Any]:
    picked = _picked(found)
    if picked.is_empty:
        return {**found.to_dict(), "selection": None, "notebook": None}
    return {**found.to_dict(), "selection": picked.address(), "notebook": picked.address(f"{SELECTION}{NOTEBOOK}")}


def _told(found: Hits) -> str:
    how = "every row compared" if found.exact else f"recall {found.recall:.3f} as measured"
    return f"{found.eligible:,} rows looked at in {found.elapsed_ms:.0f} ms, {how}"
