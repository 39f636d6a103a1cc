from __future__ import annotations

import pytest

from discovery.model.record import Asset, Link, Record
from discovery.model.volume import Volume, absolute


def volume(mount: str | tuple[str, ...] = "/media/data/x", **fields: object) -> Volume:
    record = Record("s", "", "v", "volume", "V", properties={"mount_path": mount}, **fields)  # type: ignore[arg-type]
    return Volume.from_record(record)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("/media/data/x/", "/media/data/x"),
        ("//media/./data//x", "/media/data/x"),
        ("/", "/"),
        ("/a b/ç", "/a b/ç"),
        ("media/data", ""),
        ("", ""),
        ("/media/../etc", ""),
        ("/media/data/..", ""),
        ("/a\nb", ""),
        ("/a\x00b", ""),
        ("/" + "a" * 1_000, ""),
        ("https://x.example/", ""),
    ],
)
def test_a_path_is_absolute_and_never_goes_upwards(text: str, path: str) -> None:
    assert absolute(text) == path


def test_the_first_mount_path_that_can_be_one_is_taken() -> None:
    assert volume(("nowhere", "/", "/media/data/x/")).mount_path == "/media/data/x"
    assert volume("../etc").mount_path == ""
    assert not volume("").holds("/anything")


def test_a_folder_holds_what_lies_beneath_it_and_not_its_neighbours() -> None:
    assert volume().holds("/media/data/x/a")
    assert not volume().holds("/media/data/xy/a")
    assert not volume().holds("/media/data/x")


@pytest.mark.parametrize(
    ("address", "path"),
    [
        ("https://x.example/pub/a%20b/c.nc?download=1", "/media/data/x/a b/c.nc"),
        ("s3://bucket/pub/a%20b", "/media/data/x/a%20b"),
        ("https://x.example/public/a", ""),
        ("https://x.example/pub/%2e%2e/etc/passwd", ""),
        ("https://x.example/pub/%252e%252e/a", "/media/data/x/%2e%2e/a"),
        ("https://x.example/pub/", ""),
        ("https://y.example/pub/a", ""),
    ],
)
def test_a_twin_leads_into_the_folder_and_never_out_of_it(address: str, path: str) -> None:
    links = (Link("https://x.example/pub", "twin"), Link("https://x.example/", "about"), Link("http://[", "twin"))
    found = volume(links=links, assets=(Asset("s3://bucket/pub"), Asset("https://x.example/pub?list=1")))
    assert found.twins == ("s3://bucket/pub/", "https://x.example/pub/")
    assert found.path_of(address) == path
