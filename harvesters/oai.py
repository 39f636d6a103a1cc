"""OAI-PMH 2.0: the records of a repository by lists with resumption tokens, those that were deleted among them."""

from __future__ import annotations

import hashlib
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from discovery.errors import ConfigError, NotFoundError, RecordError, RunError, SourceUnavailableError
from discovery.http import redact
from discovery.model.instant import instant
from discovery.model.record import Issue
from discovery.model.source import Mapped, Quarantined, RawRecord
from harvesters import iso_tree as tree
from harvesters import xml, xml_page, xml_record
from harvesters.ahead import Ahead
from harvesters.base import Position, Probe, RawPage, SourceContext
from harvesters.csw_page import with_query
from harvesters.csw_service import XML
from harvesters.defaults import Defaults
from harvesters.document import nameable
from harvesters.xml_record import CONTAINER

PREFIXES: Final = (
    "iso19139",
    "iso19139.gmd",
    "gmd",
    "iso",
    "iso19115",
    "iso19115-3",
    "mdb",
    "iso19115-3.2018",
    "csw-record",
    "oai_dc",
)
"""Metadata prefixes that are read, best first; repositories make up their own names for ISO."""
_LISTS: Final = frozenset({"ListRecords", "ListIdentifiers"})
_OURS: Final = frozenset({"verb", "metadataprefix", "from", "until", "set", "resumptiontoken", "identifier"})
_NUMBERS: Final = ("seen", "deleted", "empty", "renewed")
_MAX_TOKEN: Final = 16_384
_MOST_EMPTY: Final = 100
_ENDS: Final = frozenset({"0"})
"""What pycsw says at the end, where it should say nothing; asked for that it begins again."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class OaiPmh:
    """Walks a repository from one resumption token to the next.

    A token is only good where it came from and for a while: where one has expired the walk begins anew, which changes
    nothing in what was stored.
    """

    def __init__(self, context: SourceContext) -> None:
        if urlsplit(context.source.url).scheme not in ("http", "https"):
            raise ConfigError(f"oai-pmh: url {context.source.url[:80]!r} is not an http: or https: address")
        self._context = context
        self._defaults = Defaults.of(context, "earth-observation")
        self._url = _bare(context.source.url)

    cheap_ids = True
    """Headers are all that is needed, and all that is sent."""

    @property
    def bytes_read(self) -> int:
        """No local file is read."""
        return 0

    def probe(self) -> Probe:
        """Return what the repository is called, and how many records it has where its list says so.

        Raises:
            SourceUnavailableError: It is no OAI-PMH repository.
        """
        said = self._identify()
        first = self._ask(_Ask("ListIdentifiers", self._prefix()))
        deleted = said.get("deletedRecord", "no")
        notes = (f"records in {self._prefix()}", f"deleted records: {deleted}")
        return Probe(said.get("repositoryName", "")[:500], first.total, notes)

    def pages(self, position: Position | None) -> Iterator[RawPage]:
        """Yield the records list by list."""
        return self._pages(_Walk.resume(position) if position else _Walk(_Ask("ListRecords", self._prefix())))

    def changes(self, since: int, position: Position | None) -> Iterator[RawPage] | None:
        """Yield the records that were changed since an instant, and say which were deleted."""
        if position is not None:
            return self._pages(_Walk.resume(position))
        fine = "T" in self._identify().get("granularity", "")
        moment = (_EPOCH + timedelta(milliseconds=max(0, since))).isoformat(timespec="seconds")
        day = moment.replace("+00:00", "Z") if fine else moment[:10]
        return self._pages(_Walk(_Ask("ListRecords", self._prefix(), since=day)))

    def ids(self) -> Iterator[tuple[str, str]]:
        """Yield container and id of every record that is not deleted, from headers alone where they can be trusted."""
        # pycsw gives every header of a page the identifier of the first.
        trusted = yield from self._ids("ListIdentifiers")
        if not trusted:
            yield from self._ids("ListRecords")

    def _ids(self, verb: str) -> Generator[tuple[str, str], None, bool]:
        """Yield identifiers from one kind of list; return False, and stop, where one occurs twice on a page."""
        walk = _Walk(_Ask(verb, self._prefix()))
        for page in self._pages(walk):
            if page.rejected:
                raise RunError(f"the list of identifiers cannot be read: {page.rejected[0].issue.message}")
            found = [raw.source_id for raw in page.raws]
            if verb == "ListIdentifiers" and len(set(found)) < len(found):
                return False
            yield from ((CONTAINER, each) for each in found)
        if walk.total is not None and walk.seen < walk.total:
            raise RunError(f"the source says that it has {walk.total} identifiers and gave {walk.seen}")
        return True

    def parse(self, raw: RawRecord) -> Any:
        """Return the root of the metadata inside a record."""
        root = xml_record.parse(raw)
        held = tree.held(tree.group(root), "metadata")
        if held is None:
            raise RecordError("missing-metadata", "the record has a header and nothing else", path="metadata")
        return held

    def map(self, raw: RawRecord, document: Any) -> Mapped:
        """Return the record of a document, by the standard that it is of; its header says its identifier."""
        return xml_record.to_mapped(raw, document, self._defaults)

    # The way in

    def _identify(self) -> dict[str, str]:
        root = self._answer({"verb": "Identify"})
        found = next(root.iter("{*}Identify"), None)
        if found is None:
            raise SourceUnavailableError(
                f"{redact(self._url)[:300]}: <{tree.name(root)[:40]}> is not what an OAI-PMH repository says of itself",
                detail="unexpected_content",
            )
        return {tree.name(each): " ".join((each.text or "").split()) for each in found}

    def _prefix(self) -> str:
        """Return the metadata prefix: the one that was set, else the richest that the repository has."""
        if chosen := self._context.text("prefix"):
            return chosen
        root = self._answer({"verb": "ListMetadataFormats"})
        there = {(each.text or "").strip() for each in root.iter("{*}metadataPrefix")}
        return next((each for each in PREFIXES if each in there), "oai_dc")

    def _answer(self, asked: Mapping[str, str]) -> Any:
        try:
            answer = self._context.client.get(with_query(self._url, asked), accept=XML)
            return xml.parse(answer.content)
        except NotFoundError as error:
            raise SourceUnavailableError(str(error), detail="status") from error
        except RecordError as error:
            raise SourceUnavailableError(f"{redact(self._url)[:300]}: {error}", detail="unexpected_content") from error

    # The walk

    def _pages(self, walk: _Walk) -> Iterator[RawPage]:
        ahead = Ahead[_Ask, _List](self._ask)
        while not walk.done:
            asked = walk.ask
            try:
                found = ahead.take(asked)
            except _TokenError as error:
                if not walk.begin_anew():
                    raise SourceUnavailableError(f"{redact(self._url)[:300]}: {error}", detail="query") from error
                continue
            rejected = walk.take(found)
            raws = () if rejected else tuple(_raw(each, self._url) for each in found.records if not each.deleted)
            gone = tuple((CONTAINER, each.id) for each in found.records if each.deleted and each.id)
            if not walk.done:
                ahead.begin(walk.ask)
            yield RawPage(raws, walk.position(), self._matched(walk), rejected, found.clock, gone)

    def _matched(self, walk: _Walk) -> int | None:
        """Return how many live records there are, as the list says; what is deleted is counted by it, too."""
        if self._context.text("totals") != "check" or walk.total is None:
            return None
        return max(0, walk.total - walk.deleted)

    def _ask(self, ask: _Ask) -> _List:
        """Return one list.

        Raises:
            _TokenError: The repository does not know the token.
            SourceUnavailableError: There is no list.
        """
        asked = ask.parameters(self._context.text("set"))
        try:
            answer = self._context.client.get(with_query(self._url, asked), accept=XML)
        except NotFoundError as error:
            raise SourceUnavailableError(str(error), detail="status") from error
        found = _read(answer.content, answer.url, ask)
        if not isinstance(found, _List):
            # Some know a token only together with what was asked for at first, although the standard forbids it.
            if found[0] == "badArgument" and ask.token and not ask.whole:
                return self._ask(_Ask(ask.verb, ask.prefix, ask.since, ask.token, True))
            if found[0] in ("badResumptionToken", "badArgument") and ask.token:
                raise _TokenError(found[1])
            raise SourceUnavailableError(f"{redact(answer.url)[:300]}: {found[1]}", detail="query")
        return found


class _TokenError(Exception):
    """A resumption token is not known any more."""


@dataclass(frozen=True, slots=True)
class _Ask:
    """The request for one list."""

    verb: str
    prefix: str
    since: str = ""
    token: str = ""
    whole: bool = False
    """Whether what was asked for at first is said again beside a token."""

    def parameters(self, chosen: str) -> dict[str, str]:
        """Return the parameters of the request; `chosen` is the set that is asked for."""
        if self.token and not self.whole:
            return {"verb": self.verb, "resumptionToken": self.token}
        first = {"verb": self.verb, "metadataPrefix": self.prefix}
        first |= {"from": self.since} if self.since else {}
        first |= {"set": chosen} if chosen else {}
        return first | ({"resumptionToken": self.token} if self.token else {})


@dataclass(frozen=True, slots=True)
class _Entry:
    """One record of a list, as it was sent, and what its header says."""

    id: str
    deleted: bool
    body: bytes


@dataclass(frozen=True, slots=True)
class _List:
    """One answer."""

    records: tuple[_Entry, ...]
    token: str
    total: int | None
    clock: int | None
    whole: bool
    """Whether it came only for being asked for with everything that was asked for at first."""


@dataclass(slots=True)
class _Walk:
    """Where a walk stands, and what it has been told so far."""

    ask: _Ask
    total: int | None = None
    seen: int = 0
    deleted: int = 0
    empty: int = 0
    renewed: int = 0
    """How often it had to begin anew."""
    done: bool = False
    tokens: set[str] = field(default_factory=set)
    lists: set[bytes] = field(default_factory=set)
    """What has come; a kill forgets it, which costs a second round."""

    @classmethod
    def resume(cls, position: Position) -> _Walk:
        """Return the walk that stood at a position."""
        ask = _Ask(**position["ask"])
        seen, deleted, empty, renewed = (int(position.get(name) or 0) for name in _NUMBERS)
        return cls(ask, position.get("total"), seen, deleted, empty, renewed)

    def position(self) -> Position | None:
        """Return the walk as JSON values; None at its end."""
        if self.done:
            return None
        ask = {name: getattr(self.ask, name) for name in ("verb", "prefix", "since", "token", "whole")}
        numbers = {name: getattr(self, name) for name in ("total", *_NUMBERS)}
        return {"ask": ask, **numbers}

    def begin_anew(self) -> bool:
        """Begin the list again from its first page; False when that has been done too often."""
        if not self.ask.token or self.renewed >= 2:
            return False
        self.ask = _Ask(self.ask.verb, self.ask.prefix, self.ask.since)
        self.total, self.seen, self.deleted, self.empty = None, 0, 0, 0
        self.tokens, self.lists = set(), set()
        self.renewed += 1
        return True

    def take(self, found: _List) -> tuple[Quarantined, ...]:
        """Go on behind a list; return what is wrong with it."""
        mark = hashlib.sha256(b"\0".join(each.body for each in found.records)).digest()[:12]
        again = bool(found.records) and mark in self.lists
        self.lists.add(mark)
        if again:
            self.done = True
            return (_rejected(self.ask, "repeated-page", "this list has come before"),)
        self.seen += len(found.records)
        self.deleted += sum(each.deleted for each in found.records)
        self.empty = 0 if found.records else self.empty + 1
        if found.total is not None:
            self.total = found.total if self.total is None else min(self.total, found.total)
        complete = found.total is not None and (self.seen >= found.total or found.token in _ENDS)
        if not found.token or complete:
            self.done = True
            return ()
        if found.token in self.tokens or self.empty > _MOST_EMPTY:
            self.done = True
            return (_rejected(self.ask, "repeated-token", "the list leads back, or on without end"),)
        self.tokens.add(found.token)
        self.ask = _Ask(self.ask.verb, self.ask.prefix, self.ask.since, found.token, found.whole)
        return ()


def _read(content: bytes, url: str, ask: _Ask) -> _List | tuple[str, str]:
    """Return a list, or the code and the words of an error.

    Raises:
        SourceUnavailableError: It is neither.
    """
    try:
        page = xml_page.cut(content, _LISTS)
    except RecordError as error:
        if told := _error(content):
            if told[0] == "noRecordsMatch":
                return _List((), "", 0, None, ask.whole)
            return told
        detail = "unexpected_content" if error.code in ("no-page", "dtd") else "cut"
        raise SourceUnavailableError(f"{redact(url)[:300]}: {error}", detail=detail) from error
    entries, token, total = [], "", None
    for each in page.elements:
        if each.name == "resumptionToken":
            token, total = _token(each.body)
        elif each.name in ("record", "header"):
            entries.append(_entry(each.body))
    clock = page.before.get("responseDate", {}).get("", "")
    return _List(tuple(entries), token, total, _moment(clock), ask.whole)


def _entry(body: bytes) -> _Entry:
    try:
        root = xml.parse(body, most_tags=xml_record.MAX_TAGS)
    except RecordError:
        return _Entry("", False, body)
    header = root if tree.name(root) == "header" else next(root.iter("{*}header"), None)
    if header is None:
        return _Entry("", False, body)
    found = tree.first(tree.group(header), "identifier")
    return _Entry(found if nameable(found) else "", header.get("status") == "deleted", body)


def _raw(entry: _Entry, url: str) -> RawRecord:
    place = "" if entry.id else f"record {hashlib.sha256(entry.body).hexdigest()[:8]}"
    return RawRecord(CONTAINER, entry.id, entry.body, "application/xml", url, place)


def _token(body: bytes) -> tuple[str, int | None]:
    try:
        root = xml.parse(body)
    except RecordError:
        return "", None
    size = str(root.get("completeListSize") or "").strip()
    total = int(size[:15]) if size.isdecimal() else None
    return (root.text or "").strip()[:_MAX_TOKEN], total


def _error(content: bytes) -> tuple[str, str] | None:
    """Return the code and the words of an OAI-PMH error; None where the answer is none."""
    try:
        root = xml.parse(content, most_tags=10_000)
    except RecordError:
        return None
    found = next(root.iter("{*}error"), None) if tree.name(root) == "OAI-PMH" else None
    if found is None:
        return None
    code = str(found.get("code") or "")[:80]
    return code, f"the repository answers {code}: {' '.join((found.text or '').split())[:300]}"


def _bare(url: str) -> str:
    parts = urlsplit(url)
    kept = [
        (name, value) for name, value in parse_qsl(parts.query, keep_blank_values=True) if name.lower() not in _OURS
    ]
    return urlunsplit((parts.scheme, parts.netloc, parts.path, urlencode(kept), ""))


def _moment(text: str) -> int | None:
    try:
        return instant(text)
    except ValueError:
        return None


def _rejected(ask: _Ask, code: str, message: str) -> Quarantined:
    place = f"list {ask.token[:200]}" if ask.token else "first list"
    return Quarantined(RawRecord("", "", b"", position=place), Issue(code, message), "fetch")
