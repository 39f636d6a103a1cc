"""The ways to open a record: the page with the choices, the same as JSON, and the short form on the record's page."""

from __future__ import annotations

from html import escape
from typing import Any, Final

from discovery.launch.locating import Reason
from discovery.launch.matching import DATASET, FORMAT, HOLDS, MISSION, NOTEBOOK, PATH, WORKS, Holding, Match
from discovery.launch.opening import Opening
from discovery.launch.resolver import VOLUME, WEB, File
from discovery.model.datalab import Datalab
from ui import links, text, wording
from ui.contexts import Anchor, Choice, OpenContext, OpenFile, Site, Ways
from ui.sources import Sources

SHOWN: Final = 6
"""Volumes and datalabs that a record's own page names."""
_HOLDS: Final = {
    PATH: "holds files of this record",
    HOLDS: "holds it",
    MISSION: "holds data of this mission",
    WORKS: "is what this datalab works on",
}
_OPENS: Final = {
    DATASET: "made for these data",
    MISSION: "made for this mission",
    FORMAT: "opens this format",
    NOTEBOOK: "runs notebooks",
}


def ways(found: Opening, reason: Reason | None = None, *, runs: bool = False) -> Ways:
    """Return what the page of a record says of opening it, and why it cannot be opened where it cannot.

    Args:
        found: The ways to open it.
        reason: Why there is none.
        runs: Whether servers are started anywhere, so that a datalab is launched from its own page.
    """
    left = max(0, len(found.volumes) - SHOWN) + max(0, len(found.datalabs) - SHOWN)
    return Ways(
        url=links.opening(found.record.id) if found.is_openable else "",
        volumes=tuple(Anchor(e.title, e.url, e.reason) for e in map(_volume, found.volumes[:SHOWN])),
        datalabs=tuple(Anchor(e.title, e.url, e.reason) for e in map(_datalab, found.datalabs[:SHOWN])),
        more=left,
        reason=reason.sentence if reason else "",
        instead=reason.instead if reason else "",
        launch=_launch(found) if runs else "",
    )


def _launch(found: Opening) -> str:
    """Return where a datalab in which notebooks run is launched by itself; empty for every other record."""
    id = found.record.id
    starts = found.record.kind == "datalab" and Datalab.from_record(found.record).runs_notebooks
    return links.launch([("id", id), ("datalab", id)]) if starts else ""


def open_page(found: Opening, site: Site, sources: Sources, base: str) -> OpenContext:
    """Return what the page with the choices shows; `base` is the portal's own address."""
    record = found.record
    titles = {each.volume.id: each.volume.title for each in found.volumes}
    return OpenContext(
        site=site,
        id=record.id,
        title=record.title or record.source_id,
        kind_label=wording.kind(record.kind),
        example=sources.marker(record),
        record=links.record(record.id),
        notebook=links.notebook(record.id),
        form=links.NOTEBOOK,
        command=f"discovery open {record.id}",
        launch=links.LAUNCH,
        button=button(record.id, base, site.title),
        mount_path=found.mount_path,
        is_openable=found.is_openable,
        files=tuple(_file(each, titles) for each in found.files),
        volumes=tuple(map(_volume, found.volumes)),
        datalabs=tuple(map(_datalab, found.datalabs)),
    )


def button(id: str, base: str, title: str) -> str:
    """Return the HTML of a link to the ways to open a record, for the pages of archives."""
    return f'<a href="{escape(base)}{escape(links.opening(id))}">Open in {escape(title)}</a>'


def open_json(found: Opening) -> dict[str, Any]:
    """Return the ways to open a record as JSON values, with their addresses on this portal."""
    out = found.to_dict() | {"url": links.record(found.record.id), "notebook": links.notebook(found.record.id)}
    for each in out["files"]:
        each["notebook"] = links.notebook(found.record.id, file=each["key"])
    for each in (*out["volumes"], *out["datalabs"]):
        each["url"] = links.record(each["id"])
    return out


def _file(file: File, titles: dict[str, str]) -> OpenFile:
    web = next((each.address for each in file.places if each.kind == WEB), "")
    paths = []
    for each in file.places:
        if each.kind != WEB:
            where = (
                titles.get(each.volume, "a folder that no volume here has") if each.kind == VOLUME else "object store"
            )
            url = links.record(each.volume) if each.volume in titles else ""
            paths.append(Anchor(text.shown(each.address, 200), url, where[:200]))
    return OpenFile(
        key=file.key,
        title=(file.title or file.name)[:200],
        format=file.label,
        size=wording.size(file.size),
        url=text.web(web),
        paths=tuple(paths),
    )


def _volume(each: Holding) -> Choice:
    volume = each.volume
    return Choice(volume.id, volume.title[:200], links.record(volume.id), _HOLDS[each.reason])


def _datalab(each: Match) -> Choice:
    datalab = each.datalab
    return Choice(
        datalab.id, datalab.title[:200], links.record(datalab.id), _OPENS[each.reason], start=text.web(datalab.url)
    )
