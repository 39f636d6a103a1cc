"""Packed stores: what the folder gives they give, and what an archive claims is not believed."""

from __future__ import annotations

import io
import struct
import time
import warnings
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import zarr
from zarr.abc.store import ByteRequest, OffsetByteRequest, RangeByteRequest, SuffixByteRequest
from zarr.storage import LocalStore, ZipStore

from discovery.arrays import apart, facts, stores
from discovery.arrays.apart import Question
from discovery.arrays.archive import Archive
from discovery.arrays.arrays import here
from discovery.arrays.reach import Reach
from discovery.arrays.stores import Budget, FolderStore
from discovery.errors import SourceUnavailableError
from discovery.http import Policy
from tests.arrays.given import Served, look_here, looked

pytestmark = pytest.mark.slow

Serve = Callable[[Path], Served]
PARTS = [
    (None, b"0123456789"),
    (RangeByteRequest(2, 5), b"234"),
    (RangeByteRequest(8, 99), b"89"),
    (RangeByteRequest(20, 99), b""),
    (OffsetByteRequest(7), b"789"),
    (SuffixByteRequest(3), b"789"),
]


def files_of(folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield path.relative_to(folder).as_posix(), path.read_bytes()


def packed(folder: Path, path: Path, method: int = zipfile.ZIP_STORED, top: str = "", comment: bytes = b"") -> Path:
    """Pack a store as people do with a program that knows nothing of Zarr."""
    with zipfile.ZipFile(path, "w", method) as out:
        for name, data in files_of(folder):
            out.writestr(f"{top}{name}", data)
        out.comment = comment
    return path


def by_zarr(folder: Path, path: Path) -> Path:
    """Pack a store by zarr-python itself: each array and group is copied by the library."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        before = zarr.open_group(LocalStore(folder), mode="r")
        with ZipStore(path, mode="w") as store:
            after = zarr.create_group(store, attributes=dict(before.attrs))
            for name, each in before.arrays():
                made = after.create_array(
                    name,
                    shape=each.shape,
                    chunks=each.chunks,
                    shards=each.shards,
                    dtype=each.dtype,
                    fill_value=each.fill_value,
                    attributes=dict(each.attrs),
                    dimension_names=each.metadata.dimension_names,  # type: ignore[union-attr]  # version 3 has them
                )
                made[...] = each[...]
    return path


@pytest.mark.parametrize("name", ["v3.zarr", "sharded.zarr"])
def test_what_zarr_packs_is_read_as_the_folder_is(cubes: Path, tmp_path: Path, serve: Serve, name: str) -> None:
    path, whole = by_zarr(cubes / name, tmp_path / "x.zarr.zip"), look_here(cubes / name)
    served = serve(tmp_path)
    url = f"{served.url}/x.zarr.zip"
    for found in (look_here(path), looked(Reach(url, url=url), policy=served.policy)):
        assert found is not None
        assert (found.state, found.picture_state) == (facts.READ, facts.READ), found
        assert found.picture == whole.picture
        assert found.structure is not None
        assert whole.structure is not None
        assert {each.path for each in found.structure.variables} == {each.path for each in whole.structure.variables}
    assert len(served.ranges) == len(served.asked) < 60


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("name", ["v2.zarr", "v3.zarr", "sharded.zarr"])
def test_what_others_pack_is_read_as_the_folder_is(cubes: Path, tmp_path: Path, name: str, method: int) -> None:
    found = look_here(packed(cubes / name, tmp_path / "x.zip", method, f"{name}/", b"a comment " * 100))
    whole = look_here(cubes / name)
    assert found.structure == whole.structure
    assert found.picture == whole.picture


def test_a_long_directory_is_fetched_and_only_the_entries_that_are_drawn(
    cubes: Path, tmp_path: Path, serve: Serve
) -> None:
    path = packed(cubes / "v3.zarr", tmp_path / "x.zarr.zip")
    with zipfile.ZipFile(path, "a") as out:
        for number in range(3000):
            out.writestr(f"other/{number:06d}", bytes(1000))
    served = serve(tmp_path)
    url = f"{served.url}/x.zarr.zip"
    found = looked(Reach(url, url=url), policy=served.policy)
    assert found is not None
    assert found.picture == look_here(cubes / "v3.zarr").picture
    assert found.fetched < 600_000 < path.stat().st_size
    again = looked(Reach(url, url=url), policy=served.policy, known=found.fingerprint)
    assert again is None


def test_a_server_that_sends_the_whole_file_is_asked_once(cubes: Path, tmp_path: Path, serve: Serve) -> None:
    path = packed(cubes / "v3.zarr", tmp_path / "x.zarr.zip")
    served = serve(tmp_path)
    served.parts = False
    url = f"{served.url}/x.zarr.zip"
    found = looked(Reach(url, url=url), policy=served.policy)
    assert found is not None
    assert (found.picture_state, len(served.asked), found.fetched) == (facts.READ, 1, path.stat().st_size)


def test_a_changed_archive_has_another_fingerprint(cubes: Path, tmp_path: Path) -> None:
    path = packed(cubes / "v3.zarr", tmp_path / "x.zip")
    before = look_here(path).fingerprint
    assert look_here(path).fingerprint == before
    packed(cubes / "sharded.zarr", path)
    assert look_here(path).fingerprint != before


def test_large_archives_have_larger_numbers(cubes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 100)
    monkeypatch.setattr(zipfile, "ZIP_FILECOUNT_LIMIT", 10)
    path = packed(cubes / "v3.zarr", tmp_path / "x.zip")
    monkeypatch.undo()
    assert b"PK\x06\x06" in path.read_bytes()
    assert look_here(path).picture == look_here(cubes / "v3.zarr").picture


def opened(tmp_path: Path, budget: Budget | None = None) -> Archive:
    budget = budget or Budget()
    return Archive(FolderStore(str(tmp_path), "", budget), "x.zip", budget)


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize(("part", "held"), PARTS)
def test_an_archive_gives_the_part_that_is_asked_for(
    tmp_path: Path, method: int, part: ByteRequest | None, held: bytes
) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w", method) as out:
        out.writestr("a/b/c0", b"0123456789")
        out.writestr("d", b"")
    found = opened(tmp_path)
    assert found.read("a/b/c0", part) == held
    assert found.read("d", part) == b""
    assert found.read("a/b", part) is None
    assert (found.names(""), found.names("a/b"), found.names("none")) == (("a", "d"), ("c0",), ())


def test_an_archive_that_is_not_there_is_missing(tmp_path: Path, serve: Serve) -> None:
    (tmp_path / "other").touch()
    assert look_here(tmp_path / "x.zip").state == facts.MISSING
    url = f"{serve(tmp_path).url}/x.zip"
    found = looked(Reach(url, url=url), policy=Policy().with_hosts(url.split("/")[2]))
    assert found is not None
    assert found.state == facts.MISSING


# Hostile ones.


def test_an_archive_with_ten_million_entries_costs_the_end_of_it(tmp_path: Path) -> None:
    # A file with a hole: its directory would have half a gigabyte.
    size = 46 * 10_000_000
    with (tmp_path / "x.zip").open("wb") as out:
        out.write(b"PK\x03\x04")
        out.truncate(1000 + size)
        out.seek(0, io.SEEK_END)
        out.write(struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, 10_000_000, 10_000_000, size, 1000))
        out.write(struct.pack("<4sLQL", b"PK\x06\x07", 0, 1000 + size, 1))
        out.write(struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0))
    found = look_here(tmp_path / "x.zip")
    assert found.state == facts.TOO_LARGE
    assert "10,000,000 entries" in found.detail
    assert found.fetched < 100_000


def test_a_directory_of_more_entries_than_it_says_is_bounded_by_its_bytes(tmp_path: Path) -> None:
    began = time.monotonic()
    directory = struct.pack("<4s4B4HL2L5H2L", b"PK\x01\x02", 20, 0, 20, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0)
    entries = (directory + b"a") * 300_000
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 1, 1, len(entries), 0, 0)
    (tmp_path / "x.zip").write_bytes(entries + end)
    question = Question((here(str(tmp_path / "x.zip")),), Policy())
    found, _ = apart.look(question)
    assert found is not None
    assert found.state in (facts.BROKEN, facts.MISSING, facts.TOO_LARGE, facts.SLOW)
    assert time.monotonic() - began < 20


def test_what_grows_without_end_is_cut_at_what_the_directory_says(tmp_path: Path) -> None:
    data = bytes(64 << 20)
    with zipfile.ZipFile(tmp_path / "x.zip", "w", zipfile.ZIP_DEFLATED) as out:
        out.writestr("small", b"0123456789" * 100)
        out.writestr("zarr.json", data)
    whole = bytearray((tmp_path / "x.zip").read_bytes())
    with pytest.raises(SourceUnavailableError, match="67,108,864 bytes") as told:
        opened(tmp_path).read("zarr.json", None)
    assert told.value.detail == stores.TOO_LARGE
    # The same with a directory that says it is small.
    at = whole.rfind(b"PK\x01\x02")
    whole[at + 24 : at + 28] = struct.pack("<L", 1000)
    (tmp_path / "x.zip").write_bytes(whole)
    with pytest.raises(ValueError, match=r"zarr\.json is not what the directory says"):
        opened(tmp_path).read("zarr.json", None)


def spoilt(tmp_path: Path, change: Callable[[bytearray, int], None], method: int = zipfile.ZIP_DEFLATED) -> Archive:
    """Return an archive whose directory was changed, given all of it and where its first entry is."""
    with zipfile.ZipFile(tmp_path / "x.zip", "w", method) as out:
        out.writestr("a", b"0123456789" * 10)
        out.writestr("b", b"0123456789" * 10)
    whole = bytearray((tmp_path / "x.zip").read_bytes())
    change(whole, whole.find(b"PK\x01\x02"))
    (tmp_path / "x.zip").write_bytes(whole)
    return opened(tmp_path)


def put(offset: int, kind: str, value: int) -> Callable[[bytearray, int], None]:
    def change(whole: bytearray, at: int) -> None:
        struct.pack_into(kind, whole, at + offset, value)

    return change


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (put(8, "<H", 1), "encrypted"),
        (put(10, "<H", 14), "packed in a way"),
        (put(16, "<L", 7), "not what the directory says"),
        (put(20, "<L", 3), "not what the directory says|damaged"),
        (put(24, "<L", 99), "not what the directory says"),
        (put(42, "<L", 5), "not where the directory says"),
    ],
    ids=["encrypted", "method", "checksum", "packed-size", "size", "place"],
)
def test_entries_that_are_not_what_the_directory_says_are_damaged(
    tmp_path: Path, change: Callable[[bytearray, int], None], why: str
) -> None:
    found = spoilt(tmp_path, change)
    with pytest.raises(ValueError, match=why):
        found.read("a", None)
    assert found.read("b", None) == b"0123456789" * 10


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"PK\x03\x04",
        b"<!doctype html>" * 100,
        b"PK\x05\x06" + bytes(18),
        b"PK\x05\x06" + struct.pack("<4H2LH", 0, 0, 1, 1, 2**32 - 1, 0, 0),
        b"PK\x05\x06" + struct.pack("<4H2LH", 0, 0, 1, 1, 0, 2**32 - 1, 0),
        bytes(76) + struct.pack("<4sLQL", b"PK\x06\x07", 0, 0, 1) + b"PK\x05\x06" + bytes(18),
    ],
    ids=["empty", "cut", "page", "nothing", "too-long", "elsewhere", "no-large-end"],
)
def test_what_is_no_archive_is_said_to_be_none(tmp_path: Path, body: bytes) -> None:
    (tmp_path / "x.zip").write_bytes(body)
    assert look_here(tmp_path / "x.zip").state in (facts.BROKEN, facts.MISSING)


def test_names_lead_nowhere_but_into_the_archive(cubes: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"secret")
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as out:
        out.writestr("../secret", b"inside")
        out.writestr("/etc/passwd", b"inside")
    found = opened(tmp_path)
    assert found.read("../secret", None) in (b"inside", None)
    assert found.read("secret", None) is None


def test_a_server_that_does_not_say_how_large_it_is_is_told_of(
    cubes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packed(cubes / "v3.zarr", tmp_path / "x.zip")
    monkeypatch.setattr(FolderStore, "piece", lambda *_: stores.Piece(b"PK\x03\x04", -1))
    with pytest.raises(ValueError, match="does not say how large"):
        opened(tmp_path)


@pytest.mark.long
@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_damage_anywhere_in_an_archive_is_said_and_never_raised(cubes: Path, tmp_path: Path, method: int) -> None:
    import random

    whole = packed(cubes / "v3.zarr", tmp_path / "whole.zip", method).read_bytes()
    chance = random.Random(method)
    states = set()
    for _ in range(500):
        damaged = bytearray(whole)
        for _ in range(chance.choice((1, 4, 64))):
            near = chance.random() < 0.7
            damaged[chance.randrange(len(damaged) - 30_000 if near else 0, len(damaged))] = chance.randrange(256)
        (tmp_path / "x.zip").write_bytes(damaged[: chance.choice((len(damaged), chance.randrange(len(damaged))))])
        found = look_here(tmp_path / "x.zip")
        states |= {found.state, found.picture_state}
    assert {facts.READ, facts.BROKEN} <= states
