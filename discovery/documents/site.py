"""The portal that documents speak of, and the addresses that they give to what it shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

RECORDS: Final = "/records/"


@dataclass(frozen=True, slots=True)
class Site:
    """A portal as its documents name it."""

    title: str
    url: str
    """Where it is, without a slash at its end."""
    description: str = ""

    @property
    def summary(self) -> str:
        """What the catalogue is, in one sentence; an operator's own where there is one."""
        return self.description or (
            f"{self.title} finds scientific data across missions and archives, in space science, Earth observation "
            "and navigation, and opens it where it lives."
        )

    @property
    def catalogue(self) -> str:
        """The name of the whole catalogue as a thing that documents speak of; it leads to documents about it."""
        return f"{self.url}/catalogue"

    def record(self, id: str) -> str:
        """Return the name of a record, which leads to its page and, by content negotiation, to its documents."""
        return f"{self.url}{RECORDS}{quote(id, safe='', errors='replace')}"
