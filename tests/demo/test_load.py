from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from discovery import wiring
from discovery.app import create_app
from discovery.config import Settings
from discovery.demo import embedded
from discovery.demo.embedded import SPACE
from discovery.demo.load import load
from discovery.index.calendar import month_start
from discovery.index.elasticsearch import Access, ElasticsearchIndex
from discovery.indexer import differences, rebuild
from discovery.model.record import OBSERVATIONS, SCOPES
from discovery.portal import Page, Portal
from discovery.query.fields import FIELDS
from discovery.query.query import (
    Comparison,
    FacetRequest,
    Histogram,
    Like,
    Query,
    Region,
    Selection,
    Sort,
    Time,
)
from discovery.similarity import Examples, Question
from discovery_graphql.operations import Operations, published

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(tmp_path_factory.mktemp("demo"))


@pytest.fixture(scope="module")
def portal(settings: Settings) -> Iterator[Portal]:
    portal = wiring.open_portal(settings)
    load(portal, settings, quiet=True)
    yield portal
    portal.close()


def test_what_looks_alike_is_found_and_leads_to_its_dataset(portal: Portal, settings: Settings) -> None:
    space = portal.spaces.get(SPACE)
    assert (space.live, space.dimensions) == (417, 768)
    dataset = portal.record(space.record).record
    assert dataset.title.startswith("Clay v0 embeddings")
    assert [lead.space for lead in portal.leads(dataset)] == [SPACE]
    found = portal.similar(SPACE, Question(Examples(rows=(5,)), size=3))
    assert [hit.record.id for hit in found.hits if hit.record] == [dataset.id] * 3
    before = space.generation
    embedded.add(portal, settings.home)
    assert portal.spaces.get(SPACE).generation == before


def exported(portal: Portal) -> Counter[tuple[str, str]]:
    return Counter((str(row["source"]), str(row["kind"])) for row in portal.export())


def test_the_demo_holds_exactly_what_its_sources_hold(portal: Portal) -> None:
    assert exported(portal) == {
        ("open-science-catalog", "dataset"): 351,
        ("open-science-catalog", "project"): 208,
        ("open-science-catalog", "pipeline"): 17,
        ("open-science-catalog", "experiment"): 9,
        ("open-science-catalog", "observation"): 298,
        ("earth-search-sentinel-2", "dataset"): 1,
        ("earth-search-sentinel-2", "observation"): 100,
        ("planetary-computer-naip", "dataset"): 3,
        ("planetary-computer-naip", "observation"): 1000,
        ("gavo-obscore", "dataset"): 1,
        ("gavo-obscore", "observation"): 10,
        ("synthetic-obscore", "dataset"): 5,
        ("synthetic-obscore", "observation"): 500,
        ("portal", "datalab"): 38,
        ("portal", "volume"): 23,
        ("datalabs-examples", "dataset"): 8,
        ("clay-embeddings", "dataset"): 1,
    }


def test_every_record_of_the_demo_is_found_by_a_search(portal: Portal) -> None:
    assert differences(portal.store, portal.index) == []
    assert portal.search(Query(size=0)).total.value == 665
    assert portal.search(Query(scope="observations", size=0)).total.value == 1908


def test_every_observation_of_the_demo_has_its_dataset(portal: Portal) -> None:
    rows = list(portal.export())
    datasets = {row["id"] for row in rows if row["kind"] != "observation"}
    orphans = Counter(row["source"] for row in rows if row["kind"] == "observation" and row["dataset"] not in datasets)
    assert orphans == {}


def test_nothing_of_the_demo_is_in_quarantine(portal: Portal) -> None:
    assert portal.store.ledger.quarantined() == []


def test_the_facets_of_the_model_portal_show(portal: Portal) -> None:
    names = ("kind", "capability", "domain", "instrument", "theme", "mission")
    facets = {facet.name: facet for facet in portal.facets(Query(), names)}
    assert all(facets[name].buckets for name in names)
    assert {bucket.value for bucket in facets["domain"].buckets} == {
        "earth-observation",
        "space-science",
        "navigation",
    }


def test_a_second_start_harvests_nothing_again(portal: Portal, settings: Settings) -> None:
    before = len(portal.store.ledger.runs())
    load(portal, settings, quiet=True)
    assert len(portal.store.ledger.runs()) == before


@pytest.mark.peer
@pytest.mark.timeout(600)
def test_the_demo_answers_the_same_on_elasticsearch(
    portal: Portal, elasticsearch: str, elasticsearch_prefix: str
) -> None:
    index = ElasticsearchIndex(Access((elasticsearch,)), prefix=elasticsearch_prefix)
    other = Portal(portal.store, index)
    rebuild(portal.store, index)
    assert differences(portal.store, index) == []
    asked = list(questions(portal))
    assert len(asked) > 300
    for query in asked:
        assert told(other.search(query)) == told(portal.search(query)), query
    for text in ("sen", "hub", "crab neb", "sea surf", "coper"):
        assert other.suggest(text) == portal.suggest(text)
    for scope in SCOPES:
        assert walked(other, scope) == walked(portal, scope)
    index.close()


@pytest.mark.peer
@pytest.mark.timeout(600)
def test_the_demo_is_the_same_on_postgresql(
    portal: Portal, settings: Settings, postgresql_url: str, tmp_path: Path
) -> None:
    there = Settings(tmp_path, store=postgresql_url)
    with closing(wiring.open_store(there)) as store:
        # Links to next pages are signed; with one secret they are the same.
        store.ledger.fact("secret", portal.store.secret().hex())
    with closing(wiring.open_portal(there)) as other:
        load(other, there, quiet=True)
        assert differences(other.store, other.index) == other.store.check() == []
        assert list(other.export()) == list(portal.export())
        asked = list(questions(portal))[::3]
        assert len(asked) > 100
        for query in asked:
            assert told(other.search(query)) == told(portal.search(query)), query
        for scope in SCOPES:
            assert walked(other, scope) == walked(portal, scope)
        one, two = (
            TestClient(create_app(each, opened, steward=False), base_url="http://127.0.0.1")
            for each, opened in ((settings, portal), (there, other))
        )
        for path in PATHS:
            answers = [app.get(path, headers={"Accept": "application/json"}) for app in (one, two)]
            assert [each.status_code for each in answers] == [200, 200], path
            assert plain(answers[0].json()) == plain(answers[1].json()), path


@pytest.mark.peer
@pytest.mark.timeout(600)
def test_faces_answer_the_same_on_elasticsearch(
    portal: Portal, settings: Settings, elasticsearch: str, elasticsearch_prefix: str
) -> None:
    index = ElasticsearchIndex(Access((elasticsearch,)), prefix=elasticsearch_prefix)
    other = Portal(portal.store, index)
    rebuild(portal.store, index)
    apps = [
        TestClient(create_app(settings, each, steward=False), base_url="http://127.0.0.1") for each in (portal, other)
    ]
    for path in PATHS:
        one, two = (app.get(path, headers={"Accept": "application/json"}) for app in apps)
        assert (one.status_code, plain(one.json())) == (200, plain(two.json())), path
        assert len(one.content) > 300, path
    for operation in Operations(published() / "operations").all:
        if operation.name != "search":
            one, two = (app.post("/graphql", json={"query": operation.text}) for app in apps)
            assert one.json() == two.json(), operation.name
            assert "errors" not in one.json()
    index.close()


PATHS = (
    "/search?f=json&size=50&sort=title",
    "/search?f=json&scope=observations&size=50&facet.mission=earth-observation",
    "/search?f=json&scope=observations&bbox=-100,25,-80,50&time=2010/2020",
    "/search?f=json&scope=observations&cone=83.6,22,40&sort=-start",
    "/search?f=json&filter=title+LIKE+%27%25sea%25%27&sort=-title",
    "/stac/collections?limit=50",
    "/stac/search?limit=50",
    "/stac/search?limit=20&sortby=-eo:cloud_cover",
    "/stac/search?limit=20&bbox=-100,25,-80,50&datetime=2010-01-01T00:00:00Z/2020-01-01T00:00:00Z",
    "/stac/collections/naip/items?limit=30",
)
"""Questions over HTTP whose answers are in an order that engines agree on."""


def plain(answer: Any) -> Any:
    """Return an answer without what is an engine's own: how long it took and the name of a generation."""
    if isinstance(answer, dict):
        return {name: plain(each) for name, each in answer.items() if name not in {"seconds", "generation"}}
    return [plain(each) for each in answer] if isinstance(answer, list) else answer


def questions(portal: Portal) -> Iterator[Query]:
    """Yield what people ask of the demo: each value of each facet, words, orders, times, places, patterns."""
    names = [each.name for each in FIELDS.values() if each.facet]
    requests = tuple(FacetRequest(name, 50) for name in names)
    words = Counter(word.lower() for row in portal.export() for word in str(row["title"]).split() if word.isalpha())
    box = {"type": "Polygon", "coordinates": [[[-100, 25], [-80, 25], [-80, 50], [-100, 50], [-100, 25]]]}
    cone = {"type": "Circle", "center": [83.6, 22.0], "radius": 40.0}
    for scope in SCOPES:
        yield Query(scope=scope, facets=requests, histogram=Histogram("month"))
        for facet in portal.facets(Query(scope=scope), names):
            for bucket in facet.buckets[:6]:
                ticked = (Selection(facet.name, (bucket.value,)),)
                yield Query(scope=scope, selections=ticked, facets=requests, histogram=Histogram())
        for word in list(words)[::24]:
            yield Query(scope=scope, text=word, size=100, facets=requests[:4])
        for each in FIELDS.values():
            if each.sort:
                yield from (Query(scope=scope, sort=Sort(each.name, down), size=100) for down in (False, True))
        for region in (Region(box), Region(box, relation="disjoint"), Region(cone, "sky")):
            yield Query(scope=scope, region=region, size=100, facets=requests[:6])
        for year in range(1990, 2026, 3):
            yield Query(scope=scope, time=Time(year_start(year), year_start(year + 1)), size=100)
        for pattern in ("%a%", "s%", "_e%", "%-%"):
            for name in ("title", "keyword", "mission"):
                yield Query(scope=scope, filter=Like(name, pattern, casei=True, accenti=True), size=100)
    yield Query(text="hst OR -sentinel", facets=requests)
    yield Query(scope=OBSERVATIONS, text="s2 -naip", filter=Comparison("<", "cloud_cover", 20), facets=requests)


def told(page: Page) -> tuple[object, ...]:
    """Return what engines must agree on: order only where it is by a field, ids where all are on the page."""
    ids = [each.record.id for each in page.records]
    if page.query.text:
        ids = sorted(ids) if page.total.value <= page.query.size else []
    return page.total, ids, page.facets, page.bins, bool(page.next)


def year_start(year: int) -> int:
    return month_start(year * 12)


def walked(portal: Portal, scope: str) -> list[str]:
    """Return the ids of everything, page by page in the usual order."""
    ids: list[str] = []
    query = Query(scope=scope, size=97)
    while True:
        page = portal.search(query)
        ids += [each.record.id for each in page.records]
        if not page.next:
            return ids
        query = replace(query, after=page.next)


@pytest.mark.peer
@pytest.mark.timeout(600)
def test_commands_work_on_elasticsearch(tmp_path: Path, elasticsearch: str, elasticsearch_prefix: str) -> None:
    def said(*command: str, environment: Mapping[str, str] = os.environ) -> str:
        run = [sys.executable, "-m", "discovery", "--home", str(tmp_path), *command]
        return subprocess.run(run, capture_output=True, check=True, text=True, env=environment).stdout

    chosen = {**os.environ, "DISCOVERY_INDEX_PREFIX": elasticsearch_prefix}
    on = ("--index", f"elasticsearch={elasticsearch}")
    reports = json.loads(said(*on, "demo", "--no-serve", "--json", environment=chosen))
    assert {report["status"] for report in reports} == {"complete"}
    assert "whole and agree" in said(*on, "check", environment=chosen)
    by_setting = {**chosen, "DISCOVERY_INDEX": f"elasticsearch={elasticsearch}"}
    assert "HST" in said("search", "hubble", environment=by_setting)
    assert not (tmp_path / "index").exists()


def test_the_demo_works_from_an_installed_wheel(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    installed = tmp_path / "installed"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(installed)
    command = [sys.executable, "-m", "discovery", "--home", str(tmp_path / "home"), "demo", "--no-serve", "--json"]
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, check=True)
    reports = json.loads(done.stdout)
    assert {report["source"]: report["status"] for report in reports}.keys() == {
        "open-science-catalog",
        "earth-search-sentinel-2",
        "planetary-computer-naip",
        "gavo-obscore",
        "synthetic-obscore",
        "clay-embeddings",
        "datalabs-examples",
    }
    assert all(report["status"] == "complete" for report in reports)
    where = [sys.executable, "-c", "import discovery, ui, harvesters, discovery_graphql; print(discovery.__file__)"]
    there = subprocess.run(where, cwd=tmp_path, env=environment, capture_output=True, check=True, text=True)
    assert Path(there.stdout.strip()).is_relative_to(installed)
