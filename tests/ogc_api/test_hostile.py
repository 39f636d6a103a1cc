"""No request, however wrong, gets an answer of the 500s, and every refusal says what is wrong."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import orjson
import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from discovery.model.record import SCOPES
from discovery.ogc_api.openapi import document
from discovery.ogc_api.question import PARAMETERS
from discovery.query.fields import FIELDS

pytestmark = pytest.mark.slow

API = document("T", "1", "http://127.0.0.1/ogc")
PATHS = sorted(API["paths"])
ODD = st.one_of(
    st.text(st.characters(codec="utf-8"), max_size=40),
    st.sampled_from(
        [
            *(
                "",
                ",",
                ":",
                "..",
                "../..",
                "/",
                "-",
                "+",
                "*",
                "%",
                "'",
                '"',
                "\\",
                "null",
                "NaN",
                "inf",
                "-0",
                "1e999",
            ),
            *("1,2,3,4", "4,3,2,1", "-180,-90,180,90", "179,0,-179,1", "0,0,0,0", "1,2,3,4,5,6", "-400,0,400,0"),
            *("2020-01-01", "2020-01-01/..", "../2020", "9999999-01-01", "2020-13-45", "-290000000-01-01"),
            *("dataset", "type", "type:0", "type:5:value_asc", "datetime:0", "size:0", "cloud_cover:1000", "mission:1"),
            *("title", "-title", "relevance", "-relevance", "id", "geometry", "properties.platform"),
            *("cloud_cover < 5", "type = 'x' OR NOT (id IS NULL)", "S_INTERSECTS(geometry, POINT(0 0))", "a" * 5000),
            *("{", "[]", '{"op":"=","args":[1,1]}', '{"op":"and","args":[]}', "(" * 200, "title LIKE '%_%_%'"),
            *("cql2-json", "cql2-text", "html", "json", "geojson", "http://www.opengis.net/def/crs/OGC/1.3/CRS84"),
            *("99999999999999999999", "0", "1", "1000", "\u0661", "a,b", "doi:", "vo:", "esa:sea-ice", "urn:a:b:c"),
        ]
    ),
)
NAMES = st.sampled_from([*PARAMETERS, *FIELDS, "nonsense", "properties.platform", ""])
ACCEPTS = st.sampled_from(
    ["", "*/*", "text/html", "application/json", "application/geo+json;q=0", "x", ";;,,q=", "*/*;q=z"]
)


def held(answer: Any) -> None:
    assert answer.status_code in (200, 301, 400, 404, 406, 410), (answer.url, answer.text)
    if answer.status_code >= 400:
        assert answer.headers["content-type"] == "application/problem+json"
        assert orjson.loads(answer.content)["code"]
    elif "json" in answer.headers.get("content-type", ""):
        orjson.loads(answer.content)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(SCOPES), st.lists(st.tuples(NAMES, ODD), max_size=4), ACCEPTS)
def test_any_search_is_answered_or_refused(
    client: TestClient, name: str, pairs: list[tuple[str, str]], accept: str
) -> None:
    held(client.get(f"/ogc/collections/{name}/items", params=pairs, headers={"Accept": accept}))


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(PATHS), ODD, ODD, st.lists(st.tuples(NAMES, ODD), max_size=2))
def test_any_address_is_answered_or_refused(
    client: TestClient, path: str, one: str, other: str, pairs: list[tuple[str, str]]
) -> None:
    made = path.replace("{catalogId}", quote(one, safe="") or "resources").replace("{recordId}", quote(other, safe=""))
    held(client.get(f"/ogc{made.replace('{after}', quote(other, safe=''))}", params=pairs))


@pytest.mark.parametrize("tail", ["%00", "%ff%fe", "%ed%a0%80", "..%2f..%2fetc", "%2e%2e/", "a" * 5000, "%25%30"])
@pytest.mark.parametrize(
    "path", ["/ogc/", "/ogc/collections/", "/ogc/collections/resources/items/", "/ogc/crawl/resources/"]
)
def test_odd_bytes_in_a_path_are_nothing_that_is_there(client: TestClient, path: str, tail: str) -> None:
    assert client.get(path + tail).status_code in (200, 404)


@pytest.mark.parametrize(
    "query", ["q=%ff", "q=%ed%a0%80", "q=%00", "%ff=1", "ids=%ed%a0%80", "after=%ff", "filter=%ff", "=", "&&&", "q"]
)
def test_odd_bytes_in_a_query_are_answered_or_refused(client: TestClient, query: str) -> None:
    held(client.get(f"/ogc/collections/resources/items?{query}"))
