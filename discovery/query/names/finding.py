"""What a text names: the whole of it, a part of it, or what it begins."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from typing import Final

from discovery.errors import BadQueryError, UnknownFieldError
from discovery.query.names.named import Named
from discovery.query.names.table import Table, key, table, words
from discovery.query.query import Region
from discovery.query.region import FRAMES

MAX_NAME: Final = 200
"""Characters of a name; the longest that we know has 61."""
MAX_TEXT: Final = 1_000
"""Characters of a question in which names are looked for."""
MAX_CHUNKS: Final = 40
"""Pieces between white space in which names are looked for."""
LONGEST: Final = 7
"""Pieces of a name that is looked for inside of a question."""
SHORTEST: Final = 3
"""Letters of such a name; two of them are too often something else."""
_QUOTES: Final = frozenset('"“”„«»')
_LEADS: Final = frozenset({"in", "the", "of", "near", "around", "over", "at", "on", "for", "from", "off", "across"})
_COMPACT: Final = re.compile("[a-z][0-9]+", re.IGNORECASE)

Resolve = Callable[[str], Iterable[Named]]


@dataclass(frozen=True, slots=True)
class Spotted:
    """A name inside of a question."""

    named: Named
    rest: str
    """The question without the words of the name."""


def ready() -> None:
    """Read the tables, which whoever asks first does otherwise."""
    table()


def resolve(text: str, *, limit: int = 8) -> tuple[Named, ...]:
    """Return what a text names, best first: what is called so, then what is also called so; empty for no name."""
    if len(text) > MAX_NAME:
        return ()
    return tuple(table().exact(key(text))[:limit])


def beginning(text: str, *, limit: int = 8) -> tuple[Named, ...]:
    """Return what has a name that begins with the words typed, the best known first."""
    typed = key(text) if len(text) <= MAX_NAME else ""
    return _beginning(typed, limit) if len(typed) > 1 else ()


@lru_cache(maxsize=2_000)
def _beginning(typed: str, limit: int) -> tuple[Named, ...]:
    return tuple(table().beginning(typed, limit))


def near(name: str, *, frame: str = "", parameter: str = "near", resolver: Resolve = resolve) -> Region:
    """Return the region that a name means; of several with the name the best known one.

    Args:
        name: What somebody calls it.
        frame: Only what lies in this frame, where the Earth and the sky have things of one name.
        parameter: Where the name was given.
        resolver: What knows names.

    Raises:
        BadQueryError: Nothing is called so; the message has near spellings.
    """
    if frame and frame not in FRAMES:
        raise UnknownFieldError(frame, FRAMES, what="frame", parameter="frame")
    found = [each for each in resolver(name) if frame in ("", each.frame)] if name.isprintable() else []
    if found:
        return found[0].region
    where = f" in the frame {frame}" if frame else ""
    hints = suggested(name)
    hint = f"; did you mean {', '.join(hints)}?" if hints else "; give bbox, cone or polygon instead"
    raise BadQueryError(f"{parameter}: no place or object{where} is known as {_shown(name)}{hint}", parameter=parameter)


def _shown(name: str) -> str:
    return repr("".join(char if char.isprintable() else " " for char in name[:80]))


def suggested(text: str, *, limit: int = 3) -> tuple[str, ...]:
    """Return names that are written nearly as a text is; empty where none is near."""
    typed = key(text[: MAX_NAME + 1])
    if not 3 <= len(typed) <= 60:
        return ()
    known = table()
    letters = typed[0]
    similar = [each for each in known.keys() if each[0] == letters and abs(len(each) - len(typed)) <= 2]  # noqa: SIM118
    close = get_close_matches(typed, similar, n=limit, cutoff=0.75)
    meant = (each for near in close for each in known.exact(near, alone=False)[:1])
    return tuple(dict.fromkeys(each.name for each in meant))


def spotted(text: str, *, limit: int = 3) -> tuple[Spotted, ...]:
    """Return the names that a question has in it, with the question that is left: what all of it names, else parts.

    Longer names win over what is named inside of them: `Gulf of Mexico` is no Mexico. A name inside of quotes, behind a
    minus or of two letters is left alone, and so are those that count only when nothing else is typed.
    """
    chunks = text[:MAX_TEXT].split()
    if not chunks or len(chunks) > MAX_CHUNKS or len(text) > MAX_TEXT:
        return ()
    known = table()
    found = [Spotted(each, "") for each in known.exact(key(text))]
    if not found:
        found = _parts(known, chunks)
    distinct: dict[tuple[str, str], Spotted] = {}
    for each in found:
        distinct.setdefault((each.named.frame, each.named.name), each)
    return tuple(distinct.values())[:limit]


def _parts(known: Table, chunks: list[str]) -> list[Spotted]:
    said = [words(chunk) for chunk in chunks]
    taken = [False] * len(chunks)
    found: list[tuple[int, Spotted]] = []
    for length in range(min(LONGEST, len(chunks)), 0, -1):
        for start in range(len(chunks) - length + 1):
            end = start + length
            if any(taken[start:end]) or not all(said[start:end]) or not _free(chunks[start:end]):
                continue
            meant = known.exact(" ".join(word for each in said[start:end] for word in each), alone=False)
            if meant:
                taken[start:end] = [True] * length
                rest = " ".join(chunks[: _lead(chunks, start)] + chunks[end:])
                found += [(start, Spotted(each, rest)) for each in meant[:2]]
    return [each for _, each in sorted(found, key=lambda one: one[0])]


def _lead(chunks: list[str], start: int) -> int:
    """Return where the words begin that only lead to a name: of `snow in the Alps` `snow` is left."""
    while start and chunks[start - 1].lower() in _LEADS:
        start -= 1
    return start


def _free(chunks: list[str]) -> bool:
    """Tell whether words of a question may be a name: see `spotted`."""
    joined = "".join(chunks)
    if joined[0] == "-" or _QUOTES & set(joined):
        return False
    if sum(char.isalnum() for char in joined) < SHORTEST:
        return len(chunks) == 1 and _COMPACT.fullmatch(joined) is not None
    # `10 m 31` is no galaxy: one letter and its number stand together.
    return not (len(chunks) > 1 and len(chunks[0]) == 1)
