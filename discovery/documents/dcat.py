"""Records and the catalogue as DCAT-AP 3, for portals such as data.europa.eu.

A dataset or observation is a `dcat:Dataset`, a service with an address a `dcat:DataService`; what DCAT has no class for
is a `dcat:Resource`. The vocabularies that DCAT-AP orders (access rights, data themes) are those of the EU.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from discovery.documents import addresses, credits, places, words
from discovery.documents.credits import Agent
from discovery.documents.rdf import Iri, Literal, Node, node, says
from discovery.documents.site import Site
from discovery.model import terms
from discovery.model.record import Asset, Record

MAX_DISTRIBUTIONS: Final = 500
"""Distributions in one document; the rest is in the record's JSON."""
MAX_WORDS: Final = 200
PROFILE: Final = "http://data.europa.eu/r5r/"
"""The profile that our catalogue records say they keep to: DCAT-AP."""
_EU: Final = "http://publications.europa.eu/resource/authority"
_ACCESS: Final = {"open": "PUBLIC", "registered": "RESTRICTED", "restricted": "NON_PUBLIC"}
_THEMES: Final = {"earth-observation": ("ENVI", "TECH"), "space-science": ("TECH",), "navigation": ("TRAN", "TECH")}
_MEDIA_TYPE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]*/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]*")
_MEDIA_TYPES: Final = "https://www.iana.org/assignments/media-types/"
_PICTURES: Final = frozenset({"thumbnail", "overview"})
_SERVICES: Final = frozenset({"service", "self", "root"})


@dataclass(frozen=True, slots=True)
class Entry:
    """A record as it stands in the catalogue."""

    record: Record
    seen: int
    """When it last changed here."""


def record(entry: Entry, site: Site) -> list[Node]:
    """Return a record as the nodes of a document: itself, and what the catalogue says of its entry."""
    given = entry.record
    about = node(_types(given), site.record(given.id))
    about = says(about, "dct:title", credits.title(given))
    about = says(about, "dct:description", words.text(given.description) or described(given, site))
    about = says(about, "dct:identifier", *(_identifiers(given)))
    about = _credited(about, given)
    about = _subjects(about, given)
    about = _dated(about, given)
    about = _placed(about, given)
    about = _related(about, given, site)
    if "dcat:Dataset" in about.types:
        about = says(about, "dcat:distribution", *_distributions(given, about.iri))
    return [about, _entry(entry, site)]


def described(given: Record, site: Site) -> str:
    """Return a sentence for a record whose source has none, as every catalogue asks for one."""
    noun = "An observation" if given.kind == "observation" else f"A {given.kind}"
    seen = credits.missions(given)[:3]
    by = f" by {words.line(', '.join([*given.instruments[:3], *seen]), 300)}" if given.instruments or seen else ""
    provider = f", provided by {words.line(given.provider, 200)}" if given.provider else ""
    return f"{noun}{by} called {credits.title(given)[:300]}{provider}, as it stands in the catalogue of {site.title}."


def _types(given: Record) -> str:
    if given.kind in ("dataset", "observation"):
        return "dcat:Dataset"
    if given.kind == "service" and _endpoint(given):
        return "dcat:DataService"
    return "dcat:Resource"


def _endpoint(given: Record) -> str:
    linked = (each.href for each in given.links if each.rel in _SERVICES)
    found = (addresses.published(each) for each in (*linked, *(each.href for each in given.assets)))
    return next((each for each in found if each), "")


def _identifiers(given: Record) -> tuple[str, ...]:
    doi = credits.doi(given)
    return (*((addresses.doi(doi),) if doi else (given.id,)), *credits.identifiers(given))


def _credited(about: Node, given: Record) -> Node:
    publisher = credits.publisher(given)
    about = says(about, "dct:publisher", _agent(publisher) if publisher else None)
    about = says(about, "dct:creator", *map(_agent, credits.creators(given)))
    contacts = (each for each in credits.agents(given) if "pointOfContact" in each.roles)
    about = says(about, "dcat:contactPoint", *map(_contact, contacts))
    url = credits.licence_url(given)
    about = says(about, "dct:license", _licence(url))
    rights = [credits.attribution(given), "" if url else words.line(given.license)]
    about = says(about, "dct:rights", *(_labelled("dct:RightsStatement", each) for each in rights if each))
    access = f"{_EU}/access-right/{_ACCESS.get(given.access, 'PUBLIC')}"
    return says(about, "dct:accessRights", node("dct:RightsStatement", access))


def _licence(url: str) -> Node | None:
    return node("dct:LicenseDocument", url) if url else None


def _agent(given: Agent) -> Node:
    made = says(node("foaf:Agent foaf:Person" if given.person else "foaf:Agent", given.orcid), "foaf:name", given.name)
    return says(made, "foaf:homepage", Iri(given.url) if given.url and not given.orcid else None)


def _contact(given: Agent) -> Node:
    made = says(node("vcard:Individual" if given.person else "vcard:Organization"), "vcard:fn", given.name)
    return says(made, "vcard:hasURL", Iri(given.url) if given.url else None)


def _labelled(kind: str, label: str, name: str = "rdfs:label") -> Node:
    return says(node(kind), name, label)


def _subjects(about: Node, given: Record) -> Node:
    named = (
        *given.keywords,
        *credits.missions(given),
        *(terms.label("instrument", each) for each in given.instruments),
        *given.variables,
    )
    keywords = dict.fromkeys(word for each in named[:MAX_WORDS] if (word := words.line(each, 300)))
    about = says(about, "dcat:keyword", *keywords)
    about = says(
        about,
        "dcat:theme",
        *(node("skos:Concept", f"{_EU}/data-theme/{each}") for each in _THEMES.get(given.domain, ())),
    )
    own = (words.line(terms.label("theme", each), 300) for each in given.themes[:MAX_WORDS])
    return says(about, "dcat:theme", *(_labelled("skos:Concept", each, "skos:prefLabel") for each in own if each))


def _dated(about: Node, given: Record) -> Node:
    for name, moment in (("dct:issued", given.created), ("dct:modified", given.updated)):
        about = says(about, name, None if moment is None else _moment(moment))
    about = says(about, "dcat:version", credits.version(given))
    if not given.extent.timed:
        return about
    period = node("dct:PeriodOfTime")
    for name, moment in (("dcat:startDate", given.extent.start), ("dcat:endDate", given.extent.end)):
        period = says(period, name, None if moment is None else _moment(moment))
    return says(about, "dct:temporal", period)


def _moment(milliseconds: int) -> Literal:
    return Literal(credits.xsd_date_time(milliseconds), "xsd:dateTime")


def _placed(about: Node, given: Record) -> Node:
    metres = given.numbers.get("resolution")
    if metres is not None and 0 < metres < 1e9:
        about = says(about, "dcat:spatialResolutionInMeters", Literal(places.degrees(metres), "xsd:decimal"))
    # The axes of WKT without a system are those of the Earth, so the sky is told in words.
    if elsewhere := places.told(given.extent):
        return says(about, "dct:spatial", _labelled("dct:Location", elsewhere, "skos:prefLabel"))
    found = places.box(given.extent) if given.extent.frame == "earth" else None
    if found is None:
        return about
    place = says(node("dct:Location"), "dcat:bbox", Literal(places.box_wkt(found), "geo:wktLiteral"))
    shape = places.wkt(given.extent)
    return says(about, "dct:spatial", says(place, "locn:geometry", Literal(shape, "geo:wktLiteral") if shape else None))


def _related(about: Node, given: Record, site: Site) -> Node:
    landing = credits.landing(given)
    about = says(about, "dcat:landingPage", node("foaf:Document", landing) if landing else None)
    about = says(about, "dct:isPartOf", Iri(site.record(given.dataset)) if given.dataset else None)
    pages = (addresses.published(each.href) for each in given.links if each.rel in ("describedby", "documentation"))
    about = says(about, "foaf:page", *(node("foaf:Document", each) for each in dict.fromkeys(pages) if each))
    pictures = (addresses.published(each.href) for each in given.assets if _PICTURES & set(each.roles))
    about = says(about, "foaf:depiction", *(Iri(each) for each in dict.fromkeys(pictures) if each))
    endpoint = _endpoint(given) if "dcat:DataService" in about.types else ""
    return says(about, "dcat:endpointURL", Iri(endpoint) if endpoint else None)


def downloads(given: Record) -> list[tuple[Asset, str]]:
    """Return the files of a record that a document may name, with their addresses; pictures of it are none."""
    files = [each for each in given.assets if not _PICTURES & set(each.roles)][:MAX_DISTRIBUTIONS]
    found = ((each, addresses.published(each.href, addresses.STORES)) for each in files)
    return [(each, href) for each, href in found if href]


def _distributions(given: Record, iri: str) -> Iterable[Node]:
    licence = _licence(credits.licence_url(given))
    for number, (asset, href) in enumerate(downloads(given), 1):
        made = node("dcat:Distribution", f"{iri}#distribution-{number}")
        made = says(made, "dct:title", words.line(asset.title) or words.line(asset.key))
        alternates = (addresses.published(each, addresses.STORES) for each in asset.alternates[:5])
        made = says(made, "dcat:accessURL", Iri(href), *(Iri(each) for each in alternates if each))
        made = says(made, "dcat:downloadURL", Iri(href) if "data" in asset.roles else None)
        made = _formatted(made, words.line(asset.media_type, 200))
        size = asset.size if asset.size is not None and asset.size >= 0 else None
        made = says(made, "dcat:byteSize", None if size is None else Literal(str(size), "xsd:nonNegativeInteger"))
        yield says(made, "dct:license", licence)


def _formatted(made: Node, kind: str) -> Node:
    # A parameter is no part of a name at IANA, and `profile=cloud-optimized` is what a reader wants to know.
    if _MEDIA_TYPE.fullmatch(kind):
        made = says(made, "dcat:mediaType", node("dct:MediaType", f"{_MEDIA_TYPES}{kind}"))
    return says(made, "dct:format", _labelled("dct:MediaTypeOrExtent", kind) if kind else None)


def _entry(entry: Entry, site: Site) -> Node:
    iri = site.record(entry.record.id)
    made = says(node("dcat:CatalogRecord", f"{iri}#record"), "foaf:primaryTopic", Iri(iri))
    made = says(made, "dct:modified", _moment(entry.seen))
    return says(made, "dct:conformsTo", Iri(PROFILE))


def catalogue(site: Site, modified: int | None = None) -> Node:
    """Return the catalogue itself, without its records."""
    title = words.line(site.title)
    made = says(node("dcat:Catalog", site.catalogue), "dct:title", title)
    made = says(made, "dct:description", words.text(site.summary))
    made = says(made, "dct:publisher", says(node("foaf:Agent", f"{site.catalogue}#publisher"), "foaf:name", title))
    made = says(made, "foaf:homepage", node("foaf:Document", f"{site.url}/"))
    return says(made, "dct:modified", None if modified is None else _moment(modified))


def listed(about: Node, entries: Sequence[Entry], site: Site) -> Node:
    """Return the catalogue with these records in it."""
    for each in entries:
        about = says(about, _member(each.record), Iri(site.record(each.record.id)))
        about = says(about, "dcat:record", Iri(f"{site.record(each.record.id)}#record"))
    return about


def _member(given: Record) -> str:
    return {"dcat:Dataset": "dcat:dataset", "dcat:DataService": "dcat:service"}.get(_types(given), "dcat:resource")


def page(here: str, first: str, onward: str) -> Node:
    """Return what tells a harvester where the next page is, in the words of Hydra.

    Args:
        here: The address of this page.
        first: That of the first one.
        onward: That of the next one; empty for the last.
    """
    made = node("hydra:PartialCollectionView hydra:PagedCollection", here)
    made = says(made, "hydra:first", Iri(first))
    return says(made, "hydra:next", Iri(onward) if onward else None)
