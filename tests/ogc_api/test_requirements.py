"""The requirements of OGC API - Records (OGC 20-004r1), each as a test of its name over the whole application.

`test_req_CLASS_NAME` is `/req/CLASS/NAME`; requirements of Part 2 (draft, facets) are `test_req_2_CLASS_NAME`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlsplit

import pytest
from fastapi.testclient import TestClient
from jsonschema import Draft202012Validator

from discovery.model.record import SCOPES, Record
from discovery.query import fields
from discovery.query.order import MAX_FIELDS

pytestmark = pytest.mark.slow

Get = Callable[..., Any]
RECORDS = "http://www.opengis.net/spec/ogcapi-records-1/1.0/conf/"
FACETS = "http://www.opengis.net/spec/ogcapi-records-2/1.0/conf/"
FEATURES = "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/"
REL = "http://www.opengis.net/def/rel/ogc/1.0/"
PROFILE = "http://www.opengis.net/def/profile/OGC/0/"
ITEMS = [f"/collections/{name}/items" for name in SCOPES]
LANDING = ("", "/conformance", "/api", "/collections")
CATALOGUES = [f"/collections/{name}" for name in SCOPES]
BELOW = [f"{path}/{name}" for path in CATALOGUES for name in ("queryables", "sortables", "facets", "items")]
CRAWLED = [f"/crawl/{name}" for name in SCOPES]

DATE = r"^\d{4}-\d{2}-\d{2}$"
MOMENT = r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?Z$"
TEXT = {"type": "string"}
TEXTS = {"type": "array", "items": TEXT}
LINK = {"type": "object", "required": ["href"],
        "properties": dict.fromkeys(("href", "rel", "type", "hreflang", "title"), TEXT)
        | {"length": {"type": "integer"}}}  # fmt: skip
END = {"oneOf": [{"type": "string", "pattern": DATE}, {"type": "string", "pattern": MOMENT}, {"const": ".."}]}
TIME = {"type": ["object", "null"], "properties": {
    "date": {"type": "string", "pattern": DATE}, "timestamp": {"type": "string", "pattern": MOMENT},
    "interval": {"type": "array", "minItems": 2, "maxItems": 2, "items": END}}}  # fmt: skip
THEME = {"type": "object", "required": ["concepts", "scheme"], "properties": {"scheme": TEXT, "concepts": {
    "type": "array", "minItems": 1, "items": {"type": "object", "required": ["id"], "properties": {
        "id": TEXT, "title": TEXT}}}}}  # fmt: skip
CONTACT = {"type": "object", "anyOf": [{"required": ["name"]}, {"required": ["organization"]}], "properties": {
    "name": TEXT, "organization": TEXT, "roles": {"type": "array", "minItems": 1, "items": TEXT},
    "links": {"type": "array", "items": {**LINK, "required": ["href", "type"]}}}}  # fmt: skip
COMMON = {
    **{name: {"type": "string", "pattern": MOMENT} for name in ("created", "updated")},
    **dict.fromkeys(("title", "description", "license", "rights"), TEXT),
    "keywords": TEXTS,
    "themes": {"type": "array", "minItems": 1, "items": THEME},
    "externalIds": {"type": "array", "items": {"type": "object", "required": ["value"], "properties": {
        "scheme": TEXT, "value": TEXT}}},
    "formats": {"type": "array", "items": {"type": "object", "anyOf": [
        {"required": ["name"]}, {"required": ["mediaType"]}], "properties": {"name": TEXT, "mediaType": TEXT}}},
    "contacts": {"type": "array", "items": CONTACT},
}  # fmt: skip
RECORD = Draft202012Validator(
    {"type": "object", "required": ["id", "type", "geometry", "properties"], "properties": {
        "id": {"type": "string", "minLength": 1}, "type": {"const": "Feature"}, "time": TIME,
        "geometry": {"oneOf": [{"type": "null"}, {"type": "object", "required": ["type", "coordinates"]}]},
        "conformsTo": TEXTS, "links": {"type": "array", "items": LINK},
        "properties": {"type": "object", "properties": {**COMMON, "type": TEXT}}}}
)  # fmt: skip
TEMPLATE = {"type": "object", "required": ["uriTemplate"], "properties": {
    "uriTemplate": TEXT, "rel": TEXT, "type": TEXT, "variables": {"type": "object"}}}  # fmt: skip
CATALOGUE = Draft202012Validator(
    {"type": "object", "required": ["id", "type", "links"], "properties": {
        **COMMON, "id": TEXT, "type": {"const": "Collection"}, "conformsTo": TEXTS,
        "itemType": {"enum": ["record", "catalog"]}, "recordsArrayName": TEXT,
        "links": {"type": "array", "items": {**LINK, "required": ["href", "rel"]}},
        "linkTemplates": {"type": "array", "items": TEMPLATE},
        "defaultSortOrder": {"type": "array", "items": {"type": "object", "required": ["field", "direction"],
            "properties": {"field": TEXT, "direction": {"enum": ["asc", "desc"]}}}},
        "schemes": {"type": "array", "items": {"type": "object", "required": ["scheme-id", "namespace"]}},
        "language": {"type": "object", "required": ["code"]},
        "extent": {"type": "object", "properties": {
            "spatial": {"type": "object", "required": ["bbox"]},
            "temporal": {"type": "object", "required": ["interval"]}}}}}
)  # fmt: skip


def rels(document: Any, rel: str) -> list[str]:
    return [each["href"] for each in document["links"] if each["rel"] == rel]


def link(document: Any, rel: str) -> str:
    (found,) = rels(document, rel)
    return found


def ids(page: Any) -> set[str]:
    return {each["id"] for each in page["features"]}


@pytest.fixture(scope="module")
def found(get: Get) -> list[Any]:
    """Return every record of both catalogues, as on a page."""
    return [each for path in ITEMS for each in get(path, limit=1000)["features"]]


def parameter(get: Get, name: str) -> Any:
    given = get("/api")["paths"]["/collections/{catalogId}/items"]["get"]["parameters"]
    (found,) = (each for each in given if each["name"] == name)
    return found


# Record core


def test_req_record_core_mandatory_properties_record(found: list[Any], catalogue: list[Record]) -> None:
    assert sorted(each["id"] for each in found) == sorted(each.id for each in catalogue)
    assert all(each["id"] for each in found)


def test_req_record_core_time_instant(found: list[Any]) -> None:
    times = [each["time"] for each in found if each["time"]]
    assert any("timestamp" in each for each in times)
    for each in times:
        assert re.match(MOMENT, each.get("timestamp", "2000-01-01T00:00:00Z"))
        assert re.match(DATE, each.get("date", "2000-01-01"))


def test_req_record_core_time_interval(found: list[Any]) -> None:
    intervals = [each["time"]["interval"] for each in found if each["time"] and "interval" in each["time"]]
    assert intervals
    for ends in intervals:
        kinds = {DATE if re.match(DATE, each) else MOMENT for each in ends if each != ".."}
        assert len(kinds) <= 1, "a date and a timestamp"
        assert all(each == ".." or re.match(DATE, each) or re.match(MOMENT, each) for each in ends)


def test_req_record_core_time_instant_interval(found: list[Any]) -> None:
    assert all(len({"date", "timestamp", "interval"} & set(each["time"])) == 1 for each in found if each["time"])


def test_req_record_core_time_zone(found: list[Any]) -> None:
    texts = [text for each in found if each["time"] for text in str(each["time"]).split("'") if "T" in text]
    assert texts
    assert all(each.endswith("Z") for each in texts)


def test_req_record_core_contact(found: list[Any]) -> None:
    contacts = [contact for each in found for contact in each["properties"].get("contacts", ())]
    assert contacts
    for each in contacts:
        assert "logo" not in each
        assert all((link["rel"], link["type"]) == ("about", "text/html") for link in each.get("links", ()))


def test_req_record_core_license(found: list[Any]) -> None:
    licences = {each["properties"].get("license"): each for each in found}
    assert set(licences) == {None, "CC-BY-4.0", "other"}
    assert rels(licences["other"], "license")


def test_req_record_core_links(found: list[Any]) -> None:
    for each in found:
        assert urlsplit(link(each, "collection")).path in {f"/ogc{path}" for path in CATALOGUES}


def test_req_record_core_templated_link(get: Get) -> None:
    for path in CATALOGUES:
        (template,) = get(path)["linkTemplates"]
        (name,) = re.findall(r"{(.*?)}", template["uriTemplate"])
        assert name in template["variables"]
        some = get(f"{path}/items", limit=1)["features"][0]["id"]
        assert get(template["uriTemplate"].replace(f"{{{name}}}", some))["id"] == some


def test_req_record_core_templated_link_header(client: TestClient) -> None:
    for path in (*LANDING, *CATALOGUES, *BELOW):
        assert "Link-Template" not in client.get(f"/ogc{path}").headers  # None is sent, so none is wrong.


def test_req_record_core_default_mediatype(client: TestClient, full: Record) -> None:
    for path in ("", f"/{full.id}"):
        answer = client.get(f"/ogc/collections/resources/items{path}")
        assert answer.headers["content-type"] == "application/geo+json"
        assert f"{PROFILE}ogc-record" in rels(answer.json(), "profile")


# Record collection


def test_req_record_collection_mandatory_properties_collection(get: Get) -> None:
    for path in (*CATALOGUES, "/collections", *CRAWLED):
        document = get(path)
        assert document["id"]
        assert document["type"] == "Collection"
        assert document["links"]


def test_req_record_collection_itemtype(get: Get) -> None:
    assert get("/collections")["itemType"] == "catalog"
    assert {get(path)["itemType"] for path in (*CATALOGUES, *CRAWLED)} == {"record"}


def test_req_record_collection_contact(get: Get) -> None:
    assert all("contacts" not in get(path) for path in CATALOGUES)  # Nobody's, so nothing is wrong with them.


def test_req_record_collection_license(get: Get) -> None:
    assert all("license" not in get(path) for path in CATALOGUES)  # Records have theirs.


def test_req_record_collection_links_record(get: Get, catalogue: list[Record]) -> None:
    for path, scope in zip(CRAWLED, SCOPES, strict=True):
        items = rels(get(path), "item")
        assert {each.rpartition("/")[2] for each in items} == {each.id for each in catalogue if each.scope == scope}
        assert all(urlsplit(each).query == "" for each in items)


def test_req_record_collection_links_records(get: Get) -> None:
    for path in CATALOGUES:
        assert get(rels(get(path), "items")[0])["type"] == "FeatureCollection"


def test_req_record_collection_records(get: Get) -> None:
    assert all("records" not in get(path) for path in CATALOGUES)


def test_req_record_collection_records_array_name(get: Get) -> None:
    listed = get("/collections")
    assert [each["id"] for each in listed[listed["recordsArrayName"]]] == list(SCOPES)


def test_req_record_collection_links_catalog_related(get: Get) -> None:
    assert urlsplit(link(get("/collections/resources"), "related")).path == "/ogc/collections/observations"
    assert urlsplit(link(get("/collections/observations"), "related")).path == "/ogc/collections/resources"


def test_req_record_collection_links_catalog_series(get: Get, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("discovery.ogc_api.api.CRAWLED", 10)
    document, seen = get("/crawl/observations"), list[str]()
    for _ in range(3):
        seen += rels(document, "item")
        assert link(document, "first").endswith("/ogc/crawl/observations")
        if following := rels(document, "next"):
            assert urlsplit(following[0]).query == ""
            document = get(following[0])
    assert len(seen) == len(set(seen)) == 25
    assert not rels(document, "next")


def test_req_record_collection_links_catalog_hierarchy(get: Get) -> None:
    children = rels(get("/collections"), "child")
    assert [get(each)["id"] for each in children] == list(SCOPES)
    assert all(link(get(each), "parent").endswith("/ogc/collections") for each in children)


def test_req_record_collection_links(client: TestClient, get: Get) -> None:
    for path in (*CATALOGUES, "/collections", *CRAWLED):
        document = get(path)
        assert urlsplit(link(document, "self")).path == f"/ogc{path}"
        for each in document["links"]:
            if each["rel"] == "alternate":
                assert client.get(each["href"]).headers["content-type"].startswith(each["type"])


def test_req_record_collection_default_mediatype(client: TestClient) -> None:
    for path in (*CATALOGUES, "/collections", *CRAWLED):
        assert client.get(f"/ogc{path}").headers["content-type"] == "application/ogc-catalog+json"


# Query parameters


def test_req_record_core_query_parameters_bbox(get: Get, full: Record) -> None:
    for box in ("6,51,7,52", "6,51,0,7,52,100", "9.9,54.9,200,60"):
        assert full.id in ids(get("/collections/resources/items", bbox=box)), box
    assert full.id not in ids(get("/collections/resources/items", bbox="20,51,21,52"))
    across = get("/collections/resources/items", bbox="179,-1,-179,1")
    assert [each["properties"]["title"] for each in across["features"]] == ["An eclipse of long ago"]
    given = parameter(get, "bbox")
    assert (given["style"], given["explode"], given["required"]) == ("form", False, False)
    assert given["schema"]["items"] == {"type": "number"}


def test_req_record_core_query_parameters_datetime(get: Get, full: Record) -> None:
    path = "/collections/resources/items"
    for moment in ("2015-05-05T00:00:00Z", "2005-01-01T00:00:00Z/2010-01-02T00:00:00Z", "2020-12-31T23:00:00Z/..",
                   "/2010-01-01T00:00:00Z", "../2010-06-01"):  # fmt: skip
        assert full.id in ids(get(path, datetime=moment)), moment
    for moment in ("2009-12-31T00:00:00Z", "2021-01-01T00:00:00Z/..", "../2009-01-01T00:00:00Z"):
        assert full.id not in ids(get(path, datetime=moment)), moment
    assert parameter(get, "datetime")["schema"] == {"type": "string"}


def test_req_record_core_query_parameters_limit(get: Get) -> None:
    path = "/collections/observations/items"
    assert len(get(path)["features"]) == 10
    assert len(get(path, limit=3)["features"]) == 3
    assert len(get(path, limit=10**12)["features"]) == 25
    schema = parameter(get, "limit")["schema"]
    assert (schema["type"], schema["default"]) == ("integer", 10)
    assert schema["minimum"] <= 1 <= 25 <= schema["maximum"]


def test_req_record_core_query_parameters_q_definition(get: Get) -> None:
    given = parameter(get, "q")
    assert given["schema"] == {"type": "array", "items": {"type": "string"}}
    assert given["explode"] is False
    assert ids(get(ITEMS[0], q="SEA ICE")) == ids(get(ITEMS[0], q="sea ice")) != set()


def test_req_record_core_query_parameters_q_response(get: Get) -> None:
    def titles(q: str) -> set[str]:
        return {each["properties"]["title"] for each in get(ITEMS[0], q=q)["features"]}

    assert titles("eclipse") == {"An eclipse of long ago"}
    assert titles("eclipse,colour , crab") == {"An eclipse of long ago", "Ocean colour", "Plates of the Crab"}
    # In their order, whatever stands between them of white space; a title has them the other way round.
    assert titles("climate  \t change") == {"Sea ice thickness of the Arctic"}
    assert titles("change climate") == set()
    assert titles("ice sea") == set()


def test_req_record_core_query_parameters_type_definition(get: Get) -> None:
    given = parameter(get, "type")
    assert given["schema"] == {"type": "array", "items": {"type": "string", "maxLength": 64}}
    assert given["explode"] is False


def test_req_record_core_query_parameters_type_response(get: Get) -> None:
    for asked in ("dataset", "volume,datalab", "nothing", "nothing,pipeline"):
        kinds = {each["properties"]["type"] for each in get(ITEMS[0], type=asked, limit=100)["features"]}
        assert kinds == set(asked.split(",")) - {"nothing"}


def test_req_record_core_query_parameters_ids_definition(get: Get) -> None:
    given = parameter(get, "ids")
    assert (given["schema"], given["explode"], given["style"]) == (
        {"type": "array", "items": {"type": "string"}},
        False,
        "form",
    )
    assert get(f"{ITEMS[0]}?ids=")["numberMatched"] == 0


def test_req_record_core_query_parameters_ids_response(get: Get, found: list[Any], full: Record) -> None:
    other = next(each["id"] for each in get(ITEMS[0])["features"] if each["id"] != full.id)
    assert ids(get(ITEMS[0], ids=f"{full.id},{other},nothing")) == {full.id, other}
    assert ids(get(ITEMS[1], ids=full.id)) == set()


def test_req_record_core_query_parameters_externalids_definition(get: Get) -> None:
    given = parameter(get, "externalIds")
    assert given["schema"]["items"] == {"type": "string", "pattern": "([^:]+:)?[^:]+"}
    assert given["explode"] is False


def test_req_record_core_query_parameters_externalids_response(get: Get, full: Record) -> None:
    both = {each["id"] for each in get(ITEMS[0], q="crab,thickness")["features"]}
    for asked, wanted in {
        "ICE-1": {full.id},
        "urn:esa:ice": {full.id},
        "10.5270/esa-ice": {full.id},
        "doi:10.5270/esa-ice": {full.id},
        "esa:sea-ice": {full.id},
        "vo:sea-ice": set(),
        "doi:ICE-1": set(),
        "doi:": both,
        "vo:": both - {full.id},
        "nothing": set(),
        "ivo://vo.test/crab,ICE-1": both,
        "vo:ivo://vo.test/crab": both - {full.id},
    }.items():
        assert ids(get(ITEMS[0], externalIds=asked)) == wanted, asked


# Records API


def test_req_records_api_features_api(client: TestClient, get: Get) -> None:
    landing = get("")
    for rel in ("service-desc", "service-doc", "conformance", "data"):
        assert client.get(rels(landing, rel)[0]).status_code == 200, rel
    page = get(ITEMS[1], limit=7)
    assert (page["numberMatched"], page["numberReturned"], len(page["features"])) == (25, 7, 7)
    assert client.get("/ogc/collections/resources/items?nonsense=1").status_code == 400
    assert client.get("/ogc/collections/resources/items?limit=many").status_code == 400
    assert client.head(f"/ogc{ITEMS[0]}").status_code == 200


def test_req_records_api_resource_name_mapping(get: Get) -> None:
    assert {each["type"] for each in get(ITEMS[0])["features"]} == {"Feature"}


def test_req_records_api_catalog_response(get: Get) -> None:
    for path in CATALOGUES:
        document = get(path)
        CATALOGUE.validate(document)
        assert document["itemType"] == "record"
        assert all(RECORD.is_valid(each) for each in get(f"{path}/items", limit=100)["features"])


def test_req_records_api_catalogs_response(get: Get) -> None:
    listed = get("/collections")["collections"]
    assert [get(f"/collections/{each['id']}") for each in listed] == listed


def test_req_records_api_records_op(get: Get) -> None:
    for each in get("/collections")["collections"]:
        assert get(f"/collections/{each['id']}/items")["type"] == "FeatureCollection"


def test_req_records_api_mandatory_params(client: TestClient, get: Get) -> None:
    core = {"bbox": "0,0,1,1", "datetime": "2020-01-01", "limit": "1", "q": "x", "type": "dataset", "ids": "x",
            "externalIds": "x"}  # fmt: skip
    for path in ITEMS:
        for name, value in core.items():
            assert client.get(f"/ogc{path}", params={name: value}).status_code == 200, name
    # The last row of the table: an equality with any queryable that is not a parameter already.
    assert ids(get(ITEMS[1], cloud_cover=3)) == ids(get(ITEMS[1], filter="cloud_cover = 3")) != set()
    assert ids(get(ITEMS[0], license="CC-BY-4.0")) == ids(get(ITEMS[0], filter="license = 'CC-BY-4.0'")) != set()
    assert ids(get(ITEMS[0], updated="2022-06-01")) == ids(get(ITEMS[0], q="thickness"))


def test_req_records_api_query_params(get: Get, full: Record) -> None:
    given = {"q": "ice", "type": "dataset", "bbox": "6,51,7,52", "datetime": "2015-01-01", "license": "CC-BY-4.0"}
    assert ids(get(ITEMS[0], **given)) == {full.id}
    for name, wrong in {
        "q": "crab",
        "type": "volume",
        "bbox": "60,1,61,2",
        "datetime": "1999",
        "license": "MIT",
    }.items():
        assert ids(get(ITEMS[0], **{**given, name: wrong})) == set(), name


def test_req_records_api_record_op(get: Get, found: list[Any]) -> None:
    for each in found:
        assert get(link(each, "self"))["id"] == each["id"]


def test_req_records_api_record_response(client: TestClient, get: Get, found: list[Any]) -> None:
    for each in found:
        record = get(link(each, "self"))
        RECORD.validate(record)
        assert link(record, "self") == link(each, "self")
        assert link(record, "collection") == link(each, "collection")
        assert {one["type"] for one in record["links"] if one["rel"] == "alternate"} == {
            "application/json",
            "text/html",
        }
        assert all(one["rel"] for one in record["links"])
        assert {name: record[name] for name in each if name != "links"} == {
            name: each[name] for name in each if name != "links"
        }


# Sorting


def test_req_sorting_sortby_param(get: Get) -> None:
    given = parameter(get, "sortby")
    assert given["schema"]["items"]["pattern"] == "[+|-]?[A-Za-z_].*"
    assert (given["explode"], given["style"], given["schema"]["minItems"]) == (False, "form", 1)
    covers = [
        each["properties"]["eo:cloud_cover"] for each in get(ITEMS[1], sortby="cloud_cover", limit=100)["features"]
    ]
    assert covers == sorted(covers)
    assert given["schema"]["maxItems"] == MAX_FIELDS
    both = get(ITEMS[1], sortby="-cloud_cover,title", limit=100)["features"]
    places = [(-each["properties"]["eo:cloud_cover"], each["properties"]["title"].casefold()) for each in both]
    assert places == sorted(places)


def test_req_sorting_sortby_response(client: TestClient, get: Get) -> None:
    plain = ids_in_order(get(ITEMS[1], sortby="cloud_cover", limit=100))
    assert ids_in_order(get(f"{ITEMS[1]}?sortby=+cloud_cover&limit=100")) == plain
    assert ids_in_order(get(ITEMS[1], sortby="+cloud_cover", limit=100)) == plain
    assert ids_in_order(get(ITEMS[1], sortby="-cloud_cover", limit=100)) == plain[::-1]
    for path in CATALOGUES:
        for name in get(f"{path}/sortables")["properties"]:
            q = {"q": "ice"} if name == "relevance" else {}
            answer = client.get(f"/ogc{path}/items", params={"sortby": f"-{name}", **q})
            assert answer.status_code == 200, name
        assert client.get(f"/ogc{path}/items", params={"sortby": "license"}).status_code == 400


def ids_in_order(page: Any) -> list[str]:
    return [each["id"] for each in page["features"]]


def test_req_sorting_get_sortables_op(client: TestClient, get: Get) -> None:
    for path in CATALOGUES:
        answer = client.get(link(get(path), f"{REL}sortables"), headers={"Accept": "application/schema+json"})
        assert (answer.status_code, answer.headers["content-type"]) == (200, "application/schema+json")


def test_req_sorting_get_sortables_success(get: Get) -> None:
    for path in CATALOGUES:
        schema = get(f"{path}/sortables")
        assert schema["$schema"] == "https://json-schema.org/draft/2019-09/schema"
        assert urlsplit(schema["$id"]).path == f"/ogc{path}/sortables"
        assert schema["type"] == "object"
        assert all("type" in each for each in schema["properties"].values())
        assert schema["additionalProperties"] is False


def test_req_sorting_defaultsortorder_definition(get: Get) -> None:
    for path in CATALOGUES:
        (order,) = get(path)["defaultSortOrder"]
        sign = "-" if order["direction"] == "desc" else "+"
        asked = get(f"{path}/items", sortby=sign + order["field"], limit=100)
        assert ids_in_order(get(f"{path}/items", limit=100)) == ids_in_order(asked)
        assert order["field"] in get(f"{path}/sortables")["properties"]


# Filtering


def test_req_features_filter_filter_param(get: Get) -> None:
    assert get(ITEMS[1], filter="cloud_cover < 5")["numberMatched"] == 5
    assert parameter(get, "filter")["schema"] == {"type": "string"}


def test_req_record_filter_filter_lang_param(client: TestClient, get: Get) -> None:
    tree = '{"op": "<", "args": [{"property": "cloud_cover"}, 5]}'
    assert get(ITEMS[1], **{"filter": tree, "filter-lang": "cql2-json"})["numberMatched"] == 5
    assert get(ITEMS[1], **{"filter": "cloud_cover < 5", "filter-lang": "cql2-text"})["numberMatched"] == 5
    assert parameter(get, "filter-lang")["schema"]["enum"] == ["cql2-text", "cql2-json"]
    wrong = client.get(f"/ogc{ITEMS[1]}", params={"filter": "cloud_cover < 5", "filter-lang": "ecql"})
    assert (wrong.status_code, wrong.json()["parameter"]) == (400, "filter-lang")


def test_req_record_filter_filter_crs_param(client: TestClient, get: Get) -> None:
    inside = "S_INTERSECTS(geometry, BBOX(6, 51, 7, 52))"
    crs84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
    assert get(ITEMS[0], **{"filter": inside, "filter-crs": crs84})["numberMatched"] == 2
    wrong = client.get(f"/ogc{ITEMS[0]}", params={"filter": inside, "filter-crs": "EPSG:3857"})
    assert (wrong.status_code, wrong.json()["parameter"]) == (400, "filter-crs")


def test_req_record_filter_response(get: Get) -> None:
    everything = ids(get(ITEMS[1], limit=100))
    some = ids(get(ITEMS[1], filter="cloud_cover < 12", limit=100))
    early = ids(get(ITEMS[1], datetime="../2012-12-31", limit=100))
    assert ids(get(ITEMS[1], filter="cloud_cover < 12", datetime="../2012-12-31", limit=100)) == some & early
    assert set() < some & early < some < everything


# Encodings


def test_req_json_conformance(get: Get) -> None:
    assert f"{RECORDS}json" in get("/conformance")["conformsTo"]


def test_req_json_record_content(client: TestClient, get: Get, full: Record) -> None:
    for path in ITEMS:
        page = client.get(f"/ogc{path}", params={"limit": 100})
        assert page.headers["content-type"] == "application/geo+json"
        assert page.json()["type"] == "FeatureCollection"
        for each in page.json()["features"]:
            RECORD.validate(each)
        assert {f"{PROFILE}ogc-catalog", f"{PROFILE}ogc-record"} == set(rels(page.json(), "profile"))
    assert get(f"{ITEMS[0]}/{full.id}")["type"] == "Feature"


def test_req_json_record_response(client: TestClient, full: Record) -> None:
    for path in (*ITEMS, f"{ITEMS[0]}/{full.id}"):
        answer = client.get(f"/ogc{path}", headers={"Accept": "application/geo+json"})
        assert answer.headers["content-type"] == "application/geo+json"
    assert answer.json()["geometry"] == full.extent.geometry
    assert tuple(answer.json()["bbox"]) == full.extent.bbox


def test_req_json_catalog_content(client: TestClient) -> None:
    for path in (*CATALOGUES, "/collections", *CRAWLED):
        answer = client.get(f"/ogc{path}", headers={"Accept": "application/ogc-catalog+json"})
        CATALOGUE.validate(answer.json())


def test_req_json_collection_response(client: TestClient) -> None:
    for path in (*CATALOGUES, "/collections", *CRAWLED):
        for kind in ("application/ogc-catalog+json", "application/json"):
            assert client.get(f"/ogc{path}", headers={"Accept": kind}).headers["content-type"] == kind


def test_req_json_record_content_profile(client: TestClient, full: Record) -> None:
    answer = client.get(f"/ogc{ITEMS[0]}/{full.id}", params={"profile": "ogc-record"})
    assert rels(answer.json(), "profile") == [f"{PROFILE}ogc-record"]


def test_req_json_catalog_content_profile(client: TestClient) -> None:
    for path in CATALOGUES:
        answer = client.get(f"/ogc{path}", params={"profile": "ogc-catalog", "f": "json"})
        CATALOGUE.validate(answer.json())
        assert rels(answer.json(), "profile") == [f"{PROFILE}ogc-catalog"]


def test_req_html_conformance(get: Get) -> None:
    assert f"{RECORDS}html" in get("/conformance")["conformsTo"]


def everything(full: Record) -> list[str]:
    return [*LANDING, *CATALOGUES, *BELOW, *CRAWLED, f"{ITEMS[0]}/{full.id}"]


def test_req_html_definition(client: TestClient, get: Get, full: Record) -> None:
    for path in everything(full):
        answer = client.get(f"/ogc{path}", headers={"Accept": "text/html"})
        assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8"), path
    for path, operation in get("/api")["paths"].items():
        assert "text/html" in operation["get"]["responses"]["200"]["content"], path


class Page(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.hrefs: set[str] = set()
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.hrefs |= {value for name, value in attrs if name == "href" and value}

    def handle_data(self, data: str) -> None:
        self.text += data


def leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        for each in value.values():
            yield from leaves(each)
    elif isinstance(value, list):
        for each in value:
            yield from leaves(each)
    else:
        yield value


def hrefs(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from ([value["href"]] if isinstance(value.get("href"), str) else [])
        for each in value.values():
            yield from hrefs(each)
    elif isinstance(value, list):
        for each in value:
            yield from hrefs(each)


def test_req_html_content(client: TestClient, get: Get, full: Record) -> None:
    for path in everything(full):
        text = client.get(f"/ogc{path}", headers={"Accept": "text/html"}).text
        assert text.startswith("<!doctype html>")
        page, document = Page(text), get(path)
        missing = [
            each for each in leaves(document) if isinstance(each, str) and each not in page.text + str(page.hrefs)
        ]
        assert missing == [], path
        if "/items" not in path:
            assert set(hrefs(document)) - page.hrefs == set(), path


def test_req_oas30_conformance(get: Get) -> None:
    assert f"{RECORDS}oas30" in get("/conformance")["conformsTo"]


def test_req_oas30_oas_common(client: TestClient, get: Get) -> None:
    landing = get("")
    (description,) = (each for each in landing["links"] if each["rel"] == "service-desc")
    assert description["type"] == "application/vnd.oai.openapi+json;version=3.0"
    answer = client.get(description["href"])
    assert answer.headers["content-type"] == description["type"]
    assert answer.json()["openapi"].startswith("3.0.")
    for path, operation in answer.json()["paths"].items():
        names = re.findall(r"{(.*?)}", path)
        given = [each["name"] for each in operation["get"]["parameters"] if each["in"] == "path"]
        assert names == given, path
        assert {"200", "400", "404"} <= set(operation["get"]["responses"])


# Profile parameter


def test_req_query_param_profile_definition(client: TestClient, get: Get) -> None:
    given = parameter(get, "profile")
    assert given["schema"] == {"type": "array", "items": {"type": "string"}}
    assert (given["required"], given["explode"], given["style"]) == (False, False, "form")
    for value in ("ogc-record", f"{PROFILE}ogc-record", "[ogc-profile:ogc-record]", "unknown,ogc-record"):
        assert client.get(f"/ogc{ITEMS[0]}", params={"profile": value}).status_code == 200, value


def test_req_query_param_profile_response(client: TestClient, full: Record) -> None:
    for params in ({}, {"profile": "ogc-record"}):
        answer = client.get(f"/ogc{ITEMS[0]}/{full.id}", params=params)
        assert rels(answer.json(), "profile") == [f"{PROFILE}ogc-record"]
        assert answer.headers["link"] == f'<{PROFILE}ogc-record>; rel="profile"'


# Autodiscovery and local resources


def test_req_autodiscovery_links(client: TestClient, get: Get) -> None:
    text = client.get("/ogc", headers={"Accept": "text/html"}).text
    found = re.findall(rf'<link rel="{re.escape(REL)}ogc-catalog"[^>]* href="([^"]+)">', text)
    assert [urlsplit(each).path for each in found] == ["/ogc/collections", *(f"/ogc{path}" for path in ITEMS)]
    assert all(get(each) for each in found)


def test_req_local_resources_catalog_common(get: Get) -> None:
    said = get("/conformance")["conformsTo"]
    assert {f"{RECORDS}{name}" for name in ("record-core", "record-collection", "autodiscovery")} <= set(said)


def test_req_local_resources_catalog_conformance(get: Get) -> None:
    said = get("/conformance")["conformsTo"]
    assert {f"{RECORDS}local-resources-catalog", f"{FEATURES}json", f"{FEATURES}html"} <= set(said)


def test_req_local_resources_catalog_mandatory_catalog_properties(get: Get) -> None:
    CATALOGUE.validate(get("/collections"))


def test_req_local_resources_catalog_mandatory_record_properties(get: Get) -> None:
    assert all(each["id"] for each in get("/collections")["collections"])


def test_req_local_resources_catalog_discovery(get: Get) -> None:
    assert any(urlsplit(each).path == "/ogc/collections" for each in rels(get(""), f"{REL}ogc-catalog"))


# Searchable catalogue


def test_req_searchable_catalog_common(get: Get) -> None:
    said = get("/conformance")["conformsTo"]
    wanted = ("record-api", "record-core", "record-collection", "record-core-query-parameters")
    assert {f"{RECORDS}{name}" for name in wanted} <= set(said)


def test_req_searchable_catalog_conformance(get: Get) -> None:
    said = get("/conformance")["conformsTo"]
    assert get("")["conformsTo"] == said
    assert f"{FEATURES}core" in said
    assert {f"{RECORDS}{name}" for name in ("searchable-catalog", "json", "html", "oas30", "autodiscovery")} <= set(
        said
    )


def test_req_searchable_catalog_mandatory_catalog_properties(get: Get) -> None:
    assert all({"id", "type", "links"} <= set(get(path)) for path in CATALOGUES)


def test_req_searchable_catalog_mandatory_record_properties(found: list[Any]) -> None:
    assert all(isinstance(each["id"], str) and each["id"] for each in found)


def test_req_searchable_catalog_filtering(client: TestClient, get: Get) -> None:
    for path in CATALOGUES:
        known = get(link(get(path), f"{REL}queryables"))
        assert known["type"] == "object"
        assert urlsplit(known["$id"]).path == f"/ogc{path}/queryables"
        for name, schema in known["properties"].items():
            assert ("type" in schema) != schema.get("format", "").startswith("geometry-"), name
            if schema.get("type"):
                answer = client.get(f"/ogc{path}/items", params={"filter": f"{name} IS NULL"})
                assert answer.status_code == 200, (name, answer.text)


def test_req_searchable_catalog_filtering_conformance(get: Get) -> None:
    assert f"{RECORDS}searchable-catalog-filtering" in get("/conformance")["conformsTo"]


def test_req_searchable_catalog_mandatory_queryables(get: Get, full: Record) -> None:
    assert all("id" in get(f"{path}/queryables")["properties"] for path in CATALOGUES)
    assert ids(get(ITEMS[0], filter=f"id = '{full.id}'")) == {full.id}


def test_req_searchable_catalog_sorting(get: Get) -> None:
    first, last = (
        get(path, sortby=sign + "title", limit=1)["features"] for path, sign in zip(ITEMS, "+-", strict=True)
    )
    assert first[0]["properties"]["title"] == "An eclipse of long ago"
    assert last[0]["properties"]["title"] == "Scene 9"


def test_req_searchable_catalog_sorting_conformance(get: Get) -> None:
    assert f"{RECORDS}searchable-catalog-sorting" in get("/conformance")["conformsTo"]


# Crawlable catalogue


def test_req_crawlable_catalog_record(get: Get, full: Record) -> None:
    assert any(each.endswith(full.id) for each in rels(get("/crawl/resources"), "item"))


def test_req_crawlable_catalog_record_location(get: Get) -> None:
    for each in rels(get("/crawl/resources"), "item"):
        RECORD.validate(get(each))


def test_req_crawlable_catalog_catalog(get: Get) -> None:
    CATALOGUE.validate(get("/crawl/resources"))


def test_req_crawlable_catalog_location(get: Get) -> None:
    for path in CATALOGUES:
        assert any("/crawl/" in each for each in rels(get(path), "alternate"))


def test_req_crawlable_catalog_conformance(get: Get) -> None:
    assert all(f"{RECORDS}crawlable-catalog" in get(path)["conformsTo"] for path in CRAWLED)


# Part 2, draft: facets


def test_req_2_simple_conformance(get: Get) -> None:
    assert f"{FACETS}simple" in get("/conformance")["conformsTo"]


def test_req_2_simple_media_type(client: TestClient, get: Get) -> None:
    for path in CATALOGUES:
        answer = client.get(link(get(path), f"{REL}facets"))
        assert answer.headers["content-type"] == "application/facets+json"


def test_req_2_simple_response(get: Get) -> None:
    for path, name in zip(CATALOGUES, SCOPES, strict=True):
        document = get(f"{path}/facets")
        assert document["id"] == name
        assert document["defaultBucketCount"] == 10
        for each in document["facets"].values():
            assert each["type"] in ("term", "histogram")
            assert each["sortedBy"] in ("value", "count")
            assert ("minOccurs" in each) == (each["type"] == "term")
            assert each.get("bucketType", "fixedInterval") in ("fixedInterval", "fixedBucketCount")
        known = get(f"{path}/queryables")["properties"]
        assert set(document["facets"]) == {each for each, said in known.items() if said.get("facet")}


def test_req_2_simple_query_response(get: Get) -> None:
    for path in ITEMS:
        page = get(path)
        assert page["facets"]
        for name, facet in page["facets"].items():
            assert facet["property"] == name
            assert facet["type"] == "term"
            assert all(set(each) == {"value", "count"} for each in facet["buckets"])
            assert facet["more"] is False
    assert get(ITEMS[0], limit=0)["facets"]["type"]["buckets"][0] == {"value": "dataset", "count": 5}


def test_req_2_advanced_conformance(get: Get) -> None:
    assert f"{FACETS}advanced" in get("/conformance")["conformsTo"]


def test_req_2_advanced_query_facets_definition(get: Get) -> None:
    given = parameter(get, "facets")
    assert given["schema"]["items"]["pattern"].startswith("[A-Za-z_]+(:[0-9]*")
    assert (given["explode"], given["style"], given["required"]) == (False, "form", False)
    for asked in (
        "type",
        "type:",
        "type::",
        "type:2",
        "type:2:",
        "type:2:value_asc",
        "type::count_desc",
        "type,,domain",
    ):
        assert "type" in get(ITEMS[0], facets=asked)["facets"], asked
    assert "facets" not in get(f"{ITEMS[0]}?facets=")


def test_req_2_advanced_query_facets_response(get: Get) -> None:
    def values(asked: str) -> list[tuple[str, int]]:
        (facet,) = get(ITEMS[0], facets=asked, limit=0)["facets"].values()
        return [(each["value"], each["count"]) for each in facet["buckets"]]

    assert values("type:2") == [("dataset", 5), ("datalab", 1)]
    assert values("type:2:value_asc") == [("datalab", 1), ("dataset", 5)]
    assert values("type:2:value_desc") == [("volume", 1), ("pipeline", 1)]
    assert values("type:20:count_asc")[-1] == ("dataset", 5)
    page = get(ITEMS[1], facets="cloud_cover:5,datetime:4,type", limit=0)["facets"]
    assert set(page) == {"cloud_cover", "datetime", "type"}
    cover = page["cloud_cover"]
    assert cover["type"] == page["datetime"]["type"] == "histogram"
    assert sum(each["count"] for each in cover["buckets"]) == 25
    assert all(set(each) == {"min", "max", "count"} for each in cover["buckets"])
    years = page["datetime"]["buckets"]
    assert len(years) == 4
    assert page["datetime"]["more"] is True
    assert (years[0]["min"], years[0]["max"]) == ("2010-01-01", "2011-01-01")


def test_every_field_of_the_table_is_a_queryable(get: Get) -> None:
    for path in CATALOGUES:
        assert len(get(f"{path}/queryables")["properties"]) == len(fields.FIELDS) + 2
