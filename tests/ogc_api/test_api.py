"""What is no requirement of the standard: errors, pages, other names, and where a record has gone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from discovery import wiring
from discovery.config import Settings
from discovery.index.tantivy import TantivyIndex
from discovery.indexer import follow
from discovery.model.record import Record
from discovery.model.source import Mapped, RawRecord, Source
from discovery.ogc_api import attach, question
from discovery.portal import Portal
from discovery.store.store import Store

pytestmark = pytest.mark.slow

Get = Callable[..., Any]
RESOURCES = "/ogc/collections/resources/items"
OBSERVATIONS = "/ogc/collections/observations/items"


def rels(document: Any, rel: str) -> list[str]:
    return [each["href"] for each in document["links"] if each["rel"] == rel]


def refused(client: TestClient, path: str, status: int = 400, **params: Any) -> dict[str, Any]:
    answer = client.get(path, params=params or None)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = answer.json()
    assert problem["status"] == status
    assert problem["description"] == problem["detail"]
    return problem


def test_a_problem_names_the_parameter_and_the_limit(client: TestClient) -> None:
    assert refused(client, RESOURCES, bbox="1,2,3")["parameter"] == "bbox"
    assert refused(client, RESOURCES, nonsense="1")["code"] == "unknown_field"
    told = refused(client, RESOURCES, offset=20_000)
    assert (told["parameter"], told["limit"], told["code"]) == ("offset", "ogc-offset", "limit")
    assert refused(client, "/ogc/collections", limit=1)["parameter"] == "limit"
    assert refused(client, "/ogc", f="xml")["parameter"] == "f"


@pytest.mark.parametrize(
    "path",
    ["/ogc/nothing", "/ogc/collections/nothing", "/ogc/collections/nothing/items", "/ogc/collections/nothing/sortables",
     f"{RESOURCES}/nothing", "/ogc/crawl/nothing", "/ogc/crawl/resources/nothing"],
)  # fmt: skip
def test_what_is_not_there_is_404(client: TestClient, path: str) -> None:
    assert refused(client, path, 404)["code"] == "not_found"


def test_a_record_is_in_one_catalogue_alone(client: TestClient, full: Record) -> None:
    assert "of the resources" in refused(client, f"{OBSERVATIONS}/{full.id}", 404)["detail"]


@pytest.mark.parametrize("path", ["/ogc", RESOURCES, "/ogc/collections"])
def test_a_form_that_nobody_has_is_406(client: TestClient, path: str) -> None:
    answer = client.get(path, headers={"Accept": "application/xml"})
    assert (answer.status_code, answer.json()["code"]) == (406, "not_acceptable")
    assert "application/" in answer.json()["detail"]


def test_only_reading_is_allowed(client: TestClient) -> None:
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        assert client.request(method, RESOURCES).status_code == 405


@pytest.mark.parametrize("sortby", ["-cloud_cover", "title,-cloud_cover,start"])
def test_pages_lead_on_and_back_and_hold_every_record_once(get: Get, sortby: str) -> None:
    page, seen = get("/collections/observations/items", limit=7, sortby=sortby, f="json"), list[list[str]]()
    while True:
        seen.append([each["id"] for each in page["features"]])
        assert (page["numberMatched"], page["numberReturned"]) == (25, len(seen[-1]))
        if not rels(page, "next"):
            break
        page = get(rels(page, "next")[0])
    assert [len(each) for each in seen] == [7, 7, 7, 4]
    assert len({id for each in seen for id in each}) == 25
    for before in reversed(seen[:-1]):
        page = get(rels(page, "prev")[0])
        assert [each["id"] for each in page["features"]] == before
    assert not rels(page, "prev")
    assert get(rels(page, "first")[0])["features"] == page["features"]


def test_pages_by_relevance_lead_on(get: Get) -> None:
    page = get("/collections/observations/items", q="scene", limit=20)
    following = get(rels(page, "next")[0])
    assert len({each["id"] for each in (*page["features"], *following["features"])}) == 25


def test_an_offset_is_where_other_clients_go_on(get: Get) -> None:
    everything = [each["id"] for each in get("/collections/observations/items", limit=25)["features"]]
    page = get("/collections/observations/items", limit=5, offset=10)
    assert [each["id"] for each in page["features"]] == everything[10:15]
    following = get(rels(page, "next")[0])
    assert [each["id"] for each in following["features"]] == everything[15:20]
    beyond = get("/collections/observations/items", offset=1000)
    assert (beyond["features"], beyond["numberReturned"], beyond["numberMatched"]) == ([], 0, 25)
    assert not rels(beyond, "next")


def test_a_page_mark_of_another_question_is_refused(client: TestClient, get: Get) -> None:
    following = rels(get("/collections/observations/items", limit=5), "next")[0]
    assert "another question" in refused(client, f"{following}&q=scene")["detail"]
    assert refused(client, OBSERVATIONS, after="nonsense")["parameter"] == "after"


def test_no_records_at_all_are_an_answer(get: Get) -> None:
    page = get("/collections/resources/items", q="nothing has this word")
    assert (page["features"], page["numberMatched"], page["facets"]["type"]["buckets"]) == ([], 0, [])
    assert get("/collections/resources/items", q="!?")["numberMatched"] == 0


def test_what_is_asked_from_afar_leads_back_there(portal: Portal, full: Record, serving: Callable[..., Any]) -> None:
    app = FastAPI()
    attach(app, portal, title="T")
    with serving(app, "/portal") as address, httpx.Client(base_url=address, headers={"Host": "far.test"}) as client:
        # What the proxy has cut off stands in the addresses again.
        found = client.get(f"{RESOURCES}/{full.id}").json()
    assert rels(found, "self") == [f"http://far.test/portal{RESOURCES}/{full.id}"]
    assert rels(found, "discovery:page") == [f"http://far.test/portal/records/{full.id}"]


def test_a_deleted_record_is_410_and_a_merged_one_leads_on(store: Store, tmp_path: Path) -> None:
    door = Portal(store, TantivyIndex(tmp_path / "index"))
    app = FastAPI()
    attach(app, door, title="T")
    client = TestClient(app, base_url="http://127.0.0.1", follow_redirects=False)
    same = [Record(source, "", source, "dataset", "Sea ice", doi="10.5270/ice") for source in ("a", "b")]
    gone = Record("c", "", "c", "dataset", "Gone")
    for each in (*same, gone):
        store.ledger.add_source(Source(each.source, "tap", "https://a.test/tap"))
        run = store.ledger.begin(each.source).id
        store.ingest.page(each.source, run, [Mapped(each, RawRecord("", each.source_id, b"{}"))])
    store.ingest.remove("c")
    assert store.duplicates.find().merged == 1
    assert refused(client, f"{RESOURCES}/{gone.id}", 410)["code"] == "gone"
    answers = {client.get(f"{RESOURCES}/{each.id}").status_code: each.id for each in same}
    assert set(answers) == {200, 301}
    moved = client.get(f"{RESOURCES}/{answers[301]}").headers["location"]
    assert moved == f"http://127.0.0.1{RESOURCES}/{answers[200]}"
    door.index.close()


def test_both_engines_find_the_same_by_terms_and_identifiers(tmp_path: Path, engine: Mapping[str, str]) -> None:
    door = wiring.open_portal(Settings(tmp_path, **engine))  # type: ignore[arg-type]
    records = [
        Record("a", "", "1", "dataset", "Climate change of the sea"),
        Record("a", "", "2", "dataset", "Change of climate", external_ids=("urn:x:2",)),
        Record("a", "", "3", "dataset", "Crab", doi="10.5270/crab"),
    ]
    door.store.ingest.page("a", 1, [Mapped(each, RawRecord("", each.source_id, b"{}")) for each in records])
    follow(door.store, door.index)
    for asked, found in {
        "q": {"climate change,crab": {"1", "3"}, "change of climate": {"2"}, "nothing,!?": set[str]()},
        "externalIds": {"urn:x:2": {"2"}, "doi:": {"3"}, "a:": {"1", "2", "3"}, "a:1,10.5270/crab": {"1", "3"}},
    }.items():
        for text, wanted in found.items():
            keys = door.keys(question.records("resources", [(asked, text)]).query).keys
            assert {each.record.source_id for each in door.stored(keys).values()} == wanted, text
    door.close()
