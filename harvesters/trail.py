"""The way through linked documents: all that are known, in the order in which they were found, each once."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Iterable
from typing import Final

from discovery.errors import RunError
from harvesters.base import Position

MAX_DOCUMENTS: Final = 1_000_000
"""Documents of one source; whoever has more runs an API, and a hostile one has no end."""


class Trail:
    """Every document known so far in the order of the walk, and how many of them have been read."""

    def __init__(self, known: list[str], at: int = 0, *, unlinked: bool = False) -> None:
        self.known = known
        self.at = at
        self.unlinked = unlinked
        self._seen = set(known)

    @classmethod
    def resume(cls, position: Position) -> Trail:
        """Return the walk that stood at a position.

        Raises:
            RunError: The position is not one of ours.
        """
        try:
            known = zlib.decompress(base64.b85decode(position["known"])).decode().split("\n")
            return cls(known, int(position["at"]), unlinked=bool(position["unlinked"]))
        except (KeyError, ValueError, TypeError, zlib.error) as error:
            raise RunError(f"the stored position of the walk cannot be read: {error}") from error

    def position(self) -> Position:
        """Return the walk as JSON values; the addresses repeat each other, so they are packed to a tenth."""
        known = base64.b85encode(zlib.compress("\n".join(self.known).encode())).decode()
        return {"at": self.at, "known": known, "unlinked": self.unlinked}

    def add(self, urls: Iterable[str]) -> None:
        """Put documents at the end that are not known yet, so that a circle of links ends.

        Raises:
            RunError: There are more than a catalogue can have.
        """
        for url in urls:
            if url not in self._seen and "\n" not in url:
                if len(self.known) >= MAX_DOCUMENTS:
                    raise RunError(f"the catalogue links to more than {MAX_DOCUMENTS} documents")
                self._seen.add(url)
                self.known.append(url)
