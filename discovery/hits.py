"""Rows of embeddings that were found: what they are like, the records they lead to, and where those can be opened."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

from discovery.launch.locating import Located
from discovery.launch.resolver import Place
from discovery.model.instant import iso
from discovery.model.record import Record

MAX_PLACES: Final = 4
"""Places of a record that a hit tells; its own page has all of them."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A row that was found."""

    row: int
    id: str
    score: float
    lon: float | None = None
    lat: float | None = None
    start: int | None = None
    product: str = ""
    record: Record | None = None
    """What it was made of, else what the space belongs to; None where the catalogue has neither."""
    located: Located | None = None
    """Where that record is; None where there is none, and behind the first records of a long answer."""

    @property
    def places(self) -> tuple[Place, ...]:
        """The first places of its record, the nearest of its main file first: volumes, the web, object stores."""
        if self.located is None:
            return ()
        if self.located.mount_path:
            return (Place("volume", self.located.mount_path, self.located.id),)
        return tuple(place for file in self.located.files for place in file.places)[:MAX_PLACES]

    @property
    def nowhere(self) -> str:
        """Why its record can be opened nowhere; empty where it can."""
        reason = self.located.reason if self.located is not None else None
        return f"{reason.sentence} {reason.instead}" if reason is not None else ""

    @property
    def open(self) -> str:
        """The path of the page with the ways to open its record; empty without a record."""
        return f"/open?{urlencode({'id': self.record.id})}" if self.record is not None else ""

    @property
    def launch(self) -> str:
        """The path of the page that launches its record; empty where nothing of it could be opened."""
        if self.record is None or self.located is None or not self.located.is_located:
            return ""
        return f"/launch?{urlencode({'id': self.record.id})}"

    def to_dict(self) -> dict[str, Any]:
        """Return the hit as JSON values; its record by id, title and kind, with the first places that it is at."""
        record = self.record
        return {
            "row": self.row,
            "id": self.id or None,
            "score": round(self.score, 6),
            "lon": self.lon,
            "lat": self.lat,
            "time": iso(self.start) if self.start is not None else None,
            "product": self.product or None,
            "record": {"id": record.id, "title": record.title, "kind": record.kind} if record else None,
            "places": [each.to_dict() for each in self.places],
            "nowhere": self.nowhere or None,
            "launch": self.launch or None,
            "open": self.open or None,
        }


@dataclass(frozen=True, slots=True)
class Hits:
    """What was found, and how sure that is."""

    space: str
    hits: tuple[Hit, ...]
    mode: str
    exact: bool
    recall: float
    """How many of the truly nearest are found in this mode with such filters, as it was measured; 1 where `exact`."""
    eligible: int
    probed: int
    rescored: int
    elapsed_ms: float
    warnings: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the answer as JSON values."""
        return {
            "space": self.space,
            "hits": [each.to_dict() for each in self.hits],
            "mode": self.mode,
            "exact": self.exact,
            "recall": self.recall,
            "eligible": self.eligible,
            "probed": self.probed,
            "rescored": self.rescored,
            "elapsed_ms": round(self.elapsed_ms, 3),
            "warnings": list(self.warnings),
        }


@dataclass(frozen=True, slots=True)
class Change:
    """A place at two times."""

    change: float
    """How much it differs: 1 - cosine, or the distance; larger is more."""
    earlier: Hit
    later: Hit


@dataclass(frozen=True, slots=True)
class Changes:
    """Places that differ most between two times."""

    space: str
    changes: tuple[Change, ...]
    by: str
    compared: int
    """Pairs that there are."""
    elapsed_ms: float

    def to_dict(self) -> dict[str, Any]:
        """Return the answer as JSON values."""
        return {
            "space": self.space,
            "changes": [
                {"change": round(each.change, 6), "earlier": _bare(each.earlier), "later": _bare(each.later)}
                for each in self.changes
            ],
            "by": self.by,
            "compared": self.compared,
            "elapsed_ms": round(self.elapsed_ms, 3),
        }


@dataclass(frozen=True, slots=True)
class Outliers:
    """Rows that are farthest from the middle; their score is how far: 1 - cosine, or the distance."""

    space: str
    hits: tuple[Hit, ...]
    of: str
    compared: int
    elapsed_ms: float

    def to_dict(self) -> dict[str, Any]:
        """Return the answer as JSON values."""
        return {
            "space": self.space,
            "hits": [{"away": round(each.score, 6), **_bare(each)} for each in self.hits],
            "of": self.of,
            "compared": self.compared,
            "elapsed_ms": round(self.elapsed_ms, 3),
        }


def _bare(hit: Hit) -> dict[str, Any]:
    """Return a hit without a score, which it has of nothing."""
    return {name: value for name, value in hit.to_dict().items() if name != "score"}


def records(hits: Sequence[Hit]) -> tuple[str, ...]:
    """Return the ids of the records that hits lead to, each once, in the order of the hits."""
    return tuple(dict.fromkeys(each.record.id for each in hits if each.record is not None))
