"""DataLink: the document of links that stands for many datasets, read when somebody asks and kept for a while."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from discovery.errors import RecordError, SourceUnavailableError
from discovery.http import Client, has_credentials, is_signed
from discovery.model.record import Asset, Record
from harvesters import votable
from harvesters.document import clean

ACCEPT: Final = "application/x-votable+xml;content=datalink, application/x-votable+xml, */*;q=0.1"
SEMANTICS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "#this": "the data themselves",
        "#preview": "a preview",
        "#preview-image": "a preview",
        "#preview-plot": "a preview",
        "#thumbnail": "a thumbnail",
        "#auxiliary": "auxiliary data",
        "#calibration": "data of calibration",
        "#bias": "a bias",
        "#dark": "a dark",
        "#flat": "a flat field",
        "#weight": "weights",
        "#noise": "noise",
        "#error": "errors",
        "#progenitor": "what the data were made of",
        "#derivation": "what was made of the data",
        "#counterpart": "the same thing seen otherwise",
        "#coderived": "what was made of the same data",
        "#documentation": "documentation",
        "#cutout": "cut-outs",
        "#proc": "processing on the server",
        "#package": "everything in one file",
        "#detached-header": "a header of its own",
        "#service": "a service",
    }
)
"""The terms of IVOA's vocabulary that people are told in words; others are kept as they are."""
MOST_LINKS: Final = 1_000
"""Links of one document; a person cannot choose among more."""
_MOST_KEPT: Final = 500
_KEPT_FOR: Final = 600.0
"""Seconds for which a document is not asked for again; its addresses may be signed for hours only."""


@dataclass(frozen=True, slots=True)
class Link:
    """One row of a links document: an address, a service that is described beside it, or why there is none."""

    id: str
    semantics: str
    """A term such as `#this`; with the address of its vocabulary where that is not IVOA's."""
    url: str = ""
    service: str = ""
    """The id of a description in the same document; such a service is asked with parameters."""
    error: str = ""
    description: str = ""
    media_type: str = ""
    size: int | None = None
    """Bytes."""
    local_semantics: str = ""
    qualifier: str = ""
    signed: bool = False
    """Whether the address works for a while only, so that it must not be stored."""
    readable: bool | None = None
    """Whether whoever asked may read it, where the service says so."""

    @property
    def meaning(self) -> str:
        """What the term says in words; the term itself where we have none."""
        return SEMANTICS.get(self.semantics, self.semantics)

    @property
    def is_links(self) -> bool:
        """Whether what is there is another document of links."""
        return "content=datalink" in self.media_type.replace(" ", "").lower()

    def to_dict(self) -> dict[str, Any]:
        """Return the link as JSON values."""
        return {
            "id": self.id,
            "semantics": self.semantics,
            "meaning": self.meaning,
            "url": self.url or None,
            "service": self.service or None,
            "error": self.error or None,
            "description": self.description,
            "media_type": self.media_type or None,
            "size": self.size,
            "local_semantics": self.local_semantics or None,
            "qualifier": self.qualifier or None,
            "signed": self.signed,
            "readable": self.readable,
        }


@dataclass(frozen=True, slots=True)
class Links:
    """What one document says."""

    url: str
    links: tuple[Link, ...] = ()
    notes: tuple[str, ...] = ()
    """What was wrong with it and did not keep it from being read."""

    def of(self, semantics: str) -> tuple[Link, ...]:
        """Return the links of one term that lead somewhere."""
        return tuple(link for link in self.links if link.semantics == semantics and link.url)

    def to_dict(self) -> dict[str, Any]:
        """Return the document as JSON values."""
        return {"url": self.url, "links": [link.to_dict() for link in self.links], "notes": list(self.notes)}


def addresses(record: Record) -> tuple[str, ...]:
    """Return where the links documents of a record are."""
    return tuple(asset.href for asset in record.assets if _is_document(asset))


def _is_document(asset: Asset) -> bool:
    named = "datalink" in asset.roles or "content=datalink" in asset.media_type.replace(" ", "").lower()
    return named and asset.href.startswith(("https://", "http://"))


class Reader:
    """Reads links documents, each at most once in a while; it may be asked by several threads.

    Args:
        client: The way to the network, which sees to it that no document leads into a private one.
        kept_for: Seconds for which a document is not asked for again.
        clock: What time it is, in seconds.
    """

    def __init__(
        self, client: Client, *, kept_for: float = _KEPT_FOR, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._client = client
        self._kept_for = kept_for
        self._clock = clock
        self._kept: OrderedDict[str, tuple[float, Links]] = OrderedDict()
        self._guard = threading.Lock()

    def of(self, record: Record) -> tuple[Links, ...]:
        """Return the documents of a record; none where it has no such asset.

        Raises:
            As `read`.
        """
        return tuple(self.read(url) for url in addresses(record))

    def read(self, url: str) -> Links:
        """Return the links behind an address.

        Raises:
            SourceUnavailableError: The service does not answer, or says ERROR, or not with a links document.
            NotFoundError: There is nothing at the address.
        """
        with self._guard:
            if (kept := self._kept.get(url)) is not None and self._clock() - kept[0] < self._kept_for:
                self._kept.move_to_end(url)
                return kept[1]
        found = parse(self._client.get(url, accept=ACCEPT).content, url)
        with self._guard:
            self._kept[url] = (self._clock(), found)
            self._kept.move_to_end(url)
            while len(self._kept) > _MOST_KEPT:
                self._kept.popitem(last=False)
        return found


def parse(body: bytes, url: str) -> Links:
    """Return the links that a document of DataLink 1.0 or 1.1 lists.

    Raises:
        SourceUnavailableError: It is none, or the service says ERROR in it; the message says which.
    """
    try:
        table = votable.read(body, most=MOST_LINKS)
    except RecordError as error:
        raise SourceUnavailableError(f"{url}: no DataLink document: {error}", detail="unexpected_content") from error
    if table.status == votable.ERROR:
        raise votable.unavailable(table, url)
    columns = {each.name for each in table.columns}
    if missing := {"id", "access_url", "semantics"} - columns:
        message = f"{url}: no DataLink document: its table has no {', '.join(sorted(missing))}"
        raise SourceUnavailableError(message, detail="unexpected_content")
    notes: list[str] = []
    if table.full:
        notes.append(f"the document lists more than {MOST_LINKS} links; the rest is left out")
    return Links(url, tuple(_link(row, notes) for row in table.rows), tuple(dict.fromkeys(notes)))


def _link(row: Mapping[str, str], notes: list[str]) -> Link:
    cells = {name: clean(value)[:4_000] for name, value in row.items()}
    url, service, error = (cells.get(name, "") for name in ("access_url", "service_def", "error_message"))
    if sum(map(bool, (url, service, error))) != 1:
        notes.append("a link should have exactly one of access_url, service_def and error_message")
    if url and not url.startswith(("https://", "http://")):
        notes.append(f"an address of a kind that is not followed was left out: {url[:40]!r}")
        url = ""
    signed = bool(url) and is_signed(url)
    if url and not signed and has_credentials(url):
        notes.append("an address with a user name, password or token in it was left out")
        url = ""
    return Link(
        cells.get("id", ""),
        _term(cells.get("semantics", "")),
        url,
        service,
        error,
        cells.get("description", ""),
        cells.get("content_type", ""),
        _size(cells.get("content_length", "")),
        cells.get("local_semantics", ""),
        cells.get("content_qualifier", ""),
        signed,
        _flag(cells.get("link_authorized", cells.get("readable", ""))),
    )


def _term(text: str) -> str:
    """Return a term without the address of IVOA's own vocabulary, as which `#this` may be written out."""
    for vocabulary in ("http://www.ivoa.net/rdf/datalink/core", "https://www.ivoa.net/rdf/datalink/core"):
        if text.startswith(f"{vocabulary}#"):
            return text.removeprefix(vocabulary)
    return text


def _size(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


def _flag(text: str) -> bool | None:
    return {"true": True, "t": True, "1": True, "false": False, "f": False, "0": False}.get(text.lower())


def first_data(found: Sequence[Links]) -> Link | None:
    """Return the first link to the data themselves."""
    return next((link for links in found for link in links.of("#this")), None)
