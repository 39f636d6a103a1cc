"""The contract that every engine passes: fixed cases here, random ones in `index_machine`.

A test class inherits `IndexContract` and gives it a fixture `index` with an empty engine.
"""

# ruff: noqa: D102 - the names of tests are the claims

from __future__ import annotations

from dataclasses import replace
from threading import Thread
from typing import Any

import pytest

from discovery.errors import GoneError, NotFoundError, RecordError
from discovery.index.base import Document, Index, Keys, Plan, Position
from discovery.index.calendar import month_start
from discovery.index.plans import ANCHORS, MAX_INSTANT, MIN_INSTANT
from discovery.query.query import (
    And,
    Comparison,
    FacetRequest,
    Histogram,
    In,
    IsNull,
    Not,
    Selection,
    Sort,
    Time,
)
from discovery.query.text import TextQuery, parse, trigrams
from discovery.query.tokens import fold
from discovery.testing.count_contract import CountContract
from discovery.testing.index_catalogue import (
    BROKEN,
    CATALOGUE,
    FILTERS,
    OTHER,
    REFUSED,
    SCOPE,
    TEXTS,
    YEAR_2000,
    YEAR_2001,
    counts,
    fill,
    found,
    make,
    walked,
)
from discovery.testing.oracle import OracleIndex


def _graded(key: int) -> Document:
    """Return a document with few different values in many fields, so that many tie in some and hardly two in all."""
    numbers = {"size": (0.0, 1.0, 5.0)[key % 3], "cloud_cover": float(key % 7)}
    instants = {"start": YEAR_2000 - key % 4, "end": YEAR_2000 + key % 2}
    title = ("", "same", "same but longer", "éclat", "other")[key % 5]
    return make(
        key,
        title,
        numbers={name: value for name, value in numbers.items() if value},
        instants={name: value for name, value in instants.items() if value % 3},
    )


def _place(document: Document, orders: tuple[tuple[str, bool], ...]) -> tuple[Any, ...]:
    """Return what sorts documents by several fields, told without the words of any engine."""
    place: list[Any] = []
    for name, descending in orders:
        held: Any = {**document.numbers, **document.instants, "title": tuple(map(ord, document.title))}.get(name)
        sign = -1 if descending else 1
        if held in (None, ()):
            place.append((1,))
        elif name == "title":
            place.append((0, *(sign * each for each in held), -sign * 10**9))
        else:
            place.append((0, sign * held))
    return (*place, document.key)


class FilterContract:
    """What matches: filters, text, regions, time."""

    @pytest.mark.parametrize(("node", "expected"), FILTERS, ids=lambda value: str(value)[:60])
    def test_a_filter_matches_exactly_these(self, index: Index, node: Any, expected: set[int]) -> None:
        fill(index)
        assert found(index, filter=node) == expected

    @pytest.mark.parametrize(("text", "expected"), TEXTS, ids=lambda value: str(value)[:60])
    def test_text_matches_exactly_these(self, index: Index, text: TextQuery, expected: set[int]) -> None:
        fill(index)
        assert found(index, text=text) == expected

    @pytest.mark.parametrize(("plan", "error"), REFUSED, ids=lambda value: str(value)[:60])
    def test_what_cannot_be_answered_is_refused(self, index: Index, plan: Plan, error: type[Exception]) -> None:
        fill(index)
        with pytest.raises(error):
            index.search(plan)

    def test_user_text_reaches_no_query_language(self, index: Index) -> None:
        oracle = OracleIndex()
        for each in (index, oracle):
            fill(each, [make(1, "plain words", keywords={"keyword": ("secret",)}), make(2, "other")])
        hostile = ("keyword:secret", "* OR *", "plain OR other", "_key:[0 TO 9]", "/.*/", "plain AND (")
        for text in (*hostile, '"', "-", "a:b~2"):
            assert found(index, text=parse(text)) == found(oracle, text=parse(text)), text
        assert found(index, text=parse("keyword:secret")) == found(index, text=parse("plain OR other")) == set()

    def test_text_filter_and_selections_are_all_wanted(self, index: Index) -> None:
        fill(index)
        asked = {"text": parse("deep"), "filter": Comparison("<", "cloud_cover", 5)}
        assert found(index, **asked) == {2, 3}
        assert found(index, **asked, selections=(Selection("keyword", ("ocean",)),)) == {3}

    def test_values_ticked_in_one_facet_are_alternatives(self, index: Index) -> None:
        fill(index)
        ticked = (Selection("keyword", ("ocean", "galaxies")), Selection("mission", ("eo",)))
        assert found(index, selections=ticked) == {1}
        assert found(index, selections=(*ticked, Selection("level", ()))) == {1}

    def test_a_filter_may_be_deep(self, index: Index) -> None:
        fill(index)
        node: Any = Comparison("=", "keyword", "ocean")
        for _ in range(32):
            node = Not(And((Not(node), And(()))))
        assert found(index, filter=Not(Not(node))) == {1, 3}

    def test_many_keys_and_values_are_no_trouble(self, index: Index) -> None:
        fill(index)
        assert found(index, filter=Keys(frozenset(range(2, 50_000)))) == {2, 3, 4, 5, 6}
        assert found(index, filter=In("keyword", ("ocean", *map(str, range(5_000))))) == {1, 3}

    def test_keys_are_at_most_as_many_as_asked_for(self, index: Index) -> None:
        fill(index)
        assert len(set(index.keys(Plan(SCOPE), 4))) == 4
        assert list(index.keys(Plan(SCOPE), 0)) == []

    def test_keys_come_with_their_anchors(self, index: Index) -> None:
        fill(index, [make(1, anchor=0), make(2, anchor=ANCHORS - 1), make(3), make(4, anchor=17)])
        keys, anchors = index.anchored(Plan(SCOPE))
        assert dict(zip(keys, anchors, strict=True)) == {1: 0, 2: ANCHORS - 1, 3: -1, 4: 17}
        few = index.anchored(Plan(SCOPE, filter=Keys(frozenset((2, 3)))), 1)
        assert [len(each) for each in few] == [1, 1]
        assert [list(each) for each in index.anchored(Plan(SCOPE), 0)] == [[], []]

    def test_the_ends_of_time_are_found(self, index: Index) -> None:
        fill(index, [make(1, instants={"start": MIN_INSTANT}), make(2, instants={"start": MAX_INSTANT})])
        assert found(index, filter=Comparison("=", "start", MIN_INSTANT)) == {1}
        assert found(index, filter=Time(MAX_INSTANT, None)) == {1, 2}
        assert found(index, filter=Time(None, MIN_INSTANT)) == {1}


class FacetContract:
    """What is counted: facets, selections, trees, histograms."""

    def test_facets_count_the_whole_match_and_not_the_page(self, index: Index) -> None:
        fill(index)
        request = FacetRequest("keyword", 3)
        assert counts(index, request, size=0) == counts(index, request, size=20)
        assert list(counts(index, request)[0].items()) == [("galaxies", 2), ("ocean", 2), ("100%_sure\\", 1)]

    def test_other_is_what_no_bucket_counts(self, index: Index) -> None:
        fill(index)
        facet = index.search(Plan(SCOPE, facets=(FacetRequest("keyword", 1),))).facets[0]
        assert (facet.buckets[0].value, facet.other) == ("galaxies", 6)

    def test_facets_follow_text_and_filter(self, index: Index) -> None:
        fill(index)
        asked = {"text": parse("deep"), "filter": Not(IsNull("cloud_cover"))}
        assert counts(index, FacetRequest("keyword"), **asked) == [{"galaxies": 2, "ocean": 1}]

    def test_a_facet_is_counted_without_its_own_selection(self, index: Index) -> None:
        fill(index)
        ticked = (Selection("keyword", ("ocean",)),)
        keyword, mission = counts(index, FacetRequest("keyword", 2), FacetRequest("mission"), selections=ticked)
        assert keyword == {"galaxies": 2, "ocean": 2}
        assert mission == {"astronomy": 1, "astronomy/hubble": 1, "eo": 1, "eo/sentinel-2": 1}

    def test_selected_values_stay_when_nothing_has_them(self, index: Index) -> None:
        fill(index)
        ticked = (Selection("keyword", ("Ünïté", "never")), Selection("mission", ("eo",)))
        answer = index.search(Plan(SCOPE, facets=(FacetRequest("keyword", 1),), selections=ticked))
        buckets = {bucket.value: (bucket.count, bucket.selected) for bucket in answer.facets[0].buckets}
        assert buckets == {"Colour": (1, False), "never": (0, True), "Ünïté": (0, True)}
        assert answer.facets[0].other == 2
        assert answer.total.value == 0

    def test_buckets_with_equal_counts_are_in_the_order_of_their_values(self, index: Index) -> None:
        values = [f"v{number:03}" for number in range(200)]
        fill(index, [make(number, keywords={"keyword": (value,)}) for number, value in enumerate(reversed(values))])
        assert list(counts(index, FacetRequest("keyword", 7))[0]) == values[:7]
        assert list(counts(index, FacetRequest("keyword", 200))[0]) == values

    def test_a_value_given_twice_counts_once(self, index: Index) -> None:
        fill(index, [make(1, keywords={"keyword": ("a", "a", "", "b")})])
        assert counts(index, FacetRequest("keyword")) == [{"a": 1, "b": 1}]

    def test_a_tree_is_counted_with_its_paths(self, index: Index) -> None:
        fill(index)
        facet = index.search(Plan(SCOPE, facets=(FacetRequest("mission"),))).facets[0]
        assert {bucket.value: (bucket.count, bucket.path) for bucket in facet.buckets} == {
            "astronomy": (2, ("astronomy",)),
            "astronomy/hubble": (2, ("astronomy", "astronomy/hubble")),
            "eo": (2, ("eo",)),
            "eo/sentinel-2": (1, ("eo", "eo/sentinel-2")),
        }

    def test_within_counts_only_what_lies_beneath(self, index: Index) -> None:
        paths = ("a.b", "a.b/c", "a.b/c/d", "axb/c", "a", "a/b")
        fill(index, [make(number, keywords={"mission": (path,)}) for number, path in enumerate(paths)])
        assert counts(index, FacetRequest("mission", within="a.b")) == [{"a.b/c": 1, "a.b/c/d": 1}]
        facet = index.search(Plan(SCOPE, facets=(FacetRequest("mission", 1, within="a.b"),))).facets[0]
        assert facet.other == 1

    def test_two_requests_for_one_field_are_answered_apart(self, index: Index) -> None:
        fill(index)
        whole, part = counts(index, FacetRequest("mission", 1), FacetRequest("mission", 5, within="eo"))
        assert (whole, part) == ({"astronomy": 2}, {"eo/sentinel-2": 1})

    def test_facets_see_writes_and_deletes(self, index: Index) -> None:
        fill(index)
        request = FacetRequest("mission", 2)
        assert counts(index, request) == [{"astronomy": 2, "astronomy/hubble": 2}]
        index.write(SCOPE, [make(3, keywords={"mission": ("eo",)})], [2], 2)
        assert counts(index, request) == [{"eo": 3, "eo/sentinel-2": 1}]

    def test_a_histogram_counts_starts_and_fills_gaps(self, index: Index) -> None:
        first, third = month_start(2000 * 12), month_start(2000 * 12 + 2)
        documents = [make(1, instants={"start": first}), make(2, instants={"start": third + 5}), make(3)]
        fill(index, documents)
        months = index.search(Plan(SCOPE, histogram=Histogram("month"))).bins
        assert [(each.start, each.count) for each in months] == [(first, 1), (month_start(24_001), 0), (third, 1)]
        years = index.search(Plan(SCOPE, histogram=Histogram())).bins
        assert [(each.start, each.count) for each in years] == [(YEAR_2000, 2)]

    def test_a_histogram_of_nothing_has_no_bins(self, index: Index) -> None:
        fill(index, [make(1)])
        assert index.search(Plan(SCOPE, histogram=Histogram())).bins == ()

    def test_a_histogram_over_geological_time_is_not_filled(self, index: Index) -> None:
        fill(index, [make(1, instants={"start": MIN_INSTANT}), make(2, instants={"start": YEAR_2000})])
        assert len(index.search(Plan(SCOPE, histogram=Histogram("month"))).bins) == 2

    def test_a_histogram_follows_selections(self, index: Index) -> None:
        fill(index)
        ticked = (Selection("mission", ("astronomy",)),)
        bins = index.search(Plan(SCOPE, histogram=Histogram(), selections=ticked)).bins
        assert [(each.start, each.count) for each in bins] == [(YEAR_2001, 1)]


class OrderContract:
    """In which order: by a field, by relevance, page by page."""

    ORDERS = (
        (Sort("cloud_cover"), [3, 2, 1, 6, 4, 5]),
        (Sort("cloud_cover", descending=True), [1, 6, 2, 3, 4, 5]),
        (Sort("start"), [5, 1, 2, 3, 4, 6]),
        (Sort("start", descending=True), [2, 1, 5, 3, 4, 6]),
        (Sort("title"), [2, 3, 4, 1, 5, 6]),
        (Sort("title", descending=True), [1, 4, 2, 3, 5, 6]),
    )

    @pytest.mark.parametrize("size", [1, 2, 3, 5, 6])
    @pytest.mark.parametrize(("sort", "expected"), ORDERS)
    def test_a_walk_by_pages_is_the_whole_order(self, index: Index, sort: Sort, expected: list[int], size: int) -> None:
        fill(index)
        assert walked(index, sort, size) == expected

    @pytest.mark.parametrize("descending", [False, True])
    @pytest.mark.parametrize("size", [1, 3, 10, 64])
    def test_ties_are_in_the_order_of_keys(self, index: Index, size: int, descending: bool) -> None:
        keys = [number * 7919 % 101 for number in range(101)]
        for part in (keys[:40], keys[40:70], keys[70:]):
            fill(index, [make(key, "same" if key % 3 else "", numbers={"size": key % 2}) for key in part])
        by_size = sorted(range(101), key=lambda key: ((key % 2) * (-1 if descending else 1), key))
        assert walked(index, Sort("size", descending), size) == by_size
        by_title = sorted(range(101), key=lambda key: (key % 3 == 0, key))
        assert walked(index, Sort("title", descending), size) == by_title

    SEVERAL = (
        (("size", False), ("start", True)),
        (("start", True), ("size", False)),
        (("size", True), ("title", False)),
        (("title", True), ("size", True), ("cloud_cover", False), ("start", True)),
        (("end", False), ("size", False), ("title", True)),
    )

    @pytest.mark.parametrize("size", [1, 3, 10, 64])
    @pytest.mark.parametrize("orders", SEVERAL)
    def test_what_ties_in_a_field_is_in_the_order_of_the_next(
        self, index: Index, orders: tuple[tuple[str, bool], ...], size: int
    ) -> None:
        made = [_graded(number * 7919 % 101) for number in range(101)]
        for part in (made[:40], made[40:70], made[70:]):
            fill(index, part)
        (name, descending), *then = orders
        sort = Sort(name, descending, tuple(Sort(*each) for each in then))
        assert walked(index, sort, size) == [each.key for each in sorted(made, key=lambda each: _place(each, orders))]
        narrowed = {"filter": Comparison("<", "size", 2)}
        expected = [each.key for each in sorted(made, key=lambda each: _place(each, orders)) if each.key % 3 == 1]
        assert walked(index, sort, size, **narrowed) == expected

    def test_hits_carry_the_values_of_every_field(self, index: Index) -> None:
        fill(index)
        sort = Sort("cloud_cover", then=(Sort("start", descending=True), Sort("title")))
        found = {hit.key: (hit.value, *hit.then) for hit in index.search(Plan(SCOPE, sort=sort)).hits}
        assert found == {
            each.key: (each.numbers.get("cloud_cover"), each.instants.get("start"), each.title or None)
            for each in CATALOGUE
        }

    def test_a_page_behind_several_values_goes_on_although_the_last_hit_has_gone(self, index: Index) -> None:
        made = [_graded(key) for key in range(60)]
        fill(index, made)
        sort = Sort("size", then=(Sort("start", descending=True), Sort("title")))
        *before, last = index.search(Plan(SCOPE, sort=sort, size=25)).hits
        index.write(SCOPE, (), [last.key], 2)
        rest = index.search(Plan(SCOPE, sort=sort, after=Position(last.value, last.key, last.then), size=60)).hits
        keys = [hit.key for hit in (*before, last, *rest)]
        orders = (("size", False), ("start", True), ("title", False))
        assert keys == [each.key for each in sorted(made, key=lambda each: _place(each, orders))]

    @pytest.mark.parametrize("descending", [False, True])
    def test_titles_that_begin_alike_are_told_apart(self, index: Index, descending: bool) -> None:
        begin = "copernicus sentinel-2 level-2a product number"
        titles = [f"{begin} {number}" for number in (5, 3, 11, 40, 3, 1)] + [
            begin,
            begin[:31],
            begin[:32],
            "é",
            "e",
            "z",
        ]
        fill(index, [make(key, title) for key, title in enumerate(titles)])
        folded = [fold(title) for title in titles]
        expected = sorted(range(len(titles)), key=lambda key: folded[key], reverse=descending)
        assert walked(index, Sort("title", descending), 1) == expected

    def test_a_page_goes_on_where_the_last_hit_was_although_it_has_gone(self, index: Index) -> None:
        fill(index)
        first = index.search(Plan(SCOPE, sort=Sort("cloud_cover"), size=2)).hits
        index.write(SCOPE, (), [first[-1].key], 2)
        after = Position(first[-1].value, first[-1].key)
        rest = index.search(Plan(SCOPE, sort=Sort("cloud_cover"), after=after)).hits
        assert [hit.key for hit in rest] == [1, 6, 4, 5]

    def test_the_total_counts_what_came_before_too(self, index: Index) -> None:
        fill(index)
        answer = index.search(Plan(SCOPE, sort=Sort("start"), after=Position(None, 3)))
        assert ([hit.key for hit in answer.hits], answer.total.value) == ([4, 6], 6)

    def test_hits_carry_their_value(self, index: Index) -> None:
        fill(index)
        hits = index.search(Plan(SCOPE, sort=Sort("start"))).hits
        assert [hit.value for hit in hits] == [-(10**15), YEAR_2000, YEAR_2001, None, None, None]
        assert [hit.value for hit in index.search(Plan(SCOPE, sort=Sort("title"), size=1)).hits] == [
            "hubble deep field"
        ]

    def test_the_title_counts_more_than_the_body(self, index: Index) -> None:
        fill(index, [make(1, "other words", "colour"), make(2, "colour words", "other"), make(3, "x", "y")])
        assert [hit.key for hit in index.search(Plan(SCOPE, text=parse("colour"))).hits] == [2, 1]

    def test_an_identifier_pasted_whole_comes_first(self, index: Index) -> None:
        near = [make(key, "10.5270 esa two", "esa two " * 50) for key in range(10, 20)]
        fill(index, [*CATALOGUE, *near])
        hits = index.search(Plan(SCOPE, text=parse("10.5270/esa-two"))).hits
        assert hits[0].key == 2
        assert len(hits) == 11

    @pytest.mark.parametrize("text", [None, parse("word"), parse("-other")])
    def test_pages_by_relevance_neither_repeat_nor_leave_out(self, index: Index, text: TextQuery | None) -> None:
        keys = [number * 7919 % 101 for number in range(101)]
        for part in (keys[:40], keys[40:]):
            fill(index, [make(key, "word" if key % 2 else "", "word " * (key % 5 + 1)) for key in part])
        pages = [index.search(Plan(SCOPE, text=text, offset=at, size=9)) for at in range(0, 108, 9)]
        walk = [hit.key for page in pages for hit in page.hits]
        assert sorted(walk) == list(range(101))
        assert [page.more for page in pages] == [True] * 11 + [False]
        assert walk == [hit.key for hit in index.search(Plan(SCOPE, text=text, size=200)).hits]
        best = [(-hit.score, hit.key) for page in pages for hit in page.hits]
        assert best == sorted(best)

    def test_more_says_whether_anything_follows(self, index: Index) -> None:
        fill(index)
        for plan in (Plan(SCOPE), Plan(SCOPE, sort=Sort("size")), Plan(SCOPE, text=parse("-nothing"))):
            assert [index.search(replace(plan, size=size)).more for size in (0, 5, 6, 7)] == [True, True, False, False]

    def test_an_offset_beyond_the_end_is_an_empty_page(self, index: Index) -> None:
        fill(index)
        for text in (None, parse("deep")):
            answer = index.search(Plan(SCOPE, text=text, offset=500))
            assert (answer.hits, answer.more) == ((), False)

    def test_titles_are_suggested_shortest_first(self, index: Index) -> None:
        fill(index)
        assert list(index.suggest(SCOPE, ("dee",), 9)) == [2, 3, 4]
        assert list(index.suggest(SCOPE, ("dee", "oce"), 9)) == [4]
        assert list(index.suggest(SCOPE, ("dee",), 1)) == [2]
        assert list(index.suggest(SCOPE, ("reproc",), 9)) == []

    def test_words_that_share_most_trigrams_are_offered(self, index: Index) -> None:
        fill(index)
        assert list(index.terms(SCOPE, tuple(trigrams("hubbel")), 5)) == ["hubble"]
        assert list(index.terms(SCOPE, tuple(trigrams("zzzz")), 5)) == []


class LifeContract:
    """How it lives: writes, deletes, generations."""

    def test_an_index_never_written_is_empty(self, index: Index) -> None:
        answer = index.search(Plan(SCOPE, facets=(FacetRequest("kind"),), histogram=Histogram(), sort=Sort("title")))
        assert (answer.hits, answer.total.value, answer.bins, answer.more) == ((), 0, (), False)
        assert (index.generation(SCOPE).change, index.generation(SCOPE).documents) == (0, 0)
        assert list(index.check()) == []

    def test_a_write_replaces_by_key_and_remembers_the_change(self, index: Index) -> None:
        fill(index, change=5)
        index.write(SCOPE, [make(1, "changed"), make(1, "changed again"), make(7, "new")], [2, 99], 8)
        assert found(index) == {1, 3, 4, 5, 6, 7}
        assert found(index, text=parse("ocean")) == {4}
        assert found(index, text=parse("again")) == {1}
        state = index.generation(SCOPE)
        assert (state.change, state.documents) == (8, 6)

    def test_an_empty_write_remembers_the_change(self, index: Index) -> None:
        index.write(SCOPE, (), (), 3)
        assert (index.generation(SCOPE).change, index.generation(SCOPE).documents) == (3, 0)

    def test_a_key_written_and_deleted_at_once_is_gone(self, index: Index) -> None:
        index.write(SCOPE, [make(1), make(2)], [1], 1)
        assert found(index) == {2}

    def test_writing_again_changes_nothing(self, index: Index) -> None:
        fill(index)
        fill(index)
        assert found(index) == {1, 2, 3, 4, 5, 6}

    def test_scopes_know_nothing_of_each_other(self, index: Index) -> None:
        fill(index)
        fill(index, [make(1)], OTHER, change=9)
        assert index.generation(SCOPE).change == 1
        assert index.search(Plan(OTHER)).total.value == 1

    @pytest.mark.parametrize("document", BROKEN, ids=lambda value: str(value)[:60])
    def test_a_document_that_would_be_cut_is_refused_whole(self, index: Index, document: Document) -> None:
        fill(index)
        with pytest.raises(RecordError):
            index.write(SCOPE, [make(8), document], [1], 2)
        assert found(index) == {1, 2, 3, 4, 5, 6}
        assert index.generation(SCOPE).change == 1

    def test_a_build_is_unseen_until_published(self, index: Index) -> None:
        fill(index)
        build = index.build(SCOPE)
        build.add([make(10, "new"), make(11)])
        build.add([make(12)])
        assert found(index) == {1, 2, 3, 4, 5, 6}
        before = index.generation(SCOPE).name
        state = build.publish(7)
        assert (state.change, state.documents) == (7, 3)
        assert state == index.generation(SCOPE)
        assert state.name != before
        assert found(index) == {10, 11, 12}

    def test_writes_go_on_while_a_build_is_made(self, index: Index) -> None:
        fill(index)
        build = index.build(SCOPE)
        build.add([make(10)])
        index.write(SCOPE, [make(7)], (), 2)
        assert found(index) == {1, 2, 3, 4, 5, 6, 7}
        build.publish(1)
        index.write(SCOPE, [make(11)], (), 3)
        assert found(index) == {10, 11}

    def test_a_discarded_build_leaves_nothing(self, index: Index) -> None:
        fill(index)
        build = index.build(SCOPE)
        build.add([make(10)])
        build.discard()
        build.discard()
        assert found(index) == {1, 2, 3, 4, 5, 6}
        assert list(index.check()) == []

    def test_rollback_brings_the_generation_before_back_once(self, index: Index) -> None:
        fill(index, change=4)
        old = index.generation(SCOPE)
        build = index.build(SCOPE)
        build.add([make(10)])
        new = build.publish(5)
        assert index.rollback(SCOPE) == old
        assert found(index) == {1, 2, 3, 4, 5, 6}
        with pytest.raises(NotFoundError):
            index.rollback(SCOPE)
        index.write(SCOPE, [make(7)], (), 6)
        assert found(index) == {1, 2, 3, 4, 5, 6, 7}
        assert index.build(SCOPE).publish(7).name not in {old.name, new.name}

    def test_rollback_without_a_generation_before_is_refused(self, index: Index) -> None:
        with pytest.raises(NotFoundError):
            index.rollback(SCOPE)

    def test_a_pinned_generation_answers_until_it_is_gone(self, index: Index) -> None:
        fill(index)
        pinned = index.search(Plan(SCOPE)).generation
        assert pinned == index.generation(SCOPE).name
        index.build(SCOPE).publish(2)
        assert index.search(Plan(SCOPE, generation=pinned)).total.value == 6
        assert index.search(Plan(SCOPE, generation=pinned)).generation == pinned
        index.build(SCOPE).publish(3)
        with pytest.raises(GoneError):
            index.search(Plan(SCOPE, generation=pinned))
        with pytest.raises(GoneError):
            index.keys(Plan(SCOPE, generation=pinned))

    def test_readers_never_see_half_a_generation(self, index: Index) -> None:
        fill(index, [make(key, keywords={"keyword": ("0",)}) for key in range(50)])
        wrong: list[Any] = []
        done = False

        def read() -> None:
            while not done:
                answer = index.search(Plan(SCOPE, facets=(FacetRequest("keyword"),)))
                seen = [(bucket.value, bucket.count) for bucket in answer.facets[0].buckets]
                if answer.total.value != 50 or len(seen) != 1 or seen[0][1] != 50:
                    wrong.append((answer.total, seen))

        readers = [Thread(target=read) for _ in range(3)]
        for reader in readers:
            reader.start()
        try:
            for number in range(1, 8):
                build = index.build(SCOPE)
                build.add(make(key, keywords={"keyword": (str(number),)}) for key in range(50))
                build.publish(number)
        finally:
            done = True
            for reader in readers:
                reader.join()
        assert wrong == []


class IndexContract(FilterContract, FacetContract, CountContract, OrderContract, LifeContract):
    """Everything that the portal relies on in an engine."""
