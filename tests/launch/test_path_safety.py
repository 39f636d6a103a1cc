"""A hundred and twenty ways upwards and outwards, through every way that a path comes in: none leads out of its folder.

What is held is the file system's own word: below a real folder there is each path that a rule, twin or mount makes,
beside the folder lies a canary, and nothing that the checks find is the canary.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from discovery.launch.existence import Checker
from discovery.launch.resolver import File, Resolver, resolve
from discovery.launch.rules import read, shipped
from discovery.model.record import Asset, Link, Record
from discovery.model.volume import Volume, absolute
from tests.upwards import FORMS

Make = Callable[..., Record]
CANARY = "canary"
RULES = read(
    """
[[rule]]
name = "by-address"
give = ["/media/data/v/{tail}"]
when = [{ of = "href", match = "^https://archive.example/(?P<tail>.*)$" }]

[[rule]]
name = "by-key"
give = ["/media/data/v/{tail}"]
when = [{ of = "href", match = "(?s)^s3://bucket/(?P<tail>.*)$" }]

[[rule]]
name = "by-property"
give = ["/media/data/v/{tail}", "/media/data/v/{tail}/{name}"]
when = [{ of = "properties.path", match = "(?s)^(?P<tail>.*)$" }, { of = "source_id", match = "^(?P<name>.*)$" }]

[[rule]]
name = "by-names"
give = ["/media/data/v/{container}/{name}"]
when = [{ of = "container", match = "(?s)^(?P<container>.*)$" }, { of = "source_id", match = "(?s)^(?P<name>.*)$" }]
""",
    "x",
)
VOLUME = Volume("v", "V", "/media/data/v", twins=("https://twin.example/pub/", "s3://twin/pub/"))


@pytest.fixture
def checker(tmp_path: Path) -> Checker:
    """Return what looks into a real folder that has a canary beside and above it."""
    root = tmp_path / "mnt" / "v"
    (root / "a" / "b").mkdir(parents=True)
    (root / "here").write_text("here")
    for place in (tmp_path, tmp_path / "mnt"):
        (place / "secret").write_text(CANARY)
        (place / "etc").mkdir()
        (place / "etc" / "passwd").write_text(CANARY)
    return Checker([VOLUME], mounts={"/media/data/v": str(root)})


def held(files: tuple[File, ...], checker: Checker) -> None:
    """Hold every path to its folder: as a text, on the disk, and as one line that can be shown."""
    for place in (place for file in files for place in file.places):
        assert place.address.isprintable()
        if place.kind != "volume":
            continue
        assert absolute(place.address) == place.address
        assert os.path.normpath(place.address) == place.address
        if place.rule in ("twin", "by-address", "by-key", "by-property", "by-names"):
            assert place.address.startswith("/media/data/v/")
        assert checker.check(place).size != len(CANARY)
    assert all("/" not in file.name and ".." not in file.name and file.name not in ("", ".") for file in files)


def test_there_are_at_least_a_hundred_and_twenty_forms() -> None:
    assert len(set(FORMS)) >= 120


def test_the_checker_finds_what_is_beneath(checker: Checker, make: Make) -> None:
    (file,) = resolve(make(Asset("https://twin.example/pub/here", "a")), RULES[:0], [VOLUME])
    assert checker.check(file.places[0]).state == "there"


def test_the_plainest_forms_lead_nowhere(checker: Checker, make: Make) -> None:
    for form in FORMS[:4]:
        test_no_form_leads_out_of_a_folder(form, checker, make)


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMS, ids=[str(number) for number in range(len(FORMS))])
def test_no_form_leads_out_of_a_folder(form: str, checker: Checker, make: Make) -> None:
    resolver = Resolver((*RULES, *shipped()), [VOLUME])
    hrefs = [
        f"https://archive.example/{form}", f"s3://bucket/{form}", f"https://twin.example/pub/{form}", f"s3://twin/pub/{form}",
        f"https://heasarc.gsfc.nasa.gov/FTP/{form}", f"s3://eodata/{form}", f"/eodata/{form}", f"mast:HST/{form}", form,
        f"https://eodata.dataspace.copernicus.eu/{form}", f"s3://nasa-heasarc/{form}", f"s3://EarthCODE/{form}",
        f"https://s3.waw4-1.cloudferro.com/{form}/{form}", f"https://b-u.s3.amazonaws.com/{form}",
    ]  # fmt: skip
    for href in hrefs:
        asset = Asset(href, "a", roles=("data",))
        held(resolver.files(make(asset)), checker)
        held(resolver.files(make(Asset("https://x.example/a.nc", alternates=(href,)))), checker)
        held(resolver.files(make(links=(Link(f"{href}.nc", "via"),))), checker)
        held((File("k", "", "n", "other", places=resolver.places(make(), href)),) if href else (), checker)
    properties = [
        {"path": form},
        {"path": ("a", form)},
        {"file_path": f"/hstdata/hstdata_i/{form}", "file_name": "x.fits"},
        {"file_path": "/hstdata/hstdata_i/i", "file_name": form},
        {"file_path": f"/hstdata/hsla/{form}", "file_name": f"{form}.fits"},
        {"file_path": f"/hstdata/hlsp/{form}", "file_name": form},
        {"file_path": f"/hstdata/hstdata_hap_i/{form}", "file_name": form},
        {"datalabs_path": f"/data/{form}", "file_name": "x"},
        {"datalabs_path": "/data/v", "file_name": form},
        {"cloud_access": f'{{"aws": {{"bucket_name": "bucket", "key": "{form}"}}}}'},
    ]
    for given in properties:
        held(resolver.files(make(properties=given)), checker)
    held(resolver.files(Record("s", form, form, "observation", "T")), checker)


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMS, ids=[str(number) for number in range(len(FORMS))])
def test_no_form_is_the_folder_or_the_twin_of_a_volume(form: str, checker: Checker, make: Make) -> None:
    for path in (form, f"/{form}", f"/media/data/{form}", f"/media/data/v/{form}"):
        links = (Link(f"https://twin.example/{form}", "twin"),)
        record = Record("s", "", "v", "volume", "V", links=links, properties={"mount_path": path})
        volume = Volume.from_record(record)
        assert volume.mount_path == absolute(volume.mount_path)
        assert ".." not in volume.mount_path.split("/")
        for href in (f"https://twin.example/{form}/a.nc", f"https://twin.example/{form}/../../secret"):
            for file in Resolver((), [volume]).files(make(Asset(href))):
                inside = [each for each in file.places if each.kind == "volume"]
                assert all(each.address.startswith(f"{volume.mount_path}/") for each in inside)
                assert all(absolute(each.address) == each.address for each in inside)
                assert all(checker.check(each).size != len(CANARY) for each in inside)


@pytest.mark.parametrize(
    ("sent", "path"),
    [
        ("a%20b", "/FTP/a b"), ("a%2Bb", "/FTP/a+b"), ("a%252Bb", "/FTP/a%2Bb"), ("a%25b", "/FTP/a%b"),
        ("a+b", "/FTP/a+b"),
        ("%2e%2e/b", ""), ("%252e%252e/b", "/FTP/%2e%2e/b"), ("a%2f..%2f..%2fb", ""), ("a%252f..", "/FTP/a%2f.."),
    ],
)  # fmt: skip
def test_an_address_is_decoded_once(sent: str, path: str, make: Make) -> None:
    files = resolve(make(Asset(f"https://heasarc.gsfc.nasa.gov/FTP/{sent}", "a", roles=("data",))), shipped(), ())
    paths = [each.address for file in files for each in file.places if each.kind == "volume"]
    assert paths == ([path] if path else [])
