"""Regions as parameters: what is written is read as the same."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from discovery.errors import BadQueryError, LimitError, UnknownFieldError
from discovery.query import names, region, region_text
from discovery.query.query import Region
from discovery.query.relate import RELATIONS

DEGREES = st.floats(-80, 80, allow_nan=False).map(lambda number: round(number, 6))
FRAMES = st.sampled_from(("earth", "sky", "mars", "galactic"))
RELATION = st.sampled_from(RELATIONS)
RING = [[0, 0], [9, 0], [9, 9], [0, 0]]
HOLED: Any = {"type": "Polygon", "coordinates": [RING, [[4, 1], [5, 1], [5, 2], [4, 1]]]}
TWO: Any = {"type": "MultiPolygon", "coordinates": [[RING], [[[20, 20], [30, 20], [20, 30], [20, 20]]]]}
REGIONS = st.one_of(
    st.builds(
        lambda w, s, f, r: region.bbox([w, s, w + 20, s + 5], frame=f, relation=r), DEGREES, DEGREES, FRAMES, RELATION
    ),
    st.builds(lambda w, f: region.bbox([w + 100, -5, w - 100, 7], frame=f), DEGREES, FRAMES),
    st.builds(lambda x, y, f, r: region.cone([x, y, 3], frame=f, relation=r), DEGREES, DEGREES, FRAMES, RELATION),
    st.builds(lambda x, f: region.polygon([x, 0, x + 5, 0, x, 5], frame=f), DEGREES, FRAMES),
    st.builds(lambda g, r: region.geojson(g, relation=r), st.sampled_from((HOLED, TWO)), RELATION),
    st.builds(lambda r: region.moc("3/1-4 5/200", relation=r), RELATION),
)


def read(**given: str) -> Region | None:
    return region_text.read(given, names.resolve)


@given(REGIONS)
@settings(deadline=None)
def test_what_is_written_is_read_as_the_same(asked: Region) -> None:
    assert region_text.read(region_text.written(asked), names.resolve) == asked


@pytest.mark.parametrize(
    ("asked", "wanted"),
    [
        (region.bbox("300,-5,60,5", frame="sky"), {"bbox": "-60,-5,60,5", "frame": "sky"}),
        (region.bbox("170,-10,-170,10"), {"bbox": "170,-10,-170,10"}),
        (region.cone("1,2,3", relation="within"), {"cone": "1,2,3", "relation": "within"}),
        (region.moc("3/1 5/200"), {"moc": "3/1 5/200"}),
        (region.geojson(TWO, frame="sky"), {"polygon": "0,0,9,0,9,9;20,20,30,20,20,30"}),
    ],
)
def test_a_region_is_written_as_short_as_it_can_be(asked: Region, wanted: dict[str, str]) -> None:
    assert region_text.written(asked) == wanted


def test_polygons_are_lists_parted_by_semicolons_or_geojson() -> None:
    assert read(polygon="0,0,9,0,9,9;20,20,30,20,20,30", frame="earth") == region.geojson(TWO)
    assert read(polygon='{"type":"Point","coordinates":[1,2]}') == region.geojson(
        {"type": "Point", "coordinates": [1, 2]}, frame="sky"
    )


def test_a_moc_is_ascii_or_json() -> None:
    assert read(moc='{"3": [1, 2], "5": []}') == read(moc=" 3/1 2 5/ ")
    assert region.moc({"3": [1, 2]}) == read(moc="3/1 2")


def test_coordinates_of_other_systems_become_icrs() -> None:
    found = read(cone="0,90,1", frame="galactic")
    assert found is not None
    assert found.frame == "sky"
    assert found.geometry["center"] == pytest.approx([192.85948, 27.12825], abs=1e-4)


@pytest.mark.parametrize(
    ("given", "parameter", "words"),
    [
        ({"cone": "1,2"}, "cone", "3 numbers"),
        ({"cone": "nan,2,3"}, "cone", "not finite"),
        ({"cone": "1,inf,3"}, "cone", "not finite"),
        ({"cone": "1,91,3"}, "cone", "latitude must be -90 to 90, not 91"),
        ({"cone": "1,2,181"}, "cone", "0 to 180"),
        ({"bbox": "0,10,5,-10"}, "bbox", "south 10 is north of -10"),
        ({"bbox": "0,1,2"}, "bbox", "4 numbers"),
        ({"polygon": "0,0,1,1"}, "polygon", "at least 3 points"),
        ({"polygon": "0,0,1,1,2,0;1,1"}, "polygon", "at least 3 points"),
        ({"polygon": '{"type": "Polygon"'}, "polygon", "cannot read the JSON"),
        ({"polygon": '{"type": "Blob"}'}, "polygon", "unknown geometry type"),
        ({"moc": "30/1"}, "moc", "does not exist"),
        ({"moc": "3/999"}, "moc", "does not exist"),
        ({"moc": "hello"}, "moc", "MOC"),
        ({"moc": '{"3": [1.5]}'}, "moc", "JSON"),
        ({"moc": "3/1", "frame": "galactic"}, "frame", "ICRS"),
        ({"moc": "3/1", "cone": "1,2,3"}, "moc", "exclude"),
        ({"frame": "sky"}, "frame", "give one of them"),
        ({"relation": "within"}, "relation", "give one of them"),
        ({"cone": "1,2,3", "relation": "beside"}, "relation", "intersects, within, contains, disjoint"),
    ],
)
def test_what_cannot_be_is_refused_with_its_name(given: dict[str, str], parameter: str, words: str) -> None:
    with pytest.raises(BadQueryError, match=words) as told:
        read(**given)
    assert told.value.parameter == parameter


def test_an_unknown_frame_tells_the_near_ones() -> None:
    with pytest.raises(UnknownFieldError, match="galactic"):
        read(cone="1,2,3", frame="galaktic")


@pytest.mark.parametrize(
    ("given", "limit"),
    [
        ({"polygon": ",".join(["1"] * 200_000)}, "region-vertices"),
        ({"polygon": ";".join(["0,0,1,0,1,1"] * 2_000)}, "region-vertices"),
        (
            {"polygon": " " * 9 + '{"type":"MultiPoint","coordinates":[' + ",".join(["[1,1]"] * 5_001) + "]}"},
            "region-vertices",
        ),
        ({"polygon": ";" * 600_000}, "region-vertices"),
        ({"moc": "3/" + " 1" * 60_000}, "region-moc"),
    ],
)
def test_what_is_too_large_is_refused_with_the_name_of_the_limit(given: dict[str, str], limit: str) -> None:
    with pytest.raises(LimitError) as told:
        read(**given)
    assert told.value.limit == limit
