from __future__ import annotations

from dataclasses import replace
from urllib.parse import parse_qsl, urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from discovery.errors import BadQueryError, LimitError, UnknownFieldError
from discovery.query import fields, form, order, region, time
from discovery.query.facets import Place, RangeSelection
from discovery.query.query import Comparison, Query, Region, Selection, Sort

DEGREES = st.floats(-80, 80, allow_nan=False)
WORDS = st.text(min_size=1, max_size=20).filter(lambda each: each == each.strip() and bool(each))
REGIONS = st.one_of(
    st.tuples(DEGREES, st.floats(-80, 0), st.floats(90, 180), st.floats(1, 80)).map(region.bbox),
    st.tuples(DEGREES, DEGREES, st.floats(0, 90)).map(region.cone),
    st.tuples(DEGREES, DEGREES).map(lambda at: region.polygon([*at, at[0] + 5, at[1], at[0], at[1] + 5])),
)
FINITE = st.floats(allow_nan=False, allow_infinity=False).map(lambda number: number + 0.0)
RANGES = st.one_of(
    st.builds(RangeSelection, st.just(""), FINITE),
    st.builds(RangeSelection, st.just(""), st.none(), FINITE, st.booleans()),
    st.lists(FINITE, min_size=2, max_size=2, unique=True).flatmap(
        lambda ends: st.builds(RangeSelection, st.just(""), st.just(min(ends)), st.just(max(ends)), st.booleans())
    ),
)
QUERIES = st.builds(
    Query,
    scope=st.sampled_from(["resources", "observations"]),
    text=WORDS | st.just(""),
    filter=st.none() | st.builds(Comparison, st.sampled_from(["=", "<"]), st.just("cloud_cover"), st.floats(0, 100)),
    region=st.none() | REGIONS,
    time=st.none() | st.sampled_from([time.interval("2020"), time.interval("../2019-05"), time.interval("2021/..")]),
    selections=st.lists(st.sampled_from(fields.FACETS), unique=True, max_size=3).flatmap(
        lambda names: st.tuples(
            *(
                st.builds(Selection, st.just(name), st.lists(WORDS, min_size=1, unique=True).map(tuple))
                for name in names
            )
        )
    ),
    ranges=st.lists(
        st.builds(lambda name, each: replace(each, name=name), st.sampled_from(fields.NUMBERS), RANGES),
        unique_by=lambda each: each.name,
        max_size=2,
    ).map(tuple),
    place=st.none() | st.builds(Place, st.sampled_from(("sky", "earth", "mars")), st.just(2), st.integers(0, 191)),
    sort=st.lists(st.builds(Sort, st.sampled_from(fields.SORTS), st.booleans()), max_size=4).map(order.joined),
    size=st.integers(0, 100),
    after=st.just("") | st.text("abc", min_size=1),
)


def test_every_parameter_reaches_its_place() -> None:
    query = form.parse(
        [
            ("q", " hubble deep "),
            ("facet.mission", "astronomy/hubble"),
            ("facet.mission", "astronomy/gaia"),
            ("facet.kind", "dataset"),
            ("filter", "exposure > 100"),
            ("cone", "10,20,0.5"),
            ("time", "2001/2002"),
            ("sort", "-start, title"),
            ("size", "50"),
            ("scope", "observations"),
            ("range.exposure", "100..<200"),
            ("cell", "sky/3/145"),
            ("after", "abc"),
        ]
    )
    assert query == Query(
        scope="observations",
        text="hubble deep",
        filter=Comparison(">", "exposure", 100.0),
        region=region.cone("10,20,0.5"),
        time=time.interval("2001/2002"),
        selections=(Selection("mission", ("astronomy/hubble", "astronomy/gaia")), Selection("kind", ("dataset",))),
        ranges=(RangeSelection("exposure", 100.0, 200.0, below=True),),
        place=Place("sky", 3, 145),
        sort=Sort("start", descending=True, then=(Sort("title"),)),
        size=50,
        after="abc",
        lenient=True,
    )


def test_all_of_the_words_are_wanted_where_that_is_asked_for() -> None:
    assert form.parse([("q", "sea ice"), ("words", "all")]) == Query(text="sea ice")
    assert form.parse([("q", "sea ice"), ("words", "some")]) == Query(text="sea ice", lenient=True)
    assert form.pairs(Query(text="sea ice")) == [("q", "sea ice"), ("words", "all")]
    assert form.pairs(Query(text="sea ice", lenient=True)) == [("q", "sea ice")]
    assert form.parse([("words", "all")]) == Query()
    with pytest.raises(BadQueryError, match="words 'most' is not one of some, all") as told:
        form.parse([("q", "sea ice"), ("words", "most")])
    assert told.value.parameter == "words"


def test_nothing_asked_is_the_default_query() -> None:
    assert form.parse([]) == Query()
    assert form.parse([("q", " "), ("bbox", ""), ("sort", "")]) == Query()
    assert form.pairs(Query()) == []


def test_the_same_value_ticked_twice_counts_once() -> None:
    assert form.parse([("facet.kind", "dataset")] * 2).selections == (Selection("kind", ("dataset",)),)


def test_a_frame_belongs_to_its_region() -> None:
    query = form.parse([("bbox", "10,-5,20,5"), ("frame", "mars")])
    assert query.region == region.bbox("10,-5,20,5", frame="mars")
    with pytest.raises(BadQueryError, match="bbox, cone, polygon"):
        form.parse([("frame", "mars")])


@pytest.mark.parametrize(
    ("pairs", "parameter", "words"),
    [
        ([("scpe", "resources")], "scpe", "did you mean scope"),
        ([("facet.misson", "x")], "facet.misson", "did you mean mission"),
        ([("sort", "-updatd")], "sort", "did you mean updated"),
        ([("scope", "all")], "scope", "resources, observations"),
        ([("size", "many")], "size", "whole number"),
        ([("size", "-1")], "size", "whole number"),
        ([("size", "²")], "size", "whole number"),
        ([("q", "a"), ("q", "b")], "q", "more than once"),
        ([("bbox", "0,0,1,1"), ("cone", "1,1,1")], "cone", "exclude"),
        ([("bbox", "0,0,1,1"), ("frame", "eearth")], "frame", "did you mean earth"),
        ([("bbox", "0,0,one,1")], "bbox", "one"),
        ([("time", "yesterday")], "time", "yesterday"),
        ([("filter", "cloud_cover <")], "filter", "expected"),
        ([("range.cloud_cov", "1..2")], "range.cloud_cov", "did you mean cloud_cover"),
        ([("range.mission", "1..2")], "range.mission", "number"),
        ([("range.size", "nan..2")], "range.size", "no range"),
        ([("range.size", "2..1")], "range.size", "before it begins"),
        ([("cell", "sky/3")], "cell", "no cell"),
        ([("cell", "skye/3/1")], "cell", "sky"),
        ([("cell", "sky/3/768")], "cell", "0 to 767"),
    ],
)
def test_what_cannot_be_read_says_which_parameter_and_what_is_allowed(
    pairs: list[tuple[str, str]], parameter: str, words: str
) -> None:
    with pytest.raises(BadQueryError, match=words) as caught:
        form.parse(pairs)
    assert caught.value.parameter == parameter


def test_an_unknown_parameter_is_an_unknown_field_error() -> None:
    with pytest.raises(UnknownFieldError, match="unknown parameter 'qq'"):
        form.parse([("qq", "x")])


@pytest.mark.parametrize("size", ["101", "9" * 5000])
def test_a_page_holds_a_hundred_records(size: str) -> None:
    with pytest.raises(LimitError, match="more than 100"):
        form.parse([("size", size)])


def test_more_parameters_than_a_url_holds_are_refused() -> None:
    with pytest.raises(LimitError):
        form.parse([("facet.kind", str(number)) for number in range(form.MAX_PAIRS + 1)])


@settings(max_examples=60)
@given(QUERIES)
def test_written_parameters_read_back_as_the_same_query(query: Query) -> None:
    encoded = urlencode(form.pairs(query), errors="surrogatepass")
    assert form.parse(parse_qsl(encoded, errors="surrogatepass", keep_blank_values=True)) == query


@pytest.mark.parametrize("box", ["170,-10,-170,10", "-180,-90,180,90", "0,0,1.5,2.25", "-60,0,10,5"])
def test_a_box_is_written_as_a_box(box: str) -> None:
    query = form.parse([("bbox", box)])
    assert form.pairs(query) == [("bbox", box)]


@pytest.mark.parametrize(("box", "same"), [("350,-10,-170,10", "-10,-10,-170,10"), ("300,-5,10,5", "-60,-5,10,5")])
def test_a_box_of_mixed_longitudes_runs_eastwards(box: str, same: str) -> None:
    assert form.parse([("bbox", box)]) == form.parse([("bbox", same)])


def test_a_region_of_any_shape_and_relation_is_a_parameter() -> None:
    hole = {
        "type": "Polygon",
        "coordinates": [[[0, 0], [9, 0], [9, 9], [0, 0]], [[4, 1], [5, 1], [5, 2], [4, 1]]],
    }
    query = Query(filter=Comparison("=", "kind", "dataset"), region=Region(hole, "earth", "within"))
    assert form.parse(form.pairs(query)) == query
    assert {name for name, _ in form.pairs(query)} == {"filter", "polygon", "frame", "relation"}
