"""From a record of the portal to its page."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import Final

from discovery.model import terms
from discovery.model.checks import PORTAL
from discovery.model.record import Asset, Contact, Link, Record
from discovery.portal import View
from discovery.query.fields import FIELDS
from discovery.selection import Selection
from discovery.similarity import Lead
from discovery.store.elsewhere import Place
from ui import drawing, links, text, wording
from ui.contexts import Anchor, AssetRow, Fact, Picking, RecordContext, Site
from ui.sources import Sources

ASSETS: Final = 100
"""Assets and links that a page shows; all of them are in the JSON."""
TAIL: Final = 60
VALUES: Final = 24
_MAIN: Final = frozenset({"landing", "about", "alternate", "canonical", "via"})
_HIDDEN: Final = frozenset({"self", "root", "parent", "collection", "items", "next", "prev", "child", "item"})
_WHY: Final = {"doi": "same DOI", "identifier": "same identifier", "title": "same title, place and time"}
_SPDX: Final = "https://spdx.org/licenses/"
_FACTS: Final = (
    ("domain", lambda record: (record.domain,)),
    ("mission", lambda record: record.missions),
    ("instrument", lambda record: record.instruments),
    ("platform", lambda record: tuple(str(each) for each in FIELDS["platform"].values(record))),
    ("target", lambda record: record.targets),
    ("theme", lambda record: record.themes),
    ("variable", lambda record: record.variables),
    ("project", lambda record: _several(record.properties.get("project", ()))),
    ("capability", lambda record: _several(record.properties.get("capability", ()))),
    ("level", lambda record: (record.level,)),
    ("product_type", lambda record: (record.product_type,)),
    ("format", lambda record: record.formats),
    ("provider", lambda record: (record.provider,)),
    ("access", lambda record: (record.access,)),
)
_SAID_BY_KIND: Final = frozenset({
    *("slug", "mount", "mounts", "read_only", "zones", "holds", "technical", "storage", "deprecated"),
    *("interface", "version", "image", "tools", "volumes", "datasets", "datalabs"),
    *("workflow", "inputs", "outputs", "steps"),
})  # fmt: skip
"""What the page says elsewhere of records that were made here."""
_SHOWN_PROPERTIES: Final = frozenset(
    {"platform", "project", "capability", "example", "synthetic", "attribution", "mount_path", "discovery:mount_path"}
)


def record_page(view: View, site: Site, sources: Sources) -> RecordContext:
    """Return what the page of a record shows."""
    record = view.record
    opened = tuple(_open_links(record))
    shown = {each.url for each in opened}
    others = [each for each in _links(record.links) if each.url not in shown]
    return RecordContext(
        site=site,
        id=record.id,
        title=record.title or record.source_id,
        kind=record.kind,
        kind_label=wording.kind(record.kind),
        example=sources.marker(record),
        description=text.html(record.description),
        open_links=opened,
        facts=tuple(facts(record)),
        map=drawing.place(record.extent),
        time=wording.period(record.extent),
        assets=tuple(_asset(each) for each in record.assets[:ASSETS]),
        assets_left=max(0, len(record.assets) - ASSETS),
        links=tuple(others[:ASSETS]),
        links_left=max(0, len(others) - ASSETS),
        related=tuple(_related(view)),
        also_at=tuple(_also_at(view.also_at)),
        contacts=tuple(_contacts(record.contacts)),
        identifiers=tuple(_identifiers(record, view)),
        properties=tuple(_properties(record)),
        issues=tuple(Anchor(each.message, note=each.code) for each in record.issues),
        provenance=tuple(_provenance(view, sources)),
        attribution=sources.attribution(record.source),
        picking=_picking(record),
    )


def similar(leads: Iterable[Lead]) -> tuple[Anchor, ...]:
    """Return where what is like a record can be found: at its own row, or by any row of the space that is its own."""
    return tuple(
        Anchor(f"Find similar in {each.space}", links.space(each.space, each.row), each.space) for each in leads
    )


def _picking(record: Record) -> Picking:
    alone = Selection.of_ids([record.id]).address()
    return Picking(
        launch=links.launch([("id", record.id)]),
        keep=f"{alone}#keep",
        compare=Selection.of_ids([record.id]).address("/compare"),
        export=f"{alone}#export",
        all="",
        all_label="",
    )


def _several(value: str | tuple[str, ...]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else value


def facts(record: Record) -> Iterable[Fact]:
    """Yield the main facts of a record, each with its values."""
    for name, values in _FACTS:
        given = [each for each in values(record) if each]
        anchors = [_facet(record, name, each) for each in given[:VALUES]]
        if len(given) > VALUES:
            anchors.append(Anchor(f"and {len(given) - VALUES} more"))
        if anchors:
            yield Fact(FIELDS[name].label, tuple(anchors))
    if record.license:
        label = wording.value("license", record.license, terms.label("license", record.license))
        url = f"{_SPDX}{record.license}.html" if terms.is_spdx(record.license) else text.web(record.license)
        yield Fact("Licence", (Anchor(label, url),))
    for path in _several(record.properties.get("mount_path") or record.properties.get("discovery:mount_path", ())):
        yield Fact("Mount path", (Anchor(path[:300]),))
    for name, amount in record.numbers.items():
        known = FIELDS.get(name)
        if known is not None:
            yield Fact(known.label, (Anchor(wording.number(amount, known.unit)),))
    if record.updated is not None:
        yield Fact("Updated", (Anchor(wording.day(record.updated)),))
    if record.created is not None:
        yield Fact("Created", (Anchor(wording.day(record.created)),))


def _facet(record: Record, name: str, value: str) -> Anchor:
    label = wording.value(name, value, terms.label(name, value))
    return Anchor(label[:200], links.facet(name, value, scope=record.scope if record.kind == "observation" else ""))


def _open_links(record: Record) -> Iterable[Anchor]:
    if text.doi(record.doi):
        yield Anchor("Open by DOI", text.doi(record.doi), record.doi)
    main = {text.web(each.href): each for each in record.links if each.rel in _MAIN and text.web(each.href)}
    for url, link in islice(main.items(), 2):
        yield Anchor(link.title[:80] or "Open at the source", url, text.host(link.href))


def _asset(asset: Asset) -> AssetRow:
    others = tuple(Anchor(text.shown(each, 80), text.web(each)) for each in asset.alternates[:5])
    return AssetRow(
        title=(asset.title or asset.key or text.shown(asset.href, 60))[:200],
        url=text.web(asset.href),
        address=text.shown(asset.href, 120),
        media_type=asset.media_type[:100],
        roles=", ".join(asset.roles)[:100],
        size=wording.size(asset.size),
        alternates=others,
    )


def _links(given: Iterable[Link]) -> list[Anchor]:
    out: dict[str, Anchor] = {}
    for link in given:
        url = links.record(link.record) if link.record else text.web(link.href)
        if url and (link.rel not in _HIDDEN or link.record):
            note = link.rel if link.record else f"{link.rel} · {text.host(link.href)}"
            out.setdefault(url, Anchor((link.title or text.shown(link.href, 80))[:200], url, note[:120]))
    return list(out.values())


def _related(view: View) -> Iterable[Anchor]:
    if view.parent is not None:
        parent = view.parent.record
        yield Anchor(parent.title[:200], links.record(parent.id), f"part of this {wording.kind(parent.kind).lower()}")
    if view.children.value:
        noun = "observation" if view.children.value == 1 else "observations"
        words = f"{wording.count(view.children)} {noun} in this {wording.kind(view.record.kind).lower()}"
        yield Anchor(words, links.observations(view.record.id))
    if view.members.value:
        noun = "resource" if view.members.value == 1 else "resources"
        words = f"{wording.count(view.members)} {noun} in this {wording.kind(view.record.kind).lower()}"
        yield Anchor(words, links.members(view.record.id))


def _also_at(places: Iterable[Place]) -> Iterable[Anchor]:
    for place in places:
        when = wording.day(place.seen).partition(" ")[0]
        note = f"as {place.source_id[:120]}, last seen {when}; {_WHY.get(place.why, 'same thing')}"
        yield Anchor(place.source_title[:200], text.web(place.url), note)


def _contacts(given: Iterable[Contact]) -> Iterable[Anchor]:
    for contact in list(given)[:VALUES]:
        # Addresses of people are private; a few catalogues write them where the name belongs.
        names = [each for each in (contact.name, contact.organization) if each and "@" not in each]
        url = text.web(contact.url)
        if names:
            yield Anchor(
                ", ".join(dict.fromkeys(names))[:200],
                "" if "@" in url else url,
                ", ".join(contact.roles)[:100].replace("_", " "),
            )


def _identifiers(record: Record, view: View) -> Iterable[Fact]:
    if record.doi:
        yield Fact("DOI", (Anchor(record.doi, text.doi(record.doi)),))
    yield Fact("Identifier here", (Anchor(record.id),))
    yield Fact("Identifier at the source", (Anchor(record.source_id[:300]),))
    if view.stored.stac_id and view.stored.stac_id != record.source_id:
        yield Fact("STAC identifier", (Anchor(view.stored.stac_id[:300]),))
    if record.external_ids:
        others = record.external_ids[:VALUES]
        yield Fact("Other identifiers", tuple(Anchor(text.shown(each), text.web(each)) for each in others))


def _properties(record: Record) -> Iterable[Fact]:
    said = _SHOWN_PROPERTIES | _SAID_BY_KIND if record.source == PORTAL else _SHOWN_PROPERTIES
    left = [(name, value) for name, value in record.properties.items() if name not in said]
    for name, value in left[:TAIL]:
        values = _several(value)[:VALUES]
        yield Fact(name, tuple(Anchor(text.shown(each, 500), text.web(each)) for each in values))
    if record.keywords:
        yield Fact("Keywords", tuple(_facet(record, "keyword", each) for each in record.keywords[:60]))


def _provenance(view: View, sources: Sources) -> Iterable[Fact]:
    record = view.record
    source = links.facet("source", record.source, scope=record.scope if record.kind == "observation" else "")
    yield Fact("Source", (Anchor(sources.title(record.source), source),))
    if record.container:
        yield Fact("Part of the source", (Anchor(record.container[:300]),))
    yield Fact("Harvested", (Anchor(wording.day(view.stored.harvested).partition(" ")[0]),))
    if record.metadata_updated is not None:
        yield Fact("Metadata updated", (Anchor(wording.day(record.metadata_updated)),))
