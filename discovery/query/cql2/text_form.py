"""CQL2 text read into filter nodes, by descent with a counted depth."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar

from discovery.errors import BadQueryError
from discovery.query.cql2 import shapes
from discovery.query.cql2.limits import MAX_DEPTH, Budget, checked, too_deep
from discovery.query.cql2.predicates import (
    FLIPPED,
    PARAMETER,
    Array,
    Interval,
    Literal,
    Operand,
    Place,
    Property,
    Shape,
    array,
    between,
    comparison,
    is_null,
    like,
    spatial,
    within,
)
from discovery.query.cql2.temporal import temporal
from discovery.query.cql2.tokens import END, NAME, NUMBER, QUOTED, SIGN, TEXT, Token, tokens
from discovery.query.query import And, Filter, Not, Or

RESERVED: Final = frozenset({"AND", "OR", "NOT", "LIKE", "BETWEEN", "IN", "IS", "NULL", "TRUE", "FALSE", "DIV"})
"""Words that are a name only in double quotes."""
_GEOMETRIES: Final = {each.upper(): each for each in shapes.TYPES}
_FOLDS: Final = ("CASEI", "ACCENTI")

_T = TypeVar("_T")


def parse_text(text: str, *, parameter: str | None = PARAMETER) -> Filter:
    """Return the filter that a CQL2 text says, with our names and with literals of each field's type.

    Args:
        text: For example `eo:cloud_cover < 10 AND T_AFTER(datetime, DATE('2020-01-01'))`.
        parameter: What errors call the input.

    Raises:
        BadQueryError: The text is wrong; `position` is the character and the message says what was expected.
        UnknownFieldError: A name is not in the field table.
        LimitError: It has more than 8 KiB, 32 levels or 200 predicates.
    """
    parser = _Parser(tokens(text, parameter), parameter)
    return checked(parser.whole(), parameter)


class _Parser:
    """One walk over the tokens; no method goes deeper without counting."""

    def __init__(self, found: list[Token], parameter: str | None) -> None:
        self.tokens = found
        self.parameter = parameter
        self.at = 0
        self.budget = Budget()

    # The tokens

    @property
    def next(self) -> Token:
        return self.tokens[self.at]

    def place(self, token: Token | None = None) -> Place:
        return Place(self.parameter, (token or self.next).position)

    def take(self) -> Token:
        token = self.tokens[self.at]
        self.at += token.kind != END
        return token

    def has_sign(self, sign: str) -> bool:
        """Take a sign if it comes next."""
        found = self.next.kind == SIGN and self.next.text == sign
        self.at += found
        return found

    def has_word(self, word: str) -> bool:
        """Take a keyword if it comes next."""
        found = self.next.word == word
        self.at += found
        return found

    def expect(self, sign: str) -> None:
        if not self.has_sign(sign):
            raise self.wrong(repr(sign))

    def wrong(self, wanted: str) -> BadQueryError:
        return self.place().error(f"expected {wanted}, found {self.next.shown}")

    def listed(self, read: Callable[[], _T]) -> list[_T]:
        """Read one or more, with commas between and in parentheses."""
        self.expect("(")
        found = [read()]
        while self.has_sign(","):
            found.append(read())
        self.expect(")")
        return found

    # Boolean expressions

    def whole(self) -> Filter:
        if self.next.kind == END:
            raise self.wrong("a filter such as eo:cloud_cover < 10")
        found = self.either(0)
        if self.next.kind != END:
            raise self.wrong("AND, OR or the end")
        return found

    def either(self, depth: int) -> Filter:
        parts = [self.every(depth)]
        while self.has_word("OR"):
            parts.append(self.every(depth))
        return parts[0] if len(parts) == 1 else Or(tuple(parts))

    def every(self, depth: int) -> Filter:
        parts = [self.negated(depth)]
        while self.has_word("AND"):
            parts.append(self.negated(depth))
        return parts[0] if len(parts) == 1 else And(tuple(parts))

    def negated(self, depth: int) -> Filter:
        count = 0
        while self.has_word("NOT"):
            count += 1
            if depth + count > MAX_DEPTH:
                raise too_deep(self.parameter)
        # NOT and the parentheses behind it are one level, as they are in the tree.
        found = self.primary(depth + max(count - 1, 0))
        for _ in range(count):
            found = Not(found)
        return found

    def primary(self, depth: int) -> Filter:
        if self.has_sign("("):
            if depth >= MAX_DEPTH:
                raise too_deep(self.parameter)
            found = self.either(depth + 1)
            self.expect(")")
            return found
        word = self.next.word
        if word in ("TRUE", "FALSE") and not self.compared_next():
            self.take()
            return And(()) if word == "TRUE" else Or(())
        if self.called_next() and word[:2] in ("S_", "T_", "A_"):
            return self.function()
        return self.predicate()

    def called_next(self) -> bool:
        """Tell whether a name with an opening parenthesis comes next; END is always there to look at."""
        after = self.tokens[min(self.at + 1, len(self.tokens) - 1)]
        return self.next.kind == NAME and after.kind == SIGN and after.text == "("

    def raised_next(self) -> bool:
        """Tell whether a geometry with heights comes next, as in POINT Z (1 2 3)."""
        after = self.tokens[min(self.at + 1, len(self.tokens) - 1)]
        return self.next.word in _GEOMETRIES and after.word == "Z"

    def compared_next(self) -> bool:
        after = self.tokens[min(self.at + 1, len(self.tokens) - 1)]
        return after.kind == SIGN and after.text in FLIPPED

    # Predicates

    def predicate(self) -> Filter:
        place = self.place()
        left = self.operand()
        token = self.next
        if token.kind == SIGN and token.text in FLIPPED:
            self.take()
            return comparison(token.text, left, self.operand())
        if self.has_word("IS"):
            negated = self.has_word("NOT")
            if not self.has_word("NULL"):
                raise self.wrong("NULL")
            found = is_null(left, place)
            return Not(found) if negated else found
        negated = self.has_word("NOT")
        found = self.advanced(left, place)
        return Not(found) if negated else found

    def advanced(self, left: Operand, place: Place) -> Filter:
        if self.has_word("LIKE"):
            return like(left, self.operand())
        if self.has_word("BETWEEN"):
            low = self.operand()
            if not self.has_word("AND"):
                raise self.wrong("AND and the upper end of BETWEEN")
            return between(left, low, self.operand())
        if self.has_word("IN"):
            return within(left, self.listed(self.operand), place)
        raise self.wrong("an operator (=, <>, <, <=, >, >=, LIKE, BETWEEN, IN, IS NULL)")

    def function(self) -> Filter:
        token = self.take()
        place = self.place(token)
        self.expect("(")
        left = self.argument()
        self.expect(",")
        right = self.argument()
        self.expect(")")
        build = {"S": spatial, "T": temporal, "A": array}[token.word[0]]
        return build(token.text, left, right, place)

    def argument(self) -> Operand:
        """An operand of a function, which may be a list."""
        place = self.place()
        if self.next.kind != SIGN or self.next.text != "(":
            return self.operand()
        if self.tokens[self.at + 1].text == ")" and self.tokens[self.at + 1].kind == SIGN:
            self.at += 2
            return Array((), place)
        return Array(tuple(self.listed(self.literal)), place)

    # Operands

    def operand(self) -> Operand:
        token, place = self.next, self.place()
        if token.kind in (TEXT, NUMBER):
            self.take()
            return Literal(token.text if token.kind == TEXT else number(token.text), place)
        if token.kind == QUOTED:
            self.take()
            return Property(token.text, place)
        if token.kind != NAME:
            raise self.wrong("a name or a value")
        if self.called_next() or self.raised_next():
            return self.call(token, place)
        if token.word in ("TRUE", "FALSE"):
            self.take()
            return Literal(token.word == "TRUE", place)
        if token.word in RESERVED:
            raise self.wrong("a name or a value")
        self.take()
        return Property(token.text, place)

    def literal(self) -> Literal:
        place = self.place()
        found = self.operand()
        if not isinstance(found, Literal):
            raise place.error(f"expected a value, found {found.kind}")
        return found

    def call(self, token: Token, place: Place) -> Operand:
        word = token.word
        self.take()
        if word in _FOLDS:
            return self.folded(word, place)
        if word in ("DATE", "TIMESTAMP"):
            self.expect("(")
            value = self.quoted("a text such as '2020-05-01'")
            self.expect(")")
            return Literal(value, place, temporal=True)
        if word == "INTERVAL":
            self.expect("(")
            start = self.end_of_interval()
            self.expect(",")
            end = self.end_of_interval()
            self.expect(")")
            return Interval(start, end, place)
        if word == "BBOX":
            return shapes.box(self.listed(self.number), place, self.budget)
        if word in _GEOMETRIES:
            return self.geometry(_GEOMETRIES[word], place)
        raise place.error(f"{token.shown} is not a function that is answered here")

    def folded(self, word: str, place: Place) -> Property | Literal:
        words = [word]
        self.expect("(")
        while self.called_next() and self.next.word in _FOLDS:
            words.append(self.take().word)
            self.expect("(")
            if len(words) > MAX_DEPTH:
                raise too_deep(self.parameter)
        inner = self.operand()
        for _ in words:
            self.expect(")")
        casei, accenti = "CASEI" in words, "ACCENTI" in words
        if isinstance(inner, Property):
            return Property(inner.name, place, casei, accenti)
        if isinstance(inner, Literal):
            return Literal(inner.value, place, inner.temporal, casei, accenti)
        raise place.error(f"{word} asks for a name or a text, not {inner.kind}")

    def end_of_interval(self) -> Property | Literal:
        place = self.place()
        found = self.operand()
        if isinstance(found, Property | Literal):
            return found
        raise place.error(f"expected a time or a name, found {found.kind}")

    def quoted(self, wanted: str) -> str:
        if self.next.kind != TEXT:
            raise self.wrong(wanted)
        return self.take().text

    def number(self) -> float:
        if self.next.kind != NUMBER:
            raise self.wrong("a number")
        return float(self.take().text)

    # Geometries

    def geometry(self, kind: str, place: Place) -> Shape:
        return shapes.geometry(self.tagged(kind), place, self.budget)

    def tagged(self, kind: str) -> dict[str, Any]:
        """Read what stands behind the name of a geometry."""
        if kind == shapes.MOC:
            self.expect("(")
            moc = self.quoted("a MOC such as '3/1-4 5/20'")
            self.expect(")")
            return {"type": kind, "moc": moc}
        if kind == shapes.CIRCLE:
            self.expect("(")
            center = self.position()
            self.expect(",")
            radius = self.number()
            self.expect(")")
            return {"type": kind, "center": center, "radius": radius}
        self.has_word("Z")
        if kind == shapes.COLLECTION:
            return {"type": kind, "geometries": self.listed(self.member)}
        if kind == "Point":
            self.expect("(")
            position = self.position()
            self.expect(")")
            return {"type": kind, "coordinates": position}
        if kind == "MultiPoint":
            return {"type": kind, "coordinates": self.listed(self.point)}
        return {"type": kind, "coordinates": self.nested(shapes.LEVELS[kind])}

    def member(self) -> dict[str, Any]:
        """A geometry of a collection; a collection in a collection is not in the grammar."""
        kind = _GEOMETRIES.get(self.next.word)
        if kind not in shapes.LEVELS:
            raise self.wrong(", ".join(shapes.LEVELS).upper())
        self.take()
        return self.tagged(kind)

    def nested(self, level: int) -> list[Any]:
        """Read lists within lists; `level` is at most 3."""
        return self.listed(self.position if level == 1 else lambda: self.nested(level - 1))

    def point(self) -> list[float]:
        """A point of a MULTIPOINT, in its own parentheses or, as older WKT has it, without."""
        inside = self.has_sign("(")
        found = self.position()
        if inside:
            self.expect(")")
        return found

    def position(self) -> list[float]:
        found = [self.number(), self.number()]
        while self.next.kind == NUMBER and len(found) < 4:
            found.append(self.number())
        return found


def number(text: str) -> float | int:
    """Return a numeric literal, whole where it is written so and short enough to stay exact."""
    return int(text) if len(text) <= 18 and text.lstrip("+-").isdigit() else float(text)
