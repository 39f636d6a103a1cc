"""Notebooks of records and of selections: what is opened, how it is cited, and how it is found again."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from discovery import selection, telling
from discovery.documents.site import Site
from discovery.launch import folder, notebook
from discovery.launch.folder import Named
from discovery.launch.notebook import Choice, Notebook
from discovery.launch.opening import Opening
from discovery.portal import Portal
from discovery.selection import Selection

MAX_RECORDS: Final = 500
"""Records that one notebook opens; it says how many are left out."""


def for_records(portal: Portal, openings: Sequence[Opening], site: Site, *, choice: Choice | None = None) -> Notebook:
    """Return the notebook that opens one record or several.

    Args:
        portal: Where they are.
        openings: The ways to open each of them.
        site: The portal as its documents name it.
        choice: What was chosen among the ways; a file among those of the first record.

    Raises:
        UnknownFieldError: A file, volume or datalab was chosen that is not among the ways.
    """
    told = telling.told(portal.store, [each.record for each in openings], site)
    made = notebook.build_for(openings, site=site.url, choice=choice, told=told)
    if len(openings) == 1:
        return made
    # One of other records has the same words, and must not be taken for this one where both are kept.
    ids = " ".join(each.record.id for each in openings)
    own = hashlib.sha256(ids.encode()).hexdigest()[:6]
    return replace(made, name=f"{made.name.removesuffix('.ipynb')}-{own}.ipynb")


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
    told = telling.told(
        portal.store,
        [each.record for each in found],
        site,
        title=title,
        page=page or ("" if len(found) == 1 and not said else f"{site.url}{picked.address()}"),
        again=f"{site.url}{picked.address(f='ndjson')}",
        said=said,
    )
    openings = [portal.opening_of(each.record) for each in found]
    return notebook.build_for(openings, site=site.url, choice=choice, told=told)


def manifest_of(portal: Portal, picked: Selection, named: Named) -> dict[str, Any]:
    """Return the files of a selection with all their places, as its folder has them, as JSON values.

    Args:
        portal: Where its records are.
        picked: Which ones; of a question the first 500.
        named: What somebody called it.

    Raises:
        UnavailableError: The engine does not answer, and the selection is a question.
    """
    chosen = selection.first(portal, picked, MAX_RECORDS)
    found = [portal.opening_of(each.record) for each in selection.stored(portal, chosen.keys)]
    return folder.manifest(named, found, total=chosen.total.value)
