"""SIA2: images and cubes of services that have no TAP, in the columns of ObsCore."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Final

import orjson

from discovery.errors import ConfigError, RecordError, RunError, SourceUnavailableError
from discovery.model.record import Issue
from discovery.model.source import Mapped, Quarantined, RawRecord
from harvesters import obscore, votable
from harvesters.base import Position, Probe, RawPage, SourceContext, ids_of
from harvesters.defaults import Defaults
from harvesters.document import MAX_ID, parse_object
from harvesters.tap_cuts import too_much
from harvesters.tap_service import ACCEPT, FORMAT
from harvesters.tap_table import GROUP, UNITS, XTYPES, Row, named

CONTAINER: Final = "sia2"
"""The container of the rows: such a service has no tables."""
_EDGES: Final = (-math.inf, 15_020.0, 40_587.0, 51_544.0, 62_502.0, math.inf)
"""Modified Julian Dates of 1900, 1970, 2000 and 2030, between which a large service is asked first."""
_NARROWEST: Final = 1e-5
"""Days of a window that is not cut any more: about a second."""
_SHORT: Final = 1.0
"""Days of a window that every service must be able to answer; who does not is not there now."""
_FAR: Final = 1e9
"""Days from today behind which nothing is."""
_SMALLEST: Final = 0.01
"""Degrees of a piece of the sky that is not cut any more."""
_MOST_COLLECTIONS: Final = 10_000
_MOST_PENDING: Final = 5_000


@dataclass(frozen=True, slots=True)
class Piece:
    """What one question is about: a collection, a window of time, a box on the sky; None is everything."""

    collection: str = ""
    time: tuple[float, float] | None = None
    """In days, closed on both sides; a row belongs to each window that it touches."""
    box: tuple[float, float, float, float] | None = None
    """Right ascension from and to, declination from and to."""

    def parameters(self) -> dict[str, str]:
        """Return the piece as SIA2 is asked for it."""
        out = {}
        if self.collection:
            out["COLLECTION"] = self.collection
        if self.time is not None:
            out["TIME"] = " ".join(_written(each) for each in self.time)
        if self.box is not None:
            out["POS"] = "RANGE " + " ".join(f"{each:.10g}" for each in self.box)
        return out

    def halves(self, rows: list[dict[str, str]]) -> tuple[Piece, ...]:
        """Return smaller pieces that are this one together; none where it cannot be cut any more.

        Args:
            rows: Some of what it holds: where they begin and end all at the same times, the sky is cut.
        """
        if self.time is None:
            return tuple(replace(self, time=window) for window in pairwise(_EDGES))
        start, end = self.time
        middle, boxes = _middle(start, end), [replace(self, box=box) for box in _boxes(self.box)]
        if middle is None or (boxes and not _differ_within(rows, start, end)):
            return tuple(boxes)
        return replace(self, time=(start, middle)), replace(self, time=(middle, end))

    def shorter(self) -> tuple[Piece, ...]:
        """Return smaller pieces in time, for a service that gives up on this one; none where it is short enough."""
        if self.time is None:
            return tuple(replace(self, time=window) for window in pairwise(_EDGES))
        start, end = self.time
        if not _SHORT < end - start < math.inf:
            return ()
        middle = start + (end - start) / 2
        return replace(self, time=(start, middle)), replace(self, time=(middle, end))

    def to_json(self) -> dict[str, Any]:
        """Return the piece as JSON values, which know no infinity."""
        time = None if self.time is None else [_written(each) for each in self.time]
        return {"collection": self.collection, "time": time, "box": self.box and list(self.box)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Piece:
        """Return the piece that was written so."""
        time, box = data["time"], data["box"]
        return cls(
            str(data["collection"]),
            None if time is None else (float(time[0]), float(time[1])),
            None if box is None else (float(box[0]), float(box[1]), float(box[2]), float(box[3])),
        )


class Sia2:
    """Walks an SIA2 service: all at once, and where that is more than it gives, by windows of time and then of the sky.

    SIA2 can neither sort nor count nor ask for what has no time. So a service that gives everything at once is known
    whole; of a larger one nothing is taken to have vanished, unless the operator says that all of its rows have times.
    Where that does not part them and the sky has to, the same is true of rows without a place.
    """

    def __init__(self, context: SourceContext) -> None:
        self._client = context.client
        self._url = context.source.url.rstrip("?")
        if not self._url.startswith(("http://", "https://")):
            raise ConfigError(
                f"sia2: the url is {self._url[:80]!r}; allowed: that of the query itself, http: or https:"
            )
        self._collections = [name for each in context.text("collections").split(",") if (name := each.strip())]
        self._size = context.number("page")
        self._defaults = Defaults.of(context, "space-science")
        self._all_timed = context.text("times") == "all"
        self._format: str | None = FORMAT

    @property
    def bytes_read(self) -> int:
        """No local file is read."""
        return 0

    def probe(self) -> Probe:
        """Return nothing but that the service answers: it can neither count nor say what it gives at most.

        Raises:
            SourceUnavailableError: It does not answer, or not with ObsCore's columns.
        """
        self._ask(Piece(), 1)
        return Probe(notes=("SIA2 cannot count; what is more than one answer is asked for in windows of time",))

    def pages(self, position: Position | None) -> Iterator[RawPage]:
        """Yield what the service has piece by piece; a row that touches two of them comes twice."""
        if position is None:
            pending = [Piece(name) for name in reversed(self._collections)] or [Piece()]
        else:
            pending = [Piece.from_json(each) for each in position["pending"]]
        groups: dict[str, None] = dict.fromkeys(position["groups"] if position else ())
        while pending:
            raws, halves, rejected = self._step(pending.pop(), groups)
            if len(pending) > _MOST_PENDING:
                raise RunError(f"{self._url}: nothing that it is asked for becomes small enough to be given whole")
            pending.extend(reversed(halves))
            after = {"pending": [each.to_json() for each in pending], "groups": list(groups)}
            yield RawPage(raws, after if pending else None, rejected=rejected)

    def _step(
        self, piece: Piece, groups: dict[str, None]
    ) -> tuple[tuple[RawRecord, ...], tuple[Piece, ...], tuple[Quarantined, ...]]:
        """Ask for one piece; return its rows, or the pieces that it is cut into, and what cannot be had."""
        table, error = self._table(piece)
        if table is None:
            halves = piece.shorter()
            rejected = () if halves else (_rejected(piece, f"it cannot be read: {error}"),)
        elif table.status == votable.OVERFLOW or table.full:
            halves = piece.halves(table.rows)
            rejected = () if halves else (_rejected(piece, "it holds more rows than the service gives at once"),)
        else:
            return self._raws(table, groups), (), ()
        if piece.time is None and not self._all_timed:
            rejected = (_rejected(piece, "rows without a time cannot be asked for; there may be some"),)
        elif piece.box is None and any(each.box is not None for each in halves):
            rejected = (_rejected(piece, "rows without a place cannot be asked for; there may be some"),)
        raws = () if halves or table is None else self._raws(table, groups)
        return raws, halves, rejected

    def ids(self) -> Iterator[tuple[str, str]]:
        """Return container and id of every row and collection."""
        return ids_of(self.pages(None))

    def parse(self, raw: RawRecord) -> dict[str, Any]:
        """Return the row of a stored element."""
        return parse_object(raw)

    def map(self, raw: RawRecord, document: Mapping[str, Any]) -> Mapped:
        """Return the observation of a row, or the dataset of a collection."""
        if GROUP in document:
            return Mapped(obscore.to_dataset(raw.source_id, CONTAINER, self._defaults), raw)
        if not raw.source_id or len(raw.source_id) > MAX_ID:
            raise RecordError("bad-id", f"the identifier is not a text of 1 to {MAX_ID} characters", path=_DID)
        cells = {name: str(value) for name, value in document.items() if not name.startswith("@")}
        units, xtypes = document.get(UNITS, {}), document.get(XTYPES, {})
        return Mapped(obscore.to_record(cells, units, xtypes, raw.container, raw.source_id, self._defaults), raw)

    # Asking

    def _table(self, piece: Piece) -> tuple[votable.Table | None, str]:
        """Return the answer to a piece, or why there is none where a shorter one may be answered."""
        try:
            return self._ask(piece, self._size), ""
        except RecordError as error:
            # Services that cannot give so much send anything; one row tells whether it is that.
            if piece.time is None:
                self._one(piece, error)
            return None, str(error)
        except SourceUnavailableError as error:
            if not too_much(error) or (piece.time is not None and not piece.shorter()):
                raise
            if piece.time is None:
                self._one(piece, error)
            return None, str(error)

    def _one(self, piece: Piece, error: RecordError | SourceUnavailableError) -> None:
        """Raise what is wrong with a service that cannot even give one row."""
        try:
            self._ask(piece, 1)
        except (RecordError, SourceUnavailableError) as worse:
            if isinstance(worse, SourceUnavailableError):
                raise
            raise SourceUnavailableError(f"{self._url}: {error}", detail="unexpected_content") from worse

    def _ask(self, piece: Piece, maxrec: int) -> votable.Table:
        while True:
            asked = {**piece.parameters(), "MAXREC": str(maxrec)}
            if self._format is not None:
                asked["RESPONSEFORMAT"] = self._format
            try:
                return self._read(asked, maxrec)
            except SourceUnavailableError as error:
                # Some know no other format than their own; what is binary can be read as well, only at a higher price.
                if self._format is None or error.detail not in ("query", "status"):
                    raise
                self._format = None

    def _read(self, asked: Mapping[str, str], maxrec: int) -> votable.Table:
        with self._client.stream(self._url, params=asked, accept=ACCEPT) as body:
            table = votable.read(body, most=maxrec * 2 + 10)
        if table.status == votable.ERROR:
            raise votable.unavailable(table, self._url)
        if table.columns and _DID not in {each.name for each in table.columns}:
            message = f"{self._url}: the answer has no {_DID}, so it is none of SIA2"
            raise SourceUnavailableError(message, detail="unexpected_content")
        return table

    def _raws(self, table: votable.Table, groups: dict[str, None]) -> tuple[RawRecord, ...]:
        said = _said(table)
        out: list[RawRecord] = []
        together: dict[str, list[Row]] = {}
        for each in table.rows:
            together.setdefault(each.get(_DID, ""), []).append(each)
        for did, members in together.items():
            for source_id, row in named(obscore.STANDARD, did, members):
                group = row.get(obscore.COLLECTIONS, "")
                if group and group not in groups and len(groups) < _MOST_COLLECTIONS:
                    groups[group] = None
                    out.append(RawRecord(obscore.COLLECTIONS, group, orjson.dumps({GROUP: group}), url=self._url))
                out.append(RawRecord(CONTAINER, source_id, orjson.dumps({**row, **said}), url=self._url))
        return tuple(out)


_DID: Final = obscore.STANDARD.key


def _said(table: votable.Table) -> dict[str, Mapping[str, str]]:
    """Return what must be kept beside a row to read it again: units and types that are not ObsCore's own."""
    usual = obscore.UNITS
    units = {name: unit for name, unit in table.units().items() if usual.get(name, unit).lower() != unit.lower()}
    xtypes = {name: xtype for name, xtype in table.xtypes().items() if name == "s_region" and ":" not in xtype}
    return {name: said for name, said in ((UNITS, units), (XTYPES, xtypes)) if said}


def _differ_within(rows: list[dict[str, str]], start: float, end: float) -> bool:
    """Say whether rows begin or end at different times within a window, so that its halves hold fewer each."""
    if not rows:
        return True
    cells = (row.get(name, "") for row in rows for name in ("t_min", "t_max"))
    within = {cell for cell in cells if cell and start < _days(cell) < end}
    return len(within) > 1


def _days(cell: str) -> float:
    try:
        return float(cell)
    except ValueError:
        return math.nan


def _middle(start: float, end: float) -> float | None:
    """Return where a window is cut; an open one ever farther out, until nothing can be there."""
    if start == -math.inf or end == math.inf:
        known = end if start == -math.inf else start
        step = max(10_000.0, abs(known) * 3)
        middle = known - step if start == -math.inf else known + step
        return middle if abs(middle) < _FAR else None
    return start + (end - start) / 2 if end - start > _NARROWEST else None


def _boxes(box: tuple[float, float, float, float] | None) -> list[tuple[float, float, float, float]]:
    """Return two halves of a box on the sky, cut through its longer side; of nothing the two halves of the sky."""
    west, east, south, north = box or (0.0, 360.0, -90.0, 90.0)
    if max(east - west, north - south) <= _SMALLEST:
        return []
    if east - west >= north - south:
        middle = (west + east) / 2
        return [(west, middle, south, north), (middle, east, south, north)]
    middle = (south + north) / 2
    return [(west, east, south, middle), (west, east, middle, north)]


def _written(days: float) -> str:
    return {math.inf: "+Inf", -math.inf: "-Inf"}.get(days, f"{days:.10g}")


def _rejected(piece: Piece, message: str) -> Quarantined:
    asked = ", ".join(f"{name} {value}" for name, value in piece.parameters().items()) or "everything"
    raw = RawRecord("", "", b"", "application/x-votable+xml", position=asked[:500])
    return Quarantined(raw, Issue("too-many-rows", f"{asked}: {message}"), "fetch")
