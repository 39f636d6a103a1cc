"""Vocabularies: one value and one label for each mission, instrument, theme and licence, whatever a source calls it.

The words are data files beside this module (`data/*.toml`, each with its provenance). They are read when first asked
for. A source's own word is never lost: a record keeps it beside the term.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import resources
from pathlib import Path
from typing import Any, Final

from discovery.errors import ConfigError

_FILES: Final = {
    "mission": "missions.toml",
    "instrument": "instruments.toml",
    "theme": "themes.toml",
    "license": "licenses.toml",
    "platform": "platforms.toml",
}
_PARTED: Final = frozenset({"mission", "instrument", "platform"})
_BRACKETED: Final = re.compile(r"([^()]+)\(([^()]+)\)\s*")
_DOMAIN_LABELS: Final = {
    "earth-observation": "Earth Observation",
    "space-science": "Space Science",
    "navigation": "Navigation",
}
_MAX_TEXT = 200  # characters; no name in the vocabularies is near it, and hostile text may be megabytes
_NEITHER: Final = re.compile("[^a-z0-9+]+")
_NOT_SPDX: Final = frozenset({"other", "proprietary", "various"})
_CREATIVE_COMMONS = re.compile(
    r"https?://(?:www\.)?creativecommons\.org/(?:licenses/(?P<kind>[a-z-]+)/(?P<version>\d\.\d)(?:/(?P<igo>igo)\b)?"
    r"|publicdomain/(?P<zero>zero)/1\.0)",
    re.IGNORECASE,
)
_SPDX_URL = re.compile(r"https?://(?:www\.)?spdx\.org/licenses/([A-Za-z0-9.+-]+?)(?:\.html|\.json)?/?$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Term:
    """A value of a vocabulary, and what people read instead of it."""

    value: str
    """What records store; for a mission it is the path."""
    label: str
    path: tuple[str, ...]
    """The value with its ancestors, broadest first; only missions have any."""


@dataclass(frozen=True, slots=True)
class _Vocabulary:
    """The terms of one file, found by value and by folded name."""

    terms: Mapping[str, Term]
    names: Mapping[str, Term]
    domains: Mapping[str, str]

    def find(self, text: str) -> Term | None:
        if not text or len(text) > _MAX_TEXT:
            return None
        return self.terms.get(text) or self.names.get(fold(text))


@lru_cache(maxsize=4096)
def _find(kind: str, text: str) -> Term | None:
    # A source names the same few things in each of its records.
    known = _vocabulary(kind)
    return known.find(text) or (_in_parts(known, text, kind) if kind in _PARTED and len(text) <= _MAX_TEXT else None)


def _in_parts(known: _Vocabulary, text: str, kind: str) -> Term | None:
    """Return what `Name (ACRONYM)` or `INSTRUMENT/DETECTOR` stands for, if all parts that are known are one."""
    bracketed = _BRACKETED.fullmatch(text)
    # The steps of a mission's path are no parts of its name.
    parts = bracketed.groups() if bracketed else text.split("/") if kind == "instrument" else ()
    found = {term for part in parts if len(parts) > 1 and (term := known.find(part.strip()))}
    return found.pop() if len(found) == 1 else None


def mission(text: str) -> Term | None:
    """Return the mission, satellite or facility that a source calls by this name, path or acronym, if we know it."""
    return _find("mission", text)


def instrument(text: str) -> Term | None:
    """Return the instrument that a source calls by this name, if we know it."""
    return _find("instrument", text)


def platform(text: str) -> Term | None:
    """Return the spacecraft, station or telescope of this name; what is only known as a mission is called as that."""
    found = _find("platform", text)
    if found is None and (named := _find("mission", text)) is not None and "/" in named.value:
        return Term(named.label, named.label, (named.label,))
    return found


def theme(text: str) -> Term | None:
    """Return the theme of this id or title, if we know it."""
    return _find("theme", text)


def license(text: str) -> str | None:
    """Return the SPDX identifier that a spelling, a title or a licence's URL stands for.

    STAC's `proprietary`, `various` and `other` are answered as they are; None means that the text is unknown to us.
    """
    text = text.strip()
    return _license(text) if len(text) <= _MAX_TEXT else None


@lru_cache(maxsize=1024)
def _license(text: str) -> str | None:
    creative = _CREATIVE_COMMONS.match(text)
    if creative is not None:
        igo = "-IGO" if creative["igo"] else ""
        text = "CC0-1.0" if creative["zero"] else f"CC-{creative['kind']}-{creative['version']}{igo}"
    elif spdx := _SPDX_URL.match(text):
        text = spdx[1]
    term = _find("license", text)
    return term.value if term is not None else None


def is_spdx(value: str) -> bool:
    """Say whether a stored licence is an SPDX identifier, and not a word such as `proprietary`."""
    return value not in _NOT_SPDX and value in _vocabulary("license").terms


def ancestors(path: str) -> tuple[str, ...]:
    """Return a mission's path and all above it, broadest first.

    `astronomy/hubble` gives `("astronomy", "astronomy/hubble")`. The path need not be in the vocabulary: a source
    may name a mission that we do not know.
    """
    parts = [part for part in path.split("/") if part]
    return tuple("/".join(parts[:end]) for end in range(1, len(parts) + 1))


def domain_of(path: str) -> str:
    """Return the domain that a mission's path belongs to, or the empty string when its first part is unknown."""
    return _vocabulary("mission").domains.get(path.partition("/")[0], "")


def label(kind: str, value: str) -> str:
    """Return what people read for a stored value.

    Args:
        kind: `mission`, `instrument`, `theme`, `license` or `domain`; any other kind has no labels of its own.
        value: The stored value. One that we do not know is its own label.
    """
    if kind == "domain":
        return _DOMAIN_LABELS.get(value, value)
    if kind not in _FILES:
        return value
    term = _vocabulary(kind).terms.get(value)
    return term.label if term is not None else value


def values(kind: str) -> tuple[str, ...]:
    """Return every value of one of the vocabularies that `kinds` names, in the order of its file."""
    return tuple(_vocabulary(kind).terms)


def fold(text: str) -> str:
    """Return the letters and digits alone, without case and accents: `CC BY 4.0` and `cc-by-4.0` are one name.

    A plus stays: `GPL-3.0+` is another licence than `GPL-3.0`, and `ETM+` another instrument than `ETM`.
    """
    if text.isascii():
        return _NEITHER.sub("", text.lower())
    decomposed = unicodedata.normalize("NFKD", text.replace("ø", "o").replace("Ø", "O")).casefold()
    return "".join(character for character in decomposed if character.isalnum() or character == "+")


def names(kind: str, value: str) -> tuple[str, ...]:
    """Return every name under which a term is found, folded, in alphabetical order; none for what is no term."""
    return tuple(sorted(name for name, term in _vocabulary(kind).names.items() if term.value == value))


def kinds() -> tuple[str, ...]:
    """Return what there are vocabularies of."""
    return tuple(_FILES)


def read(path: Path) -> dict[str, dict[str, Any]]:
    """Return the terms of an operator's own file, for `use`.

    Raises:
        ConfigError: It cannot be read, or has a section, a member or a value that cannot be.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"the terms in {path.name} cannot be read: {error}") from error
    for kind, entries in document.items():
        if kind not in _FILES or not isinstance(entries, dict):
            raise ConfigError(f"{path.name}: there is no vocabulary {kind[:80]!r}; allowed: {', '.join(_FILES)}")
        for value, entry in entries.items():
            _check(f"{path.name}: {kind} {value[:80]!r}", value, entry)
    return document


def _check(where: str, value: str, entry: object) -> None:
    if not fold(value) or len(value) > _MAX_TEXT:
        raise ConfigError(f"{where} is no value; a term has letters or digits, at most {_MAX_TEXT} characters")
    if not isinstance(entry, dict) or not entry.keys() <= {"label", "names"}:
        raise ConfigError(f"{where} is not of the form {{ label = TEXT, names = [TEXT, ...] }}")
    listed = entry.get("names", [])
    if not isinstance(listed, list):
        raise ConfigError(f"{where}: names is not a list")
    for text in (entry.get("label", value), *listed):
        if not isinstance(text, str) or not fold(text) or len(text) > _MAX_TEXT:
            raise ConfigError(f"{where}: {str(text)[:80]!r} is no name")


def use(own: Mapping[str, Mapping[str, Any]]) -> None:
    """Have an operator's own terms beside ours in this process, instead of those given before.

    Raises:
        ConfigError: A name is already one of another term, or a mission's path has no parent; nothing has changed.
    """
    if own == _own:
        return
    before = dict(_own)
    try:
        _replace(own)
        for kind in own:
            _vocabulary(kind)
    except ConfigError:
        _replace(before)
        raise


def _replace(own: Mapping[str, Mapping[str, Any]]) -> None:
    _own.clear()
    _own.update(own)
    _vocabulary.cache_clear()
    _find.cache_clear()
    _license.cache_clear()


_own: Final[dict[str, Mapping[str, Any]]] = {}
"""The terms of the operator, by vocabulary: words of this installation, as the files are words of ours."""


@cache
def _vocabulary(kind: str) -> _Vocabulary:
    file = _FILES.get(kind)
    if file is None:
        raise ConfigError(f"there is no vocabulary {kind!r}; allowed: {', '.join(_FILES)}")
    text = (resources.files("discovery.model") / "data" / file).read_text(encoding="utf-8")
    document = tomllib.loads(text)
    for value, entry in _own.get(kind, {}).items():
        known = document["terms"].get(value, {"label": value.rpartition("/")[2], "names": []})
        document["terms"][value] = {
            "label": entry.get("label", known["label"]),
            "names": [*known["names"], *entry.get("names", ())],
        }
    return _build(file, document)


def _build(file: str, document: Mapping[str, Any]) -> _Vocabulary:
    """Return the vocabulary of a parsed file.

    Raises:
        ConfigError: Two terms claim the same name, or a path's parent or first part is missing.
    """
    domains: dict[str, str] = document.get("domains", {})
    is_path = bool(domains)
    terms: dict[str, Term] = {}
    names: dict[str, Term] = {}
    for value, entry in document["terms"].items():
        path = ancestors(value) if is_path else (value,)
        if is_path and (path[0] not in domains or any(step not in terms for step in path[:-1])):
            raise ConfigError(f"{file}: {value!r} stands before its parent, or its first part has no domain")
        term = terms[value] = Term(value, entry["label"], path)
        for name in (value, value.rpartition("/")[2] if is_path else value, entry["label"], *entry["names"]):
            known = names.setdefault(fold(name), term)
            if known is not term:
                raise ConfigError(f"{file}: {name!r} names both {known.value!r} and {value!r}")
    return _Vocabulary(terms, names, domains)
