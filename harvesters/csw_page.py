"""One page of a CSW: how it is asked for in its versions and dialects, and what comes back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import urlencode
from xml.sax.saxutils import escape, quoteattr

from discovery.errors import RecordError, SourceUnavailableError
from discovery.http import redact
from discovery.model.instant import instant
from harvesters import iso_tree as tree
from harvesters import xml, xml_page
from harvesters.xml_page import Element

GMD: Final = "http://www.isotc211.org/2005/gmd"
MDB: Final = "http://standards.iso.org/iso/19115/-3/mdb/2.0"
MDB_1: Final = "http://standards.iso.org/iso/19115/-3/mdb/1.0"
RECORD_2: Final = "http://www.opengis.net/cat/csw/2.0.2"
RECORD_3: Final = "http://www.opengis.net/cat/csw/3.0"
SCHEMAS: Final = {"iso19139": (GMD,), "iso19115-3": (MDB, MDB_1), "dublin-core": (RECORD_2, RECORD_3)}
"""Output schemas by the names that operators use for them, best first."""
_TYPES: Final = {GMD: "gmd:MD_Metadata", MDB: "mdb:MD_Metadata", MDB_1: "mdb:MD_Metadata"}
_NAMESPACES: Final = {
    "gmd": GMD,
    "mdb": MDB,
    "apiso": "http://www.opengis.net/cat/csw/apiso/1.0",
    "dc": "http://purl.org/dc/elements/1.1/",
    "dct": "http://purl.org/dc/terms/",
}
_FAULTS: Final = frozenset({"ExceptionReport", "ServiceExceptionReport", "Exception", "ServiceException"})
_RESULTS: Final = frozenset({"SearchResults"})
_MOST: Final = 1 << 53


@dataclass(frozen=True, slots=True)
class Dialect:
    """The way in which one service wants to be asked; another may answer the same words with an exception."""

    url: str
    """Where requests go."""
    version: str
    schema: str
    """The output schema."""
    type: str
    """The type of record that is asked for."""
    sort: str = ""
    """The property by which records come in an order that stays."""
    post: bool = False
    elements: str = "full"
    changed: str = ""
    """The property that says when a record changed; empty to ask for all records."""
    since: str = ""
    """A day; only records that changed on it or later are asked for."""

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values, for the position of a walk."""
        given = {
            "url": self.url,
            "version": self.version,
            "schema": self.schema,
            "type": self.type,
            "sort": self.sort,
            "changed": self.changed,
            "since": self.since,
        }
        return {**given, "post": self.post, "elements": self.elements}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Dialect:
        """Read back what `to_json` wrote."""
        return cls(**data)

    def asking_since(self, changed: str, day: str, *, record: bool) -> Dialect:
        """Return the same dialect for what has changed since a day.

        Args:
            changed: The property that says when.
            day: The day.
            record: Whether the property is one of `csw:Record`, whatever comes back.
        """
        type = record_type(self.version) if record else self.type
        sort = ("dc:identifier" if record else self.sort) if self.sort else ""
        return replace(self, changed=changed, since=day, type=type, sort=sort)


@dataclass(frozen=True, slots=True)
class Ask:
    """The request for one page."""

    dialect: Dialect
    start: int
    """The first record, counted from 1."""
    size: int

    @property
    def url(self) -> str:
        """The address of the request, with its parameters where it is a GET."""
        return self.dialect.url if self.dialect.post else with_query(self.dialect.url, self._parameters())

    def _parameters(self) -> dict[str, str]:
        asked = self.dialect
        given = {
            "service": "CSW",
            "version": asked.version,
            "request": "GetRecords",
            "typeNames": asked.type,
            "outputSchema": asked.schema,
            "elementSetName": asked.elements,
            "resultType": "results",
            "startPosition": str(self.start),
            "maxRecords": str(self.size),
        }
        if asked.sort:
            given["sortBy"] = f"{asked.sort}:A"
        if asked.changed:
            given["constraintLanguage"] = "CQL_TEXT"
            given["constraint_language_version"] = "1.1.0"
            given["constraint"] = f"{asked.changed} >= '{asked.since}'"
        return given

    def body(self) -> bytes:
        """Return the document of the request, where it is a POST."""
        asked, old = self.dialect, self.dialect.version.startswith("2")
        csw, ogc = (RECORD_2, "http://www.opengis.net/ogc") if old else (RECORD_3, "http://www.opengis.net/fes/2.0")
        spaces = {"csw": csw, "ogc": ogc, **_NAMESPACES}
        spaces["mdb"] = asked.schema if "mdb" in asked.schema else MDB
        declared = " ".join(f"xmlns:{prefix}={quoteattr(uri)}" for prefix, uri in spaces.items())
        property_tag = "ogc:PropertyName" if old else "ogc:ValueReference"
        constraint = sort = ""
        if asked.changed:
            compared = (
                f"<ogc:PropertyIsGreaterThanOrEqualTo><{property_tag}>{escape(asked.changed)}</{property_tag}>"
                f"<ogc:Literal>{escape(asked.since)}</ogc:Literal></ogc:PropertyIsGreaterThanOrEqualTo>"
            )
            filter_version = "1.1.0" if old else "2.0.0"
            constraint = (
                f'<csw:Constraint version="{filter_version}"><ogc:Filter>{compared}</ogc:Filter></csw:Constraint>'
            )
        if asked.sort:
            sort = (
                f"<ogc:SortBy><ogc:SortProperty><{property_tag}>{escape(asked.sort)}</{property_tag}>"
                "<ogc:SortOrder>ASC</ogc:SortOrder></ogc:SortProperty></ogc:SortBy>"
            )
        return (
            f'<?xml version="1.0" encoding="UTF-8"?><csw:GetRecords {declared} service="CSW" version="{asked.version}" '
            f'resultType="results" outputSchema={quoteattr(asked.schema)} outputFormat="application/xml" '
            f'startPosition="{self.start}" maxRecords="{self.size}"><csw:Query typeNames={quoteattr(asked.type)}>'
            f"<csw:ElementSetName>{asked.elements}</csw:ElementSetName>{constraint}{sort}</csw:Query></csw:GetRecords>"
        ).encode()


@dataclass(frozen=True, slots=True)
class Results:
    """What a page holds."""

    elements: tuple[Element, ...]
    matched: int | None
    """How many records there are, as the service says."""
    following: int | None
    """What the service says that the next page begins with; None where it does not say, 0 for no next page."""
    clock: int | None
    """What time it is there."""


def read(content: bytes, url: str) -> Results:
    """Return what an answer holds.

    Raises:
        SourceUnavailableError: It is an exception of the service (`query`), or no such page (`unexpected_content`).
    """
    try:
        page = xml_page.cut(content, _RESULTS)
    except RecordError as error:
        raise fault(content, url, error) from error
    broken = next((each for each in page.elements if each.name in _FAULTS), None)
    if broken is not None:
        raise SourceUnavailableError(f"{redact(url)[:300]}: {said(broken.body)}", detail="query")
    given = page.attributes
    clock = page.before.get("SearchStatus", {}).get("timestamp", "")
    return Results(
        page.elements, _count(given.get("numberOfRecordsMatched")), _count(given.get("nextRecord")), _moment(clock)
    )


def fault(content: bytes, url: str, error: Exception) -> SourceUnavailableError:
    """Return the error that an answer without a page is: what the service says, else what it is not."""
    shown = redact(url)[:300]
    if told := said(content):
        return SourceUnavailableError(f"{shown}: {told}", detail="query")
    # What is no page and no exception is not asked for in smaller pieces: it would not become one.
    detail = "unexpected_content" if getattr(error, "code", "") in ("no-page", "dtd") else "cut"
    return SourceUnavailableError(f"{shown}: {error}", detail=detail)


def said(content: bytes) -> str:
    """Return what a service's exception says; empty where the answer is none."""
    try:
        root = xml.parse(content, most_tags=10_000)
    except RecordError:
        return ""
    if tree.name(root) not in _FAULTS:
        return ""
    texts = [" ".join((each.text or "").split()) for each in root.iter("{*}ExceptionText", "{*}ServiceException")]
    codes = [str(code) for each in root.iter("{*}Exception") if (code := each.get("exceptionCode"))]
    return f"the service answers with an exception: {'; '.join(filter(None, (*codes, *texts)))[:500] or 'no reason'}"


def record_type(version: str) -> str:
    """Return what the common type of record is called in a version."""
    return "csw:Record" if version.startswith("2") else "csw30:Record"


def types(schema: str, version: str) -> tuple[str, ...]:
    """Return the types of record by which a schema can be asked for, best first."""
    return tuple(dict.fromkeys((*((_TYPES[schema],) if schema in _TYPES else ()), record_type(version), "csw:Record")))


def with_query(url: str, parameters: Mapping[str, str]) -> str:
    """Return a URL with more parameters behind its own."""
    joint = "" if url.endswith(("?", "&")) else "&" if "?" in url else "?"
    return f"{url}{joint}{urlencode(parameters)}"


def _count(text: str | None) -> int | None:
    if text is None or not text.strip().isdecimal():
        return None
    return min(int(text[:20]), _MOST)


def _moment(text: str) -> int | None:
    try:
        return instant(text)
    except ValueError:
        return None
