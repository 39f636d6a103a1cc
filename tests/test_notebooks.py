"""Notebooks of selections: what they say of where their records are from, and that they find them again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from discovery import notebooks
from discovery.demo.replay import ReplayServer
from discovery.documents.site import Site
from discovery.errors import UnknownFieldError
from discovery.index.tantivy import TantivyIndex
from discovery.indexer import follow
from discovery.launch.notebook import Choice, Notebook, Told, build_for
from discovery.model.record import Asset, Record, record_id
from discovery.model.source import Mapped, RawRecord, Source
from discovery.portal import Portal
from discovery.query.query import Query
from discovery.selection import Selection
from discovery.store.store import Store

DEMO = Path(__file__).parents[1] / "fixtures" / "demo"
SITE = Site("Test portal", "https://portal.example")
SCENES = record_id("stac", "collections", "scenes")


def row(name: str, **more: Any) -> Record:
    asset = Asset(f"https://archive.example/{name}.fits", "data", media_type="image/fits")
    return Record("vo", "ivoa.ObsCore", name, "observation", f"Row {name}", assets=(asset,), **more)


def scene(name: str) -> Record:
    return Record("stac", "scenes", name, "observation", f"Scene {name}", dataset=SCENES, provider="ESA")


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    home = tmp_path_factory.mktemp("notebooks")
    made = Portal(Store(f"sqlite:///{home / 'store.db'}"), TantivyIndex(home / "index"))
    made.store.ledger.add_source(Source("stac", "stac-api", "https://stac.example/", "STAC"))
    made.store.ledger.add_source(Source("vo", "tap", "https://tap.example/tap", "VO"))
    given = [Record("stac", "collections", "scenes", "dataset", "Scenes"), *map(scene, "abc"), row("ivo://x?1"),
             row("two", external_ids=("ivo://x?2",))]  # fmt: skip
    for source in ("stac", "vo"):
        mine = [
            Mapped(each, RawRecord(each.container, each.source_id, b"{}")) for each in given if each.source == source
        ]
        made.store.ingest.page(source, 1, mine)
    follow(made.store, made.index)
    yield made
    made.close()


def code_of(made: Notebook) -> list[str]:
    return ["".join(each["source"]) for each in json.loads(made.content)["cells"] if each["cell_type"] == "code"]


def data_of(made: Notebook) -> dict[str, Any]:
    found: dict[str, Any] = {}
    exec(code_of(made)[0], found)
    data: dict[str, Any] = found["DATA"]
    return data


def test_records_of_a_collection_are_found_again_by_stac(portal: Portal) -> None:
    picked = Selection.of_ids([scene("b").id, scene("a").id, "neverheardof"])
    data = data_of(notebooks.for_selection(portal, picked, SITE, title="My scenes"))
    assert data["title"] == "My scenes"
    assert data["page"] == f"{SITE.url}{picked.address()}"
    assert data["again"] == f"{SITE.url}{picked.address(f='ndjson')}"
    assert [each["title"] for each in data["records"]] == ["Scene b", "Scene a"]
    assert data["stac"] == {"url": f"{SITE.url}/stac", "search": {"collections": ["scenes"], "ids": ["b", "a"]}}
    assert data["tap"] is None
    assert data["said"] == ["neverheardof is not known here"]
    assert data["records"][0]["citation"].startswith("ESA (n.d.): Scene b")


def test_rows_of_obscore_are_found_again_by_tap(portal: Portal) -> None:
    picked = Selection.of_ids([row("ivo://x?1").id, row("two").id])
    data = data_of(notebooks.for_selection(portal, picked, SITE))
    assert data["tap"] == {"url": "https://tap.example/tap", "table": "ivoa.ObsCore", "ids": ["ivo://x?1", "ivo://x?2"]}
    assert data["stac"] is None
    assert [each["family"] for each in data["files"]] == ["fits", "fits"]


def test_a_question_opens_the_first_and_says_how_many_there_are(
    portal: Portal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notebooks, "MAX_RECORDS", 2)
    picked = Selection.of_query(Query(scope="observations"))
    data = data_of(notebooks.for_selection(portal, picked, SITE, page=f"{SITE.url}/selections/x"))
    assert data["said"] == ["5 records match, and the first 2 of them are opened here"]
    assert data["page"] == f"{SITE.url}/selections/x"


def test_one_record_is_named_by_its_own_page(portal: Portal) -> None:
    data = data_of(notebooks.for_selection(portal, Selection.of_ids([scene("a").id]), SITE))
    assert data["page"] == f"{SITE.url}/records/{scene('a').id}"
    with pytest.raises(UnknownFieldError, match="unknown file 'x'"):
        notebooks.for_selection(portal, Selection.of_ids([row("two").id]), SITE, choice=Choice("x"))


def test_the_notebook_of_one_record_cites_it_and_finds_it_again_whatever_leads_there(portal: Portal) -> None:
    for each in (scene("a"), row("two")):
        made = notebooks.for_records(portal, [portal.opening(each.id)], SITE)
        assert made == notebooks.for_selection(portal, Selection.of_ids([each.id]), SITE)
        data = data_of(made)
        assert each.title in data["records"][0]["citation"]
        assert data["again"] == f"{SITE.url}/selection?id={each.id}&f=ndjson"
        assert bool(data["stac"]) is (each.source == "stac")
        assert bool(data["tap"]) is (each.source == "vo")
    with pytest.raises(UnknownFieldError, match="unknown file 'x'"):
        notebooks.for_records(portal, [portal.opening(row("two").id)], SITE, choice=Choice("x"))


def test_notebooks_of_other_records_are_other_files(portal: Portal) -> None:
    both = [portal.opening(each.id) for each in (row("two"), scene("a"))]
    made = notebooks.for_records(portal, both, SITE)
    data = data_of(made)
    assert [each["title"] for each in data["records"]] == ["Row two", "Scene a"]
    assert data["page"] == f"{SITE.url}/selection?id={row('two').id}&id={scene('a').id}"
    others = notebooks.for_records(portal, [both[0], portal.opening(scene("b").id)], SITE)
    assert made.name.startswith("2-records-selection-")
    assert made.name != others.name
    assert made == notebooks.for_records(portal, both, SITE)


@pytest.mark.slow
def test_the_function_for_an_archive_asks_it_by_pyvo_for_these_rows_and_no_others() -> None:
    import pyvo

    with ReplayServer(DEMO) as server:
        tap = {"url": f"{server.url}/gavo/tap", "table": "ivoa.ObsCore"}
        known = pyvo.dal.TAPService(tap["url"]).search("SELECT TOP 3 obs_publisher_did FROM ivoa.ObsCore")
        ids = [str(each["obs_publisher_did"]) for each in known]
        made = build_for([], site=SITE.url, told=Told(tap={**tap, "ids": [*ids[1:], "ivo://o'clock?'"]}))
        names: dict[str, Any] = {}
        for each in code_of(made):
            if "DATA = " in each or "def ask_archive" in each:
                exec(each, names)
        rows = names["ask_archive"]()
    assert sorted(rows["obs_publisher_did"]) == sorted(ids[1:])
    assert "s_ra" in rows.colnames
