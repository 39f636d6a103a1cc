"""Where the records of a catalogue are: one by any of its names, an address by itself, or all of them counted."""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from discovery.errors import BadQueryError, DiscoveryError, NotFoundError
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
from discovery.store.ingest import now
from discovery.store.store import Store

_log = logging.getLogger(__name__)

MAX_NAMED: Final = 20
"""Records of one name that are told of."""
PATIENCE: Final = 3.0
"""Seconds that a page waits for a count; a catalogue of ten thousand records is counted in less."""
_KEPT_FOR: Final = 600.0
"""Seconds for which a count is not made anew, however often the catalogue changes."""
_DOI: Final = re.compile(r"(?:doi:|https?://(?:dx\.)?doi\.org/)?(10\.[0-9]{4,9}/\S+)", re.IGNORECASE)
_ID: Final = re.compile(r"[a-z2-7]{16}")
_OURS: Final = re.compile(r"/(?:records/|open\?(?:.*&)?id=)([a-z2-7]{16})(?![a-z0-9])")
"""A record in an address of a portal: its page, or the page with the ways to open it."""
_ADDRESS: Final = re.compile(r"(?:https?|s3|mast):|/", re.IGNORECASE)
_UNNAMED: Final = Record("", "", "", "observation", "")
"""What an address is resolved for that is of no record: it fits rules for every source."""


@dataclass(frozen=True, slots=True)
class Counted:
    """A report, and when it was made."""

    report: Report
    change: int
    """The newest change of the catalogue when the count began."""
    at: float
    """On the clock of this process."""
    moment: int
    """UTC milliseconds since 1970."""


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
        self._kept: Counted | None = None
        self._counting: threading.Thread | None = None
        self._closing = threading.Event()
        self._guard = threading.Lock()

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
        with answering(self._store):
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
        return locating.report(self._pages(), self._resolver(), catalogue.parents)

    def counted(self, patience: float = PATIENCE) -> Counted | None:
        """Return the last report, and have it made anew beside the caller where it is old; None before the first.

        Of a small catalogue it is there at once; nobody waits for that of a large one.

        Args:
            patience: Seconds to wait for a report that is being made.
        """
        with self._guard:
            change = self._store.catalogue.last_change()
            kept = self._kept
            due = kept is None or (kept.change != change and time.monotonic() - kept.at > _KEPT_FOR)
            if due and not self._closing.is_set() and (self._counting is None or not self._counting.is_alive()):
                self._counting = threading.Thread(target=self._count, args=(change,), daemon=True)
                self._counting.start()
            counting = self._counting
        if counting is not None and (kept is None or due):
            counting.join(patience)
        return self._kept

    def close(self) -> None:
        """End a count that goes on."""
        self._closing.set()
        if self._counting is not None:
            self._counting.join()

    def _count(self, change: int) -> None:
        try:
            found = self.report()
        except (DiscoveryError, SQLAlchemyError):
            # Whoever looks next has it counted again.
            _log.warning("the records with a place could not be counted", exc_info=True)
            return
        if not self._closing.is_set():
            self._kept = Counted(found, change, time.monotonic(), now())

    def _pages(self) -> Iterator[list[Record]]:
        for page in self._store.catalogue.walk():
            if self._closing.is_set():
                return
            yield page
