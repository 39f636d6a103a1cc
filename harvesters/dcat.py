"""DCAT in JSON: datasets, series and services as DCAT-AP and DCAT-US write them, with a `@graph` or nested, as records.

No context is ever fetched: what a name means is told by its last part, which the profiles of DCAT agree upon.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from discovery.model.extent import EARTH, Extent
from discovery.model.record import Asset, Contact, Link, Record, record_id
from harvesters import places, stac
from harvesters.defaults import Defaults
from harvesters.document import (
    MAX_DESCRIPTION,
    MAX_TITLE,
    MAX_VALUES,
    Notes,
    moment,
    nameable,
    number,
    tail,
    text,
    texts,
)
from harvesters.wkt import geometry as from_wkt

CONTAINER: Final = "datasets"
"""The one container of all of them, since an IRI is unique."""
KINDS: Final = {"Dataset": "dataset", "DatasetSeries": "dataset", "DataService": "service"}
MAX_NODES: Final = 200_000
"""Objects of one document."""
MAX_EMBEDDED: Final = 200_000
"""Characters and values that are put into one dataset from elsewhere in its document ..."""
MAX_EMBEDDED_IN_ALL: Final = 20_000_000
"""... and into all datasets of a document."""
_DEPTH: Final = 30
_EMBEDDED: Final = 3
"""Levels of what a dataset refers to that are put into it: distribution, its service, and who runs that."""
_NO_PARTS: Final = frozenset({*KINDS, "Catalog", "CatalogRecord"})
_PLAIN: Final = re.compile(r"\s*(-?[0-9.]+)\s*,\s*(-?[0-9.]+)\s*,\s*(-?[0-9.]+)\s*,\s*(-?[0-9.]+)\s*")
_TAG: Final = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*")
_USED: Final = frozenset(
    {
        "@id", "@type", "abstract", "accessLevel", "accessRights", "accessURL", "bbox", "byteSize",
        "conformsTo", "contactPoint", "created", "creator", "description", "distribution", "documentation",
        "downloadURL", "endpointDescription", "endpointURL", "format", "geometry", "identifier", "inSeries",
        "isReferencedBy", "issued", "keyword", "landingPage", "language", "license", "mediaType", "modified", "page",
        "publisher", "references", "relation", "rights", "sample", "servesDataset", "spatial", "temporal", "theme",
        "title", "wasGeneratedBy",
    }
)  # fmt: skip
_LINKS: Final = {
    "landingPage": "about",
    "page": "describedby",
    "documentation": "describedby",
    "isReferencedBy": "cite-as",
    "references": "related",
    "relation": "related",
    "endpointURL": "service",
    "endpointDescription": "service-desc",
    "servesDataset": "related",
}

Node = Mapping[str, Any]


def is_dcat(document: Any) -> bool:
    """Say whether a JSON document holds something of DCAT."""
    return next(nodes(document), None) is not None


def nodes(document: Any) -> Iterator[dict[str, Any]]:
    """Yield every dataset, series and service of a document, each with what it refers to in it."""
    if not isinstance(document, Mapping | list):
        return
    whole = _expanded(document, _prefixes(document))
    found = list(_objects(whole))
    known = {each["@id"]: each for each in found if isinstance(each.get("@id"), str) and len(each) > 1}
    embedder = _Embedder(known)
    done: set[str] = set()
    for each in [*(one for one in found if types(one) & KINDS.keys()), *_untyped(whole)]:
        name = each.get("@id")
        if isinstance(name, str):
            if name in done or known.get(name, each) is not each:
                continue  # It is only named here; what is said of it stands elsewhere.
            done.add(name)
        yield embedder.whole(each)


def _untyped(document: Any) -> Iterator[dict[str, Any]]:
    """Yield the members of a list of datasets, as DCAT-US has it, that say by nothing else what they are."""
    listed = document.get("dataset") if isinstance(document, dict) else None
    for each in listed if isinstance(listed, list) else ():
        if isinstance(each, dict) and "@type" not in each and "title" in each and "identifier" in each:
            yield each


def _prefixes(document: Any) -> dict[str, str]:
    """Return what the prefixes of a document stand for, as far as it says so itself."""
    given = document.get("@context") if isinstance(document, Mapping) else None
    out: dict[str, str] = {}
    for each in given if isinstance(given, list) else [given]:
        for name, value in each.items() if isinstance(each, Mapping) else ():
            iri = value.get("@id") if isinstance(value, Mapping) else value
            if isinstance(iri, str) and iri.startswith(("http:", "https:", "urn:")) and name:
                out[name] = iri
    return out


def _expanded(value: Any, prefixes: Mapping[str, str], depth: int = 0) -> Any:
    """Return a value whose nodes name themselves and each other in full; what is too deep is left out."""
    if depth > _DEPTH:
        return None
    if isinstance(value, list):
        return [_expanded(each, prefixes, depth + 1) for each in value]
    if not isinstance(value, Mapping):
        return value
    out: dict[str, Any] = {}
    for name, each in value.items():
        if name == "@context":
            continue
        out[name] = _iri(each, prefixes) if name == "@id" else _expanded(each, prefixes, depth + 1)
    return out


def _iri(name: Any, prefixes: Mapping[str, str]) -> Any:
    prefix, colon, rest = name.partition(":") if isinstance(name, str) else ("", "", "")
    return prefixes[prefix] + rest if colon and prefix in prefixes and not rest.startswith("//") else name


def types(node: Node) -> frozenset[str]:
    """Return the last parts of the names of a node's types."""
    given = node.get("@type")
    return frozenset(local(each) for each in (given if isinstance(given, list) else [given]) if isinstance(each, str))


def local(name: str) -> str:
    """Return the last part of a name: of `dct:title`, `http://purl.org/dc/terms/title` and `title` the same."""
    return name if name.startswith("@") else re.split(r"[/#:]", name)[-1]


def identity(node: Node) -> str:
    """Return what names a dataset: its IRI, else its identifier; empty when it has none that can be used."""
    name = node.get("@id")
    if isinstance(name, str) and name and not name.startswith("_:") and nameable(name):
        return name
    given = _Values(node, Notes())
    return next((each for each in given.words("identifier") if nameable(each)), "")


def to_record(node: Node, container: str, source_id: str, defaults: Defaults, *, base: str = "") -> Record:
    """Return the record of a dataset, a series or a service.

    Args:
        node: One of `nodes`.
        container: What makes its id unique.
        source_id: Its id.
        defaults: What the operator said of the source.
        base: What its relative links start from.
    """
    notes = Notes()
    given = _Values(node, notes)
    found = [_Values(each, notes) for each in given.parts("distribution")]
    assets = _assets(found, base, notes)
    links = _links(given, base, notes)
    contacts = _contacts(given)
    identifiers = given.words("identifier")
    series = next(iter(given.words("inSeries")), "")
    start, end = _times(given, notes)
    record = Record(
        defaults.source,
        container,
        source_id,
        next((KINDS[each] for each in sorted(types(node)) if each in KINDS), "dataset"),
        text(given.word("title"), notes, "title", MAX_TITLE) or source_id,
        description=text(given.word("description") or given.word("abstract"), notes, "description", MAX_DESCRIPTION),
        themes=stac.themes(list(dict.fromkeys(map(_last, given.words("theme")))), notes),
        keywords=texts(list(given.words("keyword")), notes, "keyword"),
        provider=next((each.name for each in contacts if "publisher" in each.roles), ""),
        license=stac.license_of(next((each for one in (given, *found) for each in one.words("license")), None), notes),
        formats=stac.formats(assets),
        dataset=record_id(defaults.source, container, series) if series else "",
        extent=Extent(EARTH, *_place(given, notes), start, end),
        assets=assets,
        links=links,
        contacts=contacts,
        doi=stac.doi((*identifiers, source_id), links),
        external_ids=tuple(each for each in identifiers if each != source_id)[:MAX_VALUES],
        created=moment(given.word("issued") or given.word("created") or None, notes, "issued"),
        updated=moment(given.word("modified") or None, notes, "modified"),
        access=_access(given),
        properties=tail(((name, given.told(name)) for name in given.names() if name not in _USED), notes),
        issues=notes.issues,
    )
    return defaults.fill(record)


class _Values:
    """What is said of a node, by the last parts of the names."""

    def __init__(self, node: Node, notes: Notes) -> None:
        self._given: dict[str, list[Any]] = {}
        self._notes = notes
        for name, value in node.items():
            self._given.setdefault(local(name), []).extend(_flat(value))

    def names(self) -> Iterator[str]:
        """Yield the names in their order."""
        yield from self._given

    def parts(self, name: str) -> list[Node]:
        """Return the values that are nodes."""
        return [each for each in self._given.get(name, ()) if isinstance(each, Mapping)][:MAX_VALUES]

    def words(self, name: str) -> tuple[str, ...]:
        """Return the different values that are texts, or are called by one; English ones first."""
        found = [(_language(each), _word(each)) for each in self._given.get(name, ())[:MAX_VALUES]]
        found.sort(key=lambda each: not each[0].startswith("en") and each[0] != "")
        return tuple(dict.fromkeys(word for _, word in found if word))

    def told(self, name: str) -> str | list[str]:
        """Return the only one of these values, or all of them."""
        found = list(self.words(name))
        return found[0] if len(found) == 1 else found

    def word(self, name: str) -> str:
        """Return the first of these values; empty for none."""
        return next(iter(self.words(name)), "")


def _flat(value: Any) -> list[Any]:
    if isinstance(value, Mapping) and "@list" in value:
        value = value["@list"]
    if isinstance(value, Mapping) and value and all(_TAG.fullmatch(name) for name in value):
        # A map of languages, as a context may order it.
        return [{"@language": name, "@value": each} for name, each in value.items() if isinstance(each, str)]
    return [each for each in value if each is not None] if isinstance(value, list) else [] if value is None else [value]


def _language(value: Any) -> str:
    return str(value.get("@language") or "") if isinstance(value, Mapping) else ""


def _word(value: Any) -> str:
    """Return what a value says, or what the node is called that it is."""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, Mapping):
        return ""
    if "@value" in value:
        return _word(value["@value"]) if not isinstance(value["@value"], Mapping) else ""
    names = {local(name): each for name, each in value.items()}
    for name in ("prefLabel", "label", "title", "name", "fn", "notation"):
        for each in _flat(names.get(name)):
            if not isinstance(each, Mapping) or "@value" in each:
                return _word(each)
    given = value.get("@id")
    return given.strip() if isinstance(given, str) and not given.startswith("_:") else ""


def _last(word: str) -> str:
    """Return the last part of an IRI of a concept, which vocabularies name concepts by; a word stays what it is."""
    return word.rstrip("/").replace("#", "/").rpartition("/")[2] if word.startswith(("http:", "https:")) else word


def _objects(document: Any) -> Iterator[dict[str, Any]]:
    """Yield every object of a document, those above first."""
    waiting: list[tuple[Any, int]] = [(document, 0)]
    count = 0
    for value, depth in waiting:
        if isinstance(value, dict):
            count += 1
            yield value
        if depth < _DEPTH and count < MAX_NODES:
            inner = value.values() if isinstance(value, dict) else value
            waiting += [(each, depth + 1) for each in inner if isinstance(each, dict | list)]


class _Embedder:
    """Puts what a node refers to into it, but for other datasets, so that it can stand alone.

    What one document can be blown up to that way is bounded: a few nodes that name each other many times are enough.
    """

    def __init__(self, known: Mapping[str, dict[str, Any]]) -> None:
        self._known = known
        self._total = MAX_EMBEDDED_IN_ALL
        self._left = 0

    def whole(self, node: dict[str, Any]) -> dict[str, Any]:
        """Return a node that can stand alone."""
        given = self._left = min(MAX_EMBEDDED, self._total)
        out = self._members(node, _EMBEDDED)
        self._total -= given - self._left
        return out

    def _members(self, node: dict[str, Any], levels: int) -> dict[str, Any]:
        return {name: self._put(value, levels) for name, value in node.items()}

    def _put(self, value: Any, levels: int) -> Any:
        if isinstance(value, list):
            return [self._put(each, levels) for each in value[:MAX_VALUES]]
        if not isinstance(value, dict) or levels == 0:
            return value
        name = value.get("@id")
        whole = self._known.get(name, value) if isinstance(name, str) else value
        if types(whole) & _NO_PARTS:
            return {"@id": name} if isinstance(name, str) else value
        if whole is not value:
            self._left -= 1 + sum(len(each) for each in whole.values() if isinstance(each, str | list | dict))
            if self._left < 0:
                return value
        return self._members(whole, levels - 1)


def _assets(found: list[_Values], base: str, notes: Notes) -> tuple[Asset, ...]:
    given: dict[str, Any] = {}
    sizes: dict[str, int] = {}
    for number_, each in enumerate(found, 1):
        href = each.word("downloadURL") or each.word("accessURL")
        if not href:
            notes.add("bad-asset", "a distribution has no address", "distribution")
            continue
        key = f"distribution-{number_}"
        kind = each.word("mediaType") or each.word("format")
        roles = ["data"] if each.word("downloadURL") else []
        given[key] = {"href": href, "title": each.word("title"), "type": _media_type(kind), "roles": roles}
        size = number(each.word("byteSize") or None, Notes(), "byteSize")
        if size is not None and size >= 0:
            sizes[key] = int(size)
    for key, size_ in sizes.items():
        given[key]["file:size"] = size_
    return stac.assets(given, base, notes)


def _media_type(word: str) -> str:
    """Return a media type or a name of a format from what stands for it, which may be an IRI of either."""
    if "/media-types/" in word:
        return word.partition("/media-types/")[2]
    return _last(word)


def _links(given: _Values, base: str, notes: Notes) -> tuple[Link, ...]:
    found = [
        {"rel": rel, "href": href}
        for name, rel in _LINKS.items()
        for href in dict.fromkeys(_addresses(given, name))
    ]  # fmt: skip
    return stac.links(found, base, notes)


def _addresses(given: _Values, name: str) -> Iterator[str]:
    for each in given.parts(name):
        href = each.get("@id") or _Values(each, Notes()).word("hasURL")
        if isinstance(href, str) and not href.startswith("_:"):
            yield href
    yield from (each for each in given.words(name) if each.startswith(("http:", "https:")))


def _contacts(given: _Values) -> tuple[Contact, ...]:
    out: dict[str, Contact] = {}
    for name, role in (("publisher", "publisher"), ("creator", "creator"), ("contactPoint", "pointOfContact")):
        for word in given.words(name):
            if not word.startswith(("mailto:", "_:")):
                known = out.get(word)
                out[word] = Contact(word, "", (*known.roles, role) if known else (role,))
    return tuple(out.values())[:MAX_VALUES]


def _access(given: _Values) -> str:
    said = _last(given.word("accessRights") or given.word("accessLevel")).lower().replace("_", "-")
    if said in ("non-public", "confidential", "sensitive"):
        return "restricted"
    return "registered" if said in ("restricted", "restricted public") else "open"


# Where and when


def _times(given: _Values, notes: Notes) -> tuple[int | None, int | None]:
    start = end = ""
    for part in given.parts("temporal"):
        period = _Values(part, notes)
        start, end = (next((found for name in names if (found := period.word(name))), "") for names in _ENDS)
        if start or end:
            break
    else:
        # DCAT-US writes both ends into one text.
        start, _, end = next((each for each in given.words("temporal") if "/" in each[1:]), "").partition("/")
    if start.startswith("http"):
        return None, None
    first, last = moment(start or None, notes, "temporal"), moment(end or None, notes, "temporal", end=True)
    if first is not None and last is not None and first > last:
        notes.add("bad-interval", "the time ends before it starts; the ends were exchanged", "temporal")
        return last, first
    return first, last


_ENDS: Final = (("startDate", "hasBeginning", "start"), ("endDate", "hasEnd", "end"))


def _place(given: _Values, notes: Notes) -> tuple[Mapping[str, Any] | None, places.Box | None]:
    """Return the geometry and the box of the first place that says one of them."""
    values: list[Any] = [*given.words("spatial")]
    for part in given.parts("spatial"):
        if "coordinates" in part:
            values.append(part)
        inner = _Values(part, notes)
        values += [word for name in ("bbox", "geometry", "asWKT", "centroid") for word in inner.words(name)]
    for value in values:
        plain = _PLAIN.fullmatch(value) if isinstance(value, str) and len(value) < 200 else None
        if plain is not None:
            return None, places.bbox([number(each, Notes(), "spatial") for each in plain.groups()], notes, "spatial")
        shape = from_wkt(value, notes, "spatial") if isinstance(value, str) else value
        if shape is not None and (found := places.geometry(shape, notes, "spatial")) is not None:
            return found, None
    return None, None
