"""RegTAP: a registry of the Virtual Observatory is asked which TAP services have tables that we can harvest."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import urlsplit

from discovery.errors import BadQueryError, RecordError, SourceUnavailableError
from discovery.http import Client, has_credentials
from discovery.model.source import Source
from harvesters import votable
from harvesters.document import clean
from harvesters.tap_service import Service

OBSCORE: Final = "obscore"
EPNTAP: Final = "epntap"
STANDARDS: Final = (OBSCORE, EPNTAP)
DEFAULT: Final = "http://reg.g-vo.org/tap"
"""GAVO's registry, which pyvo asks too when nothing is said."""
MOST: Final = 10_000
"""Rows that one question to a registry may bring."""
MAX_WORDS: Final = 10
_KINDS: Final = {OBSCORE: "tap", EPNTAP: "epntap"}
_TABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*){0,2}")
_TAP: Final = re.compile(r"ivo://ivoa\.net/std/tap(#aux)?", re.IGNORECASE)
_UNFIT: Final = re.compile(r"[^a-z0-9]+")

# What a registry knows is joined by the columns that its tables share, as RegTAP means them to be.
_SELECT: Final = (
    "SELECT ivoid, short_name, res_title, res_description, reference_url, updated, standard_id, intf_role, "
    "access_url{more} FROM rr.resource NATURAL JOIN rr.capability NATURAL JOIN rr.interface{join} "
    "WHERE standard_id LIKE 'ivo://ivoa.net/std/tap%' AND {condition}"
)
_DECLARED: Final = (
    "ivoid IN (SELECT ivoid FROM rr.res_detail WHERE detail_xpath = '/capability/dataModel/@ivo-id' "
    "AND 1 = ivo_nocasematch(detail_value, 'ivo://ivoa.net/std/obscore%'))"
)
_EPNCORE: Final = "(table_utype LIKE 'ivo://vopdc.obspm/std/epncore#schema-2.%' OR table_utype LIKE 'ivo://ivoa.net/std/epntap#table-2.%')"


@dataclass(frozen=True, slots=True)
class Found:
    """A table of a TAP service that a registry knows of."""

    standard: str
    """`obscore` or `epntap`."""
    url: str
    table: str
    ivoid: str = ""
    """What the registry calls the service, or the resource that it serves."""
    name: str = ""
    title: str = ""
    description: str = ""
    page: str = ""
    updated: str = ""

    def source(self, taken: Iterable[str] = ()) -> Source:
        """Return it as a source that nobody harvests until it is enabled, under an id that is not taken."""
        own = self.table.rpartition(".")[0] if self.standard == EPNTAP else ""
        bare = _UNFIT.sub("-", (own or self.name or self.ivoid.removeprefix("ivo://")).lower()).strip("-")[:56]
        id, number, used = bare or "tap", 1, set(taken)
        while id in used:
            number += 1
            id = f"{bare}-{number}"
        settings = {"domain": "space-science", "table": self.table}
        return Source(id, _KINDS[self.standard], self.url, self.title or self.name or id, settings, enabled=False)

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "standard": self.standard,
            "url": self.url,
            "table": self.table,
            "ivoid": self.ivoid,
            "name": self.name,
            "title": self.title,
            "description": self.description,
            "page": self.page or None,
            "updated": self.updated or None,
        }


@dataclass(frozen=True, slots=True)
class Answer:
    """What a registry says to one question."""

    found: tuple[Found, ...]
    notes: tuple[str, ...] = ()
    """What keeps it from being all."""


def discover(
    client: Client, registry: str = DEFAULT, standards: Sequence[str] = STANDARDS, words: Sequence[str] = ()
) -> Answer:
    """Return the tables of ObsCore and EPN-TAP that a registry knows, by service and name.

    Args:
        client: The way to the registry.
        registry: What its /sync stands below.
        standards: Which of `STANDARDS` are looked for.
        words: Each must be in the title, the description or the short name of the service.

    Raises:
        BadQueryError: A standard is not one of those, or there are too many words.
        SourceUnavailableError: The registry does not answer, or not as RegTAP should.
    """
    if unknown := [each for each in standards if each not in STANDARDS]:
        message = f"standard {unknown[0][:40]!r} is not one of {', '.join(STANDARDS)}"
        raise BadQueryError(message, parameter="standard")
    if len(words) > MAX_WORDS:
        raise BadQueryError(f"{len(words)} words; at most {MAX_WORDS} are asked for", parameter="words")
    service = Service(client, registry)
    found: dict[tuple[str, str], Found] = {}
    notes: list[str] = []
    for standard in dict.fromkeys(standards):
        table = _ask(service, query(standard, words))
        if table.status == votable.OVERFLOW or table.full:
            notes.append(f"the registry knows more tables of {standard} than it gives at once; ask with words")
        for each in services(standard, table.rows):
            found.setdefault((each.url.lower(), each.table.lower()), each)
    return Answer(tuple(sorted(found.values(), key=lambda each: (each.url, each.table))), tuple(notes))


def query(standard: str, words: Sequence[str] = ()) -> str:
    """Return the ADQL that asks a registry for the tables of a standard."""
    conditions = [_EPNCORE if standard == EPNTAP else _DECLARED, *(_word(each) for each in words if each.strip())]
    tables = standard == EPNTAP
    return _SELECT.format(
        more=", table_name" if tables else "",
        join=" NATURAL JOIN rr.res_table" if tables else "",
        condition=" AND ".join(conditions),
    )


def services(standard: str, rows: Iterable[Mapping[str, str]]) -> list[Found]:
    """Return the tables that rows of a registry name, each service once; what no harvester could ask is left out."""
    found: dict[tuple[str, str], Found] = {}
    for row in rows:
        cells = {name: clean(value)[:4_000] for name, value in row.items()}
        url = _address(cells.get("access_url", ""))
        table = cells.get("table_name", "") if standard == EPNTAP else "ivoa.ObsCore"
        asked = _TAP.fullmatch(cells.get("standard_id", "")) and cells.get("intf_role", "").lower() in ("std", "")
        if not (url and asked and _TABLE.fullmatch(table)):
            continue
        each = Found(
            standard,
            url,
            table,
            cells.get("ivoid", ""),
            cells.get("short_name", ""),
            cells.get("res_title", "")[:1000],
            cells.get("res_description", ""),
            cells.get("reference_url", ""),
            cells.get("updated", ""),
        )
        known = found.setdefault((_same(url), table.lower()), each)
        # A service that is there with and without encryption is one; its own record says more than that of a part.
        if url.startswith("https:") and not known.url.startswith("https:"):
            found[_same(url), table.lower()] = replace(known, url=url)
    return list(found.values())


def _ask(service: Service, question: str) -> votable.Table:
    try:
        return service.ask(question, MOST)
    except RecordError as error:
        raise SourceUnavailableError(
            f"{service.url}: the registry cannot be read: {error}", detail="protocol"
        ) from error


def _word(word: str) -> str:
    """Return the condition that a word is somewhere in what a registry says of a resource."""
    plain = "".join(each for each in word if each.isprintable()).replace("'", "''")[:100]
    return (
        f"(1 = ivo_hasword(res_title, '{plain}') OR 1 = ivo_hasword(res_description, '{plain}') "
        f"OR 1 = ivo_nocasematch(short_name, '%{plain}%'))"
    )


def _address(url: str) -> str:
    """Return the address of a TAP service as a source has it; empty for one that none can have."""
    url = url.strip().rstrip("?/").removesuffix("/sync")
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and not parts.query
    except ValueError:
        return ""
    return url if usable and not has_credentials(url) else ""


def _same(url: str) -> str:
    return url.partition("://")[2].lower()
