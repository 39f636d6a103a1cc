"""What a notebook says of its records beside how they are opened: how they are cited, and how they are found again."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlencode

from discovery.documents import citation
from discovery.documents.site import Site
from discovery.errors import NotFoundError
from discovery.http.redaction import has_credentials, is_signed
from discovery.launch.notebook import Told
from discovery.model.record import Record
from discovery.model.stac import COLLECTION_KINDS
from discovery.store.store import Store

MAX_NAMED: Final = 200
"""Records that are asked for by their ids in a STAC API or an archive."""
PAGE: Final = "/selection"
"""Where the portal shows records by their ids, and gives them as lines of JSON."""
_TABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,60}(?:\.[A-Za-z_][A-Za-z0-9_]{0,60}){0,2}")
_OBSCORE: Final = "obscore"


def told(
    store: Store,
    found: Sequence[Record],
    site: Site,
    *,
    title: str = "",
    page: str = "",
    again: str = "",
    said: Sequence[str] = (),
) -> Told:
    """Return what is said of some records.

    Args:
        store: Where they are.
        found: The records.
        site: The portal as its documents name it.
        title: What somebody called them together.
        page: Their permanent address; empty for the one that names them by their ids.
        again: Where the portal gives them as lines of JSON; empty for the one by their ids.
        said: What the reader should know of them.
    """
    ids = [("id", each.id) for each in found]
    # A single record is best named by its own page.
    by_ids = f"{site.url}{PAGE}?{urlencode(ids)}" if len(found) > 1 else ""
    return Told(
        title=title,
        page=page or by_ids,
        again=again or f"{site.url}{PAGE}?{urlencode([*ids, ('f', 'ndjson')])}",
        said=tuple(said),
        citations={each.id: citation.text(citation.cite(each, site)) for each in found},
        stac=_stac(store, found, site),
        tap=_tap(store, found),
    )


def _stac(store: Store, found: Sequence[Record], site: Site) -> Mapping[str, Any] | None:
    """Return the search of our STAC API that finds the same; None where something is no item of a collection there."""
    if not found or len(found) > MAX_NAMED or any(each.kind != "observation" for each in found):
        return None
    catalogue = store.catalogue
    keys = catalogue.keys({each.id for each in found} | {each.dataset for each in found if each.dataset})
    stored = catalogue.many(list(keys.values()))
    names = {each.record.id: each.stac_id for each in stored.values()}
    parents = {each.record.id for each in stored.values() if each.record.kind in COLLECTION_KINDS}
    if any(each.dataset not in parents or each.id not in names for each in found):
        return None
    collections = sorted({names[each.dataset] for each in found})
    return {
        "url": f"{site.url}/stac",
        "search": {"collections": collections, "ids": [names[each.id] for each in found]},
    }


def _tap(store: Store, found: Sequence[Record]) -> Mapping[str, Any] | None:
    """Return where the archive's own table of observations is, if all records are rows of one."""
    places = {(each.source, each.container) for each in found}
    if len(places) != 1 or len(found) > MAX_NAMED:
        return None
    ((source, table),) = places
    if not _TABLE.fullmatch(table) or _OBSCORE not in table.lower():
        return None
    try:
        known = store.ledger.source(source)
    except NotFoundError:
        return None
    if known.kind != "tap" or has_credentials(known.url) or is_signed(known.url):
        return None
    return {"url": known.url, "table": table, "ids": [_did(each) for each in found]}


def _did(record: Record) -> str:
    """Return what ObsCore calls a row: its own name where the record is called otherwise."""
    return next((each for each in record.external_ids if each.startswith("ivo://")), record.source_id)
