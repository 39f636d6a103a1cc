"""What a text must hold for a regular expression to match it, so that most texts need not be matched at all."""

from __future__ import annotations

import re
from typing import Final

_FLAGS: Final = re.compile(r"\(\?[A-Za-z]+\)")
_META: Final = frozenset(".^$*+?{}[]\\|()")
_QUANTIFIERS: Final = frozenset("*+?{")
_OPTIONAL: Final = frozenset("*?{")


def literals(pattern: str) -> tuple[str, str]:
    """Return what a matching text begins with, and the longest text that it holds; empty where that is not certain.

    Only characters that stand outside of groups are looked at, and of a pattern with alternatives nothing is said.
    """
    if _FLAGS.match(pattern):
        # By flags other letters may match too.
        return "", ""
    runs = _runs(pattern)
    if runs is None:
        return "", ""
    first = runs[0] if pattern.startswith("^") and not pattern.startswith("^|") else ""
    return first, max(runs, key=len, default="")


def _runs(pattern: str) -> list[str] | None:
    """Return the runs of characters outside of groups and classes, the first where the pattern begins; None if unsure.

    A run that may be missing, or come several times, ends before the character that is repeated.
    """
    runs: list[str] = []
    run, depth, at = "", 0, 1 if pattern.startswith("^") else 0
    while at < len(pattern):
        char = pattern[at]
        literal, width = _literal(pattern, at)
        if char == "|" and depth == 0:
            return None
        if char in "[{":
            runs, run, at = (
                [*runs, run],
                "",
                _class_end(pattern, at) if char == "[" else pattern.find("}", at) + 1 or -1,
            )
            if at < 0:
                return None
            continue
        if char in "()" and width == 1:
            depth += 1 if char == "(" else -1
            runs, run = [*runs, run], ""
        elif depth == 0 and literal and pattern[at + width : at + width + 1] not in _OPTIONAL:
            run += literal
            if pattern[at + width : at + width + 1] in _QUANTIFIERS:
                runs, run = [*runs, run], ""
        else:
            runs, run = [*runs, run], ""
        at += width
    return [*runs, run]


def _literal(pattern: str, at: int) -> tuple[str, int]:
    """Return the character that is meant at a place, empty for none that is certain, and how long it is written."""
    char = pattern[at]
    if char != "\\":
        return ("" if char in _META else char), 1
    escaped = pattern[at + 1 : at + 2]
    # A letter or digit behind a backslash is a class, a place or a group, or has arguments that look like characters.
    return ("" if escaped.isalnum() else escaped), 2


def _class_end(pattern: str, at: int) -> int:
    """Return where a class of characters ends, -1 where that is not to be seen."""
    end = at + (2 if pattern[at + 1 : at + 2] == "^" else 1)
    end += 1 if pattern[end : end + 1] == "]" else 0
    while end < len(pattern) and pattern[end] != "]":
        end += 2 if pattern[end] == "\\" else 1
    return end + 1 if end < len(pattern) else -1
