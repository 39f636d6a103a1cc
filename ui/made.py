"""What the pages of things made here show: shelves, a form, a history, decisions, and what stands on their records."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from markupsafe import Markup

from discovery.errors import DiscoveryError, UnknownFieldError
from discovery.making import KINDS, Kind
from discovery.making.life import stars
from discovery.model import terms
from discovery.model.creation import DRAFT, LISTED, PUBLISHED, REVIEW, Creation
from discovery.model.person import NOBODY, WRITE, Principal, Role
from discovery.model.record import RESOURCES, Record, record_id
from discovery.portal import Portal
from discovery.query.query import Comparison, Or, Query, Sort
from discovery.store.creations import Happened
from discovery.store.marks import MOUNT, STAR
from ui import links, text, wording
from ui.contexts import Anchor, Site
from ui.gate import key_of
from ui.sheets import Tier

LIKED: Final = "-stars"
SORTS: Final = {"title": "By name", "-updated": "Newest first", LIKED: "Most liked first"}
"""Orders of what is public, by the value of `sort`."""
SHELF: Final = 24
"""Things on a shelf before "all"."""
_EXCERPT: Final = 180
_LINKS: Final = 200
STATES: Final = {
    "draft": ("Draft", "wait"),
    "review": ("In review", "busy"),
    "published": ("Published", "good"),
    "deprecated": ("Deprecated", "bad"),
}
VISIBLE: Final = {
    "private": "Only you",
    "listed": "People you name",
    "link": "Whoever has the link",
}
_USES: Final = ("holds", "volumes", "datasets", "datalabs")
"""Properties by which records of things made here name others."""
_WORDS: Final = {
    ("volume", "dataset"): "Volumes that hold it",
    ("datalab", "dataset"): "Datalabs made for it",
    ("datalab", "volume"): "Datalabs that work on it",
    ("pipeline", "dataset"): "Pipelines that work on it",
    ("pipeline", "datalab"): "Pipelines that run in it",
}


@dataclass(frozen=True, slots=True)
class Tile:
    """One thing on a shelf."""

    name: str
    url: str
    about: str
    facts: str
    state: str = ""
    mood: str = ""
    stars: str = ""
    example: bool = False


@dataclass(frozen=True, slots=True)
class Shelf:
    """Several things beside each other under a heading."""

    id: str
    label: str
    tiles: tuple[Tile, ...]
    empty: str
    more: str = ""
    sorts: tuple[Anchor, ...] = ()
    """The orders it can be in; the one that it is in has a note."""


@dataclass(frozen=True, slots=True)
class ShelvesContext:
    """The page of all things of a kind."""

    site: Site
    title: str
    about: str
    shelves: tuple[Shelf, ...]
    new: str
    """Where one writes a new one; empty for those who may not."""
    new_label: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class OnceMoreContext:
    """What was typed by somebody whose sign-in has ended meanwhile."""

    site: Site
    action: str
    fields: tuple[tuple[str, str], ...]
    """What is sent once more: names and values."""
    way_in: str


@dataclass(frozen=True, slots=True)
class FormContext:
    """The form of one thing."""

    site: Site
    title: str
    kind: str
    kind_label: str
    action: str
    key: str
    version: int
    tiers: tuple[Tier, ...]
    problems: tuple[tuple[str, str, str], ...] = ()
    """The id of the input, its label, and what is wrong."""
    message: str = ""
    can_hand_in: bool = False
    hand_in: str = "Save and hand in"
    import_action: str = ""
    fixed: tuple[str, str] = ("", "")
    """The short name of what is published, as name and value."""
    tabs: tuple[Anchor, ...] = ()
    state: str = ""
    mood: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """One step that may be taken."""

    name: str
    label: str
    reason: str = ""
    """`needed`, `may` or empty."""
    second: bool = True


@dataclass(frozen=True, slots=True)
class Row:
    """One label with what is said."""

    label: str
    text: str = ""
    html: Markup | None = None
    url: str = ""


@dataclass(frozen=True, slots=True)
class MadeContext:
    """The page of one thing that was made here."""

    site: Site
    title: str
    kind: str
    kind_label: str
    state: str
    mood: str
    action: str
    key: str
    version: int
    tab: str
    tabs: tuple[Anchor, ...]
    facts: tuple[Row, ...]
    steps: tuple[Step, ...]
    history: tuple[Row, ...]
    record: str
    edit: str
    exports: tuple[Anchor, ...]
    notice: str = ""
    visible: tuple[tuple[str, str, bool], ...] = ()
    listed: str = ""
    link: str = ""
    share: bool = False


@dataclass(frozen=True, slots=True)
class ReviewsContext:
    """What waits for a decision."""

    site: Site
    waiting: tuple[Tile, ...]


@dataclass(frozen=True, slots=True)
class Around:
    """What stands on the page of a record because of what people make and mark."""

    key: str
    id: str
    back: str
    stars: int
    starred: bool
    signed_in: bool
    way_in: str
    mountable: bool
    mounted: bool
    deprecated: str
    facts: tuple[Row, ...]
    groups: tuple[tuple[str, tuple[Anchor, ...]], ...]
    """Records that name it, or that it names, by what they are to it."""
    edit: str


def listed(kind: Kind) -> str:
    """Return the address of all things of a kind."""
    return f"/{kind.container}"


def page(made: Creation) -> str:
    """Return the address of a thing that was made here."""
    return f"/{KINDS[made.kind].container}/{made.id}"


def public(portal: Portal, kind: Kind, sort: Sort, size: int = SHELF) -> list[Record]:
    """Return the published ones of a kind, wherever they came from."""
    query = Query(scope=RESOURCES, filter=Comparison("=", "kind", kind.name), sort=sort, size=size)
    return [each.record for each in portal.search(query).records]


def most_liked(portal: Portal, kind: Kind, size: int = SHELF) -> list[Record]:
    """Return the published ones of a kind that most people like, and then those that nobody does yet."""
    catalogue = portal.store.catalogue
    ids = [id for id, _ in portal.store.marks.most(STAR, size, among=kind.name)]
    keys = catalogue.keys(ids)
    stored = catalogue.many(list(keys.values()))
    liked = [stored[keys[id]].record for id in ids if id in keys and keys[id] in stored]
    known = {each.id for each in liked}
    rest = public(portal, kind, Sort("title"), size) if len(liked) < size else []
    return [*liked, *(each for each in rest if each.id not in known)][:size]


def sorted_by(portal: Portal, kind: Kind, sort: str, size: int) -> list[Record]:
    """Return the published ones of a kind in an order that somebody has chosen.

    Raises:
        UnknownFieldError: There is no such order.
    """
    if sort not in SORTS:
        raise UnknownFieldError(sort, SORTS, what="sort", parameter="sort")
    if sort == LIKED:
        return most_liked(portal, kind, size)
    return public(portal, kind, Sort(sort.lstrip("-"), descending=sort.startswith("-")), size)


def tiles(portal: Portal, records: Sequence[Record]) -> tuple[Tile, ...]:
    """Return records as tiles of a shelf."""
    liked = stars(portal.store, [each.id for each in records])
    return tuple(
        Tile(
            name=each.title[:200],
            url=links.record(each.id),
            about=_excerpt(each.description),
            facts=" · ".join(filter(None, _short(each))),
            stars=_stars(liked[each.id][0]),
            example=each.properties.get("example") == "true" or each.properties.get("discovery:example") == "true",
            state="Deprecated" if each.properties.get("deprecated") else "",
            mood="bad" if each.properties.get("deprecated") else "",
        )
        for each in records
    )


def own(made: Sequence[Creation]) -> tuple[Tile, ...]:
    """Return things as tiles for those who may see them before they are published."""
    out = []
    for each in made:
        state, mood = STATES[each.state]
        newer = " · a newer version of what is published" if each.record and each.state in (DRAFT, REVIEW) else ""
        said = _excerpt(str(each.document.get("abstract") or each.document.get("description") or ""))
        when = wording.day(each.updated)
        out.append(Tile(each.name, page(each), said, f"changed {when}{newer}", state, mood))
    return tuple(out)


def facts(kind: Kind, made: Creation, who: Principal) -> tuple[Row, ...]:
    """Return what a document says, for those who read it; what is for reviewers alone only for them and the owner."""
    reviewer = who.id == made.owner or who.role >= Role.MODERATOR
    shown = made.document if reviewer else kind.public(made.document)
    out = []
    for each in kind.fields:
        value = shown.get(each.name)
        if value in (None, "", [], {}):
            continue
        if each.shape == "text" and each.name != "cwl":
            out.append(Row(each.label, html=text.html(str(value))))
        else:
            out.append(Row(each.label, _told(value), url=text.web(str(value)) if isinstance(value, str) else ""))
    return tuple(out)


def steps(portal: Portal, who: Principal, made: Creation) -> tuple[Step, ...]:
    """Return the steps that somebody may take with a thing."""
    out = []
    kind = KINDS[made.kind]
    edits = portal.making.may_edit(who, made)
    keeps = edits or (made.record and who.may(Role.MODERATOR, WRITE))
    if edits and made.state == DRAFT:
        out.append(Step("hand_in", "Hand in for review" if kind.reviewed else "Publish", second=False))
    if portal.making.may_decide(who, made):
        out += [Step("accept", "Accept and publish", "may", second=False), Step("reject", "Send back", "needed")]
    if edits and made.state == REVIEW:
        out.append(Step("take_back", "Take back"))
    if keeps and made.state == PUBLISHED:
        out.append(Step("deprecate", "Deprecate", "needed"))
    if keeps and made.state == "deprecated":
        out.append(Step("revive", "Publish again", "may"))
    if keeps and made.record:
        out.append(Step("withdraw", "Withdraw", "needed"))
    if edits and not made.record and made.state == DRAFT:
        out.append(Step("delete", "Delete"))
    return tuple(out)


def history(portal: Portal, happened: Sequence[Happened]) -> tuple[Row, ...]:
    """Return what became of a thing, newest first, in words."""
    names = {each.person: "" for each in happened if each.person}
    for id in names:
        try:
            names[id] = portal.store.people.get(id).name
        except DiscoveryError:
            names[id] = "somebody who is not here any more"
    out = []
    for each in happened:
        by = names.get(each.person, "") or "the operators"
        reason = f": {each.reason}" if each.reason else ""
        out.append(Row(wording.day(each.moment), f"{each.act} by {by}{reason}"))
    return tuple(out)


def around(portal: Portal, record: Record, who: Principal = NOBODY, *, way_in: str = "") -> Around:
    """Return what stands on the page of a record because of what people make and mark."""
    (liked,) = stars(portal.store, [record.id], who).values()
    behind = portal.making.behind(record.id) if record.source == "portal" else None
    edits = behind is not None and (portal.making.may_edit(who, behind) or who.role >= Role.MODERATOR)
    mounted = bool(who.id) and record.id in portal.store.marks.set_by(who.id, MOUNT, [record.id])
    return Around(
        key=key_of(who),
        id=record.id,
        back=links.record(record.id),
        stars=liked[0],
        starred=liked[1],
        signed_in=bool(who.session),
        way_in=way_in,
        mountable=record.kind == "volume",
        mounted=mounted,
        deprecated=_first(record, "deprecated"),
        facts=tuple(_facts(record)),
        groups=tuple(_groups(portal, record)),
        edit=page(behind) if behind is not None and edits else "",
    )


def _facts(record: Record) -> Iterable[Row]:
    """Yield what is said of a volume, a datalab or a pipeline and of nothing else."""
    if record.kind == "volume":
        yield from _of_volume(record)
    elif record.kind == "datalab":
        yield from _labelled(record, (("interface", "Interface"), ("version", "Version"), ("image", "Container image")))
        for name, label in (("tools", "Tools"), ("zones", "Runs in")):
            if values := _all(record, name):
                yield Row(label, ", ".join(each.partition(" <")[0] for each in values))
        if record.formats:
            yield Row("Opens", ", ".join(record.formats))
    elif record.kind in ("pipeline", "experiment"):
        yield from _of_pipeline(record)


def _of_volume(record: Record) -> Iterable[Row]:
    for each in _all(record, "mounts"):
        name, _, path = each.partition("=")
        yield Row(f"Mounted on {name}", path)
    if "read_only" in record.properties:
        writable = _first(record, "read_only") != "true"
        yield Row("Writing", "it may be written to" if writable else "nobody writes into it")
    if zones := _all(record, "zones"):
        yield Row("Local in", ", ".join(zones))
    for link in record.links:
        if link.rel == "twin":
            yield Row("The same files at", text.shown(link.href, 120), url=text.web(link.href))
    if technical := _first(record, "technical"):
        yield Row("Technical details", html=text.html(technical))


def _of_pipeline(record: Record) -> Iterable[Row]:
    names = (("workflow", "Workflow"), ("application:type", "Workflow"), ("version", "Version"))
    yield from _labelled(record, names)
    for name, label in (("inputs", "Takes"), ("outputs", "Gives"), ("steps", "Steps")):
        for value in _all(record, name):
            yield Row(label, value)
    for link in record.links:
        url = text.web(link.href)
        if not url or _PLACE.search(link.href):
            continue
        if ".ipynb" in link.href:
            yield from _of_notebook(link.href, link.title)
        elif link.rel in _RELS:
            yield Row(_RELS[link.rel], link.title or text.shown(link.href, 80), url=url)
    for asset in record.assets:
        if ".ipynb" in asset.href and text.web(asset.href):
            yield from _of_notebook(asset.href, asset.title)


def _of_notebook(href: str, title: str) -> Iterable[Row]:
    """Yield the ways to a notebook: to read it, to start it at the platform that it was made on, or at Binder."""
    where = text.host(href)
    if "/git-pull?" in href or "/hub/" in href:
        yield Row("Start its notebook", f"at {where}", url=text.web(href))
        return
    yield Row("Notebook", title or text.shown(href, 80), url=text.web(href))
    if found := _GITHUB.match(href):
        path = quote(f"lab/tree/{found['path']}", safe="")
        binder = f"https://mybinder.org/v2/gh/{found['repo']}/{quote(found['ref'], safe='')}?urlpath={path}"
        yield Row("Start its notebook", "at Binder, which takes some minutes", url=binder)


def _labelled(record: Record, names: Iterable[tuple[str, str]]) -> Iterable[Row]:
    for name, label in names:
        if value := _first(record, name):
            yield Row(label, value)


_PLACE: Final = re.compile(r"(?:^|/)(products|workflows|experiments)/([^/?#]+)/(?:collection|record)\.json$")
"""How the Open Science Catalog writes links between its records."""
_SECTIONS: Final = {"products": "Its datasets", "workflows": "Its workflows", "experiments": "Its experiments"}
_GITHUB: Final = re.compile(
    r"https://github\.com/(?P<repo>[\w.-]{1,100}/[\w.-]{1,100})/blob/(?P<ref>[\w.-]{1,100})/(?P<path>[^?#]{1,500}\.ipynb)$"
)
_RELS: Final = {
    "input": "Input parameters",
    "environment": "Environment",
    "application": "Workflow",
    "vcs": "Source code",
    "git": "Source code",
    "process_graph": "Process graph",
    "application-originating-platform": "Made on",
    "application-platform": "Runs on",
}


def _groups(portal: Portal, record: Record) -> Iterable[tuple[str, tuple[Anchor, ...]]]:
    """Yield the records that a thing names, and those that name it, by what they are to it."""
    for name, label in (("holds", "Datasets in it"), ("volumes", "Volumes it works on"), ("datasets", "Made for"),
                        ("datalabs", "Runs in")):  # fmt: skip
        ids = _all(record, name)[:100] if record.source == "portal" else ()
        keys = portal.store.catalogue.keys(ids)
        stored = portal.store.catalogue.many(list(keys.values()))
        found = [stored[keys[id]].record for id in ids if id in keys and keys[id] in stored]
        if found:
            yield label, tuple(Anchor(each.title[:200], links.record(each.id)) for each in found)
    yield from _named_by_links(portal, record)
    if record.kind == "volume" and record.missions:
        yield (
            "Datasets of its missions",
            tuple(
                Anchor(terms.label("mission", each), links.search([("facet.kind", "dataset"), ("facet.mission", each)]))
                for each in record.missions
            ),
        )
    if record.kind not in ("dataset", "volume", "datalab"):
        return
    uses = Or(tuple(Comparison("=", f"properties.{name}", record.id) for name in _USES))
    try:
        named = portal.search(Query(scope=RESOURCES, filter=uses, sort=Sort("title"), size=50)).records
    except DiscoveryError:
        return
    by_kind: dict[str, list[Anchor]] = {}
    for each in named:
        by_kind.setdefault(each.record.kind, []).append(Anchor(each.record.title[:200], links.record(each.record.id)))
    for kind, anchors in by_kind.items():
        if label := _WORDS.get((kind, record.kind), ""):
            yield label, tuple(anchors)


def _named_by_links(portal: Portal, record: Record) -> Iterable[tuple[str, tuple[Anchor, ...]]]:
    """Yield the datasets, workflows and experiments that the links of one of the Open Science Catalog lead to."""
    if record.kind not in ("dataset", "pipeline", "experiment"):
        return
    named: dict[str, dict[str, None]] = {}
    for link in record.links[:_LINKS]:
        if found := _PLACE.search(link.href):
            named.setdefault(found[1], {})[record_id(record.source, found[1], found[2])] = None
    for section, ids in named.items():
        keys = portal.store.catalogue.keys(id for id in ids if id not in (record.id, record.dataset))
        stored = portal.store.catalogue.many(list(keys.values()))
        anchors = [Anchor(each.record.title[:200], links.record(each.record.id)) for each in stored.values()]
        if anchors:
            yield _SECTIONS[section], tuple(sorted(anchors, key=lambda each: each.text))


def sharing(made: Creation) -> tuple[tuple[str, str, bool], ...]:
    """Return who may see a draft, as value, words, and whether it is so."""
    return tuple((value, words, made.visibility == value) for value, words in VISIBLE.items())


def names(made: Creation) -> str:
    """Return the people that a draft is shared with, one a line."""
    return "\n".join(made.listed) if made.visibility == LISTED else ""


def _short(record: Record) -> Iterable[str]:
    if record.kind == "volume":
        yield _first(record, "mount_path") or _first(record, "discovery:mount_path")
    if record.kind == "datalab":
        yield _first(record, "interface")
        version = _first(record, "version")
        yield f"version {version}" if version and version != "not stated" else ""
    yield ", ".join(terms.label("mission", each) for each in record.missions[:2])
    yield record.provider


def _stars(count: int) -> str:
    return "" if not count else f"{count:,} star{'' if count == 1 else 's'}"


def _all(record: Record, name: str) -> tuple[str, ...]:
    said = record.properties.get(name, ())
    return (said,) if isinstance(said, str) else tuple(said)


def _first(record: Record, name: str) -> str:
    return next(iter(_all(record, name)), "")


def _told(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return " ".join(_told(each) for each in value.values())
    if isinstance(value, (list, tuple)):
        return ", ".join(_told(each) for each in value)
    return str(value)


def _excerpt(description: str) -> str:
    """Return the beginning of a description, cut between words."""
    words = text.plain(description)
    return words if len(words) <= _EXCERPT else f"{words[:_EXCERPT].rpartition(' ')[0]} …"
