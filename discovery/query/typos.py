"""Words that somebody may have meant: the nearest of a vocabulary by Damerau-Levenshtein distance.

Asked only when a search has few hits, with the words of our own index (narrowed by trigrams where there are many).
"""

from __future__ import annotations

from collections.abc import Iterable
from heapq import nsmallest

from discovery.query.tokens import TOKEN_LENGTH, fold


def allowed(word: str) -> int:
    """Return how many slips a word of this length may hold: none below 4 characters, one below 8, then two."""
    return (len(word) >= 4) + (len(word) >= 8)


def similar(word: str, vocabulary: Iterable[str], limit: int = 5) -> list[str]:
    """Return the words of the vocabulary that `word` may be a slip of, nearest first; the word itself is left out.

    Words with digits are never slips of one another: `sentinel2` is not meant where `sentinel3` was typed.

    Args:
        word: What was typed.
        vocabulary: Folded words; the order breaks no ties, the alphabet does.
        limit: How many at most.
    """
    typed = fold(word)[:TOKEN_LENGTH]
    most = allowed(typed)
    if not most or not typed.isalpha():
        return []
    letters = set(typed)
    near: dict[str, tuple[int, bool, int, str]] = {}
    for each in vocabulary:
        # Two cheap refusals before the expensive table; each slip changes at most one letter for another.
        if abs(len(each) - len(typed)) > most or each == typed or each in near or not each.isalpha():
            continue
        if len(letters.difference(each)) > most:
            continue
        slips = distance(typed, each, most)
        if slips <= most:
            near[each] = (slips, each[:1] != typed[:1], abs(len(each) - len(typed)), each)
    return [each for *_, each in nsmallest(limit, near.values())]


def distance(left: str, right: str, most: int) -> int:
    """Return how many letters were left out, added, changed or swapped with a neighbour; `most + 1` means more."""
    start, left_end, right_end = 0, len(left), len(right)
    while start < min(left_end, right_end) and left[start] == right[start]:
        start += 1
    while min(left_end, right_end) > start and left[left_end - 1] == right[right_end - 1]:
        left_end, right_end = left_end - 1, right_end - 1
    left, right = left[start:left_end], right[start:right_end]
    if abs(len(left) - len(right)) > most:
        return most + 1
    before: list[int] = []
    above = list(range(len(right) + 1))
    for row, letter in enumerate(left, 1):
        line = [row]
        for column, other in enumerate(right, 1):
            cost = min(above[column] + 1, line[-1] + 1, above[column - 1] + (letter != other))
            if row > 1 and column > 1 and letter == right[column - 2] and left[row - 2] == other:
                cost = min(cost, before[column - 2] + 1)
            line.append(cost)
        # Two rows, because a swap reaches back over one.
        if min(line) > most and min(above) > most:
            return most + 1
        before, above = above, line
    return min(above[-1], most + 1)
