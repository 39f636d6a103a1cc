"""A record as a Feature of OGC API - Records (OGC 20-004r1, 7.2), for a portal to serve and for another to harvest.

What the standard has no member for stands in `properties` under names that begin with `discovery:`, and a file is a
link with its key and roles beside the standard's members. `harvesters.ogc_own` reads all of it back.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from discovery.model import terms
from discovery.model.extent import EARTH, Extent
from discovery.model.instant import DAY, days, iso
from discovery.model.record import Asset, Contact, Link, Record
from discovery.model.stac import NUMBERS, geojson, redact_text

RECORD_CORE: Final = "http://www.opengis.net/spec/ogcapi-records-1/1.0/conf/record-core"
EXTENSION: Final = "urn:x-discovery:ogc-record:1"
"""In `conformsTo` of a record: it holds the names of our own, and nothing of it is missing."""
OWN: Final = "discovery:"
"""Begins the names of what the standard has no name for."""
BOX: Final = "bbox"
"""What `discovery:footprint` is where the record has a box alone, and the geometry is that box."""
REST: Final = f"{OWN}properties"
"""The member for what of the long tail has a name that the standard, or we, use for something else."""
DOI: Final = "doi"
"""The scheme of a DOI among the external identifiers; catalogues say what it stands for."""
DOI_NAMESPACE: Final = "https://doi.org/"
THEMES: Final = "urn:x-discovery:themes"
"""The scheme of our themes."""
_FIRST: Final = days(0, 1, 1) * DAY
_LAST: Final = days(10_000, 1, 1) * DAY - 1
"""The years that have four digits."""
_RELS: Final = (("thumbnail", "preview"), ("overview", "preview"), ("metadata", "describedby"))
"""Relations of files that are no data, by their roles."""
_TAKEN: Final = frozenset(
    {
        *("DOI", "access", "assets", "bbox", "cf:parameter", "conformsTo", "contacts", "created"),
        *("datetime", "description", "doi", "domain", "end_datetime", "extent", "externalIds", "formats"),
        *("geometry", "id", "instrument", "instruments", "item_assets", "keywords", "language"),
        *("languages", "level", "license", "linkTemplates", "links", "mission", "missions", "osc:missions"),
        *("osc:project", "osc:type", "osc:variables", "osc:workflow", "processing:level", "product:type"),
        *("product_type", "provider", "providers", "resourceLanguages", "rights", "sci:doi", "stac_extensions"),
        *("stac_version", "start_datetime", "summaries", "themes", "time", "title", "type", "updated"),
        *("variables", *NUMBERS, *NUMBERS.values()),
    }
)
"""Names of the long tail that would be read as something else."""


def to_ogc_record(record: Record) -> dict[str, Any]:
    """Return a valid record; its links are the record's own, and those to where it is served are the face's business.

    A footprint on the sky is no GeoJSON: it stands under a name of ours, so that no map draws it on the Earth.
    """
    extent = record.extent
    geometry = geojson(record) if extent.frame == EARTH else None
    out: dict[str, Any] = {
        "id": record.id,
        "type": "Feature",
        "conformsTo": [RECORD_CORE, EXTENSION],
        "time": time(extent),
        "geometry": geometry,
        "properties": _properties(record),
        "links": list(_links(record)),
    }
    if extent.frame == EARTH and extent.bbox is not None:
        out["bbox"] = list(extent.bbox)
    return out


def time(extent: Extent) -> dict[str, Any] | None:
    """Return the time of a record: dates where it is of whole days, else timestamps; None where it has none.

    The standard has no years beyond four digits: such an end is written as open.
    """
    start, end = (None if each is None or not _plain(each) else each for each in (extent.start, extent.end))
    if start is None and end is None:
        return None
    if start is not None and start == end:
        return {"timestamp": iso(start)}
    if (start is None or start % DAY == 0) and (end is None or end % DAY == DAY - 1):
        first, last = (".." if each is None else iso(each)[:10] for each in (start, end))
        return {"date": first} if first == last else {"interval": [first, last]}
    return {"interval": [".." if each is None else iso(each) for each in (start, end)]}


def _plain(instant: int) -> bool:
    return _FIRST <= instant <= _LAST


def _properties(record: Record) -> dict[str, Any]:
    out: dict[str, Any] = {"type": record.kind, "title": record.title}
    if record.description:
        out["description"] = record.description
    for name, moment in (("created", record.created), ("updated", record.updated)):
        if moment is not None and _plain(moment):
            out[name] = iso(moment)
    if record.keywords:
        out["keywords"] = list(record.keywords)
    if record.themes:
        concepts = [{"id": each, "title": terms.label("theme", each)} for each in record.themes]
        out["themes"] = [{"scheme": THEMES, "concepts": concepts}]
    if record.formats:
        out["formats"] = [{"name": each} for each in record.formats]
    if contacts := [_contact(each) for each in record.contacts if each.name]:
        out["contacts"] = contacts
    out |= _license(record)
    out["externalIds"] = list(_external_ids(record))
    out |= _own(record)
    for name, number in record.numbers.items():
        out[NUMBERS.get(name, f"{OWN}{name}")] = number
    rest: dict[str, Any] = {}
    for name, value in record.properties.items():
        target = rest if name in _TAKEN or name in out or name.startswith(OWN) else out
        target[name] = value if isinstance(value, str) else list(value)
    if rest:
        out[REST] = rest
    return out


def _own(record: Record) -> dict[str, Any]:
    """Return what the standard has no names for; what is empty is left out."""
    extent = record.extent
    found: dict[str, Any] = {
        "domain": record.domain,
        "missions": list(record.missions),
        "instruments": list(record.instruments),
        "variables": list(record.variables),
        "targets": list(record.targets),
        "provider": record.provider,
        "level": record.level,
        "product_type": record.product_type,
        "dataset": record.dataset,
        "access": record.access if record.access != "open" else "",
        "metadata_updated": iso(record.metadata_updated) if record.metadata_updated is not None else "",
        **_footprint(extent),
    }
    ends = [extent.start, extent.end]
    if any(each is not None and not _plain(each) for each in ends):
        found["interval"] = [None if each is None else iso(each) for each in ends]
    return {f"{OWN}{name}": value for name, value in found.items() if value}


def _footprint(extent: Extent) -> dict[str, Any]:
    geometry = extent.geometry
    if extent.frame != EARTH:
        return {
            "frame": extent.frame,
            "footprint": dict(geometry) if geometry is not None else None,
            "bbox": list(extent.bbox) if extent.bbox is not None else None,
        }
    if geometry is None:
        return {"footprint": BOX if extent.bbox is not None else ""}
    return {"footprint": dict(geometry) if geometry.get("type") in ("Circle", "Moc") else None}


def _license(record: Record) -> dict[str, str]:
    """Return the licence by its SPDX identifier; `other` needs a link to its text, without which only we have it."""
    if not record.license or terms.is_spdx(record.license):
        return {"license": record.license} if record.license else {}
    linked = any(each.rel == "license" for each in record.links)
    return {f"{OWN}license": record.license} | ({"license": "other"} if linked else {})


def _contact(contact: Contact) -> dict[str, Any]:
    out: dict[str, Any] = {"name": contact.name}
    if contact.organization:
        out["organization"] = contact.organization
    if contact.roles:
        out["roles"] = list(contact.roles)
    if contact.url:
        out["links"] = [{"rel": "about", "href": redact_text(contact.url), "type": "text/html"}]
    return out


def _external_ids(record: Record) -> Iterator[dict[str, Any]]:
    if record.doi:
        yield {"scheme": DOI, "value": record.doi}
    yield {"scheme": record.source, "value": record.source_id}
    yield from ({"value": each} for each in record.external_ids)


def _links(record: Record) -> Iterator[dict[str, Any]]:
    linked = _linked(record)
    for each in record.links:
        out = _link(each)
        asset = linked.get(each.href)
        # The file that a link leads to is the link itself, which then has both sets of members.
        yield out if asset is None else {**out, **_file(asset), f"{OWN}linked": True}
    for file in () if linked else record.assets:
        out = {"rel": _rel(file), "href": redact_text(file.href)}
        out |= {"type": file.media_type} if file.media_type else {}
        out |= {"title": file.title} if file.title else {}
        yield out | _file(file)


def _linked(record: Record) -> Mapping[str, Asset]:
    """Return the files by their addresses where each is one of the links, in their order, as in records of OGC."""
    hrefs = [each.href for each in record.links]
    files = {each.href: each for each in record.assets}
    if len(files) != len(record.assets) or len(set(hrefs)) != len(hrefs):
        return {}
    among = [each for each in hrefs if each in files]
    same = all(
        (files[each.href].title, files[each.href].media_type) == (each.title, each.media_type)
        for each in record.links
        if each.href in files
    )
    return files if same and among == list(files) else {}


def _link(link: Link) -> dict[str, Any]:
    out: dict[str, Any] = {"rel": link.rel, "href": redact_text(link.href)}
    out |= {"type": link.media_type} if link.media_type else {}
    return out | ({"title": link.title} if link.title else {})


def _file(asset: Asset) -> dict[str, Any]:
    out: dict[str, Any] = {"length": asset.size} if asset.size is not None else {}
    out[f"{OWN}key"] = asset.key
    if asset.roles:
        out[f"{OWN}roles"] = list(asset.roles)
    if asset.alternates:
        out[f"{OWN}alternates"] = [redact_text(each) for each in asset.alternates]
    return out


def _rel(asset: Asset) -> str:
    return next((rel for role, rel in _RELS if role in asset.roles), "enclosure")
