from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from discovery.arrays import apart, facts, picture, reach, stores
from discovery.arrays.apart import Question, look
from discovery.arrays.arrays import here
from discovery.arrays.facts import Look
from discovery.arrays.reach import Reach, policy_to_dict
from discovery.errors import NotFoundError, SourceRefusedError, SourceUnavailableError
from discovery.http import Policy
from tests.arrays.given import Served, cube, look_here, looked

pytestmark = pytest.mark.slow

Serve = Callable[[Path], Served]
PATIENCE = 100.0
"""Seconds for what does not test how long a look may take."""


def over_web(served: Served, name: str, variable: str = "", known: str = "") -> Look:
    url = f"{served.url}/{name}"
    found = looked(Reach(url, url=url), policy=served.policy, variable=variable, known=known)
    assert found is not None
    return found


@pytest.mark.parametrize("name", ["v2.zarr", "v3.zarr", "sharded.zarr"])
def test_the_web_gives_what_the_folder_does(cubes: Path, serve: Serve, name: str) -> None:
    served = serve(cubes)
    there, near = over_web(served, name), look_here(cubes / name)
    assert there.structure == near.structure
    assert there.picture == near.picture
    assert 0 < there.fetched < 200_000
    assert there.requests == len(served.asked) < 60


def test_of_a_shard_only_the_index_and_a_chunk_are_fetched(
    cubes: Path, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(picture, "MAX_CHUNKS", 3)
    served = serve(cubes)
    found = over_web(served, "sharded.zarr")
    assert found.picture is not None
    assert found.picture.part.startswith("the chunk in the middle, 60 x 120 of 240 x 480 cells")
    index, chunk = served.ranges
    assert index == "bytes=-260"
    assert chunk.startswith("bytes=")


def test_a_group_that_cannot_be_listed_says_so(cubes: Path, serve: Serve) -> None:
    found = over_web(serve(cubes), "plain.zarr")
    assert (found.state, found.structure) == (facts.UNLISTED, None)


def test_an_array_of_a_group_that_cannot_be_listed_is_read(cubes: Path, serve: Serve) -> None:
    found = over_web(serve(cubes), "plain.zarr/temperature")
    assert found.state == facts.READ
    assert found.picture is not None
    assert found.picture.variable == ""


def test_what_is_as_it_was_is_not_read_again(cubes: Path, serve: Serve) -> None:
    served = serve(cubes)
    before = over_web(served, "v3.zarr")
    asked = len(served.asked)
    url = f"{served.url}/v3.zarr"
    again = looked(Reach(url, url=url), policy=served.policy, known=before.fingerprint)
    assert again is None
    assert len(served.asked) - asked < 8
    assert (
        over_web(served, "v3.zarr", known="other")
        == before.__class__.unpacked(before.packed() | {"seconds": over_web(served, "v3.zarr").seconds})
        or before.fingerprint
    )


@pytest.mark.parametrize(
    ("status", "state"),
    [
        (403, facts.REFUSED),
        (401, facts.REFUSED),
        (404, facts.MISSING),
        (500, facts.UNREACHABLE),
        (429, facts.UNREACHABLE),
    ],
)
def test_a_server_that_does_not_give_it_is_named_for_it(cubes: Path, serve: Serve, status: int, state: str) -> None:
    served = serve(cubes)
    served.status = {"": status}
    assert over_web(served, "v3.zarr").state == state


@pytest.mark.parametrize(
    "body",
    [
        b"<!doctype html><html>login</html>",
        b"{",
        b"[]",
        b"7",
        b"\xff\xfe",
        b"{}",
        b'{"zarr_format": 3, "node_type": "array"}',
        b'{"zarr_format": 9, "node_type": "group"}',
        b'{"zarr_format": 3, "node_type": "group", "consolidated_metadata": 7}',
        b'{"zarr_format": 3, "node_type": "group", "attributes": [], "consolidated_metadata": {"metadata": {"a": {}}}}',
        b"[" * 100_000,
    ],
    ids=["page", "cut", "list", "number", "bytes", "empty", "no-shape", "newer", "odd", "odder", "deep"],
)
def test_broken_metadata_are_said_to_be_broken(cubes: Path, serve: Serve, body: bytes) -> None:
    served = serve(cubes)
    served.bodies = {"/zarr.json": body}
    found = over_web(served, "v3.zarr")
    assert found.state in (facts.BROKEN, facts.MISSING, facts.UNLISTED), found
    assert found.picture is None


def test_metadata_of_endless_length_are_not_read(cubes: Path, serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stores, "MAX_METADATA", 1000)
    served = serve(cubes)
    served.bodies = {"/zarr.json": b" " * 5000}
    assert over_web(served, "v3.zarr").state == facts.TOO_LARGE


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:9/x.zarr",
        "http://localhost/x.zarr",
        "http://169.254.169.254/latest/meta-data",
        "http://[::1]/x.zarr",
        "http://10.0.0.1/x.zarr",
        "http://2130706433/x.zarr",
        "https://a.example:8080/x.zarr",
        "ftp://a.example/x.zarr",
        "file:///etc/x.zarr",
        "http://user:pw@a.example/x.zarr",
    ],
)
def test_addresses_that_a_portal_may_not_ask_are_not_asked(url: str) -> None:
    found = looked(Reach(url, url=url))
    assert found is not None
    assert (found.state, found.fetched) == (facts.NOT_ASKED, 0)


def test_a_server_that_leads_to_a_private_address_is_not_followed(cubes: Path, serve: Serve) -> None:
    inner, outer = serve(cubes), serve(cubes)
    outer.redirect = f"{inner.url}/v3.zarr/zarr.json"
    assert over_web(outer, "v3.zarr").state == facts.NOT_ASKED
    assert inner.asked == []


def test_a_volume_that_is_not_mounted_leaves_the_turn_to_the_next_place(cubes: Path, serve: Serve) -> None:
    served = serve(cubes)
    url = f"{served.url}/v2.zarr"
    gone = Reach("/media/data/none/v2.zarr", root="/media/data/none", tail="v2.zarr")
    found = looked(gone, Reach(url, url=url), policy=served.policy)
    assert found is not None
    assert (found.state, found.address) == (facts.READ, url)
    alone = looked(gone)
    assert alone is not None
    assert (alone.state, alone.address) == (facts.UNREACHABLE, gone.address)


def test_a_link_that_leads_out_of_the_volume_is_not_followed(cubes: Path, tmp_path: Path) -> None:
    (tmp_path / "volume" / "own").mkdir(parents=True)
    (tmp_path / "volume" / "x.zarr").symlink_to(cubes / "v3.zarr")
    found = looked(Reach("/v/x.zarr", root=str(tmp_path / "volume"), tail="x.zarr"))
    assert found is not None
    assert (found.state, found.fetched) == (facts.NOT_ASKED, 0)


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (SourceRefusedError("x", detail="address"), facts.NOT_ASKED),
        (SourceRefusedError("x", detail="status", answer_status=418), facts.REFUSED),
        (SourceUnavailableError("x", detail="timeout"), facts.SLOW),
        (SourceUnavailableError("x", detail="connect"), facts.UNREACHABLE),
        (SourceUnavailableError("x", detail="ratio"), facts.TOO_LARGE),
        (SourceUnavailableError("x", detail="unsafe"), facts.UNSAFE),
        (NotFoundError("x"), facts.MISSING),
        (MemoryError(), facts.TOO_LARGE),
        (TimeoutError(), facts.SLOW),
        (ValueError("x"), facts.BROKEN),
    ],
)
def test_every_error_stands_for_a_state(error: Exception, state: str) -> None:
    assert apart.told(error)[0] == state


def test_a_look_in_a_process_of_its_own_is_the_same(cubes: Path, serve: Serve) -> None:
    served = serve(cubes)
    url = f"{served.url}/v3.zarr"
    found, left = look(Question((Reach(url, url=url),), served.policy), seconds=PATIENCE)
    assert left is None
    assert found is not None
    assert (found.structure, found.picture) == (
        look_here(cubes / "v3.zarr").structure,
        over_web(served, "v3.zarr").picture,
    )
    again, _ = look(Question((Reach(url, url=url),), served.policy, known=found.fingerprint), seconds=PATIENCE)
    assert again is None


def test_a_server_that_never_answers_costs_no_more_than_the_time_of_a_look(cubes: Path, serve: Serve) -> None:
    served = serve(cubes)
    served.slow = "/zarr.json"
    url = f"{served.url}/v3.zarr"
    began = time.monotonic()
    found, _ = look(Question((Reach(url, url=url),), served.policy), seconds=3)
    # The reader itself would have waited for longer.
    assert time.monotonic() - began < reach.PATIENCE
    assert found is not None
    assert (found.state, found.address) == (facts.SLOW, url)


def test_the_structure_is_told_where_the_picture_takes_too_long(cubes: Path, serve: Serve) -> None:
    served = serve(cubes)
    url = f"{served.url}/v3.zarr"
    question = Question((Reach(url, url=url),), served.policy)
    began = time.monotonic()
    assert look(question, seconds=PATIENCE)[0] is not None
    # A reader needs seconds to come up, and more of them on a machine that is busy with other things.
    took = time.monotonic() - began
    served.slow = "/c/5/0/0"
    found, _ = look(question, seconds=2 + 3 * took)
    assert found is not None
    assert (found.state, found.picture_state) == (facts.READ, facts.SLOW)
    assert found.structure is not None
    assert len(found.structure.variables) == 4


def test_chunks_that_grow_without_end_cost_no_more_than_the_memory_of_a_look(tmp_path: Path) -> None:
    import gzip
    import json

    root = tmp_path / "x.zarr"
    root.mkdir()
    about = {"zarr_format": 2, "shape": [64, 64], "chunks": [64, 64], "dtype": "|u1", "fill_value": 0, "order": "C"}
    about |= {"filters": None, "compressor": {"id": "gzip", "level": 1}}
    (root / ".zarray").write_text(json.dumps(about))
    (root / "0.0").write_bytes(gzip.compress(bytes(64 << 20), 1) * 32)
    assert (root / "0.0").stat().st_size < 16 << 20
    found, _ = look(Question((here(str(root)),), Policy()), seconds=PATIENCE)
    assert found is not None
    assert found.state == facts.READ
    assert found.picture_state in (facts.TOO_LARGE, facts.BROKEN)


def test_a_reader_that_is_killed_is_told_of(cubes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", str(cubes / "reader"))
    (cubes / "reader").write_text("#!/bin/sh\nkill -9 $$\n")
    (cubes / "reader").chmod(0o755)
    found, left = look(Question((here(str(cubes / "v3.zarr")),), Policy()))
    assert found is not None
    assert left is None
    assert (found.state, found.detail) == (facts.BROKEN, "its reader ended with signal 9.")


def test_the_reader_is_told_no_secret_of_the_environment(cubes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISCOVERY_OPERATOR_TOKEN", "secret")
    monkeypatch.setattr(sys, "executable", str(cubes / "env"))
    (cubes / "env").write_text(f"#!/bin/sh\nenv > {cubes / 'seen'}\n")
    (cubes / "env").chmod(0o755)
    look(Question((here(str(cubes / "v3.zarr")),), Policy()))
    assert "secret" not in (cubes / "seen").read_text()
    assert os.environ["DISCOVERY_OPERATOR_TOKEN"] == "secret"


def test_without_the_packages_a_look_says_which_is_missing(cubes: Path) -> None:
    code = (
        "import sys; sys.modules['zarr'] = None; from discovery.arrays import apart;"
        "apart.work(iter([sys.stdin.buffer.read()]), sys.stdout.buffer.write)"
    )
    asked = {"reaches": [here(str(cubes)).to_dict()], "policy": policy_to_dict(Policy()), "variable": "", "known": ""}
    done = subprocess.run([sys.executable, "-c", code], input=orjson.dumps(asked), capture_output=True, check=True)
    found = Look.unpacked(orjson.loads(done.stdout))
    assert (found.state, found.detail) == (facts.NO_READER, "it needs the package zarr.")


def test_a_store_without_arrays_is_read(tmp_path: Path) -> None:
    import zarr

    zarr.open_group(tmp_path / "x.zarr", mode="w", zarr_format=3).create_group("a")
    found = look_here(tmp_path / "x.zarr")
    assert (found.state, found.picture_state) == (facts.READ, facts.NONE)


def test_a_folder_without_a_store_is_none(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "readme").touch()
    assert look_here(tmp_path / "x").state == facts.MISSING


def test_a_cube_written_anew_has_another_fingerprint(tmp_path: Path) -> None:
    path = cube(tmp_path / "x.zarr")
    before = look_here(path).fingerprint
    assert look_here(path).fingerprint == before
    about = path / "zarr.json"
    about.write_text(about.read_text().replace("surface temperature", "skin temperature"))
    assert look_here(path).fingerprint != before


@pytest.mark.long
@pytest.mark.parametrize("name", ["v2.zarr", "v3.zarr", "sharded.zarr"])
def test_damage_anywhere_is_said_and_never_raised(cubes: Path, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    shutil.copytree(cubes / name, path)
    files = sorted(each for each in path.rglob("*") if each.is_file())
    metadata = [each for each in files if each.name in (".zarray", ".zattrs", ".zmetadata", ".zgroup", "zarr.json")]
    chance = random.Random(name)
    states = set()
    for _ in range(500):
        file = chance.choice(metadata if chance.random() < 0.7 else files)
        whole = file.read_bytes()
        damaged = bytearray(whole)
        for _ in range(chance.choice((1, 4, 64))):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        file.write_bytes(damaged[: chance.choice((len(damaged), chance.randrange(len(damaged))))])
        found = look_here(path)
        states |= {found.state, found.picture_state}
        assert orjson.loads(orjson.dumps(found.to_dict()))
        file.write_bytes(whole)
    assert {facts.READ, facts.BROKEN} <= states
