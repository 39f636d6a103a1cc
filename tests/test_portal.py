"""The one door: questions over a real store and a real engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import httpx
import pytest
from sqlalchemy import update

from discovery.config import Settings
from discovery.embeddings.spaces import Spaces
from discovery.errors import (
    BadQueryError,
    ConfigError,
    GoneError,
    NotFoundError,
    UnavailableError,
    UnknownFieldError,
)
from discovery.http import Client, Policy
from discovery.index.tantivy import TantivyIndex
from discovery.indexer import follow, rebuild
from discovery.model.extent import Extent
from discovery.model.record import OBSERVATIONS, RESOURCES, Asset, Record
from discovery.model.source import Mapped, RawRecord
from discovery.portal import Portal
from discovery.query.facets import CellRequest, Place, RangeRequest, RangeSelection
from discovery.query.names.sesame import Sesame
from discovery.query.query import Comparison, FacetRequest, Histogram, Like, Not, Query, Region, Selection, Sort
from discovery.store.schema import records
from discovery.store.store import Store
from discovery.wiring import open_portal, sesame


def record(name: str, title: str = "Title", kind: str = "dataset", **more: object) -> Record:
    return Record("s", "c", name, kind, title, **more)  # type: ignore[arg-type]


def names(portal: Portal, query: Query) -> list[str]:
    return [each.record.source_id for each in portal.search(query).records]


def test_facets_count_the_match_with_labels_and_paths(portal: Portal, put: Callable[..., None]) -> None:
    put(record("a", missions=("astronomy/hubble",)), record("b", missions=("astronomy/hubble",)), record("c"))
    page = portal.search(Query(size=1, facets=(FacetRequest("mission"), FacetRequest("kind"))))
    mission, kind = page.facets
    assert (mission.label, kind.label) == ("Mission", "Type of asset")
    assert [(each.value, each.count, each.path) for each in mission.buckets] == [
        ("astronomy", 2, ("astronomy",)),
        ("astronomy/hubble", 2, ("astronomy", "astronomy/hubble")),
    ]
    assert [(each.value, each.count, each.path) for each in kind.buckets] == [("dataset", 3, ())]
    assert page.total.value == 3


def test_a_dataset_is_labelled_by_its_title(portal: Portal, put: Callable[..., None]) -> None:
    parent = record("d", "The Crab survey")
    put(parent, record("o", kind="observation", dataset=parent.id))
    (facet,) = portal.facets(Query(scope=OBSERVATIONS), ["dataset"])
    assert [(each.value, each.label) for each in facet.buckets] == [(parent.id, "The Crab survey")]


@pytest.mark.parametrize("descending", [False, True])
def test_pages_walk_everything_once_while_records_arrive(
    portal: Portal, put: Callable[..., None], descending: bool
) -> None:
    put(*(record(f"r{n}", updated=n // 3 if n % 4 else None) for n in range(30)))
    query, seen = Query(sort=Sort("updated", descending), size=7), list[Record]()
    while True:
        page = portal.search(query)
        seen += [each.record for each in page.records]
        if not page.next:
            break
        # Before every place that is still to come, in either direction: the walk must not stumble over it.
        put(record(f"new{len(seen)}", updated=1000 if descending else -1000))
        query = Query(sort=query.sort, size=7, after=page.next)
    old = [each.source_id for each in seen if each.source_id.startswith("r")]
    assert sorted(old) == sorted(f"r{n}" for n in range(30))
    assert len(old) == len(seen)
    dated = [each.updated for each in seen if each.updated is not None]
    assert dated == sorted(dated, reverse=descending)
    assert all(each.updated is None for each in seen[len(dated) :])


def test_a_page_by_relevance_is_gone_when_its_generation_is(portal: Portal, put: Callable[..., None]) -> None:
    put(*(record(f"r{n}", "Crab nebula") for n in range(5)))
    first = portal.search(Query(text="crab", size=2))
    rest = portal.search(Query(text="crab", size=9, after=first.next))
    assert len({each.record.id for each in first.records + rest.records}) == 5
    for _ in range(3):
        rebuild(portal.store, portal.index)
    with pytest.raises(GoneError):
        portal.search(Query(text="crab", size=2, after=first.next))


@pytest.mark.parametrize(
    "query",
    [
        Query(sort=Sort("updatet")),
        Query(facets=(FacetRequest("missoin"),)),
        Query(selections=(Selection("missoin", ("x",)),)),
        Query(filter=Comparison("=", "missoin", "x")),
    ],
)
def test_unknown_names_are_refused_with_the_near_ones(portal: Portal, query: Query) -> None:
    with pytest.raises(UnknownFieldError, match="did you mean"):
        portal.search(query)


def test_an_unknown_scope_is_refused(portal: Portal) -> None:
    with pytest.raises(BadQueryError, match="resources, observations"):
        portal.search(Query(scope="everything"))


def test_ids_narrow_and_no_ids_are_nothing(portal: Portal, put: Callable[..., None]) -> None:
    one = record("a")
    put(one, record("b"))
    assert names(portal, Query(ids=())) == []
    assert names(portal, Query(ids=(one.id, "nosuchrecord2345", "\ud800"))) == ["a"]


def test_regions_are_exact_and_frames_never_mix(portal: Portal, put: Callable[..., None]) -> None:
    put(
        record("inside", extent=Extent(bbox=(10, 10, 11, 11))),
        record("near", extent=Extent(bbox=(12.001, 10, 13, 11))),
        record("far", extent=Extent(bbox=(-120, -40, -119, -39))),
        record("sky", extent=Extent("sky", {"type": "Circle", "center": [10.5, 10.5], "radius": 0.1})),
        record("nowhere"),
    )
    box = {"type": "Polygon", "coordinates": [[[9, 9], [12, 9], [12, 12], [9, 12], [9, 9]]]}
    cone = {"type": "Circle", "center": [10.5, 10.8], "radius": 0.25}
    aside = {"type": "Circle", "center": [10.5, 10.8], "radius": 0.19}
    assert names(portal, Query(region=Region(box))) == ["inside"]
    assert names(portal, Query(region=Region(cone, "sky"))) == ["sky"]
    assert names(portal, Query(region=Region(aside, "sky"))) == []
    assert sorted(names(portal, Query(region=Region(box, relation="disjoint")))) == ["far", "near"]


def test_the_other_scope_is_counted_when_asked(portal: Portal, put: Callable[..., None]) -> None:
    put(record("a", "Crab"), record("b", "Vela"), *(record(f"o{n}", "Crab", "observation") for n in range(3)))
    page = portal.search(Query(text="crab", size=1), elsewhere=True)
    assert page.elsewhere is not None
    assert (page.total.value, page.elsewhere.value) == (1, 3)
    assert portal.search(Query(text="crab")).elsewhere is None


def test_titles_are_suggested_as_somebody_types(portal: Portal, put: Callable[..., None]) -> None:
    put(record("a", "Crab nebula in X-rays"), record("b", "Crab nebula"), record("c", "Vela"))
    found = [each.title for each in portal.suggest("crab neb") if each.what == "title"]
    assert found == ["Crab nebula", "Crab nebula in X-rays"]
    assert portal.suggest("  ") == []


def test_places_in_the_words_are_told_and_narrow_nothing(portal: Portal, put: Callable[..., None]) -> None:
    rome = Extent(bbox=(12.0, 41.0, 13.0, 42.0))
    put(record("a", "Floods in Italy"), record("b", "Floods", extent=rome))
    query = Query(text="floods italy")
    assert names(portal, query) == ["a"]
    (italy,) = portal.places(query)
    assert (italy.named.name, italy.rest) == ("Italy", "floods")
    assert names(portal, Query(text=italy.rest, region=italy.named.region)) == ["b"]
    assert portal.places(Query(text="floods italy", region=italy.named.region)) == ()
    assert portal.places(Query()) == ()


def test_a_cone_around_a_named_object_finds_what_lies_there(portal: Portal, put: Callable[..., None]) -> None:
    circle = {"type": "Circle", "center": [10.7, 41.3], "radius": 0.1}
    put(record("m31", extent=Extent(geometry=circle, frame="sky")), record("far", extent=Extent(bbox=(0, 0, 1, 1))))
    (found, *_) = portal.resolve("ngc224")
    assert names(portal, Query(region=found.region)) == ["m31"]


def test_a_name_service_is_asked_for_names_alone_and_only_where_there_is_one(tmp_path: Path) -> None:
    asked: list[str] = []

    def handle(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.query.decode())
        return httpx.Response(200, text="%J 10.5 -20.25 = 00 42\n", headers={"content-type": "text/plain"})

    assert sesame(Settings(tmp_path)) is None
    policy = Policy().with_hosts("names.test:443")
    client = Client(policy, transport=httpx.MockTransport(handle), resolver=lambda _host, _port: ["192.0.2.1"])
    opened = Portal(
        Store(f"sqlite:///{tmp_path / 'store.sqlite'}"),
        TantivyIndex(tmp_path / "index"),
        sesame=Sesame("https://names.test/x", client),
    )
    assert opened.resolve("M31")[0].name == "Andromeda Galaxy"
    assert opened.places(Query(text="PKS 0023-26")) == ()
    assert asked == []
    (found,) = opened.resolve("PKS 0023-26")
    assert (found.kind, found.region.geometry["center"]) == ("object", [10.5, -20.25])
    assert asked == ["PKS%200023-26"]
    opened.close()


def test_the_address_of_a_name_service_must_be_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="not a source"):
        sesame(Settings(tmp_path, sesame="file:///etc/passwd"))
    made = sesame(Settings(tmp_path, sesame="http://127.0.0.1:9/nph-sesame", contact="ops@example.org"))
    assert made is not None
    assert made.resolve("NGC 224 XYZ") is None
    made.close()


def test_a_view_shows_parent_and_children(portal: Portal, put: Callable[..., None]) -> None:
    project = record("p", kind="project")
    dataset = record("d", dataset=project.id)
    put(project, dataset, *(record(f"o{n}", kind="observation", dataset=dataset.id) for n in range(2)))
    view = portal.view(dataset.id)
    assert view.parent is not None
    assert (view.parent.record.id, view.children.value, view.members.value) == (project.id, 2, 0)
    assert portal.view(project.id).members.value == 1
    with pytest.raises(NotFoundError):
        portal.view("nosuchrecord2345")


def test_a_missing_or_merged_parent_does_not_hide_its_child(portal: Portal, put: Callable[..., None]) -> None:
    new, old = record("new"), record("old")
    child = record("o", kind="observation", dataset=old.id)
    put(new, child)
    assert portal.view(child.id).parent is None
    put(old)
    with portal.store.database.write() as connection:
        connection.execute(update(records).where(records.c.id == old.id).values(merged=new.id))
    parent = portal.view(child.id).parent
    assert parent is not None
    assert parent.record.id == new.id


def test_a_record_deleted_in_the_store_is_never_shown(portal: Portal, put: Callable[..., None]) -> None:
    put(record("a"))
    portal.store.ingest.remove("s")
    assert names(portal, Query()) == []
    assert portal.status()[RESOURCES].documents == 1


def volume(name: str, mount: str) -> Record:
    return record(name, kind="volume", properties={"mount_path": mount})


def test_a_record_is_opened_with_what_the_catalogue_has_by_then(portal: Portal, put: Callable[..., None]) -> None:
    row = {"datalabs_path": "/data/user/x", "file_name": "a.fits"}
    put(record("a", properties=row))
    id = record("a").id
    assert [each.volume for each in portal.opening(id).files[0].places] == ["", ""]
    put(volume("v", "/data/user/x"))
    assert [each.volume for each in portal.opening(id).files[0].places] == [record("v").id, ""]
    portal.store.ingest.page("s", 1, [Mapped(volume("v", "/elsewhere"), RawRecord("c", "v", b"{}"))])
    portal.opening(id)  # Before the engine knows of it.
    follow(portal.store, portal.index)
    assert [each.volume for each in portal.opening(id).files[0].places] == ["", ""]
    with pytest.raises(NotFoundError):
        portal.opening("nothing")


def test_a_record_is_opened_while_the_engine_is_away(
    portal: Portal, put: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise UnavailableError("away")

    put(record("a", assets=(Asset("https://x.example/a.nc"),)))
    monkeypatch.setattr(portal.index, "generation", away)
    assert [each.family for each in portal.opening(record("a").id).files] == ["netcdf"]


def test_rules_of_the_home_are_used(tmp_path: Path) -> None:
    rule = '[[rule]]\nname = "r"\nwhen = [{ of = "source_id", match = "^(?P<n>a)$" }]\ngive = ["/mine/{n}.nc"]'
    (tmp_path / "rules.toml").write_text(rule)
    opened = open_portal(Settings(tmp_path, launch_rules="rules.toml"))
    assert [each.places[0].address for each in opened.opening_of(record("a")).files] == ["/mine/a.nc"]
    opened.close()
    with pytest.raises(ConfigError, match="cannot be read"):
        open_portal(Settings(tmp_path, launch_rules="none.toml"))


def test_what_is_no_text_and_what_takes_too_long_never_reaches_an_engine(portal: Portal) -> None:
    hostile = [
        Query(text="\ud800"),
        Query(filter=Comparison("=", "kind", "\ud800")),
        Query(filter=Not(Like("title", "%a" * 400))),
        Query(selections=(Selection("kind", ("\udfff",)),)),
    ]
    for query in hostile:
        for ask in (portal.search, portal.histogram, lambda each: portal.facets(each, ["kind"])):
            with pytest.raises(BadQueryError, match=r"surrogate|LIKE"):
                ask(query)
    with pytest.raises(BadQueryError, match="surrogate"):
        portal.suggest("\ud800")


def test_work_is_asked_for_and_looked_at(portal: Portal, put: Callable[..., None]) -> None:
    put(record("a"))
    id = record("a").id
    job = portal.ask("preview", {"record": id, "source": None})
    assert (job.status, job.arguments, portal.job(job.id)) == ("waiting", {"record": id}, job)
    assert portal.ask("preview", {"record": id}) == job
    assert portal.jobs() == [job]


@pytest.mark.parametrize(
    ("kind", "arguments"),
    [
        ("harvest", {"source": "nobody"}),
        ("approve", {"run": 7, "by": "ada"}),
        ("retry", {"number": 7}),
        ("preview", {"record": "nothing"}),
    ],
)
def test_work_over_what_is_not_there_is_refused_at_once(
    portal: Portal, kind: str, arguments: Mapping[str, object]
) -> None:
    with pytest.raises(NotFoundError):
        portal.ask(kind, arguments)
    assert portal.jobs() == []
    with pytest.raises(BadQueryError, match="unknown job"):
        portal.ask("dance", {})


def seen(name: str, lon: float, *, clouds: float | None = None, frame: str = "earth", dataset: str = "") -> Record:
    numbers = {} if clouds is None else {"cloud_cover": clouds}
    place = Extent(frame, {"type": "Point", "coordinates": [lon, 10.0]}, None, 0, 1)
    return record(name, kind="observation", extent=place, numbers=numbers, dataset=dataset)


def test_a_range_narrows_and_its_number_is_counted_without_it(portal: Portal, put: Callable[..., None]) -> None:
    put(seen("a", 10, clouds=5.0), seen("b", 10, clouds=50.0), seen("c", 10))
    asked = Query(
        scope=OBSERVATIONS,
        ranges=(RangeSelection("eo:cloud_cover", None, 10.0),),
        numbers=(RangeRequest("cloud_cover", edges=(0.0, 10.0, 100.0)),),
    )
    page = portal.search(asked)
    assert [each.record.source_id for each in page.records] == ["a"]
    clouds = page.numbers[0]
    assert (clouds.label, [each.count for each in clouds.ranges], clouds.missing) == ("Cloud cover", [1, 1], 1)
    with pytest.raises(UnknownFieldError, match="cloud_cover"):
        portal.search(Query(ranges=(RangeSelection("cloud_covr", 1.0),)))


def test_a_cell_of_a_map_holds_as_many_as_the_map_says(portal: Portal, put: Callable[..., None]) -> None:
    put(*(seen(f"e{lon}", lon) for lon in (0, 1, 90, 91, 92, -170)), seen("sky", 0, frame="sky"))
    for order in (0, 3, 12):
        heat = portal.search(Query(scope=OBSERVATIONS, heat=CellRequest("earth", order))).heat
        assert heat is not None
        assert heat.total == 6
        for cell, count in heat.cells:
            inside = portal.search(Query(scope=OBSERVATIONS, place=Place("earth", order, cell)))
            assert inside.total.value == count
    with pytest.raises(BadQueryError, match="cells 0 to 11"):
        portal.search(Query(place=Place("earth", 0, 12)))


def test_datasets_of_matching_observations_are_counted_beside(portal: Portal, put: Callable[..., None]) -> None:
    parent = record("parent", "Deep survey")
    put(parent, seen("a", 10, dataset=parent.id), seen("b", 10, dataset=parent.id), seen("c", 10))
    page = portal.search(Query(text="title"), beside=(FacetRequest("dataset"), FacetRequest("source")))
    assert (page.total.value, page.elsewhere and page.elsewhere.value) == (0, 3)
    datasets, sources = page.beside
    assert [(each.value, each.label, each.count) for each in datasets.buckets] == [(parent.id, "Deep survey", 2)]
    assert [(each.value, each.count) for each in sources.buckets] == [("s", 3)]
    narrowed = Query(scope=OBSERVATIONS, text="title", selections=(Selection("dataset", (parent.id,)),))
    assert portal.search(narrowed).total.value == 2


def test_a_histogram_by_day_says_so(portal: Portal, put: Callable[..., None]) -> None:
    put(seen("a", 10), seen("b", 20))
    page = portal.search(Query(scope=OBSERVATIONS, histogram=Histogram("auto")))
    assert (page.interval, [(each.start, each.count) for each in page.bins]) == ("day", [(0, 2)])
    assert portal.histogram(Query(scope=OBSERVATIONS), "day") == page.bins


def test_a_portal_without_spaces_or_the_packages_for_them_says_so(tmp_path: Path) -> None:
    def missing() -> Spaces:
        raise ConfigError("embeddings need the package faiss; install discovery-portal[embeddings]")

    store, index = Store(f"sqlite:///{tmp_path / 'c.sqlite'}"), TantivyIndex(tmp_path / "index")
    for spaces, told in ((None, "without spaces of embeddings"), (missing, "need the package faiss")):
        with pytest.raises(UnavailableError, match=told):
            _ = Portal(store, index, spaces=spaces).spaces
    index.close()
    store.close()
