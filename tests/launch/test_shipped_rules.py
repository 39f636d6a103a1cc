"""The shipped rules on rows as archives send them: where each was read stands beside it."""

from __future__ import annotations

import tarfile
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from discovery.launch.resolver import Place, resolve
from discovery.launch.rules import read, shipped
from discovery.model.record import Asset, Link, Record
from discovery.model.storage import Storage
from harvesters import stac_collection, stac_item, votable
from harvesters.defaults import Defaults

Make = Callable[..., Record]
ROOT = Path(__file__).parents[2]
CATALOGUE = ROOT / "fixtures" / "demo" / "open-science-catalog" / "open-science-catalog.tar.gz"
CDSE = Storage("https://eodata.dataspace.copernicus.eu", "default", False)
CLOUDFERRO = Storage("https://s3.waw4-1.cloudferro.com", "default", True)
OURS = Storage("", "us-east-1", True)


def places(record: Record) -> list[Place]:
    return [place for file in resolve(record, shipped(), ()) for place in file.places]


def told(record: Record) -> list[tuple[str, Storage | None]]:
    return [(each.address, each.store) for each in places(record)]


def product(name: str) -> bytes:
    with tarfile.open(CATALOGUE) as archive:
        path = next(each for each in archive.getnames() if each.endswith(f"products/{name}"))
        file = archive.extractfile(path)
        assert file is not None
        return file.read()


@pytest.mark.parametrize(
    ("href", "expected"),
    [
        # astroquery's HEASARC client makes the same two of an access_url.
        ("https://heasarc.gsfc.nasa.gov/FTP/nicer/data/obsids/1/ni1.evt.gz",
         [("/FTP/nicer/data/obsids/1/ni1.evt.gz", None),
          ("https://heasarc.gsfc.nasa.gov/FTP/nicer/data/obsids/1/ni1.evt.gz", None),
          ("s3://nasa-heasarc/nicer/data/obsids/1/ni1.evt.gz", OURS)]),
        ("s3://nasa-heasarc/xmm/data/rev0/0123700101/a.fits",
         [("/FTP/xmm/data/rev0/0123700101/a.fits", None),
          ("https://heasarc.gsfc.nasa.gov/FTP/xmm/data/rev0/0123700101/a.fits", None),
          ("s3://nasa-heasarc/xmm/data/rev0/0123700101/a.fits", OURS)]),
        # Its STAC API and its OData name the same file in these ways.
        ("s3://eodata/Sentinel-2/MSI/L2A/2024/a.SAFE/B04.jp2",
         [("/eodata/Sentinel-2/MSI/L2A/2024/a.SAFE/B04.jp2", None),
          ("s3://eodata/Sentinel-2/MSI/L2A/2024/a.SAFE/B04.jp2", CDSE)]),
        ("/eodata/Sentinel-2/MSI/L2A/2024/a.SAFE/B04.jp2",
         [("/eodata/Sentinel-2/MSI/L2A/2024/a.SAFE/B04.jp2", None),
          ("s3://eodata/Sentinel-2/MSI/L2A/2024/a.SAFE/B04.jp2", CDSE)]),
        ("https://eodata.dataspace.copernicus.eu/Sentinel-2/a.jp2",
         [("/eodata/Sentinel-2/a.jp2", None), ("https://eodata.dataspace.copernicus.eu/Sentinel-2/a.jp2", None),
          ("s3://eodata/Sentinel-2/a.jp2", CDSE)]),
        # Addresses of the Open Science Catalogue.
        ("https://s3.waw4-1.cloudferro.com/EarthCODE/OSCAssets/ESA-Science-Hub-Le-Guillou/VarDyn_allsat.nc",
         [("https://s3.waw4-1.cloudferro.com/EarthCODE/OSCAssets/ESA-Science-Hub-Le-Guillou/VarDyn_allsat.nc", None),
          ("s3://EarthCODE/OSCAssets/ESA-Science-Hub-Le-Guillou/VarDyn_allsat.nc", CLOUDFERRO)]),
        ("s3://EarthCODE/OSCAssets/seasfire/seasfire_v0.4.zarr/",
         [("https://s3.waw4-1.cloudferro.com/EarthCODE/OSCAssets/seasfire/seasfire_v0.4.zarr/", None),
          ("s3://EarthCODE/OSCAssets/seasfire/seasfire_v0.4.zarr/", CLOUDFERRO)]),
        ("https://s3.waw4-1.cloudferro.com/swift/v1/ARCEME-DC-DHP-GLOBAL/DC__99349_d__2022-10-19__2024-10-19.zarr",
         [("https://s3.waw4-1.cloudferro.com/swift/v1/ARCEME-DC-DHP-GLOBAL/DC__99349_d__2022-10-19__2024-10-19.zarr",
           None)]),
        ("s3://deep-esdl-public/hydrology-1D-0.009deg-100x60x60-3.0.2.zarr",
         [("s3://deep-esdl-public/hydrology-1D-0.009deg-100x60x60-3.0.2.zarr", Storage(anonymous=True))]),
        ("https://s3.services.earthcode.eox.at/seasfire/main/seasfire_v0.4.zarr/",
         [("https://s3.services.earthcode.eox.at/seasfire/main/seasfire_v0.4.zarr/", None),
          ("s3://seasfire/main/seasfire_v0.4.zarr/",
           Storage("https://s3.services.earthcode.eox.at", "default", True))]),
        # USGS's own Items have this beside their https address.
        ("s3://usgs-landsat/collection02/level-2/standard/oli-tirs/2023/092/068/a_SR_B4.TIF",
         [("s3://usgs-landsat/collection02/level-2/standard/oli-tirs/2023/092/068/a_SR_B4.TIF",
           Storage("", "us-west-2", False, True))]),
        # Earth Search, in the demo.
        ("https://sentinel-cogs.s3.us-west-2.amazonaws.com/sentinel-s2-l2a-cogs/1/C/CV/2018/11/S/B01.tif",
         [("https://sentinel-cogs.s3.us-west-2.amazonaws.com/sentinel-s2-l2a-cogs/1/C/CV/2018/11/S/B01.tif", None),
          ("s3://sentinel-cogs/sentinel-s2-l2a-cogs/1/C/CV/2018/11/S/B01.tif", Storage("", "us-west-2"))]),
        ("https://some-bucket.s3.dualstack.eu-central-1.amazonaws.com/a.tif",
         [("https://some-bucket.s3.dualstack.eu-central-1.amazonaws.com/a.tif", None),
          ("s3://some-bucket/a.tif", Storage("", "eu-central-1"))]),
        ("https://some-bucket.s3.amazonaws.com/a.tif",
         [("https://some-bucket.s3.amazonaws.com/a.tif", None), ("s3://some-bucket/a.tif", None)]),
        ("https://s3.eu-central-1.amazonaws.com/some-bucket/a.tif",
         [("https://s3.eu-central-1.amazonaws.com/some-bucket/a.tif", None),
          ("s3://some-bucket/a.tif", Storage("", "eu-central-1"))]),
        # astroquery/mast/tests/data/products.json
        ("mast:HST/product/u9o40504m_c3m.fits",
         [("https://mast.stsci.edu/api/v0.1/Download/file?uri=mast:HST/product/u9o40504m_c3m.fits", None)]),
    ],
)  # fmt: skip
def test_an_address_of_an_archive_is_there_and_there(
    href: str, expected: list[tuple[str, Storage | None]], make: Make
) -> None:
    assert told(make(Asset(href, "a", roles=("data",)))) == expected


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        # IRSA's SIA2 and ObsCore tables; the others are forms of the draft that archives agreed on.
        ('{"aws": {"bucket_name": "nasa-irsa-spherex", "key": "qr/level2/a.fits", "region": "us-east-1"}}',
         ("s3://nasa-irsa-spherex/qr/level2/a.fits", Storage("", "us-east-1"))),
        ('{"aws": [{"region": "us-east-1", "access": "open", "key": "/xmm/a.fits", "bucket_name": "nasa-heasarc"}]}',
         ("s3://nasa-heasarc/xmm/a.fits", Storage("", "us-east-1", True))),
        ('{"gcp":{"bucket_name":"b","key":"b"},"aws": {"bucket": "stpubdata", "path": "a.fits", "access":"none"}}',
         ("s3://stpubdata/a.fits", Storage("", "", False))),
    ],
)  # fmt: skip
def test_cloud_access_names_bucket_region_and_access(said: str, expected: tuple[str, Storage], make: Make) -> None:
    assert told(make(properties={"cloud_access": said})) == [expected]


@pytest.mark.parametrize(
    "said",
    [
        '{"gcp": {"bucket_name": "other", "key": "b.fits"}}',
        '{"aws": {"bucket_name": "nasa-irsa-spherex"}}',
        '{"aws": {"bucket_name": "nasa-irsa-spherex", "key": "../../a.fits"}}',
        '{"aws": {"bucket_name": "user@host", "key": "a.fits"}}',
        '{"aws": {"bucket_name": "b/../c", "key": "a.fits"}}',
        "aws",
        "",
    ],
)
def test_cloud_access_that_names_no_object_is_none(said: str, make: Make) -> None:
    assert places(make(properties={"cloud_access": said})) == []


def test_the_real_euclid_product_names_a_folder_that_no_platform_mounts() -> None:
    # Its file_path is one of the archive's own machines; datalabs_path of other tables is for platforms.
    body = (ROOT / "fixtures" / "sources" / "vo" / "astroquery" / "euclid-product_list.vot").read_bytes()
    row = votable.read(body, most=1).rows[0]
    assert row["file_path"] == "/data_03/repository_pvpr01/VIS/13"
    assert places(Record("s", "t", "r", "observation", "R", properties=row)) == []
    path = {"datalabs_path": "/data/euclid_q1/Q1_R1/VIS/102018211", "file_name": row["file_name"]}
    found = places(Record("s", "t", "r", "observation", "R", properties=path))
    assert [(each.address, each.rule) for each in found] == [
        (f"/data/euclid_q1/Q1_R1/VIS/102018211/{row['file_name']}", "datalabs-path"),
        (f"/media/data/euclid_q1/Q1_R1/VIS/102018211/{row['file_name']}", "datalabs-path"),
    ]


def test_a_real_item_has_its_alternate_with_an_endpoint_of_its_own() -> None:
    record = stac_item.to_record(orjson.loads(product("seasfire-cube/item.json")), "seasfire-cube", "i", Defaults("s"))
    assert told(record) == [
        ("https://s3.waw4-1.cloudferro.com/EarthCODE/OSCAssets/seasfire/seasfire_v0.4.zarr/", None),
        ("s3://EarthCODE/OSCAssets/seasfire/seasfire_v0.4.zarr/",
         Storage("https://s3.waw4-1.cloudferro.com", "default", True, False)),
        ("s3://seasfire/main/seasfire_v0.4.zarr/",
         Storage("https://s3.services.earthcode.eox.at", requester_pays=False)),
    ]  # fmt: skip


def test_a_real_product_that_has_no_asset_is_where_its_link_leads() -> None:
    document = orjson.loads(product("hydrology-4D/collection.json"))
    record = stac_collection.to_record(document, "products", "hydrology-4D", Defaults("s"))
    assert [file.family for file in resolve(record, shipped(), ())] == ["zarr"]
    assert told(record)[0] == (
        "s3://deep-esdl-public/hydrology-1D-0.009deg-100x60x60-3.0.2.zarr",
        Storage(anonymous=True),
    )


def test_links_are_not_asked_where_there_is_an_asset(make: Make) -> None:
    link = Link("https://x.example/b.nc", "via")
    assert [e.address for e in places(make(Asset("https://x.example/a.nc"), links=(link,)))] == [
        "https://x.example/a.nc"
    ]
    assert [e.address for e in places(make(links=(link,)))] == ["https://x.example/b.nc"]


@pytest.mark.parametrize(
    "link",
    [
        Link("https://x.example/b.html", "via"),
        Link("https://x.example/b", "via"),
        Link("https://x.example/b.nc", "related"),
        Link("https://x.example/b.nc?X-Amz-Signature=abc", "via"),
        Link("file:///etc/b.nc", "via"),
    ],
)
def test_links_to_pages_are_no_files(link: Link, make: Make) -> None:
    assert places(make(links=(link,))) == []


def test_a_link_to_the_rows_of_datalink_is_opened_as_such(make: Make) -> None:
    asset = Asset("https://x.example/links?ID=1", "links", media_type="application/x-votable+xml;content=datalink")
    (file,) = resolve(make(asset), shipped(), ())
    assert (file.family, file.places[0].address) == ("datalink", "https://x.example/links?ID=1")


def test_what_a_record_says_of_a_bucket_goes_before_what_a_rule_says(make: Make) -> None:
    said = '{"bucket": "eodata", "endpoint": "https://eodata.cloudferro.com", "requester_pays": true}'
    found = places(make(Asset("s3://eodata/a.jp2", "a"), properties={"storage": said}))
    assert found[1].store == Storage("https://eodata.cloudferro.com", "default", False, True)


def test_rules_that_say_different_things_of_an_address_complete_each_other(make: Make) -> None:
    rule = (
        '[[rule]]\nname = "{0}"\ngive = ["s3://bucket/{{k}}"]\nwhen = [{{ of = "href", match = "^s3://(?P<k>.+)" }}]\n'
    )
    stores = ('store = { region = "{k}" }\n', 'store = { region = "other", anonymous = true }\n')
    rules = read(rule.format("a") + stores[0] + rule.format("b") + stores[1], "x")
    (file,) = resolve(make(Asset("s3://bucket", "a")), rules, ())
    assert [each.store for each in file.places] == [None, Storage("", "bucket", True)]
