from __future__ import annotations

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from discovery.errors import RecordError
from harvesters import stac_page
from harvesters.stac_page import Ask

URL = "https://example.org/stac/search?a=1"
GET = Ask("https://example.org/stac/search?limit=100")


def page(*elements: bytes, links: Any = (), **more: Any) -> bytes:
    head = orjson.dumps({"type": "FeatureCollection", "links": list(links), **more})
    return head[:-1] + b',"features": [' + b" ,\n".join(elements) + b"]}"


def following(links: Any, asked: Ask = GET) -> Ask | None:
    return stac_page.read(page(links=links), URL, asked, "features").onward


def test_elements_are_the_bytes_that_were_sent() -> None:
    first, second = b'{ "id":"a",  "x": 1.0000, "links": [{"rel": "next", "href": "no"}] }', b'{"id":"b"}'
    found = stac_page.read(b"\xef\xbb\xbf" + page(first, second, b"7"), URL, GET, "features")
    assert [each.body for each in found.elements] == [first, second, b"7"]
    assert [each.document and each.document["id"] for each in found.elements] == ["a", "b", None]
    assert (found.onward, found.matched) == (None, None)


def test_of_two_lists_of_one_name_the_last_counts() -> None:
    found = stac_page.read(b'{"features": [{"id": 1}], "features": [{"id": 2}, {"id": 3}]}', URL, GET, "features")
    assert [each.document for each in found.elements] == [{"id": 2}, {"id": 3}]


@pytest.mark.parametrize(
    ("more", "matched"),
    [
        ({"numberMatched": 7}, 7),
        ({"context": {"matched": 8}}, 8),
        ({"numberMatched": None, "context": {"matched": 8}}, 8),
        ({"numberMatched": "7"}, None),
        ({"numberMatched": -1}, None),
        ({"numberMatched": True}, None),
        ({"context": 5}, None),
    ],
)
def test_the_total_is_a_whole_number_or_none(more: dict[str, Any], matched: int | None) -> None:
    assert stac_page.read(page(**more), URL, GET, "features").matched == matched


@pytest.mark.parametrize(
    ("link", "href"),
    [
        ({"href": "https://other.org/x?token=a%2Fb"}, "https://other.org/x?token=a%2Fb"),
        ({"href": "?token=b"}, "https://example.org/stac/search?token=b"),
        ({"href": " /x#y ", "method": "get"}, "https://example.org/x"),
    ],
)
def test_a_next_link_is_followed_from_where_it_stands(link: dict[str, Any], href: str) -> None:
    assert following([{"rel": "self", "href": "x"}, {"rel": "next", **link}]) == Ask(href)


def test_a_next_link_may_be_a_search_of_its_own_or_add_to_the_last_one() -> None:
    asked = Ask("https://example.org/stac/search", "POST", {"limit": 5, "token": "a"})
    link = {"rel": "next", "href": asked.href, "method": "POST", "body": {"token": "b"}}
    assert following([link], asked) == Ask(asked.href, "POST", {"token": "b"})
    assert following([{**link, "merge": True}], asked) == Ask(asked.href, "POST", {"limit": 5, "token": "b"})
    assert following([{**link, "body": 7, "merge": "yes"}], asked) == Ask(asked.href, "POST", {})


def test_a_next_link_may_bring_headers_but_not_ours() -> None:
    headers = {"Search-After": "x", "Host": "evil", "Authorization": "x", "Bad\r\n": "x", "X-Y": "a\nb", "X-Z": 1}
    found = following([{"rel": "next", "href": "x", "headers": headers}])
    assert found is not None
    assert dict(found.headers) == {"Search-After": "x"}


@pytest.mark.parametrize(
    "link", [{"href": "x", "method": "DELETE"}, {"href": "http://[x"}, {"href": "x?" + "t" * stac_page.MAX_ASK}]
)
def test_a_next_link_that_cannot_be_followed_says_so(link: dict[str, Any]) -> None:
    with pytest.raises(RecordError) as caught:
        following([{"rel": "next", **link}])
    assert caught.value.code == "bad-link"


@pytest.mark.parametrize("links", [None, 7, {}, [7], [{"rel": "next"}], [{"rel": "next", "href": None}]])
def test_what_is_no_link_leads_nowhere(links: Any) -> None:
    body = orjson.dumps({"features": [], "links": links})
    assert stac_page.read(body, URL, GET, "features").onward is None


def test_a_broken_element_costs_only_itself() -> None:
    body = page(b'{"id": "a", "x": NaN}', b'{"id": "b"}', links=[{"rel": "next", "href": "n"}], numberMatched=3)
    found = stac_page.read(body, URL, GET, "features")
    assert [each.document for each in found.elements] == [None, {"id": "b"}]
    assert found.elements[0].body == b'{"id": "a", "x": NaN}'
    assert found.onward == Ask("https://example.org/stac/n")
    assert found.matched == 3


@pytest.mark.parametrize("kept", [1, 20, 80, 110, -1])
def test_a_page_that_is_cut_off_is_not_used(kept: int) -> None:
    body = page(b'{"id": "a", "b": [1, 2]}', b'{"id": "b"}', links=[{"rel": "next", "href": "n"}])
    with pytest.raises(RecordError):
        stac_page.read(body[:kept], URL, GET, "features")


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"features": {}}', b'{"features": null}', b"<html>", b'"x"'])
def test_what_is_no_page_is_refused(body: bytes) -> None:
    with pytest.raises(RecordError):
        stac_page.read(body, URL, GET, "features")


@pytest.mark.parametrize(
    "ask",
    [
        Ask("https://example.org/x?limit=100"),
        Ask("https://example.org/x", "POST", {"limit": 5, "collections": ["a"]}),
        Ask("https://example.org/x", headers={"Search-After": "x"}),
    ],
)
def test_a_request_is_read_back_as_it_was_written(ask: Ask) -> None:
    assert Ask.from_json(orjson.loads(orjson.dumps(ask.to_json()))) == ask


def test_a_request_may_be_made_smaller_without_touching_the_rest() -> None:
    ask = Ask("https://example.org/x?token=a%2fB&limit=500&sig=%7E")
    sizes = []
    while (smaller := ask.smaller()) is not None:
        sizes.append(smaller.href)
        ask = smaller
    assert [each.partition("limit=")[2] for each in sizes] == ["125&sig=%7E", "31&sig=%7E", "10&sig=%7E"]
    assert all(each.startswith("https://example.org/x?token=a%2fB&") for each in sizes)
    assert Ask("https://example.org/x?nolimit=500").smaller() is None
    posted = Ask("u", "POST", {"limit": 40, "token": "t"}).smaller()
    assert posted == Ask("u", "POST", {"limit": 10, "token": "t"})
    assert posted.smaller() is None
    assert Ask("u", "POST", None).smaller() is None


_VALUES = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(-9, 9), st.sampled_from(["", "],[", "},{", '"features":[', "\u00e9"])
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(["a", "id", "features"]), inner)
    ),
    max_leaves=6,
)
_LIKELY = st.fixed_dictionaries({"type": st.just("Feature"), "id": st.integers(0, 99)}, optional={"x": _VALUES})


@given(
    st.lists(st.one_of(_LIKELY, _VALUES), max_size=5),
    st.sampled_from(
        ['{"features":%s,"links":[]}', '{"a":{"features":[1]},"features": %s}', '{"links":[],"features":%s}']
    ),
    st.sampled_from([(",", ":"), (", ", ": "), (" ,", " :"), (",\n", ":")]),
    st.integers(0, 3),
)
def test_the_short_way_through_a_page_leads_to_the_same(
    features: list[Any], frame: str, separators: tuple[str, str], cut: int
) -> None:
    body = (frame % json.dumps(features, separators=separators)).encode()
    # Some are cut off, or have something behind.
    body = body if cut < 2 else body[:-1] if cut == 2 else body[:-2] + b",1]}"

    def outcome() -> Any:
        try:
            return stac_page.read(body, "https://h.org/", Ask("https://h.org/"), "features")
        except RecordError as error:
            return error.code

    found = outcome()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stac_page, "_alike", lambda body, array: None)
        assert outcome() == found


def test_a_page_of_like_elements_is_cut_the_short_way() -> None:
    bodies = [b'{"type":"Feature","id":"%d","links":[{"a":1},{"a":2}]}' % n for n in range(9)]
    page = b'{"type":"FeatureCollection","features":[%s],"links":[]}' % b",".join(bodies)
    found = stac_page._alike(page, "features")
    assert found is not None
    assert [each.body for each in found[1]] == bodies
