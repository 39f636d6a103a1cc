"""The folder of a kept selection: safe names, each file once, and all the places that it has."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from discovery.launch.folder import MAX_BYTES, MAX_FILES, Named, manifest
from discovery.launch.opening import Around, Opening, opening
from discovery.launch.rules import shipped
from discovery.model.record import Asset, Record

VOLUME = Record(
    "s",
    "",
    "maps",
    "volume",
    "Maps",
    properties={"mount_path": "/media/data/maps"},
    assets=(Asset("https://maps.example/", "twin"),),
)
NAMED = Named("abcdef" * 4 + "ab", "Deep fields", "https://portal.example/selections/x")


def dataset(name: str, *hrefs: str) -> Opening:
    assets = tuple(Asset(each, f"a{number}", "", "image/fits", ("data",)) for number, each in enumerate(hrefs))
    return opening(Record("s", "", name, "dataset", name, assets=assets), shipped(), Around.of([VOLUME]))


def test_each_file_has_its_place_in_a_volume_and_its_addresses() -> None:
    found = manifest(NAMED, [dataset("one", "https://maps.example/a/one.fits"), dataset("two", "s3://b/two.fits")])
    assert (found["folder"], found["selection"]) == ("deep-fields-abcdef", NAMED.id)
    one, two = found["files"]
    assert one["volumes"] == [{"volume": VOLUME.id, "path": "/media/data/maps/a/one.fits"}]
    assert one["addresses"] == ["https://maps.example/a/one.fits"]
    assert (two["volumes"], two["addresses"]) == ([], ["s3://b/two.fits"])
    assert json.loads(json.dumps(found)) == found


def test_files_that_are_called_the_same_are_told_apart() -> None:
    given = [
        dataset(name, f"https://{name}.example/Map.fits.gz", f"https://{name}.example/manifest.json") for name in "abc"
    ]
    names = [each["name"] for each in manifest(NAMED, given)["files"]]
    assert [each for each in names if each.lower().startswith("map")] == [
        "Map.fits.gz",
        "Map-2.fits.gz",
        "Map-3.fits.gz",
    ]
    assert "manifest.json" not in names
    assert len({each.lower() for each in names}) == len(names)


def test_a_volume_of_a_selection_is_there_as_a_whole_and_signed_links_are_not() -> None:
    whole = manifest(NAMED, [opening(VOLUME, shipped(), Around.of([VOLUME]))])["files"][0]
    assert whole["volumes"] == [{"volume": VOLUME.id, "path": "/media/data/maps"}]
    signed = "https://b.example/x.fits?X-Amz-Signature=0123456789abcdef&X-Amz-Credential=AKIA"
    assert "AKIA" not in json.dumps(manifest(NAMED, [dataset("signed", signed)]))


@pytest.mark.parametrize(
    "name", ["../../etc", "", "é中", "a" * 200, "/", "a/b\0c", ".ssh", "-rf", "CON: x", "\u202eevil", "data\n../x"]
)
def test_no_name_leads_out_of_the_folder(name: str) -> None:
    folder = Named("abcdef" * 4 + "ab", name, "").folder
    assert re.fullmatch(r"[a-z0-9][a-z0-9-]{6,62}", folder)


def test_what_is_left_out_is_counted() -> None:
    many = [dataset(f"n{n}", *(f"https://x.example/{n}-{each}.fits" for each in range(50))) for n in range(41)]
    found = manifest(NAMED, many, total=60)
    assert len(found["files"]) == MAX_FILES
    assert found["left_out"] == {"records": 19, "files": 50}


def test_a_list_of_long_addresses_is_one_that_a_hub_still_reads() -> None:
    pad, title = "x" * 1_900, "t" * 480
    long = [
        dataset(f"{n}{title}", *(f"https://x.example/{pad}{each}/{n}.fits" for each in range(50))) for n in range(40)
    ]
    found = manifest(NAMED, long)
    assert 500 < len(found["files"]) < 2_000
    assert found["left_out"]["files"] == 2_000 - len(found["files"])
    assert len(json.dumps(found)) < MAX_BYTES + 100_000
    # What a hub that is installed beside us reads at most.
    shipped_hub = (Path(__file__).parents[2] / "deploy" / "jupyterhub" / "discovery_hub.py").read_text(encoding="utf-8")
    assert "MAX_NOTEBOOK: Final = 8 << 20" in shipped_hub
    assert 2 * MAX_BYTES <= 8 << 20
