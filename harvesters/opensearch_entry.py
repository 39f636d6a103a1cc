"""A series of OpenSearch-EO as one dataset: an entry of an Atom feed, or a Feature of its GeoJSON (OGC 17-047)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from discovery.errors import RecordError
from discovery.model.extent import EARTH, Extent
from discovery.model.record import Asset, Contact, Link, Record
from harvesters import iso_tree as tree
from harvesters import ogc_record, places, stac
from harvesters.defaults import Defaults
from harvesters.document import MAX_DESCRIPTION, MAX_TITLE, MAX_VALUES, Notes, moment, nameable, text
from harvesters.places import Box

CONTAINER: Final = "series"
"""The one container of all series of a service."""
DESCRIPTION: Final = "application/opensearchdescription+xml"
_EARTH_OBSERVATION: Final = re.compile(r"eo:([A-Za-z]+):(.+)", re.DOTALL)
_TAGS: Final = re.compile(r"<[^<>]{1,2000}>")
_LINKS_OF_FEED: Final = frozenset({"self", "first", "last", "next", "previous", "up"})
_MOST_NUMBERS: Final = 200_000


def identity(element: Any) -> str:
    """Return the identifier of an entry or a Feature that can be used as one; empty when it has none."""
    if isinstance(element, Mapping):
        given = element.get("properties")
        named = given.get("identifier") if isinstance(given, Mapping) else None
        found = named if isinstance(named, str) and named else element.get("id")
        found = found.strip() if isinstance(found, str) else ""
    else:
        entry = tree.group(element)
        found = tree.first(entry, "identifier") or tree.first(entry, "id")
    return found if nameable(found) else ""


def from_atom(entry: Any, source_id: str, defaults: Defaults, *, base: str = "") -> Record:
    """Return the dataset that an entry of a feed describes.

    Args:
        entry: Its element.
        source_id: Its identifier.
        defaults: What the operator said of the source.
        base: What its relative links start from.
    """
    notes = Notes()
    given = tree.group(entry)
    words, observed = _categories(given)
    links = _links(given, base, notes)
    assets = tuple(
        Asset(each.href, f"link-{number}", each.title, each.media_type, ("data",))
        for number, each in enumerate(links, 1)
        if each.rel.lower() == "enclosure"
    )
    start, end = _times(given, notes)
    contacts = _contacts(given)
    record = Record(
        defaults.source,
        CONTAINER,
        source_id,
        "dataset",
        text(_plain(tree.first(given, "title")), notes, "title", MAX_TITLE) or source_id,
        description=text(_plain(_description(given)), notes, "summary", MAX_DESCRIPTION),
        missions=stac.missions(observed.get("platform", ())),
        instruments=stac.instruments(observed.get("instrument", ())),
        themes=stac.themes(list(words), notes),
        keywords=words,
        provider=next((each.name for each in contacts), ""),
        level=next(iter(observed.get("processingLevel", ())), ""),
        product_type=next(iter(observed.get("productType", ())), ""),
        formats=stac.formats(assets),
        extent=Extent(EARTH, *_place(given, notes), start, end),
        assets=assets,
        links=links,
        contacts=contacts,
        doi=stac.doi(tree.values(given, "identifier"), links),
        created=moment(tree.first(given, "published") or None, notes, "published"),
        metadata_updated=moment(tree.first(given, "updated") or None, notes, "updated"),
        properties={"rights": rights[:1000]} if (rights := _plain(tree.first(given, "rights"))) else {},
        issues=notes.issues,
    )
    return defaults.fill(record)


def from_geojson(feature: Mapping[str, Any], source_id: str, defaults: Defaults, *, base: str = "") -> Record:
    """Return the dataset that a Feature describes: its words are others than those of OGC Records, its form is not.

    Raises:
        RecordError: Its properties are none.
    """
    given = feature.get("properties")
    if not isinstance(given, Mapping):
        raise RecordError("wrong-type", "properties is not an object", path="properties")
    start, _, end = str(given.get("date") or "").partition("/")
    platforms, instruments = _acquired(given.get("acquisitionInformation"))
    properties = {
        "title": given.get("title"),
        "description": given.get("abstract") or given.get("summary") or given.get("description"),
        "keywords": given.get("keyword") or given.get("keywords") or given.get("subject"),
        "created": given.get("published") or given.get("created"),
        "updated": given.get("updated"),
        "provider": given.get("publisher") or given.get("organisationName"),
        "license": given.get("license"),
        "product_type": given.get("productType"),
        "level": given.get("processingLevel"),
        "doi": given.get("doi"),
        "missions": platforms,
        "instruments": instruments,
        "type": "dataset",
    }
    document = {
        **{name: feature.get(name) for name in ("type", "id", "geometry", "bbox")},
        "time": {"interval": [start or None, end or None]} if start else None,
        "properties": {name: value for name, value in properties.items() if value},
        "links": list(_flat_links(given.get("links") or feature.get("links"))),
    }
    return ogc_record.to_record(document, CONTAINER, source_id, defaults, base=base)


# GeoJSON


def _flat_links(value: Any) -> Iterator[dict[str, Any]]:
    """Yield links that are grouped by what they lead to, as ones that say it themselves."""
    if isinstance(value, list):
        yield from (each for each in value if isinstance(each, dict))
        return
    for rel, group in value.items() if isinstance(value, Mapping) else ():
        for each in group if isinstance(group, list) else ():
            if isinstance(each, Mapping) and isinstance(each.get("href"), str):
                yield {**each, "rel": "enclosure" if rel == "data" else rel}


def _acquired(value: Any) -> tuple[list[str], list[str]]:
    """Return the platforms and the instruments that a series was acquired by."""
    found: tuple[list[str], list[str]] = ([], [])
    for each in value if isinstance(value, list) else [value]:
        for names, kind in zip(found, ("platform", "instrument"), strict=True):
            part = each.get(kind) if isinstance(each, Mapping) else None
            name = part.get(f"{kind}ShortName") if isinstance(part, Mapping) else part
            if isinstance(name, str) and name:
                names.append(name)
    return found


# Atom


def _description(given: tree.Group) -> str:
    return tree.first(given, "abstract") or tree.first(given, "summary") or tree.first(given, "content")


def _plain(value: str) -> str:
    """Return a text without the markup that feeds put into it."""
    return _TAGS.sub(" ", value).strip() if "<" in value else value


def _categories(given: tree.Group) -> tuple[tuple[str, ...], dict[str, list[str]]]:
    """Return the words of a series, and what it says of the observation, which some services write among them."""
    words: dict[str, None] = {}
    observed: dict[str, list[str]] = {}
    for each in given.get("category", ())[:MAX_VALUES]:
        term = str(each.get("term") or each.get("label") or each.text or "").strip()[:1000]
        found = _EARTH_OBSERVATION.fullmatch(term)
        if found is not None:
            observed.setdefault(found[1], []).append(found[2])
        elif term:
            words[term] = None
    for word in (*tree.values(given, "subject"), *tree.values(given, "keywords")):
        words[word[:1000]] = None
    return tuple(words)[:MAX_VALUES], observed


def _links(given: tree.Group, base: str, notes: Notes) -> tuple[Link, ...]:
    found = []
    for each in given.get("link", ()):
        # Without a relation a link of Atom leads to the page about the entry.
        rel, kind = str(each.get("rel") or "alternate"), str(each.get("type") or "")
        if rel in _LINKS_OF_FEED:
            continue
        href = str(each.get("href") or "")
        # One service has exchanged the two attributes.
        if kind == "enclosure":
            rel, kind = kind, ""
        found.append({"rel": rel, "href": href, "type": kind, "title": str(each.get("title") or "")})
    return stac.links(found, base, notes)


def _contacts(given: tree.Group) -> tuple[Contact, ...]:
    names = dict.fromkeys(
        (
            *((name, "publisher") for name in tree.values(given, "publisher")),
            *((name, "author") for each in given.get("author", ()) if (name := tree.first(tree.group(each), "name"))),
            *((name, "creator") for name in tree.values(given, "creator")),
        )
    )
    return tuple(Contact(name[:1000], "", (role,)) for name, role in names)[:MAX_VALUES]


def _times(given: tree.Group, notes: Notes) -> tuple[int | None, int | None]:
    start, _, end = tree.first(given, "date").partition("/")
    first = moment(start or None, notes, "date")
    last = moment(end or start or None, notes, "date", end=True)
    if first is not None and last is not None and first > last:
        notes.add("bad-interval", "the time ends before it starts; the ends were exchanged", "date")
        return last, first
    return first, last


def _place(given: tree.Group, notes: Notes) -> tuple[Mapping[str, Any] | None, Box | None]:
    """Return the geometry and the box of an entry; GeoRSS has latitude first."""
    shape = next((each for where in given.get("where", ()) for each in where), None)
    polygon = _numbers(given.get("polygon"), notes)
    if shape is not None and tree.name(shape) in ("Polygon", "Point"):
        lines = list(shape.iter("{*}posList", "{*}pos"))
        polygon = _numbers(lines[:1], notes)
    if len(polygon) >= 8:
        ring = [[polygon[at + 1], polygon[at]] for at in range(0, len(polygon) - 1, 2)]
        return places.geometry({"type": "Polygon", "coordinates": [ring]}, notes, "polygon"), None
    point = polygon if len(polygon) == 2 else _numbers(given.get("point"), notes)
    if len(point) == 2:
        return places.geometry({"type": "Point", "coordinates": [point[1], point[0]]}, notes, "point"), None
    box = _numbers(given.get("box"), notes)
    if shape is not None and tree.name(shape) == "Envelope":
        corners = tree.group(shape)
        box = [*_numbers(corners.get("lowerCorner"), notes), *_numbers(corners.get("upperCorner"), notes)]
    if len(box) == 4:
        south, west, north, east = box
        return None, places.bbox([west, south, east, north], notes, "box")
    return None, None


def _numbers(found: list[Any] | None, notes: Notes) -> list[float]:
    words = (found[0].text or "").replace(",", " ").split() if found else []
    if len(words) > _MOST_NUMBERS:
        notes.add("bad-geometry", f"a place has {len(words)} numbers", "where")
        return []
    try:
        return [float(each) for each in words]
    except ValueError:
        notes.add("bad-geometry", "a place holds something that is not a number", "where")
        return []
