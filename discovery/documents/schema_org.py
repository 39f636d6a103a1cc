"""Records as schema.org JSON-LD, as Google Dataset Search and ESIP's science-on-schema.org ask for it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from discovery.documents import addresses, credits, dcat, places, words
from discovery.documents.credits import Agent
from discovery.documents.site import Site
from discovery.model import instant, terms
from discovery.model.extent import EARTH, Extent
from discovery.model.record import Record

CONTEXT: Final = "https://schema.org/"
MAX_DOWNLOADS: Final = 100
"""Files in the document of a page; all of them are in the record's JSON."""
MAX_DESCRIPTION: Final = 5_000
MIN_DESCRIPTION: Final = 50
"""Google refuses a Dataset whose description is shorter or longer than these."""
TYPES: Final[Mapping[str, str]] = {
    "dataset": "Dataset",
    "observation": "Dataset",
    "project": "ResearchProject",
    "datalab": "SoftwareApplication",
    "volume": "DataCatalog",
    "pipeline": "SoftwareSourceCode",
    "experiment": "CreativeWork",
    "service": "WebAPI",
    "document": "DigitalDocument",
}
"""What each kind of record is to schema.org."""
_CONDITIONS: Final = {"registered": "For registered users", "restricted": "Restricted"}
_CODE: Final = frozenset({"vcs", "git"})
_EMBEDDED: Final = ((b"<", b"\\u003c"), (b">", b"\\u003e"), (b"&", b"\\u0026"))


@dataclass(frozen=True, slots=True)
class Format:
    """Another document about the same record."""

    url: str
    media_type: str
    title: str


def document(
    record: Record, site: Site, *, description: str = "", formats: Sequence[Format] = (), seen: int | None = None
) -> dict[str, Any]:
    """Return what schema.org can say of a record, with its context.

    Args:
        record: What is described.
        site: The portal that describes it.
        description: Its description without marks, where that is at hand; else it goes out as the source wrote it.
        formats: The other documents about it.
        seen: When it last changed here.
    """
    kind = TYPES[record.kind]
    here = site.record(record.id)
    out: dict[str, Any] = {"@context": CONTEXT, "@type": kind, "@id": here, "url": here}
    out["name"] = credits.title(record)
    out["description"] = _description(record, site, description)
    out |= _named(record)
    out |= _whole(record, site)
    if kind == "ResearchProject":
        # An organisation to schema.org: it has members, and nothing that is said of works.
        out |= _filled({"member": [_agent(each) for each in credits.agents(record)], "keywords": _keywords(record)})
    else:
        out |= _credited(record, site) | _dated(record)
    if kind == "Dataset":
        out |= _data(record, site)
    elif kind == "SoftwareApplication":
        out |= {"applicationCategory": "Scientific software", "operatingSystem": "Web browser"}
    elif kind == "SoftwareSourceCode":
        out |= _filled({"codeRepository": _linked(record, _CODE)})
    elif kind == "WebAPI":
        out |= _filled({"documentation": _linked(record, frozenset({"describedby", "service-doc", "service-desc"}))})
    out |= _described_elsewhere(formats, seen) if kind != "ResearchProject" else {}
    return out


def catalogue(site: Site) -> dict[str, Any]:
    """Return the portal itself as the DataCatalog that its datasets are in."""
    return {"@type": "DataCatalog", "@id": site.catalogue, "name": words.line(site.title), "url": f"{site.url}/"}


def embedded(document: Mapping[str, Any]) -> str:
    """Return JSON that may stand in a script element: nothing in it ends the element or opens another."""
    data = orjson.dumps(document)
    for mark, escape in _EMBEDDED:
        data = data.replace(mark, escape)
    return data.decode("utf-8").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _filled(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the members that say something; a list of one is that one."""
    out: dict[str, Any] = {}
    for name, value in given.items():
        one = value[0] if isinstance(value, list) and len(value) == 1 else value
        if one is not None and one != "" and one != []:
            out[name] = one
    return out


def _description(record: Record, site: Site, plain: str) -> str:
    told = words.text(plain or record.description)
    if len(told) < MIN_DESCRIPTION:
        told = f"{told.rstrip('.')}. {dcat.described(record, site)}" if told else dcat.described(record, site)
    return told if len(told) <= MAX_DESCRIPTION else f"{told[: MAX_DESCRIPTION - 1]}…"


def _named(record: Record) -> dict[str, Any]:
    doi = credits.doi(record)
    given: list[Any] = []
    if doi:
        registry = "https://registry.identifiers.org/registry/doi"
        value = {"propertyID": registry, "value": f"doi:{doi}", "url": addresses.doi(doi)}
        given.append({"@type": "PropertyValue", **value})
    given += credits.identifiers(record)
    landing = credits.landing(record)
    same = [each for each in (addresses.doi(doi), landing) if each]
    return _filled({"identifier": given or record.id, "sameAs": list(dict.fromkeys(same))})


def _whole(record: Record, site: Site) -> dict[str, Any]:
    # A project is above a dataset, a dataset above its observations; an organisation is no part of anything.
    name = "parentOrganization" if record.kind == "project" else "isPartOf"
    whole = {"@id": site.record(record.dataset)} if record.dataset and record.kind != "service" else None
    pictures = (addresses.published(each.href) for each in record.assets if "thumbnail" in each.roles)
    image = next((each for each in pictures if each), "")
    return _filled({name: whole, "image": image})


def _credited(record: Record, site: Site) -> dict[str, Any]:
    publisher = credits.publisher(record)
    licence = credits.licence_url(record)
    if record.kind == "service":
        # A service is offered, not written.
        return _filled({"provider": _agent(publisher) if publisher else None, "termsOfService": licence})
    made = credits.creators(record) or ((publisher,) if publisher else ())
    return _filled(
        {
            "creator": [_agent(each) for each in made],
            "publisher": _agent(publisher) if publisher else None,
            "license": licence,
            "creditText": credits.attribution(record),
            "version": credits.version(record),
            "isAccessibleForFree": True if record.access == "open" else None,
            "conditionsOfAccess": _CONDITIONS.get(record.access),
            "keywords": _keywords(record),
            "sdPublisher": {"@type": "Organization", "name": words.line(site.title), "url": f"{site.url}/"},
        }
    )


def _keywords(record: Record) -> list[str]:
    themes = (terms.label("theme", each) for each in record.themes)
    found = (words.line(each, 300) for each in (*record.keywords, *credits.missions(record), *themes))
    return list(dict.fromkeys(each for each in found if each))[: dcat.MAX_WORDS]


def _agent(given: Agent) -> dict[str, Any]:
    out: dict[str, Any] = {"@type": "Person" if given.person else "Organization"}
    if given.orcid:
        out["@id"] = out["identifier"] = given.orcid
    out["name"] = given.name
    if given.url and not given.orcid:
        out["url"] = given.url
    if given.organization:
        out["affiliation"] = {"@type": "Organization", "name": given.organization}
    return out


def _dated(record: Record) -> dict[str, Any]:
    if record.kind == "service":
        return {}
    moments = {"dateCreated": record.created, "datePublished": record.created, "dateModified": record.updated}
    return {name: instant.iso(moment) for name, moment in moments.items() if moment is not None}


def _data(record: Record, site: Site) -> dict[str, Any]:
    variables = (words.line(each, 300) for each in record.variables[: dcat.MAX_WORDS])
    technique = (words.line(terms.label("instrument", each), 300) for each in record.instruments[:50])
    resolution = record.numbers.get("resolution")
    return _filled(
        {
            "includedInDataCatalog": catalogue(site),
            "variableMeasured": [{"@type": "PropertyValue", "name": each} for each in variables if each],
            "measurementTechnique": [each for each in technique if each],
            "spatialCoverage": _place(record.extent),
            "spatialResolution": f"{resolution:g} m" if resolution is not None else None,
            "temporalCoverage": _period(record.extent),
            "distribution": list(_downloads(record)),
        }
    )


def _place(extent: Extent) -> dict[str, Any] | None:
    if elsewhere := places.told(extent):
        return {"@type": "Place", "name": elsewhere}
    found = places.box(extent) if extent.frame == EARTH else None
    if found is None:
        return None
    west, south, east, north = found
    if west == east and south == north:
        return {"@type": "Place", "geo": {"@type": "GeoCoordinates", "latitude": south, "longitude": west}}
    shapes = [{"@type": "GeoShape", "box": _box(each)} for each in places.boxes(found)]
    return {"@type": "Place", "geo": shapes if len(shapes) > 1 else shapes[0]}


def _box(found: places.Box) -> str:
    west, south, east, north = map(places.degrees, found)
    return f"{south} {west} {north} {east}"


def _period(extent: Extent) -> str:
    if not extent.timed:
        return ""
    start, end = ("" if each is None else instant.iso(each) for each in (extent.start, extent.end))
    return start if start == end else f"{start or '..'}/{end or '..'}"


def _downloads(record: Record) -> Iterable[dict[str, Any]]:
    licence = credits.licence_url(record)
    for asset, href in dcat.downloads(record)[:MAX_DOWNLOADS]:
        size = asset.size if asset.size is not None and asset.size >= 0 else None
        yield _filled(
            {
                "@type": "DataDownload",
                "name": words.line(asset.title) or words.line(asset.key),
                "contentUrl": href,
                "encodingFormat": words.line(asset.media_type, 200),
                "contentSize": f"{size} B" if size is not None else None,
                "license": licence,
            }
        )


def _linked(record: Record, rels: frozenset[str]) -> str:
    found = (addresses.published(each.href) for each in record.links if each.rel in rels)
    return next((each for each in found if each), "")


def _described_elsewhere(formats: Sequence[Format], seen: int | None) -> dict[str, Any]:
    dated = {"dateModified": instant.iso(seen)} if seen is not None else {}
    found = [
        {
            "@type": "DataDownload",
            "name": each.title,
            "contentUrl": each.url,
            "encodingFormat": each.media_type,
            **dated,
        }
        for each in formats
    ]
    return _filled({"subjectOf": found})
