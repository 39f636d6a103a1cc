"""Geographic metadata of ISO as a record: 19139 and 19115-2 (`gmd`, `gmi`), 19115-3 (`mdb`), and profiles of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from discovery.model import terms
from discovery.model.record import Contact, Record, make_contact, make_record, record_id
from harvesters import iso_extent, iso_links, stac
from harvesters import iso_keywords as words
from harvesters import iso_tree as tree
from harvesters.defaults import Defaults
from harvesters.document import MAX_DESCRIPTION, MAX_TITLE, MAX_VALUES, Notes, moment, number, text
from harvesters.iso_links import Online
from harvesters.iso_tree import Group

Constraints = list[tuple[str, Group]]
"""What may be done with the data: the names of objects with their properties."""
ROOTS: Final = frozenset({"MD_Metadata", "MI_Metadata"})
"""What documents of these standards are called; profiles put something before it, as in CHE_MD_Metadata."""
KINDS: Final = {
    "dataset": "dataset",
    "nongeographicdataset": "dataset",
    "series": "dataset",
    "tile": "dataset",
    "coverage": "dataset",
    "image": "dataset",
    "feature": "dataset",
    "featuretype": "dataset",
    "aggregate": "dataset",
    "collection": "dataset",
    "product": "dataset",
    "sample": "dataset",
    "service": "service",
    "software": "pipeline",
    "model": "pipeline",
    "application": "service",
    "document": "document",
    "text": "document",
    "metadata": "document",
    "initiative": "project",
    "fieldsession": "project",
    "collectionsession": "project",
}
"""Kinds of record by codes of scope; data are what nearly everything else that is described so is about."""
_MAKERS: Final = (
    "owner",
    "originator",
    "author",
    "principalinvestigator",
    "custodian",
    "publisher",
    "pointofcontact",
    "resourceprovider",
    "distributor",
)
_CLOSED: Final = frozenset({"restricted", "confidential", "private", "secret", "topsecret", "in-confidence"})
_COMMONS: Final = re.compile(
    r"https?://(?:www\.)?creativecommons\.org/(?:licenses|publicdomain)/[a-z0-9./-]+", re.IGNORECASE
)
_UNITS: Final = {"m": 1.0, "metre": 1.0, "meter": 1.0, "metres": 1.0, "meters": 1.0, "km": 1000.0, "cm": 0.01}
_DOI: Final = re.compile(r"10\.[0-9]{4,9}/\S+")
_MEGABYTE: Final = 1_000_000
_CONTENT_NUMBERS: Final = {
    "cloudCoverPercentage": "cloud_cover",
    "illuminationElevationAngle": "sun_elevation",
    "illuminationAzimuthAngle": "sun_azimuth",
}
_SHORT: Final = 200
_SYSTEM: Final = "referenceSystemIdentifier"
_CODES: Final = {
    "topicCategory": "topic_category",
    "defaultLocale": "language",
    "language": "language",
    "status": "status",
    "spatialRepresentationType": "representation",
}
"""Properties of our own by those of an identification that hold codes."""
_NO_INSTRUMENT: Final = "INS-NOBS"
"""What GCMD calls no instrument at all."""


def is_iso(root: Any) -> bool:
    """Say whether a document is one of these standards."""
    return tree.name(root) in ROOTS or tree.name(root).endswith("_MD_Metadata")


def identity(root: Any) -> str:
    """Return the identifier of a document; empty when it has none."""
    found = tree.group(root)
    return tree.first(found, "fileIdentifier") or tree.first(tree.inside(found, "metadataIdentifier"), "code")


def to_record(root: Any, container: str, source_id: str, defaults: Defaults, *, base: str = "") -> Record:
    """Return the record that a document describes.

    Args:
        root: Its root element.
        container: What makes its identifier unique.
        source_id: Its identifier.
        defaults: What the operator said of the source.
        base: What its relative links start from.
    """
    # lxml makes an object for an element whenever it is looked at; as long as one is held it is the same, which spares
    # a sixth of the time of a document whose every part is looked at twice.
    _held = list(root.iter())
    notes = Notes()
    top = tree.group(root)
    identification = tree.held(top, "identificationInfo")
    if identification is None:
        notes.add("no-identification", "the document does not say what it describes", "identificationInfo")
    given = tree.group(identification)
    citation = tree.inside(given, "citation")
    found = words.read(_keywords(top, given))
    assets, links = iso_links.files_and_links(_online(identification, top, given), base, notes)
    contacts, provider = _contacts(top, given, citation)
    identifiers, dates, constraints = _identifiers(citation), _dates(citation, "date"), _constraints(given)
    content = _content(top)
    missions = defaults.missions(stac.missions((*_devices(root, top, "MI_Platform"), *found.platforms)))
    return make_record(
        defaults.source,
        container,
        source_id,
        _kind(top, identification, notes),
        _title(citation, notes) or source_id,
        description=text(_description(given), notes, "abstract", MAX_DESCRIPTION),
        domain=defaults.domain_of(missions),
        missions=missions,
        instruments=stac.instruments((*_devices(root, top, "MI_Instrument"), *found.instruments)),
        themes=found.themes(tree.codes(given, "topicCategory")),
        keywords=found.keywords,
        variables=found.variables,
        provider=provider or defaults.provider,
        license=_license(constraints),
        level=tree.first(tree.inside(content, "processingLevelCode"), "code"),
        formats=_formats(top, given) or stac.formats(assets),
        dataset=_parent(top, given, defaults.source, container, source_id),
        extent=iso_extent.extent(identification, notes),
        assets=assets,
        links=links,
        contacts=contacts,
        doi=stac.doi(identifiers, links),
        external_ids=tuple(each for each in identifiers if each != source_id and not _DOI.search(each)),
        created=_date(dates, ("creation", "publication", ""), notes),
        updated=_date(dates, ("revision", "lastUpdate", "lastRevision"), notes),
        metadata_updated=_stamp(top, notes),
        access=_access(constraints),
        numbers=_numbers(top, given, content, notes),
        properties=defaults.marked(_properties(top, given, citation, constraints, found)),
        issues=notes.issues,
    )


def _kind(top: Group, identification: Any, notes: Notes) -> str:
    scope = tree.code(top, "hierarchyLevel") or tree.code(tree.inside(top, "metadataScope"), "resourceScope")
    if not scope:
        named = tree.name(identification) if identification is not None else ""
        return "service" if named == "SV_ServiceIdentification" else "dataset"
    kind = KINDS.get(scope.lower())
    if kind is None:
        notes.add("unknown-scope", f"scope {scope[:80]!r} is not one that we know; taken for a dataset", "scope")
    return kind or "dataset"


def _title(citation: Group, notes: Notes) -> str:
    title = text(tree.first(citation, "title"), notes, "title", MAX_TITLE)
    if not title:
        notes.add("no-title", "the document has no title; its identifier stands for it", "title")
    return title


def _description(given: Group) -> str:
    return next((found for each in given.get("abstract", ()) if (found := tree.value(each))), "")


def _keywords(top: Group, given: Group) -> Iterator[Group]:
    for each in (*tree.objects(given, "descriptiveKeywords"), *tree.objects(top, "descriptiveKeywords")):
        yield tree.group(each)


def _online(identification: Any, top: Group, given: Group) -> Iterator[Online]:
    """Yield the online resources of the data themselves, and none of those of somebody who is named in passing."""
    service = ""
    if identification is not None and tree.name(identification) == "SV_ServiceIdentification":
        kind = _service_type(given)
        service = iso_links.service_of(kind) or kind or iso_links.SERVICE
    for place in (*top.get("distributionInfo", ()), *given.get("containsOperations", ())):
        for each in place.iter("{*}onLine", "{*}connectPoint"):
            if len(each):
                yield iso_links.read(each[0], service)
    for each in (*top.get("metadataLinkage", ()), *given.get("graphicOverview", ())):
        for resource in each.iter("{*}CI_OnlineResource"):
            yield iso_links.read(resource)
        yield from _graphic(each)


def _graphic(place: Any) -> Iterator[Online]:
    """Yield the pictures of 19139, whose name is their address."""
    for graphic in place.iter("{*}MD_BrowseGraphic"):
        name = tree.first(tree.group(graphic), "fileName")
        if name.startswith(("http:", "https:")):
            yield iso_links.online(name, function="browseGraphic")


def _service_type(given: Group) -> str:
    """Return the type of a service, which is a name without a string around it."""
    place = tree.held(given, "serviceType")
    return (place.text or "").strip()[:_SHORT] if place is not None else ""


# Who


def _contacts(top: Group, given: Group, citation: Group) -> tuple[tuple[Contact, ...], str]:
    """Return who is named, those of the data first, and the organisation that stands behind the data."""
    found: dict[tuple[str, str], Contact] = {}
    makers: dict[str, str] = {}
    for key, place in (("pointOfContact", given), ("citedResponsibleParty", citation), ("contact", top)):
        for party in tree.objects(place, key):
            for each in _people(tree.group(party)):
                known = found.get((each.name, each.organization))
                roles = tuple(dict.fromkeys((*known.roles, *each.roles))) if known else each.roles
                found[each.name, each.organization] = make_contact(each.name, each.organization, roles, each.url)
                for role in each.roles:
                    makers.setdefault(role.lower() if key != "contact" else "", each.organization)
    provider = next((name for role in (*_MAKERS, "") if (name := makers.get(role))), "")
    return tuple(found.values())[:MAX_VALUES], provider or next(filter(None, makers.values()), "")


def _people(party: Group) -> Iterator[Contact]:
    """Yield the people and organisations of a responsible party; never how to write to them."""
    role = tree.code(party, "role")
    roles = (role,) if role else ()
    if "party" not in party:
        yield from _named(tree.first(party, "individualName"), tree.first(party, "organisationName"), roles, party)
        return
    for each in tree.objects(party, "party"):
        inner = tree.group(each)
        own = tree.first(inner, "name")
        if tree.name(each) == "CI_Individual":
            yield from _named(own, "", roles, inner)
            continue
        people = [tree.first(tree.group(person), "name") for person in tree.objects(inner, "individual")]
        for person in people or [""]:
            yield from _named(person, own, roles, inner)


def _named(person: str, organization: str, roles: tuple[str, ...], party: Group) -> Iterator[Contact]:
    if person or organization:
        url = tree.first(tree.inside(party, "contactInfo", "onlineResource"), "linkage")
        web = url if url.startswith(("http:", "https:")) else ""
        yield make_contact((person or organization)[:1000], organization[:1000], roles, web[:2000])


# What it is called and belongs to


def _identifiers(citation: Group) -> tuple[str, ...]:
    out: dict[str, None] = {}
    for each in tree.objects(citation, "identifier"):
        found = tree.group(each)
        for place in found.get("code", ()):
            for word in (tree.line(place), tree.href(place)):
                if word and len(word) <= 2000:
                    out[word] = None
    return tuple(out)[:MAX_VALUES]


def _parent(top: Group, given: Group, source: str, container: str, source_id: str) -> str:
    """Return the id of the record that a document says it is a part of."""
    above = tree.first(top, "parentIdentifier")
    if not above:
        parent = tree.inside(top, "parentMetadata")
        above = tree.first(tree.inside(parent, "identifier"), "code") or _uuidref(top, "parentMetadata")
    for each in (*tree.objects(given, "aggregationInfo"), *tree.objects(given, "associatedResource")):
        found = tree.group(each)
        if not above and tree.code(found, "associationType").lower() in (
            "largerworkcitation",
            "partofseamlessdatabase",
        ):
            above = tree.first(tree.inside(found, "aggregateDataSetIdentifier"), "code") or tree.first(
                tree.inside(found, "metadataReference", "identifier"), "code"
            )
    return record_id(source, container, above) if above and above != source_id else ""


def _uuidref(top: Group, key: str) -> str:
    return next((str(found) for each in top.get(key, ()) if (found := each.get("uuidref"))), "")


# When


def _stamp(top: Group, notes: Notes) -> int | None:
    """Return when the metadata last changed."""
    if stamp := tree.first(top, "dateStamp"):
        return moment(stamp, notes, "dateStamp")
    changed = _dates(top, "dateInfo")
    return moment(max(changed.get("revision") or changed.get("creation") or [""]), notes, "dateInfo")


def _date(found: Mapping[str, list[str]], kinds: Iterable[str], notes: Notes) -> int | None:
    """Return the date of the first kind that there is: of several creations the first, of revisions the last."""
    for kind in kinds:
        if dates := found.get(kind):
            value = min(dates) if kind in ("creation", "publication", "") else max(dates)
            return moment(value, notes, f"citation.date.{kind}")
    return None


def _dates(found: Group, key: str) -> dict[str, list[str]]:
    out: dict[str, list[str]] = {}
    for each in tree.objects(found, key):
        date = tree.group(each)
        if when := tree.first(date, "date"):
            out.setdefault(tree.code(date, "dateType") or "", []).append(when)
    return out


# What one may do with it


def _constraints(given: Group) -> Constraints:
    return [(tree.name(each), tree.group(each)) for each in tree.objects(given, "resourceConstraints")]


def _license(constraints: Constraints) -> str:
    """Return the SPDX identifier of a licence that is named or linked anywhere, else the words of a short one."""
    said = [pair for _, found in constraints for pair in _terms_of_use(found)]
    for word, _ in said:
        known = terms.license(word) or ((url := _COMMONS.search(word)) and terms.license(url[0]))
        if known:
            return str(known)
    return next((word for word, named in said if named and len(word) <= _SHORT), "")


def _terms_of_use(found: Group) -> Iterator[tuple[str, bool]]:
    """Yield texts and addresses of constraints, and whether they are said to be a licence."""
    named = "license" in (each.lower() for each in tree.codes(found, "useConstraints"))
    for place in (*found.get("otherConstraints", ()), *found.get("useLimitation", ())):
        if text := tree.line(place):
            yield text, named
        if address := tree.href(place):
            yield address, False
    for each in tree.objects(found, "reference"):
        cited = tree.group(each)
        yield from ((word, True) for word in (tree.first(cited, "title"), *_identifiers(cited)) if word)


def _access(constraints: Constraints) -> str:
    for name, found in constraints:
        codes = tree.codes(found, "classification" if name == "MD_SecurityConstraints" else "accessConstraints")
        if any(each.lower() in _CLOSED for each in codes):
            return "restricted"
    return "open"


# With what it was made


def _devices(root: Any, top: Group, kind: str) -> list[str]:
    """Return what platforms or instruments are called; they stand one inside the other, or beside each other."""
    if "acquisitionInformation" not in top:
        return []
    return [name for each in root.iter(f"{{*}}{kind}") if (name := _device(tree.group(each)))]


def _device(found: Group) -> str:
    # Some write the identifier without the object that it should be.
    identifier = tree.first(tree.inside(found, "identifier"), "code") or tree.first(found, "identifier")
    name = identifier or tree.first(tree.inside(found, "citation"), "title") or tree.first(found, "description")
    return name if len(name) <= _SHORT and name != _NO_INSTRUMENT else ""


def _formats(top: Group, given: Group) -> tuple[str, ...]:
    names: dict[str, None] = {}
    for place in (*top.get("distributionInfo", ()), *given.get("resourceFormat", ())):
        for each in place.iter("{*}MD_Format"):
            found = tree.group(each)
            name = tree.first(found, "name") or tree.first(tree.inside(found, "formatSpecificationCitation"), "title")
            if 0 < len(name) <= _SHORT:
                names[stac.format_name(name)] = None
    return tuple(names)[:MAX_VALUES]


def _content(top: Group) -> Group:
    return tree.group(tree.held(top, "contentInfo"))


def _numbers(top: Group, given: Group, content: Group, notes: Notes) -> dict[str, float]:
    out: dict[str, float] = {}
    for key, name in _CONTENT_NUMBERS.items() if content else ():
        if (found := _real(tree.first(content, key), notes, key)) is not None:
            out[name] = found
    if "spatialResolution" in given and (finest := _resolution(given, notes)) is not None:
        out["resolution"] = finest
    sizes = [_real(tree.line(each), notes, "transferSize") for each in _sizes(top)]
    if megabytes := [each for each in sizes if each]:
        out["size"] = sum(megabytes) * _MEGABYTE
    return out


def _sizes(top: Group) -> Iterator[Any]:
    for place in top.get("distributionInfo", ()):
        yield from place.iter("{*}transferSize")


def _resolution(given: Group, notes: Notes) -> float | None:
    """Return the finest ground resolution in metres."""
    out = []
    for each in tree.objects(given, "spatialResolution"):
        for place in tree.group(each).get("distance", ()):
            unit = (place[0].get("uom") or "").rpartition("#")[2].lower() if len(place) else ""
            found = _real(tree.value(place), notes, "spatialResolution") if unit in _UNITS else None
            if found:
                out.append(found * _UNITS[unit])
    return min(out, default=None)


def _real(value: str, notes: Notes, path: str) -> float | None:
    # XML knows numbers only as text, which is no issue here.
    try:
        return number(float(value.replace(",", ".")), notes, path) if value else None
    except ValueError:
        return number(value, notes, path)


def _properties(
    top: Group, given: Group, citation: Group, constraints: Constraints, found: words.Words
) -> dict[str, str | tuple[str, ...]]:
    """Return what has no field of its own, by plain names."""
    many = {name: tree.codes(given, key) for key, name in _CODES.items() if key in given}
    many["alternate_title"] = tree.values(citation, "alternateTitle")
    many["use_limitation"] = [text for _, each in constraints for text in tree.values(each, "useLimitation")]
    many["thesaurus"], many["concept"] = list(found.thesauri), list(found.concepts)
    if "referenceSystemInfo" in top:
        systems = [tree.inside(tree.group(each), _SYSTEM) for each in tree.objects(top, "referenceSystemInfo")]
        many["reference_system"] = [code for each in systems if (code := tree.first(each, "code"))]
    if "spatialResolution" in given:
        scales = [tree.inside(tree.group(each), "equivalentScale") for each in tree.objects(given, "spatialResolution")]
        many["scale"] = [f"1:{text}" for each in scales if (text := tree.first(each, "denominator"))]
    standard = tree.first(top, "metadataStandardName") or tree.first(tree.inside(top, "metadataStandard"), "title")
    one = {
        "metadata_standard": standard,
        "purpose": tree.first(given, "purpose"),
        "lineage": _lineage(top),
        "service_type": _service_type(given),
    }
    for field, places in (("title", citation.get("title", ())), ("abstract", given.get("abstract", ()))):
        one |= {f"{field}_{locale}": text for each in places for locale, text in _other(each)}
    out: dict[str, str | tuple[str, ...]] = {name: text[:1000] for name, text in one.items() if text}
    for name, texts in many.items():
        if texts:
            kept = tuple(dict.fromkeys(each[:1000] for each in texts))[:50]
            out[name] = kept if len(kept) > 1 else kept[0]
    return out


def _other(place: Any) -> list[tuple[str, str]]:
    return list(tree.translations(place).items())[:30] if len(place) and len(place) + len(place[0]) > 1 else []


def _lineage(top: Group) -> str:
    for each in tree.objects(top, "dataQualityInfo"):
        if text := tree.first(tree.inside(tree.group(each), "lineage"), "statement"):
            return text
    return tree.first(tree.inside(top, "resourceLineage"), "statement")
