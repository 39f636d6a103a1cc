"""Patterns of LIKE, read once for every engine and matched in a time that is bounded for each text."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

from discovery.query.checks import check_pattern
from discovery.query.tokens import fold

_ANY: Final = "(.|\n)"
"""One character: a dot alone stops at line ends in some engines."""

_Step = frozenset[str] | None
"""The characters that may stand at one place; None is any."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """A LIKE pattern: runs of places, with any text between one run and the next."""

    runs: tuple[tuple[_Step, ...], ...]

    def matches(self, text: str) -> bool:
        """Tell whether the whole text matches; the earliest place for each run is always good enough."""
        if len(self.runs) == 1:
            return len(text) == len(self.runs[0]) and _stands(self.runs[0], text, 0)
        head, *middle, tail = self.runs
        end = len(text) - len(tail)
        if end < len(head) or not _stands(head, text, 0) or not _stands(tail, text, end):
            return False
        at = len(head)
        for run in middle:
            while at + len(run) <= end and not _stands(run, text, at):
                at += 1
            if at + len(run) > end:
                return False
            at += len(run)
        return True

    def regex(self, special: str) -> str:
        """Return the pattern for an engine that matches regular expressions against whole terms.

        Args:
            special: The characters that mean something in the engine's regular expressions.
        """
        return f"{_ANY}*".join("".join(_class(step, special) for step in run) for run in self.runs)

    @property
    def prefix(self) -> str:
        """The text with which every match begins."""
        found: list[str] = []
        for step in self.runs[0]:
            if step is None or len(step) > 1:
                break
            found += step
        return "".join(found)


def like(pattern: str, *, casei: bool = False, accenti: bool = False, folded: bool = False) -> Pattern:
    """Return a pattern as it is matched.

    Args:
        pattern: `%` is any run of characters, `_` is one, a backslash takes the next character as it is.
        casei: Capitals and small letters are the same.
        accenti: Letters with and without accents are the same.
        folded: It is compared with folded text, such as `Document.title`.

    Raises:
        LimitError: The pattern is longer, or has more wildcards, than `discovery.query.checks` says.
    """
    check_pattern(pattern)
    runs: list[list[_Step]] = [[]]
    literal: list[str] = []

    def flush() -> None:
        text = "".join(literal)
        runs[-1].extend(_either(each, casei, accenti) for each in _plain(text, folded))
        literal.clear()

    characters = iter(pattern)
    for character in characters:
        if character == "%":
            flush()
            runs.append([])
        elif character == "_":
            flush()
            runs[-1].append(None)
        else:
            literal.append(next(characters, "\\") if character == "\\" else character)
    flush()
    return Pattern(tuple(tuple(run) for run in runs))


def _plain(text: str, folded: bool) -> str:
    return fold(text) if folded else text


def _either(character: str, casei: bool, accenti: bool) -> frozenset[str]:
    """Return the single characters that count as this one (`ß` has no single capital, so it has none)."""
    forms = {character}
    if casei:
        forms |= {character.lower(), character.upper(), character.lower().upper(), character.upper().lower()}
    if accenti:
        bases = [unicodedata.normalize("NFD", form)[:1] for form in forms]
        forms = {accented for base in bases for accented in (base, *_accented().get(base, ()))}
    return frozenset(form for form in forms if len(form) == 1)


@cache
def _accented() -> dict[str, tuple[str, ...]]:
    """Return the characters that are a letter with accents, by the letter."""
    found: dict[str, list[str]] = {}
    for code in range(0xC0, 0x2000):
        plain = unicodedata.normalize("NFD", chr(code))
        if len(plain) > 1 and all(map(unicodedata.combining, plain[1:])):
            found.setdefault(plain[0], []).append(chr(code))
    return {letter: tuple(forms) for letter, forms in found.items()}


def _stands(run: Sequence[_Step], text: str, at: int) -> bool:
    return all(step is None or text[at + place] in step for place, step in enumerate(run))


def _class(step: _Step, special: str) -> str:
    if step is None:
        return _ANY
    either = [f"\\{character}" if character in special else character for character in sorted(step)]
    return either[0] if len(either) == 1 else f"({'|'.join(either)})"
