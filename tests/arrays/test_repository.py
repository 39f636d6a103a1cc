"""Repositories of Icechunk, written by its own library: what they hold, and where what they name may lie."""

from __future__ import annotations

import http.client
import json
import random
import shutil
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import icechunk
import numpy as np
import pytest
import zarr

from discovery.arrays import apart, facts, repository, stores
from discovery.arrays.apart import Question
from discovery.arrays.arrays import here
from discovery.arrays.facts import Look
from discovery.arrays.reach import Reach
from discovery.arrays.repository import RepositoryStore
from discovery.arrays.stores import Budget, FolderStore
from discovery.errors import SourceRefusedError
from discovery.http import Client, Policy
from tests.arrays.given import Served, look_here, looked, put

pytestmark = pytest.mark.slow

Serve = Callable[[Path], Served]


def kept(cubes: Path, folder: Path) -> Path:
    """Write the cube into a repository."""
    made = icechunk.Repository.create(icechunk.local_filesystem_storage(str(folder)))
    session = made.writable_session("main")
    before, after = zarr.open_group(cubes / "v3.zarr", mode="r"), zarr.create_group(session.store)
    for name, each in before.arrays():
        dims = each.metadata.dimension_names
        put(after, name, each[...], dims, each.fill_value, chunks=each.chunks, attrs=dict(each.attrs))
    session.commit("ten days")
    return folder


@pytest.fixture(scope="module")
def repo(cubes: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return kept(cubes, tmp_path_factory.mktemp("repositories") / "cube")


def over_web(served: Served, name: str, known: str = "") -> Look | None:
    url = f"{served.url}/{name}"
    return looked(Reach(url, url=url), policy=served.policy, known=known)


def test_a_repository_gives_what_the_store_does(cubes: Path, repo: Path, serve: Serve) -> None:
    whole = look_here(cubes / "v3.zarr")
    for found in (look_here(repo), over_web(serve(repo.parent), "cube/")):
        assert found is not None
        assert (found.state, found.picture_state) == (facts.READ, facts.READ), found
        assert found.picture == whole.picture
        assert found.structure is not None
        assert whole.structure is not None
        assert found.structure.variables == whole.structure.variables
        assert 0 < found.fetched < 300_000


def test_a_look_in_a_process_of_its_own_is_the_same(repo: Path) -> None:
    found, _ = apart.look(Question((here(str(repo)),), Policy()))
    assert found is not None
    assert found.picture == look_here(repo).picture


def test_a_new_snapshot_has_another_fingerprint(cubes: Path, tmp_path: Path, serve: Serve) -> None:
    path = kept(cubes, tmp_path / "cube")
    served = serve(tmp_path)
    before = over_web(served, "cube")
    assert before is not None
    assert over_web(served, "cube", before.fingerprint) is None
    session = icechunk.Repository.open(icechunk.local_filesystem_storage(str(path))).writable_session("main")
    zarr.open_group(session.store)["temperature"].attrs["units"] = "C"
    session.commit("other units")
    after = over_web(served, "cube", before.fingerprint)
    assert after is not None
    assert after.structure is not None
    assert "C" in [each.units for each in after.structure.variables]


def virtual(folder: Path, places: dict[str, str], containers: dict[str, Any]) -> Path:
    """Write a repository whose arrays are pieces of other files."""
    config = icechunk.RepositoryConfig.default()
    for prefix, place in containers.items():
        config.set_virtual_chunk_container(icechunk.VirtualChunkContainer(prefix, place))
    made = icechunk.Repository.create(icechunk.local_filesystem_storage(str(folder)), config)
    made.save_config()
    session = made.writable_session("main")
    group = zarr.group(store=session.store)
    for name, place in places.items():
        group.create_array(name, shape=(8, 8), chunks=(8, 8), dtype="f4", compressors=None)
        session.store.set_virtual_ref(f"{name}/c/0/0", place, offset=4, length=256, validate_container=False)
    session.commit("pieces")
    return folder


def test_pieces_in_buckets_are_asked_for_by_our_own_client(
    tmp_path: Path, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = np.arange(64, dtype="f4").reshape(8, 8)
    (tmp_path / "whole.bin").write_bytes(b"head" + values.tobytes())
    served = serve(tmp_path)
    asked = []

    def bucket_url(place: Any) -> str:
        asked.append(place.address)
        return f"{served.url}/whole.bin"

    monkeypatch.setattr(repository, "bucket_url", bucket_url)
    # What the repository says of the server of its buckets is not believed.
    elsewhere = icechunk.s3_store(region="eu-west-1", endpoint_url="http://10.0.0.1:9", allow_http=True, anonymous=True)
    path = virtual(tmp_path / "r", {"z": "s3://sentinel/a/whole.bin"}, {"s3://sentinel/a/": elsewhere})
    found = looked(here(str(path)), policy=served.policy)
    assert found is not None
    assert (found.state, found.picture_state) == (facts.READ, facts.READ), found
    assert found.picture is not None
    assert (found.picture.low, found.picture.high) != (0, 0)
    assert set(asked) == {"s3://sentinel/a/whole.bin"}
    assert served.ranges
    assert set(served.ranges) == {"bytes=4-259"}


@pytest.mark.parametrize(
    ("place", "prefix"),
    [
        ("file:///etc/passwd", "file:///etc/"),
        ("http://169.254.169.254/latest/meta-data", "http://169.254.169.254/"),
        ("http://127.0.0.1:1/x", "http://127.0.0.1:1/"),
        ("s3://sentinel/whole.bin", ""),
        ("s3://repository/refs/x", "s3://repository/"),
    ],
)
def test_pieces_that_lie_elsewhere_are_not_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str, prefix: str
) -> None:
    kinds = {"file": icechunk.local_filesystem_store("/etc"), "http": icechunk.http_store()}
    bucket = icechunk.s3_store(region="us-east-1", anonymous=True)
    containers = {prefix: kinds.get(prefix.partition(":")[0], bucket)} if prefix else {}
    path = virtual(tmp_path / "r", {"z": place}, containers)
    # A bucket is asked for on the web, and here at an address that nobody may ask.
    monkeypatch.setattr(repository, "bucket_url", lambda _: "http://10.0.0.1/x")
    found = look_here(path)
    assert (found.state, found.picture_state) == (facts.READ, facts.NOT_ASKED), found
    assert found.picture is None


def test_a_link_in_a_repository_does_not_lead_out_of_it(repo: Path, tmp_path: Path) -> None:
    (tmp_path / "volume").mkdir()
    shutil.copytree(repo, tmp_path / "volume" / "r")
    (tmp_path / "out").mkdir()
    for each in (tmp_path / "volume" / "r" / "chunks").iterdir():
        shutil.move(each, tmp_path / "out" / each.name)
        each.symlink_to(tmp_path / "out" / each.name)
    found = looked(Reach("x", root=str(tmp_path / "volume"), tail="r"))
    assert found is not None
    assert (found.state, found.picture_state) == (facts.READ, facts.NOT_ASKED), found


@pytest.mark.parametrize("part", ["refs/branch.main/ref.json", "snapshots", "manifests", "chunks", "config.yaml"])
@pytest.mark.parametrize(
    "body",
    [b"", b"{}", repository._MAGIC + bytes(100), random.Random(1).randbytes(3000)],
    ids=["empty", "object", "head", "noise"],
)
def test_damaged_repositories_are_said_to_be_damaged(repo: Path, tmp_path: Path, part: str, body: bytes) -> None:
    path = tmp_path / "r"
    shutil.copytree(repo, path)
    (path / "config.yaml").touch()
    at = path / part
    for each in at.iterdir() if at.is_dir() else (at,):
        each.write_bytes(body)
    found = look_here(path)
    assert found.state in (facts.READ, facts.BROKEN), found
    assert (found.state, found.picture_state) != (facts.READ, facts.READ) or part == "config.yaml"
    assert "\n" not in found.detail


def test_a_manifest_that_grows_without_end_costs_no_more_than_the_memory_of_a_look(repo: Path, tmp_path: Path) -> None:
    import zstandard

    path = tmp_path / "r"
    shutil.copytree(repo, path)
    bomb = zstandard.ZstdCompressor(level=1).compress(bytes(2 << 30))
    assert len(bomb) < 1 << 20
    for each in (path / "manifests").iterdir():
        head = each.read_bytes()[:39]
        each.write_bytes(head + bomb)
    found, _ = apart.look(Question((here(str(path)),), Policy()))
    assert found is not None
    assert found.picture_state in (facts.BROKEN, facts.TOO_LARGE, facts.SLOW), found


def test_a_repository_larger_than_a_look_may_read_is_said_to_be(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stores, "MAX_REQUESTS", 6)
    found = look_here(repo)
    assert facts.TOO_LARGE in (found.state, found.picture_state), found


def test_a_repository_of_a_later_version_is_said_to_be_one(tmp_path: Path) -> None:
    (tmp_path / "r").mkdir()
    (tmp_path / "r" / "repo").write_bytes(repository._MAGIC + bytes(100))
    found = look_here(tmp_path / "r")
    assert found.state == facts.BROKEN


def test_without_its_reader_it_says_what_to_install(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "icechunk", None)
    found = look_here(repo)
    assert found.state == facts.NO_READER
    assert "discovery-portal[icechunk]" in found.message


def test_nobody_else_on_this_machine_is_given_anything(repo: Path) -> None:
    budget = Budget()
    with Client(Policy()) as client, closing(RepositoryStore(FolderStore(str(repo), "", budget), client, budget)) as it:
        door = it._door
        host = door.url.partition("//")[2].partition("/")[0]
        answers = []
        for path in (
            "/",
            "/config.yaml",
            f"/{'0' * 32}/{door.bucket}/refs/branch.main/ref.json",
            f"/{door._token}/{door.bucket}/../secret",
            f"/{door._token}/{door.bucket}/refs/branch.main/ref.json",
        ):
            with closing(http.client.HTTPConnection(host, timeout=5)) as asking:
                asking.request("GET", path)
                got = asking.getresponse()
                answers.append(got.status)
                body = got.read()
        assert answers == [404, 404, 404, 404, 200]
        assert json.loads(body)["snapshot"]
    with pytest.raises(ConnectionRefusedError), closing(http.client.HTTPConnection(host, timeout=5)) as asking:
        asking.connect()


def test_what_our_client_refuses_is_what_is_told(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise SourceRefusedError("no", detail="address")

    budget = Budget()
    files = FolderStore(str(repo), "", budget)
    monkeypatch.setattr(files, "piece", refuse)
    with Client(Policy()) as client, pytest.raises(SourceRefusedError, match="no"):
        RepositoryStore(files, client, budget)
