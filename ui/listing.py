"""From a page of the portal to the search page: cards, facets, chips, bars and the way out of an empty answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from discovery import selection, understanding
from discovery.errors import BadQueryError
from discovery.model import terms
from discovery.model.record import OBSERVATIONS, RESOURCES, Record
from discovery.portal import Page, Portal
from discovery.query import fields, form, order, place, ranges, region_text
from discovery.query.fields import FACETS, FIELDS, MISSION, OVERLAP
from discovery.query.names import Resolve, resolve
from discovery.query.query import Bucket, Facet, FacetRequest, Query
from discovery.query.text import TextQuery, parse
from ui import compare, counting, drawing, links, maps, naming, numbers, text, wording
from ui.contexts import (
    Anchor,
    Beside,
    Card,
    Chip,
    FacetBox,
    Form,
    Heard,
    HeatView,
    Option,
    Picking,
    SearchContext,
    Site,
    Value,
    Way,
)
from ui.links import Pairs
from ui.sources import Sources

CAP: Final = 8
"""Values of a facet before "show more"."""
FULL: Final = 100
TWIGS: Final = 3
"""Nodes that are seen beneath each root of a tree in which nothing is ticked."""
TREE: Final = 400
"""Nodes of the mission tree; all vocabularies together hold fewer."""
OPEN: Final = 6
"""Facets whose values are seen without a click."""
WAYS: Final = 8
"""Filters of an empty answer that are tried without."""
SHOWN: Final = {
    RESOURCES: (
        *(
            "kind",
            "domain",
            MISSION,
            "capability",
            "theme",
            "instrument",
            "variable",
            "project",
            "provider",
            "platform",
        ),
        *("level", "product_type", "format", "license", "access", "organisation", "collection", "category", "frame"),
        "source",
    ),
    OBSERVATIONS: (
        *("dataset", "domain", MISSION, "instrument", "product_type", "platform", "target", "level", "format"),
        *("provider", "license", "access", "frame", "source"),
    ),
}
"""The facets of each scope, most useful first; one that does not split the answer is not shown."""
NUMBERS: Final = {
    RESOURCES: ("resolution", "size"),
    OBSERVATIONS: (
        *("cloud_cover", "exposure", "resolution", "wavelength_min", "wavelength_max", "sky_resolution", "size"),
        *("sun_elevation", "off_nadir", "snow_cover"),
    ),
}
"""The numbers of each scope, most useful first; one that nothing has is not shown."""
NAMED: Final = 6
"""Datasets of matching observations that are named."""
SORTS: Final = (
    ("", "Best match"),
    ("-updated", "Recently updated"),
    ("title", "Title A to Z"),
    ("-start", "Newest data"),
    ("start", "Oldest data"),
)
_LABELS: Final = {
    "q": "Words",
    "filter": "Filter",
    "bbox": "Box",
    "cone": "Cone",
    "polygon": "Polygon",
    "moc": "MOC",
    "relation": "Footprints",
    "near": "Place",
    "time": "Time",
    place.PARAMETER: "Cell of the map around",
}


@dataclass(frozen=True, slots=True)
class Request:
    """A question as the pages ask it."""

    pairs: Pairs
    query: Query
    more: tuple[str, ...]
    """Facets to show in full."""
    find: Mapping[str, str] = field(default_factory=dict)
    """The texts that are looked for among the values of facets."""
    highlight: bool = False
    """Whether JSON has the words marked."""


def request(given: Iterable[tuple[str, str]], resolver: Resolve = resolve) -> Request:
    """Return the question of a request's parameters with everything that the page counts beside it."""
    given = list(given)
    pairs = links.ordered(links.asked(given))
    query = form.parse(links.question(pairs), resolver=resolver)
    more = tuple(dict.fromkeys(value for name, value in given if name == links.MORE and value in FACETS))
    counted = counting.read(given, query, NUMBERS[query.scope])
    ticked = [each.name for each in query.selections]
    names = dict.fromkeys((*SHOWN[query.scope], *ticked, *counted.find))
    facets = tuple(
        FacetRequest(name, _size(name, (*more, *counted.find)), text=counted.find.get(name, "")) for name in names
    )
    query = replace(query, facets=facets, numbers=counted.numbers, histogram=counted.histogram, heat=counted.heat)
    marking = any(name == links.HIGHLIGHT and value.strip() == "1" for name, value in given)
    return Request(pairs, query, more, counted.find, marking)


def beside(query: Query) -> tuple[FacetRequest, ...]:
    """Return the facets of observations that a page of resources shows beside its own."""
    return tuple(FacetRequest(name, NAMED) for name in ("dataset", "source")) if query.scope == RESOURCES else ()


def _size(name: str, more: Sequence[str]) -> int:
    if FIELDS[name].tree:
        return TREE
    return FULL if name in more else CAP


def search_page(portal: Portal, asked: Request, page: Page, site: Site, sources: Sources) -> SearchContext:
    """Return what the search page shows for a question and its answer."""
    query = asked.query
    words = parse(page.understood.meant if page.understood else query.text)
    bars = drawing.bars(page.bins, page.interval)
    named = boxes(page.facets, sources)
    chips = _chips(asked, named)
    ways = tuple(_ways(portal, asked, chips)) if not page.total.value else ()
    return SearchContext(
        site=site,
        form=_form(asked),
        scope=query.scope,
        total=wording.count(page.total),
        noun=_noun(query.scope, page.total.value),
        elsewhere=_elsewhere(asked, page),
        heard=_heard(asked, page),
        cards=tuple(card(each.record, words, sources) for each in page.records),
        facets=tuple(_boxes(asked, named, page.total.value)),
        chips=tuple(chip for chip, _ in chips),
        clear=links.clear(asked.pairs),
        sorts=_sorts(asked),
        bars=bars,
        bar_urls=tuple(links.replaced(asked.pairs, "time", each.asks) for each in bars),
        numbers=tuple(numbers.boxes(asked.pairs, query, page.numbers)),
        beside=_beside(asked, page, sources),
        heat=_heat(asked, page),
        places=naming.offers(naming.places(portal, query), asked.pairs),
        frames=_frames(asked, named),
        ways=ways,
        helps=any(each.helps for each in ways),
        next=links.page(asked.pairs, page.next) if page.next else "",
        first=links.replaced(asked.pairs, "after", "") if query.after else "",
        milliseconds=round(page.seconds * 1000),
        picking=_picking(query, page),
    )


def _picking(query: Query, page: Page) -> Picking | None:
    """Return where the form with the ticked records leads."""
    if not page.records:
        return None
    every = f"All {wording.count(page.total)} that match" if page.total.value > 1 else ""
    return Picking(
        launch=links.LAUNCH,
        keep=f"{selection.PATH}#keep",
        compare=compare.PATH,
        export=f"{selection.PATH}#export",
        all=selection.Selection.of_query(query).address() if every else "",
        all_label=every,
    )


def card(record: Record, words: TextQuery, sources: Sources) -> Card:
    """Return a record as a list shows it, with the words of the query marked."""
    return Card(
        id=record.id,
        url=links.record(record.id),
        kind=record.kind,
        kind_label=wording.kind(record.kind),
        title=text.marked(record.title[:300] or record.source_id[:300], words),
        description=text.excerpt(text.plain(record.description), words),
        mission=", ".join(terms.label(MISSION, each) for each in record.missions[:3]),
        provider=record.provider[:80],
        time=wording.period(record.extent),
        formats=", ".join(each[:60] for each in record.formats[:4]),
        license=wording.value("license", record.license, terms.label("license", record.license))[:80],
        example=sources.marker(record),
        map=drawing.place(record.extent),
    )


def boxes(facets: Iterable[Facet], sources: Sources) -> list[Facet]:
    """Return the facets with the labels that people read."""
    return [
        replace(facet, buckets=tuple(replace(each, label=_label(facet.name, each, sources)) for each in facet.buckets))
        for facet in facets
    ]


def _label(name: str, bucket: Bucket, sources: Sources) -> str:
    if name == "source":
        return sources.title(bucket.value)
    if name == "dataset" and bucket.label in ("", bucket.value):
        return f"Dataset not in the catalogue ({bucket.value})"
    return wording.value(name, bucket.value, bucket.label)


def _boxes(asked: Request, facets: Iterable[Facet], total: int) -> Iterable[FacetBox]:
    number = 0
    for facet in facets:
        if not _splits(facet, total) and facet.name not in asked.find:
            continue
        number += 1
        full = facet.name in asked.more
        find = asked.find.get(facet.name, "")
        values = tree(facet, full=full) if FIELDS[facet.name].tree and not find else list(facet.buckets)
        cut = len(values) < len(facet.buckets) or facet.other > 0
        ticked = any(each.selected for each in facet.buckets)
        yield FacetBox(
            name=facet.name,
            label=facet.label,
            values=tuple(_value(asked.pairs, facet.name, each) for each in values),
            exact=facet.exact,
            other=facet.other,
            more=links.expanded(asked.pairs, asked.more, facet.name) if cut or full else "",
            full=full,
            open=number <= OPEN or ticked or full or bool(find),
            find=find[:100],
            long=cut or full or bool(find),
            hidden=tuple(each for each in asked.pairs if each[0] != "after"),
        )


def _splits(facet: Facet, total: int) -> bool:
    """Tell whether ticking something in a facet could change the answer."""
    buckets = facet.buckets
    return len(buckets) > 1 or any(each.selected or each.count < total for each in buckets)


def _value(pairs: Pairs, name: str, bucket: Bucket) -> Value:
    url = links.toggle(pairs, name, bucket.value)
    depth = max(len(bucket.path) - 1, 0)
    return Value(bucket.value, bucket.label[:200], bucket.count, bucket.selected, url, min(depth, 4))


def tree(facet: Facet, *, full: bool) -> list[Bucket]:
    """Return the nodes of a tree in the order of reading.

    Shown are the roots with what is most common right beneath each; once something is ticked, what lies beneath that.
    """
    beneath: dict[str, list[Bucket]] = {}
    for bucket in facet.buckets:
        beneath.setdefault(bucket.path[-2] if len(bucket.path) > 1 else "", []).append(bucket)
    whole = full or len(facet.buckets) <= CAP
    opened = {step for each in facet.buckets if each.selected for step in each.path}
    common = () if opened else (node for root in beneath.get("", ()) for node in beneath.get(root.value, ())[:TWIGS])
    shown = opened | {node.value for node in common}
    # A single root says nothing by itself, and neither does a chain of single branches.
    branch = beneath.get("", [])
    while len(branch) == 1:
        opened.add(branch[0].value)
        branch = beneath.get(branch[0].value, [])
    out: list[Bucket] = []

    def walk(parent: str) -> None:
        for number, bucket in enumerate(beneath.get(parent, ())):
            near = number < CAP and (not parent or parent in opened)
            if whole or near or bucket.value in shown:
                out.append(bucket)
                walk(bucket.value)

    walk("")
    return out


def _chips(asked: Request, facets: Iterable[Facet]) -> list[tuple[Chip, Pairs]]:
    """Return each active filter with the parameters of the question without it."""
    labels = {(facet.name, each.value): each.label for facet in facets for each in facet.buckets}
    chips: list[tuple[Chip, Pairs]] = []
    for name, value in asked.pairs:
        if name.startswith(form.FACET):
            field = name.removeprefix(form.FACET)
            said = wording.value(field, value, labels.get((field, value), "") or terms.label(field, value))
            label = FIELDS[field].label
        elif name.startswith(form.RANGE):
            field = fields.number(name.removeprefix(form.RANGE)).name
            said = numbers.said(ranges.parse(field, value))
            label = FIELDS[field].label
        elif name in _LABELS:
            said = _said(asked.query, name, value)
            label = _LABELS[name]
        else:
            continue
        rest = links.less(asked.pairs, (name, value))
        chips.append((Chip(label, said[:120], links.without(asked.pairs, (name, value))), rest))
    return chips


def _said(query: Query, name: str, value: str) -> str:
    if name == "time" and query.time:
        return wording.span(query.time)
    if name == place.PARAMETER and query.place:
        lon, lat = place.centre(query.place)
        return f"{maps.said(query.place.frame, lon, lat)} ({wording.value('frame', query.place.frame)})"
    placed = query.region if name in form.REGIONS and name != "near" else None
    frame = f" ({wording.value('frame', placed.frame)})" if placed else ""
    return f"{value.strip()}{frame}"


def _ways(portal: Portal, asked: Request, chips: Sequence[tuple[Chip, Pairs]]) -> Iterable[Way]:
    """Yield what each filter's removal would give, the most helpful first."""
    found: list[tuple[int, Way]] = []
    for chip, rest in chips[:WAYS]:
        try:
            less = form.parse(links.question(rest), resolver=portal.resolve)
            total = portal.search(replace(less, size=0, after="")).total
        except BadQueryError:
            continue  # What is left may be more than an engine answers; the others still help.
        found.append((total.value, Way(chip, wording.count(total), total.value > 0)))
    return (way for _, way in sorted(found, key=lambda each: -each[0]))


def _form(asked: Request) -> Form:
    single: Mapping[str, str] = dict(asked.pairs)
    start, end = wording.years(asked.query.time)
    kept = ("scope", "sort", "size", "polygon", "moc", place.PARAMETER)
    hidden = tuple(
        each
        for each in asked.pairs
        if each[0].startswith((form.FACET, form.RANGE))
        or each[0] in kept
        or links.is_seen(each[0])
        or (each[0] in region_text.MANNERS and not single.keys().isdisjoint(("polygon", "moc", "near")))
    )
    written = (single.get(name, "") for name in ("bbox", "cone", "near", "filter"))
    return Form(hidden, start, end, *written)


def _heard(asked: Request, page: Page) -> Heard | None:
    said = page.understood
    if said is None:
        return None
    url = links.replaced(asked.pairs, "words", form.ALL)
    other = said.suggestion
    suggestion = Anchor(other, links.replaced(asked.pairs, "q", other)) if other else None
    return Heard(said.corrected, tuple(understanding.sentences(said)), said.text, url, suggestion)


def _elsewhere(asked: Request, page: Page) -> Anchor | None:
    if page.elsewhere is None or not page.elsewhere.value:
        return None
    other = OBSERVATIONS if asked.query.scope == RESOURCES else RESOURCES
    noun = _noun(other, page.elsewhere.value)
    verb = "matches" if page.elsewhere.value == 1 else "match"
    return Anchor(f"{wording.count(page.elsewhere)} {noun} {verb}", links.scope(asked.pairs, other))


def _beside(asked: Request, page: Page, sources: Sources) -> Beside | None:
    """Return where matching observations come from, None where there are none or they are the list itself."""
    if asked.query.scope != RESOURCES or page.elsewhere is None or not page.elsewhere.value or not page.beside:
        return None
    found = {facet.name: facet for facet in boxes(page.beside, sources)}
    datasets, origins = found["dataset"], found["source"]
    if not datasets.buckets:
        return None
    several = "this dataset" if len(datasets.buckets) == 1 and not datasets.other else "these datasets"
    return Beside(
        title=f"{wording.count(page.elsewhere)} {_noun(OBSERVATIONS, page.elsewhere.value)} in {several}",
        url=links.scope(asked.pairs, OBSERVATIONS),
        datasets=tuple(_over(asked.pairs, "dataset", each) for each in datasets.buckets if each.count),
        sources=tuple(_over(asked.pairs, "source", each) for each in origins.buckets if each.count),
        more=f"{datasets.other:,} further observations in other datasets" if datasets.other else "",
    )


def _over(pairs: Pairs, name: str, bucket: Bucket) -> Value:
    return Value(bucket.value, bucket.label[:200], bucket.count, False, links.over(pairs, name, bucket.value), 0)


def _heat(asked: Request, page: Page) -> HeatView | None:
    if page.heat is None:
        return None
    drawn = maps.draw(page.heat)
    cells = drawn.cells if drawn else ()
    fullest = drawn.fullest if drawn else ()
    # A cell is looked into with cells of its own, whatever order was asked for.
    pairs = (*(each for each in asked.pairs if each[0] != links.HEAT), (links.HEAT, page.heat.frame))
    return HeatView(
        drawing=drawn,
        urls=tuple(links.replaced(pairs, place.PARAMETER, each.asks) for each in cells),
        fullest=tuple(
            Value(each.asks, each.label, each.count, False, links.replaced(pairs, place.PARAMETER, each.asks), 0)
            for each in fullest
        ),
        frame=wording.value("frame", page.heat.frame),
        close=links.replaced(asked.pairs, links.HEAT, ""),
        out=links.replaced(asked.pairs, place.PARAMETER, "") if asked.query.place else "",
    )


def _frames(asked: Request, facets: Iterable[Facet]) -> tuple[Option, ...]:
    """Return the frames in which results lie, each with the URL of its map."""
    found = next((facet for facet in facets if facet.name == "frame"), None)
    shown = asked.query.heat.frame if asked.query.heat else ""
    return tuple(
        Option(each.value, each.label, each.value == shown, links.replaced(asked.pairs, links.HEAT, each.value))
        for each in (found.buckets if found else ())
        if each.count
    )


def _noun(scope: str, number: int) -> str:
    one, many = ("observation", "observations") if scope == OBSERVATIONS else ("resource", "resources")
    return one if number == 1 else many


def _ordered_by(name: str) -> str:
    return "Overlap" if name == OVERLAP else FIELDS[name].label


def _sorts(asked: Request) -> tuple[Option, ...]:
    query = asked.query
    now = ",".join(order.written(query.sort))
    choices = [(value, label) for value, label in SORTS if value or query.text]
    if not query.text:
        # Without words to rank by the portal's own order is by date, so it is called so.
        choices = [
            ("", "Newest first"),
            *((v, t) for v, t in choices if v != ("-updated", "-start")[query.scope != RESOURCES]),
        ]
    if query.region is not None:
        choices.append((f"-{OVERLAP}", "Most overlap with the region"))
    if now not in [value for value, _ in choices]:
        orders = query.sort.all if query.sort else ()
        told = (f"{_ordered_by(each.name)}, {'falling' if each.descending else 'rising'}" for each in orders)
        choices.append((now, "; then ".join(told)))
    return tuple(
        Option(value, label, value == now, links.replaced(asked.pairs, "sort", value)) for value, label in choices
    )
