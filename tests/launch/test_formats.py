from __future__ import annotations

from importlib.resources import files

import pytest

from discovery.launch.formats import families, family


@pytest.mark.parametrize(
    ("media_type", "address", "name"),
    [
        ("image/fits", "", "fits"),
        ("IMAGE/FITS", "https://x.example/page.html", "fits"),
        ("application/x-votable+xml", "", "table"),
        ("application/x-votable+xml; content=datalink", "https://x.example/a.fits", "datalink"),
        ("application/x-votable+xml;serialization=TABLEDATA;content=datalink", "", "datalink"),
        ("image/tiff; application=geotiff; profile=cloud-optimized", "", "raster"),
        ("application/vnd.zarr; version=2", "", "zarr"),
        ("application/vnd+zarr", "", "zarr"),
        ("application/x-netcdf", "", "netcdf"),
        ("application/vnd.apache.parquet", "", "parquet"),
        ("application/geo+json", "", "geojson"),
        ("", "https://x.example/a/B.FITS.GZ?download=1", "fits"),
        ("application/gzip", "/hstdata/a.fits.gz", "fits"),
        ("application/octet-stream", "s3://bucket/cube.zarr/", "zarr"),
        ("something/else", "https://x.example/a.nc", "netcdf"),
        ("image/png", "https://x.example/a.fits", "picture"),
        ("text/html", "https://x.example/a.nc", "page"),
        ("", "https://x.example/", "other"),
        ("", "http://[broken/a.nc", "other"),
        ("", "", "other"),
        (";;;", "", "other"),
    ],
)
def test_a_media_type_decides_and_else_the_name(media_type: str, address: str, name: str) -> None:
    assert family(media_type, address).name == name


def test_every_family_of_data_has_a_template() -> None:
    templates = files("discovery.launch").joinpath("templates")
    assert [each for each, known in families().items() if known.data and not (templates / f"{each}.md").is_file()] == []


def test_no_sign_stands_for_two_families() -> None:
    signs = [sign for each in families().values() for sign in (*each.media_types, *each.suffixes)]
    assert len(signs) == len(set(signs))
