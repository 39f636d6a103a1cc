"""Where the records of a catalogue are: one by any of its names, an address by itself, or all of them counted."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final

from discovery.errors import BadQueryError, NotFoundError
from discovery.index.base import Index, Plan
from discovery.launch import locating
from discovery.launch.locating import Located, Report
from discovery.launch.resolver import Place, Resolver
from discovery.launch.rules import MAX_VALUE
from discovery.model.record import SCOPES, Record
from discovery.model.volume import Volume
from discovery.planner import answering
from discovery.query.query import In
from discovery.store.catalogue import Stored
from discovery.store.store import Store

MAX_NAMED: Final = 20
"""Records of one name that are told of."""
_DOI: Final = re.compile(r"(?:doi:|https?://(?:dx\.)?doi\.org/)?(10\.[0-9]{4,9}/\S+)", re.IGNORECASE)
_ID: Final = re.compile(r"[a-z2-7]{16}")
_OURS: Final = re.compile(r"/(?:records/|open\?(?:.*&)?id=)([a-z2-7]{16})(?![a-z0-9])")
"""A record in an address of a portal: its page, or the page with the ways to open it."""
_ADDRESS: Final = re.compile(r"(?:https?|s3|mast):|/", re.IGNORECASE)
_UNNAMED: Final = Record("", "", "", "observation", "")
"""What an address is resolved for that is of no record: it fits rules for every source."""


class Locations:
    """Says where records are.

    Args:
        store: Where they are kept.
        index: What finds them by other names than their ids.
        resolver: Gives what makes places, with the volumes that there are now.
    """

    def __init__(self, store: Store, index: Index, resolver: Callable[[], Resolver]) -> None:
        self._store = store
        self._index = index
        self._resolver = resolver

    def of(self, record: Record) -> Located:
        """Return where a record is, or the reason why it is nowhere."""
        found = locating.locate(record, self._resolver())
        if found.is_located or record.kind != "dataset":
            return found
        is_parent = bool(self._store.catalogue.parents([record.id]))
        return locating.locate(record, self._resolver(), is_parent=True) if is_parent else found

    def volumes(self) -> tuple[Volume, ...]:
        """Return the volumes of the catalogue as they are now."""
        return self._resolver().volumes

    def places(self, record: Record, href: str) -> tuple[Place, ...]:
        """Return where an address leads that somebody else has given for a record, such as its DataLink document."""
        return self._resolver().places(record, href)

    def address(self, text: str) -> tuple[Place, ...]:
        """Return where an address or a path of an archive leads, the nearest first; empty for one that leads nowhere.

        Raises:
            BadQueryError: It is no address.
        """
        if not _ADDRESS.match(text) or len(text) > MAX_VALUE:
            raise BadQueryError(
                f"{text[:80]!r} is neither a record nor an address of https, s3 or mast", parameter="id"
            )
        return self._resolver().places(_UNNAMED, text)

    def record(self, text: str) -> Record | None:
        """Return the record that a text names, None for a text that is an address and no name.

        Args:
            text: An id, a DOI, an ivo:// identifier, or the address of the record's page on a portal.

        Raises:
            NotFoundError: It is a name, and no record has it; GoneError and MovedError as `Catalogue.get` says.
            UnavailableError: The engine does not answer.
        """
        text = text.strip()
        if not text.isprintable():
            raise NotFoundError(f"no record {text[:64]!r}")
        if _ID.fullmatch(text):
            return self._store.catalogue.get(text).record
        if doi := _DOI.fullmatch(text):
            return self._only(text, "doi", (doi[1], doi[1].lower()))
        if text.lower().startswith("ivo://"):
            return self._only(text, "external_id", (text,), "source_id")
        if ours := _OURS.search(text):
            return self._store.catalogue.get(ours[1]).record
        if _ADDRESS.match(text):
            return None
        raise NotFoundError(f"no record {text[:64]!r}")

    def named(self, field: str, values: Sequence[str]) -> list[Stored]:
        """Return the live records that have one of some values in a field, datasets first, 20 at most.

        Raises:
            UnavailableError: The engine does not answer.
        """
        keys: list[int] = []
        with answering():
            for scope in SCOPES:
                keys += sorted(self._index.keys(Plan(scope=scope, filter=In(field, tuple(values))), MAX_NAMED))
        found = self._store.catalogue.many(keys[:MAX_NAMED])
        return [found[key] for key in keys[:MAX_NAMED] if key in found]

    def _only(self, text: str, field: str, values: Sequence[str], *others: str) -> Record:
        for name in (field, *others):
            if found := self.named(name, tuple(dict.fromkeys(values))):
                return found[0].record
        raise NotFoundError(f"no record has the name {text[:200]!r}")

    def report(self) -> Report:
        """Return how many records of each source have a place or a reason; it reads every record there is."""
        catalogue = self._store.catalogue
        return locating.report(catalogue.walk(), self._resolver(), catalogue.parents)
