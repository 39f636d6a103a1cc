"""An OGC API Record (a GeoJSON Feature) as what its type says: a dataset, service, workflow, volume, datalab, ..."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from discovery.errors import RecordError
from discovery.model.extent import EARTH, Extent
from discovery.model.record import KINDS, Asset, Link, Record, make_extent, make_record, record_id
from discovery.model.stac import INFERRED_RELS
from harvesters import ogc_own, places, stac, stac_storage
from harvesters.defaults import Defaults
from harvesters.document import MAX_DESCRIPTION, MAX_TITLE, Notes, items, moment, tail, text, texts

TYPES: Final[Mapping[str, str]] = {kind: kind for kind in KINDS} | {
    "workflow": "pipeline",
    "process": "pipeline",
    "application": "datalab",
    "data-volume": "volume",
    "collection": "dataset",
    "series": "dataset",
    "nongeographicdataset": "dataset",
    "software": "pipeline",
    "tool": "service",
    "publication": "document",
    "report": "document",
    "feature": "observation",
}
"""Kinds of record by the types that records use; one that is not here is an error with its name in it."""

OWN: Final = "discovery:"
"""Begins the name of what no standard names: a volume's mount path, a datalab's interface, a mission's path."""
_PARENTS: Final = (("osc:workflow", "workflows"), ("osc:project", "projects"))
"""What an experiment or a workflow of the Open Science Catalog belongs to, the nearest first, and its section."""
_DATA_RELS: Final = frozenset({"enclosure", "item", "data", "download"})
_STRUCTURE: Final = INFERRED_RELS - {"item"}
"""Relations of a catalogue's own structure; below a record stands what it describes, which is no structure."""
_SERVICE: Final = "ogc:"
"""Begins what some write as the type of a link to a service, such as OGC:WMS."""


def to_record(
    document: Mapping[str, Any],
    container: str,
    source_id: str,
    defaults: Defaults,
    *,
    base: str = "",
    extra: tuple[str, ...] = (),
    otherwise: str = "",
) -> Record:
    """Return the record that an OGC Records Feature describes.

    Args:
        document: The parsed Feature.
        container: The section of the catalogue that it stands in.
        source_id: Its id.
        defaults: What the operator said of the source.
        base: What its relative links start from.
        extra: Names of properties that have been used for something else.
        otherwise: The kind of a record whose type is missing, or none that we know; a catalogue of a standard that
            wants no type may have such records, and they get a warning.

    Raises:
        RecordError: Its type is missing, or none that we know, and there is no kind for that.
    """
    notes = Notes()
    given = document.get("properties")
    if not isinstance(given, Mapping):
        raise RecordError("wrong-type", "properties is not an object", path="properties")
    given = _without_prefix(given)
    kind = _kind(given, otherwise, notes)
    if document.get("type") != "Feature":
        notes.add("not-a-feature", f"the record's type is {str(document.get('type'))[:80]!r}, not Feature", "type")
    links = stac.links(ogc_own.sent_links(document), base, notes, structure=_STRUCTURE)
    assets = _assets(document, links, base, notes)
    missions = stac.missions(_missions(given, notes))
    title = text(given.get("title"), notes, "title", MAX_TITLE) or text(
        document.get("title"), notes, "title", MAX_TITLE
    )
    left = ((name, value) for name, value in given.items() if name not in stac.USED and name not in extra)
    properties = {**tail(left, notes), **stac_storage.properties(document, given)}
    if projects := stac.titles(links, "project"):
        properties["project"] = projects[0]
    if otherwise and (sent := text(given.get("type"), notes, "type")) and _word(sent) not in TYPES:
        properties["type"] = sent
    record = make_record(
        defaults.source,
        container,
        source_id,
        kind,
        title or source_id,
        description=text(given.get("description"), notes, "description", MAX_DESCRIPTION),
        domain=_domain(given, notes),
        missions=missions,
        instruments=stac.instruments(_either(given, "instruments", "instrument", notes)),
        themes=stac.themes(given.get("themes") or document.get("themes"), notes),
        keywords=texts(given.get("keywords"), notes, "keywords"),
        variables=stac.titles(links, "variable") or _either(given, "variables", "osc:variables", notes),
        provider=_provider(document, given, notes),
        license=stac.license_of(given.get("license"), notes),
        level=text(given.get("level") or given.get("processing:level"), notes, "level"),
        product_type=text(given.get("product_type"), notes, "product_type"),
        formats=_formats(given, assets, notes),
        dataset=_parent(given, defaults.source, notes),
        extent=_extent(document, given, notes),
        assets=assets,
        links=links,
        contacts=stac.contacts(document, given, notes),
        doi=stac.doi((given.get("sci:doi"), given.get("doi"), given.get("DOI")), links),
        external_ids=_external_ids(given, notes),
        created=moment(given.get("created"), notes, "created"),
        updated=moment(given.get("updated"), notes, "updated"),
        access=_access(given, notes),
        numbers=stac.numbers(given, assets, notes),
        properties=properties,
        issues=notes.issues,
    )
    if ogc_own.is_own(document):
        record = replace(ogc_own.completed(record, document, notes, base), issues=notes.issues)
    return defaults.fill(record)


def _without_prefix(given: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the properties with those that have no standard name under the names that the field table has for them."""
    ours = {name.removeprefix(OWN): value for name, value in given.items() if name.startswith(OWN)}
    if not ours:
        return given
    if "property" in ours:
        ours["capability"] = ours.pop("property")  # ESA's portal calls the facet "Properties", too wide a word for us.
    return ours | {name: value for name, value in given.items() if not name.startswith(OWN)}


def kind_of(properties: Mapping[str, Any]) -> str:
    """Return the kind of record that a Feature's type stands for.

    Raises:
        RecordError: It has none (`missing-type`), or one that we do not know (`unknown-type`).
    """
    sent = properties.get("type")
    if not isinstance(sent, str) or not sent.strip():
        raise RecordError("missing-type", "the record does not say what it is", path="properties.type")
    kind = TYPES.get(_word(sent))
    if kind is None:
        raise RecordError(
            "unknown-type", f"type {sent[:80]!r} is not one of {', '.join(sorted(TYPES))}", path="properties.type"
        )
    return kind


def _word(sent: str) -> str:
    """Return the word of a type, which may be a URI whose last part it is."""
    return sent.strip().rstrip("/").replace("#", "/").rpartition("/")[2].lower()


def _kind(given: Mapping[str, Any], otherwise: str, notes: Notes) -> str:
    try:
        return kind_of(given)
    except RecordError as error:
        if not otherwise:
            raise
        notes.add(error.code, f"{error}; it is taken for a {otherwise}", error.path)
        return otherwise


def _either(given: Mapping[str, Any], one: str, other: str, notes: Notes) -> tuple[str, ...]:
    return texts(given.get(one), notes, one) or texts(given.get(other), notes, other)


def _missions(given: Mapping[str, Any], notes: Notes) -> tuple[str, ...]:
    names = (*texts(given.get("mission"), notes, "mission"), *texts(given.get("missions"), notes, "missions"))
    return names or texts(given.get("osc:missions"), notes, "osc:missions")


def _domain(given: Mapping[str, Any], notes: Notes) -> str:
    sent = text(given.get("domain"), notes, "domain").lower().replace(" ", "-")
    if sent in ("earth-observation", "space-science", "navigation"):
        return sent
    if sent:
        notes.add("unknown-domain", f"domain {sent[:80]!r} is not one that we know", "properties.domain")
    return ""


def _provider(document: Mapping[str, Any], given: Mapping[str, Any], notes: Notes) -> str:
    return text(given.get("provider"), notes, "provider") or stac.provider(document, given, notes)


def _parent(given: Mapping[str, Any], source: str, notes: Notes) -> str:
    for name, section in _PARENTS:
        if word := text(given.get(name), notes, name):
            return record_id(source, section, word)
    return ""


def _assets(document: Mapping[str, Any], links: tuple[Link, ...], base: str, notes: Notes) -> tuple[Asset, ...]:
    """Return the files of a record; Records has no assets of its own, so links that lead to data stand for them."""
    given = stac.assets(document.get("assets"), base, notes)
    return given or tuple(
        Asset(link.href, f"link-{number}", link.title, link.media_type, ("data",))
        for number, link in enumerate(links, 1)
        if link.rel.lower() in _DATA_RELS and not link.media_type.lower().startswith(_SERVICE)
    )


def _formats(given: Mapping[str, Any], assets: tuple[Asset, ...], notes: Notes) -> tuple[str, ...]:
    names: list[str] = []
    for value in given.get("formats") or () if isinstance(given.get("formats"), list) else ():
        word = value.get("name") or value.get("mediaType") if isinstance(value, Mapping) else value
        names += [stac.format_name(name) for name in texts(word, notes, "formats")]
    return tuple(dict.fromkeys(names)) or stac.formats(assets)


def _external_ids(given: Mapping[str, Any], notes: Notes) -> tuple[str, ...]:
    found = (
        text(each.get("value"), notes, "externalIds") for each in items(given.get("externalIds"), notes, "externalIds")
    )
    return tuple(dict.fromkeys(each for each in found if each))


def _access(given: Mapping[str, Any], notes: Notes) -> str:
    sent = text(given.get("access"), notes, "access").lower()
    if sent and sent not in ("open", "registered", "restricted"):
        notes.add("unknown-access", f"access {sent[:40]!r} is not open, registered or restricted", "properties.access")
    return sent if sent in ("registered", "restricted") else "open"


def _extent(document: Mapping[str, Any], given: Mapping[str, Any], notes: Notes) -> Extent:
    start, end = _interval(document.get("time"), notes)
    start = start if start is not None else moment(given.get("start_datetime"), notes, "start_datetime")
    end = end if end is not None else moment(given.get("end_datetime"), notes, "end_datetime", end=True)
    if start is not None and end is not None and start > end:
        notes.add("bad-interval", "the time ends before it starts; the ends were exchanged", "time")
        start, end = end, start
    geometry = places.geometry(document.get("geometry"), notes)
    return make_extent(EARTH, geometry, places.bbox(document.get("bbox"), notes), start, end)


def _interval(time: Any, notes: Notes) -> tuple[int | None, int | None]:
    if not isinstance(time, Mapping):
        if time is not None:
            notes.add("wrong-type", f"time is a {type(time).__name__}, not an object", "time")
        return None, None
    interval = time.get("interval")
    if isinstance(interval, list) and len(interval) == 2:
        return moment(interval[0], notes, "time"), moment(interval[1], notes, "time", end=True)
    if interval is not None:
        notes.add("bad-interval", "an interval is a list of two times", "time.interval")
    value = time.get("timestamp") or time.get("date")
    return moment(value, notes, "time"), moment(value, notes, "time", end=True)
