"""Text as every engine sees it: what is indexed of a record, what a typed query asks for, and when the two match.

Engines index `PreparedText` and match its tokens on white space; `parse` turns what somebody typed into groups of such
tokens. `matches` is the meaning of a query: the oracle uses it as it stands and the engines must return the same ids.
Documents are never expanded by synonyms and queries always are, so that a changed synonyms file needs no new index.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256
from itertools import islice, pairwise
from math import log1p
from typing import Final

from discovery.errors import LimitError
from discovery.model.quick import quick
from discovery.query import synonyms as synonyms_module
from discovery.query import tokens as words
from discovery.query.synonyms import ALTERNATIVES, Synonyms
from discovery.query.tokens import FIELD_TOKENS, SEPARATOR, Compound, tokens

__all__ = [
    "PREFIX_LENGTH",
    "SEPARATOR",
    "TITLE_WEIGHT",
    "Group",
    "PreparedText",
    "TextQuery",
    "any_of",
    "body_text",
    "divided",
    "document_text",
    "highlight",
    "identifier",
    "matches",
    "parse",
    "placed",
    "score",
    "shared_text",
    "tokens",
    "trigrams",
]

TITLE: Final = "title"
IDENTIFIERS: Final = "identifiers"

TITLE_WEIGHT: Final = 3.0
"""How much more a word counts in the title than in the body."""

SYNONYM_WEIGHT: Final = 0.8
EXACT_WEIGHT: Final = 1000.0
WHOLE_WEIGHT: Final = 100.0
"""What it counts that everything asked for is there, where some of it would do: no sum of single words is more."""

PREFIX_LENGTH: Final = 12
"""The longest beginning of a title word that is indexed; longer typed beginnings are cut to it."""

QUERY_CHARACTERS: Final = 1024
"""Characters of what is looked for."""
QUERY_GROUPS: Final = 32
"""Words and phrases of what is looked for, unwanted ones included."""

_IDENTIFIER_LENGTH: Final = 200
_MEMO_LENGTH: Final = 400
_SCHEME: Final = re.compile(
    r"(?:(?:https?://)?(?:dx\.)?doi\.org/|(?:urn:|info:)?doi[:/]\s*|[a-z][a-z0-9+.-]{1,15}://)(?:www\.)?", re.IGNORECASE
)
_SPACED_DOI: Final = re.compile(r"doi:?\s+(?=10\.)", re.IGNORECASE)
_LEADING: Final = re.compile(rf"{_SCHEME.pattern}|{_SPACED_DOI.pattern}", re.IGNORECASE)
_TYPING: Final = re.compile(r'(?:^|\s)[^-\s"][^\s"]*\Z')
_AROUND: Final = " <>()[]{}\"'`.,;\t\n\r"
_PLAIN: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_.-]*[A-Za-z0-9_-])?")
"""Identifiers that have nothing around them; most of those of files."""
_UNSAFE: Final = re.compile(r"[\s\x00-\x1f\x7f-\x9f\ud800-\udfff]+")
_QUOTES: Final = str.maketrans("\u201c\u201d\u201e\u201f\u00ab\u00bb\u2033\uff02", '"' * 8)
_RUN: Final = re.compile(r"[\x00-\x7f]+|[^\x00-\x7f]")
_PIECE: Final = re.compile(r'(?P<minus>(?<!\S)-(?=["\w]))?(?:"(?P<quoted>[^"]*)"|(?P<plain>[^\s"]+))')


@dataclass(frozen=True, slots=True)
class PreparedText:
    """The words of one record as engines index them: tokens with a space between, nothing left to analyse."""

    title: str
    """Stems of the title in order, then `|` and its joined tokens."""
    body: str
    """The same for every other field, `|` between the values so that no phrase reaches from one into the next."""
    prefix: str
    """Beginnings (1 to 12 characters) of the title's words, folded and not stemmed, for suggestions."""
    words: tuple[str, ...]
    """Words of letters alone, of the title and of what else is `heard`, folded and not stemmed, for spellings that
    miss: a word with digits is never a slip of another one."""
    exact: tuple[str, ...]
    """Identifiers by which the record is found when one is pasted whole."""


@dataclass(frozen=True, slots=True)
class Group:
    """One thing that is asked for: a record has it when one of the alternatives holds."""

    alternatives: tuple[tuple[str, ...], ...]
    """What the user typed comes first, synonyms after it; never empty."""
    phrase: bool = True
    """The tokens of an alternative stand side by side in one field; otherwise each may stand anywhere."""
    quoted: bool = False
    """It was typed in quotation marks: never left out, whatever `TextQuery.least` says."""
    typed: str = field(default="", compare=False)
    """The words as they were typed, folded, to name them to whoever typed them."""


@dataclass(frozen=True, slots=True)
class TextQuery:
    """What a typed text asks for; without groups, exclusions and identifier it matches everything."""

    groups: tuple[Group, ...] = ()
    """All of these, or `least` of them."""
    excluded: tuple[Group, ...] = ()
    """None of these."""
    exact: str | None = None
    """The whole text as an identifier; a record that has it matches whatever the groups say, and comes first."""
    prefix: str = ""
    """The beginning of a word at the end of the text, still being typed; for suggestions, no part of matching."""
    words: tuple[str, ...] = ()
    """The words asked for, folded and not stemmed, for suggestions and for "did you mean"."""
    least: int = 0
    """How many of the groups without quotation marks a record needs; 0 is all of them."""

    @property
    def relaxed(self) -> bool:
        """Whether a record need not have everything."""
        return 0 < self.least < sum(not group.quoted for group in self.groups)

    def __bool__(self) -> bool:
        return bool(self.groups or self.excluded or self.exact)


_make_text: Final = quick(PreparedText)


def document_text(
    fields: Mapping[str, str | Iterable[str]],
    *,
    keys: Iterable[str] = (),
    heard: Iterable[str] | None = (),
    limit: int = FIELD_TOKENS,
) -> PreparedText:
    """Return what engines index of a record.

    Args:
        fields: `title`; `identifiers` (DOI, ids, URLs: found whole and by their parts); every other name is body text.
            A value is one text or several.
        keys: Identifiers of ours that are found whole only, since their parts say nothing; as `identifier` writes them.
        heard: Fields that have words for spellings that miss, beside the title; None leaves these out, and what
            suggestions need as well: titles of observations are numbers, and there are millions of them.
        limit: Words kept of each value.
    """
    values = {name: tuple(_values(value)) for name, value in fields.items() if value}
    titles = [words.analyse(text, limit=limit, words=heard is not None) for text in values.get(TITLE, ())]
    identifiers = values.get(IDENTIFIERS, ())
    body = [_analysed(value, limit) for name, value in values.items() if name not in (TITLE, IDENTIFIERS)]
    body += [words.analyse(each, limit=limit).text for each in identifiers]
    titled: dict[str, None] = {}
    spelt: dict[str, None] = {}
    if heard is not None:
        titled = dict.fromkeys([word for title in titles for word in (*(title.words or ()), *title.joins)])
        others = [words.analyse(text, limit=limit, words=True) for name in heard for text in values.get(name, ())]
        spelt = titled | dict.fromkeys([word for each in others for word in each.words or ()])
    return PreparedText(
        title=f" {SEPARATOR} ".join([title.text for title in titles if title.text]),
        body=f" {SEPARATOR} ".join([text for text in body if text]),
        prefix=" ".join(map(_beginnings, titled)),
        words=tuple([word for word in spelt if word.isalpha()]),
        exact=tuple(filter(None, dict.fromkeys((*map(identifier, identifiers), *keys)))),
    )


def shared_text(
    title: str, others: Iterable[str], identifiers: Sequence[str], *, keys: Iterable[str] = (), analysed: str
) -> PreparedText:
    """Return what `document_text` does of a record without words for spellings, most of whose text many others share.

    Args:
        title: Of the record.
        others: Its own body text.
        identifiers: As those of `document_text`.
        keys: The same.
        analysed: The body text that it shares, as `body_text` returns it.
    """
    body = [words.analyse(text).text for text in others if text]
    body += [analysed, *[words.analyse(text).text for text in identifiers if text]]
    return _make_text(
        title=words.analyse(title).text if title else "",
        body=f" {SEPARATOR} ".join([text for text in body if text]),
        prefix="",
        words=(),
        exact=tuple(filter(None, dict.fromkeys((*map(identifier, identifiers), *keys)))),
    )


def body_text(fields: Mapping[str, str | Iterable[str]], *, limit: int = FIELD_TOKENS) -> str:
    """Return what engines index of texts that are neither title nor identifiers, for `shared_text`.

    Many records share such texts, and analysing them takes most of the time that preparing a record takes.
    """
    found = [_analysed(tuple(_values(value)), limit) for value in fields.values() if value]
    return f" {SEPARATOR} ".join([text for text in found if text])


def _analysed(texts: tuple[str, ...], limit: int) -> str:
    """Return the tokens of the values of one field; short ones are the same in many records of a source."""
    if len(texts) == 1 or sum(map(len, texts)) > _MEMO_LENGTH:
        return _joined(texts, limit)
    return _joined_short(texts, limit)


def _joined(texts: tuple[str, ...], limit: int) -> str:
    return f" {SEPARATOR} ".join(filter(None, [words.analyse(text, limit=limit).text for text in texts]))


_joined_short: Final = lru_cache(maxsize=4096)(_joined)


def _values(value: str | Iterable[str]) -> Iterable[str]:
    return (value,) if isinstance(value, str) else value


@lru_cache(maxsize=50_000)
def _beginnings(word: str) -> str:
    """Return the beginnings of a title's word; titles repeat their words, so made once for each."""
    return " ".join([word[:length] for length in range(1, min(len(word), PREFIX_LENGTH) + 1)])


def trigrams(word: str) -> list[str]:
    """Return the trigrams of a folded word with its ends marked: `sea` is `_se`, `sea`, `ea_`."""
    padded = f"_{word}_"
    return [padded[at : at + 3] for at in range(max(len(padded) - 2, 1))]


def identifier(text: str) -> str:
    """Return a DOI, id or URL as it is compared: lower case, no scheme, resolver or punctuation around it.

    `https://doi.org/10.5270/ESA-x` and `doi:10.5270/esa-x` are the same. What is very long ends in a hash.
    """
    return _shortened(_bare(text))


def _shortened(plain: str) -> str:
    if len(plain) > _IDENTIFIER_LENGTH:
        return f"{plain[:_IDENTIFIER_LENGTH]}~{sha256(plain.encode()).hexdigest()[:16]}"
    return plain


def _bare(text: str) -> str:
    """Return an identifier without scheme and what people leave around it, at its full length."""
    if _PLAIN.fullmatch(text):
        return text.lower()
    if not text.isascii():
        text = unicodedata.normalize("NFC", text.translate(_QUOTES))
    plain = text.strip().casefold().strip(_AROUND)
    return _UNSAFE.sub("_", _SCHEME.sub("", plain, count=1)).rstrip("/")


def parse(text: str, *, synonyms: Synonyms | None = None) -> TextQuery:
    """Return what a typed text asks for; every input is either valid or too long.

    Words are all wanted, `"quoted words"` side by side, `-word` and `-"quoted words"` not at all. Words like "of"
    are left out when others remain.

    Args:
        text: What somebody typed.
        synonyms: Instead of those that this version ships.

    Raises:
        LimitError: More than 1024 characters, or more than 32 words and phrases.
    """
    if len(text) > QUERY_CHARACTERS:
        raise LimitError("text-characters", f"text has {len(text)} characters; allowed are {QUERY_CHARACTERS}")
    table = synonyms_module.bundled() if synonyms is None else synonyms
    plain = text.translate(_QUOTES)
    whole = _whole(plain)
    # The scheme and the resolver of a pasted DOI or URL need not stand in the record.
    wanted, excluded, spoken = _read(whole if whole and _LEADING.match(plain.strip(_AROUND)) else plain, table)
    groups = tuple(dict.fromkeys(_without_stop_words(wanted)))
    unwanted = tuple(dict.fromkeys(excluded))
    if len(groups) + len(unwanted) > QUERY_GROUPS:
        count = len(groups) + len(unwanted)
        raise LimitError("text-words", f"text has {count} words and phrases; allowed are {QUERY_GROUPS}")
    return TextQuery(
        groups=groups,
        excluded=unwanted,
        exact=_shortened(whole) if whole and groups else None,
        prefix=spoken[-1][:PREFIX_LENGTH] if spoken and _TYPING.search(plain) else "",
        words=tuple(dict.fromkeys(spoken)),
    )


def any_of(phrases: Sequence[str]) -> Group | None:
    """Return what holds where at least one of these stands as it is, its words side by side; no synonyms are looked up.

    None when there is no word in any of them: nothing can hold one.

    Raises:
        LimitError: More than 1024 characters in all, or more than 32 phrases.
    """
    size = sum(map(len, phrases))
    if size > QUERY_CHARACTERS:
        raise LimitError("text-characters", f"q has {size} characters; allowed are {QUERY_CHARACTERS}", parameter="q")
    if len(phrases) > QUERY_GROUPS:
        raise LimitError("text-words", f"q has {len(phrases)} terms; allowed are {QUERY_GROUPS}", parameter="q")
    found = (alternative for each in phrases for group in _phrase(each, []) for alternative in group.alternatives)
    alternatives = tuple(dict.fromkeys(found))
    return Group(alternatives) if alternatives else None


def _read(text: str, table: Synonyms) -> tuple[list[Group], list[Group], list[str]]:
    """Return groups wanted and not wanted, and the words of those wanted."""
    wanted: list[Group] = []
    excluded: list[Group] = []
    spoken: list[str] = []
    run: list[str] = []
    for piece in _PIECE.finditer(text):
        quoted, minus = piece["quoted"], piece["minus"]
        if quoted is None and not minus:
            run.append(piece["plain"])
            continue
        wanted += _expanded(" ".join(run), table, spoken)
        run.clear()
        target = excluded if minus else wanted
        if quoted is not None:
            target += _phrase(quoted, [] if minus else spoken)
        else:
            target += [Group(compound.forms()) for compound in words.compounds(piece["plain"])]
    wanted += _expanded(" ".join(run), table, spoken)
    return wanted, excluded, spoken


def _whole(text: str) -> str:
    """Return the text as a bare identifier when it is one piece that could be one, else nothing."""
    stripped = _SPACED_DOI.sub("", text.strip())
    if stripped[:1] in '-"' or any(map(str.isspace, stripped)):
        return ""
    return _bare(stripped)


def _phrase(text: str, spoken: list[str]) -> Iterator[Group]:
    """Yield the group of a quoted text: its words side by side, whatever stands between them."""
    found = words.compounds(text)
    spoken += _spoken(found)
    if len(found) == 1:
        yield Group(found[0].forms(), quoted=True)
    elif found:
        yield Group((tuple(stem for compound in found for stem in compound.stems),), quoted=True)


def _spoken(found: Iterable[Compound]) -> Iterator[str]:
    return ("".join(compound.words)[: words.TOKEN_LENGTH] for compound in found)


def _expanded(text: str, table: Synonyms, spoken: list[str]) -> Iterator[Group]:
    """Yield the groups of words typed side by side, the longest term that has synonyms first."""
    found = words.compounds(text)
    spoken += _spoken(found)
    at = 0
    while at < len(found):
        count, term = _longest_term(found, at, table)
        if count == 1:
            own, phrase = found[at].forms(), True
        else:
            # Words typed apart may stand apart, and so may the words of what they are replaced by.
            own, phrase = (_content(term),), False
        others = table.alternatives(term)
        others = others if phrase else tuple(map(_content, others))
        typed = " ".join(word for compound in found[at : at + count] for word in compound.words)
        yield Group(tuple(dict.fromkeys((*own, *others)))[:ALTERNATIVES], phrase, typed=typed)
        at += count


def _longest_term(found: Sequence[Compound], at: int, table: Synonyms) -> tuple[int, tuple[str, ...]]:
    """Return how many compounds from `at` on make a known term, at least one, and its key."""
    best, term = 1, found[at].stems
    key: tuple[str, ...] = ()
    for count, compound in enumerate(found[at : at + table.longest], 1):
        key += compound.stems
        if len(key) > table.longest:
            break
        if count > 1 and table.alternatives(key):
            best, term = count, key
    return best, term


def _content(term: tuple[str, ...]) -> tuple[str, ...]:
    stop = words.lexicon().stop
    return tuple(word for word in term if word not in stop) or term


def _without_stop_words(groups: list[Group]) -> list[Group]:
    """Return the groups without words like "of" and "how", which say nothing when others are wanted too."""
    lexicon = words.lexicon()
    telling = [
        group
        for group in groups
        if len(group.alternatives[0]) > 1
        or (group.alternatives[0][0] not in lexicon.stop and group.typed not in lexicon.asking)
    ]
    return telling or groups


def matches(query: TextQuery, title: Sequence[str], body: Sequence[str], exact: Collection[str]) -> bool:
    """Tell whether a record matches; this is what both engines must agree with.

    Args:
        query: What is asked for.
        title: The tokens of `PreparedText.title`, in order.
        body: The tokens of `PreparedText.body`, in order.
        exact: `PreparedText.exact`.
    """
    if query.exact is not None and query.exact in exact:
        return True
    fields = (title, body)
    if any(_holds(group, fields) for group in query.excluded):
        return False
    if not query.relaxed:
        return all(_holds(group, fields) for group in query.groups)
    needed, enough = divided(query)
    return all(_holds(group, fields) for group in needed) and (
        sum(_holds(group, fields) for group in enough) >= query.least
    )


def divided(query: TextQuery) -> tuple[tuple[Group, ...], tuple[Group, ...]]:
    """Return the groups that a record needs all of, and those of which `query.least` are enough."""
    if not query.relaxed:
        return query.groups, ()
    quoted = tuple(group for group in query.groups if group.quoted)
    return quoted, tuple(group for group in query.groups if not group.quoted)


def _holds(group: Group, fields: tuple[Sequence[str], ...]) -> bool:
    return any(_found(alternative, group.phrase, fields) for alternative in group.alternatives)


def _found(alternative: tuple[str, ...], phrase: bool, fields: tuple[Sequence[str], ...]) -> bool:
    if phrase and len(alternative) > 1:
        return any(_occurrences(alternative, field) for field in fields)
    return all(any(token in field for field in fields) for token in alternative)


def _occurrences(alternative: tuple[str, ...], field: Sequence[str]) -> int:
    """Return how often the tokens stand side by side in the field."""
    size, first = len(alternative), alternative[0]
    if size == 1:
        return sum(token == first for token in field)
    return sum(token == first and tuple(islice(field, at, at + size)) == alternative for at, token in enumerate(field))


def score(query: TextQuery, title: Sequence[str], body: Sequence[str], exact: Collection[str]) -> float:
    """Return how well a matching record answers; engines have their own numbers and agree on the rules.

    An identifier pasted whole comes first, then what has everything asked for; a word in the title weighs three times
    one in the body, repeated words count ever less, and a synonym counts somewhat less than the word that was typed.
    """
    total = EXACT_WEIGHT if query.exact is not None and query.exact in exact else 0.0
    if query.relaxed and all(_holds(group, (title, body)) for group in query.groups):
        total += WHOLE_WEIGHT
    for group in query.groups:
        best = 0.0
        for number, alternative in enumerate(group.alternatives):
            if not _found(alternative, group.phrase, (title, body)):
                continue
            parts = (alternative,) if group.phrase else tuple((token,) for token in alternative)
            in_title = sum(log1p(_occurrences(part, title)) for part in parts) / len(parts)
            in_body = sum(log1p(_occurrences(part, body)) for part in parts) / len(parts)
            weight = SYNONYM_WEIGHT if number else 1.0
            best = max(best, weight * (TITLE_WEIGHT * in_title + in_body))
        total += best
    return total


def highlight(text: str, query: TextQuery, *, limit: int = 20_000) -> list[tuple[int, int]]:
    """Return where the words of the query stand in the original text: `(start, end)`, in order, none overlapping.

    Args:
        text: The text as it is shown.
        query: What was asked for.
        limit: Characters looked at.
    """
    starts: dict[str, list[tuple[str, ...]]] = {}
    for group in query.groups:
        for alternative in group.alternatives:
            for part in (alternative,) if group.phrase else [(token,) for token in alternative]:
                starts.setdefault(part[0], []).append(part)
    if not starts:
        return []
    text = text[:limit]
    places = list(placed(text))
    stems = [words.stem(word) for word, _, _ in places]
    single = {token for token, parts in starts.items() if (token,) in parts}
    mixed = any(any(map(words.is_number, token)) for token in single)
    joining = _joining(places, text, mixed=mixed)
    found: list[tuple[int, int]] = []
    for at, first in enumerate(stems):
        if first in starts or at in joining:
            sizes = [len(part) for part in starts.get(first, ()) if tuple(stems[at : at + len(part)]) == part]
            if at in joining:
                sizes += [size for token, size in _joins_at(places, at, text) if token in single]
            if sizes:
                found.append((places[at][1], places[at + max(sizes) - 1][2]))
    return _merged(found)


def _joining(placed: Sequence[tuple[str, int, int]], text: str, *, mixed: bool) -> set[int]:
    """Return which words may make a wanted token with the next one; in prose hardly any, so this saves most work.

    Args:
        placed: The words.
        text: What they stand in.
        mixed: Whether a token with digits is wanted: words and numbers only make such ones.
    """
    found = set()
    for at, ((word, _, end), (after, start, _)) in enumerate(pairwise(placed)):
        if start - end <= 1:
            numbers = words.is_number(word) != words.is_number(after)
            if mixed if numbers else not text[end:start].isspace():
                found.add(at)
    return found


def _joins_at(placed: Sequence[tuple[str, int, int]], at: int, text: str) -> Iterator[tuple[str, int]]:
    """Yield the tokens that the word at `at` makes with one or two after it, and how many words each is made of."""
    letters = placed[at][0]
    for size in (2, 3):
        last = at + size - 1
        if last >= len(placed) or placed[last][1] - placed[last - 1][2] > 1:
            return
        gap = text[placed[last - 1][2] : placed[last][1]]
        letters += placed[last][0]
        if words.is_number(placed[last - 1][0]) != words.is_number(placed[last][0]):
            yield words.join(tuple(word for word, _, _ in placed[at : last + 1])), size
        elif not gap.isspace() and letters.isalpha():
            yield words.stem(letters), size
        else:
            return


def placed(text: str) -> Iterator[tuple[str, int, int]]:
    """Yield the words of the original text, folded, with where they start and end in the original."""
    if text.isascii():
        yield from words.spans(text.lower())
        return
    folded: list[str] = []
    origin: list[int] = []
    for run in _RUN.finditer(text):
        piece, at = run[0], run.start()
        if piece.isascii():
            folded.append(piece.lower())
            origin += range(at, run.end())
        else:
            plain = words.fold(piece)
            folded.append(plain)
            origin += [at] * len(plain)
    origin.append(len(text))
    for word, start, end in words.spans("".join(folded)):
        last = origin[end - 1] + 1
        # Marks that follow a letter fold to nothing and belong to the letter.
        while last < len(text) and unicodedata.combining(text[last]):
            last += 1
        yield word, origin[start], last


def _merged(found: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for start, end in found:
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged
