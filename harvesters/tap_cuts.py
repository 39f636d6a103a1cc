"""Where a table may be cut: overviews that a TAP service makes of a column, so that each piece fits into one answer."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from discovery.errors import RunError, SourceUnavailableError
from harvesters import votable
from harvesters.tap_service import Service
from harvesters.tap_table import Standard

_MOST_BINS: Final = 4_000
_MOST_SPREAD: Final = 500_000
"""Identifiers in several pieces that are remembered; where there are more the column is none to cut along."""
_MOST_GROUPS: Final = 2_000
_TOO_MUCH: Final = frozenset({400, 408, 413, 500, 504})


@dataclass(frozen=True, slots=True)
class Window:
    """A piece of the table: where a column is at least `lower` and less than `upper`; None is no bound."""

    lower: float | None
    upper: float | None
    rows: int | None = None
    """How many rows with an identifier it holds, where that is known."""
    depth: int = 0
    """How often it was halved."""

    def where(self, column: str) -> str:
        """Return the condition."""
        low = f"{column} >= {self.lower!r}" if self.lower is not None else ""
        high = f"{column} < {self.upper!r}" if self.upper is not None else ""
        return " AND ".join(each for each in (low, high) if each) or f"{column} IS NOT NULL"


class Cuts:
    """Asks one service for overviews of one table."""

    def __init__(self, service: Service, standard: Standard, table: str, size: int) -> None:
        self._service = service
        self._standard = standard
        self._table = table
        self._relation = standard.rows_of(table)
        self._size = size

    def groups(self) -> dict[str, int]:
        """Return the names of the groups with how many rows each has.

        Raises:
            SourceUnavailableError: The service does not tell them, or there are too many; detail `query`.
        """
        column, found, last = self._standard.group, dict[str, int](), ""
        while True:
            behind = f" > '{_quoted(last)}'" if last else " IS NOT NULL"
            query = f"SELECT {column} AS name, COUNT(*) AS n FROM {self._relation} WHERE {column}{behind} "  # noqa: S608
            table = (
                self._service.try_ask(f"{query}GROUP BY {column} ORDER BY {column}", _MOST_GROUPS) if column else None
            )
            if table is None or len(found) > _MOST_GROUPS:
                raise self._cannot(f"its groups by {column or 'nothing'} cannot be listed")
            names = {row["name"]: _whole(row.get("n", "")) for row in table.rows if row.get("name")}
            if not names.keys() - found.keys():
                return found
            found |= names
            last = next(reversed(names))

    def windows(self, start: float | None, stop: float | None, end: float | None = None) -> list[Window]:
        """Return windows of about as many rows as one answer may have, from a bound on.

        Args:
            start: The lower bound of the first; None at the very beginning.
            stop: The upper bound of the first, where it was once decided and must stay.
            end: Where the last one ends; None for no end.

        Raises:
            SourceUnavailableError: The service gives no overview; detail `query`.
        """
        bins = self._histogram()
        bounds: list[float] = []
        held: list[int] = []
        for lower, rows in bins:
            if held and held[-1] + rows <= self._size:
                held[-1] += rows
            else:
                bounds.append(lower)
                held.append(rows)
        # The first and the last are open, for what was never counted.
        edges: list[float | None] = [None, *bounds[1:], None]
        found = [Window(low, high, rows) for (low, high), rows in zip(pairwise(edges), held or [0], strict=True)]
        return self._until(self._left(found, start, stop), end)

    def _left(self, windows: list[Window], start: float | None, stop: float | None) -> list[Window]:
        """Return what is left of windows behind a bound."""
        if start is None and stop is None:
            return windows
        left: list[Window] = [Window(start, stop)] if stop is not None else []
        begin = stop if stop is not None else start
        assert begin is not None
        for each in windows:
            if each.upper is not None and each.upper <= begin:
                continue
            if each.lower is not None and each.lower >= begin:
                left.append(each)
            else:
                left.append(self._counted(begin, each.upper, 0))
        return left

    def _until(self, windows: list[Window], end: float | None) -> list[Window]:
        """Return windows as far as a bound."""
        if end is None:
            return windows
        inside = [each for each in windows if each.lower is None or each.lower < end]
        if inside and (inside[-1].upper is None or inside[-1].upper > end):
            inside[-1] = self._counted(inside[-1].lower, end, 0)
        return inside

    def halves(self, window: Window) -> tuple[Window, ...]:
        """Return the two halves of a window, by the values that really are in it; none when there is only one value."""
        middle = self._middle(window.where(self._standard.window))
        if middle is None:
            return ()
        depth = window.depth + 1
        return self._counted(window.lower, middle, depth), self._counted(middle, window.upper, depth)

    def apart(self, where: str) -> tuple[str, ...]:
        """Return conditions that part the rows of one by the column of windows; none where there is only one value."""
        column = self._standard.window
        middle = self._middle(where) if column else None
        if middle is None:
            return ()
        return tuple(f"{where} AND {column} {test}" for test in (f"< {middle!r}", f">= {middle!r}", "IS NULL"))

    def _middle(self, where: str) -> float | None:
        """Return what lies between the least and the greatest value of the column; None where they are the same."""
        column = self._standard.window
        query = f"SELECT MIN({column}) AS a, MAX({column}) AS b FROM {self._relation} WHERE {where}"  # noqa: S608
        table = self._service.try_ask(query, 1)
        try:
            low, high = (float(table.rows[0][name]) for name in ("a", "b")) if table else (math.nan, math.nan)
        except (KeyError, ValueError, IndexError):
            return None
        middle = low + (high - low) / 2
        return middle if low < middle <= high else None

    def _counted(self, lower: float | None, upper: float | None, depth: int) -> Window:
        where = Window(lower, upper).where(self._standard.window)
        return Window(lower, upper, self.count(where), depth)

    def count(self, where: str) -> int | None:
        """Return how many rows with an identifier a condition is true of; None where the service does not say."""
        return self._service.count(self._relation, f"{where} AND {self._standard.key} IS NOT NULL")

    def _histogram(self) -> list[tuple[float, int]]:
        """Return the lower bounds of bins and how many rows are in each, in rising order."""
        column, wide = self._standard.window, self._standard.bin
        source = f"{self._relation} WHERE {column} IS NOT NULL AND {self._standard.key} IS NOT NULL"
        for _ in range(5):
            slot = f"FLOOR({column} / {wide!r})"
            inner = f"SELECT {slot} AS slot FROM {source}"  # noqa: S608
            query = f"SELECT slot, COUNT(*) AS n FROM ({inner}) AS slots GROUP BY slot"  # noqa: S608
            table = self._service.try_ask(query, _MOST_BINS)
            if table is None:
                # Not all services read subqueries; this form is not ADQL to the letter, and common.
                query = f"SELECT {slot} AS slot, COUNT(*) AS n FROM {source} GROUP BY slot"  # noqa: S608
                table = self._service.try_ask(query, _MOST_BINS)
            if table is None:
                break
            if table.status != votable.OVERFLOW and len(table.rows) < _MOST_BINS:
                return _bins(table.rows, wide)
            wide *= 16
        raise self._cannot(f"no overview of {column} can be had")

    def spread(self, column: str) -> frozenset[str]:
        """Return the identifiers whose rows differ in a column, so that cutting along it would part them.

        Raises:
            SourceUnavailableError: The service does not tell them; detail `query`.
            RunError: There are so many that the table cannot be cut along the column.
        """
        key, found, last = self._standard.key, set[str](), ""
        while True:
            behind = f" AND {key} > '{_quoted(last)}'" if last else ""
            inner = (
                f"SELECT {key} AS name, COUNT(*) AS n, COUNT({column}) AS c, MIN({column}) AS a, MAX({column}) AS b "  # noqa: S608
                f"FROM {self._relation} WHERE {key} IS NOT NULL{behind} GROUP BY {key}"
            )
            query = f"SELECT name FROM ({inner}) AS g WHERE n > 1 AND (c < n OR a < b) ORDER BY name"  # noqa: S608
            table = self._service.try_ask(query, self._size)
            if table is None:
                # All that are repeated are more than are needed, and as right.
                query = f"SELECT {key} AS name FROM {self._relation} WHERE {key} IS NOT NULL{behind} "  # noqa: S608
                table = self._service.try_ask(f"{query}GROUP BY {key} HAVING COUNT(*) > 1 ORDER BY {key}", self._size)
            if table is None:
                raise self._cannot("the service does not say which identifiers are repeated")
            names = [row["name"] for row in table.rows if row.get("name")]
            if not names or names[-1] == last:
                return frozenset(found)
            found.update(names)
            last = names[-1]
            if len(found) > _MOST_SPREAD:
                raise RunError(
                    f"{self._table}: more than {_MOST_SPREAD} identifiers have rows that differ in {column}; "
                    "set strategy=keyset"
                )

    def _cannot(self, why: str) -> SourceUnavailableError:
        return SourceUnavailableError(f"{self._service.url}: {self._table}: {why}", detail="query")


def too_much(error: SourceUnavailableError) -> bool:
    """Say whether a service may be able to answer when it is asked for less."""
    return error.detail in ("query", "timeout", "slow", "cut", "too_large") or error.answer_status in _TOO_MUCH


def _whole(text: str) -> int:
    try:
        return int(float(text))
    except (ValueError, OverflowError):
        return 0


def _bins(rows: list[dict[str, str]], wide: float) -> list[tuple[float, int]]:
    found: dict[float, int] = {}
    for row in rows:
        try:
            lower, count = float(row["slot"]) * wide, int(float(row["n"]))
        except (KeyError, ValueError, OverflowError):
            continue  # NULL, or not a number: the window without an upper bound has it
        if math.isfinite(lower):
            found[lower] = found.get(lower, 0) + count
    return sorted(found.items())


def _quoted(text: str) -> str:
    return text.replace("'", "''")
