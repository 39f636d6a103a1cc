"""A STAC Collection as a dataset, or as a project where it is one of the Open Science Catalog."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from discovery.model import terms
from discovery.model.extent import EARTH, Extent
from discovery.model.record import Record, record_id
from harvesters import places, stac, stac_storage
from harvesters.defaults import Defaults
from harvesters.document import MAX_DESCRIPTION, MAX_TITLE, Notes, moment, tail, text, texts

PROJECTS = "projects"
"""The section of an Open Science Catalog that its products' projects are in."""


def to_record(
    document: Mapping[str, Any], container: str, source_id: str, defaults: Defaults, *, base: str = ""
) -> Record:
    """Return the dataset or project that a STAC Collection describes.

    Args:
        document: The parsed Collection.
        container: The section of the catalogue that it stands in.
        source_id: Its id.
        defaults: What the operator said of the source.
        base: What its relative links start from.
    """
    notes = Notes()
    given = _with_properties(document)
    summaries = document.get("summaries")
    summaries = summaries if isinstance(summaries, Mapping) else {}
    links = stac.links(document.get("links"), base, notes)
    assets = stac.assets(document.get("assets"), base, notes)
    names = [*texts(given.get("osc:missions"), notes, "osc:missions"), *_platforms(given, summaries, notes)]
    missions = stac.missions(names)
    project = text(given.get("osc:project"), notes, "osc:project")
    is_project = given.get("osc:type") == "project"
    record = Record(
        defaults.source,
        container,
        source_id,
        "project" if is_project else "dataset",
        text(document.get("title"), notes, "title", MAX_TITLE) or source_id,
        description=text(document.get("description"), notes, "description", MAX_DESCRIPTION),
        missions=missions,
        instruments=stac.instruments(
            texts(summaries.get("instruments") or given.get("instruments"), notes, "instruments")
        ),
        themes=stac.themes(given.get("themes"), notes),
        keywords=texts(document.get("keywords"), notes, "keywords"),
        variables=stac.titles(links, "variable") or texts(given.get("osc:variables"), notes, "osc:variables"),
        provider=stac.provider(document, given, notes),
        license=stac.license_of(document.get("license"), notes),
        level=text(_one(summaries.get("processing:level") or given.get("processing:level")), notes, "processing:level"),
        product_type=text(_one(summaries.get("product:type") or given.get("product:type")), notes, "product:type"),
        formats=stac.formats(assets),
        dataset=record_id(defaults.source, PROJECTS, project) if project and not is_project else "",
        extent=_extent(document, notes),
        assets=assets,
        links=links,
        contacts=stac.contacts(document, given, notes),
        doi=stac.doi((given.get("sci:doi"),), links),
        created=moment(given.get("created"), notes, "created"),
        updated=moment(given.get("updated"), notes, "updated"),
        numbers=stac.numbers(_finest(given, summaries), assets, notes),
        properties={
            **_properties(given, project, stac.titles(links, "project"), notes),
            **stac_storage.properties(document, given),
        },
        issues=notes.issues,
    )
    return defaults.fill(record)


def _with_properties(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the members with those that somebody has put under `properties`, where a Collection has none."""
    inner = document.get("properties")
    return {**inner, **document} if isinstance(inner, Mapping) else dict(document)


def _platforms(given: Mapping[str, Any], summaries: Mapping[str, Any], notes: Notes) -> list[str]:
    found = [
        word
        for key in ("constellation", "mission", "platform")
        for word in texts(summaries.get(key) or given.get(key), notes, key)
    ]
    known = [word for word in found if terms.mission(word)]
    return known or found[:1]


def _one(value: Any) -> Any:
    return value[0] if isinstance(value, list) and value else None if isinstance(value, list) else value


def _finest(given: Mapping[str, Any], summaries: Mapping[str, Any]) -> dict[str, Any]:
    """Return the numbers of a collection; of several ground resolutions the finest."""
    out = {name: given[name] for name in stac.NUMBERS if name in given}
    gsd = summaries.get("gsd")
    values = [gsd.get("minimum")] if isinstance(gsd, Mapping) else gsd if isinstance(gsd, list) else []
    found = [each for each in values if isinstance(each, int | float) and not isinstance(each, bool)]
    return {**out, "gsd": min(found)} if found and "gsd" not in out else out


def _properties(
    given: Mapping[str, Any], project: str, titles: tuple[str, ...], notes: Notes
) -> dict[str, str | tuple[str, ...]]:
    out = tail(
        ((name, value) for name, value in given.items() if name not in stac.USED and name != "properties"), notes
    )
    if project:
        out["project"] = titles[0] if titles else project
    return out


def _extent(document: Mapping[str, Any], notes: Notes) -> Extent:
    extent = document.get("extent")
    extent = extent if isinstance(extent, Mapping) else {}
    spatial, temporal = extent.get("spatial"), extent.get("temporal")
    boxes = spatial.get("bbox") if isinstance(spatial, Mapping) else None
    intervals = temporal.get("interval") if isinstance(temporal, Mapping) else None
    # The first of each is the whole; what follows are its parts.
    box = places.bbox(boxes[0], notes, "extent.spatial.bbox") if isinstance(boxes, list) and boxes else None
    first = intervals[0] if isinstance(intervals, list) and intervals else None
    start = end = None
    if isinstance(first, list) and len(first) == 2:
        start = moment(first[0], notes, "extent.temporal.interval")
        end = moment(first[1], notes, "extent.temporal.interval", end=True)
    elif first is not None:
        notes.add("bad-interval", "an interval is a list of two times", "extent.temporal.interval")
    if start is not None and end is not None and start > end:
        notes.add(
            "bad-interval", "the interval ends before it starts; the ends were exchanged", "extent.temporal.interval"
        )
        start, end = end, start
    if box is None:
        notes.add("no-place", "the collection says nothing about where", "extent.spatial.bbox")
    if start is None and end is None:
        notes.add("no-time", "the collection says nothing about time", "extent.temporal.interval")
    return Extent(EARTH, None, box, start, end)
