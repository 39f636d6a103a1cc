"""Buckets of STAC documents: the first is a real Item of the Open Science Catalogue, the rest are as archives write."""

from __future__ import annotations

import tarfile
from pathlib import Path
from typing import Any

import orjson
import pytest

from discovery.model.storage import PROPERTY, Storage, buckets
from harvesters import stac_collection, stac_item
from harvesters.defaults import Defaults

ROOT = Path(__file__).parents[2]
CATALOGUE = ROOT / "fixtures" / "demo" / "open-science-catalog" / "open-science-catalog.tar.gz"


def item(assets: dict[str, Any], **properties: Any) -> dict[str, Any]:
    given = {"datetime": "2024-01-01T00:00:00Z", **properties}
    return {"type": "Feature", "stac_version": "1.1.0", "id": "i", "properties": given, "assets": assets}


def found(document: dict[str, Any]) -> dict[str, Storage]:
    return buckets(stac_item.to_record(document, "c", "i", Defaults("s")))


@pytest.fixture(scope="module")
def seasfire() -> dict[str, Any]:
    with tarfile.open(CATALOGUE) as archive:
        name = next(each for each in archive.getnames() if each.endswith("products/seasfire-cube/item.json"))
        file = archive.extractfile(name)
        assert file is not None
        document: dict[str, Any] = orjson.loads(file.read())
        return document


def test_a_real_item_names_an_endpoint_for_its_asset_and_another_for_the_alternate(seasfire: dict[str, Any]) -> None:
    assert found(seasfire) == {
        "EarthCODE": Storage("https://s3.waw4-1.cloudferro.com", requester_pays=False),
        "seasfire": Storage("https://s3.services.earthcode.eox.at", requester_pays=False),
    }


def test_the_copernicus_data_space_names_two_schemes_and_a_way_to_sign_in() -> None:
    schemes = {
        "cdse-s3": {"type": "custom-s3", "platform": "https://eodata.dataspace.copernicus.eu", "requester_pays": False},
        "creodias-s3": {"type": "custom-s3", "platform": "https://eodata.cloudferro.com", "requester_pays": True},
    }
    asset = {
        "href": "s3://eodata/Sentinel-2/MSI/L2A/a.jp2",
        "auth:refs": ["s3"],
        "storage:refs": ["cdse-s3", "creodias-s3"],
        "alternate": {"https": {"href": "https://zipper.example/odata/v1/Products(1)", "auth:refs": ["oidc"]}},
    }
    assert found(item({"B04": asset}, **{"storage:schemes": schemes})) == {
        "eodata": Storage("https://eodata.dataspace.copernicus.eu", "", False, False)
    }


def test_version_1_stands_on_the_alternate_the_asset_or_the_item() -> None:
    alternate = {"href": "s3://usgs-landsat/a.TIF", "storage:platform": "AWS", "storage:requester_pays": True}
    asset = {"href": "https://landsatlook.example/a.TIF", "storage:region": "us-west-2", "alternate": {"s3": alternate}}
    other = {"href": "s3://other-bucket/b.tif"}
    assert found(item({"red": asset, "blue": other}, **{"storage:region": "eu-central-1"})) == {
        "usgs-landsat": Storage("", "us-west-2", None, True),
        "other-bucket": Storage("", "eu-central-1"),
    }


def test_the_template_of_amazon_is_no_endpoint() -> None:
    scheme = {"type": "aws-s3", "platform": "https://{bucket}.s3.{region}.amazonaws.com", "region": "us-west-2"}
    asset = {"href": "s3://mybucket/a.tif", "storage:refs": ["aws"]}
    assert found(item({"a": asset}, **{"storage:schemes": {"aws": scheme}})) == {"mybucket": Storage("", "us-west-2")}


def test_collections_say_it_too() -> None:
    asset = {"href": "s3://mybucket/a.zarr", "storage:region": "us-east-1"}
    document = {"type": "Collection", "stac_version": "1.1.0", "id": "c", "assets": {"zarr": asset}}
    record = stac_collection.to_record(document, "", "c", Defaults("s"))
    assert buckets(record) == {"mybucket": Storage("", "us-east-1")}


def test_items_without_buckets_have_no_such_property() -> None:
    record = stac_item.to_record(item({"a": {"href": "https://x.example/a.tif"}}), "c", "i", Defaults("s"))
    assert PROPERTY not in record.properties


@pytest.mark.parametrize(
    ("asset", "properties"),
    [
        ({"href": "s3://mybucket/a", "storage:refs": "aws", "storage:region": ["x"]}, {"storage:schemes": []}),
        ({"href": "s3://mybucket/a", "storage:refs": [{}, 1, "b"]}, {"storage:schemes": {"b": "c"}}),
        ({"href": "s3://mybucket/a", "storage:refs": ["b"]}, {"storage:schemes": {"b": {"type": 1, "platform": 2}}}),
        ({"href": "s3://mybucket/a", "storage:refs": ["b"]},
         {"storage:schemes": {"b": {"type": "custom-s3", "platform": "https://user:word@s3.example"}}}),
        ({"href": 1, "alternate": {"x": 1, "y": {"href": None}}, "storage:region": "us-west-2"}, {}),
        ("nothing", {}),
    ],
)  # fmt: skip
def test_what_is_malformed_says_nothing(asset: Any, properties: dict[str, Any]) -> None:
    assert found(item({"a": asset}, **properties)) == {}
