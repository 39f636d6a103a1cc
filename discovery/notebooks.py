"""The notebook of a selection: which records it opens, how they are cited, and how they are found again."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from discovery import selection
from discovery.documents import citation
from discovery.documents.site import Site
from discovery.errors import NotFoundError
from discovery.http.redaction import has_credentials, is_signed
from discovery.launch import notebook
from discovery.launch.notebook import Choice, Notebook, Told
from discovery.model.record import Record
from discovery.model.stac import COLLECTION_KINDS
from discovery.portal import Portal
from discovery.selection import Selection
from discovery.store.catalogue import Stored

MAX_RECORDS: Final = 500
"""Records that one notebook opens; it says how many are left out."""
MAX_NAMED: Final = 200
"""Records that are asked for by their ids in a STAC API or an archive."""
_TABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,60}(?:\.[A-Za-z_][A-Za-z0-9_]{0,60}){0,2}")
_OBSCORE: Final = "obscore"


def for_selection(
    portal: Portal,
    picked: Selection,
    site: Site,
    *,
    title: str = "",
    page: str = "",
    choice: Choice | None = None,
) -> Notebook:
    """Return the notebook that opens the records of a selection.

    Args:
        portal: Where they are.
        picked: Which ones.
        site: The portal as its documents name it.
        title: What somebody called the selection.
        page: Its permanent address; empty for the one that says what is in it.
        choice: What was chosen among the ways to open it.

    Raises:
        UnknownFieldError: A file, volume or datalab was chosen that is not among the ways.
        UnavailableError: The engine does not answer, and the selection is a question.
    """
    chosen = selection.first(portal, picked, MAX_RECORDS)
    found = list(selection.stored(portal, chosen.keys))
    said = [str(each) for each in chosen.lost]
    if len(found) < chosen.total.value:
        said.append(f"{chosen.total.value:,} records match, and the first {len(found):,} of them are opened here")
    told = Told(
        title=title,
        # A single record is best named by its own page.
        page=page or ("" if len(found) == 1 and not said else f"{site.url}{picked.address()}"),
        again=f"{site.url}{picked.address(f='ndjson')}",
        said=tuple(said),
        citations={each.record.id: citation.text(citation.cite(each.record, site)) for each in found},
        stac=_stac(portal, found, site),
        tap=_tap(portal, found),
    )
    openings = [portal.opening_of(each.record) for each in found]
    return notebook.build_for(openings, site=site.url, choice=choice, told=told)


def _stac(portal: Portal, found: Sequence[Stored], site: Site) -> Mapping[str, Any] | None:
    """Return the search of our STAC API that finds the same; None where something is no item of a collection there."""
    if not found or len(found) > MAX_NAMED or any(each.record.kind != "observation" for each in found):
        return None
    keys = portal.store.catalogue.keys({each.record.dataset for each in found if each.record.dataset})
    parents = portal.stored(list(keys.values()))
    names = {each.record.id: each.stac_id for each in parents.values() if each.record.kind in COLLECTION_KINDS}
    if any(each.record.dataset not in names for each in found):
        return None
    collections = sorted({names[each.record.dataset] for each in found})
    return {"url": f"{site.url}/stac", "search": {"collections": collections, "ids": [each.stac_id for each in found]}}


def _tap(portal: Portal, found: Sequence[Stored]) -> Mapping[str, Any] | None:
    """Return where the archive's own table of observations is, if all records are rows of one."""
    places = {(each.record.source, each.record.container) for each in found}
    if len(places) != 1 or len(found) > MAX_NAMED:
        return None
    ((source, table),) = places
    if not _TABLE.fullmatch(table) or _OBSCORE not in table.lower():
        return None
    try:
        known = portal.store.ledger.source(source)
    except NotFoundError:
        return None
    if known.kind != "tap" or has_credentials(known.url) or is_signed(known.url):
        return None
    return {"url": known.url, "table": table, "ids": [_did(each.record) for each in found]}


def _did(record: Record) -> str:
    """Return what ObsCore calls a row: its own name where the record is called otherwise."""
    return next((each for each in record.external_ids if each.startswith("ivo://")), record.source_id)
