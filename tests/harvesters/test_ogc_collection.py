from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from discovery.model.record import Record
from harvesters import ogc_collection
from harvesters.defaults import Defaults

BASE = "https://h.org/collections/c"


def mapped(document: Mapping[str, Any]) -> Record:
    return ogc_collection.to_record(document, "collections", "c", Defaults("s"), base=BASE)


def extent(bbox: Any = None, interval: Any = None, **spatial: Any) -> dict[str, Any]:
    return {"spatial": {"bbox": bbox, **spatial}, "temporal": {"interval": interval}}


def test_an_edr_collection_says_what_it_measures_and_how_to_ask_it() -> None:
    label = {"label": {"de": "Luftdruck", "en": "Air pressure"}}
    found = mapped(
        {
            "id": "c",
            "title": "Weather",
            "description": "Measured",
            "keywords": ["a"],
            "license": "CC-BY-4.0",
            "extent": extent([[5, 40, 10, 50]], [["2020-01-01T00:00:00Z", None]]),
            "parameter_names": {
                "t2m": {"type": "Parameter", "observedProperty": {"label": "Temperature"}, "unit": {"symbol": "K"}},
                "p": {"observedProperty": label},
                "rh": {"type": "Parameter"},
            },
            "data_queries": {
                "position": {"link": {"href": "c/position", "rel": "data"}},
                "area": {"link": {"href": "c/area", "rel": "data", "title": "By area"}},
                "broken": {"link": {}},
            },
            "output_formats": ["application/x-netcdf", "CoverageJSON"],
            "storageCrs": "http://www.opengis.net/def/crs/OGC/1.3/CRS84",
            "links": [
                {"rel": "http://www.opengis.net/def/rel/ogc/1.0/coverage", "href": "c/coverage", "type": "image/tiff"},
                {"rel": "items", "href": "c/items", "type": "text/html"},
                {"rel": "items", "href": "c/items?f=json", "type": "application/geo+json"},
                {"rel": "root", "href": ".."},
            ],
        }
    )
    assert (found.kind, found.title, found.license, found.keywords) == ("dataset", "Weather", "CC-BY-4.0", ("a",))
    assert found.variables == ("Temperature", "Air pressure", "rh")
    assert found.formats == ("NetCDF", "CoverageJSON")
    assert found.extent.bbox == (5.0, 40.0, 10.0, 50.0)
    assert found.extent.start == 1_577_836_800_000
    assert [(each.rel, each.href, each.title) for each in found.links] == [
        ("coverage", "https://h.org/collections/c/coverage", ""),
        ("items", "https://h.org/collections/c/items", ""),
        ("items", "https://h.org/collections/c/items?f=json", ""),
        ("service", "https://h.org/", ""),
        ("data-query", "https://h.org/collections/c/position", "Query by position"),
        ("data-query", "https://h.org/collections/c/area", "By area"),
    ]
    assert [each.href for each in found.assets] == [
        "https://h.org/collections/c/coverage",
        "https://h.org/collections/c/items?f=json",
    ]
    assert found.properties == {"storageCrs": "http://www.opengis.net/def/crs/OGC/1.3/CRS84"}
    assert found.issues == ()


@pytest.mark.parametrize(
    ("given", "box", "issues"),
    [
        (extent([[170, -10, -170, 10]]), (170, -10, -170, 10), []),
        (extent([170, -10, -170, 10]), (170, -10, -170, 10), []),
        (extent([[1, 2, 0, 3, 4, 9]]), (1, 2, 3, 4), []),
        (extent([[0, 0, 9000, 9000]], crs="http://www.opengis.net/def/crs/EPSG/0/3857"), None, ["unknown-crs"]),
        (extent([[0, 0, 1, 1]], crs="http://www.opengis.net/def/crs/OGC/1.3/CRS84"), (0, 0, 1, 1), []),
        (extent([[0, 95, 1, 99]]), None, ["bad-bbox"]),
        (extent([]), None, ["no-place"]),
        (None, None, ["no-place"]),
        ("everywhere", None, ["no-place"]),
    ],
)
def test_where_a_collection_is(given: Any, box: Any, issues: list[str]) -> None:
    found = mapped({"id": "c", "extent": given})
    assert (found.extent.bbox, [each.code for each in found.issues]) == (box, issues)


@pytest.mark.parametrize(
    ("interval", "times", "issues"),
    [
        ([["2020-01-01T00:00:00Z", ".."]], (1_577_836_800_000, None), []),
        (["2020-01-01T00:00:00Z", None], (1_577_836_800_000, None), []),
        ([["2021-01-01T00:00:00Z", "2020-01-01T00:00:00Z"]], (1_577_836_800_000, 1_609_459_200_000), ["bad-interval"]),
        ([["soon", None]], (None, None), ["bad-date"]),
        ("always", (None, None), ["bad-interval"]),
        (None, (None, None), []),
    ],
)
def test_when_a_collection_is(interval: Any, times: Any, issues: list[str]) -> None:
    found = mapped({"id": "c", "extent": extent([[0, 0, 1, 1]], interval)})
    assert (found.extent.start, found.extent.end) == times
    assert [each.code for each in found.issues] == issues


@pytest.mark.parametrize("value", ["text", 5, ["a", {"id": "x"}, {"label": "L"}], {"a": 7, "b": {"label": {}}}])
def test_odd_parameters_stop_nothing(value: Any) -> None:
    found = mapped({"id": "c", "extent": extent([[0, 0, 1, 1]]), "parameter_names": value})
    assert set(found.variables) <= {"x", "L", "b"}
    assert all(each.code == "wrong-type" for each in found.issues)
