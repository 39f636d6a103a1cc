"""Places of files, by the rules that we ship: the paths in here are those of the archives."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from discovery.launch.opening import Around
from discovery.launch.resolver import MAX_FILES, File, resolve
from discovery.launch.rules import read, shipped
from discovery.model.record import Asset, Link, Record
from discovery.model.volume import Volume

Make = Callable[..., Record]
WFC3 = {"file_path": "/hstdata/hstdata_i/i/b4x/04", "file_name": "ib4x04ivq_flt.fits"}


def places(record: Record, around: Around) -> list[tuple[str, str]]:
    return [(place.kind, place.address) for file in found(record, around) for place in file.places]


def found(record: Record, around: Around) -> tuple[File, ...]:
    return resolve(record, shipped(), around.volumes)


@pytest.mark.parametrize(
    ("file_path", "file_name", "expected"),
    [
        # The hub_ paths are what astroquery's own test expects of these two names.
        ("/hstdata/hstdata_i/i/b4x/04", "ib4x04ivq_flt.jpg",
         ["/media/data/hst_wfc3/i/b4x/04/ib4x04ivq_flt.jpg", "/data/user/hub_hstdata_i/i/b4x/04/ib4x04ivq_flt.jpg"]),
        ("/hstdata/hstdata_i/i/b4x/04", "ib4x04ivq_flt.fits",
         ["/media/data/hst_wfc3/i/b4x/04/ib4x04ivq_flt.fits.gz",
          "/data/user/hub_hstdata_i/i/b4x/04/ib4x04ivq_flt.fits.gz"]),
        ("hstdata/hstdata_o/o/4sp/04/", "o4sp040b0_raw.fits.gz",
         ["/media/data/hst_stis/o/4sp/04/o4sp040b0_raw.fits.gz",
          "/data/user/hub_hstdata_o/o/4sp/04/o4sp040b0_raw.fits.gz"]),
        ("/hstdata/hstdata_q/q/1", "q1.dat", ["/data/user/hub_hstdata_q/q/1/q1.dat"]),
        # These three with their places are from astroquery's tests too.
        ("/hstdata/hsla/hst_g249-36--7063/", "hst_g249-36--7063_aspec_thumb.png",
         ["/data/user/hub_hstdata_hsla/hst_g249-36--7063/hst_g249-36--7063_aspec_thumb.png"]),
        ("/hstdata/hstdata_hap_i/11926/23/wfc3/", "hst_11926_23_wfc3_ir_f098m_ibcf23_drz.fits",
         ["/data/user/hst_data_hap_i/11926/23/wfc3/hst_11926_23_wfc3_ir_f098m_ibcf23_drz.fits.gz"]),
        ("/hstdata/hlsp/rocky-worlds/HST/GJ3929/visit8/", "hlsp_rocky-worlds_hst_stis_gj3929_g140m_v1.0_lc.fits",
         ["/data/user/hst_hstdata_hlsp/rocky-worlds/HST/GJ3929/visit8/hlsp_rocky-worlds_hst_stis_gj3929_g140m_v1.0_lc.fits"]),
        ("/hstdata/hlsp/../../etc", "passwd", []),
        ("/hstdata/hstdata_i/../../../etc", "passwd", []),
        ("/hstdata/hstdata_i/i", "../../../../etc/passwd", []),
        ("/hstdata/hstdata_i/i\x00", "a", []),
        ("/elsewhere/i", "a.fits", []),
    ],
)  # fmt: skip
def test_files_of_hubble_are_where_the_archive_mounts_them(
    file_path: str, file_name: str, expected: list[str], make: Make, around: Around
) -> None:
    record = make(properties={"file_path": file_path, "file_name": file_name})
    assert sorted(address for _, address in places(record, around)) == sorted(expected)
    assert all(each.rule.startswith("ehst") for file in found(record, around) for each in file.places)


def test_a_path_names_the_volume_that_holds_it(make: Make, hubble: Record, around: Around) -> None:
    stis = next(each for each in around.volumes if each.mount_path == "/media/data/hst_stis")
    (file,) = found(hubble, around)
    assert [place.volume for place in file.places] == [stis.id, ""]
    assert (file.key, file.name, file.family) == ("ehst-fits", "o4sp040b0_raw.fits.gz", "fits")


@pytest.mark.parametrize(
    "folder", ["/data/euclid_q1/Q1_R1/VIS/102018211", "/media/data/euclid_q1/Q1_R1/VIS/102018211/"]
)
def test_files_of_euclid_are_where_the_archive_says(folder: str, make: Make, around: Around) -> None:
    name = "EUC_VIS_SWL-STK-000-000000-0000000__20220917T232305.678070Z.fits"
    record = make(properties={"datalabs_path": folder, "file_name": name})
    (file,) = found(record, around)
    q1 = next(each for each in around.volumes if each.mount_path == "/media/data/euclid_q1")
    assert [(each.address, each.volume) for each in file.places] == [
        (f"/media/data/euclid_q1/Q1_R1/VIS/102018211/{name}", q1.id),
        (f"/data/euclid_q1/Q1_R1/VIS/102018211/{name}", ""),
    ]


@pytest.mark.parametrize("folder", ["/data_03/repository_pvpr01/VIS/13", "/etc", "/data", "/data/../etc", "data/x"])
def test_paths_that_no_platform_mounts_are_not_believed(folder: str, make: Make, around: Around) -> None:
    name = "EUC_VIS_SWL-STK-000-000000-0000000__20220917T232305.678070Z.fits"
    assert places(make(properties={"datalabs_path": folder, "file_path": folder, "file_name": name}), around) == []


@pytest.mark.parametrize(
    ("href", "expected"),
    [
        ("https://sentinel-cogs.s3.us-west-2.amazonaws.com/sentinel-s2-l2a-cogs/1/C/CV/B01.tif",
         [("https", "https://sentinel-cogs.s3.us-west-2.amazonaws.com/sentinel-s2-l2a-cogs/1/C/CV/B01.tif"),
          ("s3", "s3://sentinel-cogs/sentinel-s2-l2a-cogs/1/C/CV/B01.tif")]),
        ("https://bucket.s3.amazonaws.com/a%20b/c.tif",  # A space in an s3 address is read in several ways.
         [("https", "https://bucket.s3.amazonaws.com/a%20b/c.tif")]),
        ("s3://eodata/Sentinel-2/MSI/a.tif",
         [("volume", "/eodata/Sentinel-2/MSI/a.tif"), ("s3", "s3://eodata/Sentinel-2/MSI/a.tif")]),
        ("https://heasarc.gsfc.nasa.gov/FTP/nicer/data/a%2Bb.fits",
         [("volume", "/FTP/nicer/data/a+b.fits"), ("https", "https://heasarc.gsfc.nasa.gov/FTP/nicer/data/a%2Bb.fits"),
          ("s3", "s3://nasa-heasarc/nicer/data/a+b.fits")]),
        ("https://heasarc.gsfc.nasa.gov/FTP/%2e%2e/%2e%2e/etc/passwd.fits",
         [("https", "https://heasarc.gsfc.nasa.gov/FTP/%2e%2e/%2e%2e/etc/passwd.fits")]),
        ("mast:HST/product/u9o40504m_c3m.fits",
         [("https", "https://mast.stsci.edu/api/v0.1/Download/file?uri=mast:HST/product/u9o40504m_c3m.fits")]),
        ("file:///etc/passwd.fits", []),
        ("javascript:alert(1).fits", []),
        ("https://user:word@x.example/a.fits", []),
        ("https://x.example/a.fits?X-Amz-Signature=abc&X-Amz-Expires=60", []),
        ("https://x.example/a b.fits", []),
        ("http://[broken/a.fits", []),
        ("/etc/passwd.fits", []),
        ("", []),
    ],
)  # fmt: skip
def test_an_address_gives_its_places(href: str, expected: list[tuple[str, str]], make: Make, around: Around) -> None:
    # HEASARC's rule says `s3://nasa-heasarc/../..`, which nobody means.
    assert places(make(Asset(href, "a", media_type="image/fits")), around) == expected


def test_alternates_are_places_of_the_same_file(make: Make, around: Around) -> None:
    asset = Asset("https://x.example/a.tif", "a", media_type="image/tiff", alternates=("s3://bucket/a.tif",))
    assert places(make(asset), around) == [("https", "https://x.example/a.tif"), ("s3", "s3://bucket/a.tif")]


def test_the_json_of_cloud_access_names_a_bucket(make: Make, around: Around) -> None:
    said = '{"aws": {"bucket_name": "nasa-irsa-spherex", "key": "qr/level2/a.fits", "region": "us-east-1"}}'
    assert places(make(properties={"cloud_access": said}), around) == [
        ("s3", "s3://nasa-irsa-spherex/qr/level2/a.fits")
    ]


def test_a_volume_that_has_a_twin_holds_what_lies_there(make: Make, around: Around) -> None:
    record = Record("s", "", "v", "volume", "V", links=(Link("https://x.example/pub/", "twin"),),
                    properties={"mount_path": "/media/data/pub"})  # fmt: skip
    volume = Volume.from_record(record)
    (file,) = resolve(make(Asset("https://x.example/pub/a/b.nc", "a")), shipped(), (volume,))
    assert [(each.kind, each.address, each.volume) for each in file.places] == [
        ("volume", "/media/data/pub/a/b.nc", volume.id),
        ("https", "https://x.example/pub/a/b.nc", ""),
    ]


def test_the_nearest_of_nested_volumes_holds_a_file(make: Make) -> None:
    volumes = [Volume("outer", "O", "/data"), Volume("inner", "I", "/data/user/hub_hstdata_i")]
    (file,) = resolve(make(properties=WFC3), shipped(), volumes)
    assert [each.volume for each in file.places] == ["inner", ""]


def test_what_stands_beside_the_data_is_left_out(make: Make, around: Around) -> None:
    assets = (
        Asset("https://x.example/t.jpg", "thumbnail", roles=("thumbnail",)),
        Asset("https://x.example/index.html", "page", media_type="text/html", roles=("data",)),
        Asset("https://x.example/meta.json", "meta", media_type="application/json", roles=("metadata",)),
        Asset("https://x.example/overview.tif", "overview", roles=("overview",)),
        Asset("https://x.example/b04.tif", "b04", roles=("data",)),
        Asset("https://x.example/picture.png", "picture", media_type="image/png", roles=("data",)),
    )
    files = found(make(*assets), around)
    assert [(each.key, each.family) for each in files] == [
        ("b04", "raster"), ("picture", "other"), ("overview", "raster"),
    ]  # fmt: skip


def test_a_rule_and_an_asset_that_mean_one_file_are_one(make: Make, around: Around) -> None:
    asset = Asset("https://archive.example/ib4x04ivq_flt.fits", "product", "The product", size=10)
    (file,) = found(make(asset, properties=WFC3), around)
    assert (file.key, file.title, file.size) == ("product", "The product", 10)
    assert [each.kind for each in file.places] == ["volume", "volume", "https"]


def test_keys_and_names_are_there_once_and_safe_on_disk(make: Make, around: Around) -> None:
    hrefs = ["https://x.example/a/..%2f..%2f.profile.nc", "https://y.example/b.nc", "https://z.example/B.nc",
             "https://x.example/", "s3://bucket/%2e%2e"]  # fmt: skip
    assets = [Asset(href, key) for href in hrefs for key in ("k", "", "file-3", "x" * 300, "a\u202eb\nc")]
    files = found(make(*assets), around)
    assert len(files) == 25
    assert len({each.key for each in files}) == 25
    assert len({each.name.lower() for each in files}) == 25
    assert all(each.name[0] not in ".-" and "/" not in each.name and ".." not in each.name for each in files)
    assert all(each.key.isprintable() for each in files)


def test_rules_of_one_source_leave_the_others_alone(make: Make) -> None:
    rules = read(
        '[[rule]]\nname = "r"\nsources = ["other"]\ngive = ["/x/{t}"]\n'
        'when = [{ of = "href", match = "(?P<t>[a-z]+)$" }]',
        "x",
    )
    assert [each.kind for each in resolve(make(Asset("https://x.example/abc", "a")), rules, ())[0].places] == ["https"]


def test_hostile_records_are_resolved_in_time(make: Make, around: Around) -> None:
    long = "hstdata/hstdata_a/" * 100
    properties = {"file_path": (long,) * 20, "file_name": ("a" * 2_000, "b" * 50_000), "cloud_access": '"key":"' * 280}
    assets = [Asset(f"https://heasarc.gsfc.nasa.gov/FTP/{long}{n}", f"{n}" * 50) for n in range(2_000)]
    began = time.process_time()
    assert len(found(make(*assets, properties=properties), around)) == MAX_FILES
    assert time.process_time() - began < 2


def test_the_real_file_lies_where_its_rule_says(hubble: Record, around: Around, mounted: Path) -> None:
    place = found(hubble, around)[0].places[0]
    volume = next(each for each in around.volumes if each.id == place.volume)
    assert (mounted / Path(place.address).relative_to(volume.mount_path)).is_file()
