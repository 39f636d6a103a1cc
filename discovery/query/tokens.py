"""How text becomes tokens: folded, cut where letters meet digits, stemmed, the same for documents and for queries.

A piece of text without white space is a *chunk*; the letters and digits in it that only connectors (`- _ . / :`) hold
together are a *compound*; a compound is a run of *words*, cut between letters and digits. `Sentinel-2A,` is one chunk,
one compound and the words `sentinel`, `2`, `a`.

A field is indexed as the stems of its words in order, so that a phrase is a run of positions, and behind a separator
the *joins*: neighbours written as one token (`sentinel2`, `2a`, `sentinel2a`). A query for `sentinel-2`, `Sentinel 2`
or `SENTINEL2` asks for the one token `sentinel2`, which is as cheap as a plain word where a phrase of `sentinel` and
`2` would walk the positions of two of the most frequent words of an Earth observation catalogue.
"""

from __future__ import annotations

import re
import sys
import tomllib
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from hashlib import sha256
from importlib.resources import files
from itertools import pairwise
from threading import Lock
from typing import Final

import Stemmer

from discovery.errors import ConfigError

VERSION: Final = 4
"""Raised whenever this file makes other tokens than before, so that an index knows that it must be rebuilt."""

SEPARATOR: Final = "|"
"""A token that no word can be: it stands between values and before joins, so that no phrase reaches across."""

TOKEN_LENGTH: Final = 64
"""Longer words are cut; tantivy and Elasticsearch would drop or refuse terms far longer than any word."""

FIELD_TOKENS: Final = 10_000
"""Words kept of one value: a paper has fewer, a dumped table has more."""

FIELD_CHARACTERS: Final = 100_000
"""Characters looked at in one value, so that ten megabytes cost no more than a long text does."""

_MEMO_SIZE: Final = 50_000
_MEMO_LENGTH: Final = 24
_UNIT_LENGTH: Final = 3

# Scripts that are written without spaces between words: each character is a word, and a longer word is a phrase.
_UNSPACED: Final = (
    "\u0e00-\u0fff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff"
    "\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\U00020000-\U0003ffff"
)
_GREEK: Final = "\u0370-\u03ff"
_WORD: Final = re.compile(
    r"(?<![0-9.])[0-9]+\.[0-9]+(?!\.?[0-9])|[0-9]+"
    rf"|(?=\w)[{_UNSPACED}]|[^\W\d_{_UNSPACED}{_GREEK}]+|(?:(?=[^\W\d_])[{_GREEK}])+"
)
_PLAIN_WORD: Final = re.compile(r"(?<![0-9.])[0-9]+\.[0-9]+(?!\.?[0-9])|[0-9]+|[a-z]+")
"""What `_WORD` finds in folded ASCII, in half the time."""
_NAME: Final = re.compile(r"[a-z0-9]+(?:[-_][a-z0-9]+)*")
_RUN: Final = re.compile(r"[0-9]+|[a-z]+")
"""The words of what `_NAME` matches, which is most identifiers: one compound, and nothing around it."""
_CONNECTORS: Final = re.compile(r"[-_./:+'&~@#]{0,3}")
_BRIDGE: Final = re.compile(r"[-_/:|]")
_TIGHT: Final = frozenset({"", "-", "_", "'"})
_DIGIT: Final = re.compile(r"(?=[^0-9])\d")
_DIGITS: Final = frozenset("0123456789")

_LETTERS: Final = (
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi rho sigma sigma tau"
)
_GREEK_NAMES: Final = {
    chr(0x3B1 + number): name for number, name in enumerate(f"{_LETTERS} upsilon phi chi psi omega".split())
}
"""A Greek letter standing alone is a designation (H-alpha, Alpha Centauri) and is found by its name."""


def _table() -> dict[int, str | None]:
    marks = [(0x300, 0x36F), (0x1AB0, 0x1AFF), (0x1DC0, 0x1DFF), (0x20D0, 0x20FF), (0xFE00, 0xFE0F), (0xFE20, 0xFE2F)]
    # Vowel points of Hebrew and Arabic, soft hyphen, zero-width and direction marks: written or not, the same word.
    marks += [(0x591, 0x5BD), (0x5BF, 0x5C7), (0x64B, 0x65F), (0x670, 0x670), (0xAD, 0xAD), (0x200B, 0x200F)]
    marks += [(0x202A, 0x202E), (0x2060, 0x2064), (0x2066, 0x2069), (0xFEFF, 0xFEFF)]
    table: dict[int, str | None] = {code: None for low, high in marks for code in range(low, high + 1)}
    table |= {ord(char): "-" for char in "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe63\uff0d"}
    table |= {ord(char): "'" for char in "\u2018\u2019\u02bc\u2032\u00b4`"}
    # Letters that Unicode does not take apart, as people type them on a keyboard without them.
    for letter, plain in zip("æœøłđðþħıŋŧ", ("ae", "oe", "o", "l", "d", "d", "th", "h", "i", "n", "t"), strict=True):
        table[ord(letter)] = plain
    return table


_TABLE: Final = _table()
_MICRO: Final = re.compile("\u03bc(?=[a-z])")


def fold(text: str) -> str:
    """Return `text` without case, accents, ligatures and typographic variants; white space is kept as it is."""
    if text.isascii():
        return text.lower()
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold()).translate(_TABLE)
    plain = _MICRO.sub("u", unicodedata.normalize("NFC", plain))
    return _DIGIT.sub(lambda found: str(unicodedata.decimal(found[0])), plain)


def is_number(word: str) -> bool:
    """Tell whether a folded word is digits (a word is never letters and digits at once)."""
    return word[:1] in _DIGITS


def spans(folded: str) -> Iterator[tuple[str, int, int]]:
    """Yield the words of folded text with where they start and end, the `s` of a possessive left out."""
    if folded.isascii() and "'" not in folded:
        for found in _PLAIN_WORD.finditer(folded):
            yield found[0][:TOKEN_LENGTH], found.start(), found.end()
        return
    end = 0
    for found in _WORD.finditer(folded):
        word, start = found[0], found.start()
        possessive = word == "s" and start and folded[start - 1] == "'" and end == start - 1 > 0
        end = found.end()
        if possessive and (end == len(folded) or not folded[end].isalnum()):
            continue
        yield _GREEK_NAMES.get(word, word)[:TOKEN_LENGTH], start, end


@dataclass(frozen=True, slots=True)
class Lexicon:
    """The words that are treated in their own way; read from words.toml."""

    stop: frozenset[str]
    numbered: frozenset[str]
    stems: Mapping[str, str]
    """What a word is indexed as where Snowball would do harm; a protected word is its own stem."""
    asking: frozenset[str] = frozenset()
    """The words around a question, as they are typed; left out of what is looked for when others remain."""

    @classmethod
    def read(cls, text: str) -> Lexicon:
        """Return the lexicon that `text` (TOML) describes.

        Raises:
            ConfigError: The text is no TOML, or a value is not a list of words or a table of words.
        """
        try:
            data = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise ConfigError(f"words.toml is not TOML: {error}") from error
        stems = {word: word for word in _words(data, "protected")}
        for word, stem in data.get("stems", {}).items():
            if not isinstance(stem, str) or not stem.isalnum():
                raise ConfigError(f"words.toml: the stem of {word!r} is {stem!r}; allowed is one word")
            stems[word] = stem
        stop, numbered, asking = (frozenset(_words(data, name)) for name in ("stop", "numbered", "asking"))
        return cls(stop, numbered, stems, asking)


def _words(data: Mapping[str, object], key: str) -> list[str]:
    found = data.get(key, [])
    if not isinstance(found, list) or not all(isinstance(word, str) and word for word in found):
        raise ConfigError(f"words.toml: {key!r} is {found!r}; allowed is a list of words")
    return found


def _bundled() -> str:
    return (files("discovery.query") / "data" / "words.toml").read_text(encoding="utf-8")


@cache
def lexicon() -> Lexicon:
    """Return the lexicon that this version ships."""
    return Lexicon.read(_bundled())


@cache
def fingerprint() -> str:
    """Return what an index must remember of the analysis it was built with: another value means rebuild."""
    held = lexicon()
    parts = (str(VERSION), Stemmer.version(), unicodedata.unidata_version, sorted(held.stop), sorted(held.numbered))
    return sha256(repr((parts, sorted(held.stems.items()))).encode()).hexdigest()[:16]


class _Stems(dict[str, str]):
    """Folded word to stem. Snowball keeps state while it stems, so one thread at a time asks it."""

    def __init__(self) -> None:
        super().__init__()
        self._stemmer = Stemmer.Stemmer("english", 0)
        self._lock = Lock()

    def __missing__(self, word: str) -> str:
        if is_number(word):
            return word
        stem = lexicon().stems.get(word)
        if stem is None:
            with self._lock:
                stem = self._stemmer.stemWord(word) or word
        if len(self) >= _MEMO_SIZE:
            self.clear()
        self[word] = stem
        return stem


_STEMS: Final = _Stems()


def stem(word: str) -> str:
    """Return what a folded word is indexed as; numbers and protected names are themselves."""
    return _STEMS[word]


def join(words: tuple[str, ...]) -> str:
    """Return neighbours as one token; leading zeros of whole numbers are dropped (NGC 0224 is NGC 224)."""
    joined = "".join(words)
    if "0" in joined:
        joined = "".join([word.lstrip("0") or "0" if word.isdigit() else word for word in words])
    return joined[:TOKEN_LENGTH]


def _joins(words: Sequence[str], *, tight: bool) -> tuple[str, ...]:
    """Return the joined tokens of the words of one compound."""
    if len(words) == 1:
        return ()
    if tight and len(words) <= _UNIT_LENGTH and all(map(str.isalpha, words)):
        return (stem("".join(words)[:TOKEN_LENGTH]),)
    found: list[str] = []
    numbers = [word[0] in _DIGITS for word in words]
    # Each word is part of up to five joins.
    plain = [word.lstrip("0") or "0" if word[0] == "0" and word.isdigit() else word for word in words]
    last = len(plain) - 1
    for at in range(last):
        if numbers[at] != numbers[at + 1]:
            both = plain[at] + plain[at + 1]
            found.append(both[:TOKEN_LENGTH])
            if at + 1 < last and numbers[at] == numbers[at + 2]:
                found.append((both + plain[at + 2])[:TOKEN_LENGTH])
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Compound:
    """Words that one piece of text holds together: `Sentinel-2A` is `sentinel`, `2`, `a`."""

    words: tuple[str, ...]
    """Folded, not stemmed."""
    stems: tuple[str, ...]
    tight: bool = True
    """Only hyphens, or nothing, stand between the words."""

    def alternates(self) -> bool:
        """Tell whether letters and digits take turns, so that the whole can be one joined token."""
        return all(is_number(a) != is_number(b) for a, b in pairwise(self.words))

    def joins(self) -> tuple[str, ...]:
        """Return the joined tokens under which a document with this compound is found."""
        return _joins(self.words, tight=self.tight)

    def forms(self) -> tuple[tuple[str, ...], ...]:
        """Return the token sequences of which a document that is meant by this compound has at least one."""
        if len(self.words) == 1:
            return (self.stems,)
        if len(self.words) <= _UNIT_LENGTH and self.alternates():
            return ((join(self.words),),)
        if len(self.words) <= _UNIT_LENGTH and self.tight and all(word.isalpha() for word in self.words):
            return (self.stems, *((token,) for token in self.joins()))
        return (self.stems,)

    def __add__(self, other: Compound) -> Compound:
        return Compound(self.words + other.words, self.stems + other.stems, tight=False)


@dataclass(frozen=True, slots=True)
class Chunk:
    """What one piece of text between white space holds; made once for each different piece."""

    compounds: tuple[Compound, ...]
    text: str
    """The stems, as they are indexed."""
    words: tuple[str, ...]
    joins: tuple[str, ...]
    numeric: bool
    """It holds a number, so that its neighbours may join with it."""
    joining: bool
    """It holds joins or a number; most pieces do not and are passed over."""
    opens: bool
    """It begins with a word, not with a bracket or the like."""
    closes: bool
    """It ends with a word, not with a comma or the like."""
    bridge: bool = False
    """It is nothing but a hyphen or the like: what stands on both sides of it belongs together, as in `Landsat - 8`."""

    def joins_with(self, following: Chunk) -> Iterator[str]:
        """Yield the tokens joined over the white space before `following`: `Sentinel 2A`, `25 km`."""
        if not (self.closes and following.opens and self.compounds and following.compounds):
            return
        left, right = self.compounds[-1], following.compounds[0]
        before, after = left.words[-1], right.words[0]
        if is_number(after) and not is_number(before) and before not in lexicon().stop:
            yield join((before, after))
            if len(right.words) > 1 and not is_number(right.words[1]):
                yield join((before, *right.words[:2]))
        elif is_number(before) and after.isalpha() and len(after) <= _UNIT_LENGTH and after not in lexicon().stop:
            yield join((before, after))


def chunk(text: str) -> Chunk:
    """Return what one piece of text without white space holds."""
    return _CHUNKS[text]


def _analyse(text: str) -> Chunk:
    folded = fold(text)
    if _NAME.fullmatch(folded):
        named = tuple([word[:TOKEN_LENGTH] for word in _RUN.findall(folded)])
        return _made([Compound(named, tuple(map(stem, named)))], opens=True, closes=True)
    compounds: list[Compound] = []
    words: list[str] = []
    tight, first, last = True, len(folded), 0
    for word, start, end in spans(folded):
        gap = folded[last:start]
        if words and gap not in _TIGHT and not _CONNECTORS.fullmatch(gap):
            compounds.append(Compound(tuple(words), tuple(map(stem, words)), tight))
            words, tight = [], True
        elif words:
            tight = tight and gap in _TIGHT
        words.append(word)
        first, last = min(first, start), end
    if words:
        compounds.append(Compound(tuple(words), tuple(map(stem, words)), tight))
    closes = bool(compounds) and last == len(folded)
    return _made(compounds, opens=first == 0, closes=closes, bridge=bool(_BRIDGE.fullmatch(folded)))


def _made(compounds: Sequence[Compound], *, opens: bool, closes: bool, bridge: bool = False) -> Chunk:
    every = tuple([word for compound in compounds for word in compound.words])
    joins = tuple(dict.fromkeys([token for compound in compounds for token in compound.joins()]))
    numeric = any(map(is_number, every))
    return Chunk(
        compounds=tuple(compounds),
        text=sys.intern(" ".join([each for compound in compounds for each in compound.stems])),
        words=every,
        joins=joins,
        numeric=numeric,
        joining=numeric or bool(joins),
        opens=opens,
        closes=closes,
        bridge=bridge,
    )


class _Chunks(dict[str, Chunk]):
    """Pieces of text already analysed: the words of a catalogue repeat, so this is where the speed comes from."""

    def __missing__(self, text: str) -> Chunk:
        if len(text) > _MEMO_LENGTH:
            return _analyse_long(text)
        made = _analyse(text)
        if len(self) >= _MEMO_SIZE:
            self.clear()
        self[text] = made
        return made


# Long pieces are identifiers: rarely seen again, but often both the title and the id of one record.
_analyse_long: Final = lru_cache(maxsize=16)(_analyse)


_CHUNKS: Final = _Chunks()


@dataclass(frozen=True, slots=True)
class Analysis:
    """One value as it is indexed, and what other fields derive from it."""

    text: str
    """Stems, and behind a separator the joins, white space between them."""
    words: tuple[str, ...] | None
    """Folded words in order, not stemmed; None unless asked for."""
    joins: tuple[str, ...]


def analyse(text: str, *, limit: int = FIELD_TOKENS, words: bool = False) -> Analysis:
    """Return the tokens of one value; the words after the first `limit` are left out.

    Args:
        text: Anything; beyond `FIELD_CHARACTERS` it is not looked at.
        limit: How many words, and how many joins, are kept.
        words: Also return the words unstemmed.
    """
    # Names of bands, licences and providers stand in each record of a source.
    if len(text) <= _MEMO_LENGTH:
        return _analyse_short(text, limit, words)
    if not words and 4 * len(text) <= limit and (name := _analyse_name(text)) is not None:
        return name
    return _analyse_value(text, limit, words)


def _of_name(text: str) -> Analysis | None:
    """Return the tokens of an identifier that is one compound, as those of files are; None for all else.

    The same as the long way gives, in a third of its time: each record brings one or two that nobody has seen before.
    """
    folded = fold(text)
    if not _NAME.fullmatch(folded):
        return None
    every = [word[:TOKEN_LENGTH] for word in _RUN.findall(folded)]
    # A number is its own stem.
    stems = " ".join([word if word[0] in _DIGITS else _STEMS[word] for word in every])
    joins = tuple(dict.fromkeys(_joins(every, tight=True)))
    return Analysis(f"{stems} {SEPARATOR} {' '.join(joins)}" if joins else stems, None, joins)


# Often the title and the id of one record are the same.
_analyse_name: Final = lru_cache(maxsize=16)(_of_name)


def _analyse_value(text: str, limit: int, words: bool) -> Analysis:
    chunks = [_CHUNKS[piece] for piece in text[:FIELD_CHARACTERS].split()]
    joined: list[str] = []
    for at in [at for at, each in enumerate(chunks) if each.joining]:
        each = chunks[at]
        joined += each.joins
        if each.numeric:
            before, after = _beside(chunks, at, -1), _beside(chunks, at, 1)
            if before and not before.numeric:
                joined += before.joins_with(each)
            if after:
                joined += each.joins_with(after)
    stems = " ".join([each.text for each in chunks if each.text])
    # One character can fold to four words; a shorter text cannot reach the limit.
    if 4 * len(text) > limit:
        stems = " ".join(stems.split(" ", limit)[:limit])
    joins = tuple(dict.fromkeys(joined))[:limit] if joined else ()
    if joins:
        stems = f"{stems} {SEPARATOR} {' '.join(joins)}"
    every = tuple([word for each in chunks for word in each.words][:limit]) if words else None
    return Analysis(stems, every, joins)


def _beside(chunks: Sequence[Chunk], at: int, step: int) -> Chunk | None:
    """Return the piece of text before or after one, over a lonely hyphen."""
    at += step
    if 0 <= at < len(chunks) and chunks[at].bridge:
        at += step
    return chunks[at] if 0 <= at < len(chunks) else None


_analyse_short: Final = lru_cache(maxsize=10_000)(_analyse_value)


def tokens(text: str, *, limit: int = FIELD_TOKENS) -> list[str]:
    """Return the tokens under which one value is indexed: stems in order, then a separator and the joins."""
    return analyse(text, limit=limit).text.split()


def compounds(text: str) -> list[Compound]:
    """Return what a query asks for, in order; a word that takes a number is joined with the number after it."""
    found: list[Compound] = []
    open_end = False
    for piece in text.split():
        each = chunk(piece)
        if each.bridge:
            continue
        for at, compound in enumerate(each.compounds):
            numbered = found and len(found[-1].words) == 1 and found[-1].words[0] in lexicon().numbered
            if numbered and at == 0 and open_end and each.opens and is_number(compound.words[0]):
                found[-1] += compound
            else:
                found.append(compound)
        open_end = each.closes
    return found
