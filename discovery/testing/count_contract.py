"""What every engine counts beside the values of a facet: ranges of numbers, days, cells, values that hold a text."""

# ruff: noqa: D102 - the names of tests are the claims

from __future__ import annotations

import math

import pytest

from discovery.errors import BadQueryError, DiscoveryError, LimitError, UnknownFieldError
from discovery.index.base import Index, Plan
from discovery.index.calendar import month_start
from discovery.index.cells import MAX_CELLS
from discovery.index.plans import ANCHORS, MAX_FIND
from discovery.query.facets import CellRequest, HeatMap, Range, RangeFacet, RangeRequest, RangeSelection
from discovery.query.query import Comparison, FacetRequest, Histogram, Selection, Sort
from discovery.query.text import parse
from discovery.testing.index_catalogue import DAY, SCOPE, YEAR_2000, counts, fill, found, make
from discovery.testing.oracle import OracleIndex

_CLOUDS = (0.0, 5.0, 9.999, 10.0, 10.0, 55.5, 100.0)
_DEEPEST = 12


def _number(index: Index, request: RangeRequest, **plan: object) -> RangeFacet:
    return index.search(Plan(SCOPE, numbers=(request,), **plan)).numbers[0]  # type: ignore[arg-type]


def _clouds(index: Index) -> None:
    documents = [
        make(key, "even" if key % 2 == 0 else "odd", numbers={"cloud_cover": value})
        for key, value in enumerate(_CLOUDS)
    ]
    fill(index, [*documents, make(20, "even"), make(21, "odd", keywords={"level": ("L1",)})])


class NumberContract:
    """Ranges of numbers and their histograms."""

    def test_a_range_holds_its_lower_edge_and_not_its_upper_one(self, index: Index) -> None:
        _clouds(index)
        facet = _number(index, RangeRequest("cloud_cover", edges=(5.0, 10.0, 100.0)))
        assert facet.ranges == (Range(5.0, 10.0, 2), Range(10.0, 100.0, 3))
        assert (facet.below, facet.above, facet.present, facet.missing) == (1, 1, 7, 2)
        assert (facet.least, facet.greatest) == (0.0, 100.0)

    def test_a_histogram_has_round_steps_and_counts_everything(self, index: Index) -> None:
        _clouds(index)
        facet = _number(index, RangeRequest("cloud_cover", bins=5))
        assert [(each.low, each.high, each.count) for each in facet.ranges] == [
            (0.0, 20.0, 5),
            (20.0, 40.0, 0),
            (40.0, 60.0, 1),
            (60.0, 80.0, 0),
            (80.0, 100.0, 1),
        ]
        assert facet.ranges[-1].closed
        assert (facet.below, facet.above) == (0, 0)

    def test_a_histogram_by_factors_sets_zero_apart(self, index: Index) -> None:
        fill(index, [make(key, numbers={"size": value}) for key, value in enumerate((-1.0, 0.0, 3.0, 40.0, 900.0))])
        facet = _number(index, RangeRequest("size", bins=3, log=True))
        assert [(each.low, each.count) for each in facet.ranges] == [(1.0, 1), (10.0, 1), (100.0, 1)]
        assert (facet.below, facet.least, facet.greatest, facet.log) == (2, -1.0, 900.0, True)

    @pytest.mark.parametrize("log", [False, True])
    def test_numbers_of_any_size_are_counted(self, index: Index, log: bool) -> None:
        values = (1e-300, 5e-324, -1.7e308, 1.7e308, 1.7976931348623157e308, 0.1, 0.1, 0.30000000000000004)
        fill(index, [make(key, numbers={"size": value}) for key, value in enumerate(values)])
        facet = _number(index, RangeRequest("size", bins=40, log=log))
        assert facet.below + sum(each.count for each in facet.ranges) == facet.present == len(values)

    def test_numbers_with_all_their_digits_are_what_they_were(self, index: Index) -> None:
        values = [key * 0.6180339887498949 % 1 * 4_999 + 1 for key in range(60)]
        values += [(key * 0.7548776662466927 % 1 - 0.5) * 10.0 ** (10 * key - 300) for key in range(1, 61)]
        fill(index, [make(key, f"n{key}", numbers={"size": value}) for key, value in enumerate(values)])
        hits = index.search(Plan(SCOPE, sort=Sort("size"), size=200)).hits
        assert [hit.value for hit in hits] == sorted(values)
        for key, value in enumerate(values):
            assert found(index, filter=Comparison("=", "size", value)) == {key}
        ordered = sorted(values)
        facet = _number(index, RangeRequest("size", edges=tuple(ordered[10:110])))
        assert (facet.below, facet.above, {each.count for each in facet.ranges}) == (10, 11, {1})
        assert (facet.least, facet.greatest) == (ordered[0], ordered[-1])

    def test_one_value_is_one_range(self, index: Index) -> None:
        fill(index, [make(key, numbers={"size": 0.1}) for key in range(3)])
        assert _number(index, RangeRequest("size", bins=9)).ranges == (Range(0.1, 0.1, 3, closed=True),)

    def test_a_number_that_nothing_has_has_no_ranges(self, index: Index) -> None:
        fill(index, [make(1), make(2)])
        for request in (RangeRequest("size", bins=9), RangeRequest("size"), RangeRequest("size", bins=9, log=True)):
            assert _number(index, request) == RangeFacet("size", "", missing=2, log=request.log)
        asked = _number(index, RangeRequest("size", edges=(0.0, 1.0)))
        assert asked == RangeFacet("size", "", (Range(0.0, 1.0, 0),), missing=2)

    def test_without_edges_and_bins_only_the_bounds_are_told(self, index: Index) -> None:
        _clouds(index)
        facet = _number(index, RangeRequest("cloud_cover"))
        assert (facet.ranges, facet.least, facet.greatest) == ((), 0.0, 100.0)
        assert (facet.present, facet.missing, facet.below, facet.above) == (7, 2, 0, 0)

    def test_a_number_follows_text_filter_and_facets(self, index: Index) -> None:
        _clouds(index)
        request = RangeRequest("cloud_cover", edges=(0.0, 50.0, 200.0))
        even = _number(index, request, text=parse("even"))
        assert ([each.count for each in even.ranges], even.missing) == ([3, 1], 1)
        assert _number(index, request, filter=Comparison("<", "cloud_cover", 1)).present == 1
        assert _number(index, request, selections=(Selection("level", ("L1",)),)).missing == 1

    def test_a_number_is_counted_without_its_own_selection(self, index: Index) -> None:
        _clouds(index)
        request, other = RangeRequest("cloud_cover", edges=(0.0, 50.0, 200.0)), RangeRequest("size")
        ticked = (RangeSelection("cloud_cover", 0.0, 10.0, below=True),)
        answer = index.search(Plan(SCOPE, numbers=(request, other), ranges=ticked, facets=(FacetRequest("level"),)))
        assert [each.count for each in answer.numbers[0].ranges] == [5, 2]
        assert answer.numbers[1].missing == 3
        assert (answer.total.value, answer.facets[0].buckets) == (3, ())

    def test_selected_ranges_narrow_and_are_alternatives(self, index: Index) -> None:
        _clouds(index)
        assert found(index, ranges=(RangeSelection("cloud_cover", 10.0, 10.0),)) == {3, 4}
        assert found(index, ranges=(RangeSelection("cloud_cover", None, 10.0, below=True),)) == {0, 1, 2}
        assert found(index, ranges=(RangeSelection("cloud_cover", 55.5),)) == {5, 6}
        either = (RangeSelection("cloud_cover", 100.0), RangeSelection("cloud_cover", None, 0.0))
        assert found(index, ranges=either) == {0, 6}
        assert found(index, ranges=(*either, RangeSelection("size", 0.0))) == set()

    def test_selections_of_facets_and_numbers_are_left_aside_apart(self, index: Index) -> None:
        rows = [(0.0, "a"), (0.0, "b"), (5.0, "a"), (9.0, "b"), (9.0, "c")]
        fill(index, [make(k, numbers={"size": s}, keywords={"level": (v,)}) for k, (s, v) in enumerate(rows)])
        plan = Plan(
            SCOPE,
            selections=(Selection("level", ("a",)),),
            ranges=(RangeSelection("size", 0.0, 5.0),),
            facets=(FacetRequest("level"), FacetRequest("keyword")),
            numbers=(RangeRequest("size", edges=(0.0, 5.0, 10.0)),),
            histogram=Histogram("auto"),
        )
        answer = index.search(plan)
        assert {each.value: each.count for each in answer.facets[0].buckets} == {"a": 2, "b": 1}
        assert [each.count for each in answer.numbers[0].ranges] == [1, 1]
        assert answer.total.value == 2

    @pytest.mark.parametrize(
        ("plan", "error"),
        [
            (Plan(SCOPE, numbers=(RangeRequest("keyword", bins=3),)), UnknownFieldError),
            (Plan(SCOPE, numbers=(RangeRequest("eo:cloud_cover", bins=3),)), UnknownFieldError),
            (Plan(SCOPE, numbers=(RangeRequest("size", edges=(math.nan, 1.0)),)), BadQueryError),
            (Plan(SCOPE, numbers=(RangeRequest("size", edges=(1.0, 0.0)),)), BadQueryError),
            (Plan(SCOPE, numbers=(RangeRequest("size", bins=10_000),)), LimitError),
            (Plan(SCOPE, ranges=(RangeSelection("size", math.inf),)), BadQueryError),
            (Plan(SCOPE, ranges=(RangeSelection("size", 2.0, 1.0),)), BadQueryError),
            (Plan(SCOPE, ranges=(RangeSelection("title", 2.0),)), UnknownFieldError),
            (Plan(SCOPE, heat=CellRequest("nowhere", 3)), BadQueryError),
            (Plan(SCOPE, heat=CellRequest("sky", 13)), BadQueryError),
            (Plan(SCOPE, facets=(FacetRequest("keyword", text="x" * (MAX_FIND + 1)),)), LimitError),
        ],
        ids=lambda value: str(value)[:80],
    )
    def test_what_cannot_be_counted_is_refused(self, index: Index, plan: Plan, error: type[DiscoveryError]) -> None:
        fill(index)
        with pytest.raises(error):
            index.search(plan)


class CalendarContract:
    """Histograms by day and by the interval that fits."""

    def test_days_are_counted_and_filled(self, index: Index) -> None:
        starts = (YEAR_2000, YEAR_2000 + DAY - 1, YEAR_2000 + 2 * DAY, YEAR_2000 - 1)
        fill(index, [make(key, instants={"start": start}) for key, start in enumerate(starts)])
        answer = index.search(Plan(SCOPE, histogram=Histogram("day")))
        expected = [(YEAR_2000 - DAY, 1), (YEAR_2000, 2), (YEAR_2000 + DAY, 0), (YEAR_2000 + 2 * DAY, 1)]
        assert (answer.interval, [(each.start, each.count) for each in answer.bins]) == ("day", expected)

    def test_days_before_the_epoch_begin_at_midnight(self, index: Index) -> None:
        fill(index, [make(1, instants={"start": -1}), make(2, instants={"start": 0})])
        bins = index.search(Plan(SCOPE, histogram=Histogram("day"))).bins
        assert [(each.start, each.count) for each in bins] == [(-DAY, 1), (0, 1)]

    def test_too_many_days_are_refused_by_the_name_of_the_limit(self, index: Index) -> None:
        fill(index, [make(1, instants={"start": 0}), make(2, "late", instants={"start": month_start(2000 * 12)})])
        with pytest.raises(LimitError, match="days") as caught:
            index.search(Plan(SCOPE, histogram=Histogram("day")))
        assert caught.value.limit == "histogram-days"
        assert len(index.search(Plan(SCOPE, text=parse("late"), histogram=Histogram("day"))).bins) == 1

    def test_the_interval_follows_the_match(self, index: Index) -> None:
        months = [month_start(2000 * 12 + number) for number in (0, 7, 300)]
        fill(index, [make(key, f"m{key}", instants={"start": start}) for key, start in enumerate(months)])
        found = {
            text: index.search(Plan(SCOPE, text=parse(text) if text else None, histogram=Histogram("auto"))).interval
            for text in ("", "-m2", "m2")
        }
        assert found == {"": "year", "-m2": "month", "m2": "day"}

    def test_without_a_histogram_there_is_no_interval(self, index: Index) -> None:
        fill(index)
        assert index.search(Plan(SCOPE)).interval == ""


class CellContract:
    """Heat maps."""

    def test_a_record_counts_once_in_the_cell_of_its_anchor(self, index: Index) -> None:
        places = [("sky", 0), ("sky", 4**10), ("sky", ANCHORS - 1), ("earth", 5), ("sky", None)]
        fill(
            index,
            [
                make(key, keywords={"frame": (frame,)}, anchor=anchor, cells=(64, 65, 66))
                for key, (frame, anchor) in enumerate(places)
            ],
        )
        heat = index.search(Plan(SCOPE, heat=CellRequest("sky", 2))).heat
        assert heat == HeatMap("sky", 2, ((0, 1), (1, 1), (191, 1)))
        assert index.search(Plan(SCOPE, heat=CellRequest("earth", 12))).heat == HeatMap("earth", 12, ((5, 1),))
        assert index.search(Plan(SCOPE, heat=CellRequest("mars", 3))).heat == HeatMap("mars", 3)

    def test_a_map_follows_everything_that_is_asked(self, index: Index) -> None:
        documents = [
            make(key, "a" if key < 3 else "b", keywords={"frame": ("earth",), "level": (str(key),)}, anchor=key)
            for key in range(6)
        ]
        fill(index, documents)
        heat = CellRequest("earth", 12)
        assert index.search(Plan(SCOPE, text=parse("a"), heat=heat)).heat == HeatMap(
            "earth", 12, ((0, 1), (1, 1), (2, 1))
        )
        ticked = (Selection("level", ("1",)),)
        answer = index.search(Plan(SCOPE, selections=ticked, facets=(FacetRequest("level"),), heat=heat))
        assert answer.heat == HeatMap("earth", 12, ((1, 1),))
        assert len(answer.facets[0].buckets) == 6

    def test_fine_cells_become_coarser_where_they_would_be_too_many(self, index: Index) -> None:
        step = ANCHORS // 300
        fill(index, [make(key, keywords={"frame": ("sky",)}, anchor=key * step) for key in range(300)])
        heat = index.search(Plan(SCOPE, heat=CellRequest("sky", 9, most=100))).heat
        assert heat is not None
        assert (heat.order, heat.total) == (1, 300)
        assert len(heat.cells) == 48
        oracle = OracleIndex()
        fill(oracle, [make(key, keywords={"frame": ("sky",)}, anchor=key * step) for key in range(300)])
        for asked in (CellRequest("sky", 9), CellRequest("sky", 7, 250), CellRequest("sky", 12, MAX_CELLS)):
            assert index.search(Plan(SCOPE, heat=asked)).heat == oracle.search(Plan(SCOPE, heat=asked)).heat

    def test_a_map_sees_writes_and_deletes(self, index: Index) -> None:
        fill(index, [make(1, keywords={"frame": ("sky",)}, anchor=7), make(2, keywords={"frame": ("sky",)}, anchor=8)])
        index.write(SCOPE, [make(1, keywords={"frame": ("sky",)}, anchor=9)], [2], 2)
        assert index.search(Plan(SCOPE, heat=CellRequest("sky", 12))).heat == HeatMap("sky", 12, ((9, 1),))


class FindContract:
    """Values of a facet that hold a text."""

    VALUES = ("Ünïté", "unit test", "UNITED", "other", "100%_sure\\", "line\nunit", "sure", "a.b")

    def _fill(self, index: Index) -> None:
        fill(index, [make(key, keywords={"keyword": (value, "all")}) for key, value in enumerate(self.VALUES)])

    def test_only_values_that_hold_a_text_are_listed(self, index: Index) -> None:
        self._fill(index)
        assert counts(index, FacetRequest("keyword", text="unit")) == [
            {"UNITED": 1, "line\nunit": 1, "unit test": 1, "Ünïté": 1}
        ]
        assert counts(index, FacetRequest("keyword", text="100%_SURE\\")) == [{"100%_sure\\": 1}]
        assert counts(index, FacetRequest("keyword", text=".")) == [{"a.b": 1}]
        assert counts(index, FacetRequest("keyword", text="unit tests")) == [{}]

    def test_the_rest_is_what_holds_the_text_and_is_not_listed(self, index: Index) -> None:
        self._fill(index)
        facet = index.search(Plan(SCOPE, facets=(FacetRequest("keyword", 1, text="unit"),))).facets[0]
        assert ([each.value for each in facet.buckets], facet.other) == (["UNITED"], 3)

    def test_values_named_beside_the_text_are_listed_too(self, index: Index) -> None:
        self._fill(index)
        asked = FacetRequest("keyword", text="united", values=("other", "UNITED", "never"))
        assert counts(index, asked) == [{"UNITED": 1, "other": 1}]

    def test_ticked_values_stay_whatever_is_looked_for(self, index: Index) -> None:
        self._fill(index)
        asked = FacetRequest("keyword", text="united")
        ticked = (Selection("keyword", ("sure", "never")),)
        assert counts(index, asked, selections=ticked) == [{"UNITED": 1, "sure": 1, "never": 0}]

    def test_beneath_a_node_the_text_is_looked_for_in_the_rest(self, index: Index) -> None:
        paths = ("eo/eo-1", "eo/sentinel", "eo", "other/eo-2")
        fill(index, [make(key, keywords={"mission": (path,)}) for key, path in enumerate(paths)])
        assert counts(index, FacetRequest("mission", within="eo", text="EO")) == [{"eo/eo-1": 1}]

    def test_a_long_text_is_found_as_well(self, index: Index) -> None:
        long = "Ä" * MAX_FIND
        fill(index, [make(1, keywords={"keyword": (f"x{long}x",)}), make(2, keywords={"keyword": (long[:-1],)})])
        assert list(counts(index, FacetRequest("keyword", text="a" * MAX_FIND))[0]) == [f"x{long}x"]


class CountContract(NumberContract, CalendarContract, CellContract, FindContract):
    """Everything that is counted beside the values of a facet."""
