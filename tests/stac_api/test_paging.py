from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from discovery.errors import BadQueryError
from discovery.stac_api.paging import MAX_BACK, MAX_CHARACTERS, Trail

TITLE = [{"field": "title", "direction": "asc"}]


def test_a_trail_leads_back_by_the_way_it_came() -> None:
    trail = Trail.parse(None)
    assert trail.back is None
    tokens = []
    for number in range(1, 6):
        tokens.append(trail.onward(f"mark{number}"))
        trail = Trail.parse(tokens[-1])
        assert trail.here == f"mark{number}"
    for token in reversed(tokens[:-1]):
        assert trail.back == token
        trail = Trail.parse(trail.back)
    assert trail.back == ""


@pytest.mark.parametrize("length", [1, 100, 400])
def test_a_token_stays_short_however_many_pages_there_were(length: int) -> None:
    trail = Trail()
    for number in range(50):
        token = trail.onward(f"{number:x}".zfill(length))
        assert len(token) <= MAX_CHARACTERS + 2
        trail = Trail.parse(token)
    back = 0
    while trail.back:
        trail, back = Trail.parse(trail.back), back + 1
    assert 2 <= back <= MAX_BACK
    assert trail.back is None


@pytest.mark.parametrize("token", ["a~" * 20, "a~b c", "a~\n", "a~~b", f"a~{'b' * 600}", "a" * 3000])
def test_what_is_no_token_is_refused(token: str) -> None:
    with pytest.raises(BadQueryError) as caught:
        Trail.parse(token)
    assert caught.value.parameter == "token"


def walked(client: httpx.Client, method: str, asked: dict[str, Any], rel: str, page: Any) -> Iterator[Any]:
    body = dict(asked)
    while found := [each for each in page["links"] if each["rel"] == rel]:
        (link,) = found
        assert link["method"] == method
        if method == "POST":
            body = {**body, **link["body"]}
        answer = client.get(link["href"]) if method == "GET" else client.post(link["href"], json=body)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        yield page


@pytest.mark.slow
@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"q": ["plate", "sentinel"]},
        {"sortby": [{"field": "title", "direction": "asc"}]},
        {"sortby": [{"field": "title", "direction": "asc"}, {"field": "eo:cloud_cover", "direction": "desc"}]},
    ],
)
def test_the_pages_before_are_those_that_were_there(client: httpx.Client, method: str, asked: dict[str, Any]) -> None:
    asked = {**asked, "limit": 30}
    signs = {"asc": "+", "desc": "-"}
    orders = ",".join(signs[each["direction"]] + each["field"] for each in asked.get("sortby", ()))
    written = {"limit": 30} | ({"sortby": orders} if orders else {}) | ({"q": "plate,sentinel"} if "q" in asked else {})
    path = "/stac/search"
    first = (client.get(path, params=written) if method == "GET" else client.post(path, json=asked)).json()
    assert not [each for each in first["links"] if each["rel"] == "prev"]
    there = [first, *walked(client, method, asked, "next", first)]
    assert 2 < len(there) <= MAX_BACK
    again = list(walked(client, method, asked, "prev", there[-1]))
    assert [page["features"] for page in again] == [page["features"] for page in reversed(there[:-1])]
    assert not [each for each in again[-1]["links"] if each["rel"] == "prev"]
