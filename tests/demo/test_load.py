from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from discovery import wiring
from discovery.config import Settings
from discovery.demo.load import load
from discovery.indexer import differences
from discovery.portal import Portal
from discovery.query.query import Query

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
        ("datalabs-examples", "datalab"): 37,
        ("datalabs-examples", "volume"): 21,
        ("datalabs-examples", "dataset"): 8,
    }


def test_every_record_of_the_demo_is_found_by_a_search(portal: Portal) -> None:
    assert differences(portal.store, portal.index) == []
    assert portal.search(Query(size=0)).total.value == 661
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
        "datalabs-examples",
    }
    assert all(report["status"] == "complete" for report in reports)
    where = [sys.executable, "-c", "import discovery, ui, harvesters, discovery_graphql; print(discovery.__file__)"]
    there = subprocess.run(where, cwd=tmp_path, env=environment, capture_output=True, check=True, text=True)
    assert Path(there.stdout.strip()).is_relative_to(installed)
