"""A STAC Item as an observation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from discovery.model import terms
from discovery.model.extent import EARTH, Extent
from discovery.model.record import Record, make_extent, make_record
from harvesters import places, stac, stac_storage
from harvesters.defaults import Defaults
from harvesters.document import MAX_DESCRIPTION, MAX_TITLE, Notes, moment, tail, text, texts


def to_record(
    document: Mapping[str, Any],
    container: str,
    source_id: str,
    defaults: Defaults,
    *,
    dataset: str = "",
    base: str = "",
) -> Record:
    """Return the observation that a STAC Item describes.

    Args:
        document: The parsed Item.
        container: The id of its collection.
        source_id: Its id.
        defaults: What the operator said of the source.
        dataset: The record id of its collection.
        base: What its relative links start from.
    """
    notes = Notes()
    claimed = document.get("collection")
    if claimed is not None and claimed != container:
        notes.add(
            "other-collection", f"the item names the collection {str(claimed)[:80]!r}, not {container!r}", "collection"
        )
    given = document.get("properties")
    if not isinstance(given, Mapping):
        notes.add("wrong-type", "properties is not an object", "properties")
        given = {}
    links = stac.links(document.get("links"), base, notes)
    assets = stac.assets(document.get("assets"), base, notes)
    names = [word for key in ("constellation", "platform", "mission") for word in texts(given.get(key), notes, key)]
    missions = defaults.missions(stac.missions(_known_first(names)))
    title = text(given.get("title"), notes, "title", MAX_TITLE) or text(
        document.get("title"), notes, "title", MAX_TITLE
    )
    properties = tail(((k, v) for k, v in given.items() if k not in stac.USED and k != "collection"), notes)
    return make_record(
        defaults.source,
        container,
        source_id,
        "observation",
        title or source_id,
        description=text(
            given.get("description") or document.get("description"), notes, "description", MAX_DESCRIPTION
        ),
        domain=defaults.domain_of(missions),
        missions=missions,
        instruments=stac.instruments(texts(given.get("instruments"), notes, "instruments")),
        themes=stac.themes(given.get("themes"), notes),
        keywords=texts(given.get("keywords"), notes, "keywords"),
        variables=stac.titles(links, "variable") or texts(given.get("osc:variables"), notes, "osc:variables"),
        provider=stac.provider(document, given, notes) or defaults.provider,
        license=stac.license_of(given.get("license") or document.get("license"), notes),
        level=text(given.get("processing:level"), notes, "processing:level"),
        product_type=text(given.get("product:type") or given.get("product_type"), notes, "product:type"),
        formats=stac.formats(assets),
        dataset=dataset,
        extent=_extent(document, given, notes),
        assets=assets,
        links=links,
        contacts=stac.contacts(document, given, notes),
        doi=stac.doi((given.get("sci:doi"),), links),
        created=moment(given.get("created"), notes, "created"),
        updated=moment(given.get("updated"), notes, "updated"),
        numbers=stac.numbers(given, assets, notes),
        properties=defaults.marked({**properties, **stac_storage.properties(document, given)}),
        issues=notes.issues,
    )


def _known_first(names: list[str]) -> list[str]:
    """Return the names that are missions of ours; all of them only when none is.

    A constellation is the mission and its platforms are satellites of it, which nobody looks for one by one.
    """
    known = [name for name in names if terms.mission(name)]
    return known or names[:1]


def _extent(document: Mapping[str, Any], given: Mapping[str, Any], notes: Notes) -> Extent:
    version = document.get("stac_version")
    if not isinstance(version, str) or not version.startswith(("1.0", "1.1")):
        notes.add("unknown-version", f"stac_version is {str(version)[:40]!r}; 1.0 and 1.1 are known", "stac_version")
    instant = moment(given.get("datetime"), notes, "datetime")
    start = moment(given.get("start_datetime"), notes, "start_datetime")
    end = moment(given.get("end_datetime"), notes, "end_datetime")
    if start is None and end is None:
        start = end = instant
    if start is not None and end is not None and start > end:
        notes.add("bad-interval", "start_datetime is after end_datetime; they were exchanged", "start_datetime")
        start, end = end, start
    if start is None and end is None:
        notes.add("no-time", "the item says nothing about time", "datetime")
    return make_extent(
        EARTH, places.geometry(document.get("geometry"), notes), places.bbox(document.get("bbox"), notes), start, end
    )
