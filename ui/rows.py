"""Rows of embeddings as pages show them: a card for each, all of them on a map, and where their records lead to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, Final
from urllib.parse import urlencode

from fastapi import Request
from fastapi.responses import Response

from discovery.exports import hits as exported
from discovery.hits import Hit, records
from discovery.launch.resolver import Place
from discovery.model.extent import EARTH, SKY, Extent
from discovery.selection import MAX_IDS, Selection
from discovery.selection import PATH as SELECTION
from ui import drawing, links, text, wording
from ui.contexts import Anchor
from ui.drawing import Box
from ui.rendering import HEADERS
from ui.selection import NOTEBOOK

_PLACES: Final = 2
"""Places of a record that a card shows."""
_BOXES: Final = 24
"""Footprints that a map draws; the others are dots alone."""
_NEAR: Final = 60.0
"""Degrees within which everything must lie to be drawn from near."""
_LEAST: Final = 0.02
"""Degrees that a map from near is wide at least."""
_STEPS: Final = (30.0, 10.0, 5.0, 2.0, 1.0, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002)
_DOT: Final = 0.008
"""How large a dot is, of the map's width."""
_LAND: Final = 5.0
"""Degrees below which our coarse coasts would be where there are none."""
_LABELLED: Final = 5
"""Lines of the coordinates each way that are labelled; of more, every second one."""
_EDGE: Final = 14.0
"""Units of a drawing within which of an edge no label stands."""


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


@dataclass(frozen=True, slots=True)
class Dot:
    """The middle of a row's footprint."""

    x: float
    y: float
    title: str


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the coordinates."""

    x1: float
    y1: float
    x2: float
    y2: float


@dataclass(frozen=True, slots=True)
class Label:
    """What a line of the coordinates is called."""

    at: float
    """Where it ends at the edge of a drawing of 360 by 180 units."""
    text: str


@dataclass(frozen=True, slots=True)
class Spots:
    """Rows on a map of 360 by 180 units, or on the part of it where all of them lie."""

    frame: str
    view: str
    """What is seen: x, y, width and height."""
    near: bool
    """Whether that is only a part."""
    x: float
    y: float
    width: float
    height: float
    size: float
    """The radius of a dot."""
    dots: tuple[Dot, ...]
    boxes: tuple[Box, ...]
    """Footprints of the records."""
    grid: tuple[Line, ...]
    label: str
    across: tuple[Label, ...] = ()
    """The longitudes or right ascensions of the lines that go down."""
    up: tuple[Label, ...] = ()
    """The latitudes or declinations of the lines that go across."""
    world: drawing.Map | None = None
    """Where on the Earth the map lies; None where it shows all of it, or what is not the Earth."""

    @property
    def earth(self) -> bool:
        """Whether land is drawn under it."""
        return self.frame == EARTH and self.width >= _LAND


@dataclass(frozen=True, slots=True)
class Ways:
    """What can be done with all rows of an answer; empty addresses where that has no record."""

    selection: str
    notebook: str
    exports: tuple[Anchor, ...]


def card(space: str, hit: Hit, said: str) -> HitCard:
    """Return the card of a row.

    Args:
        space: That it is of.
        hit: The row.
        said: How near or far it is, in words; empty for nothing.
    """
    facts = [] if hit.id in ("", str(hit.row)) or _is_name(hit.id) else [f"called {text.shown(hit.id, 40)} in its file"]
    if hit.start is not None:
        facts.append(wording.day(hit.start))
    if hit.lon is not None and hit.lat is not None:
        facts.append(f"{hit.lon:.3f}, {hit.lat:.3f}")
    if hit.product:
        facts.append(text.shown(hit.product, 120))
    return HitCard(
        row=hit.row,
        title=title(hit),
        score=said,
        record=Anchor(hit.record.title or hit.record.source_id, links.record(hit.record.id)) if hit.record else None,
        facts=tuple(facts),
        similar=links.space(space, hit.row),
        places=tuple(map(_at, hit.places[:_PLACES])),
        nowhere=hit.nowhere,
        launch=hit.launch,
        open=hit.open,
    )


def title(hit: Hit) -> str:
    """Return what a row is called: by its file where that is a name, else by its number, as `24` says nothing."""
    return text.shown(hit.id, 120) if _is_name(hit.id) else f"Row {hit.row}"


def _is_name(id: str) -> bool:
    return any(each.isalpha() for each in id)


def gathered(cards: Sequence[HitCard]) -> tuple[tuple[HitCard, ...], HitCard | None]:
    """Return cards without the record that all of them have, and one of them with it, to be said once.

    The second is None where they have several, or there is one card alone.
    """
    first = cards[0] if len(cards) > 1 else None
    if first is None or first.record is None or any(each.record != first.record for each in cards):
        return tuple(cards), None
    bare = [replace(each, record=None, places=(), nowhere="", launch="", open="") for each in cards]
    return tuple(bare), first


def spots(hits: Sequence[Hit], frame: str = EARTH) -> Spots | None:
    """Return where rows are, with the footprints of the scenes that they were made of; None where none has a place."""
    dots = tuple(Dot(*_point(frame, each.lon, each.lat), title(each))
                 for each in hits if each.lon is not None and each.lat is not None)  # fmt: skip
    if not dots:
        return None
    boxes = tuple(islice(_footprints(hits, frame), _BOXES))
    x, y, width = _window(dots, boxes)
    height, near = width / 2, width < 360
    west, east = (180 - x - width, 180 - x) if frame == SKY else (x - 180, x + width - 180)
    seen = drawing.place(Extent(frame=SKY if frame == SKY else EARTH, bbox=(west, 90 - y - height, east, 90 - y)))
    grid = tuple(_grid(x, y, width))
    return Spots(
        frame=frame,
        view=f"{x:g} {y:g} {width:g} {height:g}",
        near=near,
        x=x,
        y=y,
        width=width,
        height=height,
        size=round(width * _DOT, 5),
        dots=dots,
        boxes=boxes,
        grid=grid,
        label=f"Where the rows are; the map shows {seen.label}" if near and seen else "Where the rows are",
        across=tuple(_labels(frame, [each.x1 for each in grid if each.x1 == each.x2], x, width)),
        up=tuple(_labels(frame, [each.y1 for each in grid if each.y1 == each.y2], y, width, up=True)),
        world=seen if near and frame == EARTH else None,
    )


def picked(hits: Sequence[Hit]) -> Selection:
    """Return the records of rows as a selection, which has a notebook; of many the first hundred."""
    return Selection.of_ids(records(hits)[:MAX_IDS])


def leading(told: dict[str, Any], hits: Sequence[Hit]) -> dict[str, Any]:
    """Return an answer as JSON values with the addresses of its records as a selection and as a notebook."""
    found = picked(hits)
    if found.is_empty:
        return {**told, "selection": None, "notebook": None}
    return {**told, "selection": found.address(), "notebook": found.address(f"{SELECTION}{NOTEBOOK}")}


def ways(hits: Sequence[Hit], url: str, pairs: Sequence[tuple[str, str]], *, files: bool = True) -> Ways:
    """Return what can be done with rows.

    Args:
        hits: The rows.
        url: Of the page that shows them.
        pairs: Its parameters.
        files: Whether the page gives them as files, too.
    """
    found = picked(hits)
    return Ways(
        "" if found.is_empty else found.address(),
        "" if found.is_empty else found.address(f"{SELECTION}{NOTEBOOK}"),
        tuple(
            Anchor(label, f"{url}?{urlencode([*pairs, (links.FORMAT, name)])}", name)
            for name, label in exported.LABELS.items()
        )
        if hits and files
        else (),
    )


def file(hits: Sequence[Hit], form: str, request: Request, name: str) -> Response:
    """Return rows as a file of this name.

    Raises:
        UnknownFieldError: There is no such form.
    """
    body = exported.written(hits, form, str(request.base_url).rstrip("/"))
    headers = {**HEADERS, "Content-Disposition": f'attachment; filename="{name}.{form}"'}
    return Response(body, media_type=exported.MEDIA_TYPES[form], headers=headers)


def _at(place: Place) -> Anchor:
    """Return a place as people read it: a path leads to its volume."""
    url = links.record(place.volume) if place.volume else text.web(place.address)
    return Anchor(text.shown(place.address, 120), url, place.kind)


def _point(frame: str, lon: float, lat: float) -> tuple[float, float]:
    # The sky is seen from inside: right ascension grows to the left.
    return round(180 - lon if frame == SKY else lon + 180, 5), round(90 - lat, 5)


def _footprints(hits: Iterable[Hit], frame: str) -> Iterator[Box]:
    """Yield the footprints of the scenes of rows, each once; what a whole space belongs to is not one of them."""
    seen: dict[str, Extent] = {}
    for each in hits:
        if each.record is not None and each.record.kind == "observation" and each.record.extent.frame == frame:
            seen.setdefault(each.record.id, each.record.extent)
    for extent in seen.values():
        if drawn := drawing.place(extent):
            yield from drawn.boxes


def _window(dots: Sequence[Dot], boxes: Sequence[Box]) -> tuple[float, float, float]:
    """Return where the part of the map begins that shows everything, and how wide it is; it is half as high."""
    xs = [each.x for each in dots] + [end for each in boxes for end in (each.x, each.x + each.width)]
    ys = [each.y for each in dots] + [end for each in boxes for end in (each.y, each.y + each.height)]
    width = max(max(xs) - min(xs), 2 * (max(ys) - min(ys)), _LEAST) * 1.25
    if width > _NEAR:
        return 0.0, 0.0, 360.0
    x = min(max((min(xs) + max(xs) - width) / 2, 0.0), 360.0 - width)
    y = min(max((min(ys) + max(ys)) / 2 - width / 4, 0.0), 180.0 - width / 2)
    return round(x, 5), round(y, 5), round(width, 5)


def _grid(x: float, y: float, width: float) -> Iterator[Line]:
    step = next((each for each in _STEPS if each * 4 <= width), _STEPS[-1])
    height = width / 2
    for number in range(int(x // step) + 1, int((x + width) / step) + 1):
        at = round(number * step, 5)
        yield Line(at, y, at, round(y + height, 5))
    for number in range(int(y // step) + 1, int((y + height) / step) + 1):
        at = round(number * step, 5)
        yield Line(x, at, round(x + width, 5), at)


def _labels(frame: str, lines: Sequence[float], begin: float, width: float, *, up: bool = False) -> Iterator[Label]:
    """Yield what lines of the coordinates are called, but for those at the edges, where a text would be cut."""
    far = (180 if up else 360) - _EDGE
    placed = [(line, round((line - begin) * 360 / width, 2)) for line in lines]
    inside = [(line, at) for line, at in placed if _EDGE <= at <= far]
    step = inside[1][0] - inside[0][0] if len(inside) > _LABELLED else 0.0
    for line, at in inside:
        degrees = round(90 - line if up else 180 - line if frame == SKY else line - 180, 5)
        if not step or round(degrees / step) % 2 == 0:
            yield Label(at, _degrees(frame, degrees, up=up))


def _degrees(frame: str, degrees: float, *, up: bool) -> str:
    if frame == SKY:
        return f"{degrees:+g}°" if up else f"{degrees % 360:g}°"
    end = ("NS" if up else "EW")[degrees < 0]
    return f"{abs(degrees):g}°{f' {end}' if degrees else ''}"
