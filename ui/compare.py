"""Up to four records beside each other, field by field, with what differs between them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

from discovery.documents import places
from discovery.model.record import Record
from discovery.selection import Lost
from ui import links, text, wording
from ui.contexts import Anchor, Site
from ui.record import facts
from ui.sources import Sources

PATH: Final = "/compare"
MOST: Final = 4
"""Records that stand beside each other."""
ONLY: Final = "only"
"""The parameter that leaves out what is the same in all of them."""
DIFFERENT: Final = "different"
_EXCERPT: Final = 400


@dataclass(frozen=True, slots=True)
class Column:
    """One record that is compared."""

    title: str
    url: str
    kind: str
    kind_label: str
    without: str
    """URL of the comparison less this record."""


@dataclass(frozen=True, slots=True)
class Row:
    """One field of all records."""

    label: str
    cells: tuple[tuple[Anchor, ...], ...]
    differs: bool


@dataclass(frozen=True, slots=True)
class CompareContext:
    """Records beside each other."""

    site: Site
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    differing: int
    lost: tuple[Anchor, ...]
    only: bool
    """Whether what is the same is left out."""
    other: str
    """URL of the same with it, or without."""
    selection: str
    """URL of the selection of these records."""


def address(ids: Iterable[str], *, only: bool = False) -> str:
    """Return the URL of a comparison."""
    pairs = [("id", each) for each in ids] + ([(ONLY, DIFFERENT)] if only else [])
    return f"{PATH}?{urlencode(pairs)}" if pairs else PATH


def compare_page(
    records: Sequence[Record], lost: Sequence[Lost], site: Site, sources: Sources, *, only: bool
) -> CompareContext:
    """Return what the page shows of some records.

    Args:
        records: At most four.
        lost: Records that are not there under their ids.
        site: What stands around the page.
        sources: The sources of the records.
        only: Whether what is the same in all of them is left out.
    """
    ids = [each.id for each in records]
    rows = _rows([_facts(each, sources) for each in records])
    return CompareContext(
        site=site,
        columns=tuple(
            Column(
                (each.title or each.source_id)[:200],
                links.record(each.id),
                each.kind,
                wording.kind(each.kind),
                address((id for id in ids if id != each.id), only=only),
            )
            for each in records
        ),
        rows=tuple(each for each in rows if each.differs or not only),
        differing=sum(each.differs for each in rows),
        lost=tuple(Anchor(str(each), links.record(each.into) if each.into else "") for each in lost),
        only=only,
        other=address(ids, only=not only),
        selection=f"/selection?{urlencode([('id', each) for each in ids])}",
    )


def compare_json(context: CompareContext) -> dict[str, Any]:
    """Return a comparison as JSON values."""
    return {
        "records": [{"title": each.title, "url": each.url, "kind": each.kind} for each in context.columns],
        "fields": [
            {
                "label": each.label,
                "differs": each.differs,
                "values": [[anchor.text for anchor in cell] for cell in each.cells],
            }
            for each in context.rows
        ],
        "lost": [each.text for each in context.lost],
    }


def _facts(record: Record, sources: Sources) -> dict[str, tuple[Anchor, ...]]:
    found: dict[str, tuple[Anchor, ...]] = {"Type": (Anchor(wording.kind(record.kind)),)}
    if time := wording.period(record.extent):
        found["Time"] = (Anchor(time),)
    if (box := places.box(record.extent)) is not None:
        west, south, east, north = map(places.degrees, box)
        where = f"{wording.value('frame', record.extent.frame)}: {west} to {east} by {south} to {north} deg"
        found["Where"] = (Anchor(where),)
    found |= {each.label: each.values for each in facts(record)}
    if record.assets:
        sizes = sum(each.size for each in record.assets if each.size is not None)
        said = f"{wording.plural(len(record.assets), 'file')}{f', {wording.size(sizes)}' if sizes else ''}"
        found["Files"] = (Anchor(said),)
    if text.doi(record.doi):
        found["DOI"] = (Anchor(record.doi, text.doi(record.doi)),)
    about = text.plain(record.description)
    if about:
        cut = f"{about[:_EXCERPT].rstrip()}…" if len(about) > _EXCERPT else about
        found["Description"] = (Anchor(cut),)
    found["Source"] = (Anchor(sources.title(record.source)),)
    return found


def _rows(found: Sequence[dict[str, tuple[Anchor, ...]]]) -> list[Row]:
    labels = dict.fromkeys(label for each in found for label in each)
    rows = []
    for label in labels:
        cells = tuple(each.get(label, ()) for each in found)
        said = {frozenset(anchor.text for anchor in cell) for cell in cells}
        rows.append(Row(label, cells, len(said) > 1))
    return rows
