"""Regions as parameters of pages, their JSON and the command line: read, and written so that the same is read again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, Final

import orjson
import shapely

from discovery.errors import BadQueryError, UnknownFieldError
from discovery.model.extent import EARTH, SKY
from discovery.query import names, region
from discovery.query.footprint import planar
from discovery.query.query import Region

SHAPES: Final = ("bbox", "cone", "polygon", "moc", "near")
"""The parameters that are a region each; they exclude one another."""
MANNERS: Final = ("frame", "relation")
"""The parameters that say more of a region, and nothing without one."""
_FRAMES: Final = {"bbox": EARTH, "cone": SKY, "polygon": SKY, "moc": SKY}
_MAKE: Final[Mapping[str, Callable[..., Region]]] = {
    "bbox": region.bbox,
    "cone": region.cone,
    "polygon": region.polygon,
    "moc": region.moc,
}


def read(single: Mapping[str, str], resolver: names.Resolve) -> Region | None:
    """Return the region that parameters ask for, None where they ask for none.

    Args:
        single: Values by parameter; others are left alone.
        resolver: What knows the names that `near` takes.

    Raises:
        UnknownFieldError: The frame is not known; the near ones are in the message.
        BadQueryError: A value cannot be read, or there are two regions.
    """
    asked = [name for name in SHAPES if name in single]
    frame, relation = (single.get(name, "").strip() for name in MANNERS)
    if not asked:
        for name, value in zip(MANNERS, (frame, relation), strict=True):
            if value:
                said = "where" if name == "frame" else "how footprints lie to what"
                raise BadQueryError(f"{name} says {said} {', '.join(SHAPES)} are; give one of them", parameter=name)
        return None
    if len(asked) > 1:
        raise BadQueryError(f"{' and '.join(asked)} exclude one another; give one", parameter=asked[1])
    name = asked[0]
    if frame and frame not in region.ASKED:
        raise UnknownFieldError(frame, region.ASKED, what="frame", parameter="frame")
    if name == "near":
        found = names.near(single[name], frame=frame, resolver=resolver)
        return region.related(found, relation) if relation else found
    return _MAKE[name](single[name], frame=frame or _FRAMES[name], relation=relation or "intersects", parameter=name)


def written(asked: Region) -> dict[str, str]:
    """Return the parameters that `read` reads as a region."""
    said = {"relation": asked.relation} if asked.relation != "intersects" else {}
    for name, value in _ways(asked):
        frame = {} if asked.frame == _FRAMES[name] else {"frame": asked.frame}
        try:
            same = _MAKE[name](value, frame=asked.frame, relation=asked.relation) == asked
        except BadQueryError:
            continue
        if same:
            return {name: value, **frame, **said}
    return {"polygon": orjson.dumps(asked.geometry, default=dict).decode(), **_other(asked.frame), **said}


def _other(frame: str) -> dict[str, str]:
    return {} if frame == _FRAMES["polygon"] else {"frame": frame}


def _ways(asked: Region) -> Iterator[tuple[str, str]]:
    """Yield parameters that may mean a region, the shortest first."""
    shape: Mapping[str, Any] = asked.geometry
    kind = shape["type"]
    if kind == "Circle":
        yield "cone", _listed([*shape["center"], shape["radius"]])
    if kind == "Moc":
        yield "moc", shape["moc"]
    if kind in ("Polygon", "MultiPolygon"):
        west, south, east, north = shapely.bounds(planar(shape)).tolist()
        # A box over the antimeridian is kept with an eastern edge beyond 180, or beyond the 360 that may be written.
        for right in (east - 360.0, east) if east > 180 else (east,):
            yield "bbox", _listed((west, south, right, north))
        rings = [shape["coordinates"]] if kind == "Polygon" else shape["coordinates"]
        if all(len(each) == 1 for each in rings):
            yield (
                "polygon",
                ";".join(_listed(chain.from_iterable(point[:2] for point in ring[:-1])) for (ring,) in rings),
            )


def _open(rings: Sequence[Any]) -> list[Any]:
    return [ring[:-1] for (ring,) in rings]


def _listed(numbers: Iterable[float]) -> str:
    return ",".join(repr(int(number) if number == int(number) else float(number)) for number in numbers)
