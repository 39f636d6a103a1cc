"""Collections and Items that are written through the STAC API."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from discovery.index.tantivy import TantivyIndex
from discovery.indexer import follow
from discovery.model.person import HARVEST, READ, WRITE, Role
from discovery.model.record import Record
from discovery.model.source import Mapped, RawRecord, Source
from discovery.portal import Portal
from discovery.stac_api import attach
from discovery.stac_api.transactions import SOURCE
from discovery.store.store import Store

pytestmark = pytest.mark.slow

TOKEN = "an-operators-token-of-40-characters-here"
COLLECTION: dict[str, Any] = {
    "type": "Collection", "stac_version": "1.1.0", "id": "c", "description": "Ice of my own", "license": "CC0-1.0",
    "extent": {"spatial": {"bbox": [[0, 0, 1, 1]]}, "temporal": {"interval": [["2020-01-01T00:00:00Z", None]]}},
}  # fmt: skip
ITEM: dict[str, Any] = {
    "type": "Feature", "stac_version": "1.1.0", "id": "i", "geometry": {"type": "Point", "coordinates": [1, 2]},
    "bbox": [1, 2, 1, 2], "properties": {"datetime": "2020-01-01T00:00:00Z"}, "assets": {},
}  # fmt: skip
ONE = "/stac/collections/c/items/i"


@pytest.fixture
def portal(tmp_path: Path) -> Iterator[Portal]:
    store = Store(f"sqlite:///{tmp_path / 'store.db'}")
    index = TantivyIndex(tmp_path / "index")
    door = Portal(store, index, operator_token=TOKEN)
    yield door
    door.close()


@pytest.fixture
def asked(portal: Portal) -> Iterator[TestClient]:
    """Return a client that shows nothing; `as_operator` shows the token."""
    app = FastAPI()
    attach(app, portal, title="Test")
    with TestClient(app, base_url="http://portal.test") as client:
        yield client


@pytest.fixture
def operator(asked: TestClient) -> TestClient:
    asked.headers["Authorization"] = f"Bearer {TOKEN}"
    return asked


def put_there(operator: TestClient) -> None:
    assert operator.post("/stac/collections", json=COLLECTION).status_code == 201
    assert operator.post("/stac/collections/c/items", json=ITEM).status_code == 201


def harvested(portal: Portal) -> None:
    """Put a collection of another source with one item there."""
    dataset = Record("earth", "collections", "theirs", "dataset", "Theirs")
    item = Record("earth", "theirs", "one", "observation", "One", dataset=dataset.id)
    portal.store.ledger.add_source(Source("earth", "stac-api", "https://earth.test/"))
    mapped = [Mapped(each, RawRecord(each.container, each.source_id, b"{}")) for each in (dataset, item)]
    portal.store.ingest.page("earth", 1, mapped)


def told(answer: httpx.Response, status: int) -> str:
    assert answer.status_code == status, answer.text
    assert set(answer.json()) == {"code", "description"}
    return str(answer.json()["description"])


WRITES: list[tuple[str, str, Any]] = [
    ("POST", "/stac/collections", COLLECTION),
    ("PUT", "/stac/collections/c", COLLECTION),
    ("PATCH", "/stac/collections/c", {"title": "x"}),
    ("DELETE", "/stac/collections/c", None),
    ("POST", "/stac/collections/c/items", ITEM),
    ("PUT", ONE, ITEM),
    ("PATCH", ONE, {"properties": {"title": "x"}}),
    ("DELETE", ONE, None),
]


def test_nobody_writes_without_a_token(asked: TestClient) -> None:
    for shown in (None, "Bearer wrong", f"Basic {TOKEN}", "Bearer", f"Bearer {TOKEN}x"):
        for method, path, body in WRITES:
            answer = asked.request(method, path, json=body, headers={"Authorization": shown} if shown else {})
            assert "token" in told(answer, 401)
            assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_a_token_needs_the_role_and_the_scope(portal: Portal, asked: TestClient, token: Callable[..., str]) -> None:
    def status(role: Role, *scopes: str) -> int:
        shown = {"Authorization": f"Bearer {token(role, *scopes)}"}
        return int(asked.post("/stac/collections", json=COLLECTION, headers=shown).status_code)

    assert status(Role.USER, READ, WRITE, HARVEST) == 403
    assert status(Role.MODERATOR, HARVEST) == 403
    assert status(Role.OPERATOR, READ, WRITE) == 403
    assert status(Role.OPERATOR, HARVEST) == 201


@pytest.fixture
def token(portal: Portal) -> Callable[..., str]:
    """Return what makes a token for somebody of a role."""
    import secrets

    from discovery.model.person import Token
    from discovery.people.proofs import TOKEN_PREFIX, digest

    def make(role: Role, *scopes: str) -> str:
        person = portal.store.people.welcome("https://idp.test", secrets.token_hex(8), "Ada", role=role)
        shown = TOKEN_PREFIX + secrets.token_urlsafe(32)
        kept = Token(secrets.token_hex(8), person.id, "t", scopes, 0, 1 << 50)
        portal.store.tokens.add(digest(shown), kept)
        return shown

    return make


def test_what_is_written_is_there_with_its_links_and_its_tag(operator: TestClient) -> None:
    made = operator.post("/stac/collections", json=COLLECTION)
    assert made.headers["Location"] == "http://portal.test/stac/collections/c"
    made = operator.post("/stac/collections/c/items", json=ITEM)
    assert made.headers["Location"] == f"http://portal.test{ONE}"
    assert made.headers["Content-Type"] == "application/geo+json"
    there = operator.get(ONE)
    assert (there.content, there.headers["ETag"]) == (made.content, made.headers["ETag"])
    document = there.json()
    assert document["collection"] == "c"
    assert {each["rel"]: each["href"] for each in document["links"]}["self"] == f"http://portal.test{ONE}"


def test_it_is_found_as_soon_as_the_engine_follows(portal: Portal, operator: TestClient) -> None:
    put_there(operator)
    follow(portal.store, portal.index)
    search = {"collections": "c", "bbox": "0,1,2,3", "datetime": "2020-01-01T00:00:00Z/.."}
    assert operator.get("/stac/search", params=search).json()["numberMatched"] == 1
    assert [each["id"] for each in operator.get("/stac/collections?q=ice").json()["collections"]] == ["c"]
    moved = {**ITEM, "geometry": {"type": "Point", "coordinates": [10, 20]}, "bbox": [10, 20, 10, 20]}
    assert operator.put(ONE, json=moved).status_code == 204
    follow(portal.store, portal.index)
    assert operator.get("/stac/search", params=search).json()["numberMatched"] == 0
    assert operator.delete(ONE).status_code == 204
    follow(portal.store, portal.index)
    assert operator.get("/stac/search?collections=c").json()["numberMatched"] == 0


def test_an_id_that_is_taken_is_a_conflict(portal: Portal, operator: TestClient) -> None:
    put_there(operator)
    harvested(portal)
    assert "'c' already" in told(operator.post("/stac/collections", json=COLLECTION), 409)
    assert "'theirs'" in told(operator.post("/stac/collections", json={**COLLECTION, "id": "theirs"}), 409)
    assert "item 'i' already" in told(operator.post("/stac/collections/c/items", json=ITEM), 409)


def test_what_is_not_there_is_not_found(operator: TestClient) -> None:
    assert operator.post("/stac/collections", json=COLLECTION).status_code == 201
    assert "no collection 'x'" in told(operator.post("/stac/collections/x/items", json=ITEM), 404)
    assert "no item 'i'" in told(operator.put(ONE, json=ITEM), 404)
    assert "no item 'i'" in told(operator.patch(ONE, json={}), 404)
    assert "no item 'i'" in told(operator.delete(ONE), 404)
    assert "no collection" in told(operator.delete("/stac/collections/x%00y"), 404)
    assert "no collection 'x'" in told(operator.put("/stac/collections/x", json={**COLLECTION, "id": "x"}), 404)


def test_what_was_harvested_stays_as_it_was_harvested(portal: Portal, operator: TestClient) -> None:
    harvested(portal)
    before = portal.store.catalogue.last_change()
    theirs, one = "/stac/collections/theirs", "/stac/collections/theirs/items/one"
    for answer in (
        operator.put(theirs, json={**COLLECTION, "id": "theirs"}),
        operator.patch(theirs, json={"title": "Mine"}),
        operator.delete(theirs),
        operator.post(f"{theirs}/items", json=ITEM),
        operator.put(one, json={**ITEM, "id": "one"}),
        operator.patch(one, json={"properties": {"title": "Mine"}}),
        operator.delete(one),
    ):
        assert "harvested from 'earth'" in told(answer, 403)
    assert portal.store.catalogue.last_change() == before


def test_what_became_one_with_something_harvested_is_not_written_any_more(portal: Portal, operator: TestClient) -> None:
    theirs = Record("earth", "collections", "theirs", "dataset", "Theirs", doi="10.5281/zenodo.1234567")
    portal.store.ledger.add_source(Source("earth", "stac-api", "https://earth.test/"))
    portal.store.ingest.page("earth", 1, [Mapped(theirs, RawRecord("collections", "theirs", b"{}"))])
    assert operator.post("/stac/collections", json={**COLLECTION, "sci:doi": theirs.doi}).status_code == 201
    portal.store.duplicates.find()
    assert operator.get("/stac/collections/c", follow_redirects=False).status_code == 301
    for answer in (
        operator.put("/stac/collections/c", json=COLLECTION),
        operator.delete("/stac/collections/c"),
        operator.post("/stac/collections/c/items", json=ITEM),
    ):
        assert f"the same as record {theirs.id} of another source" in told(answer, 409)


def test_several_items_are_written_together_or_not_at_all(portal: Portal, operator: TestClient) -> None:
    put_there(operator)

    def send(*ids: str) -> Any:
        features = [{**ITEM, "id": each} for each in ids]
        return operator.post("/stac/collections/c/items", json={"type": "FeatureCollection", "features": features})

    assert "'i' already" in told(send("a", "i", "b"), 409)
    assert operator.get("/stac/collections/c/items/a").status_code == 404
    assert "'a' twice" in told(send("a", "a"), 400)
    answer = send("a", "b")
    assert (answer.status_code, answer.content) == (201, b"")
    assert operator.get("/stac/collections/c/items/b").json()["collection"] == "c"


def test_what_is_no_valid_stac_is_refused_with_its_place(operator: TestClient) -> None:
    put_there(operator)
    fault = {**ITEM, "id": "j", "properties": {"datetime": "soon"}}
    assert told(operator.post("/stac/collections/c/items", json=fault), 400).startswith("properties.datetime ")
    assert told(operator.put(ONE, json={**ITEM, "id": "j"}), 400).startswith("id must be 'i'")
    assert told(operator.patch(ONE, json={"assets": None}), 400).startswith("assets ")
    off = {**ITEM, "id": "j", "bbox": [500, 2, 500, 2]}
    assert told(operator.post("/stac/collections/c/items", json=off), 400).startswith("bbox ")
    lost = {**ITEM, "id": "j", "geometry": {"type": "Polygon", "coordinates": [[[0, 0], [1, 95], [2, 0], [0, 0]]]}}
    assert "geometry" in told(operator.post("/stac/collections/c/items", json=lost), 400)
    twice = orjson.dumps({**ITEM, "id": "j"})[:-1] + b',"id":"k"}'
    answer = operator.post("/stac/collections/c/items", content=twice, headers={"Content-Type": "application/json"})
    assert "id is there twice" in told(answer, 400)
    for body in (b"", b"{", b"[]", b'{"type":"Collection","a":NaN}', b'{"type":' + b"[" * 900 + b"]" * 900 + b"}"):
        told(operator.post("/stac/collections", content=body, headers={"Content-Type": "application/json"}), 400)


@pytest.mark.parametrize(
    "media_type", ["text/plain", "application/x-www-form-urlencoded", "application/json-patch+json"]
)
def test_other_types_are_refused_with_those_that_are_read(operator: TestClient, media_type: str) -> None:
    put_there(operator)
    said = {"Content-Type": media_type}
    answer = operator.patch(ONE, content=b"[]", headers=said)
    assert "application/merge-patch+json" in told(answer, 415)
    assert "application/merge-patch+json" in answer.headers["Accept-Patch"]
    told(operator.put(ONE, content=b"{}", headers=said), 415)


def test_a_patch_changes_some_members(operator: TestClient) -> None:
    put_there(operator)
    said = {"Content-Type": "application/merge-patch+json"}
    body = b'{"properties":{"title":"Mine","gsd":10},"assets":{"a":{"href":"https://x.test/a.tif"}}}'
    assert operator.patch(ONE, content=body, headers=said).status_code == 204
    assert operator.patch(ONE, json={"properties": {"gsd": None}}).status_code == 204
    there = operator.get(ONE).json()
    assert there["properties"] == {"datetime": "2020-01-01T00:00:00Z", "title": "Mine"}
    assert there["assets"] == {"a": {"href": "https://x.test/a.tif"}}
    assert operator.patch("/stac/collections/c", json={"title": "New"}).status_code == 204
    assert operator.get("/stac/collections/c").json()["title"] == "New"


def test_a_tag_keeps_two_writers_apart(operator: TestClient) -> None:
    put_there(operator)
    tag = operator.get(ONE).headers["ETag"]
    first = operator.patch(ONE, json={"properties": {"title": "First"}}, headers={"If-Match": tag})
    assert (first.status_code, first.headers["ETag"]) == (204, operator.get(ONE).headers["ETag"])
    for answer in (
        operator.patch(ONE, json={"properties": {"title": "Second"}}, headers={"If-Match": tag}),
        operator.put(ONE, json=ITEM, headers={"If-Match": tag}),
        operator.delete(ONE, headers={"If-Match": tag}),
        operator.delete("/stac/collections/c", headers={"If-Match": tag}),
    ):
        assert "If-Match" in told(answer, 412)
    assert operator.get(ONE).json()["properties"]["title"] == "First"
    assert operator.delete(ONE, headers={"If-Match": "*"}).status_code == 204


def test_nobody_is_told_the_tag_of_what_another_wrote_after_them(
    operator: TestClient, portal: Portal, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_there(operator)
    noted = portal.people.note

    def overtaken(*given: Any, **more: Any) -> None:
        monkeypatch.undo()
        noted(*given, **more)
        assert operator.patch(ONE, json={"properties": {"title": "Theirs"}}).status_code == 204

    monkeypatch.setattr(portal.people, "note", overtaken)
    mine = operator.patch(ONE, json={"properties": {"title": "Mine"}})
    assert mine.status_code == 204
    assert "ETag" not in mine.headers
    assert operator.get(ONE).json()["properties"]["title"] == "Theirs"


def test_who_has_it_already_is_told_so(operator: TestClient) -> None:
    put_there(operator)
    for path in (ONE, "/stac/collections/c"):
        tag = operator.get(path).headers["ETag"]
        again = operator.get(path, headers={"If-None-Match": tag})
        assert (again.status_code, again.content) == (304, b"")


def test_a_collection_goes_with_its_items_and_may_come_again(operator: TestClient) -> None:
    put_there(operator)
    assert operator.delete("/stac/collections/c").status_code == 204
    assert operator.get("/stac/collections/c").status_code == 410
    assert operator.get(ONE).status_code in (404, 410)
    assert operator.delete("/stac/collections/c").status_code == 404
    put_there(operator)
    assert operator.get(ONE).status_code == 200


def test_of_many_who_write_one_id_at_once_one_does(portal: Portal, operator: TestClient) -> None:
    assert operator.post("/stac/collections", json=COLLECTION).status_code == 201
    seen: list[int] = []

    def write() -> None:
        seen.append(operator.post("/stac/collections/c/items", json=ITEM).status_code)

    writers = [threading.Thread(target=write) for _ in range(6)]
    for each in writers:
        each.start()
    for each in writers:
        each.join()
    assert sorted(seen) == [201, *[409] * 5]


def test_each_write_is_in_the_log(portal: Portal, operator: TestClient) -> None:
    put_there(operator)
    operator.put(ONE, json=ITEM)
    operator.delete(ONE)
    said = [(each.act, each.name) for each in portal.store.audit.lines(act="stac")]
    assert said == [(f"stac.{act}", "Operators") for act in ("delete", "replace", "create", "create")]


def test_an_operators_source_of_that_name_is_left_alone(portal: Portal, operator: TestClient) -> None:
    portal.store.ledger.add_source(Source(SOURCE, "tap", "https://x.test/tap"))
    assert "a source 'written' of the kind tap" in told(operator.post("/stac/collections", json=COLLECTION), 409)


def test_secrets_in_what_is_written_are_not_shown(operator: TestClient) -> None:
    put_there(operator)
    signed = {"assets": {"a": {"href": "https://ada:secret@x.test/a.tif"}}}
    assert operator.patch(ONE, json=signed).status_code == 204
    assert "secret" not in operator.get(ONE).text
    assert operator.patch(ONE, json={"properties": {"title": "x"}}).status_code == 204
    assert "secret" not in operator.get(ONE).text
