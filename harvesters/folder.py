"""Folders of metadata documents: files of this machine, or a web server's folder with its index pages (WAF)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urljoin, urlsplit

from discovery.errors import NotFoundError, SourceRefusedError, SourceUnavailableError
from discovery.model.record import Issue
from discovery.model.source import Mapped, Quarantined, RawRecord
from harvesters import index_page, standards
from harvesters.base import Position, Probe, RawPage, SourceContext, ids_of
from harvesters.defaults import Defaults
from harvesters.documents import MAX_DOCUMENT, Documents
from harvesters.trail import Trail

PAGE: Final = 100
"""Documents of one page."""
MAX_PAGE: Final = 16 * 1024 * 1024
"""Bytes of elements after which a page ends before that: a document may have many of them."""
_ANYTHING: Final = "application/json, application/xml;q=0.9, text/html;q=0.8, */*;q=0.5"
MOST_UNREADABLE: Final = 3
"""Documents one after the other that may fail; when more do it is the server that is away, and not a document."""
_BEGINNING: Final = 4096
"""Bytes by which it is told whether a file may be metadata; data beside it may have gigabytes."""


class Folder:
    """Reads every document of a folder and of the folders in it; what each is, is told by what is in it.

    Files whose names begin with a dot are left out, as are all that are neither JSON nor XML.
    """

    def __init__(self, context: SourceContext) -> None:
        url = context.source.url
        self._context = context
        self._local = urlsplit(url).scheme == "file"
        # The name behind the slash is never read: it makes the folder itself the root that nothing leads out of.
        self._documents = Documents(context.client, context.folder, f"{url.rstrip('/')}/_" if self._local else url)
        self._defaults = Defaults.of(context)
        self._published = context.text("published")
        self._failed = 0

    @property
    def bytes_read(self) -> int:
        """How many bytes of local files have been read."""
        return self._documents.bytes_read

    def probe(self) -> Probe:
        """Return how many files or links there are at first sight.

        Raises:
            SourceUnavailableError: The folder cannot be read.
        """
        if self._local:
            return Probe("", sum(1 for _ in self._files()))
        url, body = self._get(self._context.source.url)
        listed = len(index_page.links(body, url, urljoin(url, "."))) if standards.looks_like_web_page(body) else 1
        return Probe("", None, (f"{listed} links on the first page",))

    def pages(self, position: Position | None) -> Iterator[RawPage]:
        """Yield the elements found in up to a hundred documents at a time."""
        trail = Trail.resume(position) if position else self._begin()
        if not trail.known:
            yield RawPage((), None)
        while trail.at < len(trail.known):
            # A larger folder has a longer position, so it is written less often.
            size = max(PAGE, len(trail.known) // 100)
            raws: list[RawRecord] = []
            rejected: list[Quarantined] = []
            held = 0
            while size and trail.at < len(trail.known) and held < MAX_PAGE:
                before = len(raws)
                self._visit(trail, raws, rejected)
                held += sum(len(raw.body) for raw in raws[before:])
                size -= 1
            more = trail.at < len(trail.known)
            yield RawPage(tuple(raws), trail.position() if more else None, rejected=tuple(rejected))

    def ids(self) -> Iterator[tuple[str, str]]:
        """Return container and id of every element; a folder has no shorter way than to read it all."""
        return ids_of(self.pages(None))

    def parse(self, raw: RawRecord) -> Any:
        """Return the document of an element."""
        return standards.parse(raw)

    def map(self, raw: RawRecord, document: Any) -> Mapped:
        """Return the record of an element, by the mapping of its standard."""
        return standards.to_mapped(raw, document, self._defaults)

    def _begin(self) -> Trail:
        if self._local:
            return Trail(list(self._files()))
        # Where the server leads us to is where the links of its page start from: often the same with a slash.
        return Trail([self._get(self._context.source.url)[0]])

    def _files(self) -> Iterator[str]:
        """Yield the files of a folder by name.

        Raises:
            SourceUnavailableError: There is no such folder; it is not taken for an empty one.
        """
        path = self._context.folder / unquote(urlsplit(self._context.source.url).path)
        if not path.is_dir():
            raise SourceUnavailableError(f"{self._context.source.url[:300]} is no folder", detail="file")
        for url in self._documents.beside("*"):
            if not any(part.startswith(".") for part in Path(unquote(url.removeprefix("file:"))).parts):
                yield url

    def _visit(self, trail: Trail, raws: list[RawRecord], rejected: list[Quarantined]) -> None:
        """Read the next document: note where it leads when it lists others, else take what is in it."""
        url = trail.known[trail.at]
        first = trail.at == 0
        trail.at += 1
        try:
            address, body = (url, self._file(url)) if self._local else self._get(url)
        except (NotFoundError, SourceRefusedError) as error:
            if first and not self._local:
                raise
            code = "missing-document" if isinstance(error, NotFoundError) else "refused"
            rejected.append(_unread(url, code, error))
            return
        except SourceUnavailableError as error:
            self._failed += 1
            if not self._local and (first or self._failed > MOST_UNREADABLE):
                raise
            rejected.append(_unread(url, "unreadable", error))
            return
        self._failed = 0
        if body is None:
            return
        if not self._local and standards.looks_like_web_page(body):
            if first or url.endswith("/"):
                root = urljoin(trail.known[0], ".")
                listed = index_page.links(body, address, root)
                trail.add(each for each in listed if "/." not in f"/{each.removeprefix(root)}".partition("?")[0])
            return
        if standards.looks_like_metadata(body[:_BEGINNING]):
            place = url.removeprefix("file:") if self._local else url
            for each in standards.elements(body, self._address(url), place):
                raws.append(each) if isinstance(each, RawRecord) else rejected.append(each)

    def _file(self, url: str) -> bytes | None:
        """Return the bytes of a file; None where it cannot be metadata."""
        with self._documents.stream(url) as file:
            beginning = file.read(_BEGINNING)
            if not standards.looks_like_metadata(beginning):
                return None
            rest = file.read(MAX_DOCUMENT + 1 - len(beginning))
        body = beginning + rest
        if len(body) > MAX_DOCUMENT:
            raise SourceUnavailableError(f"{url[:300]} is larger than {MAX_DOCUMENT} bytes", detail="too_large")
        return body

    def _get(self, url: str) -> tuple[str, bytes]:
        answer = self._context.client.get(url, accept=_ANYTHING, max_bytes=MAX_DOCUMENT)
        return answer.url, answer.content

    def _address(self, url: str) -> str:
        """Return the public address of a document; empty for a file that is published nowhere."""
        if not self._local:
            return url
        return f"{self._published.rstrip('/')}/{url.removeprefix('file:')}" if self._published else ""


def _unread(url: str, code: str, error: Exception) -> Quarantined:
    raw = RawRecord("", "", b"", url="" if url.startswith("file:") else url, position=url.removeprefix("file:")[:500])
    return Quarantined(raw, Issue(code, str(error)[:1000]), "fetch")
