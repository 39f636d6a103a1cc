"""A volume's document becomes a record and comes back from it."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from discovery.model import volume_document
from discovery.model.record import Record, record_id
from discovery.model.volume import Volume

FULL: dict[str, Any] = {
    "slug": "cdse-eodata",
    "name": "Copernicus Data Space",
    "provider": "ESA",
    "mount": "/eodata",
    "description": "Everything.\n\n*Much* of it.",
    "domain": "earth-observation",
    "missions": ["earth-observation/sentinel-2"],
    "instruments": ["MSI"],
    "size": 10**15,
    "access": "registered",
    "zones": ["eo-cloud"],
    "holds": [record_id("osc", "products", "x")],
    "mounts": {"jupyter": "{home}/data/{slug}", "slurm": "/scratch/{user}/eodata"},
    "https": ["https://eodata.example.org/files"],
    "s3": ["s3://eodata/"],
    "endpoint": "https://eodata.example.org",
    "region": "default",
    "anonymous": False,
    "read_only": True,
    "license": "CC-BY-4.0",
    "keywords": ["sentinel"],
    "link": "https://dataspace.example.org",
    "technical": "Zarr and SAFE.",
    "example": True,
}
LEAST: dict[str, Any] = {"slug": "x", "name": "X", "provider": "P", "mount": "/media/data/{slug}"}


def test_a_document_comes_back_from_its_record() -> None:
    values, problems = volume_document.check(FULL)
    assert problems == ()
    assert values == FULL
    record = volume_document.to_record(values, updated=5)
    assert volume_document.from_record(record) == FULL
    assert volume_document.from_record(Record.from_json(record.to_json())) == FULL
    assert (record.source, record.container, record.kind, record.metadata_updated) == ("portal", "volumes", "volume", 5)


def test_the_least_document_is_a_volume_that_is_only_read() -> None:
    values, problems = volume_document.check(LEAST)
    assert problems == ()
    record = volume_document.to_record(values)
    assert volume_document.from_record(record) == LEAST | {"access": "open", "read_only": True}
    volume = Volume.from_record(record)
    assert (volume.mount_path, volume.read_only, volume.size, volume.slug) == ("/media/data/x", True, None, "x")


def test_the_record_says_to_the_resolver_where_it_is() -> None:
    volume = Volume.from_record(volume_document.to_record(volume_document.check(FULL)[0]))
    assert volume.twins == ("https://eodata.example.org/files/", "s3://eodata/")
    assert volume.path_of("s3://eodata/a/b.zarr") == "/eodata/a/b.zarr"
    assert volume.path_of("s3://eodata/../etc/passwd") == ""
    assert (volume.zones, volume.datasets, volume.size) == (("eo-cloud",), tuple(FULL["holds"]), 10**15)
    assert dict(volume.mounts) == FULL["mounts"]


def test_clients_are_told_of_its_buckets() -> None:
    record = volume_document.to_record(volume_document.check(FULL)[0])
    (told,) = record.properties["storage"]
    assert orjson.loads(told) == {
        "bucket": "eodata",
        "endpoint": "https://eodata.example.org",
        "region": "default",
        "anonymous": False,
    }


def test_a_mount_that_hangs_on_who_asks_is_no_path_of_everybody() -> None:
    record = volume_document.to_record(LEAST | {"mount": "/data/{user}/x"})
    assert Volume.from_record(record).mount_path == ""
    assert volume_document.from_record(record)["mount"] == "/data/{user}/x"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"mount": "/etc/{slug}"}, "mount '/etc/{slug}' would hide what the machine needs"),
        ({"mount_path": "/media/data/y"}, "mount is said twice"),
        ({"mounts": {"hub": "../../etc"}}, "mounts.hub '../../etc' is no absolute path without .. in it"),
        ({"providr": "x"}, "providr is no name here; did you mean provider"),
        ({"https": ["https://u:p@h/x"]}, r"https\[1\] holds a password or key"),
        ({"endpoint": "https://h"}, "s3 is missing, and endpoint and anonymous are said of it"),
        ({"domain": "Space Science"}, "domain 'Space Science' is not one of"),
        ({"size": "much"}, "size 'much' is no size"),
        ({"slug": "../x"}, "slug '../x' is no short name"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(change: dict[str, Any], told: str) -> None:
    problems = [str(each) for each in volume_document.check(LEAST | change)[1]]
    assert any(each.startswith(told.replace("\\", "")) for each in problems), problems


def test_the_domain_follows_from_the_missions() -> None:
    assert volume_document.to_record(LEAST | {"missions": ["astronomy/hubble"]}).domain == "space-science"
