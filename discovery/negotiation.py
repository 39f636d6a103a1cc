"""What a request takes, as its header `Accept` says it (RFC 9110, 12.5.1): read once for every face.

Which of the forms that there are is sent, and which one where two are wanted as much, is each face's own rule.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

MAX_CHARACTERS: Final = 4_000
"""Characters of `Accept` that are read; browsers send 150."""
MAX_RANGES: Final = 100
"""Media ranges of `Accept` that are looked at."""
_MAX_PARAMETERS: Final = 20
ANYTHING: Final = "*/*"


@dataclass(frozen=True, slots=True)
class Range:
    """One media range: a type, a group of types such as `text/*`, or `*/*`."""

    name: str
    """In small letters, without parameters."""
    weight: float
    """How much it is wanted, from 0 (not at all) to 1."""
    parameters: Mapping[str, str]
    """What else it says, by names in small letters; values too are in small letters and without quotes."""


def ranges(accept: str, *, unread: float, characters: int = MAX_CHARACTERS, most: int = MAX_RANGES) -> list[Range]:
    """Return the media ranges of `Accept` in their order, empty where it names none.

    Args:
        accept: The header; what stands behind the bounds is as if it were not there.
        unread: The weight where `q` is no number from 0 to 1: some servers drop such a range, others overlook `q`.
        characters: How much of the header is read.
        most: How many ranges are.
    """
    found = (_range(part, unread) for part in accept[:characters].lower().split(",")[:most])
    return [each for each in found if each.name]


def _range(part: str, unread: float) -> Range:
    name, *rest = part.split(";", _MAX_PARAMETERS + 1)
    said: dict[str, str] = {}
    for each in rest[:_MAX_PARAMETERS]:
        key, _, value = each.partition("=")
        said.setdefault(key.strip(), value.strip().strip('"'))
    return Range(name.strip(), _quality(said.get("q"), unread), said)


def _quality(text: str | None, unread: float) -> float:
    if text is None:
        return 1.0
    try:
        value = float(text)
    except ValueError:
        return unread
    return value if 0 <= value <= 1 else unread


def wish(found: Iterable[Range], media_type: str) -> tuple[float, int]:
    """Return how much a type is wanted, and how closely it was named: 2 by its name, 1 by its group, 0 by `*/*`.

    The range that fits most closely decides; of several such the one with the greatest weight. What no range names
    is wanted by 0.
    """
    group = f"{media_type.partition('/')[0]}/*"
    close = {ANYTHING: 0, group: 1, media_type: 2}
    exact, weight = max(((close[each.name], each.weight) for each in found if each.name in close), default=(0, 0.0))
    return weight, exact
