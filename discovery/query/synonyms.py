"""Synonyms and acronyms: what else to look for when somebody searches for a word; used on queries only.

The file has one table per field of knowledge with a list `terms`. In an entry `a = b = c` each finds the others; in
`a > b = c` a search for `a` also finds `b` and `c`, but not the other way round. A changed file needs no new index.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

from discovery.errors import ConfigError
from discovery.query import tokens

ALTERNATIVES: Final = 8
"""Token sequences that one group of a query may hold, the user's own among them."""

Sequence = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Synonyms:
    """Which token sequences may stand for which; keys are the stems of a term, word by word."""

    table: Mapping[Sequence, tuple[Sequence, ...]]
    longest: int
    """The number of words of the longest key."""
    words: frozenset[str] = frozenset()
    """The stems of all words that have synonyms or are part of a term that has: none of them is misspelt."""

    @classmethod
    def read(cls, text: str) -> Synonyms:
        """Return the synonyms that `text` (TOML) describes.

        Raises:
            ConfigError: The text is no TOML, an entry has no two terms, or a term has more alternatives than allowed.
        """
        table: dict[Sequence, dict[Sequence, None]] = {}
        for where, entry in _entries(text):
            for source, targets in _directions(where, entry):
                own = set(forms(source))
                others = {form: None for target in targets for form in forms(target) if form not in own}
                table.setdefault(key(source), {}).update(others)
                if len(own) + len(table[key(source)]) > ALTERNATIVES:
                    raise ConfigError(f"synonyms, {where}: {source!r} has more than {ALTERNATIVES} alternatives")
        words = frozenset(word for term in table for word in term)
        return cls({term: tuple(others) for term, others in table.items()}, max(map(len, table), default=0), words)

    def alternatives(self, term: Sequence) -> tuple[Sequence, ...]:
        """Return the token sequences that may stand for `term` (stems, word by word), itself not among them."""
        return self.table.get(term, ())


def key(text: str) -> Sequence:
    """Return the stems of a term, word by word: `Sentinel-2` and `sentinel 2` have one key."""
    return tuple(stem for compound in tokens.compounds(text) for stem in compound.stems)


def forms(text: str) -> tuple[Sequence, ...]:
    """Return the token sequences of which a document that names this term has at least one."""
    found = tokens.compounds(text)
    return found[0].forms() if len(found) == 1 else (key(text),)


def _entries(text: str) -> Iterator[tuple[str, str]]:
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"synonyms are not TOML: {error}") from error
    for section, content in data.items():
        terms = content.get("terms") if isinstance(content, dict) else None
        if not isinstance(terms, list) or not all(isinstance(entry, str) for entry in terms):
            raise ConfigError(f"synonyms, [{section}]: needs 'terms', a list of entries like 'a = b' or 'a > b'")
        yield from ((f"[{section}] {entry!r}", entry) for entry in terms)


def _directions(where: str, entry: str) -> Iterator[tuple[str, list[str]]]:
    left, arrow, right = entry.partition(">")
    sources = [term.strip() for term in left.split("=")]
    targets = [term.strip() for term in right.split("=")] if arrow else []
    if ">" in right or len(sources) + len(targets) < 2 or not all(map(key, [*sources, *targets])):
        raise ConfigError(f"synonyms, {where}: an entry has two terms or more, like 'a = b = c' or 'a > b'")
    for source in sources:
        yield source, [term for term in sources if term != source] + targets


def _bundled() -> str:
    return (files("discovery.query") / "data" / "synonyms.toml").read_text(encoding="utf-8")


@cache
def bundled() -> Synonyms:
    """Return the synonyms that this version ships."""
    return Synonyms.read(_bundled())


def pairs() -> Iterator[tuple[str, str]]:
    """Yield, as written, each term that this version ships with each term that a search for it also finds."""
    for where, entry in _entries(_bundled()):
        for source, targets in _directions(where, entry):
            yield from ((source, target) for target in targets)
