"""Documents that every engine is asked about, and what each question finds among them: the cases of the contract."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, Final

from discovery.errors import BadQueryError, GoneError, LimitError, UnknownFieldError
from discovery.index.base import RELEVANCE_WINDOW, Cells, Document, Index, Keys, Plan, Position
from discovery.index.calendar import month_of
from discovery.index.plans import MAX_BUCKETS, MAX_PAGE
from discovery.query.query import (
    And,
    Between,
    Comparison,
    FacetRequest,
    Histogram,
    In,
    IsNull,
    Like,
    Not,
    Or,
    Selection,
    Sort,
    Time,
)
from discovery.query.text import Group, TextQuery, document_text, parse
from discovery.query.tokens import fold

SCOPE: Final = "resources"
OTHER: Final = "observations"


def make(key: int, title: str = "", body: str = "", *, ids: Sequence[str] = (), **fields: Any) -> Document:
    """Return a document: text from a title, a body and identifiers, and any field of `Document` by name."""
    text = document_text({"title": title, "body": body, "identifiers": ids}) if title or body or ids else None
    instants = fields.get("instants", {})
    month = month_of(instants["start"]) if "start" in instants else None
    return Document(**{"key": key, "title": fold(title), "text": text, "month": month, **fields})


YEAR_2000: Final = 946_684_800_000
YEAR_2001: Final = 978_307_200_000
DAY: Final = 86_400_000

CATALOGUE: Final = (
    make(
        1,
        "Sentinel-2 ocean colour",
        "Chlorophyll of the sea surface seen by a radiometer",
        ids=("10.5270/esa-one", "esa.one"),
        keywords={"mission": ("eo", "eo/sentinel-2"), "keyword": ("ocean", "Colour"), "level": ("L2A",)},
        numbers={"cloud_cover": 10.0, "size": 1.0},
        instants={"start": YEAR_2000, "end": YEAR_2000 + DAY},
        cells=(64, 65),
        parents=(16, 4),
        tail=("orbit=12", "note=a=b"),
    ),
    make(
        2,
        "Hubble deep field",
        "The deep sea of galaxies",
        ids=("10.5270/ESA-two",),
        keywords={"mission": ("astronomy", "astronomy/hubble"), "keyword": ("galaxies",)},
        numbers={"cloud_cover": 0.0},
        instants={"start": YEAR_2001},
        cells=(80,),
        parents=(20, 5),
        tail=("orbit=13",),
    ),
    make(
        3,
        "hubble deep field",
        "Reprocessed",
        keywords={"mission": ("astronomy", "astronomy/hubble"), "keyword": ("galaxies", "ocean")},
        numbers={"cloud_cover": -5.5},
        instants={"end": YEAR_2001 + 400 * DAY},
        cells=(16,),
        parents=(4,),
    ),
    make(4, "Ocean deep currents", "colour", keywords={"keyword": ("100%_sure\\", "Ünïté")}, numbers={"size": 1e300}),
    make(5, "", "No title at all", instants={"start": -(10**15), "end": -(10**15) + 1}),
    make(6, keywords={"mission": ("eo",), "keyword": ("line\nbreak",)}, numbers={"cloud_cover": 10.0}),
)


def both(*nodes: Any) -> And:
    """Return nodes joined by AND, those of plans among them."""
    return And(nodes)


def either(*nodes: Any) -> Or:
    """Return nodes joined by OR, those of plans among them."""
    return Or(nodes)


def neither(node: Any) -> Not:
    """Return the opposite of a node, one of plans too."""
    return Not(node)


FILTERS: Final[tuple[tuple[Any, set[int]], ...]] = (
    (And(()), {1, 2, 3, 4, 5, 6}),
    (Or(()), set()),
    (Not(And(())), set()),
    (Comparison("=", "keyword", "ocean"), {1, 3}),
    (Comparison("=", "keyword", "Ocean"), set()),
    (Comparison("<>", "keyword", "ocean"), {2, 4, 6}),
    (Not(Comparison("=", "keyword", "ocean")), {2, 4, 5, 6}),
    (Not(Comparison("<>", "keyword", "ocean")), {1, 3, 5}),
    (Comparison("<", "keyword", "galaxies"), {1, 4}),
    (Comparison(">=", "keyword", "ocean"), {1, 3, 4}),
    (Comparison(">", "keyword", "ocean"), {4}),
    (Between("keyword", "g", "m"), {2, 3, 6}),
    (In("keyword", ("galaxies", "Colour", "nothing")), {1, 2, 3}),
    (In("keyword", ()), set()),
    (IsNull("keyword"), {5}),
    (Not(IsNull("keyword")), {1, 2, 3, 4, 6}),
    (Comparison("=", "cloud_cover", 10), {1, 6}),
    (Comparison("=", "cloud_cover", -5.5), {3}),
    (Comparison("=", "cloud_cover", -0.0), {2}),
    (Comparison("<>", "cloud_cover", 10), {2, 3}),
    (Comparison("<", "cloud_cover", 0), {3}),
    (Comparison("<=", "cloud_cover", 0), {2, 3}),
    (Comparison(">", "cloud_cover", -5.5), {1, 2, 6}),
    (Comparison(">=", "cloud_cover", -5.5), {1, 2, 3, 6}),
    (Comparison(">", "size", 1), {4}),
    (Comparison("<", "size", 10**400), {1, 4}),
    (Between("cloud_cover", -5.5, 0.0), {2, 3}),
    (Between("cloud_cover", 5, -5), set()),
    (In("cloud_cover", (0, -5.5)), {2, 3}),
    (IsNull("cloud_cover"), {4, 5}),
    (Comparison("=", "eo:cloud_cover", 10.0), {1, 6}),
    (Comparison("=", "start", YEAR_2000), {1}),
    (Comparison("<", "start", YEAR_2000 + 0.5), {1, 5}),
    (Comparison(">", "start", YEAR_2000 - 0.5), {1, 2}),
    (Comparison(">=", "start", 10**30), set()),
    (Comparison(">=", "start", -(10**30)), {1, 2, 5}),
    (Between("end", YEAR_2000, YEAR_2001 + 400 * DAY), {1, 3}),
    (IsNull("start"), {3, 4, 6}),
    (Time(YEAR_2000 + DAY, YEAR_2000 + DAY), {1, 3}),
    (Time(YEAR_2000 + DAY + 1, YEAR_2001 - 1), {3}),
    (Time(YEAR_2001 + 401 * DAY, None), {2}),
    (Time(None, -(10**15)), {3, 5}),
    (Time(None, None), {1, 2, 3, 5}),
    (Time(-(10**40), 10**40), {1, 2, 3, 5}),
    (Time(10**40, None), {2}),
    (Like("keyword", "oc%"), {1, 3}),
    (Like("keyword", "%a%"), {1, 2, 3, 6}),
    (Like("keyword", "_cean"), {1, 3}),
    (Like("keyword", "OCEAN", casei=True), {1, 3}),
    (Like("keyword", "colour"), set()),
    (Like("keyword", "unite", accenti=True), set()),
    (Like("keyword", "unite", casei=True, accenti=True), {4}),
    (Like("keyword", "ünïté", casei=True), {4}),
    (Like("keyword", "100\\%\\_sure\\\\"), {4}),
    (Like("keyword", "100__sure_"), {4}),
    (Like("keyword", ".*"), set()),
    (Like("keyword", "line%break"), {6}),
    (Like("keyword", "line_break"), {6}),
    (Like("keyword", "%"), {1, 2, 3, 4, 6}),
    (Like("keyword", ""), set()),
    (Like("keyword", "%e" + "_" * 12 + "%"), set()),
    (Like("title", "Hubble%"), {2, 3}),
    (Like("title", "%DEEP%"), {2, 3, 4}),
    (IsNull("title"), {5, 6}),
    (Comparison("=", "properties.orbit", "12"), {1}),
    (Comparison("<>", "properties.orbit", "12"), {2}),
    (In("properties.orbit", ("12", "13")), {1, 2}),
    (Comparison("=", "properties.note", "a=b"), {1}),
    (IsNull("properties.orbit"), {3, 4, 5, 6}),
    (Comparison("=", "properties.eo:cloud_cover", 10), {1, 6}),
    (Cells((64,), ()), {1}),
    (Cells((256,), (64, 16, 4)), {1, 3}),
    (Cells((16,), (4,)), {1, 3}),
    (Cells((4, 5), ()), {1, 2, 3}),
    (Cells((), ()), set()),
    (Keys(frozenset({2, 6, 99})), {2, 6}),
    (Keys(frozenset()), set()),
    (both(Cells((4,), ()), neither(Keys(frozenset({1})))), {3}),
    (both(Cells((4, 5), ()), Time(YEAR_2000 + DAY + 1, YEAR_2001 - 1)), {3}),
    (both(either(Cells((4,), ()), Keys(frozenset({2, 5}))), Time(None, -(10**15))), {3, 5}),
    (both(Keys(frozenset({1, 2, 6})), Time(None, None)), {1, 2}),
    (Or((Comparison("=", "keyword", "galaxies"), And((Not(IsNull("level")), Time(None, YEAR_2000))))), {1, 2, 3}),
)

TEXTS: Final[tuple[tuple[TextQuery, set[int]], ...]] = (
    (parse("ocean"), {1, 2, 4}),
    (parse("OCEANS"), {1, 2, 4}),
    (parse("deep sea"), {2}),
    (parse('"deep sea"'), {2}),
    (parse('"sea deep"'), set()),
    (parse("deep -field"), {4}),
    (parse("-deep"), {1, 5, 6}),
    (parse("sentinel 2"), {1}),
    (parse("https://doi.org/10.5270/ESA-ONE"), {1}),
    (parse("title:ocean OR *"), set()),
    (TextQuery(), {1, 2, 3, 4, 5, 6}),
    (TextQuery((Group((("galaxi",), ("chlorophyl",))),)), {1, 2}),
    (TextQuery((Group((("ocean", "chlorophyl"),), phrase=False),)), {1}),
    (TextQuery((Group((("ocean", "chlorophyl"),)),)), set()),
    (TextQuery((Group((("nothing",),)),), exact="10.5270/esa-two"), {2}),
    (replace(parse("deep ocean hubble"), least=2), {2, 3, 4}),
    (replace(parse("deep ocean hubble"), least=1), {1, 2, 3, 4}),
    (replace(parse("deep ocean hubble"), least=3), {2}),
    (replace(parse('ocean hubble "deep field"'), least=1), {2, 3}),
    (replace(parse("ocean hubble -reprocessed"), least=1), {1, 2, 4}),
    (replace(parse("ocean absent 10.5270/esa-two"), least=9), set()),
)

REFUSED: Final[tuple[tuple[Any, type[Exception]], ...]] = (
    (Plan("everything"), BadQueryError),
    (Plan(SCOPE, size=-1), BadQueryError),
    (Plan(SCOPE, size=MAX_PAGE + 1), LimitError),
    (Plan(SCOPE, offset=RELEVANCE_WINDOW, size=1), LimitError),
    (Plan(SCOPE, facets=(FacetRequest("keyword", MAX_BUCKETS + 1),)), LimitError),
    (Plan(SCOPE, facets=(FacetRequest("title"),)), UnknownFieldError),
    (Plan(SCOPE, facets=(FacetRequest("_key"),)), UnknownFieldError),
    (Plan(SCOPE, selections=(Selection("cloud_cover", ("1",)),)), UnknownFieldError),
    (Plan(SCOPE, sort=Sort("keyword")), UnknownFieldError),
    (Plan(SCOPE, sort=Sort("size", then=(Sort("keyword"),))), UnknownFieldError),
    (Plan(SCOPE, sort=Sort("size", then=(Sort("title"),)), after=Position(1.0, 2)), BadQueryError),
    (Plan(SCOPE, sort=Sort("size"), after=Position(1.0, 2, (3.0,))), BadQueryError),
    (Plan(SCOPE, histogram=Histogram("week")), BadQueryError),
    (Plan(SCOPE, filter=Comparison("=", "nothing", 1)), UnknownFieldError),
    (Plan(SCOPE, filter=Comparison("=", "_key", 1)), UnknownFieldError),
    (Plan(SCOPE, filter=Comparison("=", "keyword", 1)), BadQueryError),
    (Plan(SCOPE, filter=Comparison("=", "cloud_cover", "1")), BadQueryError),
    (Plan(SCOPE, filter=Comparison("=", "cloud_cover", float("nan"))), BadQueryError),
    (Plan(SCOPE, filter=Like("keyword", "%" * 2000)), LimitError),
    (Plan(SCOPE, generation="g999999"), GoneError),
)

BROKEN: Final = (
    Document(-1),
    Document(7, numbers={"size": float("nan")}),
    Document(7, numbers={"size": float("inf")}),
    Document(7, numbers={"nothing": 1.0}),
    Document(7, keywords={"size": ("1",)}),
    Document(7, keywords={"keyword": ("x" * 9000,)}),
    Document(7, keywords={"keyword": ("\ud800",)}),
    Document(7, instants={"start": 2**63}),
    Document(7, cells=(-1,)),
    Document(7, anchor=12 * 4**12),
)


def fill(index: Index, documents: Iterable[Document] = CATALOGUE, scope: str = SCOPE, change: int = 1) -> None:
    """Put documents into an index."""
    index.write(scope, documents, (), change)


def found(index: Index, **plan: Any) -> set[int]:
    """Return the keys that match, as the total, the page and `keys` agree on them."""
    asked = Plan(SCOPE, **plan)
    answer = index.search(replace(asked, size=100))
    keys = {hit.key for hit in answer.hits}
    assert len(keys) == len(answer.hits) == answer.total.value
    assert answer.total.exact
    assert set(index.keys(asked)) == keys
    return keys


def walked(index: Index, sort: Sort, size: int, **plan: Any) -> list[int]:
    """Return all keys in order, read page by page, each beginning where the last one ended."""
    keys: list[int] = []
    after = None
    while True:
        answer = index.search(Plan(SCOPE, sort=sort, size=size, after=after, **plan))
        keys += [hit.key for hit in answer.hits]
        if not answer.more:
            return keys
        last = answer.hits[-1]
        after = Position(last.value, last.key, last.then)


def counts(index: Index, *requests: FacetRequest, **plan: Any) -> list[dict[str, int]]:
    """Return the buckets of facets, in their order."""
    facets = index.search(Plan(SCOPE, facets=requests, **plan)).facets
    assert [facet.name for facet in facets] == [request.name for request in requests]
    assert all(facet.exact and facet.label == "" for facet in facets)
    return [{bucket.value: bucket.count for bucket in facet.buckets} for facet in facets]
