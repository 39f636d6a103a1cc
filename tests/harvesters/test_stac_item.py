from __future__ import annotations

from collections.abc import Callable
from typing import Any

from discovery.model.record import Record, to_dict

Mapping = Callable[..., Record]
Make = Callable[..., dict[str, Any]]


def test_an_item_fills_every_field_that_it_offers(mapping: Mapping, make_item: Make) -> None:
    document = make_item(
        "S2B_1",
        properties={
            "title": "Scene 1",
            "description": "What it shows",
            "datetime": "2018-10-04T21:05:21.5Z",
            "platform": "sentinel-2b",
            "constellation": "sentinel-2",
            "instruments": ["msi"],
            "gsd": 10,
            "eo:cloud_cover": 17.19,
            "view:off_nadir": 0,
            "processing:level": "L2A",
            "product:type": "S2MSI2A",
            "license": "cc-by-4.0",
            "keywords": ["snow", "snow"],
            "sci:doi": "https://doi.org/10.5270/S2_ABC",
            "providers": [
                {"name": "AWS", "roles": ["host"]},
                {"name": "ESA", "roles": ["producer"], "url": "https://esa.int"},
            ],
            "created": "2020-08-30T10:49:43.719Z",
            "updated": "2020-08-31T00:00:00Z",
            "sentinel:utm_zone": 1,
            "sentinel:valid": True,
            "proj:shape": [10, 20],
            "nested": {"left": "out"},
        },
        bbox=[10, 20, -5, 11, 21, 5],
        links=[
            {"rel": "self", "href": "https://h.org/a/i.json"},
            {"rel": "via", "href": "../x.html", "title": "More", "type": "text/html"},
            {"rel": "related", "href": "v.json", "title": "Variable: Sea ice"},
        ],
        assets={
            "visual": {
                "href": "./TCI.tif",
                "type": "image/tiff; application=geotiff; profile=cloud-optimized",
                "roles": ["data"],
                "title": "True colour",
                "file:size": 1000,
                "alternate": {"s3": {"href": "s3://bucket/TCI.tif"}},
            },
            "thumbnail": {"href": "https://h.org/t.png", "type": "image/png", "roles": ["thumbnail"], "file:size": 24},
        },
    )
    record = mapping(document)
    plain = to_dict(record)
    plain.pop("id")
    plain.pop("dataset")
    assert plain == {
        "source": "s",
        "container": "c",
        "source_id": "S2B_1",
        "kind": "observation",
        "title": "Scene 1",
        "description": "What it shows",
        "domain": "earth-observation",
        "missions": ["earth-observation/sentinel-2"],
        "instruments": ["MSI"],
        "keywords": ["snow"],
        "variables": ["Sea ice"],
        "provider": "ESA",
        "license": "CC-BY-4.0",
        "level": "L2A",
        "product_type": "S2MSI2A",
        "formats": ["COG"],
        "extent": {
            "frame": "earth",
            "geometry": {"type": "Point", "coordinates": [1.0, 2.0]},
            "bbox": [10.0, 20.0, 11.0, 21.0],
            "start": 1538687121500,
            "end": 1538687121500,
        },
        "assets": [
            {
                "href": "https://h.org/a/TCI.tif",
                "key": "visual",
                "title": "True colour",
                "media_type": "image/tiff; application=geotiff; profile=cloud-optimized",
                "roles": ["data"],
                "size": 1000,
                "alternates": ["s3://bucket/TCI.tif"],
            },
            {
                "href": "https://h.org/t.png",
                "key": "thumbnail",
                "media_type": "image/png",
                "roles": ["thumbnail"],
                "size": 24,
            },
        ],
        "links": [
            {"href": "https://h.org/x.html", "rel": "via", "title": "More", "media_type": "text/html"},
            {"href": "https://h.org/a/v.json", "rel": "variable", "title": "Sea ice"},
        ],
        "contacts": [
            {"name": "AWS", "organization": "AWS", "roles": ["host"]},
            {"name": "ESA", "organization": "ESA", "roles": ["producer"], "url": "https://esa.int"},
        ],
        "doi": "10.5270/s2_abc",
        "created": 1598784583719,
        "updated": 1598832000000,
        "access": "open",
        "numbers": {"cloud_cover": 17.19, "resolution": 10.0, "off_nadir": 0.0, "size": 1024.0},
        "properties": {
            "constellation": "sentinel-2",
            "platform": "sentinel-2b",
            "sentinel:utm_zone": "1",
            "sentinel:valid": "true",
            "proj:shape": ["10", "20"],
        },
    }


def test_two_missions_in_one_text_are_two(mapping: Mapping, make_item: Make) -> None:
    record = mapping(make_item("a", properties={"platform": "sentinel-1, sentinel-2"}))
    assert record.missions == ("earth-observation/sentinel-1", "earth-observation/sentinel-2")


def test_an_interval_wins_over_its_instant(mapping: Mapping, make_item: Make) -> None:
    times = {"datetime": "2020-06-01T00:00:00Z", "start_datetime": "2020-01-01T00:00:00Z", "end_datetime": None}
    extent = mapping(make_item("a", properties=times)).extent
    assert (extent.start, extent.end) == (1577836800000, None)


def test_what_the_operator_said_fills_what_is_missing(mapping: Mapping, make_item: Make) -> None:
    settings = {"mission": "earth-observation/naip", "provider": "P", "attribution": "A", "synthetic": "true"}
    record = mapping(make_item("a"), **settings)
    assert (record.missions, record.provider) == (("earth-observation/naip",), "P")
    assert record.properties == {"attribution": "A", "synthetic": "true"}
    assert mapping(make_item("a", properties={"platform": "envisat"}), **settings).missions == (
        "earth-observation/envisat",
    )
