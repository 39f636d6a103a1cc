from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any
from urllib.parse import quote

import httpx
import orjson
import pystac
import pytest
from fastapi import FastAPI

from discovery.model.record import Record
from discovery.model.source import Mapped, RawRecord
from discovery.portal import Portal
from discovery.stac_api import attach

pytestmark = pytest.mark.slow

S2 = "sentinel-s2-l2a-cogs"
Serving = Callable[..., AbstractContextManager[httpx.Client]]
PLATE = "ivo://vo.test/plates?1/a b"
PLATES = "ivo://vo.test/plates"


def get(client: httpx.Client, path: str, **params: Any) -> Any:
    answer = client.get(path, params=params or None)
    assert answer.status_code == 200, answer.text
    return answer.json()


def base(client: httpx.Client) -> str:
    return str(client.base_url).rstrip("/")


def links(document: Any) -> dict[str, str]:
    return {each["rel"]: each["href"] for each in document["links"]}


def refused(client: httpx.Client, path: str, **params: Any) -> str:
    answer = client.get(path, params=params or None)
    assert answer.status_code == 400, answer.text
    assert set(answer.json()) == {"code", "description"}
    return str(answer.json()["description"])


def test_the_landing_page_says_what_it_conforms_to_and_where_things_are(client: httpx.Client) -> None:
    landing = get(client, "/stac/")
    assert landing["title"] == "Test portal"
    assert "https://api.stacspec.org/v1.0.0/item-search" in landing["conformsTo"]
    assert landing["conformsTo"] == get(client, "/stac/conformance")["conformsTo"]
    for rel in ("self", "data", "conformance", "search", "service-desc", "service-doc"):
        assert client.get(links(landing)[rel]).status_code == 200, rel


def test_the_service_description_has_the_type_that_stac_asks_for(client: httpx.Client) -> None:
    answer = client.get("/stac/api")
    assert answer.headers["content-type"].startswith("application/vnd.oai.openapi+json")
    assert "/search" in answer.json()["paths"]


def test_collections_are_the_datasets_and_projects_only(client: httpx.Client) -> None:
    found = get(client, "/stac/collections", limit=100)
    ids = {each["id"] for each in found["collections"]}
    assert S2 in ids
    assert "ivo://vo.test/plates" in ids
    assert "lab" not in ids
    assert found["numberMatched"] == found["numberReturned"] == len(ids) == 3


def test_collections_come_in_pages(client: httpx.Client) -> None:
    seen: list[str] = []
    page = get(client, "/stac/collections", limit=1)
    seen += [each["id"] for each in page["collections"]]
    while "next" in links(page):
        page = get(client, links(page)["next"])
        seen += [each["id"] for each in page["collections"]]
    assert len(seen) == len(set(seen)) == 3


def test_two_sources_of_one_id_are_two_collections_that_say_what_they_were_called(client: httpx.Client) -> None:
    found = get(client, "/stac/collections", limit=100)["collections"]
    renamed = next(each for each in found if each.get("discovery:original_id") == S2)
    assert renamed["id"] == f"mirror.collections.{S2}"
    alone = get(client, links(renamed)["self"])
    alone["links"] = [each for each in alone["links"] if each["rel"] != "discovery:volume"]
    assert alone == renamed
    item = get(client, links(renamed)["items"], limit=1)["features"][0]
    assert item["collection"] == renamed["id"]
    assert item["discovery:original_collection"] == S2
    assert get(client, links(item)["self"]) == item


def test_an_item_is_what_the_source_sent_but_for_its_links(client: httpx.Client, portal: Portal) -> None:
    item = get(client, f"/stac/collections/{S2}/items", limit=1)["features"][0]
    record = portal.store.catalogue.find("earth", S2, item["id"])
    sent = orjson.loads(portal.store.catalogue.raw(record.record.id).body)
    assert {**item, "links": []} == {**sent, "links": []}
    assert links(item)["self"] == f"{base(client)}/stac/collections/{S2}/items/{item['id']}"
    assert links(item)["collection"] == links(item)["parent"] == f"{base(client)}/stac/collections/{S2}"
    assert links(item)["root"] == f"{base(client)}/stac/"
    assert links(item)["alternate"] == f"{base(client)}/records/{record.record.id}"


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_pages_of_a_search_hold_every_item_once(client: httpx.Client, method: str) -> None:
    asked = {"collections": [S2], "limit": 30}
    if method == "GET":
        page = get(client, "/stac/search", collections=S2, limit=30)
    else:
        page = client.post("/stac/search", json=asked).json()
    seen = [each["id"] for each in page["features"]]
    assert (page["numberMatched"], page["numberReturned"]) == (100, 30)
    while following := [each for each in page["links"] if each["rel"] == "next"]:
        link = following[0]
        assert link["method"] == method
        if method == "GET":
            page = get(client, link["href"])
        else:
            # As clients do that know nothing of merging.
            assert (link["merge"], link["body"] | {"token": ""}) == (False, {**asked, "token": ""})
            page = client.post(link["href"], json=link["body"]).json()
        seen += [each["id"] for each in page["features"]]
    assert len(seen) == len(set(seen)) == 100


def test_a_mark_of_another_search_is_refused(client: httpx.Client) -> None:
    page = client.post("/stac/search", json={"limit": 5}).json()
    token = next(each for each in page["links"] if each["rel"] == "next")["body"]["token"]
    assert "another question" in refused(client, "/stac/search", token=token, collections=S2)
    assert "page mark" in refused(client, "/stac/search", token="nonsense")


def test_search_is_narrowed_by_box_shape_time_and_ids(client: httpx.Client) -> None:
    item = get(client, f"/stac/collections/{S2}/items", limit=1)["features"][0]
    box = ",".join(str(each) for each in item["bbox"])
    for asked in (
        {"bbox": box},
        {"bbox": f"{item['bbox'][0]},{item['bbox'][1]},0,{item['bbox'][2]},{item['bbox'][3]},9"},
        {"intersects": orjson.dumps(item["geometry"]).decode()},
        {"datetime": item["properties"]["datetime"]},
        {"ids": item["id"]},
    ):
        page = get(client, "/stac/search", collections=S2, limit=1000, **asked)
        assert item["id"] in {each["id"] for each in page["features"]}, asked
        assert page["numberMatched"] < 100, asked
    posted = client.post(
        "/stac/search", json={"intersects": item["geometry"], "ids": [item["id"]], "collections": [S2]}
    )
    assert posted.json()["numberMatched"] == 1
    assert get(client, "/stac/search", bbox="0,-89,1,-88")["numberMatched"] == 0
    assert get(client, "/stac/search", ids="nothing")["numberMatched"] == 0
    assert get(client, "/stac/search", collections="nothing")["numberMatched"] == 0


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"bbox": "0,0,1,1", "intersects": '{"type":"Point","coordinates":[0,0]}'}, "together"),
        ({"bbox": "0,10,1,5"}, "north of"),
        ({"bbox": "0,0,9,1,1,5"}, "height"),
        ({"bbox": "0,0,1"}, "4 or 6"),
        ({"bbox": "a,b,c,d"}, "bbox"),
        ({"bbox": "0,0,nan,1"}, "finite"),
        ({"intersects": "{"}, "no JSON"),
        ({"intersects": '{"type":"Blob"}'}, "Blob"),
        ({"datetime": "yesterday"}, "RFC3339"),
        ({"datetime": "../.."}, "open"),
        ({"datetime": "2021-01-02T00:00:00Z/2021-01-01T00:00:00Z"}, "before"),
        ({"limit": "0"}, "limit"),
        ({"sortby": "nosuch"}, "nosuch"),
        ({"filter": "nosuch = 1"}, "nosuch"),
        ({"filter": "((("}, "expected"),
    ],
)
def test_what_cannot_be_answered_is_refused_with_its_reason(
    client: httpx.Client, asked: dict[str, str], says: str
) -> None:
    assert says in refused(client, "/stac/search", **asked)
    if "intersects" not in asked:
        assert says in refused(client, f"/stac/collections/{S2}/items", **asked)


@pytest.mark.parametrize(
    "body",
    [
        {"bbox": [0, 0, 1, 1], "intersects": {"type": "Point", "coordinates": [0, 0]}},
        {"bbox": [0, 10, 1, 5]},
        {"datetime": "yesterday"},
        {"limit": -1},
        {"filter": {"op": "and"}},
    ],
)
def test_a_body_that_cannot_be_answered_is_refused(client: httpx.Client, body: dict[str, Any]) -> None:
    answer = client.post("/stac/search", json=body)
    assert answer.status_code == 400
    assert set(answer.json()) == {"code", "description"}


@pytest.mark.parametrize(
    "box",
    [[-180, -84, -172, -80], [180, -84, 188, -80], [170, -84, -172, -80], [170, -84, 188, -80], [350, -84, -179, -80]],
)
def test_a_box_means_the_same_however_its_longitudes_are_written(client: httpx.Client, box: list[float]) -> None:
    def found(west: float, east: float) -> set[str]:
        page = get(client, "/stac/search", bbox=f"{west},{box[1]},{east},{box[3]}", limit=200)
        return {each["id"] for each in page["features"]}

    asked = found(box[0], box[2])
    posted = client.post("/stac/search", json={"bbox": box, "limit": 200}).json()
    assert {each["id"] for each in posted["features"]} == asked
    west, east = (value - 360 if value > 180 else value for value in (box[0], box[2]))
    assert 0 < len(asked) < 100
    assert asked == (found(west, east) if west < east else found(west, 180) | found(-180, east))


def test_a_longitude_beyond_every_convention_is_refused(client: httpx.Client) -> None:
    assert "longitude must be -180 to 360" in refused(client, "/stac/search", bbox="-181,0,0,1")
    said = client.post("/stac/search", json={"bbox": [0, 0, 361, 1]})
    assert (said.status_code, "longitude must be -180 to 360" in said.json()["description"]) == (400, True)


def test_what_never_was_is_404_and_what_was_deleted_410(client: httpx.Client) -> None:
    for path in ("/stac/collections/nope", "/stac/collections/lab", "/stac/collections/nope/items",
                 f"/stac/collections/{S2}/items/nope", "/stac/collections/nope/queryables"):  # fmt: skip
        answer = client.get(path)
        assert answer.status_code == 404, path
        assert answer.json()["code"] == "not_found"


def test_a_deleted_item_is_gone(client: httpx.Client, portal: Portal) -> None:
    dataset = portal.store.catalogue.find("vo", "tables", "ivo://vo.test/plates").record.id
    record = Record("brief", "plates", "short", "observation", "Short-lived", dataset=dataset)
    portal.store.ledger.add_source(type(portal.store.ledger.source("vo"))("brief", "tap", "https://vo.test/tap"))
    run = portal.store.ledger.begin("brief").id
    portal.store.ingest.page("brief", run, [Mapped(record, RawRecord("plates", "short", b"{}"))])
    path = f"/stac/collections/{quote('ivo://vo.test/plates', safe='')}/items/short"
    assert get(client, path)["id"] == "short"
    portal.store.ingest.remove("brief")
    answer = client.get(path)
    assert answer.status_code == 410
    assert answer.json()["code"] == "gone"


def test_records_on_the_sky_are_valid_items_without_a_place_on_earth(client: httpx.Client) -> None:
    page = get(client, f"/stac/collections/{quote('ivo://vo.test/plates', safe='')}/items")
    assert page["numberMatched"] == 2
    item = next(each for each in page["features"] if each["id"] == PLATE)
    assert item["geometry"] is None
    assert "bbox" not in item
    assert item["properties"]["discovery:footprint"]["type"] == "Circle"
    assert links(item)["about"] == "https://vo.test/about"
    assert get(client, links(item)["self"]) == item
    for each in page["features"]:
        pystac.Item.from_dict(each).validate()
    assert get(client, "/stac/search", bbox="-180,-90,180,90", collections="ivo://vo.test/plates")["numberMatched"] == 0


def test_every_collection_and_item_is_valid(client: httpx.Client) -> None:
    for each in get(client, "/stac/collections", limit=100)["collections"]:
        pystac.Collection.from_dict({**each, "stac_extensions": []}).validate()
    for each in get(client, "/stac/search", limit=20)["features"]:
        pystac.Item.from_dict({**each, "stac_extensions": []}).validate()


def test_an_item_whose_dataset_is_not_here_names_no_collection(client: httpx.Client) -> None:
    item = get(client, "/stac/search", ids="orphan")["features"][0]
    assert "collection" not in item
    assert "collection" not in links(item)
    assert get(client, links(item)["self"]) == item


def test_filters_use_the_ids_of_stac(client: httpx.Client) -> None:
    item = get(client, f"/stac/collections/{S2}/items", limit=1)["features"][0]
    found = get(client, "/stac/search", filter=f"id = '{item['id']}' AND collection = '{S2}'")
    assert [each["id"] for each in found["features"]] == [item["id"]]
    body = {"filter": {"op": "=", "args": [{"property": "collection"}, f"mirror.collections.{S2}"]}, "limit": 1}
    assert client.post("/stac/search", json=body).json()["numberMatched"] == 100
    cloudless = get(client, "/stac/search", filter="eo:cloud_cover < 10", collections=S2, limit=1000)
    assert 0 < cloudless["numberMatched"] < 100
    assert all(each["properties"]["eo:cloud_cover"] < 10 for each in cloudless["features"])
    json = '{"op":"<","args":[{"property":"eo:cloud_cover"},10]}'
    same = get(client, "/stac/search", **{"filter": json, "filter-lang": "cql2-json", "collections": S2})
    assert same["numberMatched"] == cloudless["numberMatched"]
    others = get(client, "/stac/search", filter=f"collection <> '{S2}'")
    assert others["numberMatched"] == 103


def test_search_is_sorted_by_a_field(client: httpx.Client) -> None:
    up = get(client, "/stac/search", sortby="+properties.datetime", collections=S2, limit=100)["features"]
    times = [each["properties"]["datetime"] for each in up]
    assert times == sorted(times)
    body = {"sortby": [{"field": "eo:cloud_cover", "direction": "desc"}], "collections": [S2], "limit": 100}
    covers = [
        each["properties"]["eo:cloud_cover"] for each in client.post("/stac/search", json=body).json()["features"]
    ]
    assert covers == sorted(covers, reverse=True)


def test_words_find_collections_and_items(client: httpx.Client) -> None:
    assert [each["id"] for each in get(client, "/stac/collections", q="plates")["collections"]] == [
        "ivo://vo.test/plates"
    ]
    assert get(client, "/stac/search", q="plate")["numberMatched"] == 2


def test_one_of_several_terms_is_enough_and_the_words_of_a_term_stand_together(client: httpx.Client) -> None:
    def found(q: str) -> int:
        posted = client.post("/stac/search", json={"q": q.split(",")}).json()["numberMatched"]
        assert get(client, "/stac/search", q=q)["numberMatched"] == posted
        return int(posted)

    assert found("plate,orphan") == 3
    assert found("plate 1") == 1
    assert found("1 plate") == 0
    assert found("plate 1,plate 2,nothing at all") == 2
    assert found("...") == 0
    assert get(client, "/stac/collections", q="plates,nowhere")["numberMatched"] == 1
    conforms = get(client, "/stac/conformance")["conformsTo"]
    for scope in ("item-search", "ogcapi-features", "collection-search"):
        assert f"https://api.stacspec.org/v1.0.0-rc.1/{scope}#free-text" in conforms


def test_terms_rank_what_they_find(client: httpx.Client) -> None:
    ranked = [each["id"] for each in get(client, "/stac/collections", q="sentinel,plates")["collections"]]
    assert len(ranked) == 3
    assert ranked[0] == PLATES != get(client, "/stac/collections")["collections"][0]["id"]


@pytest.mark.parametrize(
    ("query", "filter"),
    [
        ({"eo:cloud_cover": {"lt": 10}}, "eo:cloud_cover < 10"),
        ({"eo:cloud_cover": {"gte": 5, "lte": 50}}, "eo:cloud_cover BETWEEN 5 AND 50"),
        ({"properties.platform": {"eq": "sentinel-2a"}}, "platform = 'sentinel-2a'"),
        ({"platform": {"neq": "sentinel-2a"}}, "platform <> 'sentinel-2a'"),
        ({"platform": {"startsWith": "sentinel-2"}}, "CASEI(platform) LIKE CASEI('sentinel-2%')"),
        (
            {"platform": {"endsWith": "2a"}, "eo:cloud_cover": {"gt": 1}},
            "CASEI(platform) LIKE CASEI('%2a') AND eo:cloud_cover > 1",
        ),
        ({"platform": {"contains": "l-_"}}, "platform IS NULL AND platform IS NOT NULL"),
        ({"id": {"in": ["p2", "orphan"]}}, "id IN ('p2', 'orphan')"),
        ({"collection": {"eq": S2}}, f"collection = '{S2}'"),
        ({"datetime": {"gt": "2020-01-01T00:00:00Z"}}, "datetime > TIMESTAMP('2020-01-01T00:00:00Z')"),
    ],
)
def test_the_query_extension_is_a_filter(client: httpx.Client, query: dict[str, Any], filter: str) -> None:
    expected = get(client, "/stac/search", filter=filter, limit=1000)
    got = get(client, "/stac/search", query=orjson.dumps(query).decode(), limit=1000)
    posted = client.post("/stac/search", json={"query": query, "limit": 1000}).json()
    assert got["features"] == posted["features"] == expected["features"]
    listed = get(client, f"/stac/collections/{S2}/items", query=orjson.dumps(query).decode())
    both = get(client, "/stac/search", filter=f"({filter}) AND collection = '{S2}'")
    assert listed["numberMatched"] == both["numberMatched"]


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("{", "query is no JSON"),
        ("[1]", "query is no object"),
        ('{"eo:cloud_cover": 5}', "query is no object"),
        ('{"eo:cloud_cover": {"less": 5}}', "unknown operator 'less'"),
        ('{"eo:cloud_cover": {"lt": "x"}}', "cloud_cover"),
        ('{"platform": {"contains": 5}}', "takes a text"),
        ('{"nosuch": {"eq": 5}}', "nosuch"),
    ],
)
def test_a_query_that_cannot_be_is_refused(client: httpx.Client, query: str, says: str) -> None:
    assert says in refused(client, "/stac/search", query=query)


def test_queryables_name_what_filters_take(client: httpx.Client) -> None:
    schema = get(client, "/stac/queryables")
    assert schema["properties"]["eo:cloud_cover"]["type"] == "number"
    for name in schema["properties"]:
        if name != "geometry":
            get(client, "/stac/search", filter=f"{name} IS NULL", limit=1) if ":" not in name else get(
                client, "/stac/search", filter=f'"{name}" IS NULL', limit=1
            )
    assert get(client, f"/stac/collections/{S2}/queryables")["$id"].endswith(f"/stac/collections/{S2}/queryables")


def test_links_hold_behind_a_root_path_and_another_prefix(portal: Portal, serving: Serving) -> None:
    app = FastAPI()
    attach(app, portal, title="T", prefix="/data/stac")
    with serving(app, "/portal") as client:
        # The proxy has cut the root path off and says who was asked.
        client.headers["Host"] = "far.test"
        page = get(client, "/data/stac/search", limit=1, collections=S2)
        assert links(page)["next"].startswith("http://far.test/portal/data/stac/search?")
        item = page["features"][0]
        assert links(item)["self"].startswith(f"http://far.test/portal/data/stac/collections/{S2}/items/")
        assert links(item)["alternate"].startswith("http://far.test/portal/records/")
        assert get(client, links(item)["self"].removeprefix("http://far.test/portal")) == item


def test_the_rest_of_the_application_stays_as_it_was(portal: Portal, serving: Serving) -> None:
    app = FastAPI()
    before = (dict(app.exception_handlers), list(app.user_middleware), dict(app.state._state))

    @app.get("/other")
    def other(size: int) -> int:
        return size

    attach(app, portal, title="T")
    assert (dict(app.exception_handlers), list(app.user_middleware), dict(app.state._state)) == before
    with serving(app) as client:
        assert client.get("/other", params={"size": "x"}).status_code == 422
        assert "vary" not in client.get("/stac/").headers
