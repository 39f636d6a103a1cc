"""Keywords of ISO metadata, sorted by the thesaurus that they are from: themes, variables, platforms, instruments."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from discovery.model import terms
from harvesters import iso_tree as tree
from harvesters.document import MAX_VALUE, MAX_VALUES
from harvesters.iso_tree import Group

_TOPICS: Final = {
    "climatologymeteorologyatmosphere": "atmosphere",
    "oceans": "oceans",
    "geoscientificinformation": "solid-earth",
    "farming": "land",
    "imagerybasemapsearthcover": "land",
    "inlandwaters": "land",
    "elevation": "land",
}
"""Our themes by the topic categories of ISO; the others are about people more than about the Earth."""
_BROADEST: Final = frozenset({"earth science", "earth science services"})


@dataclass(slots=True)
class Words:
    """What the keywords of a document say."""

    _keywords: dict[str, None] = field(default_factory=dict)
    _variables: dict[str, None] = field(default_factory=dict)
    _themes: dict[str, None] = field(default_factory=dict)
    platforms: list[str] = field(default_factory=list)
    instruments: list[str] = field(default_factory=list)
    thesauri: dict[str, None] = field(default_factory=dict)
    """Titles of the thesauri that were named."""
    concepts: dict[str, None] = field(default_factory=dict)
    """URIs of keywords that have one."""

    @property
    def keywords(self) -> tuple[str, ...]:
        """Every word, those of a path one by one."""
        return tuple(self._keywords)[:MAX_VALUES]

    @property
    def variables(self) -> tuple[str, ...]:
        """What is measured."""
        return tuple(self._variables)[:MAX_VALUES]

    def themes(self, topics: Iterable[str]) -> tuple[str, ...]:
        """Return the themes, with those that topic categories of ISO stand for."""
        known = [theme for each in topics if (theme := _TOPICS.get(each.lower()))]
        return tuple(dict.fromkeys((*self._themes, *known)))[:MAX_VALUES]

    def add(self, word: str, kind: str) -> None:
        """Take a keyword of a kind of thesaurus."""
        steps = [step for each in word.split(">") if (step := each.strip())] if ">" in word else [word]
        if kind in ("platform", "instrument"):
            # `SENTINEL-1A > Long name`, or a path of classes that ends so.
            names = steps if len(steps) < 3 else steps[-2:]
            (self.platforms if kind == "platform" else self.instruments).append(_known(names, kind))
        elif kind == "variable":
            self._variables[steps[-1]] = None
        elif kind == "theme":
            term = terms.theme(word)
            self._themes[term.value if term else word] = None
        elif term := terms.theme(word):
            self._themes[term.value] = None
        for step in steps:
            if step.lower() not in _BROADEST:
                self._keywords[step[:MAX_VALUE]] = None


def read(found: Iterable[Group]) -> Words:
    """Return what groups of keywords (MD_Keywords) say."""
    out = Words()
    for group in found:
        title = tree.first(tree.inside(group, "thesaurusName"), "title")
        if title:
            out.thesauri[title[:MAX_VALUE]] = None
        kind = _kind(title.lower(), tree.code(group, "type").lower())
        for place in group.get("keyword", ())[: MAX_VALUES * 2]:
            if word := tree.line(place):
                out.add(word[:MAX_VALUE], kind)
            if address := tree.href(place):
                out.concepts[address[:MAX_VALUE]] = None
    return out


def _kind(thesaurus: str, said: str) -> str:
    """Return what the words of a thesaurus name: `platform`, `instrument`, `variable`, `theme`, or nothing special."""
    if said == "platform" or "platform" in thesaurus:
        return "platform"
    if said in ("instrument", "sensor") or "instrument" in thesaurus or "sensor" in thesaurus:
        return "instrument"
    names_variables = "science keyword" in thesaurus or "standard name" in thesaurus or "variable" in thesaurus
    if names_variables or (("gcmd" in thesaurus or "global change master" in thesaurus) and said == "theme"):
        return "variable"
    if "inspire" in thesaurus and "theme" in thesaurus:
        return "theme"
    return ""


def _known(names: Iterable[str], kind: str) -> str:
    """Return the name that our vocabulary knows, else the first, which is the short one."""
    given = list(names)
    find = terms.mission if kind == "platform" else terms.instrument
    return next((each for each in given if find(each)), given[0])
