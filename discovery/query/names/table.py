"""The tables of names in memory: what is written in them, found by folded words.

A line is a name, its kind, its shape (`lon,lat,radius` on the sky, `west,south,east,north` a part on Earth, the frame
of a body) and other names, best known line first. `~` before a name: it counts only when nothing else is typed, for it
is a word or a mark of something else too.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from heapq import nsmallest
from importlib.resources import files
from typing import Final

from discovery.errors import ConfigError
from discovery.model.extent import EARTH, SKY
from discovery.query.names.named import WHOLE, Named
from discovery.query.tokens import fold, spans

FILES: Final = ("bodies.tsv", "regions.tsv", "natural-earth.tsv", "sky.tsv", "cities.tsv")
_STEPS: Final = {"bodies.tsv": 1.0, "regions.tsv": 0.6, "natural-earth.tsv": 0.8, "sky.tsv": 0.5, "cities.tsv": 1.5}
"""How fast lines become less known from one to the next, so that lines of different files can be put in one order."""
_SAID: Final = {"messier": "m", "saint": "st", "mount": "mt", "aco": "abell"}
"""Words that are written in two ways."""
_WORD: Final = re.compile("[a-z]+|[0-9]+")
_APOSTROPHES: Final = str.maketrans("", "", "'")
_ALIAS, _ALONE = 1, 2
"""How a line is called so, as a sum; 0 is its name, and the smaller the better."""
MANY: Final = 40_000
"""Keys that one beginning is looked up in; the whole table has a few more."""


def words(text: str) -> list[str]:
    """Return the words of a name as they are compared: no case, accents, apostrophes, nor zeros before a number."""
    plain = fold(text).translate(_APOSTROPHES)
    found: Iterable[str]
    found = _WORD.findall(plain) if plain.isascii() else (word for word, _, _ in spans(plain.replace(".", " ")))
    return [_SAID.get(word, word) if not word[0].isdigit() else word.lstrip("0") or "0" for word in found]


def key(text: str) -> str:
    """Return the words of a name as one text."""
    return " ".join(words(text))


@dataclass(frozen=True, slots=True)
class Table:
    """Every name, by its words."""

    lines: tuple[tuple[str, str], ...]
    """Each line with the file that it is of."""
    ranks: tuple[float, ...]
    """How little known each line is."""
    index: dict[str, list[int]]
    """For the words of a name its lines, each as four times its number and how it is called so."""
    ordered: list[str]
    """The keys of the index from first to last."""

    @classmethod
    def read(cls, contents: Iterable[tuple[str, str]]) -> Table:
        """Return the table of files, given as their names and their texts."""
        lines: list[tuple[str, str]] = []
        ranks: list[float] = []
        index: dict[str, list[int]] = {}
        for file, content in contents:
            for rank, line in enumerate(content.splitlines()):
                cells = line.split("\t")
                if len(cells) not in (3, 4):
                    raise ConfigError(f"{file} line {rank + 1} has {len(cells)} fields, not 3 or 4")
                number = len(lines)
                lines.append((file, line))
                ranks.append(rank * _STEPS.get(file, 1.0))
                for called in (cells[0], *(cells[3].split("|") if len(cells) == 4 else ())):
                    how = _ALONE * (called[0] == "~") + _ALIAS * (called is not cells[0])
                    index.setdefault(key(called), []).append(4 * number + how)
        index.pop("", None)
        return cls(tuple(lines), tuple(ranks), index, sorted(index))

    def exact(self, text: str, *, alone: bool = True) -> list[Named]:
        """Return what is called so, best first.

        Args:
            text: The words of a name, as `key` makes them.
            alone: Whether nothing else was typed.
        """
        found: dict[int, int] = {}
        for mark in self.index.get(text, ()):
            number, how = divmod(mark, 4)
            if alone or how < _ALONE:
                found[number] = min(how, found.get(number, how))
        ordered = sorted(found, key=lambda each: (found[each], self.ranks[each], each))
        return [self._named(each, "alias" if found[each] & _ALIAS else "name") for each in ordered]

    def beginning(self, text: str, size: int) -> list[Named]:
        """Return what has a name that begins so, best known first; those called exactly so come before all."""
        low = bisect_left(self.ordered, text)
        high = bisect_left(self.ordered, f"{text}\U0010ffff", lo=low)
        best: dict[int, tuple[bool, float, int]] = {}
        for at in range(low, min(high, low + MANY)):
            longer = self.ordered[at] != text
            for mark in self.index[self.ordered[at]]:
                number, how = divmod(mark, 4)
                if how >= _ALONE and longer:
                    continue  # What counts only when it is all that is typed is typed to its end.
                order = (longer, self.ranks[number], number)
                if number not in best or order < best[number]:
                    best[number] = order
        chosen = nsmallest(size, best.values())
        return [self._named(number, "beginning" if longer else "name") for longer, _, number in chosen]

    def keys(self) -> list[str]:
        """Return the words of every name, from first to last."""
        return self.ordered

    def _named(self, number: int, matched: str) -> Named:
        named = _read(*self.lines[number])
        others = {mark // 4: mark % 4 for mark in self.index[key(named.name)]}
        first = min(others, key=lambda each: (others[each], self.ranks[each], each))
        ambiguous = first != number and _read(*self.lines[first]).frame != named.frame
        return replace(named, matched=matched, ambiguous=ambiguous)

    def __iter__(self) -> Iterator[Named]:
        """Yield every line."""
        return (_read(*line) for line in self.lines)


def _read(file: str, line: str) -> Named:
    cells = line.split("\t")
    name, kind, shape = cells[0].removeprefix("~"), cells[1], cells[2]
    if file == "bodies.tsv":
        return Named(name, kind, shape, cone=WHOLE)
    parts = tuple(tuple(float(number) for number in part.split(",")) for part in shape.split(";"))
    if file == "sky.tsv":
        return Named(name, kind, SKY, cone=parts[0], other=_other(name, cells[3] if len(cells) == 4 else ""))
    return Named(name, kind, EARTH, boxes=parts)


def _other(name: str, aliases: str) -> str:
    """Return the catalogue's number of a thing with a name, and the name of one that is filed by its number."""
    first = next((each for each in aliases.split("|") if each[:1] not in ("", "~")), "")
    numbered = any(char.isdigit() for char in first)
    return first if numbered and not any(char.isdigit() for char in name) else ""


@cache
def table() -> Table:
    """Return the table that travels with this version."""
    folder = files("discovery.query.names") / "data"
    return Table.read((name, (folder / name).read_text(encoding="utf-8")) for name in FILES)
