"""From a record to its files, and to every place where each of them is: by rules, never by guessing."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import quote, unquote, urlsplit

from discovery.http.redaction import has_credentials, is_signed
from discovery.launch.formats import OTHER, PAGE, families, family
from discovery.launch.rules import HREF, MAX_VALUE, PROPERTY, Rule, variables
from discovery.model.record import Asset, Record
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
_KINDS: Final = {"http": WEB, "https": WEB, "s3": STORE}
_ORDER: Final = (VOLUME, WEB, STORE)
_UNFIT: Final = re.compile(r"[^A-Za-z0-9._-]+")
_UNPRINTED: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_ROLES: Final = {"data": 0, "analytic": 0, "": 1, "visual": 2, "overview": 3, "metadata": 4, "thumbnail": 5}


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


def resolve(record: Record, rules: Sequence[Rule], volumes: Sequence[Volume]) -> tuple[File, ...]:
    """Return the files of a record that hold data, the main ones first, each with where it is.

    Previews, pages and descriptions are left out, and so is what is nowhere to be had without a secret.

    Args:
        record: Whose assets, and whose texts that archives keep paths in.
        rules: How places are made, in their order.
        volumes: What can be mounted.
    """
    main = sorted(record.assets, key=_rank)[:MAX_ASSETS]
    given = [file for asset in main if (file := _of_asset(record, asset, rules, volumes)).places]
    return tuple(_named(_merged(_of_record(record, rules, volumes), given)[:MAX_FILES]))


def _rank(asset: Asset) -> int:
    return min((_ROLES.get(role, 1) for role in asset.roles), default=1)


def _of_asset(record: Record, asset: Asset, rules: Sequence[Rule], volumes: Sequence[Volume]) -> File:
    hrefs = [each for each in (asset.href, *asset.alternates) if 0 < len(each) <= MAX_VALUE]
    kinds = [family(asset.media_type, href) for href in hrefs] or [family(asset.media_type)]
    kind = next((each for each in kinds if each.name != OTHER), kinds[0])
    if not kind.data and kind.name != PAGE and "data" in asset.roles:
        # The record itself says that this picture is the data.
        kind = families()[OTHER]
    file = File(asset.key, asset.title, _base(asset.href), kind.name, asset.media_type, asset.size)
    if not kind.data:
        return file
    places = [place for href in hrefs for place in _direct(href, volumes)]
    for rule in rules:
        if rule.of_file:
            places += [place for href in hrefs for place in _given(rule, record, href, volumes)]
    return replace(file, places=_sorted(places))


def _of_record(record: Record, rules: Sequence[Rule], volumes: Sequence[Volume]) -> list[File]:
    """Return the files that are named by texts of the record and by no asset."""
    out = []
    for rule in rules:
        places = () if rule.of_file else _sorted(_given(rule, record, "", volumes))
        if places:
            address = places[0].address
            out.append(File(rule.name, "", _base(address), family("", address).name, places=places))
    return out


def _direct(href: str, volumes: Sequence[Volume]) -> Iterable[Place]:
    """Yield what an address says by itself, and the paths of volumes that have it as their twin."""
    if has_credentials(href) or is_signed(href):
        return
    for volume in volumes:
        if path := volume.path_of(href):
            yield Place(VOLUME, path, volume.id, "twin")
    if place := _address(href):
        yield place


def _given(rule: Rule, record: Record, href: str, volumes: Sequence[Volume]) -> list[Place]:
    """Return the places that a rule makes of one file of a record, or of the record where `href` is empty."""
    if rule.sources and record.source not in rule.sources:
        return []
    if href and (has_credentials(href) or is_signed(href)):
        return []
    values: dict[str, str] = {}
    for condition in rule.when:
        found = next((m for text in _texts(record, condition.of, href) if (m := condition.pattern.search(text))), None)
        if found is None:
            return []
        encoded = condition.of == HREF and href.startswith("http")
        values |= {n: unquote(v) if encoded else v for n, v in found.groupdict().items() if v is not None}
    for name, word in rule.words.items():
        if values.get(word.of) in word.values:
            values[name] = word.values[values[word.of]]
    made = (_made(template, values) for template in rule.give)
    return [replace(place, rule=rule.name) for text in made if (place := _place(text, volumes))]


def _texts(record: Record, of: str, href: str) -> Iterable[str]:
    if of.startswith(PROPERTY):
        value = record.properties.get(of.removeprefix(PROPERTY), ())
        texts = (value,) if isinstance(value, str) else value
    else:
        texts = (href if of == HREF else str(getattr(record, of)),)
    return (each for each in texts if 0 < len(each) <= MAX_VALUE)


def _made(template: str, values: Mapping[str, str]) -> str:
    """Return a template with the values in it; empty when one is missing."""
    if any(name not in values for name in variables(template)):
        return ""
    if template.startswith("http"):
        values = {name: quote(value, safe="/:", errors="replace") for name, value in values.items()}
    return template.format_map(values)


def _place(text: str, volumes: Sequence[Volume]) -> Place | None:
    if not text.startswith("/"):
        return _address(text)
    path = absolute(text)
    if not path:
        return None
    holding = [each for each in volumes if each.holds(path)]
    volume = max(holding, key=lambda each: (len(each.mount_path), each.id), default=None)
    return Place(VOLUME, path, volume.id if volume else "")


def _address(text: str) -> Place | None:
    """Return the place of an address that anybody may ask for, None for every other text."""
    if not text.isprintable() or " " in text or has_credentials(text) or is_signed(text):
        return None
    try:
        parts = urlsplit(text)
        host = parts.hostname
    except ValueError:
        return None
    kind = _KINDS.get(parts.scheme.lower())
    if kind is None or not host or "@" in parts.netloc:
        return None
    # The key of an object is no path: what goes upwards leads out of nothing, but nobody means it.
    return None if kind == STORE and ".." in parts.path.split("/") else Place(kind, text)


def _sorted(places: Iterable[Place]) -> tuple[Place, ...]:
    """Return each address once, the nearest first; a volume that the catalogue has before one that it has not."""
    once: dict[str, Place] = {}
    for each in places:
        once.setdefault(each.address, each)
    order = sorted(once.values(), key=lambda each: (_ORDER.index(each.kind), each.kind == VOLUME and not each.volume))
    return tuple(order[:MAX_PLACES])


def _merged(of_record: Sequence[File], of_assets: Sequence[File]) -> list[File]:
    """Return the files that rules name and those of the assets; where a rule names an asset's file, they are one."""
    assets = list(of_assets)
    alone: list[File] = []
    for file in of_record:
        names = [_plain(each.name) for each in assets]
        if _plain(file.name) in names:
            at = names.index(_plain(file.name))
            assets[at] = replace(assets[at], places=_sorted([*file.places, *assets[at].places]))
        else:
            alone.append(file)
    return [*alone, *assets]


def _plain(name: str) -> str:
    return name.lower().removesuffix(".gz")


def _named(files: Iterable[File]) -> Iterable[File]:
    """Yield the files with keys and names that are there once; sources repeat, omit and overdo theirs."""
    keys: set[str] = set()
    names: set[str] = set()
    for number, file in enumerate(files, 1):
        key = printable(file.key[:MAX_KEY]) or f"file-{number}"
        name = file.name
        while key in keys:
            key = f"file-{number}-{len(keys)}-{key}"[:MAX_KEY]
        while name.lower() in names:
            name = f"{number}-{name}"
        keys.add(key)
        names.add(name.lower())
        yield replace(file, key=key, name=name)


def printable(text: str) -> str:
    """Return a text on one line that can be printed: without control characters and halves of characters."""
    shown = (" " if unicodedata.category(each) in _UNPRINTED else each for each in text)
    return " ".join("".join(shown).split())


def _base(address: str) -> str:
    """Return the last part of an address as a name that is safe on every disk."""
    try:
        path = urlsplit(address).path if "://" in address else address
    except ValueError:
        path = ""
    last = unquote(path.rstrip("/").rpartition("/")[2])
    return _UNFIT.sub("_", last).strip("._-")[-100:] or "file"
