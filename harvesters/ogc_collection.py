"""A collection of OGC API Features, Coverages or EDR as one dataset."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from discovery.model.extent import EARTH, Extent
from discovery.model.record import Asset, Link, Record
from discovery.model.stac import INFERRED_RELS, absolute
from harvesters import places, stac
from harvesters.defaults import Defaults
from harvesters.document import MAX_DESCRIPTION, MAX_TITLE, MAX_VALUES, Notes, moment, tail, text, texts

_LONG: Final = "http://www.opengis.net/def/rel/ogc/1.0/"
_STRUCTURE: Final = INFERRED_RELS - {"items", "root"}
_DATA: Final = frozenset({"items", "coverage", "data", "enclosure"})
"""Relations that lead to the data themselves."""
_NO_DATA: Final = ("text/html", "application/ld+json")
"""Types of links to pages about data, which stand beside those to the data."""
_LONGITUDE_FIRST: Final = ("CRS84", "CRS84H", "4326", "4979")
"""Ends of the names of reference systems that boxes are in degrees of; GeoJSON's order, whatever the name says."""
_USED: Final = frozenset(
    {
        "id",
        "title",
        "description",
        "keywords",
        "links",
        "extent",
        "parameter_names",
        "data_queries",
        "output_formats",
        "license",
        "providers",
        "contacts",
        "themes",
        "created",
        "updated",
        "attribution",
        "crs",
    }
)


def to_record(
    document: Mapping[str, Any], container: str, source_id: str, defaults: Defaults, *, base: str = ""
) -> Record:
    """Return the dataset that a collection is.

    Args:
        document: What the service says of the collection.
        container: What makes its id unique.
        source_id: Its id.
        defaults: What the operator said of the source.
        base: What its relative links start from.
    """
    notes = Notes()
    links = _links(document, base, notes)
    assets = tuple(_assets(links))
    formats = texts(document.get("output_formats"), notes, "output_formats")
    record = Record(
        defaults.source,
        container,
        source_id,
        "dataset",
        text(document.get("title"), notes, "title", MAX_TITLE) or source_id,
        description=text(document.get("description"), notes, "description", MAX_DESCRIPTION),
        themes=stac.themes(document.get("themes"), notes),
        keywords=texts(document.get("keywords"), notes, "keywords"),
        variables=tuple(dict.fromkeys(_parameters(document.get("parameter_names"), notes)))[:MAX_VALUES],
        provider=stac.provider(document, {}, notes),
        license=stac.license_of(document.get("license") or _license(links), notes),
        formats=tuple(dict.fromkeys(stac.format_name(each) for each in formats)) or stac.formats(assets),
        extent=_extent(document.get("extent"), notes),
        assets=assets,
        links=links,
        contacts=stac.contacts(document, {}, notes),
        doi=stac.doi((), links),
        created=moment(document.get("created"), notes, "created"),
        updated=moment(document.get("updated"), notes, "updated"),
        properties=tail(((name, value) for name, value in document.items() if name not in _USED), notes),
        issues=notes.issues,
    )
    return defaults.fill(record)


def _links(document: Mapping[str, Any], base: str, notes: Notes) -> tuple[Link, ...]:
    """Return the links of a collection by the short names of their relations, and those to its queries (EDR)."""
    found = [
        Link(each.href, _relation(each.rel), each.title, each.media_type)
        for each in stac.links(document.get("links"), base, notes, structure=_STRUCTURE)
    ]
    queries = document.get("data_queries")
    for name, query in list(queries.items())[:MAX_VALUES] if isinstance(queries, Mapping) else ():
        link = query.get("link") if isinstance(query, Mapping) else None
        href = link.get("href") if isinstance(link, Mapping) else None
        if isinstance(href, str) and (target := absolute(href, base)):
            path = f"data_queries.{name}"[:100]
            title = text(link.get("title"), notes, path) if isinstance(link, Mapping) else ""
            found.append(Link(target, "data-query", title or f"Query by {text(name, notes, path)}"))
    return tuple(dict.fromkeys(found))[:MAX_VALUES]


def _relation(rel: str) -> str:
    short = rel.removeprefix(_LONG).removeprefix("ogc-rel:")
    # The service itself: what stands at its root says how to ask it.
    return "service" if short == "root" else short


def _assets(links: tuple[Link, ...]) -> Iterator[Asset]:
    for number, link in enumerate(links, 1):
        if link.rel.lower() in _DATA and not link.media_type.lower().startswith(_NO_DATA):
            yield Asset(link.href, f"{link.rel}-{number}", link.title, link.media_type, ("data",))


def _parameters(value: Any, notes: Notes) -> Iterator[str]:
    """Yield what the parameters of a coverage or an EDR collection are called, by people where they say so."""
    if value is None:
        return
    given = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    names = list(value) if isinstance(value, Mapping) else [""] * len(given)
    if not isinstance(value, Mapping | list):
        notes.add("wrong-type", f"parameter_names is a {type(value).__name__}, not an object", "parameter_names")
    for name, each in list(zip(names, given, strict=True))[:MAX_VALUES]:
        if not isinstance(each, Mapping):
            continue
        observed = each.get("observedProperty")
        label = observed.get("label") if isinstance(observed, Mapping) else None
        for candidate in (label, each.get("label"), each.get("id"), name):
            if word := _in_a_language(candidate, notes):
                yield word
                break


def _in_a_language(value: Any, notes: Notes) -> str:
    """Return a text that may be there in several languages, in English where it is."""
    if isinstance(value, Mapping):
        value = value.get("en") or next(iter(value.values()), None)
    return text(value, notes, "parameter_names") if isinstance(value, str) else ""


def _license(links: tuple[Link, ...]) -> str:
    return next((each.title or each.href for each in links if each.rel.lower() == "license"), "")


def _extent(value: Any, notes: Notes) -> Extent:
    given = value if isinstance(value, Mapping) else {}
    start, end = _times(given.get("temporal"), notes)
    return Extent(EARTH, None, _box(given.get("spatial"), notes), start, end)


def _box(spatial: Any, notes: Notes) -> places.Box | None:
    path = "extent.spatial.bbox"
    given = spatial if isinstance(spatial, Mapping) else {}
    boxes = given.get("bbox")
    # The first is the whole; a draft of the standard had one without a list around it, and some still do.
    first = boxes[0] if isinstance(boxes, list) and boxes and isinstance(boxes[0], list) else boxes
    if not first:
        notes.add("no-place", "the collection says nothing about where", path)
        return None
    crs = given.get("crs")
    if isinstance(crs, str) and not crs.rstrip("/").endswith(_LONGITUDE_FIRST):
        notes.add("unknown-crs", f"the box is in {crs[:100]!r}, which is not degrees; it was left out", path)
        return None
    return places.bbox(first, notes, path)


def _times(temporal: Any, notes: Notes) -> tuple[int | None, int | None]:
    path = "extent.temporal.interval"
    given = temporal.get("interval") if isinstance(temporal, Mapping) else None
    first = given[0] if isinstance(given, list) and given and isinstance(given[0], list) else given
    if not isinstance(first, list) or len(first) != 2:
        if given is not None:
            notes.add("bad-interval", "an interval is a list of two times", path)
        return None, None
    start, end = moment(first[0], notes, path), moment(first[1], notes, path, end=True)
    if start is not None and end is not None and start > end:
        notes.add("bad-interval", "the interval ends before it starts; the ends were exchanged", path)
        return end, start
    return start, end
