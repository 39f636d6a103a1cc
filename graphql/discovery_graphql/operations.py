"""Trusted documents: the operations that we publish, asked for by `documentId` instead of by text."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

from discovery.errors import BadQueryError

PREFIX: Final = "sha256:"


@dataclass(frozen=True, slots=True)
class Operation:
    """One published operation."""

    name: str
    """The name of its file, without the ending."""
    text: str

    @property
    def id(self) -> str:
        """The id that clients send: the hash of the text, so that it can never mean something else."""
        return PREFIX + hashlib.sha256(self.text.encode("utf-8", "replace")).hexdigest()


def published() -> Path:
    """Return the folder with `schema.graphql` and `operations/`: the repository's, else what travels in the wheel.

    An editable install leaves a copy from the day it was made beside the package, so the repository comes first.
    """
    beside = Path(__file__).parents[1]
    return beside if (beside / "operations").is_dir() else Path(__file__).parent / "_sdl"


class Operations:
    """The published operations by their ids."""

    def __init__(self, folder: Path) -> None:
        self.all = tuple(
            Operation(path.stem, path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.graphql"))
        )
        self._texts: Mapping[str, str] = MappingProxyType({each.id: each.text for each in self.all})

    def holds(self, text: str) -> bool:
        """Tell whether a text is that of a published operation, to the last character."""
        return Operation("", text).id in self._texts

    def text(self, id: str) -> str:
        """Return the text of an operation.

        Raises:
            BadQueryError: No published operation has that id.
        """
        found = self._texts.get(id if id.startswith(PREFIX) else PREFIX + id)
        if found is None:
            raise BadQueryError(f"documentId {id[:80]!r} is no operation of this portal", parameter="documentId")
        return found
