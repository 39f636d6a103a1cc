"""Read the small family of ADQL that a harvester sends, and answer it from rows in memory.

The family is `SELECT [TOP n] COUNT(*) | * | columns FROM table [WHERE conditions] [ORDER BY columns]` with
comparisons, `IN`, `IS [NOT] NULL`, AND, OR, parentheses and LOWER/UPPER. Everything else is refused by name, so that
a harvester which begins to ask for more is told so instead of getting a wrong answer.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cmp_to_key
from typing import Any, TypeAlias

from discovery.errors import BadQueryError, UnknownFieldError

Value: TypeAlias = str | int | float | None
Row: TypeAlias = Mapping[str, Value]  # keys are column names in lower case

_MAX_QUERY = 20_000  # characters; the longest query of ours is under 2,000
_MAX_DEPTH = 20  # parentheses inside each other
_TOKEN = re.compile(
    r"""\s*(?:(?P<string>'(?:[^']|'')*')
           |(?P<number>[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)
           |(?P<name>[A-Za-z_][A-Za-z0-9_]*|"[^"]+")
           |(?P<symbol><>|!=|<=|>=|[=<>(),.*]))""",
    re.VERBOSE,
)
_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {  # the caller has made sure that both sides are of one kind
    "=": operator.eq,
    "<>": operator.ne,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_FLIPPED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the table, perhaps with its case folded by LOWER or UPPER."""

    name: str  # in lower case
    fold: str = ""  # "", "lower" or "upper"

    def of(self, row: Row) -> Value:
        """Return the value that the row has here; None is NULL."""
        value = row[self.name]
        if self.fold and isinstance(value, str):
            return value.lower() if self.fold == "lower" else value.upper()
        return value


@dataclass(frozen=True, slots=True)
class Comparison:
    """`column operator literal`; NULL never matches."""

    column: Column
    op: str
    literal: str | float

    def matches(self, row: Row) -> bool:
        """Say whether the row satisfies the comparison."""
        value = self.column.of(row)
        if value is None:
            return False
        if isinstance(value, str) != isinstance(self.literal, str):
            raise BadQueryError(f"column {self.column.name!r} cannot be compared with {self.literal!r}: types differ")
        return _COMPARE[self.op](value, self.literal)


@dataclass(frozen=True, slots=True)
class IsNull:
    """`column IS NULL`, or IS NOT NULL when negated."""

    column: Column
    negated: bool

    def matches(self, row: Row) -> bool:
        """Say whether the row satisfies the test."""
        return (self.column.of(row) is None) != self.negated


@dataclass(frozen=True, slots=True)
class Group:
    """Conditions joined by AND (`every`) or by OR."""

    parts: tuple[Condition, ...]
    every: bool

    def matches(self, row: Row) -> bool:
        """Say whether the row satisfies all of the parts, or any of them."""
        results = (part.matches(row) for part in self.parts)
        return all(results) if self.every else any(results)


Condition: TypeAlias = Comparison | IsNull | Group


@dataclass(frozen=True, slots=True)
class Output:
    """One column of the answer: the name it comes from and the name it is given."""

    column: str
    alias: str


@dataclass(frozen=True, slots=True)
class Select:
    """A parsed query; an empty `outputs` stands for `*`."""

    table: str  # in lower case, dotted
    outputs: tuple[Output, ...] = ()
    count: str | None = None  # the name of the COUNT(*) column
    condition: Condition | None = None
    order: tuple[tuple[str, bool], ...] = ()  # (column, descending)
    top: int | None = None
    columns: frozenset[str] = field(default_factory=frozenset)  # every column named anywhere

    def check(self, known: Mapping[str, object]) -> None:
        """Raise UnknownFieldError when the query names a column that the table has not."""
        for name in sorted(self.columns):
            if name not in known:
                raise UnknownFieldError(name, known, what="column", parameter="QUERY")

    def select(self, rows: Sequence[Row]) -> list[int]:
        """Return where the matching rows stand, ordered and cut at TOP; NULL sorts last, as PostgreSQL does."""
        chosen = [at for at, row in enumerate(rows) if self.condition is None or self.condition.matches(row)]
        if self.order:

            def compare(left: int, right: int) -> int:
                return self._compare(rows[left], rows[right])

            chosen.sort(key=cmp_to_key(compare))
        return chosen if self.top is None else chosen[: self.top]

    def _compare(self, left: Row, right: Row) -> int:
        for name, descending in self.order:
            a, b = left[name], right[name]
            if a == b:
                continue
            # NULL counts as the largest value, so DESC puts it first.
            smaller = b is None if a is None or b is None else _COMPARE["<"](a, b)
            return -1 if smaller != descending else 1
        return 0


def parse(text: str) -> Select:
    """Return the query that the text spells.

    Raises:
        BadQueryError: The text is not in the family described at the top of this file; `position` is where.
    """
    if len(text) > _MAX_QUERY:
        raise BadQueryError(
            f"the query has {len(text)} characters; at most {_MAX_QUERY} are read",
            parameter="QUERY",
        )
    return _Parser(text).select()


class _Parser:
    """One pass over the tokens of one query."""

    def __init__(self, text: str) -> None:
        self._tokens = list(_tokens(text))
        self._at = 0
        self._columns: set[str] = set()

    def select(self) -> Select:
        self._expect("SELECT")
        top = self._integer() if self._accept("TOP") else None
        count, outputs = self._outputs()
        self._expect("FROM")
        table = self._dotted()
        condition = self._either(0) if self._accept("WHERE") else None
        order = self._order() if self._accept("ORDER") else ()
        if self._kind() != "end":
            raise self._error("the end of the query")
        return Select(table, outputs, count, condition, order, top, frozenset(self._columns))

    def _outputs(self) -> tuple[str | None, tuple[Output, ...]]:
        if self._accept("*"):
            return None, ()
        if self._accept("COUNT"):
            for symbol in "(*)":
                self._expect(symbol)
            return (self._name() if self._accept("AS") else "count_all"), ()
        outputs = [self._output()]
        while self._accept(","):
            outputs.append(self._output())
        return None, tuple(outputs)

    def _output(self) -> Output:
        name = self._name()
        if self._accept("."):  # table.column
            name = self._name()
        self._columns.add(name.lower())
        return Output(name.lower(), self._name() if self._accept("AS") else name)

    def _dotted(self) -> str:
        parts = [self._name()]
        while self._accept("."):
            parts.append(self._name())
        return ".".join(parts).lower()

    def _either(self, depth: int) -> Condition:
        return self._joined("OR", False, lambda: self._all(depth))

    def _all(self, depth: int) -> Condition:
        return self._joined("AND", True, lambda: self._condition(depth))

    def _joined(self, word: str, every: bool, part: Callable[[], Condition]) -> Condition:
        parts = [part()]
        while self._accept(word):
            parts.append(part())
        return parts[0] if len(parts) == 1 else Group(tuple(parts), every)

    def _condition(self, depth: int) -> Condition:
        if self._accept("("):
            if depth >= _MAX_DEPTH:
                raise self._error(f"at most {_MAX_DEPTH} parentheses inside each other")
            inner = self._either(depth + 1)
            self._expect(")")
            return inner
        if self._kind() in ("string", "number"):
            literal = self._literal()
            op = self._operator()
            return Comparison(self._column(), _FLIPPED.get(op, op), literal)
        column = self._column()
        if self._accept("IS"):
            negated = self._accept("NOT")
            self._expect("NULL")
            return IsNull(column, negated)
        if self._accept("IN"):
            return self._among(column)
        return Comparison(column, self._operator(), self._literal())

    def _among(self, column: Column) -> Condition:
        self._expect("(")
        parts = [Comparison(column, "=", self._literal())]
        while self._accept(","):
            parts.append(Comparison(column, "=", self._literal()))
        self._expect(")")
        return Group(tuple(parts), every=False)

    def _column(self) -> Column:
        for fold in ("lower", "upper"):
            if self._accept(fold.upper()):
                self._expect("(")
                column = Column(self._column_name(), fold)
                self._expect(")")
                return column
        return Column(self._column_name())

    def _column_name(self) -> str:
        name = self._name()
        while self._accept("."):
            name = self._name()
        self._columns.add(name.lower())
        return name.lower()

    def _order(self) -> tuple[tuple[str, bool], ...]:
        self._expect("BY")
        keys = []
        while True:
            name = self._column_name()
            descending = self._accept("DESC")
            if not descending:
                self._accept("ASC")
            keys.append((name, descending))
            if not self._accept(","):
                return tuple(keys)

    def _operator(self) -> str:
        _, text, _ = self._tokens[self._at]
        if text not in _COMPARE:
            raise self._error("one of = <> < <= > >=, IN or IS NULL")
        self._at += 1
        return text

    def _literal(self) -> str | float:
        kind, text, _ = self._tokens[self._at]
        if kind == "string":
            self._at += 1
            return text[1:-1].replace("''", "'")
        if kind == "number":
            self._at += 1
            return float(text)
        raise self._error("a string in single quotes or a number")

    def _integer(self) -> int:
        kind, text, _ = self._tokens[self._at]
        if kind != "number" or not text.isdigit():
            raise self._error("a whole number")
        self._at += 1
        return int(text)

    def _name(self) -> str:
        kind, text, _ = self._tokens[self._at]
        if kind != "name":
            raise self._error("a name")
        self._at += 1
        return text.strip('"')

    def _kind(self) -> str:
        return self._tokens[self._at][0]

    def _accept(self, word: str) -> bool:
        kind, text, _ = self._tokens[self._at]
        if kind in ("name", "symbol") and text.upper() == word:
            self._at += 1
            return True
        return False

    def _expect(self, word: str) -> None:
        if not self._accept(word):
            raise self._error(word)

    def _error(self, wanted: str) -> BadQueryError:
        _, text, position = self._tokens[self._at]
        found = repr(text[:40]) if text else "the end"
        return BadQueryError(
            f"{wanted} was expected at character {position}, found {found}",
            parameter="QUERY",
            position=position,
        )


def _tokens(text: str) -> list[tuple[str, str, int]]:
    """Split the text into (kind, text, position), closed by an "end" token."""
    tokens: list[tuple[str, str, int]] = []
    position = 0
    end = len(text.rstrip())
    while position < end:
        match = _TOKEN.match(text, position)
        if match is None or match.lastgroup is None:
            wrong = text[position:].lstrip()[:20]
            raise BadQueryError(
                f"{wrong!r} at character {position} is not ADQL that this service reads",
                position=position,
            )
        tokens.append((match.lastgroup, match[match.lastgroup], match.start(match.lastgroup)))
        position = match.end()
    return [*tokens, ("end", "", end)]
