from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

import pytest

from discovery.errors import BadQueryError, LimitError, UnknownFieldError
from discovery.model.instant import span
from discovery.ogc_api.question import MAX_LIMIT, NOTHING, Asked, records
from discovery.query.query import Between, Comparison, In, Query, Sort, Time


def ask(query: str = "", scope: str = "resources") -> Asked:
    return records(scope, parse_qsl(query, keep_blank_values=True))


def test_nothing_asked_is_the_first_ten() -> None:
    asked = ask()
    assert asked.query == Query(size=10)
    assert asked.facets
    assert ask("facets=").small
    assert ask(scope="observations").query.scope == "observations"


@pytest.mark.parametrize(
    ("text", "name", "value"),
    [
        ("q=sea+ice,%09glacier%20,,", "phrases", ("sea ice", "glacier")),
        ("q=", "phrases", ()),
        ("type=dataset,nonsense", "filter", In("kind", ("dataset",))),
        ("type=nonsense", "filter", NOTHING),
        ("type=", "filter", None),
        ("ids=a,b,a", "ids", ("a", "b")),
        ("ids=", "ids", ()),
        ("limit=0", "size", 0),
        ("limit=5000000000000000000000", "size", MAX_LIMIT),
        ("limit=", "size", 10),
        ("sortby=-title", "sort", Sort("title", descending=True)),
        ("sortby=+title", "sort", Sort("title")),
        ("sortby=%2Btitle", "sort", Sort("title")),
        ("sortby=datetime", "sort", Sort("start")),
        ("sortby=-updated,+title", "sort", Sort("updated", descending=True, then=(Sort("title"),))),
        ("sortby=-relevance&q=ice", "sort", None),
        ("after=abc", "after", "abc"),
        ("datetime=2020", "time", Time(*span("2020"))),
        ("filter=cloud_cover%3C5", "filter", Comparison("<", "cloud_cover", 5)),
        ("filter=type='volume'", "filter", Comparison("=", "kind", "volume")),
        ("cloud_cover=5", "filter", Comparison("=", "cloud_cover", 5.0)),
        ("eo:cloud_cover=5", "filter", Comparison("=", "cloud_cover", 5.0)),
        ("updated=2020-05-01", "filter", Between("updated", *span("2020-05-01"))),
        ("keywords=sea+ice", "filter", Comparison("=", "keyword", "sea ice")),
        ("license=", "filter", None),
        ("bbox-crs=http://www.opengis.net/def/crs/OGC/1.3/CRS84", "region", None),
    ],
)
def test_a_parameter_becomes_its_part_of_the_query(text: str, name: str, value: Any) -> None:
    assert getattr(ask(text).query, name) == value


@pytest.mark.parametrize(
    ("text", "parameter"),
    [
        ("bbox=1,2,3", "bbox"),
        ("bbox=1,2,3,x", "bbox"),
        ("bbox=1,5,3,4", "bbox"),
        ("bbox=1,2,9,3,4,5", "bbox"),
        ("bbox=1,2,3,nan", "bbox"),
        ("bbox=1,2,3,4&bbox-crs=EPSG:3857", "bbox-crs"),
        ("crs=EPSG:3857", "crs"),
        ("datetime=yesterday", "datetime"),
        ("datetime=2021/2020", "datetime"),
        ("datetime=../..", "datetime"),
        ("limit=-1", "limit"),
        ("limit=1.5", "limit"),
        ("limit=\u0663", "limit"),
        ("offset=-1", "offset"),
        ("filter=cloud_cover+<", "filter"),
        ("filter=colour='red'", "filter"),
        ("filter={}", "filter"),
        ("filter=a&filter-lang=sql", "filter-lang"),
        ("filter=a=1&filter-crs=x", "filter-crs"),
        ("sortby=colour", "sortby"),
        ("sortby=title,updated,start,end,created", "sortby"),
        ("sortby=title,licence", "sortby"),
        ("sortby=-relevance,title&q=a", "sortby"),
        ("sortby=-relevance", "sortby"),
        ("sortby=relevance&q=a", "sortby"),
        ("facets=colour", "facets"),
        ("cloud_cover=much", "cloud_cover"),
        ("cloud_cover=inf", "cloud_cover"),
        ("cloud_cover=1e999", "cloud_cover"),
        ("updated=soon", "updated"),
        ("title=Sea", "title"),
        ("q=a&q=b", "q"),
        ("q=a%00", "q"),
        ("license=a%0ab", "license"),
        ("nonsense=1", "nonsense"),
        ("startindex=1", "startindex"),
    ],
)
def test_what_cannot_be_is_refused_by_the_name_of_its_parameter(text: str, parameter: str) -> None:
    with pytest.raises(BadQueryError) as caught:
        ask(text)
    assert caught.value.parameter == parameter


def test_an_unknown_parameter_is_told_the_near_ones() -> None:
    with pytest.raises(UnknownFieldError, match="externalIds"):
        ask("externalids=a")


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("offset=10001", "ogc-offset"),
        ("offset=9999&limit=10", "ogc-offset"),
        (f"ids={','.join(map(str, range(1001)))}", "ogc-names"),
    ],
)
def test_more_than_one_answer_holds_is_refused_by_the_name_of_the_limit(text: str, limit: str) -> None:
    with pytest.raises(LimitError) as caught:
        ask(text)
    assert caught.value.limit == limit


def test_a_page_mark_takes_the_place_of_the_offset() -> None:
    assert ask("offset=20").skipped == 20
    assert ask("offset=20&after=x").skipped == 0
    assert ask("offset=9999&limit=10&after=x").offset == 9999


def test_later_pages_count_nothing_that_nobody_asked_for() -> None:
    assert ask("after=x").facets == ask("offset=10").facets == ()
    assert [each.name for each in ask("after=x&facets=type").facets] == ["type"]


def test_what_narrows_or_counts_is_no_small_question() -> None:
    for text in (
        "q=a",
        "ids=a",
        "bbox=1,2,3,4",
        "datetime=2020",
        "license=MIT",
        "sortby=title",
        "limit=500",
        "offset=9",
    ):
        assert not ask(f"{text}&facets=").small, text


def test_the_links_of_a_page_keep_what_was_asked_but_not_where_it_began() -> None:
    assert ask("q=a&offset=10&after=x&f=json").pairs == (("q", "a"), ("f", "json"))
