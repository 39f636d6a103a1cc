"""From a record to its files, and to every place where each of them is: by rules, never by guessing."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from discovery.http.redaction import has_credentials, is_signed
from discovery.launch.formats import OTHER, PAGE, Family, families, family, is_service
from discovery.launch.mounts import Mounts
from discovery.launch.rules import HREF, MAX_VALUE, PROPERTY, Condition, Rule
from discovery.model.record import Asset, Record
from discovery.model.storage import PROPERTY as STORAGE
from discovery.model.storage import Storage, bucket_of, buckets
from discovery.model.volume import Volume, absolute

MAX_FILES: Final = 50
"""Files of a record that are looked for; a notebook is for beginning with one of them."""
MAX_PLACES: Final = 8
MAX_ASSETS: Final = 200
"""Assets that are looked at, the main ones first."""
MAX_KEY: Final = 200
VOLUME: Final = "volume"
WEB: Final = "https"
STORE: Final = "s3"
TWIN: Final = "twin"
"""What stands for a rule where a path is made of a volume's twin."""
_KINDS: Final = {"http": WEB, "https": WEB, "s3": STORE}
_ORDER: Final = {VOLUME: 0, WEB: 1, STORE: 2}
_HEAD: Final = 12
"""Characters of an address by which rules are told apart before they are asked: a scheme and a little of the host."""
_MOST_HEADS: Final = 4_096
"""Beginnings that are remembered; whoever sends more has addresses of no use."""
_UNKNOWN: Final = Storage()
_UNFIT: Final = re.compile(r"[^A-Za-z0-9._-]+")
_UNPRINTED: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_ROLES: Final = {"data": 0, "analytic": 0, "": 1, "visual": 2, "overview": 3, "metadata": 4, "thumbnail": 5}
_PLAIN: Final = re.compile(r"(https?|s3)://[A-Za-z0-9][A-Za-z0-9.-]*(?:/[A-Za-z0-9._~!$'()*,;:+%/-]*)?")
"""An address that nothing has to be asked of: no user, no port, no parameters, nothing to be quoted."""
_FILE_RELS: Final = frozenset({"via", "enclosure", "data", "download"})
"""Relations of links that may lead to a file, where a record has no asset that does."""


@dataclass(frozen=True, slots=True)
class Place:
    """One way to the bytes of a file."""

    kind: str
    """`volume` for a path in a mounted folder, `https` or `s3` for an address."""
    address: str
    volume: str = ""
    """The id of the volume whose folder the path lies in; empty where the catalogue has none for it."""
    rule: str = ""
    """The rule that says so; empty where the record itself does."""
    store: Storage | None = None
    """How the bucket of an s3 address is asked; None where neither the record nor a rule says."""

    def to_dict(self) -> dict[str, Any]:
        """Return the place as JSON values; `store` only where somebody says how its bucket is asked."""
        out: dict[str, Any] = {
            "kind": self.kind,
            "address": self.address,
            "volume": self.volume or None,
            "rule": self.rule or None,
        }
        return out | {"store": self.store.to_dict()} if self.store else out


@dataclass(frozen=True, slots=True)
class File:
    """One file of a record that can be opened."""

    key: str
    """Its name within the record, unique there."""
    title: str
    name: str
    """What it may be called on disk: letters, digits, dots, dashes and underscores."""
    family: str
    media_type: str = ""
    size: int | None = None
    places: tuple[Place, ...] = ()
    """The nearest first: volumes, then the web, then object stores."""

    @property
    def label(self) -> str:
        """What people call its format."""
        return families()[self.family].label

    def to_dict(self) -> dict[str, Any]:
        """Return the file with its places as JSON values."""
        return {
            "key": self.key,
            "title": self.title,
            "name": self.name,
            "family": self.family,
            "media_type": self.media_type,
            "size": self.size,
            "places": [each.to_dict() for each in self.places],
        }


def resolve(record: Record, rules: Sequence[Rule], volumes: Sequence[Volume]) -> tuple[File, ...]:
    """Return the files of one record; for many records a `Resolver` is made once."""
    return Resolver(rules, volumes).files(record)


class Resolver:
    """Makes places out of records, with tables that are made once.

    Args:
        rules: How places are made, in their order.
        volumes: What can be mounted.
    """

    def __init__(self, rules: Sequence[Rule], volumes: Sequence[Volume]) -> None:
        self.volumes = tuple(volumes)
        self._mounts = Mounts(volumes)
        self._rules = tuple(rules)
        self._by_head: dict[tuple[str, str], tuple[tuple[int, Rule], ...]] = {}
        self._by_source: dict[str, tuple[tuple[Rule, ...], tuple[Rule, ...]]] = {}
        self._sources = frozenset(source for each in rules for source in each.sources)

    def files(self, record: Record) -> tuple[File, ...]:
        """Return the files of a record that hold data, the main ones first, each with where it is.

        Previews, pages and descriptions are left out, and so is what is nowhere to be had without a secret.

        Args:
            record: Whose assets, and whose texts that archives keep paths in.
        """
        of_record = self._of_record(record)
        found = self._of_assets(record, record.assets)
        if not found and not of_record:
            found = self._of_assets(record, tuple(_linked(record)))
        return _named(_merged(of_record, found)[:MAX_FILES] if of_record else found[:MAX_FILES])

    def places(self, record: Record, href: str) -> tuple[Place, ...]:
        """Return where one address of a record leads, the nearest first; empty for one that nobody may ask for."""
        if not 0 < len(href) <= MAX_VALUE:
            return ()
        return self._places(record, (href,), _storages(record))

    def _of_assets(self, record: Record, assets: Sequence[Asset]) -> list[File]:
        main = sorted(assets, key=_rank) if len(assets) > 1 else assets
        storages = _storages(record)
        return [file for asset in main[:MAX_ASSETS] if (file := self._of_asset(record, asset, storages))]

    def _of_asset(self, record: Record, asset: Asset, storages: Mapping[str, Storage]) -> File | None:
        hrefs = (asset.href, *asset.alternates) if asset.alternates else (asset.href,)
        if not all(0 < len(each) <= MAX_VALUE for each in hrefs):
            hrefs = tuple(each for each in hrefs if 0 < len(each) <= MAX_VALUE)
        kind = _family(asset, hrefs)
        if not kind.data or is_service(asset.href, asset.media_type, asset.roles):
            return None
        places = self._places(record, hrefs, storages)
        if not places:
            return None
        return File(asset.key, asset.title, base_name(asset.href), kind.name, asset.media_type, asset.size, places)

    def _places(self, record: Record, hrefs: Sequence[str], storages: Mapping[str, Storage]) -> tuple[Place, ...]:
        fit = [each for each in hrefs if not (has_credentials(each) or is_signed(each))]
        places: list[Place] = []
        asked: list[tuple[int, Rule, str]] = []
        for at, href in enumerate(fit):
            places += [Place(VOLUME, path, volume, TWIN) for path, volume in self._mounts.paths(href)]
            if place := _address(href):
                places.append(place)
            # Most rules are of other hosts, which is told by how an address begins.
            for number, rule in self._rules_for(record.source, href):
                if href.startswith(rule.begin) and rule.part in href:
                    asked.append((number * len(fit) + at, rule, href))
        if len(fit) > 1:
            asked.sort(key=lambda each: each[0])
        for _, rule, href in asked:
            places += self._given(rule, record, href)
        return _sorted(places, storages)

    def _of_record(self, record: Record) -> list[File]:
        """Return the files that are named by texts of the record and by no asset."""
        out = []
        storages = None
        for rule in self._rules_of(record.source)[1]:
            if not rule.needs <= record.properties.keys():
                continue
            storages = _storages(record) if storages is None else storages
            if places := _sorted(self._given(rule, record, ""), storages):
                address = places[0].address
                out.append(File(rule.name, "", base_name(address), family("", address).name, places=places))
        return out

    def _rules_of(self, source: str) -> tuple[tuple[Rule, ...], tuple[Rule, ...]]:
        """Return the rules for a file and those for a whole record that hold for a source."""
        known = source if source in self._sources else ""
        if (found := self._by_source.get(known)) is None:
            fit = [each for each in self._rules if not each.sources or known in each.sources]
            found = tuple(each for each in fit if each.of_file), tuple(each for each in fit if not each.of_file)
            self._by_source[known] = found
        return found

    def _rules_for(self, source: str, href: str) -> tuple[tuple[int, Rule], ...]:
        """Return the rules of a source for an address that begins so, with their places in the order."""
        known = source if source in self._sources else ""
        head = href[:_HEAD]
        if (found := self._by_head.get((known, head))) is None:
            rules = enumerate(self._rules_of(known)[0])
            found = tuple((number, each) for number, each in rules if each.begin.startswith(head[: len(each.begin)]))
            if len(self._by_head) < _MOST_HEADS:
                self._by_head[known, head] = found
        return found

    def _given(self, rule: Rule, record: Record, href: str) -> list[Place]:
        """Return the places that a rule makes of one file of a record, or of the record where `href` is empty."""
        values = _values(rule, record, href)
        if values is None:
            return []
        store = rule.storage or (_stored(rule, values) if rule.store else None)
        places = (self._place(template.fill(values), rule.name, store) for template in rule.give)
        return [each for each in places if each]

    def _place(self, text: str, rule: str, store: Storage | None) -> Place | None:
        if not text.startswith("/"):
            return _address(text, rule, store)
        path = absolute(text)
        return Place(VOLUME, path, self._mounts.volume(path), rule) if path else None


def _rank(asset: Asset) -> int:
    roles = asset.roles
    if len(roles) == 1:
        return _ROLES.get(roles[0], 1)
    return min((_ROLES.get(role, 1) for role in roles), default=1)


def _family(asset: Asset, hrefs: Sequence[str]) -> Family:
    """Return the first family that one of the addresses of an asset tells, and another only where all are alike."""
    kinds = [family(asset.media_type, href) for href in hrefs] or [family(asset.media_type)]
    kind = next((each for each in kinds if each.name != OTHER), kinds[0])
    if not kind.data and kind.name != PAGE and "data" in asset.roles:
        # The record itself says that this picture is the data.
        return families()[OTHER]
    return kind


def _linked(record: Record) -> Iterable[Asset]:
    """Yield the links of a record that lead to a file in a format that we know, as if they were assets."""
    for number, link in enumerate(record.links[:MAX_ASSETS], 1):
        if link.rel.lower() in _FILE_RELS and family(link.media_type, link.href).name not in (OTHER, PAGE):
            yield Asset(link.href, f"link-{number}", link.title, link.media_type)


def _storages(record: Record) -> Mapping[str, Storage]:
    return buckets(record) if STORAGE in record.properties else {}


def _values(rule: Rule, record: Record, href: str) -> dict[str, str] | None:
    """Return the variables of a rule for a file, None where one of its conditions does not hold."""
    values: dict[str, str] = {}
    for condition in rule.when:
        found = condition.find(href) if condition.of == HREF else _first(condition, record)
        if found is None:
            return None
        encoded = condition.of == HREF and "%" in href and href.startswith("http")
        for name, value in found.groupdict().items():
            if value is not None:
                values[name] = unquote(value) if encoded else value
    for name, word in rule.words.items():
        if values.get(word.of) in word.values:
            values[name] = word.values[values[word.of]]
    return values


def _first(condition: Condition, record: Record) -> re.Match[str] | None:
    """Return the first match of a condition among the texts of a record that it asks for."""
    if condition.of.startswith(PROPERTY):
        value = record.properties.get(condition.of.removeprefix(PROPERTY), ())
        texts = (value,) if isinstance(value, str) else value
    else:
        texts = (str(getattr(record, condition.of)),)
    fit = (each for each in texts if 0 < len(each) <= MAX_VALUE)
    return next((found for text in fit if (found := condition.find(text))), None)


def _stored(rule: Rule, values: Mapping[str, str]) -> Storage | None:
    """Return how the buckets of a rule are asked, where that is made of variables; None where it says nothing."""
    store = Storage.of({name: template.fill(values) for name, template in rule.store.items()})
    return None if store == _UNKNOWN else store


def _address(text: str, rule: str = "", store: Storage | None = None) -> Place | None:
    """Return the place of an address that anybody may ask for, None for every other text."""
    if plain := _PLAIN.fullmatch(text):
        kind = _KINDS[plain[1]]
    else:
        if not text.isprintable() or " " in text or has_credentials(text) or is_signed(text):
            return None
        try:
            parts = urlsplit(text)
            host = parts.hostname
        except ValueError:
            return None
        kind = _KINDS.get(parts.scheme.lower(), "")
        if not kind or not host or "@" in parts.netloc:
            return None
    # The key of an object is no path: what goes upwards leads out of nothing, but nobody means it.
    if kind == STORE:
        return None if goes_up(text) else Place(STORE, text, "", rule, store)
    return Place(kind, text, "", rule)


def goes_up(address: str) -> bool:
    """Say whether a part of a path or address leads upwards."""
    return ".." in address and ".." in re.split(r"[/?#]", address)


def _sorted(places: Sequence[Place], storages: Mapping[str, Storage]) -> tuple[Place, ...]:
    """Return each address once, the nearest first; a volume that the catalogue has before one that it has not.

    What a record says of its buckets goes before what rules say of them.
    """
    once: dict[str, Place] = {}
    for each in places:
        known = once.get(each.address)
        if known is None:
            once[each.address] = each
        elif each.store:
            once[each.address] = replace(known, store=known.store.over(each.store) if known.store else each.store)
    if storages:
        for address, each in once.items():
            if each.kind == STORE and (own := storages.get(bucket_of(address))):
                once[address] = replace(each, store=own.over(each.store) if each.store else own)
    found = list(once.values())
    if len(found) > 1:
        found.sort(key=lambda each: (_ORDER[each.kind], each.kind == VOLUME and not each.volume))
    return tuple(found[:MAX_PLACES])


def _merged(of_record: Sequence[File], of_assets: Sequence[File]) -> list[File]:
    """Return the files that rules name and those of the assets; where a rule names an asset's file, they are one."""
    assets = list(of_assets)
    alone: list[File] = []
    for file in of_record:
        names = [_bare(each.name) for each in assets]
        if _bare(file.name) in names:
            at = names.index(_bare(file.name))
            assets[at] = replace(assets[at], places=_sorted([*file.places, *assets[at].places], {}))
        else:
            alone.append(file)
    return [*alone, *assets]


def _bare(name: str) -> str:
    return name.lower().removesuffix(".gz")


def _named(files: Sequence[File]) -> tuple[File, ...]:
    """Return the files with keys and names that are there once; sources repeat, omit and overdo theirs."""
    keys: set[str] = set()
    names: set[str] = set()
    out = []
    for number, file in enumerate(files, 1):
        key = printable(file.key[:MAX_KEY]) or f"file-{number}"
        name = file.name
        while key in keys:
            key = f"file-{number}-{len(keys)}-{key}"[:MAX_KEY]
        while name.lower() in names:
            name = f"{number}-{name}"
        keys.add(key)
        names.add(name.lower())
        out.append(file if key == file.key and name == file.name else replace(file, key=key, name=name))
    return tuple(out)


def printable(text: str) -> str:
    """Return a text on one line that can be printed: without control characters and halves of characters."""
    if text.isprintable():
        return " ".join(text.split())
    shown = (" " if unicodedata.category(each) in _UNPRINTED else each for each in text)
    return " ".join("".join(shown).split())


def base_name(address: str) -> str:
    """Return the last part of an address as a name that is safe on every disk."""
    if "://" in address and not _PLAIN.fullmatch(address):
        try:
            path = urlsplit(address).path
        except ValueError:
            path = ""
    else:
        path = address.partition("://")[2].partition("/")[2] if "://" in address else address
    last = path.rstrip("/").rpartition("/")[2]
    last = unquote(last) if "%" in last else last
    return _UNFIT.sub("_", last).strip("._-")[-100:] or "file"
