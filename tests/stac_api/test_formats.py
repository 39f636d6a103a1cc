from __future__ import annotations

from typing import Any

import httpx
import orjson
import pytest
from starlette.requests import Request

from discovery.errors import LimitError, UnknownFieldError
from discovery.exports import limits
from discovery.model.record import OBSERVATIONS
from discovery.portal import Portal
from discovery.query.query import Query
from discovery.stac_api import formats
from discovery.stac_api.formats import Format, rows, wanted

S2 = "sentinel-s2-l2a-cogs"


def request(accept: str | None = None, query: str = "") -> Request:
    headers = [] if accept is None else [(b"accept", accept.encode())]
    return Request({"type": "http", "method": "GET", "path": "/", "query_string": query.encode(), "headers": headers})


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        (None, Format.GEOJSON),
        ("*/*", Format.GEOJSON),
        ("text/html,application/xhtml+xml,*/*;q=0.8", Format.GEOJSON),
        ("application/x-ndjson", Format.NDJSON),
        ("application/ndjson", Format.NDJSON),
        ("application/geo+json-seq", Format.SEQUENCE),
        ("Application/VND.apache.parquet", Format.PARQUET),
        ("application/vnd.apache.parquet;q=0.5, application/geo+json", Format.GEOJSON),
        ("application/vnd.apache.parquet, application/geo+json;q=0.9, */*;q=0.1", Format.PARQUET),
        ("application/vnd.apache.parquet;q=0", Format.GEOJSON),
        ("application/vnd.apache.parquet;q=nonsense", Format.GEOJSON),
    ],
)
def test_accept_says_which_form(accept: str | None, form: Format) -> None:
    assert wanted(request(accept)) is form


def test_f_says_it_louder() -> None:
    assert wanted(request("application/x-ndjson", "f=geoparquet")) is Format.PARQUET
    assert wanted(request("application/x-ndjson", "f=json")) is Format.GEOJSON
    with pytest.raises(UnknownFieldError, match="geoparquet"):
        wanted(request(query="f=geoparket"))


def test_all_that_matches_is_found_in_one_order(portal: Portal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formats, "_WALK", 30)
    monkeypatch.setattr(formats, "CHUNK", 40)
    found = rows(portal, Query(scope=OBSERVATIONS), None)
    assert found.keys == portal.keys(Query(scope=OBSERVATIONS, size=1000)).keys
    assert (found.matched, found.exact, found.next, len(found.keys)) == (203, True, "", 203)
    assert sum(found.chunks(), ()) == found.keys
    some = rows(portal, Query(scope=OBSERVATIONS), 70)
    assert some.keys == found.keys[:70]
    rest = rows(portal, Query(scope=OBSERVATIONS, after=some.next), None)
    assert rest.keys == found.keys[70:]


def test_what_is_too_much_is_refused_by_the_name_of_its_limit(portal: Portal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formats, "MAX_ROWS", 202)
    with pytest.raises(LimitError) as caught:
        rows(portal, Query(scope=OBSERVATIONS), None)
    assert caught.value.limit == "stac-rows"
    assert len(rows(portal, Query(scope=OBSERVATIONS), 202).keys) == 202
    monkeypatch.setattr(limits, "MAX_SECONDS", -1)
    monkeypatch.setattr(formats, "_WALK", 100)
    with pytest.raises(LimitError) as caught:
        rows(portal, Query(scope=OBSERVATIONS), 200)
    assert caught.value.limit == "stac-seconds"


def page(client: httpx.Client, path: str = "/stac/search", **asked: Any) -> Any:
    return client.get(path, params={**asked, "limit": 1000}).json()["features"]


@pytest.mark.slow
def test_lines_hold_everything_that_matches_as_pages_have_it(client: httpx.Client) -> None:
    answer = client.get("/stac/search", headers={"Accept": "application/x-ndjson"})
    assert answer.headers["content-type"] == "application/x-ndjson"
    assert (answer.headers["ogc-numbermatched"], answer.headers["vary"]) == ("203", "Accept")
    assert [orjson.loads(line) for line in answer.content.splitlines()] == page(client)
    sequence = client.get("/stac/search", params={"f": "geojsonseq"}).content
    assert sequence == b"".join(b"\x1e" + line + b"\n" for line in answer.content.splitlines())


@pytest.mark.slow
def test_lines_are_narrowed_cut_and_posted_for_as_pages_are(client: httpx.Client) -> None:
    def lines(answer: httpx.Response) -> list[Any]:
        assert answer.status_code == 200, answer.text
        return [orjson.loads(line) for line in answer.content.splitlines()]

    asked = {"filter": "eo:cloud_cover < 10", "fields": "properties.eo:cloud_cover,-assets"}
    items = f"/stac/collections/{S2}/items"
    assert lines(client.get(items, params={**asked, "f": "ndjson"})) == page(client, items, **asked)
    first = client.get(items, params={"f": "ndjson", "limit": 20})
    assert len(lines(first)) == 20
    further = client.get(first.links["next"]["url"])
    assert lines(first) + lines(further) == page(client, items)[:40]
    posted = client.post("/stac/search", params={"f": "ndjson"}, json={"collections": [S2]})
    assert {each["id"] for each in lines(posted)} == {each["id"] for each in page(client, items)}
    ranked = client.get("/stac/search", params={"q": "plate", "f": "ndjson"})
    assert lines(ranked) == page(client, q="plate")
    assert lines(client.get("/stac/search", params={"ids": "nope", "f": "ndjson"})) == []


@pytest.mark.slow
def test_an_unknown_form_is_refused_and_faults_are_told_before_the_first_byte(client: httpx.Client) -> None:
    assert "ndjson" in client.get("/stac/search", params={"f": "ndjsn"}).json()["description"]
    answer = client.get("/stac/search", params={"f": "ndjson", "filter": "nosuch = 1"})
    assert (answer.status_code, answer.json()["code"]) == (400, "unknown_field")
