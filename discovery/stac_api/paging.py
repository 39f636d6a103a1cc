"""Tokens of pages: where a page begins, and where those before it began, so that it is known how to go back.

The portal's marks lead forward alone. A token carries the marks of the pages that were passed on the way to its own,
so going back needs nothing kept on a server and repeats or leaves out nothing, whatever is written in between.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from discovery.errors import BadQueryError

MAX_BACK: Final = 8
"""The most pages that a token leads back; a URL has to hold them."""
MAX_CHARACTERS: Final = 1_600
_APART: Final = "~"
_CUT: Final = "."
"""Stands last where there were more pages before."""
_MARK: Final = re.compile(r"[A-Za-z0-9_-]{1,500}")


@dataclass(frozen=True, slots=True)
class Trail:
    """The pages up to the one that a request asks for."""

    here: str = ""
    """The portal's mark that the page begins at; empty for the first page."""
    before: tuple[str, ...] = ()
    """The marks of the pages before it, nearest first."""
    whole: bool = True
    """Whether the first page comes before the last of these."""

    @classmethod
    def parse(cls, token: str | None) -> Trail:
        """Return the trail that a token says.

        Raises:
            BadQueryError: It is none of ours; whether its mark is one the portal says.
        """
        if not token:
            return cls()
        here, *before = token.split(_APART, MAX_BACK + 1)
        whole = not before or before[-1] != _CUT
        kept = tuple(before if whole else before[:-1])
        if len(token) > MAX_CHARACTERS + 500 or len(kept) > MAX_BACK or not all(map(_MARK.fullmatch, kept)):
            told = "token is not a page mark of this portal; take a link of the page before as it is"
            raise BadQueryError(told, parameter="token")
        return cls(here, kept, whole)

    def onward(self, mark: str) -> str:
        """Return the token of the page behind this one, which begins at a mark."""
        passed = (self.here, *self.before) if self.here else ()
        kept = passed[:MAX_BACK]
        while kept and len(mark) + sum(len(each) + 1 for each in kept) > MAX_CHARACTERS:
            kept = kept[:-1]
        cut = () if self.whole and kept == passed else (_CUT,)
        return _APART.join((mark, *kept, *cut))

    @property
    def back(self) -> str | None:
        """The token of the page before this one; empty for the first page, None where it is not known any more."""
        if not self.here:
            return None
        if not self.before:
            return "" if self.whole else None
        return _APART.join((*self.before, *(() if self.whole else (_CUT,))))
