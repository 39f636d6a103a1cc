"""What each part of a record becomes in OGC API - Records; the way back is in tests/harvesters/test_ogc_own.py."""

from __future__ import annotations

from typing import Any

import pytest

from discovery.model.extent import Extent
from discovery.model.instant import span
from discovery.model.ogc import BOX, EXTENSION, to_ogc_record
from discovery.model.ogc import time as time_of
from discovery.model.record import Asset, Link, Record

BOUNDS = (5.0, 50.0, 10.0, 55.0)
RING = [[5.0, 50.0], [10.0, 50.0], [10.0, 55.0], [5.0, 55.0], [5.0, 50.0]]


def feature(**fields: Any) -> dict[str, Any]:
    given = {"source": "s", "container": "c", "source_id": "1", "kind": "dataset", "title": "T", **fields}
    return to_ogc_record(Record(**given))


def test_a_record_without_anything_is_a_feature_with_an_id_and_what_it_is() -> None:
    found = feature()
    assert found["id"] == Record("s", "c", "1", "dataset", "T").id
    assert (found["type"], found["geometry"], found["time"]) == ("Feature", None, None)
    assert EXTENSION in found["conformsTo"]
    assert found["properties"] == {
        "type": "dataset",
        "title": "T",
        "externalIds": [{"scheme": "s", "value": "1"}],
    }


@pytest.mark.parametrize(
    ("start", "end", "told"),
    [
        ("2020-01-01", "2020-12-31", {"interval": ["2020-01-01", "2020-12-31"]}),
        ("2020-05-01", "2020-05-01", {"date": "2020-05-01"}),
        ("2020-01-01", None, {"interval": ["2020-01-01", ".."]}),
        (None, "2020-01-01T10:00:00Z", {"interval": ["..", "2020-01-01T10:00:00Z"]}),
        ("2020-01-01", "2020-01-01T10:00:00Z", {"interval": ["2020-01-01T00:00:00Z", "2020-01-01T10:00:00Z"]}),
        ("2020-01-01T10:00:00.5Z", "2020-01-01T10:00:00.5Z", {"timestamp": "2020-01-01T10:00:00.500Z"}),
        ("-001200-05-01T00:00:00Z", "2020-12-31", {"interval": ["..", "2020-12-31"]}),
        ("-001200-05-01", None, None),
        (None, None, None),
    ],
)
def test_both_ends_of_a_time_are_dates_or_both_are_timestamps(
    start: str | None, end: str | None, told: dict[str, Any] | None
) -> None:
    extent = Extent(start=span(start)[0] if start else None, end=span(end)[1] if end else None)
    assert time_of(extent) == told


def test_years_that_the_standard_does_not_have_are_kept_beside_it() -> None:
    found = feature(extent=Extent(start=span("-001200-05-01")[0], end=None))
    assert found["properties"]["discovery:interval"] == ["-001200-05-01T00:00:00Z", None]


def test_a_box_alone_is_drawn_and_said_to_be_one() -> None:
    found = feature(extent=Extent(bbox=BOUNDS))
    assert found["geometry"] == {"type": "Polygon", "coordinates": [RING]}
    assert found["bbox"] == list(BOUNDS)
    assert found["properties"]["discovery:footprint"] == BOX


def test_a_place_on_the_sky_is_no_geometry_of_the_earth() -> None:
    circle = {"type": "Circle", "center": [83.0, 22.0], "radius": 1.0}
    found = feature(extent=Extent("sky", circle, BOUNDS))
    assert found["geometry"] is None
    assert "bbox" not in found
    assert found["properties"]["discovery:frame"] == "sky"
    assert found["properties"]["discovery:footprint"] == circle
    assert found["properties"]["discovery:bbox"] == list(BOUNDS)


@pytest.mark.parametrize(
    ("license", "links", "told"),
    [
        ("MIT", (), {"license": "MIT"}),
        ("house rules", (), {"discovery:license": "house rules"}),
        (
            "house rules",
            (Link("https://a.test/terms", "license"),),
            {"license": "other", "discovery:license": "house rules"},
        ),
        ("", (), {}),
    ],
)
def test_a_licence_is_an_spdx_identifier_or_other_with_a_link(
    license: str, links: tuple[Link, ...], told: dict[str, str]
) -> None:
    found = feature(license=license, links=links)["properties"]
    assert {name: value for name, value in found.items() if name.endswith("license")} == told


def test_a_file_is_a_link_with_its_key_and_roles() -> None:
    assets = (
        Asset("https://a.test/1.nc", "data", "One", "application/x-netcdf", ("data",), 7, ("s3://b/1.nc",)),
        Asset("https://a.test/1.png", "quick", roles=("thumbnail",)),
    )
    assert feature(assets=assets)["links"] == [
        {
            "rel": "enclosure",
            "href": "https://a.test/1.nc",
            "type": "application/x-netcdf",
            "title": "One",
            "length": 7,
            "discovery:key": "data",
            "discovery:roles": ["data"],
            "discovery:alternates": ["s3://b/1.nc"],
        },
        {"rel": "preview", "href": "https://a.test/1.png", "discovery:key": "quick", "discovery:roles": ["thumbnail"]},
    ]


def test_files_that_are_links_already_are_not_written_twice() -> None:
    linked = Link("https://a.test/1.nc", "item", "One", "application/x-netcdf")
    found = feature(
        links=(Link("https://a.test/", "about"), linked),
        assets=(Asset(linked.href, "link-2", "One", "application/x-netcdf", ("data",)),),
    )["links"]
    assert [each["rel"] for each in found] == ["about", "item"]
    assert (found[1]["discovery:key"], found[1]["discovery:linked"]) == ("link-2", True)


def test_secrets_of_addresses_are_not_written() -> None:
    found = feature(assets=(Asset("https://me:secret@a.test/1.nc"),), links=(Link("https://me:secret@a.test/"),))
    assert "secret" not in str(found)


def test_the_long_tail_gives_way_to_the_standards_names() -> None:
    found = feature(properties={"platform": "S2A", "bands": ("a", "b"), "type": "series", "title": "Other"})
    assert found["properties"]["type"] == "dataset"
    assert found["properties"]["platform"] == "S2A"
    assert found["properties"]["bands"] == ["a", "b"]
    assert found["properties"]["discovery:properties"] == {"type": "series", "title": "Other"}
