"""What is inside the Zarr data of a record: a part of its page, a page of its own, the same as JSON, and a picture."""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass
from html import escape
from types import MappingProxyType
from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import Response

from discovery.arrays import facts
from discovery.arrays.arrays import MAX_SHOWN
from discovery.arrays.facts import Look, Variable
from discovery.errors import MovedError
from discovery.launch.resolver import File
from discovery.model.record import Record
from discovery.portal import Portal
from ui import caching, described, links, text, wording
from ui.contexts import Anchor, Fact, Inside, Site
from ui.gate import Gate
from ui.rendering import HEADERS, Renderer, answer, redirect, sentence
from ui.routing import page_route, wants_json

ASSET: Final = "asset"
VARIABLE: Final = "variable"
_KEEP: Final = "public, max-age=600"
_LINE: Final = 52
"""Characters of a line of words in the place of a picture."""
_PART: Final = re.compile(r"[^/]+/*|/+")
_UNMOUNTED: Final = "The volume that holds it is not mounted on this portal."
_ELSEWHERE: Final = "Open it in a datalab or a notebook instead."
_ADVICE: Final = MappingProxyType(
    dict.fromkeys(facts.STATES, _ELSEWHERE)
    | {
        facts.UNREACHABLE: "Look again in a minute. A portal that is not connected to where the data are cannot look "
        "inside them; open them from a place that is.",
        facts.SLOW: "Look again in a minute, or open it in a datalab near the data.",
        facts.BUSY: "Look again in a minute.",
        facts.MISSING: "The record may be older than its data: see what its source says of them now.",
        facts.REFUSED: "Open it in a notebook with an account of the server's.",
        facts.NO_READER: "Whoever runs this portal can install them; until then, open it in a datalab or a notebook.",
        facts.BROKEN: "Open it in a notebook, which may read it, or ask its provider.",
    }
)
"""What to do for each thing that can come of a look."""
_SVG: Final = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="480" height="{height}" viewBox="0 0 480 {height}" role="img">'
    '<rect width="480" height="{height}" fill="#f1f3f5"/>'
    '<g font-family="sans-serif" font-size="16" fill="#343a40">{lines}</g></svg>'
)


@dataclass(frozen=True, slots=True)
class VariableRow:
    """One array in the table."""

    path: str
    label: str
    dims: str
    chunks: str
    size: str
    dtype: str
    units: str
    range: str
    """From where to where a coordinate goes."""
    url: str
    """The page with its picture; empty where there is none."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A picture with its words."""

    url: str
    alt: str
    caption: str
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Problem:
    """Why one cannot look inside, and what to do."""

    happened: str
    said: str
    """What the server or the reader said, for whoever looks for the cause; empty for nothing."""
    tried: str
    """How often and how long; empty where nobody was asked."""
    advice: str
    again: str
    """Where one looks again; empty where it would be the same."""
    open: str
    """The page with the ways to open the record elsewhere."""


@dataclass(frozen=True, slots=True)
class ArraysContext:
    """The page of one Zarr file of a record."""

    site: Site
    title: str
    record: str
    """The address of the record's page."""
    file: str
    address: tuple[str, ...]
    """Its parts, between which a line may be broken."""
    others: tuple[Anchor, ...]
    """The record's other Zarr files."""
    problem: Problem | None
    """Why it cannot be read; None where it was."""
    shown: Shown | None
    no_picture: str
    """Why there is no picture; empty where there is one."""
    picture_said: str
    """What the server or the reader said of it; empty for nothing."""
    facts: tuple[Fact, ...]
    rows: tuple[VariableRow, ...]
    left: int
    """Arrays that are not in the table."""


def inside(portal: Portal, record: Record) -> Inside | None:
    """Return what the page of a record says of its Zarr data, None where it has none; nothing is asked for it."""
    files = portal.arrays.files(record)
    if not files:
        return None
    first = files[0]
    return Inside(
        title=_title(first),
        url=links.arrays(record.id, first.key),
        picture=links.quicklook(record.id, first.key),
        others=_others(record, files[1:]),
        left=max(0, len(files) - 1 - MAX_SHOWN),
    )


def router(portal: Portal, renderer: Renderer, gate: Gate) -> APIRouter:
    """Return the routes `/records/{id}/arrays` and `/records/{id}/arrays/quicklook`.

    Args:
        portal: What is asked.
        renderer: What turns contexts into pages.
        gate: What says who asks.
    """
    routes = _Routes(portal, renderer)
    made = APIRouter(route_class=page_route(renderer, gate), redirect_slashes=False)
    asked = [described.query(ASSET, "Which of the record's Zarr files, by its key; without it, the first.")]
    asked.append(described.query(VARIABLE, "The path of the array to draw; without it, one is chosen."))
    told = "What is inside the Zarr data of a record"
    form = described.query(links.FORMAT, "`json` instead of a page.", ["json"])
    missing = {404: "There is no such record, or it has no such Zarr data."}
    described.add(
        made,
        links.ARRAYS,
        routes.page,
        told,
        ("text/html", "application/json"),
        parameters=[*asked, form],
        errors=missing,
    )
    missing = {404: "There is no picture; the answer is one of the words that say why.", 503: "Not just now; the same."}
    described.add(
        made,
        links.QUICKLOOK,
        routes.quicklook,
        f"{told}, as a picture",
        ("image/png",),
        parameters=asked,
        errors=missing,
    )
    return made


class _Routes:
    """One method a route."""

    def __init__(self, portal: Portal, renderer: Renderer) -> None:
        self._portal = portal
        self._renderer = renderer

    def page(self, request: Request, id: str) -> Response:
        """Return the page, or the same as JSON; both say in words what could not be read."""
        key, variable = _asked(request)
        try:
            record = self._portal.record(id).record
        except MovedError as moved:
            url = links.arrays(moved.id, key, variable)
            return redirect(links.as_json(url) if wants_json(request) else url, status=301)
        look = self._portal.arrays.look(record, key, variable)
        if wants_json(request):
            return answer(page_json(self._portal, record, key, look))
        site = self._renderer.site(json=links.as_json(links.arrays(id, key, variable)))
        return self._renderer.page("arrays.html", page(self._portal, record, key, look, site))

    def quicklook(self, request: Request, id: str) -> Response:
        """Return the picture as PNG; where there is none, a picture of the words that say why."""
        key, variable = _asked(request)
        try:
            record = self._portal.record(id).record
        except MovedError as moved:
            return redirect(links.quicklook(moved.id, key, variable), status=301)
        look = self._portal.arrays.look(record, key, variable)
        if look.picture is not None:
            return caching.answer(request, look.picture.png, "image/png", keep=_KEEP)
        passing = look.state in facts.PASSING or look.picture_state in facts.PASSING
        headers = {**HEADERS, "Cache-Control": "no-store"} | ({"Retry-After": "60"} if passing else {})
        return Response(words(_happened(look)), 503 if passing else 404, headers, "image/svg+xml")


def page(portal: Portal, record: Record, key: str, look: Look, site: Site) -> ArraysContext:
    """Return what the page shows."""
    files = portal.arrays.files(record)
    file = next(each for each in files if not key or each.key == key)
    found = look.structure
    return ArraysContext(
        site=site,
        title=(record.title or record.source_id)[:200],
        record=links.record(record.id),
        file=_title(file),
        address=tuple(_PART.findall(text.shown(look.address, 300))),
        others=_others(record, [each for each in files if each is not file]),
        problem=None if look.state == facts.READ else _problem(record, file, look),
        shown=_shown(record, file, look),
        no_picture="" if look.picture or look.state != facts.READ else _happened(look),
        picture_said=sentence(look.picture_detail) if look.state == facts.READ else "",
        facts=tuple(_facts(look)),
        rows=tuple(_row(record, file, each) for each in found.variables) if found else (),
        left=found.left if found else 0,
    )


def page_json(portal: Portal, record: Record, key: str, look: Look) -> dict[str, Any]:
    """Return the same as JSON values, with addresses on this portal."""
    files = portal.arrays.files(record)
    file = next(each for each in files if not key or each.key == key)
    out = {"record": record.id, "asset": file.key, "assets": [each.key for each in files]} | look.to_dict()
    if look.picture is not None:
        out["quicklook"]["url"] = links.quicklook(record.id, file.key, look.picture.variable)
    return out


def words(message: str) -> str:
    """Return a picture of a sentence, as SVG, for the place where a picture should be."""
    lines = textwrap.wrap(message, _LINE)[:8] or [""]
    height = 40 + 24 * len(lines)
    told = "".join(f'<text x="20" y="{40 + 24 * number}">{escape(each)}</text>' for number, each in enumerate(lines))
    return _SVG.format(height=height, lines=told)


def _asked(request: Request) -> tuple[str, str]:
    given = request.query_params
    return given.get(ASSET, ""), given.get(VARIABLE, "")


def _title(file: File) -> str:
    return (file.title or file.key or file.name)[:200]


def _others(record: Record, files: Any) -> tuple[Anchor, ...]:
    return tuple(Anchor(_title(each), links.arrays(record.id, each.key)) for each in files[:MAX_SHOWN])


def _shown(record: Record, file: File, look: Look) -> Shown | None:
    found = look.picture
    if found is None:
        return None
    label = f"{found.name or 'The array'}{f', {found.label}' if found.label and found.label != found.name else ''}"
    return Shown(
        url=links.quicklook(record.id, file.key, found.variable),
        alt=found.alt,
        caption=f"{label}: {found.part}. Colours: {found.scale}.",
        width=found.width,
        height=found.height,
    )


def _happened(look: Look) -> str:
    """Return what came of a look that has no picture, in words of ours alone."""
    state = look.picture_state if look.state == facts.READ else look.state
    if state != facts.UNREACHABLE:
        return facts.STATES[state]
    server = text.host(look.address)
    return f"The server {server} does not answer this portal." if server else _UNMOUNTED


def _problem(record: Record, file: File, look: Look) -> Problem:
    asked = f"Asked {'once' if look.requests == 1 else f'{look.requests:,} times'} in {look.seconds:.1f} s."
    return Problem(
        happened=_happened(look),
        said=sentence(look.detail),
        tried=asked if look.requests else "",
        advice=_ADVICE[look.state],
        again=links.arrays(record.id, file.key) if look.state in facts.PASSING else "",
        open=links.opening(record.id),
    )


def _facts(look: Look) -> list[Fact]:
    found = look.structure
    if found is None:
        return []
    told = [
        ("Format", f"Zarr {found.format}{', consolidated metadata' if found.consolidated else ''}"),
        ("Arrays", f"{len(found.variables) + found.left:,}"),
        ("Size", f"{wording.size(found.size)} unpacked" if found.size else ""),
        ("Levels", ", ".join(found.levels)),
        ("Groups", ", ".join(found.groups)),
        ("Read for this page", f"{wording.size(look.fetched)} in {wording.plural(look.requests, 'request')}"),
    ]
    return [Fact(label, (Anchor(value[:1000]),)) for label, value in told if value]


def _row(record: Record, file: File, each: Variable) -> VariableRow:
    dims = " x ".join(f"{name} {length:,}".strip() for name, length in zip(each.dims, each.shape, strict=False))
    chunks = " x ".join(f"{length:,}" for length in each.chunks)
    return VariableRow(
        path=each.path or each.name or "the array",
        label=each.label,
        dims=dims,
        chunks=f"{chunks} ({wording.size(each.chunk_size)})" if chunks else "",
        size=wording.size(each.size),
        dtype=each.dtype,
        units=each.units,
        range=f"{each.low} to {each.high}" if each.low else "",
        url=links.arrays(record.id, file.key, each.path) if each.drawable else "",
    )
