"""CQL2 text cut into tokens, in time that grows with its length alone."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from discovery.query.cql2.limits import MAX_BYTES, too_long
from discovery.query.cql2.predicates import Place

NAME: Final = "name"
QUOTED: Final = "quoted name"
TEXT: Final = "text"
NUMBER: Final = "number"
SIGN: Final = "sign"
END: Final = "end"

# Possessive and atomic parts (`*+`, `(?>...)`) never give back what they took, so nothing is tried twice.
_TOKEN: Final = re.compile(
    r"(?P<space>\s++)"
    r"|(?P<text>'(?>[^'\\]|''|\\'|\\)*+')"
    r"|(?P<escaped>[Uu]&'(?>[^'\\]|''|\\[0-9A-Fa-f]{4}|\\\+[0-9A-Fa-f]{6}|\\\\)*+')"
    r'|(?P<quoted>"(?>[^"]|"")*+")'
    r"|(?P<number>[+-]?(?:[0-9]++(?:\.[0-9]*+)?|\.[0-9]++)(?:[eE][+-]?[0-9]++)?)"
    r"|(?P<name>(?:[^\W\d]|:)[\w.:]*+)"
    r"|(?P<sign><>|<=|>=|[=<>(),])"
)
_ESCAPE: Final = re.compile(r"''|\\\\|\\\+([0-9A-Fa-f]{6})|\\([0-9A-Fa-f]{4})")
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_HINTS: Final = {
    "'": "the text that begins here has no closing quote",
    '"': "the name that begins here has no closing quote",
    "!": "unequal is written <>",
    "*": "arithmetic is not answered here",
    "/": "arithmetic is not answered here",
    "+": "arithmetic is not answered here",
    "-": "arithmetic is not answered here; a name with a hyphen stands in double quotes",
    "^": "arithmetic is not answered here",
    "%": "arithmetic is not answered here",
}


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of the text: its kind, what it says, and where it begins."""

    kind: str
    text: str
    position: int

    @property
    def word(self) -> str:
        """The keyword or function that a bare name stands for, in capitals; empty for everything else."""
        return self.text.upper() if self.kind == NAME else ""

    @property
    def shown(self) -> str:
        """How an error names it."""
        if self.kind == END:
            return "the end"
        text = self.text if len(self.text) <= 40 else f"{self.text[:40]}..."
        return repr(text) if self.kind == TEXT else text


def tokens(text: str, parameter: str | None) -> list[Token]:
    """Return the tokens of a filter, the last of kind `END`.

    Raises:
        LimitError: The text has more than 8 KiB.
        BadQueryError: Something in it begins no token.
    """
    if len(text) > MAX_BYTES or len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        raise too_long(parameter)
    lone = _SURROGATE.search(text)
    if lone is not None:
        raise Place(parameter, lone.start()).error("half a surrogate pair is no character")
    found = []
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            hint = _HINTS.get(text[at], f"{text[at]!r} has no meaning here")
            raise Place(parameter, at).error(hint)
        if match.lastgroup != "space":
            found.append(_token(match, parameter))
        at = match.end()
    found.append(Token(END, "", len(text)))
    return found


def _token(match: re.Match[str], parameter: str | None) -> Token:
    kind, raw, at = match.lastgroup, match[0], match.start()
    if kind == "text":
        return Token(TEXT, re.sub(r"''|\\'", "'", raw[1:-1]), at)
    if kind == "escaped":
        return Token(TEXT, _ESCAPE.sub(lambda found: _character(found, Place(parameter, at)), raw[3:-1]), at)
    if kind == "quoted":
        return Token(QUOTED, raw[1:-1].replace('""', '"'), at)
    return Token({"number": NUMBER, "name": NAME}.get(kind or "", SIGN), raw, at)


def _character(match: re.Match[str], place: Place) -> str:
    digits = match[1] or match[2]
    if digits is None:
        return match[0][0]
    code = int(digits, 16)
    if code > 0x10FFFF or 0xD800 <= code <= 0xDFFF:
        raise place.error(f"\\{digits} is no character")
    return chr(code)
