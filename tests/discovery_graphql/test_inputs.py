from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest

Ask = Callable[..., dict[str, Any]]
COUNT = """query ($filter: RecordFilter, $region: RegionInput, $time: TimeInput, $scope: Scope = RESOURCES) {
  search(filter: $filter, region: $region, time: $time, scope: $scope) { totalCount { value } }
}"""


@pytest.mark.parametrize(
    ("filter", "count"),
    [
        ({}, 123),
        ({"theme": {"eq": "ocean"}}, 60),
        ({"theme": {"in": ["ocean", "cryosphere"]}}, 120),
        ({"theme": {"in": []}}, 0),
        ({"mission": {"eq": "astronomy"}}, 41),
        ({"kind": {"like": "data%"}}, 121),
        ({"title": {"like": "%thickness 11_"}}, 10),
        ({"theme": {"isNull": True}}, 3),
        ({"theme": {"isNull": False}}, 120),
        ({"resolution": {"gte": 10, "lte": 19}}, 10),
        ({"resolution": {"eq": 7}}, 1),
        ({"resolution": {"in": [7, 8, 500]}}, 2),
        ({"start": {"eq": "2012"}}, 12),
        ({"start": {"gte": "2012", "lte": "2013"}}, 24),
        ({"start": {"isNull": True}}, 3),
        ({"and": [{"theme": {"eq": "ocean"}}, {"domain": {"eq": "space-science"}}]}, 20),
        ({"theme": {"eq": "ocean"}, "domain": {"eq": "space-science"}}, 20),
        ({"or": [{"kind": {"eq": "datalab"}}, {"kind": {"eq": "volume"}}]}, 2),
        ({"or": []}, 0),
        ({"or": [{}]}, 123),
        ({"not": {"kind": {"eq": "dataset"}}}, 3),
        ({"not": {}}, 0),
        ({"property": [{"name": "mount_path", "eq": "/media/data/x"}]}, 120),
        ({"property": [{"name": "mount_path", "in": ["/none"]}]}, 0),
    ],
)
def test_a_filter_means_what_it_says(data: Ask, filter: dict[str, Any], count: int) -> None:
    assert data(COUNT, filter=filter)["search"]["totalCount"]["value"] == count


@pytest.mark.parametrize(
    ("region", "scope", "count"),
    [
        ({"bbox": [-20, 50, -18.5, 50.5]}, "RESOURCES", 8),
        ({"geometry": {"type": "Point", "coordinates": [-19.5, 50.5]}}, "RESOURCES", 4),
        ({"cone": {"lon": 10.3, "lat": 51, "radius": 0.05}}, "OBSERVATIONS", 1),
        ({"cone": {"lon": 10, "lat": 51, "radius": 9}, "frame": "EARTH"}, "OBSERVATIONS", 30),
        ({"polygon": [9, 50, 20, 50, 20, 52, 9, 52]}, "OBSERVATIONS", 10),
    ],
)
def test_a_region_finds_what_lies_in_it(data: Ask, region: dict[str, Any], scope: str, count: int) -> None:
    assert data(COUNT, region=region, scope=scope)["search"]["totalCount"]["value"] == count


@pytest.mark.parametrize(
    ("time", "count"),
    [
        ({"start": "2012", "end": "2012"}, 12),
        ({"end": "2010-03-15"}, 12),
        ({"start": "2018-05-01T00:00:00Z"}, 12),
    ],
)
def test_a_time_finds_what_overlaps_it(data: Ask, time: dict[str, str], count: int) -> None:
    assert data(COUNT, time=time)["search"]["totalCount"]["value"] == count


def test_records_are_sorted_as_asked(data: Ask) -> None:
    for descending, first in ((False, 0.0), (True, 119.0)):
        sort = f"{{ by: RESOLUTION, descending: {str(descending).lower()} }}"
        nodes = data(f"{{ search(first: 1, sort: {sort}) {{ nodes {{ numbers {{ value }} }} }} }}")["search"]["nodes"]
        assert nodes == [{"numbers": [{"value": first}]}]


@pytest.mark.parametrize(
    ("variables", "parameter"),
    [
        ({"filter": {"theme": {"eq": None}}}, "filter"),
        ({"time": {}}, "time"),
        ({"time": {"start": "2013", "end": "2012"}}, "time"),
        ({"region": {}}, "region"),
        ({"region": {"bbox": [0, 0, 1, 1], "polygon": [0, 0, 1, 1, 0, 1]}}, "region"),
        ({"region": {"bbox": [0, 0]}}, "region"),
        ({"region": {"bbox": [0, 2, 1, 1]}}, "region"),
        ({"region": {"geometry": {"type": "Blob"}}}, "region"),
        ({"region": {"cone": {"lon": 0, "lat": 99, "radius": 1}}}, "region"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_its_parameter(ask: Ask, variables: dict[str, Any], parameter: str) -> None:
    (error,) = ask(COUNT, **variables)["errors"]
    assert (error["extensions"]["code"], error["extensions"]["parameter"]) == ("bad_query", parameter)


def test_a_tangle_is_refused_as_a_polygon_and_as_a_geometry(ask: Ask) -> None:
    star = [[40 * math.cos(49 * turn / 99 * math.tau), 40 * math.sin(49 * turn / 99 * math.tau)] for turn in range(99)]
    flat = [number for point in star for number in point]
    for region in ({"polygon": flat}, {"geometry": {"type": "Polygon", "coordinates": [[*star, star[0]]]}}):
        (error,) = ask(COUNT, region=region)["errors"]
        assert error["extensions"]["code"] == "limit"
        assert error["extensions"]["limit"] == "region-crossings"


def test_a_field_that_is_not_there_is_answered_with_the_near_one(ask: Ask) -> None:
    (error,) = ask('{ search(filter: { mision: { eq: "x" } }) { totalCount { value } } }')["errors"]
    assert error["extensions"]["code"] == "bad_query"
    assert "Did you mean 'mission'" in error["message"]


def test_a_selection_named_twice_is_one(data: Ask) -> None:
    ticked = '[{ name: THEME, values: ["ocean"] }, { name: THEME, values: ["cryosphere"] }]'
    assert data(f"{{ search(facets: {ticked}) {{ totalCount {{ value }} }} }}")["search"]["totalCount"]["value"] == 120
