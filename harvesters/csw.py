"""CSW 2.0.2 and 3.0: the records of a catalogue service, page by page, each as the bytes that were sent."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import urlsplit

from discovery.errors import ConfigError, NotFoundError, RecordError, RunError, SourceUnavailableError
from discovery.model.record import Issue
from discovery.model.source import Mapped, Quarantined, RawRecord
from harvesters import csw_page, xml_record
from harvesters.ahead import Ahead
from harvesters.base import Position, Probe, RawPage, SourceContext
from harvesters.csw_page import Ask, Dialect, Results
from harvesters.csw_service import XML, Service, describe
from harvesters.defaults import Defaults
from harvesters.xml_page import Element
from harvesters.xml_record import CONTAINER

_MOST_EMPTY: Final = 100
"""Pages in a row without a record that are followed: a service counts records that it cannot give in our schema."""
_MOST_ALONE: Final = 20
"""Single records in a row that the service cannot give; where there are more the service itself is at fault."""
# After these the same page in smaller pieces may come.
_SMALLER: Final = frozenset({"query", "too_large", "ratio", "slow", "timeout", "cut", "encoding"})
_SMALLER_STATUS: Final = frozenset({400, 413, 422, 500, 502, 504})
_TAIL: Final = 10
"""Records of a page by which the next one is known to follow it; most of them may be taken away meanwhile."""
_MAX_TAIL: Final = 4096
"""Characters of their identifiers, which are stored with each page."""
_STEP: Final = 10
_MOST_BACK: Final = 320
"""Records that may be taken away in front of a walk between two pages; where more are, a total that is missed tells."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_DAY: Final = "1000-01-01"


class Csw:
    """Walks a catalogue service in the order of its identifiers.

    What a service says of the next page is one opinion; where the walk stands is counted here, so that neither a loop
    nor a missing number matters. Each page begins with the last record of the one before: where it does not, records
    were taken away meanwhile, and the walk goes back until it finds where it was. A page that the service cannot give
    is halved until one record is left, which is shown in quarantine, and the walk goes on behind it.
    """

    cheap_ids = False
    """Short records take a service nearly as long as whole ones: it reads each of them all the same."""

    def __init__(self, context: SourceContext) -> None:
        if urlsplit(context.source.url).scheme not in ("http", "https"):
            raise ConfigError(f"csw: url {context.source.url[:80]!r} is not an http: or https: address")
        self._context = context
        self._defaults = Defaults.of(context, "earth-observation")
        self._size = context.number("page")
        self._service: Service | None = None
        self._chosen: Dialect | None = None
        self._parsed: dict[int, tuple[RawRecord, Any]] = {}

    @property
    def bytes_read(self) -> int:
        """No local file is read."""
        return 0

    def probe(self) -> Probe:
        """Return the title of the service and how many records it has.

        Raises:
            SourceUnavailableError: It is no catalogue service.
        """
        service = self._open()
        dialect = self._dialect(service)
        notes = [f"CSW {service.version}, records in {dialect.schema} by {'POST' if dialect.post else 'GET'}"]
        if not dialect.sort:
            notes.append("the service does not sort by identifier, so that records may be missed while it changes")
        return Probe(service.title, self._ask(Ask(dialect, 1, 1)).matched, tuple(notes))

    def pages(self, position: Position | None) -> Iterator[RawPage]:
        """Yield the records page by page, in the order of their identifiers where the service can sort."""
        walk = _Walk.resume(position) if position else _Walk(self._dialect(self._open()), 1, self._size, self._size)
        return self._pages(walk)

    def changes(self, since: int, position: Position | None) -> Iterator[RawPage] | None:
        """Yield the records whose metadata changed since an instant; None where the service cannot tell."""
        if position is not None:
            return self._pages(_Walk.resume(position))
        day = (_EPOCH + timedelta(milliseconds=since)).date().isoformat() if since > 0 else _FIRST_DAY
        dialect = self._changed(day)
        return self._pages(_Walk(dialect, 1, self._size, self._size)) if dialect is not None else None

    def ids(self) -> Iterator[tuple[str, str]]:
        """Yield container and id of every record, from short records."""
        dialect = replace(self._dialect(self._open()), elements="brief")
        for page in self._pages(_Walk(dialect, 1, self._size, self._size)):
            if page.rejected:
                raise RunError(f"the identifiers cannot be read: {page.rejected[0].issue.message}")
            for raw in page.raws:
                yield raw.container, raw.source_id

    def parse(self, raw: RawRecord) -> Any:
        """Return the root element of a record; those of the last page were parsed for their identifiers."""
        known, root = self._parsed.pop(id(raw), (None, None))
        return root if known is raw else xml_record.parse(raw)

    def map(self, raw: RawRecord, document: Any) -> Mapped:
        """Return the record of a document, by the standard that it is of."""
        return xml_record.to_mapped(raw, document, self._defaults)

    # The way in

    def _open(self) -> Service:
        if self._service is None:
            try:
                self._service = describe(self._context.client, self._context.source.url, self._context.text("version"))
            except NotFoundError as error:
                raise SourceUnavailableError(str(error), detail="status") from error
        return self._service

    def _dialect(self, service: Service) -> Dialect:
        """Return the first way of asking that the service answers with a page; what it says of itself is not enough.

        Raises:
            SourceUnavailableError: There is none; the message is that of the first.
        """
        if self._chosen is not None:
            return self._chosen
        refused: SourceUnavailableError | None = None
        ways = sorted(self._dialects(service), key=lambda dialect: not dialect.sort)
        for dialect, start in (
            (each, start) for sorts in (True, False) for start in (1, 2) for each in ways if bool(each.sort) == sorts
        ):
            try:
                self._ask(Ask(dialect, start, 1))
            except SourceUnavailableError as error:
                if error.detail != "query" and error.answer_status not in _SMALLER_STATUS:
                    raise
                refused = refused or error
            else:
                self._chosen = dialect
                return dialect
        assert refused is not None
        raise refused

    def _dialects(self, service: Service) -> Iterator[Dialect]:
        schema = self._schema(service)
        kinds = [each for each in csw_page.types(schema, service.version) if each in service.types]
        for kind in kinds or csw_page.types(schema, service.version):
            own = "dc:identifier" if kind.endswith(":Record") else "apiso:Identifier"
            sorts = dict.fromkeys((own, "dc:identifier", "Identifier", ""))
            for sort in sorts if self._context.text("sort") == "identifier" else ("",):
                for url, post in ((service.get, False), (service.post, True)):
                    if url:
                        yield Dialect(url, service.version, schema, kind, sort, post)

    def _schema(self, service: Service) -> str:
        """Return the output schema: the one that was set, else the richest that the service has."""
        chosen = self._context.text("schema")
        wanted = (
            csw_page.SCHEMAS[chosen] if chosen else tuple(each for all in csw_page.SCHEMAS.values() for each in all)
        )
        found = next((each for each in wanted if each in service.schemas), None)
        if found is None and service.schemas and chosen:
            raise SourceUnavailableError(
                f"the service does not give {chosen}; it gives {', '.join(service.schemas)[:300]}", detail="query"
            )
        if found is not None:
            return found
        return csw_page.RECORD_2 if service.version.startswith("2") else csw_page.RECORD_3

    def _changed(self, day: str) -> Dialect | None:
        """Return how the service is asked for what changed since a day; None where no way of asking works."""
        dialect = self._dialect(self._open())
        post = self._open().post
        ways = [
            (True, "apiso:Modified", dialect.type.endswith(":Record")),
            (True, "dct:modified", True),
            (False, "dct:modified", True),
            (True, "Modified", False),
        ]
        for by_post, name, record in ways:
            if by_post and not post:
                continue
            base = replace(dialect, url=post if by_post else self._open().get, post=by_post)
            try:
                # A service that does not know the property may also answer that nothing has ever changed.
                ever = self._ask(Ask(base.asking_since(name, _FIRST_DAY, record=record), 1, 1)).matched
            except SourceUnavailableError as error:
                if error.detail != "query" and error.answer_status not in _SMALLER_STATUS:
                    raise
                continue
            if ever:
                return base.asking_since(name, day, record=record)
        return None

    # The walk

    def _pages(self, walk: _Walk) -> Iterator[RawPage]:
        ahead = Ahead[Ask, Results](self._ask)
        while not walk.done:
            try:
                results = ahead.take(walk.ask)
            except SourceUnavailableError as error:
                rejected = self._failed(walk, error)
                if rejected is not None:
                    yield RawPage((), walk.position(), self._matched(walk), (rejected,))
                continue
            if self._has_gap(walk, results) and walk.step_back():
                continue
            tail = walk.tail if walk.laps else ()
            last = tuple(raw.source_id for raw in self._raws(results.elements[-_TAIL:], ""))
            rejections = walk.take(results, last)
            if not walk.done:
                # Before anything else is read: while we do that the service is at work, too.
                ahead.begin(*walk.asks())
            raws = self._raws(results.elements, walk.dialect.url)
            if tail:
                raws = tuple(raw for raw in raws if raw.source_id not in tail)
            if any(each.issue.code == "repeated-page" for each in rejections):
                raws = ()
            yield RawPage(raws, walk.position(), self._matched(walk), rejections, clock=results.clock)

    def _has_gap(self, walk: _Walk, results: Results) -> bool:
        """Say whether a page that should begin where the last one ended does not: then the source has changed."""
        if not walk.laps or not results.elements:
            return False
        if any(raw.source_id in walk.tail for raw in self._raws(results.elements[:1], "")):
            return False
        return not any(raw.source_id in walk.tail for raw in self._raws(results.elements, ""))

    def _raws(self, elements: tuple[Element, ...], url: str) -> tuple[RawRecord, ...]:
        """Return the records of a page with their identifiers, where they have one and are XML at all."""
        out = []
        self._parsed = {}
        for element in elements:
            raw = RawRecord(CONTAINER, "", element.body, "application/xml", url)
            root = None
            try:
                root = xml_record.parse(raw)
                raw = replace(raw, source_id=xml_record.identity(root))
            except RecordError:
                pass  # Whoever maps it finds out why.
            if not raw.source_id:
                raw = replace(raw, position=f"record {hashlib.sha256(element.body).hexdigest()[:8]}")
            if root is not None:
                self._parsed[id(raw)] = (raw, root)
            out.append(raw)
        return tuple(out)

    def _failed(self, walk: _Walk, error: SourceUnavailableError) -> Quarantined | None:
        """Halve a page that cannot be had; the single record that is left is named, and the walk goes on behind it."""
        if error.detail == "query" and walk.least is not None and walk.start > walk.least:
            # The service led beyond its own end, and says so now.
            walk.done = True
            return None
        if error.detail not in _SMALLER and error.answer_status not in _SMALLER_STATUS:
            raise error
        if walk.halve(lasting=error.detail != "query"):
            return None
        if (error.detail != "query" and error.answer_status not in _SMALLER_STATUS) or walk.alone >= _MOST_ALONE:
            raise error
        rejected = _rejected(walk.start, "unserialisable", f"the service cannot give this record: {error}")
        walk.pass_over()
        return rejected

    def _matched(self, walk: _Walk) -> int | None:
        return walk.least if self._context.text("totals") == "check" else None

    def _ask(self, ask: Ask) -> Results:
        client = self._context.client
        try:
            if ask.dialect.post:
                kind = {"content-type": "application/xml"}
                answer = client.post(ask.url, content=ask.body(), headers=kind, accept=XML, idempotent=True)
            else:
                answer = client.get(ask.url, accept=XML)
        except NotFoundError as error:
            raise SourceUnavailableError(str(error), detail="status") from error
        except SourceUnavailableError as error:
            if told := csw_page.said(error.content):
                raise SourceUnavailableError(
                    f"{error}: {told}", detail="query", answer_status=error.answer_status, content=error.content
                ) from error
            raise
        return csw_page.read(answer.content, answer.url)


@dataclass(slots=True)
class _Walk:
    """Where a walk stands, and what it has been told so far."""

    dialect: Dialect
    start: int
    size: int
    """Records that are asked for next."""
    full: int
    """Records that are asked for where nothing is wrong."""
    least: int | None = None
    """The smallest number of records that a page has stated: sources change while they are read."""
    most: int | None = None
    """The number that the first page has stated."""
    empty: int = 0
    alone: int = 0
    """Single records in a row that could not be had."""
    tail: tuple[str, ...] = ()
    """The last records of the page before, by which the next page is known to follow it."""
    laps: bool = False
    """Whether the next page begins with the last record of the page before."""
    steady: bool = False
    """Whether the last page had as many records as were asked for, and the next one begins behind them."""
    back: int = 0
    """By how many records the walk has gone back to find them, since others were taken away in front of them."""
    done: bool = False
    seen: dict[bytes, int] = field(default_factory=dict)
    """The pages that have come; a kill forgets them, which costs a second round."""

    @classmethod
    def resume(cls, position: Position) -> _Walk:
        """Return the walk that stood at a position."""
        numbers = {name: position.get(name) for name in ("least", "most")}
        return cls(
            Dialect.from_json(position["dialect"]),
            int(position["start"]),
            int(position["size"]),
            int(position["full"]),
            numbers["least"],
            numbers["most"],
            int(position.get("empty", 0)),
            int(position.get("alone", 0)),
            tuple(position.get("tail", ())),
            bool(position.get("laps")),
        )

    @property
    def ask(self) -> Ask:
        """The request for the next page."""
        return Ask(self.dialect, self.start, self.size)

    def asks(self) -> tuple[Ask, ...]:
        """Return the request for the next page and what will be that for the page behind it.

        That can be told where pages are as long as they are asked to be; else only the first is returned.
        """
        behind = self.start + self.size
        if not self.steady or self.least is None or behind > self.least:
            return (self.ask,)
        return self.ask, Ask(self.dialect, behind - self.laps, min(self.full, self.size * 2))

    def position(self) -> Position | None:
        """Return the walk as JSON values; None at its end."""
        if self.done:
            return None
        numbers: Mapping[str, Any] = {
            "start": self.start,
            "size": self.size,
            "full": self.full,
            "least": self.least,
            "most": self.most,
            "empty": self.empty,
            "alone": self.alone,
        }
        return {"dialect": self.dialect.to_json(), **numbers, "tail": list(self.tail), "laps": self.laps}

    def step_back(self) -> bool:
        """Go back to look for the end of the last page; False when that has been done far enough."""
        if self.back >= _MOST_BACK or self.start <= 1:
            return False
        step = max(_STEP, self.back)
        self.back += step
        self.start = max(1, self.start - step)
        return True

    def take(self, results: Results, last: tuple[str, ...]) -> tuple[Quarantined, ...]:
        """Go on behind a page, of whose last records the identifiers are given; return what is wrong with it."""
        self.alone = 0
        count, told = len(results.elements), results.following
        if results.matched is not None:
            self.least = results.matched if self.least is None else min(self.least, results.matched)
            self.most = self.most if self.most is not None else results.matched
        if count and not (self.laps and count == 1) and self._again(results):
            self.done = True
            return (_rejected(self.start, "repeated-page", f"the page from record {self.start} on has come before"),)
        self.empty = 0 if count else self.empty + 1
        following = max(told or 0, self.start + count)
        # A service that leads beyond the number of its own that it states is followed: one of the two is wrong.
        over = results.matched is not None and following > results.matched and (told or 0) < following
        if told == 0 or following <= self.start or over:
            self.done = True
            return ()
        if self.empty > _MOST_EMPTY or (self.most is not None and following > 2 * self.most + 10 * self.full):
            self.done = True
            return (_rejected(self.start, "endless", f"the service leads on without end, behind record {self.start}"),)
        self._go_on(count, last, following)
        return ()

    def _go_on(self, count: int, last: tuple[str, ...], following: int) -> None:
        """Ask for what follows, and where the order is that of identifiers, once more for the last record."""
        self.steady = count == self.size and following == self.start + count
        known = all(last) and sum(map(len, last)) < _MAX_TAIL
        self.laps = bool(self.dialect.sort) and count > 1 and following == self.start + count and known
        self.tail = last if self.laps else ()
        self.start, self.size, self.back = following - self.laps, min(self.full, self.size * 2), 0

    def halve(self, *, lasting: bool) -> bool:
        """Ask for half as many records next, and for no more later on if that is `lasting`; False for a single one."""
        if self.size <= 1:
            return False
        self.size = self.size // 2
        if lasting:
            self.full = self.size
        return True

    def pass_over(self) -> None:
        """Go on behind a single record that cannot be had."""
        self.alone += 1
        self.start += 1
        self.done = self.least is not None and self.start > self.least

    def _again(self, results: Results) -> bool:
        digest = hashlib.sha256()
        for each in results.elements:
            digest.update(b"%d:" % len(each.body))
            digest.update(each.body)
        mark = digest.digest()[:12]
        self.seen[mark] = self.seen.get(mark, 0) + 1
        # As many new records in front of the walk as a page has bring the last page once more.
        return self.seen[mark] > 1 + self.laps


def _rejected(number: int, code: str, message: str) -> Quarantined:
    return Quarantined(RawRecord("", "", b"", position=f"record {number}"), Issue(code, message[:1000]), "fetch")
