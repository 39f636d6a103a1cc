from __future__ import annotations

import pytest

from ui import links

PAIRS = (("q", "sea ice"), ("facet.kind", "dataset"), ("after", "abc"))


def test_ticking_adds_the_value_and_goes_to_the_first_page() -> None:
    url = links.toggle(PAIRS, "kind", "project")
    assert url == "/search?q=sea+ice&facet.kind=dataset&facet.kind=project"


def test_ticking_twice_is_as_before() -> None:
    assert links.toggle((("facet.kind", "dataset"),), "kind", "dataset") == "/search"


@pytest.mark.parametrize("ticked", ["astronomy", "astronomy/hubble/wfc3"])
def test_in_a_tree_a_value_takes_the_place_of_what_is_above_and_beneath_it(ticked: str) -> None:
    url = links.toggle((("facet.mission", ticked),), "mission", "astronomy/hubble")
    assert url == "/search?facet.mission=astronomy%2Fhubble"


def test_in_a_tree_neighbours_stay() -> None:
    url = links.toggle((("facet.mission", "astronomy/gaia"),), "mission", "astronomy/hubble")
    assert url.count("facet.mission") == 2


def test_a_region_goes_with_its_frame() -> None:
    assert links.without((("bbox", "0,0,1,1"), ("frame", "mars")), ("bbox", "0,0,1,1")) == "/search"


def test_clearing_keeps_scope_and_order() -> None:
    pairs = (*PAIRS, ("scope", "observations"), ("sort", "title"))
    assert links.clear(pairs) == "/search?scope=observations&sort=title"


def test_another_scope_has_its_own_order() -> None:
    assert links.scope((("q", "x"), ("sort", "title")), "observations") == "/search?q=x&scope=observations"


def test_a_facet_in_full_stays_on_its_page_and_can_be_cut_again() -> None:
    full = links.expanded(PAIRS, (), "kind")
    assert full == "/search?q=sea+ice&facet.kind=dataset&after=abc&more=kind#facet-kind"
    assert "more" not in links.expanded(PAIRS, ("kind",), "kind")


@pytest.mark.parametrize("value", ["a&b=c#d?e", "<script>", "ünï\ud800", "a/b c"])
def test_no_value_leaves_its_parameter(value: str) -> None:
    url = links.facet("kind", value)
    assert url.count("&") == url.count("#") == url.count("<") == 0
    assert url.count("?") == 1


def test_json_is_the_same_url_with_f() -> None:
    assert links.as_json("/search") == "/search?f=json"
    assert links.as_json("/search?q=a") == "/search?q=a&f=json"


def test_the_question_has_no_empty_parameter_and_none_of_the_pages_own() -> None:
    assert links.asked([("q", " "), ("f", "json"), ("more", "kind"), ("time", "2020")]) == (("time", "2020"),)
