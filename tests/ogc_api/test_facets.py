from __future__ import annotations

import pytest

from discovery.errors import BadQueryError, LimitError, UnknownFieldError
from discovery.model.instant import span
from discovery.ogc_api import facets
from discovery.ogc_api.facets import HISTOGRAM, TERM, Request, answered, asked, definitions, requests
from discovery.portal import Keyed
from discovery.query.facets import Range, RangeFacet, RangeRequest
from discovery.query.query import Bin, Bucket, Facet, FacetRequest, Histogram, Query, Total


def test_without_the_parameter_a_few_facets_are_counted_and_none_when_it_is_empty() -> None:
    assert [each.field for each in requests("resources", None)][:2] == ["kind", "domain"]
    assert requests("resources", "") == requests("resources", " , ") == ()


def test_a_facet_is_asked_for_by_name_buckets_and_order() -> None:
    assert requests("resources", "type:5:value_desc,mission,formats::count_asc,cloud_cover:3,datetime:7,type:2") == (
        Request("type", "kind", TERM, 2),
        Request("mission", "mission", TERM),
        Request("formats", "format", TERM, 10, "count_asc"),
        Request("cloud_cover", "cloud_cover", HISTOGRAM, 3),
        Request("datetime", "datetime", HISTOGRAM, 7),
    )


@pytest.mark.parametrize("text", ["type:x", "type:1:up", "type:1:value_asc:more", ":5", "type:-1", "type:9999999999"])
def test_what_is_no_facet_is_refused(text: str) -> None:
    with pytest.raises(BadQueryError) as caught:
        requests("resources", text)
    assert caught.value.parameter == "facets"


@pytest.mark.parametrize("name", ["nonsense", "title", "doi", "start", "x" * 500])
def test_what_cannot_be_counted_is_refused_with_what_can(name: str) -> None:
    with pytest.raises(UnknownFieldError, match="unknown facet") as caught:
        requests("resources", name)
    assert caught.value.parameter == "facets"


@pytest.mark.parametrize("text", ["type:1001", ",".join(["type"] * 21)])
def test_too_much_is_refused(text: str) -> None:
    with pytest.raises(LimitError) as caught:
        requests("resources", text)
    assert caught.value.parameter == "facets"


def test_only_what_has_to_be_sorted_otherwise_is_counted_in_full() -> None:
    query = asked(Query(), requests("resources", "type:3,license:3:value_asc,cloud_cover:500,size:2,datetime:0"))
    assert query.facets == (FacetRequest("kind", 3), FacetRequest("license", 1000))
    assert query.numbers == (RangeRequest("cloud_cover", bins=200), RangeRequest("size", bins=2, log=True))
    assert query.histogram == Histogram("auto", 1)


def found(**counted: object) -> Keyed:
    return Keyed((), Total(0), "", "1", **counted)  # type: ignore[arg-type]


def test_terms_have_values_and_counts_and_say_whether_there_are_more() -> None:
    facet = Facet("kind", "", (Bucket("b", 5), Bucket("a", 3)), other=0)
    assert answered([Request("type", "kind", TERM)], found(facets=(facet,))) == {
        "type": {
            "type": "term",
            "property": "type",
            "buckets": [{"value": "b", "count": 5}, {"value": "a", "count": 3}],
            "more": False,
        }
    }
    cut = answered([Request("type", "kind", TERM, 1, "value_asc")], found(facets=(facet,)))["type"]
    assert (cut["buckets"], cut["more"]) == ([{"value": "a", "count": 3}], True)
    beyond = Facet("kind", "", facet.buckets, other=1)
    assert answered([Request("type", "kind", TERM)], found(facets=(beyond,)))["type"]["more"] is True


def test_numbers_have_least_and_greatest() -> None:
    number = RangeFacet("size", "", (Range(0, 5, 2), Range(5, 10, 3, closed=True)))
    out = answered([Request("size", "size", HISTOGRAM, 10, "count_desc")], found(numbers=(number,)))["size"]
    assert out["buckets"] == [{"min": 5, "max": 10, "count": 3}, {"min": 0, "max": 5, "count": 2}]
    assert (out["type"], out["more"]) == ("histogram", False)


@pytest.mark.parametrize(
    ("interval", "start", "end"),
    [
        ("year", "2020-01-01", "2021-01-01"),
        ("month", "2020-12-01", "2021-01-01"),
        ("month", "2020-02-01", "2020-03-01"),
        ("day", "2020-02-29", "2020-03-01"),
        ("year", "-004712-01-01", "-004711-01-01"),
    ],
)
def test_a_step_of_the_calendar_ends_where_the_next_one_begins(interval: str, start: str, end: str) -> None:
    counted = found(bins=(Bin(span(start)[0], 4),), interval=interval)
    out = answered([Request("datetime", "datetime", HISTOGRAM)], counted)["datetime"]
    assert out["buckets"] == [{"min": start, "max": end, "count": 4}]


def test_everything_that_is_advertised_can_be_asked_for() -> None:
    for name, said in definitions().items():
        (request,) = requests("resources", name)
        assert (request.name, request.type) == (name, said["type"])
    assert len(definitions()) > facets.MAX_FACETS
