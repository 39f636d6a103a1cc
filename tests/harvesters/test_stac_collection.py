from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from discovery.model.record import Record, record_id

Mapping = Callable[..., Record]


def collection(**more: Any) -> dict[str, Any]:
    extent = {
        "spatial": {"bbox": [[-10, -5, 10, 5], [0, 0, 1, 1]]},
        "temporal": {"interval": [["2020-01-01", "2020-12-31"]]},
    }
    return {
        "type": "Collection",
        "stac_version": "1.1.0",
        "id": "c1",
        "description": "D",
        "license": "other",
        "extent": extent,
        "links": [],
        **more,
    }


def test_the_first_box_and_interval_are_the_whole(mapping: Mapping) -> None:
    record = mapping(collection())
    assert (record.kind, record.title, record.issues) == ("dataset", "c1", ())
    assert record.extent.bbox == (-10.0, -5.0, 10.0, 5.0)
    assert (record.extent.start, record.extent.end) == (1577836800000, 1609459199999)


def test_summaries_give_instruments_level_and_the_finest_resolution(mapping: Mapping) -> None:
    summaries = {
        "gsd": [60, 10, 20],
        "instruments": ["msi"],
        "processing:level": ["L2A", "L1C"],
        "platform": ["sentinel-2a"],
    }
    record = mapping(collection(summaries=summaries))
    assert (record.numbers, record.instruments, record.level) == ({"resolution": 10.0}, ("MSI",), "L2A")
    assert record.missions == ("earth-observation/sentinel-2",)


def test_a_project_of_the_open_science_catalog_is_a_project(mapping: Mapping) -> None:
    record = mapping(collection(**{"osc:type": "project", "osc:status": "ongoing"}), container="projects")
    assert (record.kind, record.dataset, record.properties["osc:status"]) == ("project", "", "ongoing")


def test_a_product_belongs_to_its_project(mapping: Mapping) -> None:
    record = mapping(collection(**{"osc:type": "product", "osc:project": "p", "osc:variables": ["sea-ice"]}))
    assert (record.dataset, record.properties["project"]) == (record_id("s", "projects", "p"), "p")
    assert record.variables == ("sea-ice",)


def test_extension_fields_below_properties_count_too(mapping: Mapping) -> None:
    assert mapping(collection(properties={"osc:type": "project"})).kind == "project"


@pytest.mark.parametrize(
    ("extent", "codes"),
    [
        (None, ["no-place", "no-time"]),
        ({"spatial": {"bbox": []}, "temporal": {"interval": [[None, None]]}}, ["no-place", "no-time"]),
        (
            {"spatial": {"bbox": [[0, 0, 1]]}, "temporal": {"interval": [["2020-01-01"]]}},
            ["bad-bbox", "bad-interval", "no-place", "no-time"],
        ),
        (
            {"spatial": {"bbox": [[0, 0, 1, 1]]}, "temporal": {"interval": [["2021-01-01", "2020-01-01"]]}},
            ["bad-interval"],
        ),
    ],
)
def test_an_extent_that_says_too_little_is_a_warning(mapping: Mapping, extent: Any, codes: list[str]) -> None:
    assert sorted(issue.code for issue in mapping(collection(extent=extent)).issues) == sorted(codes)
