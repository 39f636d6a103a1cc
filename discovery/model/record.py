"""The Record: anything findable, as every room of Discovery sees it."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field, fields, replace
from operator import attrgetter
from typing import Any, Final

import orjson

from discovery.model.extent import EARTH, Extent
from discovery.model.quick import quick

KINDS: Final = (
    "dataset",
    "observation",
    "project",
    "datalab",
    "volume",
    "pipeline",
    "experiment",
    "service",
    "document",
)
RESOURCES: Final = "resources"
OBSERVATIONS: Final = "observations"
SCOPES: Final = (RESOURCES, OBSERVATIONS)


def scope_of(kind: str) -> str:
    """Return the scope that holds records of a kind: `observations` for observations, else `resources`."""
    return OBSERVATIONS if kind == "observation" else RESOURCES


# Base32 as RFC 4648 has it, in lower case and by ten bits at a time: several ids are made for each record of a harvest.
_DIGITS: Final = "abcdefghijklmnopqrstuvwxyz234567"
_TWO: Final = tuple(one + other for one in _DIGITS for other in _DIGITS)
_SHIFTS: Final = tuple(range(70, -10, -10))
_LENGTH: Final = struct.Struct(">Q").pack


def record_id(source: str, container: str, source_id: str) -> str:
    """Return the 16 characters that name a record everywhere: base32 of the SHA-256 of the length-prefixed triple.

    The lengths keep `("a", "bc", "d")` and `("ab", "c", "d")` apart; the container is what makes the source's own id
    unique there (STAC collection, TAP table, section of a static catalogue).
    """
    one, two, three = (each.encode("utf-8", "surrogatepass") for each in (source, container, source_id))
    whole = b"%b%b%b%b%b%b" % (_LENGTH(len(one)), one, _LENGTH(len(two)), two, _LENGTH(len(three)), three)
    bits = int.from_bytes(hashlib.sha256(whole).digest()[:10], "big")
    return "".join([_TWO[bits >> shift & 1023] for shift in _SHIFTS])


@dataclass(frozen=True, slots=True)
class Asset:
    """One file or service of a record: a STAC asset, an ObsCore access_url, a DCAT distribution."""

    href: str
    key: str = ""
    title: str = ""
    media_type: str = ""
    roles: tuple[str, ...] = ()
    size: int | None = None
    """Bytes."""
    alternates: tuple[str, ...] = ()
    """Other places of the same bytes, such as the `s3:` twin of an `https:` link."""


@dataclass(frozen=True, slots=True)
class Link:
    """A relation to something else, with the title that makes it searchable."""

    href: str
    rel: str = "related"
    title: str = ""
    media_type: str = ""
    record: str = ""
    """The id of the record it leads to, where that is known."""


@dataclass(frozen=True, slots=True)
class Contact:
    """A person or organisation named by the record."""

    name: str
    organization: str = ""
    roles: tuple[str, ...] = ()
    url: str = ""


@dataclass(frozen=True, slots=True)
class Issue:
    """A warning on a record, or the reason why it is in quarantine."""

    code: str
    message: str
    path: str = ""


@dataclass(frozen=True, slots=True)
class Record:
    """Anything findable; a source's own document mapped to the names that all faces use.

    Every text field is what the source said; terms (mission, themes, license, ...) are values of our vocabularies
    where they are known, else the source's own word.
    """

    source: str
    container: str
    source_id: str
    kind: str
    title: str
    id: str = ""
    """Derived from the triple above when left empty."""
    description: str = ""
    domain: str = ""
    """`earth-observation`, `space-science` or `navigation`."""
    missions: tuple[str, ...] = ()
    """Paths such as `astronomy/hubble`; the ancestors are implied."""
    instruments: tuple[str, ...] = ()
    themes: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    provider: str = ""
    license: str = ""
    level: str = ""
    product_type: str = ""
    formats: tuple[str, ...] = ()
    """Media types or short names of what the assets hold."""
    dataset: str = ""
    """The id of the parent record: the dataset of an observation, the project of a dataset."""
    extent: Extent = field(default_factory=Extent)
    assets: tuple[Asset, ...] = ()
    links: tuple[Link, ...] = ()
    contacts: tuple[Contact, ...] = ()
    doi: str = ""
    external_ids: tuple[str, ...] = ()
    created: int | None = None
    """Of the data; UTC milliseconds since 1970, like every instant here."""
    updated: int | None = None
    metadata_updated: int | None = None
    access: str = "open"
    """`open`, `registered` or `restricted`."""
    numbers: Mapping[str, float] = field(default_factory=dict)
    """Numeric properties worth filtering, by the names of the field table (`cloud_cover`, `resolution`, ...)."""
    properties: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)
    """The long tail: flat names, text values."""
    issues: tuple[Issue, ...] = ()

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"kind {self.kind!r} is not one of {', '.join(KINDS)}")
        if not self.id:
            object.__setattr__(self, "id", record_id(self.source, self.container, self.source_id))

    @property
    def scope(self) -> str:
        """The scope this record is found in."""
        return scope_of(self.kind)

    def to_json(self) -> bytes:
        """Return the record as compact JSON; empty fields are left out, so the text stays short and stable."""
        return orjson.dumps(self, default=_filled, option=_WRITTEN)

    @classmethod
    def from_json(cls, data: bytes) -> Record:
        """Read back what `to_json` wrote; names that this version does not know are ignored."""
        return from_dict(orjson.loads(data))

    def fingerprint(self) -> bytes:
        """Return 16 bytes that change exactly when a field of the record changes; issues do not count."""
        plain = replace(self, issues=()) if self.issues else self
        return hashlib.sha256(plain.to_json()).digest()[:16]


def to_dict(record: Record) -> dict[str, Any]:
    """Return the record as plain JSON values without its empty fields (the id and kind always stay)."""
    out: dict[str, Any] = orjson.loads(orjson.dumps(record, default=_filled, option=orjson.OPT_PASSTHROUGH_DATACLASS))
    return out


def _filled(value: Any) -> dict[str, Any]:
    """Return the fields of a part of a record that are not empty, for orjson, which asks for each part once.

    A harvest writes every record it sees, so nothing is walked in Python that orjson can walk.
    """
    known = _ORDER.get(type(value))
    if known is None:
        if isinstance(value, Mapping):
            return dict(value)
        raise TypeError(f"{type(value).__name__} is not a part of a record")
    names, read = known
    # 0 and False are values, while None, "", () and {} are none.
    out = {name: held for name, held in zip(names, read(value), strict=True) if held or held == 0}
    if "assets" in out:
        out["assets"] = [_filled_asset(each) if type(each) is Asset else each for each in out["assets"]]
    return out


def _filled_asset(asset: Asset) -> dict[str, Any]:
    """Return the fields of an asset that are not empty: of a dozen in each record, so each is asked for by its name."""
    out: dict[str, Any] = {}
    if asset.alternates:
        out["alternates"] = asset.alternates
    if asset.href:
        out["href"] = asset.href
    if asset.key:
        out["key"] = asset.key
    if asset.media_type:
        out["media_type"] = asset.media_type
    if asset.roles:
        out["roles"] = asset.roles
    if asset.size is not None:
        out["size"] = asset.size
    if asset.title:
        out["title"] = asset.title
    return out


_CLASSES: Final = (Record, Extent, Asset, Link, Contact, Issue)
_WRITTEN: Final = orjson.OPT_SORT_KEYS | orjson.OPT_PASSTHROUGH_DATACLASS
_FIELDS: Final = {cls: tuple(each.name for each in fields(cls)) for cls in _CLASSES}
_ORDER: Final = {cls: (names, attrgetter(*names)) for cls, names in _FIELDS.items()}
"""The names of the fields of each part, and what reads all of them at once."""
_NAMES: Final = {cls: frozenset(each.name for each in fields(cls)) for cls in _CLASSES}
_REQUIRED: Final = {
    cls: {each.name: "" for each in fields(cls) if each.default is MISSING and each.default_factory is MISSING}
    for cls in _CLASSES
}
"""Texts that have no default: a source may send them empty, and empty ones are not written."""
_PARTS: Final = {"assets": Asset, "links": Link, "contacts": Contact, "issues": Issue}
_LISTS: Final = {
    cls: tuple(each.name for each in fields(cls) if str(each.type).startswith("tuple[") and each.name not in _PARTS)
    for cls in _CLASSES
}


def from_dict(data: Mapping[str, Any]) -> Record:
    """Build a record from the plain values of `to_dict`."""
    values = _values(Record, data)
    for name, cls in _PARTS.items():
        if name in values:
            read = _READ.get(cls)
            if read:
                values[name] = tuple(map(read, values[name]))
            else:
                values[name] = tuple([_part(cls, each) for each in values[name]])
    if "extent" in values:
        values["extent"] = _extent(values["extent"])
    if "properties" in values:
        values["properties"] = _tuples(values["properties"])
    return make_record(**values)


make_record: Final = quick(Record)
make_asset: Final = quick(Asset)
make_link: Final = quick(Link)
make_contact: Final = quick(Contact)
make_extent: Final = quick(Extent)
"""What whoever maps or reads records makes them and their parts by."""
_MAKE: Final[Mapping[type[Any], type[Any]]] = {
    Record: make_record,
    Asset: make_asset,
    Link: make_link,
    Contact: make_contact,
    Extent: make_extent,
}


def _asset(data: Mapping[str, Any]) -> Asset:
    get = data.get
    return make_asset(
        get("href", ""),
        get("key", ""),
        get("title", ""),
        get("media_type", ""),
        tuple(get("roles", ())),
        get("size"),
        tuple(get("alternates", ())),
    )


def _extent(data: Mapping[str, Any]) -> Extent:
    get = data.get
    box = get("bbox")
    return make_extent(
        get("frame", EARTH), get("geometry"), None if box is None else tuple(box), get("start"), get("end")
    )


def _link(data: Mapping[str, Any]) -> Link:
    get = data.get
    return make_link(get("href", ""), get("rel", "related"), get("title", ""), get("media_type", ""), get("record", ""))


_READ: Final[Mapping[type[Any], Callable[[Mapping[str, Any]], Any]]] = {Asset: _asset, Link: _link}
"""Of the parts that a record has a dozen of: half of the time that reading one takes goes into these."""


def _part(cls: type[Any], data: Mapping[str, Any]) -> Any:
    return _MAKE.get(cls, cls)(**_values(cls, data))


def _values(cls: type[Any], data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of a class; every page decodes a hundred records, so nothing is done twice here."""
    values = {**_REQUIRED[cls], **data}
    if not values.keys() <= _NAMES[cls]:
        values = {name: value for name, value in values.items() if name in _NAMES[cls]}
    for name in _LISTS[cls]:
        if name in values:
            values[name] = tuple(values[name])
    return values


def _tuples(data: Mapping[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if type(value) is list else value for name, value in data.items()}
