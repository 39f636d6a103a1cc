"""Walks over one table of a TAP service: by identifier, along a column of numbers, or group by group.

A service gives so many rows in one answer and no more, and nothing in ADQL 2.0 asks for the next ones. So the table is
cut by conditions, and each strategy is a way to cut it. All of them give the same rows under the same names.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Final

import orjson

from discovery.errors import RecordError, RunError, SourceUnavailableError
from discovery.model.record import Issue
from discovery.model.source import Quarantined, RawRecord, make_raw
from harvesters import votable
from harvesters.ahead import Ahead
from harvesters.base import Position, RawPage
from harvesters.tap_cuts import Cuts, Window, too_much
from harvesters.tap_service import Service
from harvesters.tap_table import GROUP, UNITS, XTYPES, Packed, Standard, named, packed, together

KEYSET: Final = "keyset"
WINDOW: Final = "window"
COLLECTION: Final = "collection"
STRATEGIES: Final = (KEYSET, WINDOW, COLLECTION)

_MOST_OF_ONE: Final = 65_536
"""Rows of one identifier that are asked for at a time; no observation has as many files."""
_MOST_GROUPS: Final = 10_000
_LEEWAY: Final = 10_000
"""Rows by which a table may grow while it is walked, beyond twice its size."""
FIRST: Final = 1000
"""Rows that are asked for at first: while the second answer is on its way there is something to do."""
_CHUNK: Final = 500
"""Rows that are handed on at once: an answer may hold many more, and their records take ten times their memory."""
_TOGETHER: Final = 50
"""Identifiers that are asked for by name in one query; some services take no longer ones than a few kilobytes."""
_SPLITS: Final = 8
"""How often a window is halved; what is then still too much stands close together and is walked by identifier."""
REST: Final = "rest"
"""The part of a table that has nothing in the column that cuts it, or no identifier, or is in several stretches."""
_TO: Final = ".."
_NULL: Final = "null"
"""The slice of rows that have nothing in the column that cuts the table."""
ROWS, SPREAD, NAMELESS = "rows", "spread", "nameless"


@dataclass(slots=True)
class Walk:
    """Where a walk stands."""

    strategy: str = KEYSET
    phase: str = ROWS
    """The rows of the slices, then those of identifiers that are in several slices, then those without identifier."""
    slice: Any = None
    """What has been walked up to: a lower bound or the name of a group; None before the first."""
    upto: float | None = None
    """The upper bound of a window that is walked by identifier."""
    inside: bool = False
    last: str | None = None
    """The last identifier; the next page begins with it, or behind it when `beyond`."""
    beyond: bool = False
    size: int = 0
    matched: int | None = None
    taken: int = 0
    repeated: int = 0
    groups: dict[str, None] = field(default_factory=dict)
    again: int = 0
    """How often an answer was asked for again after a walk had ended between its portions: those that come once more
    stand elsewhere than before, so that nobody takes them for a circle."""

    @classmethod
    def from_position(cls, position: Position, size: int) -> Walk:
        """Return the walk that a position stands for."""
        return cls(
            strategy=position.get("strategy", KEYSET),
            phase=position.get("phase", NAMELESS if position.get("nameless") else ROWS),
            slice=position.get("slice"),
            upto=position.get("upto"),
            inside=bool(position.get("inside")),
            last=position.get("last"),
            beyond=bool(position.get("beyond")),
            size=int(position.get("size", size)),
            matched=position.get("matched"),
            taken=int(position.get("taken", 0)),
            repeated=int(position.get("repeated", 0)),
            groups=dict.fromkeys(position.get("groups", position.get("collections", ()))),
            again=int(position.get("again", 0)) + ("part" in position),
        )

    def position(self) -> Position:
        """Return the walk as JSON values."""
        said = {name: getattr(self, name) for name in Walk.__dataclass_fields__}
        return {**said, "groups": list(self.groups)}

    def enter(self, phase: str) -> None:
        """Begin with another kind of rows."""
        self.phase, self.slice, self.upto, self.inside, self.last, self.beyond = phase, None, None, False, None, False

    def reach(self, slice: Any) -> None:
        """Have everything before a slice done."""
        self.slice, self.upto, self.inside, self.last, self.beyond = slice, None, False, None, False


@dataclass(frozen=True, slots=True)
class Question:
    """One query for rows of the table."""

    where: str
    most: int
    ordered: bool = False
    columns: str = "*"


@dataclass(frozen=True, slots=True)
class _Step:
    """What one answer has brought: rows to store, and whether there are more under the same condition."""

    rows: Sequence[Packed]
    table: votable.Table | None = None
    rejected: tuple[Quarantined, ...] = ()
    more: bool = False


class Walker:
    """Yields the rows of a table page by page.

    Args:
        service: Whom to ask.
        standard: The columns to walk by.
        table: As the service calls it.
        size: How many rows are asked for at a time.
        condition: What all rows must fulfil; empty for all.
        siblings: Whether all rows of an identifier are fetched when one of them is among those of the condition.
    """

    def __init__(
        self,
        service: Service,
        standard: Standard,
        table: str,
        size: int,
        *,
        condition: str = "",
        siblings: bool = False,
    ) -> None:
        self._service = service
        self._standard = standard
        self._key = standard.key
        self._table = table
        self._relation = standard.rows_of(table)
        self._size = size
        self._condition = condition
        self._no_key = _all(condition, f"{standard.key} IS NULL")
        self._siblings = siblings
        self._cuts = Cuts(service, standard, table, size)
        self._ahead = Ahead[Question, votable.Table](self._ask)
        self._spread: frozenset[str] = frozenset()

    def pages(self, walk: Walk) -> Iterator[RawPage]:
        """Yield the rows from where a walk stands, at last those that have no identifier."""
        if walk.strategy != KEYSET and walk.phase != NAMELESS:
            column = self._standard.window if walk.strategy == WINDOW else self._standard.group
            self._spread = self._cuts.spread(column)
        if walk.phase == ROWS:
            slices = {KEYSET: self._whole, WINDOW: self._windows, COLLECTION: self._groups}
            yield from slices[walk.strategy](walk)
        if walk.phase == SPREAD:
            yield from self._spread_rows(walk)
        yield from self._without_key(walk)

    # Parts

    def parts(self, most: int) -> list[str]:
        """Return names of parts that hold all rows together: stretches of windows, and what is in no window.

        Raises:
            SourceUnavailableError: The service gives no overview; detail `query`.
        """
        windows = self._cuts.windows(None, None)
        each = math.ceil(len(windows) / most)
        ends = [(windows[at].lower, windows[at : at + each][-1].upper) for at in range(0, len(windows), each)]
        return [*(_TO.join("" if end is None else repr(end) for end in pair) for pair in ends), REST]

    def part(self, name: str, position: Position | None) -> Iterator[RawPage]:
        """Yield the rows of one part; how many there should be is known of each window and not of the part."""
        walk = Walk.from_position(position or {"strategy": WINDOW}, self._size)
        if name == REST:
            walk.slice = _NULL if position is None else walk.slice
            yield from self.pages(walk)
            return
        self._spread = self._cuts.spread(self._standard.window)
        lower, upper = (float(text) if text else None for text in name.split(_TO))
        walk.slice = lower if position is None else walk.slice
        for page in self._stretch(walk, upper):
            # Only the last page of the last window stands at the end; one that is handed on in portions does not yet.
            if page.position is not None and page.position["slice"] == (_NULL if upper is None else upper):
                yield replace(page, position=None)
                return
            yield page
        yield RawPage((), None)

    # Strategies

    def _whole(self, walk: Walk) -> Iterator[RawPage]:
        rows = walk.matched if walk.matched is not None and not self._condition else 0

        def done() -> None:
            walk.enter(NAMELESS)
            self._ahead.begin(self._nameless(self._no_key))

        yield from self._keyset(walk, "", done, rows - walk.taken)

    def _groups(self, walk: Walk) -> Iterator[RawPage]:
        """Walk group by group, and by identifier within each."""
        column = self._standard.group
        counted = self._cuts.groups()
        # A name and nothing are told apart by what stands before the name.
        slices = [(f"={name}", f"{column} = '{_quoted(name)}'", counted[name]) for name in sorted(counted)]
        slices.append(("~", f"{column} IS NULL", self._cuts.count(f"{column} IS NULL") or 0))
        left = [each for each in slices if walk.slice is None or each[0] >= walk.slice]
        for number, (slice, where, rows) in enumerate(left):
            if walk.slice != slice:
                walk.reach(slice)
            following = left[number + 1][0] if number + 1 < len(left) else None
            yield from self._keyset(walk, where, partial(self._go_on, walk, following), rows)

    def _go_on(self, walk: Walk, slice: Any) -> None:
        if slice is None:
            walk.enter(SPREAD)
        else:
            walk.reach(slice)

    def _windows(self, walk: Walk) -> Iterator[RawPage]:
        """Walk from window to window, and at last what is in none."""
        if walk.slice != _NULL:
            yield from self._stretch(walk, None)
        where = f"{self._standard.window} IS NULL"
        yield from self._keyset(walk, where, lambda: walk.enter(SPREAD), self._cuts.count(where) or 0)

    def _stretch(self, walk: Walk, end: float | None) -> Iterator[RawPage]:
        """Walk windows up to a bound, each in one answer; halve those that hold too much for one."""
        if walk.inside and walk.upto is None:
            stack = [Window(walk.slice, None)]
        else:
            stack = self._cuts.windows(walk.slice, walk.upto if walk.inside else None, end)[::-1]
        while stack:
            window = stack.pop()
            done = self._past(walk, window)
            if not walk.inside:
                step = self._at_once(window, stack)
                if step is not None:
                    # Who goes on between two portions cannot tell where these rows ended: they have no order.
                    within = {
                        "slice": window.lower,
                        "upto": window.upper,
                        "inside": True,
                        "last": None,
                        "beyond": False,
                    }
                    before = {**walk.position(), **within}
                    done()
                    yield from self._handed_on(walk, step, before)
                    continue
                if halves := self._cuts.halves(window) if window.depth < _SPLITS else ():
                    stack.extend(reversed(halves))
                    continue
                walk.slice, walk.upto, walk.inside = window.lower, window.upper, True
            yield from self._keyset(walk, window.where(self._standard.window), done, window.rows or 0)

    def _past(self, walk: Walk, window: Window) -> Callable[[], None]:
        return lambda: walk.reach(_NULL if window.upper is None else window.upper)

    def _at_once(self, window: Window, following: Sequence[Window]) -> _Step | None:
        """Return all rows of a window, or None when they do not come in one answer."""
        if window.rows is None or window.rows > self._size:
            return None
        try:
            table = self._ahead.take(self._window(window))
        except RecordError:
            return None
        except SourceUnavailableError as error:
            if too_much(error):
                return None
            raise
        # Fewer than were counted, and called complete: some services cut their answers without a word.
        if table.status == votable.OVERFLOW or table.full or len(table.packed) < window.rows:
            return None
        if following and following[-1].rows is not None and following[-1].rows <= self._size:
            self._ahead.begin(self._window(following[-1]))
        return _Step([row for row in table.packed if row.key], table)

    def _window(self, window: Window) -> Question:
        return Question(_all(window.where(self._standard.window), f"{self._key} IS NOT NULL"), self._size + 1)

    def _spread_rows(self, walk: Walk) -> Iterator[RawPage]:
        """Fetch the rows of identifiers that are in several slices, all rows of an identifier together."""
        keys = sorted(key for key in self._spread if walk.last is None or key > walk.last)
        for at in range(0, len(keys), _TOGETHER):
            part = keys[at : at + _TOGETHER]
            step, before = self._by_name(part), walk.position()
            walk.last = part[-1]
            yield from self._handed_on(walk, step, before, all_of_them=True)
        walk.enter(NAMELESS)

    def _by_name(self, keys: Sequence[str]) -> _Step:
        """Return all rows of some identifiers; half of the identifiers at a time when they are too many."""
        listed = ", ".join(f"'{_quoted(key)}'" for key in keys)
        problem = ""
        table = votable.Table()
        try:
            table = self._ask(Question(f"{self._key} IN ({listed})", max(self._size, _MOST_OF_ONE)))
        except RecordError as error:
            problem = str(error)
        if not problem and table.status != votable.OVERFLOW and not table.full:
            return _Step(table.packed, table)
        if len(keys) > 1:
            halves = [self._by_name(part) for part in (keys[: len(keys) // 2], keys[len(keys) // 2 :])]
            tables = [each.table for each in halves if each.table is not None and each.table.columns]
            rows = [row for each in halves for row in each.rows]
            return _Step(rows, tables[0] if tables else None, tuple(r for each in halves for r in each.rejected))
        if problem:
            return _Step((), None, (_rejected(keys[0], "broken-votable", problem),))
        return _Step(table.packed, table, (_too_many(keys[0]),))

    # By identifier

    def _keyset(self, walk: Walk, inside: str, done: Callable[[], None], rows: int = 0) -> Iterator[RawPage]:
        """Walk the rows of a condition in the order of their identifiers.

        A page is `key >= last ORDER BY key` with MAXREC and without TOP, since only MAXREC makes a service say
        OVERFLOW. The rows of the last identifier of a cut page are left to the next one, so that all rows of an
        identifier are always seen together. Only the service compares identifiers: its order is not Python's.

        Args:
            walk: Where it stands.
            inside: The condition; empty for none.
            done: Called when no more rows are left, so that the last page's position is behind them.
            rows: How many there should be; where fewer come the service is asked once more, whatever it says.
        """
        while True:
            before, previous = walk.position(), walk.last
            step = self._step(walk, inside, rows)
            rows -= len(step.rows)
            if not step.more:
                done()
            else:
                if walk.last == previous and step.rows and not walk.beyond:
                    raise RunError("the source gives the same page again and again; nothing was deleted")
                self._ahead.begin(self._next(walk, inside, walk.size))
            yield from self._in_order(walk, step, before)
            if not step.more:
                return

    def _next(self, walk: Walk, inside: str, most: int) -> Question:
        where = f"{self._key} IS NOT NULL"
        if walk.last is not None:
            where = f"{self._key} {'>' if walk.beyond else '>='} '{_quoted(walk.last)}'"
        return Question(_all(self._condition, inside, where), most, ordered=True)

    def _step(self, walk: Walk, inside: str, rows: int) -> _Step:
        """Return the next answer; less is asked for when the service cannot give so much at once."""
        asked = walk.size
        while True:
            try:
                table = self._ahead.take(self._next(walk, inside, asked))
                return self._advance(walk, table, asked, rows)
            except RecordError as error:
                if asked == 1:
                    return self._skip(walk, inside, error)
                asked = max(1, asked // 4)
            except SourceUnavailableError as error:
                if not too_much(error) or asked <= 10:
                    raise
                asked //= 4

    def _advance(self, walk: Walk, table: votable.Table, asked: int, expected: int) -> _Step:
        rows = [row for row in table.packed if row.key]
        # A service may cut at MAXREC and say OK; asking once more costs less than losing the rest.
        more = table.status == votable.OVERFLOW or table.full or len(table.packed) >= asked
        # So may one that cuts where it likes; only rows of another identifier than the first lead any further.
        more |= len(rows) < expected and any(row.key != rows[0].key for row in rows)
        if not more:
            return _Step(rows, table)
        if not rows:
            raise RunError(f"{self._service.url} says that there are more rows and sends none")
        last = rows[-1].key
        kept = [row for row in rows if row.key != last]
        rejected: tuple[Quarantined, ...] = ()
        if kept:
            rows, walk.last, walk.beyond = kept, last, False
        elif walk.size <= asked < _MOST_OF_ONE and len(table.packed) >= asked:
            walk.size = min(asked * 4, _MOST_OF_ONE)
            return _Step((), table, more=True)
        else:
            if self._service.count(self._relation, f"{self._key} = '{_quoted(last)}'") != len(rows):
                rejected = (_too_many(last),)
            walk.last, walk.beyond = last, True
        # Grow back after a page that had to be small.
        walk.size = self._size
        return _Step(rows, table, rejected, more=True)

    def _skip(self, walk: Walk, inside: str, error: RecordError) -> _Step:
        """Step over one row that the service cannot write down: ask for its identifier alone, and go on behind it.

        Raises:
            RunError: Not even that can be read, so there is nothing to go on from.
        """
        asked = self._next(walk, inside, 2)
        try:
            table = self._ask(Question(asked.where, asked.most, asked.ordered, self._key))
        except RecordError as worse:
            raise RunError(f"{self._service.url}: no answer can be read, not even one row: {worse}") from worse
        found = [row.key for row in table.packed if row.key]
        if not found:
            return _Step(())
        walk.last, walk.beyond = found[0], True
        message = f"the row of {found[0][:200]!r} cannot be read: {error}"
        return _Step((), None, (_rejected(found[0], error.code, message),), more=True)

    def _without_key(self, walk: Walk) -> Iterator[RawPage]:
        """Yield the rows that have no identifier, which are known by a hash of what they say."""
        held: RawPage | None = None
        before, number = walk.position(), 0
        for table, cut in self._pieces(self._no_key):
            if held is not None:
                number += 1
                # Whoever goes on from between two pieces begins with the first: there are few of these rows.
                yield replace(held, position={**before, "part": number})
            rejected: tuple[Quarantined, ...] = ()
            if cut:
                message = f"more than {len(table.packed)} rows have no identifier; the rest cannot be asked for"
                rejected = (_rejected("rows without identifier", "too-many-rows", message),)
            raws = self._raws(walk, [row for row in table.packed if not row.key], table)
            held = RawPage(raws, None, self._matched(walk), rejected)
        assert held is not None
        yield held

    def _pieces(self, where: str) -> Iterator[tuple[votable.Table, bool]]:
        """Yield the rows without identifier in as many answers as it takes, each with whether it still is cut.

        Raises:
            RunError: They cannot be read.
        """
        try:
            table = self._ahead.take(self._nameless(where))
        except RecordError as error:
            raise RunError(f"{self._service.url}: the rows without an identifier cannot be read: {error}") from error
        cut = table.status == votable.OVERFLOW or table.full
        halves = self._cuts.apart(where) if cut else ()
        if not halves:
            yield table, cut
        for half in halves:
            yield from self._pieces(half)

    def _nameless(self, where: str) -> Question:
        # Nothing tells one from the next, so as many are asked for as ever come, however small a page is.
        return Question(where, max(self._size, _MOST_OF_ONE))

    # Elements

    def _handed_on(self, walk: Walk, step: _Step, before: Position, *, all_of_them: bool = False) -> Iterator[RawPage]:
        """Yield an answer in portions; a walk that ends between them goes on from the position given here."""
        raws = self._elements(walk, step.rows, step.table, all_of_them=all_of_them)
        parts = max(1, math.ceil(len(raws) / _CHUNK))
        for part in range(parts - 1):
            portion = raws[part * _CHUNK : (part + 1) * _CHUNK]
            yield RawPage(portion, {**before, "part": part + 1}, self._matched(walk))
        yield RawPage(raws[(parts - 1) * _CHUNK :], walk.position(), self._matched(walk), step.rejected)

    def _in_order(self, walk: Walk, step: _Step, before: Position) -> Iterator[RawPage]:
        """Yield an answer that is in the order of identifiers; a walk that ends within it goes on behind the last."""
        portions = _portions(step.rows)
        for rows in portions[:-1]:
            raws = self._elements(walk, rows, step.table)
            said = {"taken": walk.taken, "repeated": walk.repeated, "groups": list(walk.groups)}
            yield RawPage(raws, {**before, **said, "last": rows[-1].key, "beyond": True}, self._matched(walk))
        raws = self._elements(walk, portions[-1], step.table)
        yield RawPage(raws, walk.position(), self._matched(walk), step.rejected)

    def _elements(
        self, walk: Walk, rows: Sequence[Packed], table: votable.Table | None, *, all_of_them: bool = False
    ) -> tuple[RawRecord, ...]:
        """Return rows as elements, without those of identifiers that come later, and with all of each identifier."""
        if self._spread and not all_of_them:
            rows = [row for row in rows if row.key not in self._spread]
        if self._siblings and rows:
            found = self._all_of([row.key for row in rows])
            rows, table = found.rows, found.table
        walk.taken += len(rows)
        if walk.matched is not None and walk.taken > 2 * walk.matched + _LEEWAY:
            raise RunError(f"the source says that it has {walk.matched} rows and gives many more")
        return self._raws(walk, rows, table) if table is not None else ()

    def _all_of(self, keys: Sequence[str]) -> _Step:
        different = list(dict.fromkeys(keys))
        steps = [self._by_name(different[at : at + _TOGETHER]) for at in range(0, len(different), _TOGETHER)]
        table = next((each.table for each in steps if each.table is not None and each.table.columns), None)
        return _Step([row for each in steps for row in each.rows], table)

    def _raws(self, walk: Walk, rows: Sequence[Packed], table: votable.Table) -> tuple[RawRecord, ...]:
        said, group_column, url = _said(self._standard, table), self._standard.group, self._service.url
        # What is said beside the cells goes to the end of the object that they are.
        more = b"," + orjson.dumps(said)[1:]
        out: list[RawRecord] = []
        for key, members in together(rows).items():
            if key and len(members) == 1:
                different = [(key, members[0])]
            else:
                found = named(self._standard, key, (each.row() for each in members))
                different = [(name, packed(self._standard, dict(row))) for name, row in found]
            walk.repeated += len(members) - len(different)
            for source_id, row in different:
                if row.group and row.group not in walk.groups and len(walk.groups) < _MOST_GROUPS:
                    walk.groups[row.group] = None
                    out.append(RawRecord(group_column, row.group, orjson.dumps({GROUP: row.group}), url=url))
                body = row.body[:-1] + more if said else row.body
                out.append(make_raw(self._table, source_id, body, url=url))
        return tuple(out)

    def _matched(self, walk: Walk) -> int | None:
        """Return how many elements there should be: the rows without exact repetitions, and the groups so far."""
        return None if walk.matched is None else walk.matched - walk.repeated + len(walk.groups)

    def _ask(self, question: Question) -> votable.Table:
        order = f" ORDER BY {self._key}" if question.ordered else ""
        query = f"SELECT {question.columns} FROM {self._relation} WHERE {question.where}{order}"  # noqa: S608  # ADQL, quoted
        return self._service.ask(query, question.most, partial(packed, self._standard))


def _portions(rows: Sequence[Packed]) -> list[Sequence[Packed]]:
    """Return rows in portions, at least one, without parting those of one identifier that stand together."""
    out: list[Sequence[Packed]] = []
    start = 0
    for end in range(_CHUNK, len(rows)):
        if end - start >= _CHUNK and rows[end].key != rows[end - 1].key:
            out.append(rows[start:end])
            start = end
    return [*out, rows[start:]]


def _said(standard: Standard, table: votable.Table) -> dict[str, Any]:
    """Return what must be kept beside a row to read it again: units and types that are not the standard's own."""
    units = {
        name: unit for name, unit in table.units().items() if standard.units.get(name, unit).lower() != unit.lower()
    }
    xtypes = {name: xtype for name, xtype in table.xtypes().items() if name in standard.regions and ":" not in xtype}
    return {name: said for name, said in ((UNITS, units), (XTYPES, xtypes)) if said}


def _all(*conditions: str) -> str:
    return " AND ".join(each for each in conditions if each)


def _quoted(text: str) -> str:
    return text.replace("'", "''")


def _too_many(key: str) -> Quarantined:
    message = f"more rows have the identifier {key[:200]!r} than the service gives at once"
    return _rejected(key, "too-many-rows", message)


def _rejected(place: str, code: str, message: str) -> Quarantined:
    return Quarantined(
        RawRecord("", "", b"", "application/x-votable+xml", position=place[:500]), Issue(code, message), "fetch"
    )
