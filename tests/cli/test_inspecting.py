from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.arrays.given import cube, serving

pytestmark = pytest.mark.slow

Run = Callable[..., tuple[int, str]]


def test_a_folder_is_told_of_and_drawn(run: Run, tmp_path: Path) -> None:
    path = cube(tmp_path / "x.zarr")
    status, out = run("inspect", str(path), "--picture", str(tmp_path / "x.png"))
    assert status == 0
    assert "Zarr 3, 2,309,800 bytes" in out
    assert "Quicklook of temperature (surface temperature): all 240 x 480 cells" in out
    assert (tmp_path / "x.png").read_bytes().startswith(b"\x89PNG")


def test_an_address_is_asked_by_whoever_is_at_the_machine(run: Run, tmp_path: Path) -> None:
    cube(tmp_path / "x.zarr")
    with serving(tmp_path) as served:
        status, out = run("inspect", f"{served.url}/x.zarr", "--variable", "temperature", "--json")
    told = json.loads(out)
    assert (status, told["state"], told["quicklook"]["variable"]) == (0, "read", "temperature")


def test_the_data_of_a_record_are_told_of(run: Run, tmp_path: Path) -> None:
    cube(tmp_path / "x.zarr")
    with serving(tmp_path) as served:
        assets = {"cube": {"href": f"{served.url}/x.zarr", "type": "application/vnd+zarr", "roles": ["data"]}}
        given = {"type": "Feature", "stac_version": "1.0.0", "id": "one", "collection": "c", "links": []}
        given |= {"properties": {"datetime": "2020-01-01T00:00:00Z"}, "assets": assets}
        (tmp_path / "items.ndjson").write_text(json.dumps(given) + "\n")
        url = (tmp_path / "items.ndjson").as_uri()

        def harvested(*more: str) -> str:
            assert run("source", "add", "cubes", "--kind", "stac-items", "--url", url, *more)[0] == 0
            assert run("harvest", "cubes")[0] == 0
            found = json.loads(run("search", "one", "--scope", "observations", "--json")[1])
            return str(found["records"][0]["id"])

        id = harvested()
        # The source is a file: nobody has named the host of its data.
        status, out = run("inspect", id, "--asset", "cube", "--json")
        assert (status, json.loads(out)["state"]) == (3, "not-asked")
        assert served.asked == []
        assert run("source", "remove", "cubes")[0] == 0
        status, out = run("inspect", harvested("--set", f"allow_hosts={served.url.partition('//')[2]}"), "--json")
        assert (status, json.loads(out)["state"]) == (0, "read")


def test_what_is_not_there_ends_with_a_status_of_its_own(run: Run, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "x").touch()
    status, out = run("inspect", str(tmp_path / "empty"), "--json")
    assert (status, json.loads(out)["state"]) == (3, "missing")
    assert run("inspect", str(tmp_path / "empty"))[0] == 3
    assert run("inspect", "0000000000000000")[0] == 2
    assert run("inspect", str(cube(tmp_path / "x.zarr")), "--asset", "x")[0] == 2
