"""From a selection to its pages: what is in it, where it can be opened, its files, its code, and who may see it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from discovery import launching, notebooks, selection
from discovery.documents.site import Site as Named
from discovery.exports import code, writing
from discovery.launch.matching import MISSION
from discovery.launch.opening import Opening
from discovery.model.creation import LINK, LISTED, PRIVATE, PUBLIC
from discovery.model.person import WRITE, Principal, Role
from discovery.model.record import OBSERVATIONS, Record
from discovery.portal import Portal
from discovery.query import form
from discovery.query.text import parse
from discovery.selection import Selection
from discovery.selections import PATH, Kept
from discovery.store.catalogue import Stored
from ui import compare, links, wording
from ui.contexts import Anchor, Card, Site
from ui.gate import key_of
from ui.listing import card
from ui.sources import Sources

SHOWN: Final = 100
"""Records of a selection that its page shows and looks into; a question may have more."""
NAMED: Final = 12
"""Volumes and datalabs that are named."""
NOTEBOOK: Final = "/notebook"
MANIFEST: Final = "/manifest"
VISIBLE: Final = {
    PRIVATE: "Only you",
    LISTED: "People you name",
    LINK: "Whoever has the link",
    PUBLIC: "Everybody",
}
_NEAR: Final = "holds data of the same mission"
_TOOLS: Final = {
    "python": "Python, without packages",
    "astropy": "Python with astropy",
    "pystac": "Python with pystac-client",
    "pyvo": "Python with pyvo, at the archive",
    "csv": "CSV by curl",
    "graphql": "GraphQL by curl",
    "json": "JSON by curl",
    "stac": "STAC by curl",
}


_EXPORTS: Final = tuple(writing.LABELS.items())
_TOO_MANY: Final = (
    f"A launch opens {launching.MAX_RECORDS} records, and there are more: narrow the search, or download the notebook, "
    f"which opens the first {notebooks.MAX_RECORDS}."
)


@dataclass(frozen=True, slots=True)
class Picked:
    """One record of a selection."""

    card: Card
    without: str
    """URL of the selection less this record; empty where it cannot be taken out by a link."""


@dataclass(frozen=True, slots=True)
class CodeView:
    """The selection as code."""

    title: str
    code: str
    note: str


@dataclass(frozen=True, slots=True)
class Target:
    """A kept selection that records can be added to."""

    action: str
    name: str
    version: int


@dataclass(frozen=True, slots=True)
class KeptView:
    """What is said of a selection that somebody keeps."""

    name: str
    action: str
    version: int
    own: bool
    """Whether whoever reads may change it."""
    visibility: str
    listed: str
    choices: tuple[tuple[str, str, bool], ...]
    when: str


@dataclass(frozen=True, slots=True)
class SelectionContext:
    """The page of a selection."""

    site: Site
    title: str
    total: str
    noun: str
    several: bool
    empty: bool
    search: str
    """URL of the search that finds it; empty for a list of records."""
    picked: tuple[Picked, ...]
    left: str
    """How many records are not shown, as a sentence; empty for none."""
    lost: tuple[Anchor, ...]
    size: str
    volumes: tuple[Anchor, ...]
    datalabs: tuple[Anchor, ...]
    opens_all: bool
    """Whether the datalabs open every record, or only some."""
    exports: tuple[Anchor, ...]
    codes: tuple[CodeView, ...]
    permanent: str
    notebook: str
    launch: str
    """Where it is launched; empty where there are too many records for one launch."""
    unlaunched: str
    """Why it cannot be launched, as a sentence; empty where it can."""
    compare: str
    way_in: str
    """Where to sign in; empty for who may keep it."""
    key: str
    keep: str
    """Where the form is sent that keeps it."""
    query: str
    """What the form sends: the address of the selection without its path."""
    targets: tuple[Target, ...]
    kept: KeptView | None


@dataclass(frozen=True, slots=True)
class KeptRow:
    """One kept selection in a list."""

    name: str
    url: str
    about: str
    when: str


@dataclass(frozen=True, slots=True)
class SelectionsContext:
    """What somebody keeps, and what others share."""

    site: Site
    mine: tuple[KeptRow, ...]
    shared: tuple[KeptRow, ...]


def selection_page(
    portal: Portal,
    picked: Selection,
    site: Site,
    named: Named,
    who: Principal,
    sources: Sources,
    *,
    kept: Kept | None = None,
    mine: Sequence[Kept] = (),
) -> SelectionContext:
    """Return what the page of a selection shows.

    Args:
        portal: Where its records are.
        picked: The selection.
        site: What stands around the page.
        named: The portal as files name it.
        who: Who reads it.
        sources: The sources of its records.
        kept: The kept selection that it is; None for one that is an address.
        mine: What whoever reads keeps already.
    """
    chosen = selection.first(portal, picked, SHOWN)
    found = list(selection.stored(portal, chosen.keys))
    openings = [portal.opening_of(each.record) for each in found]
    all_of_it = len(found) >= chosen.total.value
    fits = bool(found) and all_of_it and len(found) <= launching.MAX_RECORDS
    total = chosen.total.value
    ids = tuple(each.record.id for each in found)
    base = kept.path if kept else selection.PATH
    volumes = _volumes(openings)
    datalabs, opens_all = _datalabs(openings)
    writes = who.may(Role.USER, WRITE)
    return SelectionContext(
        site=site,
        title=kept.name if kept else "Selection",
        total=wording.count(chosen.total),
        noun=_noun(picked, total),
        several=total > 1,
        empty=not found,
        search=links.search(form.pairs(picked.query)) if picked.query else "",
        picked=tuple(_picked(each, picked, sources, kept) for each in found),
        left="" if all_of_it else f"The first {len(found)} are shown; size, volumes and datalabs are of these.",
        lost=tuple(Anchor(str(each), links.record(each.into) if each.into else "") for each in chosen.lost),
        size=_size([each.record for each in found]),
        volumes=volumes,
        datalabs=datalabs,
        opens_all=opens_all,
        exports=(
            *(Anchor(label, _more(base, picked, kept, f=each.value), each.value) for each, label in _EXPORTS),
            *((Anchor("Manifest: files with their places", f"{base}{MANIFEST}", "json"),) if kept else ()),
        ),
        codes=_codes(portal, picked, named, kept) if found else (),
        permanent=f"{named.url}{base if kept else picked.address()}",
        notebook=_more(f"{base}{NOTEBOOK}", picked, kept),
        launch=links.launch([("selection", kept.id)] if kept else [("id", each) for each in ids]) if fits else "",
        unlaunched="" if fits or not found else _TOO_MANY,
        compare=compare.address(ids) if all_of_it and 1 < len(ids) <= compare.MOST else "",
        way_in="" if writes else links.way_in(base if kept else picked.address()),
        key=key_of(who) if writes else "",
        keep=PATH,
        query=picked.address().partition("?")[2],
        targets=tuple(Target(each.path, each.name, each.creation.version) for each in mine if _takes(each, picked)),
        kept=_kept(kept, who) if kept else None,
    )


def selections_page(site: Site, mine: Iterable[Kept], shared: Iterable[Kept]) -> SelectionsContext:
    """Return what the page shows of somebody's selections."""
    return SelectionsContext(site, tuple(map(_row, mine)), tuple(map(_row, shared)))


def selection_json(portal: Portal, picked: Selection, named: Named, kept: Kept | None = None) -> dict[str, Any]:
    """Return a selection as JSON values: what it is, its first records, and where its files are."""
    chosen = selection.first(portal, picked, SHOWN)
    found = list(selection.stored(portal, chosen.keys))
    base = kept.path if kept else selection.PATH
    return {
        **picked.to_document(),
        "name": kept.name if kept else None,
        "version": kept.creation.version if kept else None,
        "visibility": kept.creation.visibility if kept else None,
        "total": {"value": chosen.total.value, "exact": chosen.total.exact},
        "records": [
            {
                "id": each.record.id,
                "title": each.record.title,
                "kind": each.record.kind,
                "url": links.record(each.record.id),
            }
            for each in found
        ],
        "lost": [{"id": each.id, "why": each.why, "into": each.into or None} for each in chosen.lost],
        "url": kept.path if kept else picked.address(),
        "page": f"{named.url}{kept.path if kept else picked.address()}",
        "notebook": _more(f"{base}{NOTEBOOK}", picked, kept),
        "exports": {each.value: _more(base, picked, kept, f=each.value) for each in writing.Format},
    }


def _codes(portal: Portal, picked: Selection, named: Named, kept: Kept | None) -> tuple[CodeView, ...]:
    made = code.of_selection(portal, picked, named.url)
    files = (CodeView("Python with fsspec, from the manifest", code.FSSPEC, ""),) if kept else ()
    return (*files, *(CodeView(_TOOLS.get(each.tool, each.tool), each.code, each.note) for each in made))


def _more(path: str, picked: Selection, kept: Kept | None, **more: str) -> str:
    """Return an address of a selection with more parameters; that of a kept one does not say what is in it."""
    return (Selection() if kept else picked).address(path, **more)


def _picked(each: Stored, picked: Selection, sources: Sources, kept: Kept | None) -> Picked:
    without = picked.without(each.record.id).address() if picked.query is None and kept is None else ""
    return Picked(card(each.record, parse(""), sources), without)


def _noun(picked: Selection, total: int) -> str:
    one, many = ("record", "records")
    if picked.query is not None:
        one, many = ("observation", "observations") if picked.query.scope == OBSERVATIONS else ("resource", "resources")
    return one if total == 1 else many


def _size(records: Sequence[Record]) -> str:
    """Return how large the files are, as far as their sources say."""
    sizes = [size for each in records if (size := _bytes(each))]
    if not sizes:
        return ""
    said = wording.size(sum(sizes))
    return said if len(sizes) == len(records) else f"{said} in {len(sizes)} of {len(records)}; the others do not say"


def _bytes(record: Record) -> int:
    files = sum(each.size for each in record.assets if each.size is not None)
    return max(files, int(record.numbers.get("size", 0)))


def _volumes(openings: Sequence[Opening]) -> tuple[Anchor, ...]:
    """Return the volumes that hold some of the records, those with the most first, and those of the same mission."""
    held: Counter[str] = Counter()
    titles: dict[str, str] = {}
    for each in openings:
        for holding in each.volumes:
            held[holding.volume.id] += holding.reason != MISSION
            titles[holding.volume.id] = holding.volume.title
    return tuple(
        Anchor(titles[id][:200], links.record(id), _of(number, len(openings), "holds") if number else _NEAR)
        for id, number in held.most_common(NAMED)
    )


def _datalabs(openings: Sequence[Opening]) -> tuple[tuple[Anchor, ...], bool]:
    """Return the datalabs that open every record; where none does, those that open the most."""
    opens: Counter[str] = Counter()
    titles: dict[str, str] = {}
    for each in openings:
        for match in each.datalabs:
            opens[match.datalab.id] += 1
            titles[match.datalab.id] = match.datalab.title
    every = [id for id, number in opens.items() if number == len(openings)]
    named = every[:NAMED] or [id for id, _ in opens.most_common(NAMED)]
    note = "" if every else "opens"
    return tuple(
        Anchor(titles[id][:200], links.record(id), _of(opens[id], len(openings), note) if note else "") for id in named
    ), bool(every)


def _of(number: int, all_of_them: int, verb: str) -> str:
    if number == all_of_them:
        return f"{verb} all of it" if all_of_them > 1 else ""
    return f"{verb} {number} of {all_of_them}"


def _takes(kept: Kept, picked: Selection) -> bool:
    """Say whether records can be added to a kept selection."""
    if picked.query is not None or kept.selection.query is not None:
        return False
    return len({*kept.selection.ids, *picked.ids}) <= selection.MAX_IDS


def _kept(kept: Kept, who: Principal) -> KeptView:
    made = kept.creation
    return KeptView(
        name=kept.name,
        action=kept.path,
        version=made.version,
        own=made.owner == who.id and who.may(Role.USER, WRITE),
        visibility=VISIBLE[made.visibility],
        listed="\n".join(made.listed),
        choices=tuple((value, label, value == made.visibility) for value, label in VISIBLE.items()),
        when=wording.day(made.updated).partition(" ")[0],
    )


def _row(kept: Kept) -> KeptRow:
    picked = kept.selection
    about = wording.plural(len(picked.ids), "record") if picked.query is None else "all that a search finds"
    return KeptRow(kept.name, kept.path, about, wording.day(kept.creation.updated).partition(" ")[0])
