"""What another portal like this one writes into its OGC Records beyond the standard: read back, so nothing is lost.

The other half is `discovery.model.ogc`. A stranger may write the same names, so every value is checked as any other.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from discovery.model.extent import EARTH, Extent
from discovery.model.ogc import BOX, DOI, EXTENSION, OWN, REST
from discovery.model.record import RESOURCES, Asset, Record, record_id
from discovery.query.fields import NUMBERS
from harvesters import places, stac
from harvesters.document import MAX_TITLE, Notes, items, moment, number, tail, text, texts

PAGE: Final = f"{OWN}page"
"""The relation by which every document of ours is known, also one that is served as it was sent."""
_PROFILES: Final = "http://www.opengis.net/def/profile/OGC/"
_FRAME: Final = re.compile(r"[a-z][a-z0-9-]{0,99}")
_SHAPES: Final = frozenset({"Circle", "Moc"})


def is_own(document: Mapping[str, Any]) -> bool:
    """Say whether a record was written by `discovery.model.ogc`."""
    said = document.get("conformsTo")
    return isinstance(said, list) and EXTENSION in said


def sent_links(document: Mapping[str, Any]) -> Any:
    """Return the links of a record without those that a portal like this one has put to them, and without files."""
    found = document.get("links")
    if not isinstance(found, list) or not (is_own(document) or any(_rel(each) == PAGE for each in found)):
        return found
    here = stac.self_url(document).partition("?")[0]
    return [each for each in found if not _is_ours(each, here)]


def _is_ours(link: Any, here: str) -> bool:
    rel = _rel(link)
    if not rel:
        return False
    href = str(link.get("href"))
    return (
        rel.startswith(OWN)
        or (rel == "profile" and href.startswith(_PROFILES))
        or (rel == "alternate" and bool(here) and href.partition("?")[0] == here)
        or (f"{OWN}key" in link and not link.get(f"{OWN}linked"))
    )


def _rel(link: Any) -> str:
    rel = link.get("rel") if isinstance(link, Mapping) else None
    return rel if isinstance(rel, str) else ""


def completed(record: Record, document: Mapping[str, Any], notes: Notes, base: str) -> Record:
    """Return a record with what only a document of ours says of it.

    Args:
        record: What the standard's members say.
        document: The parsed Feature, one that `is_own`.
        notes: Where issues go.
        base: What its relative links start from.
    """
    sent = document.get("properties")
    given: Mapping[str, Any] = sent if isinstance(sent, Mapping) else {}
    ours = {name.removeprefix(OWN): value for name, value in given.items() if name.startswith(OWN)}
    dataset = text(ours.get("dataset"), notes, "discovery:dataset")
    doi = next((each for each in _named(given, DOI) if each), "")
    rest = ours.get(REST.removeprefix(OWN))
    plain = ((name, value) for name, value in given.items() if name in record.properties)
    own = tail(rest.items(), notes) if isinstance(rest, Mapping) else {}
    return replace(
        record,
        title=text(given.get("title"), notes, "title", MAX_TITLE),
        missions=texts(ours.get("missions"), notes, "discovery:missions"),
        instruments=texts(ours.get("instruments"), notes, "discovery:instruments"),
        targets=texts(ours.get("targets"), notes, "discovery:targets"),
        # Every container of the other portal is one of its catalogues; datasets are in that of the resources.
        dataset=record_id(record.source, RESOURCES, dataset) if dataset else "",
        license=text(ours.get("license"), notes, "discovery:license") or record.license,
        extent=_extent(record.extent, document, ours, notes),
        assets=_assets(document, base, notes),
        doi=doi or record.doi,
        external_ids=_external_ids(given, notes),
        metadata_updated=moment(ours.get("metadata_updated"), notes, "discovery:metadata_updated"),
        numbers=_numbers(record, ours, notes),
        properties={**tail(plain, notes), **own},
    )


def _named(given: Mapping[str, Any], scheme: str) -> list[str]:
    return [
        text(each.get("value"), Notes(), "externalIds")
        for each in items(given.get("externalIds"), Notes(), "externalIds")
        if each.get("scheme") == scheme
    ]


def _external_ids(given: Mapping[str, Any], notes: Notes) -> tuple[str, ...]:
    """Return the identifiers without a scheme: those with one are the DOI, and what the other portal's source says."""
    found = (
        text(each.get("value"), notes, "externalIds")
        for each in items(given.get("externalIds"), notes, "externalIds")
        if not each.get("scheme")
    )
    return tuple(dict.fromkeys(each for each in found if each))


def _numbers(record: Record, ours: Mapping[str, Any], notes: Notes) -> dict[str, float]:
    # The size that was found by adding files up is not what the other portal has said.
    found = {name: value for name, value in record.numbers.items() if name != "size"}
    for name in NUMBERS:
        value = number(ours.get(name), notes, f"{OWN}{name}")
        if value is not None:
            found[name] = value
    return found


def _assets(document: Mapping[str, Any], base: str, notes: Notes) -> tuple[Asset, ...]:
    """Return the links that are files, read as the assets of STAC are; keys need not be different there."""
    out: list[Asset] = []
    for link in items(document.get("links"), notes, "links"):
        if f"{OWN}key" not in link:
            continue
        others = link.get(f"{OWN}alternates")
        asset = {
            "href": link.get("href"),
            "title": link.get("title"),
            "type": link.get("type"),
            "roles": link.get(f"{OWN}roles"),
            "file:size": link.get("length"),
            "alternate": dict(enumerate({"href": each} for each in others)) if isinstance(others, list) else {},
        }
        out += stac.assets({str(link[f"{OWN}key"]): asset}, base, notes)
    return tuple(out)


def _extent(known: Extent, document: Mapping[str, Any], ours: Mapping[str, Any], notes: Notes) -> Extent:
    start, end = known.start, known.end
    interval = ours.get("interval")
    if isinstance(interval, list) and len(interval) == 2:
        start, end = (moment(each, notes, "discovery:interval") for each in interval)
    frame = text(ours.get("frame"), notes, "discovery:frame") or EARTH
    if not _FRAME.fullmatch(frame):
        notes.add("unknown-frame", f"frame {frame[:80]!r} is no name of one", "properties.discovery:frame")
        return replace(known, start=start, end=end)
    footprint = ours.get("footprint")
    if frame == EARTH:
        geometry = known.geometry if footprint != BOX else None
        if isinstance(footprint, Mapping):
            geometry = _shape(footprint, notes) or geometry
        return Extent(frame, geometry, known.bbox, start, end)
    geometry = _shape(footprint, notes) if isinstance(footprint, Mapping) else None
    return Extent(frame, geometry, places.bbox(ours.get("bbox"), notes, "discovery:bbox"), start, end)


def _shape(value: Mapping[str, Any], notes: Notes) -> Mapping[str, Any] | None:
    """Return a footprint in a frame of any kind; circles and covers are checked where they are prepared for search."""
    if value.get("type") not in _SHAPES:
        return places.geometry(value, notes, "discovery:footprint")
    return _circle(value) if value["type"] == "Circle" else _moc(value)


def _circle(value: Mapping[str, Any]) -> Mapping[str, Any] | None:
    center, radius = value.get("center"), number(value.get("radius"), Notes(), "radius")
    if not isinstance(center, list) or len(center) != 2 or radius is None or not 0 <= radius <= 180:
        return None
    lon, lat = (number(each, Notes(), "center") for each in center)
    if lon is None or lat is None or not -360 <= lon <= 360 or not -90 <= lat <= 90:
        return None
    return {"type": "Circle", "center": [lon, lat], "radius": radius}


def _moc(value: Mapping[str, Any]) -> Mapping[str, Any] | None:
    cover = value.get("moc")
    return {"type": "Moc", "moc": cover} if isinstance(cover, str) and cover.isascii() else None
