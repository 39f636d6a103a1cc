from __future__ import annotations

import pytest

from discovery.launch.platforms import moved
from discovery.launch.resolver import File, Place
from discovery.model.volume import Volume

VOLUMES = (
    Volume("v", "V", "/media/data/v", slug="v", mounts=(("datalabs", "/media/data/v"), ("mylab", "/mnt/{slug}"))),
    Volume("p", "P", "/media/data/p", slug="p", mounts=(("mylab", "{home}/p"), ("shared", "/mnt/{user}/p"))),
    Volume("n", "N", "", slug="n", mounts=(("mylab", "/mnt/n"),)),
)


def told(platform: str, path: str, volume: str = "v", **who: str) -> str:
    places = (Place("volume", path, volume, "twin"), Place("https", "https://x.example/a.nc"))
    (file,) = moved([File("k", "", "a.nc", "netcdf", places=places)], VOLUMES, platform, **who)
    assert file.places[1] == places[1]
    assert (file.places[0].volume, file.places[0].rule) == (volume, "twin")
    return file.places[0].address


@pytest.mark.parametrize(
    ("platform", "expected"),
    [("mylab", "/mnt/v/a/b.nc"), ("datalabs", "/media/data/v/a/b.nc"), ("elsewhere", "/media/data/v/a/b.nc")],
)
def test_a_path_is_the_one_of_the_platform(platform: str, expected: str) -> None:
    assert told(platform, "/media/data/v/a/b.nc") == expected


def test_a_path_that_hangs_on_somebody_needs_that_person() -> None:
    assert told("mylab", "/media/data/p/a", "p") == "/media/data/p/a"
    assert told("mylab", "/media/data/p/a", "p", home="/people/ada") == "/people/ada/p/a"
    assert told("shared", "/media/data/p/a", "p", user="ada") == "/mnt/ada/p/a"


@pytest.mark.parametrize("user", ["..", "../..", "a/../../etc", "/etc", "a\\..\\.."])
def test_nobody_is_called_so_that_a_path_leaves_its_folder(user: str) -> None:
    path = told("shared", "/media/data/p/a", "p", user=user)
    assert ".." not in path.replace("\\", "/").split("/")
    assert path.endswith("/p/a")


def test_what_lies_in_no_volume_stays_where_it_is() -> None:
    assert told("mylab", "/eodata/a.jp2", "") == "/eodata/a.jp2"
    assert told("mylab", "/mnt/other/a", "n") == "/mnt/other/a"
