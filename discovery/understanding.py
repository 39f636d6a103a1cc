"""What somebody may have meant whose words hardly anything has: spellings mended, words left out, and both said."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain, islice
from typing import Any, Final

from discovery.errors import LimitError
from discovery.index.base import Index, Plan
from discovery.model.record import RESOURCES
from discovery.planner import Planner, answering
from discovery.query import synonyms
from discovery.query.query import Query, Understood
from discovery.query.text import Group, TextQuery, parse, placed, trigrams
from discovery.query.tokens import lexicon, stem
from discovery.query.typos import allowed, similar
from discovery.store.store import Store

FEW: Final = 10
"""Resources that have all of the words, below which some of the words are enough: half a page."""
CANDIDATES: Final = 64
"""Words of the index that a misspelt one is compared with."""
_TRIED: Final = 3
"""Of them, how many are looked for before a word is given up."""
_MENDED: Final = 4
"""Words of a text that are mended; each looks through all words of the catalogue."""
_RARE: Final = 2
"""Records that have a word that is rare enough to be a slip, one of the catalogue's own perhaps."""
_COMMON: Final = 10
"""How many times as many have the word that was meant."""
_BEGUN: Final = 5
"""Letters of a word that was not typed to its end, from which the rest can be told."""


class Understanding:
    """Looks for what was meant where hardly anything has all of the words.

    Args:
        store: What the index is made from.
        planner: Makes plans of questions.
        index: What finds records, and has the words that there are.
    """

    def __init__(self, store: Store, planner: Planner, index: Index) -> None:
        self._store = store
        self._planner = planner
        self._index = index

    def wider(self, query: Query, plan: Plan, complete: int) -> tuple[Plan, Understood] | None:
        """Return a plan that finds more than one that found `complete` records, and what it means; None without.

        Records that have all of the words stay, and stay first. What is in quotation marks is never left out, and a
        text that is an identifier of a record is nothing else.
        """
        text = plan.text
        enough = FEW if query.scope == RESOURCES else 1
        if query.phrases:
            # What programs ask for side by side is neither mended nor left out.
            return None
        named = text is not None and text.exact is not None and not text.exact.isalpha()
        if text is None or complete >= enough or not text.groups or (named and complete):
            return None
        try:
            with answering(self._store):
                return self._wider(query, plan, text, complete)
        except LimitError:
            # Some of the words are on so many borders of a region that they cannot be decided; all of them could.
            return None

    def _wider(self, query: Query, plan: Plan, text: TextQuery, complete: int) -> tuple[Plan, Understood] | None:
        typed = query.text.strip()
        corrected, likelier = ("", "") if _address(text) else self._spelt(query.scope, typed)
        meant = parse(corrected) if corrected else text
        loose = [group for group in meant.groups if not group.quoted]
        unknown = [group for group in loose if not self._known(query.scope, group)]
        wide = self._planner.plan(query, text=replace(meant, least=1), total=plan.total)
        if corrected:
            complete = self._count(wide, replace(meant, least=0))
        least = self._least(wide, meant, len(loose) - len(unknown), complete, len(unknown))
        if not least and not likelier and not (corrected and complete):
            return None
        left = tuple(group.typed for group in unknown) if least else ()
        understood = Understood(typed, corrected, left, least, len(loose), complete, likelier)
        words = replace(meant, least=least)
        return replace(wide, text=words, offset=plan.offset, generation=plan.generation, after=plan.after), understood

    def _least(self, wide: Plan, meant: TextQuery, known: int, complete: int, unknown: int) -> int:
        """Return how many of the words are enough to find a few records, at least half of them if that finds any."""
        if complete >= (FEW if wide.scope == RESOURCES else 1):
            return 0
        best, most = 0, complete
        for least in range(known - (not unknown), 0, -1):
            if 2 * least < known and most:
                break
            found = self._count(wide, replace(meant, least=least))
            if found > most:
                best, most = least, found
            if most >= FEW:
                break
        return best

    def _count(self, plan: Plan, text: TextQuery) -> int:
        asked = Plan(plan.scope, text=text, filter=plan.filter, selections=plan.selections, size=0)
        return self._index.search(asked).total.value

    def _known(self, scope: str, group: Group) -> bool:
        """Tell whether any record of a scope has what is asked for."""
        return self._index.search(Plan(scope, text=TextQuery((group,)), size=0)).total.value > 0

    # ---- spelling

    def _spelt(self, scope: str, text: str) -> tuple[str, str]:
        """Return the text with unknown words mended, and with rare words too that common ones are like.

        Each is empty where there is nothing to mend, or nothing is near.
        """
        mended: list[tuple[int, int, str, bool]] = []
        counted = ((self._holding(scope, word), word, start, end) for word, start, end in _doubtful(text))
        for holding, word, start, end in islice((each for each in counted if each[0] <= _RARE), _MENDED):
            enough = holding * _COMMON or 1
            better = next((each for each in self._near(word) if self._holding(scope, each) >= enough), "")
            if better:
                mended.append((start, end, better, not holding))
        corrected = _replaced(text, [each for each in mended if each[3]])
        likelier = _replaced(text, mended) if not all(each[3] for each in mended) else ""
        return corrected, likelier

    def _holding(self, scope: str, word: str) -> int:
        """Return how many records of a scope have a word."""
        group = Group(((stem(word),),))
        return self._index.search(Plan(scope, text=TextQuery((group,)), size=0)).total.value

    def _near(self, word: str) -> Sequence[str]:
        """Return the words of the catalogue that may be meant, the likeliest first."""
        # Resources have the words of their field; titles of observations are mostly numbers.
        words = self._index.terms(RESOURCES, tuple(trigrams(word)), CANDIDATES)
        begun = [each for each in words if len(word) >= _BEGUN and each.startswith(word)]
        return list(dict.fromkeys(chain(similar(word, words, _TRIED), begun[:_TRIED])))


def sentences(understood: Understood) -> list[str]:
    """Return what people are told of what was left out, the mended spelling aside."""
    said = []
    if understood.unknown:
        named = ", ".join(f"“{each}”" for each in understood.unknown)
        said.append(f"No record has {named}.")
    least, words, others = understood.least, understood.words, understood.words - len(understood.unknown)
    if least and least == others:
        said.append("These have all of the other words." if understood.unknown else "These have all of the words.")
    elif least and understood.complete:
        have = "record has" if understood.complete == 1 else "records have"
        said.append(f"{understood.complete} {have} all of the words; the others have at least {least} of {words}.")
    elif least:
        said.append(f"No record has all of the words; these have at least {least} of {words}.")
    if understood.near:
        listed = "1 record is" if understood.near == 1 else f"{understood.near} records are"
        said.append(f"{listed} listed for other words that are near in meaning.")
    return said


def to_dict(understood: Understood) -> dict[str, Any]:
    """Return it as JSON shows it."""
    return {
        "text": understood.text,
        "corrected": understood.corrected or None,
        "unknown": list(understood.unknown),
        "least": understood.least or understood.words,
        "words": understood.words,
        "complete": understood.complete,
        "suggestion": understood.suggestion or None,
    } | ({"near": understood.near} if understood.near else {})


def _replaced(text: str, mended: Sequence[tuple[int, int, str, bool]]) -> str:
    """Return a text with other words at some places; empty for none."""
    out, at = "", 0
    for start, end, word, _ in mended:
        out, at = f"{out}{text[at:start]}{word}", end
    return f"{out}{text[at:]}" if mended else ""


def _address(text: TextQuery) -> bool:
    """Tell whether a text is one piece that is an address or a DOI, in which nothing is a word."""
    return text.exact is not None and any(mark in text.exact for mark in "/:")


def _doubtful(text: str) -> Iterator[tuple[str, int, int]]:
    """Yield the words that may be misspelt with where they stand: of letters, long enough, not known to the field."""
    terms = synonyms.bundled().words
    stop = lexicon().stop
    for word, start, end in placed(text):
        if start and text[start - 1] == "-" and (start == 1 or text[start - 2].isspace()):
            continue
        if word.isalpha() and allowed(word) and word not in stop and stem(word) not in terms:
            yield word, start, end
