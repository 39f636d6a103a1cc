"""From what an archive's page knows of a dataset, an IVOID, a DOI, an address or its own name, to our records of it.

What is given is compared and never followed: it leads nowhere but to records of this catalogue.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final
from urllib.parse import unquote, urlsplit

from discovery.errors import BadQueryError, LimitError
from discovery.model.record import OBSERVATIONS, RESOURCES, Record
from discovery.portal import Portal
from discovery.query.query import Comparison, Query
from discovery.query.text import identifier

IVOID: Final = "ivoid"
URL: Final = "url"
DOI: Final = "doi"
COLLECTION: Final = "collection"
HOW: Final = (IVOID, DOI, URL, COLLECTION)
"""The parameters of `/open` that point at something; exactly one is given."""
MAX_GIVEN: Final = 900
"""Characters; a search takes some more, and no identifier comes near it."""
MAX_FOUND: Final = 20
_LOOKED_AT: Final = 60
_BEGINS: Final = {IVOID: ("ivo://",), URL: ("https://", "http://", "s3://", "ftp://"), DOI: ("10.", "doi:", "https://")}


def given(parameters: Iterable[tuple[str, str]]) -> tuple[str, str] | None:
    """Return which way something is pointed at, and by what; None where it is not.

    Raises:
        BadQueryError: By several ways, or by something that cannot be what it is said to be.
    """
    found = [(name, value.strip()) for name, value in parameters if name in HOW]
    if not found:
        return None
    if len(found) > 1:
        raise BadQueryError(f"give one of {', '.join(HOW)}, not several", parameter=found[1][0])
    how, value = found[0]
    if not 0 < len(value) <= MAX_GIVEN or not value.isprintable():
        raise BadQueryError(f"{how} is one line of 1 to {MAX_GIVEN} characters", parameter=how)
    begins = _BEGINS.get(how, ())
    if begins and not value.lower().startswith(begins):
        raise BadQueryError(f"{how} begins with {' or '.join(begins)}", parameter=how)
    return how, value


def pointed(portal: Portal, how: str, value: str) -> tuple[Record, ...]:
    """Return the records that have a name or an address, resources first; empty where nobody here knows it.

    Args:
        portal: What is asked.
        how: One of `HOW`.
        value: What `given` has returned with it.
    """
    wanted = identifier(value)
    found: dict[str, Record] = {}
    for scope in (RESOURCES, OBSERVATIONS):
        for query in _queries(how, value, scope):
            try:
                page = portal.search(query)
            except LimitError:
                continue  # An address of very many words is found whole or not at all.
            for each in page.records:
                if wanted in _names(each.record, how):
                    found.setdefault(each.record.id, each.record)
    return tuple(found.values())[:MAX_FOUND]


def _queries(how: str, value: str, scope: str) -> Iterable[Query]:
    """Yield the questions that find it: by its whole name, and by the words of it where files have no name here."""
    for name in ("source_id", "external_id", *(("doi",) if how == DOI else ())):
        yield Query(scope=scope, filter=Comparison("=", name, value), size=_LOOKED_AT)
    # A piece without spaces is looked for as an identifier, and first of all.
    if not any(map(str.isspace, value)) and value[:1] not in '-"':
        yield Query(scope=scope, text=value, size=_LOOKED_AT)
    if how == URL and scope == OBSERVATIONS and (stem := _stem(value)):
        yield Query(scope=scope, text=f'"{stem}"', size=_LOOKED_AT)


def _stem(url: str) -> str:
    """Return the name of a file without what follows its first dot, as observations are often called."""
    try:
        path = urlsplit(url).path
    except ValueError:
        return ""
    return unquote(path.rstrip("/").rpartition("/")[2]).partition(".")[0].replace('"', " ").strip()


def _names(record: Record, how: str) -> set[str]:
    """Return all that a record is called, as it is compared."""
    names = [record.source_id, *record.external_ids]
    if how in (DOI, URL):
        names.append(record.doi)
    if how in (URL, IVOID):
        names += [each.href for each in record.assets]
        names += [address for each in record.assets for address in each.alternates]
        names += [each.href for each in record.links]
    return {identifier(each) for each in names if each}
