"""Heat maps that the server draws: how many results lie in each cell of the sky, the ground or a body.

The sky is Mollweide's, seen from inside (right ascension grows to the left, 0 h in the middle); the ground and bodies
are plate carrée. Results that lie close together are drawn from near. Numbers only: the template makes the SVG.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt

from discovery.model.extent import EARTH, SKY
from discovery.query import healpix, place
from discovery.query.facets import HeatMap, Place

WIDTH: Final = 360.0
HEIGHT: Final = 180.0
LEVELS: Final = 6
"""Colours, from the fewest to the most."""
_NEAR: Final = 40.0
"""Degrees within which everything must lie to be drawn from near."""
_POLE: Final = 75.0
"""Degrees of latitude beyond which a map of longitudes and latitudes shows nothing from near."""
_STEPS: Final = (30.0, 10.0, 5.0, 2.0, 1.0, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01)
"""Degrees between two lines of the coordinates."""
_ROUND: Final = 2
_Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class HeatCell:
    """One cell that is not empty."""

    path: str
    level: int
    """Its colour, 1 to `LEVELS`."""
    count: int
    label: str
    """Where its middle is."""
    asks: str
    """The `cell` parameter that asks for what is counted in it."""


@dataclass(frozen=True, slots=True)
class Heat:
    """A heat map, in a drawing of 360 by 180 units."""

    frame: str
    cells: tuple[HeatCell, ...]
    grid: tuple[str, ...]
    """Lines of the coordinates."""
    land: tuple[float, float, float, float] | None
    """Where the picture of the land lies: x, y, width, height; None where there is none."""
    oval: bool
    """Whether the whole sky is drawn."""
    least: int
    most: int
    size: str
    """How wide a cell is."""
    label: str
    """The whole in words."""
    fullest: tuple[HeatCell, ...]
    """The cells with the most results, those first."""


@dataclass(frozen=True, slots=True)
class _View:
    """What is seen: everything, or what is near a point of the map."""

    sky: bool
    lon: float = 0.0
    lat: float = 0.0
    scale: float = 1.0
    near: bool = False

    def points(self, lon: _Floats, lat: _Floats) -> tuple[_Floats, _Floats]:
        """Return where points of a frame are drawn; longitudes may go beyond 180 degrees either way."""
        if not self.near:
            return _mollweide(lon, lat) if self.sky else (lon + 180.0, 90.0 - lat)
        if not self.sky:
            return WIDTH / 2 + (lon - self.lon) * self.scale, HEIGHT / 2 - (lat - self.lat) * self.scale
        x, y = _around(lon, lat, self.lon, self.lat)
        return WIDTH / 2 - x * self.scale, HEIGHT / 2 - y * self.scale


def draw(heat: HeatMap, fullest: int = 10) -> Heat | None:
    """Return the drawing of a heat map, None for one without cells.

    Args:
        heat: What was counted.
        fullest: How many of the fullest cells are told in words.
    """
    if not heat.cells:
        return None
    numbers = [number for number, _ in heat.cells]
    counts = [count for _, count in heat.cells]
    view = _view(heat, numbers)
    paths = _paths(heat.order, numbers, view)
    least, most = min(counts), max(counts)
    centres = healpix.centres((4 << 2 * heat.order) + np.array(numbers, dtype=np.int64))
    cells = tuple(
        HeatCell(
            path,
            _level(count, least, most),
            count,
            said(heat.frame, lon, lat),
            place.to_text(Place(heat.frame, heat.order, number)),
        )
        for path, number, count, lon, lat in zip(
            paths, numbers, counts, centres[0].tolist(), centres[1].tolist(), strict=True
        )
    )
    ranked = tuple(sorted(cells, key=lambda each: -each.count))[:fullest]
    return Heat(
        frame=heat.frame,
        cells=cells,
        grid=_grid(view),
        land=_land(view) if heat.frame == EARTH else None,
        oval=view.sky and not view.near,
        least=least,
        most=most,
        size=_width(heat.order),
        label=_told(heat, ranked[0]),
        fullest=ranked,
    )


def said(frame: str, lon: float, lat: float) -> str:
    """Return a position as people write it in a frame."""
    if frame == SKY:
        return f"RA {lon % 360:.1f}°, Dec {lat:+.1f}°"
    lon = (lon + 180) % 360 - 180
    return f"{abs(lon):.1f}° {'W' if lon < 0 else 'E'}, {abs(lat):.1f}° {'S' if lat < 0 else 'N'}"


def _told(heat: HeatMap, fullest: HeatCell) -> str:
    where = "the sky" if heat.frame == SKY else "Earth" if heat.frame == EARTH else heat.frame.capitalize()
    cells = f"{len(heat.cells):,} {'cell' if len(heat.cells) == 1 else 'cells'}"
    results = f"{'' if heat.exact else 'about '}{heat.total:,} {'result' if heat.total == 1 else 'results'}"
    return (
        f"Map of {where}: {results} in {cells} {_width(heat.order)} wide; most, {fullest.count:,}, at {fullest.label}"
    )


def _width(order: int) -> str:
    degrees = math.degrees(math.sqrt(math.pi / 3)) / 2**order
    return f"{degrees:.0f}°" if degrees >= 10 else f"{degrees:.1f}°" if degrees >= 1 else f"{degrees * 60:.0f} arcmin"


def _level(count: int, least: int, most: int) -> int:
    """Return the colour of a count: the same for the same factor, as catalogues hold one here and a million there."""
    if most == least:
        return LEVELS
    return 1 + min(int(LEVELS * math.log(count / least) / math.log(most / least)), LEVELS - 1)


def _view(heat: HeatMap, numbers: list[int]) -> _View:
    sky = heat.frame == SKY
    lon, lat = healpix.centres((4 << 2 * heat.order) + np.array(numbers, dtype=np.int64))
    east, north = np.radians(lon), np.radians(lat)
    middle = np.array([np.cos(north) * np.cos(east), np.cos(north) * np.sin(east), np.sin(north)]).mean(axis=1)
    if float(np.linalg.norm(middle)) < 0.5:
        return _View(sky)
    at = math.degrees(math.atan2(middle[1], middle[0]))
    up = math.degrees(math.atan2(middle[2], math.hypot(middle[0], middle[1])))
    reach = float(healpix.separation(lon, lat, at, up).max()) + 90.0 / 2**heat.order
    if reach > _NEAR or (not sky and abs(up) + reach > _POLE):
        return _View(sky)
    return _View(sky, at, up, min(HEIGHT / 2 / reach, 4_000.0), near=True)


def _paths(order: int, numbers: list[int], view: _View) -> list[str]:
    step = max(4 >> max(order - 1, 0), 1)
    lon, lat = place.outlines(order, numbers, step)
    if view.near:
        # The whole of a cell is turned to the side on which it is seen, not each of its corners.
        lon = lon - 360.0 * np.round((lon.mean(axis=1) - view.lon) / 360.0)[:, None]
        return [_path(*view.points(*_closed(a, b, view))) for a, b in zip(lon, lat, strict=True)]
    drawn = []
    for a, b in zip(lon, lat, strict=True):
        # What goes over the edge of the map comes in again at the other one.
        turns = [0.0, *([-360.0] if a.max() > 180.0 else []), *([360.0] if a.min() < -180.0 else [])]
        drawn.append("".join([_path(*view.points(*_closed(a + turn, b, view))) for turn in turns]))
    return drawn


def _closed(lon: _Floats, lat: _Floats, view: _View) -> tuple[_Floats, _Floats]:
    """Return an outline in which a pole is the line that it is on a map of longitudes and latitudes."""
    at = np.flatnonzero(np.abs(lat) > 90.0 - 1e-6)
    if view.sky or not len(at):
        return lon, lat
    where = int(at[0])
    before, after = lon[where - 1], lon[(where + 1) % len(lon)]
    ends = np.array([before, after])
    poles = np.array([lat[where], lat[where]])
    return (
        np.concatenate((lon[:where], ends, lon[where + 1 :])),
        np.concatenate((lat[:where], poles, lat[where + 1 :])),
    )


def _path(x: _Floats, y: _Floats) -> str:
    points = [f"{_short(a)} {_short(b)}" for a, b in zip(x.tolist(), y.tolist(), strict=True)]
    return f"M{'L'.join(points)}Z"


def _line(x: _Floats, y: _Floats) -> str:
    points = [f"{_short(a)} {_short(b)}" for a, b in zip(x.tolist(), y.tolist(), strict=True)]
    return f"M{'L'.join(points)}"


def _short(number: float) -> str:
    return f"{round(number, _ROUND):g}"


def _mollweide(lon: _Floats, lat: _Floats) -> tuple[_Floats, _Floats]:
    phi = np.radians(lat)
    theta = phi.copy()
    for _ in range(12):
        # Newton's steps; at the poles, where they stand still, the answer is the start.
        slope = np.maximum(2.0 + 2.0 * np.cos(2.0 * theta), 1e-9)
        theta = np.clip(
            theta - (2.0 * theta + np.sin(2.0 * theta) - np.pi * np.sin(phi)) / slope, -np.pi / 2, np.pi / 2
        )
    return WIDTH / 2 - lon * np.cos(theta), HEIGHT / 2 - HEIGHT / 2 * np.sin(theta)


def _around(lon: _Floats, lat: _Floats, lon0: float, lat0: float) -> tuple[_Floats, _Floats]:
    """Return points in degrees from a middle, distances from it as they are (azimuthal equidistant)."""
    away = healpix.separation(lon, lat, lon0, lat0)
    d, a, b = np.radians(lon - lon0), np.radians(lat), math.radians(lat0)
    angle = np.arctan2(np.sin(d) * np.cos(a), np.sin(a) * math.cos(b) - np.cos(a) * math.sin(b) * np.cos(d))
    return away * np.sin(angle), away * np.cos(angle)


def _land(view: _View) -> tuple[float, float, float, float]:
    x, y = view.points(np.array([-180.0, 180.0]), np.array([90.0, -90.0]))
    return round(x[0], 2), round(y[0], 2), round(x[1] - x[0], 2), round(y[1] - y[0], 2)


def _grid(view: _View) -> tuple[str, ...]:
    return _whole(view.sky) if not view.near else _lines(view)


@cache
def _whole(sky: bool) -> tuple[str, ...]:
    return _lines(_View(sky))


def _lines(view: _View) -> tuple[str, ...]:
    """Return meridians and parallels, some of them in sight."""
    half = 90.0 / view.scale if view.near else 90.0
    step = next((each for each in _STEPS if half >= 1.5 * each), _STEPS[-1])
    if not view.near:
        wests, norths = np.arange(-180.0, 181.0, step), np.arange(-60.0, 61.0, step)
        south, north, west, east = -90.0, 90.0, -180.0, 180.0
    else:
        south, north = max(view.lat - half, -90.0), min(view.lat + half, 90.0)
        thin = math.cos(math.radians(max(abs(south), abs(north)))) if view.sky else 1.0
        wide = min(2 * half / max(thin, 0.05), 180.0)
        west, east = view.lon - wide, view.lon + wide
        wests = np.arange(math.ceil(west / step) * step, east, step)
        norths = np.arange(math.ceil(south / step) * step, north, step)
    down, across = np.linspace(south, north, 37), np.linspace(west, east, 37)
    meridians = [_line(*view.points(np.full(37, each), down)) for each in wests[:80]]
    parallels = [_line(*view.points(across, np.full(37, each))) for each in norths[:80]]
    return (*meridians, *parallels)
