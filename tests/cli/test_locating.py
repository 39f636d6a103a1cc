from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow

Run = Callable[..., tuple[int, str]]
ROOT = Path(__file__).parents[2]


@pytest.fixture
def harvested(run: Run, tmp_path: Path) -> str:
    """Return the id of a record with one file that is mounted, and one whose address had been signed."""
    assets = {
        "data": {"href": "s3://eodata/Sentinel-2/a.jp2", "roles": ["data"]},
        "signed": {"href": "https://x.example/b.tif?X-Amz-Signature=canary", "roles": ["data"]},
    }
    given: dict[str, Any] = {"type": "Feature", "stac_version": "1.0.0", "collection": "scenes", "links": []}
    one = given | {"id": "one", "properties": {"datetime": "2020-01-01T00:00:00Z"}, "assets": assets}
    two = one | {"id": "two", "assets": {"signed": assets["signed"]}}
    path = tmp_path / "items.ndjson"
    path.write_text("".join(json.dumps(each) + "\n" for each in (one, two)))
    assert run("source", "add", "scenes", "--kind", "stac-items", "--url", path.as_uri())[0] == 0
    assert run("harvest", "scenes")[0] == 0
    found = json.loads(run("search", "one", "--scope", "observations", "--json")[1])
    return str(found["records"][0]["id"])


def test_the_files_of_a_record_are_told_with_every_place(run: Run, harvested: str) -> None:
    told = json.loads(run("locate", harvested, "--json")[1])
    assert told["located"] is True
    (file,) = told["files"]
    assert [each["address"] for each in file["places"]] == [
        "/eodata/Sentinel-2/a.jp2",
        "s3://eodata/Sentinel-2/a.jp2",
    ]
    assert file["places"][1]["store"] == {
        "endpoint": "https://eodata.dataspace.copernicus.eu",
        "region": "default",
        "anonymous": False,
    }
    assert "/eodata/Sentinel-2/a.jp2" in run("locate", harvested)[1]
    by_source = json.loads(run("locate", "one", "--source", "scenes", "--container", "scenes", "--json")[1])
    assert by_source["id"] == harvested


def test_a_check_looks_where_the_volume_is_mounted(
    run: Run, harvested: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = tmp_path / "eodata"
    (here / "Sentinel-2").mkdir(parents=True)
    monkeypatch.setenv("DISCOVERY_MOUNTS", f"/eodata={here}")
    states = lambda: [  # noqa: E731 - asked twice, and named by what it gives
        each["check"]["state"]
        for each in json.loads(run("locate", harvested, "--check", "--json")[1])["files"][0]["places"]
    ]
    assert states() == ["missing-file", "keys-needed"]
    (here / "Sentinel-2" / "a.jp2").write_bytes(b"12345")
    assert states() == ["there", "keys-needed"]
    told = json.loads(run("locate", harvested, "--check", "--json")[1])
    assert told["files"][0]["places"][0]["check"]["size"] == 5
    assert "keys-needed" in run("locate", harvested, "--check")[1]


def test_a_signed_address_is_a_reason_and_is_told_nowhere(run: Run, harvested: str) -> None:
    told = json.loads(run("locate", "two", "--source", "scenes", "--container", "scenes", "--json")[1])
    assert told["reason"]["code"] == "signed"
    assert told["files"] == []
    printed = run("locate", "two", "--source", "scenes", "--container", "scenes")[1]
    assert "signed: " in printed
    assert "canary" not in printed + json.dumps(told)


def test_an_address_is_located_without_a_record(run: Run, harvested: str) -> None:
    told = json.loads(run("locate", "s3://eodata/a.jp2", "--json")[1])
    assert (told["located"], told["places"][0]["address"]) == (True, "/eodata/a.jp2")
    assert json.loads(run("locate", "/etc/passwd", "--json")[1])["places"] == []
    assert "no place" in run("locate", "/etc/passwd")[1]
    checked = json.loads(run("locate", "s3://eodata/a.jp2", "--check", "--json")[1])
    assert checked["places"][1]["check"]["state"] == "keys-needed"


def test_a_platform_that_no_volume_names_changes_nothing(run: Run, harvested: str) -> None:
    plain = run("locate", harvested, "--json")
    assert run("locate", harvested, "--platform", "mylab", "--json") == plain


def test_the_report_has_exactly_these_figures(run: Run, harvested: str) -> None:
    told = json.loads(run("locate", "--report", "--json")[1])
    assert list(told) == ["records", "located", "explained", "share", "by_source"]
    assert told["share"] == (told["located"] + told["explained"]) / told["records"] == 1.0
    assert told["by_source"]["scenes"]["reasons"]["signed"] == 1
    assert "signed 1" in " ".join(run("locate", "--report")[1].split())


@pytest.mark.parametrize("arguments", [(), ("--report", "x"), ("nothing",), ("file:///etc/passwd",), ("ivo://a/b",)])
def test_a_wrong_use_ends_with_its_status(arguments: tuple[str, ...], run: Run, harvested: str) -> None:
    assert run("locate", *arguments) == (2, "")


def test_mounts_that_are_none_are_a_mistake_of_the_operator(
    run: Run, harvested: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DISCOVERY_MOUNTS", "eodata=/here")
    assert run("locate", harvested, "--check")[0] == 2
